/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "common.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- names --------------------------------------------------------------------------------------------- */

const char *log_stream_name(bool is_stderr) { return is_stderr ? "stderr" : "stdout"; }

void log_name(bool is_stderr, uint64_t number, char out[LOG_NAME_SIZE]) {
    snprintf(out, LOG_NAME_SIZE, "%s.%llu", log_stream_name(is_stderr), (unsigned long long)number);
}

bool log_name_parse(const char *name, bool is_stderr, uint64_t *ret_number) {
    const char *stream = log_stream_name(is_stderr);
    size_t size = strlen(stream);
    uint64_t number = 0;
    if (strncmp(name, stream, size) || name[size] != '.' || !name[size + 1])
        return false;
    for (const char *at = name + size + 1; *at; at++) {
        if (*at < '0' || *at > '9' || number > UINT64_MAX / 100)
            return false;
        number = number * 10 + (uint64_t)(*at - '0');
    }
    *ret_number = number;
    return true;
}

bool log_numbers_find(int directory_fd, bool is_stderr, uint64_t from, uint64_t *ret_first,
                      uint64_t *ret_last) {
    int fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    bool found = false;
    if (!directory) {
        fd_close(&fd);
        return false;
    }
    for (struct dirent *entry; (entry = readdir(directory));) {
        uint64_t number;
        if (!log_name_parse(entry->d_name, is_stderr, &number) || number < from)
            continue;
        *ret_first = found && *ret_first < number ? *ret_first : number;
        *ret_last = found && *ret_last > number ? *ret_last : number;
        found = true;
    }
    closedir(directory);
    return found;
}

/* ---- files --------------------------------------------------------------------------------------------- */

void fd_close(int *fd) {
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

int fd_above_stdio(int fd) {
    if (fd < 0 || fd > STDERR_FILENO)
        return fd;
    int higher = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    close(fd);
    return higher;
}

static int read_all(int fd, size_t size_max, struct buf *out) {
    size_t before = out->size;
    struct stat stat;
    if (fstat(fd, &stat) < 0 || S_ISDIR(stat.st_mode))
        return ERR_IO;
    /* Files in /proc say that they are empty. */
    size_t step = stat.st_size > 0 && (uintmax_t)stat.st_size < size_max ? (size_t)stat.st_size + 1 : 4096;
    for (;;) {
        buf_reserve(out, step);
        ssize_t got = read(fd, out->data + out->size, step);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return ERR_IO;
        out->size += (size_t)got;
        if (out->size - before > size_max)
            return ERR_LIMIT;
        if (got == 0 || (stat.st_size > 0 && out->size - before == (size_t)stat.st_size))
            return 0;
    }
}

int file_read(int directory_fd, const char *name, size_t size_max, struct buf *out) {
    int fd = openat(directory_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND : ERR_IO;
    int error = read_all(fd, size_max, out);
    close(fd);
    return error;
}

static int write_all(int fd, struct bytes data) {
    for (size_t done = 0; done < data.size;) {
        ssize_t wrote = write(fd, data.data + done, data.size - done);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return errno == ENOSPC || errno == EDQUOT ? ERR_NO_SPACE : ERR_IO;
        done += (size_t)wrote;
    }
    return 0;
}

static int directory_sync(int directory_fd) {
    int fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int failed = fd < 0 || fsync(fd) < 0;
    fd_close(&fd);
    return failed ? ERR_IO : 0;
}

int file_replace(int directory_fd, const char *name, struct bytes data, bool sync) {
    char temporary[64];
    snprintf(temporary, sizeof temporary, "%s.new", name);
    int fd = openat(directory_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return errno == ENOSPC || errno == EDQUOT ? ERR_NO_SPACE : ERR_IO;
    int error = write_all(fd, data);
    if (!error && sync && fsync(fd) < 0)
        error = ERR_IO;
    int number = errno;
    close(fd);
    errno = number;
    if (!error && renameat(directory_fd, temporary, directory_fd, name) < 0)
        error = ERR_IO;
    if (error)
        return error;
    return sync ? directory_sync(directory_fd) : 0;
}

int file_poke(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t wrote = write(fd, text, strlen(text));
    int error = wrote < 0 ? -errno : 0;
    close(fd);
    return error;
}

const char *errno_text(int number) {
    const char *text = strerrordesc_np(number);
    return text ? text : "unknown error";
}

/* ---- processes ----------------------------------------------------------------------------------------- */

/* "PID (name) S ..." with the start time as field 22; the name may hold anything, so the last ')' ends it. */
int process_stat(pid_t pid, pid_t *ret_pid, uint64_t *ret_start) {
    char path[64];
    struct buf text = {0};
    if (pid)
        snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int error = file_read(AT_FDCWD, pid ? path : "/proc/self/stat", 4096, &text);
    const char *at = error ? NULL : strrchr(buf_str(&text), ')');
    for (int field = 2; at && field < 22; field++)
        at = strchr(at + 1, ' ');
    if (at) {
        *ret_pid = (pid_t)strtol((const char *)text.data, NULL, 10);
        *ret_start = strtoull(at, NULL, 10);
    }
    buf_done(&text);
    return at ? 0 : ERR_NOT_FOUND;
}

/* ---- clocks -------------------------------------------------------------------------------------------- */

static int64_t clock_us(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * US_PER_S + now.tv_nsec / 1000;
}

int64_t lease_now_us(void) {
    return clock_us(CLOCK_MONOTONIC_RAW) + (clock_us(CLOCK_BOOTTIME) - clock_us(CLOCK_MONOTONIC));
}

int64_t wall_now_ms(void) { return clock_us(CLOCK_REALTIME) / US_PER_MS; }
