/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Whom a learner asks for the log. There is no plan of the whole: each host serves a few at a time and names
 * those to whoever comes in addition, who asks one of them; so a tree grows below the voters by itself, as
 * deep as the logarithm of the number of hosts, and a branch whose host is gone grows on elsewhere.
 *
 *     voter: A B C and D asks -> "busy; A B C"
 *                  D asks B   -> served, one deeper
 *
 * Circles cannot last: each answer tells how deep its host is below the voters, one more than its own parent,
 * and how old its news is; in a circle both grow until somebody asks elsewhere.
 */
#include <covey/learn.h>

#define MEMORY_MAX     4096u /* hosts that something is known of */
#define RTT_UNKNOWN_US (20 * US_PER_MS)
#define KIND_SHIFT     40
#define KIND_AVOID     4u

void learn_pick_done(struct learn_pick *p) { VEC_DONE(&p->memory); }

static struct learn_memory *memory_find(const struct learn_pick *p, struct node_id id) {
    size_t low = 0, high = p->memory.count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = ID_COMPARE(p->memory.data[middle].id, id);
        if (order == 0)
            return &p->memory.data[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static void memory_expire(struct learn_pick *p, int64_t now_us) {
    size_t kept = 0;
    for (size_t i = 0; i < p->memory.count; i++) {
        const struct learn_memory *m = &p->memory.data[i];
        if (m->avoid_until_us > now_us || m->hint_until_us > now_us)
            p->memory.data[kept++] = *m;
    }
    p->memory.count = kept;
}

/* NULL: there are too many. */
static struct learn_memory *memory_make(struct learn_pick *p, struct node_id id) {
    struct learn_memory *m = memory_find(p, id);
    if (m != NULL || p->memory.count >= MEMORY_MAX)
        return m;
    size_t at = 0;
    while (at < p->memory.count && ID_COMPARE(p->memory.data[at].id, id) < 0)
        at++;
    struct learn_memory fresh = {.id = id};
    VEC_INSERT(&p->memory, at, fresh);
    return &p->memory.data[at];
}

/* Less is better: first what kind of host it is, then how far. */
static uint64_t cost(const struct learn_pick *p, int64_t now_us, struct prng *prng,
                     const struct learn_candidate *c) {
    const struct learn_memory *m = memory_find(p, c->id);
    bool avoid = m != NULL && m->avoid_until_us > now_us, hint = m != NULL && m->hint_until_us > now_us;
    uint64_t kind = avoid ? KIND_AVOID : c->leader ? 1 : c->voter ? 0 : hint ? 2 : 3;
    int64_t rtt_us = c->rtt_us > 0 ? c->rtt_us : RTT_UNKNOWN_US;
    if (rtt_us > 60 * US_PER_S)
        rtt_us = 60 * US_PER_S;
    uint64_t far = ((uint64_t)rtt_us + 1000) * (256 + prng_below(prng, 256)) / 256;
    return (kind << KIND_SHIFT) + far;
}

bool learn_parent(const struct learn_pick *p, int64_t now_us, struct node_id *ret) {
    const struct learn_memory *m = memory_find(p, p->parent);
    if (ID_IS_ZERO(p->parent) || (m != NULL && m->avoid_until_us > now_us))
        return false;
    *ret = p->parent;
    return true;
}

bool learn_choose(struct learn_pick *p, int64_t now_us, struct prng *prng,
                  const struct learn_candidate *candidates, size_t count, struct node_id *ret) {
    struct node_id parent;
    bool well = learn_parent(p, now_us, &parent);
    p->stranded = false;
    for (size_t i = 0; i < count && well; i++)
        if (ID_EQUAL(candidates[i].id, parent)) {
            *ret = parent;
            return true;
        }
    uint64_t best = UINT64_MAX;
    for (size_t i = 0; i < count; i++) {
        uint64_t c = cost(p, now_us, prng, &candidates[i]);
        if (c < best) {
            best = c;
            *ret = candidates[i].id;
        }
    }
    p->parent = (struct node_id){{0}};
    p->depth = 0;
    p->stranded = count > 0 && best >> KIND_SHIFT == KIND_AVOID;
    return best != UINT64_MAX;
}

void learn_avoid(struct learn_pick *p, struct node_id id, int64_t until_us) {
    struct learn_memory *m = memory_make(p, id);
    if (m != NULL && m->avoid_until_us < until_us)
        m->avoid_until_us = until_us;
    if (ID_EQUAL(p->parent, id))
        p->parent = (struct node_id){{0}};
}

void learn_answered(struct learn_pick *p, struct node_id from, int64_t now_us, uint64_t age_ms,
                    uint32_t depth) {
    memory_expire(p, now_us);
    bool is_old = age_ms > LEARN_AGE_MS + (uint64_t)LEARN_AGE_STEP_MS * depth;
    if (depth >= LEARN_DEPTH_MAX || is_old) {
        learn_avoid(p, from, now_us + LEARN_AVOID_US);
        return;
    }
    struct learn_memory *m = memory_find(p, from);
    if (m != NULL)
        m->avoid_until_us = 0; /* it was asked all the same, and does well now */
    p->parent = from;
    p->depth = depth + 1;
    p->stranded = false;
}

void learn_busy(struct learn_pick *p, struct node_id from, int64_t now_us, const struct node_id *others,
                size_t count) {
    memory_expire(p, now_us);
    learn_avoid(p, from, now_us + LEARN_AVOID_US);
    for (size_t i = 0; i < count; i++) {
        struct learn_memory *m = memory_make(p, others[i]);
        if (m != NULL)
            m->hint_until_us = now_us + LEARN_HINT_US;
    }
}
