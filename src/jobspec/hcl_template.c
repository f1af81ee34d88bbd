/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Templates: "..." and heredocs with ${...} and %{...}. Read in three steps, as the specification describes
 * it: the text is cut into parts; strip markers and the indentation of <<- change the literal parts, of which
 * a heredoc has one for each line; then %{if} and %{for} make a tree of the parts.
 */
#include "hcl_parser.h"

enum part_kind { PART_TEXT, PART_VALUE, PART_IF, PART_ELSE, PART_ENDIF, PART_FOR, PART_ENDFOR };

struct part {
    struct part *next;
    enum part_kind kind;
    bool strips_before, strips_after; /* ${~ and ~} */
    struct hcl_pos start;
    struct hcl_span at;
    struct bytes text;     /* TEXT */
    struct hcl_expr *node; /* VALUE: it; IF, FOR: the node, its template missing */
};

struct parts {
    struct part *first, **tail;
    bool is_quoted;
};

/* NULL past HCL_NODES_MAX: the lines of a heredoc count as nodes. */
static struct part *part_add(struct hcl_parser *p, struct parts *parts, enum part_kind kind,
                             struct hcl_pos start) {
    if (p->nodes++ >= HCL_NODES_MAX)
        return hcl_fail_limit(p, hcl_span_of(start, start.offset), "more than %u values and lines",
                              HCL_NODES_MAX);
    struct part *part = arena_alloc(p->arena, sizeof *part);
    part->kind = kind;
    part->start = start;
    part->at = hcl_span_of(start, p->pos.offset);
    *parts->tail = part;
    parts->tail = &part->next;
    return part;
}

/* ---- step 1: ${ and %{ --------------------------------------------------------------------------------- */

/* `}` or `~}`: raw text follows. */
static bool close_sequence(struct hcl_parser *p, struct part *part) {
    part->strips_after = hcl_at(p, HCL_T_STRIP_RBRACE);
    if (!part->strips_after && !hcl_at(p, HCL_T_RBRACE)) {
        hcl_fail_expected(p, "`}`", NULL);
        return false;
    }
    hcl_next(p);
    part->at = hcl_span_of(part->start, p->used);
    return !p->is_failed;
}

static bool parse_value(struct hcl_parser *p, struct part *part) {
    part->node = hcl_parse_expr(p);
    return part->node != NULL && close_sequence(p, part);
}

static bool parse_if(struct hcl_parser *p, struct part *part) {
    part->kind = PART_IF;
    part->node = hcl_node_new(p, HCL_IF, part->start);
    struct hcl_expr *condition = part->node != NULL ? hcl_parse_expr(p) : NULL;
    if (condition == NULL)
        return false;
    hcl_node_add(p, part->node, condition);
    return close_sequence(p, part);
}

static bool parse_for(struct hcl_parser *p, struct part *part) {
    part->kind = PART_FOR;
    part->node = hcl_node_new(p, HCL_FOR, part->start);
    if (part->node == NULL || !hcl_parse_for_names(p, part->node))
        return false;
    struct hcl_expr *collection = hcl_parse_expr(p);
    if (collection == NULL)
        return false;
    hcl_node_add(p, part->node, collection);
    return close_sequence(p, part);
}

static bool parse_directive(struct hcl_parser *p, struct part *part) {
    struct hcl_token t = *hcl_peek(p);
    if (t.kind == HCL_T_NAME)
        hcl_next(p);
    if (hcl_token_is(p, &t, "if"))
        return parse_if(p, part);
    if (hcl_token_is(p, &t, "for"))
        return parse_for(p, part);
    if (hcl_token_is(p, &t, "else"))
        part->kind = PART_ELSE;
    else if (hcl_token_is(p, &t, "endif"))
        part->kind = PART_ENDIF;
    else if (hcl_token_is(p, &t, "endfor"))
        part->kind = PART_ENDFOR;
    else if (t.kind != HCL_T_BAD)
        hcl_fail(p, hcl_span_of(t.start, t.end.offset), "a literal `%{` is written `%%{`",
                 "expected `if`, `else`, `endif`, `for` or `endfor` after `%%{`, found %s",
                 hcl_token_str(p, &t));
    return !p->is_failed && close_sequence(p, part);
}

