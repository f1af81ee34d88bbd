/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Where instances go, and what is said when they go nowhere. */
#include <time.h>

#include <covey/placement.h>

#include "../state/world.h"

static const struct node_id nowhere;

static bool everybody(void *arg, const struct wire_node_record *node) {
    (void)arg;
    (void)node;
    return true;
}
static bool not_the_second(void *arg, const struct wire_node_record *node) {
    (void)arg;
    return !ID_EQUAL(node->id, node_of(2));
}

static const struct wire_job_record *job_record(struct world *w, struct wire_job *job) {
    run_job(w, job);
    return state_job_find(w->state, job->name);
}
static const struct wire_job_record *service(struct world *w, const char *name) {
    return job_record(w, job_of(w, name, JOB_TYPE_SERVICE, 10, "/bin/a"));
}

/* The number of the node, or 0 with the reason in reason. */
static unsigned pick(struct placement *p, const struct wire_job_record *job, uint32_t slot,
                     struct node_id avoid, struct buf *reason) {
    struct node_id node;
    buf_clear(reason);
    if (placement_pick(p, job, &job->spec.groups[0], slot, avoid, &node, reason) != 0)
        return 0;
    cr_assert_eq(reason->size, 0);
    return (unsigned)node.b[0] << 8 | node.b[1];
}

static void expect_reason(struct world *w, const struct wire_job_record *job, placement_usable *usable,
                          const char *text) {
    struct placement *p = placement_new(w->state, usable, NULL);
    struct buf reason = {0};
    cr_assert_eq(pick(p, job, 0, nowhere, &reason), 0, "%s", text);
    cr_assert_str_eq(buf_str(&reason), text);
    buf_done(&reason);
    placement_free(p);
}

/* ---- spreading ---- */

Test(placement_spread, instances_of_a_group_go_to_different_nodes_first) {
    struct world w = world_new();
    add_nodes(&w, 5);
    const struct wire_job_record *job = service(&w, "web");
    struct placement *p = placement_new(w.state, everybody, NULL);
    struct buf reason = {0};
    unsigned counts[6] = {0};
    for (uint32_t slot = 0; slot < 10; slot++) {
        counts[pick(p, job, slot, nowhere, &reason)]++;
        if (slot == 4)
            for (unsigned i = 1; i <= 5; i++)
                cr_assert_eq(counts[i], 1);
    }
    for (unsigned i = 1; i <= 5; i++)
        cr_assert_eq(counts[i], 2);
    buf_done(&reason);
    placement_free(p);
    world_done(&w);
}

Test(placement_spread, what_runs_already_counts) {
    struct world w = world_new();
    add_nodes(&w, 2);
    const struct wire_job_record *job = service(&w, "web");
    place_instance(&w, "web", 1, 0, 1, 1);
    struct placement *p = placement_new(w.state, everybody, NULL);
    struct buf reason = {0};
    cr_assert_eq(pick(p, job, 1, nowhere, &reason), 2);
    buf_done(&reason);
    placement_free(p);
    world_done(&w);
}

Test(placement_spread, comes_before_the_room_that_is_left) {
    struct world w = world_new();
    struct wire_node_record large = node_record(1);
    large.memory_mib = large.cpu_mhz = 100000;
    add_record(&w, &large);
    add_node(&w, 2);
    const struct wire_job_record *job = service(&w, "web");
    place_instance(&w, "web", 1, 0, 1, 1);
    struct placement *p = placement_new(w.state, everybody, NULL);
    struct buf reason = {0};
    cr_assert_eq(pick(p, job, 1, nowhere, &reason), 2);
    buf_done(&reason);
    placement_free(p);
    world_done(&w);
}

