/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Instances of two tasks: what becomes of the one when something happens to the other. And how long the
 * journal keeps that an instance is over. */
#include "rig.h"

#include <stdlib.h>

#include <covey/journal.h>

#include "town.h"

/* A host alone that was asked to run an instance of the tasks t and u. */
static struct rig two_tasks_with(uint32_t snapshot_entries) {
    struct rig r;
    rig_init(&r);
    r.snapshot_entries = snapshot_entries;
    rig_lead(&r);
    struct wire_task tasks[2] = {{.name = bytes_str("t"), .command = bytes_str("/bin/true")},
                                 {.name = bytes_str("u"), .command = bytes_str("/bin/true")}};
    struct wire_group group = {.name = bytes_str("g"), .count = 1, .tasks = tasks, .tasks_count = 2};
    struct wire_admin_run run = {.job = {.name = bytes_str("duo"), .groups = &group, .groups_count = 1}};
    rig_request(&r, 1, "run", rig_encoded(&r, &wire_admin_run_type, &run));
    rig_until(&r, 5 * US_PER_S);
    cr_assert_eq(r.starts, 2);
    return r;
}
static struct rig two_tasks(void) { return two_tasks_with(0); }

static void told(struct rig *r, struct instance_id id, const char *task, uint64_t sequence,
                 enum task_state state) {
    struct wire_shim_status status = {.sequence = sequence,
                                      .fact = {.name = bytes_str(task), .state = state}};
    RIG_FEED(r, .kind = NODE_TASK_STATUS, .instance = id, .task = bytes_str(task), .status = &status);
    rig_until(r, 2 * US_PER_S);
}

/* The next agent finds the directory of t alone. */
static void restarted(struct rig *r, struct instance_id id, enum task_state state, bool stop_asked) {
    struct wire_shim_spec spec = {.instance = id,
                                  .node = node_self(r->node),
                                  .job = bytes_str("duo"),
                                  .group = bytes_str("g"),
                                  .task = bytes_str("t"),
                                  .job_version = 1,
                                  .command = bytes_str("/bin/true")};
    struct wire_shim_status status = {
        .sequence = 3, .fact = {.name = bytes_str("t"), .state = state}, .stop_asked = stop_asked};
    rig_kill(r);
    r->starts = 0;
    r->found = &spec;
    r->found_status = &status;
    cr_assert_eq(rig_start(r, false, NULL), 0);
    r->found = NULL;
    r->found_status = NULL;
}

static enum instance_state in_the_log(const struct rig *r, struct instance_id id) {
    const struct wire_instance_record *record = state_instance_find(node_state(r->node), id);
    cr_assert_not_null(record);
    return record->state;
}

Test(node_tasks, one_that_was_not_begun_is_begun_by_the_next_agent) {
    struct rig r = two_tasks();
    struct instance_id id = r.last_started;
    restarted(&r, id, TASK_STATE_RUNNING, false);
    rig_until(&r, 5 * US_PER_S);
    cr_assert_eq(r.starts, 1, "u is begun, t is not begun again: %u starts", r.starts);
    cr_assert_neq(in_the_log(&r, id), INSTANCE_STATE_RUNNING, "u does not run yet");
    told(&r, id, "u", 1, TASK_STATE_RUNNING);
    cr_assert_eq(in_the_log(&r, id), INSTANCE_STATE_RUNNING);
    rig_done(&r);
}

Test(node_tasks, one_that_was_not_begun_never_is_when_the_other_was_told_to_end) {
    struct rig r = two_tasks();
    struct instance_id id = r.last_started;
    restarted(&r, id, TASK_STATE_DEAD, true);
    rig_until(&r, US_PER_S / 2);
    cr_assert_eq(in_the_log(&r, id), INSTANCE_STATE_STOPPED, "its slot may be filled again");
    rig_done(&r);
}

