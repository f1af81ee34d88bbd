/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* What `covey voters` shows: who votes, why, and what may be lost. */
#include "internal.h"

struct votes {
    uint32_t voters, live, quorum;
};

static struct bytes voter_zone(const struct node *n, const struct raft_id *id) {
    const struct wire_node_record *r = state_node_find(n->state, id->node);
    return r != NULL ? node_zone_of(r) : (struct bytes){0};
}

/* Of a host that was re-seeded the old vote does not count. */
static bool voter_live(const struct node *n, const struct raft_id *id) {
    const struct wire_node_record *r = state_node_find(n->state, id->node);
    bool seen = ID_EQUAL(id->node, n->identity.id) || node_alive(n, id->node);
    return seen && (r == NULL || ID_EQUAL(r->log, id->log));
}

static struct votes votes_of(const struct node *n, const struct wire_raft_config *config) {
    struct votes v = {.voters = (uint32_t)config->voters_count};
    for (size_t i = 0; i < config->voters_count; i++)
        v.live += voter_live(n, &config->voters[i]);
    v.quorum = v.voters / 2 + 1;
    return v;
}

/* The zone whose loss would stop writes; false: none, *ret_zones_count zones hold voters. */
static bool zone_that_matters(const struct node *n, const struct wire_raft_config *config,
                              const struct votes *v, struct bytes *ret_zone, size_t *ret_zones_count) {
    bool found = false;
    *ret_zones_count = 0;
    for (size_t i = 0; i < config->voters_count; i++) {
        struct bytes zone = voter_zone(n, &config->voters[i]);
        uint32_t inside = 0;
        bool first = true;
        for (size_t k = 0; k < config->voters_count; k++) {
            if (!bytes_equal(voter_zone(n, &config->voters[k]), zone))
                continue;
            first &= k >= i;
            inside += voter_live(n, &config->voters[k]);
        }
        if (!first || zone.size == 0)
            continue;
        ++*ret_zones_count;
        if (!found && v->live - inside < v->quorum) {
            found = true;
            *ret_zone = zone;
        }
    }
    return found;
}

static bool has_rules(const struct node *n) {
    for (size_t i = 0; i < state_nodes_count(n->state); i++)
        if (state_node_at(n->state, i)->vote != VOTE_RULE_AUTO)
            return true;
    return false;
}

/*
 * Two voters come about by an operator's word alone: two are pinned, and nobody else may vote. That is
 * obeyed, but he should know that one of them alone would be safer.
 */
static const char *none_may_be_lost(struct node *n, const struct votes *v) {
    static const char *const text = "no voter may be lost: the next loss stops writes";
    if (v->voters != 2)
        return text;
    return arena_printf(&n->scratch,
                        "%s, whichever of the two it is, where of one voter only its own would%s", text,
                        has_rules(n) ? "; let a third host vote, or one of the two no more "
                                       "(`covey voters auto` or `exclude`)"
                                     : "");
}

const char *node_voters_text(struct node *n, const struct wire_raft_config *config) {
    struct votes v = votes_of(n, config);
    struct bytes zone = {0};
    size_t zones;
    if (v.live < v.quorum)
        return arena_printf(&n->scratch,
                            "writes wait: %u of %u voters are seen, %u are needed; what runs goes on running",
                            v.live, v.voters, v.quorum);
    if (v.voters == 1 && state_nodes_count(n->state) == 2)
        return arena_printf(
            &n->scratch,
            "two hosts have one voter: writes stop while %.*s is away, and go on while the other "
            "one is; a third host makes the cluster survive the loss of any one",
            BYTES_FMT(node_name_of(n, config->voters[0].node)));
    if (v.voters == 1)
        return arena_printf(&n->scratch, "one voter: writes stop while %.*s is away",
                            BYTES_FMT(node_name_of(n, config->voters[0].node)));
    uint32_t survives = v.live - v.quorum;
    const char *hosts = survives == 0   ? none_may_be_lost(n, &v)
                        : survives == 1 ? "any one host may be lost"
                                        : arena_printf(&n->scratch, "any %u hosts may be lost", survives);
    bool matters = zone_that_matters(n, config, &v, &zone, &zones);
    if (zones < 2)
        return hosts;
    if (matters)
        return arena_printf(&n->scratch, "%s; the loss of zone %.*s stops writes", hosts, BYTES_FMT(zone));
    return arena_printf(&n->scratch, "%s; so may any one zone", hosts);
}

