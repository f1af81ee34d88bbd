/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "links.h"

#define LOSS_MAX     10000 /* millionths: one in a hundred is still a good link */
#define DELAY_MAX_US (50 * US_PER_MS)

static bool link_good(const struct world *w, uint32_t from, uint32_t to) {
    const struct sim_link *l = &w->link[from][to];
    return !network_stream_blocked(w, from, to) && l->loss <= LOSS_MAX && l->late == 0 &&
           l->min_us + l->mean_us <= DELAY_MAX_US;
}

static bool host_well(const struct sim_host *h) { return h->node != NULL && !h->paused && !h->suspended; }

static void since(int64_t *at_us, bool holds, int64_t now_us) {
    if (!holds)
        *at_us = 0;
    else if (*at_us == 0)
        *at_us = now_us;
}

static void good_ends(struct links *l, const struct world *w, uint32_t a, uint32_t b) {
    if (l->good_us[a][b] == 0)
        return;
    l->good_from_us[a][b] = l->good_us[a][b];
    l->good_until_us[a][b] = w->now_us;
    l->good_us[a][b] = 0;
}

static void look(struct links *l, const struct world *w) {
    for (uint32_t a = 0; a < w->hosts_count; a++) {
        const struct sim_host *h = &w->hosts[a];
        since(&l->up_us[a], host_well(h), w->now_us);
        since(&l->down_us[a], h->node == NULL, w->now_us);
        for (uint32_t b = 0; b < w->hosts_count; b++) {
            if (a == b)
                continue;
            bool pass = link_good(w, a, b) && link_good(w, b, a);
            bool is_good = pass && host_well(h) && host_well(&w->hosts[b]);
            if (!is_good)
                good_ends(l, w, a, b);
            since(&l->good_us[a][b], is_good, w->now_us);
        }
    }
}

/* A stream that the join secret has opened says nothing of who lives. */
static void hear(struct links *l, const struct world *w, const struct sight *s) {
    const struct sim_host *h = s->host;
    for (size_t i = w->streams.count; i-- > 0;) {
        const struct sim_stream *stream = w->streams.data[i];
        for (unsigned side = 0; side < 2; side++)
            if (stream->host[side] == h->index && stream->run[side] == h->run &&
                stream->name[side] == s->input->stream && stream->key_id != 0) {
                l->heard_us[h->index][stream->host[1 - side]] = w->now_us;
                return;
            }
    }
}

static void links_see(void *self, struct world *w, const struct sight *s) {
    struct links *l = self;
    if (s->kind == SIGHT_INPUT) {
        if (s->input->kind == NODE_STREAM_MESSAGE)
            hear(l, w, s);
        return;
    }
    look(l, w);
    if (s->kind != SIGHT_AGENT_GONE)
        return;
    uint32_t gone = s->host->index; /* its node is still there to be looked at */
    l->up_us[gone] = 0;
    l->down_us[gone] = w->now_us;
    for (uint32_t i = 0; i < w->hosts_count; i++) {
        good_ends(l, w, gone, i);
        good_ends(l, w, i, gone);
    }
}

const struct checker observe_links = {
    .name = "links",
    .size = sizeof(struct links),
    .sees = SEES(SIGHT_INPUT) | SEES(SIGHT_NETWORK) | SEES(SIGHT_AGENT_START) | SEES(SIGHT_AGENT_GONE) |
            SEES(SIGHT_POWER_CUT) | SEES(SIGHT_PAUSED) | SEES(SIGHT_RESUMED) | SEES(SIGHT_FAULTS_OVER),
    .see = links_see,
};

struct links *links_of(struct world *w) {
    return checker_self(w, &observe_links);
}

bool links_good(struct world *w, uint32_t a, uint32_t b, int64_t for_us) {
    int64_t at_us = links_of(w)->good_us[a][b];
    return at_us != 0 && w->now_us - at_us >= for_us;
}

bool links_steady(struct world *w, uint32_t host, int64_t for_us) {
    const struct links *l = links_of(w);
    if (l->up_us[host] == 0 || w->now_us - l->up_us[host] < for_us)
        return false;
    for (uint32_t i = 0; i < w->hosts_count; i++)
        if (i != host && w->hosts[i].node != NULL && !links_good(w, host, i, for_us))
            return false;
    return true;
}