Test(node_tasks, an_instance_that_is_stopped_before_all_of_it_ran_is_never_told_to_run) {
    struct rig r = two_tasks();
    struct instance_id id = r.last_started;
    struct wire_admin_stop stop = {.name = bytes_str("duo")};
    told(&r, id, "u", 1, TASK_STATE_RUNNING);
    rig_request(&r, 2, "stop", rig_encoded(&r, &wire_admin_stop_type, &stop));
    rig_until(&r, 2 * US_PER_S);
    told(&r, id, "u", 2, TASK_STATE_STOPPING);
    told(&r, id, "t", 1, TASK_STATE_DEAD); /* while it waited to be tried again */
    cr_assert_eq(in_the_log(&r, id), INSTANCE_STATE_STARTING);
    told(&r, id, "u", 3, TASK_STATE_DEAD);
    cr_assert_eq(in_the_log(&r, id), INSTANCE_STATE_STOPPED);
    rig_done(&r);
}

Test(node_tasks, an_instance_is_refused_when_none_of_its_tasks_is_left) {
    struct rig r = two_tasks();
    struct instance_id id = r.last_started;
    unsigned commands = r.task_commands;
    RIG_FEED(&r, .kind = NODE_TASK_REFUSED, .instance = id, .task = bytes_str("u"), .error = ERR_IO,
             .text = bytes_str("no"));
    rig_until(&r, 2 * US_PER_S);
    cr_assert_gt(r.task_commands, commands, "t is stopped");
    cr_assert_neq(in_the_log(&r, id), INSTANCE_STATE_REFUSED, "t is still there");
    told(&r, id, "t", 1, TASK_STATE_DEAD);
    cr_assert_eq(in_the_log(&r, id), INSTANCE_STATE_REFUSED);
    rig_done(&r);
}

static size_t journal_ends(struct rig *r) {
    struct journal_recovery found;
    journal_recover(r->files, r->files_count, NULL, &r->arena, &found);
    return found.facts_count;
}

static uint64_t snapshot_on_disk(struct rig *r) {
    const struct disk_file *f = rig_file(r, "snapshot-");
    return f != NULL ? strtoull(f->name + strlen("snapshot-"), NULL, 16) : 0;
}

static void put(struct rig *r) {
    struct wire_admin_var_put put = {.var = {.key = bytes_str("k"), .value = bytes_str("v")}};
    rig_request(r, 100 + r->replies_count, "var.put", rig_encoded(r, &wire_admin_var_put_type, &put));
    rig_until(r, 2 * US_PER_S);
}

/* A new one, which has the instance as it is now. */
static void snapshot_with(struct rig *r, struct instance_id id) {
    uint64_t before = snapshot_on_disk(r);
    while (snapshot_on_disk(r) == before ||
           snapshot_on_disk(r) < state_instance_find(node_state(r->node), id)->modify_index)
        put(r);
}

/* The log is found damaged: the host is left with its snapshot and its journal, and votes no more. */
static void log_lost(struct rig *r) {
    struct disk_file *f = rig_file(r, "log-");
    rig_kill(r);
    ((uint8_t *)(uintptr_t)f->data.data)[1100] ^= 0x40;
    r->starts = 0;
    cr_assert_eq(rig_start(r, false, NULL), 0);
    rig_until(r, 120 * US_PER_S);
    cr_assert_not(node_leads(r->node));
}

/* In this state, and not begun again from a copy of the log that does not know. */
static void is_over_for_good(struct rig *r, enum instance_state state) {
    cr_assert_eq(in_the_log(r, r->last_started), state);
    log_lost(r);
    cr_assert_neq(in_the_log(r, r->last_started), state, "this copy does not know");
    cr_assert_eq(r->starts, 0);
    rig_done(r);
}

static void dies(struct rig *r, struct instance_id id, const char *task) {
    struct wire_shim_status status = {.sequence = 2,
                                      .fact = {.name = bytes_str(task), .state = TASK_STATE_DEAD}};
    RIG_FEED(r, .kind = NODE_TASK_STATUS, .instance = id, .task = bytes_str(task), .status = &status);
}

