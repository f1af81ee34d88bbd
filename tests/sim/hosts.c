/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Hosts and their agents.
 *
 * What is meant for an agent that is stopped (SIGSTOP), or for a host that is suspended, is held, in order,
 * and happens when it goes on. A socket keeps so many datagrams and no more. An agent may die between any two
 * effects of one input: those that were not carried out never are.
 */
#include "checker.h"
#include "faults.h"
#include "history.h"
#include "hostile.h"
#include "mistakes.h"
#include "swarm.h"

#define DATAGRAMS_HELD_MAX 256 /* some 350 KiB: less than a socket's buffer of 1 MiB, to be nasty */

/* ---- held ---------------------------------------------------------------------------------------------- */

bool host_holds(const struct sim_host *h, enum event_kind kind) {
    if (!h->paused && !h->suspended)
        return false;
    switch (kind) {
    case EVENT_AGENT_TICK:
    case EVENT_DATAGRAM:
    case EVENT_STREAM_OPEN:
    case EVENT_STREAM_OPENED:
    case EVENT_STREAM_MESSAGE:
    case EVENT_STREAM_CLOSE:
    case EVENT_DISK:
    case EVENT_DISK_ROOM:
    case EVENT_TASK_STATUS:
    case EVENT_TASK_LOST:
    case EVENT_TASK_REFUSED:
    case EVENT_SEED:
    case EVENT_LOG:
    case EVENT_REQUEST: return true;
    case EVENT_TASK_TICK:
    case EVENT_TASK_SPAWNED:
    case EVENT_TASK_EXIT:
    case EVENT_TASK_KILLED:
    case EVENT_TASK_COMMAND: return h->suspended;
    case EVENT_STREAM_PATIENCE:
    case EVENT_CLIENT:
    case EVENT_VISIT:
    case EVENT_FAULT: return false;
    }
    return false;
}

void host_hold(struct world *w, struct sim_host *h, struct event *e) {
    if (e->kind == EVENT_DATAGRAM && (h->suspended || h->held_datagrams == DATAGRAMS_HELD_MAX)) {
        world_free(w, e);
        return;
    }
    h->held_datagrams += e->kind == EVENT_DATAGRAM;
    VEC_PUSH(&h->held, e);
}

/* What comes for it happens at once, in the order in which it came; that may stop the host again. */
static void held_happen(struct world *w, struct sim_host *h) {
    while (h->held.count > 0 && !w->failed) {
        struct event *e = h->held.data[0];
        if (host_holds(h, e->kind))
            break;
        VEC_REMOVE(&h->held, 0);
        h->held_datagrams -= e->kind == EVENT_DATAGRAM;
        world_happen(w, e);
    }
}

static void held_drop(struct world *w, struct sim_host *h, bool all) {
    size_t kept = 0;
    for (size_t i = 0; i < h->held.count; i++) {
        struct event *e = h->held.data[i];
        bool is_shims = e->kind >= EVENT_TASK_TICK && e->kind <= EVENT_TASK_KILLED;
        if (!all && (is_shims || e->kind == EVENT_TASK_COMMAND))
            h->held.data[kept++] = e;
        else
            world_free(w, e);
    }
    h->held.count = kept;
    h->held_datagrams = 0;
}

void host_pause(struct world *w, uint32_t host) {
    struct sim_host *h = &w->hosts[host];
    if (h->node == NULL || h->paused || h->suspended)
        return;
    world_say(w, host, "agent is stopped");
    h->paused = true;
    checkers_see(w, &(struct sight){.kind = SIGHT_PAUSED, .host = h});
}

void host_suspend(struct world *w, uint32_t host) {
    struct sim_host *h = &w->hosts[host];
    if (!h->powered || h->suspended || h->paused)
        return;
    world_say(w, host, "host is suspended");
    h->suspended = true;
    checkers_see(w, &(struct sight){.kind = SIGHT_PAUSED, .host = h});
    h->unreached_us = w->now_us;
    for (uint32_t i = 0; i < w->hosts_count; i++)
        streams_blocked(w, host, i);
}

void host_resume(struct world *w, uint32_t host) {
    struct sim_host *h = &w->hosts[host];
    if (!h->paused && !h->suspended)
        return;
    bool was_suspended = h->suspended;
    world_say(w, host, "goes on");
    h->paused = h->suspended = false;
    checkers_see(w, &(struct sight){.kind = SIGHT_RESUMED, .host = h});
    held_happen(w, h);
    for (uint32_t i = 0; i < w->hosts_count && was_suspended && !h->suspended; i++)
        streams_released(w, host, i, h->unreached_us);
}

