/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * When the faults are over the healed hosts become one again: each is a member, has the same log applied and
 * the same state, one of them leads, and each sees the others alive and nobody alive who is not.
 */
#include <stdio.h>

#include "truth.h"

static bool sees_core(struct world *w, const struct sim_host *h, char *text, size_t size) {
    const struct swim *swim = node_swim(h->node);
    for (uint32_t i = 0; i < w->hosts_count; i++) {
        struct swim_member m;
        const struct sim_host *other = &w->hosts[i];
        const struct truth_host *known = &truth_of(w)->hosts[i];
        bool found = swim != NULL && known->known && swim_member_find(swim, known->id, &m);
        bool alive = found && m.state == MEMBER_STATE_ALIVE;
        bool down = other->node == NULL;
        if (truth_in_core(w, i) && !alive) {
            snprintf(text, size, "h%u does not see h%u alive", h->index, i);
            return false;
        }
        if (down && found && (m.state == MEMBER_STATE_ALIVE || m.state == MEMBER_STATE_SUSPECT)) {
            snprintf(text, size, "h%u sees h%u, which is down, alive", h->index, i);
            return false;
        }
    }
    return true;
}

static bool settled(void *self, struct world *w, char *text, size_t size) {
    (void)self;
    const struct truth *t = truth_of(w);
    bool led = false;
    for (uint32_t i = 0; i < w->hosts_count; i++) {
        struct sim_host *h = &w->hosts[i];
        if (!truth_in_core(w, i))
            continue;
        if (h->node == NULL || node_raft(h->node) == NULL) {
            snprintf(text, size, "h%u is not a member", i);
            return false;
        }
        led |= raft_leader_ready(node_raft(h->node));
        uint64_t applied = state_index(node_state(h->node));
        if (applied != t->committed.count) {
            snprintf(text, size, "h%u has applied %llu, %zu are committed", i, (unsigned long long)applied,
                     t->committed.count);
            return false;
        }
        if (state_node_find(t->state, node_self(h->node)) == NULL) {
            snprintf(text, size, "h%u is not in the table", i);
            return false;
        }
        if (!sees_core(w, h, text, size))
            return false;
    }
    if (!led)
        snprintf(text, size, "nobody leads");
    return led;
}

const struct checker check_settled = {
    .name = "convergence",
    .promise =
        "after the last fault the healed hosts have one leader, one log, one state and one view of who "
        "is there",
    .size = 1,
    .settled = settled,
};
