/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Random commands that often do something: few names, few nodes, few slots. */
#ifndef TESTS_UNIT_STATE_RANDOM_H
#define TESTS_UNIT_STATE_RANDOM_H

#include "world.h"

static inline void random_fact(struct prng *p, struct wire_fact *f) {
    *f = (struct wire_fact){.instance = instance_of((unsigned)prng_below(p, 60)),
                            .sequence = prng_below(p, 12),
                            .state = (enum instance_state)prng_below(p, 8),
                            .gone = prng_below(p, 2) == 0};
}

static inline struct wire_cmd_plan *random_plan(struct prng *p, struct world *w) {
    struct wire_cmd_plan *plan = arena_alloc(&w->arena, sizeof *plan);
    static const char *const jobs[] = {"a", "b", "c"};
    plan->places_count = prng_below(p, 4);
    plan->stops_count = prng_below(p, 2);
    plan->places = arena_alloc(&w->arena, (plan->places_count + 1) * sizeof *plan->places);
    plan->stops = arena_alloc(&w->arena, (plan->stops_count + 1) * sizeof *plan->stops);
    for (size_t i = 0; i < plan->places_count; i++) {
        const char *job = jobs[prng_below(p, 3)];
        const struct wire_job_record *record = state_job_find(w->state, text_of(job));
        plan->places[i] =
            place_of(job, record != NULL ? record->version - prng_below(p, 2) : 1, (uint32_t)prng_below(p, 4),
                     (unsigned)prng_below(p, 60), (unsigned)prng_below(p, 5));
        if (prng_below(p, 2) == 0)
            plan->places[i].replaces = instance_of((unsigned)prng_below(p, 60));
    }
    for (size_t i = 0; i < plan->stops_count; i++)
        plan->stops[i] =
            (struct wire_stop){.instance = instance_of((unsigned)prng_below(p, 60)), .reason = text_of("no")};
    return plan;
}

/* The command lives in the world's arena. */
static inline const struct wire_command *random_command(struct prng *p, struct world *w) {
    static const char *const jobs[] = {"a", "b", "c"}, *const commands[] = {"/x", "/y"},
                             *const keys[] = {"k", "l", "m"};
    struct wire_command *c = arena_alloc(&w->arena, sizeof *c);
    c->time_ms = (int64_t)prng_below(p, 1000);
    if (prng_below(p, 3) == 0)
        c->request = request_of(1 + (unsigned)prng_below(p, 50));
    switch (prng_below(p, 12)) {
    case 0:
        c->init = arena_alloc(&w->arena, sizeof *c->init);
        c->init->id.b[0] = (uint8_t)prng_below(p, 3);
        break;
    case 1:
        c->node = arena_alloc(&w->arena, sizeof *c->node);
        *c->node = node_record((unsigned)prng_below(p, 5));
        if (prng_below(p, 4) == 0)
            c->node->generation = 2;
        break;
    case 2:
        c->node_status = arena_alloc(&w->arena, sizeof *c->node_status);
        *c->node_status = (struct wire_cmd_node_status){.id = node_of((unsigned)prng_below(p, 5)),
                                                        .status = (enum node_status)prng_below(p, 4)};
        break;
    case 3:
        if (prng_below(p, 5) != 0)
            break;
        c->node_remove = arena_alloc(&w->arena, sizeof *c->node_remove);
        c->node_remove->id = node_of((unsigned)prng_below(p, 5));
        break;
    case 4:
        c->job = job_of(w, jobs[prng_below(p, 3)], (enum job_type)prng_below(p, 2),
                        (uint32_t)prng_below(p, 4), commands[prng_below(p, 2)]);
        break;
    case 5:
        if (prng_below(p, 3) != 0)
            break;
        c->job_stop = arena_alloc(&w->arena, sizeof *c->job_stop);
        c->job_stop->name = text_of(jobs[prng_below(p, 3)]);
        break;
    case 6:
        c->var = arena_alloc(&w->arena, sizeof *c->var);
        *c->var = (struct wire_cmd_var){.key = text_of(keys[prng_below(p, 3)]),
                                        .value = text_of(commands[prng_below(p, 2)]),
                                        .check = prng_below(p, 2) == 0,
                                        .remove = prng_below(p, 4) == 0};
        break;
    case 7:
    case 8: c->plan = random_plan(p, w); break;
    default:
        c->report = arena_alloc(&w->arena, sizeof *c->report);
        c->report->node = node_of((unsigned)prng_below(p, 5));
        c->report->facts_count = 1 + prng_below(p, 6);
        c->report->facts = arena_alloc(&w->arena, c->report->facts_count * sizeof *c->report->facts);
        for (size_t i = 0; i < c->report->facts_count; i++)
            random_fact(p, &c->report->facts[i]);
    }
    return c;
}

#endif
