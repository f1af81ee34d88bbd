/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* A state and short words to change it with; for the tests of everything that reads a state. */
#ifndef TESTS_UNIT_STATE_WORLD_H
#define TESTS_UNIT_STATE_WORLD_H

#include <criterion/criterion.h>

#include <covey/codec.h>
#include <covey/state.h>

struct world {
    struct state *state;
    uint64_t index;
    struct arena arena;
};

static inline struct world world_new(void) { return (struct world){.state = state_new()}; }
static inline void world_done(struct world *w) {
    state_free(w->state);
    arena_done(&w->arena);
}

static inline struct bytes text_of(const char *text) { return bytes_str(text); }
static inline struct node_id node_of(unsigned number) {
    return (struct node_id){{(uint8_t)(number >> 8), (uint8_t)number, 0x0d}};
}
static inline struct instance_id instance_of(unsigned number) {
    return (struct instance_id){{(uint8_t)(number >> 8), (uint8_t)number, 0x15}};
}
static inline struct request_id request_of(unsigned number) {
    return (struct request_id){{(uint8_t)(number >> 8), (uint8_t)number, 0x4e}};
}

static inline struct state_result apply_next(struct world *w, const struct wire_command *c) {
    struct state_result r;
    state_apply(w->state, ++w->index, c, &r);
    return r;
}
#define APPLY(w, ...) apply_next((w), &(struct wire_command){__VA_ARGS__})

/* ---- nodes ---- */

static inline struct wire_node_record node_record(unsigned number) {
    static const char digits[] = "0123456789abcdef";
    static char names[4096][5];
    char *name = names[number % 4096];
    name[0] = 'n';
    for (int i = 0; i < 3; i++)
        name[1 + i] = digits[(number >> (4 * (2 - i))) & 15];
    return (struct wire_node_record){.id = node_of(number),
                                     .name = bytes_of(name, 4),
                                     .status = NODE_STATUS_READY,
                                     .generation = 1,
                                     .cpu_mhz = 4000,
                                     .memory_mib = 4096,
                                     .ports_low = 20000,
                                     .ports_high = 20009,
                                     .raw_exec = true};
}
static inline void add_record(struct world *w, const struct wire_node_record *record) {
    struct wire_node_record copy = *record;
    cr_assert_eq(APPLY(w, .node = &copy).error, 0);
}
static inline void add_node(struct world *w, unsigned number) {
    struct wire_node_record record = node_record(number);
    add_record(w, &record);
}
static inline void add_nodes(struct world *w, unsigned count) {
    for (unsigned i = 1; i <= count; i++)
        add_node(w, i);
}
static inline void set_status(struct world *w, unsigned node, enum node_status status) {
    struct wire_cmd_node_status c = {.id = node_of(node), .status = status};
    cr_assert_eq(APPLY(w, .node_status = &c).error, 0);
}

/* ---- jobs: one group "g" of one task "t" ---- */

static inline struct wire_job *job_of(struct world *w, const char *name, enum job_type type, uint32_t count,
                                      const char *command) {
    struct wire_job *job = arena_alloc(&w->arena, sizeof *job);
    struct wire_group *group = arena_alloc(&w->arena, sizeof *group);
    struct wire_task *task = arena_alloc(&w->arena, sizeof *task);
    *task = (struct wire_task){
        .name = text_of("t"), .command = text_of(command), .cpu_mhz = 100, .memory_mib = 64};
    *group = (struct wire_group){.name = text_of("g"), .count = count, .tasks = task, .tasks_count = 1};
    *job = (struct wire_job){.name = text_of(name), .type = type, .groups = group, .groups_count = 1};
    return job;
}
/* The version that it has now. */
static inline uint64_t run_job(struct world *w, struct wire_job *job) {
    struct state_result r = APPLY(w, .job = job);
    cr_assert_eq(r.error, 0);
    return r.version;
}
static inline uint64_t run_service(struct world *w, const char *name, uint32_t count, const char *command) {
    return run_job(w, job_of(w, name, JOB_TYPE_SERVICE, count, command));
}
static inline void stop_job(struct world *w, const char *name) {
    struct wire_cmd_job_stop c = {.name = text_of(name)};
    cr_assert_eq(APPLY(w, .job_stop = &c).error, 0);
}

/* ---- instances of the group "g" ---- */

static inline struct wire_place place_of(const char *job, uint64_t version, uint32_t slot, unsigned instance,
                                         unsigned node) {
    return (struct wire_place){.instance = instance_of(instance),
                               .job = text_of(job),
                               .version = version,
                               .group = text_of("g"),
                               .slot = slot,
                               .node = node_of(node),
                               .generation = 1};
}
/* 0 when it was placed, 1 when it was refused. */
static inline uint32_t apply_place(struct world *w, const struct wire_place *place) {
    struct wire_place copy = *place;
    struct wire_cmd_plan plan = {.places = &copy, .places_count = 1};
    return APPLY(w, .plan = &plan).refused_count;
}
static inline void place_instance(struct world *w, const char *job, uint64_t version, uint32_t slot,
                                  unsigned instance, unsigned node) {
    struct wire_place place = place_of(job, version, slot, instance, node);
    cr_assert_eq(apply_place(w, &place), 0);
}
static inline uint32_t apply_stop(struct world *w, unsigned instance, const char *reason) {
    struct wire_stop stop = {.instance = instance_of(instance), .reason = text_of(reason)};
    struct wire_cmd_plan plan = {.stops = &stop, .stops_count = 1};
    return APPLY(w, .plan = &plan).refused_count;
}
/* From the node that has it, with the next sequence; 1 when it does not count. */
static inline uint32_t tell(struct world *w, struct instance_id id, enum instance_state state) {
    const struct wire_instance_record *r = state_instance_find(w->state, id);
    cr_assert_not_null(r);
    struct wire_fact fact = {
        .instance = id, .state = state, .sequence = r->sequence + 1, .gone = state == INSTANCE_STATE_STOPPED};
    struct wire_cmd_report report = {.node = r->node, .facts = &fact, .facts_count = 1};
    return APPLY(w, .report = &report).refused_count;
}
static inline const struct wire_instance_record *record_of(const struct world *w, unsigned instance) {
    return state_instance_find(w->state, instance_of(instance));
}

/* ---- looking at all of it ---- */

static inline struct bytes snapshot_of(struct world *w) {
    struct buf out = {0};
    state_snapshot(w->state, &out);
    struct bytes copy = arena_copy(&w->arena, buf_bytes(&out));
    buf_done(&out);
    return copy;
}

#endif
