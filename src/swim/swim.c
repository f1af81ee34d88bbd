/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * swim: who is there?
 *
 * What is built, and after whom
 * =============================
 * [SWIM] A. Das, I. Gupta, A. Motivala, "SWIM: Scalable Weakly-consistent Infection-style Process Group
 * Membership Protocol", DSN 2002. [LG] A. Dadgar, J. Phillips, J. Currey, "Lifeguard: Local Health
 * Awareness for More Accurate Failure Detection", 2018. memberlist, Tarantool's swim and foca are the
 * implementations that were learnt from.
 *
 * One probe a period [SWIM 3.1]: ping a member; without an ack in time ask k others to ping it
 * (ping_req); without any ack by the end of the period it is suspect [SWIM 4.2]. Targets go round in a
 * random order that is drawn anew each lap, a newcomer is put in at a random place [SWIM 4.3]: at most
 * 2n - 1 periods lie between two probes of one member. News rides on the pings and acks, each rumour lambda
 * log n times, those sent least often first [SWIM 4.1].
 *
 * A host that is slow itself must not blame others [LG IV.A]: its health, 0 when well, goes up with a
 * failed probe, with a helper that sent neither ack nor nack, and with a suspicion of itself that it had
 * to refute; it goes down with an answered probe. Period and probe timeout are multiplied by health + 1.
 * A suspicion lasts from Max down to Min as independent accusers confirm it [LG IV.B], and a ping to a
 * suspect tells it so first [LG IV.C, buddy].
 *
 * What differs, and why
 * =====================
 * - Incarnation = (generation, version). The generation is persisted and raised at each start, so that a
 *   restarted host never loses against its own past; if the disk lost it, the host learns from the first
 *   evidence of its later life, jumps above it and asks (SWIM_GENERATION) for the new one to be kept. The
 *   paper has one number, from 0.
 * - Dead is not final [SWIM 4.2 drops the member]: a higher incarnation brings it back, and only the
 *   member itself makes one. Dead records are kept for days and their members contacted again, as are
 *   seeds and the members of the committed table: a healed cut merges by itself. Implementations that
 *   skip the dead split for good.
 * - The highest incarnation of all evidence is kept, whatever the state: after Alive@1, Dead@1, Dead@10 a
 *   stale Alive@2 resurrects nobody.
 * - A ping carries what is believed of its target. A wrong belief is put right by the ack, in one hop and
 *   not in the O(log n) that the rumour takes. Whoever is heard from and held suspect or dead is told of
 *   it, at most once a period.
 * - Another's verdict "dead" [SWIM 4.2: overrides at once] only ends the suspicion after Min at the
 *   latest: nobody is dead here without having had that long to refute here. Else whoever was cut off
 *   alone brings the death of all others when he is back. As the suspicion has spread before the verdict,
 *   this costs no more than that took.
 * - A nack is due at 80 % of the asker's remaining budget, which the ping_req carries. With a timer of
 *   the helper's own it comes too late, and a healthy prober of a dead member charges itself.
 * - A late event loop blames nobody: when an input comes more than a period after the deadline that was
 *   told, every deadline moves by the lateness, verdicts not below a whole period from then. [LG] bears
 *   slowness, not a stop.
 * - The probe timeout follows the round trip (smoothed as in RFC 6298), from a quarter of the configured
 *   one to half a period. Before the first sample it is the configured one [SWIM 3.1 takes an average
 *   over all].
 * - One buffer of rumours, not one for the living and one for the failed [SWIM 4.1]: with only one rumour
 *   a member and the fewest-sent first none starves.
 * - No probe over TCP beside the ping_req as memberlist has: streams between members exist anyway, and
 *   what comes over them is fed as SWIM_ALIVE_HINT.
 * - News also goes out on a clock of its own while there is any, to 3 members five times in two periods [as
 *   memberlist; in SWIM 5 it is on pings and acks alone]. A node that has lost sight of half the group pings
 *   rarely, its health being bad, and mostly the lost: its side would take minutes to agree on who is gone.
 * - Members learnt second-hand are let in when they are alive (the envelope has authenticated who tells
 *   it), never when they are dead: ghosts would be passed round for ever.
 *
 * Transitions
 * ===========
 * i = incarnation told, h = incarnation held. "keep i": only the held incarnation is raised. In a merge
 * (push-pull) a dead of the other side counts as suspect, with the whole time to refute: it may only have
 * been cut off. Such a suspicion is put to the member itself, not told on, and confirms nothing.
 *
 *   held \ told | alive              | suspect                  | dead                | left
 *   ------------+--------------------+--------------------------+---------------------+-----------------
 *   unknown     | Alive@i  JOINED    | - (with an address, in   | -                   | -
 *               |                    | a merge: Alive, Suspect) |                     |
 *   Alive@h     | i>h Alive@i        | i>=h Suspect@i SUSPECTED | i>=h as suspect,    | i>=h Left@i LEFT
 *   Suspect@h   | i>h Alive@i REFUTED| i>h Suspect@i, new timer | and the timer ends  | i>=h Left@i LEFT
 *               |                    | i=h a confirmation       | Min after its start |
 *   Dead@h      | i>h Alive@i JOINED | i>h keep i               | i>h keep i          | i>=h Left@i LEFT
 *   Left@h      | i>h Alive@i JOINED | i>h Suspect@i JOINED,    | i>h Dead@i DIED     | i>h keep i
 *               |                    | SUSPECTED                |                     |
 *   self        | i>h refute         | i>=h refute              | i>=h refute         | i>=h refute
 *   self, leaves| i>h Left@i         | i>h Left@i               | i>h Left@i          | i>h Left@i
 *
 * Everything else changes nothing. At the same incarnation alive < suspect < dead < left, otherwise the
 * higher one wins: views converge in whatever order evidence arrives. A suspect whose timer ends is
 * Dead@h, DIED; a dead or left record whose timer ends is forgotten. Refute: the version goes above
 * whatever was told, or the generation if that was a later one. A name or address of ours that is not so,
 * told at our own incarnation, is refuted as well.
 *
 * Cost
 * ====
 * A member takes about 120 bytes and its name. An idle period costs one ping of about 35 bytes and, on
 * average, one answered ping. Timers are a heap of the members that are not alive; nothing walks the table
 * but a push-pull, a full table looking for a dead record to give up, and the check of a seed's address when
 * its turn comes.
 */

