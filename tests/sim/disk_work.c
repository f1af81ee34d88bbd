/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Operations, carried out as store does it: store_run() takes them in order, hands the making and removing of
 * files on to the maker, a second thread, and waits for that one only when it needs the very file. After the
 * first error nothing more is begun; what the other has under way still ends.
 */
#include <stdio.h>

#include "disk.h"
#include "faults.h"

enum { FLUSHER, MAKER };

static bool chance(struct world *w, uint32_t millionths) { return prng_chance(&w->disk_prng, millionths); }

static size_t any_part(struct world *w, size_t count) { return (size_t)prng_below(&w->disk_prng, count + 1); }

/* ---- what an operation does, to its end or to a part of it --------------------------------------------- */

/* Nothing of the rest is begun. */
static void ops_drop(struct sim_ops *ops, bool keep_busy) {
    size_t first = ops->head + (keep_busy && ops->busy);
    for (size_t i = first; i < ops->list.count; i++)
        mem_free(ops->list.data[i].data);
    ops->list.count = first;
    if (first == ops->head)
        ops->list.count = ops->head = 0;
}

static void fail(struct world *w, struct sim_host *h, const struct disk_op *op, int error) {
    static const char *const words[] = {"making",   "writing",       "flushing",
                                        "removing", "setting aside", "replacing"};
    char text[128];
    if (h->disk.error != 0)
        return;
    h->disk.error = error;
    ops_drop(&h->disk.flushing, true);
    ops_drop(&h->disk.making, true);
    ops_drop(&h->disk.homeless, true);
    snprintf(text, sizeof text, "%s: %s it: %s", op->name, words[op->kind],
             error == ERR_NO_SPACE ? "No space left on device" : "Input/output error");
    disk_told(w, h, op, "%s", text);
    if (h->node == NULL)
        return;
    struct node_input in = {.kind = NODE_DISK_FAILED, .error = error, .text = bytes_str(text)};
    host_feed(w, h, &in);
}

static uint64_t room_bytes(const struct sim_host *h) {
    uint64_t used = disk_used_bytes(h);
    if (h->disk.capacity_bytes == 0)
        return UINT64_MAX;
    return used < h->disk.capacity_bytes ? h->disk.capacity_bytes - used : 0;
}

/* A part: zeros up to some size, and perhaps no name. */
static void create_part(struct world *w, struct sim_host *h, const struct disk_op *op, uint64_t size_max) {
    struct sim_file *f = disk_file_get(h, op->name, true);
    disk_file_zeros(f, (size_t)(size_max > 0 ? prng_below(&w->disk_prng, size_max + 1) : 0), false);
}

static int do_create(struct world *w, struct sim_host *h, const struct disk_op *op) {
    struct sim_file *f = disk_file_get(h, op->name, true);
    uint64_t room = room_bytes(h) + (f->exists && h->disk.capacity_bytes != 0 ? f->content.size : 0);
    if (room < op->size) {
        create_part(w, h, op, room);
        w->disk_faults[DISK_FAULT_FULL]++;
        return ERR_NO_SPACE;
    }
    if (chance(w, h->disk.rates.make_error)) {
        create_part(w, h, op, op->size);
        w->disk_faults[DISK_FAULT_FILE]++;
        return ERR_IO;
    }
    disk_file_zeros(f, (size_t)op->size, true);
    return 0;
}

static int do_write(struct world *w, struct sim_host *h, const struct disk_op *op) {
    struct sim_file *f = disk_file_get(h, op->name, false);
    if (f == NULL || !f->exists || op->offset + op->data.size > f->content.size) {
        world_fail(w, "h%u writes to %s behind its end, or it is not there", h->index, op->name);
        return ERR_IO;
    }
    if (chance(w, h->disk.rates.write_error)) {
        disk_file_write(f, op->offset, op->data, any_part(w, sectors_count(op->data.size)));
        w->disk_faults[DISK_FAULT_WRITE]++;
        return ERR_IO;
    }
    disk_file_write(f, op->offset, op->data, SIZE_MAX);
    if (chance(w, h->disk.rates.misdirected))
        (void)disk_misdirect(w, h, op);
    return 0;
}

/*
 * The kernel marks the sectors clean though some never reached the disk. Files are flushed one by one: what
 * comes after the one that failed stays dirty.
 */
static void sync_file_fails(struct world *w, struct sim_file *f) {
    for (size_t i = 0; i < f->dirty.size; i++) {
        if (f->dirty.data[i] && chance(w, 500000))
            disk_sector_flush(f, i);
        f->dirty.data[i] = 0;
    }
}

static bool is_dirty(const struct sim_file *f) {
    return f->exists && f->dirty.size > 0 && memchr(f->dirty.data, 1, f->dirty.size) != NULL;
}

