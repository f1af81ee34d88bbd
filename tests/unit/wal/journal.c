/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include <covey/codec.h>
#include <covey/journal.h>
#include <criterion/criterion.h>

#include "../../../src/wal/sector.h"
#include "rig.h"

static const struct node_id self = {{1, 2, 3}};

static struct instance_id instance(uint32_t number) {
    struct instance_id id = {{0xaa}};
    put_u32(id.b + 4, number);
    return id;
}

/* ---- a run, with what must be readable after each append ----------------------------------------------- */

#define INSTANCES_MAX 64

struct expected {
    uint64_t seq;
    uint32_t generation;
    uint32_t facts[INSTANCES_MAX]; /* by instance number: the fact's sequence; 0: none */
};

struct run {
    struct rig_disk start;
    struct rig_ops ops;
    struct journal *journal;
    VEC(struct expected) states; /* by ticket */
    struct arena arena;
};

static void run_collect(struct run *run) {
    struct disk_op op;
    while (journal_drain(run->journal, &op))
        rig_ops_add(&run->ops, &op);
}

static void run_begin(struct run *run, struct rig_disk disk) {
    static const struct expected nothing;
    *run = (struct run){.start = disk};
    run->journal = journal_new(&self, disk.files, disk.count);
    VEC_PUSH(&run->states, nothing);
    run_collect(run);
}

static void run_done(struct run *run) {
    rig_disk_done(&run->start);
    rig_ops_done(&run->ops);
    VEC_DONE(&run->states);
    journal_free(run->journal);
    arena_done(&run->arena);
}

static struct wire_fact *fact_make(struct arena *a, uint32_t number, uint32_t sequence, size_t reason_size) {
    struct wire_fact *fact = arena_alloc(a, sizeof *fact);
    uint8_t *reason = arena_alloc(a, reason_size + 1);
    memset(reason, 'a' + (int)(number % 26), reason_size);
    fact->instance = instance(number);
    fact->state = INSTANCE_STATE_COMPLETE;
    fact->sequence = sequence;
    fact->reason = bytes_of(reason, reason_size);
    return fact;
}

static void run_append(struct run *run, const struct wire_journal_record *records, size_t count) {
    struct expected e = run->states.data[run->states.count - 1];
    for (size_t i = 0; i < count; i++) {
        e.seq++;
        if (records[i].boot)
            e.generation = records[i].boot->generation;
        if (records[i].fact)
            e.facts[get_u32(records[i].fact->instance.b + 4)] = (uint32_t)records[i].fact->sequence;
        if (!ID_IS_ZERO(records[i].done))
            e.facts[get_u32(records[i].done.b + 4)] = 0;
    }
    cr_assert_eq(journal_append(run->journal, run->states.count, records, count), 0);
    VEC_PUSH(&run->states, e);
    run_collect(run);
}

static void run_boot(struct run *run, uint32_t generation) {
    struct wire_journal_boot boot = {.generation = generation, .boot = {{9}}};
    struct wire_journal_record record = {.boot = &boot};
    run_append(run, &record, 1);
}
static void run_facts(struct run *run, uint32_t first, size_t count, uint32_t sequence, size_t reason_size) {
    struct wire_journal_record *records = arena_alloc(&run->arena, (count + 1) * sizeof *records);
    for (size_t i = 0; i < count; i++)
        records[i].fact = fact_make(&run->arena, first + (uint32_t)i, sequence, reason_size);
    run_append(run, records, count);
}
static void run_acknowledged(struct run *run, uint32_t number) {
    struct wire_journal_record record = {.done = instance(number)};
    run_append(run, &record, 1);
}

static struct rig_disk run_disk(const struct run *run) {
    struct rig_disk disk = rig_disk_copy(&run->start);
    for (size_t i = 0; i < run->ops.list.count; i++)
        rig_disk_apply(&disk, &run->ops.list.data[i]);
    return disk;
}

static bool expected_equal(const struct expected *e, const struct journal_recovery *r) {
    size_t count = 0;
    for (size_t i = 0; i < INSTANCES_MAX; i++)
        count += e->facts[i] != 0;
    if (r->seq != e->seq || r->boot.generation != e->generation || r->facts_count != count)
        return false;
    for (size_t i = 0; i < r->facts_count; i++) {
        if (e->facts[get_u32(r->facts[i].instance.b + 4)] != r->facts[i].sequence)
            return false;
    }
    return true;
}

