/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* The log copied: what is sent, what fits, what counts as committed. */
#include <criterion/criterion.h>

#include "harness.h"

TestSuite(raft_append, .timeout = 60);

/* Three voters, a ready leader, everybody up to date. */
static struct world *settled(uint64_t seed, size_t nodes_count, size_t *ret_leader) {
    struct world *w = world_new(seed, nodes_count);
    world_start(w, nodes_count);
    *ret_leader = world_elect(w);
    world_run(w, 500 * US_PER_MS);
    cr_assert_eq(world_ready_leader(w), *ret_leader);
    return w;
}

Test(raft_append, a_proposal_is_sent_without_waiting_for_a_timer_or_the_disk) {
    size_t l;
    struct world *w = settled(1, 3, &l);
    disk_stall(w, l, true);
    unsigned sent = w->nodes[l].sent_append_entries;
    cr_assert_eq(node_propose(w, l, "x"), 0);
    cr_assert_eq(w->nodes[l].sent_append_entries, sent + 2);
    world_free(w);
}

Test(raft_append, followers_apply_within_two_trips_and_two_flushes) {
    size_t l;
    struct world *w = settled(2, 3, &l);
    cr_assert_eq(node_propose(w, l, "x"), 0);
    world_run(w, 3 * US_PER_MS + 2 * 200);
    for (size_t i = 0; i < 3; i++)
        cr_assert_eq(w->nodes[i].applied, raft_last_index(w->nodes[l].raft), "node %zu waits for a heartbeat",
                     i);
    world_free(w);
}

Test(raft_append, a_leader_commits_what_a_majority_wrote_before_its_own_disk_did) {
    size_t l;
    struct world *w = settled(3, 3, &l);
    disk_stall(w, l, true);
    cr_assert_eq(node_propose(w, l, "x"), 0);
    world_run(w, 10 * US_PER_MS);
    cr_assert_eq(w->nodes[l].applied, raft_last_index(w->nodes[l].raft));
    world_free(w);
}

Test(raft_append, an_append_is_acknowledged_only_when_it_is_durable) {
    size_t l;
    struct world *w = settled(4, 3, &l);
    size_t slow = (l + 1) % 3, gone = (l + 2) % 3;
    node_crash(w, gone);
    disk_stall(w, slow, true);
    uint64_t commit = raft_commit_index(w->nodes[l].raft);
    cr_assert_eq(node_propose(w, l, "x"), 0);
    world_run(w, 5 * US_PER_S);
    cr_assert_eq(raft_commit_index(w->nodes[l].raft), commit);
    cr_assert_eq(raft_role(w->nodes[l].raft), RAFT_LEADER, "a slow disk cost the leader its quorum");
    disk_stall(w, slow, false);
    world_run(w, 100 * US_PER_MS);
    cr_assert_eq(raft_commit_index(w->nodes[l].raft), commit + 1);
    world_free(w);
}

Test(raft_append, a_leader_does_not_count_itself_before_its_write_is_durable) {
    size_t l;
    struct world *w = settled(5, 3, &l);
    node_crash(w, (l + 1) % 3);
    disk_stall(w, l, true);
    uint64_t commit = raft_commit_index(w->nodes[l].raft);
    cr_assert_eq(node_propose(w, l, "x"), 0);
    world_run(w, US_PER_S);
    cr_assert_eq(raft_commit_index(w->nodes[l].raft), commit);
    disk_stall(w, l, false);
    world_run(w, 10 * US_PER_MS);
    cr_assert_eq(raft_commit_index(w->nodes[l].raft), commit + 1);
    world_free(w);
}

Test(raft_append, proposals_during_a_write_share_the_next_one) {
    size_t l;
    struct world *w = settled(6, 3, &l);
    uint64_t ticket = w->nodes[l].durable;
    disk_stall(w, l, true);
    for (int i = 0; i < 100; i++)
        cr_assert_eq(node_propose(w, l, "x"), 0);
    disk_stall(w, l, false);
    world_run(w, 20 * US_PER_MS);
    cr_assert_eq(w->nodes[l].applied, raft_last_index(w->nodes[l].raft));
    cr_assert_eq(w->nodes[l].durable, ticket + 2);
    world_free(w);
}

