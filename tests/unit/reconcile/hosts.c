/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Hosts that an operator drains, that are away as announced, or that a new leader has not seen yet. */
#include "rig.h"

static void drain(struct rig *r, unsigned node, bool on) {
    struct wire_cmd_node_drain c = {.id = node_of(node), .drain = on};
    cr_assert_eq(APPLY(&r->w, .node_drain = &c).error, 0);
}

static void away(struct rig *r, unsigned node, uint64_t ms) {
    struct wire_cmd_node_away c = {.id = node_of(node),
                                   .away_ms = ms,
                                   .until_ms = (int64_t)ms,
                                   .generation = state_node_find(r->w.state, node_of(node))->generation};
    cr_assert_eq(APPLY(&r->w, .node_away = &c).error, 0);
}

static unsigned wanted_on(struct rig *r, const char *job, unsigned count, unsigned node) {
    unsigned found = 0;
    for (uint32_t slot = 0; slot < count; slot++)
        found += rig_node_of(r, job, slot) == node;
    return found;
}

Test(reconcile_drain, a_replacement_runs_before_the_old_one_is_stopped_and_one_slot_moves_at_a_time) {
    struct rig r = rig_new(3);
    run_service(&r.w, "web", 6, "/bin/a");
    rig_run(&r);
    cr_assert_eq(wanted_on(&r, "web", 6, 1), 2);
    drain(&r, 1, true);
    for (unsigned i = 0; i < 20; i++) {
        bool planned = rig_settle(&r);
        cr_assert_geq(rig_running(&r, "web"), 6, "capacity dips");
        cr_assert_leq(rig_wanted(&r, "web"), 7, "more than one slot moves");
        if (!rig_obey(&r) && !planned)
            break;
    }
    cr_assert_eq(wanted_on(&r, "web", 6, 1), 0);
    cr_assert(r.places == 8 && r.stops == 2 && rig_wanted(&r, "web") == 6);
    rig_done(&r);
}

Test(reconcile_drain, groups_move_each_for_itself) {
    struct rig r = rig_new(2);
    run_service(&r.w, "api", 2, "/bin/a");
    run_service(&r.w, "web", 2, "/bin/a");
    rig_run(&r);
    unsigned there = wanted_on(&r, "api", 2, 1) + wanted_on(&r, "web", 2, 1);
    drain(&r, 1, true);
    rig_run(&r);
    cr_assert_eq(r.stops, there);
    cr_assert(rig_running(&r, "api") == 2 && rig_running(&r, "web") == 2);
    rig_done(&r);
}

Test(reconcile_drain, with_no_room_elsewhere_it_goes_on_running_and_the_reason_is_told) {
    struct rig r = rig_new(1);
    run_service(&r.w, "web", 2, "/bin/a");
    rig_run(&r);
    drain(&r, 1, true);
    rig_until(&r, r.now_us + 100 * US_PER_S);
    cr_assert(r.stops == 0 && r.places == 2 && rig_running(&r, "web") == 2);
    cr_assert_eq(r.plan.reasons_count, 1);
    cr_assert(bytes_is(r.plan.reasons[0].text, "no node fits: 1 is drained"), "%.*s",
              BYTES_FMT(r.plan.reasons[0].text));
    rig_done(&r);
}

Test(reconcile_drain, a_batch_runs_to_its_end_where_it_is) {
    struct rig r = rig_new(2);
    run_job(&r.w, job_of(&r.w, "once", JOB_TYPE_BATCH, 2, "/bin/a"));
    rig_run(&r);
    drain(&r, 1, true);
    drain(&r, 2, true);
    rig_until(&r, r.now_us + 100 * US_PER_S);
    cr_assert(r.stops == 0 && r.places == 2);
    rig_done(&r);
}

Test(reconcile_drain, an_update_goes_on_after_it_and_an_old_version_moves_as_the_new_one) {
    struct rig r = rig_new(2);
    run_service(&r.w, "web", 2, "/bin/a");
    rig_run(&r);
    unsigned node = rig_node_of(&r, "web", 0);
    drain(&r, node, true);
    run_service(&r.w, "web", 2, "/bin/b");
    rig_run(&r);
    cr_assert(rig_running(&r, "web") == 2 && rig_wanted(&r, "web") == 2);
    for (uint32_t slot = 0; slot < 2; slot++) {
        cr_assert_eq(rig_holder(&r, "web", slot)->version, 2);
        cr_assert_neq(rig_node_of(&r, "web", slot), node);
    }
    rig_done(&r);
}

