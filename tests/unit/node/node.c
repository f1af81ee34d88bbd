/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* A node alone, through its door: it comes up, it stays up whatever it is fed, and it never lies about its
 * disk. */
#include "rig.h"

static struct rig single_host(void) {
    struct rig r;
    rig_init(&r);
    rig_lead(&r);
    return r;
}

static const struct rig_reply *run_hello(struct rig *r, uint64_t number) {
    struct wire_task task = {.name = bytes_str("t"), .command = bytes_str("/bin/true"), .memory_mib = 10};
    struct wire_group group = {.name = bytes_str("g"), .count = 1, .tasks = &task, .tasks_count = 1};
    struct wire_admin_run run = {.job = {.name = bytes_str("hello"), .groups = &group, .groups_count = 1}};
    const struct rig_reply *reply = rig_request(r, number, "run", rig_encoded(r, &wire_admin_run_type, &run));
    if (reply != NULL)
        return reply;
    rig_until(r, US_PER_S);
    return rig_reply(r, number);
}

/* ---- coming up ---- */

Test(node_start, a_single_host_makes_a_cluster_leads_it_and_runs_a_job) {
    struct rig r = single_host();
    struct wire_admin_status status = rig_status(&r);
    cr_assert(bytes_is(status.role, "leader") && bytes_is(status.log_state, "ok") && status.nodes == 1);
    const struct rig_reply *reply = run_hello(&r, 1);
    cr_assert(reply != NULL && reply->error == 0);
    rig_until(&r, 5 * US_PER_S);
    cr_assert_eq(r.starts, 1);
    cr_assert_eq(state_instances_count(node_state(r.node)), 1);
    rig_done(&r);
}

static void told(struct rig *r, uint64_t sequence, enum task_state state) {
    struct wire_shim_status status = {.sequence = sequence, .fact = {.name = bytes_str("t"), .state = state}};
    RIG_FEED(r, .kind = NODE_TASK_STATUS, .instance = r->last_started, .task = bytes_str("t"),
             .status = &status);
    rig_until(r, US_PER_S);
}

Test(node_events, one_line_tells_a_change_of_an_instance_once) {
    struct rig r = single_host();
    run_hello(&r, 1);
    rig_until(&r, US_PER_S);
    told(&r, 1, TASK_STATE_RUNNING);
    told(&r, 2, TASK_STATE_RUNNING);
    struct wire_admin_stop stop = {.name = bytes_str("hello")};
    rig_request(&r, 2, "stop", rig_encoded(&r, &wire_admin_stop_type, &stop));
    rig_until(&r, US_PER_S);
    struct wire_admin_events_query q = {.credit = 1 << 20};
    rig_request(&r, 3, "events", rig_encoded(&r, &wire_admin_events_query_type, &q));
    static const char *const lines[] = {"hello.g[0] is running on one\n", "hello.g[0] is stopping on one"};
    for (int i = 0; i < 2; i++) {
        const char *first = strstr(buf_str(&r.events), lines[i]);
        cr_assert_not_null(first, "%s is not told:\n%s", lines[i], buf_str(&r.events));
        cr_assert_null(strstr(first + 1, lines[i]), "%s is told twice:\n%s", lines[i], buf_str(&r.events));
    }
    rig_done(&r);
}

Test(node_start, what_was_committed_is_there_after_a_restart) {
    struct rig r = single_host();
    run_hello(&r, 1);
    uint64_t index = state_index(node_state(r.node));
    rig_kill(&r);
    cr_assert_eq(rig_start(&r, false, NULL), 0);
    rig_until(&r, 10 * US_PER_S);
    cr_assert(node_leads(r.node));
    cr_assert_not_null(state_job_find(node_state(r.node), bytes_str("hello")));
    cr_assert_geq(state_index(node_state(r.node)), index);
    cr_assert_eq(r.exits, 0);
    rig_done(&r);
}

Test(node_start, each_run_has_a_higher_generation) {
    struct rig r = single_host();
    uint32_t first = state_node_find(node_state(r.node), node_self(r.node))->generation;
    rig_kill(&r);
    cr_assert_eq(rig_start(&r, false, NULL), 0);
    rig_until(&r, 10 * US_PER_S);
    cr_assert_gt(state_node_find(node_state(r.node), node_self(r.node))->generation, first);
    rig_done(&r);
}

