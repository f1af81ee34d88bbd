/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Linearizable reads: who may answer, and when. The checker compares each with what was committed when it was
 * asked.
 */
#include <criterion/criterion.h>

#include "harness.h"

TestSuite(raft_read, .timeout = 60);

static struct world *settled(uint64_t seed, size_t nodes_count, size_t *ret_leader) {
    struct world *w = world_new(seed, nodes_count);
    world_start(w, nodes_count);
    *ret_leader = world_elect(w);
    world_run(w, 500 * US_PER_MS);
    return w;
}

Test(raft_read, a_leader_answers_after_one_round_trip) {
    size_t l;
    struct world *w = settled(1, 3, &l);
    cr_assert_eq(node_read(w, l, 7), 0);
    cr_assert_eq(w->nodes[l].reads.count, 0);
    world_run(w, 2 * US_PER_MS + 100);
    cr_assert_eq(w->nodes[l].reads.count, 1);
    cr_assert_eq(w->nodes[l].reads.data[0].context, 7);
    cr_assert_eq(w->nodes[l].reads.data[0].index, raft_commit_index(w->nodes[l].raft));
    cr_assert_eq(node_read(w, (l + 1) % 3, 8), ERR_NOT_LEADER);
    world_free(w);
}

Test(raft_read, a_sole_voter_answers_at_once) {
    size_t l;
    struct world *w = settled(2, 1, &l);
    cr_assert_eq(node_read(w, 0, 7), 0);
    cr_assert_eq(w->nodes[0].reads.count, 1);
    world_free(w);
}

Test(raft_read, a_leader_that_was_replaced_never_answers) {
    size_t l;
    struct world *w = settled(3, 3, &l);
    world_isolate(w, l, true);
    cr_assert_eq(node_read(w, l, 1), 0);
    for (size_t i = 0; i < 3; i++) {
        if (i != l)
            node_peer(w, i, RAFT_LEADER_DEAD, l);
    }
    world_run(w, 200 * US_PER_MS);
    cr_assert_eq(raft_role(w->nodes[l].raft), RAFT_LEADER, "it does not know yet");
    size_t next = world_leader(w);
    cr_assert_neq(next, l);
    cr_assert_eq(node_propose(w, next, "x"), 0);
    world_run(w, 50 * US_PER_MS);
    cr_assert_eq(node_read(w, l, 2), 0);
    world_heal(w);
    world_run(w, US_PER_S);
    cr_assert_eq(w->nodes[l].reads.count, 2);
    for (size_t i = 0; i < 2; i++)
        cr_assert(w->nodes[l].reads.data[i].failed);
    world_free(w);
}

static bool hold_answers(struct world *w, size_t from, size_t to, const struct wire_raft_message *m) {
    (void)from;
    (void)to;
    return !*(bool *)w->filter_data || !m->append_response;
}

/* etcd matched answers by the client's own number: a repeated one let an old answer confirm a new read. */
Test(raft_read, a_context_that_comes_again_is_not_confirmed_by_an_old_answer) {
    size_t l;
    struct world *w = settled(4, 3, &l);
    w->delay_min_us = w->delay_max_us = 20 * US_PER_MS;
    cr_assert_eq(node_read(w, l, 7), 0);
    world_run(w, 39 * US_PER_MS); /* the answers to the first are nearly there */
    bool lose = true;
    w->filter = hold_answers;
    w->filter_data = &lose;
    struct raft_input again = {.kind = RAFT_READ, .context = 7};
    cr_assert_eq(node_feed(w, l, &again), 0);
    world_run(w, 10 * US_PER_MS);
    cr_assert_eq(w->nodes[l].reads.count, 1, "answers to the first read confirmed the second");
    world_free(w);
}

Test(raft_read, reads_wait_for_the_first_entry_of_the_term) {
    size_t l;
    struct world *w = settled(5, 3, &l);
    node_crash(w, l);
    bool lose = false;
    w->filter = hold_answers;
    w->filter_data = &lose;
    cr_assert(world_until(w, 5 * US_PER_S, has_leader));
    size_t next = world_leader(w);
    lose = true;
    cr_assert_eq(node_read(w, next, 1), 0);
    cr_assert_eq(node_read(w, next, 2), 0);
    world_run(w, 100 * US_PER_MS);
    cr_assert_eq(w->nodes[next].reads.count, 0);
    lose = false;
    world_run(w, 200 * US_PER_MS);
    cr_assert_eq(w->nodes[next].reads.count, 2);
    cr_assert_eq(raft_term_at(w->nodes[next].raft, w->nodes[next].reads.data[0].index),
                 raft_term(w->nodes[next].raft));
    world_free(w);
}

Test(raft_read, many_reads_share_a_round) {
    size_t l;
    struct world *w = settled(6, 3, &l);
    unsigned sent = w->nodes[l].sent_append;
    for (uint64_t i = 0; i < 1000; i++)
        cr_assert_eq(node_read(w, l, i), 0);
    world_run(w, 8 * US_PER_MS);
    cr_assert_eq(w->nodes[l].reads.count, 1000);
    cr_assert_leq(w->nodes[l].sent_append - sent, 8);
    world_free(w);
}

