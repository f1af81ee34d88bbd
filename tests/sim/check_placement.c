/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * What a placement that counts needs: a slot below the count of its group, a host that is ready and whose
 * agent's run is the one that was planned with, and room there: the cpu, the memory and the ports of all that
 * lives on it, and of this one, are within what the host has told.
 */
#include "plans.h"

extern const struct checker check_placement;

struct room {
    struct node_id node;
    const struct state *state;
    uint64_t cpu_mhz, memory_mib, ports;
};

static void take(void *arg, const struct wire_instance_record *r) {
    struct room *room = arg;
    const struct wire_job_record *job = state_job_version(room->state, r->job, r->version);
    const struct wire_group *group = job != NULL ? state_group_find(job, r->group) : NULL;
    if (group == NULL || !state_instance_live(r))
        return;
    for (size_t i = 0; i < group->tasks_count; i++) {
        room->cpu_mhz += group->tasks[i].cpu_mhz;
        room->memory_mib += group->tasks[i].memory_mib;
    }
    for (size_t i = 0; i < group->ports_count; i++)
        room->ports += group->ports[i].static_ == 0;
}

static const char *wrong(const struct plan_view *v, const struct wire_place *p) {
    const struct wire_job_record *job = state_job_version(v->state, p->job, p->version);
    const struct wire_group *group = job != NULL ? state_group_find(job, p->group) : NULL;
    const struct wire_node_record *node = state_node_find(v->state, p->node);
    struct room room = {.node = p->node, .state = v->state};
    if (group == NULL || p->slot >= group->count)
        return "beyond the count";
    if (node == NULL || node->status != NODE_STATUS_READY)
        return "on a host that is not ready";
    if (node->drain)
        return "on a host that is drained";
    if (node->generation != p->generation)
        return "on a host whose agent has begun anew since";
    state_instances_of_node(v->state, p->node, take, &room);
    if (node->cpu_mhz != 0 && room.cpu_mhz > node->cpu_mhz)
        return "beyond the host's cpu";
    if (node->memory_mib != 0 && room.memory_mib > node->memory_mib)
        return "beyond the host's memory";
    if (room.ports > (uint64_t)node->ports_high - node->ports_low + 1)
        return "beyond the host's ports";
    return NULL;
}

static void placement_see(void *self, struct world *w, const struct sight *s) {
    (void)self;
    struct plan_view v;
    if (!plan_view_of(w, s, &v))
        return;
    for (size_t i = 0; i < v.plan->places_count && !w->failed; i++) {
        const struct wire_place *p = &v.plan->places[i];
        const struct wire_instance_record *r = state_instance_find(v.state, p->instance);
        bool counts = r != NULL && r->modify_index == s->entry->index;
        const char *why = counts ? wrong(&v, p) : NULL;
        if (why != NULL)
            check_fail(w, &check_placement, (int)v.leader, "%.*s[%u] is placed %s", BYTES_FMT(p->job),
                       p->slot, why);
    }
}

const struct checker check_placement = {
    .name = "placement",
    .promise = "a placement that counts is below the count, on a ready host that is not drained, in the run "
               "that was "
               "planned with, and within its room",
    .size = 1,
    .sees = SEES(SIGHT_APPLIED),
    .see = placement_see,
};
