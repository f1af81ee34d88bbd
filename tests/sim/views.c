/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* A host's table is walked when its count of the living has changed, and now and then. */
#include "views.h"
#include "swarm.h"
#include "truth.h"

#define PERIOD_US (500 * US_PER_MS) /* the default */
#define LOOK_US   US_PER_S

int64_t views_periods_us(const struct world *w, uint64_t periods) {
    int64_t period =
        w->swarm != NULL && w->swarm->swim_period_ms > 0 ? w->swarm->swim_period_ms * US_PER_MS : PERIOD_US;
    return (int64_t)periods * (period + w->slack_us);
}

static void look_at(struct views *v, struct world *w, uint32_t by, uint32_t of, const struct swim *swim) {
    const struct truth_host *th = &truth_of(w)->hosts[of];
    struct view *held = &v->held[by][of];
    struct view_change c = {.by = by, .of = of, .old = *held, .now = *held};
    struct swim_member m;
    c.now.known = th->known && swim_member_find(swim, th->id, &m);
    if (c.now.known) {
        c.now.state = m.state;
        c.now.generation = m.generation;
        c.now.version = m.version;
    }
    if (c.now.known && m.state == MEMBER_STATE_DEAD)
        c.now.dead_us = w->now_us;
    bool is_up = c.now.known && (m.state == MEMBER_STATE_ALIVE || m.state == MEMBER_STATE_SUSPECT);
    bool was_up = c.old.known && (c.old.state == MEMBER_STATE_ALIVE || c.old.state == MEMBER_STATE_SUSPECT);
    if (is_up && !was_up)
        c.now.alive_us = w->now_us;
    bool changed = c.now.known != c.old.known || c.now.state != c.old.state ||
                   c.now.generation != c.old.generation || c.now.version != c.old.version;
    *held = c.now;
    if (changed)
        VEC_PUSH(&v->changes, c);
}

static void views_see(void *self, struct world *w, const struct sight *s) {
    struct views *v = self;
    const struct sim_host *h = s->host;
    const struct swim *swim = node_swim(h->node);
    v->changes.count = 0;
    v->begins = v->looked = false;
    if (swim == NULL) { /* a newcomer, or one that lost its disk: what its last run held it does not */
        memset(v->held[h->index], 0, sizeof v->held[h->index]);
        return;
    }
    if (v->run[h->index] != h->run) {
        v->run[h->index] = h->run;
        v->begins = true;
        memset(v->held[h->index], 0, sizeof v->held[h->index]);
    }
    size_t alive = swim_alive_count(swim);
    if (!v->begins && alive == v->alive[h->index] && w->now_us - v->looked_us[h->index] < LOOK_US)
        return;
    v->looked = true;
    v->alive[h->index] = alive;
    v->looked_us[h->index] = w->now_us;
    for (uint32_t i = 0; i < w->hosts_count; i++)
        look_at(v, w, h->index, i, swim);
}

static void views_done(void *self) {
    struct views *v = self;
    VEC_DONE(&v->changes);
}

const struct checker observe_views = {
    .name = "views",
    .size = sizeof(struct views),
    .sees = SEES(SIGHT_STEP),
    .see = views_see,
    .done = views_done,
};

struct views *views_of(struct world *w) {
    return checker_self(w, &observe_views);
}
