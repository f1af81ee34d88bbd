/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Task directories and their shims: the core that ships, fed as src/proc feeds it. A shim lives on when the
 * agent dies, and dies with the host. Nothing of a task's directory is ever flushed, so a power cut may take
 * what was written lately.
 */
#include "checker.h"

#define UNFLUSHED_US (30 * US_PER_S) /* what was written before that is on the disk by itself */

static struct sim_task *task_find(struct sim_host *h, struct instance_id id, struct bytes name) {
    for (size_t i = 0; i < h->tasks.count; i++) {
        struct sim_task *t = h->tasks.data[i];
        if (ID_EQUAL(t->spec.instance, id) && bytes_equal(t->spec.task, name))
            return t;
    }
    return NULL;
}

static struct sim_task *task_by_id(struct sim_host *h, uint64_t id) {
    for (size_t i = 0; i < h->tasks.count; i++)
        if (h->tasks.data[i]->id == id)
            return h->tasks.data[i];
    return NULL;
}

struct event *task_push(struct world *w, struct sim_host *h, const struct sim_task *t, enum event_kind kind,
                        int64_t delay_us) {
    struct event *e = world_push(w, kind, delay_us, h->index);
    e->a = t->id;
    e->b = t->spawn;
    return e;
}

static bool status_read(const struct sim_task *t, struct arena *a, struct wire_shim_status *ret) {
    return t->status.size > 0 &&
           codec_decode(&wire_shim_status_type, buf_bytes(&t->status), a, ret, NULL) == 0;
}

/* ---- the shim ------------------------------------------------------------------------------------------ */

static void tell(struct world *w, struct sim_host *h, struct sim_task *t, const struct shim_effect *e,
                 bool save) {
    struct wire_shim_status status = e->status;
    struct buf bytes = {0};
    status.boot = h->boot;
    codec_encode(&wire_shim_status_type, &status, &bytes);
    if (save) {
        buf_clear(&t->status);
        buf_append(&t->status, bytes.data, bytes.size);
        t->saved_us = w->now_us;
    }
    struct event *out = task_push(w, h, t, EVENT_TASK_STATUS, prng_between(&w->task_prng, 50, 500));
    out->data = buf_take(&bytes, &out->data_size);
}

static void shim_turn(struct world *w, struct sim_host *h, struct sim_task *t) {
    struct shim_effect e;
    bool is_over = false;
    while (shim_drain(t->shim, &e)) {
        switch (e.kind) {
        case SHIM_SPAWN: process_spawn(w, h, t); break;
        case SHIM_KILL: process_signal(w, h, t, e.signal); break;
        case SHIM_KILL_ALL: process_kill_all(w, h, t); break;
        case SHIM_SAVE: tell(w, h, t, &e, true); break;
        case SHIM_TELL: tell(w, h, t, &e, false); break;
        case SHIM_EXIT: is_over = true; break;
        }
    }
    if (is_over) {
        shim_free(t->shim);
        t->shim = NULL;
        return;
    }
    int64_t at = shim_deadline(t->shim);
    if (at == TIME_NEVER_US)
        return;
    at = host_true_us(h, at);
    if (at < w->now_us)
        at = w->now_us;
    if (at == t->tick_us)
        return;
    t->tick_us = at;
    task_push(w, h, t, EVENT_TASK_TICK, at - w->now_us);
}

void task_feed(struct world *w, struct sim_host *h, struct sim_task *t, struct shim_input *in) {
    if (t->shim == NULL)
        return;
    in->wall_ms = host_wall_ms(w, h);
    if (shim_feed(t->shim, host_now_us(w, h), in) != 0) {
        world_fail(w, "h%u: a shim does not know what to do with input %d", h->index, (int)in->kind);
        return;
    }
    shim_turn(w, h, t);
}

/* ---- what the agent asks ------------------------------------------------------------------------------- */

static bool refused(struct world *w, struct sim_host *h, const struct wire_shim_spec *spec, bool ports_held) {
    static const int errors[] = {ERR_IO, ERR_NO_SPACE, ERR_EXISTS, ERR_EXISTS, ERR_EXISTS};
    if (!prng_chance(&w->task_prng, h->refuse))
        return false;
    struct event *e = world_push(w, EVENT_TASK_REFUSED, prng_between(&w->task_prng, 0, 5000), h->index);
    e->b = (uint64_t)(int64_t)errors[prng_below(&w->task_prng, ports_held ? 2 : 5)];
    e->data_size = ID_SIZE + spec->task.size;
    e->data = mem_alloc(e->data_size);
    memcpy(e->data, spec->instance.b, ID_SIZE);
    mem_copy(e->data + ID_SIZE, spec->task.data, spec->task.size);
    return true;
}

