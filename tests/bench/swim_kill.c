/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * One agent of many is killed, in default mode: what contrib/bench gossip does to real ones.
 *
 *     bench_swim kill N SEED TRIALS [STREAMS]
 *
 * STREAMS: so many others have a stream with it, which its kernel closes: they probe it at once, as an agent
 * does (covey/swim.h, SWIM_PROBE). Of fifty real agents one without a vote has 3 to 8, as counted by ss; 0.
 */
#include "swim_bench.h"

#include <stdlib.h>

struct killed {
    size_t victim, knowing;
    bool *knows;
    int64_t first_us, last_us;
};

static void heard(struct world *w, size_t agent, const struct swim_effect *e) {
    struct killed *k = w->options.user;
    if (e->event != SWIM_DIED || world_agent(e->member) != k->victim || k->knows[agent])
        return;
    k->knows[agent] = true;
    if (k->knowing++ == 0)
        k->first_us = w->now_us;
    k->last_us = w->now_us;
}

/* Others than the victim, none twice. */
static void streams_close(struct world *w, size_t victim, size_t count) {
    size_t n = w->options.agents_count, from = (size_t)prng_below(&w->prng, n);
    for (size_t i = 0; i < n && count > 0; i++) {
        size_t agent = (from + i) % n;
        if (agent == victim)
            continue;
        (void)world_feed(w, agent, &(struct swim_input){.kind = SWIM_PROBE, .from = w->agents[victim].id});
        count--;
    }
}

/* Seconds from the kill to the first verdict and to the last survivor's. */
static void trial(size_t n, size_t streams, uint64_t seed, double *ret_first, double *ret_last) {
    struct killed k = {.knows = mem_alloc(n * sizeof *k.knows)};
    struct world_options o = {
        .agents_count = n,
        .seed = seed,
        .delay_low_us = 50,
        .delay_high_us = 300,
        .config = {.packet_size_max = 1200},
        .user = &k,
        .event = heard,
    };
    struct world w;
    world_init(&w, &o);
    for (size_t i = 0; i < n; i++)
        world_start(&w, i);
    world_introduce(&w);
    world_run(&w, 20 * US_PER_S + prng_between(&w.prng, 0, 30 * US_PER_S));
    k.victim = (size_t)prng_below(&w.prng, n);
    int64_t killed_us = w.now_us;
    world_kill(&w, k.victim);
    streams_close(&w, k.victim, streams);
    while (k.knowing < n - 1)
        world_run(&w, w.now_us + US_PER_S / 10);
    *ret_first = (double)(k.first_us - killed_us) / US_PER_S;
    *ret_last = (double)(k.last_us - killed_us) / US_PER_S;
    world_done(&w);
    mem_free(k.knows);
}

int kill_main(int argc, char **argv) {
    size_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 0,
           trials = argc > 3 ? strtoull(argv[3], NULL, 10) : 0,
           streams = argc > 4 ? strtoull(argv[4], NULL, 10) : 0;
    if (n < 2 || trials == 0)
        return 2;
    double *first = mem_alloc(trials * sizeof *first), *last = mem_alloc(trials * sizeof *last);
    for (size_t t = 0; t < trials; t++)
        trial(n, streams, strtoull(argv[2], NULL, 10) * 1000003 + t, &first[t], &last[t]);
    say("first knows", quantile(first, trials, 0.5));
    say("all know, p10", quantile(last, trials, 0.1));
    say("all know", quantile(last, trials, 0.5));
    say("all know, p90", quantile(last, trials, 0.9));
    mem_free(first);
    mem_free(last);
    return 0;
}
