/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Operators' writes. Any node takes them; the leader executes them. A write that meets no leader waits for
 * one, and one whose leader was lost on the way is sent again: its request id makes it count once
 * (covey/state.h).
 */
#include "internal.h"

#define DONE_WAIT_US   (5 * US_PER_S) /* for this host to have what was written elsewhere */
#define VOTERS_WAIT_US (2 * US_PER_S) /* then a host tells what it knows of the voters by itself */

/* Each params struct begins with its request id, but that of a join, which is the node's own record. */
static const struct write_kind {
    const char *method;
    const struct codec_type *params;
} write_kinds[] = {
    {"run", &wire_admin_run_type},   {"stop", &wire_admin_stop_type},   {"var.put", &wire_admin_var_put_type},
    {"vote", &wire_admin_vote_type}, {"drain", &wire_admin_drain_type}, {"forget", &wire_admin_forget_type},
    {"away", &wire_admin_away_type},
};

static const struct write_kind *kind_find(struct bytes method) {
    for (size_t i = 0; i < sizeof write_kinds / sizeof write_kinds[0]; i++)
        if (bytes_is(method, write_kinds[i].method))
            return &write_kinds[i];
    return NULL;
}

bool node_write_is(struct bytes method) { return kind_find(method) != NULL; }

/* One allocation for both; freed through method.data. */
static void copy_call(struct bytes method, struct bytes params, struct bytes *ret_method,
                      struct bytes *ret_params) {
    uint8_t *at = mem_alloc(method.size + params.size + 1);
    mem_copy(at, method.data, method.size);
    mem_copy(at + method.size, params.data, params.size);
    *ret_method = bytes_of(at, method.size);
    *ret_params = bytes_of(at + method.size, params.size);
}

static void call_free(struct bytes method) { mem_free((void *)(uintptr_t)method.data); }

static void waiting_free(struct waiting_write *w) {
    call_free(w->method);
    mem_free((void *)(uintptr_t)w->result.data);
}

/* ---- answering ---- */

/* index: of the entry that did it; 0: none. */
static void answer(struct node *n, enum write_origin origin, uint64_t request, struct node_id peer, int error,
                   struct bytes text, struct bytes result, uint64_t index) {
    if (origin == WRITE_LOCAL) {
        struct bytes t = node_effect_copy(n, text), r = node_effect_copy(n, result);
        struct node_effect *e = node_emit(n, NODE_REPLY);
        e->request = request;
        e->error = error;
        e->text = t;
        e->data = r;
        node_restart_answered(n, request, error);
    } else if (origin == WRITE_FORWARDED) {
        struct wire_forward_response response = {
            .id = request, .error = error, .text = text, .result = result, .index = index};
        node_peer_send(n, peer, &(struct wire_peer_message){.forward_response = &response});
    } else
        node_join_answer(n, request, peer, error, text);
}

static void answer_text(struct node *n, enum write_origin origin, uint64_t request, struct node_id peer,
                        int error, const char *text) {
    answer(n, origin, request, peer, error, bytes_str(text), (struct bytes){0}, 0);
}

/* ---- executing, on the leader ---- */

