/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* What operators see of hosts and say of them: who sees whom, drain, forget, announced absence. */
#include <covey/swim.h>

#include <stdio.h>

#include "town.h"

static const struct wire_node_record *record(const struct town *t, size_t at, size_t of) {
    const struct state *s = node_state(t->hosts[at].node);
    for (size_t i = 0; i < state_nodes_count(s); i++)
        if (bytes_is(state_node_at(s, i)->name, t->hosts[of].name))
            return state_node_at(s, i);
    return NULL;
}

static int drain(struct town *t, size_t at, size_t of, bool off) {
    struct wire_admin_drain q = {.node = bytes_str(t->hosts[of].name), .off = off};
    const struct town_reply *r = town_ask(t, at, "drain", &wire_admin_drain_type, &q, 2 * US_PER_S);
    return r != NULL ? r->error : 1;
}

static int forget(struct town *t, size_t at, const char *name, bool force) {
    struct wire_admin_forget q = {.node = bytes_str(name), .force = force};
    const struct town_reply *r = town_ask(t, at, "forget", &wire_admin_forget_type, &q, 2 * US_PER_S);
    return r != NULL ? r->error : 1;
}

static int away(struct town *t, size_t at, size_t of, uint64_t ms) {
    struct wire_admin_away q = {.node = bytes_str(t->hosts[of].name), .for_ms = ms};
    const struct town_reply *r = town_ask(t, at, "away", &wire_admin_away_type, &q, 2 * US_PER_S);
    return r != NULL ? r->error : 1;
}

static struct wire_admin_nodes nodes(struct town *t, size_t at) {
    struct wire_admin_nodes n = {0};
    struct wire_admin_read_query q = {0};
    town_read(t, town_ask(t, at, "nodes", &wire_admin_read_query_type, &q, US_PER_S), &wire_admin_nodes_type,
              &n);
    return n;
}

static const struct wire_admin_node *node(struct town *t, size_t at, size_t of) {
    struct wire_admin_nodes n = nodes(t, at);
    for (size_t i = 0; i < n.nodes_count; i++)
        if (bytes_is(n.nodes[i].record.name, t->hosts[of].name))
            return &n.nodes[i];
    return NULL;
}

static struct wire_admin_matrix matrix(struct town *t, size_t at, int64_t us) {
    struct wire_admin_matrix m = {0};
    struct wire_admin_matrix_query q = {0};
    town_read(t, town_ask(t, at, "matrix", &wire_admin_matrix_query_type, &q, us), &wire_admin_matrix_type,
              &m);
    return m;
}

static const struct wire_admin_matrix_row *row(const struct wire_admin_matrix *m, const char *name) {
    for (size_t i = 0; i < m->rows_count; i++)
        if (bytes_is(m->rows[i].name, name))
            return &m->rows[i];
    return NULL;
}

/* ---- seeing ---- */

Test(node_hosts, nodes_tells_how_old_a_fact_is_and_who_says_so) {
    struct town t;
    town_calm(&t, 3);
    const struct wire_admin_node *n = node(&t, 0, 1), *self = node(&t, 0, 0);
    cr_assert(self->self && !self->never && self->heard_ms == 0);
    cr_assert(!n->never && n->heard_ms < 10000 && n->since_ms > 5000 && n->rtt_us > 0 && n->indirect_ms == 0);
    cr_assert_eq(n->accuser.size, 0);
    town_away(&t, 1, true);
    town_run(&t, 30 * US_PER_S);
    n = node(&t, 0, 1);
    cr_assert_eq(n->state, MEMBER_STATE_DEAD);
    cr_assert(n->accuser.size > 0 && n->heard_ms > 20000 && n->since_ms > 10000 && n->since_ms < 31000);
    town_done(&t);
}

Test(node_matrix, everybody_that_sees_everybody_tells_of_no_exception) {
    struct town t;
    town_calm(&t, 4);
    struct wire_admin_matrix m = matrix(&t, 2, US_PER_S);
    cr_assert(m.rows_count == 4 && m.answered == 4 && m.one_way_count == 0);
    for (size_t i = 0; i < 4; i++)
        cr_assert(m.rows[i].answered && m.rows[i].sights_count == 0 && m.rows[i].alive == 4 &&
                  m.rows[i].members == 4);
    town_done(&t);
}

