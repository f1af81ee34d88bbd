/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * What is told on, and how much of it goes into one datagram.
 *
 * One rumour a member: a newer one takes the place of the older. Those sent least often go first (SWIM,
 * section 4.1), among equals the oldest; after swim_retransmits() times a rumour is dropped.
 *
 * While there is any, some go to a few random members on a clock of their own: the pings of a node in trouble
 * are rare, and most go to those who are gone.
 */

#include "internal.h"

#define GOSSIP_NODES 3 /* members told each time, as memberlist */

#define SETTLED_LOW_PERIODS  2 /* after the last rumour, until tables are compared */
#define SETTLED_HIGH_PERIODS 6

#define CROWD   8  /* rumours, above which they go in fewer and fuller packets */
#define BACKLOG 64 /* rumours, above which they are too many to tell one by one */

#define MISSES_MAX 8 /* rumours too large for the room that is left, until the packet is called full */

/* ---- effects ------------------------------------------------------------------------------------------- */

struct swim_effect *swim_effect_new(struct swim *s, enum swim_effect_kind kind) {
    struct pending p = {.effect = {.kind = kind}};
    VEC_PUSH(&s->pending, p);
    return &s->pending.data[s->pending.count - 1].effect;
}

void swim_effect_encode(struct swim *s, struct swim_effect *effect, const struct codec_type *type,
                        const void *obj) {
    struct pending *p = &s->pending.data[s->pending.count - 1];
    assert(effect == &p->effect);
    p->packet_at = s->out.size;
    codec_encode(type, obj, &s->out);
    effect->packet.size = s->out.size - p->packet_at;
    bool datagram = effect->kind == SWIM_SEND;
    *(datagram ? &s->counters.packets_sent : &s->counters.syncs_sent) += 1;
    *(datagram ? &s->counters.packet_bytes_sent : &s->counters.sync_bytes_sent) += effect->packet.size;
}

/* ---- the queue ----------------------------------------------------------------------------------------- */

static void rumour_link(struct swim *s, struct rumour *r) {
    r->next = NULL;
    r->previous = s->rumours[r->sent].last;
    if (r->previous)
        r->previous->next = r;
    else
        s->rumours[r->sent].first = r;
    s->rumours[r->sent].last = r;
}

static void rumour_unlink(struct swim *s, struct rumour *r) {
    if (r->previous)
        r->previous->next = r->next;
    else
        s->rumours[r->sent].first = r->next;
    if (r->next)
        r->next->previous = r->previous;
    else
        s->rumours[r->sent].last = r->previous;
}

/* Too much news: what was told most often gives way, and is left to the comparison of tables. */
static bool rumour_give_way(struct swim *s) {
    for (uint32_t sent = RETRANSMITS_MAX; sent-- > 0;) {
        struct rumour *r = s->rumours[sent].first;
        if (r && r->member == s->self)
            r = r->next;
        if (!r)
            continue;
        swim_rumour_stop(s, r->member);
        s->counters.rumours_dropped++;
        return true;
    }
    return false;
}

static uint32_t times(const struct swim *s) {
    return swim_retransmits(s->config.retransmit_mult, s->probe_ring.count + 1);
}

void swim_rumour_start(struct swim *s, struct member *m, bool card) {
    struct dealings *d = swim_dealings(s, m);
    if (d->rumour) {
        rumour_unlink(s, d->rumour);
    } else {
        if (s->rumours_count >= s->config.rumours_max && !rumour_give_way(s))
            return;
        d->rumour = mem_alloc(sizeof *d->rumour);
        d->rumour->member = m;
        s->rumours_count++;
    }
    d->rumour->sent = 0;
    if (card)
        d->rumour->full_left = times(s);
    rumour_link(s, d->rumour);
    swim_gossip_wake(s);
}

void swim_rumour_echo(struct swim *s, struct member *m, uint32_t percent) {
    swim_rumour_start(s, m, false);
    struct rumour *r = m->dealings ? m->dealings->rumour : NULL;
    if (!r || !swim_has(s, SWIM_BELIEF))
        return;
    rumour_unlink(s, r);
    r->sent = times(s) * (100 - percent) / 100;
    rumour_link(s, r);
}

