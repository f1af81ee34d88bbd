/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Drawing of what visitors ask: every method of proto/admin.md, with what fits and with what does not. */
#include "visits.h"

#include <stdio.h>

#include "swarm.h"

static uint64_t below(struct world *w, uint64_t bound) { return prng_below(&w->visit_prng, bound); }
static bool chance(struct world *w, uint32_t millionths) { return prng_chance(&w->visit_prng, millionths); }

static struct bytes one_of(struct world *w, const char *const *words, size_t count) {
    return bytes_str(words[below(w, count)]);
}
#define ONE_OF(w, ...)                                                                                       \
    one_of(w, (const char *const[]){__VA_ARGS__}, sizeof(const char *[]){__VA_ARGS__} / sizeof(const char *))

/* ---- words --------------------------------------------------------------------------------------------- */

static struct bytes job_word(struct world *w) {
    return ONE_OF(w, "web", "api", "db", "duo", "batch", "odd0", "odd1", "none", "");
}

static struct bytes key_word(struct world *w) {
    return ONE_OF(w, "a", "b", "c", "v/1", "v/2", "v/3", "none", "");
}

/* A name or the beginning of an id, of a host that there is or not. */
static struct bytes host_word(struct world *w, char text[ID_TEXT_SIZE + 1]) {
    const struct sim_host *h = &w->hosts[below(w, w->hosts_count)];
    switch (below(w, 4)) {
    case 0: (void)snprintf(text, ID_TEXT_SIZE, "h%u", h->index); break;
    case 1: (void)snprintf(text, ID_TEXT_SIZE, "%x", (unsigned)below(w, 16)); break;
    case 2:
        id_text(h->raft_id.node.b, text);
        text[chance(w, 500000) ? ID_TEXT_SIZE - 1 : 1 + below(w, 8)] = 0;
        break;
    default: (void)snprintf(text, ID_TEXT_SIZE, "%s", below(w, 2) == 0 ? "" : "nobody"); break;
    }
    return bytes_str(text);
}

static uint64_t credit_word(struct world *w) {
    static const uint64_t credits[] = {0, 1, 100, 1000, 100000, 1 << 20, UINT64_MAX};
    return credits[below(w, sizeof credits / sizeof credits[0])];
}

static void request_word(struct world *w, struct request_id *id) {
    if (chance(w, 700000))
        prng_fill(&w->visit_prng, id->b, sizeof id->b);
}

/* ---- each method --------------------------------------------------------------------------------------- */

static void ask_read(struct world *w, struct visit_ask *ask) {
    static const char *const methods[] = {"status", "nodes", "jobs"};
    struct wire_admin_read_query q = {.consistent = chance(w, 300000)};
    ask->method = methods[below(w, 3)];
    codec_encode_named(&wire_admin_read_query_type, &q, &ask->params);
}

static void ask_nothing(struct world *w, struct visit_ask *ask) {
    static const char *const methods[] = {"voters", "voters", "token", "counters", "no such method", ""};
    ask->method = methods[below(w, 6)];
    codec_encode_named(&wire_empty_type, &(struct wire_empty){0}, &ask->params);
}

static void ask_job(struct world *w, struct visit_ask *ask) {
    struct wire_admin_job_query q = {.name = job_word(w)};
    q.consistent = chance(w, 200000);
    q.min_index = chance(w, 500000) ? below(w, 400) : chance(w, 500000) ? UINT64_MAX : 0;
    q.wait_ms = chance(w, 500000) ? 0 : chance(w, 800000) ? below(w, 5000) : UINT64_MAX;
    ask->method = "job";
    codec_encode_named(&wire_admin_job_query_type, &q, &ask->params);
}

static void ask_ps(struct world *w, struct visit_ask *ask) {
    char host[ID_TEXT_SIZE + 1] = "";
    struct wire_admin_ps_query q = {.all = chance(w, 500000)};
    q.consistent = chance(w, 200000);
    if (chance(w, 500000))
        q.job = job_word(w);
    if (chance(w, 500000))
        q.node = host_word(w, host);
    ask->method = "ps";
    codec_encode_named(&wire_admin_ps_query_type, &q, &ask->params);
}

static void ask_vars(struct world *w, struct visit_ask *ask) {
    struct wire_admin_var_query q = {.consistent = chance(w, 200000)};
    if (chance(w, 500000))
        q.key = key_word(w);
    else
        q.prefix = ONE_OF(w, "v/", "v", "x", "");
    ask->method = "vars";
    codec_encode_named(&wire_admin_var_query_type, &q, &ask->params);
}

