/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* The files of one host, in memory: what a node asks for is done at once and in order. */
#ifndef TESTS_UNIT_NODE_DISK_H
#define TESTS_UNIT_NODE_DISK_H

#include <stdio.h>

#include <covey/base.h>
#include <covey/wal.h>

#define DISK_FILES_MAX 64 /* room in each array; the data is owned (mem_alloc) */

/* NULL: there is none. */
static inline struct disk_file *disk_find(struct disk_file *files, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(files[i].name, name) == 0)
            return &files[i];
    return NULL;
}

static inline struct disk_file *file_make(struct disk_file *files, size_t *count, const char *name) {
    struct disk_file *f = disk_find(files, *count, name);
    if (f != NULL)
        return f;
    assert(*count < DISK_FILES_MAX);
    f = &files[(*count)++];
    *f = (struct disk_file){.data = {0}};
    memcpy(f->name, name, strlen(name));
    return f;
}

static inline void file_set(struct disk_file *f, const void *data, size_t size) {
    uint8_t *bytes = mem_alloc(size + 1);
    if (data != NULL && size > 0)
        memcpy(bytes, data, size);
    mem_free((void *)(uintptr_t)f->data.data);
    f->data = bytes_of(bytes, size);
}

static inline void disk_obey(struct disk_file *files, size_t *count, const struct disk_op *op) {
    struct disk_file *f = disk_find(files, *count, op->name);
    switch (op->kind) {
    case DISK_CREATE: file_set(file_make(files, count, op->name), NULL, (size_t)op->size); break;
    case DISK_REPLACE: file_set(file_make(files, count, op->name), op->data.data, op->data.size); break;
    case DISK_WRITE:
        assert(f != NULL && op->offset + op->data.size <= f->data.size);
        memcpy((uint8_t *)(uintptr_t)f->data.data + op->offset, op->data.data, op->data.size);
        break;
    case DISK_REMOVE:
        if (f == NULL)
            break;
        mem_free((void *)(uintptr_t)f->data.data);
        *f = files[--*count];
        break;
    case DISK_SET_ASIDE:
        if (f != NULL)
            snprintf(f->name, sizeof f->name, "bad-%.30s", op->name);
        break;
    case DISK_SYNC: break;
    }
}

static inline void disk_clear(struct disk_file *files, size_t *count) {
    for (size_t i = 0; i < *count; i++)
        mem_free((void *)(uintptr_t)files[i].data.data);
    *count = 0;
}

#endif
