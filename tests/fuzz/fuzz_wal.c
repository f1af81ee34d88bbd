/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * What is read from a data directory: log segments, vote copies, journal, snapshot and cluster files. First
 * byte: which. Checksums would keep nearly all damage from the code behind them, so the input tells what the
 * files hold, and they are sealed here: 0 a log, as a program of frames and headers; 1 a journal, sector by
 * sector; 2 a snapshot, 3 a cluster file, whose header is sealed; 4 one raw segment. What is accepted must be
 * good to go on from.
 */
#include <covey/codec.h>
#include <covey/journal.h>

#include "../../src/wal/segment.h"
#include "../../src/wal/vote.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SEGMENT_SIZE 8192
#define FILES_MAX    24
#define CREATED_MAX  (32u << 20)

/* ---- a directory --------------------------------------------------------------------------------------- */

struct directory {
    struct disk_file files[FILES_MAX];
    size_t count;
};

static uint8_t *file_put(struct directory *d, const char *name, const void *data, size_t size) {
    struct disk_file *f = NULL;
    for (size_t i = 0; i < d->count; i++) {
        if (strncmp(d->files[i].name, name, WAL_NAME_SIZE) == 0)
            f = &d->files[i];
    }
    if (!f && d->count == FILES_MAX)
        return NULL;
    if (!f)
        f = &d->files[d->count++];
    uint8_t *bytes = mem_alloc(size + 1);
    if (data && size > 0)
        memcpy(bytes, data, size);
    mem_free((void *)(uintptr_t)f->data.data);
    memset(f, 0, sizeof *f);
    memcpy(f->name, name, strlen(name));
    f->data = bytes_of(bytes, size);
    return bytes;
}

static void directory_done(struct directory *d) {
    for (size_t i = 0; i < d->count; i++)
        mem_free((void *)(uintptr_t)d->files[i].data.data);
}

/* False: more than this directory is made for. */
static bool directory_apply(struct directory *d, const struct disk_op *op) {
    switch (op->kind) {
    case DISK_CREATE: return op->size <= CREATED_MAX && file_put(d, op->name, NULL, op->size) != NULL;
    case DISK_REPLACE: return file_put(d, op->name, op->data.data, op->data.size) != NULL;
    case DISK_SYNC: return true;
    case DISK_WRITE:
    case DISK_REMOVE:
    case DISK_SET_ASIDE: break; /* not asked for */
    }
    for (size_t i = 0; i < d->count; i++) {
        struct disk_file *f = &d->files[i];
        if (strncmp(f->name, op->name, WAL_NAME_SIZE) != 0)
            continue;
        if (op->kind == DISK_WRITE) {
            assert(op->offset + op->data.size <= f->data.size);
            memcpy((uint8_t *)(uintptr_t)f->data.data + op->offset, op->data.data, op->data.size);
        } else {
            mem_free((void *)(uintptr_t)f->data.data);
            *f = d->files[--d->count];
            memset(&d->files[d->count], 0, sizeof *f);
        }
        return true;
    }
    assert(op->kind == DISK_REMOVE);
    return true;
}

/* ---- a log --------------------------------------------------------------------------------------------- */

struct input {
    const uint8_t *at;
    size_t left;
};
static uint8_t input_byte(struct input *in) {
    if (in->left == 0)
        return 0;
    in->left--;
    return *in->at++;
}
static struct bytes input_bytes(struct input *in, size_t size) {
    size_t taken = size < in->left ? size : in->left;
    struct bytes bytes = bytes_of(in->at, taken);
    in->at += taken;
    in->left -= taken;
    return bytes;
}

static const struct wire_log_identity identity = {.node = {{1}}, .log = {{2}}};

struct builder {
    struct directory *directory;
    struct buf stream;
    uint8_t *segment; /* NULL: none yet */
    uint64_t sequence, end;
    uint32_t chain, batches, records_count;
    uint64_t last_index;
};

static void segment_begin(struct builder *b, struct input *in) {
    struct segment_header h = {
        .size = SEGMENT_SIZE,
        .sequence = b->sequence + 1 + input_byte(in) % 2,
        .first_index = b->last_index + 1,
        .previous_sequence = b->sequence,
        .previous_end = b->end,
        .previous_chain = b->chain,
        .identity = identity,
    };
    uint8_t odd = input_byte(in);
    if (odd & 1)
        h.first_index = input_byte(in);
    if (odd & 2)
        h.previous_end = input_byte(in) * SECTOR_SIZE;
    if (odd & 4)
        h.identity.log.b[0] = input_byte(in);
    char name[WAL_NAME_SIZE];
    segment_name(h.sequence, name);
    b->segment = file_put(b->directory, name, NULL, SEGMENT_SIZE);
    if (!b->segment)
        return;
    b->sequence = h.sequence;
    b->chain = segment_header_encode(&h, b->segment);
    b->end = SECTOR_SIZE;
    b->batches = 0;
}

