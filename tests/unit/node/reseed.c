/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* A voter gives its log up when it must, and never otherwise; whom leadership goes to; who is trusted no
 * more. */
#include <stdio.h>

#include "town.h"

/* ---- the number of a run ------------------------------------------------------------------------------- */

static uint32_t generation_of(const struct town *t, size_t host, size_t as_seen_by) {
    const struct state *s = node_state(t->hosts[as_seen_by].node);
    return state_node_find(s, node_self(t->hosts[host].node))->generation;
}

/* A crash in between gives the next run the same number, which is to have no inventory in the log. */
Test(node_run, the_log_learns_of_no_run_whose_number_is_not_durable) {
    struct town t;
    town_init(&t, 3, NULL);
    size_t leader = town_leader(&t), other = (leader + 1) % 3;
    uint32_t before = generation_of(&t, other, leader);
    town_kill(&t, other);
    t.hosts[other].disk_latency_us = 3 * US_PER_S;
    town_start(&t, other);
    town_run(&t, 2 * US_PER_S);
    cr_assert_eq(generation_of(&t, other, leader), before);
    t.hosts[other].disk_latency_us = US_PER_MS;
    town_run(&t, 10 * US_PER_S);
    cr_assert_eq(generation_of(&t, other, leader), before + 1);
    town_done(&t);
}

/* ---- a log that is given up ---------------------------------------------------------------------------- */

#define SEVERED 2 /* this host's raft hears nobody; the rest of its wire is whole */
static bool refused_seen, answers_pass;
static uint64_t asked_us; /* its last question */

static bool severed_passes(struct town *t, size_t from, size_t to, struct bytes data) {
    struct wire_peer_message m;
    struct codec_fault fault;
    if ((from != SEVERED && to != SEVERED) ||
        codec_decode(&wire_peer_message_type, data, &t->arena, &m, &fault) != 0)
        return true;
    if (from == SEVERED) {
        asked_us = m.pull_request != NULL ? m.pull_request->asked_us : asked_us;
        return true;
    }
    refused_seen |= m.pull_response != NULL && m.pull_response->refused;
    return m.raft == NULL && (m.pull_response == NULL || answers_pass);
}

/* An answer to the pull that may be under way, as if `from` had sent it. */
static void forge(struct town *t, size_t from, size_t leader, uint64_t term) {
    struct wire_pull_response r = {
        .refused = true, .term = term, .leader = node_self(t->hosts[leader].node), .asked_us = asked_us};
    town_say(t, from, SEVERED, &(struct wire_peer_message){.pull_response = &r});
}

/* For long enough that each of the others is asked, several times. */
static void forge_for_long(struct town *t, bool says_itself, int term_off) {
    for (unsigned i = 0; i < 200; i++) {
        uint64_t term = (uint64_t)((int64_t)raft_term(node_raft(t->hosts[SEVERED].node)) + term_off);
        for (size_t from = 0; from < SEVERED; from++)
            forge(t, from, says_itself ? from : 1 - from, term);
        town_run(t, 100 * US_PER_MS);
    }
}

static bool has_log(const struct town *t, const struct raft_id *id) {
    struct raft_id now = raft_self(node_raft(t->hosts[SEVERED].node));
    return ID_EQUAL(now.log, id->log);
}

