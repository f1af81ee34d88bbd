/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* One core: what its packets carry, how large they are, and what it makes of strange ones. */

#include "harness.h"

/* To one that nobody is, for a member is not told that it lives. */
static void spend_rumours(struct bench *b) {
    struct swim_member self = bench_member(b, 0);
    struct wire_ping ping = {.seq = 9, .generation = self.generation, .version = self.version};
    while (bench_ping_as(b, 200, ping).members_count > 0)
        continue;
    bench_clear(b);
}

/* ---- sizes --------------------------------------------------------------------------------------------- */

Test(swim_packets, idle_packets_are_small) {
    struct bench *b = bench_knowing(1, NULL);
    spend_rumours(b);
    bench_ping_as(b, 1, ping_well());
    cr_assert_leq(b->effects.data[0].packet.size, 28, "ack: %zu bytes", b->effects.data[0].packet.size);
    bench_clear(b);
    struct wire_swim_packet packet;
    size_t at;
    while ((at = bench_sent(b, 0, &packet)) == SIZE_MAX)
        bench_run(b, 10 * MS);
    cr_assert(packet.ping && packet.members_count == 0);
    cr_assert_leq(b->effects.data[at].packet.size, 40, "ping: %zu bytes", b->effects.data[at].packet.size);
    bench_free(b);
}

/*
 * Records of very different lengths, any limit: always within it, and not far below while there is more
 * to tell.
 */
Test(swim_packets, a_packet_never_exceeds_its_size_and_uses_its_room) {
    static const char long_name[] = "a-name-of-sixty-three-bytes-as-long-as-one-may-be-in-this-place";
    cr_assert_eq(sizeof long_name - 1, WIRE_NAME_MAX);
    struct prng p;
    prng_init(&p, 4);
    for (int round = 0; round < 40; round++) {
        struct swim_config config = {
            .packet_size_max = (size_t)prng_between(&p, SWIM_PACKET_SIZE_MIN, WIRE_DATAGRAM_MAX),
            .retransmit_mult = 16,
        };
        struct bench *b = bench_new(&config);
        for (size_t i = 1; i <= 200; i++) {
            struct wire_member record =
                record_of(i, MEMBER_STATE_ALIVE, (uint32_t)prng_below(&p, 1 << 20), 0);
            record.name = bytes_of(long_name, (size_t)prng_below(&p, sizeof long_name));
            if (prng_chance(&p, 300000)) {
                record.addr.size = 18;
                prng_fill(&p, record.addr.b, 18);
            }
            record.version = (uint32_t)prng_below(&p, 300);
            bench_record(b, 201, record);
            if (prng_chance(&p, 300000)) {
                record = accusation_of(i, MEMBER_STATE_SUSPECT, record.generation, record.version, 202);
                bench_record(b, 202, record);
            }
        }
        bench_clear(b);
        bench_run(b, 3 * SECOND);
        size_t packets = 0;
        for (size_t i = 0; i < b->effects.count; i++) {
            const struct swim_effect *e = &b->effects.data[i];
            if (e->kind != SWIM_SEND)
                continue;
            packets++;
            cr_assert_leq(e->packet.size, config.packet_size_max);
            struct wire_swim_packet packet;
            bench_sent(b, i, &packet);
            bool full = e->packet.size + 130 > config.packet_size_max ||
                        packet.members_count == WIRE_MEMBERS_PACKET_MAX;
            cr_assert(full, "%zu of %zu bytes", e->packet.size, config.packet_size_max);
        }
        cr_assert_gt(packets, 2);
        bench_free(b);
    }
}

/* ---- rumours ------------------------------------------------------------------------------------------- */

