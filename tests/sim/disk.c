/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * A data directory. Operations are carried out in order, each after a latency. What was written is in the
 * page cache (content) until a sync makes it durable; a power cut keeps any subset of the 512-byte sectors
 * that differ.
 */
#include "world.h"

static struct sim_file *file_find(struct sim_host *h, const char *name, bool create) {
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
    if (size <= b->size)
        return;
    buf_reserve(b, size - b->size);
    memset(b->data + b->size, 0, size - b->size);
    b->size = size;
}

static void assign(struct buf *b, const void *data, size_t size) {
    buf_clear(b);
    buf_append(b, data, size);
}

static void carry_out(struct sim_host *h, const struct disk_op *op) {
    struct sim_file *f = file_find(h, op->name, op->kind != DISK_SYNC && op->kind != DISK_REMOVE);
    switch (op->kind) {
    case DISK_CREATE:
        buf_clear(&f->content);
        resize(&f->content, (size_t)op->size);
        assign(&f->durable, f->content.data, f->content.size);
        f->exists = f->exists_durable = true;
        break;
    case DISK_WRITE:
        resize(&f->content, (size_t)op->offset + op->data.size);
        memcpy(f->content.data + op->offset, op->data.data, op->data.size);
        f->exists = true;
        break;
    case DISK_SYNC:
        for (size_t i = 0; i < h->disk.files.count; i++) {
            struct sim_file *g = h->disk.files.data[i];
            if (!g->exists)
                continue;
            assign(&g->durable, g->content.data, g->content.size);
            g->exists_durable = true;
        }
        break;
    case DISK_REMOVE:
        if (f != NULL)
            f->exists = f->exists_durable = false;
        break;
    case DISK_REPLACE:
        assign(&f->content, op->data.data, op->data.size);
        assign(&f->durable, op->data.data, op->data.size);
        f->exists = f->exists_durable = true;
        break;
    }
}

static void begin(struct world *w, struct sim_host *h) {
    if (h->disk.busy || h->disk.queue_head == h->disk.queue.count)
        return;
    enum disk_op_kind kind = h->disk.queue.data[h->disk.queue_head].op.kind;
    bool slow = kind == DISK_SYNC || kind == DISK_REPLACE || kind == DISK_CREATE;
    h->disk.busy = true;
    world_push(w, EVENT_DISK, slow ? prng_between(&w->disk_prng, w->disk_min_us, w->disk_max_us) : 1,
               h->index);
}

void disk_submit(struct world *w, struct sim_host *h, const struct disk_op *op) {
    struct sim_op o = {.op = *op, .data = mem_alloc(op->data.size + 1)};
    if (op->data.size > 0)
        memcpy(o.data, op->data.data, op->data.size);
    o.op.data.data = o.data;
    VEC_PUSH(&h->disk.queue, o);
    begin(w, h);
}

void disk_event(struct world *w, struct event *e) {
    struct sim_host *h = &w->hosts[e->host];
    if (e->run != h->run || !h->disk.busy)
        return;
    struct sim_op o = h->disk.queue.data[h->disk.queue_head++];
    if (h->disk.queue_head == h->disk.queue.count)
        h->disk.queue_head = h->disk.queue.count = 0;
    h->disk.busy = false;
    carry_out(h, &o.op);
    mem_free(o.data);
    begin(w, h);
    if (o.op.ticket != 0 && h->node != NULL)
        host_feed(w, h, &(struct node_input){.kind = NODE_DISK_DONE, .ticket = o.op.ticket});
}

void disk_agent_gone(struct sim_host *h) {
    for (size_t i = h->disk.queue_head; i < h->disk.queue.count; i++)
        mem_free(h->disk.queue.data[i].data);
    h->disk.queue.count = h->disk.queue_head = 0;
    h->disk.busy = false;
}

static void tear(struct world *w, struct sim_file *f) {
    resize(&f->durable, f->content.size);
    for (size_t at = 0; at < f->content.size; at += WAL_SECTOR_SIZE) {
        size_t n = f->content.size - at < WAL_SECTOR_SIZE ? f->content.size - at : WAL_SECTOR_SIZE;
        bool differs = memcmp(f->content.data + at, f->durable.data + at, n) != 0;
        if (differs && prng_chance(&w->disk_prng, 500000))
            memcpy(f->durable.data + at, f->content.data + at, n);
    }
    assign(&f->content, f->durable.data, f->durable.size);
}

void disk_power_cut(struct world *w, struct sim_host *h) {
    for (size_t i = 0; i < h->disk.files.count; i++) {
        struct sim_file *f = h->disk.files.data[i];
        f->exists = f->exists_durable;
        if (f->exists)
            tear(w, f);
    }
}

struct disk_file *disk_files(struct sim_host *h, size_t *ret_count) {
    struct disk_file *list = mem_alloc((h->disk.files.count + 1) * sizeof *list);
    *ret_count = 0;
    for (size_t i = 0; i < h->disk.files.count; i++) {
        const struct sim_file *f = h->disk.files.data[i];
        if (!f->exists)
            continue;
        memcpy(list[*ret_count].name, f->name, sizeof f->name);
        list[(*ret_count)++].data = buf_bytes(&f->content);
    }
    /* By name, as the shell gives them. */
    for (size_t i = 1; i < *ret_count; i++)
        for (size_t k = i; k > 0 && strcmp(list[k - 1].name, list[k].name) > 0; k--) {
            struct disk_file t = list[k];
            list[k] = list[k - 1];
            list[k - 1] = t;
        }
    return list;
}

void disk_done(struct sim_host *h) {
    disk_agent_gone(h);
    for (size_t i = 0; i < h->disk.files.count; i++) {
        buf_done(&h->disk.files.data[i]->content);
        buf_done(&h->disk.files.data[i]->durable);
        mem_free(h->disk.files.data[i]);
    }
    VEC_DONE(&h->disk.files);
    VEC_DONE(&h->disk.queue);
}
