/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Leaving, and what may come between. */
#include <covey/swim.h>

#include "town.h"

static bool log_says_left(const struct town *t, size_t host) {
    const struct node *n = t->hosts[host].node;
    const struct wire_node_record *r = state_node_find(node_state(n), node_self(n));
    return r != NULL && r->status == NODE_STATUS_LEFT;
}

Test(node_leave, an_agent_that_learns_at_its_start_that_it_has_left_waits_for_nothing_that_does_not_come) {
    struct town t;
    size_t leader = town_calm(&t, 4), host = leader == 3 ? 2 : 3;
    town_call(&t, host, "leave", &wire_empty_type, &(struct wire_empty){0});
    town_run(&t, 3 * US_PER_MS);
    cr_assert(!log_says_left(&t, host));
    town_kill(&t, host);
    town_run(&t, 2 * US_PER_S);
    t.swim_period_us = 5 * US_PER_S; /* telling everybody takes its time */
    town_start(&t, host);
    for (unsigned i = 0; i < 10000 && !log_says_left(&t, host); i++)
        town_run(&t, US_PER_MS);
    cr_assert(log_says_left(&t, host));
    town_away(&t, host, true);
    town_run(&t, 10 * US_PER_S);
    cr_assert_eq(node_deadline(t.hosts[host].node), TIME_NEVER_US, "it has ended");
    town_done(&t);
}

/* The newest configuration in the host's log, committed or not. */
static bool votes_in_log(const struct town *t, size_t host) {
    const struct raft *r = node_raft(t->hosts[host].node);
    struct raft_id self = raft_self(r);
    return raft_is_voter(r, &self);
}

Test(node_leave, the_last_voter_stays_until_the_end_of_its_vote_is_committed) {
    struct town t;
    town_init(&t, 2, NULL);
    town_run(&t, 5 * US_PER_S);
    size_t host = town_leader(&t), other = 1 - host;
    town_call(&t, host, "leave", &wire_empty_type, &(struct wire_empty){0});
    for (unsigned i = 0; i < 10000 && votes_in_log(&t, host); i++)
        town_run(&t, US_PER_MS / 4);
    cr_assert(!votes_in_log(&t, host));
    cr_assert(raft_commit_index(node_raft(t.hosts[host].node)) <
              raft_last_index(node_raft(t.hosts[host].node)));
    town_away(&t, host, true);
    town_run(&t, 20 * US_PER_S);
    cr_assert_neq(node_deadline(t.hosts[host].node), TIME_NEVER_US, "it has gone, and nobody can commit");
    town_away(&t, host, false);
    town_run(&t, 20 * US_PER_S);
    cr_assert_eq(node_deadline(t.hosts[host].node), TIME_NEVER_US, "it has ended");
    cr_assert_eq(town_leader(&t), other);
    cr_assert_eq(town_put(&t, other, "k", "v"), 0);
    town_done(&t);
}

Test(node_leave, no_vote_goes_while_those_that_stay_could_not_finish_the_change) {
    struct town t;
    size_t leader = town_calm(&t, 4), idle = TOWN_MAX, lost = TOWN_MAX, stays = TOWN_MAX;
    for (size_t i = 0; i < 4; i++) {
        if (!votes_in_log(&t, i))
            idle = i;
        else if (i != leader && lost == TOWN_MAX && i != 0) /* the first is the one to join at */
            lost = i;
        else if (i != leader)
            stays = i;
    }
    cr_assert(idle != TOWN_MAX && lost != TOWN_MAX && stays != TOWN_MAX && leader != TOWN_MAX);
    town_kill(&t, idle);
    town_run(&t, 30 * US_PER_S);
    town_lose_disk(&t, lost);
    town_call(&t, leader, "leave", &wire_empty_type, &(struct wire_empty){0});
    town_run(&t, US_PER_S);
    town_start(&t, lost);
    town_run(&t, 60 * US_PER_S);
    cr_assert_eq(raft_config_now(node_raft(t.hosts[stays].node))->voters_next_count, 0,
                 "the change never ends");
    cr_assert_eq(town_put(&t, stays, "k", "v"), 0);
    town_done(&t);
}

/* It counts its runs and its packets from 1 again: they are no replays of those that it sent before it left.
 */
Test(node_leave, a_host_that_left_and_comes_back_with_an_empty_disk_is_heard_at_once) {
    struct town t;
    town_init(&t, 3, NULL);
    town_run(&t, 60 * US_PER_S);
    struct node_id self = node_self(t.hosts[2].node);
    town_call(&t, 2, "leave", &wire_empty_type, &(struct wire_empty){0});
    town_run(&t, 30 * US_PER_S);
    cr_assert_null(state_node_find(node_state(t.hosts[0].node), self));
    town_lose_disk(&t, 2);
    town_start(&t, 2);
    town_run(&t, 2 * US_PER_S);
    cr_assert_not_null(state_node_find(node_state(t.hosts[0].node), self));
    for (int i = 0; i < 30; i++) {
        struct swim_member m;
        for (size_t host = 0; host < 2; host++) {
            cr_assert(swim_member_find(node_swim(t.hosts[host].node), self, &m));
            cr_assert_eq(m.state, MEMBER_STATE_ALIVE, "after %d s", i);
            cr_assert_leq(m.version, 1, "it was suspected after %d s", i);
        }
        town_run(&t, US_PER_S);
    }
    town_done(&t);
}
