/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include <covey/codec.h>
#include <covey/sample.h>
#include <covey/wire.h>
#include <criterion/criterion.h>

/* What a reader refuses, with the words it uses; and that nothing it is given makes it crash. */

#define HEX_MAX 512

static struct bytes from_hex(const char *hex, uint8_t out[HEX_MAX]) {
    size_t size = strlen(hex) / 2;
    cr_assert_leq(size, HEX_MAX);
    cr_assert_eq(hex_decode(bytes_str(hex), out, size), 0, "%s", hex);
    return bytes_of(out, size);
}

struct refusal {
    const struct codec_type *type;
    bool named;
    const char *hex;
    int code;
    const char *path, *what;
    size_t offset;
};

static void check_refusal(const struct refusal *c) {
    uint8_t bytes[HEX_MAX];
    struct arena a = {0};
    struct codec_fault fault = {.what = "(none)"};
    uint8_t *obj = mem_alloc(c->type->size), *before = mem_alloc(c->type->size);
    memset(obj, 0x5a, c->type->size);
    memset(before, 0x5a, c->type->size);
    struct bytes in = from_hex(c->hex, bytes);
    int code = (c->named ? codec_decode_named : codec_decode)(c->type, in, &a, obj, &fault);
    cr_expect_eq(code, c->code, "%s gives %d", c->hex, code);
    cr_expect_str_eq(fault.path, c->path, "%s: %s", c->hex, fault.path);
    cr_expect_str_eq(fault.what, c->what, "%s: %s", c->hex, fault.what);
    cr_expect_eq(fault.offset, c->offset, "%s: offset %zu", c->hex, fault.offset);
    cr_expect_eq(memcmp(obj, before, c->type->size), 0, "%s: the struct is touched", c->hex);
    cr_expect_eq((c->named ? codec_decode_named : codec_decode)(c->type, in, &a, obj, NULL), c->code);
    mem_free(obj);
    mem_free(before);
    arena_done(&a);
}

#define EVERYTHING &sample_everything_type
#define LISTS      &sample_lists_type
#define TREE       &sample_tree_type
#define HOLDER     &sample_holder_type

