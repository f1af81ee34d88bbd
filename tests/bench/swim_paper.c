/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The points of A. Das, I. Gupta, A. Motivala, "SWIM", DSN 2002: detection and dissemination (figure 3), load
 * (figure 2), the bound between two probes (section 4.3) and the group under loss (figure 4), with the
 * constants of section 5: a period of 2 s, one helper.
 */
#include "swim_bench.h"

#include <covey/codec.h>

#include <math.h>
#include <stdlib.h>

#define PERIOD_US (2 * US_PER_S)

static struct world_options lan(enum mode mode, size_t agents_count, uint64_t seed) {
    struct world_options o = {
        .agents_count = agents_count,
        .seed = seed,
        .delay_low_us = 100,
        .delay_high_us = 300,
        .config = {.packet_size_max = 1200},
    };
    mode_set(&o.config, mode);
    if (mode == MODE_DEFAULT)
        return o;
    int64_t times = 3 * (int64_t)ceil(log((double)agents_count + 1));
    o.config.period_us = PERIOD_US;
    o.config.probe_timeout_us = 500 * US_PER_MS;
    o.config.indirect_count = 1;
    o.config.suspicion_us = times * PERIOD_US;
    /* The core counts in decimal digits. */
    o.config.retransmit_mult = (uint32_t)(times / (int64_t)ceil(log10((double)agents_count + 1)));
    return o;
}

static void group_make(struct world *w, struct world_options *o, bool aligned) {
    world_init(w, o);
    for (size_t i = 0; i < o->agents_count; i++)
        world_start(w, i);
    if (aligned)
        world_align(w);
    world_introduce(w);
}

/* ---- figure 3: one crash ------------------------------------------------------------------------------- */

struct crash {
    size_t victim;
    int64_t at_us, first_us;
    double *heard; /* periods from the first detection, of each member */
    size_t heard_count;
    bool *has_heard;
};

static void crash_event(struct world *w, size_t agent, const struct swim_effect *e) {
    struct crash *c = w->options.user;
    if (e->event != SWIM_SUSPECTED || world_agent(e->member) != c->victim || c->at_us == 0 ||
        c->has_heard[agent])
        return;
    c->has_heard[agent] = true;
    if (c->first_us == 0)
        c->first_us = w->now_us;
    c->heard[c->heard_count++] = (double)(w->now_us - c->first_us) / (double)w->options.config.period_us;
}

/* Crashes one of n. Returns the periods to the first verdict; appends to heard what the others took to hear
 * of it. */
static double crash_run(size_t n, uint64_t seed, bool aligned, double *heard, size_t *heard_count) {
    struct world w;
    struct world_options o = lan(MODE_DSN2002, n, seed);
    bool *has_heard = mem_alloc(n * sizeof *has_heard);
    struct crash c = {.heard = heard + *heard_count, .has_heard = has_heard};
    o.user = &c;
    o.event = crash_event;
    group_make(&w, &o, aligned);
    struct prng p;
    prng_init(&p, seed ^ 0x5eed);
    c.victim = (size_t)prng_below(&p, n);
    /* The lap that it finds the others in is any. */
    int64_t at_us = (10 + prng_between(&p, 0, 2 * (int64_t)n)) * PERIOD_US;
    at_us += aligned ? -1 : prng_between(&p, 0, PERIOD_US - 1);
    world_run(&w, at_us);
    c.at_us = w.now_us;
    world_kill(&w, c.victim);
    while (c.heard_count < n - 1 && w.now_us < at_us + 1000 * PERIOD_US)
        world_run(&w, w.now_us + PERIOD_US);
    double took = (double)(c.first_us - c.at_us) / PERIOD_US;
    /* The first to know is no receiver. */
    if (c.heard_count > 1) {
        memmove(c.heard, c.heard + 1, (c.heard_count - 1) * sizeof *c.heard);
        *heard_count += c.heard_count - 1;
    }
    world_done(&w);
    mem_free(has_heard);
    return took;
}

