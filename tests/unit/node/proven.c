/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* What a host without a vote believes of its peers, and what becomes of a state that is not its log's. */
#include "town.h"

#define LEARNER 3 /* the fourth of four hosts: three vote */

static void town_of_four(struct town *t, uint32_t snapshot_entries, uint32_t trailing_entries) {
    town_calm(t, 4);
    if (snapshot_entries != 0)
        town_snapshots(t, snapshot_entries, trailing_entries);
    cr_assert_eq(raft_role(node_raft(t->hosts[LEARNER].node)), RAFT_LEARNER);
}

static bool has_var(const struct town *t, size_t host, const char *key) {
    return state_var_find(node_state(t->hosts[host].node), bytes_str(key)) != NULL;
}

static bool same_state(const struct town *t, size_t a, size_t b) {
    uint8_t x[16], y[16];
    const struct state *s = node_state(t->hosts[a].node), *o = node_state(t->hosts[b].node);
    state_hash(s, x);
    state_hash(o, y);
    return state_index(s) == state_index(o) && memcmp(x, y, sizeof x) == 0;
}

static void writes(struct town *t, size_t host, unsigned count) {
    for (unsigned i = 0; i < count; i++)
        cr_assert_eq(town_put(t, host, "k", i % 2 ? "v" : "w"), 0);
}

/* ---- peers that lie ------------------------------------------------------------------------------------ */

static bool lies, strips;

static uint8_t *bytes_find(struct bytes in, const char *text) {
    size_t size = strlen(text);
    for (size_t i = 0; i + size <= in.size; i++)
        if (memcmp(in.data + i, text, size) == 0)
            return (uint8_t *)(uintptr_t)in.data + i;
    return NULL;
}

/* Everybody gives the learner entries that say something else, or the true ones without a word on them. */
static bool liars_pass(struct town *t, size_t from, size_t to, struct bytes data) {
    struct wire_peer_message m;
    (void)from;
    if (to != LEARNER || codec_decode(&wire_peer_message_type, data, &t->arena, &m, NULL) != 0 ||
        m.pull_response == NULL)
        return true;
    uint8_t *at = bytes_find(data, "honest");
    if (lies && at != NULL)
        memcpy(at, "hxnest", 6);
    return !strips || (m.pull_response->checkpoint == NULL && m.pull_response->state == NULL);
}

Test(node_proven, a_learner_applies_nothing_that_a_peer_has_changed) {
    struct town t;
    town_of_four(&t, 0, 0);
    cr_assert_eq(town_put(&t, 0, "before", "x"), 0);
    town_run(&t, US_PER_S);
    cr_assert(has_var(&t, LEARNER, "before"));
    t.passes = liars_pass;
    lies = true;
    strips = false;
    cr_assert_eq(town_put(&t, 0, "honest", "x"), 0);
    town_run(&t, 20 * US_PER_S);
    cr_assert(!has_var(&t, LEARNER, "hxnest"), "it was told so");
    cr_assert(!has_var(&t, LEARNER, "honest"), "and could not know this");
    cr_assert_gt(t.hosts[LEARNER].marks.hits[MARK_LEARN_LIE_REFUSED], 0);
    struct wire_event events[64];
    size_t count = node_events_after(t.hosts[LEARNER].node, 0, events, 64), told = 0;
    for (size_t i = 0; i < count; i++)
        told += bytes_is(events[i].kind, "log.unproven");
    cr_assert_geq(told, 1, "it is told");
    lies = false;
    town_run(&t, 10 * US_PER_S);
    cr_assert(has_var(&t, LEARNER, "honest"), "from an honest one it takes the same");
    cr_assert(same_state(&t, LEARNER, 0));
    town_done(&t);
}

Test(node_proven, true_entries_wait_for_a_checkpoint) {
    struct town t;
    town_of_four(&t, 0, 0);
    t.passes = liars_pass;
    lies = false;
    strips = true;
    uint64_t before = state_index(node_state(t.hosts[LEARNER].node));
    cr_assert_eq(town_put(&t, 0, "honest", "x"), 0);
    town_run(&t, 20 * US_PER_S);
    cr_assert_eq(state_index(node_state(t.hosts[LEARNER].node)), before);
    strips = false;
    town_run(&t, 20 * US_PER_S);
    cr_assert(has_var(&t, LEARNER, "honest"));
    town_done(&t);
}

