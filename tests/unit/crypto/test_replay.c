/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "helpers.h"

Test(replay, nothing_is_believed_before_a_proof) {
    struct replay_window w = {0};
    cr_assert_eq(replay_check_and_set(&w, 0, 0), ERR_NOT_FOUND);
    cr_assert_eq(replay_check_and_set(&w, 7, 1), ERR_NOT_FOUND);
    cr_assert_eq(replay_learn(&w, 7, 10), 0);
    cr_assert_eq(replay_check_and_set(&w, 7, 11), 0);
}

Test(replay, all_up_to_the_proof_counts_as_seen) {
    struct replay_window w = {0};
    replay_learn(&w, 1, 1000);
    for (uint64_t s = 0; s <= 1000; s++)
        cr_assert_eq(replay_check_and_set(&w, 1, s), 1000 - s < REPLAY_WINDOW_SIZE ? ERR_EXISTS : ERR_STALE);
    cr_assert_eq(replay_check_and_set(&w, 1, 1001), 0);
}

Test(replay, older_boot_is_stale_and_a_newer_one_needs_a_proof) {
    struct replay_window w = {0};
    replay_learn(&w, 5, 0);
    cr_assert_eq(replay_check_and_set(&w, 4, 100), ERR_STALE);
    cr_assert_eq(replay_check_and_set(&w, 6, 1), ERR_NOT_FOUND);
    cr_assert_eq(replay_check_and_set(&w, UINT32_MAX, UINT64_MAX), ERR_NOT_FOUND);
    cr_assert_eq(replay_check_and_set(&w, 5, 1), 0, "a refused boot must not move the window");
    cr_assert_eq(replay_learn(&w, 6, 3), 0);
    cr_assert_eq(replay_check_and_set(&w, 5, 2), ERR_STALE);
    cr_assert_eq(replay_learn(&w, 5, 2), ERR_STALE);
    cr_assert_eq(replay_check_and_set(&w, 6, 4), 0);
}

Test(replay, edges_of_the_window) {
    struct replay_window w = {0};
    replay_learn(&w, 1, 0);
    cr_assert_eq(replay_check_and_set(&w, 1, 1000), 0);
    cr_assert_eq(replay_check_and_set(&w, 1, 1000), ERR_EXISTS);
    cr_assert_eq(replay_check_and_set(&w, 1, 1000 - REPLAY_WINDOW_SIZE), ERR_STALE);
    cr_assert_eq(replay_check_and_set(&w, 1, 1001 - REPLAY_WINDOW_SIZE), 0);
    cr_assert_eq(replay_check_and_set(&w, 1, 1001 - REPLAY_WINDOW_SIZE), ERR_EXISTS);
    cr_assert_eq(replay_check_and_set(&w, 1, 1001), 0);
    cr_assert_eq(replay_check_and_set(&w, 1, 1001 - REPLAY_WINDOW_SIZE), ERR_STALE);
    cr_assert_eq(replay_check_and_set(&w, 1, 1000), ERR_EXISTS);
    cr_assert_eq(replay_check_and_set(&w, 1, UINT64_MAX), 0);
    cr_assert_eq(replay_check_and_set(&w, 1, UINT64_MAX), ERR_EXISTS);
    cr_assert_eq(replay_check_and_set(&w, 1, UINT64_MAX - 1), 0);
    cr_assert_eq(replay_check_and_set(&w, 1, 0), ERR_STALE);
}

/* A forged high sequence is undone by the next proof; what was recorded meanwhile stays out. */
Test(replay, proof_moves_back_within_a_boot) {
    struct replay_window w = {0};
    replay_learn(&w, 1, 100);
    cr_assert_eq(replay_check_and_set(&w, 1, UINT64_MAX), 0);
    cr_assert_eq(replay_check_and_set(&w, 1, 101), ERR_STALE);
    cr_assert_eq(replay_learn(&w, 1, 105), 0);
    cr_assert_eq(replay_check_and_set(&w, 1, 101), ERR_EXISTS);
    cr_assert_eq(replay_check_and_set(&w, 1, 106), 0);
}

/* Against the plainest model there is: an array of what was seen. */
Test(replay, agrees_with_a_model_on_random_jumps) {
    enum { SPAN = 20000 };
    static bool seen[SPAN];
    struct prng p;
    prng_init(&p, 1);
    for (int round = 0; round < 20; round++) {
        struct replay_window w = {0};
        memset(seen, 0, sizeof seen);
        seen[0] = true;
        replay_learn(&w, 1, 0);
        memset(w.seen, 0, sizeof w.seen);
        w.seen[0] = 1;
        uint64_t top = 0;
        for (int i = 0; i < 5000; i++) {
            uint64_t low = top > 400 ? top - 400 : 0, s = low + prng_below(&p, top - low + 2);
            if (prng_chance(&p, 20000))
                s = top + prng_below(&p, 300);
            if (s >= SPAN)
                break;
            int expected = s + REPLAY_WINDOW_SIZE <= top ? ERR_STALE : seen[s] ? ERR_EXISTS : 0;
            cr_assert_eq(replay_check_and_set(&w, 1, s), expected, "sequence %zu of top %zu", (size_t)s,
                         (size_t)top);
            seen[s] = true;
            if (s > top)
                top = s;
        }
    }
}
