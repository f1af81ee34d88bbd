/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Connections, as TCP gives them to the agents. What is sent is delivered in order, once, or the connection
 * breaks; nobody is told which of the last messages arrived. The handshake of covey/crypto.h is not run here
 * (tests/unit/crypto and the cluster tests do): who is who, and whether both have the key, is taken from the
 * nodes.
 *
 * Each direction is a queue, and one event at most is under way to deliver its head. While the way is
 * blocked, nothing is delivered. A side whose data or keep-alive is not answered for PATIENCE_US closes
 * (src/net sets TCP_USER_TIMEOUT and keep-alive so); the other side learns of it by its own patience, or by a
 * reset when the way is open. After a cut it takes up to its own length until a retransmission tries again.
 */
#include "checker.h"
#include "hostile.h"
#include "lies.h"

#define PATIENCE_US       (10 * US_PER_S)
#define PATIENCE_MORE_US  US_PER_S
#define CONNECT_MAX_US    (5 * US_PER_S)
#define SYN_AGAIN_US      US_PER_S
#define RETRANSMIT_US     (200 * US_PER_MS)
#define RETRANSMIT_MAX_US (3 * US_PER_S)
#define LATE_MAX_US       (8 * US_PER_S)

/* ---- finding and freeing ------------------------------------------------------------------------------- */

static struct sim_stream *stream_by_id(struct world *w, uint64_t id) {
    for (size_t i = w->streams.count; i-- > 0;)
        if (w->streams.data[i]->id == id)
            return w->streams.data[i];
    return NULL;
}

static struct sim_stream *stream_of(struct world *w, const struct sim_host *h, uint64_t name,
                                    unsigned *ret_side) {
    for (size_t i = w->streams.count; i-- > 0;) {
        struct sim_stream *s = w->streams.data[i];
        for (unsigned side = 0; side < 2; side++)
            if (!s->gone[side] && s->host[side] == h->index && s->run[side] == h->run &&
                s->name[side] == name) {
                *ret_side = side;
                return s;
            }
    }
    return NULL;
}

static void queue_clear(struct sim_stream *s, unsigned side) {
    for (size_t i = s->head[side]; i < s->queue[side].count; i++)
        mem_free(s->queue[side].data[i].data);
    s->head[side] = s->queue[side].count = 0;
}

static size_t queue_count(const struct sim_stream *s, unsigned side) {
    return s->queue[side].count - s->head[side];
}

static void stream_free(struct sim_stream *s) {
    for (unsigned side = 0; side < 2; side++) {
        queue_clear(s, side);
        VEC_DONE(&s->queue[side]);
    }
    mem_free(s);
}

static void stream_forget(struct world *w, const struct sim_stream *s) {
    for (size_t i = 0; i < w->streams.count; i++) {
        if (w->streams.data[i] != s)
            continue;
        stream_free(w->streams.data[i]);
        VEC_REMOVE(&w->streams, i);
        return;
    }
}

/* ---- what a side learns -------------------------------------------------------------------------------- */

static bool to_blocked(const struct world *w, const struct sim_stream *s, unsigned side) {
    return network_stream_blocked(w, s->host[1 - side], s->host[side]);
}

static bool any_blocked(const struct world *w, const struct sim_stream *s) {
    return to_blocked(w, s, 0) || to_blocked(w, s, 1);
}

static int64_t delay_to(struct world *w, const struct sim_stream *s, unsigned side) {
    return network_delay(w, s->host[1 - side], s->host[side]);
}

/* To and fro, so often; the first to `side`. (One draw a statement: C does not order those of a sum.) */
static int64_t trips(struct world *w, const struct sim_stream *s, unsigned side, unsigned count) {
    int64_t us = 0;
    for (; count > 0; count--, side = 1 - side)
        us += delay_to(w, s, side);
    return us;
}

static struct event *stream_push(struct world *w, const struct sim_stream *s, enum event_kind kind,
                                 unsigned side, int64_t delay_us) {
    struct event *e = world_push(w, kind, delay_us, s->host[side]);
    e->a = s->id;
    e->b = side;
    return e;
}

/* Its agent is told; the stream is freed when both sides are gone. */
static void side_closes(struct world *w, struct sim_stream *s, unsigned side, int error, int64_t delay_us) {
    struct event *e = world_push(w, EVENT_STREAM_CLOSE, delay_us, s->host[side]);
    e->run = s->run[side];
    e->a = s->name[side];
    e->b = (uint64_t)(int64_t)error;
    s->gone[side] = true;
    queue_clear(s, side);
}

static void patience_push(struct world *w, const struct sim_stream *s, unsigned side, int64_t delay_us) {
    stream_push(w, s, EVENT_STREAM_PATIENCE, side, delay_us)->data_size = (size_t)s->waiting_us[side];
}

