/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Attributes and blocks, and how reading goes on after a mistake. */
#include "hcl_parser.h"

static struct hcl_body *parse_body(struct hcl_parser *p, const struct hcl_item *block);

static bool fail_expected(struct hcl_parser *p, const char *what, const char *hint) {
    hcl_fail_expected(p, what, hint);
    return false;
}

static struct hcl_item *item_new(struct hcl_parser *p, const struct hcl_token *name) {
    struct hcl_span at = hcl_span_of(name->start, name->end.offset);
    if (p->items++ >= HCL_ITEMS_MAX)
        return hcl_fail_limit(p, at, "more than %u attributes and blocks", HCL_ITEMS_MAX);
    struct hcl_item *item = arena_alloc(p->arena, sizeof *item);
    item->name = hcl_token_text(p, name);
    item->at = at;
    return item;
}

/* ---- blocks -------------------------------------------------------------------------------------------- */

static bool parse_label(struct hcl_parser *p, struct hcl_item *block, struct hcl_expr ***tail) {
    struct hcl_token t = hcl_next(p);
    struct hcl_expr *label = NULL;
    if (t.kind == HCL_T_QUOTE)
        label = hcl_parse_quoted(p, &t);
    else
        label = hcl_node_new(p, HCL_STRING, t.start);
    if (label == NULL)
        return false;
    if (t.kind == HCL_T_NAME)
        label->text = hcl_token_text(p, &t);
    if (label->kind != HCL_STRING) {
        hcl_fail(p, label->at, NULL, "a label is plain text, without `${...}`");
        return false;
    }
    **tail = label;
    *tail = &label->next;
    block->labels_count++;
    return true;
}

/* The inside of a block of several lines. */
static bool parse_lines(struct hcl_parser *p, struct hcl_item *block) {
    if (!hcl_enter(p, block->at))
        return false;
    block->body = parse_body(p, block);
    p->depth--;
    return block->body != NULL;
}

static const char one_line_hint[] = "write each attribute and block on a line of its own";

/* Nothing, or a single attribute, and the brace on the same line. */
static bool parse_one_line(struct hcl_parser *p, struct hcl_item *block) {
    block->body = arena_alloc(p->arena, sizeof *block->body);
    if (!hcl_at(p, HCL_T_RBRACE)) {
        if (!hcl_at(p, HCL_T_NAME))
            return fail_expected(p, "an attribute, `}` or the end of the line", NULL);
        struct hcl_token name = hcl_next(p);
        if (!hcl_take(p, HCL_T_ASSIGN))
            return fail_expected(p, "`=` in a block of one line", one_line_hint);
        struct hcl_item *item = item_new(p, &name);
        item = item != NULL && (item->value = hcl_parse_expr(p)) != NULL ? item : NULL;
        if (item == NULL)
            return false;
        block->body->first = item;
        block->body->count = 1;
    }
    if (!hcl_at(p, HCL_T_RBRACE))
        return fail_expected(p, "`}`: a block of one line holds a single attribute", one_line_hint);
    struct hcl_token end = hcl_next(p);
    block->body->end = hcl_span_of(end.start, end.end.offset);
    return true;
}

static bool parse_block(struct hcl_parser *p, struct hcl_item *block) {
    struct hcl_expr **tail = &block->labels;
    while (hcl_at(p, HCL_T_NAME) || hcl_at(p, HCL_T_QUOTE))
        if (!parse_label(p, block, &tail))
            return false;
    if (hcl_at(p, HCL_T_ASSIGN))
        return fail_expected(p, "`{`", "an attribute has one name and no label: name = value");
    if (!hcl_take(p, HCL_T_LBRACE))
        return fail_expected(p, "`{`",
                             "an attribute is written name = value, a block name \"label\" { ... }");
    if (!hcl_take(p, HCL_T_NEWLINE))
        return parse_one_line(p, block);
    return parse_lines(p, block);
}

/* ---- items --------------------------------------------------------------------------------------------- */

