/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * When the faults are over, what runs is what is desired: on the healed hosts each slot of each service has
 * one instance, of the newest version, with all its tasks running; each slot of a batch job has ended, or
 * will; and nothing else runs there.
 */
#include <stdio.h>

#include "ledger.h"
#include "processes.h"
#include "truth.h"

extern const struct checker check_desired;

struct slot {
    struct world *w;
    const struct wire_job_record *job;
    const struct wire_group *group;
    uint32_t number;
    size_t good;    /* instances of the slot that run as they should */
    bool elsewhere; /* one is on a host that is not healed */
    bool over;      /* a batch slot that is complete, or has failed for good */
};

static size_t tasks_up(struct world *w, const struct wire_instance_record *r,
                       const struct wire_group *group) {
    const struct processes *p = processes_of(w);
    size_t up = 0;
    for (size_t i = 0; i < group->tasks_count; i++) {
        const struct process *x = process_find(p, r->id, group->tasks[i].name);
        up += x != NULL && x->pid != 0;
    }
    return up;
}

static void look(void *arg, const struct wire_instance_record *r) {
    struct slot *s = arg;
    bool batch = s->job->spec.type == JOB_TYPE_BATCH;
    const struct sim_host *h = truth_host_of(s->w, r->node);
    const struct wire_job_record *version = state_job_version(truth_state(s->w), r->job, r->version);
    if (!bytes_equal(r->group, s->group->name) || r->slot != s->number)
        return;
    bool current =
        version != NULL && (r->version == s->job->version || state_group_same(version, s->job, r->group));
    if (!state_instance_live(r)) {
        bool ended = r->state == INSTANCE_STATE_COMPLETE || r->state == INSTANCE_STATE_FAILED;
        s->over |= ended && current && version != NULL && !version->stopped;
        return;
    }
    if (h == NULL)
        return;
    if (!truth_in_core(s->w, h->index)) {
        const struct wire_node_record *node = state_node_find(truth_state(s->w), r->node);
        s->elsewhere |= batch || (node != NULL && node->status == NODE_STATUS_READY);
        return;
    }
    if (r->desired != DESIRED_STATE_RUN || !current)
        return;
    s->good += tasks_up(s->w, r, s->group) == s->group->tasks_count;
}

static bool slot_settled(struct slot *s, char *text, size_t size) {
    s->good = 0;
    s->over = s->elsewhere = false;
    state_instances_of_job(truth_state(s->w), s->job->spec.name, look, s);
    bool batch = s->job->spec.type == JOB_TYPE_BATCH;
    if (s->good == 1 || (s->good == 0 && (s->elsewhere || (batch && s->over))))
        return true;
    snprintf(text, size, "%.*s[%u]: %zu run as they should%s", BYTES_FMT(s->job->spec.name), s->number,
             s->good, batch ? ", and it is not over" : "");
    return false;
}

static bool job_settled(struct world *w, const struct wire_job_record *job, char *text, size_t size) {
    struct slot s = {.w = w, .job = job};
    for (size_t g = 0; g < job->spec.groups_count && !job->stopped; g++) {
        s.group = &job->spec.groups[g];
        for (s.number = 0; s.number < s.group->count; s.number++)
            if (!slot_settled(&s, text, size))
                return false;
    }
    return true;
}

/* Nothing runs on the healed hosts that the log does not want there. */
static bool nothing_else(struct world *w, char *text, size_t size) {
    const struct processes *p = processes_of(w);
    for (size_t i = 0; i < p->list.count; i++) {
        const struct process *x = p->list.data[i];
        if (x->pid == 0 || !truth_in_core(w, x->host))
            continue;
        const struct wire_instance_record *r = state_instance_find(truth_state(w), x->instance);
        if (r != NULL && r->desired == DESIRED_STATE_RUN && state_instance_live(r))
            continue;
        snprintf(text, size, "h%u runs a process of %.*s[%u] that nobody wants", x->host, BYTES_FMT(x->job),
                 x->slot);
        return false;
    }
    return true;
}

static bool desired_settled(void *self, struct world *w, char *text, size_t size) {
    (void)self;
    const struct state *s = truth_state(w);
    for (size_t i = 0; i < state_jobs_count(s); i++)
        if (!job_settled(w, state_job_at(s, i), text, size))
            return false;
    return nothing_else(w, text, size);
}

const struct checker check_desired = {
    .name = "desired-runs",
    .promise = "after the last fault the healed hosts run what is desired, one instance a slot, and nothing "
               "else (partition promise L1)",
    .size = 1,
    .settled = desired_settled,
};
