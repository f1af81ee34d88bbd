/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* What members sign: nobody speaks for another, and only the own word moves a generation. */

#include "harness.h"

#define ALL SIZE_MAX

/* ---- one core ------------------------------------------------------------------------------------------ */

/* Node 0, which signs and knows members 1 to 4 in generation 3. */
struct signer {
    struct bench *b;
    struct identity keys[8];
};

static struct signer signer_new(uint32_t generation) {
    struct signer s;
    for (size_t i = 0; i < 8; i++)
        s.keys[i] = identity_of(i);
    struct swim_config config = {.identity = &s.keys[0], .cluster = cluster_of(1), .generation = generation};
    static struct identity own; /* the core borrows it */
    own = s.keys[0];
    config.identity = &own;
    s.b = bench_new(&config);
    for (size_t i = 1; i <= 4; i++) {
        struct signed_record r;
        record_sign(&r, &s.keys[i], cluster_of(1), i, 3, 0, 0);
        bench_sync(s.b, 1, true, &r.record, 1);
    }
    bench_clear(s.b);
    return s;
}

/* As from member `via`, over gossip. */
static void hear(struct signer *s, size_t via, struct wire_member record) {
    struct buf bytes = {0};
    codec_encode(&wire_swim_packet_type, &(struct wire_swim_packet){.members = &record, .members_count = 1},
                 &bytes);
    bench_feed(s->b, &(struct swim_input){.kind = SWIM_PACKET,
                                          .from = s->keys[via].id,
                                          .addr = addr_of(via),
                                          .packet = buf_bytes(&bytes)});
    buf_done(&bytes);
}

static bool holds(struct signer *s, size_t member, struct swim_member *ret) {
    return swim_member_find(s->b->swim, s->keys[member].id, ret);
}

static struct swim_member held(struct signer *s, size_t member) {
    struct swim_member m = {0};
    cr_assert(holds(s, member, &m), "%zu is not in the table", member);
    return m;
}

/* Whether something sent since the last clear asks for the card of this member. */
static bool wants(struct signer *s, size_t member) {
    struct wire_swim_packet packet;
    for (size_t i = 0; (i = bench_sent(s->b, i, &packet)) != SIZE_MAX; i++) {
        for (size_t k = 0; k < packet.wanted_count; k++) {
            if (id_same(packet.wanted[k], s->keys[member].id))
                return true;
        }
    }
    return false;
}

static struct wire_member bare(struct signer *s, size_t member, enum member_state state, uint32_t generation,
                               uint32_t version) {
    struct wire_member r = {
        .id = s->keys[member].id, .state = state, .generation = generation, .version = version};
    if (state == MEMBER_STATE_SUSPECT || state == MEMBER_STATE_DEAD)
        r.from = s->keys[2].id;
    return r;
}

Test(swim_signed, only_a_card_that_is_signed_right_lets_somebody_in) {
    struct signer s = signer_new(1);
    struct swim_member m;
    struct signed_record r;
    struct identity impostor = s.keys[5]; /* an honest signature, for the id of somebody else */
    impostor.id = s.keys[6].id;
    for (int wrong = 0; wrong < 10; wrong++) {
        uint64_t refused = swim_counters(s.b->swim)->records_refused;
        record_sign(&r, wrong == 9 ? &impostor : &s.keys[5], cluster_of(wrong == 0 ? 2 : 1), 5, 3, 0, 0);
        if (wrong == 1)
            r.record.key = s.keys[6].public_key;
        if (wrong == 2)
            r.record.id = s.keys[6].id;
        if (wrong == 3)
            addr_set_port(&r.record.addr, 7371);
        if (wrong == 4)
            r.record.name = bytes_str("other");
        if (wrong == 5)
            r.record.generation++;
        if (wrong == 6)
            r.record.version = r.record.since = 1;
        if (wrong == 7)
            r.record.signature.size = 63;
        if (wrong == 8)
            r.signature.b[3] ^= 1;
        hear(&s, 2, r.record);
        cr_assert(!holds(&s, 5, &m) && !holds(&s, 6, &m), "wrong %d", wrong);
        cr_assert_eq(swim_counters(s.b->swim)->records_refused, refused + 1, "wrong %d", wrong);
    }
    record_sign(&r, &s.keys[5], cluster_of(1), 5, 3, 0, 0);
    hear(&s, 2, r.record);
    cr_assert(holds(&s, 5, &m));
    bench_free(s.b);
}

