/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Who is let in, who finds in again, and what becomes of those that cannot start a part of an instance. */
#include "rig.h"
#include "town.h"

#include <stdio.h>

#include <covey/swim.h>
#include <covey/wal.h>

/* ---- newcomers among newcomers ------------------------------------------------------------------------- */

/* Both hold the join secret, so the handshake succeeds; hosts that name each other as seeds would wait for
 * ever. */
Test(node_join, a_newcomer_that_is_asked_by_another_says_that_it_is_none_of_the_members) {
    struct rig asked;
    struct identity identity;
    struct signature signature;
    struct secret seed;
    struct buf out = {0};
    uint8_t hash[NOISE_HASH_SIZE] = {1};
    memset(seed.b, 77, sizeof seed.b);
    identity_init(&identity, &seed);
    rig_init(&asked);
    cr_assert_eq(rig_start(&asked, false, rig_token(&asked)), 0);
    identity_sign(&identity, SIGN_JOIN, bytes_of(hash, sizeof hash), &signature);
    struct wire_join_request request = {
        .node = {.id = identity.id, .key = identity.public_key, .name = bytes_str("other")},
        .signature = bytes_of(signature.b, sizeof signature.b)};
    codec_encode(&wire_peer_message_type, &(struct wire_peer_message){.join_request = &request}, &out);
    RIG_FEED(&asked, .kind = NODE_STREAM_OPENED, .stream = 1, .key = identity.static_key,
             .hash = bytes_of(hash, sizeof hash));
    unsigned before = asked.sent;
    RIG_FEED(&asked, .kind = NODE_STREAM_MESSAGE, .stream = 1, .data = buf_bytes(&out));
    cr_assert_eq(asked.sent, before + 1, "the answer comes at once");
    buf_done(&out);
    identity_done(&identity);
    rig_done(&asked);
}

Test(node_join, a_seed_that_never_answers_does_not_keep_a_newcomer_from_the_next) {
    struct rig r;
    rig_init(&r);
    rig_join(&r);
    RIG_FEED(&r, .kind = NODE_STREAM_OPENED, .stream = r.last_connect, .outgoing = true);
    unsigned before = r.connects;
    rig_until(&r, 40 * US_PER_S);
    cr_assert_gt(r.connects, before);
    cr_assert(rig_has_said(&r, "no answer"));
    rig_done(&r);
}

/* A name that leads elsewhere each day: neither to addresses of last month for ever, nor to ever more of
 * them. */
Test(node_join, a_newcomer_tries_next_where_its_seed_is_said_to_be_now) {
    struct rig r;
    rig_init(&r);
    rig_join(&r);
    for (unsigned i = 0; i < 200; i++) {
        char text[32];
        struct addr addr;
        snprintf(text, sizeof text, "198.51.100.%u:7370", i + 1);
        cr_assert_eq(addr_parse(bytes_str(text), 0, &addr), 0);
        RIG_FEED(&r, .kind = NODE_SEED, .addr = addr);
        RIG_FEED(&r, .kind = NODE_STREAM_CLOSED, .stream = r.last_connect, .error = ERR_CLOSED);
        rig_until(&r, 3 * US_PER_S);
        cr_assert(addr_equal(&r.last_connect_addr, &addr), "seed %u", i);
    }
    rig_done(&r);
}

/* ---- members that know nobody who is there ------------------------------------------------------------- */

Test(node_join, a_host_that_was_away_while_all_whom_it_knew_left_finds_in_again) {
    struct town t;
    town_init(&t, 2, NULL);
    town_kill(&t, 1);
    town_run(&t, US_PER_S);
    town_add(&t, "");
    town_add(&t, "");
    town_add(&t, "");
    town_run(&t, 30 * US_PER_S);
    town_call(&t, 0, "leave", &wire_empty_type, &(struct wire_empty){0});
    town_run(&t, 30 * US_PER_S);
    town_kill(&t, 0);
    town_run(&t, 30 * US_PER_S);
    cr_assert_eq(town_put(&t, 2, "k", "v"), 0);
    town_start(&t, 1);
    town_run(&t, 60 * US_PER_S);
    cr_assert_eq(state_index(node_state(t.hosts[1].node)), state_index(node_state(t.hosts[2].node)));
    town_done(&t);
}

static void peers_write(struct rig *r, size_t count) {
    for (size_t i = 0; i < r->files_count; i++) {
        struct wire_node_files_keys keys;
        struct disk_file *f = &r->files[i];
        struct buf out = {0};
        char text[100];
        if (strncmp(f->name, "cluster", 7) != 0 ||
            cluster_file_decode(f->data, &r->arena, &keys, text, sizeof text) != 0)
            continue;
        keys.peers = arena_alloc(&r->arena, count * sizeof *keys.peers);
        for (keys.peers_count = 0; keys.peers_count < count; keys.peers_count++) {
            struct wire_node_record *p = &keys.peers[keys.peers_count];
            *p = (struct wire_node_record){.id = {{1, (uint8_t)(keys.peers_count / 200), 1}},
                                           .name = bytes_str("other")};
            p->id.b[3] = (uint8_t)(keys.peers_count % 200);
            cr_assert_eq(addr_parse(bytes_str("192.0.2.77:7370"), 0, &p->addr), 0);
            p->addr.b[2] = p->id.b[1];
            p->addr.b[3] = p->id.b[3];
        }
        cluster_file_encode(&keys, &out);
        mem_free((void *)(uintptr_t)f->data.data);
        f->data.data = buf_take(&out, &f->data.size);
    }
}