Test(node_start, a_bad_name_or_token_is_told) {
    struct rig r;
    rig_init(&r);
    cr_assert_eq(rig_start(&r, false, "no token"), ERR_INVALID);
    cr_assert_gt(strlen(r.why), 5);
    struct node_options o = {.name = {0}};
    struct node *n = NULL;
    cr_assert_eq(node_new(&o, 0, 0, &n, r.why, sizeof r.why), ERR_INVALID);
    cr_assert_str_eq(r.why, "the node's name must have 1 to 63 bytes, not 0");
    rig_done(&r);
}

Test(node_start, before_joining_reads_are_answered_and_writes_are_refused_with_a_reason) {
    struct rig r;
    rig_init(&r);
    cr_assert_eq(rig_start(&r, false, NULL), 0);
    rig_until(&r, 5 * US_PER_S);
    cr_assert(bytes_is(rig_status(&r).role, "joining"));
    static const char *const methods[] = {"run",  "stop", "var.put", "leave", "nodes",
                                          "jobs", "ps",   "vars",    "token", "logs"};
    static const uint8_t empty_map = 0x80;
    for (uint64_t i = 0; i < 10; i++) {
        const struct rig_reply *reply = rig_request(&r, i + 1, methods[i], bytes_of(&empty_map, 1));
        cr_assert(reply != NULL && reply->error == ERR_NO_LEADER, "%s", methods[i]);
        cr_assert(bytes_is(buf_bytes(&reply->text), "this host has not joined a cluster yet"));
    }
    cr_assert_eq(r.exits, 0);
    rig_done(&r);
}

/* ---- joining in vain ---- */

Test(node_join, a_seed_that_refuses_is_told_and_tried_again) {
    struct rig r;
    rig_init(&r);
    rig_join(&r);
    cr_assert_geq(r.connects, 1);
    unsigned before = r.connects;
    RIG_FEED(&r, .kind = NODE_STREAM_CLOSED, .stream = r.last_connect, .error = ERR_DENIED,
             .text = bytes_str("the join secret is not this cluster's"));
    cr_assert(rig_has_said(
        &r, "cannot join at 192.0.2.2:7370: the join secret is not this cluster's; trying again"));
    rig_until(&r, 3 * US_PER_S);
    cr_assert_gt(r.connects, before);
    cr_assert_eq(r.exits, 0);
    rig_done(&r);
}

Test(node_join, an_answer_of_another_cluster_is_not_followed) {
    struct rig r;
    rig_init(&r);
    rig_join(&r);
    RIG_FEED(&r, .kind = NODE_STREAM_OPENED, .stream = r.last_connect, .outgoing = true);
    cr_assert_eq(r.sent, 1);
    struct wire_join_response response = {.cluster = {.id = {{6}}}};
    struct buf out = {0};
    codec_encode(&wire_peer_message_type, &(struct wire_peer_message){.join_response = &response}, &out);
    RIG_FEED(&r, .kind = NODE_STREAM_MESSAGE, .stream = r.last_connect, .data = buf_bytes(&out));
    buf_done(&out);
    cr_assert_null(node_raft(r.node));
    cr_assert(rig_has_said(&r, "the answer is of another cluster than the token"));
    rig_done(&r);
}

/* ---- garbage ---- */

static void still_well(struct rig *r) {
    cr_assert_eq(r->exits, 0);
    cr_assert_eq(r->task_commands, 0);
    rig_until(r, US_PER_S);
    cr_assert(node_leads(r->node));
    cr_assert(bytes_is(rig_status(r).role, "leader"));
}

Test(node_garbage, datagrams_are_dropped) {
    struct rig r = single_host();
    struct prng p;
    uint8_t bytes[1500];
    prng_init(&p, 1);
    for (unsigned i = 0; i < 3000; i++) {
        prng_fill(&p, bytes, sizeof bytes);
        RIG_FEED(&r, .kind = NODE_DATAGRAM, .data = bytes_of(bytes, prng_below(&p, sizeof bytes)));
    }
    still_well(&r);
    rig_done(&r);
}

Test(node_garbage, streams_of_strangers_are_closed) {
    struct rig r = single_host();
    RIG_FEED(&r, .kind = NODE_STREAM_OPENED, .stream = 1, .key_id = 1, .key = {{9}});
    cr_assert_eq(r.closed, 1);
    RIG_FEED(&r, .kind = NODE_STREAM_MESSAGE, .stream = 1, .data = bytes_str("late"));
    RIG_FEED(&r, .kind = NODE_STREAM_MESSAGE, .stream = 77, .data = bytes_str("never opened"));
    RIG_FEED(&r, .kind = NODE_STREAM_CLOSED, .stream = 77);
    still_well(&r);
    rig_done(&r);
}

