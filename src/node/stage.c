/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Entries that a peer gave and that nobody has vouched for yet. They touch neither the log nor the disk, nor
 * is a configuration among them believed, until the chain over them reaches a checkpoint; then all up to
 * there are the log, whoever brought them.
 *
 *     committed here   | staged                                |
 *     ...... base ---> e1 ---> e2 ---> e3 ---> e4 ---> e5      ^ more is asked for from here
 *                                       ^ a checkpoint: e1..e3 are taken
 */
#include <covey/learn.h>

static void entry_free(struct stage_entry *e) { mem_free((void *)(uintptr_t)e->wire.data.data); }

void stage_begin(struct stage *s, uint64_t index, uint64_t term, const struct chain *chain) {
    for (size_t i = 0; i < s->entries.count; i++)
        entry_free(&s->entries.data[i]);
    s->entries.count = s->bytes = s->proofs_count = 0;
    s->base_index = index;
    s->base_term = term;
    s->base = *chain;
}

void stage_done(struct stage *s) {
    stage_begin(s, 0, 0, &(struct chain){{0}});
    VEC_DONE(&s->entries);
    mem_free(s->proofs);
    *s = (struct stage){0};
}

uint64_t stage_last(const struct stage *s, uint64_t *ret_term) {
    *ret_term = s->entries.count > 0 ? s->entries.data[s->entries.count - 1].wire.term : s->base_term;
    return s->base_index + s->entries.count;
}

static const struct chain *stage_chain(const struct stage *s, uint64_t index) {
    return index == s->base_index ? &s->base : &s->entries.data[index - s->base_index - 1].chain;
}

int stage_add(struct stage *s, uint64_t prev_index, uint64_t prev_term, const struct wire_raft_entry *entries,
              size_t count) {
    uint64_t term, last = stage_last(s, &term);
    size_t bytes = s->bytes;
    if (prev_index != last || prev_term != term)
        return ERR_STALE;
    for (size_t i = 0; i < count; i++) {
        if (entries[i].index != last + 1 + i || entries[i].term < term || entries[i].term > UINT64_MAX / 2)
            return ERR_INVALID;
        term = entries[i].term;
        bytes += entries[i].data.size + STAGE_ENTRY_COST;
    }
    if (bytes > STAGE_BYTES_MAX && s->entries.count > 0)
        return ERR_LIMIT;
    struct chain chain = *stage_chain(s, last);
    for (size_t i = 0; i < count; i++) {
        struct stage_entry e = {.wire = entries[i]};
        uint8_t *data = mem_alloc(entries[i].data.size + 1);
        mem_copy(data, entries[i].data.data, entries[i].data.size);
        e.wire.data = bytes_of(data, entries[i].data.size);
        chain_next(&chain, &entries[i]);
        e.chain = chain;
        VEC_PUSH(&s->entries, e);
    }
    s->bytes = bytes;
    return 0;
}

/* When there are too many, every second goes: what is left still ends the entries in pieces. */
static void proofs_thin(struct stage *s) {
    size_t kept = 0;
    for (size_t i = 1; i < s->proofs_count; i += 2)
        s->proofs[kept++] = s->proofs[i];
    s->proofs_count = kept;
}

void stage_prove(struct stage *s, const struct checkpoint *c) {
    if (c->index <= s->base_index)
        return;
    if (s->proofs == NULL)
        s->proofs = mem_alloc(STAGE_PROOFS_MAX * sizeof *s->proofs);
    if (s->proofs_count == STAGE_PROOFS_MAX)
        proofs_thin(s);
    size_t at = s->proofs_count;
    while (at > 0 && s->proofs[at - 1].index > c->index)
        at--;
    if (at > 0 && s->proofs[at - 1].index == c->index)
        return;
    memmove(s->proofs + at + 1, s->proofs + at, (s->proofs_count - at) * sizeof *s->proofs);
    s->proofs[at] = *c;
    s->proofs_count++;
}

int stage_verified(const struct stage *s, size_t *ret_count, struct checkpoint *ret_proof) {
    uint64_t term, last = stage_last(s, &term);
    size_t count = 0;
    for (size_t i = 0; i < s->proofs_count && s->proofs[i].index <= last; i++) {
        if (memcmp(&s->proofs[i].chain, stage_chain(s, s->proofs[i].index), sizeof(struct chain)) != 0)
            return ERR_DENIED;
        count = (size_t)(s->proofs[i].index - s->base_index);
        *ret_proof = s->proofs[i];
    }
    *ret_count = count;
    return 0;
}

void stage_take(struct stage *s, size_t count) {
    assert(count > 0 && count <= s->entries.count);
    const struct stage_entry *last = &s->entries.data[count - 1];
    s->base_index = last->wire.index;
    s->base_term = last->wire.term;
    s->base = last->chain;
    for (size_t i = 0; i < count; i++) {
        s->bytes -= s->entries.data[i].wire.data.size + STAGE_ENTRY_COST;
        entry_free(&s->entries.data[i]);
    }
    s->entries.count -= count;
    memmove(s->entries.data, s->entries.data + count, s->entries.count * sizeof *s->entries.data);
    size_t old = 0;
    while (old < s->proofs_count && s->proofs[old].index <= s->base_index)
        old++;
    s->proofs_count -= old;
    memmove(s->proofs, s->proofs + old, s->proofs_count * sizeof *s->proofs);
}
