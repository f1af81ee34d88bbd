/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * hcl: text in HCL 2 native syntax to a tree with a place for everything in it.
 *
 * The grammar is HashiCorp's HCL 2 native syntax specification, all of it. Nothing is evaluated but literals:
 * a reader of the tree decides which expressions it understands. Three differences, all on the strict or
 * harmless side: the character NUL is refused even as an escape; a heredoc may end at the end of the file
 * without a newline; letters beyond ASCII in names are told by ranges of Unicode, not by its tables.
 *
 * PURE. The tree lies in the caller's arena and borrows the text: both must outlive it.
 */
#ifndef COVEY_HCL_H
#define COVEY_HCL_H

#include "covey/base.h"

#define HCL_FILE_SIZE_MAX (1024U * 1024U) /* bytes */
#define HCL_DEPTH_MAX     100U            /* brackets, blocks and templates within one another */
#define HCL_ITEMS_MAX     10000U          /* attributes and blocks of a file together */
#define HCL_NODES_MAX     100000U         /* expressions of a file: bounds the memory to some 15 MiB */
#define HCL_HEIGHT_MAX    400U            /* of an expression: how deep a recursive walk may go */
#define HCL_DIAGS_MAX     20U             /* kept of one file; reading stops there */

/* Where something stands. Lines and columns count from 1; columns are characters (code points), not bytes. */
struct hcl_span {
    uint32_t offset, size; /* bytes */
    uint32_t line, column; /* of the first byte */
};

/* ---- diagnostics --------------------------------------------------------------------------------------- */

struct hcl_diag {
    int code; /* ERR_INVALID, ERR_LIMIT, ERR_UNSUPPORTED */
    struct hcl_span at;
    const char *message;
    const char *hint; /* NULL = none */
};

/* What was found wrong in one file, in the order of the file. */
struct hcl_diags {
    const char *file;    /* the name shown; borrowed */
    struct bytes text;   /* borrowed */
    struct arena *arena; /* holds the messages; borrowed */
    struct hcl_diag list[HCL_DIAGS_MAX];
    size_t count;
    bool is_cut; /* there may be more */
};

void hcl_diags_init(struct hcl_diags *d, const char *file, struct bytes text, struct arena *arena);
/* `hint` is borrowed and may be NULL. Past HCL_DIAGS_MAX only is_cut is set. */
void hcl_diags_add(struct hcl_diags *d, int code, struct hcl_span at, const char *hint, const char *format,
                   ...) __attribute__((format(printf, 5, 6)));
/* 0 without diagnostics, else the code of the first. */
int hcl_diags_code(const struct hcl_diags *d);
/*
 * Appends each as
 *     file:line:column: message
 *         the line
 *         ^
 *         hint: ...
 * Control characters are shown as `?`; a long line is shown around the place.
 */
void hcl_diags_print(const struct hcl_diags *d, struct buf *out);
/* "did you mean `driver`?" or NULL. The text lies in the arena. */
const char *hcl_hint_nearest(struct arena *a, struct bytes word, const char *const *names,
                             size_t names_count);
/* A name from a file for use in a message: at most 64 bytes of it, cut between characters. In the arena. */
const char *hcl_show(struct arena *a, struct bytes name);

/* ---- the tree ------------------------------------------------------------------------------------------ */

enum hcl_kind {
    HCL_NONE,     /* an optional child that was left out */
    HCL_NULL,     /* null */
    HCL_BOOL,     /* `flag` */
    HCL_INTEGER,  /* `integer` and its decimal `text` */
    HCL_DECIMAL,  /* a number that is no int64: plain decimal `text`, no exponent, no needless zeros */
    HCL_STRING,   /* `text`, escapes and heredoc indentation resolved */
    HCL_TEMPLATE, /* children in order: HCL_STRING = literal, HCL_IF, HCL_FOR, anything else = ${...} */
    HCL_TUPLE,    /* [a, b] */
    HCL_OBJECT,   /* {k = v}: key, value, key, value...; a bare name as key is an HCL_STRING */
    HCL_VARIABLE, /* a name: `text` */
    HCL_ATTR,     /* child . `text` */
    HCL_INDEX,    /* child [ child ] */
    HCL_SPLAT,  /* child [*], then what is done with each: an expression over HCL_EACH; `flag`: [*], not .* */
    HCL_EACH,   /* the element of the innermost splat */
    HCL_CALL,   /* `text` ( children ); `flag`: the last is expanded with ... */
    HCL_UNARY,  /* `op` child; never a negated literal, that is a literal */
    HCL_BINARY, /* child `op` child */
    HCL_CONDITIONAL, /* child ? child : child */
    HCL_FOR_TUPLE,   /* [for]: key name or none, value name, collection, value, condition or none */
    HCL_FOR_OBJECT,  /* {for}: key name or none, value name, collection, key, value, condition or none;
                        `flag`: values are grouped with ... */
    HCL_IF,          /* %{if}: condition, template, template of the else or none */
    HCL_FOR,         /* %{for}: key name or none, value name, collection, template */
};
const char *hcl_kind_str(enum hcl_kind kind); /* "a string", "a list", "an expression", ... */

