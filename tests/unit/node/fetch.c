/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* A snapshot that a host without a vote fetches in parts: that many who do it come to an end. */
#include "town.h"

#define CHUNK_SIZE 64u
#define LEARNER    3 /* the fourth of four hosts: three vote */

static void town_of_chunks(struct town *t, size_t count) {
    town_calm(t, count);
    t->chunk_size_bytes = CHUNK_SIZE;
    t->pulls_max = 1;
    town_snapshots(t, 8, 2);
}

static void writes(struct town *t, unsigned count) {
    for (unsigned i = 0; i < count; i++)
        cr_assert_eq(town_put(t, 0, "k", i % 2 ? "v" : "w"), 0);
    town_run(t, 5 * US_PER_S);
}

/* ---- who serves ---------------------------------------------------------------------------------------- */

static size_t server, one, other;
static struct wire_pull_response answers[TOWN_MAX]; /* of the server, to each */

static bool answers_pass(struct town *t, size_t from, size_t to, struct bytes data) {
    struct wire_peer_message m;
    if (from == server && town_message(t, data, &m) && m.pull_response != NULL)
        answers[to] = *m.pull_response;
    return true;
}

static const struct wire_pull_response *ask(struct town *t, size_t host, struct wire_pull_request q) {
    static uint64_t asked_us;
    q.next = 1;
    q.asked_us = ++asked_us;
    cr_assert(town_say(t, host, server, &(struct wire_peer_message){.pull_request = &q}));
    town_run(t, 10 * US_PER_MS);
    cr_assert_eq(answers[host].asked_us, q.asked_us, "it is answered");
    return &answers[host];
}

/* Two hosts beside the server, which serves one of them at a time. */
static void two_ask(struct town *t) {
    town_of_chunks(t, 3);
    writes(t, 30);
    server = town_leader(t);
    one = (server + 1) % 3;
    other = (server + 2) % 3;
    t->passes = answers_pass;
}

Test(node_fetch, who_is_in_the_middle_of_a_snapshot_keeps_its_place) {
    struct town t;
    two_ask(&t);
    const struct wire_snapshot_chunk *c = ask(&t, one, (struct wire_pull_request){0})->snapshot;
    cr_assert(c != NULL && c->data.size < c->total_size);
    cr_assert(ask(&t, other, (struct wire_pull_request){.stranded = true})->busy);
    uint64_t index = c->index, size = c->total_size, last = size - CHUNK_SIZE;
    c = ask(&t, one, (struct wire_pull_request){.snapshot_index = index, .offset = CHUNK_SIZE})->snapshot;
    cr_assert(c != NULL && c->offset == CHUNK_SIZE, "it goes on");
    cr_assert(ask(&t, other, (struct wire_pull_request){.stranded = true})->busy);
    c = ask(&t, one, (struct wire_pull_request){.snapshot_index = index, .offset = last})->snapshot;
    cr_assert(c != NULL && c->offset + c->data.size == size);
    cr_assert(!ask(&t, other, (struct wire_pull_request){.stranded = true})->busy, "it has the log by now");
    cr_assert(ask(&t, one, (struct wire_pull_request){.stranded = true})->busy, "now that one is");
    town_run(&t, 4 * US_PER_S);
    cr_assert(!ask(&t, one, (struct wire_pull_request){0})->busy, "who does not ask on is not waited for");
    town_done(&t);
}

/* One that asks for the beginning all the time, as nobody does who wants the rest. */
Test(node_fetch, who_comes_no_further_loses_its_place_to_who_waits) {
    struct town t;
    two_ask(&t);
    unsigned turns[2] = {0};
    for (unsigned second = 0; second < 120; second++) {
        turns[0] += ask(&t, one, (struct wire_pull_request){.stranded = true})->snapshot != NULL;
        const struct wire_pull_response *r = &answers[other];
        struct wire_pull_request q = {.stranded = true};
        if (r->snapshot != NULL && r->snapshot->offset + CHUNK_SIZE < r->snapshot->total_size) {
            q.snapshot_index = r->snapshot->index;
            q.offset = r->snapshot->offset + CHUNK_SIZE;
        }
        turns[1] += ask(&t, other, q)->snapshot != NULL;
        town_run(&t, US_PER_S);
    }
    cr_assert_gt(turns[0], 0);
    cr_assert_gt(turns[1], 60, "%u and %u", turns[0], turns[1]);
    town_done(&t);
}

