/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * A gossip core among members that say anything. The input is a script: one byte chooses what happens, the
 * next ones say with what. Packets come as they lie in the input, and as well-formed ones about a few owners,
 * signed well or badly, so that facts are really taken. Whatever was said: what is held of each owner is
 * within the limits, never goes back within a run of it unless it has left, is one that its owner can have
 * signed, and what is sent is bounded.
 */
#include <covey/codec.h>
#include <covey/crypto.h>
#include <covey/gossip.h>

#include "script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OWNERS      8 /* 0 is the node itself; 6 and 7 are strangers at first */
#define STEPS_MAX   300
#define EFFECTS_MAX 5000 /* of one input */
#define FACTS_TOLD  6
#define AUTHORS     3

struct keys {
    bool made;
    struct identity identity[OWNERS];
};

static const struct identity *owner_key(unsigned number) {
    static struct keys keys; /* the same for every input */
    for (unsigned i = 0; !keys.made && i < OWNERS; i++) {
        struct secret seed = {{5, (uint8_t)i}};
        identity_init(&keys.identity[i], &seed);
    }
    keys.made = true;
    return &keys.identity[number % OWNERS];
}

/* ---- the core and what it must keep -------------------------------------------------------------------- */

struct run {
    struct gossip *gossip;
    int64_t now_us;
    struct gossip_owner seen[OWNERS];
    struct gossip *author[AUTHORS]; /* of owners 1, 2, 3: cores that say what is so */
    struct buf asked[AUTHORS];      /* the last thing that the core sent each */
};

static void owner_look(struct run *r, unsigned i) {
    struct gossip_owner o = {.version = 0};
    if (!gossip_owner_find(r->gossip, owner_key(i)->id, &o) || o.version == 0) {
        r->seen[i] = (struct gossip_owner){.version = 0};
        return;
    }
    const struct gossip_owner *seen = &r->seen[i];
    assert(o.generation >= seen->generation);
    assert(o.generation > seen->generation || o.version >= seen->version);
    assert(o.size_bytes <= WIRE_FACTS_BYTES_MAX && o.facts_count <= 2 * WIRE_FACTS_MAX);
    struct gossip_fact f, before = {.version = 0};
    for (size_t k = 0; gossip_fact_at(r->gossip, o.id, k, &f); k++) {
        assert(f.version > 0 && f.version <= o.version);
        assert(f.key.size > 0 && f.value.size <= WIRE_FACT_VALUE_MAX && f.removed == (f.value.size == 0));
        assert(k == 0 || bytes_compare(before.key, f.key) < 0);
        before = f;
    }
    r->seen[i] = o;
}

static void drain(struct run *r) {
    struct gossip_effect e;
    unsigned effects = 0;
    size_t size = 0;
    while (gossip_drain(r->gossip, &e)) {
        struct arena a = {0};
        struct wire_gossip_sync sync;
        assert(++effects < EFFECTS_MAX);
        assert(e.kind != GOSSIP_SEND || codec_decode(&wire_gossip_sync_type, e.packet, &a, &sync, NULL) == 0);
        size += e.kind == GOSSIP_SEND ? e.packet.size : 0;
        for (unsigned i = 0; i < AUTHORS && e.kind == GOSSIP_SEND; i++) {
            if (!ID_EQUAL(e.to, owner_key(i + 1)->id))
                continue;
            buf_clear(&r->asked[i]);
            buf_append(&r->asked[i], e.packet.data, e.packet.size);
        }
        arena_done(&a);
    }
    assert(size < (4u << 20));
    for (unsigned i = 0; i < OWNERS; i++)
        owner_look(r, i);
}

static void feed(struct run *r, const struct gossip_input *in) {
    if (in->kind == GOSSIP_LEFT || in->kind == GOSSIP_FORGET)
        for (unsigned i = 1; i < OWNERS; i++)
            if (ID_EQUAL(owner_key(i)->id, in->from))
                r->seen[i] = (struct gossip_owner){.version = 0};
    (void)gossip_feed(r->gossip, r->now_us, in);
    drain(r);
}

