/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Which hosts vote. In this order:
 *
 *   1. How many: an odd number that grows with the hosts; with two hosts one, since of two voters each would
 *      be needed.
 *   2. Voters that are well stay. A vote moves only for a reason: each change costs two entries and a moment
 *      of needing majorities of both sets.
 *   3. Free places go to hosts that have been seen for a while, in the zone with the fewest voters, and there
 *      to the longest-standing.
 *   4. A dead voter in whose place nobody can come keeps it: to take it away makes nothing safer by itself.
 *      But of two that are lost for good both go: five voters of which two are lost survive no further loss,
 *      the three others by themselves survive one. Never below three. A life of a disk that is over keeps no
 *      vote beside the life of today: a host has one. A voter that has to go, but is still there, waits for
 *      somebody who is about to come in its place.
 *   5. If nothing else is to be done, one voter may give way to a host that spreads them better.
 *
 * A set that has no majority among hosts that are seen is never chosen.
 */
#include <covey/voters.h>

#define HOSTS_FOR_THREE 3
#define HOSTS_FOR_FIVE  5
#define HOSTS_FOR_SEVEN 51
#define HOSTS_SEVEN_END                                                                                      \
    45               /* seven stay until there are so few: a host that comes and goes moves no votes         \
                      */
#define VOTERS_MIN 3 /* loss alone never brings the voters below this */
#define FLAPS_MAX  4 /* of one that is waited for: an upgrade or a reboot is up to two */

uint32_t voters_wanted(size_t hosts_count, size_t voters_count) {
    if (hosts_count < HOSTS_FOR_THREE)
        return 1;
    if (hosts_count < HOSTS_FOR_FIVE)
        return 3;
    if (hosts_count >= HOSTS_FOR_SEVEN || (voters_count >= 7 && hosts_count > HOSTS_SEVEN_END))
        return 7;
    return 5;
}

struct pick {
    struct voter_candidate *list, *self;
    size_t count, chosen_count, voters_count;
};

static void choose(struct pick *p, struct voter_candidate *c, const char *why) {
    if (c->chosen || p->chosen_count >= WIRE_VOTERS_MAX)
        return;
    c->chosen = true;
    c->why = why;
    p->chosen_count++;
}

static void drop(struct pick *p, struct voter_candidate *c, const char *why) {
    c->chosen = false;
    c->why = why;
    p->chosen_count--;
}

static size_t zone_voters(const struct pick *p, struct bytes zone) {
    size_t count = 0;
    for (size_t i = 0; i < p->count; i++)
        count += p->list[i].chosen && bytes_equal(p->list[i].zone, zone);
    return count;
}

static bool is_barred(const struct voter_candidate *c) {
    return c->gone || c->drained || c->rule == VOTE_RULE_EXCLUDE;
}

/* Is `a` the better voter, zones apart? */
static bool is_better(const struct voter_candidate *a, const struct voter_candidate *b) {
    if (a->flaps != b->flaps)
        return a->flaps < b->flaps;
    if (a->joined_ms != b->joined_ms)
        return a->joined_ms < b->joined_ms;
    return memcmp(&a->id, &b->id, sizeof a->id) < 0;
}

/* ---- 2. those that stay ---- */

static void keep(struct pick *p) {
    for (size_t i = 0; i < p->count; i++) {
        struct voter_candidate *c = &p->list[i];
        if (is_barred(c) || c->dead)
            continue;
        if (c->rule == VOTE_RULE_PIN && (c->voter || (c->alive && c->stable)))
            choose(p, c, "votes: pinned by an operator");
        else if (c->voter && c->self)
            choose(p, c, "leads, and votes");
        else if (c->voter && !c->slow)
            choose(p, c, "votes");
    }
}

/* Of too many voters the one to go: from the fullest zone, there the least trusted. */
static struct voter_candidate *surplus(struct pick *p) {
    struct voter_candidate *worst = NULL;
    size_t worst_zone = 0;
    for (size_t i = 0; i < p->count; i++) {
        struct voter_candidate *c = &p->list[i];
        if (!c->chosen || c->self || c->rule == VOTE_RULE_PIN)
            continue;
        size_t zone = zone_voters(p, c->zone);
        bool is_worse =
            worst == NULL || worst->alive > c->alive ||
            (worst->alive == c->alive && (zone > worst_zone || (zone == worst_zone && is_better(worst, c))));
        if (!is_worse)
            continue;
        worst = c;
        worst_zone = zone;
    }
    return worst;
}

/*
 * The leader's own vote goes last, as leadership has to move first. Where all others are pinned it goes all
 * the same: beside a single pinned host it would make two voters of which each is needed. As those that are
 * pinned are never more than are wanted, nobody else is left to go.
 */