Test(swim_packets, a_rumour_is_told_mult_times_log_n_times) {
    static const struct {
        size_t others;
        uint32_t times;
    } rows[] = {{3, 6}, {9, 12}, {40, 12}, {99, 18}};
    for (size_t r = 0; r < 4; r++) {
        struct bench *b = bench_knowing(rows[r].others, NULL);
        spend_rumours(b);
        bench_record(b, 2, record_of(3, MEMBER_STATE_ALIVE, 1, 1));
        uint32_t told = 0;
        for (int i = 0; i < 40; i++) {
            struct wire_swim_packet ack = bench_ping_as(b, 1, ping_well());
            told += packet_record(&ack, 3) != NULL;
        }
        cr_assert_eq(told, rows[r].times, "n = %zu: %u times", rows[r].others + 1, told);
        bench_free(b);
    }
}

/* Who hears from others what it tells itself need not tell it to so many. */
Test(swim_packets, a_rumour_that_comes_back_is_told_less_often) {
    for (uint32_t echoes = 0; echoes <= 12; echoes += 4) {
        struct bench *b = bench_knowing(9, NULL);
        spend_rumours(b);
        bench_record(b, 2, record_of(3, MEMBER_STATE_ALIVE, 1, 1));
        for (uint32_t i = 0; i < echoes; i++)
            bench_record(b, 4 + i % 4, record_of(3, MEMBER_STATE_ALIVE, 1, 1));
        bench_record(b, 8, record_of(3, MEMBER_STATE_ALIVE, 1, 0)); /* older news: it has not heard */
        uint32_t told = 0;
        for (int i = 0; i < 40; i++) {
            struct wire_swim_packet ack = bench_ping_as(b, 1, ping_well());
            told += packet_record(&ack, 3) != NULL;
        }
        cr_assert_eq(told, 12 - echoes, "%u echoes: told %u times", echoes, told);
        bench_free(b);
    }
}

Test(swim_packets, a_newer_rumour_of_a_member_takes_the_place_of_the_older) {
    struct bench *b = bench_knowing(3, NULL);
    spend_rumours(b);
    bench_record(b, 2, record_of(3, MEMBER_STATE_ALIVE, 1, 1));
    bench_ping_as(b, 1, ping_well());
    bench_ping_as(b, 1, ping_well());
    bench_clear(b);
    bench_record(b, 2, accusation_of(3, MEMBER_STATE_SUSPECT, 1, 1, 2));
    struct wire_swim_packet looked;
    uint32_t told = bench_sent(b, 0, &looked) != SIZE_MAX; /* the suspect may be pinged at once */
    for (int i = 0; i < 20; i++) {
        struct wire_swim_packet ack = bench_ping_as(b, 1, ping_well());
        cr_assert_leq(ack.members_count, 1);
        if (ack.members_count) {
            cr_assert_eq(ack.members[0].state, MEMBER_STATE_SUSPECT);
            cr_assert(id_same(ack.members[0].from, node_id_of(2)));
            told++;
        }
    }
    cr_assert_eq(told, 6);
    bench_free(b);
}

Test(swim_packets, rumours_told_least_often_go_first) {
    enum { N = 39 };
    struct bench *b = bench_knowing(N, &(struct swim_config){.packet_size_max = SWIM_PACKET_SIZE_MIN});
    spend_rumours(b);
    for (uint32_t i = 2; i <= N; i++)
        bench_record(b, i, record_of(i, MEMBER_STATE_ALIVE, 1, 1));
    uint32_t told[N + 1] = {0};
    for (int i = 0; i < 12; i++) {
        struct wire_swim_packet ack = bench_ping_as(b, 1, ping_well());
        uint32_t least = UINT32_MAX, most = 0;
        for (size_t k = 0; k < ack.members_count; k++)
            told[ack.members[k].id.b[2]]++;
        for (size_t k = 2; k <= N; k++) {
            least = told[k] < least ? told[k] : least;
            most = told[k] > most ? told[k] : most;
        }
        cr_assert(ack.members_count >= 10 && ack.members_count < N - 1, "%zu", ack.members_count);
        cr_assert_leq(most - least, 1, "one was told %u times, another %u", most, least);
    }
    /* A new one overtakes those that were told before. */
    bench_record(b, 2, accusation_of(9, MEMBER_STATE_DEAD, 1, 1, 2));
    struct wire_swim_packet ack = bench_ping_as(b, 1, ping_well());
    cr_assert(ack.members_count && id_same(ack.members[0].id, node_id_of(9)));
    bench_free(b);
}

