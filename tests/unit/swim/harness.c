/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "harness.h"

/* ---- names --------------------------------------------------------------------------------------------- */

struct node_id node_id_of(size_t index) {
    struct node_id id = {{0}};
    memset(id.b, 0x5a, sizeof id.b);
    id.b[0] = (uint8_t)(index * 37 + 11);
    id.b[1] = (uint8_t)(index >> 8);
    id.b[2] = (uint8_t)index;
    return id;
}

static size_t index_of(const struct cluster *c, struct node_id id) {
    size_t index = (size_t)id.b[1] << 8 | id.b[2];
    if (!c->is_signed && index < c->nodes_count && id_same(id, c->nodes[index].id))
        return index;
    for (index = 0; index < c->nodes_count; index++) {
        if (id_same(id, c->nodes[index].id))
            return index;
    }
    return SIZE_MAX;
}

struct addr addr_of(size_t index) {
    struct addr a = {.size = 6, .b = {10, 0, (uint8_t)(index >> 8), (uint8_t)index}};
    addr_set_port(&a, 7370);
    return a;
}

bool id_same(struct node_id x, struct node_id y) { return ID_EQUAL(x, y); }

/* ---- signatures ---------------------------------------------------------------------------------------- */

struct identity identity_of(size_t index) {
    struct secret seed = {{7}};
    struct identity identity;
    seed.b[1] = (uint8_t)(index >> 8);
    seed.b[2] = (uint8_t)index;
    identity_init(&identity, &seed);
    return identity;
}

struct cluster_id cluster_of(uint8_t number) {
    return (struct cluster_id){{0xc1, number}};
}

static void put_be(struct buf *b, uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8)
        buf_append_byte(b, (uint8_t)(value >> shift));
}

static void statement(struct buf *b, struct cluster_id cluster, struct node_id id, uint32_t generation,
                      uint32_t version) {
    buf_append(b, cluster.b, sizeof cluster.b);
    buf_append(b, id.b, sizeof id.b);
    put_be(b, generation);
    put_be(b, version);
}

void record_sign(struct signed_record *room, const struct identity *key, struct cluster_id cluster, size_t at,
                 uint32_t generation, uint32_t version, uint32_t since) {
    struct buf b = {0};
    buf_printf(&b, "n%zu", at);
    memset(room, 0, sizeof *room);
    memcpy(room->name, b.data, b.size);
    struct wire_member *r = &room->record;
    *r = (struct wire_member){.id = key->id,
                              .generation = generation,
                              .version = version,
                              .name = bytes_str(room->name),
                              .addr = addr_of(at),
                              .key = key->public_key,
                              .since = since,
                              .signature = bytes_of(room->signature.b, sizeof room->signature.b)};
    buf_clear(&b);
    statement(&b, cluster, r->id, generation, since);
    buf_append_byte(&b, r->addr.size);
    buf_append(&b, r->addr.b, r->addr.size);
    buf_append_byte(&b, (uint8_t)r->name.size);
    buf_append(&b, r->name.data, r->name.size);
    identity_sign(key, SIGN_ALIVE, buf_bytes(&b), &room->signature);
    buf_done(&b);
}

void record_leave(struct signed_record *room, const struct identity *key, struct cluster_id cluster) {
    struct buf b = {0};
    statement(&b, cluster, key->id, room->record.generation, room->record.version);
    identity_sign(key, SIGN_LEAVE, buf_bytes(&b), &room->farewell);
    room->record.state = MEMBER_STATE_LEFT;
    room->record.farewell = bytes_of(room->farewell.b, sizeof room->farewell.b);
    buf_done(&b);
}

/* ---- the mail ------------------------------------------------------------------------------------------ */

static bool letter_before(const struct letter *x, const struct letter *y) {
    return x->at_us != y->at_us ? x->at_us < y->at_us : x->order < y->order;
}