Test(placement_spread, among_equals_the_node_with_the_larger_share_left_is_taken) {
    struct world w = world_new();
    for (unsigned i = 1; i <= 3; i++) {
        struct wire_node_record record = node_record(i);
        record.memory_mib = i == 2 ? 8192 : 4096;
        add_record(&w, &record);
    }
    struct wire_job *big = job_of(&w, "big", JOB_TYPE_SERVICE, 1, "/bin/a");
    big->groups[0].tasks[0].memory_mib = 2048;
    struct placement *p;
    struct buf reason = {0};
    const struct wire_job_record *job = job_record(&w, big);
    p = placement_new(w.state, everybody, NULL);
    cr_assert_eq(pick(p, job, 0, nowhere, &reason), 2);
    placement_free(p);
    buf_done(&reason);
    world_done(&w);
}

/* ---- ties ---- */

Test(placement_ties, stay_where_they_were_when_other_nodes_come_and_go) {
    struct world w = world_new(), more = world_new();
    add_nodes(&w, 20);
    add_nodes(&more, 25);
    const struct wire_job_record *a = service(&w, "web"), *b = service(&more, "web");
    struct buf reason = {0};
    unsigned moved = 0, used[26] = {0}, different = 0;
    for (uint32_t slot = 0; slot < 60; slot++) {
        struct placement *p = placement_new(w.state, everybody, NULL),
                         *q = placement_new(more.state, everybody, NULL);
        unsigned x = pick(p, a, slot, nowhere, &reason), y = pick(q, b, slot, nowhere, &reason);
        if (x != y) {
            moved++;
            cr_assert_gt(y, 20, "a slot moved to a node that was there before");
        }
        different += used[x]++ == 0;
        placement_free(p);
        placement_free(q);
    }
    cr_assert(moved > 2 && moved < 30, "%u of 60 moved", moved);
    cr_assert_gt(different, 12, "ties are spread over the nodes");
    buf_done(&reason);
    world_done(&w);
    world_done(&more);
}

/* A golden choice: every machine and every version makes the same. */
Test(placement_ties, are_broken_alike_everywhere) {
    struct world w = world_new();
    add_nodes(&w, 9);
    const struct wire_job_record *job = service(&w, "web");
    struct buf reason = {0}, chosen = {0};
    for (uint32_t slot = 0; slot < 9; slot++) {
        struct placement *p = placement_new(w.state, everybody, NULL);
        buf_printf(&chosen, "%u ", pick(p, job, slot, nowhere, &reason));
        placement_free(p);
    }
    cr_assert_str_eq(buf_str(&chosen), "3 7 7 2 3 3 7 2 4 ");
    buf_done(&reason);
    buf_done(&chosen);
    world_done(&w);
}

/* ---- what rules a node out ---- */

Test(placement_room, cpu_and_memory_are_never_given_twice) {
    struct world w = world_new();
    add_nodes(&w, 2);
    struct wire_job *big = job_of(&w, "big", JOB_TYPE_SERVICE, 10, "/bin/a");
    big->groups[0].tasks[0].memory_mib = 2048;
    const struct wire_job_record *job = job_record(&w, big);
    place_instance(&w, "big", 1, 0, 1, 1);
    struct placement *p = placement_new(w.state, everybody, NULL);
    struct buf reason = {0};
    for (uint32_t slot = 1; slot < 4; slot++)
        cr_assert_neq(pick(p, job, slot, nowhere, &reason), 0);
    cr_assert_eq(pick(p, job, 4, nowhere, &reason), 0);
    cr_assert_str_eq(buf_str(&reason), "no node fits: 2 lack 2048 MiB of memory");
    buf_done(&reason);
    placement_free(p);
    world_done(&w);
}

Test(placement_room, all_tasks_of_a_group_count) {
    struct world w = world_new();
    add_nodes(&w, 1);
    struct wire_job *job = job_of(&w, "two", JOB_TYPE_SERVICE, 1, "/bin/a");
    struct wire_task tasks[2] = {job->groups[0].tasks[0], job->groups[0].tasks[0]};
    tasks[0].cpu_mhz = 2000;
    tasks[1].cpu_mhz = 2001;
    tasks[1].name = text_of("u");
    job->groups[0].tasks = tasks;
    job->groups[0].tasks_count = 2;
    expect_reason(&w, job_record(&w, job), everybody, "no node fits: 1 lacks 4001 MHz of cpu");
    tasks[1].cpu_mhz = 2000;
    struct placement *p;
    struct buf reason = {0};
    const struct wire_job_record *record = job_record(&w, job);
    p = placement_new(w.state, everybody, NULL);
    cr_assert_eq(pick(p, record, 0, nowhere, &reason), 1, "exactly all of it may be taken");
    placement_free(p);
    buf_done(&reason);
    world_done(&w);
}

