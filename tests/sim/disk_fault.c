/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Faults of disks. Loud ones (errors, no space, slowness) may hit any host at any time; silent ones (rot,
 * misdirected writes, half-written sectors) only where the atlas finds enough healthy copies of the log, and
 * only so that the format can notice them: that the last batch of a log turned into zeros looks as if it had
 * never been written (proto/log.md 6), and is outside what is promised.
 */
#include <stdio.h>

#include <covey/journal.h>

#include "disk.h"

void disk_told(struct world *w, struct sim_host *h, const struct disk_op *op, const char *format, ...) {
    char text[200];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    world_say(w, h->index, "disk: %s", text);
    checkers_see(w, &(struct sight){.kind = SIGHT_DISK_FAULT, .host = h, .op = op, .text = bytes_str(text)});
}

/* ---- drawing ------------------------------------------------------------------------------------------- */

static uint32_t draw_rate(struct prng *p, bool on, uint32_t max) {
    return on && prng_chance(p, 500000) ? (uint32_t)prng_below(p, max) : 0;
}

void disk_draw(struct world *w, struct prng *p) {
    bool errors = prng_chance(p, 300000), silent = prng_chance(p, 300000), slow = prng_chance(p, 300000);
    bool fatal = prng_chance(p, 300000);
    for (uint32_t i = 0; i < w->hosts_count; i++) {
        struct disk_rates *r = &w->hosts[i].disk.rates;
        r->write_error = draw_rate(p, errors, 2000);
        r->sync_error = draw_rate(p, errors, 2000);
        r->make_error = draw_rate(p, errors, 20000);
        r->misdirected = draw_rate(p, silent, 20000);
        r->garbled = draw_rate(p, silent, 1000000);
        r->fatal = draw_rate(p, fatal, 12000);
        r->stall = draw_rate(p, slow, 10000);
        r->stall_us = prng_between(p, US_PER_MS, 5 * US_PER_S);
    }
}

void disk_heal(struct world *w, struct sim_host *h) {
    (void)w;
    h->disk.rates = (struct disk_rates){0};
    h->disk.capacity_bytes = 0;
    h->disk.slow_us = 0;
}

/* ---- loud ---------------------------------------------------------------------------------------------- */

void disk_fault_fill(struct world *w, struct sim_host *h, uint64_t free_bytes) {
    h->disk.capacity_bytes = disk_used_bytes(h) + free_bytes + 1;
    disk_told(w, h, NULL, "%llu bytes are free", (unsigned long long)free_bytes);
}

void disk_fault_error(struct world *w, struct sim_host *h) {
    uint32_t *rate =
        prng_chance(&w->disk_prng, 500000) ? &h->disk.rates.write_error : &h->disk.rates.sync_error;
    *rate = 500000;
    disk_told(w, h, NULL, "it begins to fail");
}

void disk_fault_slow(struct world *w, struct sim_host *h, int64_t flush_us) {
    h->disk.slow_us = flush_us;
    disk_told(w, h, NULL, "each flush takes %lld us more", (long long)flush_us);
}

void disk_fault_lost(struct world *w, struct sim_host *h) {
    for (size_t i = 0; i < h->disk.files.count; i++)
        disk_file_remove(h->disk.files.data[i], true);
    w->disk_faults[DISK_FAULT_LOST]++;
    world_say(w, h->index, "disk: all files are lost");
    checkers_see(w, &(struct sight){.kind = SIGHT_DISK_LOST, .host = h});
}

/* ---- silent -------------------------------------------------------------------------------------------- */

static bool kept_aside(const struct sim_file *f) { return strncmp(f->name, "bad-", 4) == 0; }

bool disk_damaged(const struct sim_host *h) {
    for (size_t i = 0; i < h->disk.files.count; i++) {
        const struct sim_file *f = h->disk.files.data[i];
        if ((f->exists || f->exists_durable) && f->damaged && !kept_aside(f))
            return true;
    }
    return h->disk.file_gone;
}

static bool is_zero(const uint8_t *data, size_t size) {
    return size == 0 || (data[0] == 0 && memcmp(data, data + 1, size - 1) == 0);
}

