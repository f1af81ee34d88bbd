/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* True time, the queue of events, telling. */
#include <stdio.h>

#include "checker.h"
#include "faults.h"
#include "history.h"
#include "hostile.h"

#define STALLED_MAX 100000 /* events at one moment: somebody asks for a time that never passes */

/* ---- the queue: a binary heap by (time, seq) ----------------------------------------------------------- */

static bool before(const struct heap_slot *x, const struct heap_slot *y) {
    return x->at_us != y->at_us ? x->at_us < y->at_us : x->seq < y->seq;
}

static void sift_up(struct heap_slot *heap, size_t i) {
    struct heap_slot moved = heap[i];
    while (i > 0 && before(&moved, &heap[(i - 1) / 2])) {
        heap[i] = heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    heap[i] = moved;
}

static void sift_down(struct heap_slot *heap, size_t count) {
    struct heap_slot moved = heap[0];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= count)
            break;
        if (child + 1 < count && before(&heap[child + 1], &heap[child]))
            child++;
        if (!before(&heap[child], &moved))
            break;
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = moved;
}

static struct event *event_new(struct world *w) {
    struct event *e = w->spare.count > 0 ? w->spare.data[--w->spare.count] : mem_alloc(sizeof *e);
    memset(e, 0, sizeof *e);
    return e;
}

void world_free(struct world *w, struct event *e) {
    mem_free(e->data);
    e->data = NULL;
    VEC_PUSH(&w->spare, e);
}

struct event *world_push(struct world *w, enum event_kind kind, int64_t delay_us, uint32_t host) {
    struct event *e = event_new(w);
    assert(delay_us >= 0);
    e->at_us = w->now_us + delay_us;
    e->seq = ++w->seq;
    e->kind = kind;
    e->host = host;
    e->run = w->hosts[host].run;
    struct heap_slot slot = {.at_us = e->at_us, .seq = e->seq, .event = e};
    VEC_PUSH(&w->heap, slot);
    sift_up(w->heap.data, w->heap.count - 1);
    return e;
}

static struct event *pop(struct world *w) {
    struct event *e = w->heap.data[0].event;
    w->heap.data[0] = w->heap.data[--w->heap.count];
    if (w->heap.count > 1)
        sift_down(w->heap.data, w->heap.count);
    return e;
}

/* ---- telling ------------------------------------------------------------------------------------------- */

void world_mix(struct world *w, const void *data, size_t size_bytes) {
    uint64_t crc = crc32c((uint32_t)w->trace, data, size_bytes);
    w->trace = (w->trace ^ crc) * UINT64_C(0x9e3779b97f4a7c15) + (w->trace >> 29);
}

void world_fail(struct world *w, const char *format, ...) {
    if (w->failed)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(w->failure, sizeof w->failure, format, args);
    va_end(args);
    w->failed = true;
}

