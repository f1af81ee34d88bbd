/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Faults, one after the other, each of a class that the swarm has drawn. What a fault begins, an event ends
 * later: faults overlap. Faults of the network are in faults_network.c.
 */
#include "faults.h"

#include "checker.h"
#include "faults_network.h"
#include "hostile.h"
#include "lies.h"
#include "mistakes.h"
#include "swarm.h"

enum act {
    ACT_NEXT,  /* the next fault */
    ACT_END,   /* an agent that was told to end does */
    ACT_START, /* b: how often its agent is to be killed again soon after it has started */
    ACT_RESUME,
    ACT_REFUSE,  /* starts are no longer refused */
    ACT_MEND,    /* an operator sees to the disk, and starts the agent anew */
    ACT_REJOIN,  /* with an empty disk */
    ACT_MANGLE,  /* an agent is in order again */
    ACT_CORRECT, /* its agent is started as it should be */
    ACT_HONEST,
    ACT_NETWORK /* b: for faults_network.c */
};

static uint64_t below(struct world *w, uint64_t bound) { return prng_below(&w->fault_prng, bound); }
static bool chance(struct world *w, uint32_t millionths) { return prng_chance(&w->fault_prng, millionths); }
static int64_t between(struct world *w, int64_t low, int64_t high) {
    return prng_between(&w->fault_prng, low, high);
}

static void later(struct world *w, enum act act, uint32_t host, uint64_t b, int64_t delay_us) {
    struct event *e = world_push(w, EVENT_FAULT, delay_us, host);
    e->a = act;
    e->b = b;
}

/* Mostly short, now and then long. */
int64_t faults_span_us(struct world *w, int64_t usual_us, int64_t most_us) {
    return chance(w, 800000) ? between(w, usual_us / 10, usual_us) : between(w, usual_us, most_us);
}

void faults_network_later(struct world *w, uint64_t what, int64_t delay_us) {
    later(w, ACT_NETWORK, 0, what, delay_us);
}

static uint32_t any_host(struct world *w) { return (uint32_t)below(w, w->hosts_count); }

/* A host whose agent runs; false: there is none. */
static bool any_agent(struct world *w, uint32_t *ret) {
    uint32_t first = any_host(w);
    for (uint32_t i = 0; i < w->hosts_count; i++) {
        *ret = (first + i) % w->hosts_count;
        if (w->hosts[*ret].node != NULL)
            return true;
    }
    return false;
}

/* ---- agents and power ---------------------------------------------------------------------------------- */

static void comes_back(struct world *w, uint32_t host, uint64_t kills, int64_t usual_us) {
    later(w, ACT_START, host, kills, faults_span_us(w, usual_us, 40 * US_PER_S));
}

static void kill_agent(struct world *w, uint32_t host) {
    if (chance(w, 500000))
        host_kill_after(w, host, 1 + (uint32_t)below(w, 20), false);
    else
        host_kill_agent(w, host);
    comes_back(w, host, 0, 5 * US_PER_S);
}

/* An upgrade: a leader has a second to hand over. */
static void shutdown_agent(struct world *w, uint32_t host) {
    struct sim_host *h = &w->hosts[host];
    if (h->node == NULL || h->paused || h->suspended)
        return;
    world_say(w, host, "agent is told to end");
    h->ending = true;
    later(w, ACT_END, host, h->run, between(w, 0, US_PER_S));
    host_feed(w, h, &(struct node_input){.kind = NODE_SHUTDOWN});
}

static void shutdown_ends(struct world *w, uint32_t host, uint64_t run) {
    if (w->hosts[host].run == run)
        host_kill_agent(w, host);
    comes_back(w, host, 0, US_PER_S);
}

static void crash_loop(struct world *w, uint32_t host) {
    host_kill_agent(w, host);
    uint64_t kills = 2 + below(w, 6); /* one draw a statement: the order of arguments is the compiler's */
    later(w, ACT_START, host, kills, between(w, 0, 2 * US_PER_S));
}