/* At `${` or `%{`. */
static bool parse_sequence(struct hcl_parser *p, struct parts *parts) {
    struct hcl_pos start = p->pos;
    bool is_value = hcl_byte(p, 0) == '$';
    if (!hcl_enter(p, hcl_span_of(start, start.offset + 2)))
        return false;
    hcl_advance(p, 2);
    struct part *part = part_add(p, parts, PART_VALUE, start);
    if (part == NULL)
        return false;
    part->strips_before = hcl_byte(p, 0) == '~';
    hcl_advance(p, part->strips_before ? 1 : 0);
    bool before = p->skips_newlines;
    p->skips_newlines = true;
    bool is_good = is_value ? parse_value(p, part) : parse_directive(p, part);
    p->skips_newlines = before;
    p->depth--;
    return is_good;
}

/* ---- step 1: literal text ------------------------------------------------------------------------------ */

static bool at_sequence(const struct hcl_parser *p) {
    return (hcl_byte(p, 0) == '$' || hcl_byte(p, 0) == '%') && hcl_byte(p, 1) == '{';
}

/* Size of an escaped `$${` or `%%{`, 0 if there is none. */
static uint32_t escaped_sequence(const struct hcl_parser *p) {
    return hcl_text_at(p, "$${") || hcl_text_at(p, "%%{") ? 3 : 0;
}

static uint32_t hex_value(const struct hcl_parser *p, uint32_t ahead, uint32_t digits) {
    uint32_t value = 0;
    for (uint32_t i = 0; i < digits; i++) {
        uint8_t b = hcl_byte(p, ahead + i), low = b | 0x20;
        if (b >= '0' && b <= '9')
            value = value << 4 | (uint32_t)(b - '0');
        else if (low >= 'a' && low <= 'f')
            value = value << 4 | (uint32_t)(low - 'a' + 10);
        else
            return UINT32_MAX;
    }
    return value;
}

static size_t put_utf8(uint8_t *out, uint32_t c) {
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, c >>= 6)
        out[i] = (uint8_t)(0x80 | (c & 0x3f));
    out[0] = (uint8_t)((0xf00U >> n & 0xf0U) | c);
    return n;
}

static size_t decode_unicode(struct hcl_parser *p, uint8_t *out) {
    uint32_t digits = hcl_byte(p, 1) == 'u' ? 4 : 8;
    uint32_t c = hex_value(p, 2, digits);
    if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
        hcl_fail(p, hcl_span_of(p->pos, p->pos.offset + 2), NULL,
                 c == 0 ? "a NUL character" : "expected %u hexadecimal digits of a character after `\\%c`",
                 digits, hcl_byte(p, 1));
        return 0;
    }
    hcl_advance(p, 2 + digits);
    return put_utf8(out, c);
}

/* At a backslash. Writes what it stands for; 0 = reported. */
static size_t decode_escape(struct hcl_parser *p, uint8_t *out) {
    static const char from[] = "nrt\"\\", to[] = "\n\r\t\"\\";
    uint8_t b = hcl_byte(p, 1);
    if (b == 'u' || b == 'U')
        return decode_unicode(p, out);
    const char *found = b != 0 ? memchr(from, b, sizeof from - 1) : NULL;
    if (found == NULL) {
        uint32_t size = 1;
        hcl_char(p, 1, &size);
        hcl_fail(p, hcl_span_of(p->pos, p->pos.offset + 1 + size), "a backslash itself is written `\\\\`",
                 "unknown escape; known are \\n \\r \\t \\\" \\\\ \\uNNNN \\UNNNNNNNN");
        return 0;
    }
    hcl_advance(p, 2);
    out[0] = (uint8_t)to[found - from];
    return 1;
}

static bool at_text_end(const struct hcl_parser *p, bool is_quoted) {
    if (p->pos.offset >= p->text.size || at_sequence(p))
        return true;
    return is_quoted && (hcl_byte(p, 0) == '"' || hcl_byte(p, 0) == '\n' || hcl_byte(p, 0) == '\r');
}

