/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Reading a task's output while its shim writes it, with no word between the two. Files are numbered without
 * a gap, each is only appended to until the next exists, and the oldest are removed; so a file is complete
 * when the next one was there before its end was read, and all is complete when the task's end was told
 * before.
 */

#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK_SIZE 65536 /* bytes of one event */

struct reader {
    struct reader *next;
    uint64_t handle;
    struct instance_id instance;
    char task[WIRE_NAME_MAX + 1];
    bool is_stderr, follow;
    bool waiting; /* for a change in the directory or the task's end */
    uint64_t credit_bytes;
    int directory_fd, file_fd, watch;
    uint64_t number; /* of the file; where none is open, the lowest to open */
};

/* ---- the list ------------------------------------------------------------------------------------------ */

static struct reader **reader_place(struct proc *p, uint64_t handle) {
    struct reader **place = &p->readers;
    while (*place && (*place)->handle != handle)
        place = &(*place)->next;
    return place;
}

static void reader_append(struct proc *p, struct reader *r) {
    struct reader **place = &p->readers;
    while (*place)
        place = &(*place)->next;
    r->next = NULL;
    *place = r;
}

/* Readers of one directory share its watch. */
static void reader_free(struct proc *p, struct reader *r) {
    bool shared = false;
    for (const struct reader *other = p->readers; other; other = other->next)
        shared = shared || other->watch == r->watch;
    if (r->watch >= 0 && !shared)
        inotify_rm_watch(p->inotify_fd, r->watch);
    fd_close(&r->file_fd);
    fd_close(&r->directory_fd);
    mem_free(r);
}

void readers_free(struct proc *p) {
    while (p->readers) {
        struct reader *r = p->readers;
        p->readers = r->next;
        reader_free(p, r);
    }
}

static void readers_rouse(struct proc *p) {
    for (struct reader *r = p->readers; r; r = r->next)
        r->waiting = false;
    if (p->readers && !p->polling)
        proc_wake(p);
}

void readers_changed(struct proc *p) {
    _Alignas(struct inotify_event) char events[4096];
    while (read(p->inotify_fd, events, sizeof events) > 0)
        ;
    readers_rouse(p);
}

void readers_task_ended(struct proc *p, const struct proc_task *t) {
    (void)t;
    readers_rouse(p);
}

/* ---- reading ------------------------------------------------------------------------------------------- */

static bool task_ended(const struct proc *p, const struct reader *r) {
    const struct proc_task *t = task_find(p, r->instance, bytes_str(r->task));
    return !t || t->final || t->lost;
}

static struct queued *queue_data(struct proc *p, const struct reader *r, bool end, int error) {
    struct queued *q = proc_queue(p, PROC_LOG_DATA, NULL);
    q->handle = r->handle;
    q->instance = r->instance;
    memcpy(q->task, r->task, sizeof q->task);
    q->end = end;
    q->error = error;
    return q;
}