static const char *command_of(struct node *n, struct bytes method, struct bytes params,
                              struct wire_command *c, int *error) {
    struct codec_fault fault = {0};
    *error = ERR_INVALID;
    if (bytes_is(method, "join")) {
        struct wire_node_record *record = arena_alloc(&n->scratch, sizeof *record);
        if (codec_decode(&wire_node_record_type, params, &n->scratch, record, &fault) != 0)
            return arena_printf(&n->scratch, "%s: %s", fault.path, fault.what);
        const struct wire_node_record *known = state_node_find(n->state, record->id);
        struct node_id id = identity_node_id(&record->key);
        if (!ID_EQUAL(id, record->id))
            return "the node id is not that of the key";
        *error = ERR_VERSION;
        if (known == NULL && (record->format > 1 ? record->format : 1) < state_format_used(n->state))
            return arena_printf(&n->scratch,
                                "the cluster's log needs format %u, and this agent knows formats up to %u: "
                                "upgrade it",
                                state_format_used(n->state), record->format > 1 ? record->format : 1);
        record->status =
            known != NULL && known->status != NODE_STATUS_LEFT ? known->status : NODE_STATUS_JOINING;
        record->joined_ms = known != NULL ? known->joined_ms : n->wall_ms;
        c->node = record;
        *error = 0;
        return NULL;
    }
    const struct write_kind *kind = kind_find(method);
    if (kind == NULL)
        return arena_printf(&n->scratch, "there is no write called %.*s", BYTES_FMT(method));
    void *p = arena_alloc(&n->scratch, kind->params->size);
    *error = codec_decode_named(kind->params, params, &n->scratch, p, &fault);
    if (*error != 0)
        return arena_printf(&n->scratch, "%s: %s", fault.path, fault.what);
    memcpy(&c->request, p, sizeof c->request);
    if (bytes_is(method, "run")) {
        char *text = arena_alloc(&n->scratch, WIRE_TEXT_MAX);
        c->job = &((struct wire_admin_run *)p)->job;
        *error = state_job_check(c->job, text, WIRE_TEXT_MAX);
        return *error != 0 ? text : NULL;
    }
    if (bytes_is(method, "stop")) {
        struct wire_cmd_job_stop *stop = arena_alloc(&n->scratch, sizeof *stop);
        stop->name = ((struct wire_admin_stop *)p)->name;
        c->job_stop = stop;
        return NULL;
    }
    if (node_host_word_is(method))
        return node_host_word(n, method, p, c, error);
    if (bytes_is(method, "vote")) {
        const struct wire_admin_vote *vote = p;
        struct wire_cmd_node_vote *rule = arena_alloc(&n->scratch, sizeof *rule);
        rule->vote = vote->vote;
        *error = node_find_named(n, vote->node, &rule->id);
        c->node_vote = rule;
        return *error == 0               ? NULL
               : *error == ERR_NOT_FOUND ? "there is no such host"
                                         : "several hosts begin so";
    }
    c->var = &((struct wire_admin_var_put *)p)->var;
    return NULL;
}

static struct bytes result_of(struct node *n, const struct pending_write *w,
                              const struct state_result *result) {
    struct buf out = {0};
    struct wire_command c = {0};
    int error = 0;
    if (bytes_is(w->method, "run")) {
        (void)command_of(n, w->method, w->params, &c, &error); /* well, as when it was executed */
        struct wire_admin_run_result r = {.name = c.job->name,
                                          .version = result->version,
                                          .index = result->index,
                                          .changed = result->changed};
        codec_encode_named(&wire_admin_run_result_type, &r, &out);
    } else {
        struct wire_admin_write_result r = {.index = result->index, .version = result->version};
        codec_encode_named(&wire_admin_write_result_type, &r, &out);
    }
    struct bytes copy = arena_copy(&n->scratch, buf_bytes(&out));
    buf_done(&out);
    return copy;
}

static const char *refusal_of(struct node *n, const struct pending_write *w, int error) {
    if (bytes_is(w->method, "stop") && error == ERR_NOT_FOUND)
        return "there is no such job";
    if (bytes_is(w->method, "var.put") && error == ERR_CONFLICT)
        return "the variable has another version by now";
    if (bytes_is(w->method, "var.put") && error == ERR_NOT_FOUND)
        return "there is no such variable";
    if (bytes_is(w->method, "join") && error == ERR_EXISTS)
        return "another host of the cluster has this name: start the agent with another --name, or forget "
               "that "
               "host there (`covey nodes forget HOST`)";
    if (error == ERR_STALE)
        return "so much was written since this was asked that nobody knows whether it was done already; look "
               "before asking again";
    if (node_host_word_is(w->method))
        return node_host_word_refused(error);
    return arena_printf(&n->scratch, "%.*s was refused: %s", BYTES_FMT(w->method), err_str(error));
}

static void write_done(struct node *n, const struct pending_write *w, const struct state_result *result) {
    struct node_id peer = w->origin == WRITE_JOIN ? w->joined : w->peer;
    if (result->error != 0)
        answer_text(n, w->origin, w->request, peer, result->error, refusal_of(n, w, result->error));
    else
        answer(n, w->origin, w->request, peer, 0, (struct bytes){0}, result_of(n, w, result), result->index);
}

