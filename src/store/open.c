/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * What happens once, at start: lock, clean up, flush, read.
 *
 * An agent that was killed may have left bytes in the page cache that no flush has covered; one whose flush
 * failed has left bytes there that will never reach the disk. Both would be read as if they were durable. So
 * every file is flushed and then dropped from the cache before it is read: what is judged is what the disk
 * holds.
 */
#include "internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static const char *const prefixes[] = {"cluster", "journal", "log-", "snapshot-", "vote-"};
static const char temporary[] = ".tmp";

#define READ_SIZE (1024 * 1024)

int store_error(char *ret_text, size_t text_size, const char *path, const char *what, int system_error) {
    char reason[128];
    snprintf(ret_text, text_size, "%s: %s: %s", path, what, strerror_r(system_error, reason, sizeof reason));
    return system_error == ENOSPC || system_error == EDQUOT ? ERR_NO_SPACE : ERR_IO;
}

enum entry_class { ENTRY_OTHER, ENTRY_OURS, ENTRY_TEMPORARY };

static enum entry_class entry_classify(const char *name) {
    size_t size = strlen(name);
    bool ours = false;
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        ours = ours || strncmp(name, prefixes[i], strlen(prefixes[i])) == 0;
    if (!ours)
        return ENTRY_OTHER;
    if (size > 4 && strcmp(name + size - 4, temporary) == 0)
        return ENTRY_TEMPORARY;
    return size < WAL_NAME_SIZE ? ENTRY_OURS : ENTRY_OTHER;
}

static int fd_read(struct store *s, int fd, uint8_t *data, size_t size, uint64_t offset) {
    while (size > 0) {
        ssize_t got = s->calls.pread(s->calls.context, fd, data, size, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? errno : EIO;
        data += got;
        size -= (size_t)got;
        offset += (uint64_t)got;
    }
    return 0;
}

/* In large pieces; where one cannot be read, in small ones, so that no more is lost than the disk lost. */
static int file_fill(struct store *s, int fd, uint8_t *data, size_t size) {
    for (size_t at = 0; at < size;) {
        size_t part = size - at < READ_SIZE ? size - at : READ_SIZE;
        int error = fd_read(s, fd, data + at, part, at);
        if (error && error != EIO)
            return error;
        for (size_t k = 0; error && k < part; k += WAL_SECTOR_SIZE) {
            size_t sector = part - k < WAL_SECTOR_SIZE ? part - k : WAL_SECTOR_SIZE;
            if (fd_read(s, fd, data + at + k, sector, at + k) != 0)
                memset(data + at + k, 0xff, sector);
        }
        at += part;
    }
    return 0;
}

/* Appends the file to s->files unless it is no regular file. Returns an errno; EFBIG: over the limit. */
static int file_read(struct store *s, const char *name, uint64_t *bytes_left, size_t *capacity) {
    int fd = openat(s->directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return errno;
    struct stat status;
    int error = fstat(fd, &status) == 0 ? 0 : errno;
    if (error || !S_ISREG(status.st_mode)) {
        close(fd);
        return error;
    }
    size_t size = (size_t)status.st_size;
    if (size > *bytes_left) {
        close(fd);
        return EFBIG;
    }
    *bytes_left -= size;
    if (fdatasync(fd) != 0) {
        error = errno;
        close(fd);
        return error;
    }
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    uint8_t *data = mem_alloc(size + 1);
    error = file_fill(s, fd, data, size);
    close(fd);
    if (s->files_count == *capacity)
        s->files = vec_grow(s->files, capacity, sizeof *s->files);
    struct disk_file *f = &s->files[s->files_count++];
    memset(f, 0, sizeof *f);
    memcpy(f->name, name, strlen(name));
    f->data = bytes_of(data, size);
    return error;
}

static int file_compare(const void *x, const void *y) {
    const struct disk_file *a = x, *b = y;
    return strcmp(a->name, b->name);
}

static int entry_take(struct store *s, const char *name, uint64_t *bytes_left, size_t *capacity,
                      char *ret_text, size_t text_size) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", s->path, name);
    int error = 0;
    switch (entry_classify(name)) {
    case ENTRY_OTHER: return 0;
    case ENTRY_TEMPORARY:
        if (unlinkat(s->directory, name, 0) != 0)
            return store_error(ret_text, text_size, path, "cannot be removed", errno);
        return 0;
    case ENTRY_OURS: error = file_read(s, name, bytes_left, capacity); break;
    }
    if (error == EFBIG) {
        snprintf(ret_text, text_size,
                 "%s: the data directory holds more than an agent reads; is that file covey's?", path);
        return ERR_LIMIT;
    }
    return error ? store_error(ret_text, text_size, path, "cannot be read", error) : 0;
}

int store_files_read(struct store *s, uint64_t bytes_max, char *ret_text, size_t text_size) {
    size_t capacity = 0;
    int fd = openat(s->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = fd < 0 ? NULL : fdopendir(fd);
    if (!list) {
        int error = errno;
        if (fd >= 0)
            close(fd);
        return store_error(ret_text, text_size, s->path, "cannot be listed", error);
    }
    int error = 0;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(list);
        if (!entry && errno)
            error = store_error(ret_text, text_size, s->path, "cannot be listed", errno);
        if (!entry || error)
            break;
        error = entry_take(s, entry->d_name, &bytes_max, &capacity, ret_text, text_size);
        if (error)
            break;
    }
    closedir(list);
    if (!error && fsync(s->directory) != 0)
        error = store_error(ret_text, text_size, s->path, "cannot be flushed", errno);
    if (s->files_count > 0)
        qsort(s->files, s->files_count, sizeof *s->files, file_compare);
    return error;
}

uint64_t store_room(const struct store *s) {
    struct statvfs disk;
    if (fstatvfs(s->directory, &disk) != 0)
        return 0;
    return (uint64_t)disk.f_bavail * disk.f_frsize;
}
