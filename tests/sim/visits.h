/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* What visitors ask: see visitors.c. */
#ifndef SIM_VISITS_H
#define SIM_VISITS_H

#include "world.h"

struct visit_ask {
    const char *method;
    struct buf params;
    bool watches_vars, reads_log, lists_events;
};

/* Anything that may be asked of a host, well or badly; the jobs and variables are not the clients'. */
void visit_draw(struct world *w, struct visit_ask *ret);
/* The params of `run` of a job that has an odd shape, or is none: sized, many-grouped, colliding, too large.
 */
void visit_job(struct world *w, struct buf *out);
bool visit_is_odd(struct bytes job); /* a name that visit_job() makes */

#endif
