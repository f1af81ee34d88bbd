/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "rig.h"

struct rig rig_new(unsigned nodes_count) {
    struct rig r = {.w = world_new(), .nodes_count = nodes_count, .now_us = 1000 * US_PER_S};
    r.options = (struct reconcile_options){.replace_after_us = 3 * US_PER_S,
                                           .replace_batch_after_us = 600 * US_PER_S,
                                           .answer_us = 30 * US_PER_S,
                                           .heal_stable_us = 15 * US_PER_S,
                                           .reschedule_us = 30 * US_PER_S,
                                           .places_max = 1000};
    r.memory = reconcile_memory_new();
    prng_init(&r.prng, 7);
    add_nodes(&r.w, nodes_count);
    for (unsigned i = 0; i < nodes_count; i++)
        r.views[i] =
            (struct reconcile_node_view){.id = node_of(i + 1), .alive = true, .last_good_us = r.now_us};
    return r;
}

void rig_done(struct rig *r) {
    reconcile_memory_free(r->memory);
    arena_done(&r->arena);
    world_done(&r->w);
}

/* ---- judging ---- */

static bool in_sight(const struct rig *r, struct node_id id) {
    const struct wire_node_record *node = state_node_find(r->w.state, id);
    for (size_t i = 0; i < r->nodes_count; i++)
        if (ID_EQUAL(r->views[i].id, id))
            return r->views[i].alive && node != NULL && node->status != NODE_STATUS_UNREACHABLE;
    return false;
}

static bool leaves(const struct rig *r, struct node_id id) {
    const struct wire_node_record *node = state_node_find(r->w.state, id);
    return node == NULL || node->status == NODE_STATUS_LEFT;
}

static bool is_stopped_here(const struct rig *r, struct instance_id id) {
    for (size_t i = 0; i < r->plan.plan.stops_count; i++)
        if (ID_EQUAL(r->plan.plan.stops[i].instance, id))
            return true;
    return false;
}

struct other {
    const struct rig *rig;
    const struct wire_instance_record *of;
    bool runs, complete;
};
static void other_visit(void *arg, const struct wire_instance_record *r) {
    struct other *o = arg;
    if (r == o->of || r->slot != o->of->slot || !bytes_equal(r->group, o->of->group))
        return;
    o->complete |= r->state == INSTANCE_STATE_COMPLETE;
    o->runs |= r->state == INSTANCE_STATE_RUNNING && r->desired == DESIRED_STATE_RUN &&
               in_sight(o->rig, r->node) && !leaves(o->rig, r->node) && !is_stopped_here(o->rig, r->id);
}

static void judge_stop(const struct rig *r, const struct wire_stop *stop) {
    const struct wire_instance_record *record = state_instance_find(r->w.state, stop->instance);
    cr_assert_not_null(record);
    cr_assert(record->desired == DESIRED_STATE_RUN && state_instance_live(record), "a stop without effect");
    const struct wire_job_record *job = state_job_find(r->w.state, record->job);
    const struct wire_group *group = state_group_find(job, record->group);
    if (job->stopped || group == NULL || record->slot >= group->count)
        return;
    const struct wire_job_record *own = state_job_version(r->w.state, record->job, record->version);
    if (!state_group_same(own, job, record->group) && in_sight(r, record->node))
        return;
    struct other o = {.rig = r, .of = record};
    state_instances_of_job(r->w.state, record->job, other_visit, &o);
    if (o.complete && leaves(r, record->node))
        return;
    cr_assert(o.runs, "stopped (%.*s) although nothing else of its slot runs", BYTES_FMT(stop->reason));
    cr_assert(in_sight(r, record->node) || leaves(r, record->node), "stopped because it is out of sight");
}

static struct bytes encoded(struct arena *a, const struct wire_cmd_plan *plan) {
    struct buf out = {0};
    codec_encode(&wire_cmd_plan_type, plan, &out);
    struct bytes copy = arena_copy(a, buf_bytes(&out));
    buf_done(&out);
    return copy;
}

static void plan_make(struct rig *r) {
    struct prng same = r->prng;
    arena_reset(&r->arena);
    reconcile_cluster(r->w.state, r->views, r->nodes_count, r->now_us, &r->options, r->memory, &r->prng,
                      &r->arena, &r->plan);
    struct reconcile_plan again;
    reconcile_cluster(r->w.state, r->views, r->nodes_count, r->now_us, &r->options, r->memory, &same,
                      &r->arena, &again);
    cr_assert(bytes_equal(encoded(&r->arena, &r->plan.plan), encoded(&r->arena, &again.plan)),
              "not a function of its input");
    cr_assert_eq(r->plan.next_us, again.next_us);
    cr_assert_gt(r->plan.next_us, r->now_us);
}

