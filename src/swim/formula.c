/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "formula.h"

#define ONE_Q20 (UINT64_C(1) << 20)

uint32_t swim_log2_q20(uint64_t x) {
    assert(x > 0);
    unsigned whole = 63u - (unsigned)__builtin_clzll(x);
    /*
     * The mantissa in 1 / 2^31, within [1, 2). Each squaring moves one more bit of the logarithm before
     * the point.
     */
    uint64_t mantissa = whole > 31 ? x >> (whole - 31) : x << (31 - whole);
    uint32_t result = whole;
    for (int bit = 0; bit < 20; bit++) {
        mantissa = (mantissa * mantissa) >> 31;
        result <<= 1;
        if (mantissa >> 32) {
            mantissa >>= 1;
            result |= 1;
        }
    }
    return result;
}

int64_t swim_suspicion_min_us(uint32_t alpha, size_t n, int64_t period_us) {
    uint64_t log10_q20 = ((uint64_t)swim_log2_q20(n ? n : 1) << 20) / swim_log2_q20(10);
    if (log10_q20 < ONE_Q20)
        log10_q20 = ONE_Q20;
    return (int64_t)((alpha * (uint64_t)period_us * log10_q20) >> 20);
}

int64_t swim_suspicion_us(uint32_t confirmations, uint32_t k, int64_t min_us, int64_t max_us) {
    if (confirmations >= k)
        return min_us;
    uint64_t share_q20 = ((uint64_t)swim_log2_q20(confirmations + 1) << 20) / swim_log2_q20(k + 1);
    int64_t timeout_us = max_us - (int64_t)(((uint64_t)(max_us - min_us) * share_q20) >> 20);
    return timeout_us > min_us ? timeout_us : min_us;
}

uint32_t swim_retransmits(uint32_t mult, size_t n) {
    uint32_t digits = 0;
    /* ceil(log10(n + 1)) is the number of decimal digits of n. */
    for (; n; n /= 10)
        digits++;
    return mult * digits;
}

uint32_t swim_sync_scale(size_t n) {
    uint32_t scale = 1;
    for (size_t bound = 32; n > bound; bound *= 2)
        scale++;
    return scale;
}
