/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Every construct of the grammar: text in, tree out. */
#include <criterion/criterion.h>

#include "dump.h"

struct row {
    const char *text, *tree;
};

static void check(const struct row *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct arena a = {0};
        cr_expect_str_eq(tree_of(&a, rows[i].text), rows[i].tree, "%s\n gives %s\n not   %s", rows[i].text,
                         tree_of(&a, rows[i].text), rows[i].tree);
        arena_done(&a);
    }
}
#define CHECK(rows) check(rows, sizeof rows / sizeof rows[0])

Test(hcl_grammar, bodies_hold_attributes_and_labelled_blocks) {
    static const struct row rows[] = {
        {"", ""},
        {"\n\n  \n", ""},
        {"a = 1", "a = 1"},
        {"a = 1\nb-2_c = 2\n", "a = 1; b-2_c = 2"},
        {"b {\n}\n", "b { }"},
        {"b {}\n", "b { }"},
        {"b { a = 1 }\n", "b { a = 1 }"},
        {"b {\n a = 1\n c {\n d = 2\n }\n}", "b { a = 1; c { d = 2 } }"},
        {"b \"x\" y \"z\" {\n}\nb {}", "b \"x\" \"y\" \"z\" { }; b { }"},
        {"b \"a\\tb\" {}", "b \"a\\tb\" { }"},
        {"größe = 1\n名前 = 2", "größe = 1; 名前 = 2"},
        {"for = 1\nif = 2\nnull = 3", "for = 1; if = 2; null = 3"},
        {"env { for = 1 }", "env { for = 1 }"},
    };
    CHECK(rows);
}

Test(hcl_grammar, comments_of_all_three_kinds_are_blank) {
    static const struct row rows[] = {
        {"# c\na = 1 # c\n# c", "a = 1"},
        {"// c\na = 1 // c\n//", "a = 1"},
        {"a = 2 // why", "a = 2"},
        {"/* c */ a /* c\n c */ = /**/ 1 /* c */\nb = 2", "a = 1; b = 2"},
        {"/* /* */ a = 1", "a = 1"},
        {"a = [ # c\n 1, // c\n 2 /* c */\n]", "a = [1, 2]"},
        {"b { # c\n a = 1\n} # c", "b { a = 1 }"},
        {"a = \"# // /*\"", "a = \"# // /*\""},
    };
    CHECK(rows);
}

Test(hcl_grammar, numbers_become_int64_or_plain_decimals) {
    static const struct row rows[] = {
        {"a = 0", "a = 0"},
        {"a = 007", "a = 7"},
        {"a = 1e3", "a = 1000"},
        {"a = 1E+3", "a = 1000"},
        {"a = 1500e-2", "a = 15"},
        {"a = 1.0", "a = 1"},
        {"a = 1.50", "a = 1.5d"},
        {"a = 0.05", "a = 0.05d"},
        {"a = 5e-2", "a = 0.05d"},
        {"a = 12.5e1", "a = 125"},
        {"a = 0.0", "a = 0"},
        {"a = 0e99", "a = 0"},
        {"a = -5", "a = -5"},
        {"a = - 5", "a = -5"},
        {"a = --5", "a = 5"},
        {"a = -0", "a = 0"},
        {"a = -1.5", "a = -1.5d"},
        {"a = -(5)", "a = -5"},
        {"a = 9223372036854775807", "a = 9223372036854775807"},
        {"a = 9223372036854775808", "a = 9223372036854775808d"},
        {"a = -9223372036854775808", "a = -9223372036854775808"},
        {"a = -9223372036854775809", "a = -9223372036854775809d"},
        {"a = 1e30", "a = 1000000000000000000000000000000d"},
    };
    CHECK(rows);
}

Test(hcl_grammar, literals_and_names) {
    static const struct row rows[] = {
        {"a = true", "a = true"},
        {"a = false", "a = false"},
        {"a = null", "a = null"},
        {"a = truer", "a = truer"},
        {"a = \"\"", "a = \"\""},
        {"a = \"x\\n\\r\\t\\\"\\\\\"", "a = \"x\\n\\r\\t\\\"\\\\\""},
        {"a = \"\\u00e9\\U0001F600\\u0041\"", "a = \"é😀A\""},
        {"a = (1)", "a = 1"},
        {"a = (\n 1\n)", "a = 1"},
    };
    CHECK(rows);
}

