/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* One run of one seed: what is asked of it, and what came of it. */
#ifndef SIM_RUN_H
#define SIM_RUN_H

#include <covey/base.h>
#include <covey/mark.h>

struct world;

#define RUN_SETS_MAX 64

/* What the seed draws, overridden: "name=value". */
struct run_set {
    char name[40];
    int64_t value;
};

struct run {
    /* Asked. */
    uint64_t seed;
    uint32_t hosts_count; /* 0: as the seed says */
    int trace_level;
    struct run_set sets[RUN_SETS_MAX];
    size_t sets_count;

    /* Come of it. */
    bool failed;
    uint64_t trace; /* hash of everything that happened */
    int64_t simulated_us;
    uint64_t events_count;
    uint32_t hosts;    /* that there were */
    char checker[48];  /* whose promise was broken; "world" when it is no checker's */
    struct buf report; /* of a failure: a paragraph for people */
    struct marks marks;
};

/* Copies what came of it out of the world, and writes the report when it failed. */
void run_over(struct world *w, struct run *run);
void run_done(struct run *run);
/* The command line that runs it again. */
void run_command(const struct run *run, int trace_level, struct buf *out);

/* story.c */
void story_run(struct run *run);

/* parameters.c: what a seed draws, by name */
bool parameter_known(const char *name);
int64_t parameter_value(const struct run *run, const char *name);     /* as drawn or overridden */
bool parameter_set(struct run *run, const char *name, int64_t value); /* false: too many */
/* Their names, and with_values those of run->seed. */
void parameters_print(const struct run *run, bool with_values);

#endif
