/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* The leader's plans, story by story. */
#include "rig.h"

static bool same_instance(const struct wire_instance_record *r, struct instance_id id) {
    return r && ID_EQUAL(r->id, id);
}

/* ---- jobs come, change and go ---- */

Test(reconcile_job, a_new_one_gets_all_its_slots_once) {
    struct rig r = rig_new(3);
    run_service(&r.w, "web", 5, "/bin/a");
    cr_assert(rig_settle(&r));
    cr_assert_eq(rig_wanted(&r, "web"), 5);
    cr_assert_eq(r.places, 5);
    rig_run(&r);
    cr_assert_eq(rig_running(&r, "web"), 5);
    cr_assert(r.places == 5 && r.stops == 0);
    cr_assert_eq(r.plan.next_us, TIME_NEVER_US);
    rig_done(&r);
}

Test(reconcile_job, scaling_touches_only_the_slots_that_come_or_go) {
    struct rig r = rig_new(3);
    run_service(&r.w, "web", 2, "/bin/a");
    rig_run(&r);
    struct instance_id first = rig_holder(&r, "web", 0)->id, second = rig_holder(&r, "web", 1)->id;
    run_service(&r.w, "web", 6, "/bin/a");
    rig_run(&r);
    cr_assert(r.places == 6 && r.stops == 0 && rig_running(&r, "web") == 6);
    run_service(&r.w, "web", 1, "/bin/a");
    rig_run(&r);
    cr_assert(r.places == 6 && r.stops == 5 && rig_running(&r, "web") == 1);
    cr_assert(same_instance(rig_holder(&r, "web", 0), first));
    cr_assert_eq(state_instance_find(r.w.state, second)->state, INSTANCE_STATE_STOPPED);
    run_service(&r.w, "web", 0, "/bin/a");
    rig_run(&r);
    cr_assert_eq(rig_wanted(&r, "web"), 0);
    rig_done(&r);
}

Test(reconcile_job, a_stopped_one_is_stopped_everywhere_even_out_of_sight) {
    struct rig r = rig_new(3);
    run_service(&r.w, "web", 3, "/bin/a");
    rig_run(&r);
    rig_lose(&r, 2);
    stop_job(&r.w, "web");
    rig_run(&r);
    cr_assert(r.stops == 3 && rig_wanted(&r, "web") == 0 && r.places == 3);
    rig_done(&r);
}

Test(reconcile_job, a_group_that_is_gone_is_stopped) {
    struct rig r = rig_new(2);
    run_service(&r.w, "web", 2, "/bin/a");
    rig_run(&r);
    struct wire_job *job = job_of(&r.w, "web", JOB_TYPE_SERVICE, 1, "/bin/a");
    job->groups[0].name = text_of("h");
    run_job(&r.w, job);
    rig_run(&r);
    cr_assert(r.stops == 2 && r.places == 3 && rig_running(&r, "web") == 1);
    rig_done(&r);
}

Test(reconcile_job, what_fits_nowhere_is_told_once_a_group_and_the_rest_is_placed) {
    struct rig r = rig_new(2);
    struct wire_job *big = job_of(&r.w, "big", JOB_TYPE_SERVICE, 5, "/bin/a");
    big->groups[0].tasks[0].memory_mib = 3000;
    run_job(&r.w, big);
    run_service(&r.w, "web", 1, "/bin/a");
    rig_plan(&r);
    cr_assert_eq(r.plan.plan.places_count, 3);
    cr_assert_eq(r.plan.reasons_count, 1);
    cr_assert(bytes_is(r.plan.reasons[0].job, "big") && bytes_is(r.plan.reasons[0].group, "g"));
    cr_assert(bytes_is(r.plan.reasons[0].text, "no node fits: 2 lack 3000 MiB of memory"));
    add_node(&r.w, 3);
    r.views[2] = (struct reconcile_node_view){.id = node_of(3), .alive = true, .last_good_us = r.now_us};
    r.nodes_count = 3;
    rig_plan(&r);
    cr_assert_eq(r.plan.plan.places_count, 1);
    rig_done(&r);
}

