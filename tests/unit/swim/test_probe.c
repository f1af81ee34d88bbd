/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * One core: probes, helpers, nacks, health. Node 1 is the target, probed by SWIM_PROBE so that it is
 * known when.
 */

#include "harness.h"

#define PERIOD  (500 * MS)
#define TIMEOUT (200 * MS)

static struct bench *knowing(size_t others) {
    struct bench *b = bench_new(NULL);
    for (size_t i = 1; i <= others; i++)
        bench_record(b, i, record_of(i, MEMBER_STATE_ALIVE, 1, 0));
    bench_clear(b);
    return b;
}

/* Probes node 1 at once; the sequence number of the ping. */
static uint32_t probe_one(struct bench *b) {
    struct wire_swim_packet packet;
    bench_clear(b);
    bench_kind(b, SWIM_PROBE, 1);
    cr_assert_neq(bench_sent(b, 0, &packet), SIZE_MAX);
    cr_assert(packet.ping && id_same(packet.ping->target, node_id_of(1)));
    return packet.ping->seq;
}

static int ack(struct bench *b, size_t from, uint32_t seq) {
    struct wire_ack a = {.seq = seq, .target = node_id_of(1)};
    return bench_packet(b, from, &(struct wire_swim_packet){.ack = &a});
}

static int nack(struct bench *b, size_t from, uint32_t seq) {
    struct wire_nack n = {.seq = seq, .target = node_id_of(1)};
    return bench_packet(b, from, &(struct wire_swim_packet){.nack = &n});
}

/* Answers all pings of the round robin, so that only the probe under test can fail. */
static void run_answering(struct bench *b, int64_t us) {
    int64_t until_us = b->now_us + us;
    while (b->now_us < until_us) {
        size_t from = b->effects.count;
        bench_run(b, MS);
        struct wire_swim_packet packet;
        for (size_t i = from; (i = bench_sent(b, i, &packet)) != SIZE_MAX; i++) {
            if (packet.ping && !id_same(packet.ping->target, node_id_of(1))) {
                struct wire_ack a = {.seq = packet.ping->seq, .target = packet.ping->target};
                bench_packet(b, packet.ping->target.b[2], &(struct wire_swim_packet){.ack = &a});
            }
        }
    }
}

static size_t helpers_asked(struct bench *b, uint32_t seq, struct wire_ping_req *ret_one, size_t asked[8]) {
    struct wire_swim_packet packet;
    size_t count = 0;
    for (size_t i = 0; (i = bench_sent(b, i, &packet)) != SIZE_MAX; i++) {
        if (packet.ping_req && packet.ping_req->seq == seq) {
            *ret_one = *packet.ping_req;
            asked[count++] = b->effects.data[i].to.b[2];
        }
    }
    return count;
}

Test(swim_probe, after_the_timeout_three_others_are_asked_with_the_rest_of_the_period) {
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct bench *b = bench_new(&(struct swim_config){.seed = seed});
        for (size_t i = 1; i <= 6; i++)
            bench_record(b, i, record_of(i, MEMBER_STATE_ALIVE, 1, 0));
        struct wire_ping_req req = {0};
        size_t asked[8];
        uint32_t seq = probe_one(b);
        run_answering(b, TIMEOUT - 2 * MS);
        cr_assert_eq(helpers_asked(b, seq, &req, asked), 0);
        run_answering(b, 4 * MS);
        cr_assert_eq(helpers_asked(b, seq, &req, asked), 3);
        cr_assert(id_same(req.target, node_id_of(1)));
        cr_assert_eq(req.budget_ms, (PERIOD - TIMEOUT) / MS);
        struct addr target = addr_of(1);
        cr_assert(addr_equal(&req.addr, &target));
        for (int i = 0; i < 3; i++)
            cr_assert(asked[i] != 1 && asked[i] != asked[(i + 1) % 3]);
        bench_free(b);
    }
}

