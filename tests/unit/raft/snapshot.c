/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* The state instead of the log, in chunks. */
#include <criterion/criterion.h>

#include "harness.h"

TestSuite(raft_snapshot, .timeout = 60);

/* Three voters; one was away while the others went on and cut their logs. */
static struct world *with_one_behind(uint64_t seed, size_t *ret_leader, size_t *ret_behind) {
    struct world *w = world_new(seed, 3);
    for (size_t i = 0; i < 3; i++)
        w->nodes[i].options.trailing_entries = 5;
    world_start(w, 3);
    size_t l = world_elect(w);
    world_run(w, 200 * US_PER_MS);
    *ret_leader = l;
    *ret_behind = (l + 1) % 3;
    world_isolate(w, *ret_behind, true);
    for (int i = 0; i < 40; i++)
        cr_assert_eq(node_propose(w, l, "x"), 0);
    world_run(w, 200 * US_PER_MS);
    for (size_t i = 0; i < 3; i++)
        node_snapshot(w, i);
    cr_assert_eq(world_leader(w), l);
    return w;
}

Test(raft_snapshot, what_is_saved_is_cut_but_for_the_entries_kept_for_those_who_lag) {
    struct world *w = world_new(1, 1);
    w->nodes[0].options.trailing_entries = 5;
    world_start(w, 1);
    world_elect(w);
    for (int i = 0; i < 40; i++)
        node_propose(w, 0, "x");
    world_run(w, 100 * US_PER_MS);
    uint64_t last = raft_last_index(w->nodes[0].raft);
    cr_assert_eq(node_snapshot(w, 0), 0);
    cr_assert_eq(w->nodes[0].cut_upto, last - 5);
    cr_assert_eq(raft_first_index(w->nodes[0].raft), last - 4);
    cr_assert_neq(raft_term_at(w->nodes[0].raft, last - 5), 0, "the term before the oldest entry is known");
    cr_assert_eq(raft_term_at(w->nodes[0].raft, last - 6), 0);
    const struct wire_raft_entry *entries;
    size_t entries_count;
    cr_assert_eq(raft_log_read(w->nodes[0].raft, last - 5, 1000, &entries, &entries_count), ERR_NOT_FOUND);
    cr_assert_eq(raft_log_read(w->nodes[0].raft, last - 4, 1, &entries, &entries_count), 0);
    cr_assert_eq(entries_count, 1, "at least one entry however few bytes");
    cr_assert_eq(raft_log_read(w->nodes[0].raft, last + 1, 1, &entries, &entries_count), 0);
    cr_assert_eq(entries_count, 0);
    /* The log that is left, restored. */
    node_crash(w, 0);
    node_start(w, 0);
    world_elect(w);
    cr_assert(raft_is_voter(w->nodes[0].raft, &w->nodes[0].id));
    world_free(w);
}

Test(raft_snapshot, a_follower_that_lags_behind_the_log_gets_one_and_goes_on) {
    size_t l, behind;
    struct world *w = with_one_behind(2, &l, &behind);
    world_heal(w);
    world_run(w, 600 * US_PER_MS);
    cr_assert_eq(w->nodes[behind].installs_count, 1);
    cr_assert(all_applied(w));
    node_propose(w, l, "y");
    world_run(w, 20 * US_PER_MS);
    cr_assert(all_applied(w));
    struct raft_progress_view view;
    cr_assert(raft_progress(w->nodes[l].raft, &w->nodes[behind].id, &view) && view.caught_up &&
              !view.snapshot);
    /* What it holds now survives. */
    node_crash(w, behind);
    node_start(w, behind);
    world_run(w, 200 * US_PER_MS);
    cr_assert(all_applied(w));
    cr_assert_eq(w->nodes[behind].installs_count, 1);
    world_free(w);
}

static size_t chunks_count(const struct world *w, size_t i) {
    return (w->nodes[i].disk.snapshot.state.size + SNAP_CHUNK - 1) / SNAP_CHUNK;
}

/* So many chunks pass; how many came is counted. */
struct chunks {
    unsigned pass, came;
};

static bool chunks_filter(struct world *w, size_t from, size_t to, const struct wire_raft_message *m) {
    struct chunks *c = w->filter_data;
    (void)from;
    (void)to;
    return !m->snapshot_chunk || c->came++ < c->pass;
}

