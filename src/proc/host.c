/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* The shim's loop: the core's effects become system calls, and what the kernel tells becomes the core's
 * inputs. */

#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define ALARM_FINE_US (50 * US_PER_MS) /* an alarm further off is set early by an eighth and set again */

static void act(struct host *h);

void host_feed(struct host *h, struct shim_input input) {
    input.wall_ms = wall_now_ms();
    shim_feed(h->core, lease_now_us(), &input);
}

/* ---- the task ------------------------------------------------------------------------------------------ */

static void on_spawn(struct host *h) {
    struct spawn spawn = {.spec = &h->spec,
                          .groups = h->groups,
                          .groups_count = h->groups_count,
                          .oom_reset = h->oom_reset,
                          .outputs = h->outputs};
    struct buf text = {0};
    pid_t host_pid;
    if (spawn_start(&spawn, &h->task_pid, &host_pid, &text)) {
        h->task_pid = 0;
        host_feed(h, (struct shim_input){.kind = SHIM_SPAWN_FAILED, .text = buf_bytes(&text)});
    } else {
        uint32_t pid = (uint32_t)(host_pid ? host_pid : h->task_pid);
        host_feed(h, (struct shim_input){.kind = SHIM_SPAWNED, .pid = pid});
    }
    buf_done(&text);
}

/* Where the shim is not pid 1: those below a child come to the shim when it dies, and are found the next
 * time. */
static void children_kill(void) {
    struct buf text = {0};
    if (file_read(AT_FDCWD, "/proc/thread-self/children", SIZE_MAX / 2, &text) == 0)
        for (char *at = (char *)(uintptr_t)buf_str(&text), *end; *at; at = end) {
            pid_t pid = (pid_t)strtol(at, &end, 10);
            if (end == at)
                break;
            if (pid > 1)
                kill(pid, SIGKILL);
        }
    buf_done(&text);
}

static void all_kill(struct host *h) {
    for (size_t i = 0; i < h->groups_count; i++)
        cgroup_kill(&h->groups[i]);
    if (h->init) {
        assert(getpid() == 1);
        kill(-1, SIGKILL);
        return;
    }
    if (h->task_pid)
        kill(-h->task_pid, SIGKILL);
    children_kill();
}

static void on_exited(struct host *h, int status) {
    struct shim_input input = {.kind = SHIM_EXITED};
    h->task_pid = 0;
    if (WIFSIGNALED(status)) {
        input.exit_signal = (uint32_t)WTERMSIG(status);
        input.exit_code = 128 + WTERMSIG(status);
    } else {
        input.exit_code = WEXITSTATUS(status);
    }
    host_feed(h, input);
    act(h);
}

/* Everything that was in the pipes is in the files before anybody hears of the end. */
static void on_cleared(struct host *h) {
    h->clearing = false;
    for (size_t i = 0; i < 2; i++)
        output_finish(&h->outputs[i]);
    host_feed(h, (struct shim_input){.kind = SHIM_EMPTY});
    act(h);
}

static void reap(struct host *h) {
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0)
        if (pid == h->task_pid)
            on_exited(h, status);
    if (!h->clearing || h->task_pid)
        return;
    if (pid < 0)
        on_cleared(h);
    else if (!h->init)
        children_kill();
}

static void on_death(struct host *h) {
    h->dead = true;
    for (size_t i = 0; i < h->groups_count; i++)
        cgroup_remove(h->groups[i].path);
    if (h->farewell)
        h->leaving = true;
}

static void act_one(struct host *h, struct shim_effect *effect) {
    switch (effect->kind) {
    case SHIM_SPAWN: on_spawn(h); break;
    case SHIM_KILL:
        if (h->task_pid)
            kill(-h->task_pid, (int)effect->signal);
        break;
    case SHIM_KILL_ALL:
        h->clearing = true;
        all_kill(h);
        break;
    case SHIM_SAVE: host_status(h, &effect->status, true); break;
    case SHIM_TELL: host_status(h, &effect->status, false); break;
    case SHIM_EXIT: h->leaving = true; break;
    }
}

static void act(struct host *h) {
    struct shim_effect effect;
    while (shim_drain(h->core, &effect))
        act_one(h, &effect);
    if (!h->dead && shim_state(h->core) == TASK_STATE_DEAD)
        on_death(h);
}

