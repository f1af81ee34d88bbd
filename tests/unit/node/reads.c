/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Reads that are as new as the leader's, writes that count once, and watches that miss nothing. */
#include "town.h"

#include <stdio.h>

static uint64_t ask(struct town *t, size_t host, const char *key, bool consistent) {
    struct wire_admin_var_query q = {.key = bytes_str(key), .consistent = consistent};
    return town_call(t, host, "vars", &wire_admin_var_query_type, &q);
}

/* The value that an answered request told, or the error's name; "..." while there is none. */
static const char *told(struct town *t, size_t host, uint64_t request) {
    const struct town_reply *r = town_reply(t, host, request);
    struct wire_admin_vars vars;
    if (r == NULL)
        return "...";
    if (r->error != 0)
        return err_str(r->error);
    town_read(t, r, &wire_admin_vars_type, &vars);
    cr_assert_eq(vars.vars_count, 1);
    return arena_printf(&t->arena, "%.*s", BYTES_FMT(vars.vars[0].value));
}

static size_t other_than(size_t host) { return host == 0 ? 1 : 0; }

Test(node_reads, a_consistent_read_on_any_host_sees_what_was_written_before_it) {
    struct town t;
    town_init(&t, 4, NULL); /* the fourth has no vote */
    for (size_t host = 0; host < 4; host++) {
        char value[8] = {(char)('a' + host), 0};
        cr_assert_eq(town_put(&t, 3 - host, "k", value), 0);
        uint64_t request = ask(&t, host, "k", true);
        town_run(&t, 200 * US_PER_MS);
        cr_assert_str_eq(told(&t, host, request), value);
        uint64_t absent = ask(&t, host, "none", true);
        town_run(&t, 200 * US_PER_MS);
        cr_assert_str_eq(told(&t, host, absent), err_str(ERR_NOT_FOUND));
    }
    town_done(&t);
}

Test(node_reads, a_leader_that_was_deposed_unknown_to_itself_answers_none) {
    struct town t;
    town_init(&t, 3, NULL);
    size_t old = town_leader(&t), other = other_than(old);
    cr_assert_eq(town_put(&t, other, "k", "old"), 0);
    town_away(&t, old, true);
    uint64_t stale = ask(&t, old, "k", true), local = ask(&t, old, "k", false);
    cr_assert_str_eq(told(&t, old, local), "old", "without it, a copy is as old as it is");
    cr_assert_eq(town_put(&t, other, "k", "new"), 0);
    cr_assert_str_eq(told(&t, old, stale), "...");
    uint64_t late = ask(&t, old, "k", true);
    town_run(&t, 11 * US_PER_S);
    cr_assert_str_eq(told(&t, old, stale), err_str(ERR_NO_LEADER));
    cr_assert_str_eq(told(&t, old, late), err_str(ERR_NO_LEADER));
    uint64_t healed = ask(&t, old, "k", true);
    town_away(&t, old, false);
    town_run(&t, 8 * US_PER_S);
    cr_assert_str_eq(told(&t, old, healed), "new");
    town_done(&t);
}

/* Keeps back the first answer to a question about an index. */
static bool hold_answer(struct town *t, size_t from, size_t to, struct bytes data) {
    struct wire_peer_message m;
    bool is_answer = town_message(t, data, &m) && m.read_response != NULL;
    if (is_answer && t->held.size == 0)
        buf_append(&t->held, data.data, data.size);
    (void)from;
    (void)to;
    return !is_answer;
}

/* The held answer of this host comes, over the stream between the two. */
static void answer_arrives(struct town *t, size_t asker, size_t leader) {
    town_deliver(t, leader, asker, buf_bytes(&t->held));
}