/* Only entries up to *data pass. */
static bool only_upto(struct world *w, size_t from, size_t to, const struct wire_raft_message *m) {
    (void)from;
    (void)to;
    uint64_t upto = *(uint64_t *)w->filter_data;
    const struct wire_append_request *q = m->append_request;
    return !q || q->entries_count == 0 || q->entries[q->entries_count - 1].index <= upto;
}

/*
 * Paper, figure 8: an entry of an older term sits on a majority, and a voter with a later one could still
 * replace it.
 */
Test(raft_append, an_entry_of_an_older_term_is_not_committed_by_counting) {
    struct world *w = world_new(7, 5);
    world_prepare(w, 5);
    disk_put(w, 0, 2, 2, "x");
    disk_put(w, 1, 2, 2, "x");
    disk_put(w, 4, 2, 3, "y");
    uint64_t upto = 2;
    w->filter = only_upto;
    w->filter_data = &upto;
    for (size_t i = 0; i < 5; i++) {
        w->nodes[i].options.message_bytes_max = 1;
        w->nodes[i].options.election_min_us = i == 0 ? 100 * US_PER_MS : 2 * US_PER_S;
        if (i < 3)
            node_start(w, i);
    }
    world_run(w, 1500 * US_PER_MS);
    cr_assert_eq(world_leader(w), 0);
    cr_assert_eq(raft_last_index(w->nodes[2].raft), 2);
    cr_assert_eq(raft_commit_index(w->nodes[0].raft), 1, "x is committed though nothing of this term is");
    cr_assert_not(raft_leader_ready(w->nodes[0].raft));
    /* And indeed it is replaced. */
    node_crash(w, 0);
    w->nodes[4].options.election_min_us = 100 * US_PER_MS;
    node_start(w, 4);
    node_start(w, 3);
    upto = 1000;
    world_run(w, 6 * US_PER_S);
    cr_assert_eq(raft_term_at(w->nodes[2].raft, 2), 3);
    cr_assert(world_until(w, US_PER_S, all_applied));
    world_free(w);
}

static struct wire_raft_entry entry(uint64_t index, uint64_t term, const char *text) {
    return (struct wire_raft_entry){
        .index = index, .term = term, .kind = ENTRY_KIND_COMMAND, .data = bytes_str(text)};
}

/* A leader's append by hand: count entries of `entry_term` from prev_index + 1 on. */
static void deliver_append(struct world *w, size_t from, size_t to, uint64_t term, uint64_t prev_index,
                           uint64_t prev_term, size_t count, uint64_t entry_term, uint64_t commit) {
    struct wire_raft_entry entries[16];
    for (size_t i = 0; i < count; i++)
        entries[i] = entry(prev_index + 1 + i, entry_term, entry_term % 2 ? "odd" : "even");
    struct wire_append_request q = {.prev_index = prev_index,
                                    .prev_term = prev_term,
                                    .commit = commit,
                                    .entries = entries,
                                    .entries_count = count};
    struct wire_raft_message m = {.term = term, .append_request = &q};
    node_deliver(w, from, to, &m);
}

static struct wire_append_response last_answer(struct world *w, uint64_t *ret_term) {
    struct arena a = {0};
    struct wire_raft_message m;
    cr_assert_gt(w->captured.count, 0);
    cr_assert_eq(codec_decode(&wire_raft_message_type, buf_bytes(&w->captured.data[w->captured.count - 1]),
                              &a, &m, NULL),
                 0);
    cr_assert_not_null(m.append_response);
    struct wire_append_response answer = *m.append_response;
    *ret_term = m.term;
    arena_done(&a);
    return answer;
}

