/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* The agent's side of proc: the shims that it started or found, and the events that it tells of them. */
#ifndef COVEY_PROC_AGENT_H
#define COVEY_PROC_AGENT_H

#include "common.h"

#include <covey/proc.h>

#include <dirent.h>

#define TASK_KEY_MAX  (ID_SIZE + WIRE_NAME_MAX)
#define TASK_PATH_MAX (ID_TEXT_SIZE + WIRE_NAME_MAX + 1)
#define DIR_DAMAGED   ".damaged" /* in the root: what was not understood, for an operator to look at */
#define DIR_TRASH     ".trash"   /* in the root: what is being removed */
/* In an instance's directory, under a name that no task can have: what COVEY_ALLOC_DIR names. */
#define DIR_SHARED ".alloc"

struct proc_task;

/* What an epoll event points to. */
enum watch_kind { WATCH_WAKE, WATCH_TIMER, WATCH_INOTIFY, WATCH_LINK, WATCH_DEATH };
struct watch {
    enum watch_kind kind;
    struct proc_task *task; /* LINK, DEATH */
};

struct proc_task {
    struct instance_id instance;
    char name[WIRE_NAME_MAX + 1];
    uint8_t key[TASK_KEY_MAX]; /* instance, then name: of the map */
    size_t key_size;
    char path[TASK_PATH_MAX]; /* below the root */
    struct watch link_watch, death_watch;
    struct link link;
    uint32_t link_events; /* that epoll waits for */
    int pid_fd;           /* becomes readable when the shim and with it the task is gone; -1: unknown */
    bool shim_lives;
    bool adopted; /* counted in proc.adopting until its shim has told a status */
    bool final;   /* its end was told */
    bool lost;    /* PROC_LOST was told */
    bool released, keep_output;
    char *group;       /* its control groups, below each site; NULL: none */
    struct buf status; /* the newest, encoded; empty: none */
    bool stop_pending; /* a stop was sent that no status has confirmed: sent again over a new link */
    struct wire_shim_command stop;
    bool told; /* a status came over the link, with ... */
    uint64_t sequence;
    int64_t retry_at_us; /* connect or conclude then; TIME_NEVER_US */
    int64_t retry_delay_us;
    int64_t give_up_us; /* LOST is told then although its control group is not empty */
};

struct queued {
    struct queued *next;
    enum proc_event_kind kind;
    struct instance_id instance;
    char task[WIRE_NAME_MAX + 1];
    int error;
    struct buf spec, status, text, data;
    uint64_t handle;
    bool end;
};

struct reader;
struct start_waiting;

struct proc {
    char *root;
    int root_fd, executable_fd, null_fd;
    char boot_text[ID_TEXT_SIZE];
    struct boot_id boot;
    bool oom_reset;
    struct proc_features features;
    struct cgroup
        sites[CGROUPS_MAX]; /* this agent's own group in each hierarchy that is of use; paths owned */
    size_t sites_count;
    char *cgroup_name; /* without the '/' that it may begin with */
    bool polling, woken;

    int epoll_fd, wake_fd, timer_fd, inotify_fd;
    struct watch wake_watch, timer_watch, inotify_watch;
    int64_t timer_at_us;

    struct map tasks; /* struct proc_task by key */
    VEC(struct proc_task *) graves;
    struct queued *queue_first, *queue_last, *queue_told;
    struct arena arena; /* of the event told last */

    DIR *scan; /* the root; NULL: read to its end */
    bool scan_told;
    bool scan_short;       /* that there are too few descriptors was told ... */
    int64_t scan_again_us; /* ... and then is the next try */
    int64_t scan_until_us; /* SCAN_DONE comes then at the latest, once the directories are read */
    size_t adopting;

    VEC(char *) trash; /* paths below the root, to be removed bit by bit */
    uint64_t trash_count;

    struct reader *readers; /* the next to be served first */

    struct start_waiting *starts, **starts_end; /* in their order; the end is of use when there are any */
    int64_t starts_until_us;                    /* of this turn: later ones wait */
};

/* ---- agent.c ------------------------------------------------------------------------------------------- */

/* Appends an event; the caller fills in the rest. task may be NULL. */
struct queued *proc_queue(struct proc *p, enum proc_event_kind kind, const struct proc_task *task);
/* Makes proc_fd readable until the next poll. */
void proc_wake(struct proc *p);
/* Makes the timer ring at this time of the lease clock or before. */
void proc_timer_at(struct proc *p, int64_t at_us);
int proc_watch(struct proc *p, int fd, uint32_t events, struct watch *watch);

/* ---- task.c -------------------------------------------------------------------------------------------- */

/* False for a name that could not be a file's. */
bool task_name_valid(struct bytes name);
struct proc_task *task_new(struct proc *p, struct instance_id instance, struct bytes name);
struct proc_task *task_find(const struct proc *p, struct instance_id instance, struct bytes name);
/* Out of the map; freed when nothing can point to it any more. */
void task_remove(struct proc *p, struct proc_task *t);
void task_free(struct proc_task *t);
/* Takes an open socket to the shim, and a pidfd or -1; both owned from here. */
void task_connect(struct proc *p, struct proc_task *t, int link_fd, int pid_fd);
/* A directory whose shim may live: connects to it, or concludes that it does not. */
void task_adopt(struct proc *p, struct proc_task *t);
void task_link_ready(struct proc *p, struct proc_task *t, uint32_t events);
void task_death_ready(struct proc *p, struct proc_task *t);
/* Its retry_at_us has come. */
void task_retry(struct proc *p, struct proc_task *t);
void task_release(struct proc *p, struct proc_task *t, bool keep_output);
/* t->group from spec.cgroup. False: it is no path below this agent's own group. */
bool task_group_set(const struct proc *p, struct proc_task *t, struct bytes cgroup);
/* Whether the directory is locked. */
bool shim_lives_in(int parent_fd, const char *path);
void task_path(struct instance_id instance, struct bytes name, char out[TASK_PATH_MAX]);

/* ---- start.c ------------------------------------------------------------------------------------------- */

/* What waits to be started, for a turn's time; false when nothing is left. */
bool starts_step(struct proc *p);
/* What waits of this instance is started at once, because something else is asked of it. */
void starts_hurry(struct proc *p, struct instance_id instance);
/* Forgets what waits. */
void starts_free(struct proc *p);

/* ---- scan.c -------------------------------------------------------------------------------------------- */

int scan_begin(struct proc *p);
/* Looks at some more directories; false when there are none. */
bool scan_step(struct proc *p);
void scan_conclude(struct proc *p);

/* ---- remove.c ------------------------------------------------------------------------------------------ */

/* Removes a task's directory, or all but its output. */
void task_files_remove(struct proc *p, const char *path, bool keep_output);
/* Removes a bounded number of files; false when nothing is left. */
bool trash_step(struct proc *p);
/* Removes what an instance's tasks share, unless one of them is known, and its directory if that is empty. */
void instance_directory_remove(struct proc *p, struct instance_id instance);
int tree_discard(struct proc *p, const char *path);

/* ---- features.c ---------------------------------------------------------------------------------------- */

void features_find(struct proc *p, const char *cgroup_name);
void features_done(struct proc *p);

/* ---- logs.c -------------------------------------------------------------------------------------------- */

/* Reads for one reader that has credit; true when it queued an event. */
bool readers_step(struct proc *p);
void readers_changed(struct proc *p); /* inotify has something */
void readers_task_ended(struct proc *p, const struct proc_task *t);
void readers_free(struct proc *p);

#endif
