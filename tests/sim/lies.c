/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The liar knows everything, the true chain as well, and has a key: its own. So it can give entries with a
 * checkpoint that fits them, but none that a voter has signed. (What a voter that lies can do is not undone
 * by any of this: it is believed.)
 */
#include "lies.h"

#include "truth.h"

enum lie {
    LIE_ENTRY,     /* an entry says something else; the checkpoint is the honest one */
    LIE_BARE,      /* and there is no checkpoint */
    LIE_SIGNATURE, /* and a checkpoint that fits, which bears the name of who made the honest one */
    LIE_SIGNER,    /* and one that fits, signed by the liar itself */
    LIE_COMMIT,    /* all is true, but the commit index is far ahead */
    LIES_COUNT
};

static void lie_entry(struct wire_raft_entry *e, struct arena *a) {
    struct wire_cmd_var var = {.key = bytes_str("lie"), .value = bytes_str("believed")};
    struct buf data = {0};
    codec_encode(&wire_command_type, &(struct wire_command){.var = &var}, &data);
    e->kind = ENTRY_KIND_COMMAND;
    e->data = arena_copy(a, buf_bytes(&data));
    buf_done(&data);
}

/* A checkpoint for the entries as they are now. false: the chain before them is not known. */
static bool checkpoint_fit(struct world *w, const struct sim_host *h, struct wire_pull_response *r, bool own,
                           struct arena *a) {
    struct checkpoint c;
    struct chain chain;
    if (r->checkpoint == NULL || checkpoint_in(r->checkpoint, &c) != 0 ||
        !proven_chain(w, r->prev_index, &chain))
        return false;
    for (size_t i = 0; i < r->entries_count; i++)
        chain_next(&chain, &r->entries[i]);
    c.index = r->prev_index + r->entries_count;
    c.term = r->entries[r->entries_count - 1].term;
    c.chain = chain;
    if (own) {
        struct identity identity;
        identity_init(&identity, &h->identity);
        checkpoint_sign(&c, &identity);
    }
    struct checkpoint *kept = arena_alloc(a, sizeof *kept);
    struct checkpoint_out *out = arena_alloc(a, sizeof *out);
    *kept = c;
    checkpoint_out(kept, out);
    r->checkpoint = &out->wire;
    return true;
}

/* Of a whole snapshot that fits into one chunk: another state, with checksum and hash to match. */
static bool snapshot_change(const struct sim_host *h, struct wire_pull_response *r, bool own,
                            struct arena *a) {
    struct wire_snapshot_chunk *chunk = r->snapshot;
    struct wire_state_snapshot state;
    struct checkpoint c;
    if (chunk->offset != 0 || chunk->data.size != chunk->total_size || r->checkpoint == NULL ||
        checkpoint_in(r->checkpoint, &c) != 0 ||
        codec_decode(&wire_state_snapshot_type, chunk->data, a, &state, NULL) != 0)
        return false;
    struct buf data = {0};
    state.vars_count = 0;
    state.instances_count = 0;
    codec_encode(&wire_state_snapshot_type, &state, &data);
    chunk->data = arena_copy(a, buf_bytes(&data));
    buf_done(&data);
    chunk->total_size = chunk->data.size;
    chunk->checksum = crc32c(0, chunk->data.data, chunk->data.size);
    if (!own)
        return true;
    state_bytes_hash(chunk->data, c.state);
    struct identity identity;
    identity_init(&identity, &h->identity);
    checkpoint_sign(&c, &identity);
    struct checkpoint *kept = arena_alloc(a, sizeof *kept);
    struct checkpoint_out *out = arena_alloc(a, sizeof *out);
    *kept = c;
    checkpoint_out(kept, out);
    r->checkpoint = &out->wire;
    return true;
}

/* A chunk of a snapshot that a voter signed, said to be of another, or to lie elsewhere in it. */
static void chunk_change(struct world *w, struct wire_snapshot_chunk *c) {
    switch (prng_below(&w->fault_prng, 6)) {
    case 0: c->offset++; break;
    case 1: c->index++; break;
    case 2: c->term++; break;
    case 3: c->config.voters_count = 0; break;
    case 4: c->total_size = UINT64_MAX; break;
    default: c->total_size = c->offset + c->data.size - 1; break;
    }
}

static bool answer_change(struct world *w, const struct sim_host *h, struct wire_pull_response *r,
                          struct arena *a) {
    enum lie lie = (enum lie)prng_below(&w->fault_prng, LIES_COUNT);
    bool votes = proven_had_vote(w, node_self(h->node));
    if (votes && (lie == LIE_SIGNER || lie == LIE_SIGNATURE))
        lie = LIE_ENTRY;
    if (r->snapshot != NULL && prng_chance(&w->fault_prng, 400000)) {
        chunk_change(w, r->snapshot);
        return true;
    }
    if (r->snapshot != NULL)
        return snapshot_change(h, r, lie == LIE_SIGNER, a);
    if (lie == LIE_COMMIT) {
        r->commit += 1000;
        return true;
    }
    if (r->entries_count == 0)
        return false;
    lie_entry(&r->entries[prng_below(&w->fault_prng, r->entries_count)], a);
    if (lie == LIE_BARE)
        r->checkpoint = r->state = NULL;
    return lie == LIE_ENTRY || lie == LIE_BARE || checkpoint_fit(w, h, r, lie == LIE_SIGNER, a);
}

bool lies_change(struct world *w, const struct sim_host *h, struct bytes data, struct buf *out) {
    struct arena a = {0};
    struct wire_peer_message m;
    bool changed = codec_decode(&wire_peer_message_type, data, &a, &m, NULL) == 0 &&
                   m.pull_response != NULL && prng_chance(&w->fault_prng, 700000) &&
                   answer_change(w, h, m.pull_response, &a);
    if (changed)
        codec_encode(&wire_peer_message_type, &m, out);
    arena_done(&a);
    return changed;
}

/* node's own: of a state that is restored no copy may be under way. */
void node_copy_stop(struct node *n);

void lies_rot(struct world *w, struct sim_host *h) {
    struct state *state = (struct state *)(uintptr_t)node_state(h->node);
    struct buf bytes = {0};
    struct arena a = {0};
    struct wire_state_snapshot s;
    state_snapshot(state, &bytes);
    if (codec_decode(&wire_state_snapshot_type, buf_bytes(&bytes), &a, &s, NULL) == 0 && s.index > 0 &&
        s.requests_count < WIRE_REQUESTS_MAX) {
        struct wire_request_record *requests = arena_alloc(&a, (s.requests_count + 1) * sizeof *requests);
        for (size_t i = 0; i < s.requests_count; i++)
            requests[i] = s.requests[i];
        struct wire_request_record *rot = &requests[s.requests_count++];
        prng_fill(&w->fault_prng, rot->id.b, sizeof rot->id.b);
        rot->index = s.index;
        s.requests = requests;
        buf_clear(&bytes);
        codec_encode(&wire_state_snapshot_type, &s, &bytes);
        node_copy_stop(h->node);
        int error = state_restore(state, buf_bytes(&bytes));
        assert(error == 0);
        (void)error;
        h->rotted = true;
        w->rots++;
        world_say(w, h->index, "a bit of its memory turns over");
    }
    arena_done(&a);
    buf_done(&bytes);
}
