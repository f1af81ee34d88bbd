/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Nobody is replaced too early. A placement beside an instance that is still wanted, on a host that is held
 * unreachable, was planned when its leader had heard nothing from that host for replace_after, and had been
 * in office for as long. What it has heard is known here: the messages on members' streams that its agent
 * took. So a link that flaps starts nothing, as "heal-stable" sees to it that it stops nothing (partition
 * promise F1). Clocks may run fast by an eighth. What an operator drains is moved at once, seen or not.
 */
#include "check_matching.h"
#include "ledger.h"
#include "links.h"
#include "swarm.h"
#include "truth.h"

#define REPLACE_US       (3 * US_PER_S)
#define REPLACE_BATCH_US (600 * US_PER_S)

struct replace {
    int64_t ready_us[HOSTS_MAX]; /* in office since; 0: not */
};
extern const struct checker check_replace;

static int64_t patience_us(const struct world *w, const struct ledger_instance *i) {
    int64_t us = w->swarm != NULL && w->swarm->replace_ms > 0 ? w->swarm->replace_ms * US_PER_MS : REPLACE_US;
    if (i->type == JOB_TYPE_BATCH)
        us = REPLACE_BATCH_US;
    return us - us / 8 - 1000;
}

static void see_stand_in(const struct replace *r, struct world *w, const struct sight *s,
                         const struct ledger_instance *i) {
    const struct ledger *l = ledger_of(w);
    const struct ledger_instance *old = ledger_find(l, i->replaces);
    const struct wire_node_record *node = old != NULL ? state_node_find(truth_state(w), old->node) : NULL;
    const struct sim_host *host = old != NULL ? truth_host_of(w, old->node) : NULL;
    const struct entry_seen *seen = entry_find(w, s->entry->index, s->entry->term);
    uint32_t leader = s->host->index;
    bool planned_here = seen != NULL && raft_term(node_raft(s->host->node)) == s->entry->term;
    if (node == NULL || host == NULL || node->status != NODE_STATUS_UNREACHABLE || node->drain ||
        !planned_here)
        return;
    int64_t patience = patience_us(w, i), heard = links_of(w)->heard_us[leader][host->index];
    char id[ID_SHORT_SIZE];
    id_short(old->id.b, id);
    if (heard != 0 && heard < seen->at_us && seen->at_us - heard < patience)
        check_fail(w, &check_replace, (int)leader,
                   "h%u replaces %s on h%u %lld ms after it has heard from there", leader, id, host->index,
                   (long long)((seen->at_us - heard) / US_PER_MS));
    else if (r->ready_us[leader] != 0 && seen->at_us - r->ready_us[leader] < patience)
        check_fail(w, &check_replace, (int)leader, "h%u replaces %s on h%u %lld ms after its election",
                   leader, id, host->index, (long long)((seen->at_us - r->ready_us[leader]) / US_PER_MS));
}

static void replace_see(void *self, struct world *w, const struct sight *s) {
    struct replace *r = self;
    if (s->kind == SIGHT_AGENT_GONE || s->kind == SIGHT_STEP) {
        const struct raft *raft = s->kind == SIGHT_STEP ? node_raft(s->host->node) : NULL;
        int64_t *ready = &r->ready_us[s->host->index];
        if (raft == NULL || !raft_leader_ready(raft))
            *ready = 0;
        else if (*ready == 0)
            *ready = w->now_us;
        return;
    }
    const struct wire_cmd_plan *plan = s->command != NULL ? s->command->plan : NULL;
    for (size_t i = 0; plan != NULL && i < plan->places_count && !w->failed; i++) {
        const struct ledger_instance *placed = ledger_find(ledger_of(w), plan->places[i].instance);
        if (placed != NULL && placed->placed_index == s->entry->index && !ID_IS_ZERO(placed->replaces))
            see_stand_in(r, w, s, placed);
    }
}

const struct checker check_replace = {
    .name = "replace-after",
    .promise =
        "an instance is replaced only when its leader has heard nothing from its host for replace_after "
        "(partition promises 3.2, F1)",
    .size = sizeof(struct replace),
    .sees = SEES(SIGHT_APPLIED) | SEES(SIGHT_STEP) | SEES(SIGHT_AGENT_GONE),
    .see = replace_see,
};
