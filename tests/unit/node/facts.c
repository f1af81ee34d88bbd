/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Facts by gossip, as the reads of any host show them. */
#include <stdio.h>

#include <covey/crypto.h>
#include <covey/gossip.h>
#include <covey/swim.h>

#include "town.h"

static struct wire_admin_ps ps(struct town *t, size_t host) {
    struct wire_admin_ps_query q = {.all = true};
    struct wire_admin_ps r = {0};
    town_read(t, town_ask(t, host, "ps", &wire_admin_ps_query_type, &q, 5 * US_PER_MS), &wire_admin_ps_type,
              &r);
    return r;
}

static struct wire_admin_nodes nodes(struct town *t, size_t host) {
    struct wire_admin_nodes r = {0};
    town_read(t, town_ask(t, host, "nodes", &wire_empty_type, &(struct wire_empty){0}, 5 * US_PER_MS),
              &wire_admin_nodes_type, &r);
    return r;
}

/* A service with one instance a host. */
static void run_job(struct town *t, size_t host, uint32_t count) {
    struct wire_task task = {
        .name = bytes_str("t"), .command = bytes_str("/bin/true"), .cpu_mhz = 100, .memory_mib = 64};
    struct wire_port_request port = {.label = bytes_str("http")};
    struct wire_group group = {.name = bytes_str("g"),
                               .count = count,
                               .ports = &port,
                               .ports_count = 1,
                               .tasks = &task,
                               .tasks_count = 1};
    struct wire_job job = {.name = bytes_str("web"), .groups = &group, .groups_count = 1};
    struct wire_admin_run run = {.request = {{1}}, .job = job};
    town_call(t, host, "run", &wire_admin_run_type, &run);
    town_run(t, 3 * US_PER_S);
}

static void tell(struct town *t, size_t host, struct instance_id id, uint64_t sequence,
                 const struct wire_task_fact *fact) {
    struct wire_shim_status status = {.sequence = sequence, .fact = *fact};
    struct node_input in = {.kind = NODE_TASK_STATUS,
                            .wall_ms = t->now_us / 1000,
                            .instance = id,
                            .task = bytes_str("t"),
                            .status = &status};
    node_feed(t->hosts[host].node, t->now_us, &in);
}

static size_t host_of(const struct town *t, struct node_id id) {
    for (size_t i = 0; i < t->count; i++)
        if (t->hosts[i].node != NULL && ID_EQUAL(node_self(t->hosts[i].node), id))
            return i;
    return TOWN_MAX;
}

/* All of them run, as far as their shims say. */
static void all_run(struct town *t, const struct wire_admin_ps *list) {
    const struct wire_task_fact running = {
        .name = bytes_str("t"), .state = TASK_STATE_RUNNING, .pid = 7, .started_ms = 1};
    for (size_t i = 0; i < list->instances_count; i++) {
        size_t host = host_of(t, list->instances[i].record.node);
        tell(t, host, list->instances[i].record.id, 1, &running);
    }
    town_run(t, 10 * US_PER_S);
}

Test(node_facts, every_host_knows_what_is_in_use_and_how_the_instances_are) {
    struct town t;
    town_init(&t, 4, NULL);
    run_job(&t, 0, 4);
    struct wire_admin_ps list = ps(&t, 1);
    cr_assert_eq(list.instances_count, 4);
    all_run(&t, &list);
    for (size_t host = 0; host < 4; host++) {
        list = ps(&t, host);
        for (size_t i = 0; i < 4; i++) {
            const struct wire_facts_instance *f = list.instances[i].reported;
            cr_assert_not_null(f, "host %zu", host);
            cr_assert_eq(f->state, INSTANCE_STATE_RUNNING);
            cr_assert_eq(f->health, HEALTH_HEALTHY);
            cr_assert_eq(f->ports_count, 1);
            cr_assert_eq(f->ports[0].port, list.instances[i].record.ports[0].port);
        }
        struct wire_admin_nodes all = nodes(&t, host);
        uint32_t cpu = 0, running = 0;
        for (size_t i = 0; i < all.nodes_count; i++) {
            cr_assert_not_null(all.nodes[i].usage);
            cpu += all.nodes[i].usage->cpu_used_mhz;
            running += all.nodes[i].usage->running;
        }
        cr_assert_eq(cpu, 400);
        cr_assert_eq(running, 4);
    }
    town_done(&t);
}

