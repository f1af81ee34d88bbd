/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Pings on behalf of others (Lifeguard, section IV.A: nacks in time), and what a ping is answered with. */

#include "internal.h"

/* Of the asker's budget: the rest is for the nack's way back (Lifeguard, section IV.A). */
#define NACK_PERCENT 80

#define CHALLENGES_PER_S 32

static void relays_deadline(struct swim *s) {
    s->relay_us = TIME_NEVER_US;
    for (size_t i = 0; i < s->relays.count; i++) {
        const struct relay *r = &s->relays.data[i];
        int64_t next_us = r->nack_us < r->end_us ? r->nack_us : r->end_us;
        if (next_us < s->relay_us)
            s->relay_us = next_us;
    }
}

void swim_relay_start(struct swim *s, const struct wire_ping_req *req, const struct swim_input *in) {
    struct member *m = swim_find(s, req->target);
    const struct addr *addr = req->addr.size || !m ? &req->addr : &m->card->addr;
    if (ID_EQUAL(req->target, s->config.id) || MAP_GET_ID(&s->forgotten, req->target) || !addr->size ||
        s->relays.count >= RELAYS_MAX)
        return;
    int64_t budget_us = (req->budget_ms < BUDGET_MAX_MS ? req->budget_ms : BUDGET_MAX_MS) * US_PER_MS;
    struct relay r = {
        .asker = in->from,
        .target = req->target,
        .asker_addr = in->addr,
        .asker_seq = req->seq,
        .seq = ++s->seq,
        .nack_us = s->now_us + budget_us * NACK_PERCENT / 100,
        .end_us = s->now_us + budget_us,
    };
    VEC_PUSH(&s->relays, r);
    s->counters.helped++;
    relays_deadline(s);
    struct addr to = *addr;
    swim_ping(s, r.seq, r.target, &to, m, NULL);
}

static void relay_nack(struct swim *s, struct relay *r) {
    r->nack_us = TIME_NEVER_US;
    if (!swim_has(s, SWIM_LHA_PROBE))
        return;
    struct wire_nack nack = {.seq = r->asker_seq};
    struct wire_swim_packet packet = {.nack = &nack};
    swim_send(s, r->asker, &r->asker_addr, &packet, NULL, 0);
}

void swim_relays_run(struct swim *s) {
    if (s->relay_us > s->now_us)
        return;
    for (size_t i = 0; i < s->relays.count;) {
        struct relay *r = &s->relays.data[i];
        if (r->nack_us <= s->now_us)
            relay_nack(s, r);
        if (r->end_us <= s->now_us)
            VEC_REMOVE(&s->relays, i);
        else
            i++;
    }
    relays_deadline(s);
}

void swim_relay_ack(struct swim *s, const struct wire_ack *ack, struct node_id from) {
    for (size_t i = 0; i < s->relays.count; i++) {
        struct relay r = s->relays.data[i];
        if (r.seq != ack->seq || !ID_EQUAL(r.target, from))
            continue;
        VEC_REMOVE(&s->relays, i);
        relays_deadline(s);
        struct wire_ack relayed = {.seq = r.asker_seq, .target = r.target};
        struct wire_swim_packet packet = {.ack = &relayed};
        swim_send(s, r.asker, &r.asker_addr, &packet, NULL, 0);
        return;
    }
}

void swim_relays_shift(struct swim *s, int64_t late_us) {
    for (size_t i = 0; i < s->relays.count; i++) {
        struct relay *r = &s->relays.data[i];
        r->end_us += late_us;
        if (r->nack_us != TIME_NEVER_US)
            r->nack_us += late_us;
    }
    relays_deadline(s);
}

/* ---- answers ------------------------------------------------------------------------------------------- */

/* What the asker should know of itself, with the ack. */
static struct member *news_of_asker(struct swim *s, struct node_id asker) {
    struct member *m = swim_has(s, SWIM_BELIEF) ? swim_find(s, asker) : NULL;
    if (!m || (m->state == MEMBER_STATE_ALIVE && !s->sender_stale))
        return NULL;
    swim_dealings(s, m)->answered_us = s->now_us;
    return m;
}

void swim_ping_answer(struct swim *s, const struct wire_ping *ping, const struct swim_input *in) {
    if (!ID_IS_ZERO(ping->target) && !ID_EQUAL(ping->target, s->config.id))
        return; /* for whoever had this address before */
    struct incarnation seen = {ping->generation, ping->version};
    /* Without a belief, generation 0, it comes from a stranger, or asks who this is. */
    bool believes = swim_has(s, SWIM_BELIEF) || seen.generation == 0;
    if (believes && seen.generation < INCARNATION_LIMIT && seen.version < INCARNATION_LIMIT)
        swim_hear_of_self(s, ping->state, seen, in->from);
    struct incarnation own = s->self->incarnation;
    bool wrong = believes && (ping->state != s->self->state || incarnation_compare(seen, own) != 0);
    bool card = seen.generation != own.generation || seen.version < s->self->card->since;
    struct first firsts[2] = {{wrong || s->self_refuted ? s->self : NULL, card},
                              {news_of_asker(s, in->from), s->sender_stale}};
    struct wire_ack ack = {.seq = ping->seq};
    /* Somebody whose coming was missed: a ping that believes nothing of it is answered with its record. */
    bool unknown = !swim_find(s, in->from) && s->order.count < s->config.members_max;
    struct wire_ping who = {.seq = unknown ? ++s->seq : 0};
    struct wire_swim_packet packet = {
        .ack = &ack, .ping = unknown ? &who : NULL, .wanted = s->wanted, .wanted_count = s->wanted_count};
    swim_send(s, in->from, &in->addr, &packet, firsts, 2);
    s->self_refuted = s->sender_stale = false;
    s->wanted_count = 0;
}

void swim_challenge(struct swim *s, const struct swim_input *in) {
    struct member *m = swim_find(s, in->from);
    if (m && m->incarnation.generation > in->generation) {
        swim_answer(s, m, &in->addr, true);
        return;
    }
    int64_t each_us = US_PER_S / CHALLENGES_PER_S;
    if (s->challenges_us < s->now_us - US_PER_S)
        s->challenges_us = s->now_us - US_PER_S;
    if (s->challenges_us + each_us > s->now_us)
        return;
    s->challenges_us += each_us;
    s->counters.challenges++;
    struct wire_ping who = {.seq = ++s->seq};
    struct wire_swim_packet packet = {.ping = &who};
    swim_send(s, in->from, &in->addr, &packet, NULL, 0);
}
