/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include <criterion/criterion.h>
#include <signal.h>

#include "../../../src/wal/segment.h"
#include "../../../src/wal/vote.h"
#include "rig.h"

static void recover_clean(struct rig_run *run, struct wal_recovery *r) {
    struct rig_disk disk = rig_run_disk(run);
    rig_recover(&disk, &run->arena, r);
    cr_assert_eq(r->verdict, WAL_CLEAN, "%s", r->text);
    cr_assert(rig_log_equal(rig_run_log(run), r));
    cr_assert(rig_vote_equal(&rig_run_log(run)->hard, &r->hard));
    rig_disk_done(&disk);
}

static unsigned ops_count(const struct rig_run *run, size_t from, enum disk_op_kind kind) {
    unsigned count = 0;
    for (size_t i = from; i < run->ops.list.count; i++)
        count += run->ops.list.data[i].kind == kind;
    return count;
}

static void begin(struct rig_run *run, uint64_t segment_size) {
    rig_run_begin(run, (struct rig_disk){0}, NULL, segment_size);
}

/* ---- the format, by byte ------------------------------------------------------------------------------- */

/* The bytes up to the trailing zeros of the body, then the trailer, against hex digits (blanks are skipped).
 */
static void sector_is(const uint8_t *sector, const char *digits) {
    struct buf wanted = {0}, hex = {0};
    uint8_t bytes[SECTOR_SIZE] = {0};
    for (const char *at = digits; *at; at++) {
        if (*at != ' ')
            buf_append_byte(&hex, (uint8_t)*at);
    }
    size_t size = hex.size / 2;
    cr_assert_eq(hex_decode(buf_bytes(&hex), bytes, size), 0);
    struct buf found = {0};
    buf_append_hex(&found, bytes_of(sector, size - 8));
    buf_append_hex(&found, bytes_of(sector + SECTOR_BODY_SIZE, 8));
    buf_append_hex(&wanted, bytes_of(bytes, size));
    cr_assert_str_eq(buf_str(&found), buf_str(&wanted));
    cr_assert(bytes_are_zero(bytes_of(sector + size - 8, SECTOR_BODY_SIZE - (size - 8))));
    buf_done(&hex);
    buf_done(&wanted);
    buf_done(&found);
}

/* Checked once by a second implementation of CRC-32C and of the framing. */
#define HEADER_DIGITS                                                                                        \
    "636f7665796c6f67 010000003a000000 0010000000000000 0100000000000000 "                                   \
    "0100000000000000 0000000000000000 0000000000000000 0000000000000000 "                                   \
    "8301c410c0c0c0c0 c0c0c0c0c0c0c0c0 c0c0c0c002c410d0 d0d0d0d0d0d0d0d0 "                                   \
    "d0d0d0d0d0d0d003 c410010101010101 0101010101010101 0101000000000000 "                                   \
    "00000000f0a950d5"
#define BATCH_DIGITS                                                                                         \
    "08000005a8c780ab 0100000000000000 260000025aac95a0 82010302c4201111 "                                   \
    "1111111111111111 1111111111111212 1212121212121212 1212121212120000 "                                   \
    "0d00000145994563 8401010203030104 c403616263000000 100000063b22725f "                                   \
    "0300000001000000 0100000000000000 01000000cc44dd54"
#define VOTE_DIGITS                                                                                          \
    "636f766579766f74 0100000000000000 0100000000000000 0100000000000000 "                                   \
    "0010000000000000 0000000000000000 0000000000000000 3a0000008301c410 "                                   \
    "c0c0c0c0c0c0c0c0 c0c0c0c0c0c0c0c0 02c410d0d0d0d0d0 d0d0d0d0d0d0d0d0 "                                   \
    "d0d0d003c4100101 0101010101010101 0101010101010000 0000000000000000 "                                   \
    "0000000000000000 0000000000000000 0000000000000000 0000000000000000 "                                   \
    "0000000000000000 0000000000000000 0000000000000000 2600000082010302 "                                   \
    "c420111111111111 1111111111111111 1111121212121212 1212121212121212 "                                   \
    "1212000000000000 000000003aa6c4ed"