Test(swim_signed, a_card_is_checked_once) {
    struct signer s = signer_new(1);
    struct signed_record r;
    record_sign(&r, &s.keys[5], cluster_of(1), 5, 3, 0, 0);
    uint64_t before = swim_counters(s.b->swim)->signatures_checked;
    for (uint32_t i = 0; i < 50; i++) {
        r.record.version = i;
        hear(&s, 2, r.record);
    }
    cr_assert_eq(swim_counters(s.b->swim)->signatures_checked, before + 1);
    bench_free(s.b);
}

/* One forged packet must not shut a host out: whoever tells of a later life has to show its signature. */
Test(swim_signed, a_generation_moves_by_a_signed_card_only) {
    static const enum member_state states[] = {MEMBER_STATE_ALIVE, MEMBER_STATE_SUSPECT, MEMBER_STATE_DEAD,
                                               MEMBER_STATE_LEFT};
    for (int i = 0; i < 4; i++) {
        struct signer s = signer_new(1);
        hear(&s, 2, bare(&s, 1, states[i], 9, 0));
        struct swim_member m = held(&s, 1);
        cr_assert(m.generation == 3 && m.state == MEMBER_STATE_ALIVE, "state %d", (int)states[i]);
        cr_assert(wants(&s, 1), "the teller is asked for the card");
        struct signed_record r;
        record_sign(&r, &s.keys[1], cluster_of(1), 1, 9, 0, 0);
        r.record.state = states[i];
        r.record.from = s.keys[2].id;
        if (states[i] == MEMBER_STATE_LEFT)
            record_leave(&r, &s.keys[1], cluster_of(1));
        hear(&s, 2, r.record);
        cr_assert_eq(held(&s, 1).generation, 9);
        bench_free(s.b);
    }
}

Test(swim_signed, within_its_generation_a_member_is_accused_and_refutes_without_signatures) {
    struct signer s = signer_new(1);
    hear(&s, 2, bare(&s, 1, MEMBER_STATE_SUSPECT, 3, 0));
    cr_assert_eq(held(&s, 1).state, MEMBER_STATE_SUSPECT);
    hear(&s, 1, bare(&s, 1, MEMBER_STATE_ALIVE, 3, 1));
    cr_assert_eq(held(&s, 1).state, MEMBER_STATE_ALIVE);
    bench_free(s.b);
}

Test(swim_signed, nobody_is_sent_away_by_another) {
    struct signer s = signer_new(1);
    struct signed_record r;
    hear(&s, 2, bare(&s, 1, MEMBER_STATE_LEFT, 3, 5));
    cr_assert_eq(held(&s, 1).state, MEMBER_STATE_ALIVE, "no signature");
    record_sign(&r, &s.keys[1], cluster_of(1), 1, 3, 5, 0);
    record_leave(&r, &s.keys[2], cluster_of(1));
    hear(&s, 2, r.record);
    cr_assert_eq(held(&s, 1).state, MEMBER_STATE_ALIVE, "another's signature");
    record_leave(&r, &s.keys[1], cluster_of(1));
    r.record.version = 6;
    hear(&s, 2, r.record);
    cr_assert_eq(held(&s, 1).state, MEMBER_STATE_ALIVE, "the signature of another incarnation");
    r.record.version = 5;
    hear(&s, 2, r.record);
    cr_assert_eq(held(&s, 1).state, MEMBER_STATE_LEFT);
    /* And it is told on with it. */
    struct wire_swim_packet packet;
    bool told = false;
    bench_clear(s.b);
    bench_run(s.b, 400 * MS);
    for (size_t i = 0; (i = bench_sent(s.b, i, &packet)) != SIZE_MAX; i++) {
        for (size_t k = 0; k < packet.members_count; k++)
            told |= packet.members[k].state == MEMBER_STATE_LEFT && packet.members[k].farewell.size == 64;
    }
    cr_assert(told);
    bench_free(s.b);
}

