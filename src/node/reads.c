/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Operators' reads: from this node's own copy of the state, each saying how old it is. Those that ask to be
 * consistent wait in read_index.c until the copy is new enough.
 */
#include "internal.h"

#define ISOLATED_US (10 * US_PER_S)

/* 0 = never: since the start of this run, and who knows how long before. */
static uint64_t since_us(const struct node *n, int64_t at_us) {
    int64_t age = n->now_us - (at_us != 0 ? at_us : n->started_us);
    return (uint64_t)(age > 0 ? age : 0);
}

/* A host without a vote pulls the log, or is sent it by a leader that is about to give it one. */
int64_t node_contact_us(const struct node *n) {
    int64_t heard = raft_contact_us(n->raft);
    return raft_role(n->raft) == RAFT_LEARNER && n->fresh_us > heard ? n->fresh_us : heard;
}

/* It asks nobody but itself. */
static bool decides_alone(const struct node *n) {
    const struct wire_raft_config *config = raft_config_now(n->raft);
    return node_is_leader(n) && config->voters_count == 1 && config->voters_next_count == 0;
}

int64_t node_fresh_us(const struct node *n) { return decides_alone(n) ? n->now_us : n->fresh_us; }

/* What raft knows of its log is true of the state when all of that is applied. */
void node_fresh_settle(struct node *n) {
    int64_t fresh = raft_fresh_us(n->raft);
    if (fresh > n->fresh_us && n->applied_index >= raft_commit_index(n->raft))
        n->fresh_us = fresh;
}

void node_freshness(const struct node *n, struct wire_admin_freshness *ret) {
    *ret = (struct wire_admin_freshness){.index = n->applied_index, .consistent = n->confirmed};
    if (n->raft == NULL) {
        ret->isolated = true;
        return;
    }
    if (decides_alone(n))
        return;
    int64_t fresh = n->fresh_us;
    /* It may have been confirmed long before it could be answered. */
    if (n->confirmed && n->confirmed_us > fresh)
        fresh = n->confirmed_us;
    ret->age_ms = since_us(n, fresh) / 1000;
    ret->isolated = fresh == 0 || since_us(n, node_contact_us(n)) >= ISOLATED_US;
}

/* ---- status ---- */

static void status_voters(struct node *n, struct wire_admin_status *r) {
    const struct wire_raft_config *config = raft_config_now(n->raft);
    struct raft_id self = raft_self(n->raft);
    r->voters = arena_alloc(&n->scratch, (config->voters_count + 1) * sizeof *r->voters);
    for (size_t i = 0; i < config->voters_count; i++) {
        struct node_id id = config->voters[i].node;
        struct swim_member m;
        struct raft_progress_view progress = {.caught_up = true};
        struct wire_admin_voter *v = &r->voters[r->voters_count++];
        *v = (struct wire_admin_voter){.id = id, .name = node_name_of(n, id), .state = MEMBER_STATE_DEAD};
        if (node_member(n, id, &m))
            v->state = m.state;
        if (node_is_leader(n) && !raft_id_equal(&config->voters[i], &self))
            (void)raft_progress(n->raft, &config->voters[i], &progress);
        v->caught_up = progress.caught_up;
        /* A vote is a host's under one life of its disk: one that was re-seeded is not the voter that it was.
         */
        const struct wire_node_record *record = state_node_find(n->state, id);
        if (node_alive(n, id) && (record == NULL || ID_EQUAL(record->log, config->voters[i].log)))
            r->voters_live++;
    }
    uint32_t quorum = (uint32_t)r->voters_count / 2 + 1;
    r->survives = r->voters_live >= quorum ? r->voters_live - quorum : 0;
}