/* ---- effects ------------------------------------------------------------------------------------------- */

static void schedule_tick(struct world *w, struct sim_host *h) {
    int64_t at = node_deadline(h->node);
    if (at == TIME_NEVER_US)
        return;
    at = host_true_us(h, at);
    if (at < w->now_us)
        at = w->now_us;
    if (at >= h->tick_wanted_us)
        return;
    h->tick_wanted_us = at;
    if (w->slack_us > 0)
        at += prng_between(&w->clock_prng, 0, w->slack_us);
    h->tick_us = at;
    world_push(w, EVENT_AGENT_TICK, at - w->now_us, h->index);
}

static void agent_effect(struct world *w, struct sim_host *h, const struct node_effect *e) {
    static const char *const levels[] = {"info", "warning", "error"};
    switch (e->kind) {
    case NODE_SEND_DATAGRAM: network_datagram(w, h, e); break;
    case NODE_STREAM_CONNECT: network_connect(w, h, e); break;
    case NODE_STREAM_SEND: network_send(w, h, e->stream, e->data); break;
    case NODE_STREAM_CLOSE: network_close(w, h, e->stream); break;
    case NODE_DISK: disk_submit(w, h, &e->op); break;
    case NODE_DISK_LOOK: world_push(w, EVENT_DISK_ROOM, 0, h->index); break;
    case NODE_TASK_START: tasks_start(w, h, e); break;
    case NODE_TASK_COMMAND: tasks_command(w, h, e); break;
    case NODE_TASK_RELEASE: tasks_release(w, h, e); break;
    case NODE_TASK_REMOVE: tasks_remove(w, h, e->instance); break;
    case NODE_REPLY: operator_replied(w, h, e); break;
    case NODE_SAY: world_say(w, h->index, "%s: %.*s", levels[e->level], BYTES_FMT(e->text)); break;
    case NODE_EXIT: h->exiting = true; break;
    case NODE_RESTART: h->restarting = true; break;
    case NODE_NOTIFY: visitors_told(w, h, e); break;
    case NODE_LOG_OPEN: logs_open(w, h, e); break;
    case NODE_LOG_CREDIT: logs_credit(w, h, e); break;
    case NODE_LOG_CLOSE: logs_close(w, h, e); break;
    case NODE_READY: break;
    }
}

static void mix(struct world *w, const struct sim_host *h, const struct node_effect *e) {
    uint8_t head[16] = {(uint8_t)h->index, (uint8_t)e->kind};
    struct bytes data = e->kind == NODE_DISK ? e->op.data : e->data;
    memcpy(head + 8, &w->now_us, 8);
    world_mix(w, head, sizeof head);
    world_mix(w, data.data, data.size < 64 ? data.size : 64);
}

/* false: the agent dies before the next one. */
static bool drain(struct world *w, struct sim_host *h) {
    struct node_effect e;
    while (!w->failed && node_drain(h->node, &e)) {
        if (h->kill_after > 0 && --h->kill_after == 0)
            return false;
        mix(w, h, &e);
        checkers_see(w, &(struct sight){.kind = SIGHT_EFFECT, .host = h, .effect = &e});
        if (e.kind == NODE_EXIT)
            world_say(w, h->index, "ends: %.*s", BYTES_FMT(e.text));
        agent_effect(w, h, &e);
    }
    return true;
}

static void agent_gone(struct world *w, struct sim_host *h, bool silently);

static void agent_ends(struct world *w, struct sim_host *h) {
    h->has_left = true; /* it may have been asked to in an earlier run of its */
    h->exiting = false;
    h->leaving = false;
    agent_gone(w, h, false);
}

/* The same process, with another program in it. */
static void agent_begins_anew(struct world *w, struct sim_host *h) {
    h->restarting = false;
    agent_gone(w, h, false);
    visitors_restart(w, h->index);
}

