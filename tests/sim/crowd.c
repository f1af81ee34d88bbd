/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * A crowd: up to three hundred members and a network, of whom there is nothing but the swim core. A cluster
 * of whole hosts is small in a simulation, and much of swim is there for the large ones: rumours that are too
 * many for a packet, tables that come in parts, helpers that are drawn and not counted out. Members die, are
 * stopped, restarted with a generation that was forgotten, moved, taken out, split in two and merged; now and
 * then one runs twice. Some crowds go without parts of the protocol, as its papers do.
 *
 * In all: no packet is too large or cannot be read, and no table holds more than it may. In those that have
 * all parts, and room for everybody: when all that is over they agree who is there.
 */
#include "crowd.h"

#include <covey/crypto.h>
#include <stdio.h>

#define MEMBERS_MAX 300
#define EVENTS_MAX  800000 /* beyond it is over, and not judged */
#define LETTERS_MAX 20000  /* under way at a time */
#define YIELD_US    (600 * US_PER_S)

struct member {
    struct swim *core; /* NULL: it does not run */
    struct identity identity;
    struct node_id id;
    struct addr addr;
    uint32_t generation;
    bool stopped, gone; /* gone: left, or taken out: it does not come back */
    unsigned side;
    int64_t due_us;
};
struct letter {
    int64_t at_us;
    uint64_t order;
    uint32_t from, to;
    struct addr from_addr;
    struct buf data;
    bool stream;
};
struct crowd {
    struct world *w;
    struct prng prng;
    int64_t now_us, period_us;
    uint32_t count;
    struct member members[MEMBERS_MAX + 1]; /* the last one: a copy of another, when it runs */
    VEC(struct letter) letters;
    bool open[MEMBERS_MAX + 1][MEMBERS_MAX + 1]; /* a stream is, until one of the two ends */
    uint64_t order, events;
    uint32_t loss;
    struct swim_config config;
    struct swim_names *names;
    bool is_signed, duplicate; /* somebody was told that another host has its key */
};

static uint64_t below(struct crowd *c, uint64_t bound) { return prng_below(&c->prng, bound); }
static bool chance(struct crowd *c, uint32_t millionths) { return prng_chance(&c->prng, millionths); }

static struct addr addr_of(uint32_t number) {
    return (struct addr){.size = 6, .b = {10, 1, (uint8_t)(number >> 8), (uint8_t)number, 7370 >> 8, 202}};
}

/* ---- what is sent -------------------------------------------------------------------------------------- */

static struct member *member_at(struct crowd *c, const struct addr *addr) {
    for (uint32_t i = 0; i <= c->count; i++)
        if (c->members[i].core != NULL && addr_equal(&c->members[i].addr, addr))
            return &c->members[i];
    return NULL;
}

/* A stream that is open is used, wherever its other end was when it was dialled. */
static struct member *open_to(struct crowd *c, const struct member *from, const struct swim_effect *e) {
    for (uint32_t i = 0; i <= c->count; i++)
        if (e->kind == SWIM_SYNC_SEND && c->members[i].core != NULL && ID_EQUAL(c->members[i].id, e->to) &&
            c->open[from - c->members][i])
            return &c->members[i];
    return NULL;
}

static void look(struct crowd *c, const struct swim_effect *e) {
    struct arena a = {0};
    struct wire_swim_packet packet;
    struct wire_swim_sync sync;
    bool is_read = e->kind == SWIM_SEND
                       ? codec_decode(&wire_swim_packet_type, e->packet, &a, &packet, NULL) == 0
                       : codec_decode(&wire_swim_sync_type, e->packet, &a, &sync, NULL) == 0;
    if (!is_read || (e->kind == SWIM_SEND && e->packet.size > c->config.packet_size_max))
        world_fail(c->w, "in a crowd a packet of %zu bytes is sent that is too large, or is none",
                   e->packet.size);
    arena_done(&a);
}

