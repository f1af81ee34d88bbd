/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The log of wal, carried out by store, with each of its system calls failing once: whatever was told to be
 * durable is found at the next start, nothing is found that was never written, and the log goes on.
 */
#include <covey/store.h>

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rig.h"

#define DEADLINE_MS 20000

enum failure { FAIL_EIO, FAIL_ENOSPC, FAIL_SHORT, FAILURES };

/* What the disk is known to hold of each file: a flush that fails loses some of the rest. */
struct faulty {
    pthread_mutex_t mutex;
    struct rig_disk durable;
    struct prng p;
    enum failure failure;
    unsigned calls_count, fail_at; /* the call that fails; 0: none */
    bool failed;
    char what[80];
};

static void name_of(int fd, char name[WAL_NAME_SIZE]) {
    char link[64], target[256];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, target, sizeof target - 1);
    target[size > 0 ? size : 0] = 0;
    const char *slash = strrchr(target, '/');
    memset(name, 0, WAL_NAME_SIZE);
    snprintf(name, WAL_NAME_SIZE, "%.30s", slash ? slash + 1 : target);
}

/* Under the mutex. */
static bool fails(struct faulty *f, const char *call, const char *name) {
    if (++f->calls_count != f->fail_at)
        return false;
    f->failed = true;
    snprintf(f->what, sizeof f->what, "%s of %s", call, name);
    errno = f->failure == FAIL_ENOSPC ? ENOSPC : EIO;
    return true;
}

static bool call_fails(struct faulty *f, const char *call, const char *name) {
    pthread_mutex_lock(&f->mutex);
    bool failed = fails(f, call, name) && f->failure != FAIL_SHORT;
    pthread_mutex_unlock(&f->mutex);
    return failed;
}

static int faulty_openat(void *context, int directory, const char *name, int flags, mode_t mode) {
    return call_fails(context, "open", name) ? -1 : openat(directory, name, flags, mode);
}

static ssize_t faulty_pwrite(void *context, int fd, const void *data, size_t size, off_t offset) {
    struct faulty *f = context;
    char name[WAL_NAME_SIZE];
    name_of(fd, name);
    pthread_mutex_lock(&f->mutex);
    bool failed = fails(f, "write", name);
    size_t part = failed ? (size_t)prng_below(&f->p, size) : size;
    /* A page cache fills by pages: what it has of a write that failed is whole sectors. */
    if (failed && f->failure != FAIL_SHORT)
        part -= part % WAL_SECTOR_SIZE;
    pthread_mutex_unlock(&f->mutex);
    /* What failed may have been written in part; a short write is no failure. */
    ssize_t written = part > 0 ? pwrite(fd, data, part, offset) : 0;
    if (!failed)
        return written;
    errno = f->failure == FAIL_ENOSPC ? ENOSPC : f->failure == FAIL_EIO ? EIO : EINTR;
    return f->failure == FAIL_SHORT && written > 0 ? written : -1;
}

static void file_load(int fd, struct buf *out) {
    struct stat status;
    cr_assert_eq(fstat(fd, &status), 0);
    buf_reserve(out, (size_t)status.st_size + 1);
    out->size = (size_t)status.st_size;
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int again = open(path, O_RDONLY | O_CLOEXEC);
    cr_assert_eq(pread(again, out->data, out->size, 0), (ssize_t)out->size);
    close(again);
}

/* Under the mutex: some sectors are what they were at the last flush that did not fail. */
static void flush_loses(struct faulty *f, int fd, const char *name) {
    struct disk_file *durable = rig_disk_find(&f->durable, name);
    struct buf now = {0};
    file_load(fd, &now);
    for (size_t at = 0; durable && at < now.size && at < durable->data.size; at += WAL_SECTOR_SIZE) {
        size_t size = now.size - at < WAL_SECTOR_SIZE ? now.size - at : WAL_SECTOR_SIZE;
        if (memcmp(now.data + at, durable->data.data + at, size) != 0 && prng_below(&f->p, 2))
            cr_assert_eq(pwrite(fd, durable->data.data + at, size, (off_t)at), (ssize_t)size);
    }
    buf_done(&now);
}

