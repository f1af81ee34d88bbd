/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include <covey/codec.h>
#include <covey/sample.h>
#include <covey/wire.h>
#include <criterion/criterion.h>

/* Values through bytes and back, for every message of the test schema and of the real one. */

struct round {
    struct arena arena;
    struct buf first, second;
};

static void round_done(struct round *r) {
    arena_done(&r->arena);
    buf_done(&r->first);
    buf_done(&r->second);
}

typedef void encode_fn(const struct codec_type *, const void *, struct buf *);
typedef int decode_fn(const struct codec_type *, struct bytes, struct arena *, void *, struct codec_fault *);

static void check_round(struct round *r, const struct codec_type *t, const void *obj, encode_fn *encode,
                        decode_fn *decode) {
    struct codec_fault fault = {.what = ""};
    void *again = arena_alloc(&r->arena, t->size);
    buf_clear(&r->first);
    buf_clear(&r->second);
    encode(t, obj, &r->first);
    cr_assert_eq(decode(t, buf_bytes(&r->first), &r->arena, again, &fault), 0, "%s: %s", fault.path,
                 fault.what);
    cr_assert(codec_equal(t, obj, again), "%s", t->name);
    encode(t, again, &r->second);
    cr_assert(bytes_equal(buf_bytes(&r->first), buf_bytes(&r->second)), "%s: not canonical", t->name);
}

static void check_parts(struct round *r, const struct codec_type *t, const void *obj, struct prng *p) {
    struct codec_parts parts = {.type = t, .obj = obj};
    bool whole = false;
    buf_clear(&r->first);
    buf_clear(&r->second);
    codec_encode(t, obj, &r->first);
    buf_append(&r->second, "what was there", 14);
    while (!whole) {
        size_t before = r->second.size;
        whole = codec_encode_part(&parts, 1 + prng_below(p, 40), &r->second);
        cr_assert(whole || r->second.size > before, "%s: it does not move", t->name);
    }
    buf_consume(&r->second, 14);
    cr_assert(bytes_equal(buf_bytes(&r->first), buf_bytes(&r->second)), "%s: other bytes", t->name);
}

static void check_all(const struct codec_type *const *types, size_t count, uint64_t seed, int rounds) {
    struct prng p;
    prng_init(&p, seed);
    for (size_t i = 0; i < count; i++) {
        for (int n = 0; n < rounds; n++) {
            struct round r = {0};
            struct codec_fault fault = {.what = ""};
            void *obj = arena_alloc(&r.arena, types[i]->size);
            codec_random(types[i], &p, &r.arena, obj, (unsigned)prng_below(&p, 101));
            cr_assert_eq(codec_check(types[i], obj, &fault), 0, "%s: %s", fault.path, fault.what);
            check_round(&r, types[i], obj, codec_encode, codec_decode);
            check_parts(&r, types[i], obj, &p);
            /* Names are longer than numbers: a message may be too large with them alone. */
            buf_clear(&r.first);
            codec_encode_named(types[i], obj, &r.first);
            if (r.first.size <= types[i]->max_bytes)
                check_round(&r, types[i], obj, codec_encode_named, codec_decode_named);
            round_done(&r);
        }
    }
}

Test(round_trip, random_values_of_every_test_message) { check_all(sample_types, sample_types_count, 1, 300); }
Test(round_trip, random_values_of_every_real_message) { check_all(wire_types, wire_types_count, 2, 40); }

Test(round_trip, extremes_of_every_number) {
    struct round r = {0};
    struct sample_everything e = {
        .flag = true,
        .tiny = UINT8_MAX,
        .small = UINT16_MAX,
        .medium = UINT32_MAX,
        .large = UINT64_MAX,
        .signed_ = INT32_MIN,
        .wide = INT64_MIN,
        .colour = COLOUR_BLUE,
        .shade = (enum shade)INT32_MAX,
        .last = 1,
    };
    check_round(&r, &sample_everything_type, &e, codec_encode, codec_decode);
    check_round(&r, &sample_everything_type, &e, codec_encode_named, codec_decode_named);
    e = (struct sample_everything){.large = UINT64_C(1) << 32, .wide = INT64_C(1) << 32};
    check_round(&r, &sample_everything_type, &e, codec_encode, codec_decode);
    cr_assert_gt(r.first.size, 1, "a low half of 0 is no default");
    e.signed_ = INT32_MAX;
    e.wide = INT64_MAX;
    check_round(&r, &sample_everything_type, &e, codec_encode, codec_decode);
    e.signed_ = -1;
    e.wide = -1;
    check_round(&r, &sample_everything_type, &e, codec_encode, codec_decode);
    round_done(&r);
}

