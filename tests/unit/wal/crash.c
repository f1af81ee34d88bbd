/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * A crash at any point: after every operation, with every subset of the sectors that were under way. What was
 * acknowledged is there, nothing else is but the one batch under way, and the log goes on from it, through
 * another crash too.
 */
#include <criterion/criterion.h>

#include "rig.h"

struct check {
    struct rig_run *run;
    uint64_t durable; /* the last ticket that was acknowledged */
    struct prng *p;
    bool again; /* crash a second time while going on */
    unsigned disks_count, corrupt_count;
};

static const struct rig_log *state_of(struct rig_run *run, uint64_t ticket) {
    return ticket < run->states.count ? &run->states.data[ticket] : NULL;
}

/* The state that the disk holds; fails the test if it holds none that it may. */
static const struct rig_log *disk_check(struct check *c, struct rig_disk *disk, struct wal_recovery *r,
                                        struct arena *arena) {
    const struct rig_log *before = state_of(c->run, c->durable), *after = state_of(c->run, c->durable + 1);
    rig_recover(disk, arena, r);
    bool good = r->verdict == WAL_CLEAN || r->verdict == WAL_TORN;
    if (c->durable == 0 && before->last == 0 && before->hard.term == 0)
        good = good || r->verdict == WAL_EMPTY;
    cr_assert(good, "after ticket %llu: %s: %s", (unsigned long long)c->durable, wal_verdict_str(r->verdict),
              r->text);
    bool voted = rig_vote_equal(&r->hard, &before->hard) || (after && rig_vote_equal(&r->hard, &after->hard));
    cr_assert(voted, "after ticket %llu: term %llu", (unsigned long long)c->durable,
              (unsigned long long)r->hard.term);
    if (rig_log_equal(before, r))
        return before;
    cr_assert(after && rig_log_equal(after, r), "after ticket %llu: the log holds (%llu, +%zu], %s",
              (unsigned long long)c->durable, (unsigned long long)r->base_index, r->entries_count, r->text);
    return after;
}

static void visit(struct rig_disk *disk, void *context);

/* Goes on with the disk, one more vote and some batches, crashing on the way if asked. */
static void go_on(struct check *c, struct rig_disk *disk, const struct rig_log *log,
                  const struct wal_recovery *r) {
    struct rig_run run;
    struct rig_log begin = *log;
    begin.hard = r->hard;
    if (begin.kept < r->base_index)
        begin.kept = r->base_index;
    rig_run_begin(&run, rig_disk_copy(disk), &begin, c->run->segment_size);
    rig_run_vote(&run, begin.hard.term + 1, 7, 2, 300);
    rig_run_append(&run, 0, 1, 700);
    rig_run_compact(&run, rig_run_log(&run)->last - 1);
    rig_run_append(&run, rig_run_log(&run)->last, 2, 900);
    for (size_t count = 0; c->again && count <= run.ops.list.count; count++) {
        struct check second = {.run = &run, .durable = rig_run_durable(&run, count), .p = c->p};
        rig_crash(&run.start, &run.ops, count, c->p, 2, visit, &second);
    }
    struct rig_disk end = rig_run_disk(&run);
    struct check last = {.run = &run, .durable = run.states.count - 1, .p = c->p};
    struct wal_recovery again;
    struct arena arena = {0};
    disk_check(&last, &end, &again, &arena);
    cr_assert_eq(again.verdict, WAL_CLEAN, "%s", again.text);
    cr_assert(rig_vote_equal(&again.hard, &rig_run_log(&run)->hard));
    arena_done(&arena);
    rig_disk_done(&end);
    rig_run_done(&run);
}

static void visit(struct rig_disk *disk, void *context) {
    struct check *c = context;
    struct wal_recovery r;
    struct arena arena = {0};
    const struct rig_log *log = disk_check(c, disk, &r, &arena);
    c->disks_count++;
    if (prng_below(c->p, c->again ? 2 : 8) == 0)
        go_on(c, disk, log, &r);
    arena_done(&arena);
}