Test(reconcile_job, a_plan_is_bounded_and_the_next_one_goes_on) {
    struct rig r = rig_new(3);
    r.options.places_max = 4;
    run_service(&r.w, "web", 10, "/bin/a");
    rig_plan(&r);
    cr_assert_eq(r.plan.plan.places_count, 4);
    rig_run(&r);
    cr_assert(r.places == 10 && rig_running(&r, "web") == 10);
    rig_done(&r);
}

/* ---- updates ---- */

/* Rounds of one plan and one round of facts, until it rests; out of service: at most one slot more than
 * before. */
static void update_rounds(struct rig *r, const char *job, unsigned count, unsigned out_already) {
    for (unsigned i = 0; i < 20 * count; i++) {
        bool planned = rig_settle(r);
        cr_assert_geq(rig_running(r, job) + 1 + out_already, count, "two slots are out of service");
        cr_assert_leq(rig_wanted(r, job), count + out_already);
        if (!rig_obey(r) && !planned)
            return;
    }
    cr_assert(false, "the update does not end");
}

Test(reconcile_update, goes_one_slot_at_a_time_stop_first) {
    struct rig r = rig_new(3);
    run_service(&r.w, "web", 5, "/bin/a");
    rig_run(&r);
    uint64_t v = run_service(&r.w, "web", 5, "/bin/b");
    update_rounds(&r, "web", 5, 0);
    cr_assert(r.stops == 5 && r.places == 10);
    for (uint32_t i = 0; i < 5; i++)
        cr_assert_eq(rig_holder(&r, "web", i)->version, v);
    rig_done(&r);
}

Test(reconcile_update, groups_are_updated_each_for_itself_and_unchanged_ones_not_at_all) {
    struct rig r = rig_new(3);
    struct wire_job *job = job_of(&r.w, "web", JOB_TYPE_SERVICE, 2, "/bin/a");
    struct wire_group groups[2] = {job->groups[0], job->groups[0]};
    groups[1].name = text_of("h");
    job->groups = groups;
    job->groups_count = 2;
    run_job(&r.w, job);
    rig_run(&r);
    struct wire_task task = groups[1].tasks[0];
    task.command = text_of("/bin/b");
    groups[1].tasks = &task;
    run_job(&r.w, job);
    rig_run(&r);
    cr_assert(r.stops == 2 && r.places == 6 && rig_running(&r, "web") == 4);
    rig_done(&r);
}

Test(reconcile_update, what_does_not_run_is_replaced_at_once) {
    struct rig r = rig_new(3);
    run_service(&r.w, "web", 4, "/bin/a");
    rig_settle(&r);
    run_service(&r.w, "web", 4, "/bin/b");
    rig_settle(&r);
    cr_assert_eq(r.stops, 4);
    rig_run(&r);
    cr_assert_eq(rig_running(&r, "web"), 4);
    rig_done(&r);
}

Test(reconcile_update, waits_for_a_slot_whose_host_was_just_lost) {
    struct rig r = rig_new(4);
    run_service(&r.w, "web", 4, "/bin/a");
    rig_run(&r);
    rig_lose(&r, rig_node_of(&r, "web", 2));
    run_service(&r.w, "web", 4, "/bin/b");
    cr_assert_not(rig_plan(&r), "one slot is out of service already");
    rig_sleep(&r, 3 * US_PER_S);
    update_rounds(&r, "web", 4, 1);
    cr_assert_eq(rig_running(&r, "web"), 4);
    rig_done(&r);
}

Test(reconcile_update, before_the_status_of_a_lost_host_is_in_the_log_it_waits_too) {
    struct rig r = rig_new(3);
    run_service(&r.w, "web", 3, "/bin/a");
    rig_run(&r);
    r.views[rig_node_of(&r, "web", 1) - 1].alive = false;
    run_service(&r.w, "web", 3, "/bin/b");
    rig_sleep(&r, 60 * US_PER_S);
    cr_assert_not(rig_plan(&r));
    rig_done(&r);
}