Test(swim_signed, an_older_card_moves_nobody_back) {
    struct signer s = signer_new(1);
    struct signed_record newer, older;
    record_sign(&newer, &s.keys[1], cluster_of(1), 6, 3, 4, 4);
    record_sign(&older, &s.keys[1], cluster_of(1), 1, 3, 9, 0);
    hear(&s, 2, newer.record);
    struct addr at = addr_of(6);
    struct swim_member m = held(&s, 1);
    cr_assert(addr_equal(&m.addr, &at));
    cr_assert_eq(bench_events(s.b, SWIM_CHANGED, ALL), 1);
    hear(&s, 2, older.record); /* replayed with a higher version, which nobody signs */
    m = held(&s, 1);
    cr_assert(addr_equal(&m.addr, &at), "its address stays");
    bench_free(s.b);
}

Test(swim_signed, who_lacks_a_card_asks_and_is_given_it) {
    struct signer s = signer_new(1);
    struct node_id wanted[3] = {s.keys[1].id, s.keys[0].id, s.keys[7].id};
    struct buf bytes = {0};
    struct wire_swim_packet ask = {.wanted = wanted, .wanted_count = 3}, packet;
    codec_encode(&wire_swim_packet_type, &ask, &bytes);
    bench_feed(
        s.b, &(struct swim_input){
                 .kind = SWIM_PACKET, .from = s.keys[2].id, .addr = addr_of(2), .packet = buf_bytes(&bytes)});
    buf_done(&bytes);
    cr_assert_neq(bench_sent(s.b, 0, &packet), SIZE_MAX);
    size_t cards = 0;
    for (size_t i = 0; i < packet.members_count; i++)
        cards += packet.members[i].signature.size == 64;
    cr_assert_geq(cards, 2);
    hear(&s, 2, bare(&s, 6, MEMBER_STATE_ALIVE, 1, 0));
    cr_assert(wants(&s, 6), "a stranger without a card");
    bench_free(s.b);
}

/* 160 bytes a record are paid for what is news, not for every refutation. */
Test(swim_signed, cards_travel_with_news_of_them_only) {
    struct signer s = signer_new(1);
    struct signed_record r;
    record_sign(&r, &s.keys[5], cluster_of(1), 5, 3, 0, 0);
    hear(&s, 2, r.record);
    for (int refutation = 0; refutation < 2; refutation++) {
        struct wire_swim_packet packet;
        size_t full = 0, sent = 0;
        bench_clear(s.b);
        for (int i = 0; i < 300; i++) {
            bench_run(s.b, 10 * MS);
            for (size_t k = 1; k <= 5; k++)
                bench_feed(s.b, &(struct swim_input){.kind = SWIM_ALIVE_HINT, .from = s.keys[k].id});
        }
        for (size_t i = 0; (i = bench_sent(s.b, i, &packet)) != SIZE_MAX; i++) {
            for (size_t k = 0; k < packet.members_count; k++) {
                bool about = id_same(packet.members[k].id, s.keys[5].id);
                sent += about;
                full += about && packet.members[k].signature.size > 0;
            }
        }
        cr_assert(sent > 3 && full == (refutation ? 0 : sent), "%zu of %zu", full, sent);
        hear(&s, 5, bare(&s, 5, MEMBER_STATE_ALIVE, 3, 1));
    }
    bench_free(s.b);
}

