/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "rig.h"

#include <criterion/criterion.h>

/* ---- a disk -------------------------------------------------------------------------------------------- */

void rig_disk_done(struct rig_disk *d) {
    for (size_t i = 0; i < d->count; i++)
        mem_free(rig_bytes(&d->files[i]));
    d->count = 0;
}

static void file_set(struct disk_file *f, const void *data, size_t size) {
    uint8_t *copy = mem_alloc(size + 1);
    if (data && size > 0)
        memcpy(copy, data, size);
    mem_free(rig_bytes(f));
    f->data = bytes_of(copy, size);
}

struct rig_disk rig_disk_copy(const struct rig_disk *d) {
    struct rig_disk copy = {.count = d->count};
    for (size_t i = 0; i < d->count; i++) {
        memcpy(copy.files[i].name, d->files[i].name, sizeof copy.files[i].name);
        file_set(&copy.files[i], d->files[i].data.data, d->files[i].data.size);
    }
    return copy;
}

struct disk_file *rig_disk_find(struct rig_disk *d, const char *name) {
    for (size_t i = 0; i < d->count; i++) {
        if (strcmp(d->files[i].name, name) == 0)
            return &d->files[i];
    }
    return NULL;
}

void rig_disk_remove(struct rig_disk *d, const char *name) {
    struct disk_file *f = rig_disk_find(d, name);
    if (!f)
        return;
    mem_free(rig_bytes(f));
    size_t at = (size_t)(f - d->files);
    memmove(f, f + 1, (d->count - at - 1) * sizeof *f);
    d->count--;
    memset(&d->files[d->count], 0, sizeof *f);
}

static void file_put(struct rig_disk *d, const char *name, const void *data, size_t size) {
    struct disk_file *f = rig_disk_find(d, name);
    if (!f) {
        cr_assert_lt(d->count, RIG_FILES_MAX);
        f = &d->files[d->count++];
        memset(f, 0, sizeof *f);
        memcpy(f->name, name, strlen(name));
    }
    file_set(f, data, size);
}

static void file_write(struct rig_disk *d, const char *name, uint64_t offset, struct bytes data) {
    struct disk_file *f = rig_disk_find(d, name);
    cr_assert_not_null(f, "write to %s, which is not there", name);
    cr_assert_leq(offset + data.size, f->data.size, "write behind the end of %s", name);
    memcpy(rig_bytes(f) + offset, data.data, data.size);
}

void rig_disk_apply(struct rig_disk *d, const struct disk_op *op) {
    switch (op->kind) {
    case DISK_CREATE: file_put(d, op->name, NULL, op->size); break;
    case DISK_WRITE: file_write(d, op->name, op->offset, op->data); break;
    case DISK_SYNC: break;
    case DISK_REMOVE:
    case DISK_SET_ASIDE: rig_disk_remove(d, op->name); break;
    case DISK_REPLACE: file_put(d, op->name, op->data.data, op->data.size); break;
    }
}

void rig_ops_done(struct rig_ops *ops) {
    for (size_t i = 0; i < ops->list.count; i++)
        mem_free((void *)(uintptr_t)ops->list.data[i].data.data);
    VEC_DONE(&ops->list);
}

void rig_ops_add(struct rig_ops *ops, const struct disk_op *op) {
    struct disk_op copy = *op;
    cr_assert(op->kind == DISK_CREATE || op->size == op->data.size);
    if (op->data.size > 0) {
        uint8_t *data = mem_alloc(op->data.size);
        memcpy(data, op->data.data, op->data.size);
        copy.data.data = data;
    }
    VEC_PUSH(&ops->list, copy);
}

void rig_ops_collect(struct rig_ops *ops, struct wal *w) {
    struct disk_op op;
    while (wal_drain(w, &op))
        rig_ops_add(ops, &op);
}

/* ---- crashes ------------------------------------------------------------------------------------------- */

struct sector_write {
    const char *name;
    uint64_t offset;
    const uint8_t *data;
};

#define EXHAUSTIVE_MAX 10

struct crash {
    const struct rig_ops *ops;
    size_t count;
    struct rig_disk durable;
    VEC(struct sector_write) pending;
    VEC(const struct disk_op *) making; /* handed on to the maker, in order */
    size_t made_min;                    /* so many of them must be done: later operations needed them */
    rig_visit *visit;
    void *context;
    struct prng *p;
    unsigned samples;
    size_t garbled_part; /* 0: none */
};

