/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Every command, with each precondition that can fail. A refusal leaves no trace but the index. */
#include "world.h"

/* Everything but the index. */
static struct bytes without_index(struct world *w) {
    struct wire_state_snapshot all;
    struct buf out = {0};
    cr_assert_eq(codec_decode(&wire_state_snapshot_type, snapshot_of(w), &w->arena, &all, NULL), 0);
    all.index = 0;
    codec_encode(&wire_state_snapshot_type, &all, &out);
    struct bytes copy = arena_copy(&w->arena, buf_bytes(&out));
    buf_done(&out);
    return copy;
}
#define REFUSED(w, code, ...)                                                                                \
    do {                                                                                                     \
        struct bytes before = without_index(w);                                                              \
        cr_assert_eq(APPLY(w, __VA_ARGS__).error, (code));                                                   \
        cr_assert(bytes_equal(before, without_index(w)), "a refused command changed the state");             \
    } while (0)

/* ---- the cluster ---- */

Test(state_cluster, init_is_taken_once) {
    struct world w = world_new();
    cr_assert_null(state_cluster(w.state));
    struct wire_cluster_record record = {.id = {{1}}, .generation = 1};
    cr_assert_eq(APPLY(&w, .init = &record).error, 0);
    cr_assert_eq(state_cluster(w.state)->generation, 1);
    struct wire_cluster_record other = {.id = {{2}}, .generation = 9};
    REFUSED(&w, ERR_EXISTS, .init = &other);
    world_done(&w);
}

Test(state_cluster, init_without_an_id_is_refused) {
    struct world w = world_new();
    struct wire_cluster_record record = {.generation = 1};
    REFUSED(&w, ERR_INVALID, .init = &record);
    cr_assert_null(state_cluster(w.state));
    world_done(&w);
}

Test(state_cluster, a_command_of_a_later_version_is_refused_and_moves_the_index) {
    struct world w = world_new();
    REFUSED(&w, ERR_INVALID, .time_ms = 1);
    cr_assert_eq(state_index(w.state), 1);
    struct state_result r;
    state_apply(w.state, 7, NULL, &r);
    cr_assert_eq(r.error, 0);
    cr_assert_eq(state_index(w.state), 7);
    world_done(&w);
}

/* ---- nodes ---- */

Test(state_nodes, need_an_id_and_a_name_of_their_own) {
    struct world w = world_new();
    struct wire_node_record record = node_record(1);
    record.id = (struct node_id){{0}};
    REFUSED(&w, ERR_INVALID, .node = &record);
    record = node_record(1);
    record.name = text_of("");
    REFUSED(&w, ERR_INVALID, .node = &record);
    add_node(&w, 1);
    record = node_record(2);
    record.name = node_record(1).name;
    REFUSED(&w, ERR_EXISTS, .node = &record);
    cr_assert_eq(state_nodes_count(w.state), 1);
    world_done(&w);
}

Test(state_nodes, are_renewed_in_place_and_kept_in_order) {
    struct world w = world_new();
    add_node(&w, 3);
    add_node(&w, 1);
    add_node(&w, 2);
    struct wire_node_record record = node_record(1);
    record.memory_mib = 99;
    add_record(&w, &record);
    cr_assert_eq(state_nodes_count(w.state), 3);
    for (unsigned i = 0; i < 3; i++)
        cr_assert(ID_EQUAL(state_node_at(w.state, i)->id, node_of(i + 1)));
    cr_assert_eq(state_node_find(w.state, node_of(1))->memory_mib, 99);
    cr_assert_eq(state_node_find(w.state, node_of(1))->modify_index, w.index);
    cr_assert_null(state_node_find(w.state, node_of(4)));
    world_done(&w);
}