/* A file at random of those with bytes that matter; NULL: there is none. */
static struct sim_file *victim(struct world *w, struct sim_host *h) {
    size_t count = h->disk.files.count, start = count > 0 ? (size_t)prng_below(&w->disk_prng, count) : 0;
    for (size_t i = 0; i < count; i++) {
        struct sim_file *f = h->disk.files.data[(start + i) % count];
        if (f->exists && f->exists_durable && !f->renamed && f->durable.size > 0 && !kept_aside(f))
            return f;
    }
    return NULL;
}

/* Flips a bit, or fills a sector with what was never written; mostly where something was. */
static void rot(struct world *w, struct sim_host *h, struct sim_file *f) {
    size_t used = f->durable.size;
    while (used > 1 && f->durable.data[used - 1] == 0)
        used--;
    size_t at =
        (size_t)prng_below(&w->disk_prng, prng_chance(&w->disk_prng, 800000) ? used : f->durable.size);
    if (prng_chance(&w->disk_prng, 500000)) {
        f->durable.data[at] ^= (uint8_t)(1 << prng_below(&w->disk_prng, 8));
        w->disk_faults[DISK_FAULT_FLIPPED]++;
        disk_told(w, h, NULL, "%s: a bit flips at offset %zu of %zu", f->name, at, f->durable.size);
    } else {
        at -= at % WAL_SECTOR_SIZE;
        size_t size = f->durable.size - at < WAL_SECTOR_SIZE ? f->durable.size - at : WAL_SECTOR_SIZE;
        prng_fill(&w->disk_prng, f->durable.data + at, size);
        w->disk_faults[DISK_FAULT_ROTTEN]++;
        disk_told(w, h, NULL, "%s: the sector at offset %zu of %zu rots", f->name, at, f->durable.size);
    }
    f->damaged = true;
}

bool disk_fault_rot(struct world *w, struct sim_host *h) {
    struct sim_file *f = victim(w, h);
    if (f == NULL || !atlas_may_damage(w, h))
        return false;
    rot(w, h, f);
    return true;
}

/*
 * The last sector of the write lands elsewhere: in a sector of a log segment that holds something, so that it
 * must be noticed, and its own place keeps what it held.
 */
bool disk_misdirect(struct world *w, struct sim_host *h, const struct disk_op *op) {
    struct sim_file *from = disk_file_get(h, op->name, false), *to = victim(w, h);
    size_t sector = (size_t)(op->offset + op->data.size - 1) / WAL_SECTOR_SIZE;
    if (to == NULL || strncmp(to->name, "log-", 4) != 0 || to == from || !from->dirty.data[sector])
        return false;
    size_t at = WAL_SECTOR_SIZE * (size_t)prng_below(&w->disk_prng, to->durable.size / WAL_SECTOR_SIZE + 1);
    if (at + WAL_SECTOR_SIZE > to->durable.size || is_zero(to->durable.data + at, WAL_SECTOR_SIZE) ||
        !atlas_may_damage(w, h))
        return false;
    memcpy(to->durable.data + at, from->content.data + sector * WAL_SECTOR_SIZE, WAL_SECTOR_SIZE);
    from->dirty.data[sector] = 0;
    from->damaged = to->damaged = true;
    w->disk_faults[DISK_FAULT_MISDIRECTED]++;
    disk_told(w, h, op, "%s: sector %zu lands in %s at offset %zu", from->name, sector, to->name, at);
    return true;
}

/* ---- files that are not what they were ----------------------------------------------------------------- */

