/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Commands that wait, expect and show. */
#include "play.h"

#define WITHIN_US (30 * US_PER_S)
#define SETTLE_US (120 * US_PER_S)

static void wait_for(struct play *p, const struct condition *c, int64_t within_us) {
    int64_t from = p->w->now_us, until = from + within_us;
    while (!p->failed && !c->holds(p, c)) {
        if (p->w->now_us >= until || p->w->heap.count == 0) {
            play_fail(p, "after %.1f s it is still not so", (double)within_us / 1e6);
            return;
        }
        if (c->is_slow)
            play_run(p, p->w->now_us + 100 * US_PER_MS);
        else if (!world_step(p->w))
            play_fail(p, "%s", p->w->failed ? p->w->failure : "nothing happens any more");
    }
    if (!p->failed)
        play_line(p, "%s, after %.1f s", c->text, (double)(p->w->now_us - from) / 1e6);
}

static void wait_word(struct play *p, struct words *w) {
    int64_t us = WITHIN_US;
    struct condition c;
    if (p->w == NULL) {
        play_fail(p, "`hosts N` comes first");
        return;
    }
    if (!words_take(w, "until")) {
        if (words_duration(p, w, &us))
            play_run(p, p->w->now_us + us);
        return;
    }
    if (condition_take(p, w, &c) && (!words_take(w, "within") || words_duration(p, w, &us)))
        wait_for(p, &c, us);
}

static void expect(struct play *p, struct words *w) {
    struct condition c;
    if (!condition_take(p, w, &c))
        return;
    if (c.holds(p, &c))
        play_line(p, "%s: yes", c.text);
    else
        play_fail(p, "it is not so");
}

static void remember(struct play *p, struct words *w) {
    const char *job = words_next(w);
    p->remembered.count = 0;
    for (uint32_t i = 0; p->w != NULL && i < p->w->hosts_count; i++)
        for (size_t k = 0; k < p->w->hosts[i].tasks.count; k++) {
            const struct sim_task *t = p->w->hosts[i].tasks.data[k];
            struct remembered r = {.host = i, .pid = t->pid};
            if (r.pid != 0 && (job == NULL || bytes_is(t->spec.job, job)))
                VEC_PUSH(&p->remembered, r);
        }
    play_text(p, "  %zu processes", p->remembered.count);
}

static void settle(struct play *p, struct words *w) {
    int64_t us = SETTLE_US, from = p->w->now_us;
    char text[256] = "";
    if (w->at < w->count && !words_duration(p, w, &us))
        return;
    p->w->core = (1u << p->w->hosts_count) - 1;
    if (!p->over)
        checkers_see(p->w, &(struct sight){.kind = SIGHT_FAULTS_OVER});
    p->over = true;
    while (!p->failed && p->w->now_us < from + us) {
        play_run(p, p->w->now_us + US_PER_S / 2);
        if (p->failed || !checkers_settled(p->w, text, sizeof text))
            continue;
        checkers_over(p->w);
        play_line(p, "settled after %.1f s", (double)(p->w->now_us - from) / 1e6);
        return;
    }
    play_fail(p, "not settled after %.0f s: %s", (double)us / 1e6, text);
}

bool play_ask(struct play *p, struct words *w) {
    static const struct {
        const char *name;
        void (*ask)(struct play *, struct words *);
    } table[] = {{"wait", wait_word},
                 {"expect", expect},
                 {"remember", remember},
                 {"settle", settle},
                 {"show", play_show}};
    const char *verb = words_next(w);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strcmp(verb, table[i].name) == 0) {
            table[i].ask(p, w);
            return true;
        }
    return false;
}
