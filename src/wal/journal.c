/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The file is made of sectors as a log segment is, so that what a crash leaves (zeros) and what rot leaves
 * (bad sectors) are told apart the same way. Its first sector is the header. An append is one run of sectors
 * under a label of its own; each of its records begins a sector, with a frame whose checksum stands alone:
 * one lost record takes no other with it. The frame's payload begins with the number of records that follow
 * in the same append, so that an append that is whole is known to be.
 *
 *      | header | fact | boot | fact ......... | 0 0 0 0
 *        label 0  1      2      3 (two sectors)
 *
 * The reader goes from sector to sector and takes every record that it finds. Trouble at a place is a torn
 * append if all that is good behind it belongs to that very append, and what is bad reads as zeros; else
 * something that was kept is lost.
 *
 * A file that is not clean is not appended to: it is written anew.
 */
#include <covey/journal.h>

#include <covey/codec.h>

#include "name.h"
#include "queue.h"
#include "sector.h"

static const char journal_magic[8] = {'c', 'o', 'v', 'e', 'y', 'j', 'n', 'l'};

#define JOURNAL_FORMAT  1
#define HEADER_VERSION  8
#define HEADER_SIZE     16
#define HEADER_SEQ      24
#define HEADER_NODE     32
#define RECORD          1 /* the one kind of frame */
#define RECORD_SIZE_MAX (1024 * 1024)
#define REMAINING_SIZE  8

/* ---- what counts --------------------------------------------------------------------------------------- */

/* A record that still counts, encoded. */
struct kept {
    uint64_t seq;
    struct instance_id instance; /* of a fact; zero: the boot record */
    struct buf message;
};

struct journal {
    struct node_id node;
    uint64_t seq;
    uint32_t label;        /* of the last append */
    uint64_t size, end;    /* of the file; of what is written in it */
    uint64_t kept_size;    /* bytes of the sectors that `kept` would fill */
    VEC(struct kept) kept; /* by seq */
    struct buf stream;
    struct op_queue queue;
};

static uint64_t record_sectors_size(size_t message_size) {
    return sectors_of(FRAME_HEAD_SIZE + REMAINING_SIZE + message_size) * SECTOR_SIZE;
}

static void kept_drop(struct journal *j, const struct instance_id *instance) {
    for (size_t i = j->kept.count; i-- > 0;) {
        if (!ID_EQUAL(j->kept.data[i].instance, *instance))
            continue;
        j->kept_size -= record_sectors_size(j->kept.data[i].message.size);
        buf_done(&j->kept.data[i].message);
        VEC_REMOVE(&j->kept, i);
    }
}

/* The record changes what counts: a boot or a fact replaces the one before it, `done` ends a fact. */
static void kept_apply(struct journal *j, const struct wire_journal_record *r) {
    static const struct instance_id none;
    if (r->boot)
        kept_drop(j, &none);
    if (r->fact)
        kept_drop(j, &r->fact->instance);
    if (!ID_IS_ZERO(r->done))
        kept_drop(j, &r->done);
    if (r->seq > j->seq)
        j->seq = r->seq;
    if (!r->boot && !r->fact)
        return;
    struct kept k = {.seq = r->seq, .instance = r->fact ? r->fact->instance : none};
    struct wire_journal_record kept = {.seq = r->seq, .boot = r->boot, .fact = r->fact};
    codec_encode(&wire_journal_record_type, &kept, &k.message);
    j->kept_size += record_sectors_size(k.message.size);
    VEC_PUSH(&j->kept, k);
}

/* ---- reading ------------------------------------------------------------------------------------------- */

struct reading {
    struct bytes file;
    struct arena *arena;
    enum journal_verdict verdict;
    struct buf text;
    VEC(struct wire_journal_record) records;
    uint64_t seq;           /* the newest when the file was made */
    uint64_t end;           /* behind the last record */
    uint32_t label;         /* of it */
    uint64_t remaining;     /* records that should follow it in its append */
    uint64_t trouble;       /* the first sector where something is missing; 0: none */
    uint32_t trouble_label; /* of the append that it belongs to */
};

__attribute__((format(printf, 3, 4))) static void reading_say(struct reading *r, enum journal_verdict verdict,
                                                              const char *format, ...) {
    if (r->verdict >= verdict && r->text.size > 0)
        return;
    r->verdict = verdict;
    buf_clear(&r->text);
    va_list args;
    va_start(args, format);
    buf_vprintf(&r->text, format, args);
    va_end(args);
}

