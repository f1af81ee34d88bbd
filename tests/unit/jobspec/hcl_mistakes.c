/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Mistakes: where they are seen, how reading goes on after them, and the limits. */
#include <criterion/criterion.h>

#include "dump.h"

struct row {
    const char *text, *error; /* "line:column: message" */
};

static void check(const struct row *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct arena a = {0};
        cr_expect_str_eq(tree_of(&a, rows[i].text), rows[i].error, "%s\n gives %s\n not   %s", rows[i].text,
                         tree_of(&a, rows[i].text), rows[i].error);
        arena_done(&a);
    }
}
#define CHECK(rows) check(rows, sizeof rows / sizeof rows[0])

Test(hcl_mistakes, of_bodies) {
    static const struct row rows[] = {
        {"a", "1:2: expected `{`, found the end of the file"},
        {"a 1", "1:3: expected `=` or `{`, found a number"},
        {"a\n= 1", "1:2: expected `=` or `{`, found the end of the line"},
        {"a: 1", "1:2: expected `=` or `{`, found `:`"},
        {"a =", "1:4: expected a value, found the end of the file"},
        {"a = \nb = 1", "1:5: expected a value, found the end of the line"},
        {"a = 1 b = 2", "1:7: expected the end of the line, found `b`"},
        {"a = 10s", "1:7: expected the end of the line, found `s`"},
        {"a = 0x10", "1:6: expected the end of the line, found `x10`"},
        {"a = 1,\nb = 2", "1:6: expected the end of the line, found `,`"},
        {"\"a\" = 1", "1:1: expected a name, found a string"},
        {"{ \"a\": 1 }", "1:1: expected an attribute or a block, found `{`"},
        {"= 1", "1:1: expected an attribute or a block, found `=`"},
        {"a = 1\n}\n", "2:1: expected an attribute or a block, found `}`"},
        {"a = 1\na = 2", "2:1: `a` is set twice: the first time in line 1"},
        {"b {\n a = 1\n", "1:1: this block is never closed with `}`"},
        {"b {\n c {\n }\n", "1:1: this block is never closed with `}`"},
        {"b { a = 1 b = 2 }", "1:11: expected `}`: a block of one line holds a single attribute, found `b`"},
        {"b { a = 1, b = 2 }", "1:10: expected `}`: a block of one line holds a single attribute, found `,`"},
        {"b { a = 1\n}",
         "1:10: expected `}`: a block of one line holds a single attribute, found the end of the line"},
        {"b { c {} }", "1:7: expected `=` in a block of one line, found `{`"},
        {"b {\n} c {\n}", "2:3: expected the end of the line, found `c`"},
        {"b {\n a = 1 }", "2:8: expected the end of the line, found `}`"},
        {"b\n{\n}", "1:2: expected `=` or `{`, found the end of the line"},
        {"b \"x\"\n{\n}", "1:6: expected `{`, found the end of the line"},
        {"b \"${x}\" {}", "1:3: a label is plain text, without `${...}`"},
        {"b \"x\" = 1", "1:7: expected `{`, found `=`"},
        {"b 1 {}", "1:3: expected `=` or `{`, found a number"},
        {"5 = 1", "1:1: expected an attribute or a block, found a number"},
        {"-a = 1", "1:1: expected an attribute or a block, found `-`"},
    };
    CHECK(rows);
}