static void power(struct world *w, uint32_t host) {
    if (chance(w, 500000))
        host_kill_after(w, host, 1 + (uint32_t)below(w, 20), true);
    else
        host_power_off(w, host);
    comes_back(w, host, 0, 8 * US_PER_S);
}

static void blackout(struct world *w) {
    bool all = chance(w, 300000);
    for (uint32_t i = 0; i < w->hosts_count; i++)
        if (w->hosts[i].boots > 0 && (all || chance(w, 500000))) {
            host_power_off(w, i);
            comes_back(w, i, 0, 10 * US_PER_S);
        }
}

static void lost_disk(struct world *w, uint32_t host) {
    struct sim_host *h = &w->hosts[host];
    if (h->boots == 0 || !atlas_may_damage(w, h))
        return;
    host_power_off(w, host);
    host_lose_disk(w, host);
    comes_back(w, host, 0, 5 * US_PER_S);
}

void faults_crash(struct world *w, uint32_t host, bool by_power) {
    if (by_power)
        host_power_off(w, host);
    else
        host_kill_agent(w, host);
    comes_back(w, host, 0, 2 * US_PER_S);
}

/* A file is not what it was when the host comes up again: fsck, an operator, or another version of covey. */
static void spoil(struct world *w, uint32_t host) {
    struct sim_host *h = &w->hosts[host];
    if (h->boots == 0 || !atlas_may_damage(w, h))
        return;
    host_power_off(w, host);
    disk_fault_spoil(w, h, &w->hosts[any_host(w)]);
    comes_back(w, host, 0, 2 * US_PER_S);
}

/* The first time it is only noted what the disk has by now. Of hosts of which that is noted the next one is
 * one: a vote or a new segment later it is of no use any more. */
static void forget(struct world *w, uint32_t host) {
    for (uint32_t i = 0; w->hosts[host].disk.kept.count == 0 && i < w->hosts_count; i++)
        if (w->hosts[i].disk.kept.count > 0)
            host = i;
    struct sim_host *h = &w->hosts[host];
    if (h->disk.kept.count == 0 || chance(w, 300000)) {
        disk_keep(h);
        return;
    }
    host_power_off(w, host);
    (void)disk_fault_forget(w, h);
    comes_back(w, host, 0, US_PER_S);
}

/* An agent that is there already was started by another fault's end. */
static void start(struct world *w, uint32_t host, uint64_t kills) {
    struct sim_host *h = &w->hosts[host];
    if (h->has_left || h->suspended)
        return;
    host_start(w, host, false);
    if (kills == 0 || h->node == NULL)
        return;
    uint32_t effects = 1 + (uint32_t)below(w, chance(w, 500000) ? 20 : 300);
    host_kill_after(w, host, effects, chance(w, 100000));
    later(w, ACT_START, host, kills - 1, between(w, 500 * US_PER_MS, 4 * US_PER_S));
}

/* ---- disks --------------------------------------------------------------------------------------------- */

/* Whoever runs a cluster sees that an agent complains of its disk. */
static void disks_look(struct world *w) {
    for (uint32_t i = 0; i < w->hosts_count; i++) {
        struct sim_host *h = &w->hosts[i];
        if (h->disk.error == 0 || h->mending)
            continue;
        h->mending = true;
        later(w, ACT_MEND, i, 0, between(w, 0, 20 * US_PER_S));
    }
}

static void mend(struct world *w, uint32_t host) {
    struct sim_host *h = &w->hosts[host];
    h->mending = false;
    if (h->suspended) {
        h->mending = true;
        later(w, ACT_MEND, host, 0, US_PER_S);
        return;
    }
    disk_heal(w, h);
    if (h->disk.error == ERR_NO_SPACE && chance(w, 500000))
        return; /* something was removed to make room, and no more: the agent sees it by itself */
    host_kill_agent(w, host);
    start(w, host, 0);
}