static void frame_add(struct builder *b, uint8_t kind, const void *payload, size_t size) {
    size_t at = frame_open(&b->stream);
    buf_append(&b->stream, payload, size);
    b->chain = frame_close(&b->stream, at, kind, b->chain);
    b->records_count++;
}

static void numbers_add(struct builder *b, uint8_t kind, uint64_t x, uint64_t y, size_t size) {
    uint8_t payload[16];
    put_u64(payload, x);
    put_u64(payload + 8, y);
    frame_add(b, kind, payload, size);
}

static void entry_add(struct builder *b, struct input *in) {
    struct wire_raft_entry entry = {.index = ++b->last_index, .term = input_byte(in)};
    struct buf message = {0};
    entry.data = input_bytes(in, (size_t)input_byte(in) * 8);
    codec_encode(&wire_raft_entry_type, &entry, &message);
    frame_add(b, RECORD_ENTRY, message.data, message.size);
    buf_done(&message);
}

static void batch_end(struct builder *b, bool good) {
    uint32_t count = b->records_count;
    numbers_add(b, RECORD_COMMIT, commit_word(b->batches + 1, good ? count : count + 1), b->last_index, 16);
    struct buf sectors = {0};
    if (b->segment && sectors_of(b->stream.size) * SECTOR_SIZE <= SEGMENT_SIZE - b->end) {
        sectors_pack(buf_bytes(&b->stream), b->sequence, b->end / SECTOR_SIZE, ++b->batches, &sectors);
        memcpy(b->segment + b->end, sectors.data, sectors.size);
        b->end += sectors.size;
    }
    buf_done(&sectors);
    buf_clear(&b->stream);
    b->records_count = 0;
}

static void hard_add(struct builder *b, struct input *in) {
    struct wire_hard_state hard = {.term = input_byte(in), .commit = input_byte(in)};
    struct buf message = {0};
    hard.vote.node.b[0] = input_byte(in);
    codec_encode(&wire_hard_state_type, &hard, &message);
    frame_add(b, RECORD_HARD, message.data, message.size);
    buf_done(&message);
}

static void vote_put(struct builder *b, struct input *in) {
    struct vote v = {.sequence = input_byte(in),
                     .segment = input_byte(in),
                     .segment_size = SEGMENT_SIZE,
                     .durable_segment = input_byte(in),
                     .durable_end = b->end,
                     .identity = identity,
                     .hard = {.term = input_byte(in)}};
    unsigned copy = input_byte(in) % 2;
    char name[WAL_NAME_SIZE];
    vote_name(copy, name);
    uint8_t *sector = file_put(b->directory, name, NULL, SECTOR_SIZE);
    if (sector)
        vote_encode(&v, copy, sector);
}

static void log_build(struct directory *d, struct input *in) {
    struct builder b = {.directory = d};
    while (in->left > 0) {
        uint8_t word = input_byte(in);
        switch (word % 12) {
        case 0: segment_begin(&b, in); break;
        case 1: batch_end(&b, true); break;
        case 2: numbers_add(&b, RECORD_START, word < 128 ? b.sequence : input_byte(in), 0, 8); break;
        case 3: hard_add(&b, in); break;
        case 4:
            b.last_index = input_byte(in);
            numbers_add(&b, RECORD_CUT, b.last_index + 1, 0, 8);
            break;
        case 5:
            b.last_index = input_byte(in);
            numbers_add(&b, RECORD_RESET, b.last_index, 1, 16);
            break;
        case 6: {
            struct bytes raw = input_bytes(in, input_byte(in));
            frame_add(&b, (uint8_t)(input_byte(in) % 8 + 1), raw.data, raw.size);
            break;
        }
        case 7: vote_put(&b, in); break;
        case 8: batch_end(&b, word < 64); break;
        case 9:
            if (b.segment)
                b.segment[(size_t)(input_byte(in) << 8 | input_byte(in)) % SEGMENT_SIZE] ^= input_byte(in);
            break;
        case 10:
            if (b.segment)
                memset(b.segment + input_byte(in) % (SEGMENT_SIZE / SECTOR_SIZE) * SECTOR_SIZE, 0,
                       SECTOR_SIZE);
            break;
        default: entry_add(&b, in); break;
        }
    }
    buf_done(&b.stream);
}

/* ---- what must hold ------------------------------------------------------------------------------------ */

