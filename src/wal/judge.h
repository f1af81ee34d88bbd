/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * What all files together tell: which segments make up the log, what they hold, and the verdict.
 */
#ifndef COVEY_WAL_JUDGE_H
#define COVEY_WAL_JUDGE_H

#include "segment.h"
#include "vote.h"

/* The log as its records, applied in order, leave it. */
struct log_image {
    uint64_t base_index; /* of the entry before the first; a snapshot must cover it */
    uint64_t last_index;
    struct wire_hard_state hard;
    VEC(struct wire_raft_entry) entries; /* base_index + 1 .. last_index */
};

/* A segment of the chain, as the writer needs it. */
struct link {
    const struct segment *segment;
    uint64_t last_index; /* of the log at the segment's end */
};

struct judgement {
    struct arena *arena;
    enum wal_verdict verdict;
    struct buf text;
    struct segment *segments; /* ascending by sequence */
    size_t segments_count;
    const struct segment *top; /* the highest with a complete batch; NULL: none */
    struct link *chain;        /* the segments that are the log, oldest first, up to the first fault */
    size_t chain_count;
    enum vote_state vote_states[VOTE_COPIES];
    struct vote votes[VOTE_COPIES];
    const struct vote *vote; /* the newest good copy; NULL: none */
    bool has_identity;
    struct wire_log_identity identity;
    struct log_image image;
    struct wire_hard_state hard; /* the newest term and vote anywhere; commit from the log */
};

/* judge_done frees what is not in the arena. */
void judge_files(struct judgement *j, const struct disk_file *files, size_t files_count,
                 const struct wire_log_identity *expected, struct arena *arena);
void judge_done(struct judgement *j);
/* Whether a copy that must be there cannot be read. */
bool judge_vote_lost(const struct judgement *j, unsigned copy);

#endif
