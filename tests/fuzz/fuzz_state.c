/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The replicated state. First byte even: what follows is a program of commands, made of few names so that
 * they meet; they are applied to one state, and to a second that is made from a snapshot of the first in the
 * middle. Both must end with the same bytes, and those must be a snapshot. First byte odd: what follows is a
 * snapshot from a disk or a peer; what is accepted must be written as it would be read.
 */
#include <covey/codec.h>
#include <covey/state.h>

#include "twin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define COMMANDS_MAX 2000

struct input {
    const uint8_t *data;
    size_t size;
};

static uint8_t take(struct input *in, uint8_t below) {
    if (in->size == 0)
        return 0;
    in->size--;
    return (uint8_t)(*in->data++ % below);
}

static struct bytes name(struct input *in) {
    static const char *const names[] = {"a", "b", "c", "d", "", "bad name"};
    return bytes_str(names[take(in, 6)]);
}
static struct node_id node(struct input *in) { return (struct node_id){{take(in, 5)}}; }
static struct instance_id instance(struct input *in) { return (struct instance_id){{take(in, 24)}}; }

static void *make(struct arena *a, size_t size) { return arena_alloc(a, size); }

static struct wire_job *job(struct input *in, struct arena *a) {
    struct wire_job *j = make(a, sizeof *j);
    *j = (struct wire_job){.name = name(in), .type = (enum job_type)take(in, 2), .groups_count = take(in, 3)};
    j->groups = make(a, 3 * sizeof *j->groups);
    for (size_t i = 0; i < j->groups_count; i++) {
        struct wire_group *g = &j->groups[i];
        *g = (struct wire_group){.name = name(in), .count = take(in, 4), .tasks_count = 1};
        g->tasks = make(a, sizeof *g->tasks);
        *g->tasks = (struct wire_task){.name = bytes_str("t"), .command = name(in)};
    }
    return j;
}

static struct wire_cmd_plan *plan(struct input *in, struct arena *a) {
    struct wire_cmd_plan *p = make(a, sizeof *p);
    p->places_count = take(in, 4);
    p->stops_count = take(in, 3);
    p->places = make(a, 4 * sizeof *p->places);
    p->stops = make(a, 3 * sizeof *p->stops);
    for (size_t i = 0; i < p->places_count; i++)
        p->places[i] = (struct wire_place){
            .instance = instance(in),
            .job = name(in),
            .version = take(in, 5),
            .group = name(in),
            .slot = take(in, 4),
            .node = node(in),
            .replaces = instance(in),
            .generation = take(in, 2),
        };
    for (size_t i = 0; i < p->stops_count; i++)
        p->stops[i] = (struct wire_stop){.instance = instance(in), .reason = name(in)};
    return p;
}

static struct wire_cmd_report *report(struct input *in, struct arena *a) {
    struct wire_cmd_report *r = make(a, sizeof *r);
    *r = (struct wire_cmd_report){.node = node(in), .facts_count = take(in, 6)};
    r->facts = make(a, 6 * sizeof *r->facts);
    for (size_t i = 0; i < r->facts_count; i++)
        r->facts[i] = (struct wire_fact){.instance = instance(in),
                                         .state = (enum instance_state)take(in, 8),
                                         .sequence = take(in, 20),
                                         .gone = take(in, 2),
                                         .reason = name(in)};
    return r;
}

static struct wire_command command(struct input *in, struct arena *a) {
    struct wire_command c = {.request = {{take(in, 40)}}};
    switch (take(in, 10)) {
    case 0:
        c.init = make(a, sizeof *c.init);
        c.init->id.b[0] = take(in, 2);
        break;
    case 1:
        c.node = make(a, sizeof *c.node);
        *c.node = (struct wire_node_record){.id = node(in),
                                            .name = name(in),
                                            .status = (enum node_status)take(in, 4),
                                            .generation = take(in, 2)};
        break;
    case 2:
    case 3: {
        struct wire_cmd_node_status *s = make(a, sizeof *s);
        *s = (struct wire_cmd_node_status){.id = node(in), .status = (enum node_status)take(in, 4)};
        if (take(in, 4) == 0)
            c.node_remove = s;
        else
            c.node_status = s;
        break;
    }
    case 4: c.job = job(in, a); break;
    case 5:
        c.job_stop = make(a, sizeof *c.job_stop);
        c.job_stop->name = name(in);
        break;
    case 6:
        c.var = make(a, sizeof *c.var);
        *c.var = (struct wire_cmd_var){.key = name(in),
                                       .value = name(in),
                                       .check = take(in, 2),
                                       .remove = take(in, 2),
                                       .version = take(in, 20)};
        break;
    case 7:
    case 8: c.plan = plan(in, a); break;
    default: c.report = report(in, a);
    }
    return c;
}

static void apply_both(struct state *a, struct state *b, uint64_t index, const struct wire_command *c) {
    struct state_result x, y;
    struct state_change change;
    state_apply(a, index, c, &x);
    while (state_change_next(a, &change)) {
    }
    if (b == NULL)
        return;
    state_apply(b, index, c, &y);
    assert(x.error == y.error && x.version == y.version && x.refused_count == y.refused_count &&
           x.changed == y.changed);
}

static void program(struct input in) {
    struct state *a = state_new(), *b = NULL;
    uint8_t cut = take(&in, 64);
    for (uint64_t i = 1; in.size > 0 && i <= COMMANDS_MAX; i++) {
        struct arena arena = {0};
        struct wire_command c = command(&in, &arena);
        apply_both(a, b, i, &c);
        if (i == cut)
            b = twin_of(a);
        arena_done(&arena);
    }
    if (b != NULL)
        assert(twin_same(a, b));
    state_free(b);
    b = twin_of(a);
    state_free(a);
    state_free(b);
}

static void snapshot(struct input in) {
    struct state *s = state_new();
    int error = state_restore(s, bytes_of(in.data, in.size));
    assert(error == 0 || error == ERR_CORRUPT);
    if (error == 0)
        state_free(twin_of(s));
    state_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    struct input in = {data + 1, size - 1};
    if (data[0] % 2 == 0)
        program(in);
    else
        snapshot(in);
    return 0;
}