static void side_waits(struct world *w, struct sim_stream *s, unsigned side) {
    if (s->gone[side] || s->waiting_us[side] != 0)
        return;
    s->waiting_us[side] = w->now_us;
    patience_push(w, s, side, PATIENCE_US + prng_between(&w->net_prng, 0, PATIENCE_MORE_US));
}

/* ---- the queue of one direction ------------------------------------------------------------------------ */

static void wake(struct world *w, struct sim_stream *s, unsigned side, int64_t delay_us) {
    if (s->wake[side] || queue_count(s, side) == 0)
        return;
    s->wake[side] = true;
    stream_push(w, s, EVENT_STREAM_MESSAGE, side, delay_us > 0 ? delay_us : 0);
}

/* Segments that are lost come later, and hold up what is behind them. */
static int64_t transit(struct world *w, const struct sim_stream *s, unsigned side) {
    const struct sim_link *l = &w->link[s->host[1 - side]][s->host[side]];
    int64_t us = delay_to(w, s, side), again_us = RETRANSMIT_US;
    while (again_us < RETRANSMIT_MAX_US && prng_chance(&w->net_prng, l->loss)) {
        us += again_us;
        again_us *= 2;
    }
    if (prng_chance(&w->net_prng, l->late))
        us += prng_between(&w->net_prng, 0, LATE_MAX_US);
    return us;
}

static void queue_push(struct world *w, struct sim_stream *s, unsigned side, struct stream_item item) {
    item.ready_us = w->now_us + transit(w, s, side);
    if (item.ready_us < s->last_us[side])
        item.ready_us = s->last_us[side];
    s->last_us[side] = item.ready_us;
    VEC_PUSH(&s->queue[side], item);
    if (any_blocked(w, s))
        side_waits(w, s, 1 - side);
    if (!to_blocked(w, s, side))
        wake(w, s, side, s->queue[side].data[s->head[side]].ready_us - w->now_us);
}

static struct stream_item queue_pop(struct sim_stream *s, unsigned side) {
    struct stream_item item = s->queue[side].data[s->head[side]++];
    if (s->head[side] == s->queue[side].count)
        s->head[side] = s->queue[side].count = 0;
    return item;
}

/* ---- what agents do ------------------------------------------------------------------------------------ */

void network_connect(struct world *w, struct sim_host *from, const struct node_effect *e) {
    struct sim_host *to = network_host_at(w, &e->addr);
    if (to == NULL || to == from) {
        struct event *out = world_push(w, EVENT_STREAM_CLOSE, to == NULL ? CONNECT_MAX_US : 100, from->index);
        out->a = e->stream;
        out->b = (uint64_t)(int64_t)(to == NULL ? ERR_TIMEOUT : ERR_CLOSED);
        return;
    }
    struct sim_stream *s = mem_alloc(sizeof *s);
    s->id = ++w->stream_next;
    s->key_id = e->key_id;
    s->host[0] = from->index;
    s->run[0] = from->run;
    s->name[0] = e->stream;
    s->host[1] = to->index;
    s->addr[0] = from->addr;
    s->addr[1] = e->addr;
    uint64_t port = 32768 + s->id * 7919 % 28000; /* the dialling end's */
    s->addr[0].b[4] = (uint8_t)(port >> 8);
    s->addr[0].b[5] = (uint8_t)port;
    VEC_PUSH(&w->streams, s);
    stream_push(w, s, EVENT_STREAM_OPEN, 1, trips(w, s, 1, 3));
    stream_push(w, s, EVENT_STREAM_PATIENCE, 0, CONNECT_MAX_US);
}

void network_send(struct world *w, struct sim_host *from, uint64_t name, struct bytes data) {
    unsigned side;
    struct sim_stream *s = stream_of(w, from, name, &side);
    if (s == NULL || !s->is_open[side])
        return;
    if (s->gone[1 - side]) {
        if (any_blocked(w, s))
            side_waits(w, s, side);
        else
            side_closes(w, s, side, ERR_CLOSED, trips(w, s, 1 - side, 2));
        return;
    }
    struct buf lie = {0};
    if (from->lies && lies_change(w, from, data, &lie))
        data = buf_bytes(&lie);
    struct stream_item item = {.kind = ITEM_DATA, .data = mem_alloc(data.size + 1), .size = data.size};
    mem_copy(item.data, data.data, data.size);
    struct buf more = {0};
    if (hostile_follows(w, from, s->host[1 - side], data, &more) && w->lied) {
        mem_free(item.data);
        item.size = more.size;
        item.data = mem_alloc(more.size + 1);
        mem_copy(item.data, more.data, more.size);
        buf_clear(&more);
    }
    buf_done(&lie);
    queue_push(w, s, 1 - side, item);
    if (more.size > 0) {
        struct stream_item next = {.kind = ITEM_DATA};
        next.data = buf_take(&more, &next.size);
        queue_push(w, s, 1 - side, next);
    }
    buf_done(&more);
    buf_done(&lie);
}