Test(raft_read, a_minority_confirms_nothing) {
    size_t l;
    struct world *w = settled(7, 5, &l);
    for (size_t i = 2; i < 5; i++)
        node_crash(w, (l + i) % 5);
    cr_assert_eq(node_read(w, l, 1), 0);
    world_run(w, 300 * US_PER_MS);
    cr_assert_eq(w->nodes[l].reads.count, 0);
    world_run(w, US_PER_S);
    cr_assert_eq(w->nodes[l].reads.count, 1);
    cr_assert(w->nodes[l].reads.data[0].failed);
    world_free(w);
}

/* ---- the age of what is here ---- */

static size_t fresh_follower, fresh_leader;
static bool to_follower_lost(struct world *w, size_t from, size_t to, const struct wire_raft_message *m) {
    (void)w;
    (void)m;
    return from != fresh_leader || to != fresh_follower;
}

Test(raft_fresh, a_message_that_was_long_under_way_makes_nothing_newer) {
    struct world *w = world_new(7, 3);
    world_start(w, 3);
    size_t l = world_elect(w), f = (l + 1) % 3;
    world_run(w, 500 * US_PER_MS);
    cr_assert_geq(raft_fresh_us(w->nodes[f].raft), w->now_us - 200 * US_PER_MS, "in step it is new");
    cr_assert_geq(raft_fresh_us(w->nodes[l].raft), w->now_us - 200 * US_PER_MS);
    /* What the leader says from here on is kept back, and comes when another one leads. */
    int64_t cut_us = w->now_us;
    struct raft_id leader = w->nodes[l].id;
    w->capture = true;
    fresh_leader = l;
    fresh_follower = f;
    w->filter = to_follower_lost;
    world_run(w, 100 * US_PER_MS);
    w->capture = false;
    world_isolate(w, f, true);
    world_run(w, 900 * US_PER_MS);
    for (size_t i = 0; i < w->captured.count; i++) {
        struct arena a = {0};
        struct wire_raft_message m;
        int err = codec_decode(&wire_raft_message_type, buf_bytes(&w->captured.data[i]), &a, &m, NULL);
        cr_assert_eq(err, 0);
        if (raft_id_equal(&m.from, &leader) && raft_id_equal(&m.to, &w->nodes[f].id))
            node_feed(w, f, &(struct raft_input){.kind = RAFT_MESSAGE, .message = &m});
        arena_done(&a);
    }
    cr_assert_leq(raft_fresh_us(w->nodes[f].raft), cut_us + 10 * US_PER_MS);
    world_free(w);
}

static void deliver_round(struct world *w, uint64_t round, uint64_t fresh) {
    struct wire_append_request q = {
        .prev_index = 1, .prev_term = 1, .commit = 1, .round = round, .fresh = fresh};
    struct wire_raft_message m = {.term = 2, .append_request = &q};
    node_deliver(w, 1, 0, &m);
}

/* The leader has the first answer, and may have begun other rounds since, when the second message comes. */
Test(raft_fresh, a_second_message_of_a_round_makes_nothing_newer) {
    struct world *w = world_new(10, 3);
    world_start(w, 3);
    w->quiet = true;
    deliver_round(w, 1, 0);
    world_run(w, US_PER_MS);
    deliver_round(w, 2, 0); /* so soon after the other that it is not kept */
    int64_t answered_us = w->now_us;
    world_run(w, 500 * US_PER_MS);
    deliver_round(w, 2, 0);
    deliver_round(w, 3, 2);
    cr_assert_leq(raft_fresh_us(w->nodes[0].raft), answered_us);
    world_free(w);
}

Test(raft_fresh, a_leader_that_is_heard_by_nobody_gets_older) {
    struct world *w = world_new(8, 3);
    world_start(w, 3);
    size_t l = world_elect(w);
    world_run(w, 500 * US_PER_MS);
    int64_t cut_us = w->now_us;
    world_isolate(w, l, true);
    world_run(w, 2 * US_PER_S);
    cr_assert_leq(raft_fresh_us(w->nodes[l].raft), cut_us + 10 * US_PER_MS);
    world_free(w);
}

Test(raft_fresh, a_new_leader_claims_nothing_before_it_has_committed) {
    struct world *w = world_new(9, 3);
    world_start(w, 3);
    size_t l = world_elect(w);
    world_run(w, 500 * US_PER_MS);
    int64_t cut_us = w->now_us;
    world_isolate(w, l, true);
    w->disk_min_us = 90 * US_PER_MS; /* rounds are answered long before entries are */
    w->disk_max_us = 110 * US_PER_MS;
    unsigned seen = 0;
    for (int i = 0; i < 300; i++) {
        world_run(w, 10 * US_PER_MS);
        for (size_t n = 0; n < 3; n++) {
            const struct raft *r = w->nodes[n].raft;
            if (n == l || raft_role(r) != RAFT_LEADER || raft_leader_ready(r))
                continue;
            cr_assert_leq(raft_fresh_us(r), cut_us + 10 * US_PER_MS);
            seen++;
        }
    }
    cr_assert_gt(seen, 5);
    world_free(w);
}

Test(raft_fresh, a_leader_counts_from_its_question_not_from_the_answers) {
    struct world *w = world_new(10, 3);
    world_start(w, 3);
    size_t l = world_elect(w);
    w->delay_min_us = w->delay_max_us = 120 * US_PER_MS;
    for (int i = 0; i < 100; i++) {
        world_run(w, 10 * US_PER_MS);
        if (i > 50)
            cr_assert_leq(raft_fresh_us(w->nodes[l].raft), w->now_us - 230 * US_PER_MS);
    }
    world_free(w);
}
