/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Nobody unseats a leader that a majority hears. A term begins with a candidate, and a candidate stands only
 *   after a majority of the voters, of both halves, granted it a pre-vote for that very term,
 *   or when the leader of the term before told it to (a transfer),
 *   or when it is the only voter.
 * And no host moves to a term that nobody stood for: being asked for a pre-vote changes nothing.
 */
#include "truth.h"

struct prevotes {
    uint64_t begun;                         /* newest term that anybody stood for */
    uint64_t stood[HOSTS_MAX];              /* newest term of each host as candidate or leader */
    uint64_t granted[HOSTS_MAX][HOSTS_MAX]; /* to whom, by whom: newest term */
    /* The last one: a host that loses a term with its power, before the disk had it, asks for that again. */
    uint64_t last[HOSTS_MAX][HOSTS_MAX];
    uint64_t called[HOSTS_MAX]; /* the term that a leader told this host to stand for */
};
extern const struct checker check_prevote;

static void see_message(struct prevotes *p, struct world *w, const struct sim_host *from,
                        const struct wire_raft_message *m) {
    const struct sim_host *to = truth_host_of(w, m->to.node);
    if (to == NULL)
        return;
    if (m->timeout_now)
        p->called[to->index] = m->term + 1;
    if (m->vote_response == NULL || !m->vote_response->pre || !m->vote_response->granted)
        return;
    p->last[to->index][from->index] = m->term;
    if (m->term > p->granted[to->index][from->index]) /* an old request may come late */
        p->granted[to->index][from->index] = m->term;
}

static bool majority(const struct prevotes *p, struct world *w, const struct sim_host *h, uint64_t term,
                     const struct raft_id *ids, size_t ids_count) {
    size_t count = 0;
    for (size_t i = 0; i < ids_count; i++) {
        const struct sim_host *voter = truth_host_of(w, ids[i].node);
        count += voter == h || (voter != NULL && (p->granted[h->index][voter->index] == term ||
                                                  p->last[h->index][voter->index] == term));
    }
    return count > ids_count / 2;
}

static void see_standing(struct prevotes *p, struct world *w, const struct sim_host *h,
                         const struct raft *r) {
    uint64_t term = raft_term(r);
    const struct wire_raft_config *c = raft_config_now(r);
    p->stood[h->index] = term;
    if (term > p->begun)
        p->begun = term;
    bool sole = c->voters_count == 1 && c->voters_next_count == 0;
    bool won = majority(p, w, h, term, c->voters, c->voters_count) &&
               (c->voters_next_count == 0 || majority(p, w, h, term, c->voters_next, c->voters_next_count));
    if (!sole && !won && p->called[h->index] != term)
        check_fail(w, &check_prevote, (int)h->index,
                   "h%u stands in term %llu without the pre-votes of a majority", h->index,
                   (unsigned long long)term);
}

static void prevote_see(void *self, struct world *w, const struct sight *s) {
    struct prevotes *p = self;
    const struct raft *r = node_raft(s->host->node);
    if (s->message != NULL && s->message->raft != NULL)
        see_message(p, w, s->host, s->message->raft);
    if (r == NULL)
        return;
    enum raft_role role = raft_role(r);
    uint64_t term = raft_term(r);
    if ((role == RAFT_CANDIDATE || role == RAFT_LEADER) && p->stood[s->host->index] != term)
        see_standing(p, w, s->host, r);
    /* A new cluster begins in term 1, and its one voter stands for the next. */
    if (term > p->begun && term > 1)
        check_fail(w, &check_prevote, (int)s->host->index, "h%u is in term %llu, which nobody stood for",
                   s->host->index, (unsigned long long)term);
}

const struct checker check_prevote = {
    .name = "pre-votes",
    .promise =
        "a term begins only with the pre-votes of a majority or a leader's word (Raft thesis 9.6, 3.10)",
    .size = sizeof(struct prevotes),
    .sees = SEES(SIGHT_EFFECT) | SEES(SIGHT_STEP) | SEES(SIGHT_AGENT_GONE), /* it may die within a step */
    .see = prevote_see,
};
