/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * voters: which hosts vote. A pure function from what a leader knows of the hosts to the set that should
 * vote; the leader brings it about (src/node/voters.c), one joint change at a time.
 */
#ifndef COVEY_VOTERS_H
#define COVEY_VOTERS_H

#include <covey/base.h>
#include <covey/wire.h>

/* A host, or a voter that is no host any more. */
struct voter_candidate {
    struct raft_id id;
    struct bytes zone;        /* empty: none told; all such hosts are one zone */
    int64_t joined_ms;        /* the longest-standing come first */
    uint32_t flaps;           /* times it was lost lately: fewer come first */
    enum vote_rule rule;
    bool voter;               /* in the configuration in force */
    bool self;                /* the leader itself */
    bool gone;                /* it has left, or is no member: its vote must go */
    bool drained;             /* an operator empties it: its vote goes, too */
    bool former;              /* an earlier life of a host that is in the list too: it never votes again */
    bool alive;               /* seen, ready, its log has an id */
    bool dead;                /* as a voter to be replaced: unseen for long, or its disk forgot */
    bool lost;                /* dead for so long that nobody waits for it */
    bool slow;                /* seen, and behind the others for long */
    bool stable;              /* seen for long enough to be given a vote */
    bool settled;             /* for long enough that a healthy voter may give way to it */

    bool chosen;              /* out */
    const char *why;          /* out: a literal */
};
struct voters_pick {
    uint32_t wanted;          /* how many should vote among so many hosts */
    size_t chosen_count;
};

/* 1, 3, 5 or 7: for so many hosts that may vote, with so many voters at present. */
uint32_t voters_wanted(size_t hosts_count, size_t voters_count);
/* At most WIRE_VOTERS_MAX are chosen; at least one when there is a voter that is not gone, or one alive. */
void voters_pick(struct voter_candidate *candidates, size_t count, struct voters_pick *ret);

#endif
