/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Hosts without a vote pull the log: one request at a time to one peer (learner_pick.c says which), who
 * answers as learner_serve.c tells. The peer may be anybody, so nothing that it gives is believed by itself:
 * entries are staged (stage.c) until the chain over them reaches a checkpoint, the word of one who votes
 * (checkpoint.c); a snapshot is taken when a voter signed its hash. When the chain misses a checkpoint,
 * everything that was staged is dropped, back to what is committed here, and another peer is asked. A peer's
 * bare word on the commit index only tells how far there is to go.
 *
 * A host that was a voter and comes back after it was replaced believes that it still votes: nobody sends it
 * entries, and nobody votes for it. When it hears no leader it asks around in the same way, and takes nothing
 * from the answers but who leads; the leader, asked so by a host that does not vote, sends it the log
 * (RAFT_TRACK) until it has seen for itself.
 *
 * A voter whose disk was set back to an earlier day (a backup, the snapshot of a virtual machine) has
 * forgotten votes and entries that it acknowledged. Its leader finds out (RAFT_FORGOT) and counts it for
 * nothing; it hears no leader, asks around like the other one, and the leader refuses its log. It then gives
 * that up: it goes on under a new log id, as a host without a vote, and gets one when it has caught up.
 *
 * Giving a log up must never be a mistake: whatever lies in it may be the last copy of what is committed. So
 *   - the word counts only from who leads, in a term not before ours, and while we hear no other leader. A
 *     log that has forgotten stays one that has, so an old leader is right too; but a later one may have
 *     come to need what this log took from it since;
 *   - the leader gives it only when a majority was heard within an election timeout, so that it still leads,
 *     and has all that is committed, so that nothing is lost with this log. The refused one is none of them;
 *   - the host first saves what it has applied, and begins the new log with that: its state never goes back.
 */
#include "internal.h"

#define VOTER_LOST_US (2 * US_PER_S)
#define SENT_US       US_PER_S /* a leader that was heard so lately sends the log */
#define LIE_SAID_US   (30 * US_PER_S)
#define PULL_AGAIN_US (50 * US_PER_MS) /* at most, when one had nothing for us, until another is asked */
#define PULL_NONE_US  US_PER_S         /* when all others had nothing, either */

/* ---- asking ---- */

static bool voter_is_lost(const struct node *n) {
    enum raft_role role = raft_role(n->raft);
    if (role != RAFT_FOLLOWER && role != RAFT_PRE_CANDIDATE)
        return false;
    int64_t heard = raft_contact_us(n->raft) > n->started_us ? raft_contact_us(n->raft) : n->started_us;
    return n->now_us - heard >= VOTER_LOST_US;
}

/* Its state is wrong: it asks the leader whether its log can be spared. */
static bool voter_is_wrong(const struct node *n) {
    return n->state_wrong != 0 && raft_role(n->raft) == RAFT_FOLLOWER && !n->wrong_log_given_up;
}

static bool voter_asks(const struct node *n) { return voter_is_lost(n) || voter_is_wrong(n); }

/* Only a host whose key is known here can be spoken to: a newcomer knows those of the table that it was
 * given. */
static struct learn_candidate *candidates(struct node *n, size_t *ret_count) {
    struct learn_candidate *list = arena_alloc(&n->scratch, (n->statics.count + 1) * sizeof *list);
    struct node_id leader = {{0}};
    (void)node_leader_id(n, &leader);
    for (size_t i = 0; i < n->statics.count; i++) {
        const struct trusted *t = n->statics.entries[i].value;
        struct swim_member m;
        if (ID_EQUAL(t->id, n->identity.id) || !swim_member_find(n->swim, t->id, &m) ||
            m.state != MEMBER_STATE_ALIVE)
            continue;
        if (node_reseeds(n) && !learn_voters_have(&n->proofs.voters, t->id))
            continue; /* nobody else vouches for a state */
        list[(*ret_count)++] = (struct learn_candidate){.id = t->id,
                                                        .voter = learn_voters_have(&n->proofs.voters, t->id),
                                                        .leader = ID_EQUAL(t->id, leader),
                                                        .rtt_us = m.rtt_us};
    }
    return list;
}