static void flush_keeps(struct faulty *f, int fd, const char *name) {
    struct buf now = {0};
    file_load(fd, &now);
    struct disk_op op = {.kind = DISK_REPLACE, .data = buf_bytes(&now)};
    snprintf(op.name, sizeof op.name, "%s", name);
    rig_disk_apply(&f->durable, &op);
    buf_done(&now);
}

static int flush(struct faulty *f, int fd, const char *call) {
    char name[WAL_NAME_SIZE];
    name_of(fd, name);
    bool is_file = strncmp(name, "log-", 4) == 0 || strncmp(name, "vote-", 5) == 0;
    pthread_mutex_lock(&f->mutex);
    bool failed = fails(f, call, name) && f->failure != FAIL_SHORT;
    int error = errno;
    if (is_file && failed)
        flush_loses(f, fd, name);
    else if (is_file)
        flush_keeps(f, fd, name);
    pthread_mutex_unlock(&f->mutex);
    errno = error;
    return failed ? -1 : 0;
}
static int faulty_fdatasync(void *context, int fd) { return flush(context, fd, "fdatasync"); }
static int faulty_fsync(void *context, int fd) { return flush(context, fd, "fsync"); }

static int faulty_renameat(void *context, int directory, const char *from, const char *to) {
    return call_fails(context, "rename", to) ? -1 : renameat(directory, from, directory, to);
}
static int faulty_unlinkat(void *context, int directory, const char *name) {
    return call_fails(context, "unlink", name) ? -1 : unlinkat(directory, name, 0);
}

/* ---- a directory --------------------------------------------------------------------------------------- */

static void directory_make(char path[64]) {
    bool memory = access("/dev/shm", W_OK) == 0;
    snprintf(path, 64, "%s/covey-faultsXXXXXX", memory ? "/dev/shm" : "/tmp");
    cr_assert_not_null(mkdtemp(path));
}

static void directory_clear(const char *path) {
    DIR *list = opendir(path);
    const struct dirent *entry;
    while (list && (entry = readdir(list))) {
        char name[400];
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        unlink(name);
    }
    closedir(list);
}

static struct store *directory_open(const char *path, const struct store_calls *calls) {
    struct store_options options = {.directory = path, .calls = calls};
    struct store *s = NULL;
    char text[256] = "";
    cr_assert_eq(store_open(&options, &s, text, sizeof text), 0, "%s", text);
    return s;
}

/* Submits everything and waits until it is told, or until an error is. The last ticket told comes back. */
static uint64_t carry_out(struct store *s, const struct rig_run *run, int *ret_error) {
    uint64_t told = 0, wanted = run->states.count - 1;
    struct store_done done = {0};
    *ret_error = 0;
    for (size_t i = 0; i < run->ops.list.count; i++)
        *ret_error = store_submit(s, &run->ops.list.data[i]);
    while (told < wanted) {
        struct pollfd readable = {.fd = store_fd(s), .events = POLLIN};
        while (!store_poll(s, &done)) {
            if (store_waits(s))
                store_run(s);
            else
                cr_assert_eq(poll(&readable, 1, DEADLINE_MS), 1, "nothing was told in time");
        }
        *ret_error = done.error;
        if (done.error)
            break;
        if (done.ticket == 0)
            continue; /* a warning: no room for what is made ahead */
        cr_assert_eq(done.ticket, told + 1);
        told = done.ticket;
    }
    return told;
}

static void script(struct rig_run *run) {
    rig_run_begin(run, (struct rig_disk){0}, NULL, 4096);
    rig_run_vote(run, 1, 1, 1, 20);
    rig_run_append(run, 0, 2, 700);
    rig_run_append(run, 0, 2, 900);
    rig_run_vote(run, 2, 2, 1, 100);
    rig_run_append(run, 5, 2, 300);
    rig_run_compact(run, 4);
    rig_run_append(run, 0, 1, 5000);
    rig_run_reset(run, 20, 2);
    rig_run_append(run, 0, 1, 300);
}

