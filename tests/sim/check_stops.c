/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Every stop of a running process has a permitted cause. A process ends by itself, or by a fault of this
 * world, or because an agent told its shim to stop it; and an agent may do that only when the log that it has
 * applied names this very instance: it is stopped, or it is over (its host was taken out), or it has been
 * over for so long that it was dropped. Isolated or not, restarted or not. One thing more: an instance of
 * several tasks of which one could not be started is given up as a whole, by the host that could not.
 * Nothing is ever restarted by a command, nor signalled.
 */
#include "ledger.h"
#include "processes.h"
#include "truth.h"

struct stops {
    VEC(struct instance_id) refused; /* starts that the world has refused */
};
extern const struct checker check_stops;

static bool was_refused(const struct stops *all, struct instance_id id) {
    for (size_t i = 0; i < all->refused.count; i++)
        if (ID_EQUAL(all->refused.data[i], id))
            return true;
    return false;
}

static void see_command(const struct stops *all, struct world *w, const struct sight *s) {
    const struct node_effect *e = s->effect;
    struct sim_host *h = s->host;
    const struct ledger_instance *i = ledger_find(ledger_of(w), e->instance);
    uint64_t applied = state_index(node_state(h->node));
    bool stopped = i != NULL && i->stop_index != 0 && i->stop_index <= applied;
    bool over = i != NULL && i->over_index != 0 && i->over_index <= applied;
    char id[ID_SHORT_SIZE];
    id_short(e->instance.b, id);
    if (e->command.restart || e->command.signal != 0)
        check_fail(w, &check_stops, (int)h->index, "h%u restarts or signals %s.%.*s, which nobody asked for",
                   h->index, id, BYTES_FMT(e->task));
    else if (e->command.stop && !stopped && !over && !was_refused(all, e->instance))
        check_fail(w, &check_stops, (int)h->index,
                   "h%u stops %s.%.*s, and the log up to %llu has no stop of it", h->index, id,
                   BYTES_FMT(e->task), (unsigned long long)applied);
}

static void see_end(struct world *w, const struct sight *s) {
    const struct process *p = process_find(processes_of(w), s->task->spec.instance, s->task->spec.task);
    if (s->cause != END_SHIM_STOP || p == NULL || p->stop_asked)
        return;
    char id[ID_SHORT_SIZE];
    id_short(p->instance.b, id);
    check_fail(w, &check_stops, (int)s->host->index, "h%u: the shim of %s.%.*s ends it, and no agent asked",
               s->host->index, id, BYTES_FMT(p->task));
}

static void stops_see(void *self, struct world *w, const struct sight *s) {
    struct stops *all = self;
    if (s->kind == SIGHT_EFFECT && s->effect->kind == NODE_TASK_COMMAND)
        see_command(all, w, s);
    else if (s->kind == SIGHT_PROCESS_END)
        see_end(w, s);
    else if (s->kind == SIGHT_INPUT && s->input->kind == NODE_TASK_REFUSED)
        VEC_PUSH(&all->refused, s->input->instance);
}

static void stops_done(void *self) {
    struct stops *all = self;
    VEC_DONE(&all->refused);
}

const struct checker check_stops = {
    .name = "stop-cause",
    .promise = "a process that runs ends by itself, by a fault, or by a committed stop of its instance that "
               "its host has applied, isolated or not (partition promises K1, K2, H3)",
    .size = sizeof(struct stops),
    .sees = SEES(SIGHT_EFFECT) | SEES(SIGHT_INPUT) | SEES(SIGHT_PROCESS_END),
    .see = stops_see,
    .done = stops_done,
};