static void detection(uint64_t seed, size_t trials) {
    static const size_t sizes[] = {6, 13, 20, 28, 35, 43, 52, 56};
    enum { SIZES = sizeof sizes / sizeof *sizes };
    /* The formula is that of large groups: of 6 it is 6 % off. */
    enum { LARGE = 28 };
    double *took = mem_alloc(SIZES * trials * sizeof *took), sum = 0;
    for (int aligned = 1; aligned >= 0; aligned--) {
        size_t count = 0;
        double middle[SIZES] = {0};
        for (size_t i = 0; i < SIZES; i++) {
            double *heard = mem_alloc(trials * sizes[i] * sizeof *heard);
            size_t heard_count = 0;
            for (size_t t = 0; t < trials; t++) {
                double one =
                    crash_run(sizes[i], seed * 1000003 + i * trials + t, aligned, heard, &heard_count);
                if (sizes[i] >= LARGE)
                    took[count++] = one;
            }
            middle[i] = quantile(heard, heard_count, 0.5);
            mem_free(heard);
        }
        char text[64];
        double average = mean(took, count);
        snprintf(text, sizeof text, "detection, %s", aligned ? "aligned" : "not aligned");
        say(text, average);
        if (aligned)
            say("detection, aligned, off e/(e-1)", fabs(average / 1.5819767 - 1) * 100);
        else
            say("detection, not aligned, p99", quantile(took, count, 0.99));
        for (size_t i = 0; i < SIZES && !aligned; i++) {
            snprintf(text, sizeof text, "dissemination, N = %zu", sizes[i]);
            say(text, middle[i]);
            sum += middle[i];
        }
    }
    say("dissemination, mean of the medians", sum / SIZES);
    mem_free(took);
}

/* ---- figure 2: load ------------------------------------------------------------------------------------ */

static void load_of(size_t n, uint64_t seed, double *worst) {
    struct world w;
    struct world_options o = lan(MODE_DSN2002, n, seed);
    group_make(&w, &o, false);
    /* The news of each one's own start is told first. */
    int64_t periods = n > 500 ? 20 : 60;
    world_run(&w, 30 * PERIOD_US);
    double *sent = mem_alloc(n * (size_t)periods * sizeof *sent);
    uint64_t *before = mem_alloc(n * sizeof *before), streams = w.sent.streams;
    size_t count = 0;
    for (int64_t p = 0; p <= periods; p++) {
        for (size_t i = 0; i < n; i++) {
            if (p > 0)
                sent[count++] = (double)(w.agents[i].sent.datagrams - before[i]);
            before[i] = w.agents[i].sent.datagrams;
        }
        world_run(&w, w.now_us + PERIOD_US);
    }
    char text[64];
    double average = mean(sent, count);
    snprintf(text, sizeof text, "load, N = %zu", n);
    say(text, average);
    snprintf(text, sizeof text, "load, N = %zu, sd", n);
    say(text, deviation(sent, count));
    snprintf(text, sizeof text, "load, N = %zu, streams", n);
    say(text, (double)(w.sent.streams - streams) / (double)n / (double)(periods + 1));
    if (fabs(average - 2) > *worst)
        *worst = fabs(average - 2);
    world_done(&w);
    mem_free(sent);
    mem_free(before);
}

static void load(uint64_t seed, size_t largest) {
    static const size_t sizes[] = {5, 13, 21, 28, 36, 44, 51, 55, 1000, 10000};
    double worst = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        if (sizes[i] <= largest)
            load_of(sizes[i], seed + i, &worst);
    }
    say("load, farthest from 2.0", worst);
}

/* ---- section 4.3: two probes of one member ------------------------------------------------------------- */

struct laps {
    size_t n;
    int64_t *last_us; /* by prober and target */
    int64_t longest_us;
};

