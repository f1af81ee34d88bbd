/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The disks that a run leaves, read once more as they are and with damage of every kind: bits, sectors that
 * are lost or stand elsewhere, files that are cut, grown, lost, exchanged, or another host's; and sectors
 * that say something else under a checksum that is right, as another version or a fault of the writer's
 * memory may leave them. However a disk looks, whoever reads it comes to an end and to a verdict; and what is
 * given out of it as the log's was once written to it, at that index, unless it is another host's or was
 * sealed. A bit that has changed is found, or of no effect on the log.
 */
#include <covey/journal.h>
#include <stdio.h>

#include "../../src/wal/segment.h"
#include "alone.h"
#include "checker.h"

#define ROUNDS_LARGE (1 << 20) /* bytes of a disk of which fewer copies are made */

/* All of a disk: a log that has come far has many files, and without its last ones it is another. */
struct shelf {
    VEC(struct disk_file) files; /* data owned */
};

enum harm {
    HARM_BIT,
    HARM_ZEROS,
    HARM_MOVED,
    HARM_CUT,
    HARM_GROWN,
    HARM_LOST,
    HARM_SWAPPED,
    HARM_NAMED,
    HARM_OTHER,
    HARM_SEALED
};
#define HARMS_COUNT 10

static void file_set(struct disk_file *f, struct bytes data) {
    uint8_t *copy = mem_alloc(data.size + 1);
    mem_copy(copy, data.data, data.size);
    mem_free((void *)(uintptr_t)f->data.data);
    f->data = bytes_of(copy, data.size);
}

static void shelf_add(struct shelf *s, const char *name, struct bytes data) {
    struct disk_file f = {0};
    memcpy(f.name, name, sizeof f.name);
    file_set(&f, data);
    VEC_PUSH(&s->files, f);
}

static void shelf_done(struct shelf *s) {
    for (size_t i = 0; i < s->files.count; i++)
        mem_free((void *)(uintptr_t)s->files.data[i].data.data);
    VEC_DONE(&s->files);
}

static void shelf_copy(struct shelf *to, const struct shelf *from) {
    for (size_t i = 0; i < from->files.count; i++)
        shelf_add(to, from->files.data[i].name, from->files.data[i].data);
}

/* As a process finds it that reads now: an agent that is started, or `covey log`. */
static void shelf_of(struct shelf *s, const struct sim_host *h) {
    for (size_t i = 0; i < h->disk.files.count; i++) {
        const struct sim_file *f = h->disk.files.data[i];
        if (f->exists)
            shelf_add(s, f->name, buf_bytes(&f->content));
    }
}

static size_t shelf_size(const struct shelf *s) {
    size_t size = 0;
    for (size_t i = 0; i < s->files.count; i++)
        size += s->files.data[i].data.size;
    return size;
}

/* ---- harm ---------------------------------------------------------------------------------------------- */

/* Mostly where something is written. */
static size_t place(struct prng *p, struct bytes data) {
    size_t end = data.size;
    if (end == 0)
        return 0;
    while (end > 1 && data.data[end - 1] == 0)
        end--;
    return (size_t)prng_below(p, prng_chance(p, 900000) ? end : data.size);
}

static void harm_bytes(struct prng *p, struct disk_file *f, enum harm harm) {
    uint8_t *data = (uint8_t *)(uintptr_t)f->data.data;
    size_t size = f->data.size, at = place(p, f->data), sector = at - at % WAL_SECTOR_SIZE;
    size_t length = size - sector < WAL_SECTOR_SIZE ? size - sector : WAL_SECTOR_SIZE;
    if (size == 0)
        return;
    if (harm == HARM_BIT) {
        data[at] ^= (uint8_t)(1u << prng_below(p, 8));
    } else if (harm == HARM_ZEROS) {
        memset(data + sector, 0, length);
    } else if (harm == HARM_MOVED) {
        size_t from = place(p, f->data);
        from -= from % WAL_SECTOR_SIZE;
        memmove(data + sector, data + from, size - from < length ? size - from : length);
    } else {
        size_t cut = prng_chance(p, 500000) ? sector : at;
        f->data.size = prng_chance(p, 200000) ? cut % WAL_SECTOR_SIZE : cut;
    }
}