/* A read that the leader alone can answer; it travels like a write. */
static struct bytes voters_told(struct node *n) {
    struct wire_admin_voters voters;
    struct buf out = {0};
    node_voters_view(n, &voters);
    codec_encode_named(&wire_admin_voters_type, &voters, &out);
    struct bytes copy = arena_copy(&n->scratch, buf_bytes(&out));
    buf_done(&out);
    return copy;
}

void node_write_execute(struct node *n, enum write_origin origin, uint64_t request, struct node_id peer,
                        struct bytes method, struct bytes params, uint64_t since, int64_t deadline_us) {
    struct wire_command c = {.since = since};
    int error = 0;
    if (bytes_is(method, "voters")) {
        answer(n, origin, request, peer, 0, (struct bytes){0}, voters_told(n), 0);
        return;
    }
    const char *why = command_of(n, method, params, &c, &error);
    if (why != NULL) {
        answer_text(n, origin, request, peer, error, why);
        return;
    }
    struct pending_write w = {.origin = origin,
                              .request = request,
                              .term = raft_term(n->raft),
                              .since = since,
                              .deadline_us = deadline_us};
    if (origin == WRITE_JOIN)
        w.joined = peer;
    else
        w.peer = peer;
    struct state_result known;
    if (!ID_IS_ZERO(c.request) && state_request_find(n->state, c.request, &known)) {
        node_mark(n, MARK_NODE_WRITE_ONCE);
        w.method = method;
        w.params = params;
        write_done(n, &w, &known);
        return;
    }
    n->write_quiet = origin == WRITE_LOCAL && c.var != NULL;
    error = node_propose(n, &c, &w.index);
    n->write_quiet = false;
    if (error != 0) {
        answer_text(n, origin, request, peer, error,
                    error == ERR_BUSY ? "the leader has too much to do; try again" : err_str(error));
        return;
    }
    copy_call(method, params, &w.method, &w.params);
    VEC_PUSH(&n->pending, w);
    if (!n->writes_gather)
        node_log_drain(n);
}

/*
 * What is pending is applied in the order in which it stands, as a rule; what is done goes from the front,
 * when there is as much of it as of the rest.
 */
void node_write_applied(struct node *n, uint64_t index, uint64_t term, const struct state_result *result) {
    size_t i = n->pending_done;
    while (i < n->pending.count && (n->pending.data[i].index != index || n->pending.data[i].term != term))
        i++;
    if (i == n->pending.count)
        return;
    struct pending_write done = n->pending.data[i];
    if (i == n->pending_done)
        n->pending_done++;
    else
        VEC_REMOVE(&n->pending, i);
    if (n->pending_done >= n->pending.count - n->pending_done) {
        n->pending.count -= n->pending_done;
        memmove(n->pending.data, n->pending.data + n->pending_done,
                n->pending.count * sizeof *n->pending.data);
        n->pending_done = 0;
    }
    write_done(n, &done, result);
    call_free(done.method);
}

/* ---- waiting for a leader ---- */

static void wait_push(struct node *n, uint64_t request, uint64_t stream, struct node_id joined,
                      struct bytes method, struct bytes params, uint64_t since, int64_t deadline_us) {
    struct waiting_write w = {.id = n->forward_next++,
                              .request = request,
                              .stream = stream,
                              .joined = joined,
                              .since = since,
                              .deadline_us = deadline_us};
    copy_call(method, params, &w.method, &w.params);
    VEC_PUSH(&n->waiting, w);
}

/* What was ours to commit may still be committed by the next leader: its request id keeps it from counting
 * twice. Its time goes on: where leaders come and go, nobody waits for longer than without any. */
void node_write_lost(struct node *n) {
    for (size_t i = n->pending_done; i < n->pending.count; i++) {
        struct pending_write *w = &n->pending.data[i];
        node_mark(n, MARK_NODE_WRITE_WAITED);
        if (w->origin == WRITE_LOCAL)
            wait_push(n, w->request, 0, w->joined, w->method, w->params, w->since, w->deadline_us);
        else if (w->origin == WRITE_JOIN)
            wait_push(n, 0, w->request, w->joined, w->method, w->params, w->since, w->deadline_us);
        else
            answer_text(n, w->origin, w->request, w->peer, ERR_NOT_LEADER, "leadership was lost");
        call_free(w->method);
    }
    n->pending.count = n->pending_done = 0;
}

