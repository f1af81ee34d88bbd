/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Operators' words on a host, executed by the leader: drain it, take it out, announce its absence. Each is
 * one entry of the log, so it holds whoever leads; what follows from it is the business of reconcile,
 * voters.c, leader.c and away.c.
 *
 * A host that is taken out is given the status left first, as if it had asked for it itself: its vote goes by
 * a joint change and its instances are placed elsewhere, and only then it is forgotten. So a cluster never
 * loses a vote that it still counts. One that lives reads that in the log, and leaves.
 */
#include "internal.h"

#define FORGET_LIVE_US (120 * US_PER_S) /* for one that lives to leave by itself */

/* ---- what operators said stays, whatever the host says of itself ---- */

void node_words_take(struct wire_node_record *record, const struct wire_node_record *known) {
    record->vote = known != NULL ? known->vote : VOTE_RULE_AUTO;
    record->drain = known != NULL && known->drain;
    record->away_ms = known != NULL ? known->away_ms : 0;
    record->away_until_ms = known != NULL ? known->away_until_ms : 0;
    record->forget = known != NULL && known->forget;
}

/* ---- taking one out ---- */

static bool could_vote(const struct node *n, const struct wire_node_record *r) {
    return r->status == NODE_STATUS_READY && !r->drain && r->vote != VOTE_RULE_EXCLUDE &&
           node_alive(n, r->id);
}

static bool is_last_voter(const struct node *n, const struct wire_node_record *r) {
    const struct wire_raft_config *config = raft_config_now(n->raft);
    if (!raft_is_voter(n->raft, &(struct raft_id){.node = r->id, .log = r->log}))
        return false;
    for (size_t i = 0; i < config->voters_count; i++)
        if (!ID_EQUAL(config->voters[i].node, r->id))
            return false;
    for (size_t i = 0; i < state_nodes_count(n->state); i++) {
        const struct wire_node_record *other = state_node_at(n->state, i);
        if (!ID_EQUAL(other->id, r->id) && could_vote(n, other))
            return false;
    }
    return true;
}

static const char *forget_refused(struct node *n, const struct wire_node_record *r, bool force, int *error) {
    *error = ERR_CONFLICT;
    if (state_nodes_count(n->state) == 1)
        return "this is the only host of the cluster";
    if (is_last_voter(n, r))
        return arena_printf(&n->scratch, "%.*s has the only vote, and no other host is there to take it over",
                            BYTES_FMT(r->name));
    if (!force && node_alive(n, r->id))
        return arena_printf(&n->scratch,
                            "%.*s is alive: run `covey leave` there, or `covey nodes forget --force %.*s` if "
                            "that is not possible",
                            BYTES_FMT(r->name), BYTES_FMT(r->name));
    *error = 0;
    return NULL;
}

/* Leader, of a host that an operator has taken out: is it to be forgotten, once it has no vote? */
bool node_forget_is_due(struct node *n, const struct wire_node_record *r, bool alive) {
    struct leader_node *v = node_leader_node(n, r->id, true);
    if (!r->forget) {
        v->forget_since_us = 0;
        return false;
    }
    if (v->forget_since_us == 0)
        v->forget_since_us = n->now_us;
    return !alive || n->now_us - v->forget_since_us >= FORGET_LIVE_US;
}

/* ---- commands ---- */

static const struct wire_node_record *named(struct node *n, struct bytes name, const char **ret_why,
                                            int *error) {
    struct node_id id = {{0}};
    *error = node_find_named(n, name, &id);
    *ret_why = *error == 0               ? NULL
               : *error == ERR_NOT_FOUND ? "there is no such host"
                                         : "several hosts begin so";
    return *error == 0 ? state_node_find(n->state, id) : NULL;
}

static const char *drain_command(struct node *n, const struct wire_admin_drain *p, struct wire_command *c,
                                 int *error) {
    const char *why;
    const struct wire_node_record *r = named(n, p->node, &why, error);
    if (r == NULL)
        return why;
    if (r->status == NODE_STATUS_LEFT) {
        *error = ERR_CONFLICT;
        return arena_printf(&n->scratch, "%.*s leaves the cluster anyway", BYTES_FMT(r->name));
    }
    struct wire_cmd_node_drain *drain = arena_alloc(&n->scratch, sizeof *drain);
    *drain = (struct wire_cmd_node_drain){.id = r->id, .drain = !p->off};
    c->node_drain = drain;
    node_mark(n, MARK_NODE_DRAIN_ASKED);
    return NULL;
}