static void header_read(struct reading *r, const struct node_id *expected) {
    const uint8_t *at = r->file.data;
    if (r->file.size < SECTOR_SIZE || sector_judge(at, JOURNAL_PLACE, 0) != SECTOR_GOOD ||
        memcmp(at, journal_magic, sizeof journal_magic) != 0) {
        reading_say(r, JOURNAL_DAMAGED,
                    "journal at offset 0: the header is damaged; records behind it are kept");
        return;
    }
    if (get_u32(at + HEADER_VERSION) != JOURNAL_FORMAT)
        reading_say(r, JOURNAL_VERSION, "journal: written by a later version of covey: upgrade this host's");
    else if (expected && memcmp(at + HEADER_NODE, expected->b, sizeof expected->b) != 0)
        reading_say(r, JOURNAL_FOREIGN, "journal: belongs to another node; move it away");
    else
        r->seq = get_u64(at + HEADER_SEQ);
    if (r->verdict == JOURNAL_CLEAN && get_u64(at + HEADER_SIZE) != r->file.size)
        reading_say(r, JOURNAL_DAMAGED,
                    "journal: the file has not the size that its header tells; records may be lost");
}

/* The record that begins at the sector; false: none does. */
static bool record_read(struct reading *r, uint64_t number, uint64_t *ret_next) {
    const uint8_t *sector = r->file.data + number * SECTOR_SIZE;
    struct sector_cursor cursor = {
        .file = r->file, .place = JOURNAL_PLACE, .number = number, .label = sector_label(sector)};
    uint32_t chain = 0;
    uint8_t kind = 0;
    struct bytes payload = {0};
    struct wire_journal_record record;
    const char *fault = NULL;
    if (frame_read(&cursor, &chain, r->arena, &kind, &payload, &fault) != FRAME_OK || kind != RECORD ||
        payload.size < REMAINING_SIZE ||
        codec_decode(&wire_journal_record_type,
                     bytes_of(payload.data + REMAINING_SIZE, payload.size - REMAINING_SIZE), r->arena,
                     &record, NULL) != 0)
        return false;
    VEC_PUSH(&r->records, record);
    r->label = cursor.label;
    r->remaining = get_u64(payload.data);
    *ret_next = cursor.number + (cursor.used > 0);
    r->end = *ret_next * SECTOR_SIZE;
    return true;
}

/* The label that the next good sector has, if nothing is lost before it. */
static uint32_t label_next(const struct reading *r) { return r->remaining ? r->label : r->label + 1; }

static void trouble_note(struct reading *r, uint64_t number) {
    if (r->trouble)
        return;
    r->trouble = number;
    r->trouble_label = label_next(r);
}

/* A good sector where a record should begin. Returns the next place to look. */
static uint64_t sector_read(struct reading *r, uint64_t number) {
    uint64_t next = number + 1, expected = r->end / SECTOR_SIZE;
    uint32_t label = sector_label(r->file.data + number * SECTOR_SIZE);
    if (number != expected || label != label_next(r))
        trouble_note(r, expected);
    if (r->trouble && label != r->trouble_label)
        reading_say(r, JOURNAL_DAMAGED,
                    "journal at offset %llu: records are lost here; those behind it are kept",
                    (unsigned long long)(r->trouble * SECTOR_SIZE));
    if (!record_read(r, number, &next))
        trouble_note(r, number);
    return next;
}

static void records_read(struct reading *r) {
    for (uint64_t number = 1; number < r->file.size / SECTOR_SIZE;) {
        enum sector_state state = sector_judge(r->file.data + number * SECTOR_SIZE, JOURNAL_PLACE, number);
        if (state == SECTOR_BAD)
            reading_say(r, JOURNAL_DAMAGED,
                        "journal at offset %llu: a sector is damaged; the other records are kept",
                        (unsigned long long)(number * SECTOR_SIZE));
        number = state == SECTOR_GOOD ? sector_read(r, number) : number + 1;
    }
    if (r->remaining > 0)
        trouble_note(r, r->end / SECTOR_SIZE);
    if (r->trouble)
        reading_say(r, JOURNAL_TORN, "journal at offset %llu: a crash cut an append that nobody was told of",
                    (unsigned long long)(r->trouble * SECTOR_SIZE));
}

