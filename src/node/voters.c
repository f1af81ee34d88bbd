/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Who votes: the leader looks at the hosts, voters_pick() says who should, and this brings it about. A
 * newcomer is first sent the log until it has caught up; then one joint change makes the whole difference.
 *
 * Leadership is moved off a host that leaves, that an operator excluded, or whose disk is slower than those
 * of a majority, before its vote goes: handing over takes a round trip, losing a leader an election.
 */
#include "internal.h"

#define VOTER_STABLE_US  (10 * US_PER_S) /* seen for so long before it gets a vote (hashicorp autopilot) */
#define VOTER_SETTLED_US (60 * US_PER_S) /* ... before a healthy voter gives way to it */
#define VOTER_LOST_US    (60 * US_PER_S) /* nobody waits any longer for a voter that is dead for so long */
#define VOTER_BEHIND_US  (30 * US_PER_S) /* a voter that is seen and behind for so long is slow */
#define HAND_OVER_US     (3 * US_PER_S)  /* between attempts to move leadership */
#define HAND_OVERS_MAX   3               /* then the change is made by this leader, removal included */
/* The own disk is slow when so many writes in a row, over so long, came later than a majority's. */
#define DISK_LATE_US     (100 * US_PER_MS)
#define DISK_LATE_MIN    10
#define DISK_LATE_FOR_US (5 * US_PER_S)

/* ---- what is known of the hosts ---- */

struct bytes node_zone_of(const struct wire_node_record *r) {
    for (size_t i = 0; i < r->meta_count; i++)
        if (bytes_is(r->meta[i].name, "zone"))
            return r->meta[i].value;
    for (size_t i = 0; i < r->attributes_count; i++)
        if (bytes_is(r->attributes[i].name, "zone"))
            return r->attributes[i].value;
    return (struct bytes){0};
}

static bool config_has(const struct wire_raft_config *config, const struct raft_id *id) {
    for (size_t i = 0; i < config->voters_count; i++)
        if (raft_id_equal(&config->voters[i], id))
            return true;
    return false;
}

/* Does the host vote under another life of its disk? Then it need not wait to vote under this one. */
static bool config_has_host(const struct wire_raft_config *config, struct node_id id) {
    for (size_t i = 0; i < config->voters_count; i++)
        if (ID_EQUAL(config->voters[i].node, id))
            return true;
    return false;
}

static bool disk_is_slow(const struct node *n) {
    const struct ticket_pair *oldest = n->raft_tickets.count > 0 ? &n->raft_tickets.data[0] : NULL;
    if (oldest != NULL && n->now_us - oldest->begun_us >= DISK_LATE_FOR_US &&
        raft_commit_index(n->raft) >= oldest->last_index)
        return true; /* it hangs */
    return n->disk_late_count >= DISK_LATE_MIN && n->now_us - n->disk_late_since_us >= DISK_LATE_FOR_US;
}

/* Behind for long: only of those whom the leader sends the log. */
static bool is_slow(struct node *n, struct leader_node *v, const struct raft_id *id) {
    struct raft_progress_view progress;
    if (raft_id_equal(id, &(struct raft_id){.node = n->identity.id, .log = n->self.log}))
        return disk_is_slow(n);
    bool behind = raft_progress(n->raft, id, &progress) && !progress.caught_up && node_alive(n, id->node);
    if (!behind)
        v->behind_since_us = 0;
    else if (v->behind_since_us == 0)
        v->behind_since_us = n->now_us;
    return behind && n->now_us - v->behind_since_us >= VOTER_BEHIND_US;
}

/* Such a log gets no vote back either: what else it forgot nobody knows. */
static bool has_forgotten(const struct node *n, const struct raft_id *id) {
    for (size_t i = 0; i < n->forgotten.count; i++)
        if (raft_id_equal(&n->forgotten.data[i], id))
            return true;
    return false;
}

static struct voter_candidate candidate_of(struct node *n, const struct wire_node_record *r,
                                           const struct wire_raft_config *config) {
    struct voter_candidate c = {.id = {.node = r->id, .log = r->log}, .zone = node_zone_of(r)};
    struct leader_node *v = node_leader_node(n, r->id, true);
    bool self = ID_EQUAL(r->id, n->identity.id), seen = self || node_alive(n, r->id);
    int64_t unseen_us = seen ? 0 : n->now_us - v->last_good_us;
    int64_t seen_us = seen ? n->now_us - v->seen_since_us : 0;
    c.joined_ms = r->joined_ms;
    c.flaps = v->flaps;
    c.rule = r->vote;
    c.voter = config_has(config, &c.id);
    c.self = self;
    c.gone = r->status == NODE_STATUS_LEFT;
    c.drained = r->drain;
    c.alive = seen && !ID_IS_ZERO(r->log) && (r->status == NODE_STATUS_READY || c.voter);
    c.dead = unseen_us >= VOTER_DEAD_US || has_forgotten(n, &c.id);
    c.lost = unseen_us >= VOTER_LOST_US;
    c.slow = is_slow(n, v, &c.id);
    c.stable = seen_us >= VOTER_STABLE_US || config_has_host(config, r->id);
    c.settled = seen_us >= VOTER_SETTLED_US;
    return c;
}