Test(reconcile_update, a_version_that_fails_takes_out_one_slot_only) {
    struct rig r = rig_new(3);
    run_service(&r.w, "web", 3, "/bin/a");
    rig_run(&r);
    run_service(&r.w, "web", 3, "/bin/bad");
    rig_settle(&r);
    rig_obey(&r);
    rig_settle(&r);
    for (unsigned i = 0; i < 5; i++) {
        uint32_t slot = 0;
        while (rig_holder(&r, "web", slot) == NULL || rig_holder(&r, "web", slot)->version == 1)
            slot++;
        rig_tell_holder(&r, "web", slot, INSTANCE_STATE_FAILED);
        cr_assert_not(rig_plan(&r));
        cr_assert_eq(rig_running(&r, "web"), 2);
        rig_sleep(&r, r.plan.next_us - r.now_us);
        cr_assert(rig_plan(&r));
        cr_assert_eq(rig_running(&r, "web"), 2);
    }
    uint64_t v = run_service(&r.w, "web", 3, "/bin/good");
    rig_run(&r);
    cr_assert_eq(rig_running(&r, "web"), 3, "a third version goes on at once");
    for (uint32_t i = 0; i < 3; i++)
        cr_assert_eq(rig_holder(&r, "web", i)->version, v);
    rig_done(&r);
}

Test(reconcile_update, in_the_middle_of_another_ends_at_the_newest) {
    struct rig r = rig_new(3);
    run_service(&r.w, "web", 4, "/bin/a");
    rig_run(&r);
    run_service(&r.w, "web", 4, "/bin/b");
    for (unsigned i = 0; i < 3; i++) {
        rig_settle(&r);
        rig_obey(&r);
    }
    uint64_t v = run_service(&r.w, "web", 4, "/bin/c");
    update_rounds(&r, "web", 4, 0);
    for (uint32_t i = 0; i < 4; i++)
        cr_assert_eq(rig_holder(&r, "web", i)->version, v);
    rig_done(&r);
}

/* ---- hosts lost ---- */

Test(reconcile_lost, a_host_is_replaced_after_replace_after_and_not_before) {
    struct rig r = rig_new(3);
    run_service(&r.w, "web", 3, "/bin/a");
    rig_run(&r);
    unsigned node = rig_node_of(&r, "web", 1);
    rig_sleep(&r, US_PER_S);
    int64_t last_good = r.now_us;
    rig_lose(&r, node);
    rig_sleep(&r, US_PER_S);
    cr_assert_not(rig_plan(&r));
    cr_assert_eq(r.plan.next_us, last_good + 3 * US_PER_S);
    r.now_us = last_good + 3 * US_PER_S - 1;
    cr_assert_not(rig_plan(&r));
    r.now_us++;
    cr_assert(rig_settle(&r));
    cr_assert(r.places == 4 && r.stops == 0, "the lost one stays in the log");
    cr_assert_neq(rig_node_of(&r, "web", 1), node);
    rig_run(&r);
    cr_assert(r.places == 4 && rig_running(&r, "web") == 3 && rig_wanted(&r, "web") == 4);
    rig_done(&r);
}

Test(reconcile_lost, nothing_is_done_before_the_log_says_that_the_host_is_out_of_reach) {
    struct rig r = rig_new(3);
    run_service(&r.w, "web", 3, "/bin/a");
    rig_run(&r);
    r.views[0].alive = false;
    rig_sleep(&r, 600 * US_PER_S);
    cr_assert_not(rig_plan(&r));
    rig_done(&r);
}

/* An agent that has just died is alive to SWIM for some seconds: its streams tell before. */
Test(reconcile_lost, nothing_new_is_placed_on_a_host_that_is_not_heard) {
    struct rig r = rig_new(3);
    r.views[0].unheard = r.views[1].unheard = true;
    run_service(&r.w, "web", 3, "/bin/a");
    rig_run(&r);
    for (uint32_t slot = 0; slot < 3; slot++)
        cr_assert_eq(rig_node_of(&r, "web", slot), 3);
    rig_done(&r);
}

Test(reconcile_lost, a_batch_waits_longer) {
    struct rig r = rig_new(2);
    run_job(&r.w, job_of(&r.w, "once", JOB_TYPE_BATCH, 1, "/bin/a"));
    rig_run(&r);
    rig_lose(&r, rig_node_of(&r, "once", 0));
    rig_until(&r, r.now_us + 599 * US_PER_S);
    cr_assert_eq(r.places, 1);
    rig_until(&r, r.now_us + 2 * US_PER_S);
    cr_assert_eq(r.places, 2);
    rig_done(&r);
}