/* The caller frees records and text. */
static void journal_read(struct reading *r, const struct disk_file *files, size_t files_count,
                         const struct node_id *expected, struct arena *arena) {
    *r = (struct reading){.arena = arena, .verdict = JOURNAL_EMPTY, .end = SECTOR_SIZE};
    for (size_t i = 0; i < files_count; i++) {
        if (strncmp(files[i].name, JOURNAL_FILE_NAME, WAL_NAME_SIZE) == 0)
            r->file = files[i].data;
    }
    if (r->file.size == 0) {
        buf_printf(&r->text, "there is no journal here");
        return;
    }
    r->verdict = JOURNAL_CLEAN;
    header_read(r, expected);
    if (r->verdict == JOURNAL_VERSION || r->verdict == JOURNAL_FOREIGN)
        return;
    records_read(r);
    if (r->verdict == JOURNAL_CLEAN)
        buf_printf(&r->text, "the journal is whole");
}

static void reading_done(struct reading *r) {
    VEC_DONE(&r->records);
    buf_done(&r->text);
}

/* Leaves in ret->facts those that were not acknowledged. */
static void fact_take(struct journal_recovery *ret, const struct wire_journal_record *r) {
    const struct instance_id *gone = r->fact ? &r->fact->instance : &r->done;
    size_t kept = 0;
    for (size_t i = 0; i < ret->facts_count; i++) {
        if (ID_IS_ZERO(*gone) || !ID_EQUAL(ret->facts[i].instance, *gone))
            ret->facts[kept++] = ret->facts[i];
    }
    ret->facts_count = kept;
    if (r->fact)
        ret->facts[ret->facts_count++] = *r->fact;
}

void journal_recover(const struct disk_file *files, size_t files_count, const struct node_id *expected,
                     struct arena *arena, struct journal_recovery *ret) {
    struct reading r;
    journal_read(&r, files, files_count, expected, arena);
    *ret = (struct journal_recovery){.verdict = r.verdict, .seq = r.seq};
    ret->facts = arena_alloc(arena, (r.records.count + 1) * sizeof *ret->facts);
    for (size_t i = 0; i < r.records.count; i++) {
        const struct wire_journal_record *record = &r.records.data[i];
        if (record->seq > ret->seq)
            ret->seq = record->seq;
        if (record->boot) {
            ret->has_boot = true;
            ret->boot = *record->boot;
        }
        fact_take(ret, record);
    }
    VEC_DONE(&r.records);
    text_take(&r.text, ret->text, sizeof ret->text);
}

/* ---- writing ------------------------------------------------------------------------------------------- */

/* The sectors of one record, appended to the queue's bytes; number: the first one's place in the file. */
static void record_pack(struct journal *j, struct bytes message, uint64_t remaining, uint64_t number,
                        uint32_t label) {
    uint8_t word[REMAINING_SIZE];
    put_u64(word, remaining);
    buf_clear(&j->stream);
    size_t at = frame_open(&j->stream);
    buf_append(&j->stream, word, sizeof word);
    buf_append(&j->stream, message.data, message.size);
    frame_close(&j->stream, at, RECORD, 0);
    sectors_pack(buf_bytes(&j->stream), JOURNAL_PLACE, number, label, &j->queue.bytes);
}

/* The file as it should be: what counts, in one append, and room for as much again and more. */
static void journal_rewrite(struct journal *j, uint64_t ticket) {
    uint64_t wanted = SECTOR_SIZE + j->kept_size * 4;
    j->size = wanted < JOURNAL_SIZE_MIN   ? JOURNAL_SIZE_MIN
              : wanted > JOURNAL_SIZE_MAX ? JOURNAL_SIZE_MAX
                                          : wanted;
    struct buf *bytes = &j->queue.bytes;
    size_t at = bytes->size;
    buf_reserve(bytes, (size_t)j->size);
    uint8_t header[SECTOR_SIZE] = {0};
    memcpy(header, journal_magic, sizeof journal_magic);
    put_u32(header + HEADER_VERSION, JOURNAL_FORMAT);
    put_u64(header + HEADER_SIZE, j->size);
    put_u64(header + HEADER_SEQ, j->seq);
    memcpy(header + HEADER_NODE, j->node.b, sizeof j->node.b);
    sector_seal(header, JOURNAL_PLACE, 0, 0);
    buf_append(bytes, header, sizeof header);
    for (size_t i = 0; i < j->kept.count; i++)
        record_pack(j, buf_bytes(&j->kept.data[i].message), j->kept.count - 1 - i,
                    (bytes->size - at) / SECTOR_SIZE, 1);
    j->label = j->kept.count > 0 ? 1 : 0;
    j->end = bytes->size - at;
    assert(j->end <= j->size);
    memset(bytes->data + bytes->size, 0, (size_t)(j->size - j->end));
    bytes->size = at + (size_t)j->size;
    op_queue_add(&j->queue, DISK_REPLACE, JOURNAL_FILE_NAME, at, (struct disk_op){.ticket = ticket});
}

