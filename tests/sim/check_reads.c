/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Reads tell how old they are, and are. The answer to `vars` is what the log up to its `index` makes, nothing
 * else; and every write that an operator was told was done before (now - age_ms) is in it. What a host has
 * heard of its leader had left before and was on its way: on a good stream for less than SLACK_US. A bad one,
 * and one that is still being dialled, keeps messages for any time. So the age is judged only when this host
 * and all that run have been up and well connected since CALM_US before the moment that it names; and a host
 * that says it is isolated promises nothing.
 */
#include "calls.h"
#include "links.h"
#include "truth.h"

#define SLACK_US US_PER_S
#define CALM_US  (5 * US_PER_S)

struct change {
    struct bytes key; /* owned, with the value behind it */
    uint64_t index;
    bool exists;
    uint64_t version;
    uint32_t crc;
};
struct told {
    int64_t at_us;
    uint64_t index; /* highest so far */
};
struct reads {
    VEC(struct change) changes;
    VEC(struct told) told;
};
extern const struct checker check_reads;

static void see_change(struct reads *r, struct world *w, const struct sight *s) {
    if (s->command == NULL || s->command->var == NULL)
        return;
    struct bytes key = s->command->var->key;
    const struct wire_var_record *v = state_var_find(truth_state(w), key);
    uint8_t *copy = mem_alloc(key.size + 1);
    mem_copy(copy, key.data, key.size);
    struct change c = {.key = bytes_of(copy, key.size), .index = s->entry->index, .exists = v != NULL};
    if (v != NULL) {
        c.version = v->version;
        c.crc = crc32c(0, v->value.data, v->value.size);
    }
    VEC_PUSH(&r->changes, c);
}

static const struct change *change_at(const struct reads *r, struct bytes key, uint64_t index) {
    for (size_t i = r->changes.count; i-- > 0;)
        if (r->changes.data[i].index <= index && bytes_equal(r->changes.data[i].key, key))
            return &r->changes.data[i];
    return NULL;
}

static void compare(const struct reads *r, struct world *w, const struct call *call) {
    uint64_t index = call->found->freshness.index;
    size_t expected = 0;
    for (size_t i = 0; i < call->found->vars_count; i++) {
        const struct wire_var_record *v = &call->found->vars[i];
        const struct change *c = change_at(r, v->key, index);
        bool same = c != NULL && c->exists && c->version == v->version &&
                    c->crc == crc32c(0, v->value.data, v->value.size);
        if (!same)
            check_fail(w, &check_reads, (int)call->host,
                       "h%u reads %.*s with version %llu, which it had not at index %llu", call->host,
                       BYTES_FMT(v->key), (unsigned long long)v->version, (unsigned long long)index);
    }
    for (size_t i = 0; i < r->changes.count; i++) {
        const struct change *c = &r->changes.data[i];
        const struct wire_admin_var_query *q = call->vars;
        bool asked = q->key.size > 0 ? bytes_equal(q->key, c->key)
                                     : c->key.size >= q->prefix.size &&
                                           (q->prefix.size == 0 ||
                                            memcmp(c->key.data, q->prefix.data, q->prefix.size) == 0);
        expected += asked && c->exists && change_at(r, c->key, index) == c;
    }
    if (expected != call->found->vars_count)
        check_fail(w, &check_reads, (int)call->host, "h%u reads %zu variables; index %llu has %zu",
                   call->host, call->found->vars_count, (unsigned long long)index, expected);
}

static void see_age(const struct reads *r, struct world *w, const struct call *call) {
    const struct wire_admin_freshness *f = &call->found->freshness;
    int64_t age_us = (int64_t)(f->age_ms < 86400000 ? f->age_ms : 86400000) * US_PER_MS;
    age_us += age_us / 8; /* clocks may run slow */
    int64_t since_us = w->now_us - age_us - SLACK_US;
    if (f->isolated || !links_steady(w, call->host, w->now_us - since_us + CALM_US))
        return;
    for (size_t i = r->told.count; i-- > 0;) {
        if (r->told.data[i].at_us > since_us)
            continue;
        if (r->told.data[i].index > f->index)
            check_fail(w, &check_reads, (int)call->host,
                       "h%u says that its copy, of index %llu, was current %llu ms ago; %llu was answered "
                       "%lld ms ago",
                       call->host, (unsigned long long)f->index, (unsigned long long)f->age_ms,
                       (unsigned long long)r->told.data[i].index,
                       (long long)(w->now_us - r->told.data[i].at_us) / US_PER_MS);
        return;
    }
}

static void see_told(struct reads *r, struct world *w, const struct call *call) {
    uint64_t last = r->told.count > 0 ? r->told.data[r->told.count - 1].index : 0;
    struct told t = {.at_us = w->now_us, .index = call->index};
    if (call->index > last)
        VEC_PUSH(&r->told, t);
}

static void reads_see(void *self, struct world *w, const struct sight *s) {
    struct reads *r = self;
    if (s->kind == SIGHT_APPLIED) {
        see_change(r, w, s);
        return;
    }
    const struct call *call = calls_find(calls_of(w), s->request);
    if (call == NULL || s->error != 0)
        return;
    if (call_is_write(call))
        see_told(r, w, call);
    if (call->kind != CALL_VARS || call->found == NULL)
        return;
    if (call->vars->consistent && !call->found->freshness.consistent)
        check_fail(w, &check_reads, (int)call->host, "h%u was asked for a consistent read, and gave another",
                   call->host);
    compare(r, w, call);
    see_age(r, w, call);
}

static void reads_done(void *self) {
    struct reads *r = self;
    for (size_t i = 0; i < r->changes.count; i++)
        mem_free((void *)(uintptr_t)r->changes.data[i].key.data);
    VEC_DONE(&r->changes);
    VEC_DONE(&r->told);
}

const struct checker check_reads = {
    .name = "stated-age",
    .promise = "a read is a prefix of the log, at least as new as it says",
    .size = sizeof(struct reads),
    .sees = SEES(SIGHT_APPLIED) | SEES(SIGHT_REPLY),
    .see = reads_see,
    .done = reads_done,
};
