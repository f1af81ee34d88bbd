/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * What is true in this world, as far as the log goes: which entries are committed, and the state that they
 * make. Kept by the checker "committed", which sees every host's log grow; for the other checkers to ask.
 */
#ifndef SIM_TRUTH_H
#define SIM_TRUTH_H

#include "checker.h"

struct truth_entry {
    struct wire_raft_entry entry; /* data owned */
    uint32_t crc;                 /* of kind and data */
    uint64_t by_term;             /* of the leader that committed it */
    uint32_t by_host;
    int64_t at_us;
};

/* One host as it was after its last step. */
struct truth_host {
    struct node_id id;
    struct log_id log; /* of its raft id; zero while unknown */
    bool known;        /* id is filled in */
    bool runs;         /* an agent runs and has a log */
    uint32_t run;      /* of the host, when this was seen */
    enum raft_role role;
    uint64_t term, commit, compared;
};

struct truth {
    VEC(struct truth_entry) committed; /* of index 1, 2, 3 ... */
    struct state *state;               /* of all of them, applied one by one */
    struct truth_host hosts[HOSTS_MAX];
    struct arena scratch;
};
extern const struct checker check_committed;

struct truth *truth_of(struct world *w);
/* NULL when it is not committed (yet). */
const struct truth_entry *truth_entry_at(const struct truth *t, uint64_t index);
/* The host with this node id; NULL when there is none. */
struct sim_host *truth_host_of(struct world *w, struct node_id id);
/* At the end of a step, when every checker has compared with what was remembered of the last one. */
void truth_remember(struct world *w, const struct sim_host *h);
/* Is it one of the hosts that must come to rest? Before the faults are over all of them. */
static inline bool truth_in_core(const struct world *w, uint32_t host) {
    return w->core == 0 || ((w->core >> host) & 1) != 0;
}
static inline const struct state *truth_state(struct world *w) { return truth_of(w)->state; }

#endif