/* The size of the literal at pos in the source: an upper bound for what it decodes to. */
static size_t text_bound(const struct hcl_parser *p, bool is_quoted) {
    struct hcl_parser look = *p;
    while (!at_text_end(&look, is_quoted)) {
        uint32_t escaped = escaped_sequence(&look);
        bool is_pair = is_quoted && hcl_byte(&look, 0) == '\\';
        bool is_last = !is_quoted && hcl_byte(&look, 0) == '\n';
        hcl_advance(&look, escaped > 0 ? escaped : is_pair ? 2 : 1);
        if (is_last)
            break;
    }
    return look.pos.offset - p->pos.offset;
}

/* Literal text to the next sequence, the closing quote, or (heredoc) over the end of the line. */
static bool parse_text(struct hcl_parser *p, struct parts *parts) {
    struct hcl_pos start = p->pos;
    uint8_t *out = arena_alloc(p->arena, text_bound(p, parts->is_quoted) + 1);
    size_t size = 0;
    bool ends_line = false;
    while (!ends_line && !at_text_end(p, parts->is_quoted)) {
        uint32_t escaped = escaped_sequence(p);
        if (parts->is_quoted && hcl_byte(p, 0) == '\\') {
            size_t n = decode_escape(p, out + size);
            if (n == 0)
                return false;
            size += n;
            continue;
        }
        if (escaped > 0)
            hcl_advance(p, 1);
        uint32_t n = escaped > 0 ? 2 : 1;
        ends_line = !parts->is_quoted && hcl_byte(p, 0) == '\n';
        memcpy(out + size, p->text.data + p->pos.offset, n);
        hcl_advance(p, n);
        size += n;
    }
    struct part *part = part_add(p, parts, PART_TEXT, start);
    if (part == NULL)
        return false;
    part->text = bytes_of(out, size);
    return true;
}

/* ---- step 2: strip markers and indentation ------------------------------------------------------------- */

static bool is_space(uint8_t b) { return b == ' ' || (b >= '\t' && b <= '\r'); }

static size_t leading_spaces(struct bytes text) {
    size_t n = 0;
    while (n < text.size && is_space(text.data[n]))
        n++;
    return n;
}

static struct bytes drop_front(struct bytes text, size_t n) { return bytes_of(text.data + n, text.size - n); }

static void apply_strips(struct parts *parts) {
    for (struct part *part = parts->first; part != NULL && part->next != NULL; part = part->next) {
        if (part->kind == PART_TEXT && part->next->strips_before)
            while (part->text.size > 0 && is_space(part->text.data[part->text.size - 1]))
                part->text.size--;
        if (part->next->kind == PART_TEXT && part->strips_after)
            part->next->text = drop_front(part->next->text, leading_spaces(part->next->text));
    }
}

/* A line whose end was stripped away goes on in the next, as HashiCorp's own parser has it. */
static bool ends_line(const struct part *part) {
    return part->kind == PART_TEXT && part->text.size > 0 && part->text.data[part->text.size - 1] == '\n';
}

/* Lines that are only spaces neither count nor change; a line that begins with a value has no indentation. */
static bool is_line_counted(const struct part *part) {
    return !ends_line(part) || leading_spaces(part->text) < part->text.size;
}

static void strip_indentation(struct parts *parts) {
    size_t indent = SIZE_MAX;
    bool is_start = true;
    for (const struct part *part = parts->first; part != NULL; part = part->next) {
        if (is_start && is_line_counted(part)) {
            size_t n = part->kind == PART_TEXT ? leading_spaces(part->text) : 0;
            indent = n < indent ? n : indent;
        }
        is_start = ends_line(part);
    }
    is_start = true;
    for (struct part *part = parts->first; part != NULL; part = part->next) {
        if (is_start && part->kind == PART_TEXT && is_line_counted(part))
            part->text = drop_front(part->text, indent);
        is_start = ends_line(part);
    }
}

/* ---- step 3: the tree ---------------------------------------------------------------------------------- */

static struct hcl_expr *build(struct hcl_parser *p, struct part **at, struct hcl_span span);