static struct bytes status_advice(struct node *n, const struct wire_admin_status *r) {
    if (n->proofs.dispute.said)
        return bytes_str("the voters have two states, and no majority tells which is right: `covey events` "
                         "names them; it takes one more voter to tell");
    if (r->freshness.isolated && r->voters_count > 0)
        return bytes_str("no contact with a leader: what runs goes on running, writes wait");
    if (r->nodes == 1)
        return bytes_str("one host: its loss stops everything; `covey token` prints how to add another");
    if (r->nodes == 2 && r->voters_count == 1)
        return bytes_str("two hosts, one voter: writes stop if the voter is lost; a third host makes the "
                         "cluster survive one loss");
    if (r->voters_count > 0 && r->voters_live < r->voters_count)
        return bytes_str(arena_printf(&n->scratch, "%u of %zu voters are not seen",
                                      (unsigned)(r->voters_count - r->voters_live), r->voters_count));
    if (r->voters_count > 0 && r->survives == 0)
        return bytes_str("no voter may be lost: `covey voters` tells why");
    return (struct bytes){0};
}

static void count_running(void *arg, const struct wire_instance_record *r) {
    if (r->state == INSTANCE_STATE_RUNNING)
        ++*(uint32_t *)arg;
}

void node_read_status(struct node *n, uint64_t request) {
    struct wire_admin_status r = {.id = n->identity.id,
                                  .name = n->self.name,
                                  .version = n->self.version,
                                  .log_state = n->log_state,
                                  .role = bytes_str("joining"),
                                  .cluster = n->cluster.id};
    node_freshness(n, &r.freshness);
    if (n->raft != NULL) {
        struct raft_id self = {.node = n->identity.id, .log = n->self.log};
        if (n->log_damaged && !n->disk_failed && raft_is_voter(n->raft, &self)) {
            n->log_damaged = false; /* the new life of the log has its vote */
            n->log_state = r.log_state = bytes_str("ok");
        }
        r.term = raft_term(n->raft);
        r.role = bytes_str(raft_role_str(raft_role(n->raft)));
        if (node_leader_id(n, &r.leader))
            r.leader_name = node_name_of(n, r.leader);
        status_voters(n, &r);
    }
    r.nodes = (uint32_t)state_nodes_count(n->state);
    for (size_t i = 0; i < r.nodes; i++)
        r.nodes_live += node_alive(n, state_node_at(n->state, i)->id);
    for (size_t i = 0; i < state_jobs_count(n->state); i++)
        r.jobs += !state_job_at(n->state, i)->stopped;
    state_instances_each(n->state, count_running, &r.instances_running);
    r.advice = status_advice(n, &r);
    node_reply(n, request, &wire_admin_status_type, &r);
}

/* ---- nodes ---- */

static void read_nodes(struct node *n, uint64_t request) {
    size_t count = state_nodes_count(n->state);
    struct wire_admin_nodes r = {.nodes = arena_alloc(&n->scratch, (count + 1) * sizeof *r.nodes)};
    struct node_id leader = {{0}};
    node_freshness(n, &r.freshness);
    (void)node_leader_id(n, &leader);
    for (size_t i = 0; i < count; i++) {
        const struct wire_node_record *record = state_node_at(n->state, i);
        struct wire_admin_node *o = &r.nodes[r.nodes_count++];
        node_view_fill(n, record, o);
        o->leader = ID_EQUAL(record->id, leader);
    }
    node_reply(n, request, &wire_admin_nodes_type, &r);
}

/* ---- jobs ---- */

static void instance_view(struct node *n, const struct wire_instance_record *record,
                          struct wire_admin_instance *o) {
    const struct wire_node_record *node = state_node_find(n->state, record->node);
    struct swim_member m;
    *o = (struct wire_admin_instance){
        .record = *record, .node_name = node_name_of(n, record->node), .node_state = MEMBER_STATE_DEAD};
    if (node_member(n, record->node, &m))
        o->node_state = m.state;
    else
        m = (struct swim_member){.state = MEMBER_STATE_DEAD};
    o->reported = node_facts_instance(n, record->node, record->id);
    if (o->reported != NULL && o->reported->sequence != 0 && record->sequence > o->reported->sequence)
        o->reported = NULL; /* the log is ahead of it */
    if (node == NULL)
        return;
    char text[ADDR_TEXT_SIZE];
    /* Where it is seen, if it is: without a leader a new address does not come into the table. */
    addr_host_text(m.state == MEMBER_STATE_ALIVE && m.addr.size != 0 ? &m.addr : &node->addr, text);
    o->addr = arena_copy(&n->scratch, bytes_str(text));
}

