/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * What only the leader does, after its first entry is committed: put facts and node status into the log, and
 * plan. It plans on the applied state alone, one plan at a time: the next waits until the last is applied, so
 * nothing is planned twice.
 */
#include "internal.h"

int node_propose(struct node *n, const struct wire_command *command, uint64_t *ret_index) {
    struct wire_command c = *command;
    struct buf data = {0};
    int may = node_format_may(n, command);
    if (may != 0)
        return may;
    c.time_ms = n->wall_ms;
    codec_encode(&wire_command_type, &c, &data);
    uint64_t expected = raft_last_index(n->raft) + 1;
    struct raft_input in = {
        .kind = RAFT_PROPOSE, .more = n->writes_gather, .quiet = n->write_quiet, .data = buf_bytes(&data)};
    int error = raft_feed(n->raft, n->now_us, &in);
    buf_done(&data);
    if (error == 0 && ret_index != NULL)
        *ret_index = expected;
    return error;
}

/* ---- taking and losing office ---- */

static void leader_start(struct node *n) {
    node_leader_stop(n);
    n->leader_term = raft_term(n->raft);
    n->memory = reconcile_memory_new();
    n->leader_since_us = n->leader_tick_us = n->now_us;
    n->plan_dirty = true;
    n->facts_dirty = n->self_dirty = true;
}

void node_leader_stop(struct node *n) {
    n->leader_term = n->plan_index = n->report_index = 0;
    n->leader_nodes.count = n->facts.count = n->reasons.count = n->enlightened.count = 0;
    n->forgotten.count = 0;
    n->plan_at_us = TIME_NEVER_US;
    n->hand_over_at_us = n->disk_late_since_us = 0;
    n->hand_overs = n->disk_late_count = 0;
    n->heir_tried = (struct node_id){{0}};
    arena_reset(&n->facts_arena);
    arena_reset(&n->reasons_arena);
    reconcile_memory_free(n->memory);
    n->memory = NULL;
}