static void ask_put(struct world *w, struct visit_ask *ask) {
    static const uint8_t zeros[4096];
    struct wire_admin_var_put put = {.var = {.key = ONE_OF(w, "v/1", "v/2", "v/3", "v/4", "")}};
    request_word(w, &put.request);
    put.var.remove = chance(w, 200000);
    put.var.check = chance(w, 200000);
    put.var.version = put.var.check ? below(w, 3) : 0;
    size_t size = (size_t)below(w, chance(w, 100000) ? sizeof zeros : 40);
    if (!put.var.remove)
        put.var.value = bytes_of(zeros, size);
    ask->method = "var.put";
    codec_encode_named(&wire_admin_var_put_type, &put, &ask->params);
}

static void ask_watch(struct world *w, struct visit_ask *ask) {
    struct wire_admin_var_watch q = {.credit = credit_word(w)};
    if (chance(w, 500000))
        q.key = key_word(w);
    if (chance(w, 500000))
        q.prefix = ONE_OF(w, "v/", "", "a");
    q.from = chance(w, 700000) ? 0 : chance(w, 900000) ? below(w, 200) : UINT64_MAX;
    ask->method = "var.watch";
    ask->watches_vars = true;
    codec_encode_named(&wire_admin_var_watch_type, &q, &ask->params);
}

static void ask_events(struct world *w, struct visit_ask *ask) {
    struct wire_admin_events_query q = {.follow = chance(w, 500000)};
    q.credit = credit_word(w);
    ask->method = "events";
    ask->lists_events = true;
    codec_encode_named(&wire_admin_events_query_type, &q, &ask->params);
}

static void ask_backup(struct world *w, struct visit_ask *ask) {
    struct wire_admin_backup q = {.consistent = chance(w, 300000)};
    q.credit = credit_word(w);
    ask->method = "backup";
    codec_encode_named(&wire_admin_backup_type, &q, &ask->params);
}

/* Of an instance that there is: its id, or the beginning. */
static struct bytes instance_word(struct world *w, char text[ID_TEXT_SIZE + 1]) {
    const struct sim_host *h = &w->hosts[below(w, w->hosts_count)];
    if (h->tasks.count == 0)
        return bytes_str("0");
    id_text(h->tasks.data[below(w, h->tasks.count)]->spec.instance.b, text);
    if (chance(w, 300000))
        text[1 + below(w, 6)] = 0;
    return bytes_str(text);
}

static void ask_logs(struct world *w, struct visit_ask *ask) {
    char instance[ID_TEXT_SIZE + 1] = "";
    struct wire_admin_logs_query q = {.follow = chance(w, 400000)};
    q.credit = credit_word(w);
    q.stderr = chance(w, 300000);
    q.tail = chance(w, 500000) ? 0 : below(w, 2000);
    if (chance(w, 500000))
        q.instance = instance_word(w, instance);
    if (chance(w, 600000))
        q.job = job_word(w);
    q.task = ONE_OF(w, "", "", "t", "u", "x");
    ask->method = "logs";
    ask->reads_log = true;
    codec_encode_named(&wire_admin_logs_query_type, &q, &ask->params);
}

static void ask_vote(struct world *w, struct visit_ask *ask) {
    char host[ID_TEXT_SIZE + 1] = "";
    static const enum vote_rule rules[] = {VOTE_RULE_AUTO, VOTE_RULE_AUTO, VOTE_RULE_PIN, VOTE_RULE_EXCLUDE};
    struct wire_admin_vote vote = {.node = host_word(w, host)};
    request_word(w, &vote.request);
    vote.vote = rules[below(w, swarm_may_take_votes(w) ? 4 : 3)];
    ask->method = "vote";
    codec_encode_named(&wire_admin_vote_type, &vote, &ask->params);
}

static void ask_drain(struct world *w, struct visit_ask *ask) {
    char host[ID_TEXT_SIZE + 1] = "";
    struct wire_admin_drain drain = {.node = host_word(w, host)};
    request_word(w, &drain.request);
    drain.off = chance(w, 600000) || !swarm_may_take_votes(w);
    ask->method = "drain";
    codec_encode_named(&wire_admin_drain_type, &drain, &ask->params);
}

static void ask_away(struct world *w, struct visit_ask *ask) {
    char host[ID_TEXT_SIZE + 1] = "";
    struct wire_admin_away away = {.node = host_word(w, host)};
    request_word(w, &away.request);
    away.for_ms = chance(w, 300000)   ? 0
                  : chance(w, 900000) ? below(w, 30000)
                                      : WIRE_AWAY_MAX + 1 + below(w, 9);
    ask->method = "away";
    codec_encode_named(&wire_admin_away_type, &away, &ask->params);
}

static void ask_restart(struct world *w, struct visit_ask *ask) {
    struct wire_admin_restart restart = {.for_ms = chance(w, 300000) ? 0 : below(w, 20000)};
    request_word(w, &restart.request);
    ask->method = "agent.restart";
    codec_encode_named(&wire_admin_restart_type, &restart, &ask->params);
}

/* Of nobody: a host that is taken out is the matter of a fault (faults.c), for it must find its place again.
 */