Test(reconcile_lost, a_stand_in_whose_host_is_lost_too_is_waited_for_as_long) {
    struct rig r = rig_new(3);
    run_service(&r.w, "web", 1, "/bin/a");
    rig_run(&r);
    rig_lose(&r, rig_node_of(&r, "web", 0));
    rig_until(&r, r.now_us + 10 * US_PER_S);
    cr_assert_eq(r.places, 2);
    rig_lose(&r, rig_node_of(&r, "web", 0));
    cr_assert_not(rig_plan(&r));
    cr_assert_eq(r.plan.next_us, r.now_us + 3 * US_PER_S);
    rig_until(&r, r.now_us + 3 * US_PER_S);
    cr_assert_eq(r.places, 3);
    rig_done(&r);
}

Test(reconcile_lost, a_stand_in_that_fails_is_tried_again_as_slowly_as_any) {
    struct rig r = rig_new(3);
    run_service(&r.w, "web", 1, "/bin/a");
    rig_run(&r);
    rig_lose(&r, rig_node_of(&r, "web", 0));
    rig_sleep(&r, 5 * US_PER_S);
    rig_settle(&r);
    rig_tell_holder(&r, "web", 0, INSTANCE_STATE_FAILED);
    cr_assert_not(rig_plan(&r));
    cr_assert_eq(r.plan.next_us, r.now_us + 30 * US_PER_S);
    rig_sleep(&r, 30 * US_PER_S);
    cr_assert(rig_settle(&r));
    rig_tell_holder(&r, "web", 0, INSTANCE_STATE_REFUSED);
    cr_assert_not(rig_plan(&r));
    rig_done(&r);
}

/* ---- hosts that do not answer ---- */

#define ANSWER_US (30 * US_PER_S) /* above twice replace_after of the rig */

Test(reconcile_silent, a_placement_that_its_host_says_nothing_of_is_made_elsewhere_in_time) {
    struct rig r = rig_new(3);
    run_service(&r.w, "web", 1, "/bin/a");
    rig_settle(&r);
    unsigned silent = rig_node_of(&r, "web", 0);
    struct instance_id first = rig_holder(&r, "web", 0)->id;
    rig_sleep(&r, ANSWER_US - 1);
    cr_assert_not(rig_plan(&r));
    cr_assert_eq(r.plan.next_us, r.now_us + 1);
    rig_sleep(&r, 1);
    cr_assert(rig_settle(&r));
    cr_assert(r.places == 2 && r.stops == 0);
    cr_assert_neq(rig_node_of(&r, "web", 0), silent);
    rig_tell_holder(&r, "web", 0, INSTANCE_STATE_RUNNING);
    cr_assert(rig_settle(&r));
    const struct wire_instance_record *record = state_instance_find(r.w.state, first);
    cr_assert_eq(record->desired, DESIRED_STATE_STOP);
    cr_assert(
        bytes_is(record->reason, "its host did not answer in time: another instance of its slot is kept"));
    run_service(&r.w, "api", 5, "/bin/a");
    rig_settle(&r);
    for (uint32_t slot = 0; slot < 5; slot++)
        cr_assert_neq(rig_node_of(&r, "api", slot), silent, "nothing more is placed there");
    rig_done(&r);
}

Test(reconcile_silent, an_answer_that_comes_late_keeps_one_of_the_two) {
    struct rig r = rig_new(2);
    run_service(&r.w, "web", 1, "/bin/a");
    rig_settle(&r);
    rig_sleep(&r, ANSWER_US);
    struct instance_id first = rig_holder(&r, "web", 0)->id;
    cr_assert(rig_settle(&r));
    cr_assert_eq(r.places, 2);
    tell(&r.w, first, INSTANCE_STATE_RUNNING);
    rig_until(&r, r.now_us + 60 * US_PER_S);
    cr_assert(r.places == 2 && rig_wanted(&r, "web") == 1 && rig_running(&r, "web") == 1);
    cr_assert(same_instance(rig_holder(&r, "web", 0), first));
    rig_done(&r);
}