static void laps_sent(struct world *w, size_t agent, const struct swim_effect *e) {
    struct laps *l = w->options.user;
    struct arena arena = {0};
    struct wire_swim_packet packet;
    if (e->kind == SWIM_SEND && codec_decode(&wire_swim_packet_type, e->packet, &arena, &packet, NULL) == 0 &&
        packet.ping) {
        int64_t *last_us = &l->last_us[agent * l->n + world_agent(e->to)];
        if (*last_us && w->now_us - *last_us > l->longest_us)
            l->longest_us = w->now_us - *last_us;
        *last_us = w->now_us;
    }
    arena_done(&arena);
}

static void laps(uint64_t seed) {
    struct laps l = {.n = 20};
    struct world w;
    struct world_options o = lan(MODE_DSN2002, l.n, seed);
    l.last_us = mem_alloc(l.n * l.n * sizeof *l.last_us);
    o.user = &l;
    o.sent = laps_sent;
    group_make(&w, &o, false);
    world_run(&w, 4000 * PERIOD_US);
    /* One that is never probed again must not pass. */
    for (size_t i = 0; i < l.n * l.n; i++) {
        if (i / l.n != i % l.n && w.now_us - l.last_us[i] > l.longest_us)
            l.longest_us = w.now_us - l.last_us[i];
    }
    say("between probes of one, of 2n-1", (double)l.longest_us / PERIOD_US / (2 * (double)(l.n - 1) - 1));
    world_done(&w);
    mem_free(l.last_us);
}

/* ---- figure 4: loss ------------------------------------------------------------------------------------ */

#define LOSSY_COUNT 17

struct lossy {
    uint64_t deaths;
};

static void lossy_event(struct world *w, size_t agent, const struct swim_effect *e) {
    (void)agent;
    struct lossy *l = w->options.user;
    l->deaths += e->event == SWIM_DIED;
}

static void loss(enum mode mode, uint64_t seed, int64_t seconds) {
    struct lossy l = {0};
    struct world w;
    struct world_options o = lan(mode, LOSSY_COUNT, seed);
    o.loss_millionths = 100000;
    o.user = &l;
    o.event = lossy_event;
    world_init(&w, &o);
    for (size_t i = 0; i < LOSSY_COUNT; i++) {
        world_run(&w, (int64_t)i * 5 * US_PER_S);
        world_start(&w, i);
        if (i > 0)
            world_seed(&w, i, 0);
    }
    size_t least = LOSSY_COUNT;
    double sum = 0, looks = 0;
    while (w.now_us < seconds * US_PER_S) {
        world_run(&w, w.now_us + US_PER_S);
        for (size_t i = 0; i < LOSSY_COUNT && w.now_us > 120 * US_PER_S; i++) {
            size_t alive = swim_alive_count(w.agents[i].core);
            least = alive < least ? alive : least;
            sum += (double)alive;
            looks++;
        }
    }
    char text[64];
    snprintf(text, sizeof text, "10 %% loss, %s, least seen of 17", mode_str(mode));
    say(text, (double)least);
    snprintf(text, sizeof text, "10 %% loss, %s, seen of 17", mode_str(mode));
    say(text, sum / looks);
    snprintf(text, sizeof text, "10 %% loss, %s, false deaths an hour", mode_str(mode));
    say(text, (double)l.deaths / (double)seconds * 3600);
    world_done(&w);
}

int paper_main(int argc, char **argv) {
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
    size_t trials = argc > 2 ? strtoull(argv[2], NULL, 0) : 300;
    size_t largest = argc > 3 ? strtoull(argv[3], NULL, 0) : 1000;
    detection(seed, trials);
    load(seed, largest);
    laps(seed);
    loss(MODE_DSN2002, seed, 600);
    loss(MODE_LIFEGUARD, seed, 600);
    loss(MODE_DEFAULT, seed, 3600);
    return 0;
}
