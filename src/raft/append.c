/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The log copied: what a leader sends, what a follower makes of it, what the leader makes of the answer, and
 * when an entry is committed.
 *
 * A message is an append whether or not it carries entries: an empty one is a heartbeat, a probe, news of the
 * commit index, and a round of reads, all at once. raft_flush() at the end of each input sends every peer
 * what it lacks.
 */
#include "internal.h"

/* ---- leader: sending ----------------------------------------------------------------------------------- */

static void append_send(struct raft *r, struct raft_peer *p, uint64_t prev, size_t entries_count) {
    struct raft_item *item = raft_send(r, &p->id, 0);
    item->message.append_request = &item->body.append_request;
    item->body.append_request = (struct wire_append_request){
        .prev_index = prev,
        .prev_term = raft_log_term(&r->log, prev),
        .commit = r->commit,
        .round = r->round,
        .fresh = p->fresh_told,
    };
    item->entries_first = prev + 1;
    item->entries_count = entries_count;
    p->round_sent = r->round;
    p->commit_sent = r->commit;
    p->news_at_us = 0;
}

/* Entries from p->next on, as many as one message takes. */
static size_t entries_send(struct raft *r, struct raft_peer *p) {
    size_t bytes = 0;
    size_t count =
        raft_log_fit(&r->log, p->next, raft_log_last(&r->log), r->options.message_bytes_max, &bytes);
    append_send(r, p, p->next - 1, count);
    if (count == 0)
        return 0;
    struct raft_inflight sent = {.last_index = p->next - 1 + count, .bytes = bytes};
    if (p->state == PEER_REPLICATE) {
        VEC_PUSH(&p->inflights, sent);
        p->inflight_bytes += bytes;
        p->next += count;
    }
    return count;
}

/*
 * Entries go along with the first probe, to a peer that was heard lately. If that or its answer is lost, the
 * empty one of the next round finds it out: a dead or slow peer is not sent half a megabyte a beat.
 */
static void flush_probe(struct raft *r, struct raft_peer *p) {
    if (p->paused && p->round_sent >= r->round)
        return;
    if (!p->paused && raft_peer_recent(r, p))
        entries_send(r, p);
    else
        append_send(r, p, p->next - 1, 0);
    p->paused = true;
}

/*
 * News of the commit costs each follower as much as an entry does, and the next entries bring it as well.
 * While some are on their way their answer brings us here again; where nobody waits for it, it has a little
 * time.
 */
static bool news_due(struct raft *r, struct raft_peer *p) {
    if (p->commit_sent >= r->commit || p->inflights.count > 0)
        return false;
    if (p->commit_sent < r->loud_index)
        return true;
    if (p->news_at_us == 0)
        p->news_at_us = r->now_us + NEWS_DELAY_US;
    return r->now_us >= p->news_at_us;
}

static void flush_replicate(struct raft *r, struct raft_peer *p) {
    while (p->next <= raft_log_last(&r->log) && raft_peer_room(r, p))
        entries_send(r, p);
    if (p->next <= raft_log_last(&r->log))
        MARK(r, INFLIGHT_FULL);
    if (news_due(r, p) || p->round_sent < r->round)
        append_send(r, p, p->next - 1, 0);
}

static void flush_peer(struct raft *r, struct raft_peer *p) {
    if (p->refused)
        return;
    if (p->state != PEER_SNAPSHOT && p->next <= r->log.base_index)
        raft_peer_snapshot(r, p);
    if (p->state == PEER_PROBE)
        flush_probe(r, p);
    else if (p->state == PEER_REPLICATE)
        flush_replicate(r, p);
    else if (p->round_sent < r->round)
        append_send(r, p, 0, 0); /* fits any log: the peer need only know that there is a leader */
}

void raft_flush(struct raft *r) {
    for (size_t i = 0; i < r->peers.count; i++)
        flush_peer(r, r->peers.data[i]);
}

/* A new round: every peer is sent something, and a lost message is found out by the answer to the next. */
void raft_heartbeat(struct raft *r) {
    r->round++;
    r->heartbeat_commit = r->commit;
    r->heartbeat_at_us = r->now_us + r->options.heartbeat_us;
    raft_fresh_begin(r);
    r->transfer_sent = false;
    for (size_t i = 0; i < r->peers.count; i++) {
        struct raft_peer *p = r->peers.data[i];
        if (p->state == PEER_SNAPSHOT && !p->refused)
            raft_snapshot_retry(r, p);
    }
    raft_peers_leave(r);
}

/* ---- leader: its own log ------------------------------------------------------------------------------- */

