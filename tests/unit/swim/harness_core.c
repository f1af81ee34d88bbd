/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "harness.h"

/* ---- one core ------------------------------------------------------------------------------------------ */

struct bench *bench_new(const struct swim_config *config) {
    return bench_new_as(0, config);
}

struct bench *bench_new_as(size_t index, const struct swim_config *config) {
    struct bench *b = mem_alloc(sizeof *b);
    char name[16] = "n0";
    if (index > 0)
        name[1] = (char)('0' + index % 10);
    b->index = index;
    struct swim_config own = {0};
    if (config)
        own = *config;
    own.id = own.identity ? own.identity->id : node_id_of(index);
    own.name = bytes_str(name);
    own.addr = addr_of(index);
    if (!own.generation)
        own.generation = 1;
    if (!own.seed)
        own.seed = 1;
    config_complete(&own);
    b->now_us = 1000 * SECOND;
    b->swim = swim_new(&own, b->now_us);
    return b;
}

void bench_clear(struct bench *b) {
    for (size_t i = 0; i < b->effects.count; i++)
        mem_free((void *)(uintptr_t)b->effects.data[i].packet.data);
    b->effects.count = 0;
    arena_reset(&b->arena);
}

void bench_free(struct bench *b) {
    bench_clear(b);
    VEC_DONE(&b->effects);
    arena_done(&b->arena);
    swim_free(b->swim);
    mem_free(b);
}

int bench_feed(struct bench *b, const struct swim_input *input) {
    int error = swim_feed(b->swim, b->now_us, input);
    struct swim_effect effect;
    while (swim_drain(b->swim, &effect)) {
        uint8_t *copy = mem_alloc(effect.packet.size ? effect.packet.size : 1);
        if (effect.packet.size)
            memcpy(copy, effect.packet.data, effect.packet.size);
        effect.packet.data = copy;
        VEC_PUSH(&b->effects, effect);
    }
    return error;
}

static int bench_bytes(struct bench *b, enum swim_input_kind kind, size_t from, const struct codec_type *type,
                       const void *obj) {
    struct buf bytes = {0};
    codec_encode(type, obj, &bytes);
    int error = bench_feed(b, &(struct swim_input){
                                  .kind = kind,
                                  .from = node_id_of(from),
                                  .addr = addr_of(from),
                                  .packet = buf_bytes(&bytes),
                              });
    buf_done(&bytes);
    return error;
}

int bench_packet(struct bench *b, size_t from, struct wire_swim_packet *packet) {
    return bench_bytes(b, SWIM_PACKET, from, &wire_swim_packet_type, packet);
}

int bench_sync(struct bench *b, size_t from, bool reply, struct wire_member *members, size_t members_count) {
    struct wire_swim_sync sync = {.reply = reply, .members = members, .members_count = members_count};
    return bench_bytes(b, SWIM_SYNC, from, &wire_swim_sync_type, &sync);
}

int bench_record(struct bench *b, size_t from, struct wire_member record) {
    return bench_packet(b, from, &(struct wire_swim_packet){.members = &record, .members_count = 1});
}

int bench_kind(struct bench *b, enum swim_input_kind kind, size_t other) {
    struct swim_input input = {.kind = kind};
    if (other != SIZE_MAX) {
        input.from = node_id_of(other);
        input.addr = addr_of(other);
    }
    return bench_feed(b, &input);
}

void bench_run(struct bench *b, int64_t us) {
    int64_t until_us = b->now_us + us;
    while (swim_deadline(b->swim) <= until_us) {
        if (swim_deadline(b->swim) > b->now_us)
            b->now_us = swim_deadline(b->swim);
        bench_kind(b, SWIM_TICK, SIZE_MAX);
    }
    b->now_us = until_us;
}

struct wire_member record_of(size_t index, enum member_state state, uint32_t generation, uint32_t version) {
    struct wire_member record = {
        .id = node_id_of(index), .state = state, .generation = generation, .version = version};
    if (state == MEMBER_STATE_ALIVE) {
        record.name = bytes_str("somebody");
        record.addr = addr_of(index);
    }
    return record;
}

struct wire_member accusation_of(size_t index, enum member_state state, uint32_t generation, uint32_t version,
                                 size_t accuser) {
    struct wire_member record = record_of(index, state, generation, version);
    record.from = node_id_of(accuser);
    return record;
}

