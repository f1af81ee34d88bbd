/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Time, the queue of events, hosts and their agents. */
#include <stdio.h>

#include "checker.h"

/* ---- the queue: a binary heap by (time, seq) ---- */

static bool before(const struct event *x, const struct event *y) {
    return x->at_us != y->at_us ? x->at_us < y->at_us : x->seq < y->seq;
}

static void sift_up(struct world *w, size_t i) {
    struct event *h = w->heap.data;
    while (i > 0 && before(&h[i], &h[(i - 1) / 2])) {
        struct event t = h[i];
        h[i] = h[(i - 1) / 2];
        h[(i - 1) / 2] = t;
        i = (i - 1) / 2;
    }
}

static void sift_down(struct world *w) {
    struct event *h = w->heap.data;
    size_t i = 0, n = w->heap.count;
    for (;;) {
        size_t best = i, left = 2 * i + 1;
        if (left < n && before(&h[left], &h[best]))
            best = left;
        if (left + 1 < n && before(&h[left + 1], &h[best]))
            best = left + 1;
        if (best == i)
            return;
        struct event t = h[i];
        h[i] = h[best];
        h[best] = t;
        i = best;
    }
}

/* The pointer is good until the next push; the time may not be changed through it. */
struct event *world_push(struct world *w, enum event_kind kind, int64_t delay_us, uint32_t host) {
    struct event e = {.at_us = w->now_us + delay_us,
                      .seq = ++w->seq,
                      .kind = kind,
                      .host = host,
                      .run = w->hosts[host].run};
    VEC_PUSH(&w->heap, e);
    size_t at = w->heap.count - 1;
    sift_up(w, at);
    while (w->heap.data[at].seq != e.seq)
        at = (at - 1) / 2; /* it went up this way */
    return &w->heap.data[at];
}

static bool pop(struct world *w, struct event *ret) {
    if (w->heap.count == 0)
        return false;
    *ret = w->heap.data[0];
    w->heap.data[0] = w->heap.data[--w->heap.count];
    sift_down(w);
    return true;
}

/* ---- telling ---- */

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
    if (w->trace_level == 0)
        return;
    va_list args;
    va_start(args, format);
    printf("%10.3f h%u ", (double)w->now_us / 1e6, host);
    vprintf(format, args);
    putchar('\n');
    va_end(args);
}

/* ---- agents ---- */

static void schedule_tick(struct world *w, struct sim_host *h) {
    int64_t at = node_deadline(h->node);
    if (at == TIME_NEVER_US || at >= h->tick_us)
        return;
    if (at < w->now_us)
        at = w->now_us;
    h->tick_us = at;
    world_push(w, EVENT_AGENT_TICK, at - w->now_us, h->index);
}

static void agent_effect(struct world *w, struct sim_host *h, const struct node_effect *e) {
    static const char *const levels[] = {"info", "warning", "error"};
    switch (e->kind) {
    case NODE_SEND_DATAGRAM: network_datagram(w, h, e); break;
    case NODE_STREAM_CONNECT: network_connect(w, h, e); break;
    case NODE_STREAM_SEND: network_send(w, h, e->stream, e->data); break;
    case NODE_STREAM_CLOSE: network_close(w, h, e->stream); break;
    case NODE_DISK: disk_submit(w, h, &e->op); break;
    case NODE_TASK_START: tasks_start(w, h, e->spec); break;
    case NODE_TASK_COMMAND: tasks_command(w, h, e); break;
    case NODE_TASK_RELEASE: tasks_release(w, h, e); break;
    case NODE_TASK_REMOVE: tasks_remove(w, h, e->instance); break;
    case NODE_REPLY: operator_replied(w, e); break;
    case NODE_SAY: world_say(w, h->index, "%s: %.*s", levels[e->level], BYTES_FMT(e->text)); break;
    case NODE_EXIT: world_say(w, h->index, "exit: %.*s", BYTES_FMT(e->text)); break;
    case NODE_NOTIFY:
    case NODE_LOG_OPEN:
    case NODE_LOG_CREDIT:
    case NODE_LOG_CLOSE:
    case NODE_READY: break;
    }
}

void host_feed(struct world *w, struct sim_host *h, struct node_input *in) {
    in->wall_ms = 1700000000000 + w->now_us / 1000;
    node_feed(h->node, w->now_us, in);
    struct node_effect e;
    while (node_drain(h->node, &e)) {
        uint8_t head[16] = {(uint8_t)h->index, (uint8_t)e.kind};
        memcpy(head + 8, &w->now_us, 8);
        world_mix(w, head, sizeof head);
        world_mix(w, e.data.data, e.data.size);
        agent_effect(w, h, &e);
    }
    checkers_see(w, &(struct sight){.kind = SIGHT_STEP, .host = h});
    if (!w->failed)
        schedule_tick(w, h);
}