/* Two of three voters are gone: the log stands still. */
Test(node_facts, on_a_side_without_quorum_the_others_health_goes_on) {
    struct town t;
    town_init(&t, 4, NULL);
    run_job(&t, 0, 4);
    struct wire_admin_ps list = ps(&t, 0);
    all_run(&t, &list);
    size_t left[2], count = 0, killed = 0;
    for (size_t i = 0; i < 4; i++) {
        char name[8];
        snprintf(name, sizeof name, "h%zu", i);
        if (killed < 2 && strstr(town_voters(&t, 0), name) != NULL) {
            town_away(&t, i, true);
            killed++;
        } else if (count < 2)
            left[count++] = i;
    }
    town_run(&t, 30 * US_PER_S);
    size_t by = left[0], of = left[1];
    list = ps(&t, by);
    cr_assert(list.freshness.isolated);
    for (size_t i = 0; i < list.instances_count; i++) {
        if (host_of(&t, list.instances[i].record.node) != of)
            continue;
        const struct wire_task_fact waits = {.name = bytes_str("t"),
                                             .state = TASK_STATE_BACKOFF,
                                             .restarts = 3,
                                             .started_ms = 1,
                                             .reason = bytes_str("exited with code 1")};
        tell(&t, of, list.instances[i].record.id, 2, &waits);
    }
    town_run(&t, 8 * US_PER_S);
    list = ps(&t, by);
    size_t seen = 0;
    for (size_t i = 0; i < list.instances_count; i++) {
        const struct wire_admin_instance *x = &list.instances[i];
        if (host_of(&t, x->record.node) != of)
            continue;
        seen++;
        cr_assert_eq(x->record.state, INSTANCE_STATE_RUNNING, "the log stands still");
        cr_assert_not_null(x->reported);
        cr_assert_eq(x->reported->health, HEALTH_UNHEALTHY);
        cr_assert_eq(x->reported->tasks[0].restarts, 3);
    }
    cr_assert_eq(seen, 1);
    town_done(&t);
}

/* An older fact on its way does not hide what the log knows already. */
Test(node_facts, what_the_log_knows_better_is_not_shown_as_the_host_said_it_before) {
    struct town t;
    town_init(&t, 2, NULL);
    run_job(&t, 0, 1);
    struct wire_admin_ps list = ps(&t, 0);
    cr_assert_eq(list.instances_count, 1);
    for (uint64_t k = 1; k < 200; k++) {
        const struct wire_task_fact fact = {.name = bytes_str("t"),
                                            .state = k % 2 ? TASK_STATE_RUNNING : TASK_STATE_BACKOFF,
                                            .restarts = (uint32_t)k,
                                            .started_ms = 1};
        tell(&t, host_of(&t, list.instances[0].record.node), list.instances[0].record.id, k, &fact);
        town_run(&t, 100 * US_PER_MS);
        for (size_t host = 0; host < 2; host++) {
            struct wire_admin_ps now = ps(&t, host);
            const struct wire_facts_instance *f = now.instances[0].reported;
            cr_assert(f == NULL || f->tasks_count == 0 || now.instances[0].record.tasks_count == 0 ||
                          f->tasks[0].restarts >= now.instances[0].record.tasks[0].restarts,
                      "%u after %u", f->tasks[0].restarts, now.instances[0].record.tasks[0].restarts);
        }
    }
    town_done(&t);
}

Test(node_facts, those_of_a_host_that_has_left_are_gone) {
    struct town t;
    town_init(&t, 4, NULL);
    struct gossip_owner o;
    town_run(&t, 10 * US_PER_S);
    struct node_id id = node_self(t.hosts[3].node);
    cr_assert(gossip_owner_find(node_facts(t.hosts[0].node), id, &o) && o.version > 0);
    town_call(&t, 3, "leave", &wire_empty_type, &(struct wire_empty){0});
    town_run(&t, 40 * US_PER_S);
    for (size_t i = 0; i < 3; i++)
        cr_assert(!gossip_owner_find(node_facts(t.hosts[i].node), id, &o) || o.version == 0, "host %zu", i);
    town_done(&t);
}

