/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Visitors: operators and programs of every kind, who ask whatever can be asked, several things at a time, do
 * not wait for the answer, lose patience, read streams slowly, or not at all, or close them in the middle.
 * Their jobs are odd and their questions wrong now and then. The clients (client.c) do the work that the
 * checkers judge; what visitors are told is judged here: a stream ends once and then is silent, the changes
 * of variables come in the order of the log, a log has no gap, events are numbered without one.
 */
#include "checker.h"
#include "swarm.h"
#include "visits.h"

struct visit {
    uint64_t request;
    uint32_t host, run;
    struct visit_ask ask; /* params are not kept */
    bool streams, ended;
    bool has_any;  /* something came */
    uint64_t last; /* index, number or byte of it */
};
struct visitors {
    uint64_t count;
    VEC(struct visit) visits;
};

static uint64_t below(struct world *w, uint64_t bound) { return prng_below(&w->visit_prng, bound); }
static bool chance(struct world *w, uint32_t millionths) { return prng_chance(&w->visit_prng, millionths); }

enum { VISIT_NEXT, VISIT_LEAVES, VISIT_GRANTS, VISIT_RESTARTS };

static void later(struct world *w, uint64_t what, uint64_t request, int64_t delay_us) {
    struct event *e = world_push(w, EVENT_VISIT, delay_us, 0);
    e->a = request;
    e->b = what;
}

static struct visit *visit_find(struct world *w, uint64_t request) {
    for (size_t i = 0; w->visitors != NULL && i < w->visitors->visits.count; i++)
        if (w->visitors->visits.data[i].request == request)
            return &w->visitors->visits.data[i];
    return NULL;
}

static void visit_over(struct world *w, const struct visit *v) {
    VEC_REMOVE(&w->visitors->visits, (size_t)(v - w->visitors->visits.data));
}

/* ---- asking -------------------------------------------------------------------------------------------- */

/* Who follows something may look on for minutes, longer than a connection lives that is cut. */
static int64_t patience_us(struct world *w, const struct visit_ask *ask) {
    bool looks_on = ask->reads_log || ask->watches_vars || ask->lists_events;
    if (chance(w, 200000))
        return (int64_t)below(w, 20 * US_PER_MS);
    return (int64_t)below(w, looks_on && chance(w, 500000) ? 120 * US_PER_S : 20 * US_PER_S);
}

static void ask(struct world *w) {
    uint32_t host = (uint32_t)below(w, w->hosts_count);
    struct visit v = {.host = host, .run = w->hosts[host].run};
    visit_draw(w, &v.ask);
    v.request = operator_visit(w, host, bytes_str(v.ask.method), buf_bytes(&v.ask.params));
    buf_done(&v.ask.params);
    if (v.request == 0)
        return;
    VEC_PUSH(&w->visitors->visits, v);
    later(w, VISIT_LEAVES, v.request, patience_us(w, &v.ask));
}

static void think(struct world *w) {
    if (w->clients_rest || w->visitors_rest)
        return;
    int64_t mean_us = w->swarm->think_ms * US_PER_MS;
    later(w, VISIT_NEXT, 0, prng_between(&w->visit_prng, 0, 2 * mean_us));
}

static void leaves(struct world *w, const struct visit *v) {
    uint64_t request = v->request;
    visit_over(w, v);
    operator_hang_up(w, request);
}

void visitors_event(struct world *w, const struct event *e) {
    struct visit *v = e->a != 0 && e->b != VISIT_RESTARTS ? visit_find(w, e->a) : NULL;
    if (e->b == VISIT_RESTARTS) {
        const struct sim_host *h = &w->hosts[e->a];
        if (h->run == e->run && h->powered && !h->suspended && !h->has_left && !h->broken)
            host_start(w, h->index, false);
    } else if (e->b == VISIT_NEXT) {
        for (uint64_t i = 1 + below(w, 3); i > 0; i--)
            ask(w);
        think(w);
    } else if (v == NULL)
        return;
    else if (e->b == VISIT_LEAVES)
        leaves(w, v);
    else
        operator_grant(w, v->request,
                       chance(w, 100000) ? 0 : 1 + below(w, chance(w, 100000) ? UINT32_MAX : 4000));
}

