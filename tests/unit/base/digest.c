/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include <covey/digest.h>
#include <criterion/criterion.h>

static uint8_t room[DIGEST_BUCKETS * DIGEST_SUM_SIZE];

Test(digest, in_and_out_leaves_nothing_and_the_sum_is_never_absent) {
    struct digest d = {{0}};
    cr_assert_eq(digest_sum(&d), 1);
    digest_toggle(&d, 3, 77);
    digest_toggle(&d, 200, 99);
    cr_assert_eq(digest_sum(&d), 77 ^ 99);
    digest_toggle(&d, 200, 99);
    cr_assert_eq(digest_sum(&d), 77);
}

Test(digest, more_items_have_more_buckets_up_to_all) {
    static const struct {
        size_t items, buckets;
    } cases[] = {{0, 1}, {16, 1}, {17, 2}, {33, 4}, {4096, 256}, {100000, 256}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_assert_eq(digest_buckets(cases[i].items), cases[i].buckets, "%zu", cases[i].items);
}

Test(digest, a_difference_is_found_in_its_bucket_however_many_buckets_are_told) {
    struct digest a = {{0}}, b;
    size_t sizes[DIGEST_BUCKETS] = {0};
    for (size_t i = 0; i < DIGEST_BUCKETS; i++) {
        digest_toggle(&a, i, i * 0x9e3779b97f4a7c15u);
        sizes[i] = 1;
    }
    b = a;
    digest_toggle(&b, 130, 5);
    for (size_t buckets = 1; buckets <= DIGEST_BUCKETS; buckets *= 2) {
        struct digest_difference d;
        struct bytes sums = digest_encode(&b, buckets, room);
        cr_assert(digest_is_sane(sums));
        cr_assert_not(digest_compare(&b, sums, sizes, 0, 1000, &d));
        cr_assert(digest_compare(&a, sums, sizes, buckets - 1, 1000, &d));
        cr_assert_eq(d.buckets, buckets);
        cr_assert_eq(d.items, DIGEST_BUCKETS / buckets);
        for (size_t i = 0; i < DIGEST_BUCKETS; i++)
            cr_assert_eq(digest_has(digest_bits(&d), buckets, i),
                         i * buckets / DIGEST_BUCKETS == 130 * buckets / DIGEST_BUCKETS, "%zu of %zu", i,
                         buckets);
    }
}

Test(digest, of_much_that_differs_a_part_is_told_from_where_it_is_begun) {
    struct digest a = {{0}}, b = {{0}};
    size_t sizes[DIGEST_BUCKETS];
    struct digest_difference d;
    for (size_t i = 0; i < DIGEST_BUCKETS; i++) {
        digest_toggle(&b, i, i + 1);
        sizes[i] = 10;
    }
    struct bytes sums = digest_encode(&b, DIGEST_BUCKETS, room);
    cr_assert(digest_compare(&a, sums, sizes, 254, 35, &d));
    cr_assert_eq(d.items, 40);
    for (size_t i = 0; i < DIGEST_BUCKETS; i++)
        cr_assert_eq(digest_has(digest_bits(&d), DIGEST_BUCKETS, i), i >= 254 || i < 2, "%zu", i);
    memset(sizes, 0, sizeof sizes); /* nothing is held here: no bound is reached, and all of it differs */
    cr_assert(digest_compare(&a, sums, sizes, 0, 35, &d));
    cr_assert_eq(d.items, 0);
    cr_assert(digest_has(digest_bits(&d), DIGEST_BUCKETS, 255));
}

Test(digest, sums_of_no_such_number_of_buckets_are_refused) {
    static uint8_t many[2 * sizeof room];
    cr_assert_not(digest_is_sane(bytes_of(many, 0)));
    cr_assert_not(digest_is_sane(bytes_of(many, 12)));
    cr_assert_not(digest_is_sane(bytes_of(many, 3 * DIGEST_SUM_SIZE)));
    cr_assert_not(digest_is_sane(bytes_of(many, sizeof many)));
    cr_assert(digest_is_sane(bytes_of(many, DIGEST_SUM_SIZE)));
    cr_assert(digest_is_sane(bytes_of(many, sizeof room)));
    /* A field of the difference that is too short for its buckets. */
    cr_assert_not(digest_has(bytes_of(many, 1), DIGEST_BUCKETS, 9));
}
