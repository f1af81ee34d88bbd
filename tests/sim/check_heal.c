/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Healing is patient. When a plan stops an instance that runs because another of its slot is kept, then its
 * leader has been in office for heal_stable, and has held neither of the two hosts dead in that time: a link
 * that flaps stops nothing. Clocks may run fast by an eighth.
 */
#include "plans.h"
#include "swarm.h"
#include "views.h"

#define HEAL_STABLE_US (15 * US_PER_S) /* the default */

struct heal {
    int64_t ready_us[HOSTS_MAX]; /* in office since; 0: not */
};
extern const struct checker check_heal;

static int64_t stable_us(const struct world *w) {
    int64_t us = w->swarm != NULL && w->swarm->heal_stable_ms > 0 ? w->swarm->heal_stable_ms * US_PER_MS
                                                                  : HEAL_STABLE_US;
    return us - us / 8 - US_PER_MS;
}

static int64_t dead_us(struct world *w, uint32_t by, struct node_id id) {
    const struct sim_host *h = truth_host_of(w, id);
    return h != NULL ? views_of(w)->held[by][h->index].dead_us : 0;
}

static void see_plan(const struct heal *heal, struct world *w, const struct plan_view *v) {
    const struct wire_instance_record *r;
    for (size_t at = 0; (r = plan_stop_at(v, &at)) != NULL && !w->failed;) {
        const struct wire_instance_record *kept = plan_kept(v, r);
        bool judged = kept != NULL && plan_runs(v, r) && plan_knows(v, r) && plan_knows_job(v, r->job) &&
                      plan_knows_node(v, r->node) && !plan_is_asked(v, r) && !plan_drains(v, r) &&
                      !plan_is_old(v, r) && heal->ready_us[v->leader] != 0;
        if (!judged)
            continue;
        int64_t since = heal->ready_us[v->leader], a = dead_us(w, v->leader, r->node),
                b = dead_us(w, v->leader, kept->node);
        since = a > since ? a : since;
        since = b > since ? b : since;
        if (since < v->made_us && v->made_us - since < stable_us(w))
            check_fail(w, &check_heal, (int)v->leader,
                       "%.*s[%u]: surplus that runs is stopped %lld ms after a host came back, or the leader",
                       BYTES_FMT(r->job), r->slot, (long long)((v->made_us - since) / US_PER_MS));
    }
}

static void heal_see(void *self, struct world *w, const struct sight *s) {
    struct heal *heal = self;
    struct plan_view v;
    if (s->kind == SIGHT_COMMIT) {
        if (plan_view_of(w, s, &v) && v.made_by_leader)
            see_plan(heal, w, &v);
        return;
    }
    const struct raft *raft = s->kind == SIGHT_STEP ? node_raft(s->host->node) : NULL;
    int64_t *ready = &heal->ready_us[s->host->index];
    if (raft == NULL || !raft_leader_ready(raft))
        *ready = 0;
    else if (*ready == 0)
        *ready = w->now_us;
}

const struct checker check_heal = {
    .name = "heal-stable",
    .promise = "surplus that runs is stopped when both hosts have been back for heal_stable, not before "
               "(partition promises 3.4)",
    .size = sizeof(struct heal),
    .sees = SEES(SIGHT_COMMIT) | SEES(SIGHT_STEP) | SEES(SIGHT_AGENT_GONE),
    .see = heal_see,
};
