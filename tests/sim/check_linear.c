/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The clients' view of the variables: writes, and reads that ask to be consistent, are linearizable, whoever
 * was asked. One history a key, judged at the end of the run. Calls with one request id are one operation: it
 * begins with the first of them and ends with the first answer that says what became of it. A write whose
 * answer says nothing (no leader, busy, the agent died) may have happened or not.
 */
#include "calls.h"
#include "linear.h"

#define STEPS_MAX 200000

struct linear {
    uint64_t undecided; /* histories that were too hard */
};
extern const struct checker check_linear;

struct history {
    struct bytes key;
    VEC(struct linear_op) ops;
    VEC(struct request_id) ids;
    VEC(uint64_t) requests;
};

static uint64_t hash_of(struct bytes value) {
    return (uint64_t)crc32c(0, value.data, value.size) << 32 | (value.size & 0xffffffff);
}

/* false: it did not happen, and never will. */
static bool outcome_of(const struct call *call, enum linear_outcome *ret) {
    *ret = LINEAR_UNKNOWN;
    if (call->answered == 0)
        return true;
    switch (call->error) {
    case 0: *ret = LINEAR_OK; return true;
    case ERR_CONFLICT: *ret = LINEAR_CONFLICT; return true;
    case ERR_NOT_FOUND: *ret = LINEAR_ABSENT; return true;
    case ERR_INVALID:
    case ERR_LIMIT: return false;
    default: return true;
    }
}

static struct linear_op *op_of_id(struct history *h, struct request_id id) {
    for (size_t i = 0; !ID_IS_ZERO(id) && i < h->ids.count; i++)
        if (ID_EQUAL(h->ids.data[i], id))
            return &h->ops.data[i];
    return NULL;
}

static void push(struct history *h, const struct linear_op *op, struct request_id id, uint64_t request) {
    VEC_PUSH(&h->ops, *op);
    VEC_PUSH(&h->ids, id);
    VEC_PUSH(&h->requests, request);
}

static void add_put(struct history *h, const struct call *call) {
    const struct wire_cmd_var *var = &call->put->var;
    struct linear_op op = {.kind = var->remove ? LINEAR_REMOVE : LINEAR_WRITE,
                           .call = call->asked,
                           .value = hash_of(var->value),
                           .check = var->check,
                           .expect = var->version};
    bool may = outcome_of(call, &op.outcome);
    struct linear_op *first = op_of_id(h, call->put->request);
    op.answer = op.outcome != LINEAR_UNKNOWN ? call->answered : LINEAR_OPEN;
    op.version = op.outcome == LINEAR_OK ? call->version : 0;
    if (first == NULL && may)
        push(h, &op, call->put->request, call->request);
    else if (first != NULL && may && (first->outcome == LINEAR_UNKNOWN || op.answer < first->answer)) {
        op.call = first->call;
        *first = op;
    }
}

static bool key_matches(const struct wire_admin_var_query *q, struct bytes key) {
    if (q->key.size > 0)
        return bytes_equal(q->key, key);
    return q->prefix.size == 0 ||
           (key.size >= q->prefix.size && memcmp(key.data, q->prefix.data, q->prefix.size) == 0);
}

static void add_read(struct history *h, const struct call *call) {
    struct linear_op op = {
        .kind = LINEAR_READ, .outcome = LINEAR_ABSENT, .call = call->asked, .answer = call->answered};
    bool told = call->answered != 0 && (call->error == 0 || call->error == ERR_NOT_FOUND);
    if (!told || !call->vars->consistent || !key_matches(call->vars, h->key))
        return;
    for (size_t i = 0; call->found != NULL && i < call->found->vars_count; i++) {
        const struct wire_var_record *v = &call->found->vars[i];
        if (!bytes_equal(v->key, h->key))
            continue;
        op.outcome = LINEAR_OK;
        op.value = hash_of(v->value);
        op.version = v->version;
    }
    push(h, &op, (struct request_id){{0}}, call->request);
}

static void judge(struct linear *l, struct world *w, struct bytes key) {
    const struct calls *calls = calls_of(w);
    struct history h = {.key = key};
    for (size_t i = 0; i < calls->list.count; i++) {
        const struct call *call = &calls->list.data[i];
        if (call->kind == CALL_VAR_PUT && bytes_equal(call->put->var.key, key))
            add_put(&h, call);
        else if (call->kind == CALL_VARS)
            add_read(&h, call);
    }
    size_t at = 0;
    enum linear_verdict verdict = linear_check(h.ops.data, h.ops.count, STEPS_MAX, &at);
    l->undecided += verdict == LINEAR_UNDECIDED;
    if (verdict == LINEAR_BROKEN) {
        const struct call *call = calls_find(calls, h.requests.data[at]);
        check_fail(w, &check_linear, (int)call->host,
                   "variable %.*s: no order of the %zu operations explains the answer to request %llu (at "
                   "%.3f s, on h%u)",
                   BYTES_FMT(key), h.ops.count, (unsigned long long)call->request,
                   (double)call->answered_us / 1e6, call->host);
    }
    VEC_DONE(&h.ops);
    VEC_DONE(&h.ids);
    VEC_DONE(&h.requests);
}

static void over(void *self, struct world *w) {
    const struct calls *calls = calls_of(w);
    for (size_t i = 0; i < calls->list.count && !w->failed; i++) {
        const struct call *call = &calls->list.data[i];
        bool first = call->kind == CALL_VAR_PUT;
        for (size_t k = 0; first && k < i; k++)
            first = calls->list.data[k].kind != CALL_VAR_PUT ||
                    !bytes_equal(calls->list.data[k].put->var.key, call->put->var.key);
        if (first)
            judge(self, w, call->put->var.key);
    }
}

const struct checker check_linear = {
    .name = "linearizable",
    .promise =
        "writes and consistent reads of variables are linearizable, whoever is asked (Herlihy and Wing "
        "1990)",
    .size = sizeof(struct linear),
    .over = over,
};