/* A voter that hears nobody asks whoever was said to lead, and if that does not answer, anybody. */
static bool pull_pick_voter(struct node *n, const struct learn_candidate *list, size_t count,
                            struct node_id *ret) {
    struct node_id leader;
    bool known = node_leader_id(n, &leader);
    if (!known) {
        leader = n->pull_leader;
        known = !ID_IS_ZERO(leader);
    }
    size_t start = count > 0 ? (size_t)prng_below(&n->prng, count) : 0;
    if (known && node_alive(n, leader) && !ID_EQUAL(leader, n->identity.id) &&
        !ID_EQUAL(leader, n->pull_peer)) {
        *ret = leader;
        return true;
    }
    if (count > 0)
        *ret = list[start].id;
    return count > 0;
}

static bool pull_pick(struct node *n, struct node_id *ret) {
    size_t count = 0;
    if (!voter_asks(n) && !node_reseeds(n) && learn_parent(&n->pick, n->now_us, ret) && node_alive(n, *ret) &&
        MAP_GET_ID(&n->trusted, *ret) != NULL)
        return true; /* the common case: no need to look at everybody */
    struct learn_candidate *list = candidates(n, &count);
    if (voter_asks(n))
        return pull_pick_voter(n, list, count, ret);
    return learn_choose(&n->pick, n->now_us, &n->prng, list, count, ret);
}

/* By a leader that is about to give it a vote. Of two who send a snapshot each would undo what the other
 * gave. */
static bool is_sent(const struct node *n) {
    int64_t heard = raft_contact_us(n->raft);
    return heard != 0 && n->now_us - heard < SENT_US;
}

static bool pull_wanted(const struct node *n) {
    if (n->swim == NULL || node_installs(n) || n->disk_failed || n->format_wanted != 0)
        return false;
    if (raft_role(n->raft) == RAFT_LEARNER && !is_sent(n))
        return true;
    return voter_asks(n) || node_reseeds(n);
}

/* Of which some is here; 0: of none. */
static uint64_t snapshot_coming(const struct node *n) {
    if (node_reseeds(n))
        return n->reseed.size > 0 ? n->reseed_proof.index : 0;
    struct wire_pull_request q;
    raft_pull_next(n->raft, &q);
    return q.snapshot_index;
}

/* Behind what is committed here, or behind what the same peer gave and nobody has vouched for yet. */
static void request_fill(struct node *n, struct node_id peer, struct wire_pull_request *q) {
    uint64_t commit = raft_commit_index(n->raft);
    raft_pull_next(n->raft, q);
    q->voters_index = n->proofs.voters.index;
    q->state_index = n->proofs.state.index;
    q->stranded = n->pick.stranded;
    if (voter_asks(n)) {
        q->voter = n->self.log;
        q->wrong = voter_is_wrong(n);
        return;
    }
    if (node_reseeds(n)) {
        q->reseed = true;
        q->next = raft_first_index(n->raft);
        q->snapshot_index = snapshot_coming(n);
        q->offset = n->reseed.size;
        return;
    }
    if (n->stage.base_index != commit || !ID_EQUAL(n->pull_from, peer))
        stage_begin(&n->stage, commit, q->term, &n->proofs.chain);
    if (n->stage.entries.count > 0)
        q->next = stage_last(&n->stage, &q->term) + 1;
}

