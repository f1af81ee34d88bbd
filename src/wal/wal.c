/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The writer of the log. Every batch is one run of sectors in one segment, written once and never again, and
 * one flush; a batch that does not fit opens the next segment, with its header in the same run.
 *
 *      log-1                         log-2                          log-3
 *      | H | batch 1 | batch 2 | 0 0 | H | batch 1 | 2 | 0 0 0 0 0 | 0 0 0 0 0 0 0 0 |
 *            ^ START HARD (CUT|RESET)  ^ names log-1, its end,        the spare, made one ahead
 *              ENTRY.. COMMIT            its chain
 *
 * What follows from it:
 *  - Acknowledged sectors are never rewritten: a crash cannot harm them, and what is bad among them is rot.
 *  - Whatever changes the past (a cut after a conflict, a reset by a snapshot, a torn tail) opens a new
 *    segment whose header says what of the past counts. Nothing is truncated and no space is used twice.
 *  - Each segment's first batch repeats hard state and START: those before it can be removed any time.
 *
 * The torn space after a crash stays as it is: the next batch opens a segment, whose header proves the end of
 * the one before. A crash during that leaves a header or parts of a batch in a segment without any complete
 * batch: void. It is removed at the next start, and the attempt is made with the next number. At each of
 * these points the files tell the same log.
 *
 * The vote copies are written with each batch that changes term or vote, and with each that opens a
 * segment: both, so that either alone tells which file the log must have, whatever became of the other. A
 * crash between them leaves two that differ; they are made one at the next start.
 */
#include "judge.h"
#include "queue.h"

#include <covey/codec.h>

#define SEGMENT_SIZE_DEFAULT (UINT64_C(8) << 20)
/* Bytes of a batch beside its entries: hard state, start, cut or reset, commit; generous. */
#define BATCH_OVERHEAD 512

struct wal_segment {
    uint64_t sequence, size;
    uint64_t first_index; /* of the first entry that could come in it */
    uint64_t last_index;  /* of the log when its last batch was written */
};

struct wal {
    struct wire_log_identity identity;
    uint64_t segment_size;
    VEC(struct wal_segment) segments; /* that are the log, oldest first; the last is written to */
    bool sealed;                      /* the last is closed: the next batch opens another */
    uint64_t end;                     /* of the last segment: where the next batch begins */
    uint32_t chain, batches;
    uint64_t spare_sequence, spare_size; /* zeros that wait to be opened; 0: none */
    uint64_t next_sequence;
    uint64_t base_index, last_index;
    struct wire_hard_state hard;
    bool hard_repeat;       /* the log may not hold it: goes with the next batch */
    uint64_t vote_sequence; /* of the newest copy */
    unsigned vote_first;    /* the copy to write first: at the start the one that can better be spared */
    struct buf stream;      /* frames of the batch at hand */
    struct op_queue queue;
};

/* ---- operations ---------------------------------------------------------------------------------------- */

static void op_create(struct wal *w, const char *name, uint64_t size) {
    op_queue_add(&w->queue, DISK_CREATE, name, w->queue.bytes.size, (struct disk_op){.size = size});
}
static void op_remove(struct wal *w, uint64_t sequence) {
    char name[WAL_NAME_SIZE];
    segment_name(sequence, name);
    op_queue_add(&w->queue, DISK_REMOVE, name, w->queue.bytes.size, (struct disk_op){0});
}
static void op_sync(struct wal *w, uint64_t ticket) {
    op_queue_add(&w->queue, DISK_SYNC, NULL, w->queue.bytes.size, (struct disk_op){.ticket = ticket});
}

bool wal_drain(struct wal *w, struct disk_op *ret_op) { return op_queue_drain(&w->queue, ret_op); }

/* ---- vote copies and spare ----------------------------------------------------------------------------- */

static struct wal_segment *segment_last(struct wal *w) {
    return w->segments.count > 0 ? &w->segments.data[w->segments.count - 1] : NULL;
}

