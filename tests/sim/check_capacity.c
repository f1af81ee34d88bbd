/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Nothing that runs is stopped without need. When a plan stops an instance that runs and that no operator's
 * word ends, then it is of an old version, or another instance of its slot is kept: it runs by the log's
 * newest facts, on a host that is in sight, and the same plan does not stop it too. So healing never takes
 * the last of a slot.
 *
 * Judged by the state behind the plan, not by what its leader knew: what has changed in between is no excuse,
 * for a stop names what it rests on, and is refused when that is gone.
 */
#include "plans.h"

extern const struct checker check_capacity;

struct look {
    const struct plan_view *v;
    const struct wire_instance_record *r, *kept;
};

static void look(void *arg, const struct wire_instance_record *other) {
    struct look *l = arg;
    const struct wire_node_record *node = state_node_find(l->v->state, other->node);
    bool same =
        bytes_equal(other->group, l->r->group) && other->slot == l->r->slot && !ID_EQUAL(other->id, l->r->id);
    if (same && plan_wanted(other) && other->state == INSTANCE_STATE_RUNNING && node != NULL &&
        node->status != NODE_STATUS_UNREACHABLE && node->status != NODE_STATUS_LEFT)
        l->kept = other;
}

static bool ran(const struct plan_view *v, const struct wire_instance_record *r) {
    const struct wire_node_record *node = state_node_find(v->state, r->node);
    return r->state == INSTANCE_STATE_RUNNING && node != NULL && node->status == NODE_STATUS_READY;
}

static void capacity_see(void *self, struct world *w, const struct sight *s) {
    (void)self;
    struct plan_view v;
    if (!plan_view_of(w, s, &v))
        return;
    for (size_t i = 0; i < v.plan->stops_count && !w->failed; i++) {
        const struct wire_instance_record *r = state_instance_find(v.state, v.plan->stops[i].instance);
        bool counts = r != NULL && r->desired == DESIRED_STATE_STOP && r->modify_index == s->entry->index;
        if (!counts || !ran(&v, r) || plan_is_asked(&v, r) || plan_is_old(&v, r))
            continue;
        struct look l = {.v = &v, .r = r};
        state_instances_of_job(v.state, r->job, look, &l);
        char id[ID_SHORT_SIZE];
        id_short(r->id.b, id);
        if (l.kept == NULL)
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
    .sees = SEES(SIGHT_APPLIED),
    .see = capacity_see,
};