Test(node_proven, a_learner_that_was_away_takes_a_snapshot_that_a_voter_signed) {
    struct town t;
    town_of_four(&t, 8, 2);
    town_kill(&t, LEARNER);
    for (unsigned i = 0; i < 40; i++)
        cr_assert_eq(town_put(&t, 0, "honest", "x"), 0);
    t.passes = liars_pass;
    lies = true;
    strips = false;
    town_start(&t, LEARNER);
    town_run(&t, 20 * US_PER_S);
    cr_assert(!has_var(&t, LEARNER, "hxnest") && !has_var(&t, LEARNER, "honest"));
    lies = false;
    town_run(&t, 70 * US_PER_S);
    cr_assert(same_state(&t, LEARNER, 0));
    cr_assert_gt(raft_first_index(node_raft(t.hosts[LEARNER].node)), 20);
    town_done(&t);
}

/* The word on a state is of one whose vote nobody knows: here, of nobody at all. */
static unsigned states_spoilt;

static bool states_pass(struct town *t, size_t from, size_t to, struct bytes data) {
    struct wire_peer_message m;
    (void)from;
    if (to != LEARNER || codec_decode(&wire_peer_message_type, data, &t->arena, &m, NULL) != 0 ||
        m.pull_response == NULL || m.pull_response->state == NULL)
        return true;
    struct bytes signature = m.pull_response->state->signature;
    for (size_t i = 0; i + signature.size <= data.size; i++)
        if (memcmp(data.data + i, signature.data, signature.size) == 0) {
            ((uint8_t *)(uintptr_t)data.data)[i] ^= 1;
            states_spoilt++;
            break;
        }
    return true;
}

Test(node_proven, a_word_on_a_state_that_is_not_believed_holds_back_no_entries) {
    struct town t;
    town_of_four(&t, 0, 0);
    writes(&t, 0, 300);
    t.passes = states_pass;
    town_kill(&t, LEARNER);
    cr_assert_eq(town_put(&t, 0, "honest", "x"), 0);
    town_start(&t, LEARNER);
    town_run(&t, 20 * US_PER_S);
    cr_assert_gt(states_spoilt, 0);
    cr_assert(has_var(&t, LEARNER, "honest"));
    town_done(&t);
}

/* ---- states that differ -------------------------------------------------------------------------------- */

/* An answered write that nobody asked for appears in the state. */
static void rot(struct town *t, size_t host) {
    struct state *state = (struct state *)(uintptr_t)node_state(t->hosts[host].node);
    struct buf bytes = {0};
    struct wire_state_snapshot s;
    state_snapshot(state, &bytes);
    cr_assert_eq(codec_decode(&wire_state_snapshot_type, buf_bytes(&bytes), &t->arena, &s, NULL), 0);
    struct wire_request_record *requests = arena_alloc(&t->arena, (s.requests_count + 1) * sizeof *requests);
    mem_copy(requests, s.requests, s.requests_count * sizeof *requests);
    requests[s.requests_count] = (struct wire_request_record){.id = {{0xee}}, .index = s.index};
    s.requests = requests;
    s.requests_count++;
    buf_clear(&bytes);
    codec_encode(&wire_state_snapshot_type, &s, &bytes);
    cr_assert_eq(state_restore(state, buf_bytes(&bytes)), 0);
    buf_done(&bytes);
}

Test(node_proven, a_learner_whose_state_differs_says_so_and_takes_it_anew) {
    struct town t;
    town_of_four(&t, 64, 32);
    rot(&t, LEARNER);
    cr_assert(!same_state(&t, LEARNER, 0));
    writes(&t, 0, 40);
    town_run(&t, 20 * US_PER_S);
    cr_assert_eq(t.hosts[LEARNER].marks.hits[MARK_LEARN_STATE_DIFFERS], 1);
    cr_assert_eq(t.hosts[LEARNER].marks.hits[MARK_LEARN_STATE_RESEEDED], 1);
    cr_assert(same_state(&t, LEARNER, 0));
    town_restart(&t, LEARNER);
    town_run(&t, 10 * US_PER_S);
    cr_assert(same_state(&t, LEARNER, 0), "on the disk, too");
    town_done(&t);
}

