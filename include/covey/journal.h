/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * journal: what a node must not forget though its log may not hold it: that a run of its agent began
 * (generation), and how its instances ended, until a snapshot on its disk has it (it is acknowledged). The
 * format, told by its crashes, is in proto/journal.md.
 *
 * PURE, like wal: bytes in, operations and a verdict out. One file, `journal`: records are appended, one
 * flush an append; when it is full or mostly acknowledged it is written anew, whole (DISK_REPLACE), with what
 * still counts. Unlike the log it is of use when damaged: what can be read is kept and what cannot is told.
 */
#ifndef COVEY_JOURNAL_H
#define COVEY_JOURNAL_H

#include <covey/base.h>
#include <covey/wal.h>
#include <covey/wire.h>

#define JOURNAL_FILE_NAME "journal"
#define JOURNAL_SIZE_MIN  (64 * 1024)
#define JOURNAL_SIZE_MAX  (64 * 1024 * 1024)

enum journal_verdict {
    JOURNAL_EMPTY, /* no journal here */
    JOURNAL_CLEAN,
    JOURNAL_TORN,    /* the last append was cut by a crash: nobody was told that it was kept */
    JOURNAL_DAMAGED, /* records are lost in the middle: facts, or a generation, may be missing */
    JOURNAL_FOREIGN, /* another node's */
    JOURNAL_VERSION, /* written by a later format */
};

struct journal_recovery {
    enum journal_verdict verdict;
    char text[200]; /* what, where and what to do, for people */
    uint64_t seq;   /* of the newest record read; 0: none */
    bool has_boot;
    struct wire_journal_boot boot; /* the newest */
    struct wire_fact *facts; /* not acknowledged, oldest first, the newest of each instance; in the arena */
    size_t facts_count;
};

struct journal;

/* Judges the file among `files`. expected: NULL accepts any node. Everything returned lies in the arena. */
void journal_recover(const struct disk_file *files, size_t files_count, const struct node_id *expected,
                     struct arena *arena, struct journal_recovery *ret);

/* Goes on from the files (EMPTY, CLEAN, TORN, DAMAGED; the last two are written anew without what is bad). */
struct journal *journal_new(const struct node_id *node, const struct disk_file *files, size_t files_count);
void journal_free(struct journal *j);

/*
 * All records, at least one, in one flush; each has one of boot, fact and done, and its seq is given here, in
 * order. Copied. The operation that carries the ticket makes them durable: a DISK_SYNC or a DISK_REPLACE.
 * ERR_NO_SPACE: what is not acknowledged would exceed JOURNAL_SIZE_MAX; ERR_LIMIT: a record could not be read
 * back. Nothing is changed then.
 */
int journal_append(struct journal *j, uint64_t ticket, const struct wire_journal_record *records,
                   size_t records_count);
/* An operation's bytes are borrowed until the next journal_append. */
bool journal_drain(struct journal *j, struct disk_op *ret_op);
uint64_t journal_size_bytes(const struct journal *j); /* of the file */
size_t journal_facts_count(const struct journal *j);  /* not acknowledged */

#endif
