/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* A disk that failed once proves nothing any more. */
#include <criterion/criterion.h>

#include "harness.h"

TestSuite(raft_disk, .timeout = 60);

static void fail_disk(struct world *w, size_t i) {
    struct raft_input in = {.kind = RAFT_DISK_FAILED};
    disk_stall(w, i, true);
    node_feed(w, i, &in);
}

Test(raft_disk, a_leader_whose_disk_fails_steps_down_and_hands_over) {
    struct world *w = world_new(1, 3);
    world_start(w, 3);
    size_t l = world_elect(w);
    world_run(w, 500 * US_PER_MS);
    int64_t failed_us = w->now_us;
    fail_disk(w, l);
    cr_assert_eq(raft_role(w->nodes[l].raft), RAFT_LEARNER);
    cr_assert_eq(node_propose(w, l, "x"), ERR_NOT_LEADER);
    size_t next = world_elect(w);
    cr_assert_neq(next, l);
    cr_assert_leq(w->now_us - failed_us, 20 * US_PER_MS);
    world_free(w);
}

Test(raft_disk, after_a_failure_nothing_is_acknowledged_and_no_vote_is_given) {
    struct world *w = world_new(2, 3);
    world_start(w, 3);
    size_t l = world_elect(w), f = (l + 1) % 3;
    world_run(w, 500 * US_PER_MS);
    disk_stall(w, f, true);
    node_propose(w, l, "x"); /* its ticket is under way */
    world_run(w, 10 * US_PER_MS);
    fail_disk(w, f);
    unsigned sent = w->nodes[f].sent_append_response + w->nodes[f].sent_vote_response;
    struct raft_input late = {.kind = RAFT_PERSISTED, .ticket = 1000};
    node_feed(w, f, &late);
    node_propose(w, l, "y");
    world_run(w, US_PER_S);
    struct wire_vote_request q = {.last_index = 1000, .last_term = 1000};
    struct wire_raft_message m = {.term = 1001, .vote_request = &q};
    node_deliver(w, (l + 2) % 3, f, &m);
    world_run(w, 10 * US_PER_S);
    cr_assert_eq(w->nodes[f].sent_append_response + w->nodes[f].sent_vote_response, sent);
    cr_assert_eq(w->nodes[f].sent_pre_vote + w->nodes[f].sent_vote, 0);
    cr_assert_eq(raft_deadline(w->nodes[f].raft), TIME_NEVER_US);
    cr_assert_eq(node_pull(w, f, l), ERR_IO);
    cr_assert_eq(world_ready_leader(w), l, "the others go on");
    world_free(w);
}

Test(raft_disk, a_candidate_whose_disk_fails_does_not_count_its_own_vote) {
    struct world *w = world_new(3, 1);
    world_prepare(w, 1);
    disk_stall(w, 0, true);
    node_start(w, 0);
    world_run(w, 100 * US_PER_MS);
    cr_assert_eq(raft_role(w->nodes[0].raft), RAFT_CANDIDATE);
    fail_disk(w, 0);
    struct raft_input late = {.kind = RAFT_PERSISTED, .ticket = 1};
    node_feed(w, 0, &late);
    cr_assert_eq(raft_role(w->nodes[0].raft), RAFT_LEARNER);
    world_free(w);
}