Test(node_proven, a_voter_that_differs_from_a_majority_gives_up_its_log_and_comes_back) {
    struct town t;
    town_of_four(&t, 64, 32);
    size_t leader = town_leader(&t), wrong = TOWN_MAX;
    for (size_t i = 0; i < 4; i++)
        if (raft_role(node_raft(t.hosts[i].node)) == RAFT_FOLLOWER)
            wrong = i;
    cr_assert(leader != TOWN_MAX && wrong != TOWN_MAX);
    struct raft_id id = raft_self(node_raft(t.hosts[wrong].node));
    rot(&t, wrong);
    writes(&t, leader, 60);
    town_run(&t, 60 * US_PER_S);
    cr_assert_eq(t.hosts[wrong].marks.hits[MARK_LEARN_STATE_DIFFERS], 1);
    struct raft_id now = raft_self(node_raft(t.hosts[wrong].node));
    cr_assert(!ID_EQUAL(id.log, now.log), "another log");
    cr_assert(same_state(&t, wrong, leader));
    for (size_t i = 0; i < 4; i++)
        cr_assert_eq(t.hosts[i].marks.hits[MARK_LEARN_STATE_DIFFERS], i == wrong, "h%zu", i);
    town_done(&t);
}

Test(node_proven, a_leader_that_differs_hands_over_first) {
    struct town t;
    town_of_four(&t, 64, 32);
    size_t leader = town_leader(&t);
    rot(&t, leader);
    writes(&t, LEARNER, 60);
    town_run(&t, 60 * US_PER_S);
    cr_assert_eq(t.hosts[leader].marks.hits[MARK_LEARN_STATE_DIFFERS], 1);
    for (size_t i = 0; i < 4; i++)
        cr_assert(same_state(&t, i, leader), "h%zu", i);
    town_done(&t);
}

/* ---- two states, and no majority ----------------------------------------------------------------------- */

static size_t told(const struct town *t, size_t host, const char *kind) {
    struct wire_event events[256];
    size_t count = node_events_after(t->hosts[host].node, 0, events, 256), found = 0;
    for (size_t i = 0; i < count; i++)
        found += bytes_is(events[i].kind, kind);
    return found;
}

/* Of three voters two are left, and nobody is there to take the place of the third. */
static void town_of_two(struct town *t, size_t *ret_leader, size_t *ret_other) {
    town_of_four(t, 64, 32);
    *ret_leader = town_leader(t);
    cr_assert_lt(*ret_leader, LEARNER);
    *ret_other = *ret_leader == 0 ? 1 : 0;
    town_kill(t, LEARNER);
    town_kill(t, 3 - *ret_leader - *ret_other);
    town_run(t, US_PER_S);
}

static void two_differ(bool leader_is_wrong) {
    struct town t;
    size_t leader, other;
    town_of_two(&t, &leader, &other);
    size_t wrong = leader_is_wrong ? leader : other, right = leader_is_wrong ? other : leader;
    struct raft_id id = raft_self(node_raft(t.hosts[wrong].node));
    rot(&t, wrong);
    writes(&t, leader, 20);
    town_run(&t, 10 * US_PER_S);
    struct raft_id now = raft_self(node_raft(t.hosts[wrong].node));
    cr_assert(same_state(&t, wrong, right));
    cr_assert(raft_id_equal(&now, &id), "its log was right");
    cr_assert_eq(told(&t, wrong, "state.differs"), 1);
    cr_assert_eq(told(&t, right, "state.differs"), 0);
    cr_assert_eq(told(&t, right, "state.disputed"), 1);
    cr_assert_eq(told(&t, right, "state.settled"), 0);
    writes(&t, leader, 20);
    cr_assert_eq(told(&t, right, "state.settled"), 1);
    town_done(&t);
}

