/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* The table of transitions (see swim.c): what a piece of evidence does to what is believed. */

#include "internal.h"

#define LOOK_ONESELF 6 /* of all members, when one is accused: K confirmations and one to spare */
#define ALONE_TIMES  2
#define FEW_GONE     32 /* are not the other side of a cut, */
#define FEW_SHARE    8  /* nor is one of so many living ones */
#define MANY_FOR_US  (60 * US_PER_S)
#define DEAF_OTHERS  4 /* so many do not die all at once */
#define DEAF_TIMES   4 /* of Max */

/* Of the times that a rumour is told. */
#define CONFIRMED_PERCENT 75
#define DIED_PERCENT      67

static void tell(struct swim *s, struct member *m, bool card) {
    if (!s->merging_quietly)
        swim_rumour_start(s, m, card);
}

static void echo(struct swim *s, struct member *m, uint32_t percent) {
    if (!s->merging_quietly)
        swim_rumour_echo(s, m, percent);
}

void swim_health_add(struct swim *s, int delta) {
    if (!swim_has(s, SWIM_LHA_PROBE))
        return;
    if (delta > 0 && s->health < s->config.health_max)
        s->health++;
    if (delta > 0 && s->health == s->config.health_max)
        mark_hit(s->config.marks, MARK_SWIM_UNHEALTHY);
    if (delta < 0 && s->health > 0)
        s->health--;
}

void swim_answer(struct swim *s, struct member *m, const struct addr *addr, bool full) {
    struct dealings *d = swim_dealings(s, m);
    if (s->answers_left == 0 || s->now_us - d->answered_us < s->config.period_us)
        return;
    s->answers_left--;
    s->counters.answers++;
    d->answered_us = s->now_us;
    swim_tell(s, swim_id(m), addr->size ? addr : &m->card->addr, m, full);
}

void swim_want(struct swim *s, struct node_id id) {
    for (size_t i = 0; i < s->wanted_count; i++) {
        if (ID_EQUAL(s->wanted[i], id))
            return;
    }
    if (s->wanted_count < WANTED_MAX)
        s->wanted[s->wanted_count++] = id;
}

/* ---- cards --------------------------------------------------------------------------------------------- */

/* Is the card of this record a later one than the one held? The signature is looked at after that. */
static bool card_is_news(const struct swim *s, const struct member *m, const struct wire_member *record) {
    if (!record->addr.size)
        return false;
    struct incarnation told = {record->generation, record->since},
                       held = {m->card->generation, m->card->since};
    int order = incarnation_compare(told, held);
    if (s->config.identity)
        return order > 0;
    /* Without signatures nothing binds it to its moment: in a later incarnation it is the later one. */
    told.version = record->version;
    bool later = order > 0 || (order == 0 && incarnation_compare(told, m->incarnation) > 0);
    return later && swim_addr_usable(&record->addr);
}

/* Two cards of one moment: two hosts have the key. Whoever brings the second one is shown the first. */
static bool card_conflicts(const struct swim *s, const struct member *m, const struct wire_member *record) {
    const struct card *held = m->card;
    return s->config.identity && record->addr.size && record->generation == held->generation &&
           record->since == held->since &&
           (!addr_equal(&record->addr, &held->addr) || !bytes_equal(record->name, swim_card_name(held)));
}

/*
 * Takes the card if there is a better one. False: the record is worth nothing, for it speaks of a life that
 * the member has not been heard to begin, or with a forged card.
 */
static bool card_settle(struct swim *s, struct member *m, const struct wire_member *record,
                        bool *ret_changed) {
    *ret_changed = false;
    s->card_conflict = card_conflicts(s, m, record);
    if (card_is_news(s, m, record)) {
        struct card *card = swim_card_take(s, record);
        if (!card) {
            s->counters.records_refused++;
            return false;
        }
        const struct card *old = m->card;
        *ret_changed = card->generation != old->generation || !addr_equal(&card->addr, &old->addr) ||
                       !bytes_equal(swim_card_name(card), swim_card_name(old));
        swim_member_card(s, m, card);
    }
    if (s->config.identity && record->generation > m->card->generation) {
        swim_want(s, record->id);
        return false;
    }
    return true;
}

/* ---- others -------------------------------------------------------------------------------------------- */

