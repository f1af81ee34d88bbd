/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * What this host can prove of its log to others, and whom it believes itself.
 *
 * A voter signs for its own committed log: the newest index when somebody asks for it, at most once in
 * CHECKPOINT_US; each change of the voters when it is applied, so that who was away while all voters changed
 * still finds its way from those that it knows to those there are; and a state, where it has hashed one, for
 * who needs a snapshot. Hosts without a vote pass on what they have verified.
 */
#include "internal.h"

#define HANDOVERS_PER_INDEX 3

/* ---- whose word is believed -----------------------------------------------------------------------------
 */

bool node_signs(const struct node *n) {
    struct raft_id self = {.node = n->identity.id, .log = n->self.log};
    const struct learn_voters *v = &n->proofs.voters;
    for (size_t i = 0; i < v->count; i++)
        if (raft_id_equal(&v->ids[i], &self))
            return true;
    for (size_t i = 0; i < v->next_count; i++)
        if (raft_id_equal(&v->next[i], &self))
            return true;
    return false;
}

void node_voters_learn(struct node *n, uint64_t index, const struct wire_raft_config *config) {
    if (index <= n->proofs.voters.index || config->voters_count == 0)
        return;
    learn_voters_set(&n->proofs.voters, index, config);
    n->table_dirty = true; /* the file `cluster` has them, too */
}

/* By who votes now as far as is known, or did where this log ends. */
int node_checkpoint_take(struct node *n, const struct wire_checkpoint *in, struct checkpoint *ret) {
    struct checkpoint c;
    if (in == NULL || checkpoint_in(in, &c) != 0)
        return ERR_INVALID;
    if (c.generation != n->cluster.generation || !ID_EQUAL(c.recovery, n->cluster.recovery))
        return ERR_DENIED;
    struct learn_voters here;
    learn_voters_set(&here, 0, raft_config_at(n->raft, raft_commit_index(n->raft)));
    if (checkpoint_check(&c, &n->proofs.voters) != 0 && checkpoint_check(&c, &here) != 0)
        return ERR_DENIED;
    *ret = c;
    return 0;
}

/* ---- changes of the voters ------------------------------------------------------------------------------
 */

static void handover_keep(struct node *n, const struct checkpoint *c) {
    struct proofs *p = &n->proofs;
    size_t at = p->handovers.count, same = 0;
    for (size_t i = 0; i < p->handovers.count; i++) {
        const struct checkpoint *old = &p->handovers.data[i];
        if (old->index == c->index && memcmp(&old->key, &c->key, sizeof c->key) == 0)
            return;
        same += old->index == c->index;
    }
    if (same >= HANDOVERS_PER_INDEX)
        return;
    if (at >= WIRE_HANDOVERS_MAX) {
        VEC_REMOVE(&p->handovers, 0);
        at--;
    }
    while (at > 0 && p->handovers.data[at - 1].index > c->index)
        at--;
    VEC_INSERT(&p->handovers, at, *c);
}

/* Those that lead from voters known here to later ones, and what else those signed. */
void node_handovers_take(struct node *n, const struct wire_checkpoint *in, size_t count) {
    if (count == 0)
        return;
    struct checkpoint *list = arena_alloc(&n->scratch, count * sizeof *list);
    size_t good = 0;
    for (size_t i = 0; i < count; i++)
        good += checkpoint_in(&in[i], &list[good]) == 0;
    struct learn_voters before = n->proofs.voters;
    if (learn_voters_follow(&n->proofs.voters, list, good, n->cluster.generation, n->cluster.recovery) == 0)
        return;
    node_mark(n, MARK_LEARN_HANDED_OVER);
    n->table_dirty = true;
    for (size_t i = 0; i < good; i++) {
        struct node_id signer = identity_node_id(&list[i].key);
        bool known = learn_voters_have(&before, signer) || learn_voters_have(&n->proofs.voters, signer);
        if (list[i].has_voters && list[i].index <= n->proofs.voters.index && known &&
            checkpoint_signed(&list[i]))
            handover_keep(n, &list[i]);
    }
}

/* A voter's word on a change, sent when it was made: this host may be asked for it when that voter is gone.
 */
void node_handover_told(struct node *n, struct node_id from, const struct wire_checkpoint *in) {
    struct checkpoint c;
    if (n->raft == NULL || checkpoint_in(in, &c) != 0 || !c.has_voters ||
        !ID_EQUAL(identity_node_id(&c.key), from) || !learn_voters_have(&c.voters, from) ||
        !learn_voters_have(&n->proofs.voters, from))
        return;
    if (c.generation == n->cluster.generation && ID_EQUAL(c.recovery, n->cluster.recovery) &&
        checkpoint_signed(&c)) {
        handover_keep(n, &c);
        n->table_dirty =
            true; /* it is in the file `cluster`: its signer may be gone when this host is back */
    }
}

