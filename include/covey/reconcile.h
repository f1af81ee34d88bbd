/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * reconcile: desired x observed -> what to do. Two pure functions.
 *
 * reconcile_cluster(): the leader's. From the committed state and who is reachable: which slots need an
 * instance, which instances must stop. The order of keeping, replacing and stopping is the essay at the top
 * of src/reconcile/cluster.c. reconcile_node(): every node's. From the instances that the log assigns to it
 * and the tasks that it has: what to start, stop, release and report.
 */
#ifndef COVEY_RECONCILE_H
#define COVEY_RECONCILE_H

#include <covey/base.h>
#include <covey/mark.h>
#include <covey/placement.h>
#include <covey/state.h>

/* What the leader believes of one node. */
struct reconcile_node_view {
    struct node_id id;
    bool alive;                  /* by SWIM: alive or suspect */
    bool unheard;                /* suspected, or no stream to it is open: nothing new is placed there */
    int64_t unheard_us;          /* unheard since then */
    int64_t last_good_us;        /* newest of: ack, report, start of this leader */
    /* when it was last seen to come back (or this leader started); see heal_stable_us */
    int64_t back_us;
};

struct reconcile_options {
    /* [3 s] a dead node's service instances are replaced this long after last_good */
    int64_t replace_after_us;
    int64_t replace_batch_after_us; /* [10 min] the same for batch: at least once, but patiently */
    /* [30 s] of a host in sight that has said nothing of a placement, or of whose streams none works, nobody
     * waits any longer than this, and twice the time above if that is more */
    int64_t answer_us;
    int64_t heal_stable_us;      /* [15 s] a node must be back for this long before surplus is stopped */
    /* [30 s] a failed service instance is placed anew after this, doubled per failure in a row of its slot,
     * at most 1 h */
    int64_t reschedule_us;
    uint32_t places_max;         /* [1000] in one plan */
    struct marks *marks;         /* NULL: none are kept */
};

/* When a failed instance was first seen failed by this leader; kept by the caller between calls. */
struct reconcile_memory;
struct reconcile_memory *reconcile_memory_new(void);
void reconcile_memory_free(struct reconcile_memory *m);

struct reconcile_reason {
    struct bytes job, group;     /* borrowed from the state */
    struct bytes text;           /* in the arena */
};

struct reconcile_plan {
    struct wire_cmd_plan plan;           /* everything in the arena; instance ids drawn from prng */
    struct reconcile_reason *reasons;    /* groups with slots that could not be placed */
    size_t reasons_count;
    /* when time alone may change the answer; TIME_NEVER_US if it cannot */
    int64_t next_us;
};

/*
 * nodes: sorted by id. The result is empty when there is nothing to do. Calling it again with the plan
 * applied gives an empty plan until something changes.
 */
void reconcile_cluster(const struct state *s, const struct reconcile_node_view *nodes, size_t nodes_count,
                       int64_t now_us, const struct reconcile_options *options,
                       struct reconcile_memory *memory, struct prng *prng, struct arena *arena,
                       struct reconcile_plan *ret);

/* ---- one node ---- */

/* A task of this node, as its shim tells or as the agent holds it. */
struct reconcile_task {
    struct bytes name;
    bool started;                /* asked for, or found: a directory exists */
    bool stop_asked;
    bool final;                  /* dead and told: nothing more will come */
    struct wire_task_fact fact;
};
struct reconcile_instance {
    struct instance_id id;
    bool refused;                /* this node cannot run it: reason */
    struct bytes reason;
    const struct reconcile_task *tasks;
    size_t tasks_count;
};

enum reconcile_action_kind {
    RECONCILE_START,     /* all tasks of the instance: it has none yet */
    RECONCILE_STOP,      /* all its tasks; if nothing is here of it: it is never to begin, that is all */
    RECONCILE_FORGET,    /* gone from the log and dead here: release and remove its directories */
};
struct reconcile_action {
    enum reconcile_action_kind kind;
    struct instance_id instance;
};

/*
 * instances: what this node has, sorted by id. An instance that the log does not know is kept running (fact,
 * not error), unless the log knew it and it is gone: known_gone says so (a stop whose tombstone was dropped).
 */
typedef bool reconcile_known_gone(void *arg, struct instance_id id);
size_t reconcile_node(const struct state *s, struct node_id self, const struct reconcile_instance *instances,
                      size_t instances_count, reconcile_known_gone *known_gone, void *arg,
                      struct arena *arena, struct reconcile_action **ret_actions);

/* The state of an instance that follows from its tasks: starting, running, complete, failed, stopped. */
enum instance_state reconcile_instance_state(enum job_type type, bool stop_asked,
                                             const struct wire_task_fact *tasks, size_t tasks_count,
                                             size_t tasks_expected);

#endif
