/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* An input read as a script: byte by byte, zeros when it has ended. */
#ifndef COVEY_TESTS_FUZZ_SCRIPT_H
#define COVEY_TESTS_FUZZ_SCRIPT_H

#include <covey/base.h>

struct script {
    const uint8_t *data;
    size_t size;
    bool is_signed; /* a word about what is to be read */
};

static inline uint8_t take(struct script *s) {
    if (s->size == 0)
        return 0;
    s->size--;
    return *s->data++;
}

/* Fewer when it ends. */
static inline struct bytes take_bytes(struct script *s, size_t size) {
    if (size > s->size)
        size = s->size;
    struct bytes part = bytes_of(s->data, size);
    s->data += size;
    s->size -= size;
    return part;
}

#endif