Test(node_reads, an_answer_that_was_on_its_way_to_an_earlier_run_confirms_nothing) {
    struct town t;
    town_init(&t, 3, NULL);
    size_t leader = town_leader(&t), asker = other_than(leader);
    cr_assert_eq(town_put(&t, leader, "k", "old"), 0);
    t.passes = hold_answer;
    ask(&t, asker, "k", true);
    town_run(&t, 100 * US_PER_MS);
    cr_assert_gt(t.held.size, 0);
    town_kill(&t, asker);
    cr_assert_eq(town_put(&t, leader, "k", "new"), 0);
    town_start(&t, asker);
    /* Until the log has reached it again, its copy is of before. */
    uint64_t request = ask(&t, asker, "k", true);
    for (unsigned i = 0; i < 20; i++) {
        answer_arrives(&t, asker, leader);
        town_run(&t, 50 * US_PER_MS);
        cr_assert_str_eq(told(&t, asker, request), "...", "no answer to this run's question came");
    }
    t.passes = NULL;
    town_run(&t, US_PER_S);
    cr_assert_str_eq(told(&t, asker, request), "new");
    town_done(&t);
}

static bool nothing(struct town *t, size_t from, size_t to, struct bytes data) {
    (void)t;
    (void)from;
    (void)to;
    (void)data;
    return false;
}

/* Found by the simulator: it said 0, whatever had been written since it was asked. */
Test(node_reads, a_consistent_read_that_is_answered_late_says_how_old_it_is) {
    struct town t;
    town_init(&t, 3, NULL);
    size_t leader = town_leader(&t), asker = other_than(leader);
    cr_assert_eq(town_put(&t, leader, "k", "v"), 0);
    t.passes = hold_answer;
    uint64_t request = ask(&t, asker, "k", true);
    town_run(&t, 100 * US_PER_MS);
    cr_assert_gt(t.held.size, 0);
    t.passes = nothing;
    town_run(&t, 3 * US_PER_S);
    answer_arrives(&t, asker, leader);
    town_run(&t, 100 * US_PER_MS);
    cr_assert_str_eq(told(&t, asker, request), "v");
    struct wire_admin_vars vars;
    town_read(&t, town_reply(&t, asker, request), &wire_admin_vars_type, &vars);
    cr_assert(vars.freshness.consistent && vars.freshness.age_ms >= 2500, "%llu ms",
              (unsigned long long)vars.freshness.age_ms);
    town_done(&t);
}

/* The log reaches no host without a vote. */
static bool no_pulls(struct town *t, size_t from, size_t to, struct bytes data) {
    struct wire_peer_message m;
    (void)from;
    (void)to;
    return !town_message(t, data, &m) || m.pull_response == NULL;
}

Test(node_reads, a_copy_that_lags_is_not_shown_before_it_has_caught_up) {
    struct town t;
    town_init(&t, 4, NULL);
    size_t learner = 3;
    cr_assert_eq(town_put(&t, learner, "k", "old"), 0);
    town_run(&t, US_PER_S);
    t.passes = no_pulls;
    cr_assert_eq(town_put(&t, 0, "k", "new"), 0);
    uint64_t request = ask(&t, learner, "k", true), local = ask(&t, learner, "k", false);
    town_run(&t, 2 * US_PER_S);
    cr_assert_str_eq(told(&t, learner, local), "old");
    cr_assert_str_eq(told(&t, learner, request), "...");
    t.passes = NULL;
    town_run(&t, 4 * US_PER_S);
    cr_assert_str_eq(told(&t, learner, request), "new");
    town_done(&t);
}

static struct wire_admin_freshness age(struct town *t, size_t host) {
    struct wire_admin_vars vars;
    town_read(t, town_reply(t, host, ask(t, host, "", false)), &wire_admin_vars_type, &vars);
    return vars.freshness;
}

