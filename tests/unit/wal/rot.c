/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Rot, loss and mistakes: bits that flip, files that are cut, lost, swapped, brought from elsewhere or
 * written by a later version. None of it may pass for the traces of a crash.
 */
#include <criterion/criterion.h>

#include "../../../src/wal/segment.h"
#include "../../../src/wal/vote.h"
#include "rig.h"

/* Three segments in use and a spare. */
static struct rig_disk disk_of_run(struct rig_run *run) {
    rig_run_begin(run, (struct rig_disk){0}, NULL, 4096);
    rig_run_vote(run, 1, 1, 1, 20);
    rig_run_append(run, 0, 1, 1300);
    rig_run_append(run, 0, 2, 700);
    rig_run_vote(run, 2, 2, 1, 100);
    rig_run_append(run, 5, 1, 100);
    rig_run_append(run, 0, 1, 30);
    return rig_run_disk(run);
}

static enum wal_verdict verdict_of(const struct rig_disk *disk) {
    struct arena arena = {0};
    struct wal_recovery r;
    rig_recover(disk, &arena, &r);
    arena_done(&arena);
    return r.verdict;
}

/* The end of the last sector that was written: of a log segment, of what was acknowledged. */
static size_t end_of(const struct disk_file *f) {
    size_t end = f->data.size;
    while (end > 0 && bytes_are_zero(bytes_of(f->data.data + end - WAL_SECTOR_SIZE, WAL_SECTOR_SIZE)))
        end -= WAL_SECTOR_SIZE;
    return end;
}
static bool in_use(const struct disk_file *f) { return end_of(f) > 0; }

/* The segment that is written to; it and the spare are judged to their very end. */
static const char *const last_name = "log-0000000000000003";
static const char *const spare_name = "log-0000000000000004";

Test(wal_rot, each_flipped_bit_is_found_or_without_effect) {
    struct rig_run run;
    struct rig_disk disk = disk_of_run(&run);
    unsigned harmless_count = 0;
    struct arena arena = {0};
    for (size_t i = 0; i < disk.count; i++) {
        struct disk_file *f = &disk.files[i];
        size_t acknowledged = end_of(f);
        bool is_vote = strncmp(f->name, "vote", 4) == 0;
        bool to_the_end = strcmp(f->name, last_name) == 0 || strcmp(f->name, spare_name) == 0;
        for (size_t bit = 0; bit < f->data.size * 8; bit += bit < acknowledged * 8 ? 1 : 37) {
            struct wal_recovery r;
            rig_bytes(f)[bit / 8] = (uint8_t)(f->data.data[bit / 8] ^ 1u << bit % 8);
            rig_recover(&disk, &arena, &r);
            enum wal_verdict wanted =
                !is_vote && (to_the_end || bit / 8 < acknowledged) ? WAL_CORRUPT : WAL_CLEAN;
            cr_assert_eq(r.verdict, wanted, "%s bit %zu: %s", f->name, bit, r.text);
            if (r.verdict == WAL_CLEAN)
                cr_assert(rig_log_equal(rig_run_log(&run), &r));
            cr_assert(rig_vote_equal(&r.hard, &rig_run_log(&run)->hard), "%s bit %zu", f->name, bit);
            harmless_count += r.verdict == WAL_CLEAN && is_vote;
            rig_bytes(f)[bit / 8] = (uint8_t)(f->data.data[bit / 8] ^ 1u << bit % 8);
            arena_reset(&arena);
        }
    }
    cr_assert_eq(harmless_count, 2 * 512 * 8);
    arena_done(&arena);
    rig_disk_done(&disk);
    rig_run_done(&run);
}