static void letter_push(struct cluster *c, struct letter letter) {
    VEC_PUSH(&c->letters, letter);
    for (size_t at = c->letters.count - 1; at > 0;) {
        size_t parent = (at - 1) / 2;
        if (!letter_before(&c->letters.data[at], &c->letters.data[parent]))
            break;
        struct letter swap = c->letters.data[at];
        c->letters.data[at] = c->letters.data[parent];
        c->letters.data[parent] = swap;
        at = parent;
    }
}

static struct letter letter_pop(struct cluster *c) {
    struct letter top = c->letters.data[0];
    struct letter last = c->letters.data[--c->letters.count];
    size_t at = 0;
    for (;;) {
        size_t child = at * 2 + 1;
        if (child >= c->letters.count)
            break;
        if (child + 1 < c->letters.count &&
            letter_before(&c->letters.data[child + 1], &c->letters.data[child]))
            child++;
        if (!letter_before(&c->letters.data[child], &last))
            break;
        c->letters.data[at] = c->letters.data[child];
        at = child;
    }
    if (c->letters.count)
        c->letters.data[at] = last;
    return top;
}

static void letter_done(struct letter *letter) { mem_free((void *)(uintptr_t)letter->input.packet.data); }

static size_t node_at(const struct cluster *c, const struct addr *addr) {
    for (size_t i = 0; i < c->nodes_count; i++) {
        if (addr_equal(&c->nodes[i].addr, addr))
            return i;
    }
    return SIZE_MAX;
}

static void mail(struct cluster *c, size_t from, const struct swim_effect *effect) {
    bool stream = effect->kind == SWIM_SYNC_SEND;
    size_t to = node_at(c, &effect->addr);
    if (stream && c->answering != SIZE_MAX && id_same(effect->to, c->nodes[c->answering].id))
        to = c->answering;
    if (to == SIZE_MAX || to == from || c->cut[from * c->nodes_count + to])
        return;
    if (stream && (c->cut[to * c->nodes_count + from] || !c->nodes[to].swim))
        return;
    /* Whoever has the address now is not who was meant: the handshake fails. */
    if (!ID_IS_ZERO(effect->to) && !id_same(effect->to, c->nodes[to].id))
        return;
    if (!stream && prng_chance(&c->prng, c->loss_millionths))
        return;
    uint8_t *copy = mem_alloc(effect->packet.size ? effect->packet.size : 1);
    if (effect->packet.size)
        memcpy(copy, effect->packet.data, effect->packet.size);
    int64_t latency_us = prng_between(&c->prng, c->latency_low_us, c->latency_high_us) * (stream ? 3 : 1);
    letter_push(c, (struct letter){
                       .at_us = c->now_us + latency_us,
                       .order = c->order++,
                       .from = from,
                       .to = to,
                       .generation = c->nodes[from].generation,
                       .input = {.kind = stream ? SWIM_SYNC : SWIM_PACKET,
                                 .from = c->nodes[from].id,
                                 .addr = c->nodes[from].addr,
                                 .packet = bytes_of(copy, effect->packet.size)},
                   });
}

/* ---- nodes --------------------------------------------------------------------------------------------- */

static void count_datagram(struct cluster *c, size_t index, const struct swim_effect *effect) {
    struct node *n = &c->nodes[index];
    n->datagrams++;
    n->datagram_bytes += effect->packet.size;
    if (effect->packet.size > n->datagram_max_bytes)
        n->datagram_max_bytes = effect->packet.size;
    cr_assert_leq(effect->packet.size, n->config.packet_size_max);
    if (c->tap) {
        struct arena arena = {0};
        struct wire_swim_packet packet;
        cr_assert_eq(codec_decode(&wire_swim_packet_type, effect->packet, &arena, &packet, NULL), 0);
        c->tap(c, index, index_of(c, effect->to), &packet);
        arena_done(&arena);
    }
}

