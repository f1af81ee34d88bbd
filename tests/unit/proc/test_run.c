/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Starting a task, what it gets, and how its end is told. */

#include "rig.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(proc_run, .timeout = 120, .fini = rig_fini);

/* Runs to the end. */
static struct seen *run(struct rig *r, const struct wire_shim_spec *spec) {
    rig_start(r, spec);
    RIG_WAIT_STATE(r, 1, TASK_STATE_DEAD);
    return rig_seen(r, 1);
}

Test(proc_run, true_completes_and_its_release_removes_everything) {
    static struct rig r;
    rig_init(&r);
    struct wire_shim_spec spec = rig_spec(&r, 1, "");
    spec.command = bytes_str("/bin/true");
    spec.args_count = 0;
    struct seen *s = run(&r, &spec);
    cr_assert(!s->failed);
    cr_assert_eq(s->exit_code, 0);
    cr_assert_str_eq(s->reason, "");
    pid_t shim = (pid_t)s->shim_pid;
    cr_assert(rig_process_lives(shim), "the shim keeps the exit status until it is released");
    proc_release(r.proc, rig_instance(1), bytes_str("t"), false);
    RIG_WAIT(&r, !rig_process_lives(shim) && !rig_exists(rig_path(&r, 1, "..")));
    cr_assert(!s->lost, "a release is no loss");
    rig_done(&r);
}

Test(proc_run, exit_codes_and_signals_are_told) {
    static struct rig r;
    rig_init(&r);
    struct wire_shim_spec spec = rig_spec(&r, 1, "exit 7");
    struct seen *s = run(&r, &spec);
    cr_assert(s->failed);
    cr_assert_eq(s->exit_code, 7);
    cr_assert_eq(s->exit_signal, 0);
    cr_assert_str_eq(s->reason, "exited with code 7; no restarts are allowed");
    spec = rig_spec(&r, 2, "kill -SEGV $$");
    rig_start(&r, &spec);
    RIG_WAIT_STATE(&r, 2, TASK_STATE_DEAD);
    s = rig_seen(&r, 2);
    cr_assert_eq(s->exit_signal, SIGSEGV);
    cr_assert_eq(s->exit_code, 128 + SIGSEGV);
    rig_done(&r);
}

static void cannot_execute(const char *command, const char *reason) {
    static struct rig r;
    rig_init(&r);
    struct wire_shim_spec spec = rig_spec(&r, 1, "");
    spec.command = bytes_str(command);
    struct seen *s = run(&r, &spec);
    cr_assert(s->failed);
    cr_assert_str_eq(s->reason, reason);
    rig_done(&r);
}

Test(proc_run, what_cannot_be_executed_says_why) {
    cannot_execute("/x/y", "cannot execute /x/y: No such file or directory; no restarts are allowed");
    cannot_execute("/etc/passwd", "cannot execute /etc/passwd: Permission denied; no restarts are allowed");
    cannot_execute("no-such-command",
                   "cannot execute no-such-command: No such file or directory; no restarts are allowed");
    cannot_execute("", "cannot execute : No such file or directory; no restarts are allowed");
}

Test(proc_run, a_command_without_a_slash_is_looked_for_along_the_tasks_path) {
    static struct rig r;
    rig_init(&r);
    struct wire_shim_spec spec = rig_spec(&r, 1, "echo found");
    spec.command = bytes_str("sh");
    run(&r, &spec);
    cr_assert_str_eq(rig_file(&r, 1, "stdout.0"), "found\n");
    struct wire_pair path = {bytes_str("PATH"), bytes_str("/nowhere:/also-nowhere")};
    spec = rig_spec(&r, 2, "echo found");
    spec.command = bytes_str("sh");
    spec.env = &path;
    spec.env_count = 1;
    rig_start(&r, &spec);
    RIG_WAIT_STATE(&r, 2, TASK_STATE_DEAD);
    cr_assert(rig_seen(&r, 2)->failed);
    rig_done(&r);
}

Test(proc_run, the_environment_is_that_of_the_spec_and_a_path) {
    static struct rig r;
    rig_init(&r);
    struct wire_pair env[] = {{bytes_str("A"), bytes_str("1")},
                              {bytes_str("EMPTY"), bytes_str("")},
                              {bytes_str("B"), bytes_str("two words = here")}};
    struct wire_shim_spec spec = rig_spec(&r, 1, "");
    spec.command = bytes_str("/usr/bin/env");
    spec.args_count = 0;
    spec.env = env;
    spec.env_count = 3;
    setenv("AGENTS_OWN", "not for tasks", 1);
    run(&r, &spec);
    cr_assert_str_eq(rig_file(&r, 1, "stdout.0"),
                     "A=1\nEMPTY=\nB=two words = here\n"
                     "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n");
    rig_done(&r);
}

