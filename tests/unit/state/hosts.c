/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Operators' words on a host: drain, announced absence, forget. */
#include "world.h"

static const struct wire_node_record *node(const struct world *w, unsigned number) {
    return state_node_find(w->state, node_of(number));
}

static int drain(struct world *w, unsigned number, bool on) {
    struct wire_cmd_node_drain c = {.id = node_of(number), .drain = on};
    return APPLY(w, .node_drain = &c).error;
}

static int away(struct world *w, unsigned number, uint64_t ms, uint32_t generation) {
    struct wire_cmd_node_away c = {
        .id = node_of(number), .away_ms = ms, .until_ms = 5000 + (int64_t)ms, .generation = generation};
    return APPLY(w, .node_away = &c).error;
}

static int forget(struct world *w, unsigned number) {
    struct wire_cmd_node_status c = {.id = node_of(number)};
    return APPLY(w, .node_forget = &c).error;
}

Test(state_hosts, nothing_new_is_placed_on_a_drained_host_and_what_is_there_stays) {
    struct world w = world_new();
    add_nodes(&w, 2);
    uint64_t v = run_service(&w, "web", 3, "/bin/a");
    place_instance(&w, "web", v, 0, 1, 1);
    cr_assert_eq(drain(&w, 1, true), 0);
    cr_assert(state_instance_live(state_instance_find(w.state, instance_of(1))));
    struct wire_place there = place_of("web", v, 1, 2, 1), elsewhere = place_of("web", v, 1, 3, 2);
    cr_assert_eq(apply_place(&w, &there), 1, "a plan made before the word is refused");
    cr_assert_eq(apply_place(&w, &elsewhere), 0);
    cr_assert_eq(drain(&w, 1, false), 0);
    there = place_of("web", v, 2, 4, 1);
    cr_assert_eq(apply_place(&w, &there), 0);
    cr_assert_eq(drain(&w, 9, true), ERR_NOT_FOUND);
    world_done(&w);
}

Test(state_hosts, the_words_are_the_operators_and_nothing_that_a_host_says_of_itself) {
    struct world w = world_new();
    struct wire_node_record record = node_record(1);
    record.drain = record.forget = true;
    record.away_ms = 1000;
    add_record(&w, &record);
    cr_assert(!node(&w, 1)->drain && !node(&w, 1)->forget && node(&w, 1)->away_ms == 0);
    cr_assert_eq(drain(&w, 1, true), 0);
    cr_assert_eq(away(&w, 1, 60000, record.generation), 0);
    record.drain = record.forget = false;
    record.away_ms = 0;
    record.cpu_mhz++;
    add_record(&w, &record);
    cr_assert(node(&w, 1)->drain);
    cr_assert_eq(node(&w, 1)->away_ms, 60000);
    cr_assert_eq(node(&w, 1)->away_until_ms, 65000);
    world_done(&w);
}

Test(state_hosts, an_absence_ends_with_the_next_run_of_the_agent_and_only_that) {
    struct world w = world_new();
    struct wire_node_record record = node_record(1);
    add_record(&w, &record);
    cr_assert_eq(away(&w, 1, 60000, record.generation), 0);
    set_status(&w, 1, NODE_STATUS_UNREACHABLE);
    add_record(&w, &record);
    cr_assert_eq(node(&w, 1)->away_ms, 60000, "the same run, seen again");
    record.generation++;
    add_record(&w, &record);
    cr_assert_eq(node(&w, 1)->away_ms, 0);
    cr_assert_eq(node(&w, 1)->away_until_ms, 0);
    cr_assert_eq(away(&w, 1, 1000, record.generation - 1), ERR_CONFLICT, "it has come back meanwhile");
    cr_assert_eq(away(&w, 1, WIRE_AWAY_MAX + 1, record.generation), ERR_LIMIT);
    cr_assert_eq(node(&w, 1)->away_ms, 0);
    cr_assert_eq(away(&w, 1, WIRE_AWAY_MAX, record.generation), 0);
    cr_assert_eq(away(&w, 1, 0, record.generation), 0);
    cr_assert_eq(node(&w, 1)->away_until_ms, 0);
    world_done(&w);
}

Test(state_hosts, nothing_takes_the_place_of_what_is_on_a_host_that_is_away) {
    struct world w = world_new();
    add_nodes(&w, 2);
    uint64_t v = run_service(&w, "web", 1, "/bin/a");
    place_instance(&w, "web", v, 0, 1, 1);
    cr_assert_eq(away(&w, 1, 60000, 1), 0);
    struct wire_place place = place_of("web", v, 0, 2, 2);
    place.replaces = instance_of(1);
    cr_assert_eq(apply_place(&w, &place), 1, "whatever a leader thinks");
    cr_assert_eq(drain(&w, 1, true), 0);
    cr_assert_eq(apply_place(&w, &place), 0, "it is to be emptied anyway");
    world_done(&w);
}

Test(state_hosts, the_absence_over_its_instances_are_replaced_like_any_others) {
    struct world w = world_new();
    add_nodes(&w, 2);
    uint64_t v = run_service(&w, "web", 1, "/bin/a");
    place_instance(&w, "web", v, 0, 1, 1);
    cr_assert_eq(away(&w, 1, 60000, 1), 0);
    cr_assert_eq(away(&w, 1, 0, 1), 0);
    struct wire_place place = place_of("web", v, 0, 2, 2);
    place.replaces = instance_of(1);
    cr_assert_eq(apply_place(&w, &place), 0);
    world_done(&w);
}

Test(state_hosts, one_to_be_forgotten_has_left_and_a_new_join_takes_that_back) {
    struct world w = world_new();
    add_nodes(&w, 2);
    cr_assert_eq(drain(&w, 1, true), 0);
    cr_assert_eq(forget(&w, 1), 0);
    cr_assert_eq(node(&w, 1)->status, NODE_STATUS_LEFT);
    cr_assert(node(&w, 1)->forget);
    cr_assert_eq(away(&w, 2, 1000, 1), 0);
    set_status(&w, 2, NODE_STATUS_LEFT);
    cr_assert_eq(node(&w, 2)->away_ms, 0, "who leaves is not waited for");
    cr_assert_eq(away(&w, 1, 1000, 1), ERR_CONFLICT);
    struct wire_node_record again = node_record(1);
    again.status = NODE_STATUS_JOINING;
    again.generation++;
    add_record(&w, &again);
    cr_assert(!node(&w, 1)->forget);
    cr_assert(node(&w, 1)->drain, "that word was not taken back");
    cr_assert_eq(forget(&w, 7), ERR_NOT_FOUND);
    world_done(&w);
}

Test(state_hosts, the_words_are_in_the_snapshot) {
    struct world w = world_new();
    add_nodes(&w, 3);
    cr_assert_eq(drain(&w, 1, true), 0);
    cr_assert_eq(away(&w, 2, 60000, 1), 0);
    cr_assert_eq(forget(&w, 3), 0);
    struct buf before = {0}, after = {0};
    struct state *copy = state_new();
    state_snapshot(w.state, &before);
    cr_assert_eq(state_restore(copy, buf_bytes(&before)), 0);
    state_snapshot(copy, &after);
    cr_assert(bytes_equal(buf_bytes(&before), buf_bytes(&after)));
    cr_assert(state_node_find(copy, node_of(1))->drain && state_node_find(copy, node_of(3))->forget);
    cr_assert_eq(state_node_find(copy, node_of(2))->away_ms, 60000);
    state_free(copy);
    buf_done(&before);
    buf_done(&after);
    world_done(&w);
}
