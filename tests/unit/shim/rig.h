/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* A shim core on a fake clock: what the tests feed, and what came out as text. */
#ifndef TEST_SHIM_RIG_H
#define TEST_SHIM_RIG_H

#include <covey/shim.h>

struct rig {
    struct shim *shim;
    int64_t now_us;
    char effects[256]; /* since the last take: P spawn, K kill, A kill all, S save, T tell, X exit */
    uint32_t signal;   /* of the last K */
    struct wire_shim_status status; /* of the last S or T; reason in `reason` */
    char reason[WIRE_TEXT_MAX + 1];
};

/* A service with 2 restarts a minute, 15 s apart, kill_timeout 5 s, kill_signal 2. */
struct wire_shim_spec rig_spec(void);
struct rig rig_new(const struct wire_shim_spec *spec);
void rig_done(struct rig *r);

int rig_feed(struct rig *r, struct shim_input input);
int rig_event(struct rig *r, enum shim_input_kind kind);
int rig_command(struct rig *r, struct wire_shim_command command);
int rig_exit(struct rig *r, int32_t code); /* EXITED and EMPTY */
int rig_spawned(struct rig *r);            /* with pid 100 */
/* The clock, and a tick. */
void rig_advance(struct rig *r, int64_t us);
/* Asserts that these came out since the last call. */
void rig_expect(struct rig *r, const char *effects);
/* Drops them. */
void rig_forget(struct rig *r);
/* BEGIN and SPAWNED. */
void rig_run(struct rig *r);

#endif
