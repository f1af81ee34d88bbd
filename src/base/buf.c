/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "covey/base.h"

#include <stdio.h>

#define BUF_CAPACITY_MIN 64

/* memcmp and memcpy with a null pointer are undefined even for no bytes, and an empty view may be null. */
bool bytes_equal(struct bytes a, struct bytes b) {
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

int bytes_compare(struct bytes a, struct bytes b) {
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common ? memcmp(a.data, b.data, common) : 0;
    if (order)
        return order;
    return (a.size > b.size) - (a.size < b.size);
}

void buf_done(struct buf *b) {
    mem_free(b->data);
    *b = (struct buf){0};
}

void buf_clear(struct buf *b) { b->size = 0; }

void buf_reserve(struct buf *b, size_t extra_bytes) {
    if (extra_bytes <= b->capacity - b->size)
        return;
    assert(extra_bytes <= SIZE_MAX / 2 && b->size <= SIZE_MAX / 2 - extra_bytes);
    size_t needed = b->size + extra_bytes;
    size_t capacity = b->capacity ? b->capacity : BUF_CAPACITY_MIN;
    while (capacity < needed)
        capacity *= 2;
    b->data = mem_realloc(b->data, capacity);
    b->capacity = capacity;
}

void buf_append(struct buf *b, const void *data, size_t size_bytes) {
    if (size_bytes == 0)
        return;
    buf_reserve(b, size_bytes);
    memcpy(b->data + b->size, data, size_bytes);
    b->size += size_bytes;
}

void buf_append_byte(struct buf *b, uint8_t byte) {
    buf_reserve(b, 1);
    b->data[b->size++] = byte;
}

void buf_printf(struct buf *b, const char *format, ...) {
    va_list args;
    va_start(args, format);
    buf_vprintf(b, format, args);
    va_end(args);
}

void buf_vprintf(struct buf *b, const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    size_t room = b->capacity - b->size;
    int length = vsnprintf(room ? (char *)b->data + b->size : NULL, room, format, args);
    assert(length >= 0);
    if ((size_t)length >= room) {
        buf_reserve(b, (size_t)length + 1);
        vsnprintf((char *)b->data + b->size, (size_t)length + 1, format, again);
    }
    va_end(again);
    b->size += (size_t)length;
}

void buf_consume(struct buf *b, size_t size_bytes) {
    assert(size_bytes <= b->size);
    if (size_bytes == 0)
        return;
    memmove(b->data, b->data + size_bytes, b->size - size_bytes);
    b->size -= size_bytes;
}

const char *buf_str(struct buf *b) {
    buf_reserve(b, 1);
    b->data[b->size] = 0;
    return (const char *)b->data;
}

uint8_t *buf_take(struct buf *b, size_t *ret_size) {
    uint8_t *data = b->data;
    *ret_size = b->size;
    *b = (struct buf){0};
    return data;
}
