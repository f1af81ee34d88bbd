/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Why slots are not placed: the leader alone knows, as it plans. Any other host that is asked about a job
 * with empty slots asks the leader for the reasons first. Without an answer it tells the rest soon.
 */
#include "internal.h"

#define REASONS_WAIT_US (300 * US_PER_MS)

bool node_reasons_ask(struct node *n, uint64_t request, struct bytes job) {
    struct node_id leader;
    if (node_is_leader(n) || !node_leader_id(n, &leader) || ID_EQUAL(leader, n->identity.id) ||
        n->whys.count >= REQUESTS_MAX)
        return false;
    struct waiting_why w = {
        .id = n->confirm_next++, .request = request, .deadline_us = n->now_us + REASONS_WAIT_US};
    uint8_t *copy = mem_alloc(job.size + 1);
    mem_copy(copy, job.data, job.size);
    w.job = bytes_of(copy, job.size);
    VEC_PUSH(&n->whys, w);
    struct wire_reasons_request question = {.id = w.id, .job = w.job};
    node_peer_send(n, leader, &(struct wire_peer_message){.reasons_request = &question});
    return true;
}

void node_reasons_request(struct node *n, struct node_id from, const struct wire_reasons_request *q) {
    struct wire_reasons_response r = {.id = q->id};
    r.reasons = arena_alloc(&n->scratch, (n->reasons.count + 1) * sizeof *r.reasons);
    for (size_t i = 0; i < n->reasons.count && r.reasons_count < WIRE_GROUPS_MAX; i++) {
        const struct reconcile_reason *reason = &n->reasons.data[i];
        if (bytes_equal(reason->job, q->job))
            r.reasons[r.reasons_count++] =
                (struct wire_group_reason){.group = reason->group, .text = reason->text};
    }
    node_peer_send(n, from, &(struct wire_peer_message){.reasons_response = &r});
}

/* reasons NULL: none came. */
static void why_answer(struct node *n, size_t at, const struct wire_reasons_response *reasons) {
    struct waiting_why w = n->whys.data[at];
    VEC_REMOVE(&n->whys, at);
    node_job_answer(n, w.request, w.job, reasons);
    mem_free((void *)(uintptr_t)w.job.data);
}

void node_reasons_response(struct node *n, const struct wire_reasons_response *r) {
    for (size_t i = 0; i < n->whys.count; i++)
        if (n->whys.data[i].id == r->id) {
            why_answer(n, i, r);
            return;
        }
}

void node_reasons_tick(struct node *n) {
    for (size_t i = n->whys.count; i-- > 0;)
        if (n->now_us >= n->whys.data[i].deadline_us)
            why_answer(n, i, NULL);
}

int64_t node_reasons_deadline(const struct node *n) {
    int64_t at = TIME_NEVER_US;
    for (size_t i = 0; i < n->whys.count; i++)
        at = min_us(at, n->whys.data[i].deadline_us);
    return at;
}

void node_reasons_closed(struct node *n, uint64_t request) {
    for (size_t i = n->whys.count; i-- > 0;) {
        if (n->whys.data[i].request != request)
            continue;
        mem_free((void *)(uintptr_t)n->whys.data[i].job.data);
        VEC_REMOVE(&n->whys, i);
    }
}

void node_reasons_done(struct node *n) {
    for (size_t i = 0; i < n->whys.count; i++)
        mem_free((void *)(uintptr_t)n->whys.data[i].job.data);
    VEC_DONE(&n->whys);
}
