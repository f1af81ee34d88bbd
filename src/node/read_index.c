/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Consistent reads from any host: answered from this host's own copy, but not before it holds all that was
 * committed when the question was asked.
 *
 *   reads that wait -> one batch -> the leader's commit index, confirmed by a majority -> applied here
 *
 * The index is asked for by the leader of its own raft core, by any other host of the leader over a stream.
 * One question is under way at a time; what comes meanwhile waits for the next, so any number of reads costs
 * one round. The question's number is never used twice, not by a later run of this agent either (it begins at
 * a random one): an answer that was on its way to the last run must not pass for one to this. A question that
 * is sent again may keep its number, because all of its batch had been asked before it was sent first.
 */
#include "internal.h"

#define CONFIRM_WAIT_US  (10 * US_PER_S)   /* shorter than clients wait, so that they hear why */
#define CONFIRM_RETRY_US (300 * US_PER_MS) /* a lost question, or one to a leader that is none any more */
#define CONFIRM_LOOK_US  (50 * US_PER_MS)

/* ---- the asker's side ---- */

static void confirm_free(struct confirm_read *c) { mem_free((void *)(uintptr_t)c->method.data); }

bool node_confirm_wanted(struct node *n, struct bytes params) {
    struct wire_admin_read_query q;
    return params.size > 0 &&
           codec_decode_named(&wire_admin_read_query_type, params, &n->scratch, &q, NULL) == 0 &&
           q.consistent;
}

void node_confirm_request(struct node *n, uint64_t request, struct bytes method, struct bytes params) {
    if (n->confirms.count >= REQUESTS_MAX) {
        node_reply_error(n, request, ERR_BUSY, "too many consistent reads wait");
        return;
    }
    struct confirm_read c = {.request = request, .deadline_us = n->now_us + CONFIRM_WAIT_US};
    uint8_t *at = mem_alloc(method.size + params.size + 1);
    mem_copy(at, method.data, method.size);
    mem_copy(at + method.size, params.data, params.size);
    c.method = bytes_of(at, method.size);
    c.params = bytes_of(at + method.size, params.size);
    VEC_PUSH(&n->confirms, c);
}

void node_confirm_closed(struct node *n, uint64_t request) {
    for (size_t i = 0; i < n->confirms.count; i++) {
        if (n->confirms.data[i].request != request)
            continue;
        confirm_free(&n->confirms.data[i]);
        VEC_REMOVE(&n->confirms, i);
        return;
    }
}

/* A new question for all that have none yet. */
static void batch_begin(struct node *n) {
    bool any = false;
    for (size_t i = 0; i < n->confirms.count; i++)
        any |= n->confirms.data[i].batch == 0;
    if (!any)
        return;
    n->confirm_batch = n->confirm_next++;
    n->confirm_to = (struct node_id){{0}};
    n->confirm_sent_us = 0;
    for (size_t i = 0; i < n->confirms.count; i++)
        if (n->confirms.data[i].batch == 0) {
            n->confirms.data[i].batch = n->confirm_batch;
            n->confirms.data[i].begun_us = n->now_us;
        }
}

static void batch_ask(struct node *n) {
    struct node_id leader = n->identity.id;
    bool here = raft_role(n->raft) == RAFT_LEADER;
    if (!here && (!node_leader_id(n, &leader) || ID_EQUAL(leader, n->identity.id)))
        return;
    bool asked = ID_EQUAL(n->confirm_to, leader);
    if (asked && (here || n->now_us - n->confirm_sent_us < CONFIRM_RETRY_US))
        return;
    if (!asked && n->confirm_sent_us != 0 && n->now_us - n->confirm_sent_us < CONFIRM_LOOK_US)
        return;
    n->confirm_sent_us = n->now_us;
    n->confirm_to = leader;
    struct raft_input in = {.kind = RAFT_READ, .context = n->confirm_batch};
    struct wire_read_request question = {.id = n->confirm_batch};
    if (!here)
        node_peer_send(n, leader, &(struct wire_peer_message){.read_request = &question});
    else if (node_log_feed(n, &in) != 0)
        n->confirm_to = (struct node_id){{0}};
}

