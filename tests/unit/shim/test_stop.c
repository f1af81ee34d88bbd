/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "rig.h"

#include <criterion/criterion.h>

Test(shim_stop, the_jobs_signal_then_sigkill_after_kill_timeout) {
    struct wire_shim_spec spec = rig_spec();
    struct rig r = rig_new(&spec);
    rig_run(&r);
    rig_command(&r, (struct wire_shim_command){.stop = true});
    rig_expect(&r, "KS");
    cr_assert_eq(r.signal, 2);
    cr_assert(r.status.stop_asked);
    cr_assert_eq(r.status.fact.state, TASK_STATE_STOPPING);
    rig_advance(&r, 5 * US_PER_S - 1);
    rig_expect(&r, "");
    rig_advance(&r, 1);
    rig_expect(&r, "A");
    rig_feed(&r, (struct shim_input){.kind = SHIM_EXITED, .exit_code = 137, .exit_signal = 9});
    rig_event(&r, SHIM_EMPTY);
    cr_assert_eq(r.status.fact.state, TASK_STATE_DEAD);
    cr_assert(!r.status.fact.failed, "a stop that was asked for is no failure");
    cr_assert_eq(r.status.fact.exit_signal, 9);
    cr_assert_str_eq(r.reason, "stopped; did not end within 5s and was killed");
    rig_done(&r);
}

Test(shim_stop, what_the_first_process_leaves_behind_dies_with_it) {
    struct wire_shim_spec spec = rig_spec();
    struct rig r = rig_new(&spec);
    rig_run(&r);
    rig_command(&r, (struct wire_shim_command){.stop = true});
    rig_forget(&r);
    rig_feed(&r, (struct shim_input){.kind = SHIM_EXITED});
    rig_expect(&r, "A");
    cr_assert_eq(shim_state(r.shim), TASK_STATE_STOPPING, "it is not dead while anything is left");
    rig_event(&r, SHIM_EMPTY);
    rig_expect(&r, "S");
    cr_assert_str_eq(r.reason, "stopped");
    rig_done(&r);
}

Test(shim_stop, sigkill_is_repeated_and_told_while_processes_are_left) {
    struct wire_shim_spec spec = rig_spec();
    struct rig r = rig_new(&spec);
    rig_run(&r);
    rig_feed(&r, (struct shim_input){.kind = SHIM_EXITED, .exit_code = 1});
    rig_expect(&r, "A");
    rig_advance(&r, SHIM_KILL_AGAIN_US);
    rig_expect(&r, "AS");
    cr_assert_str_eq(r.reason, "SIGKILL was sent, but processes of the task are left");
    for (int i = 0; i < 3; i++) {
        rig_advance(&r, SHIM_KILL_AGAIN_US);
        rig_expect(&r, "A");
    }
    rig_event(&r, SHIM_EMPTY);
    cr_assert_eq(r.status.fact.state, TASK_STATE_BACKOFF);
    cr_assert_str_eq(r.reason, "exited with code 1; restart in 15s");
    rig_done(&r);
}

Test(shim_stop, a_kill_timeout_of_zero_kills_at_once) {
    struct wire_shim_spec spec = rig_spec();
    spec.kill_timeout_ms = 0;
    struct rig r = rig_new(&spec);
    rig_run(&r);
    rig_command(&r, (struct wire_shim_command){.stop = true});
    rig_expect(&r, "AS");
    rig_exit(&r, 137);
    cr_assert_str_eq(r.reason, "stopped");
    rig_done(&r);
}

Test(shim_stop, without_a_signal_in_the_job_it_is_sigterm_and_the_commands_own_comes_first) {
    struct wire_shim_spec spec = rig_spec();
    spec.kill_signal = 0;
    struct rig r = rig_new(&spec);
    rig_run(&r);
    rig_command(&r, (struct wire_shim_command){.stop = true});
    cr_assert_eq(r.signal, SHIM_KILL_SIGNAL_DEFAULT);
    rig_done(&r);
    r = rig_new(&spec);
    rig_run(&r);
    rig_command(&r, (struct wire_shim_command){.stop = true, .signal = 3});
    cr_assert_eq(r.signal, 3);
    rig_done(&r);
}

Test(shim_stop, a_stop_between_runs_ends_it) {
    struct wire_shim_spec spec = rig_spec();
    struct rig r = rig_new(&spec);
    rig_run(&r);
    rig_exit(&r, 4);
    rig_forget(&r);
    rig_command(&r, (struct wire_shim_command){.stop = true});
    rig_expect(&r, "S");
    cr_assert_eq(r.status.fact.state, TASK_STATE_DEAD);
    cr_assert(!r.status.fact.failed);
    cr_assert_eq(r.status.fact.exit_code, 4, "the exit status is kept");
    cr_assert_str_eq(r.reason, "stopped while it waited to restart");
    cr_assert_eq(shim_deadline(r.shim), TIME_NEVER_US);
    rig_advance(&r, 3600 * US_PER_S);
    rig_expect(&r, "");
    rig_done(&r);
}

