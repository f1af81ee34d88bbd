/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Clients: people and programs at the hosts' admin sockets. Each does one thing after the other. One that has
 * lost its agent, or waited too long, does not know what became of its write: often it asks again with the
 * same request id, perhaps at another host. There are few variables and few jobs, so that clients meet.
 */
#include <stdio.h>

#include "checker.h"
#include "swarm.h"

#define TRIES_MAX   5
#define PATIENCE_US (25 * US_PER_S) /* an agent answers a write within 15 s, with an error if need be */
#define KEYS_COUNT  3

struct client {
    uint32_t index, home; /* the host that it asks, as a rule */
    uint64_t turn;        /* counts events: older ones are dropped */
    uint64_t request;     /* under way; 0 = none */
    bool unsure;          /* the last write may have happened or not */
    unsigned tries;
    struct buf method, params;    /* of the last write: to be asked again */
    unsigned key;                 /* of the last get or put */
    uint64_t version[KEYS_COUNT]; /* that it last saw */
    uint64_t value_next;
};

static const char *const keys[KEYS_COUNT] = {"a", "b", "c"};
static const char *const services[] = {"web", "api", "db", "duo"}; /* duo: two tasks an instance */
static const char *const well[] = {"forever", "forever", "forever", "stubborn", "fork", "slow"};
static const char *const ill[] = {"crash", "false", "missing", "forever"};

static uint64_t below(struct world *w, uint64_t bound) { return prng_below(&w->client_prng, bound); }
static bool chance(struct world *w, uint32_t millionths) { return prng_chance(&w->client_prng, millionths); }

static void next_at(struct world *w, struct client *c, int64_t delay_us) {
    c->turn++;
    struct event *e = world_push(w, EVENT_CLIENT, delay_us, 0);
    e->a = c->index;
    e->b = c->turn;
}

static void think(struct world *w, struct client *c) {
    int64_t mean_us = w->swarm->think_ms * US_PER_MS;
    next_at(w, c, prng_between(&w->client_prng, 0, 2 * mean_us));
}

/* ---- calls --------------------------------------------------------------------------------------------- */

static bool is_there(const struct sim_host *h) { return h->node != NULL && !h->suspended; }

static bool choose_host(struct world *w, const struct client *c, uint32_t *ret) {
    *ret = c->home;
    if (is_there(&w->hosts[c->home]) && !chance(w, 100000))
        return true;
    uint32_t first = (uint32_t)below(w, w->hosts_count);
    for (uint32_t i = 0; i < w->hosts_count; i++) {
        *ret = (first + i) % w->hosts_count;
        if (is_there(&w->hosts[*ret]))
            return true;
    }
    return false;
}

static void call(struct world *w, struct client *c, struct bytes method, struct bytes params) {
    uint32_t host;
    if (!choose_host(w, c, &host))
        return;
    c->request = operator_call_bytes(w, host, method, params);
}

static void ask(struct world *w, struct client *c, const char *method, const struct codec_type *type,
                const void *params) {
    struct buf out = {0};
    codec_encode_named(type, params, &out);
    call(w, c, bytes_str(method), buf_bytes(&out));
    buf_done(&out);
}

/* A write's params are kept. */
static void write(struct world *w, struct client *c, const char *method, struct bytes params) {
    buf_clear(&c->method);
    buf_clear(&c->params);
    buf_append(&c->method, method, strlen(method));
    buf_append(&c->params, params.data, params.size);
    c->tries = 1;
    c->unsure = true;
    call(w, c, buf_bytes(&c->method), buf_bytes(&c->params));
}

static void again(struct world *w, struct client *c) {
    if (c->tries++ >= TRIES_MAX || chance(w, 200000)) {
        c->unsure = false; /* it gives up, and never learns */
        return;
    }
    call(w, c, buf_bytes(&c->method), buf_bytes(&c->params));
}

/* ---- variables ----------------------------------------------------------------------------------------- */

static void var_put(struct world *w, struct client *c) {
    struct wire_admin_var_put put = {.var = {.key = bytes_str(keys[c->key])}};
    char value[32];
    prng_fill(&w->client_prng, put.request.b, sizeof put.request.b);
    (void)snprintf(value, sizeof value, "%u-%llu", c->index, (unsigned long long)++c->value_next);
    put.var.value = bytes_str(value);
    if (chance(w, 400000)) {
        put.var.check = true;
        put.var.version = chance(w, 800000) ? c->version[c->key] : below(w, 4);
    }
    put.var.remove = chance(w, 50000);
    if (put.var.remove)
        put.var.value = (struct bytes){0};
    struct buf out = {0};
    codec_encode_named(&wire_admin_var_put_type, &put, &out);
    write(w, c, "var.put", buf_bytes(&out));
    buf_done(&out);
}

static void var_get(struct world *w, struct client *c) {
    struct wire_admin_var_query q = {.consistent = chance(w, 600000)};
    if (chance(w, 800000))
        q.key = bytes_str(keys[c->key]);
    ask(w, c, "vars", &wire_admin_var_query_type, &q);
}

/* What it learns of versions makes its compare-and-sets succeed now and then. */
static void var_learn(struct client *c, struct bytes data) {
    struct arena a = {0};
    struct wire_admin_vars vars;
    if (codec_decode_named(&wire_admin_vars_type, data, &a, &vars, NULL) == 0)
        for (size_t i = 0; i < vars.vars_count; i++)
            for (unsigned k = 0; k < KEYS_COUNT; k++)
                if (bytes_is(vars.vars[i].key, keys[k]))
                    c->version[k] = vars.vars[i].version;
    arena_done(&a);
}

