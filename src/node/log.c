/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* raft, driven: its messages out when the disk allows, its batches to the wal, its committed entries to the
 * state. */
#include "internal.h"

#define SNAPSHOT_LOG_BYTES  (32u << 20)
#define SNAPSHOT_FETCHED_US (5 * US_PER_S) /* no chunk for longer: nobody fetches it any more */
#define SNAPSHOT_PATIENCE   4u
#define SNAPSHOT_ENDS       4096u

bool node_is_leader(const struct node *n) { return raft_leader_ready(n->raft); }

bool node_leader_id(const struct node *n, struct node_id *ret) {
    struct raft_id id;
    if (raft_leader(n->raft, &id)) {
        *ret = id.node;
        return true;
    }
    if (raft_role(n->raft) != RAFT_LEARNER || ID_IS_ZERO(n->pull_leader) || !node_alive(n, n->pull_leader))
        return false;
    *ret = n->pull_leader;
    return true;
}

/* The journal keeps the ends of instances until a snapshot has them: it is not to grow for ever. */
static bool ends_over(const struct node *n) {
    size_t count = n->acknowledged.count;
    return count >= SNAPSHOT_ENDS && n->acknowledged.data[count - SNAPSHOT_ENDS].index > n->snapshot_durable;
}

/*
 * After so many entries, or so many bytes of them, but never more often than the state's own size: else a
 * large state would be written over and over. Each host waits up to a quarter longer, by its id, and a leader
 * of several a quarter more, so that they do not all write at once and the leader not first.
 */
static bool snapshot_over(const struct node *n, uint64_t entries, uint64_t bytes) {
    unsigned wait = n->identity.id.b[0] / 4u; /* of 256 */
    if (node_leads(n) && raft_config_now(n->raft)->voters_count > 1)
        wait += 64;
    return (n->applied_index - n->snapshot_durable) * 256 >= entries * (256 + wait) ||
           n->log_bytes_applied * 256 >= bytes * (256 + wait) || ends_over(n);
}

static uint64_t snapshot_bytes_max(const struct node *n) {
    return SNAPSHOT_LOG_BYTES < n->snapshot_bytes.size ? n->snapshot_bytes.size : SNAPSHOT_LOG_BYTES;
}

static bool snapshot_may(const struct node *n) {
    const struct dispute *d = &n->proofs.dispute;
    bool doubted = n->state_wrong != 0 || (d->index != 0 && !d->said); /* the one before may be needed */
    return !node_snapshot_busy(n) && !doubted;
}

/*
 * The next snapshot takes the place of the one that somebody fetches, who would have to begin anew; on a slow
 * link to a busy cluster again and again. So it is put off, until the log has become a few times as long.
 */
static unsigned patience(const struct node *n) {
    bool fetched = n->snapshot_given_us != 0 && n->now_us - n->snapshot_given_us < SNAPSHOT_FETCHED_US;
    return fetched ? SNAPSHOT_PATIENCE : 1;
}

bool node_snapshot_due(const struct node *n, unsigned times) {
    times *= patience(n);
    return snapshot_may(n) &&
           snapshot_over(n, times * (uint64_t)n->snapshot_entries, times * snapshot_bytes_max(n));
}

/* By the size of the log alone: few large entries do not wait for the index at which states are compared. */
bool node_snapshot_large(const struct node *n) {
    return n->log_bytes_applied >= SNAPSHOT_LOG_BYTES && snapshot_may(n) &&
           snapshot_over(n, UINT32_MAX, patience(n) * snapshot_bytes_max(n));
}

static void log_send(struct node *n, const struct raft_effect *e) {
    if (n->log_id_ticket > n->ticket_done)
        return; /* lost, as on a bad way: whoever hears it would know an id that a crash here takes back */
    struct wire_raft_message message = *e->message;
    struct buf out = {0};
    codec_encode(&wire_peer_message_type, &(struct wire_peer_message){.raft = &message}, &out);
    if (e->after <= n->raft_ticket_done) {
        node_peer_send_raw(n, message.to.node, buf_bytes(&out));
        buf_done(&out);
        return;
    }
    const struct wire_append_response *answer = message.append_response;
    struct held_send held = {
        .after = e->after, .to = message.to.node, .matches = answer != NULL && answer->success};
    held.data = buf_take(&out, &held.size);
    struct held_send *last = n->held.count > 0 ? &n->held.data[n->held.count - 1] : NULL;
    if (last != NULL && last->matches && held.matches && last->after == held.after &&
        ID_EQUAL(last->to, held.to)) {
        mem_free(last->data);
        *last = held;
        return;
    }
    VEC_PUSH(&n->held, held);
}

static void log_persist(struct node *n, const struct raft_effect *e) {
    if (n->disk_failed)
        return;
    uint64_t ticket = node_disk_ticket(n);
    if (e->hard_changed)
        n->hard = e->hard;
    const struct wire_hard_state *hard = e->hard_changed ? &e->hard : NULL;
    int error = e->reset_index != 0
                    ? wal_reset(n->wal, ticket, e->reset_index, e->reset_term, hard)
                    : wal_append(n->wal, ticket, hard, e->cut_index, e->entries, e->entries_count);
    assert(error == 0);
    node_disk_flush_wal(n);
    if (!n->log_begun) { /* told before the first batch is acknowledged: from then on its loss is noticed */
        n->log_begun = true;
        ticket = node_cluster_file_save(n);
    }
    struct ticket_pair pair = {
        .node = ticket, .raft = e->ticket, .begun_us = n->now_us, .last_index = raft_last_index(n->raft)};
    VEC_PUSH(&n->raft_tickets, pair);
}