/* etcd's async storage writes call this the append ABA race. */
Test(raft_append, a_late_write_of_entries_that_were_cut_proves_nothing_about_the_new_ones) {
    struct world *w = world_new(8, 3);
    world_start(w, 3);
    w->quiet = w->capture = true;
    uint64_t term = 0;
    deliver_append(w, 1, 0, 2, 1, 1, 0, 2, 0);
    world_run(w, 10 * US_PER_MS);
    disk_stall(w, 0, true);
    deliver_append(w, 1, 0, 2, 1, 1, 3, 2, 0); /* under way */
    deliver_append(w, 2, 0, 3, 1, 1, 3, 3, 0); /* cuts them, waits */
    disk_complete(w, 0);
    world_run(w, 10 * US_PER_MS);
    cr_assert_eq(raft_term_at(w->nodes[0].raft, 4), 3);
    struct wire_append_response a = last_answer(w, &term);
    cr_assert(term == 2 && a.match_index == 4, "the old leader may know that its entries were written");
    size_t answers = w->captured.count;
    deliver_append(w, 2, 0, 3, 4, 3, 0, 3, 0);
    disk_complete(w, 0);
    world_run(w, 10 * US_PER_MS);
    cr_assert_eq(w->captured.count, answers + 2);
    a = last_answer(w, &term);
    cr_assert(term == 3 && a.success);
    cr_assert_leq(a.match_index, 4);
    world_free(w);
}

Test(raft_append, an_empty_append_tells_what_is_durable_and_no_more) {
    struct world *w = world_new(9, 3);
    world_start(w, 3);
    w->quiet = w->capture = true;
    uint64_t term = 0;
    deliver_append(w, 1, 0, 3, 1, 1, 0, 3, 0);
    world_run(w, 10 * US_PER_MS);
    disk_stall(w, 0, true);
    deliver_append(w, 1, 0, 3, 1, 1, 3, 2, 0); /* A, under way */
    deliver_append(w, 1, 0, 3, 1, 1, 3, 3, 0); /* cut and written anew, waits */
    disk_complete(w, 0);                       /* A: proves nothing */
    deliver_append(w, 1, 0, 3, 4, 3, 0, 3, 0);
    struct wire_append_response a = last_answer(w, &term);
    cr_assert(a.success);
    cr_assert_eq(a.match_index, 1);
    disk_complete(w, 0);
    deliver_append(w, 1, 0, 3, 4, 3, 0, 3, 0);
    a = last_answer(w, &term);
    cr_assert_eq(a.match_index, 4);
    world_free(w);
}

Test(raft_append, an_append_that_does_not_follow_is_refused_and_one_that_matches_cuts_nothing) {
    struct world *w = world_new(10, 3);
    world_start(w, 3);
    w->quiet = w->capture = true;
    uint64_t term = 0;
    deliver_append(w, 1, 0, 2, 1, 1, 4, 2, 0);
    world_run(w, 10 * US_PER_MS);
    cr_assert_eq(raft_last_index(w->nodes[0].raft), 5);
    deliver_append(w, 1, 0, 4, 5, 3, 1, 4, 0); /* an entry is there, of another term */
    world_run(w, 10 * US_PER_MS);
    cr_assert_not(last_answer(w, &term).success, "the term before the entries was not looked at");
    deliver_append(w, 1, 0, 4, 9, 4, 1, 4, 0); /* a gap */
    world_run(w, 10 * US_PER_MS);
    cr_assert_not(last_answer(w, &term).success);
    cr_assert_eq(raft_last_index(w->nodes[0].raft), 5);
    deliver_append(w, 1, 0, 4, 1, 1, 2, 2, 0); /* an old one, with less */
    world_run(w, 10 * US_PER_MS);
    cr_assert_eq(last_answer(w, &term).match_index, 3);
    cr_assert_eq(raft_last_index(w->nodes[0].raft), 5, "a matching append cut what was behind it");
    deliver_append(w, 1, 0, 4, 3, 2, 1, 4, 0); /* the first difference */
    cr_assert_eq(raft_last_index(w->nodes[0].raft), 4);
    cr_assert_eq(raft_term_at(w->nodes[0].raft, 4), 4);
    world_free(w);
}

