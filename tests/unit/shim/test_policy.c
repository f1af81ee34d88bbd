/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "rig.h"

#include <criterion/criterion.h>

/* ---- restart policy ------------------------------------------------------------------------------------ */

Test(shim_policy, a_service_restarts_after_the_delay_whatever_its_exit) {
    struct wire_shim_spec spec = rig_spec();
    struct rig r = rig_new(&spec);
    rig_run(&r);
    rig_exit(&r, 0);
    rig_expect(&r, "AS");
    cr_assert_eq(r.status.fact.state, TASK_STATE_BACKOFF);
    cr_assert_str_eq(r.reason, "exited with code 0; restart in 15s");
    cr_assert_eq(r.status.restart_at_ms, r.now_us / US_PER_MS + 15000);
    cr_assert_eq(shim_deadline(r.shim), r.now_us + 15 * US_PER_S);
    rig_advance(&r, 15 * US_PER_S - 1);
    rig_expect(&r, "");
    rig_advance(&r, 1);
    rig_expect(&r, "P");
    rig_spawned(&r);
    cr_assert_eq(r.status.fact.state, TASK_STATE_RUNNING);
    cr_assert_eq(r.status.fact.restarts, 1);
    cr_assert_eq(r.status.restart_at_ms, 0);
    cr_assert_str_eq(r.reason, "");
    rig_done(&r);
}

Test(shim_policy, mode_fail_gives_up_when_the_attempts_are_used_up) {
    struct wire_shim_spec spec = rig_spec();
    spec.restart.delay_ms = 1000;
    struct rig r = rig_new(&spec);
    rig_run(&r);
    for (int i = 0; i < 2; i++) {
        rig_exit(&r, 3);
        rig_advance(&r, US_PER_S);
        rig_spawned(&r);
    }
    rig_forget(&r);
    rig_exit(&r, 3);
    rig_expect(&r, "AS");
    cr_assert_eq(r.status.fact.state, TASK_STATE_DEAD);
    cr_assert(r.status.fact.failed);
    cr_assert_eq(r.status.fact.exit_code, 3);
    cr_assert_eq(r.status.fact.restarts, 2);
    cr_assert_eq(r.status.fact.pid, 0);
    cr_assert_str_eq(r.reason, "exited with code 3; 2 restarts within 1m used up");
    cr_assert_eq(shim_deadline(r.shim), TIME_NEVER_US);
    rig_done(&r);
}

Test(shim_policy, a_new_interval_counts_from_zero) {
    struct wire_shim_spec spec = rig_spec();
    spec.restart.delay_ms = 1000;
    struct rig r = rig_new(&spec);
    rig_run(&r);
    for (int i = 0; i < 20; i++) {
        rig_exit(&r, 1);
        cr_assert_eq(r.status.fact.state, TASK_STATE_BACKOFF, "restart %d", i);
        rig_advance(&r, US_PER_S);
        rig_spawned(&r);
        rig_advance(&r, 30 * US_PER_S);
    }
    cr_assert_eq(r.status.fact.restarts, 20);
    rig_done(&r);
}

Test(shim_policy, mode_delay_waits_for_the_end_of_the_interval) {
    struct wire_shim_spec spec = rig_spec();
    spec.restart.delay_ms = 1000;
    spec.restart.mode = RESTART_MODE_DELAY;
    struct rig r = rig_new(&spec);
    rig_run(&r);
    int64_t start_us = r.now_us;
    for (int i = 0; i < 2; i++) {
        rig_exit(&r, 1);
        rig_advance(&r, US_PER_S);
        rig_spawned(&r);
    }
    rig_exit(&r, 1);
    cr_assert_eq(r.status.fact.state, TASK_STATE_BACKOFF);
    cr_assert_eq(shim_deadline(r.shim), start_us + 60 * US_PER_S);
    cr_assert_str_eq(r.reason, "exited with code 1; 2 restarts within 1m used up; restart in 58s");
    rig_advance(&r, 58 * US_PER_S);
    rig_spawned(&r);
    /* That was the first of the next interval: one more, then it waits again. */
    rig_exit(&r, 1);
    cr_assert_eq(shim_deadline(r.shim), r.now_us + US_PER_S);
    rig_advance(&r, US_PER_S);
    rig_spawned(&r);
    rig_exit(&r, 1);
    cr_assert_eq(shim_deadline(r.shim), start_us + 120 * US_PER_S);
    rig_done(&r);
}