/* The next copies, as operations; `used` is the segment that the batch goes to (NULL: none). */
static void vote_queue(struct wal *w, enum disk_op_kind kind, const struct wal_segment *used,
                       uint64_t durable_segment, uint64_t durable_end) {
    struct vote v = {
        .sequence = ++w->vote_sequence,
        .segment = used ? used->sequence : 0,
        .segment_size = used ? used->size : 0,
        .durable_segment = durable_segment,
        .durable_end = durable_end,
        .identity = w->identity,
        .hard = w->hard,
    };
    for (unsigned i = 0; i < VOTE_COPIES; i++) {
        unsigned copy = (w->vote_first + i) % VOTE_COPIES;
        uint8_t sector[SECTOR_SIZE];
        char name[WAL_NAME_SIZE];
        vote_name(copy, name);
        vote_encode(&v, copy, sector);
        size_t at = w->queue.bytes.size;
        buf_append(&w->queue.bytes, sector, sizeof sector);
        op_queue_add(&w->queue, kind, name, at, (struct disk_op){0});
    }
}

static void spare_create(struct wal *w, uint64_t size) {
    char name[WAL_NAME_SIZE];
    w->spare_sequence = w->next_sequence++;
    w->spare_size = size;
    segment_name(w->spare_sequence, name);
    op_create(w, name, size);
}

/* ---- batches ------------------------------------------------------------------------------------------- */

struct batch {
    uint64_t ticket;
    const struct wire_hard_state *hard; /* NULL: unchanged */
    uint64_t cut_index;                 /* 0: none */
    bool reset;
    uint64_t reset_index, reset_term;
    uint64_t start_sequence; /* 0: unchanged; else a compaction up to it */
    const struct wire_raft_entry *entries;
    size_t entries_count;
    uint64_t last_index; /* of the log after it */
};

static void record_number(struct wal *w, enum record_kind kind, uint64_t x, const uint64_t *y,
                          uint32_t *chain) {
    uint8_t payload[16];
    put_u64(payload, x);
    if (y)
        put_u64(payload + 8, *y);
    size_t at = frame_open(&w->stream);
    buf_append(&w->stream, payload, y ? 16 : 8);
    *chain = frame_close(&w->stream, at, (uint8_t)kind, *chain);
}

static void record_message(struct wal *w, enum record_kind kind, const struct codec_type *type,
                           const void *obj, uint32_t *chain) {
    size_t at = frame_open(&w->stream);
    codec_encode(type, obj, &w->stream);
    *chain = frame_close(&w->stream, at, (uint8_t)kind, *chain);
}

/* Makes w->stream of the batch; the chain goes on from `chain` and comes back. */
static uint32_t batch_build(struct wal *w, const struct batch *b, uint64_t start_sequence, uint32_t number,
                            bool with_hard, uint32_t chain) {
    uint32_t count = 0;
    buf_clear(&w->stream);
    if (start_sequence)
        record_number(w, RECORD_START, start_sequence, NULL, &chain), count++;
    if (with_hard)
        record_message(w, RECORD_HARD, &wire_hard_state_type, b->hard ? b->hard : &w->hard, &chain), count++;
    if (b->cut_index)
        record_number(w, RECORD_CUT, b->cut_index, NULL, &chain), count++;
    if (b->reset)
        record_number(w, RECORD_RESET, b->reset_index, &b->reset_term, &chain), count++;
    for (size_t i = 0; i < b->entries_count; i++)
        record_message(w, RECORD_ENTRY, &wire_raft_entry_type, &b->entries[i], &chain), count++;
    record_number(w, RECORD_COMMIT, commit_word(number, count), &b->last_index, &chain);
    return chain;
}

/* Whether the batch, which w->stream holds, can go behind the last one. */
static bool batch_fits(struct wal *w) {
    const struct wal_segment *s = segment_last(w);
    return s && !w->sealed && sectors_of(w->stream.size) <= (s->size - w->end) / SECTOR_SIZE;
}