#include "internal.h"

#define OUT_KEEP_BYTES (1u << 20) /* memory for packets that is kept between feeds */

/* ---- life ---------------------------------------------------------------------------------------------- */

static int64_t bounded(int64_t value, int64_t otherwise, int64_t low, int64_t high) {
    if (value == 0)
        value = otherwise;
    return value < low ? low : value > high ? high : value;
}

static uint32_t bounded_u32(uint32_t value, uint32_t otherwise, uint32_t high) {
    return (uint32_t)bounded(value, otherwise, 1, high);
}

static void config_settle(struct swim_config *c) {
    c->period_us = bounded(c->period_us, 500 * US_PER_MS, 10 * US_PER_MS, 60 * US_PER_S);
    c->probe_timeout_us = bounded(c->probe_timeout_us, c->period_us * 2 / 5, US_PER_MS, c->period_us / 2);
    c->indirect_count = bounded_u32(c->indirect_count, 3, HELPERS_MAX);
    c->suspicion_alpha = bounded_u32(c->suspicion_alpha, 4, 64);
    c->suspicion_beta = bounded_u32(c->suspicion_beta, 6, 64);
    c->confirmations = bounded_u32(c->confirmations, 3, CONFIRMATIONS_MAX);
    c->retransmit_mult = bounded_u32(c->retransmit_mult, 6, RETRANSMITS_MAX / 5);
    c->health_max = bounded_u32(c->health_max, 8, 64);
    c->sync_interval_us = bounded(c->sync_interval_us, 30 * US_PER_S, US_PER_S / 10, 86400 * US_PER_S);
    c->dead_retry_us = bounded(c->dead_retry_us, 10 * US_PER_S, US_PER_S / 10, 86400 * US_PER_S);
    c->dead_keep_us = bounded(c->dead_keep_us, 72 * 3600 * US_PER_S, US_PER_S, 366 * 86400 * US_PER_S);
    c->members_max = bounded_u32(c->members_max, 20000, WIRE_NODES_MAX);
}

