/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * How long a cluster is without a leader: raft cores alone, in simulated time, with disks and processors that
 * cost nothing.
 *
 *     bench_elections [ELECTIONS [SEED]]     10000 elections of each case
 *
 * The cases called "wide" are those of the thesis's simulation of five servers over a wide area (Ongaro 2014,
 * chapter 9): one way takes 30 to 40 ms, timeouts are 300 to 600 ms, all timers begin anew when the leader
 * is gone. It tells a mean of about 475 ms with one server failed and 650 ms with two. Its servers ask for no
 * pre-votes; ours do, which is one round trip more: 70 ms on average.
 *
 * The cases called "told" begin with gossip's word that the leader is dead, which reaches the voters within a
 * spread: each core is told by RAFT_LEADER_DEAD, while a leader was heard until a moment before.
 */
#include <stdio.h>
#include <stdlib.h>

#include <covey/codec.h>
#include <covey/raft.h>

#define NODES 5

struct event {
    int64_t at_us;
    uint64_t seq;
    size_t to;
    bool dead; /* gossip's word; else a message */
    uint8_t *data;
    size_t size;
};
struct world {
    struct prng prng;
    struct raft *rafts[NODES]; /* NULL: failed */
    struct raft_id ids[NODES];
    int64_t now_us, delay_min_us, delay_max_us;
    uint64_t seq;
    VEC(struct event) events;
    size_t leader; /* NODES: none */
};
struct scene {
    const char *name;
    size_t failed_count;
    int64_t delay_min_us, delay_max_us;
    int64_t spread_us; /* of gossip's word; 0: none comes */
};

static void event_push(struct world *w, struct event e) {
    e.seq = ++w->seq;
    VEC_PUSH(&w->events, e);
}

static struct event event_pop(struct world *w) {
    size_t best = 0;
    for (size_t i = 1; i < w->events.count; i++) {
        const struct event *e = &w->events.data[i], *b = &w->events.data[best];
        if (e->at_us < b->at_us || (e->at_us == b->at_us && e->seq < b->seq))
            best = i;
    }
    struct event e = w->events.data[best];
    w->events.data[best] = w->events.data[--w->events.count];
    return e;
}

static int64_t delay(struct world *w) { return prng_between(&w->prng, w->delay_min_us, w->delay_max_us); }

static void message_send(struct world *w, const struct wire_raft_message *m) {
    struct buf out = {0};
    for (size_t to = 0; to < NODES; to++) {
        if (w->rafts[to] == NULL || !raft_id_equal(&w->ids[to], &m->to))
            continue;
        struct event e = {.at_us = w->now_us + delay(w), .to = to};
        codec_encode(&wire_raft_message_type, m, &out);
        e.data = buf_take(&out, &e.size);
        event_push(w, e);
    }
}

static void drain(struct world *w, size_t node) {
    struct raft_effect e;
    while (raft_drain(w->rafts[node], &e)) {
        if (e.kind == RAFT_SEND)
            message_send(w, e.message);
        else if (e.kind == RAFT_PERSIST)
            (void)raft_feed(w->rafts[node], w->now_us,
                            &(struct raft_input){.kind = RAFT_PERSISTED, .ticket = e.ticket});
    }
    if (raft_role(w->rafts[node]) == RAFT_LEADER)
        w->leader = node;
}

static void feed(struct world *w, size_t node, const struct raft_input *in) {
    (void)raft_feed(w->rafts[node], w->now_us, in);
    drain(w, node);
}

static void message_feed(struct world *w, size_t node, struct bytes data) {
    struct arena a = {0};
    struct wire_raft_message m;
    if (codec_decode(&wire_raft_message_type, data, &a, &m, NULL) == 0)
        feed(w, node, &(struct raft_input){.kind = RAFT_MESSAGE, .message = &m});
    arena_done(&a);
}

/* The next message or timer. */
static void step(struct world *w) {
    int64_t at = TIME_NEVER_US;
    size_t timer = NODES;
    for (size_t i = 0; i < w->events.count; i++)
        at = w->events.data[i].at_us < at ? w->events.data[i].at_us : at;
    for (size_t i = 0; i < NODES; i++) {
        if (w->rafts[i] == NULL || raft_deadline(w->rafts[i]) >= at)
            continue;
        at = raft_deadline(w->rafts[i]);
        timer = i;
    }
    w->now_us = at > w->now_us ? at : w->now_us;
    if (timer < NODES) {
        feed(w, timer, &(struct raft_input){.kind = RAFT_TICK});
        return;
    }
    struct event e = event_pop(w);
    if (w->rafts[e.to] != NULL && e.dead)
        feed(w, e.to, &(struct raft_input){.kind = RAFT_LEADER_DEAD, .peer = w->ids[0]});
    else if (w->rafts[e.to] != NULL)
        message_feed(w, e.to, bytes_of(e.data, e.size));
    mem_free(e.data);
}

