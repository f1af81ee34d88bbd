/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * This node's own facts. A change waits gather_us for others, and as long as its bucket says: half of what
 * the others allow, so that an honest owner is never refused, whatever its clock does.
 */
#include "internal.h"

#include <stdlib.h>

static const struct change *change_find(const struct gossip *g, struct bytes key) {
    for (size_t i = 0; i < g->changes.count; i++)
        if (bytes_equal(g->changes.data[i].key, key))
            return &g->changes.data[i];
    return NULL;
}

static void change_put(struct gossip *g, struct bytes key, struct bytes value) {
    struct change c = {.bytes = mem_alloc(key.size + value.size)};
    memcpy(c.bytes, key.data, key.size);
    mem_copy(c.bytes + key.size, value.data, value.size);
    c.key = bytes_of(c.bytes, key.size);
    c.value = bytes_of(c.bytes + key.size, value.size);
    for (size_t i = 0; i < g->changes.count; i++) {
        if (!bytes_equal(g->changes.data[i].key, key))
            continue;
        mem_free(g->changes.data[i].bytes);
        g->changes.data[i] = c;
        return;
    }
    VEC_PUSH(&g->changes, c);
}

/* By what is published and what waits: how many facts, and how large, if this one were taken too? */
static bool set_fits(const struct gossip *g, struct bytes key, struct bytes value) {
    size_t count, size = gossip_size(g->self->facts, g->self->facts_count, &count);
    for (size_t i = 0; i <= g->changes.count; i++) {
        bool is_this = i == g->changes.count;
        struct bytes k = is_this ? key : g->changes.data[i].key;
        struct bytes v = is_this ? value : g->changes.data[i].value;
        if (!is_this && bytes_equal(k, key))
            continue; /* this one takes its place */
        const struct fact *old = gossip_owner_fact(g->self, k);
        if (old != NULL && old->removed_us == 0) {
            count--;
            size -= old->key.size + old->value.size;
        }
        count += v.size > 0;
        size += v.size > 0 ? k.size + v.size : 0;
    }
    return count <= WIRE_FACTS_MAX && size <= WIRE_FACTS_BYTES_MAX;
}

int gossip_own_set(struct gossip *g, struct bytes key, struct bytes value) {
    if (key.size == 0)
        return ERR_INVALID;
    const struct change *waiting = change_find(g, key);
    const struct fact *old = gossip_owner_fact(g->self, key);
    struct bytes held = {0};
    if (waiting != NULL)
        held = waiting->value;
    else if (old != NULL && old->removed_us == 0)
        held = old->value;
    if (bytes_equal(held, value))
        return 0;
    bool is_small = key.size <= WIRE_FACT_KEY_MAX && value.size <= WIRE_FACT_VALUE_MAX;
    if (!is_small || (value.size > 0 && !set_fits(g, key, value))) {
        g->counters.refused_own++;
        gossip_refuse(g, g->self, g->self->id,
                      is_small ? "too many facts, or too large together" : "a fact that is too large");
        return ERR_LIMIT;
    }
    change_put(g, key, value);
    if (g->publish_us == TIME_NEVER_US)
        g->publish_us = g->now_us + g->config.gather_us;
    return 0;
}

static int by_key(const void *x, const void *y) {
    return bytes_compare(((const struct wire_gossip_fact *)x)->key,
                         ((const struct wire_gossip_fact *)y)->key);
}

/* A version for each change. */
static struct wire_gossip_fact *changes_number(struct gossip *g, uint64_t *version) {
    struct wire_gossip_fact *told = arena_alloc(&g->arena, (g->changes.count + 1) * sizeof *told);
    for (size_t i = 0; i < g->changes.count; i++)
        told[i] = (struct wire_gossip_fact){.key = g->changes.data[i].key,
                                            .value = g->changes.data[i].value,
                                            .version = ++*version,
                                            .removed = g->changes.data[i].value.size == 0};
    qsort(told, g->changes.count, sizeof *told, by_key);
    return told;
}

static void own_put(struct gossip *g, struct moment at, const struct fact *facts, size_t facts_count) {
    struct owner *self = g->self;
    struct signature signature;
    uint64_t before = self->at.generation == at.generation ? self->at.version : 0;
    gossip_root(facts, facts_count, at.root);
    gossip_head_sign(g, &at, &signature);
    gossip_owner_put(g, self, &at, &signature, facts, facts_count);
    self->news_from = before;
    g->counters.published++;
    gossip_rumour(g, self);
}

static void own_publish(struct gossip *g) {
    struct moment at = g->self->at;
    at.generation = g->config.generation;
    if (at.version < g->version_floor)
        at.version = g->version_floor;
    struct wire_gossip_fact *told = changes_number(g, &at.version);
    struct merged m = gossip_merge(g, g->self, told, g->changes.count, false);
    g->self->whole_since = m.whole_since;
    own_put(g, at, m.facts, m.count);
    gossip_changes_drop(g);
}

void gossip_own_run(struct gossip *g) {
    if (g->now_us < g->publish_us)
        return;
    size_t size = 256;
    for (size_t i = 0; i < g->changes.count; i++)
        size += g->changes.data[i].key.size + g->changes.data[i].value.size;
    if (!gossip_budget_take(g, &g->self->budget_us, size, g->config.rate_bytes / 2,
                            g->config.burst_bytes / 2)) {
        gossip_mark(g, MARK_GOSSIP_OWN_HELD_BACK);
        g->publish_us = g->now_us + US_PER_S;
        return;
    }
    g->publish_us = TIME_NEVER_US;
    own_publish(g);
}

/* All get new versions: whoever has the later ones that were forgotten here takes each of them. */
void gossip_own_raise(struct gossip *g, uint32_t generation, uint64_t version) {
    struct owner *self = g->self;
    struct moment at = {.generation = generation > g->config.generation ? generation : g->config.generation,
                        .version = version > self->at.version ? version : self->at.version};
    g->config.generation = at.generation;
    if (!gossip_is_held(self)) {
        g->version_floor = at.version; /* for the first word of this run */
        return;
    }
    struct fact *facts = arena_alloc(&g->arena, (self->facts_count + 1) * sizeof *facts);
    size_t count = 0;
    for (size_t i = 0; i < self->facts_count; i++) {
        if (self->facts[i].removed_us != 0)
            continue;
        facts[count] = self->facts[i];
        facts[count++].version = ++at.version;
    }
    at.version += count == 0; /* an empty word is later than what it takes the place of, too */
    self->whole_since = at.version;
    own_put(g, at, facts, count);
    self->news_from = 0;
}

void gossip_changes_drop(struct gossip *g) {
    for (size_t i = 0; i < g->changes.count; i++)
        mem_free(g->changes.data[i].bytes);
    g->changes.count = 0;
}
