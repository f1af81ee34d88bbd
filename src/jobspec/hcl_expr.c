/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Expressions: operators by precedence climbing over terms with their traversals. */
#include "hcl_parser.h"

/* ---- nodes --------------------------------------------------------------------------------------------- */

struct hcl_expr *hcl_node_new(struct hcl_parser *p, enum hcl_kind kind, struct hcl_pos start) {
    struct hcl_span at = hcl_span_of(start, p->used);
    if (p->nodes++ >= HCL_NODES_MAX)
        return hcl_fail_limit(p, at, "more than %u values and expressions", HCL_NODES_MAX);
    struct hcl_expr *e = arena_alloc(p->arena, sizeof *e);
    e->kind = kind;
    e->at = at;
    return e;
}

void hcl_node_add(struct hcl_parser *p, struct hcl_expr *parent, struct hcl_expr *child) {
    child->next = NULL;
    if (parent->last != NULL)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
    parent->count++;
    if (child->height >= HCL_HEIGHT_MAX)
        hcl_fail_limit(p, parent->at, "an expression of more than %u steps", HCL_HEIGHT_MAX);
    else if (parent->height <= child->height)
        parent->height = (uint16_t)(child->height + 1);
}

/* The node now reaches to the token taken last. */
static struct hcl_expr *finish(struct hcl_parser *p, struct hcl_expr *e) {
    e->at.size = p->used - e->at.offset;
    return p->is_failed ? NULL : e;
}

static struct hcl_pos pos_of(const struct hcl_expr *e) {
    return (struct hcl_pos){.offset = e->at.offset, .line = e->at.line, .column = e->at.column};
}

/* Parses one expression as the next child. */
static bool add_expr(struct hcl_parser *p, struct hcl_expr *parent) {
    struct hcl_expr *child = hcl_parse_expr(p);
    if (child == NULL)
        return false;
    hcl_node_add(p, parent, child);
    return !p->is_failed;
}

static bool add_none(struct hcl_parser *p, struct hcl_expr *parent) {
    struct hcl_expr *none = hcl_node_new(p, HCL_NONE, p->pos);
    if (none != NULL)
        hcl_node_add(p, parent, none);
    return none != NULL;
}

/* A new node with one child in front: `child` becomes part of what is read next. */
static struct hcl_expr *wrap(struct hcl_parser *p, enum hcl_kind kind, struct hcl_expr *child) {
    struct hcl_expr *e = hcl_node_new(p, kind, pos_of(child));
    if (e != NULL)
        hcl_node_add(p, e, child);
    return e;
}

static bool expect(struct hcl_parser *p, enum hcl_token_kind kind, const char *what, const char *hint) {
    if (hcl_take(p, kind))
        return true;
    hcl_fail_expected(p, what, hint);
    return false;
}

/* ---- lists, objects, for ------------------------------------------------------------------------------- */

static struct hcl_expr *parse_name(struct hcl_parser *p, enum hcl_kind kind, const char *what) {
    if (!hcl_at(p, HCL_T_NAME))
        return hcl_fail_expected(p, what, NULL);
    struct hcl_token t = hcl_next(p);
    struct hcl_expr *e = hcl_node_new(p, kind, t.start);
    if (e != NULL)
        e->text = hcl_token_text(p, &t);
    return e;
}

bool hcl_parse_for_names(struct hcl_parser *p, struct hcl_expr *parent) {
    struct hcl_expr *first = parse_name(p, HCL_STRING, "a name after `for`");
    struct hcl_expr *second = NULL;
    if (first == NULL)
        return false;
    if (hcl_take(p, HCL_T_COMMA)) {
        second = parse_name(p, HCL_STRING, "a second name");
        if (second == NULL)
            return false;
        hcl_node_add(p, parent, first);
    } else {
        add_none(p, parent);
    }
    hcl_node_add(p, parent, second != NULL ? second : first);
    if (!hcl_token_is(p, hcl_peek(p), "in")) {
        hcl_fail_expected(p, "`in`", NULL);
        return false;
    }
    hcl_next(p);
    return !p->is_failed;
}

