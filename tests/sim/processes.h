/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Every process that ever ran, and how it ended; and what the agents asked of the shims. Kept for the
 * checkers of tasks.
 */
#ifndef SIM_PROCESSES_H
#define SIM_PROCESSES_H

#include "checker.h"

/* One task of one instance, on the host that the log has placed it on. */
struct process {
    struct instance_id instance;
    struct bytes task, job, group; /* owned by the arena */
    uint32_t host;
    uint32_t slot;
    enum job_type type;
    struct wire_restart_policy restart;
    uint32_t pid; /* 0: it does not run */
    uint32_t spawns;
    int64_t started_us, ended_us;
    enum end_cause cause;   /* of the last end */
    bool stop_asked;        /* an agent has told its shim to end it */
    uint32_t stop_run;      /* that agent's run */
    int64_t start_asked_us; /* last NODE_TASK_START */
};
struct processes {
    VEC(struct process *) list;
    struct map by_key; /* instance id and task name -> struct process */
    struct arena arena;
};
extern const struct checker observe_processes;

struct processes *processes_of(struct world *w);
struct process *process_find(const struct processes *p, struct instance_id instance, struct bytes task);
/* Processes of this instance that run. */
size_t processes_live(const struct processes *p, struct instance_id instance);

#endif
