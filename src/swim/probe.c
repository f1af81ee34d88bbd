/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Probes, and the local health (Lifeguard, section IV.A). */

#include "internal.h"

/* ---- one probe ----------------------------------------------------------------------------------------- */

/* As for a retransmission timer (RFC 6298), within bounds: a quick host is not given up by a hiccup. */
static int64_t probe_timeout_us(const struct swim *s, const struct member *m) {
    int64_t timeout_us = s->config.probe_timeout_us;
    const struct dealings *d = m->dealings;
    const struct round_trip *rtt = d && d->rtt.us ? &d->rtt : &s->rtt;
    if (rtt->us && swim_has(s, SWIM_ROUND_TRIP)) {
        timeout_us = (int64_t)rtt->us + 4 * (int64_t)rtt->deviation_us;
        if (timeout_us < s->config.probe_timeout_us / 4)
            timeout_us = s->config.probe_timeout_us / 4;
        if (timeout_us > s->config.period_us / 2)
            timeout_us = s->config.period_us / 2;
    }
    return timeout_us * (s->health + 1);
}

/* With the health as it is now. */
static int64_t interval_us(const struct swim *s) { return s->config.period_us * (s->health + 1); }

/*
 * The ping tells what is believed of its target; of a suspect it says so first (Lifeguard: buddy). Elsewhere
 * than where its card says it has no belief: so the ack brings the card, for it may have moved unheard.
 */
void swim_ping(struct swim *s, uint32_t seq, struct node_id target, const struct addr *addr, struct member *m,
               const enum member_state *belief) {
    struct wire_ping ping = {.seq = seq};
    if (m && swim_has(s, SWIM_BELIEF) && addr_equal(addr, &m->card->addr)) {
        ping.state = belief ? *belief : (enum member_state)m->state;
        ping.generation = m->incarnation.generation;
        ping.version = m->incarnation.version;
    }
    struct wire_swim_packet packet = {.ping = &ping};
    bool buddy = m && m->state == MEMBER_STATE_SUSPECT && swim_has(s, SWIM_BUDDY);
    swim_send(s, target, addr, &packet, &(struct first){buddy ? m : NULL, false}, 1);
}

/*
 * When an unanswered probe is a suspicion: at the end of the period [SWIM 3.1], or sooner where round trips
 * are short: then the helpers have had as long as three times the target.
 */
static int64_t verdict_us(const struct swim *s, int64_t timeout_us) {
    int64_t end_us = interval_us(s);
    if (!swim_has(s, SWIM_ROUND_TRIP) || timeout_us * 4 >= end_us)
        return end_us;
    return timeout_us * 4 > end_us * 3 / 5 ? timeout_us * 4 : end_us * 3 / 5;
}

static void probe_start(struct swim *s, struct probe *p, struct member *m) {
    s->counters.probes++;
    int64_t timeout_us = probe_timeout_us(s, m);
    *p = (struct probe){
        .active = true,
        .seq = ++s->seq,
        .target = swim_id(m),
        .sent_us = s->now_us,
        .timeout_us = s->now_us + timeout_us,
        .deadline_us = s->now_us + verdict_us(s, timeout_us),
    };
    swim_ping(s, p->seq, p->target, &m->card->addr, m, NULL);
}