Test(proc_run, it_works_in_its_own_directory_or_in_the_one_asked_for) {
    static struct rig r;
    char wanted[600];
    rig_init(&r);
    struct wire_shim_spec spec = rig_spec(&r, 1, "pwd -P");
    run(&r, &spec);
    snprintf(wanted, sizeof wanted, "%s\n", rig_path(&r, 1, "work"));
    cr_assert_str_eq(rig_file(&r, 1, "stdout.0"), wanted);
    spec = rig_spec(&r, 2, "pwd -P");
    spec.directory = bytes_str("/usr");
    rig_start(&r, &spec);
    RIG_WAIT_STATE(&r, 2, TASK_STATE_DEAD);
    cr_assert_str_eq(rig_file(&r, 2, "stdout.0"), "/usr\n");
    spec = rig_spec(&r, 3, "pwd -P");
    spec.directory = bytes_str("/no/such");
    rig_start(&r, &spec);
    RIG_WAIT_STATE(&r, 3, TASK_STATE_DEAD);
    cr_assert_str_eq(rig_seen(&r, 3)->reason,
                     "cannot enter /no/such: No such file or directory; no restarts are allowed");
    rig_done(&r);
}

static bool has_line(const char *text, const char *line) {
    size_t size = strlen(line);
    for (const char *at = text; (at = strstr(at, line)) != NULL; at += size)
        if ((at == text || at[-1] == '\n') && at[size] == '\n')
            return true;
    return false;
}

Test(proc_run, nothing_of_the_agent_is_inherited) {
    static struct rig r;
    rig_init(&r);
    /* A descriptor without close-on-exec, an ignored signal, a blocked one, a mask. */
    int leak = dup(STDIN_FILENO);
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    signal(SIGPIPE, SIG_IGN);
    umask(0);
    struct wire_shim_spec spec = rig_spec(
        &r, 1, "cat /proc/self/status; umask; readlink /proc/self/fd/0; ls /proc/self/fd | tr '\\n' ' '");
    run(&r, &spec);
    const char *text = rig_file(&r, 1, "stdout.0");
    cr_assert(has_line(text, "SigBlk:\t0000000000000000"), "%s", text);
    cr_assert(has_line(text, "SigIgn:\t0000000000000000"), "%s", text);
    cr_assert(has_line(text, "0022"), "%s", text);
    cr_assert(has_line(text, "/dev/null"), "%s", text);
    /* ls has the directory itself open as 3. */
    cr_assert(strstr(text, "\n0 1 2 3 "), "%s", text);
    cr_assert_eq(text[strlen(text) - 2], '3', "%s", text);
    close(leak);
    rig_done(&r);
}

Test(proc_run, the_exec_driver_gains_no_privileges_and_raw_exec_may) {
    static struct rig r;
    rig_init(&r);
    struct wire_shim_spec spec = rig_spec(&r, 1, "grep NoNewPrivs /proc/self/status");
    spec.driver = DRIVER_KIND_EXEC;
    run(&r, &spec);
    cr_assert_str_eq(rig_file(&r, 1, "stdout.0"), "NoNewPrivs:\t1\n");
    spec = rig_spec(&r, 2, "grep NoNewPrivs /proc/self/status");
    rig_start(&r, &spec);
    RIG_WAIT_STATE(&r, 2, TASK_STATE_DEAD);
    cr_assert_str_eq(rig_file(&r, 2, "stdout.0"), "NoNewPrivs:\t0\n");
    rig_done(&r);
}

Test(proc_run, it_becomes_the_user_asked_for) {
    static struct rig r;
    if (!rig_is_root())
        cr_skip_test("only root may change users");
    rig_init(&r);
    struct wire_shim_spec spec = rig_spec(&r, 1, "id -un; id -G; echo mine > here && echo written");
    spec.user = bytes_str("nobody");
    run(&r, &spec);
    cr_assert_str_eq(rig_file(&r, 1, "stdout.0"), "nobody\n65534\nwritten\n", "%s",
                     rig_file(&r, 1, "stderr.0"));
    rig_done(&r);
}

static bool has_mode(const char *path, mode_t wanted) {
    struct stat found;
    return stat(path, &found) == 0 && (found.st_mode & 07777) == wanted;
}