/* ---- the loop ------------------------------------------------------------------------------------------ */

static void farewell(struct host *h) {
    struct wire_shim_command stop = {.stop = true};
    h->farewell = true;
    if (h->dead) {
        h->leaving = true;
        host_status_sync(h);
    }
    host_feed(h, (struct shim_input){.kind = SHIM_COMMAND, .command = &stop});
}

/* The task may send its own pid 1 any signal; who is outside the namespace has no pid in it. */
static void signals_read(struct host *h) {
    struct signalfd_siginfo info;
    while (read(h->signal_fd, &info, sizeof info) == sizeof info)
        if (info.ssi_signo == SIGTERM && (!h->init || info.ssi_pid == 0))
            farewell(h);
}

static int64_t earlier(int64_t x, int64_t y) { return x < y ? x : y; }

/*
 * The timer is an alarm and no clock: CLOCK_BOOTTIME may be slewed by a tenth. A far alarm is set early and
 * set again, so that only its last fine step can be late, by a tenth of that.
 */
static void alarm_set(struct host *h) {
    int64_t due_us =
        earlier(earlier(shim_deadline(h->core), h->listen_at_us), earlier(h->save_at_us, h->sync_at_us));
    if (due_us == TIME_NEVER_US || due_us == h->alarm_us)
        return;
    if (h->timer_fd < 0)
        h->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    int64_t wait_us = due_us - lease_now_us();
    if (wait_us > ALARM_FINE_US)
        wait_us -= wait_us / 8;
    if (wait_us < 1)
        wait_us = 1;
    struct itimerspec timer = {
        .it_value = {.tv_sec = (time_t)(wait_us / US_PER_S), .tv_nsec = (long)(wait_us % US_PER_S * 1000)}};
    timerfd_settime(h->timer_fd, 0, &timer, NULL);
    h->alarm_us = due_us;
}

static void on_alarm(struct host *h) {
    uint64_t rings;
    int64_t now_us = lease_now_us();
    if (read(h->timer_fd, &rings, sizeof rings) != sizeof rings)
        return;
    h->alarm_us = TIME_NEVER_US;
    host_feed(h, (struct shim_input){.kind = SHIM_TICK});
    if (now_us >= h->sync_at_us)
        host_status_sync(h);
    if (now_us >= h->save_at_us) {
        h->save_at_us = TIME_NEVER_US;
        h->save_due = true;
        host_tell(h);
    }
    if (now_us >= h->listen_at_us) {
        h->listen_at_us = TIME_NEVER_US;
        if (h->listen_fd < 0)
            host_listen(h);
    }
}

#define POLLS_MAX (5 + LINKS_MAX)

static void turn(struct host *h) {
    struct pollfd polls[POLLS_MAX] = {
        {.fd = h->signal_fd, .events = POLLIN},          {.fd = h->timer_fd, .events = POLLIN},
        {.fd = h->listen_fd, .events = POLLIN},          {.fd = h->outputs[0].pipe_fd, .events = POLLIN},
        {.fd = h->outputs[1].pipe_fd, .events = POLLIN},
    };
    size_t links_count = h->links_count;
    for (size_t i = 0; i < links_count; i++)
        polls[5 + i] = (struct pollfd){.fd = h->links[i].link.fd,
                                       .events = h->links[i].link.out.size > 0 ? POLLIN | POLLOUT : POLLIN};
    if (poll(polls, (nfds_t)(5 + links_count), -1) <= 0)
        return;
    for (size_t i = 0; i < 2; i++)
        if (polls[3 + i].revents)
            output_move(&h->outputs[i]);
    if (polls[0].revents) {
        signals_read(h);
        reap(h);
    }
    if (polls[1].revents)
        on_alarm(h);
    /* From the last one, since a link that goes moves those behind it. */
    for (size_t i = links_count; i-- > 0;)
        if (polls[5 + i].revents && i < h->links_count && h->links[i].link.fd == polls[5 + i].fd)
            host_link_ready(h, i, polls[5 + i].revents);
    if (polls[2].revents)
        host_link_accept(h);
}

void host_run(struct host *h) {
    host_feed(h, (struct shim_input){.kind = SHIM_BEGIN});
    for (;;) {
        act(h);
        if (h->clearing)
            reap(h);
        if (h->leaving)
            return;
        alarm_set(h);
        turn(h);
    }
}