Test(hcl_mistakes, of_expressions) {
    static const struct row rows[] = {
        {"a = [1 2]", "1:8: expected `,` or `]`, found a number"},
        {"a = [1,,2]", "1:8: expected a value, found `,`"},
        {"a = [1", "1:7: expected `,` or `]`, found the end of the file"},
        {"a = (1", "1:7: expected `)`, found the end of the file"},
        {"a = (1 2)", "1:8: expected `)`, found a number"},
        {"a = ()", "1:6: expected a value, found `)`"},
        {"a = f(1 2)", "1:9: expected `,` or `)`, found a number"},
        {"a = f(b... 1)", "1:12: expected `)` after `...`, found a number"},
        {"a = { b }", "1:9: expected `=` after the key, found `}`"},
        {"a = { b\n = 1 }", "1:8: expected `=` after the key, found the end of the line"},
        {"a = { b = 1 c = 2 }", "1:13: expected `,`, the end of the line or `}`, found `c`"},
        {"a = { b = 1", "1:12: expected `,`, the end of the line or `}`, found the end of the file"},
        {"a = { , }", "1:7: expected a value, found `,`"},
        {"a = b[0", "1:8: expected `]`, found the end of the file"},
        {"a = b[]", "1:7: expected a value, found `]`"},
        {"a = b[*", "1:8: expected `]`, found the end of the file"},
        {"a = b.", "1:7: expected a name after `.`, found the end of the file"},
        {"a = b.\"c\"", "1:7: expected a name after `.`, found a string"},
        {"a = b.0e1", "1:7: this is no index"},
        {"a = b.0.1", "1:7: this is no index"},
        {"a = 1 +", "1:8: expected a value, found the end of the file"},
        {"a = * 1", "1:5: expected a value, found `*`"},
        {"a = b ? c", "1:10: expected `:`, found the end of the file"},
        {"a = b ?\nc : d", "1:8: expected a value, found the end of the line"},
        {"a = b\n + c", "2:2: expected an attribute or a block, found `+`"},
        {"a = 1 & 2", "1:7: unexpected character `&`"},
        {"a = b | c", "1:7: unexpected character `|`"},
        {"a = 'x'", "1:5: unexpected character `'`"},
        {"a = “x”", "1:5: unexpected character `“`"},
        {"a = 1;", "1:6: unexpected character `;`"},
        {"a =\xc2\xa0"
         "1",
         "1:4: unexpected character U+00A0"},
        {"a = 1\rb = 2", "1:6: unexpected character U+000D"},
        {"a = \x01", "1:5: unexpected character U+0001"},
        {"a = .5", "1:5: expected a value, found `.`"},
        {"a = 5.", "1:7: expected a name after `.`, found the end of the file"},
        {"a = 1e", "1:6: expected the end of the line, found `e`"},
        {"a = [for]", "1:9: expected a name after `for`, found `]`"},
        {"a = [for x b : x]", "1:12: expected `in`, found `b`"},
        {"a = [for x, in b : x]", "1:16: expected `in`, found `b`"},
        {"a = [for x in b x]", "1:17: expected `:`, found `x`"},
        {"a = {for x in b : x}", "1:20: expected `=>`, found `}`"},
        {"a = [for x in b : x if]", "1:23: expected a value, found `]`"},
        {"a = /* c", "1:5: this comment is never closed with `*/`"},
    };
    CHECK(rows);
}

Test(hcl_mistakes, of_strings_and_heredocs) {
    static const struct row rows[] = {
        {"a = \"x", "1:5: this string is not closed with `\"` on its line"},
        {"a = \"x\ny\"", "1:5: this string is not closed with `\"` on its line"},
        {"a = \"x\ry\"", "1:5: this string is not closed with `\"` on its line"},
        {"a = \"\\q\"", "1:6: unknown escape; known are \\n \\r \\t \\\" \\\\ \\uNNNN \\UNNNNNNNN"},
        {"a = \"\\u12\"", "1:6: expected 4 hexadecimal digits of a character after `\\u`"},
        {"a = \"\\ud800\"", "1:6: expected 4 hexadecimal digits of a character after `\\u`"},
        {"a = \"\\U00110000\"", "1:6: expected 8 hexadecimal digits of a character after `\\U`"},
        {"a = \"\\u0000\"", "1:6: a NUL character"},
        {"a = \"\\", "1:6: unknown escape; known are \\n \\r \\t \\\" \\\\ \\uNNNN \\UNNNNNNNN"},
        {"a = \"${b\"", "1:9: expected `}`, found a string"},
        {"a = \"${}\"", "1:8: expected a value, found `}`"},
        {"a = \"${b c}\"", "1:10: expected `}`, found `c`"},
        {"a = \"%{b}\"", "1:8: expected `if`, `else`, `endif`, `for` or `endfor` after `%{`, found `b`"},
        {"a = \"%{if b}x\"", "1:6: this `%{if}` is never closed with `%{endif}`"},
        {"a = \"%{for x in b}x\"", "1:6: this `%{for}` is never closed with `%{endfor}`"},
        {"a = \"%{if b}%{endfor}\"", "1:6: this `%{if}` is never closed with `%{endif}`"},
        {"a = \"%{endif}\"", "1:6: nothing is open that this could end"},
        {"a = \"%{if b}%{else}%{else}%{endif}\"", "1:6: this `%{if}` is never closed with `%{endif}`"},
        {"a = <<EOF\nx\n", "1:5: this heredoc is never closed with `EOF`"},
        {"a = <<EOF\nx\nEOF )\n", "1:5: this heredoc is never closed with `EOF`"},
        {"a = <<EOF x\nEOF\n", "1:5: a heredoc begins with `<<NAME` at the end of a line"},
        {"a = <<\nEOF\n", "1:5: a heredoc begins with `<<NAME` at the end of a line"},
        {"a = <<\"EOF\"\nEOF\n", "1:5: a heredoc begins with `<<NAME` at the end of a line"},
        {"a = <<EOF\n${b\nEOF\n", "3:1: expected `}`, found `EOF`"},
    };
    CHECK(rows);
}

