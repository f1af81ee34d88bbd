/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Members, the two rings that they take turns in, their timers, and the events about them. */

#include "internal.h"

#define LEFT_KEEP_US (3600 * US_PER_S) /* long enough that no rumour of its life is still about */
#define PICK_ALL_MAX 64                /* up to here candidates are collected, above they are drawn */

static struct bytes id_bytes(const struct member *m) { return bytes_of(m->id.b, sizeof m->id.b); }

struct member *swim_find(const struct swim *s, struct node_id id) {
    return MAP_GET_ID(&s->members, id);
}

struct member *swim_member_new(struct swim *s, struct node_id id, const struct addr *addr) {
    struct member *m = mem_alloc(sizeof *m);
    m->id = id;
    m->addr = *addr;
    m->changed_us = s->now_us;
    m->answered_us = s->now_us - s->config.period_us;
    m->ring_pos = NOWHERE;
    return m;
}

void swim_member_free(struct member *m) {
    assert(!m->rumour && m->ring_pos == NOWHERE);
    mem_free(m->accusation);
    mem_free(m->name);
    mem_free(m);
}

void swim_member_describe(struct member *m, struct bytes name, const struct addr *addr) {
    assert(name.size <= UINT8_MAX);
    if (!bytes_equal(name, bytes_of(m->name, m->name_size))) {
        mem_free(m->name);
        m->name = name.size ? mem_alloc(name.size) : NULL;
        if (name.size)
            memcpy(m->name, name.data, name.size);
        m->name_size = (uint8_t)name.size;
    }
    m->addr = *addr;
}

/* ---- rings --------------------------------------------------------------------------------------------- */

static void ring_put(struct ring *ring, size_t at, struct member *m) {
    ring->items[at] = m;
    m->ring_pos = (uint32_t)at;
}

static void ring_swap(struct ring *ring, size_t x, size_t y) {
    struct member *m = ring->items[x];
    ring_put(ring, x, ring->items[y]);
    ring_put(ring, y, m);
}

void swim_ring_add(struct swim *s, struct ring *ring, struct member *m) {
    assert(m->ring_pos == NOWHERE);
    if (ring->count == ring->capacity)
        ring->items = vec_grow(ring->items, &ring->capacity, sizeof *ring->items);
    ring_put(ring, ring->count++, m);
    /* Whoever stood there goes to the end: it may get a second turn in this lap, but nobody loses one. */
    ring_swap(ring, ring->count - 1, (size_t)prng_below(&s->prng, ring->count));
}

void swim_ring_remove(struct ring *ring, struct member *m) {
    size_t hole = m->ring_pos;
    assert(hole < ring->count && ring->items[hole] == m);
    if (hole < ring->cursor) {
        /* The hole moves to the end of those who had their turn, so that the last does not lose its own. */
        ring->cursor--;
        ring_put(ring, hole, ring->items[ring->cursor]);
        hole = ring->cursor;
    }
    ring->count--;
    if (hole != ring->count)
        ring_put(ring, hole, ring->items[ring->count]);
    m->ring_pos = NOWHERE;
}

struct member *swim_ring_next(struct swim *s, struct ring *ring) {
    if (ring->count == 0)
        return NULL;
    if (ring->cursor >= ring->count) {
        for (size_t i = ring->count - 1; i > 0; i--)
            ring_swap(ring, i, (size_t)prng_below(&s->prng, i + 1));
        ring->cursor = 0;
    }
    return ring->items[ring->cursor++];
}

void swim_ring_front(struct ring *ring, struct member *m) {
    if (m->ring_pos > ring->cursor && ring->cursor < ring->count)
        ring_swap(ring, m->ring_pos, ring->cursor);
}

