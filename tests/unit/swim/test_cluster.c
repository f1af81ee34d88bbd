/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Groups: joining, detection, load, refutation, leaving, stalls. */

#include "harness.h"

#define PERIOD (500 * MS)
#define ALL    SIZE_MAX

/* ---- joining ------------------------------------------------------------------------------------------- */

Test(swim_cluster, a_join_through_one_seed_reaches_all_within_log_n_periods_and_a_few) {
    static const size_t sizes[] = {2, 3, 8, 32, 100};
    for (size_t i = 0; i < 5; i++) {
        struct cluster *c = cluster_new(sizes[i] + 1, 5, NULL);
        for (size_t k = 0; k < sizes[i]; k++) {
            cluster_start(c, k);
            if (k)
                cluster_feed(c, k, SWIM_SEED, 0);
        }
        cr_assert(cluster_until(c, 30 * SECOND, cluster_converged), "%zu start together", sizes[i]);
        cluster_run(c, 15 * SECOND);
        int64_t from_us = c->now_us;
        cluster_start(c, sizes[i]);
        cluster_feed(c, sizes[i], SWIM_SEED, sizes[i] / 2);
        cr_assert(cluster_until(c, 30 * SECOND, cluster_converged));
        int64_t periods_max = 4;
        for (size_t n = sizes[i]; n > 1; n /= 2)
            periods_max++;
        cr_assert_leq(c->now_us - from_us, periods_max * PERIOD, "%zu: %lld ms", sizes[i],
                      (long long)((c->now_us - from_us) / MS));
        cr_assert_eq(cluster_count(c, SWIM_SUSPECTED, ALL, ALL, 0), 0);
        cluster_free(c);
    }
}

Test(swim_cluster, a_seed_that_starts_late_is_found) {
    struct cluster *c = cluster_new(3, 6, NULL);
    cluster_start(c, 1);
    cluster_start(c, 2);
    cluster_feed(c, 1, SWIM_SEED, 0);
    cluster_feed(c, 2, SWIM_SEED, 0);
    cluster_run(c, 600 * SECOND);
    cluster_start(c, 0);
    cr_assert(cluster_until(c, 14 * SECOND, cluster_converged));
    cluster_free(c);
}

/* A whole cluster gets its power back: everybody knows the committed table, nobody a seed. */
Test(swim_cluster, contacts_alone_bring_a_cluster_together) {
    struct cluster *c = cluster_new(20, 7, NULL);
    for (size_t i = 0; i < 20; i++) {
        cluster_start(c, i);
        for (size_t k = 0; k < 20; k++)
            cluster_feed(c, i, SWIM_CONTACT, k);
    }
    cr_assert(cluster_until(c, 5 * SECOND, cluster_converged));
    cluster_free(c);
}

/* ---- detection ----------------------------------------------------------------------------------------- */

/*
 * The paper counts periods of all members together, e / (e - 1) = 1.58 of them (section 3.1): here all
 * members tick on one grid, and the kill comes just before it.
 */
Test(swim_cluster, aligned_first_detection_takes_e_over_e_minus_1_periods_in_the_mean) {
    enum { N = 24, RUNS = 120 };
    int64_t total_us = 0;
    struct swim_config config = {.without = SWIM_LATENESS}; /* the grid makes all ticks late */
    for (uint64_t seed = 1; seed <= RUNS; seed++) {
        struct cluster *c = cluster_new(N, seed, &config);
        cluster_join_all(c);
        c->grid_us = PERIOD;
        cluster_run(c, 3 * SECOND);
        cluster_run(c, PERIOD - c->now_us % PERIOD - 5 * MS);
        int64_t from_us = c->now_us;
        cluster_kill(c, 3);
        const struct happening *first;
        while (!(first = cluster_first(c, SWIM_SUSPECTED, 3, from_us))) {
            cr_assert_lt(c->now_us, from_us + 30 * SECOND);
            cluster_run(c, 100 * MS);
        }
        total_us += first->at_us - from_us;
        cluster_free(c);
    }
    int64_t mean_us = total_us / RUNS;
    int64_t wanted_us = 1582 * PERIOD / 1000;
    cr_assert(mean_us > wanted_us * 85 / 100 && mean_us < wanted_us * 115 / 100, "%lld ms, not %lld",
              (long long)(mean_us / MS), (long long)(wanted_us / MS));
}

