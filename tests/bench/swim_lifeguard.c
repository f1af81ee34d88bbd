/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The experiments of A. Dadgar, J. Phillips, J. Currey, "Lifeguard", 2018, section V: 128 agents of which
 * some stop again and again (interval: false positives and load), or once (threshold: how soon that is seen).
 * An agent stops just before it sends a message or after it has received one; all that are chosen do so
 * together. Ours has one thread: with that, all of it stops; `io` lets its timers run on.
 *
 * In the modes of the paper the agents are those of the paper: Consul's, with memberlist and serf in them.
 * - A thread each probes, gossips, reads datagrams, serves a stream, and each blocks by itself. Timers of
 *   suspicions go off meanwhile.
 * - Whole tables go over streams, both ways, each 90 s at 128 members, and serf tries its failed members
 *   again: each 30 s with the probability failed / alive. What an agent that has hardly time to read finds in
 *   these does not wait behind its datagrams.
 * - 8 agents are pinned to each of 16 processor cores; those that resume together share them.
 * - A datagram takes an agent 55 us to receive and 60 us to send. Measured: serf 0.9.4 (memberlist 0.2.2, Go
 *   1.19) on an AMD EPYC took 55 us of processor time for a datagram of three suspicions and 116 us for a
 *   ping and its ack, 3000 of each in bursts of 150, log level debug as in the paper. The paper's machine
 *   was older. In default mode it is 20 us for each: agents of ours take a seventh of serf's processor time
 *   for a datagram (contrib/bench gossip).
 * Not so: no ping over TCP (to an agent that is stopped it brings nothing), no gossip to the dead.
 *
 *     bench_swim lifeguard interval|threshold MODE ALPHA BETA C D_MS I_MS RUN RUNS [io]
 *
 * One line a run. interval: FP, FP at healthy agents, datagrams, their bytes, streams, their bytes, seconds.
 * threshold: for each stopped agent the seconds to the first verdict and to the last healthy one to know, or
 * "-".
 */
#include "swim_bench.h"

#include <math.h>
#include <stdlib.h>

#define AGENTS_COUNT 128
#define QUIET_US     (15 * US_PER_S)
#define RUN_US       (120 * US_PER_S)

struct experiment {
    bool chosen[AGENTS_COUNT];
    uint32_t chosen_count;
    uint64_t wrong, wrong_at_healthy;
    int64_t began_us;
    int64_t first_us[AGENTS_COUNT],
        last_us[AGENTS_COUNT]; /* a verdict about it, 0 = none; at healthy agents */
    uint32_t knowing[AGENTS_COUNT];
    bool knows[AGENTS_COUNT][AGENTS_COUNT];
    uint32_t unseen; /* pairs that hold each other dead */
};

static void heard(struct world *w, size_t agent, const struct swim_effect *e) {
    struct experiment *x = w->options.user;
    size_t about = world_agent(e->member);
    if (e->event == SWIM_JOINED && x->began_us)
        x->unseen--;
    if (e->event != SWIM_DIED)
        return;
    x->unseen++;
    if (!x->chosen[about]) {
        x->wrong++;
        x->wrong_at_healthy += !x->chosen[agent];
    } else if (!x->chosen[agent] && !x->knows[agent][about]) {
        x->knows[agent][about] = true;
        if (x->knowing[about]++ == 0)
            x->first_us[about] = w->now_us;
        x->last_us[about] = w->now_us;
    }
}

static void choose(struct experiment *x, uint32_t count, uint64_t seed) {
    struct prng p;
    prng_init(&p, seed);
    for (x->chosen_count = count; count > 0;) {
        size_t agent = (size_t)prng_below(&p, AGENTS_COUNT);
        count -= !x->chosen[agent];
        x->chosen[agent] = true;
    }
}

static void anomaly(struct world *w, int64_t duration_us) {
    struct experiment *x = w->options.user;
    for (size_t i = 0; i < AGENTS_COUNT; i++) {
        if (x->chosen[i])
            world_slow(w, i);
    }
    world_run(w, w->now_us + duration_us);
    for (size_t i = 0; i < AGENTS_COUNT; i++) {
        if (x->chosen[i])
            world_resume(w, i);
    }
}