/* A draw that may miss somebody makes a small group blame those whom the one missed could have reached. */
Test(swim_probe, with_as_few_others_as_helpers_each_is_asked) {
    for (uint64_t seed = 1; seed <= 100; seed++) {
        for (size_t others = 2; others <= 4; others++) {
            struct bench *b = bench_new(&(struct swim_config){.seed = seed});
            for (size_t i = 1; i <= others; i++)
                bench_record(b, i, record_of(i, MEMBER_STATE_ALIVE, 1, 0));
            struct wire_ping_req req = {0};
            size_t asked[8];
            uint32_t seq = probe_one(b);
            run_answering(b, TIMEOUT + 2 * MS);
            cr_assert_eq(helpers_asked(b, seq, &req, asked), others - 1, "seed %lu", (unsigned long)seed);
            bench_free(b);
        }
    }
}

Test(swim_probe, without_any_ack_the_target_is_suspect_at_the_end_of_the_period) {
    struct bench *b = knowing(6);
    probe_one(b);
    run_answering(b, PERIOD - MS);
    cr_assert_eq(bench_member(b, 1).state, MEMBER_STATE_ALIVE);
    run_answering(b, 2 * MS);
    cr_assert_eq(bench_member(b, 1).state, MEMBER_STATE_SUSPECT);
    bench_free(b);
}

Test(swim_probe, an_ack_of_the_target_or_of_an_asked_helper_saves_it) {
    for (int by_helper = 0; by_helper < 2; by_helper++) {
        struct bench *b = knowing(6);
        struct wire_ping_req req;
        size_t asked[8] = {1};
        uint32_t seq = probe_one(b);
        run_answering(b, TIMEOUT + 50 * MS);
        if (by_helper)
            cr_assert_eq(helpers_asked(b, seq, &req, asked), 3);
        ack(b, asked[0], seq);
        run_answering(b, PERIOD);
        cr_assert_eq(bench_events(b, SWIM_SUSPECTED, 1), 0);
        bench_free(b);
    }
}

Test(swim_probe, an_ack_of_somebody_else_or_of_another_ping_does_not_save_it) {
    struct bench *b = knowing(2);
    uint32_t seq = probe_one(b);
    ack(b, 2, seq); /* was not asked yet */
    ack(b, 1, seq + 100);
    struct wire_ack other = {.seq = seq, .target = node_id_of(2)};
    bench_packet(b, 1, &(struct wire_swim_packet){.ack = &other});
    run_answering(b, PERIOD + MS);
    cr_assert_eq(bench_events(b, SWIM_SUSPECTED, 1), 1);
    bench_free(b);
}

Test(swim_probe, a_stream_from_the_target_is_as_good_as_an_ack) {
    struct bench *b = knowing(6);
    probe_one(b);
    bench_kind(b, SWIM_ALIVE_HINT, 1);
    run_answering(b, PERIOD + MS);
    cr_assert_eq(bench_events(b, SWIM_SUSPECTED, 1), 0);
    cr_assert_gt(bench_member(b, 1).last_ack_us, 0);
    bench_free(b);
}

Test(swim_probe, asked_twice_at_once_it_probes_once) {
    struct bench *b = knowing(6);
    struct wire_swim_packet packet;
    probe_one(b);
    bench_clear(b);
    bench_kind(b, SWIM_PROBE, 1);
    cr_assert_eq(bench_sent(b, 0, &packet), SIZE_MAX);
    bench_free(b);
}

/* ---- health -------------------------------------------------------------------------------------------- */

/* A well node whose probe of node 1 fails; `nacks` of its 3 helpers say that they are well. */
static uint32_t health_after_failure(size_t nacks) {
    struct bench *b = knowing(6);
    struct wire_ping_req req;
    size_t asked[8];
    uint32_t seq = probe_one(b);
    run_answering(b, TIMEOUT + MS);
    cr_assert_eq(helpers_asked(b, seq, &req, asked), 3);
    for (size_t i = 0; i < nacks; i++)
        nack(b, asked[i], seq);
    run_answering(b, PERIOD - TIMEOUT - MS);
    while (b->now_us < 1000 * SECOND + PERIOD)
        bench_run(b, 1);
    cr_assert_eq(bench_member(b, 1).state, MEMBER_STATE_SUSPECT);
    uint32_t health = swim_health(b->swim);
    bench_free(b);
    return health;
}