/* It pings us, so it knows us, but we missed that it came. */
Test(swim_packets, the_ack_to_a_stranger_asks_who_it_is) {
    struct bench *b = bench_knowing(1, NULL);
    struct wire_swim_packet ack = bench_ping_as(b, 7, ping_well());
    cr_assert(ack.ping && id_same(ack.ping->target, node_id_of(7)));
    cr_assert(ack.ping->generation == 0 && ack.ping->version == 0);
    ack = bench_ping_as(b, 1, ping_well());
    cr_assert_null(ack.ping);
    bench_free(b);
}

/* Pings of a node in trouble are rare: what it knows goes out all the same, and ends. */
Test(swim_packets, news_goes_out_without_pings_while_there_is_any) {
    struct bench *b =
        bench_knowing(9, &(struct swim_config){.period_us = 60 * SECOND, .probe_timeout_us = 20 * SECOND});
    b->now_us += 1;
    spend_rumours(b);
    bench_record(b, 2, record_of(3, MEMBER_STATE_ALIVE, 1, 1));
    bench_clear(b);
    bench_run(b, 100 * SECOND);
    struct wire_swim_packet packet;
    size_t alone = 0;
    for (size_t i = 0; (i = bench_sent(b, i, &packet)) != SIZE_MAX; i++) {
        bool bare = !packet.ping && !packet.ping_req && !packet.ack && !packet.nack && !packet.sum;
        cr_assert(!bare || packet_record(&packet, 3), "no empty packet");
        alone += bare;
    }
    cr_assert(alone >= 6 && alone <= 12, "%zu", alone); /* the draws of node 3 itself send nothing */
    bench_free(b);
}

Test(swim_packets, nobody_is_told_that_it_lives) {
    struct bench *b = bench_knowing(3, NULL);
    bench_record(b, 2, record_of(3, MEMBER_STATE_ALIVE, 1, 1));
    struct wire_swim_packet ack = bench_ping_as(b, 3, ping_well());
    cr_assert_null(packet_record(&ack, 3));
    cr_assert_not_null(packet_record(&ack, 2));
    bench_free(b);
}

/* ---- one hop ------------------------------------------------------------------------------------------- */

Test(swim_packets, a_ping_says_what_is_believed_of_its_target_and_tells_a_suspect_first) {
    struct bench *b = bench_knowing(3, NULL);
    bench_record(b, 2, record_of(1, MEMBER_STATE_ALIVE, 4, 7));
    bench_record(b, 2, accusation_of(1, MEMBER_STATE_SUSPECT, 4, 7, 2));
    for (int spent = 0; spent < 2; spent++) {
        struct wire_swim_packet packet;
        bench_kind(b, SWIM_ALIVE_HINT, 1); /* in case that it is being probed */
        bench_clear(b);
        bench_kind(b, SWIM_PROBE, 1);
        cr_assert_neq(bench_sent(b, 0, &packet), SIZE_MAX);
        cr_assert_eq(packet.ping->state, MEMBER_STATE_SUSPECT);
        cr_assert(packet.ping->generation == 4 && packet.ping->version == 7);
        cr_assert_gt(packet.members_count, 0);
        cr_assert(id_same(packet.members[0].id, node_id_of(1)));
        cr_assert_eq(packet.members[0].state, MEMBER_STATE_SUSPECT);
        cr_assert(id_same(packet.members[0].from, node_id_of(2)));
        bench_kind(b, SWIM_ALIVE_HINT, 1);
        spend_rumours(b); /* the second time, when the rumour of it is spent */
    }
    bench_free(b);
}