void host_feed(struct world *w, struct sim_host *h, struct node_input *in) {
    assert(h->node != NULL && !h->feeding && !h->paused && !h->suspended);
    if (w->failed)
        return;
    in->wall_ms = host_wall_ms(w, h);
    checkers_see(w, &(struct sight){.kind = SIGHT_INPUT, .host = h, .input = in});
    h->feeding = true;
    node_feed(h->node, host_now_us(w, h), in);
    bool lives = drain(w, h);
    h->feeding = false;
    if (!lives) {
        world_say(w, h->index, "dies between two effects");
        if (h->kill_by_power)
            host_power_off(w, h->index);
        else
            host_kill_agent(w, h->index);
        return;
    }
    atlas_look(w, h);
    faults_look(w, h);
    checkers_see(w, &(struct sight){.kind = SIGHT_STEP, .host = h});
    if (h->exiting)
        agent_ends(w, h);
    else if (h->restarting)
        agent_begins_anew(w, h);
    else if (!w->failed)
        schedule_tick(w, h);
}

/* ---- agents begin -------------------------------------------------------------------------------------- */

static void boot(struct world *w, struct sim_host *h) {
    if (h->powered)
        return;
    prng_fill(&w->prng, h->boot.b, sizeof h->boot.b);
    h->powered = true;
    clock_boot(w, h);
    for (uint32_t i = 0; i < w->hosts_count; i++)
        streams_released(w, h->index, i, w->now_us);
}

/* The others' addresses as they are: what names would give. */
static size_t seeds(struct world *w, const struct sim_host *h, struct addr *ret) {
    size_t count = 0;
    uint32_t first = (uint32_t)prng_below(&w->prng, w->hosts_count);
    for (uint32_t i = 0; i < w->hosts_count; i++) {
        const struct sim_host *other = &w->hosts[(first + i) % w->hosts_count];
        if (other != h && other->boots > 0)
            ret[count++] = other->addr;
    }
    return count;
}

/* That a cluster is to be made with: its id and secret are an operator's choice. */
static struct bytes token_make(struct world *w) {
    struct join_token token;
    prng_fill(&w->mistake_prng, token.cluster.b, sizeof token.cluster.b);
    prng_fill(&w->mistake_prng, token.secret.b, sizeof token.secret.b);
    buf_clear(&w->wrong_token);
    secret_token_append(&w->wrong_token, &token);
    return buf_bytes(&w->wrong_token);
}

struct node_options host_options(const struct sim_host *h, char name[8]) {
    memcpy(name, "h0", sizeof "h0");
    name[1] = (char)('0' + h->index);
    return (struct node_options){
        .identity_seed = h->identity,
        .name = bytes_str(name),
        .addr = h->addr,
        .cpu_mhz = 8000,
        .memory_mib = 8192,
        .ports_low = 20000,
        .ports_high = 21000,
        .raw_exec = true,
        .boot = h->boot,
        .version = bytes_str("sim"),
        .task_root = bytes_str("/t"),
    };
}

static int agent_new(struct world *w, struct sim_host *h, bool bootstrap, char *text, size_t text_size) {
    char name[8];
    struct addr addrs[HOSTS_MAX];
    struct node_options o = host_options(h, name);
    o.bootstrap = bootstrap;
    o.marks = &w->marks;
    o.seeds = addrs;
    o.token = bootstrap ? (struct bytes){0} : buf_bytes(&w->token);
    if (!bootstrap)
        o.seeds_count = seeds(w, h, addrs);
    swarm_options(w, &o);
    swarm_host(w, h->index, &o);
    o.raw_exec = !h->no_raw_exec;
    if (h->ports != 0)
        o.ports_high = o.ports_low + h->ports - 1;
    if (h->zone != NULL) {
        o.meta = h->zone;
        o.meta_count = 1;
    }
    if (bootstrap && w->swarm != NULL && w->swarm->token != 0)
        o.token = token_make(w);
    if (h->mistake != 0)
        mistake_make(w, h, &o);
    prng_fill(&w->prng, o.entropy.b, sizeof o.entropy.b);
    struct disk_file *files = disk_files(w, h, &o.files_count);
    o.files = files;
    int error = node_new(&o, host_now_us(w, h), host_wall_ms(w, h), &h->node, text, text_size);
    mem_free(files);
    return error;
}

static void token_take(struct world *w, const struct sim_host *h) {
    struct node_stream_keys keys = node_stream_keys(h->node);
    struct join_token token = {.cluster = keys.cluster, .secret = *keys.join_secret};
    buf_clear(&w->token);
    secret_token_append(&w->token, &token);
}