Test(hcl_grammar, operators_bind_as_specified) {
    static const struct row rows[] = {
        {"a = 1 + 2 * 3", "a = (+ 1 (* 2 3))"},
        {"a = (1 + 2) * 3", "a = (* (+ 1 2) 3)"},
        {"a = 1 - 2 - 3", "a = (- (- 1 2) 3)"},
        {"a = 8 / 4 % 3", "a = (% (/ 8 4) 3)"},
        {"a = b || c && d", "a = (|| b (&& c d))"},
        {"a = b == c && d != e", "a = (&& (== b c) (!= d e))"},
        {"a = 1 < 2 == 3 >= 4", "a = (== (< 1 2) (>= 3 4))"},
        {"a = 1 <= 2", "a = (<= 1 2)"},
        {"a = 1 > 2", "a = (> 1 2)"},
        {"a = !b.c", "a = (! (. b c))"},
        {"a = -b + c", "a = (+ (- b) c)"},
        {"a = 1 -2", "a = (- 1 2)"},
        {"a = 1-2", "a = (- 1 2)"},
        {"a = !!b", "a = (! (! b))"},
        {"a = b ? c : d", "a = (?: b c d)"},
        {"a = b ? c : d ? e : f", "a = (?: b c (?: d e f))"},
        {"a = b ? c ? d : e : f", "a = (?: b (?: c d e) f)"},
        {"a = b == 1 ? 2 + 3 : 4", "a = (?: (== b 1) (+ 2 3) 4)"},
        {"a = (b\n + c\n)", "a = (+ b c)"},
    };
    CHECK(rows);
}

Test(hcl_grammar, calls_indexes_and_splats) {
    static const struct row rows[] = {
        {"a = f()", "a = (call f)"},
        {"a = f(1, \"x\", [2])", "a = (call f 1 \"x\" [2])"},
        {"a = f(1,)", "a = (call f 1)"},
        {"a = f(\n 1,\n 2\n)", "a = (call f 1 2)"},
        {"a = f(1, b...)", "a = (call... f 1 b)"},
        {"a = f(g(h()))", "a = (call f (call g (call h)))"},
        {"a = b.c.d", "a = (. (. b c) d)"},
        {"a = b[0]", "a = (index b 0)"},
        {"a = b[\"k\"].c", "a = (. (index b \"k\") c)"},
        {"a = b[\n0\n]", "a = (index b 0)"},
        {"a = b.0", "a = (index b 0)"},
        {"a = b.0.c", "a = (. (index b 0) c)"},
        {"a = b.*.c.d", "a = (.* b (. (. @ c) d))"},
        {"a = b.*.c[0]", "a = (index (.* b (. @ c)) 0)"},
        {"a = b[*].c[0]", "a = ([*] b (index (. @ c) 0))"},
        {"a = b[*]", "a = ([*] b @)"},
        {"a = [1][0]", "a = (index [1] 0)"},
        {"a = f(1).b", "a = (. (call f 1) b)"},
    };
    CHECK(rows);
}

Test(hcl_grammar, lists_and_objects) {
    static const struct row rows[] = {
        {"a = []", "a = []"},
        {"a = [1, \"b\", true]", "a = [1, \"b\", true]"},
        {"a = [\n 1,\n 2,\n]", "a = [1, 2]"},
        {"a = [1\n ,\n 2]", "a = [1, 2]"},
        {"a = [[1], []]", "a = [[1], []]"},
        {"a = {}", "a = {}"},
        {"a = {\n}", "a = {}"},
        {"a = { b = 1, c : 2 }", "a = {\"b\": 1, \"c\": 2}"},
        {"a = {\n b = 1\n\n c = 2,\n d = 3\n}", "a = {\"b\": 1, \"c\": 2, \"d\": 3}"},
        {"a = { \"x y\" = 1 }", "a = {\"x y\": 1}"},
        {"a = { (b) = 1, 2 = 3 }", "a = {b: 1, 2: 3}"},
        {"a = { true = 1, null = 2 }", "a = {\"true\": 1, \"null\": 2}"},
        {"a = { b.c = 1 }", "a = {(. b c): 1}"},
        {"a = { f() = 1 }", "a = {(call f): 1}"},
        {"a = { \"${b}\" = 1 }", "a = {(template b): 1}"},
        {"a = { b = [\n1\n]\n c = {\n d = 1\n}\n}", "a = {\"b\": [1], \"c\": {\"d\": 1}}"},
        {"a = [{\n b = 1\n c = 2\n}]", "a = [{\"b\": 1, \"c\": 2}]"},
    };
    CHECK(rows);
}

