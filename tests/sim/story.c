/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * One run of one seed, in four parts.
 *
 *   forming   the first host makes a cluster, the others join, one after the other
 *   faults    clients work; faults of the classes that the seed has drawn happen, each at any time
 *   healing   faults end. In half of the runs every host is healed; in the others a core of hosts that holds
 *             enough votes (atlas.c), and the rest stays dead, stopped, or cut off for good
 *   promises  clients finish, and all that was promised must come true in the core, within a bound
 */
#include <stdio.h>

#include "alone.h"
#include "checker.h"
#include "crowd.h"
#include "faults.h"
#include "run.h"
#include "swarm.h"

#define FORM_US      (60 * US_PER_S)
#define NOTICE_US    (20 * US_PER_S)  /* in which every leader has missed who is gone */
#define LEAVE_MAX_US (130 * US_PER_S) /* after which an agent gives up leaving */
#define REST_US      (60 * US_PER_S)  /* for clients to finish, each with as many tries as it likes */
#define WRITE_US     (20 * US_PER_S)  /* after which an agent has given a write up */
#define SETTLE_US    (240 * US_PER_S)

/* ---- what is there, for the end of a failed run's trace ------------------------------------------------ */

static void dump_instance(void *arg, const struct wire_instance_record *r) {
    struct world *w = arg;
    char id[ID_SHORT_SIZE], node[ID_SHORT_SIZE];
    id_short(r->id.b, id);
    id_short(r->node.b, node);
    world_say(w, 0, "%s %.*s[%u] version %llu on %s: %s, wanted %s, sequence %llu %.*s", id,
              BYTES_FMT(r->job), r->slot, (unsigned long long)r->version, node, instance_state_str(r->state),
              desired_state_str(r->desired), (unsigned long long)r->sequence, BYTES_FMT(r->reason));
}

static void dump_voters(struct world *w, const struct sim_host *h, const struct raft_id *voters,
                        size_t count) {
    for (size_t i = 0; i < count; i++)
        world_say(w, h->index, "  voter %02x, log %02x%02x", voters[i].node.b[0], voters[i].log.b[0],
                  voters[i].log.b[1]);
}

static void dump_raft(struct world *w, const struct sim_host *h, const struct raft *r) {
    const struct wire_raft_config *c = raft_config_now(r);
    struct raft_id leader = {{{0}}, {{0}}};
    (void)raft_leader(r, &leader);
    world_say(
        w, h->index,
        "%s in term %llu, log %02x%02x, %llu..%llu, commit %llu, applied %llu, %zu+%zu voters, leader %02x, "
        "self %02x, alive %zu, contact %lld ms ago%s%s%s",
        raft_role_str(raft_role(r)), (unsigned long long)raft_term(r), raft_self(r).log.b[0],
        raft_self(r).log.b[1], (unsigned long long)raft_first_index(r),
        (unsigned long long)raft_last_index(r), (unsigned long long)raft_commit_index(r),
        (unsigned long long)state_index(node_state(h->node)), c != NULL ? c->voters_count : 0,
        c != NULL ? c->voters_next_count : 0, leader.node.b[0], node_self(h->node).b[0],
        node_swim(h->node) != NULL ? swim_alive_count(node_swim(h->node)) : 0,
        (long long)(host_now_us(w, h) - raft_contact_us(r)) / 1000, h->paused ? ", stopped" : "",
        h->suspended ? ", suspended" : "", h->disk.error != 0 ? ", disk failed" : "");
    if (c != NULL) {
        dump_voters(w, h, c->voters, c->voters_count);
        dump_voters(w, h, c->voters_next, c->voters_next_count);
    }
}

static void dump(struct world *w) {
    const struct sim_host *first = NULL;
    for (uint32_t i = 0; i < w->hosts_count && w->trace_level > 0; i++) {
        const struct sim_host *h = &w->hosts[i];
        const struct raft *r = h->node != NULL ? node_raft(h->node) : NULL;
        if (r == NULL) {
            world_say(w, i, "%s", h->node != NULL ? "no member" : h->powered ? "no agent" : "no power");
            continue;
        }
        if (first == NULL && ((w->core >> i) & 1) != 0)
            first = h;
        dump_raft(w, h, r);
    }
    if (first != NULL)
        state_instances_each(node_state(first->node), dump_instance, w);
}

/* ---- waiting ------------------------------------------------------------------------------------------- */

static void settle(struct world *w, const char *when, int64_t limit_us) {
    char text[256] = "";
    int64_t from = w->now_us, step_us = US_PER_S / 2;
    while (!w->failed && w->now_us < from + limit_us) {
        world_run(w, w->now_us + step_us);
        if (!w->failed && checkers_settled(w, text, sizeof text))
            return;
    }
    if (w->failed)
        return;
    dump(w);
    world_fail(w, "%s, not settled after %lld s: %s", when, (long long)(limit_us / US_PER_S), text);
}