Test(node_tasks, an_end_stays_in_the_journal_until_a_snapshot_has_it) {
    struct rig r = two_tasks_with(8);
    struct instance_id id = r.last_started;
    snapshot_with(&r, id);
    dies(&r, id, "t");
    dies(&r, id, "u");
    cr_assert_eq(in_the_log(&r, id), INSTANCE_STATE_FAILED);
    uint64_t index = state_instance_find(node_state(r.node), id)->modify_index;
    while (snapshot_on_disk(&r) < index) {
        cr_assert_eq(journal_ends(&r), 1, "the log may be lost now: the next run would start it anew");
        put(&r);
    }
    cr_assert_eq(journal_ends(&r), 0);
    rig_done(&r);
}

/* Told before, it could be in the log, and be forgotten here, where it would be started anew. */
Test(node_tasks, an_end_is_told_when_the_journal_has_it) {
    struct rig r = two_tasks();
    dies(&r, r.last_started, "t");
    uint64_t last = raft_last_index(node_raft(r.node));
    r.disk_ops_max = r.disk_ops_count; /* a slow disk */
    dies(&r, r.last_started, "u");
    cr_assert_gt(r.disk_ops_count, r.disk_ops_max, "it is being written down");
    cr_assert_eq(raft_last_index(node_raft(r.node)), last);
    rig_done(&r);
}

Test(node_tasks, what_was_stopped_while_nothing_of_it_was_here_never_begins_though_the_log_is_lost) {
    struct rig r = two_tasks_with(8);
    struct wire_admin_stop stop = {.name = bytes_str("duo")};
    struct marks marks = {0};
    snapshot_with(&r, r.last_started);
    rig_request(&r, 2, "stop", rig_encoded(&r, &wire_admin_stop_type, &stop));
    rig_kill(&r); /* and nothing is left of its tasks */
    r.starts = 0;
    r.marks = &marks;
    cr_assert_eq(rig_start(&r, false, NULL), 0);
    rig_until(&r, 5 * US_PER_S);
    cr_assert(r.starts == 0 && marks.hits[MARK_NODE_STOP_OF_NOTHING] == 1);
    is_over_for_good(&r, INSTANCE_STATE_STOPPED);
}

Test(node_tasks, what_was_refused_is_not_tried_again_though_the_log_is_lost) {
    static const char *const names[] = {"t", "u"};
    struct rig r = two_tasks_with(8);
    snapshot_with(&r, r.last_started);
    for (size_t i = 0; i < 2; i++)
        RIG_FEED(&r, .kind = NODE_TASK_REFUSED, .instance = r.last_started, .task = bytes_str(names[i]),
                 .error = ERR_IO, .text = bytes_str("no"));
    is_over_for_good(&r, INSTANCE_STATE_REFUSED);
}

/* It ended, the log has had it and dropped it, and the agent died before it wrote that down. */
Test(node_tasks, an_end_that_the_log_has_dropped_does_not_stay_in_the_journal_for_ever) {
    struct rig r = two_tasks_with(8);
    struct node_id self = node_self(r.node);
    struct wire_fact fact = {.instance = {{9}}, .state = INSTANCE_STATE_FAILED, .sequence = 3};
    struct disk_op op;
    rig_kill(&r);
    struct journal *j = journal_new(&self, r.files, r.files_count);
    cr_assert_eq(journal_append(j, 1, &(struct wire_journal_record){.fact = &fact}, 1), 0);
    while (journal_drain(j, &op))
        if (op.kind == DISK_WRITE)
            memcpy((uint8_t *)(uintptr_t)rig_file(&r, JOURNAL_FILE_NAME)->data.data + op.offset, op.data.data,
                   op.data.size);
    journal_free(j);
    cr_assert_eq(journal_ends(&r), 1);
    cr_assert_eq(rig_start(&r, false, NULL), 0);
    rig_until(&r, 10 * US_PER_S);
    for (unsigned i = 0; i < 12; i++)
        put(&r);
    cr_assert_eq(journal_ends(&r), 0);
    rig_done(&r);
}

static size_t starter(const struct town *t) {
    for (size_t i = 0; i < t->count; i++)
        if (t->hosts[i].starts > 0)
            return i;
    return TOWN_MAX;
}

