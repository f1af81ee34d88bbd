/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* The table of transitions (see swim.c): what a piece of evidence does to what is believed. */

#include "internal.h"

static void tell(struct swim *s, struct member *m) {
    if (!s->merging_quietly)
        swim_rumour_start(s, m);
}

void swim_health_add(struct swim *s, int delta) {
    if (delta > 0 && s->health < s->config.health_max)
        s->health++;
    if (delta > 0 && s->health == s->config.health_max)
        mark_hit(s->config.marks, MARK_SWIM_UNHEALTHY);
    if (delta < 0 && s->health > 0)
        s->health--;
}

void swim_answer(struct swim *s, struct member *m, const struct addr *addr) {
    if (s->answers_left == 0 || s->now_us - m->answered_us < s->config.period_us)
        return;
    s->answers_left--;
    m->answered_us = s->now_us;
    struct wire_swim_packet packet = {0};
    swim_send(s, m->id, addr->size ? addr : &m->addr, &packet, m, NULL);
}

/* ---- this node ----------------------------------------------------------------------------------------- */

static void generation_raise(struct swim *s, uint32_t generation) {
    mark_hit(s->config.marks, MARK_SWIM_GENERATION);
    s->self->incarnation = (struct incarnation){generation, 0};
    swim_event(s, SWIM_GENERATION, s->self);
}

static void self_raise(struct swim *s, struct incarnation seen) {
    struct incarnation *own = &s->self->incarnation;
    if (seen.generation > own->generation)
        generation_raise(s, seen.generation + 1);
    else if (seen.version >= INCARNATION_LIMIT)
        generation_raise(s, own->generation + 1);
    else {
        if (seen.version > own->version)
            mark_hit(s->config.marks, MARK_SWIM_VERSION_JUMP);
        own->version = seen.version + 1;
    }
    s->self_refuted = true;
    swim_rumour_start(s, s->self);
}

void swim_hear_of_self(struct swim *s, enum member_state state, struct incarnation seen, struct node_id via) {
    int order = incarnation_compare(seen, s->self->incarnation);
    if (s->leaving) {
        /* It does leave: only a later life than its own would hide that. */
        if (order > 0) {
            s->self->incarnation = seen;
            swim_rumour_start(s, s->self);
        }
        return;
    }
    if (order < 0 && state != MEMBER_STATE_ALIVE)
        s->self_refuted = true; /* already: whoever tells it has missed that */
    if (order < 0 || (order == 0 && state == MEMBER_STATE_ALIVE))
        return;
    self_raise(s, seen);
    if (state != MEMBER_STATE_ALIVE) {
        mark_hit(s->config.marks, MARK_SWIM_SELF_REFUTED);
        swim_health_add(s, 1);
        swim_event(s, SWIM_SELF_REFUTED, s->self)->accuser = via;
    }
}

/* Somebody tells a name or an address that this node has not, at its own incarnation. */
static bool self_forged(const struct swim *s, const struct wire_member *record) {
    const struct member *self = s->self;
    return record->state == MEMBER_STATE_ALIVE && record->generation == self->incarnation.generation &&
           record->version == self->incarnation.version &&
           (!addr_equal(&record->addr, &self->addr) ||
            !bytes_equal(record->name, bytes_of(self->name, self->name_size)));
}

static void hear_self_record(struct swim *s, const struct wire_member *record, struct node_id accuser) {
    if (self_forged(s, record) && !s->leaving)
        self_raise(s, s->self->incarnation);
    else
        swim_hear_of_self(s, record->state, (struct incarnation){record->generation, record->version},
                          accuser);
}

/* ---- others -------------------------------------------------------------------------------------------- */

static bool addr_usable(const struct addr *a) {
    uint8_t any = 0;
    for (int i = 0; i + 2 < a->size; i++)
        any |= a->b[i];
    return any && addr_port(a) != 0;
}

static struct member *newcomer(struct swim *s, const struct wire_member *record) {
    if (!addr_usable(&record->addr))
        return NULL;
    struct member *m = swim_table_add(s, record);
    if (m) {
        swim_event(s, SWIM_JOINED, m);
        tell(s, m);
    }
    return m;
}

static bool renew(struct member *m, const struct wire_member *record, struct incarnation seen) {
    bool changed = seen.generation != m->incarnation.generation;
    m->incarnation = seen;
    if (addr_usable(&record->addr) && (!addr_equal(&record->addr, &m->addr) ||
                                       !bytes_equal(record->name, bytes_of(m->name, m->name_size)))) {
        swim_member_describe(m, record->name, &record->addr);
        changed = true;
    }
    return changed;
}