Test(reconcile_silent, when_no_host_answers_each_is_tried_once) {
    struct rig r = rig_new(3);
    for (unsigned i = 0; i < 3; i++)
        r.stuck[i] = true;
    run_service(&r.w, "web", 1, "/bin/a");
    rig_until(&r, r.now_us + 3600 * US_PER_S);
    cr_assert(r.places == 3 && r.stops == 0, "%u placed, %u stopped", r.places, r.stops);
    rig_done(&r);
}

Test(reconcile_silent, a_host_that_was_away_has_its_time_from_its_return) {
    struct rig r = rig_new(2);
    run_service(&r.w, "web", 1, "/bin/a");
    rig_settle(&r);
    unsigned node = rig_node_of(&r, "web", 0);
    rig_lose(&r, node);
    rig_sleep(&r, 2 * US_PER_S);
    rig_return(&r, node);
    rig_sleep(&r, ANSWER_US - 1);
    cr_assert_not(rig_plan(&r));
    rig_sleep(&r, 1);
    cr_assert(rig_plan(&r));
    rig_done(&r);
}

/* Its streams do not work: whether it has stopped, it can tell nobody. */
Test(reconcile_silent, a_stop_is_not_waited_for_when_nothing_comes_from_its_host) {
    struct rig r = rig_new(2);
    run_service(&r.w, "web", 1, "/bin/a");
    rig_run(&r);
    unsigned node = rig_node_of(&r, "web", 0);
    r.stuck[node - 1] = true;
    run_service(&r.w, "web", 1, "/bin/b");
    rig_settle(&r);
    rig_sleep(&r, 50 * US_PER_S);
    cr_assert_not(rig_plan(&r), "it is heard, and does not say that it has stopped");
    r.views[node - 1].unheard = true;
    r.views[node - 1].unheard_us = r.now_us;
    cr_assert_not(rig_plan(&r));
    rig_sleep(&r, ANSWER_US - 1);
    cr_assert_not(rig_plan(&r));
    rig_sleep(&r, 1);
    cr_assert(rig_plan(&r));
    cr_assert_neq(rig_node_of(&r, "web", 0), node);
    rig_done(&r);
}

/* Slot 1 had a stand-in beside one that is lost, or whose host leaves. It was to stop, and its host says
 * nothing of it. */
static void update_waits(void (*away)(struct rig *, unsigned)) {
    struct rig r = rig_new(3);
    run_service(&r.w, "web", 2, "/bin/a");
    rig_run(&r);
    unsigned first = rig_node_of(&r, "web", 0);
    away(&r, rig_node_of(&r, "web", 1));
    rig_sleep(&r, r.options.replace_after_us);
    r.views[first - 1].unheard = true; /* nothing new is placed there */
    rig_settle(&r);
    unsigned silent = rig_node_of(&r, "web", 1);
    cr_assert_neq(silent, first);
    r.stuck[silent - 1] = true;
    run_service(&r.w, "web", 2, "/bin/b");
    cr_assert(rig_plan(&r) && r.plan.plan.stops_count == 1, "the stand-in has not begun");
    rig_sleep(&r, ANSWER_US);
    cr_assert_not(rig_plan(&r));
    cr_assert_eq(rig_holder(&r, "web", 0)->version, 1);
    rig_done(&r);
}

static void leaves(struct rig *r, unsigned node) { set_status(&r->w, node, NODE_STATUS_LEFT); }

Test(reconcile_silent, an_update_waits_for_a_stop_that_nobody_answers_though_another_of_its_slot_is_there) {
    update_waits(rig_lose);
    update_waits(leaves);
}

/* ---- between planning and applying ---- */

