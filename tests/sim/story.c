/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * One run from one seed: a cluster comes up, jobs are run, faults of the classes that the seed has drawn
 * happen, everything is healed, and the promises must come true within SETTLE_US.
 */
#include <stdio.h>

#include "checker.h"

#define FORM_US   (30 * US_PER_S)
#define SETTLE_US (120 * US_PER_S)

enum fault {
    FAULT_KILL,
    FAULT_POWER,
    FAULT_CUT,
    FAULT_ONE_WAY,
    FAULT_LOSS,
    FAULT_SLOW_DISK,
    FAULT_SHIM,
    FAULTS
};
static const char *const job_names[] = {"web", "api", "db"};

struct story {
    bool faults[FAULTS];
    uint32_t steps;
};

static void draw(struct world *w, struct story *s) {
    for (int f = 0; f < FAULTS; f++)
        s->faults[f] = prng_chance(&w->prng, 500000);
    s->steps = 10 + (uint32_t)prng_below(&w->prng, 15);
    w->delay_max_us = prng_between(&w->prng, 500, 20000);
    w->disk_max_us = prng_between(&w->prng, 500, 10000);
    w->duplicate = prng_chance(&w->prng, 300000) ? 20000 : 0;
}

static void heal_network(struct world *w) {
    for (uint32_t i = 0; i < w->hosts_count; i++)
        for (uint32_t j = 0; j < w->hosts_count; j++)
            if (w->cut[i][j])
                network_cut(w, i, j, false);
    w->loss = 0;
}

static void cut_in_two(struct world *w) {
    uint32_t side = 0;
    for (uint32_t i = 0; i < w->hosts_count; i++)
        side |= (uint32_t)prng_below(&w->prng, 2) << i;
    world_say(w, 0, "cut: mask %x", side);
    for (uint32_t i = 0; i < w->hosts_count; i++)
        for (uint32_t j = 0; j < w->hosts_count; j++)
            if (((side >> i) & 1) != ((side >> j) & 1))
                network_cut(w, i, j, true);
}

static void kill_shim(struct world *w, struct sim_host *h) {
    for (size_t i = 0; i < h->tasks.count; i++) {
        struct sim_task *t = h->tasks.data[i];
        if (t->shim == NULL || t->released || h->node == NULL)
            continue;
        world_say(w, h->index, "a shim is killed");
        shim_free(t->shim);
        t->shim = NULL;
        t->pid = 0;
        t->spawn++;
        struct node_input in = {.kind = NODE_TASK_LOST, .instance = t->spec.instance, .task = t->spec.task};
        host_feed(w, h, &in);
        return;
    }
}

static void one_fault(struct world *w, struct story *s) {
    enum fault f = (enum fault)prng_below(&w->prng, FAULTS);
    uint32_t host = (uint32_t)prng_below(&w->prng, w->hosts_count);
    uint32_t other = (uint32_t)prng_below(&w->prng, w->hosts_count);
    if (!s->faults[f])
        return;
    switch (f) {
    case FAULT_KILL: host_kill_agent(w, host); break;
    case FAULT_POWER: host_power_off(w, host); break;
    case FAULT_CUT: cut_in_two(w); break;
    case FAULT_ONE_WAY:
        if (host != other) {
            world_say(w, host, "cut towards h%u", other);
            network_cut(w, host, other, true);
        }
        break;
    case FAULT_LOSS: w->loss = (uint32_t)prng_below(&w->prng, 300000); break;
    case FAULT_SLOW_DISK: w->disk_max_us = prng_between(&w->prng, 1000, 100000); break;
    case FAULT_SHIM: kill_shim(w, &w->hosts[host]); break;
    case FAULTS: break;
    }
}

static void operate(struct world *w) {
    uint32_t host = (uint32_t)prng_below(&w->prng, w->hosts_count);
    const char *job = job_names[prng_below(&w->prng, 3)];
    if (w->hosts[host].node == NULL)
        return;
    switch (prng_below(&w->prng, 6)) {
    case 0: operator_stop(w, host, job); break;
    case 1: operator_run(w, host, "batch", 1 + (uint32_t)prng_below(&w->prng, 5), "true", true); break;
    case 2: operator_run(w, host, job, 1 + (uint32_t)prng_below(&w->prng, 4), "stubborn", false); break;
    default: operator_run(w, host, job, 1 + (uint32_t)prng_below(&w->prng, 5), "forever", false); break;
    }
}

static void step(struct world *w, struct story *s) {
    uint32_t host = (uint32_t)prng_below(&w->prng, w->hosts_count);
    switch (prng_below(&w->prng, 4)) {
    case 0: operate(w); break;
    case 1:
        if (w->hosts[host].node == NULL)
            host_start(w, host, false);
        else
            heal_network(w);
        break;
    default: one_fault(w, s); break;
    }
}