static void harm_grow(struct prng *p, struct disk_file *f) {
    struct buf grown = {0};
    uint8_t tail[64] = {0};
    buf_append(&grown, f->data.data, f->data.size);
    if (prng_chance(p, 700000))
        prng_fill(p, tail, sizeof tail);
    buf_append(&grown, tail, 1 + (size_t)prng_below(p, sizeof tail));
    file_set(f, buf_bytes(&grown));
    buf_done(&grown);
}

/* Another byte, mostly at the front, where headers are, under a checksum that is right. */
static void harm_seal(struct prng *p, struct disk_file *f) {
    uint8_t *data = (uint8_t *)(uintptr_t)f->data.data;
    size_t number = (prng_chance(p, 500000) ? 0 : place(p, f->data)) / SECTOR_SIZE;
    uint8_t *sector = data + number * SECTOR_SIZE;
    uint64_t in_file = 0, copy = strncmp(f->name, "vote-1", 6) == 0;
    if (f->data.size < (number + 1) * SECTOR_SIZE)
        return;
    if (strncmp(f->name, JOURNAL_FILE_NAME, WAL_NAME_SIZE) == 0)
        in_file = JOURNAL_PLACE;
    else
        (void)segment_name_parse(f->name, &in_file);
    sector[prng_below(p, prng_chance(p, 500000) ? 64 : SECTOR_SIZE)] = (uint8_t)prng_below(p, 256);
    sector_seal(sector, in_file, number + copy, sector_label(sector));
}

/* Somebody has moved it, or copied it beside what it is. */
static void harm_name(struct prng *p, struct disk_file *f) {
    static const char *const names[] = {"log-0000000000000001",
                                        "log-00000000000000ff",
                                        "log-zz",
                                        "log-000000000000000G",
                                        "log-1",
                                        "snapshot-",
                                        "snapshot-0000000000000005",
                                        "vote-0",
                                        "vote-2",
                                        "journal",
                                        "cluster-copy",
                                        ""};
    memset(f->name, 0, sizeof f->name);
    (void)snprintf(f->name, sizeof f->name, "%s", names[prng_below(p, sizeof names / sizeof names[0])]);
}

static enum harm harm_once(struct prng *p, struct shelf *s, const struct shelf *other) {
    enum harm harm = (enum harm)prng_below(p, HARMS_COUNT);
    struct disk_file *f = &s->files.data[prng_below(p, s->files.count)];
    if (harm <= HARM_CUT) {
        harm_bytes(p, f, harm);
    } else if (harm == HARM_GROWN) {
        harm_grow(p, f);
    } else if (harm == HARM_LOST) {
        mem_free((void *)(uintptr_t)f->data.data);
        *f = s->files.data[--s->files.count];
    } else if (harm == HARM_SWAPPED) {
        struct disk_file *g = &s->files.data[prng_below(p, s->files.count)];
        struct bytes data = f->data;
        f->data = g->data;
        g->data = data;
    } else if (harm == HARM_NAMED) {
        harm_name(p, f);
    } else if (harm == HARM_SEALED) {
        harm_seal(p, f);
    } else {
        file_set(f, other->files.data[prng_below(p, other->files.count)].data);
    }
    return harm;
}

/* ---- reading ------------------------------------------------------------------------------------------- */

static bool entry_equal(const struct wire_raft_entry *x, const struct wire_raft_entry *y) {
    return x->index == y->index && x->term == y->term && x->kind == y->kind && bytes_equal(x->data, y->data);
}

