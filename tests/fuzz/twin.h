/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Two states that are to be equal. */
#ifndef COVEY_TESTS_FUZZ_TWIN_H
#define COVEY_TESTS_FUZZ_TWIN_H

#include <covey/state.h>

static inline bool twin_same(const struct state *a, const struct state *b) {
    uint8_t x[16], y[16];
    state_hash(a, x);
    state_hash(b, y);
    return memcmp(x, y, sizeof x) == 0;
}

/* Made of its snapshot. */
static inline struct state *twin_of(const struct state *s) {
    struct buf bytes = {0};
    struct state *twin = state_new();
    state_snapshot(s, &bytes);
    int error = state_restore(twin, buf_bytes(&bytes));
    assert(error == 0 && twin_same(s, twin));
    (void)error;
    buf_done(&bytes);
    return twin;
}

#endif
