/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Judges a history that real clients of a real cluster wrote down: see judge.c for the form. */
#ifndef SIM_JUDGE_H
#define SIM_JUDGE_H

#include <covey/base.h>

/* Prints one TAP line, and what is wrong. False: it is not linearizable, cannot be read, or was too hard. */
bool judge_history(const char *path);

#endif
