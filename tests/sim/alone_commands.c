/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The state, and commands that no leader of this version would propose: plans that come late, words on hosts
 * that are gone, kinds and formats that nobody knows, twice the same request after its answer was forgotten.
 * Two states are given the same, one of them made from a snapshot of the other in the middle: they end with
 * the same bytes. A snapshot in which something was changed is refused, or it is one that holds.
 */
#include "../fuzz/twin.h"
#include "alone.h"

#define COMMANDS 400
#define NODES    5
#define SLOTS    3

static uint64_t below(struct prng *p, uint64_t bound) { return prng_below(p, bound); }
static bool chance(struct prng *p, uint32_t millionths) { return prng_chance(p, millionths); }

/* 0: nobody. */
static struct node_id node(struct prng *p) { return (struct node_id){{(uint8_t)below(p, NODES + 2)}}; }

static struct bytes word(struct prng *p) {
    static const char *const words[] = {"g", "g", "g", "web", "Web-9_z.Z", "", ".x", "a b", "~"};
    return bytes_str(words[below(p, sizeof words / sizeof words[0])]);
}

static struct bytes job_name(struct prng *p) { return bytes_str(chance(p, 800000) ? "web" : "api"); }

/* Of those that the state has; a new one else. */
struct search {
    uint64_t left;
    struct instance_id id;
};
static void search(void *arg, const struct wire_instance_record *r) {
    struct search *s = arg;
    s->id = s->left-- == 0 ? r->id : s->id;
}
static struct instance_id instance(struct prng *p, const struct state *s) {
    struct search found = {.left = below(p, state_instances_count(s) + 1)};
    if (chance(p, 900000))
        state_instances_each(s, search, &found);
    return found.id;
}

/* Who holds the slot, if anybody does. */
struct holder {
    uint32_t slot;
    struct instance_id id;
};
static void holder_look(void *arg, const struct wire_instance_record *r) {
    struct holder *h = arg;
    if (r->slot == h->slot && r->desired == DESIRED_STATE_RUN && state_instance_live(r))
        h->id = r->id;
}
static struct instance_id holder(const struct state *s, struct bytes job, uint32_t slot) {
    struct holder h = {.slot = slot};
    state_instances_of_job(s, job, holder_look, &h);
    return h.id;
}

static struct wire_node_record *node_record(struct prng *p, struct arena *a) {
    struct wire_node_record *r = arena_alloc(a, sizeof *r);
    *r = (struct wire_node_record){.id = node(p),
                                   .name = bytes_str(chance(p, 950000) ? "n" : ""),
                                   .status = (enum node_status)below(p, 4),
                                   .generation = (uint32_t)below(p, 2),
                                   .log = {{(uint8_t)below(p, 3)}},
                                   .format = (uint32_t)below(p, 4)};
    if (chance(p, 700000))
        r->status = NODE_STATUS_READY;
    return r;
}

static struct wire_job *job(struct prng *p, struct arena *a) {
    struct wire_job *j = arena_alloc(a, sizeof *j);
    if (chance(p, 200000)) {
        codec_random(&wire_job_type, p, a, j, (unsigned)below(p, 101));
        return j;
    }
    *j = (struct wire_job){.name = job_name(p), .type = (enum job_type)below(p, 2), .groups_count = 1};
    j->groups = arena_alloc(a, sizeof *j->groups);
    *j->groups = (struct wire_group){.name = word(p), .count = (uint32_t)below(p, SLOTS), .tasks_count = 1};
    j->groups->tasks = arena_alloc(a, sizeof *j->groups->tasks);
    *j->groups->tasks = (struct wire_task){.name = word(p), .command = word(p)};
    return j;
}

static struct wire_cmd_plan *plan(struct prng *p, const struct state *s, struct arena *a) {
    struct wire_cmd_plan *plan = arena_alloc(a, sizeof *plan);
    *plan = (struct wire_cmd_plan){.places_count = below(p, 4), .stops_count = below(p, 3)};
    plan->places = arena_alloc(a, 4 * sizeof *plan->places);
    plan->stops = arena_alloc(a, 3 * sizeof *plan->stops);
    for (size_t i = 0; i < plan->places_count; i++) {
        struct wire_place *place = &plan->places[i];
        struct bytes name = job_name(p);
        const struct wire_job_record *newest = state_job_find(s, name);
        *place = (struct wire_place){.job = name,
                                     .version = newest != NULL ? newest->version - below(p, 2) : 1,
                                     .group = bytes_str(chance(p, 900000) ? "g" : "x"),
                                     .slot = (uint32_t)below(p, SLOTS),
                                     .node = node(p),
                                     .generation = (uint32_t)below(p, 2)};
        place->replaces = chance(p, 900000) ? holder(s, name, place->slot) : instance(p, s);
        const struct wire_node_record *on = state_node_find(s, place->node);
        if (on != NULL && chance(p, 900000))
            place->generation = on->generation;
        prng_fill(p, place->instance.b, chance(p, 900000) ? sizeof place->instance.b : 0);
        if (chance(p, 50000))
            place->instance = instance(p, s);
    }
    for (size_t i = 0; i < plan->stops_count; i++) {
        plan->stops[i] =
            (struct wire_stop){.instance = instance(p, s), .reason = word(p), .idle = chance(p, 200000)};
        if (chance(p, 200000))
            plan->stops[i].version = below(p, 3);
        const struct wire_instance_record *of = state_instance_find(s, plan->stops[i].instance);
        if (of != NULL && chance(p, 500000))
            plan->stops[i].keeper = holder(s, of->job, of->slot);
        else if (chance(p, 300000))
            plan->stops[i].keeper = instance(p, s);
    }
    return plan;
}

