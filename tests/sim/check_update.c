/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * An update takes one slot after the other. When a plan stops an instance that runs because it is of an old
 * version, and none of its slot is kept, then no other slot of its group below the count is on its way: the
 * plan takes no second one out, none is being stopped on a host that is ready (unless another of its slot
 * runs: of a host that does not answer nobody waits for the end of a stop), and whatever is of the newest
 * version and wanted there runs. Ready is what the log says: a leader that has just begun, and does not know
 * yet who is in sight, waits too.
 */
#include "plans.h"

extern const struct checker check_update;

struct look {
    const struct plan_view *v;
    const struct wire_instance_record *r; /* that is stopped */
    uint32_t count;
    const char *why;
    uint32_t slot;
};

static void look_other(void *arg, const struct wire_instance_record *other) {
    struct look *l = arg;
    const struct plan_view *v = l->v;
    if (!bytes_equal(other->group, l->r->group) || other->slot == l->r->slot || other->slot >= l->count ||
        !state_instance_live(other) || !plan_knows(v, other))
        return;
    const struct wire_node_record *node = state_node_find(v->state, other->node);
    if (node == NULL || node->status != NODE_STATUS_READY || !plan_knows_node(v, other->node))
        return;
    const char *why = NULL;
    if (other->desired == DESIRED_STATE_STOP && !plan_drains(v, other) && plan_keeper(v, other) == NULL)
        why = "is being stopped";
    else if (other->state == INSTANCE_STATE_RUNNING && plan_stops(v, other->id) &&
             plan_keeper(v, other) == NULL)
        why = "is taken out too";
    else if (other->state != INSTANCE_STATE_RUNNING && !plan_is_old(v, other) && !plan_stops(v, other->id) &&
             plan_keeper(v, other) == NULL)
        why = "does not run yet";
    if (why != NULL) {
        l->why = why;
        l->slot = other->slot;
    }
}

static void update_see(void *self, struct world *w, const struct sight *s) {
    (void)self;
    struct plan_view v;
    const struct wire_instance_record *r;
    if (!plan_view_of(w, s, &v))
        return;
    for (size_t at = 0; (r = plan_stop_at(&v, &at)) != NULL && !w->failed;) {
        bool judged = plan_runs(&v, r) && plan_knows(&v, r) && plan_knows_job(&v, r->job) &&
                      !plan_is_asked(&v, r) && plan_is_old(&v, r) && plan_keeper(&v, r) == NULL;
        if (!judged)
            continue;
        const struct wire_group *group = state_group_find(state_job_find(v.state, r->job), r->group);
        struct look l = {.v = &v, .r = r, .count = group->count};
        state_instances_of_job(v.state, r->job, look_other, &l);
        if (l.why != NULL)
            check_fail(w, &check_update, (int)v.leader, "an update takes out %.*s[%u], and [%u] %s",
                       BYTES_FMT(r->job), r->slot, l.slot, l.why);
    }
}

const struct checker check_update = {
    .name = "update-one-by-one",
    .promise = "an update takes out one slot of a group at a time, and the next when the last one runs",
    .size = 1,
    .sees = SEES(SIGHT_COMMIT),
    .see = update_see,
};