Test(node_reads, state_their_age_on_a_cluster_that_has_nothing_to_do) {
    struct town t;
    town_init(&t, 4, NULL);
    town_run(&t, 60 * US_PER_S);
    for (size_t host = 0; host < 4; host++) {
        struct wire_admin_freshness f = age(&t, host);
        cr_assert(!f.isolated && !f.consistent, "host %zu", host);
        cr_assert_leq(f.age_ms, host == 3 ? 3000 : 300, "host %zu: %llu", host, (unsigned long long)f.age_ms);
    }
    size_t leader = town_leader(&t), other = other_than(leader);
    town_away(&t, other, true);
    town_run(&t, 5 * US_PER_S);
    cr_assert_geq(age(&t, other).age_ms, 5000);
    cr_assert_leq(age(&t, leader).age_ms, 300);
    town_run(&t, 6 * US_PER_S);
    cr_assert(age(&t, other).isolated);
    town_done(&t);
}

static size_t held_from;

/* Keeps back the first answer to a question for the log, and loses all that come later. */
static bool hold_pull(struct town *t, size_t from, size_t to, struct bytes data) {
    if (no_pulls(t, from, to, data))
        return true;
    if (t->held.size == 0) {
        buf_append(&t->held, data.data, data.size);
        held_from = from;
    }
    return false;
}

/* Found by the simulator: a link that stood still for a minute made a copy of then one of now. */
Test(node_reads, an_answer_to_an_earlier_question_makes_no_copy_younger) {
    struct town t;
    town_init(&t, 4, NULL);
    size_t learner = 3;
    town_run(&t, 10 * US_PER_S);
    t.passes = hold_pull;
    town_run(&t, 3 * US_PER_S);
    cr_assert_gt(t.held.size, 0);
    cr_assert_eq(town_put(&t, 0, "k", "new"), 0);
    for (unsigned i = 1; i <= 300; i++) { /* so often that the same host will have been asked again */
        town_run(&t, 100 * US_PER_MS);
        answer_arrives(&t, learner, held_from);
        uint64_t told_ms = age(&t, learner).age_ms;
        cr_assert_geq(told_ms, i * 100, "the write is %u ms old, the copy %llu", i * 100,
                      (unsigned long long)told_ms);
    }
    town_done(&t);
}

#define WATCHED_MS 2000

static struct {
    int64_t from_us;
    uint64_t committed[WATCHED_MS]; /* anywhere, by the start of each millisecond */
    unsigned answers, passed_on;    /* with less than the host that gave it has */
} watched;

/* That there was nothing behind `commit` when it was as young as it is said to be. */
static bool age_is_true(struct town *t, size_t from, size_t to, struct bytes data) {
    struct wire_peer_message m;
    (void)to;
    if (!town_message(t, data, &m) || m.pull_response == NULL || m.pull_response->checkpoint == NULL)
        return true;
    const struct wire_pull_response *r = m.pull_response;
    int64_t since_us = (int64_t)r->asked_us - (int64_t)r->age_ms * US_PER_MS - watched.from_us;
    if (since_us < 0)
        return true;
    watched.answers++;
    watched.passed_on += r->commit < raft_commit_index(node_raft(t->hosts[from].node));
    cr_assert_leq(watched.committed[since_us / US_PER_MS], r->commit, "said to be %llu ms old",
                  (unsigned long long)r->age_ms);
    return true;
}

/* A checkpoint is made every 50 ms at most; who asks in between is given what there is up to the last one. */
Test(node_reads, a_checkpoint_that_is_passed_on_is_as_old_as_the_copy_it_was_made_of) {
    struct town t;
    town_init(&t, 4, NULL);
    town_run(&t, 10 * US_PER_S);
    size_t leader = town_leader(&t), learner = 3;
    watched.from_us = t.now_us;
    t.passes = age_is_true;
    for (unsigned ms = 0; ms < WATCHED_MS; ms++) {
        for (size_t i = 0; i < t.count; i++) {
            uint64_t index = raft_commit_index(node_raft(t.hosts[i].node));
            if (index > watched.committed[ms])
                watched.committed[ms] = index;
        }
        struct wire_admin_var_put put = {.var = {.key = bytes_str("k"), .value = bytes_str("v")}};
        struct wire_pull_request ask = {.next = 1, .asked_us = (uint64_t)(t.now_us - US_PER_MS)};
        if (ms % 10 == 0)
            (void)town_call(&t, leader, "var.put", &wire_admin_var_put_type, &put);
        if (ms % 7 == 0)
            cr_assert(town_say(&t, learner, leader, &(struct wire_peer_message){.pull_request = &ask}));
        town_run(&t, US_PER_MS);
    }
    cr_assert_gt(watched.answers, 100);
    cr_assert_gt(watched.passed_on, 50);
    town_done(&t);
}

