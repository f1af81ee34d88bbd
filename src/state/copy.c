/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * A copy of the state is its records alone, taken in one go; what they point to (names, specs, values) stays
 * where it is. No command changes that in place: it makes a record anew, with an arena of its own, and gives
 * up the old one, which is kept here for as long as the copy may need it.
 */
#include <sodium.h>

#include "internal.h"

#define HASH_ALIGN 64 /* as libsodium asks */

struct state_copy {
    struct state *state;
    struct arena arena;
    struct wire_state_snapshot records;
    struct codec_parts parts;
    bool whole;
    struct buf bytes;
    uint32_t checksum;
    VEC(struct arena) kept;
    uint8_t hash[sizeof(crypto_generichash_state) + HASH_ALIGN];
};

static crypto_generichash_state *hash_of(struct state_copy *c) {
    uintptr_t at = ((uintptr_t)c->hash + HASH_ALIGN - 1) / HASH_ALIGN * HASH_ALIGN;
    return (crypto_generichash_state *)at;
}

struct state_copy *state_copy_new(struct state *s, size_t front_size) {
    assert(s->copy == NULL);
    struct state_copy *c = mem_alloc(sizeof *c);
    c->state = s;
    s->copy = c;
    buf_reserve(&c->bytes, front_size);
    c->bytes.size = front_size;
    state_gather(s, &c->arena, &c->records);
    c->parts = (struct codec_parts){.type = &wire_state_snapshot_type, .obj = &c->records};
    int error = crypto_generichash_init(hash_of(c), NULL, 0, 16);
    assert(error == 0);
    (void)error;
    return c;
}

/* Nothing of the state is needed any more. */
static void copy_release(struct state_copy *c) {
    for (size_t i = 0; i < c->kept.count; i++)
        arena_done(&c->kept.data[i]);
    VEC_DONE(&c->kept);
    arena_done(&c->arena);
    if (c->state != NULL)
        c->state->copy = NULL;
    c->state = NULL;
}

void state_copy_free(struct state_copy *c) {
    if (c == NULL)
        return;
    copy_release(c);
    buf_done(&c->bytes);
    mem_free(c);
}

void state_drop(struct state *s, struct arena *a) {
    if (s->copy != NULL)
        VEC_PUSH(&s->copy->kept, *a);
    else
        arena_done(a);
}

bool state_copy_step(struct state_copy *c, size_t size) {
    assert(!c->whole);
    size_t before = c->bytes.size;
    c->whole = codec_encode_part(&c->parts, size, &c->bytes);
    const uint8_t *part = c->bytes.data + before;
    int error = crypto_generichash_update(hash_of(c), part, c->bytes.size - before);
    assert(error == 0);
    (void)error;
    c->checksum = crc32c(c->checksum, part, c->bytes.size - before);
    if (c->whole)
        copy_release(c);
    return c->whole;
}

struct buf *state_copy_bytes(struct state_copy *c) {
    assert(c->whole);
    return &c->bytes;
}

void state_copy_hash(struct state_copy *c, uint8_t ret_hash[16]) {
    assert(c->whole);
    int error = crypto_generichash_final(hash_of(c), ret_hash, 16);
    assert(error == 0);
    (void)error;
}

uint32_t state_copy_checksum(const struct state_copy *c) { return c->checksum; }
