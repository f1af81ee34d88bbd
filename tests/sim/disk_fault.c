/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Faults of disks. Loud ones (errors, no space, slowness) may hit any host at any time; silent ones (rot,
 * misdirected writes, half-written sectors) only where the atlas finds enough healthy copies of the log, and
 * only so that the format can notice them: that the last batch of a log turned into zeros looks as if it had
 * never been written (proto/log.md 6), and is outside what is promised.
 */
#include <stdio.h>

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
    for (uint32_t i = 0; i < w->hosts_count; i++) {
        struct disk_rates *r = &w->hosts[i].disk.rates;
        r->write_error = draw_rate(p, errors, 2000);
        r->sync_error = draw_rate(p, errors, 2000);
        r->make_error = draw_rate(p, errors, 20000);
        r->misdirected = draw_rate(p, silent, 2000);
        r->garbled = draw_rate(p, silent, 200000);
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
    return false;
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
        disk_told(w, h, NULL, "%s: a bit flips at offset %zu of %zu", f->name, at, f->durable.size);
    } else {
        at -= at % WAL_SECTOR_SIZE;
        size_t size = f->durable.size - at < WAL_SECTOR_SIZE ? f->durable.size - at : WAL_SECTOR_SIZE;
        prng_fill(&w->disk_prng, f->durable.data + at, size);
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
    disk_told(w, h, op, "%s: sector %zu lands in %s at offset %zu", from->name, sector, to->name, at);
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