static void chunks_pass(struct world *w, struct chunks *c) {
    w->filter = chunks_filter;
    w->filter_data = c;
}

Test(raft_snapshot, a_transfer_that_was_cut_goes_on_where_it_stopped) {
    size_t l, behind;
    struct world *w = with_one_behind(3, &l, &behind);
    struct chunks few = {.pass = 3};
    chunks_pass(w, &few);
    world_heal(w);
    world_run(w, 600 * US_PER_MS);
    cr_assert_eq(w->nodes[behind].snapshot_bytes_count, 3);
    cr_assert_eq(w->nodes[behind].installs_count, 0);
    world_isolate(w, behind, true);
    world_run(w, 3 * US_PER_S);
    w->filter = NULL;
    world_heal(w);
    world_run(w, 2 * US_PER_S);
    cr_assert_eq(w->nodes[behind].installs_count, 1);
    cr_assert_eq(w->nodes[behind].snapshot_bytes_count, chunks_count(w, behind), "a chunk was taken twice");
    cr_assert(all_applied(w));
    world_free(w);
}

Test(raft_snapshot, a_chunk_that_nobody_answers_is_sent_less_and_less_often) {
    size_t l, behind;
    struct world *w = with_one_behind(12, &l, &behind);
    struct chunks none = {0};
    chunks_pass(w, &none);
    world_heal(w);
    world_run(w, 4 * US_PER_S);
    cr_assert_geq(none.came, 3, "%u: at first it may have been lost", none.came);
    world_run(w, 116 * US_PER_S);
    cr_assert(none.came >= 8 && none.came < 20, "%u", none.came);
    cr_assert_eq(world_leader(w), l);
    w->filter = NULL;
    world_run(w, 40 * US_PER_S);
    cr_assert_eq(w->nodes[behind].installs_count, 1);
    cr_assert(all_applied(w));
    world_free(w);
}

Test(raft_snapshot, another_leader_with_the_same_snapshot_goes_on_too) {
    size_t l, behind;
    struct world *w = with_one_behind(4, &l, &behind);
    struct chunks few = {.pass = 3};
    chunks_pass(w, &few);
    world_heal(w);
    world_run(w, 600 * US_PER_MS);
    size_t other = 3 - l - behind;
    cr_assert_eq(w->nodes[other].disk.snapshot.index, w->nodes[l].disk.snapshot.index);
    node_crash(w, l);
    w->filter = NULL;
    cr_assert_eq(world_elect(w), other);
    world_run(w, US_PER_S);
    cr_assert_eq(w->nodes[behind].installs_count, 1);
    cr_assert_eq(w->nodes[behind].snapshot_bytes_count, chunks_count(w, behind));
    world_free(w);
}

Test(raft_snapshot, a_follower_that_restarts_during_a_transfer_begins_anew) {
    size_t l, behind;
    struct world *w = with_one_behind(5, &l, &behind);
    struct chunks few = {.pass = 3};
    chunks_pass(w, &few);
    world_heal(w);
    world_run(w, 600 * US_PER_MS);
    node_crash(w, behind);
    node_start(w, behind);
    w->filter = NULL;
    world_run(w, 2 * US_PER_S);
    cr_assert_eq(w->nodes[behind].installs_count, 1);
    cr_assert(all_applied(w));
    world_free(w);
}

Test(raft_snapshot, a_crash_between_saving_it_and_writing_the_log_anew_is_made_good) {
    struct world *w = world_new(11, 2);
    w->nodes[0].options.trailing_entries = 5;
    world_start(w, 1);
    world_elect(w);
    for (int i = 0; i < 40; i++)
        node_propose(w, 0, "x");
    world_run(w, 100 * US_PER_MS);
    node_snapshot(w, 0);
    disk_stall(w, 1, true);
    node_peer(w, 0, RAFT_TRACK, 1);
    world_run(w, 100 * US_PER_MS);
    disk_complete(w, 1); /* the term */
    world_run(w, US_PER_S);
    cr_assert_eq(w->nodes[1].installs_count, 1);
    cr_assert(w->nodes[1].batch && w->nodes[1].batch->reset_index == w->nodes[1].disk.snapshot.index);
    node_crash(w, 1);
    disk_stall(w, 1, false);
    node_start(w, 1);
    node_propose(w, 0, "y");
    world_run(w, US_PER_S);
    cr_assert(all_applied(w));
    world_free(w);
}

