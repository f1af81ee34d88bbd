/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Leadership handed over. */
#include <criterion/criterion.h>

#include "harness.h"

TestSuite(raft_transfer, .timeout = 60);

static struct world *settled(uint64_t seed, size_t nodes_count, size_t voters_count, size_t *ret_leader) {
    struct world *w = world_new(seed, nodes_count);
    world_start(w, voters_count);
    *ret_leader = world_elect(w);
    world_run(w, 500 * US_PER_MS);
    return w;
}

Test(raft_transfer, the_named_voter_leads_within_milliseconds) {
    size_t l;
    struct world *w = settled(1, 3, 3, &l);
    size_t to = (l + 1) % 3;
    node_propose(w, l, "x");
    cr_assert_eq(node_peer(w, l, RAFT_TRANSFER, to), 0);
    cr_assert_eq(node_propose(w, l, "y"), ERR_BUSY);
    world_run(w, 15 * US_PER_MS);
    cr_assert_eq(world_ready_leader(w), to);
    cr_assert_eq(w->nodes[to].sent_pre_vote, 0);
    cr_assert_eq(node_propose(w, l, "y"), ERR_NOT_LEADER);
    world_run(w, 100 * US_PER_MS);
    cr_assert(all_applied(w));
    world_free(w);
}

Test(raft_transfer, it_waits_until_the_target_has_everything) {
    size_t l;
    struct world *w = settled(2, 3, 3, &l);
    size_t to = (l + 1) % 3;
    disk_stall(w, to, true);
    node_propose(w, l, "x");
    cr_assert_eq(node_peer(w, l, RAFT_TRANSFER, to), 0);
    world_run(w, 100 * US_PER_MS);
    cr_assert_eq(w->nodes[l].sent_timeout_now, 0);
    disk_stall(w, to, false);
    world_run(w, 20 * US_PER_MS);
    cr_assert_eq(world_ready_leader(w), to);
    world_free(w);
}

Test(raft_transfer, it_is_given_up_after_an_election_timeout) {
    size_t l;
    struct world *w = settled(3, 3, 3, &l);
    size_t to = (l + 1) % 3;
    node_crash(w, to);
    cr_assert_eq(node_peer(w, l, RAFT_TRANSFER, to), 0);
    cr_assert_eq(node_peer(w, l, RAFT_TRANSFER, (l + 2) % 3), ERR_BUSY);
    world_run(w, 200 * US_PER_MS);
    cr_assert_eq(node_propose(w, l, "x"), ERR_BUSY);
    world_run(w, 110 * US_PER_MS);
    cr_assert_eq(node_propose(w, l, "x"), 0);
    cr_assert_eq(world_leader(w), l);
    world_free(w);
}

Test(raft_transfer, only_voters_are_handed_leadership_and_only_by_the_leader) {
    size_t l;
    struct world *w = settled(4, 4, 3, &l);
    cr_assert_eq(node_peer(w, l, RAFT_TRANSFER, 3), ERR_NOT_FOUND);
    cr_assert_eq(node_propose(w, l, "x"), 0);
    size_t f = (l + 1) % 3, other = (l + 2) % 3;
    cr_assert_eq(node_peer(w, f, RAFT_TRANSFER, other), ERR_NOT_LEADER);
    uint64_t term = raft_term(w->nodes[l].raft);
    struct wire_raft_message forged = {.term = term, .timeout_now = true};
    node_deliver(w, other, f, &forged);
    cr_assert_eq(raft_term(w->nodes[f].raft), term, "somebody who does not lead made it stand");
    node_peer(w, l, RAFT_TRACK, 3);
    world_run(w, 100 * US_PER_MS);
    node_deliver(w, l, 3, &forged);
    cr_assert_eq(raft_role(w->nodes[3].raft), RAFT_LEARNER);
    world_free(w);
}
