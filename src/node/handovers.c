/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * How those who vote today came to vote, for a host that knows only those of yesterday: a handover is a
 * voter's word on who votes as of an index, and leads on whoever knew that this one voted.
 *
 * A voter signs each change when it applies it, sends its word to all voters of that moment, and keeps it on
 * its disk. Each of these may fail: the message is lost, the disk is, or the voter had none of it because it
 * was made before it came. So
 *   - of each signer the newest is kept. It leads from wherever an earlier one did, and farther; so nothing
 *     is lost with those that it takes the place of, and there is room for as many hosts as ever had a vote,
 *     and not for a number of changes;
 *   - a voter that has not signed since the voters changed last signs where the log is now, with who votes
 *     there. One voter that is still the same is enough to lead over all changes between;
 *   - who has no vote any more signs once more, when it knows who has: it may have learnt that from a
 *     snapshot, long after those to whom its vote went had lost theirs, and left;
 *   - voters, and hosts whose word is kept, compare what they have with another voter, in turn. So what a
 *     former voter alone still has comes to those whom a stranger would ask.
 *
 * To be kept is not to be believed: each host follows from those that it knows itself (learn_voters_follow).
 * But there is room for few, so nobody may fill it with words of hosts that never had a vote: from one that
 * has no vote only those of hosts are taken that are known here to have had one.
 *
 * Where all whose word would lead on are gone for good, before anybody got it, nothing can be proven to who
 * was away any more. It says so, and that it has to join anew.
 */
#include <sodium.h>

#include "internal.h"

#define HANDOVERS_ASK_US  (10 * US_PER_S)
#define VOTED_MAX         256u
#define UNKNOWN_SAY_US    (60 * US_PER_S) /* by then all others were asked, or as good as all */
#define UNKNOWN_REPEAT_US (600 * US_PER_S)
#define DIGEST_SIZE       16

/* ---- who ever had a vote ------------------------------------------------------------------------------ */

static bool has_voted(const struct node *n, struct node_id id) {
    for (size_t i = 0; i < n->proofs.voted.count; i++)
        if (ID_EQUAL(n->proofs.voted.data[i], id))
            return true;
    return false;
}

static void voted_add(struct node *n, struct node_id id) {
    struct proofs *p = &n->proofs;
    if (has_voted(n, id))
        return;
    if (p->voted.count >= VOTED_MAX)
        VEC_REMOVE(&p->voted, 0);
    VEC_PUSH(&p->voted, id);
}

void node_voted_note(struct node *n, const struct learn_voters *v) {
    for (size_t i = 0; i < v->count; i++)
        voted_add(n, v->ids[i].node);
    for (size_t i = 0; i < v->next_count; i++)
        voted_add(n, v->next[i].node);
}

/* ---- what is kept ------------------------------------------------------------------------------------- */

static bool same_key(const struct checkpoint *a, const struct checkpoint *b) {
    return memcmp(&a->key, &b->key, sizeof a->key) == 0;
}

static bool is_later(const struct checkpoint *a, const struct checkpoint *b) {
    return a->generation != b->generation ? a->generation > b->generation : a->index > b->index;
}

/* Is there room for it, or a need of it? */
static bool is_news(const struct node *n, const struct checkpoint *c) {
    const struct proofs *p = &n->proofs;
    for (size_t i = 0; i < p->handovers.count; i++)
        if (same_key(&p->handovers.data[i], c))
            return is_later(c, &p->handovers.data[i]);
    return p->handovers.count < WIRE_HANDOVERS_MAX || is_later(c, &p->handovers.data[0]);
}

