/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * What only grows while an agent runs: its term, its commit index, the index of its state. The state is never
 * ahead of the commit index, and the commit index never ahead of the log. A log that is given up for a new
 * one, under a new id, begins anew.
 */
#include "truth.h"

struct monotone {
    struct past {
        uint32_t run;
        struct log_id log;
        uint64_t term, commit, state;
    } hosts[HOSTS_MAX];
};
extern const struct checker check_monotone;

static void grows(struct world *w, const struct sim_host *h, const char *what, uint64_t from, uint64_t to) {
    if (to < from)
        check_fail(w, &check_monotone, (int)h->index, "h%u: its %s goes back from %llu to %llu", h->index,
                   what, (unsigned long long)from, (unsigned long long)to);
}

static void at_most(struct world *w, const struct sim_host *h, const char *what, uint64_t low,
                    uint64_t high) {
    if (low > high)
        check_fail(w, &check_monotone, (int)h->index, "h%u: its %s: %llu is ahead of %llu", h->index, what,
                   (unsigned long long)low, (unsigned long long)high);
}

static void monotone_see(void *self, struct world *w, const struct sight *s) {
    struct monotone *m = self;
    const struct sim_host *h = s->host;
    struct past *p = &m->hosts[h->index];
    const struct raft *r = node_raft(h->node);
    if (r == NULL)
        return;
    struct past now = {.run = h->run,
                       .log = raft_self(r).log,
                       .term = raft_term(r),
                       .commit = raft_commit_index(r),
                       .state = state_index(node_state(h->node))};
    if (p->run == h->run && ID_EQUAL(p->log, now.log)) {
        grows(w, h, "term", p->term, now.term);
        grows(w, h, "commit index", p->commit, now.commit);
        grows(w, h, "state's index", p->state, now.state);
    }
    at_most(w, h, "state beside what is committed", now.state, now.commit);
    at_most(w, h, "commit index beside its log", now.commit, raft_last_index(r));
    *p = now;
}

const struct checker check_monotone = {
    .name = "monotone",
    .promise = "term, commit index and applied index of a run never go back (Raft thesis 3.3, 3.5)",
    .size = sizeof(struct monotone),
    .sees = SEES(SIGHT_STEP),
    .see = monotone_see,
};