struct collect {
    struct node *n;
    VEC(struct wire_admin_instance) list;
    const struct wire_admin_ps_query *query;
    struct node_id node; /* that the query names */
    struct wire_admin_job_status *job;
};

static bool is_healthy(struct node *n, const struct wire_instance_record *r) {
    const struct wire_facts_instance *i =
        state_instance_live(r) ? node_facts_instance(n, r->node, r->id) : NULL;
    return i != NULL && i->health == HEALTH_HEALTHY;
}

static void job_group_count(struct collect *c, const struct wire_instance_record *r) {
    for (size_t g = 0; g < c->job->groups_count; g++) {
        struct wire_admin_group_status *group = &c->job->groups[g];
        if (!bytes_equal(group->name, r->group))
            continue;
        if (r->desired == DESIRED_STATE_STOP && r->state != INSTANCE_STATE_COMPLETE)
            return;
        if (state_instance_live(r) && !node_alive(c->n, r->node))
            return; /* unknown, and told so in the list */
        group->running += r->state == INSTANCE_STATE_RUNNING;
        group->healthy += is_healthy(c->n, r);
        group->starting += r->state == INSTANCE_STATE_PLACED || r->state == INSTANCE_STATE_STARTING;
        group->complete += r->state == INSTANCE_STATE_COMPLETE && r->version == c->job->record.version;
        group->failed += r->state == INSTANCE_STATE_FAILED && r->version == c->job->record.version;
    }
}

static void job_collect(void *arg, const struct wire_instance_record *r) {
    struct collect *c = arg;
    struct wire_admin_instance view;
    job_group_count(c, r);
    if (c->list.count >= 20000)
        return;
    instance_view(c->n, r, &view);
    VEC_PUSH(&c->list, view);
}

static void job_groups(struct node *n, const struct wire_job_record *record,
                       struct wire_admin_job_status *r) {
    r->groups = arena_alloc(&n->scratch, (record->spec.groups_count + 1) * sizeof *r->groups);
    for (size_t g = 0; g < record->spec.groups_count; g++) {
        struct wire_admin_group_status *o = &r->groups[r->groups_count++];
        o->name = record->spec.groups[g].name;
        o->count = record->stopped ? 0 : record->spec.groups[g].count;
        for (size_t k = 0; k < n->reasons.count; k++)
            if (bytes_equal(n->reasons.data[k].job, record->spec.name) &&
                bytes_equal(n->reasons.data[k].group, o->name))
                o->reason = n->reasons.data[k].text;
    }
}

static bool has_empty_slots(const struct wire_admin_job_status *r) {
    for (size_t g = 0; g < r->groups_count; g++) {
        const struct wire_admin_group_status *o = &r->groups[g];
        if (o->running + o->starting + o->complete < o->count)
            return true;
    }
    return false;
}

static void job_reasons(struct wire_admin_job_status *r, const struct wire_reasons_response *reasons) {
    for (size_t g = 0; g < r->groups_count; g++)
        for (size_t k = 0; k < reasons->reasons_count; k++)
            if (bytes_equal(reasons->reasons[k].group, r->groups[g].name))
                r->groups[g].reason = reasons->reasons[k].text;
}

