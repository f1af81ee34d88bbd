/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Timers: a heap of the members that have an accusation. Nothing walks the table. */

#include "internal.h"

static bool heap_before(const struct member *x, const struct member *y) {
    if (swim_accusation(x)->timer_us != swim_accusation(y)->timer_us)
        return swim_accusation(x)->timer_us < swim_accusation(y)->timer_us;
    return ID_COMPARE(x->card->id, y->card->id) < 0;
}

static void heap_put(struct swim *s, size_t at, struct member *m) {
    s->heap[at] = m;
    swim_accusation(m)->heap_pos = (uint32_t)at;
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

void swim_timer_remove(struct swim *s, struct member *m) {
    size_t hole = swim_accusation(m)->heap_pos;
    assert(hole < s->heap_count && s->heap[hole] == m);
    swim_accusation(m)->heap_pos = NOWHERE;
    s->heap_count--;
    if (hole < s->heap_count) {
        struct member *last = s->heap[s->heap_count];
        heap_put(s, hole, last);
        heap_up(s, hole);
        heap_down(s, swim_accusation(last)->heap_pos);
    }
}

void swim_timer_set(struct swim *s, struct member *m, int64_t at_us) {
    /* A confirmation may come when its time is up already: that is no lateness of ours (see lateness_guard).
     */
    swim_accusation(m)->timer_us = at_us > s->now_us ? at_us : s->now_us;
    if (swim_accusation(m)->heap_pos == NOWHERE) {
        if (s->heap_count == s->heap_capacity)
            s->heap = vec_grow(s->heap, &s->heap_capacity, sizeof *s->heap);
        heap_put(s, s->heap_count++, m);
    }
    heap_up(s, swim_accusation(m)->heap_pos);
    heap_down(s, swim_accusation(m)->heap_pos);
}

void swim_timers_shift(struct swim *s, int64_t late_us, int64_t floor_us) {
    for (size_t i = 0; i < s->heap_count; i++) {
        struct accusation *a = swim_accusation(s->heap[i]);
        struct suspicion *doubt = a->suspicion;
        a->timer_us += late_us;
        if (a->timer_us < floor_us)
            a->timer_us = floor_us;
        if (!doubt)
            continue;
        doubt->started_us += late_us;
        doubt->due_us += late_us;
        if (doubt->due_us < a->timer_us)
            doubt->due_us = a->timer_us;
    }
    /* The floor makes different times equal, and equal ones are in order of their ids. */
    for (size_t i = s->heap_count; i-- > 0;)
        heap_down(s, i);
}
