/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * What goes with datagrams that leave anyway: news, those told least often first, and now and then the sum of
 * all that is held. News that no datagram can take is told by its head alone; whoever lacks it asks for it
 * over a stream (as Plumtree's lazy push does: Leitao, Pereira, Rodrigues, SRDS 2007).
 */
#include "internal.h"

#define NEWS_SIZE_MAX   1000 /* larger ones are told by their heads: swim's packet must find room, too */
#define NEWS_PACKET_MAX 16
#define RUMOURS_MAX     512 /* more are left to the comparison */
#define SUM_SIZE        12  /* a map, the key, eight bytes with their head */
#define HELD_BACK_MAX   3   /* so often a sum waits for news to be told */
#define TRIES_MAX       32  /* of news that may not fit, for one packet */

void gossip_rumour_drop(struct gossip *g, struct owner *o) {
    for (size_t i = 0; i < g->rumours.count && o->is_rumour; i++) {
        if (g->rumours.data[i] != o)
            continue;
        VEC_REMOVE(&g->rumours, i);
        o->is_rumour = false;
    }
}

/* Too much news: what was told most often gives way, of equals the oldest, but never this node's own. */
static void rumour_give_way(struct gossip *g) {
    struct owner *most = NULL;
    for (size_t i = 0; i < g->rumours.count; i++) {
        struct owner *o = g->rumours.data[i];
        if (o != g->self && (most == NULL || o->sent > most->sent))
            most = o;
    }
    gossip_rumour_drop(g, most);
}

/* Behind all others that were told as seldom: who says much would else be told instead of them for ever. */
void gossip_rumour(struct gossip *g, struct owner *o) {
    gossip_rumour_drop(g, o);
    if (g->rumours.count == RUMOURS_MAX)
        rumour_give_way(g);
    o->sent = 0;
    o->is_rumour = true;
    VEC_PUSH(&g->rumours, o);
}

/* mult * ceil(log10(n + 1)), as swim tells its rumours. */
static uint32_t times_max(const struct gossip *g) {
    uint32_t digits = 0;
    for (size_t n = g->owners.count; n > 0; n /= 10)
        digits++;
    return g->config.retransmit_mult * digits;
}

/* ---- filling ------------------------------------------------------------------------------------------- */

static size_t news_size(struct gossip *g, const struct wire_gossip_news *news) {
    buf_clear(&g->scratch);
    codec_encode(&wire_gossip_news_type, news, &g->scratch);
    return g->scratch.size;
}

/* The form in which it fits, its size in *ret_size; false: not this time. */
static bool news_fit(struct gossip *g, const struct owner *o, size_t room, struct wire_gossip_news *ret,
                     size_t *ret_size) {
    bool fits_some = o->size <= NEWS_SIZE_MAX || o->news_from != 0;
    if (fits_some) {
        gossip_news_make(g, o, o->news_from, ret);
        *ret_size = news_size(g, ret);
        if (*ret_size <= room)
            return true;
        fits_some = *ret_size <= NEWS_SIZE_MAX;
    }
    if (fits_some)
        return false; /* a packet with more room will come */
    gossip_news_make(g, o, o->at.version, ret);
    ret->from = 0;
    ret->facts_count = 0;
    ret->bare = true;
    *ret_size = news_size(g, ret);
    return *ret_size <= room;
}

/* Told least often, among equals the oldest, of those not in `used` yet. */
static struct owner *rumour_next(const struct gossip *g, uint64_t used) {
    struct owner *best = NULL;
    for (size_t i = 0; i < g->rumours.count; i++) {
        struct owner *o = g->rumours.data[i];
        if (o->comparison != used && (best == NULL || o->sent < best->sent))
            best = o;
    }
    return best;
}

static void rumours_spent(struct gossip *g) {
    size_t kept = 0;
    for (size_t i = 0; i < g->rumours.count; i++) {
        struct owner *o = g->rumours.data[i];
        o->is_rumour = o->sent < times_max(g);
        if (o->is_rumour)
            g->rumours.data[kept++] = o;
    }
    g->rumours.count = kept;
}

static bool sum_is_due(struct gossip *g) {
    if (g->now_us < g->sum_us)
        return false;
    int64_t interval_us = g->config.sum_interval_us * (1 + (int64_t)(g->owners.count / 256));
    g->sum_us = g->now_us + prng_between(&g->prng, interval_us * 3 / 4, interval_us * 5 / 4);
    /* While news is about everybody differs from everybody. */
    if (g->rumours.count > 0 && g->held_back < HELD_BACK_MAX) {
        g->held_back++;
        return false;
    }
    g->held_back = 0;
    return true;
}

void gossip_fill(struct gossip *g, int64_t now_us, size_t room, struct buf *out) {
    struct wire_gossip_news list[NEWS_PACKET_MAX];
    struct wire_gossip_packet packet = {.news = list};
    if (room > WIRE_DATAGRAM_MAX)
        room = WIRE_DATAGRAM_MAX;
    size_t size, left = room;
    if (now_us > g->now_us)
        g->now_us = now_us;
    if (left < SUM_SIZE || g->owners.count < 2)
        return;
    arena_reset(&g->arena);
    left -= SUM_SIZE;
    if (sum_is_due(g))
        packet.sum = gossip_sum(g);
    left -= left < 4 ? left : 4; /* the list's own head */
    uint64_t round = ++g->comparison;
    for (size_t tries = 0; tries < TRIES_MAX && packet.news_count < NEWS_PACKET_MAX; tries++) {
        struct owner *o = rumour_next(g, round);
        if (o == NULL)
            break;
        o->comparison = round;
        if (!news_fit(g, o, left, &list[packet.news_count], &size))
            continue;
        left -= size;
        o->sent++;
        packet.news_count++;
    }
    if (packet.news_count == 0 && packet.sum == 0)
        return;
    rumours_spent(g);
    size_t before = out->size;
    codec_encode(&wire_gossip_packet_type, &packet, out);
    assert(out->size - before <= room);
    g->counters.sums_sent += packet.sum != 0;
    g->counters.news_sent += packet.news_count;
    g->counters.bytes_added += out->size - before;
}

/* ---- taking -------------------------------------------------------------------------------------------- */

int gossip_packet_take(struct gossip *g, const struct gossip_input *in) {
    struct wire_gossip_packet packet;
    if (codec_decode(&wire_gossip_packet_type, in->packet, &g->arena, &packet, NULL) != 0) {
        g->counters.refused_invalid++;
        return ERR_INVALID;
    }
    for (size_t i = 0; i < packet.news_count; i++)
        gossip_news_take(g, &packet.news[i], in->from);
    if (packet.sum != 0)
        gossip_sum_take(g, packet.sum, in->from);
    gossip_wanted_send(g, in->from);
    return 0;
}