static uint32_t all_hosts(const struct world *w) {
    uint32_t mask = 0;
    for (uint32_t i = 0; i < w->hosts_count; i++)
        mask |= (uint32_t)(w->hosts[i].boots > 0 && !w->hosts[i].has_left) << i;
    return mask;
}

/* ---- forming ------------------------------------------------------------------------------------------- */

static void form(struct world *w) {
    const struct swarm *s = w->swarm;
    swarm_network(w, false);
    swarm_disks(w, false);
    swarm_clocks(w);
    host_start(w, 0, true);
    world_run(w, w->now_us + US_PER_S);
    if (s->early)
        faults_start(w);
    for (uint32_t i = 1; i < s->hosts && !w->failed; i++) {
        host_start(w, i, false);
        world_run(w, w->now_us + prng_between(&w->swarm_prng, 0, 2 * US_PER_S));
    }
    if (s->early)
        return;
    w->core = all_hosts(w);
    settle(w, "forming", FORM_US);
    w->core = 0;
}

/* ---- healing ------------------------------------------------------------------------------------------- */

static uint32_t staying(const struct world *w) {
    uint32_t mask = all_hosts(w);
    for (uint32_t i = 0; i < w->hosts_count; i++)
        if (w->hosts[i].leaving || atlas_taken_out(w, &w->hosts[i]))
            mask &= ~(UINT32_C(1) << i);
    return mask;
}

static uint32_t choose_core(struct world *w) {
    uint32_t all = staying(w), core = 0, order[HOSTS_MAX];
    if (w->swarm->heal_all)
        return all;
    for (uint32_t i = 0; i < w->hosts_count; i++) {
        uint32_t at = (uint32_t)prng_below(&w->swarm_prng, i + 1);
        order[i] = order[at];
        order[at] = i;
    }
    for (uint32_t i = 0; i < w->hosts_count && !atlas_enough(w, core); i++)
        core |= all & (UINT32_C(1) << order[i]);
    return atlas_enough(w, core) ? core : all;
}

/* A write, by whichever host of the core, until it is done or there is nothing to be done. */
static void insist(struct world *w, const char *method, const struct codec_type *type, const void *params) {
    uint64_t request = 0;
    for (unsigned tries = 0; tries < 100 && !w->failed; tries++) {
        for (uint32_t i = 0; i < w->hosts_count && request == 0; i++)
            if (((w->core >> i) & 1) != 0)
                request = operator_call(w, (i + tries) % w->hosts_count, method, type, params);
        world_run(w, w->now_us + US_PER_S);
        const struct reply *r = operator_reply(w, request);
        if (r != NULL && r->done && (r->error == 0 || r->error == ERR_NOT_FOUND || r->error == ERR_CONFLICT))
            return;
        if (r == NULL || r->done || r->gone)
            request = 0;
    }
}

static void stop_job(struct world *w, const char *job) {
    struct wire_admin_stop stop = {.name = bytes_str(job)};
    prng_fill(&w->client_prng, stop.request.b, sizeof stop.request.b);
    world_say(w, 0, "operator: stop %s", job);
    insist(w, "stop", &wire_admin_stop_type, &stop);
}

/* What visitors said of hosts is taken back: the jobs must fit into the core. */
static void hosts_back(struct world *w) {
    for (uint32_t i = 0; i < w->hosts_count && !w->failed; i++) {
        char name[8] = {'h', (char)('0' + i), 0};
        struct wire_admin_drain drain = {.node = bytes_str(name), .off = true};
        struct wire_admin_away away = {.node = bytes_str(name)};
        insist(w, "drain", &wire_admin_drain_type, &drain);
        insist(w, "away", &wire_admin_away_type, &away);
    }
}

/*
 * No process ends by itself from here on; what is known not to run well, or perhaps not to fit, is stopped,
 * as an operator would.
 */
static void stop_ill(struct world *w) {
    static const char *const odd[] = {"odd0", "odd1", "odd2", "odd3"};
    stop_job(w, "ill");
    if (w->visitors == NULL)
        return;
    world_run(w, w->now_us + WRITE_US); /* what they asked last may still be on its way to a leader */
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++)
        stop_job(w, odd[i]);
    hosts_back(w);
}

/* false: the cluster cannot do without those that leave yet. */
static bool leaving_waited(struct world *w) {
    int64_t until = w->now_us + LEAVE_MAX_US;
    bool waits = true;
    while (waits && w->now_us < until && !w->failed) {
        world_run(w, w->now_us + US_PER_S);
        waits = !atlas_enough(w, staying(w));
        for (uint32_t i = 0; i < w->hosts_count; i++)
            waits |= w->hosts[i].leaving;
    }
    return w->failed || atlas_enough(w, staying(w));
}

