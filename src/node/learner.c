/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Hosts without a vote pull the log: one request at a time to one peer, which answers when it has something
 * newer, or after PULL_HOLD_US with nothing. What is pulled is committed already, so nothing is ever taken
 * back. The leader is asked first because it knows of commits first; when it does not answer, any other
 * member.
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

/* What an isolated host knows is of no known age: it makes nobody's copy fresh. */
#define AGE_MAX_MS 3600000u

#define VOTER_LOST_US (2 * US_PER_S)

/* ---- asking ---- */

static bool voter_is_lost(const struct node *n) {
    enum raft_role role = raft_role(n->raft);
    if (role != RAFT_FOLLOWER && role != RAFT_PRE_CANDIDATE)
        return false;
    int64_t heard = raft_contact_us(n->raft) > n->started_us ? raft_contact_us(n->raft) : n->started_us;
    return n->now_us - heard >= VOTER_LOST_US;
}

static bool pull_pick(struct node *n, struct node_id *ret) {
    struct node_id leader;
    bool known = node_leader_id(n, &leader);
    if (!known && voter_is_lost(n) && !ID_IS_ZERO(n->pull_leader)) {
        leader = n->pull_leader;
        known = true;
    }
    if (known && node_alive(n, leader) && !ID_EQUAL(leader, n->identity.id) &&
        !ID_EQUAL(leader, n->pull_peer)) {
        *ret = leader;
        return true;
    }
    /* Only a host whose key is known here can be spoken to: a newcomer knows those of the table that it was
     * given. */
    size_t count = n->statics.count, start = count > 0 ? (size_t)prng_below(&n->prng, count) : 0;
    for (size_t i = 0; i < count; i++) {
        const struct trusted *t = n->statics.entries[(start + i) % count].value;
        struct swim_member m;
        if (ID_EQUAL(t->id, n->identity.id) || !swim_member_find(n->swim, t->id, &m))
            continue;
        if (m.state != MEMBER_STATE_ALIVE)
            continue;
        *ret = t->id;
        return true;
    }
    return false;
}

static bool pull_wanted(const struct node *n) {
    if (n->swim == NULL || n->install_ticket != 0 || n->disk_failed)
        return false;
    return raft_role(n->raft) == RAFT_LEARNER || voter_is_lost(n);
}

void node_learner_tick(struct node *n) {
    if (!pull_wanted(n))
        return;
    bool lost = n->pull_sent_next != 0;
    if (lost) {
        if (n->now_us < n->pull_deadline_us)
            return;
        n->pull_sent_next = 0; /* no answer: another peer; pull_peer keeps whom not to ask first */
    } else if (n->now_us < n->pull_at_us)
        return;
    struct node_id peer;
    n->pull_at_us = n->now_us + US_PER_S / 4;
    if (!pull_pick(n, &peer))
        return;
    struct wire_pull_request request;
    raft_pull_next(n->raft, &request);
    if (lost && request.offset > 0)
        node_mark(n, MARK_RAFT_SNAPSHOT_RESUMED);
    if (voter_is_lost(n))
        request.voter = n->self.log;
    n->pull_peer = peer;
    n->pull_sent_next = request.next;
    n->pull_deadline_us = n->now_us + PULL_HOLD_US + US_PER_S;
    node_peer_send(n, peer, &(struct wire_peer_message){.pull_request = &request});
}

int64_t node_learner_deadline(const struct node *n) {
    if (!pull_wanted(n))
        return TIME_NEVER_US;
    return n->pull_sent_next != 0 ? n->pull_deadline_us : n->pull_at_us;
}

/* It is asked again soon, so what has to wait for the disk waits for the next answer. */
static void voter_answered(struct node *n, struct node_id from, const struct wire_pull_response *r) {
    n->pull_leader = r->leader;
    n->pull_at_us = n->now_us + US_PER_S / 4;
    if (r->refused && ID_EQUAL(r->leader, from) && r->term >= raft_term(n->raft) && node_snapshot_whole(n)) {
        node_mark(n, MARK_NODE_LOG_GIVEN_UP);
        node_log_renew(n, "it lacks what this host had acknowledged (was its disk restored from a backup?)");
    }
}

void node_pull_response(struct node *n, struct node_id from, const struct wire_pull_response *r) {
    if (!pull_wanted(n) || n->pull_sent_next == 0 || !ID_EQUAL(from, n->pull_peer))
        return;
    n->pull_sent_next = 0;
    n->pull_peer = (struct node_id){{0}};
    n->pull_at_us = n->now_us;
    if (voter_is_lost(n)) {
        voter_answered(n, from, r);
        return;
    }
    if (r->refused) {
        node_say(n, NODE_ERROR, "this host's log does not match that of %.*s: it cannot follow it",
                 BYTES_FMT(node_name_of(n, from)));
        n->pull_at_us = n->now_us + 5 * US_PER_S;
        return;
    }
    bool changed = !ID_EQUAL(n->pull_leader, r->leader);
    n->pull_leader = r->leader;
    struct raft_input in = {.kind = RAFT_PULLED, .pulled = r};
    (void)node_log_feed(n, &in);
    /* Counted from the question: the answer may have been under way for long. */
    int64_t asked_us = n->pull_deadline_us - PULL_HOLD_US - US_PER_S;
    int64_t fresh = asked_us - (int64_t)r->age_ms * US_PER_MS;
    if (r->age_ms < AGE_MAX_MS && fresh > n->fresh_us && raft_commit_index(n->raft) >= r->commit)
        n->fresh_us = fresh;
    if (changed)
        n->facts_dirty = true;
}