Test(node_proven, of_two_voters_the_one_whose_own_log_says_otherwise_takes_its_state_anew) {
    two_differ(false);
}

Test(node_proven, of_two_voters_the_leader_whose_own_log_says_otherwise_takes_its_state_anew) {
    two_differ(true);
}

/* Right before its snapshot is due, or so: what tells it that its memory was wrong is the one before. A
 * leader applies first, and has heard of nobody by then. */
Test(node_proven, of_two_voters_one_is_not_too_late_with_the_snapshot_before_its_fault) {
    for (unsigned before = 0; before < 12; before++) {
        struct town t;
        size_t leader, other;
        town_calm(&t, 3);
        town_snapshots(&t, 8, 64);
        leader = town_leader(&t);
        other = (leader + 1) % 3;
        town_kill(&t, 3 - leader - other);
        town_run(&t, US_PER_S);
        writes(&t, leader, 20 + before);
        rot(&t, leader);
        writes(&t, leader, 12);
        town_run(&t, 10 * US_PER_S);
        cr_assert_eq(told(&t, leader, "state.differs"), 1, "%u", before);
        cr_assert(same_state(&t, other, leader), "%u", before);
        town_done(&t);
    }
}

static bool unreported_pass(struct town *t, size_t from, size_t to, struct bytes data) {
    struct wire_peer_message m;
    (void)from, (void)to;
    return !town_message(t, data, &m) || m.state_report == NULL;
}

static struct wire_admin_status status_of(struct town *t, size_t host) {
    struct wire_admin_status status;
    town_read(t, town_ask(t, host, "status", &wire_empty_type, &(struct wire_empty){0}, 0),
              &wire_admin_status_type, &status);
    return status;
}

static bool advises(struct town *t, size_t host, const char *text) {
    return bytes_find(status_of(t, host).advice, text) != NULL;
}

Test(node_proven, what_no_majority_can_tell_is_told_to_the_operator_and_vouched_for_by_nobody) {
    struct town t;
    size_t leader, wrong;
    town_of_two(&t, &leader, &wrong);
    t.passes = unreported_pass; /* until the fault is in its snapshot, too */
    rot(&t, wrong);
    writes(&t, leader, 200);
    town_run(&t, 6 * US_PER_S);
    t.passes = NULL;
    writes(&t, leader, 20);
    town_run(&t, 10 * US_PER_S);
    for (size_t i = 0; i < 2; i++) {
        size_t host = i == 0 ? leader : wrong;
        cr_assert_eq(told(&t, host, "state.disputed"), 1, "h%zu", host);
        cr_assert_eq(told(&t, host, "state.differs"), 0, "h%zu", host);
        cr_assert(advises(&t, host, "the voters have two states"));
    }
    town_start(&t, LEARNER);
    town_run(&t, 5 * US_PER_S);
    cr_assert_lt(state_index(node_state(t.hosts[LEARNER].node)), state_index(node_state(t.hosts[wrong].node)),
                 "it needs a snapshot");
    town_run(&t, 90 * US_PER_S); /* it gets the third's vote, and with it the leader's state */
    writes(&t, leader, 20);
    town_run(&t, 30 * US_PER_S);
    cr_assert_eq(told(&t, wrong, "state.differs"), 1);
    cr_assert(same_state(&t, leader, LEARNER) && same_state(&t, leader, wrong));
    cr_assert(!advises(&t, leader, "the voters have two states"));
    town_done(&t);
}

/* ---- an office that nobody keeps ----------------------------------------------------------------------- */

static size_t unheard = TOWN_MAX; /* this host cannot ask whether its log can be spared */

static bool unheard_pass(struct town *t, size_t from, size_t to, struct bytes data) {
    struct wire_peer_message m;
    (void)to;
    return from != unheard || !town_message(t, data, &m) || m.pull_request == NULL;
}