/* header: the segment's first sector, or NULL. */
static void batch_write(struct wal *w, const uint8_t *header, uint32_t number) {
    const struct wal_segment *s = segment_last(w);
    char name[WAL_NAME_SIZE];
    segment_name(s->sequence, name);
    struct buf *bytes = &w->queue.bytes;
    size_t at = bytes->size;
    uint64_t offset = w->end;
    if (header)
        buf_append(bytes, header, SECTOR_SIZE);
    uint64_t first = (offset + (bytes->size - at)) / SECTOR_SIZE;
    sectors_pack(buf_bytes(&w->stream), s->sequence, first, number, bytes);
    w->end = offset + (bytes->size - at);
    op_queue_add(&w->queue, DISK_WRITE, name, at, (struct disk_op){.offset = offset});
}

/* A spare that is too small for the batch is given up for a larger one: numbers must grow along the chain. */
static struct wal_segment segment_obtain(struct wal *w, uint64_t size_needed) {
    if (w->spare_sequence && w->spare_size < size_needed) {
        op_remove(w, w->spare_sequence);
        w->spare_sequence = 0;
    }
    if (!w->spare_sequence)
        spare_create(w, size_needed > w->segment_size ? size_needed : w->segment_size);
    struct wal_segment s = {.sequence = w->spare_sequence, .size = w->spare_size};
    w->spare_sequence = 0;
    return s;
}

static uint64_t start_sequence_of(struct wal *w, const struct batch *b, uint64_t opened) {
    if (b->reset || w->segments.count == 0)
        return opened;
    return b->start_sequence ? b->start_sequence : w->segments.data[0].sequence;
}

/* The batch begins a new segment. The stream was built before: its size is a fair measure. */
static void batch_open_segment(struct wal *w, const struct batch *b) {
    const struct wal_segment *last = segment_last(w);
    uint64_t size_needed = (1 + sectors_of(w->stream.size + BATCH_OVERHEAD)) * SECTOR_SIZE;
    struct wal_segment s = segment_obtain(w, size_needed);
    s.first_index = b->last_index - b->entries_count + 1;
    s.last_index = b->last_index;
    struct segment_header h = {
        .size = s.size,
        .sequence = s.sequence,
        .first_index = s.first_index,
        .previous_sequence = last ? last->sequence : 0,
        .previous_end = last ? w->end : 0,
        .previous_chain = last ? w->chain : 0,
        .identity = w->identity,
    };
    uint8_t sector[SECTOR_SIZE];
    uint32_t chain = segment_header_encode(&h, sector);
    w->chain = batch_build(w, b, start_sequence_of(w, b, s.sequence), 1, true, chain);
    VEC_PUSH(&w->segments, s);
    w->sealed = false;
    w->end = 0;
    w->batches = 1;
    batch_write(w, sector, 1);
    assert(w->end <= s.size);
}

/* Segments before `sequence` are no longer part of the log. */
static void segments_drop(struct wal *w, uint64_t sequence) {
    while (w->segments.data[0].sequence < sequence) {
        op_remove(w, w->segments.data[0].sequence);
        VEC_REMOVE(&w->segments, 0);
    }
    w->base_index = w->segments.data[0].first_index - 1;
}

static void batch_commit(struct wal *w, const struct batch *b) {
    const struct wal_segment *last = segment_last(w);
    uint64_t durable_segment = last ? last->sequence : 0, durable_end = last ? w->end : 0;
    bool voted = b->hard && (b->hard->term != w->hard.term || !raft_id_equal(&b->hard->vote, &w->hard.vote));
    bool with_hard = b->hard || w->hard_repeat;
    uint32_t chain = batch_build(w, b, b->start_sequence, w->batches + 1, with_hard, w->chain);
    bool opens = b->cut_index || b->reset || !batch_fits(w);
    if (opens) {
        batch_open_segment(w, b);
    } else {
        w->chain = chain;
        batch_write(w, NULL, ++w->batches);
        segment_last(w)->last_index = b->last_index;
    }
    if (b->hard)
        w->hard = *b->hard;
    w->hard_repeat = false;
    w->last_index = b->last_index;
    if (voted || opens)
        vote_queue(w, DISK_WRITE, segment_last(w), durable_segment, durable_end);
    op_sync(w, b->ticket);
    if (b->reset)
        segments_drop(w, segment_last(w)->sequence);
    if (b->start_sequence)
        segments_drop(w, b->start_sequence);
    if (!w->spare_sequence)
        spare_create(w, w->segment_size);
}

