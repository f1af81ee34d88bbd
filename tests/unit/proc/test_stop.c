/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Ending a task for certain. */

#include "rig.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(proc_stop, .timeout = 120, .fini = rig_fini);

/* A grandchild in a session of its own, with no parent but pid 1, that no signal but SIGKILL ends. */
#define DAEMON "(setsid sh -c 'trap \"\" TERM HUP INT; sleep 7654321' sh \"$1\" &) ; "

static void run(struct rig *r, const struct wire_shim_spec *spec) {
    rig_start(r, spec);
    RIG_WAIT_STATE(r, 1, TASK_STATE_RUNNING);
}

Test(proc_stop, it_may_end_in_its_own_way) {
    static struct rig r;
    rig_init(&r);
    struct wire_shim_spec spec =
        rig_spec(&r, 1, "trap 'echo bye; exit 5' USR2; echo up; while :; do sleep 0.02; done");
    spec.kill_signal = SIGUSR2;
    run(&r, &spec);
    RIG_WAIT(&r, *rig_file(&r, 1, "stdout.0"));
    rig_stop(&r, 1);
    RIG_WAIT_STATE(&r, 1, TASK_STATE_DEAD);
    struct seen *s = rig_seen(&r, 1);
    cr_assert_eq(s->exit_code, 5);
    cr_assert(!s->failed);
    cr_assert(s->stop_asked);
    cr_assert_str_eq(rig_file(&r, 1, "stdout.0"), "up\nbye\n");
    rig_done(&r);
}

Test(proc_stop, one_that_ignores_the_signal_is_killed_after_kill_timeout) {
    static struct rig r;
    rig_init(&r);
    struct wire_shim_spec spec = rig_spec(&r, 1, "trap '' TERM; echo up; while :; do sleep 0.02; done");
    spec.kill_timeout_ms = 300;
    run(&r, &spec);
    RIG_WAIT(&r, *rig_file(&r, 1, "stdout.0"));
    int64_t start_ms = rig_now_ms();
    rig_stop(&r, 1);
    RIG_WAIT_STATE(&r, 1, TASK_STATE_DEAD);
    cr_assert_geq(rig_now_ms() - start_ms, 290);
    struct seen *s = rig_seen(&r, 1);
    cr_assert_eq(s->exit_signal, SIGKILL);
    cr_assert(!s->failed);
    cr_assert_str_eq(s->reason, "stopped; did not end within 300ms and was killed");
    rig_done(&r);
}

Test(proc_stop, daemons_of_the_task_die_with_it) {
    static struct rig r;
    rig_init(&r);
    struct wire_shim_spec spec = rig_spec(&r, 1, DAEMON "echo up; exec sleep 1000");
    run(&r, &spec);
    RIG_WAIT(&r, *rig_file(&r, 1, "stdout.0"));
    cr_assert_geq(rig_processes("7654321"), 1);
    rig_stop(&r, 1);
    RIG_WAIT_STATE(&r, 1, TASK_STATE_DEAD);
    /* Not "soon": when the end is told, nothing is left but the shim. */
    cr_assert_eq(rig_processes(r.root), 1);
    rig_done(&r);
}

Test(proc_stop, daemons_die_with_an_exit_of_the_tasks_own_too) {
    static struct rig r;
    rig_init(&r);
    struct wire_shim_spec spec = rig_spec(&r, 1, DAEMON "exit 0");
    rig_start(&r, &spec);
    RIG_WAIT_STATE(&r, 1, TASK_STATE_DEAD);
    cr_assert(!rig_seen(&r, 1)->failed);
    cr_assert_eq(rig_processes(r.root), 1);
    rig_done(&r);
}

Test(proc_stop, a_killed_shim_takes_everything_along_and_is_told_as_lost) {
    static struct rig r;
    rig_init(&r);
    if (!proc_features(r.proc)->pid_namespace)
        cr_skip_test("this host makes no pid namespaces");
    struct wire_shim_spec spec = rig_spec(&r, 1, DAEMON "echo up; exec sleep 1000");
    run(&r, &spec);
    RIG_WAIT(&r, *rig_file(&r, 1, "stdout.0"));
    kill((pid_t)rig_seen(&r, 1)->shim_pid, SIGKILL);
    RIG_WAIT(&r, rig_seen(&r, 1)->lost);
    cr_assert_eq(rig_processes(r.root), 0);
    cr_assert_eq(
        proc_command(r.proc, rig_instance(1), bytes_str("t"), &(struct wire_shim_command){.stop = true}),
        ERR_NOT_FOUND);
    /* It may be started anew where it was. */
    spec = rig_spec(&r, 1, "echo again");
    rig_start(&r, &spec);
    RIG_WAIT_STATE(&r, 1, TASK_STATE_DEAD);
    cr_assert(!rig_seen(&r, 1)->refused);
    cr_assert_str_eq(rig_file(&r, 1, "stdout.0"), "up\nagain\n");
    rig_done(&r);
}

