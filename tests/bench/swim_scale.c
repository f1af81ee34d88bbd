/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Large groups, in default mode: how they form, what they cost, and the faults that L. Suresh et al., "Stable
 * and Consistent Membership at Scale with Rapid", 2018, section 7 put to them.
 *
 *     bench_swim scale N SEED SCENARIO...
 *
 * bootstrap, or introduced (all know each other from the start); then, on the same group, any of idle,
 * restart, flap, loss, half.
 */
#include "swim_bench.h"

#include <covey/crypto.h>

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#define HEADERS_SIZE   (ENVELOPE_OVERHEAD + 28) /* of a datagram, on the wire above the plain packet */
#define WATCHED_US     US_PER_S                 /* between two looks at all views, as Rapid's */
#define FAULTY_PERCENT 1
#define FAULT_US       (300 * US_PER_S)
#define FAULT_BRIEF_US (60 * US_PER_S) /* in groups of more than 2,000, where each second of it takes many   \
                                        */
#define ONE_WAY_US  (20 * US_PER_S)    /* deaf for so long, then well for so long */
#define HALF_US     (3600 * US_PER_S)
#define PATIENCE_US (1200 * US_PER_S)

enum fault { FAULT_NONE, FAULT_DEAF, FAULT_LOSSY, FAULT_HALF };

struct group {
    struct world world;
    size_t n;
    enum fault fault;
    int64_t began_us;
    bool *faulty, *size_seen;
    size_t sizes_seen;
    uint64_t wrong_deaths; /* verdicts of the well about the well */
    uint64_t faulty_turns; /* of the well about the faulty, dead or alive again */
    struct tally before;
};

static bool cut(struct world *w, size_t from, size_t to, bool stream) {
    struct group *g = w->options.user;
    switch (g->fault) {
    case FAULT_NONE: return false;
    case FAULT_DEAF: return g->faulty[to] && (w->now_us - g->began_us) / ONE_WAY_US % 2 == 0;
    case FAULT_LOSSY: return !stream && g->faulty[from] && prng_chance(&w->prng, 800000);
    case FAULT_HALF: return (from < g->n / 2) != (to < g->n / 2);
    }
    return false;
}

static void heard(struct world *w, size_t agent, const struct swim_effect *e) {
    struct group *g = w->options.user;
    size_t about = world_agent(e->member);
    bool same_side = g->fault != FAULT_HALF || (agent < g->n / 2) == (about < g->n / 2);
    if (g->faulty[agent])
        return;
    if (g->faulty[about])
        g->faulty_turns += e->event == SWIM_DIED || e->event == SWIM_JOINED;
    else if (same_side)
        g->wrong_deaths += e->event == SWIM_DIED;
}

/* ---- looking ------------------------------------------------------------------------------------------- */

static void count_from_here(struct group *g) {
    memset(g->size_seen, 0, g->n + 1);
    g->sizes_seen = 0;
    g->wrong_deaths = g->faulty_turns = 0;
    g->began_us = g->world.now_us;
    g->before = g->world.sent;
}

/* The sizes that the well see; whether each of them sees `wanted`. */
static bool look(struct group *g, size_t wanted) {
    bool all = true;
    for (size_t i = 0; i < g->n; i++) {
        if (!g->world.agents[i].core || g->faulty[i])
            continue;
        size_t size = swim_alive_count(g->world.agents[i].core);
        g->sizes_seen += !g->size_seen[size];
        g->size_seen[size] = true;
        all = all && size == wanted;
    }
    return all;
}

static void told(const char *scenario, const char *what, double value) {
    char text[96];
    snprintf(text, sizeof text, "%s, %s", scenario, what);
    say(text, value);
}

static double seconds(const struct group *g) { return (double)(g->world.now_us - g->began_us) / US_PER_S; }