Test(wal_rot, what_comes_before_the_fault_is_proven_and_handed_out) {
    struct rig_run run;
    struct rig_disk disk = disk_of_run(&run);
    struct arena arena = {0};
    struct wal_recovery r;
    struct rig_disk unused = disk;
    rig_run_log(&run)->hard.commit = 5;
    rig_run_vote(&run, 2, 2, 0, 0);
    disk = rig_run_disk(&run);
    rig_disk_done(&unused);
    rig_bytes(rig_disk_find(&disk, "log-0000000000000002"))[700] ^= 1;
    rig_recover(&disk, &arena, &r);
    cr_assert_eq(r.verdict, WAL_CORRUPT);
    cr_assert_eq(r.entries_count, 4, "the first segment's");
    cr_assert_eq(r.entries[1].data.size, 1300);
    cr_assert_leq(r.hard.commit, 4, "a hint is never ahead of the log");
    cr_assert(strstr(r.text, "log-0000000000000002 at offset 512: ") != NULL, "%s", r.text);
    arena_done(&arena);
    rig_disk_done(&disk);
    rig_run_done(&run);
}

Test(wal_rot, a_flipped_bit_beside_a_torn_tail_is_no_torn_tail) {
    struct rig_run run;
    struct rig_disk whole = disk_of_run(&run);
    rig_run_append(&run, 0, 1, 1300);
    struct rig_disk disk = rig_run_disk(&run);
    struct disk_file *before = rig_disk_find(&whole, last_name);
    struct disk_file *last = rig_disk_find(&disk, last_name);
    /* One sector of the last batch did not reach the disk. */
    size_t end = end_of(last);
    size_t hole = end - 2 * WAL_SECTOR_SIZE;
    cr_assert(bytes_are_zero(bytes_of(before->data.data + hole, WAL_SECTOR_SIZE)));
    memset(rig_bytes(last) + hole, 0, WAL_SECTOR_SIZE);
    cr_assert_eq(verdict_of(&disk), WAL_TORN);
    for (size_t bit = 0; bit < end * 8; bit += 5) {
        if (bit / 8 >= hole && bit / 8 < hole + WAL_SECTOR_SIZE)
            continue;
        rig_bytes(last)[bit / 8] = (uint8_t)(last->data.data[bit / 8] ^ 1u << bit % 8);
        cr_assert_eq(verdict_of(&disk), WAL_CORRUPT, "bit %zu", bit);
        rig_bytes(last)[bit / 8] = (uint8_t)(last->data.data[bit / 8] ^ 1u << bit % 8);
    }
    rig_disk_done(&whole);
    rig_disk_done(&disk);
    rig_run_done(&run);
}

Test(wal_rot, a_sector_of_zeros_before_the_last_batch_is_no_torn_tail) {
    struct rig_run run;
    struct rig_disk disk = disk_of_run(&run);
    unsigned zeroed_count = 0;
    for (size_t i = 0; i < disk.count; i++) {
        struct disk_file *f = &disk.files[i];
        if (strncmp(f->name, "log-", 4) != 0)
            continue;
        size_t end = end_of(f);
        bool last = strcmp(f->name, last_name) == 0;
        for (size_t at = 0; at + (last ? WAL_SECTOR_SIZE : 0) < end; at += WAL_SECTOR_SIZE) {
            uint8_t saved[WAL_SECTOR_SIZE];
            memcpy(saved, f->data.data + at, sizeof saved);
            memset(rig_bytes(f) + at, 0, sizeof saved);
            cr_assert_eq(verdict_of(&disk), WAL_CORRUPT, "%s at %zu", f->name, at);
            memcpy(rig_bytes(f) + at, saved, sizeof saved);
            zeroed_count++;
        }
    }
    cr_assert_geq(zeroed_count, 8);
    rig_disk_done(&disk);
    rig_run_done(&run);
}

