/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* What both sides of a shim's socket share: files, frames, clocks, names. */
#ifndef COVEY_PROC_COMMON_H
#define COVEY_PROC_COMMON_H

#include <covey/base.h>
#include <covey/wire.h>

#include <sys/types.h>

/* ---- names in a task's directory ----------------------------------------------------------------------- */

#define FILE_SPEC "spec"
#define FILE_RELEASED                                                                                        \
    "spec.released" /* spec, once the task's end is acknowledged and only its output is kept */
#define FILE_STATUS   "status"
#define FILE_SOCKET   "sock"
#define FILE_WORK     "work"
#define LOG_NAME_SIZE 32 /* "stdout." and any number */

const char *log_stream_name(bool is_stderr);
void log_name(bool is_stderr, uint64_t number, char out[LOG_NAME_SIZE]);
/* The number of an output file's name; false for any other name. */
bool log_name_parse(const char *name, bool is_stderr, uint64_t *ret_number);
/* The lowest and highest number >= from of a stream's files; false when there is none. */
bool log_numbers_find(int directory_fd, bool is_stderr, uint64_t from, uint64_t *ret_first,
                      uint64_t *ret_last);

/* ---- files --------------------------------------------------------------------------------------------- */

void fd_close(int *fd); /* -1 is fine, and what is left behind */
/* Descriptors 0 to 2 are for the standard streams: gives the same file a higher number. */
int fd_above_stdio(int fd);
/* Appends the whole file. ERR_NOT_FOUND, ERR_LIMIT (larger than size_max), ERR_IO. */
int file_read(int directory_fd, const char *name, size_t size_max, struct buf *out);
/* Replaces the file in one step, by a rename; with `sync` it is on the disk when this returns. errno is kept.
 */
int file_replace(int directory_fd, const char *name, struct bytes data, bool sync);
/* For files of the kernel: one write of text to an existing file. */
int file_poke(const char *path, const char *text);
/* The static text of an errno. */
const char *errno_text(int number);

/* ---- processes ----------------------------------------------------------------------------------------- */

/* Start time in clock ticks since boot, from /proc/PID/stat; PID 0 is the caller. ERR_NOT_FOUND. */
int process_stat(pid_t pid, pid_t *ret_pid, uint64_t *ret_start);

/* ---- clocks -------------------------------------------------------------------------------------------- */

/*
 * The lease clock: CLOCK_MONOTONIC_RAW, which no time daemon slews, plus the time that the host slept,
 * CLOCK_BOOTTIME - CLOCK_MONOTONIC.
 */
int64_t lease_now_us(void);
int64_t wall_now_ms(void);

/* ---- frames: 4 bytes of length, big-endian, and a message ---------------------------------------------- */

#define FRAME_MAX 65536 /* bytes of a message */

struct link {
    int fd; /* -1: closed */
    struct buf in, out;
};
void link_close(struct link *l);
/* Appends a frame to what is to be sent. */
void link_put(struct link *l, const struct codec_type *type, const void *message);
/* Sends what the socket takes. ERR_CLOSED when nobody is there any more. */
int link_flush(struct link *l);
/* Reads once, at most a few KiB. ERR_BUSY: nothing there; ERR_CLOSED. */
int link_read(struct link *l);
/*
 * The first message in `in`: borrowed until link_pop. ERR_BUSY: none is complete; ERR_LIMIT: the other end
 * does not speak this protocol.
 */
int link_peek(const struct link *l, struct bytes *ret_message);
void link_pop(struct link *l);

/* ---- control groups ------------------------------------------------------------------------------------ */

/* What a directory of a hierarchy can do for a task. */
#define CGROUP_KILL   1u  /* v2: cgroup.kill */
#define CGROUP_CPU    2u  /* v2: cpu.weight */
#define CGROUP_MEMORY 4u  /* v2: memory.max */
#define CGROUP_SHARES 8u  /* v1: cpu.shares */
#define CGROUP_LIMIT  16u /* v1: memory.limit_in_bytes */

struct cgroup {
    unsigned abilities;
    const char *path; /* absolute */
};
#define CGROUPS_MAX 4

/* Makes the directory and sets its limits. 0, or -errno. */
int cgroup_make(const struct cgroup *group, uint32_t cpu_mhz, uint32_t memory_mib);
/* Sends SIGKILL to all processes in it. False when this hierarchy cannot. */
bool cgroup_kill(const struct cgroup *group);
/* Removes it and the groups that the task made inside. False: processes are left in it. */
bool cgroup_remove(const char *path);

#endif
