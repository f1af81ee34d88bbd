/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * store_run() takes every operation in order. It writes, flushes and replaces; making and removing files, and
 * replacing large ones, it hands on to the maker, a thread that does that in order as well, and goes on at
 * once: a segment that is made ahead is megabytes of zeros and a flush of its own, and a snapshot as many. It
 * waits for the maker only when it needs the very file. That is all the order that the cores count on: a file
 * is durable before it is written to, and is removed after what made it superfluous is.
 *
 * A file is made ahead so that there is room when it is needed. That there is none to make it is no failure
 * yet: it is tried again when another file was removed, and at last when it is written to.
 */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Much is flushed in pieces, so that a flush of the log never waits long behind it. */
#define PIECE_SIZE  (256 * 1024)
#define VERIFY_SIZE (256 * 1024)

static const char *op_word(enum disk_op_kind kind) {
    switch (kind) {
    case DISK_CREATE: return "making it";
    case DISK_WRITE: return "writing it";
    case DISK_SYNC: return "flushing it";
    case DISK_REMOVE: return "removing it";
    case DISK_SET_ASIDE: return "setting it aside";
    case DISK_REPLACE: return "replacing it";
    }
    return "?";
}

/* ---- lists, under the mutex ---------------------------------------------------------------------------- */

static void list_pop(struct job_list *list) {
    struct job *job = list->first;
    list->first = job->next;
    if (!list->first)
        list->last = NULL;
}

void store_list_push(struct job_list *list, struct job *job) {
    job->next = NULL;
    if (list->last)
        list->last->next = job;
    else
        list->first = job;
    list->last = job;
}

static struct job *list_take(struct job_list *list, const char *name) {
    struct job *before = NULL, *job = list->first;
    while (job && strcmp(job->op.name, name) != 0) {
        before = job;
        job = job->next;
    }
    if (!job)
        return NULL;
    if (before)
        before->next = job->next;
    else
        list->first = job->next;
    if (list->last == job)
        list->last = before;
    return job;
}

static bool list_names(const struct job_list *list, const char *name) {
    for (const struct job *job = list->first; job; job = job->next) {
        if (strcmp(job->op.name, name) == 0)
            return true;
    }
    return false;
}

static void done_push(struct store *s, const struct store_done *done) {
    struct done_item *item = mem_alloc(sizeof *item);
    item->done = *done;
    if (s->done_last)
        s->done_last->next = item;
    else
        s->done_first = item;
    s->done_last = item;
}

void store_tell(struct store *s) {
    uint64_t one = 1;
    pthread_mutex_lock(&s->mutex);
    if (!s->event_is_set) {
        /* It can only fail when it counts to 2^64: it is readable then all the same. */
        ssize_t written = write(s->event, &one, sizeof one);
        (void)written;
    }
    s->event_is_set = true;
    pthread_mutex_unlock(&s->mutex);
}

/* ---- failing ------------------------------------------------------------------------------------------- */

/* The first failure is told and ends everything. */
static void store_fail(struct store *s, const struct disk_op *op, const char *name, int system_error) {
    struct store_done done = {0};
    char path[512];
    snprintf(path, sizeof path, "%s/%s", s->path, name);
    done.error = store_error(done.text, sizeof done.text, path, op_word(op->kind), system_error);
    pthread_mutex_lock(&s->mutex);
    bool first = !s->error;
    if (first) {
        s->error = done.error;
        done_push(s, &done);
    }
    pthread_mutex_unlock(&s->mutex);
    pthread_cond_signal(&s->made);
    if (first)
        store_tell(s);
}

static bool store_failed(struct store *s) {
    pthread_mutex_lock(&s->mutex);
    bool failed = s->error != 0;
    pthread_mutex_unlock(&s->mutex);
    return failed;
}

/* ---- files --------------------------------------------------------------------------------------------- */

