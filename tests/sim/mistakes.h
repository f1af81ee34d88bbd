/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* What people get wrong when they start an agent: see mistakes.c. */
#ifndef SIM_MISTAKES_H
#define SIM_MISTAKES_H

#include "world.h"

enum mistake {
    MISTAKE_NONE,
    MISTAKE_SECRET,
    MISTAKE_CLUSTER,
    MISTAKE_TOKEN,
    MISTAKE_NAME, /* another host's */
    MISTAKE_NO_NAME,
    MISTAKE_LONG_NAME,
    MISTAKE_PORTS,
    MISTAKE_HIGH_PORTS,
    MISTAKE_NO_SEED,
    MISTAKE_DEAD_SEED,
    MISTAKES_COUNT
};

enum mistake mistake_draw(struct world *w);
/* Spoils the options of a host that has `mistake` set; what they point to is the world's. */
void mistake_make(struct world *w, const struct sim_host *h, struct node_options *o);

#endif