static void post(struct crowd *c, struct member *from, const struct swim_effect *e) {
    struct member *to = open_to(c, from, e);
    if (to == NULL)
        to = member_at(c, &e->addr);
    look(c, e);
    if (to == NULL || to->side != from->side || (!ID_IS_ZERO(e->to) && !ID_EQUAL(e->to, to->id)) ||
        (e->kind == SWIM_SEND && chance(c, c->loss)))
        return;
    struct letter l = {.at_us = c->now_us + prng_between(&c->prng, 100, 3000),
                       .order = ++c->order,
                       .from = (uint32_t)(from - c->members),
                       .to = (uint32_t)(to - c->members),
                       .from_addr = from->addr,
                       .stream = e->kind == SWIM_SYNC_SEND};
    buf_append(&l.data, e->packet.data, e->packet.size);
    VEC_PUSH(&c->letters, l);
    if (c->letters.count > LETTERS_MAX)
        world_fail(c->w, "a crowd of %u (%s, without %x) is loud: %zu messages are under way", c->count,
                   c->is_signed ? "signed" : "not signed", c->config.without, c->letters.count);
}

static int feed(struct crowd *c, struct member *m, const struct swim_input *in) {
    struct swim_effect e;
    int error = swim_feed(m->core, c->now_us, in);
    while (swim_drain(m->core, &e)) {
        if (e.kind != SWIM_EVENT)
            post(c, m, &e);
        else if (e.event == SWIM_GENERATION)
            m->generation = e.generation;
        c->duplicate |= e.kind == SWIM_EVENT && e.event == SWIM_DUPLICATE;
    }
    m->due_us = swim_deadline(m->core);
    if (swim_members_count(m->core) > (c->config.members_max != 0 ? c->config.members_max : 20000))
        world_fail(c->w, "in a crowd a table holds %zu members", swim_members_count(m->core));
    return error;
}

static void tell(struct crowd *c, struct member *m, enum swim_input_kind kind, const struct member *of) {
    if (m->core != NULL && !m->stopped)
        (void)feed(c, m, &(struct swim_input){.kind = kind, .from = of->id, .addr = of->addr});
}

static void arrive(struct crowd *c, struct letter *l) {
    struct member *from = &c->members[l->from], *to = &c->members[l->to];
    if (to->core == NULL || to->stopped)
        return;
    struct swim_input in = {.kind = l->stream ? SWIM_SYNC : SWIM_PACKET,
                            .from = from->id,
                            .addr = l->from_addr,
                            .packet = buf_bytes(&l->data)};
    if (l->stream && !c->open[l->from][l->to]) {
        c->open[l->from][l->to] = c->open[l->to][l->from] = true;
        tell(c, from, SWIM_STREAM, to);
    }
    if (feed(c, to, &in) == ERR_INVALID && !ID_EQUAL(from->id, to->id))
        world_fail(c->w, "in a crowd what a member says is refused");
}

/* ---- time ---------------------------------------------------------------------------------------------- */

static int64_t letter_next(const struct crowd *c, size_t *ret) {
    int64_t at_us = TIME_NEVER_US;
    uint64_t order = UINT64_MAX;
    for (size_t i = 0; i < c->letters.count; i++) {
        const struct letter *l = &c->letters.data[i];
        if (l->at_us < at_us || (l->at_us == at_us && l->order < order)) {
            at_us = l->at_us;
            order = l->order;
            *ret = i;
        }
    }
    return at_us;
}

static struct member *due_next(struct crowd *c) {
    struct member *next = NULL;
    for (uint32_t i = 0; i <= c->count; i++) {
        struct member *m = &c->members[i];
        if (m->core != NULL && !m->stopped && (next == NULL || m->due_us < next->due_us))
            next = m;
    }
    return next;
}

static void run(struct crowd *c, int64_t us) {
    int64_t until_us = c->now_us + us;
    while (!c->w->failed && c->events < EVENTS_MAX) {
        size_t at = 0;
        int64_t letter_us = letter_next(c, &at);
        struct member *m = due_next(c);
        int64_t due_us = m != NULL ? m->due_us : TIME_NEVER_US;
        int64_t next_us = letter_us <= due_us ? letter_us : due_us;
        if (next_us > until_us)
            break;
        c->now_us = next_us > c->now_us ? next_us : c->now_us;
        c->events++;
        if (letter_us <= due_us) {
            struct letter l = c->letters.data[at];
            c->letters.data[at] = c->letters.data[--c->letters.count];
            arrive(c, &l);
            buf_done(&l.data);
        } else {
            (void)feed(c, m, &(struct swim_input){.kind = SWIM_TICK});
        }
    }
    c->now_us = until_us;
}