static void batch_answered(struct node *n, uint64_t batch, int error, uint64_t index) {
    if (batch != n->confirm_batch)
        return;
    if (error != 0) {
        n->confirm_to = (struct node_id){{0}}; /* asked again, of whoever leads then */
        n->confirm_sent_us = n->now_us;
        return;
    }
    n->confirm_batch = 0;
    for (size_t i = 0; i < n->confirms.count; i++) {
        struct confirm_read *c = &n->confirms.data[i];
        if (c->batch == batch) {
            c->confirmed = true;
            c->index = index;
        }
    }
}

void node_read_response(struct node *n, const struct wire_read_response *r) {
    if (r->id != 0)
        batch_answered(n, r->id, r->error, r->index);
}

/* true: it is answered. */
static bool confirm_step(struct node *n, const struct confirm_read *c) {
    if (c->confirmed && n->applied_index >= c->index) {
        n->confirmed = true;
        n->confirmed_us = c->begun_us;
        node_request_read(n, c->request, c->method, c->params);
        n->confirmed = false;
        return true;
    }
    if (n->now_us < c->deadline_us)
        return false;
    node_reply_error(n, c->request, ERR_NO_LEADER,
                     "no leader confirms that this host's copy is current: this side of the cluster has no "
                     "quorum, or an election is under way; without `consistent` the copy is shown as it is");
    return true;
}

void node_confirm_tick(struct node *n) {
    if (n->raft == NULL)
        return;
    for (size_t i = 0; i < n->confirms.count;) {
        struct confirm_read c = n->confirms.data[i];
        if (!confirm_step(n, &c)) {
            i++;
            continue;
        }
        confirm_free(&c);
        VEC_REMOVE(&n->confirms, i);
    }
    if (n->confirms.count == 0)
        n->confirm_batch = 0;
    if (n->confirm_batch == 0)
        batch_begin(n);
    if (n->confirm_batch != 0)
        batch_ask(n);
}

int64_t node_confirm_deadline(const struct node *n) {
    return n->confirms.count > 0 ? n->now_us + CONFIRM_LOOK_US : TIME_NEVER_US;
}

/* ---- the leader's side ---- */

static void question_answer(struct node *n, const struct remote_read *r, int error, uint64_t index) {
    struct wire_read_response response = {.id = r->id, .error = error, .index = index};
    node_peer_send(n, r->peer, &(struct wire_peer_message){.read_response = &response});
}

void node_read_request(struct node *n, struct node_id from, const struct wire_read_request *q) {
    struct remote_read r = {.id = q->id, .peer = from};
    for (size_t i = 0; i < n->remote_reads.count; i++)
        if (n->remote_reads.data[i].id == q->id && ID_EQUAL(n->remote_reads.data[i].peer, from))
            return; /* sent again; the answer is on its way */
    if (n->remote_reads.count >= REQUESTS_MAX) {
        question_answer(n, &r, ERR_BUSY, 0);
        return;
    }
    r.context = n->confirm_next++;
    VEC_PUSH(&n->remote_reads, r);
    int error = node_log_feed(n, &(struct raft_input){.kind = RAFT_READ, .context = r.context});
    if (error != 0)
        node_read_ready(n, r.context, error, 0);
}

void node_read_ready(struct node *n, uint64_t context, int error, uint64_t index) {
    for (size_t i = 0; i < n->remote_reads.count; i++) {
        struct remote_read r = n->remote_reads.data[i];
        if (r.context != context)
            continue;
        VEC_REMOVE(&n->remote_reads, i);
        question_answer(n, &r, error, index);
        return;
    }
    batch_answered(n, context, error, index);
}

void node_confirms_done(struct node *n) {
    for (size_t i = 0; i < n->confirms.count; i++)
        confirm_free(&n->confirms.data[i]);
    VEC_DONE(&n->confirms);
    VEC_DONE(&n->remote_reads);
}