Test(proc_run, the_tasks_of_an_instance_share_a_directory_that_goes_with_the_last_of_them) {
    static struct rig r;
    rig_init(&r);
    struct wire_shim_spec spec =
        rig_spec(&r, 1, "until [ -s ../../.alloc/data/x ]; do sleep 0.01; done; cat ../../.alloc/data/x");
    spec.task = bytes_str("u");
    rig_start(&r, &spec);
    spec = rig_spec(&r, 1, "echo word >../../.alloc/data/x; exec sleep 1000");
    rig_start(&r, &spec);
    RIG_WAIT(&r, !strcmp(rig_file(&r, 1, "../u/stdout.0"), "word\n"));
    cr_assert(has_mode(rig_path(&r, 1, "../.alloc"), 0755), "no task is another user's");
    cr_assert(rig_exists(rig_path(&r, 1, "../.alloc/logs")) && rig_exists(rig_path(&r, 1, "../.alloc/tmp")));
    proc_release(r.proc, rig_instance(1), bytes_str("u"), true);
    RIG_WAIT(&r, rig_exists(rig_path(&r, 1, "../u/spec.released")));
    cr_assert(rig_exists(rig_path(&r, 1, "../.alloc/data/x")), "one of them lives");
    rig_stop(&r, 1);
    RIG_WAIT_STATE(&r, 1, TASK_STATE_DEAD);
    proc_release(r.proc, rig_instance(1), bytes_str("t"), true);
    RIG_WAIT(&r, !rig_exists(rig_path(&r, 1, "../.alloc")));
    cr_assert_str_eq(rig_file(&r, 1, "../u/stdout.0"), "word\n", "output is kept for longer");
    rig_done(&r);
}

Test(proc_run, a_task_that_is_another_user_may_write_where_its_instance_shares) {
    static struct rig r;
    if (!rig_is_root())
        cr_skip_test("only root may change users");
    rig_init(&r);
    struct wire_shim_spec spec = rig_spec(&r, 1, "");
    spec.command = bytes_str("/bin/true");
    rig_start(&r, &spec);
    spec = rig_spec(&r, 1, "touch ../../.alloc/x ../../.alloc/logs/x && echo written; exec sleep 1000");
    spec.task = bytes_str("u");
    spec.user = bytes_str("nobody");
    rig_start(&r, &spec);
    RIG_WAIT(&r, !strcmp(rig_file(&r, 1, "../u/stdout.0"), "written\n"));
    cr_assert(has_mode(rig_path(&r, 1, "../.alloc"), 01777), "and nobody takes away another's");
    proc_remove(r.proc, rig_instance(1));
    rig_done(&r);
}

Test(proc_run, an_instance_whose_start_is_refused_leaves_nothing) {
    static struct rig r;
    rig_init(&r);
    struct wire_shim_spec spec = rig_spec(&r, 1, "");
    spec.cgroup = bytes_str("not/ours");
    rig_start(&r, &spec);
    RIG_WAIT(&r, rig_seen(&r, 1)->refused);
    cr_assert(!rig_exists(rig_path(&r, 1, "..")));
    rig_done(&r);
}

Test(proc_run, an_unknown_user_is_refused_with_a_reason) {
    static struct rig r;
    rig_init(&r);
    struct wire_shim_spec spec = rig_spec(&r, 1, "id");
    spec.user = bytes_str("no-such-user");
    struct seen *s = run(&r, &spec);
    cr_assert(s->failed);
    cr_assert_str_eq(s->reason, "user no-such-user is not in /etc/passwd; no restarts are allowed");
    rig_done(&r);
}

Test(proc_run, one_that_exits_at_once_is_restarted_as_often_as_allowed) {
    static struct rig r;
    rig_init(&r);
    struct wire_shim_spec spec = rig_spec(&r, 1, "echo again; exit 1");
    spec.type = JOB_TYPE_SERVICE;
    spec.restart = (struct wire_restart_policy){.attempts = 3, .interval_ms = 3600000, .delay_ms = 20};
    struct seen *s = run(&r, &spec);
    cr_assert(s->failed);
    cr_assert_eq(s->restarts, 3);
    cr_assert_str_eq(rig_file(&r, 1, "stdout.0"), "again\nagain\nagain\nagain\n");
    rig_done(&r);
}

