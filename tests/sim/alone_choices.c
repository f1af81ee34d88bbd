/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The choices that a host makes of others: who votes, and whom a learner asks. Among so many hosts as no
 * simulated cluster has, pinned, drained, lost and slow in any mixture; and told of more hosts than are
 * remembered. What a choice promises holds for each of them.
 */
#include <covey/learn.h>
#include <covey/voters.h>

#include "alone.h"

#define CANDIDATES_MAX 64
#define ASKED_MAX      12

static uint64_t below(struct prng *p, uint64_t bound) { return prng_below(p, bound); }
static bool chance(struct prng *p, uint32_t percent) { return prng_chance(p, percent * 10000); }

/* ---- who votes ---------------------------------------------------------------------------------------- */

/* rough: how much is amiss, in percent. */
static struct voter_candidate candidate(struct prng *p, uint8_t number, uint32_t rough) {
    static const char *const zones[] = {"", "a", "b", "c"};
    struct voter_candidate c = {.id = {.node = {{number}}, .log = {{1}}},
                                .zone = bytes_str(zones[below(p, 4)]),
                                .joined_ms = (int64_t)below(p, 20),
                                .flaps = (uint32_t)below(p, 3),
                                .alive = !chance(p, rough),
                                .gone = chance(p, rough / 3),
                                .drained = chance(p, rough / 3),
                                .stable = !chance(p, rough),
                                .settled = !chance(p, rough)};
    c.rule = chance(p, rough) ? (enum vote_rule)below(p, 3) : VOTE_RULE_AUTO;
    c.lost = !c.alive && chance(p, 40);
    c.dead = c.lost || chance(p, c.alive ? 3 : 50); /* or its disk forgot */
    c.slow = c.alive && chance(p, rough / 2);
    return c;
}

static bool may_vote(const struct voter_candidate *c) {
    return !c->gone && !c->drained && c->rule != VOTE_RULE_EXCLUDE && c->alive && !c->dead;
}

static void voters_round(struct prng *p) {
    struct voter_candidate list[CANDIDATES_MAX];
    struct voters_pick pick;
    size_t count = 1 + (size_t)below(p, chance(p, 50) ? 9 : CANDIDATES_MAX), voters = 0, chosen = 0,
           alive = 0;
    uint32_t rough = (uint32_t)below(p, 60);
    bool same = true;
    for (size_t i = 0; i < count; i++) {
        list[i] = candidate(p, (uint8_t)(i + 1), rough);
        list[i].voter = voters < WIRE_VOTERS_MAX && chance(p, i < 12 ? 60 : 10);
        voters += list[i].voter;
    }
    size_t self = (size_t)below(p, count);     /* who asks: it is there, and well as a rule */
    list[self].self = list[self].alive = true; /* its disk may forget, too */
    list[self].lost = false;
    voters_pick(list, count, &pick);
    for (size_t i = 0; i < count; i++) {
        const struct voter_candidate *c = &list[i];
        assert(c->why != NULL);
        assert(!c->chosen || c->voter || may_vote(c));
        chosen += c->chosen;
        alive += c->chosen && c->alive;
        same &= c->chosen == c->voter;
    }
    assert(chosen == pick.chosen_count && chosen <= WIRE_VOTERS_MAX && pick.wanted <= WIRE_VOTERS_MAX);
    assert(same || alive > chosen / 2); /* nothing is changed that nobody could undo */
}

/* ---- whom to ask -------------------------------------------------------------------------------------- */

static void random_ids(struct prng *p, struct node_id *out, size_t count) {
    for (size_t i = 0; i < count; i++)
        prng_fill(p, out[i].b, sizeof out[i].b);
}

static void learner_rounds(struct prng *p, unsigned rounds) {
    struct learn_pick pick = {0};
    struct learn_candidate list[ASKED_MAX];
    struct node_id told[300];
    int64_t now_us = US_PER_S;
    for (unsigned k = 0; k < rounds; k++) {
        size_t count = (size_t)below(p, ASKED_MAX);
        struct node_id ret = {{0}};
        for (size_t i = 0; i < count; i++)
            list[i] = (struct learn_candidate){.id = {{(uint8_t)(i + 1)}},
                                               .voter = chance(p, 30),
                                               .leader = i == 0 && chance(p, 50),
                                               .rtt_us = (int64_t)below(p, UINT64_C(1) << below(p, 40))};
        bool found = learn_choose(&pick, now_us, p, list, count, &ret), is_one = false;
        for (size_t i = 0; i < count; i++)
            is_one |= ID_EQUAL(list[i].id, ret);
        assert(found == (count > 0) && is_one == found);
        if (found && chance(p, 30))
            learn_avoid(&pick, ret, now_us + (chance(p, 50) ? LEARN_AVOID_US : LEARN_AVOID_BAD_US));
        else if (found && chance(p, 50))
            learn_answered(&pick, ret, now_us, below(p, 3 * LEARN_AGE_MS), (uint32_t)below(p, 20));
        else if (found) { /* names more hosts than there are */
            size_t many = chance(p, 20) ? 300 : (size_t)below(p, 10);
            random_ids(p, told, many);
            learn_busy(&pick, ret, now_us, told, many);
        }
        if (chance(p, 10)) { /* one of which nothing was known */
            random_ids(p, told, 1);
            learn_avoid(&pick, told[0], now_us + LEARN_AVOID_US);
        }
        now_us += (int64_t)below(p, US_PER_S / 20);
        assert(pick.memory.count <= 4096);
    }
    learn_pick_done(&pick);
}

void alone_choices(struct prng *p, uint32_t rounds) {
    for (uint32_t i = 0; i < 20 * rounds; i++)
        voters_round(p);
    learner_rounds(p, 5 * rounds);
}