Test(raft_snapshot, a_newer_snapshot_at_the_leader_replaces_one_under_way) {
    size_t l, behind;
    struct world *w = with_one_behind(6, &l, &behind);
    struct chunks few = {.pass = 3};
    chunks_pass(w, &few);
    world_heal(w);
    world_run(w, 600 * US_PER_MS);
    for (int i = 0; i < 40; i++)
        node_propose(w, l, "y");
    world_run(w, 50 * US_PER_MS);
    node_snapshot(w, l);
    w->filter = NULL;
    world_run(w, 2 * US_PER_S);
    cr_assert_eq(w->nodes[behind].installs_count, 1);
    cr_assert(all_applied(w));
    world_free(w);
}

/* Else it is asked for again and again, and the follower never gets any. */
Test(raft_snapshot, one_that_is_gone_in_the_middle_gives_way_to_the_newest) {
    size_t l, behind;
    struct world *w = with_one_behind(6, &l, &behind);
    struct chunks few = {.pass = 3};
    chunks_pass(w, &few);
    world_heal(w);
    world_run(w, 600 * US_PER_MS);
    w->nodes[l].snapshot_gone = w->nodes[l].disk.snapshot.index;
    for (int i = 0; i < 40; i++)
        node_propose(w, l, "y");
    world_run(w, 50 * US_PER_MS);
    node_snapshot(w, l);
    w->filter = NULL;
    world_run(w, 3 * US_PER_S);
    cr_assert_eq(w->nodes[behind].installs_count, 1);
    cr_assert(all_applied(w));
    world_free(w);
}

Test(raft_snapshot, bad_bytes_are_fetched_again) {
    size_t l, behind;
    struct world *w = with_one_behind(7, &l, &behind);
    w->nodes[behind].bad_install = true;
    world_heal(w);
    world_run(w, 2 * US_PER_S);
    cr_assert_eq(w->nodes[behind].installs_count, 1);
    cr_assert_gt(w->nodes[behind].snapshot_bytes_count, 6);
    cr_assert(all_applied(w));
    world_free(w);
}

static struct wire_snapshot_chunk whole_chunk(struct world *w, uint64_t index, uint64_t term) {
    static const uint8_t state[16];
    const struct wire_raft_config *c = raft_config_now(w->nodes[1].raft);
    return (struct wire_snapshot_chunk){.index = index,
                                        .term = term,
                                        .config = *c,
                                        .total_size = sizeof state,
                                        .data = bytes_of(state, sizeof state),
                                        .checksum = crc32c(0, state, 16)};
}

Test(raft_snapshot, one_that_the_log_reaches_beyond_cuts_nothing) {
    struct world *w = world_new(8, 3);
    world_prepare(w, 3);
    for (uint64_t i = 2; i <= 9; i++)
        disk_put(w, 0, i, 2, "x");
    for (size_t i = 0; i < 3; i++)
        node_start(w, i);
    w->quiet = w->capture = true;
    struct wire_snapshot_chunk c = whole_chunk(w, 5, 2);
    struct wire_raft_message m = {.term = 3, .snapshot_chunk = &c};
    node_deliver(w, 1, 0, &m);
    world_run(w, 50 * US_PER_MS);
    cr_assert_eq(w->nodes[0].installs_count, 0);
    cr_assert_eq(raft_last_index(w->nodes[0].raft), 9, "a snapshot discarded entries that follow it");
    cr_assert_eq(raft_commit_index(w->nodes[0].raft), 5, "what it covers is committed");
    struct arena a = {0};
    struct wire_raft_message answer;
    cr_assert_eq(codec_decode(&wire_raft_message_type, buf_bytes(&w->captured.data[0]), &a, &answer, NULL),
                 0);
    cr_assert(answer.snapshot_response && answer.snapshot_response->refused);
    cr_assert_eq(answer.snapshot_response->match_index, 5);
    arena_done(&a);
    world_free(w);
}