void bench_declare_dead(struct bench *b, size_t member, uint32_t generation, uint32_t version) {
    bench_record(b, 254, accusation_of(member, MEMBER_STATE_DEAD, generation, version, 254));
    for (int i = 0; i < 1000 && bench_member(b, member).state != MEMBER_STATE_DEAD; i++) {
        bench_run(b, 10 * MS);
        for (size_t k = 0; k < swim_members_count(b->swim); k++) {
            struct swim_member m;
            swim_member_at(b->swim, k, &m);
            if (!id_same(m.id, node_id_of(member)))
                bench_feed(b, &(struct swim_input){.kind = SWIM_ALIVE_HINT, .from = m.id});
        }
    }
    cr_assert_eq(bench_member(b, member).state, MEMBER_STATE_DEAD);
}

struct swim_member bench_member(struct bench *b, size_t index) {
    struct swim_member m = {0};
    cr_assert(swim_member_find(b->swim, node_id_of(index), &m), "node %zu is not in the table", index);
    return m;
}

size_t bench_events(const struct bench *b, enum swim_event_kind kind, size_t member) {
    size_t count = 0;
    for (size_t i = 0; i < b->effects.count; i++) {
        const struct swim_effect *e = &b->effects.data[i];
        count += e->kind == SWIM_EVENT && e->event == kind &&
                 (member == SIZE_MAX || id_same(e->member, node_id_of(member)));
    }
    return count;
}

/* What is left out because it goes without saying. */
static void packet_complete(struct wire_swim_packet *packet, struct node_id from, struct node_id to) {
    if (packet->ping && ID_IS_ZERO(packet->ping->target))
        packet->ping->target = to;
    if (packet->ack && ID_IS_ZERO(packet->ack->target))
        packet->ack->target = from;
}

size_t bench_sent(struct bench *b, size_t from, struct wire_swim_packet *ret) {
    for (size_t i = from; i < b->effects.count; i++) {
        if (b->effects.data[i].kind != SWIM_SEND)
            continue;
        cr_assert_eq(codec_decode(&wire_swim_packet_type, b->effects.data[i].packet, &b->arena, ret, NULL),
                     0);
        packet_complete(ret, node_id_of(b->index), b->effects.data[i].to);
        return i;
    }
    return SIZE_MAX;
}

size_t bench_synced(struct bench *b, size_t from, struct wire_swim_sync *ret) {
    for (size_t i = from; i < b->effects.count; i++) {
        if (b->effects.data[i].kind != SWIM_SYNC_SEND)
            continue;
        cr_assert_eq(codec_decode(&wire_swim_sync_type, b->effects.data[i].packet, &b->arena, ret, NULL), 0);
        return i;
    }
    return SIZE_MAX;
}

const struct wire_member *packet_record(const struct wire_swim_packet *packet, size_t member) {
    for (size_t i = 0; i < packet->members_count; i++) {
        if (id_same(packet->members[i].id, node_id_of(member)))
            return &packet->members[i];
    }
    return NULL;
}

struct bench *bench_knowing(size_t others, const struct swim_config *config) {
    struct bench *b = bench_new(config);
    for (size_t i = 1; i <= others; i++)
        bench_record(b, i, record_of(i, MEMBER_STATE_ALIVE, 1, 0));
    bench_clear(b);
    return b;
}

/* Pings the core as `from`, believing the right thing; the ack. */
struct wire_swim_packet bench_ping_as(struct bench *b, size_t from, struct wire_ping ping) {
    struct wire_swim_packet packet = {0};
    ping.target = node_id_of(0);
    bench_clear(b);
    bench_packet(b, from, &(struct wire_swim_packet){.ping = &ping});
    size_t at = bench_sent(b, 0, &packet);
    cr_assert(at != SIZE_MAX && packet.ack, "no ack");
    cr_assert(id_same(b->effects.data[at].to, node_id_of(from)));
    cr_assert_eq(packet.ack->seq, ping.seq);
    cr_assert(id_same(packet.ack->target, node_id_of(0)));
    return packet;
}

struct wire_ping ping_well(void) {
    return (struct wire_ping){.seq = 9, .generation = 1};
}
