/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Characters and tokens of HCL 2 native syntax. */
#include "hcl_parser.h"

/* ---- characters ---------------------------------------------------------------------------------------- */

uint32_t hcl_utf8_size(const uint8_t *data, size_t size) {
    uint8_t b = data[0];
    if (b < 0x80)
        return 1;
    uint32_t n = b >= 0xf0 ? 4 : b >= 0xe0 ? 3 : 2;
    if (b < 0xc2 || b > 0xf4 || n > size)
        return 0;
    for (uint32_t i = 1; i < n; i++)
        if ((data[i] & 0xc0) != 0x80)
            return 0;
    if ((b == 0xe0 && data[1] < 0xa0) || (b == 0xed && data[1] > 0x9f))
        return 0; /* overlong; surrogate */
    if ((b == 0xf0 && data[1] < 0x90) || (b == 0xf4 && data[1] > 0x8f))
        return 0; /* overlong; above U+10FFFF */
    return n;
}

int hcl_check_text(struct hcl_parser *p) {
    if (p->text.size > HCL_FILE_SIZE_MAX) {
        hcl_fail_limit(p, hcl_span_of(p->pos, 0), "the file is larger than 1 MiB");
        return ERR_LIMIT;
    }
    struct hcl_pos start = p->pos;
    while (p->pos.offset < p->text.size) {
        const uint8_t *at = p->text.data + p->pos.offset;
        uint32_t n = hcl_utf8_size(at, p->text.size - p->pos.offset);
        if (n == 0 || *at == 0) {
            hcl_fail(p, hcl_span_of(p->pos, p->pos.offset + 1), NULL,
                     n == 0 ? "the file is not valid UTF-8 here" : "a NUL character");
            return ERR_INVALID;
        }
        hcl_advance(p, n);
    }
    p->pos = start;
    if (hcl_text_at(p, "\xef\xbb\xbf"))
        p->pos.offset += 3; /* a byte order mark is no column */
    return 0;
}

uint8_t hcl_byte(const struct hcl_parser *p, uint32_t ahead) {
    size_t at = (size_t)p->pos.offset + ahead;
    return at < p->text.size ? p->text.data[at] : 0;
}

bool hcl_text_at(const struct hcl_parser *p, const char *text) {
    size_t size = strlen(text);
    return p->text.size - p->pos.offset >= size && memcmp(p->text.data + p->pos.offset, text, size) == 0;
}

void hcl_advance(struct hcl_parser *p, uint32_t bytes) {
    for (uint32_t i = 0; i < bytes && p->pos.offset < p->text.size; i++) {
        uint8_t b = p->text.data[p->pos.offset++];
        if (b == '\n') {
            p->pos.line++;
            p->pos.column = 1;
        } else if ((b & 0xc0) != 0x80) {
            p->pos.column++;
        }
    }
}

uint32_t hcl_char(const struct hcl_parser *p, uint32_t ahead, uint32_t *ret_size) {
    uint8_t b = hcl_byte(p, ahead);
    if (b < 0x80) {
        *ret_size = 1;
        return b;
    }
    uint32_t n = b >= 0xf0 ? 4 : b >= 0xe0 ? 3 : 2;
    uint32_t c = b & (0x7fU >> n);
    for (uint32_t i = 1; i < n; i++)
        c = c << 6 | (hcl_byte(p, ahead + i) & 0x3fU);
    *ret_size = n;
    return c;
}

/*
 * Ranges beyond ASCII that are no letters: spaces, punctuation (typographic quotes among them), symbols,
 * private use. Everything else there may stand in a name.
 */
static const uint32_t not_letters[][2] = {
    {0x80, 0xa9},     {0xab, 0xb4},     {0xb6, 0xb9},     {0xbb, 0xbf},       {0xd7, 0xd7},
    {0xf7, 0xf7},     {0x2000, 0x206f}, {0x20a0, 0x20cf}, {0x2190, 0x2bff},   {0x2e00, 0x2e7f},
    {0x3000, 0x3004}, {0x3008, 0x3020}, {0xe000, 0xf8ff}, {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},
    {0xff00, 0xff0f}, {0xff1a, 0xff20}, {0xfff0, 0xffff}, {0x1f000, 0x1faff}, {0xe0000, 0x10ffff},
};

static bool is_letter(uint32_t c) {
    if (c < 0x80)
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    for (size_t i = 0; i < sizeof not_letters / sizeof not_letters[0]; i++)
        if (c >= not_letters[i][0] && c <= not_letters[i][1])
            return false;
    return true;
}

static bool is_digit(uint32_t c) { return c >= '0' && c <= '9'; }

