/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "rig.h"

#include <criterion/criterion.h>

enum phase { NEW, STARTING, RUNNING, BACKOFF, STOPPING, KILLING, CLEANING, DEAD, GONE, PHASES };
enum event {
    BEGIN,
    SPAWNED,
    FAILED,
    EXITED,
    EMPTY,
    STOP,
    RESTART,
    SIGNAL,
    RELEASE,
    ATTACHED,
    DEADLINE,
    EVENTS
};

/* The shortest way to each phase. */
static void reach(struct rig *r, enum phase phase) {
    if (phase == NEW)
        return;
    cr_assert_eq(rig_event(r, SHIM_BEGIN), 0);
    if (phase == STARTING)
        return;
    cr_assert_eq(rig_spawned(r), 0);
    if (phase == RUNNING)
        return;
    if (phase == BACKOFF) {
        cr_assert_eq(rig_exit(r, 1), 0);
        return;
    }
    if (phase == CLEANING) {
        cr_assert_eq(rig_feed(r, (struct shim_input){.kind = SHIM_EXITED, .exit_code = 1}), 0);
        return;
    }
    cr_assert_eq(rig_command(r, (struct wire_shim_command){.stop = true}), 0);
    if (phase == KILLING)
        rig_advance(r, 5 * US_PER_S);
    if (phase == STOPPING || phase == KILLING)
        return;
    cr_assert_eq(rig_exit(r, 0), 0);
    if (phase == GONE)
        cr_assert_eq(rig_command(r, (struct wire_shim_command){.release = true}), 0);
}

static int throw(struct rig * r, enum event event) {
    switch (event) {
    case BEGIN: return rig_event(r, SHIM_BEGIN);
    case SPAWNED: return rig_spawned(r);
    case FAILED: return rig_feed(r, (struct shim_input){.kind = SHIM_SPAWN_FAILED, .text = bytes_str("no")});
    case EXITED: return rig_feed(r, (struct shim_input){.kind = SHIM_EXITED, .exit_code = 3});
    case EMPTY: return rig_event(r, SHIM_EMPTY);
    case STOP: return rig_command(r, (struct wire_shim_command){.stop = true});
    case RESTART: return rig_command(r, (struct wire_shim_command){.restart = true});
    case SIGNAL: return rig_command(r, (struct wire_shim_command){.signal = 10});
    case RELEASE: return rig_command(r, (struct wire_shim_command){.release = true});
    case ATTACHED: return rig_event(r, SHIM_ATTACHED);
    case DEADLINE: rig_advance(r, 3600 * US_PER_S); return 0;
    case EVENTS: break;
    }
    return ERR_INVALID;
}

/*
 * For each pair "effects>state" (p pending, r running, b backoff, s stopping, d dead), or x where the event
 * is refused. A refused event changes nothing, which is looked at too.
 */
/* clang-format off */
static const char *const expected[PHASES][EVENTS] = {
    /*            BEGIN  SPAWNED FAILED EXITED EMPTY  STOP    RESTART SIGNAL RELEASE ATTACHED DEADLINE */
    [NEW] =      {"P>p", "x",    "x",   "x",   "x",   "S>d",  ">p",   ">p",  ">p",   "T>p",   ">p"},
    [STARTING] = {"x",   "S>r",  "S>b", "x",   "x",   "S>p",  ">p",   ">p",  ">p",   "T>p",   ">p"},
    [RUNNING] =  {"x",   "x",    "x",   "A>s", "x",   "KS>s", "KS>s", "K>r", ">r",   "T>r",   ">r"},
    [BACKOFF] =  {"x",   "x",    "x",   "x",   "x",   "S>d",  "P>p",  ">b",  ">b",   "T>b",   "P>p"},
    [STOPPING] = {"x",   "x",    "x",   "A>s", "x",   ">s",   ">s",   "K>s", ">s",   "T>s",   "A>s"},
    [KILLING] =  {"x",   "x",    "x",   "A>s", "x",   ">s",   ">s",   ">s",  ">s",   "T>s",   "AS>s"},
    [CLEANING] = {"x",   "x",    "x",   "x",   "S>b", "S>s",  ">s",   ">s",  ">s",   "T>s",   "AS>s"},
    [DEAD] =     {">d",  "x",    "x",   "x",   "x",   ">d",   ">d",   ">d",  "X>d",  "T>d",   ">d"},
    [GONE] =     {"x",   "x",    "x",   "x",   "x",   ">d",   ">d",   ">d",  ">d",   ">d",    ">d"},
};
/* clang-format on */

static void check(enum phase phase, enum event event) {
    struct wire_shim_spec spec = rig_spec();
    struct rig r = rig_new(&spec);
    reach(&r, phase);
    rig_forget(&r);
    enum task_state before = shim_state(r.shim);
    int64_t deadline_us = shim_deadline(r.shim);
    const char *wanted = expected[phase][event];
    int error = throw(&r, event);
    if (!strcmp(wanted, "x")) {
        cr_assert_eq(error, ERR_INVALID, "phase %d event %d was not refused", phase, event);
        cr_assert_eq(shim_state(r.shim), before);
        cr_assert_eq(shim_deadline(r.shim), deadline_us);
        rig_expect(&r, "");
    } else {
        char seen[sizeof r.effects + 3];
        cr_assert_eq(error, 0, "phase %d event %d was refused", phase, event);
        memcpy(seen, r.effects, sizeof r.effects);
        size_t size = strlen(seen);
        seen[size] = '>';
        seen[size + 1] = "prbsd"[shim_state(r.shim)];
        seen[size + 2] = 0;
        cr_assert_str_eq(seen, wanted, "phase %d event %d: %s and not %s", phase, event, seen, wanted);
    }
    rig_done(&r);
}

Test(shim_table, every_phase_answers_every_event_as_drawn) {
    for (enum phase phase = NEW; phase < PHASES; phase++)
        for (enum event event = BEGIN; event < EVENTS; event++)
            check(phase, event);
}

Test(shim_table, a_signal_that_does_not_exist_is_refused) {
    struct wire_shim_spec spec = rig_spec();
    struct rig r = rig_new(&spec);
    rig_run(&r);
    cr_assert_eq(rig_command(&r, (struct wire_shim_command){.signal = 65}), ERR_INVALID);
    cr_assert_eq(rig_command(&r, (struct wire_shim_command){.stop = true, .signal = UINT32_MAX}),
                 ERR_INVALID);
    rig_expect(&r, "");
    rig_done(&r);
}

/* Any order of events: no assert fails, statuses stay within their limits, and what is dead stays dead. */
Test(shim_table, random_events_never_break_it) {
    struct prng p;
    prng_init(&p, 7);
    for (int round = 0; round < 300; round++) {
        struct wire_shim_spec spec = rig_spec();
        spec.type = prng_chance(&p, 500000) ? JOB_TYPE_BATCH : JOB_TYPE_SERVICE;
        spec.restart.mode = prng_chance(&p, 500000) ? RESTART_MODE_DELAY : RESTART_MODE_FAIL;
        struct rig r = rig_new(&spec);
        bool dead = false;
        for (int i = 0; i < 200; i++) {
            throw(&r, (enum event)prng_below(&p, EVENTS));
            rig_forget(&r);
            cr_assert(!dead || shim_state(r.shim) == TASK_STATE_DEAD);
            dead = shim_state(r.shim) == TASK_STATE_DEAD;
        }
        rig_done(&r);
    }
}
