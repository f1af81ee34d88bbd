/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Those who may come back: dead members, for as long as they are remembered; seeds and members of the
 * committed table that were never heard of, for ever. Any one that answers brings its table, and so half a
 * cluster: a healed cut merges by itself.
 *
 * How soon: a member with as many dead as living ones, as there are on the smaller side of every cut, tries
 * one each dead_retry, give or take a quarter; six times that when the youngest death is a day old. So with
 * the defaults a cut that could be mended is, within 12.5 s at first and 75 s ever after, and what follows
 * takes as long as the comparisons of the tables.
 *
 * Of many members with one dead each tries it rarely; together they try it once a dead_retry from its death
 * on, as each begins at a moment of its own within the interval that follows.
 */

#include "internal.h"

#define ALONE_TRIES    3               /* contacts at a time while there is nobody else to talk to */
#define ALONE_DELAY_US (1 * US_PER_S)  /* before the second time; doubled up to dead_retry_us */
#define LOOKS_MAX      16              /* contacts passed over in one go */
#define STRETCH_MAX    100             /* of dead_retry_us, so that a large group shares the tries */
#define GREETED_US     (3 * US_PER_S)  /* a stream that a comparison has opened needs no other */
#define SEED_FRESH_US  (60 * US_PER_S) /* a seed told within this gives way to no other */
#define SEED_STALE_US  (3600 * US_PER_S)

static void retry_begin(struct swim *s);

static bool is_seed(const struct contact *c) { return ID_IS_ZERO(c->id); }

static struct bytes id_bytes(const struct contact *c) { return bytes_of(c->id.b, sizeof c->id.b); }

/* ---- which there are ----------------------------------------------------------------------------------- */

static struct contact *contact_make(struct swim *s, struct node_id id, const struct addr *addr) {
    struct contact *c = mem_alloc(sizeof *c);
    size_t number = s->contacts_count == s->contacts.count ? s->contacts.count : 0;
    while (number < s->contacts.count && s->contacts.data[number])
        number++;
    if (number == s->contacts.count)
        VEC_PUSH(&s->contacts, c);
    s->contacts.data[number] = c;
    s->contacts_count++;
    *c = (struct contact){
        .id = id, .addr = *addr, .number = (uint32_t)number, .ring_pos = NOWHERE, .since_us = s->now_us};
    if (!is_seed(c))
        map_put(&s->contacts_by_id, id_bytes(c), c);
    swim_ring_add(s, &s->retry_ring, c->number);
    return c;
}

static void contact_drop(struct swim *s, struct contact *c) {
    swim_ring_remove(s, &s->retry_ring, c->number);
    if (!is_seed(c))
        map_remove(&s->contacts_by_id, id_bytes(c));
    s->contacts.data[c->number] = NULL;
    s->contacts_count--;
    mem_free(c);
}

void swim_contact_open(struct swim *s, struct node_id id, const struct addr *addr, bool pinned) {
    struct contact *c = MAP_GET_ID(&s->contacts_by_id, id);
    if (!c)
        c = contact_make(s, id, addr);
    c->pinned |= pinned;
    retry_begin(s);
}

bool swim_contact_close(struct swim *s, struct node_id id) {
    struct contact *c = MAP_GET_ID(&s->contacts_by_id, id);
    bool pinned = c && c->pinned;
    if (c)
        contact_drop(s, c);
    return pinned;
}

void swim_contacts_done(struct swim *s) {
    for (size_t i = 0; i < s->contacts.count; i++)
        mem_free(s->contacts.data[i]);
    VEC_DONE(&s->contacts);
    map_done(&s->contacts_by_id);
}

/* ---- when ---------------------------------------------------------------------------------------------- */

/* How long ago the last one died: who is gone for long is not tried as if it were just back. */
static int64_t patience(const struct swim *s, const struct contact *c) {
    static const struct {
        int64_t age_us, times;
    } steps[] = {{86400 * US_PER_S, 6}, {3600 * US_PER_S, 4}, {600 * US_PER_S, 2}};
    for (size_t i = 0; c && i < sizeof steps / sizeof steps[0]; i++) {
        if (s->now_us - c->since_us >= steps[i].age_us)
            return steps[i].times;
    }
    return 1;
}

/*
 * As many tries a dead_retry_us as there are contacts, but never more than one a member: with few
 * contacts the members share them, so that a dead host of a large group is not stormed when it returns.
 */