/* may_ask: the leader, when slots are empty; then the answer comes later. */
static void job_tell(struct node *n, uint64_t request, struct bytes name, bool may_ask,
                     const struct wire_reasons_response *reasons) {
    const struct wire_job_record *record = state_job_find(n->state, name);
    if (record == NULL) {
        node_reply_error(n, request, ERR_NOT_FOUND, "there is no job named %.*s", BYTES_FMT(name));
        return;
    }
    struct wire_admin_job_status r = {.record = *record, .index = state_job_index(n->state, name)};
    node_freshness(n, &r.freshness);
    job_groups(n, record, &r);
    struct collect c = {.n = n, .job = &r};
    state_instances_of_job(n->state, name, job_collect, &c);
    r.instances = c.list.data;
    r.instances_count = c.list.count;
    if (reasons != NULL)
        job_reasons(&r, reasons);
    if (!may_ask || !has_empty_slots(&r) || !node_reasons_ask(n, request, name))
        node_reply(n, request, &wire_admin_job_status_type, &r);
    VEC_DONE(&c.list);
}

static void job_answer(struct node *n, uint64_t request, struct bytes name) {
    job_tell(n, request, name, true, NULL);
}

void node_job_answer(struct node *n, uint64_t request, struct bytes name,
                     const struct wire_reasons_response *reasons) {
    job_tell(n, request, name, false, reasons);
}

static void read_job(struct node *n, uint64_t request, const struct wire_admin_job_query *q) {
    uint64_t index = state_job_index(n->state, q->name);
    if (q->wait_ms == 0 || index > q->min_index || n->reads.count >= REQUESTS_MAX) {
        job_answer(n, request, q->name);
        return;
    }
    uint64_t wait_ms = q->wait_ms < 60000 ? q->wait_ms : 60000;
    struct waiting_read w = {.request = request,
                             .min_index = q->min_index,
                             .deadline_us = n->now_us + (int64_t)wait_ms * US_PER_MS};
    uint8_t *name = mem_alloc(q->name.size + 1);
    mem_copy(name, q->name.data, q->name.size);
    w.job = bytes_of(name, q->name.size);
    VEC_PUSH(&n->reads, w);
}

void node_reads_changed(struct node *n) {
    bool changed = n->reads_dirty;
    n->reads_dirty = false;
    for (size_t i = 0; i < n->reads.count;) {
        struct waiting_read w = n->reads.data[i];
        bool due = n->now_us >= w.deadline_us || (changed && state_job_index(n->state, w.job) > w.min_index);
        if (!due) {
            i++;
            continue;
        }
        VEC_REMOVE(&n->reads, i);
        job_answer(n, w.request, w.job);
        mem_free((void *)(uintptr_t)w.job.data);
    }
}

int64_t node_reads_deadline(const struct node *n) {
    int64_t at = TIME_NEVER_US;
    for (size_t i = 0; i < n->reads.count; i++)
        at = min_us(at, n->reads.data[i].deadline_us);
    return at;
}

struct summary {
    struct wire_admin_job_summary *o;
    uint64_t version;
};

static void summary_count(void *arg, const struct wire_instance_record *r) {
    struct summary *s = arg;
    s->o->running += r->state == INSTANCE_STATE_RUNNING;
    s->o->complete += r->state == INSTANCE_STATE_COMPLETE && r->version == s->version;
    s->o->failed += r->state == INSTANCE_STATE_FAILED && r->version == s->version;
}

static void read_jobs(struct node *n, uint64_t request) {
    size_t count = state_jobs_count(n->state);
    struct wire_admin_jobs r = {.jobs = arena_alloc(&n->scratch, (count + 1) * sizeof *r.jobs)};
    node_freshness(n, &r.freshness);
    for (size_t i = 0; i < count && i < 20000; i++) {
        const struct wire_job_record *record = state_job_at(n->state, i);
        struct wire_admin_job_summary *o = &r.jobs[r.jobs_count++];
        *o = (struct wire_admin_job_summary){.name = record->spec.name,
                                             .type = record->spec.type,
                                             .version = record->version,
                                             .stopped = record->stopped,
                                             .submitted_ms = record->submitted_ms};
        for (size_t g = 0; g < record->spec.groups_count; g++)
            o->count += record->spec.groups[g].count;
        struct summary s = {.o = o, .version = record->version};
        state_instances_of_job(n->state, record->spec.name, summary_count, &s);
    }
    node_reply(n, request, &wire_admin_jobs_type, &r);
}

