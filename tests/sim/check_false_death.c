/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Nobody who is well is held dead by one who hears it. Two hosts that have both been up, not stopped, and
 * well connected to each other for LONG_PERIODS do not come to hold each other dead, whatever a third one
 * says that does not see one of them: each hears of the accusation from the other, and refutes it in time.
 * Nor does a host that was stopped for a while blame those who were well meanwhile: for PAUSE_PERIODS after
 * it goes on (or its network does) it declares nobody dead who has been well connected to it before and is
 * again.
 */
#include "links.h"
#include "views.h"

#define LONG_PERIODS   80
#define PAUSE_PERIODS  3 /* below the shortest suspicion, 4 */
#define REFUTE_PERIODS 20

struct false_death {
    int64_t resumed_us[HOSTS_MAX];
    int64_t pause_us[HOSTS_MAX]; /* its begin */
};
extern const struct checker check_false_death;

/* It is no member there, or has not been for long: whoever was taken out is not heard, and not told. */
static bool is_heard(struct world *w, uint32_t by, uint32_t at) {
    const struct view *v = &views_of(w)->held[at][by];
    return v->known && w->now_us - v->alive_us >= views_periods_us(w, REFUTE_PERIODS);
}

static void see_pause(struct false_death *f, struct world *w, const struct sight *s) {
    uint32_t h = s->host->index;
    if (s->kind == SIGHT_RESUMED)
        f->resumed_us[h] = w->now_us;
    else
        f->pause_us[h] = w->now_us;
}

/*
 * It was stopped, has just gone on, and the other one has been well all the time: connected to this one until
 * then and from then on, and to everybody else throughout.
 */
static bool blames(const struct false_death *f, struct world *w, uint32_t by, uint32_t of) {
    const struct links *l = links_of(w);
    int64_t long_us = views_periods_us(w, LONG_PERIODS), pause_us = f->pause_us[by];
    bool around = f->resumed_us[by] != 0 && l->good_us[by][of] == f->resumed_us[by] &&
                  l->good_until_us[by][of] == pause_us && pause_us - l->good_from_us[by][of] >= long_us;
    if (!around || w->now_us - f->resumed_us[by] >= views_periods_us(w, PAUSE_PERIODS))
        return false;
    for (uint32_t i = 0; i < w->hosts_count; i++)
        if (i != by && i != of && w->hosts[i].node != NULL &&
            !links_good(w, of, i, w->now_us - pause_us + long_us))
            return false;
    return true;
}

/*
 * It was stopped while it suspected the other one, who has been well and heard by everybody else meanwhile:
 * what refutes the suspicion waits at its door, and it has the time to take it in.
 */
static bool at_once(const struct false_death *f, struct world *w, uint32_t by, uint32_t of) {
    const struct links *l = links_of(w);
    int64_t well_us = w->now_us - f->pause_us[by] + views_periods_us(w, REFUTE_PERIODS);
    if (f->resumed_us[by] == 0 || l->good_us[by][of] != f->resumed_us[by] ||
        w->now_us - f->resumed_us[by] >= views_periods_us(w, 1) * 3 / 4)
        return false;
    if (w->now_us - f->resumed_us[of] <
        well_us) /* it was stopped, too: perhaps there is nobody else to tell */
        return false;
    for (uint32_t i = 0; i < w->hosts_count; i++)
        if (i != by && i != of && w->hosts[i].node != NULL && !links_good(w, of, i, well_us))
            return false;
    return true;
}

static void false_death_see(void *self, struct world *w, const struct sight *s) {
    struct false_death *f = self;
    if (s->kind != SIGHT_STEP) {
        see_pause(f, w, s);
        return;
    }
    const struct views *v = views_of(w);
    int64_t long_us = views_periods_us(w, LONG_PERIODS);
    for (size_t i = 0; i < v->changes.count && !w->failed; i++) {
        const struct view_change *c = &v->changes.data[i];
        bool dies = c->now.known && c->now.state == MEMBER_STATE_DEAD &&
                    (!c->old.known || c->old.state != MEMBER_STATE_DEAD);
        if (dies && links_good(w, c->by, c->of, long_us) && is_heard(w, c->by, c->of))
            check_fail(w, &check_false_death, (int)c->by,
                       "h%u holds h%u dead; both have been well for long, and hear each other", c->by, c->of);
        else if (dies && (blames(f, w, c->by, c->of) || at_once(f, w, c->by, c->of)))
            check_fail(w, &check_false_death, (int)c->by, "h%u was stopped, and holds h%u dead for it", c->by,
                       c->of);
    }
}

const struct checker check_false_death = {
    .name = "swim-false-death",
    .promise = "nobody who is well and well connected is held dead, not by one who was stopped either (SWIM "
               "4.2, Lifeguard IV)",
    .size = sizeof(struct false_death),
    .sees = SEES(SIGHT_STEP) | SEES(SIGHT_PAUSED) | SEES(SIGHT_RESUMED),
    .see = false_death_see,
};