Test(node_reseed, a_voter_gives_its_log_up_for_nobody_but_the_leader_of_its_term_or_a_later_one) {
    struct town t;
    town_init(&t, 3, NULL);
    town_run(&t, 10 * US_PER_S);
    struct raft_id id = raft_self(node_raft(t.hosts[SEVERED].node));
    if (town_leader(&t) == SEVERED) {
        town_away(&t, SEVERED, true);
        town_run(&t, 5 * US_PER_S);
        town_away(&t, SEVERED, false);
        town_run(&t, 5 * US_PER_S);
    }
    cr_assert_neq(town_leader(&t), SEVERED);
    t.passes = severed_passes;
    answers_pass = true;
    town_run(&t, 20 * US_PER_S);
    cr_assert(!refused_seen && has_log(&t, &id), "it hears nobody, but has forgotten nothing");
    answers_pass = false;
    forge_for_long(&t, true, -1);
    cr_assert(has_log(&t, &id), "the word of an old leader");
    forge_for_long(&t, false, 0);
    cr_assert(has_log(&t, &id), "the word of one that does not lead");
    forge_for_long(&t, true, 0);
    cr_assert(!has_log(&t, &id), "the word of its leader");
    t.passes = NULL;
    town_run(&t, 20 * US_PER_S);
    cr_assert_str_eq(town_voters(&t, 0), "h0 h1 h2", "and it has its vote back");
    struct raft_id now = raft_self(node_raft(t.hosts[SEVERED].node));
    cr_assert(raft_is_voter(node_raft(t.hosts[0].node), &now));
    cr_assert(!raft_is_voter(node_raft(t.hosts[0].node), &id));
    town_restart(&t, SEVERED);
    town_run(&t, 5 * US_PER_S);
    cr_assert_eq(raft_role(node_raft(t.hosts[SEVERED].node)), RAFT_FOLLOWER, "also after a restart");
    cr_assert(!has_log(&t, &id));
    town_done(&t);
}

/* ---- a snapshot that takes long to fetch --------------------------------------------------------------- */

/* A write every 10 ms makes a snapshot due every 160; what is there by then takes 300 to fetch. */
Test(node_snapshot, is_fetched_whole_from_a_cluster_that_goes_on_writing) {
    struct town t;
    char key[8], value[1500];
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = 0;
    town_init(&t, 2, NULL);
    t.chunk_size_bytes = 256;
    town_snapshots(&t, 16, 1);
    town_kill(&t, 1);
    for (unsigned i = 0; i < 40; i++) {
        snprintf(key, sizeof key, "k%u", i % 20);
        cr_assert_eq(town_put(&t, 0, key, value), 0);
    }
    town_start(&t, 1);
    bool caught_up = false;
    for (unsigned i = 0; i < 500 && !caught_up; i++) {
        struct wire_admin_var_put put = {.var = {.key = bytes_str("k"), .value = bytes_str("v")}};
        (void)town_call(&t, 0, "var.put", &wire_admin_var_put_type, &put);
        town_run(&t, 10 * US_PER_MS);
        const struct raft *r = node_raft(t.hosts[1].node);
        caught_up = r != NULL && raft_commit_index(r) + 4 >= raft_commit_index(node_raft(t.hosts[0].node));
    }
    cr_assert(caught_up);
    cr_assert_gt(t.hosts[0].marks.hits[MARK_NODE_PULL_SNAPSHOT], 50);
    town_done(&t);
}

/* ---- leadership handed over at the end of an agent ----------------------------------------------------- */

Test(node_shutdown, leadership_goes_to_a_voter_that_was_heard_lately) {
    struct town t;
    town_init(&t, 3, NULL);
    town_run(&t, 10 * US_PER_S);
    size_t leader = town_leader(&t), off = TOWN_MAX, heir = TOWN_MAX;
    const struct wire_raft_config *config = raft_config_now(node_raft(t.hosts[leader].node));
    for (size_t i = 0; i < config->voters_count; i++)
        for (size_t k = 0; k < 3; k++) {
            if (k == leader || !ID_EQUAL(config->voters[i].node, node_self(t.hosts[k].node)))
                continue;
            if (off == TOWN_MAX)
                off = k;
            else
                heir = k;
        }
    town_away(&t, off, true); /* the first in the list; SWIM does not know yet */
    town_run(&t, 400 * US_PER_MS);
    node_feed(t.hosts[leader].node, t.now_us, &(struct node_input){.kind = NODE_SHUTDOWN, .wall_ms = 1});
    town_run(&t, 150 * US_PER_MS);
    cr_assert_eq(raft_role(node_raft(t.hosts[heir].node)), RAFT_LEADER);
    town_done(&t);
}

/* ---- keys of those that are gone ----------------------------------------------------------------------- */

/* Somebody comes who shows this key; the stream. */
static uint64_t comes(struct town *t, size_t host, const struct static_key *key) {
    uint64_t stream = 100001 + 2 * t->seq++; /* odd, and never twice */
    node_feed(t->hosts[host].node, t->now_us,
              &(struct node_input){
                  .kind = NODE_STREAM_OPENED, .stream = stream, .key = *key, .key_id = 1, .wall_ms = 1});
    return stream;
}