/* ---- the doorway --------------------------------------------------------------------------------------- */

static void entries_check(uint64_t last_index, const struct wire_raft_entry *entries, size_t entries_count) {
    uint64_t size = 0;
    for (size_t i = 0; i < entries_count; i++) {
        assert(entries[i].index == last_index + 1 + i && entries[i].data.size <= WIRE_ENTRY_MAX);
        size += entries[i].data.size + 64;
    }
    assert(size <= WAL_BATCH_MAX);
}

int wal_append(struct wal *w, uint64_t ticket, const struct wire_hard_state *hard, uint64_t cut_index,
               const struct wire_raft_entry *entries, size_t entries_count) {
    if (cut_index > w->last_index)
        cut_index = 0;
    assert(cut_index == 0 || cut_index > w->base_index);
    uint64_t kept = cut_index ? cut_index - 1 : w->last_index;
    entries_check(kept, entries, entries_count);
    assert(hard || cut_index || entries_count > 0);
    assert(!hard || !hard_newer(&w->hard, hard));
    op_queue_renew(&w->queue);
    struct batch b = {.ticket = ticket,
                      .hard = hard,
                      .cut_index = cut_index,
                      .entries = entries,
                      .entries_count = entries_count,
                      .last_index = kept + entries_count};
    batch_commit(w, &b);
    return 0;
}

int wal_reset(struct wal *w, uint64_t ticket, uint64_t index, uint64_t term,
              const struct wire_hard_state *hard) {
    struct wire_hard_state state = hard ? *hard : w->hard;
    assert(!hard_newer(&w->hard, &state));
    /* The hint is never behind a snapshot. */
    if (state.commit < index)
        state.commit = index;
    op_queue_renew(&w->queue);
    struct batch b = {.ticket = ticket,
                      .hard = &state,
                      .reset = true,
                      .reset_index = index,
                      .reset_term = term,
                      .last_index = index};
    batch_commit(w, &b);
    return 0;
}

/* The last index of the log that segment i still contributes: later ones may have cut into it. */
static uint64_t segment_live_last(const struct wal *w, size_t i) {
    uint64_t last = w->segments.data[i].last_index;
    for (size_t k = i + 1; k < w->segments.count; k++) {
        if (w->segments.data[k].first_index - 1 < last)
            last = w->segments.data[k].first_index - 1;
    }
    return last;
}

void wal_compact(struct wal *w, uint64_t index) {
    size_t drop = 0;
    while (drop + 1 < w->segments.count && segment_live_last(w, drop) <= index)
        drop++;
    if (drop == 0)
        return;
    op_queue_renew(&w->queue);
    struct batch b = {.start_sequence = w->segments.data[drop].sequence, .last_index = w->last_index};
    batch_commit(w, &b);
}

static void op_set_aside(struct wal *w, const char *name) {
    op_queue_add(&w->queue, DISK_SET_ASIDE, name, w->queue.bytes.size, (struct disk_op){0});
}

void wal_set_aside(struct wal *w) {
    char name[WAL_NAME_SIZE];
    op_queue_renew(&w->queue);
    for (size_t i = 0; i < w->segments.count; i++) {
        segment_name(w->segments.data[i].sequence, name);
        op_set_aside(w, name);
    }
    if (w->spare_sequence != 0) {
        segment_name(w->spare_sequence, name);
        op_set_aside(w, name);
    }
    for (unsigned i = 0; i < VOTE_COPIES; i++) {
        vote_name(i, name);
        op_set_aside(w, name);
    }
    w->segments.count = 0;
    w->spare_sequence = 0;
}

/* ---- start --------------------------------------------------------------------------------------------- */