static void recover(const struct rig_disk *disk, struct arena *a, struct journal_recovery *r) {
    journal_recover(disk->files, disk->count, &self, a, r);
}

static void script(struct run *run) {
    run_begin(run, (struct rig_disk){0});
    run_boot(run, 1);
    run_facts(run, 1, 1, 1, 20);
    run_facts(run, 2, 3, 1, 500);
    run_acknowledged(run, 3);
    run_facts(run, 2, 1, 2, 100);
    run_boot(run, 2);
    run_facts(run, 10, 2, 1, 10);
}

/* ---- tests --------------------------------------------------------------------------------------------- */

Test(journal, gives_back_the_newest_boot_and_the_facts_that_are_not_acknowledged) {
    struct run run;
    script(&run);
    struct rig_disk disk = run_disk(&run);
    struct journal_recovery r;
    recover(&disk, &run.arena, &r);
    cr_assert_eq(r.verdict, JOURNAL_CLEAN, "%s", r.text);
    cr_assert(expected_equal(&run.states.data[run.states.count - 1], &r));
    cr_assert(bytes_equal(r.facts[0].reason, bytes_str("bbbbbbbbbbbbbbbbbbbb")));
    cr_assert_eq(journal_facts_count(run.journal), 5);
    rig_disk_done(&disk);
    run_done(&run);
}

struct check {
    struct run *run;
    uint64_t durable;
};

static void visit(struct rig_disk *disk, void *context) {
    struct check *c = context;
    struct arena a = {0};
    struct journal_recovery r;
    const struct expected *before = &c->run->states.data[c->durable];
    recover(disk, &a, &r);
    bool good = r.verdict == JOURNAL_CLEAN || r.verdict == JOURNAL_TORN ||
                (c->durable == 0 && r.verdict == JOURNAL_EMPTY);
    cr_assert(good, "after ticket %llu: %s", (unsigned long long)c->durable, r.text);
    /* Of the append under way, any record may be there. */
    cr_assert(expected_equal(before, &r) || r.seq > before->seq, "after ticket %llu",
              (unsigned long long)c->durable);
    for (size_t i = 0; r.seq == before->seq && i < INSTANCES_MAX; i++)
        cr_assert(before->facts[i] == 0 || r.facts_count > 0);
    struct run again;
    run_begin(&again, rig_disk_copy(disk));
    struct wire_journal_boot boot = {.generation = 99};
    struct wire_journal_record record = {.boot = &boot};
    cr_assert_eq(journal_append(again.journal, 1, &record, 1), 0);
    run_collect(&again);
    struct rig_disk end = run_disk(&again);
    struct journal_recovery after;
    recover(&end, &a, &after);
    cr_assert_eq(after.verdict, JOURNAL_CLEAN, "%s", after.text);
    cr_assert_eq(after.seq, r.seq + 1);
    cr_assert_eq(after.facts_count, r.facts_count);
    cr_assert_eq(after.boot.generation, 99);
    rig_disk_done(&end);
    run_done(&again);
    arena_done(&a);
}

Test(journal, a_crash_at_any_point_loses_nothing_that_was_flushed) {
    struct run run;
    struct prng p;
    prng_init(&p, 3);
    script(&run);
    uint64_t durable = 0;
    for (size_t count = 0; count <= run.ops.list.count; count++) {
        if (count > 0 && run.ops.list.data[count - 1].ticket)
            durable = run.ops.list.data[count - 1].ticket;
        struct check c = {.run = &run, .durable = durable};
        rig_crash(&run.start, &run.ops, count, &p, 64, visit, &c);
    }
    cr_assert_eq(durable, run.states.count - 1);
    run_done(&run);
}

