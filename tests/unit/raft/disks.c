/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* What a node's disk holds, and snapshots of its state machine. */
#include <criterion/criterion.h>

#include "harness.h"

struct bytes disk_bytes_copy(struct bytes in) {
    if (in.size == 0)
        return (struct bytes){0};
    uint8_t *data = mem_alloc(in.size);
    memcpy(data, in.data, in.size);
    return bytes_of(data, in.size);
}

static void disk_entry_free(struct entry_copy *e) { mem_free((void *)(uintptr_t)e->data.data); }

void disk_batch_free(struct batch *b) {
    if (!b)
        return;
    for (size_t i = 0; i < b->entries.count; i++)
        disk_entry_free(&b->entries.data[i]);
    VEC_DONE(&b->entries);
    mem_free(b);
}

static void disk_cut_tail(struct disk *d, uint64_t from) {
    while (d->log.count > 0 && d->log.data[d->log.count - 1].index >= from)
        disk_entry_free(&d->log.data[--d->log.count]);
}

static uint64_t disk_last(const struct disk *d, uint64_t *ret_chain) {
    if (d->log.count == 0) {
        *ret_chain = d->base_chain;
        return d->base_index;
    }
    *ret_chain = d->log.data[d->log.count - 1].chain;
    return d->log.data[d->log.count - 1].index;
}

/* Takes the entries out of the batch. */
void disk_batch_write(struct world *w, struct node *n, struct batch *b) {
    struct disk *d = &n->disk;
    if (b->hard_changed) {
        cr_assert_geq(b->hard.term, d->hard.term, "the term on disk went back");
        d->hard = b->hard;
    }
    if (b->reset_index) {
        cr_assert_leq(b->reset_index, d->snapshot.index,
                      "the log is reset to a snapshot that is not on disk");
        disk_cut_tail(d, 0);
        d->base_index = b->reset_index;
        d->base_chain = checker_chain(w->checker, b->reset_index);
    }
    if (b->cut_index)
        disk_cut_tail(d, b->cut_index);
    for (size_t i = 0; i < b->entries.count; i++) {
        struct entry_copy e = b->entries.data[i];
        uint64_t chain, last = disk_last(d, &chain);
        cr_assert_eq(e.index, last + 1, "an append to the disk leaves a gap");
        e.chain = chain_next(chain, e.index, e.term, e.kind, e.data);
        checker_log(w->checker, &e);
        VEC_PUSH(&d->log, e);
    }
    b->entries.count = 0;
}

static void disk_push(struct world *w, size_t i, struct wire_raft_entry entry) {
    struct disk *d = &w->nodes[i].disk;
    cr_assert_null(w->nodes[i].raft);
    struct entry_copy e = {
        .index = entry.index, .term = entry.term, .kind = entry.kind, .data = disk_bytes_copy(entry.data)};
    uint64_t chain, last = disk_last(d, &chain);
    cr_assert_eq(e.index, last + 1);
    e.chain = chain_next(chain, e.index, e.term, e.kind, e.data);
    VEC_PUSH(&d->log, e);
    d->hard.term = d->hard.term > e.term ? d->hard.term : e.term;
}

void disk_put(struct world *w, size_t i, uint64_t index, uint64_t term, const char *text) {
    disk_push(w, i,
              (struct wire_raft_entry){
                  .index = index, .term = term, .kind = ENTRY_KIND_COMMAND, .data = bytes_str(text)});
}

void disk_put_config(struct world *w, size_t i, uint64_t index, uint64_t term,
                     const struct wire_raft_config *config) {
    struct buf data = {0};
    codec_encode(&wire_raft_config_type, config, &data);
    disk_push(w, i,
              (struct wire_raft_entry){
                  .index = index, .term = term, .kind = ENTRY_KIND_CONFIG, .data = buf_bytes(&data)});
    buf_done(&data);
}

void snapshot_config_point(struct snapshot_copy *s) {
    s->config.voters = s->voters;
    s->config.voters_next = s->voters_next;
}

void snapshot_config_copy(struct snapshot_copy *s, const struct wire_raft_config *config) {
    s->config.voters_count = config->voters_count;
    s->config.voters_next_count = config->voters_next_count;
    if (config->voters_count > 0)
        memcpy(s->voters, config->voters, config->voters_count * sizeof s->voters[0]);
    if (config->voters_next_count > 0)
        memcpy(s->voters_next, config->voters_next, config->voters_next_count * sizeof s->voters_next[0]);
    snapshot_config_point(s);
}

void snapshot_state_make(struct snapshot_copy *s) {
    buf_clear(&s->state);
    buf_append(&s->state, &s->chain, sizeof s->chain);
    while (s->state.size < 5 * SNAP_CHUNK + s->index % SNAP_CHUNK)
        buf_append_byte(&s->state, (uint8_t)(s->chain >> (s->state.size % 57)));
    s->checksum = crc32c(0, s->state.data, s->state.size);
}

struct wire_snapshot_chunk snapshot_chunk_at(struct node *n, uint64_t offset) {
    struct snapshot_copy *s = &n->disk.snapshot;
    snapshot_config_point(s);
    size_t size = offset < s->state.size ? s->state.size - (size_t)offset : 0;
    size = size > SNAP_CHUNK ? SNAP_CHUNK : size;
    return (struct wire_snapshot_chunk){.index = s->index,
                                        .term = s->term,
                                        .config = s->config,
                                        .total_size = s->state.size,
                                        .offset = offset,
                                        .checksum = s->checksum,
                                        .data = bytes_of(s->state.data + (size ? offset : 0), size)};
}

void disk_done(struct node *n) {
    disk_cut_tail(&n->disk, 0);
    VEC_DONE(&n->disk.log);
    buf_done(&n->disk.snapshot.state);
    n->disk = (struct disk){0};
}

void disk_cut_head(struct disk *d, uint64_t upto) {
    size_t gone = 0;
    while (gone < d->log.count && d->log.data[gone].index <= upto) {
        d->base_index = d->log.data[gone].index;
        d->base_chain = d->log.data[gone].chain;
        disk_entry_free(&d->log.data[gone++]);
    }
    d->log.count -= gone;
    memmove(d->log.data, d->log.data + gone, d->log.count * sizeof d->log.data[0]);
}