struct swim *swim_new(const struct swim_config *config, int64_t now_us) {
    assert(!ID_IS_ZERO(config->id) && config->name.size <= WIRE_NAME_MAX);
    assert(config->packet_size_max >= SWIM_PACKET_SIZE_MIN && config->packet_size_max <= WIRE_DATAGRAM_MAX);
    assert(config->generation <= INCARNATION_LIMIT);
    struct swim *s = mem_alloc(sizeof *s);
    s->config = *config;
    s->relay_us = s->retry_us = s->leave_us = s->gossip_us = TIME_NEVER_US;
    config_settle(&s->config);
    s->now_us = now_us;
    prng_init(&s->prng, config->seed);
    s->self = swim_member_new(s, config->id, &config->addr);
    swim_member_describe(s->self, config->name, &config->addr);
    s->config.name = bytes_of(s->self->name, s->self->name_size);
    s->self->incarnation.generation = config->generation;
    s->self->known = true;
    map_put(&s->members, bytes_of(s->self->id.b, sizeof s->self->id.b), s->self);
    swim_rumour_start(s, s->self);
    /* A random phase: hosts that start together do not probe together. */
    s->period_us = now_us + prng_between(&s->prng, 0, s->config.period_us);
    s->sync_us = now_us + prng_between(&s->prng, s->config.sync_interval_us / 2, s->config.sync_interval_us);
    return s;
}

static void members_free(struct swim *s, struct map *members) {
    for (size_t i = 0; i < members->count; i++) {
        struct member *m = members->entries[i].value;
        swim_rumour_stop(s, m);
        m->ring_pos = NOWHERE;
        swim_member_free(m);
    }
    map_done(members);
}

void swim_free(struct swim *s) {
    if (!s)
        return;
    members_free(s, &s->members);
    members_free(s, &s->strangers);
    for (size_t i = 0; i < s->seeds.count; i++) {
        s->seeds.data[i]->ring_pos = NOWHERE;
        swim_member_free(s->seeds.data[i]);
    }
    VEC_DONE(&s->seeds);
    for (size_t i = 0; i < s->forgotten.count; i++)
        mem_free(s->forgotten.entries[i].value);
    map_done(&s->forgotten);
    mem_free(s->probe_ring.items);
    mem_free(s->retry_ring.items);
    mem_free(s->heap);
    VEC_DONE(&s->relays);
    VEC_DONE(&s->pending);
    buf_done(&s->out);
    buf_done(&s->scratch);
    arena_done(&s->arena);
    mem_free(s);
}

/* ---- leaving ------------------------------------------------------------------------------------------- */

#define LEAVE_BURSTS 2 /* the second makes up for what the first lost */

static void leave_begin(struct swim *s) {
    if (s->leaving)
        return;
    s->leaving = true;
    s->self->state = MEMBER_STATE_LEFT;
    s->self->changed_us = s->now_us;
    /* From here on nobody is judged. */
    for (size_t i = 0; i < PROBES_MAX; i++)
        s->probes[i].active = false;
    s->sync_us = s->retry_us = TIME_NEVER_US;
    s->leave_bursts = LEAVE_BURSTS;
    s->leave_us = s->now_us;
}

