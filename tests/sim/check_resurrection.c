/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The dead stay dead, and nobody has one incarnation twice. What a host holds of another never goes back to
 * an older incarnation while its agent runs; who is gone, and held dead, is not alive again on the word of
 * others once all that was on its way has come, PASSED_US after it had gone; and each start of an agent uses
 * a later generation than all before it, unless its disk has forgotten it.
 */
#include "links.h"
#include "truth.h"
#include "views.h"

#define PASSED_US (75 * US_PER_S) /* a datagram may come a minute late */

struct resurrection {
    uint32_t used[HOSTS_MAX];    /* generation of the last run that gossiped */
    bool damaged[HOSTS_MAX];     /* its disk was lost or damaged since the last start of its agent */
    bool forgotten[HOSTS_MAX];   /* the same, before a start since the last run that gossiped */
    uint64_t removed[HOSTS_MAX]; /* log index at which it was last taken out */
    uint64_t applied[HOSTS_MAX]; /* by each host when its table was last looked at */
};
extern const struct checker check_resurrection;

/* Since its table was last looked at, to be learnt of anew. */
static bool was_dropped(const struct resurrection *r, const struct world *w, const struct view_change *c) {
    uint64_t removed = r->removed[c->of];
    return r->applied[c->by] < removed && removed <= state_index(node_state(w->hosts[c->by].node));
}

static void see_change(const struct resurrection *r, struct world *w, const struct view_change *c) {
    bool back = c->old.known && c->now.known && !was_dropped(r, w, c) &&
                (c->now.generation < c->old.generation ||
                 (c->now.generation == c->old.generation && c->now.version < c->old.version));
    bool risen = c->old.known && c->old.state == MEMBER_STATE_DEAD && c->now.known &&
                 c->now.state == MEMBER_STATE_ALIVE;
    int64_t down_us = links_of(w)->down_us[c->of];
    if (back)
        check_fail(w, &check_resurrection, (int)c->by,
                   "h%u goes back to an older incarnation of h%u: from (%u, %u) to (%u, %u)", c->by, c->of,
                   c->old.generation, c->old.version, c->now.generation, c->now.version);
    else if (risen && down_us != 0 && w->now_us - down_us > PASSED_US && links_steady(w, c->by, PASSED_US))
        check_fail(w, &check_resurrection, (int)c->by,
                   "h%u holds h%u alive again, which has been gone for %lld s", c->by, c->of,
                   (long long)((w->now_us - down_us) / US_PER_S));
}

static void see_begin(struct resurrection *r, struct world *w, const struct sim_host *h) {
    struct swim_member m;
    uint32_t i = h->index;
    if (!swim_member_find(node_swim(h->node), node_self(h->node), &m))
        return;
    if (m.generation <= r->used[i] && !r->forgotten[i])
        check_fail(w, &check_resurrection, (int)i, "h%u gossips with generation %u and has used %u", i,
                   m.generation, r->used[i]);
    r->used[i] = m.generation;
    r->forgotten[i] = false;
}

static void resurrection_see(void *self, struct world *w, const struct sight *s) {
    struct resurrection *r = self;
    const struct views *v = views_of(w);
    if (s->kind == SIGHT_AGENT_START) { /* it has read its disk */
        r->applied[s->host->index] = 0;
        r->forgotten[s->host->index] |= r->damaged[s->host->index];
        r->damaged[s->host->index] = false;
        return;
    }
    if (s->kind == SIGHT_COMMIT) {
        const struct wire_cmd_node_status *c = s->command != NULL ? s->command->node_remove : NULL;
        const struct sim_host *h = c != NULL ? truth_host_of(w, c->id) : NULL;
        if (h != NULL)
            r->removed[h->index] = s->entry->index;
        return;
    }
    if (s->kind != SIGHT_STEP) {
        r->damaged[s->host->index] = true;
        return;
    }
    if (v->begins)
        see_begin(r, w, s->host);
    for (size_t i = 0; i < v->changes.count && !w->failed; i++)
        see_change(r, w, &v->changes.data[i]);
    if (v->looked)
        r->applied[s->host->index] = state_index(node_state(s->host->node));
}

const struct checker check_resurrection = {
    .name = "swim-resurrection",
    .promise = "incarnations only grow, over restarts too, and the dead do not rise by themselves (SWIM 4.2; "
               "memberlist #311, al8n/memberlist #197)",
    .size = sizeof(struct resurrection),
    .sees = SEES(SIGHT_STEP) | SEES(SIGHT_AGENT_START) | SEES(SIGHT_COMMIT) | SEES(SIGHT_DISK_LOST) |
            SEES(SIGHT_DISK_FAULT),
    .see = resurrection_see,
};