/* Each returns 0 or an errno. */
static int fd_write(struct store *s, int fd, const uint8_t *data, size_t size, uint64_t offset) {
    while (size > 0) {
        ssize_t written = s->calls.pwrite(s->calls.context, fd, data, size, (off_t)offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return errno;
        if (written == 0)
            return EIO;
        data += written;
        size -= (size_t)written;
        offset += (uint64_t)written;
    }
    return 0;
}

static int fd_open(struct store *s, const char *name, int flags, int *ret_fd) {
    int fd;
    do {
        fd = s->calls.openat(s->calls.context, s->directory, name, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return errno;
    *ret_fd = fd;
    return 0;
}

static int directory_flush(struct store *s) {
    return s->calls.fsync(s->calls.context, s->directory) == 0 ? 0 : errno;
}

static void open_file_close(struct open_file *f) {
    if (f->name[0])
        close(f->fd);
    *f = (struct open_file){.fd = -1};
}

static void open_file_forget(struct store *s, const char *name) {
    for (size_t i = 0; i < OPEN_FILES_MAX; i++) {
        if (strcmp(s->open_files[i].name, name) == 0)
            open_file_close(&s->open_files[i]);
    }
}

/* The file if it is open; else the place to open it: a free one, or the least recently used that is not
 * dirty. */
static struct open_file *open_file_place(struct store *s, const char *name) {
    struct open_file *place = NULL;
    for (size_t i = 0; i < OPEN_FILES_MAX; i++) {
        struct open_file *f = &s->open_files[i];
        if (strcmp(f->name, name) == 0)
            return f;
        if (!f->dirty && (!place || f->used < place->used))
            place = f;
    }
    return place;
}

static int open_file_get(struct store *s, const char *name, struct open_file **ret_file) {
    struct open_file *f = open_file_place(s, name);
    if (!f)
        return EMFILE;
    if (strcmp(f->name, name) != 0) {
        open_file_close(f);
        int error = fd_open(s, name, O_RDWR, &f->fd);
        if (error)
            return error;
        memcpy(f->name, name, sizeof f->name);
    }
    f->used = ++s->uses_count;
    *ret_file = f;
    return 0;
}

static int fd_write_large(struct store *s, int fd, struct bytes data) {
    int error = 0;
    for (size_t at = 0; at < data.size && !error;) {
        size_t part = data.size - at < PIECE_SIZE ? data.size - at : PIECE_SIZE;
        error = fd_write(s, fd, data.data + at, part, at);
        at += part;
        if (!error && at < data.size && s->calls.fdatasync(s->calls.context, fd) != 0)
            error = errno;
    }
    return error;
}

/* ---- store_run()'s operations -------------------------------------------------------------------------- */

static int op_write(struct store *s, const struct disk_op *op) {
    struct open_file *f = NULL;
    int error = open_file_get(s, op->name, &f);
    if (error)
        return error;
    f->dirty = true;
    return fd_write(s, f->fd, op->data.data, op->data.size, op->offset);
}

/* The name of the file whose flush failed goes to ret_name. */
static int op_sync(struct store *s, const char **ret_name) {
    for (size_t i = 0; i < OPEN_FILES_MAX; i++) {
        struct open_file *f = &s->open_files[i];
        if (!f->dirty)
            continue;
        *ret_name = f->name;
        if (s->calls.fdatasync(s->calls.context, f->fd) != 0)
            return errno;
        f->dirty = false;
    }
    return 0;
}

/* From the disk, not from memory: the log behind a snapshot is cut on the strength of this. */
static int fd_verify(struct store *s, int fd, struct bytes data) {
    uint8_t *found = mem_alloc(data.size < VERIFY_SIZE ? data.size + 1 : VERIFY_SIZE);
    int error = 0;
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    for (size_t at = 0; at < data.size && !error;) {
        size_t part = data.size - at < VERIFY_SIZE ? data.size - at : VERIFY_SIZE;
        ssize_t got = s->calls.pread(s->calls.context, fd, found, part, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            error = errno;
        else if (got == 0 || memcmp(found, data.data + at, (size_t)got) != 0)
            error = EIO;
        else
            at += (size_t)got;
    }
    mem_free(found);
    return error;
}

static int op_replace(struct store *s, const struct disk_op *op) {
    char temporary[PATH_NAME_SIZE];
    int fd = -1;
    snprintf(temporary, sizeof temporary, "%s.tmp", op->name);
    int error = fd_open(s, temporary, O_RDWR | O_CREAT | O_TRUNC, &fd);
    if (error)
        return error;
    error = fd_write_large(s, fd, op->data);
    if (!error && s->calls.fsync(s->calls.context, fd) != 0)
        error = errno;
    if (!error)
        error = fd_verify(s, fd, op->data);
    if (close(fd) != 0 && !error)
        error = errno;
    if (!error && s->calls.renameat(s->calls.context, s->directory, temporary, op->name) != 0)
        error = errno;
    return error ? error : directory_flush(s);
}

/* ---- the maker's operations: these, and replacing what may be large ------------------------------------ */

static int zeros_write(struct store *s, int fd, uint64_t size) {
    static uint8_t zeros[PIECE_SIZE]; /* never written, so it is no memory: the kernel's own page of zeros */
    int error = 0;
    for (uint64_t at = 0; at < size && !error;) {
        size_t part = size - at < PIECE_SIZE ? (size_t)(size - at) : PIECE_SIZE;
        error = fd_write(s, fd, zeros, part, at);
        at += part;
        if (!error && at < size && s->calls.fdatasync(s->calls.context, fd) != 0)
            error = errno;
    }
    return error;
}

static int op_create(struct store *s, const struct disk_op *op) {
    int fd = -1;
    int error = fd_open(s, op->name, O_WRONLY | O_CREAT | O_TRUNC, &fd);
    if (error)
        return error;
    error = zeros_write(s, fd, op->size);
    if (!error && s->calls.fsync(s->calls.context, fd) != 0)
        error = errno;
    if (close(fd) != 0 && !error)
        error = errno;
    return error ? error : directory_flush(s);
}

static int op_remove(struct store *s, const struct disk_op *op) {
    char aside[PATH_NAME_SIZE];
    snprintf(aside, sizeof aside, "bad-%s", op->name);
    int failed = op->kind == DISK_REMOVE ? s->calls.unlinkat(s->calls.context, s->directory, op->name)
                                         : s->calls.renameat(s->calls.context, s->directory, op->name, aside);
    if (failed != 0 && errno != ENOENT)
        return errno;
    return directory_flush(s);
}

/* ---- carrying out -------------------------------------------------------------------------------------- */

/* ticket: to be told, 0: none. */
static void job_finish(struct store *s, struct job_list *list, uint64_t ticket) {
    struct store_done done = {.ticket = ticket};
    pthread_mutex_lock(&s->mutex);
    struct job *job = list->first;
    if (ticket != 0 && !s->error)
        done_push(s, &done);
    list_pop(list);
    s->backlog_bytes -= job->op.data.size;
    pthread_mutex_unlock(&s->mutex);
    mem_free(job);
}

static bool op_is_making(const struct disk_op *op) {
    return op->kind == DISK_CREATE || op->kind == DISK_REMOVE || op->kind == DISK_SET_ASIDE || op->lasting;
}

/* From one list to the other. */
static void job_hand_on(struct store *s) {
    pthread_mutex_lock(&s->mutex);
    struct job *job = s->flushing.first;
    struct job *superseded = list_take(&s->homeless, job->op.name);
    list_pop(&s->flushing);
    store_list_push(&s->making, job);
    pthread_mutex_unlock(&s->mutex);
    pthread_cond_signal(&s->maker_wanted);
    mem_free(superseded);
}

/* Waits until the maker has nothing more to do to the file. False: the store has failed. */
static bool maker_await(struct store *s, const char *name) {
    pthread_mutex_lock(&s->mutex);
    while (!s->error && name[0]) {
        struct job *job = list_take(&s->homeless, name);
        if (job) {
            job->needed = true;
            store_list_push(&s->making, job);
            pthread_cond_signal(&s->maker_wanted);
        } else if (!list_names(&s->making, name))
            break;
        pthread_cond_wait(&s->made, &s->mutex);
    }
    bool failed = s->error != 0;
    pthread_mutex_unlock(&s->mutex);
    return !failed;
}

/* Returns the ticket that is durable by it, 0 for none. */
static uint64_t job_do(struct store *s, const struct disk_op *op) {
    const char *name = op->name;
    int error = 0;
    if (!maker_await(s, op->name))
        return 0;
    if (op->kind == DISK_WRITE)
        error = op_write(s, op);
    else if (op->kind == DISK_SYNC)
        error = op_sync(s, &name);
    else {
        open_file_forget(s, op->name);
        error = op_replace(s, op);
    }
    if (error)
        store_fail(s, op, name, error);
    return error || op->kind == DISK_WRITE ? 0 : op->ticket;
}

void store_run(struct store *s) {
    for (uint64_t ticket = 0; ticket == 0;) {
        pthread_mutex_lock(&s->mutex);
        struct job *job = s->flushing.first; /* it stays in the list meanwhile */
        pthread_mutex_unlock(&s->mutex);
        if (!job)
            break;
        if (op_is_making(&job->op)) {
            open_file_forget(s, job->op.name);
            job_hand_on(s);
            continue;
        }
        ticket = job_do(s, &job->op);
        job_finish(s, &s->flushing, ticket);
    }
}

void store_open_files_close(struct store *s) {
    for (size_t i = 0; i < OPEN_FILES_MAX; i++)
        open_file_close(&s->open_files[i]);
}

/* ---- the maker ----------------------------------------------------------------------------------------- */

/* The job at hand waits until there is room, or until its file is needed. */
static void job_postpone(struct store *s, struct job *job) {
    struct store_done done = {0};
    char path[512];
    snprintf(path, sizeof path, "%s/%s", s->path, job->op.name);
    (void)store_error(done.text, sizeof done.text, path, "making it ahead", ENOSPC);
    (void)s->calls.unlinkat(s->calls.context, s->directory, job->op.name);
    pthread_mutex_lock(&s->mutex);
    bool told = job->told;
    job->told = true;
    list_pop(&s->making);
    store_list_push(&s->homeless, job);
    if (!told)
        done_push(s, &done);
    pthread_mutex_unlock(&s->mutex);
    pthread_cond_signal(&s->made);
    if (!told)
        store_tell(s);
}

static void homeless_try(struct store *s) {
    pthread_mutex_lock(&s->mutex);
    while (s->homeless.first) {
        struct job *job = s->homeless.first;
        list_pop(&s->homeless);
        store_list_push(&s->making, job);
    }
    pthread_mutex_unlock(&s->mutex);
}

static int making_do(struct store *s, const struct disk_op *op) {
    if (op->kind == DISK_CREATE)
        return op_create(s, op);
    return op->kind == DISK_REPLACE ? op_replace(s, op) : op_remove(s, op);
}

static bool is_no_room(int system_error) { return system_error == ENOSPC || system_error == EDQUOT; }

/* The first job, left in its list so that others see it; NULL: the thread ends. */
static struct job *making_await(struct store *s) {
    pthread_mutex_lock(&s->mutex);
    while (!s->making.first && !s->closing)
        pthread_cond_wait(&s->maker_wanted, &s->mutex);
    struct job *job = s->making.first;
    pthread_mutex_unlock(&s->mutex);
    return job;
}

void *store_maker(void *store) {
    struct store *s = store;
    for (;;) {
        struct job *job = making_await(s);
        if (!job)
            break;
        if (!store_failed(s)) {
            int error = making_do(s, &job->op);
            if (is_no_room(error) && job->op.kind == DISK_CREATE && !job->needed) {
                job_postpone(s, job);
                continue;
            }
            if (error)
                store_fail(s, &job->op, job->op.name, error);
            else if (job->op.kind == DISK_REMOVE)
                homeless_try(s);
        }
        uint64_t ticket = job->op.kind == DISK_REPLACE ? job->op.ticket : 0;
        job_finish(s, &s->making, ticket);
        pthread_cond_signal(&s->made);
        if (ticket != 0)
            store_tell(s);
    }
    return NULL;
}