uint32_t hcl_name_size(const struct hcl_parser *p) {
    uint32_t size = 0, n = 1;
    for (uint32_t c = hcl_char(p, 0, &n); is_letter(c) || (size > 0 && (is_digit(c) || c == '-'));
         c = hcl_char(p, size, &n))
        size += n;
    return size;
}

static uint32_t digits(const struct hcl_parser *p, uint32_t ahead) {
    uint32_t n = 0;
    while (is_digit(hcl_byte(p, ahead + n)))
        n++;
    return n;
}

static uint32_t number_size(const struct hcl_parser *p) {
    uint32_t size = digits(p, 0);
    if (size > 0 && hcl_byte(p, size) == '.' && digits(p, size + 1) > 0)
        size += 1 + digits(p, size + 1);
    if (size > 0 && (hcl_byte(p, size) | 0x20) == 'e') {
        uint8_t sign = hcl_byte(p, size + 1);
        uint32_t skip = sign == '+' || sign == '-' ? 2 : 1;
        if (digits(p, size + skip) > 0)
            size += skip + digits(p, size + skip);
    }
    return size;
}

/* ---- diagnostics --------------------------------------------------------------------------------------- */

struct hcl_span hcl_span_of(struct hcl_pos start, uint32_t end_offset) {
    uint32_t size = end_offset > start.offset ? end_offset - start.offset : 0;
    return (struct hcl_span){
        .offset = start.offset, .size = size, .line = start.line, .column = start.column};
}

void *hcl_fail(struct hcl_parser *p, struct hcl_span at, const char *hint, const char *format, ...) {
    if (p->is_failed || p->is_stopped)
        return NULL;
    va_list args;
    va_start(args, format);
    hcl_diags_vadd(p->diags, ERR_INVALID, at, hint, format, args);
    va_end(args);
    p->is_failed = true;
    p->is_stopped = p->diags->is_cut = p->diags->count == HCL_DIAGS_MAX;
    return NULL;
}

void *hcl_fail_limit(struct hcl_parser *p, struct hcl_span at, const char *format, ...) {
    if (p->is_stopped)
        return NULL;
    va_list args;
    va_start(args, format);
    hcl_diags_vadd(p->diags, ERR_LIMIT, at, NULL, format, args);
    va_end(args);
    p->is_failed = p->is_stopped = true;
    return NULL;
}

void *hcl_fail_expected(struct hcl_parser *p, const char *what, const char *hint) {
    const struct hcl_token *t = hcl_peek(p);
    if (t->kind == HCL_T_BAD)
        return NULL;
    return hcl_fail(p, hcl_span_of(t->start, t->end.offset), hint, "expected %s, found %s", what,
                    hcl_token_str(p, t));
}

bool hcl_enter(struct hcl_parser *p, struct hcl_span at) {
    if (p->depth >= HCL_DEPTH_MAX) {
        hcl_fail_limit(p, at, "nested deeper than %u levels", HCL_DEPTH_MAX);
        return false;
    }
    p->depth++;
    return true;
}

/* ---- tokens -------------------------------------------------------------------------------------------- */

static const struct {
    const char *text;
    enum hcl_token_kind kind;
} marks[] = {
    /* A mark stands before those that begin it. */
    {"...", HCL_T_ELLIPSIS}, {"=>", HCL_T_ARROW},      {"==", HCL_T_EQUAL},
    {"!=", HCL_T_NOT_EQUAL}, {"<=", HCL_T_LESS_EQUAL}, {">=", HCL_T_GREATER_EQUAL},
    {"&&", HCL_T_AND},       {"||", HCL_T_OR},         {"~}", HCL_T_STRIP_RBRACE},
    {"<<-", HCL_T_HEREDOC},  {"<<", HCL_T_HEREDOC},    {"{", HCL_T_LBRACE},
    {"}", HCL_T_RBRACE},     {"[", HCL_T_LBRACKET},    {"]", HCL_T_RBRACKET},
    {"(", HCL_T_LPAREN},     {")", HCL_T_RPAREN},      {"=", HCL_T_ASSIGN},
    {",", HCL_T_COMMA},      {":", HCL_T_COLON},       {"?", HCL_T_QUESTION},
    {".", HCL_T_DOT},        {"+", HCL_T_PLUS},        {"-", HCL_T_MINUS},
    {"*", HCL_T_STAR},       {"/", HCL_T_SLASH},       {"%", HCL_T_PERCENT},
    {"<", HCL_T_LESS},       {">", HCL_T_GREATER},     {"!", HCL_T_NOT},
    {"\"", HCL_T_QUOTE},
};

static void skip_line(struct hcl_parser *p) {
    while (p->pos.offset < p->text.size && hcl_byte(p, 0) != '\n')
        hcl_advance(p, 1);
}

