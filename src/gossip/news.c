/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Facts told and taken. What is taken is always one whole word of its owner: the facts held, with those told
 * put over them, must have the root that the owner signed; else all of them are asked for, and if even those
 * have not, they are refused. So there is no state in between, whoever passes them on, and in which order.
 */
#include "internal.h"

#define HEAD_COST      256 /* bytes that a change costs its owner whatever is in it: head, hops, signatures */
#define ASK_US         (2 * US_PER_S)
#define SAY_US         (60 * US_PER_S)
#define TOMBSTONES_MAX WIRE_FACTS_MAX
#define VERSION_LIMIT  (UINT64_C(1) << 62) /* nobody gets there by counting, and there must be room above */

/* ---- limits -------------------------------------------------------------------------------------------- */

bool gossip_within_limits(const struct fact *facts, size_t facts_count) {
    size_t count, size = gossip_size(facts, facts_count, &count);
    return count <= WIRE_FACTS_MAX && size <= WIRE_FACTS_BYTES_MAX;
}

bool gossip_budget_take(struct gossip *g, int64_t *clock_us, size_t size, uint32_t rate, uint32_t burst) {
    int64_t full_us = (int64_t)burst * US_PER_S / rate, cost_us = (int64_t)size * US_PER_S / rate;
    if (*clock_us < g->now_us - full_us)
        *clock_us = g->now_us - full_us;
    if (*clock_us + cost_us > g->now_us)
        return false;
    *clock_us += cost_us;
    return true;
}

void gossip_refuse(struct gossip *g, struct owner *o, struct node_id via, const char *text) {
    if (o->said_us != 0 && g->now_us - o->said_us < SAY_US)
        return;
    o->said_us = g->now_us;
    struct gossip_effect *e = gossip_effect_new(g, GOSSIP_REFUSED);
    e->owner = o->id;
    e->via = via;
    e->text = text;
}

/* ---- telling ------------------------------------------------------------------------------------------- */

static struct wire_gossip_head head_of(const struct owner *o) {
    return (struct wire_gossip_head){.owner = o->id,
                                     .generation = o->at.generation,
                                     .version = o->at.version,
                                     .root = bytes_of(o->at.root, sizeof o->at.root),
                                     .signature = bytes_of(o->signature.b, sizeof o->signature.b)};
}

void gossip_news_make(struct gossip *g, const struct owner *o, uint64_t from, struct wire_gossip_news *ret) {
    *ret = (struct wire_gossip_news){.head = head_of(o), .from = from < o->whole_since ? 0 : from};
    if (g->config.identity == NULL)
        ret->head.signature.size = 0;
    ret->facts = arena_alloc(&g->arena, (o->facts_count + 1) * sizeof *ret->facts);
    for (size_t i = 0; i < o->facts_count; i++) {
        const struct fact *f = &o->facts[i];
        bool is_told = ret->from == 0 ? f->removed_us == 0 : f->version > ret->from;
        if (is_told)
            ret->facts[ret->facts_count++] = (struct wire_gossip_fact){
                .key = f->key, .value = f->value, .version = f->version, .removed = f->removed_us != 0};
    }
}

void gossip_want(struct gossip *g, struct owner *o, bool whole) {
    if (o->asked_us != 0 && g->now_us - o->asked_us < ASK_US && !whole)
        return;
    o->asked_us = g->now_us;
    struct wire_gossip_held held = {.owner = o->id};
    if (!whole) {
        held.generation = o->at.generation;
        held.version = o->at.version;
    }
    g->counters.asked++;
    VEC_PUSH(&g->wanted, held);
}

/* ---- merging ------------------------------------------------------------------------------------------- */

static struct fact fact_of(const struct gossip *g, const struct wire_gossip_fact *f) {
    return (struct fact){.key = f->key,
                         .value = f->removed ? (struct bytes){0} : f->value,
                         .version = f->version,
                         .removed_us = f->removed ? g->now_us : 0};
}

/* The oldest tombstones are forgotten when they are too many. */
static void merged_trim(struct merged *m) {
    size_t live, tombstones;
    (void)gossip_size(m->facts, m->count, &live);
    for (tombstones = m->count - live; tombstones > TOMBSTONES_MAX; tombstones--) {
        size_t oldest = m->count;
        for (size_t i = 0; i < m->count; i++)
            if (m->facts[i].removed_us != 0 &&
                (oldest == m->count || m->facts[i].version < m->facts[oldest].version))
                oldest = i;
        if (m->facts[oldest].version > m->whole_since)
            m->whole_since = m->facts[oldest].version;
        memmove(m->facts + oldest, m->facts + oldest + 1, (m->count - oldest - 1) * sizeof *m->facts);
        m->count--;
    }
}

struct merged gossip_merge(struct gossip *g, const struct owner *o, const struct wire_gossip_fact *told,
                           size_t told_count, bool whole) {
    size_t held_count = whole ? 0 : o->facts_count, i = 0, k = 0;
    struct merged m = {.facts = arena_alloc(&g->arena, (held_count + told_count + 1) * sizeof *m.facts),
                       .whole_since = o->whole_since};
    while (i < held_count || k < told_count) {
        int order = i == held_count ? 1 : k == told_count ? -1 : bytes_compare(o->facts[i].key, told[k].key);
        if (order < 0) {
            m.facts[m.count++] = o->facts[i++];
            continue;
        }
        m.facts[m.count++] = fact_of(g, &told[k++]);
        i += order == 0;
    }
    merged_trim(&m);
    return m;
}

/* ---- taking -------------------------------------------------------------------------------------------- */

