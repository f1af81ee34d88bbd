/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * A swim core among members that say anything. The input is a script: one byte chooses what happens, the next
 * ones say with what. Packets come as they lie in the input, and as well-formed ones about a few members, so
 * that beliefs are really changed. Whatever was said: this node stays alive in its own eyes until it leaves,
 * nothing it sends is too large, time goes forth and work ends.
 */
#include <covey/codec.h>
#include <covey/crypto.h>
#include <covey/swim.h>

#include "script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MEMBERS_MAX 32
#define STEPS_MAX   400
#define EFFECTS_MAX 20000 /* of one input: what a sync of a full table may cause, many times over */

/* 0 is the node itself; there are more than the table holds. In a group that signs the ids are of keys. */
#define KEYS_COUNT 64

struct keys {
    bool made[KEYS_COUNT];
    struct identity identity[KEYS_COUNT];
};

static const struct identity *member_key(unsigned number) {
    static struct keys keys; /* the same for every input: made when first asked for */
    number %= KEYS_COUNT;
    if (!keys.made[number]) {
        struct secret seed = {{9, (uint8_t)number}};
        identity_init(&keys.identity[number], &seed);
        keys.made[number] = true;
    }
    return &keys.identity[number];
}

static struct node_id member_id(const struct script *s, unsigned number) {
    return s->is_signed ? member_key(number)->id : (struct node_id){{1, (uint8_t)(number % KEYS_COUNT)}};
}

static struct addr member_addr(unsigned number) {
    return (struct addr){.size = 6, .b = {10, 0, 0, (uint8_t)(number % 64 + 1), 7370 >> 8, 7370 & 255}};
}

/* ---- the core and what it must keep -------------------------------------------------------------------- */

struct run {
    struct swim *swim;
    int64_t now_us;
    bool left;
    uint32_t seq; /* of the newest ping it sent, for answers that fit */
    struct node_id pinged;
};

/* Steps of a comparison with fields that are near enough to right ones to be taken. */
static struct wire_swim_sync sync_of(struct script *s, struct wire_member *members, size_t count) {
    static const uint32_t sizes[] = {0, 8, 16, 24, 64, 512, 2048, 7};
    uint8_t what = take(s), how = take(s);
    struct wire_swim_sync sync = {.reply = what & 1,
                                  .members = members,
                                  .members_count = count,
                                  .table = what & 2,
                                  .later = what & 4,
                                  .from = what & 8 ? how : 0,
                                  .next = what & 16 ? how : 0,
                                  .buckets = what & 32 ? 1u << (how & 15) : 0};
    if (what & 64) {
        sync.sums = take_bytes(s, sizes[how & 7]);
        sync.differ = take_bytes(s, how & 31);
    }
    if (what & 128) {
        sync.held = take_bytes(s, sizes[how >> 4 & 7]);
        sync.wanted = take_bytes(s, sizes[how & 7]);
    }
    return sync;
}

static void packet_look(struct run *r, const struct swim_effect *e) {
    struct arena a = {0};
    struct wire_swim_packet p;
    int error = codec_decode(&wire_swim_packet_type, e->packet, &a, &p, NULL);
    assert(error == 0 && e->packet.size <= WIRE_DATAGRAM_MAX);
    if (p.ping != NULL) {
        r->seq = p.ping->seq;
        r->pinged = ID_IS_ZERO(p.ping->target) ? e->to : p.ping->target;
    }
    arena_done(&a);
}

static void self_look(const struct run *r) {
    struct swim_member self;
    bool found = swim_member_at(r->swim, 0, &self);
    assert(found && (r->left || self.state == MEMBER_STATE_ALIVE));
    assert(swim_members_count(r->swim) <= MEMBERS_MAX);
    assert(swim_alive_count(r->swim) <= swim_members_count(r->swim));
}

static void feed(struct run *r, const struct swim_input *input) {
    struct swim_effect e;
    unsigned effects = 0;
    (void)swim_feed(r->swim, r->now_us, input);
    while (swim_drain(r->swim, &e)) {
        effects++;
        assert(effects < EFFECTS_MAX);
        if (e.kind == SWIM_SEND)
            packet_look(r, &e);
    }
    self_look(r);
}

/* ---- well-formed packets ------------------------------------------------------------------------------- */

/* Room for what the records of one message refer to. */
struct signatures {
    struct signature of[16];
};

static void put_be(struct buf *b, uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8)
        buf_append_byte(b, (uint8_t)(value >> shift));
}

/* By the right key or by another one, over what is said or a little beside it. */
static void sign(struct wire_member *m, const struct identity *key, uint8_t how, struct signature *room) {
    static const struct cluster_id cluster = {{3}};
    bool leave = m->state == MEMBER_STATE_LEFT && how & 1;
    struct buf b = {0};
    m->key = key->public_key;
    m->since = how & 2 && m->version > 0 ? 1 : 0;
    buf_append(&b, cluster.b, sizeof cluster.b);
    buf_append(&b, m->id.b, sizeof m->id.b);
    put_be(&b, m->generation);
    put_be(&b, leave ? m->version : m->since + (how % 16 == 0));
    if (!leave) {
        buf_append_byte(&b, m->addr.size);
        buf_append(&b, m->addr.b, m->addr.size);
        buf_append_byte(&b, (uint8_t)m->name.size);
        buf_append(&b, m->name.data, m->name.size);
    }
    identity_sign(key, leave ? SIGN_LEAVE : SIGN_ALIVE, buf_bytes(&b), room);
    *(leave ? &m->farewell : &m->signature) = bytes_of(room->b, sizeof room->b);
    buf_done(&b);
}