/* Eight entries behind the first, as the leader sends them. */
static void deliver_entries(struct world *w, size_t to, uint64_t commit) {
    struct wire_raft_entry entries[8];
    for (size_t i = 0; i < 8; i++)
        entries[i] = (struct wire_raft_entry){.index = 2 + i, .term = 2, .kind = ENTRY_KIND_COMMAND};
    struct wire_append_request q = {
        .prev_index = 1, .prev_term = 1, .commit = commit, .entries = entries, .entries_count = 8};
    struct wire_raft_message append = {.term = 3, .append_request = &q};
    node_deliver(w, 1, to, &append);
}

Test(raft_snapshot, entries_that_arrive_while_it_is_installed_and_follow_it_stay) {
    for (uint64_t commit = 1; commit <= 8; commit += 7) {
        struct world *w = world_new(9, 3);
        world_start(w, 3);
        w->quiet = true;
        struct wire_snapshot_chunk c = whole_chunk(w, 5, 2);
        struct wire_raft_message m = {.term = 3, .snapshot_chunk = &c};
        struct node *n = &w->nodes[0];
        node_deliver(w, 1, 0, &m);
        cr_assert(n->incoming_whole);
        cr_assert_eq(raft_deadline(n->raft), TIME_NEVER_US, "it does not stand with a log that is to go");
        deliver_entries(w, 2, 8);
        deliver_entries(w, 0, commit);
        cr_assert_eq(n->applied, 1, "the state is about to be replaced");
        struct raft_input in = {.kind = RAFT_INSTALLED, .index = 5};
        n->run++; /* the harness's own install is void: the state is made by hand */
        n->applied = 5;
        n->chain = checker_chain(w->checker, 5);
        cr_assert_eq(node_feed(w, 0, &in), 0);
        cr_assert_eq(raft_last_index(n->raft), 9);
        cr_assert_eq(raft_commit_index(n->raft), commit > 5 ? commit : 5);
        world_free(w);
    }
}

Test(raft_snapshot, malformed_chunks_are_dropped) {
    struct world *w = world_new(10, 3);
    world_start(w, 3);
    w->quiet = true;
    struct wire_snapshot_chunk good = whole_chunk(w, 5, 2), bad[6];
    for (size_t i = 0; i < 6; i++)
        bad[i] = good;
    bad[0].index = 0;
    bad[1].term = 9; /* later than the leader's */
    bad[2].config.voters_count = 0;
    bad[3].offset = 8; /* beyond the total */
    bad[4].total_size = WIRE_STATE_MAX + UINT64_C(1);
    bad[5].data.size = 0;
    for (size_t i = 0; i < 6; i++) {
        struct wire_raft_message m = {.term = 3, .snapshot_chunk = &bad[i]};
        node_deliver(w, 1, 0, &m);
        cr_assert_eq(w->nodes[0].snapshot_bytes_count, 0, "case %zu", i);
        cr_assert_eq(raft_term(w->nodes[0].raft), 1);
    }
    world_free(w);
}

/* A core by itself, fed by hand: what it sends to `to`, or zero. */
static struct wire_snapshot_response answer_to(struct raft *r, struct raft_id to) {
    struct wire_snapshot_response answer = {0};
    struct raft_effect e;
    while (raft_drain(r, &e)) {
        if (e.kind == RAFT_SEND && raft_id_equal(&e.message->to, &to) && e.message->snapshot_response)
            answer = *e.message->snapshot_response;
        if (e.kind == RAFT_PERSIST)
            raft_feed(r, 1, &(struct raft_input){.kind = RAFT_PERSISTED, .ticket = e.ticket});
    }
    return answer;
}

static void hear(struct raft *r, struct wire_raft_message m) {
    raft_feed(r, 1, &(struct raft_input){.kind = RAFT_MESSAGE, .message = &m});
}

