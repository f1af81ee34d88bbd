/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* `run` and `stop`: what is waited for, what is said meanwhile, and when it is over. */
#include <criterion/criterion.h>

#include "world.h"

#define S US_PER_S

/* A job "web" of one group, and the answers about it. */
static struct wire_group group;
static struct wire_admin_group_status group_status;
static struct wire_admin_instance list[8];
static struct wire_admin_job_status status;
static struct cli_watch watch;

static void setup(void) {
    group = (struct wire_group){.name = T("web"), .count = 2};
    group_status = (struct wire_admin_group_status){.name = T("web"), .count = 2};
    status = (struct wire_admin_job_status){
        .record = {.spec = {.name = T("web"), .groups = &group, .groups_count = 1}, .version = 2},
        .groups = &group_status,
        .groups_count = 1,
        .instances = list,
    };
    watch = (struct cli_watch){.job = T("web"), .version = 2};
}
static void teardown(void) { cli_watch_done(&watch); }
TestSuite(cli_watch, .init = setup, .fini = teardown);

static void put(size_t at, uint32_t slot, uint64_t version, enum instance_state state) {
    list[at] = made_instance((uint8_t)(at + 1), slot, version, state);
    if (status.instances_count <= at)
        status.instances_count = at + 1;
}

static void expect(enum cli_verdict verdict, int64_t now_us, const char *progress, const char *notices) {
    enum cli_verdict got = cli_watch_feed(&watch, &status, now_us);
    cr_assert_str_eq(buf_str(&watch.progress), progress);
    cr_assert_str_eq(buf_str(&watch.notices), notices);
    cr_assert_eq(got, verdict);
}

Test(cli_watch, a_service_is_up_when_all_of_the_new_version_run_for_a_second) {
    expect(CLI_WAIT, 1 * S, "web: 0 of 2 running, 2 without a place yet", "");
    put(0, 0, 2, INSTANCE_STATE_RUNNING);
    put(1, 1, 2, INSTANCE_STATE_PLACED);
    expect(CLI_WAIT, 2 * S, "web: 1 of 2 running, 1 starting on host-a", "");
    list[1].record.state = INSTANCE_STATE_RUNNING;
    expect(CLI_WAIT, 3 * S, "web: 2 of 2 running", "");
    expect(CLI_DONE, 4 * S, "web: 2 of 2 running", "");
}

Test(cli_watch, a_service_whose_task_ends_at_once_is_not_up) {
    struct wire_task_fact task = {
        .name = T("t"), .state = TASK_STATE_BACKOFF, .reason = T("exited with code 3")};
    put(0, 0, 2, INSTANCE_STATE_RUNNING);
    put(1, 1, 2, INSTANCE_STATE_RUNNING);
    expect(CLI_WAIT, 1 * S, "web: 2 of 2 running", "");
    list[1].record.state = INSTANCE_STATE_STARTING;
    list[1].record.tasks = &task;
    list[1].record.tasks_count = 1;
    expect(CLI_WAIT, 2 * S, "web: 1 of 2 running, 1 starting on host-a",
           "web: instance 022b3c4d on host-a: t waits to be restarted: exited with code 3\n");
    expect(CLI_WAIT, 3 * S, "web: 1 of 2 running, 1 starting on host-a", "");
}

Test(cli_watch, an_update_waits_for_the_last_of_the_old_version) {
    put(0, 0, 2, INSTANCE_STATE_RUNNING);
    put(1, 1, 1, INSTANCE_STATE_RUNNING);
    expect(CLI_WAIT, 1 * S, "web: 2 of 2 running, 1 of an older version", "");
    list[1].record.desired = DESIRED_STATE_STOP;
    expect(CLI_WAIT, 4 * S, "web: 1 of 2 running, 1 without a place yet, 1 of an older version", "");
    expect(CLI_WAIT, 9 * S, "web: 1 of 2 running, 1 without a place yet, 1 of an older version", "");
    list[1].record.state = INSTANCE_STATE_STOPPED;
    put(2, 1, 2, INSTANCE_STATE_RUNNING);
    expect(CLI_WAIT, 10 * S, "web: 2 of 2 running", "");
    expect(CLI_DONE, 11 * S, "web: 2 of 2 running", "");
}

Test(cli_watch, where_only_the_count_changed_the_old_ones_stay_and_calm_ends_it) {
    put(0, 0, 1, INSTANCE_STATE_RUNNING);
    put(1, 1, 2, INSTANCE_STATE_RUNNING);
    expect(CLI_WAIT, 1 * S, "web: 2 of 2 running, 1 of an older version", "");
    expect(CLI_WAIT, 2 * S, "web: 2 of 2 running, 1 of an older version", "");
    expect(CLI_DONE, 3 * S, "web: 2 of 2 running, 1 of an older version", "");
}

Test(cli_watch, an_old_answer_is_no_calm) {
    put(0, 0, 1, INSTANCE_STATE_RUNNING);
    put(1, 1, 2, INSTANCE_STATE_RUNNING);
    status.freshness.age_ms = 5000;
    for (int64_t at = 1; at < 20; at++)
        cr_assert_eq(cli_watch_feed(&watch, &status, at * S), CLI_WAIT);
}

