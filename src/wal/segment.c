/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "segment.h"

#include <covey/codec.h>

#include "name.h"

static const char segment_magic[8] = {'c', 'o', 'v', 'e', 'y', 'l', 'o', 'g'};

#define HEADER_VERSION        8
#define HEADER_IDENTITY_SIZE  12
#define HEADER_SIZE           16
#define HEADER_SEQUENCE       24
#define HEADER_FIRST_INDEX    32
#define HEADER_PREVIOUS       40
#define HEADER_PREVIOUS_END   48
#define HEADER_PREVIOUS_CHAIN 56
#define HEADER_IDENTITY       64

uint32_t segment_header_encode(const struct segment_header *h, uint8_t sector[SECTOR_SIZE]) {
    struct buf identity = {0};
    codec_encode(&wire_log_identity_type, &h->identity, &identity);
    assert(identity.size <= SECTOR_BODY_SIZE - HEADER_IDENTITY);
    memset(sector, 0, SECTOR_SIZE);
    memcpy(sector, segment_magic, sizeof segment_magic);
    put_u32(sector + HEADER_VERSION, SEGMENT_VERSION);
    put_u32(sector + HEADER_IDENTITY_SIZE, (uint32_t)identity.size);
    put_u64(sector + HEADER_SIZE, h->size);
    put_u64(sector + HEADER_SEQUENCE, h->sequence);
    put_u64(sector + HEADER_FIRST_INDEX, h->first_index);
    put_u64(sector + HEADER_PREVIOUS, h->previous_sequence);
    put_u64(sector + HEADER_PREVIOUS_END, h->previous_end);
    put_u32(sector + HEADER_PREVIOUS_CHAIN, h->previous_chain);
    memcpy(sector + HEADER_IDENTITY, identity.data, identity.size);
    sector_seal(sector, h->sequence, 0, 0);
    buf_done(&identity);
    return crc32c(h->previous_chain, sector, SECTOR_BODY_SIZE);
}

#define NAME_HEAD "log-"

void segment_name(uint64_t sequence, char ret_name[WAL_NAME_SIZE]) {
    numbered_name(NAME_HEAD, sequence, ret_name);
}

bool segment_name_parse(const char name[WAL_NAME_SIZE], uint64_t *ret_sequence) {
    return numbered_name_parse(NAME_HEAD, name, ret_sequence);
}

/* ---- scan ---------------------------------------------------------------------------------------------- */

struct scan {
    struct segment *segment;
    struct arena *arena;
    VEC(struct record) records;
};

/* The first fault is the one told. */
static void segment_fault(struct segment *s, uint64_t offset, const char *fault) {
    if (s->fault)
        return;
    s->fault = fault;
    s->fault_offset = offset;
}

/* False: the fault is set, or the version is a later one. */
static bool header_parse(struct segment *s, struct arena *arena) {
    const uint8_t *at = s->file.data;
    if (memcmp(at, segment_magic, sizeof segment_magic) != 0) {
        segment_fault(s, 0, "this is no segment of a log");
        return false;
    }
    if (get_u32(at + HEADER_VERSION) != SEGMENT_VERSION) {
        s->state = SEGMENT_LATER;
        return false;
    }
    struct segment_header *h = &s->header;
    *h = (struct segment_header){
        .size = get_u64(at + HEADER_SIZE),
        .sequence = get_u64(at + HEADER_SEQUENCE),
        .first_index = get_u64(at + HEADER_FIRST_INDEX),
        .previous_sequence = get_u64(at + HEADER_PREVIOUS),
        .previous_end = get_u64(at + HEADER_PREVIOUS_END),
        .previous_chain = get_u32(at + HEADER_PREVIOUS_CHAIN),
    };
    uint32_t identity_size = get_u32(at + HEADER_IDENTITY_SIZE);
    if (identity_size > SECTOR_BODY_SIZE - HEADER_IDENTITY ||
        codec_decode(&wire_log_identity_type, bytes_of(at + HEADER_IDENTITY, identity_size), arena,
                     &h->identity, NULL) != 0 ||
        h->sequence != s->sequence || h->previous_sequence >= h->sequence || h->first_index == 0) {
        segment_fault(s, 0, "the header makes no sense");
        return false;
    }
    s->has_header = true;
    s->chain = crc32c(h->previous_chain, at, SECTOR_BODY_SIZE);
    s->end = SECTOR_SIZE;
    if (h->size != s->file.size)
        segment_fault(s, s->file.size, "the file has not the size that its header tells");
    return true;
}

static const char *record_parse(struct record *r, struct bytes payload, struct arena *arena) {
    switch (r->kind) {
    case RECORD_ENTRY:
        if (codec_decode(&wire_raft_entry_type, payload, arena, &r->entry, NULL) != 0)
            return "an entry cannot be decoded";
        r->index = r->entry.index;
        r->term = r->entry.term;
        return NULL;
    case RECORD_HARD:
        if (codec_decode(&wire_hard_state_type, payload, arena, &r->hard, NULL) != 0)
            return "a hard state cannot be decoded";
        return NULL;
    case RECORD_CUT:
    case RECORD_START:
        if (payload.size != 8)
            break;
        r->index = get_u64(payload.data);
        return NULL;
    case RECORD_RESET:
        if (payload.size != 16)
            break;
        r->index = get_u64(payload.data);
        r->term = get_u64(payload.data + 8);
        return NULL;
    case RECORD_COMMIT:
        if (payload.size != 16)
            break;
        r->term = get_u64(payload.data);
        r->index = get_u64(payload.data + 8);
        return NULL;
    }
    return "a record has a wrong size";
}