/* All of them got new addresses while this host was off; one is told by a name. */
Test(node_join, the_members_of_before_leave_room_for_the_seeds_of_today) {
    struct rig r;
    struct addr addr;
    rig_init(&r);
    rig_lead(&r);
    rig_kill(&r);
    peers_write(&r, 300);
    cr_assert_eq(rig_start(&r, false, NULL), 0);
    rig_until(&r, 100 * US_PER_MS);
    cr_assert_eq(addr_parse(bytes_str("198.51.100.1:7370"), 0, &addr), 0);
    RIG_FEED(&r, .kind = NODE_SEED, .addr = addr);
    cr_assert(addr_equal(&r.last_connect_addr, &addr));
    rig_done(&r);
}

/* Its counters begin anew; with the number of its earlier run its packets would pass for replays of that one.
 */
Test(node_join, a_host_that_lost_its_disk_is_heard_at_once) {
    struct town t;
    town_init(&t, 3, NULL);
    town_run(&t, 60 * US_PER_S);
    struct node_id self = node_self(t.hosts[1].node);
    town_lose_disk(&t, 1);
    town_start(&t, 1);
    for (int i = 0; i < 20; i++) {
        struct swim_member m;
        town_run(&t, US_PER_S);
        cr_assert(swim_member_find(node_swim(t.hosts[0].node), self, &m));
        cr_assert_neq(m.state, MEMBER_STATE_DEAD, "after %d s", i);
    }
    town_done(&t);
}

/* ---- clones -------------------------------------------------------------------------------------------- */

/* A virtual machine was copied with the key of its host. */
Test(node_join, two_agents_with_one_key_say_so_and_the_others_go_on) {
    struct town t;
    town_init(&t, 4, NULL);
    town_kill(&t, 3);
    struct town_host *original = &t.hosts[3], *clone = &t.hosts[t.count++];
    *clone = (struct town_host){
        .addr = original->addr, .key = 4, .disk_latency_us = 100, .files_count = original->files_count};
    memcpy(clone->name, original->name, sizeof clone->name);
    clone->addr.b[3] = 77;
    for (size_t i = 0; i < original->files_count; i++) {
        clone->files[i] = (struct disk_file){.data = {0}};
        memcpy(clone->files[i].name, original->files[i].name, sizeof clone->files[i].name);
        file_set(&clone->files[i], original->files[i].data.data, original->files[i].data.size);
    }
    town_start(&t, 3);
    town_start(&t, 4);
    town_run(&t, 120 * US_PER_S);
    cr_expect_gt(town_events(&t, 3, "self.duplicate"), 0);
    cr_expect_gt(town_events(&t, 4, "self.duplicate"), 0);
    for (size_t i = 0; i < 3; i++) {
        cr_expect_eq(town_events(&t, i, "self.duplicate"), 0, "host %zu", i);
        cr_expect_eq(town_put(&t, i, "still", "writable"), 0, "host %zu", i);
    }
    town_done(&t);
}

/* ---- parts of an instance that cannot be started ------------------------------------------------------- */

static void run_tasks(struct rig *r, size_t count) {
    struct wire_task tasks[2] = {
        {.name = bytes_str("a"), .command = bytes_str("/bin/true"), .memory_mib = 10},
        {.name = bytes_str("b"), .command = bytes_str("/bin/true"), .memory_mib = 10}};
    struct wire_port_request port = {.label = bytes_str("http")};
    struct wire_group group = {.name = bytes_str("g"),
                               .count = 1,
                               .ports = &port,
                               .ports_count = 1,
                               .tasks = tasks,
                               .tasks_count = count};
    struct wire_admin_run run = {.job = {.name = bytes_str("two"), .groups = &group, .groups_count = 1}};
    rig_init(r);
    rig_lead(r);
    (void)rig_request(r, 1, "run", rig_encoded(r, &wire_admin_run_type, &run));
    rig_until(r, 5 * US_PER_S);
    cr_assert_eq(r->starts, count);
}

static void told(struct rig *r, const char *task, uint64_t sequence, enum task_state state) {
    struct wire_shim_status status = {.sequence = sequence,
                                      .fact = {.name = bytes_str(task), .state = state}};
    RIG_FEED(r, .kind = NODE_TASK_STATUS, .instance = r->last_started, .task = bytes_str(task),
             .status = &status);
}

