/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Facts that a node owns, spread by anti-entropy.
 *
 * What is a fact here: what only its host knows, and what is true whether anybody agrees or not: how much of
 * it is in use, what it is like, which instances run on it, how they are, and where they are reached. Such
 * things change often, and are wanted most where nobody leads: on the small side of a split. So they are no
 * entries of the log, but gossip; nothing that is decided depends on them.
 *
 * From Scuttlebutt (van Renesse et al., LADIS 2008): each owner has a map of keys to values, each with a
 * version out of one counter of the owner; what somebody lacks is what is later than the greatest version
 * that he has; a digest of (owner, greatest version) finds that out. Removed keys stay as tombstones for a
 * bounded time. What differs:
 *
 *   - A word is whole. Scuttlebutt lets the versions of an owner come in several packets, in order. Here what
 *     is held of an owner is always all that it said at one version, bound by its signature (head.c): the
 *     receiver puts the changes over what it holds, and takes the result only if it has the signed root
 *     (news.c). It costs that an owner's facts are bounded (64 KiB), and that what is larger than a datagram
 *     comes over a stream. In exchange nobody between can leave out, mix or invent anything.
 *   - So a tombstone is a hint, not a promise: whoever missed one gets a root that does not fit, and asks for
 *     everything. A bounded life can never bring a removed fact back (the "zombies" of such stores).
 *   - The run's generation comes before the version: who starts anew is later than all that it said before.
 *     Two words under one version, of two hosts with one key, are told from each other by their roots; the
 *     greater one stays everywhere, and it is told to the operator.
 *   - News is told at once, in datagrams of swim that leave anyway, a few times by everybody (packet.c); the
 *     digest is for what got lost. There is first one sum of everything, then sums of buckets, then digests
 *     of owners (sync.c): equal hosts pay 17 bytes in four seconds, whatever their number.
 *
 * A blast radius has its wall at every host: keys, values, their number, their size together and how much may
 * change a second are bounded for each owner, by whoever takes them. What is beyond is not taken, so it is
 * not passed on; it is counted, and said.
 *
 * What a malicious member can do: say anything of itself, within these bounds; say nothing, and pass nothing
 * on; answer with the facts of others as they were before, to those that have no newer ones, until they meet
 * somebody else (everybody compares with members at random); sign two words under one version, of which the
 * same one is kept everywhere in the end; make others compare, within compare_us, and be served, within
 * serve_bytes. What it cannot do: change, mix or remove a fact of another owner, or make anybody go back to
 * an older word than the one held; use up the rate of another owner, since only what that one signed is
 * charged to it; fill anybody's memory, since owners are those of the committed table. No workload is stopped
 * or placed because of gossip, and no lease is granted by it (the log and the host's own facts decide): the
 * worst of all lies is a wrong line on an operator's screen.
 */
#include "internal.h"

static int64_t or_default(int64_t value, int64_t fallback) { return value != 0 ? value : fallback; }
static uint32_t or_default_u32(uint32_t value, uint32_t fallback) { return value != 0 ? value : fallback; }

static void config_defaults(struct gossip_config *c) {
    c->gather_us = or_default(c->gather_us, 200 * US_PER_MS);
    c->sum_interval_us = or_default(c->sum_interval_us, 4 * US_PER_S);
    c->compare_us = or_default(c->compare_us, US_PER_S);
    c->tombstone_us = or_default(c->tombstone_us, 600 * US_PER_S);
    c->rate_bytes = or_default_u32(c->rate_bytes, 1024);
    c->burst_bytes = or_default_u32(c->burst_bytes, 128u << 10);
    c->serve_bytes = or_default_u32(c->serve_bytes, 2u << 20);
    c->retransmit_mult = or_default_u32(c->retransmit_mult, 3);
    c->owners_max = or_default_u32(c->owners_max, WIRE_NODES_MAX);
}

struct gossip *gossip_new(const struct gossip_config *config, int64_t now_us) {
    struct gossip *g = mem_alloc(sizeof *g);
    g->config = *config;
    config_defaults(&g->config);
    prng_init(&g->prng, config->seed);
    g->now_us = now_us;
    g->publish_us = g->tidy_us = TIME_NEVER_US;
    g->sum_us = now_us + prng_between(&g->prng, 0, g->config.sum_interval_us);
    g->self = gossip_owner_new(g, config->id);
    if (config->identity != NULL)
        g->self->key = config->identity->public_key;
    return g;
}

void gossip_free(struct gossip *g) {
    if (g == NULL)
        return;
    for (size_t i = 0; i < g->owners.count; i++)
        gossip_owner_free(g->owners.entries[i].value);
    map_done(&g->owners);
    gossip_changes_drop(g);
    VEC_DONE(&g->changes);
    VEC_DONE(&g->rumours);
    VEC_DONE(&g->wanted);
    VEC_DONE(&g->pending);
    buf_done(&g->out);
    buf_done(&g->scratch);
    arena_done(&g->arena);
    mem_free(g);
}

/* ---- effects ------------------------------------------------------------------------------------------- */

struct gossip_effect *gossip_effect_new(struct gossip *g, enum gossip_effect_kind kind) {
    struct pending p = {.effect = {.kind = kind}};
    VEC_PUSH(&g->pending, p);
    return &g->pending.data[g->pending.count - 1].effect;
}

void gossip_send(struct gossip *g, struct node_id to, const struct wire_gossip_sync *sync) {
    struct gossip_effect *e = gossip_effect_new(g, GOSSIP_SEND);
    struct pending *p = &g->pending.data[g->pending.count - 1];
    e->to = to;
    p->packet_at = g->out.size;
    codec_encode(&wire_gossip_sync_type, sync, &g->out);
    e->packet.size = g->out.size - p->packet_at;
    g->counters.streams_sent++;
    g->counters.stream_bytes_sent += e->packet.size;
}

bool gossip_drain(struct gossip *g, struct gossip_effect *ret_effect) {
    if (g->pending_head == g->pending.count)
        return false;
    const struct pending *p = &g->pending.data[g->pending_head++];
    *ret_effect = p->effect;
    if (p->effect.kind == GOSSIP_SEND)
        ret_effect->packet.data = g->out.data + p->packet_at;
    return true;
}

/* ---- feeding ------------------------------------------------------------------------------------------- */

static int member_add(struct gossip *g, const struct gossip_input *in) {
    struct owner *o = gossip_find(g, in->from);
    if (o == NULL && g->owners.count >= g->config.owners_max)
        return ERR_LIMIT;
    if (o == NULL)
        o = gossip_owner_new(g, in->from);
    if (o != g->self)
        o->key = in->key_of;
    return 0;
}

static int member_left(struct gossip *g, const struct gossip_input *in) {
    struct owner *o = gossip_find(g, in->from);
    if (o == NULL || o == g->self)
        return ERR_NOT_FOUND;
    gossip_owner_clear(g, o);
    if (in->generation < UINT32_MAX && o->gone_below <= in->generation)
        o->gone_below = in->generation + 1;
    return 0;
}

/*
 * Whoever has left, lost its disk and joined anew counts its runs from 1 again: its new life may come to the
 * very generation in which the old one left. Membership tells the two apart by more than the generation.
 */
static int member_returned(struct gossip *g, const struct gossip_input *in) {
    struct owner *o = gossip_find(g, in->from);
    if (o == NULL || o == g->self)
        return ERR_NOT_FOUND;
    if (o->gone_below > in->generation)
        o->gone_below = in->generation;
    return 0;
}

static void member_forget(struct gossip *g, const struct gossip_input *in) {
    struct owner *o = gossip_find(g, in->from);
    if (o == NULL || o == g->self)
        return;
    gossip_owner_clear(g, o);
    gossip_mark(g, MARK_GOSSIP_FORGOTTEN);
    map_remove(&g->owners, bytes_of(o->id.b, ID_SIZE));
    gossip_owner_free(o);
}

static int dispatch(struct gossip *g, const struct gossip_input *in) {
    switch (in->kind) {
    case GOSSIP_TICK: return 0;
    case GOSSIP_SET: return gossip_own_set(g, in->key, in->value);
    case GOSSIP_MEMBER: return member_add(g, in);
    case GOSSIP_LEFT: return member_left(g, in);
    case GOSSIP_RETURNED: return member_returned(g, in);
    case GOSSIP_FORGET: member_forget(g, in); return 0;
    case GOSSIP_PACKET: return gossip_packet_take(g, in);
    case GOSSIP_SYNC: return gossip_sync_take(g, in);
    case GOSSIP_STREAM: gossip_compare(g, in->from); return 0;
    case GOSSIP_GENERATION:
        if (in->generation > g->config.generation)
            gossip_own_raise(g, in->generation, 0);
        return 0;
    }
    return ERR_INVALID;
}

int gossip_feed(struct gossip *g, int64_t now_us, const struct gossip_input *input) {
    if (g->pending_head == g->pending.count) {
        g->pending.count = g->pending_head = 0;
        buf_clear(&g->out);
    }
    arena_reset(&g->arena);
    if (now_us > g->now_us)
        g->now_us = now_us;
    g->taken = g->wanted.count = 0;
    int error = dispatch(g, input);
    gossip_own_run(g);
    gossip_tidy(g);
    return error;
}

int64_t gossip_deadline(const struct gossip *g) {
    return g->publish_us < g->tidy_us ? g->publish_us : g->tidy_us;
}

/* ---- looking in ---------------------------------------------------------------------------------------- */

size_t gossip_owners_count(const struct gossip *g) { return g->owners.count; }

static void owner_view(const struct owner *o, struct gossip_owner *ret) {
    *ret = (struct gossip_owner){.id = o->id,
                                 .generation = o->at.generation,
                                 .version = o->at.version,
                                 .facts_count = o->facts_count,
                                 .size_bytes = o->size,
                                 .changed_us = o->changed_us};
    memcpy(ret->root, o->at.root, sizeof ret->root);
}

bool gossip_owner_at(const struct gossip *g, size_t index, struct gossip_owner *ret) {
    if (index >= g->owners.count)
        return false;
    owner_view(g->owners.entries[index].value, ret);
    return true;
}

bool gossip_owner_find(const struct gossip *g, struct node_id id, struct gossip_owner *ret) {
    const struct owner *o = gossip_find(g, id);
    if (o == NULL)
        return false;
    owner_view(o, ret);
    return true;
}

static void fact_view(const struct fact *f, struct gossip_fact *ret) {
    *ret = (struct gossip_fact){
        .key = f->key, .value = f->value, .version = f->version, .removed = f->removed_us != 0};
}

bool gossip_fact_at(const struct gossip *g, struct node_id owner, size_t index, struct gossip_fact *ret) {
    const struct owner *o = gossip_find(g, owner);
    if (o == NULL || index >= o->facts_count)
        return false;
    fact_view(&o->facts[index], ret);
    return true;
}

bool gossip_fact_find(const struct gossip *g, struct node_id owner, struct bytes key,
                      struct gossip_fact *ret) {
    const struct owner *o = gossip_find(g, owner);
    const struct fact *f = o != NULL ? gossip_owner_fact(o, key) : NULL;
    if (f == NULL || f->removed_us != 0)
        return false;
    fact_view(f, ret);
    return true;
}

const struct gossip_counters *gossip_counters(const struct gossip *g) { return &g->counters; }

size_t gossip_memory(const struct gossip *g) {
    size_t size = sizeof *g + g->out.capacity + g->scratch.capacity +
                  g->owners.capacity * sizeof *g->owners.entries +
                  g->owners.slots_count * sizeof *g->owners.slots;
    for (size_t i = 0; i < g->owners.count; i++) {
        const struct owner *o = g->owners.entries[i].value;
        size += sizeof *o + o->facts_count * sizeof *o->facts + o->size;
    }
    return size;
}