static struct checkpoint checkpoint_here(const struct node *n, uint64_t term) {
    return (struct checkpoint){.generation = n->cluster.generation,
                               .recovery = n->cluster.recovery,
                               .term = term,
                               .index = n->applied_index,
                               .chain = n->proofs.chain};
}

/* The entry is about to be applied: the word is on the log up to it. */
static void handover_sign(struct node *n, uint64_t index, uint64_t term) {
    struct checkpoint c = checkpoint_here(n, term);
    c.index = index;
    c.has_voters = true;
    c.voters = n->proofs.voters;
    checkpoint_sign(&c, &n->identity);
    handover_keep(n, &c);
    if (n->swim == NULL)
        return; /* at the start: whoever needs it was told by the last run, or asks */
    struct checkpoint_out out;
    checkpoint_out(&c, &out);
    for (size_t i = 0; i < c.voters.count + c.voters.next_count; i++) {
        struct node_id id =
            i < c.voters.count ? c.voters.ids[i].node : c.voters.next[i - c.voters.count].node;
        if (!ID_EQUAL(id, n->identity.id))
            node_peer_send(n, id, &(struct wire_peer_message){.checkpoint = &out.wire});
    }
}

/* Everything that follows from the place of an entry, before it changes the state. */
void node_proofs_entry(struct node *n, const struct wire_raft_entry *entry) {
    chain_next(&n->proofs.chain, entry);
    if (entry->kind != ENTRY_KIND_CONFIG)
        return;
    struct wire_raft_config config;
    struct codec_fault fault;
    if (codec_decode(&wire_raft_config_type, entry->data, &n->scratch, &config, &fault) != 0)
        return;
    bool signed_before = node_signs(n);
    node_voters_learn(n, entry->index, &config);
    if (n->proofs.voters.index == entry->index && (signed_before || node_signs(n)) &&
        learn_voters_have(&n->proofs.voters, n->identity.id))
        handover_sign(n, entry->index, entry->term);
}

/* ---- the newest, and states -----------------------------------------------------------------------------
 */

const struct checkpoint *node_checkpoint_newest(struct node *n) {
    struct proofs *p = &n->proofs;
    bool moved = p->newest.index < n->applied_index;
    if (moved && n->applied_index == raft_commit_index(n->raft) && node_signs(n) &&
        (p->newest.index == 0 || n->now_us - p->newest_us >= CHECKPOINT_US)) {
        p->newest = checkpoint_here(n, raft_term_at(n->raft, n->applied_index));
        checkpoint_sign(&p->newest, &n->identity);
        p->newest_us = n->now_us;
        node_mark(n, MARK_LEARN_CHECKPOINT_MADE);
    }
    return p->newest.index != 0 ? &p->newest : NULL;
}

/* When there may be a newer one than now. */
int64_t node_checkpoint_deadline(const struct node *n) {
    const struct proofs *p = &n->proofs;
    bool due =
        p->newest.index < n->applied_index && n->applied_index == raft_commit_index(n->raft) && node_signs(n);
    return due ? p->newest_us + CHECKPOINT_US : TIME_NEVER_US;
}

void node_checkpoint_verified(struct node *n, const struct checkpoint *c) {
    if (c->index <= n->proofs.newest.index && n->proofs.newest.index <= n->applied_index)
        return;
    n->proofs.newest = *c;
    n->proofs.newest_us = n->now_us;
}

/* Full: with the state's hash and who votes there. Signed when it is asked for. */
static struct checkpoint *full_signed(struct node *n, struct checkpoint *c) {
    static const struct signature none = {{0}};
    if (c->index == 0)
        return NULL;
    if (memcmp(&c->signature, &none, sizeof none) == 0)
        checkpoint_sign(c, &n->identity);
    return c;
}

const struct checkpoint *node_checkpoint_state(struct node *n) {
    struct proofs *p = &n->proofs;
    return node_state_confirmed(n, &p->state, p->state_us) ? full_signed(n, &p->state) : NULL;
}

/* A voter signs for its own snapshot; nobody can for one whose hash no voter has told. */
const struct checkpoint *node_checkpoint_snapshot(struct node *n) {
    struct proofs *p = &n->proofs;
    const struct wire_snapshot_header *head = &n->snapshot_head;
    if (head->index == 0 || head->index != p->snapshot.index)
        return NULL;
    bool own = memcmp(&p->snapshot.key, &n->identity.public_key, sizeof p->snapshot.key) == 0;
    if ((!own || !p->snapshot_proven) && node_signs(n) && n->state_wrong == 0) {
        p->snapshot.key = n->identity.public_key;
        p->snapshot.signature = (struct signature){{0}};
        p->snapshot_proven = true;
    }
    return p->snapshot_proven && node_state_confirmed(n, &p->snapshot, p->snapshot_us)
               ? full_signed(n, &p->snapshot)
               : NULL;
}

