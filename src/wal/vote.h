/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The files `vote-0` and `vote-1`: term and vote in two copies of one sector each, written together, so that
 * a log that cannot be read does not mean a vote that is forgotten. They also say how far the log was durable
 * when they were written and which segment was in use: a log that lost its last file is told from one that
 * never had it, by either copy alone. Without both nobody can tell, and the log is not believed.
 */
#ifndef COVEY_WAL_VOTE_H
#define COVEY_WAL_VOTE_H

#include "sector.h"

#define VOTE_COPIES  2
#define VOTE_VERSION 1

struct vote {
    uint64_t sequence;        /* grows with every write; the higher copy counts */
    uint64_t segment;         /* that the batch written with this copy lies in ... */
    uint64_t segment_size;    /* ... whose file was durable, in this size, before */
    uint64_t durable_segment; /* the log reached at least to here: 0, 0 for an empty one */
    uint64_t durable_end;
    struct wire_log_identity identity;
    struct wire_hard_state hard; /* term and vote; commit is 0 */
};

enum vote_state {
    VOTE_MISSING, /* no file, or one of zeros */
    VOTE_GOOD,
    VOTE_BAD,
    VOTE_LATER, /* of a format version that is not known here */
};

void vote_name(unsigned copy, char ret_name[WAL_NAME_SIZE]);
void vote_encode(const struct vote *v, unsigned copy, uint8_t sector[SECTOR_SIZE]);
enum vote_state vote_decode(struct bytes file, unsigned copy, struct vote *ret);

/* Whether x knows a later term, or the vote of the same term that y does not. */
bool hard_newer(const struct wire_hard_state *x, const struct wire_hard_state *y);

#endif
