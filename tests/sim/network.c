/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Links and datagrams. Each way of each pair is a link of its own, so what passes from one host to another
 * says nothing about the way back, nor about a third host. A datagram goes to an address, and whoever has
 * that address when it arrives gets it.
 */
#include "checker.h"
#include "hostile.h"

#define HELD_MAX      2000 /* datagrams that a clogged link keeps: more are dropped */
#define LATE_MAX_US   (60 * US_PER_S)
#define UNHELD_GAP_US 20 /* between those that a clog lets go */

void network_init(struct world *w) {
    for (uint32_t i = 0; i < HOSTS_MAX; i++)
        for (uint32_t j = 0; j < HOSTS_MAX; j++) {
            w->link[i][j].min_us = 100;
            w->link[i][j].mean_us = 300;
        }
}

/*
 * Exponential, in integers: -ln(u) of a uniform u is ln 2 times the number of leading zeros of its bits and
 * the rest, for which a straight line is good enough here.
 */
static int64_t exponential(struct prng *p, int64_t mean_us) {
    uint64_t u = prng_next(p) | 1;
    int64_t zeros = __builtin_clzll(u);
    uint64_t rest = u << zeros;                       /* its highest bit is 1 */
    int64_t part = (int64_t)((~rest) >> 47) & 0xffff; /* 0..65535: 1 - fraction */
    int64_t log2_fixed = zeros * 65536 + part;
    return mean_us * log2_fixed / 65536 * 693 / 1000;
}

int64_t network_delay(struct world *w, uint32_t from, uint32_t to) {
    const struct sim_link *l = &w->link[from][to];
    return l->min_us + exponential(&w->net_prng, l->mean_us);
}

struct sim_host *network_host_at(struct world *w, const struct addr *addr) {
    for (uint32_t i = 0; i < w->hosts_count; i++)
        if (addr_equal(&w->hosts[i].addr, addr))
            return &w->hosts[i];
    return NULL;
}

bool network_blocked(const struct world *w, uint32_t from, uint32_t to) {
    const struct sim_host *a = &w->hosts[from], *b = &w->hosts[to];
    return w->cut[from][to] || w->link[from][to].clogged || a->suspended || b->suspended || !a->powered ||
           !b->powered;
}

bool network_stream_blocked(const struct world *w, uint32_t from, uint32_t to) {
    return w->walled[from][to] || network_blocked(w, from, to);
}

/* ---- datagrams ----------------------------------------------------------------------------------------- */

static void datagram_push(struct world *w, struct addr source, uint32_t from, const struct sim_host *to,
                          uint32_t ip, struct bytes data, int64_t delay_us) {
    struct event *e = world_push(w, EVENT_DATAGRAM, delay_us, to->index);
    e->addr = source;
    e->a = ip;
    e->b = from;
    e->data = mem_alloc(data.size + 1);
    mem_copy(e->data, data.data, data.size);
    e->data_size = data.size;
}

static void datagram_send(struct world *w, struct sim_host *from, const struct addr *addr,
                          struct bytes data) {
    struct sim_host *to = network_host_at(w, addr);
    if (to == NULL || to == from || w->cut[from->index][to->index])
        return;
    const struct sim_link *l = &w->link[from->index][to->index];
    unsigned copies = prng_chance(&w->net_prng, l->duplicate) ? 2 : 1;
    for (unsigned i = 0; i < copies; i++) {
        int64_t delay_us = network_delay(w, from->index, to->index);
        if (prng_chance(&w->net_prng, l->loss))
            continue;
        if (prng_chance(&w->net_prng, l->reorder))
            delay_us += prng_between(&w->net_prng, 0, 10 * l->mean_us + 10 * US_PER_MS);
        if (prng_chance(&w->net_prng, l->late))
            delay_us += prng_between(&w->net_prng, 0, LATE_MAX_US);
        datagram_push(w, from->addr, from->index, to, to->ip, data, delay_us);
    }
}

void network_datagram(struct world *w, struct sim_host *from, const struct node_effect *e) {
    struct addr to = e->addr;
    struct buf more = {0};
    bool follows = hostile_packet(w, from, e->data, &to, &more);
    if (!follows || !w->lied)
        datagram_send(w, from, &e->addr, e->data);
    if (follows)
        datagram_send(w, from, &to, buf_bytes(&more));
    buf_done(&more);
}