void network_close(struct world *w, struct sim_host *from, uint64_t name) {
    unsigned side;
    struct sim_stream *s = stream_of(w, from, name, &side);
    if (s == NULL)
        return;
    s->gone[side] = true;
    queue_clear(s, side);
    if (s->gone[1 - side] || !s->answered)
        stream_forget(w, s);
    else
        queue_push(w, s, 1 - side, (struct stream_item){.kind = ITEM_END});
}

/* Killed: its kernel ends the connections. Power cut: silence, until somebody's patience ends. */
void network_agent_gone(struct world *w, uint32_t host, bool silently) {
    for (size_t i = w->streams.count; i-- > 0;) {
        struct sim_stream *s = w->streams.data[i];
        for (unsigned side = 0; side < 2; side++) {
            bool known = side == 0 || s->answered;
            if (s->host[side] != host || s->gone[side] || !known)
                continue;
            s->gone[side] = true;
            queue_clear(s, side);
            if (s->gone[1 - side] || !s->answered)
                stream_forget(w, s);
            else if (silently)
                side_waits(w, s, 1 - side);
            else
                queue_push(w, s, 1 - side, (struct stream_item){.kind = ITEM_END});
            break;
        }
    }
}

/* ---- what happens -------------------------------------------------------------------------------------- */

static bool keys_fit(const struct node_stream_keys *a, const struct node_stream_keys *b, uint8_t key_id) {
    if (!ID_EQUAL(a->cluster, b->cluster) || ID_IS_ZERO(a->cluster))
        return false;
    if (key_id == 0)
        return a->join_secret != NULL && b->join_secret != NULL &&
               secret_equal(a->join_secret, b->join_secret);
    const struct secret *x = a->stream_keys != NULL ? keyring_get(a->stream_keys, key_id) : NULL;
    const struct secret *y = b->stream_keys != NULL ? keyring_get(b->stream_keys, key_id) : NULL;
    return x != NULL && y != NULL && secret_equal(x, y);
}

/* The first message of the handshake has come. */
static void stream_open(struct world *w, struct sim_stream *s) {
    struct sim_host *from = &w->hosts[s->host[0]], *to = &w->hosts[s->host[1]];
    if (any_blocked(w, s)) {
        stream_push(w, s, EVENT_STREAM_OPEN, 1, SYN_AGAIN_US);
        return;
    }
    int error = 0;
    if (to->node == NULL)
        error = ERR_CLOSED;
    else {
        struct node_stream_keys a = node_stream_keys(from->node), b = node_stream_keys(to->node);
        if (!keys_fit(&a, &b, s->key_id))
            error = ERR_DENIED;
        s->key[0] = a.identity->static_key;
        s->key[1] = b.identity->static_key;
    }
    if (error != 0) {
        side_closes(w, s, 0, error, delay_to(w, s, 0));
        stream_forget(w, s);
        return;
    }
    s->answered = true;
    s->run[1] = to->run;
    s->name[1] = to->stream_next;
    to->stream_next += 2;
    stream_push(w, s, EVENT_STREAM_OPENED, 0, delay_to(w, s, 0));
}

static void tell_opened(struct world *w, struct sim_stream *s, unsigned side) {
    uint8_t hash[NOISE_HASH_SIZE] = {0};
    memcpy(hash, &s->id, sizeof s->id);
    struct node_input in = {.kind = NODE_STREAM_OPENED,
                            .stream = s->name[side],
                            .outgoing = side == 0,
                            .addr = s->addr[1 - side],
                            .key = s->key[1 - side],
                            .key_id = s->key_id,
                            .hash = bytes_of(hash, sizeof hash)};
    s->is_open[side] = true;
    host_feed(w, &w->hosts[s->host[side]], &in);
}

/* The answer is back: the last message of the handshake is on its way before anything else. */
static void stream_opened(struct world *w, struct sim_stream *s) {
    if (to_blocked(w, s, 0)) {
        stream_push(w, s, EVENT_STREAM_OPENED, 0, RETRANSMIT_US);
        return;
    }
    if (!s->gone[1])
        queue_push(w, s, 1, (struct stream_item){.kind = ITEM_OPENED});
    tell_opened(w, s, 0);
}