bool rig_plan(struct rig *r) {
    plan_make(r);
    size_t did = r->plan.plan.places_count + r->plan.plan.stops_count;
    if (did == 0)
        return false;
    for (size_t i = 0; i < r->plan.plan.stops_count; i++)
        judge_stop(r, &r->plan.plan.stops[i]);
    r->places += (unsigned)r->plan.plan.places_count;
    r->stops += (unsigned)r->plan.plan.stops_count;
    cr_assert_eq(APPLY(&r->w, .plan = &r->plan.plan).refused_count, 0,
                 "a plan must hold its own preconditions");
    return true;
}

bool rig_settle(struct rig *r) {
    bool did = rig_plan(r);
    if (!did)
        return false;
    if (r->plan.plan.places_count < r->options.places_max)
        cr_assert_not(rig_plan(r), "the same was planned twice");
    else
        while (rig_plan(r)) {
        }
    return true;
}

/* ---- obeying ---- */

struct todo {
    struct rig *rig;
    VEC(struct instance_id) start;
    VEC(struct instance_id) stop;
};
static void todo_visit(void *arg, const struct wire_instance_record *record) {
    struct todo *t = arg;
    for (size_t i = 0; i < t->rig->nodes_count; i++)
        if (ID_EQUAL(t->rig->views[i].id, record->node) && t->rig->stuck[i])
            return;
    if (!in_sight(t->rig, record->node) || !state_instance_live(record))
        return;
    if (record->desired == DESIRED_STATE_STOP)
        VEC_PUSH(&t->stop, record->id);
    else if (record->state != INSTANCE_STATE_RUNNING)
        VEC_PUSH(&t->start, record->id);
}

bool rig_obey(struct rig *r) {
    struct todo t = {.rig = r};
    state_instances_each(r->w.state, todo_visit, &t);
    bool did = t.start.count + t.stop.count > 0;
    for (size_t i = 0; i < t.start.count; i++)
        tell(&r->w, t.start.data[i], INSTANCE_STATE_RUNNING);
    for (size_t i = 0; i < t.stop.count; i++)
        tell(&r->w, t.stop.data[i], INSTANCE_STATE_STOPPED);
    VEC_DONE(&t.start);
    VEC_DONE(&t.stop);
    return did;
}

void rig_run(struct rig *r) {
    for (unsigned i = 0; i < 2000; i++) {
        bool planned = rig_settle(r);
        if (!rig_obey(r) && !planned)
            return;
    }
    cr_assert(false, "it does not come to rest");
}

void rig_hear(struct rig *r) {
    for (size_t i = 0; i < r->nodes_count; i++)
        if (r->views[i].alive)
            r->views[i].last_good_us = r->now_us;
}

void rig_sleep(struct rig *r, int64_t us) {
    r->now_us += us;
    rig_hear(r);
}

void rig_until(struct rig *r, int64_t until_us) {
    rig_run(r);
    while (r->plan.next_us <= until_us) {
        r->now_us = r->plan.next_us;
        rig_hear(r);
        rig_run(r);
    }
    r->now_us = until_us;
    rig_hear(r);
}

void rig_lose(struct rig *r, unsigned node) {
    r->views[node - 1].alive = false;
    set_status(&r->w, node, NODE_STATUS_UNREACHABLE);
}

void rig_return(struct rig *r, unsigned node) {
    r->views[node - 1].alive = true;
    r->views[node - 1].back_us = r->views[node - 1].last_good_us = r->now_us;
    set_status(&r->w, node, NODE_STATUS_READY);
}

/* ---- looking ---- */

struct look {
    struct rig *rig;
    uint32_t slot;
    bool any_slot;
    const struct wire_instance_record *found;
    unsigned wanted, running;
};
static void look_visit(void *arg, const struct wire_instance_record *r) {
    struct look *l = arg;
    if (r->desired != DESIRED_STATE_RUN || !state_instance_live(r) || (!l->any_slot && r->slot != l->slot))
        return;
    l->found = r;
    l->wanted++;
    l->running += r->state == INSTANCE_STATE_RUNNING && in_sight(l->rig, r->node);
}

const struct wire_instance_record *rig_holder(struct rig *r, const char *job, uint32_t slot) {
    struct look l = {.rig = r, .slot = slot};
    state_instances_of_job(r->w.state, text_of(job), look_visit, &l);
    return l.found;
}

unsigned rig_node_of(struct rig *r, const char *job, uint32_t slot) {
    const struct wire_instance_record *record = rig_holder(r, job, slot);
    cr_assert_not_null(record);
    return (unsigned)record->node.b[0] << 8 | record->node.b[1];
}

unsigned rig_wanted(struct rig *r, const char *job) {
    struct look l = {.rig = r, .any_slot = true};
    state_instances_of_job(r->w.state, text_of(job), look_visit, &l);
    return l.wanted;
}

unsigned rig_running(struct rig *r, const char *job) {
    struct look l = {.rig = r, .any_slot = true};
    state_instances_of_job(r->w.state, text_of(job), look_visit, &l);
    return l.running;
}

void rig_tell_holder(struct rig *r, const char *job, uint32_t slot, enum instance_state state) {
    const struct wire_instance_record *record = rig_holder(r, job, slot);
    cr_assert_not_null(record);
    cr_assert_eq(tell(&r->w, record->id, state), 0);
}