static const char *forget_command(struct node *n, const struct wire_admin_forget *p, struct wire_command *c,
                                  int *error) {
    const char *why;
    const struct wire_node_record *r = named(n, p->node, &why, error);
    if (r == NULL)
        return why;
    why = forget_refused(n, r, p->force, error);
    if (why != NULL)
        return why;
    struct wire_cmd_node_status *forget = arena_alloc(&n->scratch, sizeof *forget);
    *forget = (struct wire_cmd_node_status){.id = r->id, .status = NODE_STATUS_LEFT};
    c->node_forget = forget;
    node_mark(n, MARK_NODE_FORGET_ASKED);
    return NULL;
}

static const char *away_command(struct node *n, const struct wire_admin_away *p, struct wire_command *c,
                                int *error) {
    const char *why;
    const struct wire_node_record *r = named(n, p->node, &why, error);
    if (r == NULL)
        return why;
    if (p->for_ms > WIRE_AWAY_MAX) {
        *error = ERR_LIMIT;
        return "an absence is announced for one hour at most; for a longer one, `covey drain` the host";
    }
    if (r->status == NODE_STATUS_LEFT || r->status == NODE_STATUS_JOINING) {
        *error = ERR_CONFLICT;
        return arena_printf(&n->scratch, "%.*s is %s: there is nothing of it to be held", BYTES_FMT(r->name),
                            r->status == NODE_STATUS_LEFT ? "leaving the cluster" : "not ready yet");
    }
    struct wire_cmd_node_away *away = arena_alloc(&n->scratch, sizeof *away);
    *away = (struct wire_cmd_node_away){.id = r->id,
                                        .away_ms = p->for_ms,
                                        .until_ms = n->wall_ms + (int64_t)p->for_ms,
                                        .generation = r->generation};
    c->node_away = away;
    node_mark(n, MARK_NODE_AWAY_ANNOUNCED);
    return NULL;
}

bool node_host_word_is(struct bytes method) {
    return bytes_is(method, "drain") || bytes_is(method, "forget") || bytes_is(method, "away");
}

/* params: decoded. NULL, or why it is refused, with *error. */
const char *node_host_word(struct node *n, struct bytes method, const void *params, struct wire_command *c,
                           int *error) {
    if (bytes_is(method, "drain"))
        return drain_command(n, params, c, error);
    if (bytes_is(method, "forget"))
        return forget_command(n, params, c, error);
    return away_command(n, params, c, error);
}

const char *node_host_word_refused(int error) {
    if (error == ERR_NOT_FOUND)
        return "there is no such host any more";
    if (error == ERR_CONFLICT)
        return "the host has left, or its agent has begun anew, meanwhile";
    return err_str(error);
}

/* ---- told, on every host ---- */

static void away_told(struct node *n, const struct wire_cmd_node_away *c) {
    struct bytes name = node_name_of(n, c->id);
    struct instance_id none = {{0}};
    if (c->away_ms == 0)
        node_event(n, "node.away", c->id, none, "the announced absence of %.*s is over", BYTES_FMT(name));
    else
        node_event(n, "node.away", c->id, none, "%.*s is away as announced, for at most %llu s",
                   BYTES_FMT(name), (unsigned long long)((c->away_ms + 999) / 1000));
}

/* After the entry was applied and changed something. was_away: before it. */
void node_host_word_told(struct node *n, const struct wire_command *c, bool was_away) {
    struct instance_id none = {{0}};
    if (c->node_drain != NULL) {
        const struct wire_cmd_node_drain *d = c->node_drain;
        node_event(n, "node.drain", d->id, none,
                   d->drain ? "%.*s is drained: nothing new comes, what runs there moves"
                            : "%.*s is not drained any longer",
                   BYTES_FMT(node_name_of(n, d->id)));
    } else if (c->node_forget != NULL)
        node_event(n, "node.forget", c->node_forget->id, none, "%.*s is taken out by an operator",
                   BYTES_FMT(node_name_of(n, c->node_forget->id)));
    else if (c->node_away != NULL && was_away != (c->node_away->away_ms != 0))
        away_told(n, c->node_away);
}
