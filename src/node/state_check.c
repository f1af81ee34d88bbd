/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The same log must give the same state everywhere. A fault of memory or of this program may make it
 * otherwise, and nobody would notice: each host believes its own copy. So each hashes its state at the same
 * indices, and compares: hosts without a vote with what a voter signed, voters with one another.
 *
 * At which indices: every so many entries, a power of two that grows with the number of records, so that the
 * cost of an entry stays the same. Hosts whose states differ may take different steps; every larger step's
 * indices are among those of a smaller one.
 *
 *     without a vote   a voter signed another hash      -> says so; takes a snapshot of a voter's state and
 *                                                          applies its own log, which is proven, behind it
 *     voter            a majority told another hash     -> says so; hands its office over if it leads; asks
 *                                                          the leader whether its log can be spared, gives it
 *                                                          up when it may (learner.c), goes on as the above
 *                      one did, and no majority says    -> makes a state of its own snapshot and log. If that
 *                      which is right                      has the other's hash it is taken; else the two are
 *                                                          named to the operator, and neither vouches for its
 *                                                          own until one more voter has told
 *
 * Tasks are left alone meanwhile: that the state is wrong is no reason for anything to be stopped.
 */
#include "internal.h"

#define RECORDS_PER_ENTRY 8 /* hashed for an entry applied, on average */
#define CONFIRM_US        (5 * US_PER_S)
#define CONFIRM_NEXT_US   US_PER_S /* then a later one is tried */

static uint64_t state_step(const struct node *n) {
    const struct state *s = n->state;
    uint64_t records = state_records_count(s);
    uint64_t step = n->state_step;
    while (step < records / RECORDS_PER_ENTRY)
        step *= 2;
    return step;
}

static void state_differs(struct node *n, uint64_t index, const char *from_whom) {
    if (n->state_wrong != 0)
        return;
    n->state_wrong = index;
    node_mark(n, MARK_LEARN_STATE_DIFFERS);
    n->log_state = bytes_str(arena_printf(&n->options_arena,
                                          "the state here differs from %s at index %llu: it is taken anew",
                                          from_whom, (unsigned long long)index));
    node_event(n, "state.differs", n->identity.id, (struct instance_id){{0}}, "%.*s",
               BYTES_FMT(n->log_state));
    node_say(n, NODE_ERROR, "%.*s. Look at this host's memory. Tasks go on running", BYTES_FMT(n->log_state));
}

static const struct state_mark *mark_find(const struct node *n, uint64_t index) {
    const struct state_mark *m = &n->proofs.marks[(index / n->state_step) % STATE_MARKS];
    return m->index == index ? m : NULL;
}

/* ---- with what a voter signed -------------------------------------------------------------------------- */

void node_state_compare(struct node *n, const struct checkpoint *c) {
    const struct state_mark *own = mark_find(n, c->index);
    if (own == NULL || memcmp(own->hash, c->state, sizeof own->hash) == 0)
        return;
    struct buf who = {0};
    buf_printf(&who, "that of %.*s", BYTES_FMT(node_name_of(n, identity_node_id(&c->key))));
    if (raft_role(n->raft) == RAFT_LEARNER)
        state_differs(n, c->index, (const char *)who.data);
    buf_done(&who);
}

/* ---- voters among themselves --------------------------------------------------------------------------- */

static bool report_counts(const struct node *n, const struct state_told *t, uint64_t index) {
    return t->index == index && learn_voters_have(&n->proofs.voters, t->from);
}

/* Of the others. */
static size_t agreeing(const struct node *n, uint64_t index, const uint8_t hash[STATE_HASH_SIZE]) {
    size_t count = 0;
    for (size_t i = 0; i < STATE_TOLD; i++)
        count += report_counts(n, &n->proofs.told[i], index) &&
                 memcmp(n->proofs.told[i].hash, hash, STATE_HASH_SIZE) == 0;
    return count;
}

/* Somebody who told another hash than ours; NULL: nobody. */
static const struct state_told *contradicts(const struct node *n, uint64_t index,
                                            const uint8_t hash[STATE_HASH_SIZE]) {
    for (size_t i = 0; i < STATE_TOLD; i++)
        if (report_counts(n, &n->proofs.told[i], index) &&
            memcmp(n->proofs.told[i].hash, hash, STATE_HASH_SIZE) != 0)
            return &n->proofs.told[i];
    return NULL;
}