/* The run of texts at *at as one string. */
static struct hcl_expr *build_text(struct hcl_parser *p, struct part **at) {
    struct hcl_expr *e = hcl_node_new(p, HCL_STRING, (*at)->start);
    struct buf text = {0};
    uint32_t end = 0;
    for (; *at != NULL && (*at)->kind == PART_TEXT; *at = (*at)->next) {
        buf_append(&text, (*at)->text.data, (*at)->text.size);
        end = (*at)->at.offset + (*at)->at.size;
    }
    if (e != NULL) {
        e->text = arena_copy(p->arena, buf_bytes(&text));
        e->at.size = end - e->at.offset;
    }
    buf_done(&text);
    return e;
}

static bool add_template(struct hcl_parser *p, struct hcl_expr *parent, struct part **at,
                         struct hcl_span span) {
    struct hcl_expr *template = build(p, at, span);
    if (template != NULL)
        hcl_node_add(p, parent, template);
    return template != NULL;
}

/* Takes the directive that must follow. */
static bool take_end(struct hcl_parser *p, struct part **at, const struct part *opening,
                     enum part_kind kind) {
    if (*at == NULL || (*at)->kind != kind) {
        hcl_fail(p, opening->at, NULL, "this `%s` is never closed with `%s`",
                 opening->kind == PART_FOR ? "%{for}" : "%{if}",
                 opening->kind == PART_FOR ? "%{endfor}" : "%{endif}");
        return false;
    }
    *at = (*at)->next;
    return true;
}

static struct hcl_expr *build_for(struct hcl_parser *p, struct part **at) {
    struct part *opening = *at;
    *at = opening->next;
    bool is_good = add_template(p, opening->node, at, opening->at) && take_end(p, at, opening, PART_ENDFOR);
    return is_good ? opening->node : NULL;
}

static struct hcl_expr *build_if(struct hcl_parser *p, struct part **at) {
    struct part *opening = *at;
    *at = opening->next;
    if (!add_template(p, opening->node, at, opening->at))
        return NULL;
    if (*at != NULL && (*at)->kind == PART_ELSE) {
        struct hcl_span span = (*at)->at;
        *at = (*at)->next;
        if (!add_template(p, opening->node, at, span))
            return NULL;
    } else {
        struct hcl_expr *none = hcl_node_new(p, HCL_NONE, opening->start);
        if (none == NULL)
            return NULL;
        hcl_node_add(p, opening->node, none);
    }
    return take_end(p, at, opening, PART_ENDIF) ? opening->node : NULL;
}

/* One child of a template. */
static struct hcl_expr *build_child(struct hcl_parser *p, struct part **at) {
    struct part *part = *at;
    switch (part->kind) {
    case PART_TEXT: return build_text(p, at);
    case PART_VALUE: *at = part->next; return part->node;
    case PART_IF: return build_if(p, at);
    case PART_FOR: return build_for(p, at);
    case PART_ELSE:
    case PART_ENDIF:
    case PART_ENDFOR:
    default: return NULL;
    }
}

static bool at_end_directive(const struct part *part) {
    return part->kind == PART_ELSE || part->kind == PART_ENDIF || part->kind == PART_ENDFOR;
}

/* The parts up to an else, an end, or the last. A lone string is the string, no part the empty one. */
static struct hcl_expr *build(struct hcl_parser *p, struct part **at, struct hcl_span span) {
    struct hcl_expr *e = hcl_node_new(p, HCL_TEMPLATE, p->pos);
    if (e == NULL || !hcl_enter(p, span))
        return NULL;
    e->at = span;
    while (*at != NULL && !at_end_directive(*at)) {
        struct hcl_expr *child = build_child(p, at);
        if (child == NULL)
            return NULL;
        if (child->kind != HCL_STRING || child->text.size > 0)
            hcl_node_add(p, e, child);
    }
    p->depth--;
    bool is_text = e->count == 1 && e->first->kind == HCL_STRING;
    if (e->count == 0 || is_text) {
        e->kind = HCL_STRING;
        e->text = is_text ? e->first->text : (struct bytes){0};
        e->first = e->last = NULL;
        e->count = e->height = 0;
    }
    return p->is_failed ? NULL : e;
}