Test(raft_append, proposals_that_come_together_go_in_one_message) {
    struct world *w = world_new(21, 3);
    world_start(w, 3);
    size_t l = world_elect(w);
    world_run(w, 200 * US_PER_MS);
    unsigned sent = w->nodes[l].sent_append_entries, entries = w->nodes[l].sent_entries;
    for (int i = 0; i < 20; i++) {
        struct raft_input in = {.kind = RAFT_PROPOSE, .more = i < 19, .data = bytes_str("x")};
        cr_assert_eq(node_feed(w, l, &in), 0);
    }
    cr_assert_eq(w->nodes[l].sent_append_entries - sent, 2, "one to each follower");
    cr_assert_eq(w->nodes[l].sent_entries - entries, 40);
    world_free(w);
}

/* Without the deadline the word would come with the next heartbeat, 50 ms later. */
Test(raft_append, word_of_a_commit_comes_soon_though_nobody_waits_for_it) {
    struct world *w = world_new(22, 3);
    world_start(w, 3);
    size_t l = world_elect(w);
    world_run(w, 201 * US_PER_MS);
    struct raft_input in = {.kind = RAFT_PROPOSE, .quiet = true, .data = bytes_str("x")};
    cr_assert_eq(node_feed(w, l, &in), 0);
    uint64_t index = raft_last_index(w->nodes[l].raft);
    int64_t end_us = w->now_us + 20 * US_PER_MS;
    while (raft_commit_index(w->nodes[l].raft) < index && w->now_us < end_us)
        world_run(w, 100);
    cr_assert_eq(raft_commit_index(w->nodes[l].raft), index);
    world_run(w, 10 * US_PER_MS);
    for (size_t i = 0; i < 3; i++)
        cr_assert_eq(raft_commit_index(w->nodes[i].raft), index, "node %zu", i);
    world_free(w);
}

Test(raft_append, commit_reaches_only_what_is_known_to_match) {
    struct world *w = world_new(11, 3);
    world_start(w, 3);
    w->quiet = true;
    deliver_append(w, 1, 0, 2, 1, 1, 4, 2, 0);
    deliver_append(w, 1, 0, 3, 1, 1, 1, 2,
                   5); /* the leader of term 3 has other entries behind index 2, for all we know */
    cr_assert_eq(raft_commit_index(w->nodes[0].raft), 2);
    world_free(w);
}

Test(raft_append, what_contradicts_a_committed_entry_is_refused_loudly) {
    struct world *w = world_new(12, 3);
    world_start(w, 3);
    w->quiet = true;
    deliver_append(w, 1, 0, 2, 1, 1, 4, 2, 5);
    cr_assert_eq(raft_commit_index(w->nodes[0].raft), 5);
    deliver_append(w, 1, 0, 3, 1, 1, 4, 3, 5);
    deliver_append(w, 1, 0, 3, 3, 3, 0, 3, 5);
    cr_assert_eq(w->nodes[0].refusals.count, 2);
    cr_assert_eq(w->nodes[0].refusals.data[0].refusal, RAFT_DIVERGED);
    cr_assert_eq(raft_term_at(w->nodes[0].raft, 4), 2);
    world_free(w);
}

Test(raft_append, malformed_appends_change_nothing) {
    struct world *w = world_new(13, 3);
    world_start(w, 3);
    w->quiet = true;
    struct wire_raft_entry gap[2] = {entry(2, 5, "x"), entry(4, 5, "x")};
    struct wire_raft_entry falling[2] = {entry(2, 5, "x"), entry(3, 4, "x")};
    struct wire_raft_entry later[2] = {entry(2, 5, "x"), entry(3, 6, "x")};
    struct wire_raft_entry config[2] = {entry(2, 5, "x"), entry(3, 5, "no configuration")};
    config[1].kind = ENTRY_KIND_CONFIG;
    struct wire_raft_entry *bad[4] = {gap, falling, later, config};
    for (size_t i = 0; i < 4; i++) {
        struct wire_append_request q = {
            .prev_index = 1, .prev_term = 1, .entries = bad[i], .entries_count = 2};
        struct wire_raft_message m = {.term = 5, .append_request = &q};
        node_deliver(w, 1, 0, &m);
        cr_assert_eq(raft_last_index(w->nodes[0].raft), 1, "case %zu", i);
        cr_assert_eq(raft_term(w->nodes[0].raft), 1);
    }
    world_free(w);
}

