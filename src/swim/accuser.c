/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Accusers that are not believed alone. A member that hears nobody, its receiving side being broken, accuses
 * everybody, and everybody has to refute: a storm in which a large group loses sight of itself. Such an
 * accuser gives itself away: whom it accuses answers at once, and nobody else doubts them.
 *
 * An honest accuser is refuted, too, when the accused was only stopped for a while. But then it does not
 * answer at once, or others have seconded the accusation: neither counts.
 */

#include "internal.h"

#define SCORE_ONE         256
#define SCORE_MAX         (8 * SCORE_ONE)
#define SCORE_DOUBTED     (3 * SCORE_ONE)
#define ACCUSER_HALVED_US (60 * US_PER_S)
#define AT_ONCE_PERIODS   2 /* the accused has heard of it and answered: dissemination takes about that */

static uint32_t score_q8(const struct swim *s, const struct accuser *a) {
    int64_t halvings = (s->now_us - a->scored_us) / ACCUSER_HALVED_US;
    return halvings > 30 ? 0 : a->score_q8 >> halvings;
}

static struct accuser *accuser_find(struct swim *s, struct node_id id) {
    for (size_t i = 0; i < s->accusers.count; i++) {
        if (ID_EQUAL(s->accusers.at[i].id, id))
            return &s->accusers.at[i];
    }
    return NULL;
}

/* A place for a new one: the least suspicious of the others gives way. */
static struct accuser *accuser_make(struct swim *s, struct node_id id) {
    struct accuser *a = &s->accusers.at[0];
    if (s->accusers.count < ACCUSERS_MAX) {
        a = &s->accusers.at[s->accusers.count++];
    } else {
        for (size_t i = 1; i < ACCUSERS_MAX; i++) {
            if (score_q8(s, &s->accusers.at[i]) < score_q8(s, a))
                a = &s->accusers.at[i];
        }
    }
    *a = (struct accuser){.id = id, .scored_us = s->now_us};
    return a;
}

static void score(struct swim *s, struct accuser *a, int delta) {
    int64_t now_q8 = (int64_t)score_q8(s, a) + delta;
    a->score_q8 = (uint32_t)(now_q8 < 0 ? 0 : now_q8 > SCORE_MAX ? SCORE_MAX : now_q8);
    a->scored_us = s->now_us;
}

void swim_accusers_refuted(struct swim *s, const struct suspicion *suspicion) {
    bool at_once = s->now_us - suspicion->started_us <= AT_ONCE_PERIODS * s->config.period_us;
    if (!swim_has(s, SWIM_ACCUSERS) || !at_once || suspicion->from_count > 1 || s->merging ||
        ID_EQUAL(suspicion->from[0], s->config.id))
        return;
    struct accuser *accuser = accuser_find(s, suspicion->from[0]);
    if (!accuser)
        accuser = accuser_make(s, suspicion->from[0]);
    accuser->refuted++;
    score(s, accuser, SCORE_ONE);
}

void swim_accusers_right(struct swim *s, const struct suspicion *suspicion) {
    for (uint32_t i = 0; i < suspicion->from_count; i++) {
        struct accuser *accuser = accuser_find(s, suspicion->from[i]);
        if (accuser)
            score(s, accuser, -SCORE_ONE);
    }
}

static bool doubted(const struct swim *s, const struct accuser *a) { return score_q8(s, a) >= SCORE_DOUBTED; }

bool swim_accuser_doubted(const struct swim *s, struct node_id id) {
    for (size_t i = 0; i < s->accusers.count; i++) {
        if (ID_EQUAL(s->accusers.at[i].id, id))
            return doubted(s, &s->accusers.at[i]);
    }
    return false;
}

size_t swim_accusers_doubted(const struct swim *s) {
    size_t count = 0;
    for (size_t i = 0; i < s->accusers.count; i++)
        count += doubted(s, &s->accusers.at[i]);
    return count;
}

size_t swim_accusers(const struct swim *s, struct swim_accuser *out, size_t out_max) {
    size_t count = 0;
    for (size_t i = 0; i < s->accusers.count; i++) {
        const struct accuser *a = &s->accusers.at[i];
        struct swim_accuser one = {.id = a->id, .refuted = a->refuted, .doubted = doubted(s, a)};
        size_t at = count;
        while (at > 0 && out[at - 1].refuted < one.refuted)
            at--;
        if (at >= out_max)
            continue;
        count += count < out_max;
        for (size_t k = count - 1; k > at; k--)
            out[k] = out[k - 1];
        out[at] = one;
    }
    return count;
}