struct leader_node *node_leader_node(struct node *n, struct node_id id, bool create) {
    size_t low = 0, high = n->leader_nodes.count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (ID_COMPARE(n->leader_nodes.data[middle].id, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < n->leader_nodes.count && ID_EQUAL(n->leader_nodes.data[low].id, id))
        return &n->leader_nodes.data[low];
    if (!create)
        return NULL;
    struct leader_node fresh = {.id = id,
                                .last_good_us = n->now_us,
                                .back_us = n->leader_since_us,
                                .seen_since_us = n->now_us,
                                .was_alive = true};
    VEC_INSERT(&n->leader_nodes, low, fresh);
    n->plan_dirty = true; /* it may take work from here on */
    return &n->leader_nodes.data[low];
}

bool node_in_office(const struct node *n) { return node_is_leader(n) && n->leader_term != 0; }

void node_leader_heard(struct node *n, struct node_id id) {
    struct leader_node *v = node_leader_node(n, id, false);
    if (v != NULL)
        v->last_good_us = n->now_us;
}

/* ---- node status ---- */

static void status_propose(struct node *n, const struct wire_node_record *r, enum node_status status) {
    struct wire_cmd_node_status change = {.id = r->id, .status = status};
    (void)node_propose(n, &(struct wire_command){.node_status = &change}, NULL);
}

static void node_look(struct node *n, const struct wire_node_record *r) {
    struct leader_node *v = node_leader_node(n, r->id, true);
    bool alive = node_alive(n, r->id);
    struct swim_member m;
    if (node_member(n, r->id, &m) && m.last_ack_us > v->last_good_us)
        v->last_good_us = m.last_ack_us;
    if (alive && !v->was_alive)
        v->back_us = v->seen_since_us = n->now_us;
    v->flaps += !alive && v->was_alive;
    if (v->generation != 0 && v->generation != r->generation) { /* its agent began anew, unnoticed */
        v->flaps++;
        v->seen_since_us = n->now_us;
    }
    v->generation = r->generation;
    v->was_alive = alive;
    node_away_look(n, r);
    if (ID_EQUAL(r->id, n->identity.id))
        return;
    bool long_enough = n->now_us - n->leader_since_us >= US_PER_S;
    if (!alive && r->status == NODE_STATUS_READY && long_enough)
        status_propose(n, r, NODE_STATUS_UNREACHABLE);
    struct raft_id voter = {.node = r->id, .log = r->log};
    struct wire_cmd_node_status remove = {.id = r->id};
    /* One that did not tell everybody that it leaves may not know that it has: it is heard out when it is
     * back. */
    bool told = node_member(n, r->id, &m) && m.state == MEMBER_STATE_LEFT;
    bool is_gone = (!alive && (told || n->now_us - v->last_good_us >= LEFT_FORGET_US)) ||
                   node_forget_is_due(n, r, alive);
    if (r->status == NODE_STATUS_LEFT && is_gone && !raft_is_voter(n->raft, &voter))
        (void)node_propose(n, &(struct wire_command){.node_remove = &remove}, NULL);
}

/* The first entries of a new cluster: its record, then the first host's. */
static void first_entries(struct node *n) {
    if (state_cluster(n->state) != NULL || n->applied_index < raft_commit_index(n->raft) ||
        raft_last_index(n->raft) > raft_commit_index(n->raft))
        return;
    struct wire_cluster_record cluster = n->cluster;
    (void)node_propose(n, &(struct wire_command){.init = &cluster}, NULL);
    n->self_dirty = n->facts_dirty = true;
}

/* ---- facts ---- */

static void report_node(struct node *n, struct node_id from, const struct wire_node_record *sent) {
    const struct wire_node_record *known = state_node_find(n->state, from);
    if (!ID_EQUAL(sent->id, from) || (known != NULL && known->status == NODE_STATUS_LEFT))
        return;
    if (known == NULL && !ID_EQUAL(from, n->identity.id))
        return; /* forgotten: it must join again */
    struct wire_node_record record = *sent;
    record.status = NODE_STATUS_READY;
    record.joined_ms = known != NULL ? known->joined_ms : n->wall_ms;
    record.modify_index = known != NULL ? known->modify_index : 0;
    node_words_take(&record, known);
    if (known != NULL && codec_equal(&wire_node_record_type, &record, known))
        return;
    (void)node_propose(n, &(struct wire_command){.node = &record}, NULL);
}

void node_leader_report(struct node *n, struct node_id from, const struct wire_report_message *report) {
    if (!node_in_office(n))
        return;
    if (report->node != NULL)
        report_node(n, from, report->node);
    for (size_t i = 0; i < report->facts_count; i++) {
        struct pending_fact p = {.node = from, .generation = report->generation};
        const struct wire_instance_record *known = state_instance_find(n->state, report->facts[i].instance);
        if (known != NULL && known->sequence >= report->facts[i].sequence && !report->facts[i].gone)
            continue;
        codec_copy(&wire_fact_type, &report->facts[i], &n->facts_arena, &p.fact);
        VEC_PUSH(&n->facts, p);
    }
}

/* One entry a node's run, and the next batch only when the last one is applied: what comes meanwhile is
 * gathered.
 */
static void facts_propose(struct node *n) {
    if (n->facts.count == 0 || n->report_index > n->applied_index)
        return;
    struct wire_fact *facts = arena_alloc(&n->scratch, n->facts.count * sizeof *facts);
    bool *taken = arena_alloc(&n->scratch, n->facts.count * sizeof *taken);
    for (size_t i = 0; i < n->facts.count; i++) {
        if (taken[i])
            continue;
        const struct pending_fact *first = &n->facts.data[i];
        struct wire_cmd_report report = {
            .node = first->node, .generation = first->generation, .facts = facts};
        for (size_t j = i; j < n->facts.count; j++) {
            const struct pending_fact *p = &n->facts.data[j];
            if (taken[j] || !ID_EQUAL(p->node, first->node) || p->generation != first->generation)
                continue;
            taken[j] = true;
            facts[report.facts_count++] = p->fact;
        }
        if (node_propose(n, &(struct wire_command){.report = &report}, &n->report_index) != 0)
            break;
    }
    n->facts.count = 0;
    arena_reset(&n->facts_arena);
}

/* ---- the plan ---- */

static void reasons_keep(struct node *n, const struct reconcile_plan *plan) {
    n->reasons.count = 0;
    arena_reset(&n->reasons_arena);
    for (size_t i = 0; i < plan->reasons_count; i++) {
        struct reconcile_reason r = {
            .job = arena_copy(&n->reasons_arena, plan->reasons[i].job),
            .group = arena_copy(&n->reasons_arena, plan->reasons[i].group),
            .text = arena_copy(&n->reasons_arena, plan->reasons[i].text),
        };
        VEC_PUSH(&n->reasons, r);
    }
}

/*
 * Between the death of an agent and SWIM's verdict lie seconds; its streams close at once. Work placed there
 * in between would wait for the verdict and for replace_after.
 */
static bool is_unheard(struct node *n, struct node_id id) {
    return !ID_EQUAL(id, n->identity.id) && (!node_streams_with(n, id) || node_suspects(n, id));
}

static struct reconcile_node_view view_of(struct node *n, struct leader_node *v) {
    bool alive = node_alive(n, v->id), unheard = is_unheard(n, v->id);
    if (!unheard)
        v->unheard_us = 0;
    else if (v->unheard_us == 0)
        v->unheard_us = n->now_us;
    return (struct reconcile_node_view){.id = v->id,
                                        .alive = alive,
                                        .unheard = unheard,
                                        .unheard_us = v->unheard_us,
                                        .last_good_us = v->last_good_us,
                                        /* It may be back since the last look at it. */
                                        .back_us = !v->was_alive && alive ? n->now_us : v->back_us};
}

static void plan_make(struct node *n) {
    bool due = n->plan_dirty || n->now_us >= n->plan_at_us;
    if (!due || n->plan_index > n->applied_index || n->applied_index < raft_commit_index(n->raft))
        return;
    n->plan_dirty = false;
    size_t count = n->leader_nodes.count;
    struct reconcile_node_view *views = arena_alloc(&n->scratch, (count + 1) * sizeof *views);
    for (size_t i = 0; i < count; i++)
        views[i] = view_of(n, &n->leader_nodes.data[i]);
    struct reconcile_plan plan = {0};
    reconcile_cluster(n->state, views, count, n->now_us, &n->reconcile_options, n->memory, &n->prng,
                      &n->scratch, &plan);
    n->plan_at_us = plan.next_us;
    reasons_keep(n, &plan);
    if (plan.plan.places_count + plan.plan.stops_count == 0)
        return;
    if (node_propose(n, &(struct wire_command){.plan = &plan.plan}, &n->plan_index) != 0)
        n->plan_dirty = true;
}

/* ---- the tick ---- */

static void leader_look(struct node *n) {
    n->leader_tick_us = n->now_us + LEADER_TICK_US;
    first_entries(n);
    size_t kept = 0;
    for (size_t i = 0; i < n->leader_nodes.count; i++)
        if (state_node_find(n->state, n->leader_nodes.data[i].id) != NULL)
            n->leader_nodes.data[kept++] = n->leader_nodes.data[i];
    n->leader_nodes.count = kept;
    for (size_t i = 0; i < state_nodes_count(n->state); i++)
        node_look(n, state_node_at(n->state, i));
    node_voters_tick(n);
}

void node_leader_tick(struct node *n) {
    if (!node_is_leader(n)) {
        if (n->leader_term != 0) {
            node_leader_stop(n);
            node_write_lost(n);
        }
        return;
    }
    if (n->leader_term != raft_term(n->raft))
        leader_start(n);
    if (n->now_us >= n->leader_tick_us)
        leader_look(n);
    facts_propose(n);
    plan_make(n);
    node_log_drain(n);
}

int64_t node_leader_deadline(const struct node *n) {
    if (n->leader_term == 0)
        return TIME_NEVER_US;
    return min_us(n->leader_tick_us, n->plan_index > n->applied_index ? TIME_NEVER_US : n->plan_at_us);
}
