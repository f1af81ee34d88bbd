/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "internal.h"

/* Walks over structs: whether two are equal, a deep copy, whether one may be sent. */

/* ---- equal --------------------------------------------------------------------------------------------- */

static bool value_equal(const struct codec_field *f, const void *x, const void *y) {
    switch (f->kind) {
    case CODEC_STR:
    case CODEC_BYTES: return bytes_equal(codec_value_bytes(x), codec_value_bytes(y));
    case CODEC_ADDR: return addr_equal(x, y);
    case CODEC_MESSAGE: return codec_equal(f->sub, x, y);
    case CODEC_BOOL:
    case CODEC_U8:
    case CODEC_U16:
    case CODEC_U32:
    case CODEC_U64:
    case CODEC_I32:
    case CODEC_I64:
    case CODEC_ID:
    case CODEC_ENUM:
    default: return memcmp(x, y, f->size) == 0;
    }
}

static bool list_equal(const struct codec_field *f, const void *x, const void *y) {
    size_t count = field_count(f, x);
    if (count != field_count(f, y))
        return false;
    const void *x_items = field_pointer(f, x), *y_items = field_pointer(f, y);
    for (size_t i = 0; i < count; i++)
        if (!value_equal(f, item_at(f, x_items, i), item_at(f, y_items, i)))
            return false;
    return true;
}

static bool field_equal(const struct codec_field *f, const void *x, const void *y) {
    if (f->flags & CODEC_LIST)
        return list_equal(f, x, y);
    if (!(f->flags & CODEC_OPTIONAL))
        return value_equal(f, field_at(f, x), field_at(f, y));
    const void *x_sub = field_pointer(f, x), *y_sub = field_pointer(f, y);
    return x_sub && y_sub ? codec_equal(f->sub, x_sub, y_sub) : x_sub == y_sub;
}

bool codec_equal(const struct codec_type *t, const void *x, const void *y) {
    for (size_t i = 0; i < t->fields_count; i++)
        if (!field_equal(&t->fields[i], x, y))
            return false;
    return true;
}

/* ---- copy ---------------------------------------------------------------------------------------------- */

/* The value at `at` is a shallow copy: what it points to moves into the arena. */
static void value_deepen(const struct codec_field *f, struct arena *a, void *at);

static void *array_copy(const struct codec_field *f, const void *items, size_t count, struct arena *a) {
    assert(count <= SIZE_MAX / f->size);
    uint8_t *copy = arena_alloc(a, count * f->size);
    memcpy(copy, items, count * f->size);
    for (size_t i = 0; i < count; i++)
        value_deepen(f, a, item_in(f, copy, i));
    return copy;
}

static void message_deepen(const struct codec_type *t, struct arena *a, void *obj) {
    for (size_t i = 0; i < t->fields_count; i++) {
        const struct codec_field *f = &t->fields[i];
        if (!(f->flags & (CODEC_LIST | CODEC_OPTIONAL))) {
            value_deepen(f, a, field_in(f, obj));
            continue;
        }
        const void *items = field_pointer(f, obj);
        size_t count = f->flags & CODEC_LIST ? field_count(f, obj) : items != NULL;
        field_set_pointer(f, obj, count ? array_copy(f, items, count, a) : NULL);
    }
}

static void value_deepen(const struct codec_field *f, struct arena *a, void *at) {
    if (f->kind == CODEC_MESSAGE) {
        message_deepen(f->sub, a, at);
    } else if (f->kind == CODEC_STR || f->kind == CODEC_BYTES) {
        struct bytes text = codec_value_bytes(at);
        text = text.size ? arena_copy(a, text) : (struct bytes){0};
        memcpy(at, &text, sizeof text);
    }
}

void codec_copy(const struct codec_type *t, const void *obj, struct arena *a, void *ret_copy) {
    memcpy(ret_copy, obj, t->size);
    message_deepen(t, a, ret_copy);
}

