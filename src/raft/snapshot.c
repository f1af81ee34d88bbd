/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The state instead of the log, for whoever needs entries that were cut. It goes in chunks, one at a time;
 * the receiver says which byte it wants next, so a transfer goes on where it stopped, also with another
 * leader that has the same snapshot (same index, same checksum).
 *
 *     leader                                  follower
 *     SNAPSHOT_READ -> shell
 *     CHUNK_READ    -> snapshot_chunk 0  ---> SNAPSHOT_BYTES -> shell
 *                                        <--- snapshot_response, offset = next byte wanted
 *     ...                                     the last one: INSTALL -> shell: verify, save, replace the state
 *                                        <--- snapshot_response, offset = total_size <- INSTALLED
 *
 * A snapshot whose (index, term) is in the follower's log replaces nothing: it only proves that this much is
 * committed, and the entries behind it stay.
 */
#include "internal.h"

#define SNAP_DOUBLINGS 6u /* of the time after which a chunk is sent again */

/* ---- leader -------------------------------------------------------------------------------------------- */

static void chunk_ask(struct raft *r, struct raft_peer *p) {
    struct raft_item *item = raft_emit(r, RAFT_SNAPSHOT_READ);
    item->effect.peer = p->id;
    item->effect.index = p->snap_index;
    item->effect.offset = p->snap_offset;
    p->snap_reading = true;
    p->snap_sent_us = r->now_us;
    p->snap_tries++;
}

void raft_peer_snapshot(struct raft *r, struct raft_peer *p) {
    MARK(r, SNAPSHOT_SENT);
    raft_peer_probe(p, p->next);
    p->state = PEER_SNAPSHOT;
    p->snap_index = p->snap_offset = p->snap_size = 0;
    p->snap_reading = false;
    p->snap_tries = 0;
    /* At once to a peer that is there; to another one when it is heard again. */
    p->snap_sent_us = r->now_us - r->options.election_min_us;
    raft_snapshot_retry(r, p);
}

/*
 * A chunk or its answer was lost, the last chunk is still being installed, or the peer can make nothing of
 * this snapshot: each time it waits twice as long, as a chunk is large.
 */
void raft_snapshot_retry(struct raft *r, struct raft_peer *p) {
    unsigned times = p->snap_tries > 1 ? p->snap_tries - 1 : 0;
    int64_t wait_us = r->options.election_min_us << (times < SNAP_DOUBLINGS ? times : SNAP_DOUBLINGS);
    if (raft_peer_recent(r, p) && r->now_us - p->snap_sent_us >= wait_us)
        chunk_ask(r, p);
}

bool raft_chunk_valid(const struct wire_snapshot_chunk *c) {
    if (c->index == 0 || c->index > INDEX_MAX || c->term == 0 || c->total_size > WIRE_STATE_MAX ||
        c->data.size > WIRE_CHUNK_MAX)
        return false;
    if (c->offset > c->total_size || c->data.size > c->total_size - c->offset || !raft_conf_valid(&c->config))
        return false;
    return c->data.size >
           0; /* and so no snapshot is empty: an answer at its end means that it is installed */
}

void raft_snapshot_read(struct raft *r, const struct raft_id *id, const struct wire_snapshot_chunk *chunk) {
    struct raft_peer *p = raft_peer_find(r, id);
    if (!p || !p->snap_reading)
        return;
    assert(!chunk || (raft_chunk_valid(chunk) && chunk->index <= r->commit));
    p->snap_reading = false;
    /* None, or what follows it was cut meanwhile: the newest, from its beginning, next time. */
    if (!chunk || chunk->index < r->log.base_index) {
        p->snap_index = p->snap_offset = 0;
        return;
    }
    if (chunk->index != p->snap_index) {
        p->snap_index = chunk->index;
        p->snap_offset = 0;
        p->snap_size = chunk->total_size;
    }
    assert(chunk->offset == p->snap_offset);
    struct raft_item *item = raft_send(r, &p->id, 0);
    item->chunk = raft_chunk_copy(chunk);
    item->chunk->wire.round = r->round;
    item->message.snapshot_chunk = &item->chunk->wire;
    p->snap_sent_us = r->now_us;
    p->round_sent = r->round;
}