static bool fail_name(struct hcl_parser *p) {
    const struct hcl_token *t = hcl_peek(p);
    if (t->kind == HCL_T_QUOTE)
        return fail_expected(p, "a name", "names of attributes and blocks stand without quotes");
    if (t->kind == HCL_T_LBRACE || t->kind == HCL_T_LBRACKET)
        return fail_expected(p, "an attribute or a block", "this is HCL, not JSON: job \"name\" { ... }");
    if (t->kind == HCL_T_RBRACE)
        return fail_expected(p, "an attribute or a block", "no block is open here");
    return fail_expected(p, "an attribute or a block", NULL);
}

static const char *value_hint(struct hcl_parser *p, const struct hcl_item *item) {
    const struct hcl_token *t = hcl_peek(p);
    bool is_number = item->value->kind == HCL_INTEGER || item->value->kind == HCL_DECIMAL;
    if (t->kind == HCL_T_NAME && is_number && t->start.offset == p->used)
        return arena_printf(p->arena, "text stands in quotes: \"%.*s%s\"",
                            BYTES_FMT(hcl_source(p->text, item->value->at)),
                            hcl_show(p->arena, hcl_token_text(p, t)));
    if (item->value->kind == HCL_VARIABLE)
        return "text stands in quotes";
    if (t->kind == HCL_T_COMMA)
        return "attributes are separated by lines, not by commas";
    return NULL;
}

/* name = value, or a block, and the end of its line. NULL = reported. */
static struct hcl_item *parse_item(struct hcl_parser *p) {
    if (!hcl_at(p, HCL_T_NAME)) {
        fail_name(p);
        return NULL;
    }
    struct hcl_token name = hcl_next(p);
    struct hcl_item *item = item_new(p, &name);
    if (item == NULL)
        return NULL;
    if (hcl_at(p, HCL_T_COLON))
        return hcl_fail_expected(p, "`=` or `{`", "a value is given with `=`");
    if (hcl_at(p, HCL_T_NUMBER) || hcl_at(p, HCL_T_NEWLINE))
        return hcl_fail_expected(p, "`=` or `{`", NULL);
    if (hcl_take(p, HCL_T_ASSIGN) ? (item->value = hcl_parse_expr(p)) == NULL : !parse_block(p, item))
        return NULL;
    if (!hcl_at(p, HCL_T_NEWLINE) && !hcl_at(p, HCL_T_END))
        return hcl_fail_expected(p, "the end of the line",
                                 item->value != NULL ? value_hint(p, item) : one_line_hint);
    return p->is_failed ? NULL : item;
}

/* ---- recovery ------------------------------------------------------------------------------------------ */

/* At a quote: over the string, or to the end of the line if it is not closed there. */
static void skip_string(struct hcl_parser *p) {
    hcl_advance(p, 1);
    while (p->pos.offset < p->text.size && hcl_byte(p, 0) != '\n') {
        uint8_t b = hcl_byte(p, 0);
        hcl_advance(p, b == '\\' ? 2 : 1);
        if (b == '"')
            return;
    }
}

/*
 * From the start of a broken item to the end of the line on which its brackets are closed, at least to where
 * the mistake was seen; or before a brace that closes the block around it. False if the brackets never close.
 */
static bool skip_item(struct hcl_parser *p, uint32_t mistake) {
    int32_t depth = 0;
    while (p->pos.offset < p->text.size) {
        uint8_t b = hcl_byte(p, 0);
        if (b == '\n' && depth == 0 && p->pos.offset >= mistake)
            return true;
        if (b == '"') {
            skip_string(p);
            continue;
        }
        if (b == '#' || hcl_text_at(p, "//")) {
            while (p->pos.offset < p->text.size && hcl_byte(p, 0) != '\n')
                hcl_advance(p, 1);
            continue;
        }
        depth += b == '{' || b == '[' || b == '(' ? 1 : 0;
        if (b == '}' || b == ']' || b == ')') {
            if (depth == 0 && b == '}' && p->pos.offset >= mistake)
                return true;
            depth -= depth > 0 ? 1 : 0;
        }
        hcl_advance(p, 1);
    }
    return depth == 0;
}

