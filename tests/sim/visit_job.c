/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Jobs of odd shapes, and some that are none. */
#include "swarm.h"
#include "visits.h"

#define GROUPS 3
#define TASKS  3
#define PORTS  3

static uint64_t below(struct world *w, uint64_t bound) { return prng_below(&w->visit_prng, bound); }
static bool chance(struct world *w, uint32_t millionths) { return prng_chance(&w->visit_prng, millionths); }

static struct bytes one_of(struct world *w, const char *const *words, size_t count) {
    return bytes_str(words[below(w, count)]);
}
static uint64_t number_of(struct world *w, const uint64_t *numbers, size_t count) {
    return numbers[below(w, count)];
}
#define ONE_OF(w, ...)                                                                                       \
    one_of(w, (const char *const[]){__VA_ARGS__}, sizeof(const char *[]){__VA_ARGS__} / sizeof(const char *))
#define NUMBER_OF(w, ...)                                                                                    \
    number_of(w, (const uint64_t[]){__VA_ARGS__}, sizeof(uint64_t[]){__VA_ARGS__} / sizeof(uint64_t))
/* Now and then a mistake. */
#define UNLESS_WRONG(w, good, bad) (chance(w, 8000) ? (bad) : (good))

static const char long_name[] = "a-name-that-is-longer-than-the-sixty-three-bytes-that-a-name-may-have";

bool visit_is_odd(struct bytes job) { return bytes_starts(job, bytes_str("odd")); }

static struct bytes wrong_name(struct world *w) {
    return ONE_OF(w, "", ".hidden", "two words", "caf\xc3\xa9", "a/b", "x{", "y@", "Z[", "~", long_name);
}

struct shape {
    struct wire_group groups[GROUPS];
    struct wire_task tasks[GROUPS][TASKS];
    struct wire_port_request ports[GROUPS][PORTS];
    struct wire_pair pair;
    struct bytes arg;
};

static void draw_task(struct world *w, struct shape *s, struct wire_task *t, size_t index) {
    static const char *const names[TASKS] = {"t", "u", "v"};
    t->name = bytes_str(names[index]);
    t->name = UNLESS_WRONG(w, t->name, chance(w, 500000) ? bytes_str(names[0]) : wrong_name(w));
    t->driver = chance(w, 500000) ? DRIVER_KIND_RAW_EXEC : DRIVER_KIND_EXEC;
    t->command =
        ONE_OF(w, "forever", "forever", "stubborn", "fork", "slow", "crash", "false", "true", "missing");
    t->command = UNLESS_WRONG(w, t->command, (struct bytes){0});
    t->cpu_mhz = (uint32_t)NUMBER_OF(w, 0, 100, 100, 500, 2000, 100000);
    t->memory_mib = (uint32_t)NUMBER_OF(w, 0, 64, 64, 500, 2000, 100000);
    t->kill_timeout_ms = (uint32_t)NUMBER_OF(w, 0, 100, 1000, 5000);
    t->kill_signal = (uint32_t)NUMBER_OF(w, 0, 2, 9, 15);
    t->kill_signal = UNLESS_WRONG(w, t->kill_signal, 65);
    if (chance(w, 200000)) {
        t->env = t->meta = &s->pair;
        t->env_count = t->meta_count = 1;
        t->args = &s->arg;
        t->args_count = 1;
        t->user = bytes_str("nobody");
    }
}

static void draw_port(struct world *w, struct wire_port_request *p, size_t index) {
    static const char *const labels[PORTS] = {"http", "admin", "peer"};
    p->label = bytes_str(labels[index]);
    p->label = UNLESS_WRONG(w, p->label, chance(w, 500000) ? bytes_str(labels[0]) : wrong_name(w));
    if (chance(w, 400000))
        p->static_ = (uint32_t)NUMBER_OF(w, 8080, 8081, 20000, 20001, 20999);
    p->static_ = UNLESS_WRONG(w, p->static_, (uint32_t)NUMBER_OF(w, 65536, 8080));
    if (chance(w, 200000))
        p->to = UNLESS_WRONG(w, 80, 100000);
}

static void draw_group(struct world *w, struct shape *s, size_t g) {
    static const char *const names[GROUPS] = {"g", "h", "i"};
    struct wire_group *group = &s->groups[g];
    group->name = bytes_str(names[g]);
    group->name = UNLESS_WRONG(w, group->name, chance(w, 500000) ? bytes_str(names[0]) : wrong_name(w));
    group->count = (uint32_t)NUMBER_OF(w, 0, 1, 1, 2, 3, 6);
    group->count = UNLESS_WRONG(w, group->count, WIRE_COUNT_MAX + 1);
    group->tasks = s->tasks[g];
    group->tasks_count = 1 + below(w, chance(w, 300000) ? TASKS : 1);
    group->tasks_count = UNLESS_WRONG(w, group->tasks_count, 0);
    group->ports = s->ports[g];
    group->ports_count = below(w, PORTS + 1);
    for (size_t t = 0; t < group->tasks_count; t++)
        draw_task(w, s, &group->tasks[t], t);
    for (size_t p = 0; p < group->ports_count; p++)
        draw_port(w, &group->ports[p], p);
    group->restart.attempts = (uint32_t)below(w, 4);
    group->restart.interval_ms = NUMBER_OF(w, 0, 2000, 60000, UINT64_MAX);
    group->restart.delay_ms = NUMBER_OF(w, 0, 100, 1000, 10000);
    group->restart.mode = chance(w, 500000) ? RESTART_MODE_DELAY : RESTART_MODE_FAIL;
    if (group->restart.interval_ms == 0 && group->restart.delay_ms == 0)
        group->restart.delay_ms = 100; /* or it would do nothing but begin and crash */
}

void visit_job(struct world *w, struct buf *out) {
    static const uint8_t zeros[4096];
    struct shape s = {.pair = {.name = bytes_str("key"), .value = bytes_str("value")},
                      .arg = bytes_str("-v")};
    struct wire_admin_run run = {.job = {.groups = s.groups}};
    run.job.name = ONE_OF(w, "odd0", "odd1", "odd2", "odd3");
    run.job.name = UNLESS_WRONG(w, run.job.name, wrong_name(w));
    run.job.type = chance(w, 300000) ? JOB_TYPE_BATCH : JOB_TYPE_SERVICE;
    run.job.groups_count = 1 + below(w, chance(w, 400000) ? GROUPS : 1);
    run.job.groups_count = UNLESS_WRONG(w, run.job.groups_count, 0);
    if (chance(w, 50000)) /* a text, as far as anybody can tell: no NUL is one */
        s.pair.value = bytes_of(zeros, chance(w, 500000) ? 1 : sizeof zeros);
    if (chance(w, 700000))
        prng_fill(&w->visit_prng, run.request.b, sizeof run.request.b);
    for (size_t g = 0; g < run.job.groups_count; g++)
        draw_group(w, &s, g);
    codec_encode_named(&wire_admin_run_type, &run, out);
}