Test(node_matrix, the_small_side_of_a_split_tells_what_it_reaches_and_why_not_the_rest) {
    struct town t;
    town_calm(&t, 4);
    town_away(&t, 3, true);
    struct wire_admin_matrix m = matrix(&t, 3, 5 * US_PER_S);
    cr_assert_eq(m.answered, 1, "before gossip knows: nobody answers in time");
    cr_assert(row(&m, "h0")->why.size > 0 && !row(&m, "h0")->answered);
    town_run(&t, 40 * US_PER_S);
    m = matrix(&t, 3, US_PER_S);
    cr_assert_eq(m.answered, 1, "those held dead are not waited for");
    cr_assert(bytes_starts(row(&m, "h0")->why, bytes_str("held dead for ")), "%.*s",
              BYTES_FMT(row(&m, "h0")->why));
    const struct wire_admin_matrix_row *own = row(&m, "h3");
    cr_assert(own->answered && own->sights_count == 3 && own->alive == 1);
    cr_assert_eq(own->sights[0].sight, MEMBER_SIGHT_DEAD);
    m = matrix(&t, 0, US_PER_S);
    cr_assert_eq(m.answered, 3);
    cr_assert(row(&m, "h1")->sights_count == 1 && bytes_is(row(&m, "h1")->sights[0].name, "h3"));
    town_done(&t);
}

static enum member_sight sight(const struct wire_admin_matrix *m, const char *at, const char *of) {
    const struct wire_admin_matrix_row *r = row(m, at);
    for (size_t i = 0; i < r->sights_count; i++)
        if (bytes_is(r->sights[i].name, of))
            return r->sights[i].sight;
    return MEMBER_SIGHT_DIRECT;
}

/*
 * A probe fails at both ends of such a link; the one that still hears the other knows which way it passes.
 * Between two followers: streams, which a leader has to them, are signs of life, too.
 */
Test(node_matrix, a_link_that_passes_packets_one_way_is_told_with_the_way) {
    struct town t;
    size_t leader = town_calm(&t, 3), x = (leader + 1) % 3, y = (leader + 2) % 3;
    const char *x_name = t.hosts[x].name, *y_name = t.hosts[y].name;
    t.shut[x][y] = true;
    town_run(&t, 40 * US_PER_S);
    struct wire_admin_matrix m = matrix(&t, leader, US_PER_S);
    cr_assert_eq(m.one_way_count, 1);
    cr_assert(bytes_is(m.one_way[0].from, y_name) && bytes_is(m.one_way[0].to, x_name));
    cr_assert_eq(sight(&m, x_name, y_name), MEMBER_SIGHT_HEARS);
    cr_assert_eq(sight(&m, y_name, x_name), MEMBER_SIGHT_INDIRECT);
    cr_assert_eq(row(&m, t.hosts[leader].name)->sights_count, 0);
    t.shut[y][x] = true;
    town_run(&t, 40 * US_PER_S);
    m = matrix(&t, leader, US_PER_S);
    cr_assert_eq(m.one_way_count, 0, "shut both ways");
    cr_assert_eq(sight(&m, y_name, x_name), MEMBER_SIGHT_INDIRECT);
    t.shut[x][y] = t.shut[y][x] = false;
    town_run(&t, 40 * US_PER_S);
    m = matrix(&t, leader, US_PER_S);
    cr_assert(m.answered == 3 && m.one_way_count == 0 && row(&m, x_name)->sights_count == 0);
    town_done(&t);
}

Test(node_matrix, only_a_few_are_gathered_at_a_time) {
    struct town t;
    struct wire_admin_matrix_query q = {.wait_ms = 60000};
    uint64_t requests[5];
    town_init(&t, 2, NULL);
    town_run(&t, 10 * US_PER_S);
    town_away(&t, 1, true);
    for (unsigned i = 0; i < 5; i++)
        requests[i] = town_call(&t, 0, "matrix", &wire_admin_matrix_query_type, &q);
    town_run(&t, 10 * US_PER_MS);
    cr_assert_eq(town_reply(&t, 0, requests[4])->error, ERR_BUSY);
    town_run(&t, 11 * US_PER_S);
    for (unsigned i = 0; i < 4; i++)
        cr_assert(town_reply(&t, 0, requests[i]) != NULL && town_reply(&t, 0, requests[i])->error == 0,
                  "no longer than ten seconds");
    town_done(&t);
}

