/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * What was answered "done" is done, once. The answer to a write names the entry that did it: that entry is
 * committed when the answer leaves, holds this write and, where the client chose one, its request id. Calls
 * with one request id get one answer, the same entry and version, whoever is asked. And a request id that
 * comes a second time in the log changes nothing there.
 */
#include "calls.h"
#include "truth.h"

struct done { /* of one request id */
    struct request_id id;
    uint64_t index;                            /* of the entry in which it came first; 0: not yet */
    uint64_t answered_index, answered_version; /* as told first; 0: not yet */
};
struct acked {
    struct map done; /* request id -> struct done */
    struct arena arena;
    bool again; /* the entry being applied has an id that came before */
    uint64_t version_before;
};
extern const struct checker check_acked;

static struct done *done_of(struct acked *a, struct request_id id) {
    struct done *d = MAP_GET_ID(&a->done, id);
    if (d == NULL) {
        d = arena_alloc(&a->arena, sizeof *d);
        d->id = id;
        map_put(&a->done, bytes_of(d->id.b, sizeof d->id.b), d);
    }
    return d;
}

/* Of what the command is about: the newest version of a job (stopped: one more), of a variable. */
static uint64_t version_of(const struct state *s, const struct wire_command *c) {
    struct bytes name = c->job != NULL        ? c->job->name
                        : c->job_stop != NULL ? c->job_stop->name
                                              : (struct bytes){0};
    if (c->var != NULL) {
        const struct wire_var_record *v = state_var_find(s, c->var->key);
        return v != NULL ? v->version : 0;
    }
    const struct wire_job_record *job = name.size > 0 ? state_job_find(s, name) : NULL;
    return job != NULL ? 2 * job->version + job->stopped : 0;
}

static void see_entry(struct acked *a, struct world *w, const struct sight *s) {
    const struct wire_command *c = s->command;
    if (c == NULL || ID_IS_ZERO(c->request))
        return;
    uint64_t version = version_of(truth_state(w), c);
    struct done *done = done_of(a, c->request);
    if (s->kind == SIGHT_COMMIT) {
        a->again = done->index != 0;
        a->version_before = version;
        return;
    }
    if (a->again && version != a->version_before)
        check_fail(w, &check_acked, (int)s->host->index,
                   "index %llu does again what index %llu has done for the same request",
                   (unsigned long long)s->entry->index, (unsigned long long)done->index);
    if (!a->again && s->error != ERR_STALE)
        done->index = s->entry->index;
}

/* ---- answers ---- */

static bool holds(const struct wire_command *c, const struct call *call) {
    struct request_id id = call_request_id(call);
    if (!ID_IS_ZERO(id) && !ID_EQUAL(id, c->request))
        return false;
    switch (call->kind) {
    case CALL_RUN: return c->job != NULL && bytes_equal(c->job->name, call->run->job.name);
    case CALL_STOP: return c->job_stop != NULL && bytes_equal(c->job_stop->name, call->stop->name);
    case CALL_VAR_PUT: return c->var != NULL && bytes_equal(c->var->key, call->put->var.key);
    case CALL_VARS:
    case CALL_OTHER: break;
    }
    return false;
}

static void see_done(struct world *w, const struct call *call) {
    const struct truth_entry *e = truth_entry_at(truth_of(w), call->index);
    struct arena a = {0};
    struct wire_command c;
    bool found = e != NULL && e->entry.kind == ENTRY_KIND_COMMAND &&
                 codec_decode(&wire_command_type, e->entry.data, &a, &c, NULL) == 0 && holds(&c, call);
    if (!found)
        check_fail(w, &check_acked, (int)call->host, "h%u answers request %llu: done at index %llu, which %s",
                   call->host, (unsigned long long)call->request, (unsigned long long)call->index,
                   e == NULL ? "is not committed" : "holds something else");
    arena_done(&a);
}

static void see_same(struct acked *a, struct world *w, const struct call *call) {
    struct request_id id = call_request_id(call);
    struct done *d = ID_IS_ZERO(id) ? NULL : done_of(a, id);
    if (d == NULL)
        return;
    if (d->answered_index == 0) {
        d->answered_index = call->index;
        d->answered_version = call->version;
    } else if (d->answered_index != call->index || d->answered_version != call->version)
        check_fail(w, &check_acked, (int)call->host,
                   "one request, two answers: index %llu version %llu, and index %llu version %llu",
                   (unsigned long long)d->answered_index, (unsigned long long)d->answered_version,
                   (unsigned long long)call->index, (unsigned long long)call->version);
}

static void acked_see(void *self, struct world *w, const struct sight *s) {
    if (s->kind != SIGHT_REPLY) {
        see_entry(self, w, s);
        return;
    }
    const struct calls *calls = calls_of(w);
    const struct call *call = calls_find(calls, s->request);
    if (call == NULL || !call_is_write(call) || s->error != 0)
        return;
    see_done(w, call);
    see_same(self, w, call);
}

static void acked_done(void *self) {
    struct acked *a = self;
    map_done(&a->done);
    arena_done(&a->arena);
}

const struct checker check_acked = {
    .name = "acked-once",
    .promise =
        "a write that was answered is committed, has happened once, and is never lost (Raft thesis 6.3; "
        "S2 of the partition promises)",
    .size = sizeof(struct acked),
    .sees = SEES(SIGHT_COMMIT) | SEES(SIGHT_APPLIED) | SEES(SIGHT_REPLY),
    .see = acked_see,
    .done = acked_done,
};
