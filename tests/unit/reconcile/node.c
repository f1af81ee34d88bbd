/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* One node's part: what the log wants here against what is here. And what an instance is, by its tasks. */
#include <covey/reconcile.h>

#include "../state/world.h"

/* ---- actions ---- */

struct have {
    unsigned instance; /* 0: nothing is here */
    size_t tasks_count;
    struct reconcile_task tasks[2];
    bool refused;
};

static bool all_gone(void *arg, struct instance_id id) {
    (void)id;
    return *(bool *)arg;
}

/* "start", "stop", "forget" or "": what is done with the one instance. */
static const char *action(struct world *w, const struct have *have, bool known_gone) {
    static const char *const words[] = {"start", "stop", "forget"};
    struct reconcile_instance i = {.id = instance_of(have->instance),
                                   .refused = have->refused,
                                   .tasks = have->tasks,
                                   .tasks_count = have->tasks_count};
    struct reconcile_action *actions;
    struct arena a = {0};
    size_t count =
        reconcile_node(w->state, node_of(1), &i, have->instance != 0, all_gone, &known_gone, &a, &actions);
    cr_assert_leq(count, 1);
    const char *word = count > 0 ? words[actions[0].kind] : "";
    if (count > 0)
        cr_assert(ID_EQUAL(actions[0].instance, instance_of(1)));
    arena_done(&a);
    return word;
}

static struct world one_instance(void) {
    struct world w = world_new();
    add_nodes(&w, 2);
    run_service(&w, "web", 2, "/bin/a");
    place_instance(&w, "web", 1, 0, 1, 1);
    return w;
}

static const struct have nothing = {.instance = 0};
static const struct have running = {.instance = 1, .tasks_count = 1, .tasks = {{.started = true}}};
static const struct have not_started = {.instance = 1, .tasks_count = 1};
static const struct have over = {
    .instance = 1, .tasks_count = 1, .tasks = {{.started = true, .final = true}}};
static const struct have one_of_two = {
    .instance = 1, .tasks_count = 2, .tasks = {{.started = true}, {.started = false}}};
static const struct have half_over = {
    .instance = 1, .tasks_count = 2, .tasks = {{.started = true, .final = true}, {.started = true}}};
static const struct have refused = {.instance = 1, .refused = true, .tasks_count = 1};

Test(reconcile_node, wanted_ones_are_started_when_they_are_not_here_and_left_alone_when_they_are) {
    struct world w = one_instance();
    cr_assert_str_eq(action(&w, &nothing, true), "start");
    cr_assert_str_eq(action(&w, &not_started, true), "start");
    cr_assert_str_eq(action(&w, &one_of_two, true), "start", "a task whose shim was lost");
    cr_assert_str_eq(action(&w, &running, true), "");
    cr_assert_str_eq(action(&w, &over, true), "");
    cr_assert_str_eq(action(&w, &refused, true), "", "refused once, not tried again");
    world_done(&w);
}

Test(reconcile_node, a_committed_stop_is_carried_out_until_all_tasks_are_over) {
    struct world w = one_instance();
    apply_stop(&w, 1, "test");
    cr_assert_str_eq(action(&w, &nothing, true), "stop", "nothing to stop, and never a start");
    cr_assert_str_eq(action(&w, &running, true), "stop");
    cr_assert_str_eq(action(&w, &half_over, true), "stop");
    cr_assert_str_eq(action(&w, &over, true), "");
    tell(&w, instance_of(1), INSTANCE_STATE_STOPPED);
    cr_assert_str_eq(action(&w, &nothing, true), "", "the log knows that it is over");
    world_done(&w);
}

Test(reconcile_node, what_is_over_in_the_log_is_not_started_again) {
    struct world w = one_instance();
    tell(&w, instance_of(1), INSTANCE_STATE_FAILED);
    cr_assert_str_eq(action(&w, &nothing, true), "");
    cr_assert_str_eq(action(&w, &over, true), "");
    world_done(&w);
}

Test(reconcile_node, a_host_that_was_taken_out_and_comes_back_stops_what_the_log_has_ended) {
    struct world w = one_instance();
    tell(&w, instance_of(1), INSTANCE_STATE_RUNNING);
    struct wire_cmd_node_status remove = {.id = node_of(1)};
    cr_assert_eq(APPLY(&w, .node_remove = &remove).error, 0);
    add_node(&w, 1);
    cr_assert_str_eq(action(&w, &running, true), "stop");
    cr_assert_str_eq(action(&w, &over, true), "");
    world_done(&w);
}

Test(reconcile_node, an_instance_that_the_log_never_knew_is_a_fact_and_one_it_dropped_is_not) {
    struct world w = world_new();
    add_nodes(&w, 1);
    cr_assert_str_eq(action(&w, &running, false), "");
    cr_assert_str_eq(action(&w, &over, false), "");
    cr_assert_str_eq(action(&w, &running, true), "stop");
    cr_assert_str_eq(action(&w, &half_over, true), "stop");
    cr_assert_str_eq(action(&w, &over, true), "forget");
    world_done(&w);
}

Test(reconcile_node, what_belongs_to_other_nodes_is_none_of_its_business) {
    struct world w = world_new();
    add_nodes(&w, 2);
    run_service(&w, "web", 1, "/bin/a");
    place_instance(&w, "web", 1, 0, 1, 2);
    cr_assert_str_eq(action(&w, &nothing, true), "");
    world_done(&w);
}