Test(swim_packets, a_wrong_belief_in_a_ping_is_put_right_by_the_ack) {
    struct bench *b = bench_knowing(3, NULL);
    spend_rumours(b);
    struct wire_ping ping = ping_well();
    ping.state = MEMBER_STATE_SUSPECT;
    struct wire_swim_packet ack = bench_ping_as(b, 2, ping);
    cr_assert(ack.members_count && id_same(ack.members[0].id, node_id_of(0)));
    cr_assert(ack.members[0].state == MEMBER_STATE_ALIVE && ack.members[0].version == 1);
    cr_assert_eq(bench_events(b, SWIM_SELF_REFUTED, 0), 1);
    spend_rumours(b);
    /* Behind, but with no accusation: it is told, and nothing is raised. */
    ack = bench_ping_as(b, 2, ping_well());
    cr_assert(ack.members_count && ack.members[0].version == 1);
    ping.state = MEMBER_STATE_DEAD;
    ping.version = 0;
    ack = bench_ping_as(b, 2, ping);
    cr_assert(ack.members_count && ack.members[0].version == 1);
    ping = ping_well();
    ping.version = 1;
    ack = bench_ping_as(b, 2, ping);
    cr_assert_eq(ack.members_count, 0, "right: nothing to add");
    bench_free(b);
}

Test(swim_packets, a_ping_that_knows_a_later_generation_raises_it) {
    struct bench *b = bench_knowing(1, NULL);
    struct wire_ping ping = ping_well();
    ping.generation = 6;
    ping.version = 3;
    struct wire_swim_packet ack = bench_ping_as(b, 1, ping);
    cr_assert_eq(bench_events(b, SWIM_GENERATION, 0), 1);
    cr_assert_eq(bench_member(b, 0).generation, 7);
    cr_assert(ack.members_count && ack.members[0].generation == 7);
    bench_free(b);
}

Test(swim_packets, a_ping_for_somebody_else_is_dropped) {
    struct bench *b = bench_knowing(1, NULL);
    struct wire_ping ping = {.seq = 3, .target = node_id_of(5)};
    struct wire_swim_packet packet;
    bench_packet(b, 1, &(struct wire_swim_packet){.ping = &ping});
    cr_assert_eq(bench_sent(b, 0, &packet), SIZE_MAX);
    bench_free(b);
}

Test(swim_packets, whoever_is_held_dead_or_suspect_and_heard_from_is_told_once_a_period) {
    static const enum member_state states[] = {MEMBER_STATE_SUSPECT, MEMBER_STATE_DEAD, MEMBER_STATE_LEFT};
    for (int i = 0; i < 3; i++) {
        struct bench *b = bench_knowing(3, NULL);
        if (states[i] == MEMBER_STATE_DEAD)
            bench_declare_dead(b, 1, 1, 5);
        else
            bench_record(b, 2, accusation_of(1, states[i], 1, 5, 2));
        b->now_us += SECOND / 2;
        size_t told = 0;
        for (int k = 0; k < 100; k++) {
            struct wire_swim_packet packet;
            struct wire_nack nothing = {.seq = 12345, .target = node_id_of(3)};
            bench_clear(b);
            bench_packet(b, 1, &(struct wire_swim_packet){.nack = &nothing});
            if (bench_sent(b, 0, &packet) != SIZE_MAX) {
                told++;
                cr_assert(id_same(b->effects.data[0].to, node_id_of(1)));
                cr_assert(packet.members_count && id_same(packet.members[0].id, node_id_of(1)));
                cr_assert_eq(packet.members[0].state, states[i]);
                cr_assert_eq(packet.members[0].version, 5);
            }
            b->now_us += 12 * MS; /* 1.2 s in all */
        }
        cr_assert(told == 2 || told == 3, "told %zu times", told);
        bench_free(b);
    }
}

Test(swim_packets, a_member_behind_its_own_past_is_told_of_it) {
    struct bench *b = bench_knowing(3, NULL);
    bench_record(b, 2, record_of(1, MEMBER_STATE_ALIVE, 5, 2));
    bench_clear(b);
    b->now_us += SECOND / 2;
    bench_record(b, 1, record_of(1, MEMBER_STATE_ALIVE, 1, 0));
    struct wire_swim_packet packet;
    cr_assert_neq(bench_sent(b, 0, &packet), SIZE_MAX);
    const struct wire_member *record = packet_record(&packet, 1);
    cr_assert(record && record->generation == 5 && record->version == 2);
    bench_free(b);
}

