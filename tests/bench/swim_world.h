/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * swim_world: many swim cores and a network, on a clock that jumps from event to event. Nothing of an agent
 * but the core: no log, no encryption, no limits on streams. Everything follows from the seed.
 */
#ifndef COVEY_BENCH_SWIM_WORLD_H
#define COVEY_BENCH_SWIM_WORLD_H

#include <covey/swim.h>

#include <stdio.h>

struct letter;
struct letters {
    struct letter *first, *last;
    size_t count;
};

struct tally {
    uint64_t datagrams, datagram_bytes; /* plain */
    uint64_t streams, stream_bytes;
};

struct agent {
    struct swim *core; /* NULL: it does not run */
    struct node_id id;
    uint32_t generation;
    int64_t clock_us; /* what its clock shows at 0 of the world's */
    int64_t timer_us; /* when it is ticked next */
    uint32_t timer_pos;
    int64_t uplink_us; /* its streams occupy the line till then */
    int64_t busy_us;   /* it is at a message till then */
    /*
     * Slow: it stops (stuck) at the first message that it would send or has received, until it is no longer
     * slow (the anomaly of Lifeguard, section V.D). Messages wait.
     */
    bool slow, stuck_sending, stuck_receiving;
    struct letters inbox, outbox, streams; /* streams: those that come while it is slow and has threads */
    size_t inbox_bytes;                    /* of the kernel's memory */
    int64_t work_us;                       /* of what it has sent in the feed being handled */
    struct tally sent;
};

struct world;
struct world_options {
    size_t agents_count;
    uint64_t seed;
    struct swim_config config; /* of all, but for what is an agent's own */
    int64_t delay_low_us, delay_high_us;
    uint32_t loss_millionths;    /* of datagrams */
    int64_t receive_us, send_us; /* work for a datagram or a stream's message */
    size_t core_agents;          /* neighbours that share a processor core; 0: each has its own */
    /*
     * It has a thread that receives datagrams, one that sends by the clock, and one for each stream: each
     * blocks by itself. Otherwise it has one.
     */
    bool threads;
    bool clock_runs; /* a stuck agent's timers go on: only its messages wait */
    void *user;
    /* Each may be NULL. */
    void (*event)(struct world *w, size_t agent, const struct swim_effect *effect);
    void (*sent)(struct world *w, size_t agent, const struct swim_effect *effect);
    bool (*cut)(struct world *w, size_t from, size_t to, bool stream);
};

struct world {
    struct world_options options;
    struct prng prng;
    int64_t now_us;
    struct agent *agents;
    struct swim_names *names; /* shared, or a group of 10,000 would not fit */
    VEC(struct flight {
        int64_t at_us;
        uint64_t order;
        struct letter *letter;
    })
    flights;          /* a heap */
    uint32_t *timers; /* a heap of agents */
    size_t timers_count;
    uint64_t order;
    struct letter *spare;
    struct tally sent; /* of all */
};

void world_init(struct world *w, const struct world_options *options);
void world_done(struct world *w);

struct addr world_addr(size_t agent);
size_t world_agent(struct node_id id);

/* A new life, with the next generation. */
void world_start(struct world *w, size_t agent);
/* SIGKILL. */
void world_kill(struct world *w, size_t agent);
/* 0 or what the core says. */
int world_feed(struct world *w, size_t agent, const struct swim_input *input);
void world_seed(struct world *w, size_t agent, size_t at);
/* Those that run come to know each other without a message. */
void world_introduce(struct world *w);
/* All events up to then, and the clock is there. */
void world_run(struct world *w, int64_t until_us);
/* Shifts the agents' clocks, before the first event, so that all begin their periods at multiples of it. */
void world_align(struct world *w);
void world_slow(struct world *w, size_t agent);
void world_resume(struct world *w, size_t agent);

#endif
