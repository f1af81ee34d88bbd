/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* What the committed log ever said of each instance: kept for the checkers of tasks, also when it is dropped
 * from the state. */
#ifndef SIM_LEDGER_H
#define SIM_LEDGER_H

#include "checker.h"

struct ledger_instance {
    struct instance_id id, replaces;
    struct node_id node;
    struct bytes job, group; /* in the arena */
    uint64_t version;
    uint32_t slot;
    enum job_type type;
    uint64_t placed_index, stop_index, over_index; /* 0: not */
    int64_t placed_us, stop_us;
    enum instance_state state; /* as last told */
    bool removed;              /* with its host, by an operator */
    bool told;                 /* its host has said that it is over, ... */
    bool unkept;               /* ... and never but with a disk that had failed: nothing there has kept it */
};
struct ledger {
    VEC(struct ledger_instance *) list; /* in the order of placement */
    struct map by_id;
    struct arena arena;
};
extern const struct checker observe_ledger;

struct ledger *ledger_of(struct world *w);
struct ledger_instance *ledger_find(const struct ledger *l, struct instance_id id); /* NULL: never placed */

#endif