/* Somebody else gossips that node 1 lives: it is asked itself, at the address of that word. */
Test(swim_packets, a_stale_alive_of_a_dead_member_is_put_to_the_member_itself) {
    struct bench *b = bench_knowing(3, NULL);
    bench_declare_dead(b, 1, 5, 2);
    bench_clear(b);
    b->now_us += SECOND / 2;
    struct wire_member stale = record_of(1, MEMBER_STATE_ALIVE, 2, 0);
    stale.addr = addr_of(77);
    for (int i = 0; i < 5; i++)
        bench_record(b, 3, stale);
    struct wire_swim_packet packet;
    size_t at = bench_sent(b, 0, &packet);
    cr_assert_neq(at, SIZE_MAX);
    cr_assert(id_same(b->effects.data[at].to, node_id_of(1)));
    cr_assert(addr_equal(&b->effects.data[at].addr, &stale.addr));
    cr_assert(packet.members_count && packet.members[0].state == MEMBER_STATE_DEAD);
    cr_assert_eq(bench_sent(b, at + 1, &packet), SIZE_MAX, "once a period");
    bench_free(b);
}

Test(swim_packets, who_accuses_this_node_is_answered_in_one_hop) {
    struct bench *b = bench_knowing(3, NULL);
    spend_rumours(b);
    bench_record(b, 2, accusation_of(0, MEMBER_STATE_DEAD, 1, 3, 3));
    struct wire_swim_packet packet;
    size_t at = bench_sent(b, 0, &packet);
    cr_assert(at != SIZE_MAX && id_same(b->effects.data[at].to, node_id_of(2)));
    const struct wire_member *record = packet_record(&packet, 0);
    cr_assert(record && record->state == MEMBER_STATE_ALIVE && record->version == 4);
    bench_free(b);
}

/* Cut off, it has called all others dead and had nobody to tell. Back again it must not spread that. */
Test(swim_packets, what_was_concluded_alone_is_not_told_on) {
    struct bench *b = bench_knowing(4, NULL);
    bench_run(b, 180 * SECOND);
    cr_assert_eq(swim_alive_count(b->swim), 1);
    struct wire_swim_packet ack = bench_ping_as(b, 1, ping_well());
    for (size_t i = 2; i <= 4; i++)
        cr_assert_null(packet_record(&ack, i));
    cr_assert_eq(bench_member(b, 1).state, MEMBER_STATE_ALIVE, "who pings lives: the verdict is old");
    bench_free(b);
}

/* Not left to one rumour: who leaves may be gone in the next moment. */
Test(swim_packets, who_leaves_tells_many_twice) {
    struct bench *b = bench_knowing(20, NULL);
    spend_rumours(b);
    bench_kind(b, SWIM_LEAVE, SIZE_MAX);
    for (int burst = 0; burst < 2; burst++) {
        struct wire_swim_packet packet;
        bool told[21] = {false};
        size_t count = 0;
        for (size_t i = 0; (i = bench_sent(b, i, &packet)) != SIZE_MAX; i++) {
            cr_assert(packet.members_count && id_same(packet.members[0].id, node_id_of(0)));
            cr_assert_eq(packet.members[0].state, MEMBER_STATE_LEFT);
            count += !told[b->effects.data[i].to.b[2]];
            told[b->effects.data[i].to.b[2]] = true;
        }
        cr_assert(burst ? count >= 12 : count == 12, "burst %d: told %zu", burst, count);
        cr_assert_not(swim_leave_done(b->swim));
        bench_clear(b);
        bench_run(b, 201 * MS);
    }
    bench_run(b, 201 * MS);
    cr_assert(swim_leave_done(b->swim));
    bench_free(b);
}

