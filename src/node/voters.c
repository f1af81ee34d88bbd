/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Who votes. One voter with one or two hosts (two voters would be lost with either of them), three from the
 * third host on. Those who vote stay; a voter that left, or whose disk began a new life, or that is dead for
 * VOTER_DEAD_US while another host could take its place, is replaced. Every change is one joint change, and a
 * newcomer first catches up.
 */
#include "internal.h"

#define VOTERS_WANTED 3

static const struct wire_node_record *record_of(const struct node *n, const struct raft_id *voter) {
    return state_node_find(n->state, voter->node);
}

static bool usable(struct node *n, const struct wire_node_record *r) {
    return r->status == NODE_STATUS_READY && node_alive(n, r->id) && !ID_IS_ZERO(r->log);
}

/* A dead voter keeps its vote until it has been dead for long: taking it away makes nothing safer by itself.
 */
static bool voter_stays(struct node *n, const struct raft_id *voter) {
    const struct wire_node_record *r = record_of(n, voter);
    if (r == NULL || r->status == NODE_STATUS_LEFT)
        return false;
    if (!ID_EQUAL(r->log, voter->log))
        return false;
    if (node_alive(n, r->id))
        return true;
    struct leader_node *v = node_leader_node(n, r->id, true);
    return n->now_us - v->last_good_us < VOTER_DEAD_US;
}

struct voter_set {
    struct raft_id ids[WIRE_VOTERS_MAX];
    size_t count;
};

static bool set_has(const struct voter_set *set, struct node_id id) {
    for (size_t i = 0; i < set->count; i++)
        if (ID_EQUAL(set->ids[i].node, id))
            return true;
    return false;
}

static void set_add(struct voter_set *set, struct raft_id id) {
    if (set->count < WIRE_VOTERS_MAX && !set_has(set, id.node))
        set->ids[set->count++] = id;
}

static size_t hosts_staying(const struct node *n) {
    size_t count = 0;
    for (size_t i = 0; i < state_nodes_count(n->state); i++)
        if (state_node_at(n->state, i)->status != NODE_STATUS_LEFT)
            count++;
    return count;
}

/* The longest-standing usable host that does not vote yet. */
static const struct wire_node_record *next_candidate(struct node *n, const struct voter_set *set) {
    const struct wire_node_record *best = NULL;
    for (size_t i = 0; i < state_nodes_count(n->state); i++) {
        const struct wire_node_record *r = state_node_at(n->state, i);
        if (!usable(n, r) || set_has(set, r->id))
            continue;
        if (best == NULL || r->joined_ms < best->joined_ms)
            best = r;
    }
    return best;
}

static void voters_choose(struct node *n, const struct wire_raft_config *config, struct voter_set *set) {
    size_t wanted = hosts_staying(n) >= VOTERS_WANTED ? VOTERS_WANTED : 1;
    struct raft_id self = {.node = n->identity.id, .log = n->self.log};
    const struct wire_node_record *own = state_node_find(n->state, n->identity.id);
    if (own == NULL || own->status != NODE_STATUS_LEFT)
        set_add(set, self);
    for (size_t i = 0; i < config->voters_count; i++)
        if (set->count < wanted && voter_stays(n, &config->voters[i]))
            set_add(set, config->voters[i]);
    const struct wire_node_record *r;
    while (set->count < wanted && (r = next_candidate(n, set)) != NULL)
        set_add(set, (struct raft_id){.node = r->id, .log = r->log});
    /* Nobody can take the place of a dead one: it keeps it. */
    for (size_t i = 0; i < config->voters_count; i++) {
        const struct wire_node_record *old = record_of(n, &config->voters[i]);
        if (set->count < wanted && old != NULL && old->status != NODE_STATUS_LEFT &&
            ID_EQUAL(old->log, config->voters[i].log))
            set_add(set, config->voters[i]);
    }
}

static bool set_equal(const struct voter_set *set, const struct wire_raft_config *config) {
    if (set->count != config->voters_count)
        return false;
    for (size_t i = 0; i < set->count; i++) {
        bool found = false;
        for (size_t j = 0; j < config->voters_count; j++)
            found |= raft_id_equal(&set->ids[i], &config->voters[j]);
        if (!found)
            return false;
    }
    return true;
}

/* Hosts that took themselves for voters are sent the log until they have caught up, and with it the news. */
void node_voters_enlighten(struct node *n, struct raft_id id) {
    struct raft_progress_view progress;
    if (raft_progress(n->raft, &id, &progress))
        return;
    if (node_log_feed(n, &(struct raft_input){.kind = RAFT_TRACK, .peer = id}) == 0)
        VEC_PUSH(&n->enlightened, id);
}

static void enlightened_tick(struct node *n) {
    for (size_t i = n->enlightened.count; i-- > 0;) {
        struct raft_id id = n->enlightened.data[i];
        struct raft_progress_view progress;
        bool tracked = raft_progress(n->raft, &id, &progress);
        bool over = !tracked || progress.caught_up || !node_alive(n, id.node) || raft_is_voter(n->raft, &id);
        if (!over)
            continue;
        if (tracked && !raft_is_voter(n->raft, &id))
            (void)node_log_feed(n, &(struct raft_input){.kind = RAFT_UNTRACK, .peer = id});
        VEC_REMOVE(&n->enlightened, i);
    }
}

void node_voters_tick(struct node *n) {
    const struct wire_raft_config *config = raft_config_now(n->raft);
    enlightened_tick(n);
    if (config == NULL || config->voters_next_count > 0 || state_node_find(n->state, n->identity.id) == NULL)
        return;
    struct voter_set set = {.count = 0};
    voters_choose(n, config, &set);
    if (set.count == 0 || set_equal(&set, config))
        return;
    bool ready = true;
    for (size_t i = 0; i < set.count; i++) {
        struct raft_progress_view progress;
        if (raft_is_voter(n->raft, &set.ids[i]))
            continue;
        if (!raft_progress(n->raft, &set.ids[i], &progress)) {
            (void)node_log_feed(n, &(struct raft_input){.kind = RAFT_TRACK, .peer = set.ids[i]});
            ready = false;
        } else if (!progress.caught_up)
            ready = false;
    }
    if (!ready) {
        n->leader_tick_us = min_us(n->leader_tick_us, n->now_us + 50 * US_PER_MS);
        return;
    }
    struct raft_input in = {.kind = RAFT_CHANGE_VOTERS, .voters = set.ids, .voters_count = set.count};
    if (node_log_feed(n, &in) == 0)
        node_event(n, "voters.changed", n->identity.id, (struct instance_id){{0}},
                   "%zu voters from index %llu on", set.count, (unsigned long long)raft_last_index(n->raft));
}
