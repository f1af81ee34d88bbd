/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Who leads: timers, pre-votes, votes, and going back to following.
 *
 *     LEARNER --in a configuration--> FOLLOWER --timeout--> PRE_CANDIDATE --majority would--> CANDIDATE
 *        ^                                ^                                                       |
 *        '--out of it, committed----------+--a leader, a higher term, no quorum heard-- LEADER <--'
 *                                                                              majority did
 *
 * A pre-vote promises nothing and changes nothing at either end (thesis 9.6). A vote is durable before it is
 * told, also our own: the requests leave only when term and vote are on disk, or a candidate that crashes
 * could win the same term twice with two logs.
 */
#include "internal.h"

void raft_timer_reset(struct raft *r) {
    int64_t min = r->options.election_min_us;
    r->election_at_us = r->now_us + prng_between(&r->prng, min, 2 * min - 1);
}

/*
 * How long an attempt may take. After RAFT_LEADER_DEAD the next one, after a refusal or a split vote, comes
 * soon; votes are given more time than pre-votes, as a candidate that gives up too early splits the next
 * term.
 */
static void attempt_timer_set(struct raft *r) {
    int64_t beat = r->options.heartbeat_us;
    raft_timer_reset(r);
    if (r->now_us < r->hurry_until_us)
        r->election_at_us =
            r->now_us + (r->role == RAFT_CANDIDATE ? 2 : 1) * prng_between(&r->prng, beat, 2 * beat);
}

/* How many voters come before this one, by id, `dead` left out. */
static int64_t rank(const struct raft *r, const struct node_id *dead) {
    struct raft_id ids[2 * WIRE_VOTERS_MAX];
    size_t count = raft_conf_all(raft_conf_now(r), ids);
    int64_t before = 0;
    for (size_t i = 0; i < count; i++)
        before += !ID_EQUAL(ids[i].node, *dead) && raft_id_compare(&ids[i], &r->options.self) < 0;
    return before;
}

static bool sticky(const struct raft *r) {
    int64_t heard = r->role == RAFT_LEADER ? raft_quorum_heard(r) : r->leader_heard_us;
    return r->leader_known && r->now_us - heard < r->options.election_min_us;
}

/* Leadership ends: what only a leader has goes. */
static void lead_end(struct raft *r) {
    raft_reads_fail(r);
    raft_peers_clear(r);
    r->transfer = false;
}

/* leader NULL: not known. The term may only grow. */
void raft_follow(struct raft *r, uint64_t term, const struct raft_id *leader) {
    assert(term >= r->term);
    if (term > r->term) {
        r->term = term;
        memset(&r->vote, 0, sizeof r->vote);
        r->hard_dirty = true;
        r->leader_known = false;
        raft_fresh_forget(r);
    }
    if (r->role == RAFT_LEADER) {
        lead_end(r);
        r->leader_known = false;
    }
    if (r->role != RAFT_LEARNER && r->role != RAFT_FOLLOWER)
        raft_timer_reset(r);
    r->role = raft_may_campaign(r) ? RAFT_FOLLOWER : RAFT_LEARNER;
    r->votes.count = 0;
    if (!leader)
        return;
    r->leader_known = true;
    r->leader = *leader;
    r->leader_heard_us = r->now_us;
    r->hurry_until_us = 0;
    raft_timer_reset(r);
}

/* Steps down within the term. */
void raft_resign(struct raft *r) { raft_follow(r, r->term, NULL); }

static void vote_count(struct raft *r, const struct raft_id *id, bool granted) {
    for (size_t i = 0; i < r->votes.count; i++) {
        if (raft_id_equal(&r->votes.data[i].id, id))
            return;
    }
    struct raft_vote vote = {.id = *id, .granted = granted};
    VEC_PUSH(&r->votes, vote);
}

static uint64_t vote_value(const struct raft *r, const struct raft_id *id) {
    for (size_t i = 0; i < r->votes.count; i++) {
        if (raft_id_equal(&r->votes.data[i].id, id))
            return r->votes.data[i].granted ? 1 : 0;
    }
    return 0;
}

static bool votes_won(const struct raft *r) { return raft_quorum(r, vote_value) == 1; }

static void votes_ask(struct raft *r, bool pre, bool transfer) {
    struct raft_id ids[2 * WIRE_VOTERS_MAX];
    size_t ids_count = raft_conf_all(raft_conf_now(r), ids);
    for (size_t i = 0; i < ids_count; i++) {
        if (raft_id_equal(&ids[i], &r->options.self))
            continue;
        struct raft_item *item = raft_send(r, &ids[i], pre ? 0 : raft_ticket_hard(r));
        item->message.term = pre ? r->term + 1 : r->term;
        item->message.vote_request = &item->body.vote_request;
        item->body.vote_request = (struct wire_vote_request){
            .pre = pre,
            .last_index = raft_log_last(&r->log),
            .last_term = raft_log_last_term(&r->log),
            .transfer = transfer,
        };
    }
}