static void drain(struct cluster *c, size_t index) {
    struct swim_effect effect;
    struct node *n = &c->nodes[index];
    while (swim_drain(n->swim, &effect)) {
        c->trace = crc32c(c->trace, &c->now_us, sizeof c->now_us);
        c->trace = crc32c(c->trace, &effect.kind, sizeof effect.kind);
        c->trace = crc32c(c->trace, effect.to.b, sizeof effect.to.b);
        if (effect.kind == SWIM_EVENT) {
            c->trace = crc32c(c->trace, &effect.event, sizeof effect.event);
            struct happening h = {
                .at_us = c->now_us,
                .node = index,
                .kind = effect.event,
                .member = index_of(c, effect.member),
                .accuser = index_of(c, effect.accuser),
                .generation = effect.generation,
                .late_us = effect.late_us,
            };
            VEC_PUSH(&c->happenings, h);
            if (effect.event == SWIM_GENERATION)
                n->generation = effect.generation;
            continue;
        }
        c->trace = crc32c(c->trace, effect.packet.data, effect.packet.size);
        if (effect.kind == SWIM_SEND)
            count_datagram(c, index, &effect);
        else
            n->syncs++;
        mail(c, index, &effect);
    }
}

static void settle(struct cluster *c, size_t index) {
    struct node *n = &c->nodes[index];
    drain(c, index);
    int64_t due_us = swim_deadline(n->swim);
    if (due_us < c->now_us)
        due_us = c->now_us;
    if (c->grid_us)
        due_us = (due_us + c->grid_us - 1) / c->grid_us * c->grid_us;
    n->deadline_us = due_us;
}

static int feed(struct cluster *c, size_t index, const struct swim_input *input) {
    int error = swim_feed(c->nodes[index].swim, c->now_us, input);
    settle(c, index);
    return error;
}

/* The tests have constants of their own, so that those of the core may be chosen anew. */
void config_complete(struct swim_config *c) {
    c->period_us = c->period_us ? c->period_us : 500 * MS;
    c->suspicion_alpha = c->suspicion_alpha ? c->suspicion_alpha : 4;
    c->retransmit_mult = c->retransmit_mult ? c->retransmit_mult : 6;
    c->packet_size_max = c->packet_size_max ? c->packet_size_max : 1300;
}

struct cluster *cluster_new(size_t nodes_count, uint64_t seed, const struct swim_config *config) {
    struct cluster *c = mem_alloc(sizeof *c);
    c->now_us = 1000 * SECOND;
    c->nodes_count = nodes_count;
    c->nodes = mem_alloc(nodes_count * sizeof *c->nodes);
    c->cut = mem_alloc(nodes_count * nodes_count * sizeof *c->cut);
    c->latency_low_us = 200;
    c->latency_high_us = 2000;
    c->answering = SIZE_MAX;
    prng_init(&c->prng, seed);
    if (config)
        c->config = *config;
    config_complete(&c->config);
    for (size_t i = 0; i < nodes_count; i++) {
        c->nodes[i].addr = addr_of(i);
        struct buf name = {0};
        buf_printf(&name, "n%zu", i);
        memcpy(c->nodes[i].name, name.data, name.size);
        buf_done(&name);
        c->nodes[i].id = node_id_of(i);
    }
    return c;
}

struct cluster *cluster_new_signed(size_t nodes_count, uint64_t seed, const struct swim_config *config) {
    struct cluster *c = cluster_new(nodes_count, seed, config);
    c->is_signed = true;
    if (id_is_zero(c->config.cluster.b, sizeof c->config.cluster.b))
        c->config.cluster = cluster_of(1);
    for (size_t i = 0; i < nodes_count; i++) {
        c->nodes[i].identity = identity_of(i);
        c->nodes[i].id = c->nodes[i].identity.id;
    }
    return c;
}

