/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "ledger.h"
#include "truth.h"

struct ledger_instance *ledger_find(const struct ledger *l, struct instance_id id) {
    return MAP_GET_ID(&l->by_id, id);
}

static void placed(struct ledger *l, struct world *w, const struct wire_place *p, uint64_t index) {
    const struct wire_instance_record *r = state_instance_find(truth_state(w), p->instance);
    const struct wire_job_record *job = state_job_version(truth_state(w), p->job, p->version);
    if (r == NULL || r->modify_index != index || ledger_find(l, p->instance) != NULL)
        return; /* refused */
    struct ledger_instance *i = arena_alloc(&l->arena, sizeof *i);
    *i = (struct ledger_instance){.id = p->instance,
                                  .replaces = p->replaces,
                                  .node = p->node,
                                  .job = arena_copy(&l->arena, p->job),
                                  .group = arena_copy(&l->arena, p->group),
                                  .version = p->version,
                                  .slot = p->slot,
                                  .type = job != NULL ? job->spec.type : JOB_TYPE_SERVICE,
                                  .placed_index = index,
                                  .placed_us = w->now_us};
    VEC_PUSH(&l->list, i);
    map_put(&l->by_id, bytes_of(i->id.b, ID_SIZE), i);
}

/* The state has it as it is behind this entry, if it was not dropped by it. */
static void touched(struct ledger *l, struct world *w, struct instance_id id, enum instance_state told,
                    uint64_t index) {
    struct ledger_instance *i = ledger_find(l, id);
    const struct wire_instance_record *r = state_instance_find(truth_state(w), id);
    if (i == NULL || i->over_index != 0)
        return;
    i->state = r != NULL ? r->state : told;
    if (r != NULL && r->desired == DESIRED_STATE_STOP && i->stop_index == 0) {
        i->stop_index = index;
        i->stop_us = w->now_us;
    }
    if (r == NULL || !state_instance_live(r))
        i->over_index = index;
}

static void node_removed(struct ledger *l, struct world *w, struct node_id node, uint64_t index) {
    for (size_t k = 0; k < l->list.count; k++) {
        struct ledger_instance *i = l->list.data[k];
        if (!ID_EQUAL(i->node, node) || i->over_index != 0)
            continue;
        i->removed = true;
        touched(l, w, i->id, INSTANCE_STATE_STOPPED, index);
    }
}

static bool is_end(enum instance_state state) {
    return state == INSTANCE_STATE_COMPLETE || state == INSTANCE_STATE_FAILED ||
           state == INSTANCE_STATE_STOPPED || state == INSTANCE_STATE_REFUSED;
}

/* Before its agent tells an end it writes it down, unless its disk has failed. */
static void told(struct ledger *l, const struct sim_host *h, const struct wire_report_message *report) {
    for (size_t k = 0; k < report->facts_count; k++) {
        struct ledger_instance *i = ledger_find(l, report->facts[k].instance);
        if (i == NULL || !is_end(report->facts[k].state))
            continue;
        i->unkept = h->disk.error != 0 && (i->unkept || !i->told);
        i->told = true;
    }
}

static void ledger_see(void *self, struct world *w, const struct sight *s) {
    struct ledger *l = self;
    if (s->kind == SIGHT_EFFECT) {
        if (s->message != NULL && s->message->report != NULL)
            told(l, s->host, s->message->report);
        return;
    }
    const struct wire_command *c = s->command;
    uint64_t index = s->entry->index;
    if (c == NULL)
        return;
    for (size_t k = 0; c->plan != NULL && k < c->plan->stops_count; k++)
        touched(l, w, c->plan->stops[k].instance, INSTANCE_STATE_PLACED, index);
    for (size_t k = 0; c->plan != NULL && k < c->plan->places_count; k++)
        placed(l, w, &c->plan->places[k], index);
    for (size_t k = 0; c->report != NULL && k < c->report->facts_count; k++)
        touched(l, w, c->report->facts[k].instance, c->report->facts[k].state, index);
    if (c->node_remove != NULL)
        node_removed(l, w, c->node_remove->id, index);
}

static void ledger_done(void *self) {
    struct ledger *l = self;
    VEC_DONE(&l->list);
    map_done(&l->by_id);
    arena_done(&l->arena);
}

const struct checker observe_ledger = {
    .name = "ledger",
    .size = sizeof(struct ledger),
    .sees = SEES(SIGHT_APPLIED) | SEES(SIGHT_EFFECT),
    .see = ledger_see,
    .done = ledger_done,
};

struct ledger *ledger_of(struct world *w) {
    return checker_self(w, &observe_ledger);
}