Test(shim_policy, no_attempts_means_none_in_either_mode) {
    for (int mode = RESTART_MODE_FAIL; mode <= RESTART_MODE_DELAY; mode++) {
        struct wire_shim_spec spec = rig_spec();
        spec.restart = (struct wire_restart_policy){.interval_ms = 60000, .mode = (enum restart_mode)mode};
        struct rig r = rig_new(&spec);
        rig_run(&r);
        rig_exit(&r, 7);
        cr_assert_eq(r.status.fact.state, TASK_STATE_DEAD);
        cr_assert(r.status.fact.failed);
        cr_assert_str_eq(r.reason, "exited with code 7; no restarts are allowed");
        rig_done(&r);
    }
}

Test(shim_policy, an_interval_of_zero_never_ends) {
    struct wire_shim_spec spec = rig_spec();
    spec.restart = (struct wire_restart_policy){.attempts = 1, .mode = RESTART_MODE_DELAY};
    struct rig r = rig_new(&spec);
    rig_run(&r);
    rig_exit(&r, 1);
    rig_advance(&r, 0);
    rig_spawned(&r);
    rig_advance(&r, 1000000 * US_PER_S);
    rig_exit(&r, 1);
    cr_assert_eq(r.status.fact.state, TASK_STATE_DEAD);
    cr_assert_str_eq(r.reason, "exited with code 1; 1 restart used up");
    rig_done(&r);
}

Test(shim_policy, the_largest_numbers_do_not_overflow) {
    struct wire_shim_spec spec = rig_spec();
    spec.restart = (struct wire_restart_policy){.attempts = UINT32_MAX,
                                                .interval_ms = UINT64_MAX,
                                                .delay_ms = UINT64_MAX,
                                                .mode = RESTART_MODE_DELAY};
    spec.kill_timeout_ms = UINT32_MAX;
    struct rig r = rig_new(&spec);
    rig_run(&r);
    rig_exit(&r, 1);
    cr_assert_gt(shim_deadline(r.shim), r.now_us);
    cr_assert_neq(shim_deadline(r.shim), TIME_NEVER_US);
    rig_advance(&r, INT64_C(200) * 365 * 86400 * US_PER_S);
    rig_spawned(&r);
    rig_command(&r, (struct wire_shim_command){.stop = true});
    cr_assert_eq(shim_deadline(r.shim), r.now_us + (int64_t)UINT32_MAX * US_PER_MS);
    rig_done(&r);
}

/* ---- batch --------------------------------------------------------------------------------------------- */

Test(shim_batch, exit_0_is_the_end_and_no_failure) {
    struct wire_shim_spec spec = rig_spec();
    spec.type = JOB_TYPE_BATCH;
    struct rig r = rig_new(&spec);
    rig_run(&r);
    rig_exit(&r, 0);
    rig_expect(&r, "AS");
    cr_assert_eq(r.status.fact.state, TASK_STATE_DEAD);
    cr_assert(!r.status.fact.failed);
    cr_assert_str_eq(r.reason, "");
    cr_assert_eq(r.status.fact.restarts, 0);
    rig_done(&r);
}