/* The second host with this key is shown the first one's card, where it is, and can draw its conclusion. */
Test(swim_signed, who_brings_a_second_card_of_one_moment_is_shown_the_first) {
    struct signer s = signer_new(1);
    struct signed_record twin;
    struct buf bytes = {0};
    struct addr elsewhere = addr_of(6), first = addr_of(1);
    s.b->now_us += SECOND;
    record_sign(&twin, &s.keys[1], cluster_of(1), 6, 3, 0, 0);
    codec_encode(&wire_swim_packet_type,
                 &(struct wire_swim_packet){.members = &twin.record, .members_count = 1}, &bytes);
    bench_feed(
        s.b, &(struct swim_input){
                 .kind = SWIM_PACKET, .from = s.keys[1].id, .addr = elsewhere, .packet = buf_bytes(&bytes)});
    buf_done(&bytes);
    struct wire_swim_packet packet;
    size_t at = bench_sent(s.b, 0, &packet);
    cr_assert(at != SIZE_MAX && addr_equal(&s.b->effects.data[at].addr, &elsewhere));
    cr_assert(packet.members_count && packet.members[0].signature.size == 64);
    cr_assert(addr_equal(&packet.members[0].addr, &first));
    bench_free(s.b);
}

/* ---- this node ----------------------------------------------------------------------------------------- */

Test(swim_signed, a_later_life_of_its_own_is_believed_with_its_own_signature) {
    struct signer s = signer_new(5);
    hear(&s, 2, bare(&s, 0, MEMBER_STATE_DEAD, 1000, 0));
    cr_assert_eq(held(&s, 0).generation, 5, "one forged packet moves nothing");
    cr_assert(wants(&s, 0), "where is the signature?");
    struct signed_record r;
    record_sign(&r, &s.keys[1], cluster_of(1), 0, 1000, 0, 0);
    r.record.id = s.keys[0].id;
    hear(&s, 2, r.record);
    cr_assert_eq(held(&s, 0).generation, 5, "nor does another's signature");
    record_sign(&r, &s.keys[0], cluster_of(1), 0, 9, 2, 0);
    r.record.state = MEMBER_STATE_DEAD;
    r.record.from = s.keys[2].id;
    hear(&s, 2, r.record);
    cr_assert_eq(held(&s, 0).generation, 10);
    cr_assert_eq(bench_events(s.b, SWIM_GENERATION, ALL), 1);
    bench_free(s.b);
}

Test(swim_signed, its_own_card_coming_back_is_no_news) {
    struct signer s = signer_new(5);
    struct signed_record own;
    record_sign(&own, &s.keys[0], cluster_of(1), 0, 5, 0, 0);
    hear(&s, 2, own.record);
    cr_assert(held(&s, 0).generation == 5 && held(&s, 0).version == 0);
    /* And one from before it moved. */
    bench_feed(s.b, &(struct swim_input){.kind = SWIM_MOVE, .addr = addr_of(6)});
    cr_assert_eq(held(&s, 0).version, 1);
    hear(&s, 2, own.record);
    cr_assert_eq(bench_events(s.b, SWIM_GENERATION, ALL), 0);
    cr_assert_eq(bench_events(s.b, SWIM_DUPLICATE, ALL), 0);
    bench_free(s.b);
}

Test(swim_signed, a_packet_of_an_unknown_run_counts_only_with_its_card) {
    struct signer s = signer_new(1);
    struct signed_record r, lie;
    record_sign(&r, &s.keys[1], cluster_of(1), 1, 4, 0, 0);
    record_sign(&lie, &s.keys[6], cluster_of(1), 6, 1, 0, 0);
    struct wire_member records[2] = {lie.record, r.record};
    for (int with_card = 0; with_card < 2; with_card++) {
        struct buf bytes = {0};
        struct wire_ping ping = {.seq = 7};
        codec_encode(&wire_swim_packet_type,
                     &(struct wire_swim_packet){
                         .ping = &ping, .members = records, .members_count = (size_t)with_card + 1},
                     &bytes);
        bench_clear(s.b);
        int error = bench_feed(s.b, &(struct swim_input){.kind = SWIM_INTRODUCTION,
                                                         .from = s.keys[1].id,
                                                         .addr = addr_of(1),
                                                         .generation = 4,
                                                         .packet = buf_bytes(&bytes)});
        struct swim_member m;
        struct wire_swim_packet packet;
        cr_assert_not(holds(&s, 6, &m), "what it says of others does not count");
        if (with_card) {
            cr_assert_eq(error, 0);
            cr_assert_eq(held(&s, 1).generation, 4);
        } else {
            cr_assert_eq(error, ERR_NOT_FOUND);
            cr_assert_neq(bench_sent(s.b, 0, &packet), SIZE_MAX);
            cr_assert(packet.ping && packet.ping->generation == 0 && !packet.ack, "who are you?");
        }
        buf_done(&bytes);
    }
    bench_free(s.b);
}

