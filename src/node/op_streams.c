/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Streams to admin clients: events, changes of variables (watch.c), and the output of tasks on this host or
 * another. Nothing is sent without credit. A log on another host is read there (remote_open) and its chunks
 * travel over the peer stream, under the same credit.
 */
#include "internal.h"

#define CREDIT_MAX (1u << 20) /* bytes on their way at most, whatever a client grants */

static struct op_stream *stream_find(struct node *n, uint64_t request) {
    for (size_t i = 0; i < n->op_streams.count; i++)
        if (n->op_streams.data[i].request == request)
            return &n->op_streams.data[i];
    return NULL;
}

static void stream_drop(struct node *n, struct op_stream *s) {
    node_watch_free(s->watch);
    buf_done(&s->bytes);
    VEC_REMOVE(&n->op_streams, (size_t)(s - n->op_streams.data));
}

void node_stream_notify(struct node *n, uint64_t request, const struct wire_admin_chunk *chunk) {
    struct buf out = {0};
    codec_encode_named(&wire_admin_chunk_type, chunk, &out);
    struct bytes copy = node_effect_copy(n, buf_bytes(&out));
    buf_done(&out);
    struct node_effect *e = node_emit(n, NODE_NOTIFY);
    e->request = request;
    e->data = copy;
    e->end = chunk->end;
}

static void reply_stream(struct node *n, uint64_t request) {
    struct wire_admin_stream r = {.id = request};
    node_reply(n, request, &wire_admin_stream_type, &r);
    n->effects.queue.data[n->effects.queue.count - 1].follow =
        true; /* a stream stays open after this reply */
}

void node_stream_open(struct node *n, const struct op_stream *stream) {
    struct op_stream s = *stream;
    if (s.credit > CREDIT_MAX)
        s.credit = CREDIT_MAX;
    VEC_PUSH(&n->op_streams, s);
    reply_stream(n, s.request);
}

void node_op_streams_done(struct node *n) {
    for (size_t i = 0; i < n->op_streams.count; i++) {
        node_watch_free(n->op_streams.data[i].watch);
        buf_done(&n->op_streams.data[i].bytes);
    }
    VEC_DONE(&n->op_streams);
}

/* ---- events ---- */

void node_stream_events(struct node *n, uint64_t request, struct bytes params) {
    struct wire_admin_events_query q;
    struct codec_fault fault = {0};
    int error = codec_decode_named(&wire_admin_events_query_type, params, &n->scratch, &q, &fault);
    if (error != 0) {
        node_reply_error(n, request, error, "%s: %s", fault.path, fault.what);
        return;
    }
    struct op_stream s = {.request = request, .kind = OP_EVENTS, .credit = q.credit, .follow = q.follow};
    if (n->events.count > 0)
        s.next_event = n->events.data[0].event.index;
    node_stream_open(n, &s);
}

static bool events_send(struct node *n, struct op_stream *s) {
    for (size_t i = 0; i < n->events.count && s->credit > 0; i++) {
        struct wire_event *event = &n->events.data[i].event;
        if (event->index < s->next_event)
            continue;
        size_t cost = event->text.size + 64;
        s->credit -= cost < s->credit ? cost : s->credit;
        s->next_event = event->index + 1;
        node_stream_notify(n, s->request, &(struct wire_admin_chunk){.id = s->request, .event = event});
    }
    bool all = s->next_event > n->event_next || n->events.count == 0;
    if (s->follow || !all)
        return false;
    node_stream_notify(n, s->request, &(struct wire_admin_chunk){.id = s->request, .end = true});
    return true;
}

void node_events_flush(struct node *n) {
    for (size_t i = 0; i < n->op_streams.count;) {
        struct op_stream *s = &n->op_streams.data[i];
        if (s->kind == OP_VARS)
            node_watch_send(n, s);
        if ((s->kind == OP_EVENTS && events_send(n, s)) || (s->kind == OP_BACKUP && node_backup_send(n, s)))
            stream_drop(n, s);
        else
            i++;
    }
}

/* ---- logs: finding the instance ---- */

struct find {
    struct node *n;
    const struct wire_admin_logs_query *q;
    const struct wire_instance_record *best;
    unsigned matches;
};

