/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Pings, for oneself and on behalf of others; the local health (Lifeguard, section IV.A). */

#include "internal.h"

/* Of the asker's budget: the rest is for the nack's way back (Lifeguard, section IV.A). */
#define NACK_PERCENT 80

/* ---- one probe ----------------------------------------------------------------------------------------- */

/* As for a retransmission timer (RFC 6298), within bounds: a quick host is not given up by a hiccup. */
static int64_t probe_timeout_us(const struct swim *s, const struct member *m) {
    int64_t timeout_us = s->config.probe_timeout_us;
    if (m->rtt_us) {
        timeout_us = (int64_t)m->rtt_us + 4 * (int64_t)m->rtt_deviation_us;
        if (timeout_us < s->config.probe_timeout_us / 4)
            timeout_us = s->config.probe_timeout_us / 4;
        if (timeout_us > s->config.period_us / 2)
            timeout_us = s->config.period_us / 2;
    }
    return timeout_us * (s->health + 1);
}

static int64_t interval_us(const struct swim *s) { return s->config.period_us * (s->health + 1); }

/* The ping tells what is believed of its target; of a suspect it says so first (Lifeguard: buddy). */
static void ping_send(struct swim *s, uint32_t seq, struct node_id target, const struct addr *addr,
                      struct member *m) {
    struct wire_ping ping = {.seq = seq, .target = target};
    if (m) {
        ping.state = (enum member_state)m->state;
        ping.generation = m->incarnation.generation;
        ping.version = m->incarnation.version;
    }
    struct wire_swim_packet packet = {.ping = &ping};
    swim_send(s, target, addr, &packet, m && m->state == MEMBER_STATE_SUSPECT ? m : NULL, NULL);
}

static void probe_start(struct swim *s, struct probe *p, struct member *m) {
    *p = (struct probe){
        .active = true,
        .seq = ++s->seq,
        .target = m->id,
        .sent_us = s->now_us,
        .timeout_us = s->now_us + probe_timeout_us(s, m),
        .deadline_us = s->now_us + interval_us(s),
    };
    ping_send(s, p->seq, m->id, &m->addr, m);
}

static void probe_ask(struct swim *s, struct probe *p) {
    struct member *m = swim_find(s, p->target), *helpers[HELPERS_MAX];
    p->asked = true;
    int64_t left_us = p->deadline_us - s->now_us;
    if (!m || left_us < US_PER_MS)
        return;
    size_t count = swim_pick(s, MEMBER_STATE_ALIVE, m, s->config.indirect_count, helpers);
    for (size_t i = 0; i < count; i++) {
        struct wire_ping_req req = {
            .seq = p->seq,
            .target = m->id,
            .addr = m->addr,
            .budget_ms = (uint32_t)(left_us / US_PER_MS),
        };
        struct wire_swim_packet packet = {.ping_req = &req};
        swim_send(s, helpers[i]->id, &helpers[i]->addr, &packet, NULL, NULL);
        p->helpers[p->helpers_count++].id = helpers[i]->id;
    }
}

/* The end of its period: without any ack the target is suspect. */
static void probe_end(struct swim *s, struct probe *p) {
    p->active = false;
    struct member *m = swim_find(s, p->target);
    if (p->done || !m || m->state >= MEMBER_STATE_DEAD)
        return;
    swim_health_add(s, 1);
    for (uint32_t i = 0; i < p->helpers_count; i++) {
        if (!p->helpers[i].nacked) {
            /* A helper was asked and not heard either: the fault may be here. */
            swim_health_add(s, 1);
            break;
        }
    }
    swim_suspect(s, m, m->incarnation, s->config.id);
}

static void period_begin(struct swim *s) {
    struct member *m = s->leaving ? NULL : swim_ring_next(s, &s->probe_ring);
    /* The interval is that of the health at the start, like the deadline of its probe. */
    s->period_us = s->now_us + interval_us(s);
    if (m) {
        probe_start(s, &s->probes[0], m);
    } else if (!s->leaving) {
        /*
         * Alone there is nothing that speaks for its health, nor against it. What it would have told of the
         * others is stale when somebody is there to hear it.
         */
        swim_health_add(s, -1);
        swim_rumours_drop(s);
    }
}