/* ---- answering ---- */

static bool pull_has_news(const struct node *n, const struct peer *p) {
    return raft_commit_index(n->raft) >= p->pull_next;
}

static void pull_snapshot(struct node *n, const struct peer *p, struct wire_pull_response *r,
                          struct wire_snapshot_chunk *chunk) {
    const struct wire_snapshot_header *head = &n->snapshot_head;
    uint64_t offset = p->pull_snapshot == head->index ? p->pull_offset : 0;
    if (head->index == 0 || head->index < p->pull_next || offset > n->snapshot_bytes.size)
        return;
    size_t size = n->snapshot_bytes.size - (size_t)offset;
    if (size > n->chunk_size_bytes)
        size = n->chunk_size_bytes;
    *chunk = (struct wire_snapshot_chunk){
        .index = head->index,
        .term = head->term,
        .config = head->config,
        .total_size = n->snapshot_bytes.size,
        .offset = offset,
        .data = bytes_of(n->snapshot_bytes.data + offset, size),
        .checksum = head->checksum,
    };
    r->snapshot = chunk;
    node_mark(n, MARK_NODE_PULL_SNAPSHOT);
}

static bool majority_has_all(const struct node *n, const struct raft_id *voters, size_t count) {
    size_t well = 0;
    for (size_t i = 0; i < count; i++) {
        struct raft_progress_view progress;
        bool self = ID_EQUAL(voters[i].node, n->identity.id);
        well += self || (raft_progress(n->raft, &voters[i], &progress) && progress.caught_up);
    }
    return count == 0 || well >= count / 2 + 1;
}

/* Is the asker a voter whose log has forgotten, and can do without that log? See above. */
static bool pull_refuses(const struct node *n, const struct peer *p) {
    struct raft_id asker = {.node = p->id, .log = p->pull_voter};
    struct raft_progress_view progress;
    if (!node_is_leader(n) || !raft_is_voter(n->raft, &asker) || !raft_progress(n->raft, &asker, &progress) ||
        !progress.refused)
        return false;
    const struct wire_raft_config *config = raft_config_now(n->raft);
    return majority_has_all(n, config->voters, config->voters_count) &&
           majority_has_all(n, config->voters_next, config->voters_next_count);
}

static void pull_answer(struct node *n, struct peer *p) {
    struct wire_snapshot_chunk chunk;
    struct wire_admin_freshness fresh;
    node_freshness(n, &fresh);
    struct wire_pull_response r = {
        .prev_index = p->pull_next - 1,
        .prev_term = p->pull_term,
        .commit = raft_commit_index(n->raft),
        .term = raft_term(n->raft),
        .age_ms = fresh.isolated && fresh.age_ms < AGE_MAX_MS ? AGE_MAX_MS : fresh.age_ms,
    };
    (void)node_leader_id(n, &r.leader);
    const struct wire_raft_entry *entries = NULL;
    size_t count = 0;
    uint64_t own_term = raft_term_at(n->raft, r.prev_index);
    if (!ID_IS_ZERO(p->pull_voter)) {
        r.refused = pull_refuses(n, p); /* it takes nothing else from the answer */
    } else if (pull_has_news(n, p)) {
        bool kept = raft_log_read(n->raft, p->pull_next, PULL_BYTES_MAX, &entries, &count) == 0;
        if (!kept || (r.prev_index != 0 && own_term == 0))
            pull_snapshot(n, p, &r, &chunk);
        else if (r.prev_index != 0 && own_term != p->pull_term)
            r.refused = true;
        else {
            if (!node_leads(n))
                node_mark(n, MARK_NODE_PULL_SERVED);
            r.entries = (struct wire_raft_entry *)(uintptr_t)entries;
            r.entries_count = count < 4096 ? count : 4096;
        }
    }
    p->pull_next = 0;
    node_peer_send(n, p->id, &(struct wire_peer_message){.pull_response = &r});
}

void node_pull_request(struct node *n, struct node_id from, const struct wire_pull_request *request) {
    if (n->raft == NULL || request->next == 0)
        return;
    struct peer *p = node_peer(n, from, true);
    p->pull_next = request->next;
    p->pull_term = request->term;
    p->pull_snapshot = request->snapshot_index;
    p->pull_offset = request->offset;
    p->pull_since_us = n->now_us;
    p->pull_voter = request->voter;
    if (ID_IS_ZERO(request->voter))
        return;
    struct raft_id asker = {.node = from, .log = request->voter};
    p->pull_since_us -= PULL_HOLD_US; /* it waits for a word, not for entries */
    if (node_is_leader(n) && !raft_is_voter(n->raft, &asker))
        node_voters_enlighten(n, asker);
}

void node_pull_serve(struct node *n) {
    for (size_t i = 0; i < n->peers.count; i++) {
        struct peer *p = n->peers.entries[i].value;
        if (p->pull_next != 0 && (pull_has_news(n, p) || n->now_us - p->pull_since_us >= PULL_HOLD_US))
            pull_answer(n, p);
    }
}

int64_t node_pull_deadline(const struct node *n) {
    int64_t at = TIME_NEVER_US;
    for (size_t i = 0; i < n->peers.count; i++) {
        const struct peer *p = n->peers.entries[i].value;
        if (p->pull_next != 0)
            at = min_us(at, p->pull_since_us + PULL_HOLD_US);
    }
    return at;
}