static bool is_making(const struct disk_op *op) { return op->kind == DISK_CREATE || op->kind == DISK_REMOVE; }

static void pending_add(struct crash *c, const struct disk_op *op) {
    cr_assert_eq(op->offset % WAL_SECTOR_SIZE, 0);
    cr_assert_eq(op->data.size % WAL_SECTOR_SIZE, 0);
    for (size_t at = 0; at < op->data.size; at += WAL_SECTOR_SIZE) {
        struct sector_write w = {.name = op->name, .offset = op->offset + at, .data = op->data.data + at};
        VEC_PUSH(&c->pending, w);
    }
}

static void sector_put(struct rig_disk *d, const struct sector_write *w, size_t size) {
    file_write(d, w->name, w->offset, bytes_of(w->data, size));
}

static void pending_flush(struct crash *c) {
    for (size_t i = 0; i < c->pending.count; i++)
        sector_put(&c->durable, &c->pending.data[i], WAL_SECTOR_SIZE);
    c->pending.count = 0;
}

/* The maker did the first `made` of its operations; all others are done, writes not yet flushed are pending.
 */
static void crash_replay(struct crash *c, const struct rig_disk *start, size_t made) {
    rig_disk_done(&c->durable);
    c->durable = rig_disk_copy(start);
    c->pending.count = c->making.count = c->made_min = 0;
    for (size_t i = 0; i < c->count; i++) {
        const struct disk_op *op = &c->ops->list.data[i];
        if (is_making(op)) {
            VEC_PUSH(&c->making, op);
            if (c->making.count <= made)
                rig_disk_apply(&c->durable, op);
            continue;
        }
        for (size_t k = c->made_min; k < c->making.count; k++)
            if (strcmp(c->making.data[k]->name, op->name) == 0)
                c->made_min = k + 1;
        if (made < c->made_min)
            continue; /* only asked for how many there are */
        if (op->kind == DISK_WRITE)
            pending_add(c, op);
        else if (op->kind == DISK_SYNC)
            pending_flush(c);
        else
            rig_disk_apply(&c->durable, op);
    }
}

static void subset_visit(struct crash *c, uint64_t subset, bool random, size_t garbled) {
    struct rig_disk disk = rig_disk_copy(&c->durable);
    for (size_t i = 0; i < c->pending.count; i++) {
        bool written = random ? prng_below(c->p, 2) : subset >> i & 1;
        if (i == garbled)
            sector_put(&disk, &c->pending.data[i], c->garbled_part);
        else if (written)
            sector_put(&disk, &c->pending.data[i], WAL_SECTOR_SIZE);
    }
    c->visit(&disk, c->context);
    rig_disk_done(&disk);
}

static void subsets_visit(struct crash *c) {
    size_t count = c->pending.count;
    if (c->garbled_part != 0) {
        for (size_t i = 0; i < count; i++)
            for (unsigned k = 0; k < c->samples; k++)
                subset_visit(c, 0, true, i);
        return;
    }
    if (count <= EXHAUSTIVE_MAX) {
        for (uint64_t subset = 0; subset < UINT64_C(1) << count; subset++)
            subset_visit(c, subset, false, SIZE_MAX);
        return;
    }
    subset_visit(c, 0, false, SIZE_MAX);
    for (unsigned i = 0; i < c->samples; i++)
        subset_visit(c, 0, true, SIZE_MAX);
    pending_flush(c);
    subset_visit(c, 0, false, SIZE_MAX);
}

/* The maker was in the middle of one. A removal is done or not; a creation has any size, all zeros. */
static void making_visit(struct crash *c, const struct disk_op *op) {
    struct rig_disk before = rig_disk_copy(&c->durable);
    for (uint64_t quarter = 0; op->kind == DISK_CREATE && quarter <= 4; quarter++) {
        file_put(&c->durable, op->name, NULL, op->size * quarter / 4 + (quarter == 1 ? 3 : 0));
        if (c->pending.count <= 3)
            subsets_visit(c);
        else
            subset_visit(c, 0, true, SIZE_MAX);
    }
    rig_disk_done(&c->durable);
    c->durable = before;
}