/*
 * Members with phases of their own: the mean wait for a probe is one period, and its verdict takes
 * another.
 */
Test(swim_cluster, unaligned_first_detection_takes_two_periods_in_the_mean) {
    enum { N = 24, RUNS = 120 };
    int64_t total_us = 0;
    struct swim_config config = {.without = SWIM_ROUND_TRIP};
    for (uint64_t seed = 1; seed <= RUNS; seed++) {
        struct cluster *c = cluster_new(N, seed, &config);
        cluster_join_all(c);
        cluster_run(c, (int64_t)(seed * 7919 % 500) * MS);
        int64_t from_us = c->now_us;
        cluster_kill(c, 3);
        const struct happening *first;
        while (!(first = cluster_first(c, SWIM_SUSPECTED, 3, from_us))) {
            cr_assert_lt(c->now_us, from_us + 30 * SECOND);
            cluster_run(c, 100 * MS);
        }
        total_us += first->at_us - from_us;
        cluster_free(c);
    }
    int64_t mean_us = total_us / RUNS;
    cr_assert(mean_us > 2 * PERIOD * 85 / 100 && mean_us < 2 * PERIOD * 115 / 100, "%lld ms",
              (long long)(mean_us / MS));
}

Test(swim_cluster, in_a_cluster_of_two_or_three_the_killed_is_dead_within_about_three_seconds) {
    struct swim_config config = {.period_us = 800 * MS, .suspicion_alpha = 1, .retransmit_mult = 4};
    for (size_t n = 2; n <= 3; n++) {
        int64_t total_us = 0, worst_us = 0;
        for (uint64_t seed = 1; seed <= 60; seed++) {
            struct cluster *c = cluster_new(n, seed, &config);
            cluster_join_all(c);
            cluster_run(c, (int64_t)(seed * 7919 % 1000) * MS);
            int64_t from_us = c->now_us;
            cluster_kill(c, 1);
            while (!cluster_all_see(c, 1, MEMBER_STATE_DEAD)) {
                cr_assert_lt(c->now_us, from_us + 10 * SECOND);
                cluster_run(c, 10 * MS);
            }
            int64_t took_us = c->now_us - from_us;
            total_us += took_us;
            worst_us = took_us > worst_us ? took_us : worst_us;
            cluster_free(c);
        }
        cr_assert_leq(total_us / 60, 3100 * MS, "%zu: mean %lld ms", n, (long long)(total_us / 60 / MS));
        cr_assert_leq(worst_us, 3800 * MS, "%zu: worst %lld ms", n, (long long)(worst_us / MS));
    }
}

/*
 * Confirmations drive the timer to Min (2.6 s at 20), and the news is everywhere shortly after the first
 * verdict.
 */
Test(swim_cluster, the_killed_is_dead_everywhere_soon_after_the_suspicion_minimum) {
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct cluster *c = cluster_new(20, seed, NULL);
        cluster_join_all(c);
        int64_t from_us = c->now_us;
        cluster_kill(c, 4);
        while (!cluster_all_see(c, 4, MEMBER_STATE_DEAD)) {
            cr_assert_lt(c->now_us, from_us + 7 * SECOND);
            cluster_run(c, 10 * MS);
        }
        const struct happening *first = cluster_first(c, SWIM_DIED, 4, from_us);
        cr_assert_geq(first->at_us - from_us, 2602 * MS, "never below Min");
        cr_assert_leq(c->now_us - first->at_us, 5 * PERIOD);
        for (size_t i = 0; i < 20; i++)
            cr_assert_eq(cluster_count(c, SWIM_DIED, ALL, i, from_us), i == 4 ? 19 : 0);
        cluster_free(c);
    }
}

