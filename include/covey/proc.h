/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * proc: tasks as processes. The agent's side starts shims, finds those of an earlier run, talks to them and
 * reads their output files; the shim's side (proc_shim_main) hosts the shim core. SHELL.
 *
 * Like every shell: proc_fd() is an (epoll) descriptor that becomes readable when proc_poll() has something
 * to do; then proc_next() gives events until there are none. Nothing here blocks.
 *
 * Directory of a task: <root>/<instance hex>/<task>/ with `spec`, `status`, `sock`, `stdout.0` ...,
 * `stderr.0` ... and `work/`, the working directory; see proto/shim.md.
 */
#ifndef COVEY_PROC_H
#define COVEY_PROC_H

#include <covey/base.h>
#include <covey/wire.h>

struct proc;

struct proc_options {
    const char *root; /* directory of all instances, made if needed */
    /* Name of this agent's own group, e.g. covey-<node id>: below the agent's own group in each hierarchy or,
     * when it begins with '/', below the hierarchy's mount point. */
    const char *cgroup;
    const char *executable; /* NULL: /proc/self/exe */
    struct boot_id boot;
};

/* What this host can do, found by trying; told as node attributes. */
struct proc_features {
    bool pid_namespace;           /* a shim can be pid 1 of its own */
    bool cgroup_kill;             /* cgroup v2 with cgroup.kill */
    bool kill_certain;            /* either of the two: no process of a task can survive its stop */
    bool limit_cpu, limit_memory; /* enforced by a cgroup controller */
    char cgroup_version[16];      /* "v1", "v2", "none" */
};

enum proc_event_kind {
    /* At start: a task's directory with spec and status (NULL: it has told none). If its shim lives, STATUS
     * follows; if not, then LOST, unless the status says that the task is dead: then it only waits for its
     * release. */
    PROC_FOUND,
    PROC_SCAN_DONE, /* all directories were looked at, and all living shims (that answer in 5 s) told */
    PROC_STATUS,    /* a shim reports */
    PROC_LOST,      /* the shim is gone and no end was told; status: its last word (never dead), or NULL */
    PROC_REFUSED,   /* proc_start could not make the shim: error, text */
    PROC_LOG_DATA,  /* handle, data, end, error */
    PROC_KEPT,      /* at start: what proc_release kept of this instance's output is there */
    PROC_DAMAGED,   /* at start: what cannot be understood (instance may be zero, task empty): error, text;
                       ERR_LIMIT: nothing is, but the scan waits for descriptors */
};
struct proc_event {
    enum proc_event_kind kind;
    struct instance_id instance;
    struct bytes task;                     /* borrowed until the next proc_next, as all below */
    const struct wire_shim_spec *spec;     /* FOUND */
    const struct wire_shim_status *status; /* FOUND (may be NULL), STATUS, LOST (may be NULL) */
    int error;                             /* REFUSED, LOG_DATA (then it is the end) */
    struct bytes text;                     /* REFUSED, DAMAGED, LOG_DATA with an error */
    uint64_t handle;                       /* LOG_DATA, as data and end */
    struct bytes data;
    bool end;
};

/*
 * NULL with text in ret_text when the root cannot be used. Begins the scan. Raises this process's soft limit
 * of open files to the hard one: each task needs two.
 */
struct proc *proc_new(const struct proc_options *options, char *ret_text, size_t text_size);
/* Closes connections; shims and tasks live on. */
void proc_free(struct proc *p);
int proc_fd(const struct proc *p);
void proc_poll(struct proc *p);
bool proc_next(struct proc *p, struct proc_event *ret_event);
const struct proc_features *proc_features(const struct proc *p);

/*
 * spec is copied; directory and cgroup of it are filled in here when empty. Errors come as PROC_REFUSED:
 * ERR_EXISTS when the task is there already, unless it was LOST (then it is started anew in its old
 * directory) or only its output was kept. Not before PROC_SCAN_DONE.
 */
void proc_start(struct proc *p, const struct wire_shim_spec *spec);
/*
 * Commands to a shim; ERR_NOT_FOUND when there is none, ERR_BUSY when it does not read. A stop is repeated
 * until a status confirms it; a signal or a restart may be lost with a connection.
 */
int proc_command(struct proc *p, struct instance_id instance, struct bytes task,
                 const struct wire_shim_command *command);
/*
 * The end is acknowledged: the shim exits, its directory is removed (`keep_output` keeps the output files). A
 * task that has not ended is released when it has. After PROC_LOST and for a task that was FOUND dead it only
 * removes.
 */
void proc_release(struct proc *p, struct instance_id instance, struct bytes task, bool keep_output);
/* Removes the directories of an instance: of tasks that were released (when their shim has gone), lost or
 * kept. */
void proc_remove(struct proc *p, struct instance_id instance);

/* Can `port` be bound on the host text `ip` now, for TCP? */
bool proc_port_free(const char *ip, uint16_t port);

/*
 * Output of a task, rotated files joined; data comes as PROC_LOG_DATA as credit (bytes, none at first)
 * allows. It begins with the oldest file kept, or tail_bytes (when not 0) before the end. With `follow` the
 * end comes when the task is dead and all was read, else when all was read. A reader that is slower than the
 * rotation misses what was removed.
 */
void proc_log_open(struct proc *p, uint64_t handle, struct instance_id instance, struct bytes task,
                   bool is_stderr, bool follow, uint64_t tail_bytes);
void proc_log_credit(struct proc *p, uint64_t handle, uint64_t bytes);
void proc_log_close(struct proc *p, uint64_t handle);

/* `covey shim`: argv as proc_start made it. Never returns to the caller's loop; the value is the exit status.
 */
int proc_shim_main(int argc, char **argv);

#endif