/* The one that differs cannot ask to be spared, and nobody is there to take its vote. */
static void excluded_leader(unsigned which) {
    struct town t;
    town_of_four(&t, 64, 32);
    size_t leader = town_leader(&t), wrong = (leader + 1 + which) % 3, fit = (leader + 2 - which) % 3;
    cr_assert_lt(leader, LEARNER);
    town_kill(&t, LEARNER);
    t.passes = unheard_pass;
    unheard = wrong;
    rot(&t, wrong);
    writes(&t, leader, 20);
    cr_assert_eq(told(&t, wrong, "state.differs"), 1);
    struct wire_admin_vote v = {.node = bytes_str(t.hosts[leader].name), .vote = VOTE_RULE_EXCLUDE};
    (void)town_call(&t, leader, "vote", &wire_admin_vote_type, &v);
    town_start(&t, LEARNER);
    town_run(&t, 30 * US_PER_S);
    cr_assert_eq(t.hosts[wrong].marks.hits[MARK_RAFT_TRANSFER_TAKEN], 0);
    cr_assert_eq(t.hosts[fit].marks.hits[MARK_RAFT_TRANSFER_TAKEN], 1);
    cr_assert_eq(town_leader(&t), fit);
    town_done(&t);
}

Test(node_proven, who_does_not_take_the_office_is_not_named_again_first) {
    excluded_leader(0);
    excluded_leader(1);
}

/*
 * Of the two voters that are left one is to lose its vote, and the other cannot trust its state; who is to
 * come in the place of the third is there and has to be sent the log.
 */
Test(node_proven, a_leader_whose_vote_goes_and_a_voter_that_differs_do_not_pass_the_office_for_ever) {
    struct town t;
    town_of_four(&t, 64, 32);
    size_t leader = town_leader(&t), wrong = leader == 0 ? 1 : 0, third = 3 - leader - wrong;
    cr_assert_lt(leader, LEARNER);
    struct raft_id id = raft_self(node_raft(t.hosts[wrong].node));
    t.passes = unheard_pass;
    unheard = wrong;
    rot(&t, wrong);
    writes(&t, leader, 60);
    town_run(&t, 2 * US_PER_S);
    cr_assert_eq(t.hosts[wrong].marks.hits[MARK_LEARN_STATE_DIFFERS], 1);
    town_kill(&t, third);
    town_kill(&t, LEARNER);
    t.passes = NULL;
    town_run(&t, 70 * US_PER_S); /* until no vote waits any longer for the learner to come */
    cr_assert_eq(town_leader(&t), leader);
    struct wire_admin_vote v = {.node = bytes_str(t.hosts[leader].name), .vote = VOTE_RULE_EXCLUDE};
    (void)town_call(&t, leader, "vote", &wire_admin_vote_type, &v);
    town_run(&t, 2 * US_PER_S);
    uint64_t term = raft_term(node_raft(t.hosts[leader].node));
    town_lose_disk(&t, third);
    town_start(&t, third);
    town_run(&t, 30 * US_PER_S);
    cr_assert_eq(t.hosts[wrong].marks.hits[MARK_RAFT_TRANSFER_TAKEN], 0);
    cr_assert_lt(raft_term(node_raft(t.hosts[leader].node)), term + 5);
    cr_assert_null(strstr(town_voters(&t, third), t.hosts[leader].name), "%s", town_voters(&t, third));
    struct raft_id now = raft_self(node_raft(t.hosts[wrong].node));
    cr_assert(raft_id_equal(&now, &id), "of the two that vote nobody can do without this one");
    town_start(&t, LEARNER);
    town_run(&t, 20 * US_PER_S);
    writes(&t, third, 20);
    town_run(&t, 60 * US_PER_S);
    for (size_t i = 0; i < 4; i++)
        cr_assert(same_state(&t, i, third), "h%zu", i);
    town_done(&t);
}

/* ---- formats ------------------------------------------------------------------------------------------- */

/* node's own, which puts commands into the log: there is no kind of a later format yet. */
int node_propose(struct node *n, const struct wire_command *command, uint64_t *ret_index);

