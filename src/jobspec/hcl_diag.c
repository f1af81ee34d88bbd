/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Diagnostics: collected in the order of the file, shown with the line they speak of. */
#include "hcl_parser.h"

#define SHOWN_MAX  64U  /* bytes of a name in a message */
#define LINE_MAX   120U /* bytes of a line that are shown */
#define BEFORE_MAX 80U  /* of these, before the place */

void hcl_diags_init(struct hcl_diags *d, const char *file, struct bytes text, struct arena *arena) {
    *d = (struct hcl_diags){.file = file, .text = text, .arena = arena};
}

void hcl_diags_vadd(struct hcl_diags *d, int code, struct hcl_span at, const char *hint, const char *format,
                    va_list args) {
    if (d->count == HCL_DIAGS_MAX) {
        d->is_cut = true;
        return;
    }
    struct buf message = {0};
    buf_vprintf(&message, format, args);
    const char *copy = (const char *)arena_copy(d->arena, buf_bytes(&message)).data;
    buf_done(&message);
    size_t rest = d->text.size - at.offset; /* a broken escape may be cut off by the end of the file */
    at.size = at.size < rest ? at.size : (uint32_t)rest;
    size_t i = d->count++;
    for (; i > 0 && d->list[i - 1].at.offset > at.offset; i--)
        d->list[i] = d->list[i - 1];
    d->list[i] = (struct hcl_diag){.code = code, .at = at, .message = copy, .hint = hint};
}

void hcl_diags_add(struct hcl_diags *d, int code, struct hcl_span at, const char *hint, const char *format,
                   ...) {
    va_list args;
    va_start(args, format);
    hcl_diags_vadd(d, code, at, hint, format, args);
    va_end(args);
}

int hcl_diags_code(const struct hcl_diags *d) { return d->count > 0 ? d->list[0].code : 0; }

/* ---- printing ------------------------------------------------------------------------------------------ */

static bool is_continuation(uint8_t b) { return (b & 0xc0) == 0x80; }

/* Text from a file on somebody's terminal: no control characters (C1 ones are 0xc2 0x80-0x9f), no broken
 * UTF-8. */
static void append_shown(struct buf *out, struct bytes text) {
    for (size_t i = 0; i < text.size;) {
        const uint8_t *at = text.data + i;
        size_t n = hcl_utf8_size(at, text.size - i);
        bool is_control =
            (n == 1 && (*at < 0x20 || *at == 0x7f) && *at != '\t') || (n == 2 && *at == 0xc2 && at[1] < 0xa0);
        if (n == 0 || is_control)
            buf_append_byte(out, '?');
        else
            buf_append(out, at, n);
        i += n > 0 ? n : 1;
    }
}

/* What of the line around `offset` is shown. */
static struct bytes line_around(struct bytes text, size_t offset) {
    offset = offset < text.size ? offset : text.size;
    size_t start = offset, end = offset;
    while (start > 0 && text.data[start - 1] != '\n' && offset - start < BEFORE_MAX)
        start--;
    while (start < offset && is_continuation(text.data[start]))
        start++;
    while (end < text.size && text.data[end] != '\n' && end - start < LINE_MAX)
        end++;
    while (end > offset && end < text.size && is_continuation(text.data[end]))
        end--;
    if (end > start && text.data[end - 1] == '\r')
        end--;
    if (start == 0 && end - start >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0)
        start = 3;
    return bytes_of(text.data + start, end - start);
}

/* The line, and under it a caret: one column for each character, tabs kept so that both lines agree. */
static void print_line(const struct hcl_diags *d, const struct hcl_diag *diag, struct buf *out) {
    struct bytes line = line_around(d->text, diag->at.offset);
    if (line.size == 0)
        return;
    size_t place = diag->at.offset > (size_t)(line.data - d->text.data)
                       ? diag->at.offset - (size_t)(line.data - d->text.data)
                       : 0;
    buf_printf(out, "    ");
    append_shown(out, line);
    buf_printf(out, "\n    ");
    for (size_t i = 0; i < place && i < line.size; i++)
        if (!is_continuation(line.data[i]))
            buf_append_byte(out, line.data[i] == '\t' ? '\t' : ' ');
    buf_printf(out, "^\n");
}

