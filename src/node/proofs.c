/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * What this host can prove of its log to others, and whom it believes itself.
 *
 * A voter signs for its own committed log: the newest index when somebody asks for it, at most once in
 * CHECKPOINT_US; each change of the voters when it is applied (handovers.c); and a state, where it has hashed
 * one, for who needs a snapshot. Hosts without a vote pass on what they have verified.
 */
#include "internal.h"

/* ---- whose word is believed ---------------------------------------------------------------------------- */

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

bool node_vouches(const struct node *n) { return n->state_wrong == 0 && node_signs(n); }

void node_voters_learn(struct node *n, uint64_t index, const struct wire_raft_config *config) {
    if (index <= n->proofs.voters.index || config->voters_count == 0)
        return;
    learn_voters_set(&n->proofs.voters, index, config);
    node_voted_note(n, &n->proofs.voters);
    n->table_dirty = true; /* the file `cluster` has them, too */
}

/* By who votes now as far as is known, or did where this log ends. */
int node_checkpoint_take(struct node *n, const struct wire_checkpoint *in, struct checkpoint *ret) {
    struct checkpoint c;
    if (checkpoint_in(in, &c) != 0)
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

/* ---- the log ------------------------------------------------------------------------------------------- */

struct checkpoint node_checkpoint_here(const struct node *n, uint64_t term) {
    return (struct checkpoint){.generation = n->cluster.generation,
                               .recovery = n->cluster.recovery,
                               .term = term,
                               .index = n->applied_index,
                               .chain = n->proofs.chain};
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
        node_handover_sign(n, entry->index, entry->term);
}

/* ---- the newest, and states ---------------------------------------------------------------------------- */

const struct checkpoint *node_checkpoint_newest(struct node *n) {
    struct proofs *p = &n->proofs;
    bool moved = p->newest.index < n->applied_index;
    if (moved && n->applied_index == raft_commit_index(n->raft) && node_signs(n) &&
        (p->newest.index == 0 || n->now_us - p->newest_us >= CHECKPOINT_US)) {
        p->newest = node_checkpoint_here(n, raft_term_at(n->raft, n->applied_index));
        checkpoint_sign(&p->newest, &n->identity);
        p->newest_us = n->now_us;
        p->newest_fresh_us = 0;
        node_mark(n, MARK_LEARN_CHECKPOINT_MADE);
    }
    if (p->newest.index == n->applied_index)
        p->newest_fresh_us = node_fresh_us(n);
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
    n->proofs.newest_fresh_us = 0;
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
    if ((!own || !p->snapshot_proven) && node_vouches(n)) {
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
    struct checkpoint c = node_checkpoint_here(n, term);
    c.has_voters = c.has_state = true;
    learn_voters_set(&c.voters, c.index, config);
    memcpy(c.state, hash, sizeof c.state);
    return c;
}

/* One of others with a state: kept for a snapshot here at its index, and to be passed on. */
void node_checkpoint_keep(struct node *n, const struct checkpoint *c) {
    struct proofs *p = &n->proofs;
    if (!c->has_voters)
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
        if (n->proofs.recent[i].index == index)
            return &n->proofs.recent[i];
    return NULL;
}

/* ---- on the disk --------------------------------------------------------------------------------------- */

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
    head->handovers = node_handovers_behind(n, 0, &head->handovers_count);
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
