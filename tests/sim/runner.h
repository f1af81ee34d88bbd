/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Many seeds: dealt out to processes, told in their order, added up; and gone on with later. */
#ifndef SIM_RUNNER_H
#define SIM_RUNNER_H

#include "run.h"

struct runner_options {
    struct run asked;      /* hosts, overrides; the seed is set for each */
    uint64_t from, to;     /* both are run; to == UINT64_MAX: until time is up */
    uint32_t jobs;         /* processes at a time */
    int64_t time_max_us;   /* 0: no limit */
    bool once;             /* no second run of each seed */
    bool quiet;            /* a seed that passed is not told */
    bool shrink;           /* a smaller run of each failure is looked for */
    uint64_t report_every; /* seeds: how far it is; 0: never */
    const char *state;     /* file where it goes on after an end in between; NULL: none */
};

#define FAILED_KEPT 200

/* What came of everything so far. */
struct totals {
    uint64_t runs, failures, events;
    int64_t simulated_us, took_us;
    uint64_t marks[RUN_MARKS_COUNT];
    uint64_t failed[FAILED_KEPT]; /* seeds: the first ones */
    size_t failed_count;
};

int64_t clock_now_us(void); /* of the real world, for telling how long it took */
void totals_add(struct totals *t, const struct run *run);
/* "# 1000 seeds, 12.1 simulated hours, ..." */
void totals_print(const struct totals *t, bool once);
void run_print(const struct run *run, const char *what, bool quiet);
void report_print(struct bytes report); /* each line behind a #, as TAP has comments */

void runner_run(const struct runner_options *o, struct totals *totals);

/* runner_state.c: false when there is none, or one of other options (told on standard error). */
bool runner_load(const struct runner_options *o, uint64_t *ret_next, struct totals *ret_totals);
void runner_save(const struct runner_options *o, uint64_t next, const struct totals *totals);

#endif