/* ---- load ---------------------------------------------------------------------------------------------- */

struct probe_log {
    int64_t last_us[20][20];
    int64_t gap_max_us;
    size_t pings;
};

static void log_pings(struct cluster *c, size_t from, size_t to, const struct wire_swim_packet *packet) {
    struct probe_log *log = c->tap_data;
    if (!packet->ping)
        return;
    int64_t *last_us = &log->last_us[from][to];
    if (*last_us && c->now_us - *last_us > log->gap_max_us)
        log->gap_max_us = c->now_us - *last_us;
    *last_us = c->now_us;
    log->pings++;
}

Test(swim_cluster, idle_each_member_sends_two_messages_a_period_and_probes_everybody_in_turn) {
    enum { N = 20, PERIODS = 400 };
    struct cluster *c = cluster_new(N, 3, NULL);
    struct probe_log log = {.pings = 0};
    cluster_join_all(c);
    c->tap = log_pings;
    c->tap_data = &log;
    uint64_t sent = 0, bytes = 0;
    for (size_t i = 0; i < N; i++) {
        sent -= c->nodes[i].datagrams;
        bytes -= c->nodes[i].datagram_bytes;
    }
    cluster_run(c, PERIODS * PERIOD);
    for (size_t i = 0; i < N; i++) {
        sent += c->nodes[i].datagrams;
        bytes += c->nodes[i].datagram_bytes;
    }
    double each = (double)sent / N / PERIODS;
    cr_assert(each > 1.95 && each < 2.05, "%f messages a period", each);
    cr_assert_leq(bytes / sent, 36, "%lu bytes a message", (unsigned long)(bytes / sent));
    cr_assert_leq(log.gap_max_us, (2 * N - 1) * PERIOD, "%lld ms between two probes",
                  (long long)(log.gap_max_us / MS));
    cr_assert_gt(log.gap_max_us, N * PERIOD, "laps differ in order");
    for (size_t i = 0; i < N; i++) {
        for (size_t k = 0; k < N; k++)
            cr_assert(i == k || log.last_us[i][k] > 0);
    }
    cluster_free(c);
}

/* While members come and go everybody keeps its turn. */
Test(swim_cluster, newcomers_take_nobody_s_turn) {
    enum { N = 12 };
    struct cluster *c = cluster_new(20, 9, NULL);
    struct probe_log log = {.pings = 0};
    for (size_t i = 0; i < N; i++) {
        cluster_start(c, i);
        cluster_feed(c, i, SWIM_SEED, 0);
    }
    cluster_run(c, 20 * SECOND);
    c->tap = log_pings;
    c->tap_data = &log;
    for (int round = 0; round < 30; round++) {
        size_t k = N + (size_t)round % 8;
        if (c->nodes[k].swim)
            cluster_kill(c, k);
        else
            cluster_start(c, k);
        if (c->nodes[k].swim)
            cluster_feed(c, k, SWIM_SEED, 0);
        cluster_run(c, 3 * SECOND);
    }
    int64_t worst_us = 0;
    for (size_t i = 0; i < N; i++) {
        for (size_t k = 0; k < N; k++) {
            int64_t since_us = c->now_us - log.last_us[i][k];
            if (i != k && since_us > worst_us)
                worst_us = since_us;
        }
    }
    /* Failed probes make periods longer, so the bound in time is a loose one. */
    cr_assert_leq(worst_us, 3 * (2 * 20 - 1) * PERIOD, "%lld ms", (long long)(worst_us / MS));
    cluster_free(c);
}

/* ---- loss, cuts, refutation ---------------------------------------------------------------------------- */

Test(swim_cluster, ten_percent_loss_kills_nobody) {
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct cluster *c = cluster_new(17, seed, NULL);
        c->loss_millionths = 100000;
        cluster_join_all(c);
        cluster_run(c, 300 * SECOND);
        cr_assert_eq(cluster_count(c, SWIM_DIED, ALL, ALL, 0), 0);
        for (size_t i = 0; i < 17; i++)
            cr_assert_lt(swim_health(c->nodes[i].swim), 8);
        cluster_free(c);
    }
}

