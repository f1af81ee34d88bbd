/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* The agent's side: its life, its descriptor, its events. */

#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define POLL_EVENTS_MAX 64

/* ---- waking -------------------------------------------------------------------------------------------- */

void proc_wake(struct proc *p) {
    uint64_t one = 1;
    if (!p->woken && write(p->wake_fd, &one, sizeof one) == sizeof one)
        p->woken = true;
}

void proc_timer_at(struct proc *p, int64_t at_us) {
    if (at_us >= p->timer_at_us)
        return;
    int64_t wait_us = at_us - lease_now_us();
    if (wait_us < 1)
        wait_us = 1;
    struct itimerspec timer = {
        .it_value = {.tv_sec = (time_t)(wait_us / US_PER_S), .tv_nsec = (long)(wait_us % US_PER_S * 1000)}};
    timerfd_settime(p->timer_fd, 0, &timer, NULL);
    p->timer_at_us = at_us;
}

int proc_watch(struct proc *p, int fd, uint32_t events, struct watch *watch) {
    struct epoll_event event = {.events = events, .data = {.ptr = watch}};
    return epoll_ctl(p->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

/* ---- events -------------------------------------------------------------------------------------------- */

struct queued *proc_queue(struct proc *p, enum proc_event_kind kind, const struct proc_task *task) {
    struct queued *q = mem_alloc(sizeof *q);
    q->kind = kind;
    if (task) {
        q->instance = task->instance;
        memcpy(q->task, task->name, sizeof q->task);
    }
    if (p->queue_last)
        p->queue_last->next = q;
    else
        p->queue_first = q;
    p->queue_last = q;
    if (!p->polling)
        proc_wake(p);
    return q;
}

static void queued_free(struct queued *q) {
    if (!q)
        return;
    buf_done(&q->spec);
    buf_done(&q->status);
    buf_done(&q->text);
    buf_done(&q->data);
    mem_free(q);
}

static const void *decoded(struct proc *p, const struct codec_type *type, const struct buf *data) {
    if (data->size == 0)
        return NULL;
    void *message = arena_alloc(&p->arena, type->size);
    return codec_decode(type, buf_bytes(data), &p->arena, message, NULL) ? NULL : message;
}

bool proc_next(struct proc *p, struct proc_event *ret_event) {
    queued_free(p->queue_told);
    p->queue_told = NULL;
    while (!p->queue_first && readers_step(p))
        ;
    struct queued *q = p->queue_first;
    if (!q)
        return false;
    p->queue_first = q->next;
    if (!q->next)
        p->queue_last = NULL;
    p->queue_told = q;
    arena_reset(&p->arena);
    *ret_event = (struct proc_event){
        .kind = q->kind,
        .instance = q->instance,
        .task = bytes_str(q->task),
        .spec = decoded(p, &wire_shim_spec_type, &q->spec),
        .status = decoded(p, &wire_shim_status_type, &q->status),
        .error = q->error,
        .text = buf_bytes(&q->text),
        .handle = q->handle,
        .data = buf_bytes(&q->data),
        .end = q->end,
    };
    return true;
}

/* ---- polling ------------------------------------------------------------------------------------------- */

static void on_timer(struct proc *p) {
    uint64_t rings;
    int64_t now_us = lease_now_us();
    if (read(p->timer_fd, &rings, sizeof rings) != sizeof rings)
        return;
    p->timer_at_us = TIME_NEVER_US;
    /* From the last one: a task that goes gives its place in the map to the last, which was seen already. */
    for (size_t i = p->tasks.count; i-- > 0;) {
        struct proc_task *t = p->tasks.entries[i].value;
        if (t->retry_at_us <= now_us)
            task_retry(p, t);
        else if (t->retry_at_us != TIME_NEVER_US)
            proc_timer_at(p, t->retry_at_us);
    }
    if (!p->scan && !p->scan_told)
        proc_timer_at(p, p->scan_until_us);
}

static void on_wake(struct proc *p) {
    uint64_t count;
    if (read(p->wake_fd, &count, sizeof count) == sizeof count)
        p->woken = false;
}

static void dispatch(struct proc *p, const struct watch *watch, uint32_t events) {
    switch (watch->kind) {
    case WATCH_WAKE: on_wake(p); break;
    case WATCH_TIMER: on_timer(p); break;
    case WATCH_INOTIFY: readers_changed(p); break;
    case WATCH_LINK: task_link_ready(p, watch->task, events); break;
    case WATCH_DEATH: task_death_ready(p, watch->task); break;
    }
}

void proc_poll(struct proc *p) {
    struct epoll_event events[POLL_EVENTS_MAX];
    int count = epoll_wait(p->epoll_fd, events, POLL_EVENTS_MAX, 0);
    p->polling = true;
    for (int i = 0; i < count; i++)
        dispatch(p, events[i].data.ptr, events[i].events);
    bool more = scan_step(p);
    more = starts_step(p) || more;
    more = trash_step(p) || more;
    scan_conclude(p);
    for (size_t i = 0; i < p->graves.count; i++)
        task_free(p->graves.data[i]);
    p->graves.count = 0;
    p->polling = false;
    if (more)
        proc_wake(p);
}

int proc_fd(const struct proc *p) { return p->epoll_fd; }

const struct proc_features *proc_features(const struct proc *p) { return &p->features; }

/* ---- life ---------------------------------------------------------------------------------------------- */

static int directories_make(char *path) {
    for (char *at = path + 1; (at = strchr(at, '/')) != NULL; at++) {
        *at = 0;
        int failed = mkdir(path, 0755) < 0 && errno != EEXIST;
        *at = '/';
        if (failed)
            return -1;
    }
    return mkdir(path, 0711) < 0 && errno != EEXIST ? -1 : 0;
}

/* The root as an absolute path, since shims work in other directories than the agent. */
static int root_open(struct proc *p, const char *path) {
    struct buf text = {0};
    buf_printf(&text, "%s", path);
    int failed = directories_make((char *)(uintptr_t)buf_str(&text));
    buf_done(&text);
    if (failed)
        return -1;
    p->root = realpath(path, NULL);
    p->root_fd = p->root ? open(p->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (p->root_fd < 0 || (mkdirat(p->root_fd, DIR_DAMAGED, 0700) < 0 && errno != EEXIST) ||
        (mkdirat(p->root_fd, DIR_TRASH, 0700) < 0 && errno != EEXIST))
        return -1;
    return 0;
}

static int descriptors_open(struct proc *p, const char *executable) {
    p->executable_fd = fd_above_stdio(open(executable ? executable : "/proc/self/exe", O_PATH | O_CLOEXEC));
    p->null_fd = fd_above_stdio(open("/dev/null", O_RDWR | O_CLOEXEC));
    p->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    p->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    p->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    p->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (p->executable_fd < 0 || p->null_fd < 0 || p->epoll_fd < 0 || p->wake_fd < 0 || p->timer_fd < 0 ||
        p->inotify_fd < 0)
        return -1;
    p->wake_watch = (struct watch){.kind = WATCH_WAKE};
    p->timer_watch = (struct watch){.kind = WATCH_TIMER};
    p->inotify_watch = (struct watch){.kind = WATCH_INOTIFY};
    return proc_watch(p, p->wake_fd, EPOLLIN, &p->wake_watch) ||
                   proc_watch(p, p->timer_fd, EPOLLIN, &p->timer_watch) ||
                   proc_watch(p, p->inotify_fd, EPOLLIN, &p->inotify_watch)
               ? -1
               : 0;
}

/* Each task takes two. Its shim hands on only the hard limit. */
static void descriptors_allow(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static bool oom_score_own(void) {
    struct buf text = {0};
    bool own =
        file_read(AT_FDCWD, "/proc/self/oom_score_adj", 64, &text) == 0 && strcmp(buf_str(&text), "0\n");
    buf_done(&text);
    return own;
}

struct proc *proc_new(const struct proc_options *options, char *ret_text, size_t text_size) {
    struct proc *p = mem_alloc(sizeof *p);
    p->root_fd = p->executable_fd = p->null_fd = -1;
    p->epoll_fd = p->wake_fd = p->timer_fd = p->inotify_fd = -1;
    p->timer_at_us = TIME_NEVER_US;
    p->boot = options->boot;
    id_text(options->boot.b, p->boot_text);
    const char *failed = NULL;
    if (root_open(p, options->root))
        failed = options->root;
    else if (descriptors_open(p, options->executable))
        failed = p->executable_fd < 0 && options->executable ? options->executable
                 : p->timer_fd >= 0 && p->inotify_fd < 0     ? "inotify (fs.inotify.max_user_instances)"
                                                             : "descriptors";
    else if (scan_begin(p))
        failed = options->root;
    if (failed) {
        snprintf(ret_text, text_size, "%s: %s", failed, errno_text(errno));
        proc_free(p);
        return NULL;
    }
    descriptors_allow();
    p->oom_reset = oom_score_own();
    features_find(p, options->cgroup);
    proc_wake(p);
    return p;
}

void proc_free(struct proc *p) {
    if (!p)
        return;
    starts_free(p);
    readers_free(p);
    for (size_t i = 0; i < p->tasks.count; i++)
        task_free(p->tasks.entries[i].value);
    map_done(&p->tasks);
    for (size_t i = 0; i < p->graves.count; i++)
        task_free(p->graves.data[i]);
    VEC_DONE(&p->graves);
    for (struct queued *q = p->queue_first, *next; q; q = next) {
        next = q->next;
        queued_free(q);
    }
    queued_free(p->queue_told);
    arena_done(&p->arena);
    for (size_t i = 0; i < p->trash.count; i++)
        mem_free(p->trash.data[i]);
    VEC_DONE(&p->trash);
    if (p->scan)
        closedir(p->scan);
    features_done(p);
    fd_close(&p->inotify_fd);
    fd_close(&p->timer_fd);
    fd_close(&p->wake_fd);
    fd_close(&p->epoll_fd);
    fd_close(&p->null_fd);
    fd_close(&p->executable_fd);
    fd_close(&p->root_fd);
    free(p->root);
    mem_free(p);
}