void host_start(struct world *w, uint32_t host, bool bootstrap) {
    struct sim_host *h = &w->hosts[host];
    if (h->node != NULL)
        return;
    if (!h->powered)
        prng_fill(&w->prng, h->boot.b, sizeof h->boot.b);
    h->powered = true;
    h->run++;
    h->tick_us = TIME_NEVER_US;
    char name[8] = {'h', (char)('0' + host), 0}, text[256];
    struct node_options o = {
        .identity_seed = h->identity,
        .name = bytes_str(name),
        .addr = h->addr,
        .cpu_mhz = 8000,
        .memory_mib = 8192,
        .ports_low = 20000,
        .ports_high = 21000,
        .raw_exec = true,
        .boot = h->boot,
        .version = bytes_str("sim"),
        .task_root = bytes_str("/t"),
        .bootstrap = bootstrap,
        .segment_size_bytes = 64 * 1024,
        .snapshot_entries = 64,
        .heal_stable_us = 5 * US_PER_S,
        .seeds = &w->hosts[host == 0 ? 1 : 0].addr,
        .seeds_count = bootstrap ? 0 : 1,
        .token = bootstrap ? (struct bytes){0} : buf_bytes(&w->token),
    };
    prng_fill(&w->prng, o.entropy.b, sizeof o.entropy.b);
    struct disk_file *files = disk_files(h, &o.files_count);
    o.files = files;
    int error = node_new(&o, w->now_us, 0, &h->node, text, sizeof text);
    mem_free(files);
    world_say(w, host, "agent starts (run %u)%s%s", h->run, error != 0 ? ": " : "", error != 0 ? text : "");
    if (error != 0) {
        world_fail(w, "host %u does not start: %s", host, text);
        return;
    }
    if (bootstrap) {
        struct node_stream_keys keys = node_stream_keys(h->node);
        struct join_token token = {.cluster = keys.cluster, .secret = *keys.join_secret};
        buf_clear(&w->token);
        secret_token_append(&w->token, &token);
    }
    tasks_scan(w, h);
    host_feed(w, h, &(struct node_input){.kind = NODE_SCAN_DONE});
}

static void agent_gone(struct world *w, struct sim_host *h, bool silently) {
    if (h->node == NULL)
        return;
    node_free(h->node);
    h->node = NULL;
    h->run++;
    h->applied_checked = 0;
    network_agent_gone(w, h->index, silently);
    disk_agent_gone(h);
}

void host_kill_agent(struct world *w, uint32_t host) {
    world_say(w, host, "agent is killed");
    agent_gone(w, &w->hosts[host], false);
}

void host_power_off(struct world *w, uint32_t host) {
    world_say(w, host, "power is cut");
    agent_gone(w, &w->hosts[host], true);
    w->hosts[host].powered = false;
    tasks_power_cut(w, &w->hosts[host]);
    disk_power_cut(w, &w->hosts[host]);
}

/* ---- the run ---- */

bool world_step(struct world *w) {
    struct event e;
    if (w->failed || !pop(w, &e))
        return false;
    w->stalled = e.at_us == w->now_us ? w->stalled + 1 : 0;
    if (w->stalled > 100000)
        world_fail(w, "time stands still: h%u is busy without an end", e.host);
    w->now_us = e.at_us;
    w->events_count++;
    struct sim_host *h = &w->hosts[e.host];
    switch (e.kind) {
    case EVENT_AGENT_TICK:
        if (h->node == NULL || e.run != h->run || e.at_us != h->tick_us)
            break;
        h->tick_us = TIME_NEVER_US;
        host_feed(w, h, &(struct node_input){.kind = NODE_TICK});
        break;
    case EVENT_DATAGRAM:
    case EVENT_STREAM_OPEN:
    case EVENT_STREAM_MESSAGE:
    case EVENT_STREAM_CLOSE: network_event(w, &e); break;
    case EVENT_DISK: disk_event(w, &e); break;
    case EVENT_TASK_TICK:
    case EVENT_TASK_SPAWNED:
    case EVENT_TASK_EXIT:
    case EVENT_TASK_EMPTY:
    case EVENT_TASK_STATUS:
    case EVENT_TASK_COMMAND: tasks_event(w, &e); break;
    case EVENT_STORY: break;
    }
    mem_free(e.data);
    return !w->failed;
}

void world_run(struct world *w, int64_t until_us) {
    while (!w->failed && w->heap.count > 0 && w->heap.data[0].at_us <= until_us)
        (void)world_step(w);
    if (!w->failed && w->now_us < until_us)
        w->now_us = until_us;
}

void world_init(struct world *w, uint64_t seed, uint32_t hosts_count) {
    memset(w, 0, sizeof *w);
    w->seed = seed;
    prng_init(&w->prng, seed);
    w->net_prng = prng_split(&w->prng);
    w->disk_prng = prng_split(&w->prng);
    w->task_prng = prng_split(&w->prng);
    w->now_us = US_PER_S;
    w->hosts_count = hosts_count;
    w->delay_min_us = 100;
    w->delay_max_us = 1000;
    w->disk_min_us = 100;
    w->disk_max_us = 1000;
    w->request_next = 1;
    w->failed_host = -1;
    checkers_new(w);
    for (uint32_t i = 0; i < hosts_count; i++) {
        struct sim_host *h = &w->hosts[i];
        h->index = i;
        h->addr = (struct addr){.size = 6, .b = {10, 0, 0, (uint8_t)(i + 1), 7370 >> 8, 7370 & 255}};
        h->stream_next = 1;
        h->pid_next = 100;
        h->tick_us = TIME_NEVER_US;
        prng_fill(&w->prng, h->identity.b, sizeof h->identity.b);
    }
}

void world_done(struct world *w) {
    for (uint32_t i = 0; i < w->hosts_count; i++) {
        node_free(w->hosts[i].node);
        tasks_done(&w->hosts[i]);
        disk_done(&w->hosts[i]);
    }
    network_done(w);
    checkers_free(w);
    for (size_t i = 0; i < w->heap.count; i++)
        mem_free(w->heap.data[i].data);
    VEC_DONE(&w->heap);
    VEC_DONE(&w->replies);
    buf_done(&w->token);
}