Test(journal, a_flipped_bit_is_told_and_costs_one_record) {
    struct run run;
    script(&run);
    struct rig_disk disk = run_disk(&run);
    struct disk_file *f = rig_disk_find(&disk, JOURNAL_FILE_NAME);
    const struct expected *all = &run.states.data[run.states.count - 1];
    size_t used = 16 * SECTOR_SIZE;
    struct arena a = {0};
    for (size_t bit = 0; bit < used * 8; bit++) {
        struct journal_recovery r;
        rig_bytes(f)[bit / 8] = (uint8_t)(f->data.data[bit / 8] ^ 1u << bit % 8);
        recover(&disk, &a, &r);
        cr_assert_eq(r.verdict, JOURNAL_DAMAGED, "bit %zu: %s", bit, r.text);
        cr_assert(strstr(r.text, "offset") != NULL, "%s", r.text);
        size_t lost = 0;
        for (uint32_t i = 0; i < INSTANCES_MAX; i++) {
            bool there = all->facts[i] == 0;
            for (size_t k = 0; k < r.facts_count; k++)
                there = there || ID_EQUAL(r.facts[k].instance, instance(i));
            lost += !there;
        }
        cr_assert_leq(lost, 1, "bit %zu", bit);
        rig_bytes(f)[bit / 8] = (uint8_t)(f->data.data[bit / 8] ^ 1u << bit % 8);
        arena_reset(&a);
    }
    arena_done(&a);
    rig_disk_done(&disk);
    run_done(&run);
}

Test(journal, a_lost_append_is_damage_unless_it_is_the_last) {
    struct run run;
    script(&run);
    struct rig_disk disk = run_disk(&run);
    struct disk_file *f = rig_disk_find(&disk, JOURNAL_FILE_NAME);
    struct arena a = {0};
    struct journal_recovery r;
    size_t end = f->data.size;
    while (bytes_are_zero(bytes_of(f->data.data + end - SECTOR_SIZE, SECTOR_SIZE)))
        end -= SECTOR_SIZE;
    uint32_t last_label = get_u32(f->data.data + end - 8);
    for (size_t at = SECTOR_SIZE; at < end; at += SECTOR_SIZE) {
        uint8_t saved[SECTOR_SIZE];
        memcpy(saved, f->data.data + at, sizeof saved);
        memset(rig_bytes(f) + at, 0, sizeof saved);
        recover(&disk, &a, &r);
        bool last = get_u32(saved + SECTOR_BODY_SIZE) == last_label;
        cr_assert_eq(r.verdict, last ? JOURNAL_TORN : JOURNAL_DAMAGED, "at %zu: %s", at, r.text);
        memcpy(rig_bytes(f) + at, saved, sizeof saved);
    }
    for (size_t cut = 1; cut < end; cut += 97) {
        size_t size = f->data.size;
        f->data.size = cut;
        recover(&disk, &a, &r);
        cr_assert_eq(r.verdict, JOURNAL_DAMAGED);
        f->data.size = size;
    }
    arena_done(&a);
    rig_disk_done(&disk);
    run_done(&run);
}

Test(journal, foreign_and_later_files_are_told_as_such) {
    struct run run;
    script(&run);
    struct rig_disk disk = run_disk(&run);
    struct journal_recovery r;
    struct node_id other = {{7}};
    journal_recover(disk.files, disk.count, &other, &run.arena, &r);
    cr_assert_eq(r.verdict, JOURNAL_FOREIGN);
    cr_assert_eq(r.facts_count, 0);
    uint8_t *header = rig_bytes(rig_disk_find(&disk, JOURNAL_FILE_NAME));
    put_u32(header + 8, 2);
    sector_seal(header, UINT64_C(0x6a6f75726e616c), 0, 0);
    recover(&disk, &run.arena, &r);
    cr_assert_eq(r.verdict, JOURNAL_VERSION);
    rig_disk_done(&disk);
    run_done(&run);
}

Test(journal, is_written_anew_when_mostly_acknowledged_and_keeps_counting) {
    struct run run;
    run_begin(&run, (struct rig_disk){0});
    run_boot(&run, 1);
    run_facts(&run, 60, 1, 1, 50);
    for (uint32_t i = 0; i < 500; i++) {
        run_facts(&run, i % 20, 1, i + 1, 400);
        run_acknowledged(&run, i % 20);
    }
    unsigned replaced_count = 0;
    for (size_t i = 0; i < run.ops.list.count; i++) {
        const struct disk_op *op = &run.ops.list.data[i];
        replaced_count += op->kind == DISK_REPLACE;
        cr_assert(op->kind != DISK_REPLACE || i == 0 || op->ticket > 0,
                  "a rewrite carries its append's ticket");
    }
    cr_assert_gt(replaced_count, 5);
    cr_assert_eq(journal_size_bytes(run.journal), JOURNAL_SIZE_MIN);
    struct rig_disk disk = run_disk(&run);
    struct journal_recovery r;
    recover(&disk, &run.arena, &r);
    cr_assert_eq(r.verdict, JOURNAL_CLEAN, "%s", r.text);
    cr_assert_eq(r.seq, 1002);
    cr_assert_eq(r.facts_count, 1);
    cr_assert_eq(r.boot.generation, 1);
    rig_disk_done(&disk);
    run_done(&run);
}