static void chain_take(struct wal *w, const struct judgement *j) {
    for (size_t i = 0; i < j->chain_count; i++) {
        const struct segment *s = j->chain[i].segment;
        struct wal_segment segment = {.sequence = s->sequence,
                                      .size = s->header.size,
                                      .first_index = s->header.first_index,
                                      .last_index = j->chain[i].last_index};
        VEC_PUSH(&w->segments, segment);
    }
    if (j->top) {
        w->end = j->top->end;
        w->chain = j->top->chain;
        w->batches = j->top->batches;
    }
    w->sealed = j->verdict == WAL_TORN;
    w->base_index = j->image.base_index;
    w->last_index = j->image.last_index;
    w->hard = j->hard;
    w->hard_repeat = hard_newer(&j->hard, &j->image.hard);
    for (size_t i = 0; i < j->segments_count; i++) {
        if (j->segments[i].sequence >= w->next_sequence)
            w->next_sequence = j->segments[i].sequence + 1;
    }
}

/* Both copies are made anew when one is missing or damaged, when they differ, or do not tell what is so. */
static void votes_repair(struct wal *w, const struct judgement *j) {
    const struct wal_segment *last = segment_last(w);
    w->vote_sequence = j->vote ? j->vote->sequence : 0;
    w->vote_first = j->vote == &j->votes[0] ? 1 : 0;
    bool whole = j->vote_states[0] == VOTE_GOOD && j->vote_states[1] == VOTE_GOOD &&
                 j->votes[0].sequence == j->votes[1].sequence && j->verdict == WAL_CLEAN &&
                 !hard_newer(&w->hard, &j->vote->hard);
    if (whole)
        return;
    if (j->verdict == WAL_EMPTY) {
        /* Zeros: before the first batch nothing binds these files to a log id. */
        for (unsigned copy = 0; copy < VOTE_COPIES; copy++) {
            char name[WAL_NAME_SIZE];
            vote_name(copy, name);
            op_create(w, name, SECTOR_SIZE);
        }
        return;
    }
    vote_queue(w, DISK_REPLACE, last, last ? last->sequence : 0, last ? w->end : 0);
}

static bool in_chain(const struct wal *w, uint64_t sequence) {
    for (size_t i = 0; i < w->segments.count; i++) {
        if (w->segments.data[i].sequence == sequence)
            return true;
    }
    return false;
}

/* The highest number is kept as spare if it is a whole file of zeros; all else that is not the log goes. */
static void others_remove(struct wal *w, const struct judgement *j) {
    for (size_t i = 0; i < j->segments_count; i++) {
        const struct segment *s = &j->segments[i];
        if (in_chain(w, s->sequence))
            continue;
        bool highest = i + 1 == j->segments_count;
        bool usable =
            s->state == SEGMENT_SPARE && s->file.size % SECTOR_SIZE == 0 && s->file.size >= SEGMENT_SIZE_MIN;
        if (highest && usable && (!j->top || s->sequence > j->top->sequence)) {
            w->spare_sequence = s->sequence;
            w->spare_size = s->file.size;
        } else {
            op_remove(w, s->sequence);
        }
    }
}

struct wal *wal_new(const struct wal_options *options, const struct disk_file *files, size_t files_count) {
    struct wal *w = mem_alloc(sizeof *w);
    struct arena arena = {0};
    struct judgement j;
    w->identity = options->identity;
    w->segment_size = options->segment_size_bytes ? options->segment_size_bytes : SEGMENT_SIZE_DEFAULT;
    w->next_sequence = 1;
    assert(w->segment_size % SECTOR_SIZE == 0 && w->segment_size >= SEGMENT_SIZE_MIN);
    judge_files(&j, files, files_count, &options->identity, &arena);
    assert(j.verdict == WAL_EMPTY || j.verdict == WAL_CLEAN || j.verdict == WAL_TORN);
    chain_take(w, &j);
    votes_repair(w, &j);
    others_remove(w, &j);
    if (!w->spare_sequence)
        spare_create(w, j.top || w->segment_size < SEGMENT_FIRST_SIZE ? w->segment_size : SEGMENT_FIRST_SIZE);
    judge_done(&j);
    arena_done(&arena);
    return w;
}

void wal_free(struct wal *w) {
    if (!w)
        return;
    VEC_DONE(&w->segments);
    buf_done(&w->stream);
    op_queue_done(&w->queue);
    mem_free(w);
}