static void hear_alive(struct swim *s, struct member *m, const struct wire_member *record,
                       struct node_id via) {
    struct incarnation seen = {record->generation, record->version};
    int order = incarnation_compare(seen, m->incarnation);
    if (order <= 0) {
        bool behind = order < 0 || m->state != MEMBER_STATE_ALIVE;
        if (ID_EQUAL(record->id, via))
            s->sender_stale |= behind;
        else if (m->state != MEMBER_STATE_ALIVE)
            swim_answer(s, m, &record->addr);
        return;
    }
    enum member_state was = (enum member_state)m->state;
    bool changed = renew(m, record, seen);
    if (was == MEMBER_STATE_SUSPECT)
        mark_hit(s->config.marks, MARK_SWIM_REFUTED);
    if (was == MEMBER_STATE_DEAD)
        mark_hit(s->config.marks, MARK_SWIM_RETURNED);
    if (was == MEMBER_STATE_DEAD && s->merging)
        mark_hit(s->config.marks, MARK_SWIM_MERGED);
    if (was != MEMBER_STATE_ALIVE)
        swim_member_turn(s, m, MEMBER_STATE_ALIVE, via, 0);
    if (was == MEMBER_STATE_DEAD || was == MEMBER_STATE_LEFT)
        swim_event(s, SWIM_JOINED, m);
    else if (was == MEMBER_STATE_SUSPECT)
        swim_event(s, SWIM_REFUTED, m);
    if (changed && (was == MEMBER_STATE_ALIVE || was == MEMBER_STATE_SUSPECT))
        swim_event(s, SWIM_CHANGED, m);
    tell(s, m);
}

static void suspicion_start(struct swim *s, struct member *m, struct incarnation seen,
                            struct node_id accuser) {
    size_t n = s->probe_ring.count + 1;
    /* With too few to confirm, waiting for confirmations would only be waiting. */
    uint32_t k = n < 2 + (size_t)s->config.confirmations ? 0 : s->config.confirmations;
    m->incarnation = seen;
    swim_member_turn(s, m, MEMBER_STATE_SUSPECT, accuser, k);
    struct accusation *a = m->accusation;
    a->min_us = swim_suspicion_min_us(s->config.suspicion_alpha, n, s->config.period_us);
    a->max_us = a->min_us * s->config.suspicion_beta;
    swim_timer_set(s, m, s->now_us + swim_suspicion_us(0, k, a->min_us, a->max_us));
    /*
     * After a cut each side brings the death of the whole other one. Spread as rumours that would be a
     * storm, and the accusers of one table are no independent ones: the member is asked itself.
     */
    if (s->merging)
        swim_answer(s, m, &m->addr);
    else
        tell(s, m);
}

/* Only the first K different accusers count, and only they are told on. */
static void confirm(struct swim *s, struct member *m, struct node_id accuser) {
    struct accusation *a = m->accusation;
    if (s->merging)
        return;
    for (uint32_t i = 0; i < a->from_count; i++) {
        if (ID_EQUAL(a->from[i], accuser))
            return;
    }
    if (a->from_count > a->k)
        return;
    a->from[a->from_count++] = accuser;
    a->accuser = accuser;
    int64_t due_us = a->started_us + swim_suspicion_us(a->from_count - 1, a->k, a->min_us, a->max_us);
    if (due_us < a->timer_us) {
        mark_hit(s->config.marks, MARK_SWIM_CONFIRMED);
        swim_timer_set(s, m, due_us);
    }
    tell(s, m);
}

void swim_suspect(struct swim *s, struct member *m, struct incarnation seen, struct node_id accuser) {
    int order = incarnation_compare(seen, m->incarnation);
    if (order < 0)
        return;
    switch ((enum member_state)m->state) {
    case MEMBER_STATE_ALIVE:
        suspicion_start(s, m, seen, accuser);
        swim_event(s, SWIM_SUSPECTED, m);
        break;
    case MEMBER_STATE_SUSPECT:
        if (order > 0)
            suspicion_start(s, m, seen, accuser); /* it refuted the first one: the second begins anew */
        else
            confirm(s, m, accuser);
        break;
    case MEMBER_STATE_DEAD: m->incarnation = seen; break;
    case MEMBER_STATE_LEFT:
        if (order > 0) {
            /* It had come back after it left, or nobody would suspect it. */
            swim_event(s, SWIM_JOINED, m);
            suspicion_start(s, m, seen, accuser);
            swim_event(s, SWIM_SUSPECTED, m);
        }
        break;
    }
}