Test(journal, grows_with_what_is_not_acknowledged) {
    struct run run;
    run_begin(&run, (struct rig_disk){0});
    struct wire_journal_record records[400] = {0};
    for (unsigned round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < 400; i++)
            records[i].fact = fact_make(&run.arena, 1000 * round + i, 1, 300);
        cr_assert_eq(journal_append(run.journal, round + 1, records, 400), 0);
        run_collect(&run);
    }
    cr_assert_gt(journal_size_bytes(run.journal), 1200 * 512);
    struct rig_disk disk = run_disk(&run);
    struct journal_recovery r;
    recover(&disk, &run.arena, &r);
    cr_assert_eq(r.verdict, JOURNAL_CLEAN, "%s", r.text);
    cr_assert_eq(r.facts_count, 1200);
    for (uint32_t i = 0; i < 1200; i++) {
        struct wire_journal_record done = {.done = instance(1000 * (i / 400) + i % 400)};
        cr_assert_eq(journal_append(run.journal, 10 + i, &done, 1), 0);
        run_collect(&run);
    }
    cr_assert_lt(journal_size_bytes(run.journal), 3 * JOURNAL_SIZE_MIN, "and shrinks when it is");
    rig_disk_done(&disk);
    run_done(&run);
}

Test(journal, the_sequence_goes_on_when_nothing_is_left_to_keep) {
    struct run run;
    struct journal_recovery r;
    run_begin(&run, (struct rig_disk){0});
    /* Until it is written anew with nothing in it that counts. */
    bool emptied = false;
    uint64_t seq = 0;
    run_acknowledged(&run, 2);
    for (seq = 1; !emptied; seq += 2) {
        run_facts(&run, 1, 1, (uint32_t)seq, 100);
        size_t from = run.ops.list.count;
        run_acknowledged(&run, 1);
        emptied = run.ops.list.data[from].kind == DISK_REPLACE;
    }
    struct rig_disk disk = run_disk(&run);
    recover(&disk, &run.arena, &r);
    cr_assert_eq(r.verdict, JOURNAL_CLEAN);
    cr_assert_eq(r.seq, seq);
    run_done(&run);
    run_begin(&run, disk);
    struct wire_journal_boot boot = {.generation = 2};
    struct wire_journal_record record = {.boot = &boot};
    cr_assert_eq(journal_append(run.journal, 1, &record, 1), 0);
    run_collect(&run);
    disk = run_disk(&run);
    recover(&disk, &run.arena, &r);
    cr_assert_eq(r.seq, seq + 1);
    rig_disk_done(&disk);
    run_done(&run);
}

Test(journal, refuses_a_record_that_could_not_be_read_back) {
    struct run run;
    run_begin(&run, (struct rig_disk){0});
    struct wire_journal_record long_reason = {.fact = fact_make(&run.arena, 1, 1, WIRE_TEXT_MAX + 1)};
    cr_assert_eq(journal_append(run.journal, 1, &long_reason, 1), ERR_LIMIT);
    cr_assert_eq(journal_facts_count(run.journal), 0);
    struct disk_op op;
    cr_assert_not(journal_drain(run.journal, &op));
    run_done(&run);
}

Test(journal, random_facts_come_back_equal) {
    struct prng p;
    prng_init(&p, 11);
    struct run run;
    run_begin(&run, (struct rig_disk){0});
    struct wire_fact facts[100];
    for (uint32_t i = 0; i < 100; i++) {
        codec_random(&wire_fact_type, &p, &run.arena, &facts[i], 70);
        facts[i].instance = instance(i);
        struct wire_journal_record record = {.fact = &facts[i]};
        cr_assert_eq(journal_append(run.journal, i + 1, &record, 1), 0);
        run_collect(&run);
    }
    struct rig_disk disk = run_disk(&run);
    struct journal_recovery r;
    recover(&disk, &run.arena, &r);
    cr_assert_eq(r.facts_count, 100);
    for (size_t i = 0; i < 100; i++)
        cr_assert(codec_equal(&wire_fact_type, &facts[i], &r.facts[i]), "fact %zu", i);
    rig_disk_done(&disk);
    run_done(&run);
}