Test(wal_format, is_what_log_md_says) {
    struct wire_hard_state hard = {.term = 3, .vote = rig_voter(0x11), .commit = 0};
    struct wire_raft_entry entry = {
        .index = 1, .term = 3, .kind = ENTRY_KIND_COMMAND, .data = bytes_str("abc")};
    struct rig_run run;
    begin(&run, 4096);
    cr_assert_eq(wal_append(run.wal, 1, &hard, 0, &entry, 1), 0);
    rig_ops_collect(&run.ops, run.wal);
    struct rig_disk disk = rig_run_disk(&run);
    const uint8_t *log = rig_disk_find(&disk, "log-0000000000000001")->data.data;
    sector_is(log, HEADER_DIGITS);
    sector_is(log + 512, BATCH_DIGITS);
    sector_is(rig_disk_find(&disk, "vote-0")->data.data, VOTE_DIGITS);
    rig_disk_done(&disk);
    rig_run_done(&run);
}

Test(wal_format, names_segments_by_their_number) {
    char name[WAL_NAME_SIZE];
    uint64_t sequence = 0;
    segment_name(0xabc, name);
    cr_assert_str_eq(name, "log-0000000000000abc");
    cr_assert(segment_name_parse(name, &sequence));
    cr_assert_eq(sequence, 0xabc);
    name[19] = 'C';
    cr_assert_not(segment_name_parse(name, &sequence));
}

/* ---- batches ------------------------------------------------------------------------------------------- */

Test(wal_writer, a_batch_is_one_write_and_one_flush) {
    struct rig_run run;
    begin(&run, 65536);
    rig_run_vote(&run, 1, 1, 1, 100);
    size_t from = run.ops.list.count;
    rig_run_append(&run, 0, 20, 100);
    cr_assert_eq(run.ops.list.count - from, 2);
    cr_assert_eq(run.ops.list.data[from].kind, DISK_WRITE);
    cr_assert_eq(run.ops.list.data[from + 1].kind, DISK_SYNC);
    cr_assert_eq(run.ops.list.data[from + 1].ticket, 2);
    rig_run_done(&run);
}

Test(wal_writer, term_and_vote_ride_in_the_same_flush_in_both_copies) {
    struct rig_run run;
    begin(&run, 65536);
    rig_run_vote(&run, 1, 1, 1, 100);
    for (size_t i = 0; i < 3; i++) {
        size_t from = run.ops.list.count;
        rig_run_vote(&run, 2 + i, 0, 0, 0);
        cr_assert_eq(run.ops.list.count - from, 4);
        cr_assert_str_eq(run.ops.list.data[from + 1].name, "vote-0");
        cr_assert_str_eq(run.ops.list.data[from + 2].name, "vote-1");
        cr_assert_eq(run.ops.list.data[from + 1].data.size, 512);
        cr_assert_eq(run.ops.list.data[from + 2].data.size, 512);
        cr_assert_eq(run.ops.list.data[from + 3].kind, DISK_SYNC);
    }
    rig_run_done(&run);
}

/* A vote is written and the power goes: so many of its copies came onto the disk, and nothing of its batch.
 * The next run has begun; what it should know. */
static struct rig_log crashed_with_votes(struct rig_run *run, size_t copies) {
    begin(run, 65536);
    rig_run_vote(run, 1, 1, 3, 100);
    struct rig_log log = *rig_run_log(run);
    struct rig_disk disk = rig_run_disk(run);
    size_t from = run->ops.list.count;
    rig_run_vote(run, 2, 2, 0, 0);
    for (size_t i = 1; i <= copies; i++) { /* behind the batch */
        cr_assert_str_eq(run->ops.list.data[from + i].name, i == 1 ? "vote-0" : "vote-1");
        rig_disk_apply(&disk, &run->ops.list.data[from + i]);
    }
    log.hard = rig_run_log(run)->hard;
    rig_run_done(run);
    rig_run_begin(run, disk, &log, 65536);
    return log;
}

/* A crash between the two: what only one of them holds must not hang on that one. */
Test(wal_writer, copies_of_the_vote_that_differ_are_made_one_at_the_start) {
    struct rig_run run;
    struct rig_log log = crashed_with_votes(&run, 1);
    struct rig_disk disk = rig_run_disk(&run);
    rig_disk_remove(&disk, "vote-0");
    struct wal_recovery r;
    rig_recover(&disk, &run.arena, &r);
    cr_assert_eq(r.verdict, WAL_CLEAN, "%s", r.text);
    cr_assert(rig_vote_equal(&r.hard, &log.hard));
    rig_disk_done(&disk);
    rig_run_done(&run);
}

Test(wal_writer, a_commit_hint_alone_does_not_write_the_vote) {
    struct rig_run run;
    struct wal_recovery r;
    begin(&run, 65536);
    rig_run_vote(&run, 1, 1, 3, 100);
    size_t from = run.ops.list.count;
    rig_run_log(&run)->hard.commit = 2;
    rig_run_vote(&run, 1, 1, 0, 0);
    cr_assert_eq(run.ops.list.count - from, 2);
    recover_clean(&run, &r);
    cr_assert_eq(r.hard.commit, 2);
    rig_run_done(&run);
}