Test(swim_probe, a_failed_probe_costs_health_by_the_nacks_that_are_missed) {
    cr_assert_eq(health_after_failure(3), 0, "the helpers are well, and so are we");
    cr_assert_eq(health_after_failure(2), 1);
    cr_assert_eq(health_after_failure(0), 3);
}

Test(swim_probe, health_goes_up_to_its_ceiling_and_down_to_zero) {
    struct bench *b = knowing(1);
    uint32_t worst = 0;
    for (uint32_t i = 0; i < 20; i++) {
        bench_record(b, 1, accusation_of(0, MEMBER_STATE_SUSPECT, 1, i, 1));
        worst = swim_health(b->swim);
    }
    cr_assert_eq(worst, 8);
    bench_clear(b);
    uint32_t seq = 0;
    for (int i = 0; i < 20; i++) {
        struct wire_swim_packet packet;
        size_t at;
        do {
            bench_clear(b);
            bench_run(b, 50 * MS);
            at = bench_sent(b, 0, &packet);
        } while (at == SIZE_MAX || !packet.ping || packet.ping->seq == seq);
        seq = packet.ping->seq;
        ack(b, 1, seq);
        cr_assert_eq(swim_health(b->swim), i < 8 ? 7u - (unsigned)i : 0u);
    }
    bench_free(b);
}

/* The time between two pings of the round robin, and between a ping and its ping_req. */
Test(swim_probe, period_and_timeout_are_multiplied_by_health_plus_one) {
    struct bench *b = knowing(12);
    for (uint32_t i = 0; i < 3; i++)
        bench_record(b, 2, accusation_of(0, MEMBER_STATE_SUSPECT, 1, i, 2));
    bench_run(b, 2 * SECOND); /* whatever period was under way ends: its failure makes the health 4 or 5 */
    for (uint32_t i = 3; i < 12; i++)
        bench_record(b, 2, accusation_of(0, MEMBER_STATE_SUSPECT, 1, i, 2));
    cr_assert_eq(swim_health(b->swim), 8);
    bench_run(b, 5 * SECOND);
    int64_t pings[8], reqs[8];
    size_t pings_count = 0, reqs_count = 0;
    bench_clear(b);
    while (pings_count < 3) {
        struct wire_swim_packet packet;
        bench_run(b, 10 * MS);
        for (size_t i = 0; (i = bench_sent(b, i, &packet)) != SIZE_MAX; i++) {
            if (packet.ping && packet.ping->state == MEMBER_STATE_ALIVE)
                pings[pings_count++] = b->now_us;
            if (packet.ping_req && reqs_count < 8)
                reqs[reqs_count++] = b->now_us;
        }
        bench_clear(b);
    }
    cr_assert(pings[2] - pings[1] > 9 * PERIOD - 20 * MS && pings[2] - pings[1] < 9 * PERIOD + 20 * MS);
    bool nine_timeouts = false;
    for (size_t i = 0; i < reqs_count; i++)
        nine_timeouts |=
            reqs[i] - pings[0] > 9 * TIMEOUT - 20 * MS && reqs[i] - pings[0] < 9 * TIMEOUT + 20 * MS;
    cr_assert(nine_timeouts);
    bench_free(b);
}

