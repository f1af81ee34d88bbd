/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The search. The calls and answers stand in a list, in order. The first answer in it is a limit: only calls
 * before it may come next in the order, since whoever was answered is before whoever called later. One that
 * fits the variable's state is taken out with its answer, and the search begins at the front again; when the
 * limit is met, the last choice is undone and the next call is tried. A set of taken operations together with
 * a state that was met before leads nowhere new.
 */
#include "linear.h"

/* Numbers only: it is a part of a key. */
struct cell {
    uint64_t exists, value;
    uint64_t version; /* of the last change; 0: not known */
    uint64_t floor;   /* newest version that is known: later ones are higher */
};

/* ---- the object ---- */

static bool version_is(struct cell *c, uint64_t version) {
    if (c->version == 0 && version > c->floor)
        c->version = c->floor = version;
    return c->version == version;
}

static bool version_is_not(const struct cell *c, uint64_t version) {
    return c->version == 0 || c->version != version;
}

static bool expected(struct cell *c, const struct linear_op *op) {
    if (!op->check)
        return true;
    if (op->expect == 0 || !c->exists)
        return op->expect == 0 && !c->exists;
    return version_is(c, op->expect);
}

static bool may_conflict(const struct cell *c, const struct linear_op *op) {
    if (!op->check)
        return false;
    if (op->expect == 0 || !c->exists)
        return op->expect != 0 || c->exists;
    return version_is_not(c, op->expect);
}

static bool change(struct cell *c, const struct linear_op *op) {
    if (!expected(c, op) || (op->kind == LINEAR_REMOVE && !c->exists))
        return false;
    if (op->version != 0 && op->version <= c->floor)
        return false;
    c->exists = op->kind == LINEAR_WRITE;
    c->value = c->exists ? op->value : 0;
    c->version = op->outcome == LINEAR_OK ? op->version : 0;
    if (c->version != 0)
        c->floor = c->version;
    return true;
}

static bool read_ok(struct cell *c, const struct linear_op *op) {
    return c->exists && c->value == op->value && (op->version == 0 || version_is(c, op->version));
}

/* Could the cell have answered so? Then it becomes what it is behind that. */
static bool step(struct cell *c, const struct linear_op *op) {
    switch (op->outcome) {
    case LINEAR_OK: return op->kind == LINEAR_READ ? read_ok(c, op) : change(c, op);
    case LINEAR_UNKNOWN: return op->kind != LINEAR_READ && change(c, op);
    case LINEAR_CONFLICT: return may_conflict(c, op);
    case LINEAR_ABSENT: return !c->exists && op->kind != LINEAR_WRITE && (!op->check || op->expect == 0);
    }
    return false;
}

/* ---- the list ---- */

#define NONE SIZE_MAX

/* Events 1 .. n in a ring through 0. Of an operation: its call, and its answer unless it is open. */
struct event {
    uint64_t at;
    size_t op;
    bool is_call;
    size_t mate; /* of a call: its answer, NONE when open */
    size_t prev, next;
};
struct choice {
    size_t event;
    struct cell before;
};
struct search {
    const struct linear_op *ops;
    size_t count, events_count, answers_left;
    struct event *events;
    struct choice *stack;
    size_t depth, deepest, stuck;
    uint64_t *taken; /* a bit an operation */
    size_t words;
    struct cell cell;
    struct map tried;
    struct arena keys;
};

static void unlink_event(struct search *s, size_t i) {
    s->events[s->events[i].prev].next = s->events[i].next;
    s->events[s->events[i].next].prev = s->events[i].prev;
}

/* In the reverse order of unlinking. */
static void relink_event(struct search *s, size_t i) {
    s->events[s->events[i].prev].next = i;
    s->events[s->events[i].next].prev = i;
}