/* The host was restored from a backup: it is shown its own later card, and goes above it. */
Test(swim_signed, a_packet_of_an_older_run_is_answered_with_the_later_card) {
    struct signer s = signer_new(1);
    struct buf bytes = {0};
    struct wire_ping ping = {.seq = 7};
    s.b->now_us += SECOND;
    codec_encode(&wire_swim_packet_type, &(struct wire_swim_packet){.ping = &ping}, &bytes);
    cr_assert_eq(bench_feed(s.b, &(struct swim_input){.kind = SWIM_INTRODUCTION,
                                                      .from = s.keys[1].id,
                                                      .addr = addr_of(1),
                                                      .generation = 2,
                                                      .packet = buf_bytes(&bytes)}),
                 ERR_NOT_FOUND);
    buf_done(&bytes);
    struct wire_swim_packet packet;
    cr_assert_neq(bench_sent(s.b, 0, &packet), SIZE_MAX);
    cr_assert(packet.members_count && id_same(packet.members[0].id, s.keys[1].id));
    cr_assert(packet.members[0].generation == 3 && packet.members[0].signature.size == 64);
    bench_free(s.b);
}

Test(swim_signed, questions_to_strangers_are_limited) {
    struct signer s = signer_new(1);
    struct buf bytes = {0};
    struct wire_ping ping = {.seq = 7};
    codec_encode(&wire_swim_packet_type, &(struct wire_swim_packet){.ping = &ping}, &bytes);
    for (size_t i = 0; i < 1000; i++) {
        bench_feed(s.b, &(struct swim_input){.kind = SWIM_INTRODUCTION,
                                             .from = node_id_of(i),
                                             .addr = addr_of(i),
                                             .generation = 2,
                                             .packet = buf_bytes(&bytes)});
    }
    buf_done(&bytes);
    cr_assert_leq(swim_counters(s.b->swim)->challenges, 40);
    cr_assert_geq(swim_counters(s.b->swim)->challenges, 8);
    bench_free(s.b);
}

/* The largest record that there can be: IPv6, a name of 63 bytes, an accuser or a farewell. */
Test(swim_signed, the_longest_record_fits_the_smallest_packet_with_the_longest_head) {
    struct identity key = identity_of(0);
    char name[WIRE_NAME_MAX];
    memset(name, 'x', sizeof name);
    struct addr addr;
    cr_assert_eq(addr_parse(bytes_str("[2001:db8:1:2:3:4:5:6]:65535"), 0, &addr), 0);
    struct swim_config config = {.id = key.id,
                                 .name = bytes_of(name, sizeof name),
                                 .addr = addr,
                                 .generation = INT32_MAX,
                                 .seed = 1,
                                 .packet_size_max = SWIM_PACKET_SIZE_MIN,
                                 .identity = &key,
                                 .cluster = cluster_of(1)};
    struct bench b = {.swim = swim_new(&config, SECOND), .now_us = SECOND};
    for (size_t i = 1; i <= 3; i++) {
        struct signed_record r;
        struct identity other = identity_of(i);
        record_sign(&r, &other, cluster_of(1), i, 1, 0, 0);
        bench_sync(&b, 1, true, &r.record, 1);
    }
    /* It is asked who it is by one that it does not know, and asks back; and it leaves. */
    for (int leaving = 0; leaving < 2; leaving++) {
        struct wire_ping ping = {.seq = UINT32_MAX};
        struct wire_swim_packet packet;
        bench_clear(&b);
        bench_packet(&b, 9, &(struct wire_swim_packet){.ping = &ping});
        cr_assert_neq(bench_sent(&b, 0, &packet), SIZE_MAX);
        cr_assert(packet.members_count && packet.members[0].signature.size == 64, "leaving %d", leaving);
        bench_kind(&b, SWIM_LEAVE, ALL);
    }
    bench_clear(&b);
    arena_done(&b.arena);
    VEC_DONE(&b.effects);
    swim_free(b.swim);
}