Test(placement_room, a_node_that_names_no_limit_has_none) {
    struct world w = world_new();
    struct wire_node_record record = node_record(1);
    record.cpu_mhz = record.memory_mib = 0;
    add_record(&w, &record);
    struct wire_job *big = job_of(&w, "big", JOB_TYPE_SERVICE, 1, "/bin/a");
    big->groups[0].tasks[0].memory_mib = 1u << 30;
    struct buf reason = {0};
    const struct wire_job_record *job = job_record(&w, big);
    struct placement *p = placement_new(w.state, everybody, NULL);
    cr_assert_eq(pick(p, job, 0, nowhere, &reason), 1);
    placement_free(p);
    buf_done(&reason);
    world_done(&w);
}

static struct wire_job *with_ports(struct world *w, const char *name, uint32_t first_static, size_t count) {
    struct wire_job *job = job_of(w, name, JOB_TYPE_SERVICE, 5, "/bin/a");
    static const char *const labels[] = {"a", "b", "c", "d", "e", "f"};
    job->groups[0].ports = arena_alloc(&w->arena, count * sizeof(struct wire_port_request));
    job->groups[0].ports_count = count;
    for (size_t i = 0; i < count; i++)
        job->groups[0].ports[i].label = text_of(labels[i]);
    job->groups[0].ports[0].static_ = first_static;
    return job;
}

Test(placement_ports, a_static_port_is_given_once_a_node) {
    struct world w = world_new();
    add_nodes(&w, 2);
    const struct wire_job_record *job = job_record(&w, with_ports(&w, "web", 80, 1));
    place_instance(&w, "web", 1, 0, 1, 1);
    struct placement *p = placement_new(w.state, everybody, NULL);
    struct buf reason = {0};
    cr_assert_eq(pick(p, job, 1, nowhere, &reason), 2);
    cr_assert_eq(pick(p, job, 2, nowhere, &reason), 0);
    cr_assert_str_eq(buf_str(&reason), "no node fits: 2 have a static port taken");
    buf_done(&reason);
    placement_free(p);
    world_done(&w);
}

Test(placement_ports, dynamic_ones_need_room_in_the_range) {
    struct world w = world_new();
    add_nodes(&w, 1);
    struct wire_job *wide = with_ports(&w, "web", 0, 5);
    const struct wire_job_record *job = job_record(&w, wide);
    struct placement *p = placement_new(w.state, everybody, NULL);
    struct buf reason = {0};
    cr_assert_eq(pick(p, job, 0, nowhere, &reason), 1);
    cr_assert_eq(pick(p, job, 1, nowhere, &reason), 1, "all 10 of the range");
    cr_assert_eq(pick(p, job, 2, nowhere, &reason), 0);
    cr_assert_str_eq(buf_str(&reason), "no node fits: 1 lacks free dynamic ports");
    placement_free(p);
    struct wire_node_record none = node_record(1);
    none.ports_low = none.ports_high = 0;
    add_record(&w, &none);
    buf_done(&reason);
    expect_reason(&w, state_job_find(w.state, text_of("web")), everybody,
                  "no node fits: 1 lacks free dynamic ports");
    world_done(&w);
}