/* After `[` or `{`, at `for`. The brackets' newline mode is set. */
static struct hcl_expr *parse_for(struct hcl_parser *p, struct hcl_pos start, bool is_object) {
    struct hcl_expr *e = hcl_node_new(p, is_object ? HCL_FOR_OBJECT : HCL_FOR_TUPLE, start);
    hcl_next(p);
    if (e == NULL || !hcl_parse_for_names(p, e) || !add_expr(p, e))
        return NULL;
    if (!expect(p, HCL_T_COLON, "`:`", NULL) || !add_expr(p, e))
        return NULL;
    if (is_object && (!expect(p, HCL_T_ARROW, "`=>`", NULL) || !add_expr(p, e)))
        return NULL;
    e->flag = is_object && hcl_take(p, HCL_T_ELLIPSIS);
    if (hcl_token_is(p, hcl_peek(p), "if")) {
        hcl_next(p);
        if (!add_expr(p, e))
            return NULL;
    } else if (!add_none(p, e)) {
        return NULL;
    }
    if (is_object ? !expect(p, HCL_T_RBRACE, "`}`", NULL) : !expect(p, HCL_T_RBRACKET, "`]`", NULL))
        return NULL;
    return finish(p, e);
}

static struct hcl_expr *parse_tuple(struct hcl_parser *p, struct hcl_pos start) {
    if (hcl_token_is(p, hcl_peek(p), "for"))
        return parse_for(p, start, false);
    struct hcl_expr *e = hcl_node_new(p, HCL_TUPLE, start);
    if (e == NULL)
        return NULL;
    while (!hcl_take(p, HCL_T_RBRACKET)) {
        if (!add_expr(p, e))
            return NULL;
        if (hcl_at(p, HCL_T_RBRACKET))
            continue;
        if (!expect(p, HCL_T_COMMA, "`,` or `]`", "the values of a list are separated by commas"))
            return NULL;
    }
    return finish(p, e);
}

/* A bare name as key is a string; any other key is an expression: (name) is the variable. */
static bool add_key(struct hcl_parser *p, struct hcl_expr *object) {
    bool is_name = hcl_at(p, HCL_T_NAME);
    struct hcl_expr *key = hcl_parse_expr(p);
    if (key == NULL)
        return false;
    if (is_name && (key->kind == HCL_VARIABLE || key->kind == HCL_BOOL || key->kind == HCL_NULL)) {
        key->kind = HCL_STRING;
        key->text = hcl_source(p->text, key->at);
    }
    hcl_node_add(p, object, key);
    return !p->is_failed;
}

static bool add_pair(struct hcl_parser *p, struct hcl_expr *object) {
    if (!add_key(p, object))
        return false;
    if (!hcl_at(p, HCL_T_ASSIGN) && !hcl_at(p, HCL_T_COLON)) {
        hcl_fail_expected(p, "`=` after the key", NULL);
        return false;
    }
    hcl_next(p);
    if (!add_expr(p, object))
        return false;
    if (hcl_at(p, HCL_T_RBRACE) || hcl_take(p, HCL_T_COMMA) || hcl_take(p, HCL_T_NEWLINE))
        return true;
    hcl_fail_expected(p, "`,`, the end of the line or `}`", NULL);
    return false;
}

/* Newlines separate the pairs of an object, but not inside a `for`. */
static struct hcl_expr *parse_object(struct hcl_parser *p, struct hcl_pos start) {
    p->skips_newlines = true;
    bool is_for = hcl_token_is(p, hcl_peek(p), "for");
    if (is_for)
        return parse_for(p, start, true);
    p->skips_newlines = false;
    struct hcl_expr *e = hcl_node_new(p, HCL_OBJECT, start);
    if (e == NULL)
        return NULL;
    for (;;) {
        while (hcl_take(p, HCL_T_NEWLINE))
            ;
        if (hcl_take(p, HCL_T_RBRACE))
            return finish(p, e);
        if (!add_pair(p, e))
            return NULL;
    }
}