static int propose_later(struct town *t, const char *key) {
    struct wire_cmd_var var = {.key = bytes_str(key), .value = bytes_str("v")};
    int error =
        node_propose(t->hosts[town_leader(t)].node, &(struct wire_command){.format = 2, .var = &var}, NULL);
    town_run(t, 2 * US_PER_S);
    return error;
}

Test(node_format, an_older_voter_holds_back_what_it_does_not_know) {
    struct town t;
    town_calm(&t, 3);
    for (size_t i = 0; i < 3; i++) {
        t.hosts[i].format = i == 1 ? 1 : 2;
        town_restart(&t, i);
        town_run(&t, 20 * US_PER_S);
    }
    if (town_leader(&t) == 1) {
        town_kill(&t, 1);
        town_run(&t, 3 * US_PER_S);
        town_start(&t, 1);
        town_run(&t, 20 * US_PER_S);
    }
    cr_assert_neq(town_leader(&t), 1);
    cr_assert_eq(propose_later(&t, "new"), ERR_VERSION);
    cr_assert_eq(propose_later(&t, "new"), ERR_VERSION);
    cr_assert(!has_var(&t, 0, "new"));
    t.hosts[1].format = 2;
    town_restart(&t, 1);
    town_run(&t, 20 * US_PER_S);
    cr_assert_eq(propose_later(&t, "new"), 0, "all know it");
    for (size_t i = 0; i < 3; i++)
        cr_assert(has_var(&t, i, "new"));
    t.hosts[3].format = 1;
    town_add(&t, "");
    town_run(&t, 20 * US_PER_S);
    cr_assert_eq(state_nodes_count(node_state(t.hosts[0].node)), 3, "an older one cannot join any more");
    t.hosts[3].format = 2;
    town_restart(&t, 3);
    town_run(&t, 20 * US_PER_S);
    cr_assert_eq(state_nodes_count(node_state(t.hosts[0].node)), 4);
    town_done(&t);
}

Test(node_format, a_replica_stops_at_an_entry_that_it_does_not_know_and_never_skips_it) {
    struct town t;
    town_calm(&t, 3);
    for (size_t i = 0; i < 3; i++) {
        t.hosts[i].format = 2;
        town_restart(&t, i);
        town_run(&t, 20 * US_PER_S);
    }
    size_t leader = town_leader(&t), old = (leader + 1) % 3;
    cr_assert_eq(propose_later(&t, "new"), 0);
    cr_assert_eq(propose_later(&t, "new2"), 0);
    uint64_t before = state_index(node_state(t.hosts[old].node));
    town_kill(&t, old);
    t.hosts[old].format = 1; /* somebody put the older version back */
    town_start(&t, old);
    town_run(&t, 10 * US_PER_S);
    cr_assert_eq(t.hosts[old].marks.hits[MARK_LEARN_FORMAT_UNKNOWN], 1);
    cr_assert_lt(state_index(node_state(t.hosts[old].node)), before);
    uint64_t stopped = state_index(node_state(t.hosts[old].node));
    cr_assert_eq(town_put(&t, leader, "later", "x"), 0);
    town_run(&t, 10 * US_PER_S);
    cr_assert_eq(state_index(node_state(t.hosts[old].node)), stopped, "nothing behind it is applied either");
    cr_assert_gt(raft_commit_index(node_raft(t.hosts[old].node)), stopped, "its log goes on");
    struct wire_admin_status status = status_of(&t, old);
    cr_assert_neq(bytes_find(status.log_state, "needs log format 2"), NULL, "%.*s",
                  BYTES_FMT(status.log_state));
    town_kill(&t, old);
    t.hosts[old].format = 2;
    town_start(&t, old);
    town_run(&t, 10 * US_PER_S);
    cr_assert(has_var(&t, old, "new") && has_var(&t, old, "new2") && has_var(&t, old, "later"));
    cr_assert(same_state(&t, old, leader));
    town_done(&t);
}

/* ---- snapshots of a later format ----------------------------------------------------------------------- */

static struct {
    size_t to;
    unsigned chunks; /* of snapshots, that came to it ... */
    uint64_t bytes;
    bool pulled; /* ... as answers to what it asked */
} fetched;

