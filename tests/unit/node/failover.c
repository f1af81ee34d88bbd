/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* How soon a leader whose process died is followed by another. */
#include <criterion/criterion.h>

#include "town.h"

TestSuite(node_failover, .timeout = 60);

static size_t other_leader(struct town *t, size_t dead) {
    for (size_t i = 0; i < t->count; i++)
        if (i != dead && t->hosts[i].node != NULL && node_leads(t->hosts[i].node))
            return i;
    return TOWN_MAX;
}

static void killed_with_resets(unsigned resets) {
    struct town t;
    size_t leader = town_calm(&t, 3);
    cr_assert_neq(leader, TOWN_MAX);
    t.hosts[leader].refuse_us = US_PER_MS;
    t.hosts[leader].resets = resets;
    town_kill(&t, leader);
    town_run(&t, 200 * US_PER_MS); /* of an election timeout of 300 to 600 */
    cr_assert_neq(other_leader(&t, leader), TOWN_MAX, "%u resets", resets);
    town_done(&t);
}

Test(node_failover, a_refused_stream_to_the_leader_is_followed_by_an_election_at_once) {
    killed_with_resets(0);
}

/* The kernel ends a process's connections before its listener is gone: both survivors dial too soon. */
Test(node_failover, a_dial_that_is_reset_is_made_again_at_once) {
    killed_with_resets(2);
    killed_with_resets(4);
}
