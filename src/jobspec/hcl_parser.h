/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * What the files of the HCL parser share. A recursive descent parser that pulls tokens one at a time: what a
 * character means depends on where it stands (inside "..." a brace is text until `${`), so the parser tells
 * the lexer where it is: it reads tokens with hcl_peek and hcl_next, and the raw text of templates from
 * `pos`.
 *
 *   hcl_lex.c       characters, tokens
 *   hcl_number.c    numbers to their plain form
 *   hcl_expr.c      expressions
 *   hcl_template.c  "...", heredocs, ${...} and %{...}
 *   hcl_body.c      attributes, blocks, recovery after a mistake
 */
#ifndef COVEY_JOBSPEC_HCL_PARSER_H
#define COVEY_JOBSPEC_HCL_PARSER_H

#include "covey/hcl.h"

enum hcl_token_kind {
    HCL_T_END,
    HCL_T_BAD, /* reported already */
    HCL_T_NEWLINE,
    HCL_T_NAME,
    HCL_T_NUMBER,
    HCL_T_QUOTE,   /* the opening quote */
    HCL_T_HEREDOC, /* << or <<- */
    HCL_T_LBRACE,
    HCL_T_RBRACE,
    HCL_T_LBRACKET,
    HCL_T_RBRACKET,
    HCL_T_LPAREN,
    HCL_T_RPAREN,
    HCL_T_STRIP_RBRACE, /* ~} */
    HCL_T_ASSIGN,
    HCL_T_ARROW,
    HCL_T_COMMA,
    HCL_T_COLON,
    HCL_T_QUESTION,
    HCL_T_DOT,
    HCL_T_ELLIPSIS,
    HCL_T_PLUS,
    HCL_T_MINUS,
    HCL_T_STAR,
    HCL_T_SLASH,
    HCL_T_PERCENT,
    HCL_T_EQUAL,
    HCL_T_NOT_EQUAL,
    HCL_T_LESS,
    HCL_T_LESS_EQUAL,
    HCL_T_GREATER,
    HCL_T_GREATER_EQUAL,
    HCL_T_AND,
    HCL_T_OR,
    HCL_T_NOT,
};

struct hcl_pos {
    uint32_t offset, line, column;
};

struct hcl_token {
    enum hcl_token_kind kind;
    struct hcl_pos start, end;
};

struct hcl_parser {
    struct bytes text;
    struct arena *arena;
    struct hcl_diags *diags;
    struct hcl_pos pos; /* after the token looked at last */
    uint32_t used;      /* end of the token taken last */
    struct hcl_token token;
    bool has_token;      /* `token` was looked at and not taken */
    bool skips_newlines; /* inside (), [] and ${} */
    bool is_failed;      /* the item being read is broken: everything returns to hcl_body.c */
    bool is_stopped;     /* a limit was passed: nothing more is read */
    uint32_t depth, items, nodes;
    /* The first block whose closing brace stands elsewhere than its name: there a brace may be missing. */
    const struct hcl_item *crooked;
    uint32_t crooked_line;
};

/* ---- hcl_diag.c */
void hcl_diags_vadd(struct hcl_diags *d, int code, struct hcl_span at, const char *hint, const char *format,
                    va_list args) __attribute__((format(printf, 5, 0)));

/* ---- hcl_lex.c */
/* Size of the well-formed UTF-8 sequence at data, 0 if there is none; size > 0. */
uint32_t hcl_utf8_size(const uint8_t *data, size_t size);
/* Refuses what no later step should meet: too large, not UTF-8, NUL. */
int hcl_check_text(struct hcl_parser *p);
/* The byte `ahead` of pos; 0 past the end. */
uint8_t hcl_byte(const struct hcl_parser *p, uint32_t ahead);
bool hcl_text_at(const struct hcl_parser *p, const char *text); /* does it follow pos? */
void hcl_advance(struct hcl_parser *p, uint32_t bytes);
/* How many bytes the name at pos has; 0 = there is none. */
uint32_t hcl_name_size(const struct hcl_parser *p);
/* The code point at pos and its size. */
uint32_t hcl_char(const struct hcl_parser *p, uint32_t ahead, uint32_t *ret_size);

const struct hcl_token *hcl_peek(struct hcl_parser *p);
struct hcl_token hcl_next(struct hcl_parser *p);
bool hcl_at(struct hcl_parser *p, enum hcl_token_kind kind);
bool hcl_take(struct hcl_parser *p, enum hcl_token_kind kind); /* takes it if it is there */
struct bytes hcl_token_text(const struct hcl_parser *p, const struct hcl_token *t);
bool hcl_token_is(const struct hcl_parser *p, const struct hcl_token *t, const char *name);
/* "`foo`", "a number", "the end of the line": for messages. */
const char *hcl_token_str(const struct hcl_parser *p, const struct hcl_token *t);
struct hcl_span hcl_span_of(struct hcl_pos start, uint32_t end_offset);

/* Reports once for each item that is read; always returns NULL. */
void *hcl_fail(struct hcl_parser *p, struct hcl_span at, const char *hint, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* "expected WHAT, found ..." at the next token. */
void *hcl_fail_expected(struct hcl_parser *p, const char *what, const char *hint);
/* Past a limit: reports and stops everything. */
void *hcl_fail_limit(struct hcl_parser *p, struct hcl_span at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* One level deeper; false past HCL_DEPTH_MAX. Leave with p->depth--. */
bool hcl_enter(struct hcl_parser *p, struct hcl_span at);

/* ---- hcl_number.c */
/* Sets kind, text and integer from a number as written. */
bool hcl_number_set(struct hcl_parser *p, struct hcl_expr *e, struct bytes written);
void hcl_number_negate(struct hcl_parser *p, struct hcl_expr *e);

/* ---- hcl_expr.c */
struct hcl_expr *hcl_parse_expr(struct hcl_parser *p);
/* NULL past HCL_NODES_MAX. */
struct hcl_expr *hcl_node_new(struct hcl_parser *p, enum hcl_kind kind, struct hcl_pos start);
void hcl_node_add(struct hcl_parser *p, struct hcl_expr *parent, struct hcl_expr *child);
/* The names between `for` and `in`: adds two children. */
bool hcl_parse_for_names(struct hcl_parser *p, struct hcl_expr *parent);

/* ---- hcl_template.c */
struct hcl_expr *hcl_parse_quoted(struct hcl_parser *p, const struct hcl_token *quote);
struct hcl_expr *hcl_parse_heredoc(struct hcl_parser *p, const struct hcl_token *mark);

#endif