Test(state_nodes, one_that_left_comes_back_by_joining_only) {
    struct world w = world_new();
    add_node(&w, 1);
    struct wire_cmd_node_status c = {.id = node_of(9), .status = NODE_STATUS_LEFT};
    REFUSED(&w, ERR_NOT_FOUND, .node_status = &c);
    set_status(&w, 1, NODE_STATUS_UNREACHABLE);
    set_status(&w, 1, NODE_STATUS_READY);
    set_status(&w, 1, NODE_STATUS_LEFT);
    set_status(&w, 1, NODE_STATUS_LEFT);
    c = (struct wire_cmd_node_status){.id = node_of(1), .status = NODE_STATUS_READY};
    REFUSED(&w, ERR_CONFLICT, .node_status = &c);
    add_node(&w, 1);
    cr_assert_eq(state_node_find(w.state, node_of(1))->status, NODE_STATUS_READY);
    world_done(&w);
}

Test(state_nodes, removal_ends_its_instances_for_good_and_no_others) {
    struct world w = world_new();
    add_nodes(&w, 2);
    uint64_t v = run_service(&w, "web", 3, "/bin/a");
    place_instance(&w, "web", v, 0, 1, 1);
    place_instance(&w, "web", v, 1, 2, 2);
    place_instance(&w, "web", v, 2, 3, 1);
    tell(&w, instance_of(1), INSTANCE_STATE_RUNNING);
    tell(&w, instance_of(3), INSTANCE_STATE_FAILED);
    struct wire_cmd_node_status gone = {.id = node_of(1)}, stranger = {.id = node_of(7)};
    REFUSED(&w, ERR_NOT_FOUND, .node_remove = &stranger);
    cr_assert_eq(APPLY(&w, .node_remove = &gone).error, 0);
    cr_assert_null(state_node_find(w.state, node_of(1)));
    cr_assert_eq(record_of(&w, 1)->state, INSTANCE_STATE_STOPPED);
    cr_assert_eq(record_of(&w, 1)->desired, DESIRED_STATE_STOP);
    cr_assert(record_of(&w, 1)->acknowledged);
    cr_assert_eq(record_of(&w, 3)->state, INSTANCE_STATE_FAILED, "what was over stays what it was");
    cr_assert_eq(record_of(&w, 2)->state, INSTANCE_STATE_PLACED);
    cr_assert_eq(tell(&w, instance_of(1), INSTANCE_STATE_RUNNING), 1, "its late word counts no more");
    struct wire_place again = place_of("web", v, 0, 9, 2);
    cr_assert_eq(apply_place(&w, &again), 0, "its slot is free");
    REFUSED(&w, ERR_NOT_FOUND, .node_remove = &gone);
    world_done(&w);
}

/* ---- jobs ---- */

Test(state_jobs, versions_count_up_and_the_same_job_again_changes_nothing) {
    struct world w = world_new();
    struct wire_job *a = job_of(&w, "web", JOB_TYPE_SERVICE, 1, "/bin/a");
    struct state_result r = APPLY(&w, .job = a, .time_ms = 5);
    cr_assert_eq(r.version, 1);
    cr_assert(r.changed);
    r = APPLY(&w, .job = a, .time_ms = 77);
    cr_assert_eq(r.version, 1);
    cr_assert_not(r.changed);
    cr_assert_eq(state_job_find(w.state, text_of("web"))->submitted_ms, 5);
    cr_assert_eq(run_service(&w, "web", 2, "/bin/a"), 2);
    cr_assert_eq(run_service(&w, "api", 1, "/bin/a"), 1);
    cr_assert_eq(state_jobs_count(w.state), 2);
    cr_assert(bytes_is(state_job_at(w.state, 0)->spec.name, "api"));
    cr_assert_eq(state_job_at(w.state, 1)->version, 2);
    world_done(&w);
}

