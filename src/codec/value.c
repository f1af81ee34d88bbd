/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "internal.h"

/* ---- scalars ------------------------------------------------------------------------------------------- */

uint64_t codec_value_uint(enum codec_kind kind, const void *at) {
    switch (kind) {
    case CODEC_BOOL: return *(const bool *)at;
    case CODEC_U8: return *(const uint8_t *)at;
    case CODEC_U16: return *(const uint16_t *)at;
    case CODEC_U32: return *(const uint32_t *)at;
    case CODEC_U64: return *(const uint64_t *)at;
    case CODEC_I32:
    case CODEC_I64:
    case CODEC_STR:
    case CODEC_BYTES:
    case CODEC_ID:
    case CODEC_ENUM:
    case CODEC_ADDR:
    case CODEC_MESSAGE:
    default: assert(0 && "an unsigned field"); return 0;
    }
}

int64_t codec_value_int(enum codec_kind kind, const void *at) {
    int32_t small;
    int64_t value;
    if (kind == CODEC_I64) {
        memcpy(&value, at, sizeof value);
        return value;
    }
    assert(kind == CODEC_I32 || kind == CODEC_ENUM);
    memcpy(&small, at, sizeof small);
    return small;
}

struct bytes codec_value_bytes(const void *at) {
    return *(const struct bytes *)at;
}

uint64_t codec_uint_max(enum codec_kind kind) {
    if (kind == CODEC_BOOL)
        return 1;
    if (kind == CODEC_U8)
        return UINT8_MAX;
    if (kind == CODEC_U16)
        return UINT16_MAX;
    return kind == CODEC_U32 ? UINT32_MAX : UINT64_MAX;
}

/* ---- defaults ------------------------------------------------------------------------------------------ */

bool codec_field_is_default(const struct codec_field *f, const void *obj) {
    const void *at = field_at(f, obj);
    if (f->flags & CODEC_LIST)
        return field_count(f, obj) == 0;
    if (f->flags & CODEC_OPTIONAL)
        return field_pointer(f, obj) == NULL;
    switch (f->kind) {
    case CODEC_MESSAGE: return codec_message_is_default(f->sub, at);
    case CODEC_STR:
    case CODEC_BYTES: return codec_value_bytes(at).size == 0;
    case CODEC_ADDR: return ((const struct addr *)at)->size == 0;
    case CODEC_U64:
    case CODEC_I64: return codec_value_int(CODEC_I64, at) == 0;
    case CODEC_U32:
    case CODEC_I32:
    case CODEC_ENUM: return codec_value_int(CODEC_I32, at) == 0;
    case CODEC_BOOL:
    case CODEC_U8:
    case CODEC_U16:
    case CODEC_ID:
    default: return id_is_zero(at, f->size);
    }
}

bool codec_message_is_default(const struct codec_type *t, const void *obj) {
    for (size_t i = 0; i < t->fields_count; i++)
        if (!codec_field_is_default(&t->fields[i], obj))
            return false;
    return true;
}

/* ---- enums --------------------------------------------------------------------------------------------- */

static const struct codec_enum_value *enum_find(const struct codec_enum *e, int32_t number) {
    size_t low = 0, high = e->values_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (e->values[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low < e->values_count && e->values[low].number == number ? &e->values[low] : NULL;
}

bool codec_enum_has(const struct codec_enum *e, int32_t number) { return enum_find(e, number) != NULL; }

const char *codec_enum_str(const struct codec_enum *e, int32_t number) {
    const struct codec_enum_value *value = enum_find(e, number);
    return value ? value->name : "?";
}

int codec_enum_parse(const struct codec_enum *e, struct bytes name, int32_t *ret_number) {
    for (size_t i = 0; i < e->values_count; i++) {
        if (!bytes_is(name, e->values[i].name))
            continue;
        *ret_number = e->values[i].number;
        return 0;
    }
    return ERR_INVALID;
}

int codec_enum_check(const struct codec_enum *e, int32_t number, const char **ret_what) {
    if (number >= 0 && (e->open || codec_enum_has(e, number)))
        return 0;
    *ret_what = "no such value";
    return ERR_INVALID;
}

/* ---- text ---------------------------------------------------------------------------------------------- */

static bool is_tail(uint8_t byte) { return (byte & 0xc0) == 0x80; }

/* The table of well-formed sequences in the Unicode standard, 3.9: no overlong forms, no surrogates. */
size_t codec_utf8_sequence(struct bytes text) {
    const uint8_t *s = text.data;
    if (text.size == 0)
        return 0;
    if (s[0] < 0x80)
        return 1;
    if (s[0] >= 0xc2 && s[0] < 0xe0)
        return text.size >= 2 && is_tail(s[1]) ? 2 : 0;
    if (s[0] >= 0xe0 && s[0] < 0xf0) {
        if (text.size < 3 || !is_tail(s[1]) || !is_tail(s[2]))
            return 0;
        return (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] >= 0xa0) ? 0 : 3;
    }
    if (s[0] >= 0xf0 && s[0] < 0xf5) {
        if (text.size < 4 || !is_tail(s[1]) || !is_tail(s[2]) || !is_tail(s[3]))
            return 0;
        return (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] >= 0x90) ? 0 : 4;
    }
    return 0;
}

bool codec_utf8_is_valid(struct bytes text) {
    while (text.size) {
        size_t size = codec_utf8_sequence(text);
        if (size == 0)
            return false;
        text.data += size;
        text.size -= size;
    }
    return true;
}

int codec_text_check(const struct codec_field *f, struct bytes text, const char **ret_what) {
    if (text.size > f->max) {
        *ret_what = "too long";
        return ERR_LIMIT;
    }
    if (f->kind == CODEC_STR && text.size &&
        (memchr(text.data, 0, text.size) || !codec_utf8_is_valid(text))) {
        *ret_what = "expected UTF-8 without NUL";
        return ERR_INVALID;
    }
    return 0;
}

/* ---- faults -------------------------------------------------------------------------------------------- */

static void path_append(struct codec_fault *fault, size_t *used, struct bytes text) {
    size_t room = sizeof fault->path - 1 - *used;
    size_t taken = text.size < room ? text.size : room;
    memcpy(fault->path + *used, text.data, taken);
    *used += taken;
    fault->path[*used] = 0;
}

static void path_write(struct codec_fault *fault, size_t *used, const struct place *place) {
    struct buf text = {0};
    if (place->up) {
        path_write(fault, used, place->up);
        buf_append_byte(&text, '.');
    }
    buf_printf(&text, "%s", place->name);
    if (place->index != NO_INDEX)
        buf_printf(&text, "[%zu]", place->index);
    path_append(fault, used, buf_bytes(&text));
    buf_done(&text);
}

void codec_fault_set(struct codec_fault *fault, const struct place *place, const char *what, size_t offset) {
    size_t used = 0;
    if (!fault)
        return;
    *fault = (struct codec_fault){.what = what, .offset = offset};
    path_write(fault, &used, place);
}
