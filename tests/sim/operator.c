/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Calls at the admin socket of a host. Each call has a number of its own, also when it repeats an earlier one
 * with the same request id. An answer comes once, or the connection breaks and it never does.
 */
#include "checker.h"

#define CALL_US 200 /* through the socket, at most */

enum { REQUEST_ASKED, REQUEST_CLOSED, REQUEST_CREDIT };

static struct reply *reply_find(struct world *w, uint64_t request) {
    size_t index = (size_t)(request - 1); /* they are numbered from 1 on */
    return request != 0 && index < w->replies.count ? &w->replies.data[index] : NULL;
}

const struct reply *operator_reply(const struct world *w, uint64_t request) {
    size_t index = (size_t)(request - 1);
    return request != 0 && index < w->replies.count ? &w->replies.data[index] : NULL;
}

static void push(struct world *w, struct prng *p, uint32_t host, uint64_t request, uint64_t what,
                 struct bytes method, struct bytes params) {
    struct event *e = world_push(w, EVENT_REQUEST, 20 + (int64_t)prng_below(p, CALL_US), host);
    e->a = request;
    e->b = what;
    e->data_size = method.size + 1 + params.size;
    e->data = mem_alloc(e->data_size + 1);
    mem_copy(e->data, method.data, method.size);
    mem_copy(e->data + method.size + 1, params.data, params.size);
}

static uint64_t call(struct world *w, struct prng *p, uint32_t host, struct bytes method,
                     struct bytes params) {
    struct sim_host *h = &w->hosts[host];
    if (h->node == NULL || h->suspended)
        return 0;
    struct reply r = {.request = w->request_next++, .host = host, .run = h->run};
    VEC_PUSH(&w->replies, r);
    checkers_see(w,
                 &(struct sight){
                     .kind = SIGHT_CALL, .host = h, .request = r.request, .method = method, .data = params});
    push(w, p, host, r.request, REQUEST_ASKED, method, params);
    return r.request;
}

uint64_t operator_call_bytes(struct world *w, uint32_t host, struct bytes method, struct bytes params) {
    return call(w, &w->client_prng, host, method, params);
}

uint64_t operator_visit(struct world *w, uint32_t host, struct bytes method, struct bytes params) {
    return call(w, &w->visit_prng, host, method, params);
}

uint64_t operator_call(struct world *w, uint32_t host, const char *method, const struct codec_type *type,
                       const void *params) {
    struct buf out = {0};
    codec_encode_named(type, params, &out);
    uint64_t request = operator_call_bytes(w, host, bytes_str(method), buf_bytes(&out));
    buf_done(&out);
    return request;
}

void operator_request_event(struct world *w, struct event *e) {
    struct sim_host *h = &w->hosts[e->host];
    if (h->node == NULL || h->run != e->run)
        return;
    struct node_input in = {.kind = NODE_REQUEST_CLOSED, .request = e->a};
    if (e->b == REQUEST_ASKED) {
        in.kind = NODE_REQUEST;
        in.method = bytes_str((const char *)e->data);
        in.data = bytes_of(e->data + in.method.size + 1, e->data_size - in.method.size - 1);
    } else if (e->b == REQUEST_CREDIT) {
        in.kind = NODE_CREDIT;
        memcpy(&in.bytes, e->data, sizeof in.bytes);
    }
    host_feed(w, h, &in);
}

/* ---- jobs ---------------------------------------------------------------------------------------------- */

void operator_run_params(struct prng *p, const char *job, uint32_t count, const char *command, bool batch,
                         struct buf *out) {
    struct wire_port_request port = {.label = bytes_str("http")};
    struct wire_task tasks[2] = {{.name = bytes_str("t"),
                                  .driver = DRIVER_KIND_RAW_EXEC,
                                  .command = bytes_str(command),
                                  .cpu_mhz = 100,
                                  .memory_mib = 64,
                                  .kill_timeout_ms = 1000,
                                  .kill_signal = 15}};
    tasks[1] = tasks[0];
    tasks[1].name = bytes_str("u");
    struct wire_group group = {
        .name = bytes_str("g"),
        .count = count,
        .ports = &port,
        .ports_count = 1,
        .tasks = tasks,
        .tasks_count = strcmp(job, "duo") == 0 ? 2 : 1,
        .restart = {.attempts = 3, .interval_ms = 60000, .delay_ms = 500, .mode = RESTART_MODE_DELAY}};
    struct wire_admin_run run = {.job = {.name = bytes_str(job),
                                         .type = batch ? JOB_TYPE_BATCH : JOB_TYPE_SERVICE,
                                         .groups = &group,
                                         .groups_count = 1}};
    prng_fill(p, run.request.b, sizeof run.request.b);
    codec_encode_named(&wire_admin_run_type, &run, out);
}

