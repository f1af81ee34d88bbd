/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "internal.h"

/*
 * One pass over bytes that codec_scan_within has walked: every head is whole and every count is covered by
 * bytes. Nothing between the bytes and the struct is built, so the memory taken is that of the struct alone.
 */

struct reader {
    const uint8_t *start;
    struct bytes cursor;
    size_t value_offset; /* of the key or value last begun */
    struct arena *arena;
    bool named;
    struct codec_fault *fault; /* may be NULL */
};

static int read_message(struct reader *r, const struct place *here, const struct codec_type *t, void *obj);

static int refuse(const struct reader *r, const struct place *here, const char *what, int code) {
    codec_fault_set(r->fault, here, what, r->value_offset);
    return code;
}

static void mark(struct reader *r) { r->value_offset = (size_t)(r->cursor.data - r->start); }

static int read_leaf(struct reader *r, const struct place *here, struct leaf *ret) {
    mark(r);
    int error = codec_leaf_get(&r->cursor, ret);
    return error ? refuse(r, here, "expected a value, found a list or a map", ERR_INVALID) : 0;
}

/* ---- values -------------------------------------------------------------------------------------------- */

static int read_bool(struct reader *r, const struct place *here, const struct leaf *leaf, bool *out) {
    if (leaf->kind != LEAF_BOOL)
        return refuse(r, here, "expected true or false", ERR_INVALID);
    *out = leaf->number != 0;
    return 0;
}

static int read_uint(struct reader *r, const struct place *here, const struct leaf *leaf,
                     enum codec_kind kind, void *out) {
    if (leaf->kind != LEAF_UINT)
        return refuse(r, here, "expected a whole number, not negative", ERR_INVALID);
    if (leaf->number > codec_uint_max(kind))
        return refuse(r, here, "number out of range", ERR_INVALID);
    if (kind == CODEC_U8)
        *(uint8_t *)out = (uint8_t)leaf->number;
    else if (kind == CODEC_U16)
        *(uint16_t *)out = (uint16_t)leaf->number;
    else if (kind == CODEC_U32)
        *(uint32_t *)out = (uint32_t)leaf->number;
    else
        *(uint64_t *)out = leaf->number;
    return 0;
}

static int read_int(struct reader *r, const struct place *here, const struct leaf *leaf, enum codec_kind kind,
                    void *out) {
    if (leaf->kind != LEAF_UINT && leaf->kind != LEAF_NEGATIVE)
        return refuse(r, here, "expected a whole number", ERR_INVALID);
    if (leaf->kind == LEAF_UINT && leaf->number > INT64_MAX)
        return refuse(r, here, "number out of range", ERR_INVALID);
    int64_t number = leaf->kind == LEAF_UINT ? (int64_t)leaf->number : leaf->negative;
    if (kind == CODEC_I64) {
        *(int64_t *)out = number;
        return 0;
    }
    if (number < INT32_MIN || number > INT32_MAX)
        return refuse(r, here, "number out of range", ERR_INVALID);
    *(int32_t *)out = (int32_t)number;
    return 0;
}

static int read_text(struct reader *r, const struct place *here, const struct leaf *leaf,
                     const struct codec_field *f, struct bytes *out) {
    const char *what;
    if (leaf->kind != LEAF_STR && leaf->kind != LEAF_BIN)
        return refuse(r, here, f->kind == CODEC_STR ? "expected text" : "expected bytes", ERR_INVALID);
    int error = codec_text_check(f, leaf->bytes, &what);
    if (error)
        return refuse(r, here, what, error);
    *out = leaf->bytes;
    return 0;
}

static int read_id(struct reader *r, const struct place *here, const struct leaf *leaf, size_t size,
                   void *out) {
    if (leaf->kind != LEAF_BIN || leaf->bytes.size != size)
        return refuse(r, here, size == ID_SIZE ? "expected 16 bytes" : "expected 32 bytes", ERR_INVALID);
    memcpy(out, leaf->bytes.data, size);
    return 0;
}

static int read_enum(struct reader *r, const struct place *here, const struct leaf *leaf,
                     const struct codec_enum *e, void *out) {
    const char *what = "no such value";
    int32_t number = -1;
    if (r->named && leaf->kind == LEAF_STR) {
        if (codec_enum_parse(e, leaf->bytes, &number))
            return refuse(r, here, what, ERR_INVALID);
    } else if (leaf->kind != LEAF_UINT) {
        return refuse(r, here, r->named ? "expected the name of a value" : "expected a number", ERR_INVALID);
    } else if (leaf->number <= INT32_MAX) {
        number = (int32_t)leaf->number;
    }
    if (codec_enum_check(e, number, &what))
        return refuse(r, here, what, ERR_INVALID);
    memcpy(out, &number, sizeof number);
    return 0;
}