/* ---- well-formed words --------------------------------------------------------------------------------- */

static const char *const keys[FACTS_TOLD] = {"a", "b", "c", "host", "i00", "i01"};

struct word {
    struct wire_gossip_fact facts[FACTS_TOLD];
    uint8_t root[GOSSIP_ROOT_SIZE];
    struct signature signature;
};

/* The right root is found by asking a core that says the same. */
static void root_of(const struct identity *key, uint32_t generation, struct word *w, size_t count) {
    struct gossip_config config = {.id = key->id, .generation = generation, .gather_us = 1};
    struct gossip *g = gossip_new(&config, 1);
    struct gossip_owner o;
    for (size_t i = 0; i < count; i++)
        (void)gossip_feed(
            g, 1,
            &(struct gossip_input){.kind = GOSSIP_SET, .key = w->facts[i].key, .value = w->facts[i].value});
    (void)gossip_feed(g, US_PER_S, &(struct gossip_input){.kind = GOSSIP_TICK});
    (void)gossip_owner_find(g, key->id, &o);
    memcpy(w->root, o.root, sizeof w->root);
    gossip_free(g);
}

static void put_be(struct buf *b, uint64_t value, int bytes) {
    for (int i = bytes - 1; i >= 0; i--)
        buf_append_byte(b, (uint8_t)(value >> 8 * i));
}

static struct wire_gossip_news word_of(struct script *s, struct word *w) {
    static const uint32_t generations[] = {1, 2, 3, 1000, 0, UINT32_MAX};
    unsigned who = take(s) % OWNERS;
    uint8_t how = take(s);
    const struct identity *key = owner_key(who);
    size_t count = take(s) % (FACTS_TOLD + 1);
    memset(w, 0, sizeof *w);
    for (size_t i = 0; i < count; i++)
        w->facts[i] = (struct wire_gossip_fact){
            .key = bytes_str(keys[i]), .value = take_bytes(s, 1 + take(s) % 32), .version = i + 1};
    struct wire_gossip_news news = {
        .head = {.owner = key->id, .generation = generations[how % 6], .version = count},
        .facts = w->facts,
        .facts_count = count};
    bool is_true = how & 64; /* then versions are those that a core would give */
    if (is_true)
        root_of(key, news.head.generation, w, count);
    if (!is_true || how & 128) {
        news.head.version += take(s);
        news.from = take(s) & 7;
        news.bare = news.from == 7;
        for (size_t i = 0; i < count; i++)
            w->facts[i].removed = take(s) % 4 == 0;
    }
    struct buf b = {0};
    buf_append(&b, (uint8_t[16]){3}, 16);
    buf_append(&b, key->id.b, 16);
    put_be(&b, news.head.generation, 4);
    put_be(&b, news.head.version, 8);
    buf_append(&b, w->root, sizeof w->root);
    identity_sign(how & 8 ? owner_key(who + 1) : key, SIGN_FACTS, buf_bytes(&b), &w->signature);
    buf_done(&b);
    news.head.root = bytes_of(w->root, sizeof w->root);
    news.head.signature = bytes_of(w->signature.b, how & 16 ? 63 : 64);
    return news;
}

static struct wire_gossip_held held_of(struct script *s) {
    uint8_t who = take(s);
    return (struct wire_gossip_held){
        .owner = owner_key(who)->id, .generation = take(s) & 3, .version = take(s) & 15, .print = take(s)};
}

static void packet(struct run *r, struct script *s) {
    struct word words[2];
    struct wire_gossip_news news[2];
    struct wire_gossip_packet p = {.news = news, .sum = take(s)};
    struct buf out = {0};
    for (size_t count = take(s) % 3; p.news_count < count; p.news_count++)
        news[p.news_count] = word_of(s, &words[p.news_count]);
    codec_encode(&wire_gossip_packet_type, &p, &out);
    feed(r, &(struct gossip_input){
                .kind = GOSSIP_PACKET, .from = owner_key(take(s))->id, .packet = buf_bytes(&out)});
    buf_done(&out);
}