void node_log_persisted(struct node *n) {
    uint64_t done = 0;
    size_t count = 0;
    while (count < n->raft_tickets.count && n->raft_tickets.data[count].node <= n->ticket_done) {
        node_voters_disk(n, &n->raft_tickets.data[count]);
        done = n->raft_tickets.data[count++].raft;
    }
    if (count == 0)
        return;
    n->raft_tickets.count -= count;
    memmove(n->raft_tickets.data, n->raft_tickets.data + count,
            n->raft_tickets.count * sizeof *n->raft_tickets.data);
    n->raft_ticket_done = done;
    size_t kept = 0;
    for (size_t i = 0; i < n->held.count; i++) {
        struct held_send *h = &n->held.data[i];
        if (h->after > done) {
            n->held.data[kept++] = *h;
            continue;
        }
        node_peer_send_raw(n, h->to, bytes_of(h->data, h->size));
        mem_free(h->data);
    }
    n->held.count = kept;
    struct raft_input in = {.kind = RAFT_PERSISTED, .ticket = done};
    (void)node_log_feed(n, &in);
}

static void log_role(struct node *n) {
    struct node_id leader = {{0}};
    bool known = node_leader_id(n, &leader);
    if (!known || ID_EQUAL(leader, n->leader_seen))
        return;
    n->leader_seen = leader;
    node_event(n, "leader.elected", leader, (struct instance_id){{0}}, "%.*s leads in term %llu",
               BYTES_FMT(node_name_of(n, leader)), (unsigned long long)raft_term(n->raft));
    n->facts_dirty = true;
}

/*
 * To who is to vote a leader gives a state that another voter disputes, once the operator was told: it plans
 * with that anyway, and without one more voter the two would never become one.
 */
static bool snapshot_may_go(const struct node *n) {
    return n->proofs.dispute.said || node_state_confirmed(n, &n->proofs.snapshot, n->proofs.snapshot_us);
}

static void log_chunk_read(struct node *n, const struct raft_effect *e) {
    const struct wire_snapshot_header *head = &n->snapshot_head;
    struct raft_input in = {.kind = RAFT_SNAPSHOT_CHUNK_READ, .peer = e->peer};
    if (head->index == 0 || !snapshot_may_go(n)) {
        (void)raft_feed(n->raft, n->now_us, &in); /* there is none to be had */
        return;
    }
    /* Of another snapshot the offset says nothing. */
    size_t offset = e->index == head->index ? (size_t)e->offset : 0;
    size_t size = min_size(n->snapshot_bytes.size - offset, n->chunk_size_bytes);
    struct wire_snapshot_chunk chunk = {
        .index = head->index,
        .term = head->term,
        .config = head->config,
        .total_size = n->snapshot_bytes.size,
        .offset = offset,
        .data = bytes_of(n->snapshot_bytes.data + offset, size),
        .checksum = head->checksum,
        .chain = bytes_of(n->proofs.snapshot.chain.b, CHAIN_SIZE),
    };
    in.snapshot = &chunk;
    n->snapshot_given_us = n->now_us;
    (void)raft_feed(n->raft, n->now_us, &in);
}

static void log_effect(struct node *n, const struct raft_effect *e) {
    switch (e->kind) {
    case RAFT_SEND: log_send(n, e); break;
    case RAFT_PERSIST: log_persist(n, e); break;
    case RAFT_APPLY:
        for (size_t i = 0; i < e->entries_count; i++)
            node_apply_entry(n, &e->entries[i]);
        break;
    case RAFT_READ_READY: node_read_ready(n, e->context, 0, e->index); break;
    case RAFT_READ_FAILED: node_read_ready(n, e->context, ERR_NOT_LEADER, 0); break;
    case RAFT_ROLE: log_role(n); break;
    case RAFT_SNAPSHOT_READ: log_chunk_read(n, e); break;
    case RAFT_SNAPSHOT_BYTES: node_install_chunk(n, e->chunk); break;
    case RAFT_INSTALL: node_install_start(n, e->index, e->term); break;
    case RAFT_CUT:
        wal_compact(n->wal, e->index);
        node_disk_flush_wal(n);
        break;
    case RAFT_REFUSED:
        if (e->refusal != RAFT_DIVERGED)
            VEC_PUSH(&n->forgotten, e->peer);
        node_say(n, NODE_ERROR, "%.*s: %s (index %llu)", BYTES_FMT(node_name_of(n, e->peer.node)),
                 raft_refusal_str(e->refusal), (unsigned long long)e->index);
        break;
    case RAFT_REMOVED: node_say(n, NODE_INFO, "this host no longer votes"); break;
    }
}

void node_log_drain(struct node *n) {
    if (n->log_draining)
        return; /* the loop below is running: it will see what was added */
    n->log_draining = true;
    struct raft_effect e;
    while (raft_drain(n->raft, &e))
        log_effect(n, &e);
    n->log_draining = false;
    node_fresh_settle(n);
    node_apply_changes(n);
}

int node_log_feed(struct node *n, const struct raft_input *input) {
    int error = raft_feed(n->raft, n->now_us, input);
    node_log_drain(n);
    return error;
}

void node_log_message(struct node *n, const struct wire_raft_message *message) {
    if (message->timeout_now && node_unfit(n))
        return;
    struct raft_input in = {.kind = RAFT_MESSAGE, .message = message};
    (void)node_log_feed(n, &in);
}