static void crash_all(const struct rig_disk *start, struct crash *c) {
    crash_replay(c, start, SIZE_MAX);
    size_t least = c->made_min, all = c->making.count;
    for (size_t made = least; made <= all; made++) {
        crash_replay(c, start, made);
        subsets_visit(c);
        crash_replay(c, start, made);
        if (made < all)
            making_visit(c, c->making.data[made]);
    }
    rig_disk_done(&c->durable);
    VEC_DONE(&c->pending);
    VEC_DONE(&c->making);
}

void rig_crash(const struct rig_disk *start, const struct rig_ops *ops, size_t count, struct prng *p,
               unsigned samples, rig_visit *visit, void *context) {
    struct crash c = {
        .ops = ops, .count = count, .visit = visit, .context = context, .p = p, .samples = samples};
    crash_all(start, &c);
}

void rig_crash_garbled(const struct rig_disk *start, const struct rig_ops *ops, size_t count, struct prng *p,
                       unsigned samples, size_t part, rig_visit *visit, void *context) {
    struct crash c = {.ops = ops,
                      .count = count,
                      .visit = visit,
                      .context = context,
                      .p = p,
                      .samples = samples,
                      .garbled_part = part};
    crash_all(start, &c);
}

/* ---- a model of the log -------------------------------------------------------------------------------- */

struct bytes rig_data(struct arena *a, uint64_t index, uint64_t term, size_t size) {
    struct prng p;
    uint8_t *data = arena_alloc(a, size + 1);
    prng_init(&p, index * 1000003 + term);
    prng_fill(&p, data, size);
    /* Sectors of zeros in the middle of acknowledged data must not look like a torn tail. */
    if (size > 1200)
        memset(data + 40, 0, 1100);
    return bytes_of(data, size);
}

struct raft_id rig_voter(uint8_t number) {
    struct raft_id id = {0};
    memset(id.node.b, number, sizeof id.node.b);
    memset(id.log.b, number + 1, sizeof id.log.b);
    return id;
}

struct wire_log_identity rig_identity(uint8_t number) {
    struct wire_log_identity identity;
    memset(identity.cluster.b, 0xc0, sizeof identity.cluster.b);
    memset(identity.node.b, 0xd0, sizeof identity.node.b);
    memset(identity.log.b, number, sizeof identity.log.b);
    return identity;
}

bool rig_vote_equal(const struct wire_hard_state *x, const struct wire_hard_state *y) {
    return x->term == y->term && raft_id_equal(&x->vote, &y->vote);
}

bool rig_log_equal(const struct rig_log *log, const struct wal_recovery *r) {
    struct arena a = {0};
    bool equal = r->base_index >= log->base && (r->base_index <= log->kept || r->base_index == log->base) &&
                 r->base_index + r->entries_count == log->last &&
                 r->first_index == (r->entries_count ? r->base_index + 1 : 0);
    for (size_t i = 0; equal && i < r->entries_count; i++) {
        const struct wire_raft_entry *e = &r->entries[i];
        uint64_t index = r->base_index + 1 + i;
        equal = e->index == index && e->term == log->terms[index] && e->kind == ENTRY_KIND_COMMAND &&
                bytes_equal(e->data, rig_data(&a, index, e->term, log->sizes[index]));
    }
    arena_done(&a);
    return equal;
}

/* ---- a run --------------------------------------------------------------------------------------------- */

void rig_run_begin(struct rig_run *run, struct rig_disk disk, const struct rig_log *log,
                   uint64_t segment_size) {
    static const struct rig_log empty;
    *run = (struct rig_run){.start = disk, .segment_size = segment_size};
    VEC_PUSH(&run->states, log ? *log : empty);
    struct wal_options options = {.identity = rig_identity(1), .segment_size_bytes = segment_size};
    run->wal = wal_new(&options, disk.files, disk.count);
    rig_ops_collect(&run->ops, run->wal);
}

void rig_run_done(struct rig_run *run) {
    rig_disk_done(&run->start);
    rig_ops_done(&run->ops);
    VEC_DONE(&run->states);
    wal_free(run->wal);
    arena_done(&run->arena);
}