struct checkpoint node_checkpoint_full(const struct node *n, uint64_t term,
                                       const struct wire_raft_config *config,
                                       const uint8_t hash[STATE_HASH_SIZE]) {
    struct checkpoint c = checkpoint_here(n, term);
    c.has_voters = c.has_state = true;
    learn_voters_set(&c.voters, c.index, config);
    memcpy(c.state, hash, sizeof c.state);
    return c;
}

/* One of others with a state: kept for a snapshot here at its index, and to be passed on. */
void node_checkpoint_keep(struct node *n, const struct checkpoint *c) {
    struct proofs *p = &n->proofs;
    if (!c->has_state || !c->has_voters)
        return;
    for (size_t i = 0; i < PROOFS_RECENT; i++)
        if (p->recent[i].index == c->index)
            return;
    p->recent[p->recent_next++ % PROOFS_RECENT] = *c;
    if (c->index > p->state.index) {
        p->state = *c;
        p->state_us = 0;
    }
}

const struct checkpoint *node_checkpoint_recent(const struct node *n, uint64_t index) {
    for (size_t i = 0; i < PROOFS_RECENT; i++)
        if (n->proofs.recent[i].index == index && index != 0)
            return &n->proofs.recent[i];
    return NULL;
}

/* ---- on the disk ----------------------------------------------------------------------------------------
 */

/* In the scratch arena. */
static struct wire_checkpoint *handovers_behind(struct node *n, uint64_t index, size_t *ret_count) {
    const struct checkpoint *all = n->proofs.handovers.data;
    size_t count = n->proofs.handovers.count;
    struct wire_checkpoint *list = arena_alloc(&n->scratch, (count + 1) * sizeof *list);
    *ret_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (all[i].index <= index)
            continue;
        struct checkpoint_out *out = arena_alloc(&n->scratch, sizeof *out);
        checkpoint_out(&all[i], out);
        list[(*ret_count)++] = out->wire;
    }
    return list;
}

/*
 * To and from the file `cluster`, where the voters are that they lead to: a log that is applied again does
 * not sign them again, as those voters are known by then.
 */
void node_handovers_save(struct node *n, struct wire_node_files_keys *keys) {
    keys->handovers = handovers_behind(n, 0, &keys->handovers_count);
}

/* From this host's own disk. */
void node_handovers_load(struct node *n, const struct wire_checkpoint *in, size_t count) {
    struct checkpoint c;
    for (size_t i = 0; i < count; i++)
        if (checkpoint_in(&in[i], &c) == 0 && c.has_voters)
            handover_keep(n, &c);
}

/* What the snapshot's header tells of the log that it takes the place of; in the scratch arena. */
void node_proofs_save(struct node *n, struct wire_snapshot_header *head) {
    struct proofs *p = &n->proofs;
    head->chain = bytes_of(p->snapshot.chain.b, CHAIN_SIZE);
    const struct checkpoint *proof = p->snapshot_proven ? full_signed(n, &p->snapshot) : NULL;
    if (proof != NULL) {
        struct checkpoint_out *out = arena_alloc(&n->scratch, sizeof *out);
        checkpoint_out(proof, out);
        head->proof = &out->wire;
    }
    head->handovers = handovers_behind(n, 0, &head->handovers_count);
}

/* Of a snapshot on this host's own disk: what it says was checked when it was written. */
void node_proofs_load(struct node *n, const struct wire_snapshot_header *head, struct bytes state) {
    struct proofs *p = &n->proofs;
    p->chain = (struct chain){{0}};
    if (head->chain.size == CHAIN_SIZE)
        memcpy(p->chain.b, head->chain.data, CHAIN_SIZE);
    node_voters_learn(n, head->index, &head->config);
    p->snapshot = (struct checkpoint){0};
    p->snapshot_us = n->now_us;
    p->snapshot_proven = head->proof != NULL && checkpoint_in(head->proof, &p->snapshot) == 0;
    if (!p->snapshot_proven) {
        n->applied_index = head->index;
        uint8_t hash[STATE_HASH_SIZE];
        state_bytes_hash(state, hash);
        p->snapshot = node_checkpoint_full(n, head->term, &head->config, hash);
    }
    node_handovers_load(n, head->handovers, head->handovers_count);
}

/* For an asker that knows the voters as of this index: in the scratch arena. */
void node_handovers_out(struct node *n, uint64_t behind, struct wire_pull_response *r) {
    if (n->proofs.voters.index <= behind)
        return;
    r->handovers = handovers_behind(n, behind, &r->handovers_count);
}

void node_proofs_done(struct node *n) { VEC_DONE(&n->proofs.handovers); }
