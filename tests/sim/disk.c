/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The files of a data directory, as the page cache has them and as the disk has them. What was written is
 * dirty until a sync makes it durable. A power cut keeps any subset of the dirty sectors, some half written;
 * a rename or a removal whose directory was not flushed may be undone by it. A new agent finds what the disk
 * holds, as store does: it flushes every file and drops it from the cache before it reads.
 */
#include "disk.h"

/* ---- files --------------------------------------------------------------------------------------------- */

struct sim_file *disk_file_get(struct sim_host *h, const char *name, bool create) {
    for (size_t i = 0; i < h->disk.files.count; i++)
        if (strcmp(h->disk.files.data[i]->name, name) == 0)
            return h->disk.files.data[i];
    if (!create)
        return NULL;
    struct sim_file *f = mem_alloc(sizeof *f);
    memcpy(f->name, name, strlen(name));
    VEC_PUSH(&h->disk.files, f);
    return f;
}

static void resize(struct buf *b, size_t size) {
    if (size > b->size) {
        buf_reserve(b, size - b->size);
        memset(b->data + b->size, 0, size - b->size);
    }
    b->size = size;
}

static void assign(struct buf *b, struct bytes data) {
    buf_clear(b);
    buf_append(b, data.data, data.size);
}

static void clean(struct sim_file *f) {
    buf_clear(&f->dirty);
    resize(&f->dirty, sectors_count(f->content.size));
}

void disk_file_write(struct sim_file *f, uint64_t offset, struct bytes data, size_t sectors) {
    size_t size = sectors < sectors_count(data.size) ? sectors * WAL_SECTOR_SIZE : data.size;
    if (size == 0)
        return;
    memcpy(f->content.data + offset, data.data, size);
    size_t last = ((size_t)offset + size - 1) / WAL_SECTOR_SIZE;
    for (size_t i = (size_t)offset / WAL_SECTOR_SIZE; i <= last; i++)
        f->dirty.data[i] = 1;
}

void disk_file_zeros(struct sim_file *f, size_t size, bool durable) {
    buf_clear(&f->content);
    resize(&f->content, size);
    assign(&f->durable, buf_bytes(&f->content));
    clean(f);
    f->exists = true;
    f->exists_durable = f->exists_durable || durable;
    f->renamed = f->damaged = false;
}

void disk_file_replace(struct sim_file *f, struct bytes data, bool durable) {
    assign(&f->content, data);
    clean(f);
    f->renamed = !durable && f->exists_durable;
    if (!f->renamed)
        assign(&f->durable, data);
    f->exists = true;
    f->exists_durable = f->exists_durable || durable;
    if (durable)
        f->damaged = false;
}

void disk_file_remove(struct sim_file *f, bool durable) {
    f->exists = false;
    if (durable)
        f->exists_durable = f->damaged = false;
}

void disk_sector_flush(struct sim_file *f, size_t sector) {
    size_t at = sector * WAL_SECTOR_SIZE, size = f->content.size - at;
    memcpy(f->durable.data + at, f->content.data + at, size < WAL_SECTOR_SIZE ? size : WAL_SECTOR_SIZE);
    f->dirty.data[sector] = 0;
}

uint64_t disk_used_bytes(const struct sim_host *h) {
    uint64_t used = 0;
    for (size_t i = 0; i < h->disk.files.count; i++)
        if (h->disk.files.data[i]->exists)
            used += h->disk.files.data[i]->content.size;
    return used;
}

/* ---- a power cut --------------------------------------------------------------------------------------- */

/* A sector that was being written when the power went: half of it is new. */
static void sector_garble(struct world *w, struct sim_host *h, struct sim_file *f, size_t sector) {
    size_t at = sector * WAL_SECTOR_SIZE;
    size_t size = f->content.size - at < WAL_SECTOR_SIZE ? f->content.size - at : WAL_SECTOR_SIZE;
    size_t part = 1 + (size_t)prng_below(&w->disk_prng, size);
    memcpy(f->durable.data + at, f->content.data + at, part);
    f->damaged = true;
    w->disk_faults[DISK_FAULT_HALF]++;
    disk_told(w, h, NULL, "%s: sector %zu is half written", f->name, sector);
}

