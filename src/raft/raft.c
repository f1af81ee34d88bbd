/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * raft: the replicated log, after Ongaro's thesis (Consensus: bridging theory and practice, 2014). Section
 * numbers without another name are the thesis's.
 *
 * What is here, by file:
 *   election.c   terms, pre-votes and votes (3.4, 9.6), stickiness, going back to following
 *   append.c     replication, commit, answers (3.5, 3.6, 10.2.1)
 *   progress.c   each follower as its leader sees it; who is heard, who confirmed which round
 *   config.c     joint consensus (4.3) for every change
 *   snapshot.c   snapshots in chunks (5)
 *   read.c       reads without the log (6.4)
 *   fresh.c      how old the copy here is, for reads that do not ask
 *   transfer.c   leadership handed over (3.10)
 *   pull.c       learners that take committed entries from anybody
 *   persist.c    tickets: what is written and what that proves
 *   log.c        the entries in memory
 *   effect.c     what waits to be drained
 *
 * What is implemented, and from where:
 *   elections    pre-votes (9.6); stickiness and CheckQuorum (6.2, 4.2.3; etcd); a vote is durable before it
 *                is told; handing over with TimeoutNow (3.10); a detector's word that the leader is dead
 *                (etcd's ForgetLeader)
 *   the log      entries of the own term alone are committed by counting (3.6.2); an entry without content
 *                begins each term (6.4); the leader writes while it sends, and its own match is what is
 *                durable (10.2.1); group commit without a timer (10.2.2); refusals name (index, term) and
 *                both sides skip whole terms (3.5, etcd's probe); each follower is in PROBE, REPLICATE or
 *                SNAPSHOT, with limits by count and bytes of what is under way; proposals beyond a bound of
 *                uncommitted bytes are refused
 *   reads        ReadIndex (6.4) by rounds that the leader counts; all that wait share a round
 *   voters       joint consensus (4.3) for every change, none before an entry of the leader's own term is
 *                committed; learners, which are sent the log but never counted, and which vote when asked;
 *                a newcomer is caught up first (4.2.1); a removed leader hands over, a removed voter stands
 *                until its removal is committed (4.2.2)
 *   snapshots    in chunks that go on where they stopped (5); entries kept behind them by count and bytes
 * Not here: leases for reads (6.4.1), as clocks would have to be trusted; sessions of clients (6.3), which
 * are the state machine's; proposals forwarded by followers, which node does.
 *
 * What differs from the thesis, and why:
 *
 * 1. A leader that has not heard a majority for the longest election timeout that a follower may draw steps
 *    down, and a node that heard a leader within the shortest one ignores votes (CheckQuorum and its lease in
 *    etcd's raft). Both are needed: with pre-votes alone, links that fail one way can keep a cluster without
 *    a leader (the outage of 2020 that Cloudflare described). Neither is relied on for safety: reads are
 *    confirmed by rounds, never by clocks.
 * 2. With these, a node whose term ran ahead would never be let in again, since the leader's messages look
 *    old to it and its own requests are ignored: so it answers an old message with its own term, the leader
 *    steps down, and all meet in a new term (etcd's unstick rule).
 * 3. Disk writes are asynchronous (10.2.1, etcd's async storage writes): see covey/raft.h for tickets.
 *    Entries may be committed and applied before they are durable here, when a majority has them. Votes are
 *    never told before they are durable, and requests for votes leave only after our own vote is.
 * 4. Every change of the configuration is joint, and waits for an entry of the leader's term to be committed.
 *    A voter that is removed goes on being sent to until it knows; a leader that is removed hands over when
 *    C_new is committed.
 * 5. Snapshots never replace entries that follow from them.
 * 6. An outside detector may say that the leader's host is dead: its followers forget it and ask for
 *    pre-votes at once.
 * 7. A voter that reports less than it acknowledged in the same term lost its disk's memory. Its answers, and
 *    silence, no longer count for this leader, which says so (RAFT_REFUSED); a new life of that disk has a
 *    new raft id. The leader recognises it by rounds: a report that answers a message which left after the
 *    acknowledgement came.
 *
 * Time enters with each input only. Randomness is in the election timeouts alone, from a generator seeded by
 * the options and the raft id, so that voters which were given the same seed do not stand at the same moment.
 */
#include <covey/codec.h>

#include "internal.h"

const char *raft_role_str(enum raft_role role) {
    static const char *const names[] = {"learner", "follower", "pre-candidate", "candidate", "leader"};
    assert(role <= RAFT_LEADER);
    return names[role];
}

const char *raft_refusal_str(enum raft_refusal refusal) {
    static const char *const texts[] = {
        [RAFT_FORGOT] = "forgot what it acknowledged",
        [RAFT_GIVEN_UP] = "is no longer counted: it gives its log up",
        [RAFT_DIVERGED] = "contradicts what is committed",
    };
    assert(refusal < sizeof texts / sizeof texts[0] && texts[refusal] != NULL);
    return texts[refusal];
}

/* ---- life ---------------------------------------------------------------------------------------------- */

static void options_default(struct raft_options *o) {
    if (o->heartbeat_us <= 0)
        o->heartbeat_us = HEARTBEAT_US;
    if (o->election_min_us <= 0)
        o->election_min_us = ELECTION_MIN_US;
    if (o->inflight_max == 0)
        o->inflight_max = INFLIGHT_MAX;
    if (o->inflight_bytes_max == 0)
        o->inflight_bytes_max = INFLIGHT_BYTES_MAX;
    if (o->message_bytes_max == 0)
        o->message_bytes_max = MESSAGE_BYTES_MAX;
    if (o->uncommitted_bytes_max == 0)
        o->uncommitted_bytes_max = UNCOMMITTED_BYTES_MAX;
    if (o->trailing_entries == 0)
        o->trailing_entries = TRAILING_ENTRIES;
    if (o->trailing_bytes == 0)
        o->trailing_bytes = TRAILING_BYTES;
}

/* FNV-1a (Fowler, Noll, Vo) over the id. */
static uint64_t seed_of(const struct raft_options *o) {
    uint8_t id[sizeof o->self];
    memcpy(id, &o->self, sizeof id);
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < sizeof id; i++)
        hash = (hash ^ id[i]) * UINT64_C(0x100000001b3);
    return o->seed ^ hash;
}

/*
 * Do the entries follow from the snapshot, or one another up to it? If they end before it or contradict it:
 * false.
 */
static bool restored_fits(const struct raft_restored *s) {
    uint64_t first = s->entries[0].index, last = first + s->entries_count - 1;
    if (last < s->snapshot_index)
        return false;
    return s->snapshot_index < first || s->entries[s->snapshot_index - first].term == s->snapshot_term;
}

static bool restored_valid(const struct raft_restored *s) {
    if (s->snapshot_index > 0 && !raft_conf_valid(&s->snapshot_config))
        return false;
    if (s->entries_count == 0)
        return true;
    const struct wire_raft_entry *first = &s->entries[0];
    assert(first->index > 0);
    return first->index <= s->snapshot_index + 1 &&
           raft_entries_valid(s->entries, s->entries_count, first->index - 1, first->term, TERM_MAX);
}

static void restore_entry(struct raft *r, const struct wire_raft_entry *e, uint64_t snapshot_index) {
    raft_log_push(&r->log, e);
    struct raft_conf conf;
    if (e->kind != ENTRY_KIND_CONFIG || e->index <= snapshot_index)
        return;
    int err = raft_conf_decode(e->data, e->index, &conf);
    assert(err == 0);
    raft_conf_push(r, &conf);
}

static void restore_log(struct raft *r, const struct raft_restored *s) {
    struct raft_conf base;
    raft_conf_set(&base, &s->snapshot_config, s->snapshot_index);
    raft_conf_push(r, &base);
    r->log.base_index = s->snapshot_index;
    r->log.base_term = s->snapshot_term;
    if (s->entries_count == 0 || !restored_fits(s)) {
        /* Also an empty log need not be one that goes on behind this snapshot. */
        r->reset_due = s->snapshot_index > 0;
        return;
    }
    size_t skip = 0;
    if (s->entries[0].index <= s->snapshot_index) {
        /*
         * The term before the first entry is not known, unless that is the very first: so it serves as the
         * base.
         */
        skip = s->entries[0].index == 1 ? 0 : 1;
        r->log.base_index = skip ? s->entries[0].index : 0;
        r->log.base_term = skip ? s->entries[0].term : 0;
    }
    for (size_t i = skip; i < s->entries_count; i++)
        restore_entry(r, &s->entries[i], s->snapshot_index);
}

static void restore_hard(struct raft *r, const struct raft_restored *s) {
    uint64_t last = raft_log_last(&r->log), last_term = raft_log_last_term(&r->log);
    r->term = s->hard.term;
    r->vote = s->hard.vote;
    r->hard_commit = s->hard.commit;
    if (last_term > r->term) {
        r->term = last_term;
        memset(&r->vote, 0, sizeof r->vote);
        r->hard_dirty = true;
    }
    r->commit = s->hard.commit < last ? s->hard.commit : last;
    if (r->commit < s->snapshot_index)
        r->commit = s->snapshot_index;
    r->applied = s->snapshot_index;
}

struct raft *raft_new(const struct raft_options *options, const struct raft_restored *restored,
                      int64_t now_us) {
    struct raft_restored nothing = {0};
    const struct raft_restored *s = restored ? restored : &nothing;
    if (!restored_valid(s))
        return NULL;
    struct raft *r = mem_alloc(sizeof *r);
    r->options = *options;
    options_default(&r->options);
    r->now_us = now_us;
    prng_init(&r->prng, seed_of(&r->options));
    restore_log(r, s);
    restore_hard(r, s);
    r->handed = r->stable = raft_log_last(&r->log);
    r->was_voter = raft_conf_has(raft_conf_at(r, r->commit), &r->options.self);
    r->role = raft_may_campaign(r) ? RAFT_FOLLOWER : RAFT_LEARNER;
    raft_timer_reset(r);
    if (raft_sole_voter(r))
        r->election_at_us = now_us; /* nobody to wait for */
    r->told_role = r->role;
    r->told_term = r->term;
    return r;
}

void raft_free(struct raft *r) {
    if (!r)
        return;
    raft_peers_clear(r);
    raft_conf_done(r);
    raft_effects_done(r);
    raft_log_restart(&r->log, 0, 0);
    VEC_DONE(&r->votes);
    VEC_DONE(&r->reads);
    mem_free(r);
}

static void time_set(struct raft *r, int64_t now_us) { r->now_us = now_us > r->now_us ? now_us : r->now_us; }

int raft_bootstrap(struct raft *r, int64_t now_us) {
    if (raft_log_last(&r->log) > 0 || r->term > 0)
        return ERR_EXISTS;
    time_set(r, now_us);
    r->term = 1;
    r->hard_dirty = true;
    struct raft_id self = r->options.self;
    struct wire_raft_config config = {.voters = &self, .voters_count = 1};
    struct buf data = {0};
    codec_encode(&wire_raft_config_type, &config, &data);
    struct wire_raft_entry entry = {
        .index = 1, .term = 1, .kind = ENTRY_KIND_CONFIG, .data = buf_bytes(&data)};
    raft_append(r, &entry);
    buf_done(&data);
    raft_campaign(r);
    raft_settle(r);
    return 0;
}

/* ---- inputs -------------------------------------------------------------------------------------------- */

/* What a leader owes after any input, in this order: what was decided decides what is sent. */
static void lead_settle(struct raft *r) {
    raft_commit_advance(r);
    raft_conf_leave_joint(r);
    raft_fresh_settle(r);
    raft_reads_settle(r);
    raft_transfer_settle(r);
    raft_flush(r);
    const struct raft_conf *now = raft_conf_now(r);
    if (now->index <= r->commit && !raft_conf_has(now, &r->options.self)) {
        MARK(r, REMOVED_LEADER);
        raft_hand_over(r);
        raft_resign(r);
    }
}

void raft_settle(struct raft *r) {
    if (r->role == RAFT_LEADER)
        lead_settle(r);
    raft_tell_role(r);
}

/* A leader is never the first to lose patience: it waits as long as the most patient follower. */
static int64_t quorum_deadline(const struct raft *r) {
    return raft_quorum_heard(r) + 2 * r->options.election_min_us;
}

static void tick(struct raft *r) {
    if (r->role != RAFT_LEADER) {
        if (r->now_us >= raft_deadline(r))
            raft_campaign(r);
        return;
    }
    if (r->now_us >= quorum_deadline(r)) {
        MARK(r, QUORUM_LOST);
        raft_resign(r);
        return;
    }
    if (r->transfer && r->now_us >= r->transfer_until_us) {
        MARK(r, TRANSFER_ABORTED);
        r->transfer = false;
    }
    if (r->now_us >= r->heartbeat_at_us)
        raft_heartbeat(r);
}

static bool message_ours(const struct raft *r, const struct wire_raft_message *m) {
    return !r->disk_failed && m->generation == r->options.generation &&
           ID_EQUAL(m->recovery, r->options.recovery) && raft_id_equal(&m->to, &r->options.self) &&
           !raft_id_equal(&m->from, &r->options.self) && m->term > 0 && m->term <= TERM_MAX;
}

static void answer(struct raft *r, const struct wire_raft_message *m) {
    if (!raft_peer_find(r, &m->from) && !raft_conf_has(raft_conf_now(r), &m->from))
        return;
    /* A granted pre-vote bears the term that would be used, which nobody has. */
    bool would = m->vote_response && m->vote_response->pre && m->vote_response->granted;
    if (m->term > r->term && !would) {
        if (r->role == RAFT_LEADER)
            MARK(r, UNSTUCK);
        raft_follow(r, m->term, NULL);
        return;
    }
    if (m->vote_response)
        raft_vote_response(r, m);
    else if (m->append_response)
        raft_append_response(r, m);
    else if (m->snapshot_response)
        raft_snapshot_response(r, m);
}

static void message(struct raft *r, const struct wire_raft_message *m) {
    if (!message_ours(r, m))
        return;
    if (m->vote_request)
        raft_vote_request(r, m);
    else if (m->append_request)
        raft_append_request(r, m);
    else if (m->snapshot_chunk)
        raft_snapshot_chunk(r, m);
    else if (m->timeout_now)
        raft_timeout_now(r, m);
    else
        answer(r, m);
}

/* What only a leader takes. */
static bool for_leader(enum raft_input_kind kind) {
    return kind == RAFT_PROPOSE || kind == RAFT_TRACK || kind == RAFT_UNTRACK || kind == RAFT_CHANGE_VOTERS ||
           kind == RAFT_READ || kind == RAFT_TRANSFER;
}

static int input_take(struct raft *r, const struct raft_input *in) {
    if (for_leader(in->kind) && r->role != RAFT_LEADER)
        return ERR_NOT_LEADER;
    switch (in->kind) {
    case RAFT_TICK: tick(r); return 0;
    case RAFT_MESSAGE: message(r, in->message); return 0;
    case RAFT_PERSISTED: raft_persisted(r, in->ticket); return 0;
    case RAFT_DISK_FAILED: raft_disk_failed(r); return 0;
    case RAFT_PROPOSE: return raft_propose(r, in->data, in->quiet);
    case RAFT_TRACK: return raft_track(r, &in->peer);
    case RAFT_UNTRACK: return raft_untrack(r, &in->peer);
    case RAFT_REFUSE: return raft_refuse(r, &in->peer);
    case RAFT_CHANGE_VOTERS: return raft_change_voters(r, in->voters, in->voters_count);
    case RAFT_READ: return raft_read(r, in->context);
    case RAFT_TRANSFER: return raft_transfer(r, &in->peer);
    case RAFT_LEADER_DEAD: raft_leader_dead(r, &in->peer.node); return 0;
    case RAFT_SNAPSHOT_TAKEN: return raft_snapshot_taken(r, in->index);
    case RAFT_SNAPSHOT_CHUNK_READ: raft_snapshot_read(r, &in->peer, in->snapshot); return 0;
    case RAFT_INSTALLED: return raft_installed(r, in->index);
    case RAFT_UNREADABLE: return raft_unreadable(r);
    case RAFT_PULLED: return raft_pulled(r, in->pulled);
    }
    return ERR_INVALID;
}

int raft_feed(struct raft *r, int64_t now_us, const struct raft_input *input) {
    time_set(r, now_us);
    int err = input_take(r, input);
    if (!input->more || input->kind != RAFT_PROPOSE)
        raft_settle(r);
    return err;
}

int64_t raft_deadline(const struct raft *r) {
    if (r->role != RAFT_LEADER)
        return raft_may_campaign(r) ? r->election_at_us : TIME_NEVER_US;
    if (r->peers.count == 0)
        return TIME_NEVER_US;
    int64_t at = quorum_deadline(r);
    if (r->heartbeat_at_us < at)
        at = r->heartbeat_at_us;
    for (size_t i = 0; i < r->peers.count; i++) {
        int64_t news_at_us = r->peers.data[i]->news_at_us;
        if (news_at_us != 0 && news_at_us < at)
            at = news_at_us;
    }
    return r->transfer && r->transfer_until_us < at ? r->transfer_until_us : at;
}

/* ---- getters ------------------------------------------------------------------------------------------- */

struct raft_id raft_self(const struct raft *r) {
    return r->options.self;
}
enum raft_role raft_role(const struct raft *r) { return r->role; }
uint64_t raft_term(const struct raft *r) { return r->term; }
uint64_t raft_commit_index(const struct raft *r) { return r->commit; }
uint64_t raft_last_index(const struct raft *r) { return raft_log_last(&r->log); }
uint64_t raft_first_index(const struct raft *r) { return r->log.base_index + 1; }
uint64_t raft_term_at(const struct raft *r, uint64_t index) { return raft_log_term(&r->log, index); }
const struct wire_raft_config *raft_config_now(const struct raft *r) { return &raft_conf_now(r)->wire; }
const struct wire_raft_config *raft_config_at(const struct raft *r, uint64_t index) {
    return &raft_conf_at(r, index)->wire;
}

bool raft_leader(const struct raft *r, struct raft_id *ret_leader) {
    if (r->leader_known)
        *ret_leader = r->leader;
    return r->leader_known;
}

bool raft_leader_ready(const struct raft *r) { return r->role == RAFT_LEADER && r->commit >= r->term_start; }

bool raft_is_voter(const struct raft *r, const struct raft_id *id) {
    return raft_conf_has(raft_conf_now(r), id);
}

int64_t raft_contact_us(const struct raft *r) {
    return r->role == RAFT_LEADER ? raft_quorum_heard(r) : r->leader_heard_us;
}

int64_t raft_fresh_us(const struct raft *r) { return r->fresh_us; }

bool raft_progress(const struct raft *r, const struct raft_id *peer, struct raft_progress_view *ret) {
    const struct raft_peer *p = raft_peer_find(r, peer); /* only a leader has any */
    if (!p)
        return false;
    *ret = (struct raft_progress_view){
        .match_index = p->match,
        .heard_us = p->heard_us,
        .caught_up = raft_peer_caught_up(r, p),
        .snapshot = p->state == PEER_SNAPSHOT,
        .refused = p->refused,
    };
    return true;
}

int raft_log_read(const struct raft *r, uint64_t first, size_t bytes_max,
                  const struct wire_raft_entry **ret_entries, size_t *ret_count) {
    if (first <= r->log.base_index)
        return ERR_NOT_FOUND;
    size_t bytes = 0;
    *ret_count = raft_log_fit(&r->log, first, r->commit, bytes_max, &bytes);
    *ret_entries = raft_log_at(&r->log, first);
    return 0;
}
