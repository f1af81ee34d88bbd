/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Streams between nodes: who they are with, and what may be said on them.
 *
 * At most one stream of a pair is used. When both ends dial at once, the stream dialled by the smaller node
 * id stays. Messages for a peer whose stream is being dialled wait, within bounds; beyond those they are
 * dropped, as a network would: every protocol above asks again.
 */
#include "internal.h"

struct stream *node_stream(struct node *n, uint64_t id) {
    return map_get(&n->streams, bytes_of(&id, sizeof id));
}

struct peer *node_peer(struct node *n, struct node_id id, bool create) {
    struct peer *p = MAP_GET_ID(&n->peers, id);
    if (p != NULL || !create)
        return p;
    p = mem_alloc(sizeof *p);
    p->id = id;
    p->dial_delay_us = DIAL_RETRY_US;
    map_put(&n->peers, bytes_of(p->id.b, ID_SIZE), p);
    return p;
}

/* ---- whom to trust ---- */

/* Who lost his disk, or left and comes back with an empty one, counts his runs and packets from 1 again. */
static void window_forget(struct node *n, struct node_id id) {
    struct peer *p = node_peer(n, id, false);
    if (p != NULL)
        p->window = (struct replay_window){.known = false};
}

/* An id is made of the key: who is known by one is known by the other, and conversions cost 50 us each. */
void node_trust(struct node *n, const struct wire_node_record *record) {
    struct static_key key;
    struct trusted *known = MAP_GET_ID(&n->trusted, record->id);
    if (known != NULL && !ID_EQUAL(known->log, record->log)) {
        known->log = record->log;
        window_forget(n, record->id);
    }
    node_facts_member(n, record);
    if (known != NULL || identity_static_key(&record->key, &key) != 0)
        return;
    if (map_get(&n->statics, bytes_of(key.b, sizeof key.b)) != NULL)
        return;
    struct trusted *t = mem_alloc(sizeof *t);
    t->key = key;
    t->id = record->id;
    t->log = record->log;
    map_put(&n->statics, bytes_of(t->key.b, sizeof t->key.b), t);
    map_put(&n->trusted, bytes_of(t->id.b, sizeof t->id.b), t);
}

void node_distrust(struct node *n, struct node_id id) {
    struct trusted *t = MAP_REMOVE_ID(&n->trusted, id);
    if (t != NULL)
        map_remove(&n->statics, bytes_of(t->key.b, sizeof t->key.b));
    mem_free(t);
    (void)node_facts_feed(n, &(struct gossip_input){.kind = GOSSIP_FORGET, .from = id});
    window_forget(n, id);
    struct peer *p = node_peer(n, id, false);
    if (p != NULL && p->stream != 0)
        node_stream_close(n, p->stream, "the node is no longer a member");
}

/* ---- closing ---- */

void node_dial_over(struct node *n, const struct stream *s) {
    struct peer *p = node_peer(n, s->node, false);
    if (p != NULL && p->dialling == s->id)
        p->dialling = 0;
}

static void stream_forget(struct node *n, struct stream *s) {
    map_remove(&n->streams, bytes_of(&s->id, sizeof s->id));
    struct peer *p = node_peer(n, s->node, false);
    if (p != NULL && p->stream == s->id)
        p->stream = 0;
    node_dial_over(n, s);
    mem_free(s);
}

void node_stream_close(struct node *n, uint64_t stream, const char *text) {
    struct stream *s = node_stream(n, stream);
    struct node_effect *e = node_emit(n, NODE_STREAM_CLOSE);
    e->stream = stream;
    e->text = bytes_str(text);
    if (n->join_stream == stream)
        n->join_stream = 0;
    stream_forget(n, s);
}

bool node_streams_with(struct node *n, struct node_id id) {
    const struct peer *p = node_peer(n, id, false);
    return p != NULL && p->stream != 0;
}

/* ---- dialling ---- */

uint64_t node_dial(struct node *n, struct node_id to, const struct addr *addr, uint8_t key_id) {
    struct peer *p = NULL;
    if (!ID_IS_ZERO(to)) {
        p = node_peer(n, to, true);
        if (p->dialling != 0 || n->now_us < p->dial_after_us)
            return p->dialling;
        p->dial_after_us = n->now_us + p->dial_delay_us;
        p->dial_delay_us = min_us(p->dial_delay_us * 2, DIAL_RETRY_MAX_US);
    }
    if (addr->size == 0)
        return 0;
    struct stream *s = mem_alloc(sizeof *s);
    s->id = n->stream_next;
    n->stream_next += 2;
    s->state = key_id == 0 ? STREAM_JOINING : STREAM_DIALLING;
    s->outgoing = true;
    s->addr = *addr;
    s->node = to;
    map_put(&n->streams, bytes_of(&s->id, sizeof s->id), s);
    if (p != NULL)
        p->dialling = s->id;
    struct node_effect *e = node_emit(n, NODE_STREAM_CONNECT);
    e->stream = s->id;
    e->addr = *addr;
    e->key_id = key_id;
    return s->id;
}

