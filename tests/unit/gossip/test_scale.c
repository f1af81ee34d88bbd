/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Many owners in one core: what they cost, and that all of them come over. */
#include <criterion/criterion.h>
#include <stdio.h>

#include <covey/codec.h>
#include <covey/gossip.h>

#define OWNERS 3000

struct pair {
    struct gossip *core[2];
    int64_t now_us;
    uint64_t bytes;
    unsigned messages;
};

static struct node_id id_of(unsigned number) {
    struct node_id id;
    struct prng p;
    prng_init(&p, number + 1);
    prng_fill(&p, id.b, sizeof id.b);
    return id;
}

static void feed(struct pair *p, unsigned to, const struct gossip_input *in);

static void drain(struct pair *p, unsigned of) {
    struct gossip_effect e;
    VEC(struct buf) sent = {0};
    while (gossip_drain(p->core[of], &e)) {
        if (e.kind != GOSSIP_SEND)
            continue;
        struct buf b = {0};
        buf_append(&b, e.packet.data, e.packet.size);
        VEC_PUSH(&sent, b);
    }
    for (size_t i = 0; i < sent.count; i++) {
        p->bytes += sent.data[i].size;
        cr_assert_lt(++p->messages, 1000);
        cr_assert_leq(sent.data[i].size, 512u << 10, "a message of %zu bytes", sent.data[i].size);
        feed(p, 1 - of,
             &(struct gossip_input){
                 .kind = GOSSIP_SYNC, .from = id_of(of), .packet = buf_bytes(&sent.data[i])});
        buf_done(&sent.data[i]);
    }
    VEC_DONE(&sent);
}

static void feed(struct pair *p, unsigned to, const struct gossip_input *in) {
    p->now_us += 200 * US_PER_MS;
    cr_assert_eq(gossip_feed(p->core[to], p->now_us, in), 0);
    drain(p, to);
}

/* A word that nobody signs, in a cluster where nobody does. */
static void say(struct pair *p, unsigned owner, uint64_t version, size_t size) {
    static uint8_t value[4096];
    struct gossip_config config = {.id = id_of(owner), .generation = 1};
    struct gossip *g = gossip_new(&config, p->now_us);
    struct buf out = {0};
    for (uint64_t v = 0; v < version; v++) {
        value[0] = (uint8_t)v;
        (void)gossip_feed(g, p->now_us,
                          &(struct gossip_input){
                              .kind = GOSSIP_SET, .key = bytes_str("host"), .value = bytes_of(value, size)});
        p->now_us += US_PER_S;
        (void)gossip_feed(g, p->now_us, &(struct gossip_input){.kind = GOSSIP_TICK});
    }
    (void)gossip_feed(g, p->now_us, &(struct gossip_input){.kind = GOSSIP_MEMBER, .from = id_of(0)});
    gossip_fill(g, p->now_us, 1300, &out);
    cr_assert_gt(out.size, 0);
    feed(p, 0,
         &(struct gossip_input){.kind = GOSSIP_PACKET, .from = id_of(owner), .packet = buf_bytes(&out)});
    buf_done(&out);
    gossip_free(g);
}

static void pair_init(struct pair *p) {
    memset(p, 0, sizeof *p);
    p->now_us = US_PER_S;
    for (unsigned i = 0; i < 2; i++) {
        struct gossip_config config = {.id = id_of(i), .generation = 1, .sum_interval_us = INT64_MAX / 65536};
        p->core[i] = gossip_new(&config, p->now_us);
        for (unsigned k = 0; k < OWNERS; k++)
            (void)gossip_feed(p->core[i], p->now_us,
                              &(struct gossip_input){.kind = GOSSIP_MEMBER, .from = id_of(k)});
    }
}

Test(scale, a_joiner_gets_all_in_parts_and_one_change_is_found_cheaply) {
    struct pair p;
    pair_init(&p);
    for (unsigned k = 2; k < OWNERS; k++)
        say(&p, k, 1, 600);
    p.messages = 0;
    p.bytes = 0;
    for (unsigned round = 0; round < 20 && gossip_sum(p.core[0]) != gossip_sum(p.core[1]); round++)
        feed(&p, 1, &(struct gossip_input){.kind = GOSSIP_STREAM, .from = id_of(0)});
    cr_assert_eq(gossip_sum(p.core[0]), gossip_sum(p.core[1]), "not all has come");
    cr_assert_leq(p.bytes, OWNERS * 1000u, "%llu bytes", (unsigned long long)p.bytes);
    cr_log_info("%u owners: %zu bytes of memory each, %llu bytes to join", OWNERS,
                gossip_memory(p.core[1]) / OWNERS, (unsigned long long)p.bytes);
    cr_assert_leq(gossip_memory(p.core[1]) / OWNERS, 600 + 600);
    p.bytes = 0;
    p.messages = 0;
    say(&p, 77, 2, 600);
    feed(&p, 1, &(struct gossip_input){.kind = GOSSIP_STREAM, .from = id_of(0)});
    cr_assert_eq(gossip_sum(p.core[0]), gossip_sum(p.core[1]));
    cr_assert_leq(p.bytes, 2048 + 2048 + 1024, "%llu bytes for one change", (unsigned long long)p.bytes);
    gossip_free(p.core[0]);
    gossip_free(p.core[1]);
}

/* Else it would be told by comparisons alone, which are rare where there are many. */
Test(scale, with_more_news_than_can_be_kept_the_own_is_told) {
    struct pair p;
    struct gossip_fact fact;
    pair_init(&p);
    for (unsigned k = 2; k < 800; k++)
        say(&p, k, 1, 20);
    feed(&p, 0,
         &(struct gossip_input){.kind = GOSSIP_SET, .key = bytes_str("host"), .value = bytes_str("own")});
    feed(&p, 0, &(struct gossip_input){.kind = GOSSIP_TICK});
    for (unsigned k = 800; k < 1400; k++)
        say(&p, k, 1, 20);
    p.messages = 0;
    for (unsigned i = 0; i < 200; i++) {
        struct buf out = {0};
        gossip_fill(p.core[0], p.now_us, 1300, &out);
        if (out.size > 0)
            feed(&p, 1,
                 &(struct gossip_input){.kind = GOSSIP_PACKET, .from = id_of(0), .packet = buf_bytes(&out)});
        buf_done(&out);
    }
    cr_assert(gossip_fact_find(p.core[1], id_of(0), bytes_str("host"), &fact));
    cr_assert(bytes_is(fact.value, "own"));
    cr_assert(gossip_fact_find(p.core[1], id_of(1399), bytes_str("host"), &fact), "nor is the newest lost");
    gossip_free(p.core[0]);
    gossip_free(p.core[1]);
}