struct journal *journal_new(const struct node_id *node, const struct disk_file *files, size_t files_count) {
    struct journal *j = mem_alloc(sizeof *j);
    struct arena arena = {0};
    struct reading r;
    journal_read(&r, files, files_count, node, &arena);
    assert(r.verdict != JOURNAL_FOREIGN && r.verdict != JOURNAL_VERSION);
    j->node = *node;
    j->seq = r.seq;
    for (size_t i = 0; i < r.records.count; i++)
        kept_apply(j, &r.records.data[i]);
    j->size = r.file.size;
    j->end = r.end;
    j->label = r.label;
    if (r.verdict != JOURNAL_CLEAN)
        journal_rewrite(j, 0);
    reading_done(&r);
    arena_done(&arena);
    return j;
}

void journal_free(struct journal *j) {
    if (!j)
        return;
    for (size_t i = 0; i < j->kept.count; i++)
        buf_done(&j->kept.data[i].message);
    VEC_DONE(&j->kept);
    buf_done(&j->stream);
    op_queue_done(&j->queue);
    mem_free(j);
}

/* The records encoded, one behind the other; sizes[i] of each; how much of the file they take. */
static int records_encode(struct journal *j, const struct wire_journal_record *records, size_t records_count,
                          struct buf *out, size_t *sizes, uint64_t *ret_added) {
    for (size_t i = 0; i < records_count; i++) {
        struct wire_journal_record record = records[i];
        size_t before = out->size;
        record.seq = j->seq + 1 + i;
        assert((record.boot != NULL) + (record.fact != NULL) + !ID_IS_ZERO(record.done) == 1);
        if (codec_check(&wire_journal_record_type, &record, NULL) != 0)
            return ERR_LIMIT;
        codec_encode(&wire_journal_record_type, &record, out);
        sizes[i] = out->size - before;
        assert(sizes[i] <= RECORD_SIZE_MAX);
        *ret_added += record_sectors_size(sizes[i]);
    }
    return 0;
}

/* Written in place if there is room and not too much of the file is of no more use. */
static bool journal_in_place(const struct journal *j, uint64_t added) {
    bool wasteful = j->end > JOURNAL_SIZE_MIN && j->kept_size < j->end / 4;
    return added <= j->size - j->end && !wasteful;
}

static void records_write(struct journal *j, struct bytes messages, const size_t *sizes, size_t records_count,
                          uint64_t ticket) {
    struct buf *bytes = &j->queue.bytes;
    size_t at = bytes->size;
    uint64_t first = j->end / SECTOR_SIZE;
    j->label++;
    for (size_t i = 0; i < records_count; messages.data += sizes[i++])
        record_pack(j, bytes_of(messages.data, sizes[i]), records_count - 1 - i,
                    first + (bytes->size - at) / SECTOR_SIZE, j->label);
    uint64_t offset = j->end;
    j->end += bytes->size - at;
    op_queue_add(&j->queue, DISK_WRITE, JOURNAL_FILE_NAME, at, (struct disk_op){.offset = offset});
    op_queue_add(&j->queue, DISK_SYNC, NULL, bytes->size, (struct disk_op){.ticket = ticket});
}

int journal_append(struct journal *j, uint64_t ticket, const struct wire_journal_record *records,
                   size_t records_count) {
    struct buf messages = {0};
    size_t *sizes = mem_alloc(records_count * sizeof *sizes);
    uint64_t added = 0;
    int error = records_encode(j, records, records_count, &messages, sizes, &added);
    if (!error && SECTOR_SIZE + j->kept_size + added > JOURNAL_SIZE_MAX)
        error = ERR_NO_SPACE;
    if (!error) {
        bool in_place = journal_in_place(j, added);
        for (size_t i = 0; i < records_count; i++) {
            struct wire_journal_record record = records[i];
            record.seq = j->seq + 1;
            kept_apply(j, &record);
        }
        op_queue_renew(&j->queue);
        if (in_place)
            records_write(j, buf_bytes(&messages), sizes, records_count, ticket);
        else
            journal_rewrite(j, ticket);
    }
    buf_done(&messages);
    mem_free(sizes);
    return error;
}

bool journal_drain(struct journal *j, struct disk_op *ret_op) { return op_queue_drain(&j->queue, ret_op); }

uint64_t journal_size_bytes(const struct journal *j) { return j->size; }

size_t journal_facts_count(const struct journal *j) {
    size_t count = 0;
    for (size_t i = 0; i < j->kept.count; i++)
        count += !ID_IS_ZERO(j->kept.data[i].instance);
    return count;
}
