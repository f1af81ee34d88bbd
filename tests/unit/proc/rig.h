/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * An agent's side of proc over a temporary directory, with real shims: this test program, executed again as
 * `covey shim`, is one. Everything is waited for until a deadline, and what was started is ended in
 * rig_done().
 */
#ifndef TEST_PROC_RIG_H
#define TEST_PROC_RIG_H

#include <covey/proc.h>

#include <sys/types.h>

#define TASKS_SEEN_MAX 256

/* What was told of one task. */
struct seen {
    struct instance_id instance;
    char task[WIRE_NAME_MAX + 1];
    bool found, found_status, lost, refused, kept, damaged;
    unsigned statuses;
    enum task_state state, found_state;
    uint64_t sequence;
    uint32_t pid, shim_pid, restarts, exit_signal, restarts_found;
    int32_t exit_code;
    bool failed, stop_asked;
    int error;
    char reason[WIRE_TEXT_MAX + 1];
    char text[1024]; /* of REFUSED, DAMAGED */
};

struct rig {
    char root[128];
    char cgroup[64];
    struct proc *proc;
    struct seen seen[TASKS_SEEN_MAX];
    size_t seen_count;
    bool scan_done;
    unsigned damaged_count;
    char damaged_text[1024];
    pid_t shims[2 * TASKS_SEEN_MAX];
    size_t shims_count;
    struct buf log; /* of handle 1 */
    bool log_end;
    int log_error;
    uint64_t log_credit; /* given again for what came; 0: the test gives it */
    size_t log_events;
};

void rig_init(struct rig *r);
void rig_done(struct rig *r);
/* A suite's .fini: what a test that failed left behind. */
void rig_fini(void);
/* A new agent over the same directory; what was seen is forgotten. */
void rig_attach(struct rig *r);
void rig_detach(struct rig *r);

/* A batch task of an instance `number`: /bin/sh -c script, no restarts, kill_timeout 5 s, raw_exec. */
struct wire_shim_spec rig_spec(struct rig *r, unsigned number, const char *script);
struct instance_id rig_instance(unsigned number);
struct seen *rig_seen(struct rig *r, unsigned number);
void rig_start(struct rig *r, const struct wire_shim_spec *spec);
void rig_command(struct rig *r, unsigned number, struct wire_shim_command command);
void rig_stop(struct rig *r, unsigned number);

/* Polls until `until` holds; fails the test after 30 s. */
#define RIG_WAIT(r, until)                                                                                   \
    do {                                                                                                     \
        int64_t rig_deadline_ms = rig_now_ms() + 30000;                                                      \
        while (!(until)) {                                                                                   \
            cr_assert(rig_now_ms() < rig_deadline_ms, "waited 30 s for %s (reason: %s)", #until,             \
                      (r)->seen[0].reason);                                                                  \
            rig_poll((r), 20);                                                                               \
        }                                                                                                    \
    } while (0)
#define RIG_WAIT_STATE(r, number, wanted) RIG_WAIT((r), rig_seen((r), (number))->state == (wanted))
int64_t rig_now_ms(void);
/* Waits at most so long for something to happen, and takes what did. */
void rig_poll(struct rig *r, int wait_ms);

/* <root>/<instance>/t/<name> */
const char *rig_path(struct rig *r, unsigned number, const char *name);
/* The whole text of a file of a task; empty when it is not there. Borrowed until the next call. */
const char *rig_file(struct rig *r, unsigned number, const char *name);
bool rig_exists(const char *path);
/* Processes with this word in their command line. */
unsigned rig_processes(const char *word);
bool rig_process_lives(pid_t pid);
bool rig_is_root(void);
void rig_stay_dumpable(void);

#endif