Test(wal_rot, a_batch_with_all_records_but_no_commit_marker_is_torn) {
    struct rig_run run;
    struct rig_disk whole = disk_of_run(&run);
    /* Sized so that the marker alone falls into a sector of its own. */
    rig_run_append(&run, 0, 1, 504 - 8 - 16);
    struct rig_disk disk = rig_run_disk(&run);
    struct disk_file *last = rig_disk_find(&disk, last_name);
    size_t end = end_of(last);
    memset(rig_bytes(last) + end - WAL_SECTOR_SIZE, 0, WAL_SECTOR_SIZE);
    struct arena arena = {0};
    struct wal_recovery r;
    rig_recover(&disk, &arena, &r);
    cr_assert_eq(r.verdict, WAL_TORN);
    cr_assert(rig_log_equal(&run.states.data[run.states.count - 2], &r));
    arena_done(&arena);
    rig_disk_done(&whole);
    rig_disk_done(&disk);
    rig_run_done(&run);
}

Test(wal_rot, a_file_that_was_cut_short_is_corrupt) {
    struct rig_run run;
    struct rig_disk disk = disk_of_run(&run);
    for (size_t i = 0; i < disk.count; i++) {
        struct disk_file *f = &disk.files[i];
        size_t size = f->data.size;
        if (strncmp(f->name, "log-", 4) != 0 || !in_use(f))
            continue;
        size_t limit = strcmp(f->name, last_name) == 0 ? size : end_of(f);
        for (size_t cut = 0; cut < limit; cut += 64) {
            f->data.size = cut;
            cr_assert_eq(verdict_of(&disk), WAL_CORRUPT, "%s cut to %zu", f->name, cut);
        }
        f->data.size = size;
    }
    cr_assert_eq(verdict_of(&disk), WAL_CLEAN);
    rig_disk_done(&disk);
    rig_run_done(&run);
}

Test(wal_rot, a_missing_segment_is_corrupt_the_spare_is_not_missed) {
    struct rig_run run;
    struct rig_disk disk = disk_of_run(&run);
    for (size_t i = 0; i < disk.count; i++) {
        struct rig_disk less = rig_disk_copy(&disk);
        bool log = strncmp(disk.files[i].name, "log-", 4) == 0;
        rig_disk_remove(&less, disk.files[i].name);
        enum wal_verdict wanted = log && in_use(&disk.files[i]) ? WAL_CORRUPT : WAL_CLEAN;
        cr_assert_eq(verdict_of(&less), wanted, "without %s", disk.files[i].name);
        rig_disk_done(&less);
    }
    for (size_t i = disk.count; i-- > 0;) {
        if (strncmp(disk.files[i].name, "log-", 4) == 0)
            rig_disk_remove(&disk, disk.files[i].name);
    }
    cr_assert_eq(verdict_of(&disk), WAL_CORRUPT, "without any segment");
    rig_disk_done(&disk);
    rig_run_done(&run);
}

Test(wal_rot, a_lost_log_does_not_mean_a_forgotten_vote) {
    struct rig_run run;
    struct rig_disk unused = disk_of_run(&run);
    /* A vote within a term, its copy once the first and once the second. */
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i <= round; i++)
            rig_run_vote(&run, 10 + 3 * round + i, 0, 0, 0);
        rig_run_vote(&run, 10 + 4 * round, 1, 0, 0);
        struct rig_disk disk = rig_run_disk(&run);
        struct arena arena = {0};
        struct wal_recovery r;
        for (size_t i = disk.count; i-- > 0;) {
            if (strncmp(disk.files[i].name, "log-", 4) == 0)
                rig_disk_remove(&disk, disk.files[i].name);
        }
        rig_recover(&disk, &arena, &r);
        cr_assert_eq(r.verdict, WAL_CORRUPT);
        cr_assert(rig_vote_equal(&r.hard, &rig_run_log(&run)->hard), "round %u", round);
        arena_done(&arena);
        rig_disk_done(&disk);
    }
    rig_disk_done(&unused);
    rig_run_done(&run);
}

/* Zeros where acknowledged batches were look like space that was never written; the vote copies know better.
 */