Test(wal_writer, a_commit_hint_ahead_of_the_log_comes_back_at_its_end) {
    struct rig_run run;
    struct wal_recovery r;
    begin(&run, 65536);
    rig_run_log(&run)->hard.commit = 99;
    rig_run_vote(&run, 1, 1, 3, 100);
    recover_clean(&run, &r);
    cr_assert_eq(r.hard.commit, 3);
    rig_run_done(&run);
}

/* The first of each is what raft would have to do for a hole in the log. */
#define ABORTS(name, ...)                                                                                    \
    Test(wal_writer, name, .signal = SIGABRT) {                                                              \
        struct rig_run run;                                                                                  \
        begin(&run, 4096);                                                                                   \
        rig_run_vote(&run, 1, 1, 3, 100);                                                                    \
        __VA_ARGS__                                                                                          \
    }
ABORTS(entries_behind_a_gap_are_a_programmers_error, struct wire_raft_entry gap = {.index = 5, .term = 1};
       wal_append(run.wal, 2, NULL, 0, &gap, 1);)
ABORTS(entries_that_are_there_already_are_a_programmers_error,
       struct wire_raft_entry again = {.index = 3, .term = 1};
       wal_append(run.wal, 2, NULL, 0, &again, 1);)
ABORTS(an_entry_that_is_too_large_is_a_programmers_error,
       struct wire_raft_entry large = {.index = 4,
                                       .term = 1,
                                       .data = {(const uint8_t *)"", WIRE_ENTRY_MAX + 1}};
       wal_append(run.wal, 2, NULL, 0, &large, 1);)
ABORTS(a_cut_behind_the_snapshot_is_a_programmers_error, rig_run_reset(&run, 10, 1);
       wal_append(run.wal, 3, NULL, 10, NULL, 0);)

Test(wal_writer, a_cut_of_nothing_is_none) {
    struct rig_run run;
    begin(&run, 65536);
    rig_run_vote(&run, 1, 1, 3, 100);
    size_t from = run.ops.list.count;
    rig_run_append(&run, 4, 1, 100);
    cr_assert_eq(run.ops.list.count - from, 2, "no new segment");
    rig_run_done(&run);
}

/* Of all segments. */
static uint64_t disk_size(const struct rig_run *run) {
    struct rig_disk disk = rig_run_disk(run);
    uint64_t size = 0, sequence;
    for (size_t i = 0; i < disk.count; i++)
        size += segment_name_parse(disk.files[i].name, &sequence) ? disk.files[i].data.size : 0;
    rig_disk_done(&disk);
    return size;
}

/* ---- segments ------------------------------------------------------------------------------------------ */

Test(wal_writer, the_first_segment_is_small_and_the_next_is_made_one_ahead_behind_the_flush) {
    struct rig_run run;
    begin(&run, 0);
    cr_assert_eq(run.ops.list.data[0].kind, DISK_CREATE);
    cr_assert_eq(ops_count(&run, 0, DISK_CREATE), 3, "vote-0, vote-1, log-1");
    cr_assert_eq(disk_size(&run), 256 * 1024);
    rig_run_vote(&run, 1, 1, 1, 100);
    const struct disk_op *last = &run.ops.list.data[run.ops.list.count - 1];
    cr_assert_eq(last->kind, DISK_CREATE);
    cr_assert_str_eq(last->name, "log-0000000000000002");
    cr_assert_eq(last->size, 8 << 20);
    cr_assert_eq(last[-1].kind, DISK_SYNC);
    rig_run_done(&run);
}

Test(wal_writer, a_cut_begins_a_new_segment) {
    struct rig_run run;
    struct wal_recovery r;
    begin(&run, 65536);
    rig_run_vote(&run, 1, 1, 5, 100);
    size_t from = run.ops.list.count;
    rig_run_append(&run, 3, 2, 50);
    cr_assert_str_eq(run.ops.list.data[from].name, "log-0000000000000002");
    cr_assert_eq(run.ops.list.data[from].offset, 0);
    recover_clean(&run, &r);
    cr_assert_eq(r.entries_count, 4);
    cr_assert_eq(r.entries[2].data.size, 50);
    rig_run_done(&run);
}

