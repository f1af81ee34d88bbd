/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Datagrams and streams. A cut drops datagrams and holds what streams carry; a stream that is held for
 * STUCK_US is closed on both sides, as TCP's user timeout would. The handshake is not run here
 * (tests/unit/crypto and the cluster tests do): who is who, and whether both have the key, is taken from the
 * nodes.
 */
#include "world.h"

#define STUCK_US   (10 * US_PER_S)
#define CONNECT_US (3 * US_PER_S)

static int64_t delay(struct world *w) { return prng_between(&w->net_prng, w->delay_min_us, w->delay_max_us); }

static struct sim_host *host_at(struct world *w, const struct addr *addr) {
    for (uint32_t i = 0; i < w->hosts_count; i++)
        if (addr_equal(&w->hosts[i].addr, addr))
            return &w->hosts[i];
    return NULL;
}

static void event_data(struct event *e, struct bytes data) {
    e->data = mem_alloc(data.size + 1);
    if (data.size > 0)
        memcpy(e->data, data.data, data.size);
    e->data_size = data.size;
}

void network_datagram(struct world *w, struct sim_host *from, const struct node_effect *e) {
    struct sim_host *to = host_at(w, &e->addr);
    if (to == NULL || w->cut[from->index][to->index] || prng_chance(&w->net_prng, w->loss))
        return;
    unsigned copies = prng_chance(&w->net_prng, w->duplicate) ? 2 : 1;
    for (unsigned i = 0; i < copies; i++) {
        struct event *out = world_push(w, EVENT_DATAGRAM, delay(w), to->index);
        out->addr = from->addr;
        event_data(out, e->data);
    }
}

/* ---- streams ---- */

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
            if (s->host[side] == h->index && s->run[side] == h->run && s->name[side] == name && !s->closed) {
                *ret_side = side;
                return s;
            }
    }
    return NULL;
}

static bool is_cut(const struct world *w, const struct sim_stream *s) {
    return w->cut[s->host[0]][s->host[1]] || w->cut[s->host[1]][s->host[0]];
}

static void stream_free(struct sim_stream *s) {
    for (size_t i = 0; i < s->held.count; i++)
        mem_free(s->held.data[i].data);
    VEC_DONE(&s->held);
    mem_free(s);
}

static void stream_forget(struct world *w, struct sim_stream *s) {
    for (size_t i = 0; i < w->streams.count; i++)
        if (w->streams.data[i] == s) {
            VEC_REMOVE(&w->streams, i);
            break;
        }
    stream_free(s);
}

static void tell_closed(struct world *w, uint32_t host, uint32_t run, uint64_t name, int error,
                        int64_t after_us) {
    if (w->hosts[host].run != run)
        return;
    struct event *e = world_push(w, EVENT_STREAM_CLOSE, after_us, host);
    e->a = name;
    e->b = (uint64_t)(int64_t)error;
}

void network_connect(struct world *w, struct sim_host *from, const struct node_effect *e) {
    struct sim_host *to = host_at(w, &e->addr);
    if (to == NULL || !to->powered || w->cut[from->index][to->index] || w->cut[to->index][from->index]) {
        tell_closed(w, from->index, from->run, e->stream, ERR_TIMEOUT, CONNECT_US);
        return;
    }
    struct sim_stream *s = mem_alloc(sizeof *s);
    s->id = ++w->stream_next;
    s->host[0] = from->index;
    s->run[0] = from->run;
    s->name[0] = e->stream;
    s->host[1] = to->index;
    s->run[1] = to->run;
    VEC_PUSH(&w->streams, s);
    /* The handshake takes one and a half round trips. */
    struct event *out = world_push(w, EVENT_STREAM_OPEN, delay(w) + delay(w) + delay(w), to->index);
    out->a = s->id;
    out->b = e->key_id;
}

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

static void opened(struct world *w, struct sim_stream *s, unsigned side, uint8_t key_id) {
    struct sim_host *h = &w->hosts[s->host[side]], *peer = &w->hosts[s->host[1 - side]];
    uint8_t hash[NOISE_HASH_SIZE] = {0};
    memcpy(hash, &s->id, sizeof s->id);
    struct node_stream_keys keys = node_stream_keys(peer->node);
    struct node_input in = {.kind = NODE_STREAM_OPENED,
                            .stream = s->name[side],
                            .outgoing = side == 0,
                            .addr = peer->addr,
                            .key = keys.identity->static_key,
                            .key_id = key_id,
                            .hash = bytes_of(hash, sizeof hash)};
    host_feed(w, h, &in);
}

static void stream_open(struct world *w, struct event *e) {
    struct sim_stream *s = stream_by_id(w, e->a);
    if (s == NULL)
        return;
    struct sim_host *from = &w->hosts[s->host[0]], *to = &w->hosts[s->host[1]];
    if (from->node == NULL || from->run != s->run[0]) {
        stream_forget(w, s);
        return;
    }
    int error = 0;
    if (is_cut(w, s) || !to->powered)
        error = ERR_TIMEOUT;
    else if (to->node == NULL)
        error = ERR_CLOSED;
    else {
        struct node_stream_keys a = node_stream_keys(from->node), b = node_stream_keys(to->node);
        if (!keys_fit(&a, &b, (uint8_t)e->b))
            error = ERR_DENIED;
    }
    if (error != 0) {
        tell_closed(w, s->host[0], s->run[0], s->name[0], error, error == ERR_TIMEOUT ? CONNECT_US : 0);
        stream_forget(w, s);
        return;
    }
    s->run[1] = to->run;
    s->name[1] = to->stream_next;
    to->stream_next += 2;
    s->open = true;
    uint64_t id = s->id;
    opened(w, s, 1, (uint8_t)e->b);
    s = stream_by_id(w, id);
    if (s != NULL && !s->closed && from->node != NULL)
        opened(w, s, 0, (uint8_t)e->b);
}