static struct sim_task *task_make(struct sim_host *h) {
    struct sim_task *t = mem_alloc(sizeof *t);
    t->id = h->task_next++;
    t->host = h->index;
    VEC_PUSH(&h->tasks, t);
    return t;
}

void tasks_start(struct world *w, struct sim_host *h, const struct node_effect *e) {
    const struct wire_shim_spec *spec = e->spec;
    struct sim_task *t = task_find(h, spec->instance, spec->task);
    if (t != NULL && !t->released && !t->wiped && !t->lost) {
        world_fail(w, "h%u starts a task that is there already", h->index);
        return;
    }
    if (refused(w, h, spec, e->ports_held))
        return;
    if (t == NULL)
        t = task_make(h);
    arena_reset(&t->arena);
    codec_copy(&wire_shim_spec_type, spec, &t->arena, &t->spec);
    buf_clear(&t->status);
    t->released = t->wiped = t->lost = t->kill_asked = t->killing = t->release_asked = false;
    t->made_us = t->saved_us = w->now_us;
    t->tick_us = TIME_NEVER_US;
    t->shim = shim_new(&t->spec);
    shim_marks(t->shim, &w->marks);
    task_feed(w, h, t, &(struct shim_input){.kind = SHIM_BEGIN});
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

static void release(struct world *w, struct sim_host *h, struct sim_task *t) {
    struct wire_shim_command command = {.release = true};
    t->released = true;
    task_feed(w, h, t, &(struct shim_input){.kind = SHIM_COMMAND, .command = &command});
}

/* One that has not ended is released when it has. */
void tasks_release(struct world *w, struct sim_host *h, const struct node_effect *e) {
    struct sim_task *t = task_find(h, e->instance, e->task);
    if (t == NULL)
        return;
    t->release_asked = true;
    if (t->shim == NULL || shim_state(t->shim) == TASK_STATE_DEAD)
        release(w, h, t);
}

void tasks_remove(struct world *w, struct sim_host *h, struct instance_id id) {
    for (size_t i = 0; i < h->tasks.count; i++) {
        struct sim_task *t = h->tasks.data[i];
        if (!ID_EQUAL(t->spec.instance, id))
            continue;
        if (t->pid != 0)
            world_fail(w, "h%u removes the directory of a task that runs", h->index);
        t->released = t->wiped = true;
        buf_clear(&t->status);
    }
}

/* ---- what happens -------------------------------------------------------------------------------------- */

static void told(struct world *w, struct sim_host *h, struct sim_task *t, const struct event *e) {
    struct arena a = {0};
    struct wire_shim_status status;
    int error = codec_decode(&wire_shim_status_type, bytes_of(e->data, e->data_size), &a, &status, NULL);
    assert(error == 0);
    (void)error;
    struct node_input in = {
        .kind = NODE_TASK_STATUS, .instance = t->spec.instance, .task = t->spec.task, .status = &status};
    host_feed(w, h, &in);
    if (t->release_asked && !t->released && t->shim != NULL && shim_state(t->shim) == TASK_STATE_DEAD)
        release(w, h, t);
    arena_done(&a);
}

static void told_lost(struct world *w, struct sim_host *h, struct sim_task *t) {
    struct arena a = {0};
    struct wire_shim_status status;
    bool has = status_read(t, &a, &status);
    t->lost = !has || status.fact.state != TASK_STATE_DEAD;
    struct node_input in = {.kind = NODE_TASK_LOST,
                            .instance = t->spec.instance,
                            .task = t->spec.task,
                            .status = has ? &status : NULL};
    if (t->lost)
        host_feed(w, h, &in);
    arena_done(&a);
}

static void told_refused(struct world *w, struct sim_host *h, const struct event *e) {
    struct node_input in = {.kind = NODE_TASK_REFUSED,
                            .task = bytes_of(e->data + ID_SIZE, e->data_size - ID_SIZE),
                            .error = (int)(int64_t)e->b,
                            .text = bytes_str("the world refuses")};
    memcpy(in.instance.b, e->data, ID_SIZE);
    host_feed(w, h, &in);
}

static void commanded(struct world *w, struct sim_host *h, struct sim_task *t, const struct event *e) {
    struct wire_shim_command command;
    struct arena a = {0};
    if (codec_decode(&wire_shim_command_type, bytes_of(e->data, e->data_size), &a, &command, NULL) == 0)
        task_feed(w, h, t, &(struct shim_input){.kind = SHIM_COMMAND, .command = &command});
    arena_done(&a);
}

void tasks_event(struct world *w, struct event *e) {
    struct sim_host *h = &w->hosts[e->host];
    struct sim_task *t = task_by_id(h, e->a);
    bool to_agent =
        e->kind == EVENT_TASK_STATUS || e->kind == EVENT_TASK_LOST || e->kind == EVENT_TASK_REFUSED;
    if (to_agent && (h->node == NULL || h->run != e->run))
        return;
    if (e->kind == EVENT_TASK_REFUSED)
        told_refused(w, h, e);
    if (t == NULL)
        return;
    if (e->kind == EVENT_TASK_STATUS)
        told(w, h, t, e);
    else if (e->kind == EVENT_TASK_LOST && t->shim == NULL)
        told_lost(w, h, t);
    else if (e->kind == EVENT_TASK_COMMAND)
        commanded(w, h, t, e);
    else if (e->kind == EVENT_TASK_TICK) {
        if (e->at_us == t->tick_us) {
            t->tick_us = TIME_NEVER_US;
            task_feed(w, h, t, &(struct shim_input){.kind = SHIM_TICK});
        }
    } else if (e->b == t->spawn)
        process_event(w, h, t, e);
}

/* ---- a new agent --------------------------------------------------------------------------------------- */

static bool first_of_instance(const struct sim_host *h, size_t index) {
    for (size_t i = 0; i < index; i++)
        if (ID_EQUAL(h->tasks.data[i]->spec.instance, h->tasks.data[index]->spec.instance))
            return false;
    return true;
}

static void scan_one(struct world *w, struct sim_host *h, struct sim_task *t) {
    struct arena a = {0};
    struct wire_shim_status status;
    bool has = status_read(t, &a, &status);
    uint32_t run = h->run;
    t->release_asked = false; /* that was the last agent's */
    struct node_input in = {.kind = NODE_TASK_FOUND, .spec = &t->spec, .status = has ? &status : NULL};
    host_feed(w, h, &in);
    if (t->shim != NULL)
        task_feed(w, h, t, &(struct shim_input){.kind = SHIM_ATTACHED});
    else if (h->run == run)
        told_lost(w, h, t);
    arena_done(&a);
}

void tasks_scan(struct world *w, struct sim_host *h) {
    uint32_t run = h->run;
    for (size_t i = 0; i < h->tasks.count && h->run == run && !w->failed; i++) {
        struct sim_task *t = h->tasks.data[i];
        if (!t->released && !t->wiped)
            scan_one(w, h, t);
    }
    for (size_t i = 0; i < h->tasks.count && h->run == run && !w->failed; i++) {
        struct sim_task *t = h->tasks.data[i];
        struct node_input in = {.kind = NODE_TASK_KEPT, .instance = t->spec.instance};
        if (t->released && !t->wiped && first_of_instance(h, i))
            host_feed(w, h, &in);
    }
}

/* ---- faults -------------------------------------------------------------------------------------------- */

static void shim_gone(struct world *w, struct sim_host *h, struct sim_task *t, enum end_cause cause) {
    shim_free(t->shim);
    t->shim = NULL;
    process_gone(w, h, t, cause);
}

void tasks_shim_killed(struct world *w, struct sim_host *h, struct sim_task *t) {
    shim_gone(w, h, t, END_SHIM_KILLED);
    if (h->node != NULL && !t->released)
        task_push(w, h, t, EVENT_TASK_LOST, prng_between(&w->task_prng, 50, 5000));
}

void tasks_power_cut(struct world *w, struct sim_host *h) {
    for (size_t i = 0; i < h->tasks.count; i++) {
        struct sim_task *t = h->tasks.data[i];
        shim_gone(w, h, t, END_POWER);
        if (t->wiped)
            continue;
        if (w->now_us - t->made_us < UNFLUSHED_US && prng_chance(&w->task_prng, 300000))
            t->wiped = true;
        else if (w->now_us - t->saved_us < UNFLUSHED_US && prng_chance(&w->task_prng, 300000))
            buf_clear(&t->status);
    }
}

void tasks_wipe(struct world *w, struct sim_host *h) {
    (void)w;
    for (size_t i = 0; i < h->tasks.count; i++) {
        h->tasks.data[i]->wiped = true;
        buf_clear(&h->tasks.data[i]->status);
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
