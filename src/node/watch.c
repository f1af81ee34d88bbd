/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Watching variables: each change to the clients that asked, in the order of the log, none left out.
 *
 *   var_ring_from          changes kept, by log index              applied
 *        |----------------------------------------------------------->|
 *                   ^ next of one watch          ^ next of another
 *
 * A watch that goes on from an index behind var_ring_from (it is new, or slow, or its client was away for
 * long, or a snapshot replaced the state) cannot be told what happened in between. It is told so (reset),
 * then all that there is, then the index that this is as of (current). Variables that change while they are
 * listed are left out of the list: their changes come behind it.
 */
#include "internal.h"

#define RING_COUNT_MAX 1024
#define RING_DROP      128 /* so many go together: the rest is moved up once in a while, not at each change */
#define RING_BYTES_MAX (2u << 20)
#define CHANGE_COST    64 /* bytes of credit beside key and value */

static void change_free(struct var_change *c) { mem_free((void *)(uintptr_t)c->key.data); }

static size_t change_size(const struct var_change *c) { return c->key.size + c->value.size + CHANGE_COST; }

static void ring_drop_oldest(struct node *n, size_t count) {
    if (count == 0)
        return;
    for (size_t i = 0; i < count; i++) {
        n->var_ring_bytes -= change_size(&n->var_ring.data[i]);
        change_free(&n->var_ring.data[i]);
    }
    n->var_ring_from = n->var_ring.data[count - 1].index;
    n->var_ring.count -= count;
    memmove(n->var_ring.data, n->var_ring.data + count, n->var_ring.count * sizeof *n->var_ring.data);
}

void node_watch_note(struct node *n, uint64_t index, const struct wire_cmd_var *c) {
    struct var_change change = {.index = index, .removed = c->remove};
    size_t value_size = c->remove ? 0 : c->value.size;
    uint8_t *at = mem_alloc(c->key.size + value_size + 1);
    mem_copy(at, c->key.data, c->key.size);
    mem_copy(at + c->key.size, c->value.data, value_size);
    change.key = bytes_of(at, c->key.size);
    change.value = bytes_of(at + c->key.size, value_size);
    VEC_PUSH(&n->var_ring, change);
    n->var_ring_bytes += change_size(&change);
    size_t drop = n->var_ring.count > RING_COUNT_MAX ? RING_DROP : 0;
    uint64_t left = n->var_ring_bytes;
    for (size_t i = 0; left > RING_BYTES_MAX; i++) {
        left -= change_size(&n->var_ring.data[i]);
        drop = drop > i + 1 ? drop : i + 1;
    }
    ring_drop_oldest(n, drop);
}

void node_watch_reset(struct node *n) {
    ring_drop_oldest(n, n->var_ring.count);
    n->var_ring_from = state_index(n->state);
}

void node_watch_done(struct node *n) {
    for (size_t i = 0; i < n->var_ring.count; i++)
        change_free(&n->var_ring.data[i]);
    VEC_DONE(&n->var_ring);
}

/* ---- one watch ---- */

void node_watch_free(struct var_watch *w) {
    if (w == NULL)
        return;
    buf_done(&w->key);
    buf_done(&w->cursor);
    mem_free(w);
}

static bool watch_matches(const struct var_watch *w, struct bytes key) {
    if (!w->prefix)
        return bytes_equal(buf_bytes(&w->key), key);
    return key.size >= w->key.size && (w->key.size == 0 || memcmp(key.data, w->key.data, w->key.size) == 0);
}

static void watch_tell(struct node *n, struct op_stream *s, enum var_change_kind kind,
                       const struct wire_var_record *var, uint64_t index) {
    struct wire_admin_var_change change = {.kind = kind, .index = index};
    if (var != NULL)
        change.var = *var;
    size_t cost = change.var.key.size + change.var.value.size + CHANGE_COST;
    s->credit -= cost < s->credit ? cost : s->credit;
    node_stream_notify(n, s->request, &(struct wire_admin_chunk){.id = s->request, .var = &change});
}

static void list_begin(struct node *n, struct op_stream *s) {
    struct var_watch *w = s->watch;
    w->listing = true;
    w->list_index = state_index(n->state);
    w->is_first = true;
    buf_clear(&w->cursor);
    watch_tell(n, s, VAR_CHANGE_KIND_RESET, NULL, 0);
}

/* The first variable behind the cursor. */
static size_t list_next(const struct node *n, const struct var_watch *w) {
    size_t low = 0, high = state_vars_count(n->state);
    while (low < high && !w->is_first) {
        size_t middle = (low + high) / 2;
        if (bytes_compare(state_var_at(n->state, middle)->key, buf_bytes(&w->cursor)) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void list_go_on(struct node *n, struct op_stream *s) {
    struct var_watch *w = s->watch;
    size_t count = state_vars_count(n->state);
    for (size_t i = list_next(n, w); i < count && s->credit > 0; i++) {
        const struct wire_var_record *var = state_var_at(n->state, i);
        w->is_first = false;
        buf_clear(&w->cursor);
        buf_append(&w->cursor, var->key.data, var->key.size);
        if (watch_matches(w, var->key) && var->version <= w->list_index)
            watch_tell(n, s, VAR_CHANGE_KIND_SET, var, 0);
    }
    if (s->credit == 0)
        return;
    w->listing = false;
    w->next = w->list_index;
    watch_tell(n, s, VAR_CHANGE_KIND_CURRENT, NULL, w->list_index);
}

/* The oldest change kept that is behind `index`. */
static size_t ring_find(const struct node *n, uint64_t index) {
    size_t low = 0, high = n->var_ring.count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (n->var_ring.data[middle].index <= index)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void node_watch_send(struct node *n, struct op_stream *s) {
    struct var_watch *w = s->watch;
    if (s->credit == 0)
        return;
    if (w->is_new || (w->listing ? w->list_index : w->next) < n->var_ring_from) {
        w->is_new = false;
        list_begin(n, s);
    }
    if (w->listing && s->credit > 0)
        list_go_on(n, s);
    if (w->listing)
        return;
    for (size_t i = ring_find(n, w->next); i < n->var_ring.count && s->credit > 0; i++) {
        const struct var_change *c = &n->var_ring.data[i];
        struct wire_var_record var = {.key = c->key, .value = c->value, .version = c->index};
        w->next = c->index;
        if (watch_matches(w, c->key))
            watch_tell(n, s, c->removed ? VAR_CHANGE_KIND_REMOVED : VAR_CHANGE_KIND_SET, &var, c->index);
    }
}

void node_stream_vars(struct node *n, uint64_t request, struct bytes params) {
    struct wire_admin_var_watch q;
    struct codec_fault fault = {0};
    int error = codec_decode_named(&wire_admin_var_watch_type, params, &n->scratch, &q, &fault);
    if (error != 0) {
        node_reply_error(n, request, error, "%s: %s", fault.path, fault.what);
        return;
    }
    if (q.key.size > 0 && q.prefix.size > 0) {
        node_reply_error(n, request, ERR_INVALID, "watch a key or a prefix, not both");
        return;
    }
    struct var_watch *w = mem_alloc(sizeof *w);
    struct bytes key = q.key.size > 0 ? q.key : q.prefix;
    buf_append(&w->key, key.data, key.size);
    w->prefix = q.key.size == 0;
    w->next = q.from;
    w->is_new = q.from == 0;
    node_stream_open(
        n, &(struct op_stream){
               .request = request, .kind = OP_VARS, .watch = w, .follow = true, .credit = q.credit});
}
