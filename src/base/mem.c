/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "covey/base.h"

#include <stdlib.h>

/* calloc and realloc may return NULL for a size of 0: ask for a byte, so that NULL means one thing. */
static size_t at_least_one(size_t size_bytes) { return size_bytes ? size_bytes : 1; }

void *mem_alloc(size_t size_bytes) {
    void *p = calloc(1, at_least_one(size_bytes));
    if (!p)
        abort();
    return p;
}

void *mem_realloc(void *p, size_t size_bytes) {
    p = realloc(p, at_least_one(size_bytes));
    if (!p)
        abort();
    return p;
}

void mem_free(void *p) { free(p); }

void *vec_grow(void *data, size_t *capacity, size_t item_size_bytes) {
    size_t grown = *capacity ? *capacity + *capacity / 2 : 8;
    assert(grown > *capacity && grown <= SIZE_MAX / item_size_bytes);
    *capacity = grown;
    return mem_realloc(data, grown * item_size_bytes);
}
