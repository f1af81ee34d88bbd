/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The other end of learner.c: a host that has the log gives it to those that ask. It answers when it has
 * something newer, or after PULL_HOLD_US with nothing; it serves a few, and names those to all others.
 *
 * What it gives ends at a checkpoint: of a voter its own, of another host one that it has verified. Nothing
 * else would be believed. It leads the asker to the voters of today, when that knows only those of yesterday.
 */
#include "internal.h"

#define FETCH_STALLED_US (10 * US_PER_S) /* several questions long */
#define FETCH_FORGET_US  (60 * US_PER_S) /* of an absence: one of a moment would be a way to begin anew */
#define RESEED_AGAIN_US  (30 * US_PER_S) /* between two snapshots that are made for who takes a state anew */

/* What an isolated host knows is of no known age: it makes nobody's copy fresh. */

/* ---- what there is ---- */

/*
 * A snapshot behind which the asker still has its own log; if there is none, one is taken. That serves all
 * who ask: whoever asks for a later one again and again would have this host do nothing else.
 */
static bool reseed_ready(struct node *n, const struct peer *p) {
    if (!node_vouches(n))
        return false;
    if (n->snapshot_head.index != 0 && n->snapshot_head.index + 1 >= p->pull_next)
        return true;
    bool lately = n->reseed_taken_us != 0 && n->now_us - n->reseed_taken_us < RESEED_AGAIN_US;
    if (lately || p->pull_next > n->applied_index + 1 || node_snapshot_busy(n))
        return false;
    n->reseed_taken_us = n->now_us;
    return node_snapshot_whole(n);
}

static bool pull_has_news(struct node *n, const struct peer *p) {
    const struct checkpoint *c = node_checkpoint_newest(n);
    if (p->pull_reseed)
        return reseed_ready(n, p);
    return c != NULL && c->index >= p->pull_next;
}

/* ---- those that fetch a snapshot ---- */

/*
 * A fetch goes on when it comes further than ever before. One that begins anew, because its agent was started
 * again, say, does not until it has come to where it was; whoever waits meanwhile may take its place, and
 * with that its next one is a first one. So nobody keeps a place by asking for the same parts for ever.
 */
static void fetch_note(struct node *n, struct peer *p, uint64_t index, uint64_t end) {
    if (p->fetch_index == index && end <= p->fetch_end)
        return;
    p->fetch_index = index;
    p->fetch_end = end;
    p->fetch_us = n->now_us;
}

static void fetch_forget(struct peer *p) {
    p->fetch_index = p->fetch_end = 0;
    p->fetch_us = 0;
}

static bool fetch_goes_on(const struct node *n, const struct peer *p) {
    return p->pull_fetches && n->now_us - p->fetch_us < FETCH_STALLED_US;
}

static void pull_snapshot(struct node *n, struct peer *p, struct wire_pull_response *r,
                          struct wire_snapshot_chunk *chunk) {
    const struct wire_snapshot_header *head = &n->snapshot_head;
    const struct checkpoint *proof = node_checkpoint_snapshot(n);
    uint64_t offset = p->pull_snapshot == head->index ? p->pull_offset : 0;
    bool serves = p->pull_reseed ? head->index + 1 >= p->pull_next : head->index >= p->pull_next;
    if (proof == NULL || !serves || offset >= n->snapshot_bytes.size) {
        r->busy = true; /* it has to ask another one */
        return;
    }
    struct checkpoint_out *out = arena_alloc(&n->scratch, sizeof *out);
    checkpoint_out(proof, out);
    r->checkpoint = &out->wire;
    size_t size = min_size(n->snapshot_bytes.size - (size_t)offset, n->chunk_size_bytes);
    *chunk = (struct wire_snapshot_chunk){
        .index = head->index,
        .term = head->term,
        .config = head->config,
        .total_size = n->snapshot_bytes.size,
        .offset = offset,
        .data = bytes_of(n->snapshot_bytes.data + offset, size),
        .checksum = head->checksum,
        .chain = bytes_of(proof->chain.b, CHAIN_SIZE),
    };
    r->snapshot = chunk;
    p->pull_fetches = offset + size < chunk->total_size;
    fetch_note(n, p, head->index, offset + size);
    n->snapshot_given_us = n->now_us;
    node_mark(n, MARK_NODE_PULL_SNAPSHOT);
}

/* ---- a log that may be spared ---- */

