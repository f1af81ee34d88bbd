/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Streams. The agent sends as much as it has credit for. What was read is given back when it has become much,
 * and when nothing more comes: so the stream never stalls, however small the first credit was, and costs few
 * messages.
 */
#include "internal.h"

#define OPEN_TIMEOUT_MS 30000
#define CREDIT_DEFAULT  (256u << 10) /* granted to a stream whose parameters name none */
#define CREDIT_BATCH    (64u << 10)
#define CREDIT_PAUSE_MS 3
#define WAITING_MAX     (64u << 20) /* bytes kept for streams that nobody reads: more than any credit */
#define NOTICE_COST     64u         /* bytes of credit of an event or a change beside its text */

static struct stream *stream_find(struct client *c, uint64_t id) {
    for (size_t i = 0; i < c->streams.count; i++)
        if (c->streams.data[i]->id == id)
            return c->streams.data[i];
    return NULL;
}

static void stream_free(struct client *c, struct stream *s) {
    size_t at = 0;
    while (c->streams.data[at] != s)
        at++;
    VEC_REMOVE(&c->streams, at);
    for (size_t i = 0; i < s->chunks.count; i++) {
        c->waiting_bytes -= s->chunks.data[i].size;
        buf_done(&s->chunks.data[i]);
    }
    VEC_DONE(&s->chunks);
    mem_free(s);
}

void client_streams_free(struct client *c) {
    while (c->streams.count > 0)
        stream_free(c, c->streams.data[c->streams.count - 1]);
    VEC_DONE(&c->streams);
}

/* ---- chunks -------------------------------------------------------------------------------------------- */

/* The id alone, of what may be a chunk. */
static bool chunk_id(struct bytes params, uint64_t *ret_id) {
    struct arena arena = {0};
    struct wire_admin_chunk chunk;
    int error = codec_decode_named(&wire_admin_chunk_type, params, &arena, &chunk, NULL);
    arena_done(&arena);
    *ret_id = error ? 0 : chunk.id;
    return error == 0;
}

int client_chunk_keep(struct client *c, const struct codec_rpc *rpc) {
    uint64_t id;
    if (!bytes_is(rpc->method, "chunk"))
        return 0;
    if (!chunk_id(rpc->params, &id)) {
        c->broken = ERR_INVALID;
        return client_fail(c, ERR_INVALID, "the agent at %s sends a chunk that is not understood", c->path);
    }
    struct stream *s = stream_find(c, id);
    if (!s)
        return 0;
    if (rpc->params.size > WAITING_MAX - c->waiting_bytes) {
        c->broken = ERR_LIMIT;
        return client_fail(c, ERR_LIMIT, "the agent at %s sends more than it has credit for", c->path);
    }
    struct buf copy = {0};
    buf_append(&copy, rpc->params.data, rpc->params.size);
    c->waiting_bytes += copy.size;
    VEC_PUSH(&s->chunks, copy);
    return 0;
}

/* ---- credit -------------------------------------------------------------------------------------------- */

static int credit_send(struct client *c, uint64_t id, uint64_t bytes) {
    struct buf encoded = {0}, frame = {0};
    struct wire_admin_credit credit = {.id = id, .bytes = bytes};
    codec_encode_named(&wire_admin_credit_type, &credit, &encoded);
    struct codec_rpc rpc = {
        .type = CODEC_RPC_NOTIFY, .method = bytes_str("credit"), .params = buf_bytes(&encoded)};
    codec_rpc_encode(&rpc, &frame);
    int error = client_frame_send(c, buf_bytes(&frame), client_deadline(OPEN_TIMEOUT_MS));
    buf_done(&encoded);
    buf_done(&frame);
    return error;
}

int client_credit(struct client *c, uint64_t id, uint64_t bytes) {
    struct stream *s = stream_find(c, id);
    if (!s)
        return client_fail(c, ERR_CLOSED, "the stream has ended");
    if (bytes == 0)
        stream_free(c, s);
    else
        s->window_bytes = bytes < UINT64_MAX - s->window_bytes ? s->window_bytes + bytes : UINT64_MAX;
    return c->broken ? c->broken : credit_send(c, id, bytes);
}