/* In an order that does not depend on what came first: two that have the same have the same digest. */
static void handover_keep(struct node *n, const struct checkpoint *c) {
    struct proofs *p = &n->proofs;
    if (!is_news(n, c))
        return;
    for (size_t i = p->handovers.count; i-- > 0;)
        if (same_key(&p->handovers.data[i], c))
            VEC_REMOVE(&p->handovers, i);
    if (p->handovers.count >= WIRE_HANDOVERS_MAX)
        VEC_REMOVE(&p->handovers, 0);
    size_t at = p->handovers.count;
    while (at > 0 && (is_later(&p->handovers.data[at - 1], c) ||
                      (!is_later(c, &p->handovers.data[at - 1]) &&
                       memcmp(&p->handovers.data[at - 1].key, &c->key, sizeof c->key) > 0)))
        at--;
    VEC_INSERT(&p->handovers, at, *c);
    voted_add(n, identity_node_id(&c->key));
    node_voted_note(n, &c->voters);
}

/* Of this log. */
static bool handover_in(const struct node *n, const struct wire_checkpoint *in, struct checkpoint *ret) {
    return checkpoint_in(in, ret) == 0 && ret->has_voters && ret->generation == n->cluster.generation &&
           ID_EQUAL(ret->recovery, n->cluster.recovery);
}

/* Those of hosts that are known to have had a vote; each may make more such hosts known. */
static void handovers_keep(struct node *n, const struct checkpoint *list, size_t count, bool trusted) {
    bool again = true;
    while (again) {
        again = false;
        for (size_t i = 0; i < count; i++) {
            const struct checkpoint *c = &list[i];
            if ((!trusted && !has_voted(n, identity_node_id(&c->key))) || !is_news(n, c) ||
                !checkpoint_signed(c))
                continue;
            handover_keep(n, c);
            n->table_dirty = true; /* the signer may be gone when this host is back */
            again = true;
        }
    }
}

static struct checkpoint *handovers_in(struct node *n, const struct wire_checkpoint *in, size_t count,
                                       size_t *ret_count) {
    struct checkpoint *list = arena_alloc(&n->scratch, (count + 1) * sizeof *list);
    *ret_count = 0;
    for (size_t i = 0; i < count; i++)
        *ret_count += handover_in(n, &in[i], &list[*ret_count]);
    return list;
}

/* Those that lead from voters known here to later ones, and what else those signed. */
void node_handovers_take(struct node *n, const struct wire_checkpoint *in, size_t count) {
    size_t good;
    struct checkpoint *list = handovers_in(n, in, count, &good);
    if (learn_voters_follow(&n->proofs.voters, list, good) > 0) {
        node_mark(n, MARK_LEARN_HANDED_OVER);
        node_voted_note(n, &n->proofs.voters);
        n->table_dirty = true;
    }
    handovers_keep(n, list, good, false);
}

/* ---- signing ------------------------------------------------------------------------------------------ */

static struct checkpoint handover_make(struct node *n, uint64_t index, uint64_t term) {
    struct checkpoint c = node_checkpoint_here(n, term);
    c.index = index;
    c.has_voters = true;
    c.voters = n->proofs.voters;
    checkpoint_sign(&c, &n->identity);
    handover_keep(n, &c);
    n->table_dirty = true;
    return c;
}

/* The entry is about to be applied: the word is on the log up to it. */
void node_handover_sign(struct node *n, uint64_t index, uint64_t term) {
    struct checkpoint c = handover_make(n, index, term);
    if (n->swim == NULL)
        return; /* at the start: whoever needs it was told by the last run, or asks */
    struct checkpoint_out out;
    checkpoint_out(&c, &out);
    for (size_t i = 0; i < c.voters.count + c.voters.next_count; i++) {
        struct node_id id =
            i < c.voters.count ? c.voters.ids[i].node : c.voters.next[i - c.voters.count].node;
        if (!ID_EQUAL(id, n->identity.id))
            node_peer_send(n, id, &(struct wire_peer_message){.checkpoint = &out.wire});
    }
}

static const struct checkpoint *own_handover(const struct node *n) {
    const struct proofs *p = &n->proofs;
    for (size_t i = 0; i < p->handovers.count; i++)
        if (memcmp(&p->handovers.data[i].key, &n->identity.public_key, sizeof n->identity.public_key) == 0)
            return &p->handovers.data[i];
    return NULL;
}

/* The voters changed before this host had a vote, or its word on it went with its disk; or its vote went
 * while it did not look. */
