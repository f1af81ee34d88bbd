/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* The entries in memory: one array, so that a range of them can be lent out as it lies there. */
#include "internal.h"

static void entry_done(struct wire_raft_entry *e) {
    mem_free((void *)(uintptr_t)e->data.data);
    *e = (struct wire_raft_entry){0};
}

uint64_t raft_log_last(const struct raft_log *log) { return log->base_index + log->count; }

struct wire_raft_entry *raft_log_at(const struct raft_log *log, uint64_t index) {
    if (index <= log->base_index || index > raft_log_last(log))
        return NULL;
    return &log->entries[log->head + (size_t)(index - log->base_index) - 1];
}

uint64_t raft_log_term(const struct raft_log *log, uint64_t index) {
    const struct wire_raft_entry *e = raft_log_at(log, index);
    if (e)
        return e->term;
    return index == log->base_index ? log->base_term : 0;
}

uint64_t raft_log_last_term(const struct raft_log *log) { return raft_log_term(log, raft_log_last(log)); }

bool raft_log_has(const struct raft_log *log, uint64_t index, uint64_t term) {
    return index >= log->base_index && index <= raft_log_last(log) && raft_log_term(log, index) == term;
}

/* Room for one more at the end: first by sliding down over what was cut at the front, then by growing. */
static void log_make_room(struct raft_log *log) {
    if (log->head + log->count < log->capacity)
        return;
    if (log->head > log->capacity / 2) {
        memmove(log->entries, log->entries + log->head, log->count * sizeof *log->entries);
        log->head = 0;
        return;
    }
    log->entries = vec_grow(log->entries, &log->capacity, sizeof *log->entries);
}

void raft_log_push(struct raft_log *log, const struct wire_raft_entry *entry) {
    assert(entry->index == raft_log_last(log) + 1 && entry->term >= raft_log_last_term(log));
    log_make_room(log);
    struct wire_raft_entry copy = *entry;
    copy.data = (struct bytes){0};
    if (entry->data.size > 0) {
        uint8_t *data = mem_alloc(entry->data.size);
        memcpy(data, entry->data.data, entry->data.size);
        copy.data = bytes_of(data, entry->data.size);
    }
    log->entries[log->head + log->count++] = copy;
}

void raft_log_cut_tail(struct raft_log *log, uint64_t from) {
    assert(from > log->base_index);
    while (raft_log_last(log) >= from)
        entry_done(&log->entries[log->head + --log->count]);
}

void raft_log_cut_head(struct raft_log *log, uint64_t upto) {
    assert(upto >= log->base_index && upto <= raft_log_last(log));
    uint64_t term = raft_log_term(log, upto);
    while (log->base_index < upto) {
        entry_done(&log->entries[log->head++]);
        log->count--;
        log->base_index++;
    }
    log->base_term = term;
}

void raft_log_restart(struct raft_log *log, uint64_t index, uint64_t term) {
    while (log->count > 0)
        entry_done(&log->entries[log->head + --log->count]);
    mem_free(log->entries);
    *log = (struct raft_log){.base_index = index, .base_term = term};
}

uint64_t raft_log_seek(const struct raft_log *log, uint64_t index, uint64_t term) {
    if (index > raft_log_last(log))
        index = raft_log_last(log);
    while (index > log->base_index && raft_log_term(log, index) > term)
        index--;
    if (index == log->base_index && log->base_term > term)
        index--;
    return index;
}

size_t raft_log_fit(const struct raft_log *log, uint64_t first, uint64_t last, size_t bytes_max,
                    size_t *ret_bytes) {
    size_t count = 0, bytes = 0;
    for (uint64_t i = first; i <= last && count < ENTRIES_MAX; i++) {
        size_t cost = raft_log_at(log, i)->data.size + ENTRY_COST;
        if (count > 0 && bytes + cost > bytes_max)
            break;
        bytes += cost;
        count++;
    }
    *ret_bytes = bytes;
    return count;
}
