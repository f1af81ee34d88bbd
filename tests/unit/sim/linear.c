/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* The judge of histories, judged: by histories whose verdict is known, and by a slow judge on random ones. */
#include <criterion/criterion.h>

#include "../../sim/linear.c"

/* OP(kind, outcome, call, answer, .field = ...); each moment is used once. */
#define OP(kind_, outcome_, ...)                                                                             \
    ((struct linear_op){.kind = LINEAR_##kind_, .outcome = LINEAR_##outcome_, __VA_ARGS__})
#define VERDICT(...)                                                                                         \
    verdict((struct linear_op[]){__VA_ARGS__},                                                               \
            sizeof((struct linear_op[]){__VA_ARGS__}) / sizeof(struct linear_op))

static enum linear_verdict verdict(const struct linear_op *ops, size_t count) {
    return linear_check(ops, count, 1000000, NULL);
}

Test(linear, a_read_sees_the_write_before_it) {
    cr_assert_eq(VERDICT(OP(WRITE, OK, 1, 2, .value = 7, .version = 10),
                         OP(READ, OK, 3, 4, .value = 7, .version = 10)),
                 LINEAR_FINE);
}

Test(linear, a_read_that_misses_an_answered_write_is_stale) {
    cr_assert_eq(VERDICT(OP(WRITE, OK, 1, 2, .value = 7, .version = 10), OP(READ, ABSENT, 3, 4)),
                 LINEAR_BROKEN);
    cr_assert_eq(VERDICT(OP(WRITE, OK, 1, 2, .value = 7, .version = 10),
                         OP(WRITE, OK, 3, 4, .value = 8, .version = 11),
                         OP(READ, OK, 5, 6, .value = 7, .version = 10)),
                 LINEAR_BROKEN);
}

Test(linear, a_read_beside_a_write_may_see_either) {
    cr_assert_eq(VERDICT(OP(WRITE, OK, 1, 4, .value = 7, .version = 10), OP(READ, ABSENT, 2, 3)),
                 LINEAR_FINE);
    cr_assert_eq(VERDICT(OP(WRITE, OK, 1, 4, .value = 7, .version = 10),
                         OP(READ, OK, 2, 3, .value = 7, .version = 10)),
                 LINEAR_FINE);
}

Test(linear, two_reads_beside_a_write_do_not_see_it_come_and_go) {
    cr_assert_eq(VERDICT(OP(WRITE, OK, 1, 6, .value = 7, .version = 10),
                         OP(READ, OK, 2, 3, .value = 7, .version = 10), OP(READ, ABSENT, 4, 5)),
                 LINEAR_BROKEN);
}

Test(linear, an_unanswered_write_may_happen_late_or_never_but_once) {
    struct linear_op lost = OP(WRITE, UNKNOWN, 1, LINEAR_OPEN, .value = 7);
    cr_assert_eq(VERDICT(lost, OP(READ, ABSENT, 2, 3)), LINEAR_FINE);
    cr_assert_eq(VERDICT(lost, OP(READ, ABSENT, 2, 3), OP(READ, OK, 4, 5, .value = 7, .version = 10)),
                 LINEAR_FINE);
    cr_assert_eq(VERDICT(lost, OP(READ, OK, 2, 3, .value = 7, .version = 10),
                         OP(WRITE, OK, 4, 5, .value = 8, .version = 11),
                         OP(READ, OK, 6, 7, .value = 7, .version = 12)),
                 LINEAR_BROKEN);
}

Test(linear, the_version_of_an_unanswered_write_is_one) {
    struct linear_op lost = OP(WRITE, UNKNOWN, 1, LINEAR_OPEN, .value = 7);
    cr_assert_eq(VERDICT(lost, OP(READ, OK, 2, 3, .value = 7, .version = 10),
                         OP(READ, OK, 4, 5, .value = 7, .version = 11)),
                 LINEAR_BROKEN);
    cr_assert_eq(VERDICT(lost, OP(WRITE, OK, 2, 3, .value = 8, .version = 12, .check = true, .expect = 10),
                         OP(WRITE, CONFLICT, 4, 5, .check = true, .expect = 10)),
                 LINEAR_FINE);
}

Test(linear, of_two_writes_that_expect_one_version_one_wins) {
    struct linear_op first = OP(WRITE, OK, 1, 2, .value = 1, .version = 10, .check = true);
    cr_assert_eq(VERDICT(first, OP(WRITE, OK, 3, 5, .value = 2, .version = 11, .check = true, .expect = 10),
                         OP(WRITE, CONFLICT, 4, 6, .value = 3, .check = true, .expect = 10)),
                 LINEAR_FINE);
    cr_assert_eq(VERDICT(first, OP(WRITE, OK, 3, 5, .value = 2, .version = 11, .check = true, .expect = 10),
                         OP(WRITE, OK, 4, 6, .value = 3, .version = 12, .check = true, .expect = 10)),
                 LINEAR_BROKEN);
}

Test(linear, a_conflict_without_a_cause_is_refused) {
    cr_assert_eq(VERDICT(OP(WRITE, OK, 1, 2, .value = 1, .version = 10),
                         OP(WRITE, CONFLICT, 3, 4, .value = 2, .check = true, .expect = 10)),
                 LINEAR_BROKEN);
    cr_assert_eq(VERDICT(OP(WRITE, CONFLICT, 1, 2, .value = 2, .check = true)), LINEAR_BROKEN);
}

Test(linear, versions_grow_in_the_order_of_changes) {
    cr_assert_eq(VERDICT(OP(WRITE, OK, 1, 2, .value = 1, .version = 10),
                         OP(WRITE, OK, 3, 4, .value = 2, .version = 9)),
                 LINEAR_BROKEN);
    cr_assert_eq(VERDICT(OP(WRITE, OK, 1, 4, .value = 1, .version = 10),
                         OP(WRITE, OK, 2, 3, .value = 2, .version = 9)),
                 LINEAR_FINE);
}

Test(linear, what_was_removed_is_absent) {
    struct linear_op made = OP(WRITE, OK, 1, 2, .value = 1, .version = 10),
                     gone = OP(REMOVE, OK, 3, 4, .version = 11);
    cr_assert_eq(VERDICT(made, gone, OP(READ, ABSENT, 5, 6), OP(REMOVE, ABSENT, 7, 8)), LINEAR_FINE);
    cr_assert_eq(VERDICT(made, gone, OP(READ, OK, 5, 6, .value = 1, .version = 10)), LINEAR_BROKEN);
    cr_assert_eq(VERDICT(made, OP(REMOVE, ABSENT, 3, 4)), LINEAR_BROKEN);
    cr_assert_eq(VERDICT(OP(REMOVE, OK, 1, 2, .version = 10)), LINEAR_BROKEN);
}

Test(linear, the_operation_that_cannot_be_explained_is_named) {
    struct linear_op ops[] = {OP(WRITE, OK, 1, 2, .value = 1, .version = 10),
                              OP(READ, OK, 3, 4, .value = 1, .version = 10), OP(READ, ABSENT, 5, 6),
                              OP(READ, OK, 7, 8, .value = 1, .version = 10)};
    size_t at = 99;
    cr_assert_eq(linear_check(ops, 4, 1000, &at), LINEAR_BROKEN);
    cr_assert_eq(at, 2);
}

Test(linear, a_search_has_an_end) {
    struct linear_op ops[60];
    for (size_t i = 0; i < 59; i++)
        ops[i] = OP(WRITE, UNKNOWN, i + 1, LINEAR_OPEN, .value = i);
    ops[59] = OP(READ, OK, 100, 101, .value = 1000, .version = 5);
    cr_assert_eq(linear_check(ops, 60, 10000, NULL), LINEAR_UNDECIDED);
}

/* ---- a slow judge: every order is tried ---- */

static bool precedes(const struct linear_op *a, const struct linear_op *b) { return a->answer < b->call; }

static bool explain(const struct linear_op *ops, size_t count, uint32_t taken, struct cell cell) {
    bool all = true;
    for (size_t i = 0; i < count; i++)
        all &= ((taken >> i) & 1) != 0 || ops[i].outcome == LINEAR_UNKNOWN;
    if (all)
        return true;
    for (size_t i = 0; i < count; i++) {
        bool first = ((taken >> i) & 1) == 0;
        for (size_t k = 0; first && k < count; k++)
            first = ((taken >> k) & 1) != 0 || !precedes(&ops[k], &ops[i]);
        struct cell after = cell;
        if (first && step(&after, &ops[i]) && explain(ops, count, taken | (1u << i), after))
            return true;
    }
    return false;
}

static void random_history(struct prng *p, struct linear_op *ops, size_t count) {
    uint64_t moments[16];
    for (size_t i = 0; i < 2 * count; i++)
        moments[i] = i + 1;
    for (size_t i = 2 * count; i-- > 1;) {
        size_t k = (size_t)prng_below(p, i + 1);
        uint64_t t = moments[i];
        moments[i] = moments[k];
        moments[k] = t;
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t a = moments[2 * i], b = moments[2 * i + 1];
        struct linear_op *o = &ops[i];
        *o = (struct linear_op){.kind = (enum linear_kind)prng_below(p, 3),
                                .outcome = (enum linear_outcome)prng_below(p, 4),
                                .call = a < b ? a : b,
                                .answer = a < b ? b : a,
                                .value = prng_below(p, 2),
                                .version = 1 + prng_below(p, 4),
                                .check = prng_chance(p, 300000),
                                .expect = prng_below(p, 3)};
        if (o->kind == LINEAR_READ) {
            o->outcome = prng_chance(p, 300000) ? LINEAR_ABSENT : LINEAR_OK;
            o->check = false;
        }
        if (o->outcome == LINEAR_UNKNOWN) {
            o->answer = LINEAR_OPEN;
            o->version = 0;
        }
    }
}

Test(linear, both_judges_agree_on_random_histories) {
    struct prng p;
    size_t fine = 0, broken = 0;
    prng_init(&p, 1);
    for (int round = 0; round < 20000; round++) {
        struct linear_op ops[6];
        size_t count = 1 + (size_t)prng_below(&p, 6);
        random_history(&p, ops, count);
        bool slow = explain(ops, count, 0, (struct cell){.exists = 0});
        enum linear_verdict quick = verdict(ops, count);
        cr_assert_eq(quick, slow ? LINEAR_FINE : LINEAR_BROKEN, "round %d", round);
        fine += slow;
        broken += !slow;
    }
    cr_assert(fine > 1000 && broken > 1000, "%zu fine, %zu broken", fine, broken);
}
