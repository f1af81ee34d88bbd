/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* What each host believes of each other one, and how that changes: kept for the checkers of membership. */
#ifndef SIM_VIEWS_H
#define SIM_VIEWS_H

#include "checker.h"

struct view {
    bool known; /* there is a record */
    enum member_state state;
    uint32_t generation, version;
    int64_t dead_us;  /* last time it was seen to be dead here; 0: not in this run */
    int64_t alive_us; /* when it was told to be alive or suspect, after it had not been */
};
struct view_change {
    uint32_t by, of;
    struct view old, now;
};
struct views {
    struct view held[HOSTS_MAX][HOSTS_MAX]; /* by, of */
    VEC(struct view_change) changes;        /* in this step */
    uint32_t run[HOSTS_MAX];
    bool begins; /* this step is the first of its run in which the host gossips */
    bool looked; /* its table was walked in this step: `changes` are all since the last time */
    int64_t looked_us[HOSTS_MAX];
    size_t alive[HOSTS_MAX];
};
extern const struct checker observe_views;

struct views *views_of(struct world *w);
/* So many protocol periods of this run, timers late as they may be. */
int64_t views_periods_us(const struct world *w, uint64_t periods);

#endif