void raft_snapshot_response(struct raft *r, const struct wire_raft_message *m) {
    const struct wire_snapshot_response *a = m->snapshot_response;
    struct raft_peer *p = raft_peer_find(r, &m->from);
    if (m->term != r->term || !p)
        return;
    bool done = a->refused || (p->snap_index > 0 && p->snap_index == a->index && a->offset == p->snap_size);
    if (done && a->match_index > raft_log_last(&r->log))
        return;
    if (!done && raft_peer_forgot(r, p, a->round, a->match_index))
        return;
    raft_peer_heard(r, p, a->round);
    if (done) {
        raft_peer_matched(r, p, a->match_index);
        return;
    }
    if (p->state != PEER_SNAPSHOT || p->snap_index != a->index || p->snap_reading || a->offset > p->snap_size)
        return;
    p->snap_offset = a->offset;
    p->snap_tries = 0;
    chunk_ask(r, p);
}

/* ---- receiver ------------------------------------------------------------------------------------------ */

static void snapshot_answer(struct raft *r, const struct raft_id *to, uint64_t after,
                            struct wire_snapshot_response answer) {
    if (!to)
        return;
    struct raft_item *item = raft_send(r, to, after);
    item->message.snapshot_response = &item->body.snapshot_response;
    item->body.snapshot_response = answer;
}

/* match_index while a transfer goes on is where the log ends: the leader sees whether it lost what it had. */
static void offset_answer(struct raft *r, const struct wire_snapshot_chunk *c, const struct raft_id *to,
                          uint64_t offset) {
    snapshot_answer(r, to, raft_ticket_hard(r),
                    (struct wire_snapshot_response){
                        .index = c->index, .offset = offset, .match_index = r->stable, .round = c->round});
}

static bool same_snapshot(const struct raft *r, const struct wire_snapshot_chunk *c) {
    return r->incoming.active && r->incoming.index == c->index && r->incoming.term == c->term &&
           r->incoming.size == c->total_size && r->incoming.checksum == c->checksum;
}

static void incoming_begin(struct raft *r, const struct wire_snapshot_chunk *c) {
    r->incoming.active = true;
    r->incoming.index = c->index;
    r->incoming.term = c->term;
    r->incoming.size = c->total_size;
    r->incoming.checksum = c->checksum;
    r->incoming.offset = 0;
    raft_conf_set(&r->incoming.conf, &c->config, c->index);
}

static void incoming_take(struct raft *r, const struct wire_snapshot_chunk *c) {
    struct raft_item *item = raft_emit(r, RAFT_SNAPSHOT_BYTES);
    item->chunk = raft_chunk_copy(c);
    r->incoming.offset += c->data.size;
    if (r->incoming.offset < r->incoming.size)
        return;
    r->incoming.installing = true;
    item = raft_emit(r, RAFT_INSTALL);
    item->effect.index = c->index;
    item->effect.term = c->term;
    raft_conf_in_force(r);
}

/* Of the one that could not be read no part is wanted again, and of another not at once. */
static bool is_unreadable(const struct raft *r, const struct wire_snapshot_chunk *c) {
    if (r->unreadable.index == 0)
        return false;
    bool same = r->unreadable.index == c->index && r->unreadable.term == c->term &&
                r->unreadable.size == c->total_size && r->unreadable.checksum == c->checksum;
    return same || r->now_us < r->unreadable.until_us;
}

