/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * A leader that hears no majority steps down (CheckQuorum, Raft thesis 6.2): its clients learn that this side
 * has no quorum, and followers that hear it, but are not heard, are not kept from electing another. Whatever
 * a voter sends counts here as hearing it, so a leader that goes on with less is wrong for certain.
 */
#include "links.h"
#include "truth.h"

#define RESIGN_US (4 * US_PER_S) /* several times the longest election timeout that a run may have */

struct resign {
    struct office {
        int64_t since_us; /* in office, with this configuration */
        uint64_t term;
        size_t voters, voters_next;
    } hosts[HOSTS_MAX];
};
extern const struct checker check_resign;

static bool majority_heard(struct world *w, const struct sim_host *h, const struct raft_id *ids,
                           size_t ids_count) {
    const struct links *l = links_of(w);
    size_t count = 0;
    for (size_t i = 0; i < ids_count; i++) {
        const struct sim_host *voter = truth_host_of(w, ids[i].node);
        count += voter == NULL || voter == h || w->now_us - l->heard_us[h->index][voter->index] <= RESIGN_US;
    }
    return count > ids_count / 2;
}

static void resign_see(void *self, struct world *w, const struct sight *s) {
    struct office *o = &((struct resign *)self)->hosts[s->host->index];
    const struct raft *r = node_raft(s->host->node);
    if (r == NULL || raft_role(r) != RAFT_LEADER) {
        o->since_us = 0;
        return;
    }
    const struct wire_raft_config *c = raft_config_now(r);
    if (o->since_us == 0 || o->term != raft_term(r) || o->voters != c->voters_count ||
        o->voters_next != c->voters_next_count)
        *o = (struct office){.since_us = w->now_us,
                             .term = raft_term(r),
                             .voters = c->voters_count,
                             .voters_next = c->voters_next_count};
    int64_t up_us = links_of(w)->up_us[s->host->index];
    if (up_us == 0 || w->now_us - up_us <= RESIGN_US || w->now_us - o->since_us <= RESIGN_US)
        return;
    if (!majority_heard(w, s->host, c->voters, c->voters_count) ||
        (c->voters_next_count > 0 && !majority_heard(w, s->host, c->voters_next, c->voters_next_count)))
        check_fail(w, &check_resign, (int)s->host->index,
                   "h%u leads in term %llu and has not heard a majority for %lld s", s->host->index,
                   (unsigned long long)raft_term(r), (long long)(RESIGN_US / US_PER_S));
}

const struct checker check_resign = {
    .name = "check-quorum",
    .promise = "a leader that hears no majority steps down (Raft thesis 6.2)",
    .size = sizeof(struct resign),
    .sees = SEES(SIGHT_STEP),
    .see = resign_see,
};
