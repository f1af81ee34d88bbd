/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * One vote a term, over crashes: of all votes that ever leave a host under one raft id, a granted answer or
 * the request of a candidate, who votes for itself, no two of a term name different candidates. And no run of
 * an agent votes in an older term than an earlier run has told. (Within a run they may leave in any order:
 * they wait for streams.)
 */
#include "truth.h"

struct vote {
    struct raft_id voter, votee;
    uint64_t term;
};
struct told {
    struct raft_id voter;
    uint32_t run;
    uint64_t term, term_before; /* newest of this run, and of those before */
};
struct votes {
    VEC(struct vote) votes;
    VEC(struct told) told; /* one a raft id */
};
extern const struct checker check_votes;

static void see_vote(struct votes *v, struct world *w, const struct sim_host *h, const struct raft_id *voter,
                     uint64_t term, const struct raft_id *votee) {
    for (size_t i = v->votes.count; i-- > 0;) {
        const struct vote *old = &v->votes.data[i];
        if (old->term != term || !raft_id_equal(&old->voter, voter))
            continue;
        if (!raft_id_equal(&old->votee, votee))
            check_fail(w, &check_votes, (int)h->index, "h%u votes twice in term %llu", h->index,
                       (unsigned long long)term);
        return;
    }
    struct vote fresh = {.voter = *voter, .votee = *votee, .term = term};
    VEC_PUSH(&v->votes, fresh);
}

static void see_term(struct votes *v, struct world *w, const struct sim_host *h, const struct raft_id *from,
                     uint64_t term) {
    for (size_t i = 0; i < v->told.count; i++) {
        struct told *old = &v->told.data[i];
        if (!raft_id_equal(&old->voter, from))
            continue;
        if (old->run != h->run && old->term > old->term_before)
            old->term_before = old->term;
        if (term < old->term_before)
            check_fail(w, &check_votes, (int)h->index,
                       "h%u votes in term %llu; before it was started anew it had voted in term %llu",
                       h->index, (unsigned long long)term, (unsigned long long)old->term_before);
        old->term = old->run == h->run && old->term > term ? old->term : term;
        old->run = h->run;
        return;
    }
    struct told fresh = {.voter = *from, .run = h->run, .term = term};
    VEC_PUSH(&v->told, fresh);
}

static void votes_see(void *self, struct world *w, const struct sight *s) {
    struct votes *v = self;
    const struct wire_raft_message *m = s->message != NULL ? s->message->raft : NULL;
    if (m == NULL)
        return;
    const struct raft_id *votee = NULL;
    if (m->vote_response != NULL && m->vote_response->granted && !m->vote_response->pre)
        votee = &m->to;
    if (m->vote_request != NULL && !m->vote_request->pre)
        votee = &m->from;
    if (votee == NULL)
        return;
    see_vote(v, w, s->host, &m->from, m->term, votee);
    see_term(v, w, s->host, &m->from, m->term);
}

static void votes_done(void *self) {
    struct votes *v = self;
    VEC_DONE(&v->votes);
    VEC_DONE(&v->told);
}

const struct checker check_votes = {
    .name = "one-vote",
    .promise = "one vote a term under one raft id, over crashes (Raft thesis 3.4, 3.8)",
    .size = sizeof(struct votes),
    .sees = SEES(SIGHT_EFFECT),
    .see = votes_see,
    .done = votes_done,
};