Test(node_tasks, one_that_cannot_be_started_anew_stops_none_that_runs_beside_it) {
    struct rig r;
    run_tasks(&r, 2);
    told(&r, "a", 1, TASK_STATE_RUNNING);
    told(&r, "b", 1, TASK_STATE_RUNNING);
    RIG_FEED(&r, .kind = NODE_TASK_LOST, .instance = r.last_started, .task = bytes_str("b"));
    rig_until(&r, 5 * US_PER_S);
    cr_assert_eq(r.starts, 3, "the lost one is started anew, and only it");
    for (int i = 0; i < 6; i++) {
        RIG_FEED(&r, .kind = NODE_TASK_REFUSED, .instance = r.last_started, .task = bytes_str("b"),
                 .error = ERR_EXISTS, .text = bytes_str("a stranger has the port"));
        rig_until(&r, 70 * US_PER_S);
    }
    cr_assert_eq(r.task_commands, 0, "nothing is stopped");
    cr_assert_eq(r.starts, 9, "it is tried again");
    rig_done(&r);
}

Test(node_tasks, one_that_is_starting_is_not_started_twice_because_another_was_refused) {
    struct rig r;
    run_tasks(&r, 2);
    RIG_FEED(&r, .kind = NODE_TASK_REFUSED, .instance = r.last_started, .task = bytes_str("b"),
             .error = ERR_EXISTS, .text = bytes_str("a stranger has the port"));
    rig_until(&r, US_PER_S / 2);
    cr_assert_eq(r.starts, 2);
    cr_assert_eq(r.task_commands, 1, "its start is undone");
    rig_done(&r);
}

static void port_is_taken(struct rig *r) {
    RIG_FEED(r, .kind = NODE_TASK_REFUSED, .instance = r->last_started, .task = bytes_str("a"),
             .error = ERR_EXISTS, .text = bytes_str("a stranger has the port"));
    rig_until(r, 5 * US_PER_S);
}

Test(node_tasks, one_whose_port_is_taken_is_started_with_another_and_not_where_nothing_starts_any_more) {
    struct rig r;
    run_tasks(&r, 1);
    port_is_taken(&r);
    cr_assert_eq(r.starts, 2);
    RIG_FEED(&r, .kind = NODE_SHUTDOWN);
    port_is_taken(&r);
    cr_assert_eq(r.starts, 2, "the agent ends");
    rig_done(&r);
}

static void found(struct rig *r, const char *task, bool stop_asked) {
    struct wire_shim_spec spec = {.instance = r->last_started,
                                  .node = node_self(r->node),
                                  .job = bytes_str("two"),
                                  .group = bytes_str("g"),
                                  .task = bytes_str(task),
                                  .command = bytes_str("/bin/true")};
    struct wire_shim_status status = {.sequence = 3,
                                      .stop_asked = stop_asked,
                                      .fact = {.name = bytes_str(task), .state = TASK_STATE_RUNNING}};
    RIG_FEED(r, .kind = NODE_TASK_FOUND, .spec = &spec, .status = &status);
}

/* Seen in simulation: the agent died between the two commands, and the second task ran for ever. */
Test(node_tasks, a_stop_that_only_some_tasks_were_told_is_told_to_the_others) {
    struct rig r;
    run_tasks(&r, 2);
    struct wire_admin_stop stop = {.name = bytes_str("two")};
    (void)rig_request(&r, 2, "stop", rig_encoded(&r, &wire_admin_stop_type, &stop));
    rig_until(&r, US_PER_S);
    rig_kill(&r);
    cr_assert_eq(rig_start(&r, false, NULL), 0);
    r.task_commands = 0;
    found(&r, "a", true);
    found(&r, "b", false);
    rig_until(&r, 10 * US_PER_S);
    cr_assert_eq(r.task_commands, 1);
    rig_done(&r);
}

/* The first to join gets no word of its questions through, until the second is served. */
static bool first_asks_in_vain(struct town *t, size_t from, size_t to, struct bytes data) {
    struct wire_peer_message m;
    (void)to;
    return from != 1 || !town_message(t, data, &m) || m.pull_request == NULL;
}

/*
 * The leader serves as many as it may, and names them to the newcomer that was late; but that one knows no
 * key but the leader's, and can learn the others' from the log alone.
 */
Test(node_join, a_newcomer_that_knows_nobody_of_those_that_are_served_gets_the_log) {
    struct town t;
    town_init(&t, 1, NULL);
    town_kill(&t, 0);
    t.pulls_max = 1;
    town_start(&t, 0);
    town_run(&t, 2 * US_PER_S);
    t.passes = first_asks_in_vain;
    town_add(&t, "");
    town_run(&t, 200 * US_PER_MS);
    town_add(&t, "");
    town_run(&t, US_PER_S);
    cr_assert_geq(raft_commit_index(node_raft(t.hosts[2].node)), 4);
    cr_assert_eq(raft_commit_index(node_raft(t.hosts[1].node)), 0);
    t.passes = NULL;
    town_run(&t, 6 * US_PER_S); /* a question that was not answered is asked again */
    cr_assert_eq(raft_commit_index(node_raft(t.hosts[1].node)),
                 raft_commit_index(node_raft(t.hosts[0].node)));
    cr_assert_gt(t.hosts[0].marks.hits[MARK_LEARN_STRANDED], 0);
    town_done(&t);
}
