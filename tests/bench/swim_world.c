/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "swim_world.h"

#include <covey/codec.h>

#include <stdlib.h>

#define LETTER_SMALL      1500 /* bytes that a letter from the pool holds */
#define STREAM_LEGS       3    /* one-way delays until a stream's first message is there */
#define LINE_BYTES_PER_US 100

/*
 * Datagrams wait in a socket's buffer, and what is beyond is lost. Linux gives net.core.rmem_max, whatever is
 * asked for (memberlist asks for 2 MiB), and takes it twice, for it counts the memory that a datagram costs:
 * an sk_buff, and the next power of two over its bytes, the headers and the skb_shared_info behind them.
 */
#define SOCKET_BYTES (2 * 212992)
#define SKB_BYTES    256
#define SKB_ROOM     448

struct letter {
    struct letter *next;
    uint32_t from, to;
    bool stream;
    uint32_t size, room;
    uint8_t data[];
};

/* ---- names --------------------------------------------------------------------------------------------- */

/* Random, but for its number at the end. */
static struct node_id id_new(struct world *w, size_t agent) {
    struct node_id id;
    prng_fill(&w->prng, id.b, sizeof id.b);
    for (int i = 0; i < 4; i++)
        id.b[12 + i] = (uint8_t)(agent >> (8 * i));
    return id;
}

size_t world_agent(struct node_id id) {
    size_t agent = 0;
    for (int i = 0; i < 4; i++)
        agent |= (size_t)id.b[12 + i] << (8 * i);
    return agent;
}

struct addr world_addr(size_t agent) {
    struct addr a = {.size = 6, .b = {10, (uint8_t)(agent >> 16), (uint8_t)(agent >> 8), (uint8_t)agent}};
    addr_set_port(&a, 7946);
    return a;
}

static size_t agent_at(const struct addr *a) {
    return (size_t)a->b[1] << 16 | (size_t)a->b[2] << 8 | a->b[3];
}

static struct bytes name_of(size_t agent, char text[16]) {
    return bytes_of(text, (size_t)snprintf(text, 16, "host-%05zu", agent));
}

/* ---- letters ------------------------------------------------------------------------------------------- */

static struct letter *letter_new(struct world *w, struct bytes data) {
    struct letter *l = w->spare;
    if (data.size <= LETTER_SMALL && l)
        w->spare = l->next;
    else
        l = mem_alloc(sizeof *l + (data.size > LETTER_SMALL ? data.size : LETTER_SMALL));
    *l = (struct letter){.size = (uint32_t)data.size,
                         .room = data.size > LETTER_SMALL ? (uint32_t)data.size : LETTER_SMALL};
    mem_copy(l->data, data.data, data.size);
    return l;
}

static void letter_free(struct world *w, struct letter *l) {
    if (l->room > LETTER_SMALL) {
        mem_free(l);
        return;
    }
    l->next = w->spare;
    w->spare = l;
}

static size_t kernel_bytes(const struct letter *l) {
    size_t room = 512;
    while (room < l->size + SKB_ROOM)
        room *= 2;
    return SKB_BYTES + room;
}

static void letters_put(struct letters *q, struct letter *l) {
    l->next = NULL;
    if (q->last)
        q->last->next = l;
    else
        q->first = l;
    q->last = l;
    q->count++;
}

static struct letter *letters_take(struct letters *q) {
    struct letter *l = q->first;
    if (!l)
        return NULL;
    q->first = l->next;
    if (!q->first)
        q->last = NULL;
    q->count--;
    return l;
}

static bool flight_before(const struct flight *x, const struct flight *y) {
    return x->at_us != y->at_us ? x->at_us < y->at_us : x->order < y->order;
}

static void flight_push(struct world *w, int64_t at_us, struct letter *letter) {
    struct flight f = {at_us, w->order++, letter};
    VEC_PUSH(&w->flights, f);
    struct flight *heap = w->flights.data;
    size_t at = w->flights.count - 1;
    for (; at > 0 && flight_before(&f, &heap[(at - 1) / 2]); at = (at - 1) / 2)
        heap[at] = heap[(at - 1) / 2];
    heap[at] = f;
}