Test(node_garbage, the_join_secret_opens_nothing_but_a_signed_join) {
    struct rig r = single_host();
    struct prng p;
    struct arena a = {0};
    prng_init(&p, 2);
    for (uint64_t stream = 1; stream < 400; stream += 2) {
        struct wire_peer_message m;
        struct buf out = {0};
        codec_random(&wire_peer_message_type, &p, &a, &m, 40);
        codec_encode(&wire_peer_message_type, &m, &out);
        if (stream % 4 == 1)
            out.size = prng_below(&p, out.size + 1);
        RIG_FEED(&r, .kind = NODE_STREAM_OPENED, .stream = stream, .key_id = 0, .key = {{9}});
        RIG_FEED(&r, .kind = NODE_STREAM_MESSAGE, .stream = stream, .data = buf_bytes(&out));
        RIG_FEED(&r, .kind = NODE_STREAM_CLOSED, .stream = stream);
        buf_done(&out);
        arena_reset(&a);
    }
    arena_done(&a);
    cr_assert_eq(state_nodes_count(node_state(r.node)), 1);
    still_well(&r);
    rig_done(&r);
}

Test(node_garbage, requests_are_answered_whatever_they_hold) {
    struct rig r = single_host();
    static const char *const methods[] = {"run",  "stop", "var.put", "job",     "ps",
                                          "vars", "logs", "events",  "nothing", ""};
    for (uint64_t i = 0; i < 10; i++) {
        const struct rig_reply *reply = rig_request(&r, i + 1, methods[i], bytes_str("\xc1garbage"));
        cr_assert(reply != NULL && reply->error != 0, "%s", methods[i]);
        cr_assert_gt(reply->text.size, 0);
    }
    RIG_FEED(&r, .kind = NODE_REQUEST_CLOSED, .request = 5);
    RIG_FEED(&r, .kind = NODE_REQUEST_CLOSED, .request = 555);
    RIG_FEED(&r, .kind = NODE_CREDIT, .request = 555, .bytes = 5);
    RIG_FEED(&r, .kind = NODE_LOG_DATA, .handle = 99, .data = bytes_str("x"));
    still_well(&r);
    rig_done(&r);
}

Test(node_garbage, reports_of_tasks_that_nobody_started_are_kept_out) {
    struct rig r = single_host();
    struct wire_shim_status status = {.sequence = 1};
    RIG_FEED(&r, .kind = NODE_TASK_STATUS, .instance = {{1}}, .task = bytes_str("t"), .status = &status);
    RIG_FEED(&r, .kind = NODE_TASK_LOST, .instance = {{1}}, .task = bytes_str("t"));
    RIG_FEED(&r, .kind = NODE_TASK_REFUSED, .instance = {{1}}, .task = bytes_str("t"), .error = ERR_IO);
    still_well(&r);
    rig_done(&r);
}

/* ---- a disk that is full ---- */

static void disk_fails(struct rig *r, int error) {
    RIG_FEED(r, .kind = NODE_DISK_FAILED, .error = error, .text = bytes_str("writing it"));
    rig_until(r, 12 * US_PER_S);
}

static void room(struct rig *r, uint64_t bytes) { RIG_FEED(r, .kind = NODE_DISK_ROOM, .bytes = bytes); }

Test(node_disk, an_agent_whose_disk_was_full_begins_anew_when_there_is_room_again) {
    struct rig r = single_host();
    room(&r, UINT64_MAX);
    cr_assert_eq(r.restarts, 0, "nothing was the matter");
    disk_fails(&r, ERR_NO_SPACE);
    cr_assert_eq(r.looks, 2, "every 5 s");
    room(&r, 100000);
    cr_assert_eq(r.restarts, 0, "that is not enough to go on for long");
    room(&r, 1u << 30);
    room(&r, 1u << 30);
    cr_assert_eq(r.restarts, 1);
    cr_assert_neq(strstr(buf_str(&r.said), "the disk has room again"), NULL);
    rig_done(&r);
}

Test(node_disk, one_that_failed_otherwise_waits_for_an_operator) {
    struct rig r = single_host();
    disk_fails(&r, ERR_IO);
    room(&r, UINT64_MAX);
    cr_assert_eq(r.looks + r.restarts, 0);
    rig_done(&r);
}

/* ---- a disk that lies ---- */

static void damage(struct rig *r, const char *prefix, size_t at) {
    struct disk_file *f = rig_file(r, prefix);
    cr_assert_not_null(f, "there is no file %s", prefix);
    cr_assert_lt(at, f->data.size);
    ((uint8_t *)(uintptr_t)f->data.data)[at] ^= 0x40;
}