/* ---- clocks and pauses --------------------------------------------------------------------------------- */

static void pause_agent(struct world *w, uint32_t host) {
    host_pause(w, host);
    later(w, ACT_RESUME, host, 0, faults_span_us(w, 2 * US_PER_S, 20 * US_PER_S));
}

static void suspend(struct world *w, uint32_t host) {
    host_suspend(w, host);
    later(w, ACT_RESUME, host, 0, faults_span_us(w, 10 * US_PER_S, 60 * US_PER_S));
}

static void wall_step(struct world *w, uint32_t host) {
    int64_t hours = 3600 * 1000;
    clock_wall_step(w, &w->hosts[host], between(w, -30 * hours, 30 * hours));
}

static void rate_change(struct world *w, uint32_t host) {
    clock_rate(w, &w->hosts[host], (int32_t)between(w, -10000, 10000));
}

/* ---- tasks --------------------------------------------------------------------------------------------- */

static struct sim_task *any_task(struct world *w, uint32_t host) {
    struct sim_host *h = &w->hosts[host];
    size_t first = h->tasks.count > 0 ? (size_t)below(w, h->tasks.count) : 0;
    for (size_t i = 0; i < h->tasks.count && !h->suspended; i++) {
        struct sim_task *t = h->tasks.data[(first + i) % h->tasks.count];
        if (t->shim != NULL && !t->released)
            return t;
    }
    return NULL;
}

static void shim(struct world *w, uint32_t host) {
    struct sim_task *t = any_task(w, host);
    if (t == NULL)
        return;
    world_say(w, host, "a shim is killed");
    tasks_shim_killed(w, &w->hosts[host], t);
}

static void process(struct world *w, uint32_t host) {
    struct sim_task *t = any_task(w, host);
    if (t == NULL || t->pid == 0)
        return;
    world_say(w, host, "a process is killed");
    process_crash(w, &w->hosts[host], t);
}

static void refuse(struct world *w, uint32_t host) {
    w->hosts[host].refuse = 1000000;
    later(w, ACT_REFUSE, host, 0, faults_span_us(w, 5 * US_PER_S, 30 * US_PER_S));
}

/* ---- who is where -------------------------------------------------------------------------------------- */

static void address(struct world *w, uint32_t host) {
    if (w->hosts[host].boots == 0 || w->hosts[host].suspended || w->ip_next >= 250)
        return;
    host_kill_agent(w, host);
    host_address(w, host, ++w->ip_next);
    comes_back(w, host, 0, 3 * US_PER_S);
}

static void swap(struct world *w, uint32_t a, uint32_t b) {
    if (a == b || w->hosts[a].boots == 0 || w->hosts[b].boots == 0 || w->hosts[a].suspended ||
        w->hosts[b].suspended)
        return;
    uint32_t ip = w->hosts[a].ip;
    host_kill_agent(w, a);
    host_kill_agent(w, b);
    host_address(w, a, w->hosts[b].ip);
    host_address(w, b, ip);
    comes_back(w, a, 0, 2 * US_PER_S);
    comes_back(w, b, 0, 2 * US_PER_S);
}

static uint32_t members(const struct world *w) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < w->hosts_count; i++)
        count += w->hosts[i].boots > 0 && !w->hosts[i].has_left && !w->hosts[i].leaving &&
                 !atlas_taken_out(w, &w->hosts[i]);
    return count;
}

static void leave(struct world *w, uint32_t host) {
    struct sim_host *h = &w->hosts[host];
    if (members(w) < 4 || !atlas_whole(w, NULL) || h->leaving || h->node == NULL ||
        node_raft(h->node) == NULL)
        return;
    world_say(w, host, "an operator takes it out");
    h->leave_request = operator_call(w, host, "leave", &wire_empty_type, &(struct wire_empty){0});
    h->leaving = h->leave_request != 0;
    if (chance(w, 500000))
        later(w, ACT_REJOIN, host, 0, between(w, 10 * US_PER_S, 40 * US_PER_S));
}