static int do_sync(struct world *w, struct sim_host *h) {
    for (size_t i = 0; i < h->disk.files.count; i++) {
        struct sim_file *f = h->disk.files.data[i];
        if (!is_dirty(f))
            continue;
        if (chance(w, h->disk.rates.sync_error)) {
            sync_file_fails(w, f);
            w->disk_faults[DISK_FAULT_SYNC]++;
            return ERR_IO;
        }
        for (size_t k = 0; k < f->dirty.size; k++)
            if (f->dirty.data[k])
                disk_sector_flush(f, k);
    }
    return 0;
}

static int do_remove(struct world *w, struct sim_host *h, const struct disk_op *op) {
    struct sim_file *f = disk_file_get(h, op->name, false);
    bool failed = chance(w, h->disk.rates.make_error);
    w->disk_faults[DISK_FAULT_FILE] += failed;
    if (f != NULL && (!failed || chance(w, 500000)))
        disk_file_remove(f, !failed);
    return failed ? ERR_IO : 0;
}

static int do_replace(struct world *w, struct sim_host *h, const struct disk_op *op) {
    if (room_bytes(h) < op->data.size) {
        w->disk_faults[DISK_FAULT_FULL]++;
        return ERR_NO_SPACE;
    }
    bool failed = chance(w, h->disk.rates.make_error);
    w->disk_faults[DISK_FAULT_FILE] += failed;
    if (!failed || chance(w, 500000))
        disk_file_replace(disk_file_get(h, op->name, true), op->data, !failed);
    return failed ? ERR_IO : 0;
}

static int carry_out(struct world *w, struct sim_host *h, const struct disk_op *op) {
    switch (op->kind) {
    case DISK_CREATE: return do_create(w, h, op);
    case DISK_WRITE: return do_write(w, h, op);
    case DISK_SYNC: return do_sync(w, h);
    case DISK_REMOVE:
    case DISK_SET_ASIDE: return do_remove(w, h, op); /* a new agent does not read what was set aside */
    case DISK_REPLACE: return do_replace(w, h, op);
    }
    return 0;
}

/* The agent died in the middle of it. */
static void carry_out_part(struct world *w, struct sim_host *h, const struct disk_op *op) {
    struct sim_file *f = disk_file_get(h, op->name, false);
    bool done = chance(w, 500000);
    switch (op->kind) {
    case DISK_CREATE:
        if (done)
            create_part(w, h, op, room_bytes(h) < op->size ? room_bytes(h) : op->size);
        break;
    case DISK_WRITE:
        if (f != NULL && f->exists && op->offset + op->data.size <= f->content.size)
            disk_file_write(f, op->offset, op->data, any_part(w, sectors_count(op->data.size)));
        break;
    case DISK_SYNC:
        for (size_t i = 0; i < h->disk.files.count; i++) {
            struct sim_file *g = h->disk.files.data[i];
            for (size_t k = 0; k < g->dirty.size; k++)
                if (g->dirty.data[k] && chance(w, 500000))
                    disk_sector_flush(g, k);
        }
        break;
    case DISK_REMOVE:
    case DISK_SET_ASIDE:
        if (f != NULL && done)
            disk_file_remove(f, false);
        break;
    case DISK_REPLACE:
        if (done && room_bytes(h) >= op->data.size)
            disk_file_replace(disk_file_get(h, op->name, true), op->data, false);
        break;
    }
}

/* ---- the two threads ----------------------------------------------------------------------------------- */

static int64_t duration_us(struct world *w, struct sim_host *h, const struct disk_op *op) {
    const struct disk_rates *r = &h->disk.rates;
    bool flushes = op->kind != DISK_WRITE;
    int64_t us = flushes ? prng_between(&w->disk_prng, w->disk_min_us, w->disk_max_us) + h->disk.slow_us
                         : prng_between(&w->disk_prng, 1, 20);
    if (op->kind == DISK_CREATE)
        us += (int64_t)(op->size / 1024); /* a GB/s */
    if (chance(w, r->stall)) {
        w->disk_faults[DISK_FAULT_SLOW]++;
        us += prng_between(&w->disk_prng, 0, r->stall_us);
    }
    return us;
}

static bool maker_has(const struct sim_host *h, const char *name) {
    const struct sim_ops *ops = &h->disk.making;
    for (size_t i = ops->head; i < ops->list.count; i++)
        if (strcmp(ops->list.data[i].op.name, name) == 0)
            return true;
    return false;
}

static void begin(struct world *w, struct sim_host *h, struct sim_ops *ops, uint64_t who) {
    ops->busy = true;
    world_push(w, EVENT_DISK, duration_us(w, h, &ops->list.data[ops->head].op), h->index)->a = who;
}

