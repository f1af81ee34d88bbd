/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include <covey/base.h>
#include <criterion/criterion.h>

#include "../../../src/base/crc32c.h"

/* ---- prng ---------------------------------------------------------------------------------------------- */

Test(prng, seeding_is_splitmix64) {
    struct prng p;
    const uint64_t expected[] = {UINT64_C(6457827717110365317), UINT64_C(3203168211198807973),
                                 UINT64_C(9817491932198370423), UINT64_C(4593380528125082431)};
    prng_init(&p, 1234567);
    cr_assert_arr_eq(p.s, expected, sizeof expected);
}

Test(prng, sequence_is_xoshiro256starstar) {
    struct prng p = {{1, 2, 3, 4}};
    const uint64_t expected[] = {
        UINT64_C(11520),
        UINT64_C(0),
        UINT64_C(1509978240),
        UINT64_C(1215971899390074240),
        UINT64_C(1216172134540287360),
        UINT64_C(607988272756665600),
        UINT64_C(16172922978634559625),
        UINT64_C(8476171486693032832),
        UINT64_C(10595114339597558777),
        UINT64_C(2904607092377533576),
    };
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        cr_assert_eq(prng_next(&p), expected[i]);
}

Test(prng, below_stays_below_and_reaches_everything) {
    struct prng p;
    unsigned seen[7] = {0};
    prng_init(&p, 3);
    for (int i = 0; i < 70000; i++)
        seen[prng_below(&p, 7)]++;
    for (size_t i = 0; i < 7; i++) {
        cr_assert_gt(seen[i], 9500);
        cr_assert_lt(seen[i], 10500);
    }
    cr_assert_eq(prng_below(&p, 1), 0);
}

/* With a bound of 3/4 of the range, four numbers fall on three: without rejection every third is drawn twice
 * as often. */
Test(prng, below_is_unbiased_for_large_bounds) {
    struct prng p;
    const uint64_t bound = UINT64_C(3) << 62;
    unsigned remainders[3] = {0}, low = 0;
    prng_init(&p, 4);
    for (int i = 0; i < 30000; i++) {
        uint64_t draw = prng_below(&p, bound);
        cr_assert_lt(draw, bound);
        remainders[draw % 3]++;
        low += draw < bound / 3;
    }
    cr_assert(low > 9500 && low < 10500);
    for (size_t i = 0; i < 3; i++)
        cr_assert(remainders[i] > 9500 && remainders[i] < 10500);
}

Test(prng, between_includes_both_ends) {
    struct prng p;
    bool low = false, high = false;
    prng_init(&p, 5);
    for (int i = 0; i < 1000; i++) {
        int64_t draw = prng_between(&p, -2, 3);
        cr_assert(draw >= -2 && draw <= 3);
        low |= draw == -2;
        high |= draw == 3;
    }
    cr_assert(low && high);
    cr_assert_eq(prng_between(&p, 9, 9), 9);
    prng_between(&p, INT64_MIN, INT64_MAX);
    cr_assert_eq(prng_between(&p, INT64_MAX, INT64_MAX), INT64_MAX);
}

Test(prng, chance_at_its_ends) {
    struct prng p;
    prng_init(&p, 6);
    for (int i = 0; i < 1000; i++) {
        cr_assert_not(prng_chance(&p, 0));
        cr_assert(prng_chance(&p, 1000000));
    }
}

Test(prng, fill_covers_any_size_and_nothing_more) {
    struct prng p, q;
    prng_init(&p, 8);
    q = p;
    for (size_t size = 0; size < 40; size++) {
        uint8_t one[48] = {0}, two[48] = {0};
        prng_fill(&p, one, size);
        prng_fill(&q, two, size);
        cr_assert_arr_eq(one, two, sizeof one);
        cr_assert(id_is_zero(one + size, sizeof one - size));
        if (size >= 8)
            cr_assert_not(id_is_zero(one, size));
    }
}

Test(prng, a_split_stream_is_not_moved_by_its_parent) {
    struct prng p, q;
    prng_init(&p, 9);
    q = p;
    struct prng child = prng_split(&p), same = prng_split(&q);
    for (int i = 0; i < 10; i++)
        prng_next(&p);
    cr_assert_eq(prng_next(&child), prng_next(&same));
    cr_assert_neq(prng_next(&child), prng_next(&q));
}

/* ---- crc32c -------------------------------------------------------------------------------------------- */

static uint32_t crc_by_bit(uint32_t crc, const uint8_t *data, size_t size) {
    crc = ~crc;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
    }
    return ~crc;
}

/* The vectors of RFC 3720, B.4. */
Test(crc32c, known_vectors) {
    uint8_t block[32];
    cr_assert_eq(crc32c(0, "123456789", 9), 0xe3069283);
    memset(block, 0, sizeof block);
    cr_assert_eq(crc32c(0, block, sizeof block), 0x8a9136aa);
    memset(block, 0xff, sizeof block);
    cr_assert_eq(crc32c(0, block, sizeof block), 0x62a8ab43);
    for (size_t i = 0; i < sizeof block; i++)
        block[i] = (uint8_t)i;
    cr_assert_eq(crc32c(0, block, sizeof block), 0x46dd794e);
    for (size_t i = 0; i < sizeof block; i++)
        block[i] = (uint8_t)(31 - i);
    cr_assert_eq(crc32c(0, block, sizeof block), 0x113fdb5c);
    cr_assert_eq(crc32c(0, NULL, 0), 0);
}

Test(crc32c, agrees_with_the_definition_at_every_size_and_alignment) {
    uint8_t data[96];
    struct prng p;
    prng_init(&p, 10);
    prng_fill(&p, data, sizeof data);
    for (size_t start = 0; start < 9; start++)
        for (size_t size = 0; start + size <= sizeof data; size++) {
            uint32_t expected = crc_by_bit(7, data + start, size);
            cr_assert_eq(crc32c(7, data + start, size), expected);
            cr_assert_eq(crc32c_tables(7, data + start, size), expected);
            if (crc32c_has_instruction())
                cr_assert_eq(crc32c_instruction(7, data + start, size), expected);
        }
}

Test(crc32c, chaining_equals_one_pass) {
    uint8_t data[64];
    struct prng p;
    prng_init(&p, 11);
    prng_fill(&p, data, sizeof data);
    uint32_t whole = crc32c(0, data, sizeof data);
    for (size_t cut = 0; cut <= sizeof data; cut++)
        cr_assert_eq(crc32c(crc32c(0, data, cut), data + cut, sizeof data - cut), whole);
}
