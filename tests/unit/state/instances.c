/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* The life of an instance: placed under preconditions, told of by its node alone, stopped by a wish that is
 * kept. */
#include "world.h"

static struct world one_job(void) {
    struct world w = world_new();
    add_nodes(&w, 3);
    run_service(&w, "web", 2, "/bin/a");
    return w;
}

/* ---- preconditions of a placement ---- */

Test(state_place, is_recorded_as_planned) {
    struct world w = one_job();
    struct wire_place p = place_of("web", 1, 1, 7, 2);
    struct wire_cmd_plan plan = {.places = &p, .places_count = 1};
    cr_assert_eq(APPLY(&w, .plan = &plan, .time_ms = 42).refused_count, 0);
    const struct wire_instance_record *r = record_of(&w, 7);
    cr_assert(r->version == 1 && r->slot == 1 && r->placed_ms == 42 && ID_EQUAL(r->node, node_of(2)));
    cr_assert_eq(r->state, INSTANCE_STATE_PLACED);
    cr_assert_eq(r->desired, DESIRED_STATE_RUN);
    cr_assert(state_instance_live(r));
    cr_assert_eq(state_job_index(w.state, text_of("web")), w.index);
    world_done(&w);
}

Test(state_place, is_refused_when_a_precondition_fails) {
    struct world w = one_job();
    struct wire_node_record joining = node_record(4);
    joining.status = NODE_STATUS_JOINING;
    add_record(&w, &joining);
    set_status(&w, 2, NODE_STATUS_UNREACHABLE);
    set_status(&w, 3, NODE_STATUS_LEFT);
    const struct wire_place good = place_of("web", 1, 0, 7, 1);
    struct wire_place bad[13];
    for (size_t i = 0; i < 13; i++)
        bad[i] = good;
    bad[0].job = text_of("nothing");
    bad[1].version = 2;
    bad[2].group = text_of("other");
    bad[3].slot = 2;
    bad[4].node = node_of(9);
    bad[5].node = node_of(2);
    bad[6].node = node_of(3);
    bad[7].node = node_of(4);
    bad[8].generation = 2;
    bad[9].generation = 0;
    bad[10].instance = (struct instance_id){{0}};
    bad[11].replaces = instance_of(5);
    bad[12].group = text_of("");
    for (size_t i = 0; i < 13; i++)
        cr_assert_eq(apply_place(&w, &bad[i]), 1, "placement %zu was taken", i);
    cr_assert_eq(state_instances_count(w.state), 0);
    cr_assert_eq(apply_place(&w, &good), 0);
    cr_assert_eq(apply_place(&w, &good), 1, "its id is there");
    stop_job(&w, "web");
    struct wire_place late = place_of("web", 1, 1, 8, 1);
    cr_assert_eq(apply_place(&w, &late), 1, "the job was stopped");
    world_done(&w);
}

Test(state_place, must_name_the_holder_of_the_slot) {
    struct world w = one_job();
    place_instance(&w, "web", 1, 0, 1, 1);
    struct wire_place second = place_of("web", 1, 0, 2, 2);
    cr_assert_eq(apply_place(&w, &second), 1, "the slot is held");
    second.replaces = instance_of(1);
    cr_assert_eq(apply_place(&w, &second), 0);
    struct wire_place third = place_of("web", 1, 0, 3, 3);
    third.replaces = instance_of(1);
    cr_assert_eq(apply_place(&w, &third), 1, "the newest holds it");
    tell(&w, instance_of(2), INSTANCE_STATE_FAILED);
    cr_assert_eq(apply_place(&w, &third), 0, "what failed holds nothing");
    world_done(&w);
}

Test(state_place, a_stopping_instance_holds_no_slot) {
    struct world w = one_job();
    place_instance(&w, "web", 1, 0, 1, 1);
    apply_stop(&w, 1, "test");
    struct wire_place p = place_of("web", 1, 0, 2, 2);
    cr_assert_eq(apply_place(&w, &p), 0);
    world_done(&w);
}