Test(hcl_grammar, for_expressions) {
    static const struct row rows[] = {
        {"a = [for x in b : x]", "a = ([for] _ \"x\" b x _)"},
        {"a = [for i, x in b : x + i if x > 1]", "a = ([for] \"i\" \"x\" b (+ x i) (> x 1))"},
        {"a = [\n for x in b :\n x\n]", "a = ([for] _ \"x\" b x _)"},
        {"a = {for k, v in b : k => v}", "a = ({for} \"k\" \"v\" b k v _)"},
        {"a = {for v in b : v.k => v... if v.ok}", "a = ({for...} _ \"v\" b (. v k) v (. v ok))"},
        {"a = {\n for k, v in b :\n k =>\n v\n}", "a = ({for} \"k\" \"v\" b k v _)"},
    };
    CHECK(rows);
}

Test(hcl_grammar, templates_in_quotes) {
    static const struct row rows[] = {
        {"a = \"${b}\"", "a = (template b)"},
        {"a = \"x${b}y\"", "a = (template \"x\" b \"y\")"},
        {"a = \"${b}${c}\"", "a = (template b c)"},
        {"a = \"${ b + 1 }\"", "a = (template (+ b 1))"},
        {"a = \"${\n b\n}\"", "a = (template b)"},
        {"a = \"${f(\"x\", \"${b}\")}\"", "a = (template (call f \"x\" (template b)))"},
        {"a = \"${{ b = 1 }.b}\"", "a = (template (. {\"b\": 1} b))"},
        {"a = \"$${b}\"", "a = \"${b}\""},
        {"a = \"%%{b}\"", "a = \"%{b}\""},
        {"a = \"$$${b}\"", "a = \"$${b}\""},
        {"a = \"$ $$ 5% %% {}\"", "a = \"$ $$ 5% %% {}\""},
        {"a = \"$\"", "a = \"$\""},
        {"a = \"x  ${~ b ~}  y\"", "a = (template \"x\" b \"y\")"},
        {"a = \"%{ if b }x%{ endif }\"", "a = (template (%if b \"x\" _))"},
        {"a = \"%{ if b }x%{ else }${y}%{ endif }z\"", "a = (template (%if b \"x\" (template y)) \"z\")"},
        {"a = \"%{ for x in b }${x},%{ endfor }\"", "a = (template (%for _ \"x\" b (template x \",\")))"},
        {"a = \"%{ for i, x in b }%{ if x }y%{ endif }%{ endfor }\"",
         "a = (template (%for \"i\" \"x\" b (template (%if x \"y\" _))))"},
        {"a = \"x %{~ if b ~} y %{~ endif ~} z\"", "a = (template \"x\" (%if b \"y\" _) \"z\")"},
    };
    CHECK(rows);
}

Test(hcl_grammar, heredocs) {
    static const struct row rows[] = {
        {"a = <<EOF\nx\ny\nEOF\n", "a = \"x\\ny\\n\""},
        {"a = <<EOF\nEOF\n", "a = \"\""},
        {"a = <<EOF\n\nEOF\n", "a = \"\\n\""},
        {"a = <<EOF\nx\nEOF", "a = \"x\\n\""},
        {"a = <<EOF\n  x\n  EOF\nb = 1", "a = \"  x\\n\"; b = 1"},
        {"a = <<EOF\nx\nEOF  \nb = 1", "a = \"x\\n\"; b = 1"},
        {"a = <<e_2-x\nx EOF\nEOFx\n EOF x\ne_2-x\n", "a = \"x EOF\\nEOFx\\n EOF x\\n\""},
        {"a = <<EOF\n\\n \"q\" $${x} %%{y}\nEOF\n", "a = \"\\\\n \\\"q\\\" ${x} %{y}\\n\""},
        {"a = <<EOF\n${b} EOF\n${c}\nEOF\n", "a = (template b \" EOF\\n\" c \"\\n\")"},
        {"a = <<EOF\nx${\"EOF\"}\nEOF\n", "a = (template \"x\" \"EOF\" \"\\n\")"},
        {"a = [<<A\n1\nA\n, <<B\n2\nB\n]", "a = [\"1\\n\", \"2\\n\"]"},
        {"a = f(<<A\n1\nA\n)", "a = (call f \"1\\n\")"},
        {"a = {\n b = <<A\n1\nA\n c = 2\n}", "a = {\"b\": \"1\\n\", \"c\": 2}"},
        {"a = \"${<<A\n1\nA\n}\"", "a = \"1\\n\""},
        {"a = <<A\n%{ if b ~}\nx\n%{ endif ~}\nA\n", "a = (template (%if b \"x\\n\" _))"},
        {"a = <<A\n# no comment // /*\nA\n", "a = \"# no comment // /*\\n\""},
    };
    CHECK(rows);
}

