/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Values of attributes: numbers, durations, names, choices. */
#include "job_reader.h"

/* ---- values of the wrong kind -------------------------------------------------------------------------- */

static struct bytes source_of(struct job_reader *r, const struct hcl_expr *e) {
    return hcl_source(r->diags->text, e->at);
}

bool job_refuse_expr(struct job_reader *r, const struct hcl_expr *e) {
    switch (e->kind) {
    case HCL_CALL:
        hcl_diags_add(r->diags, ERR_UNSUPPORTED, e->at, NULL, "covey does not support the function `%s` yet",
                      hcl_show(r->arena, e->text));
        return true;
    case HCL_ATTR:
    case HCL_INDEX:
    case HCL_SPLAT: job_refuse(r, e->at, source_of(r, e)); return true;
    case HCL_UNARY:
    case HCL_BINARY:
    case HCL_CONDITIONAL:
    case HCL_FOR_TUPLE:
    case HCL_FOR_OBJECT:
        hcl_diags_add(r->diags, ERR_UNSUPPORTED, e->at, NULL, "covey does not support expressions yet");
        return true;
    case HCL_IF:
    case HCL_FOR:
        hcl_diags_add(r->diags, ERR_UNSUPPORTED, e->at, "a literal `%{` is written `%%{`",
                      "covey does not support `%%{%s}` yet", e->kind == HCL_IF ? "if" : "for");
        return true;
    case HCL_NONE:
    case HCL_NULL:
    case HCL_BOOL:
    case HCL_INTEGER:
    case HCL_DECIMAL:
    case HCL_STRING:
    case HCL_TEMPLATE:
    case HCL_TUPLE:
    case HCL_OBJECT:
    case HCL_VARIABLE:
    case HCL_EACH:
    default: return false;
    }
}

void job_wrong_kind(struct job_reader *r, struct bytes key, const struct hcl_expr *value,
                    const char *expected) {
    if (job_refuse_expr(r, value))
        return;
    const char *hint = NULL;
    if (value->kind == HCL_VARIABLE)
        hint = arena_printf(r->arena, "text stands in quotes: \"%s\"", hcl_show(r->arena, value->text));
    hcl_diags_add(r->diags, ERR_INVALID, value->at, hint, "`%s`: expected %s, found %s",
                  hcl_show(r->arena, key), expected, hcl_kind_str(value->kind));
}

bool job_check_size(struct job_reader *r, struct hcl_span at, struct bytes key, size_t size, size_t max) {
    if (size <= max)
        return true;
    hcl_diags_add(r->diags, ERR_LIMIT, at, NULL, "`%s`: %zu bytes; at most %zu are allowed",
                  hcl_show(r->arena, key), size, max);
    return false;
}

/* ---- numbers ------------------------------------------------------------------------------------------- */

/* Digits in quotes are a number too, as everywhere in HCL. */
static bool quoted_integer(struct bytes text, int64_t *ret) {
    int64_t value = 0;
    if (text.size == 0 || text.size > 18)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        value = value * 10 + (text.data[i] - '0');
    }
    *ret = value;
    return true;
}

bool job_integer(struct job_reader *r, const struct hcl_item *item, int64_t min, int64_t max, uint32_t *ret) {
    const struct hcl_expr *value = item->value;
    int64_t integer = value->integer;
    if (value->kind != HCL_INTEGER && !(value->kind == HCL_STRING && quoted_integer(value->text, &integer))) {
        job_wrong_kind(r, item->name, value, "a whole number");
        return false;
    }
    if (integer < min || integer > max) {
        hcl_diags_add(r->diags, integer > max ? ERR_LIMIT : ERR_INVALID, value->at, NULL,
                      "`%s` is %lld; allowed are %lld to %lld", hcl_show(r->arena, item->name),
                      (long long)integer, (long long)min, (long long)max);
        return false;
    }
    *ret = (uint32_t)(integer < 0 ? 0 : integer);
    return true;
}

bool job_duration_ms(struct job_reader *r, const struct hcl_item *item, int64_t max_ms, uint64_t *ret_ms) {
    const struct hcl_expr *value = item->value;
    int64_t us = 0;
    if (value->kind != HCL_STRING) {
        job_wrong_kind(r, item->name, value, "a duration such as \"10s\"");
        return false;
    }
    int code = duration_parse(value->text, &us);
    if (code == ERR_INVALID || us % US_PER_MS != 0) {
        hcl_diags_add(r->diags, ERR_INVALID, value->at, "\"250ms\", \"10s\", \"1h30m\"; units d, h, m, s, ms",
                      "`%s`: \"%s\" is no duration in whole milliseconds", hcl_show(r->arena, item->name),
                      hcl_show(r->arena, value->text));
        return false;
    }
    if (code != 0 || us / US_PER_MS > max_ms) {
        struct buf max = {0};
        duration_append(&max, max_ms * US_PER_MS);
        hcl_diags_add(r->diags, ERR_LIMIT, value->at, NULL, "`%s` is longer than %s",
                      hcl_show(r->arena, item->name), buf_str(&max));
        buf_done(&max);
        return false;
    }
    *ret_ms = (uint64_t)(us / US_PER_MS);
    return true;
}

/* ---- texts of a fixed form ----------------------------------------------------------------------------- */

bool job_string(struct job_reader *r, const struct hcl_item *item, struct bytes *ret) {
    if (item->value->kind != HCL_STRING) {
        job_wrong_kind(r, item->name, item->value, "a string");
        return false;
    }
    if (!job_check_size(r, item->value->at, item->name, item->value->text.size, WIRE_NAME_MAX))
        return false;
    *ret = item->value->text;
    return true;
}

bool job_choice(struct job_reader *r, const struct hcl_item *item, const char *const *names, size_t count,
                size_t *ret_index) {
    struct bytes text;
    if (!job_string(r, item, &text))
        return false;
    for (size_t i = 0; i < count; i++)
        if (bytes_is(text, names[i])) {
            *ret_index = i;
            return true;
        }
    hcl_diags_add(r->diags, ERR_INVALID, item->value->at, job_hint(r, text, names, count),
                  "unknown %s \"%s\"", hcl_show(r->arena, item->name), hcl_show(r->arena, text));
    return false;
}

static bool is_name_byte(uint8_t b) {
    return (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || (b >= '0' && b <= '9') || b == '_' ||
           b == '-' || b == '.';
}

bool job_check_name(struct job_reader *r, const char *what, struct hcl_span at, struct bytes name) {
    bool is_good = name.size > 0 && name.data[0] != '.' && name.data[0] != '-';
    for (size_t i = 0; i < name.size; i++)
        is_good = is_good && is_name_byte(name.data[i]);
    if (!is_good)
        hcl_diags_add(r->diags, ERR_INVALID, at, "letters a-z, digits, `_`, `-`, `.`; not first `-` or `.`",
                      "\"%s\" cannot be the name of a %s", hcl_show(r->arena, name), what);
    return is_good && job_check_size(r, at, bytes_str(what), name.size, WIRE_NAME_MAX);
}
