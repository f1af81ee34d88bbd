/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Greedy: one thing is made smaller at a time, and stays so if a run with it breaks the same promise; round
 * after round until nothing gets smaller. What is tried first leaves out most: kinds of faults, then the
 * small troubles that go on all the time, then hosts, clients and time.
 */
#include "shrink.h"

#include <stdio.h>

#include "isolate.h"
#include "runner.h"
#include "swarm.h"

#define RUNS_MAX 400
#define TIME_MAX (5 * 60 * US_PER_S)

struct search {
    struct run best; /* its report is the newest */
    unsigned runs;
    int64_t until_us;
};

/* Is the run with this value a failure of the same kind? Then it is the best. */
static bool try_value(struct search *s, const char *name, int64_t value) {
    struct run asked = {.seed = s->best.seed, .hosts_count = s->best.hosts_count};
    memcpy(asked.sets, s->best.sets, sizeof asked.sets);
    asked.sets_count = s->best.sets_count;
    if (s->runs >= RUNS_MAX || clock_now_us() >= s->until_us || !parameter_set(&asked, name, value))
        return false;
    s->runs++;
    isolate_run(&asked, run_once, NULL);
    if (!asked.failed || strcmp(asked.checker, s->best.checker) != 0) {
        run_done(&asked);
        return false;
    }
    run_done(&s->best);
    s->best = asked;
    return true;
}

/* `least` at once, or else as near to it as halving comes. */
static bool lower(struct search *s, const char *name, int64_t least) {
    int64_t value = parameter_value(&s->best, name), low = least;
    bool lowered = false;
    if (value <= least)
        return false;
    if (try_value(s, name, least))
        return true;
    while (value - low > 1 && value - low > value / 8) {
        int64_t middle = low + (value - low) / 2;
        if (try_value(s, name, middle)) {
            value = middle;
            lowered = true;
        } else
            low = middle;
    }
    return lowered;
}

static bool all_off_but(struct search *s, size_t kept) {
    struct search tried = *s;
    struct run asked = s->best;
    asked.report = (struct buf){0};
    for (size_t i = 0; swarm_parameter_at(i) != NULL; i++) {
        const char *name = swarm_parameter_at(i)->name;
        if (i != kept && strncmp(name, "fault_", 6) == 0 && parameter_value(&asked, name) != 0)
            (void)parameter_set(&asked, name, 0);
    }
    tried.best = asked;
    (void)snprintf(tried.best.checker, sizeof tried.best.checker, "%s", s->best.checker);
    const char *name = swarm_parameter_at(kept)->name;
    if (!try_value(&tried, name, parameter_value(&s->best, name))) {
        s->runs = tried.runs;
        return false;
    }
    run_done(&s->best);
    *s = tried;
    return true;
}

static bool round_of_all(struct search *s) {
    static const struct {
        const char *name;
        int64_t least;
    } numbers[] = {{"early", 0},         {"hosts_late", 0},  {"disk_faulty", 0}, {"loss_ppm", 0},
                   {"duplicate_ppm", 0}, {"reorder_ppm", 0}, {"refuse_ppm", 0},  {"rate_ppm", 0},
                   {"slack_us", 0},      {"hosts", 3},       {"clients", 1},     {"faults_ms", 500}};
    bool smaller = false;
    for (size_t i = 0; swarm_parameter_at(i) != NULL; i++) {
        const char *name = swarm_parameter_at(i)->name;
        if (strncmp(name, "fault_", 6) == 0 && parameter_value(&s->best, name) != 0)
            smaller |= try_value(s, name, 0);
    }
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        smaller |= lower(s, numbers[i].name, numbers[i].least);
    return smaller;
}

/* One kind of fault alone, if that is enough. */
static void one_kind(struct search *s) {
    for (size_t i = 0; swarm_parameter_at(i) != NULL; i++)
        if (strncmp(swarm_parameter_at(i)->name, "fault_", 6) == 0 &&
            parameter_value(&s->best, swarm_parameter_at(i)->name) != 0 && all_off_but(s, i))
            return;
}

void shrink(const struct run *failed) {
    struct search s = {.until_us = clock_now_us() + TIME_MAX, .best = *failed};
    s.best.report = (struct buf){0};
    printf("# looking for a smaller run that breaks the same promise (%s)\n", failed->checker);
    fflush(stdout);
    one_kind(&s);
    while (round_of_all(&s))
        ;
    struct buf command = {0};
    run_command(&s.best, 1, &command);
    printf("# after %u runs: %.1f s simulated, %u hosts, %llu events\n", s.runs,
           (double)s.best.simulated_us / 1e6, s.best.hosts, (unsigned long long)s.best.events_count);
    printf("#   kinds of faults left:");
    for (size_t i = 0; swarm_parameter_at(i) != NULL; i++)
        if (strncmp(swarm_parameter_at(i)->name, "fault_", 6) == 0 &&
            parameter_value(&s.best, swarm_parameter_at(i)->name) != 0)
            printf(" %s", swarm_parameter_at(i)->name + 6);
    printf("\n#   smallest: %s\n", buf_str(&command));
    if (s.best.report.size > 0)
        report_print(buf_bytes(&s.best.report));
    fflush(stdout);
    buf_done(&command);
    run_done(&s.best);
}