static void world_init(struct world *w, const struct scene *scene, uint64_t seed) {
    *w = (struct world){
        .delay_min_us = scene->delay_min_us, .delay_max_us = scene->delay_max_us, .leader = NODES};
    prng_init(&w->prng, seed);
    for (size_t i = 0; i < NODES; i++)
        w->ids[i] = (struct raft_id){.node = {{(uint8_t)(i + 1)}}, .log = {{1}}};
    struct raft_restored restored = {
        .snapshot_index = 1, .snapshot_term = 1, .hard = {.term = 1, .commit = 1}};
    restored.snapshot_config = (struct wire_raft_config){.voters = w->ids, .voters_count = NODES};
    for (size_t i = scene->failed_count; i < NODES; i++) {
        struct raft_options o = {.self = w->ids[i], .seed = prng_next(&w->prng)};
        w->rafts[i] = raft_new(&o, &restored, 0);
        if (w->rafts[i] == NULL)
            abort();
    }
}

static void world_done(struct world *w) {
    for (size_t i = 0; i < NODES; i++)
        raft_free(w->rafts[i]);
    for (size_t i = 0; i < w->events.count; i++)
        mem_free(w->events.data[i].data);
    VEC_DONE(&w->events);
}

/* The first, which has failed, was heard at some moment of its last beat; then gossip tells of its death. */
static void tell(struct world *w, int64_t spread_us) {
    int64_t heartbeat_us = 50 * US_PER_MS;
    for (size_t i = 0; i < NODES; i++) {
        struct wire_append_request beat = {.prev_index = 1, .prev_term = 1, .commit = 1, .round = 1};
        struct wire_raft_message m = {.from = w->ids[0], .to = w->ids[i], .term = 1, .append_request = &beat};
        if (w->rafts[i] == NULL)
            continue;
        feed(w, i, &(struct raft_input){.kind = RAFT_MESSAGE, .message = &m});
        struct event e = {.to = i, .dead = true};
        e.at_us = heartbeat_us + prng_between(&w->prng, 0, spread_us);
        event_push(w, e);
    }
    w->now_us = heartbeat_us;
}

static int64_t election(const struct scene *scene, uint64_t seed) {
    struct world w;
    world_init(&w, scene, seed);
    if (scene->spread_us > 0)
        tell(&w, scene->spread_us);
    int64_t began_us = w.now_us;
    while (w.leader == NODES)
        step(&w);
    int64_t took = w.now_us - began_us;
    world_done(&w);
    return took;
}

static int compare(const void *a, const void *b) {
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void scene_run(const struct scene *scene, size_t count, uint64_t seed) {
    int64_t *took = mem_alloc(count * sizeof *took), sum = 0;
    for (size_t i = 0; i < count; i++) {
        took[i] = election(scene, seed * 1000003 + i);
        sum += took[i];
    }
    qsort(took, count, sizeof *took, compare);
    printf("%-18s mean %6.1f ms   median %6.1f   99.9 %% below %7.1f   longest %7.1f\n", scene->name,
           (double)sum / (double)count / 1000, (double)took[count / 2] / 1000,
           (double)took[count - 1 - count / 1000] / 1000, (double)took[count - 1] / 1000);
    mem_free(took);
}

int main(int argc, char **argv) {
    static const struct scene scenes[] = {
        {"wide, 1 failed", 1, 30 * US_PER_MS, 40 * US_PER_MS, 0},
        {"wide, 2 failed", 2, 30 * US_PER_MS, 40 * US_PER_MS, 0},
        {"wide, told", 1, 30 * US_PER_MS, 40 * US_PER_MS, 200 * US_PER_MS},
        {"local, 1 failed", 1, 100, 500, 0},
        {"local, told", 1, 100, 500, 20 * US_PER_MS},
    };
    size_t count = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : 10000;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    if (count == 0) {
        fprintf(stderr, "usage: bench_elections [ELECTIONS [SEED]]\n");
        return 2;
    }
    for (size_t i = 0; i < sizeof scenes / sizeof scenes[0]; i++)
        scene_run(&scenes[i], count, seed);
    return 0;
}