static bool fetched_pass(struct town *t, size_t from, size_t to, struct bytes data) {
    struct wire_peer_message m;
    (void)from;
    if (to != fetched.to || !town_message(t, data, &m))
        return true;
    const struct wire_snapshot_chunk *c = m.pull_response != NULL ? m.pull_response->snapshot
                                          : m.raft != NULL        ? m.raft->snapshot_chunk
                                                                  : NULL;
    if (c != NULL) {
        fetched.chunks++;
        fetched.bytes += c->data.size;
        fetched.pulled |= m.pull_response != NULL;
    }
    return true;
}

/* All know format 2, and the state has needed it; `old` was away, its log is cut, and it knows only 1 now. */
static void downgraded(struct town *t, size_t old) {
    for (size_t i = 0; i < t->count; i++) {
        t->hosts[i].format = 2;
        town_restart(t, i);
        town_run(t, 20 * US_PER_S);
    }
    t->chunk_size_bytes = 64;
    town_snapshots(t, 8, 2);
    town_kill(t, old);
    town_run(t, 3 * US_PER_S);
    cr_assert_eq(propose_later(t, "new"), 0);
    writes(t, town_leader(t), 40);
    t->hosts[old].format = 1;
    t->passes = fetched_pass;
    fetched.to = old;
    fetched.chunks = 0;
    fetched.bytes = 0;
    fetched.pulled = false;
    town_start(t, old);
    town_run(t, 20 * US_PER_S);
}

static uint64_t state_size(const struct town *t) {
    struct buf whole = {0};
    state_snapshot(node_state(t->hosts[town_leader(t)].node), &whole);
    uint64_t size = whole.size;
    buf_done(&whole);
    return size;
}

static void unreadable_is_fetched_once(size_t hosts, size_t old) {
    struct town t;
    struct wire_admin_status status;
    town_calm(&t, hosts);
    if (old == TOWN_MAX)
        old = (town_leader(&t) + 1) % 3;
    uint64_t before = state_index(node_state(t.hosts[old].node));
    downgraded(&t, old);
    uint64_t once = fetched.bytes, size = state_size(&t);
    cr_assert_eq(fetched.pulled, hosts == 4);
    cr_assert(once > size / 2 && once < size * 3 / 2, "%llu of %llu", (unsigned long long)once,
              (unsigned long long)size);
    cr_assert_lt(state_index(node_state(t.hosts[old].node)), before + 20);
    cr_assert_eq(told(&t, old, "log.format"), 1);
    status = status_of(&t, old);
    cr_assert_neq(bytes_find(status.log_state, "needs log format 2"), NULL, "%.*s",
                  BYTES_FMT(status.log_state));
    cr_assert_neq(bytes_find(status.log_state, "upgraded"), NULL);
    for (unsigned i = 0; i < 10; i++) { /* others make later ones meanwhile */
        writes(&t, town_leader(&t), 16);
        town_run(&t, 20 * US_PER_S);
    }
    cr_assert_lt(fetched.bytes - once, 50 * 64, "and hardly more in 200 s");
    town_run(&t, 120 * US_PER_S);
    size = state_size(&t);
    cr_assert_gt(fetched.bytes - once, size / 2, "a later one is tried, after long");
    cr_assert_lt(fetched.bytes - once, size * 3 / 2);
    town_kill(&t, old);
    t.hosts[old].format = 2;
    town_start(&t, old);
    town_run(&t, 20 * US_PER_S);
    cr_assert(same_state(&t, old, town_leader(&t)) && has_var(&t, old, "new"));
    status = status_of(&t, old);
    cr_assert(bytes_is(status.log_state, "ok"), "%.*s", BYTES_FMT(status.log_state));
    town_done(&t);
}

Test(node_format, a_snapshot_that_a_learner_cannot_read_is_fetched_once_and_told) {
    unreadable_is_fetched_once(4, LEARNER);
}

Test(node_format, a_snapshot_that_a_voter_cannot_read_is_sent_once_and_told) {
    unreadable_is_fetched_once(3, TOWN_MAX);
}
