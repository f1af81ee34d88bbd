/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * swim: who is there?
 *
 * What is built, and after whom
 * =============================
 * [SWIM] A. Das, I. Gupta, A. Motivala, "SWIM: Scalable Weakly-consistent Infection-style Process Group
 * Membership Protocol", DSN 2002. [LG] A. Dadgar, J. Phillips, J. Currey, "Lifeguard: Local Health
 * Awareness for More Accurate Failure Detection", 2018. memberlist, Tarantool's swim, foca and ringpop are
 * the implementations that were learnt from, and from the troubles that their users reported.
 *
 * One probe a period [SWIM 3.1]: ping a member; without an ack in time ask k others to ping it
 * (ping_req); without any ack by the end of the probe it is suspect [SWIM 4.2]. Targets go round in a
 * random order that is drawn anew each lap, a newcomer is put in at a random place [SWIM 4.3]: at most
 * 2n - 1 periods lie between two probes of one member. News rides on the pings and acks, each rumour lambda
 * log n times, those sent least often first [SWIM 4.1].
 *
 * A host that is slow itself must not blame others [LG IV.A]: its health, 0 when well, goes up with a
 * probe that failed without a helper to ask, with each helper that sent neither ack nor nack, and with a
 * suspicion of itself that it had to refute; it goes down with an answered probe. Period and probe timeout
 * are multiplied by health + 1. A suspicion lasts from Max down to Min as independent accusers confirm it [LG
 * IV.B], and a ping to a suspect tells it so first [LG IV.C, buddy].
 *
 * With SWIM_WITHOUT_DSN2002 and its like this is all that is done, so that the core can be held against the
 * figures of the papers. What the papers leave to their programs is done as those do it:
 * - A dead one comes back by its own word alone, in a higher incarnation. It gives that when it hears that it
 *   is doubted or dead: by a rumour, by a ping that says so, or in a comparison of tables, where a death is
 *   only a suspicion. No sign of life undoes a verdict, however old. In [SWIM 4.2] a verdict is final.
 * - Without SWIM_DIGESTS tables go whole over streams, both ways, each sync_interval [memberlist], and
 *   together the living try each dead one once a dead_retry, whenever that comes [serf]. For a host that
 *   hardly gets to read its datagrams these are the way to learn that those whom it suspects have refuted.
 * - A probe that was stopped with its host goes on where it was: its time being over, it asks the helpers and
 *   is charged with all their nacks at once [memberlist].
 *
 * What differs, and why
 * =====================
 * Who is believed
 * - Incarnation = (generation, version). The generation is persisted and raised at each start, so that a
 *   restarted host never loses against its own past. It moves by a card alone, which the member has signed
 *   (card.c): a forged or replayed packet shuts nobody out. Who meets a generation that it has no card for
 * asks for it. A host whose disk was restored is shown its later card, and jumps above it (self.c). The paper
 * has one number, from 0.
 * - Within a generation anybody may accuse and the accused refutes; nothing is signed for that.
 * - Leaving is signed.
 * - Members learnt second-hand are let in when they are alive, never when they are dead: ghosts would be
 * passed round for ever.
 * - Accusers that are refuted at once, again and again, and seconded by nobody are not believed alone
 *   (accuser.c): one half-deaf host must not keep a thousand others refuting.
 *
 * When somebody is dead
 * - Another's verdict "dead" [SWIM 4.2: overrides at once] only ends the suspicion after Min at the
 *   latest: nobody is dead here without having had that long to refute here. Else whoever was cut off
 *   alone brings the death of all others when he is back. As the suspicion has spread before the verdict,
 *   this costs no more than that took.
 * - Of those who hear of a suspicion a few look at once themselves: the K confirmations that bring Max down
 * to Min are there after one probe, where the round robin would take K periods. So Min can be short. The
 *   accuser tells the suspect itself, in the same moment. Where there are too few to confirm, Min is doubled.
 * - The probe timeout follows the round trip (smoothed as in RFC 6298), from a quarter of the configured one
 *   to half a period, and so does the end of the probe: three fifths of a period if four timeouts are less; a
 *   stop of half a second is no suspicion. Of a member that was never probed the round trip is taken to be
 *   that of all [SWIM 3.1 takes an average over all]; before the first sample of all it is as configured.
 * - Who is accused by one alone is tried by this node itself before its time is up: the news that refuted it
 *   may have missed this node, or this node's own accusation everybody else.
 * - Who hears nobody at all, of four others or more, calls nobody dead, until four times Max are over: it is
 *   cut off itself, or its mail is not read while its clock runs [LG's anomaly].
 * - A nack is due at 80 % of the asker's remaining budget, which the ping_req carries. With a timer of
 *   the helper's own it comes too late, and a healthy prober of a dead member charges itself.
 * - A late event loop blames nobody: what it is late by, every deadline moves by, and what would be judged
 * now waits as long again, so that the mail in the socket is read first. [LG] bears slowness, not a stop.
 *
 * - A failed probe is charged by the nacks missed alone, as memberlist does it; [LG IV.A] charges one more
 *   for the failure itself. With that, whoever meets many dead goes slower, and second accusers come late:
 *   later than the paper's own table VII has them.
 *
 * How news travels
 * - A ping carries what is believed of its target. A wrong belief is put right by the ack, in one hop and
 *   not in the O(log n) that the rumour takes. Whoever is heard from and held suspect or dead is told of
 *   it, at most once a period; stale news is answered with fresher. A ping to another address than that of
 *   the card held has no belief: who moved, and was not heard to, answers it with its card.
 * - News also goes out on a clock of its own while there is any [as memberlist; in SWIM 5 it is on pings and
 * acks alone]. A node that has lost sight of half the group pings rarely, its health being bad, and mostly
 * the lost: its side would take minutes to agree on who is gone.
 * - One buffer of rumours, not one for the living and one for the failed [SWIM 4.1]: with only one rumour
 *   a member and the fewest-sent first none starves. It is bounded; what is too much, and what rumours
 * missed, is found by comparing digests (digest.c, sync.c), at a price that goes by the difference.
 * - A rumour that others bring back counts as told once more [as the counters of Demers et al., 1987]: it
 *   ends when most know. While there is much news it goes in half as many packets.
 * - No probe over TCP beside the ping_req as memberlist has: streams between members exist anyway, and
 *   what comes over them is fed as SWIM_ALIVE_HINT.
 *
 * How it heals
 * - Dead is not final [SWIM 4.2 drops the member]. The dead are remembered for days and tried again, as are
 * seeds and the members of the committed table for ever (contact.c says how soon): a healed cut merges by
 * itself. Implementations that skip the dead split for good.
 * - A higher incarnation brings one back, and only the member itself makes one. But when the verdict is so
 * old that no rumour of it is about, a sign of life in the same incarnation does, too, if it comes from the
 * member itself: over a stream, in a packet, or in answer to a ping that another's word gave rise to
 * (look.c). Else the healing of a cut would have every member of both sides raise its incarnation, and tell
 * everybody.
 * - The highest incarnation of all evidence is kept, whatever the state: after Alive@1, Dead@1, Dead@10 a
 *   stale Alive@2 resurrects nobody.
 *
 * Transitions
 * ===========
 * i = incarnation told, h = incarnation held. "keep i": only the held incarnation is raised. With signatures
 * an i of a later generation than h is a question for the card, unless the record brings it. In a merge
 * (tables are compared) a dead of the other side counts as suspect, with the whole time to refute: it may
 * only have been cut off. Such a suspicion is put to the member itself, not told on, and confirms nothing.
 *
 *   held \ told | alive              | suspect                  | dead                | left
 *   ------------+--------------------+--------------------------+---------------------+-----------------
 *   unknown     | Alive@i  JOINED    | - (with a card: Alive,   | -                   | -
 *               |                    | then Suspect)            |                     |
 *   Alive@h     | i>h Alive@i        | i>=h Suspect@i SUSPECTED | i>=h as suspect,    | i>=h Left@i LEFT
 *   Suspect@h   | i>h Alive@i REFUTED| i>h Suspect@i, new timer | and the timer ends  | i>=h Left@i LEFT
 *               |                    | i=h a confirmation       | Min after its start |
 *   Dead@h      | i>h Alive@i JOINED | i>h Suspect@i JOINED,    | i>h keep i          | i>=h Left@i LEFT
 *               | i=h see "heals"    | SUSPECTED                |                     |
 *   Left@h      | i>h Alive@i JOINED | i>h Suspect@i JOINED,    | i>h Dead@i DIED     | i>h keep i
 *               |                    | SUSPECTED                |                     |
 *   self        | i>h refute         | i>=h refute              | i>=h refute         | i>=h refute
 *   self, leaves| i>h Left@i         | i>h Left@i               | i>h Left@i          | i>h Left@i
 *
 * Everything else changes nothing. At the same incarnation alive < suspect < dead < left, otherwise the
 * higher one wins: views converge in whatever order evidence arrives. A suspect whose timer ends is
 * Dead@h, DIED; a dead or left record whose timer ends is forgotten. Refute: the version goes above
 * whatever was told.
 *
 * A suspicion of i > h does not make Dead@h a Dead@i: nobody has found it dead in i, and told on, that
 * verdict would win against the refutation of h wherever it was heard. Without SWIM_BELIEF a suspicion of one
 * that is gone is dropped [memberlist].
 *
 * Cost
 * ====
 * A view of a member takes about 60 bytes; one that was met 100 more, and its card 250 once for all views of
 * a process. An idle period costs one ping of about 10 bytes and, on average, one answered ping (104 and 108
 * bytes on the wire with all headers): 212 bytes a second and member, whatever n is. Timers are a heap of the
 * members that are not alive; nothing walks the table but a comparison that has found a difference, a full
 * table looking for a dead record to give up, and the check of a seed's address when its turn comes.
 */

#include "internal.h"

#define OUT_KEEP_BYTES 16384u /* memory for packets that is kept between feeds */
#define PENDING_KEEP   256u

/* ---- life ---------------------------------------------------------------------------------------------- */

#define BEAT_PERCENT 80 /* of a period: the unit of suspicions, unless alpha is given */

static int64_t bounded(int64_t value, int64_t otherwise, int64_t low, int64_t high) {
    if (value == 0)
        value = otherwise;
    return value < low ? low : value > high ? high : value;
}

static uint32_t bounded_u32(uint32_t value, uint32_t otherwise, uint32_t high) {
    return (uint32_t)bounded(value, otherwise, 1, high);
}

static void config_settle(struct swim_config *c) {
    c->period_us = bounded(c->period_us, US_PER_S, 10 * US_PER_MS, 60 * US_PER_S);
    c->gossip_interval_us = bounded(c->gossip_interval_us, c->period_us / 4, US_PER_MS, 60 * US_PER_S);
    c->probe_timeout_us = bounded(c->probe_timeout_us, c->period_us * 2 / 5, US_PER_MS, c->period_us / 2);
    c->indirect_count = bounded_u32(c->indirect_count, 3, HELPERS_MAX);
    c->suspicion_alpha = bounded_u32(c->suspicion_alpha, 1, 64);
    c->suspicion_beta = bounded_u32(c->suspicion_beta, 6, 64);
    if (c->suspicion_us != 0)
        c->suspicion_us = bounded(c->suspicion_us, 1, 1, 3600 * US_PER_S);
    c->confirmations = bounded_u32(c->confirmations, 3, CONFIRMATIONS_MAX);
    c->retransmit_mult = bounded_u32(c->retransmit_mult, 4, RETRANSMITS_MAX / 5);
    c->health_max = bounded_u32(c->health_max, 8, 64);
    c->sync_interval_us = bounded(c->sync_interval_us, 30 * US_PER_S, US_PER_S / 10, 86400 * US_PER_S);
    c->dead_retry_us = bounded(c->dead_retry_us, 10 * US_PER_S, US_PER_S / 10, 86400 * US_PER_S);
    c->dead_keep_us = bounded(c->dead_keep_us, 72 * 3600 * US_PER_S, US_PER_S, 366 * 86400 * US_PER_S);
    c->members_max = bounded_u32(c->members_max, 20000, WIRE_NODES_MAX);
    c->rumours_max = (uint32_t)bounded(c->rumours_max, 2048, 16, WIRE_NODES_MAX);
    c->table_members_per_s = bounded_u32(c->table_members_per_s, 4096, 1u << 20);
}

struct swim *swim_new(const struct swim_config *config, int64_t now_us) {
    assert(!ID_IS_ZERO(config->id) && config->name.size <= WIRE_NAME_MAX);
    assert(config->packet_size_max >= SWIM_PACKET_SIZE_MIN && config->packet_size_max <= WIRE_DATAGRAM_MAX);
    assert(config->generation <= INCARNATION_LIMIT);
    struct swim *s = mem_alloc(sizeof *s);
    s->config = *config;
    s->relay_us = s->retry_us = s->leave_us = s->gossip_us = s->look_us = TIME_NEVER_US;
    config_settle(&s->config);
    s->beat_us = config->suspicion_alpha ? s->config.period_us : s->config.period_us * BEAT_PERCENT / 100;
    s->now_us = s->heard_us = now_us;
    s->hearing_us = now_us - DEAF_PERIODS * s->config.period_us;
    s->challenges_us = s->tables_us = s->compared_us = now_us - US_PER_S;
    prng_init(&s->prng, config->seed);
    swim_table_init(s);
    swim_card_renew(s, config->name, &config->addr);
    swim_rumour_start(s, s->self, true);
    /* A random phase: hosts that start together do not probe together. */
    s->period_us = now_us + prng_between(&s->prng, 0, s->config.period_us);
    int64_t sync_us = s->config.sync_interval_us;
    s->sync_us = now_us + prng_between(&s->prng, swim_has(s, SWIM_DIGESTS) ? sync_us / 2 : 0, sync_us);
    if (!swim_has(s, SWIM_HEALING))
        s->sync_us = TIME_NEVER_US;
    return s;
}

void swim_free(struct swim *s) {
    if (!s)
        return;
    swim_table_done(s);
    swim_contacts_done(s);
    for (size_t i = 0; i < s->forgotten.count; i++)
        mem_free(s->forgotten.entries[i].value);
    map_done(&s->forgotten);
    mem_free(s->probe_ring.items);
    mem_free(s->retry_ring.items);
    mem_free(s->heap);
    VEC_DONE(&s->relays);
    VEC_DONE(&s->looks);
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
    swim_self_turn(s, MEMBER_STATE_LEFT);
    swim_farewell_sign(s);
    /* From here on nobody is judged. */
    for (size_t i = 0; i < PROBES_MAX; i++)
        s->probes[i].active = false;
    s->sync_us = s->retry_us = s->look_us = TIME_NEVER_US;
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
    swim_rumour_start(s, s->self, false);
    size_t wanted = swim_retransmits(s->config.retransmit_mult, s->probe_ring.count + 1);
    size_t count = swim_pick(s, MEMBER_STATE_SUSPECT, NULL, wanted, told);
    for (size_t i = 0; i < count; i++)
        swim_tell(s, swim_id(told[i]), &told[i]->card->addr, s->self, false);
}

/* ---- inputs -------------------------------------------------------------------------------------------- */

static void later(int64_t *deadline_us, int64_t late_us) {
    if (*deadline_us != TIME_NEVER_US)
        *deadline_us += late_us;
}

#define LATE_SHARE      8 /* of a period: less is the grain of any event loop */
#define LENIENT_PERIODS 2

/*
 * Who was stopped has heard nobody, or has it still in its socket: their silence is no evidence against
 * anyone. What would be judged now is judged as much later as this node is late, but a period at most; and
 * a loop that is late all the time, if not by whole periods, judges in the end.
 */
static void lateness_guard(struct swim *s) {
    int64_t late_us = s->now_us - swim_deadline(s), period_us = s->config.period_us;
    if (late_us <= period_us / LATE_SHARE || !swim_has(s, SWIM_LATENESS))
        return;
    bool stalled = late_us > period_us;
    if (stalled)
        mark_hit(s->config.marks, MARK_SWIM_STALLED);
    bool lenient = stalled || s->now_us >= s->lenient_us;
    int64_t floor_us = s->now_us + (stalled ? period_us : lenient ? late_us : 0);
    if (lenient)
        s->lenient_us = s->now_us + LENIENT_PERIODS * period_us;
    swim_probes_shift(s, late_us, floor_us, stalled);
    swim_timers_shift(s, late_us, floor_us);
    later(&s->gossip_us, late_us);
    later(&s->sync_us, late_us);
    later(&s->retry_us, late_us);
    later(&s->leave_us, late_us);
    later(&s->look_us, late_us);
    if (!stalled)
        return;
    s->counters.stalls++;
    s->counters.late_us += (uint64_t)late_us;
    swim_health_add(s, 1);
    swim_event(s, SWIM_STALLED, s->self)->late_us = late_us;
}

static void tick(struct swim *s) {
    swim_probes_run(s);
    swim_timers_run(s);
    swim_gossip_run(s);
    swim_looks_run(s);
    swim_sync_run(s);
    leave_run(s);
}

/* Once a period: one who was stopped finds the same accusation in a hundred packets. */
static void contradict(struct swim *s, struct member *sender, const struct swim_input *in) {
    struct dealings *d = sender ? swim_dealings(s, sender) : NULL;
    if (d && d->refuted_us && s->now_us - d->refuted_us < s->config.period_us)
        return;
    if (d)
        d->refuted_us = s->now_us;
    swim_tell(s, in->from, &in->addr, s->self, false);
}

static void packet_answer_sender(struct swim *s, const struct swim_input *in) {
    struct member *sender = swim_find(s, in->from);
    if (s->wanted_count > 0) {
        struct wire_swim_packet packet = {.wanted = s->wanted, .wanted_count = s->wanted_count};
        swim_send(s, in->from, &in->addr, &packet, NULL, 0);
    }
    if (!swim_has(s, SWIM_BELIEF))
        return;
    if (s->self_refuted)
        contradict(s, sender, in);
    if (sender && (sender->state != MEMBER_STATE_ALIVE || s->sender_stale))
        swim_answer(s, sender, &in->addr, s->sender_stale);
}

/* The sender lacks what these say of themselves. */
static void wanted_give(struct swim *s, const struct wire_swim_packet *asked, const struct swim_input *in) {
    struct first firsts[WANTED_MAX] = {{NULL, false}};
    struct wire_swim_packet packet = {0};
    size_t count = 0;
    for (size_t i = 0; i < asked->wanted_count && count < WANTED_MAX; i++) {
        struct member *m = swim_find(s, asked->wanted[i]);
        if (m)
            firsts[count++] = (struct first){m, true};
    }
    if (count > 0)
        swim_send(s, in->from, &in->addr, &packet, firsts, count);
}

/* A sign of life, and where it came from. */
static void sender_heard(struct swim *s, struct member *sender, const struct swim_input *in) {
    struct dealings *d = swim_dealings(s, sender);
    d->last_ack_us = d->last_packet_us = s->now_us;
    if (addr_equal(&in->addr, &sender->card->addr))
        d->seen_addr.size = 0;
    else
        d->seen_addr = in->addr;
    if (sender->state == MEMBER_STATE_DEAD && swim_has(s, SWIM_BELIEF) && swim_verdict_is_old(s, sender))
        swim_revive(s, sender);
}

static int packet_decode(struct swim *s, const struct swim_input *in, struct wire_swim_packet *ret) {
    s->counters.packets_received++;
    s->counters.packet_bytes_received += in->packet.size;
    if (codec_decode(&wire_swim_packet_type, in->packet, &s->arena, ret, NULL) == 0)
        return 0;
    s->counters.packets_refused++;
    return ERR_INVALID;
}

static int packet_take(struct swim *s, const struct swim_input *in) {
    struct wire_swim_packet packet;
    if (packet_decode(s, in, &packet) != 0)
        return ERR_INVALID;
    s->counters.pings_received += packet.ping != NULL;
    s->counters.ping_reqs_received += packet.ping_req != NULL;
    s->counters.acks_received += packet.ack != NULL;
    s->counters.nacks_received += packet.nack != NULL;
    s->counters.records_received += packet.members_count;
    /* The news first: the answer is then given by what is known after it. */
    for (size_t i = 0; i < packet.members_count; i++)
        swim_hear(s, &packet.members[i], in->from);
    struct member *sender = swim_find(s, in->from);
    swim_listen(s);
    if (sender)
        sender_heard(s, sender, in);
    if (packet.ping)
        swim_ping_answer(s, packet.ping, in);
    if (packet.ping_req)
        swim_relay_start(s, packet.ping_req, in);
    if (packet.ack)
        swim_ack_take(s, packet.ack, in->from);
    if (packet.nack)
        swim_nack_take(s, packet.nack, in->from);
    if (packet.wanted_count > 0)
        wanted_give(s, &packet, in);
    if (packet.sum)
        swim_sum_take(s, packet.sum, in);
    packet_answer_sender(s, in);
    return s->table_full ? ERR_LIMIT : 0;
}

/* Of a run that is not known: nothing that it says of others counts, and of itself only what is signed. */
static int introduction_take(struct swim *s, const struct swim_input *in) {
    struct wire_swim_packet packet;
    if (packet_decode(s, in, &packet) != 0)
        return ERR_INVALID;
    for (size_t i = 0; i < packet.members_count; i++) {
        if (ID_EQUAL(packet.members[i].id, in->from) && packet.members[i].addr.size)
            swim_hear(s, &packet.members[i], in->from);
    }
    const struct member *m = swim_find(s, in->from);
    if (m && m->incarnation.generation == in->generation)
        return 0;
    swim_challenge(s, in);
    return ERR_NOT_FOUND;
}

static void hint_take(struct swim *s, const struct swim_input *in) {
    struct member *m = swim_find(s, in->from);
    if (!m || m == s->self)
        return;
    swim_dealings(s, m)->last_ack_us = s->now_us;
    swim_listen(s);
    swim_heard_from(s, in->from);
    if (m->state == MEMBER_STATE_DEAD && swim_has(s, SWIM_BELIEF) && swim_verdict_is_old(s, m))
        swim_revive(s, m);
    else if (m->state != MEMBER_STATE_ALIVE && swim_has(s, SWIM_BELIEF))
        swim_answer(s, m, &m->card->addr, false);
}

static int input_take(struct swim *s, const struct swim_input *in) {
    bool from_member = in->kind == SWIM_PACKET || in->kind == SWIM_SYNC || in->kind == SWIM_INTRODUCTION;
    if (from_member && (ID_IS_ZERO(in->from) || ID_EQUAL(in->from, s->config.id)))
        return ERR_INVALID;
    if (from_member && MAP_GET_ID(&s->forgotten, in->from))
        return in->kind == SWIM_INTRODUCTION ? ERR_DENIED : 0;
    switch (in->kind) {
    case SWIM_TICK: tick(s); return 0;
    case SWIM_PACKET: return packet_take(s, in);
    case SWIM_INTRODUCTION: return introduction_take(s, in);
    case SWIM_SYNC: return swim_sync_take(s, in);
    case SWIM_STREAM: swim_stream_take(s, in); return 0;
    case SWIM_MOVE: return swim_self_move(s, &in->addr);
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

static void feed_begin(struct swim *s, int64_t now_us) {
    if (s->pending_head == s->pending.count) {
        s->pending.count = s->pending_head = 0;
        if (s->pending.capacity > PENDING_KEEP)
            VEC_DONE(&s->pending);
        if (s->out.capacity > OUT_KEEP_BYTES)
            buf_done(&s->out);
        buf_clear(&s->out);
    }
    if (now_us > s->now_us)
        s->now_us = now_us;
    s->table_full = s->self_refuted = s->sender_stale = false;
    s->answers_left = ANSWERS_MAX;
    s->wanted_count = 0;
    lateness_guard(s);
}

int swim_feed(struct swim *s, int64_t now_us, const struct swim_input *input) {
    feed_begin(s, now_us);
    int error = input_take(s, input);
    arena_reset(&s->arena);
    return error;
}

int swim_import(struct swim *s, int64_t now_us, const struct wire_member *records, size_t records_count) {
    feed_begin(s, now_us);
    size_t pending_count = s->pending.count, out_size = s->out.size;
    s->merging = s->merging_quietly = true;
    for (size_t i = 0; i < records_count; i++) {
        swim_hear(s, &records[i], s->config.id);
        /* Whoever imports knows what: nobody is told that somebody joined. */
        s->pending.count = pending_count;
        s->out.size = out_size;
    }
    s->merging = s->merging_quietly = false;
    return s->table_full ? ERR_LIMIT : 0;
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
    const int64_t others_us[] = {s->gossip_us, s->sync_us, s->retry_us, s->look_us, s->leave_us};
    if (s->heap_count > 0 && swim_accusation(s->heap[0])->timer_us < next_us)
        next_us = swim_accusation(s->heap[0])->timer_us;
    for (size_t i = 0; i < sizeof others_us / sizeof others_us[0]; i++)
        next_us = others_us[i] < next_us ? others_us[i] : next_us;
    return next_us;
}