static void skip_comment(struct hcl_parser *p) {
    struct hcl_pos start = p->pos;
    hcl_advance(p, 2);
    while (p->pos.offset < p->text.size && !hcl_text_at(p, "*/"))
        hcl_advance(p, 1);
    if (p->pos.offset == p->text.size)
        hcl_fail(p, hcl_span_of(start, start.offset + 2), NULL, "this comment is never closed with `*/`");
    hcl_advance(p, 2);
}

static void skip_blanks(struct hcl_parser *p) {
    for (;;) {
        uint8_t b = hcl_byte(p, 0);
        if (b == ' ' || b == '\t' || (p->skips_newlines && (b == '\n' || hcl_text_at(p, "\r\n"))))
            hcl_advance(p, 1);
        else if (b == '#' || hcl_text_at(p, "//"))
            skip_line(p);
        else if (hcl_text_at(p, "/*"))
            skip_comment(p);
        else
            return;
    }
}

static const char *character_hint(uint32_t c) {
    switch (c) {
    case '\'':
    case '`':
    case 0x2018:
    case 0x2019:
    case 0x201c:
    case 0x201d:
    case 0x201e: return "strings stand in plain double quotes: \"...\"";
    case ';': return "an attribute ends with its line";
    case 0xa0: return "this is a no-break space: write a plain one";
    case '\r': return "a line ends with a line feed";
    default: return NULL;
    }
}

static enum hcl_token_kind bad_character(struct hcl_parser *p) {
    uint32_t size = 0;
    uint32_t c = hcl_char(p, 0, &size);
    struct hcl_span at = hcl_span_of(p->pos, p->pos.offset + size);
    if (c < 0x20 || c == 0x7f || c == 0xa0)
        hcl_fail(p, at, character_hint(c), "unexpected character U+%04X", (unsigned)c);
    else
        hcl_fail(p, at, character_hint(c), "unexpected character `%.*s`", (int)size,
                 (const char *)p->text.data + p->pos.offset);
    hcl_advance(p, size);
    return HCL_T_BAD;
}

static enum hcl_token_kind lex_newline(struct hcl_parser *p) {
    hcl_advance(p, hcl_byte(p, 0) == '\r' ? 2 : 1);
    return HCL_T_NEWLINE;
}

static enum hcl_token_kind lex(struct hcl_parser *p) {
    if (p->pos.offset >= p->text.size)
        return HCL_T_END;
    if (hcl_byte(p, 0) == '\n' || hcl_text_at(p, "\r\n"))
        return lex_newline(p);
    uint32_t size = hcl_name_size(p);
    if (size > 0) {
        hcl_advance(p, size);
        return HCL_T_NAME;
    }
    size = number_size(p);
    if (size > 0) {
        hcl_advance(p, size);
        return HCL_T_NUMBER;
    }
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (hcl_text_at(p, marks[i].text)) {
            hcl_advance(p, (uint32_t)strlen(marks[i].text));
            return marks[i].kind;
        }
    return bad_character(p);
}

const struct hcl_token *hcl_peek(struct hcl_parser *p) {
    if (p->has_token && p->token.kind == HCL_T_NEWLINE && p->skips_newlines)
        p->has_token = false;
    if (!p->has_token) {
        skip_blanks(p);
        p->token.start = p->pos;
        p->token.kind = p->is_stopped ? HCL_T_END : lex(p);
        p->token.end = p->pos;
        p->has_token = true;
    }
    return &p->token;
}

struct hcl_token hcl_next(struct hcl_parser *p) {
    struct hcl_token t = *hcl_peek(p);
    p->has_token = false;
    p->used = t.end.offset;
    return t;
}

bool hcl_at(struct hcl_parser *p, enum hcl_token_kind kind) { return hcl_peek(p)->kind == kind; }

bool hcl_take(struct hcl_parser *p, enum hcl_token_kind kind) {
    if (!hcl_at(p, kind))
        return false;
    hcl_next(p);
    return true;
}

struct bytes hcl_token_text(const struct hcl_parser *p, const struct hcl_token *t) {
    return bytes_of(p->text.data + t->start.offset, t->end.offset - t->start.offset);
}

bool hcl_token_is(const struct hcl_parser *p, const struct hcl_token *t, const char *name) {
    return t->kind == HCL_T_NAME && bytes_is(hcl_token_text(p, t), name);
}

const char *hcl_token_str(const struct hcl_parser *p, const struct hcl_token *t) {
    switch ((int)t->kind) {
    case HCL_T_END: return "the end of the file";
    case HCL_T_NEWLINE: return "the end of the line";
    case HCL_T_NUMBER: return "a number";
    case HCL_T_QUOTE: return "a string";
    case HCL_T_HEREDOC: return "a heredoc";
    default: return arena_printf(p->arena, "`%s`", hcl_show(p->arena, hcl_token_text(p, t)));
    }
}
