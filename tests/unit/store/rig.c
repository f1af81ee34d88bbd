/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "rig.h"

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

/* ---- a directory, and system calls that fail on demand ------------------------------------------------- */

void name_of(int fd, char name[128]) {
    char link[64], target[256];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, target, sizeof target - 1);
    target[size > 0 ? size : 0] = 0;
    const char *slash = strrchr(target, '/');
    snprintf(name, 128, "%.100s", slash ? slash + 1 : target);
}

/* Whether the call shall fail. */
static bool rig_call(struct rig *r, const char *call, const char *name) {
    bool fails = false;
    pthread_mutex_lock(&r->mutex);
    size_t used = strlen(r->trace);
    snprintf(r->trace + used, sizeof r->trace - used, "%s %s;", call, name);
    if (r->fail_call && strcmp(call, r->fail_call) == 0 &&
        (!r->fail_name || strcmp(name, r->fail_name) == 0)) {
        fails = r->fail_after == 0;
        r->fail_after -= !fails;
    }
    pthread_mutex_unlock(&r->mutex);
    if (fails)
        errno = r->fail_errno;
    return fails;
}

static int rig_openat(void *context, int directory, const char *name, int flags, mode_t mode) {
    return rig_call(context, "open", name) ? -1 : openat(directory, name, flags, mode);
}
static ssize_t rig_pwrite(void *context, int fd, const void *data, size_t size, off_t offset) {
    struct rig *r = context;
    char name[128];
    name_of(fd, name);
    pthread_mutex_lock(&r->mutex);
    r->writes_count++;
    while (r->hold_name && strcmp(name, r->hold_name) == 0 && !r->released)
        pthread_cond_wait(&r->changed, &r->mutex);
    pthread_mutex_unlock(&r->mutex);
    if (rig_call(r, "write", name))
        return -1;
    return pwrite(fd, data, r->write_max && size > r->write_max ? r->write_max : size, offset);
}
static int rig_fdatasync(void *context, int fd) {
    struct rig *r = context;
    char name[128];
    name_of(fd, name);
    pthread_mutex_lock(&r->mutex);
    r->syncs_count++;
    pthread_mutex_unlock(&r->mutex);
    return rig_call(r, "fdatasync", name) ? -1 : fdatasync(fd);
}
static int rig_fsync(void *context, int fd) {
    struct rig *r = context;
    char name[128];
    name_of(fd, name);
    pthread_mutex_lock(&r->mutex);
    r->syncs_count++;
    pthread_mutex_unlock(&r->mutex);
    return rig_call(r, "fsync", name) ? -1 : fsync(fd);
}
static int rig_renameat(void *context, int directory, const char *from, const char *to) {
    return rig_call(context, "rename", to) ? -1 : renameat(directory, from, directory, to);
}
static int rig_unlinkat(void *context, int directory, const char *name) {
    return rig_call(context, "unlink", name) ? -1 : unlinkat(directory, name, 0);
}
static ssize_t rig_pread(void *context, int fd, void *data, size_t size, off_t offset) {
    struct rig *r = context;
    char name[128];
    name_of(fd, name);
    if (r->unreadable && strcmp(name, r->unreadable) == 0 && offset < 1536 && offset + (off_t)size > 1024) {
        errno = EIO;
        return -1;
    }
    ssize_t got = pread(fd, data, size < 700 ? size : 700, offset);
    if (r->altered && strcmp(name, r->altered) == 0 && offset <= 900 && offset + got > 900)
        ((uint8_t *)data)[900 - offset] ^= 1;
    return got;
}

void rig_open(struct rig *r) {
    struct store_options options = {.directory = r->path, .calls = &r->calls};
    char text[256] = "";
    cr_assert_eq(store_open(&options, &r->store, text, sizeof text), 0, "%s", text);
}
void rig_close(struct rig *r) {
    store_close(r->store);
    r->store = NULL;
}

struct rig *rig_begin(void) {
    struct rig *r = mem_alloc(sizeof *r);
    const char *base = getenv("TMPDIR");
    snprintf(r->parent, sizeof r->parent, "%.40s/covey-storeXXXXXX",
             base && strlen(base) <= 40 ? base : "/tmp");
    cr_assert_not_null(mkdtemp(r->parent));
    snprintf(r->path, sizeof r->path, "%s/data", r->parent);
    r->calls = (struct store_calls){r,         rig_openat,   rig_pwrite,   rig_fdatasync,
                                    rig_fsync, rig_renameat, rig_unlinkat, rig_pread};
    pthread_mutex_init(&r->mutex, NULL);
    pthread_cond_init(&r->changed, NULL);
    rig_open(r);
    return r;
}

void rig_end(struct rig *r) {
    store_close(r->store);
    DIR *list = opendir(r->path);
    const struct dirent *entry;
    while (list && (entry = readdir(list))) {
        char path[400];
        snprintf(path, sizeof path, "%s/%s", r->path, entry->d_name);
        unlink(path);
    }
    if (list)
        closedir(list);
    rmdir(r->path);
    rmdir(r->parent);
    mem_free(r);
}

/* ---- operations ---------------------------------------------------------------------------------------- */

int submit(struct rig *r, struct disk_op op, const char *name, const char *data) {
    snprintf(op.name, sizeof op.name, "%s", name);
    if (data) {
        op.data = bytes_str(data);
        op.size = op.data.size;
    }
    return store_submit(r->store, &op);
}
int create(struct rig *r, const char *name, uint64_t size) {
    return submit(r, (struct disk_op){.kind = DISK_CREATE, .size = size}, name, NULL);
}
int put(struct rig *r, const char *name, uint64_t offset, const char *data) {
    return submit(r, (struct disk_op){.kind = DISK_WRITE, .offset = offset}, name, data);
}
int flush(struct rig *r, uint64_t ticket) {
    return submit(r, (struct disk_op){.kind = DISK_SYNC, .ticket = ticket}, "", NULL);
}
int replace(struct rig *r, const char *name, const char *data, uint64_t ticket) {
    return submit(r, (struct disk_op){.kind = DISK_REPLACE, .ticket = ticket}, name, data);
}

/* Waits for the next thing told; fails the test when none comes. */
struct store_done next_done(struct rig *r) {
    struct store_done done = {0};
    struct pollfd readable = {.fd = store_fd(r->store), .events = POLLIN};
    while (!store_poll(r->store, &done)) {
        if (store_waits(r->store))
            store_run(r->store);
        else
            cr_assert_eq(poll(&readable, 1, DEADLINE_MS), 1, "nothing was told in time");
    }
    return done;
}

void file_is(struct rig *r, const char *name, const char *begins) {
    char path[200], data[256] = "";
    snprintf(path, sizeof path, "%s/%s", r->path, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    cr_assert_geq(fd, 0, "%s: %s", path, strerror(errno));
    ssize_t size = read(fd, data, sizeof data - 1);
    close(fd);
    cr_assert_geq(size, (ssize_t)strlen(begins));
    cr_assert_eq(memcmp(data, begins, strlen(begins)), 0, "%s holds %s", name, data);
}