static bool majority_has_all(const struct node *n, const struct raft_id *voters, size_t count,
                             const struct raft_id *but) {
    struct raft_id here = raft_self(n->raft); /* a log that this host lost has nothing, and may vote still */
    size_t well = 0;
    for (size_t i = 0; i < count; i++) {
        if (raft_id_equal(&voters[i], but))
            continue;
        struct raft_progress_view progress;
        bool self = raft_id_equal(&voters[i], &here);
        well += self || (raft_progress(n->raft, &voters[i], &progress) && progress.caught_up);
    }
    return count == 0 || well >= count / 2 + 1;
}

/*
 * Is the asker a voter whose log has forgotten, or whose state is wrong, and can all do without that log? See
 * learner.c. One whose state is wrong goes on acknowledging entries, so it is first not counted any more, and
 * told when it asks again: what it acknowledged last may have made a majority.
 */
static bool pull_refuses(struct node *n, const struct peer *p) {
    struct raft_id asker = {.node = p->id, .log = p->pull_voter};
    struct raft_progress_view progress = {0};
    if (!node_is_leader(n) || !raft_is_voter(n->raft, &asker))
        return false;
    (void)raft_progress(n->raft, &asker, &progress); /* a leader has every other voter's */
    if (!progress.refused && !p->pull_wrong)
        return false;
    const struct wire_raft_config *config = raft_config_now(n->raft);
    if (!majority_has_all(n, config->voters, config->voters_count, &asker) ||
        !majority_has_all(n, config->voters_next, config->voters_next_count, &asker))
        return false;
    if (!progress.refused)
        (void)node_log_feed(n, &(struct raft_input){.kind = RAFT_REFUSE, .peer = asker});
    return progress.refused;
}

/* ---- answering ---- */

/* Those that asked within a little more than the time for which a question is held. */
static bool is_served(const struct node *n, const struct peer *p) {
    return p->pull_served_us != 0 && n->now_us - p->pull_served_us < PULL_SERVED_US;
}

static void pull_busy(struct node *n, struct peer *p, struct wire_pull_response *r) {
    node_mark(n, MARK_LEARN_BUSY);
    r->busy = true;
    r->asked_us = p->pull_asked_us;
    r->term = raft_term(n->raft);
    (void)node_leader_id(n, &r->leader);
    p->pull_next = 0;
    node_peer_send(n, p->id, &(struct wire_peer_message){.pull_response = r});
}

/* Those that are served, but this one; the return value is their number. *ret_first was served first of those
 * that can go elsewhere; NULL: none can. */
static size_t pull_others(struct node *n, const struct peer *p, struct wire_pull_response *r,
                          struct peer **ret_first) {
    size_t count = 0;
    r->others = arena_alloc(&n->scratch, (n->pulls_max + 1) * sizeof *r->others);
    r->others_count = 0;
    *ret_first = NULL;
    for (size_t i = 0; i < n->peers.count; i++) {
        struct peer *other = n->peers.entries[i].value;
        if (other == p || !is_served(n, other))
            continue;
        count++;
        if (!fetch_goes_on(n, other) &&
            (*ret_first == NULL || other->pull_admitted_us < (*ret_first)->pull_admitted_us))
            *ret_first = other;
        if (r->others_count < 16 && node_alive(n, other->id))
            r->others[r->others_count++] = other->id;
    }
    return count;
}

/*
 * Room for one more? If not, the answer names those that are served. One that is stranded takes the place of
 * that which was served first: it has the log by now, and with it the keys of others to ask. Who is still in
 * the middle of a snapshot has neither, and keeps its place as long as it comes on: nobody else may have the
 * rest of that one, and of many that take each other's place none would ever come to its end.
 */
static void pull_admit(struct node *n, struct peer *p, uint64_t next, bool stranded) {
    struct wire_pull_response r = {.prev_index = next - 1};
    struct peer *first;
    size_t count = pull_others(n, p, &r, &first);
    bool full = count >= n->pulls_max; /* of others: then it is none of those that are served */
    if (full && (!stranded || first == NULL)) {
        pull_busy(n, p, &r);
        return;
    }
    if (!is_served(n, p))
        p->pull_admitted_us = n->now_us;
    if (n->now_us - p->pull_served_us >= FETCH_FORGET_US)
        fetch_forget(p);
    p->pull_served_us = n->now_us;
    if (!full)
        return;
    node_mark(n, MARK_LEARN_STRANDED);
    first->pull_served_us = 0;
    fetch_forget(first);
    if (first->pull_next != 0) {
        struct peer *unused;
        r.prev_index = first->pull_next - 1;
        (void)pull_others(n, first, &r, &unused);
        pull_busy(n, first, &r);
    }
}