/* ---- ps ---- */

bool node_id_begins(const uint8_t id[ID_SIZE], struct bytes prefix) {
    char hex[ID_TEXT_SIZE];
    id_text(id, hex);
    return prefix.size > 0 && bytes_starts(bytes_str(hex), prefix);
}

int node_find_named(const struct node *n, struct bytes want, struct node_id *ret) {
    unsigned matches = 0;
    for (size_t i = 0; i < state_nodes_count(n->state); i++) {
        const struct wire_node_record *r = state_node_at(n->state, i);
        if (bytes_equal(r->name, want)) {
            *ret = r->id;
            return 0;
        }
        if (node_id_begins(r->id.b, want)) {
            *ret = r->id;
            matches++;
        }
    }
    return matches == 0 ? ERR_NOT_FOUND : matches == 1 ? 0 : ERR_INVALID;
}

static void ps_collect(void *arg, const struct wire_instance_record *r) {
    struct collect *c = arg;
    struct wire_admin_instance view;
    if (!c->query->all && !state_instance_live(r))
        return;
    if (c->query->job.size > 0 && !bytes_equal(c->query->job, r->job))
        return;
    if (c->query->node.size > 0 && !ID_EQUAL(r->node, c->node))
        return;
    instance_view(c->n, r, &view);
    VEC_PUSH(&c->list, view);
}

static void read_ps(struct node *n, uint64_t request, const struct wire_admin_ps_query *q) {
    struct wire_admin_ps r = {0};
    struct collect c = {.n = n, .query = q};
    int error = q->node.size > 0 ? node_find_named(n, q->node, &c.node) : 0;
    if (error == ERR_INVALID) {
        node_reply_error(n, request, error, "several hosts begin so");
        return;
    }
    node_freshness(n, &r.freshness);
    if (error == 0)
        state_instances_each(n->state, ps_collect, &c);
    r.instances = c.list.data;
    r.instances_count = c.list.count;
    node_reply(n, request, &wire_admin_ps_type, &r);
    VEC_DONE(&c.list);
}

/* ---- variables, token ---- */

static void read_vars(struct node *n, uint64_t request, const struct wire_admin_var_query *q) {
    size_t count = state_vars_count(n->state);
    struct wire_admin_vars r = {.vars = arena_alloc(&n->scratch, (count + 1) * sizeof *r.vars)};
    node_freshness(n, &r.freshness);
    for (size_t i = 0; i < count; i++) {
        const struct wire_var_record *v = state_var_at(n->state, i);
        bool match = q->key.size > 0 ? bytes_equal(v->key, q->key) : bytes_starts(v->key, q->prefix);
        if (match)
            r.vars[r.vars_count++] = *v;
    }
    if (q->key.size > 0 && r.vars_count == 0)
        node_reply_error(n, request, ERR_NOT_FOUND, "there is no variable %.*s", BYTES_FMT(q->key));
    else
        node_reply(n, request, &wire_admin_vars_type, &r);
}

static void read_token(struct node *n, uint64_t request) {
    struct join_token token = {.cluster = n->cluster.id, .secret = n->join_secret};
    struct buf text = {0};
    char addr[ADDR_TEXT_SIZE];
    secret_token_append(&text, &token);
    addr_text(&n->self.addr, addr);
    struct wire_admin_token r = {.token = buf_bytes(&text), .addr = bytes_str(addr)};
    node_reply(n, request, &wire_admin_token_type, &r);
    secret_wipe(text.data, text.size);
    buf_done(&text);
    secret_wipe(&token, sizeof token);
}

