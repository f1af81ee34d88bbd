/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Damaged files: the same 2,000 on every run. What holds for each is in the fuzz target, which runs here too.
 */
#include <criterion/criterion.h>

#include "../../fuzz/fuzz_hcl.c"
#include "dump.h"

static const char *const files[] = {
    "contrib/jobs/web.hcl",
    "contrib/jobs/backup.hcl",
    "contrib/jobs/two-tasks.hcl",
    "contrib/jobs/many.hcl",
    "tests/fuzz/corpus/hcl/grammar.hcl",
    "tests/trace/jobspec/expressions.hcl",
    "tests/trace/jobspec/syntax.hcl",
    "tests/trace/jobspec/variables-in-text.hcl",
};
#define FILES_COUNT (sizeof files / sizeof files[0])
#define EACH_COUNT  (2000 / FILES_COUNT)

/* Characters that mean something, so that the damage is more often a mistake of the grammar than of the
 * bytes. */
static const char telling[] = "{}[]()\"$%~<>-=:,.?!*/#\n\r\t\\ E0x\x7f\xff\xc3";

static void damage(struct prng *p, struct buf *text) {
    size_t at = (size_t)prng_below(p, text->size), other = (size_t)prng_below(p, text->size);
    size_t size = (size_t)prng_below(p, text->size - at < 40 ? text->size - at : 40) + 1;
    size = size > text->size - at ? text->size - at : size;
    switch (prng_below(p, 5)) {
    case 0: text->data[at] = (uint8_t)telling[prng_below(p, sizeof telling - 1)]; break;
    case 1:
        memmove(text->data + at, text->data + at + size, text->size - at - size);
        text->size -= size;
        break;
    case 2: text->data[at] = text->data[other]; break;
    case 3: text->size = at + 1; break;
    default:
        size = size > text->size - other ? text->size - other : size;
        memmove(text->data + at, text->data + other, size);
    }
}

Test(mutations, no_damage_to_a_file_breaks_the_reader) {
    struct prng p;
    struct arena a = {0};
    prng_init(&p, 20);
    for (size_t i = 0; i < FILES_COUNT; i++) {
        struct bytes original = source_file(&a, files[i]);
        cr_assert_gt(original.size, 100u, "%s", files[i]);
        for (size_t n = 0; n < EACH_COUNT; n++) {
            struct buf text = {0};
            buf_append(&text, original.data, original.size);
            for (uint64_t k = prng_below(&p, 3); k < 3; k++)
                damage(&p, &text);
            uint8_t *exact = mem_alloc(text.size); /* so that a read past the end is seen */
            memcpy(exact, text.data, text.size);
            LLVMFuzzerTestOneInput(exact, text.size);
            mem_free(exact);
            buf_done(&text);
        }
    }
    arena_done(&a);
}

/* The line and column of a place, counted anew from the start of the text. */
static void expect_place(struct bytes text, struct hcl_span at) {
    uint32_t line = 1, column = 1;
    size_t start = text.size >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    for (size_t i = start; i < at.offset; i++) {
        line += text.data[i] == '\n';
        column = text.data[i] == '\n' ? 1 : column + ((text.data[i] & 0xc0) != 0x80);
    }
    cr_expect_eq(at.line, line);
    cr_expect_eq(at.column, column);
}

static void expect_places(struct bytes text, const struct hcl_expr *e) {
    expect_place(text, e->at);
    for (const struct hcl_expr *child = e->first; child != NULL; child = child->next)
        expect_places(text, child);
}

static void expect_body_places(struct bytes text, const struct hcl_body *body) {
    for (const struct hcl_item *item = body->first; item != NULL; item = item->next) {
        expect_place(text, item->at);
        for (const struct hcl_expr *label = item->labels; label != NULL; label = label->next)
            expect_places(text, label);
        if (item->value != NULL)
            expect_places(text, item->value);
        else
            expect_body_places(text, item->body);
    }
    expect_place(text, body->end);
}

Test(mutations, lines_and_columns_agree_with_offsets_everywhere) {
    struct arena a = {0};
    for (size_t i = 0; i < FILES_COUNT; i++) {
        struct parsed p;
        parsed_init(&p, source_file(&a, files[i]));
        if (p.code == 0)
            expect_body_places(p.diags.text, p.body);
        for (size_t k = 0; k < p.diags.count; k++)
            expect_place(p.diags.text, p.diags.list[k].at);
        parsed_done(&p);
    }
    arena_done(&a);
}