int raft_snapshot_take(struct raft *r, const struct wire_snapshot_chunk *c, const struct raft_id *to) {
    /* A leader's word is enough to commit what is here; that of a peer, which was asked, is checked later. */
    if (c->index <= r->commit || (to && raft_log_has(&r->log, c->index, c->term))) {
        raft_commit_to(r, c->index);
        snapshot_answer(r, to, raft_ticket_log(r, r->commit),
                        (struct wire_snapshot_response){
                            .index = c->index, .refused = true, .match_index = r->commit, .round = c->round});
        return 0;
    }
    if (is_unreadable(r, c))
        return ERR_VERSION; /* an answer would bring the chunk again at once */
    if (r->incoming.installing)
        return ERR_BUSY;
    if (!same_snapshot(r, c)) {
        if (c->offset != 0) {
            /* Of two peers one has lied, which only the whole tells: it begins anew with who answers now. */
            r->incoming.active &= to != NULL;
            offset_answer(r, c, to, 0);
            return ERR_STALE;
        }
        incoming_begin(r, c);
    }
    r->incoming.round = c->round;
    r->incoming.round_term = r->term;
    if (c->offset < r->incoming.offset)
        MARK(r, SNAPSHOT_RESUMED);
    if (c->offset == r->incoming.offset)
        incoming_take(r, c);
    if (!r->incoming.installing)
        offset_answer(r, c, to, r->incoming.offset);
    return 0;
}

void raft_snapshot_chunk(struct raft *r, const struct wire_raft_message *m) {
    const struct wire_snapshot_chunk *c = m->snapshot_chunk;
    if (!raft_chunk_valid(c) || c->term > m->term || !raft_accept_leader(r, m))
        return;
    raft_snapshot_take(r, c, &m->from);
}

/*
 * The state is the snapshot's. If the log has come to hold its last entry meanwhile, it stays; else it holds
 * nothing that follows, and begins anew there.
 */
int raft_installed(struct raft *r, uint64_t index) {
    assert(r->incoming.installing && (index == 0 || index == r->incoming.index));
    r->incoming.installing = r->incoming.active = false;
    /* A round is its leader's own count: told to the next leader it could pass for one that it began later.
     */
    uint64_t round = r->incoming.round_term == r->term ? r->incoming.round : 0;
    struct wire_snapshot_response answer = {.index = r->incoming.index, .round = round};
    if (index == 0) {
        answer.match_index = r->stable;
    } else {
        if (r->incoming.term > r->term)
            raft_follow(r, r->incoming.term, NULL);
        if (raft_log_has(&r->log, index, r->incoming.term)) {
            raft_commit_to(r, index);
        } else if (index > r->commit) {
            MARK(r, INSTALLED);
            raft_reset(r, index, r->incoming.term, &r->incoming.conf);
            r->commit = index;
        }
        r->applied = r->applied > index ? r->applied : index;
        answer.offset = r->incoming.size;
        answer.match_index = index;
    }
    raft_conf_committed(r);
    snapshot_answer(r, r->leader_known ? &r->leader : NULL, raft_ticket_hard(r), answer);
    return 0;
}

int raft_unreadable(struct raft *r) {
    assert(r->incoming.installing);
    r->unreadable.index = r->incoming.index;
    r->unreadable.term = r->incoming.term;
    r->unreadable.size = r->incoming.size;
    r->unreadable.checksum = r->incoming.checksum;
    r->unreadable.until_us = r->now_us + RAFT_UNREADABLE_US;
    r->incoming.installing = r->incoming.active = false;
    raft_conf_committed(r);
    return 0;
}

/* Where to cut so that what is kept up to `upto` is bounded by count and by size: few large entries are many.
 */
static uint64_t trailing_cut(const struct raft *r, uint64_t upto) {
    size_t bytes = 0;
    uint64_t cut = upto;
    while (cut > r->log.base_index && upto - cut < r->options.trailing_entries) {
        bytes += raft_log_at(&r->log, cut)->data.size + ENTRY_COST;
        if (bytes > r->options.trailing_bytes)
            break;
        cut--;
    }
    return cut;
}

int raft_snapshot_taken(struct raft *r, uint64_t index) {
    assert(index <= r->applied);
    /* Not before it is durable here: what the disk still waits for is taken from memory. */
    uint64_t upto = index < r->stable ? index : r->stable;
    if (upto <= r->log.base_index)
        return 0;
    upto = trailing_cut(r, upto);
    if (upto <= r->log.base_index)
        return 0;
    raft_log_cut_head(&r->log, upto);
    raft_conf_cut_head(r, upto);
    struct raft_item *item = raft_emit(r, RAFT_CUT);
    item->effect.index = upto;
    return 0;
}
