/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* What the measurements of bench_swim share. Each prints lines `measure: number`. */
#ifndef COVEY_BENCH_SWIM_BENCH_H
#define COVEY_BENCH_SWIM_BENCH_H

#include "swim_world.h"

/* What of the core is on; the constants are those of whoever is compared. */
enum mode {
    MODE_DSN2002,    /* SWIM as its paper has it */
    MODE_MEMBERLIST, /* as Lifeguard was compared with: gossip on a clock, tables compared */
    MODE_LIFEGUARD,  /* and with local health, dynamic suspicion and the buddy system */
    MODE_DEFAULT,    /* as an agent runs it, with its own constants */
};

void mode_set(struct swim_config *config, enum mode mode);
/* -1: none of that name. */
int mode_parse(const char *text);
const char *mode_str(enum mode mode);

/* A value by the share of values that are at most it: 0.5 is the median. NAN for none. Sorts. */
double quantile(double *values, size_t count, double share);
double mean(const double *values, size_t count);
double deviation(const double *values, size_t count);

void say(const char *measure, double value);

/* Each returns the exit status. */
int paper_main(int argc, char **argv);
int lifeguard_main(int argc, char **argv);
int scale_main(int argc, char **argv);
int kill_main(int argc, char **argv);

#endif