static int read_addr(struct reader *r, const struct place *here, const struct leaf *leaf, struct addr *out) {
    if (r->named) {
        if (leaf->kind != LEAF_STR || (leaf->bytes.size && addr_parse(leaf->bytes, 0, out)))
            return refuse(r, here, "expected an address with a port", ERR_INVALID);
        return 0;
    }
    size_t size = leaf->bytes.size;
    if (leaf->kind != LEAF_BIN || (size != 0 && size != 6 && size != 18))
        return refuse(r, here, "expected 6 or 18 bytes", ERR_INVALID);
    out->size = (uint8_t)size;
    if (size)
        memcpy(out->b, leaf->bytes.data, size);
    return 0;
}

static int read_value(struct reader *r, const struct place *here, const struct codec_field *f, void *out) {
    struct leaf leaf;
    if (f->kind == CODEC_MESSAGE)
        return read_message(r, here, f->sub, out);
    int error = read_leaf(r, here, &leaf);
    if (error)
        return error;
    switch (f->kind) {
    case CODEC_BOOL: return read_bool(r, here, &leaf, out);
    case CODEC_U8:
    case CODEC_U16:
    case CODEC_U32:
    case CODEC_U64: return read_uint(r, here, &leaf, f->kind, out);
    case CODEC_I32:
    case CODEC_I64: return read_int(r, here, &leaf, f->kind, out);
    case CODEC_STR:
    case CODEC_BYTES: return read_text(r, here, &leaf, f, out);
    case CODEC_ID: return read_id(r, here, &leaf, f->size, out);
    case CODEC_ENUM: return read_enum(r, here, &leaf, f->table, out);
    case CODEC_ADDR: return read_addr(r, here, &leaf, out);
    case CODEC_MESSAGE:
    default: assert(0 && "a kind of leaf"); return ERR_INVALID;
    }
}

/* ---- fields -------------------------------------------------------------------------------------------- */

static int read_list(struct reader *r, struct place *here, const struct codec_field *f, void *obj) {
    size_t count;
    mark(r);
    if (codec_get_array(&r->cursor, &count))
        return refuse(r, here, "expected a list", ERR_INVALID);
    if (count > f->list_max)
        return refuse(r, here, "too many items", ERR_LIMIT);
    if (count == 0)
        return 0;
    void *items = count > SIZE_MAX / f->size ? NULL : arena_try_alloc(r->arena, count * f->size);
    if (!items)
        return refuse(r, here, "takes too much memory", ERR_LIMIT);
    for (size_t i = 0; i < count; i++) {
        here->index = i;
        int error = read_value(r, here, f, item_in(f, items, i));
        if (error)
            return error;
    }
    field_set_pointer(f, obj, items);
    field_set_count(f, obj, count);
    return 0;
}

static int read_field(struct reader *r, const struct place *up, const struct codec_field *f, void *obj) {
    struct place here = {.up = up, .name = f->name, .index = NO_INDEX};
    if (f->flags & CODEC_LIST)
        return read_list(r, &here, f, obj);
    if (!(f->flags & CODEC_OPTIONAL))
        return read_value(r, &here, f, field_in(f, obj));
    void *sub = arena_try_alloc(r->arena, f->size);
    if (!sub)
        return refuse(r, &here, "takes too much memory", ERR_LIMIT);
    int error = read_value(r, &here, f, sub);
    if (!error)
        field_set_pointer(f, obj, sub);
    return error;
}

static bool is_key_of(const struct codec_field *f, const struct leaf *key, bool named) {
    return named ? bytes_is(key->bytes, f->name) : key->number == f->id;
}

/* Writers keep the order of the table: the search begins behind the field before. fields_count when unknown.
 */
static size_t find_field(const struct codec_type *t, const struct leaf *key, bool named, size_t expected) {
    for (size_t tried = 0; tried < t->fields_count; tried++) {
        size_t index =
            expected + tried < t->fields_count ? expected + tried : expected + tried - t->fields_count;
        if (is_key_of(&t->fields[index], key, named))
            return index;
    }
    return t->fields_count;
}

static int require(struct reader *r, const struct place *up, const struct codec_type *t, const bool *seen,
                   size_t offset) {
    for (size_t i = 0; i < t->fields_count; i++) {
        if (seen[i] || !(t->fields[i].flags & CODEC_REQUIRED))
            continue;
        struct place here = {.up = up, .name = t->fields[i].name, .index = NO_INDEX};
        r->value_offset = offset;
        return refuse(r, &here, "missing", ERR_INVALID);
    }
    return 0;
}

