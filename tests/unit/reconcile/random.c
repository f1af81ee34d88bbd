/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Random clusters: hosts come and go, jobs change, instances fail. The rig judges every plan; what is left to
 * say here is that it always ends, with the count that was asked for, once the hosts are still.
 */
#include "rig.h"

static void random_job(struct rig *r, struct prng *p) {
    static const char *const names[] = {"a", "b", "c"}, *const commands[] = {"/x", "/y"};
    const char *name = names[prng_below(p, 3)];
    if (prng_below(p, 8) == 0 && state_job_find(r->w.state, text_of(name)) != NULL) {
        stop_job(&r->w, name);
        return;
    }
    enum job_type type = name[0] == 'c' ? JOB_TYPE_BATCH : JOB_TYPE_SERVICE;
    run_job(&r->w, job_of(&r->w, name, type, (uint32_t)prng_below(p, 5), commands[prng_below(p, 2)]));
}

struct choice {
    struct prng *prng;
    struct instance_id id;
    uint64_t seen;
};
static void choose(void *arg, const struct wire_instance_record *r) {
    struct choice *c = arg;
    if (state_instance_live(r) && prng_below(c->prng, ++c->seen) == 0)
        c->id = r->id;
}

static void random_fate(struct rig *r, struct prng *p) {
    static const enum instance_state fates[] = {INSTANCE_STATE_FAILED, INSTANCE_STATE_COMPLETE,
                                                INSTANCE_STATE_REFUSED, INSTANCE_STATE_STARTING};
    struct choice c = {.prng = p};
    state_instances_each(r->w.state, choose, &c);
    if (c.seen > 0)
        tell(&r->w, c.id, fates[prng_below(p, 4)]);
}

static void random_step(struct rig *r, struct prng *p) {
    unsigned node = 1 + (unsigned)prng_below(p, r->nodes_count);
    const struct wire_node_record *record = state_node_find(r->w.state, node_of(node));
    switch (prng_below(p, 10)) {
    case 0: random_job(r, p); break;
    case 1:
        if (record->status == NODE_STATUS_READY && r->views[node - 1].alive)
            rig_lose(r, node);
        break;
    case 2:
    case 3:
        if (record->status == NODE_STATUS_UNREACHABLE)
            rig_return(r, node);
        break;
    case 4: random_fate(r, p); break;
    case 5: r->stuck[node - 1] = !r->stuck[node - 1]; break;
    case 6: rig_obey(r); break;
    case 7: rig_sleep(r, (int64_t)prng_below(p, 20 * (uint64_t)US_PER_S)); break;
    case 8:
        if (prng_below(p, 6) == 0 && record->status == NODE_STATUS_READY)
            set_status(&r->w, node, NODE_STATUS_LEFT);
        break;
    default: rig_plan(r);
    }
}

static void all_is_as_wanted(struct rig *r, uint64_t seed) {
    for (size_t i = 0; i < state_jobs_count(r->w.state); i++) {
        const struct wire_job_record *job = state_job_at(r->w.state, i);
        char name[2] = {(char)job->spec.name.data[0], 0};
        if (job->spec.type == JOB_TYPE_BATCH && !job->stopped)
            continue;
        unsigned count = job->stopped ? 0 : job->spec.groups[0].count;
        cr_assert_eq(rig_wanted(r, name), count, "seed %llu: job %s has %u of %u", (unsigned long long)seed,
                     name, rig_wanted(r, name), count);
        cr_assert_eq(rig_running(r, name), count);
    }
}

Test(reconcile_random, once_all_is_still_everything_runs_as_often_as_asked) {
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct prng p;
        struct rig r = rig_new(5);
        prng_init(&p, seed);
        for (unsigned i = 0; i < 200; i++)
            random_step(&r, &p);
        for (unsigned node = 1; node <= 5; node++) {
            r.stuck[node - 1] = false;
            if (state_node_find(r.w.state, node_of(node))->status == NODE_STATUS_UNREACHABLE)
                rig_return(&r, node);
            if (node == 1)
                add_node(&r.w, 1); /* one at least that does not leave */
        }
        rig_until(&r, r.now_us + 8000 * US_PER_S);
        all_is_as_wanted(&r, seed);
        cr_assert_not(rig_plan(&r));
        rig_done(&r);
    }
}
