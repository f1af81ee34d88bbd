/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The process table. Each task has a shim, the core that ships, which lives on when the agent dies and dies
 * with the host. What a process does follows from its command: "forever" runs, "true" ends well after a
 * while, "false" ends badly, "stubborn" ignores SIGTERM.
 */
#include "world.h"

static struct sim_task *task_find(struct sim_host *h, struct instance_id id, struct bytes name) {
    for (size_t i = 0; i < h->tasks.count; i++) {
        struct sim_task *t = h->tasks.data[i];
        if (ID_EQUAL(t->spec.instance, id) && bytes_equal(t->spec.task, name))
            return t;
    }
    return NULL;
}

static struct sim_task *task_at(struct sim_host *h, uint64_t index) {
    return index < h->tasks.count ? h->tasks.data[index] : NULL;
}

static uint64_t task_index(const struct sim_host *h, const struct sim_task *t) {
    for (size_t i = 0; i < h->tasks.count; i++)
        if (h->tasks.data[i] == t)
            return i;
    return UINT64_MAX;
}

static struct event *task_push(struct world *w, struct sim_host *h, const struct sim_task *t,
                               enum event_kind kind, int64_t delay_us) {
    struct event *e = world_push(w, kind, delay_us, h->index);
    e->a = task_index(h, t);
    e->b = t->spawn;
    return e;
}

/* ---- the shim's effects ---- */

static void spawn(struct world *w, struct sim_host *h, struct sim_task *t) {
    t->spawn++;
    t->starts++;
    task_push(w, h, t, EVENT_TASK_SPAWNED, prng_between(&w->task_prng, 200, 2000));
}

static void process_ends(struct world *w, struct sim_host *h, struct sim_task *t, int64_t delay_us,
                         int32_t code, uint32_t signal) {
    struct event *e = task_push(w, h, t, EVENT_TASK_EXIT, delay_us);
    e->addr.b[0] = (uint8_t)code;
    e->addr.b[1] = (uint8_t)signal;
}

static void tell(struct world *w, struct sim_host *h, struct sim_task *t, const struct shim_effect *e,
                 bool save) {
    struct wire_shim_status status = e->status;
    struct buf bytes = {0};
    status.boot = h->boot;
    codec_encode(&wire_shim_status_type, &status, &bytes);
    if (save) {
        buf_clear(&t->status);
        buf_append(&t->status, bytes.data, bytes.size);
    }
    struct event *out = task_push(w, h, t, EVENT_TASK_STATUS, prng_between(&w->task_prng, 50, 500));
    out->data = buf_take(&bytes, &out->data_size);
}

static void shim_turn(struct world *w, struct sim_host *h, struct sim_task *t) {
    struct shim_effect e;
    bool gone = false;
    while (shim_drain(t->shim, &e)) {
        bool stubborn = bytes_is(t->spec.command, "stubborn");
        switch (e.kind) {
        case SHIM_SPAWN: spawn(w, h, t); break;
        case SHIM_KILL:
            if (t->pid != 0 && (!stubborn || e.signal == 9))
                process_ends(w, h, t, 500, 0, e.signal);
            break;
        case SHIM_KILL_ALL:
            if (t->pid != 0)
                process_ends(w, h, t, 200, 0, 9);
            task_push(w, h, t, EVENT_TASK_EMPTY, 300);
            break;
        case SHIM_SAVE: tell(w, h, t, &e, true); break;
        case SHIM_TELL: tell(w, h, t, &e, false); break;
        case SHIM_EXIT: gone = true; break;
        }
    }
    if (gone) {
        shim_free(t->shim);
        t->shim = NULL;
        return;
    }
    int64_t at = shim_deadline(t->shim);
    if (at != TIME_NEVER_US && at != t->tick_us) {
        t->tick_us = at;
        task_push(w, h, t, EVENT_TASK_TICK, at > w->now_us ? at - w->now_us : 0);
    }
}

static void shim_input(struct world *w, struct sim_host *h, struct sim_task *t, struct shim_input *in) {
    if (t->shim == NULL)
        return;
    in->wall_ms = 1700000000000 + w->now_us / 1000;
    (void)shim_feed(t->shim, w->now_us, in);
    shim_turn(w, h, t);
}

/* ---- what the agent asks ---- */

void tasks_start(struct world *w, struct sim_host *h, const struct wire_shim_spec *spec) {
    struct sim_task *t = task_find(h, spec->instance, spec->task);
    if (t != NULL && t->shim != NULL) {
        world_fail(w, "h%u starts a task that runs already", h->index);
        return;
    }
    if (t == NULL) {
        t = mem_alloc(sizeof *t);
        VEC_PUSH(&h->tasks, t);
    }
    arena_reset(&t->arena);
    codec_copy(&wire_shim_spec_type, spec, &t->arena, &t->spec);
    t->released = false;
    t->tick_us = TIME_NEVER_US;
    t->shim = shim_new(&t->spec);
    shim_input(w, h, t, &(struct shim_input){.kind = SHIM_BEGIN});
}

void tasks_command(struct world *w, struct sim_host *h, const struct node_effect *e) {
    struct sim_task *t = task_find(h, e->instance, e->task);
    if (t == NULL)
        return;
    struct event *out = task_push(w, h, t, EVENT_TASK_COMMAND, prng_between(&w->task_prng, 50, 500));
    struct buf data = {0};
    codec_encode(&wire_shim_command_type, &e->command, &data);
    out->data = buf_take(&data, &out->data_size);
}