Test(node_facts, a_restarted_agents_facts_are_later_than_all_before) {
    struct town t;
    town_init(&t, 3, NULL);
    town_run(&t, 10 * US_PER_S);
    struct node_id id = node_self(t.hosts[2].node);
    struct gossip_owner before, after;
    cr_assert(gossip_owner_find(node_facts(t.hosts[0].node), id, &before));
    town_kill(&t, 2);
    town_run(&t, US_PER_S);
    town_start(&t, 2);
    town_run(&t, 10 * US_PER_S);
    cr_assert(gossip_owner_find(node_facts(t.hosts[0].node), id, &after));
    cr_assert_gt(after.generation, before.generation);
    cr_assert_gt(after.version, 0);
    cr_assert_eq(gossip_sum(node_facts(t.hosts[0].node)), gossip_sum(node_facts(t.hosts[2].node)));
    town_done(&t);
}

/* A loop of crashes is gossip; the log hears of it now and then, and of its end at once. */
Test(node_facts, restarts_of_what_runs_do_not_fill_the_log) {
    struct town t;
    town_init(&t, 2, NULL);
    run_job(&t, 0, 1);
    struct wire_admin_ps list = ps(&t, 0);
    all_run(&t, &list);
    struct instance_id id = list.instances[0].record.id;
    size_t host = host_of(&t, list.instances[0].record.node);
    uint64_t index = state_index(node_state(t.hosts[0].node));
    struct wire_task_fact fact = {.name = bytes_str("t"), .started_ms = 1};
    uint64_t sequence = 2;
    for (unsigned k = 0; k < 300; k++) { /* a minute */
        fact.state = k % 2 ? TASK_STATE_RUNNING : TASK_STATE_BACKOFF;
        fact.restarts = k;
        tell(&t, host, id, sequence++, &fact);
        town_run(&t, 200 * US_PER_MS);
    }
    uint64_t entries = state_index(node_state(t.hosts[0].node)) - index;
    cr_assert_leq(entries, 40, "%llu entries in a minute", (unsigned long long)entries);
    cr_assert_geq(entries, 5, "the log hears nothing of it");
    list = ps(&t, 1 - host);
    cr_assert_geq(list.instances[0].reported->tasks[0].restarts, 285);
    fact.state = TASK_STATE_DEAD;
    fact.failed = true;
    tell(&t, host, id, sequence, &fact);
    town_run(&t, US_PER_S);
    const struct wire_instance_record *r = state_instance_find(node_state(t.hosts[0].node), id);
    cr_assert(r != NULL && r->state == INSTANCE_STATE_FAILED, "its end waits");
    town_done(&t);
}

/* ---- room for them ------------------------------------------------------------------------------------- */

static void put_u32(struct buf *b, uint32_t value) {
    for (int i = 3; i >= 0; i--)
        buf_append_byte(b, (uint8_t)(value >> 8 * i));
}

/* Somebody of the cluster, as it tells of itself in its first run. */
static struct wire_member newcomer(struct town *t, uint16_t number) {
    struct identity key;
    struct buf statement = {0};
    char *name = arena_printf(&t->arena, "a-host-with-a-name-of-its-own-%u", number);
    struct cluster_id cluster = node_stream_keys(t->hosts[0].node).cluster;
    struct signature *signature = arena_alloc(&t->arena, sizeof *signature);
    identity_init(&key, &(struct secret){.b = {0xee, (uint8_t)number, (uint8_t)(number >> 8)}});
    struct wire_member m = {.id = key.id, .generation = 1, .name = bytes_str(name), .key = key.public_key};
    cr_assert_eq(addr_parse(bytes_str("203.0.113.1:7370"), 0, &m.addr), 0);
    m.addr.b[2] = (uint8_t)(number >> 8);
    m.addr.b[3] = (uint8_t)number;
    buf_append(&statement, cluster.b, sizeof cluster.b);
    buf_append(&statement, m.id.b, sizeof m.id.b);
    put_u32(&statement, m.generation);
    put_u32(&statement, m.since);
    buf_append_byte(&statement, m.addr.size);
    buf_append(&statement, m.addr.b, m.addr.size);
    buf_append_byte(&statement, (uint8_t)m.name.size);
    buf_append(&statement, m.name.data, m.name.size);
    identity_sign(&key, SIGN_ALIVE, buf_bytes(&statement), signature);
    m.signature = bytes_of(signature->b, sizeof signature->b);
    buf_done(&statement);
    identity_done(&key);
    return m;
}

