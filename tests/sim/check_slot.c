/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * A slot has one instance in sight. A placement counts only when no other instance of its slot is wanted and
 * lives on a host that is ready, and when it names the newest of those that are wanted, wherever they are:
 * whatever its leader knew, two plans cannot fill a slot twice. Two kinds in sight may have a stand-in: an
 * instance of which its host has said nothing for answer_us, and one on a host that an operator drains.
 */
#include "ledger.h"
#include "plans.h"
#include "swarm.h"

#define ANSWER_US (30 * US_PER_S) /* the default */

extern const struct checker check_slot;

struct look {
    const struct plan_view *v;
    const struct wire_place *place;
    const struct wire_instance_record *holder; /* in sight */
    const struct wire_instance_record *newest; /* wanted */
};

static int64_t answer_us(const struct world *w) {
    int64_t us = w->swarm != NULL && w->swarm->answer_ms > 0 ? w->swarm->answer_ms * US_PER_MS : ANSWER_US;
    return us - us / 8;
}

static bool is_silent(const struct plan_view *v, const struct wire_instance_record *r) {
    const struct ledger_instance *i = ledger_find(ledger_of(v->w), r->id);
    return r->state == INSTANCE_STATE_PLACED && i != NULL && v->made_us - i->placed_us >= answer_us(v->w);
}

static void look(void *arg, const struct wire_instance_record *r) {
    struct look *l = arg;
    const struct wire_node_record *node = state_node_find(l->v->state, r->node);
    bool holds = bytes_equal(r->group, l->place->group) && r->slot == l->place->slot &&
                 !ID_EQUAL(r->id, l->place->instance) && plan_wanted(r);
    if (holds)
        l->newest = r;
    if (holds && !is_silent(l->v, r) && !plan_drains(l->v, r) && node != NULL &&
        node->status == NODE_STATUS_READY && plan_knows(l->v, r) && plan_knows_node(l->v, r->node))
        l->holder = r;
}

static void slot_see(void *self, struct world *w, const struct sight *s) {
    (void)self;
    struct plan_view v;
    if (!plan_view_of(w, s, &v))
        return;
    for (size_t i = 0; i < v.plan->places_count && !w->failed; i++) {
        struct look l = {.v = &v, .place = &v.plan->places[i]};
        const struct wire_instance_record *r = state_instance_find(v.state, l.place->instance);
        if (r == NULL || r->modify_index != s->entry->index)
            continue;
        state_instances_of_job(v.state, l.place->job, look, &l);
        bool named =
            l.newest != NULL ? ID_EQUAL(l.newest->id, l.place->replaces) : ID_IS_ZERO(l.place->replaces);
        if (!named)
            l.holder = l.newest;
        if (named && l.holder == NULL)
            continue;
        char id[ID_SHORT_SIZE];
        id_short(l.holder != NULL ? l.holder->id.b : l.place->replaces.b, id);
        check_fail(w, &check_slot, (int)v.leader, "%.*s[%u] is placed, and %s holds it",
                   BYTES_FMT(l.place->job), l.place->slot, id);
    }
}

const struct checker check_slot = {
    .name = "slot-once",
    .promise =
        "no slot is placed while an instance of it is wanted on a host that is ready: the count is never "
        "exceeded on one side",
    .size = 1,
    .sees = SEES(SIGHT_APPLIED),
    .see = slot_see,
};
