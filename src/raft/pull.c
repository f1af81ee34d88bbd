/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Learners pull what is committed from any peer that has it, so that the load on the leader does not grow
 * with the number of hosts. That it is committed the caller knows from a signed checkpoint. What a former
 * voter still has of entries that never were gives way to it.
 */
#include "internal.h"

void raft_pull_next(const struct raft *r, struct wire_pull_request *ret) {
    *ret = (struct wire_pull_request){.next = r->commit + 1, .term = raft_log_term(&r->log, r->commit)};
    if (r->incoming.active && !r->incoming.installing && r->incoming.index > r->commit) {
        ret->snapshot_index = r->incoming.index;
        ret->offset = r->incoming.offset;
    }
}

/*
 * An entry of a later term than ours is news of that term: a restart must not find a log that is ahead of it.
 */
static void term_raise(struct raft *r, uint64_t term) {
    if (term > r->term)
        raft_follow(r, term, NULL);
}

static int entries_pulled(struct raft *r, const struct wire_pull_response *p) {
    if (!raft_entries_valid(p->entries, p->entries_count, p->prev_index, p->prev_term, TERM_MAX))
        return ERR_INVALID;
    if (p->prev_index > r->commit)
        return ERR_STALE; /* not what raft_pull_next() asks for */
    bool fits = p->prev_index < r->log.base_index || raft_log_has(&r->log, p->prev_index, p->prev_term);
    if (p->entries_count > 0)
        term_raise(r, p->entries[p->entries_count - 1].term);
    if (!fits || raft_take_entries(r, p->entries, p->entries_count) != 0)
        return ERR_CONFLICT;
    uint64_t last = p->prev_index + p->entries_count;
    raft_commit_to(r, p->commit < last ? p->commit : last);
    return 0;
}

int raft_pulled(struct raft *r, const struct wire_pull_response *p) {
    if (r->incoming.installing)
        return ERR_BUSY;
    if (r->role != RAFT_LEARNER)
        return ERR_DENIED;
    if (r->disk_failed)
        return ERR_IO;
    if (p->refused)
        return ERR_STALE;
    if (!p->snapshot)
        return entries_pulled(r, p);
    if (!raft_chunk_valid(p->snapshot) || p->snapshot->term > TERM_MAX)
        return ERR_INVALID;
    return raft_snapshot_take(r, p->snapshot, NULL);
}