static unsigned crash_everywhere(struct rig_run *run, uint64_t seed, bool again) {
    struct prng p;
    prng_init(&p, seed);
    unsigned disks_count = 0;
    for (size_t count = 0; count <= run->ops.list.count; count++) {
        struct check c = {.run = run, .durable = rig_run_durable(run, count), .p = &p, .again = again};
        rig_crash(&run->start, &run->ops, count, &p, 64, visit, &c);
        disks_count += c.disks_count;
    }
    return disks_count;
}

/* A little of everything: votes, batches of many sizes, a cut, a compaction, a reset, a batch larger than a
 * segment. */
static void script(struct rig_run *run) {
    rig_run_begin(run, (struct rig_disk){0}, NULL, 4096);
    rig_run_vote(run, 1, 1, 1, 20);
    rig_run_append(run, 0, 2, 100);
    rig_run_append(run, 0, 1, 1300);
    rig_run_vote(run, 2, 0, 0, 0);
    rig_run_vote(run, 2, 2, 3, 100);
    rig_run_append(run, 5, 2, 200);
    rig_run_append(run, 0, 2, 800);
    rig_run_compact(run, 5);
    rig_run_append(run, 0, 1, 6000);
    rig_run_append(run, 0, 3, 10);
    rig_run_reset(run, 40, 2);
    rig_run_vote(run, 3, 1, 2, 400);
    rig_run_append(run, 42, 1, 50);
}

Test(wal_crash, keeps_what_was_acknowledged_and_invents_nothing) {
    struct rig_run run;
    script(&run);
    unsigned disks_count = crash_everywhere(&run, 1, false);
    cr_assert_gt(disks_count, 600, "%u", disks_count);
    rig_run_done(&run);
}

/* Batches of up to ten sectors, both votes among them: each of the 1024 ways to lose some. */
Test(wal_crash, loses_nothing_whichever_sectors_of_a_large_batch_are_missing) {
    struct rig_run run;
    rig_run_begin(&run, (struct rig_disk){0}, NULL, 8192);
    rig_run_vote(&run, 1, 1, 3, 900);
    rig_run_append(&run, 0, 4, 1000);
    rig_run_vote(&run, 2, 2, 2, 1700);
    rig_run_append(&run, 7, 2, 1550);
    rig_run_compact(&run, 6);
    rig_run_vote(&run, 3, 3, 1, 3300);
    rig_run_append(&run, 9, 1, 3300);
    unsigned disks_count = crash_everywhere(&run, 4, false);
    cr_assert_gt(disks_count, 5000, "%u", disks_count);
    rig_run_done(&run);
}

Test(wal_crash, survives_a_second_crash_while_going_on) {
    struct rig_run run;
    rig_run_begin(&run, (struct rig_disk){0}, NULL, 4096);
    rig_run_vote(&run, 1, 1, 1, 20);
    rig_run_append(&run, 0, 1, 900);
    rig_run_append(&run, 0, 2, 900);
    rig_run_append(&run, 3, 1, 10);
    crash_everywhere(&run, 2, true);
    rig_run_done(&run);
}

Test(wal_crash, holds_in_random_runs_over_several_lives) {
    for (uint64_t seed = 0; seed < 150; seed++) {
        struct prng p;
        struct rig_disk disk = {0};
        struct rig_log log = {0};
        prng_init(&p, seed);
        for (unsigned life = 0; life < 4; life++) {
            struct rig_run run;
            rig_run_begin(&run, disk, &log, 4096 + 512 * prng_below(&p, 9));
            for (unsigned step = 0; step < 12; step++)
                rig_run_step(&run, &p);
            size_t count = (size_t)prng_below(&p, run.ops.list.count + 1);
            struct check c = {.run = &run, .durable = rig_run_durable(&run, count), .p = &p};
            rig_crash(&run.start, &run.ops, count, &p, 8, visit, &c);
            disk = rig_run_disk(&run);
            log = *rig_run_log(&run);
            struct wal_recovery r;
            struct arena arena = {0};
            rig_recover(&disk, &arena, &r);
            cr_assert_eq(r.verdict, WAL_CLEAN, "seed %llu: %s", (unsigned long long)seed, r.text);
            cr_assert(rig_log_equal(&log, &r), "seed %llu", (unsigned long long)seed);
            arena_done(&arena);
            rig_run_done(&run);
        }
        rig_disk_done(&disk);
    }
}