/* After a mistake: go on behind the item, or, where its brackets do not close, on the line after the mistake.
 */
static void recover(struct hcl_parser *p, struct hcl_pos start, bool is_top) {
    struct hcl_pos mistake = p->has_token ? p->token.start : p->pos;
    p->has_token = false;
    p->is_failed = false;
    p->skips_newlines = false;
    p->pos = start;
    if (!skip_item(p, mistake.offset)) {
        p->pos = mistake;
        while (p->pos.offset < p->text.size && hcl_byte(p, 0) != '\n')
            hcl_advance(p, 1);
    }
    if (is_top && hcl_byte(p, 0) == '}')
        hcl_advance(p, 1);
}

/* ---- bodies -------------------------------------------------------------------------------------------- */

static bool is_redefined(struct hcl_parser *p, struct map *names, struct hcl_item *item) {
    if (item->value == NULL)
        return false;
    struct hcl_item *before = map_get(names, item->name);
    if (before == NULL) {
        map_put(names, item->name, item);
        return false;
    }
    hcl_fail(p, item->at, NULL, "`%s` is set twice: the first time in line %u",
             hcl_show(p->arena, item->name), before->at.line);
    p->is_failed = false;
    return true;
}

static void parse_items(struct hcl_parser *p, struct hcl_body *body, bool is_top, struct map *names) {
    struct hcl_item **tail = &body->first;
    while (!p->is_stopped) {
        while (hcl_take(p, HCL_T_NEWLINE))
            ;
        if (hcl_at(p, HCL_T_END) || (!is_top && hcl_at(p, HCL_T_RBRACE)))
            return;
        struct hcl_pos start = hcl_peek(p)->start;
        uint32_t depth = p->depth;
        struct hcl_item *item = p->is_failed ? NULL : parse_item(p);
        p->depth = depth;
        if (p->is_stopped)
            return;
        if (item == NULL) {
            recover(p, start, is_top);
        } else if (!is_redefined(p, names, item)) {
            *tail = item;
            tail = &item->next;
            body->count++;
        }
    }
}

static void note_crooked(struct hcl_parser *p, const struct hcl_item *block, struct hcl_span brace) {
    if (p->crooked != NULL || brace.column == block->at.column)
        return;
    p->crooked = block;
    p->crooked_line = brace.line;
}

/* At the end of the file: the blocks around this one are open, too, and nothing is left to read. */
static void *fail_open(struct hcl_parser *p, const struct hcl_item *block) {
    const char *hint = NULL;
    if (p->crooked != NULL)
        hint = arena_printf(p->arena, "the `}` in line %u closes `%s` of line %u: is one missing before it?",
                            p->crooked_line, hcl_show(p->arena, p->crooked->name), p->crooked->at.line);
    hcl_fail(p, block->at, hint, "this block is never closed with `}`");
    p->is_stopped = true;
    return NULL;
}

/* Up to and with the brace of `block`, or to the end of the file (NULL). */
static struct hcl_body *parse_body(struct hcl_parser *p, const struct hcl_item *block) {
    struct hcl_body *body = arena_alloc(p->arena, sizeof *body);
    struct map names = {0};
    parse_items(p, body, block == NULL, &names);
    map_done(&names);
    const struct hcl_token *t = hcl_peek(p);
    body->end = hcl_span_of(t->start, t->end.offset);
    if (block == NULL)
        return body;
    if (!hcl_take(p, HCL_T_RBRACE))
        return fail_open(p, block);
    note_crooked(p, block, body->end);
    return body;
}

int hcl_parse(struct arena *a, struct hcl_diags *d, struct hcl_body **ret_body) {
    struct hcl_parser p = {.text = d->text, .arena = a, .diags = d, .pos = {.line = 1, .column = 1}};
    struct hcl_body *body = NULL;
    if (hcl_check_text(&p) == 0)
        body = parse_body(&p, NULL);
    int code = hcl_diags_code(d);
    if (code == 0)
        *ret_body = body;
    return code;
}
