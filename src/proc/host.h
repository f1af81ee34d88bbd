/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* The shim's side of proc: what hosts the shim core in a process of its own. */
#ifndef COVEY_PROC_HOST_H
#define COVEY_PROC_HOST_H

#include "common.h"

#include <covey/shim.h>

/* ---- users --------------------------------------------------------------------------------------------- */

#define USER_GROUPS_MAX 256

struct user {
    uid_t uid;
    gid_t gid;
    gid_t groups[USER_GROUPS_MAX];
    size_t groups_count;
};
/*
 * A name or a number out of a file like /etc/passwd with its groups out of one like /etc/group: read
 * directly, since the C library's name service cannot be linked statically. ERR_NOT_FOUND; ERR_IO when a file
 * cannot be read.
 */
int user_find(const char *passwd_path, const char *group_path, struct bytes name, struct user *ret);

/* ---- output -------------------------------------------------------------------------------------------- */

/* One stream of the task: a pipe that the shim empties into numbered files. */
struct output {
    bool is_stderr;
    bool numbered;   /* the directory was looked at */
    int pipe_fd;     /* reading end; -1: closed */
    int file_fd;     /* -1: not open */
    uint64_t number; /* of the file */
    uint64_t size;   /* of the file */
    uint64_t size_max;
    uint64_t files_max;
};
#define OUTPUT_SIZE_DEFAULT  (UINT64_C(10) << 20)
#define OUTPUT_SIZE_MIN      UINT64_C(4096) /* smaller files would cost more than they hold */
#define OUTPUT_FILES_DEFAULT 10

void output_init(struct output *o, bool is_stderr, const struct wire_shim_spec *spec);
/* Makes a new pipe; gives the writing end. 0 or -errno. */
int output_open(struct output *o, int *ret_write_fd);
/* Moves at most one buffer. False: the pipe is at its end and closed. */
bool output_move(struct output *o);
/* Moves all that is in the pipe, and closes it. */
void output_finish(struct output *o);

/* ---- starting ------------------------------------------------------------------------------------------ */

struct spawn {
    const struct wire_shim_spec *spec;
    const struct cgroup *groups;
    size_t groups_count;
    bool oom_reset;         /* the agent's own oom_score_adj is not to be inherited */
    struct output *outputs; /* stdout, stderr */
};
/*
 * Starts the task's command. Gives its pid as the shim sees it and as the host sees it (0: unknown); or
 * ERR_FAILED, with why in `text`.
 */
int spawn_start(const struct spawn *s, pid_t *ret_pid, pid_t *ret_host_pid, struct buf *text);

/* ---- the host ------------------------------------------------------------------------------------------ */

#define LINKS_MAX 4        /* one agent, and room for strays that never say anything */
#define RETRY_US  US_PER_S /* after a status that could not be written, a socket that could not be made */

struct host_link {
    struct link link;
    bool behind; /* it has not been sent the newest status */
};

struct host {
    struct arena arena;
    struct buf spec_data;
    struct wire_shim_spec spec;
    struct shim *core;
    struct wire_shim_status identity; /* shim_pid, pid_start, boot */
    struct cgroup groups[CGROUPS_MAX];
    size_t groups_count;
    bool oom_reset;
    bool init;     /* pid 1 of a namespace */
    bool leaving;  /* the core said so, or the host goes down */
    bool farewell; /* the host goes down */
    bool clearing; /* SHIM_KILL_ALL is not yet answered */
    bool dead;
    bool unsaved;   /* the newest status is not in the file: it will be at save_at_us */
    bool save_due;  /* ... which has come */
    pid_t task_pid; /* as seen here; 0: none */
    struct output outputs[2];
    int signal_fd, timer_fd, listen_fd;
    struct host_link links[LINKS_MAX]; /* oldest first */
    size_t links_count;
    int64_t listen_at_us, save_at_us, sync_at_us; /* TIME_NEVER_US: nothing to do */
    int64_t alarm_us;                             /* what the timer is set for */
};

/* From SHIM_BEGIN to the end. */
void host_run(struct host *h);
void host_feed(struct host *h, struct shim_input input);
/* Makes *at_us no later than in delay_us. */
void host_later(int64_t *at_us, int64_t delay_us);

void host_listen(struct host *h);
void host_link_add(struct host *h, int fd);
void host_link_accept(struct host *h);
void host_link_ready(struct host *h, size_t index, short events);
void host_status(struct host *h, struct wire_shim_status *status, bool save);
void host_status_sync(struct host *h);
/* Has the core tell its status once more. */
void host_tell(struct host *h);

#endif