/* Does the host let in who shows this key? */
static bool lets_in(struct town *t, size_t host, const struct static_key *key) {
    struct node_effect e;
    uint64_t stream = comes(t, host, key);
    bool in = true;
    while (node_drain(t->hosts[host].node, &e))
        in &= e.kind != NODE_STREAM_CLOSE || e.stream != stream;
    return in;
}

static unsigned snapshots_sent(const struct town *t) {
    uint64_t sum = 0;
    for (size_t i = 0; i < t->count; i++)
        sum +=
            t->hosts[i].marks.hits[MARK_NODE_PULL_SNAPSHOT] + t->hosts[i].marks.hits[MARK_RAFT_SNAPSHOT_SENT];
    return (unsigned)sum;
}

static void gone_while_away(bool restarts) {
    struct town t;
    town_calm(&t, 4);
    town_snapshots(&t, 8, 2);
    struct static_key gone = node_stream_keys(t.hosts[3].node).identity->static_key;
    struct static_key here = node_stream_keys(t.hosts[0].node).identity->static_key;
    cr_assert(lets_in(&t, 2, &gone));
    unsigned sent = snapshots_sent(&t);
    if (restarts)
        town_kill(&t, 2);
    town_away(&t, 2, true);
    town_run(&t, 5 * US_PER_S);
    town_call(&t, 3, "leave", &wire_empty_type, &(struct wire_empty){0});
    town_run(&t, 40 * US_PER_S);
    cr_assert_eq(state_nodes_count(node_state(t.hosts[0].node)), 3);
    for (unsigned i = 0; i < 40; i++)
        cr_assert_eq(town_put(&t, 0, "k", "v"), 0);
    town_away(&t, 2, false);
    if (restarts)
        town_start(&t, 2);
    town_run(&t, 20 * US_PER_S);
    cr_assert_eq(state_index(node_state(t.hosts[2].node)), state_index(node_state(t.hosts[0].node)));
    cr_assert_gt(snapshots_sent(&t), sent, "it was sent a snapshot");
    cr_assert_gt(raft_first_index(node_raft(t.hosts[2].node)), 20);
    cr_assert(lets_in(&t, 2, &here));
    cr_assert(!lets_in(&t, 2, &gone));
    town_done(&t);
}

Test(node_trust, a_snapshot_tells_who_was_taken_out) { gone_while_away(false); }

Test(node_trust, a_snapshot_tells_who_was_taken_out_also_after_a_restart) { gone_while_away(true); }

/* A host without a leader asks whoever has a key of the streams who the members are. */
Test(node_trust, who_was_taken_out_is_trusted_no_more_for_its_table_of_before) {
    struct town t;
    town_calm(&t, 4);
    struct static_key gone = node_stream_keys(t.hosts[3].node).identity->static_key;
    struct wire_node_record before[4];
    const struct state *s = node_state(t.hosts[2].node);
    cr_assert_eq(state_nodes_count(s), 4);
    for (size_t i = 0; i < 4; i++)
        codec_copy(&wire_node_record_type, state_node_at(s, i), &t.arena, &before[i]);
    town_call(&t, 3, "leave", &wire_empty_type, &(struct wire_empty){0});
    town_run(&t, 40 * US_PER_S);
    cr_assert_eq(state_nodes_count(s), 3);
    cr_assert(!lets_in(&t, 2, &gone));
    town_away(&t, 2, true);
    town_run(&t, 20 * US_PER_S);
    uint64_t stream = comes(&t, 2, &gone);
    struct wire_join_response r = {.cluster = *state_cluster(s), .nodes = before, .nodes_count = 4};
    struct buf out = {0};
    codec_encode(&wire_peer_message_type, &(struct wire_peer_message){.join_response = &r}, &out);
    town_feed(&t, 2,
              &(struct node_input){.kind = NODE_STREAM_MESSAGE, .stream = stream, .data = buf_bytes(&out)});
    buf_done(&out);
    town_away(&t, 2, false);
    town_run(&t, 20 * US_PER_S);
    cr_assert(!lets_in(&t, 2, &gone));
    town_done(&t);
}
