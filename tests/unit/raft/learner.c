/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Those who follow the log without a vote. */
#include <criterion/criterion.h>

#include "harness.h"

TestSuite(raft_learner, .timeout = 60);

static struct world *settled(uint64_t seed, size_t nodes_count, size_t voters_count, size_t *ret_leader) {
    struct world *w = world_new(seed, nodes_count);
    for (size_t i = 0; i < nodes_count; i++)
        w->nodes[i].options.trailing_entries = 5;
    world_start(w, voters_count);
    *ret_leader = world_elect(w);
    world_run(w, 500 * US_PER_MS);
    return w;
}

static void pull_all(struct world *w, size_t i, size_t from) {
    for (int k = 0; k < 20; k++) {
        int err = node_pull(w, i, from);
        cr_assert(err == 0 || err == ERR_BUSY || err == ERR_STALE, "%s", err_str(err));
        world_run(w, 10 * US_PER_MS);
    }
}

Test(raft_learner, it_pulls_what_is_committed_from_any_peer_and_passes_it_on) {
    size_t l;
    struct world *w = settled(1, 5, 3, &l);
    for (int i = 0; i < 10; i++)
        node_propose(w, l, "x");
    world_run(w, 100 * US_PER_MS);
    unsigned sent = w->nodes[l].sent_append;
    pull_all(w, 3, (l + 1) % 3);
    pull_all(w, 4, 3);
    cr_assert_eq(w->nodes[4].applied, checker_commit(w->checker));
    cr_assert_eq(raft_role(w->nodes[4].raft), RAFT_LEARNER);
    cr_assert_eq(raft_deadline(w->nodes[4].raft), TIME_NEVER_US);
    cr_assert_leq(w->nodes[l].sent_append - sent, 2 * 9, "the leader is not asked");
    /* It is on its disk. */
    node_crash(w, 4);
    node_start(w, 4);
    cr_assert_eq(w->nodes[4].applied, checker_commit(w->checker));
    world_free(w);
}

/* Three vote, and the fourth needs the leader's snapshot. */
static struct world *with_snapshot(size_t *ret_leader) {
    struct world *w = settled(2, 4, 3, ret_leader);
    for (int i = 0; i < 30; i++)
        node_propose(w, *ret_leader, "x");
    world_run(w, 100 * US_PER_MS);
    node_snapshot(w, *ret_leader);
    return w;
}

Test(raft_learner, it_begins_with_a_snapshot_when_the_entries_are_gone) {
    size_t l;
    struct world *w = with_snapshot(&l);
    node_pull(w, 3, l);
    node_pull(w, 3, l);
    struct wire_pull_request next;
    raft_pull_next(w->nodes[3].raft, &next);
    cr_assert_eq(next.snapshot_index, w->nodes[l].disk.snapshot.index);
    cr_assert_eq(next.offset, 2 * SNAP_CHUNK, "a transfer goes on where it stopped");
    pull_all(w, 3, l);
    cr_assert_eq(w->nodes[3].installs_count, 1);
    cr_assert_eq(w->nodes[3].applied, checker_commit(w->checker));
    cr_assert(raft_is_voter(w->nodes[3].raft, &w->nodes[0].id), "who votes came with it");
    world_free(w);
}

/* The one whose chunk came first said a wrong checksum, or this one does: no other peer's chunks would fit.
 */
Test(raft_learner, a_chunk_that_is_not_of_what_is_here_of_its_snapshot_begins_it_anew) {
    size_t l;
    struct world *w = with_snapshot(&l);
    node_pull(w, 3, l);
    struct wire_snapshot_chunk other = snapshot_chunk_at(&w->nodes[l], SNAP_CHUNK);
    other.checksum ^= 1;
    struct wire_pull_response p = {.snapshot = &other};
    cr_assert_eq(node_feed(w, 3, &(struct raft_input){.kind = RAFT_PULLED, .pulled = &p}), ERR_STALE);
    struct wire_pull_request next;
    raft_pull_next(w->nodes[3].raft, &next);
    cr_assert(next.snapshot_index == 0 && next.offset == 0);
    pull_all(w, 3, l);
    cr_assert_eq(w->nodes[3].installs_count, 1);
    world_free(w);
}

Test(raft_learner, a_voter_takes_commit_from_its_leader_alone) {
    size_t l;
    struct world *w = settled(3, 3, 3, &l);
    size_t f = (l + 1) % 3;
    cr_assert_eq(node_pull(w, f, l), ERR_DENIED);
    cr_assert_eq(node_pull(w, l, f), ERR_DENIED);
    world_free(w);
}