static void dispute_end(struct node *n) {
    if (n->proofs.dispute.said)
        node_event(n, "state.settled", n->identity.id, (struct instance_id){{0}},
                   "a majority of the voters has one state again");
    n->proofs.dispute = (struct dispute){0};
}

static void dispute_note(struct node *n, uint64_t index) {
    struct dispute *d = &n->proofs.dispute;
    if (d->index == 0)
        d->since_us = n->now_us;
    if (index > d->index)
        d->index = index;
}

/* Does a majority agree on another hash than ours? While the voters change nobody is judged. */
static void reports_judge(struct node *n, uint64_t index) {
    struct proofs *p = &n->proofs;
    const struct state_mark *own = mark_find(n, index);
    if (!node_vouches(n))
        p->dispute = (struct dispute){0};
    if (own == NULL || p->voters.next_count > 0 || !node_vouches(n))
        return;
    size_t majority = p->voters.count / 2 + 1;
    for (size_t i = 0; i < STATE_TOLD; i++)
        if (report_counts(n, &p->told[i], index) &&
            memcmp(p->told[i].hash, own->hash, sizeof own->hash) != 0 &&
            agreeing(n, index, p->told[i].hash) >= majority) {
            p->dispute = (struct dispute){0};
            state_differs(n, index, "that of a majority of the voters");
            return;
        }
    if (1 + agreeing(n, index, own->hash) < majority && contradicts(n, index, own->hash) != NULL)
        dispute_note(n, index);
    else if (1 + agreeing(n, index, own->hash) >= majority && index >= p->dispute.index)
        dispute_end(n);
}

void node_state_told(struct node *n, struct node_id from, const struct wire_state_report *r) {
    struct proofs *p = &n->proofs;
    if (r->state.size != STATE_HASH_SIZE || r->index == 0)
        return;
    for (size_t i = 0; i < STATE_TOLD; i++)
        if (p->told[i].index == r->index && ID_EQUAL(p->told[i].from, from))
            return;
    struct state_told *t = &p->told[p->told_next++ % STATE_TOLD];
    *t = (struct state_told){.from = from, .index = r->index};
    memcpy(t->hash, r->state.data, sizeof t->hash);
    reports_judge(n, r->index);
}

static void state_tell(struct node *n, uint64_t index, const uint8_t hash[STATE_HASH_SIZE]) {
    const struct learn_voters *v = &n->proofs.voters;
    struct wire_state_report r = {.index = index, .state = bytes_of(hash, STATE_HASH_SIZE)};
    for (size_t i = 0; i < v->count && n->swim != NULL; i++)
        if (!ID_EQUAL(v->ids[i].node, n->identity.id))
            node_peer_send(n, v->ids[i].node, &(struct wire_peer_message){.state_report = &r});
}

/*
 * A voter whose own state is wrong does not know it yet. So it vouches for a state only when another voter
 * has the same, or for long none has said otherwise.
 */
bool node_state_confirmed(const struct node *n, const struct checkpoint *c, int64_t since_us) {
    const struct proofs *p = &n->proofs;
    if (n->state_wrong != 0)
        return false;
    if (since_us == 0 || p->voters.count <= 1 || agreeing(n, c->index, c->state) > 0)
        return true;
    return n->now_us - since_us >= CONFIRM_US && p->dispute.index == 0 &&
           contradicts(n, c->index, c->state) == NULL;
}

static void state_offer(struct node *n, const struct checkpoint *at) {
    struct proofs *p = &n->proofs;
    bool waits = p->state.index != 0 && p->state_us != 0 && n->now_us - p->state_us < CONFIRM_NEXT_US &&
                 !node_state_confirmed(n, &p->state, p->state_us);
    if (waits)
        return;
    p->state = *at;
    p->state_us = n->now_us;
}

/* ---- after each entry ---------------------------------------------------------------------------------- */

/*
 * A snapshot takes the place of the one before, which with the log tells what is right when nothing else does
 * (dispute_look), and after a restart, when nobody remembers what the others told, it is what a voter vouches
 * for. So a voter that writes one of the very index that is being compared hears the others first: a fault of
 * its memory since the last comparison would go onto its disk, and from there to those that fetch. Where
 * none of them tells anything, and at an index at which the others do not compare, it is not waited for.
 */
static bool snapshot_confirmed(const struct node *n) {
    const struct copying *c = &n->copying;
    return !c->compared || !node_signs(n) || n->proofs.dispute.said ||
           node_state_confirmed(n, &c->at, c->whole_us);
}