static struct hcl_expr *parse_parens(struct hcl_parser *p, struct hcl_pos start) {
    struct hcl_expr *e = hcl_parse_expr(p);
    if (e == NULL || !expect(p, HCL_T_RPAREN, "`)`", NULL))
        return NULL;
    e->at = hcl_span_of(start, p->used);
    return e;
}

/* Runs one of the bracket parsers with newlines ignored, one level deeper, and restores both. */
static struct hcl_expr *in_brackets(struct hcl_parser *p, struct hcl_pos start,
                                    struct hcl_expr *(*parse)(struct hcl_parser *, struct hcl_pos)) {
    if (!hcl_enter(p, hcl_span_of(start, start.offset + 1)))
        return NULL;
    bool before = p->skips_newlines;
    p->skips_newlines = true;
    struct hcl_expr *e = parse(p, start);
    p->skips_newlines = before;
    p->depth--;
    return e;
}

/* ---- names and calls ----------------------------------------------------------------------------------- */

static struct hcl_expr *parse_arguments(struct hcl_parser *p, struct hcl_pos start) {
    struct hcl_expr *e = hcl_node_new(p, HCL_CALL, start);
    if (e == NULL)
        return NULL;
    while (!hcl_take(p, HCL_T_RPAREN)) {
        if (!add_expr(p, e))
            return NULL;
        if (hcl_take(p, HCL_T_ELLIPSIS)) {
            e->flag = true;
            if (!expect(p, HCL_T_RPAREN, "`)` after `...`", NULL))
                return NULL;
            break;
        }
        if (!hcl_at(p, HCL_T_RPAREN) && !expect(p, HCL_T_COMMA, "`,` or `)`", NULL))
            return NULL;
    }
    return finish(p, e);
}

static struct hcl_expr *parse_word(struct hcl_parser *p, const struct hcl_token *t) {
    struct bytes name = hcl_token_text(p, t);
    if (hcl_take(p, HCL_T_LPAREN)) {
        struct hcl_expr *call = in_brackets(p, t->start, parse_arguments);
        if (call != NULL)
            call->text = name;
        return call;
    }
    struct hcl_expr *e = hcl_node_new(p, HCL_VARIABLE, t->start);
    if (e == NULL)
        return NULL;
    e->text = name;
    e->flag = bytes_is(name, "true");
    if (e->flag || bytes_is(name, "false"))
        e->kind = HCL_BOOL;
    else if (bytes_is(name, "null"))
        e->kind = HCL_NULL;
    return e;
}

/* ---- terms and what follows them ----------------------------------------------------------------------- */

static struct hcl_expr *parse_operand(struct hcl_parser *p);

static struct hcl_expr *parse_unary(struct hcl_parser *p, const struct hcl_token *t) {
    if (!hcl_enter(p, hcl_span_of(t->start, t->end.offset)))
        return NULL;
    struct hcl_expr *operand = parse_operand(p);
    p->depth--;
    if (operand == NULL)
        return NULL;
    if (t->kind == HCL_T_MINUS && (operand->kind == HCL_INTEGER || operand->kind == HCL_DECIMAL)) {
        operand->at = hcl_span_of(t->start, p->used);
        hcl_number_negate(p, operand);
        return operand;
    }
    struct hcl_expr *e = hcl_node_new(p, HCL_UNARY, t->start);
    if (e == NULL)
        return NULL;
    e->op = t->kind == HCL_T_MINUS ? HCL_OP_NEGATE : HCL_OP_NOT;
    hcl_node_add(p, e, operand);
    return finish(p, e);
}

static struct hcl_expr *parse_number(struct hcl_parser *p, const struct hcl_token *t) {
    struct hcl_expr *e = hcl_node_new(p, HCL_INTEGER, t->start);
    return e != NULL && hcl_number_set(p, e, hcl_token_text(p, t)) ? e : NULL;
}

