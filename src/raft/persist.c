/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * What is written, and what that proves. One ticket is under way at a time; what changes meanwhile goes into
 * the next: group commit without a timer. A ticket's worth is (pending_last, pending_hard); a cut of the log
 * lowers pending_last, so that a completion which comes after the cut proves nothing about entries that were
 * written anew.
 *
 *      memory   |.....stable.....|....handed....|........last
 *      disk      durable          under way      next ticket
 */
#include "internal.h"

/*
 * The ticket that makes term and vote durable. A reset has a ticket of its own and carries them, so the next
 * one is always right.
 */
uint64_t raft_ticket_hard(const struct raft *r) {
    if (r->hard_dirty)
        return r->ticket + 1;
    return r->pending && r->pending_hard ? r->pending : 0;
}

uint64_t raft_ticket_log(const struct raft *r, uint64_t index) {
    uint64_t hard = raft_ticket_hard(r), log = 0;
    if (index > r->stable) {
        log = r->ticket + 1 + (r->reset_due ? 1 : 0);
        if (r->pending && index <= r->pending_last)
            log = r->pending;
    }
    return hard > log ? hard : log;
}

void raft_append(struct raft *r, const struct wire_raft_entry *entry) {
    raft_log_push(&r->log, entry);
    if (entry->kind != ENTRY_KIND_CONFIG)
        return;
    struct raft_conf conf;
    int err = raft_conf_decode(entry->data, entry->index, &conf);
    assert(err == 0); /* checked before it was taken */
    raft_conf_push(r, &conf);
    raft_conf_in_force(r);
}

static void lower(uint64_t *value, uint64_t to) { *value = *value > to ? to : *value; }

void raft_cut(struct raft *r, uint64_t from) {
    assert(from > r->commit);
    if (r->pending && r->pending_last >= from)
        MARK(r, ABA);
    raft_log_cut_tail(&r->log, from);
    raft_conf_cut_tail(r, from);
    if (r->handed >= from && (r->cut_index == 0 || r->cut_index > from))
        r->cut_index = from;
    lower(&r->handed, from - 1);
    lower(&r->stable, from - 1);
    lower(&r->pending_last, from - 1);
    raft_conf_in_force(r);
}

/* The log becomes the snapshot at (index, term), which is durable. */
void raft_reset(struct raft *r, uint64_t index, uint64_t term, const struct raft_conf *conf) {
    raft_log_restart(&r->log, index, term);
    raft_conf_done(r);
    raft_conf_push(r, conf);
    r->reset_due = true;
    r->cut_index = 0;
    r->pending_last = 0;
    r->handed = r->stable = index;
}

static bool persist_due(const struct raft *r) {
    return r->hard_dirty || r->reset_due || r->cut_index > 0 || r->handed < raft_log_last(&r->log);
}

bool raft_persist_next(struct raft *r, struct raft_effect *ret) {
    if (r->pending || r->disk_failed || !persist_due(r))
        return false;
    *ret = (struct raft_effect){.kind = RAFT_PERSIST, .ticket = ++r->ticket};
    if (r->reset_due) {
        ret->reset_index = r->log.base_index;
        ret->reset_term = r->log.base_term;
        r->handed = r->log.base_index;
        r->reset_due = false;
    } else {
        ret->cut_index = r->cut_index;
        r->cut_index = 0;
        ret->entries_count = (size_t)(raft_log_last(&r->log) - r->handed);
        if (ret->entries_count > 0)
            ret->entries = raft_log_at(&r->log, r->handed + 1);
        r->handed = raft_log_last(&r->log);
    }
    uint64_t commit = r->commit < r->handed ? r->commit : r->handed;
    ret->hard_changed = r->hard_dirty || commit != r->hard_commit;
    ret->hard = (struct wire_hard_state){.term = r->term, .vote = r->vote, .commit = commit};
    r->pending = r->ticket;
    r->pending_last = r->handed;
    r->pending_hard = r->hard_dirty;
    r->hard_dirty = false;
    r->hard_commit = commit;
    return true;
}

void raft_persisted(struct raft *r, uint64_t ticket) {
    if (r->disk_failed || !r->pending || ticket < r->pending)
        return;
    r->durable = r->pending;
    r->pending = 0;
    if (r->pending_last > r->stable)
        r->stable = r->pending_last;
    raft_own_vote(r);
}

/*
 * After a failed flush nobody knows what the disk holds, and asking again only hides it (the kernel marks the
 * pages clean). Whatever waits for a ticket is lost with it.
 */
void raft_disk_failed(struct raft *r) {
    if (r->disk_failed)
        return;
    raft_effects_drop(r);
    bool led = r->role == RAFT_LEADER;
    if (led) {
        MARK(r, DISK_FAILED);
        raft_hand_over(r);
    }
    r->disk_failed = true;
    r->pending = 0;
    if (led)
        raft_resign(r);
    r->role = RAFT_LEARNER;
    r->leader_known = false;
}