/* Each write brings an index of which there is no snapshot. */
Test(node_fetch, nobody_has_a_snapshot_made_for_itself_again_and_again) {
    struct town t;
    town_of_chunks(&t, 3);
    town_snapshots(&t, 100000, 2);
    server = town_leader(&t);
    one = (server + 1) % 3;
    size_t made = 0;
    char newest[WAL_NAME_SIZE] = "";
    for (unsigned second = 0; second < 60; second++) {
        cr_assert_eq(town_put(&t, server, "k", "v"), 0);
        struct wire_pull_request q = {.next = state_index(node_state(t.hosts[server].node)) + 1,
                                      .asked_us = second + 1,
                                      .reseed = true};
        cr_assert(town_say(&t, one, server, &(struct wire_peer_message){.pull_request = &q}));
        town_run(&t, US_PER_S);
        for (size_t i = 0; i < t.hosts[server].files_count; i++) {
            const char *name = t.hosts[server].files[i].name;
            if (strncmp(name, "snapshot-", 9) != 0 || strcmp(name, newest) <= 0)
                continue;
            memcpy(newest, name, sizeof newest);
            made++;
        }
    }
    cr_assert(made >= 1 && made <= 3, "%zu", made);
    town_done(&t);
}

/* A short absence does not make its next question a first one. */
Test(node_fetch, who_goes_away_for_a_moment_again_and_again_has_no_more_than_others) {
    struct town t;
    two_ask(&t);
    unsigned turns = 0;
    for (unsigned i = 0; i < 20; i++) {
        (void)ask(&t, one, (struct wire_pull_request){0});
        town_run(&t, 1500 * US_PER_MS);
        turns += !ask(&t, other, (struct wire_pull_request){.stranded = true})->busy;
        town_run(&t, 1600 * US_PER_MS);
    }
    cr_assert_gt(turns, 5, "%u", turns);
    town_done(&t);
}

Test(node_fetch, who_begins_anew_keeps_its_place_when_it_soon_comes_further) {
    struct town t;
    two_ask(&t);
    struct wire_snapshot_chunk c = *ask(&t, one, (struct wire_pull_request){0})->snapshot;
    struct wire_pull_request q = {.snapshot_index = c.index, .offset = 0};
    for (unsigned begun = 0; begun < 2; begun++)
        for (q.offset = 0; q.offset < (3 + begun) * CHUNK_SIZE; q.offset += CHUNK_SIZE) {
            cr_assert(ask(&t, one, q)->snapshot != NULL);
            cr_assert(ask(&t, other, (struct wire_pull_request){.stranded = true})->busy);
            town_run(&t, 2 * US_PER_S);
        }
    town_done(&t);
}

/* ---- who asks ------------------------------------------------------------------------------------------ */

static struct wire_pull_request question; /* the last one of the learner ... */
static size_t asked;                      /* ... and whom */
static struct wire_pull_response begins;  /* the last answer that holds the beginning of a snapshot */

/* No answer comes but what the test says. */
static bool questions_pass(struct town *t, size_t from, size_t to, struct bytes data) {
    struct wire_peer_message m;
    if ((from != LEARNER && to != LEARNER) || !town_message(t, data, &m))
        return true;
    if (from == LEARNER && m.pull_request != NULL) {
        question = *m.pull_request;
        asked = to;
    }
    if (to == LEARNER && m.pull_response != NULL && m.pull_response->snapshot != NULL &&
        m.pull_response->snapshot->offset == 0)
        codec_copy(&wire_pull_response_type, m.pull_response, &t->arena, &begins);
    return to != LEARNER || m.pull_response == NULL;
}

/* Whoever is asked says this; then the learner asks on. */
static void answer(struct town *t, struct wire_pull_response r) {
    town_run(t, US_PER_MS); /* questions are told apart by their time */
    uint64_t before = r.asked_us = question.asked_us;
    cr_assert(town_say(t, asked, LEARNER, &(struct wire_peer_message){.pull_response = &r}));
    for (unsigned i = 0; i < 1000 && question.asked_us == before; i++)
        town_run(t, US_PER_MS);
    cr_assert_neq(question.asked_us, before);
}

/* It is asked for again and again until its index is not that of the one before. */
static struct wire_pull_response next_snapshot(struct town *t, uint64_t than) {
    begins = (struct wire_pull_response){0};
    for (unsigned i = 0; i < 60 && (begins.snapshot == NULL || begins.snapshot->index <= than); i++)
        town_run(t, US_PER_S);
    cr_assert(begins.snapshot != NULL && begins.snapshot->index > than);
    return begins;
}

/* The first chunks of two, and a learner that has neither and whose questions nobody answers. */
static void two_snapshots(struct town *t, struct wire_pull_response *ret_older,
                          struct wire_pull_response *ret_newer) {
    town_of_chunks(t, 4);
    town_kill(t, LEARNER);
    writes(t, 30);
    t->passes = questions_pass;
    town_start(t, LEARNER);
    *ret_older = next_snapshot(t, 0);
    writes(t, 40);
    *ret_newer = next_snapshot(t, ret_older->snapshot->index);
}