static void sync(struct run *r, struct script *s) {
    struct word words[2];
    struct wire_gossip_news news[2];
    struct wire_gossip_held held[4], wanted[4];
    uint8_t what = take(s);
    struct wire_gossip_sync y = {.news = news, .held = held, .wanted = wanted, .more = what & 1};
    struct buf out = {0};
    for (size_t count = what >> 1 & 1; y.news_count < count; y.news_count++)
        news[y.news_count] = word_of(s, &words[y.news_count]);
    for (size_t count = what >> 2 & 3; y.held_count < count; y.held_count++)
        held[y.held_count] = held_of(s);
    for (size_t count = what >> 4 & 3; y.wanted_count < count; y.wanted_count++)
        wanted[y.wanted_count] = held_of(s);
    if (what & 64)
        y.sums = take_bytes(s, (size_t)8 << take(s) % 10);
    if (what & 128) {
        y.buckets = 1u << take(s) % 10;
        y.differ = take_bytes(s, take(s) % 33);
    }
    codec_encode(&wire_gossip_sync_type, &y, &out);
    feed(r, &(struct gossip_input){
                .kind = GOSSIP_SYNC, .from = owner_key(take(s))->id, .packet = buf_bytes(&out)});
    buf_done(&out);
}

/* ---- owners that are well ------------------------------------------------------------------------------ */

static void author_set(struct run *r, struct gossip *g, struct script *s) {
    uint8_t what = take(s);
    struct bytes value = take_bytes(s, what >> 3 & 15); /* nothing removes */
    (void)gossip_feed(g, r->now_us,
                      &(struct gossip_input){
                          .kind = GOSSIP_SET, .key = bytes_str(keys[what % FACTS_TOLD]), .value = value});
}

/* What it tells in a datagram, whole or with a byte changed, or not at all. */
static void author_tell(struct run *r, unsigned i, struct script *s) {
    struct buf out = {0};
    uint8_t how = take(s);
    r->now_us += 300 * US_PER_MS;
    (void)gossip_feed(r->author[i], r->now_us, &(struct gossip_input){.kind = GOSSIP_TICK});
    gossip_fill(r->author[i], r->now_us, 1200, &out);
    if (out.size > 0 && how % 8 == 1)
        out.data[how * 31u % out.size] ^= take(s);
    if (out.size > 0 && how % 8 != 0)
        feed(r, &(struct gossip_input){
                    .kind = GOSSIP_PACKET, .from = owner_key(i + 1)->id, .packet = buf_bytes(&out)});
    buf_done(&out);
}

/* It answers what the core sent it last; what comes of that waits for the next time. */
static void author_answer(struct run *r, unsigned i) {
    VEC(struct buf) answers = {0};
    struct gossip_effect e;
    (void)gossip_feed(r->author[i], r->now_us,
                      &(struct gossip_input){
                          .kind = GOSSIP_SYNC, .from = owner_key(0)->id, .packet = buf_bytes(&r->asked[i])});
    while (gossip_drain(r->author[i], &e)) {
        struct buf b = {0};
        if (e.kind != GOSSIP_SEND)
            continue;
        buf_append(&b, e.packet.data, e.packet.size);
        VEC_PUSH(&answers, b);
    }
    for (size_t k = 0; k < answers.count; k++) {
        feed(r, &(struct gossip_input){.kind = GOSSIP_SYNC,
                                       .from = owner_key(i + 1)->id,
                                       .packet = buf_bytes(&answers.data[k])});
        buf_done(&answers.data[k]);
    }
    VEC_DONE(&answers);
}

static void author(struct run *r, struct script *s, uint8_t what) {
    unsigned i = take(s) % AUTHORS;
    struct gossip_effect e;
    if (what & 8)
        author_answer(r, i);
    author_set(r, r->author[i], s);
    if (what & 16)
        author_set(r, r->author[i], s);
    author_tell(r, i, s);
    while (gossip_drain(r->author[i], &e)) {
    }
}

