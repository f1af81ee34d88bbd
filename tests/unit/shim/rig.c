/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "rig.h"

#include <criterion/criterion.h>

struct wire_shim_spec rig_spec(void) {
    return (struct wire_shim_spec){
        .instance = {{1}},
        .node = {{2}},
        .task = bytes_str("web"),
        .command = bytes_str("/bin/web"),
        .type = JOB_TYPE_SERVICE,
        .restart = {.attempts = 2, .interval_ms = 60000, .delay_ms = 15000, .mode = RESTART_MODE_FAIL},
        .kill_timeout_ms = 5000,
        .kill_signal = 2,
    };
}

struct rig rig_new(const struct wire_shim_spec *spec) {
    return (struct rig){.shim = shim_new(spec), .now_us = 1000 * US_PER_S};
}

void rig_done(struct rig *r) { shim_free(r->shim); }

static void drain(struct rig *r) {
    struct shim_effect e;
    while (shim_drain(r->shim, &e)) {
        size_t size = strlen(r->effects);
        cr_assert(size + 1 < sizeof r->effects);
        r->effects[size] = "PKASTX"[e.kind];
        r->effects[size + 1] = 0;
        if (e.kind == SHIM_KILL)
            r->signal = e.signal;
        if (e.kind != SHIM_SAVE && e.kind != SHIM_TELL)
            continue;
        r->status = e.status;
        cr_assert(e.status.fact.reason.size <= WIRE_TEXT_MAX);
        if (e.status.fact.reason.size > 0)
            memcpy(r->reason, e.status.fact.reason.data, e.status.fact.reason.size);
        r->reason[e.status.fact.reason.size] = 0;
    }
}

int rig_feed(struct rig *r, struct shim_input input) {
    input.wall_ms = 5000000 + r->now_us / US_PER_MS;
    int error = shim_feed(r->shim, r->now_us, &input);
    drain(r);
    return error;
}

int rig_event(struct rig *r, enum shim_input_kind kind) {
    return rig_feed(r, (struct shim_input){.kind = kind});
}

int rig_command(struct rig *r, struct wire_shim_command command) {
    return rig_feed(r, (struct shim_input){.kind = SHIM_COMMAND, .command = &command});
}

int rig_spawned(struct rig *r) { return rig_feed(r, (struct shim_input){.kind = SHIM_SPAWNED, .pid = 100}); }

int rig_exit(struct rig *r, int32_t code) {
    int error = rig_feed(r, (struct shim_input){.kind = SHIM_EXITED, .exit_code = code});
    return error ? error : rig_event(r, SHIM_EMPTY);
}

void rig_advance(struct rig *r, int64_t us) {
    r->now_us += us;
    cr_assert_eq(rig_event(r, SHIM_TICK), 0);
}

void rig_expect(struct rig *r, const char *effects) {
    cr_assert_str_eq(r->effects, effects);
    rig_forget(r);
}

void rig_forget(struct rig *r) { r->effects[0] = 0; }

void rig_run(struct rig *r) {
    cr_assert_eq(rig_event(r, SHIM_BEGIN), 0);
    cr_assert_eq(rig_spawned(r), 0);
    rig_expect(r, "PS");
}