Test(refuse, each_kind_of_fault_with_its_path) {
    const struct refusal cases[] = {
        {EVERYTHING, false, "", ERR_INVALID, "sample_everything", "ends too early", 0},
        {EVERYTHING, false, "81", ERR_INVALID, "sample_everything", "ends too early", 0},
        {EVERYTHING, false, "c1", ERR_INVALID, "sample_everything", "no MessagePack", 0},
        {EVERYTHING, false, "8000", ERR_INVALID, "sample_everything", "more follows its end", 1},
        {EVERYTHING, false, "90", ERR_INVALID, "sample_everything", "expected a map", 0},
        {EVERYTHING, false, "05", ERR_INVALID, "sample_everything", "expected a map", 0},
        {EVERYTHING, false, "81a17801", ERR_INVALID, "sample_everything", "a key is not a number", 1},
        {EVERYTHING, false, "81ff01", ERR_INVALID, "sample_everything", "a key is not a number", 1},
        {EVERYTHING, false, "819001", ERR_INVALID, "sample_everything", "a key is not a number", 1},
        {EVERYTHING, true, "810101", ERR_INVALID, "sample_everything", "a key is not text", 1},
        {EVERYTHING, true, "81c4047465787401", ERR_INVALID, "sample_everything", "a key is not text", 1},
        {EVERYTHING, false, "8201c301c3", ERR_INVALID, "sample_everything.flag", "there twice", 3},
        {EVERYTHING, false, "83020101c30202", ERR_INVALID, "sample_everything.tiny", "there twice", 5},
        {EVERYTHING, false, "8101c0", ERR_INVALID, "sample_everything.flag", "expected true or false", 2},
        {EVERYTHING, false, "810101", ERR_INVALID, "sample_everything.flag", "expected true or false", 2},
        {EVERYTHING, false, "8102cd0100", ERR_INVALID, "sample_everything.tiny", "number out of range", 2},
        {EVERYTHING, false, "8102ff", ERR_INVALID, "sample_everything.tiny",
         "expected a whole number, not negative", 2},
        {EVERYTHING, false, "8102ca3f800000", ERR_INVALID, "sample_everything.tiny",
         "expected a whole number, not negative", 2},
        {EVERYTHING, false, "8103ce00010000", ERR_INVALID, "sample_everything.small", "number out of range",
         2},
        {EVERYTHING, false, "8104cf0000000100000000", ERR_INVALID, "sample_everything.medium",
         "number out of range", 2},
        {EVERYTHING, false, "8106ce80000000", ERR_INVALID, "sample_everything.signed", "number out of range",
         2},
        {EVERYTHING, false, "8106d3ffffffff7fffffff", ERR_INVALID, "sample_everything.signed",
         "number out of range", 2},
        {EVERYTHING, false, "8107cf8000000000000000", ERR_INVALID, "sample_everything.wide",
         "number out of range", 2},
        {EVERYTHING, false, "8107a131", ERR_INVALID, "sample_everything.wide", "expected a whole number", 2},
        {EVERYTHING, false, "810801", ERR_INVALID, "sample_everything.text", "expected text", 2},
        {EVERYTHING, false, "810980", ERR_INVALID, "sample_everything.blob",
         "expected a value, found a list or a map", 2},
        {EVERYTHING, false, "8109c0", ERR_INVALID, "sample_everything.blob", "expected bytes", 2},
        {EVERYTHING, false, "8108a2c328", ERR_INVALID, "sample_everything.text", "expected UTF-8 without NUL",
         2},
        {EVERYTHING, false, "8108a3610062", ERR_INVALID, "sample_everything.text",
         "expected UTF-8 without NUL", 2},
        {EVERYTHING, false, "810ac40100", ERR_INVALID, "sample_everything.node", "expected 16 bytes", 2},
        {EVERYTHING, false, "810bc40100", ERR_INVALID, "sample_everything.key", "expected 32 bytes", 2},
        {EVERYTHING, false, "810d02", ERR_INVALID, "sample_everything.colour", "no such value", 2},
        {EVERYTHING, false, "810dce80000000", ERR_INVALID, "sample_everything.colour", "no such value", 2},
        {EVERYTHING, false, "810dff", ERR_INVALID, "sample_everything.colour", "expected a number", 2},
        {EVERYTHING, false, "810da3726564", ERR_INVALID, "sample_everything.colour", "expected a number", 2},
        {EVERYTHING, false, "810ece80000000", ERR_INVALID, "sample_everything.shade", "no such value", 2},
        {EVERYTHING, true, "81a6636f6c6f7572a3707572", ERR_INVALID, "sample_everything.colour",
         "no such value", 8},
        {EVERYTHING, true, "81a6636f6c6f757202", ERR_INVALID, "sample_everything.colour", "no such value", 8},
        {EVERYTHING, true, "81a6636f6c6f7572c0", ERR_INVALID, "sample_everything.colour",
         "expected the name of a value", 8},
        {EVERYTHING, false, "810fc4050102030405", ERR_INVALID, "sample_everything.where",
         "expected 6 or 18 bytes", 2},
        {EVERYTHING, true, "81a57768657265a7312e322e332e34", ERR_INVALID, "sample_everything.where",
         "expected an address with a port", 7},
        {EVERYTHING, false, "8110c0", ERR_INVALID, "sample_everything.inner", "expected a map", 2},
        {EVERYTHING, false, "8110810203", ERR_INVALID, "sample_everything.inner.name", "expected text", 4},
        {EVERYTHING, false, "8111810203", ERR_INVALID, "sample_everything.maybe.name", "expected text", 4},
        {LISTS, false, "810280", ERR_INVALID, "sample_lists.tinies", "expected a list", 2},
        {LISTS, false,
         "810293010203"
         "00",
         ERR_INVALID, "sample_lists", "more follows its end", 6},
        {LISTS, false, "81029301a002", ERR_INVALID, "sample_lists.tinies[1]",
         "expected a whole number, not negative", 4},
        {LISTS, false, "810d9280810203", ERR_INVALID, "sample_lists.inners[1].name", "expected text", 6},
        {LISTS, false,
         "81029501020304"
         "05",
         ERR_LIMIT, "sample_lists.tinies", "too many items", 2},
        {LISTS, false, "810891a9313233343536373839", ERR_LIMIT, "sample_lists.texts[0]", "too long", 3},
        {TREE, false, "81029203", ERR_INVALID, "sample_tree", "ends too early", 0},
        {TREE, false, "810281028102810203", ERR_INVALID, "sample_tree.left.left.left.left", "expected a map",
         8},
        {HOLDER, false, "810180", ERR_INVALID, "sample_holder.needs.id", "missing", 2},
        {HOLDER, false, "81019101", ERR_INVALID, "sample_holder.needs", "expected a map", 2},
        {HOLDER, false, "81029180", ERR_INVALID, "sample_holder.list[0].id", "missing", 3},
        {HOLDER, false, "81018101c41000000000000000000000000000000000", ERR_INVALID,
         "sample_holder.needs.count", "missing", 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_refusal(&cases[i]);
}

Test(refuse, no_input_at_all) {
    struct arena a = {0};
    struct sample_everything e;
    size_t used;
    cr_assert_eq(codec_decode(EVERYTHING, (struct bytes){0}, &a, &e, NULL), ERR_INVALID);
    cr_assert_eq(codec_decode_prefix(EVERYTHING, (struct bytes){0}, &a, &e, NULL, &used), ERR_BUSY);
    cr_assert_eq(codec_scan((struct bytes){0}, 4, &used), ERR_BUSY);
}

Test(refuse, text_of_the_limit_is_taken_and_one_more_is_not) {
    for (size_t size = 30; size <= 34; size++) {
        struct arena a = {0};
        struct buf in = {0};
        uint8_t text[34];
        struct sample_everything e = {0};
        memset(text, 'x', sizeof text);
        codec_put_map(&in, 1);
        codec_put_uint(&in, 8);
        codec_put_str(&in, bytes_of(text, size));
        cr_assert_eq(codec_decode(EVERYTHING, buf_bytes(&in), &a, &e, NULL), size > 32 ? ERR_LIMIT : 0);
        cr_assert_eq(e.text.size, size > 32 ? 0 : size);
        buf_done(&in);
        arena_done(&a);
    }
}

Test(refuse, utf8_that_is_overlong_or_a_surrogate_or_too_large) {
    const char *const bad[] = {"c080",     "c1bf",     "e08080",   "e09fbf",   "eda080", "edbfbf",
                               "f0808080", "f08fbfbf", "f4908080", "f5808080", "80",     "bf",
                               "c3",       "e6bc",     "f09f90",   "ff",       "c3c3"};
    const char *const good[] = {"c280",   "dfbf",   "e0a080",   "ed9fbf",
                                "ee8080", "efbfbf", "f0908080", "f48fbfbf"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0] + sizeof good / sizeof good[0]; i++) {
        bool is_bad = i < sizeof bad / sizeof bad[0];
        const char *text = is_bad ? bad[i] : good[i - sizeof bad / sizeof bad[0]];
        char hex[32] = "8108a";
        struct arena a = {0};
        struct sample_everything e;
        uint8_t bytes[HEX_MAX];
        hex[5] = (char)('0' + strlen(text) / 2);
        memcpy(hex + 6, text, strlen(text) + 1);
        int code = codec_decode(EVERYTHING, from_hex(hex, bytes), &a, &e, NULL);
        cr_assert_eq(code, is_bad ? ERR_INVALID : 0, "%s", text);
        arena_done(&a);
    }
}

Test(refuse, each_required_field_is_required) {
    struct arena a = {0};
    struct sample_inner maybe = {0};
    struct sample_needs needs = {.maybe = &maybe}, again;
    struct buf whole = {0};
    codec_encode(&sample_needs_type, &needs, &whole);
    cr_assert_eq(codec_decode(&sample_needs_type, buf_bytes(&whole), &a, &again, NULL), 0);
    for (uint64_t left_out = 1; left_out <= 5; left_out++) {
        struct buf in = {0};
        struct codec_fault fault = {.what = ""};
        struct bytes rest = bytes_of(whole.data + 1, whole.size - 1), value;
        codec_put_map(&in, 4);
        while (rest.size) {
            uint64_t key;
            cr_assert_eq(codec_get_uint(&rest, &key), 0);
            cr_assert_eq(codec_get_raw(&rest, &value), 0);
            if (key == left_out)
                continue;
            codec_put_uint(&in, key);
            codec_put_raw(&in, value);
        }
        cr_assert_eq(codec_decode(&sample_needs_type, buf_bytes(&in), &a, &again, &fault), ERR_INVALID);
        cr_assert_str_eq(fault.what, "missing");
        buf_done(&in);
    }
    buf_done(&whole);
    arena_done(&a);
}

Test(refuse, a_long_path_is_cut_not_overrun) {
    struct arena a = {0};
    struct buf in = {0};
    struct codec_fault fault;
    struct sample_tree tree;
    for (int i = 0; i < 7; i++) {
        codec_put_map(&in, 1);
        codec_put_uint(&in, 3);
        codec_put_array(&in, 1);
    }
    codec_put_nil(&in);
    cr_assert_eq(codec_decode(TREE, buf_bytes(&in), &a, &tree, &fault), ERR_INVALID);
    cr_assert_eq(strlen(fault.path), sizeof fault.path - 1);
    cr_assert_eq(memcmp(fault.path, "sample_tree.children[0].children[0].", 36), 0);
    buf_done(&in);
    arena_done(&a);
}

/* ---- tolerance ----------------------------------------------------------------------------------------- */

Test(accept, unknown_keys_are_skipped_whatever_they_hold) {
    const char *const values[] = {"c0",
                                  "01",
                                  "ff",
                                  "ca3f800000",
                                  "cb3ff0000000000000",
                                  "a161",
                                  "c40100",
                                  "90",
                                  "80",
                                  "92018101c0",
                                  "d40102",
                                  "c7020102ff",
                                  "d8"
                                  "01"
                                  "00000000000000000000000000000000"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        for (int named = 0; named < 2; named++) {
            char hex[HEX_MAX];
            uint8_t bytes[HEX_MAX];
            struct arena a = {0};
            struct sample_inner inner;
            struct buf text = {0};
            /* An unknown key before, twice, and a known one behind. */
            buf_printf(&text, named ? "83a3666f6f%sa3666f6f%sa66e756d62657207" : "8363%s63%s0107", values[i],
                       values[i]);
            memcpy(hex, buf_str(&text), text.size + 1);
            struct bytes in = from_hex(hex, bytes);
            int code = (named ? codec_decode_named : codec_decode)(&sample_inner_type, in, &a, &inner, NULL);
            cr_assert_eq(code, 0, "%s", hex);
            cr_assert_eq(inner.number, 7);
            buf_done(&text);
            arena_done(&a);
        }
    }
}

Test(accept, keys_beyond_the_fixint_are_unknown) {
    uint8_t bytes[HEX_MAX];
    struct arena a = {0};
    struct sample_inner inner;
    cr_assert_eq(codec_decode(&sample_inner_type,
                              from_hex("82cf000000010000000105"
                                       "0107",
                                       bytes),
                              &a, &inner, NULL),
                 0);
    cr_assert_eq(inner.number, 7, "the key is compared whole");
    arena_done(&a);
}

Test(accept, any_order_and_longer_integers_than_needed) {
    uint8_t bytes[HEX_MAX];
    struct arena a = {0};
    struct sample_inner inner;
    cr_assert_eq(
        codec_decode(&sample_inner_type, from_hex("8202a16101cf0000000000000005", bytes), &a, &inner, NULL),
        0);
    cr_assert_eq(inner.number, 5);
    cr_assert_eq(codec_decode(&sample_inner_type, from_hex("df00000001cd0001d30000000000000005", bytes), &a,
                              &inner, NULL),
                 0);
    cr_assert_eq(inner.number, 5, "signed forms of a positive number");
    arena_done(&a);
}

/* The writer's order is expected, any other one is understood. */
Test(accept, every_field_in_reverse) {
    for (int named = 0; named < 2; named++) {
        struct prng p;
        struct arena a = {0};
        struct buf forward = {0}, backward = {0};
        struct bytes pairs[CODEC_FIELDS_MAX], key, value;
        struct sample_everything e, again;
        size_t count;
        prng_init(&p, 19);
        codec_random(EVERYTHING, &p, &a, &e, 100);
        (named ? codec_encode_named : codec_encode)(EVERYTHING, &e, &forward);
        struct bytes rest = buf_bytes(&forward);
        cr_assert_eq(codec_get_map(&rest, &count), 0);
        cr_assert_eq(count, sample_everything_type.fields_count);
        for (size_t i = 0; i < count; i++) {
            cr_assert_eq(codec_get_raw(&rest, &key), 0);
            cr_assert_eq(codec_get_raw(&rest, &value), 0);
            pairs[i] = bytes_of(key.data, key.size + value.size);
        }
        codec_put_map(&backward, (uint32_t)count);
        while (count)
            codec_put_raw(&backward, pairs[--count]);
        struct bytes in = buf_bytes(&backward);
        cr_assert_eq((named ? codec_decode_named : codec_decode)(EVERYTHING, in, &a, &again, NULL), 0);
        cr_assert(codec_equal(EVERYTHING, &e, &again));
        buf_done(&forward);
        buf_done(&backward);
        arena_done(&a);
    }
}

Test(accept, bytes_for_text_and_text_for_bytes) {
    uint8_t bytes[HEX_MAX];
    struct arena a = {0};
    struct sample_everything e;
    cr_assert_eq(codec_decode(EVERYTHING,
                              from_hex("8208c4026162"
                                       "09a26364",
                                       bytes),
                              &a, &e, NULL),
                 0);
    cr_assert(bytes_is(e.text, "ab"));
    cr_assert(bytes_is(e.blob, "cd"));
    arena_done(&a);
}

Test(accept, open_enums_keep_unknown_numbers) {
    uint8_t bytes[HEX_MAX];
    struct arena a = {0};
    struct sample_everything e;
    cr_assert_eq(codec_decode(EVERYTHING, from_hex("810e63", bytes), &a, &e, NULL), 0);
    cr_assert_eq((int)e.shade, 99);
    cr_assert_eq(codec_decode_named(EVERYTHING, from_hex("81a5736861646563", bytes), &a, &e, NULL), 0);
    cr_assert_eq((int)e.shade, 99);
    cr_assert_eq(codec_decode_named(EVERYTHING, from_hex("81a57368616465a46461726b", bytes), &a, &e, NULL),
                 0);
    cr_assert_eq(e.shade, SHADE_DARK);
    arena_done(&a);
}

Test(accept, text_is_a_view_into_the_input) {
    uint8_t bytes[HEX_MAX];
    struct arena a = {0};
    struct sample_inner inner;
    cr_assert_eq(codec_decode(&sample_inner_type, from_hex("8102a3616263", bytes), &a, &inner, NULL), 0);
    cr_assert_eq(inner.name.data, bytes + 3);
    arena_done(&a);
}

/* ---- bounds -------------------------------------------------------------------------------------------- */

Test(bounds, the_whole_message_has_a_limit) {
    struct arena a = {0};
    struct buf in = {0};
    struct sample_tiny tiny;
    uint8_t data[20] = {0};
    codec_encode(&sample_tiny_type, &(struct sample_tiny){.data = bytes_of(data, 12)}, &in);
    cr_assert_eq(in.size, 16);
    cr_assert_eq(codec_decode(&sample_tiny_type, buf_bytes(&in), &a, &tiny, NULL), 0);
    buf_clear(&in);
    codec_encode(&sample_tiny_type, &(struct sample_tiny){.data = bytes_of(data, 13)}, &in);
    cr_assert_eq(codec_decode(&sample_tiny_type, buf_bytes(&in), &a, &tiny, NULL), ERR_LIMIT);
    in.data[0] = 0x80;
    cr_assert_eq(codec_decode(&sample_tiny_type, buf_bytes(&in), &a, &tiny, NULL), ERR_LIMIT,
                 "the size is judged before the content");
    buf_done(&in);
    arena_done(&a);
}

static int decode_nested(size_t trees, bool list_too) {
    struct arena a = {0};
    struct buf in = {0};
    struct sample_tree tree;
    for (size_t i = 0; i < trees - 1; i++) {
        codec_put_map(&in, 1);
        codec_put_uint(&in, list_too ? 3 : 2);
        if (list_too)
            codec_put_array(&in, 1);
    }
    codec_put_map(&in, 0);
    int code = codec_decode(TREE, buf_bytes(&in), &a, &tree, NULL);
    buf_done(&in);
    arena_done(&a);
    return code;
}

Test(bounds, nesting_ends_at_sixteen_containers) {
    cr_assert_eq(decode_nested(16, false), 0);
    cr_assert_eq(decode_nested(17, false), ERR_LIMIT);
    cr_assert_eq(decode_nested(8, true), 0);
    cr_assert_eq(decode_nested(9, true), ERR_LIMIT);
    cr_assert_eq(decode_nested(10000, false), ERR_LIMIT);
}

Test(bounds, huge_counts_and_lengths_allocate_nothing) {
    const char *const claims[] = {
        "dfffffffff",       "810eddffffffff",   "810edd000186a0",   "8108dbffffffff",
        "8109c6ffffffff",   "8163ddffffffff00", "8163dfffffffff00", "8163c9ffffffff",
        "810edd000186a080", "deffff",           "810edcffff80",
    };
    for (size_t i = 0; i < sizeof claims / sizeof claims[0]; i++) {
        uint8_t bytes[HEX_MAX];
        struct arena a = {0};
        struct sample_lists lists;
        cr_assert_neq(codec_decode(LISTS, from_hex(claims[i], bytes), &a, &lists, NULL), 0, "%s", claims[i]);
        cr_assert_eq(a.total_bytes, 0, "%s", claims[i]);
        arena_done(&a);
    }
}

Test(bounds, the_arena_limits_what_a_dense_list_may_take) {
    struct arena a = {.limit_bytes = 4096};
    struct buf in = {0};
    struct sample_lists lists;
    struct codec_fault fault;
    codec_put_map(&in, 1);
    codec_put_uint(&in, 14);
    codec_put_array(&in, 1000);
    for (int i = 0; i < 1000; i++)
        codec_put_map(&in, 0);
    cr_assert_eq(codec_decode(LISTS, buf_bytes(&in), &a, &lists, &fault), ERR_LIMIT);
    cr_assert_str_eq(fault.path, "sample_lists.many");
    cr_assert_str_eq(fault.what, "takes too much memory");
    a.limit_bytes = 0;
    cr_assert_eq(codec_decode(LISTS, buf_bytes(&in), &a, &lists, &fault), 0);
    cr_assert_eq(lists.many_count, 1000);
    buf_done(&in);
    arena_done(&a);
}

/* ---- check --------------------------------------------------------------------------------------------- */

static void check_fault(const struct codec_type *t, const void *obj, int code, const char *path,
                        const char *what) {
    struct codec_fault fault = {.what = "(none)"};
    cr_assert_eq(codec_check(t, obj, &fault), code, "%s", what);
    cr_assert_str_eq(fault.path, path);
    cr_assert_str_eq(fault.what, what);
}

Test(check, says_what_a_reader_would_refuse) {
    uint8_t many[40] = {0};
    struct bytes items[5] = {{0}};
    struct sample_everything e = {.blob = bytes_of(many, 33)};
    check_fault(EVERYTHING, &e, ERR_LIMIT, "sample_everything.blob", "too long");
    e = (struct sample_everything){.text = bytes_str("\xff")};
    check_fault(EVERYTHING, &e, ERR_INVALID, "sample_everything.text", "expected UTF-8 without NUL");
    e = (struct sample_everything){.colour = (enum colour)3};
    check_fault(EVERYTHING, &e, ERR_INVALID, "sample_everything.colour", "no such value");
    e = (struct sample_everything){.where = {.size = 7}};
    check_fault(EVERYTHING, &e, ERR_INVALID, "sample_everything.where", "expected 6 or 18 bytes");
    struct sample_lists lists = {.texts = items, .texts_count = 5};
    check_fault(LISTS, &lists, ERR_LIMIT, "sample_lists.texts", "too many items");
    items[2] = bytes_of(many, 9);
    lists.texts_count = 3;
    check_fault(LISTS, &lists, ERR_LIMIT, "sample_lists.texts[2]", "too long");
    struct sample_needs needs = {0};
    check_fault(&sample_needs_type, &needs, ERR_INVALID, "sample_needs.maybe", "missing");
    struct sample_tiny tiny = {.data = bytes_of(many, 20)};
    check_fault(&sample_tiny_type, &tiny, ERR_LIMIT, "sample_tiny", "too large");
}

Test(check, nesting_is_judged_as_a_reader_does) {
    struct sample_tree trees[17] = {{0}};
    for (size_t i = 0; i + 1 < 17; i++)
        trees[i].left = &trees[i + 1];
    cr_assert_eq(codec_check(TREE, &trees[1], NULL), 0);
    cr_assert_eq(codec_check(TREE, &trees[0], NULL), ERR_LIMIT);
}

/* ---- streams ------------------------------------------------------------------------------------------- */

Test(prefix, every_cut_is_incomplete_and_the_end_is_exact) {
    struct prng p;
    prng_init(&p, 20);
    for (int n = 0; n < 50; n++) {
        struct arena a = {0};
        struct buf in = {0};
        struct sample_everything e, again;
        codec_random(EVERYTHING, &p, &a, &e, 60);
        codec_encode(EVERYTHING, &e, &in);
        size_t size = in.size, used = 0;
        buf_append(&in, "\xc1\xc1", 2);
        for (size_t cut = 0; cut < size; cut++)
            cr_assert_eq(codec_decode_prefix(EVERYTHING, bytes_of(in.data, cut), &a, &again, NULL, &used),
                         ERR_BUSY);
        cr_assert_eq(used, 0);
        for (size_t more = 0; more < 3; more++) {
            cr_assert_eq(
                codec_decode_prefix(EVERYTHING, bytes_of(in.data, size + more), &a, &again, NULL, &used), 0);
            cr_assert_eq(used, size);
        }
        cr_assert(codec_equal(EVERYTHING, &e, &again));
        buf_done(&in);
        arena_done(&a);
    }
}

Test(prefix, what_will_be_too_large_is_refused_at_its_announcement) {
    uint8_t bytes[HEX_MAX];
    struct arena a = {0};
    struct sample_tiny tiny;
    size_t used;
    cr_assert_eq(
        codec_decode_prefix(&sample_tiny_type, from_hex("8101c40c00", bytes), &a, &tiny, NULL, &used),
        ERR_BUSY);
    cr_assert_eq(codec_decode_prefix(&sample_tiny_type, from_hex("8101c40d", bytes), &a, &tiny, NULL, &used),
                 ERR_LIMIT);
    cr_assert_eq(
        codec_decode_prefix(&sample_tiny_type, from_hex("dfffffffff", bytes), &a, &tiny, NULL, &used),
        ERR_LIMIT);
    cr_assert_eq(codec_decode_prefix(&sample_tiny_type, from_hex("c1", bytes), &a, &tiny, NULL, &used),
                 ERR_INVALID);
    /* Full, and the next value has not even begun. */
    struct bytes full = from_hex("8201c40b000000000000000000000063", bytes);
    cr_assert_eq(full.size, sample_tiny_type.max_bytes);
    cr_assert_eq(codec_decode_prefix(&sample_tiny_type, full, &a, &tiny, NULL, &used), ERR_LIMIT);
    arena_done(&a);
}

/* ---- damage -------------------------------------------------------------------------------------------- */

/* Decodes; if that goes well the result must hold up: it is written, read again and shown. */
static void survive(const struct codec_type *t, struct bytes in, bool named) {
    struct arena a = {0};
    struct codec_fault fault;
    struct buf out = {0}, json = {0};
    /* A copy of the exact size: a read past its end is seen by the address sanitizer. */
    uint8_t *exact = mem_alloc(in.size);
    if (in.size)
        memcpy(exact, in.data, in.size);
    void *obj = arena_alloc(&a, t->size), *again = arena_alloc(&a, t->size);
    if ((named ? codec_decode_named : codec_decode)(t, bytes_of(exact, in.size), &a, obj, &fault) == 0) {
        codec_encode(t, obj, &out);
        cr_assert_eq(codec_decode(t, buf_bytes(&out), &a, again, &fault), 0, "%s: %s", fault.path,
                     fault.what);
        cr_assert(codec_equal(t, obj, again));
        codec_to_json(t, obj, &json);
    } else {
        cr_assert_lt(strlen(fault.path), sizeof fault.path);
    }
    mem_free(exact);
    buf_done(&out);
    buf_done(&json);
    arena_done(&a);
}

#define FLIPPED_BYTES_MAX 250 /* each costs eight rounds over the whole message */

static void survive_damage(const struct codec_type *t, struct prng *p) {
    for (int named = 0; named < 2; named++) {
        struct arena a = {0};
        struct buf in = {0};
        void *obj = arena_alloc(&a, t->size);
        codec_random(t, p, &a, obj, 70);
        (named ? codec_encode_named : codec_encode)(t, obj, &in);
        for (size_t size = 0; size < in.size; size++) {
            struct arena b = {0};
            void *again = arena_alloc(&b, t->size);
            int code =
                (named ? codec_decode_named : codec_decode)(t, bytes_of(in.data, size), &b, again, NULL);
            cr_assert_eq(code, ERR_INVALID, "%s cut at %zu of %zu", t->name, size, in.size);
            arena_done(&b);
        }
        for (size_t bit = 0; bit < in.size * 8 && bit < 8 * FLIPPED_BYTES_MAX; bit++) {
            in.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            survive(t, buf_bytes(&in), named);
            in.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        buf_done(&in);
        arena_done(&a);
    }
}

Test(damage, truncation_at_every_byte_and_every_flipped_bit, .timeout = 120) {
    struct prng p;
    prng_init(&p, 21);
    for (size_t i = 0; i < sample_types_count; i++)
        for (int n = 0; n < 3; n++)
            survive_damage(sample_types[i], &p);
}

Test(damage, the_real_messages_too, .timeout = 240) {
    struct prng p;
    prng_init(&p, 22);
    for (size_t i = 0; i < wire_types_count; i++)
        survive_damage(wire_types[i], &p);
}

Test(damage, noise) {
    struct prng p;
    prng_init(&p, 23);
    for (int n = 0; n < 30000; n++) {
        uint8_t noise[64];
        size_t size = (size_t)prng_below(&p, sizeof noise + 1);
        prng_fill(&p, noise, size);
        if (size)
            noise[0] = (uint8_t)(0x80 | (noise[0] & 15));
        survive(sample_types[prng_below(&p, sample_types_count)], bytes_of(noise, size),
                prng_chance(&p, 300000));
    }
}