/* By an operator somewhere else: the host need not be there, and leaves if it is. */
static void take_out(struct world *w, uint32_t host, uint32_t at) {
    struct sim_host *h = &w->hosts[host];
    char name[8] = {'h', (char)('0' + host), 0};
    struct wire_admin_forget forget = {.node = bytes_str(name), .force = true};
    if (members(w) < 4 || !atlas_whole(w, NULL) || h->leaving || h->boots == 0 || h->has_left || at == host)
        return;
    world_say(w, host, "an operator has it taken out");
    h->leave_request = operator_call(w, at, "forget", &wire_admin_forget_type, &forget);
    h->leaving = h->leave_request != 0;
    if (chance(w, 500000))
        later(w, ACT_REJOIN, host, 0, between(w, 10 * US_PER_S, 40 * US_PER_S));
}

/* One that has left comes back as somebody with the same key and name, who remembers nothing. */
static void rejoin(struct world *w, uint32_t host) {
    if (!w->hosts[host].has_left)
        return;
    host_power_off(w, host);
    host_lose_disk(w, host);
    host_start(w, host, false);
}

/* Of a newcomer when there is one. */
static void mistake(struct world *w, uint32_t host) {
    for (uint32_t i = 0; i < w->hosts_count; i++)
        if (w->hosts[i].boots == 0)
            host = i;
    struct sim_host *h = &w->hosts[host];
    if (h->suspended || h->has_left || h->mistake != 0)
        return;
    h->mistake = mistake_draw(w);
    world_say(w, host, "its agent is started wrongly (%u)", h->mistake);
    host_kill_agent(w, host);
    start(w, host, 0);
    later(w, ACT_CORRECT, host, 0, faults_span_us(w, 5 * US_PER_S, 20 * US_PER_S));
}

static void correct(struct world *w, uint32_t host) {
    struct sim_host *h = &w->hosts[host];
    if (h->suspended) {
        later(w, ACT_CORRECT, host, 0, US_PER_S);
        return;
    }
    h->mistake = 0;
    host_kill_agent(w, host);
    start(w, host, 0);
}

static void join(struct world *w) {
    for (uint32_t i = 0; i < w->hosts_count; i++)
        if (w->hosts[i].boots == 0) {
            host_start(w, i, false);
            return;
        }
}

/* ---- lies ---------------------------------------------------------------------------------------------- */

static void lie(struct world *w, uint32_t host) {
    world_say(w, host, "begins to lie");
    w->hosts[host].lies = true;
    later(w, ACT_HONEST, host, 0, faults_span_us(w, 10 * US_PER_S, 60 * US_PER_S));
}

/*
 * One at a time, and where somebody could know better: a leader that plans on a wrong state, or a voter that
 * nobody can outvote, is beyond what is promised.
 */
static void rot(struct world *w, uint32_t host) {
    struct sim_host *h = &w->hosts[host];
    for (uint32_t i = 0; i < w->hosts_count; i++)
        if (w->hosts[i].rotted)
            return;
    const struct raft *r = h->node != NULL ? node_raft(h->node) : NULL;
    if (!w->swarm->heal_all)
        return; /* of the voters that are left in the end too few may be right */
    if (r == NULL || raft_role(r) == RAFT_LEADER || h->paused || h->suspended)
        return;
    if (raft_role(r) != RAFT_LEARNER && (raft_config_now(r)->voters_count < 3 || !atlas_may_damage(w, h)))
        return; /* it gives its log up, which is one copy less */
    lies_rot(w, h);
}

/*
 * The moment at which a leader is cut off matters most when a change of the voters is in its log and not yet
 * committed: so one is brought about, and waited for. What is written at such a leader meanwhile is never
 * committed, and must be cut when it comes back.
 */
