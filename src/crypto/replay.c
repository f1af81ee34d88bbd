/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include <covey/crypto.h>

#define WORDS (REPLAY_WINDOW_SIZE / 64)

/* Moves every bit `by` places up: what was seen at top - i is then seen at top + by - (i + by). */
static void window_advance(struct replay_window *w, uint64_t by) {
    if (by >= REPLAY_WINDOW_SIZE) {
        memset(w->seen, 0, sizeof w->seen);
        return;
    }
    size_t words = (size_t)by / 64;
    unsigned bits = (unsigned)by % 64;
    for (size_t i = WORDS; i-- > 0;) {
        uint64_t high = i >= words ? w->seen[i - words] : 0;
        uint64_t low = i >= words + 1 ? w->seen[i - words - 1] : 0;
        w->seen[i] = bits == 0 ? high : high << bits | low >> (64 - bits);
    }
}

int replay_check_and_set(struct replay_window *w, uint32_t boot, uint64_t sequence) {
    if (!w->known || boot > w->boot)
        return ERR_NOT_FOUND;
    if (boot < w->boot)
        return ERR_STALE;
    if (sequence > w->top) {
        window_advance(w, sequence - w->top);
        w->top = sequence;
    }
    uint64_t age = w->top - sequence;
    if (age >= REPLAY_WINDOW_SIZE)
        return ERR_STALE;
    uint64_t bit = UINT64_C(1) << (age % 64);
    if (w->seen[age / 64] & bit)
        return ERR_EXISTS;
    w->seen[age / 64] |= bit;
    return 0;
}

int replay_learn(struct replay_window *w, uint32_t boot, uint64_t sequence) {
    if (w->known && boot < w->boot)
        return ERR_STALE;
    memset(w->seen, 0xff, sizeof w->seen);
    w->top = sequence;
    w->boot = boot;
    w->known = true;
    return 0;
}
