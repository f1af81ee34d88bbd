/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "../../../src/swim/formula.h"
#include "harness.h"

static void near_us(int64_t got, int64_t wanted, int64_t off) {
    cr_assert(got >= wanted - off && got <= wanted + off, "%lld, not %lld us", (long long)got,
              (long long)wanted);
}

/* The values that the tests of memberlist expect: multiplier times max(1, log10 n) seconds. */
Test(swim_formula, suspicion_min_grows_with_the_logarithm_of_the_group) {
    static const struct {
        size_t n;
        int64_t ms;
    } rows[] = {{1, 1000},   {2, 1000},   {5, 1000},    {10, 1000},   {50, 1698},
                {100, 2000}, {500, 2698}, {1000, 3000}, {10000, 4000}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        near_us(swim_suspicion_min_us(1, rows[i].n, SECOND), rows[i].ms * MS, MS);
        near_us(swim_suspicion_min_us(4, rows[i].n, SECOND / 2), rows[i].ms * MS * 2, 2 * MS);
    }
}

/* Remaining time after `elapsed`, as in memberlist's table for Min 2 s, Max 30 s, K 3. */
Test(swim_formula, confirmations_bring_max_down_to_min) {
    static const struct {
        uint32_t confirmations;
        int64_t elapsed_s, remaining_ms;
    } rows[] = {{0, 0, 30000}, {1, 2, 14000}, {2, 3, 4810}, {3, 4, -2000}, {4, 5, -3000}, {5, 10, -8000}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t timeout_us = swim_suspicion_us(rows[i].confirmations, 3, 2 * SECOND, 30 * SECOND);
        near_us(timeout_us - rows[i].elapsed_s * SECOND, rows[i].remaining_ms * MS, MS);
    }
}

Test(swim_formula, half_a_second_to_two_with_three_confirmations) {
    static const int64_t wanted_ms[] = {2000, 1250, 811, 500, 500};
    for (uint32_t c = 0; c < 5; c++)
        near_us(swim_suspicion_us(c, 3, SECOND / 2, 2 * SECOND), wanted_ms[c] * MS, MS);
}

Test(swim_formula, without_anybody_to_confirm_the_suspicion_lasts_min) {
    cr_assert_eq(swim_suspicion_us(0, 0, 2 * SECOND, 30 * SECOND), 2 * SECOND);
}

Test(swim_formula, retransmits_are_mult_times_the_ceiling_of_log10) {
    static const struct {
        size_t n;
        uint32_t times;
    } rows[] = {{0, 0}, {1, 3}, {9, 3}, {10, 6}, {99, 6}, {100, 9}, {10000, 15}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cr_assert_eq(swim_retransmits(3, rows[i].n), rows[i].times, "n = %zu", rows[i].n);
}

Test(swim_formula, push_pull_gets_rarer_with_each_doubling_above_32) {
    static const struct {
        size_t n;
        uint32_t scale;
    } rows[] = {{1, 1}, {32, 1}, {33, 2}, {64, 2}, {65, 3}, {128, 3}, {10000, 10}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cr_assert_eq(swim_sync_scale(rows[i].n), rows[i].scale, "n = %zu", rows[i].n);
}

Test(swim_formula, log2_is_right_to_a_millionth) {
    cr_assert_eq(swim_log2_q20(1), 0);
    cr_assert_eq(swim_log2_q20(1024), 10u << 20);
    near_us(swim_log2_q20(10), 3483294, 2); /* 3.321928095 */
    near_us(swim_log2_q20(3), 1661954, 2);  /* 1.584962501 */
    near_us(swim_log2_q20(UINT64_MAX), 67108863, 2);
}