static void ambush(struct world *w, uint32_t agent, uint32_t host) {
    static const enum vote_rule rules[] = {VOTE_RULE_AUTO, VOTE_RULE_PIN, VOTE_RULE_EXCLUDE};
    uint32_t last = w->ambush_host;
    char names[2][8] = {{'h', (char)('0' + last), 0}, {'h', (char)('0' + host), 0}};
    struct wire_admin_vote vote = {.node = bytes_str(names[0])};
    if (last != host) /* one host at a time is told another rule */
        (void)operator_call(w, agent, "vote", &wire_admin_vote_type, &vote);
    vote.node = bytes_str(names[1]);
    vote.vote = rules[below(w, swarm_may_take_votes(w) ? 3 : 2)];
    (void)operator_call(w, agent, "vote", &wire_admin_vote_type, &vote);
    w->ambush_host = host;
    w->ambush_until_us = w->now_us + 15 * US_PER_S;
    world_say(w, host, "the next change of the voters cuts its leader off");
}

static bool is_changing(const struct sim_host *h) {
    const struct raft *r = h->node != NULL ? node_raft(h->node) : NULL;
    return r != NULL && raft_role(r) == RAFT_LEADER &&
           raft_config_now(r) != raft_config_at(r, raft_commit_index(r));
}

void faults_look(struct world *w, const struct sim_host *h) {
    if (w->now_us >= w->ambush_until_us || w->faults_over || !is_changing(h) || !chance(w, 300000))
        return;
    w->ambush_until_us = 0;
    faults_network_ambush(w, h->index);
    for (uint64_t i = below(w, 6); i > 0; i--) {
        struct wire_admin_var_put put = {.var = {.key = bytes_str("ambush"), .value = bytes_str("x")}};
        (void)operator_call(w, h->index, "var.put", &wire_admin_var_put_type, &put);
    }
}

static void mangle(struct world *w, uint32_t host) {
    uint32_t millionths = (uint32_t)between(w, 2000, chance(w, 300000) ? 200000 : 30000);
    if (w->swarm->lies != 0) /* what it says is believed once */
        millionths = 300000;
    world_say(w, host, "its agent is out of order");
    hostile_begin(w, host, millionths);
    later(w, ACT_MANGLE, host, 0, faults_span_us(w, 5 * US_PER_S, 20 * US_PER_S));
}

/* ---- one after the other ------------------------------------------------------------------------------- */

static enum fault_class choose(struct world *w) {
    int64_t total = 0;
    for (size_t i = 0; i < FAULTS_COUNT; i++)
        total += w->swarm->weight[i];
    if (total == 0)
        return FAULTS_COUNT;
    int64_t at = (int64_t)below(w, (uint64_t)total);
    size_t i = 0;
    while (at >= w->swarm->weight[i])
        at -= w->swarm->weight[i++];
    return (enum fault_class)i;
}

static void begin(struct world *w, enum fault_class class) {
    uint32_t host = any_host(w), agent = host;
    if (!any_agent(w, &agent))
        agent = host;
    switch (class) {
    case FAULT_kill: kill_agent(w, agent); break;
    case FAULT_shutdown: shutdown_agent(w, agent); break;
    case FAULT_crash_loop: crash_loop(w, agent); break;
    case FAULT_power: power(w, agent); break;
    case FAULT_blackout: blackout(w); break;
    case FAULT_lost_disk: lost_disk(w, host); break;
    case FAULT_disk: disk_fault_any(w, &w->hosts[host], &w->fault_prng); break;
    case FAULT_cut:
    case FAULT_isolate:
    case FAULT_one_way:
    case FAULT_triangle:
    case FAULT_clog:
    case FAULT_swizzle:
    case FAULT_loss:
    case FAULT_slow:
    case FAULT_late:
    case FAULT_firewall: faults_network_begin(w, class); break;
    case FAULT_pause: pause_agent(w, agent); break;
    case FAULT_suspend: suspend(w, agent); break;
    case FAULT_wall: wall_step(w, host); break;
    case FAULT_rate: rate_change(w, host); break;
    case FAULT_shim: shim(w, host); break;
    case FAULT_process: process(w, host); break;
    case FAULT_refuse: refuse(w, host); break;
    case FAULT_address: address(w, host); break;
    case FAULT_swap: swap(w, host, any_host(w)); break;
    case FAULT_leave: leave(w, agent); break;
    case FAULT_join: join(w); break;
    case FAULT_lie: lie(w, agent); break;
    case FAULT_rot: rot(w, agent); break;
    case FAULT_spoil: spoil(w, host); break;
    case FAULT_forget: forget(w, agent); break;
    case FAULT_ambush: ambush(w, agent, host); break;
    case FAULT_mangle: mangle(w, agent); break;
    case FAULT_mistake: mistake(w, host); break;
    case FAULT_taken_out: take_out(w, host, agent); break;
    case FAULTS_COUNT: break;
    }
}