Test(round_trip, present_but_default_items_survive) {
    struct round r = {0};
    struct sample_inner inners[2] = {{0}}, maybe = {0};
    struct bytes texts[2] = {{0}};
    struct addr addrs[1] = {{0}};
    struct sample_lists lists = {.inners = inners,
                                 .inners_count = 2,
                                 .texts = texts,
                                 .texts_count = 2,
                                 .addrs = addrs,
                                 .addrs_count = 1};
    struct sample_everything e = {.maybe = &maybe};
    check_round(&r, &sample_lists_type, &lists, codec_encode, codec_decode);
    check_round(&r, &sample_lists_type, &lists, codec_encode_named, codec_decode_named);
    check_round(&r, &sample_everything_type, &e, codec_encode, codec_decode);
    round_done(&r);
}

static void check_hex(const struct codec_type *t, const void *obj, bool named, const char *expected) {
    struct buf out = {0}, hex = {0};
    (named ? codec_encode_named : codec_encode)(t, obj, &out);
    buf_append_hex(&hex, buf_bytes(&out));
    cr_assert_str_eq(buf_str(&hex), expected);
    buf_done(&out);
    buf_done(&hex);
}

Test(encode, defaults_are_left_out_and_ids_ascend) {
    struct sample_everything e = {0};
    check_hex(&sample_everything_type, &e, false, "80");
    e.last = 5;
    e.tiny = 200;
    e.inner.number = 1;
    check_hex(&sample_everything_type, &e, false,
              "8302ccc8"
              "108101"
              "01"
              "7f05");
    struct sample_nothing nothing = {0};
    check_hex(&sample_nothing_type, &nothing, false, "80");
}

Test(encode, required_fields_are_there_even_when_default) {
    struct sample_inner maybe = {0};
    struct sample_needs needs = {.maybe = &maybe};
    check_hex(&sample_needs_type, &needs, false,
              "85"
              "01c410"
              "00000000000000000000000000000000"
              "0200"
              "0390"
              "0480"
              "0580");
}

Test(encode, names_are_keys_and_enum_values_on_the_admin_socket) {
    struct sample_everything e = {.colour = COLOUR_BLUE, .shade = (enum shade)9, .signed_ = -1};
    check_hex(&sample_everything_type, &e, true,
              "83"
              "a67369676e6564"
              "ff"
              "a6636f6c6f7572"
              "a4626c7565"
              "a57368616465"
              "09");
    check_hex(&sample_everything_type, &e, false,
              "83"
              "06ff"
              "0d07"
              "0e09");
}

Test(encode, addresses_are_bytes_between_peers_and_text_for_people) {
    struct sample_everything e = {0};
    cr_assert_eq(addr_parse(bytes_str("1.2.3.4:5"), 0, &e.where), 0);
    check_hex(&sample_everything_type, &e, false,
              "81"
              "0fc406"
              "010203040005");
    check_hex(&sample_everything_type, &e, true,
              "81"
              "a57768657265"
              "a9312e322e332e343a35");
}

Test(encode, more_than_fifteen_fields_take_a_longer_head) {
    struct round r = {0};
    struct prng p;
    struct sample_everything e;
    prng_init(&p, 3);
    codec_random(&sample_everything_type, &p, &r.arena, &e, 100);
    codec_encode(&sample_everything_type, &e, &r.first);
    cr_assert_eq(r.first.data[0], 0xde);
    check_round(&r, &sample_everything_type, &e, codec_encode, codec_decode);
    round_done(&r);
}