static struct wire_cmd_report *report(struct prng *p, const struct state *s, struct arena *a) {
    struct wire_cmd_report *r = arena_alloc(a, sizeof *r);
    *r = (struct wire_cmd_report){
        .node = node(p), .facts_count = below(p, 6), .generation = (uint32_t)below(p, 3)};
    r->facts = arena_alloc(a, 6 * sizeof *r->facts);
    for (size_t i = 0; i < r->facts_count; i++) {
        r->facts[i] = (struct wire_fact){.instance = instance(p, s),
                                         .state = (enum instance_state)below(p, 8),
                                         .sequence = below(p, 100),
                                         .gone = chance(p, 200000),
                                         .reason = word(p)};
        const struct wire_instance_record *of = state_instance_find(s, r->facts[i].instance);
        if (of != NULL && chance(p, 900000)) {
            r->node = of->node;
            r->facts[i].sequence = of->sequence + 1;
        }
    }
    return r;
}

/* An operator's word on a host. */
static void host_word(struct prng *p, struct arena *a, struct wire_command *c) {
    static const uint64_t aways[] = {0, 1000, 1000, WIRE_AWAY_MAX, WIRE_AWAY_MAX + 1};
    switch (below(p, 6)) {
    case 0:
        c->node_vote = arena_alloc(a, sizeof *c->node_vote);
        *c->node_vote = (struct wire_cmd_node_vote){.id = node(p), .vote = (enum vote_rule)below(p, 3)};
        break;
    case 1:
        c->node_drain = arena_alloc(a, sizeof *c->node_drain);
        *c->node_drain = (struct wire_cmd_node_drain){.id = node(p), .drain = below(p, 2) != 0};
        break;
    case 2:
        c->node_away = arena_alloc(a, sizeof *c->node_away);
        *c->node_away = (struct wire_cmd_node_away){.id = node(p),
                                                    .away_ms = aways[below(p, 5)],
                                                    .until_ms = (int64_t)below(p, 2),
                                                    .generation = (uint32_t)below(p, 2)};
        break;
    default: {
        struct wire_cmd_node_status *status = arena_alloc(a, sizeof *status);
        *status = (struct wire_cmd_node_status){.id = node(p), .status = (enum node_status)below(p, 4)};
        c->node_status = chance(p, 600000) ? status : NULL;
        c->node_forget = c->node_status == NULL && chance(p, 600000) ? status : NULL;
        c->node_remove = c->node_status == NULL && c->node_forget == NULL ? status : NULL;
        break;
    }
    }
}

static struct wire_command command(struct prng *p, const struct state *s, struct arena *a) {
    struct wire_command c = {.request = {{(uint8_t)below(p, 40)}}, .time_ms = (int64_t)below(p, 100000)};
    if (chance(p, 5000))
        c.format = 1 + (uint32_t)below(p, 3);
    if (chance(p, 200000))
        c.since = below(p, state_index(s) + 2);
    switch (below(p, 12)) {
    case 0:
        c.init = arena_alloc(a, sizeof *c.init);
        c.init->id.b[0] = (uint8_t)below(p, 3);
        break;
    case 1:
    case 2: c.node = node_record(p, a); break;
    case 3: host_word(p, a, &c); break;
    case 4: c.job = job(p, a); break;
    case 5:
        if (chance(p, 700000))
            break; /* a kind that came later than this version */
        c.job_stop = arena_alloc(a, sizeof *c.job_stop);
        c.job_stop->name = job_name(p);
        break;
    case 6:
        c.var = arena_alloc(a, sizeof *c.var);
        *c.var = (struct wire_cmd_var){
            .key = word(p), .value = word(p), .check = below(p, 2) != 0, .remove = below(p, 2) != 0};
        c.var->version = below(p, 20);
        break;
    case 7:
    case 8:
    case 9: c.plan = plan(p, s, a); break;
    default: c.report = report(p, s, a);
    }
    return c;
}

