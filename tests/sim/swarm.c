/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Drawing. Each group of numbers comes from a stream of its own, of the seed and the group's name, and what
 * is overridden is so afterwards: the others stay as they were.
 *
 * Small limits are drawn often (segments of a few KiB, a snapshot every few entries, chunks of some hundred
 * bytes): what happens once a month in a real cluster then happens in every run.
 */
#include "swarm.h"

#include "checker.h"

static const struct swarm_parameter table[] = {
#define SWARM_ROW(name, text) {#name, text, offsetof(struct swarm, name)},
    SWARM_LIST(SWARM_ROW)
#undef SWARM_ROW
#define FAULT_ROW(name, text)                                                                                \
    {"fault_" #name, text, offsetof(struct swarm, weight) + FAULT_##name * sizeof(int64_t)},
        FAULT_LIST(FAULT_ROW)
#undef FAULT_ROW
            {NULL, NULL, 0},
};

const struct swarm_parameter *swarm_parameter_at(size_t index) {
    return index + 1 < sizeof table / sizeof *table ? &table[index] : NULL;
}

static struct prng stream(uint64_t seed, const char *name) {
    struct prng p;
    prng_init(&p, seed ^ ((uint64_t)crc32c(0, name, strlen(name)) << 32));
    return p;
}

/* Often 0, or near it; now and then much. */
static int64_t rarely(struct prng *p, uint32_t chance, int64_t max) {
    if (!prng_chance(p, chance))
        return 0;
    int64_t top = prng_chance(p, 700000) ? max / 10 : max;
    return prng_between(p, 0, top);
}

static int64_t one_of(struct prng *p, const int64_t *values, size_t count) {
    return values[prng_below(p, count)];
}
#define ONE_OF(p, ...)                                                                                       \
    one_of(p, (const int64_t[]){__VA_ARGS__}, sizeof(int64_t[]){__VA_ARGS__} / sizeof(int64_t))

static void draw_sizes(uint64_t seed, uint32_t hosts_count, struct swarm *s) {
    struct prng p = stream(seed, "sizes");
    s->hosts = hosts_count != 0 ? hosts_count : ONE_OF(&p, 3, 3, 3, 4, 5, 5, 6, 7);
    s->hosts_late = prng_chance(&p, 300000) ? prng_between(&p, 1, 2) : 0;
    if (s->hosts + s->hosts_late > HOSTS_MAX)
        s->hosts_late = HOSTS_MAX - s->hosts;
    s->faults_ms = prng_between(&p, 10000, prng_chance(&p, 200000) ? 120000 : 45000);
    s->gap_ms = ONE_OF(&p, 300, 1000, 2000, 4000);
    s->early = prng_chance(&p, 200000);
    s->heal_all = prng_chance(&p, 500000);
    s->clients = prng_between(&p, 1, 4);
    s->think_ms = ONE_OF(&p, 30, 200, 500, 1000, 3000);
}

static void draw_timers(uint64_t seed, struct swarm *s) {
    struct prng p = stream(seed, "timers");
    int64_t percent = ONE_OF(&p, 30, 100, 100, 100, 200);
    s->swim_period_ms = 500 * percent / 100;
    s->heartbeat_ms = 50 * percent / 100;
    s->election_ms = 300 * percent / 100;
    s->replace_ms = ONE_OF(&p, 500, 3000, 3000, 6000);
    s->heal_stable_ms = ONE_OF(&p, 1000, 5000, 15000);
    s->rate_ppm = prng_chance(&p, 700000) ? 10000 : 0;
    s->slack_us = ONE_OF(&p, 0, 100, 5000);
    s->answer_ms = ONE_OF(&p, 3000, 10000, 30000);
}

static void draw_limits(uint64_t seed, struct swarm *s) {
    struct prng p = stream(seed, "limits");
    s->segment_kib = ONE_OF(&p, 8, 16, 64, 64, 256);
    s->snapshot_entries = ONE_OF(&p, 4, 16, 64, 64, 256, 8192);
    s->trailing_entries = ONE_OF(&p, 1, 8, 32, 32, 0);
    s->chunk_bytes = ONE_OF(&p, 256, 1024, 2048, 65536, 0);
    s->pulls_max = ONE_OF(&p, 0, 1, 2);
}

/* Small enough that what is told in pieces, or refused, happens with entries of a few hundred bytes. */
static void draw_raft(uint64_t seed, struct swarm *s) {
    struct prng p = stream(seed, "raft");
    s->inflight_max = ONE_OF(&p, 0, 0, 0, 1, 3);
    s->inflight_bytes = ONE_OF(&p, 0, 0, 0, 1500);
    s->message_bytes = ONE_OF(&p, 0, 0, 100, 1000, 8000);
    s->uncommitted_bytes = ONE_OF(&p, 0, 0, 0, 4000);
    s->trailing_bytes = ONE_OF(&p, 0, 0, 0, 3000);
}

static void draw_network(uint64_t seed, struct swarm *s) {
    struct prng p = stream(seed, "network");
    s->delay_min_us = ONE_OF(&p, 50, 100, 500, 2000, 5000);
    s->delay_mean_us = ONE_OF(&p, 50, 300, 1000, 5000, 10000);
    s->loss_ppm = rarely(&p, 300000, 50000);
    s->duplicate_ppm = rarely(&p, 300000, 300000);
    s->reorder_ppm = rarely(&p, 300000, 500000);
    s->disk_max_us = ONE_OF(&p, 200, 1000, 3000, 10000, 30000);
    s->disk_faulty = prng_chance(&p, 300000);
    s->refuse_ppm = rarely(&p, 150000, 300000);
}

static void draw_faults(uint64_t seed, struct swarm *s) {
    struct prng p = stream(seed, "faults");
    uint32_t chance = (uint32_t)ONE_OF(&p, 100000, 250000, 250000, 500000);
    for (size_t i = 0; i < FAULTS_COUNT; i++) {
        int64_t weight = prng_between(&p, 1, 10);
        s->weight[i] = prng_chance(&p, chance) ? weight : 0;
    }
    if (s->hosts_late > 0 && s->weight[FAULT_join] == 0)
        s->weight[FAULT_join] = 2;
}

static void draw_visitors(uint64_t seed, struct swarm *s) {
    struct prng p = stream(seed, "visitors");
    s->visitors = ONE_OF(&p, 0, 0, 1, 2);
    s->sizes = prng_chance(&p, 250000);
    s->zones = prng_chance(&p, 250000) ? prng_between(&p, 1, 3) : 0;
    s->token = prng_chance(&p, 200000);
    s->lies = prng_chance(&p, 100000);
    if (s->lies != 0)
        s->weight[FAULT_mangle] = 10;
}

static void draw_alone(uint64_t seed, struct swarm *s) {
    struct prng p = stream(seed, "alone");
    s->alone = prng_chance(&p, 100000) ? prng_between(&p, 10, 100) : 0; /* each takes as long as a seed */
    s->crowd = prng_chance(&p, 100000);
}

void swarm_draw(uint64_t seed, uint32_t hosts_count, struct swarm *ret) {
    memset(ret, 0, sizeof *ret);
    draw_sizes(seed, hosts_count, ret);
    draw_timers(seed, ret);
    draw_limits(seed, ret);
    draw_raft(seed, ret);
    draw_network(seed, ret);
    draw_faults(seed, ret);
    draw_visitors(seed, ret);
    draw_alone(seed, ret);
}

/* ---- put into force ------------------------------------------------------------------------------------ */

void swarm_options(const struct world *w, struct node_options *o) {
    const struct swarm *s = w->swarm;
    o->segment_size_bytes = 64 * 1024;
    o->snapshot_entries = 64;
    o->trailing_entries = 32;
    o->chunk_size_bytes = 2048;
    if (s == NULL)
        return;
    o->swim_period_us = s->swim_period_ms * US_PER_MS;
    o->heartbeat_us = s->heartbeat_ms * US_PER_MS;
    o->election_min_us = s->election_ms * US_PER_MS;
    o->replace_after_us = s->replace_ms * US_PER_MS;
    o->heal_stable_us = s->heal_stable_ms * US_PER_MS;
    o->answer_us = s->answer_ms * US_PER_MS;
    o->segment_size_bytes = (uint64_t)s->segment_kib * 1024;
    o->snapshot_entries = (uint32_t)s->snapshot_entries;
    /* In the middle of the range states are copied as very large ones are: while entries come. */
    o->copy_part_size_bytes = s->snapshot_entries == 64 ? 256 : 0;
    o->trailing_entries = (uint32_t)s->trailing_entries;
    o->chunk_size_bytes = (uint32_t)s->chunk_bytes;
    o->pulls_max = (uint32_t)s->pulls_max;
    o->raft = (struct node_raft_limits){
        .inflight_max = (uint32_t)s->inflight_max,
        .inflight_bytes_max = (uint32_t)s->inflight_bytes,
        .message_bytes_max = (uint32_t)s->message_bytes,
        .uncommitted_bytes_max = (uint32_t)s->uncommitted_bytes,
        .trailing_bytes = (uint32_t)s->trailing_bytes,
    };
}

/* The smallest that all jobs of the clients fit into together: the core may be one host. */
#define SMALL_CPU_MHZ    4000
#define SMALL_MEMORY_MIB 2600
#define SMALL_PORTS      60

void swarm_host(const struct world *w, uint32_t host, struct node_options *o) {
    static const struct wire_pair zones[] = {
        {.name = {(const uint8_t *)"zone", 4}, .value = {(const uint8_t *)"x", 1}},
        {.name = {(const uint8_t *)"zone", 4}, .value = {(const uint8_t *)"y", 1}},
        {.name = {(const uint8_t *)"zone", 4}, .value = {(const uint8_t *)"z", 1}}};
    const struct swarm *s = w->swarm;
    if (s == NULL)
        return;
    struct prng p = stream(w->seed ^ host, "host");
    if (s->sizes != 0) {
        o->cpu_mhz =
            prng_chance(&p, 200000) ? 0 : (uint32_t)prng_between(&p, SMALL_CPU_MHZ, 2 * SMALL_CPU_MHZ);
        o->memory_mib = (uint32_t)prng_between(&p, SMALL_MEMORY_MIB, 2 * SMALL_MEMORY_MIB);
        o->ports_high = o->ports_low + (uint32_t)prng_between(&p, SMALL_PORTS, 2 * SMALL_PORTS);
    }
    if (s->zones == 0 || prng_chance(&p, 100000))
        return;
    const struct wire_pair *zone = &zones[prng_below(&p, (uint64_t)s->zones)];
    if (prng_chance(&p, 500000)) {
        o->meta = zone;
        o->meta_count = 1;
    } else {
        o->attributes = zone;
        o->attributes_count = 1;
    }
}

void swarm_network(struct world *w, bool on) {
    const struct swarm *s = w->swarm;
    for (uint32_t i = 0; i < HOSTS_MAX; i++)
        for (uint32_t j = 0; j < HOSTS_MAX; j++) {
            struct sim_link *l = &w->link[i][j];
            l->min_us = s->delay_min_us;
            l->mean_us = s->delay_mean_us;
            l->loss = on ? (uint32_t)s->loss_ppm : 0;
            l->duplicate = on ? (uint32_t)s->duplicate_ppm : 0;
            l->reorder = on ? (uint32_t)s->reorder_ppm : 0;
            l->late = 0;
        }
}

void swarm_disks(struct world *w, bool on) {
    w->disk_max_us = w->swarm->disk_max_us;
    if (on && w->swarm->disk_faulty)
        disk_draw(w, &w->swarm_prng);
    for (uint32_t i = 0; i < w->hosts_count; i++)
        w->hosts[i].refuse = on ? (uint32_t)w->swarm->refuse_ppm : 0;
}

void swarm_clocks(struct world *w) {
    int64_t ppm = w->swarm->rate_ppm;
    for (uint32_t i = 0; i < w->hosts_count; i++)
        w->hosts[i].clock.rate_ppm = (int32_t)prng_between(&w->clock_prng, -ppm, ppm);
    w->slack_us = w->swarm->slack_us;
}

bool swarm_may_take_votes(const struct world *w) {
    const struct swarm *s = w->swarm;
    return s->disk_faulty == 0 && s->weight[FAULT_disk] == 0 && s->weight[FAULT_spoil] == 0;
}
