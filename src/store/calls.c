/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static int call_openat(void *context, int directory, const char *name, int flags, mode_t mode) {
    (void)context;
    return openat(directory, name, flags, mode);
}
static ssize_t call_pwrite(void *context, int fd, const void *data, size_t size, off_t offset) {
    (void)context;
    return pwrite(fd, data, size, offset);
}
static int call_fdatasync(void *context, int fd) {
    (void)context;
    return fdatasync(fd);
}
static int call_fsync(void *context, int fd) {
    (void)context;
    return fsync(fd);
}
static int call_renameat(void *context, int directory, const char *from, const char *to) {
    (void)context;
    return renameat(directory, from, directory, to);
}
static int call_unlinkat(void *context, int directory, const char *name) {
    (void)context;
    return unlinkat(directory, name, 0);
}
static ssize_t call_pread(void *context, int fd, void *data, size_t size, off_t offset) {
    (void)context;
    return pread(fd, data, size, offset);
}

const struct store_calls store_calls_system = {
    .openat = call_openat,
    .pwrite = call_pwrite,
    .fdatasync = call_fdatasync,
    .fsync = call_fsync,
    .renameat = call_renameat,
    .unlinkat = call_unlinkat,
    .pread = call_pread,
};