static struct hcl_expr *parse_term(struct hcl_parser *p) {
    switch ((int)hcl_peek(p)->kind) {
    case HCL_T_NAME:
    case HCL_T_NUMBER:
    case HCL_T_QUOTE:
    case HCL_T_HEREDOC:
    case HCL_T_LPAREN:
    case HCL_T_LBRACKET:
    case HCL_T_LBRACE:
    case HCL_T_MINUS:
    case HCL_T_NOT: break;
    default: return hcl_fail_expected(p, "a value", NULL);
    }
    struct hcl_token t = hcl_next(p);
    switch ((int)t.kind) {
    case HCL_T_NAME: return parse_word(p, &t);
    case HCL_T_NUMBER: return parse_number(p, &t);
    case HCL_T_QUOTE: return hcl_parse_quoted(p, &t);
    case HCL_T_HEREDOC: return hcl_parse_heredoc(p, &t);
    case HCL_T_LPAREN: return in_brackets(p, t.start, parse_parens);
    case HCL_T_LBRACKET: return in_brackets(p, t.start, parse_tuple);
    case HCL_T_LBRACE: return in_brackets(p, t.start, parse_object);
    default: return parse_unary(p, &t);
    }
}

/* a.0 is an older spelling of a[0]. */
static struct hcl_expr *parse_old_index(struct hcl_parser *p, struct hcl_expr *of) {
    struct hcl_token t = hcl_next(p);
    struct bytes text = hcl_token_text(p, &t);
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] < '0' || text.data[i] > '9')
            return hcl_fail(p, hcl_span_of(t.start, t.end.offset), "an index is written [0]",
                            "this is no index");
    struct hcl_expr *key = parse_number(p, &t);
    struct hcl_expr *e = key != NULL ? wrap(p, HCL_INDEX, of) : NULL;
    if (e == NULL)
        return NULL;
    hcl_node_add(p, e, key);
    return finish(p, e);
}

static struct hcl_expr *parse_traversals(struct hcl_parser *p, struct hcl_expr *e, bool is_dots_only);

/* After `.*` or `[*]`: the steps that follow belong to each element. */
static struct hcl_expr *parse_splat(struct hcl_parser *p, struct hcl_expr *of, bool is_full) {
    struct hcl_expr *splat = wrap(p, HCL_SPLAT, of);
    struct hcl_expr *each = hcl_node_new(p, HCL_EACH, p->pos);
    if (splat == NULL || each == NULL || !hcl_enter(p, splat->at))
        return NULL;
    splat->flag = is_full;
    each->at.size = 0;
    each = parse_traversals(p, each, !is_full);
    p->depth--;
    if (each == NULL)
        return NULL;
    hcl_node_add(p, splat, each);
    return finish(p, splat);
}

/* After the dot. */
static struct hcl_expr *parse_attr(struct hcl_parser *p, struct hcl_expr *of) {
    if (hcl_at(p, HCL_T_NUMBER))
        return parse_old_index(p, of);
    if (hcl_take(p, HCL_T_STAR))
        return parse_splat(p, of, false);
    struct hcl_expr *name = parse_name(p, HCL_STRING, "a name after `.`");
    struct hcl_expr *e = name != NULL ? wrap(p, HCL_ATTR, of) : NULL;
    if (e != NULL)
        e->text = name->text;
    return e;
}

/* After the bracket, with newlines ignored. */
static struct hcl_expr *parse_key(struct hcl_parser *p, struct hcl_pos start) {
    (void)start;
    struct hcl_expr *key = hcl_parse_expr(p);
    return key != NULL && expect(p, HCL_T_RBRACKET, "`]`", NULL) ? key : NULL;
}