Test(wal_writer, an_entry_of_the_largest_size_fits_whatever_the_segment_size) {
    struct rig_run run;
    struct wal_recovery r;
    begin(&run, 4096);
    rig_run_vote(&run, 1, 1, 1, 100);
    rig_run_append(&run, 0, 1, WIRE_ENTRY_MAX);
    rig_run_append(&run, 0, 1, 10);
    recover_clean(&run, &r);
    cr_assert_eq(r.entries[1].data.size, WIRE_ENTRY_MAX);
    rig_run_done(&run);
}

Test(wal_writer, batches_of_any_size_fill_segments_exactly) {
    for (size_t size = 0; size < 1100; size += 7) {
        struct rig_run run;
        struct wal_recovery r;
        begin(&run, 4096);
        rig_run_vote(&run, 1, 1, 1, size);
        for (unsigned i = 0; i < 12; i++)
            rig_run_append(&run, 0, 1 + i % 3, size);
        recover_clean(&run, &r);
        rig_run_done(&run);
    }
}

/* ---- compaction and reset ------------------------------------------------------------------------------ */

Test(wal_writer, compaction_removes_whole_segments_after_telling_so_durably) {
    struct rig_run run;
    struct wal_recovery r;
    begin(&run, 4096);
    rig_run_vote(&run, 1, 1, 1, 100);
    for (unsigned i = 0; i < 10; i++)
        rig_run_append(&run, 0, 1, 1500);
    uint64_t before = disk_size(&run);
    size_t from = run.ops.list.count;
    rig_run_compact(&run, 8);
    cr_assert_eq(run.ops.list.data[from].kind, DISK_WRITE);
    cr_assert_eq(run.ops.list.data[from].name[0], 'l');
    size_t flushed = from;
    while (run.ops.list.data[flushed].kind != DISK_SYNC)
        flushed++;
    cr_assert_eq(ops_count(&run, from, DISK_REMOVE), ops_count(&run, flushed, DISK_REMOVE));
    cr_assert_geq(ops_count(&run, from, DISK_REMOVE), 3);
    cr_assert_lt(disk_size(&run), before);
    recover_clean(&run, &r);
    cr_assert_gt(r.first_index, 4);
    cr_assert_leq(r.first_index, 9);
    cr_assert_eq(r.base_index, r.first_index - 1);
    rig_run_done(&run);
}

Test(wal_writer, compaction_keeps_what_a_snapshot_does_not_cover) {
    struct rig_run run;
    begin(&run, 4096);
    rig_run_vote(&run, 1, 1, 1, 100);
    for (unsigned i = 0; i < 10; i++)
        rig_run_append(&run, 0, 1, 1500);
    size_t from = run.ops.list.count;
    rig_run_compact(&run, 0);
    cr_assert_eq(run.ops.list.count, from, "nothing to remove, nothing written");
    rig_run_compact(&run, 1);
    for (uint64_t index = 2; index <= 11; index++) {
        struct wal_recovery r;
        rig_run_compact(&run, index);
        recover_clean(&run, &r);
        cr_assert_leq(r.first_index, index + 1);
    }
    rig_run_done(&run);
}

/* Entries that a later cut took away do not hold a segment back. */
Test(wal_writer, compaction_counts_only_entries_that_were_not_cut) {
    struct rig_run run;
    begin(&run, 65536);
    rig_run_vote(&run, 1, 1, 9, 100);
    rig_run_append(&run, 3, 1, 100);
    size_t from = run.ops.list.count;
    rig_run_compact(&run, 2);
    cr_assert_eq(ops_count(&run, from, DISK_REMOVE), 1);
    rig_run_done(&run);
}

Test(wal_writer, term_and_vote_outlive_the_segments_that_held_them) {
    struct rig_run run;
    struct wal_recovery r;
    begin(&run, 4096);
    rig_run_vote(&run, 7, 3, 1, 100);
    for (unsigned i = 0; i < 10; i++)
        rig_run_append(&run, 0, 1, 1500);
    rig_run_compact(&run, 10);
    struct rig_disk disk = rig_run_disk(&run);
    rig_disk_remove(&disk, "vote-0");
    rig_disk_remove(&disk, "vote-1");
    rig_recover(&disk, &run.arena, &r);
    cr_assert_eq(r.verdict, WAL_CORRUPT, "%s", r.text);
    cr_assert(rig_vote_equal(&r.hard, &rig_run_log(&run)->hard));
    rig_disk_done(&disk);
    rig_run_done(&run);
}