static double until_all_see(struct group *g, size_t wanted) {
    while (!look(g, wanted) && g->world.now_us < g->began_us + PATIENCE_US)
        world_run(&g->world, g->world.now_us + WATCHED_US);
    return look(g, wanted) ? seconds(g) : NAN;
}

static void watch(struct group *g, int64_t for_us) {
    for (int64_t end_us = g->world.now_us + for_us; g->world.now_us < end_us;) {
        look(g, 0);
        world_run(&g->world, g->world.now_us + WATCHED_US);
    }
}

static void traffic(const struct group *g, const char *scenario) {
    const struct tally *t = &g->world.sent, *b = &g->before;
    double share = (double)g->n * seconds(g);
    double datagrams = (double)(t->datagrams - b->datagrams);
    told(scenario, "datagrams", datagrams / share);
    told(scenario, "datagram bytes",
         ((double)(t->datagram_bytes - b->datagram_bytes) + HEADERS_SIZE * datagrams) / share);
    told(scenario, "stream bytes", (double)(t->stream_bytes - b->stream_bytes) / share);
}

static double resident_bytes(void) {
    unsigned long size = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f && fscanf(f, "%lu %lu", &size, &resident) != 2)
        resident = 0;
    if (f)
        fclose(f);
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

/* ---- scenarios ----------------------------------------------------------------------------------------- */

/* All at once, within a second, and all know the same one. */
static void bootstrap(struct group *g) {
    struct world *w = &g->world;
    double before = resident_bytes();
    count_from_here(g);
    world_start(w, 0);
    for (size_t i = 1; i < g->n; i++) {
        world_run(w, g->began_us + (int64_t)i * US_PER_S / (int64_t)g->n);
        world_start(w, i);
        world_seed(w, i, 0);
    }
    told("bootstrap", "all see all", until_all_see(g, g->n));
    told("bootstrap", "sizes seen", (double)g->sizes_seen);
    told("bootstrap", "false deaths", (double)g->wrong_deaths);
    traffic(g, "bootstrap");
    told("bootstrap", "resident memory of a view", (resident_bytes() - before) / (double)g->n / (double)g->n);
}

static void introduced(struct group *g) {
    for (size_t i = 0; i < g->n; i++)
        world_start(&g->world, i);
    world_introduce(&g->world);
}

static void idle(struct group *g) {
    struct world *w = &g->world;
    world_run(w, w->now_us + 120 * US_PER_S);
    count_from_here(g);
    world_run(w, w->now_us + 60 * US_PER_S);
    traffic(g, "idle");
    told("idle", "resident memory of a view", resident_bytes() / (double)g->n / (double)g->n);
}

/* Each host is away for 2 s once within 10 s. */
static void restart(struct group *g) {
    struct world *w = &g->world;
    count_from_here(g);
    int64_t away_us = 2 * US_PER_S, within_us = 10 * US_PER_S;
    size_t killed = 0, started = 0;
    while (started < g->n) {
        int64_t kill_us = g->began_us + (int64_t)killed * within_us / (int64_t)g->n;
        int64_t start_us = g->began_us + (int64_t)started * within_us / (int64_t)g->n + away_us;
        world_run(w, killed < g->n && kill_us < start_us ? kill_us : start_us);
        if (killed < g->n && kill_us < start_us) {
            world_kill(w, killed++);
            continue;
        }
        world_start(w, started);
        /* It kept the addresses of some. */
        for (size_t k = 0; k < 3; k++)
            world_seed(w, started, (size_t)prng_below(&w->prng, g->n));
        started++;
    }
    double took = until_all_see(g, g->n);
    told("restart", "all see all", took - 12);
    told("restart", "deaths seen, a host", (double)g->wrong_deaths / (double)g->n);
    traffic(g, "restart");
}

static void faulty_choose(struct group *g) {
    for (size_t left = g->n * FAULTY_PERCENT / 100; left > 0;) {
        size_t agent = (size_t)prng_below(&g->world.prng, g->n);
        left -= !g->faulty[agent];
        g->faulty[agent] = true;
    }
}