/* The first we hear of it: only the living are let in, or ghosts would be passed round for ever. */
static struct member *introduce(struct swim *s, const struct wire_member *record) {
    if (swim_is_gone((uint8_t)record->state))
        return NULL;
    if (!record->addr.size) {
        swim_want(s, record->id);
        return NULL;
    }
    struct card *card = swim_card_take(s, record);
    if (!card) {
        s->counters.records_refused++;
        return NULL;
    }
    struct member *m = swim_table_add(s, card, (struct incarnation){record->generation, record->version});
    if (m) {
        swim_event(s, SWIM_JOINED, m);
        tell(s, m, true);
    }
    return m;
}

static int64_t suspicion_min_us(const struct swim *s) {
    if (s->config.suspicion_us != 0)
        return s->config.suspicion_us;
    return swim_suspicion_min_us(s->config.suspicion_alpha, s->probe_ring.count + 1, s->beat_us);
}

bool swim_verdict_is_old(const struct swim *s, const struct member *m) {
    return s->now_us - m->changed_us > suspicion_min_us(s) * s->config.suspicion_beta;
}

/*
 * Who hears nobody at all, of several, judges nobody: it is this node that is cut off, or that cannot read
 * its mail. What is heard first after a silence need not be what refutes. After four times Max the others are
 * gone all the same.
 */
bool swim_is_deaf(const struct swim *s) {
    int64_t quiet_us = DEAF_PERIODS * s->config.period_us, silence_us = s->now_us - s->heard_us;
    if (s->probe_ring.count < DEAF_OTHERS || !swim_has(s, SWIM_LATENESS))
        return false;
    if (silence_us < quiet_us)
        return s->now_us - s->hearing_us < quiet_us;
    return silence_us < DEAF_TIMES * suspicion_min_us(s) * s->config.suspicion_beta;
}

void swim_listen(struct swim *s) {
    if (s->now_us - s->heard_us >= DEAF_PERIODS * s->config.period_us)
        s->hearing_us = s->now_us;
    s->heard_us = s->now_us;
}

static void returned(struct swim *s, struct member *m) {
    swim_event(s, SWIM_JOINED, m);
    /* Who comes back may bring half a cluster with it. */
    s->sync_with = swim_id(m);
    swim_sync_soon(s, 0, 2 * s->config.period_us);
}

/*
 * Alone among others who hold it dead still: they take its own word in a higher incarnation, and so it is
 * told to give it. After the healing of a cut that would be a storm, and they find out by themselves.
 */
void swim_revive(struct swim *s, struct member *m) {
    bool few = s->gone_count <= FEW_GONE && s->gone_count * FEW_SHARE <= s->probe_ring.count;
    if (!few)
        s->cut_us = s->now_us;
    if (few && (s->cut_us == 0 || s->now_us - s->cut_us > MANY_FOR_US))
        swim_answer(s, m, &m->card->addr, false);
    swim_member_turn(s, m, MEMBER_STATE_ALIVE, s->config.id, 0);
    returned(s, m);
}

/* Told alive in an incarnation that does not beat what is held. */
static void hear_stale(struct swim *s, struct member *m, const struct wire_member *record, struct node_id via,
                       int order) {
    bool itself = ID_EQUAL(record->id, via);
    bool undone =
        order == 0 && m->state == MEMBER_STATE_DEAD && swim_has(s, SWIM_BELIEF) && swim_verdict_is_old(s, m);
    if (undone && itself)
        swim_revive(s, m);
    else if (undone && s->merging)
        swim_look_add(s, m, via, &(struct addr){0});
    else if (itself)
        s->sender_stale |= order < 0 || m->state != MEMBER_STATE_ALIVE;
    else if (m->state != MEMBER_STATE_ALIVE && swim_has(s, SWIM_BELIEF))
        swim_answer(s, m, &record->addr, false);
}

static void hear_alive(struct swim *s, struct member *m, const struct wire_member *record, struct node_id via,
                       bool card_changed) {
    struct incarnation seen = {record->generation, record->version};
    int order = incarnation_compare(seen, m->incarnation);
    if (order <= 0) {
        hear_stale(s, m, record, via, order);
        return;
    }
    enum member_state was = (enum member_state)m->state;
    bool changed = card_changed || seen.generation != m->incarnation.generation;
    if (was == MEMBER_STATE_DEAD)
        mark_hit(s->config.marks, s->merging ? MARK_SWIM_MERGED : MARK_SWIM_RETURNED);
    struct node_id accuser = {{0}};
    if (was == MEMBER_STATE_SUSPECT) {
        accuser = swim_accusation(m)->accuser;
        mark_hit(s->config.marks, MARK_SWIM_REFUTED);
        s->counters.refuted++;
        swim_accusers_refuted(s, swim_suspicion(m));
    }
    swim_member_raise(s, m, seen);
    if (was != MEMBER_STATE_ALIVE)
        swim_member_turn(s, m, MEMBER_STATE_ALIVE, via, 0);
    if (swim_is_gone((uint8_t)was))
        returned(s, m);
    else if (was == MEMBER_STATE_SUSPECT)
        swim_event(s, SWIM_REFUTED, m)->accuser = accuser;
    if (changed && !swim_is_gone((uint8_t)was))
        swim_event(s, SWIM_CHANGED, m);
    tell(s, m, changed);
}

