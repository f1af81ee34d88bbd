/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "internal.h"

static void put_object(const struct codec_type *t, const void *obj, struct buf *out);

static void put_char(struct buf *out, const uint8_t *sequence, size_t size) {
    uint8_t c = sequence[0];
    if (c == '"' || c == '\\') {
        buf_append_byte(out, '\\');
        buf_append_byte(out, c);
    } else if (c == '\n') {
        buf_append(out, "\\n", 2);
    } else if (c == '\t') {
        buf_append(out, "\\t", 2);
    } else if (c < 0x20 || c == 0x7f) {
        buf_printf(out, "\\u%04x", c);
    } else {
        buf_append(out, sequence, size);
    }
}

void codec_json_str(struct buf *out, struct bytes text) {
    buf_append_byte(out, '"');
    while (text.size) {
        size_t size = codec_utf8_sequence(text);
        if (size)
            put_char(out, text.data, size);
        else
            buf_append(out, "\xef\xbf\xbd", 3);
        size += !size;
        text.data += size;
        text.size -= size;
    }
    buf_append_byte(out, '"');
}

static void put_base64(struct buf *out, struct bytes in) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t at = 0; at < in.size; at += 3) {
        size_t left = in.size - at;
        uint32_t word = (uint32_t)in.data[at] << 16;
        if (left > 1)
            word |= (uint32_t)in.data[at + 1] << 8;
        if (left > 2)
            word |= in.data[at + 2];
        buf_append_byte(out, (uint8_t)digits[word >> 18]);
        buf_append_byte(out, (uint8_t)digits[word >> 12 & 63]);
        buf_append_byte(out, left > 1 ? (uint8_t)digits[word >> 6 & 63] : '=');
        buf_append_byte(out, left > 2 ? (uint8_t)digits[word & 63] : '=');
    }
}

static void put_bytes(struct buf *out, struct bytes in) {
    if (codec_utf8_is_valid(in)) {
        codec_json_str(out, in);
        return;
    }
    buf_printf(out, "{\"base64\":\"");
    put_base64(out, in);
    buf_printf(out, "\"}");
}

static void put_id(struct buf *out, struct bytes id) {
    buf_append_byte(out, '"');
    if (!id_is_zero(id.data, id.size))
        buf_append_hex(out, id);
    buf_append_byte(out, '"');
}

static void put_enum(struct buf *out, const struct codec_enum *e, int32_t number) {
    if (codec_enum_has(e, number))
        codec_json_str(out, bytes_str(codec_enum_str(e, number)));
    else
        buf_printf(out, "%d", (int)number);
}

static void put_addr(struct buf *out, const struct addr *a) {
    char text[ADDR_TEXT_SIZE] = "";
    if (a->size)
        addr_text(a, text);
    codec_json_str(out, bytes_str(text));
}

static void put_value(const struct codec_field *f, const void *at, struct buf *out) {
    switch (f->kind) {
    case CODEC_BOOL: buf_printf(out, "%s", *(const bool *)at ? "true" : "false"); break;
    case CODEC_U8:
    case CODEC_U16:
    case CODEC_U32:
    case CODEC_U64: buf_printf(out, "%llu", (unsigned long long)codec_value_uint(f->kind, at)); break;
    case CODEC_I32:
    case CODEC_I64: buf_printf(out, "%lld", (long long)codec_value_int(f->kind, at)); break;
    case CODEC_STR: codec_json_str(out, codec_value_bytes(at)); break;
    case CODEC_BYTES: put_bytes(out, codec_value_bytes(at)); break;
    case CODEC_ID: put_id(out, bytes_of(at, f->size)); break;
    case CODEC_ENUM: put_enum(out, f->table, (int32_t)codec_value_int(f->kind, at)); break;
    case CODEC_ADDR: put_addr(out, at); break;
    case CODEC_MESSAGE: put_object(f->sub, at, out); break;
    default: assert(0 && "a kind of field");
    }
}

static void put_field(const struct codec_field *f, const void *obj, struct buf *out) {
    if (f->flags & CODEC_SECRET) {
        buf_printf(out, "\"(secret)\"");
    } else if (f->flags & CODEC_LIST) {
        const void *items = field_pointer(f, obj);
        size_t count = field_count(f, obj);
        buf_append_byte(out, '[');
        for (size_t i = 0; i < count; i++) {
            if (i)
                buf_append_byte(out, ',');
            put_value(f, item_at(f, items, i), out);
        }
        buf_append_byte(out, ']');
    } else if (f->flags & CODEC_OPTIONAL) {
        put_object(f->sub, field_pointer(f, obj), out);
    } else {
        put_value(f, field_at(f, obj), out);
    }
}

static void put_object(const struct codec_type *t, const void *obj, struct buf *out) {
    bool first = true;
    buf_append_byte(out, '{');
    for (size_t i = 0; i < t->fields_count; i++) {
        const struct codec_field *f = &t->fields[i];
        if ((f->flags & CODEC_OPTIONAL) && !field_pointer(f, obj))
            continue;
        buf_printf(out, "%s\"%s\":", first ? "" : ",", f->name);
        first = false;
        put_field(f, obj, out);
    }
    buf_append_byte(out, '}');
}

void codec_to_json(const struct codec_type *t, const void *obj, struct buf *out) { put_object(t, obj, out); }
