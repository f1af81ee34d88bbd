/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* People at the admin socket. */
#include "world.h"

uint64_t operator_call(struct world *w, uint32_t host, const char *method, const struct codec_type *type,
                       const void *params) {
    struct sim_host *h = &w->hosts[host];
    struct buf out = {0};
    struct reply r = {.request = w->request_next++};
    if (h->node == NULL)
        return 0;
    codec_encode_named(type, params, &out);
    VEC_PUSH(&w->replies, r);
    struct node_input in = {
        .kind = NODE_REQUEST, .request = r.request, .method = bytes_str(method), .data = buf_bytes(&out)};
    host_feed(w, h, &in);
    buf_done(&out);
    return r.request;
}

uint64_t operator_run(struct world *w, uint32_t host, const char *job, uint32_t count, const char *command,
                      bool batch) {
    struct wire_port_request port = {.label = bytes_str("http")};
    struct wire_task task = {.name = bytes_str("t"),
                             .driver = DRIVER_KIND_RAW_EXEC,
                             .command = bytes_str(command),
                             .cpu_mhz = 100,
                             .memory_mib = 64,
                             .kill_timeout_ms = 1000,
                             .kill_signal = 15};
    struct wire_group group = {
        .name = bytes_str("g"),
        .count = count,
        .ports = &port,
        .ports_count = 1,
        .tasks = &task,
        .tasks_count = 1,
        .restart = {.attempts = 3, .interval_ms = 60000, .delay_ms = 500, .mode = RESTART_MODE_DELAY}};
    struct wire_admin_run run = {.job = {.name = bytes_str(job),
                                         .type = batch ? JOB_TYPE_BATCH : JOB_TYPE_SERVICE,
                                         .groups = &group,
                                         .groups_count = 1}};
    prng_fill(&w->prng, run.request.b, sizeof run.request.b);
    world_say(w, host, "operator: run %s count %u", job, count);
    return operator_call(w, host, "run", &wire_admin_run_type, &run);
}

uint64_t operator_stop(struct world *w, uint32_t host, const char *job) {
    struct wire_admin_stop stop = {.name = bytes_str(job)};
    prng_fill(&w->prng, stop.request.b, sizeof stop.request.b);
    world_say(w, host, "operator: stop %s", job);
    return operator_call(w, host, "stop", &wire_admin_stop_type, &stop);
}

const struct reply *operator_reply(const struct world *w, uint64_t request) {
    for (size_t i = 0; i < w->replies.count; i++)
        if (w->replies.data[i].request == request)
            return &w->replies.data[i];
    return NULL;
}

void operator_replied(struct world *w, const struct node_effect *e) {
    for (size_t i = 0; i < w->replies.count; i++) {
        struct reply *r = &w->replies.data[i];
        if (r->request != e->request)
            continue;
        if (r->done)
            world_fail(w, "a request was answered twice");
        r->done = true;
        r->error = e->error;
        world_say(w, 0, "reply to %llu: %s %.*s", (unsigned long long)e->request, err_str(e->error),
                  BYTES_FMT(e->text));
    }
}
