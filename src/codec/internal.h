/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* What the files of codec share. */
#ifndef COVEY_CODEC_INTERNAL_H
#define COVEY_CODEC_INTERNAL_H

#include "covey/codec.h"

/* ---- fields of a C struct ------------------------------------------------------------------------------ */

static inline const void *field_at(const struct codec_field *f, const void *obj) {
    return (const uint8_t *)obj + f->offset;
}
static inline void *field_in(const struct codec_field *f, void *obj) { return (uint8_t *)obj + f->offset; }

/* The items of a list, or an optional message. */
static inline const void *field_pointer(const struct codec_field *f, const void *obj) {
    const void *pointer;
    memcpy(&pointer, field_at(f, obj), sizeof pointer);
    return pointer;
}
static inline void field_set_pointer(const struct codec_field *f, void *obj, void *pointer) {
    memcpy(field_in(f, obj), &pointer, sizeof pointer);
}
static inline size_t field_count(const struct codec_field *f, const void *obj) {
    size_t count;
    memcpy(&count, (const uint8_t *)obj + f->count_offset, sizeof count);
    return count;
}
static inline void field_set_count(const struct codec_field *f, void *obj, size_t count) {
    memcpy((uint8_t *)obj + f->count_offset, &count, sizeof count);
}
/* A list item. */
static inline const void *item_at(const struct codec_field *f, const void *items, size_t index) {
    return (const uint8_t *)items + index * f->size;
}
static inline void *item_in(const struct codec_field *f, void *items, size_t index) {
    return (uint8_t *)items + index * f->size;
}

/* Scalars widened; `at` points to the C value. */
uint64_t codec_value_uint(enum codec_kind kind, const void *at);
int64_t codec_value_int(enum codec_kind kind, const void *at);
struct bytes codec_value_bytes(const void *at);
/* The largest a CODEC_BOOL to CODEC_U64 takes. */
uint64_t codec_uint_max(enum codec_kind kind);

bool codec_field_is_default(const struct codec_field *f, const void *obj);
bool codec_message_is_default(const struct codec_type *t, const void *obj);

/* Whether the enum knows the number. */
bool codec_enum_has(const struct codec_enum *e, int32_t number);

bool codec_utf8_is_valid(struct bytes text);
/* The size of the sequence at the front, 0 if it is none. */
size_t codec_utf8_sequence(struct bytes text);

/* ---- faults -------------------------------------------------------------------------------------------- */

#define NO_INDEX SIZE_MAX

/* Where a walk is: a chain on its stack, written out only when something is wrong. */
struct place {
    const struct place *up;
    const char *name; /* of the type at the root, else of a field */
    size_t index;     /* of a list's item, or NO_INDEX */
};
void codec_fault_set(struct codec_fault *fault, const struct place *place, const char *what, size_t offset);

/* Shared by reading and checking, so that both refuse the same: 0 or a code and why. */
int codec_text_check(const struct codec_field *f, struct bytes text, const char **ret_what);
int codec_enum_check(const struct codec_enum *e, int32_t number, const char **ret_what);

/* ---- raw msgpack --------------------------------------------------------------------------------------- */

/*
 * As codec_scan, but what cannot end within max_bytes is ERR_LIMIT at once: a reader of a stream need not
 * wait for megabytes that it will refuse.
 */
int codec_scan_within(struct bytes in, size_t depth_max, size_t max_bytes, size_t *ret_used);

enum leaf_kind { LEAF_NIL, LEAF_BOOL, LEAF_UINT, LEAF_NEGATIVE, LEAF_STR, LEAF_BIN, LEAF_OTHER };
struct leaf {
    enum leaf_kind kind;
    uint64_t number;    /* LEAF_BOOL, LEAF_UINT */
    int64_t negative;   /* LEAF_NEGATIVE: below 0 */
    struct bytes bytes; /* LEAF_STR, LEAF_BIN: a view */
};
/* Takes a value that holds no others off the front; a container is ERR_INVALID and stays. */
int codec_leaf_get(struct bytes *cursor, struct leaf *ret);

#endif