Test(hcl_mistakes, columns_are_characters_and_lines_any_line_ends) {
    static const struct row rows[] = {
        {"a = \"äöü\" x", "1:11: expected the end of the line, found `x`"},
        {"a = 1\r\n  b 2", "2:5: expected `=` or `{`, found a number"},
        {"\xef\xbb\xbf"
         "a 1",
         "1:3: expected `=` or `{`, found a number"},
        {"a = <<E\nx\ny\nE\nb 1", "5:3: expected `=` or `{`, found a number"},
        {"/*\n\n*/ b 1", "3:6: expected `=` or `{`, found a number"},
    };
    CHECK(rows);
}

static struct parsed parse(const char *text) {
    struct parsed p;
    parsed_init(&p, bytes_str(text));
    return p;
}

Test(hcl_mistakes, each_broken_item_is_told_once_and_the_rest_is_read) {
    struct parsed p = parse("a 1\nb {\n c = [1 2]\n d 2\n e = {\n  x = 1 1\n }\n}\nf = ;\ng = 1\ng = 2\n");
    static const uint32_t lines[] = {1, 3, 4, 6, 9, 11};
    cr_assert_eq(p.diags.count, sizeof lines / sizeof lines[0]);
    for (size_t i = 0; i < p.diags.count; i++)
        cr_expect_eq(p.diags.list[i].at.line, lines[i], "%zu: line %u: %s", i, p.diags.list[i].at.line,
                     p.diags.list[i].message);
    parsed_done(&p);
}

Test(hcl_mistakes, a_broken_block_header_skips_its_body) {
    struct parsed p = parse("b x y = {\n \"no name\" = 1\n}\nc 1\n");
    cr_assert_eq(p.diags.count, 2u);
    cr_expect_eq(p.diags.list[0].at.line, 1u);
    cr_expect_eq(p.diags.list[1].at.line, 4u);
    parsed_done(&p);
}

Test(hcl_mistakes, an_open_bracket_does_not_swallow_later_mistakes_in_silence) {
    struct parsed p = parse("a = [1 2\nb 3\n");
    cr_assert_eq(p.code, ERR_INVALID);
    cr_expect_eq(p.diags.count, 2u);
    parsed_done(&p);
}

Test(hcl_mistakes, a_file_cut_off_is_told_once_for_the_innermost_open_block) {
    struct parsed p = parse("a {\n b {\n c {\n d = 1\n");
    cr_assert_eq(p.diags.count, 1u);
    cr_expect_eq(p.diags.list[0].at.line, 3u);
    parsed_done(&p);
}

Test(hcl_mistakes, at_most_twenty_are_kept) {
    struct buf text = {0};
    for (int i = 0; i < 30; i++)
        buf_printf(&text, "a%d %d\n", i, i);
    struct parsed p = parse(buf_str(&text));
    cr_expect_eq(p.diags.count, (size_t)HCL_DIAGS_MAX);
    cr_expect_eq(p.code, ERR_INVALID);
    parsed_done(&p);
    buf_done(&text);
}