Test(node_fetch, what_came_of_a_snapshot_is_given_up_for_a_newer_one_and_not_for_an_older) {
    struct town t;
    struct wire_pull_response older, newer;
    two_snapshots(&t, &older, &newer);
    answer(&t, older);
    cr_assert_eq(question.snapshot_index, older.snapshot->index);
    cr_assert_eq(question.offset, CHUNK_SIZE);
    answer(&t, newer);
    cr_assert_eq(question.snapshot_index, newer.snapshot->index);
    answer(&t, older);
    cr_assert_eq(question.snapshot_index, newer.snapshot->index);
    cr_assert_eq(question.offset, CHUNK_SIZE, "nothing is lost");
    town_run(&t, 31 * US_PER_S);
    answer(&t, older);
    cr_assert_eq(question.snapshot_index, older.snapshot->index, "it seems that nobody has the newer one");
    t.passes = NULL;
    town_run(&t, 60 * US_PER_S);
    cr_assert_eq(state_index(node_state(t.hosts[LEARNER].node)), state_index(node_state(t.hosts[0].node)));
    town_done(&t);
}

static unsigned questions;
static struct wire_pull_response one_answer;

/* Everybody answers the learner the same at once. */
static bool one_answer_pass(struct town *t, size_t from, size_t to, struct bytes data) {
    struct wire_peer_message m;
    if (to == LEARNER && town_message(t, data, &m) && m.pull_response != NULL)
        return false;
    if (from != LEARNER || !town_message(t, data, &m) || m.pull_request == NULL)
        return true;
    questions++;
    struct wire_pull_response r = one_answer;
    r.asked_us = m.pull_request->asked_us;
    (void)town_say(t, to, LEARNER, &(struct wire_peer_message){.pull_response = &r});
    return false;
}

Test(node_fetch, where_all_have_an_older_snapshot_they_are_not_asked_without_a_pause) {
    struct town t;
    struct wire_pull_response newer;
    two_snapshots(&t, &one_answer, &newer);
    answer(&t, newer);
    t.passes = one_answer_pass;
    town_run(&t, 5 * US_PER_S);
    questions = 0;
    town_run(&t, 10 * US_PER_S);
    cr_assert(questions > 0 && questions <= 20, "each is a chunk for nothing: %u", questions);
    t.passes = NULL;
    town_run(&t, 60 * US_PER_S);
    cr_assert_eq(state_index(node_state(t.hosts[LEARNER].node)), state_index(node_state(t.hosts[0].node)));
    town_done(&t);
}

Test(node_fetch, where_nobody_has_room_for_who_is_stranded_they_are_not_asked_without_a_pause) {
    struct town t;
    town_of_chunks(&t, 4);
    town_kill(&t, LEARNER);
    one_answer = (struct wire_pull_response){.busy = true};
    t.passes = one_answer_pass;
    town_start(&t, LEARNER);
    town_run(&t, 10 * US_PER_S);
    questions = 0;
    town_run(&t, 10 * US_PER_S);
    cr_assert(questions > 0 && questions <= 20, "%u", questions);
    t.passes = NULL;
    writes(&t, 1);
    cr_assert_eq(state_index(node_state(t.hosts[LEARNER].node)), state_index(node_state(t.hosts[0].node)));
    town_done(&t);
}

/* ---- what has come ------------------------------------------------------------------------------------- */

/* The parts are read in a feed each, and between two of them there is room for everything else. */
Test(node_fetch, what_has_come_is_read_in_parts_and_the_agent_answers_meanwhile) {
    struct town t;
    town_of_chunks(&t, 4);
    town_kill(&t, LEARNER);
    writes(&t, 60);
    t.copy_part_size = 8;
    town_start(&t, LEARNER);
    const struct node *n = t.hosts[LEARNER].node;
    unsigned parts = 0, answered = 0;
    for (unsigned i = 0; i < 1000000 && raft_first_index(node_raft(n)) < 40; i++) {
        town_run(&t, 20);
        if (t.hosts[LEARNER].ticks_at_once < 20)
            continue;
        parts++;
        uint64_t before = state_index(node_state(n));
        answered += town_ask(&t, LEARNER, "status", &wire_empty_type, &(struct wire_empty){0}, 0) != NULL;
        cr_assert_lt(before, 40);
    }
    cr_assert_gt(parts, 4, "%u", parts);
    cr_assert_eq(answered, parts);
    town_run(&t, 5 * US_PER_S);
    cr_assert_eq(state_index(node_state(n)), state_index(node_state(t.hosts[0].node)));
    town_done(&t);
}