static bool is_written(const struct wal_view *v, const struct wire_raft_entry *e) {
    for (size_t i = 0; i < v->segments_count; i++)
        for (size_t k = 0; k < v->segments[i].records_count; k++) {
            const struct wal_record_view *r = &v->segments[i].records[k];
            if (r->entry != NULL && entry_equal(r->entry, e))
                return true;
        }
    return false;
}

static bool is_whole(const struct wal_view *v) {
    return v->recovery.verdict == WAL_CLEAN || v->recovery.verdict == WAL_TORN;
}

static bool same_log(const struct wal_recovery *x, const struct wal_recovery *y) {
    bool same = x->entries_count == y->entries_count && x->base_index == y->base_index;
    for (size_t i = 0; i < x->entries_count && same; i++)
        same = entry_equal(&x->entries[i], &y->entries[i]);
    return same;
}

static void record_draw(struct prng *p, struct arena *a, struct wire_journal_record *r) {
    unsigned fill_percent = (unsigned)prng_below(p, 101);
    memset(r, 0, sizeof *r);
    if (prng_chance(p, 300000)) {
        r->boot = arena_alloc(a, sizeof *r->boot);
        codec_random(&wire_journal_boot_type, p, a, r->boot, fill_percent);
    } else if (prng_chance(p, 600000)) {
        r->fact = arena_alloc(a, sizeof *r->fact);
        codec_random(&wire_fact_type, p, a, r->fact, fill_percent);
    } else
        prng_fill(p, r->done.b, sizeof r->done.b);
}

/* A journal is written on, with records of any kind, and what is kept of it is what was not acknowledged. */
static void journal_goes_on(struct prng *p, const struct shelf *s, const struct node_id *node) {
    struct journal *j = journal_new(node, s->files.data, s->files.count);
    struct disk_op op;
    struct arena a = {0};
    uint64_t ticket = 1;
    for (unsigned i = 0; i < 4; i++) {
        struct wire_journal_record records[3];
        size_t count = 1 + (size_t)prng_below(p, 3);
        for (size_t k = 0; k < count; k++)
            record_draw(p, &a, &records[k]);
        if (journal_append(j, ticket, records, count) == 0)
            ticket++;
        while (journal_drain(j, &op))
            continue;
    }
    assert(journal_size_bytes(j) % WAL_SECTOR_SIZE == 0 && journal_facts_count(j) < 100000);
    arena_done(&a);
    journal_free(j);
}

static void others_read(struct prng *p, const struct shelf *s, const struct node_id *node, struct arena *a) {
    struct journal_recovery journal;
    char text[200];
    journal_recover(s->files.data, s->files.count, node, a, &journal);
    if (journal.verdict != JOURNAL_FOREIGN && journal.verdict != JOURNAL_VERSION)
        journal_goes_on(p, s, node);
    else
        journal_recover(s->files.data, s->files.count, NULL, a, &journal);
    for (size_t i = 0; i < s->files.count; i++) {
        struct wire_snapshot_header header;
        struct wire_node_files_keys keys;
        struct bytes state;
        uint64_t index;
        struct bytes data = s->files.data[i].data;
        if (snapshot_name_parse(s->files.data[i].name, &index) &&
            snapshot_decode(data, NULL, a, &header, &state, text, sizeof text) == 0) {
            struct state *restored = state_new();
            (void)state_restore(restored, state);
            state_free(restored);
        }
        (void)cluster_file_decode(data, a, &keys, text, sizeof text);
    }
}

static void carry_out(struct wal *wal) {
    struct disk_op op;
    while (wal_drain(wal, &op))
        continue;
}