Test(state_place, stops_of_a_plan_come_before_its_places) {
    struct world w = one_job();
    place_instance(&w, "web", 1, 0, 1, 1);
    struct wire_place p = place_of("web", 1, 0, 2, 2);
    struct wire_stop s = {.instance = instance_of(1), .reason = text_of("moved")};
    struct wire_cmd_plan plan = {.places = &p, .places_count = 1, .stops = &s, .stops_count = 1};
    cr_assert_eq(APPLY(&w, .plan = &plan).refused_count, 0);
    cr_assert(bytes_is(record_of(&w, 1)->reason, "moved"));
    world_done(&w);
}

/* ---- stops ---- */

Test(state_stop, is_a_wish_that_stays_until_the_node_has_carried_it_out) {
    struct world w = one_job();
    place_instance(&w, "web", 1, 0, 1, 1);
    tell(&w, instance_of(1), INSTANCE_STATE_RUNNING);
    cr_assert_eq(apply_stop(&w, 1, "scaled down"), 0);
    cr_assert_eq(apply_stop(&w, 1, "again"), 1);
    cr_assert(bytes_is(record_of(&w, 1)->reason, "scaled down"));
    cr_assert_eq(record_of(&w, 1)->state, INSTANCE_STATE_RUNNING, "a fact is told by the node alone");
    cr_assert(state_instance_live(record_of(&w, 1)));
    cr_assert_eq(tell(&w, instance_of(1), INSTANCE_STATE_RUNNING), 0, "a late fact counts as a fact");
    cr_assert_eq(record_of(&w, 1)->desired, DESIRED_STATE_STOP, "and takes nothing back");
    cr_assert_not(record_of(&w, 1)->acknowledged);
    cr_assert_eq(tell(&w, instance_of(1), INSTANCE_STATE_STOPPED), 0);
    cr_assert(record_of(&w, 1)->acknowledged);
    cr_assert_eq(tell(&w, instance_of(1), INSTANCE_STATE_RUNNING), 1, "what is over is over");
    cr_assert_eq(apply_stop(&w, 1, "late"), 1);
    cr_assert_eq(apply_stop(&w, 99, "unknown"), 1);
    world_done(&w);
}

Test(state_stop, a_tombstone_outlives_any_number_of_successors) {
    struct world w = one_job();
    place_instance(&w, "web", 1, 0, 1, 1);
    tell(&w, instance_of(1), INSTANCE_STATE_RUNNING);
    set_status(&w, 1, NODE_STATUS_UNREACHABLE);
    apply_stop(&w, 1, "scaled down");
    for (unsigned i = 2; i < 30; i++) {
        place_instance(&w, "web", 1, 0, i, 2);
        tell(&w, instance_of(i), i % 2 != 0 ? INSTANCE_STATE_FAILED : INSTANCE_STATE_REFUSED);
    }
    struct state *other = state_new();
    cr_assert_eq(state_restore(other, snapshot_of(&w)), 0);
    const struct wire_instance_record *r = state_instance_find(other, instance_of(1));
    cr_assert(r != NULL && r->desired == DESIRED_STATE_STOP && state_instance_live(r));
    state_free(other);
    world_done(&w);
}

/* Two instances of the slot run, on the hosts 1 and 2. */
static struct world two_of_a_slot(void) {
    struct world w = one_job();
    place_instance(&w, "web", 1, 0, 1, 1);
    tell(&w, instance_of(1), INSTANCE_STATE_RUNNING);
    struct wire_place second = place_of("web", 1, 0, 2, 2);
    second.replaces = instance_of(1);
    cr_assert_eq(apply_place(&w, &second), 0);
    tell(&w, instance_of(2), INSTANCE_STATE_RUNNING);
    return w;
}

/* 0 when it was stopped, 1 when that was refused. */
static uint32_t stop_beside(struct world *w, unsigned instance, unsigned keeper) {
    struct wire_stop stop = {.instance = instance_of(instance), .keeper = instance_of(keeper)};
    struct wire_cmd_plan plan = {.stops = &stop, .stops_count = 1};
    return APPLY(w, .plan = &plan).refused_count;
}

