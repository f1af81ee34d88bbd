/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The table of members, and the events about them.
 *
 *   id -> number (names.c) -> place -> slot -> member
 *
 * Members lie in chunks and never move; the order says which slots are in use, and the places where in the
 * order a number is. A view of a member costs 40 bytes, and 12 and some spare for order, place and ring.
 */

#include "internal.h"

#define DEALINGS_KEPT 512               /* with members that are well; of more those met last */
#define SWEPT         64                /* members a period */
#define LEFT_KEEP_US  (3600 * US_PER_S) /* long enough that no rumour of its life is still about */

/* ---- finding ------------------------------------------------------------------------------------------- */

static struct member *slot_member(const struct swim *s, uint32_t slot) {
    return &s->chunks.data[slot / CHUNK_MEMBERS][slot % CHUNK_MEMBERS];
}

struct member *swim_at(const struct swim *s, size_t place) {
    return slot_member(s, s->order.data[place]);
}

struct member *swim_number(const struct swim *s, uint32_t number) {
    if (number >= s->places_count || s->places[number] == 0)
        return NULL;
    return swim_at(s, s->places[number] - 1);
}

struct member *swim_find(const struct swim *s, struct node_id id) {
    return swim_number(s, swim_names_number(s->names, id));
}

/* ---- making and dropping ------------------------------------------------------------------------------- */

static void places_reach(struct swim *s, uint32_t number) {
    size_t count = s->places_count;
    while (count <= number)
        count += count / 4 + 16;
    if (count == s->places_count)
        return;
    s->places = mem_realloc(s->places, count * sizeof *s->places);
    memset(s->places + s->places_count, 0, (count - s->places_count) * sizeof *s->places);
    s->places_count = count;
}

static uint32_t slot_take(struct swim *s) {
    if (s->free_slot == NOWHERE) {
        struct member *chunk = mem_alloc(CHUNK_MEMBERS * sizeof *chunk);
        uint32_t first = (uint32_t)s->chunks.count * CHUNK_MEMBERS;
        VEC_PUSH(&s->chunks, chunk);
        for (uint32_t i = CHUNK_MEMBERS; i-- > 0;) {
            chunk[i].ring_pos = s->free_slot;
            s->free_slot = first + i;
        }
    }
    uint32_t slot = s->free_slot;
    s->free_slot = slot_member(s, slot)->ring_pos;
    return slot;
}

static struct member *member_make(struct swim *s, struct card *card, struct incarnation incarnation) {
    uint32_t slot = slot_take(s);
    struct member *m = slot_member(s, slot);
    *m = (struct member){
        .card = card,
        .changed_us = s->now_us,
        .incarnation = incarnation,
        .ring_pos = NOWHERE,
        .state = MEMBER_STATE_ALIVE,
    };
    places_reach(s, card->number);
    VEC_PUSH(&s->order, slot);
    s->places[card->number] = (uint32_t)s->order.count;
    swim_sums_toggle(s, m);
    return m;
}

static void accusation_free(struct swim *s, struct member *m) {
    swim_timer_remove(s, m);
    mem_free(m->dealings->accusation->suspicion);
    mem_free(m->dealings->accusation);
    m->dealings->accusation = NULL;
}

static void dealings_free(struct swim *s, struct member *m) {
    s->dealings_count--;
    mem_free(m->dealings);
    m->dealings = NULL;
}

static void dealings_drop(struct swim *s, struct member *m) {
    swim_rumour_stop(s, m);
    if (!m->dealings)
        return;
    if (m->dealings->accusation)
        accusation_free(s, m);
    mem_free(m->dealings->farewell);
    dealings_free(s, m);
}

static void member_drop(struct swim *s, struct member *m) {
    dealings_drop(s, m);
    uint32_t number = m->card->number, place = s->places[number] - 1, slot = s->order.data[place];
    uint32_t last = s->order.data[--s->order.count];
    if (last != slot) {
        s->order.data[place] = last;
        s->places[slot_member(s, last)->card->number] = place + 1;
    }
    s->places[number] = 0;
    swim_names_drop(s->names, m->card);
    *m = (struct member){.ring_pos = s->free_slot};
    s->free_slot = slot;
}

void swim_table_init(struct swim *s) {
    s->free_slot = NOWHERE;
    s->retry_ring.of_contacts = true;
    s->names = s->config.names;
    s->names_owned = !s->names;
    if (s->names_owned)
        s->names = swim_names_new();
}