Test(placement_reasons, each_node_is_counted_under_its_first_cause) {
    struct world w = world_new();
    expect_reason(&w, job_record(&w, job_of(&w, "any", JOB_TYPE_SERVICE, 1, "/x")), everybody,
                  "the cluster has no nodes");
    add_nodes(&w, 7);
    set_status(&w, 1, NODE_STATUS_UNREACHABLE);
    set_status(&w, 3, NODE_STATUS_LEFT);
    struct wire_node_record record = node_record(4);
    record.raw_exec = false;
    add_record(&w, &record);
    record = node_record(5);
    record.cpu_mhz = 50;
    add_record(&w, &record);
    record = node_record(6);
    record.memory_mib = 32;
    add_record(&w, &record);
    record = node_record(7);
    record.memory_mib = 63;
    add_record(&w, &record);
    struct wire_job *raw = job_of(&w, "raw", JOB_TYPE_SERVICE, 1, "/x");
    raw->groups[0].tasks[0].driver = DRIVER_KIND_RAW_EXEC;
    expect_reason(
        &w, job_record(&w, raw), not_the_second,
        "no node fits: 2 are unreachable, 1 is not ready, 1 does not allow raw_exec, 1 lacks 100 MHz of cpu, "
        "2 lack 64 MiB of memory");
    world_done(&w);
}

Test(placement_reasons, a_plain_task_needs_no_raw_exec) {
    struct world w = world_new();
    struct wire_node_record record = node_record(1);
    record.raw_exec = false;
    add_record(&w, &record);
    const struct wire_job_record *job = service(&w, "web");
    struct placement *p = placement_new(w.state, everybody, NULL);
    struct buf reason = {0};
    cr_assert_eq(pick(p, job, 0, nowhere, &reason), 1);
    placement_free(p);
    buf_done(&reason);
    world_done(&w);
}

/* ---- avoiding, reserving, releasing ---- */

Test(placement_avoid, the_node_is_taken_only_when_nothing_else_fits) {
    struct world w = world_new();
    add_nodes(&w, 2);
    const struct wire_job_record *job = service(&w, "web");
    place_instance(&w, "web", 1, 0, 1, 1);
    struct placement *p = placement_new(w.state, everybody, NULL);
    struct buf reason = {0};
    cr_assert_eq(pick(p, job, 1, node_of(2), &reason), 1, "even against the spread");
    placement_free(p);
    set_status(&w, 1, NODE_STATUS_LEFT);
    p = placement_new(w.state, everybody, NULL);
    cr_assert_eq(pick(p, job, 1, node_of(2), &reason), 2);
    placement_free(p);
    buf_done(&reason);
    world_done(&w);
}

Test(placement_room, a_stopping_instance_holds_its_room_until_it_is_gone) {
    struct world w = world_new();
    add_nodes(&w, 1);
    const struct wire_job_record *job = job_record(&w, with_ports(&w, "web", 80, 1));
    place_instance(&w, "web", 1, 0, 1, 1);
    apply_stop(&w, 1, "test");
    expect_reason(&w, job, everybody, "no node fits: 1 has a static port taken");
    tell(&w, instance_of(1), INSTANCE_STATE_STOPPED);
    struct placement *p = placement_new(w.state, everybody, NULL);
    struct buf reason = {0};
    cr_assert_eq(pick(p, job, 1, nowhere, &reason), 1);
    placement_free(p);
    buf_done(&reason);
    world_done(&w);
}

/* ---- speed ---- */

Test(placement_speed, a_thousand_instances_on_a_thousand_nodes_take_less_than_a_second) {
    struct world w = world_new();
    add_nodes(&w, 1000);
    const struct wire_job_record *job = job_record(&w, job_of(&w, "web", JOB_TYPE_SERVICE, 1000, "/bin/a"));
    struct timespec from, to;
    struct buf reason = {0};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    struct placement *p = placement_new(w.state, everybody, NULL);
    for (uint32_t slot = 0; slot < 1000; slot++)
        cr_assert_neq(pick(p, job, slot, nowhere, &reason), 0);
    placement_free(p);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    int64_t ms = (to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000;
#ifdef __SANITIZE_ADDRESS__
    ms /= 10;
#endif
    cr_assert_lt(ms, 1000);
    buf_done(&reason);
    world_done(&w);
}