void host_start(struct world *w, uint32_t host, bool bootstrap) {
    struct sim_host *h = &w->hosts[host];
    char text[256] = "";
    if (h->node != NULL || w->failed)
        return;
    boot(w, h);
    h->run++;
    h->boots++;
    h->tick_us = h->tick_wanted_us = TIME_NEVER_US;
    h->kill_after = 0;
    h->exiting = h->restarting = h->ending = h->leaving = h->has_left = false;
    int error = agent_new(w, h, bootstrap, text, sizeof text);
    if (error == ERR_CORRUPT && disk_damaged(h)) { /* it says what to do: begin with an empty directory */
        world_say(w, host, "agent refuses its files: %s", text);
        host_power_off(w, host);
        host_lose_disk(w, host);
        boot(w, h);
        error = agent_new(w, h, bootstrap, text, sizeof text);
    }
    world_say(w, host, "agent starts (run %u)%s%s", h->run, error != 0 ? ": " : "", error != 0 ? text : "");
    if (error == ERR_INVALID && h->mistake != 0)
        return;
    if (error != 0) {
        world_fail(w, "host %u does not start: %s", host, text);
        return;
    }
    checkers_see(w, &(struct sight){.kind = SIGHT_AGENT_START, .host = h});
    if (bootstrap)
        token_take(w, h);
    uint32_t run = h->run;
    tasks_scan(w, h);
    if (h->run == run && !w->failed)
        host_feed(w, h, &(struct node_input){.kind = NODE_SCAN_DONE});
}

/* ---- agents end ---------------------------------------------------------------------------------------- */

static void agent_gone(struct world *w, struct sim_host *h, bool silently) {
    if (h->node != NULL)
        checkers_see(w, &(struct sight){.kind = SIGHT_AGENT_GONE, .host = h});
    bool was_stopped = h->paused;
    h->paused = false;
    if (was_stopped)
        checkers_see(w, &(struct sight){.kind = SIGHT_RESUMED, .host = h});
    held_drop(w, h, silently);
    if (h->node == NULL)
        return;
    operator_agent_gone(w, h->index);
    visitors_agent_gone(w, h->index);
    logs_agent_gone(w, h->index);
    hostile_agent_gone(w, h->index);
    node_free(h->node);
    h->node = NULL;
    h->run++;
    h->kill_after = 0;
    h->applied_checked = 0;
    network_agent_gone(w, h->index, silently);
    disk_agent_gone(w, h);
}

void host_kill_agent(struct world *w, uint32_t host) {
    assert(!w->hosts[host].feeding);
    if (w->hosts[host].suspended)
        return;
    world_say(w, host, "agent is killed");
    agent_gone(w, &w->hosts[host], false);
}

void host_power_off(struct world *w, uint32_t host) {
    struct sim_host *h = &w->hosts[host];
    assert(!h->feeding);
    if (!h->powered)
        return;
    world_say(w, host, "power is cut");
    agent_gone(w, h, true);
    if (h->suspended) {
        h->suspended = false;
        checkers_see(w, &(struct sight){.kind = SIGHT_RESUMED, .host = h});
    }
    h->powered = false;
    tasks_power_cut(w, h);
    checkers_see(w, &(struct sight){.kind = SIGHT_POWER_CUT, .host = h});
    disk_power_cut(w, h);
    for (uint32_t i = 0; i < w->hosts_count; i++)
        streams_blocked(w, host, i);
}

void host_kill_after(struct world *w, uint32_t host, uint32_t effects, bool by_power) {
    struct sim_host *h = &w->hosts[host];
    assert(effects > 0);
    if (h->node == NULL)
        return;
    h->kill_after = effects;
    h->kill_by_power = by_power;
}

/* ---- what may change while no agent runs --------------------------------------------------------------- */

void host_address(struct world *w, uint32_t host, uint32_t ip) {
    struct sim_host *h = &w->hosts[host];
    assert(h->node == NULL && ip > 0 && ip < 255);
    h->ip = ip;
    h->addr = (struct addr){.size = 6, .b = {10, 0, 0, (uint8_t)ip, 7370 >> 8, 7370 & 255}};
    if (h->boots == 0)
        return;
    world_say(w, host, "has the address 10.0.0.%u", ip);
    network_moved(w, host);
}

void host_lose_disk(struct world *w, uint32_t host) {
    struct sim_host *h = &w->hosts[host];
    assert(h->node == NULL && !h->powered);
    world_say(w, host, "disk is lost");
    atlas_damaged(w, h);
    tasks_wipe(w, h);
    disk_fault_lost(w, h);
    h->has_left = false;
}

void host_done(struct world *w, struct sim_host *h) {
    node_free(h->node);
    held_drop(w, h, true);
    VEC_DONE(&h->held);
    tasks_done(h);
    disk_done(h);
}