void swim_table_done(struct swim *s) {
    while (s->order.count > 0)
        member_drop(s, swim_at(s, s->order.count - 1));
    for (size_t i = 0; i < s->chunks.count; i++)
        mem_free(s->chunks.data[i]);
    VEC_DONE(&s->chunks);
    VEC_DONE(&s->order);
    mem_free(s->places);
    if (s->names_owned)
        swim_names_free(s->names);
}

struct dealings *swim_dealings(struct swim *s, struct member *m) {
    m->met = true;
    if (!m->dealings) {
        s->dealings_count++;
        m->dealings = mem_alloc(sizeof *m->dealings);
        m->dealings->answered_us = s->now_us - s->config.period_us;
    }
    return m->dealings;
}

/* Nothing is going on: there are but memories. */
static bool dealings_idle(const struct dealings *d) {
    return !d->accusation && !d->rumour && !d->farewell && !d->indirect_us && !d->seen_addr.size;
}

/* What holds nothing is not kept: a large group is heard of in rumours, and mostly never met. */
void swim_dealings_tidy(struct swim *s, struct member *m) {
    const struct dealings *d = m->dealings;
    if (d && dealings_idle(d) && !d->last_ack_us && !d->rtt.us)
        dealings_free(s, m);
}

/* Nor are, of so many, memories of those who were not met since the last sweep came by. */
void swim_dealings_sweep(struct swim *s) {
    for (size_t i = 0; i < SWEPT && s->dealings_count > DEALINGS_KEPT; i++) {
        s->swept = s->swept + 1 < s->order.count ? s->swept + 1 : 0;
        struct member *m = swim_at(s, s->swept);
        if (!m->met && m->dealings && dealings_idle(m->dealings))
            dealings_free(s, m);
        m->met = false;
    }
}

/* ---- changes ------------------------------------------------------------------------------------------- */

void swim_member_raise(struct swim *s, struct member *m, struct incarnation incarnation) {
    bool living = !swim_is_gone(m->state);
    if (living)
        swim_sums_toggle(s, m);
    m->incarnation = incarnation;
    if (living)
        swim_sums_toggle(s, m);
}

void swim_member_card(struct swim *s, struct member *m, struct card *card) {
    bool living = !swim_is_gone(m->state);
    assert(card->number == m->card->number);
    if (living)
        swim_sums_toggle(s, m);
    swim_names_drop(s->names, m->card);
    m->card = card;
    if (living)
        swim_sums_toggle(s, m);
}

static void accusation_drop(struct swim *s, struct member *m) {
    if (!swim_accusation(m))
        return;
    accusation_free(s, m);
    swim_dealings_tidy(s, m);
}

static struct suspicion *suspicion_make(const struct swim *s, struct node_id accuser, uint32_t k) {
    struct suspicion *suspicion = mem_alloc(sizeof *suspicion + (k + 1) * sizeof suspicion->from[0]);
    suspicion->k = k;
    suspicion->started_us = s->now_us;
    suspicion->from[0] = accuser;
    suspicion->from_count = 1;
    return suspicion;
}

static void accusation_make(struct swim *s, struct member *m, struct node_id accuser, uint32_t k) {
    struct accusation *a = mem_alloc(sizeof *a);
    a->accuser = accuser;
    a->heap_pos = NOWHERE;
    if (m->state == MEMBER_STATE_SUSPECT)
        a->suspicion = suspicion_make(s, accuser, k);
    swim_dealings(s, m)->accusation = a;
    int64_t keep_us = s->config.dead_keep_us;
    if (m->state == MEMBER_STATE_LEFT && keep_us > LEFT_KEEP_US)
        keep_us = LEFT_KEEP_US;
    swim_timer_set(s, m, s->now_us + keep_us);
}

/* It is tried where its card says, and there. */
static const struct addr *elsewhere(const struct member *m) {
    const struct dealings *d = m->dealings;
    return d && d->seen_addr.size ? &d->seen_addr : &m->card->addr;
}

