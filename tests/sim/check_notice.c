/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Every death is noticed in time. A host whose agent is gone is held dead by each host that is well, and well
 * connected to all that run, at the latest after
 *     (2n - 1) periods                 every member is probed within two rounds (SWIM 4.3)
 *     times 1 + hosts that are gone    the health multiplier of a prober who meets the dead (Lifeguard)
 *     + 24 periods                     the longest suspicion, beta 6 * alpha 4, when nobody confirms it
 *     + 12 periods                     for the news to spread
 * and an eighth, for clocks that run slow.
 *
 * So is every return. Two hosts that both run, well connected to all that run, do not hold each other dead
 * for longer than
 *     12.5 s                           the smaller side of a cut tries its dead ones this often (contact.c)
 *     + (2n - 1) periods               whoever is held dead probes whom it holds alive
 *     + 24 periods                     a verdict younger than the longest suspicion is undone by a refutation
 *     + 12 periods                     for the news to spread
 * from when the last fault between them and the others ended. But for a host that was taken out while it was
 * away: to those whose log says so it is a stranger. They close its streams and do not answer its probes, or
 * hold it dead by what others told; and it goes on holding them dead (and says on its own what it makes of
 * that) until an operator sees to it.
 */
#include "links.h"
#include "views.h"

#define RETRY_US (12500 * US_PER_MS)

extern const struct checker check_notice;

static int64_t limit_us(const struct world *w) {
    uint64_t n = w->hosts_count, gone = 0;
    for (uint32_t i = 0; i < w->hosts_count; i++)
        gone += w->hosts[i].node == NULL;
    int64_t us = views_periods_us(w, (2 * n - 1) * (1 + gone) + 24 + 12);
    return us + us / 8;
}

static int64_t return_us(const struct world *w) {
    int64_t us = RETRY_US + views_periods_us(w, 2 * (uint64_t)w->hosts_count - 1 + 24 + 12);
    return us + us / 8;
}

static bool goes(const struct sim_host *h) {
    return h->node != NULL && node_swim(h->node) != NULL && !h->leaving && !h->has_left && h->mistake == 0;
}

static void see_death(struct world *w, uint32_t by, uint32_t of, int64_t limit) {
    const struct view *v = &views_of(w)->held[by][of];
    int64_t down_us = links_of(w)->down_us[of];
    if (down_us != 0 && down_us < v->alive_us)
        down_us = v->alive_us; /* by a packet that was held up for long */
    bool alive = v->known && (v->state == MEMBER_STATE_ALIVE || v->state == MEMBER_STATE_SUSPECT);
    if (alive && down_us != 0 && w->now_us - down_us > limit + 2 * US_PER_S)
        check_fail(w, &check_notice, (int)by, "h%u holds h%u alive, which has been gone for %lld s", by, of,
                   (long long)((w->now_us - down_us) / US_PER_S));
}

/* By what this one has applied, not by what others may know. */
static bool was_taken_out(const struct world *w, uint32_t host, uint32_t at) {
    const struct sim_host *h = &w->hosts[host];
    const struct state *s = node_state(w->hosts[at].node);
    return !ID_IS_ZERO(h->raft_id.node) && state_index(s) > h->member_index &&
           state_node_find(s, h->raft_id.node) == NULL;
}

static void see_return(struct world *w, uint32_t by, uint32_t of, int64_t limit) {
    const struct view *v = &views_of(w)->held[by][of];
    if (v->known && v->state == MEMBER_STATE_DEAD && by != of && goes(&w->hosts[by]) && goes(&w->hosts[of]) &&
        links_steady(w, by, limit) && links_steady(w, of, limit) && !was_taken_out(w, by, of) &&
        !was_taken_out(w, of, by))
        check_fail(w, &check_notice, (int)by, "h%u still holds h%u dead; both have been well for %lld s", by,
                   of, (long long)(limit / US_PER_S));
}

static void notice_see(void *self, struct world *w, const struct sight *s) {
    int64_t *next_us = self, limit = limit_us(w), back = return_us(w);
    uint32_t by = s->host->index;
    if (w->now_us < *next_us)
        return;
    *next_us = w->now_us + US_PER_S / 4;
    for (uint32_t of = 0; of < w->hosts_count && !w->failed; of++) {
        if (links_steady(w, by, limit))
            see_death(w, by, of, limit);
        see_return(w, by, of, back);
    }
}

const struct checker check_notice = {
    .name = "swim-notice",
    .promise = "a death is noticed by all within two rounds of probes and the longest suspicion (SWIM 4.3: "
               "time-bounded completeness), and so is a return",
    .size = sizeof(int64_t),
    .sees = SEES(SIGHT_STEP),
    .see = notice_see,
};
