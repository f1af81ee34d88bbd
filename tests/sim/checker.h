/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * What judges a run. A checker keeps one promise: it sees everything that happens, one sight at a time, in
 * the order of true time, and calls check_fail() when the promise is broken. One checker a file (check_*.c),
 * each in the table of checkers.c, where the essay is. A checker reads the world and the nodes, and changes
 * neither: a run with and without it has the same trace hash.
 */
#ifndef SIM_CHECKER_H
#define SIM_CHECKER_H

#include "world.h"

enum sight_kind {
    SIGHT_INPUT,       /* host, input: its node is about to take it */
    SIGHT_EFFECT,      /* host, effect: its node asks for it; it is about to be carried out */
    SIGHT_STEP,        /* host: its node took an input, all effects are drained */
    SIGHT_AGENT_START, /* host: node_new() was just done, nothing fed yet */
    SIGHT_AGENT_GONE,  /* host: killed, or its power was cut; its node is still there to be looked at */
    SIGHT_POWER_CUT,   /* host: after SIGHT_AGENT_GONE and the tasks' SIGHT_PROCESS_ENDs; unsynced sectors are
                          not drawn yet */
    SIGHT_DISK_LOST,   /* host: all its files are gone (identity is kept) */
    SIGHT_PAUSED,      /* host: its agent (whole: the host) does nothing until SIGHT_RESUMED */
    SIGHT_RESUMED,
    SIGHT_DURABLE,     /* host, op: a sync, replace, create or remove was carried out without an error: it and
                          all before it are on the disk now */
    SIGHT_DISK_FAULT,  /* host, op (or NULL), text: a fault was injected */
    SIGHT_NETWORK,     /* cuts, loss or clogging changed */
    SIGHT_SPAWN,       /* host, task: a process has begun */
    SIGHT_PROCESS_END, /* host, task, cause: it has ended */
    SIGHT_CALL,        /* host, request, method, data (named params): an operator asks */
    SIGHT_REPLY,       /* host, request, error, data, text */
    SIGHT_CLIENT_GONE, /* host, request: the answer can never come (its agent died): the operation may have
                          happened or not */
    SIGHT_FAULTS_OVER, /* from here on the hosts of world.core are healthy, connected and stay so */

    /* Raised by truth.c, before the sight of the host that made them so. */
    SIGHT_COMMIT,  /* host, entry, command: committed for the first time; the true state is the one before */
    SIGHT_APPLIED, /* the same, and the true state is the one behind it */

    SIGHTS_COUNT
};
#define SEES(kind) (UINT32_C(1) << (kind))
#define SEES_ALL   UINT32_MAX
_Static_assert(SIGHTS_COUNT <= 32, "a mask has a bit for each sight");

/* Why a process ended, as the world did it: the truth that a checker compares with what was allowed. */
enum end_cause {
    END_OWN,         /* it exited by itself */
    END_SHIM_STOP,   /* its shim signalled it: because of a command, or its own policy */
    END_SHIM_KILLED, /* the fault "a shim is killed": the kernel ended the whole namespace */
    END_POWER,       /* the host's power was cut */
};
const char *end_cause_str(enum end_cause cause);

struct sight {
    enum sight_kind kind;
    struct sim_host *host; /* NULL where there is none; all pointers are borrowed */
    const struct node_input *input;
    const struct node_effect *effect;
    const struct disk_op *op;
    const struct sim_task *task;
    enum end_cause cause;
    uint64_t request;
    struct bytes method, data, text;
    int error;
    const struct wire_peer_message *message; /* SIGHT_EFFECT of NODE_STREAM_SEND: what is in it */
    const struct wire_raft_entry *entry;     /* SIGHT_COMMIT, SIGHT_APPLIED */
    const struct wire_command *command;      /* the same; NULL when the entry holds none */
};

struct checker {
    const char *name;    /* "election-safety": what the mutation table and reports print */
    const char *promise; /* one sentence, with its source; NULL: it only observes, for others */
    size_t size;         /* of its own state, zeroed at the beginning of a run */
    uint32_t sees;       /* SEES(kind) of all that it wants to see */
    void (*see)(void *self, struct world *w, const struct sight *s);
    /*
     * In the liveness phase, asked now and then: is all that it promises come true on the hosts of
     * world.core? false with a reason. NULL: promises nothing of the kind.
     */
    bool (*settled)(void *self, struct world *w, char *ret_text, size_t text_size);
    /* Once, when the run is over and nothing failed. May fail the run. NULL: nothing to say. */
    void (*over)(void *self, struct world *w);
    void (*done)(void *self); /* frees what `self` holds; NULL: nothing */
};

/* The promise of `c` is broken, on host `host` (or -1). The first failure of a run is kept. */
void check_fail(struct world *w, const struct checker *c, int host, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The state of another one, which stands before this one in the table: it has seen this sight already. */
void *checker_self(struct world *w, const struct checker *c);

/* ---- checkers.c: the table ---- */

void checkers_new(struct world *w);
void checkers_see(struct world *w, const struct sight *s);
bool checkers_settled(struct world *w, char *ret_text, size_t text_size);
void checkers_over(struct world *w);
void checkers_free(struct world *w);
/* For --checkers: name and promise of each, until NULL. Observers are left out. */
const struct checker *checkers_at(size_t index);

#endif