Test(swim_packets, who_tells_an_accusation_refuted_long_ago_is_told_so) {
    struct bench *b = bench_knowing(3, NULL);
    bench_record(b, 2, accusation_of(0, MEMBER_STATE_SUSPECT, 1, 3, 2));
    spend_rumours(b);
    bench_record(b, 3, accusation_of(0, MEMBER_STATE_SUSPECT, 1, 3, 2));
    struct wire_swim_packet packet;
    size_t at = bench_sent(b, 0, &packet);
    cr_assert(at != SIZE_MAX && id_same(b->effects.data[at].to, node_id_of(3)));
    const struct wire_member *record = packet_record(&packet, 0);
    cr_assert(record && record->version == 4);
    cr_assert_eq(bench_member(b, 0).version, 4);
    bench_free(b);
}

/* One that was stopped finds the same accusation in all that came meanwhile; and a liar is no reason to
 * shout. */
Test(swim_packets, one_accusation_told_a_hundred_times_is_answered_once_a_period) {
    struct bench *b = bench_knowing(3, NULL);
    bench_record(b, 2, accusation_of(0, MEMBER_STATE_SUSPECT, 1, 3, 2));
    spend_rumours(b);
    for (int period = 0; period < 3; period++) {
        bench_run(b, 1001 * MS);
        bench_clear(b);
        for (int i = 0; i < 100; i++)
            bench_record(b, 3, accusation_of(0, MEMBER_STATE_SUSPECT, 1, 3, 2));
        struct wire_swim_packet packet;
        size_t answers = 0;
        for (size_t i = 0; (i = bench_sent(b, i, &packet)) != SIZE_MAX; i++)
            answers += id_same(b->effects.data[i].to, node_id_of(3));
        cr_assert_eq(answers, 1);
    }
    bench_free(b);
}

/* Else it would miss all that happens meanwhile, the refutations of others among it. */
Test(swim_packets, a_suspect_is_told_the_news_too) {
    struct bench *b = bench_knowing(2, NULL);
    spend_rumours(b);
    bench_record(b, 2, accusation_of(1, MEMBER_STATE_SUSPECT, 1, 0, 2));
    bench_clear(b);
    bench_run(b, 400 * MS);
    struct wire_swim_packet packet;
    size_t told = 0;
    for (size_t i = 0; (i = bench_sent(b, i, &packet)) != SIZE_MAX; i++)
        told += !packet.ping && !packet.ping_req && id_same(b->effects.data[i].to, node_id_of(1));
    cr_assert_gt(told, 0);
    bench_free(b);
}

/* ---- strange packets ----------------------------------------------------------------------------------- */

static void check_unchanged(struct bench *b, size_t members) {
    cr_assert_eq(swim_members_count(b->swim), members);
    cr_assert_eq(b->effects.count, 0);
}

Test(swim_packets, truncated_and_random_packets_are_refused_and_change_nothing) {
    struct bench *b = bench_knowing(3, NULL);
    struct wire_member records[2] = {record_of(8, MEMBER_STATE_ALIVE, 1, 0),
                                     accusation_of(1, MEMBER_STATE_DEAD, 9, 9, 3)};
    struct wire_ping ping = {.seq = 1, .target = node_id_of(0)};
    struct wire_swim_packet packet = {.ping = &ping, .members = records, .members_count = 2};
    struct buf bytes = {0};
    codec_encode(&wire_swim_packet_type, &packet, &bytes);
    struct swim_input in = {.kind = SWIM_PACKET, .from = node_id_of(2), .addr = addr_of(2)};
    for (size_t cut = 0; cut < bytes.size; cut++) {
        /* A copy of exactly that size: reading past it is seen by the sanitizer. */
        uint8_t *exact = mem_alloc(cut + 1);
        memcpy(exact, bytes.data, cut);
        exact = mem_realloc(exact, cut ? cut : 1);
        in.packet = bytes_of(exact, cut);
        for (int stream = 0; stream < 2; stream++) {
            in.kind = stream ? SWIM_SYNC : SWIM_PACKET;
            cr_assert_eq(bench_feed(b, &in), ERR_INVALID, "%zu bytes", cut);
            check_unchanged(b, 4);
        }
        mem_free(exact);
    }
    struct prng p;
    prng_init(&p, 11);
    uint8_t noise[200];
    in.kind = SWIM_PACKET;
    for (int i = 0; i < 20000; i++) {
        prng_fill(&p, noise, sizeof noise);
        in.packet = bytes_of(noise, 1 + (size_t)prng_below(&p, sizeof noise));
        noise[0] = (uint8_t)(0x80 | (noise[0] & 7));
        if (bench_feed(b, &in) != 0)
            check_unchanged(b, 4);
    }
    buf_done(&bytes);
    bench_free(b);
}