static struct wire_member member_of(struct script *s, struct signature *room) {
    static const uint32_t generations[] = {0, 1, 2, 3, 1000, UINT32_MAX - 1, UINT32_MAX};
    uint8_t who = take(s), how = take(s);
    struct wire_member m = {.id = member_id(s, who),
                            .state = (enum member_state)(how & 3),
                            .generation = generations[(how >> 2) % 7],
                            .version = generations[(how >> 5) % 7]};
    uint8_t more = s->is_signed ? take(s) : 0;
    if (m.state == MEMBER_STATE_ALIVE || more & 4) {
        m.name = bytes_str("name");
        m.addr = member_addr(more & 8 ? who + 1u : who);
    }
    if (m.state != MEMBER_STATE_ALIVE)
        m.from = member_id(s, take(s));
    if (s->is_signed && (more & 128) == 0)
        sign(&m, member_key(more & 64 ? who + 1u : who), more, room);
    return m;
}

static void well_formed(struct run *r, struct script *s, bool sync) {
    struct wire_member members[16];
    struct signatures signatures;
    uint8_t from = take(s), what = take(s);
    size_t count = take(s) % 16;
    for (size_t i = 0; i < count; i++)
        members[i] = member_of(s, &signatures.of[i]);
    uint32_t seq = what & 8 ? take(s) : r->seq;
    struct wire_ping ping = {
        .seq = seq, .target = member_id(s, take(s) & 1 ? 0 : from), .state = what >> 4 & 3};
    struct wire_ack ack = {.seq = seq, .target = what & 64 ? member_id(s, from) : r->pinged};
    struct wire_nack nack = {.seq = seq, .target = ack.target};
    struct wire_ping_req request = {.seq = seq, .target = member_id(s, take(s)), .addr = member_addr(from)};
    struct wire_swim_packet packet = {.ping = (what & 7) == 1 ? &ping : NULL,
                                      .ping_req = (what & 7) == 2 ? &request : NULL,
                                      .ack = (what & 7) == 3 ? &ack : NULL,
                                      .nack = (what & 7) == 4 ? &nack : NULL,
                                      .members = members,
                                      .members_count = count,
                                      .wanted = &ping.target,
                                      .wanted_count = what & 128 ? 1 : 0,
                                      .sum = what & 32 ? seq : 0};
    struct wire_swim_sync table = {0};
    if (sync)
        table = sync_of(s, members, count);
    struct buf out = {0};
    if (sync)
        codec_encode(&wire_swim_sync_type, &table, &out);
    else
        codec_encode(&wire_swim_packet_type, &packet, &out);
    feed(r, &(struct swim_input){.kind = sync ? SWIM_SYNC : SWIM_PACKET,
                                 .from = member_id(s, from),
                                 .addr = member_addr(from),
                                 .packet = buf_bytes(&out)});
    buf_done(&out);
}

static void raw(struct run *r, struct script *s, enum swim_input_kind kind) {
    uint8_t from = take(s);
    struct swim_input in = {.kind = kind, .from = member_id(s, from), .addr = member_addr(from)};
    in.packet = take_bytes(s, take(s));
    feed(r, &in);
}

/* ---- the script ---------------------------------------------------------------------------------------- */

static void pass_time(struct run *r, struct script *s) {
    uint8_t how = take(s);
    int64_t deadline_us = swim_deadline(r->swim);
    if (how == 0 && deadline_us != TIME_NEVER_US && deadline_us > r->now_us)
        r->now_us = deadline_us;
    else
        r->now_us += (int64_t)(how & 31) << (how >> 5) * 4; /* up to hours */
    feed(r, &(struct swim_input){.kind = SWIM_TICK});
}

static void step(struct run *r, struct script *s) {
    static const enum swim_input_kind kinds[] = {SWIM_SEED,       SWIM_CONTACT, SWIM_FORGET, SWIM_PROBE,
                                                 SWIM_ALIVE_HINT, SWIM_LEAVE,   SWIM_STREAM, SWIM_MOVE};
    uint8_t what = take(s);
    switch (what & 7) {
    case 0:
    case 1: pass_time(r, s); break;
    case 2:
    case 3: well_formed(r, s, false); break;
    case 4: well_formed(r, s, true); break;
    case 5: raw(r, s, what & 8 ? SWIM_INTRODUCTION : SWIM_PACKET); break;
    case 6: raw(r, s, SWIM_SYNC); break;
    default: {
        uint8_t who = take(s);
        enum swim_input_kind kind = kinds[(what >> 3) % 8];
        r->left = r->left || kind == SWIM_LEAVE;
        if (kind == SWIM_FORGET && who % 64 == 0)
            return; /* node never forgets itself */
        feed(r, &(struct swim_input){.kind = kind, .from = member_id(s, who), .addr = member_addr(who)});
    }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct script s = {data, size, false};
    struct run r = {.now_us = 1000 * US_PER_S};
    uint8_t seed = take(&s), how = take(&s);
    s.is_signed = how & 2;
    struct swim_config config = {.id = member_id(&s, 0),
                                 .name = bytes_str("self"),
                                 .addr = member_addr(0),
                                 .generation = 2,
                                 .seed = seed,
                                 .packet_size_max = how & 1 ? SWIM_PACKET_SIZE_MIN : 1300,
                                 .identity = s.is_signed ? member_key(0) : NULL,
                                 .cluster = {{3}},
                                 .rumours_max = how & 4 ? 16 : 0,
                                 .without = how & 128 ? take(&s) : 0,
                                 .members_max = MEMBERS_MAX};
    r.swim = swim_new(&config, r.now_us);
    for (unsigned i = 0; i < STEPS_MAX && s.size > 0; i++)
        step(&r, &s);
    swim_free(r.swim);
    return 0;
}