Test(wal_rot, batches_lost_to_zeros_before_a_vote_are_missed) {
    struct rig_run run;
    struct rig_disk unused = disk_of_run(&run);
    struct disk_file *early = rig_disk_find(&unused, last_name);
    size_t before = end_of(early);
    rig_run_append(&run, 0, 1, 30);
    rig_run_vote(&run, 9, 1, 0, 0);
    struct rig_disk disk = rig_run_disk(&run);
    struct disk_file *f = rig_disk_find(&disk, last_name);
    memset(rig_bytes(f) + before, 0, f->data.size - before);
    cr_assert_eq(verdict_of(&disk), WAL_CORRUPT);
    rig_disk_done(&disk);
    rig_disk_done(&unused);
    rig_run_done(&run);
}

/* The first batch of the next segment was under way: its header alone proves where the segment before ends.
 */
Test(wal_rot, a_segment_that_lost_its_last_batch_is_told_by_the_header_of_the_next) {
    struct rig_run run;
    struct rig_disk before = disk_of_run(&run);
    rig_run_append(&run, rig_run_log(&run)->last, 1, 30);
    struct rig_disk disk = rig_run_disk(&run);
    struct disk_file *f = rig_disk_find(&disk, last_name), *next = rig_disk_find(&disk, spare_name);
    memset(rig_bytes(next) + SECTOR_SIZE, 0, next->data.size - SECTOR_SIZE);
    static const char *const votes[] = {"vote-0", "vote-1"};
    for (size_t i = 0; i < 2; i++)
        memcpy(rig_bytes(rig_disk_find(&disk, votes[i])), rig_disk_find(&before, votes[i])->data.data,
               SECTOR_SIZE);
    cr_assert_eq(verdict_of(&disk), WAL_TORN);
    memset(rig_bytes(f) + end_of(f) - SECTOR_SIZE, 0, SECTOR_SIZE);
    cr_assert_eq(verdict_of(&disk), WAL_CORRUPT);
    rig_disk_done(&disk);
    rig_disk_done(&before);
    rig_run_done(&run);
}

/* Checksums right, contents wrong: what no disk does, but a bug of a writer might. */
Test(wal_rot, a_batch_that_ends_with_the_marker_of_another_is_corrupt) {
    struct segment_header header = {
        .size = 4096, .sequence = 1, .first_index = 1, .identity = rig_identity(1)};
    for (unsigned wrong = 0; wrong < 4; wrong++) {
        struct rig_disk disk = {0};
        struct disk_op op = {.kind = DISK_CREATE, .name = "log-0000000000000001", .size = 4096};
        struct buf stream = {0}, sectors = {0};
        uint8_t payload[16];
        rig_disk_apply(&disk, &op);
        uint32_t chain = segment_header_encode(&header, rig_bytes(&disk.files[0]));
        size_t at = frame_open(&stream);
        put_u64(payload, 1);
        buf_append(&stream, payload, 8);
        chain = frame_close(&stream, at, RECORD_START, chain);
        at = frame_open(&stream);
        put_u64(payload, commit_word(wrong == 1 ? 2 : 1, wrong == 2 ? 2 : 1));
        put_u64(payload + 8, wrong == 3 ? 7 : 0);
        buf_append(&stream, payload, 16);
        frame_close(&stream, at, RECORD_COMMIT, chain);
        sectors_pack(buf_bytes(&stream), 1, 1, 1, &sectors);
        memcpy(rig_bytes(&disk.files[0]) + SECTOR_SIZE, sectors.data, sectors.size);
        cr_assert_eq(verdict_of(&disk), wrong ? WAL_CORRUPT : WAL_CLEAN);
        buf_done(&stream);
        buf_done(&sectors);
        rig_disk_done(&disk);
    }
}

Test(wal_rot, swapped_segments_are_corrupt) {
    struct rig_run run;
    struct rig_disk disk = disk_of_run(&run);
    struct disk_file *x = rig_disk_find(&disk, "log-0000000000000001");
    struct disk_file *y = rig_disk_find(&disk, "log-0000000000000002");
    struct bytes data = x->data;
    x->data = y->data;
    y->data = data;
    cr_assert_eq(verdict_of(&disk), WAL_CORRUPT);
    rig_disk_done(&disk);
    rig_run_done(&run);
}

