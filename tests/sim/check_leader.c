/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * A leader's log. It only grows while its leader is in office (Leader Append-Only), and from the first day it
 * holds all that was committed by the leaders of earlier terms (Leader Completeness). By log matching, which
 * another checker sees to, one index stands for all before it.
 */
#include "truth.h"

struct leader {
    uint64_t term; /* in office; 0: not */
    uint64_t last, last_term;
};
struct leaders {
    struct leader hosts[HOSTS_MAX];
};
extern const struct checker check_leader;

static void see_begin(struct world *w, const struct sim_host *h, const struct raft *r) {
    const struct truth *t = truth_of(w);
    uint64_t index = t->committed.count, term = raft_term(r);
    while (index > 0 && t->committed.data[index - 1].by_term >= term)
        index--;
    if (index == 0 || index < raft_first_index(r))
        return;
    uint64_t have = raft_term_at(r, index), want = t->committed.data[index - 1].entry.term;
    if (have != want)
        check_fail(w, &check_leader, (int)h->index,
                   "h%u leads in term %llu without committed index %llu of term %llu (has term %llu there)",
                   h->index, (unsigned long long)term, (unsigned long long)index, (unsigned long long)want,
                   (unsigned long long)have);
}

static void see_office(struct leader *l, struct world *w, const struct sim_host *h, const struct raft *r) {
    uint64_t last = raft_last_index(r);
    bool kept =
        last >= l->last && (l->last < raft_first_index(r) || raft_term_at(r, l->last) == l->last_term);
    if (!kept)
        check_fail(w, &check_leader, (int)h->index,
                   "h%u, in office, has lost index %llu of term %llu from its log", h->index,
                   (unsigned long long)l->last, (unsigned long long)l->last_term);
}

static void leader_see(void *self, struct world *w, const struct sight *s) {
    struct leaders *all = self;
    struct leader *l = &all->hosts[s->host->index];
    const struct raft *r = s->kind == SIGHT_STEP ? node_raft(s->host->node) : NULL;
    if (r == NULL || raft_role(r) != RAFT_LEADER) {
        l->term = 0;
        return;
    }
    if (l->term == raft_term(r))
        see_office(l, w, s->host, r);
    else
        see_begin(w, s->host, r);
    l->term = raft_term(r);
    l->last = raft_last_index(r);
    l->last_term = raft_term_at(r, l->last);
}

const struct checker check_leader = {
    .name = "leader-log",
    .promise = "a leader's log only grows, and holds all that earlier terms committed (Leader Append-Only, "
               "Leader Completeness, Raft thesis 3.5, 3.6.3)",
    .size = sizeof(struct leaders),
    .sees = SEES(SIGHT_STEP) | SEES(SIGHT_AGENT_GONE),
    .see = leader_see,
};