static struct letter *flight_pop(struct world *w) {
    struct flight *heap = w->flights.data, last = heap[--w->flights.count];
    struct letter *top = heap[0].letter;
    size_t at = 0, count = w->flights.count;
    for (;;) {
        size_t child = at * 2 + 1;
        if (child + 1 < count && flight_before(&heap[child + 1], &heap[child]))
            child++;
        if (child >= count || !flight_before(&heap[child], &last))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = last;
    return top;
}

/* ---- timers -------------------------------------------------------------------------------------------- */

static bool timer_before(const struct world *w, uint32_t x, uint32_t y) {
    int64_t at_x = w->agents[x].timer_us, at_y = w->agents[y].timer_us;
    return at_x != at_y ? at_x < at_y : x < y;
}

static void timer_put(struct world *w, size_t at, uint32_t agent) {
    w->timers[at] = agent;
    w->agents[agent].timer_pos = (uint32_t)at;
}

static void timer_set(struct world *w, size_t agent, int64_t at_us) {
    struct agent *a = &w->agents[agent];
    if (a->timer_us == at_us)
        return;
    a->timer_us = at_us;
    size_t at = a->timer_pos;
    for (; at > 0 && timer_before(w, (uint32_t)agent, w->timers[(at - 1) / 2]); at = (at - 1) / 2)
        timer_put(w, at, w->timers[(at - 1) / 2]);
    for (;;) {
        size_t child = at * 2 + 1;
        if (child + 1 < w->timers_count && timer_before(w, w->timers[child + 1], w->timers[child]))
            child++;
        if (child >= w->timers_count || !timer_before(w, w->timers[child], (uint32_t)agent))
            break;
        timer_put(w, at, w->timers[child]);
        at = child;
    }
    timer_put(w, at, (uint32_t)agent);
}

/* Of one thread that is blocked nothing runs. */
static bool reads(const struct world *w, const struct agent *a) {
    return !a->stuck_receiving && (w->options.threads || !a->stuck_sending);
}

static bool timers_run(const struct world *w, const struct agent *a) {
    return w->options.clock_runs || (!a->stuck_sending && (w->options.threads || !a->stuck_receiving));
}

static void timer_renew(struct world *w, size_t agent) {
    const struct agent *a = &w->agents[agent];
    int64_t at_us = TIME_NEVER_US;
    if (a->core && timers_run(w, a))
        at_us = swim_deadline(a->core);
    if (at_us != TIME_NEVER_US)
        at_us -= a->clock_us;
    if (a->inbox.count && reads(w, a) && a->busy_us < at_us)
        at_us = a->busy_us;
    timer_set(w, agent, at_us < w->now_us ? w->now_us : at_us);
}

/* ---- sending ------------------------------------------------------------------------------------------- */

static void tally_add(struct tally *t, const struct letter *l) {
    if (l->stream) {
        t->streams++;
        t->stream_bytes += l->size;
    } else {
        t->datagrams++;
        t->datagram_bytes += l->size;
    }
}

static void letter_send(struct world *w, struct letter *l) {
    struct agent *from = &w->agents[l->from];
    tally_add(&from->sent, l);
    tally_add(&w->sent, l);
    bool lost = l->to >= w->options.agents_count ||
                (!l->stream && prng_chance(&w->prng, w->options.loss_millionths)) ||
                (w->options.cut && w->options.cut(w, l->from, l->to, l->stream));
    if (lost) {
        letter_free(w, l);
        return;
    }
    int64_t delay_us = prng_between(&w->prng, w->options.delay_low_us, w->options.delay_high_us);
    if (!l->stream) {
        flight_push(w, w->now_us + delay_us, l);
        return;
    }
    from->uplink_us =
        (from->uplink_us > w->now_us ? from->uplink_us : w->now_us) + l->size / LINE_BYTES_PER_US;
    flight_push(w, from->uplink_us + STREAM_LEGS * delay_us, l);
}

static void post(struct world *w, size_t agent, const struct swim_effect *effect) {
    struct agent *a = &w->agents[agent];
    if (w->options.sent)
        w->options.sent(w, agent, effect);
    size_t to = agent_at(&effect->addr);
    /* Whoever has the address now is not who was meant: the envelope does not open, the handshake fails. */
    if (!ID_IS_ZERO(effect->to) && world_agent(effect->to) != to)
        to = SIZE_MAX;
    struct letter *l = letter_new(w, effect->packet);
    l->from = (uint32_t)agent;
    l->to = to < w->options.agents_count ? (uint32_t)to : UINT32_MAX;
    l->stream = effect->kind == SWIM_SYNC_SEND;
    bool waits;
    a->work_us += w->options.send_us;
    if (l->stream && w->options.threads)
        waits = a->slow; /* its thread does nothing else */
    else
        waits = (a->stuck_sending |= a->slow) || (a->stuck_receiving && !w->options.threads);
    if (waits)
        letters_put(&a->outbox, l);
    else
        letter_send(w, l);
}

/* Those on the processor core of this one that have something to do, itself included. */
static int64_t sharers(const struct world *w, size_t agent) {
    size_t size = w->options.core_agents, count = 0;
    if (size <= 1)
        return 1;
    for (size_t i = agent / size * size; i < w->options.agents_count && i / size == agent / size; i++) {
        const struct agent *a = &w->agents[i];
        count += i == agent || a->busy_us > w->now_us || (a->inbox.count && reads(w, a));
    }
    return (int64_t)count;
}

static void work(struct world *w, size_t agent, int64_t work_us) {
    struct agent *a = &w->agents[agent];
    if (a->busy_us < w->now_us)
        a->busy_us = w->now_us;
    a->busy_us += work_us * sharers(w, agent);
}

static void pump(struct world *w, size_t agent) {
    struct swim_effect effect;
    w->agents[agent].work_us = 0;
    while (swim_drain(w->agents[agent].core, &effect)) {
        if (effect.kind != SWIM_EVENT)
            post(w, agent, &effect);
        else if (w->options.event)
            w->options.event(w, agent, &effect);
    }
    if (w->agents[agent].work_us > 0)
        work(w, agent, w->agents[agent].work_us);
    timer_renew(w, agent);
}

int world_feed(struct world *w, size_t agent, const struct swim_input *input) {
    struct agent *a = &w->agents[agent];
    int error = swim_feed(a->core, w->now_us + a->clock_us, input);
    pump(w, agent);
    return error;
}

static void hand_over(struct world *w, struct letter *l) {
    struct swim_input in = {
        .kind = l->stream ? SWIM_SYNC : SWIM_PACKET,
        .from = w->agents[l->from].id,
        .addr = world_addr(l->from),
        .packet = bytes_of(l->data, l->size),
    };
    if (world_feed(w, l->to, &in) == ERR_INVALID) {
        fprintf(stderr, "bench_swim: a packet of %zu bytes was refused\n", in.packet.size);
        abort();
    }
    letter_free(w, l);
}

/* It is free for the next in its inbox. */
static void read_next(struct world *w, size_t agent) {
    struct agent *a = &w->agents[agent];
    if (a->slow) {
        a->stuck_receiving = true;
    } else {
        struct letter *l = letters_take(&a->inbox);
        if (!l->stream)
            a->inbox_bytes -= kernel_bytes(l);
        work(w, agent, w->options.receive_us);
        hand_over(w, l);
    }
    timer_renew(w, agent);
}

static void deliver(struct world *w, struct letter *l) {
    size_t agent = l->to;
    struct agent *a = &w->agents[agent];
    if (!a->core || (!l->stream && a->inbox_bytes + kernel_bytes(l) > SOCKET_BYTES)) {
        letter_free(w, l);
        return;
    }
    if (l->stream && w->options.threads) {
        if (a->slow)
            letters_put(&a->streams, l);
        else
            hand_over(w, l);
        return;
    }
    letters_put(&a->inbox, l);
    if (!l->stream)
        a->inbox_bytes += kernel_bytes(l);
    if (reads(w, a) && a->busy_us <= w->now_us && a->inbox.count == 1)
        read_next(w, agent);
    timer_renew(w, agent);
}

static void tick(struct world *w, size_t agent) {
    world_feed(w, agent, &(struct swim_input){.kind = SWIM_TICK});
}

/* The timers first. */
static void wake(struct world *w, size_t agent) {
    struct agent *a = &w->agents[agent];
    if (timers_run(w, a) && swim_deadline(a->core) - a->clock_us <= w->now_us)
        tick(w, agent);
    else
        read_next(w, agent);
}

/* ---- the run ------------------------------------------------------------------------------------------- */

void world_run(struct world *w, int64_t until_us) {
    for (;;) {
        int64_t timer_us = w->agents[w->timers[0]].timer_us;
        int64_t letter_us = w->flights.count ? w->flights.data[0].at_us : TIME_NEVER_US;
        int64_t next_us = timer_us < letter_us ? timer_us : letter_us;
        if (next_us > until_us)
            break;
        w->now_us = next_us;
        if (letter_us <= timer_us)
            deliver(w, flight_pop(w));
        else
            wake(w, w->timers[0]);
    }
    w->now_us = until_us;
}

void world_slow(struct world *w, size_t agent) { w->agents[agent].slow = true; }

/*
 * What a single thread does that was blocked: it ends what it was at, then looks at the clock, then reads.
 * Where there are several, timers went off in the meantime, and streams do not wait for datagrams.
 */
void world_resume(struct world *w, size_t agent) {
    struct agent *a = &w->agents[agent];
    struct letter *l;
    bool receiving = a->stuck_receiving;
    a->slow = a->stuck_sending = a->stuck_receiving = false;
    while ((l = letters_take(&a->outbox)) != NULL)
        letter_send(w, l);
    if (!a->core)
        return;
    a->busy_us = w->now_us;
    if (receiving && !w->options.threads)
        read_next(w, agent);
    tick(w, agent);
    while ((l = letters_take(&a->streams)) != NULL)
        hand_over(w, l);
}

/* ---- lives --------------------------------------------------------------------------------------------- */

void world_init(struct world *w, const struct world_options *options) {
    *w = (struct world){.options = *options};
    prng_init(&w->prng, options->seed);
    w->names = swim_names_new();
    size_t count = options->agents_count;
    w->agents = mem_alloc(count * sizeof *w->agents);
    w->timers = mem_alloc(count * sizeof *w->timers);
    w->timers_count = count;
    for (size_t i = 0; i < count; i++) {
        w->agents[i].id = id_new(w, i);
        w->agents[i].timer_us = TIME_NEVER_US;
        timer_put(w, i, (uint32_t)i);
    }
}

static void letters_drop(struct world *w, struct letters *q) {
    struct letter *l;
    while ((l = letters_take(q)) != NULL)
        letter_free(w, l);
}

void world_kill(struct world *w, size_t agent) {
    struct agent *a = &w->agents[agent];
    swim_free(a->core);
    a->core = NULL;
    a->busy_us = 0;
    a->slow = a->stuck_sending = a->stuck_receiving = false;
    a->inbox_bytes = 0;
    letters_drop(w, &a->inbox);
    letters_drop(w, &a->outbox);
    letters_drop(w, &a->streams);
    timer_renew(w, agent);
}

void world_done(struct world *w) {
    for (size_t i = 0; i < w->options.agents_count; i++)
        world_kill(w, i);
    swim_names_free(w->names);
    while (w->flights.count)
        letter_free(w, flight_pop(w));
    while (w->spare) {
        struct letter *l = w->spare;
        w->spare = l->next;
        mem_free(l);
    }
    VEC_DONE(&w->flights);
    mem_free(w->agents);
    mem_free(w->timers);
}

void world_start(struct world *w, size_t agent) {
    struct agent *a = &w->agents[agent];
    struct swim_config config = w->options.config;
    char name[16];
    config.id = w->agents[agent].id;
    config.name = name_of(agent, name);
    config.addr = world_addr(agent);
    config.generation = ++a->generation;
    config.seed = prng_next(&w->prng);
    config.names = w->names;
    a->core = swim_new(&config, w->now_us + a->clock_us);
    pump(w, agent);
}

void world_seed(struct world *w, size_t agent, size_t at) {
    world_feed(w, agent, &(struct swim_input){.kind = SWIM_SEED, .addr = world_addr(at)});
}

void world_introduce(struct world *w) {
    size_t count = w->options.agents_count, met = 0;
    struct wire_member *records = mem_alloc(count * sizeof *records);
    char(*names)[16] = mem_alloc(count * sizeof *names);
    for (size_t i = 0; i < count; i++) {
        if (w->agents[i].core)
            records[met++] = (struct wire_member){.id = w->agents[i].id,
                                                  .state = MEMBER_STATE_ALIVE,
                                                  .generation = w->agents[i].generation,
                                                  .name = name_of(i, names[i]),
                                                  .addr = world_addr(i)};
    }
    for (size_t i = 0; i < count; i++) {
        struct agent *a = &w->agents[i];
        if (!a->core)
            continue;
        int error = swim_import(a->core, w->now_us + a->clock_us, records, met);
        assert(error == 0);
        pump(w, i);
    }
    mem_free(records);
    mem_free(names);
}

/* A core that knows nobody has nothing due but its first period. */
void world_align(struct world *w) {
    int64_t period_us = w->options.config.period_us;
    for (size_t i = 0; i < w->options.agents_count; i++) {
        struct agent *a = &w->agents[i];
        int64_t phase_us = (swim_deadline(a->core) - a->clock_us - w->now_us) % period_us;
        a->clock_us += phase_us;
        timer_renew(w, i);
    }
}