static uint32_t le32(const uint8_t *at) {
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}
static void le_put(uint8_t *at, uint64_t value, size_t size) {
    for (size_t i = 0; i < size; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

/*
 * What a file of a later version looks like (proto/log.md, proto/snapshot.md): its number, and checksums that
 * are right. place, number: of the first sector.
 */
static void later_sector(struct sim_file *f, uint64_t place, uint64_t number) {
    uint8_t where[16];
    le_put(f->durable.data + 8, 99, 4);
    le_put(where, place, 8);
    le_put(where + 8, number, 8);
    uint32_t crc = crc32c(crc32c(0, where, sizeof where), f->durable.data, WAL_SECTOR_SIZE - 4);
    le_put(f->durable.data + WAL_SECTOR_SIZE - 4, crc, 4);
}

static void later_version(struct sim_file *f) {
    uint64_t place = 0;
    uint8_t *at = f->durable.data;
    if (strncmp(f->name, "log-", 4) == 0) {
        for (const char *c = f->name + 4; *c != 0; c++)
            place = place << 4 | (uint64_t)(*c <= '9' ? *c - '0' : *c - 'a' + 10);
        later_sector(f, place, 0);
    } else if (strncmp(f->name, "vote-", 5) == 0) {
        later_sector(f, 0, (uint64_t)(f->name[5] - '0'));
    } else if (strcmp(f->name, JOURNAL_FILE_NAME) == 0) {
        later_sector(f, UINT64_C(0x6a6f75726e616c), 0);
    } else {
        le_put(at + 8, 99, 4);
        le_put(at + 16 + le32(at + 12), crc32c(0, at, 16 + le32(at + 12)), 4);
    }
}

static void cut_short(struct world *w, struct sim_file *f) {
    size_t size = (size_t)prng_below(&w->disk_prng, f->durable.size);
    if (prng_chance(&w->disk_prng, 500000))
        size -= size % WAL_SECTOR_SIZE;
    f->durable.size = size;
}

static const struct sim_file *file_of(const struct sim_host *h, const char *name) {
    for (size_t i = 0; i < h->disk.files.count; i++)
        if (h->disk.files.data[i]->exists_durable && strcmp(h->disk.files.data[i]->name, name) == 0)
            return h->disk.files.data[i];
    return NULL;
}

/* One of the host's own files that hold what is kept of the log, or the journal. */
static struct sim_file *log_victim(struct world *w, struct sim_host *h) {
    struct sim_file *f = victim(w, h);
    for (unsigned tries = 0; f != NULL && tries < 20; tries++, f = victim(w, h))
        if ((strncmp(f->name, "log-", 4) == 0 || strncmp(f->name, "vote-", 5) == 0 ||
             strncmp(f->name, "snapshot-", 9) == 0 || strcmp(f->name, JOURNAL_FILE_NAME) == 0) &&
            f->durable.size >= WAL_SECTOR_SIZE && !is_zero(f->durable.data, f->durable.size))
            return f;
    return NULL;
}

void disk_fault_spoil(struct world *w, struct sim_host *h, const struct sim_host *other) {
    struct sim_file *f = log_victim(w, h);
    const struct sim_file *theirs = f != NULL && other != h ? file_of(other, f->name) : NULL;
    if (f == NULL)
        return;
    f->damaged = true;
    switch (prng_below(&w->disk_prng, 4)) {
    case 0:
        w->disk_faults[DISK_FAULT_GONE]++;
        disk_told(w, h, NULL, "%s is gone", f->name);
        disk_file_remove(f, true);
        h->disk.file_gone = true;
        if (strncmp(f->name, "log-", 4) == 0)
            atlas_damaged(w, h);
        return;
    case 1:
        cut_short(w, f);
        w->disk_faults[DISK_FAULT_SHORT]++;
        disk_told(w, h, NULL, "%s is cut short to %zu bytes", f->name, f->durable.size);
        break;
    case 2:
        /* Zeros are no log of anybody: proto/log.md 6. */
        if (theirs == NULL || is_zero(theirs->durable.data, theirs->durable.size))
            return;
        buf_clear(&f->durable);
        buf_append(&f->durable, theirs->durable.data, theirs->durable.size);
        w->disk_faults[DISK_FAULT_FOREIGN]++;
        disk_told(w, h, NULL, "%s is that of h%u", f->name, other->index);
        break;
    default:
        later_version(f);
        w->disk_faults[DISK_FAULT_LATER]++;
        disk_told(w, h, NULL, "%s is of a later version", f->name);
        break;
    }
    struct buf spoilt = {0};
    buf_append(&spoilt, f->durable.data, f->durable.size);
    disk_file_replace(f, buf_bytes(&spoilt), true);
    buf_done(&spoilt);
    f->damaged = true;
}

/* ---- a disk that lied ---------------------------------------------------------------------------------- */

static bool is_of_log(const struct sim_file *f) {
    return f->exists && (strncmp(f->name, "log-", 4) == 0 || strncmp(f->name, "vote-", 5) == 0);
}

static const struct sim_file *kept_find(const struct sim_host *h, const char *name) {
    for (size_t i = 0; i < h->disk.kept.count; i++)
        if (strcmp(h->disk.kept.data[i]->name, name) == 0)
            return h->disk.kept.data[i];
    return NULL;
}

void disk_kept_drop(struct sim_host *h) {
    for (size_t i = 0; i < h->disk.kept.count; i++) {
        buf_done(&h->disk.kept.data[i]->content);
        mem_free(h->disk.kept.data[i]);
    }
    VEC_DONE(&h->disk.kept);
}

/*
 * Nothing is kept of the time when it voted alone: a disk that is set back to it knows of nobody to be asked,
 * and leads at once. No host can tell that from the truth.
 */
static bool votes_alone(const struct sim_host *h) {
    const struct raft *r = h->node != NULL ? node_raft(h->node) : NULL;
    const struct wire_raft_config *c = r != NULL ? raft_config_at(r, raft_commit_index(r)) : NULL;
    return c == NULL || c->voters_count < 2;
}

void disk_keep(struct sim_host *h) {
    disk_kept_drop(h);
    if (votes_alone(h))
        return;
    for (size_t i = 0; i < h->disk.files.count; i++) {
        const struct sim_file *f = h->disk.files.data[i];
        if (!is_of_log(f))
            continue;
        struct sim_file *copy = mem_alloc(sizeof *copy);
        memcpy(copy->name, f->name, sizeof copy->name);
        buf_append(&copy->content, f->durable.data, f->durable.size);
        VEC_PUSH(&h->disk.kept, copy);
    }
}

/* Nothing but batches came since: the same files, and the same vote. */
static bool kept_goes_on(const struct sim_host *h) {
    size_t files = 0;
    for (size_t i = 0; i < h->disk.files.count; i++) {
        const struct sim_file *f = h->disk.files.data[i], *kept = is_of_log(f) ? kept_find(h, f->name) : NULL;
        files += is_of_log(f);
        if (is_of_log(f) && (kept == NULL || kept->content.size != f->durable.size))
            return false;
        if (kept != NULL && kept->name[0] == 'v' &&
            memcmp(kept->content.data, f->durable.data, f->durable.size) != 0)
            return false;
    }
    return files > 0 && files == h->disk.kept.count;
}

static bool is_at_rest(const struct sim_host *h) {
    for (size_t i = 0; i < h->disk.files.count; i++) {
        const struct sim_file *f = h->disk.files.data[i];
        if (f->dirty.size > 0 && memchr(f->dirty.data, 1, f->dirty.size) != NULL)
            return false;
    }
    return !h->disk.flushing.busy && h->disk.flushing.list.count == 0 && h->disk.error == 0;
}

/* Everybody else who has a log holds all of this one's, durably: what it forgets is nowhere missing. */
static bool others_have_all(struct world *w, const struct sim_host *h) {
    uint64_t last = w->configs[h->index].last;
    for (uint32_t i = 0; i < w->hosts_count; i++) {
        const struct sim_host *other = &w->hosts[i];
        if (other == h || other->boots == 0 || other->has_left)
            continue;
        if (other->node == NULL || node_raft(other->node) == NULL || !is_at_rest(other) ||
            raft_commit_index(node_raft(other->node)) < last)
            return false;
    }
    return last > 0;
}

/*
 * A drive that told of flushes which it had not done, and lost power. A majority of such drives loses what
 * was promised, whatever covey does; so it happens where all others have what is lost, and no vote is among
 * it.
 */
bool disk_fault_forget(struct world *w, struct sim_host *h) {
    if (h->powered || !kept_goes_on(h) || !others_have_all(w, h) || !atlas_may_damage(w, h))
        return false;
    for (size_t i = 0; i < h->disk.kept.count; i++) {
        const struct sim_file *kept = h->disk.kept.data[i];
        disk_file_replace(disk_file_get(h, kept->name, true), buf_bytes(&kept->content), true);
    }
    w->disk_faults[DISK_FAULT_LIED]++;
    disk_told(w, h, NULL, "the last flushes of the log were never done");
    checkers_see(w, &(struct sight){.kind = SIGHT_DISK_LOST, .host = h});
    return true;
}

/* ---- any ----------------------------------------------------------------------------------------------- */

void disk_fault_any(struct world *w, struct sim_host *h, struct prng *p) {
    switch (prng_below(p, 5)) {
    case 0: disk_fault_fill(w, h, prng_below(p, 300000)); break;
    case 1: disk_fault_error(w, h); break;
    case 2: disk_fault_slow(w, h, prng_between(p, US_PER_MS, 500 * US_PER_MS)); break;
    case 3: (void)disk_fault_rot(w, h); break;
    default: disk_heal(w, h); break;
    }
}
