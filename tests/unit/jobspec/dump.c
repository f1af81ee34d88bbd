/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "dump.h"

#include <stdio.h>

static void dump_text(struct bytes text, struct buf *out) {
    buf_append_byte(out, '"');
    for (size_t i = 0; i < text.size; i++) {
        uint8_t b = text.data[i];
        if (b == '\n' || b == '\r' || b == '\t')
            buf_printf(out, "\\%c", b == '\n' ? 'n' : b == '\r' ? 'r' : 't');
        else if (b == '"' || b == '\\')
            buf_printf(out, "\\%c", b);
        else
            buf_append_byte(out, b);
    }
    buf_append_byte(out, '"');
}

static void dump_children(const char *head, const struct hcl_expr *e, struct buf *out) {
    buf_printf(out, "(%s", head);
    for (const struct hcl_expr *child = e->first; child != NULL; child = child->next) {
        buf_append_byte(out, ' ');
        dump_expr(child, out);
    }
    buf_append_byte(out, ')');
}

static void dump_list(const struct hcl_expr *e, struct buf *out) {
    bool is_object = e->kind == HCL_OBJECT, is_key = true;
    buf_append_byte(out, is_object ? '{' : '[');
    for (const struct hcl_expr *child = e->first; child != NULL; child = child->next) {
        dump_expr(child, out);
        if (is_object && is_key)
            buf_printf(out, ": ");
        else if (child->next != NULL)
            buf_printf(out, ", ");
        is_key = !is_key;
    }
    buf_append_byte(out, is_object ? '}' : ']');
}

static const char *head_of(const struct hcl_expr *e) {
    switch ((int)e->kind) {
    case HCL_TEMPLATE: return "template";
    case HCL_INDEX: return "index";
    case HCL_SPLAT: return e->flag ? "[*]" : ".*";
    case HCL_UNARY:
    case HCL_BINARY: return hcl_op_str(e->op);
    case HCL_CONDITIONAL: return "?:";
    case HCL_FOR_TUPLE: return "[for]";
    case HCL_FOR_OBJECT: return e->flag ? "{for...}" : "{for}";
    case HCL_IF: return "%if";
    default: return "%for";
    }
}

void dump_expr(const struct hcl_expr *e, struct buf *out) {
    switch ((int)e->kind) {
    case HCL_NONE: buf_append_byte(out, '_'); return;
    case HCL_NULL: buf_printf(out, "null"); return;
    case HCL_BOOL: buf_printf(out, e->flag ? "true" : "false"); return;
    case HCL_INTEGER: buf_printf(out, "%lld", (long long)e->integer); return;
    case HCL_DECIMAL: buf_printf(out, "%.*sd", BYTES_FMT(e->text)); return;
    case HCL_STRING: dump_text(e->text, out); return;
    case HCL_EACH: buf_append_byte(out, '@'); return;
    case HCL_VARIABLE: buf_append(out, e->text.data, e->text.size); return;
    case HCL_TUPLE:
    case HCL_OBJECT: dump_list(e, out); return;
    case HCL_ATTR:
        buf_printf(out, "(. ");
        dump_expr(e->first, out);
        buf_printf(out, " %.*s)", BYTES_FMT(e->text));
        return;
    case HCL_CALL: {
        struct buf head = {0};
        buf_printf(&head, "call%s %.*s", e->flag ? "..." : "", BYTES_FMT(e->text));
        dump_children(buf_str(&head), e, out);
        buf_done(&head);
        return;
    }
    default: dump_children(head_of(e), e, out);
    }
}

void dump_body(const struct hcl_body *body, struct buf *out) {
    for (const struct hcl_item *item = body->first; item != NULL; item = item->next) {
        buf_append(out, item->name.data, item->name.size);
        for (const struct hcl_expr *label = item->labels; label != NULL; label = label->next) {
            buf_append_byte(out, ' ');
            dump_expr(label, out);
        }
        buf_printf(out, item->body != NULL ? " { " : " = ");
        if (item->body != NULL) {
            dump_body(item->body, out);
            buf_printf(out, item->body->count > 0 ? " }" : "}");
        } else {
            dump_expr(item->value, out);
        }
        if (item->next != NULL)
            buf_printf(out, "; ");
    }
}

void parsed_init(struct parsed *p, struct bytes text) {
    memset(p, 0, sizeof *p);
    hcl_diags_init(&p->diags, "t.hcl", text, &p->arena);
    p->code = hcl_parse(&p->arena, &p->diags, &p->body);
}

void parsed_done(struct parsed *p) { arena_done(&p->arena); }

const char *tree_of(struct arena *a, const char *text) {
    struct hcl_diags diags;
    struct hcl_body *body = NULL;
    hcl_diags_init(&diags, "t.hcl", bytes_str(text), a);
    if (hcl_parse(a, &diags, &body) != 0)
        return arena_printf(a, "%u:%u: %s", diags.list[0].at.line, diags.list[0].at.column,
                            diags.list[0].message);
    struct buf out = {0};
    dump_body(body, &out);
    const char *copy = (const char *)arena_copy(a, buf_bytes(&out)).data;
    buf_done(&out);
    return copy;
}

struct bytes source_file(struct arena *a, const char *path) {
    FILE *f = fopen(arena_printf(a, "%s/%s", TEST_SRCDIR, path), "rb");
    if (f == NULL)
        return bytes_of(NULL, 0);
    size_t capacity = 2 * HCL_FILE_SIZE_MAX;
    uint8_t *data = mem_alloc(capacity);
    struct bytes copy = arena_copy(a, bytes_of(data, fread(data, 1, capacity, f)));
    mem_free(data);
    fclose(f);
    return copy;
}