static void waiting_answer(struct node *n, const struct waiting_write *w, int error, struct bytes text,
                           struct bytes result) {
    if (w->request != 0)
        answer(n, WRITE_LOCAL, w->request, w->joined, error, text, result, 0);
    else
        answer(n, WRITE_JOIN, w->stream, w->joined, error, text, result, 0);
}

/* Done elsewhere: the client is told when this host has it too, so that it reads what it wrote. */
static bool done_step(struct node *n, const struct waiting_write *w) {
    if (n->applied_index < w->done_index && n->now_us < w->deadline_us)
        return false;
    waiting_answer(n, w, 0, (struct bytes){0}, w->result);
    return true;
}

/* What comes while leadership is handed over waits for who has it then: that is no reason to refuse it. */
static bool takes_writes(const struct node *n) { return node_is_leader(n) && !raft_handing_over(n->raft); }

static bool waiting_step(struct node *n, struct waiting_write *w) {
    struct node_id leader;
    if (w->done_index != 0)
        return done_step(n, w);
    if (takes_writes(n)) {
        node_write_execute(n, w->request != 0 ? WRITE_LOCAL : WRITE_JOIN,
                           w->request != 0 ? w->request : w->stream, w->joined, w->method, w->params,
                           w->since, w->deadline_us);
        return true;
    }
    bool late = n->now_us >= w->deadline_us;
    if (late && bytes_is(w->method, "voters")) { /* what this host knows by itself is better than nothing */
        waiting_answer(n, w, 0, (struct bytes){0}, voters_told(n));
        return true;
    }
    if (late) {
        node_mark(n, MARK_NODE_WRITE_NO_LEADER);
        const char *text =
            "no leader answers: this side of the cluster has no quorum, or an election is under way; "
            "what runs goes on running";
        waiting_answer(n, w, ERR_NO_LEADER, bytes_str(text), (struct bytes){0});
        return true;
    }
    if (!node_leader_id(n, &leader) || ID_EQUAL(leader, n->identity.id))
        return false;
    if (ID_EQUAL(leader, w->sent_to) && n->now_us - w->sent_us < US_PER_S)
        return false;
    if (!ID_EQUAL(leader, w->sent_to) && w->sent_us != 0 && n->now_us - w->sent_us < FORWARD_RETRY_US / 10)
        return false;
    w->sent_to = leader;
    w->sent_us = n->now_us;
    node_mark(n, MARK_NODE_WRITE_FORWARDED);
    struct wire_forward_request f = {
        .id = w->id, .method = w->method, .params = w->params, .since = w->since};
    node_peer_send(n, leader, &(struct wire_peer_message){.forward_request = &f});
    return false;
}

void node_writes_settle(struct node *n) {
    if (!n->writes_due)
        return;
    n->writes_due = false;
    (void)node_log_feed(n, &(struct raft_input){.kind = RAFT_TICK});
}

/* Writes that came together are proposed together: one message to each voter, one flush. */
void node_write_tick(struct node *n) {
    if (n->waiting.count == 0)
        return;
    size_t kept = 0;
    uint64_t last_index = raft_last_index(n->raft);
    n->writes_gather = true;
    for (size_t i = 0; i < n->waiting.count; i++) {
        struct waiting_write w = n->waiting.data[i];
        if (waiting_step(n, &w))
            waiting_free(&w);
        else
            n->waiting.data[kept++] = w;
    }
    n->waiting.count = kept;
    n->writes_gather = false;
    n->writes_due |= raft_last_index(n->raft) != last_index;
    node_writes_settle(n);
}

int64_t node_write_deadline(const struct node *n) {
    return n->waiting.count > 0 ? n->now_us + 50 * US_PER_MS : TIME_NEVER_US;
}

/* ---- doors ---- */

/* A client that sent no request id gets one, so that a second sending does not count twice. */
static bool fill_request_id(struct node *n, const struct write_kind *kind, struct bytes *params) {
    void *p = arena_alloc(&n->scratch, kind->params->size);
    struct request_id id;
    if (codec_decode_named(kind->params, *params, &n->scratch, p, NULL) != 0)
        return false;
    memcpy(&id, p, sizeof id);
    if (!ID_IS_ZERO(id))
        return true;
    csprng_fill(&n->csprng, id.b, sizeof id.b);
    memcpy(p, &id, sizeof id);
    struct buf out = {0};
    codec_encode_named(kind->params, p, &out);
    *params = arena_copy(&n->scratch, buf_bytes(&out));
    buf_done(&out);
    return true;
}

