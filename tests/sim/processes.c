/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "processes.h"

static struct bytes key_of(struct arena *a, struct instance_id instance, struct bytes task) {
    uint8_t *key = arena_alloc(a, ID_SIZE + task.size);
    memcpy(key, instance.b, ID_SIZE);
    mem_copy(key + ID_SIZE, task.data, task.size);
    return bytes_of(key, ID_SIZE + task.size);
}

struct process *process_find(const struct processes *p, struct instance_id instance, struct bytes task) {
    uint8_t key[ID_SIZE + WIRE_NAME_MAX];
    if (task.size > WIRE_NAME_MAX)
        return NULL;
    memcpy(key, instance.b, ID_SIZE);
    mem_copy(key + ID_SIZE, task.data, task.size);
    return map_get(&p->by_key, bytes_of(key, ID_SIZE + task.size));
}

static struct process *get(struct processes *p, const struct wire_shim_spec *spec, uint32_t host) {
    struct process *x = process_find(p, spec->instance, spec->task);
    if (x != NULL)
        return x;
    x = arena_alloc(&p->arena, sizeof *x);
    *x = (struct process){.instance = spec->instance,
                          .task = arena_copy(&p->arena, spec->task),
                          .job = arena_copy(&p->arena, spec->job),
                          .group = arena_copy(&p->arena, spec->group),
                          .host = host,
                          .slot = spec->slot,
                          .type = spec->type,
                          .restart = spec->restart};
    VEC_PUSH(&p->list, x);
    map_put(&p->by_key, key_of(&p->arena, spec->instance, spec->task), x);
    return x;
}

static void processes_see(void *self, struct world *w, const struct sight *s) {
    struct processes *p = self;
    struct process *x;
    if (s->kind == SIGHT_SPAWN) {
        x = get(p, &s->task->spec, s->host->index);
        x->pid = s->task->pid;
        x->spawns++;
        x->started_us = w->now_us;
    } else if (s->kind == SIGHT_PROCESS_END) {
        x = get(p, &s->task->spec, s->host->index);
        x->pid = 0;
        x->ended_us = w->now_us;
        x->cause = s->cause;
    } else if (s->effect->kind == NODE_TASK_START)
        get(p, s->effect->spec, s->host->index)->start_asked_us = w->now_us;
    else if (s->effect->kind == NODE_TASK_COMMAND && s->effect->command.stop) {
        x = process_find(p, s->effect->instance, s->effect->task);
        if (x != NULL) {
            x->stop_asked = true;
            x->stop_run = s->host->run;
        }
    }
}

static void processes_done(void *self) {
    struct processes *p = self;
    VEC_DONE(&p->list);
    map_done(&p->by_key);
    arena_done(&p->arena);
}

const struct checker observe_processes = {
    .name = "processes",
    .size = sizeof(struct processes),
    .sees = SEES(SIGHT_SPAWN) | SEES(SIGHT_PROCESS_END) | SEES(SIGHT_EFFECT),
    .see = processes_see,
    .done = processes_done,
};

struct processes *processes_of(struct world *w) {
    return checker_self(w, &observe_processes);
}

size_t processes_live(const struct processes *p, struct instance_id instance) {
    size_t count = 0;
    for (size_t i = 0; i < p->list.count; i++)
        count += p->list.data[i]->pid != 0 && ID_EQUAL(p->list.data[i]->instance, instance);
    return count;
}