static bool file_open(struct reader *r, uint64_t number) {
    char name[LOG_NAME_SIZE];
    log_name(r->is_stderr, number, name);
    int fd = openat(r->directory_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return false;
    fd_close(&r->file_fd);
    r->file_fd = fd;
    r->number = number;
    return true;
}

/* The file after the one that is open; when that was removed, the oldest that is left. */
static bool file_advance(struct reader *r) {
    uint64_t first, last;
    struct stat stat;
    if (r->file_fd >= 0 && file_open(r, r->number + 1))
        return true;
    if (r->file_fd >= 0 && (fstat(r->file_fd, &stat) < 0 || stat.st_nlink > 0))
        return false;
    uint64_t from = r->file_fd >= 0 ? r->number + 1 : r->number;
    return log_numbers_find(r->directory_fd, r->is_stderr, from, &first, &last) && file_open(r, first);
}

/* Whether there is another file, asked before the end of this one is read for the last time. */
static bool file_followed(const struct reader *r) {
    char name[LOG_NAME_SIZE];
    struct stat stat;
    log_name(r->is_stderr, r->number + 1, name);
    return fstatat(r->directory_fd, name, &stat, AT_SYMLINK_NOFOLLOW) == 0 ||
           (fstat(r->file_fd, &stat) == 0 && stat.st_nlink == 0);
}

static bool read_some(struct proc *p, struct reader *r) {
    struct buf data = {0};
    size_t size = r->credit_bytes < CHUNK_SIZE ? (size_t)r->credit_bytes : CHUNK_SIZE;
    buf_reserve(&data, size);
    ssize_t got = read(r->file_fd, data.data, size);
    if (got <= 0) {
        buf_done(&data);
        return false;
    }
    data.size = (size_t)got;
    r->credit_bytes -= (uint64_t)got;
    queue_data(p, r, false, 0)->data = data;
    return true;
}

/* True: an event was queued. */
static bool reader_step(struct proc *p, struct reader *r, bool *ret_end) {
    bool ended = !r->follow || task_ended(p, r);
    for (;;) {
        bool followed = r->file_fd >= 0 && file_followed(r);
        if (r->file_fd >= 0 && read_some(p, r))
            return true;
        if ((r->file_fd < 0 || followed) && file_advance(r))
            continue;
        r->waiting = true;
        *ret_end = ended;
        if (ended)
            queue_data(p, r, true, 0);
        return ended;
    }
}

bool readers_step(struct proc *p) {
    struct reader **place = &p->readers;
    while (*place && ((*place)->waiting || (*place)->credit_bytes == 0))
        place = &(*place)->next;
    struct reader *r = *place;
    if (!r)
        return false;
    bool end = false;
    reader_step(p, r, &end);
    *place = r->next;
    if (end)
        reader_free(p, r);
    else
        reader_append(p, r);
    return true;
}

/* ---- doorway ------------------------------------------------------------------------------------------- */

static uint64_t file_size(const struct reader *r, uint64_t number) {
    char name[LOG_NAME_SIZE];
    struct stat stat;
    log_name(r->is_stderr, number, name);
    return fstatat(r->directory_fd, name, &stat, AT_SYMLINK_NOFOLLOW) == 0 ? (uint64_t)stat.st_size : 0;
}

static void tail_find(struct reader *r, uint64_t tail_bytes) {
    uint64_t first, last, sum = 0;
    if (tail_bytes == 0 || !log_numbers_find(r->directory_fd, r->is_stderr, 0, &first, &last))
        return;
    for (uint64_t number = last;; number--) {
        sum += file_size(r, number);
        if (sum < tail_bytes && number > first)
            continue;
        if (file_open(r, number) && sum > tail_bytes)
            lseek(r->file_fd, (off_t)(sum - tail_bytes), SEEK_SET);
        return;
    }
}

static int reader_open(struct proc *p, struct reader *r, struct bytes task) {
    char path[TASK_PATH_MAX], fd_path[64];
    if (!task_name_valid(task))
        return ERR_NOT_FOUND;
    memcpy(r->task, task.data, task.size);
    task_path(r->instance, task, path);
    r->directory_fd = openat(p->root_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (r->directory_fd < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    if (!r->follow)
        return 0;
    snprintf(fd_path, sizeof fd_path, "/proc/self/fd/%d", r->directory_fd);
    r->watch = inotify_add_watch(p->inotify_fd, fd_path, IN_MODIFY | IN_CREATE);
    if (r->watch < 0 && errno == ENOSPC)
        return ERR_LIMIT;
    return r->watch < 0 ? ERR_IO : 0;
}

void proc_log_open(struct proc *p, uint64_t handle, struct instance_id instance, struct bytes task,
                   bool is_stderr, bool follow, uint64_t tail_bytes) {
    struct reader *r = mem_alloc(sizeof *r);
    starts_hurry(p, instance);
    *r = (struct reader){.handle = handle,
                         .instance = instance,
                         .is_stderr = is_stderr,
                         .follow = follow,
                         .directory_fd = -1,
                         .file_fd = -1,
                         .watch = -1};
    int error = *reader_place(p, handle) ? ERR_EXISTS : reader_open(p, r, task);
    if (error) {
        struct queued *q = queue_data(p, r, true, error);
        if (error == ERR_NOT_FOUND)
            buf_printf(&q->text, "there is no output of this task here");
        else if (error == ERR_LIMIT)
            buf_printf(&q->text, "cannot follow the output: fs.inotify.max_user_watches is reached");
        else
            buf_printf(&q->text, "cannot read the output: %s",
                       error == ERR_IO ? errno_text(errno) : err_str(error));
        reader_free(p, r);
        return;
    }
    tail_find(r, tail_bytes);
    reader_append(p, r);
}

void proc_log_credit(struct proc *p, uint64_t handle, uint64_t bytes) {
    struct reader *r = *reader_place(p, handle);
    if (!r)
        return;
    r->credit_bytes = r->credit_bytes > UINT64_MAX - bytes ? UINT64_MAX : r->credit_bytes + bytes;
    proc_wake(p);
}

void proc_log_close(struct proc *p, uint64_t handle) {
    struct reader **place = reader_place(p, handle), *r = *place;
    if (!r)
        return;
    *place = r->next;
    reader_free(p, r);
}