Test(proc_stop, a_restart_is_another_process_of_the_same_shim) {
    static struct rig r;
    rig_init(&r);
    struct wire_shim_spec spec = rig_spec(&r, 1, "exec sleep 1000");
    run(&r, &spec);
    uint32_t pid = rig_seen(&r, 1)->pid, shim_pid = rig_seen(&r, 1)->shim_pid;
    cr_assert(rig_process_lives((pid_t)pid), "the pid that is told is the host's");
    rig_command(&r, 1, (struct wire_shim_command){.restart = true});
    RIG_WAIT(&r, rig_seen(&r, 1)->restarts == 1 && rig_seen(&r, 1)->state == TASK_STATE_RUNNING);
    cr_assert_neq(rig_seen(&r, 1)->pid, pid);
    cr_assert_eq(rig_seen(&r, 1)->shim_pid, shim_pid);
    rig_stop(&r, 1);
    RIG_WAIT_STATE(&r, 1, TASK_STATE_DEAD);
    rig_done(&r);
}

Test(proc_stop, a_signal_is_passed_on_and_ends_nothing) {
    static struct rig r;
    rig_init(&r);
    struct wire_shim_spec spec =
        rig_spec(&r, 1, "trap 'echo got it' HUP; echo up; while :; do sleep 0.02; done");
    run(&r, &spec);
    RIG_WAIT(&r, *rig_file(&r, 1, "stdout.0"));
    rig_command(&r, 1, (struct wire_shim_command){.signal = SIGHUP});
    RIG_WAIT(&r, !strcmp(rig_file(&r, 1, "stdout.0"), "up\ngot it\n"));
    cr_assert_eq(rig_seen(&r, 1)->state, TASK_STATE_RUNNING);
    rig_stop(&r, 1);
    RIG_WAIT_STATE(&r, 1, TASK_STATE_DEAD);
    rig_done(&r);
}

Test(proc_stop, a_stop_in_backoff_ends_it) {
    static struct rig r;
    rig_init(&r);
    struct wire_shim_spec spec = rig_spec(&r, 1, "exit 3");
    spec.restart = (struct wire_restart_policy){.attempts = 9, .interval_ms = 3600000, .delay_ms = 3600000};
    rig_start(&r, &spec);
    RIG_WAIT_STATE(&r, 1, TASK_STATE_BACKOFF);
    rig_stop(&r, 1);
    RIG_WAIT_STATE(&r, 1, TASK_STATE_DEAD);
    cr_assert_eq(rig_seen(&r, 1)->exit_code, 3);
    cr_assert(!rig_seen(&r, 1)->failed);
    rig_done(&r);
}

Test(proc_stop, the_task_cannot_end_its_shim) {
    static struct rig r;
    rig_init(&r);
    if (!proc_features(r.proc)->pid_namespace)
        cr_skip_test("this host makes no pid namespaces");
    struct wire_shim_spec spec =
        rig_spec(&r, 1, "kill -TERM 1; kill -KILL 1; kill -INT 1; kill -STOP 1; exit 4");
    rig_start(&r, &spec);
    RIG_WAIT_STATE(&r, 1, TASK_STATE_DEAD);
    cr_assert_eq(rig_seen(&r, 1)->exit_code, 4);
    rig_done(&r);
}

/* As when the host goes down: everything ends, but no end of the task is recorded. */
Test(proc_stop, sigterm_from_outside_ends_the_task_as_lost) {
    static struct rig r;
    rig_init(&r);
    struct wire_shim_spec spec =
        rig_spec(&r, 1, "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.02; done");
    run(&r, &spec);
    RIG_WAIT(&r, *rig_file(&r, 1, "stdout.0"));
    kill((pid_t)rig_seen(&r, 1)->shim_pid, SIGTERM);
    RIG_WAIT(&r, rig_seen(&r, 1)->lost);
    cr_assert_str_eq(rig_file(&r, 1, "stdout.0"), "up\nbye\n");
    rig_done(&r);
}

/* ---- without privileges -------------------------------------------------------------------------------- */

static int rootless(void) {
    static struct rig r;
    rig_init(&r);
    if (proc_features(r.proc)->pid_namespace)
        return 10;
    struct wire_shim_spec spec = rig_spec(&r, 1, DAEMON "echo up; exec sleep 1000");
    run(&r, &spec);
    RIG_WAIT(&r, *rig_file(&r, 1, "stdout.0"));
    if (rig_processes("7654321") == 0)
        return 11;
    rig_detach(&r);
    rig_attach(&r);
    RIG_WAIT_STATE(&r, 1, TASK_STATE_RUNNING);
    rig_stop(&r, 1);
    RIG_WAIT_STATE(&r, 1, TASK_STATE_DEAD);
    if (rig_processes(r.root) != 1)
        return 12;
    proc_release(r.proc, rig_instance(1), bytes_str("t"), false);
    RIG_WAIT(&r, !rig_exists(rig_path(&r, 1, "..")));
    rig_done(&r);
    return 0;
}

/* No pid namespace: the shim is the subreaper of what the task leaves behind. */
Test(proc_stop, without_privileges_daemons_die_with_their_task_as_well) {
    int status = 0;
    if (!rig_is_root())
        cr_skip_test("the other tests ran without privileges");
    pid_t pid = fork();
    if (pid == 0) {
        if (setgid(65534) || setuid(65534))
            _exit(13);
        rig_stay_dumpable();
        _exit(rootless());
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", (unsigned)status);
}