static void leave_run(struct swim *s) {
    struct member *told[RETRANSMITS_MAX];
    if (s->leave_us > s->now_us)
        return;
    if (s->leave_bursts == 0 || s->probe_ring.count == 0) {
        s->leave_done = true;
        s->leave_us = TIME_NEVER_US;
        return;
    }
    s->leave_bursts--;
    s->leave_us = s->now_us + s->config.probe_timeout_us;
    swim_rumour_start(s, s->self);
    size_t wanted = swim_retransmits(s->config.retransmit_mult, s->probe_ring.count + 1);
    size_t count = swim_pick(s, MEMBER_STATE_SUSPECT, NULL, wanted, told);
    for (size_t i = 0; i < count; i++) {
        struct wire_swim_packet packet = {0};
        swim_send(s, told[i]->id, &told[i]->addr, &packet, s->self, NULL);
    }
}

/* ---- inputs -------------------------------------------------------------------------------------------- */

static void later(int64_t *deadline_us, int64_t late_us) {
    if (*deadline_us != TIME_NEVER_US)
        *deadline_us += late_us;
}

/* Who was stopped has heard nobody: its silence is no evidence against anyone. */
static void stall_guard(struct swim *s) {
    int64_t late_us = s->now_us - swim_deadline(s);
    if (late_us <= s->config.period_us)
        return;
    int64_t floor_us = s->now_us + s->config.period_us;
    mark_hit(s->config.marks, MARK_SWIM_STALLED);
    swim_probes_shift(s, late_us, floor_us);
    swim_timers_shift(s, late_us, floor_us);
    later(&s->gossip_us, late_us);
    later(&s->sync_us, late_us);
    later(&s->retry_us, late_us);
    later(&s->leave_us, late_us);
    swim_health_add(s, 1);
    swim_event(s, SWIM_STALLED, s->self)->late_us = late_us;
}

static void tick(struct swim *s) {
    swim_probes_run(s);
    swim_timers_run(s);
    swim_gossip_run(s);
    swim_sync_run(s);
    leave_run(s);
}

static void packet_answer_sender(struct swim *s, const struct swim_input *in) {
    struct member *sender = swim_find(s, in->from);
    if (s->self_refuted) {
        struct wire_swim_packet packet = {0};
        swim_send(s, in->from, &in->addr, &packet, s->self, NULL);
    }
    if (sender && (sender->state != MEMBER_STATE_ALIVE || s->sender_stale))
        swim_answer(s, sender, &in->addr);
}

static int packet_take(struct swim *s, const struct swim_input *in) {
    struct wire_swim_packet packet;
    if (codec_decode(&wire_swim_packet_type, in->packet, &s->arena, &packet, NULL) != 0)
        return ERR_INVALID;
    /* The news first: the answer is then given by what is known after it. */
    for (size_t i = 0; i < packet.members_count; i++)
        swim_hear(s, &packet.members[i], in->from);
    struct member *sender = swim_find(s, in->from);
    if (sender)
        sender->last_ack_us = s->now_us;
    if (packet.ping)
        swim_ping_answer(s, packet.ping, in);
    if (packet.ping_req)
        swim_relay_start(s, packet.ping_req, in);
    if (packet.ack)
        swim_ack_take(s, packet.ack, in->from);
    if (packet.nack)
        swim_nack_take(s, packet.nack, in->from);
    packet_answer_sender(s, in);
    return s->table_full ? ERR_LIMIT : 0;
}

static void hint_take(struct swim *s, const struct swim_input *in) {
    struct member *m = swim_find(s, in->from);
    if (!m || m == s->self)
        return;
    m->last_ack_us = s->now_us;
    swim_heard_from(s, in->from);
    if (m->state != MEMBER_STATE_ALIVE)
        swim_answer(s, m, &m->addr);
}

