/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * What everybody holds compared, at a price that goes by the difference:
 *
 *   now and then   A -> B   in a datagram, the sum of all that A holds; nothing more if B's is the same
 *   if not         B -> A   sums of the buckets            over a stream, as all that follows
 *                  A -> B   which differ, and how new the facts are that A holds in them
 *                  B -> A   facts that are newer at B, and a list of those that are newer at A
 *                  A -> B   those
 *
 * A stream that opens begins with the second line: so a host that was away, and a whole side of a cut that
 * has healed, has all facts within a few round trips. Every message is bounded, and so is what one comparison
 * moves: `more` says that there is more.
 */
#include "internal.h"

#define MESSAGE_SIZE    (256u << 10)
#define EXCHANGE_SIZE   (1u << 20) /* of one comparison, each way */
#define EXCHANGE_OWNERS 2048
#define DIFFERED_MAX    3   /* a difference is put off so often while there is news to be told */
#define SMALL_SIZE      512 /* what any message costs him who answers it */

/* ---- messages ------------------------------------------------------------------------------------------ */

static struct wire_gossip_held held_of(const struct owner *o) {
    return (struct wire_gossip_held){.owner = o->id,
                                     .generation = o->at.generation,
                                     .version = o->at.version,
                                     .print = gossip_is_held(o) ? gossip_print(o) : 0};
}

void gossip_compare(struct gossip *g, struct node_id to) {
    uint8_t room[DIGEST_BUCKETS * DIGEST_SUM_SIZE];
    g->compared_us = g->now_us;
    g->counters.compared++;
    struct bytes sums = digest_encode(&g->digest, digest_buckets(g->owners.count), room);
    gossip_send(g, to, &(struct wire_gossip_sync){.sums = sums});
}

void gossip_sum_take(struct gossip *g, uint64_t sum, struct node_id from) {
    if (sum == gossip_sum(g)) {
        g->differed = 0;
        return;
    }
    g->counters.sums_differed++;
    if (g->rumours.count > 0 && g->differed < DIFFERED_MAX) {
        g->differed++;
        return;
    }
    if (g->compared_us != 0 && g->now_us - g->compared_us < g->config.compare_us)
        return;
    g->differed = 0;
    gossip_mark(g, MARK_GOSSIP_COMPARED);
    gossip_compare(g, from);
}

/* ---- what is on its way to one member ------------------------------------------------------------------ */

struct load {
    struct wire_gossip_news *news;
    size_t count, max;
    size_t size;      /* of the message being filled, about */
    size_t sent_size; /* of those sent */
    bool more;        /* not all of it fits this exchange */
};

static struct load load_make(struct gossip *g, size_t max) {
    return (struct load){.news = arena_alloc(&g->arena, (max + 1) * sizeof(struct wire_gossip_news)),
                         .max = max};
}

static size_t news_cost(const struct wire_gossip_news *news) {
    size_t size = 160;
    for (size_t i = 0; i < news->facts_count; i++)
        size += news->facts[i].key.size + news->facts[i].value.size + 24;
    return size;
}

static void load_flush(struct gossip *g, struct node_id to, struct load *l) {
    if (l->count == 0)
        return;
    gossip_send(g, to, &(struct wire_gossip_sync){.news = l->news, .news_count = l->count});
    l->sent_size += l->size;
    g->serve_us += (int64_t)l->size * US_PER_S / g->config.serve_bytes; /* paid before the next one */
    l->count = l->size = 0;
}

/* What whoever holds this of the owner lacks. */
static void load_add(struct gossip *g, struct node_id to, struct load *l, const struct owner *o,
                     const struct wire_gossip_held *held) {
    if (l->sent_size + l->size >= EXCHANGE_SIZE || l->count == l->max) {
        l->more = true;
        return;
    }
    bool continues = held->generation == o->at.generation && held->version < o->at.version;
    struct wire_gossip_news *news = &l->news[l->count];
    gossip_news_make(g, o, continues ? held->version : 0, news);
    size_t cost = news_cost(news);
    if (l->count > 0 && l->size + cost > MESSAGE_SIZE) {
        struct wire_gossip_news last = *news;
        load_flush(g, to, l);
        l->news[0] = last;
    }
    l->count++;
    l->size += cost;
    g->counters.served++;
}

/* ---- steps --------------------------------------------------------------------------------------------- */

/* Whoever compares all day costs the others no more than they have set aside for it. */
static bool serve(struct gossip *g, size_t size) {
    if (gossip_budget_take(g, &g->serve_us, size, g->config.serve_bytes, g->config.serve_bytes))
        return true;
    g->counters.put_off++;
    return false;
}