Test(node_reads, a_host_alone_is_never_old) {
    struct town t;
    town_init(&t, 1, NULL);
    town_run(&t, 60 * US_PER_S);
    cr_assert(age(&t, 0).age_ms == 0 && !age(&t, 0).isolated);
    town_done(&t);
}

Test(node_reads, a_client_that_goes_takes_its_read_with_it) {
    struct town t;
    town_init(&t, 3, NULL);
    size_t other = other_than(town_leader(&t));
    uint64_t request = ask(&t, other, "k", true);
    node_feed(t.hosts[other].node, t.now_us,
              &(struct node_input){.kind = NODE_REQUEST_CLOSED, .request = request});
    town_run(&t, 12 * US_PER_S);
    cr_assert_null(town_reply(&t, other, request));
    town_done(&t);
}

/* ---- writes that are repeated ---- */

/* Takes away the leader's answers to writes. */
static bool lose_answers(struct town *t, size_t from, size_t to, struct bytes data) {
    struct wire_peer_message m;
    (void)from;
    (void)to;
    return !town_message(t, data, &m) || m.forward_response == NULL;
}

Test(node_writes, one_whose_answer_was_lost_is_done_once_and_answered_as_the_first_time) {
    struct town t;
    town_init(&t, 3, NULL);
    size_t leader = town_leader(&t), other = other_than(leader);
    struct wire_task task = {.name = bytes_str("t"), .command = bytes_str("/bin/true"), .memory_mib = 10};
    struct wire_group group = {.name = bytes_str("g"), .count = 1, .tasks = &task, .tasks_count = 1};
    struct wire_admin_run run = {.request = {{7}},
                                 .job = {.name = bytes_str("web"), .groups = &group, .groups_count = 1}};
    struct wire_admin_stop stop = {.request = {{8}}, .name = bytes_str("web")};
    t.passes = lose_answers;
    uint64_t first = town_call(&t, other, "run", &wire_admin_run_type, &run);
    town_run(&t, 3 * US_PER_S); /* it was sent again meanwhile */
    cr_assert_null(town_reply(&t, other, first));
    t.passes = NULL;
    uint64_t stopped = town_call(&t, leader, "stop", &wire_admin_stop_type, &stop);
    town_run(&t, 2 * US_PER_S);
    cr_assert(town_reply(&t, leader, stopped) != NULL && town_reply(&t, leader, stopped)->error == 0);
    /* The client lost its connection and asks again, elsewhere: a second run would start what was stopped. */
    uint64_t again = town_call(&t, leader, "run", &wire_admin_run_type, &run);
    town_run(&t, 2 * US_PER_S);
    const struct town_reply *a = town_reply(&t, other, first), *b = town_reply(&t, leader, again);
    cr_assert(a != NULL && b != NULL && a->error == 0 && b->error == 0);
    cr_assert(bytes_equal(buf_bytes(&a->data), buf_bytes(&b->data)), "one answer");
    struct wire_admin_run_result r;
    cr_assert_eq(codec_decode_named(&wire_admin_run_result_type, buf_bytes(&b->data), &t.arena, &r, NULL), 0);
    cr_assert(r.version == 1 && r.changed && r.index > 1);
    cr_assert(state_job_find(node_state(t.hosts[leader].node), bytes_str("web"))->stopped);
    town_done(&t);
}