static void probe_ask(struct swim *s, struct probe *p) {
    struct member *m = swim_find(s, p->target), *helpers[HELPERS_MAX];
    p->asked = true;
    /* It may be reached where its packets come from: its address may be one behind a translator, or old. */
    if (m && m->dealings && m->dealings->seen_addr.size && swim_has(s, SWIM_BELIEF))
        swim_ping(s, p->seq, p->target, &m->dealings->seen_addr, m, NULL);
    int64_t left_us = p->deadline_us - s->now_us;
    /*
     * The probe of memberlist is one thread: if it was stopped, it asks all the same when it goes on, and its
     * time being over it is charged with the nacks at once.
     */
    if (left_us < US_PER_MS && !swim_has(s, SWIM_LATENESS))
        left_us = p->deadline_us - p->timeout_us;
    if (!m || left_us < US_PER_MS)
        return;
    s->counters.probes_indirect++;
    size_t count = swim_pick(s, MEMBER_STATE_ALIVE, m, s->config.indirect_count, helpers);
    for (size_t i = 0; i < count; i++) {
        struct wire_ping_req req = {
            .seq = p->seq,
            .target = p->target,
            .addr = m->card->addr,
            .budget_ms = (uint32_t)(left_us / US_PER_MS),
        };
        struct wire_swim_packet packet = {.ping_req = &req};
        p->helpers[p->helpers_count].id = swim_id(helpers[i]);
        swim_send(s, p->helpers[p->helpers_count++].id, &helpers[i]->card->addr, &packet, NULL, 0);
    }
}

/* The end of its period: without any ack the target is suspect. */
static void probe_end(struct swim *s, struct probe *p) {
    p->active = false;
    struct member *m = swim_find(s, p->target);
    if (p->done || !m || m->state >= MEMBER_STATE_DEAD)
        return;
    s->counters.probes_failed++;
    /* A helper that was asked and not heard either: the fault may be here. */
    uint32_t missed = p->helpers_count == 0;
    for (uint32_t i = 0; i < p->helpers_count; i++)
        missed += !p->helpers[i].nacked;
    for (uint32_t i = 0; i < missed; i++)
        swim_health_add(s, 1);
    struct dealings *d = swim_dealings(s, m);
    if (d->indirect_us == 0)
        d->indirect_us = s->now_us;
    swim_suspect(s, m, m->incarnation, s->config.id);
}

