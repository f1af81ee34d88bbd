/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * One node's part. What the log assigns here and is not here is started; what it wants stopped is stopped;
 * what it has dropped after knowing it is forgotten. An instance that the log never knew is left alone: a
 * fact, not an error.
 */
#include <covey/reconcile.h>

struct walk {
    const struct reconcile_instance *instances;
    size_t count;
    struct reconcile_action *out;
    size_t out_count;
};

static const struct reconcile_instance *find(const struct walk *w, struct instance_id id) {
    size_t low = 0, high = w->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (ID_COMPARE(w->instances[middle].id, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < w->count && ID_EQUAL(w->instances[low].id, id) ? &w->instances[low] : NULL;
}

static void push(struct walk *w, enum reconcile_action_kind kind, struct instance_id id) {
    w->out[w->out_count++] = (struct reconcile_action){.kind = kind, .instance = id};
}

static void wish(void *arg, const struct wire_instance_record *r) {
    struct walk *w = arg;
    const struct reconcile_instance *have = find(w, r->id);
    if (r->desired ==
        DESIRED_STATE_STOP) { /* over in the log too, when the host was taken out and has come back */
        bool all_final = true;
        for (size_t t = 0; have != NULL && t < have->tasks_count; t++)
            all_final &= have->tasks[t].final;
        if (have != NULL ? !all_final : state_instance_live(r))
            push(w, RECONCILE_STOP, r->id);
        return;
    }
    if (!state_instance_live(r))
        return;
    if (have == NULL) {
        push(w, RECONCILE_START, r->id);
        return;
    }
    if (have->refused)
        return;
    for (size_t t = 0; t < have->tasks_count; t++) {
        if (have->tasks[t].started || have->tasks[t].final || have->tasks[t].stop_asked)
            continue;
        push(w, RECONCILE_START, r->id); /* a shim was lost: that task only, the others run */
        return;
    }
}

static void count(void *arg, const struct wire_instance_record *r) {
    (void)r;
    ++*(size_t *)arg;
}

size_t reconcile_node(const struct state *s, struct node_id self, const struct reconcile_instance *instances,
                      size_t instances_count, reconcile_known_gone *known_gone, void *arg,
                      struct arena *arena, struct reconcile_action **ret_actions) {
    size_t assigned = 0;
    state_instances_of_node(s, self, count, &assigned);
    struct walk w = {.instances = instances, .count = instances_count};
    w.out = arena_alloc(arena, (assigned + instances_count + 1) * sizeof *w.out);
    state_instances_of_node(s, self, wish, &w);
    for (size_t i = 0; i < instances_count; i++) {
        const struct wire_instance_record *r = state_instance_find(s, instances[i].id);
        if (r != NULL || !known_gone(arg, instances[i].id))
            continue;
        bool all_final = true;
        for (size_t t = 0; t < instances[i].tasks_count; t++)
            all_final &= instances[i].tasks[t].final;
        push(&w, all_final ? RECONCILE_FORGET : RECONCILE_STOP, instances[i].id);
    }
    *ret_actions = w.out;
    return w.out_count;
}

enum instance_state reconcile_instance_state(enum job_type type, bool stop_asked,
                                             const struct wire_task_fact *tasks, size_t tasks_count,
                                             size_t tasks_expected) {
    size_t running = 0, dead = 0, failed = 0;
    for (size_t i = 0; i < tasks_count; i++) {
        running += tasks[i].state == TASK_STATE_RUNNING || tasks[i].state == TASK_STATE_STOPPING;
        dead += tasks[i].state == TASK_STATE_DEAD;
        failed += tasks[i].state == TASK_STATE_DEAD && tasks[i].failed;
    }
    bool all_dead = dead == tasks_count && tasks_count >= tasks_expected;
    if (stop_asked && all_dead)
        return INSTANCE_STATE_STOPPED;
    if (failed > 0 && all_dead)
        return INSTANCE_STATE_FAILED;
    if (all_dead && tasks_count > 0)
        return type == JOB_TYPE_BATCH ? INSTANCE_STATE_COMPLETE : INSTANCE_STATE_FAILED;
    return running + dead == tasks_count && tasks_count >= tasks_expected ? INSTANCE_STATE_RUNNING
                                                                          : INSTANCE_STATE_STARTING;
}