static void stream_deliver(struct world *w, struct sim_stream *s, unsigned side) {
    uint64_t id = s->id;
    s->wake[side] = false;
    if (s->gone[side] || queue_count(s, side) == 0 || to_blocked(w, s, side))
        return;
    int64_t ready_us = s->queue[side].data[s->head[side]].ready_us;
    if (ready_us > w->now_us) {
        wake(w, s, side, ready_us - w->now_us);
        return;
    }
    struct stream_item item = queue_pop(s, side);
    if (!to_blocked(w, s, 1 - side))
        s->waiting_us[1 - side] = 0; /* acknowledged */
    if (item.kind == ITEM_OPENED)
        tell_opened(w, s, side);
    else if (item.kind == ITEM_DATA) {
        struct node_input in = {
            .kind = NODE_STREAM_MESSAGE, .stream = s->name[side], .data = bytes_of(item.data, item.size)};
        host_feed(w, &w->hosts[s->host[side]], &in);
    } else
        side_closes(w, s, side, ERR_CLOSED, 0);
    mem_free(item.data);
    s = stream_by_id(w, id);
    if (s == NULL)
        return;
    if (s->gone[0] && s->gone[1]) {
        stream_forget(w, s);
        return;
    }
    if (queue_count(s, side) > 0) {
        ready_us = s->queue[side].data[s->head[side]].ready_us;
        wake(w, s, side, ready_us - w->now_us);
    }
}

/* data_size 0: the time to connect is over. */
static void stream_patience(struct world *w, struct sim_stream *s, unsigned side, size_t since_us) {
    bool connecting = since_us == 0;
    if (s->gone[side] || (connecting ? s->is_open[0] : since_us != (size_t)s->waiting_us[side]))
        return;
    if (w->hosts[s->host[side]].suspended) {
        stream_push(w, s, EVENT_STREAM_PATIENCE, side, US_PER_S)->data_size = since_us;
        return;
    }
    bool is_reset = s->gone[1 - side] && !any_blocked(w, s);
    bool is_well = !connecting && !s->gone[1 - side] && !any_blocked(w, s) && queue_count(s, 1 - side) == 0;
    s->waiting_us[side] = 0;
    if (is_well)
        return;
    side_closes(w, s, side, is_reset ? ERR_CLOSED : ERR_TIMEOUT, 0);
    queue_clear(s, 1 - side);
    if (s->gone[1 - side] || !s->answered)
        stream_forget(w, s);
    else
        side_waits(w, s, 1 - side);
}

static void stream_closed(struct world *w, const struct event *e) {
    struct sim_host *h = &w->hosts[e->host];
    if (h->node == NULL || h->run != e->run)
        return;
    int error = (int)(int64_t)e->b;
    struct node_input in = {
        .kind = NODE_STREAM_CLOSED, .stream = e->a, .error = error, .text = bytes_str(err_str(error))};
    host_feed(w, h, &in);
}

void streams_event(struct world *w, struct event *e) {
    if (e->kind == EVENT_STREAM_CLOSE) {
        stream_closed(w, e);
        return;
    }
    struct sim_stream *s = stream_by_id(w, e->a);
    if (s == NULL)
        return;
    if (e->kind == EVENT_STREAM_PATIENCE)
        stream_patience(w, s, (unsigned)e->b, e->data_size);
    else if (e->kind == EVENT_STREAM_MESSAGE)
        stream_deliver(w, s, (unsigned)e->b);
    else if (s->gone[0])
        ; /* the one who dialled is no more */
    else if (e->kind == EVENT_STREAM_OPEN)
        stream_open(w, s);
    else
        stream_opened(w, s);
}

/* ---- ways that are blocked and open again -------------------------------------------------------------- */

static bool is_between(const struct sim_stream *s, uint32_t a, uint32_t b) {
    return (s->host[0] == a && s->host[1] == b) || (s->host[0] == b && s->host[1] == a);
}

void streams_blocked(struct world *w, uint32_t a, uint32_t b) {
    for (size_t i = 0; i < w->streams.count; i++) {
        struct sim_stream *s = w->streams.data[i];
        for (unsigned side = 0; side < 2 && is_between(s, a, b); side++)
            if (s->is_open[side])
                side_waits(w, s, side);
    }
}

void streams_released(struct world *w, uint32_t a, uint32_t b, int64_t since_us) {
    int64_t again_us = w->now_us - since_us;
    if (again_us > RETRANSMIT_MAX_US)
        again_us = RETRANSMIT_MAX_US;
    for (size_t i = 0; i < w->streams.count; i++) {
        struct sim_stream *s = w->streams.data[i];
        for (unsigned side = 0; side < 2 && is_between(s, a, b); side++) {
            int64_t at_us = prng_between(&w->net_prng, 0, again_us);
            if (!to_blocked(w, s, side))
                wake(w, s, side, at_us + delay_to(w, s, side));
            if (!any_blocked(w, s) && queue_count(s, 1 - side) == 0 && !s->gone[1 - side])
                s->waiting_us[side] = 0;
        }
    }
}

void streams_done(struct world *w) {
    for (size_t i = 0; i < w->streams.count; i++)
        stream_free(w->streams.data[i]);
    VEC_DONE(&w->streams);
}