/* Sorted, none twice, none later than the head or not later than what it is told to come after. */
static bool news_is_sane(const struct wire_gossip_news *news) {
    if (news->head.version == 0 || news->head.version >= VERSION_LIMIT || news->from > news->head.version ||
        (news->bare && news->facts_count > 0))
        return false;
    for (size_t i = 0; i < news->facts_count; i++) {
        const struct wire_gossip_fact *f = &news->facts[i];
        if (f->key.size == 0 || f->version <= news->from || f->version > news->head.version ||
            (f->removed && (news->from == 0 || f->value.size > 0)) || (!f->removed && f->value.size == 0))
            return false;
        if (i > 0 && bytes_compare(news->facts[i - 1].key, f->key) >= 0)
            return false;
    }
    return true;
}

static struct moment moment_of(const struct wire_gossip_head *head) {
    struct moment at = {.generation = head->generation, .version = head->version};
    memcpy(at.root, head->root.data, sizeof at.root);
    return at;
}

/* A life of this node that it has forgotten: a restored disk, or one that was lost. */
static void news_of_self(struct gossip *g, const struct wire_gossip_head *head) {
    struct moment at = moment_of(head);
    struct moment own = g->self->at;
    if (!gossip_is_held(g->self))
        own.generation = g->config.generation;
    if (gossip_moment_compare(&at, &own) <= 0)
        return;
    if (!gossip_head_verify(g, g->self, head)) {
        g->counters.refused_forged++;
        return;
    }
    g->counters.self_ahead++;
    gossip_mark(g, MARK_GOSSIP_SELF_AHEAD);
    gossip_own_raise(g, at.generation, at.version);
}

static void forged(struct gossip *g, struct owner *o, struct node_id via, const char *text) {
    g->counters.refused_forged++;
    gossip_refuse(g, o, via, text);
}

/* Takes the whole word, or says why not. */
static void word_take(struct gossip *g, struct owner *o, const struct wire_gossip_news *news,
                      struct node_id via) {
    struct moment at = moment_of(&news->head), held = o->at;
    bool whole = news->from == 0;
    uint8_t root[GOSSIP_ROOT_SIZE];
    struct merged m = gossip_merge(g, o, news->facts, news->facts_count, whole);
    gossip_root(m.facts, m.count, root);
    if (memcmp(root, at.root, sizeof root) != 0) {
        if (whole)
            forged(g, o, via, "facts that are not what their owner signed");
        else
            gossip_want(g, o, true);
        return;
    }
    if (!gossip_head_verify(g, o, &news->head)) {
        forged(g, o, via, "facts that their owner did not sign");
        return;
    }
    if (!gossip_within_limits(m.facts, m.count)) {
        g->counters.refused_limit++;
        gossip_refuse(g, o, via, "too many facts, or too large together");
        return;
    }
    size_t size, count = 0;
    for (size = HEAD_COST; count < news->facts_count; count++)
        size += news->facts[count].key.size + news->facts[count].value.size;
    if (!gossip_budget_take(g, &o->budget_us, size, g->config.rate_bytes, g->config.burst_bytes)) {
        g->counters.refused_rate++;
        gossip_refuse(g, o, via, "facts that change too often");
        return;
    }
    if (gossip_is_held(o) && held.generation == at.generation && held.version == at.version) {
        g->counters.conflicts++;
        gossip_refuse(g, o, o->id, "two words of one version: two hosts with one key?");
    }
    struct signature signature = {{0}};
    if (news->head.signature.size == sizeof signature.b)
        memcpy(signature.b, news->head.signature.data, sizeof signature.b);
    for (size_t i = 0; i < news->facts_count; i++)
        g->counters.removed += news->facts[i].removed;
    gossip_owner_put(g, o, &at, &signature, m.facts, m.count);
    o->whole_since = whole ? at.version : m.whole_since;
    o->news_from = !whole && held.generation == at.generation ? held.version : 0;
    g->counters.taken++;
    g->taken++;
    gossip_mark(g, MARK_GOSSIP_TAKEN);
    gossip_rumour(g, o);
}

void gossip_news_take(struct gossip *g, const struct wire_gossip_news *news, struct node_id via) {
    struct owner *o = gossip_find(g, news->head.owner);
    if (o == NULL) {
        g->counters.refused_stranger++;
        return;
    }
    if (news->head.root.size != GOSSIP_ROOT_SIZE || !news_is_sane(news)) {
        g->counters.refused_invalid++;
        return;
    }
    if (o == g->self) {
        news_of_self(g, &news->head);
        return;
    }
    struct moment at = moment_of(&news->head);
    int order = gossip_moment_compare(&at, &o->at);
    bool held = gossip_is_held(o);
    if ((held && order < 0) || at.generation < o->gone_below) {
        g->counters.stale++;
        gossip_mark(g, MARK_GOSSIP_STALE);
        return;
    }
    if (held && order == 0) {
        g->counters.known++;
        return;
    }
    bool continues = held && o->at.generation == at.generation && news->from != 0 &&
                     news->from <= o->at.version && o->at.version < at.version;
    if (!news->bare && (news->from == 0 || continues)) {
        word_take(g, o, news, via);
        return;
    }
    /* Else it is asked for: by who says it, if the owner has said it at all. */
    if (!gossip_head_verify(g, o, &news->head)) {
        forged(g, o, via, "a head that its owner did not sign");
        return;
    }
    gossip_mark(g, MARK_GOSSIP_ASKED);
    gossip_want(g, o, held && o->at.generation == at.generation && o->at.version == at.version);
}