static struct disk_file *file_exact(struct rig *r, const char *name) {
    struct disk_file *f = disk_find(r->files, r->files_count, name);
    cr_assert_not_null(f, "there is no file %s", name);
    return f;
}

/* A task directory of an earlier run, its shim running. */
static void find_task(struct rig *r) {
    struct wire_shim_spec spec = {.instance = {{0x77}},
                                  .node = node_self(r->node),
                                  .job = bytes_str("old"),
                                  .group = bytes_str("g"),
                                  .task = bytes_str("t"),
                                  .command = bytes_str("/bin/true")};
    struct wire_shim_status status = {.sequence = 3,
                                      .fact = {.name = bytes_str("t"), .state = TASK_STATE_RUNNING}};
    RIG_FEED(r, .kind = NODE_TASK_FOUND, .spec = &spec, .status = &status);
}

static struct rig entries_with_snapshots(uint32_t snapshot_entries) {
    struct rig r;
    rig_init(&r);
    r.snapshot_entries = snapshot_entries;
    rig_lead(&r);
    for (uint64_t i = 0; i < 20; i++) {
        struct wire_admin_var_put put = {.var = {.key = bytes_str("k"), .value = bytes_str("some value")}};
        rig_request(&r, 100 + i, "var.put", rig_encoded(&r, &wire_admin_var_put_type, &put));
        rig_until(&r, US_PER_S);
    }
    rig_kill(&r);
    return r;
}
static struct rig many_entries(void) { return entries_with_snapshots(0); }

Test(node_disk, a_damaged_log_never_votes_again_and_touches_no_task) {
    struct rig r = many_entries();
    damage(&r, "log-", 1100);
    cr_assert_eq(rig_start(&r, false, NULL), 0);
    find_task(&r);
    rig_until(&r, 30 * US_PER_S);
    cr_assert_not(node_leads(r.node));
    cr_assert_not(bytes_is(rig_status(&r).log_state, "ok"));
    cr_assert(rig_has_said(&r, "keeps its tasks running"), "%s", buf_str(&r.said));
    cr_assert(r.exits == 0 && r.task_commands == 0);
    cr_assert_not_null(rig_file(&r, "bad-log-"), "nothing is thrown away");
    rig_done(&r);
}

Test(node_disk, a_log_that_is_gone_never_votes_again) {
    struct rig r = many_entries();
    for (size_t i = 0; i < r.files_count;) {
        if (strncmp(r.files[i].name, "log-", 4) != 0) {
            i++;
            continue;
        }
        mem_free((void *)(uintptr_t)r.files[i].data.data);
        r.files[i] = r.files[--r.files_count];
    }
    cr_assert_eq(rig_start(&r, false, NULL), 0);
    rig_until(&r, 30 * US_PER_S);
    cr_assert_not(node_leads(r.node));
    cr_assert_eq(r.exits, 0);
    rig_done(&r);
}

Test(node_disk, a_damaged_cluster_file_is_had_from_its_copy_and_written_anew) {
    for (unsigned which = 0; which < 4; which++) {
        struct rig r = many_entries();
        const char *name = which % 2 == 0 ? "cluster" : "cluster-copy";
        struct disk_file *f = file_exact(&r, name);
        if (which < 2) {
            ((uint8_t *)(uintptr_t)f->data.data)[40] ^= 1;
        } else {
            mem_free((void *)(uintptr_t)f->data.data);
            *f = r.files[--r.files_count];
        }
        cr_assert_eq(rig_start(&r, false, NULL), 0, "%s", r.why);
        rig_until(&r, 20 * US_PER_S);
        cr_assert(node_leads(r.node));
        cr_assert(bytes_equal(file_exact(&r, "cluster")->data, file_exact(&r, "cluster-copy")->data));
        rig_done(&r);
    }
}

Test(node_disk, a_cluster_file_damaged_in_both_copies_is_refused_with_its_reason) {
    struct rig r = many_entries();
    for (size_t i = 0; i < r.files_count; i++)
        if (strncmp(r.files[i].name, "cluster", 7) == 0)
            ((uint8_t *)(uintptr_t)r.files[i].data.data)[40] ^= 1;
    cr_assert_eq(rig_start(&r, false, NULL), ERR_CORRUPT);
    cr_assert_gt(strlen(r.why), 10);
    rig_done(&r);
}