/* The ring of probes has the living, the contacts have the dead. */
static void turns_follow(struct swim *s, struct member *m, enum member_state was) {
    bool living = !swim_is_gone(m->state), lived = !swim_is_gone((uint8_t)was);
    if (living && !lived)
        swim_ring_add(s, &s->probe_ring, m->card->number);
    if (!living && lived)
        swim_ring_remove(s, &s->probe_ring, m->card->number);
    if (m->state == MEMBER_STATE_DEAD && was != MEMBER_STATE_DEAD)
        swim_contact_open(s, swim_id(m), elsewhere(m), m->pinned);
    if (m->state != MEMBER_STATE_DEAD && was == MEMBER_STATE_DEAD)
        (void)swim_contact_close(s, swim_id(m));
    if (m->state == MEMBER_STATE_LEFT && lived)
        swim_contacts_alone(s);
}

static void state_set(struct swim *s, struct member *m, enum member_state state) {
    if (!swim_is_gone(m->state))
        swim_sums_toggle(s, m);
    if (m->state != state)
        m->changed_us = s->now_us;
    m->state = (uint8_t)state;
    if (!swim_is_gone(m->state))
        swim_sums_toggle(s, m);
}

void swim_member_turn(struct swim *s, struct member *m, enum member_state state, struct node_id accuser,
                      uint32_t k) {
    assert(m != s->self);
    enum member_state was = (enum member_state)m->state;
    accusation_drop(s, m);
    state_set(s, m, state);
    s->gone_count += swim_is_gone((uint8_t)state);
    s->gone_count -= swim_is_gone((uint8_t)was);
    turns_follow(s, m, was);
    swim_gossip_wake(s);
    if (state != MEMBER_STATE_ALIVE)
        accusation_make(s, m, accuser, k);
}

void swim_self_turn(struct swim *s, enum member_state state) { state_set(s, s->self, state); }

/* ---- coming and going ---------------------------------------------------------------------------------- */

/* A full table gives up one that has left, else the one dead for longest: the living matter more. */
static void table_make_room(struct swim *s) {
    struct member *least = NULL;
    for (size_t i = 1; i < s->order.count && s->gone_count > 0; i++) {
        struct member *m = swim_at(s, i);
        if (!swim_is_gone(m->state) || (m->pinned && m->state == MEMBER_STATE_DEAD))
            continue;
        if (!least || m->state > least->state ||
            (m->state == least->state && m->changed_us < least->changed_us))
            least = m;
    }
    if (least)
        swim_table_forget(s, least);
}

struct member *swim_table_add(struct swim *s, struct card *card, struct incarnation incarnation) {
    if (s->order.count >= s->config.members_max)
        table_make_room(s);
    if (s->order.count >= s->config.members_max) {
        s->table_full = true;
        s->counters.records_refused++;
        swim_names_drop(s->names, card);
        return NULL;
    }
    struct member *m = member_make(s, card, incarnation);
    m->pinned = swim_contact_close(s, card->id);
    swim_ring_add(s, &s->probe_ring, card->number);
    swim_gossip_wake(s);
    return m;
}

struct member *swim_table_add_self(struct swim *s, struct card *card) {
    assert(s->order.count == 0);
    return member_make(s, card, (struct incarnation){card->generation, card->since});
}

void swim_table_forget(struct swim *s, struct member *m) {
    assert(m != s->self);
    struct node_id id = swim_id(m);
    struct addr addr = m->card->addr;
    bool pinned = m->pinned, lived = !swim_is_gone(m->state);
    swim_event(s, SWIM_FORGOTTEN, m);
    if (m->state == MEMBER_STATE_DEAD)
        (void)swim_contact_close(s, id);
    if (!lived) {
        s->gone_count--;
    } else {
        swim_ring_remove(s, &s->probe_ring, m->card->number);
        swim_sums_toggle(s, m);
    }
    member_drop(s, m);
    /* The committed table still has it: it goes on being tried. */
    if (pinned)
        swim_contact_open(s, id, &addr, true);
    else if (lived)
        swim_contacts_alone(s);
}

struct swim_effect *swim_event(struct swim *s, enum swim_event_kind kind, const struct member *m) {
    struct swim_effect *effect = swim_effect_new(s, SWIM_EVENT);
    const struct accusation *a = swim_accusation(m);
    effect->event = kind;
    effect->member = swim_id(m);
    effect->generation = m->incarnation.generation;
    if (a && (kind == SWIM_SUSPECTED || kind == SWIM_DIED))
        effect->accuser = a->accuser;
    return effect;
}