static struct hcl_expr *build_all(struct hcl_parser *p, struct parts *parts, struct hcl_pos start) {
    struct part *at = parts->first;
    struct hcl_span span = hcl_span_of(start, p->used);
    struct hcl_expr *e = build(p, &at, span);
    if (e == NULL || at == NULL)
        return e;
    return hcl_fail(p, at->at, NULL, "nothing is open that this could end");
}

/* ---- the two forms ------------------------------------------------------------------------------------- */

struct hcl_expr *hcl_parse_quoted(struct hcl_parser *p, const struct hcl_token *quote) {
    struct parts parts = {.is_quoted = true};
    parts.tail = &parts.first;
    while (hcl_byte(p, 0) != '"') {
        if (at_sequence(p)) {
            if (!parse_sequence(p, &parts))
                return NULL;
        } else if (at_text_end(p, true)) {
            return hcl_fail(p, hcl_span_of(quote->start, quote->end.offset),
                            "text of several lines stands in a heredoc: <<EOF",
                            "this string is not closed with `\"` on its line");
        } else if (!parse_text(p, &parts)) {
            return NULL;
        }
    }
    hcl_advance(p, 1);
    p->used = p->pos.offset;
    apply_strips(&parts);
    return build_all(p, &parts, quote->start);
}

/* Size of the line at pos up to and with the marker, if it holds nothing else but spaces; else 0. */
static uint32_t end_marker(const struct hcl_parser *p, struct bytes marker) {
    uint32_t front = 0;
    while (is_space(hcl_byte(p, front)) && hcl_byte(p, front) != '\n')
        front++;
    uint32_t size = front + (uint32_t)marker.size;
    if (p->text.size - p->pos.offset < size ||
        memcmp(p->text.data + p->pos.offset + front, marker.data, marker.size) != 0)
        return 0;
    uint32_t back = size;
    while (is_space(hcl_byte(p, back)) && hcl_byte(p, back) != '\n')
        back++;
    return hcl_byte(p, back) == '\n' || p->pos.offset + back == p->text.size ? size : 0;
}

/* The lines up to the one that holds the marker; pos is then behind the marker. */
static bool parse_lines(struct hcl_parser *p, struct parts *parts, struct bytes marker,
                        struct hcl_span opening) {
    bool is_start = true;
    for (;;) {
        uint32_t size = is_start ? end_marker(p, marker) : 0;
        if (size > 0) {
            hcl_advance(p, size);
            return true;
        }
        if (p->pos.offset >= p->text.size) {
            hcl_fail(p, opening, "the line that ends it holds the marker and nothing else",
                     "this heredoc is never closed with `%s`", hcl_show(p->arena, marker));
            return false;
        }
        if (at_sequence(p) ? !parse_sequence(p, parts) : !parse_text(p, parts))
            return false;
        is_start = p->text.data[p->pos.offset - 1] == '\n';
    }
}

struct hcl_expr *hcl_parse_heredoc(struct hcl_parser *p, const struct hcl_token *mark) {
    bool is_indented = mark->end.offset - mark->start.offset == 3;
    struct bytes marker = bytes_of(p->text.data + p->pos.offset, hcl_name_size(p));
    hcl_advance(p, (uint32_t)marker.size);
    struct hcl_span opening = hcl_span_of(mark->start, p->pos.offset);
    if (marker.size == 0 || (hcl_byte(p, 0) != '\n' && !hcl_text_at(p, "\r\n")))
        return hcl_fail(p, opening, NULL, "a heredoc begins with `<<NAME` at the end of a line");
    hcl_advance(p, hcl_byte(p, 0) == '\r' ? 2 : 1);
    struct parts parts = {.is_quoted = false};
    parts.tail = &parts.first;
    if (!parse_lines(p, &parts, marker, opening))
        return NULL;
    p->used = p->pos.offset;
    apply_strips(&parts);
    if (is_indented)
        strip_indentation(&parts);
    return build_all(p, &parts, mark->start);
}
