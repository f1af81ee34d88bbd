/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* covey-sim: runs seeds and scenarios. Each is run twice: the same seed must give the same run. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "checker.h"
#include "isolate.h"
#include "judge.h"
#include "runner.h"
#include "scenario.h"
#include "shrink.h"

#define SCENARIOS_MAX 16

static const char usage_text[] =
    "usage: covey-sim [--seed N | --seeds A..B] [--jobs N] [--minutes M] [--nodes N] [--set NAME=VALUE]...\n"
    "                 [--once] [--trace LEVEL] [--shrink] [--marks] [--marks-needed] [--quiet]\n"
    "                 [--report-every SEEDS] [--state FILE] [--scenario FILE|FOLDER]... [--rewrite]\n"
    "       covey-sim --checkers | --parameters | --history FILE\n"
    "\n"
    "  --seed N          one seed, in this process\n"
    "  --seeds A..B      a range of them [1..200]; without B: until the minutes are over\n"
    "  --jobs N          processes at a time [1]\n"
    "  --minutes M       ends after this time\n"
    "  --nodes N         hosts [3 to 7, as the seed says]\n"
    "  --set NAME=VALUE  overrides what the seed draws\n"
    "  --parameters      prints what it draws, and stops; with --seed the values of that seed\n"
    "  --once            each seed once, not twice to compare the two runs\n"
    "  --trace LEVEL     what happens, on standard output: 1 faults and warnings, 2 all that hosts see\n"
    "  --shrink          looks for a smaller run that breaks the same promise\n"
    "  --marks           at the end, how often each interesting place of the cores was reached\n"
    "  --marks-needed    one that was never reached is a failure\n"
    "  --quiet           tells failures only\n"
    "  --report-every N  after so many seeds, how far it is\n"
    "  --state FILE      goes on where the last run with this file and these options ended\n"
    "  --scenario FILE   plays it and compares with what is written in it; of a folder all of them\n"
    "  --rewrite         writes what happens into the scenario files\n"
    "  --checkers        prints what must hold, and stops\n"
    "  --history FILE    judges what real clients saw of a real cluster, and stops\n";

struct options {
    struct runner_options runner;
    const char *scenarios[SCENARIOS_MAX];
    size_t scenarios_count;
    bool has_seeds, is_single, marks, marks_needed, rewrite, parameters;
};

static void bad(const char *what, const char *value) {
    fprintf(stderr, "covey-sim: %s%s\n%s", what, value, usage_text);
    exit(2);
}

/* ---- options ---- */

static int64_t number(const char *option, const char *text, int64_t min, int64_t max) {
    char *end;
    errno = 0;
    int64_t n = strtoll(text, &end, 10);
    if (end == text || *end != 0 || errno != 0 || n < min || n > max)
        bad("not a number that will do: ", option);
    return n;
}

static void seeds_take(struct options *o, const char *text) {
    char *end;
    o->has_seeds = true;
    o->runner.from = strtoull(text, &end, 10);
    if (end == text || strncmp(end, "..", 2) != 0)
        bad("a range is A..B: ", text);
    o->runner.to = end[2] == 0 ? UINT64_MAX : (uint64_t)number("--seeds", end + 2, 0, INT64_MAX);
    if (o->runner.to < o->runner.from)
        bad("the range is empty: ", text);
}

static void set_take(struct options *o, const char *text) {
    struct run *run = &o->runner.asked;
    const char *equals = strchr(text, '=');
    if (equals == NULL || run->sets_count == RUN_SETS_MAX)
        bad("not NAME=VALUE, or too many: ", text);
    struct run_set *set = &run->sets[run->sets_count++];
    size_t size = (size_t)(equals - text);
    if (size >= sizeof set->name)
        bad("there is no parameter ", text);
    memcpy(set->name, text, size);
    set->value = number("--set", equals + 1, INT64_MIN, INT64_MAX);
    if (!parameter_known(set->name))
        bad("there is no parameter (covey-sim --parameters lists them) ", set->name);
    if (strcmp(set->name, "hosts") == 0)
        (void)number("--set hosts", equals + 1, 1, HOSTS_MAX);
}

static bool option_flag(struct options *o, const char *name) {
    const struct {
        const char *name;
        bool *flag;
    } flags[] = {
        {"--once", &o->runner.once},      {"--shrink", &o->runner.shrink},
        {"--quiet", &o->runner.quiet},    {"--marks", &o->marks},
        {"--rewrite", &o->rewrite},       {"--marks-needed", &o->marks_needed},
        {"--parameters", &o->parameters},
    };
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        if (strcmp(name, flags[i].name) == 0)
            return *flags[i].flag = true;
    return false;
}