/*
 * The state's bytes are at hand here: a snapshot is made of them when one is due. A host without a vote waits
 * a while for an index that a voter signed: only such a snapshot can be passed on.
 */
bool node_state_waits(struct node *n) {
    const struct checkpoint *at = &n->copying.at;
    bool proven = node_signs(n) || node_checkpoint_recent(n, at->index) != NULL;
    if (at->index <= n->snapshot_durable || !node_snapshot_due(n, proven ? 1 : 2))
        return false;
    if (snapshot_confirmed(n)) {
        node_snapshot_write(n);
        return false;
    }
    return contradicts(n, at->index, at->state) == NULL; /* else the next one, when that is settled */
}

int64_t node_state_waits_until(const struct node *n) { return n->copying.whole_us + CONFIRM_US; }

void node_state_applied(struct node *n, uint64_t term) {
    bool compared = n->applied_index % state_step(n) == 0;
    if (compared || node_snapshot_large(n))
        node_copy_begin(n, term, compared);
}

void node_state_copied(struct node *n) {
    const struct checkpoint *at = &n->copying.at;
    struct state_mark *m = &n->proofs.marks[(at->index / n->state_step) % STATE_MARKS];
    m->index = at->index;
    memcpy(m->hash, at->state, sizeof m->hash);
    const struct checkpoint *c = node_checkpoint_recent(n, at->index);
    if (c != NULL)
        node_state_compare(n, c);
    if (node_vouches(n)) {
        state_offer(n, at);
        state_tell(n, at->index, m->hash);
    }
    reports_judge(n, at->index);
}

/* ---- another state in the place of a wrong one --------------------------------------------------------- */

/* Is one asked for? Not while one that came waits until the log here has reached its index. */
bool node_reseeds(const struct node *n) {
    bool may = raft_role(n->raft) == RAFT_LEARNER || n->wrong_log_given_up;
    return n->state_wrong != 0 && may && !n->reseed_waits;
}

/* The own log behind the snapshot, which the chain has proven. */
static bool replay(struct node *n, struct state *s, uint64_t until) {
    while (state_index(s) < until) {
        const struct wire_raft_entry *entries;
        size_t count;
        if (raft_log_read(n->raft, state_index(s) + 1, PULL_BYTES_MAX, &entries, &count) != 0)
            return false;
        for (size_t i = 0; i < count && state_index(s) < until; i++) {
            struct wire_command command;
            struct state_result result;
            struct codec_fault fault;
            bool decoded =
                entries[i].kind == ENTRY_KIND_COMMAND &&
                codec_decode(&wire_command_type, entries[i].data, &n->scratch, &command, &fault) == 0;
            state_apply(s, entries[i].index, decoded ? &command : NULL, &result);
        }
    }
    return true;
}

/* Another state is in its place, by whatever way. */
void node_state_righted(struct node *n) {
    if (n->state_wrong == 0)
        return;
    memset(n->proofs.marks, 0, sizeof n->proofs.marks);
    n->state_wrong = 0;
    n->wrong_log_given_up = n->reseed_waits = false;
    buf_clear(&n->reseed);
    n->log_state = bytes_str("ok");
    node_mark(n, MARK_LEARN_STATE_RESEEDED);
    node_event(n, "state.taken", n->identity.id, (struct instance_id){{0}},
               "the state here was taken anew, as of index %llu", (unsigned long long)n->applied_index);
}

static void state_replace(struct node *n, struct state *s) {
    struct state *before = n->state;
    node_copy_stop(n);
    n->state = s;
    node_apply_replaced(n, before);
    state_free(before);
    node_state_righted(n);
    node_snapshot_now(n);
    node_apply_changes(n);
}

/* A whole snapshot is in n->reseed, and n->reseed_proof is a voter's word on it. */
static void reseed_end(struct node *n) {
    const struct checkpoint *proof = &n->reseed_proof;
    n->reseed_waits = proof->index > n->applied_index;
    if (n->reseed_waits)
        return;
    uint8_t hash[STATE_HASH_SIZE];
    state_bytes_hash(buf_bytes(&n->reseed), hash);
    bool proven = memcmp(hash, proof->state, sizeof hash) == 0;
    uint32_t format = 0;
    struct state *s = proven ? node_state_of(n, buf_bytes(&n->reseed), proof->index, &format) : NULL;
    buf_clear(&n->reseed);
    if (!proven)
        node_learner_lied(n, n->pull_from, "sent a snapshot that is not what a voter signed");
    else if (s == NULL)
        node_snapshot_unreadable(n, proof->index, hash, format);
    if (s == NULL)
        return;
    if (!replay(n, s, n->applied_index)) {
        state_free(s);
        return; /* the log here does not begin so early: another one */
    }
    state_replace(n, s);
}