Test(state_stop, of_surplus_is_refused_when_the_keeper_no_longer_runs) {
    static const enum instance_state gone[] = {INSTANCE_STATE_FAILED, INSTANCE_STATE_STARTING,
                                               INSTANCE_STATE_STOPPED, INSTANCE_STATE_COMPLETE};
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++) {
        struct world w = two_of_a_slot();
        tell(&w, instance_of(1), gone[i]);
        cr_assert_eq(stop_beside(&w, 2, 1), 1, "state %d", (int)gone[i]);
        cr_assert_eq(record_of(&w, 2)->desired, DESIRED_STATE_RUN);
        world_done(&w);
    }
}

Test(state_stop, of_surplus_is_refused_when_the_keeper_is_stopped_too) {
    struct world w = two_of_a_slot();
    struct wire_stop stops[] = {{.instance = instance_of(1), .keeper = instance_of(2)},
                                {.instance = instance_of(2), .keeper = instance_of(1)}};
    struct wire_cmd_plan plan = {.stops = stops, .stops_count = 2};
    cr_assert_eq(APPLY(&w, .plan = &plan).refused_count, 1, "one of the two stays");
    cr_assert_eq(record_of(&w, 2)->desired, DESIRED_STATE_RUN);
    world_done(&w);
}

Test(state_stop, of_surplus_needs_a_keeper_of_the_same_slot_on_a_host_in_sight) {
    struct world w = two_of_a_slot();
    place_instance(&w, "web", 1, 1, 3, 3);
    tell(&w, instance_of(3), INSTANCE_STATE_RUNNING);
    cr_assert_eq(stop_beside(&w, 2, 3), 1, "of another slot");
    cr_assert_eq(stop_beside(&w, 2, 2), 1, "itself");
    cr_assert_eq(stop_beside(&w, 2, 99), 1, "nobody");
    set_status(&w, 1, NODE_STATUS_UNREACHABLE);
    cr_assert_eq(stop_beside(&w, 2, 1), 1, "out of sight");
    set_status(&w, 1, NODE_STATUS_READY);
    cr_assert_eq(stop_beside(&w, 2, 1), 0);
    set_status(&w, 1, NODE_STATUS_LEFT);
    struct wire_place third = place_of("web", 1, 0, 4, 3);
    third.replaces = instance_of(1);
    cr_assert_eq(apply_place(&w, &third), 0);
    cr_assert_eq(stop_beside(&w, 4, 1), 1, "on a host that leaves");
    world_done(&w);
}

Test(state_stop, is_refused_when_an_operator_has_changed_the_job_since) {
    struct world w = two_of_a_slot();
    struct wire_stop stop = {.instance = instance_of(2), .version = 1};
    struct wire_cmd_plan plan = {.stops = &stop, .stops_count = 1};
    run_service(&w, "web", 3, "/bin/a");
    cr_assert_eq(APPLY(&w, .plan = &plan).refused_count, 1);
    stop.version = 2;
    cr_assert_eq(APPLY(&w, .plan = &plan).refused_count, 0);
    world_done(&w);
}

Test(state_stop, of_what_does_not_run_is_refused_when_it_runs_by_now) {
    struct world w = two_of_a_slot();
    struct wire_stop stop = {.instance = instance_of(2), .idle = true};
    struct wire_cmd_plan plan = {.stops = &stop, .stops_count = 1};
    cr_assert_eq(APPLY(&w, .plan = &plan).refused_count, 1);
    tell(&w, instance_of(2), INSTANCE_STATE_STARTING);
    cr_assert_eq(APPLY(&w, .plan = &plan).refused_count, 0);
    world_done(&w);
}

/* ---- facts ---- */

