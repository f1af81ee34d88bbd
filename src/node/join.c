/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Joining. The newcomer dials a seed with the join secret, proves its key by a signature over the handshake,
 * and is given the cluster's record and table once the log has its node record. It tries its seeds in turn,
 * for ever.
 */
#include "internal.h"

/* ---- the newcomer ---- */

static bool join_wanted(const struct node *n) {
    return !n->in_cluster && n->has_token && n->seeds.count > 0 && n->boot_ticket == 0;
}

static void join_say(struct node *n, const struct addr *addr, struct bytes text) {
    if (node_said(n, &n->join_said_us, SAY_REPEAT_US))
        return;
    char where[ADDR_TEXT_SIZE];
    addr_text(addr, where);
    node_say(n, NODE_WARNING, "cannot join at %s: %.*s; trying again", where, BYTES_FMT(text));
}

/* A seed that is there and says nothing, stopped or stuck, must not keep this host from the next one. */
static void join_give_up(struct node *n) {
    join_say(n, &node_stream(n, n->join_stream)->addr, bytes_str("no answer"));
    node_stream_close(n, n->join_stream, "no answer to a join");
}

void node_join_tick(struct node *n) {
    if (!join_wanted(n))
        return;
    if (n->join_stream != 0 && n->now_us >= n->join_until_us)
        join_give_up(n);
    if (n->join_stream != 0 || n->now_us < n->join_at_us)
        return;
    const struct addr *seed = &n->seeds.data[n->seed_next++ % n->seeds.count];
    n->join_at_us = n->now_us + JOIN_RETRY_US + prng_between(&n->prng, 0, JOIN_RETRY_US / 4);
    n->join_until_us = n->now_us + JOIN_ANSWER_US;
    n->join_stream = node_dial(n, (struct node_id){{0}}, seed, 0);
}

int64_t node_join_deadline(const struct node *n) {
    if (!join_wanted(n))
        return TIME_NEVER_US;
    return n->join_stream == 0 ? n->join_at_us : n->join_until_us;
}

void node_join_opened(struct node *n, struct stream *s) {
    struct signature signature;
    identity_sign(&n->identity, SIGN_JOIN, bytes_of(s->hash, sizeof s->hash), &signature);
    if (ID_IS_ZERO(n->self.log))
        csprng_fill(&n->csprng, n->self.log.b, sizeof n->self.log.b);
    struct wire_join_request request = {.node = n->self,
                                        .signature = bytes_of(signature.b, sizeof signature.b)};
    node_stream_send(n, s->id, &(struct wire_peer_message){.join_request = &request});
}

void node_join_closed(struct node *n, struct stream *s, int error, struct bytes text) {
    n->join_stream = 0;
    if (!n->in_cluster)
        join_say(n, &s->addr, bytes_empty(text) ? bytes_str(err_str(error)) : text);
}

/* Who answers may be one that was taken out, with a table of before. */
static void table_take(struct node *n, const struct wire_join_response *r) {
    n->table_count = 0;
    n->table = arena_alloc(&n->options_arena, (r->nodes_count + 1) * sizeof *n->table);
    for (size_t i = 0; i < r->nodes_count; i++) {
        if (ID_EQUAL(r->nodes[i].id, n->identity.id) || node_was_taken_out(n, &r->nodes[i]))
            continue;
        codec_copy(&wire_node_record_type, &r->nodes[i], &n->options_arena, &n->table[n->table_count++]);
        node_trust(n, &r->nodes[i]);
    }
}

static void table_contact(struct node *n) {
    for (size_t i = 0; i < n->table_count; i++) {
        struct swim_input in = {.kind = SWIM_CONTACT, .from = n->table[i].id, .addr = n->table[i].addr};
        node_gossip_feed(n, &in);
    }
}

/*
 * A host that has lost its disk counts its runs from 1 again. With a number that others know of an earlier
 * run, its packets would pass for old ones.
 */
static void generation_take(struct node *n, const struct wire_join_response *r) {
    for (size_t i = 0; i < r->nodes_count; i++) {
        if (!ID_EQUAL(r->nodes[i].id, n->identity.id) || r->nodes[i].generation < n->generation)
            continue;
        n->generation = n->self.generation = r->nodes[i].generation + 1;
        struct wire_journal_boot boot = {.generation = n->generation, .boot = n->self.boot};
        n->boot_ticket = node_journal_write(n, &(struct wire_journal_record){.boot = &boot}, 1);
        n->self_dirty = n->facts_dirty = true;
    }
}