static void trim(struct pick *p, size_t wanted) {
    struct voter_candidate *c;
    while (p->chosen_count > wanted && (c = surplus(p)) != NULL)
        drop(p, c, "its vote goes: fewer are enough for so many hosts");
    if (p->chosen_count > wanted)
        drop(p, p->self, "its vote goes: those that are pinned are enough for so many hosts");
}

/* ---- 3. free places ---- */

/* The first three come at once: until then each loss stops writes, and nothing is worse than that. */
static bool may_come(const struct pick *p, const struct voter_candidate *c) {
    return !c->chosen && !is_barred(c) && c->alive && !c->slow && !c->dead &&
           (c->stable || p->voters_count < VOTERS_MIN);
}

static struct voter_candidate *newcomer(struct pick *p) {
    struct voter_candidate *best = NULL;
    size_t best_zone = 0;
    for (size_t i = 0; i < p->count; i++) {
        struct voter_candidate *c = &p->list[i];
        if (!may_come(p, c))
            continue;
        size_t zone = zone_voters(p, c->zone);
        if (best != NULL && (zone > best_zone || (zone == best_zone && is_better(best, c))))
            continue;
        best = c;
        best_zone = zone;
    }
    return best;
}

static void fill(struct pick *p, size_t wanted) {
    struct voter_candidate *c;
    while (p->chosen_count < wanted && (c = newcomer(p)) != NULL)
        choose(p, c, "to vote, once it has caught up");
}

/* ---- 4. places that nobody can take ---- */

/*
 * A host has one vote. Beside a vote of its disk's life of today, one of a life that is over would make each
 * loss of that disk count twice: it could take the majority along.
 */
static bool votes_already(const struct pick *p, const struct voter_candidate *c) {
    for (size_t i = 0; i < p->count; i++)
        if (p->list[i].chosen && ID_EQUAL(p->list[i].id.node, c->id.node))
            return true;
    return false;
}

static void hold(struct pick *p, size_t wanted) {
    for (unsigned turn = 0; turn < 2; turn++)
        for (size_t i = 0; i < p->count && p->chosen_count < wanted; i++) {
            struct voter_candidate *c = &p->list[i];
            if (c->voter && !is_barred(c) && c->dead == (turn == 1) && !votes_already(p, c))
                choose(p, c,
                       c->dead ? "not seen; keeps its vote: nobody can take its place"
                               : "slow; keeps its vote: nobody can take its place");
        }
}

/*
 * One that is new; or was seen lately and may be back at any moment, after an upgrade or a reboot. One that
 * is seen for long, and not ready all the same, may never be; nor may one that comes and goes ever be here
 * for long enough.
 */
static bool somebody_comes_soon(const struct pick *p) {
    for (size_t i = 0; i < p->count; i++) {
        const struct voter_candidate *c = &p->list[i];
        bool is_away = !c->alive && !c->lost && !c->former && !c->settled;
        bool is_new = c->alive && !c->stable && !c->dead;
        if (!c->chosen && !is_barred(c) && !c->slow && c->flaps <= FLAPS_MAX && (is_away || is_new))
            return true;
    }
    return false;
}

/* Whoever must go but is still there waits for a successor that is about to come. */
static void wait_for_successor(struct pick *p, size_t wanted) {
    for (size_t i = 0; i < p->count && p->chosen_count < wanted && somebody_comes_soon(p); i++) {
        struct voter_candidate *c = &p->list[i];
        if (c->voter && is_barred(c) && c->alive)
            choose(p, c, "its vote goes when another host has been seen for long enough to take it");
    }
}

static struct voter_candidate *lost_voter(struct pick *p, const struct voter_candidate *but) {
    for (size_t i = 0; i < p->count; i++) {
        struct voter_candidate *c = &p->list[i];
        if (c->chosen && c->lost && c->rule != VOTE_RULE_PIN && c != but)
            return c;
    }
    return NULL;
}

static void shrink(struct pick *p) {
    struct voter_candidate *a, *b;
    while (p->chosen_count >= VOTERS_MIN + 2 && (a = lost_voter(p, NULL)) != NULL &&
           (b = lost_voter(p, a)) != NULL) {
        drop(p, a, "not seen for long; without its vote the others survive more");
        drop(p, b, "not seen for long; without its vote the others survive more");
    }
}

/* Under an earlier life of its disk. */
static bool had_vote(const struct pick *p, const struct voter_candidate *c) {
    for (size_t i = 0; i < p->count; i++)
        if (p->list[i].former && p->list[i].voter && ID_EQUAL(p->list[i].id.node, c->id.node))
            return true;
    return false;
}

/*
 * An even number survives no more than the odd one below it: the last newcomer waits for another. A host that
 * had a vote is none: it comes in its own place, and to let it wait would leave fewer than there were.
 */