/* 0 cannot reach 1, nor hear it; the others can: indirect probes carry. */
Test(swim_cluster, a_broken_link_between_two_is_bridged_by_helpers) {
    struct cluster *c = cluster_new(6, 2, NULL);
    cluster_join_all(c);
    cluster_cut(c, 0, 1, true);
    cluster_cut(c, 1, 0, true);
    int64_t from_us = c->now_us;
    cluster_run(c, 120 * SECOND);
    cr_assert_eq(cluster_count(c, SWIM_SUSPECTED, ALL, ALL, from_us), 0);
    cluster_free(c);
}

Test(swim_cluster, a_false_suspicion_is_refuted_in_one_round_trip_of_the_suspect) {
    struct cluster *c = cluster_new(10, 4, NULL);
    cluster_join_all(c);
    int64_t from_us = c->now_us;
    cluster_pause(c, 5);
    while (!cluster_first(c, SWIM_SUSPECTED, 5, from_us))
        cluster_run(c, MS);
    cluster_resume(c, 5);
    cluster_run(c, 3 * SECOND);
    cr_assert(cluster_converged(c));
    cr_assert_gt(cluster_count(c, SWIM_REFUTED, ALL, 5, from_us), 0);
    cr_assert_gt(cluster_count(c, SWIM_SELF_REFUTED, 5, 5, from_us), 0);
    cr_assert_eq(cluster_count(c, SWIM_DIED, ALL, ALL, from_us), 0);
    cluster_free(c);
}

/* ---- leaving ------------------------------------------------------------------------------------------- */

Test(swim_cluster, who_leaves_has_left_everywhere_and_is_not_called_dead) {
    static const size_t sizes[] = {2, 3, 10, 60};
    for (size_t i = 0; i < 4; i++) {
        struct cluster *c = cluster_new(sizes[i], 8, NULL);
        c->loss_millionths = 20000;
        cluster_join_all(c);
        int64_t from_us = c->now_us;
        cluster_feed(c, 1, SWIM_LEAVE, ALL);
        while (!swim_leave_done(c->nodes[1].swim)) {
            cr_assert_lt(c->now_us, from_us + SECOND, "leaving does not take long");
            cluster_run(c, 10 * MS);
        }
        cluster_kill(c, 1);
        cluster_run(c, 10 * SECOND);
        cr_assert(cluster_all_see(c, 1, MEMBER_STATE_LEFT));
        cr_assert_eq(cluster_count(c, SWIM_DIED, ALL, 1, from_us), 0);
        cr_assert_eq(cluster_count(c, SWIM_LEFT, ALL, 1, from_us), sizes[i] - 1);
        cluster_start(c, 1);
        cluster_feed(c, 1, SWIM_SEED, 0);
        cr_assert(cluster_until(c, 5 * SECOND, cluster_converged), "and may come back");
        cluster_free(c);
    }
}

Test(swim_cluster, who_leaves_alone_is_done_at_once_and_who_lingers_stays_left) {
    struct cluster *c = cluster_new(3, 8, NULL);
    cluster_start(c, 2);
    cluster_feed(c, 2, SWIM_LEAVE, ALL);
    cr_assert(swim_leave_done(c->nodes[2].swim));
    cluster_kill(c, 2);
    cluster_join_all(c);
    cluster_feed(c, 1, SWIM_LEAVE, ALL);
    cr_assert_not(swim_leave_done(c->nodes[1].swim));
    int64_t from_us = c->now_us;
    cluster_run(c, 60 * SECOND); /* it goes on answering */
    cr_assert(cluster_sees(c, 0, 1, MEMBER_STATE_LEFT) && cluster_sees(c, 2, 1, MEMBER_STATE_LEFT));
    cr_assert_eq(cluster_count(c, SWIM_JOINED, ALL, 1, from_us), 0);
    cluster_free(c);
}

/* ---- stalls -------------------------------------------------------------------------------------------- */

