/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Whom a host without a vote asks for the log. */
#include <criterion/criterion.h>

#include <covey/learn.h>

static struct node_id id(uint8_t number) { return (struct node_id){{number}}; }

static struct learn_candidate one(uint8_t number, bool voter, bool leader, int64_t rtt_ms) {
    return (struct learn_candidate){
        .id = id(number), .voter = voter, .leader = leader, .rtt_us = rtt_ms * US_PER_MS};
}

static uint8_t choose(struct learn_pick *p, int64_t now_us, const struct learn_candidate *c, size_t count) {
    struct prng prng;
    struct node_id got = {{0}};
    prng_init(&prng, (uint64_t)now_us);
    return learn_choose(p, now_us, &prng, c, count, &got) ? got.b[0] : 0;
}

Test(node_learner_pick, a_voter_that_does_not_lead_comes_first_and_is_kept) {
    struct learn_pick p = {0};
    const struct learn_candidate c[4] = {one(1, true, true, 1), one(2, true, false, 5),
                                         one(3, false, false, 1), one(4, true, false, 50)};
    cr_assert_eq(choose(&p, 1, c, 0), 0);
    for (int64_t now = 1; now < 50; now++)
        cr_assert_eq(choose(&p, now, c, 4), 2, "the nearer of the two voters");
    learn_answered(&p, id(4), 1, 0, 0);
    cr_assert_eq(choose(&p, 2, c, 4), 4, "who answers is asked again");
    cr_assert_eq(p.depth, 1);
    cr_assert_eq(choose(&p, 2, c, 3), 2, "until it is gone");
    learn_pick_done(&p);
}

Test(node_learner_pick, a_busy_one_names_others_and_those_are_asked) {
    struct learn_pick p = {0};
    const struct learn_candidate c[5] = {one(1, true, true, 1), one(2, true, false, 1),
                                         one(3, false, false, 9), one(4, false, false, 9),
                                         one(5, false, false, 1)};
    const struct node_id served[2] = {id(3), id(4)};
    learn_busy(&p, id(2), 0, served, 2);
    cr_assert_eq(choose(&p, 1, c, 5), 1, "the other voter, though it leads");
    learn_busy(&p, id(1), 0, served, 2);
    for (int64_t now = 1; now < 20; now++) {
        uint8_t got = choose(&p, now, c, 5);
        cr_assert(got == 3 || got == 4, "%u", got);
    }
    learn_busy(&p, id(3), 0, NULL, 0);
    learn_busy(&p, id(4), 0, NULL, 0);
    cr_assert_eq(choose(&p, 1, c, 5), 5, "anybody");
    cr_assert(!p.stranded);
    cr_assert_neq(choose(&p, 1, c, 4), 0, "those that are busy, if there is nobody else");
    cr_assert(p.stranded);
    cr_assert_eq(choose(&p, LEARN_AVOID_US + 1, c, 5), 2, "they are tried again later");
    learn_pick_done(&p);
}

Test(node_learner_pick, old_news_and_circles_are_left) {
    struct learn_pick p = {0};
    const struct learn_candidate c[2] = {one(1, false, false, 1), one(2, false, false, 50)};
    learn_answered(&p, id(1), 0, LEARN_AGE_MS, 0);
    cr_assert_eq(choose(&p, 1, c, 2), 1);
    learn_answered(&p, id(1), 0, LEARN_AGE_MS + 1, 0);
    cr_assert_eq(choose(&p, 1, c, 2), 2);
    learn_answered(&p, id(2), 0, LEARN_AGE_MS + 1, 1);
    cr_assert_eq(choose(&p, 1, c, 2), 2, "deeper below the voters news is older");
    learn_answered(&p, id(2), 0, 0, LEARN_DEPTH_MAX);
    cr_assert_neq(choose(&p, 1, c, 2), 0, "when all are bad, somebody is asked all the same");
    cr_assert(ID_IS_ZERO(p.parent));
    learn_pick_done(&p);
}

Test(node_learner_pick, a_liar_is_asked_last) {
    struct learn_pick p = {0};
    const struct learn_candidate c[2] = {one(1, true, false, 1), one(2, false, false, 500)};
    learn_answered(&p, id(1), 0, 0, 0);
    learn_avoid(&p, id(1), LEARN_AVOID_BAD_US);
    cr_assert_eq(choose(&p, 1, c, 2), 2);
    cr_assert_eq(choose(&p, LEARN_AVOID_US + 1, c, 2), 2);
    cr_assert_eq(choose(&p, LEARN_AVOID_BAD_US, c, 2), 1);
    learn_pick_done(&p);
}

Test(node_learner_pick, who_was_avoided_and_answers_well_is_asked_on) {
    struct learn_pick p = {0};
    const struct learn_candidate c[2] = {one(1, false, false, 1), one(2, true, false, 500)};
    learn_avoid(&p, id(1), LEARN_AVOID_US);
    learn_avoid(&p, id(2), LEARN_AVOID_US);
    cr_assert_neq(choose(&p, 1, c, 2), 0);
    cr_assert(p.stranded);
    learn_answered(&p, id(2), 1, 0, 0);
    cr_assert_eq(choose(&p, 2, c, 2), 2);
    cr_assert(!p.stranded);
    learn_pick_done(&p);
}