size_t swim_pick(struct swim *s, enum member_state worst, const struct member *except, size_t wanted,
                 struct member **out) {
    struct member *all[PICK_ALL_MAX];
    const struct ring *ring = &s->probe_ring;
    size_t count = 0, picked = 0;
    if (ring->count <= PICK_ALL_MAX) {
        for (size_t i = 0; i < ring->count; i++) {
            if (ring->items[i] != except && ring->items[i]->state <= worst)
                all[count++] = ring->items[i];
        }
        for (; picked < wanted && picked < count; picked++) {
            size_t at = picked + (size_t)prng_below(&s->prng, count - picked);
            out[picked] = all[at];
            all[at] = all[picked];
        }
        return picked;
    }
    for (size_t tries = 0; picked < wanted && tries < wanted * 4 + 16; tries++) {
        struct member *m = ring->items[prng_below(&s->prng, ring->count)];
        bool usable = m != except && m->state <= worst;
        for (size_t i = 0; i < picked; i++)
            usable = usable && out[i] != m;
        if (usable)
            out[picked++] = m;
    }
    return picked;
}

/* ---- timers: a heap of the members that have an accusation --------------------------------------------- */

static bool heap_before(const struct member *x, const struct member *y) {
    if (x->accusation->timer_us != y->accusation->timer_us)
        return x->accusation->timer_us < y->accusation->timer_us;
    return ID_COMPARE(x->id, y->id) < 0;
}

static void heap_put(struct swim *s, size_t at, struct member *m) {
    s->heap[at] = m;
    m->accusation->heap_pos = (uint32_t)at;
}

static void heap_up(struct swim *s, size_t at) {
    struct member *m = s->heap[at];
    for (; at > 0 && heap_before(m, s->heap[(at - 1) / 2]); at = (at - 1) / 2)
        heap_put(s, at, s->heap[(at - 1) / 2]);
    heap_put(s, at, m);
}

static void heap_down(struct swim *s, size_t at) {
    struct member *m = s->heap[at];
    for (;;) {
        size_t child = at * 2 + 1;
        if (child + 1 < s->heap_count && heap_before(s->heap[child + 1], s->heap[child]))
            child++;
        if (child >= s->heap_count || !heap_before(s->heap[child], m))
            break;
        heap_put(s, at, s->heap[child]);
        at = child;
    }
    heap_put(s, at, m);
}

static void heap_remove(struct swim *s, struct member *m) {
    size_t hole = m->accusation->heap_pos;
    assert(hole < s->heap_count && s->heap[hole] == m);
    m->accusation->heap_pos = NOWHERE;
    s->heap_count--;
    if (hole < s->heap_count) {
        struct member *last = s->heap[s->heap_count];
        heap_put(s, hole, last);
        heap_up(s, hole);
        heap_down(s, last->accusation->heap_pos);
    }
}

void swim_timer_set(struct swim *s, struct member *m, int64_t at_us) {
    /* A confirmation may come when its time is up already: that is no lateness of ours (see stall_guard). */
    m->accusation->timer_us = at_us > s->now_us ? at_us : s->now_us;
    if (m->accusation->heap_pos == NOWHERE) {
        if (s->heap_count == s->heap_capacity)
            s->heap = vec_grow(s->heap, &s->heap_capacity, sizeof *s->heap);
        heap_put(s, s->heap_count++, m);
    }
    heap_up(s, m->accusation->heap_pos);
    heap_down(s, m->accusation->heap_pos);
}

void swim_timers_shift(struct swim *s, int64_t late_us, int64_t floor_us) {
    for (size_t i = 0; i < s->heap_count; i++) {
        struct accusation *a = s->heap[i]->accusation;
        a->timer_us += late_us;
        a->started_us += late_us;
        if (a->timer_us < floor_us)
            a->timer_us = floor_us;
    }
    /* The floor makes different times equal, and equal ones are in order of their ids. */
    for (size_t i = s->heap_count; i-- > 0;)
        heap_down(s, i);
}

/* ---- members ------------------------------------------------------------------------------------------- */

static struct ring *ring_of(struct swim *s, enum member_state state) {
    if (state == MEMBER_STATE_LEFT)
        return NULL;
    return state == MEMBER_STATE_DEAD ? &s->retry_ring : &s->probe_ring;
}

static void accusation_drop(struct swim *s, struct member *m) {
    if (!m->accusation)
        return;
    heap_remove(s, m);
    mem_free(m->accusation);
    m->accusation = NULL;
}