/* ---- drain ---- */

Test(node_drain, leadership_and_vote_go_and_a_new_run_of_the_host_changes_nothing) {
    struct town t;
    size_t host = town_calm(&t, 4), other = (host + 1) % 4;
    cr_assert_eq(drain(&t, other, host, false), 0);
    town_run(&t, 30 * US_PER_S);
    cr_assert(town_leader(&t) != TOWN_MAX && town_leader(&t) != host);
    cr_assert_null(strstr(town_voters(&t, other), t.hosts[host].name));
    cr_assert(node(&t, other, host)->drained);
    town_restart(&t, host);
    town_run(&t, 20 * US_PER_S);
    cr_assert(record(&t, other, host)->drain);
    cr_assert_eq(drain(&t, host, host, true), 0);
    town_run(&t, 30 * US_PER_S);
    cr_assert(!record(&t, other, host)->drain && !node(&t, other, host)->drained);
    town_done(&t);
}

Test(node_drain, the_only_voter_keeps_its_vote) {
    struct town t;
    town_init(&t, 1, NULL);
    cr_assert_eq(drain(&t, 0, 0, false), 0);
    town_run(&t, 30 * US_PER_S);
    cr_assert_str_eq(town_voters(&t, 0), "h0");
    cr_assert_eq(town_put(&t, 0, "k", "v"), 0);
    town_done(&t);
}

/* ---- forget ---- */

Test(node_forget, a_dead_voter_loses_its_vote_first_and_comes_back_as_nobody) {
    struct town t;
    size_t host = town_calm(&t, 4) == 0 ? 1 : 0;
    for (size_t i = 1; i < 4; i++)
        if (i != town_leader(&t) && strstr(town_voters(&t, 0), t.hosts[i].name) != NULL)
            host = i;
    size_t other = town_leader(&t);
    struct node_id id = node_self(t.hosts[host].node);
    town_kill(&t, host);
    town_run(&t, 20 * US_PER_S);
    cr_assert_eq(forget(&t, other, t.hosts[host].name, false), 0);
    town_run(&t, 20 * US_PER_S);
    cr_assert_null(record(&t, other, host));
    cr_assert_null(strstr(town_voters(&t, other), t.hosts[host].name));
    town_start(&t, host);
    town_run(&t, 60 * US_PER_S);
    struct swim_member m;
    for (size_t i = 0; i < 4; i++) {
        cr_assert(i == host || record(&t, i, host) == NULL);
        cr_assert(i == host || !swim_member_find(node_swim(t.hosts[i].node), id, &m) ||
                      m.state != MEMBER_STATE_ALIVE,
                  "it is not believed");
    }
    cr_assert_eq(town_put(&t, other, "k", "v"), 0);
    town_done(&t);
}

Test(node_forget, a_live_host_is_refused_and_forced_it_leaves) {
    struct town t;
    size_t host = town_calm(&t, 4), other = (host + 1) % 4;
    cr_assert_eq(forget(&t, other, t.hosts[host].name, false), ERR_CONFLICT);
    cr_assert_eq(record(&t, other, host)->status, NODE_STATUS_READY);
    cr_assert_eq(forget(&t, other, "nobody", false), ERR_NOT_FOUND);
    cr_assert_eq(forget(&t, other, t.hosts[host].name, true), 0);
    town_run(&t, 60 * US_PER_S);
    cr_assert_null(record(&t, other, host));
    cr_assert_eq(node_deadline(t.hosts[host].node), TIME_NEVER_US, "its agent has ended");
    cr_assert_eq(town_put(&t, other, "k", "v"), 0);
    town_done(&t);
}