Test(wal_rot, a_sector_at_the_wrong_place_is_corrupt) {
    struct rig_run run;
    struct rig_disk disk = disk_of_run(&run);
    struct disk_file *f = rig_disk_find(&disk, "log-0000000000000001");
    uint8_t saved[WAL_SECTOR_SIZE];
    memcpy(saved, f->data.data + 1024, sizeof saved);
    memcpy(rig_bytes(f) + 1024, f->data.data + 512, sizeof saved);
    cr_assert_eq(verdict_of(&disk), WAL_CORRUPT);
    rig_disk_done(&disk);
    rig_run_done(&run);
}

/* An older segment put back in its place, as a restored backup of one file would. */
Test(wal_rot, a_segment_from_an_earlier_time_is_corrupt) {
    struct rig_run run;
    struct rig_disk early = disk_of_run(&run);
    rig_run_append(&run, 0, 1, 30);
    rig_run_append(&run, rig_run_log(&run)->last, 1, 30);
    struct rig_disk disk = rig_run_disk(&run);
    struct disk_file *now = rig_disk_find(&disk, last_name);
    struct disk_file *then = rig_disk_find(&early, last_name);
    cr_assert_eq(verdict_of(&disk), WAL_CLEAN);
    memcpy(rig_bytes(now), then->data.data, then->data.size);
    cr_assert_eq(verdict_of(&disk), WAL_CORRUPT);
    rig_disk_done(&early);
    rig_disk_done(&disk);
    rig_run_done(&run);
}

Test(wal_rot, a_log_of_another_identity_is_foreign) {
    struct rig_run run;
    struct rig_disk disk = disk_of_run(&run);
    struct arena arena = {0};
    struct wal_recovery r;
    for (unsigned part = 0; part < 3; part++) {
        struct wire_log_identity other = rig_identity(1);
        (part == 0 ? other.cluster.b : part == 1 ? other.node.b : other.log.b)[3] ^= 1;
        wal_recover(disk.files, disk.count, &other, &arena, &r);
        cr_assert_eq(r.verdict, WAL_FOREIGN);
    }
    wal_recover(disk.files, disk.count, NULL, &arena, &r);
    cr_assert_eq(r.verdict, WAL_CLEAN);
    cr_assert_arr_eq(r.identity.log.b, rig_identity(1).log.b, ID_SIZE);
    arena_done(&arena);
    rig_disk_done(&disk);
    rig_run_done(&run);
}

Test(wal_rot, one_foreign_segment_among_the_own_is_foreign) {
    struct rig_run run;
    struct rig_disk disk = disk_of_run(&run);
    struct disk_file *f = rig_disk_find(&disk, "log-0000000000000002");
    struct segment s;
    struct arena arena = {0};
    segment_scan(2, f->data, &arena, &s);
    s.header.identity = rig_identity(9);
    segment_header_encode(&s.header, rig_bytes(f));
    cr_assert_eq(verdict_of(&disk), WAL_FOREIGN);
    arena_done(&arena);
    rig_disk_done(&disk);
    rig_run_done(&run);
}

Test(wal_rot, a_later_format_is_told_as_such) {
    struct rig_run run;
    struct rig_disk disk = disk_of_run(&run);
    struct disk_file *f = rig_disk_find(&disk, "log-0000000000000002");
    uint8_t saved[SECTOR_SIZE];
    memcpy(saved, f->data.data, sizeof saved);
    put_u32(rig_bytes(f) + 8, 2);
    sector_seal(rig_bytes(f), 2, 0, 0);
    cr_assert_eq(verdict_of(&disk), WAL_VERSION);
    memcpy(rig_bytes(f), saved, sizeof saved);
    f = rig_disk_find(&disk, "vote-1");
    put_u32(rig_bytes(f) + 8, 2);
    sector_seal(rig_bytes(f), 0, 1, 0);
    cr_assert_eq(verdict_of(&disk), WAL_VERSION);
    rig_disk_done(&disk);
    rig_run_done(&run);
}