static void accusation_make(struct swim *s, struct member *m, struct node_id accuser, uint32_t k) {
    struct accusation *a = mem_alloc(sizeof *a + (k + 1) * sizeof a->from[0]);
    a->accuser = accuser;
    a->heap_pos = NOWHERE;
    a->k = k;
    a->started_us = s->now_us;
    a->from[0] = accuser;
    a->from_count = 1;
    m->accusation = a;
    int64_t keep_us = s->config.dead_keep_us;
    if (m->state == MEMBER_STATE_LEFT && keep_us > LEFT_KEEP_US)
        keep_us = LEFT_KEEP_US;
    swim_timer_set(s, m, s->now_us + keep_us);
}

static bool is_gone(uint8_t state) { return state == MEMBER_STATE_DEAD || state == MEMBER_STATE_LEFT; }

void swim_member_turn(struct swim *s, struct member *m, enum member_state state, struct node_id accuser,
                      uint32_t k) {
    assert(m->known && m != s->self);
    struct ring *from = ring_of(s, m->state), *to = ring_of(s, state);
    if (from != to && from)
        swim_ring_remove(from, m);
    if (from != to && to)
        swim_ring_add(s, to, m);
    swim_gossip_wake(s);
    s->gone_count += is_gone((uint8_t)state);
    s->gone_count -= is_gone(m->state);
    accusation_drop(s, m);
    if (m->state != state)
        m->changed_us = s->now_us;
    m->state = (uint8_t)state;
    if (state != MEMBER_STATE_ALIVE)
        accusation_make(s, m, accuser, k);
    if (from != to && to == &s->retry_ring)
        swim_retry_wake(s);
}

/* A full table gives up one that has left, else the one dead for longest: the living matter more. */
static void table_make_room(struct swim *s) {
    struct member *least = NULL;
    for (size_t i = 1; i < s->members.count && s->gone_count > 0; i++) {
        struct member *m = s->members.entries[i].value;
        if (!is_gone(m->state) || (m->pinned && m->state == MEMBER_STATE_DEAD))
            continue;
        if (!least || m->state > least->state ||
            (m->state == least->state && m->changed_us < least->changed_us))
            least = m;
    }
    if (least)
        swim_table_forget(s, least);
}

struct member *swim_table_add(struct swim *s, const struct wire_member *record) {
    if (s->members.count >= s->config.members_max)
        table_make_room(s);
    if (s->members.count >= s->config.members_max) {
        s->table_full = true;
        return NULL;
    }
    struct member *m = MAP_REMOVE_ID(&s->strangers, record->id);
    if (m)
        swim_ring_remove(&s->retry_ring, m);
    else
        m = swim_member_new(s, record->id, &record->addr);
    m->known = true;
    m->changed_us = s->now_us;
    m->state = MEMBER_STATE_ALIVE;
    m->incarnation = (struct incarnation){record->generation, record->version};
    swim_member_describe(m, record->name, &record->addr);
    map_put(&s->members, id_bytes(m), m);
    swim_ring_add(s, &s->probe_ring, m);
    swim_gossip_wake(s);
    return m;
}

void swim_table_forget(struct swim *s, struct member *m) {
    swim_event(s, SWIM_FORGOTTEN, m);
    swim_rumour_stop(s, m);
    accusation_drop(s, m);
    if (m->ring_pos != NOWHERE)
        swim_ring_remove(ring_of(s, m->state), m);
    s->gone_count -= is_gone(m->state);
    map_remove(&s->members, id_bytes(m));
    m->known = false;
    if (!m->pinned) {
        swim_member_free(m);
        return;
    }
    /* The committed table still has it: it goes on being tried. */
    map_put(&s->strangers, id_bytes(m), m);
    swim_ring_add(s, &s->retry_ring, m);
    swim_retry_wake(s);
}

struct swim_effect *swim_event(struct swim *s, enum swim_event_kind kind, const struct member *m) {
    struct swim_effect *effect = swim_effect_new(s, SWIM_EVENT);
    effect->event = kind;
    effect->member = m->id;
    effect->generation = m->incarnation.generation;
    if (m->accusation && (kind == SWIM_SUSPECTED || kind == SWIM_DIED))
        effect->accuser = m->accusation->accuser;
    return effect;
}