Test(shim_stop, a_stop_beats_a_restart_that_is_under_way) {
    struct wire_shim_spec spec = rig_spec();
    struct rig r = rig_new(&spec);
    rig_run(&r);
    rig_command(&r, (struct wire_shim_command){.restart = true});
    rig_forget(&r);
    rig_command(&r, (struct wire_shim_command){.stop = true});
    rig_expect(&r, "S");
    rig_exit(&r, 0);
    cr_assert_eq(r.status.fact.state, TASK_STATE_DEAD);
    rig_done(&r);
}

Test(shim_restart, a_commanded_restart_is_outside_the_policy) {
    struct wire_shim_spec spec = rig_spec();
    spec.restart.attempts = 1;
    struct rig r = rig_new(&spec);
    rig_run(&r);
    for (uint32_t i = 1; i <= 5; i++) {
        rig_command(&r, (struct wire_shim_command){.restart = true});
        rig_expect(&r, "KS");
        cr_assert(!r.status.stop_asked);
        rig_exit(&r, 0);
        rig_expect(&r, "AP");
        rig_spawned(&r);
        rig_expect(&r, "S");
        cr_assert_eq(r.status.fact.restarts, i);
    }
    rig_exit(&r, 1);
    cr_assert_eq(r.status.fact.state, TASK_STATE_BACKOFF, "the policy's own restart is still there");
    rig_done(&r);
}

Test(shim_restart, one_that_does_not_end_is_killed_and_started_again) {
    struct wire_shim_spec spec = rig_spec();
    struct rig r = rig_new(&spec);
    rig_run(&r);
    rig_command(&r, (struct wire_shim_command){.restart = true});
    rig_advance(&r, 5 * US_PER_S);
    rig_forget(&r);
    rig_exit(&r, 137);
    rig_expect(&r, "AP");
    rig_spawned(&r);
    rig_forget(&r);
    /* And nothing of it clings to the next run. */
    rig_exit(&r, 1);
    cr_assert_eq(r.status.fact.state, TASK_STATE_BACKOFF);
    rig_done(&r);
}

Test(shim_restart, in_backoff_it_starts_at_once) {
    struct wire_shim_spec spec = rig_spec();
    struct rig r = rig_new(&spec);
    rig_run(&r);
    rig_exit(&r, 1);
    rig_forget(&r);
    rig_command(&r, (struct wire_shim_command){.restart = true});
    rig_expect(&r, "P");
    rig_done(&r);
}

Test(shim_status, the_sequence_grows_with_each_save_and_only_then) {
    struct wire_shim_spec spec = rig_spec();
    struct rig r = rig_new(&spec);
    rig_run(&r);
    cr_assert_eq(r.status.sequence, 1);
    rig_event(&r, SHIM_ATTACHED);
    cr_assert_eq(r.status.sequence, 1);
    rig_command(&r, (struct wire_shim_command){.stop = true});
    cr_assert_eq(r.status.sequence, 2);
    rig_exit(&r, 0);
    cr_assert_eq(r.status.sequence, 3);
    cr_assert_eq(r.status.version, SHIM_PROTOCOL_VERSION);
    rig_done(&r);
}

Test(shim_status, it_says_what_runs_and_how_the_last_run_ended) {
    struct wire_shim_spec spec = rig_spec();
    struct rig r = rig_new(&spec);
    rig_run(&r);
    cr_assert(bytes_is(r.status.fact.name, "web"));
    cr_assert_eq(r.status.fact.pid, 100);
    cr_assert_eq(r.status.fact.started_ms, 5000000 + r.now_us / US_PER_MS);
    rig_exit(&r, 6);
    cr_assert_eq(r.status.fact.pid, 0);
    cr_assert_eq(r.status.fact.exit_code, 6);
    cr_assert_eq(r.status.fact.finished_ms, 5000000 + r.now_us / US_PER_MS);
    rig_done(&r);
}

Test(shim_release, only_the_dead_hear_it) {
    struct wire_shim_spec spec = rig_spec();
    struct rig r = rig_new(&spec);
    rig_run(&r);
    rig_command(&r, (struct wire_shim_command){.release = true});
    rig_expect(&r, "");
    cr_assert_eq(shim_state(r.shim), TASK_STATE_RUNNING);
    rig_command(&r, (struct wire_shim_command){.stop = true, .release = true});
    rig_expect(&r, "KS");
    rig_exit(&r, 0);
    rig_forget(&r);
    rig_command(&r, (struct wire_shim_command){.release = true});
    rig_expect(&r, "X");
    rig_done(&r);
}