/* ---- jobs and the rest --------------------------------------------------------------------------------- */

/* Jobs change now and then: a state of thousands of stopped instances shows nothing that one of some does
 * not. */
static void jobs_rest(struct world *w) {
    w->jobs_rest_us = w->now_us + prng_between(&w->client_prng, 0, 4 * US_PER_S);
}

static void job_run(struct world *w, struct client *c) {
    jobs_rest(w);
    struct buf out = {0};
    const char *job = services[below(w, 4)], *command = well[below(w, 6)];
    uint32_t count = 1 + (uint32_t)below(w, 5);
    bool batch = chance(w, 150000);
    if (batch) {
        job = "batch";
        command = chance(w, 700000) ? "true" : "false";
    } else if (chance(w, 150000)) {
        job = "ill";
        command = ill[below(w, 4)];
    }
    world_say(w, c->home, "client %u: run %s %s count %u", c->index, job, command, count);
    operator_run_params(&w->client_prng, job, count, command, batch, &out);
    write(w, c, "run", buf_bytes(&out));
    buf_done(&out);
}

static void job_stop(struct world *w, struct client *c) {
    jobs_rest(w);
    struct wire_admin_stop stop = {.name = bytes_str(services[below(w, 4)])};
    struct buf out = {0};
    prng_fill(&w->client_prng, stop.request.b, sizeof stop.request.b);
    codec_encode_named(&wire_admin_stop_type, &stop, &out);
    world_say(w, c->home, "client %u: stop %.*s", c->index, BYTES_FMT(stop.name));
    write(w, c, "stop", buf_bytes(&out));
    buf_done(&out);
}

static void look(struct world *w, struct client *c) {
    static const char *const methods[] = {"status", "nodes", "jobs"};
    /* One draw a statement: the order within an initializer is the compiler's. */
    struct wire_admin_ps_query ps = {.all = chance(w, 500000)};
    ps.consistent = chance(w, 500000);
    struct wire_admin_job_query job = {.name = bytes_str(services[below(w, 4)])};
    job.min_index = below(w, 200);
    job.wait_ms = below(w, 5000);
    uint64_t which = below(w, 5);
    if (which < 3)
        ask(w, c, methods[which], &wire_empty_type, &(struct wire_empty){0});
    else if (which == 3)
        ask(w, c, "ps", &wire_admin_ps_query_type, &ps);
    else
        ask(w, c, "job", &wire_admin_job_query_type, &job);
}

static void something(struct world *w, struct client *c) {
    uint64_t what = below(w, 100);
    c->key = (unsigned)below(w, KEYS_COUNT);
    if (what < 40)
        var_put(w, c);
    else if (what < 70)
        var_get(w, c);
    else if (what < 78)
        look(w, c);
    else if (w->faults_over || w->now_us < w->jobs_rest_us)
        var_get(w, c); /* the jobs stay as they are */
    else if (what < 95)
        job_run(w, c);
    else
        job_stop(w, c);
}

/* ---- what happens -------------------------------------------------------------------------------------- */

void clients_event(struct world *w, struct event *e) {
    struct client *c = w->clients.data[e->a];
    if (e->b != c->turn)
        return;
    if (c->request != 0) {
        uint64_t request = c->request;
        c->request = 0;
        operator_give_up(w, request);
    }
    if (c->unsure)
        again(w, c);
    else if (!w->clients_rest)
        something(w, c);
    if (c->request != 0)
        next_at(w, c, PATIENCE_US);
    else if (!w->clients_rest || c->unsure)
        think(w, c);
}

static struct client *client_of(struct world *w, uint64_t request) {
    for (size_t i = 0; i < w->clients.count; i++)
        if (w->clients.data[i]->request == request)
            return w->clients.data[i];
    return NULL;
}

static bool tells_nothing(int error) {
    return error == ERR_NO_LEADER || error == ERR_NOT_LEADER || error == ERR_TIMEOUT || error == ERR_BUSY ||
           error == ERR_CLOSED;
}

void clients_replied(struct world *w, uint64_t request, int error, struct bytes data) {
    struct client *c = client_of(w, request);
    if (c == NULL)
        return;
    c->request = 0;
    if (!tells_nothing(error))
        c->unsure = false;
    if (error == 0)
        var_learn(c, data);
    think(w, c);
}

void clients_gone(struct world *w, uint64_t request) {
    struct client *c = client_of(w, request);
    if (c == NULL)
        return;
    c->request = 0;
    think(w, c);
}

bool clients_rest(struct world *w) {
    w->clients_rest = true;
    for (size_t i = 0; i < w->clients.count; i++)
        if (w->clients.data[i]->request != 0 || w->clients.data[i]->unsure)
            return false;
    return true;
}

void clients_start(struct world *w, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        struct client *c = mem_alloc(sizeof *c);
        c->index = i;
        c->home = i % w->hosts_count;
        VEC_PUSH(&w->clients, c);
        think(w, c);
    }
}

void clients_done(struct world *w) {
    for (size_t i = 0; i < w->clients.count; i++) {
        buf_done(&w->clients.data[i]->method);
        buf_done(&w->clients.data[i]->params);
        mem_free(w->clients.data[i]);
    }
    VEC_DONE(&w->clients);
}