Test(raft_append, conflicts_are_found_in_a_message_a_term_not_a_message_an_entry) {
    struct world *w = world_new(14, 3);
    world_prepare(w, 3);
    for (uint64_t i = 2; i <= 400; i++) {
        disk_put(w, 0, i, i <= 100 ? 2 : 8, "x");
        disk_put(w, 1, i, i <= 100 ? 2 : 8, "x");
        disk_put(w, 2, i, i <= 50 ? 2 : i <= 150 ? 3 : i <= 250 ? 4 : 5, "x");
    }
    for (size_t i = 0; i < 3; i++)
        node_start(w, i);
    world_elect(w);
    world_run(w, 200 * US_PER_MS);
    cr_assert(all_applied(w));
    cr_assert_leq(w->nodes[2].sent_refusals, 2, "%u refusals", w->nodes[2].sent_refusals);
    world_free(w);
}

struct to_one {
    size_t to;
    unsigned messages_count;
    size_t bytes;
    bool lose_answers, lose_appends;
};

static bool watch_one(struct world *w, size_t from, size_t to, const struct wire_raft_message *m) {
    struct to_one *t = w->filter_data;
    if (from == t->to && m->append_response && t->lose_answers)
        return false;
    if (to != t->to || !m->append_request || m->append_request->entries_count == 0)
        return true;
    t->messages_count++;
    for (size_t i = 0; i < m->append_request->entries_count; i++)
        t->bytes += m->append_request->entries[i].data.size;
    return !t->lose_appends;
}

Test(raft_append, messages_under_way_to_one_follower_are_bounded_by_count_and_bytes) {
    for (int by_bytes = 0; by_bytes < 2; by_bytes++) {
        struct world *w = world_new(15, 3);
        for (size_t i = 0; i < 3; i++) {
            w->nodes[i].options.inflight_max = 4;
            w->nodes[i].options.inflight_bytes_max = by_bytes ? 10000 : 0;
        }
        world_start(w, 3);
        size_t l = world_elect(w);
        world_run(w, 500 * US_PER_MS);
        struct to_one t = {.to = (l + 1) % 3, .lose_answers = true};
        w->filter = watch_one;
        w->filter_data = &t;
        for (int i = 0; i < 50; i++)
            cr_assert_eq(node_propose_size(w, l, 4000), 0);
        cr_assert_eq(t.messages_count, by_bytes ? 3 : 4);
        world_run(w, 300 * US_PER_MS);
        cr_assert_eq(t.messages_count, by_bytes ? 3 : 4);
        t.lose_answers = false;
        world_run(w, 300 * US_PER_MS);
        cr_assert(all_applied(w), "the window did not open again");
        world_free(w);
    }
}

Test(raft_append, entries_of_one_message_are_bounded_by_bytes_but_one_always_goes) {
    size_t l;
    struct world *w = settled(16, 3, &l);
    world_free(w);
    w = world_new(16, 2);
    for (size_t i = 0; i < 2; i++)
        w->nodes[i].options.message_bytes_max = 5000;
    world_start(w, 2);
    l = world_elect(w);
    world_isolate(w, 1 - l, true);
    for (int i = 0; i < 10; i++)
        cr_assert_eq(node_propose_size(w, l, 2000), 0);
    cr_assert_eq(node_propose_size(w, l, 20000), 0);
    world_run(w, 200 * US_PER_MS);
    struct to_one t = {.to = 1 - l};
    w->filter = watch_one;
    w->filter_data = &t;
    world_heal(w);
    world_run(w, 200 * US_PER_MS);
    cr_assert(all_applied(w));
    cr_assert_geq(t.messages_count, 6);
    world_free(w);
}