Test(state_jobs, a_stopped_job_runs_again_as_a_new_version) {
    struct world w = world_new();
    struct wire_job *a = job_of(&w, "web", JOB_TYPE_SERVICE, 1, "/bin/a");
    run_job(&w, a);
    struct wire_cmd_job_stop c = {.name = text_of("web")}, unknown = {.name = text_of("nothing")};
    REFUSED(&w, ERR_NOT_FOUND, .job_stop = &unknown);
    struct state_result r = APPLY(&w, .job_stop = &c);
    cr_assert(r.changed && r.version == 1);
    cr_assert(state_job_find(w.state, text_of("web"))->stopped);
    r = APPLY(&w, .job_stop = &c);
    cr_assert(!r.changed && r.error == 0);
    cr_assert_eq(run_job(&w, a), 2);
    cr_assert_not(state_job_find(w.state, text_of("web"))->stopped);
    world_done(&w);
}

Test(state_jobs, old_versions_stay_while_an_instance_refers_to_them_and_no_longer) {
    struct world w = world_new();
    add_node(&w, 1);
    run_service(&w, "web", 1, "/bin/1");
    place_instance(&w, "web", 1, 0, 1, 1);
    run_service(&w, "web", 1, "/bin/2");
    run_service(&w, "web", 1, "/bin/3");
    cr_assert_not_null(state_job_version(w.state, text_of("web"), 1));
    cr_assert_null(state_job_version(w.state, text_of("web"), 2), "nothing refers to it");
    cr_assert_not_null(state_job_version(w.state, text_of("web"), 3));
    for (unsigned i = 1; i < 4; i++) {
        apply_stop(&w, i, "test");
        tell(&w, instance_of(i), INSTANCE_STATE_STOPPED);
        place_instance(&w, "web", 3, 0, i + 1, 1);
    }
    cr_assert_null(record_of(&w, 1), "only the newest finished ones are kept");
    cr_assert_null(state_job_version(w.state, text_of("web"), 1));
    world_done(&w);
}

Test(state_jobs, an_unsound_one_is_refused) {
    struct world w = world_new();
    struct wire_job *job = job_of(&w, "web", JOB_TYPE_SERVICE, 1, "");
    REFUSED(&w, ERR_INVALID, .job = job);
    job = job_of(&w, "web", JOB_TYPE_SERVICE, WIRE_COUNT_MAX + 1, "/bin/a");
    cr_assert_lt(APPLY(&w, .job = job).error, 0);
    cr_assert_eq(state_jobs_count(w.state), 0);
    world_done(&w);
}

Test(state_jobs, a_group_is_the_same_when_only_its_count_differs) {
    struct world w = world_new();
    add_node(&w, 1);
    run_service(&w, "web", 2, "/bin/a");
    place_instance(&w, "web", 1, 0, 1, 1);
    run_service(&w, "web", 5, "/bin/a");
    place_instance(&w, "web", 2, 1, 2, 1);
    run_service(&w, "web", 5, "/bin/b");
    place_instance(&w, "web", 3, 2, 3, 1);
    struct wire_job *meta = job_of(&w, "web", JOB_TYPE_SERVICE, 5, "/bin/b");
    meta->meta = &(struct wire_pair){.name = text_of("k"), .value = text_of("v")};
    meta->meta_count = 1;
    run_job(&w, meta);
    const struct wire_job_record *v[5];
    for (uint64_t i = 1; i < 5; i++)
        v[i] = state_job_version(w.state, text_of("web"), i);
    cr_assert(state_group_same(v[1], v[2], text_of("g")));
    cr_assert_not(state_group_same(v[2], v[3], text_of("g")));
    cr_assert_not(state_group_same(v[3], v[4], text_of("g")), "meta reaches the tasks");
    cr_assert_not(state_group_same(v[1], v[2], text_of("other")));
    world_done(&w);
}

/* ---- variables ---- */

static struct state_result put(struct world *w, const char *key, const char *value, bool check,
                               uint64_t version) {
    struct wire_cmd_var c = {
        .key = text_of(key), .value = text_of(value), .check = check, .version = version};
    return APPLY(w, .var = &c);
}