static void ask_forget(struct world *w, struct visit_ask *ask) {
    struct wire_admin_forget forget = {.node = ONE_OF(w, "nobody", "", "zz")};
    request_word(w, &forget.request);
    ask->method = "forget";
    codec_encode_named(&wire_admin_forget_type, &forget, &ask->params);
}

static void ask_matrix(struct world *w, struct visit_ask *ask) {
    struct wire_admin_matrix_query q = {.wait_ms = 0};
    if (chance(w, 700000))
        q.wait_ms = chance(w, 700000) ? below(w, 3000) : UINT64_MAX;
    ask->method = "matrix";
    codec_encode_named(&wire_admin_matrix_query_type, &q, &ask->params);
}

static void ask_run(struct world *w, struct visit_ask *ask) {
    ask->method = "run";
    visit_job(w, &ask->params);
}

static void ask_stop(struct world *w, struct visit_ask *ask) {
    struct wire_admin_stop stop = {.name = ONE_OF(w, "odd0", "odd1", "odd2", "odd3", "none", "")};
    request_word(w, &stop.request);
    ask->method = "stop";
    codec_encode_named(&wire_admin_stop_type, &stop, &ask->params);
}

/* ---- spoilt -------------------------------------------------------------------------------------------- */

static bool is_write(const char *method, struct bytes params) {
    static const struct {
        const char *method;
        const struct codec_type *type;
    } writes[] = {{"run", &wire_admin_run_type},         {"stop", &wire_admin_stop_type},
                  {"var.put", &wire_admin_var_put_type}, {"vote", &wire_admin_vote_type},
                  {"drain", &wire_admin_drain_type},     {"away", &wire_admin_away_type},
                  {"forget", &wire_admin_forget_type},   {"agent.restart", &wire_admin_restart_type}};
    struct arena a = {0};
    bool is = false;
    for (size_t i = 0; i < sizeof writes / sizeof writes[0]; i++)
        if (strcmp(method, writes[i].method) == 0)
            is = codec_decode_named(writes[i].type, params, &a, arena_alloc(&a, writes[i].type->size),
                                    NULL) == 0;
    arena_done(&a);
    return is;
}

/* One draw a statement: the order within an expression is the compiler's. */
static void flip(struct world *w, struct buf *b) {
    size_t at = (size_t)below(w, b->size);
    b->data[at] ^= (uint8_t)(1u << below(w, 8));
}

/* A program that is wrong. What it spoils must not come out as another write that is well formed. */
static void spoil(struct world *w, struct visit_ask *ask) {
    struct buf *b = &ask->params;
    struct buf kept = {0};
    buf_append(&kept, b->data, b->size);
    switch (below(w, 6)) {
    case 0: b->size = (size_t)below(w, b->size + 1); break;
    case 1: buf_append(b, "\x01", 1); break;
    case 2: /* other types */
        buf_clear(b);
        codec_put_int(b, (int64_t)below(w, 300) - 150);
        break;
    case 3:
        buf_clear(b);
        codec_put_map(b, 1);
        codec_put_str(b, bytes_str("no such field"));
        codec_put_nil(b);
        break;
    case 4:
        buf_clear(b);
        codec_put_map(b, 1);
        codec_put_str(b, ONE_OF(w, "consistent", "name", "credit", "request", "job", "key", "node", "var"));
        codec_put_int(b, (int64_t)below(w, 1000) - 500);
        break;
    default:
        if (b->size > 0)
            flip(w, b);
        break;
    }
    if (is_write(ask->method, buf_bytes(b))) {
        buf_clear(b);
        buf_append(b, kept.data, kept.size);
    }
    buf_done(&kept);
}

/* As often whether visitors think long or not: where agents live for a second, nothing goes on for long. */
static bool may_restart(struct world *w) {
    int64_t think_ms = w->swarm->think_ms < 3000 ? w->swarm->think_ms : 3000;
    return chance(w, (uint32_t)(think_ms * 1000 / 3));
}

void visit_draw(struct world *w, struct visit_ask *ret) {
    static void (*const asks[])(struct world *, struct visit_ask *) = {
        ask_read,  ask_nothing, ask_job,    ask_job,    ask_ps,      ask_vars,   ask_put,    ask_put,
        ask_watch, ask_watch,   ask_events, ask_backup, ask_logs,    ask_logs,   ask_vote,   ask_run,
        ask_run,   ask_stop,    ask_drain,  ask_away,   ask_restart, ask_forget, ask_matrix,
    };
    size_t drawn = (size_t)below(w, sizeof asks / sizeof asks[0]);
    *ret = (struct visit_ask){.method = ""};
    if (asks[drawn] == ask_restart && !may_restart(w))
        drawn = 0;
    asks[drawn](w, ret);
    if (chance(w, 120000))
        spoil(w, ret);
}