void tasks_release(struct world *w, struct sim_host *h, const struct node_effect *e) {
    struct sim_task *t = task_find(h, e->instance, e->task);
    if (t == NULL)
        return;
    t->released = true;
    struct wire_shim_command release = {.release = true};
    shim_input(w, h, t, &(struct shim_input){.kind = SHIM_COMMAND, .command = &release});
}

void tasks_remove(struct world *w, struct sim_host *h, struct instance_id id) {
    for (size_t i = 0; i < h->tasks.count; i++) {
        struct sim_task *t = h->tasks.data[i];
        if (!ID_EQUAL(t->spec.instance, id))
            continue;
        if (t->pid != 0)
            world_fail(w, "h%u removes the directory of a task that runs", h->index);
        t->released = true;
        buf_clear(&t->status);
    }
}

/* ---- what happens ---- */

static void spawned(struct world *w, struct sim_host *h, struct sim_task *t) {
    t->pid = h->pid_next++;
    uint64_t spawn_number = t->spawn;
    shim_input(w, h, t, &(struct shim_input){.kind = SHIM_SPAWNED, .pid = t->pid});
    if (t->spawn != spawn_number)
        return;
    if (bytes_is(t->spec.command, "true"))
        process_ends(w, h, t, prng_between(&w->task_prng, 1000, 2000000), 0, 0);
    if (bytes_is(t->spec.command, "false"))
        process_ends(w, h, t, prng_between(&w->task_prng, 1000, 2000000), 1, 0);
}

static void told(struct world *w, struct sim_host *h, struct sim_task *t, const struct event *e) {
    if (h->node == NULL || h->run != e->run)
        return;
    struct arena a = {0};
    struct wire_shim_status status;
    int error = codec_decode(&wire_shim_status_type, bytes_of(e->data, e->data_size), &a, &status, NULL);
    assert(error == 0);
    struct node_input in = {
        .kind = NODE_TASK_STATUS, .instance = t->spec.instance, .task = t->spec.task, .status = &status};
    host_feed(w, h, &in);
    arena_done(&a);
}

void tasks_event(struct world *w, struct event *e) {
    struct sim_host *h = &w->hosts[e->host];
    struct sim_task *t = task_at(h, e->a);
    if (t == NULL)
        return;
    if (e->kind == EVENT_TASK_STATUS) {
        told(w, h, t, e);
        return;
    }
    bool this_spawn = e->b == t->spawn && t->shim != NULL;
    if (!this_spawn)
        return;
    if (e->kind == EVENT_TASK_TICK)
        shim_input(w, h, t, &(struct shim_input){.kind = SHIM_TICK});
    else if (e->kind == EVENT_TASK_SPAWNED)
        spawned(w, h, t);
    else if (e->kind == EVENT_TASK_EMPTY)
        shim_input(w, h, t, &(struct shim_input){.kind = SHIM_EMPTY});
    else if (e->kind == EVENT_TASK_EXIT && t->pid != 0) {
        t->pid = 0;
        shim_input(w, h, t,
                   &(struct shim_input){
                       .kind = SHIM_EXITED, .exit_code = e->addr.b[0], .exit_signal = e->addr.b[1]});
    } else if (e->kind == EVENT_TASK_COMMAND) {
        struct wire_shim_command command;
        struct arena a = {0};
        if (codec_decode(&wire_shim_command_type, bytes_of(e->data, e->data_size), &a, &command, NULL) == 0)
            shim_input(w, h, t, &(struct shim_input){.kind = SHIM_COMMAND, .command = &command});
        arena_done(&a);
    }
}

/* ---- a new agent, a power cut ---- */

void tasks_scan(struct world *w, struct sim_host *h) {
    for (size_t i = 0; i < h->tasks.count; i++) {
        struct sim_task *t = h->tasks.data[i];
        if (t->released)
            continue;
        struct arena a = {0};
        struct wire_shim_status status;
        bool has = t->status.size > 0 &&
                   codec_decode(&wire_shim_status_type, buf_bytes(&t->status), &a, &status, NULL) == 0;
        struct node_input in = {.kind = NODE_TASK_FOUND, .spec = &t->spec, .status = has ? &status : NULL};
        host_feed(w, h, &in);
        if (t->shim == NULL && !w->failed) {
            in = (struct node_input){.kind = NODE_TASK_LOST,
                                     .instance = t->spec.instance,
                                     .task = t->spec.task,
                                     .status = has ? &status : NULL};
            host_feed(w, h, &in);
        }
        arena_done(&a);
    }
}

void tasks_power_cut(struct world *w, struct sim_host *h) {
    (void)w;
    for (size_t i = 0; i < h->tasks.count; i++) {
        struct sim_task *t = h->tasks.data[i];
        shim_free(t->shim);
        t->shim = NULL;
        t->pid = 0;
        t->spawn++;
    }
}

void tasks_done(struct sim_host *h) {
    for (size_t i = 0; i < h->tasks.count; i++) {
        struct sim_task *t = h->tasks.data[i];
        shim_free(t->shim);
        buf_done(&t->status);
        arena_done(&t->arena);
        mem_free(t);
    }
    VEC_DONE(&h->tasks);
}

size_t tasks_running(const struct sim_host *h, struct bytes job) {
    size_t count = 0;
    for (size_t i = 0; i < h->tasks.count; i++)
        count += h->tasks.data[i]->pid != 0 && bytes_equal(h->tasks.data[i]->spec.job, job);
    return count;
}
