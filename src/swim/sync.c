/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Push-pull of whole tables over a stream, and the contacts that are tried for as long as they may come
 * back: dead members, seeds, and members of the committed table that were never heard of. Any one contact
 * that answers merges two halves: its table is merged here, and the news spreads as rumours.
 */

#include "internal.h"

#define ALONE_TRIES    3              /* contacts at a time while there is nobody else to talk to */
#define ALONE_DELAY_US (1 * US_PER_S) /* before the second time; doubled up to dead_retry_us */
#define SECOND_LOW_US  (5 * US_PER_S) /* after the first table: a second, for who joined with us */
#define SECOND_HIGH_US (10 * US_PER_S)
#define LOOKS_MAX      16  /* contacts passed over in one go */
#define STRETCH_MAX    100 /* of dead_retry_us, so that a large group shares the tries */

static bool alone(const struct swim *s) { return s->probe_ring.count == 0; }

/* A reply leaves out what the asker has shown to know already: those that bear this sync's stamp. */
static void sync_send(struct swim *s, struct node_id to, const struct addr *addr, bool reply) {
    struct wire_swim_sync sync = {.reply = reply};
    size_t count = s->members.count < WIRE_NODES_MAX ? s->members.count : WIRE_NODES_MAX;
    sync.members = arena_alloc(&s->arena, count * sizeof *sync.members);
    for (size_t i = 0; i < count; i++) {
        const struct member *m = s->members.entries[i].value;
        if (!reply || m->sync_stamp != s->sync_stamp)
            sync.members[sync.members_count++] = swim_record(m, true);
    }
    struct swim_effect *effect = swim_effect_new(s, SWIM_SYNC_SEND);
    effect->to = to;
    effect->addr = *addr;
    swim_effect_encode(s, effect, &wire_swim_sync_type, &sync);
}

static void sync_merge(struct swim *s, const struct wire_swim_sync *sync, struct node_id from) {
    s->sync_stamp++;
    s->merging = true;
    /* Who knew nobody has nobody to tell. */
    s->merging_quietly = alone(s);
    for (size_t i = 0; i < sync->members_count; i++) {
        const struct wire_member *record = &sync->members[i];
        swim_hear(s, record, from);
        struct member *m = swim_find(s, record->id);
        if (m && m->state == record->state && m->incarnation.generation == record->generation &&
            m->incarnation.version == record->version)
            m->sync_stamp = s->sync_stamp;
    }
    if (s->merging_quietly && !alone(s)) {
        int64_t second_us = s->now_us + prng_between(&s->prng, SECOND_LOW_US, SECOND_HIGH_US);
        s->sync_us = second_us < s->sync_us ? second_us : s->sync_us;
    }
    s->merging = s->merging_quietly = false;
}

int swim_sync_take(struct swim *s, const struct swim_input *in) {
    struct wire_swim_sync sync;
    if (codec_decode(&wire_swim_sync_type, in->packet, &s->arena, &sync, NULL) != 0)
        return ERR_INVALID;
    sync_merge(s, &sync, in->from);
    swim_heard_from(s, in->from);
    struct member *m = swim_find(s, in->from);
    if (m)
        m->last_ack_us = s->now_us;
    const struct addr *addr = m ? &m->addr : &in->addr;
    if (!sync.reply) {
        sync_send(s, in->from, addr, true);
    } else if (s->self_refuted && addr->size) {
        struct wire_swim_packet packet = {0};
        swim_send(s, in->from, addr, &packet, s->self, NULL);
    }
    return s->table_full ? ERR_LIMIT : 0;
}

/* ---- contacts ------------------------------------------------------------------------------------------ */

static bool is_seed(const struct member *m) { return ID_IS_ZERO(m->id); }

static bool live_at(const struct swim *s, const struct addr *addr) {
    for (size_t i = 0; i < s->members.count; i++) {
        const struct member *m = s->members.entries[i].value;
        if (m->state <= MEMBER_STATE_SUSPECT && addr_equal(&m->addr, addr))
            return true;
    }
    return false;
}

/*
 * As many tries a dead_retry_us as there are contacts, but never more than one a member: with few
 * contacts the members share them, so that a dead host of a large group is not stormed when it returns.
 */
static int64_t retry_delay_us(struct swim *s) {
    int64_t delay_us = s->config.dead_retry_us;
    if (alone(s)) {
        int64_t early_us = ALONE_DELAY_US << s->retry_attempts;
        delay_us = early_us < delay_us ? early_us : delay_us;
    } else {
        size_t stretch = (s->probe_ring.count + 1) / s->retry_ring.count;
        delay_us *= (int64_t)(stretch < 1 ? 1 : stretch > STRETCH_MAX ? STRETCH_MAX : stretch);
    }
    return prng_between(&s->prng, delay_us * 3 / 4, delay_us * 5 / 4);
}