Test(node_writes, one_is_done_once_by_the_next_leader_too) {
    struct town t;
    town_init(&t, 3, NULL);
    size_t leader = town_leader(&t), other = other_than(leader);
    struct wire_admin_var_put put = {.request = {{9}},
                                     .var = {.key = bytes_str("k"), .value = bytes_str("1"), .check = true}};
    t.passes = lose_answers;
    uint64_t request = town_call(&t, other, "var.put", &wire_admin_var_put_type, &put);
    town_run(&t, 100 * US_PER_MS);
    cr_assert_null(town_reply(&t, other, request));
    town_kill(&t, leader);
    t.passes = NULL;
    town_run(&t, 10 * US_PER_S);
    const struct town_reply *r = town_reply(&t, other, request);
    cr_assert(r != NULL && r->error == 0, "it must not meet its own first try");
    town_done(&t);
}

/* A leader whose entries do not arrive goes on leading: it is heard. */
static bool lose_entries(struct town *t, size_t from, size_t to, struct bytes data) {
    struct wire_peer_message m;
    bool lost = town_message(t, data, &m) && m.raft != NULL && m.raft->append_request != NULL &&
                m.raft->append_request->entries_count > 0;
    (void)from;
    (void)to;
    return !lost;
}

/* Committed entries of a host's log that write a variable. */
static size_t var_entries(struct town *t, size_t host) {
    const struct raft *r = node_raft(t->hosts[host].node);
    const struct wire_raft_entry *entries = NULL;
    size_t count = 0, found = 0;
    cr_assert_eq(raft_log_read(r, raft_first_index(r), SIZE_MAX, &entries, &count), 0);
    for (size_t i = 0; i < count; i++) {
        struct wire_command c;
        found += entries[i].kind == ENTRY_KIND_COMMAND &&
                 codec_decode(&wire_command_type, entries[i].data, &t->arena, &c, NULL) == 0 && c.var != NULL;
    }
    return found;
}

Test(node_writes, one_that_takes_long_is_sent_again_and_stays_one_entry) {
    struct town t;
    town_init(&t, 3, NULL);
    size_t leader = town_leader(&t), other = other_than(leader);
    struct wire_admin_var_put put = {.var = {.key = bytes_str("k"), .value = bytes_str("1")}};
    t.passes = lose_entries;
    uint64_t request = town_call(&t, other, "var.put", &wire_admin_var_put_type, &put);
    town_run(&t, 5 * US_PER_S);
    cr_assert_null(town_reply(&t, other, request));
    cr_assert_eq(town_leader(&t), leader);
    t.passes = NULL;
    town_run(&t, 2 * US_PER_S);
    const struct town_reply *r = town_reply(&t, other, request);
    cr_assert(r != NULL && r->error == 0);
    cr_assert_eq(var_entries(&t, leader), 1);
    town_done(&t);
}

Test(node_writes, are_answered_when_the_host_asked_has_them_too) {
    struct town t;
    town_init(&t, 4, NULL);
    town_run(&t, US_PER_S);
    struct wire_admin_var_put put = {.var = {.key = bytes_str("k"), .value = bytes_str("1")}};
    t.passes = no_pulls; /* the fourth host gets no log */
    uint64_t request = town_call(&t, 3, "var.put", &wire_admin_var_put_type, &put);
    town_run(&t, 500 * US_PER_MS);
    cr_assert_null(town_reply(&t, 3, request), "it would not read what it wrote");
    t.passes = NULL;
    for (unsigned i = 0; i < 500 && town_reply(&t, 3, request) == NULL; i++)
        town_run(&t, 10 * US_PER_MS);
    cr_assert_str_eq(told(&t, 3, ask(&t, 3, "k", false)), "1");
    /* But not for ever: the log may take long to come. */
    t.passes = no_pulls;
    request = town_call(&t, 3, "var.put", &wire_admin_var_put_type, &put);
    town_run(&t, 6 * US_PER_S);
    cr_assert(town_reply(&t, 3, request) != NULL && town_reply(&t, 3, request)->error == 0);
    town_done(&t);
}