Test(node_forget, the_last_voter_is_not_taken_out) {
    struct town t;
    town_init(&t, 2, NULL);
    town_run(&t, 10 * US_PER_S);
    size_t voter = town_leader(&t), other = 1 - voter;
    cr_assert_eq(drain(&t, voter, other, false), 0);
    cr_assert_eq(forget(&t, voter, t.hosts[voter].name, true), ERR_CONFLICT, "nobody could take its vote");
    cr_assert_eq(drain(&t, voter, other, true), 0);
    town_kill(&t, other);
    town_run(&t, 20 * US_PER_S);
    cr_assert_eq(forget(&t, voter, t.hosts[voter].name, true), ERR_CONFLICT);
    cr_assert_eq(forget(&t, voter, t.hosts[other].name, false), 0);
    town_run(&t, 10 * US_PER_S);
    cr_assert_null(record(&t, voter, other));
    cr_assert_eq(forget(&t, voter, t.hosts[voter].name, true), ERR_CONFLICT, "the only host");
    cr_assert_eq(town_put(&t, voter, "k", "v"), 0);
    town_done(&t);
}

/* ---- away ---- */

static uint64_t away_ms(const struct town *t, size_t at, size_t of) { return record(t, at, of)->away_ms; }

Test(node_away, it_ends_after_its_time_whoever_leads) {
    struct town t;
    size_t leader = town_calm(&t, 4), host = (leader + 1) % 4, other = (leader + 2) % 4;
    cr_assert_eq(away(&t, other, host, 60000), 0);
    int64_t began = t.now_us - 2 * US_PER_S;
    town_kill(&t, host);
    town_run(&t, began + 25 * US_PER_S - t.now_us);
    cr_assert(away_ms(&t, other, host) > 30000 && away_ms(&t, other, host) < 50000,
              "what is left is written down");
    town_kill(&t, leader);
    town_run(&t, 2 * US_PER_S);
    town_start(&t, leader);
    town_run(&t, began + 58 * US_PER_S - t.now_us);
    cr_assert_neq(away_ms(&t, other, host), 0, "not before");
    town_run(&t, began + 75 * US_PER_S - t.now_us);
    cr_assert_eq(away_ms(&t, other, host), 0);
    cr_assert_eq(record(&t, other, host)->away_until_ms, 0);
    town_done(&t);
}

Test(node_away, a_leader_that_has_just_begun_anew_counts_on_from_what_was_written_down) {
    struct town t;
    town_init(&t, 2, NULL);
    town_run(&t, 10 * US_PER_S);
    size_t voter = town_leader(&t), host = 1 - voter;
    cr_assert_eq(away(&t, voter, host, 60000), 0);
    int64_t began = t.now_us - 2 * US_PER_S;
    town_kill(&t, host);
    for (unsigned i = 0; i < 6; i++) { /* it would never end, if each run began to count from the beginning */
        town_run(&t, 12 * US_PER_S);
        town_restart(&t, voter);
    }
    town_run(&t, 30 * US_PER_S);
    cr_assert_eq(away_ms(&t, voter, host), 0, "%lld s after", (long long)((t.now_us - began) / US_PER_S));
    town_done(&t);
}

Test(node_away, it_ends_when_the_agent_is_back) {
    struct town t;
    size_t leader = town_calm(&t, 3), host = (leader + 1) % 3;
    cr_assert_eq(away(&t, leader, host, 600000), 0);
    town_kill(&t, host);
    town_run(&t, 20 * US_PER_S);
    const struct wire_admin_node *n = node(&t, leader, host);
    cr_assert(n->state == MEMBER_STATE_DEAD && n->record.away_ms > 500000 && n->record.away_until_ms != 0);
    town_start(&t, host);
    town_run(&t, 10 * US_PER_S);
    cr_assert_eq(away_ms(&t, leader, host), 0);
    cr_assert_eq(away(&t, leader, host, WIRE_AWAY_MAX + 1), ERR_LIMIT);
    cr_assert_eq(away_ms(&t, leader, host), 0);
    town_done(&t);
}

static bool says(const struct town *t, size_t host, const char *kind) {
    struct wire_event events[600];
    size_t count = node_events_after(t->hosts[host].node, 0, events, 600);
    for (size_t i = 0; i < count; i++)
        if (bytes_is(events[i].kind, kind))
            return true;
    return false;
}