static struct hcl_expr *parse_index(struct hcl_parser *p, struct hcl_expr *of) {
    if (hcl_take(p, HCL_T_STAR))
        return expect(p, HCL_T_RBRACKET, "`]`", NULL) ? parse_splat(p, of, true) : NULL;
    struct hcl_expr *key = in_brackets(p, hcl_peek(p)->start, parse_key);
    struct hcl_expr *e = key != NULL ? wrap(p, HCL_INDEX, of) : NULL;
    if (e == NULL)
        return NULL;
    hcl_node_add(p, e, key);
    return finish(p, e);
}

static struct hcl_expr *parse_traversals(struct hcl_parser *p, struct hcl_expr *e, bool is_dots_only) {
    while (e != NULL && !p->is_failed) {
        if (hcl_take(p, HCL_T_DOT))
            e = parse_attr(p, e);
        else if (!is_dots_only && hcl_take(p, HCL_T_LBRACKET))
            e = parse_index(p, e);
        else
            return e;
    }
    return NULL;
}

static struct hcl_expr *parse_operand(struct hcl_parser *p) {
    return parse_traversals(p, parse_term(p), false);
}

/* ---- operators ----------------------------------------------------------------------------------------- */

static const struct {
    enum hcl_token_kind token;
    enum hcl_op op;
    int precedence; /* higher binds tighter */
} operators[] = {
    {HCL_T_OR, HCL_OP_OR, 1},           {HCL_T_AND, HCL_OP_AND, 2},
    {HCL_T_EQUAL, HCL_OP_EQUAL, 3},     {HCL_T_NOT_EQUAL, HCL_OP_NOT_EQUAL, 3},
    {HCL_T_LESS, HCL_OP_LESS, 4},       {HCL_T_LESS_EQUAL, HCL_OP_LESS_EQUAL, 4},
    {HCL_T_GREATER, HCL_OP_GREATER, 4}, {HCL_T_GREATER_EQUAL, HCL_OP_GREATER_EQUAL, 4},
    {HCL_T_PLUS, HCL_OP_ADD, 5},        {HCL_T_MINUS, HCL_OP_SUBTRACT, 5},
    {HCL_T_STAR, HCL_OP_MULTIPLY, 6},   {HCL_T_SLASH, HCL_OP_DIVIDE, 6},
    {HCL_T_PERCENT, HCL_OP_MODULO, 6},
};

static size_t operator_find(enum hcl_token_kind token) {
    size_t i = 0;
    while (i < sizeof operators / sizeof operators[0] && operators[i].token != token)
        i++;
    return i;
}

static struct hcl_expr *parse_binary(struct hcl_parser *p, int precedence_min) {
    struct hcl_expr *left = parse_operand(p);
    while (left != NULL) {
        size_t i = operator_find(hcl_peek(p)->kind);
        if (i == sizeof operators / sizeof operators[0] || operators[i].precedence < precedence_min)
            return left;
        hcl_next(p);
        struct hcl_expr *right = parse_binary(p, operators[i].precedence + 1);
        left = right != NULL ? wrap(p, HCL_BINARY, left) : NULL;
        if (left == NULL)
            return NULL;
        left->op = operators[i].op;
        hcl_node_add(p, left, right);
        left = finish(p, left);
    }
    return NULL;
}

static struct hcl_expr *parse_conditional(struct hcl_parser *p) {
    struct hcl_expr *condition = parse_binary(p, 1);
    if (condition == NULL || !hcl_take(p, HCL_T_QUESTION))
        return condition;
    struct hcl_expr *e = wrap(p, HCL_CONDITIONAL, condition);
    if (e == NULL || !hcl_enter(p, e->at))
        return NULL;
    bool is_whole = add_expr(p, e) && expect(p, HCL_T_COLON, "`:`", NULL) && add_expr(p, e);
    p->depth--;
    return is_whole ? finish(p, e) : NULL;
}

struct hcl_expr *hcl_parse_expr(struct hcl_parser *p) {
    struct hcl_expr *e = parse_conditional(p);
    return p->is_failed ? NULL : e;
}