void network_send(struct world *w, struct sim_host *from, uint64_t name, struct bytes data) {
    unsigned side;
    struct sim_stream *s = stream_of(w, from, name, &side);
    if (s == NULL)
        return;
    int64_t at = w->now_us + delay(w);
    if (at <= s->last_us[side])
        at = s->last_us[side] + 1;
    s->last_us[side] = at;
    struct event *e = world_push(w, EVENT_STREAM_MESSAGE, at - w->now_us, s->host[1 - side]);
    e->a = s->id;
    e->b = 1 - side;
    event_data(e, data);
}

void network_close(struct world *w, struct sim_host *from, uint64_t name) {
    unsigned side;
    struct sim_stream *s = stream_of(w, from, name, &side);
    if (s == NULL)
        return;
    int64_t at = w->now_us + delay(w);
    if (at <= s->last_us[side])
        at = s->last_us[side] + 1;
    if (s->open && !is_cut(w, s))
        tell_closed(w, s->host[1 - side], s->run[1 - side], s->name[1 - side], ERR_CLOSED, at - w->now_us);
    s->run[side] = UINT32_MAX; /* this side knows it no more; what is on its way still arrives */
    if (!s->open)
        s->closed = true;
}

static void stream_message(struct world *w, struct event *e) {
    struct sim_stream *s = stream_by_id(w, e->a);
    unsigned side = (unsigned)e->b;
    if (s == NULL || s->closed)
        return;
    if (is_cut(w, s)) {
        if (s->stuck_us == 0)
            s->stuck_us = w->now_us;
        if (w->now_us - s->stuck_us >= STUCK_US) {
            for (unsigned i = 0; i < 2; i++)
                tell_closed(w, s->host[i], s->run[i], s->name[i], ERR_TIMEOUT, 1);
            stream_forget(w, s);
            return;
        }
        struct event held = *e;
        e->data = NULL; /* moved */
        VEC_PUSH(&s->held, held);
        return;
    }
    struct sim_host *h = &w->hosts[s->host[side]];
    if (h->node == NULL || h->run != s->run[side])
        return;
    struct node_input in = {
        .kind = NODE_STREAM_MESSAGE, .stream = s->name[side], .data = bytes_of(e->data, e->data_size)};
    host_feed(w, h, &in);
}

void network_cut(struct world *w, uint32_t from, uint32_t to, bool cut) {
    w->cut[from][to] = cut;
    for (size_t i = 0; i < w->streams.count && !cut; i++) {
        struct sim_stream *s = w->streams.data[i];
        if (is_cut(w, s))
            continue;
        s->stuck_us = 0;
        for (size_t k = 0; k < s->held.count; k++) {
            struct event *e = world_push(w, EVENT_STREAM_MESSAGE, delay(w) + (int64_t)k + w->delay_max_us,
                                         s->held.data[k].host);
            e->a = s->held.data[k].a;
            e->b = s->held.data[k].b;
            e->data = s->held.data[k].data;
            e->data_size = s->held.data[k].data_size;
            int64_t at = w->now_us + 2 * w->delay_max_us + (int64_t)k;
            if (at > s->last_us[1 - e->b])
                s->last_us[1 - e->b] = at;
        }
        s->held.count = 0;
    }
}

/* Killed: its kernel resets the connections. Power cut: silence, until somebody's patience ends. */
void network_agent_gone(struct world *w, uint32_t host, bool silently) {
    for (size_t i = w->streams.count; i-- > 0;) {
        struct sim_stream *s = w->streams.data[i];
        if (s->host[0] != host && s->host[1] != host)
            continue;
        unsigned other = s->host[0] == host ? 1 : 0;
        bool quiet = silently || is_cut(w, s);
        if (s->open || other == 0)
            tell_closed(w, s->host[other], s->run[other], s->name[other], quiet ? ERR_TIMEOUT : ERR_CLOSED,
                        quiet ? STUCK_US : delay(w));
        stream_forget(w, s);
    }
}

void network_event(struct world *w, struct event *e) {
    struct sim_host *h = &w->hosts[e->host];
    if (e->kind == EVENT_STREAM_OPEN)
        stream_open(w, e);
    else if (e->kind == EVENT_STREAM_MESSAGE)
        stream_message(w, e);
    else if (h->node != NULL && e->kind == EVENT_DATAGRAM) {
        struct node_input in = {
            .kind = NODE_DATAGRAM, .addr = e->addr, .data = bytes_of(e->data, e->data_size)};
        host_feed(w, h, &in);
    } else if (h->node != NULL && e->kind == EVENT_STREAM_CLOSE && h->run == e->run) {
        unsigned side;
        struct sim_stream *s = stream_of(w, h, e->a, &side);
        if (s != NULL)
            stream_forget(w, s);
        struct node_input in = {.kind = NODE_STREAM_CLOSED,
                                .stream = e->a,
                                .error = (int)(int64_t)e->b,
                                .text = bytes_str(err_str((int)(int64_t)e->b))};
        host_feed(w, h, &in);
    }
}

void network_done(struct world *w) {
    for (size_t i = 0; i < w->streams.count; i++)
        stream_free(w->streams.data[i]);
    VEC_DONE(&w->streams);
}
