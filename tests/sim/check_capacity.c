/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Nothing that runs is stopped without need. When a plan stops an instance that runs and that no operator's
 * word ends, then it is of an old version, or another instance of its slot is kept: it runs by the log's
 * newest facts, on a host that is ready, and the same plan does not stop it too. So healing never takes the
 * last of a slot.
 */
#include "plans.h"

extern const struct checker check_capacity;

static void capacity_see(void *self, struct world *w, const struct sight *s) {
    (void)self;
    struct plan_view v;
    const struct wire_instance_record *r;
    if (!plan_view_of(w, s, &v))
        return;
    for (size_t at = 0; (r = plan_stop_at(&v, &at)) != NULL && !w->failed;) {
        bool judged = plan_runs(&v, r) && plan_knows(&v, r) && plan_knows_job(&v, r->job) &&
                      !plan_is_asked(&v, r) && !plan_is_old(&v, r);
        char id[ID_SHORT_SIZE];
        id_short(r->id.b, id);
        if (judged && plan_keeper(&v, r, false) == NULL)
            check_fail(w, &check_capacity, (int)v.leader,
                       "%s of %.*s[%u], which runs, is stopped; none is kept", id, BYTES_FMT(r->job),
                       r->slot);
    }
}

const struct checker check_capacity = {
    .name = "capacity",
    .promise = "healing stops what runs only beside another of its slot that is kept and runs (partition "
               "promises H1, H2)",
    .size = 1,
    .sees = SEES(SIGHT_COMMIT),
    .see = capacity_see,
};