/* No visitor takes votes or begins agents anew any longer, and the votes that they took are given back. */
static void votes_back(struct world *w) {
    w->visitors_rest = true;
    w->core = all_hosts(w);
    for (uint32_t i = 0; i < w->hosts_count && !w->failed; i++) {
        char name[8] = {'h', (char)('0' + i), 0};
        struct wire_admin_vote vote = {.node = bytes_str(name), .vote = VOTE_RULE_AUTO};
        insist(w, "vote", &wire_admin_vote_type, &vote);
    }
    hosts_back(w);
    w->core = 0;
}

/*
 * A leave that has begun is seen through, until the cluster can do without those that leave. Visitors may
 * stand in the way: who leaves keeps its vote where nobody else may have it, or where no learner can catch
 * up, since its agent begins anew in the middle of every snapshot.
 */
static void finish_leaving(struct world *w) {
    if (staying(w) == all_hosts(w))
        return;
    faults_heal(w, all_hosts(w));
    if (leaving_waited(w))
        return;
    if (w->visitors != NULL)
        votes_back(w);
    if (!leaving_waited(w))
        world_fail(w, "those that leave keep votes that the others need");
}

/*
 * A leader that has not missed the rest yet may begin a change to voters of it, which the core alone can
 * neither finish nor take back: such a rest is healed too. So is one that holds a vote that is needed, though
 * it has learnt by now that it was taken out: it is seen off first.
 */
static uint32_t heal_rest(struct world *w, uint32_t core) {
    world_run(w, w->now_us + NOTICE_US);
    core &= staying(w); /* one may have learnt only now that it was taken out */
    if (w->failed || atlas_enough(w, core))
        return core;
    if (!atlas_enough(w, staying(w)))
        finish_leaving(w);
    core = staying(w);
    faults_heal(w, core);
    return core;
}

static void heal(struct world *w) {
    finish_leaving(w);
    if (w->failed)
        return;
    uint32_t core = choose_core(w);
    for (uint32_t i = 0; i < w->hosts_count; i++)
        if (((core >> i) & 1) == 0)
            faults_break(w, i);
    faults_heal(w, core);
    w->core = core = heal_rest(w, core);
    world_say(w, 0, "faults are over; core %x of %u hosts", core, w->hosts_count);
    checkers_see(w, &(struct sight){.kind = SIGHT_FAULTS_OVER});
}

/* A state that is wrong is found out as the log moves on. */
static void find_rot(struct world *w) {
    for (unsigned tries = 0; tries < 240 && !w->failed; tries++) {
        bool any = false;
        for (uint32_t i = 0; i < w->hosts_count; i++)
            any |= w->hosts[i].rotted && ((w->core >> i) & 1) != 0;
        if (!any)
            return;
        for (uint32_t i = 0; i < 4 * w->hosts_count; i++)
            if (((w->core >> (i % w->hosts_count)) & 1) != 0)
                (void)operator_stop(w, i % w->hosts_count, "nothing");
        world_run(w, w->now_us + US_PER_S / 2);
    }
}

/* ---- a run --------------------------------------------------------------------------------------------- */

static void tell(struct world *w) {
    int64_t until = w->now_us + REST_US;
    while (!w->failed && !clients_rest(w) && w->now_us < until)
        world_run(w, w->now_us + US_PER_S / 2);
    if (!w->failed)
        stop_ill(w);
    if (!w->failed)
        find_rot(w);
    if (!w->failed)
        settle(w, "after the last fault", SETTLE_US);
    if (!w->failed)
        checkers_over(w);
}

static void swarm_set(struct swarm *s, const struct run *run) {
    for (size_t i = 0; i < run->sets_count; i++)
        for (size_t k = 0; swarm_parameter_at(k) != NULL; k++)
            if (strcmp(swarm_parameter_at(k)->name, run->sets[i].name) == 0)
                memcpy((uint8_t *)s + swarm_parameter_at(k)->offset, &run->sets[i].value, sizeof(int64_t));
    if (s->hosts_late > HOSTS_MAX - s->hosts) /* drawn beside fewer */
        s->hosts_late = HOSTS_MAX - s->hosts;
}

void story_run(struct run *run) {
    struct world *w = mem_alloc(sizeof *w);
    struct swarm s;
    swarm_draw(run->seed, run->hosts_count, &s);
    swarm_set(&s, run);
    world_init(w, run->seed, (uint32_t)(s.hosts + s.hosts_late));
    w->trace_level = run->trace_level;
    w->swarm = &s;
    form(w);
    if (!w->failed) {
        clients_start(w, (uint32_t)s.clients);
        if (s.visitors > 0)
            visitors_start(w, (uint32_t)s.visitors);
        if (!s.early)
            faults_start(w);
        world_run(w, w->now_us + s.faults_ms * US_PER_MS);
    }
    if (!w->failed && !w->lied)
        heal(w);
    if (!w->failed && !w->lied)
        tell(w);
    if (!w->failed && s.alone > 0)
        alone_play(w, (uint32_t)s.alone);
    if (!w->failed && s.crowd != 0)
        crowd_play(w);
    run_over(w, run);
    world_done(w);
    mem_free(w);
}