Test(hcl_grammar, indented_heredocs_lose_the_least_indentation) {
    static const struct row rows[] = {
        {"a = <<-EOF\n    x\n      y\n    EOF\n", "a = \"x\\n  y\\n\""},
        {"a = <<-EOF\n  x\n\n  y\nEOF\n", "a = \"x\\n\\ny\\n\""},
        {"a = <<-EOF\n  x\n \n  y\nEOF\n", "a = \"x\\n \\ny\\n\""},
        {"a = <<-EOF\n\tx\n\t\ty\n\tEOF\n", "a = \"x\\n\\ty\\n\""},
        {"a = <<-EOF\n  ${b}\n    y\nEOF\n", "a = (template b \"\\n  y\\n\")"},
        {"a = <<-EOF\n  x\n${b}\nEOF\n", "a = (template \"  x\\n\" b \"\\n\")"},
        {"a = <<-EOF\n  x ${b}\n  y\nEOF\n", "a = (template \"x \" b \"\\ny\\n\")"},
        {"a = <<-EOF\nEOF\n", "a = \"\""},
    };
    CHECK(rows);
}

Test(hcl_grammar, windows_line_ends_and_a_byte_order_mark_are_taken) {
    static const struct row rows[] = {
        {"\xef\xbb\xbf"
         "a = 1\n",
         "a = 1"},
        {"a = 1\r\nb {\r\n c = [\r\n2\r\n]\r\n}\r\n", "a = 1; b { c = [2] }"},
        {"a = 1 // c\r\nb = 2 # c\r\n", "a = 1; b = 2"},
        {"a = <<EOF\r\nx\r\nEOF\r\nb = 1\r\n", "a = \"x\\r\\n\"; b = 1"},
        {"a = {\r\n b = 1\r\n c = 2\r\n}\r\n", "a = {\"b\": 1, \"c\": 2}"},
    };
    CHECK(rows);
}

Test(hcl_grammar, spans_count_characters_from_one) {
    struct parsed p;
    parsed_init(&p, bytes_str("x = 1\n  größe = [\"ä\", b + 2]\n"));
    cr_assert_eq(p.code, 0);
    const struct hcl_item *item = p.body->first->next;
    cr_expect_eq(item->at.line, 2u);
    cr_expect_eq(item->at.column, 3u);
    cr_expect_eq(item->at.offset, 8u);
    cr_expect_eq(item->at.size, 7u);
    const struct hcl_expr *sum = item->value->first->next;
    cr_expect_eq(sum->at.line, 2u);
    cr_expect_eq(sum->at.column, 17u);
    cr_expect(bytes_is(hcl_source(p.diags.text, sum->at), "b + 2"));
    cr_expect(bytes_is(hcl_source(p.diags.text, item->value->at), "[\"ä\", b + 2]"));
    parsed_done(&p);
}

Test(hcl_grammar, sources_of_expressions_are_whole) {
    static const char *const sources[] = {
        "f(1, 2)",
        "b[0].c",
        "b[*].c",
        "!b",
        "-b",
        "(b + c)",
        "b ? c : d",
        "\"x${b}y\"",
        "[for x in b : x]",
        "{ c = 1 }",
        "<<EOF\nx\n  EOF",
        "b.*.c",
        "(1 + 2) * 3",
        "-12.50",
    };
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        struct parsed p;
        struct arena a = {0};
        parsed_init(&p, bytes_str(arena_printf(&a, "a = %s\nz = 1\n", sources[i])));
        cr_assert_eq(p.code, 0, "%s", sources[i]);
        struct bytes got = hcl_source(p.diags.text, p.body->first->value->at);
        cr_expect(bytes_is(got, sources[i]), "%s gives %.*s", sources[i], BYTES_FMT(got));
        parsed_done(&p);
        arena_done(&a);
    }
}
