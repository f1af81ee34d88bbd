/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * `covey shim DIRECTORY [WORD...]`: a process that hosts the shim core for one task. It is pid 1 of the
 * task's pid namespace where the agent could make one, so that nothing of the task outlives it and all
 * orphans come to it; elsewhere it is their subreaper.
 *
 * There are as many of these as tasks, so what it does not need it does not have: no event library, a timer
 * only while something is due, output files only when there is output, and the socket in the directory only
 * while no agent is connected: the first connection is a socket pair that it was born with, and when that one
 * ends, the next agent finds `sock`. What holds for the shim's whole life is the lock on the directory: who
 * can take it knows that there is no shim.
 *
 * Words, made by the agent (the same binary, so they need no versions):
 *   fds=D,L        the directory, open and locked, and the first connection, both inherited
 *   boot=HEX       the boot id, which it would otherwise read
 *   oom            reset oom_score_adj in the task
 *   group=N:PATH   a control group to make, with its abilities
 *
 * SIGTERM from outside is what a host sends when it goes down: the task is stopped as on command, but this is
 * no end of the task, so nothing is recorded, and after the boot the agent finds that the shim was lost.
 */

#include "host.h"

#include <covey/proc.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

static int failure(const char *what, const char *text) {
    fprintf(stderr, "covey shim: %s: %s\n", what, text);
    return 1;
}

static bool word_parse(struct host *h, const char *word, int *directory_fd, int *link_fd) {
    if (!strncmp(word, "fds=", 4)) {
        char *end;
        *directory_fd = (int)strtol(word + 4, &end, 10);
        *link_fd = *end == ',' ? (int)strtol(end + 1, &end, 10) : -1;
        return *end == 0 && *directory_fd > STDERR_FILENO && *link_fd > STDERR_FILENO;
    }
    if (!strncmp(word, "boot=", 5))
        return hex_decode(bytes_str(word + 5), h->identity.boot.b, ID_SIZE) == 0;
    if (!strncmp(word, "group=", 6) && h->groups_count < CGROUPS_MAX) {
        char *end;
        struct cgroup *group = &h->groups[h->groups_count++];
        group->abilities = (unsigned)strtoul(word + 6, &end, 10);
        group->path = end + 1;
        return *end == ':' && group->path[0] == '/';
    }
    h->oom_reset = h->oom_reset || !strcmp(word, "oom");
    return !strcmp(word, "oom");
}

/* "f81d4fae-7dec-11d0-a765-00a0c91e6bf6\n" */
static void boot_read(struct boot_id *boot) {
    struct buf text = {0}, digits = {0};
    if (file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 64, &text) == 0) {
        for (size_t i = 0; i < text.size; i++)
            if (text.data[i] != '-' && text.data[i] != '\n')
                buf_append_byte(&digits, text.data[i]);
        hex_decode(buf_bytes(&digits), boot->b, ID_SIZE);
    }
    buf_done(&text);
    buf_done(&digits);
}

static int directory_enter(const char *path, int directory_fd) {
    int fd = directory_fd;
    if (fd < 0)
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fchdir(fd) < 0)
        return failure(path, errno_text(errno));
    if (directory_fd < 0 && flock(fd, LOCK_EX | LOCK_NB) < 0)
        return failure(path, "another shim has it");
    return 0;
}

static int spec_read(struct host *h) {
    struct codec_fault fault;
    int error = file_read(AT_FDCWD, FILE_SPEC, wire_shim_spec_type.max_bytes, &h->spec_data);
    if (error)
        return failure(FILE_SPEC, err_str(error));
    if (codec_decode(&wire_shim_spec_type, buf_bytes(&h->spec_data), &h->arena, &h->spec, &fault))
        return failure(fault.path, fault.what);
    return 0;
}

static void signals_take(struct host *h) {
    sigset_t all, some;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    sigemptyset(&some);
    sigaddset(&some, SIGCHLD);
    sigaddset(&some, SIGTERM);
    h->signal_fd = signalfd(-1, &some, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int begin(struct host *h, int argc, char **argv) {
    int directory_fd = -1, link_fd = -1;
    pid_t pid = 0;
    for (int i = 3; i < argc; i++)
        if (!word_parse(h, argv[i], &directory_fd, &link_fd))
            return failure("unknown word", argv[i]);
    if (argc < 3)
        return failure("usage", "covey shim DIRECTORY");
    close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    if (directory_enter(argv[2], directory_fd) || spec_read(h))
        return 1;
    if (ID_IS_ZERO(h->identity.boot))
        boot_read(&h->identity.boot);
    prctl(PR_SET_NAME, "covey-shim", 0, 0, 0);
    umask(027);
    signals_take(h);
    if (h->signal_fd < 0)
        return failure("signals", errno_text(errno));
    h->init = getpid() == 1;
    if (!h->init)
        prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    if (process_stat(0, &pid, &h->identity.pid_start) == 0)
        h->identity.shim_pid = (uint32_t)pid;
    for (int i = 0; i < 2; i++)
        output_init(&h->outputs[i], i == 1, &h->spec);
    if (link_fd >= 0)
        host_link_add(h, link_fd);
    else
        host_listen(h);
    h->core = shim_new(&h->spec);
    return 0;
}

static void end(struct host *h) {
    while (h->links_count > 0)
        link_close(&h->links[--h->links_count].link);
    for (int i = 0; i < 2; i++) {
        fd_close(&h->outputs[i].pipe_fd);
        fd_close(&h->outputs[i].file_fd);
    }
    if (h->listen_fd >= 0)
        unlink(FILE_SOCKET);
    shim_free(h->core);
    buf_done(&h->spec_data);
    arena_done(&h->arena);
}

int proc_shim_main(int argc, char **argv) {
    struct host h = {.signal_fd = -1,
                     .timer_fd = -1,
                     .listen_fd = -1,
                     .listen_at_us = TIME_NEVER_US,
                     .save_at_us = TIME_NEVER_US,
                     .sync_at_us = TIME_NEVER_US,
                     .alarm_us = TIME_NEVER_US,
                     .outputs = {{.pipe_fd = -1, .file_fd = -1}, {.pipe_fd = -1, .file_fd = -1}}};
    int status = begin(&h, argc, argv);
    if (status == 0)
        host_run(&h);
    end(&h);
    return status;
}
