/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "plans.h"
#include "check_matching.h"

bool plan_view_of(struct world *w, const struct sight *s, struct plan_view *ret) {
    if (s->command == NULL || s->command->plan == NULL)
        return false;
    const struct entry_seen *seen = entry_find(w, s->entry->index, s->entry->term);
    *ret = (struct plan_view){.w = w,
                              .state = truth_state(w),
                              .plan = s->command->plan,
                              .made_us = seen != NULL ? seen->at_us : w->now_us,
                              .leader = s->host->index,
                              .made_by_leader =
                                  seen != NULL && raft_term(node_raft(s->host->node)) == s->entry->term};
    return true;
}

bool plan_stops(const struct plan_view *v, struct instance_id id) {
    for (size_t i = 0; i < v->plan->stops_count; i++)
        if (ID_EQUAL(v->plan->stops[i].instance, id))
            return true;
    return false;
}

static bool is_before(const struct plan_view *v, uint64_t index) {
    const struct truth_entry *e = truth_entry_at(truth_of(v->w), index);
    return e != NULL && e->at_us < v->made_us;
}

bool plan_knows(const struct plan_view *v, const struct wire_instance_record *r) {
    return is_before(v, r->modify_index);
}

bool plan_knows_job(const struct plan_view *v, struct bytes job) {
    const struct wire_job_record *j = state_job_find(v->state, job);
    return j != NULL && is_before(v, j->modify_index);
}

bool plan_knows_node(const struct plan_view *v, struct node_id node) {
    const struct wire_node_record *n = state_node_find(v->state, node);
    return n != NULL && is_before(v, n->modify_index);
}

bool plan_wanted(const struct wire_instance_record *r) {
    return r->desired == DESIRED_STATE_RUN && state_instance_live(r);
}

bool plan_runs(const struct plan_view *v, const struct wire_instance_record *r) {
    const struct wire_node_record *node = state_node_find(v->state, r->node);
    return plan_wanted(r) && r->state == INSTANCE_STATE_RUNNING && node != NULL &&
           node->status == NODE_STATUS_READY;
}

bool plan_drains(const struct plan_view *v, const struct wire_instance_record *r) {
    const struct wire_node_record *node = state_node_find(v->state, r->node);
    return node != NULL && node->drain;
}

bool plan_is_old(const struct plan_view *v, const struct wire_instance_record *r) {
    const struct wire_job_record *job = state_job_find(v->state, r->job);
    const struct wire_job_record *version = state_job_version(v->state, r->job, r->version);
    return job != NULL && r->version != job->version &&
           (version == NULL || !state_group_same(version, job, r->group));
}

bool plan_is_asked(const struct plan_view *v, const struct wire_instance_record *r) {
    const struct wire_job_record *job = state_job_find(v->state, r->job);
    const struct wire_group *group = job != NULL ? state_group_find(job, r->group) : NULL;
    const struct wire_node_record *node = state_node_find(v->state, r->node);
    return job == NULL || job->stopped || group == NULL || r->slot >= group->count || node == NULL ||
           node->status == NODE_STATUS_LEFT;
}

struct keeper {
    const struct plan_view *v;
    const struct wire_instance_record *r, *found;
};

static bool is_known(const struct plan_view *v, const struct wire_instance_record *r) {
    return plan_knows(v, r) && plan_knows_node(v, r->node);
}

static void look(void *arg, const struct wire_instance_record *other) {
    struct keeper *k = arg;
    bool same =
        bytes_equal(other->group, k->r->group) && other->slot == k->r->slot && !ID_EQUAL(other->id, k->r->id);
    if (!same || k->found != NULL || plan_stops(k->v, other->id))
        return;
    if (!is_known(k->v, other) || plan_runs(k->v, other))
        k->found = other;
}

const struct wire_instance_record *plan_keeper(const struct plan_view *v,
                                               const struct wire_instance_record *r) {
    struct keeper k = {.v = v, .r = r};
    state_instances_of_job(v->state, r->job, look, &k);
    return k.found;
}

const struct wire_instance_record *plan_kept(const struct plan_view *v,
                                             const struct wire_instance_record *r) {
    for (size_t i = 0; i < v->plan->stops_count; i++) {
        const struct wire_stop *stop = &v->plan->stops[i];
        if (ID_EQUAL(stop->instance, r->id) && !ID_IS_ZERO(stop->keeper))
            return state_instance_find(v->state, stop->keeper);
    }
    const struct wire_instance_record *keeper = plan_keeper(v, r);
    return keeper != NULL && is_known(v, keeper) && plan_runs(v, keeper) ? keeper : NULL;
}

const struct wire_instance_record *plan_stop_at(const struct plan_view *v, size_t *at) {
    while (*at < v->plan->stops_count) {
        const struct wire_instance_record *r =
            state_instance_find(v->state, v->plan->stops[(*at)++].instance);
        if (r != NULL && plan_wanted(r))
            return r;
    }
    return NULL;
}
