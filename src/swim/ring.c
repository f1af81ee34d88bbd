/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Turns: each item once a lap, in an order that is drawn anew each time. */

#include "internal.h"

#define PICK_ALL_MAX 64 /* up to here candidates are collected, above they are drawn */

static uint32_t *pos(struct swim *s, const struct ring *ring, uint32_t number) {
    return ring->of_contacts ? &s->contacts.data[number]->ring_pos : &swim_number(s, number)->ring_pos;
}

static void ring_put(struct swim *s, struct ring *ring, size_t at, uint32_t number) {
    ring->items[at] = number;
    *pos(s, ring, number) = (uint32_t)at;
}

static void ring_swap(struct swim *s, struct ring *ring, size_t x, size_t y) {
    uint32_t number = ring->items[x];
    ring_put(s, ring, x, ring->items[y]);
    ring_put(s, ring, y, number);
}

void swim_ring_add(struct swim *s, struct ring *ring, uint32_t number) {
    assert(*pos(s, ring, number) == NOWHERE);
    if (ring->count == ring->capacity)
        ring->items = vec_grow(ring->items, &ring->capacity, sizeof *ring->items);
    ring_put(s, ring, ring->count++, number);
    size_t last = ring->count - 1, at = (size_t)prng_below(&s->prng, ring->count);
    if (at < ring->cursor) {
        /* Among those who had their turn: whoever stood there stays with them, or the lap would grow. */
        ring_swap(s, ring, last, ring->cursor);
        last = ring->cursor++;
    }
    ring_swap(s, ring, last, at);
}

void swim_ring_remove(struct swim *s, struct ring *ring, uint32_t number) {
    uint32_t *own = pos(s, ring, number);
    size_t hole = *own;
    assert(hole < ring->count && ring->items[hole] == number);
    if (hole < ring->cursor) {
        /* The hole moves to the end of those who had their turn, so that the last does not lose its own. */
        ring->cursor--;
        ring_put(s, ring, hole, ring->items[ring->cursor]);
        hole = ring->cursor;
    }
    ring->count--;
    if (hole != ring->count)
        ring_put(s, ring, hole, ring->items[ring->count]);
    *own = NOWHERE;
}

uint32_t swim_ring_next(struct swim *s, struct ring *ring) {
    if (ring->count == 0)
        return NOWHERE;
    if (ring->cursor >= ring->count) {
        for (size_t i = ring->count - 1; i > 0; i--)
            ring_swap(s, ring, i, (size_t)prng_below(&s->prng, i + 1));
        ring->cursor = 0;
    }
    return ring->items[ring->cursor++];
}

void swim_ring_front(struct swim *s, struct ring *ring, uint32_t number) {
    size_t at = *pos(s, ring, number);
    if (at > ring->cursor && ring->cursor < ring->count)
        ring_swap(s, ring, at, ring->cursor);
}

static size_t pick_of_few(struct swim *s, enum member_state worst, const struct member *except, size_t wanted,
                          struct member **out) {
    struct member *all[PICK_ALL_MAX];
    size_t count = 0, picked = 0;
    for (size_t i = 0; i < s->probe_ring.count; i++) {
        struct member *m = swim_number(s, s->probe_ring.items[i]);
        if (m != except && m->state <= worst)
            all[count++] = m;
    }
    for (; picked < wanted && picked < count; picked++) {
        size_t at = picked + (size_t)prng_below(&s->prng, count - picked);
        out[picked] = all[at];
        all[at] = all[picked];
    }
    return picked;
}

size_t swim_pick(struct swim *s, enum member_state worst, const struct member *except, size_t wanted,
                 struct member **out) {
    const struct ring *ring = &s->probe_ring;
    size_t picked = 0;
    if (ring->count <= PICK_ALL_MAX)
        return pick_of_few(s, worst, except, wanted, out);
    for (size_t tries = 0; picked < wanted && tries < wanted * 4 + 16; tries++) {
        struct member *m = swim_number(s, ring->items[prng_below(&s->prng, ring->count)]);
        bool usable = m != except && m->state <= worst;
        for (size_t i = 0; i < picked; i++)
            usable = usable && out[i] != m;
        if (usable)
            out[picked++] = m;
    }
    return picked;
}