static void period_begin(struct swim *s) {
    struct member *m = s->leaving ? NULL : swim_number(s, swim_ring_next(s, &s->probe_ring));
    /* The interval is that of the health at the start, like the deadline of its probe. */
    s->period_us = s->now_us + interval_us(s);
    swim_dealings_sweep(s);
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

/* Under way, of this target; NULL: none is. */
static struct probe *probe_of(struct swim *s, struct node_id target) {
    for (size_t i = 0; i < PROBES_MAX; i++) {
        struct probe *p = &s->probes[i];
        if (p->active && !p->done && ID_EQUAL(p->target, target))
            return p;
    }
    return NULL;
}

void swim_probe_at_once(struct swim *s, struct node_id target) {
    struct member *m = swim_find(s, target);
    struct probe *free_slot = NULL;
    if (!m || m == s->self || m->state >= MEMBER_STATE_DEAD || s->leaving || probe_of(s, target))
        return;
    for (size_t i = 1; i < PROBES_MAX; i++) {
        if (!s->probes[i].active)
            free_slot = &s->probes[i];
    }
    if (free_slot)
        probe_start(s, free_slot, m);
    else
        swim_ring_front(s, &s->probe_ring, m->card->number);
}

void swim_probe_again(struct swim *s, struct member *m) {
    struct probe *p = probe_of(s, swim_id(m));
    if (!p) {
        swim_probe_at_once(s, swim_id(m));
        return;
    }
    p->stalled = true; /* which ping the ack is of, nobody knows */
    swim_ping(s, p->seq, p->target, &m->card->addr, m, NULL);
}

/* ---- answers ------------------------------------------------------------------------------------------- */

static void rtt_sample(struct round_trip *rtt, int64_t sample_us) {
    int64_t sample = sample_us < 1 ? 1 : sample_us > UINT32_MAX / 2 ? UINT32_MAX / 2 : sample_us;
    if (rtt->us == 0) {
        rtt->us = (uint32_t)sample;
        rtt->deviation_us = (uint32_t)(sample / 2);
        return;
    }
    int64_t off = sample > rtt->us ? sample - rtt->us : rtt->us - sample;
    rtt->deviation_us = (uint32_t)((3 * (int64_t)rtt->deviation_us + off) / 4);
    rtt->us = (uint32_t)((7 * (int64_t)rtt->us + sample) / 8);
    if (rtt->us == 0)
        rtt->us = 1;
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

/* An ack of the probe has come from the target itself or from a helper. */
static void probe_acked(struct swim *s, struct probe *p, struct member *m, bool direct) {
    struct dealings *d = swim_dealings(s, m);
    s->counters.acks++;
    if (direct && !p->stalled) {
        rtt_sample(&d->rtt, s->now_us - p->sent_us);
        rtt_sample(&s->rtt, s->now_us - p->sent_us);
    }
    if (direct) {
        s->counters.probes_late += p->asked;
        d->indirect_us = 0;
    } else {
        mark_hit(s->config.marks, MARK_SWIM_INDIRECT);
        s->counters.saves_indirect++;
        if (d->indirect_us == 0)
            d->indirect_us = s->now_us;
    }
    probe_succeed(s, p);
}

void swim_ack_take(struct swim *s, const struct wire_ack *ack, struct node_id from) {
    struct node_id target = ID_IS_ZERO(ack->target) ? from : ack->target;
    for (size_t i = 0; i < PROBES_MAX; i++) {
        struct probe *p = &s->probes[i];
        if (!p->active || p->done || p->seq != ack->seq || !ID_EQUAL(p->target, target))
            continue;
        bool direct = ID_EQUAL(p->target, from);
        struct member *m = swim_find(s, p->target);
        if (m && (direct || was_asked(p, from)))
            probe_acked(s, p, m, direct);
        return;
    }
    if (!swim_look_ack(s, ack->seq, from))
        swim_relay_ack(s, ack, from);
}

void swim_nack_take(struct swim *s, const struct wire_nack *nack, struct node_id from) {
    for (size_t i = 0; i < PROBES_MAX; i++) {
        struct probe *p = &s->probes[i];
        bool other = !ID_IS_ZERO(nack->target) && !ID_EQUAL(p->target, nack->target);
        if (!p->active || p->seq != nack->seq || other)
            continue;
        mark_hit(s->config.marks, MARK_SWIM_NACK);
        s->counters.nacks++;
        for (uint32_t h = 0; h < p->helpers_count; h++)
            p->helpers[h].nacked |= ID_EQUAL(p->helpers[h].id, from);
    }
}

void swim_heard_from(struct swim *s, struct node_id from) {
    struct probe *p;
    while ((p = probe_of(s, from)) != NULL)
        probe_succeed(s, p);
}

/* ---- time ---------------------------------------------------------------------------------------------- */

void swim_probes_run(struct swim *s) {
    swim_relays_run(s);
    for (size_t i = 0; i < PROBES_MAX; i++) {
        struct probe *p = &s->probes[i];
        if (p->active && !p->done && !p->asked && p->timeout_us <= s->now_us)
            probe_ask(s, p);
        if (p->active && !p->done && p->deadline_us <= s->now_us)
            probe_end(s, p);
    }
    const struct probe *p = &s->probes[0];
    /* A probe whose end was put off, because this node was late, is not forgotten over the next one. */
    if (s->period_us <= s->now_us && p->active && !p->done)
        s->period_us = p->deadline_us;
    if (s->period_us <= s->now_us)
        period_begin(s);
}

void swim_probes_shift(struct swim *s, int64_t late_us, int64_t floor_us, bool stalled) {
    for (size_t i = 0; i < PROBES_MAX; i++) {
        struct probe *p = &s->probes[i];
        p->timeout_us += late_us;
        p->deadline_us += late_us;
        if (p->deadline_us < floor_us)
            p->deadline_us = floor_us;
        p->stalled = true;
    }
    swim_relays_shift(s, late_us);
    /* What waits in the socket comes first; a loop that is only slow goes on. */
    if (stalled)
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