static bool owes_handover(const struct node *n) {
    const struct checkpoint *own = own_handover(n);
    bool has_any = own != NULL && own->generation == n->cluster.generation;
    if (node_signs(n))
        return !has_any || own->index < n->proofs.voters.index;
    return has_voted(n, n->identity.id) && (!has_any || learn_voters_have(&own->voters, n->identity.id));
}

static void handover_renew(struct node *n) {
    uint64_t voters_index = n->proofs.voters.index;
    if (voters_index == 0 || n->applied_index < voters_index ||
        n->applied_index != raft_commit_index(n->raft) || !owes_handover(n))
        return;
    (void)handover_make(n, n->applied_index, raft_term_at(n->raft, n->applied_index));
    node_mark(n, MARK_LEARN_SIGNED_AGAIN);
}

/* ---- between those that sign -------------------------------------------------------------------------- */

static void digest_of(const struct node *n, uint8_t out[DIGEST_SIZE]) {
    crypto_generichash_state hash;
    int error = crypto_generichash_init(&hash, NULL, 0, DIGEST_SIZE);
    for (size_t i = 0; i < n->proofs.handovers.count; i++) {
        const struct checkpoint *c = &n->proofs.handovers.data[i];
        error |= crypto_generichash_update(&hash, c->signature.b, sizeof c->signature.b);
    }
    error |= crypto_generichash_final(&hash, out, DIGEST_SIZE);
    assert(error == 0);
    (void)error;
}

/* In turn; false: none of them is to be seen. */
static bool another_voter(struct node *n, struct node_id *ret) {
    struct proofs *p = &n->proofs;
    const struct learn_voters *v = &p->voters;
    for (size_t i = 0; i < v->count; i++) {
        struct node_id id = v->ids[++p->handovers_asked % v->count].node;
        if (ID_EQUAL(id, n->identity.id) || !node_alive(n, id) || MAP_GET_ID(&n->trusted, id) == NULL)
            continue;
        *ret = id;
        return true;
    }
    return false;
}

void node_handovers_tick(struct node *n) {
    struct proofs *p = &n->proofs;
    struct node_id to;
    if (n->swim == NULL || n->now_us < p->handovers_ask_us)
        return;
    bool begins = p->handovers_ask_us == 0; /* and sees nobody yet */
    p->handovers_ask_us = n->now_us + HANDOVERS_ASK_US;
    if (begins)
        return;
    handover_renew(n);
    if ((!node_signs(n) && own_handover(n) == NULL) || !another_voter(n, &to))
        return;
    uint8_t digest[DIGEST_SIZE];
    digest_of(n, digest);
    struct wire_handovers m = {.digest = bytes_of(digest, sizeof digest)};
    node_peer_send(n, to, &(struct wire_peer_message){.handovers = &m});
}

int64_t node_handovers_deadline(const struct node *n) {
    return n->swim != NULL ? n->proofs.handovers_ask_us : TIME_NEVER_US;
}

/* At most two messages follow a question: what is here, and what that one lacks of what is there. */
void node_handovers_told(struct node *n, struct node_id from, const struct wire_handovers *in) {
    size_t good;
    struct checkpoint *list = handovers_in(n, in->list, in->list_count, &good);
    handovers_keep(n, list, good, learn_voters_have(&n->proofs.voters, from));
    uint8_t digest[DIGEST_SIZE];
    digest_of(n, digest);
    struct wire_handovers m = {.digest = bytes_of(digest, sizeof digest), .last = in->list_count > 0};
    if (in->last || bytes_equal(in->digest, m.digest))
        return;
    m.list = node_handovers_behind(n, 0, &m.list_count);
    node_peer_send(n, from, &(struct wire_peer_message){.handovers = &m});
}

/* A voter's word on a change, sent when it was made: this host may be asked for it when that voter is gone.
 */
void node_handover_told(struct node *n, struct node_id from, const struct wire_checkpoint *in) {
    struct checkpoint c;
    if (handover_in(n, in, &c) && ID_EQUAL(identity_node_id(&c.key), from))
        handovers_keep(n, &c, 1, false);
}