static int input_take(struct swim *s, const struct swim_input *in) {
    bool from_member = in->kind == SWIM_PACKET || in->kind == SWIM_SYNC;
    if (from_member && (ID_IS_ZERO(in->from) || ID_EQUAL(in->from, s->config.id)))
        return ERR_INVALID;
    if (from_member && MAP_GET_ID(&s->forgotten, in->from))
        return 0;
    switch (in->kind) {
    case SWIM_TICK: tick(s); return 0;
    case SWIM_PACKET: return packet_take(s, in);
    case SWIM_SYNC: return swim_sync_take(s, in);
    case SWIM_SEED: return swim_seed_add(s, &in->addr);
    case SWIM_CONTACT: return swim_contact_add(s, in->from, &in->addr);
    case SWIM_FORGET: return swim_contact_forget(s, in->from);
    case SWIM_PROBE: swim_probe_at_once(s, in->from); return 0;
    case SWIM_ALIVE_HINT: hint_take(s, in); return 0;
    case SWIM_LEAVE:
        leave_begin(s);
        leave_run(s);
        return 0;
    }
    return ERR_INVALID;
}

int swim_feed(struct swim *s, int64_t now_us, const struct swim_input *input) {
    if (s->pending_head == s->pending.count) {
        s->pending.count = s->pending_head = 0;
        if (s->out.capacity > OUT_KEEP_BYTES)
            buf_done(&s->out);
        buf_clear(&s->out);
    }
    if (now_us > s->now_us)
        s->now_us = now_us;
    s->table_full = s->self_refuted = s->sender_stale = false;
    s->answers_left = ANSWERS_MAX;
    stall_guard(s);
    int error = input_take(s, input);
    arena_reset(&s->arena);
    return error;
}

/* ---- outputs ------------------------------------------------------------------------------------------- */

bool swim_drain(struct swim *s, struct swim_effect *ret_effect) {
    if (s->pending_head == s->pending.count)
        return false;
    const struct pending *p = &s->pending.data[s->pending_head++];
    *ret_effect = p->effect;
    if (p->effect.packet.size)
        ret_effect->packet.data = s->out.data + p->packet_at;
    return true;
}

int64_t swim_deadline(const struct swim *s) {
    int64_t next_us = swim_probes_deadline(s);
    if (s->heap_count > 0 && s->heap[0]->accusation->timer_us < next_us)
        next_us = s->heap[0]->accusation->timer_us;
    if (s->gossip_us < next_us)
        next_us = s->gossip_us;
    if (s->sync_us < next_us)
        next_us = s->sync_us;
    if (s->retry_us < next_us)
        next_us = s->retry_us;
    return s->leave_us < next_us ? s->leave_us : next_us;
}

static void member_show(const struct member *m, struct swim_member *ret) {
    *ret = (struct swim_member){
        .id = m->id,
        .name = bytes_of(m->name, m->name_size),
        .addr = m->addr,
        .state = (enum member_state)m->state,
        .generation = m->incarnation.generation,
        .version = m->incarnation.version,
        .changed_us = m->changed_us,
        .last_ack_us = m->last_ack_us,
        .rtt_us = m->rtt_us,
    };
}

size_t swim_members_count(const struct swim *s) { return s->members.count; }

bool swim_member_at(const struct swim *s, size_t index, struct swim_member *ret) {
    if (index >= s->members.count)
        return false;
    member_show(s->members.entries[index].value, ret);
    return true;
}

bool swim_member_find(const struct swim *s, struct node_id id, struct swim_member *ret) {
    const struct member *m = swim_find(s, id);
    if (m)
        member_show(m, ret);
    return m != NULL;
}

size_t swim_alive_count(const struct swim *s) { return s->probe_ring.count + !s->leaving; }

uint32_t swim_health(const struct swim *s) { return s->health; }

bool swim_leave_done(const struct swim *s) { return s->leave_done; }

size_t swim_export(const struct swim *s, struct wire_member *out, size_t out_max) {
    size_t count = s->members.count < out_max ? s->members.count : out_max;
    for (size_t i = 0; i < count; i++)
        out[i] = swim_record(s->members.entries[i].value, true);
    return count;
}