uint64_t operator_run(struct world *w, uint32_t host, const char *job, uint32_t count, const char *command,
                      bool batch) {
    struct buf params = {0};
    world_say(w, host, "operator: run %s count %u", job, count);
    operator_run_params(&w->client_prng, job, count, command, batch, &params);
    uint64_t request = operator_call_bytes(w, host, bytes_str("run"), buf_bytes(&params));
    buf_done(&params);
    return request;
}

uint64_t operator_stop(struct world *w, uint32_t host, const char *job) {
    struct wire_admin_stop stop = {.name = bytes_str(job)};
    prng_fill(&w->client_prng, stop.request.b, sizeof stop.request.b);
    world_say(w, host, "operator: stop %s", job);
    return operator_call(w, host, "stop", &wire_admin_stop_type, &stop);
}

/* ---- answers ------------------------------------------------------------------------------------------- */

static void gone(struct world *w, struct reply *r) {
    r->gone = true;
    checkers_see(
        w, &(struct sight){.kind = SIGHT_CLIENT_GONE, .host = &w->hosts[r->host], .request = r->request});
}

void operator_give_up(struct world *w, uint64_t request) {
    struct reply *r = reply_find(w, request);
    if (r == NULL || r->done || r->gone)
        return;
    gone(w, r);
    push(w, &w->client_prng, r->host, request, REQUEST_CLOSED, (struct bytes){0}, (struct bytes){0});
}

void operator_grant(struct world *w, uint64_t request, uint64_t bytes) {
    const struct reply *r = operator_reply(w, request);
    if (r != NULL && !r->gone && w->hosts[r->host].run == r->run)
        push(w, &w->visit_prng, r->host, request, REQUEST_CREDIT, bytes_of(&bytes, sizeof bytes),
             (struct bytes){0});
}

void operator_hang_up(struct world *w, uint64_t request) {
    struct reply *r = reply_find(w, request);
    if (r == NULL || r->gone || w->hosts[r->host].run != r->run)
        return;
    if (!r->done)
        gone(w, r);
    r->gone = true;
    push(w, &w->visit_prng, r->host, request, REQUEST_CLOSED, (struct bytes){0}, (struct bytes){0});
}

void operator_agent_gone(struct world *w, uint32_t host) {
    for (size_t i = 0; i < w->replies.count; i++) {
        struct reply *r = &w->replies.data[i];
        if (r->host != host || r->run != w->hosts[host].run || r->done || r->gone)
            continue;
        uint64_t request = r->request;
        gone(w, r);
        clients_gone(w, request);
    }
}

void operator_replied(struct world *w, struct sim_host *h, const struct node_effect *e) {
    struct reply *r = reply_find(w, e->request);
    if (r == NULL || r->host != h->index || r->run != h->run) {
        world_fail(w, "h%u answers request %llu, which it was not asked", h->index,
                   (unsigned long long)e->request);
        return;
    }
    if (r->done)
        world_fail(w, "a request was answered twice");
    if (r->gone)
        return;
    r->done = true;
    r->error = e->error;
    checkers_see(w, &(struct sight){.kind = SIGHT_REPLY,
                                    .host = h,
                                    .request = e->request,
                                    .error = e->error,
                                    .data = e->data,
                                    .text = e->text});
    world_say(w, h->index, "reply to %llu: %s %.*s", (unsigned long long)e->request, err_str(e->error),
              BYTES_FMT(e->text));
    for (uint32_t i = 0; i < w->hosts_count && e->error != 0; i++)
        if (e->request == w->hosts[i].leave_request)
            w->hosts[i].leaving = false;
    clients_replied(w, e->request, e->error, e->data);
    visitors_replied(w, e->request, e->error, e->follow);
}