void cluster_free(struct cluster *c) {
    /* Who gets its ticks when it asked for them is never late. */
    cr_assert(c->paused_ever || cluster_count(c, SWIM_STALLED, SIZE_MAX, SIZE_MAX, 0) == 0, "a false stall");
    for (size_t i = 0; i < c->nodes_count; i++)
        swim_free(c->nodes[i].swim);
    for (size_t i = 0; i < c->letters.count; i++)
        letter_done(&c->letters.data[i]);
    for (size_t i = 0; i < c->held.count; i++)
        letter_done(&c->held.data[i]);
    VEC_DONE(&c->held);
    VEC_DONE(&c->letters);
    VEC_DONE(&c->happenings);
    mem_free(c->nodes);
    mem_free(c->cut);
    mem_free(c);
}

void cluster_start_as(struct cluster *c, size_t index, uint32_t generation) {
    struct node *n = &c->nodes[index];
    cr_assert_null(n->swim);
    n->generation = generation;
    n->paused = false;
    n->config = c->config;
    n->config.id = n->id;
    n->config.identity = c->is_signed ? &n->identity : NULL;
    n->config.name = bytes_str(n->name);
    n->config.addr = n->addr;
    n->config.generation = generation;
    n->config.seed = prng_next(&c->prng);
    n->swim = swim_new(&n->config, c->now_us);
    settle(c, index);
}

void cluster_start(struct cluster *c, size_t index) {
    cluster_start_as(c, index, c->nodes[index].generation + 1);
}

void cluster_kill(struct cluster *c, size_t index) {
    swim_free(c->nodes[index].swim);
    c->nodes[index].swim = NULL;
    c->nodes[index].paused = false;
}

void cluster_pause(struct cluster *c, size_t index) { c->nodes[index].paused = c->paused_ever = true; }

/* What waited in its socket comes after the overdue tick. */
void cluster_resume(struct cluster *c, size_t index) {
    c->nodes[index].paused = false;
    size_t kept = 0;
    for (size_t i = 0; i < c->held.count; i++) {
        struct letter letter = c->held.data[i];
        if (letter.to != index) {
            c->held.data[kept++] = letter;
            continue;
        }
        letter.at_us = c->now_us + MS;
        letter.order = c->order++;
        letter_push(c, letter);
    }
    c->held.count = kept;
    if (c->nodes[index].deadline_us < c->now_us)
        c->nodes[index].deadline_us = c->now_us;
}

void cluster_cut(struct cluster *c, size_t from, size_t to, bool cut) {
    c->cut[from * c->nodes_count + to] = cut;
}

void cluster_split(struct cluster *c, size_t border, bool cut) {
    for (size_t low = 0; low < border; low++) {
        for (size_t high = border; high < c->nodes_count; high++) {
            cluster_cut(c, low, high, cut);
            cluster_cut(c, high, low, cut);
        }
    }
}

int cluster_feed(struct cluster *c, size_t index, enum swim_input_kind kind, size_t other) {
    struct swim_input input = {.kind = kind};
    if (other != SIZE_MAX) {
        input.addr = c->nodes[other].addr;
        if (kind != SWIM_SEED)
            input.from = c->nodes[other].id;
    }
    return feed(c, index, &input);
}

/* As node does: a run that is not known has to introduce itself. */
static bool is_known_run(struct cluster *c, const struct letter *letter) {
    struct swim_member m;
    if (!c->is_signed || letter->input.kind != SWIM_PACKET)
        return true;
    if (swim_member_find(c->nodes[letter->to].swim, letter->input.from, &m) &&
        m.generation == letter->generation)
        return true;
    struct swim_input introduction = letter->input;
    introduction.kind = SWIM_INTRODUCTION;
    introduction.generation = letter->generation;
    return feed(c, letter->to, &introduction) == 0;
}

static void deliver(struct cluster *c) {
    struct letter letter = letter_pop(c);
    struct node *n = &c->nodes[letter.to];
    if (n->swim && n->paused) {
        VEC_PUSH(&c->held, letter);
        return;
    }
    if (letter.input.kind == SWIM_SYNC)
        c->answering = letter.from;
    if (n->swim && is_known_run(c, &letter))
        feed(c, letter.to, &letter.input);
    c->answering = SIZE_MAX;
    letter_done(&letter);
}