static struct gossip *author_new(unsigned i, int64_t now_us) {
    struct gossip_config config = {
        .id = owner_key(i + 1)->id, .generation = 1, .identity = owner_key(i + 1), .cluster = {{3}}};
    struct gossip *g = gossip_new(&config, now_us);
    (void)gossip_feed(g, now_us,
                      &(struct gossip_input){.kind = GOSSIP_MEMBER,
                                             .from = owner_key(0)->id,
                                             .key_of = owner_key(0)->public_key});
    return g;
}

/* ---- the script ---------------------------------------------------------------------------------------- */

static void fill(struct run *r, struct script *s) {
    struct buf out = {0};
    struct arena a = {0};
    struct wire_gossip_packet p;
    size_t room = (size_t)take(s) * 6;
    gossip_fill(r->gossip, r->now_us, room, &out);
    assert(out.size <= room);
    assert(out.size == 0 || codec_decode(&wire_gossip_packet_type, buf_bytes(&out), &a, &p, NULL) == 0);
    arena_done(&a);
    buf_done(&out);
}

static void step(struct run *r, struct script *s) {
    static const enum gossip_input_kind kinds[] = {GOSSIP_MEMBER,  GOSSIP_LEFT,       GOSSIP_FORGET,
                                                   GOSSIP_STREAM,  GOSSIP_GENERATION, GOSSIP_TICK,
                                                   GOSSIP_RETURNED};
    uint8_t what = take(s);
    switch (what & 7) {
    case 0: {
        uint8_t how = take(s);
        r->now_us += (int64_t)(how & 31) << (how >> 5) * 4; /* up to hours */
        feed(r, &(struct gossip_input){.kind = GOSSIP_TICK});
        break;
    }
    case 1: packet(r, s); break;
    case 2: author(r, s, what); break;
    case 3: sync(r, s); break;
    case 4: fill(r, s); break;
    case 5:
        feed(r, &(struct gossip_input){.kind = what & 8 ? GOSSIP_SYNC : GOSSIP_PACKET,
                                       .from = owner_key(take(s))->id,
                                       .packet = take_bytes(s, take(s))});
        break;
    case 6: {
        struct bytes key = bytes_str(keys[take(s) % FACTS_TOLD]);
        size_t size = (size_t)take(s) << (what >> 3 & 7);
        uint8_t *value = mem_alloc(size + 1);
        memset(value, what, size);
        feed(r, &(struct gossip_input){.kind = GOSSIP_SET, .key = key, .value = bytes_of(value, size)});
        mem_free(value);
        break;
    }
    default: {
        const struct identity *who = owner_key(take(s));
        feed(r, &(struct gossip_input){.kind = kinds[(what >> 3) % 7],
                                       .from = who->id,
                                       .key_of = who->public_key,
                                       .generation = take(s)});
    }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct script s = {.data = data, .size = size};
    struct run r = {.now_us = 1000 * US_PER_S};
    uint8_t how = take(&s);
    struct gossip_config config = {.id = owner_key(0)->id,
                                   .generation = 2,
                                   .seed = how,
                                   .identity = how & 1 ? owner_key(0) : NULL,
                                   .cluster = {{3}},
                                   .owners_max = OWNERS - 1};
    r.gossip = gossip_new(&config, r.now_us);
    for (unsigned i = 0; i < AUTHORS; i++)
        r.author[i] = author_new(i, r.now_us);
    for (unsigned i = 1; i < OWNERS - 2; i++)
        feed(&r, &(struct gossip_input){
                     .kind = GOSSIP_MEMBER, .from = owner_key(i)->id, .key_of = owner_key(i)->public_key});
    for (unsigned i = 0; i < STEPS_MAX && s.size > 0; i++)
        step(&r, &s);
    gossip_free(r.gossip);
    for (unsigned i = 0; i < AUTHORS; i++) {
        gossip_free(r.author[i]);
        buf_done(&r.asked[i]);
    }
    return 0;
}