static void faults(struct group *g, enum fault fault, const char *name) {
    faulty_choose(g);
    g->fault = fault;
    count_from_here(g);
    watch(g, g->n > 2000 ? FAULT_BRIEF_US : FAULT_US);
    double faulty = (double)(g->n * FAULTY_PERCENT / 100), well = (double)g->n - faulty;
    told(name, "false deaths", (double)g->wrong_deaths);
    told(name, "sizes seen", (double)g->sizes_seen);
    told(name, "turns of a faulty one in a view", (double)g->faulty_turns / faulty / well);
    traffic(g, name);
    g->fault = FAULT_NONE;
    memset(g->faulty, 0, g->n * sizeof *g->faulty);
    count_from_here(g);
    told(name, "healed, all see all", until_all_see(g, g->n));
}

static void half(struct group *g) {
    struct world *w = &g->world;
    count_from_here(g);
    g->fault = FAULT_HALF;
    bool agreed = false;
    double took = NAN;
    while (!agreed && w->now_us < g->began_us + HALF_US) {
        world_run(w, w->now_us + WATCHED_US);
        agreed = true;
        for (size_t i = 0; i < g->n && agreed; i++)
            agreed = swim_alive_count(w->agents[i].core) == (i < g->n / 2 ? g->n / 2 : g->n - g->n / 2);
        took = seconds(g);
    }
    told("half", "each side agrees", agreed ? took : NAN);
    traffic(g, "half, while the dead are told");
    struct tally before = w->sent;
    int64_t then_us = w->now_us;
    world_run(w, g->began_us + HALF_US);
    double share = (double)g->n * (double)(w->now_us - then_us) / US_PER_S;
    told("half", "datagrams", (double)(w->sent.datagrams - before.datagrams) / share);
    told("half", "stream bytes", (double)(w->sent.stream_bytes - before.stream_bytes) / share);
    told("half", "false deaths", (double)g->wrong_deaths);
    g->fault = FAULT_NONE;
    count_from_here(g);
    told("half", "healed, all see all", until_all_see(g, g->n));
    told("half", "healed, false deaths", (double)g->wrong_deaths);
    traffic(g, "half, healed");
}

static int scenario_run(struct group *g, const char *name) {
    if (strcmp(name, "bootstrap") == 0)
        bootstrap(g);
    else if (strcmp(name, "introduced") == 0)
        introduced(g);
    else if (strcmp(name, "idle") == 0)
        idle(g);
    else if (strcmp(name, "restart") == 0)
        restart(g);
    else if (strcmp(name, "flap") == 0)
        faults(g, FAULT_DEAF, "flap");
    else if (strcmp(name, "loss") == 0)
        faults(g, FAULT_LOSSY, "loss");
    else if (strcmp(name, "half") == 0)
        half(g);
    else
        return 2;
    return 0;
}

int scale_main(int argc, char **argv) {
    if (argc < 4 || strtoull(argv[1], NULL, 10) < 2)
        return 2;
    struct group g = {.n = strtoull(argv[1], NULL, 10)};
    struct world_options o = {
        .agents_count = g.n,
        .seed = strtoull(argv[2], NULL, 10),
        .delay_low_us = 200,
        .delay_high_us = 1000,
        .config = {.packet_size_max = WIRE_DATAGRAM_MAX - ENVELOPE_OVERHEAD},
        .user = &g,
        .event = heard,
        .cut = cut,
    };
    g.faulty = mem_alloc(g.n * sizeof *g.faulty);
    g.size_seen = mem_alloc((g.n + 1) * sizeof *g.size_seen);
    world_init(&g.world, &o);
    int status = 0;
    for (int i = 3; i < argc && status == 0; i++)
        status = scenario_run(&g, argv[i]);
    world_done(&g.world);
    mem_free(g.faulty);
    mem_free(g.size_seen);
    return status;
}