/*
 * A few of all look at once at whom somebody accuses: three of them who find the same settle it soon, and a
 * wrong accusation is refuted to all of them.
 */
static void look_oneself(struct swim *s, struct member *m) {
    if (prng_below(&s->prng, s->probe_ring.count + 1) < LOOK_ONESELF)
        swim_probe_at_once(s, swim_id(m));
}

/*
 * Nobody dies here by the word of one alone: what refuted another's may have missed this node, and its own
 * nobody may have heard. So it tries once more, in time; it pings each period until then, for it may be just
 * now that its packets get through again.
 */
static bool alone(const struct swim *s, const struct suspicion *doubt) {
    return doubt->k > 0 && doubt->from_count == 1 && swim_has(s, SWIM_BELIEF);
}

/* With the health as it is now. */
static int64_t try_us(const struct swim *s, const struct suspicion *doubt) {
    int64_t from_us = doubt->due_us - s->config.period_us * (s->health + 1);
    int64_t again_us = doubt->tried_us + s->config.period_us;
    return doubt->tried_us && again_us > from_us ? again_us : from_us;
}

static void timer_renew(struct swim *s, struct member *m) {
    const struct suspicion *doubt = swim_suspicion(m);
    bool first = alone(s, doubt) && try_us(s, doubt) < doubt->due_us;
    swim_timer_set(s, m, first ? try_us(s, doubt) : doubt->due_us);
}

static void due_set(struct swim *s, struct member *m, int64_t due_us) {
    struct suspicion *doubt = swim_suspicion(m);
    doubt->due_us = due_us > s->now_us ? due_us : s->now_us;
    timer_renew(s, m);
}

static bool look_before(struct swim *s, struct member *m) {
    struct suspicion *doubt = swim_suspicion(m);
    if (doubt->due_us <= s->now_us)
        return false;
    if (alone(s, doubt) && try_us(s, doubt) <= s->now_us) {
        doubt->tried_us = s->now_us;
        swim_probe_again(s, m);
    }
    timer_renew(s, m);
    return true;
}

static void suspicion_start(struct swim *s, struct member *m, struct incarnation seen,
                            struct node_id accuser) {
    size_t n = s->probe_ring.count + 1;
    bool doubted = m->state == MEMBER_STATE_SUSPECT;
    /* With too few to confirm, waiting for confirmations would only be waiting. */
    bool fixed = n < 2 + (size_t)s->config.confirmations || !swim_has(s, SWIM_LHA_SUSPICION);
    uint32_t k = fixed ? 0 : s->config.confirmations;
    swim_member_raise(s, m, seen);
    swim_member_turn(s, m, MEMBER_STATE_SUSPECT, accuser, k);
    struct suspicion *doubt = swim_suspicion(m);
    doubt->min_us = suspicion_min_us(s);
    doubt->max_us = doubt->min_us * s->config.suspicion_beta;
    /* Nobody can second it: time has to do. */
    if (k == 0 && swim_has(s, SWIM_LHA_SUSPICION) && s->config.suspicion_us == 0)
        doubt->min_us *= ALONE_TIMES;
    due_set(s, m, s->now_us + swim_suspicion_us(0, k, doubt->min_us, doubt->max_us));
    if (!doubted) {
        s->counters.suspicions++;
        swim_event(s, SWIM_SUSPECTED, m);
    }
    /*
     * After a cut each side brings the death of the whole other one. Spread as rumours that would be a
     * storm, and the accusers of one table are no independent ones: the member is asked itself.
     */
    if (s->merging && swim_has(s, SWIM_BELIEF)) {
        swim_answer(s, m, &m->card->addr, false);
        return;
    }
    tell(s, m, false);
    if (!swim_has(s, SWIM_BELIEF))
        return;
    if (ID_EQUAL(accuser, s->config.id))
        swim_answer(s, m, &m->card->addr, false); /* the news would take some hops */
    else
        look_oneself(s, m);
}

