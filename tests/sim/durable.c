/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* The reader of what is written to a log segment; see durable.h. */
#include "durable.h"

#define BODY_SIZE   504 /* of a sector; label and checksum follow */
#define FRAME_HEAD  8
#define HEADER_ID   64 /* where the identity stands in a segment's header, and its size before it */
#define HEADER_SIZE 12

static uint32_t get_u32(const uint8_t *at) {
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}
static uint64_t get_u64(const uint8_t *at) { return get_u32(at) | (uint64_t)get_u32(at + 4) << 32; }

static void push(struct durable_log *d, struct durable_record record) { VEC_PUSH(&d->queue, record); }

static bool parse_entry(struct durable_log *d, struct bytes payload, struct arena *a, durable_note *note,
                        void *arg) {
    struct wire_raft_entry e;
    if (codec_decode(&wire_raft_entry_type, payload, a, &e, NULL) != 0)
        return false;
    push(d, (struct durable_record){.kind = DURABLE_ENTRY, .index = e.index, .term = e.term});
    note(arg, &e);
    return true;
}

static bool parse_frame(struct durable_log *d, uint32_t kind, struct bytes payload, struct arena *a,
                        durable_note *note, void *arg) {
    struct wire_hard_state hard;
    switch (kind) {
    case 1: return parse_entry(d, payload, a, note, arg);
    case 2:
        if (codec_decode(&wire_hard_state_type, payload, a, &hard, NULL) != 0)
            return false;
        push(d, (struct durable_record){.kind = DURABLE_HARD, .term = hard.term, .vote = hard.vote});
        return true;
    case 3:
        push(d, (struct durable_record){.kind = DURABLE_CUT, .index = get_u64(payload.data)});
        return payload.size == 8;
    case 4:
        push(d, (struct durable_record){.kind = DURABLE_RESET,
                                        .index = get_u64(payload.data),
                                        .term = get_u64(payload.data + 8)});
        return payload.size == 16;
    case 5:
    case 6: return true;
    default: return false;
    }
}

static bool parse_stream(struct durable_log *d, struct bytes stream, struct arena *a, durable_note *note,
                         void *arg) {
    size_t at = 0;
    while (at + FRAME_HEAD <= stream.size) {
        uint32_t word = get_u32(stream.data + at), kind = word >> 24, size = word & 0xffffff;
        if (size > stream.size - at - FRAME_HEAD)
            return false;
        if (!parse_frame(d, kind, bytes_of(stream.data + at + FRAME_HEAD, size), a, note, arg))
            return false;
        at += FRAME_HEAD + (size + 7) / 8 * 8;
        if (kind == 6)
            return true;
    }
    return false;
}

static bool parse_header(const uint8_t *sector, struct arena *a, struct log_id *ret) {
    struct wire_log_identity identity;
    size_t size = get_u32(sector + HEADER_SIZE);
    if (memcmp(sector, "coveylog", 8) != 0 || size > BODY_SIZE - HEADER_ID ||
        codec_decode(&wire_log_identity_type, bytes_of(sector + HEADER_ID, size), a, &identity, NULL) != 0)
        return false;
    *ret = identity.log;
    return true;
}

bool durable_parse(struct durable_log *d, uint64_t offset, struct bytes data, struct log_id *header_log,
                   durable_note *note, void *arg) {
    struct arena a = {0};
    struct buf stream = {0};
    size_t first = offset == 0 ? WAL_SECTOR_SIZE : 0;
    bool good = data.size % WAL_SECTOR_SIZE == 0 && data.size > first;
    if (good && offset == 0)
        good = parse_header(data.data, &a, header_log);
    for (size_t at = first; good && at < data.size; at += WAL_SECTOR_SIZE)
        buf_append(&stream, data.data + at, BODY_SIZE);
    good = good && parse_stream(d, buf_bytes(&stream), &a, note, arg);
    buf_done(&stream);
    arena_done(&a);
    return good;
}

static void record_apply(struct durable_log *d, const struct durable_record *r) {
    switch (r->kind) {
    case DURABLE_ENTRY:
        if (r->index == durable_last(d) + 1)
            VEC_PUSH(&d->terms, r->term);
        break;
    case DURABLE_HARD:
        d->term = r->term;
        d->vote = r->vote;
        d->vote_unknown = false;
        break;
    case DURABLE_CUT:
        if (r->index > d->base_index && r->index <= durable_last(d))
            d->terms.count = (size_t)(r->index - d->base_index - 1);
        break;
    case DURABLE_RESET:
        d->base_index = r->index;
        d->base_term = r->term;
        d->terms.count = 0;
        break;
    case DURABLE_FLUSH: break;
    }
}

void durable_flushed(struct durable_log *d) {
    size_t count = 0;
    while (count < d->queue.count) {
        record_apply(d, &d->queue.data[count]);
        if (d->queue.data[count++].kind == DURABLE_FLUSH)
            break;
    }
    d->queue.count -= count;
    memmove(d->queue.data, d->queue.data + count, d->queue.count * sizeof *d->queue.data);
}

bool durable_has(const struct durable_log *d, uint64_t index, uint64_t term) {
    if (index <= d->snapshot_index || index < d->base_index)
        return true; /* a snapshot holds what is committed alone */
    if (index == d->base_index)
        return term == d->base_term;
    return index <= durable_last(d) && d->terms.data[index - d->base_index - 1] == term;
}

void durable_done(struct durable_log *d) {
    VEC_DONE(&d->terms);
    VEC_DONE(&d->queue);
}
