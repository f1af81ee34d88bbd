/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * What waits to be drained. Messages first, then the write, then what to apply: so a leader's appends are on
 * their way before its own disk is asked. Entries are not copied into a message: they are taken out of the
 * log when it is drained, and the message is dropped if they are no longer there.
 */
#include "internal.h"

struct raft_item *raft_emit(struct raft *r, enum raft_effect_kind kind) {
    struct raft_item item = {.effect = {.kind = kind}};
    VEC_PUSH(&r->items, item);
    return &r->items.data[r->items.count - 1];
}

struct raft_item *raft_send(struct raft *r, const struct raft_id *to, uint64_t after) {
    struct raft_item *item = raft_emit(r, RAFT_SEND);
    item->effect.after = after;
    item->message = (struct wire_raft_message){
        .from = r->options.self,
        .to = *to,
        .term = r->term,
        .generation = r->options.generation,
        .recovery = r->options.recovery,
    };
    return item;
}

struct raft_chunk *raft_chunk_copy(const struct wire_snapshot_chunk *chunk) {
    struct raft_chunk *copy = mem_alloc(sizeof *copy);
    copy->wire = *chunk;
    raft_conf_set(&copy->conf, &chunk->config, chunk->index);
    copy->wire.config = copy->conf.wire;
    copy->wire.chain = (struct bytes){0};
    if (chunk->chain.size == sizeof copy->chain) {
        memcpy(copy->chain, chunk->chain.data, sizeof copy->chain);
        copy->wire.chain = bytes_of(copy->chain, sizeof copy->chain);
    }
    copy->wire.data = (struct bytes){0};
    if (chunk->data.size > 0) {
        copy->data = mem_alloc(chunk->data.size);
        memcpy(copy->data, chunk->data.data, chunk->data.size);
        copy->wire.data = bytes_of(copy->data, chunk->data.size);
    }
    return copy;
}

void raft_chunk_free(struct raft_chunk *chunk) {
    if (!chunk)
        return;
    mem_free(chunk->data);
    mem_free(chunk);
}

/* A term has one leader. */
static bool same_told(const struct raft *r) {
    return r->told_role == r->role && r->told_term == r->term && r->told_leader_known == r->leader_known;
}

void raft_tell_role(struct raft *r) {
    if (same_told(r))
        return;
    r->told_role = r->role;
    r->told_term = r->term;
    r->told_leader_known = r->leader_known;
    raft_emit(r, RAFT_ROLE);
}

/* What is queued and not drained goes: messages and reads of a run whose disk failed. */
void raft_effects_drop(struct raft *r) {
    size_t kept = r->items_head;
    for (size_t i = r->items_head; i < r->items.count; i++) {
        if (r->items.data[i].effect.kind == RAFT_SEND)
            raft_chunk_free(r->items.data[i].chunk);
        else
            r->items.data[kept++] = r->items.data[i];
    }
    r->items.count = kept;
}

void raft_effects_done(struct raft *r) {
    for (size_t i = r->items_head; i < r->items.count; i++)
        raft_chunk_free(r->items.data[i].chunk);
    VEC_DONE(&r->items);
    raft_chunk_free(r->drained.chunk);
}

static bool append_fill(struct raft *r, struct raft_item *item) {
    struct wire_append_request *a = &item->body.append_request;
    a->entries_count = item->entries_count;
    if (item->entries_count == 0)
        return true;
    if (r->role != RAFT_LEADER || item->message.term != r->term || !raft_log_at(&r->log, item->entries_first))
        return false;
    a->entries = raft_log_at(&r->log, item->entries_first);
    return true;
}

/* The bodies of an item moved with it: the message points at them only now. */
static bool item_fill(struct raft *r, struct raft_item *item) {
    struct wire_raft_message *m = &item->message;
    if (m->append_request) {
        m->append_request = &item->body.append_request;
        return append_fill(r, item);
    }
    if (m->vote_request)
        m->vote_request = &item->body.vote_request;
    if (m->vote_response)
        m->vote_response = &item->body.vote_response;
    if (m->append_response)
        m->append_response = &item->body.append_response;
    if (m->snapshot_response)
        m->snapshot_response = &item->body.snapshot_response;
    if (m->snapshot_chunk)
        m->snapshot_chunk = &item->chunk->wire;
    return true;
}

static bool apply_next(struct raft *r, struct raft_effect *ret) {
    if (r->incoming.installing || r->applied >= r->commit)
        return false;
    *ret = (struct raft_effect){.kind = RAFT_APPLY, .entries = raft_log_at(&r->log, r->applied + 1)};
    ret->entries_count = (size_t)(r->commit - r->applied);
    r->applied = r->commit;
    return true;
}

bool raft_drain(struct raft *r, struct raft_effect *ret_effect) {
    while (r->items_head < r->items.count) {
        raft_chunk_free(r->drained.chunk);
        r->drained = r->items.data[r->items_head++];
        if (!item_fill(r, &r->drained))
            continue;
        if (r->drained.effect.kind == RAFT_SEND)
            r->drained.effect.message = &r->drained.message;
        if (r->drained.effect.kind == RAFT_SNAPSHOT_BYTES)
            r->drained.effect.chunk = &r->drained.chunk->wire;
        *ret_effect = r->drained.effect;
        return true;
    }
    r->items.count = r->items_head = 0;
    return raft_persist_next(r, ret_effect) || apply_next(r, ret_effect);
}
