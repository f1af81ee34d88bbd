/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Only what may start starts. An agent starts an instance when the log that it has applied places it here and
 * wants it, and not before the leader has this run's inventory in the log, for it might have moved the work
 * elsewhere; alone, BOOT_GRACE_US after its own start. What was stopped by a command is over: no shim and no
 * agent runs it again. Nor what the log knows to be over: its host has kept that, too, unless its disk had
 * failed. Such a host tells an end all the same, for nobody else can, and others wait for it; its next agent
 * may know nothing of it, and alone starts what its copy of the log wants here.
 */
#include <stdio.h>

#include "durable.h"
#include "ledger.h"
#include "processes.h"
#include "truth.h"

#define BOOT_GRACE_US (30 * US_PER_S) /* as promised in the partition promises, 3.6 */

struct starts {
    int64_t started_us[HOSTS_MAX]; /* of the agent, on its own clock */
};
extern const struct checker check_starts;

static void fail_start(struct world *w, const struct sim_host *h, const struct instance_id *id,
                       const char *why) {
    char text[ID_SHORT_SIZE];
    id_short(id->b, text);
    check_fail(w, &check_starts, (int)h->index, "h%u starts %s, %s", h->index, text, why);
}

/* Of this run, this boot and this life of its disk. */
static bool inventory_known(struct world *w, const struct sim_host *h) {
    const struct wire_node_record *self = state_node_find(node_state(h->node), node_self(h->node));
    const struct swim *swim = node_swim(h->node);
    struct swim_member m;
    return self != NULL && swim != NULL && swim_member_find(swim, self->id, &m) &&
           self->generation == m.generation && ID_EQUAL(self->boot, h->boot) &&
           ID_EQUAL(self->log, durable_log_of(w, h)->log) && self->status == NODE_STATUS_READY;
}

static void see_start(const struct starts *all, struct world *w, const struct sight *s) {
    const struct sim_host *h = s->host;
    const struct wire_shim_spec *spec = s->effect->spec;
    const struct wire_instance_record *r = state_instance_find(node_state(h->node), spec->instance);
    const struct process *p = process_find(processes_of(w), spec->instance, spec->task);
    struct node_id self = node_self(h->node);
    bool alone = host_now_us(w, h) - all->started_us[h->index] >= BOOT_GRACE_US;
    if (r == NULL || !ID_EQUAL(r->node, self))
        fail_start(w, h, &spec->instance, "which its log does not place here");
    else if (r->desired != DESIRED_STATE_RUN || !state_instance_live(r))
        fail_start(w, h, &spec->instance, "which its log does not want");
    else if (!inventory_known(w, h) && !alone)
        fail_start(w, h, &spec->instance, "before the log has its inventory");
    else if (p != NULL && p->pid != 0)
        fail_start(w, h, &spec->instance, "which runs");
}

static void see_spawn(struct world *w, const struct sight *s) {
    const struct wire_shim_spec *spec = &s->task->spec;
    const struct process *p = process_find(processes_of(w), spec->instance, spec->task);
    const struct ledger_instance *i = ledger_find(ledger_of(w), spec->instance);
    if (i != NULL && i->unkept)
        return;
    /* A host that could not start all of an instance undoes the rest. Until the log has its word the next
     * agent may know nothing of it, and try again. */
    bool undone = i != NULL && i->stop_index == 0 && i->over_index == 0;
    bool stopped = p != NULL && p->spawns > 1 && p->stop_asked && p->cause == END_SHIM_STOP;
    if (stopped && !(undone && p->stop_run != s->host->run))
        fail_start(w, s->host, &spec->instance, "which was stopped");
    else if (i != NULL && i->over_index != 0 && !i->removed) {
        char why[100];
        snprintf(why, sizeof why, "which is %s in the log since index %llu", instance_state_str(i->state),
                 (unsigned long long)i->over_index);
        fail_start(w, s->host, &spec->instance, why);
    }
}

static void starts_see(void *self, struct world *w, const struct sight *s) {
    struct starts *all = self;
    if (s->kind == SIGHT_AGENT_START)
        all->started_us[s->host->index] = host_now_us(w, s->host);
    else if (s->kind == SIGHT_SPAWN)
        see_spawn(w, s);
    else if (s->effect->kind == NODE_TASK_START)
        see_start(all, w, s);
}

const struct checker check_starts = {
    .name = "start-cause",
    .promise = "a host starts what its log places on it and wants, when the leader has its inventory or it "
               "was alone for 30 s; what was stopped or is over stays so, if its disk could keep that "
               "(partition promises 3.6)",
    .size = sizeof(struct starts),
    .sees = SEES(SIGHT_EFFECT) | SEES(SIGHT_SPAWN) | SEES(SIGHT_AGENT_START),
    .see = starts_see,
};
