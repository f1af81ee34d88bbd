/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "internal.h"

#include <msgpack.h>

/*
 * Leaves, read and written by msgpack-c. Its zones hold the items of containers, so a leaf takes nothing from
 * the one it is given; but for text it would make one of its own, and lose it, if it were given none.
 */

static int append(void *data, const char *bytes, size_t size) {
    buf_append(data, bytes, size);
    return 0;
}

#define PACKER(out) (&(msgpack_packer){.data = (out), .callback = append})

void codec_put_nil(struct buf *out) { msgpack_pack_nil(PACKER(out)); }

void codec_put_bool(struct buf *out, bool value) {
    if (value)
        msgpack_pack_true(PACKER(out));
    else
        msgpack_pack_false(PACKER(out));
}

void codec_put_uint(struct buf *out, uint64_t value) { msgpack_pack_uint64(PACKER(out), value); }
void codec_put_int(struct buf *out, int64_t value) { msgpack_pack_int64(PACKER(out), value); }

void codec_put_str(struct buf *out, struct bytes text) {
    assert(text.size <= UINT32_MAX);
    buf_reserve(out, text.size + 5);
    msgpack_pack_str(PACKER(out), text.size);
    msgpack_pack_str_body(PACKER(out), text.data, text.size);
}

void codec_put_bin(struct buf *out, struct bytes data) {
    assert(data.size <= UINT32_MAX);
    buf_reserve(out, data.size + 5);
    msgpack_pack_bin(PACKER(out), data.size);
    msgpack_pack_bin_body(PACKER(out), data.data, data.size);
}

void codec_put_array(struct buf *out, uint32_t items_count) { msgpack_pack_array(PACKER(out), items_count); }
void codec_put_map(struct buf *out, uint32_t pairs_count) { msgpack_pack_map(PACKER(out), pairs_count); }
void codec_put_raw(struct buf *out, struct bytes encoded) { buf_append(out, encoded.data, encoded.size); }

static struct leaf leaf_of(const msgpack_object *o) {
    switch (o->type) {
    case MSGPACK_OBJECT_NIL: return (struct leaf){.kind = LEAF_NIL};
    case MSGPACK_OBJECT_BOOLEAN: return (struct leaf){.kind = LEAF_BOOL, .number = o->via.boolean};
    case MSGPACK_OBJECT_POSITIVE_INTEGER: return (struct leaf){.kind = LEAF_UINT, .number = o->via.u64};
    case MSGPACK_OBJECT_NEGATIVE_INTEGER: return (struct leaf){.kind = LEAF_NEGATIVE, .negative = o->via.i64};
    case MSGPACK_OBJECT_STR:
        return (struct leaf){.kind = LEAF_STR, .bytes = bytes_of(o->via.str.ptr, o->via.str.size)};
    case MSGPACK_OBJECT_BIN:
        return (struct leaf){.kind = LEAF_BIN, .bytes = bytes_of(o->via.bin.ptr, o->via.bin.size)};
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
    case MSGPACK_OBJECT_ARRAY:
    case MSGPACK_OBJECT_MAP:
    case MSGPACK_OBJECT_EXT:
    default: return (struct leaf){.kind = LEAF_OTHER};
    }
}

int codec_leaf_get(struct bytes *cursor, struct leaf *ret) {
    if (cursor->size == 0)
        return ERR_BUSY;
    uint8_t first = *cursor->data;
    if ((first >= 0x80 && first < 0xa0) || (first >= 0xdc && first < 0xe0))
        return ERR_INVALID;
    if (first < 0x80) {
        /* A small number is its own encoding; every key between peers is one. */
        *ret = (struct leaf){.kind = LEAF_UINT, .number = first};
        cursor->data++;
        cursor->size--;
        return 0;
    }
    size_t used = 0;
    msgpack_object object;
    msgpack_zone unused = {.chunk_size = 0};
    switch (msgpack_unpack((const char *)cursor->data, cursor->size, &used, &unused, &object)) {
    case MSGPACK_UNPACK_SUCCESS:
    case MSGPACK_UNPACK_EXTRA_BYTES:
        cursor->data += used;
        cursor->size -= used;
        *ret = leaf_of(&object);
        return 0;
    case MSGPACK_UNPACK_CONTINUE: return ERR_BUSY;
    case MSGPACK_UNPACK_PARSE_ERROR:
    case MSGPACK_UNPACK_NOMEM_ERROR:
    default: return ERR_INVALID;
    }
}

/* A leaf of one kind or another; the cursor stays where it is neither. */
static int leaf_expect(struct bytes *cursor, enum leaf_kind one, enum leaf_kind other, struct leaf *ret) {
    struct bytes ahead = *cursor;
    int error = codec_leaf_get(&ahead, ret);
    if (error)
        return error;
    if (ret->kind != one && ret->kind != other)
        return ERR_INVALID;
    *cursor = ahead;
    return 0;
}

int codec_get_nil(struct bytes *cursor) {
    struct leaf leaf;
    return leaf_expect(cursor, LEAF_NIL, LEAF_NIL, &leaf);
}

int codec_get_bool(struct bytes *cursor, bool *ret) {
    struct leaf leaf;
    int error = leaf_expect(cursor, LEAF_BOOL, LEAF_BOOL, &leaf);
    if (!error)
        *ret = leaf.number != 0;
    return error;
}

int codec_get_uint(struct bytes *cursor, uint64_t *ret) {
    struct leaf leaf;
    int error = leaf_expect(cursor, LEAF_UINT, LEAF_UINT, &leaf);
    if (!error)
        *ret = leaf.number;
    return error;
}

int codec_get_int(struct bytes *cursor, int64_t *ret) {
    struct bytes ahead = *cursor;
    struct leaf leaf;
    int error = leaf_expect(&ahead, LEAF_UINT, LEAF_NEGATIVE, &leaf);
    if (error)
        return error;
    if (leaf.kind == LEAF_UINT && leaf.number > INT64_MAX)
        return ERR_INVALID;
    *ret = leaf.kind == LEAF_UINT ? (int64_t)leaf.number : leaf.negative;
    *cursor = ahead;
    return 0;
}

static int get_blob(struct bytes *cursor, struct bytes *ret) {
    struct leaf leaf;
    int error = leaf_expect(cursor, LEAF_STR, LEAF_BIN, &leaf);
    if (!error)
        *ret = leaf.bytes;
    return error;
}

int codec_get_str(struct bytes *cursor, struct bytes *ret) { return get_blob(cursor, ret); }
int codec_get_bin(struct bytes *cursor, struct bytes *ret) { return get_blob(cursor, ret); }