Test(proc_run, what_cannot_be_started_is_refused) {
    static struct rig r;
    rig_init(&r);
    struct wire_shim_spec spec = rig_spec(&r, 1, "sleep 100");
    spec.task = bytes_str("../escape");
    rig_start(&r, &spec);
    rig_poll(&r, 0);
    cr_assert(r.seen[0].refused);
    cr_assert_eq(r.seen[0].error, ERR_INVALID);
    spec = rig_spec(&r, 1, "sleep 100");
    rig_start(&r, &spec);
    RIG_WAIT_STATE(&r, 1, TASK_STATE_RUNNING);
    rig_start(&r, &spec);
    RIG_WAIT(&r, rig_seen(&r, 1)->refused);
    cr_assert_eq(rig_seen(&r, 1)->error, ERR_EXISTS);
    rig_stop(&r, 1);
    RIG_WAIT_STATE(&r, 1, TASK_STATE_DEAD);
    char text[200] = "";
    struct proc_options options = {.root = "/proc/no/such"};
    cr_assert_null(proc_new(&options, text, sizeof text));
    cr_assert(strstr(text, "/proc/no/such"), "%s", text);
    rig_done(&r);
}

Test(proc_run, two_hundred_at_once) {
    static struct rig r;
    rig_init(&r);
    for (unsigned i = 1; i <= 200; i++) {
        struct wire_shim_spec spec = rig_spec(&r, i, "exec sleep 1000");
        rig_start(&r, &spec);
        rig_poll(&r, 0);
    }
    for (unsigned i = 1; i <= 200; i++)
        RIG_WAIT_STATE(&r, i, TASK_STATE_RUNNING);
    for (unsigned i = 1; i <= 200; i++)
        rig_stop(&r, i);
    for (unsigned i = 1; i <= 200; i++) {
        RIG_WAIT_STATE(&r, i, TASK_STATE_DEAD);
        cr_assert_eq(rig_seen(&r, i)->exit_signal, SIGTERM);
        proc_release(r.proc, rig_instance(i), bytes_str("t"), false);
    }
    for (unsigned i = 1; i <= 200; i++)
        RIG_WAIT(&r, !rig_exists(rig_path(&r, i, "..")));
    rig_done(&r);
}

/* A shim that is about to execute has copies of the agent's descriptors; here a process that never does. */
Test(proc_run, descriptors_copied_elsewhere_make_no_events_of_a_task_that_is_gone) {
    static struct rig r;
    rig_init(&r);
    struct wire_shim_spec spec = rig_spec(&r, 1, "true");
    run(&r, &spec);
    pid_t copy = fork();
    if (copy == 0) {
        pause();
        _exit(0);
    }
    proc_release(r.proc, rig_instance(1), bytes_str("t"), false);
    RIG_WAIT(&r, !rig_exists(rig_path(&r, 1, "..")));
    for (int i = 0; i < 3; i++)
        rig_poll(&r, 0);
    struct pollfd readable = {.fd = proc_fd(r.proc), .events = POLLIN};
    int events = poll(&readable, 1, 50);
    kill(copy, SIGKILL);
    waitpid(copy, NULL, 0);
    cr_assert_eq(events, 0);
    rig_done(&r);
}

#define MANY 100

Test(proc_run, many_starts_at_once_are_dealt_out_over_turns_and_all_happen) {
    static struct rig r;
    unsigned turns = 0, seen = 0;
    rig_init(&r);
    for (unsigned i = 1; i <= MANY; i++) {
        struct wire_shim_spec spec = rig_spec(&r, i, "sleep 600");
        rig_start(&r, &spec);
    }
    cr_assert(!rig_exists(rig_path(&r, MANY, "spec")), "the last one waits");
    for (; seen < MANY; turns++) {
        rig_poll(&r, 20);
        for (seen = 0; seen < MANY && rig_seen(&r, seen + 1)->state == TASK_STATE_RUNNING; seen++)
            ;
        cr_assert_lt(turns, 10000);
    }
    cr_assert_gt(turns, 2);
    rig_done(&r);
}

Test(proc_run, a_command_is_not_lost_on_a_task_that_waits_to_be_started) {
    static struct rig r;
    rig_init(&r);
    for (unsigned i = 1; i <= MANY; i++) {
        struct wire_shim_spec spec = rig_spec(&r, i, "sleep 600");
        rig_start(&r, &spec);
    }
    cr_assert(!rig_exists(rig_path(&r, MANY, "spec")), "the last one waits");
    rig_stop(&r, MANY);
    RIG_WAIT_STATE(&r, MANY, TASK_STATE_DEAD);
    cr_assert(rig_seen(&r, MANY)->stop_asked);
    for (unsigned i = 1; i < MANY; i++)
        RIG_WAIT_STATE(&r, i, TASK_STATE_RUNNING);
    rig_done(&r);
}