struct voter_candidate *node_voters_judge(struct node *n, const struct wire_raft_config *config,
                                          struct voters_pick *ret, size_t *ret_count) {
    size_t nodes = state_nodes_count(n->state), count = 0;
    struct voter_candidate *list =
        arena_alloc(&n->scratch, (nodes + config->voters_count + 1) * sizeof *list);
    for (size_t i = 0; i < nodes; i++)
        list[count++] = candidate_of(n, state_node_at(n->state, i), config);
    for (size_t i = 0; i < config->voters_count; i++) {
        const struct wire_node_record *r = state_node_find(n->state, config->voters[i].node);
        if (r != NULL && ID_EQUAL(r->log, config->voters[i].log))
            continue;
        /* No member any more, or a log that this member has no more. */
        struct voter_candidate *c = &list[count++];
        *c = (struct voter_candidate){.id = config->voters[i], .voter = true, .dead = true, .former = true};
        c->gone = r == NULL;
        if (r == NULL)
            continue;
        c->gone = r->status == NODE_STATUS_LEFT;
        c->drained = r->drain;
        c->rule = r->vote == VOTE_RULE_EXCLUDE ? VOTE_RULE_EXCLUDE : VOTE_RULE_AUTO;
        c->zone = node_zone_of(r);
    }
    voters_pick(list, count, ret);
    *ret_count = count;
    return list;
}

/* ---- the own disk ---- */

/*
 * A write of this host's log is done. Late: it took long, and all that was in it had been committed without
 * it, so a majority of the others is faster. Slow disks everywhere move no leadership.
 */
void node_voters_disk(struct node *n, const struct ticket_pair *done) {
    bool slow = n->now_us - done->begun_us >= DISK_LATE_US;
    if (!slow || n->leader_term == 0 || raft_commit_index(n->raft) < done->last_index) {
        n->disk_late_since_us = 0;
        n->disk_late_count = 0;
        return;
    }
    if (n->disk_late_count++ == 0)
        n->disk_late_since_us = n->now_us;
}

/* ---- moving leadership ---- */

static const struct voter_candidate *heir(struct node *n, const struct voter_candidate *list, size_t count) {
    const struct voter_candidate *best = NULL;
    uint64_t best_value = 0;
    for (size_t i = 0; i < count; i++) {
        const struct voter_candidate *c = &list[i];
        struct raft_progress_view progress = {0};
        if (!c->voter || !c->chosen || c->self || c->slow)
            continue;
        (void)raft_progress(n->raft, &c->id, &progress); /* a leader has every other voter's */
        if (!progress.caught_up || !node_alive(n, c->id.node))
            continue;
        uint64_t value = ID_EQUAL(c->id.node, n->heir_tried) ? 0 : progress.match_index;
        if (best != NULL && value <= best_value)
            continue;
        best = c;
        best_value = value;
    }
    return best;
}

/* true: leadership is on its way to another voter, who will do the rest. */
static bool hand_over(struct node *n, const struct voter_candidate *list, size_t count) {
    const struct voter_candidate *self = NULL;
    for (size_t i = 0; i < count; i++)
        if (list[i].self && list[i].voter)
            self = &list[i];
    if (self == NULL || n->shutting_down)
        return false;
    if (self->chosen && !self->slow) {
        n->hand_overs = 0;
        return false;
    }
    const struct voter_candidate *to = heir(n, list, count);
    if (to == NULL || n->hand_overs >= HAND_OVERS_MAX)
        return false;
    if (n->now_us < n->hand_over_at_us)
        return true;
    n->hand_over_at_us = n->now_us + HAND_OVER_US;
    n->hand_overs++;
    struct raft_input in = {.kind = RAFT_TRANSFER, .peer = to->id};
    if (node_log_feed(n, &in) != 0)
        return false;
    n->heir_tried = to->id.node;
    node_event(n, "leader.moves", to->id.node, (struct instance_id){{0}}, "leadership goes to %.*s: %s",
               BYTES_FMT(node_name_of(n, to->id.node)),
               self->slow ? "the disk of this host is slower than those of the other voters" : self->why);
    return true;
}