/* As many as four chunks of a snapshot weigh, 1 MiB, and not beyond the checkpoint. */
static void pull_entries(struct node *n, struct peer *p, struct wire_pull_response *r,
                         struct wire_snapshot_chunk *chunk, const struct checkpoint *newest) {
    const struct wire_raft_entry *entries = NULL;
    size_t count = 0;
    uint64_t own_term = raft_term_at(n->raft, r->prev_index);
    bool kept = raft_log_read(n->raft, p->pull_next, 4 * (size_t)n->chunk_size_bytes, &entries, &count) == 0;
    if (!kept || (r->prev_index != 0 && own_term == 0)) {
        pull_snapshot(n, p, r, chunk);
        return;
    }
    if (r->prev_index != 0 && own_term != p->pull_term) {
        r->refused = true;
        return;
    }
    if (!node_leads(n))
        node_mark(n, MARK_NODE_PULL_SERVED);
    uint64_t most = newest->index - r->prev_index;
    count = count < most ? count : (size_t)most;
    r->entries = (struct wire_raft_entry *)(uintptr_t)entries;
    r->entries_count = count < 4096 ? count : 4096;
}

/* The age that is told is that of `commit`, which may be older than all that is here. */
static void pull_proofs(struct node *n, const struct peer *p, struct wire_pull_response *r) {
    const struct checkpoint *newest = node_checkpoint_newest(n), *state = node_checkpoint_state(n);
    if (newest == NULL)
        return;
    r->commit = newest->index;
    if (newest->index < n->applied_index)
        r->age_ms = n->proofs.newest_fresh_us != 0
                        ? (uint64_t)((n->now_us - n->proofs.newest_fresh_us) / US_PER_MS)
                        : AGE_MAX_MS;
    struct checkpoint_out *out = arena_alloc(&n->scratch, 2 * sizeof *out);
    checkpoint_out(newest, &out[0]);
    r->checkpoint = &out[0].wire;
    if (state != NULL && state->index > p->pull_state_index) {
        checkpoint_out(state, &out[1]);
        r->state = &out[1].wire;
    }
    node_handovers_out(n, p->pull_voters_index, r);
}

static void pull_answer(struct node *n, struct peer *p) {
    struct wire_snapshot_chunk chunk;
    struct wire_admin_freshness fresh;
    node_freshness(n, &fresh);
    struct wire_pull_response r = {
        .prev_index = p->pull_next - 1,
        .prev_term = p->pull_term,
        .asked_us = p->pull_asked_us,
        .commit = raft_commit_index(n->raft),
        .term = raft_term(n->raft),
        .age_ms = fresh.isolated && fresh.age_ms < AGE_MAX_MS ? AGE_MAX_MS : fresh.age_ms,
        .depth = raft_role(n->raft) == RAFT_LEARNER ? (n->pick.depth > 0 ? n->pick.depth : 1) : 0,
    };
    (void)node_leader_id(n, &r.leader);
    if (!ID_IS_ZERO(p->pull_voter)) {
        r.refused = pull_refuses(n, p); /* it takes nothing else from the answer */
    } else {
        bool news = pull_has_news(n, p);
        p->pull_fetches = false;
        pull_proofs(n, p, &r);
        if (news && p->pull_reseed)
            pull_snapshot(n, p, &r, &chunk);
        else if (news)
            pull_entries(n, p, &r, &chunk, node_checkpoint_newest(n));
    }
    p->pull_next = 0;
    node_peer_send(n, p->id, &(struct wire_peer_message){.pull_response = &r});
}

void node_pull_request(struct node *n, struct node_id from, const struct wire_pull_request *request) {
    if (request->next == 0)
        return;
    struct peer *p = node_peer(n, from, true);
    p->pull_next = request->next;
    p->pull_term = request->term;
    p->pull_snapshot = request->snapshot_index;
    p->pull_offset = request->offset;
    p->pull_asked_us = request->asked_us;
    p->pull_since_us = n->now_us;
    p->pull_voter = request->voter;
    p->pull_voters_index = request->voters_index;
    p->pull_state_index = request->state_index;
    p->pull_reseed = request->reseed;
    p->pull_wrong = request->wrong;
    if (ID_IS_ZERO(request->voter)) {
        struct wire_pull_response r = {.prev_index = request->next - 1};
        if (request->reseed && !node_vouches(n))
            pull_busy(n, p, &r);
        else
            pull_admit(n, p, request->next, request->stranded);
        return;
    }
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
    /* Somebody waits, perhaps for an index that is not signed yet. */
    return at != TIME_NEVER_US ? min_us(at, node_checkpoint_deadline(n)) : at;
}