void raft_lead_append(struct raft *r, enum entry_kind kind, struct bytes data) {
    struct wire_raft_entry entry = {
        .index = raft_log_last(&r->log) + 1, .term = r->term, .kind = kind, .data = data};
    raft_append(r, &entry);
    r->loud_index = entry.index;
    r->uncommitted_bytes += data.size + ENTRY_COST;
}

static size_t weight(const struct raft *r, uint64_t after, uint64_t upto) {
    size_t bytes = 0;
    for (uint64_t i = after + 1; i <= upto; i++)
        bytes += raft_log_at(&r->log, i)->data.size + ENTRY_COST;
    return bytes;
}

/*
 * The entry without content lets what earlier terms left be committed, and tells the commit index (thesis
 * 6.4).
 */
void raft_leader_start(struct raft *r) {
    if (raft_conf_joint(r))
        MARK(r, LEADER_IN_JOINT);
    if (raft_log_last(&r->log) > r->commit && !raft_sole_voter(r))
        MARK(r, LEADER_UNCOMMITTED);
    r->role = RAFT_LEADER;
    r->leader_known = true;
    r->leader = r->options.self;
    r->hurry_until_us = 0;
    r->votes.count = 0;
    r->uncommitted_bytes = weight(r, r->commit, raft_log_last(&r->log));
    raft_fresh_forget(r);
    raft_peers_clear(r);
    raft_peers_sync(r);
    r->term_start = raft_log_last(&r->log) + 1;
    r->read_round = r->round;
    raft_lead_append(r, ENTRY_KIND_NOOP, (struct bytes){0});
    raft_heartbeat(r);
}

int raft_propose(struct raft *r, struct bytes data, bool quiet) {
    if (data.size > WIRE_ENTRY_MAX)
        return ERR_LIMIT;
    bool full = r->uncommitted_bytes + data.size + ENTRY_COST > r->options.uncommitted_bytes_max;
    if (r->transfer || (full && r->commit < raft_log_last(&r->log)))
        return ERR_BUSY;
    uint64_t loud_index = r->loud_index;
    raft_lead_append(r, ENTRY_KIND_COMMAND, data);
    if (quiet)
        r->loud_index = loud_index;
    return 0;
}

/* ---- commit -------------------------------------------------------------------------------------------- */

void raft_commit_to(struct raft *r, uint64_t index) {
    if (index <= r->commit)
        return;
    assert(index <= raft_log_last(&r->log));
    if (index > r->stable)
        MARK(r, COMMIT_EARLY);
    if (r->role == RAFT_LEADER)
        r->uncommitted_bytes -= weight(r, r->commit, index);
    r->commit = index;
    raft_conf_committed(r);
}

/*
 * Only an entry of the own term is committed by counting who has it; what lies before comes along. An older
 * one may sit on a majority and still be replaced (paper, figure 8).
 */
void raft_commit_advance(struct raft *r) {
    uint64_t index = raft_quorum_match(r);
    if (index <= r->commit)
        return;
    if (raft_log_term(&r->log, index) == r->term)
        raft_commit_to(r, index);
    else if (!raft_sole_voter(r))
        MARK(r, OLD_TERM_KEPT);
}

/* ---- follower ------------------------------------------------------------------------------------------ */

void raft_emit_refused(struct raft *r, const struct raft_id *peer, enum raft_refusal refusal,
                       uint64_t index) {
    struct raft_item *item = raft_emit(r, RAFT_REFUSED);
    item->effect.peer = *peer;
    item->effect.refusal = refusal;
    item->effect.index = index;
}

bool raft_entries_valid(const struct wire_raft_entry *entries, size_t entries_count, uint64_t prev_index,
                        uint64_t prev_term, uint64_t term_max) {
    for (size_t i = 0; i < entries_count; i++) {
        const struct wire_raft_entry *e = &entries[i];
        struct raft_conf conf;
        if (e->index != prev_index + 1 + i || e->term < prev_term || e->term > term_max || e->term == 0)
            return false;
        if (e->kind == ENTRY_KIND_CONFIG && raft_conf_decode(e->data, e->index, &conf) != 0)
            return false;
        prev_term = e->term;
    }
    return true;
}

/*
 * What is here already stays: an old message must not cut what a newer one brought. The first difference and
 * everything behind it goes.
 */
int raft_take_entries(struct raft *r, const struct wire_raft_entry *entries, size_t entries_count) {
    size_t i = 0;
    while (i < entries_count &&
           (entries[i].index < r->log.base_index || raft_log_has(&r->log, entries[i].index, entries[i].term)))
        i++;
    if (i == entries_count) {
        if (entries_count > 0 && entries[i - 1].index < raft_log_last(&r->log))
            MARK(r, APPEND_OLD);
        return 0;
    }
    if (entries[i].index <= r->commit)
        return ERR_CONFLICT;
    if (entries[i].index <= raft_log_last(&r->log)) {
        MARK(r, TRUNCATED);
        raft_cut(r, entries[i].index);
    }
    for (; i < entries_count; i++)
        raft_append(r, &entries[i]);
    return 0;
}

