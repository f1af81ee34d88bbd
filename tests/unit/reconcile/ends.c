/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* How instances end, and what the leader makes of it: failures, refusals, batches, stops. */
#include "rig.h"

/* ---- failures and refusals ---- */

Test(reconcile_failed, a_service_is_placed_anew_with_a_doubling_delay_of_at_most_an_hour) {
    struct rig r = rig_new(3);
    run_service(&r.w, "web", 1, "/bin/a");
    rig_run(&r);
    int64_t expected = 30 * US_PER_S;
    for (unsigned i = 0; i < 12; i++) {
        unsigned node = rig_node_of(&r, "web", 0);
        rig_tell_holder(&r, "web", 0, INSTANCE_STATE_FAILED);
        cr_assert_not(rig_plan(&r));
        cr_assert_eq(r.plan.next_us - r.now_us, expected, "failure %u", i + 1);
        rig_sleep(&r, expected - 1);
        cr_assert_not(rig_plan(&r));
        rig_sleep(&r, 1);
        cr_assert(rig_settle(&r));
        cr_assert_neq(rig_node_of(&r, "web", 0), node, "another host is tried");
        expected = expected * 2 < 3600 * US_PER_S ? expected * 2 : 3600 * US_PER_S;
    }
    rig_done(&r);
}

Test(reconcile_failed, a_new_run_of_a_service_starts_at_once) {
    struct rig r = rig_new(2);
    run_service(&r.w, "web", 1, "/bin/a");
    rig_run(&r);
    rig_tell_holder(&r, "web", 0, INSTANCE_STATE_FAILED);
    stop_job(&r.w, "web");
    rig_run(&r);
    run_service(&r.w, "web", 1, "/bin/a");
    cr_assert(rig_settle(&r));
    rig_done(&r);
}

Test(reconcile_failed, a_refused_one_is_tried_elsewhere_after_a_second) {
    struct rig r = rig_new(2);
    run_service(&r.w, "web", 1, "/bin/a");
    rig_settle(&r);
    unsigned node = rig_node_of(&r, "web", 0);
    rig_tell_holder(&r, "web", 0, INSTANCE_STATE_REFUSED);
    cr_assert_not(rig_plan(&r));
    cr_assert_eq(r.plan.next_us, r.now_us + US_PER_S);
    rig_sleep(&r, US_PER_S);
    cr_assert(rig_settle(&r));
    cr_assert_neq(rig_node_of(&r, "web", 0), node);
    rig_done(&r);
}

/* ---- batches ---- */

static void batch(struct rig *r, uint32_t count) {
    run_job(&r->w, job_of(&r->w, "once", JOB_TYPE_BATCH, count, "/bin/a"));
}

Test(reconcile_batch, what_is_over_stays_over) {
    struct rig r = rig_new(2);
    batch(&r, 2);
    rig_run(&r);
    rig_tell_holder(&r, "once", 0, INSTANCE_STATE_COMPLETE);
    rig_tell_holder(&r, "once", 1, INSTANCE_STATE_FAILED);
    rig_until(&r, r.now_us + 7200 * US_PER_S);
    cr_assert(r.places == 2 && r.stops == 0);
    batch(&r, 3);
    rig_run(&r);
    cr_assert_eq(r.places, 3, "a raised count runs the new slot only");
    rig_done(&r);
}

Test(reconcile_batch, stopped_and_run_again_it_runs_again) {
    struct rig r = rig_new(2);
    batch(&r, 2);
    rig_run(&r);
    rig_tell_holder(&r, "once", 0, INSTANCE_STATE_COMPLETE);
    rig_tell_holder(&r, "once", 1, INSTANCE_STATE_FAILED);
    stop_job(&r.w, "once");
    rig_run(&r);
    batch(&r, 2);
    rig_run(&r);
    cr_assert(r.places == 4 && rig_running(&r, "once") == 2);
    rig_done(&r);
}

Test(reconcile_batch, a_stand_in_that_completed_fills_the_slot_of_a_lost_host) {
    struct rig r = rig_new(2);
    batch(&r, 1);
    rig_run(&r);
    unsigned node = rig_node_of(&r, "once", 0);
    rig_lose(&r, node);
    rig_until(&r, r.now_us + 601 * US_PER_S);
    cr_assert_eq(r.places, 2);
    rig_tell_holder(&r, "once", 0, INSTANCE_STATE_COMPLETE);
    rig_until(&r, r.now_us + 7200 * US_PER_S);
    cr_assert_eq(r.places, 2, "it was run again");
    rig_return(&r, node);
    rig_until(&r, r.now_us + 7200 * US_PER_S);
    cr_assert(r.places == 2 && r.stops == 0);
    rig_done(&r);
}

Test(reconcile_batch, a_stand_in_that_failed_is_not_tried_for_ever) {
    struct rig r = rig_new(3);
    batch(&r, 1);
    rig_run(&r);
    rig_lose(&r, rig_node_of(&r, "once", 0));
    rig_until(&r, r.now_us + 601 * US_PER_S);
    rig_tell_holder(&r, "once", 0, INSTANCE_STATE_FAILED);
    rig_until(&r, r.now_us + 7200 * US_PER_S);
    cr_assert_eq(r.places, 2);
    rig_done(&r);
}

Test(reconcile_batch, completed_elsewhere_a_leaving_host_is_let_go) {
    struct rig r = rig_new(2);
    batch(&r, 1);
    rig_run(&r);
    set_status(&r.w, rig_node_of(&r, "once", 0), NODE_STATUS_LEFT);
    rig_settle(&r);
    rig_tell_holder(&r, "once", 0, INSTANCE_STATE_COMPLETE);
    rig_run(&r);
    cr_assert(r.places == 2 && r.stops == 1 && rig_wanted(&r, "once") == 0);
    rig_done(&r);
}

/* ---- tombstones ---- */

Test(reconcile_stop, a_slot_is_filled_again_only_when_the_stop_was_carried_out_or_its_host_is_lost) {
    struct rig r = rig_new(2);
    run_service(&r.w, "web", 1, "/bin/a");
    rig_run(&r);
    unsigned node = rig_node_of(&r, "web", 0);
    r.stuck[node - 1] = true;
    run_service(&r.w, "web", 1, "/bin/b");
    rig_settle(&r);
    rig_until(&r, r.now_us + 100 * US_PER_S);
    cr_assert(r.stops == 1 && r.places == 1);
    rig_lose(&r, node);
    cr_assert(rig_settle(&r));
    cr_assert_eq(r.places, 2);
    rig_done(&r);
}