/* The state that the directory holds, which must be one between what was told and what was asked for. */
static const struct rig_log *found(struct store *s, struct rig_run *run, uint64_t told, const char *what) {
    struct rig_disk disk = {0};
    struct wal_recovery r;
    struct arena arena = {0};
    const struct rig_log *log = NULL;
    const struct disk_file *files = store_files(s, &disk.count);
    mem_copy(disk.files, files, disk.count * sizeof *files);
    rig_recover(&disk, &arena, &r);
    bool good = r.verdict == WAL_CLEAN || r.verdict == WAL_TORN || (r.verdict == WAL_EMPTY && told == 0);
    cr_assert(good, "%s, %llu told: %s", what, (unsigned long long)told, r.text);
    /* Of two states with the same log, a compaction apart, the later one counts. */
    for (uint64_t k = run->states.count; k-- > told;)
        if (rig_log_equal(&run->states.data[k], &r) && !log)
            log = &run->states.data[k];
    cr_assert_not_null(log, "%s, %llu told: (%llu, +%zu]", what, (unsigned long long)told,
                       (unsigned long long)r.base_index, r.entries_count);
    bool voted = false;
    for (uint64_t k = told; k < run->states.count; k++)
        voted = voted || rig_vote_equal(&run->states.data[k].hard, &r.hard);
    cr_assert(voted, "%s, %llu told: term %llu", what, (unsigned long long)told,
              (unsigned long long)r.hard.term);
    arena_done(&arena);
    return log;
}

/* The log goes on from what was found, and is whole at the start after that. */
static void go_on(const char *path, struct store *s, const struct rig_log *log, const char *what) {
    struct rig_disk disk = {0};
    struct rig_log begin = *log;
    struct rig_run run;
    int error = 0;
    const struct disk_file *files = store_files(s, &disk.count);
    mem_copy(disk.files, files, disk.count * sizeof *files);
    struct rig_disk copy = rig_disk_copy(&disk);
    begin.hard.term = 3; /* at least what was found */
    rig_run_begin(&run, copy, &begin, 4096);
    rig_run_vote(&run, 9, 3, 2, 300);
    rig_run_append(&run, 0, 2, 900);
    uint64_t told = carry_out(s, &run, &error);
    cr_assert_eq(error, 0, "%s", what);
    store_close(s);
    s = directory_open(path, NULL);
    cr_assert_eq(found(s, &run, told, what), rig_run_log(&run));
    store_close(s);
    rig_run_done(&run);
}

/* false: there is no such call any more. */
static bool fail_once(const char *path, enum failure failure, unsigned fail_at) {
    struct faulty f = {.failure = failure, .fail_at = fail_at};
    struct store_calls calls = {&f,           faulty_openat,   faulty_pwrite,   faulty_fdatasync,
                                faulty_fsync, faulty_renameat, faulty_unlinkat, NULL};
    struct rig_run run;
    int error = 0;
    pthread_mutex_init(&f.mutex, NULL);
    prng_init(&f.p, fail_at);
    directory_clear(path);
    script(&run);
    struct store *s = directory_open(path, &calls);
    uint64_t told = carry_out(s, &run, &error);
    store_close(s);
    if (failure == FAIL_SHORT || !f.failed)
        cr_assert_eq(error, 0, "%s", f.what);
    else if (failure == FAIL_EIO && told + 1 < run.states.count)
        cr_assert_eq(error, ERR_IO, "%s", f.what);
    else if (failure == FAIL_ENOSPC) /* there was room again when the file was needed */
        cr_assert_eq(error, told + 1 < run.states.count ? ERR_NO_SPACE : 0, "%s", f.what);
    s = directory_open(path, NULL);
    go_on(path, s, found(s, &run, told, f.what), f.what);
    rig_run_done(&run);
    rig_disk_done(&f.durable);
    pthread_mutex_destroy(&f.mutex);
    return f.failed;
}

static void fail_everywhere(enum failure failure) {
    char path[64];
    unsigned fail_at = 1;
    directory_make(path);
    while (fail_once(path, failure, fail_at))
        fail_at++;
    cr_assert_gt(fail_at, 60, "%u calls", fail_at);
    directory_clear(path);
    rmdir(path);
}

Test(wal_faults, each_call_may_fail_with_an_input_output_error) { fail_everywhere(FAIL_EIO); }
Test(wal_faults, each_call_may_find_the_disk_full) { fail_everywhere(FAIL_ENOSPC); }
Test(wal_faults, each_write_may_be_short) { fail_everywhere(FAIL_SHORT); }