/* ---- lives --------------------------------------------------------------------------------------------- */

static void start(struct crowd *c, struct member *m, const struct member *seed) {
    char name[16];
    struct swim_config config = c->config;
    if (m->core != NULL || m->gone)
        return;
    (void)snprintf(name, sizeof name, "m%u", (unsigned)(m - c->members));
    config.id = m->id;
    config.name = bytes_str(name);
    config.addr = m->addr;
    config.generation = ++m->generation;
    config.seed = prng_next(&c->prng);
    config.identity = c->is_signed ? &m->identity : NULL;
    config.names = c->names;
    m->core = swim_new(&config, c->now_us);
    m->stopped = false;
    m->due_us = swim_deadline(m->core);
    if (seed != NULL)
        tell(c, m, SWIM_SEED, seed);
}

static void end(struct crowd *c, struct member *m) {
    uint32_t number = (uint32_t)(m - c->members);
    swim_free(m->core);
    m->core = NULL;
    for (uint32_t i = 0; i <= c->count; i++)
        c->open[number][i] = c->open[i][number] = false;
    for (size_t i = c->letters.count; i-- > 0;)
        if (c->letters.data[i].from == number || c->letters.data[i].to == number) {
            buf_done(&c->letters.data[i].data);
            VEC_REMOVE(&c->letters, i);
        }
}

static struct member *any(struct crowd *c) { return &c->members[below(c, c->count)]; }

static void split(struct crowd *c) {
    for (uint32_t i = 0; i < c->count; i++)
        c->members[i].side = (unsigned)below(c, 2);
}

static void merge(struct crowd *c) {
    for (uint32_t i = 0; i <= c->count; i++)
        c->members[i].side = 0;
}

/* A host that was copied with its key: both run for a while. Without keys nobody can tell it. */
static void twin(struct crowd *c) {
    struct member *copy = &c->members[c->count], *m = any(c);
    if (!c->is_signed || c->config.without != 0)
        return;
    if (copy->core != NULL) {
        end(c, copy);
        return;
    }
    struct addr addr = copy->addr;
    *copy = *m;
    copy->core = NULL;
    copy->gone = false;
    copy->addr = addr;
    start(c, copy, any(c));
    run(c, 20 * c->period_us); /* time enough to see that the other one answers */
}

static void leaves(struct crowd *c, struct member *m) {
    tell(c, m, SWIM_LEAVE, m);
    run(c, 3 * c->period_us);
    if (m->core != NULL)
        end(c, m);
    m->gone = true;
    for (uint32_t i = 0; i < c->count; i++)
        if (chance(c, 800000) && &c->members[i] != m)
            tell(c, &c->members[i], SWIM_FORGET, m);
}

static void moves(struct crowd *c, struct member *m) {
    struct addr addr = addr_of(1000 + (uint32_t)below(c, 1000));
    for (uint32_t i = 0; i <= c->count; i++)
        if (addr_equal(&c->members[i].addr, &addr))
            return; /* whoever does not run comes back to where it was */
    if (m->core == NULL || m->stopped)
        return;
    m->addr = addr;
    tell(c, m, SWIM_MOVE, m);
    if (m->core != NULL && chance(c, 500000))
        (void)feed(c, m, &(struct swim_input){.kind = SWIM_MOVE}); /* to nowhere: refused */
}

/* A table that somebody else had, as one that was kept. */
static void import(struct crowd *c, struct member *m, const struct member *of) {
    static struct wire_member records[MEMBERS_MAX];
    struct swim_effect e;
    if (m->core == NULL || of->core == NULL || m == of || m->stopped)
        return;
    size_t count = swim_export(of->core, records, MEMBERS_MAX);
    (void)swim_import(m->core, c->now_us, records, count);
    while (swim_drain(m->core, &e))
        if (e.kind != SWIM_EVENT)
            post(c, m, &e);
    m->due_us = swim_deadline(m->core);
}

