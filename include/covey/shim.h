/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * shim: one task's life, as a table of states and events. The core runs inside the shim process (`covey
 * shim`, hosted by proc/), which is pid 1 of the task's pid namespace and outlives the agent: restarts and
 * stops work with the agent dead. The table is drawn at the top of src/shim/shim.c; the protocol is in
 * proto/shim.md.
 *
 * PURE. shim_feed(), shim_drain(), shim_deadline().
 */
#ifndef COVEY_SHIM_H
#define COVEY_SHIM_H

#include <covey/base.h>
#include <covey/mark.h>
#include <covey/wire.h>

#define SHIM_PROTOCOL_VERSION 1

struct shim;

enum shim_input_kind {
    SHIM_TICK,
    SHIM_BEGIN,        /* the shim is up: start the task */
    SHIM_SPAWNED,      /* pid: exec succeeded */
    SHIM_SPAWN_FAILED, /* text: the command cannot be executed */
    SHIM_EXITED,       /* exit_code, exit_signal of the task's first process */
    SHIM_EMPTY,        /* after SHIM_KILL_ALL, and after SHIM_EXITED: no process of the task is left */
    SHIM_COMMAND,      /* command: from the agent */
    SHIM_ATTACHED,     /* an agent connected: tell it the status */
};
struct shim_input {
    enum shim_input_kind kind;
    uint32_t pid;
    int32_t exit_code;    /* 128 + exit_signal when killed by one */
    uint32_t exit_signal; /* 0 unless killed by one */
    struct bytes text;
    const struct wire_shim_command *command;
    int64_t wall_ms; /* shown, never compared */
};

enum shim_effect_kind {
    SHIM_SPAWN,    /* start the command: answer SPAWNED or SPAWN_FAILED */
    SHIM_KILL,     /* signal to the task's process group */
    SHIM_KILL_ALL, /* SIGKILL to every process of the task (pid namespace, cgroup): answer SHIM_EMPTY */
    SHIM_SAVE,     /* write `status` to the file of that name, then tell the agent, if one is attached */
    SHIM_TELL,     /* tell the agent `status`, which is not new */
    SHIM_EXIT,     /* the shim's work is done */
};
struct shim_effect {
    enum shim_effect_kind kind;
    uint32_t signal;
    /* SAVE, TELL: the newest one. shim_pid, pid_start and boot are the host's to fill in. Strings borrowed
     * until the next call. */
    struct wire_shim_status status;
};

#define SHIM_KILL_SIGNAL_DEFAULT 15  /* SIGTERM, when spec.kill_signal is 0 */
#define SHIM_EXIT_CODE_NOT_RUN   127 /* of a task whose command could not be executed, as a shell has it */
#define SHIM_KILL_AGAIN_US       US_PER_S /* between SHIM_KILL_ALLs while processes are left */

/* spec is copied. */
struct shim *shim_new(const struct wire_shim_spec *spec);
void shim_free(struct shim *s);
void shim_marks(struct shim *s, struct marks *marks); /* borrowed; NULL: none are kept */
/*
 * 0, or ERR_INVALID for an event that this state does not know, or for a signal that does not exist (the
 * state is unchanged). A command that comes too late or too early is no error: it does nothing.
 */
int shim_feed(struct shim *s, int64_t now_us, const struct shim_input *input);
bool shim_drain(struct shim *s, struct shim_effect *ret_effect);
int64_t shim_deadline(const struct shim *s);
enum task_state shim_state(const struct shim *s);

#endif
