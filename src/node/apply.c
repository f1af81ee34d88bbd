/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Committed entries into the state, and what their changes mean for this host. */
#include "internal.h"

/* What state_apply() is about to do, as far as its result does not tell. */
static void apply_marks(struct node *n, const struct wire_command *c) {
    struct state_result known;
    if (c == NULL)
        return;
    if (!ID_IS_ZERO(c->request) && state_request_find(n->state, c->request, &known))
        node_mark(n, MARK_STATE_REQUEST_KNOWN);
    for (size_t i = 0; c->report != NULL && i < c->report->facts_count; i++)
        if (c->report->facts[i].gone)
            node_mark(n, MARK_STATE_STOP_ACKNOWLEDGED);
}

static bool is_away(const struct node *n, struct node_id id) {
    const struct wire_node_record *r = state_node_find(n->state, id);
    return r != NULL && r->away_ms != 0;
}

void node_apply_entry(struct node *n, const struct wire_raft_entry *entry) {
    if (entry->index <= n->applied_index || n->format_wanted != 0)
        return;
    struct state_result result = {0};
    struct wire_command command;
    struct codec_fault fault;
    bool decoded = false;
    n->applied_us = n->now_us;
    if (entry->kind == ENTRY_KIND_COMMAND) {
        decoded = codec_decode(&wire_command_type, entry->data, &n->scratch, &command, &fault) == 0;
        if (!node_format_known(n, entry, decoded ? &command : NULL, &fault))
            return;
    }
    node_proofs_entry(n, entry);
    apply_marks(n, decoded ? &command : NULL);
    struct bytes gone = {0}; /* its name goes with it */
    if (decoded && command.node_remove != NULL)
        gone = arena_copy(&n->scratch, node_name_of(n, command.node_remove->id));
    bool was_away = decoded && command.node_away != NULL && is_away(n, command.node_away->id);
    state_apply(n->state, entry->index, decoded ? &command : NULL, &result);
    if (result.refused_count > 0)
        node_mark(n, command.plan != NULL ? MARK_STATE_PLAN_REFUSED : MARK_STATE_FACT_OLD);
    if (decoded && result.error == 0 && result.changed && result.index == entry->index)
        node_host_word_told(n, &command, was_away);
    if (gone.size > 0 && result.error == 0)
        node_event(n, "node.gone", command.node_remove->id, (struct instance_id){{0}},
                   "%.*s is no member any longer", BYTES_FMT(gone));
    n->applied_index = entry->index;
    node_snapshot_overcome(n);
    n->log_bytes_applied += entry->data.size;
    if (decoded && command.var != NULL && result.error == 0 && result.index == entry->index)
        node_watch_note(n, entry->index, command.var);
    if (n->plan_index == entry->index)
        n->plan_index = 0;
    if (n->plan_index == 0)
        n->plan_dirty = true;
    node_write_applied(n, entry->index, entry->term, &result);
    node_state_applied(n, entry->term);
}

static void apply_node(struct node *n, struct node_id id) {
    const struct wire_node_record *r = state_node_find(n->state, id);
    node_away_note(n, id, r);
    if (r == NULL)
        return;
    n->table_dirty = true;
    node_trust(n, r);
    if (ID_EQUAL(id, n->identity.id)) {
        n->instances_dirty = true; /* what waited for this run's inventory may start */
        if (r->status != NODE_STATUS_READY || r->generation != n->generation)
            n->facts_dirty = true;
        return;
    }
    node_gossip_feed(n, &(struct swim_input){.kind = SWIM_CONTACT, .from = id, .addr = r->addr});
}

static void apply_node_gone(struct node *n, struct node_id id) {
    n->table_dirty = true;
    node_away_note(n, id, NULL);
    if (ID_EQUAL(id, n->identity.id)) {
        node_mark(n, MARK_NODE_FORGOTTEN_SELF);
        if (n->leave == LEAVE_NONE)
            node_say(n, NODE_ERROR, "this host was taken out of the cluster");
        return;
    }
    node_distrust(n, id);
    node_gossip_feed(n, &(struct swim_input){.kind = SWIM_FORGET, .from = id});
}

/* The state is not older than the record, and does not have the host any more. */
bool node_was_taken_out(const struct node *n, const struct wire_node_record *r) {
    return r->modify_index != 0 && r->modify_index <= state_index(n->state) &&
           state_node_find(n->state, r->id) == NULL;
}

/*
 * A snapshot took the place of the state: hosts that were in the table before and are not now were taken out
 * in between. Of the table that the join or the file `cluster` told, only those whose record the snapshot is
 * not older than: it does not know those that joined later, who may be all that are left to talk to.
 */
void node_apply_replaced(struct node *n, const struct state *before) {
    for (size_t i = 0; i < state_nodes_count(before); i++) {
        struct node_id id = state_node_at(before, i)->id;
        if (state_node_find(n->state, id) == NULL)
            apply_node_gone(n, id);
    }
    for (size_t i = 0; i < n->table_count; i++) {
        const struct wire_node_record *r = &n->table[i];
        if (node_was_taken_out(n, r) && state_node_find(before, r->id) == NULL)
            apply_node_gone(n, r->id);
    }
}

static void apply_cluster(struct node *n) {
    const struct wire_cluster_record *cluster = state_cluster(n->state);
    if (cluster == NULL || codec_equal(&wire_cluster_record_type, cluster, &n->cluster))
        return;
    arena_reset(&n->cluster_arena);
    codec_copy(&wire_cluster_record_type, cluster, &n->cluster_arena, &n->cluster);
    node_cluster_keys(n);
    n->table_dirty = true;
}

static void apply_all(struct node *n) {
    node_watch_reset(n);
    apply_cluster(n);
    for (size_t i = 0; i < state_nodes_count(n->state); i++)
        apply_node(n, state_node_at(n->state, i)->id);
    n->instances_dirty = n->facts_dirty = n->reads_dirty = true;
}

static void apply_instance_event(struct node *n, struct instance_id id) {
    const struct wire_instance_record *r = state_instance_find(n->state, id);
    if (r == NULL)
        return;
    bool stopping = r->desired == DESIRED_STATE_STOP && r->state <= INSTANCE_STATE_RUNNING;
    node_event(n, "instance", r->node, id, "%.*s.%.*s[%u] is %s on %.*s%s%.*s", BYTES_FMT(r->job),
               BYTES_FMT(r->group), r->slot, stopping ? "stopping" : instance_state_str(r->state),
               BYTES_FMT(node_name_of(n, r->node)), r->reason.size > 0 ? ": " : "", BYTES_FMT(r->reason));
}

void node_apply_changes(struct node *n) {
    struct state_change c;
    while (state_change_next(n->state, &c)) {
        n->plan_dirty = n->reads_dirty = true;
        switch (c.kind) {
        case STATE_CLUSTER: apply_cluster(n); break;
        case STATE_NODE: apply_node(n, c.node); break;
        case STATE_NODE_GONE: apply_node_gone(n, c.node); break;
        case STATE_INSTANCE:
            if (ID_EQUAL(c.node, n->identity.id))
                n->instances_dirty = n->facts_dirty = true;
            apply_instance_event(n, c.instance);
            break;
        case STATE_INSTANCE_GONE:
            if (ID_EQUAL(c.node, n->identity.id))
                n->instances_dirty = true;
            break;
        case STATE_ALL: apply_all(n); break;
        case STATE_JOB:
        case STATE_VAR: break;
        }
    }
    if (n->table_dirty) {
        n->table_dirty = false;
        (void)node_cluster_file_save(n);
    }
}