Test(swim_probe, the_timeout_follows_the_round_trip_within_its_bounds) {
    static const struct { int64_t rtt_ms, timeout_ms; } rows[] = {{1, 50}, {40, 50}, {150, 160}, {245, 250}};
    for (size_t r = 0; r < 4; r++) {
        struct bench *b = knowing(6);
        for (int i = 0; i < 12; i++) {
            uint32_t seq = probe_one(b);
            run_answering(b, rows[r].rtt_ms * MS);
            ack(b, 1, seq);
            bench_kind(b, SWIM_ALIVE_HINT, 1); /* ends a probe of the round robin, too */
            run_answering(b, 400 * MS);
            bench_kind(b, SWIM_ALIVE_HINT, 1);
        }
        int64_t rtt_us = bench_member(b, 1).rtt_us;
        cr_assert(rtt_us > (rows[r].rtt_ms - 1) * MS && rtt_us < (rows[r].rtt_ms + 2) * MS);
        struct wire_ping_req req;
        size_t asked[8];
        uint32_t seq = probe_one(b);
        int64_t waited_ms = 0;
        while (helpers_asked(b, seq, &req, asked) == 0) {
            run_answering(b, MS);
            waited_ms++;
        }
        cr_assert(waited_ms >= rows[r].timeout_ms - 12 && waited_ms <= rows[r].timeout_ms + 12,
                  "round trip %lld ms: timeout %lld ms", (long long)rows[r].rtt_ms, (long long)waited_ms);
        bench_free(b);
    }
}

/* Whoever was never probed is expected to answer as the others do (SWIM 3.1: the average of all). */
Test(swim_probe, the_timeout_of_a_stranger_is_that_of_all) {
    struct bench *b = knowing(6);
    for (int i = 0; i < 1000; i++) {
        run_answering(b, 10 * MS);
        bench_kind(b, SWIM_ALIVE_HINT, 1); /* it lives, but never acks */
    }
    cr_assert_eq(bench_member(b, 1).rtt_us, 0);
    struct wire_ping_req req;
    size_t asked[8];
    uint32_t seq = probe_one(b);
    int64_t waited_ms = 0;
    for (; helpers_asked(b, seq, &req, asked) == 0; waited_ms++)
        run_answering(b, MS);
    cr_assert_leq(waited_ms, TIMEOUT / 4 / MS + 2, "%lld ms", (long long)waited_ms);
    bench_free(b);
}

/* ---- helping ------------------------------------------------------------------------------------------- */

static uint32_t ask_for_help(struct bench *b, uint32_t seq, uint32_t budget_ms) {
    struct wire_ping_req req = {
        .seq = seq, .target = node_id_of(1), .addr = addr_of(1), .budget_ms = budget_ms};
    struct wire_swim_packet packet;
    bench_clear(b);
    bench_packet(b, 2, &(struct wire_swim_packet){.ping_req = &req});
    size_t at = bench_sent(b, 0, &packet);
    cr_assert(at != SIZE_MAX && packet.ping && id_same(packet.ping->target, node_id_of(1)));
    struct addr target = addr_of(1);
    cr_assert(addr_equal(&b->effects.data[at].addr, &target));
    bench_clear(b);
    return packet.ping->seq;
}

static void count_answers(struct bench *b, uint32_t seq, size_t *acks, size_t *nacks) {
    struct wire_swim_packet packet;
    *acks = *nacks = 0;
    for (size_t i = 0; (i = bench_sent(b, i, &packet)) != SIZE_MAX; i++) {
        bool to_asker = id_same(b->effects.data[i].to, node_id_of(2));
        *acks +=
            packet.ack && to_asker && packet.ack->seq == seq && id_same(packet.ack->target, node_id_of(1));
        *nacks += packet.nack && to_asker && packet.nack->seq == seq && ID_IS_ZERO(packet.nack->target);
    }
}

Test(swim_probe, a_helper_forwards_the_ack_and_sends_no_nack_then) {
    struct bench *b = knowing(2);
    size_t acks, nacks;
    uint32_t seq = ask_for_help(b, 77, 300);
    ack(b, 1, seq);
    run_answering(b, SECOND / 2);
    count_answers(b, 77, &acks, &nacks);
    cr_assert(acks == 1 && nacks == 0);
    bench_free(b);
}

