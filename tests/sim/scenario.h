/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Stories written by hand: see scenario.c for the language. */
#ifndef SIM_SCENARIO_H
#define SIM_SCENARIO_H

#include "runner.h"

/*
 * Plays a file, or all of a folder; prints a TAP line each and adds them up. rewrite: what happens becomes
 * what the file says.
 */
void scenarios_play(const char *path, bool rewrite, const struct run *asked, struct totals *totals);

#endif
