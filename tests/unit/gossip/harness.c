/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "harness.h"

#include <sodium.h>
#include <stdio.h>

static const struct cluster_id cluster = {{7}};

struct node_id room_id(const struct room *r, size_t host) {
    return r->identity[host].id;
}

static size_t host_of(const struct room *r, struct node_id id) {
    for (size_t i = 0; i < r->count; i++)
        if (ID_EQUAL(r->identity[i].id, id))
            return i;
    cr_assert_fail("nobody has this id");
    return 0;
}

static void member(struct room *r, size_t host, size_t of) {
    room_feed(r, host,
              &(struct gossip_input){
                  .kind = GOSSIP_MEMBER, .from = room_id(r, of), .key_of = r->identity[of].public_key});
}

void room_start(struct room *r, size_t host) {
    gossip_free(r->hosts[host]);
    struct gossip_config config = {.id = room_id(r, host),
                                   .generation = ++r->generation[host],
                                   .seed = prng_next(&r->prng),
                                   .identity = &r->identity[host],
                                   .cluster = cluster,
                                   .marks = &r->marks};
    r->hosts[host] = gossip_new(&config, r->now_us);
    for (size_t i = 0; i < r->count; i++)
        member(r, host, i);
}

void room_init(struct room *r, size_t count) {
    memset(r, 0, sizeof *r);
    prng_init(&r->prng, 1);
    r->count = count;
    r->now_us = 1000 * US_PER_S;
    for (size_t i = 0; i < count; i++) {
        struct secret seed = {{(uint8_t)(i + 1)}};
        identity_init(&r->identity[i], &seed);
    }
    for (size_t i = 0; i < count; i++)
        room_start(r, i);
}

void room_knowing(struct room *r, size_t count) {
    room_init(r, count);
    room_set(r, 0, "host", "here");
    room_talk(r, 10 * US_PER_S, false);
}

void room_done(struct room *r) {
    for (size_t i = 0; i < r->count; i++)
        gossip_free(r->hosts[i]);
    for (size_t i = 0; i < r->streams.count; i++)
        buf_done(&r->streams.data[i].data);
    VEC_DONE(&r->streams);
}

int room_feed(struct room *r, size_t host, const struct gossip_input *in) {
    int error = gossip_feed(r->hosts[host], r->now_us, in);
    struct gossip_effect e;
    while (gossip_drain(r->hosts[host], &e)) {
        if (e.kind == GOSSIP_REFUSED) {
            r->refused[host]++;
            snprintf(r->refusal, sizeof r->refusal, "%s", e.text);
        }
        if (e.kind != GOSSIP_SEND)
            continue;
        struct stream_packet p = {.from = host, .to = host_of(r, e.to)};
        buf_append(&p.data, e.packet.data, e.packet.size);
        r->stream_bytes += e.packet.size;
        VEC_PUSH(&r->streams, p);
    }
    if (!r->holds_streams)
        room_streams(r);
    return error;
}

void room_streams(struct room *r) {
    unsigned steps = 0;
    while (r->streams.count > 0) {
        struct stream_packet p = r->streams.data[0];
        VEC_REMOVE(&r->streams, 0);
        cr_assert_lt(++steps, 1000, "they talk for ever");
        bool held = r->holds_streams;
        r->holds_streams = true; /* what comes of it waits for its turn */
        room_feed(r, p.to,
                  &(struct gossip_input){
                      .kind = GOSSIP_SYNC, .from = room_id(r, p.from), .packet = buf_bytes(&p.data)});
        r->holds_streams = held;
        buf_done(&p.data);
    }
}

static void set(struct room *r, size_t host, const char *key, struct bytes value) {
    int error =
        room_feed(r, host, &(struct gossip_input){.kind = GOSSIP_SET, .key = bytes_str(key), .value = value});
    cr_assert_eq(error, 0);
}

void room_set(struct room *r, size_t host, const char *key, const char *value) {
    set(r, host, key, value != NULL ? bytes_str(value) : (struct bytes){0});
}

void room_set_size(struct room *r, size_t host, const char *key, size_t size, uint8_t byte) {
    uint8_t *value = mem_alloc(size);
    memset(value, byte, size);
    set(r, host, key, bytes_of(value, size));
    mem_free(value);
}

void room_tick(struct room *r, int64_t us) {
    r->now_us += us;
    for (size_t i = 0; i < r->count; i++)
        if (gossip_deadline(r->hosts[i]) <= r->now_us)
            room_feed(r, i, &(struct gossip_input){.kind = GOSSIP_TICK});
}

