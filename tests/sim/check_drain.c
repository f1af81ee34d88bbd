/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * A drained host is emptied, one by one. A plan gives at most one slot of a group away because its host is
 * drained, and only when no other slot of the group is being filled: its last replacement runs, or the slot
 * has none. That a replacement runs before the old instance is stopped is the business of "capacity", and
 * that nothing comes to the host that of "placement".
 */
#include "plans.h"
#include "views.h"

#define UNSEEN_US (2 * US_PER_S) /* what the leader holds dead the log calls unreachable soon */

extern const struct checker check_drain;

struct moves {
    const struct plan_view *v;
    const struct wire_instance_record *placed; /* by this plan, for one on a drained host */
    uint32_t slot;
    const char *why;
};

/* Was it placed by this very plan? */
static bool is_new(const struct plan_view *v, const struct wire_instance_record *r) {
    for (size_t i = 0; i < v->plan->places_count; i++)
        if (ID_EQUAL(v->plan->places[i].instance, r->id))
            return true;
    return false;
}

static bool takes_from_drained(const struct plan_view *v, const struct wire_instance_record *r) {
    const struct wire_instance_record *old = state_instance_find(v->state, r->replaces);
    const struct wire_node_record *node = old != NULL ? state_node_find(v->state, old->node) : NULL;
    return node != NULL && node->drain && node->status == NODE_STATUS_READY &&
           plan_knows_node(v, old->node) && old->state == INSTANCE_STATE_RUNNING;
}

/* By the leader: it does not wait for what is out of its sight. */
static bool in_sight(const struct plan_view *v, struct node_id node) {
    const struct sim_host *h = truth_host_of(v->w, node);
    const struct view *view = h != NULL ? &views_of(v->w)->held[v->leader][h->index] : NULL;
    bool seen =
        view != NULL && ((view->known && view->state <= MEMBER_STATE_SUSPECT) || h->index == v->leader);
    return seen && v->made_by_leader && plan_knows_node(v, node) &&
           (view->dead_us == 0 || v->made_us - view->dead_us >= UNSEEN_US);
}

struct runner {
    const struct plan_view *v;
    const struct wire_instance_record *r;
    bool found;
};

static void look_runner(void *arg, const struct wire_instance_record *other) {
    struct runner *k = arg;
    bool same = bytes_equal(other->group, k->r->group) && other->slot == k->r->slot;
    k->found |= same && plan_runs(k->v, other) && !plan_drains(k->v, other);
}

/* Does one of its slot run on a host that stays? Then it is surplus, and nothing waits for it. */
static bool is_surplus(const struct plan_view *v, const struct wire_instance_record *r) {
    struct runner k = {.v = v, .r = r};
    state_instances_of_job(v->state, r->job, look_runner, &k);
    return k.found;
}

static void look(void *arg, const struct wire_instance_record *other) {
    struct moves *m = arg;
    const struct wire_node_record *node = state_node_find(m->v->state, other->node);
    bool judged = bytes_equal(other->group, m->placed->group) && other->slot != m->placed->slot &&
                  plan_wanted(other) && node != NULL && node->status == NODE_STATUS_READY &&
                  !node->drain; /* what is on its way there has to move on by itself */
    if (!judged || m->why != NULL)
        return;
    if (is_new(m->v, other) && takes_from_drained(m->v, other))
        m->why = "is moved by the same plan";
    else if (!is_new(m->v, other) && other->state <= INSTANCE_STATE_STARTING && plan_knows(m->v, other) &&
             takes_from_drained(m->v, other) && in_sight(m->v, other->node) && !is_surplus(m->v, other))
        m->why = "does not run yet";
    if (m->why != NULL)
        m->slot = other->slot;
}

static void drain_see(void *self, struct world *w, const struct sight *s) {
    (void)self;
    struct plan_view v;
    if (!plan_view_of(w, s, &v))
        return;
    for (size_t i = 0; i < v.plan->places_count && !w->failed; i++) {
        const struct wire_instance_record *r = state_instance_find(v.state, v.plan->places[i].instance);
        if (r == NULL || r->modify_index != s->entry->index || !takes_from_drained(&v, r))
            continue;
        struct moves m = {.v = &v, .placed = r};
        state_instances_of_job(v.state, r->job, look, &m);
        if (m.why != NULL)
            check_fail(w, &check_drain, (int)v.leader, "%.*s[%u] moves off a drained host, and [%u] %s",
                       BYTES_FMT(r->job), r->slot, m.slot, m.why);
    }
}

const struct checker check_drain = {
    .name = "drain-one-by-one",
    .promise = "a drained host gives away one slot of a group at a time",
    .size = 1,
    .sees = SEES(SIGHT_APPLIED),
    .see = drain_see,
};
