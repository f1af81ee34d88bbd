/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * A committed plan, judged against the true state before it. Between the making of a plan and its commit
 * other entries may come in: what they touched the leader could not know (plan_knows()), and a checker takes
 * it as it suits the plan.
 */
#ifndef SIM_PLANS_H
#define SIM_PLANS_H

#include "truth.h"

struct plan_view {
    struct world *w;
    const struct state *state;
    const struct wire_cmd_plan *plan;
    int64_t made_us; /* when its leader had it in its log */
    uint32_t leader; /* host; whoever committed it, when another than made it */
    bool made_by_leader;
};

/* Of SIGHT_COMMIT or SIGHT_APPLIED; false: the entry holds no plan. */
bool plan_view_of(struct world *w, const struct sight *s, struct plan_view *ret);
bool plan_stops(const struct plan_view *v, struct instance_id id);
/* Was its last change in the leader's state when it planned? */
bool plan_knows(const struct plan_view *v, const struct wire_instance_record *r);
/* And its job's? An operator may take back between the two what he had asked for. */
bool plan_knows_job(const struct plan_view *v, struct bytes job);
bool plan_knows_node(const struct plan_view *v, struct node_id node);
/* Wanted, and running by its newest fact, on a host that is ready. */
bool plan_runs(const struct plan_view *v, const struct wire_instance_record *r);
bool plan_wanted(const struct wire_instance_record *r);
/* Of another version than the newest of its job, and not the same in its group. */
bool plan_is_old(const struct plan_view *v, const struct wire_instance_record *r);
/* On a host that an operator drains: another one takes its place, and then it is stopped. */
bool plan_drains(const struct plan_view *v, const struct wire_instance_record *r);
/*
 * An operator's word ends it: its job was stopped, its group is gone, its slot is beyond the count, or its
 * host leaves.
 */
bool plan_is_asked(const struct plan_view *v, const struct wire_instance_record *r);
/*
 * The first placed of the instances that hold the slot of `r` with it and may go on running behind this plan:
 * what has changed meanwhile may have run as far as its leader knew. NULL: none.
 */
const struct wire_instance_record *plan_keeper(const struct plan_view *v,
                                               const struct wire_instance_record *r);
/*
 * Who is kept, when this plan stops `r`: whom the stop names, known or not, since it counts only while that
 * one runs. Of a stop that names nobody it is the keeper, if the leader knew that it runs: it may have meant
 * one that came back meanwhile, and not the next one of which it knew. NULL: nobody, or nobody knows whom.
 */
const struct wire_instance_record *plan_kept(const struct plan_view *v, const struct wire_instance_record *r);
/* Stops of this plan that count: of an instance that is there and wanted. NULL past the end. */
const struct wire_instance_record *plan_stop_at(const struct plan_view *v, size_t *at);

#endif