static void view(struct crowd *c, const struct member *m) {
    struct swim_member list[4], one;
    struct swim_accuser accusers[3];
    if (m->core == NULL)
        return;
    (void)swim_exceptions(m->core, list, below(c, 5));
    size_t count = swim_accusers(m->core, accusers, below(c, 4));
    for (size_t i = 1; i < count; i++)
        if (accusers[i].refuted > accusers[i - 1].refuted)
            world_fail(c->w, "in a crowd the worst accuser is not told first");
    for (size_t i = 0; swim_member_at(m->core, i, &one); i++)
        if (i == 0 && !ID_EQUAL(one.id, m->id))
            world_fail(c->w, "in a crowd a member is not the first of its own table");
}

static void act(struct crowd *c) {
    struct member *m = any(c), *other = any(c);
    switch (below(c, 16)) {
    case 0:
    case 1:
        if (m->core != NULL)
            end(c, m);
        break;
    case 2: start(c, m, chance(c, 700000) ? other : NULL); break;
    case 3:
        if (m->core != NULL)
            end(c, m);
        m->generation = (uint32_t)below(c, m->generation + 1); /* its disk was set back */
        start(c, m, other);
        break;
    case 4: m->stopped = true; break;
    case 5: m->stopped = false; break;
    case 6: split(c); break;
    case 7: merge(c); break;
    case 8: twin(c); break;
    case 9:
        if (chance(c, 200000) && m->core != NULL && !m->stopped)
            leaves(c, m);
        break;
    case 10: moves(c, m); break;
    case 11: import(c, m, other); break;
    case 12: tell(c, m, SWIM_PROBE, other); break;
    case 13: tell(c, m, SWIM_ALIVE_HINT, other); break;
    case 14: tell(c, m, chance(c, 500000) ? SWIM_CONTACT : SWIM_SEED, other); break;
    default: c->loss = chance(c, 500000) ? 0 : (uint32_t)below(c, 500000); break;
    }
    view(c, other);
}

/* ---- what is drawn ------------------------------------------------------------------------------------- */

static void draw(struct crowd *c) {
    static const uint32_t counts[] = {3, 6, 12, 30, 100};
    static const uint32_t withouts[] = {SWIM_WITHOUT_DSN2002, SWIM_WITHOUT_MEMBERLIST,
                                        SWIM_WITHOUT_LIFEGUARD};
    c->count = chance(c, 30000) ? MEMBERS_MAX : counts[below(c, 5)]; /* a large one takes seconds */
    c->is_signed = c->count <= 12 && chance(c, 500000);
    c->period_us = chance(c, 500000) ? US_PER_S : 200 * US_PER_MS;
    c->config = (struct swim_config){.period_us = c->period_us,
                                     .packet_size_max = chance(c, 300000) ? SWIM_PACKET_SIZE_MIN : 1300,
                                     .sync_interval_us = 10 * c->period_us,
                                     .dead_retry_us = 5 * c->period_us,
                                     .cluster = {{7}}};
    if (chance(c, 300000))
        c->config.without = withouts[below(c, 3)];
    else if (chance(c, 300000))
        c->config.without = (uint32_t)below(c, 2 * SWIM_DIGESTS);
    if (chance(c, 200000))
        c->config.suspicion_us = 3 * c->period_us;
    if (chance(c, 300000))
        c->config.rumours_max = 4;
    if (chance(c, 200000))
        c->config.members_max = 2 + (uint32_t)below(c, c->count);
    if (chance(c, 200000))
        c->config.dead_keep_us = 20 * c->period_us;
    if (chance(c, 300000))
        c->config.table_members_per_s = 8;
    c->config.suspicion_alpha = chance(c, 300000) ? 5 : 0;
}

static bool is_there(const struct member *m) { return m->core != NULL; }

/*
 * NULL: everybody knows who is there, and who is not. And where, in a group that signs: without signatures
 * one whose disk was set back can have two cards of one moment, and nothing says which is the later one.
 */