Test(state_facts, count_in_order_of_their_sequence) {
    struct world w = one_job();
    place_instance(&w, "web", 1, 0, 1, 1);
    struct wire_port_binding port = {.label = text_of("http"), .port = 20001};
    struct wire_task_fact task = {.name = text_of("t"), .state = TASK_STATE_RUNNING, .pid = 77};
    struct wire_fact facts[] = {
        {.instance = instance_of(1),
         .state = INSTANCE_STATE_RUNNING,
         .sequence = 5,
         .ports = &port,
         .ports_count = 1,
         .tasks = &task,
         .tasks_count = 1},
        {.instance = instance_of(1), .state = INSTANCE_STATE_STARTING, .sequence = 4},
        {.instance = instance_of(1), .state = INSTANCE_STATE_STARTING, .sequence = 5},
    };
    struct wire_cmd_report report = {.node = node_of(1), .facts = facts, .facts_count = 3};
    cr_assert_eq(APPLY(&w, .report = &report).refused_count, 2);
    const struct wire_instance_record *r = record_of(&w, 1);
    cr_assert(r->state == INSTANCE_STATE_RUNNING && r->sequence == 5);
    cr_assert(r->ports_count == 1 && r->ports[0].port == 20001 && r->tasks_count == 1 &&
              r->tasks[0].pid == 77);
    world_done(&w);
}

Test(state_facts, of_another_node_are_ignored) {
    struct world w = one_job();
    place_instance(&w, "web", 1, 0, 1, 1);
    struct wire_fact fact = {.instance = instance_of(1), .state = INSTANCE_STATE_FAILED, .sequence = 1};
    struct wire_cmd_report report = {.node = node_of(2), .facts = &fact, .facts_count = 1};
    cr_assert_eq(APPLY(&w, .report = &report).refused_count, 1);
    cr_assert_eq(record_of(&w, 1)->state, INSTANCE_STATE_PLACED);
    fact.instance = instance_of(50);
    report.node = node_of(1);
    cr_assert_eq(APPLY(&w, .report = &report).refused_count, 1, "an instance that the log does not know");
    world_done(&w);
}

/* A run that was refused a port tells so, and ends; the next one, whose inventory the log has, starts the
 * task. */
Test(state_facts, of_an_earlier_run_of_the_agent_are_ignored) {
    struct world w = one_job();
    place_instance(&w, "web", 1, 0, 1, 1);
    struct wire_fact fact = {.instance = instance_of(1), .state = INSTANCE_STATE_REFUSED, .sequence = 1};
    struct wire_cmd_report report = {.node = node_of(1), .generation = 2, .facts = &fact, .facts_count = 1};
    struct wire_node_record node = *state_node_find(w.state, node_of(1));
    node.generation = 3;
    APPLY(&w, .node = &node);
    cr_assert_eq(APPLY(&w, .report = &report).refused_count, 1);
    cr_assert_eq(record_of(&w, 1)->state, INSTANCE_STATE_PLACED);
    report.generation = 3;
    cr_assert_eq(APPLY(&w, .report = &report).refused_count, 0);
    cr_assert_eq(record_of(&w, 1)->state, INSTANCE_STATE_REFUSED);
    world_done(&w);
}

Test(state_facts, a_reason_stays_until_a_newer_one_is_told) {
    struct world w = one_job();
    place_instance(&w, "web", 1, 0, 1, 1);
    apply_stop(&w, 1, "scaled down");
    tell(&w, instance_of(1), INSTANCE_STATE_STOPPED);
    cr_assert(bytes_is(record_of(&w, 1)->reason, "scaled down"));
    world_done(&w);
}

/* ---- what is kept ---- */

static unsigned kept(struct world *w, unsigned low, unsigned high) {
    unsigned n = 0;
    for (unsigned i = low; i <= high; i++)
        n += record_of(w, i) != NULL;
    return n;
}

Test(state_slots, keep_the_newest_finished_instances_only) {
    struct world w = one_job();
    for (unsigned i = 1; i <= 20; i++) {
        place_instance(&w, "web", 1, 0, i, 1);
        apply_stop(&w, i, "test");
        tell(&w, instance_of(i), INSTANCE_STATE_STOPPED);
    }
    cr_assert_eq(kept(&w, 1, 20), 2);
    cr_assert(record_of(&w, 19) != NULL && record_of(&w, 20) != NULL);
    world_done(&w);
}