static int read_pair(struct reader *r, const struct place *here, const struct codec_type *t, void *obj,
                     bool *seen, size_t *expected) {
    struct leaf key;
    struct bytes skipped;
    mark(r);
    if (codec_leaf_get(&r->cursor, &key) || key.kind != (r->named ? LEAF_STR : LEAF_UINT))
        return refuse(r, here, r->named ? "a key is not text" : "a key is not a number", ERR_INVALID);
    size_t index = find_field(t, &key, r->named, *expected);
    if (index == t->fields_count)
        return codec_get_raw(&r->cursor, &skipped);
    if (seen[index]) {
        struct place twice = {.up = here, .name = t->fields[index].name, .index = NO_INDEX};
        return refuse(r, &twice, "there twice", ERR_INVALID);
    }
    seen[index] = true;
    *expected = index + 1 < t->fields_count ? index + 1 : 0;
    return read_field(r, here, &t->fields[index], obj);
}

static int read_message(struct reader *r, const struct place *here, const struct codec_type *t, void *obj) {
    bool seen[CODEC_FIELDS_MAX] = {false};
    size_t pairs, expected = 0;
    mark(r);
    size_t offset = r->value_offset;
    if (codec_get_map(&r->cursor, &pairs))
        return refuse(r, here, "expected a map", ERR_INVALID);
    for (; pairs; pairs--) {
        int error = read_pair(r, here, t, obj, seen, &expected);
        if (error)
            return error;
    }
    return require(r, here, t, seen, offset);
}

/* ---- whole messages ------------------------------------------------------------------------------------ */

static const char *scan_text(int code) {
    if (code == ERR_BUSY)
        return "ends too early";
    return code == ERR_LIMIT ? "too large or nested too deep" : "no MessagePack";
}

/* `in` is exactly one value that has been walked. */
static int decode_scanned(const struct codec_type *t, struct bytes in, bool named, struct arena *a,
                          void *ret_obj, struct codec_fault *ret_fault) {
    struct reader r = {.start = in.data, .cursor = in, .arena = a, .named = named, .fault = ret_fault};
    struct place root = {.name = t->name, .index = NO_INDEX};
    void *obj = arena_try_alloc(a, t->size);
    if (!obj)
        return refuse(&r, &root, "takes too much memory", ERR_LIMIT);
    int error = read_message(&r, &root, t, obj);
    if (!error)
        memcpy(ret_obj, obj, t->size);
    return error;
}

static int decode_whole(const struct codec_type *t, struct bytes in, bool named, struct arena *a,
                        void *ret_obj, struct codec_fault *ret_fault) {
    struct place root = {.name = t->name, .index = NO_INDEX};
    size_t used = 0;
    int error =
        in.size > t->max_bytes ? ERR_LIMIT : codec_scan_within(in, CODEC_DEPTH_MAX, t->max_bytes, &used);
    if (error) {
        codec_fault_set(ret_fault, &root, scan_text(error), 0);
        return error == ERR_BUSY ? ERR_INVALID : error;
    }
    if (used != in.size) {
        codec_fault_set(ret_fault, &root, "more follows its end", used);
        return ERR_INVALID;
    }
    return decode_scanned(t, in, named, a, ret_obj, ret_fault);
}

int codec_decode(const struct codec_type *t, struct bytes in, struct arena *a, void *ret_obj,
                 struct codec_fault *ret_fault) {
    return decode_whole(t, in, false, a, ret_obj, ret_fault);
}

int codec_decode_named(const struct codec_type *t, struct bytes in, struct arena *a, void *ret_obj,
                       struct codec_fault *ret_fault) {
    return decode_whole(t, in, true, a, ret_obj, ret_fault);
}

int codec_decode_prefix(const struct codec_type *t, struct bytes in, struct arena *a, void *ret_obj,
                        struct codec_fault *ret_fault, size_t *ret_used) {
    struct place root = {.name = t->name, .index = NO_INDEX};
    size_t used;
    int error = codec_scan_within(in, CODEC_DEPTH_MAX, t->max_bytes, &used);
    if (error) {
        codec_fault_set(ret_fault, &root, scan_text(error), 0);
        return error;
    }
    error = decode_scanned(t, bytes_of(in.data, used), false, a, ret_obj, ret_fault);
    if (!error)
        *ret_used = used;
    return error;
}
