/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The output of tasks, as src/proc reads it for the agent: chunks within the credit that was given, the end
 * of a task's output unless it is to be followed, and now and then an error. What a task writes says where it
 * is (log_byte()), so that whoever reads it can tell whether something is missing.
 */
#include "checker.h"

#define CHUNK_MAX_BYTES 4096
#define WRITES_EVERY_US 2000 /* a byte each */
#define OUTPUT_MAX      (64 * 1024)
#define LOOK_US         (500 * US_PER_MS)

struct sim_log {
    uint64_t handle;
    uint32_t host, run;
    uint64_t task; /* 0: there is none */
    uint64_t credit, at;
    bool follow, wakes;
};

static struct sim_log *log_find(struct world *w, const struct sim_host *h, uint64_t handle) {
    for (size_t i = 0; i < w->logs.count; i++) {
        struct sim_log *l = w->logs.data[i];
        if (l->host == h->index && l->run == h->run && l->handle == handle)
            return l;
    }
    return NULL;
}

static void log_remove(struct world *w, const struct sim_log *l) {
    for (size_t i = 0; i < w->logs.count; i++) {
        if (w->logs.data[i] != l)
            continue;
        mem_free(w->logs.data[i]);
        VEC_REMOVE(&w->logs, i);
        return;
    }
}

static void log_wake(struct world *w, struct sim_log *l, int64_t delay_us) {
    if (l->wakes)
        return;
    l->wakes = true;
    world_push(w, EVENT_LOG, delay_us, l->host)->a = l->handle;
}

static const struct sim_task *task_of(const struct sim_host *h, uint64_t id) {
    for (size_t i = 0; i < h->tasks.count; i++)
        if (h->tasks.data[i]->id == id && !h->tasks.data[i]->wiped)
            return h->tasks.data[i];
    return NULL;
}

static uint64_t output_size(const struct world *w, const struct sim_task *t) {
    uint64_t size = (uint64_t)(w->now_us - t->made_us) / WRITES_EVERY_US;
    return size < OUTPUT_MAX ? size : OUTPUT_MAX;
}

/* ---- what the agent asks ------------------------------------------------------------------------------- */

void logs_open(struct world *w, struct sim_host *h, const struct node_effect *e) {
    struct sim_log *l = mem_alloc(sizeof *l);
    *l = (struct sim_log){.handle = e->handle, .host = h->index, .run = h->run, .follow = e->follow};
    if (log_find(w, h, e->handle) != NULL)
        world_fail(w, "h%u opens a log under a number that is in use", h->index);
    for (size_t i = 0; i < h->tasks.count; i++) {
        const struct sim_task *t = h->tasks.data[i];
        if (t->wiped || !ID_EQUAL(t->spec.instance, e->instance) || !bytes_equal(t->spec.task, e->task))
            continue;
        uint64_t size = output_size(w, t);
        l->task = t->id;
        l->at = e->bytes != 0 && e->bytes < size ? size - e->bytes : 0;
    }
    VEC_PUSH(&w->logs, l);
    if (l->task == 0)
        log_wake(w, l, 100);
}

void logs_credit(struct world *w, struct sim_host *h, const struct node_effect *e) {
    struct sim_log *l = log_find(w, h, e->handle);
    if (l == NULL)
        return;
    l->credit += e->bytes;
    log_wake(w, l, prng_between(&w->visit_prng, 50, 2000));
}

void logs_close(struct world *w, struct sim_host *h, const struct node_effect *e) {
    const struct sim_log *l = log_find(w, h, e->handle);
    if (l != NULL)
        log_remove(w, l);
}

/* ---- what happens -------------------------------------------------------------------------------------- */

static void tell(struct world *w, struct sim_log *l, struct bytes data, int error, bool end) {
    struct node_input in = {.kind = NODE_LOG_DATA,
                            .handle = l->handle,
                            .data = data,
                            .end = end,
                            .error = error,
                            .text = bytes_str(error != 0 ? err_str(error) : "")};
    struct sim_host *h = &w->hosts[l->host];
    if (end)
        log_remove(w, l);
    host_feed(w, h, &in);
}

void logs_event(struct world *w, struct event *e) {
    struct sim_host *h = &w->hosts[e->host];
    struct sim_log *l = h->node != NULL && h->run == e->run ? log_find(w, h, e->a) : NULL;
    if (l == NULL)
        return;
    l->wakes = false;
    const struct sim_task *t = task_of(h, l->task);
    if (t == NULL || prng_chance(&w->visit_prng, 10000)) {
        tell(w, l, (struct bytes){0}, t == NULL ? ERR_NOT_FOUND : ERR_IO, true);
        return;
    }
    uint8_t data[CHUNK_MAX_BYTES];
    uint64_t left = output_size(w, t) > l->at ? output_size(w, t) - l->at : 0;
    size_t size = (size_t)(left < l->credit ? left : l->credit);
    if (size > sizeof data)
        size = sizeof data;
    for (size_t i = 0; i < size; i++)
        data[i] = log_byte(l->at + i);
    l->at += size;
    l->credit -= size;
    if (size == 0 && left == 0 && (!l->follow || t->shim == NULL)) {
        tell(w, l, (struct bytes){0}, 0, true);
        return;
    }
    if (size == left || l->credit > 0)
        log_wake(w, l, size == left ? LOOK_US : 200);
    if (size > 0)
        tell(w, l, bytes_of(data, size), 0, false);
}

void logs_agent_gone(struct world *w, uint32_t host) {
    for (size_t i = w->logs.count; i-- > 0;) {
        if (w->logs.data[i]->host != host)
            continue;
        mem_free(w->logs.data[i]);
        VEC_REMOVE(&w->logs, i);
    }
}

void logs_done(struct world *w) {
    for (size_t i = 0; i < w->logs.count; i++)
        mem_free(w->logs.data[i]);
    VEC_DONE(&w->logs);
}