void node_reseed_tick(struct node *n) {
    if (n->reseed_waits && n->snapshot_ticket == 0)
        reseed_end(n);
}

void node_reseed_chunk(struct node *n, const struct wire_snapshot_chunk *c, const struct checkpoint *proof) {
    if (n->snapshot_ticket != 0)
        return; /* the one under way is of the wrong state, and has to be over first */
    bool same = n->reseed_proof.index == proof->index &&
                memcmp(n->reseed_proof.state, proof->state, sizeof proof->state) == 0;
    if (c->offset == 0) {
        buf_clear(&n->reseed);
        n->reseed_proof = *proof;
        same = true;
    }
    if (!same || c->offset != n->reseed.size || c->total_size > WIRE_STATE_MAX ||
        c->data.size > c->total_size - c->offset) {
        buf_clear(&n->reseed);
        return;
    }
    buf_append(&n->reseed, c->data.data, c->data.size);
    if (n->reseed.size == c->total_size)
        reseed_end(n);
}

/* ---- two states, and no majority ----------------------------------------------------------------------- */

/*
 * A fault of this host's memory came after its last snapshot, or is in that, too. What snapshot and log give
 * is a word of its own: when it is what the other voter told, two are right that know nothing of one another.
 */
static struct state *state_again(struct node *n, uint64_t index) {
    uint64_t base = n->snapshot_head.index;
    uint32_t format;
    struct state *s = base > 0 ? node_state_of(n, n->snapshot_bytes, base, &format) : state_new();
    if (s != NULL && base <= index && replay(n, s, index))
        return s;
    state_free(s);
    return NULL;
}

static void dispute_say(struct node *n, const char *what) {
    uint64_t index = n->proofs.dispute.index;
    const struct state_told *other = contradicts(n, index, mark_find(n, index)->hash);
    const char *text = arena_printf(&n->scratch,
                                    "%.*s has another state than this host at index %llu, and no majority "
                                    "tells which is right; %s",
                                    BYTES_FMT(node_name_of(n, other->from)), (unsigned long long)index, what);
    node_mark(n, MARK_LEARN_STATE_DISPUTED);
    node_event(n, "state.disputed", other->from, (struct instance_id){{0}}, "%s", text);
    node_say(n, NODE_ERROR, "%s. Look at the memory of both hosts. Tasks go on running", text);
}

static void dispute_look(struct node *n) {
    uint64_t index = n->proofs.dispute.index;
    uint8_t hash[STATE_HASH_SIZE];
    struct buf bytes = {0};
    struct state *s = state_again(n, index);
    if (s == NULL) {
        dispute_say(n, "this host's log does not go back far enough to tell");
        return;
    }
    state_snapshot(s, &bytes);
    state_bytes_hash(buf_bytes(&bytes), hash);
    buf_done(&bytes);
    if (agreeing(n, index, hash) > 0 && replay(n, s, n->applied_index)) {
        n->proofs.dispute = (struct dispute){0};
        n->proofs.state = (struct checkpoint){0};
        state_differs(n, index, "what its own snapshot and log give, and another voter has,");
        state_replace(n, s);
        return;
    }
    state_free(s);
    bool same = memcmp(hash, mark_find(n, index)->hash, sizeof hash) == 0;
    dispute_say(n, same ? "this host's own snapshot and log give what it has"
                        : "this host's own snapshot and log give yet another");
}

static bool dispute_waits(const struct node *n) {
    const struct dispute *d = &n->proofs.dispute;
    return d->index != 0 && !d->said && !node_snapshot_busy(n);
}

int64_t node_dispute_deadline(const struct node *n) {
    return dispute_waits(n) ? n->proofs.dispute.since_us + CONFIRM_US : TIME_NEVER_US;
}

/* The third may only be slow: it is given the time in which a state is vouched for. */
void node_dispute_tick(struct node *n) {
    struct dispute *d = &n->proofs.dispute;
    if (!dispute_waits(n) || n->now_us < node_dispute_deadline(n))
        return;
    const struct state_mark *own = mark_find(n, d->index);
    if (own == NULL || !node_vouches(n) || contradicts(n, d->index, own->hash) == NULL) {
        *d = (struct dispute){0}; /* overtaken by events: the next index tells anew */
        return;
    }
    d->said = true;
    dispute_look(n);
}