Test(wal_writer, a_reset_leaves_nothing_but_the_place_to_go_on_from) {
    struct rig_run run;
    struct wal_recovery r;
    begin(&run, 4096);
    rig_run_vote(&run, 2, 1, 4, 900);
    size_t from = run.ops.list.count;
    rig_run_reset(&run, 1000 - 600, 2);
    cr_assert_geq(ops_count(&run, from, DISK_REMOVE), 1);
    recover_clean(&run, &r);
    cr_assert_eq(r.entries_count, 0);
    cr_assert_eq(r.first_index, 0);
    cr_assert_eq(r.base_index, 400);
    cr_assert_eq(r.hard.commit, 400, "never behind the snapshot");
    rig_run_append(&run, 0, 2, 100);
    recover_clean(&run, &r);
    cr_assert_eq(r.first_index, 401);
    rig_run_done(&run);
}

/* ---- start --------------------------------------------------------------------------------------------- */

Test(wal_writer, goes_on_in_the_same_segment_after_a_clean_end) {
    struct rig_run run;
    begin(&run, 65536);
    rig_run_vote(&run, 1, 1, 3, 100);
    struct rig_log log = *rig_run_log(&run);
    struct rig_disk disk = rig_run_disk(&run);
    rig_run_done(&run);
    rig_run_begin(&run, disk, &log, 65536);
    size_t from = run.ops.list.count;
    cr_assert_eq(ops_count(&run, 0, DISK_REPLACE), from, "the vote copies at most: one was never written");
    rig_run_append(&run, 0, 1, 100);
    cr_assert_str_eq(run.ops.list.data[from].name, "log-0000000000000001");
    cr_assert_gt(run.ops.list.data[from].offset, 512);
    cr_assert_eq(run.ops.list.count - from, 2);
    rig_run_done(&run);
}

Test(wal_writer, a_torn_space_is_left_and_a_new_segment_begun) {
    struct rig_run run;
    begin(&run, 65536);
    rig_run_vote(&run, 1, 1, 3, 100);
    struct rig_log log = *rig_run_log(&run);
    rig_run_append(&run, 0, 1, 3000);
    struct rig_disk disk = rig_run_disk(&run);
    struct disk_file *f = rig_disk_find(&disk, "log-0000000000000001");
    size_t end = f->data.size;
    while (bytes_are_zero(bytes_of(f->data.data + end - SECTOR_SIZE, SECTOR_SIZE)))
        end -= SECTOR_SIZE;
    memset(rig_bytes(f) + end - SECTOR_SIZE, 0, SECTOR_SIZE);
    rig_run_done(&run);
    rig_run_begin(&run, disk, &log, 65536);
    rig_run_append(&run, 0, 1, 200);
    for (size_t i = 0; i < run.ops.list.count; i++)
        cr_assert(run.ops.list.data[i].kind != DISK_WRITE || strcmp(run.ops.list.data[i].name, f->name) != 0);
    struct wal_recovery r;
    recover_clean(&run, &r);
    cr_assert_eq(r.entries[3].data.size, 200);
    rig_run_done(&run);
}

Test(wal_writer, an_unfinished_spare_is_used_if_it_is_whole_sectors_and_else_removed) {
    for (unsigned odd = 0; odd < 2; odd++) {
        struct rig_run run;
        begin(&run, 65536);
        rig_run_vote(&run, 1, 1, 3, 100);
        struct rig_log log = *rig_run_log(&run);
        struct rig_disk disk = rig_run_disk(&run);
        rig_disk_find(&disk, "log-0000000000000002")->data.size = 8192 + odd;
        rig_run_done(&run);
        rig_run_begin(&run, disk, &log, 65536);
        cr_assert_eq(ops_count(&run, 0, DISK_REMOVE), odd);
        for (unsigned i = 0; i < 20; i++)
            rig_run_append(&run, 0, 1, 5000);
        struct wal_recovery r;
        recover_clean(&run, &r);
        rig_run_done(&run);
    }
}

/* A crash after the vote's copy was written and before its batch was. */
Test(wal_writer, a_vote_that_only_its_copy_holds_goes_into_the_log_with_the_next_batch) {
    struct rig_run run;
    struct wal_recovery r;
    struct rig_log log = crashed_with_votes(&run, 2);
    rig_run_append(&run, 0, 1, 100);
    struct rig_disk disk = rig_run_disk(&run);
    rig_disk_remove(&disk, "vote-0");
    rig_disk_remove(&disk, "vote-1");
    rig_recover(&disk, &run.arena, &r);
    cr_assert(rig_vote_equal(&r.hard, &log.hard));
    rig_disk_done(&disk);
    rig_run_done(&run);
}