static void find_visit(void *arg, const struct wire_instance_record *r) {
    struct find *f = arg;
    if (f->q->instance.size > 0 && !node_id_begins(r->id.b, f->q->instance))
        return;
    if (f->q->job.size > 0 && !bytes_equal(f->q->job, r->job))
        return;
    f->matches++;
    /* Of a job's instances: a running one before others, then the newest. */
    if (f->best != NULL && f->best->state == INSTANCE_STATE_RUNNING && r->state != INSTANCE_STATE_RUNNING)
        return;
    f->best = r;
}

static struct bytes find_task(struct node *n, const struct wire_instance_record *r, struct bytes wanted) {
    const struct wire_group *group = node_group_of(n, r);
    for (size_t t = 0; t < group->tasks_count; t++)
        if (wanted.size == 0 || bytes_equal(group->tasks[t].name, wanted))
            return group->tasks[t].name;
    return (struct bytes){0};
}

static const struct wire_instance_record *logs_find(struct node *n, uint64_t request,
                                                    const struct wire_admin_logs_query *q) {
    struct find f = {.n = n, .q = q};
    if (q->instance.size == 0 && q->job.size == 0) {
        node_reply_error(n, request, ERR_INVALID, "name a job or an instance");
        return NULL;
    }
    state_instances_each(n->state, find_visit, &f);
    if (f.best == NULL)
        node_reply_error(n, request, ERR_NOT_FOUND, "there is no such instance");
    else if (q->instance.size > 0 && f.matches > 1)
        node_reply_error(n, request, ERR_INVALID, "%u instances begin with %.*s: give more digits", f.matches,
                         BYTES_FMT(q->instance));
    else
        return f.best;
    return NULL;
}

/* ---- logs: here or elsewhere ---- */

void node_stream_logs(struct node *n, uint64_t request, struct bytes params) {
    struct wire_admin_logs_query q;
    struct codec_fault fault = {0};
    int error = codec_decode_named(&wire_admin_logs_query_type, params, &n->scratch, &q, &fault);
    if (error != 0) {
        node_reply_error(n, request, error, "%s: %s", fault.path, fault.what);
        return;
    }
    const struct wire_instance_record *r = logs_find(n, request, &q);
    if (r == NULL)
        return;
    struct bytes task = find_task(n, r, q.task);
    if (task.size == 0) {
        node_reply_error(n, request, ERR_NOT_FOUND, "the instance has no task %.*s", BYTES_FMT(q.task));
        return;
    }
    struct op_stream s = {.request = request,
                          .kind = OP_LOGS,
                          .follow = q.follow,
                          .credit = q.credit < CREDIT_MAX ? q.credit : CREDIT_MAX};
    if (ID_EQUAL(r->node, n->identity.id)) {
        s.handle = n->handle_next++;
        struct node_effect *e = node_emit(n, NODE_LOG_OPEN);
        e->handle = s.handle;
        e->instance = r->id;
        e->task = node_effect_copy(n, task);
        e->is_stderr = q.stderr;
        e->follow = q.follow;
        e->bytes = q.tail;
        node_emit(n, NODE_LOG_CREDIT)->handle = s.handle;
        n->effects.queue.data[n->effects.queue.count - 1].bytes = s.credit;
    } else {
        if (!node_alive(n, r->node)) {
            node_reply_error(n, request, ERR_CLOSED,
                             "the instance is on %.*s, which is not reachable from here",
                             BYTES_FMT(node_name_of(n, r->node)));
            return;
        }
        s.remote = n->handle_next++;
        s.peer = r->node;
        struct wire_remote_open open = {.id = s.remote,
                                        .instance = r->id,
                                        .task = task,
                                        .stderr = q.stderr,
                                        .follow = q.follow,
                                        .tail = q.tail};
        struct wire_remote_credit credit = {.id = s.remote, .bytes = s.credit};
        node_peer_send(n, r->node,
                       &(struct wire_peer_message){.remote_open = &open, .remote_credit = &credit});
    }
    node_stream_open(n, &s);
}

void node_credit(struct node *n, uint64_t request, uint64_t bytes) {
    struct op_stream *s = stream_find(n, request);
    if (s == NULL)
        return;
    if (bytes > CREDIT_MAX)
        bytes = CREDIT_MAX;
    s->credit = bytes > CREDIT_MAX - s->credit ? CREDIT_MAX : s->credit + bytes;
    if (s->handle != 0) {
        struct node_effect *e = node_emit(n, bytes == 0 ? NODE_LOG_CLOSE : NODE_LOG_CREDIT);
        e->handle = s->handle;
        e->bytes = bytes;
    }
    if (s->remote != 0) {
        struct wire_remote_credit credit = {.id = s->remote, .bytes = bytes};
        node_peer_send(n, s->peer, &(struct wire_peer_message){.remote_credit = &credit});
    }
    if (bytes == 0)
        stream_drop(n, s);
}