void swim_retry_wake(struct swim *s) {
    int64_t at_us = s->now_us + retry_delay_us(s);
    if (at_us < s->retry_us && !s->leaving)
        s->retry_us = at_us;
}

static void retry_run(struct swim *s) {
    struct ring *ring = &s->retry_ring;
    size_t wanted = alone(s) ? ALONE_TRIES : 1;
    for (size_t looks = 0; looks < ring->count && looks < LOOKS_MAX && wanted > 0; looks++) {
        struct member *m = swim_ring_next(s, ring);
        if (is_seed(m) && live_at(s, &m->addr))
            continue;
        sync_send(s, m->id, &m->addr, false);
        wanted--;
    }
    s->retry_attempts = alone(s) ? s->retry_attempts + (s->retry_attempts < 16) : 0;
    s->retry_us = ring->count ? s->now_us + retry_delay_us(s) : TIME_NEVER_US;
}

static void exchange_run(struct swim *s) {
    int64_t interval_us = s->config.sync_interval_us * swim_sync_scale(s->probe_ring.count + 1);
    s->sync_us = s->now_us + prng_between(&s->prng, interval_us * 7 / 8, interval_us * 9 / 8);
    struct member *m;
    if (swim_pick(s, MEMBER_STATE_ALIVE, NULL, 1, &m) != 1)
        return;
    mark_hit(s->config.marks, MARK_SWIM_SYNC_SENT);
    sync_send(s, m->id, &m->addr, false);
}

void swim_sync_run(struct swim *s) {
    if (s->sync_us <= s->now_us)
        exchange_run(s);
    if (s->retry_us <= s->now_us)
        retry_run(s);
}

int swim_seed_add(struct swim *s, const struct addr *addr) {
    if (addr->size == 0)
        return ERR_INVALID;
    if (addr_equal(addr, &s->self->addr))
        return 0;
    for (size_t i = 0; i < s->seeds.count; i++) {
        if (addr_equal(&s->seeds.data[i]->addr, addr))
            return 0;
    }
    if (s->seeds.count >= SEEDS_MAX)
        return ERR_LIMIT;
    struct member *m = swim_member_new(s, (struct node_id){{0}}, addr);
    VEC_PUSH(&s->seeds, m);
    swim_ring_add(s, &s->retry_ring, m);
    s->retry_attempts = 0;
    swim_retry_wake(s);
    if (!live_at(s, addr) && !s->leaving)
        sync_send(s, m->id, addr, false);
    return 0;
}

int swim_contact_add(struct swim *s, struct node_id id, const struct addr *addr) {
    if (ID_IS_ZERO(id))
        return ERR_INVALID;
    if (ID_EQUAL(id, s->config.id))
        return 0;
    mem_free(MAP_REMOVE_ID(&s->forgotten, id));
    struct member *m = swim_find(s, id);
    if (!m)
        m = MAP_GET_ID(&s->strangers, id);
    if (m) {
        m->pinned = true;
        if (addr->size && (!m->known || m->state == MEMBER_STATE_DEAD))
            m->addr = *addr;
        return 0;
    }
    if (addr->size == 0)
        return ERR_INVALID;
    if (s->strangers.count >= s->config.members_max)
        return ERR_LIMIT;
    m = swim_member_new(s, id, addr);
    m->pinned = true;
    map_put(&s->strangers, bytes_of(m->id.b, sizeof m->id.b), m);
    swim_ring_add(s, &s->retry_ring, m);
    swim_retry_wake(s);
    /* The first try is soon, but not the same moment on every host of a rack that got its power back. */
    int64_t first_us = s->now_us + prng_between(&s->prng, 0, s->config.period_us);
    if (alone(s) && s->retry_attempts == 0 && !s->leaving && first_us < s->retry_us)
        s->retry_us = first_us;
    return 0;
}

int swim_contact_forget(struct swim *s, struct node_id id) {
    if (ID_IS_ZERO(id) || ID_EQUAL(id, s->config.id))
        return ERR_INVALID;
    struct member *m = swim_find(s, id);
    if (m) {
        mark_hit(s->config.marks, MARK_SWIM_FORGOTTEN);
        m->pinned = false;
        swim_table_forget(s, m);
    } else if ((m = MAP_REMOVE_ID(&s->strangers, id)) != NULL) {
        swim_ring_remove(&s->retry_ring, m);
        swim_member_free(m);
    }
    if (MAP_GET_ID(&s->forgotten, id))
        return 0;
    if (s->forgotten.count >= FORGOTTEN_MAX)
        mem_free(map_remove(&s->forgotten, s->forgotten.entries[0].key));
    struct node_id *mark = mem_alloc(sizeof *mark);
    *mark = id;
    map_put(&s->forgotten, bytes_of(mark->b, sizeof mark->b), mark);
    return 0;
}