/* The target is told, and does not hear it: so the leader takes no proposals for a while, and goes on then.
 */
static bool no_office_taken(struct town *t, size_t from, size_t to, struct bytes data) {
    struct wire_peer_message m;
    (void)from;
    (void)to;
    bool told = town_message(t, data, &m) && m.raft != NULL && m.raft->timeout_now;
    t->held_side += told;
    return !told;
}

Test(node_writes, none_is_refused_because_leadership_is_being_handed_over) {
    struct town t;
    town_init(&t, 4, NULL);
    size_t leader = town_leader(&t);
    struct wire_admin_vote exclude = {.node = bytes_str(t.hosts[leader].name), .vote = VOTE_RULE_EXCLUDE};
    struct wire_admin_var_put put = {.var = {.key = bytes_str("k"), .value = bytes_str("1")}};
    uint64_t requests[160];
    t.passes = no_office_taken;
    t.held_side = 0;
    (void)town_call(&t, leader, "vote", &wire_admin_vote_type, &exclude);
    for (size_t i = 0; i < 160; i++) {
        requests[i] = town_call(&t, i % 4, "var.put", &wire_admin_var_put_type, &put);
        town_run(&t, 25 * US_PER_MS);
    }
    cr_assert(t.held_side > 0, "leadership was to be handed over");
    t.passes = NULL;
    town_run(&t, 10 * US_PER_S);
    for (size_t i = 0; i < 160; i++) {
        const struct town_reply *r = town_reply(&t, i % 4, requests[i]);
        cr_assert(r != NULL && r->error == 0, "write %zu on host %zu: %s", i, i % 4,
                  r != NULL ? err_str(r->error) : "not answered");
    }
    cr_assert_neq(town_leader(&t), leader);
    town_done(&t);
}

/* ---- watches ---- */

static uint64_t watch(struct town *t, size_t host, const char *key, const char *prefix, uint64_t from,
                      uint64_t credit) {
    struct wire_admin_var_watch q = {
        .key = bytes_str(key), .prefix = bytes_str(prefix), .from = from, .credit = credit};
    buf_clear(&t->hosts[host].changes);
    return town_call(t, host, "var.watch", &wire_admin_var_watch_type, &q);
}

Test(node_watch, tells_what_there_is_and_then_every_change_in_order) {
    struct town t;
    town_init(&t, 2, NULL);
    cr_assert_eq(town_put(&t, 0, "app/b", "1"), 0);
    cr_assert_eq(town_put(&t, 0, "app/a", "1"), 0);
    cr_assert_eq(town_put(&t, 0, "bpp", "1"), 0);
    town_run(&t, US_PER_S);
    watch(&t, 1, "", "app/", 0, 1 << 20);
    cr_assert_str_eq(buf_str(&t.hosts[1].changes), "reset  \nset app/a 1\nset app/b 1\ncurrent  \n");
    buf_clear(&t.hosts[1].changes);
    /* Faster than anybody could ask in between. */
    struct wire_admin_var_put puts[] = {
        {.var = {.key = bytes_str("app/a"), .value = bytes_str("2")}},
        {.var = {.key = bytes_str("app"), .value = bytes_str("x")}},
        {.var = {.key = bytes_str("app/a"), .value = bytes_str("3")}},
        {.var = {.key = bytes_str("app/a"), .remove = true}},
        {.var = {.key = bytes_str("app/a"), .remove = true}}, /* refused: no change */
        {.var = {.key = bytes_str("app/c"), .value = bytes_str("4")}},
    };
    for (size_t i = 0; i < sizeof puts / sizeof puts[0]; i++)
        town_call(&t, 0, "var.put", &wire_admin_var_put_type, &puts[i]);
    town_run(&t, 3 * US_PER_S);
    cr_assert_str_eq(buf_str(&t.hosts[1].changes), "set app/a 2\nset app/a 3\nremoved app/a \nset app/c 4\n");
    town_done(&t);
}