/*
 * Somebody's verdict. Nobody is called dead here that had not Min to refute it here: the verdict of one
 * who was cut off himself, told when he is back, must not kill those who are well. So it ends the
 * suspicion after Min at the latest, and begins one where there is none.
 */
static void verdict(struct swim *s, struct member *m, struct incarnation seen, struct node_id accuser) {
    swim_suspect(s, m, seen, accuser);
    int64_t due_us = m->accusation->started_us + m->accusation->min_us;
    if (due_us < m->accusation->timer_us)
        swim_timer_set(s, m, due_us);
}

static void gone_dead(struct swim *s, struct member *m, struct incarnation seen, struct node_id accuser) {
    m->incarnation = seen;
    if (m->state != MEMBER_STATE_DEAD) {
        swim_member_turn(s, m, MEMBER_STATE_DEAD, accuser, 0);
        swim_event(s, SWIM_DIED, m);
    }
    tell(s, m);
}

static void hear_dead(struct swim *s, struct member *m, struct incarnation seen, struct node_id accuser) {
    int order = incarnation_compare(seen, m->incarnation);
    if (m->state <= MEMBER_STATE_SUSPECT && order >= 0)
        verdict(s, m, seen, accuser);
    else if (order > 0)
        gone_dead(s, m, seen, accuser);
}

static void hear_left(struct swim *s, struct member *m, struct incarnation seen, struct node_id via) {
    int order = incarnation_compare(seen, m->incarnation);
    if (order < 0 || (order == 0 && m->state == MEMBER_STATE_LEFT))
        return;
    m->incarnation = seen;
    if (m->state != MEMBER_STATE_LEFT) {
        mark_hit(s->config.marks, MARK_SWIM_LEFT);
        swim_member_turn(s, m, MEMBER_STATE_LEFT, via, 0);
        swim_event(s, SWIM_LEFT, m);
    }
    tell(s, m);
}

static bool absurd(const struct wire_member *record) {
    uint32_t most = record->state == MEMBER_STATE_ALIVE ? INCARNATION_LIMIT : INCARNATION_LIMIT - 1;
    return record->generation > most || record->version > most;
}

/* The first we hear of it: only the living are let in, or ghosts would be passed round for ever. */
static struct member *introduce(struct swim *s, const struct wire_member *record) {
    if (record->state == MEMBER_STATE_DEAD || record->state == MEMBER_STATE_LEFT)
        return NULL;
    return newcomer(s, record);
}

void swim_hear(struct swim *s, const struct wire_member *record, struct node_id via) {
    if (ID_IS_ZERO(record->id) || absurd(record) || MAP_GET_ID(&s->forgotten, record->id))
        return;
    struct node_id accuser = ID_IS_ZERO(record->from) ? via : record->from;
    struct incarnation seen = {record->generation, record->version};
    enum member_state state = record->state;
    if (ID_EQUAL(record->id, s->config.id)) {
        hear_self_record(s, record, accuser);
        return;
    }
    if (ID_EQUAL(record->id, accuser) && (state == MEMBER_STATE_SUSPECT || state == MEMBER_STATE_DEAD))
        return; /* nobody accuses itself: who goes on purpose has left */
    struct member *m = swim_find(s, record->id);
    if (!m) {
        m = introduce(s, record);
        if (!m || state == MEMBER_STATE_ALIVE)
            return;
    }
    /*
     * The other side of a healed cut has declared dead whom it could not see: they are given time to
     * refute.
     */
    if (s->merging && state == MEMBER_STATE_DEAD)
        state = MEMBER_STATE_SUSPECT;
    switch (state) {
    case MEMBER_STATE_ALIVE: hear_alive(s, m, record, via); break;
    case MEMBER_STATE_SUSPECT: swim_suspect(s, m, seen, accuser); break;
    case MEMBER_STATE_DEAD: hear_dead(s, m, seen, accuser); break;
    case MEMBER_STATE_LEFT: hear_left(s, m, seen, via); break;
    }
}

void swim_timers_run(struct swim *s) {
    while (s->heap_count > 0 && s->heap[0]->accusation->timer_us <= s->now_us) {
        struct member *m = s->heap[0];
        if (m->state == MEMBER_STATE_SUSPECT) {
            mark_hit(s->config.marks, MARK_SWIM_DIED);
            gone_dead(s, m, m->incarnation, s->config.id);
        } else {
            swim_table_forget(s, m);
        }
    }
}