static void next(struct world *w) {
    int64_t gap_us = w->swarm->gap_ms * US_PER_MS;
    begin(w, choose(w));
    disks_look(w);
    later(w, ACT_NEXT, 0, 0, between(w, 0, 2 * gap_us));
}

void faults_start(struct world *w) {
    swarm_network(w, true);
    swarm_disks(w, true);
    later(w, ACT_NEXT, 0, 0, between(w, 0, 2 * w->swarm->gap_ms * US_PER_MS));
}

void faults_event(struct world *w, struct event *e) {
    if (w->faults_over)
        return;
    switch ((enum act)e->a) {
    case ACT_NEXT: next(w); break;
    case ACT_END: shutdown_ends(w, e->host, e->b); break;
    case ACT_START: start(w, e->host, e->b); break;
    case ACT_RESUME: host_resume(w, e->host); break;
    case ACT_REFUSE: w->hosts[e->host].refuse = (uint32_t)w->swarm->refuse_ppm; break;
    case ACT_MEND: mend(w, e->host); break;
    case ACT_REJOIN: rejoin(w, e->host); break;
    case ACT_HONEST: w->hosts[e->host].lies = false; break;
    case ACT_MANGLE: hostile_end(w, e->host); break;
    case ACT_CORRECT: correct(w, e->host); break;
    case ACT_NETWORK: faults_network_end(w, e->b); break;
    }
}

/* ---- the end of faults --------------------------------------------------------------------------------- */

static void heal_host(struct world *w, uint32_t i) {
    struct sim_host *h = &w->hosts[i];
    h->kill_after = 0;
    h->broken = false;
    host_resume(w, i);
    disk_heal(w, h);
    if ((h->disk.error != 0 && h->disk.error != ERR_NO_SPACE) || h->ending || h->mistake != 0)
        host_kill_agent(w, i);
    h->mistake = 0;
    host_start(w, i, false);
}

void faults_heal(struct world *w, uint32_t core) {
    w->faults_over = w->processes_well = true;
    for (uint32_t i = 0; i < w->hosts_count; i++)
        hostile_end(w, i);
    swarm_network(w, false);
    swarm_disks(w, false);
    faults_network_heal(w, core);
    for (uint32_t i = 0; i < w->hosts_count; i++)
        w->hosts[i].lies = false;
    for (uint32_t i = 0; i < w->hosts_count && !w->failed; i++)
        if (((core >> i) & 1) != 0)
            heal_host(w, i);
}

/* One of the rest: dead, stopped, or there and unreachable. */
void faults_break(struct world *w, uint32_t host) {
    struct sim_host *h = &w->hosts[host];
    h->broken = true;
    h->kill_after = 0;
    host_resume(w, host);
    switch (below(w, 4)) {
    case 0: host_power_off(w, host); break;
    case 1: host_kill_agent(w, host); break;
    case 2: host_pause(w, host); break;
    default: break;
    }
}