Test(raft_snapshot, installed_under_the_next_leader_it_confirms_no_round_of_it) {
    struct raft_id ids[3] = {
        {.node = {{1}}, .log = {{1}}}, {.node = {{2}}, .log = {{1}}}, {.node = {{3}}, .log = {{1}}}};
    struct raft_restored restored = {.snapshot_index = 1, .snapshot_term = 1};
    restored.snapshot_config = (struct wire_raft_config){.voters = ids, .voters_count = 3};
    restored.hard.term = 1;
    struct raft *r = raft_new(&(struct raft_options){.self = ids[2]}, &restored, 0);
    cr_assert_not_null(r);
    struct wire_snapshot_chunk chunk = {.index = 50,
                                        .term = 4,
                                        .config = restored.snapshot_config,
                                        .total_size = 3,
                                        .data = bytes_str("abc"),
                                        .round = 1000};
    hear(r, (struct wire_raft_message){.from = ids[0], .to = ids[2], .term = 5, .snapshot_chunk = &chunk});
    answer_to(r, ids[0]);
    /* Before it is installed another one leads, and counts its own rounds. */
    struct wire_append_request beat = {.round = 7};
    hear(r, (struct wire_raft_message){.from = ids[1], .to = ids[2], .term = 6, .append_request = &beat});
    answer_to(r, ids[1]);
    cr_assert_eq(raft_feed(r, 1, &(struct raft_input){.kind = RAFT_INSTALLED, .index = 50}), 0);
    struct wire_snapshot_response answer = answer_to(r, ids[1]);
    cr_assert_eq(answer.match_index, 50);
    cr_assert_eq(answer.round, 0, "round %llu would confirm reads that began later",
                 (unsigned long long)answer.round);
    raft_free(r);
}

static unsigned taken; /* chunks, by a core that is fed by hand */

static void hear_chunk(struct raft *r, int64_t now_us, struct wire_snapshot_chunk *chunk,
                       const struct raft_id *from, const struct raft_id *to) {
    struct raft_effect e;
    struct wire_raft_message m = {.from = *from, .to = *to, .term = 5, .snapshot_chunk = chunk};
    raft_feed(r, now_us, &(struct raft_input){.kind = RAFT_MESSAGE, .message = &m});
    while (raft_drain(r, &e)) {
        taken += e.kind == RAFT_SNAPSHOT_BYTES;
        if (e.kind == RAFT_PERSIST)
            raft_feed(r, now_us, &(struct raft_input){.kind = RAFT_PERSISTED, .ticket = e.ticket});
    }
}

Test(raft_snapshot, one_that_cannot_be_read_is_not_taken_again_and_another_one_later) {
    struct raft_id ids[2] = {{.node = {{1}}, .log = {{1}}}, {.node = {{2}}, .log = {{1}}}};
    struct raft_restored restored = {.snapshot_index = 1, .snapshot_term = 1, .hard = {.term = 1}};
    restored.snapshot_config = (struct wire_raft_config){.voters = ids, .voters_count = 2};
    struct raft *r = raft_new(&(struct raft_options){.self = ids[1]}, &restored, 0);
    struct wire_snapshot_chunk chunk = {.index = 50,
                                        .term = 4,
                                        .config = restored.snapshot_config,
                                        .total_size = 3,
                                        .data = bytes_str("abc")};
    int64_t now_us = 1;
    taken = 0;
    hear_chunk(r, now_us, &chunk, &ids[0], &ids[1]);
    cr_assert_eq(taken, 1);
    cr_assert_eq(raft_feed(r, now_us, &(struct raft_input){.kind = RAFT_UNREADABLE}), 0);
    struct wire_snapshot_chunk later = chunk;
    later.index = 60;
    hear_chunk(r, now_us += US_PER_S, &later, &ids[0], &ids[1]);
    cr_assert_eq(taken, 1, "each that follows it is as large");
    cr_assert_eq(raft_contact_us(r), now_us, "its leader is heard all the same");
    now_us += RAFT_UNREADABLE_US;
    hear_chunk(r, now_us, &chunk, &ids[0], &ids[1]);
    cr_assert_eq(taken, 1);
    hear_chunk(r, now_us, &later, &ids[0], &ids[1]);
    cr_assert_eq(taken, 2);
    raft_free(r);
}

Test(raft_snapshot, what_is_kept_behind_it_is_bounded_in_bytes_too) {
    struct world *w = world_new(1, 1);
    char big[1001];
    w->nodes[0].options.trailing_entries = 30;
    w->nodes[0].options.trailing_bytes = 10 * (1000 + 64) + 1;
    memset(big, 'x', 1000);
    big[1000] = 0;
    world_start(w, 1);
    world_elect(w);
    for (int i = 0; i < 40; i++)
        node_propose(w, 0, big);
    world_run(w, 100 * US_PER_MS);
    uint64_t last = raft_last_index(w->nodes[0].raft);
    cr_assert_eq(node_snapshot(w, 0), 0);
    cr_assert_eq(raft_first_index(w->nodes[0].raft), last - 9);
    world_free(w);
}