/* What is whole can be gone on from: more is written, what a snapshot holds is dropped, it begins anew. */
static void go_on(struct prng *p, const struct shelf *s, const struct wal_recovery *r) {
    struct wal_options options = {.identity = r->identity, .segment_size_bytes = 4096};
    struct wal *wal = wal_new(&options, s->files.data, s->files.count);
    uint64_t last = r->base_index + r->entries_count;
    struct wire_hard_state hard = {.term = r->hard.term + 1};
    struct wire_raft_entry e = {.index = last + 1, .term = hard.term};
    (void)wal_append(wal, 1, &hard, 0, &e, 1);
    carry_out(wal);
    if (prng_chance(p, 500000))
        wal_compact(wal, last);
    if (prng_chance(p, 500000))
        (void)wal_reset(wal, 2, last + 10, hard.term, &hard);
    if (prng_chance(p, 100000))
        wal_set_aside(wal);
    carry_out(wal);
    wal_free(wal);
}

/* The last index that this disk holds: of its log, or of a snapshot, that may reach beyond a log with a gap.
 */
static uint64_t last_held(const struct shelf *s, const struct wal_view *v) {
    uint64_t last = v->recovery.base_index + v->recovery.entries_count;
    for (size_t i = 0; i < s->files.count; i++) {
        struct wire_snapshot_header header;
        struct arena a = {0};
        struct bytes state;
        char text[200];
        if (snapshot_decode(s->files.data[i].data, NULL, &a, &header, &state, text, sizeof text) == 0 &&
            header.index > last)
            last = header.index;
        arena_done(&a);
    }
    return last;
}

/*
 * An agent on such a disk: it does not start and says why, or it goes on for a while, and knows of no
 * commitment beyond what was written (last: before the damage). Its disk does what it says.
 */
static void boots(struct world *w, struct prng *p, const struct sim_host *h, const struct shelf *s,
                  uint64_t last) {
    struct addr seed = {.size = 6, .b = {10, 0, 0, 253, 7370 >> 8, 7370 & 255}};
    char text[256] = "", name[8];
    struct node_options o = host_options(h, name);
    o.boot = (struct boot_id){{9}};
    o.bootstrap = prng_chance(p, 100000);
    o.seeds = &seed;
    o.seeds_count = 1;
    o.token = buf_bytes(prng_chance(p, 800000) ? &w->token : &w->wrong_token);
    o.files = s->files.data;
    o.files_count = s->files.count;
    struct node *node;
    struct node_effect e;
    uint64_t ticket = 0;
    int64_t now_us = 1000 * US_PER_S;
    prng_fill(p, o.entropy.b, sizeof o.entropy.b);
    int error = node_new(&o, now_us, 1, &node, text, sizeof text);
    if (error != 0) {
        if (text[0] == 0)
            world_fail(w, "h%u: an agent does not start on a damaged disk, and does not say why", h->index);
        return;
    }
    node_feed(node, now_us, &(struct node_input){.kind = NODE_SCAN_DONE});
    for (unsigned i = 0; i < 40; i++) {
        while (node_drain(node, &e))
            if (e.kind == NODE_DISK && e.op.ticket > ticket && !e.op.lasting)
                ticket = e.op.ticket;
        if (node_deadline(node) != TIME_NEVER_US && node_deadline(node) > now_us)
            now_us = node_deadline(node);
        struct node_input in = {.kind = ticket != 0 ? NODE_DISK_DONE : NODE_TICK, .ticket = ticket};
        ticket = 0;
        node_feed(node, now_us, &in);
    }
    while (node_drain(node, &e))
        continue;
    const struct raft *r = node_raft(node);
    if (r != NULL && raft_commit_index(r) > last && raft_role(r) != RAFT_LEADER)
        world_fail(w, "h%u: on a damaged disk more is committed than was on it", h->index);
    node_free(node);
}

/* Its agent runs, and nothing is on its way to the disk: what it holds for written is there, to the end. */
static void told_check(struct world *w, const struct sim_host *h, const struct wal_recovery *r) {
    const struct raft *raft = h->node != NULL ? node_raft(h->node) : NULL;
    if (raft == NULL || h->disk.error != 0 || disk_damaged(h) || h->disk.flushing.list.count > 0)
        return;
    uint64_t last = r->base_index + r->entries_count;
    if (last != raft_last_index(raft) || r->hard.term != raft_term(raft))
        world_fail(w,
                   "h%u: its disk has the log up to %llu of term %llu, and its agent up to %llu of term %llu",
                   h->index, (unsigned long long)last, (unsigned long long)r->hard.term,
                   (unsigned long long)raft_last_index(raft), (unsigned long long)raft_term(raft));
}