void visitors_restart(struct world *w, uint32_t host) {
    struct event *e = world_push(w, EVENT_VISIT, prng_between(&w->visit_prng, 1000, 50 * US_PER_MS), host);
    e->a = host;
    e->b = VISIT_RESTARTS;
}

/* ---- what comes ---------------------------------------------------------------------------------------- */

void visitors_replied(struct world *w, uint64_t request, int error, bool streams) {
    struct visit *v = visit_find(w, request);
    if (v == NULL)
        return;
    if (error != 0 || !streams)
        visit_over(w, v);
    else
        v->streams = true;
}

void visitors_agent_gone(struct world *w, uint32_t host) {
    for (size_t i = w->visitors != NULL ? w->visitors->visits.count : 0; i-- > 0;)
        if (w->visitors->visits.data[i].host == host)
            VEC_REMOVE(&w->visitors->visits, i);
}

static void see_var(struct world *w, struct visit *v, const struct wire_admin_var_change *change) {
    if (change->kind == VAR_CHANGE_KIND_RESET)
        v->has_any = false;
    if (change->index == 0)
        return;
    if (v->has_any && change->index < v->last)
        world_fail(w, "h%u tells a watch of index %llu after %llu", v->host,
                   (unsigned long long)change->index, (unsigned long long)v->last);
    v->has_any = true;
    v->last = change->index;
}

static void see_event(struct world *w, struct visit *v, const struct wire_event *event) {
    if (v->has_any && event->index <= v->last)
        world_fail(w, "h%u tells event %llu after %llu", v->host, (unsigned long long)event->index,
                   (unsigned long long)v->last);
    v->has_any = true;
    v->last = event->index;
}

static void see_log(struct world *w, struct visit *v, struct bytes data) {
    for (size_t i = 0; i < data.size; i++) {
        if (v->has_any && data.data[i] != log_byte(v->last + 1)) {
            world_fail(w, "h%u: the output of a task that it was asked for has a gap", v->host);
            return;
        }
        v->last = data.data[i]; /* what repeats every LOG_BYTES tells where it is */
        v->has_any = true;
    }
}

void visitors_told(struct world *w, struct sim_host *h, const struct node_effect *e) {
    struct visit *v = visit_find(w, e->request);
    struct arena a = {0};
    struct wire_admin_chunk chunk;
    if (v == NULL || w->lied)
        return; /* it has left, and its agent does not know yet; or anything may be told */
    if (!v->streams || v->ended)
        world_fail(w, "h%u goes on with a stream that is not open", h->index);
    if (codec_decode_named(&wire_admin_chunk_type, e->data, &a, &chunk, NULL) != 0 || chunk.id != e->request)
        world_fail(w, "h%u sends a chunk that cannot be read", h->index);
    else {
        if (chunk.var != NULL && v->ask.watches_vars)
            see_var(w, v, chunk.var);
        if (chunk.event != NULL && v->ask.lists_events)
            see_event(w, v, chunk.event);
        if (v->ask.reads_log)
            see_log(w, v, chunk.data);
        v->ended = chunk.end;
        if (chance(w, 700000))
            later(w, VISIT_GRANTS, v->request, prng_between(&w->visit_prng, 0, US_PER_S));
    }
    arena_done(&a);
}

/* ---- beginning and end --------------------------------------------------------------------------------- */

void visitors_start(struct world *w, uint32_t count) {
    w->visitors = mem_alloc(sizeof *w->visitors);
    w->visitors->count = count;
    for (uint32_t i = 0; i < count; i++)
        think(w);
}

void visitors_done(struct world *w) {
    if (w->visitors != NULL)
        VEC_DONE(&w->visitors->visits);
    mem_free(w->visitors);
    w->visitors = NULL;
}