static int credit_return(struct client *c, struct stream *s) {
    uint64_t bytes = s->due_bytes;
    s->due_bytes = 0;
    return bytes > 0 ? credit_send(c, s->id, bytes) : 0;
}

/* What the parameters grant themselves. */
static uint64_t credit_granted(const struct codec_type *type, const void *params) {
    for (size_t i = 0; type && i < type->fields_count; i++) {
        const struct codec_field *f = &type->fields[i];
        uint64_t credit;
        if (f->kind != CODEC_U64 || strcmp(f->name, "credit") != 0)
            continue;
        memcpy(&credit, (const uint8_t *)params + f->offset, sizeof credit);
        return credit;
    }
    return 0;
}

/* Half of what the agent may have on its way: it goes on while the rest of it arrives. */
static bool is_credit_due(const struct stream *s) {
    return s->due_bytes >= CREDIT_BATCH || s->due_bytes >= s->window_bytes / 2;
}

/* What the agent counted for a chunk. What is not given back of it is lost, and in the end the stream stands.
 */
static uint64_t chunk_cost(const struct wire_admin_chunk *chunk) {
    uint64_t cost = chunk->data.size;
    if (chunk->event)
        cost += chunk->event->text.size + NOTICE_COST;
    if (chunk->var)
        cost += chunk->var->var.key.size + chunk->var->var.value.size + NOTICE_COST;
    return cost;
}

/* ---- the verbs ----------------------------------------------------------------------------------------- */

int client_stream(struct client *c, const char *method, const struct codec_type *params_type,
                  const void *params, uint64_t *ret_id) {
    struct codec_rpc rpc;
    struct arena arena = {0};
    struct wire_admin_stream opened;
    int error = client_exchange(c, method, params_type, params, client_deadline(OPEN_TIMEOUT_MS), &rpc);
    if (error)
        return error;
    error = codec_decode_named(&wire_admin_stream_type, rpc.result, &arena, &opened, NULL);
    arena_done(&arena);
    if (error || opened.id == 0 || stream_find(c, opened.id))
        return client_fail(c, ERR_INVALID, "the agent at %s opens no stream for %s", c->path, method);
    struct stream *s = mem_alloc(sizeof *s);
    s->id = *ret_id = opened.id;
    s->window_bytes = credit_granted(params_type, params);
    VEC_PUSH(&c->streams, s);
    return s->window_bytes > 0 ? 0 : client_credit(c, s->id, CREDIT_DEFAULT);
}

/* Waits for the stream's next chunk, keeping those of others. */
static int chunk_wait(struct client *c, struct stream *s, int64_t deadline_ms) {
    struct codec_rpc rpc;
    int error = 0;
    while (!error && s->chunks.count == 0) {
        int64_t pause_ms = client_now_ms() + CREDIT_PAUSE_MS;
        bool is_due = s->due_bytes > 0 && pause_ms < deadline_ms;
        error = client_frame_next(c, is_due ? pause_ms : deadline_ms, &rpc);
        if (error == ERR_TIMEOUT && is_due) {
            error = credit_return(c, s);
            continue;
        }
        if (!error && rpc.type == CODEC_RPC_NOTIFY)
            error = client_chunk_keep(c, &rpc);
    }
    return error;
}

int client_chunk(struct client *c, uint64_t id, struct arena *arena, struct wire_admin_chunk *ret_chunk,
                 int timeout_ms) {
    struct stream *s = stream_find(c, id);
    if (!s)
        return client_fail(c, ERR_CLOSED, "the stream has ended");
    int error = 0;
    if (s->chunks.count == 0)
        error = c->broken ? c->broken : chunk_wait(c, s, client_deadline(timeout_ms));
    if (error)
        return error;
    struct buf *first = &s->chunks.data[0];
    struct bytes copy = arena_copy(arena, buf_bytes(first));
    c->waiting_bytes -= first->size;
    buf_done(first);
    VEC_REMOVE(&s->chunks, 0);
    error = codec_decode_named(&wire_admin_chunk_type, copy, arena, ret_chunk, NULL);
    if (error)
        return client_fail(c, error, "the chunk does not fit into the memory given for it");
    s->due_bytes += chunk_cost(ret_chunk);
    if (ret_chunk->end)
        stream_free(c, s);
    else if (is_credit_due(s))
        (void)credit_return(c, s);
    return 0;
}