/* Only the first K different accusers count, and only they are told on. */
static void confirm(struct swim *s, struct member *m, struct node_id accuser) {
    struct suspicion *doubt = swim_suspicion(m);
    if (s->merging)
        return;
    for (uint32_t i = 0; i < doubt->from_count; i++) {
        if (ID_EQUAL(doubt->from[i], accuser))
            return;
    }
    if (doubt->from_count > doubt->k)
        return;
    doubt->from[doubt->from_count++] = accuser;
    swim_accusation(m)->accuser = accuser;
    int64_t due_us =
        doubt->started_us + swim_suspicion_us(doubt->from_count - 1, doubt->k, doubt->min_us, doubt->max_us);
    if (due_us < doubt->due_us) {
        mark_hit(s->config.marks, MARK_SWIM_CONFIRMED);
        due_set(s, m, due_us);
    }
    echo(s, m, CONFIRMED_PERCENT);
}

static void gone_dead(struct swim *s, struct member *m, struct incarnation seen, struct node_id accuser) {
    swim_member_raise(s, m, seen);
    if (m->state != MEMBER_STATE_DEAD) {
        if (m->state == MEMBER_STATE_SUSPECT)
            swim_accusers_right(s, swim_suspicion(m));
        s->counters.deaths++;
        swim_member_turn(s, m, MEMBER_STATE_DEAD, accuser, 0);
        swim_event(s, SWIM_DIED, m);
    }
    /* The suspicion was told to all, and ends with them as it did here. */
    if (ID_EQUAL(accuser, s->config.id))
        echo(s, m, DIED_PERCENT);
    else
        tell(s, m, false);
}

/*
 * One who was refuted again and again, and nobody seconds it: a few look for themselves, so that it costs
 * little time if it is right for once.
 */
static bool lone_and_doubted(struct swim *s, struct member *m, struct node_id accuser) {
    if (m->state != MEMBER_STATE_ALIVE || !swim_accuser_doubted(s, accuser))
        return false;
    s->counters.accusations_ignored++;
    look_oneself(s, m);
    return true;
}

