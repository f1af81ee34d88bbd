/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "covey/base.h"

/*
 * Chunks form a list, newest first; the oldest survives a reset. They double up to CHUNK_SIZE_MAX, so that a
 * small message costs one small allocation and a large one few.
 */
#define CHUNK_SIZE_MIN 2048
#define CHUNK_SIZE_MAX (256 * 1024)
#define ALIGNMENT      16

struct arena_chunk {
    struct arena_chunk *older;
    size_t size, used;
    _Alignas(ALIGNMENT) uint8_t data[];
};

static size_t rounded_up(size_t size_bytes) {
    return (size_bytes + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

static void chunk_add(struct arena *a, size_t needed) {
    size_t size = CHUNK_SIZE_MIN;
    if (a->chunk)
        size = a->chunk->size < CHUNK_SIZE_MAX / 2 ? a->chunk->size * 2 : CHUNK_SIZE_MAX;
    if (size < needed)
        size = needed;
    struct arena_chunk *chunk = mem_realloc(NULL, sizeof *chunk + size);
    chunk->older = a->chunk;
    chunk->size = size;
    chunk->used = 0;
    a->chunk = chunk;
}

void *arena_alloc(struct arena *a, size_t size_bytes) {
    assert(size_bytes <= SIZE_MAX / 2);
    size_t needed = rounded_up(size_bytes ? size_bytes : 1);
    if (!a->chunk || a->chunk->size - a->chunk->used < needed)
        chunk_add(a, needed);
    uint8_t *p = a->chunk->data + a->chunk->used;
    a->chunk->used += needed;
    a->total_bytes += needed;
    memset(p, 0, needed);
    return p;
}

void *arena_try_alloc(struct arena *a, size_t size_bytes) {
    if (a->limit_bytes) {
        size_t left = a->limit_bytes > a->total_bytes ? a->limit_bytes - a->total_bytes : 0;
        if (size_bytes > left || rounded_up(size_bytes ? size_bytes : 1) > left)
            return NULL;
    }
    return arena_alloc(a, size_bytes);
}

struct bytes arena_copy(struct arena *a, struct bytes in) {
    assert(in.size < SIZE_MAX / 2);
    uint8_t *copy = arena_alloc(a, in.size + 1);
    mem_copy(copy, in.data, in.size);
    return bytes_of(copy, in.size);
}

char *arena_printf(struct arena *a, const char *format, ...) {
    struct buf text = {0};
    va_list args;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    char *copy = arena_alloc(a, text.size + 1);
    memcpy(copy, buf_str(&text), text.size);
    buf_done(&text);
    return copy;
}

void arena_reset(struct arena *a) {
    a->total_bytes = 0;
    if (!a->chunk)
        return;
    while (a->chunk->older) {
        struct arena_chunk *older = a->chunk->older;
        mem_free(a->chunk);
        a->chunk = older;
    }
    a->chunk->used = 0;
}

void arena_done(struct arena *a) {
    arena_reset(a);
    mem_free(a->chunk);
    a->chunk = NULL;
}