Test(reconcile_race, surplus_stays_when_what_was_to_be_kept_dies_before_the_plan_is_applied) {
    struct rig r = rig_new(2);
    run_service(&r.w, "web", 1, "/bin/a");
    rig_run(&r);
    unsigned node = rig_node_of(&r, "web", 0);
    set_status(&r.w, node, NODE_STATUS_LEFT);
    rig_settle(&r);
    rig_obey(&r);
    struct instance_id first = {{0}}, stand_in = rig_holder(&r, "web", 0)->id;
    arena_reset(&r.arena);
    reconcile_cluster(r.w.state, r.views, r.nodes_count, r.now_us, &r.options, r.memory, &r.prng, &r.arena,
                      &r.plan);
    cr_assert_eq(r.plan.plan.stops_count, 1);
    first = r.plan.plan.stops[0].instance;
    cr_assert(!ID_EQUAL(first, stand_in));
    tell(&r.w, stand_in, INSTANCE_STATE_FAILED);
    cr_assert_eq(APPLY(&r.w, .plan = &r.plan.plan).refused_count, 1);
    cr_assert_eq(state_instance_find(r.w.state, first)->desired, DESIRED_STATE_RUN);
    cr_assert_eq(rig_running(&r, "web"), 1);
    rig_done(&r);
}

/* ---- hosts that come back ---- */

/* Slot 0 of a single-slot job has a stand-in that runs; returns the original. */
static struct instance_id original_and_stand_in(struct rig *r, unsigned *ret_node) {
    run_service(&r->w, "web", 1, "/bin/a");
    rig_run(r);
    struct instance_id original = rig_holder(r, "web", 0)->id;
    *ret_node = rig_node_of(r, "web", 0);
    rig_lose(r, *ret_node);
    rig_until(r, r->now_us + 20 * US_PER_S);
    cr_assert_eq(r->places, 2);
    return original;
}

Test(reconcile_heal, the_original_is_kept_and_the_stand_in_stopped_after_heal_stable) {
    struct rig r = rig_new(2);
    unsigned node;
    struct instance_id original = original_and_stand_in(&r, &node);
    rig_return(&r, node);
    cr_assert_not(rig_plan(&r));
    cr_assert_eq(r.plan.next_us, r.now_us + 15 * US_PER_S);
    rig_sleep(&r, 15 * US_PER_S - 1);
    cr_assert_not(rig_plan(&r));
    rig_sleep(&r, 1);
    rig_run(&r);
    cr_assert_eq(r.stops, 1);
    cr_assert(same_instance(rig_holder(&r, "web", 0), original));
    cr_assert(rig_wanted(&r, "web") == 1 && rig_running(&r, "web") == 1);
    rig_done(&r);
}

Test(reconcile_heal, an_original_that_no_longer_runs_is_stopped_at_once) {
    struct rig r = rig_new(2);
    unsigned node;
    struct instance_id original = original_and_stand_in(&r, &node), stand_in = rig_holder(&r, "web", 0)->id;
    r.stuck[node - 1] = true;
    rig_return(&r, node);
    tell(&r.w, original, INSTANCE_STATE_STARTING);
    cr_assert(rig_settle(&r));
    cr_assert_eq(state_instance_find(r.w.state, original)->desired, DESIRED_STATE_STOP);
    cr_assert(same_instance(rig_holder(&r, "web", 0), stand_in));
    rig_done(&r);
}

Test(reconcile_heal, an_original_that_died_leaves_the_stand_in) {
    struct rig r = rig_new(2);
    unsigned node;
    struct instance_id original = original_and_stand_in(&r, &node), stand_in = rig_holder(&r, "web", 0)->id;
    rig_return(&r, node);
    tell(&r.w, original, INSTANCE_STATE_FAILED);
    rig_until(&r, r.now_us + 100 * US_PER_S);
    cr_assert(r.stops == 0 && r.places == 2 && same_instance(rig_holder(&r, "web", 0), stand_in));
    rig_done(&r);
}

/* RULES of replacement: a slow starter is not cancelled at each flap of the original's host. */
Test(reconcile_heal, a_stand_in_that_does_not_run_yet_is_stopped_after_heal_stable_too) {
    struct rig r = rig_new(2);
    run_service(&r.w, "web", 1, "/bin/a");
    rig_run(&r);
    struct instance_id original = rig_holder(&r, "web", 0)->id;
    unsigned node = rig_node_of(&r, "web", 0);
    rig_lose(&r, node);
    rig_sleep(&r, 5 * US_PER_S);
    rig_settle(&r);
    rig_return(&r, node);
    tell(&r.w, original, INSTANCE_STATE_RUNNING);
    cr_assert_not(rig_plan(&r));
    rig_sleep(&r, 15 * US_PER_S);
    cr_assert(rig_settle(&r));
    cr_assert(r.stops == 1 && same_instance(rig_holder(&r, "web", 0), original));
    rig_done(&r);
}