static void host_view(struct node *n, const struct voter_candidate *c, struct wire_admin_voter_host *o) {
    struct raft_progress_view progress = {.caught_up = true};
    struct node_id leader = {{0}};
    struct swim_member m;
    (void)node_leader_id(n, &leader);
    *o = (struct wire_admin_voter_host){.id = c->id.node,
                                        .name = node_name_of(n, c->id.node),
                                        .zone = c->zone,
                                        .state = MEMBER_STATE_DEAD,
                                        .voter = c->voter,
                                        .coming = c->chosen && !c->voter,
                                        .leader = c->self && ID_EQUAL(leader, c->id.node),
                                        .vote = c->rule};
    if (node_member(n, c->id.node, &m))
        o->state = m.state;
    if (c->self)
        o->state = MEMBER_STATE_ALIVE;
    else if (raft_progress(n->raft, &c->id, &progress) && raft_commit_index(n->raft) > progress.match_index)
        o->lag = raft_commit_index(n->raft) - progress.match_index;
    o->caught_up = progress.caught_up;
    const struct leader_node *v = node_leader_node(n, c->id.node, false);
    if (v != NULL && v->was_alive)
        o->seen_ms = (uint64_t)(n->now_us - v->seen_since_us) / 1000;
    o->why = bytes_str(c->why);
}

/* What a host that does not lead knows by itself. */
static void hosts_seen(struct node *n, const struct wire_raft_config *config, struct wire_admin_voters *r) {
    size_t nodes = state_nodes_count(n->state);
    r->hosts = arena_alloc(&n->scratch, (nodes + 1) * sizeof *r->hosts);
    for (size_t i = 0; i < nodes; i++) {
        const struct wire_node_record *record = state_node_at(n->state, i);
        struct voter_candidate c = {.id = {.node = record->id, .log = record->log},
                                    .zone = node_zone_of(record),
                                    .rule = record->vote};
        c.self = ID_EQUAL(record->id, n->identity.id);
        for (size_t k = 0; k < config->voters_count; k++)
            c.voter |= raft_id_equal(&config->voters[k], &c.id);
        c.chosen = c.voter;
        c.why = c.voter ? "votes" : "no vote";
        host_view(n, &c, &r->hosts[r->hosts_count++]);
    }
}

void node_voters_view(struct node *n, struct wire_admin_voters *ret) {
    const struct wire_raft_config *config = raft_config_now(n->raft);
    struct votes v = votes_of(n, config);
    *ret = (struct wire_admin_voters){.voters = v.voters,
                                      .survives = v.live >= v.quorum ? v.live - v.quorum : 0,
                                      .changing = config->voters_next_count > 0,
                                      .text = bytes_str(node_voters_text(n, config))};
    node_freshness(n, &ret->freshness);
    if (!node_in_office(n)) {
        ret->wanted = voters_wanted(state_nodes_count(n->state), config->voters_count);
        hosts_seen(n, config, ret);
        return;
    }
    ret->leader_name = node_name_of(n, n->identity.id);
    struct voters_pick pick;
    size_t count;
    const struct voter_candidate *list = node_voters_judge(n, config, &pick, &count);
    ret->wanted = pick.wanted;
    ret->hosts = arena_alloc(&n->scratch, (count + 1) * sizeof *ret->hosts);
    for (size_t i = 0; i < count; i++)
        host_view(n, &list[i], &ret->hosts[ret->hosts_count++]);
}