Test(node_away, a_death_that_was_announced_alarms_nobody_and_another_does) {
    struct town t;
    size_t leader = town_calm(&t, 4), host = (leader + 1) % 4, other = (leader + 2) % 4;
    cr_assert_eq(away(&t, leader, host, 600000), 0);
    town_kill(&t, host);
    town_run(&t, 30 * US_PER_S);
    cr_assert(says(&t, other, "member.away") && !says(&t, other, "member.died"));
    town_kill(&t, (leader + 3) % 4);
    town_run(&t, 30 * US_PER_S);
    cr_assert(says(&t, other, "member.died"));
    town_done(&t);
}

/* ---- restart ---- */

Test(node_restart, with_an_absence_the_agent_goes_only_when_the_log_has_it) {
    struct town t;
    size_t leader = town_calm(&t, 3), host = (leader + 1) % 3;
    struct wire_admin_restart q = {.for_ms = 60000};
    town_away(&t, host, true);
    const struct town_reply *r =
        town_ask(&t, host, "agent.restart", &wire_admin_restart_type, &q, 25 * US_PER_S);
    cr_assert(r != NULL && r->error == ERR_NO_LEADER, "it stays, and says why");
    cr_assert_eq(t.hosts[host].restarts, 0);
    town_away(&t, host, false);
    town_run(&t, 30 * US_PER_S);
    r = town_ask(&t, host, "agent.restart", &wire_admin_restart_type, &q, 3 * US_PER_S);
    cr_assert(r != NULL && r->error == 0);
    cr_assert_eq(t.hosts[host].restarts, 1);
    cr_assert_neq(away_ms(&t, leader, host), 0);
    cr_assert(away_ms(&t, leader, leader) == 0);
    town_done(&t);
}

/* ---- names --------------------------------------------------------------------------------------------- */

static struct wire_admin_ps ps_on(struct town *t, size_t at, const char *name) {
    struct wire_admin_ps_query q = {.node = bytes_str(name)};
    struct wire_admin_ps ps = {0};
    town_read(t, town_ask(t, at, "ps", &wire_admin_ps_query_type, &q, US_PER_S), &wire_admin_ps_type, &ps);
    return ps;
}

/* Where a name is also how another host's id begins, the name is meant: as by drain and forget. */
Test(node_hosts, instances_of_a_host_are_listed_by_its_name_before_anothers_id) {
    struct town t;
    town_init(&t, 2, NULL);
    struct node_id ids[2] = {record(&t, 0, 0)->id, record(&t, 0, 1)->id};
    char text[ID_TEXT_SIZE];
    id_text(ids[0].b, text);
    town_kill(&t, 1);
    snprintf(t.hosts[1].name, sizeof t.hosts[1].name, "%.6s", text);
    town_start(&t, 1);
    town_run(&t, 5 * US_PER_S);
    struct wire_task task = {.name = bytes_str("t"), .command = bytes_str("/bin/true"), .memory_mib = 10};
    struct wire_group group = {.name = bytes_str("g"), .count = 4, .tasks = &task, .tasks_count = 1};
    struct wire_admin_run run = {.job = {.name = bytes_str("web"), .groups = &group, .groups_count = 1}};
    const struct town_reply *r = town_ask(&t, 0, "run", &wire_admin_run_type, &run, 5 * US_PER_S);
    cr_assert(r != NULL && r->error == 0);
    cr_assert_eq(ps_on(&t, 0, "").instances_count, 4);
    struct wire_admin_ps named = ps_on(&t, 0, t.hosts[1].name), by_id;
    cr_assert(named.instances_count > 0 && named.instances_count < 4);
    for (size_t i = 0; i < named.instances_count; i++)
        cr_assert(ID_EQUAL(named.instances[i].record.node, ids[1]));
    text[8] = 0;
    by_id = ps_on(&t, 0, text);
    cr_assert_eq(by_id.instances_count, 4 - named.instances_count);
    cr_assert(ID_EQUAL(by_id.instances[0].record.node, ids[0]));
    cr_assert_eq(ps_on(&t, 0, "nobody").instances_count, 0);
    town_done(&t);
}