/* A batch job of one instance runs on one of the hosts: which? */
static size_t batch_run(struct town *t) {
    struct wire_task task = {.name = bytes_str("t"), .command = bytes_str("/bin/true")};
    struct wire_group group = {.name = bytes_str("g"), .count = 1, .tasks = &task, .tasks_count = 1};
    struct wire_admin_run run = {
        .job = {.name = bytes_str("once"), .type = JOB_TYPE_BATCH, .groups = &group, .groups_count = 1}};
    (void)town_call(t, 0, "run", &wire_admin_run_type, &run);
    town_run(t, 5 * US_PER_S);
    size_t host = starter(t);
    cr_assert_neq(host, TOWN_MAX);
    return host;
}

static size_t town_batch(struct town *t) {
    town_init(t, 3, NULL);
    return batch_run(t);
}

static void town_dies(struct town *t, size_t host) {
    struct wire_shim_status dead = {
        .sequence = 1, .fact = {.name = bytes_str("t"), .state = TASK_STATE_DEAD, .started_ms = 1}};
    town_feed(t, host,
              &(struct node_input){.kind = NODE_TASK_STATUS,
                                   .instance = t->hosts[host].last_started,
                                   .task = bytes_str("t"),
                                   .status = &dead});
}

static enum instance_state town_state(const struct town *t, size_t on, struct instance_id id) {
    const struct wire_instance_record *r = state_instance_find(node_state(t->hosts[on].node), id);
    cr_assert_not_null(r);
    return r->state;
}

/* The power fails everywhere, at the moment when the log has the end; one host alone comes back, and finds no
 * directory of the task. */
Test(node_tasks, an_end_that_was_committed_just_before_a_power_cut_is_known_to_who_comes_back_alone,
     .timeout = 60) {
    struct town t;
    const struct wire_instance_record *r = NULL;
    size_t host = town_batch(&t);
    struct town_host *h = &t.hosts[host];
    town_dies(&t, host);
    for (unsigned i = 0; i < 10000 && (r == NULL || r->state != INSTANCE_STATE_COMPLETE); i++) {
        town_run(&t, 100);
        r = state_instance_find(node_state(h->node), h->last_started);
    }
    cr_assert_eq(r->state, INSTANCE_STATE_COMPLETE);
    town_run(&t, US_PER_MS);
    for (size_t i = 0; i < t.count; i++)
        town_kill(&t, i);
    town_start(&t, host);
    town_run(&t, 120 * US_PER_S);
    r = state_instance_find(node_state(h->node), h->last_started);
    cr_assert(r != NULL && r->state != INSTANCE_STATE_COMPLETE, "it was committed, and nobody can tell");
    cr_assert_eq(h->starts, 1, "it ran twice");
    town_done(&t);
}

/* Nobody else can tell it, and others wait for it: a drain, an update, who asked for the job. */
Test(node_tasks, an_end_that_a_failed_disk_could_not_take_is_told_all_the_same, .timeout = 60) {
    struct town t;
    size_t host = town_batch(&t), other = (host + 1) % 3;
    struct town_host *h = &t.hosts[host];
    h->disk_latency_us = 60 * US_PER_S;
    town_dies(&t, host);
    town_run(&t, 5 * US_PER_S);
    cr_assert_neq(town_state(&t, other, h->last_started), INSTANCE_STATE_COMPLETE, "it may yet be kept");
    town_feed(&t, host,
              &(struct node_input){
                  .kind = NODE_DISK_FAILED, .error = ERR_IO, .text = bytes_str("journal: flushing it")});
    town_run(&t, 10 * US_PER_S);
    cr_assert_eq(town_state(&t, other, h->last_started), INSTANCE_STATE_COMPLETE);
    town_done(&t);
}

/*
 * A host whose disk was lost gets a snapshot in which what it ran is still its own, and is cut off while its
 * disk takes a minute to write it: by then that is over, or runs elsewhere, for all that it knows.
 */
