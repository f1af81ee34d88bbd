/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * One segment: its header, its records, and what a scan of its bytes alone can tell. See proto/log.md.
 */
#ifndef COVEY_WAL_SEGMENT_H
#define COVEY_WAL_SEGMENT_H

#include "sector.h"

#define SEGMENT_VERSION 1
/* A file of zeros that is smaller is not taken as a segment: it is what a crash left of one being made. */
#define SEGMENT_SIZE_MIN 4096
/* The first segment of a log, so that a host starts without waiting for megabytes of zeros. */
#define SEGMENT_FIRST_SIZE (256 * 1024)

/* What a batch consists of. Numbers are for ever. */
enum record_kind {
    RECORD_ENTRY = 1,  /* wire_raft_entry */
    RECORD_HARD = 2,   /* wire_hard_state */
    RECORD_CUT = 3,    /* index u64: entries from here on are gone; first batch of a segment only */
    RECORD_RESET = 4,  /* index u64, term u64: all entries are gone, the next is index + 1; likewise */
    RECORD_START = 5,  /* sequence u64: the log begins with this segment, files before it do not count */
    RECORD_COMMIT = 6, /* records u32, batch u32, last index u64: ends a batch */
};

static inline uint64_t commit_word(uint32_t batch, uint32_t records_count) {
    return (uint64_t)batch << 32 | records_count;
}

struct segment_header {
    uint64_t size;
    uint64_t sequence;
    uint64_t first_index;       /* the first entry that may come */
    uint64_t previous_sequence; /* 0: none */
    uint64_t previous_end;      /* offset behind the last batch of the previous segment that counts */
    uint32_t previous_chain;    /* the chain there */
    struct wire_log_identity identity;
};

/* Writes the header's sector, and returns the chain that the segment's records continue. */
uint32_t segment_header_encode(const struct segment_header *h, uint8_t sector[SECTOR_SIZE]);

struct record {
    enum record_kind kind;
    uint64_t index, term; /* ENTRY, CUT, RESET; START: the sequence is in index; COMMIT: the log's last
                             index, and commit_word() in term */
    struct wire_raft_entry entry; /* ENTRY */
    struct wire_hard_state hard;  /* HARD */
};

enum segment_state {
    SEGMENT_SPARE,  /* zeros */
    SEGMENT_VOID,   /* begun, but no batch of it was ever completed */
    SEGMENT_LIVE,   /* at least one complete batch */
    SEGMENT_ROTTEN, /* no complete batch, and not for want of writing: fault tells */
    SEGMENT_LATER,  /* a format version or a record that is not known here */
};
enum segment_tail {
    TAIL_CLEAN,  /* zeros behind the last batch */
    TAIL_TORN,   /* parts of one batch that was never completed */
    TAIL_ROTTEN, /* anything else: fault tells */
};

struct segment {
    uint64_t sequence; /* by its name */
    struct bytes file;
    enum segment_state state;
    enum segment_tail tail; /* of a live one */
    bool has_header;
    struct segment_header header;
    uint64_t end; /* offset behind the last complete batch */
    uint32_t chain, batches;
    uint64_t start_sequence; /* of the last START */
    const char *fault;
    uint64_t fault_offset;
    struct record *records; /* of complete batches, in the arena */
    size_t records_count;
};

/* "log-<16 hex digits>" */
void segment_name(uint64_t sequence, char ret_name[WAL_NAME_SIZE]);
bool segment_name_parse(const char name[WAL_NAME_SIZE], uint64_t *ret_sequence);

/* Judges one file by itself. Never fails: the result's state says all. */
void segment_scan(uint64_t sequence, struct bytes file, struct arena *arena, struct segment *ret);

#endif
