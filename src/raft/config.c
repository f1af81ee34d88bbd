/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Who votes. A configuration is in force from the moment its entry is appended (thesis 4.1), committed or
 * not, and goes again when the entry is cut. r->confs keeps those of the entries in the log, and before them
 * the one of the snapshot or of what was cut at the front.
 *
 * Every change is joint (thesis 4.3): C_old,new, then, by the leader's own doing once that is committed,
 * C_new. Most changes replace a dead voter by a live one; as two single steps that would pass through an even
 * number of voters with one dead, without slack.
 *
 * A change waits until an entry of the leader's own term is committed, and the one before it too: without the
 * first rule two leaders can commit different configurations that have the same parent (Ongaro, raft-dev,
 * 2015).
 */
#include <covey/codec.h>

#include "internal.h"

static bool ids_have(const struct raft_id *ids, size_t ids_count, const struct raft_id *id) {
    for (size_t i = 0; i < ids_count; i++) {
        if (raft_id_equal(&ids[i], id))
            return true;
    }
    return false;
}

static bool ids_valid(const struct raft_id *ids, size_t ids_count) {
    assert(ids_count <= WIRE_VOTERS_MAX); /* the schema's bound */
    for (size_t i = 0; i < ids_count; i++) {
        if (ids_have(ids, i, &ids[i]))
            return false;
    }
    return true;
}

bool raft_conf_valid(const struct wire_raft_config *wire) {
    return wire->voters_count > 0 && ids_valid(wire->voters, wire->voters_count) &&
           ids_valid(wire->voters_next, wire->voters_next_count);
}

void raft_conf_set(struct raft_conf *conf, const struct wire_raft_config *wire, uint64_t index) {
    assert(wire->voters_count <= WIRE_VOTERS_MAX && wire->voters_next_count <= WIRE_VOTERS_MAX);
    struct raft_conf made = {.index = index};
    if (wire->voters_count > 0)
        memcpy(made.ids[0], wire->voters, wire->voters_count * sizeof made.ids[0][0]);
    if (wire->voters_next_count > 0)
        memcpy(made.ids[1], wire->voters_next, wire->voters_next_count * sizeof made.ids[1][0]);
    made.wire.voters_count = wire->voters_count;
    made.wire.voters_next_count = wire->voters_next_count;
    *conf = made;
    conf->wire.voters = conf->ids[0];
    conf->wire.voters_next = conf->ids[1];
}

int raft_conf_decode(struct bytes data, uint64_t index, struct raft_conf *ret) {
    struct arena a = {0};
    struct wire_raft_config wire;
    int err = codec_decode(&wire_raft_config_type, data, &a, &wire, NULL);
    if (err == 0 && !raft_conf_valid(&wire))
        err = ERR_INVALID;
    if (err == 0)
        raft_conf_set(ret, &wire, index);
    arena_done(&a);
    return err;
}

bool raft_conf_has(const struct raft_conf *conf, const struct raft_id *id) {
    return ids_have(conf->ids[0], conf->wire.voters_count, id) ||
           ids_have(conf->ids[1], conf->wire.voters_next_count, id);
}

size_t raft_conf_all(const struct raft_conf *conf, struct raft_id ret_ids[2 * WIRE_VOTERS_MAX]) {
    size_t count = conf->wire.voters_count;
    memcpy(ret_ids, conf->ids[0], count * sizeof ret_ids[0]);
    for (size_t i = 0; i < conf->wire.voters_next_count; i++) {
        if (!ids_have(conf->ids[0], conf->wire.voters_count, &conf->ids[1][i]))
            ret_ids[count++] = conf->ids[1][i];
    }
    return count;
}

struct raft_conf *raft_conf_now(const struct raft *r) {
    return r->confs.data[r->confs.count - 1];
}

struct raft_conf *raft_conf_at(const struct raft *r, uint64_t index) {
    size_t i = r->confs.count - 1;
    while (i > 0 && r->confs.data[i]->index > index)
        i--;
    return r->confs.data[i];
}

void raft_conf_push(struct raft *r, const struct raft_conf *conf) {
    struct raft_conf *copy = mem_alloc(sizeof *copy);
    raft_conf_set(copy, &conf->wire, conf->index);
    VEC_PUSH(&r->confs, copy);
}

void raft_conf_cut_tail(struct raft *r, uint64_t from) {
    while (r->confs.count > 1 && raft_conf_now(r)->index >= from) {
        MARK(r, CONFIG_UNDONE);
        mem_free(r->confs.data[--r->confs.count]);
    }
}

void raft_conf_cut_head(struct raft *r, uint64_t upto) {
    while (r->confs.count > 1 && r->confs.data[1]->index <= upto) {
        mem_free(r->confs.data[0]);
        VEC_REMOVE(&r->confs, 0);
    }
}

void raft_conf_done(struct raft *r) {
    for (size_t i = 0; i < r->confs.count; i++)
        mem_free(r->confs.data[i]);
    VEC_DONE(&r->confs);
}

bool raft_conf_joint(const struct raft *r) { return raft_conf_now(r)->wire.voters_next_count > 0; }

bool raft_sole_voter(const struct raft *r) {
    const struct raft_conf *c = raft_conf_now(r);
    return c->wire.voters_count == 1 && !raft_conf_joint(r) && raft_conf_has(c, &r->options.self);
}