struct rig_log *rig_run_log(struct rig_run *run) {
    return &run->states.data[run->states.count - 1];
}

static void run_batch(struct rig_run *run, const struct wire_hard_state *hard, uint64_t cut_index,
                      size_t count, size_t size) {
    struct rig_log log = *rig_run_log(run);
    if (hard)
        log.hard = *hard;
    if (cut_index)
        log.last = cut_index - 1;
    struct wire_raft_entry *entries = arena_alloc(&run->arena, (count + 1) * sizeof *entries);
    for (size_t i = 0; i < count; i++) {
        uint64_t index = ++log.last;
        cr_assert_lt(index, RIG_ENTRIES_MAX);
        log.terms[index] = log.hard.term;
        log.sizes[index] = (uint32_t)size;
        entries[i] = (struct wire_raft_entry){.index = index,
                                              .term = log.hard.term,
                                              .kind = ENTRY_KIND_COMMAND,
                                              .data = rig_data(&run->arena, index, log.hard.term, size)};
    }
    uint64_t ticket = run->states.count;
    cr_assert_eq(wal_append(run->wal, ticket, hard, cut_index, entries, count), 0);
    VEC_PUSH(&run->states, log);
    rig_ops_collect(&run->ops, run->wal);
}

void rig_run_append(struct rig_run *run, uint64_t cut_index, size_t count, size_t size) {
    run_batch(run, NULL, cut_index, count, size);
}

void rig_run_vote(struct rig_run *run, uint64_t term, uint8_t voter, size_t count, size_t size) {
    struct wire_hard_state hard = {.term = term, .commit = rig_run_log(run)->hard.commit};
    if (voter)
        hard.vote = rig_voter(voter);
    run_batch(run, &hard, 0, count, size);
}

void rig_run_compact(struct rig_run *run, uint64_t index) {
    /* The model allows it from here on; the file operations carry no ticket. */
    rig_run_log(run)->kept = index;
    wal_compact(run->wal, index);
    rig_ops_collect(&run->ops, run->wal);
}

void rig_run_reset(struct rig_run *run, uint64_t index, uint64_t term) {
    struct rig_log log = *rig_run_log(run);
    log.base = log.last = log.kept = index;
    uint64_t ticket = run->states.count;
    cr_assert_eq(wal_reset(run->wal, ticket, index, term, NULL), 0);
    VEC_PUSH(&run->states, log);
    rig_ops_collect(&run->ops, run->wal);
}

void rig_run_step(struct rig_run *run, struct prng *p) {
    const struct rig_log *log = rig_run_log(run);
    uint64_t last = log->last, low = log->kept > log->base ? log->kept : log->base;
    size_t count = (size_t)prng_below(p, 4), size = (size_t)prng_below(p, prng_below(p, 8) ? 300 : 3000);
    switch (prng_below(p, 10)) {
    case 0: rig_run_vote(run, log->hard.term + 1, (uint8_t)prng_below(p, 3), count, size); break;
    case 1: rig_run_compact(run, low + prng_below(p, last - low + 1)); break;
    case 2:
        if (last > low)
            rig_run_append(run, low + 1 + prng_below(p, last - low), count, size);
        break;
    case 3:
        if (prng_below(p, 3) == 0)
            rig_run_reset(run, last + prng_below(p, 5), log->hard.term);
        break;
    default: rig_run_append(run, 0, count + 1, size); break;
    }
}

uint64_t rig_run_durable(const struct rig_run *run, size_t count) {
    uint64_t ticket = 0;
    for (size_t i = 0; i < count; i++) {
        const struct disk_op *op = &run->ops.list.data[i];
        if (op->kind == DISK_SYNC && op->ticket)
            ticket = op->ticket;
    }
    return ticket;
}

struct rig_disk rig_run_disk(const struct rig_run *run) {
    struct rig_disk disk = rig_disk_copy(&run->start);
    for (size_t i = 0; i < run->ops.list.count; i++)
        rig_disk_apply(&disk, &run->ops.list.data[i]);
    return disk;
}

void rig_recover(const struct rig_disk *disk, struct arena *arena, struct wal_recovery *ret) {
    struct wire_log_identity identity = rig_identity(1);
    wal_recover(disk->files, disk->count, &identity, arena, ret);
}
