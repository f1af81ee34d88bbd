/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The dead that others have alive. After a cut each side has the other's members dead in the very incarnation
 * that they still have. To make every one of them raise its own, and spread that, would be a storm. The
 * verdict is old, so no rumour of it is about any more: whoever comes upon it, in a comparison of tables with
 * one who has the member alive, pings the member himself, and if it answers, undoes the verdict here. If it
 * does not, it was the other who was behind, and he is told.
 */

#include "internal.h"

#define LOOKS_AT_ONCE 32 /* pings each time */

static int64_t interval_us(const struct swim *s) { return s->config.period_us * 2 / 5; }

void swim_look_add(struct swim *s, struct member *m, struct node_id teller, const struct addr *teller_addr) {
    if (m->looked || s->leaving)
        return;
    const struct member *t = swim_find(s, teller);
    struct look look = {.id = swim_id(m), .teller = teller, .teller_addr = t ? t->card->addr : *teller_addr};
    m->looked = true;
    VEC_PUSH(&s->looks, look);
    if (s->look_us == TIME_NEVER_US)
        s->look_us = s->now_us;
}

static void look_end(struct swim *s, size_t at) {
    struct member *m = swim_find(s, s->looks.data[at].id);
    if (m)
        m->looked = false;
    VEC_REMOVE(&s->looks, at);
    s->looks_sent -= at < s->looks_sent;
}

bool swim_look_ack(struct swim *s, uint32_t seq, struct node_id from) {
    for (size_t i = 0; i < s->looks_sent; i++) {
        if (s->looks.data[i].seq != seq || !ID_EQUAL(s->looks.data[i].id, from))
            continue;
        look_end(s, i); /* the packet itself has revived it */
        return true;
    }
    return false;
}

/* Not even now: who told that it lives has missed its death. */
static void look_fail(struct swim *s, const struct look *look) {
    struct member *m = swim_find(s, look->id);
    if (m && m->state == MEMBER_STATE_DEAD && look->teller_addr.size)
        swim_tell(s, look->teller, &look->teller_addr, m, true);
}

static void look_send(struct swim *s, struct look *look, const struct member *m) {
    static const enum member_state alive = MEMBER_STATE_ALIVE;
    look->seq = ++s->seq;
    look->end_us = s->now_us + 2 * s->config.period_us;
    struct addr addr = m->card->addr;
    swim_ping(s, look->seq, look->id, &addr, swim_find(s, look->id), &alive);
}

void swim_looks_run(struct swim *s) {
    if (s->look_us > s->now_us)
        return;
    for (size_t i = 0; i < s->looks_sent;) {
        struct look look = s->looks.data[i];
        if (look.end_us > s->now_us) {
            i++;
            continue;
        }
        look_end(s, i);
        look_fail(s, &look);
    }
    for (size_t i = 0; i < LOOKS_AT_ONCE && s->looks_sent < s->looks.count;) {
        const struct member *m = swim_find(s, s->looks.data[s->looks_sent].id);
        if (!m || m->state != MEMBER_STATE_DEAD) {
            look_end(s, s->looks_sent);
            continue;
        }
        look_send(s, &s->looks.data[s->looks_sent++], m);
        i++;
    }
    s->look_us = s->looks.count ? s->now_us + interval_us(s) : TIME_NEVER_US;
}