Test(state_vars, compare_and_set_lets_one_of_two_writers_through) {
    struct world w = world_new();
    struct state_result first = put(&w, "lock", "me", true, 0);
    cr_assert(first.error == 0 && first.version == w.index && first.changed);
    cr_assert_eq(put(&w, "lock", "you", true, 0).error, ERR_CONFLICT);
    cr_assert(bytes_is(state_var_find(w.state, text_of("lock"))->value, "me"));
    cr_assert_eq(put(&w, "lock", "you", true, first.version).error, 0);
    cr_assert_eq(put(&w, "lock", "me", true, first.version).error, ERR_CONFLICT);
    cr_assert_eq(put(&w, "lock", "anybody", false, 0).error, 0);
    cr_assert_eq(put(&w, "", "x", false, 0).error, ERR_INVALID);
    world_done(&w);
}

Test(state_vars, removal_checks_and_a_removed_key_begins_at_zero_again) {
    struct world w = world_new();
    struct wire_cmd_var remove = {.key = text_of("k"), .remove = true};
    REFUSED(&w, ERR_NOT_FOUND, .var = &remove);
    uint64_t version = put(&w, "k", "v", false, 0).version;
    remove.check = true;
    remove.version = version + 1;
    REFUSED(&w, ERR_CONFLICT, .var = &remove);
    remove.version = version;
    cr_assert_eq(APPLY(&w, .var = &remove).error, 0);
    cr_assert_null(state_var_find(w.state, text_of("k")));
    cr_assert_eq(put(&w, "k", "v", true, version).error, ERR_CONFLICT);
    cr_assert_eq(put(&w, "k", "v", true, 0).error, 0);
    world_done(&w);
}

Test(state_vars, are_kept_in_order_of_key) {
    struct world w = world_new();
    put(&w, "b", "2", false, 0);
    put(&w, "a", "1", false, 0);
    put(&w, "ab", "3", false, 0);
    cr_assert_eq(state_vars_count(w.state), 3);
    cr_assert(bytes_is(state_var_at(w.state, 0)->key, "a"));
    cr_assert(bytes_is(state_var_at(w.state, 1)->key, "ab"));
    cr_assert(bytes_is(state_var_at(w.state, 2)->key, "b"));
    world_done(&w);
}

/* A state that no longer fits a snapshot would lose the cluster at its next start. */
Test(state_vars, together_never_outgrow_a_snapshot) {
    struct world w = world_new();
    uint8_t *big = arena_alloc(&w.arena, WIRE_VAR_VALUE_MAX);
    unsigned taken = 0;
    int error = 0;
    for (unsigned i = 0; i < 5000 && error == 0; i++) {
        struct request_id key = request_of(i);
        struct wire_cmd_var c = {.key = bytes_of(key.b, 3), .value = bytes_of(big, WIRE_VAR_VALUE_MAX)};
        error = APPLY(&w, .var = &c).error;
        taken += error == 0;
    }
    cr_assert_eq(error, ERR_LIMIT);
    cr_assert_gt(taken, 1000);
    struct request_id key = request_of(0);
    struct wire_cmd_var same = {.key = bytes_of(key.b, 3), .value = bytes_of(big, WIRE_VAR_VALUE_MAX)};
    cr_assert_eq(APPLY(&w, .var = &same).error, 0, "what is there may be written over");
    struct wire_cmd_var remove = {.key = bytes_of(key.b, 3), .remove = true};
    cr_assert_eq(APPLY(&w, .var = &remove).error, 0);
    struct wire_cmd_var fresh = {.key = text_of("x"), .value = bytes_of(big, 1000)};
    cr_assert_eq(APPLY(&w, .var = &fresh).error, 0, "room was made");
    world_done(&w);
}

/* ---- votes ---- */