/* The address may have another owner by now, or none. */
static struct sim_host *owner(struct world *w, uint32_t ip) {
    for (uint32_t i = 0; i < w->hosts_count; i++)
        if (w->hosts[i].ip == ip)
            return &w->hosts[i];
    return NULL;
}

void network_datagram_event(struct world *w, struct event *e) {
    struct sim_host *h = owner(w, (uint32_t)e->a);
    struct sim_link *l = &w->link[e->b][e->host];
    if (l->clogged) {
        if (l->held.count == HELD_MAX)
            return;
        VEC_PUSH(&l->held, *e);
        e->data = NULL; /* moved */
        return;
    }
    if (h == NULL || h->node == NULL || h->paused || h->suspended)
        return;
    struct node_input in = {.kind = NODE_DATAGRAM, .addr = e->addr, .data = bytes_of(e->data, e->data_size)};
    host_feed(w, h, &in);
}

#define RESOLVE_US (15 * US_PER_S) /* as the daemon looks names up again */

void network_moved(struct world *w, uint32_t host) {
    for (uint32_t i = 0; i < w->hosts_count; i++)
        if (i != host)
            world_push(w, EVENT_SEED, prng_between(&w->net_prng, 0, RESOLVE_US), i)->a = host;
}

void network_seed_event(struct world *w, struct event *e) {
    struct sim_host *h = &w->hosts[e->host];
    if (h->node != NULL)
        host_feed(w, h, &(struct node_input){.kind = NODE_SEED, .addr = w->hosts[e->a].addr});
}

/* ---- links that change --------------------------------------------------------------------------------- */

void network_cut(struct world *w, uint32_t from, uint32_t to, bool cut) {
    if (w->cut[from][to] == cut || from == to)
        return;
    w->cut[from][to] = cut;
    checkers_see(w, &(struct sight){.kind = SIGHT_NETWORK});
    if (cut) {
        w->cut_us[from][to] = w->now_us;
        streams_blocked(w, from, to);
    } else
        streams_released(w, from, to, w->cut_us[from][to]);
}

void network_wall(struct world *w, uint32_t a, uint32_t b, bool wall) {
    if (w->walled[a][b] == wall || a == b)
        return;
    w->walled[a][b] = w->walled[b][a] = wall;
    checkers_see(w, &(struct sight){.kind = SIGHT_NETWORK});
    if (wall) {
        w->walled_us[a][b] = w->walled_us[b][a] = w->now_us;
        streams_blocked(w, a, b);
        streams_blocked(w, b, a);
    } else {
        streams_released(w, a, b, w->walled_us[a][b]);
        streams_released(w, b, a, w->walled_us[b][a]);
    }
}

static void let_go(struct world *w, uint32_t from, uint32_t to) {
    struct sim_link *l = &w->link[from][to];
    int64_t at_us = network_delay(w, from, to);
    for (size_t i = 0; i < l->held.count; i++, at_us += UNHELD_GAP_US) {
        struct event *held = &l->held.data[i];
        datagram_push(w, held->addr, from, &w->hosts[to], (uint32_t)held->a,
                      bytes_of(held->data, held->data_size), at_us);
        mem_free(held->data);
    }
    l->held.count = 0;
}

void network_clog(struct world *w, uint32_t from, uint32_t to, bool clogged) {
    struct sim_link *l = &w->link[from][to];
    if (l->clogged == clogged || from == to)
        return;
    l->clogged = clogged;
    checkers_see(w, &(struct sight){.kind = SIGHT_NETWORK});
    if (clogged) {
        l->clogged_us = w->now_us;
        streams_blocked(w, from, to);
        return;
    }
    let_go(w, from, to);
    streams_released(w, from, to, w->now_us); /* nothing was lost: nothing waits to be sent again */
}

void network_done(struct world *w) {
    for (uint32_t i = 0; i < HOSTS_MAX; i++)
        for (uint32_t j = 0; j < HOSTS_MAX; j++) {
            struct sim_link *l = &w->link[i][j];
            for (size_t k = 0; k < l->held.count; k++)
                mem_free(l->held.data[k].data);
            VEC_DONE(&l->held);
        }
}