/* The buckets that differ, from a random one on until enough owners are in them; what is held of those. */
static void sums_answer(struct gossip *g, struct node_id to, struct bytes sums) {
    struct digest_difference d;
    size_t sizes[DIGEST_BUCKETS] = {0};
    for (size_t i = 0; i < g->owners.count; i++)
        sizes[gossip_bucket(((const struct owner *)g->owners.entries[i].value)->id)]++;
    size_t from = (size_t)prng_below(&g->prng, sums.size / DIGEST_SUM_SIZE);
    if (!digest_compare(&g->digest, sums, sizes, from, EXCHANGE_OWNERS, &d) ||
        !serve(g, SMALL_SIZE + d.items * sizeof(struct wire_gossip_held)))
        return;
    struct wire_gossip_sync sync = {.differ = digest_bits(&d), .buckets = (uint32_t)d.buckets};
    sync.held = arena_alloc(&g->arena, (d.items + 1) * sizeof *sync.held);
    for (size_t i = 0; i < g->owners.count; i++) {
        const struct owner *o = g->owners.entries[i].value;
        if (gossip_is_held(o) && digest_has(digest_bits(&d), d.buckets, gossip_bucket(o->id)) &&
            sync.held_count < WIRE_NODES_MAX)
            sync.held[sync.held_count++] = held_of(o);
    }
    g->counters.compared_for++;
    gossip_send(g, to, &sync);
}

/* Both when they have different words of one version: the greater root wins at either end. */
static void held_look(struct gossip *g, struct node_id to, struct load *l,
                      const struct wire_gossip_held *theirs) {
    struct owner *o = gossip_find(g, theirs->owner);
    if (o == NULL)
        return;
    o->comparison = g->comparison;
    struct wire_gossip_held ours = held_of(o);
    bool same = ours.generation == theirs->generation && ours.version == theirs->version;
    bool theirs_newer = theirs->generation > ours.generation ||
                        (theirs->generation == ours.generation && theirs->version > ours.version);
    if (same && ours.print == theirs->print)
        return;
    if ((theirs_newer || same) && theirs->generation >= o->gone_below && g->wanted.count < EXCHANGE_OWNERS)
        gossip_want(g, o, same);
    if (!theirs_newer && gossip_is_held(o))
        load_add(g, to, l, o, theirs);
}

static void held_answer(struct gossip *g, struct node_id to, const struct wire_gossip_sync *sync) {
    struct load l = load_make(g, EXCHANGE_OWNERS);
    g->comparison++;
    for (size_t i = 0; i < sync->held_count; i++)
        held_look(g, to, &l, &sync->held[i]);
    for (size_t i = 0; i < g->owners.count; i++) {
        const struct owner *o = g->owners.entries[i].value;
        struct wire_gossip_held nothing = {.owner = o->id};
        if (o->comparison != g->comparison && gossip_is_held(o) &&
            digest_has(sync->differ, sync->buckets, gossip_bucket(o->id)))
            load_add(g, to, &l, o, &nothing);
    }
    load_flush(g, to, &l);
    if (l.more)
        gossip_send(g, to, &(struct wire_gossip_sync){.more = true});
}

static void wanted_answer(struct gossip *g, struct node_id to, const struct wire_gossip_sync *sync) {
    struct load l = load_make(g, EXCHANGE_OWNERS);
    for (size_t i = 0; i < sync->wanted_count; i++) {
        const struct owner *o = gossip_find(g, sync->wanted[i].owner);
        if (o == NULL || !gossip_is_held(o) || !serve(g, SMALL_SIZE))
            continue;
        load_add(g, to, &l, o, &sync->wanted[i]);
    }
    load_flush(g, to, &l);
    if (l.more)
        gossip_send(g, to, &(struct wire_gossip_sync){.more = true});
}

void gossip_wanted_send(struct gossip *g, struct node_id to) {
    if (g->wanted.count > 0)
        gossip_send(g, to,
                    &(struct wire_gossip_sync){.wanted = g->wanted.data, .wanted_count = g->wanted.count});
    g->wanted.count = 0;
}

static bool sync_is_sane(const struct wire_gossip_sync *sync) {
    bool sums = sync->sums.size == 0 || digest_is_sane(sync->sums);
    return sums &&
           (sync->buckets == 0 || (sync->buckets <= DIGEST_BUCKETS && is_power_of_two(sync->buckets)));
}

int gossip_sync_take(struct gossip *g, const struct gossip_input *in) {
    struct wire_gossip_sync sync;
    g->counters.streams_received++;
    if (codec_decode(&wire_gossip_sync_type, in->packet, &g->arena, &sync, NULL) != 0 ||
        !sync_is_sane(&sync)) {
        g->counters.refused_invalid++;
        return ERR_INVALID;
    }
    size_t taken = g->taken;
    for (size_t i = 0; i < sync.news_count; i++)
        gossip_news_take(g, &sync.news[i], in->from);
    g->counters.taken_by_stream += g->taken - taken;
    if (sync.sums.size > 0)
        sums_answer(g, in->from, sync.sums);
    if (sync.buckets > 0 && serve(g, SMALL_SIZE))
        held_answer(g, in->from, &sync);
    if (sync.wanted_count > 0)
        wanted_answer(g, in->from, &sync);
    gossip_wanted_send(g, in->from);
    if (sync.more && g->taken > 0 &&
        (g->compared_us == 0 || g->now_us - g->compared_us >= g->config.compare_us / 8))
        gossip_compare(g, in->from);
    return 0;
}
