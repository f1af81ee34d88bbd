/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Owners and what is held of each. An owner's facts lie in one block that is made anew with each change: they
 * are 64 KiB at most, and change seldom.
 *
 * The digest is swim's idea once more: each owner of whom something is held has a print of 64 bits, of its
 * moment, and belongs to one of 256 buckets by its id, which is a hash already. A bucket's sum is the
 * exclusive or of its prints.
 */
#include "internal.h"

#include <sodium.h>

struct owner *gossip_find(const struct gossip *g, struct node_id id) {
    return MAP_GET_ID(&g->owners, id);
}

struct owner *gossip_owner_new(struct gossip *g, struct node_id id) {
    struct owner *o = mem_alloc(sizeof *o);
    o->id = id;
    map_put(&g->owners, bytes_of(o->id.b, ID_SIZE), o);
    return o;
}

void gossip_owner_free(struct owner *o) {
    mem_free(o->facts);
    mem_free(o->bytes);
    mem_free(o);
}

int gossip_moment_compare(const struct moment *x, const struct moment *y) {
    if (x->generation != y->generation)
        return x->generation < y->generation ? -1 : 1;
    if (x->version != y->version)
        return x->version < y->version ? -1 : 1;
    return memcmp(x->root, y->root, sizeof x->root);
}

/* ---- prints and sums ----------------------------------------------------------------------------------- */

/* The root goes in: of two words under one version each has its own print. */
uint64_t gossip_print(const struct owner *o) {
    uint64_t x = u64_mix(u64_get(o->id.b) ^ u64_mix(u64_get(o->id.b + 8)));
    x = u64_mix(x ^ o->at.generation);
    x = u64_mix(x ^ o->at.version);
    return u64_mix(x ^ u64_get(o->at.root));
}

size_t gossip_bucket(struct node_id id) { return id.b[0]; }

static void toggle(struct gossip *g, const struct owner *o) {
    if (gossip_is_held(o))
        digest_toggle(&g->digest, gossip_bucket(o->id), gossip_print(o));
}

uint64_t gossip_sum(const struct gossip *g) { return digest_sum(&g->digest); }

/* ---- facts --------------------------------------------------------------------------------------------- */

static void hash_u64(crypto_generichash_state *h, uint64_t value) {
    uint8_t be[8];
    for (int i = 7; i >= 0; i--, value >>= 8)
        be[i] = (uint8_t)value;
    (void)crypto_generichash_update(h, be, sizeof be);
}

void gossip_root(const struct fact *facts, size_t facts_count, uint8_t out[GOSSIP_ROOT_SIZE]) {
    crypto_generichash_state h;
    (void)crypto_generichash_init(&h, NULL, 0, GOSSIP_ROOT_SIZE);
    for (size_t i = 0; i < facts_count; i++) {
        const struct fact *f = &facts[i];
        if (f->removed_us != 0)
            continue;
        hash_u64(&h, f->key.size);
        (void)crypto_generichash_update(&h, f->key.data, f->key.size);
        hash_u64(&h, f->version);
        hash_u64(&h, f->value.size);
        (void)crypto_generichash_update(&h, f->value.data, f->value.size);
    }
    (void)crypto_generichash_final(&h, out, GOSSIP_ROOT_SIZE);
}

size_t gossip_size(const struct fact *facts, size_t facts_count, size_t *ret_count) {
    size_t size = 0;
    *ret_count = 0;
    for (size_t i = 0; i < facts_count; i++) {
        if (facts[i].removed_us != 0)
            continue;
        size += facts[i].key.size + facts[i].value.size;
        ++*ret_count;
    }
    return size;
}

const struct fact *gossip_owner_fact(const struct owner *o, struct bytes key) {
    size_t low = 0, high = o->facts_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = bytes_compare(o->facts[middle].key, key);
        if (order == 0)
            return &o->facts[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static struct bytes put_bytes(uint8_t **at, struct bytes in) {
    struct bytes copy = bytes_of(*at, in.size);
    mem_copy(*at, in.data, in.size);
    *at += in.size;
    return copy;
}

/* The new ones may be views of the old ones. */
static void facts_put(struct gossip *g, struct owner *o, const struct fact *facts, size_t facts_count) {
    size_t size = 0;
    for (size_t i = 0; i < facts_count; i++)
        size += facts[i].key.size + facts[i].value.size;
    struct fact *copies = facts_count > 0 ? mem_alloc(facts_count * sizeof *copies) : NULL;
    uint8_t *bytes = size > 0 ? mem_alloc(size) : NULL, *at = bytes;
    for (size_t i = 0; i < facts_count; i++) {
        copies[i] = facts[i];
        copies[i].key = put_bytes(&at, facts[i].key);
        copies[i].value = put_bytes(&at, facts[i].value);
        if (facts[i].removed_us != 0 && facts[i].removed_us + g->config.tombstone_us < g->tidy_us)
            g->tidy_us = facts[i].removed_us + g->config.tombstone_us;
    }
    mem_free(o->facts);
    mem_free(o->bytes);
    o->facts = copies;
    o->facts_count = facts_count;
    o->bytes = bytes;
    size_t count;
    o->size = gossip_size(o->facts, facts_count, &count);
}

void gossip_owner_put(struct gossip *g, struct owner *o, const struct moment *at,
                      const struct signature *signature, const struct fact *facts, size_t facts_count) {
    toggle(g, o);
    facts_put(g, o, facts, facts_count);
    o->at = *at;
    o->signature = *signature;
    o->changed_us = g->now_us;
    o->asked_us = 0;
    toggle(g, o);
    gossip_effect_new(g, GOSSIP_CHANGED)->owner = o->id;
}

void gossip_owner_clear(struct gossip *g, struct owner *o) {
    if (!gossip_is_held(o))
        return;
    gossip_rumour_drop(g, o);
    toggle(g, o);
    facts_put(g, o, NULL, 0);
    o->at = (struct moment){.version = 0};
    o->whole_since = o->news_from = 0;
    o->asked_us = 0;
    gossip_effect_new(g, GOSSIP_CHANGED)->owner = o->id;
}

static void tidy_owner(struct gossip *g, struct owner *o) {
    struct fact *list = arena_alloc(&g->arena, (o->facts_count + 1) * sizeof *list);
    size_t count = 0;
    for (size_t i = 0; i < o->facts_count; i++) {
        const struct fact *f = &o->facts[i];
        bool is_over = f->removed_us != 0 && f->removed_us + g->config.tombstone_us <= g->now_us;
        if (is_over && f->version > o->whole_since)
            o->whole_since = f->version;
        if (!is_over)
            list[count++] = *f;
    }
    facts_put(g, o, list, count); /* the next end of a tombstone is found anew */
}

void gossip_tidy(struct gossip *g) {
    if (g->now_us < g->tidy_us)
        return;
    g->tidy_us = TIME_NEVER_US;
    for (size_t i = 0; i < g->owners.count; i++) {
        struct owner *o = g->owners.entries[i].value;
        bool any = false;
        for (size_t k = 0; k < o->facts_count && !any; k++)
            any = o->facts[k].removed_us != 0;
        if (any)
            tidy_owner(g, o);
    }
}