/* Any two of the three that know of a segment's first batch: the segment itself, and a copy of the vote. */
Test(wal_rot, the_last_segment_is_missed_even_if_a_vote_copy_is_lost_with_it) {
    static const char *const votes[] = {"vote-0", "vote-1"};
    for (unsigned opened = 1; opened <= 4; opened++) { /* by one batch each, so that either was the newer */
        for (unsigned lost = 0; lost < 4; lost++) {
            struct rig_run run;
            struct rig_disk unused = disk_of_run(&run);
            for (unsigned i = 0; i < opened; i++)
                rig_run_append(&run, rig_run_log(&run)->last, 1, 30);
            struct rig_disk disk = rig_run_disk(&run);
            char name[WAL_NAME_SIZE];
            segment_name(3 + opened, name);
            cr_assert(in_use(rig_disk_find(&disk, name)));
            rig_disk_remove(&disk, name);
            if (lost < 2)
                rig_disk_remove(&disk, votes[lost]);
            else
                rig_bytes(rig_disk_find(&disk, votes[lost - 2]))[20] ^= 4;
            cr_assert_eq(verdict_of(&disk), WAL_CORRUPT, "%u opened, %u lost", opened, lost);
            rig_disk_done(&disk);
            rig_disk_done(&unused);
            rig_run_done(&run);
        }
    }
}

/* Then nobody knows whether the last segment that is there is the last that there was. */
Test(wal_rot, a_log_without_both_vote_copies_is_not_believed) {
    struct rig_run run;
    struct rig_disk disk = disk_of_run(&run);
    rig_disk_remove(&disk, "vote-0");
    struct arena arena = {0};
    struct wal_recovery r;
    rig_recover(&disk, &arena, &r);
    cr_assert_eq(r.verdict, WAL_CLEAN);
    cr_assert(r.vote_damaged);
    cr_assert(strstr(r.text, "vote-0 was missing") != NULL, "%s", r.text);
    rig_bytes(rig_disk_find(&disk, "vote-1"))[20] ^= 4;
    cr_assert_eq(verdict_of(&disk), WAL_CORRUPT);
    rig_disk_remove(&disk, "vote-1");
    cr_assert_eq(verdict_of(&disk), WAL_CORRUPT);
    arena_done(&arena);
    rig_disk_done(&disk);
    rig_run_done(&run);
}

Test(wal_rot, a_lost_vote_copy_is_made_anew) {
    struct rig_run run;
    struct rig_disk disk = disk_of_run(&run);
    struct wal_options options = {.identity = rig_identity(1), .segment_size_bytes = 4096};
    rig_bytes(rig_disk_find(&disk, "vote-1"))[20] ^= 4;
    struct wal *w = wal_new(&options, disk.files, disk.count);
    struct disk_op op;
    unsigned replaced_count = 0;
    while (wal_drain(w, &op)) {
        replaced_count += op.kind == DISK_REPLACE;
        rig_disk_apply(&disk, &op);
    }
    cr_assert_eq(replaced_count, 2);
    for (unsigned copy = 0; copy < 2; copy++) {
        struct vote v;
        cr_assert_eq(vote_decode(rig_disk_find(&disk, copy ? "vote-1" : "vote-0")->data, copy, &v),
                     VOTE_GOOD);
        cr_assert(rig_vote_equal(&v.hard, &rig_run_log(&run)->hard));
    }
    wal_free(w);
    rig_disk_done(&disk);
    rig_run_done(&run);
}

