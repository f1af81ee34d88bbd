/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Output goes through a pipe and the shim, so that it can be cut into files: the newest has the highest
 * number, and files are only ever appended to or removed, so that a reader can follow them without any
 * agreement. One that cannot be written (a full disk) loses output; it never stops the task.
 */

#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOVE_SIZE 32768 /* bytes of stack; half a pipe */

void output_init(struct output *o, bool is_stderr, const struct wire_shim_spec *spec) {
    *o = (struct output){.is_stderr = is_stderr, .pipe_fd = -1, .file_fd = -1};
    o->size_max = spec->log_size_max ? spec->log_size_max : OUTPUT_SIZE_DEFAULT;
    o->files_max = spec->log_files_max ? spec->log_files_max : OUTPUT_FILES_DEFAULT;
    if (o->size_max < OUTPUT_SIZE_MIN)
        o->size_max = OUTPUT_SIZE_MIN;
}

int output_open(struct output *o, int *ret_write_fd) {
    int fds[2];
    fd_close(&o->pipe_fd);
    if (pipe2(fds, O_CLOEXEC) < 0)
        return -errno;
    o->pipe_fd = fds[0];
    *ret_write_fd = fds[1];
    return 0;
}

/* Removes the files that the newest one leaves no room for. */
static void prune(const struct output *o) {
    uint64_t first, last;
    if (o->number < o->files_max || !log_numbers_find(AT_FDCWD, o->is_stderr, 0, &first, &last))
        return;
    for (uint64_t number = first; number + o->files_max <= o->number; number++) {
        char name[LOG_NAME_SIZE];
        log_name(o->is_stderr, number, name);
        unlink(name);
    }
}

/* A task that was here before (its output was kept) goes on in its last file. */
static bool file_open(struct output *o) {
    uint64_t first;
    char name[LOG_NAME_SIZE];
    struct stat stat;
    if (!o->numbered)
        log_numbers_find(AT_FDCWD, o->is_stderr, 0, &first, &o->number);
    o->numbered = true;
    log_name(o->is_stderr, o->number, name);
    o->file_fd = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (o->file_fd < 0 || fstat(o->file_fd, &stat) < 0)
        return false;
    o->size = (uint64_t)stat.st_size;
    prune(o);
    return true;
}

static bool file_ready(struct output *o) {
    if (o->file_fd < 0 && !file_open(o))
        return false;
    while (o->size >= o->size_max) {
        fd_close(&o->file_fd);
        o->number++;
        if (!file_open(o))
            return false;
    }
    return true;
}

static void store(struct output *o, const uint8_t *data, size_t size) {
    while (size > 0 && file_ready(o)) {
        uint64_t room = o->size_max - o->size;
        ssize_t wrote = write(o->file_fd, data, room < size ? (size_t)room : size);
        if (wrote <= 0)
            return;
        o->size += (uint64_t)wrote;
        data += wrote;
        size -= (size_t)wrote;
    }
}

bool output_move(struct output *o) {
    uint8_t data[MOVE_SIZE];
    ssize_t got = read(o->pipe_fd, data, sizeof data);
    if (got > 0)
        store(o, data, (size_t)got);
    if (got > 0 || (got < 0 && errno == EINTR))
        return true;
    fd_close(&o->pipe_fd);
    return false;
}

/*
 * Called when no process of the task is left. A writing end may still be somewhere (a descriptor passed over
 * a socket), so the end of the pipe is not waited for.
 */
void output_finish(struct output *o) {
    int waiting;
    while (o->pipe_fd >= 0 && ioctl(o->pipe_fd, FIONREAD, &waiting) == 0 && waiting > 0)
        output_move(o);
    fd_close(&o->pipe_fd);
}
