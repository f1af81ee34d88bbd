/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Tasks that live on without an agent, and what the next agent finds. */

#include "rig.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(proc_adopt, .timeout = 120, .fini = rig_fini);

static void start_running(struct rig *r, const char *script) {
    struct wire_shim_spec spec = rig_spec(r, 1, script);
    rig_start(r, &spec);
    RIG_WAIT_STATE(r, 1, TASK_STATE_RUNNING);
}

static void reattach(struct rig *r) {
    rig_attach(r);
    RIG_WAIT(r, r->scan_done);
}

static void stop_and_done(struct rig *r) {
    rig_stop(r, 1);
    RIG_WAIT_STATE(r, 1, TASK_STATE_DEAD);
    rig_done(r);
}

static void sleep_ms(int ms) { poll(NULL, 0, ms); }

static void file_write(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    cr_assert(fd >= 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

/* ---- adoption ------------------------------------------------------------------------------------------ */

Test(proc_adopt, the_next_agent_finds_the_same_process_and_restarts_nothing) {
    static struct rig r;
    rig_init(&r);
    start_running(&r, "echo once; exec sleep 1000");
    uint32_t pid = rig_seen(&r, 1)->pid, shim_pid = rig_seen(&r, 1)->shim_pid;
    for (int i = 0; i < 3; i++) {
        rig_detach(&r);
        reattach(&r);
        struct seen *s = rig_seen(&r, 1);
        cr_assert(s->found);
        cr_assert_eq(s->state, TASK_STATE_RUNNING, "SCAN_DONE comes after the shim has told");
        cr_assert_eq(s->pid, pid);
        cr_assert_eq(s->shim_pid, shim_pid);
        cr_assert_eq(s->restarts, 0);
        cr_assert(!s->lost);
    }
    cr_assert(rig_process_lives((pid_t)pid));
    RIG_WAIT(&r, *rig_file(&r, 1, "stdout.0"));
    cr_assert_str_eq(rig_file(&r, 1, "stdout.0"), "once\n");
    /* It is as much its agent as the first: commands, the end, the release. */
    rig_stop(&r, 1);
    RIG_WAIT_STATE(&r, 1, TASK_STATE_DEAD);
    proc_release(r.proc, rig_instance(1), bytes_str("t"), false);
    RIG_WAIT(&r, !rig_process_lives((pid_t)shim_pid) && !rig_exists(rig_path(&r, 1, "..")));
    rig_done(&r);
}

Test(proc_adopt, an_agent_that_comes_at_once_finds_it_too) {
    static struct rig r;
    rig_init(&r);
    struct wire_shim_spec spec = rig_spec(&r, 1, "exec sleep 1000");
    rig_start(&r, &spec);
    /* Before the shim has written or told anything. */
    rig_detach(&r);
    reattach(&r);
    RIG_WAIT_STATE(&r, 1, TASK_STATE_RUNNING);
    cr_assert(rig_seen(&r, 1)->found);
    cr_assert(!rig_seen(&r, 1)->lost);
    stop_and_done(&r);
}

Test(proc_adopt, restarts_go_on_without_an_agent) {
    static struct rig r;
    rig_init(&r);
    struct wire_shim_spec spec = rig_spec(&r, 1, "echo run; exit 1");
    spec.type = JOB_TYPE_SERVICE;
    spec.restart = (struct wire_restart_policy){.attempts = 3, .interval_ms = 3600000, .delay_ms = 100};
    rig_start(&r, &spec);
    RIG_WAIT_STATE(&r, 1, TASK_STATE_BACKOFF);
    rig_detach(&r);
    int64_t deadline_ms = rig_now_ms() + 20000;
    while (strcmp(rig_file(&r, 1, "stdout.0"), "run\nrun\nrun\nrun\n") && rig_now_ms() < deadline_ms)
        sleep_ms(10);
    reattach(&r);
    RIG_WAIT_STATE(&r, 1, TASK_STATE_DEAD);
    cr_assert(rig_seen(&r, 1)->failed);
    cr_assert_eq(rig_seen(&r, 1)->restarts, 3);
    rig_done(&r);
}

Test(proc_adopt, an_end_without_an_agent_is_kept_on_the_disk_even_when_the_shim_dies_after_it) {
    static struct rig r;
    rig_init(&r);
    start_running(&r, "while [ ! -e go ]; do sleep 0.02; done; exit 9");
    pid_t shim = (pid_t)rig_seen(&r, 1)->shim_pid;
    rig_detach(&r);
    file_write(rig_path(&r, 1, "work/go"), "");
    int64_t deadline_ms = rig_now_ms() + 20000;
    bool ended = false;
    while (!ended && rig_now_ms() < deadline_ms) {
        reattach(&r);
        ended = rig_seen(&r, 1)->found_state == TASK_STATE_DEAD;
        rig_detach(&r);
    }
    kill(shim, SIGKILL);
    while (rig_process_lives(shim) && rig_now_ms() < deadline_ms)
        sleep_ms(5);
    reattach(&r);
    struct seen *s = rig_seen(&r, 1);
    cr_assert(s->found_status);
    cr_assert_eq(s->found_state, TASK_STATE_DEAD);
    cr_assert(!s->lost, "its end is known");
    proc_release(r.proc, rig_instance(1), bytes_str("t"), false);
    RIG_WAIT(&r, !rig_exists(rig_path(&r, 1, "..")));
    rig_done(&r);
}

Test(proc_adopt, a_shim_that_died_meanwhile_is_lost) {
    static struct rig r;
    rig_init(&r);
    start_running(&r, "exec sleep 1000");
    pid_t shim = (pid_t)rig_seen(&r, 1)->shim_pid;
    rig_detach(&r);
    kill(shim, SIGKILL);
    int64_t deadline_ms = rig_now_ms() + 20000;
    while (rig_process_lives(shim) && rig_now_ms() < deadline_ms)
        sleep_ms(5);
    reattach(&r);
    cr_assert(rig_seen(&r, 1)->found);
    cr_assert(rig_seen(&r, 1)->lost);
    proc_remove(r.proc, rig_instance(1));
    RIG_WAIT(&r, !rig_exists(rig_path(&r, 1, "..")));
    rig_done(&r);
}

Test(proc_adopt, a_shim_that_does_not_answer_holds_up_the_scan_only_for_a_while) {
    static struct rig r;
    rig_init(&r);
    start_running(&r, "exec sleep 1000");
    pid_t shim = (pid_t)rig_seen(&r, 1)->shim_pid;
    kill(shim, SIGSTOP);
    rig_detach(&r);
    reattach(&r);
    cr_assert(rig_seen(&r, 1)->found);
    cr_assert(!rig_seen(&r, 1)->lost, "it lives");
    cr_assert_eq(rig_seen(&r, 1)->statuses, 0);
    kill(shim, SIGCONT);
    RIG_WAIT_STATE(&r, 1, TASK_STATE_RUNNING);
    stop_and_done(&r);
}

/* ---- what is kept -------------------------------------------------------------------------------------- */

Test(proc_adopt, kept_output_is_found_and_goes_on_or_away) {
    static struct rig r;
    rig_init(&r);
    struct wire_shim_spec spec = rig_spec(&r, 1, "echo first; touch trace");
    rig_start(&r, &spec);
    RIG_WAIT_STATE(&r, 1, TASK_STATE_DEAD);
    proc_release(r.proc, rig_instance(1), bytes_str("t"), true);
    RIG_WAIT(&r, !rig_exists(rig_path(&r, 1, "spec")) && !rig_exists(rig_path(&r, 1, "work")));
    cr_assert_str_eq(rig_file(&r, 1, "stdout.0"), "first\n");
    rig_detach(&r);
    reattach(&r);
    cr_assert(rig_seen(&r, 1)->kept);
    cr_assert(!rig_seen(&r, 1)->found && r.damaged_count == 0);
    spec = rig_spec(&r, 1, "echo second");
    rig_start(&r, &spec);
    RIG_WAIT_STATE(&r, 1, TASK_STATE_DEAD);
    cr_assert_str_eq(rig_file(&r, 1, "stdout.0"), "first\nsecond\n");
    proc_release(r.proc, rig_instance(1), bytes_str("t"), true);
    proc_remove(r.proc, rig_instance(1));
    RIG_WAIT(&r, !rig_exists(rig_path(&r, 1, "..")));
    rig_done(&r);
}

Test(proc_adopt, a_large_working_directory_is_removed_in_the_end) {
    static struct rig r;
    char path[600];
    rig_init(&r);
    struct wire_shim_spec spec = rig_spec(
        &r, 1,
        "i=0; while [ $i -lt 70 ]; do mkdir d; cd d; touch a b c; i=$((i+1)); done; seq 600 | xargs touch");
    rig_start(&r, &spec);
    RIG_WAIT_STATE(&r, 1, TASK_STATE_DEAD);
    cr_assert(!rig_seen(&r, 1)->failed, "%s", rig_file(&r, 1, "stderr.0"));
    proc_release(r.proc, rig_instance(1), bytes_str("t"), false);
    RIG_WAIT(&r, !rig_exists(rig_path(&r, 1, "..")));
    snprintf(path, sizeof path, "%s/.trash", r.root);
    /* Only an empty directory can be removed. */
    RIG_WAIT(&r, rmdir(path) == 0);
    cr_assert_eq(mkdir(path, 0700), 0);
    rig_done(&r);
}

/* A mount that a task has left in its working directory, here one of another place on the same disk. */
Test(proc_adopt, what_is_mounted_in_a_working_directory_is_not_emptied) {
    static struct rig r;
    char place[200], file[300], moved[300];
    struct stat stat;
    if (!rig_is_root() || unshare(CLONE_NEWNS) < 0)
        cr_skip_test("needs root");
    cr_assert_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
    rig_init(&r);
    struct wire_shim_spec spec = rig_spec(&r, 1, "mkdir disk");
    rig_start(&r, &spec);
    RIG_WAIT_STATE(&r, 1, TASK_STATE_DEAD);
    snprintf(place, sizeof place, "%s.place", r.root);
    snprintf(file, sizeof file, "%s/precious", place);
    cr_assert_eq(mkdir(place, 0700), 0);
    file_write(file, "mine");
    cr_assert_eq(mount(place, rig_path(&r, 1, "work/disk"), NULL, MS_BIND, NULL), 0);
    proc_release(r.proc, rig_instance(1), bytes_str("t"), false);
    RIG_WAIT(&r, !rig_exists(rig_path(&r, 1, "")));
    rig_poll(&r, 0);
    bool there = lstat(file, &stat) == 0;
    snprintf(moved, sizeof moved, "%s/.trash/0/%s", r.root, "work/disk");
    cr_assert_eq(umount2(moved, MNT_DETACH), 0);
    unlink(file);
    rmdir(place);
    cr_assert(there, "the file on the mounted disk was removed");
    rig_done(&r);
}

/* ---- descriptors --------------------------------------------------------------------------------------- */

/* Takes all descriptors that this process may have but so many. */
static void descriptors_leave(int fds[64], unsigned left) {
    struct rlimit limit;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = 64;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    size_t count = 0;
    for (int fd; (fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0;)
        fds[count++] = fd;
    cr_assert(count > left);
    while (left-- > 0)
        close(fds[--count]);
    fds[count] = -1;
}

static void descriptors_give_back(const int fds[64]) {
    struct rlimit limit;
    while (*fds >= 0)
        close(*fds++);
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max < 1024 ? limit.rlim_max : 1024;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

Test(proc_adopt, an_agent_without_descriptors_waits_for_some_and_gives_up_no_task) {
    static struct rig r;
    int fds[65];
    rig_init(&r);
    start_running(&r, "exec sleep 1000");
    RIG_WAIT(&r, rig_exists(rig_path(&r, 1, "status")));
    for (unsigned left = 0; left < 5; left++) {
        rig_detach(&r);
        rig_attach(&r);
        descriptors_leave(fds, left);
        for (int i = 0; i < 5; i++)
            rig_poll(&r, 20);
        descriptors_give_back(fds);
        cr_assert(rig_exists(rig_path(&r, 1, "spec")), "%u left: %s", left, r.damaged_text);
        cr_assert(rig_exists(rig_path(&r, 1, "status")), "%u left: %s", left, r.damaged_text);
        RIG_WAIT(&r, r.scan_done);
        RIG_WAIT_STATE(&r, 1, TASK_STATE_RUNNING);
        cr_assert(!rig_seen(&r, 1)->lost, "%u left", left);
    }
    stop_and_done(&r);
}

/* ---- damage -------------------------------------------------------------------------------------------- */

Test(proc_damage, a_spec_that_cannot_be_read_is_moved_aside_and_told) {
    static struct rig r;
    char path[600];
    rig_init(&r);
    struct wire_shim_spec spec = rig_spec(&r, 1, "true");
    rig_start(&r, &spec);
    RIG_WAIT_STATE(&r, 1, TASK_STATE_DEAD);
    pid_t shim = (pid_t)rig_seen(&r, 1)->shim_pid;
    kill(shim, SIGKILL);
    RIG_WAIT(&r, !rig_process_lives(shim));
    rig_detach(&r);
    file_write(rig_path(&r, 1, "spec"), "garbage");
    reattach(&r);
    cr_assert_eq(r.damaged_count, 1);
    cr_assert(strstr(r.damaged_text, "spec: ") && strstr(r.damaged_text, "moved to"), "%s", r.damaged_text);
    cr_assert(!rig_seen(&r, 1)->found);
    cr_assert(!rig_exists(rig_path(&r, 1, "")));
    char id[ID_TEXT_SIZE];
    id_text(rig_instance(1).b, id);
    snprintf(path, sizeof path, "%s/.damaged/%s-t/status", r.root, id);
    cr_assert(rig_exists(path), "nothing is lost");
    rig_detach(&r);
    reattach(&r);
    cr_assert_eq(r.damaged_count, 0);
    rig_done(&r);
}

Test(proc_damage, a_spec_is_left_alone_while_its_shim_lives) {
    static struct rig r;
    rig_init(&r);
    start_running(&r, "exec sleep 1000");
    char *spec = strdup(rig_path(&r, 1, "spec"));
    char old[600];
    snprintf(old, sizeof old, "%s.old", spec);
    rig_detach(&r);
    rename(spec, old);
    file_write(spec, "garbage");
    reattach(&r);
    cr_assert_eq(r.damaged_count, 1);
    cr_assert(strstr(r.damaged_text, "its shim lives"), "%s", r.damaged_text);
    rig_detach(&r);
    rename(old, spec);
    free(spec);
    reattach(&r);
    cr_assert_eq(rig_seen(&r, 1)->state, TASK_STATE_RUNNING);
    stop_and_done(&r);
}

Test(proc_damage, a_status_that_cannot_be_read_is_moved_aside_and_the_task_told_as_lost) {
    static struct rig r;
    rig_init(&r);
    start_running(&r, "exec sleep 1000");
    pid_t shim = (pid_t)rig_seen(&r, 1)->shim_pid;
    kill(shim, SIGKILL);
    RIG_WAIT(&r, rig_seen(&r, 1)->lost);
    rig_detach(&r);
    file_write(rig_path(&r, 1, "status"), "\xff\xff garbage");
    reattach(&r);
    cr_assert_eq(r.damaged_count, 1);
    cr_assert(rig_seen(&r, 1)->found && !rig_seen(&r, 1)->found_status && rig_seen(&r, 1)->lost);
    cr_assert(!rig_exists(rig_path(&r, 1, "status")));
    rig_done(&r);
}

Test(proc_damage, a_living_shim_makes_up_for_its_damaged_status) {
    static struct rig r;
    rig_init(&r);
    start_running(&r, "exec sleep 1000");
    RIG_WAIT(&r, rig_exists(rig_path(&r, 1, "status")));
    rig_detach(&r);
    file_write(rig_path(&r, 1, "status"), "");
    reattach(&r);
    cr_assert_eq(rig_seen(&r, 1)->state, TASK_STATE_RUNNING);
    cr_assert(!rig_seen(&r, 1)->lost);
    stop_and_done(&r);
}

Test(proc_damage, what_has_no_business_here_is_moved_aside) {
    static struct rig r;
    char path[600];
    rig_init(&r);
    rig_detach(&r);
    snprintf(path, sizeof path, "%s/notes.txt", r.root);
    file_write(path, "mine");
    snprintf(path, sizeof path, "%s/ABCDEF00112233445566778899AABBCC", r.root);
    cr_assert_eq(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/00112233445566778899aabbccddeeff", r.root);
    cr_assert_eq(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/00112233445566778899aabbccddeeff/no-spec", r.root);
    cr_assert_eq(mkdir(path, 0700), 0);
    reattach(&r);
    cr_assert_eq(r.damaged_count, 3);
    snprintf(path, sizeof path, "%s/.damaged/notes.txt", r.root);
    cr_assert(rig_exists(path));
    snprintf(path, sizeof path, "%s/.damaged/00112233445566778899aabbccddeeff-no-spec", r.root);
    cr_assert(rig_exists(path));
    rig_done(&r);
}

Test(proc_damage, what_the_tasks_of_an_instance_share_stays_while_one_of_them_may_live) {
    static struct rig r;
    rig_init(&r);
    start_running(&r, "echo x >../../.alloc/tmp/x; exec sleep 1000");
    RIG_WAIT(&r, rig_exists(rig_path(&r, 1, "../.alloc/tmp/x")));
    rig_detach(&r);
    reattach(&r);
    cr_assert_eq(r.damaged_count, 0, "%s", r.damaged_text);
    cr_assert(rig_exists(rig_path(&r, 1, "../.alloc/tmp/x")));
    rig_detach(&r);
    char spec[300], aside[300];
    snprintf(spec, sizeof spec, "%s", rig_path(&r, 1, "spec"));
    snprintf(aside, sizeof aside, "%s", rig_path(&r, 1, "spec.aside"));
    cr_assert_eq(rename(spec, aside), 0);
    reattach(&r);
    cr_assert_eq(r.damaged_count, 1, "its shim lives, and nobody knows what it is");
    cr_assert(rig_exists(rig_path(&r, 1, "../.alloc/tmp/x")));
    rig_detach(&r);
    cr_assert_eq(rename(aside, spec), 0);
    reattach(&r);
    stop_and_done(&r);
}

/* ---- the shim's socket --------------------------------------------------------------------------------- */

static int shim_connect(struct rig *r) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int64_t deadline_ms = rig_now_ms() + 20000;
    snprintf(address.sun_path, sizeof address.sun_path, "%s", rig_path(r, 1, "sock"));
    for (;;) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
            return fd;
        close(fd);
        cr_assert(rig_now_ms() < deadline_ms);
        sleep_ms(5);
    }
}

/* The shim closes the connection: all that it says before that is a status. */
static bool closed_by_shim(int fd) {
    char data[4096];
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    while (poll(&poll_fd, 1, 10000) == 1)
        if (recv(fd, data, sizeof data, 0) <= 0)
            return true;
    return false;
}

Test(proc_socket, garbage_does_not_disturb_the_shim) {
    static struct rig r;
    static const struct garbage {
        const char *data;
        size_t size;
        bool closes;
    } garbage[] = {
        {"", 0, false},                     /* nothing */
        {"\0\0", 2, false},                 /* half a length */
        {"\0\0\0\x40\x81\x01", 6, false},   /* half a message */
        {"\x3b\x9a\xca\0xxxxx", 9, true},   /* 1,000,000,000 bytes */
        {"\0\1\0\1zzzz", 8, true},          /* one byte over the limit */
        {"\0\0\0\3\xc1\xc1\xc1", 7, true},  /* no msgpack */
        {"\0\0\0\1\x01", 5, true},          /* no map */
        {"\0\0\0\3\x81\x01\x05", 7, true},  /* stop: 5 */
        {"\0\0\0\0", 4, true},              /* an empty message */
        {"\0\0\0\3\x81\x02\x4f", 7, false}, /* signal 79 */
    };
    rig_init(&r);
    start_running(&r, "exec sleep 1000");
    uint32_t pid = rig_seen(&r, 1)->pid;
    rig_detach(&r);
    int open_fds[16];
    size_t open_count = 0;
    for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++) {
        int fd = shim_connect(&r);
        cr_assert_eq(send(fd, garbage[i].data, garbage[i].size, MSG_NOSIGNAL), (ssize_t)garbage[i].size);
        if (garbage[i].closes)
            cr_assert(closed_by_shim(fd), "garbage %zu", i);
        open_fds[open_count++] = fd;
    }
    /* With all those connections still there, the agent gets through. */
    reattach(&r);
    cr_assert_eq(rig_seen(&r, 1)->state, TASK_STATE_RUNNING);
    cr_assert_eq(rig_seen(&r, 1)->pid, pid);
    for (int i = 0; i < 5; i++)
        open_fds[open_count++] = shim_connect(&r);
    /* More strangers than places throw the agent out; it comes back, and the stop was not lost on the way. */
    rig_stop(&r, 1);
    RIG_WAIT_STATE(&r, 1, TASK_STATE_DEAD);
    while (open_count > 0)
        close(open_fds[--open_count]);
    rig_done(&r);
}

Test(proc_socket, it_answers_only_root_and_its_own_user) {
    static struct rig r;
    if (!rig_is_root())
        cr_skip_test("only root may change users");
    rig_init(&r);
    start_running(&r, "exec sleep 1000");
    rig_detach(&r);
    close(shim_connect(&r));
    /* Whatever the directory's modes, the credentials decide. */
    cr_assert_eq(chmod(rig_path(&r, 1, "sock"), 0777), 0);
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        if (setuid(65534))
            _exit(2);
        char byte;
        int fd = shim_connect(&r);
        _exit(recv(fd, &byte, 1, 0) == 0 ? 0 : 1);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert_eq(status, 0);
    reattach(&r);
    stop_and_done(&r);
}