/* ---- to others, and on the disk ----------------------------------------------------------------------- */

struct wire_checkpoint *node_handovers_behind(struct node *n, uint64_t index, size_t *ret_count) {
    const struct checkpoint *all = n->proofs.handovers.data;
    size_t count = n->proofs.handovers.count;
    struct wire_checkpoint *list = arena_alloc(&n->scratch, (count + 1) * sizeof *list);
    *ret_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (all[i].index <= index)
            continue;
        struct checkpoint_out *out = arena_alloc(&n->scratch, sizeof *out);
        checkpoint_out(&all[i], out);
        list[(*ret_count)++] = out->wire;
    }
    return list;
}

/* For an asker that knows the voters as of this index: in the scratch arena. */
void node_handovers_out(struct node *n, uint64_t behind, struct wire_pull_response *r) {
    if (n->proofs.voters.index <= behind)
        return;
    handover_renew(n);
    r->handovers = node_handovers_behind(n, behind, &r->handovers_count);
}

/*
 * To and from the file `cluster`, where the voters are that they lead to: a log that is applied again does
 * not sign them again, as those voters are known by then.
 */
void node_handovers_save(struct node *n, struct wire_node_files_keys *keys) {
    keys->handovers = node_handovers_behind(n, 0, &keys->handovers_count);
}

/* From this host's own disk. */
void node_handovers_load(struct node *n, const struct wire_checkpoint *in, size_t count) {
    struct checkpoint c;
    for (size_t i = 0; i < count; i++)
        if (checkpoint_in(&in[i], &c) == 0 && c.has_voters)
            handover_keep(n, &c);
}

void node_handovers_done(struct node *n) {
    VEC_DONE(&n->proofs.handovers);
    VEC_DONE(&n->proofs.voted);
}

/* ---- who cannot be told ------------------------------------------------------------------------------- */

void node_voters_known(struct node *n) { n->proofs.unknown_since_us = 0; }

static void unknown_tell(struct node *n, struct node_id from, struct node_id signer) {
    const struct learn_voters *v = &n->proofs.voters;
    struct buf names = {0};
    for (size_t i = 0; i < v->count; i++)
        buf_printf(&names, "%s%.*s", i > 0 ? ", " : "", BYTES_FMT(node_name_of(n, v->ids[i].node)));
    struct bytes known = buf_bytes(&names);
    node_event(
        n, "log.voters-unknown", signer, (struct instance_id){{0}},
        "the log is signed by %.*s, and nobody shows how its vote came from those that are known here: "
        "%.*s",
        BYTES_FMT(node_name_of(n, signer)), BYTES_FMT(known));
    node_say(
        n, NODE_ERROR,
        "the log that %.*s gives is signed by %.*s, of which this host does not know that it votes: it "
        "knows the votes of %.*s, and nobody that it asked could show how one led to the other. It goes on "
        "asking, and what runs here goes on running. If this stays so, those that could show it are gone: "
        "then stop this agent, remove its data directory and let it join anew",
        BYTES_FMT(node_name_of(n, from)), BYTES_FMT(node_name_of(n, signer)), BYTES_FMT(known));
    buf_done(&names);
}

/* Another peer may know better. When none did for long, whoever reads this can do more than this host. */
void node_voters_unknown(struct node *n, struct node_id from, const struct wire_checkpoint *in) {
    struct proofs *p = &n->proofs;
    struct checkpoint c;
    if (checkpoint_in(in, &c) != 0 || c.generation != n->cluster.generation ||
        !ID_EQUAL(c.recovery, n->cluster.recovery) || !checkpoint_signed(&c))
        return;
    if (p->unknown_since_us == 0)
        p->unknown_since_us = n->now_us;
    if (n->now_us - p->unknown_since_us >= UNKNOWN_SAY_US &&
        !node_said(n, &p->unknown_said_us, UNKNOWN_REPEAT_US))
        unknown_tell(n, from, identity_node_id(&c.key));
}
