/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The rig of the log's tests: a disk in memory that can be crashed between and inside any two operations, and
 * a plain model of what the log must hold.
 */
#ifndef COVEY_TESTS_WAL_RIG_H
#define COVEY_TESTS_WAL_RIG_H

#include <covey/wal.h>

/* ---- a disk -------------------------------------------------------------------------------------------- */

#define RIG_FILES_MAX 64

struct rig_disk {
    struct disk_file files[RIG_FILES_MAX]; /* data is owned */
    size_t count;
};
void rig_disk_done(struct rig_disk *d);
struct rig_disk rig_disk_copy(const struct rig_disk *d);
struct disk_file *rig_disk_find(struct rig_disk *d, const char *name);
void rig_disk_remove(struct rig_disk *d, const char *name);
/* Carries the operation out, durably. */
void rig_disk_apply(struct rig_disk *d, const struct disk_op *op);
static inline uint8_t *rig_bytes(struct disk_file *f) { return (uint8_t *)(uintptr_t)f->data.data; }

/* Operations with their bytes owned. */
struct rig_ops {
    VEC(struct disk_op) list;
};
void rig_ops_done(struct rig_ops *ops);
void rig_ops_add(struct rig_ops *ops, const struct disk_op *op);
void rig_ops_collect(struct rig_ops *ops, struct wal *w);

/*
 * Every disk that a crash after the first `count` operations may leave, as store carries them out: writes,
 * flushes and replacements in order; the making and removing of files in an order of its own, that may lag
 * behind up to the next write to the very file. Each subset of the sectors written since the last flush (all
 * of them up to 10 sectors, else `samples` random ones, none and all among them), each state of a file that
 * was being made or removed. `visit` gets each; it must not keep it.
 */
typedef void rig_visit(struct rig_disk *disk, void *context);
void rig_crash(const struct rig_disk *start, const struct rig_ops *ops, size_t count, struct prng *p,
               unsigned samples, rig_visit *visit, void *context);
/*
 * The same with one sector half written: `part` bytes of it are new. Of the others any subset, `samples`
 * times for each sector.
 */
void rig_crash_garbled(const struct rig_disk *start, const struct rig_ops *ops, size_t count, struct prng *p,
                       unsigned samples, size_t part, rig_visit *visit, void *context);

/* ---- a model of the log -------------------------------------------------------------------------------- */

#define RIG_ENTRIES_MAX 512

struct rig_log {
    uint64_t base, last; /* entries base + 1 .. last are known */
    uint64_t kept;       /* compacted up to here: what is below may be gone */
    uint64_t terms[RIG_ENTRIES_MAX];
    uint32_t sizes[RIG_ENTRIES_MAX];
    struct wire_hard_state hard;
};
/* An entry's content follows from its index, term and size. */
struct bytes rig_data(struct arena *a, uint64_t index, uint64_t term, size_t size);
struct raft_id rig_voter(uint8_t number);
struct wire_log_identity rig_identity(uint8_t number);
/* Whether the recovered entries are exactly the model's, from a base that its compaction allows. */
bool rig_log_equal(const struct rig_log *log, const struct wal_recovery *r);
bool rig_vote_equal(const struct wire_hard_state *x, const struct wire_hard_state *y);

/* ---- a run --------------------------------------------------------------------------------------------- */

/* What the log may be after each flush; state 0 is the start. */
struct rig_run {
    struct rig_disk start;
    struct rig_ops ops;
    VEC(struct rig_log) states; /* by ticket */
    struct wal *wal;
    struct arena arena;
    uint64_t segment_size;
};
/* Begins on the disk (taken), which holds `log`. */
void rig_run_begin(struct rig_run *run, struct rig_disk disk, const struct rig_log *log,
                   uint64_t segment_size);
void rig_run_done(struct rig_run *run);
struct rig_log *rig_run_log(struct rig_run *run); /* the newest state */
/* Appends `count` entries of `size` bytes each at the log's term, after a cut at cut_index when that is not
 * 0. */
void rig_run_append(struct rig_run *run, uint64_t cut_index, size_t count, size_t size);
void rig_run_vote(struct rig_run *run, uint64_t term, uint8_t voter, size_t count, size_t size);
void rig_run_compact(struct rig_run *run, uint64_t index);
void rig_run_reset(struct rig_run *run, uint64_t index, uint64_t term);
/* A random step. */
void rig_run_step(struct rig_run *run, struct prng *p);
/* The last ticket that is durable after `count` operations. */
uint64_t rig_run_durable(const struct rig_run *run, size_t count);
/* The disk after all operations. */
struct rig_disk rig_run_disk(const struct rig_run *run);
void rig_recover(const struct rig_disk *disk, struct arena *arena, struct wal_recovery *ret);

#endif