static struct sim_op take(struct sim_ops *ops) {
    struct sim_op o = ops->list.data[ops->head++];
    if (ops->head == ops->list.count)
        ops->head = ops->list.count = 0;
    return o;
}

/* Of the files without room those with this name, or all, go to the maker again; needed: no room is a
 * failure. */
static void homeless_try(struct sim_host *h, const char *name, bool needed) {
    struct sim_ops *from = &h->disk.homeless;
    for (size_t i = 0; i < from->list.count;) {
        struct sim_op o = from->list.data[i];
        if (name != NULL && strcmp(o.op.name, name) != 0) {
            i++;
            continue;
        }
        o.needed = needed;
        VEC_REMOVE(&from->list, i);
        VEC_PUSH(&h->disk.making.list, o);
    }
}

static void homeless_drop(struct sim_host *h, const char *name) {
    struct sim_ops *from = &h->disk.homeless;
    for (size_t i = from->list.count; i-- > 0;)
        if (strcmp(from->list.data[i].op.name, name) == 0) {
            mem_free(from->list.data[i].data);
            VEC_REMOVE(&from->list, i);
        }
}

static void go_on(struct world *w, struct sim_host *h) {
    struct sim_ops *f = &h->disk.flushing, *m = &h->disk.making;
    while (!f->busy && f->head < f->list.count) {
        const struct disk_op *op = &f->list.data[f->head].op;
        bool making = op->kind == DISK_CREATE || op->kind == DISK_REMOVE || op->kind == DISK_SET_ASIDE;
        if (making || op->lasting) {
            struct sim_op o = take(f);
            homeless_drop(h, o.op.name);
            VEC_PUSH(&m->list, o);
            continue;
        }
        if (op->name[0] != 0)
            homeless_try(h, op->name, true);
        if (op->name[0] != 0 && maker_has(h, op->name))
            break;
        begin(w, h, f, FLUSHER);
    }
    if (!m->busy && m->head < m->list.count)
        begin(w, h, m, MAKER);
}

void disk_submit(struct world *w, struct sim_host *h, const struct disk_op *op) {
    if (h->disk.error != 0)
        return;
    struct sim_op o = {.op = *op, .data = mem_alloc(op->data.size + 1)};
    mem_copy(o.data, op->data.data, op->data.size);
    o.op.data.data = o.data;
    VEC_PUSH(&h->disk.flushing.list, o);
    go_on(w, h);
}

static void ended(struct world *w, struct sim_host *h, const struct disk_op *op, int error) {
    if (error != 0) {
        fail(w, h, op, error);
        return;
    }
    if (op->kind != DISK_WRITE)
        checkers_see(w, &(struct sight){.kind = SIGHT_DURABLE, .host = h, .op = op});
    bool told = op->kind == DISK_SYNC || op->kind == DISK_REPLACE;
    if (told && op->ticket != 0 && h->disk.error == 0 && h->node != NULL)
        host_feed(w, h, &(struct node_input){.kind = NODE_DISK_DONE, .ticket = op->ticket});
}

void disk_event(struct world *w, struct event *e) {
    struct sim_host *h = &w->hosts[e->host];
    struct sim_ops *ops = e->a == MAKER ? &h->disk.making : &h->disk.flushing;
    if (e->run != h->run || !ops->busy)
        return;
    if (!w->faults_over && chance(w, h->disk.rates.fatal)) {
        w->disk_faults[DISK_FAULT_CRASH]++;
        faults_crash(w, h->index, chance(w, 500000));
        return;
    }
    struct sim_op o = take(ops);
    ops->busy = false;
    int error = carry_out(w, h, &o.op);
    if (error == ERR_NO_SPACE && o.op.kind == DISK_CREATE && !o.needed && h->disk.error == 0) {
        disk_file_remove(disk_file_get(h, o.op.name, true), true);
        VEC_PUSH(&h->disk.homeless.list, o);
        go_on(w, h);
        return;
    }
    if (error == 0 && o.op.kind == DISK_REMOVE)
        homeless_try(h, NULL, false);
    ended(w, h, &o.op, error);
    mem_free(o.data);
    go_on(w, h);
}

void disk_agent_gone(struct world *w, struct sim_host *h) {
    struct sim_ops *both[3] = {&h->disk.flushing, &h->disk.making, &h->disk.homeless};
    for (int i = 0; i < 3; i++) {
        if (both[i]->busy)
            carry_out_part(w, h, &both[i]->list.data[both[i]->head].op);
        both[i]->busy = false;
        ops_drop(both[i], false);
    }
}

void disk_room_event(struct world *w, const struct event *e) {
    struct sim_host *h = &w->hosts[e->host];
    if (h->node != NULL && e->run == h->run)
        host_feed(w, h, &(struct node_input){.kind = NODE_DISK_ROOM, .bytes = room_bytes(h)});
}