Test(equal, sees_a_change_in_any_field) {
    struct prng p;
    struct arena a = {0};
    prng_init(&p, 4);
    for (size_t i = 0; i < sample_types_count; i++) {
        const struct codec_type *t = sample_types[i];
        for (int n = 0; n < 200; n++) {
            void *x = arena_alloc(&a, t->size), *y = arena_alloc(&a, t->size);
            struct buf xs = {0}, ys = {0};
            codec_random(t, &p, &a, x, 30);
            codec_random(t, &p, &a, y, 30);
            codec_encode(t, x, &xs);
            codec_encode(t, y, &ys);
            cr_assert_eq(codec_equal(t, x, y), bytes_equal(buf_bytes(&xs), buf_bytes(&ys)), "%s", t->name);
            cr_assert(codec_equal(t, x, x));
            buf_done(&xs);
            buf_done(&ys);
        }
    }
    arena_done(&a);
}

Test(copy, shares_nothing_with_the_original) {
    struct prng p;
    prng_init(&p, 5);
    for (size_t i = 0; i < sample_types_count; i++) {
        const struct codec_type *t = sample_types[i];
        for (int n = 0; n < 50; n++) {
            struct arena source = {0}, target = {0};
            struct buf before = {0}, after = {0};
            void *obj = arena_alloc(&source, t->size), *copy = arena_alloc(&target, t->size);
            codec_random(t, &p, &source, obj, 80);
            codec_encode(t, obj, &before);
            codec_copy(t, obj, &target, copy);
            arena_done(&source);
            codec_encode(t, copy, &after);
            cr_assert(bytes_equal(buf_bytes(&before), buf_bytes(&after)), "%s", t->name);
            arena_done(&target);
            buf_done(&before);
            buf_done(&after);
        }
    }
}

Test(random, full_values_fill_every_field) {
    struct prng p;
    struct arena a = {0};
    prng_init(&p, 6);
    struct sample_lists lists;
    codec_random(&sample_lists_type, &p, &a, &lists, 100);
    cr_assert(lists.flags_count && lists.texts_count && lists.inners_count && lists.addrs_count);
    struct sample_everything e;
    codec_random(&sample_everything_type, &p, &a, &e, 0);
    cr_assert(codec_equal(&sample_everything_type, &e, &(struct sample_everything){0}));
    arena_done(&a);
}

Test(random, the_same_seed_gives_the_same_value) {
    struct prng p, q;
    struct arena a = {0};
    struct buf one = {0}, two = {0};
    struct sample_tree x, y;
    prng_init(&p, 7);
    prng_init(&q, 7);
    codec_random(&sample_tree_type, &p, &a, &x, 60);
    codec_random(&sample_tree_type, &q, &a, &y, 60);
    codec_encode(&sample_tree_type, &x, &one);
    codec_encode(&sample_tree_type, &y, &two);
    cr_assert(bytes_equal(buf_bytes(&one), buf_bytes(&two)));
    buf_done(&one);
    buf_done(&two);
    arena_done(&a);
}

Test(schema, fields_ascend_and_names_are_found) {
    for (size_t i = 0; i < wire_types_count; i++)
        for (size_t j = 1; j < wire_types[i]->fields_count; j++)
            cr_assert_gt(wire_types[i]->fields[j].id, wire_types[i]->fields[j - 1].id, "%s",
                         wire_types[i]->name);
    cr_assert_str_eq(colour_str(COLOUR_BLUE), "blue");
    cr_assert_str_eq(colour_str((enum colour)3), "?");
    enum colour colour = COLOUR_RED;
    cr_assert_eq(colour_parse(bytes_str("green"), &colour), 0);
    cr_assert_eq(colour, COLOUR_GREEN);
    cr_assert_eq(colour_parse(bytes_str("gree"), &colour), ERR_INVALID);
    cr_assert_eq(colour_parse(bytes_str(""), &colour), ERR_INVALID);
    cr_assert_eq(colour, COLOUR_GREEN);
}