static void option_value(struct options *o, const char *name, const char *value) {
    struct runner_options *r = &o->runner;
    if (strcmp(name, "--seed") == 0) {
        r->from = r->to = (uint64_t)number(name, value, 0, INT64_MAX);
        o->has_seeds = o->is_single = true;
    } else if (strcmp(name, "--seeds") == 0)
        seeds_take(o, value);
    else if (strcmp(name, "--nodes") == 0)
        r->asked.hosts_count = (uint32_t)number(name, value, 3, HOSTS_MAX);
    else if (strcmp(name, "--trace") == 0)
        r->asked.trace_level = (int)number(name, value, 0, 9);
    else if (strcmp(name, "--jobs") == 0)
        r->jobs = (uint32_t)number(name, value, 1, 1024);
    else if (strcmp(name, "--minutes") == 0)
        r->time_max_us = number(name, value, 1, 1000000) * 60 * US_PER_S;
    else if (strcmp(name, "--report-every") == 0)
        r->report_every = (uint64_t)number(name, value, 1, INT64_MAX);
    else if (strcmp(name, "--state") == 0)
        r->state = value;
    else if (strcmp(name, "--set") == 0)
        set_take(o, value);
    else if (strcmp(name, "--scenario") == 0 && o->scenarios_count < SCENARIOS_MAX)
        o->scenarios[o->scenarios_count++] = value;
    else
        bad("there is no option ", name);
}

static void options_take(struct options *o, int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            fputs(usage_text, stdout);
            exit(0);
        }
        if (strcmp(argv[i], "--checkers") == 0) {
            for (size_t k = 0; checkers_at(k) != NULL; k++)
                printf("%-28s %s\n", checkers_at(k)->name, checkers_at(k)->promise);
            exit(0);
        }
        if (strcmp(argv[i], "--history") == 0 && i + 1 < argc)
            exit(judge_history(argv[i + 1]) ? 0 : 1);
        if (option_flag(o, argv[i]))
            continue;
        if (i + 1 == argc)
            bad("a value is missing, or there is no option ", argv[i]);
        option_value(o, argv[i], argv[i + 1]);
        i++;
    }
    if (o->runner.to == UINT64_MAX && o->runner.time_max_us == 0)
        bad("without an end of the range there must be --minutes", "");
}

/* ---- running ---- */

static void single(const struct options *o, struct totals *totals) {
    struct run run = o->runner.asked;
    char what[40];
    int64_t began = clock_now_us();
    run.seed = o->runner.from;
    (o->runner.once ? run_once : run_twice)(&run, NULL);
    totals_add(totals, &run);
    totals->took_us = clock_now_us() - began;
    (void)snprintf(what, sizeof what, "seed %" PRIu64, run.seed);
    run_print(&run, what, o->runner.quiet);
    if (run.failed && o->runner.shrink)
        shrink(&run);
    run_done(&run);
}

static bool marks_print(const struct options *o, const struct totals *t) {
    size_t missing = 0;
    for (int i = 0; i < RUN_MARKS_COUNT; i++) {
        missing += t->marks[i] == 0;
        if (o->marks)
            printf("# %10" PRIu64 "  %s\n", t->marks[i], run_mark_text(i));
    }
    if (o->marks_needed)
        printf("%s marks: %s %d reached\n", missing == 0 ? "ok" : "not ok", missing == 0 ? "all" : "not all",
               RUN_MARKS_COUNT);
    for (int i = 0; i < RUN_MARKS_COUNT; i++)
        if (t->marks[i] == 0 && (o->marks_needed || t->runs > 1))
            printf("# never reached: %s (%s)\n", run_mark_text(i), run_mark_name(i));
    return missing == 0;
}

static void banner(const struct options *o) {
    printf("# covey-sim " COVEY_VERSION);
    if (o->has_seeds || o->scenarios_count == 0) {
        printf(", seeds %" PRIu64 "..", o->runner.from);
        if (o->runner.to != UINT64_MAX)
            printf("%" PRIu64, o->runner.to);
    }
    printf("%s, %u jobs", o->runner.once ? ", each once" : "", o->runner.jobs);
    if (o->runner.asked.hosts_count != 0)
        printf(", %u hosts", o->runner.asked.hosts_count);
    for (size_t i = 0; i < o->runner.asked.sets_count; i++)
        printf(", %s=%" PRId64, o->runner.asked.sets[i].name, o->runner.asked.sets[i].value);
    printf("\n");
}

int main(int argc, char **argv) {
    struct options o = {.runner = {.from = 1, .to = 200, .jobs = 1}};
    struct totals totals = {0};
    options_take(&o, argc, argv);
    if (o.parameters) {
        o.runner.asked.seed = o.runner.from;
        parameters_print(&o.runner.asked, o.is_single);
        return 0;
    }
    if (o.runner.asked.trace_level > 0)
        setvbuf(stdout, NULL, _IOLBF, 0);
    banner(&o);
    for (size_t i = 0; i < o.scenarios_count; i++)
        scenarios_play(o.scenarios[i], o.rewrite, &o.runner.asked, &totals);
    bool with_seeds = o.has_seeds || o.scenarios_count == 0;
    if (with_seeds && o.is_single)
        single(&o, &totals);
    else if (with_seeds)
        runner_run(&o.runner, &totals);
    totals_print(&totals, o.runner.once);
    if (totals.failed_count > 0)
        printf("# failed seeds:");
    for (size_t i = 0; i < totals.failed_count; i++)
        printf(" %" PRIu64 "%s", totals.failed[i], i + 1 == totals.failed_count ? "\n" : "");
    bool all = marks_print(&o, &totals);
    printf("1..%" PRIu64 "\n", totals.runs + (o.marks_needed ? 1 : 0));
    return totals.failures != 0 || (o.marks_needed && !all);
}
