/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * An end that a host has kept is never forgotten there. When an agent has learnt from the shim that its task
 * is over for good, it writes that down; once what it wrote then is durable, no run of it starts the task
 * again, whatever became of the shim's own status, and whether or not a leader has heard. (A batch job would
 * run twice.) Instances of several tasks are left out: they are over when all of their tasks are.
 */
#include "truth.h"

struct ended {
    struct instance_id instance;
    uint32_t host;
    uint64_t after; /* operations of this run that must be durable first; 0: they are */
};
struct ends {
    VEC(struct ended) list;
    uint64_t asked[HOSTS_MAX], durable[HOSTS_MAX]; /* operations of this run that count */
};
extern const struct checker check_ends;

static bool counts(enum disk_op_kind kind) { return kind != DISK_WRITE; }

static bool is_one_task(const struct sim_host *h, struct instance_id id) {
    const struct state *s = node_state(h->node);
    const struct wire_instance_record *r = state_instance_find(s, id);
    const struct wire_job_record *job = r != NULL ? state_job_version(s, r->job, r->version) : NULL;
    const struct wire_group *group = job != NULL ? state_group_find(job, r->group) : NULL;
    return group != NULL && group->tasks_count == 1;
}

static void see_end(struct ends *e, const struct sight *s) {
    const struct node_input *in = s->input;
    if (in->kind != NODE_TASK_STATUS || in->status->fact.state != TASK_STATE_DEAD ||
        s->host->disk.error != 0 || !is_one_task(s->host, in->instance))
        return;
    struct ended ended = {.instance = in->instance, .host = s->host->index, .after = UINT64_MAX};
    VEC_PUSH(&e->list, ended);
}

/* The step is over in which the end was taken: what it asked of the disk by now has the journal's record. */
static void see_step(struct ends *e, uint32_t host) {
    for (size_t i = e->list.count; i-- > 0;)
        if (e->list.data[i].host == host && e->list.data[i].after == UINT64_MAX)
            e->list.data[i].after = e->asked[host];
}

static void see_durable(struct ends *e, uint32_t host) {
    e->durable[host]++;
    for (size_t i = e->list.count; i-- > 0;)
        if (e->list.data[i].host == host && e->list.data[i].after <= e->durable[host])
            e->list.data[i].after = 0;
}

/* all: what its disk had is gone, too. */
static void forget(struct ends *e, uint32_t host, bool all) {
    for (size_t i = e->list.count; i-- > 0;)
        if (e->list.data[i].host == host && (all || e->list.data[i].after != 0))
            VEC_REMOVE(&e->list, i);
}

static void see_start(const struct ends *e, struct world *w, const struct sight *s) {
    const struct instance_id *id = &s->effect->spec->instance;
    char text[ID_SHORT_SIZE];
    for (size_t i = 0; i < e->list.count; i++) {
        const struct ended *x = &e->list.data[i];
        if (x->host != s->host->index || x->after != 0 || !ID_EQUAL(x->instance, *id))
            continue;
        id_short(id->b, text);
        check_fail(w, &check_ends, (int)s->host->index, "h%u starts %s, whose end it has written down",
                   s->host->index, text);
        return;
    }
}

static void ends_see(void *self, struct world *w, const struct sight *s) {
    struct ends *e = self;
    uint32_t host = s->host->index;
    if (s->kind == SIGHT_INPUT)
        see_end(e, s);
    else if (s->kind == SIGHT_STEP)
        see_step(e, host);
    else if (s->kind == SIGHT_DURABLE)
        see_durable(e, host);
    else if (s->kind == SIGHT_EFFECT && s->effect->kind == NODE_DISK)
        e->asked[host] += counts(s->effect->op.kind);
    else if (s->kind == SIGHT_EFFECT && s->effect->kind == NODE_TASK_START)
        see_start(e, w, s);
    else if (s->kind == SIGHT_DISK_FAULT || s->kind == SIGHT_DISK_LOST)
        forget(e, host, true);
    else if (s->kind == SIGHT_AGENT_GONE) {
        forget(e, host, false);
        e->asked[host] = e->durable[host] = 0;
    }
}

static void ends_done(void *self) { VEC_DONE(&((struct ends *)self)->list); }

const struct checker check_ends = {
    .name = "ends-kept",
    .promise =
        "an end that its host has written down is never forgotten there: no task is run twice that was "
        "over (a node is authoritative for fact)",
    .size = sizeof(struct ends),
    .sees = SEES(SIGHT_INPUT) | SEES(SIGHT_EFFECT) | SEES(SIGHT_STEP) | SEES(SIGHT_DURABLE) |
            SEES(SIGHT_AGENT_GONE) | SEES(SIGHT_DISK_FAULT) | SEES(SIGHT_DISK_LOST),
    .see = ends_see,
    .done = ends_done,
};
