/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Leaving on purpose. The leader marks the host as left: its vote goes, its instances are placed elsewhere
 * and stopped here. When nothing is left here, gossip tells everybody and the agent ends. The leader then
 * forgets the host.
 *
 * Once the log says that a host has left there is no way back, so an agent that finds that in its state,
 * after a restart in the middle of it for one, goes on where it was.
 */
#include "internal.h"

#define LEAVE_RETRY_US (500 * US_PER_MS)
#define LEAVE_WAIT_US  (120 * US_PER_S)
#define LEAVE_TELL_US  (5 * US_PER_S)

static size_t others_staying(const struct node *n, struct node_id id) {
    size_t count = 0;
    for (size_t i = 0; i < state_nodes_count(n->state); i++) {
        const struct wire_node_record *r = state_node_at(n->state, i);
        count += !ID_EQUAL(r->id, id) && r->status != NODE_STATUS_LEFT;
    }
    return count;
}

void node_leave_asked(struct node *n, struct node_id id) {
    const struct wire_node_record *r = state_node_find(n->state, id);
    if (!node_is_leader(n) || r == NULL || r->status == NODE_STATUS_LEFT || others_staying(n, id) == 0)
        return;
    struct wire_cmd_node_status change = {.id = id, .status = NODE_STATUS_LEFT};
    (void)node_propose(n, &(struct wire_command){.node_status = &change}, NULL);
    n->leader_tick_us = n->now_us;
    node_log_drain(n);
}

void node_leave_request(struct node *n, uint64_t request) {
    if (others_staying(n, n->identity.id) == 0) {
        node_reply_error(n, request, ERR_INVALID,
                         "this is the only host of the cluster: stop the agent instead; its tasks go on");
        return;
    }
    if (n->leave != LEAVE_NONE) {
        node_reply_error(n, request, ERR_EXISTS, "this host is leaving already");
        return;
    }
    n->leave = LEAVE_ASKED;
    n->leave_request = request;
    n->leave_at_us = n->now_us;
    n->leave_deadline_us = n->now_us + LEAVE_WAIT_US;
    node_say(n, NODE_INFO, "leaving: asking the leader to move this host's instances and its vote");
}

static bool config_has(const struct wire_raft_config *c, const struct raft_id *id) {
    bool has = false;
    for (size_t i = 0; i < c->voters_count; i++)
        has |= raft_id_equal(&c->voters[i], id);
    for (size_t i = 0; i < c->voters_next_count; i++)
        has |= raft_id_equal(&c->voters_next[i], id);
    return has;
}

/*
 * A configuration without this host's vote counts when it is committed: until then the others may need this
 * vote to go on, and one that had left would never give it.
 */
static bool votes(const struct node *n) {
    struct raft_id self = {.node = n->identity.id, .log = n->self.log};
    return config_has(raft_config_now(n->raft), &self) ||
           config_has(raft_config_at(n->raft, raft_commit_index(n->raft)), &self);
}

static bool anything_left(struct node *n) {
    const struct wire_node_record *r = state_node_find(n->state, n->identity.id);
    if (r != NULL && r->status != NODE_STATUS_LEFT)
        return true;
    if (votes(n))
        return true;
    for (size_t i = 0; i < n->instances.count; i++) {
        const struct local_instance *local = n->instances.entries[i].value;
        const struct wire_instance_record *known = state_instance_find(n->state, local->id);
        if (known != NULL && state_instance_live(known))
            return true;
    }
    return false;
}

static void leave_ask(struct node *n) {
    struct node_id leader;
    n->leave_at_us = n->now_us + LEAVE_RETRY_US;
    if (!node_leader_id(n, &leader))
        return;
    if (!ID_EQUAL(leader, n->identity.id)) {
        struct wire_leave_request request = {.id = n->identity.id};
        node_peer_send(n, leader, &(struct wire_peer_message){.leave = &request});
        return;
    }
    node_leave_asked(n, n->identity.id);
}

static void leave_finish(struct node *n, int error, const char *text) {
    if (n->leave_request != 0) {
        if (error == 0)
            node_reply(n, n->leave_request, &wire_empty_type, &(struct wire_empty){0});
        else
            node_reply_error(n, n->leave_request, error, "%s", text);
    }
    n->leave_request = 0;
}

/* Of this life of its disk: an old part of the log, not passed yet, may tell how an earlier one left. */
static bool is_committed(const struct node *n) {
    const struct wire_node_record *r = state_node_find(n->state, n->identity.id);
    return r != NULL && r->status == NODE_STATUS_LEFT && ID_EQUAL(r->log, n->self.log);
}

/*
 * What runs here must have been found before it can be said that nothing is left, and somebody must be there
 * to be told. Not for ever: the others may have forgotten this host, and hear nothing it says.
 */
static void leave_resume(struct node *n) {
    struct node_id leader;
    if (n->leave != LEAVE_NONE || !n->scan_done || n->disk_failed || !is_committed(n))
        return;
    if (!node_leader_id(n, &leader) && n->now_us - n->started_us < BOOT_GRACE_US)
        return;
    n->leave = LEAVE_ASKED;
    n->leave_at_us = n->now_us;
    n->leave_deadline_us = n->now_us + LEAVE_WAIT_US;
    node_say(n, NODE_INFO, "the log says that this host has left: its agent ends when nothing is left here");
}

/* Others may have forgotten this host meanwhile: then nobody tells it any more what became of its instances.
 */
static void leave_late(struct node *n) {
    n->leave_deadline_us = n->now_us + LEAVE_WAIT_US;
    leave_finish(n, ERR_TIMEOUT,
                 "this host has left, but its instances or its vote are not moved yet; its agent ends when "
                 "they are");
    node_say(
        n, NODE_WARNING,
        "this host has left the cluster, but nobody confirms that its instances and its vote were moved. "
        "If the other hosts do not list it any more, stop this agent and remove its data directory; "
        "what runs here goes on running until then");
}

void node_leave_tick(struct node *n) {
    if (n->swim == NULL)
        return;
    leave_resume(n);
    if (n->leave == LEAVE_NONE || n->now_us < n->leave_at_us)
        return;
    if (n->leave == LEAVE_ASKED && anything_left(n)) {
        if (n->now_us >= n->leave_deadline_us && is_committed(n))
            leave_late(n);
        if (n->now_us >= n->leave_deadline_us) {
            leave_finish(
                n, ERR_TIMEOUT,
                "the leader did not take this host out in time: is there a quorum? It stays a member");
            n->leave = LEAVE_NONE;
        } else
            leave_ask(n);
        return;
    }
    if (n->leave == LEAVE_ASKED) {
        n->leave = LEAVE_TELLING;
        n->leave_deadline_us = n->now_us + LEAVE_TELL_US;
        node_gossip_feed(n, &(struct swim_input){.kind = SWIM_LEAVE});
    }
    n->leave_at_us = n->now_us + 50 * US_PER_MS;
    if (!swim_leave_done(n->swim) && n->now_us < n->leave_deadline_us)
        return;
    leave_finish(n, 0, "");
    node_say(n, NODE_INFO, "this host has left the cluster");
    struct node_effect *e = node_emit(n, NODE_EXIT);
    e->text = bytes_str("left the cluster");
    n->exited = true;
}

int64_t node_leave_deadline(const struct node *n) {
    return n->leave == LEAVE_NONE || n->swim == NULL ? TIME_NEVER_US : n->leave_at_us;
}