static void logs_chunk(struct node *n, struct op_stream *s, struct bytes data, bool end, int error,
                       struct bytes text) {
    struct wire_admin_chunk chunk = {
        .id = s->request, .data = data, .end = end, .error = error, .text = text};
    s->credit -= data.size < s->credit ? data.size : s->credit;
    node_stream_notify(n, s->request, &chunk);
    if (end)
        stream_drop(n, s);
}

void node_log_data(struct node *n, const struct node_input *in) {
    for (size_t i = 0; i < n->op_streams.count; i++)
        if (n->op_streams.data[i].handle == in->handle && in->handle != 0) {
            logs_chunk(n, &n->op_streams.data[i], in->data, in->end, in->error, in->text);
            return;
        }
    for (size_t i = 0; i < n->remote_logs.count; i++) {
        struct remote_log *r = &n->remote_logs.data[i];
        if (r->handle != in->handle)
            continue;
        struct wire_remote_data data = {
            .id = r->id, .data = in->data, .end = in->end, .error = in->error, .text = in->text};
        node_peer_send(n, r->peer, &(struct wire_peer_message){.remote_data = &data});
        if (in->end)
            VEC_REMOVE(&n->remote_logs, i);
        return;
    }
}

/* ---- the other host's side ---- */

void node_remote_open(struct node *n, struct node_id from, const struct wire_remote_open *open) {
    if (n->remote_logs.count >= REQUESTS_MAX) {
        struct wire_remote_data refusal = {
            .id = open->id, .end = true, .error = ERR_BUSY, .text = bytes_str("too many logs are read")};
        node_peer_send(n, from, &(struct wire_peer_message){.remote_data = &refusal});
        return;
    }
    struct remote_log r = {.handle = n->handle_next++, .id = open->id, .peer = from};
    VEC_PUSH(&n->remote_logs, r);
    struct node_effect *e = node_emit(n, NODE_LOG_OPEN);
    e->handle = r.handle;
    e->instance = open->instance;
    e->task = node_effect_copy(n, open->task);
    e->is_stderr = open->stderr;
    e->follow = open->follow;
    e->bytes = open->tail;
}

void node_remote_credit(struct node *n, struct node_id from, const struct wire_remote_credit *credit) {
    for (size_t i = 0; i < n->remote_logs.count; i++) {
        struct remote_log *r = &n->remote_logs.data[i];
        if (r->id != credit->id || !ID_EQUAL(r->peer, from))
            continue;
        struct node_effect *e = node_emit(n, credit->bytes == 0 ? NODE_LOG_CLOSE : NODE_LOG_CREDIT);
        e->handle = r->handle;
        e->bytes = credit->bytes < CREDIT_MAX ? credit->bytes : CREDIT_MAX;
        if (credit->bytes == 0)
            VEC_REMOVE(&n->remote_logs, i);
        return;
    }
}

void node_remote_data(struct node *n, struct node_id from, const struct wire_remote_data *data) {
    for (size_t i = 0; i < n->op_streams.count; i++) {
        struct op_stream *s = &n->op_streams.data[i];
        if (s->remote != data->id || s->remote == 0 || !ID_EQUAL(s->peer, from))
            continue;
        logs_chunk(n, s, data->data, data->end, data->error, data->text);
        return;
    }
}

void node_op_streams_peer_gone(struct node *n, struct node_id peer) {
    for (size_t i = n->op_streams.count; i-- > 0;) {
        struct op_stream *s = &n->op_streams.data[i];
        if (s->remote != 0 && ID_EQUAL(s->peer, peer))
            logs_chunk(n, s, (struct bytes){0}, true, ERR_CLOSED,
                       bytes_str("the connection to the instance's host was lost"));
    }
    for (size_t i = n->remote_logs.count; i-- > 0;) {
        if (!ID_EQUAL(n->remote_logs.data[i].peer, peer))
            continue;
        node_emit(n, NODE_LOG_CLOSE)->handle = n->remote_logs.data[i].handle;
        VEC_REMOVE(&n->remote_logs, i);
    }
}