Test(reconcile_drain, taken_back_in_the_middle_what_has_moved_stays_and_the_rest_stays) {
    struct rig r = rig_new(2);
    run_service(&r.w, "web", 4, "/bin/a");
    rig_run(&r);
    drain(&r, 1, true);
    rig_settle(&r);
    rig_obey(&r);
    rig_settle(&r);
    drain(&r, 1, false);
    rig_until(&r, r.now_us + 100 * US_PER_S);
    cr_assert(rig_running(&r, "web") == 4 && rig_wanted(&r, "web") == 4);
    cr_assert_geq(wanted_on(&r, "web", 4, 1), 1);
    rig_done(&r);
}

Test(reconcile_drain, a_drained_host_that_is_lost_is_waited_for_like_any_other) {
    struct rig r = rig_new(1);
    run_service(&r.w, "web", 1, "/bin/a");
    rig_run(&r);
    drain(&r, 1, true);
    rig_run(&r);
    add_node(&r.w, 2);
    r.views[1] = (struct reconcile_node_view){.id = node_of(2), .alive = true, .last_good_us = r.now_us};
    r.nodes_count = 2;
    rig_hear(&r);
    rig_lose(&r, 1);
    cr_assert(!rig_settle(&r), "not before replace_after");
    rig_until(&r, r.now_us + r.options.replace_after_us + US_PER_S);
    cr_assert_eq(rig_node_of(&r, "web", 0), 2);
    rig_done(&r);
}

/* ---- away ---- */

Test(reconcile_away, nothing_is_replaced_while_it_lasts_and_everything_behind_it) {
    struct rig r = rig_new(3);
    run_service(&r.w, "web", 3, "/bin/a");
    rig_run(&r);
    away(&r, 2, 60000);
    rig_lose(&r, 2);
    rig_until(&r, r.now_us + 3000 * US_PER_S);
    cr_assert(r.places == 3 && r.stops == 0, "the log ends it, no clock here");
    away(&r, 2, 0);
    rig_run(&r);
    cr_assert(r.places == 4 && rig_running(&r, "web") == 3);
    rig_done(&r);
}

Test(reconcile_away, a_host_that_is_lost_without_a_word_is_replaced_meanwhile) {
    struct rig r = rig_new(4);
    run_service(&r.w, "web", 4, "/bin/a");
    rig_run(&r);
    away(&r, 2, 60000);
    rig_lose(&r, 2);
    rig_lose(&r, 3);
    rig_until(&r, r.now_us + 100 * US_PER_S);
    cr_assert_eq(r.places, 5);
    cr_assert_eq(wanted_on(&r, "web", 4, 3), 0);
    rig_done(&r);
}

Test(reconcile_away, a_host_that_may_go_gets_nothing_new) {
    struct rig r = rig_new(2);
    away(&r, 1, 60000);
    run_service(&r.w, "web", 2, "/bin/a");
    rig_run(&r);
    cr_assert(rig_running(&r, "web") == 2 && wanted_on(&r, "web", 2, 1) == 0);
    drain(&r, 2, true);
    run_service(&r.w, "api", 1, "/bin/a");
    rig_plan(&r);
    cr_assert(r.plan.reasons_count > 0);
    cr_assert(bytes_is(r.plan.reasons[0].text, "no node fits: 1 is drained, 1 is away as announced"), "%.*s",
              BYTES_FMT(r.plan.reasons[0].text));
    rig_done(&r);
}

Test(reconcile_away, a_stand_in_that_was_placed_before_the_word_is_waited_for_with_it) {
    struct rig r = rig_new(3);
    run_service(&r.w, "web", 1, "/bin/a");
    rig_run(&r);
    unsigned first = rig_node_of(&r, "web", 0);
    rig_lose(&r, first);
    rig_until(&r, r.now_us + 10 * US_PER_S);
    unsigned second = rig_node_of(&r, "web", 0);
    cr_assert_neq(first, second);
    away(&r, second, 60000);
    rig_lose(&r, second);
    rig_until(&r, r.now_us + 1000 * US_PER_S);
    cr_assert_eq(rig_node_of(&r, "web", 0), second);
    rig_return(&r, second);
    rig_run(&r);
    cr_assert(rig_running(&r, "web") == 1 && r.places == 2);
    rig_done(&r);
}

