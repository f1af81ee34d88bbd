/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * wal: the log on disk. Turns appends into file operations, and the bytes found at start into a verdict.
 * The format, told by its crashes, is in proto/log.md.
 *
 * PURE: it only says which bytes go where; store/ (or the simulator's disk) does it, in order, one flush a
 * batch.
 *
 * Files, all in one directory: `log-<sequence>` segments (zero-filled before use), `vote-0` and `vote-1`
 * (term and vote in two copies, written together).
 */
#ifndef COVEY_WAL_H
#define COVEY_WAL_H

#include <covey/base.h>
#include <covey/wire.h>

#define WAL_NAME_SIZE   40
#define WAL_SECTOR_SIZE 512

/* What the outside must do, in this order. DISK_ in the simulator and in store alike. */
enum disk_op_kind {
    DISK_CREATE, /* make `name`, `size` bytes of zeros, durable with its directory entry before it is used; a
                    file that is there is replaced. May be done beside later operations that do not name it,
                    and without room for it as late as the first that writes to it */
    DISK_WRITE,  /* bytes at offset of `name` */
    DISK_SYNC,   /* fdatasync of every file written since the last sync, before anything behind it is written;
                    `ticket` is durable then (0: nobody waits) */
    DISK_REMOVE, /* unlink and sync the directory, in order among themselves; never waited for. No such file:
                    done */
    DISK_SET_ASIDE, /* as DISK_REMOVE, but the file goes on under the name bad-`name`, instead of what was
                     * there before. It needs no room */
    DISK_REPLACE,   /* write `name` whole, atomically: temporary file, fsync, read back and compare, rename,
                       fsync of the directory; `ticket` */
};
struct disk_op {
    enum disk_op_kind kind;
    char name[WAL_NAME_SIZE];
    uint64_t offset;
    uint64_t size;
    struct bytes data; /* borrowed from the core that made it */
    /*
     * DISK_REPLACE, of what may be large: the bytes last until the ticket is told, or for good if the disk
     * fails, and need not be copied. What comes behind it does not wait: its ticket may be told after theirs.
     */
    bool lasting;
    uint64_t ticket;
};

/*
 * A file found at start. What is read must be what the disk holds: whoever reads first flushes what an
 * earlier run may have left in the page cache, or a batch is believed that a power cut then takes away.
 */
struct disk_file {
    char name[WAL_NAME_SIZE];
    struct bytes data;
};

enum wal_verdict {
    WAL_EMPTY, /* no log here */
    WAL_CLEAN,
    WAL_TORN,    /* the tail of the last segment was cut by a crash: nothing acknowledged is missing */
    WAL_CORRUPT, /* acknowledged bytes are wrong or missing: this log must never vote again */
    WAL_FOREIGN, /* another cluster's or another node's log */
    WAL_VERSION, /* written by a later format */
};
const char *wal_verdict_str(enum wal_verdict verdict);

struct wal_recovery {
    enum wal_verdict verdict;
    char text[200]; /* what, where (file and offset) and what to do, for people */
    /* Of a log that is neither CLEAN nor TORN: the newest term and vote that can still be read. */
    struct wire_hard_state hard;
    uint64_t base_index;  /* of the entry before the first: 0, or a snapshot must reach at least to it */
    uint64_t first_index; /* of the entries kept; 0 when there are none */
    /* In the arena, data too. Of a CORRUPT log: what is proven before the fault. */
    struct wire_raft_entry *entries;
    size_t entries_count;
    struct wire_log_identity identity; /* as found; zero when nothing was */
    bool vote_damaged;                 /* a copy of the vote is missing or cannot be read */
};

struct wal;
struct wal_options {
    struct wire_log_identity identity;
    uint64_t segment_size_bytes; /* 0: 8 MiB; multiple of 512, at least 4096. The first one of a log is at
                                    most 256 KiB; a batch that does not fit gets a segment of its own size */
};

/*
 * Judges the files. With CLEAN or TORN a wal made from the same files by wal_new() continues behind the last
 * good batch. expected: NULL accepts any identity and reports it.
 */
void wal_recover(const struct disk_file *files, size_t files_count, const struct wire_log_identity *expected,
                 struct arena *arena, struct wal_recovery *ret);

/*
 * A new log (no files, or EMPTY ones) or one that goes on after the files given, which were judged CLEAN or
 * TORN with this identity; anything else is a programmer's error. The identity is on the disk from the first
 * append on: keep it durably before.
 */
struct wal *wal_new(const struct wal_options *options, const struct disk_file *files, size_t files_count);
void wal_free(struct wal *w);

/*
 * One batch, one flush: the hard state when hard is not NULL, a cut (drop entries >= cut_index) when not 0,
 * then entries. Operations come by wal_drain(); the one that makes it durable is a DISK_SYNC with the ticket.
 * Operations behind it (the next segment's creation) are nothing to wait for. Everything is copied.
 * Entries that do not continue the log, a cut that reaches behind its first entry, an entry's data over
 * WIRE_ENTRY_MAX, a batch over WAL_BATCH_MAX or without anything, a term that goes back and a vote that is
 * taken back are a programmer's errors. Returns 0.
 */
#define WAL_BATCH_MAX (UINT64_C(256) << 20)
int wal_append(struct wal *w, uint64_t ticket, const struct wire_hard_state *hard, uint64_t cut_index,
               const struct wire_raft_entry *entries, size_t entries_count);
/* Entries up to index are covered by a durable snapshot: whole segments behind it are removed. */
void wal_compact(struct wal *w, uint64_t index);
/*
 * The log is replaced by a snapshot at (index, term), durable already: all entries go, the next append is
 * index + 1. hard may be NULL. Returns 0.
 */
int wal_reset(struct wal *w, uint64_t ticket, uint64_t index, uint64_t term,
              const struct wire_hard_state *hard);
/*
 * The log is given up: its files are set aside, and another may begin in their place. Nothing is appended to
 * this one any more.
 */
void wal_set_aside(struct wal *w);

/* An operation's bytes are borrowed until the next call that takes the wal and is not wal_drain(). */
bool wal_drain(struct wal *w, struct disk_op *ret_op);

/* ---- what is there, for people ------------------------------------------------------------------------- */

/* A record as it lies in a segment: entries that a later one cut are still there. */
struct wal_record_view {
    const char *kind; /* as in proto/log.md */
    uint32_t batch;   /* of its segment, 1 for the first */
    uint64_t index; /* entry, cut, reset; commit: the log's last; start: the sequence of the first segment */
    uint64_t term;  /* reset */
    const struct wire_raft_entry *entry; /* NULL: none */
    const struct wire_hard_state *hard;  /* NULL: none */
};
struct wal_segment_view {
    char name[WAL_NAME_SIZE];
    uint64_t size;
    const char *state;     /* spare, void, live, rotten, later version */
    const char *tail;      /* clean, torn, rotten, of the log's last; "" else */
    bool in_log;           /* a link of the log, as far as that can be followed */
    bool closed;           /* a later link names its end: what lies behind that does not count */
    bool broken;           /* by itself */
    const char *fault;     /* NULL: none */
    uint64_t fault_offset; /* bytes */
    uint64_t end;          /* bytes, of the last complete batch */
    uint32_t batches;      /* complete ones */
    uint64_t entries_count, first_index, last_index, first_term, last_term;
    bool has_identity;
    struct wire_log_identity identity;
    const struct wal_record_view *records; /* of complete batches, in the arena */
    size_t records_count;
};
struct wal_vote_view {
    char name[WAL_NAME_SIZE];
    const char *state; /* whole, damaged, not written, later version */
    bool whole, broken;
    bool counts; /* there is no newer one */
    struct wire_hard_state hard;
    char durable_name[WAL_NAME_SIZE]; /* the log was durable up to there ... */
    uint64_t durable_end;             /* ... and this offset */
    struct wire_log_identity identity;
};
struct wal_view {
    struct wal_recovery recovery;            /* what the agent would say */
    const struct wal_segment_view *segments; /* ascending by number, in the arena */
    size_t segments_count;
    struct wal_vote_view votes[2];
};
/* Judges the files as wal_recover() does, any identity expected, and tells what led there. */
void wal_view(const struct disk_file *files, size_t files_count, struct arena *arena, struct wal_view *ret);

/* ---- files written whole (DISK_REPLACE), see proto/snapshot.md ----------------------------------------- */

/* "snapshot-<16 hex digits of index>" */
void snapshot_name(uint64_t index, char ret_name[WAL_NAME_SIZE]);
bool snapshot_name_parse(const char name[WAL_NAME_SIZE], uint64_t *ret_index);

/* Appends header, then state, both checksummed. Its size and checksum (of the state) are filled in. */
void snapshot_encode(const struct wire_snapshot_header *header, struct bytes state, struct buf *out);
/* The same without the state, of which the header tells size and checksum. */
void snapshot_head_encode(const struct wire_snapshot_header *header, struct buf *out);
/*
 * 0, or ERR_CORRUPT, ERR_VERSION, ERR_DENIED (foreign) with text of what and where. state is a view into
 * file. expected may be NULL (any); its log id zero: any log of that node and cluster.
 */
int snapshot_decode(struct bytes file, const struct wire_log_identity *expected, struct arena *arena,
                    struct wire_snapshot_header *ret_header, struct bytes *ret_state, char *ret_text,
                    size_t text_size);

/* The file `cluster`: what a member keeps to come back. Errors and views as with snapshot_decode. */
#define CLUSTER_FILE_NAME "cluster"
#define CLUSTER_COPY_NAME "cluster-copy" /* the same, written after it: nobody else could give it back */
void cluster_file_encode(const struct wire_node_files_keys *keys, struct buf *out);
int cluster_file_decode(struct bytes file, struct arena *arena, struct wire_node_files_keys *ret_keys,
                        char *ret_text, size_t text_size);

#endif