Test(shim_batch, another_exit_and_a_signal_are_restarted_by_policy) {
    struct wire_shim_spec spec = rig_spec();
    spec.type = JOB_TYPE_BATCH;
    spec.restart.attempts = 1;
    struct rig r = rig_new(&spec);
    rig_run(&r);
    rig_exit(&r, 9);
    cr_assert_eq(r.status.fact.state, TASK_STATE_BACKOFF);
    rig_advance(&r, 15 * US_PER_S);
    rig_spawned(&r);
    rig_feed(&r, (struct shim_input){.kind = SHIM_EXITED, .exit_code = 128 + 11, .exit_signal = 11});
    rig_event(&r, SHIM_EMPTY);
    cr_assert_eq(r.status.fact.state, TASK_STATE_DEAD);
    cr_assert(r.status.fact.failed);
    cr_assert_eq(r.status.fact.exit_signal, 11);
    cr_assert_eq(r.status.fact.exit_code, 139);
    cr_assert_str_eq(r.reason, "killed by signal 11; 1 restart within 1m used up");
    rig_done(&r);
}

/* ---- commands that cannot be executed ------------------------------------------------------------------ */

Test(shim_spawn, a_failed_start_counts_and_its_text_is_the_reason) {
    struct wire_shim_spec spec = rig_spec();
    spec.type = JOB_TYPE_BATCH;
    spec.restart.attempts = 1;
    struct rig r = rig_new(&spec);
    const char *text = "cannot execute /x/y: No such file or directory";
    rig_event(&r, SHIM_BEGIN);
    rig_feed(&r, (struct shim_input){.kind = SHIM_SPAWN_FAILED, .text = bytes_str(text)});
    rig_expect(&r, "PS");
    cr_assert_eq(r.status.fact.state, TASK_STATE_BACKOFF);
    cr_assert_str_eq(r.reason, "cannot execute /x/y: No such file or directory; restart in 15s");
    rig_advance(&r, 15 * US_PER_S);
    rig_feed(&r, (struct shim_input){.kind = SHIM_SPAWN_FAILED, .text = bytes_str(text)});
    cr_assert_eq(r.status.fact.state, TASK_STATE_DEAD);
    cr_assert(r.status.fact.failed);
    cr_assert_eq(r.status.fact.exit_code, SHIM_EXIT_CODE_NOT_RUN);
    cr_assert_str_eq(r.reason, "cannot execute /x/y: No such file or directory; 1 restart within 1m used up");
    rig_done(&r);
}

Test(shim_spawn, a_long_reason_is_cut_between_characters) {
    struct wire_shim_spec spec = rig_spec();
    spec.restart.attempts = 0;
    struct rig r = rig_new(&spec);
    char text[2000];
    for (size_t i = 0; i + 1 < sizeof text; i += 2)
        memcpy(text + i, "\xc3\xa9", 2);
    rig_event(&r, SHIM_BEGIN);
    rig_feed(&r, (struct shim_input){.kind = SHIM_SPAWN_FAILED, .text = bytes_of(text, 1999)});
    cr_assert_eq(codec_check(&wire_shim_status_type, &r.status, NULL), 0);
    cr_assert_geq(strlen(r.reason), WIRE_TEXT_MAX - 1);
    rig_done(&r);
}

Test(shim_spawn, a_stop_during_the_start_is_carried_out_after_it) {
    struct wire_shim_spec spec = rig_spec();
    struct rig r = rig_new(&spec);
    rig_event(&r, SHIM_BEGIN);
    rig_command(&r, (struct wire_shim_command){.stop = true});
    rig_forget(&r);
    rig_spawned(&r);
    rig_expect(&r, "KS");
    cr_assert_eq(r.status.fact.state, TASK_STATE_STOPPING);
    cr_assert_eq(r.status.fact.pid, 100);
    rig_exit(&r, 0);
    cr_assert_eq(r.status.fact.state, TASK_STATE_DEAD);
    cr_assert(!r.status.fact.failed);
    rig_done(&r);

    r = rig_new(&spec);
    rig_event(&r, SHIM_BEGIN);
    rig_command(&r, (struct wire_shim_command){.stop = true});
    rig_feed(&r, (struct shim_input){.kind = SHIM_SPAWN_FAILED, .text = bytes_str("no")});
    cr_assert_eq(r.status.fact.state, TASK_STATE_DEAD);
    cr_assert(!r.status.fact.failed);
    rig_done(&r);
}