/* ---- groups -------------------------------------------------------------------------------------------- */

static void join_all(struct cluster *c) {
    cluster_join_all(c);
    cr_assert(cluster_converged(c));
}

Test(swim_signed, a_group_forms_restarts_leaves_and_returns) {
    struct cluster *c = cluster_new_signed(12, 3, NULL);
    c->loss_millionths = 20000;
    join_all(c);
    int64_t from_us = c->now_us;
    for (size_t i = 3; i < 6; i++) {
        cluster_kill(c, i);
        cluster_start(c, i);
        cluster_feed(c, i, SWIM_SEED, 0);
    }
    cr_assert(cluster_until(c, 10 * SECOND, cluster_converged));
    cluster_run(c, 20 * SECOND);
    cr_assert_eq(cluster_count(c, SWIM_DIED, ALL, ALL, from_us), 0);
    cr_assert_eq(cluster_count(c, SWIM_GENERATION, ALL, ALL, 0), 0);
    cluster_feed(c, 7, SWIM_LEAVE, ALL);
    cluster_run(c, 5 * SECOND);
    cluster_kill(c, 7);
    cluster_run(c, 10 * SECOND);
    cr_assert(cluster_all_see(c, 7, MEMBER_STATE_LEFT));
    cluster_start(c, 7);
    cluster_feed(c, 7, SWIM_SEED, 1);
    cr_assert(cluster_until(c, 10 * SECOND, cluster_converged));
    cluster_free(c);
}

/* All its disks were restored from a backup of long ago. */
Test(swim_signed, a_lost_generation_is_found_again_alive_or_dead) {
    for (int was_dead = 0; was_dead < 2; was_dead++) {
        struct cluster *c = cluster_new_signed(6, 13, NULL);
        for (size_t i = 0; i < 6; i++)
            cluster_start_as(c, i, i == 2 ? 40 : 1);
        for (size_t i = 1; i < 6; i++)
            cluster_feed(c, i, SWIM_SEED, 0);
        cr_assert(cluster_until(c, 20 * SECOND, cluster_converged));
        cluster_kill(c, 2);
        if (was_dead)
            cluster_run(c, 60 * SECOND);
        int64_t from_us = c->now_us;
        cluster_start_as(c, 2, 3);
        cluster_feed(c, 2, SWIM_SEED, 0);
        cluster_run(c, 10 * SECOND);
        cr_assert(cluster_converged(c), "dead %d", was_dead);
        cr_assert_eq(c->nodes[2].generation, 41);
        cr_assert_eq(cluster_count(c, SWIM_GENERATION, ALL, ALL, from_us), 1);
        cr_assert_eq(cluster_count(c, SWIM_DUPLICATE, ALL, ALL, 0), 0, "a ghost is no other host");
        cluster_free(c);
    }
}

Test(swim_signed, a_whole_cluster_restored_from_backups_comes_together) {
    struct cluster *c = cluster_new_signed(8, 5, NULL);
    for (size_t i = 0; i < 8; i++)
        cluster_start_as(c, i, 50 + (uint32_t)i);
    for (size_t i = 1; i < 8; i++)
        cluster_feed(c, i, SWIM_SEED, 0);
    cr_assert(cluster_until(c, 20 * SECOND, cluster_converged));
    /* One after another, so that each finds somebody who remembers. */
    for (size_t i = 0; i < 8; i++) {
        cluster_kill(c, i);
        cluster_start_as(c, i, 2);
        cluster_feed(c, i, SWIM_SEED, (i + 1) % 8);
        cluster_run(c, 5 * SECOND);
    }
    cr_assert(cluster_until(c, 20 * SECOND, cluster_converged));
    for (size_t i = 0; i < 8; i++)
        cr_assert_eq(c->nodes[i].generation, 51 + i);
    cluster_free(c);
}

