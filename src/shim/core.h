/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* The inside of a shim, shared by its table (shim.c) and its restart policy (policy.c). */
#ifndef COVEY_SHIM_CORE_H
#define COVEY_SHIM_CORE_H

#include <covey/shim.h>

enum shim_phase {
    PHASE_NEW,
    PHASE_STARTING,
    PHASE_RUNNING,
    PHASE_BACKOFF,
    PHASE_STOPPING,
    PHASE_KILLING,
    PHASE_CLEANING,
    PHASE_DEAD,
    PHASE_GONE,
};
#define PHASES_COUNT 9

/* How the task's last run ended. */
struct shim_end {
    bool spawned; /* false: the command could not be executed, `reason` says why */
    int32_t exit_code;
    uint32_t exit_signal;
};

struct shim {
    struct arena arena; /* of spec */
    struct wire_shim_spec spec;
    enum shim_phase phase;
    bool stop_asked;
    bool restart_asked; /* by command, for when the present run has ended */
    bool forced;        /* kill_timeout passed in this run */
    bool stuck;         /* processes were left a while after SIGKILL: told once a run */
    int64_t deadline_us;
    int64_t restart_at_us; /* in PHASE_BACKOFF */
    struct shim_end end;
    struct wire_task_fact fact; /* without its strings and its state */
    struct buf reason;          /* at most WIRE_TEXT_MAX bytes */
    uint64_t sequence;

    bool window_open;         /* the restart policy's interval has begun ... */
    int64_t window_start_us;  /* ... here ... */
    uint32_t window_restarts; /* ... with so many restarts in it */

    struct marks *marks; /* may be NULL */
    VEC(struct shim_effect) effects;
    size_t effects_drained;
};

/* Replaces s->reason, cut to its limit at a character's border. */
void shim_reason_set(struct shim *s, struct bytes text);
/* Appends how the last run ended: "exited with code 3", "killed by signal 9", or why there was none. */
void shim_end_describe(const struct shim *s, struct buf *out);
bool shim_end_success(const struct shim *s);
/*
 * Asks the restart policy, and counts the restart that it grants. ret_at_us: when. Sets the reason either
 * way.
 */
bool shim_policy_restart(struct shim *s, int64_t now_us, int64_t *ret_at_us);

#endif