/* The file `cluster` may be there before the log is. */
Test(node_disk, a_cluster_is_made_whenever_its_first_agent_dies) {
    bool all = false;
    for (unsigned max = 1; !all; max++) {
        struct rig r;
        rig_init(&r);
        r.disk_ops_max = max;
        cr_assert_eq(rig_start(&r, true, NULL), 0);
        rig_until(&r, 5 * US_PER_S);
        all = r.disk_ops_count <= max;
        cr_assert(all || max < 100);
        rig_kill(&r);
        r.disk_ops_max = 0;
        cr_assert_eq(rig_start(&r, rig_file(&r, "cluster") == NULL, NULL), 0, "%u: %s", max, r.why);
        rig_until(&r, 20 * US_PER_S);
        cr_assert(node_leads(r.node), "after %u operations", max);
        cr_assert_not(rig_has_said(&r, "the log is not used"), "after %u operations", max);
        rig_done(&r);
    }
}

Test(node_disk, a_damaged_journal_is_told_and_the_agent_comes_up) {
    struct rig r = many_entries();
    damage(&r, "journal", 600);
    cr_assert_eq(rig_start(&r, false, NULL), 0);
    find_task(&r);
    rig_until(&r, 20 * US_PER_S);
    cr_assert(node_leads(r.node));
    cr_assert(r.exits == 0 && r.task_commands == 0);
    rig_done(&r);
}

Test(node_disk, a_snapshot_brings_the_state_back) {
    struct rig r = entries_with_snapshots(8);
    cr_assert_not_null(rig_file(&r, "snapshot-"));
    cr_assert_eq(rig_start(&r, false, NULL), 0);
    rig_until(&r, 10 * US_PER_S);
    cr_assert(node_leads(r.node));
    cr_assert_not_null(state_var_find(node_state(r.node), bytes_str("k")));
    rig_done(&r);
}

Test(node_disk, a_damaged_snapshot_is_kept_aside_and_the_log_behind_it_votes_no_more) {
    struct rig r = entries_with_snapshots(8);
    damage(&r, "snapshot-", rig_file(&r, "snapshot-")->data.size - 3);
    cr_assert_eq(rig_start(&r, false, NULL), 0);
    find_task(&r);
    rig_until(&r, 20 * US_PER_S);
    cr_assert(r.exits == 0 && r.task_commands == 0);
    cr_assert_not_null(rig_file(&r, "bad-snapshot-"));
    cr_assert(rig_has_said(&r, "kept as bad-snapshot-"));
    rig_done(&r);
}

Test(node_disk, damage_anywhere_in_any_file_never_ends_the_agent) {
    struct rig r = entries_with_snapshots(8);
    struct prng p;
    prng_init(&p, 3);
    for (unsigned i = 0; i < 150; i++) {
        struct disk_file *f = &r.files[prng_below(&p, r.files_count)];
        size_t at = prng_below(&p, f->data.size < 8192 ? f->data.size : 8192);
        struct rig copy;
        rig_init(&copy);
        copy.runs = r.runs + i;
        copy.now_us = r.now_us;
        for (size_t k = 0; k < r.files_count; k++) {
            copy.files[k] = r.files[k];
            uint8_t *bytes = mem_alloc(r.files[k].data.size + 1);
            memcpy(bytes, r.files[k].data.data, r.files[k].data.size);
            if (f == &r.files[k])
                bytes[at] ^= (uint8_t)(1u << prng_below(&p, 8));
            copy.files[k].data = bytes_of(bytes, r.files[k].data.size);
        }
        copy.files_count = r.files_count;
        int error = rig_start(&copy, false, NULL);
        cr_assert_eq(error, 0, "%s: %d", f->name, error);
        find_task(&copy);
        rig_until(&copy, 5 * US_PER_S);
        cr_assert(copy.exits == 0 && copy.task_commands == 0);
        rig_done(&copy);
    }
    rig_done(&r);
}

Test(node_disk, one_that_fails_ends_the_votes_and_no_task) {
    struct rig r = single_host();
    run_hello(&r, 1);
    rig_until(&r, 2 * US_PER_S);
    RIG_FEED(&r, .kind = NODE_DISK_FAILED, .error = ERR_IO, .text = bytes_str("fdatasync: I/O error"));
    rig_until(&r, 30 * US_PER_S);
    cr_assert_not(node_leads(r.node));
    cr_assert(rig_has_said(&r, "Tasks go on running"));
    cr_assert(r.exits == 0 && r.task_commands == 0);
    struct wire_admin_status status = rig_status(&r);
    cr_assert(bytes_is(bytes_of(status.log_state.data, 15), "the disk failed"));
    rig_done(&r);
}