void node_learner_tick(struct node *n) {
    node_reseed_tick(n);
    if (!pull_wanted(n))
        return;
    bool lost = n->pull_sent_next != 0;
    if (lost) {
        if (n->now_us < n->pull_deadline_us)
            return;
        n->pull_sent_next = 0; /* no answer: another peer; pull_peer keeps whom not to ask first */
        learn_avoid(&n->pick, n->pull_peer, n->now_us + LEARN_AVOID_US);
    } else if (n->now_us < n->pull_at_us)
        return;
    struct node_id peer;
    n->pull_at_us = n->now_us + US_PER_S / 4;
    if (!pull_pick(n, &peer))
        return;
    struct wire_pull_request request;
    request_fill(n, peer, &request);
    if (lost && request.offset > 0)
        node_mark(n, MARK_RAFT_SNAPSHOT_RESUMED);
    n->pull_peer = peer;
    n->pull_stranded = request.stranded;
    n->pull_sent_next = request.next;
    n->pull_asked_us = n->now_us;
    request.asked_us = (uint64_t)n->now_us;
    n->pull_deadline_us = n->now_us + PULL_HOLD_US + US_PER_S;
    node_peer_send(n, peer, &(struct wire_peer_message){.pull_request = &request});
}

int64_t node_learner_deadline(const struct node *n) {
    if (!pull_wanted(n))
        return raft_role(n->raft) == RAFT_LEARNER && is_sent(n) ? raft_contact_us(n->raft) + SENT_US
                                                                : TIME_NEVER_US;
    return n->pull_sent_next != 0 ? n->pull_deadline_us : n->pull_at_us;
}

/* ---- what comes back ---- */

/* It is asked again soon, so what has to wait for the disk waits for the next answer. */
static void voter_answered(struct node *n, struct node_id from, const struct wire_pull_response *r) {
    n->pull_leader = r->leader;
    n->pull_at_us = n->now_us + US_PER_S / 4;
    if (r->refused && ID_EQUAL(r->leader, from) && r->term >= raft_term(n->raft) && node_snapshot_whole(n)) {
        node_mark(n, MARK_NODE_LOG_GIVEN_UP);
        n->wrong_log_given_up = n->state_wrong != 0;
        node_log_renew(n, n->state_wrong != 0 ? "its state differs from that of a majority of the voters"
                                              : "it lacks what this host had acknowledged (was its disk "
                                                "restored from a backup?)");
    }
}

void node_learner_lied(struct node *n, struct node_id peer, const char *what) {
    node_mark(n, MARK_LEARN_LIE_REFUSED);
    learn_avoid(&n->pick, peer, n->now_us + LEARN_AVOID_BAD_US);
    if (node_said(n, &n->lie_said_us, LIE_SAID_US))
        return;
    node_event(n, "log.unproven", peer, (struct instance_id){{0}}, "%.*s %s; nothing of it was applied",
               BYTES_FMT(node_name_of(n, peer)), what);
    node_say(n, NODE_ERROR, "%.*s %s; nothing of it is applied, and another host is asked",
             BYTES_FMT(node_name_of(n, peer)), what);
}

static void stage_drop(struct node *n) {
    uint64_t commit = raft_commit_index(n->raft);
    stage_begin(&n->stage, commit, raft_term_at(n->raft, commit), &n->proofs.chain);
}

/* false: it is there, and not to be believed. */
static bool proof_take(struct node *n, struct node_id from, const struct wire_checkpoint *in,
                       struct checkpoint *ret) {
    if (in == NULL)
        return true;
    if (node_checkpoint_take(n, in, ret) == 0) {
        node_voters_known(n);
        return true;
    }
    node_mark(n, MARK_LEARN_UNSIGNED);
    node_voters_unknown(n, from, in);
    learn_avoid(&n->pick, from, n->now_us + LEARN_AVOID_US);
    return false;
}

/* Who was asked has no room, or nothing for us. Where nobody has, all are not asked without a pause. */
static void pull_elsewhere(struct node *n) {
    int64_t pause_us = n->pull_stranded ? PULL_NONE_US : (int64_t)prng_below(&n->prng, PULL_AGAIN_US);
    n->pull_at_us = n->now_us + pause_us;
}

/*
 * What is here of a snapshot is not given up for an older one: who asks several hosts in turn, as they have
 * room for it, would begin anew with each of them. Unless no more of it came for long.
 */
static bool chunk_goes_back(const struct node *n, const struct wire_snapshot_chunk *c) {
    return c->index < snapshot_coming(n) && n->now_us - n->pull_chunk_us < LEARN_STALLED_US;
}

