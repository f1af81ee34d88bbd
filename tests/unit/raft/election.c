/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Terms, pre-votes, votes: who may lead, and who may not unseat a leader. */
#include <criterion/criterion.h>

#include "harness.h"

TestSuite(raft_election, .timeout = 60);

Test(raft_election, three_voters_elect_one_leader_who_commits_in_its_term) {
    struct world *w = world_new(1, 3);
    world_start(w, 3);
    size_t l = world_elect(w);
    cr_assert_eq(raft_term_at(w->nodes[l].raft, raft_commit_index(w->nodes[l].raft)), raft_term(w->nodes[l].raft));
    cr_assert(world_until(w, US_PER_S, all_applied));
    for (size_t i = 0; i < 3; i++) {
        struct raft_id leader;
        cr_assert(raft_leader(w->nodes[i].raft, &leader));
        cr_assert(raft_id_equal(&leader, &w->nodes[l].id));
    }
    world_free(w);
}