void swim_suspect(struct swim *s, struct member *m, struct incarnation seen, struct node_id accuser) {
    int order = incarnation_compare(seen, m->incarnation);
    if (order < 0 || lone_and_doubted(s, m, accuser))
        return;
    if (!swim_has(s, SWIM_SUSPICION) && m->state <= MEMBER_STATE_SUSPECT) {
        gone_dead(s, m, seen, accuser);
        return;
    }
    switch ((enum member_state)m->state) {
    case MEMBER_STATE_ALIVE: suspicion_start(s, m, seen, accuser); break;
    case MEMBER_STATE_SUSPECT:
        if (order > 0)
            suspicion_start(s, m, seen, accuser); /* it refuted the first one: the second begins anew */
        else
            confirm(s, m, accuser);
        break;
    case MEMBER_STATE_DEAD:
    case MEMBER_STATE_LEFT:
        if (order > 0 && swim_has(s, SWIM_BELIEF)) {
            /* It had come back since, or nobody would suspect it. */
            returned(s, m);
            suspicion_start(s, m, seen, accuser);
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
    if (m->state != MEMBER_STATE_SUSPECT)
        return;
    const struct suspicion *doubt = swim_suspicion(m);
    int64_t due_us = doubt->started_us + doubt->min_us;
    if (due_us < doubt->due_us)
        due_set(s, m, due_us);
}

static void hear_dead(struct swim *s, struct member *m, struct incarnation seen, struct node_id accuser) {
    int order = incarnation_compare(seen, m->incarnation);
    if (m->state <= MEMBER_STATE_SUSPECT && order >= 0 && swim_has(s, SWIM_GRACE))
        verdict(s, m, seen, accuser);
    else if (order > 0 || (order == 0 && m->state <= MEMBER_STATE_SUSPECT))
        gone_dead(s, m, seen, accuser);
}

static void hear_left(struct swim *s, struct member *m, const struct wire_member *record,
                      struct node_id via) {
    struct incarnation seen = {record->generation, record->version};
    int order = incarnation_compare(seen, m->incarnation);
    if (order < 0 || (order == 0 && m->state == MEMBER_STATE_LEFT))
        return;
    if (!swim_farewell_take(s, m, record)) {
        s->counters.records_refused++;
        return;
    }
    swim_member_raise(s, m, seen);
    if (m->state != MEMBER_STATE_LEFT) {
        mark_hit(s->config.marks, MARK_SWIM_LEFT);
        swim_member_turn(s, m, MEMBER_STATE_LEFT, via, 0);
        swim_event(s, SWIM_LEFT, m);
    }
    tell(s, m, false);
}

/* What the record tells is what would be told on here. */
static bool is_echo(const struct swim *s, const struct member *m, const struct wire_member *record,
                    struct node_id accuser) {
    struct incarnation seen = {record->generation, record->version};
    const struct accusation *a = swim_accusation(m);
    return !s->merging && m->dealings && m->dealings->rumour &&
           record->state == (enum member_state)m->state && incarnation_compare(seen, m->incarnation) == 0 &&
           (m->state != MEMBER_STATE_SUSPECT || ID_EQUAL(a->accuser, accuser));
}

static bool absurd(const struct wire_member *record) {
    uint32_t most = record->state == MEMBER_STATE_ALIVE ? INCARNATION_LIMIT : INCARNATION_LIMIT - 1;
    return record->generation > most || record->version > most;
}

static void hear_of(struct swim *s, struct member *m, const struct wire_member *record,
                    struct node_id accuser, struct node_id via) {
    struct incarnation seen = {record->generation, record->version};
    enum member_state state = record->state;
    bool card_changed;
    if (!card_settle(s, m, record, &card_changed))
        return;
    s->sender_stale |= s->card_conflict && ID_EQUAL(record->id, via);
    if (card_changed && (state != MEMBER_STATE_ALIVE || incarnation_compare(seen, m->incarnation) <= 0))
        swim_event(s, SWIM_CHANGED, m);
    /*
     * The other side of a healed cut has declared dead whom it could not see: they are given time to
     * refute. What both hold dead is no news.
     */
    if (s->merging && state == MEMBER_STATE_DEAD) {
        if (m->state == MEMBER_STATE_DEAD) {
            if (incarnation_compare(seen, m->incarnation) > 0)
                swim_member_raise(s, m, seen);
            return;
        }
        state = MEMBER_STATE_SUSPECT;
    }
    switch (state) {
    case MEMBER_STATE_ALIVE: hear_alive(s, m, record, via, card_changed); break;
    case MEMBER_STATE_SUSPECT: swim_suspect(s, m, seen, accuser); break;
    case MEMBER_STATE_DEAD: hear_dead(s, m, seen, accuser); break;
    case MEMBER_STATE_LEFT: hear_left(s, m, record, via); break;
    }
}

void swim_hear(struct swim *s, const struct wire_member *record, struct node_id via) {
    s->counters.records++;
    s->card_conflict = false;
    if (ID_IS_ZERO(record->id) || absurd(record)) {
        s->counters.records_refused++;
        return;
    }
    if (MAP_GET_ID(&s->forgotten, record->id))
        return;
    struct node_id accuser = ID_IS_ZERO(record->from) ? via : record->from;
    if (ID_EQUAL(record->id, s->config.id)) {
        swim_hear_self_record(s, record, accuser);
        return;
    }
    bool accuses = record->state == MEMBER_STATE_SUSPECT || record->state == MEMBER_STATE_DEAD;
    if (ID_EQUAL(record->id, accuser) && accuses)
        return; /* nobody accuses itself: who goes on purpose has left */
    struct member *m = swim_find(s, record->id);
    if (!m) {
        m = introduce(s, record);
        if (!m || record->state == MEMBER_STATE_ALIVE)
            return;
    }
    if (is_echo(s, m, record, accuser))
        swim_rumour_heard(s, m);
    hear_of(s, m, record, accuser, via);
}

static bool verdict_waits(struct swim *s, struct member *m) {
    const struct suspicion *doubt = swim_suspicion(m);
    if (!swim_is_deaf(s) || s->now_us - doubt->started_us >= DEAF_TIMES * doubt->max_us)
        return false;
    due_set(s, m, s->now_us + s->config.period_us);
    return true;
}

void swim_timers_run(struct swim *s) {
    while (s->heap_count > 0 && swim_accusation(s->heap[0])->timer_us <= s->now_us) {
        struct member *m = s->heap[0];
        if (m->state == MEMBER_STATE_SUSPECT) {
            if (look_before(s, m) || verdict_waits(s, m))
                continue;
            mark_hit(s->config.marks, MARK_SWIM_DIED);
            gone_dead(s, m, m->incarnation, s->config.id);
        } else {
            swim_table_forget(s, m);
        }
    }
}