Test(hcl_mistakes, bytes_that_are_no_text_are_told_with_their_place) {
    static const struct {
        struct bytes text;
        const char *error;
    } rows[] = {
        {{(const uint8_t *)"a = 1\nb = \"\xff\"", 13}, "2:6: the file is not valid UTF-8 here"},
        {{(const uint8_t *)"a = \xc3", 5}, "1:5: the file is not valid UTF-8 here"},
        {{(const uint8_t *)"# \xed\xa0\x80", 5}, "1:3: the file is not valid UTF-8 here"},
        {{(const uint8_t *)"# \xc0\x80", 4}, "1:3: the file is not valid UTF-8 here"},
        {{(const uint8_t *)"a = \0", 5}, "1:5: a NUL character"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct parsed p;
        parsed_init(&p, rows[i].text);
        cr_assert_eq(p.diags.count, 1u);
        cr_expect_str_eq(arena_printf(&p.arena, "%u:%u: %s", p.diags.list[0].at.line,
                                      p.diags.list[0].at.column, p.diags.list[0].message),
                         rows[i].error);
        parsed_done(&p);
    }
}

/* ---- limits -------------------------------------------------------------------------------------------- */

static void repeat(struct buf *b, const char *text, size_t times) {
    for (size_t i = 0; i < times; i++)
        buf_append(b, text, strlen(text));
}

/* `head` times n, then middle, then tail times n: what code does it give? */
static int code_of(const char *head, size_t n, const char *middle, const char *tail) {
    struct buf text = {0};
    repeat(&text, head, n);
    repeat(&text, middle, 1);
    repeat(&text, tail, n);
    struct parsed p;
    parsed_init(&p, buf_bytes(&text));
    int code = p.code;
    cr_expect(code == 0 || p.diags.list[0].at.line > 0);
    parsed_done(&p);
    buf_done(&text);
    return code;
}

Test(hcl_limits, nesting_up_to_the_limit_parses_and_past_it_is_refused) {
    cr_expect_eq(code_of("b {\n", HCL_DEPTH_MAX, "", "}\n"), 0);
    cr_expect_eq(code_of("b {\n", HCL_DEPTH_MAX + 1, "", "}\n"), ERR_LIMIT);
}

static int expr_code(const char *head, size_t n, const char *middle, const char *tail) {
    struct buf text = {0};
    repeat(&text, "a = ", 1);
    repeat(&text, head, n);
    repeat(&text, middle, 1);
    repeat(&text, tail, n);
    int code = code_of("", 1, buf_str(&text), "");
    buf_done(&text);
    return code;
}

Test(hcl_limits, deep_expressions_are_refused_however_they_nest) {
    cr_expect_eq(expr_code("[", HCL_DEPTH_MAX, "", "]"), 0);
    static const struct {
        const char *head, *middle, *tail;
    } rows[] = {
        {"[", "", "]"},
        {"(", "1", ")"},
        {"{a=", "1", "}"},
        {"f(", "1", ")"},
        {"-", "b", ""},
        {"!", "b", ""},
        {"\"${", "1", "}\""},
        {"b[", "0", "]"},
        {"b ? c : ", "d", ""},
        {"b ? ", "d", " : c"},
        {"[for x in b : ", "x", "]"},
        {"", "b", "[*]"},
        {"", "b", ".*"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (size_t n = 1000; n <= 100000; n *= 100)
            cr_expect_eq(expr_code(rows[i].head, n, rows[i].middle, rows[i].tail), ERR_LIMIT, "%s%s%s",
                         rows[i].head, rows[i].middle, rows[i].tail);
}

Test(hcl_limits, long_chains_are_refused_because_they_are_deep_trees) {
    cr_expect_eq(expr_code("1 + ", 300, "1", ""), 0);
    cr_expect_eq(expr_code("1 + ", 100000, "1", ""), ERR_LIMIT);
    cr_expect_eq(expr_code("", 100000, "b", ".c"), ERR_LIMIT);
    cr_expect_eq(expr_code("", 100000, "b", "[0]"), ERR_LIMIT);
    cr_expect_eq(expr_code("\"%{if b}", 1, "", "\""), ERR_INVALID);
    struct buf text = {0};
    repeat(&text, "a = \"", 1);
    repeat(&text, "%{if b}", 10000);
    repeat(&text, "\"", 1);
    cr_expect_eq(code_of("", 1, buf_str(&text), ""), ERR_LIMIT);
    buf_done(&text);
}

Test(hcl_limits, attributes_and_blocks_are_counted_together) {
    struct buf text = {0};
    for (unsigned i = 0; i < HCL_ITEMS_MAX / 2; i++)
        buf_printf(&text, "b {}\na%u = 1\n", i);
    cr_expect_eq(code_of("", 1, buf_str(&text), ""), 0);
    buf_printf(&text, "c = 1\n");
    struct parsed p;
    parsed_init(&p, buf_bytes(&text));
    cr_expect_eq(p.code, ERR_LIMIT);
    cr_expect_eq(p.diags.list[0].at.line, HCL_ITEMS_MAX + 1);
    cr_expect_eq(p.diags.count, 1u);
    parsed_done(&p);
    buf_done(&text);
}

Test(hcl_limits, values_are_counted_so_that_memory_is_bounded) {
    cr_expect_eq(expr_code("[1,", 1, "", "]"), 0);
    struct buf text = {0};
    repeat(&text, "a = [", 1);
    repeat(&text, "1,", 300000);
    repeat(&text, "]", 1);
    cr_expect_eq(code_of("", 1, buf_str(&text), ""), ERR_LIMIT);
    buf_clear(&text);
    repeat(&text, "a = <<E\n", 1);
    repeat(&text, "\n", 900000);
    repeat(&text, "E", 1);
    cr_expect_eq(code_of("", 1, buf_str(&text), ""), ERR_LIMIT);
    buf_done(&text);
}

Test(hcl_limits, a_file_of_one_mebibyte_parses_and_one_byte_more_is_refused) {
    struct buf text = {0};
    repeat(&text, "a = \"", 1);
    repeat(&text, "x", HCL_FILE_SIZE_MAX - 6);
    repeat(&text, "\"", 1);
    struct parsed p;
    parsed_init(&p, buf_bytes(&text));
    cr_expect_eq(p.code, 0);
    cr_expect_eq(p.body->first->value->text.size, HCL_FILE_SIZE_MAX - 6);
    parsed_done(&p);
    repeat(&text, "\n", 1);
    parsed_init(&p, buf_bytes(&text));
    cr_expect_eq(p.code, ERR_LIMIT);
    struct buf out = {0};
    hcl_diags_print(&p.diags, &out);
    cr_expect_str_eq(buf_str(&out), "t.hcl:1:1: the file is larger than 1 MiB\n");
    buf_done(&out);
    parsed_done(&p);
    buf_done(&text);
}

Test(hcl_limits, numbers_of_too_many_digits_are_refused) {
    cr_expect_eq(expr_code("9", 100, "", ""), 0);
    cr_expect_eq(expr_code("9", 101, "", ""), ERR_LIMIT);
    cr_expect_eq(code_of("", 1, "a = 1e100000", ""), ERR_LIMIT);
    cr_expect_eq(code_of("", 1, "a = 1e-99999999999999999999", ""), ERR_LIMIT);
    cr_expect_eq(expr_code("0", 200000, "", ""), 0);
}

/* ---- the printer --------------------------------------------------------------------------------------- */

static void check_print(const char *text, const char *expected) {
    struct parsed p = parse(text);
    struct buf out = {0};
    hcl_diags_print(&p.diags, &out);
    cr_expect_str_eq(buf_str(&out), expected, "%s", buf_str(&out));
    buf_done(&out);
    parsed_done(&p);
}

Test(hcl_print, shows_the_line_a_caret_and_a_hint) {
    check_print("x = 1\n  a: 1\n", "t.hcl:2:4: expected `=` or `{`, found `:`\n      a: 1\n       ^\n    "
                                   "hint: a value is given with `=`\n");
    check_print("a = 10s", "t.hcl:1:7: expected the end of the line, found `s`\n    a = 10s\n          ^\n"
                           "    hint: text stands in quotes: \"10s\"\n");
}

Test(hcl_print, keeps_tabs_and_counts_characters_so_that_the_caret_fits) {
    check_print("\ta = \"ä\" x\r\n",
                "t.hcl:1:10: expected the end of the line, found `x`\n    \ta = \"ä\" x\n    \t        ^\n");
}

Test(hcl_print, shows_no_control_characters_of_the_file) {
    check_print("a = 1 # \x1b[31m\nb 2 # \x1b[0m\xc2\x9b\n",
                "t.hcl:2:3: expected `=` or `{`, found a number\n    b 2 # ?[0m?\n      ^\n");
}

Test(hcl_print, a_long_line_is_shown_around_the_place) {
    struct buf text = {0};
    repeat(&text, "a = \"", 1);
    repeat(&text, "x", 5000);
    repeat(&text, "\" oops ", 1);
    repeat(&text, "y", 5000);
    struct parsed p = parse(buf_str(&text));
    struct buf out = {0};
    hcl_diags_print(&p.diags, &out);
    cr_expect(out.size < 400, "%zu", out.size);
    const char *line = strchr(buf_str(&out), '\n') + 1;
    const char *below = strchr(line, '\n') + 1;
    cr_expect_eq(strncmp(line + (strchr(below, '^') - below), "oops", 4), 0, "%s", buf_str(&out));
    buf_done(&out);
    parsed_done(&p);
    buf_done(&text);
}