Test(swim_probe, a_nack_is_sent_at_80_percent_of_the_budget_and_a_later_ack_still_forwarded) {
    struct bench *b = knowing(2);
    size_t acks, nacks;
    uint32_t seq = ask_for_help(b, 77, 300);
    run_answering(b, 239 * MS);
    count_answers(b, 77, &acks, &nacks);
    cr_assert(acks == 0 && nacks == 0);
    run_answering(b, 2 * MS);
    count_answers(b, 77, &acks, &nacks);
    cr_assert(acks == 0 && nacks == 1);
    ack(b, 2, seq); /* not the target: nothing to forward */
    count_answers(b, 77, &acks, &nacks);
    cr_assert_eq(acks, 0);
    ack(b, 1, seq);
    run_answering(b, SECOND / 2);
    count_answers(b, 77, &acks, &nacks);
    cr_assert(acks == 1 && nacks == 1);
    bench_free(b);
}

Test(swim_probe, help_ends_with_the_budget) {
    struct bench *b = knowing(2);
    size_t acks, nacks;
    uint32_t seq = ask_for_help(b, 77, 300);
    run_answering(b, 310 * MS);
    ack(b, 1, seq);
    count_answers(b, 77, &acks, &nacks);
    cr_assert(acks == 0 && nacks == 1);
    bench_free(b);
}

/* The whole machine was stopped, the asker on it too: neither has the helper been silent, nor the target. */
Test(swim_probe, a_helper_that_was_stopped_helps_on_as_if_it_had_not_been) {
    struct bench *b = knowing(2);
    size_t acks, nacks;
    uint32_t seq = ask_for_help(b, 77, 300);
    run_answering(b, 100 * MS);
    b->now_us += 30 * SECOND;
    bench_kind(b, SWIM_TICK, SIZE_MAX);
    count_answers(b, 77, &acks, &nacks);
    cr_assert_eq(nacks, 0, "the ack may lie in the socket");
    ack(b, 1, seq);
    count_answers(b, 77, &acks, &nacks);
    cr_assert(acks == 1 && nacks == 0);
    bench_free(b);
}

Test(swim_probe, more_requests_than_can_be_helped_are_ignored) {
    struct bench *b = knowing(2);
    struct wire_ping_req req = {.target = node_id_of(1), .addr = addr_of(1), .budget_ms = UINT32_MAX};
    for (req.seq = 1; req.seq <= 2000; req.seq++)
        bench_packet(b, 2, &(struct wire_swim_packet){.ping_req = &req});
    struct wire_swim_packet packet;
    size_t pings = 0;
    for (size_t i = 0; (i = bench_sent(b, i, &packet)) != SIZE_MAX; i++)
        pings += packet.ping != NULL;
    cr_assert_eq(pings, 512);
    cr_assert_lt(swim_deadline(b->swim), b->now_us + 61 * SECOND);
    bench_free(b);
}

/* ---- suspicion ----------------------------------------------------------------------------------------- */

/*
 * Seven members: Min 2 s, Max 12 s, K 3. The time at which node 1 dies after the confirmations by
 * `accusers`.
 */
static int64_t dies_after_ms(const size_t *accusers, size_t count) {
    struct bench *b = knowing(6);
    for (size_t i = 0; i < count; i++)
        bench_record(b, 2, accusation_of(1, MEMBER_STATE_SUSPECT, 1, 0, accusers[i]));
    int64_t from_us = b->now_us;
    while (bench_events(b, SWIM_DIED, 1) == 0) {
        cr_assert_lt(b->now_us - from_us, 20 * SECOND);
        run_answering(b, 10 * MS);
        bench_kind(b, SWIM_ALIVE_HINT, 1); /* so that this node's own probes confirm nothing */
    }
    int64_t after_ms = (b->now_us - from_us) / MS;
    bench_free(b);
    return after_ms;
}

