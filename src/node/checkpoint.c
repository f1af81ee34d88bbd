/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * A checkpoint is a voter's word on what the log is: the hash over all of it up to an index that the voter
 * knows to be committed. Whoever knows the voters can then take the entries themselves from anybody.
 *
 * It is signed as its encoding without the signature. So it has no room for later fields, which an older host
 * would skip and then find the signature wrong: what is new goes into another message.
 */
#include <sodium.h>

#include <covey/codec.h>
#include <covey/learn.h>

static void number_put(uint8_t out[8], uint64_t value) {
    for (unsigned i = 0; i < 8; i++)
        out[i] = (uint8_t)(value >> (8 * i));
}

void chain_next(struct chain *c, const struct wire_raft_entry *entry) {
    uint8_t place[17];
    number_put(place, entry->index);
    number_put(place + 8, entry->term);
    place[16] = (uint8_t)entry->kind;
    crypto_generichash_state hash;
    int error = crypto_generichash_init(&hash, NULL, 0, sizeof c->b);
    error |= crypto_generichash_update(&hash, c->b, sizeof c->b);
    error |= crypto_generichash_update(&hash, place, sizeof place);
    error |= crypto_generichash_update(&hash, entry->data.data, entry->data.size);
    error |= crypto_generichash_final(&hash, c->b, sizeof c->b);
    assert(error == 0);
    (void)error;
}

/* ---- voters -------------------------------------------------------------------------------------------- */

void learn_voters_set(struct learn_voters *v, uint64_t index, const struct wire_raft_config *config) {
    *v = (struct learn_voters){.index = index};
    for (size_t i = 0; i < config->voters_count; i++)
        v->ids[v->count++] = config->voters[i];
    for (size_t i = 0; i < config->voters_next_count; i++)
        v->next[v->next_count++] = config->voters_next[i];
}

struct wire_raft_config learn_voters_config(const struct learn_voters *v) {
    return (struct wire_raft_config){.voters = (struct raft_id *)(uintptr_t)v->ids,
                                     .voters_count = v->count,
                                     .voters_next = (struct raft_id *)(uintptr_t)v->next,
                                     .voters_next_count = v->next_count};
}

bool learn_voters_have(const struct learn_voters *v, struct node_id id) {
    for (size_t i = 0; i < v->count; i++)
        if (ID_EQUAL(v->ids[i].node, id))
            return true;
    for (size_t i = 0; i < v->next_count; i++)
        if (ID_EQUAL(v->next[i].node, id))
            return true;
    return false;
}

/* ---- to and from the wire ------------------------------------------------------------------------------ */

void checkpoint_out(const struct checkpoint *c, struct checkpoint_out *ret) {
    ret->wire = (struct wire_checkpoint){.generation = c->generation,
                                         .recovery = c->recovery,
                                         .term = c->term,
                                         .index = c->index,
                                         .chain = bytes_of(c->chain.b, sizeof c->chain.b),
                                         .key = c->key,
                                         .signature = bytes_of(c->signature.b, sizeof c->signature.b)};
    ret->config = (struct wire_raft_config){0};
    if (c->has_voters) {
        ret->config = learn_voters_config(&c->voters);
        ret->wire.config = &ret->config;
    }
    if (c->has_state)
        ret->wire.state = bytes_of(c->state, sizeof c->state);
}

int checkpoint_in(const struct wire_checkpoint *in, struct checkpoint *ret) {
    bool sizes = in->chain.size == CHAIN_SIZE && in->signature.size == sizeof ret->signature.b &&
                 (in->state.size == 0 || in->state.size == STATE_HASH_SIZE);
    if (!sizes || in->index == 0 || in->term == 0 || (in->config != NULL && in->config->voters_count == 0))
        return ERR_INVALID;
    *ret = (struct checkpoint){.generation = in->generation,
                               .recovery = in->recovery,
                               .term = in->term,
                               .index = in->index,
                               .key = in->key,
                               .has_voters = in->config != NULL,
                               .has_state = in->state.size != 0};
    memcpy(ret->chain.b, in->chain.data, CHAIN_SIZE);
    memcpy(ret->signature.b, in->signature.data, sizeof ret->signature.b);
    mem_copy(ret->state, in->state.data, in->state.size);
    if (in->config != NULL)
        learn_voters_set(&ret->voters, in->index, in->config);
    return 0;
}

/* ---- signatures ---------------------------------------------------------------------------------------- */

static void signed_bytes(const struct checkpoint *c, struct buf *out) {
    struct checkpoint_out o;
    checkpoint_out(c, &o);
    o.wire.signature = (struct bytes){0};
    codec_encode(&wire_checkpoint_type, &o.wire, out);
}

void checkpoint_sign(struct checkpoint *c, const struct identity *identity) {
    struct buf message = {0};
    c->key = identity->public_key;
    signed_bytes(c, &message);
    identity_sign(identity, SIGN_CHECKPOINT, buf_bytes(&message), &c->signature);
    buf_done(&message);
}

bool checkpoint_signed(const struct checkpoint *c) {
    struct buf message = {0};
    signed_bytes(c, &message);
    int error = identity_verify(&c->key, SIGN_CHECKPOINT, buf_bytes(&message), &c->signature);
    buf_done(&message);
    return error == 0;
}

int checkpoint_check(const struct checkpoint *c, const struct learn_voters *voters) {
    if (!learn_voters_have(voters, identity_node_id(&c->key)))
        return ERR_DENIED;
    return checkpoint_signed(c) ? 0 : ERR_DENIED;
}

/* The earliest first: a later one may be signed by who votes only since then. */
size_t learn_voters_follow(struct learn_voters *voters, const struct checkpoint *handovers, size_t count) {
    size_t steps = 0;
    for (;;) {
        const struct checkpoint *next = NULL;
        for (size_t i = 0; i < count; i++) {
            const struct checkpoint *c = &handovers[i];
            if (c->index > voters->index && (next == NULL || c->index < next->index) &&
                checkpoint_check(c, voters) == 0)
                next = c;
        }
        if (next == NULL)
            return steps;
        *voters = next->voters;
        steps++;
    }
}
