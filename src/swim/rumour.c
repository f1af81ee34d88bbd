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

#define GOSSIP_NODES   3  /* members told each time, as memberlist */
#define GOSSIP_PERCENT 40 /* of a period, between two times; as memberlist */

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

void swim_rumour_start(struct swim *s, struct member *m) {
    if (m->rumour)
        rumour_unlink(s, m->rumour);
    else
        m->rumour = mem_alloc(sizeof *m->rumour);
    s->rumours_count += m->rumour->member == NULL;
    m->rumour->member = m;
    m->rumour->sent = 0;
    rumour_link(s, m->rumour);
    swim_gossip_wake(s);
}

void swim_rumour_stop(struct swim *s, struct member *m) {
    if (!m->rumour)
        return;
    rumour_unlink(s, m->rumour);
    mem_free(m->rumour);
    m->rumour = NULL;
    s->rumours_count--;
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

static void rumour_sent(struct swim *s, struct member *m, uint32_t limit) {
    struct rumour *r = m->rumour;
    if (!r)
        return;
    if (r->sent + 1 >= limit) {
        swim_rumour_stop(s, m);
        return;
    }
    rumour_unlink(s, r);
    r->sent++;
    rumour_link(s, r);
}

/* ---- packing ------------------------------------------------------------------------------------------- */

struct wire_member swim_record(const struct member *m, bool full) {
    struct wire_member record = {
        .id = m->id,
        .state = (enum member_state)m->state,
        .generation = m->incarnation.generation,
        .version = m->incarnation.version,
    };
    if (m->state == MEMBER_STATE_ALIVE || (full && m->state == MEMBER_STATE_SUSPECT)) {
        record.name = bytes_of(m->name, m->name_size);
        record.addr = m->addr;
    }
    if (m->accusation && m->state != MEMBER_STATE_LEFT)
        record.from = m->accusation->accuser;
    return record;
}

/* A packet while it is being filled. */
struct parcel {
    struct wire_member records[WIRE_MEMBERS_PACKET_MAX];
    struct member *members[WIRE_MEMBERS_PACKET_MAX];
    size_t count;
    size_t size_bytes; /* as encoded, with everything so far */
    size_t limit_bytes;
};

/* Field number and array header of the list: the header grows past 15 items. */
static size_t list_overhead(size_t count) { return count == 0 ? 0 : count <= 15 ? 2 : 4; }

static bool parcel_has(const struct parcel *p, const struct member *m) {
    for (size_t i = 0; i < p->count; i++) {
        if (p->members[i] == m)
            return true;
    }
    return false;
}

static bool parcel_add(struct swim *s, struct parcel *p, struct member *m) {
    if (p->count == WIRE_MEMBERS_PACKET_MAX)
        return false;
    struct wire_member record = swim_record(m, false);
    buf_clear(&s->scratch);
    codec_encode(&wire_member_type, &record, &s->scratch);
    size_t size = p->size_bytes - list_overhead(p->count) + s->scratch.size + list_overhead(p->count + 1);
    if (size > p->limit_bytes)
        return false;
    p->size_bytes = size;
    p->members[p->count] = m;
    p->records[p->count++] = record;
    return true;
}

static void parcel_fill(struct swim *s, struct parcel *p, struct node_id to) {
    unsigned misses = 0;
    for (uint32_t sent = 0; sent < RETRANSMITS_MAX; sent++) {
        for (struct rumour *r = s->rumours[sent].first; r; r = r->next) {
            struct member *m = r->member;
            /* That it lives is no news to itself; that it is doubted is. */
            bool stale_news = m->state == MEMBER_STATE_ALIVE && ID_EQUAL(m->id, to);
            if (stale_news || parcel_has(p, m) || parcel_add(s, p, m))
                continue;
            if (p->count == WIRE_MEMBERS_PACKET_MAX || ++misses == MISSES_MAX)
                return;
        }
    }
}

void swim_send(struct swim *s, struct node_id to, const struct addr *addr, struct wire_swim_packet *packet,
               struct member *first, struct member *second) {
    struct parcel p;
    p.count = 0;
    p.limit_bytes = s->config.packet_size_max;
    buf_clear(&s->scratch);
    codec_encode(&wire_swim_packet_type, packet, &s->scratch);
    p.size_bytes = s->scratch.size;
    if (first)
        parcel_add(s, &p, first);
    if (second && second != first)
        parcel_add(s, &p, second);
    parcel_fill(s, &p, to);
    if (p.count == 0 && !packet->ping && !packet->ping_req && !packet->ack && !packet->nack)
        return;
    packet->members = p.count ? p.records : NULL;
    packet->members_count = p.count;

    struct swim_effect *effect = swim_effect_new(s, SWIM_SEND);
    effect->to = to;
    effect->addr = *addr;
    swim_effect_encode(s, effect, &wire_swim_packet_type, packet);
    assert(effect->packet.size == p.size_bytes && p.size_bytes <= p.limit_bytes);

    uint32_t limit = swim_retransmits(s->config.retransmit_mult, s->probe_ring.count + 1);
    for (size_t i = 0; i < p.count; i++)
        rumour_sent(s, p.members[i], limit);
}

/* ---- gossip -------------------------------------------------------------------------------------------- */

void swim_gossip_wake(struct swim *s) {
    int64_t interval_us = s->config.period_us * GOSSIP_PERCENT / 100;
    if (s->gossip_us == TIME_NEVER_US && s->rumours_count > 0 && s->probe_ring.count > 0)
        s->gossip_us = s->now_us + prng_between(&s->prng, 0, interval_us);
}

void swim_gossip_run(struct swim *s) {
    struct member *to[GOSSIP_NODES];
    if (s->gossip_us > s->now_us)
        return;
    size_t count = swim_pick(s, MEMBER_STATE_SUSPECT, NULL, GOSSIP_NODES, to);
    for (size_t i = 0; i < count; i++) {
        struct wire_swim_packet packet = {0};
        swim_send(s, to[i]->id, &to[i]->addr, &packet, NULL, NULL);
    }
    bool more = s->rumours_count > 0 && s->probe_ring.count > 0;
    s->gossip_us = more ? s->now_us + s->config.period_us * GOSSIP_PERCENT / 100 : TIME_NEVER_US;
}
