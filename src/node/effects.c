/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* What node asks the outside to do, and what it tells people. */
#include "internal.h"

struct node_effect *node_emit(struct node *n, enum node_effect_kind kind) {
    VEC_PUSH(&n->effects.queue, (struct node_effect){.kind = kind});
    return &n->effects.queue.data[n->effects.queue.count - 1];
}

/* Text is cut between characters: a reader refuses half of one. */
void node_text_cut(struct buf *text) {
    if (text->size <= WIRE_TEXT_MAX)
        return;
    text->size = WIRE_TEXT_MAX;
    while (text->size > 0 && (text->data[text->size] & 0xc0) == 0x80)
        text->size--;
}

struct bytes node_effect_copy(struct node *n, struct bytes in) {
    return arena_copy(&n->effects.arena, in);
}

static struct bytes say_text(struct node *n, const char *format, va_list args) {
    struct buf text = {0};
    buf_vprintf(&text, format, args);
    node_text_cut(&text);
    struct bytes copy = node_effect_copy(n, buf_bytes(&text));
    buf_done(&text);
    return copy;
}

void node_say(struct node *n, enum node_level level, const char *format, ...) {
    va_list args;
    va_start(args, format);
    struct bytes text = say_text(n, format, args);
    va_end(args);
    struct node_effect *e = node_emit(n, NODE_SAY);
    e->level = level;
    e->text = text;
}

void node_reply_error(struct node *n, uint64_t request, int error, const char *format, ...) {
    va_list args;
    va_start(args, format);
    struct buf text = {0};
    buf_vprintf(&text, format, args);
    va_end(args);
    struct bytes copy = node_effect_copy(n, buf_bytes(&text));
    buf_done(&text);
    struct node_effect *e = node_emit(n, NODE_REPLY);
    e->request = request;
    e->error = error;
    e->text = copy;
}

void node_reply(struct node *n, uint64_t request, const struct codec_type *type, const void *result) {
    struct buf out = {0};
    codec_encode_named(type, result, &out);
    struct bytes copy = node_effect_copy(n, buf_bytes(&out));
    buf_done(&out);
    struct node_effect *e = node_emit(n, NODE_REPLY);
    e->request = request;
    e->data = copy;
}

/* The last that was told of this instance says the same already: an entry that changed nothing one can see.
 */
static bool event_is_old(const struct node *n, struct instance_id instance, const struct buf *text) {
    if (ID_IS_ZERO(instance))
        return false;
    for (size_t i = n->events.count; i-- > 0;) {
        const struct wire_event *e = &n->events.data[i].event;
        if (ID_EQUAL(e->instance, instance))
            return bytes_equal(e->text, buf_bytes(text));
    }
    return false;
}

/* When half of a large cluster goes out of sight, what else happened is not to be forgotten over it. */
static void event_drop_one(struct node *n) {
    size_t members = 0, first = n->events.count, at = 0;
    for (size_t i = 0; i < n->events.count; i++) {
        bool is_member = bytes_starts(n->events.data[i].event.kind, bytes_str("member."));
        members += is_member;
        if (is_member && first == n->events.count)
            first = i;
    }
    if (members > EVENTS_MAX - EVENTS_SHARE)
        at = first;
    mem_free((void *)(uintptr_t)n->events.data[at].event.text.data);
    VEC_REMOVE(&n->events, at);
}

void node_event(struct node *n, const char *kind, struct node_id node, struct instance_id instance,
                const char *format, ...) {
    va_list args;
    va_start(args, format);
    struct buf text = {0};
    buf_vprintf(&text, format, args);
    va_end(args);
    node_text_cut(&text);
    if (event_is_old(n, instance, &text)) {
        buf_done(&text);
        return;
    }
    struct event_entry entry = {
        .event = {.index = ++n->event_next, .time_ms = n->wall_ms, .node = node, .instance = instance}};
    entry.event.kind = bytes_str(kind); /* a literal of ours: lives for ever */
    size_t size = 0;
    entry.event.text.data = buf_take(&text, &size);
    entry.event.text.size = size;
    if (n->events.count == EVENTS_MAX)
        event_drop_one(n);
    VEC_PUSH(&n->events, entry);
}

/* Of the event that was told last. */
void node_event_accuser(struct node *n, struct node_id accuser) {
    n->events.data[n->events.count - 1].event.accuser = accuser;
}

bool node_said(const struct node *n, int64_t *said_us, int64_t repeat_us) {
    if (*said_us != 0 && n->now_us - *said_us < repeat_us)
        return true;
    *said_us = n->now_us;
    return false;
}

size_t node_events_after(const struct node *n, uint64_t index, struct wire_event *out, size_t out_max) {
    size_t count = 0;
    if (n->event_next == index)
        return 0;
    for (size_t i = 0; i < n->events.count && count < out_max; i++)
        if (n->events.data[i].event.index > index)
            out[count++] = n->events.data[i].event;
    return count;
}

bool node_drain(struct node *n, struct node_effect *ret_effect) {
    if (n->effects.head == n->effects.queue.count) {
        n->effects.head = n->effects.queue.count = 0;
        n->effects.drained = true;
        return false;
    }
    *ret_effect = n->effects.queue.data[n->effects.head++];
    return true;
}