static void step(struct cluster *c, int64_t until_us) {
    size_t first = SIZE_MAX;
    for (size_t i = 0; i < c->nodes_count; i++) {
        const struct node *n = &c->nodes[i];
        if (n->swim && !n->paused && (first == SIZE_MAX || n->deadline_us < c->nodes[first].deadline_us))
            first = i;
    }
    int64_t tick_us = first == SIZE_MAX ? TIME_NEVER_US : c->nodes[first].deadline_us;
    int64_t mail_us = c->letters.count ? c->letters.data[0].at_us : TIME_NEVER_US;
    int64_t next_us = tick_us < mail_us ? tick_us : mail_us;
    if (next_us > until_us) {
        c->now_us = until_us;
    } else if (tick_us <= mail_us) {
        c->now_us = tick_us;
        feed(c, first, &(struct swim_input){.kind = SWIM_TICK});
        if (c->grid_us && c->nodes[first].deadline_us <= c->now_us)
            c->nodes[first].deadline_us = c->now_us + c->grid_us;
    } else {
        c->now_us = mail_us;
        deliver(c);
    }
}

void cluster_run(struct cluster *c, int64_t us) {
    int64_t until_us = c->now_us + us;
    while (c->now_us < until_us)
        step(c, until_us);
}

bool cluster_until(struct cluster *c, int64_t us, bool (*done)(struct cluster *)) {
    int64_t until_us = c->now_us + us;
    while (!done(c)) {
        if (c->now_us >= until_us)
            return false;
        cluster_run(c, 10 * MS);
    }
    return true;
}

void cluster_join_all(struct cluster *c) {
    for (size_t i = 0; i < c->nodes_count; i++)
        cluster_start(c, i);
    for (size_t i = 1; i < c->nodes_count; i++)
        cluster_feed(c, i, SWIM_SEED, 0);
    cr_assert(cluster_until(c, 60 * SECOND, cluster_converged));
    cluster_run(c, 20 * SECOND); /* until the rumours of it are spent */
}

bool cluster_sees(struct cluster *c, size_t viewer, size_t member, enum member_state state) {
    struct swim_member m;
    return c->nodes[viewer].swim && swim_member_find(c->nodes[viewer].swim, c->nodes[member].id, &m) &&
           m.state == state;
}

bool cluster_all_see(struct cluster *c, size_t member, enum member_state state) {
    for (size_t i = 0; i < c->nodes_count; i++) {
        if (i != member && c->nodes[i].swim && !cluster_sees(c, i, member, state))
            return false;
    }
    return true;
}

bool cluster_converged(struct cluster *c) {
    for (size_t i = 0; i < c->nodes_count; i++) {
        if (!c->nodes[i].swim)
            continue;
        for (size_t j = 0; j < c->nodes_count; j++) {
            struct swim_member m;
            bool found = swim_member_find(c->nodes[i].swim, c->nodes[j].id, &m);
            bool live = found && m.state <= MEMBER_STATE_SUSPECT;
            if (c->nodes[j].swim ? !found || m.state != MEMBER_STATE_ALIVE : live)
                return false;
        }
    }
    return true;
}

size_t cluster_count(const struct cluster *c, enum swim_event_kind kind, size_t node, size_t member,
                     int64_t since_us) {
    size_t count = 0;
    for (size_t i = 0; i < c->happenings.count; i++) {
        const struct happening *h = &c->happenings.data[i];
        count += h->kind == kind && h->at_us >= since_us && (node == SIZE_MAX || node == h->node) &&
                 (member == SIZE_MAX || member == h->member);
    }
    return count;
}

const struct happening *cluster_first(const struct cluster *c, enum swim_event_kind kind, size_t member,
                                      int64_t since_us) {
    for (size_t i = 0; i < c->happenings.count; i++) {
        const struct happening *h = &c->happenings.data[i];
        if (h->kind == kind && h->at_us >= since_us && h->member == member)
            return h;
    }
    return NULL;
}