void swim_probe_at_once(struct swim *s, struct node_id target) {
    struct member *m = swim_find(s, target);
    struct probe *free_slot = NULL;
    if (!m || m == s->self || m->state >= MEMBER_STATE_DEAD || s->leaving)
        return;
    for (size_t i = 0; i < PROBES_MAX; i++) {
        struct probe *p = &s->probes[i];
        if (p->active && !p->done && ID_EQUAL(p->target, target))
            return;
        if (i > 0 && !p->active)
            free_slot = p;
    }
    if (free_slot)
        probe_start(s, free_slot, m);
    else
        swim_ring_front(&s->probe_ring, m);
}

/* ---- relays -------------------------------------------------------------------------------------------- */

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
    const struct addr *addr = req->addr.size || !m ? &req->addr : &m->addr;
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
    relays_deadline(s);
    ping_send(s, r.seq, r.target, addr, m);
}

static void relay_nack(struct swim *s, struct relay *r) {
    r->nack_us = TIME_NEVER_US;
    struct wire_nack nack = {.seq = r->asker_seq, .target = r->target};
    struct wire_swim_packet packet = {.nack = &nack};
    swim_send(s, r->asker, &r->asker_addr, &packet, NULL, NULL);
}

static void relays_run(struct swim *s) {
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

static void relay_ack(struct swim *s, const struct wire_ack *ack, struct node_id from) {
    for (size_t i = 0; i < s->relays.count; i++) {
        struct relay r = s->relays.data[i];
        if (r.seq != ack->seq || !ID_EQUAL(r.target, from) || !ID_EQUAL(r.target, ack->target))
            continue;
        VEC_REMOVE(&s->relays, i);
        relays_deadline(s);
        struct wire_ack relayed = {.seq = r.asker_seq, .target = r.target};
        struct wire_swim_packet packet = {.ack = &relayed};
        swim_send(s, r.asker, &r.asker_addr, &packet, NULL, NULL);
        return;
    }
}

/* ---- answers ------------------------------------------------------------------------------------------- */

static void rtt_sample(struct member *m, int64_t sample_us) {
    int64_t sample = sample_us < 1 ? 1 : sample_us > UINT32_MAX / 2 ? UINT32_MAX / 2 : sample_us;
    if (m->rtt_us == 0) {
        m->rtt_us = (uint32_t)sample;
        m->rtt_deviation_us = (uint32_t)(sample / 2);
        return;
    }
    int64_t off = sample > m->rtt_us ? sample - m->rtt_us : m->rtt_us - sample;
    m->rtt_deviation_us = (uint32_t)((3 * (int64_t)m->rtt_deviation_us + off) / 4);
    m->rtt_us = (uint32_t)((7 * (int64_t)m->rtt_us + sample) / 8);
    if (m->rtt_us == 0)
        m->rtt_us = 1;
}

static void probe_succeed(struct swim *s, struct probe *p) {
    p->done = true;
    swim_health_add(s, -1);
    if (p != &s->probes[0])
        p->active = false;
}

static bool was_asked(const struct probe *p, struct node_id id) {
    for (uint32_t i = 0; i < p->helpers_count; i++) {
        if (ID_EQUAL(p->helpers[i].id, id))
            return true;
    }
    return false;
}

void swim_ack_take(struct swim *s, const struct wire_ack *ack, struct node_id from) {
    for (size_t i = 0; i < PROBES_MAX; i++) {
        struct probe *p = &s->probes[i];
        if (!p->active || p->done || p->seq != ack->seq || !ID_EQUAL(p->target, ack->target))
            continue;
        bool direct = ID_EQUAL(p->target, from);
        struct member *m = swim_find(s, p->target);
        if (!m || (!direct && !was_asked(p, from)))
            return;
        if (!direct)
            mark_hit(s->config.marks, MARK_SWIM_INDIRECT);
        else if (!p->stalled)
            rtt_sample(m, s->now_us - p->sent_us);
        probe_succeed(s, p);
        return;
    }
    relay_ack(s, ack, from);
}

void swim_nack_take(struct swim *s, const struct wire_nack *nack, struct node_id from) {
    for (size_t i = 0; i < PROBES_MAX; i++) {
        struct probe *p = &s->probes[i];
        if (!p->active || p->seq != nack->seq || !ID_EQUAL(p->target, nack->target))
            continue;
        mark_hit(s->config.marks, MARK_SWIM_NACK);
        for (uint32_t h = 0; h < p->helpers_count; h++)
            p->helpers[h].nacked |= ID_EQUAL(p->helpers[h].id, from);
    }
}

void swim_heard_from(struct swim *s, struct node_id from) {
    for (size_t i = 0; i < PROBES_MAX; i++) {
        struct probe *p = &s->probes[i];
        if (p->active && !p->done && ID_EQUAL(p->target, from))
            probe_succeed(s, p);
    }
}

void swim_ping_answer(struct swim *s, const struct wire_ping *ping, const struct swim_input *in) {
    if (!ID_EQUAL(ping->target, s->config.id))
        return; /* for whoever had this address before */
    struct incarnation seen = {ping->generation, ping->version};
    if (ping->generation < INCARNATION_LIMIT && ping->version < INCARNATION_LIMIT)
        swim_hear_of_self(s, ping->state, seen, in->from);
    bool wrong = ping->state != s->self->state || incarnation_compare(seen, s->self->incarnation) != 0;
    struct member *sender = swim_find(s, in->from);
    if (sender && (sender->state != MEMBER_STATE_ALIVE || s->sender_stale))
        sender->answered_us = s->now_us;
    else
        sender = NULL;
    struct wire_ack ack = {.seq = ping->seq, .target = ping->target};
    /* Somebody whose coming was missed: a ping that believes nothing of it is answered with its record. */
    bool unknown = !swim_find(s, in->from) && s->members.count < s->config.members_max;
    struct wire_ping who = {.seq = unknown ? ++s->seq : 0, .target = in->from};
    struct wire_swim_packet packet = {.ack = &ack, .ping = unknown ? &who : NULL};
    swim_send(s, in->from, &in->addr, &packet, wrong || s->self_refuted ? s->self : NULL, sender);
    s->self_refuted = s->sender_stale = false;
}

/* ---- time ---------------------------------------------------------------------------------------------- */

void swim_probes_run(struct swim *s) {
    relays_run(s);
    for (size_t i = 0; i < PROBES_MAX; i++) {
        struct probe *p = &s->probes[i];
        if (p->active && !p->done && p->deadline_us <= s->now_us)
            probe_end(s, p);
        else if (p->active && !p->done && !p->asked && p->timeout_us <= s->now_us)
            probe_ask(s, p);
    }
    if (s->period_us <= s->now_us)
        period_begin(s);
}

void swim_probes_shift(struct swim *s, int64_t late_us, int64_t floor_us) {
    for (size_t i = 0; i < PROBES_MAX; i++) {
        struct probe *p = &s->probes[i];
        p->timeout_us += late_us;
        p->deadline_us += late_us;
        if (p->deadline_us < floor_us)
            p->deadline_us = floor_us;
        p->stalled = true;
    }
    for (size_t i = 0; i < s->relays.count; i++) {
        struct relay *r = &s->relays.data[i];
        r->end_us += late_us;
        if (r->nack_us != TIME_NEVER_US)
            r->nack_us += late_us;
    }
    relays_deadline(s);
    s->period_us += late_us;
    if (s->period_us < floor_us)
        s->period_us = floor_us;
}

int64_t swim_probes_deadline(const struct swim *s) {
    int64_t next_us = s->period_us < s->relay_us ? s->period_us : s->relay_us;
    for (size_t i = 0; i < PROBES_MAX; i++) {
        const struct probe *p = &s->probes[i];
        if (!p->active || p->done)
            continue;
        int64_t due_us = p->asked || p->deadline_us < p->timeout_us ? p->deadline_us : p->timeout_us;
        if (due_us < next_us)
            next_us = due_us;
    }
    return next_us;
}