/* ---- what must hold ------------------------------------------------------------------------------------ */

static void apply(struct state *x, struct state *y, uint64_t index, const struct wire_command *c) {
    struct state_result a, b;
    struct state_change change;
    state_apply(x, index, c, &a);
    while (state_change_next(x, &change))
        assert(change.kind <= STATE_ALL);
    assert(state_format_used(x) >= 1 && state_format_all(x) >= 1);
    assert(!state_command_unknown(c) || !ID_IS_ZERO(c->request) || a.error != 0);
    if (y == NULL)
        return;
    state_apply(y, index, c, &b);
    assert(a.error == b.error && a.version == b.version && a.changed == b.changed &&
           a.refused_count == b.refused_count);
}

/* Something in it is not as it was written. */
static void spoil(struct prng *p, struct wire_state_snapshot *s) {
    size_t at;
    switch (below(p, 10)) {
    case 0:
        if (s->nodes_count > 1)
            s->nodes[1] = s->nodes[0];
        break;
    case 1:
        if (s->jobs_count > 1)
            s->jobs[1] = s->jobs[0];
        break;
    case 2:
        if (s->vars_count > 1)
            s->vars[1] = s->vars[0];
        break;
    case 3: memset(&s->cluster.id, 0, sizeof s->cluster.id); break;
    case 4:
        if (s->jobs_count > 0)
            s->jobs[below(p, s->jobs_count)].spec.name = bytes_str(chance(p, 500000) ? "" : "zz");
        break;
    case 5:
        at = s->jobs_count > 0 ? below(p, s->jobs_count) : 0;
        if (s->jobs_count > 0 && s->jobs[at].spec.groups_count > 0)
            s->jobs[at].spec.groups[0].count = WIRE_COUNT_MAX + 1;
        break;
    case 6:
        if (s->requests_count > 1)
            s->requests[1] = s->requests[0];
        break;
    case 7:
        if (s->requests_count > 0)
            memset(&s->requests[below(p, s->requests_count)].id, 0, sizeof s->requests->id);
        break;
    case 8:
        if (s->instances_count > 1)
            s->instances[1].id = s->instances[0].id;
        break;
    default:
        if (s->instances_count > 0)
            s->instances[below(p, s->instances_count)].job = bytes_str("nobody's");
        break;
    }
}

static void spoilt(struct prng *p, const struct state *s) {
    struct buf bytes = {0}, changed = {0};
    struct arena a = {0};
    struct wire_state_snapshot snapshot;
    struct state *restored = state_new();
    state_snapshot(s, &bytes);
    int error = codec_decode(&wire_state_snapshot_type, buf_bytes(&bytes), &a, &snapshot, NULL);
    assert(error == 0);
    spoil(p, &snapshot);
    codec_encode(&wire_state_snapshot_type, &snapshot, &changed);
    error = state_restore(restored, buf_bytes(&changed));
    assert(error == 0 || error == ERR_CORRUPT);
    if (error == 0)
        state_free(twin_of(restored));
    state_free(restored);
    arena_done(&a);
    buf_done(&bytes);
    buf_done(&changed);
}

/* More writes than answers are remembered: one that is asked again after so many is not done twice. */
static void forgets(void) {
    struct state *s = state_new();
    struct state_result r;
    struct wire_cmd_var var = {.key = bytes_str("k"), .value = bytes_str("v")};
    struct wire_command c = {.var = &var, .since = 1};
    uint64_t count = 2 * WIRE_REQUESTS_MAX + 10;
    for (uint64_t i = 1; i <= count; i++) {
        c.since = i;
        memcpy(c.request.b, &i, sizeof i);
        state_apply(s, i, &c, &r);
        assert(r.error == 0);
    }
    uint64_t first = 1, version = r.version;
    memcpy(c.request.b, &first, sizeof first);
    c.since = 1;
    state_apply(s, count + 1, &c, &r);
    assert(r.error == ERR_STALE);
    memcpy(c.request.b, &count, sizeof count);
    state_apply(s, count + 2, &c, &r);
    assert(r.error == 0 && r.version == version);
    state_free(twin_of(s));
    state_free(s);
}

void alone_commands(struct prng *p, uint32_t scripts) {
    if (chance(p, 200000))
        forgets();
    for (uint32_t k = 0; k < scripts; k++) {
        struct state *x = state_new(), *y = NULL;
        uint64_t cut = below(p, COMMANDS);
        for (uint64_t i = 1; i <= COMMANDS; i++) {
            struct arena a = {0};
            struct wire_command c = command(p, x, &a);
            apply(x, y, i, &c);
            arena_done(&a);
            if (i == cut)
                y = twin_of(x);
        }
        assert(y == NULL || twin_same(x, y));
        for (unsigned i = 0; i < 6; i++)
            spoilt(p, x);
        state_free(y);
        state_free(x);
    }
}