/*
 * Single bytes changed: whatever it is taken for, nothing breaks, and this node stays alive in its own
 * view.
 */
Test(swim_packets, corrupted_packets_break_nothing) {
    struct prng p;
    prng_init(&p, 12);
    for (int i = 0; i < 3000; i++) {
        struct bench *b = bench_knowing(3, NULL);
        struct arena arena = {0};
        struct wire_swim_packet packet;
        struct buf bytes = {0};
        codec_random(&wire_swim_packet_type, &p, &arena, &packet, 70);
        codec_encode(&wire_swim_packet_type, &packet, &bytes);
        if (bytes.size && i % 2)
            bytes.data[prng_below(&p, bytes.size)] ^= (uint8_t)(1 + prng_below(&p, 255));
        bench_feed(b, &(struct swim_input){.kind = SWIM_PACKET,
                                           .from = node_id_of(2),
                                           .addr = addr_of(2),
                                           .packet = buf_bytes(&bytes)});
        bench_run(b, SECOND);
        cr_assert_eq(bench_member(b, 0).state, MEMBER_STATE_ALIVE);
        buf_done(&bytes);
        arena_done(&arena);
        bench_free(b);
    }
}

Test(swim_packets, a_packet_from_nobody_or_from_this_node_is_refused) {
    struct bench *b = bench_knowing(1, NULL);
    struct wire_ping ping = {.seq = 1, .target = node_id_of(0)};
    cr_assert_eq(bench_packet(b, 0, &(struct wire_swim_packet){.ping = &ping}), ERR_INVALID);
    struct buf bytes = {0};
    codec_encode(&wire_swim_packet_type, &(struct wire_swim_packet){.ping = &ping}, &bytes);
    struct swim_input in = {.kind = SWIM_PACKET, .addr = addr_of(2), .packet = buf_bytes(&bytes)};
    cr_assert_eq(bench_feed(b, &in), ERR_INVALID);
    check_unchanged(b, 2);
    buf_done(&bytes);
    bench_free(b);
}

/* ---- limits, contacts ---------------------------------------------------------------------------------- */

static size_t syncs_to(struct bench *b, size_t member) {
    size_t count = 0;
    struct addr addr = addr_of(member);
    for (size_t i = 0; i < b->effects.count; i++)
        count += b->effects.data[i].kind == SWIM_SYNC_SEND && addr_equal(&b->effects.data[i].addr, &addr);
    return count;
}

/* It may have said last where it is, or the committed table: nobody knows which is right. */
Test(swim_packets, a_dead_member_is_tried_at_its_own_address_and_at_that_of_the_table) {
    struct swim_input in = {.kind = SWIM_CONTACT, .from = node_id_of(1), .addr = addr_of(77)};
    for (int told_alive = 0; told_alive < 2; told_alive++) {
        struct bench *b = bench_knowing(1, NULL);
        if (told_alive)
            bench_feed(b, &in);
        bench_declare_dead(b, 1, 1, 0);
        if (!told_alive)
            bench_feed(b, &in);
        bench_clear(b);
        bench_run(b, 100 * SECOND);
        cr_assert(syncs_to(b, 1) >= 3 && syncs_to(b, 77) >= 3, "%zu, %zu", syncs_to(b, 1), syncs_to(b, 77));
        bench_free(b);
    }
}
