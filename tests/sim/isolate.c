/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "isolate.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_S 600 /* for one seed: some ten thousand times what most take */

static void give_up(const char *what) {
    perror(what);
    exit(2);
}

void run_once(struct run *run, const void *arg) {
    (void)arg;
    story_run(run);
}

void run_twice(struct run *run, const void *arg) {
    struct run again = *run;
    (void)arg;
    story_run(run);
    if (run->failed)
        return;
    again.trace_level = 0;
    story_run(&again);
    if (!again.failed && again.trace == run->trace)
        return;
    run->failed = true;
    (void)snprintf(run->checker, sizeof run->checker, "determinism");
    buf_printf(&run->report,
               "broken: the same seed gives the same run\n"
               "how:    two runs differ: %016llx after %llu events, then %016llx after %llu\n",
               (unsigned long long)run->trace, (unsigned long long)run->events_count,
               (unsigned long long)again.trace, (unsigned long long)again.events_count);
    run_done(&again);
}

static void write_all(int fd, const void *data, size_t size) {
    const uint8_t *at = data;
    while (size > 0) {
        ssize_t n = write(fd, at, size);
        if (n <= 0)
            _exit(2);
        at += n;
        size -= (size_t)n;
    }
}

static void child(struct run *run, isolate_work *work, const void *arg, int fd) {
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    alarm(PATIENCE_S);
    work(run, arg);
    write_all(fd, run, sizeof *run); /* the same program: only the report's pointer is not its reader's */
    write_all(fd, run->report.data, run->report.size);
    run_done(run);
    exit(0); /* not _exit: leaks are looked for, and coverage is written */
}

void isolate_start(struct isolated *i, const struct run *asked, isolate_work *work, const void *arg) {
    int fds[2];
    *i = (struct isolated){.run = *asked};
    if (pipe(fds) != 0)
        give_up("pipe");
    fflush(stdout);
    i->pid = fork();
    if (i->pid < 0)
        give_up("fork");
    if (i->pid == 0) {
        close(fds[0]);
        child(&i->run, work, arg, fds[1]);
    }
    close(fds[1]);
    i->fd = fds[0];
}

static void died(struct run *run, int status) {
    run->failed = true;
    (void)snprintf(run->checker, sizeof run->checker, "crash");
    buf_printf(&run->report, "broken: the program goes on, whatever comes\nhow:    ");
    if (WIFSIGNALED(status))
        buf_printf(&run->report, "it ended by signal %d (%s)\n", WTERMSIG(status),
                   strsignal(WTERMSIG(status)));
    else
        buf_printf(&run->report, "it ended with status %d\n", WEXITSTATUS(status));
    buf_printf(&run->report, "again:  ");
    run_command(run, 1, &run->report);
    buf_printf(&run->report, "\n");
}

static void ended(struct isolated *i) {
    int status = 0;
    close(i->fd);
    while (waitpid(i->pid, &status, 0) < 0)
        ;
    i->pid = 0;
    if (i->got.size >= sizeof i->run) {
        memcpy(&i->run, i->got.data, sizeof i->run);
        i->run.report = (struct buf){0};
        buf_append(&i->run.report, i->got.data + sizeof i->run, i->got.size - sizeof i->run);
    }
    buf_done(&i->got);
    if (status != 0 && !i->run.failed)
        died(&i->run, status);
}

bool isolate_read(struct isolated *i) {
    uint8_t data[65536];
    ssize_t n = read(i->fd, data, sizeof data);
    if (n > 0) {
        buf_append(&i->got, data, (size_t)n);
        return false;
    }
    ended(i);
    return true;
}

void isolate_run(struct run *run, isolate_work *work, const void *arg) {
    struct isolated i;
    isolate_start(&i, run, work, arg);
    while (!isolate_read(&i))
        ;
    *run = i.run;
}