/*
 * A disk was cloned: two hosts have one key. Both say so, one of them has its way, and the others are left in
 * peace.
 */
Test(swim_signed, two_hosts_with_one_key_say_so_and_do_not_flap) {
    for (uint64_t seed = 1; seed <= 5; seed++) {
        for (uint32_t generation = 1; generation <= 3; generation++) {
            struct cluster *c = cluster_new_signed(8, seed, NULL);
            for (size_t i = 0; i < 7; i++) {
                cluster_start_as(c, i, 2);
                cluster_feed(c, i, SWIM_SEED, 0);
            }
            cr_assert(cluster_until(c, 20 * SECOND, cluster_converged));
            c->nodes[7].identity = c->nodes[3].identity;
            c->nodes[7].id = c->nodes[3].id;
            int64_t from_us = c->now_us;
            cluster_start_as(c, 7, generation);
            cluster_feed(c, 7, SWIM_SEED, 0);
            cluster_run(c, 60 * SECOND);
            cr_assert_gt(cluster_count(c, SWIM_DUPLICATE, 3, ALL, from_us), 0, "seed %lu, generation %u",
                         (unsigned long)seed, generation);
            cr_assert_gt(cluster_count(c, SWIM_DUPLICATE, 7, ALL, from_us), 0, "seed %lu, generation %u",
                         (unsigned long)seed, generation);
            int64_t settled_us = c->now_us;
            cluster_run(c, 1800 * SECOND);
            cr_assert_leq(cluster_count(c, SWIM_GENERATION, ALL, ALL, settled_us), 8, "%zu",
                          cluster_count(c, SWIM_GENERATION, ALL, ALL, settled_us));
            size_t told = cluster_count(c, SWIM_DUPLICATE, ALL, ALL, settled_us);
            cr_assert(told <= 2 * 31, "told %zu times in half an hour", told);
            for (size_t viewer = 0; viewer < 7; viewer++) {
                for (size_t i = 0; i < 7 && viewer != 3; i++) {
                    size_t deaths = i == 3 ? 0 : cluster_count(c, SWIM_DIED, viewer, i, from_us);
                    cr_assert_eq(deaths, 0, "the others are left in peace");
                }
            }
            cluster_free(c);
        }
    }
}

Test(swim_signed, after_random_faults_all_views_converge) {
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct prng p;
        prng_init(&p, seed);
        size_t n = 3 + (size_t)prng_below(&p, 6);
        struct cluster *c = cluster_new_signed(n, seed, NULL);
        for (size_t i = 0; i < n; i++) {
            cluster_start(c, i);
            cluster_feed(c, i, SWIM_SEED, 0);
        }
        for (int i = 0; i < 30; i++) {
            size_t x = (size_t)prng_below(&p, n);
            struct node *node = &c->nodes[x];
            uint64_t what = prng_below(&p, 4);
            if (what == 0 && node->swim && x != 0)
                cluster_kill(c, x);
            else if (what == 1 && !node->swim)
                cluster_start_as(c, x, prng_chance(&p, 300000) ? 1 : node->generation + 1);
            else if (what == 2)
                cluster_split(c, x, prng_chance(&p, 500000));
            else
                c->loss_millionths = (uint32_t)prng_below(&p, 200000);
            if (node->swim)
                cluster_feed(c, x, SWIM_SEED, 0);
            cluster_run(c, prng_between(&p, 0, 4 * SECOND));
        }
        memset(c->cut, 0, n * n * sizeof *c->cut);
        c->loss_millionths = 0;
        cr_assert(cluster_until(c, 120 * SECOND, cluster_converged), "seed %lu", (unsigned long)seed);
        int64_t from_us = c->now_us;
        cluster_run(c, 30 * SECOND);
        cr_assert(cluster_converged(c), "seed %lu", (unsigned long)seed);
        cr_assert_eq(cluster_count(c, SWIM_DUPLICATE, ALL, ALL, from_us), 0, "seed %lu", (unsigned long)seed);
        cluster_free(c);
    }
}