Test(cli_watch, instances_out_of_sight_count_for_nothing) {
    put(0, 0, 2, INSTANCE_STATE_RUNNING);
    put(1, 1, 2, INSTANCE_STATE_RUNNING);
    put(2, 1, 1, INSTANCE_STATE_RUNNING);
    list[1].node_state = list[2].node_state = MEMBER_STATE_DEAD;
    expect(CLI_WAIT, 1 * S, "web: 1 of 2 running, 1 without a place yet", "");
}

Test(cli_watch, a_group_that_the_job_no_longer_has_must_end) {
    put(0, 0, 2, INSTANCE_STATE_RUNNING);
    put(1, 1, 2, INSTANCE_STATE_RUNNING);
    put(2, 0, 1, INSTANCE_STATE_RUNNING);
    list[2].record.group = T("gone");
    expect(CLI_WAIT, 1 * S, "web: 2 of 2 running", "");
    expect(CLI_WAIT, 9 * S, "web: 2 of 2 running", "");
    list[2].record.state = INSTANCE_STATE_STOPPED;
    expect(CLI_WAIT, 10 * S, "web: 2 of 2 running", "");
    expect(CLI_DONE, 11 * S, "web: 2 of 2 running", "");
}

Test(cli_watch, no_place_for_10_s_is_told_once_with_the_reason) {
    group_status.reason = T("no node fits: 3 lack 512 MiB of memory");
    expect(CLI_WAIT, 1 * S, "web: 0 of 2 running, 2 without a place yet", "");
    expect(CLI_WAIT, 10 * S, "web: 0 of 2 running, 2 without a place yet", "");
    cr_assert_not(watch.no_fit);
    expect(CLI_WAIT, 11 * S, "web: 0 of 2 running, 2 without a place yet",
           "group web.web: no node fits: 3 lack 512 MiB of memory\n");
    cr_assert(watch.no_fit);
    expect(CLI_WAIT, 12 * S, "web: 0 of 2 running, 2 without a place yet", "");
    put(0, 0, 2, INSTANCE_STATE_STARTING);
    put(1, 1, 2, INSTANCE_STATE_STARTING);
    expect(CLI_WAIT, 13 * S, "web: 0 of 2 running, 2 starting on host-a and others", "");
    cr_assert_not(watch.no_fit);
}

Test(cli_watch, a_failed_instance_is_told_once_and_does_not_count_as_one_without_a_place) {
    put(0, 0, 2, INSTANCE_STATE_RUNNING);
    put(1, 1, 2, INSTANCE_STATE_FAILED);
    list[1].record.reason = T("t failed: exited with code 3");
    expect(CLI_WAIT, 1 * S, "web: 1 of 2 running, 1 failed",
           "web: instance 022b3c4d failed on host-a: t failed: exited with code 3; `covey logs 022b3c4d` and "
           "`covey logs "
           "--stderr 022b3c4d` show its output\n");
    expect(CLI_WAIT, 30 * S, "web: 1 of 2 running, 1 failed", "");
    cr_assert(watch.has_failed);
    cr_assert_not(watch.no_fit);
}

Test(cli_watch, failures_of_an_older_version_are_no_failures) {
    put(0, 0, 1, INSTANCE_STATE_FAILED);
    expect(CLI_WAIT, 1 * S, "web: 0 of 2 running, 2 without a place yet", "");
    cr_assert_not(watch.has_failed);
}

Test(cli_watch, a_batch_job_is_over_when_all_are_complete) {
    status.record.spec.type = JOB_TYPE_BATCH;
    put(0, 0, 2, INSTANCE_STATE_COMPLETE);
    put(1, 1, 2, INSTANCE_STATE_RUNNING);
    expect(CLI_WAIT, 1 * S, "web: 1 of 2 complete, 1 running", "");
    list[1].record.state = INSTANCE_STATE_COMPLETE;
    expect(CLI_DONE, 2 * S, "web: 2 of 2 complete", "");
}

Test(cli_watch, a_batch_job_fails_when_the_rest_of_it_is_over) {
    status.record.spec.type = JOB_TYPE_BATCH;
    put(0, 0, 2, INSTANCE_STATE_FAILED);
    put(1, 1, 2, INSTANCE_STATE_RUNNING);
    cr_assert_eq(cli_watch_feed(&watch, &status, 1 * S), CLI_WAIT);
    list[1].record.state = INSTANCE_STATE_COMPLETE;
    expect(CLI_FAILED, 2 * S, "web: 1 of 2 complete, 1 failed", "");
}

Test(cli_watch, another_version_or_a_stop_ends_the_wait) {
    status.record.version = 1;
    expect(CLI_WAIT, 1 * S, "web: waits for version 2 to be known here", "");
    status.record.version = 3;
    expect(CLI_REPLACED, 2 * S, "", "web: another version was submitted meanwhile\n");
    status.record.version = 2;
    status.record.stopped = true;
    expect(CLI_REPLACED, 3 * S, "", "web: it was stopped meanwhile\n");
}

