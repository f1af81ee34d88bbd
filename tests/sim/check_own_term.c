/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * A leader counts hosts for entries of its own term only; what earlier leaders left comes along. So whenever
 * a leader's commit index moves, it comes to lie on an entry of its term. What happens otherwise is figure 8
 * of the paper, an entry on a majority that is replaced all the same: too rare to wait for.
 */
#include "truth.h"

extern const struct checker check_own_term;

static void own_term_see(void *self, struct world *w, const struct sight *s) {
    (void)self;
    const struct truth_host *before = &truth_of(w)->hosts[s->host->index];
    const struct raft *r = node_raft(s->host->node);
    if (r == NULL || raft_role(r) != RAFT_LEADER || !before->runs || before->run != s->host->run ||
        before->role != RAFT_LEADER || before->term != raft_term(r))
        return;
    uint64_t commit = raft_commit_index(r);
    if (commit > before->commit && raft_term_at(r, commit) != raft_term(r))
        check_fail(w, &check_own_term, (int)s->host->index,
                   "h%u, leader in term %llu, commits up to index %llu, which is of term %llu",
                   s->host->index, (unsigned long long)raft_term(r), (unsigned long long)commit,
                   (unsigned long long)raft_term_at(r, commit));
}

const struct checker check_own_term = {
    .name = "commits-own-term",
    .promise = "a leader commits by counting only what is of its own term (Raft thesis 3.6.2)",
    .size = 1,
    .sees = SEES(SIGHT_STEP),
    .see = own_term_see,
};