/* The entries up to the fault are the log's, and no vote is forgotten. */
static void corrupt_check(struct check *c, const struct wal_recovery *r) {
    const struct rig_log *before = state_of(c->run, c->durable), *after = state_of(c->run, c->durable + 1);
    cr_assert(rig_vote_equal(&r->hard, &before->hard) || (after && rig_vote_equal(&r->hard, &after->hard)),
              "after ticket %llu: term %llu", (unsigned long long)c->durable,
              (unsigned long long)r->hard.term);
    for (size_t i = 0; i < r->entries_count; i++) {
        const struct wire_raft_entry *e = &r->entries[i];
        bool known = (e->index <= before->last && e->term == before->terms[e->index]) ||
                     (after && e->index <= after->last && e->term == after->terms[e->index]);
        cr_assert(known, "after ticket %llu: entry %llu", (unsigned long long)c->durable,
                  (unsigned long long)e->index);
    }
}

static void visit_garbled(struct rig_disk *disk, void *context) {
    struct check *c = context;
    struct wal_recovery r;
    struct arena arena = {0};
    rig_recover(disk, &arena, &r);
    if (r.verdict == WAL_CORRUPT)
        corrupt_check(c, &r);
    else
        (void)disk_check(c, disk, &r, &arena);
    c->corrupt_count += r.verdict == WAL_CORRUPT;
    c->disks_count++;
    arena_done(&arena);
}

/* A disk whose sectors are not written whole or not at all: never believed, and nothing is forgotten for it.
 */
Test(wal_crash, a_half_written_sector_never_passes_for_a_whole_one_or_for_none) {
    static const size_t parts[] = {1, 7, 64, 256, 504, 505, 508, 511};
    struct rig_run run;
    struct prng p;
    unsigned disks_count = 0, corrupt_count = 0;
    script(&run);
    prng_init(&p, 3);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        for (size_t count = 0; count <= run.ops.list.count; count++) {
            struct check c = {.run = &run, .durable = rig_run_durable(&run, count), .p = &p};
            rig_crash_garbled(&run.start, &run.ops, count, &p, 8, parts[i], visit_garbled, &c);
            disks_count += c.disks_count;
            corrupt_count += c.corrupt_count;
        }
    }
    cr_assert_gt(corrupt_count, 1000, "of %u", disks_count);
    rig_run_done(&run);
}

/* Removed segments may be back after a crash, the newest of them first: directories are not flushed at once.
 */
Test(wal_crash, segments_that_come_back_after_their_removal_do_not_count) {
    struct rig_run run;
    script(&run);
    struct rig_disk disk = rig_disk_copy(&run.start);
    struct arena arena = {0};
    for (size_t i = 0; i < run.ops.list.count; i++) {
        struct wal_recovery r;
        if (run.ops.list.data[i].kind == DISK_REMOVE)
            continue;
        rig_disk_apply(&disk, &run.ops.list.data[i]);
        if (run.ops.list.data[i].kind != DISK_SYNC)
            continue;
        rig_recover(&disk, &arena, &r);
        cr_assert_eq(r.verdict, WAL_CLEAN, "%s", r.text);
        cr_assert(rig_log_equal(&run.states.data[rig_run_durable(&run, i + 1)], &r));
    }
    struct wal_options options = {.identity = rig_identity(1), .segment_size_bytes = 4096};
    struct wal *w = wal_new(&options, disk.files, disk.count);
    struct disk_op op;
    unsigned removed_count = 0;
    while (wal_drain(w, &op))
        removed_count += op.kind == DISK_REMOVE;
    cr_assert_geq(removed_count, 3, "what is left over is removed at the next start");
    wal_free(w);
    arena_done(&arena);
    rig_disk_done(&disk);
    rig_run_done(&run);
}
