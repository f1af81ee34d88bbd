/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "internal.h"

static void put_message(const struct codec_type *t, const void *obj, bool named, struct buf *out);

static void put_enum(const struct codec_enum *e, int32_t number, bool named, struct buf *out) {
    if (named && codec_enum_has(e, number))
        codec_put_str(out, bytes_str(codec_enum_str(e, number)));
    else
        codec_put_int(out, number);
}

static void put_addr(const struct addr *a, bool named, struct buf *out) {
    char text[ADDR_TEXT_SIZE] = "";
    if (!named) {
        codec_put_bin(out, bytes_of(a->b, a->size));
        return;
    }
    if (a->size)
        addr_text(a, text);
    codec_put_str(out, bytes_str(text));
}

static void put_value(const struct codec_field *f, const void *at, bool named, struct buf *out) {
    switch (f->kind) {
    case CODEC_BOOL: codec_put_bool(out, *(const bool *)at); break;
    case CODEC_U8:
    case CODEC_U16:
    case CODEC_U32:
    case CODEC_U64: codec_put_uint(out, codec_value_uint(f->kind, at)); break;
    case CODEC_I32:
    case CODEC_I64: codec_put_int(out, codec_value_int(f->kind, at)); break;
    case CODEC_STR: codec_put_str(out, codec_value_bytes(at)); break;
    case CODEC_BYTES: codec_put_bin(out, codec_value_bytes(at)); break;
    case CODEC_ID: codec_put_bin(out, bytes_of(at, f->size)); break;
    case CODEC_ENUM: put_enum(f->table, (int32_t)codec_value_int(f->kind, at), named, out); break;
    case CODEC_ADDR: put_addr(at, named, out); break;
    case CODEC_MESSAGE: put_message(f->sub, at, named, out); break;
    default: assert(0 && "a kind of field");
    }
}

static void put_field(const struct codec_field *f, const void *obj, bool named, struct buf *out) {
    if (named)
        codec_put_str(out, bytes_str(f->name));
    else
        buf_append_byte(out, f->id);
    if (f->flags & CODEC_LIST) {
        size_t count = field_count(f, obj);
        const void *items = field_pointer(f, obj);
        assert(count <= UINT32_MAX);
        codec_put_array(out, (uint32_t)count);
        for (size_t i = 0; i < count; i++)
            put_value(f, item_at(f, items, i), named, out);
    } else if (f->flags & CODEC_OPTIONAL) {
        put_message(f->sub, field_pointer(f, obj), named, out);
    } else {
        put_value(f, field_at(f, obj), named, out);
    }
}

/* A required message that is absent cannot be written: codec_check tells, and the reader refuses. */
static bool is_written(const struct codec_field *f, const void *obj) {
    if ((f->flags & CODEC_REQUIRED) && !(f->flags & CODEC_OPTIONAL))
        return true;
    return !codec_field_is_default(f, obj);
}

static void put_head(const struct codec_type *t, const void *obj, bool written[], struct buf *out) {
    uint32_t count = 0;
    for (size_t i = 0; i < t->fields_count; i++) {
        written[i] = is_written(&t->fields[i], obj);
        count += written[i];
    }
    codec_put_map(out, count);
}

static void put_message(const struct codec_type *t, const void *obj, bool named, struct buf *out) {
    bool written[CODEC_FIELDS_MAX];
    put_head(t, obj, written, out);
    for (size_t i = 0; i < t->fields_count; i++)
        if (written[i])
            put_field(&t->fields[i], obj, named, out);
}

void codec_encode(const struct codec_type *t, const void *obj, struct buf *out) {
    put_message(t, obj, false, out);
}

void codec_encode_named(const struct codec_type *t, const void *obj, struct buf *out) {
    put_message(t, obj, true, out);
}

/* False: `end` is reached before the list's. */
static bool put_items(struct codec_parts *p, const struct codec_field *f, size_t end, struct buf *out) {
    size_t count = field_count(f, p->obj);
    const void *items = field_pointer(f, p->obj);
    if (p->item == 0) {
        assert(count <= UINT32_MAX);
        buf_append_byte(out, f->id);
        codec_put_array(out, (uint32_t)count);
    }
    while (p->item < count) {
        put_value(f, item_at(f, items, p->item++), false, out);
        if (p->item < count && out->size >= end)
            return false;
    }
    p->item = 0;
    return true;
}

bool codec_encode_part(struct codec_parts *p, size_t size, struct buf *out) {
    size_t end = size < SIZE_MAX - out->size ? out->size + size : SIZE_MAX;
    bool written[CODEC_FIELDS_MAX];
    assert(size > 0);
    if (!p->begun)
        put_head(p->type, p->obj, written, out);
    p->begun = true;
    for (; p->field < p->type->fields_count; p->field++) {
        const struct codec_field *f = &p->type->fields[p->field];
        if (!is_written(f, p->obj))
            continue;
        if (out->size >= end)
            return false;
        if (!(f->flags & CODEC_LIST))
            put_field(f, p->obj, false, out);
        else if (!put_items(p, f, end, out))
            return false;
    }
    return true;
}
