/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * What an operator may keep of a cluster: jobs and variables as of one index, in a form that another cluster
 * takes, too. No secrets, no hosts, no instances: those belong to this cluster.
 */
#include "internal.h"

static void backup_make(struct node *n, struct buf *out) {
    size_t jobs = state_jobs_count(n->state), vars = state_vars_count(n->state);
    struct wire_backup b = {.cluster = n->cluster.id, .index = state_index(n->state), .made_ms = n->wall_ms};
    b.jobs = arena_alloc(&n->scratch, (jobs + 1) * sizeof *b.jobs);
    b.vars = arena_alloc(&n->scratch, (vars + 1) * sizeof *b.vars);
    for (size_t i = 0; i < jobs; i++)
        if (!state_job_at(n->state, i)->stopped)
            b.jobs[b.jobs_count++] = *state_job_at(n->state, i);
    for (size_t i = 0; i < vars; i++)
        b.vars[b.vars_count++] = *state_var_at(n->state, i);
    codec_encode(&wire_backup_type, &b, out);
}

void node_stream_backup(struct node *n, uint64_t request, struct bytes params) {
    struct wire_admin_backup q;
    struct codec_fault fault = {0};
    int error = codec_decode_named(&wire_admin_backup_type, params, &n->scratch, &q, &fault);
    if (error != 0) {
        node_reply_error(n, request, error, "%s: %s", fault.path, fault.what);
        return;
    }
    struct op_stream s = {.request = request, .kind = OP_BACKUP, .credit = q.credit};
    backup_make(n, &s.bytes);
    node_stream_open(n, &s);
}

bool node_backup_send(struct node *n, struct op_stream *s) {
    while (s->credit > 0) {
        size_t size = min_size(s->bytes.size - s->bytes_sent, WIRE_CHUNK_MAX);
        struct wire_admin_chunk chunk = {.id = s->request,
                                         .data = bytes_of(s->bytes.data + s->bytes_sent, size)};
        s->bytes_sent += size;
        s->credit -= size < s->credit ? size : s->credit;
        chunk.end = s->bytes_sent == s->bytes.size;
        node_stream_notify(n, s->request, &chunk);
        if (chunk.end)
            return true;
    }
    return false;
}