enum batch_result {
    BATCH_DONE,
    BATCH_HOLE,
    BATCH_ROTTEN,
    BATCH_LATER,
};

/* Reads the batch at the segment's end; its records stay in scan->records whatever comes out. */
static enum batch_result batch_read(struct scan *scan, uint64_t *ret_end, uint32_t *ret_chain) {
    struct segment *s = scan->segment;
    struct sector_cursor cursor = {
        .file = s->file, .place = s->sequence, .number = s->end / SECTOR_SIZE, .label = s->batches + 1};
    uint32_t chain = s->chain;
    for (uint32_t count = 0;; count++) {
        const char *fault = NULL;
        uint8_t kind = 0;
        struct bytes payload = {0};
        enum frame_result result = frame_read(&cursor, &chain, scan->arena, &kind, &payload, &fault);
        if (result == FRAME_HOLE)
            return BATCH_HOLE;
        if (result == FRAME_OK && (kind < RECORD_ENTRY || kind > RECORD_COMMIT))
            return BATCH_LATER;
        struct record record = {.kind = (enum record_kind)kind};
        if (result == FRAME_NONE)
            fault = "a batch has no end";
        else if (result == FRAME_OK)
            fault = record_parse(&record, payload, scan->arena);
        if (!fault && record.kind == RECORD_COMMIT && record.term != commit_word(s->batches + 1, count))
            fault = "a batch ends with the marker of another";
        if (fault) {
            segment_fault(s, cursor.number * SECTOR_SIZE, fault);
            return BATCH_ROTTEN;
        }
        VEC_PUSH(&scan->records, record);
        if (record.kind == RECORD_COMMIT)
            break;
    }
    *ret_end = (cursor.number + (cursor.used > 0)) * SECTOR_SIZE;
    *ret_chain = chain;
    return BATCH_DONE;
}

/*
 * What lies behind the last complete batch. A crash leaves zeros and sectors of the one batch that was being
 * written, nothing else: whatever is bad, or belongs to a later batch, means that something acknowledged is
 * lost.
 */
static enum segment_tail tail_judge(struct segment *s) {
    enum segment_tail tail = TAIL_CLEAN;
    for (uint64_t number = s->end / SECTOR_SIZE; number < s->file.size / SECTOR_SIZE; number++) {
        const uint8_t *sector = s->file.data + number * SECTOR_SIZE;
        enum sector_state state = sector_judge(sector, s->sequence, number);
        if (state == SECTOR_ZERO)
            continue;
        /* Of a segment whose header was not written yet, only sectors of its first batch can be there. */
        bool own = state == SECTOR_GOOD && sector_label(sector) == s->batches + 1 && number > 0;
        if (!own) {
            segment_fault(s, number * SECTOR_SIZE,
                          state == SECTOR_BAD ? "a sector's checksum is wrong"
                                              : "a later batch follows one that is incomplete");
            return TAIL_ROTTEN;
        }
        tail = TAIL_TORN;
    }
    if (s->file.size % SECTOR_SIZE != 0) {
        segment_fault(s, s->file.size, "the file is no multiple of 512 bytes");
        return TAIL_ROTTEN;
    }
    return tail;
}

static void batches_read(struct scan *scan) {
    struct segment *s = scan->segment;
    while (s->end < s->file.size) {
        size_t records_before = scan->records.count;
        uint64_t end = 0;
        uint32_t chain = 0;
        enum batch_result result = batch_read(scan, &end, &chain);
        if (result == BATCH_DONE) {
            s->end = end;
            s->chain = chain;
            s->batches++;
            continue;
        }
        scan->records.count = records_before;
        if (result == BATCH_LATER)
            s->state = SEGMENT_LATER;
        return;
    }
}

static void records_keep(struct scan *scan) {
    struct segment *s = scan->segment;
    s->records_count = scan->records.count;
    s->records = arena_alloc(scan->arena, (s->records_count + 1) * sizeof *s->records);
    if (s->records_count > 0)
        memcpy(s->records, scan->records.data, s->records_count * sizeof *s->records);
    for (size_t i = 0; i < s->records_count; i++) {
        if (s->records[i].kind == RECORD_START)
            s->start_sequence = s->records[i].index;
    }
}

void segment_scan(uint64_t sequence, struct bytes file, struct arena *arena, struct segment *ret) {
    struct segment *s = ret;
    *s = (struct segment){.sequence = sequence, .file = file};
    if (bytes_are_zero(file))
        return;
    s->state = SEGMENT_ROTTEN;
    if (file.size < SECTOR_SIZE) {
        segment_fault(s, 0, "the file is too short");
        return;
    }
    struct scan scan = {.segment = s, .arena = arena};
    enum sector_state first = sector_judge(file.data, sequence, 0);
    if (first == SECTOR_BAD) {
        segment_fault(s, 0, "the header's checksum is wrong");
        return;
    }
    if (first == SECTOR_GOOD) {
        if (!header_parse(s, arena))
            return;
        batches_read(&scan);
        records_keep(&scan);
        VEC_DONE(&scan.records);
        if (s->state == SEGMENT_LATER)
            return;
    }
    s->tail = s->fault ? TAIL_ROTTEN : tail_judge(s);
    if (s->batches > 0)
        s->state = SEGMENT_LIVE;
    else if (s->tail != TAIL_ROTTEN)
        s->state = SEGMENT_VOID;
}