/* The delay of a slot that keeps failing is doubled by counting them. */
Test(state_slots, keep_enough_failures_to_slow_a_slot_down) {
    struct world w = one_job();
    for (unsigned i = 1; i <= 20; i++) {
        place_instance(&w, "web", 1, 0, i, 1);
        tell(&w, instance_of(i), INSTANCE_STATE_FAILED);
    }
    cr_assert_eq(kept(&w, 1, 20), 8);
    cr_assert_eq(kept(&w, 13, 20), 8);
    world_done(&w);
}

Test(state_slots, never_lose_what_completed_to_what_ended_later) {
    struct world w = world_new();
    add_nodes(&w, 3);
    run_job(&w, job_of(&w, "once", JOB_TYPE_BATCH, 1, "/bin/a"));
    unsigned holder = 0;
    for (unsigned i = 1; i <= 5; i++) {
        struct wire_place p = place_of("once", 1, 0, i, 1 + i % 3);
        if (holder != 0)
            p.replaces = instance_of(holder);
        cr_assert_eq(apply_place(&w, &p), 0);
        holder = i;
    }
    tell(&w, instance_of(2), INSTANCE_STATE_COMPLETE);
    tell(&w, instance_of(3), INSTANCE_STATE_REFUSED);
    tell(&w, instance_of(4), INSTANCE_STATE_REFUSED);
    tell(&w, instance_of(5), INSTANCE_STATE_REFUSED);
    cr_assert_not_null(record_of(&w, 2), "the slot is filled by it");
    tell(&w, instance_of(1), INSTANCE_STATE_REFUSED);
    cr_assert_not_null(record_of(&w, 2));
    cr_assert_not_null(record_of(&w, 1), "what has just ended is shown");
    world_done(&w);
}

struct seen {
    unsigned numbers[8];
    size_t count;
};
static void note(void *arg, const struct wire_instance_record *r) {
    struct seen *s = arg;
    s->numbers[s->count++] = r->id.b[1];
}

Test(state_instances, are_walked_in_order_of_placement) {
    struct world w = one_job();
    run_service(&w, "api", 2, "/bin/a");
    place_instance(&w, "web", 1, 0, 5, 1);
    place_instance(&w, "api", 1, 0, 9, 2);
    place_instance(&w, "web", 1, 1, 1, 2);
    place_instance(&w, "api", 1, 1, 3, 1);
    tell(&w, instance_of(5), INSTANCE_STATE_RUNNING);
    struct seen all = {{0}, 0}, web = {{0}, 0}, second = {{0}, 0};
    state_instances_each(w.state, note, &all);
    state_instances_of_job(w.state, text_of("web"), note, &web);
    state_instances_of_node(w.state, node_of(2), note, &second);
    cr_assert(all.count == 4 && all.numbers[0] == 5 && all.numbers[1] == 9 && all.numbers[2] == 1 &&
              all.numbers[3] == 3);
    cr_assert(web.count == 2 && web.numbers[0] == 5 && web.numbers[1] == 1);
    cr_assert(second.count == 2 && second.numbers[0] == 9 && second.numbers[1] == 1);
    world_done(&w);
}

/* ---- changes told ---- */

Test(state_changes, name_what_was_touched_and_what_went) {
    struct world w = one_job();
    struct state_change c;
    while (state_change_next(w.state, &c)) {
    }
    for (unsigned i = 1; i <= 3; i++) {
        place_instance(&w, "web", 1, 0, i, 1);
        apply_stop(&w, i, "test");
        tell(&w, instance_of(i), INSTANCE_STATE_STOPPED);
    }
    unsigned touched = 0, gone = 0;
    while (state_change_next(w.state, &c)) {
        cr_assert(bytes_is(c.name, "web") && ID_EQUAL(c.node, node_of(1)));
        touched += c.kind == STATE_INSTANCE;
        if (c.kind != STATE_INSTANCE_GONE)
            continue;
        gone++;
        cr_assert(ID_EQUAL(c.instance, instance_of(1)));
        cr_assert_eq(c.index, w.index);
    }
    cr_assert(touched == 9 && gone == 1);
    world_done(&w);
}