static void form(struct world *w) {
    host_start(w, 0, true);
    world_run(w, w->now_us + US_PER_S);
    for (uint32_t i = 1; i < w->hosts_count; i++) {
        host_start(w, i, false);
        world_run(w, w->now_us + prng_between(&w->prng, 0, 2 * US_PER_S));
    }
}

static void dump_instance(void *arg, const struct wire_instance_record *r) {
    struct world *w = arg;
    char id[ID_SHORT_SIZE], node[ID_SHORT_SIZE];
    id_short(r->id.b, id);
    id_short(r->node.b, node);
    world_say(w, 0, "%s %.*s[%u] version %llu on %s: %s, wanted %s, sequence %llu %.*s", id,
              BYTES_FMT(r->job), r->slot, (unsigned long long)r->version, node, instance_state_str(r->state),
              desired_state_str(r->desired), (unsigned long long)r->sequence, BYTES_FMT(r->reason));
}

/* What the first host has in its state: the end of a failed run's trace. */
static void dump(struct world *w) {
    for (uint32_t i = 0; i < w->hosts_count && w->trace_level > 0; i++) {
        struct sim_host *h = &w->hosts[i];
        const struct raft *r = h->node != NULL ? node_raft(h->node) : NULL;
        if (r == NULL)
            continue;
        const struct wire_raft_config *c = raft_config_now(r);
        struct raft_id leader = {{{0}}, {{0}}};
        (void)raft_leader(r, &leader);
        world_say(w, i,
                  "%s in term %llu, log %llu..%llu, commit %llu, applied %llu, %zu+%zu voters, leader %02x, "
                  "self %02x, alive %zu, contact %lld ms ago",
                  raft_role_str(raft_role(r)), (unsigned long long)raft_term(r),
                  (unsigned long long)raft_first_index(r), (unsigned long long)raft_last_index(r),
                  (unsigned long long)raft_commit_index(r),
                  (unsigned long long)state_index(node_state(h->node)), c != NULL ? c->voters_count : 0,
                  c != NULL ? c->voters_next_count : 0, leader.node.b[0], node_self(h->node).b[0],
                  node_swim(h->node) != NULL ? swim_alive_count(node_swim(h->node)) : 0,
                  (long long)(w->now_us - raft_contact_us(r)) / 1000);
    }
    if (w->trace_level > 0 && w->hosts[0].node != NULL)
        state_instances_each(node_state(w->hosts[0].node), dump_instance, w);
}

static void settle(struct world *w, const char *when, int64_t limit_us) {
    char text[256] = "";
    int64_t until = w->now_us + limit_us;
    while (!w->failed && w->now_us < until) {
        world_run(w, w->now_us + US_PER_S / 2);
        if (!w->failed && checkers_settled(w, text, sizeof text))
            return;
    }
    dump(w);
    world_fail(w, "%s, not settled after %lld s: %s", when, (long long)(limit_us / US_PER_S), text);
}

int story_run(uint64_t seed, uint32_t hosts_count, int trace_level, uint64_t *ret_trace,
              int64_t *ret_simulated_us, uint64_t *ret_events) {
    struct world *w = mem_alloc(sizeof *w);
    struct story story = {.steps = 0};
    struct prng p;
    prng_init(&p, seed);
    world_init(w, seed, hosts_count != 0 ? hosts_count : 3 + (uint32_t)prng_below(&p, 5));
    w->trace_level = trace_level;
    draw(w, &story);
    form(w);
    settle(w, "forming", FORM_US);
    if (!w->failed)
        operator_run(w, 0, "web", 3, "forever", false);
    for (uint32_t i = 0; i < story.steps && !w->failed; i++) {
        world_run(w, w->now_us + prng_between(&w->prng, 100 * US_PER_MS, 4 * US_PER_S));
        if (!w->failed)
            step(w, &story);
    }
    heal_network(w);
    w->disk_max_us = 1000;
    for (uint32_t i = 0; i < w->hosts_count && !w->failed; i++)
        host_start(w, i, false);
    settle(w, "after the last fault", SETTLE_US);
    *ret_trace = w->trace;
    *ret_simulated_us = w->now_us;
    *ret_events = w->events_count;
    int failed = w->failed;
    if (failed)
        printf("not ok seed %llu (%u hosts) at %.3f s: %s\n# replay: covey-sim --seed %llu --nodes %u "
               "--trace 1\n",
               (unsigned long long)seed, w->hosts_count, (double)w->now_us / 1e6, w->failure,
               (unsigned long long)seed, w->hosts_count);
    world_done(w);
    mem_free(w);
    return failed;
}