Test(raft_append, a_lost_append_is_found_out_by_the_next_heartbeat) {
    size_t l;
    struct world *w = settled(17, 3, &l);
    struct to_one t = {.to = (l + 1) % 3, .lose_appends = true};
    w->filter = watch_one;
    w->filter_data = &t;
    cr_assert_eq(node_propose(w, l, "x"), 0);
    w->filter = NULL;
    world_run(w, 60 * US_PER_MS);
    cr_assert(all_applied(w));
    world_free(w);
}

Test(raft_append, a_dead_follower_is_not_sent_the_log_again_and_again) {
    size_t l;
    struct world *w = settled(18, 3, &l);
    struct to_one t = {.to = (l + 1) % 3};
    node_crash(w, t.to);
    w->filter = watch_one;
    w->filter_data = &t;
    for (int i = 0; i < 20; i++) {
        node_propose_size(w, l, 1000);
        world_run(w, 200 * US_PER_MS);
    }
    cr_assert_leq(t.messages_count, 8, "%u messages with entries", t.messages_count);
    world_free(w);
}

Test(raft_append, a_leader_without_a_majority_takes_only_so_much) {
    struct world *w = world_new(19, 3);
    for (size_t i = 0; i < 3; i++)
        w->nodes[i].options.uncommitted_bytes_max = 10000;
    world_start(w, 3);
    size_t l = world_elect(w);
    world_run(w, 200 * US_PER_MS);
    world_isolate(w, l, true);
    int err = 0, taken = 0;
    for (; err == 0 && taken < 100; taken++)
        err = node_propose_size(w, l, 1000);
    cr_assert_eq(err, ERR_BUSY);
    cr_assert_leq(taken, 10);
    cr_assert_eq(node_propose_size(w, l, WIRE_ENTRY_MAX + 1), ERR_LIMIT);
    cr_assert_eq(node_propose(w, (l + 1) % 3, "x"), ERR_NOT_LEADER);
    world_heal(w);
    world_run(w, 500 * US_PER_MS);
    l = world_elect(w);
    cr_assert_eq(node_propose_size(w, l, 1000), 0, "what was committed still counts");
    cr_assert_eq(node_propose_size(w, l, 100), 0);
    world_run(w, 100 * US_PER_MS);
    cr_assert_eq(node_propose_size(w, l, 20000), 0, "one that is too large alone never gets in");
    world_free(w);
}

Test(raft_append, a_voter_that_forgot_what_it_acknowledged_is_refused_and_no_longer_counted) {
    size_t l;
    struct world *w = settled(20, 3, &l);
    size_t liar = (l + 1) % 3, other = (l + 2) % 3;
    for (int i = 0; i < 10; i++)
        node_propose(w, l, "x");
    world_run(w, 200 * US_PER_MS);
    struct raft_progress_view view;
    cr_assert(raft_progress(w->nodes[l].raft, &w->nodes[liar].id, &view));
    uint64_t match = view.match_index;
    /* The host's disk comes back as it was some time ago, with the same raft id. */
    node_crash(w, liar);
    w->nodes[liar].disk.hard.commit = 1;
    while (w->nodes[liar].disk.log.count > 3)
        mem_free((void *)(uintptr_t)w->nodes[liar].disk.log.data[--w->nodes[liar].disk.log.count].data.data);
    node_start(w, liar);
    world_run(w, 300 * US_PER_MS);
    cr_assert_eq(w->nodes[l].refusals.count, 1);
    cr_assert_eq(w->nodes[l].refusals.data[0].refusal, RAFT_FORGOT);
    cr_assert(raft_id_equal(&w->nodes[l].refusals.data[0].peer, &w->nodes[liar].id));
    cr_assert_lt(w->nodes[l].refusals.data[0].index, match);
    cr_assert(raft_progress(w->nodes[l].raft, &w->nodes[liar].id, &view) && view.refused && !view.caught_up);
    cr_assert_eq(raft_last_index(w->nodes[liar].raft), 3, "it is fed again as if nothing had happened");
    /* It does not make a majority with the leader. */
    world_isolate(w, other, true);
    uint64_t commit = raft_commit_index(w->nodes[l].raft);
    node_propose(w, l, "y");
    world_run(w, 300 * US_PER_MS);
    cr_assert_eq(raft_commit_index(w->nodes[l].raft), commit);
    world_free(w);
}