void node_join_response(struct node *n, struct stream *s, const struct wire_join_response *r) {
    if (r->error != 0) {
        node_mark(n, MARK_NODE_JOIN_REFUSED);
        join_say(n, &s->addr, r->text);
        node_stream_close(n, s->id, "the join was not accepted");
        return;
    }
    if (!ID_EQUAL(r->cluster.id, n->in_cluster ? n->cluster.id : n->token.cluster)) {
        join_say(n, &s->addr, bytes_str("the answer is of another cluster than the token"));
        node_stream_close(n, s->id, "another cluster");
        return;
    }
    table_take(n, r);
    node_voters_learn(n, r->voters_index, &r->voters);
    if (n->in_cluster) {
        node_cluster_file_save(n);
        node_say(n, NODE_INFO, "learnt who the members are: %zu other hosts", n->table_count);
    } else {
        generation_take(n, r);
        struct wire_cluster_record cluster = r->cluster;
        node_enter_cluster(n, &cluster);
        node_say(n, NODE_INFO, "joined the cluster with %zu other hosts", n->table_count);
    }
    table_contact(n);
    node_stream_close(n, s->id, "joined");
}

/*
 * Everybody whom this host knew may have left while it was away, and all others came later: it trusts nobody
 * who is still there. That the peer has a key of the cluster's streams is enough to ask it who is who.
 */
bool node_join_ask_table(struct node *n, struct stream *s) {
    struct wire_admin_freshness fresh;
    node_freshness(n, &fresh);
    if (!n->in_cluster || !fresh.isolated || n->now_us < n->join_at_us)
        return false;
    if (n->join_stream != 0)
        node_stream_close(n, n->join_stream, "no answer to a question for the table");
    n->join_at_us = n->now_us + TABLE_RETRY_US;
    n->join_stream = s->id;
    node_dial_over(n, s);
    s->state = STREAM_JOINING;
    s->node = (struct node_id){{0}};
    struct wire_table_request request = {.index = n->applied_index};
    node_stream_send(n, s->id, &(struct wire_peer_message){.table_request = &request});
    return true;
}

/* ---- the member that is asked ---- */

static const char *join_check(const struct stream *s, const struct wire_join_request *r) {
    struct signature signature;
    struct node_id id = identity_node_id(&r->node.key);
    if (!ID_EQUAL(id, r->node.id))
        return "the node id is not that of the key";
    if (!identity_matches_static(&r->node.key, &s->key))
        return "the key is not that of the handshake";
    if (r->signature.size != sizeof signature.b)
        return "the signature is missing";
    memcpy(signature.b, r->signature.data, sizeof signature.b);
    if (identity_verify(&r->node.key, SIGN_JOIN, bytes_of(s->hash, sizeof s->hash), &signature) != 0)
        return "the signature does not verify";
    if (r->node.name.size == 0)
        return "the node has no name";
    return NULL;
}

void node_join_request(struct node *n, struct stream *s, const struct wire_join_request *r) {
    char addr[ADDR_TEXT_SIZE];
    addr_text(&s->addr, addr);
    const char *why = join_check(s, r);
    if (why != NULL) {
        node_say(n, NODE_WARNING, "a join from %s is refused: %s", addr, why);
        node_join_answer(n, s->id, r->node.id, ERR_DENIED, bytes_str(why));
        return;
    }
    if (n->raft == NULL) { /* a newcomer itself, which holds the join secret as well */
        node_join_answer(n, s->id, r->node.id, ERR_NO_LEADER,
                         bytes_str("this host has not joined a cluster yet either"));
        return;
    }
    node_event(n, "join.asked", r->node.id, (struct instance_id){{0}}, "%.*s asks to join from %s",
               BYTES_FMT(r->node.name), addr);
    struct buf params = {0};
    codec_encode(&wire_node_record_type, &r->node, &params);
    node_write_forward(n, 0, s->id, r->node.id, bytes_str("join"), buf_bytes(&params));
    buf_done(&params);
}

void node_join_answer(struct node *n, uint64_t stream, struct node_id joined, int error, struct bytes text) {
    if (node_stream(n, stream) == NULL)
        return;
    struct wire_join_response r = {.error = error, .text = text};
    if (error == 0) {
        size_t count = state_nodes_count(n->state);
        r.cluster = n->cluster;
        r.voters = learn_voters_config(&n->proofs.voters);
        r.voters_index = n->proofs.voters.index;
        r.nodes = arena_alloc(&n->scratch, (count + 1) * sizeof *r.nodes);
        for (size_t i = 0; i < count; i++) {
            struct wire_node_record *one = &r.nodes[r.nodes_count++];
            struct swim_member m = {.generation = 0};
            *one = *state_node_at(n->state, i);
            if (ID_EQUAL(one->id, joined)) { /* the record is of this very join: tell of what was before */
                (void)node_member(n, joined, &m);
                one->generation = m.generation;
            }
        }
        if (state_node_find(n->state, n->identity.id) == NULL)
            r.nodes[r.nodes_count++] = n->self;
        const struct wire_node_record *record = state_node_find(n->state, joined);
        if (record != NULL)
            node_trust(n, record);
    }
    node_stream_send(n, stream, &(struct wire_peer_message){.join_response = &r});
}