enum hcl_op {
    HCL_OP_NONE,
    HCL_OP_NEGATE,
    HCL_OP_NOT,
    HCL_OP_OR,
    HCL_OP_AND,
    HCL_OP_EQUAL,
    HCL_OP_NOT_EQUAL,
    HCL_OP_LESS,
    HCL_OP_LESS_EQUAL,
    HCL_OP_GREATER,
    HCL_OP_GREATER_EQUAL,
    HCL_OP_ADD,
    HCL_OP_SUBTRACT,
    HCL_OP_MULTIPLY,
    HCL_OP_DIVIDE,
    HCL_OP_MODULO,
};
const char *hcl_op_str(enum hcl_op op); /* "-", "!", "||", ... */

struct hcl_expr {
    enum hcl_kind kind;
    enum hcl_op op;
    bool flag;
    uint16_t height; /* 0 for a leaf */
    uint32_t count;  /* of children */
    struct hcl_span at;
    struct bytes text;
    int64_t integer;
    struct hcl_expr *first, *last; /* children */
    struct hcl_expr *next;         /* sibling */
};

struct hcl_body;

/* An attribute (value set) or a block (body set): never both. */
struct hcl_item {
    struct hcl_item *next;
    struct hcl_span at; /* of the name */
    struct bytes name;
    struct hcl_expr *value;
    struct hcl_expr *labels; /* HCL_STRING each, linked by `next` */
    uint32_t labels_count;
    struct hcl_body *body;
};

struct hcl_body {
    struct hcl_item *first; /* in the order of the file; attribute names are unique */
    uint32_t count;
    struct hcl_span end; /* the closing brace, or the end of the file */
};

/*
 * Parses d->text into the arena. 0 and the body of the file, or the code of the first diagnostic:
 * ERR_INVALID, or ERR_LIMIT past one of the limits above. After a mistake it goes on with the next attribute
 * or block, so that one run shows what can be shown.
 */
int hcl_parse(struct arena *a, struct hcl_diags *d, struct hcl_body **ret_body);

/* The source of something in the tree. */
static inline struct bytes hcl_source(struct bytes text, struct hcl_span at) {
    return bytes_of(text.data + at.offset, at.size);
}

/* ---- configuration files ------------------------------------------------------------------------------- */

/* How the values of a flat configuration file may look. */
enum hcl_config_kind {
    HCL_CONFIG_STRING,   /* "text", without ${...}; numbers are taken as their text */
    HCL_CONFIG_LIST,     /* of strings; one string counts as a list of one */
    HCL_CONFIG_BOOL,     /* true, false */
    HCL_CONFIG_INT,      /* between integer_min and integer_max */
    HCL_CONFIG_DURATION, /* "10s"; the bounds are microseconds */
    HCL_CONFIG_MAP,      /* name { key = "text" } or name = { key = "text" } */
};

struct hcl_config_key {
    const char *name; /* the flag of the command line without its dashes: "bind-addr" */
    enum hcl_config_kind kind;
    int64_t integer_min, integer_max; /* INT and DURATION; both 0 = no bounds */
};

struct hcl_config_pair {
    struct bytes key, value;
};

struct hcl_config_value {
    struct hcl_span at;            /* of the value; line 0 = not in the file */
    struct bytes text;             /* STRING */
    bool flag;                     /* BOOL */
    int64_t integer;               /* INT; DURATION in microseconds */
    struct bytes *list;            /* LIST */
    struct hcl_config_pair *pairs; /* MAP, in the order of the file, keys unique */
    size_t count;                  /* of list or pairs */
};

/*
 * Reads d->text against a table of keys. ret_values has keys_count elements, one for each key, all zero where
 * the file says nothing; written only on success. `-` and `_` in names are the same. Errors as hcl_parse; an
 * unknown name is ERR_INVALID with the nearest known one as hint. Texts borrow the arena and d->text.
 */
int hcl_config_parse(const struct hcl_config_key *keys, size_t keys_count, struct arena *a,
                     struct hcl_diags *d, struct hcl_config_value *ret_values);

#endif