Test(raft_append, after_a_restart_what_the_hint_says_is_committed_is_applied_at_once) {
    size_t l;
    struct world *w = settled(21, 3, &l);
    for (int i = 0; i < 10; i++) {
        node_propose(w, l, "x");
        world_run(w, 10 * US_PER_MS);
    }
    uint64_t applied = w->nodes[l].applied;
    world_isolate(w, l, true);
    node_crash(w, l);
    node_start(w, l);
    cr_assert_geq(w->nodes[l].applied, applied - 1);
    world_free(w);
}

Test(raft_append, what_was_restored_must_hang_together) {
    struct raft_options o = {.self = {.node = {{1}}}, .generation = 1};
    struct raft_id voter = o.self;
    struct wire_raft_entry entries[3] = {entry(1, 1, "a"), entry(2, 1, "b"), entry(4, 1, "c")};
    struct raft_restored gap = {.entries = entries, .entries_count = 3};
    cr_assert_null(raft_new(&o, &gap, 0));
    struct raft_restored late = {.entries = entries + 1, .entries_count = 1};
    cr_assert_null(raft_new(&o, &late, 0), "entries that do not begin at the snapshot");
    struct raft_restored nobody = {.snapshot_index = 5, .snapshot_term = 1};
    cr_assert_null(raft_new(&o, &nobody, 0), "a snapshot without voters");
    /* A log that contradicts the snapshot gives way to it, on disk too. */
    struct raft_restored other = {.snapshot_index = 2,
                                  .snapshot_term = 7,
                                  .entries = entries,
                                  .entries_count = 2,
                                  .snapshot_config = {.voters = &voter, .voters_count = 1}};
    struct raft *r = raft_new(&o, &other, 0);
    cr_assert_not_null(r);
    cr_assert_eq(raft_last_index(r), 2);
    cr_assert_eq(raft_term_at(r, 2), 7);
    cr_assert_eq(raft_term(r), 7, "the term is not behind the log");
    struct raft_effect f;
    cr_assert(raft_drain(r, &f));
    cr_assert(f.kind == RAFT_PERSIST && f.reset_index == 2 && f.reset_term == 7 && f.hard_changed &&
              f.hard.term == 7);
    raft_free(r);
}

/* ---- a voter that gives its log up --------------------------------------------------------------------- */

Test(raft_append, one_that_gives_its_log_up_is_neither_counted_nor_sent_to) {
    struct world *w = world_new(77, 3);
    world_start(w, 3);
    size_t l = world_elect(w), a = (l + 1) % 3, b = (l + 2) % 3;
    world_run(w, 500 * US_PER_MS);
    cr_assert_eq(node_peer(w, a, RAFT_REFUSE, b), ERR_NOT_LEADER);
    cr_assert_eq(node_peer(w, l, RAFT_REFUSE, l), ERR_INVALID);
    cr_assert_eq(node_peer(w, l, RAFT_REFUSE, b), 0);
    cr_assert_eq(node_peer(w, l, RAFT_REFUSE, b), 0, "twice is once");
    cr_assert_eq(w->nodes[l].refusals.count, 1);
    cr_assert_eq(w->nodes[l].refusals.data[0].refusal, RAFT_GIVEN_UP);
    uint64_t had = raft_last_index(w->nodes[b].raft);
    cr_assert_eq(node_propose(w, l, "with the other one"), 0);
    world_run(w, 200 * US_PER_MS);
    cr_assert_eq(raft_commit_index(w->nodes[l].raft), raft_last_index(w->nodes[l].raft));
    cr_assert_eq(raft_last_index(w->nodes[b].raft), had);
    world_isolate(w, a, true);
    cr_assert_eq(node_propose(w, l, "with nobody"), 0);
    world_run(w, 200 * US_PER_MS);
    cr_assert_lt(raft_commit_index(w->nodes[l].raft), raft_last_index(w->nodes[l].raft),
                 "it makes no majority");
    world_free(w);
}