/* ---- drained, and something else ---- */

Test(reconcile_drain, an_update_takes_out_no_slot_while_one_on_a_drained_host_is_down) {
    struct rig r = rig_new(2);
    struct wire_job *job = job_of(&r.w, "web", JOB_TYPE_SERVICE, 2, "/bin/a");
    job->groups[0].tasks[0].memory_mib = node_record(1).memory_mib / 2 + 1; /* one a host */
    run_job(&r.w, job);
    rig_run(&r);
    cr_assert_eq(rig_running(&r, "web"), 2);
    drain(&r, rig_node_of(&r, "web", 1), true);
    rig_tell_holder(&r, "web", 1, INSTANCE_STATE_STARTING);
    struct instance_id other = rig_holder(&r, "web", 0)->id;
    job->groups[0].tasks[0].kill_timeout_ms = 1;
    run_job(&r.w, job);
    rig_plan(&r);
    for (size_t i = 0; i < r.plan.plan.stops_count; i++)
        cr_assert(!ID_EQUAL(r.plan.plan.stops[i].instance, other), "nothing of the group would run");
    rig_done(&r);
}

Test(reconcile_drain, what_runs_there_counts_more_than_what_nobody_sees) {
    struct rig r = rig_new(3);
    run_service(&r.w, "web", 2, "/bin/a");
    rig_run(&r);
    unsigned first = rig_node_of(&r, "web", 0), second = rig_node_of(&r, "web", 1);
    rig_lose(&r, first);
    rig_lose(&r, second);
    rig_until(&r, r.now_us + 10 * US_PER_S);
    unsigned third = rig_node_of(&r, "web", 0);
    cr_assert(third == rig_node_of(&r, "web", 1) && third != first && third != second);
    add_node(&r.w, 4);
    r.views[3] = (struct reconcile_node_view){.id = node_of(4), .alive = true, .last_good_us = r.now_us};
    r.nodes_count = 4;
    drain(&r, third, true);
    rig_settle(&r);
    cr_assert_eq(wanted_on(&r, "web", 2, 4), 1, "one at a time, as they run");
    rig_run(&r);
    cr_assert_eq(wanted_on(&r, "web", 2, 4), 2);
    rig_done(&r);
}

/* ---- a leader that has just begun: who is in sight it learns before the log says who is not ---- */

Test(reconcile_unsettled, a_drained_slot_moves_when_the_log_has_settled_of_whom_else_it_may_be_held) {
    struct rig r = rig_new(3);
    run_service(&r.w, "web", 1, "/bin/a");
    rig_run(&r);
    unsigned first = rig_node_of(&r, "web", 0);
    rig_lose(&r, first);
    rig_until(&r, r.now_us + 10 * US_PER_S);
    unsigned second = rig_node_of(&r, "web", 0);
    rig_return(&r, first);
    rig_run(&r);
    cr_assert_eq(rig_wanted(&r, "web"), 2, "surplus is left alone at first");
    r.views[first - 1].alive = false;
    drain(&r, second, true);
    rig_sleep(&r, 60 * US_PER_S);
    cr_assert_not(rig_plan(&r), "the log says that a host which is ready holds the slot");
    rig_lose(&r, first);
    r.views[first - 1].last_good_us = r.now_us - 1;
    cr_assert_not(rig_plan(&r), "it was seen a moment ago");
    rig_sleep(&r, r.options.replace_after_us);
    cr_assert(rig_plan(&r));
    cr_assert(r.plan.plan.places_count == 1 &&
              ID_EQUAL(r.plan.plan.places[0].node, node_of(6 - first - second)));
    rig_done(&r);
}