Test(swim_probe, a_suspicion_lasts_from_max_to_min_by_its_independent_accusers) {
    static const size_t accusers[] = {2, 3, 4, 5, 6};
    static const int64_t wanted_ms[] = {12000, 7000, 4075, 2000, 2000};
    for (size_t count = 1; count <= 5; count++) {
        int64_t ms = dies_after_ms(accusers, count);
        cr_assert(ms >= wanted_ms[count - 1] - 20 && ms <= wanted_ms[count - 1] + 20, "%zu accusers: %lld ms",
                  count, (long long)ms);
    }
}

Test(swim_probe, an_accuser_counts_once) {
    static const size_t accusers[] = {2, 2, 3, 3, 2};
    int64_t ms = dies_after_ms(accusers, 5);
    cr_assert(ms > 6980 && ms < 7020, "%lld ms", (long long)ms);
}

Test(swim_probe, a_confirmation_after_its_time_ends_the_suspicion_and_is_no_stall) {
    struct bench *b = knowing(6);
    bench_record(b, 2, accusation_of(1, MEMBER_STATE_SUSPECT, 1, 0, 2));
    for (int i = 0; i < 800; i++) {
        run_answering(b, 10 * MS);
        bench_kind(b, SWIM_ALIVE_HINT, 1);
    }
    cr_assert_eq(bench_events(b, SWIM_DIED, 1), 0);
    bench_record(b, 3, accusation_of(1, MEMBER_STATE_SUSPECT, 1, 0, 3)); /* 7 s, and 8 have passed */
    run_answering(b, MS);
    cr_assert_eq(bench_events(b, SWIM_DIED, 1), 1);
    cr_assert_eq(bench_events(b, SWIM_STALLED, SIZE_MAX), 0);
    bench_free(b);
}

/* The probe of memberlist is one thread: it goes on where it was stopped, and no nack has come in no time. */
Test(swim_probe, in_the_mode_of_lifeguard_who_was_stopped_is_charged_with_all_nacks) {
    struct bench *b = bench_knowing(6, &(struct swim_config){.without = SWIM_WITHOUT_LIFEGUARD});
    struct wire_swim_packet packet;
    bench_run(b, 500 * MS); /* one period: its ping is out */
    bench_clear(b);
    b->now_us += 16 * SECOND;
    bench_kind(b, SWIM_TICK, SIZE_MAX);
    size_t asked = 0;
    for (size_t i = 0; (i = bench_sent(b, i, &packet)) != SIZE_MAX; i++)
        asked += packet.ping_req != NULL;
    cr_assert_eq(asked, 3);
    cr_assert_eq(swim_health(b->swim), 3);
    cr_assert_eq(bench_events(b, SWIM_SUSPECTED, SIZE_MAX), 1);
    bench_free(b);
}

Test(swim_probe, the_first_k_confirmations_are_told_on_and_no_more) {
    struct bench *b = bench_new(&(struct swim_config){.without = SWIM_WITHOUT_LIFEGUARD});
    for (size_t i = 1; i <= 6; i++)
        bench_record(b, i, record_of(i, MEMBER_STATE_ALIVE, 1, 0));
    struct wire_swim_packet packet;
    struct wire_ping ping = {.seq = 1, .target = node_id_of(0), .generation = 1};
    for (int i = 0; i < 100; i++) /* acks carry the rumours away */
        bench_packet(b, 6, &(struct wire_swim_packet){.ping = &ping});
    for (size_t accuser = 2; accuser <= 6; accuser++) {
        bench_clear(b);
        bench_record(b, 2, accusation_of(1, MEMBER_STATE_SUSPECT, 1, 0, accuser));
        bench_clear(b);
        size_t told = 0;
        for (int i = 0; i < 20; i++) {
            bench_packet(b, 6, &(struct wire_swim_packet){.ping = &ping});
        }
        for (size_t i = 0; (i = bench_sent(b, i, &packet)) != SIZE_MAX; i++) {
            const struct wire_member *record = packet_record(&packet, 1);
            told +=
                record && record->state == MEMBER_STATE_SUSPECT && id_same(record->from, node_id_of(accuser));
        }
        cr_assert_eq(told, accuser <= 5 ? 6 : 0, "accuser %zu: told %zu times", accuser, told);
    }
    bench_free(b);
}