Test(reconcile_node, many_instances_are_matched_by_id) {
    struct world w = world_new();
    add_nodes(&w, 1);
    run_service(&w, "web", 40, "/bin/a");
    for (unsigned i = 0; i < 40; i++)
        place_instance(&w, "web", 1, i, 40 - i, 1);
    struct reconcile_task task = {.started = true};
    struct reconcile_instance here[20];
    for (unsigned i = 0; i < 20; i++)
        here[i] = (struct reconcile_instance){.id = instance_of(2 * i + 2), .tasks = &task, .tasks_count = 1};
    struct reconcile_action *actions;
    struct arena a = {0};
    bool gone = true;
    cr_assert_eq(reconcile_node(w.state, node_of(1), here, 20, all_gone, &gone, &a, &actions), 20);
    for (size_t i = 0; i < 20; i++)
        cr_assert(actions[i].kind == RECONCILE_START && actions[i].instance.b[1] % 2 == 1);
    arena_done(&a);
    world_done(&w);
}

/* ---- the state of an instance ---- */

#define P TASK_STATE_PENDING
#define R TASK_STATE_RUNNING
#define B TASK_STATE_BACKOFF
#define S TASK_STATE_STOPPING
#define D TASK_STATE_DEAD
#define F 100 /* dead, and failed */

static const struct row {
    enum job_type type;
    bool stop_asked;
    size_t count, expected;
    int tasks[3];
    enum instance_state state;
} rows[] = {
    {JOB_TYPE_SERVICE, false, 1, 1, {P}, INSTANCE_STATE_STARTING},
    {JOB_TYPE_SERVICE, false, 1, 1, {R}, INSTANCE_STATE_RUNNING},
    {JOB_TYPE_SERVICE, false, 1, 1, {B}, INSTANCE_STATE_STARTING},
    {JOB_TYPE_SERVICE, false, 1, 1, {S}, INSTANCE_STATE_RUNNING},
    {JOB_TYPE_SERVICE, false, 1, 1, {D}, INSTANCE_STATE_FAILED}, /* a service does not end by itself */
    {JOB_TYPE_SERVICE, false, 1, 1, {F}, INSTANCE_STATE_FAILED},
    {JOB_TYPE_BATCH, false, 1, 1, {R}, INSTANCE_STATE_RUNNING},
    {JOB_TYPE_BATCH, false, 1, 1, {D}, INSTANCE_STATE_COMPLETE},
    {JOB_TYPE_BATCH, false, 1, 1, {F}, INSTANCE_STATE_FAILED},
    {JOB_TYPE_SERVICE, false, 0, 1, {0}, INSTANCE_STATE_STARTING},
    {JOB_TYPE_SERVICE, false, 1, 2, {R}, INSTANCE_STATE_STARTING}, /* the other is not told of yet */
    {JOB_TYPE_SERVICE, false, 2, 2, {R, P}, INSTANCE_STATE_STARTING},
    {JOB_TYPE_SERVICE, false, 2, 2, {R, R}, INSTANCE_STATE_RUNNING},
    {JOB_TYPE_BATCH, false, 2, 2, {R, D}, INSTANCE_STATE_RUNNING},
    {JOB_TYPE_BATCH, false, 1, 2, {D}, INSTANCE_STATE_STARTING},
    {JOB_TYPE_BATCH, false, 2, 2, {D, D}, INSTANCE_STATE_COMPLETE},
    {JOB_TYPE_BATCH, false, 2, 2, {D, F}, INSTANCE_STATE_FAILED},
    {JOB_TYPE_BATCH, false, 3, 3, {D, F, R}, INSTANCE_STATE_RUNNING}, /* the rest goes on */
    {JOB_TYPE_SERVICE, true, 1, 1, {P}, INSTANCE_STATE_STARTING},     /* stopped before it has run */
    {JOB_TYPE_SERVICE, true, 2, 2, {D, P}, INSTANCE_STATE_STARTING},
    {JOB_TYPE_SERVICE, true, 1, 1, {R}, INSTANCE_STATE_RUNNING},
    {JOB_TYPE_SERVICE, true, 1, 1, {S}, INSTANCE_STATE_RUNNING},
    {JOB_TYPE_SERVICE, true, 2, 2, {D, S}, INSTANCE_STATE_RUNNING},
    {JOB_TYPE_SERVICE, true, 2, 2, {D, D}, INSTANCE_STATE_STOPPED},
    {JOB_TYPE_SERVICE, true, 1, 1, {F}, INSTANCE_STATE_STOPPED}, /* killed because it was to stop */
    {JOB_TYPE_BATCH, true, 1, 1, {D}, INSTANCE_STATE_STOPPED},
};

Test(reconcile_instance_state, follows_from_its_tasks) {
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *r = &rows[i];
        struct wire_task_fact tasks[3] = {{.state = P}, {.state = P}, {.state = P}};
        for (size_t t = 0; t < 3; t++) {
            tasks[t].failed = r->tasks[t] == F;
            tasks[t].state = r->tasks[t] == F ? D : (enum task_state)r->tasks[t];
        }
        enum instance_state state =
            reconcile_instance_state(r->type, r->stop_asked, tasks, r->count, r->expected);
        cr_assert_eq(state, r->state, "row %zu: %s", i, instance_state_str(state));
    }
}