/* Stands for election in a new term. */
void raft_stand(struct raft *r, bool transfer) {
    raft_follow(r, r->term + 1, NULL);
    r->role = RAFT_CANDIDATE;
    r->vote = r->options.self;
    r->vote_ticket = raft_ticket_hard(r);
    attempt_timer_set(r);
    votes_ask(r, false, transfer);
}

/* The election timer fired: ask first whether an election would be won. */
void raft_campaign(struct raft *r) {
    assert(raft_may_campaign(r));
    if (r->role == RAFT_CANDIDATE)
        MARK(r, VOTE_SPLIT);
    r->leader_known = false;
    if (raft_sole_voter(r)) {
        raft_stand(r, false);
        return;
    }
    r->role = RAFT_PRE_CANDIDATE;
    r->votes.count = 0;
    attempt_timer_set(r);
    vote_count(r, &r->options.self, true);
    votes_ask(r, true, false);
}

void raft_own_vote(struct raft *r) {
    if (r->role != RAFT_CANDIDATE || r->durable < r->vote_ticket)
        return;
    vote_count(r, &r->options.self, true);
    if (votes_won(r))
        raft_leader_start(r);
}

static bool log_up_to_date(const struct raft *r, const struct wire_vote_request *q) {
    uint64_t term = raft_log_last_term(&r->log);
    return q->last_term > term || (q->last_term == term && q->last_index >= raft_log_last(&r->log));
}

static void vote_answer(struct raft *r, const struct raft_id *to, uint64_t term, bool pre, bool granted) {
    struct raft_item *item = raft_send(r, to, pre ? 0 : raft_ticket_hard(r));
    item->message.term = term;
    item->message.vote_response = &item->body.vote_response;
    item->body.vote_response = (struct wire_vote_response){.pre = pre, .granted = granted};
}

/*
 * A vote is asked of anybody, learner or not: one that was just made a voter may not know it yet. While a
 * leader is heard, requests are not even answered, and move no term: whoever lost contact must not unseat it.
 * The leader's own word (transfer) overrides that.
 */
void raft_vote_request(struct raft *r, const struct wire_raft_message *m) {
    const struct wire_vote_request *q = m->vote_request;
    if (r->role == RAFT_LEADER)
        raft_guest(r, &m->from);
    if (m->term < r->term) {
        vote_answer(r, &m->from, r->term, q->pre, false);
        return;
    }
    if (!q->transfer && sticky(r)) {
        MARK(r, PREVOTE_REFUSED);
        return;
    }
    if (!q->pre && m->term > r->term)
        raft_follow(r, m->term, NULL);
    bool free =
        (id_is_zero(r->vote.node.b, ID_SIZE) && !r->leader_known) || raft_id_equal(&r->vote, &m->from);
    bool granted = (m->term > r->term || free) && log_up_to_date(r, q);
    if (!granted)
        mark_hit(r->options.marks, log_up_to_date(r, q) ? MARK_RAFT_VOTE_TAKEN : MARK_RAFT_VOTE_OLD_LOG);
    if (q->pre) {
        vote_answer(r, &m->from, granted ? m->term : r->term, true, granted);
        return;
    }
    if (granted) {
        r->vote = m->from;
        r->hard_dirty = true;
        raft_follow(r, r->term, NULL); /* an answer to an own pre-vote comes too late */
        raft_timer_reset(r);
    }
    vote_answer(r, &m->from, r->term, false, granted);
}

void raft_vote_response(struct raft *r, const struct wire_raft_message *m) {
    const struct wire_vote_response *a = m->vote_response;
    if (a->pre) {
        if (r->role != RAFT_PRE_CANDIDATE || m->term != r->term + (a->granted ? 1 : 0))
            return;
        vote_count(r, &m->from, a->granted);
        if (votes_won(r))
            raft_stand(r, false);
        return;
    }
    if (r->role != RAFT_CANDIDATE || m->term != r->term)
        return;
    vote_count(r, &m->from, a->granted);
    if (votes_won(r))
        raft_leader_start(r);
}

/*
 * An outside detector holds the leader's host dead. Forget it, so that pre-votes are granted at once, and ask
 * for them soon; again and again for a while, because the others hear of the death at different times. A
 * pre-vote that is refused disturbs nobody.
 *
 * All are told within a moment, so they stand one after the other, a heartbeat apart in the order of their
 * ids: over links as slow as that, chance alone would have several stand at once (bench_elections).
 */
void raft_leader_dead(struct raft *r, const struct node_id *node) {
    if (r->role == RAFT_LEADER || !r->leader_known || !ID_EQUAL(r->leader.node, *node))
        return;
    r->leader_known = false;
    MARK(r, LEADER_DEAD);
    if (!raft_may_campaign(r))
        return;
    r->hurry_until_us = r->now_us + 2 * r->options.election_min_us;
    int64_t beat = r->options.heartbeat_us;
    r->election_at_us = r->now_us + rank(r, node) * beat + prng_between(&r->prng, beat / 5, 2 * beat / 5);
}