/* ---- the door ---- */

static bool decode_params(struct node *n, uint64_t request, const struct codec_type *type,
                          struct bytes params, void *ret) {
    struct codec_fault fault = {0};
    int error = codec_decode_named(type, params, &n->scratch, ret, &fault);
    if (error != 0)
        node_reply_error(n, request, error, "%s: %s", fault.path, fault.what);
    return error == 0;
}

static bool is_read(struct bytes method) {
    static const char *const methods[] = {"status", "nodes", "jobs", "job", "ps", "vars", "backup"};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (bytes_is(method, methods[i]))
            return true;
    return false;
}

void node_request_read(struct node *n, uint64_t request, struct bytes method, struct bytes params) {
    struct wire_admin_job_query job;
    struct wire_admin_ps_query ps;
    struct wire_admin_var_query vars;
    if (bytes_is(method, "status"))
        node_read_status(n, request);
    else if (bytes_is(method, "nodes"))
        read_nodes(n, request);
    else if (bytes_is(method, "jobs"))
        read_jobs(n, request);
    else if (bytes_is(method, "backup"))
        node_stream_backup(n, request, params);
    else if (bytes_is(method, "token"))
        read_token(n, request);
    else if (bytes_is(method, "job")) {
        if (decode_params(n, request, &wire_admin_job_query_type, params, &job))
            read_job(n, request, &job);
    } else if (bytes_is(method, "ps")) {
        if (decode_params(n, request, &wire_admin_ps_query_type, params, &ps))
            read_ps(n, request, &ps);
    } else if (bytes_is(method, "vars")) {
        if (decode_params(n, request, &wire_admin_var_query_type, params, &vars))
            read_vars(n, request, &vars);
    } else
        node_reply_error(n, request, ERR_NOT_FOUND, "there is no method %.*s", BYTES_FMT(method));
}

void node_request(struct node *n, uint64_t request, struct bytes method, struct bytes params) {
    bool consistent = is_read(method) && node_confirm_wanted(n, params);
    if (bytes_is(method, "status") && !consistent)
        node_read_status(n, request);
    else if (bytes_is(method, "events"))
        node_stream_events(n, request, params);
    else if (bytes_is(method, "counters"))
        node_read_counters(n, request);
    else if (node_write_is(method))
        node_write_request(n, request, method, params);
    else if (n->raft == NULL)
        node_reply_error(n, request, ERR_NO_LEADER, "this host has not joined a cluster yet");
    else if (bytes_is(method, "leave"))
        node_leave_request(n, request);
    else if (bytes_is(method, "agent.restart"))
        node_restart_request(n, request, params);
    else if (bytes_is(method, "matrix"))
        node_matrix_request(n, request, params);
    else if (bytes_is(method, "voters"))
        node_write_forward(n, request, 0, (struct node_id){{0}}, method, params);
    else if (bytes_is(method, "logs"))
        node_stream_logs(n, request, params);
    else if (bytes_is(method, "var.watch"))
        node_stream_vars(n, request, params);
    else if (consistent)
        node_confirm_request(n, request, method, params);
    else
        node_request_read(n, request, method, params);
}

void node_request_closed(struct node *n, uint64_t request) {
    node_confirm_closed(n, request);
    node_reasons_closed(n, request);
    node_matrix_closed(n, request);
    for (size_t i = 0; i < n->reads.count; i++) {
        if (n->reads.data[i].request != request)
            continue;
        mem_free((void *)(uintptr_t)n->reads.data[i].job.data);
        VEC_REMOVE(&n->reads, i);
        return;
    }
    if (n->leave_request == request)
        n->leave_request = 0;
    if (n->restart_request == request)
        n->restart_request = 0;
    node_credit(n, request, 0);
}