static void append_answer(struct raft *r, const struct raft_id *to, uint64_t after,
                          struct wire_append_response answer) {
    struct raft_item *item = raft_send(r, to, after);
    item->message.append_response = &item->body.append_response;
    item->body.append_response = answer;
    if (answer.round != 0)
        raft_fresh_answered(r, answer.round);
}

/* Where the logs may agree: skips whole terms that the leader cannot have here (etcd's probe). */
static void append_refuse(struct raft *r, const struct wire_raft_message *m) {
    const struct wire_append_request *q = m->append_request;
    uint64_t hint = raft_log_seek(&r->log, q->prev_index, q->prev_term);
    if (raft_log_term(&r->log, q->prev_index) != 0)
        MARK(r, CONFLICT);
    append_answer(r, &m->from, raft_ticket_hard(r),
                  (struct wire_append_response){
                      .hint_index = hint, .hint_term = raft_log_term(&r->log, hint), .round = q->round});
}

/*
 * The answer to entries waits until they are durable. That to an empty message tells what is durable already,
 * at once: a leader must not lose its quorum because disks are slow.
 */
static void append_accept(struct raft *r, const struct wire_raft_message *m, uint64_t last) {
    const struct wire_append_request *q = m->append_request;
    uint64_t after = raft_ticket_hard(r), match = last;
    if (q->entries_count > 0)
        after = raft_ticket_log(r, last);
    else if (match > r->stable)
        match = r->stable;
    append_answer(r, &m->from, after,
                  (struct wire_append_response){.success = true, .match_index = match, .round = q->round});
}

/*
 * True when the sender leads the current term, here too; a node with a lower term is told ours (the unstick
 * rule).
 */
bool raft_accept_leader(struct raft *r, const struct wire_raft_message *m) {
    if (m->term < r->term) {
        append_answer(r, &m->from, raft_ticket_hard(r), (struct wire_append_response){0});
        return false;
    }
    bool other = r->leader_known && !raft_id_equal(&r->leader, &m->from);
    if (m->term == r->term && (r->role == RAFT_LEADER || other))
        return false;
    raft_follow(r, m->term, &m->from);
    return true;
}

void raft_append_request(struct raft *r, const struct wire_raft_message *m) {
    const struct wire_append_request *q = m->append_request;
    if (!raft_entries_valid(q->entries, q->entries_count, q->prev_index, q->prev_term, m->term) ||
        !raft_accept_leader(r, m))
        return;
    uint64_t last = q->prev_index + q->entries_count;
    bool fits = q->prev_index < r->log.base_index || raft_log_has(&r->log, q->prev_index, q->prev_term);
    if (!fits && q->prev_index > r->commit) {
        append_refuse(r, m);
        return;
    }
    if (!fits || raft_take_entries(r, q->entries, q->entries_count) != 0) {
        raft_emit_refused(r, &m->from, RAFT_DIVERGED, q->prev_index);
        return;
    }
    /* What is committed here the leader has: no need to compare what is older. */
    if (last < r->commit)
        last = r->commit;
    raft_commit_to(r, q->commit < last ? q->commit : last);
    if (q->fresh != 0 && q->commit <= r->commit)
        raft_fresh_told(r, q->fresh);
    append_accept(r, m, last);
}

/* ---- leader: answers ----------------------------------------------------------------------------------- */

static void append_refused(struct raft *r, struct raft_peer *p, const struct wire_append_response *a) {
    if (p->state == PEER_SNAPSHOT || a->hint_index < p->match)
        return;
    uint64_t next = raft_log_seek(&r->log, a->hint_index, a->hint_term) + 1;
    if (next <= a->hint_index)
        MARK(r, TERM_SKIPPED);
    if (next <= p->match)
        next = p->match + 1;
    /* A refusal of what is being probed lowers next: one that does not is an old one. */
    if (next >= p->next)
        return;
    if (p->state == PEER_REPLICATE)
        MARK(r, APPEND_LOST);
    raft_peer_probe(p, next);
}

void raft_append_response(struct raft *r, const struct wire_raft_message *m) {
    const struct wire_append_response *a = m->append_response;
    struct raft_peer *p = raft_peer_find(r, &m->from);
    if (m->term != r->term || !p || a->match_index > raft_log_last(&r->log))
        return;
    if (!a->success && raft_peer_forgot(r, p, a->round, a->hint_index))
        return;
    raft_peer_heard(r, p, a->round);
    if (a->success)
        raft_peer_matched(r, p, a->match_index);
    else
        append_refused(r, p, a);
    raft_peers_leave(r);
}