Test(state_votes, are_the_operators_word_and_nothing_that_a_host_says_of_itself) {
    struct world w = world_new();
    struct wire_node_record record = node_record(1);
    record.vote = VOTE_RULE_PIN;
    add_record(&w, &record);
    cr_assert_eq(state_node_find(w.state, node_of(1))->vote, VOTE_RULE_AUTO);
    struct wire_cmd_node_vote exclude = {.id = node_of(1), .vote = VOTE_RULE_EXCLUDE};
    cr_assert_eq(APPLY(&w, .node_vote = &exclude).error, 0);
    add_record(&w, &record);
    cr_assert_eq(state_node_find(w.state, node_of(1))->vote, VOTE_RULE_EXCLUDE);
    struct wire_cmd_node_vote stranger = {.id = node_of(2), .vote = VOTE_RULE_PIN};
    cr_assert_eq(APPLY(&w, .node_vote = &stranger).error, ERR_NOT_FOUND);
    world_done(&w);
}

/* ---- answers remembered ---- */

Test(state_requests, a_repeated_request_gets_the_first_answer_and_has_no_second_effect) {
    struct world w = world_new();
    struct wire_cmd_var c = {.key = text_of("k"), .value = text_of("1"), .check = true};
    struct state_result first = APPLY(&w, .request = request_of(1), .var = &c);
    cr_assert_eq(first.error, 0);
    struct state_result again = APPLY(&w, .request = request_of(1), .var = &c);
    cr_assert_eq(again.error, 0, "a second try of its own must not meet its own first one");
    cr_assert_eq(again.version, first.version);
    cr_assert(again.changed, "the first answer, all of it");
    cr_assert_eq(again.index, 1);
    cr_assert_eq(state_var_find(w.state, text_of("k"))->version, first.version);
    struct state_result refused = APPLY(&w, .request = request_of(2), .var = &c);
    cr_assert_eq(refused.error, ERR_CONFLICT);
    struct wire_cmd_var remove = {.key = text_of("k"), .remove = true};
    cr_assert_eq(APPLY(&w, .var = &remove).error, 0);
    cr_assert_eq(APPLY(&w, .request = request_of(2), .var = &c).error, ERR_CONFLICT,
                 "refused once, refused for ever");
    cr_assert_null(state_var_find(w.state, text_of("k")));
    struct state_result known;
    cr_assert(state_request_find(w.state, request_of(1), &known));
    cr_assert_eq(known.version, first.version);
    cr_assert_not(state_request_find(w.state, request_of(3), &known));
    world_done(&w);
}

Test(state_requests, the_newest_are_remembered_and_what_was_forgotten_is_not_done_again) {
    struct world w = world_new();
    struct state_result r;
    for (unsigned i = 0; i < WIRE_REQUESTS_MAX + 1; i++) {
        struct wire_cmd_var c = {.key = text_of("k"), .value = text_of("v")};
        APPLY(&w, .request = request_of(i), .var = &c);
    }
    cr_assert_not(state_request_find(w.state, request_of(0), &r));
    cr_assert(state_request_find(w.state, request_of(1), &r));
    cr_assert(state_request_find(w.state, request_of(WIRE_REQUESTS_MAX), &r));
    cr_assert_eq(r.index, WIRE_REQUESTS_MAX + 1);
    struct wire_cmd_var c = {.key = text_of("k"), .value = text_of("again")};
    cr_assert_eq(APPLY(&w, .request = request_of(40000), .since = 1, .var = &c).error, 0, "asked at 1");
    cr_assert_eq(APPLY(&w, .request = request_of(0), .since = 1, .var = &c).error, ERR_STALE);
    cr_assert_not(state_request_find(w.state, request_of(0), &r));
    struct state *other = state_new();
    cr_assert_eq(state_restore(other, snapshot_of(&w)), 0, "as many as a snapshot takes");
    cr_assert(state_request_find(other, request_of(40000), &r));
    state_apply(other, w.index + 1, &(struct wire_command){.request = request_of(0), .since = 1, .var = &c},
                &r);
    cr_assert_eq(r.error, ERR_STALE, "a snapshot does not forget what was forgotten");
    state_free(other);
    world_done(&w);
}