void swim_rumour_stop(struct swim *s, struct member *m) {
    if (!m->dealings || !m->dealings->rumour)
        return;
    rumour_unlink(s, m->dealings->rumour);
    mem_free(m->dealings->rumour);
    m->dealings->rumour = NULL;
    swim_dealings_tidy(s, m);
    /* What there was to tell is told: does everybody have it? */
    if (--s->rumours_count == 0)
        swim_sync_soon(s, SETTLED_LOW_PERIODS * s->config.period_us,
                       SETTLED_HIGH_PERIODS * s->config.period_us);
}

void swim_rumour_heard(struct swim *s, struct member *m) {
    struct rumour *r = m->dealings ? m->dealings->rumour : NULL;
    if (!r || !swim_has(s, SWIM_BELIEF))
        return;
    if (r->sent + 1 >= times(s)) {
        swim_rumour_stop(s, m);
        return;
    }
    rumour_unlink(s, r);
    r->sent++;
    rumour_link(s, r);
}

void swim_rumours_drop(struct swim *s) {
    for (uint32_t sent = 0; sent < RETRANSMITS_MAX; sent++) {
        struct rumour *next;
        for (struct rumour *r = s->rumours[sent].first; r; r = next) {
            next = r->next;
            if (r->member != s->self)
                swim_rumour_stop(s, r->member);
        }
    }
}

static void rumour_sent(struct swim *s, struct member *m, bool full) {
    struct rumour *r = m->dealings ? m->dealings->rumour : NULL;
    if (!r)
        return;
    if (r->sent + 1 >= times(s)) {
        swim_rumour_stop(s, m);
        return;
    }
    rumour_unlink(s, r);
    r->sent++;
    r->full_left -= full && r->full_left > 0;
    rumour_link(s, r);
}

/* ---- packing ------------------------------------------------------------------------------------------- */

struct wire_member swim_record(const struct member *m, bool full) {
    struct wire_member record = {
        .id = swim_id(m),
        .state = (enum member_state)m->state,
        .generation = m->incarnation.generation,
        .version = m->incarnation.version,
    };
    const struct accusation *a = swim_accusation(m);
    if (a && m->state != MEMBER_STATE_LEFT)
        record.from = a->accuser;
    if (m->state == MEMBER_STATE_LEFT && m->dealings && m->dealings->farewell)
        record.farewell = bytes_of(m->dealings->farewell->b, sizeof m->dealings->farewell->b);
    if (!full)
        return record;
    const struct card *card = m->card;
    record.name = swim_card_name(card);
    record.addr = card->addr;
    record.since = card->since;
    if (card->is_signed) {
        record.key = card->key;
        record.signature = bytes_of(card->signature.b, sizeof card->signature.b);
    }
    return record;
}

/* A packet while it is being filled. */
struct parcel {
    struct wire_member records[WIRE_MEMBERS_PACKET_MAX];
    struct first told[WIRE_MEMBERS_PACKET_MAX];
    size_t count;
    size_t size_bytes; /* as encoded, with everything so far */
    size_t limit_bytes;
};

/* Field number and array header of the list: the header grows past 15 items. */
static size_t list_overhead(size_t count) { return count == 0 ? 0 : count <= 15 ? 2 : 4; }

static bool parcel_has(const struct parcel *p, const struct member *m) {
    for (size_t i = 0; i < p->count; i++) {
        if (p->told[i].member == m)
            return true;
    }
    return false;
}

static bool parcel_add(struct swim *s, struct parcel *p, struct member *m, bool full) {
    if (p->count == WIRE_MEMBERS_PACKET_MAX)
        return false;
    struct wire_member record = swim_record(m, full);
    buf_clear(&s->scratch);
    codec_encode(&wire_member_type, &record, &s->scratch);
    size_t size = p->size_bytes - list_overhead(p->count) + s->scratch.size + list_overhead(p->count + 1);
    if (size > p->limit_bytes)
        return false;
    p->size_bytes = size;
    p->told[p->count] = (struct first){m, full};
    p->records[p->count++] = record;
    return true;
}

static void parcel_fill(struct swim *s, struct parcel *p, struct node_id to) {
    unsigned misses = 0;
    for (uint32_t sent = 0; sent < RETRANSMITS_MAX; sent++) {
        for (struct rumour *r = s->rumours[sent].first; r; r = r->next) {
            struct member *m = r->member;
            /* That it lives is no news to itself; that it is doubted is. */
            bool stale_news = m->state == MEMBER_STATE_ALIVE && ID_EQUAL(m->card->id, to);
            if (stale_news || parcel_has(p, m) || parcel_add(s, p, m, r->full_left > 0))
                continue;
            if (p->count == WIRE_MEMBERS_PACKET_MAX || ++misses == MISSES_MAX)
                return;
        }
    }
}