static void make_odd(struct pick *p) {
    struct voter_candidate *last = NULL;
    if (p->chosen_count % 2 == 1)
        return;
    for (size_t i = 0; i < p->count; i++) {
        struct voter_candidate *c = &p->list[i];
        bool is_newcomer = c->chosen && !c->voter && !had_vote(p, c);
        if (is_newcomer && c->rule != VOTE_RULE_PIN && (last == NULL || is_better(last, c)))
            last = c;
    }
    if (last != NULL)
        drop(p, last, "no vote: it waits for a second newcomer, as an even number of voters gains nothing");
}

/* ---- 5. zones ---- */

static bool is_as_it_was(const struct pick *p) {
    for (size_t i = 0; i < p->count; i++)
        if (p->list[i].chosen != p->list[i].voter)
            return false;
    return true;
}

static void spread(struct pick *p) {
    struct voter_candidate *from = NULL, *to = NULL;
    size_t gain = 1;
    for (size_t i = 0; i < p->count; i++) {
        struct voter_candidate *v = &p->list[i];
        if (!v->chosen || v->self || v->rule == VOTE_RULE_PIN)
            continue;
        size_t full = zone_voters(p, v->zone);
        for (size_t k = 0; k < p->count; k++) {
            struct voter_candidate *c = &p->list[k];
            if (!may_come(p, c) || !c->settled)
                continue;
            size_t empty = zone_voters(p, c->zone);
            bool is_gain = full > empty + gain || (to != NULL && full == empty + gain &&
                                                   (is_better(from, v) || (from == v && is_better(c, to))));
            if (!is_gain)
                continue;
            gain = full - empty;
            from = v;
            to = c;
        }
    }
    if (to == NULL)
        return;
    drop(p, from, "its vote goes to a zone that has fewer");
    choose(p, to, "to vote, once it has caught up: its zone has fewer voters");
}

/* ---- all of it ---- */

static const char *why_not(const struct pick *p, const struct voter_candidate *c) {
    if (c->gone)
        return c->voter ? "its vote goes: it has left" : "no vote: it leaves";
    if (c->drained)
        return c->voter ? "its vote goes: the host is drained" : "no vote: the host is drained";
    if (c->rule == VOTE_RULE_EXCLUDE)
        return c->voter ? "its vote goes: excluded by an operator" : "no vote: excluded by an operator";
    if (c->voter && c->dead)
        return "not seen, or its log was lost: its vote goes to another";
    if (c->voter && c->slow)
        return "behind the others: its vote goes to another";
    if (!c->alive)
        return "no vote: not seen";
    if (c->slow)
        return "no vote: behind the others";
    if (!c->stable && p->voters_count >= VOTERS_MIN)
        return "no vote: not here for long enough";
    return "no vote: others are enough";
}

static bool has_majority(const struct pick *p) {
    size_t alive = 0;
    for (size_t i = 0; i < p->count; i++)
        alive += p->list[i].chosen && p->list[i].alive;
    return p->chosen_count > 0 && alive >= p->chosen_count / 2 + 1;
}

static void as_it_was(struct pick *p) {
    p->chosen_count = 0;
    for (size_t i = 0; i < p->count; i++) {
        struct voter_candidate *c = &p->list[i];
        c->chosen = c->voter;
        p->chosen_count += c->voter;
        c->why = c->voter ? "votes: too few hosts are seen to change anything" : c->why;
    }
}

void voters_pick(struct voter_candidate *candidates, size_t count, struct voters_pick *ret) {
    struct pick p = {.list = candidates, .count = count};
    size_t hosts = 0, pinned = 0;
    for (size_t i = 0; i < count; i++) {
        candidates[i].chosen = false;
        candidates[i].why = NULL;
        p.self = candidates[i].self ? &candidates[i] : p.self;
        p.voters_count += candidates[i].voter;
        hosts += !is_barred(&candidates[i]) && !candidates[i].former;
        pinned += !is_barred(&candidates[i]) && !candidates[i].former && candidates[i].rule == VOTE_RULE_PIN;
    }
    size_t wanted = voters_wanted(hosts, p.voters_count);
    if (pinned > wanted)
        wanted = pinned + 1 - pinned % 2;
    if (wanted > WIRE_VOTERS_MAX)
        wanted = WIRE_VOTERS_MAX;
    keep(&p);
    trim(&p, wanted);
    fill(&p, wanted);
    hold(&p, wanted);
    wait_for_successor(&p, wanted);
    shrink(&p);
    make_odd(&p);
    if (is_as_it_was(&p))
        spread(&p);
    for (size_t i = 0; i < count; i++)
        if (!candidates[i].chosen && candidates[i].why == NULL)
            candidates[i].why = why_not(&p, &candidates[i]);
    if (!has_majority(&p))
        as_it_was(&p);
    *ret = (struct voters_pick){.wanted = (uint32_t)wanted, .chosen_count = p.chosen_count};
}