Test(node_watch, a_repeated_write_is_one_change) {
    struct town t;
    town_init(&t, 1, NULL);
    watch(&t, 0, "k", "", 0, 1 << 20);
    buf_clear(&t.hosts[0].changes);
    struct wire_admin_var_put put = {.request = {{3}},
                                     .var = {.key = bytes_str("k"), .value = bytes_str("1")}};
    for (unsigned i = 0; i < 3; i++)
        town_call(&t, 0, "var.put", &wire_admin_var_put_type, &put);
    town_run(&t, US_PER_S);
    cr_assert_str_eq(buf_str(&t.hosts[0].changes), "set k 1\n");
    town_done(&t);
}

Test(node_watch, goes_on_from_an_index_on_any_host) {
    struct town t;
    town_init(&t, 3, NULL);
    cr_assert_eq(town_put(&t, 0, "k", "1"), 0);
    uint64_t index = state_var_find(node_state(t.hosts[0].node), bytes_str("k"))->version;
    cr_assert_eq(town_put(&t, 0, "k", "2"), 0);
    cr_assert_eq(town_put(&t, 0, "k", NULL), 0);
    town_run(&t, US_PER_S);
    for (size_t host = 0; host < 3; host++) {
        watch(&t, host, "k", "", index, 1 << 20);
        cr_assert_str_eq(buf_str(&t.hosts[host].changes), "set k 2\nremoved k \n");
    }
    town_done(&t);
}

Test(node_watch, one_that_is_too_far_behind_is_told_so_and_begins_anew) {
    struct town t;
    town_init(&t, 1, NULL);
    cr_assert_eq(town_put(&t, 0, "gone", "1"), 0);
    cr_assert_eq(town_put(&t, 0, "k", "0"), 0);
    uint64_t index = state_var_find(node_state(t.hosts[0].node), bytes_str("k"))->version;
    cr_assert_eq(town_put(&t, 0, "gone", NULL), 0);
    watch(&t, 0, "", "", index, 65); /* credit for one change, no more */
    cr_assert_str_eq(buf_str(&t.hosts[0].changes), "removed gone \n");
    buf_clear(&t.hosts[0].changes);
    for (unsigned i = 0; i < 1100; i++) {
        char value[8];
        snprintf(value, sizeof value, "%u", i);
        struct wire_admin_var_put put = {.var = {.key = bytes_str("k"), .value = bytes_str(value)}};
        town_call(&t, 0, "var.put", &wire_admin_var_put_type, &put);
        town_run(&t, US_PER_MS);
    }
    town_run(&t, US_PER_S);
    cr_assert_str_eq(buf_str(&t.hosts[0].changes), "", "no credit, no bytes");
    uint64_t stream = t.request_next - 1101;
    town_credit(&t, 0, stream, 1 << 20);
    cr_assert_str_eq(buf_str(&t.hosts[0].changes), "reset  \nset k 1099\ncurrent  \n");
    town_done(&t);
}

Test(node_watch, what_changes_while_it_is_listed_comes_behind_the_list) {
    struct town t;
    town_init(&t, 1, NULL);
    cr_assert_eq(town_put(&t, 0, "a", "1"), 0);
    cr_assert_eq(town_put(&t, 0, "b", "1"), 0);
    cr_assert_eq(town_put(&t, 0, "c", "1"), 0);
    uint64_t stream = watch(&t, 0, "", "", 0, 1); /* reset, and no further */
    cr_assert_eq(town_put(&t, 0, "b", "2"), 0);
    cr_assert_eq(town_put(&t, 0, "c", NULL), 0);
    for (unsigned i = 0; i < 10; i++)
        town_credit(&t, 0, stream, 1);
    cr_assert_str_eq(buf_str(&t.hosts[0].changes), "reset  \nset a 1\ncurrent  \nset b 2\nremoved c \n");
    town_done(&t);
}