/* What is said of the files one by one leads to what is said of all together. */
static void whole_check(struct world *w, const struct sim_host *h, const struct wal_view *v) {
    const struct wal_recovery *r = &v->recovery;
    for (size_t i = 0; i < r->entries_count; i++)
        if (r->entries[i].index != r->base_index + 1 + i || !is_written(v, &r->entries[i]))
            world_fail(w, "h%u: the log that is read has an entry %llu that no file has", h->index,
                       (unsigned long long)r->entries[i].index);
    if (!is_whole(v) && r->verdict != WAL_EMPTY && !disk_damaged(h) && h->disk.error == 0)
        world_fail(w, "h%u: nothing was done to its disk, and it is judged: %s", h->index, r->text);
    told_check(w, h, r);
}

static void harmed_check(struct world *w, const struct sim_host *h, const struct wal_view *good,
                         const struct wal_view *v, bool bit_only) {
    const struct wal_recovery *r = &v->recovery;
    for (size_t i = 0; i < r->entries_count; i++)
        if (!is_written(good, &r->entries[i])) {
            world_fail(w, "h%u: of a damaged disk an entry %llu is read that was never written", h->index,
                       (unsigned long long)r->entries[i].index);
            return;
        }
    if (bit_only && is_whole(good) && is_whole(v) && !same_log(&good->recovery, r))
        world_fail(w, "h%u: a bit has changed, and another log is read: %s", h->index, r->text);
}

/* ---- all ----------------------------------------------------------------------------------------------- */

static void round_play(struct world *w, struct prng *p, const struct sim_host *h, const struct shelf *good,
                       const struct shelf *other, const struct wal_view *view) {
    struct shelf s = {0};
    struct arena a = {0};
    struct wal_view harmed;
    bool bit_only = false, foreign = false;
    shelf_copy(&s, good);
    for (uint64_t i = prng_chance(p, 300000) ? 2 : 1, n = i; i > 0 && s.files.count > 0; i--) {
        enum harm harm = harm_once(p, &s, other);
        bit_only = n == 1 && harm == HARM_BIT;
        foreign |= harm == HARM_OTHER || harm == HARM_SEALED;
    }
    wal_view(s.files.data, s.files.count, &a, &harmed);
    if (!foreign)
        harmed_check(w, h, view, &harmed, bit_only);
    if (is_whole(&harmed) && harmed.recovery.identity.log.b[0] != 0)
        go_on(p, &s, &harmed.recovery);
    others_read(p, &s, &h->raft_id.node, &a);
    if (!foreign)
        boots(w, p, h, &s, last_held(good, view));
    arena_done(&a);
    shelf_done(&s);
}

void alone_disks(struct world *w, struct prng *p, uint32_t rounds) {
    for (uint32_t i = 0; i < w->hosts_count && !w->failed; i++) {
        const struct sim_host *h = &w->hosts[i];
        struct shelf good = {0}, other = {0};
        struct arena a = {0};
        struct wal_view view;
        shelf_of(&good, h);
        shelf_of(&other, &w->hosts[(i + 1) % w->hosts_count]);
        wal_view(good.files.data, good.files.count, &a, &view);
        whole_check(w, h, &view);
        uint32_t times = shelf_size(&good) > ROUNDS_LARGE ? rounds / 4 : rounds;
        for (uint32_t k = 0; k < times && good.files.count > 0 && other.files.count > 0 && !w->failed; k++)
            round_play(w, p, h, &good, &other, &view);
        others_read(p, &good, &h->raft_id.node, &a);
        arena_done(&a);
        shelf_done(&good);
        shelf_done(&other);
    }
}