static bool no_facts_by_stream(struct town *t, size_t from, size_t to, struct bytes data) {
    struct wire_peer_message m;
    (void)from;
    (void)to;
    return !town_message(t, data, &m) || m.gossip == NULL;
}

Test(node_facts, are_told_in_datagrams_that_membership_fills) {
    enum { NEWCOMERS = 40 };
    struct town t;
    struct gossip_owner own, seen;
    struct wire_member members[NEWCOMERS];
    town_init(&t, 3, NULL);
    run_job(&t, 0, 3);
    struct wire_admin_ps list = ps(&t, 0);
    all_run(&t, &list);
    for (uint8_t i = 0; i < NEWCOMERS; i++)
        members[i] = newcomer(&t, (uint8_t)(i + 1));
    size_t host = host_of(&t, list.instances[0].record.node), other = (host + 1) % 3;
    const struct node *n = t.hosts[host].node;
    struct wire_swim_sync sync = {.members = members, .members_count = NEWCOMERS};
    t.passes = no_facts_by_stream;
    cr_assert(town_say(&t, other, host, &(struct wire_peer_message){.sync = &sync}));
    struct swim_counters before = *swim_counters(node_swim(n));
    const struct wire_task_fact waits = {
        .name = bytes_str("t"), .state = TASK_STATE_BACKOFF, .restarts = 3, .started_ms = 1};
    tell(&t, host, list.instances[0].record.id, 2, &waits);
    town_run(&t, 2 * US_PER_S);
    const struct swim_counters *c = swim_counters(node_swim(n));
    uint64_t packets = c->packets_sent - before.packets_sent;
    uint64_t size = (c->packet_bytes_sent - before.packet_bytes_sent) / packets;
    cr_assert_gt(size, 800, "%llu: there was room anyway", (unsigned long long)size);
    cr_assert(gossip_owner_find(node_facts(n), node_self(n), &own));
    for (size_t i = 0; i < 3; i++) {
        cr_assert(gossip_owner_find(node_facts(t.hosts[i].node), node_self(n), &seen));
        cr_assert_eq(seen.version, own.version, "host %zu", i);
    }
    town_done(&t);
}

/* ---- and for what else happened ------------------------------------------------------------------------ */

/* All of a large group come into sight at once: `covey events` still tells of elections and votes before it.
 */
Test(node_facts, what_members_do_pushes_nothing_else_out_of_memory) {
    enum { AT_ONCE = 200, TIMES = 4 };
    struct town t;
    struct wire_member members[AT_ONCE];
    town_init(&t, 3, NULL);
    size_t voters = town_events(&t, 0, "voters.");
    cr_assert_gt(voters, 0);
    for (int k = 0; k < TIMES; k++) {
        for (int i = 0; i < AT_ONCE; i++)
            members[i] = newcomer(&t, (uint16_t)(1 + k * AT_ONCE + i));
        struct wire_swim_sync sync = {.members = members, .members_count = AT_ONCE};
        cr_assert(town_say(&t, 1, 0, &(struct wire_peer_message){.sync = &sync}));
        town_run(&t, 10 * US_PER_MS);
    }
    cr_assert_eq(town_events(&t, 0, ""), 512);
    cr_assert_geq(town_events(&t, 0, "member."), 512 - 128);
    cr_assert_geq(town_events(&t, 0, "voters."), voters);
    town_done(&t);
}