/* ---- telling hosts that they do not vote ---- */

/* Hosts that took themselves for voters are sent the log until they have caught up, and with it the news. */
void node_voters_enlighten(struct node *n, struct raft_id id) {
    struct raft_progress_view progress;
    if (raft_progress(n->raft, &id, &progress))
        return;
    if (node_log_feed(n, &(struct raft_input){.kind = RAFT_TRACK, .peer = id}) != 0)
        return;
    node_mark(n, MARK_NODE_ENLIGHTENED);
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

static bool is_enlightened(const struct node *n, const struct raft_id *id) {
    for (size_t i = 0; i < n->enlightened.count; i++)
        if (raft_id_equal(&n->enlightened.data[i], id))
            return true;
    return false;
}

/* ---- the change ---- */

/* Whether all that are to come have caught up; who is not to come any more is sent nothing more. */
static bool catch_up(struct node *n, const struct voter_candidate *list, size_t count) {
    bool ready = true;
    for (size_t i = 0; i < count; i++) {
        const struct voter_candidate *c = &list[i];
        struct raft_progress_view progress;
        if (c->voter)
            continue;
        bool tracked = raft_progress(n->raft, &c->id, &progress);
        if (!c->chosen && tracked && !is_enlightened(n, &c->id))
            (void)node_log_feed(n, &(struct raft_input){.kind = RAFT_UNTRACK, .peer = c->id});
        if (!c->chosen)
            continue;
        if (!tracked)
            (void)node_log_feed(n, &(struct raft_input){.kind = RAFT_TRACK, .peer = c->id});
        ready &= tracked && progress.caught_up;
    }
    return ready;
}

/*
 * No change is begun that may never end: a majority of the new set has the log here, under the very ids that
 * are to vote. To be seen is not enough: the disk of one that is seen may have begun a new life, of which
 * this leader has not been told.
 */
static bool can_finish(struct node *n, const struct voter_candidate *list, size_t count) {
    size_t chosen = 0, there = 0;
    for (size_t i = 0; i < count; i++) {
        const struct voter_candidate *c = &list[i];
        struct raft_progress_view progress;
        chosen += c->chosen;
        there += c->chosen && (c->self || (raft_progress(n->raft, &c->id, &progress) && progress.caught_up));
    }
    return there > chosen / 2;
}

static void change(struct node *n, const struct voter_candidate *list, size_t count) {
    struct raft_id ids[WIRE_VOTERS_MAX];
    size_t ids_count = 0, before = 0;
    for (size_t i = 0; i < count; i++) {
        before += list[i].voter;
        if (list[i].chosen)
            ids[ids_count++] = list[i].id;
    }
    struct raft_input in = {.kind = RAFT_CHANGE_VOTERS, .voters = ids, .voters_count = ids_count};
    if (node_log_feed(n, &in) !=
        0) { /* not yet: a newcomer has fallen behind, or another change is under way */
        n->leader_tick_us = min_us(n->leader_tick_us, n->now_us + 50 * US_PER_MS);
        return;
    }
    if (ids_count == before)
        node_mark(n, MARK_NODE_VOTER_REPLACED);
    for (size_t i = 0; i < count; i++)
        if (list[i].chosen != list[i].voter)
            node_event(n, "voters.changed", list[i].id.node, (struct instance_id){{0}},
                       "%.*s %s (%zu voters)", BYTES_FMT(node_name_of(n, list[i].id.node)),
                       list[i].chosen ? "votes from here on" : list[i].why, ids_count);
}

void node_voters_tick(struct node *n) {
    const struct wire_raft_config *config = raft_config_now(n->raft);
    enlightened_tick(n);
    if (config->voters_next_count > 0 || state_node_find(n->state, n->identity.id) == NULL ||
        !raft_is_voter(n->raft, &(struct raft_id){.node = n->identity.id, .log = n->self.log}))
        return;
    struct voters_pick pick;
    size_t count;
    struct voter_candidate *list = node_voters_judge(n, config, &pick, &count);
    bool differs = false;
    for (size_t i = 0; i < count; i++)
        differs |= list[i].chosen != list[i].voter;
    if (hand_over(n, list, count))
        return;
    if (!catch_up(n, list, count) || (differs && !can_finish(n, list, count)))
        n->leader_tick_us = min_us(n->leader_tick_us, n->now_us + 50 * US_PER_MS);
    else if (differs)
        change(n, list, count);
}
