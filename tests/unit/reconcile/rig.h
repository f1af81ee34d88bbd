/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * A leader that plans, a log that takes every plan at once, and hosts that do what it says when they are told
 * to. Every plan is judged before it is applied: each stop has a cause that is permitted, each placement
 * holds its preconditions, and the plan after it, with nothing else changed, is empty.
 */
#ifndef TESTS_UNIT_RECONCILE_RIG_H
#define TESTS_UNIT_RECONCILE_RIG_H

#include <covey/reconcile.h>

#include "../state/world.h"

#define RIG_NODES_MAX 64

struct rig {
    struct world w;
    struct reconcile_node_view views[RIG_NODES_MAX];
    size_t nodes_count;
    int64_t now_us;
    struct reconcile_options options;
    struct reconcile_memory *memory;
    struct prng prng;
    struct arena arena;         /* of the last plan */
    struct reconcile_plan plan; /* the last one */
    unsigned places, stops;     /* applied so far */
    bool stuck[RIG_NODES_MAX];  /* this host carries nothing out */
};

struct rig rig_new(unsigned nodes_count);
void rig_done(struct rig *r);

/* One plan, judged and applied. True when it did something. */
bool rig_plan(struct rig *r);
/* Plans at the present time until there is nothing to do; false: there was nothing. */
bool rig_settle(struct rig *r);
/* Every host in sight starts what was placed on it, stops what is to stop. True when something changed. */
bool rig_obey(struct rig *r);
/* Settle and obey until nothing changes. */
void rig_run(struct rig *r);
void rig_sleep(struct rig *r, int64_t us);
/* Time goes on until until_us, with a run at every moment that a plan asked for. */
void rig_until(struct rig *r, int64_t until_us);

/* What the leader sees of a host, and its status in the log as the leader would write it. */
void rig_lose(struct rig *r, unsigned node);
void rig_return(struct rig *r, unsigned node);
/* The leader has just heard of every host that is in sight. */
void rig_hear(struct rig *r);

/* The newest instance of a slot that is live and wanted; NULL when there is none. */
const struct wire_instance_record *rig_holder(struct rig *r, const char *job, uint32_t slot);
unsigned rig_node_of(struct rig *r, const char *job, uint32_t slot);
/* How many instances of a job are live and wanted; how many of them run on hosts in sight. */
unsigned rig_wanted(struct rig *r, const char *job);
unsigned rig_running(struct rig *r, const char *job);
void rig_tell_holder(struct rig *r, const char *job, uint32_t slot, enum instance_state state);

#endif
