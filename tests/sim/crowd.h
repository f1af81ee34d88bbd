/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Many members, of whom there is nothing but the core that knows who is there: see crowd.c. */
#ifndef SIM_CROWD_H
#define SIM_CROWD_H

#include "world.h"

void crowd_play(struct world *w);

#endif