static int64_t retry_interval_us(const struct swim *s, const struct contact *tried) {
    int64_t interval_us = s->config.dead_retry_us;
    if (swim_alone(s)) {
        int64_t early_us = ALONE_DELAY_US << s->retry_attempts;
        return early_us < interval_us ? early_us : interval_us;
    }
    if (!swim_has(s, SWIM_DIGESTS))
        return interval_us;
    size_t stretch = (s->probe_ring.count + 1) / s->retry_ring.count;
    interval_us *= (int64_t)(stretch < 1 ? 1 : stretch > STRETCH_MAX ? STRETCH_MAX : stretch);
    return tried && !is_seed(tried) ? interval_us * patience(s, tried) : interval_us;
}

void swim_retry_soon(struct swim *s, int64_t low_us, int64_t high_us) {
    if (s->leaving || s->retry_ring.count == 0 || (!swim_has(s, SWIM_HEALING) && !swim_alone(s)))
        return;
    int64_t delay_us = prng_between(&s->prng, low_us, high_us);
    if (s->now_us + delay_us < s->retry_us)
        s->retry_us = s->now_us + delay_us;
}

/*
 * There is one more. All members hear of a death at about the same time: a first try after an interval, give
 * or take a quarter, would be that of nobody for most of it and then of all. So it is anywhere within the
 * interval; what is within it already stays, since of one draw for each of many dead the earliest would be at
 * once.
 */
static void retry_begin(struct swim *s) {
    int64_t interval_us = retry_interval_us(s, NULL);
    if (swim_alone(s))
        swim_retry_soon(s, interval_us * 3 / 4, interval_us * 5 / 4);
    else if (s->retry_us - s->now_us > interval_us)
        swim_retry_soon(s, 0, interval_us);
}

void swim_contacts_alone(struct swim *s) {
    if (swim_alone(s))
        retry_begin(s);
}

static void retry_again(struct swim *s, const struct contact *tried) {
    int64_t us = retry_interval_us(s, tried);
    bool as_serf = !swim_has(s, SWIM_DIGESTS) && !swim_alone(s); /* on a beat */
    s->retry_us = s->now_us + (as_serf ? us : prng_between(&s->prng, us * 3 / 4, us * 5 / 4));
}

/* ---- trying -------------------------------------------------------------------------------------------- */

static bool live_at(const struct swim *s, const struct addr *addr) {
    for (size_t i = 0; i < s->order.count; i++) {
        const struct member *m = swim_at(s, i);
        if (!swim_is_gone(m->state) && addr_equal(&m->card->addr, addr))
            return true;
    }
    return false;
}

static void contact_try(struct swim *s, struct contact *c) {
    const struct member *m = swim_find(s, c->id);
    /* It may have said so itself, or the committed table: each has its turn. */
    c->tried = true;
    c->at_card = m && !c->at_card;
    swim_compare(s, c->id, c->at_card ? &m->card->addr : &c->addr);
}

/* As serf's reconnect: the living try each dead one once a dead_retry_us, taken together and on average. */
static bool forgoes(struct swim *s) {
    return !swim_has(s, SWIM_DIGESTS) && !swim_alone(s) &&
           prng_below(&s->prng, s->probe_ring.count + 1) >= s->contacts_by_id.count;
}

void swim_retry_run(struct swim *s) {
    struct ring *ring = &s->retry_ring;
    struct contact *tried = NULL;
    if (s->retry_us > s->now_us)
        return;
    if (forgoes(s)) {
        s->retry_us = s->now_us + s->config.dead_retry_us;
        return;
    }
    size_t wanted = swim_alone(s) ? ALONE_TRIES : 1;
    for (size_t looks = 0; looks < ring->count && looks < LOOKS_MAX && wanted > 0; looks++) {
        struct contact *c = s->contacts.data[swim_ring_next(s, ring)];
        if (is_seed(c) && live_at(s, &c->addr))
            continue;
        contact_try(s, c);
        tried = c;
        wanted--;
    }
    s->retry_attempts = swim_alone(s) ? s->retry_attempts + (s->retry_attempts < 16) : 0;
    s->retry_us = TIME_NEVER_US;
    if (ring->count && (swim_has(s, SWIM_HEALING) || swim_alone(s)))
        retry_again(s, tried);
}

/* A stream was dialled by node, for whatever reason, and now it is known who is there. */
void swim_stream_take(struct swim *s, const struct swim_input *in) {
    const struct member *m = swim_find(s, in->from);
    bool known = m && m->state == MEMBER_STATE_ALIVE && !swim_alone(s);
    const struct contact *c = MAP_GET_ID(&s->contacts_by_id, in->from);
    bool greeted = c && c->tried && s->now_us - s->compared_us < GREETED_US;
    if (!known && !greeted && !s->leaving && !MAP_GET_ID(&s->forgotten, in->from))
        swim_compare(s, in->from, m ? &m->card->addr : &in->addr);
}