/*
 * This version can make nothing of it. Another host may still have the entries; where all have but snapshots,
 * none is asked for long.
 */
static void chunk_declined(struct node *n, struct node_id from) {
    int64_t until_us = n->now_us + RAFT_UNREADABLE_US;
    learn_avoid(&n->pick, from, until_us);
    pull_elsewhere(n);
    if (n->pull_stranded)
        n->pull_at_us = until_us;
}

/* A chunk goes in with the proof of its snapshot, or not at all. */
static void pull_chunk(struct node *n, struct node_id from, const struct wire_pull_response *r,
                       const struct checkpoint *proof) {
    const struct wire_snapshot_chunk *c = r->snapshot;
    struct wire_raft_config voters = learn_voters_config(&proof->voters);
    if (!proof->has_state || !proof->has_voters || proof->index != c->index || proof->term != c->term ||
        !codec_equal(&wire_raft_config_type, &voters, &c->config)) {
        node_learner_lied(n, from, "gave a snapshot that no voter has signed");
        return;
    }
    if (node_snapshot_declined(n, proof)) {
        chunk_declined(n, from);
        return;
    }
    if (chunk_goes_back(n, c)) {
        learn_avoid(&n->pick, from, n->now_us + LEARN_AVOID_US);
        pull_elsewhere(n);
        return;
    }
    n->pull_from = from;
    n->pull_chunk_us = n->now_us;
    if (node_reseeds(n)) {
        node_reseed_chunk(n, c, proof);
        return;
    }
    n->incoming_proof = *proof;
    n->pull_feeding = true;
    struct raft_input in = {.kind = RAFT_PULLED, .pulled = r};
    (void)node_log_feed(n, &in);
    n->pull_feeding = false;
}

/* The first of what is staged, up to the checkpoint, into the log. */
static void stage_apply(struct node *n, size_t count, const struct checkpoint *proof) {
    struct wire_raft_entry *entries = arena_alloc(&n->scratch, count * sizeof *entries);
    for (size_t i = 0; i < count; i++)
        entries[i] = n->stage.entries.data[i].wire;
    struct wire_pull_response verified = {.prev_index = n->stage.base_index,
                                          .prev_term = n->stage.base_term,
                                          .entries = entries,
                                          .entries_count = count,
                                          .commit = proof->index};
    struct raft_input in = {.kind = RAFT_PULLED, .pulled = &verified};
    int error = node_log_feed(n, &in);
    if (error == 0) {
        stage_take(&n->stage, count);
        node_checkpoint_verified(n, proof);
        node_mark(n, MARK_LEARN_VERIFIED);
    }
    if (error != 0 || n->stage.base_index != raft_commit_index(n->raft))
        stage_drop(n);
}

static void pull_entries(struct node *n, struct node_id from, const struct wire_pull_response *r) {
    if (!ID_EQUAL(n->pull_from, from) || n->stage.base_index != raft_commit_index(n->raft))
        stage_drop(n);
    n->pull_from = from;
    if (r->entries_count > 0 &&
        stage_add(&n->stage, r->prev_index, r->prev_term, r->entries, r->entries_count) != 0) {
        stage_drop(n);
        learn_avoid(&n->pick, from, n->now_us + LEARN_AVOID_US);
    }
}

/*
 * Where nothing is staged the newest checkpoint may be of the very index that is committed here: then it says
 * whether the log here is the log, and can be passed on.
 */
static void checkpoint_here(struct node *n, const struct checkpoint *c) {
    if (c->index != n->applied_index || c->index != raft_commit_index(n->raft))
        return;
    if (memcmp(&c->chain, &n->proofs.chain, sizeof c->chain) == 0)
        node_checkpoint_verified(n, c);
    else
        node_say(n, NODE_ERROR, "the log here is not the one that %.*s has signed, at index %llu",
                 BYTES_FMT(node_name_of(n, identity_node_id(&c->key))), (unsigned long long)c->index);
}