/* One piece of damage, not to zeros: those may look like what was never written. */
static void damage(struct rig_disk *disk, struct prng *p) {
    struct disk_file *f = &disk->files[prng_below(p, disk->count)];
    struct disk_file *g = &disk->files[prng_below(p, disk->count)];
    if (f->data.size == 0)
        return;
    size_t at = (size_t)prng_below(p, f->data.size), sector = at - at % WAL_SECTOR_SIZE;
    size_t size = f->data.size - sector < WAL_SECTOR_SIZE ? f->data.size - sector : WAL_SECTOR_SIZE;
    switch (prng_below(p, 5)) {
    case 0: rig_bytes(f)[at] ^= (uint8_t)(1 << prng_below(p, 8)); break;
    case 1: rig_bytes(f)[at] = (uint8_t)(f->data.data[at] + 1 + prng_below(p, 255)); break;
    case 2: prng_fill(p, rig_bytes(f) + sector, size); break;
    case 3:
        if (g->data.size >= sector + size)
            memcpy(rig_bytes(g) + sector, f->data.data + sector, size);
        break;
    default: f->data.size = at; break;
    }
}

/* What a sector that is copied over one that was written could leave behind: its last batch in zeros. */
static bool lost_to_zeros(const struct rig_disk *whole, const struct rig_disk *disk) {
    for (size_t i = 0; i < whole->count; i++) {
        const struct disk_file *f = &whole->files[i], *g = &disk->files[i];
        for (size_t at = 0; at + WAL_SECTOR_SIZE <= f->data.size && at + WAL_SECTOR_SIZE <= g->data.size;
             at += WAL_SECTOR_SIZE)
            if (bytes_are_zero(bytes_of(g->data.data + at, WAL_SECTOR_SIZE)) &&
                !bytes_are_zero(bytes_of(f->data.data + at, WAL_SECTOR_SIZE)))
                return true;
    }
    return false;
}

Test(wal_rot, damage_anywhere_after_any_run_is_found_or_without_effect) {
    unsigned found_count = 0, harmless_count = 0;
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct rig_run run;
        struct prng p;
        struct rig_log empty = {0};
        prng_init(&p, seed);
        rig_run_begin(&run, (struct rig_disk){0}, &empty, 4096 + 512 * prng_below(&p, 9));
        rig_run_vote(&run, 1, 1, 1, 20);
        for (unsigned step = 0; step < 14; step++)
            rig_run_step(&run, &p);
        struct rig_disk whole = rig_run_disk(&run);
        for (unsigned round = 0; round < 150; round++) {
            struct rig_disk disk = rig_disk_copy(&whole);
            struct arena arena = {0};
            struct wal_recovery r;
            damage(&disk, &p);
            rig_recover(&disk, &arena, &r);
            found_count += r.verdict == WAL_CORRUPT;
            cr_assert(rig_vote_equal(&r.hard, &rig_run_log(&run)->hard), "seed %llu: %s",
                      (unsigned long long)seed, r.text);
            if (r.verdict != WAL_CORRUPT && !lost_to_zeros(&whole, &disk)) {
                cr_assert(rig_log_equal(rig_run_log(&run), &r), "seed %llu: %s", (unsigned long long)seed,
                          r.text);
                harmless_count++;
            }
            arena_done(&arena);
            rig_disk_done(&disk);
        }
        rig_disk_done(&whole);
        rig_run_done(&run);
    }
    cr_assert_gt(found_count, 3000);
    cr_assert_gt(harmless_count, 1000);
}

Test(wal_rot, random_bytes_never_pass_for_a_log) {
    struct prng p;
    prng_init(&p, 5);
    for (unsigned round = 0; round < 200; round++) {
        struct rig_disk disk = {0};
        struct disk_op op = {
            .kind = DISK_CREATE, .name = "log-0000000000000001", .size = prng_below(&p, 6000)};
        rig_disk_apply(&disk, &op);
        prng_fill(&p, rig_bytes(&disk.files[0]), disk.files[0].data.size);
        enum wal_verdict verdict = verdict_of(&disk);
        cr_assert(verdict == WAL_CORRUPT || (disk.files[0].data.size == 0 && verdict == WAL_EMPTY));
        rig_disk_done(&disk);
    }
}
