/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Each follower as its leader sees it.
 *
 *     PROBE --an append fits--> REPLICATE --refused--> PROBE
 *       '------- what it needs was cut ------> SNAPSHOT --installed, or it is further than that--> PROBE
 *
 * Beside the voters of both halves there are tracked nodes (future voters), former voters until they know
 * that they are, and guests: a former voter that was away asks for votes, because nobody told it. It is told,
 * then dropped.
 */
#include "internal.h"

static size_t peer_place(const struct raft *r, const struct raft_id *id) {
    size_t i = 0;
    while (i < r->peers.count && raft_id_compare(&r->peers.data[i]->id, id) < 0)
        i++;
    return i;
}

struct raft_peer *raft_peer_find(const struct raft *r, const struct raft_id *id) {
    size_t i = peer_place(r, id);
    return i < r->peers.count && raft_id_equal(&r->peers.data[i]->id, id) ? r->peers.data[i] : NULL;
}

struct raft_peer *raft_peer_add(struct raft *r, const struct raft_id *id) {
    struct raft_peer *p = mem_alloc(sizeof *p);
    p->id = *id;
    p->next = raft_log_last(&r->log) + 1;
    p->match_round = r->round;
    p->heard_us = r->now_us;
    VEC_INSERT(&r->peers, peer_place(r, id), p);
    return p;
}

static void peer_free(struct raft_peer *p) {
    VEC_DONE(&p->inflights);
    mem_free(p);
}

void raft_peer_remove(struct raft *r, const struct raft_id *id) {
    size_t i = peer_place(r, id);
    assert(i < r->peers.count && raft_id_equal(&r->peers.data[i]->id, id));
    peer_free(r->peers.data[i]);
    VEC_REMOVE(&r->peers, i);
}

void raft_peers_clear(struct raft *r) {
    for (size_t i = 0; i < r->peers.count; i++)
        peer_free(r->peers.data[i]);
    VEC_DONE(&r->peers);
}

/* The configuration in force changed: a peer for each voter, and former ones are on their way out. */
void raft_peers_sync(struct raft *r) {
    const struct raft_conf *c = raft_conf_now(r);
    struct raft_id ids[2 * WIRE_VOTERS_MAX];
    size_t ids_count = raft_conf_all(c, ids);
    for (size_t i = 0; i < ids_count; i++) {
        if (raft_id_equal(&ids[i], &r->options.self))
            continue;
        struct raft_peer *p = raft_peer_find(r, &ids[i]);
        if (!p)
            p = raft_peer_add(r, &ids[i]);
        p->leaving = p->tracked = false;
    }
    for (size_t i = 0; i < r->peers.count; i++) {
        struct raft_peer *p = r->peers.data[i];
        if (p->tracked || p->leaving || raft_conf_has(c, &p->id))
            continue;
        p->leaving = true;
        p->leave_round = 0;
        p->leave_until_us = r->now_us + LEAVING_TURNS * r->options.election_min_us;
    }
}

/*
 * Those that leave go when they know of it: they have the configuration's entry, and answered a round that
 * began after it was committed, so that they were told of the commit too. Or when they do not answer for
 * long.
 */
void raft_peers_leave(struct raft *r) {
    const struct raft_conf *c = raft_conf_now(r);
    for (size_t i = r->peers.count; i-- > 0;) {
        struct raft_peer *p = r->peers.data[i];
        if (!p->leaving || c->index > r->commit)
            continue;
        if (p->leave_round == 0)
            p->leave_round = r->round + 1;
        bool knows = p->state == PEER_REPLICATE && p->match >= c->index && p->round_acked >= p->leave_round;
        if (knows || r->now_us >= p->leave_until_us)
            raft_peer_remove(r, &(struct raft_id){.node = p->id.node, .log = p->id.log});
    }
}

/* Only former voters stand for election: a stranger that asks is one that was not told. */
void raft_guest(struct raft *r, const struct raft_id *id) {
    size_t leaving_count = 0;
    for (size_t i = 0; i < r->peers.count; i++)
        leaving_count += r->peers.data[i]->leaving ? 1 : 0;
    if (!raft_leader_ready(r) || raft_conf_now(r)->index > r->commit || raft_peer_find(r, id) ||
        raft_conf_has(raft_conf_now(r), id) || leaving_count >= GUESTS_MAX)
        return;
    MARK(r, GUEST);
    struct raft_peer *p = raft_peer_add(r, id);
    p->leaving = true;
    p->leave_until_us = r->now_us + LEAVING_TURNS * r->options.election_min_us;
}

int raft_track(struct raft *r, const struct raft_id *id) {
    assert(!raft_id_equal(id, &r->options.self) && !id_is_zero(id->node.b, ID_SIZE));
    if (raft_conf_has(raft_conf_now(r), id))
        return 0;
    size_t tracked_count = 0;
    for (size_t i = 0; i < r->peers.count; i++)
        tracked_count += r->peers.data[i]->tracked ? 1 : 0;
    struct raft_peer *p = raft_peer_find(r, id);
    if (p && p->tracked)
        return 0;
    if (tracked_count >= TRACKED_MAX)
        return ERR_LIMIT;
    if (!p)
        p = raft_peer_add(r, id);
    p->tracked = true;
    p->leaving = false;
    return 0;
}