static void pull_verify(struct node *n, struct node_id from, const struct checkpoint *proofs, size_t count) {
    struct checkpoint proof;
    size_t verified;
    for (size_t i = 0; i < count; i++) {
        if (proofs[i].index == 0)
            continue;
        stage_prove(&n->stage, &proofs[i]);
        checkpoint_here(n, &proofs[i]);
    }
    if (stage_verified(&n->stage, &verified, &proof) != 0) {
        node_learner_lied(n, from, "gave entries that are not what a voter signed");
        stage_drop(n);
    } else if (verified > 0)
        stage_apply(n, verified, &proof);
    else if (n->stage.entries.count > 0)
        node_mark(n, MARK_LEARN_STAGED);
}

static void pull_take(struct node *n, struct node_id from, const struct wire_pull_response *r) {
    struct checkpoint *proofs = arena_alloc(&n->scratch, 2 * sizeof *proofs);
    node_handovers_take(n, r->handovers, r->handovers_count);
    if (!proof_take(n, from, r->checkpoint, &proofs[0])) {
        stage_drop(n);
        return;
    }
    /* Who signed the newest state may have lost its vote since: its word counts for nothing, the rest for all
     * it is worth. */
    if (r->state != NULL && node_checkpoint_take(n, r->state, &proofs[1]) != 0) {
        node_mark(n, MARK_LEARN_UNSIGNED);
        proofs[1] = (struct checkpoint){0};
    }
    for (size_t i = 0; i < 2; i++)
        if (proofs[i].has_state) {
            node_checkpoint_keep(n, &proofs[i]);
            node_state_compare(n, &proofs[i]);
        }
    if (r->snapshot != NULL) {
        pull_chunk(n, from, r, &proofs[0]);
        return;
    }
    pull_entries(n, from, r);
    pull_verify(n, from, proofs, 2);
}

/* Counted from the question: the answer may have been under way for long. So it must be that question's. */
static void pull_age(struct node *n, const struct wire_pull_response *r) {
    int64_t fresh = n->pull_asked_us - (int64_t)r->age_ms * US_PER_MS;
    if (r->checkpoint != NULL && r->age_ms < AGE_MAX_MS && fresh > n->fresh_us &&
        n->applied_index >= r->commit)
        n->fresh_us = fresh;
}

void node_pull_response(struct node *n, struct node_id from, const struct wire_pull_response *r) {
    if (!pull_wanted(n) || n->pull_sent_next == 0 || !ID_EQUAL(from, n->pull_peer) ||
        r->asked_us != (uint64_t)n->pull_asked_us)
        return;
    n->pull_sent_next = 0;
    n->pull_peer = (struct node_id){{0}};
    n->pull_at_us = n->now_us;
    if (voter_asks(n)) {
        voter_answered(n, from, r);
        return;
    }
    if (r->refused) {
        node_say(n, NODE_ERROR, "this host's log does not match that of %.*s: it cannot follow it",
                 BYTES_FMT(node_name_of(n, from)));
        learn_avoid(&n->pick, from, n->now_us + LEARN_AVOID_US);
        n->pull_at_us = n->now_us + US_PER_S;
        return;
    }
    if (!r->busy || !ID_IS_ZERO(r->leader)) {
        n->facts_dirty |= !ID_EQUAL(n->pull_leader, r->leader); /* they are to be told to this one */
        n->pull_leader = r->leader;
    }
    if (r->busy) {
        learn_busy(&n->pick, from, n->now_us, r->others, r->others_count);
        pull_elsewhere(n);
        return;
    }
    if (node_reseeds(n) && r->snapshot == NULL)
        learn_avoid(&n->pick, from, n->now_us + LEARN_AVOID_US); /* it has none that helps */
    else
        learn_answered(&n->pick, from, n->now_us, r->age_ms, r->depth);
    if (r->depth > 0)
        node_mark(n, MARK_LEARN_DEEP);
    pull_take(n, from, r);
    pull_age(n, r);
}