static void interval(struct world *w, int64_t stopped_us, int64_t normal_us) {
    struct experiment *x = w->options.user;
    struct tally before = w->sent;
    int64_t end_us = w->now_us + RUN_US;
    for (anomaly(w, stopped_us); w->now_us < end_us; anomaly(w, stopped_us))
        world_run(w, w->now_us + normal_us);
    printf("%llu %llu %llu %llu %llu %llu %.3f\n", (unsigned long long)x->wrong,
           (unsigned long long)x->wrong_at_healthy,
           (unsigned long long)(w->sent.datagrams - before.datagrams),
           (unsigned long long)(w->sent.datagram_bytes - before.datagram_bytes),
           (unsigned long long)(w->sent.streams - before.streams),
           (unsigned long long)(w->sent.stream_bytes - before.stream_bytes),
           (double)(w->now_us - x->began_us) / US_PER_S);
}

static void threshold(struct world *w, int64_t stopped_us) {
    struct experiment *x = w->options.user;
    anomaly(w, stopped_us);
    while (x->unseen > 0 && w->now_us < x->began_us + RUN_US)
        world_run(w, w->now_us + US_PER_S);
    for (size_t i = 0; i < AGENTS_COUNT; i++) {
        if (!x->chosen[i])
            continue;
        if (x->knowing[i] == AGENTS_COUNT - x->chosen_count)
            printf("%.3f %.3f ", (double)(x->first_us[i] - x->began_us) / US_PER_S,
                   (double)(x->last_us[i] - x->began_us) / US_PER_S);
        else if (x->knowing[i])
            printf("%.3f - ", (double)(x->first_us[i] - x->began_us) / US_PER_S);
        else
            printf("- - ");
    }
    printf("\n");
}

static struct world_options setting(enum mode mode, uint32_t alpha, uint32_t beta, uint64_t seed) {
    struct world_options o = {
        .agents_count = AGENTS_COUNT,
        .seed = seed,
        .delay_low_us = 100,
        .delay_high_us = 1000,
        .receive_us = mode == MODE_DEFAULT ? 20 : 55,
        .send_us = mode == MODE_DEFAULT ? 20 : 60,
        .core_agents = 8,
        .threads = mode != MODE_DEFAULT,
        .config = {.packet_size_max = 1200},
    };
    mode_set(&o.config, mode);
    if (mode != MODE_DEFAULT) {
        o.config.period_us = US_PER_S;
        o.config.probe_timeout_us = 500 * US_PER_MS;
        o.config.gossip_interval_us = 200 * US_PER_MS;
        o.config.retransmit_mult = 4;
        o.config.dead_retry_us = 30 * US_PER_S;
        o.config.suspicion_alpha = alpha;
        o.config.suspicion_beta = beta;
    }
    return o;
}

int lifeguard_main(int argc, char **argv) {
    bool io = argc == 11 && strcmp(argv[10], "io") == 0;
    int mode = argc > 2 ? mode_parse(argv[2]) : -1;
    if ((argc != 10 && !io) || mode < 0)
        return 2;
    uint64_t number[10];
    for (int i = 3; i < 10; i++)
        number[i] = strtoull(argv[i], NULL, 10);
    if (number[5] == 0 || number[5] >= AGENTS_COUNT)
        return 2;
    for (uint64_t run = number[8]; run < number[8] + number[9]; run++) {
        struct world w;
        struct experiment x = {0};
        uint64_t seed = (run + 1) * 1000003 + number[5] * 1009 + number[6] * 31 + number[7];
        struct world_options o = setting((enum mode)mode, (uint32_t)number[3], (uint32_t)number[4], seed);
        o.user = &x;
        o.event = heard;
        o.clock_runs = io;
        choose(&x, (uint32_t)number[5], seed);
        world_init(&w, &o);
        for (size_t i = 0; i < AGENTS_COUNT; i++)
            world_start(&w, i);
        world_introduce(&w);
        world_run(&w, QUIET_US);
        x.began_us = w.now_us;
        if (strcmp(argv[1], "interval") == 0)
            interval(&w, (int64_t)number[6] * US_PER_MS, (int64_t)number[7] * US_PER_MS);
        else
            threshold(&w, (int64_t)number[6] * US_PER_MS);
        fflush(stdout);
        world_done(&w);
    }
    return 0;
}