/* ---- inputs -------------------------------------------------------------------------------------------- */

static struct contact *seed_find(const struct swim *s, const struct addr *addr) {
    for (size_t i = 0; i < s->contacts.count; i++) {
        struct contact *c = s->contacts.data[i];
        if (c && is_seed(c) && addr_equal(&c->addr, addr))
            return c;
    }
    return NULL;
}

/*
 * Names lead elsewhere in time. What one told again and again, and tells no more while others are told, is
 * the address of yesterday: somebody else may be there by now. How many are left, and which was told longest
 * ago.
 */
static size_t seeds_tidy(struct swim *s, struct contact **ret_oldest) {
    size_t count = 0;
    *ret_oldest = NULL;
    for (size_t i = 0; i < s->contacts.count; i++) {
        struct contact *c = s->contacts.data[i];
        if (!c || !is_seed(c))
            continue;
        if (c->told_again && s->now_us - c->since_us > SEED_STALE_US && !swim_alone(s)) {
            contact_drop(s, c);
            continue;
        }
        if (!*ret_oldest || c->since_us < (*ret_oldest)->since_us)
            *ret_oldest = c;
        count++;
    }
    return count;
}

int swim_seed_add(struct swim *s, const struct addr *addr) {
    struct contact *oldest, *c;
    if (addr->size == 0)
        return ERR_INVALID;
    if (addr_equal(addr, &s->self->card->addr))
        return 0;
    if ((c = seed_find(s, addr)) != NULL) {
        c->told_again = true;
        c->since_us = s->now_us;
    }
    size_t seeds = seeds_tidy(s, &oldest);
    if (c)
        return 0;
    /* Those of yesterday must not keep out those of today: with them the way back would be lost. */
    if (seeds >= SEEDS_MAX && s->now_us - oldest->since_us < SEED_FRESH_US)
        return ERR_LIMIT;
    if (seeds >= SEEDS_MAX)
        contact_drop(s, oldest);
    c = contact_make(s, (struct node_id){{0}}, addr);
    s->retry_attempts = 0;
    retry_begin(s);
    if (!live_at(s, addr) && !s->leaving)
        contact_try(s, c);
    return 0;
}

int swim_contact_add(struct swim *s, struct node_id id, const struct addr *addr) {
    if (ID_IS_ZERO(id))
        return ERR_INVALID;
    if (ID_EQUAL(id, s->config.id))
        return 0;
    mem_free(MAP_REMOVE_ID(&s->forgotten, id));
    struct member *m = swim_find(s, id);
    struct contact *c = MAP_GET_ID(&s->contacts_by_id, id);
    if (m)
        m->pinned = true;
    if (m && addr->size && !addr_equal(addr, &m->card->addr))
        swim_dealings(s, m)->seen_addr = *addr; /* until a packet of its own tells */
    if (c) {
        c->pinned = true;
        if (addr->size)
            c->addr = *addr;
    }
    if (m || c)
        return 0;
    if (addr->size == 0)
        return ERR_INVALID;
    if (s->contacts_count >= s->config.members_max)
        return ERR_LIMIT;
    swim_contact_open(s, id, addr, true);
    /* The first try is soon, but not the same moment on every host of a rack that got its power back. */
    if (swim_alone(s) && s->retry_attempts == 0)
        swim_retry_soon(s, 0, s->config.period_us);
    return 0;
}

int swim_contact_forget(struct swim *s, struct node_id id) {
    if (ID_IS_ZERO(id) || ID_EQUAL(id, s->config.id))
        return ERR_INVALID;
    struct member *m = swim_find(s, id);
    if (m) {
        m->pinned = false;
        mark_hit(s->config.marks, MARK_SWIM_FORGOTTEN);
        swim_table_forget(s, m);
    }
    (void)swim_contact_close(s, id);
    if (MAP_GET_ID(&s->forgotten, id))
        return 0;
    if (s->forgotten.count >= FORGOTTEN_MAX)
        mem_free(map_remove(&s->forgotten, s->forgotten.entries[0].key));
    struct node_id *mark = mem_alloc(sizeof *mark);
    *mark = id;
    map_put(&s->forgotten, bytes_of(mark->b, sizeof mark->b), mark);
    return 0;
}
