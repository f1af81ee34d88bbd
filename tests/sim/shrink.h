/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* A failed run made smaller: fewer hosts, fewer kinds of faults, shorter, while the same promise breaks. */
#ifndef SIM_SHRINK_H
#define SIM_SHRINK_H

#include "run.h"

/* Prints what it finds, with the command that runs the smallest one. */
void shrink(const struct run *failed);

#endif
