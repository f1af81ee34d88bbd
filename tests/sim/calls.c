/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "calls.h"

static const struct method {
    const char *name;
    enum call_kind kind;
    const struct codec_type *params;
} methods[] = {
    {"run", CALL_RUN, &wire_admin_run_type},
    {"stop", CALL_STOP, &wire_admin_stop_type},
    {"var.put", CALL_VAR_PUT, &wire_admin_var_put_type},
    {"vars", CALL_VARS, &wire_admin_var_query_type},
};

static void *decode(struct calls *c, const struct codec_type *type, struct bytes data) {
    void *obj = arena_alloc(&c->arena, type->size);
    struct bytes copy = arena_copy(&c->arena, data);
    return codec_decode_named(type, copy, &c->arena, obj, NULL) == 0 ? obj : NULL;
}

static void see_call(struct calls *c, struct world *w, const struct sight *s) {
    struct call call = {
        .request = s->request, .host = s->host->index, .asked = ++c->moment, .asked_us = w->now_us};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (!bytes_is(s->method, methods[i].name))
            continue;
        const void *params = decode(c, methods[i].params, s->data);
        call.kind = params != NULL ? methods[i].kind : CALL_OTHER;
        call.run = call.kind == CALL_RUN ? params : NULL;
        call.stop = call.kind == CALL_STOP ? params : NULL;
        call.put = call.kind == CALL_VAR_PUT ? params : NULL;
        call.vars = call.kind == CALL_VARS ? params : NULL;
    }
    VEC_PUSH(&c->list, call);
}

static void see_reply(struct calls *c, struct world *w, const struct sight *s) {
    struct call *call = (struct call *)(uintptr_t)calls_find(c, s->request);
    if (call == NULL || call->answered != 0)
        return;
    call->answered = ++c->moment;
    call->answered_us = w->now_us;
    call->error = s->error;
    if (s->error != 0)
        return;
    if (call->kind == CALL_RUN) {
        const struct wire_admin_run_result *r = decode(c, &wire_admin_run_result_type, s->data);
        call->index = r != NULL ? r->index : 0;
        call->version = r != NULL ? r->version : 0;
    } else if (call->kind == CALL_STOP || call->kind == CALL_VAR_PUT) {
        const struct wire_admin_write_result *r = decode(c, &wire_admin_write_result_type, s->data);
        call->index = r != NULL ? r->index : 0;
        call->version = r != NULL ? r->version : 0;
    } else if (call->kind == CALL_VARS)
        call->found = decode(c, &wire_admin_vars_type, s->data);
}

static void calls_see(void *self, struct world *w, const struct sight *s) {
    if (s->kind == SIGHT_CALL)
        see_call(self, w, s);
    else
        see_reply(self, w, s);
}

static void calls_done(void *self) {
    struct calls *c = self;
    VEC_DONE(&c->list);
    arena_done(&c->arena);
}

const struct checker observe_calls = {
    .name = "calls",
    .size = sizeof(struct calls),
    .sees = SEES(SIGHT_CALL) | SEES(SIGHT_REPLY),
    .see = calls_see,
    .done = calls_done,
};

struct calls *calls_of(struct world *w) {
    return checker_self(w, &observe_calls);
}

const struct call *calls_find(const struct calls *c, uint64_t request) {
    for (size_t i = c->list.count; i-- > 0;)
        if (c->list.data[i].request == request)
            return &c->list.data[i];
    return NULL;
}

struct request_id call_request_id(const struct call *call) {
    switch (call->kind) {
    case CALL_RUN: return call->run->request;
    case CALL_STOP: return call->stop->request;
    case CALL_VAR_PUT: return call->put->request;
    case CALL_VARS:
    case CALL_OTHER: break;
    }
    return (struct request_id){{0}};
}