void node_write_forward(struct node *n, uint64_t request, uint64_t stream, struct node_id joined,
                        struct bytes method, struct bytes params) {
    if (n->waiting.count >= REQUESTS_MAX) {
        struct waiting_write w = {.request = request, .stream = stream, .joined = joined};
        waiting_answer(n, &w, ERR_BUSY, bytes_str("too many writes wait for a leader"), (struct bytes){0});
        return;
    }
    int64_t patience = bytes_is(method, "voters") ? VOTERS_WAIT_US : WRITE_WAIT_US;
    wait_push(n, request, stream, joined, method, params, n->applied_index, n->now_us + patience);
}

void node_write_request(struct node *n, uint64_t request, struct bytes method, struct bytes params) {
    const struct write_kind *kind = kind_find(method);
    if (n->raft == NULL) {
        node_reply_error(n, request, ERR_NO_LEADER, "this host has not joined a cluster yet");
        return;
    }
    if (!fill_request_id(n, kind, &params)) {
        struct codec_fault fault = {0};
        void *p = arena_alloc(&n->scratch, kind->params->size);
        int error = codec_decode_named(kind->params, params, &n->scratch, p, &fault);
        node_reply_error(n, request, error, "%s: %s", fault.path, fault.what);
        return;
    }
    node_write_forward(n, request, 0, (struct node_id){{0}}, method, params);
}

/*
 * Is it in the log already, and was sent again only because that takes long? Its answer comes when it is
 * applied. As an entry of its own each sending would make a log that lags lag more, for as long as anybody
 * asks.
 */
static bool is_pending(const struct node *n, struct node_id from, const struct wire_forward_request *f) {
    for (size_t i = n->pending_done; i < n->pending.count; i++) {
        const struct pending_write *w = &n->pending.data[i];
        if (w->origin == WRITE_FORWARDED && w->request == f->id && ID_EQUAL(w->peer, from) &&
            bytes_equal(w->method, f->method) && bytes_equal(w->params, f->params))
            return true;
    }
    return false;
}

void node_write_forwarded(struct node *n, struct node_id from, const struct wire_forward_request *f) {
    if (!takes_writes(n))
        answer_text(n, WRITE_FORWARDED, f->id, from, ERR_NOT_LEADER, "not the leader");
    else if (!is_pending(n, from, f)) {
        n->writes_gather = n->writes_due = n->more_follows;
        node_write_execute(n, WRITE_FORWARDED, f->id, from, f->method, f->params, f->since, 0);
        n->writes_gather = false;
    }
}

void node_write_response(struct node *n, const struct wire_forward_response *r) {
    for (size_t i = 0; i < n->waiting.count; i++) {
        struct waiting_write *w = &n->waiting.data[i];
        if (w->id != r->id || w->done_index != 0)
            continue;
        if (r->error == ERR_NOT_LEADER || r->error == ERR_NO_LEADER) {
            w->sent_to = (struct node_id){{0}};
            return;
        }
        if (r->error == 0 && r->index > n->applied_index) {
            uint8_t *copy = mem_alloc(r->result.size + 1);
            mem_copy(copy, r->result.data, r->result.size);
            w->result = bytes_of(copy, r->result.size);
            w->done_index = r->index;
            w->deadline_us = n->now_us + DONE_WAIT_US;
            return;
        }
        struct waiting_write done = *w;
        VEC_REMOVE(&n->waiting, i);
        waiting_answer(n, &done, r->error, r->text, r->result);
        waiting_free(&done);
        return;
    }
}

void node_writes_done(struct node *n) {
    for (size_t i = n->pending_done; i < n->pending.count; i++)
        call_free(n->pending.data[i].method);
    for (size_t i = 0; i < n->waiting.count; i++)
        waiting_free(&n->waiting.data[i]);
    for (size_t i = 0; i < n->reads.count; i++)
        mem_free((void *)(uintptr_t)n->reads.data[i].job.data);
    VEC_DONE(&n->pending);
    VEC_DONE(&n->waiting);
    VEC_DONE(&n->reads);
    node_confirms_done(n);
    node_reasons_done(n);
}