Test(reconcile_heal, the_host_of_the_stand_in_must_have_been_back_as_long) {
    struct rig r = rig_new(2);
    unsigned node;
    struct instance_id original = original_and_stand_in(&r, &node);
    unsigned other = rig_node_of(&r, "web", 0);
    rig_return(&r, node);
    rig_sleep(&r, 14 * US_PER_S);
    rig_lose(&r, other);
    rig_return(&r, other);
    rig_sleep(&r, 14 * US_PER_S);
    cr_assert_not(rig_plan(&r));
    rig_sleep(&r, US_PER_S);
    cr_assert(rig_plan(&r));
    cr_assert(same_instance(rig_holder(&r, "web", 0), original));
    rig_done(&r);
}

Test(reconcile_heal, an_update_made_meanwhile_keeps_the_new_version) {
    struct rig r = rig_new(2);
    unsigned node;
    struct instance_id original = original_and_stand_in(&r, &node);
    uint64_t v = run_service(&r.w, "web", 1, "/bin/b");
    rig_run(&r);
    rig_return(&r, node);
    rig_until(&r, r.now_us + 60 * US_PER_S);
    cr_assert_eq(rig_holder(&r, "web", 0)->version, v);
    cr_assert_eq(rig_wanted(&r, "web"), 1);
    cr_assert_eq(state_instance_find(r.w.state, original)->state, INSTANCE_STATE_STOPPED);
    rig_done(&r);
}

Test(reconcile_heal, a_host_that_flaps_costs_few_starts_and_stops) {
    struct rig r = rig_new(3);
    run_service(&r.w, "web", 3, "/bin/a");
    rig_run(&r);
    for (unsigned i = 0; i < 100; i++) {
        rig_lose(&r, 1);
        rig_until(&r, r.now_us + 5 * US_PER_S);
        rig_return(&r, 1);
        rig_until(&r, r.now_us + 10 * US_PER_S);
        cr_assert_geq(rig_running(&r, "web"), 3);
    }
    cr_assert(r.places <= 4 && r.stops == 0, "%u placed, %u stopped", r.places, r.stops);
    rig_until(&r, r.now_us + 60 * US_PER_S);
    cr_assert(rig_running(&r, "web") == 3 && rig_wanted(&r, "web") == 3 && r.stops == 1);
    rig_done(&r);
}

/* ---- hosts that leave ---- */

Test(reconcile_leave, the_stand_in_runs_before_anything_is_stopped) {
    struct rig r = rig_new(2);
    run_service(&r.w, "web", 1, "/bin/a");
    rig_run(&r);
    unsigned node = rig_node_of(&r, "web", 0);
    set_status(&r.w, node, NODE_STATUS_LEFT);
    cr_assert(rig_settle(&r));
    cr_assert(r.places == 2 && r.stops == 0);
    cr_assert_neq(rig_node_of(&r, "web", 0), node);
    rig_obey(&r);
    cr_assert(rig_settle(&r));
    cr_assert_eq(r.stops, 1);
    rig_run(&r);
    cr_assert(rig_running(&r, "web") == 1 && rig_wanted(&r, "web") == 1 && r.places == 2);
    rig_done(&r);
}

Test(reconcile_leave, with_no_room_elsewhere_it_goes_on_running) {
    struct rig r = rig_new(1);
    run_service(&r.w, "web", 2, "/bin/a");
    rig_run(&r);
    set_status(&r.w, 1, NODE_STATUS_LEFT);
    rig_until(&r, r.now_us + 100 * US_PER_S);
    cr_assert(r.stops == 0 && rig_running(&r, "web") == 2);
    cr_assert_eq(r.plan.reasons_count, 1);
    rig_done(&r);
}