/* ---- snapshots ---- */

Test(node_snapshots, a_log_of_few_large_entries_is_saved_and_cut_too) {
    struct town t;
    static char value[60001];
    town_init(&t, 1, NULL);
    memset(value, 'x', 60000);
    for (unsigned i = 0; i < 750; i++)
        cr_assert_eq(town_put(&t, 0, "k", value), 0);
    const struct raft *r = node_raft(t.hosts[0].node);
    cr_assert_gt(raft_first_index(r), 1);
    cr_assert_lt((raft_last_index(r) - raft_first_index(r)) * 60000, 60u << 20);
    town_done(&t);
}

static bool has_snapshot(const struct town_host *h) {
    for (size_t i = 0; i < h->files_count; i++)
        if (strncmp(h->files[i].name, "snapshot-", 9) == 0)
            return true;
    return false;
}

/* Each costs a disk some time: a leader that paid it first, or with all others, would be felt by everybody.
 */
Test(node_snapshots, are_not_made_by_all_at_once_and_not_by_the_leader_first) {
    struct town t;
    town_init(&t, 3, NULL);
    town_snapshots(&t, 256, 64); /* they begin anew */
    town_run(&t, 5 * US_PER_S);
    size_t leader = town_leader(&t), count = 0;
    cr_assert_neq(leader, TOWN_MAX);
    for (unsigned i = 0; i < 600 && count == 0; i++) {
        cr_assert_eq(town_put(&t, leader, "k", "v"), 0);
        for (size_t k = 0; k < 3; k++)
            count += has_snapshot(&t.hosts[k]);
    }
    cr_assert(count > 0 && count < 3, "%zu of 3", count);
    cr_assert(!has_snapshot(&t.hosts[leader]));
    for (unsigned i = 0; i < 300; i++)
        cr_assert_eq(town_put(&t, leader, "k", "v"), 0);
    cr_assert(has_snapshot(&t.hosts[leader]), "but as surely");
    town_done(&t);
}

/* ---- reasons ---- */

Test(node_reads, every_host_tells_why_a_job_is_not_placed) {
    struct town t;
    town_init(&t, 3, NULL);
    struct wire_task task = {
        .name = bytes_str("t"), .command = bytes_str("/bin/true"), .memory_mib = 1u << 20};
    struct wire_group group = {.name = bytes_str("g"), .count = 1, .tasks = &task, .tasks_count = 1};
    struct wire_admin_run run = {.job = {.name = bytes_str("huge"), .groups = &group, .groups_count = 1}};
    struct wire_admin_job_query q = {.name = bytes_str("huge")};
    town_call(&t, 0, "run", &wire_admin_run_type, &run);
    town_run(&t, 5 * US_PER_S);
    for (size_t host = 0; host < 3; host++) {
        struct wire_admin_job_status s;
        uint64_t request = town_call(&t, host, "job", &wire_admin_job_query_type, &q);
        town_run(&t, 100 * US_PER_MS);
        const struct town_reply *r = town_reply(&t, host, request);
        cr_assert_not_null(r);
        cr_assert_eq(codec_decode_named(&wire_admin_job_status_type, buf_bytes(&r->data), &t.arena, &s, NULL),
                     0);
        cr_assert(s.groups[0].reason.size > 0, "host %zu", host);
    }
    size_t leader = town_leader(&t), other = other_than(leader);
    town_kill(&t, leader);
    uint64_t request = town_call(&t, other, "job", &wire_admin_job_query_type, &q);
    town_run(&t, 500 * US_PER_MS);
    cr_assert_not_null(town_reply(&t, other, request), "without a leader, the rest");
    town_done(&t);
}