static void tear(struct world *w, struct sim_host *h, struct sim_file *f) {
    size_t kept = 0, lost = 0;
    for (size_t i = 0; i < f->dirty.size; i++) {
        if (!f->dirty.data[i])
            continue;
        if (prng_chance(&w->disk_prng, h->disk.rates.garbled) && atlas_may_damage(w, h))
            sector_garble(w, h, f, i);
        else if (prng_chance(&w->disk_prng, 500000))
            disk_sector_flush(f, i);
        *(f->dirty.data[i] ? &lost : &kept) += 1;
    }
    w->disk_faults[DISK_FAULT_TORN] += kept + lost > 0;
}

void disk_power_cut(struct world *w, struct sim_host *h) {
    for (size_t i = 0; i < h->disk.files.count; i++) {
        struct sim_file *f = h->disk.files.data[i];
        if (f->exists != f->exists_durable) {
            bool there = prng_chance(&w->disk_prng, 500000);
            w->disk_faults[DISK_FAULT_NAME_LOST] += there != f->exists;
            f->exists = f->exists_durable = there;
        }
        if (f->renamed && prng_chance(&w->disk_prng, 500000))
            assign(&f->durable, buf_bytes(&f->content));
        else if (!f->renamed)
            tear(w, h, f);
        f->renamed = false;
        assign(&f->content, buf_bytes(&f->durable));
        clean(f);
    }
}

/* ---- a new agent --------------------------------------------------------------------------------------- */

static void file_reopen(struct sim_file *f) {
    f->exists_durable = f->exists;
    if (f->renamed)
        assign(&f->durable, buf_bytes(&f->content));
    f->renamed = false;
    for (size_t i = 0; i < f->dirty.size; i++)
        if (f->dirty.data[i])
            disk_sector_flush(f, i);
    assign(&f->content, buf_bytes(&f->durable));
    clean(f);
}

struct disk_file *disk_files(struct world *w, struct sim_host *h, size_t *ret_count) {
    (void)w;
    struct disk_file *list = mem_alloc((h->disk.files.count + 1) * sizeof *list);
    *ret_count = 0;
    h->disk.error = 0;
    for (size_t i = 0; i < h->disk.files.count; i++) {
        struct sim_file *f = h->disk.files.data[i];
        file_reopen(f);
        /* Names that store does not know. */
        if (!f->exists || strncmp(f->name, "bad-", 4) == 0)
            continue;
        memcpy(list[*ret_count].name, f->name, sizeof f->name);
        list[(*ret_count)++].data = buf_bytes(&f->content);
    }
    /* By name, as store gives them. */
    for (size_t i = 1; i < *ret_count; i++)
        for (size_t k = i; k > 0 && strcmp(list[k - 1].name, list[k].name) > 0; k--) {
            struct disk_file t = list[k];
            list[k] = list[k - 1];
            list[k - 1] = t;
        }
    return list;
}

static void ops_done(struct sim_ops *ops) {
    for (size_t i = ops->head; i < ops->list.count; i++)
        mem_free(ops->list.data[i].data);
    VEC_DONE(&ops->list);
}

void disk_done(struct sim_host *h) {
    disk_kept_drop(h);
    ops_done(&h->disk.flushing);
    ops_done(&h->disk.making);
    ops_done(&h->disk.homeless);
    for (size_t i = 0; i < h->disk.files.count; i++) {
        struct sim_file *f = h->disk.files.data[i];
        buf_done(&f->content);
        buf_done(&f->durable);
        buf_done(&f->dirty);
        mem_free(f);
    }
    VEC_DONE(&h->disk.files);
}