void hcl_diags_print(const struct hcl_diags *d, struct buf *out) {
    for (size_t i = 0; i < d->count; i++) {
        const struct hcl_diag *diag = &d->list[i];
        buf_printf(out, "%s:%u:%u: ", d->file, diag->at.line, diag->at.column);
        append_shown(out, bytes_str(diag->message));
        buf_append_byte(out, '\n');
        if (d->text.size <= HCL_FILE_SIZE_MAX)
            print_line(d, diag, out);
        if (diag->hint != NULL) {
            buf_printf(out, "    hint: ");
            append_shown(out, bytes_str(diag->hint));
            buf_append_byte(out, '\n');
        }
    }
    if (d->is_cut)
        buf_printf(out, "%s: reading ends after %zu mistakes; there may be more\n", d->file, d->count);
}

/* ---- help for messages --------------------------------------------------------------------------------- */

const char *hcl_hint_nearest(struct arena *a, struct bytes word, const char *const *names,
                             size_t names_count) {
    const char *nearest = text_nearest(word, names, names_count);
    return nearest != NULL ? arena_printf(a, "did you mean `%s`?", nearest) : NULL;
}

const char *hcl_show(struct arena *a, struct bytes name) {
    size_t size = name.size;
    if (size > SHOWN_MAX) {
        size = SHOWN_MAX;
        while (size > 0 && is_continuation(name.data[size]))
            size--;
    }
    return arena_printf(a, "%.*s%s", (int)size, (const char *)name.data, size < name.size ? "..." : "");
}

/* ---- names of kinds and operators ---------------------------------------------------------------------- */

const char *hcl_kind_str(enum hcl_kind kind) {
    switch (kind) {
    case HCL_NONE: return "nothing";
    case HCL_NULL: return "null";
    case HCL_BOOL: return "a boolean";
    case HCL_INTEGER: return "a number";
    case HCL_DECIMAL: return "a decimal number";
    case HCL_STRING: return "a string";
    case HCL_TEMPLATE: return "a string with `${...}`";
    case HCL_TUPLE: return "a list";
    case HCL_OBJECT: return "a map";
    case HCL_VARIABLE: return "a name without quotes";
    case HCL_CALL: return "a function call";
    case HCL_ATTR:
    case HCL_INDEX:
    case HCL_SPLAT:
    case HCL_EACH:
    case HCL_UNARY:
    case HCL_BINARY:
    case HCL_CONDITIONAL:
    case HCL_FOR_TUPLE:
    case HCL_FOR_OBJECT:
    case HCL_IF:
    case HCL_FOR:
    default: return "an expression";
    }
}

const char *hcl_op_str(enum hcl_op op) {
    static const char *const texts[] = {
        [HCL_OP_NONE] = "",        [HCL_OP_NEGATE] = "-",         [HCL_OP_NOT] = "!",
        [HCL_OP_OR] = "||",        [HCL_OP_AND] = "&&",           [HCL_OP_EQUAL] = "==",
        [HCL_OP_NOT_EQUAL] = "!=", [HCL_OP_LESS] = "<",           [HCL_OP_LESS_EQUAL] = "<=",
        [HCL_OP_GREATER] = ">",    [HCL_OP_GREATER_EQUAL] = ">=", [HCL_OP_ADD] = "+",
        [HCL_OP_SUBTRACT] = "-",   [HCL_OP_MULTIPLY] = "*",       [HCL_OP_DIVIDE] = "/",
        [HCL_OP_MODULO] = "%",
    };
    return (size_t)op < sizeof texts / sizeof texts[0] ? texts[op] : "?";
}