static bool is_empty(const struct wire_swim_packet *p) {
    return !p->ping && !p->ping_req && !p->ack && !p->nack && !p->wanted_count && !p->sum;
}

void swim_send(struct swim *s, struct node_id to, const struct addr *addr, struct wire_swim_packet *packet,
               const struct first *firsts, size_t firsts_count) {
    struct parcel p;
    p.count = 0;
    p.limit_bytes = s->config.packet_size_max;
    buf_clear(&s->scratch);
    codec_encode(&wire_swim_packet_type, packet, &s->scratch);
    p.size_bytes = s->scratch.size;
    for (size_t i = 0; i < firsts_count; i++) {
        if (firsts[i].member && !parcel_has(&p, firsts[i].member))
            parcel_add(s, &p, firsts[i].member, firsts[i].full);
    }
    parcel_fill(s, &p, to);
    if (p.count == 0 && is_empty(packet))
        return;
    packet->members = p.count ? p.records : NULL;
    packet->members_count = p.count;

    struct swim_effect *effect = swim_effect_new(s, SWIM_SEND);
    effect->to = to;
    effect->addr = *addr;
    swim_effect_encode(s, effect, &wire_swim_packet_type, packet);
    assert(effect->packet.size == p.size_bytes && p.size_bytes <= p.limit_bytes);
    s->counters.pings_sent += packet->ping != NULL;
    s->counters.ping_reqs_sent += packet->ping_req != NULL;
    s->counters.acks_sent += packet->ack != NULL;
    s->counters.nacks_sent += packet->nack != NULL;
    s->counters.records_sent += p.count;

    for (size_t i = 0; i < p.count; i++)
        rumour_sent(s, p.told[i].member, p.told[i].full);
}

void swim_tell(struct swim *s, struct node_id to, const struct addr *addr, struct member *about, bool full) {
    struct wire_swim_packet packet = {0};
    swim_send(s, to, addr, &packet, &(struct first){about, full}, 1);
}

/* ---- gossip -------------------------------------------------------------------------------------------- */

void swim_gossip_wake(struct swim *s) {
    if (s->gossip_us == TIME_NEVER_US && s->rumours_count > 0 && s->probe_ring.count > 0 &&
        swim_has(s, SWIM_GOSSIP))
        s->gossip_us =
            s->now_us + (swim_has(s, SWIM_BELIEF) ? s->config.gossip_interval_us / 16
                                                  : prng_between(&s->prng, 0, s->config.gossip_interval_us));
}

/* As many as memberlist tells while something is new here; what most have heard may go slower. */
static size_t gossip_nodes(const struct swim *s) {
    uint32_t new = times(s) * 3 / 4;
    for (uint32_t sent = 0; sent < new; sent++) {
        if (s->rumours[sent].first)
            return GOSSIP_NODES;
    }
    return swim_has(s, SWIM_BELIEF) ? 1 : GOSSIP_NODES;
}

void swim_gossip_run(struct swim *s) {
    struct member *to[GOSSIP_NODES];
    if (s->gossip_us > s->now_us)
        return;
    /* More than a few packets hold: a comparison moves it in one go, and once. */
    if (s->rumours_count > BACKLOG && swim_has(s, SWIM_HEALING) && swim_has(s, SWIM_BELIEF)) {
        s->eager = true;
        swim_sync_soon(s, s->config.period_us, 2 * s->config.period_us);
    }
    size_t count = swim_pick(s, MEMBER_STATE_SUSPECT, NULL, gossip_nodes(s), to);
    for (size_t i = 0; i < count; i++) {
        struct wire_swim_packet packet = {0};
        swim_send(s, swim_id(to[i]), &to[i]->card->addr, &packet, NULL, 0);
    }
    bool more = s->rumours_count > 0 && s->probe_ring.count > 0;
    bool crowd = s->rumours_count > CROWD && swim_has(s, SWIM_BELIEF);
    s->gossip_us = more ? s->now_us + s->config.gossip_interval_us * (crowd ? 2 : 1) : TIME_NEVER_US;
}