/* A voter that led alone, and was removed meanwhile, has entries that nobody else has. */
Test(raft_learner, what_a_former_voter_has_uncommitted_gives_way) {
    struct world *w = world_new(4, 4);
    world_prepare(w, 4);
    struct raft_id three[3] = {w->nodes[0].id, w->nodes[1].id, w->nodes[2].id};
    struct wire_raft_config config = {.voters = three, .voters_count = 3};
    for (size_t i = 0; i < 4; i++) {
        disk_put_config(w, i, 2, 3, &config);
        w->nodes[i].disk.hard.term = 4;
    }
    for (uint64_t i = 3; i <= 8; i++)
        disk_put(w, 3, i, 4, "alone");
    w->nodes[3].disk.hard.commit = 2;
    for (size_t i = 0; i < 4; i++)
        node_start(w, i);
    size_t l = world_elect(w);
    for (int i = 0; i < 3; i++)
        node_propose(w, l, "together");
    world_run(w, 100 * US_PER_MS);
    cr_assert_eq(raft_role(w->nodes[3].raft), RAFT_LEARNER);
    cr_assert_eq(raft_last_index(w->nodes[3].raft), 8);
    pull_all(w, 3, l);
    cr_assert_eq(w->nodes[3].applied, checker_commit(w->checker));
    cr_assert_eq(raft_last_index(w->nodes[3].raft), checker_commit(w->checker));
    world_run(w, 10 * US_PER_MS);
    node_crash(w, 3);
    node_start(w, 3);
    cr_assert_eq(raft_last_index(w->nodes[3].raft), checker_commit(w->checker),
                 "the tail is gone from the disk, too");
    world_free(w);
}

static int pull_by_hand(struct world *w, size_t i, uint64_t prev_index, uint64_t prev_term, size_t count,
                        uint64_t term, uint64_t commit) {
    struct wire_raft_entry entries[8];
    for (size_t k = 0; k < count; k++)
        entries[k] =
            (struct wire_raft_entry){.index = prev_index + 1 + k, .term = term, .kind = ENTRY_KIND_COMMAND};
    struct wire_pull_response p = {.prev_index = prev_index,
                                   .prev_term = prev_term,
                                   .entries = entries,
                                   .entries_count = count,
                                   .commit = commit};
    struct raft_input in = {.kind = RAFT_PULLED, .pulled = &p};
    return node_feed(w, i, &in);
}

Test(raft_learner, pulled_entries_must_follow_what_is_here) {
    struct world *w = world_new(5, 1);
    node_start(w, 0);
    cr_assert_eq(pull_by_hand(w, 0, 0, 0, 3, 2, 9), 0);
    cr_assert_eq(raft_commit_index(w->nodes[0].raft), 3, "not beyond what came");
    cr_assert_eq(raft_term(w->nodes[0].raft), 2, "the term is not behind the log");
    cr_assert_eq(pull_by_hand(w, 0, 5, 2, 1, 2, 9), ERR_STALE);
    cr_assert_eq(pull_by_hand(w, 0, 3, 4, 1, 4, 9), ERR_CONFLICT, "another history behind the commit index");
    cr_assert_eq(pull_by_hand(w, 0, 1, 2, 3, 3, 9), ERR_CONFLICT);
    cr_assert_eq(pull_by_hand(w, 0, 3, 2, 2, 1, 9), ERR_INVALID, "terms that fall");
    cr_assert_eq(pull_by_hand(w, 0, 1, 2, 4, 2, 4), 0, "what overlaps is compared");
    cr_assert_eq(raft_commit_index(w->nodes[0].raft), 4);
    cr_assert_eq(raft_last_index(w->nodes[0].raft), 5);
    cr_assert_eq(pull_by_hand(w, 0, 5, 2, 1, 2, 9), ERR_STALE,
                 "what is not committed here is nothing to go on from");
    cr_assert_eq(pull_by_hand(w, 0, 4, 2, 1, 9, 9), 0, "the tail that was not committed gives way");
    cr_assert_eq(raft_term_at(w->nodes[0].raft, 5), 9);
    struct wire_pull_request next;
    raft_pull_next(w->nodes[0].raft, &next);
    cr_assert(next.next == 6 && next.term == 9 && next.snapshot_index == 0);
    struct wire_pull_response refused = {.refused = true};
    struct raft_input in = {.kind = RAFT_PULLED, .pulled = &refused};
    cr_assert_eq(node_feed(w, 0, &in), ERR_STALE);
    world_free(w);
}

Test(raft_learner, one_that_is_tracked_is_fed_by_the_leader_and_follows_it) {
    size_t l;
    struct world *w = settled(6, 4, 3, &l);
    cr_assert_eq(node_peer(w, l, RAFT_TRACK, 3), 0);
    world_run(w, 100 * US_PER_MS);
    node_propose(w, l, "x");
    world_run(w, 10 * US_PER_MS);
    cr_assert_eq(w->nodes[3].applied, checker_commit(w->checker));
    struct raft_id leader;
    cr_assert(raft_leader(w->nodes[3].raft, &leader) && raft_id_equal(&leader, &w->nodes[l].id));
    cr_assert_eq(raft_role(w->nodes[3].raft), RAFT_LEARNER);
    cr_assert_eq(node_pull(w, 3, l), 0, "and it may pull as well");
    node_crash(w, l);
    world_run(w, 3 * US_PER_S);
    cr_assert_eq(w->nodes[3].sent_pre_vote, 0);
    world_free(w);
}