size_t room_datagram(struct room *r, size_t from, size_t to, size_t room, bool lost) {
    struct buf out = {0};
    gossip_fill(r->hosts[from], r->now_us, room, &out);
    size_t size = out.size;
    cr_assert_leq(size, room);
    r->datagram_bytes += size;
    if (size > 0 && !lost)
        room_feed(r, to,
                  &(struct gossip_input){
                      .kind = GOSSIP_PACKET, .from = room_id(r, from), .packet = buf_bytes(&out)});
    buf_done(&out);
    return size;
}

void room_talk(struct room *r, int64_t us, bool lost) {
    for (int64_t until_us = r->now_us + us; r->now_us < until_us;) {
        room_tick(r, 400 * US_PER_MS);
        for (size_t i = 0; i < r->count; i++) {
            size_t to = (i + 1 + (size_t)prng_below(&r->prng, r->count - 1)) % r->count;
            room_datagram(r, i, to, 1200, lost);
        }
    }
}

void room_compare(struct room *r, size_t from, size_t to) {
    room_feed(r, from, &(struct gossip_input){.kind = GOSSIP_STREAM, .from = room_id(r, to)});
}

const char *room_get(struct room *r, size_t host, size_t owner, const char *key) {
    static char text[4][128];
    static unsigned at;
    struct gossip_fact f;
    if (!gossip_fact_find(r->hosts[host], room_id(r, owner), bytes_str(key), &f))
        return "";
    at = (at + 1) % 4;
    snprintf(text[at], sizeof text[at], "%.*s", BYTES_FMT(f.value));
    return text[at];
}

struct gossip_owner room_owner(const struct room *r, size_t host, size_t owner) {
    struct gossip_owner o;
    cr_assert(gossip_owner_find(r->hosts[host], room_id(r, owner), &o));
    return o;
}

void room_hear(struct room *r, size_t host, enum gossip_input_kind kind, size_t of) {
    room_feed(r, host, &(struct gossip_input){.kind = kind, .from = room_id(r, of), .generation = 1});
}

bool room_agrees(struct room *r) {
    for (size_t i = 1; i < r->count; i++)
        if (gossip_sum(r->hosts[i]) != gossip_sum(r->hosts[0]))
            return false;
    return true;
}

/* ---- words made by hand, as the pages of proto/ tell it ---- */

static void put_be(struct buf *b, uint64_t value, int bytes) {
    for (int i = bytes - 1; i >= 0; i--)
        buf_append_byte(b, (uint8_t)(value >> 8 * i));
}

static void root_of(const struct wire_gossip_fact *facts, size_t count, uint8_t out[32]) {
    struct buf b = {0};
    for (size_t i = 0; i < count; i++) {
        if (facts[i].removed)
            continue;
        put_be(&b, facts[i].key.size, 8);
        buf_append(&b, facts[i].key.data, facts[i].key.size);
        put_be(&b, facts[i].version, 8);
        put_be(&b, facts[i].value.size, 8);
        buf_append(&b, facts[i].value.data, facts[i].value.size);
    }
    crypto_generichash(out, 32, b.data, b.size, NULL, 0);
    buf_done(&b);
}

void room_say(struct room *r, size_t owner, uint32_t generation, uint64_t version, uint64_t from,
              const struct wire_gossip_fact *facts, size_t count, size_t to, size_t via) {
    uint8_t root[32];
    struct signature signature;
    struct buf statement = {0}, out = {0};
    root_of(facts, count, root);
    buf_append(&statement, cluster.b, 16);
    buf_append(&statement, r->identity[owner].id.b, 16);
    put_be(&statement, generation, 4);
    put_be(&statement, version, 8);
    buf_append(&statement, root, 32);
    identity_sign(&r->identity[owner], SIGN_FACTS, buf_bytes(&statement), &signature);
    struct wire_gossip_news news = {.head = {.owner = room_id(r, owner),
                                             .generation = generation,
                                             .version = version,
                                             .root = bytes_of(root, 32),
                                             .signature = bytes_of(signature.b, 64)},
                                    .from = from,
                                    .facts = (struct wire_gossip_fact *)(uintptr_t)facts,
                                    .facts_count = count};
    struct wire_gossip_sync sync = {.news = &news, .news_count = 1};
    codec_encode(&wire_gossip_sync_type, &sync, &out);
    room_feed(
        r, to,
        &(struct gossip_input){.kind = GOSSIP_SYNC, .from = room_id(r, via), .packet = buf_bytes(&out)});
    buf_done(&statement);
    buf_done(&out);
}