static bool wal_apply(struct directory *d, struct wal *w) {
    struct disk_op op;
    while (wal_drain(w, &op)) {
        if (!directory_apply(d, &op))
            return false;
    }
    return true;
}

static void log_check(struct directory *d) {
    struct arena a = {0};
    struct wal_recovery r, again;
    wal_recover(d->files, d->count, &identity, &a, &r);
    assert(strlen(r.text) > 0);
    if (r.verdict == WAL_EMPTY || r.verdict == WAL_CLEAN || r.verdict == WAL_TORN) {
        struct wal_options options = {.identity = identity, .segment_size_bytes = SEGMENT_SIZE};
        struct wal *w = wal_new(&options, d->files, d->count);
        uint64_t next = r.base_index + r.entries_count + 1;
        struct wire_raft_entry entry = {.index = next, .term = r.hard.term, .data = bytes_str("more")};
        int error = next > 0 ? wal_append(w, 1, NULL, 0, &entry, 1) : ERR_LIMIT;
        if (!error && wal_apply(d, w)) {
            wal_recover(d->files, d->count, &identity, &a, &again);
            assert(again.verdict == WAL_CLEAN && again.entries_count == r.entries_count + 1);
            assert(again.hard.term == r.hard.term && raft_id_equal(&again.hard.vote, &r.hard.vote));
        }
        wal_free(w);
    }
    arena_done(&a);
}

static void journal_check(struct input *in) {
    static const struct node_id node = {{1}};
    struct directory d = {0};
    struct arena a = {0};
    struct journal_recovery r;
    uint8_t *file = file_put(&d, JOURNAL_FILE_NAME, in->at, in->left);
    for (size_t number = 0; file && (number + 1) * SECTOR_SIZE <= in->left; number++) {
        uint8_t *sector = file + number * SECTOR_SIZE;
        if (sector[SECTOR_BODY_SIZE + 4] != 0xff && !bytes_are_zero(bytes_of(sector, SECTOR_SIZE)))
            sector_seal(sector, JOURNAL_PLACE, number, sector[SECTOR_BODY_SIZE]);
    }
    journal_recover(d.files, d.count, &node, &a, &r);
    if (r.verdict != JOURNAL_FOREIGN && r.verdict != JOURNAL_VERSION && r.seq < UINT64_MAX) {
        struct wire_journal_boot boot = {.generation = 5};
        struct wire_journal_record record = {.boot = &boot};
        struct journal *j = journal_new(&node, d.files, d.count);
        struct disk_op op;
        bool applied = journal_append(j, 1, &record, 1) == 0;
        while (journal_drain(j, &op))
            applied = directory_apply(&d, &op) && applied;
        struct journal_recovery again;
        journal_recover(d.files, d.count, &node, &a, &again);
        assert(!applied ||
               (again.verdict == JOURNAL_CLEAN && again.seq == r.seq + 1 && again.boot.generation == 5));
        assert(!applied || again.facts_count == r.facts_count);
        journal_free(j);
    }
    arena_done(&a);
    directory_done(&d);
}

/* Magic, version, size and checksum are made right around the message that the input holds. */
static void sealed_check(struct input *in, const char *magic, bool is_snapshot) {
    struct buf file = {0};
    struct arena a = {0};
    uint8_t number[4];
    char text[80];
    size_t size = (size_t)input_byte(in) * 4;
    struct bytes message = input_bytes(in, size);
    buf_append(&file, magic, 8);
    put_u32(number, 1);
    buf_append(&file, number, 4);
    put_u32(number, (uint32_t)message.size);
    buf_append(&file, number, 4);
    buf_append(&file, message.data, message.size);
    put_u32(number, crc32c(0, file.data, file.size));
    buf_append(&file, number, 4);
    buf_append(&file, in->at, in->left);
    struct wire_snapshot_header header;
    struct wire_node_files_keys keys;
    struct bytes state;
    if (is_snapshot)
        snapshot_decode(buf_bytes(&file), &identity, &a, &header, &state, text, sizeof text);
    else
        cluster_file_decode(buf_bytes(&file), &a, &keys, text, sizeof text);
    arena_done(&a);
    buf_done(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct input in = {data, size};
    struct directory d = {0};
    switch (input_byte(&in) % 5) {
    case 0:
        log_build(&d, &in);
        log_check(&d);
        break;
    case 1: journal_check(&in); break;
    case 2: sealed_check(&in, "coveysnp", true); break;
    case 3: sealed_check(&in, "coveyclu", false); break;
    default: file_put(&d, "log-0000000000000001", in.at, in.left); log_check(&d);
    }
    directory_done(&d);
    return 0;
}