/*
 * A voter; or one that was until an entry which is not committed yet: its log may be the only one that can
 * win, and then the change could not finish without it (thesis 4.2.2). Not while the state is being replaced:
 * the log is about to be, too.
 */
bool raft_may_campaign(const struct raft *r) {
    const struct raft_conf *now = raft_conf_now(r);
    if (r->disk_failed || r->incoming.installing)
        return false;
    if (raft_conf_has(now, &r->options.self))
        return true;
    return now->index > r->commit && r->confs.count > 1 &&
           raft_conf_has(r->confs.data[r->confs.count - 2], &r->options.self);
}

/* The largest value that a majority of these reaches: the value of the middle one, from above. */
static uint64_t half_quorum(const struct raft *r, const struct raft_id *ids, size_t ids_count,
                            uint64_t (*value)(const struct raft *, const struct raft_id *)) {
    uint64_t sorted[WIRE_VOTERS_MAX];
    for (size_t i = 0; i < ids_count; i++) {
        uint64_t v = value(r, &ids[i]);
        size_t at = i;
        for (; at > 0 && sorted[at - 1] < v; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = v;
    }
    return sorted[ids_count / 2];
}

uint64_t raft_quorum(const struct raft *r, uint64_t (*value)(const struct raft *, const struct raft_id *)) {
    const struct raft_conf *c = raft_conf_now(r);
    assert(c->wire.voters_count > 0);
    uint64_t reached = half_quorum(r, c->ids[0], c->wire.voters_count, value);
    if (c->wire.voters_next_count > 0) {
        uint64_t next = half_quorum(r, c->ids[1], c->wire.voters_next_count, value);
        reached = next < reached ? next : reached;
    }
    return reached;
}

static void conf_propose(struct raft *r, const struct wire_raft_config *wire) {
    struct buf data = {0};
    codec_encode(&wire_raft_config_type, wire, &data);
    raft_lead_append(r, ENTRY_KIND_CONFIG, buf_bytes(&data));
    buf_done(&data);
}

static bool same_voters(const struct raft_conf *c, const struct raft_id *voters, size_t voters_count) {
    if (c->wire.voters_count != voters_count)
        return false;
    for (size_t i = 0; i < voters_count; i++) {
        if (!raft_conf_has(c, &voters[i]))
            return false;
    }
    return true;
}

/*
 * Newcomers have caught up, and so has a majority of the whole set: a change to voters of whom too many are
 * gone, under these raft ids, could neither be finished nor taken back.
 */
static bool new_voters_ready(const struct raft *r, const struct raft_id *voters, size_t voters_count) {
    size_t ready_count = 0;
    for (size_t i = 0; i < voters_count; i++) {
        const struct raft_peer *p = raft_peer_find(r, &voters[i]);
        bool ready = p ? raft_peer_caught_up(r, p) : raft_id_equal(&voters[i], &r->options.self);
        if (!ready && !raft_conf_has(raft_conf_now(r), &voters[i]))
            return false;
        ready_count += ready ? 1 : 0;
    }
    return ready_count > voters_count / 2;
}

int raft_change_voters(struct raft *r, const struct raft_id *voters, size_t voters_count) {
    struct raft_conf *now = raft_conf_now(r);
    if (voters_count == 0)
        return ERR_INVALID;
    assert(ids_valid(voters, voters_count));
    /* A joint one that is committed has been left already (raft_conf_leave_joint). */
    if (!raft_leader_ready(r) || now->index > r->commit || r->transfer)
        return ERR_BUSY;
    if (same_voters(now, voters, voters_count))
        return ERR_EXISTS;
    if (!new_voters_ready(r, voters, voters_count))
        return ERR_CONFLICT;
    struct wire_raft_config joint = {.voters = now->ids[0], .voters_count = now->wire.voters_count};
    struct raft_id next[WIRE_VOTERS_MAX];
    memcpy(next, voters, voters_count * sizeof next[0]);
    joint.voters_next = next;
    joint.voters_next_count = voters_count;
    conf_propose(r, &joint);
    return 0;
}

/* Whoever leads when C_old,new is committed appends C_new: also a leader that found it in its log. */
void raft_conf_leave_joint(struct raft *r) {
    struct raft_conf *now = raft_conf_now(r);
    if (!raft_leader_ready(r) || !raft_conf_joint(r) || now->index > r->commit)
        return;
    struct wire_raft_config next = {.voters = now->ids[1], .voters_count = now->wire.voters_next_count};
    conf_propose(r, &next);
}

/* A configuration came into force or went: whom to send to, and whether to stand for election. */
void raft_conf_in_force(struct raft *r) {
    if (r->role == RAFT_LEADER) {
        raft_peers_sync(r);
        return;
    }
    bool may = raft_may_campaign(r);
    if (may && r->role == RAFT_LEARNER) {
        MARK(r, PROMOTED);
        r->role = RAFT_FOLLOWER;
        raft_timer_reset(r);
    } else if (!may && r->role != RAFT_LEARNER) {
        r->role = RAFT_LEARNER;
    }
}

/* The commit index moved: is this node still, or again, a voter for certain? */
void raft_conf_committed(struct raft *r) {
    bool voter = raft_conf_has(raft_conf_at(r, r->commit), &r->options.self);
    if (r->was_voter && !voter) {
        MARK(r, REMOVED);
        raft_emit(r, RAFT_REMOVED);
    }
    r->was_voter = voter;
    if (r->role == RAFT_LEADER)
        raft_peers_leave(r);
    else
        raft_conf_in_force(r);
}