static struct addr peer_addr(struct node *n, struct node_id id) {
    struct swim_member m;
    if (node_member(n, id, &m) && m.addr.size != 0)
        return m.addr;
    const struct wire_node_record *r = state_node_find(n->state, id);
    if (r != NULL)
        return r->addr;
    for (size_t i = 0; i < n->table_count; i++)
        if (ID_EQUAL(n->table[i].id, id))
            return n->table[i].addr;
    return (struct addr){0};
}

/* ---- sending ---- */

static void stream_send_raw(struct node *n, uint64_t stream, struct bytes encoded) {
    struct bytes copy = node_effect_copy(n, encoded);
    struct node_effect *e = node_emit(n, NODE_STREAM_SEND);
    e->stream = stream;
    e->data = copy;
}

void node_stream_send(struct node *n, uint64_t stream, const struct wire_peer_message *message) {
    struct buf out = {0};
    codec_encode(&wire_peer_message_type, message, &out);
    stream_send_raw(n, stream, buf_bytes(&out));
    buf_done(&out);
}

void node_peer_send_raw(struct node *n, struct node_id to, struct bytes encoded) {
    struct peer *p = node_peer(n, to, true);
    if (p->stream != 0) {
        stream_send_raw(n, p->stream, encoded);
        return;
    }
    struct addr addr = peer_addr(n, to);
    (void)node_dial(n, to, &addr, n->stream_keys.primary_id);
    if (p->queue_count >= PEER_QUEUE_MAX || p->queue.size + encoded.size > PEER_QUEUE_BYTES)
        return;
    uint32_t size = (uint32_t)encoded.size;
    buf_append(&p->queue, &size, sizeof size);
    buf_append(&p->queue, encoded.data, encoded.size);
    p->queue_count++;
}

void node_peer_send(struct node *n, struct node_id to, const struct wire_peer_message *message) {
    struct buf out = {0};
    codec_encode(&wire_peer_message_type, message, &out);
    node_peer_send_raw(n, to, buf_bytes(&out));
    buf_done(&out);
}

static void peer_flush(struct node *n, struct peer *p) {
    size_t at = 0;
    while (at < p->queue.size) {
        uint32_t size;
        memcpy(&size, p->queue.data + at, sizeof size);
        stream_send_raw(n, p->stream, bytes_of(p->queue.data + at + sizeof size, size));
        at += sizeof size + size;
    }
    buf_clear(&p->queue);
    p->queue_count = 0;
}

/* ---- opened ---- */

/* Of two open streams with one peer: is the new one to be used? */
static bool stream_preferred(const struct node *n, const struct stream *old, const struct stream *new) {
    bool simultaneous = n->now_us - old->opened_us < US_PER_S && old->outgoing != new->outgoing;
    if (!simultaneous)
        return true; /* the peer has started anew, or lost the old one without a word */
    bool self_smaller = ID_COMPARE(n->identity.id, new->node) < 0;
    return new->outgoing == self_smaller;
}

void node_peer_sync(struct node *n, struct node_id to, const struct addr *addr) {
    const struct peer *p = node_peer(n, to, true);
    if (p->stream != 0)
        (void)node_gossip_feed(n, &(struct swim_input){.kind = SWIM_STREAM, .from = to, .addr = *addr});
    else
        (void)node_dial(n, to, addr, n->stream_keys.primary_id); /* it begins with one */
}

static void member_opened(struct node *n, struct stream *s) {
    struct peer *p = node_peer(n, s->node, true);
    s->state = STREAM_MEMBER;
    p->dial_delay_us = DIAL_RETRY_US;
    p->dial_after_us = n->now_us;
    struct stream *old = p->stream != 0 ? node_stream(n, p->stream) : NULL;
    assert(old != s); /* a stream opens once */
    if (old != NULL && !stream_preferred(n, old, s)) {
        node_stream_close(n, s->id, "a stream with this peer is open already");
        return;
    }
    if (old != NULL) {
        node_op_streams_peer_gone(n, s->node); /* what was on its way may be lost: a log would have a gap */
        node_stream_close(n, old->id, "replaced by a newer stream");
    }
    p->stream = s->id;
    p->redials = 0;
    if (s->outgoing)
        node_gossip_feed(n, &(struct swim_input){.kind = SWIM_STREAM, .from = s->node, .addr = s->addr});
    if (s->outgoing)
        (void)node_facts_feed(n, &(struct gossip_input){.kind = GOSSIP_STREAM, .from = s->node});
    peer_flush(n, p);
    n->facts_dirty = n->plan_dirty = true;
}