Test(cli_watch, groups_are_told_apart_where_there_are_several) {
    struct wire_group groups[2] = {{.name = T("api"), .count = 1}, {.name = T("web"), .count = 1}};
    status.record.spec.groups = groups;
    status.record.spec.groups_count = 2;
    put(0, 0, 2, INSTANCE_STATE_RUNNING);
    expect(CLI_WAIT, 1 * S, "web.api: 0 of 1 running, 1 without a place yet; web.web: 1 of 1 running", "");
}

/* ---- stop ---------------------------------------------------------------------------------------------- */

static void expect_stop(bool is_over, const char *text) {
    struct buf out = {0};
    cr_assert_eq(cli_view_stopping(&status, &out), is_over);
    EXPECT_TEXT(&out, text);
}

Test(cli_watch, a_stop_waits_for_all_in_sight_and_names_the_rest) {
    put(0, 0, 2, INSTANCE_STATE_RUNNING);
    put(1, 1, 2, INSTANCE_STATE_RUNNING);
    expect_stop(false, "web: 2 still to end");
    list[0].node_state = MEMBER_STATE_DEAD;
    expect_stop(false,
                "web: 1 still to end; 1 on host-a, out of sight, will be stopped when the host is back");
    list[1].record.state = INSTANCE_STATE_STOPPED;
    expect_stop(true, "web: stopped wherever it is in sight; 1 on host-a, out of sight, will be stopped when "
                      "the host is back");
    list[0].record.state = INSTANCE_STATE_STOPPED;
    expect_stop(true, "web: stopped");
}

/* ---- variables ----------------------------------------------------------------------------------------- */

static bool told(struct cli_told *t, enum var_change_kind kind, uint64_t version, uint64_t index,
                 bool prefix) {
    struct wire_admin_var_change change = {
        .kind = kind, .var = {.key = bytes_str("k"), .version = version}, .index = index};
    return cli_var_told(t, &change, prefix);
}

Test(cli_var_told, what_there_is_at_the_beginning_is_no_change_and_what_comes_then_is) {
    struct cli_told t = {0};
    cr_assert(!told(&t, VAR_CHANGE_KIND_RESET, 0, 0, false));
    cr_assert(!told(&t, VAR_CHANGE_KIND_SET, 7, 0, false));
    cr_assert(!told(&t, VAR_CHANGE_KIND_CURRENT, 0, 9, false));
    cr_assert_eq(t.from, 9);
    cr_assert(told(&t, VAR_CHANGE_KIND_SET, 10, 10, false));
    cr_assert(told(&t, VAR_CHANGE_KIND_REMOVED, 11, 11, false));
    cr_assert_eq(t.from, 11);
}

/* Else who waits for a lock that was let go before it asked would wait for ever. */
Test(cli_var_told, behind_a_version_a_removal_that_nobody_remembers_is_found_out) {
    struct cli_told gone = {.from = 7}, held = gone, other = gone, some = gone;
    cr_assert(!told(&gone, VAR_CHANGE_KIND_RESET, 0, 0, false));
    cr_assert(told(&gone, VAR_CHANGE_KIND_CURRENT, 0, 5000, false));
    cr_assert(!told(&held, VAR_CHANGE_KIND_RESET, 0, 0, false));
    cr_assert(!told(&held, VAR_CHANGE_KIND_SET, 7, 0, false), "as it was");
    cr_assert(!told(&held, VAR_CHANGE_KIND_CURRENT, 0, 5000, false),
              "who asks on would try in vain, at once");
    cr_assert(told(&held, VAR_CHANGE_KIND_REMOVED, 5001, 5001, false));
    cr_assert(!told(&other, VAR_CHANGE_KIND_RESET, 0, 0, false));
    cr_assert(!told(&other, VAR_CHANGE_KIND_SET, 4000, 0, false));
    cr_assert(told(&other, VAR_CHANGE_KIND_CURRENT, 0, 5000, false), "somebody else's by now");
    cr_assert(!told(&some, VAR_CHANGE_KIND_RESET, 0, 0, true));
    cr_assert(!told(&some, VAR_CHANGE_KIND_SET, 6, 0, true));
    cr_assert(told(&some, VAR_CHANGE_KIND_CURRENT, 0, 5000, true), "another one of the prefix may be gone");
}

Test(cli_var_told, a_watch_that_was_broken_while_all_was_listed_begins_with_what_there_is) {
    struct cli_told t = {0};
    cr_assert(!told(&t, VAR_CHANGE_KIND_RESET, 0, 0, false));
    cr_assert(!told(&t, VAR_CHANGE_KIND_SET, 7, 0, false));
    cr_assert(!told(&t, VAR_CHANGE_KIND_RESET, 0, 0, false));
    cr_assert(!told(&t, VAR_CHANGE_KIND_SET, 7, 0, false));
    cr_assert(!told(&t, VAR_CHANGE_KIND_CURRENT, 0, 9, false));
}