int raft_untrack(struct raft *r, const struct raft_id *id) {
    struct raft_peer *p = raft_peer_find(r, id);
    if (!p || !p->tracked)
        return ERR_NOT_FOUND;
    raft_peer_remove(r, id);
    return 0;
}

bool raft_peer_recent(const struct raft *r, const struct raft_peer *p) {
    return r->now_us - p->heard_us < r->options.election_min_us;
}

bool raft_peer_caught_up(const struct raft *r, const struct raft_peer *p) {
    return !p->refused && p->state == PEER_REPLICATE && p->match > 0 && p->match >= r->heartbeat_commit &&
           raft_peer_recent(r, p);
}

static void inflight_clear(struct raft_peer *p) {
    p->inflights.count = 0;
    p->inflight_bytes = 0;
    p->news_at_us = 0;
}

void raft_peer_probe(struct raft_peer *p, uint64_t next) {
    assert(next > p->match);
    p->state = PEER_PROBE;
    p->next = next;
    p->paused = p->snap_reading = false;
    inflight_clear(p);
}

static void inflight_free(struct raft_peer *p, uint64_t upto) {
    size_t done = 0;
    while (done < p->inflights.count && p->inflights.data[done].last_index <= upto)
        p->inflight_bytes -= p->inflights.data[done++].bytes;
    if (done == 0)
        return;
    p->inflights.count -= done;
    memmove(p->inflights.data, p->inflights.data + done, p->inflights.count * sizeof p->inflights.data[0]);
}

/* An append fitted: the peer has everything up to `match`. */
void raft_peer_matched(struct raft *r, struct raft_peer *p, uint64_t match) {
    if (match > p->match) {
        p->match = match;
        p->match_round = r->round;
    }
    inflight_free(p, p->match);
    if (p->state == PEER_SNAPSHOT) {
        if (p->match >= r->log.base_index)
            raft_peer_probe(p, p->match + 1);
        return;
    }
    if (p->next <= p->match)
        p->next = p->match + 1;
    if (p->state == PEER_PROBE) {
        p->state = PEER_REPLICATE;
        p->paused = false;
    }
}

void raft_peer_heard(struct raft *r, struct raft_peer *p, uint64_t round) {
    p->heard_us = r->now_us;
    if (round > p->round_acked && round <= r->round)
        p->round_acked = round;
}

/*
 * A log that ends before what its owner acknowledged. The leader knew of the match when it sent this round,
 * so the answer is no old one: the owner's disk forgot. It must not be fed again as if nothing had happened:
 * it may have forgotten votes as well.
 */
bool raft_peer_forgot(struct raft *r, struct raft_peer *p, uint64_t round, uint64_t reported) {
    if (p->refused)
        return true;
    if (reported >= p->match || round <= p->match_round)
        return false;
    MARK(r, FORGOT);
    p->refused = true;
    inflight_clear(p);
    raft_emit_refused(r, &p->id, RAFT_FORGOT, reported);
    return true;
}

int raft_refuse(struct raft *r, const struct raft_id *id) {
    if (r->role != RAFT_LEADER)
        return ERR_NOT_LEADER;
    if (raft_id_equal(id, &r->options.self))
        return ERR_INVALID;
    struct raft_peer *p = raft_peer_find(r, id);
    if (!p)
        return ERR_NOT_FOUND;
    if (p->refused)
        return 0;
    p->refused = true;
    inflight_clear(p);
    raft_emit_refused(r, id, RAFT_GIVEN_UP, p->match);
    return 0;
}

bool raft_peer_room(const struct raft *r, const struct raft_peer *p) {
    return p->inflights.count < r->options.inflight_max && p->inflight_bytes < r->options.inflight_bytes_max;
}

static uint64_t value_heard(const struct raft *r, const struct raft_id *id) {
    if (raft_id_equal(id, &r->options.self))
        return (uint64_t)r->now_us;
    const struct raft_peer *p = raft_peer_find(r, id);
    return p && !p->refused ? (uint64_t)p->heard_us : 0;
}

/* When a majority was last heard; the leader hears itself. */
int64_t raft_quorum_heard(const struct raft *r) { return (int64_t)raft_quorum(r, value_heard); }

static uint64_t value_round(const struct raft *r, const struct raft_id *id) {
    if (raft_id_equal(id, &r->options.self))
        return r->round;
    const struct raft_peer *p = raft_peer_find(r, id);
    return p && !p->refused ? p->round_acked : 0;
}

uint64_t raft_quorum_round(const struct raft *r) { return raft_quorum(r, value_round); }

/* The leader's own match is what is durable on its disk. */
static uint64_t value_match(const struct raft *r, const struct raft_id *id) {
    if (raft_id_equal(id, &r->options.self))
        return r->stable;
    const struct raft_peer *p = raft_peer_find(r, id);
    return p && !p->refused ? p->match : 0;
}

uint64_t raft_quorum_match(const struct raft *r) { return raft_quorum(r, value_match); }