static struct stream *stream_accept(struct node *n, const struct node_input *in) {
    struct stream *s = mem_alloc(sizeof *s);
    s->id = in->stream;
    s->addr = in->addr;
    s->state = in->key_id == 0 ? STREAM_JOINER : STREAM_DIALLING;
    map_put(&n->streams, bytes_of(&s->id, sizeof s->id), s);
    return s;
}

void node_stream_opened(struct node *n, const struct node_input *in) {
    struct stream *s = in->outgoing ? node_stream(n, in->stream) : stream_accept(n, in);
    if (s == NULL)
        return;
    s->key = in->key;
    s->opened_us = n->now_us;
    if (in->hash.size == sizeof s->hash)
        memcpy(s->hash, in->hash.data, sizeof s->hash);
    if (s->state == STREAM_JOINER)
        return;
    if (s->state == STREAM_JOINING) {
        node_join_opened(n, s);
        return;
    }
    const struct trusted *t = map_get(&n->statics, bytes_of(in->key.b, sizeof in->key.b));
    if (t == NULL || ID_EQUAL(t->id, n->identity.id)) {
        if (t == NULL && node_join_ask_table(n, s))
            return;
        node_stream_close(n, s->id, "the peer's key is not in the table of members");
        return;
    }
    node_dial_over(n, s); /* the address may belong to another member by now */
    s->node = t->id;
    member_opened(n, s);
}

/* ---- messages ---- */

static void peer_dispatch(struct node *n, struct node_id from, struct bytes data,
                          const struct wire_peer_message *m) {
    if (m->raft != NULL && ID_EQUAL(m->raft->from.node, from))
        node_log_message(n, m->raft);
    if (m->sync != NULL) {
        struct buf packet = {0};
        codec_encode(&wire_swim_sync_type, m->sync, &packet);
        struct stream *s = node_stream(n, node_peer(n, from, true)->stream);
        struct swim_input in = {.kind = SWIM_SYNC, .from = from, .packet = buf_bytes(&packet)};
        if (s != NULL)
            in.addr = s->addr;
        node_gossip_feed(n, &in);
        buf_done(&packet);
    }
    if (m->gossip != NULL)
        node_facts_sync(n, from, m->gossip);
    if (m->pull_request != NULL)
        node_pull_request(n, from, m->pull_request);
    if (m->pull_response != NULL)
        node_pull_response(n, from, m->pull_response);
    if (m->forward_request != NULL)
        node_write_forwarded(n, from, m->forward_request);
    if (m->forward_response != NULL)
        node_write_response(n, m->forward_response);
    if (m->report != NULL)
        node_leader_report(n, from, m->report);
    if (m->remote_open != NULL)
        node_remote_open(n, from, m->remote_open);
    if (m->remote_data != NULL)
        node_remote_data(n, from, m->remote_data);
    if (m->remote_credit != NULL)
        node_remote_credit(n, from, m->remote_credit);
    if (m->leave != NULL)
        node_leave_asked(n, from);
    if (m->read_request != NULL)
        node_read_request(n, from, m->read_request);
    if (m->read_response != NULL)
        node_read_response(n, m->read_response);
    if (m->reasons_request != NULL)
        node_reasons_request(n, from, m->reasons_request);
    if (m->reasons_response != NULL)
        node_reasons_response(n, m->reasons_response);
    if (m->checkpoint != NULL)
        node_handover_told(n, from, m->checkpoint);
    if (m->handovers != NULL)
        node_handovers_told(n, from, m->handovers);
    if (m->state_report != NULL)
        node_state_told(n, from, m->state_report);
    if (m->view_request != NULL)
        node_view_request(n, from, m->view_request);
    if (m->view_response != NULL)
        node_view_response(n, from, m->view_response);
    (void)data;
}

static void stream_garbage(struct node *n, struct stream *s, const struct codec_fault *fault) {
    char addr[ADDR_TEXT_SIZE];
    addr_text(&s->addr, addr);
    node_say(n, NODE_WARNING, "%s (%.*s) sent a message that cannot be read: %s: %s; the stream is closed",
             addr, BYTES_FMT(node_name_of(n, s->node)), fault->path, fault->what);
    node_stream_close(n, s->id, "a message could not be read");
}