/* ---- check --------------------------------------------------------------------------------------------- */

struct checker {
    struct codec_fault *fault; /* may be NULL */
    size_t depth;              /* containers entered */
};

static int check_message(struct checker *c, const struct place *here, const struct codec_type *t,
                         const void *obj);

static int wrong(struct checker *c, const struct place *here, const char *what, int code) {
    codec_fault_set(c->fault, here, what, 0);
    return code;
}

static int check_value(struct checker *c, const struct place *here, const struct codec_field *f,
                       const void *at) {
    const char *what = "";
    int error = 0;
    switch (f->kind) {
    case CODEC_STR:
    case CODEC_BYTES: error = codec_text_check(f, codec_value_bytes(at), &what); break;
    case CODEC_ENUM: error = codec_enum_check(f->table, (int32_t)codec_value_int(f->kind, at), &what); break;
    case CODEC_MESSAGE: return check_message(c, here, f->sub, at);
    case CODEC_ADDR: {
        uint8_t size = ((const struct addr *)at)->size;
        if (size != 0 && size != 6 && size != 18)
            return wrong(c, here, "expected 6 or 18 bytes", ERR_INVALID);
        break;
    }
    case CODEC_BOOL:
    case CODEC_U8:
    case CODEC_U16:
    case CODEC_U32:
    case CODEC_U64:
    case CODEC_I32:
    case CODEC_I64:
    case CODEC_ID:
    default: break;
    }
    return error ? wrong(c, here, what, error) : 0;
}

static int check_list(struct checker *c, struct place *here, const struct codec_field *f, const void *obj) {
    size_t count = field_count(f, obj);
    const void *items = field_pointer(f, obj);
    if (count > f->list_max)
        return wrong(c, here, "too many items", ERR_LIMIT);
    if (count && c->depth == CODEC_DEPTH_MAX)
        return wrong(c, here, "nested too deep", ERR_LIMIT);
    c->depth++;
    for (size_t i = 0; i < count; i++) {
        here->index = i;
        int error = check_value(c, here, f, item_at(f, items, i));
        if (error)
            return error;
    }
    c->depth--;
    return 0;
}

static int check_field(struct checker *c, const struct place *up, const struct codec_field *f,
                       const void *obj) {
    struct place here = {.up = up, .name = f->name, .index = NO_INDEX};
    bool optional = f->flags & CODEC_OPTIONAL;
    if (optional && (f->flags & CODEC_REQUIRED) && !field_pointer(f, obj))
        return wrong(c, &here, "missing", ERR_INVALID);
    /* What is left out when writing is not looked at by a reader: an enum without a value 0, for example. */
    if (!(f->flags & CODEC_REQUIRED) && codec_field_is_default(f, obj))
        return 0;
    if (f->flags & CODEC_LIST)
        return check_list(c, &here, f, obj);
    return check_value(c, &here, f, optional ? field_pointer(f, obj) : field_at(f, obj));
}

static int check_message(struct checker *c, const struct place *here, const struct codec_type *t,
                         const void *obj) {
    if (c->depth == CODEC_DEPTH_MAX)
        return wrong(c, here, "nested too deep", ERR_LIMIT);
    c->depth++;
    for (size_t i = 0; i < t->fields_count; i++) {
        int error = check_field(c, here, &t->fields[i], obj);
        if (error)
            return error;
    }
    c->depth--;
    return 0;
}

int codec_check(const struct codec_type *t, const void *obj, struct codec_fault *ret_fault) {
    struct checker c = {.fault = ret_fault};
    struct place root = {.name = t->name, .index = NO_INDEX};
    struct buf encoded = {0};
    int error = check_message(&c, &root, t, obj);
    if (error)
        return error;
    codec_encode(t, obj, &encoded);
    if (encoded.size > t->max_bytes)
        error = wrong(&c, &root, "too large", ERR_LIMIT);
    buf_done(&encoded);
    return error;
}