/* Insertion sort: histories come nearly in order. */
static void events_make(struct search *s) {
    s->events = mem_alloc((2 * s->count + 1) * sizeof *s->events);
    size_t n = 0;
    for (size_t i = 0; i < s->count; i++)
        for (int answer = 0; answer < 2; answer++) {
            uint64_t at = answer ? s->ops[i].answer : s->ops[i].call;
            if (at == LINEAR_OPEN)
                continue;
            size_t k = ++n;
            for (; k > 1 && s->events[k - 1].at > at; k--)
                s->events[k] = s->events[k - 1];
            s->events[k] = (struct event){.at = at, .op = i, .is_call = !answer, .mate = NONE};
            s->answers_left += (size_t)answer;
        }
    s->events_count = n;
    for (size_t i = 0; i <= n; i++) {
        s->events[i].prev = i == 0 ? n : i - 1;
        s->events[i].next = i == n ? 0 : i + 1;
        for (size_t k = i + 1; i > 0 && s->events[i].is_call && k <= n; k++)
            if (s->events[k].op == s->events[i].op)
                s->events[i].mate = k;
    }
}

/* false: this set of operations was left in this state before. */
static bool is_new(struct search *s, const struct cell *cell) {
    size_t size = s->words * sizeof *s->taken + sizeof *cell;
    uint8_t *key = arena_alloc(&s->keys, size);
    memcpy(key, s->taken, s->words * sizeof *s->taken);
    memcpy(key + s->words * sizeof *s->taken, cell, sizeof *cell);
    if (map_get(&s->tried, bytes_of(key, size)) != NULL)
        return false;
    map_put(&s->tried, bytes_of(key, size), s);
    return true;
}

static bool take(struct search *s, size_t i) {
    struct event *e = &s->events[i];
    struct cell after = s->cell;
    uint64_t bit = UINT64_C(1) << (e->op % 64);
    if (!step(&after, &s->ops[e->op]))
        return false;
    s->taken[e->op / 64] |= bit;
    if (!is_new(s, &after)) {
        s->taken[e->op / 64] &= ~bit;
        return false;
    }
    s->stack[s->depth++] = (struct choice){.event = i, .before = s->cell};
    s->cell = after;
    unlink_event(s, i);
    if (e->mate != NONE) {
        unlink_event(s, e->mate);
        s->answers_left--;
    }
    return true;
}

/* The event to go on with. */
static size_t undo(struct search *s) {
    struct choice *c = &s->stack[--s->depth];
    struct event *e = &s->events[c->event];
    s->cell = c->before;
    s->taken[e->op / 64] &= ~(UINT64_C(1) << (e->op % 64));
    if (e->mate != NONE) {
        relink_event(s, e->mate);
        s->answers_left++;
    }
    relink_event(s, c->event);
    return e->next;
}

static enum linear_verdict search(struct search *s, size_t steps_max) {
    size_t at = s->events[0].next;
    for (size_t steps = 0; s->answers_left > 0; steps++) {
        if (steps == steps_max)
            return LINEAR_UNDECIDED;
        const struct event *e = &s->events[at];
        if (e->is_call) {
            at = take(s, at) ? s->events[0].next : e->next;
            continue;
        }
        if (s->depth >= s->deepest) {
            s->deepest = s->depth;
            s->stuck = e->op;
        }
        if (s->depth == 0)
            return LINEAR_BROKEN;
        at = undo(s);
    }
    return LINEAR_FINE;
}

enum linear_verdict linear_check(const struct linear_op *ops, size_t count, size_t steps_max,
                                 size_t *ret_op) {
    struct search s = {.ops = ops, .count = count, .words = (count + 63) / 64};
    s.taken = mem_alloc((s.words + 1) * sizeof *s.taken);
    s.stack = mem_alloc((count + 1) * sizeof *s.stack);
    events_make(&s);
    enum linear_verdict verdict = search(&s, steps_max);
    if (verdict == LINEAR_BROKEN && ret_op != NULL)
        *ret_op = s.stuck;
    mem_free(s.taken);
    mem_free(s.stack);
    mem_free(s.events);
    map_done(&s.tried);
    arena_done(&s.keys);
    return verdict;
}
