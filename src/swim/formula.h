/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The numbers of SWIM and Lifeguard, in integers: the same on every machine. n counts the members of the
 * group.
 */
#ifndef COVEY_SWIM_FORMULA_H
#define COVEY_SWIM_FORMULA_H

#include "covey/base.h"

/* log2(x) in 1 / 2^20; x > 0. Exact to the last bit but one. */
uint32_t swim_log2_q20(uint64_t x);

/* Min = alpha * max(1, log10 n) * period (Lifeguard, section IV.B). alpha <= 64, period <= 60 s. */
int64_t swim_suspicion_min_us(uint32_t alpha, size_t n, int64_t period_us);

/*
 * max(Min, Max - (Max - Min) * log(C + 1) / log(K + 1)) for C independent confirmations (Lifeguard,
 * section IV.B). With K = 0, nobody being there to confirm, Min.
 */
int64_t swim_suspicion_us(uint32_t confirmations, uint32_t k, int64_t min_us, int64_t max_us);

/* How often a member sends one rumour: mult * ceil(log10(n + 1)) (SWIM, section 4.1: lambda log n). */
uint32_t swim_retransmits(uint32_t mult, size_t n);

/* What the interval between comparisons of tables is multiplied with: 1 up to 32 members, one more for each
 * doubling. */
uint32_t swim_sync_scale(size_t n);

#endif
