/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The agent may be writing meanwhile. The order of reading makes up for that: the vote copies first, since
 * they tell what the log holds at least; then the segments from the newest to the oldest, since a newer one
 * tells where the one before it ends. What comes later is then only ever more than what was told.
 */
#include "log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define BYTES_MAX (UINT64_C(4) << 30)
#define PART_SIZE (1u << 20)

static const char *const heads[] = {"vote-", "log-", "snapshot-", "cluster", JOURNAL_FILE_NAME};
static const char aside[] = "bad-";

struct reader {
    struct cli *c;
    struct arena *arena;
    int directory;
    const char *path;
    uint64_t bytes_left;
    struct cli_log_files *files;
};
struct names {
    char (*list)[WAL_NAME_SIZE];
    size_t count, capacity;
};

static bool begins(const char *text, const char *head) { return strncmp(text, head, strlen(head)) == 0; }

static bool name_is_ours(const char *name) {
    bool ours = false;
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        ours |= begins(name, heads[i]);
    return ours && strlen(name) < WAL_NAME_SIZE && strstr(name, ".tmp") == NULL;
}

static int complain(struct reader *r, const char *name, int number) {
    snprintf(r->c->text, sizeof r->c->text, "%s%s%s: %s", r->path, name[0] ? "/" : "", name,
             strerror(number));
    return number == ENOENT ? ERR_NOT_FOUND : ERR_IO;
}

/* A sector that cannot be read is 0xff, as the agent reads it. */
static void sectors_fill(struct reader *r, int fd, uint8_t *data, size_t size, uint64_t offset) {
    for (size_t k = 0; k < size; k += WAL_SECTOR_SIZE) {
        size_t part = size - k < WAL_SECTOR_SIZE ? size - k : WAL_SECTOR_SIZE;
        if (pread(fd, data + k, part, (off_t)(offset + k)) == (ssize_t)part)
            continue;
        memset(data + k, 0xff, part);
        r->files->unreadable_count++;
    }
}

/* An errno. */
static int fd_fill(struct reader *r, int fd, uint8_t *data, size_t size) {
    for (size_t at = 0; at < size;) {
        size_t part = size - at < PART_SIZE ? size - at : PART_SIZE;
        ssize_t got = pread(fd, data + at, part, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno != EIO)
            return errno;
        if (got < 0) {
            sectors_fill(r, fd, data + at, part, at);
            got = (ssize_t)part;
        }
        if (got == 0)
            memset(data + at, 0, size - at); /* cut since it was looked at */
        at += got > 0 ? (size_t)got : size - at;
    }
    return 0;
}

static int fd_take(struct reader *r, int fd, const char *name, const char *as) {
    struct stat status;
    if (fstat(fd, &status) != 0)
        return complain(r, name, errno);
    if (!S_ISREG(status.st_mode))
        return 0;
    size_t size = (size_t)status.st_size;
    if (size > r->bytes_left) {
        snprintf(r->c->text, sizeof r->c->text, "%s/%s: more than an agent reads", r->path, name);
        return ERR_LIMIT;
    }
    r->bytes_left -= size;
    /* What the kernel holds and the disk has: from the disk. */
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    uint8_t *data = arena_alloc(r->arena, size + 1);
    int number = fd_fill(r, fd, data, size);
    if (number != 0)
        return complain(r, name, number);
    struct disk_file *f = &r->files->list[r->files->count++];
    *f = (struct disk_file){.data = bytes_of(data, size)};
    memcpy(f->name, as, strlen(as));
    return 0;
}

/* One that is gone by now was removed by the agent. */
static int file_take(struct reader *r, const char *name) {
    int fd = openat(r->directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT ? 0 : complain(r, name, errno);
    int error = fd_take(r, fd, name, name);
    close(fd);
    return error;
}

/* ---- a folder ------------------------------------------------------------------------------------------ */

static int name_compare(const void *x, const void *y) { return strcmp(x, y); }

static int names_list(struct reader *r, struct names *ret) {
    int fd = openat(r->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = fd < 0 ? NULL : fdopendir(fd);
    if (list == NULL) {
        int number = errno;
        if (fd >= 0)
            close(fd);
        return complain(r, "", number);
    }
    for (const struct dirent *e = readdir(list); e != NULL; e = readdir(list)) {
        if (!name_is_ours(e->d_name))
            continue;
        if (ret->count == ret->capacity)
            ret->list = vec_grow(ret->list, &ret->capacity, sizeof *ret->list);
        memset(ret->list[ret->count], 0, sizeof *ret->list);
        memcpy(ret->list[ret->count++], e->d_name, strlen(e->d_name));
    }
    closedir(list);
    if (ret->count > 0)
        qsort(ret->list, ret->count, sizeof *ret->list, name_compare);
    return 0;
}

static int folder_read(struct reader *r) {
    struct names names = {0};
    r->files->list = arena_alloc(r->arena, 2 * sizeof *r->files->list);
    int error = file_take(r, "vote-0");
    if (error == 0)
        error = file_take(r, "vote-1");
    if (error == 0)
        error = names_list(r, &names);
    struct disk_file *list = arena_alloc(r->arena, (names.count + 2) * sizeof *list);
    memcpy(list, r->files->list, r->files->count * sizeof *list);
    r->files->list = list;
    for (size_t i = names.count; i-- > 0 && error == 0;) {
        if (!begins(names.list[i], "vote-"))
            error = file_take(r, names.list[i]);
    }
    mem_free(names.list);
    return error;
}

/* ---- one file ------------------------------------------------------------------------------------------ */

static int one_read(struct reader *r, int fd) {
    const char *slash = strrchr(r->path, '/'), *name = slash != NULL ? slash + 1 : r->path;
    if (begins(name, aside))
        name += strlen(aside);
    if (!name_is_ours(name)) {
        snprintf(r->c->text, sizeof r->c->text,
                 "%s: by its name this is no log-..., vote-..., snapshot-..., cluster or journal file",
                 r->path);
        return ERR_INVALID;
    }
    r->files->is_one = true;
    r->files->list = arena_alloc(r->arena, sizeof *r->files->list);
    return fd_take(r, fd, "", name);
}

int cli_log_read(struct cli *c, const char *path, struct arena *a, struct cli_log_files *ret) {
    struct stat status;
    struct reader r = {.c = c, .arena = a, .path = path, .bytes_left = BYTES_MAX, .files = ret};
    *ret = (struct cli_log_files){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &status) != 0) {
        int number = errno;
        if (fd >= 0)
            close(fd);
        return complain(&r, "", number);
    }
    r.directory = fd;
    int error = S_ISDIR(status.st_mode) ? folder_read(&r) : one_read(&r, fd);
    close(fd);
    return error;
}