Test(swim_cluster, a_member_stopped_for_30_seconds_blames_nobody) {
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct cluster *c = cluster_new(8, seed, NULL);
        cluster_join_all(c);
        cluster_run(c, (int64_t)(seed * 97 % 500) * MS);
        int64_t from_us = c->now_us;
        cluster_pause(c, 2);
        cluster_run(c, 30 * SECOND);
        cr_assert(cluster_all_see(c, 2, MEMBER_STATE_DEAD));
        cluster_resume(c, 2);
        cluster_run(c, 12 * SECOND);
        cr_assert_eq(cluster_count(c, SWIM_STALLED, 2, 2, from_us), 1);
        const struct happening *stalled = cluster_first(c, SWIM_STALLED, 2, from_us);
        cr_assert(stalled->late_us > 29 * SECOND && stalled->late_us <= 30 * SECOND);
        cr_assert_eq(cluster_count(c, SWIM_SUSPECTED, 2, ALL, from_us), 0, "seed %lu", (unsigned long)seed);
        cr_assert_eq(cluster_count(c, SWIM_DIED, 2, ALL, from_us), 0);
        cr_assert(cluster_converged(c));
        cluster_free(c);
    }
}

/* It had suspicions running when it was stopped: they do not all end at once when it goes on. */
Test(swim_cluster, a_stop_does_not_end_the_suspicions_under_way) {
    struct bench *b = bench_new(NULL);
    for (size_t i = 1; i <= 3; i++)
        bench_record(b, i, record_of(i, MEMBER_STATE_ALIVE, 1, 0));
    bench_record(b, 2, accusation_of(1, MEMBER_STATE_SUSPECT, 1, 0, 2));
    b->now_us += 1900 * MS - 20 * SECOND;
    b->now_us += 20 * SECOND + 30 * SECOND;
    bench_kind(b, SWIM_TICK, ALL);
    cr_assert_eq(bench_events(b, SWIM_STALLED, 0), 1);
    cr_assert_eq(bench_events(b, SWIM_DIED, ALL), 0);
    cr_assert_eq(bench_events(b, SWIM_SUSPECTED, ALL), 1, "the one told of");
    cr_assert_eq(swim_health(b->swim), 1);
    bench_record(b, 1, record_of(1, MEMBER_STATE_ALIVE, 1, 1));
    cr_assert_eq(bench_events(b, SWIM_REFUTED, 1), 1);
    bench_free(b);
}

/* All inputs notice, not the tick alone: the first after a stop may be a packet. */
Test(swim_cluster, a_packet_as_the_first_input_after_a_stop_is_no_evidence_either) {
    struct bench *b = bench_new(NULL);
    for (size_t i = 1; i <= 3; i++)
        bench_record(b, i, record_of(i, MEMBER_STATE_ALIVE, 1, 0));
    bench_run(b, PERIOD); /* a probe is under way */
    b->now_us += 60 * SECOND;
    bench_kind(b, SWIM_ALIVE_HINT, 2);
    cr_assert_eq(bench_events(b, SWIM_STALLED, 0), 1);
    bench_kind(b, SWIM_TICK, ALL);
    cr_assert_eq(bench_events(b, SWIM_SUSPECTED, ALL), 0);
    bench_free(b);
}

/* ---- one history --------------------------------------------------------------------------------------- */

static uint32_t history(uint64_t seed) {
    struct cluster *c = cluster_new(9, seed, NULL);
    c->loss_millionths = 50000;
    cluster_join_all(c);
    cluster_kill(c, 4);
    cluster_split(c, 3, true);
    cluster_run(c, 20 * SECOND);
    cluster_split(c, 3, false);
    cluster_start(c, 4);
    cluster_feed(c, 4, SWIM_SEED, 0);
    cluster_run(c, 30 * SECOND);
    uint32_t trace = c->trace;
    cluster_free(c);
    return trace;
}

Test(swim_cluster, one_seed_gives_one_history) {
    cr_assert_eq(history(1), history(1));
    cr_assert_eq(history(77), history(77));
    cr_assert_neq(history(1), history(77));
}