void world_say(struct world *w, uint32_t host, const char *format, ...) {
    char line[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    history_say(w, host, line);
    if (w->trace_level > 0)
        printf("%10.3f h%u %s\n", (double)w->now_us / 1e6, host, line);
}

/* ---- what happens -------------------------------------------------------------------------------------- */

static void agent_tick(struct world *w, struct sim_host *h, const struct event *e) {
    if (h->node == NULL || e->run != h->run || e->at_us != h->tick_us)
        return;
    h->tick_us = h->tick_wanted_us = TIME_NEVER_US;
    host_feed(w, h, &(struct node_input){.kind = NODE_TICK});
}

void world_happen(struct world *w, struct event *e) {
    struct sim_host *h = &w->hosts[e->host];
    if (host_holds(h, e->kind)) {
        host_hold(w, h, e);
        return;
    }
    switch (e->kind) {
    case EVENT_AGENT_TICK: agent_tick(w, h, e); break;
    case EVENT_DATAGRAM: network_datagram_event(w, e); break;
    case EVENT_STREAM_OPEN:
    case EVENT_STREAM_OPENED:
    case EVENT_STREAM_MESSAGE:
    case EVENT_STREAM_PATIENCE:
    case EVENT_STREAM_CLOSE: streams_event(w, e); break;
    case EVENT_DISK: disk_event(w, e); break;
    case EVENT_DISK_ROOM: disk_room_event(w, e); break;
    case EVENT_TASK_TICK:
    case EVENT_TASK_SPAWNED:
    case EVENT_TASK_EXIT:
    case EVENT_TASK_KILLED:
    case EVENT_TASK_STATUS:
    case EVENT_TASK_LOST:
    case EVENT_TASK_REFUSED:
    case EVENT_TASK_COMMAND: tasks_event(w, e); break;
    case EVENT_REQUEST: operator_request_event(w, e); break;
    case EVENT_SEED: network_seed_event(w, e); break;
    case EVENT_CLIENT: clients_event(w, e); break;
    case EVENT_VISIT: visitors_event(w, e); break;
    case EVENT_LOG: logs_event(w, e); break;
    case EVENT_FAULT: faults_event(w, e); break;
    }
    world_free(w, e);
}

bool world_step(struct world *w) {
    if (w->failed || w->heap.count == 0)
        return false;
    struct event *e = pop(w);
    w->stalled = e->at_us == w->now_us ? w->stalled + 1 : 0;
    if (w->stalled > STALLED_MAX)
        world_fail(w, "time stands still: h%u is busy without an end", e->host);
    w->now_us = e->at_us;
    w->events_count++;
    world_happen(w, e);
    return !w->failed;
}

void world_run(struct world *w, int64_t until_us) {
    while (!w->failed && w->heap.count > 0 && w->heap.data[0].at_us <= until_us)
        (void)world_step(w);
    if (!w->failed && w->now_us < until_us)
        w->now_us = until_us;
}

/* ---- beginning and end --------------------------------------------------------------------------------- */

static void split(struct world *w, uint64_t seed) {
    struct prng *const streams[] = {&w->net_prng,    &w->disk_prng,  &w->task_prng, &w->clock_prng,
                                    &w->client_prng, &w->fault_prng, &w->swarm_prng};
    prng_init(&w->prng, seed);
    for (size_t i = 0; i < sizeof streams / sizeof *streams; i++)
        *streams[i] = prng_split(&w->prng);
    prng_init(&w->visit_prng, ~seed);
    w->hostile_prng = prng_split(&w->visit_prng);
    w->mistake_prng = prng_split(&w->visit_prng);
}

void world_init(struct world *w, uint64_t seed, uint32_t hosts_count) {
    assert(hosts_count <= HOSTS_MAX);
    memset(w, 0, sizeof *w);
    w->seed = seed;
    split(w, seed);
    w->now_us = US_PER_S;
    w->hosts_count = hosts_count;
    w->disk_min_us = 100;
    w->disk_max_us = 1000;
    w->request_next = 1;
    w->failed_host = -1;
    w->history = history_new();
    network_init(w);
    for (uint32_t i = 0; i < hosts_count; i++) {
        struct sim_host *h = &w->hosts[i];
        h->index = i;
        h->stream_next = h->task_next = 1;
        h->pid_next = 100;
        h->tick_us = h->tick_wanted_us = TIME_NEVER_US;
        prng_fill(&w->prng, h->identity.b, sizeof h->identity.b);
        host_address(w, i, ++w->ip_next);
    }
    checkers_new(w);
}

void world_done(struct world *w) {
    for (uint32_t i = 0; i < w->hosts_count; i++)
        host_done(w, &w->hosts[i]);
    clients_done(w);
    visitors_done(w);
    logs_done(w);
    hostile_done(w);
    streams_done(w);
    network_done(w);
    checkers_free(w);
    history_free(w->history);
    for (size_t i = 0; i < w->heap.count; i++)
        world_free(w, w->heap.data[i].event);
    for (size_t i = 0; i < w->spare.count; i++)
        mem_free(w->spare.data[i]);
    VEC_DONE(&w->heap);
    VEC_DONE(&w->spare);
    VEC_DONE(&w->replies);
    VEC_DONE(&w->lost_logs);
    buf_done(&w->token);
    buf_done(&w->wrong_token);
}
