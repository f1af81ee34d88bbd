/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_BYTES_MAX_DEFAULT (UINT64_C(4) << 30)

/* ---- opening ------------------------------------------------------------------------------------------- */

static int directory_open(struct store *s, char *ret_text, size_t text_size) {
    bool made = mkdir(s->path, 0700) == 0;
    if (!made && errno != EEXIST)
        return store_error(ret_text, text_size, s->path, "cannot be made", errno);
    s->directory = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->directory < 0)
        return store_error(ret_text, text_size, s->path, "cannot be opened", errno);
    int parent = made ? openat(s->directory, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (parent >= 0) {
        int failed = fsync(parent) == 0 ? 0 : errno;
        close(parent);
        if (failed)
            return store_error(ret_text, text_size, s->path, "cannot be flushed", failed);
    }
    return 0;
}

static int lock_taken(struct store *s, char *ret_text, size_t text_size) {
    char pid[32] = "";
    ssize_t size = pread(s->lock, pid, sizeof pid - 1, 0);
    if (size > 0)
        pid[strcspn(pid, "\n")] = 0;
    snprintf(ret_text, text_size,
             "%s: in use by the agent with pid %s; each agent needs a data directory of its own", s->path,
             pid[0] ? pid : "?");
    return ERR_BUSY;
}

/* The lock is the kernel's and ends with the process; the pid in the file is only for people. */
static int directory_lock(struct store *s, char *ret_text, size_t text_size) {
    s->lock = openat(s->directory, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (s->lock < 0)
        return store_error(ret_text, text_size, s->path, "cannot be locked", errno);
    if (flock(s->lock, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            return lock_taken(s, ret_text, text_size);
        return store_error(ret_text, text_size, s->path, "cannot be locked", errno);
    }
    char pid[32];
    int size = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    if (ftruncate(s->lock, 0) != 0 || pwrite(s->lock, pid, (size_t)size, 0) != size)
        return store_error(ret_text, text_size, s->path, "cannot be locked", errno);
    return 0;
}

/* It takes no signals: those are the event loop's. */
static int maker_start(struct store *s, char *ret_text, size_t text_size) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&s->maker, NULL, store_maker, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    s->maker_started = !error;
    return error ? store_error(ret_text, text_size, s->path, "no thread for it", error) : 0;
}

static int store_begin(struct store *s, const struct store_options *options, char *ret_text,
                       size_t text_size) {
    int error = directory_open(s, ret_text, text_size);
    if (!error)
        error = directory_lock(s, ret_text, text_size);
    if (error)
        return error;
    s->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->event < 0)
        return store_error(ret_text, text_size, s->path, "no eventfd for it", errno);
    uint64_t bytes_max = options->read_bytes_max ? options->read_bytes_max : READ_BYTES_MAX_DEFAULT;
    error = store_files_read(s, bytes_max, ret_text, text_size);
    return error ? error : maker_start(s, ret_text, text_size);
}

int store_open(const struct store_options *options, struct store **ret_store, char *ret_text,
               size_t text_size) {
    struct store *s = mem_alloc(sizeof *s);
    size_t path_size = strlen(options->directory) + 1;
    s->path = mem_alloc(path_size);
    memcpy(s->path, options->directory, path_size);
    s->calls = options->calls ? *options->calls : store_calls_system;
    if (!s->calls.pread)
        s->calls.pread = store_calls_system.pread;
    s->directory = s->lock = s->event = -1;
    pthread_mutex_init(&s->mutex, NULL);
    pthread_cond_init(&s->maker_wanted, NULL);
    pthread_cond_init(&s->made, NULL);
    int error = store_begin(s, options, ret_text, text_size);
    if (error) {
        store_close(s);
        return error;
    }
    *ret_store = s;
    return 0;
}

/* ---- closing ------------------------------------------------------------------------------------------- */

static void fd_close(int fd) {
    if (fd >= 0)
        close(fd);
}

void store_close(struct store *s) {
    if (!s)
        return;
    if (s->maker_started) {
        while (store_waits(s))
            store_run(s);
        pthread_mutex_lock(&s->mutex);
        s->closing = true;
        pthread_mutex_unlock(&s->mutex);
        pthread_cond_signal(&s->maker_wanted);
        pthread_join(s->maker, NULL);
    }
    store_open_files_close(s);
    while (s->done_first) {
        struct done_item *item = s->done_first;
        s->done_first = item->next;
        mem_free(item);
    }
    while (s->homeless.first) {
        struct job *job = s->homeless.first;
        s->homeless.first = job->next;
        mem_free(job);
    }
    store_files_release(s);
    fd_close(s->event);
    fd_close(s->lock);
    fd_close(s->directory);
    pthread_cond_destroy(&s->maker_wanted);
    pthread_cond_destroy(&s->made);
    pthread_mutex_destroy(&s->mutex);
    mem_free(s->path);
    mem_free(s);
}

/* ---- use ----------------------------------------------------------------------------------------------- */

const struct disk_file *store_files(const struct store *s, size_t *ret_count) {
    *ret_count = s->files_count;
    return s->files;
}

void store_files_release(struct store *s) {
    for (size_t i = 0; i < s->files_count; i++)
        mem_free((void *)(uintptr_t)s->files[i].data.data);
    mem_free(s->files);
    s->files = NULL;
    s->files_count = 0;
}

int store_submit(struct store *s, const struct disk_op *op) {
    size_t copied = op->lasting ? 0 : op->data.size;
    struct job *job = mem_realloc(NULL, sizeof *job + copied); /* zeros are not wanted */
    *job = (struct job){.op = *op};
    if (copied > 0) {
        memcpy(job + 1, op->data.data, op->data.size);
        job->op.data.data = (const uint8_t *)(job + 1);
    }
    pthread_mutex_lock(&s->mutex);
    int error = s->error;
    if (!error) {
        store_list_push(&s->flushing, job);
        s->backlog_bytes += op->data.size;
    }
    pthread_mutex_unlock(&s->mutex);
    if (error)
        mem_free(job);
    return error;
}

bool store_waits(const struct store *s) {
    struct store *unlocked = (struct store *)(uintptr_t)s;
    pthread_mutex_lock(&unlocked->mutex);
    bool waits = s->flushing.first != NULL;
    pthread_mutex_unlock(&unlocked->mutex);
    return waits;
}

int store_fd(const struct store *s) { return s->event; }

bool store_poll(struct store *s, struct store_done *ret_done) {
    uint64_t count;
    pthread_mutex_lock(&s->mutex);
    if (s->event_is_set) {
        ssize_t got = read(s->event, &count, sizeof count);
        (void)got;
        s->event_is_set = false;
    }
    struct done_item *item = s->done_first;
    if (item) {
        s->done_first = item->next;
        if (!item->next)
            s->done_last = NULL;
    }
    pthread_mutex_unlock(&s->mutex);
    if (!item)
        return false;
    *ret_done = item->done;
    mem_free(item);
    return true;
}

uint64_t store_backlog_bytes(const struct store *s) {
    struct store *unlocked = (struct store *)(uintptr_t)s;
    pthread_mutex_lock(&unlocked->mutex);
    uint64_t bytes = s->backlog_bytes;
    pthread_mutex_unlock(&unlocked->mutex);
    return bytes;
}