static const char *differ(struct crowd *c) {
    for (uint32_t i = 0; i < c->count; i++)
        for (uint32_t k = 0; k < c->count; k++) {
            struct swim_member seen;
            const struct member *of = &c->members[k];
            if (i == k || !is_there(&c->members[i]))
                continue;
            bool known = swim_member_find(c->members[i].core, of->id, &seen);
            if (is_there(of) && (!known || seen.state != MEMBER_STATE_ALIVE))
                return "one that is there is not believed to be alive";
            if (is_there(of) && c->is_signed && !addr_equal(&seen.addr, &of->addr))
                return "one that is there is believed to be somewhere else";
            if (!is_there(of) && known && seen.state == MEMBER_STATE_ALIVE)
                return "one that is not there is believed to be alive";
        }
    return NULL;
}

static bool must_agree(const struct crowd *c) { return c->config.without == 0 && c->config.members_max == 0; }

static void heal(struct crowd *c) {
    if (c->members[c->count].core != NULL)
        end(c, &c->members[c->count]);
    merge(c);
    c->loss = 0;
    for (uint32_t i = 0; i < c->count; i++) {
        struct member *m = &c->members[i], *seed = NULL;
        m->stopped = false;
        for (uint32_t k = 0; k < c->count && seed == NULL; k++)
            if (k != i && !c->members[k].gone)
                seed = &c->members[k];
        if (m->core == NULL && chance(c, 500000))
            start(c, m, NULL);
        for (uint32_t k = 0; k < c->count && m->core != NULL; k++)
            if (k != i && !c->members[k].gone)
                tell(c, m, SWIM_CONTACT, &c->members[k]); /* as the log has it: who is a member */
    }
}

/*
 * So many times five periods. A host that alone believes in one that was taken out, of whom all others know
 * nothing any more, finds out when its turn comes: after 2n - 1 probes at most [SWIM 4.3]. Who gave way to a
 * copy looks every ten minutes whether that is gone.
 */
static unsigned patience(const struct crowd *c) {
    return 60 + 2 * c->count / 5 + (c->duplicate ? (unsigned)(YIELD_US / (5 * c->period_us)) : 0);
}

void crowd_play(struct world *w) {
    struct crowd *c = mem_alloc(sizeof *c);
    c->w = w;
    prng_init(&c->prng, w->seed ^ UINT64_C(0x63726f7764));
    c->now_us = 1000 * US_PER_S;
    draw(c);
    c->names = swim_names_new();
    world_say(w, 0, "a crowd of %u", c->count);
    for (uint32_t i = 0; i <= c->count; i++) {
        struct secret secret;
        struct member *m = &c->members[i];
        prng_fill(&c->prng, secret.b, sizeof secret.b);
        prng_fill(&c->prng, m->id.b, sizeof m->id.b);
        if (c->is_signed) {
            identity_init(&m->identity, &secret);
            m->id = m->identity.id;
        }
        m->addr = addr_of(i);
    }
    for (uint32_t i = 0; i < c->count; i++) {
        start(c, &c->members[i], i > 0 ? &c->members[below(c, i)] : NULL);
        run(c, (int64_t)below(c, (uint64_t)c->period_us / 4));
    }
    run(c, 10 * c->period_us);
    for (uint64_t i = 10 + below(c, 60); i > 0 && !w->failed; i--) {
        act(c);
        run(c, (int64_t)below(c, 3 * (uint64_t)c->period_us));
    }
    heal(c);
    const char *why = "";
    for (unsigned i = 0; i < patience(c) && why != NULL && !w->failed && c->events < EVENTS_MAX; i++) {
        run(c, 5 * c->period_us);
        why = must_agree(c) ? differ(c) : i < 10 ? "" : NULL;
    }
    world_say(w, 0, "the crowd is over after %llu events", (unsigned long long)c->events);
    if (why != NULL && !w->failed && c->events < EVENTS_MAX)
        world_fail(w, "a crowd of %u does not agree: %s", c->count, why);
    for (uint32_t i = 0; i <= c->count; i++)
        if (c->members[i].core != NULL)
            end(c, &c->members[i]);
    for (size_t i = 0; i < c->letters.count; i++)
        buf_done(&c->letters.data[i].data);
    VEC_DONE(&c->letters);
    swim_names_free(c->names);
    mem_free(c);
}
