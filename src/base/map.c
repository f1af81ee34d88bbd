/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "covey/base.h"

#define SLOTS_COUNT_MIN 16

/* Multiply and fold, eight bytes at a time. Iteration never follows it, so its value is nobody's business. */
static uint64_t key_hash(struct bytes key) {
    uint64_t h = UINT64_C(0x9e3779b97f4a7c15) ^ key.size;
    const uint8_t *at = key.data;
    for (size_t left = key.size; left;) {
        uint64_t word = 0;
        size_t taken = left < sizeof word ? left : sizeof word;
        memcpy(&word, at, taken);
        at += taken;
        left -= taken;
        h = (h ^ word) * UINT64_C(0xff51afd7ed558ccd);
        h ^= h >> 32;
    }
    h *= UINT64_C(0xc4ceb9fe1a85ec53);
    return h ^ (h >> 29);
}

static size_t home_slot(const struct map *m, struct bytes key) {
    return (size_t)key_hash(key) & (m->slots_count - 1);
}

/* The slot of the key, or the free one where it would go. A table is never full. */
static size_t slot_find(const struct map *m, struct bytes key) {
    size_t slot = home_slot(m, key);
    while (m->slots[slot] && !bytes_equal(m->entries[m->slots[slot] - 1].key, key))
        slot = (slot + 1) & (m->slots_count - 1);
    return slot;
}

static void slots_grow(struct map *m) {
    mem_free(m->slots);
    m->slots_count = m->slots_count ? m->slots_count * 2 : SLOTS_COUNT_MIN;
    m->slots = mem_alloc(m->slots_count * sizeof *m->slots);
    for (size_t i = 0; i < m->count; i++)
        m->slots[slot_find(m, m->entries[i].key)] = (uint32_t)i + 1;
}

void *map_get(const struct map *m, struct bytes key) {
    if (m->count == 0)
        return NULL;
    uint32_t index = m->slots[slot_find(m, key)];
    return index ? m->entries[index - 1].value : NULL;
}

void *map_put(struct map *m, struct bytes key, void *value) {
    assert(value && m->count < UINT32_MAX / 2);
    if ((m->count + 1) * 4 > m->slots_count * 3)
        slots_grow(m);
    size_t slot = slot_find(m, key);
    if (m->slots[slot]) {
        /* The old key may lie in the value that goes. */
        struct map_entry *entry = &m->entries[m->slots[slot] - 1];
        void *replaced = entry->value;
        *entry = (struct map_entry){key, value};
        return replaced;
    }
    if (m->count == m->capacity)
        m->entries = vec_grow(m->entries, &m->capacity, sizeof *m->entries);
    m->entries[m->count++] = (struct map_entry){key, value};
    m->slots[slot] = (uint32_t)m->count;
    return NULL;
}

/* Frees a slot; those behind it that probed over it move up (Knuth, TAOCP volume 3, 6.4, algorithm R). */
static void slot_free(struct map *m, size_t hole) {
    size_t mask = m->slots_count - 1;
    for (size_t slot = (hole + 1) & mask; m->slots[slot]; slot = (slot + 1) & mask) {
        size_t home = home_slot(m, m->entries[m->slots[slot] - 1].key);
        if (((slot - home) & mask) < ((slot - hole) & mask))
            continue;
        m->slots[hole] = m->slots[slot];
        hole = slot;
    }
    m->slots[hole] = 0;
}

void *map_remove(struct map *m, struct bytes key) {
    if (m->count == 0)
        return NULL;
    size_t slot = slot_find(m, key);
    if (!m->slots[slot])
        return NULL;
    uint32_t index = m->slots[slot] - 1;
    void *removed = m->entries[index].value;
    slot_free(m, slot);
    m->count--;
    if (index != m->count) {
        m->slots[slot_find(m, m->entries[m->count].key)] = index + 1;
        m->entries[index] = m->entries[m->count];
    }
    return removed;
}

void map_done(struct map *m) {
    mem_free(m->entries);
    mem_free(m->slots);
    *m = (struct map){0};
}