Test(node_tasks, a_snapshot_that_is_long_in_coming_is_old_history_when_it_is_there, .timeout = 60) {
    struct town t;
    town_init(&t, 3, NULL);
    town_snapshots(&t, 8, 2);
    size_t host = batch_run(&t);
    struct town_host *h = &t.hosts[host];
    for (unsigned i = 0; i < 20; i++)
        cr_assert_eq(town_put(&t, (host + 1) % 3, "k", "v"), 0);
    town_lose_disk(&t, host);
    town_start(&t, host);
    unsigned starts = h->starts;
    for (unsigned i = 0; i < 10000 && node_swim(h->node) == NULL; i++)
        town_run(&t, US_PER_MS);
    h->disk_latency_us = 60 * US_PER_S;
    town_run(&t, 5 * US_PER_S);
    town_away(&t, host, true);
    cr_assert_null(state_node_find(node_state(h->node), node_self(h->node)), "the snapshot is there at once");
    for (unsigned i = 0; i < 80 && state_node_find(node_state(h->node), node_self(h->node)) == NULL; i++)
        town_run(&t, US_PER_S);
    cr_assert_not_null(state_instance_find(node_state(h->node), h->last_started), "no snapshot, or too new");
    town_run(&t, 28 * US_PER_S);
    cr_assert_eq(h->starts, starts, "it was not alone for half a minute with what it knows now");
    town_run(&t, 5 * US_PER_S);
    cr_assert_eq(h->starts, starts + 1);
    town_done(&t);
}

/*
 * A batch instance of so many tasks. Its first task is over when an agent finds it that does not know yet
 * that the instance was placed here, nor how many tasks it has. Told by the same host twice, which draws the
 * same id for it: `found` comes before the placement.
 */
static struct rig batch(size_t tasks_count, const struct wire_shim_spec *found) {
    struct rig r;
    struct wire_task tasks[2] = {{.name = bytes_str("t"), .command = bytes_str("/bin/true")},
                                 {.name = bytes_str("u"), .command = bytes_str("/bin/true")}};
    struct wire_group group = {
        .name = bytes_str("g"), .count = 1, .tasks = tasks, .tasks_count = tasks_count};
    struct wire_admin_run run = {
        .job = {.name = bytes_str("job"), .type = JOB_TYPE_BATCH, .groups = &group, .groups_count = 1}};
    struct wire_shim_status dead = {
        .sequence = 1, .fact = {.name = bytes_str("t"), .state = TASK_STATE_DEAD, .started_ms = 1}};
    rig_init(&r);
    r.found = found;
    r.found_status = &dead;
    rig_lead(&r);
    rig_request(&r, 1, "run", rig_encoded(&r, &wire_admin_run_type, &run));
    rig_until(&r, 5 * US_PER_S);
    return r;
}

static struct rig batch_found_over(size_t tasks_count) {
    struct rig r = batch(tasks_count, NULL);
    struct wire_shim_spec spec = {.instance = r.last_started,
                                  .node = node_self(r.node),
                                  .job = bytes_str("job"),
                                  .group = bytes_str("g"),
                                  .task = bytes_str("t"),
                                  .job_version = 1,
                                  .type = JOB_TYPE_BATCH,
                                  .command = bytes_str("/bin/true")};
    cr_assert_eq(r.starts, tasks_count);
    rig_done(&r);
    r = batch(tasks_count, &spec);
    r.last_started = spec.instance;
    return r;
}

Test(node_tasks, an_instance_is_not_over_while_one_of_its_tasks_was_never_begun) {
    struct rig r = batch_found_over(2);
    cr_assert_eq(r.starts, 1, "u is begun: %u starts", r.starts);
    cr_assert_eq(in_the_log(&r, r.last_started), INSTANCE_STATE_STARTING);
    rig_done(&r);
}

Test(node_tasks, an_end_that_was_found_before_the_log_knew_the_instance_is_told_and_written_down) {
    struct rig r = batch_found_over(1);
    cr_assert_eq(r.starts, 0);
    cr_assert_eq(in_the_log(&r, r.last_started), INSTANCE_STATE_COMPLETE);
    cr_assert_eq(journal_ends(&r), 1);
    rig_done(&r);
}