Test(reconcile_unsettled, an_update_waits_for_a_stop_on_a_host_that_is_ready_by_the_log) {
    struct rig r = rig_new(2);
    struct wire_job *job = job_of(&r.w, "web", JOB_TYPE_SERVICE, 2, "/bin/a");
    job->groups[0].tasks[0].memory_mib = node_record(1).memory_mib / 2 + 1; /* one a host */
    run_job(&r.w, job);
    rig_run(&r);
    job->groups[0].tasks[0].kill_timeout_ms = 1;
    run_job(&r.w, job);
    cr_assert(rig_plan(&r) && r.plan.plan.stops_count == 1);
    unsigned node = state_instance_find(r.w.state, r.plan.plan.stops[0].instance)->node.b[1];
    r.views[node - 1].alive = false;
    cr_assert_not(rig_plan(&r), "two slots would be out of service");
    r.views[node - 1].alive = true;
    rig_run(&r);
    cr_assert_eq(rig_running(&r, "web"), 2);
    rig_done(&r);
}

/* Of three slots two are on drained hosts, and the last one is on its way to `to`. */
static struct rig rig_half_drained(unsigned *to) {
    struct rig r = rig_new(4);
    run_service(&r.w, "web", 3, "/bin/a");
    rig_run(&r);
    drain(&r, rig_node_of(&r, "web", 2), true);
    cr_assert(rig_plan(&r) && r.plan.plan.places_count == 1 && r.plan.plan.places[0].slot == 2);
    *to = rig_node_of(&r, "web", 2);
    drain(&r, rig_node_of(&r, "web", 0), true);
    cr_assert_neq(rig_node_of(&r, "web", 0), *to);
    cr_assert_not(rig_plan(&r), "one at a time");
    return r;
}

Test(reconcile_unsettled, a_drained_slot_waits_for_one_on_its_way_to_a_host_that_is_ready_by_the_log) {
    unsigned to;
    struct rig r = rig_half_drained(&to);
    r.views[to - 1].alive = false;
    cr_assert_not(rig_plan(&r), "two slots would move");
    r.views[to - 1].alive = true;
    rig_run(&r);
    cr_assert(rig_running(&r, "web") == 3 && r.places == 5 && r.stops == 2);
    rig_done(&r);
}

Test(reconcile_drain, a_slot_whose_stand_in_is_lost_gets_another_before_the_next_slot_moves) {
    unsigned to;
    struct rig r = rig_half_drained(&to);
    rig_lose(&r, to);
    cr_assert_not(rig_plan(&r), "it was seen a moment ago");
    cr_assert_eq(r.plan.next_us, r.now_us + r.options.replace_after_us);
    rig_sleep(&r, r.options.replace_after_us);
    cr_assert(rig_plan(&r) && r.plan.plan.places_count == 1 && r.plan.plan.places[0].slot == 2);
    rig_done(&r);
}

Test(reconcile_drain, a_slot_whose_stand_in_is_not_answered_for_gets_another_before_the_next_slot_moves) {
    unsigned to;
    struct rig r = rig_half_drained(&to);
    rig_sleep(&r, r.options.answer_us);
    cr_assert(rig_plan(&r) && r.plan.plan.places_count == 1 && r.plan.plan.places[0].slot == 2);
    cr_assert_neq(rig_node_of(&r, "web", 2), to);
    rig_done(&r);
}

Test(reconcile_unsettled, an_update_waits_for_a_slot_that_begins_on_a_host_that_is_ready_by_the_log) {
    struct rig r = rig_new(3);
    run_service(&r.w, "web", 2, "/bin/a");
    rig_run(&r);
    unsigned second = rig_node_of(&r, "web", 1);
    drain(&r, rig_node_of(&r, "web", 0), true);
    drain(&r, second, true);
    run_service(&r.w, "web", 2, "/bin/b");
    cr_assert(rig_plan(&r) && r.plan.plan.places_count == 1 && r.plan.plan.places[0].slot == 0);
    drain(&r, second, false);
    r.views[rig_node_of(&r, "web", 0) - 1].alive = false;
    cr_assert_not(rig_plan(&r), "the new version has not run yet");
    r.views[rig_node_of(&r, "web", 0) - 1].alive = true;
    rig_run(&r);
    cr_assert(rig_running(&r, "web") == 2 && rig_holder(&r, "web", 1)->version == 2);
    rig_done(&r);
}
