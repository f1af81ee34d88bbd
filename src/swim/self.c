/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * What others say of this node, and what it does about it: refute what is wrong, and find its way above a
 * past that its disk has forgotten.
 *
 * A later generation of its own is believed only with its own signature. It may be a ghost: this host was
 * restored from a backup. Then it jumps above, and the ghost never answers. If it does, time and again, it is
 * another host with a copy of the key: both say so, and the one with the lower address gives way, for if
 * neither did, they would raise the generation for ever, and everybody else would hear of nothing else.
 */

#include "internal.h"

#define JUMPS_GHOST      2 /* a backup of a backup, told by different members */
#define JUMPS_WITHIN_US  (60 * US_PER_S)
#define DUPLICATE_US     (3600 * US_PER_S) /* so long it is still the same one */
#define DUPLICATE_SAY_US (60 * US_PER_S)
#define YIELD_US         (600 * US_PER_S) /* then it looks whether the other is gone */

static void generation_raise(struct swim *s, uint32_t generation) {
    struct addr addr = s->self->card->addr;
    mark_hit(s->config.marks, MARK_SWIM_GENERATION);
    swim_member_raise(s, s->self, (struct incarnation){generation, 0});
    swim_card_renew(s, s->config.name, &addr);
    swim_event(s, SWIM_GENERATION, s->self);
}

static void version_raise(struct swim *s, struct incarnation seen) {
    struct incarnation own = s->self->incarnation;
    if (seen.version >= INCARNATION_LIMIT) {
        generation_raise(s, own.generation + 1);
        return;
    }
    if (seen.version > own.version)
        mark_hit(s->config.marks, MARK_SWIM_VERSION_JUMP);
    own.version = seen.version + 1;
    swim_member_raise(s, s->self, own);
}

static void say_again(struct swim *s, bool card) {
    s->self_refuted = true;
    swim_rumour_start(s, s->self, card);
}

/* False: the other host with this key is to have its way. */
static bool may_jump(struct swim *s, const struct addr *other) {
    s->jumps = s->jumps && s->now_us - s->jumped_us < JUMPS_WITHIN_US ? s->jumps + 1 : 1;
    s->jumped_us = s->now_us;
    bool again = s->duplicate_us && s->now_us - s->duplicate_us < DUPLICATE_US;
    if (!other->size || (!again && s->jumps <= JUMPS_GHOST))
        return true;
    if (!again || s->now_us - s->duplicate_said_us >= DUPLICATE_SAY_US) {
        s->duplicate_said_us = s->now_us;
        swim_event(s, SWIM_DUPLICATE, s->self)->addr = *other;
    }
    s->duplicate_us = s->now_us;
    const struct addr *own = &s->self->card->addr;
    /* The first time it answers once more, so that the other comes to the same conclusion. */
    if (!again || bytes_compare(bytes_of(own->b, own->size), bytes_of(other->b, other->size)) >= 0)
        return true;
    bool look = s->yield_us && s->now_us >= s->yield_us;
    if (look || !s->yield_us)
        s->yield_us = s->now_us + YIELD_US;
    return look;
}

static void jump(struct swim *s, uint32_t generation, const struct addr *other) {
    if (!may_jump(s, other))
        return;
    generation_raise(s, generation + 1);
    say_again(s, true);
}

/* What it leaves behind is above all that is told of it. */
static void leaving_stay_above(struct swim *s, struct incarnation seen) {
    if (incarnation_compare(seen, s->self->incarnation) <= 0)
        return;
    if (s->config.identity && seen.generation != s->self->incarnation.generation)
        return;
    swim_member_raise(s, s->self, seen);
    swim_farewell_sign(s);
    swim_rumour_start(s, s->self, false);
}

void swim_hear_of_self(struct swim *s, enum member_state state, struct incarnation seen, struct node_id via) {
    int order = incarnation_compare(seen, s->self->incarnation);
    if (s->leaving) {
        leaving_stay_above(s, seen);
        return;
    }
    if (order < 0 && state != MEMBER_STATE_ALIVE)
        s->self_refuted = true; /* already: whoever tells it has missed that */
    if (order < 0 || (order == 0 && state == MEMBER_STATE_ALIVE))
        return;
    if (seen.generation > s->self->incarnation.generation) {
        if (s->config.identity)
            swim_want(s, s->config.id); /* anybody could say that: where is the signature? */
        else
            jump(s, seen.generation, &(struct addr){0});
    } else {
        version_raise(s, seen);
        say_again(s, false);
    }
    if (state != MEMBER_STATE_ALIVE) {
        mark_hit(s->config.marks, MARK_SWIM_SELF_REFUTED);
        s->counters.self_refuted++;
        swim_health_add(s, 1);
        swim_event(s, SWIM_SELF_REFUTED, s->self)->accuser = via;
    }
}

/*
 * Somebody tells a name or an address that this node has not, at its own incarnation; or a card of this
 * generation later than its own, out of a past that its disk has forgotten.
 */
static bool forged(const struct swim *s, const struct wire_member *record) {
    const struct member *self = s->self;
    bool other = !addr_equal(&record->addr, &self->card->addr) ||
                 !bytes_equal(record->name, swim_card_name(self->card));
    return record->state == MEMBER_STATE_ALIVE && record->addr.size &&
           record->generation == self->incarnation.generation &&
           ((record->version == self->incarnation.version && other) || record->since > self->card->since);
}

/* Above both, in a card that is later than what was told. */
static void outdo(struct swim *s, struct incarnation seen) {
    struct addr addr = s->self->card->addr;
    version_raise(s, incarnation_compare(seen, s->self->incarnation) > 0 ? seen : s->self->incarnation);
    swim_card_renew(s, s->config.name, &addr);
    say_again(s, true);
}

/* With a card that has this node's signature: it was said by a later self, or by another host. */
static bool signed_by_self(struct swim *s, const struct wire_member *record) {
    if (!s->config.identity || !record->addr.size || record->generation < s->self->incarnation.generation)
        return false;
    struct card *card = swim_card_take(s, record);
    if (!card) {
        s->counters.records_refused++;
        return false;
    }
    bool own = card == s->self->card;
    bool past = card->generation == s->self->incarnation.generation && card->since < s->self->card->since;
    struct addr other = card->addr;
    swim_names_drop(s->names, card);
    if (own || past)
        return false;
    jump(s, record->generation, &other);
    return true;
}

void swim_hear_self_record(struct swim *s, const struct wire_member *record, struct node_id accuser) {
    struct incarnation seen = {record->generation, record->version};
    if (!s->leaving && signed_by_self(s, record))
        return;
    if (!s->leaving && !s->config.identity && forged(s, record)) {
        outdo(s, seen);
        return;
    }
    swim_hear_of_self(s, record->state, seen, accuser);
}

int swim_self_move(struct swim *s, const struct addr *addr) {
    if (!swim_addr_usable(addr))
        return ERR_INVALID;
    if (addr_equal(addr, &s->self->card->addr) || s->leaving)
        return 0;
    struct addr moved = *addr;
    version_raise(s, s->self->incarnation);
    swim_card_renew(s, s->config.name, &moved);
    swim_rumour_start(s, s->self, true);
    return 0;
}