/* Nobody could confirm in time: with two or three members Max would only be waiting. But it is twice Min. */
Test(swim_probe, in_a_small_group_a_suspect_dies_after_min) {
    for (size_t others = 1; others <= 4; others++) {
        struct bench *b = knowing(others);
        bench_record(b, others, accusation_of(1, MEMBER_STATE_SUSPECT, 1, 0, others == 1 ? 9 : others));
        int64_t from_us = b->now_us;
        run_answering(b, 3950 * MS);
        cr_assert_eq(bench_events(b, SWIM_DIED, 1), 0);
        run_answering(b, 100 * MS);
        cr_assert_eq(bench_events(b, SWIM_DIED, 1), others <= 3, "%zu others, %lld", others,
                     (long long)from_us);
        bench_free(b);
    }
}

Test(swim_probe, a_suspicion_of_a_later_incarnation_begins_anew) {
    struct bench *b = knowing(3);
    bench_record(b, 2, accusation_of(1, MEMBER_STATE_SUSPECT, 1, 0, 2));
    run_answering(b, 3000 * MS);
    bench_record(b, 2, accusation_of(1, MEMBER_STATE_SUSPECT, 1, 1, 2));
    run_answering(b, 3000 * MS);
    cr_assert_eq(bench_events(b, SWIM_DIED, 1), 0);
    run_answering(b, 1200 * MS);
    cr_assert_eq(bench_events(b, SWIM_DIED, 1), 1);
    bench_free(b);
}

/* Unanswered, all die; each leaves the round robin from wherever it stands in it. */
Test(swim_probe, a_node_that_is_alone_all_of_a_sudden_goes_on) {
    for (uint64_t seed = 1; seed < 20; seed++) {
        struct bench *b = bench_new(&(struct swim_config){.seed = seed});
        for (size_t i = 1; i <= 9; i++)
            bench_record(b, i, record_of(i, MEMBER_STATE_ALIVE, 1, 0));
        bench_run(b, 120 * SECOND);
        cr_assert_eq(bench_events(b, SWIM_DIED, SIZE_MAX), 9);
        cr_assert_eq(swim_alive_count(b->swim), 1);
        cr_assert_eq(swim_health(b->swim), 0, "alone it is well");
        bench_free(b);
    }
}

/* The bound of the paper's section 4.3, in periods, while members come and go at random. */
Test(swim_probe, nobody_loses_a_turn_to_those_who_come_and_go) {
    enum { N = 20, PERIODS = 6000 };
    struct prng p;
    prng_init(&p, 5);
    struct bench *b = knowing(N);
    uint32_t version[N + 1] = {0};
    bool gone[N + 1] = {false};
    int last[N + 1] = {0};
    for (int period = 1; period <= PERIODS; period++) {
        struct wire_swim_packet packet;
        size_t at;
        for (at = 0; (at = bench_sent(b, at, &packet)) == SIZE_MAX || !packet.ping; at++) {
            if (at == SIZE_MAX) {
                bench_clear(b);
                bench_run(b, 50 * MS);
            }
        }
        size_t target = packet.ping->target.b[2];
        cr_assert_leq(period - last[target], 2 * N - 1, "%zu had no turn in %d periods", target,
                      period - last[target]);
        last[target] = period;
        bench_kind(b, SWIM_ALIVE_HINT, target);
        size_t k = 1 + (size_t)prng_below(&p, N);
        bool leaves = !gone[k] && prng_chance(&p, 400000);
        if (leaves || gone[k]) {
            version[k]++;
            gone[k] = leaves;
            last[k] = period;
            bench_record(b, k, record_of(k, leaves ? MEMBER_STATE_LEFT : MEMBER_STATE_ALIVE, 1, version[k]));
        }
        bench_clear(b);
    }
    bench_free(b);
}
