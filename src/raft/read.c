/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Linearizable reads without the log (ReadIndex, thesis 6.4): the commit index, noted when a round of
 * messages begins that a majority answers. Before an entry of its own term is committed a leader does not
 * know the commit index yet: reads wait.
 *
 * The round is the leader's own counter. etcd matched answers by a context that the client chose, and a
 * repeated one let an old answer confirm a new read (etcd-io/raft, pull request 397). Reads that come while a
 * round is out wait for the next, so that any number of them costs one round.
 */
#include "internal.h"

int raft_read(struct raft *r, uint64_t context) {
    if (r->reads.count >= READS_MAX)
        return ERR_BUSY;
    struct raft_read read = {.context = context};
    VEC_PUSH(&r->reads, read);
    return 0;
}

static void read_end(struct raft *r, const struct raft_read *read, enum raft_effect_kind kind) {
    struct raft_item *item = raft_emit(r, kind);
    item->effect.context = read->context;
    item->effect.index = read->index;
}

/* Those that wait, with the round that begins with the flush after this. */
static void reads_begin(struct raft *r) {
    for (size_t i = 0; i < r->reads.count; i++) {
        struct raft_read *read = &r->reads.data[i];
        assert(read->round == 0); /* those of the last round were confirmed, or this one would not begin */
        read->round = r->round;
        read->index = r->commit;
    }
    r->read_round = r->round;
}

static void reads_answer(struct raft *r, uint64_t confirmed) {
    size_t kept = 0;
    for (size_t i = 0; i < r->reads.count; i++) {
        struct raft_read *read = &r->reads.data[i];
        if (read->round != 0 && read->round <= confirmed) {
            if (!raft_sole_voter(r))
                MARK(r, READ_CONFIRMED);
            read_end(r, read, RAFT_READ_READY);
        } else
            r->reads.data[kept++] = *read;
    }
    r->reads.count = kept;
}

void raft_reads_settle(struct raft *r) {
    if (r->reads.count == 0)
        return;
    if (!raft_leader_ready(r)) {
        MARK(r, READ_WAITED);
        return;
    }
    uint64_t confirmed = raft_quorum_round(r);
    reads_answer(r, confirmed);
    bool waiting = r->reads.count > 0 && r->reads.data[r->reads.count - 1].round == 0;
    if (!waiting || r->read_round > confirmed)
        return;
    r->round++;
    reads_begin(r);
    reads_answer(r, raft_quorum_round(r)); /* a sole voter is its own majority */
}

void raft_reads_fail(struct raft *r) {
    for (size_t i = 0; i < r->reads.count; i++)
        read_end(r, &r->reads.data[i], RAFT_READ_FAILED);
    VEC_DONE(&r->reads);
}