void node_stream_message(struct node *n, const struct node_input *in) {
    struct stream *s = node_stream(n, in->stream);
    if (s == NULL)
        return;
    struct wire_peer_message m;
    struct codec_fault fault = {0};
    if (codec_decode(&wire_peer_message_type, in->data, &n->scratch, &m, &fault) != 0) {
        stream_garbage(n, s, &fault);
        return;
    }
    if (s->state == STREAM_JOINER) {
        if (m.join_request != NULL)
            node_join_request(n, s, m.join_request);
        else
            node_stream_close(n, s->id, "the join secret opens join requests only");
        return;
    }
    if (s->state == STREAM_JOINING) {
        if (m.join_response != NULL)
            node_join_response(n, s, m.join_response);
        return;
    }
    if (s->state != STREAM_MEMBER)
        return;
    struct node_id from = s->node;
    if (n->swim != NULL && m.sync == NULL)
        node_gossip_feed(n, &(struct swim_input){.kind = SWIM_ALIVE_HINT, .from = from});
    if (node_is_leader(n))
        node_leader_heard(n, from);
    if (m.table_request != NULL)
        node_join_answer(n, s->id, from, 0, (struct bytes){0});
    peer_dispatch(n, from, in->data, &m);
}

/* ---- closed by the other side ---- */

/* Now and then it is a race of two dials, or of an old stream with a new one: several in a row are not. */
#define CLOSED_SAY 5

static void closed_at_once(struct node *n, struct peer *p) {
    struct wire_admin_freshness fresh;
    node_freshness(n, &fresh);
    p->closed_count++;
    if (p->closed_count < CLOSED_SAY || !fresh.isolated || node_said(n, &p->said_us, SAY_REPEAT_US))
        return;
    node_say(
        n, NODE_WARNING,
        "%.*s closes each stream from here at once: have the others taken this host out? If `covey nodes` "
        "there "
        "does not list it, stop this agent, remove its data directory and let it join anew; what runs here "
        "goes on running until then",
        BYTES_FMT(node_name_of(n, p->id)));
}

void node_stream_closed(struct node *n, const struct node_input *in) {
    struct stream *s = node_stream(n, in->stream);
    if (s == NULL)
        return;
    struct node_id node = s->node;
    int64_t opened_us = s->opened_us;
    bool was_open = s->state == STREAM_MEMBER;
    if (s->state == STREAM_JOINING)
        node_join_closed(n, s, in->error, in->text);
    stream_forget(n, s);
    if (ID_IS_ZERO(node))
        return;
    node_op_streams_peer_gone(n, node);
    node_matrix_peer_gone(n, node, in->text);
    if (was_open) {
        /* A host that is well closes nothing: look at it at once, and dial again: a refusal tells more than
         * silence. */
        node_gossip_feed(n, &(struct swim_input){.kind = SWIM_PROBE, .from = node});
        struct addr addr = peer_addr(n, node);
        struct peer *to = node_peer(n, node, true);
        to->redials = REDIALS_MAX;
        /* One that closes at once will do so again: it does not know this host any more, say. */
        if (n->now_us - opened_us < DIAL_RETRY_US) {
            to->dial_after_us = n->now_us + DIAL_RETRY_US;
            closed_at_once(n, to);
        } else {
            to->closed_count = 0;
        }
        (void)node_dial(n, node, &addr, n->stream_keys.primary_id);
        return;
    }
    struct peer *p = node_peer(n, node, true); /* that was dialled */
    /* A process that ends resets its connections before its listener is gone: one made in between is reset,
     * too, and tells nothing yet. */
    bool is_told = in->error == ERR_CLOSED || in->error == ERR_TIMEOUT;
    if (!is_told && p->redials > 0) {
        struct addr addr = peer_addr(n, node);
        p->redials--;
        p->dial_after_us = n->now_us;
        p->dial_delay_us = DIAL_RETRY_US;
        (void)node_dial(n, node, &addr, n->stream_keys.primary_id);
        return;
    }
    buf_clear(&p->queue);
    p->queue_count = 0;
    if (in->error == ERR_CLOSED) {
        /* Refused: no agent lives at that address. */
        struct raft_input hint = {.kind = RAFT_LEADER_DEAD, .peer = {.node = node}};
        (void)node_log_feed(n, &hint);
    }
}

void node_peers_done(struct node *n) {
    for (size_t i = 0; i < n->streams.count; i++)
        mem_free(n->streams.entries[i].value);
    map_done(&n->streams);
    for (size_t i = 0; i < n->peers.count; i++) {
        struct peer *p = n->peers.entries[i].value;
        buf_done(&p->queue);
        mem_free(p);
    }
    map_done(&n->peers);
    for (size_t i = 0; i < n->statics.count; i++)
        mem_free(n->statics.entries[i].value);
    map_done(&n->statics);
    map_done(&n->trusted);
}
