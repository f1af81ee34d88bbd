/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Frames in, frames out: requests, their answers, streams and their credit. */
#include "internal.h"

/* Frames up to this size are looked at whenever something came; longer ones not at every crumb of them. */
#define SCAN_FREE      (64u << 10)
#define SCAN_US(size)  ((int64_t)((size) / 50)) /* ten times what looking at so many bytes costs */
#define ERROR_TEXT_MAX 4096u                    /* as in the schema */

static const uint8_t empty_map = 0x80;

/* ---- requests ------------------------------------------------------------------------------------------ */

static struct request *request_find(const struct admin *a, uint64_t id) {
    return map_get(&a->requests, bytes_of(&id, sizeof id));
}

static struct request *request_new(struct admin *a, struct client *c, uint32_t msgid) {
    struct request *r = mem_alloc(sizeof *r);
    *r = (struct request){.id = a->request_next++, .client = c, .msgid = msgid};
    map_put(&a->requests, bytes_of(&r->id, sizeof r->id), r);
    VEC_PUSH(&c->requests, r);
    return r;
}

void admin_request_drop(struct admin *a, struct request *r) {
    struct client *c = r->client;
    size_t at = 0;
    while (c->requests.data[at] != r)
        at++;
    VEC_REMOVE(&c->requests, at);
    map_remove(&a->requests, bytes_of(&r->id, sizeof r->id));
    mem_free(r);
}

/* ---- out ----------------------------------------------------------------------------------------------- */

/* Cut between two characters. */
static struct bytes text_cut(struct bytes text) {
    if (text.size <= ERROR_TEXT_MAX)
        return text;
    text.size = ERROR_TEXT_MAX;
    while (text.size > 0 && (text.data[text.size] & 0xc0) == 0x80)
        text.size--;
    return text;
}

void admin_error_append(struct buf *out, uint32_t msgid, int error, struct bytes text) {
    struct wire_admin_error told = {.code = error,
                                    .text = text_cut(text.size > 0 ? text : bytes_str(err_str(error)))};
    struct buf encoded = {0};
    codec_encode_named(&wire_admin_error_type, &told, &encoded);
    struct codec_rpc rpc = {.type = CODEC_RPC_RESPONSE, .msgid = msgid, .error = buf_bytes(&encoded)};
    codec_rpc_encode(&rpc, out);
    buf_done(&encoded);
}

static void result_append(struct buf *out, uint32_t msgid, struct bytes result, int *error) {
    struct codec_rpc rpc = {.type = CODEC_RPC_RESPONSE,
                            .msgid = msgid,
                            .result = result.size > 0 ? result : bytes_of(&empty_map, 1)};
    codec_rpc_encode(&rpc, out);
    if (out->size <= WIRE_MESSAGE_MAX)
        return;
    buf_clear(out);
    *error = ERR_LIMIT;
    admin_error_append(out, msgid, *error,
                       bytes_str("the answer is larger than a message may be: ask for less"));
}

void admin_reply(struct admin *a, uint64_t request, int error, struct bytes text, struct bytes result,
                 bool is_stream) {
    struct request *r = request_find(a, request);
    struct buf frame = {0};
    if (!r || r->is_stream)
        return;
    struct client *c = r->client;
    if (error)
        admin_error_append(&frame, r->msgid, error, text);
    else
        result_append(&frame, r->msgid, result, &error);
    if (is_stream && !error)
        r->is_stream = true;
    else
        admin_request_drop(a, r);
    /* Who has asked for more than this gets the answers of one turn at once. */
    if (c->requests.count > 0 || c->is_late)
        admin_client_send_late(a, c, buf_bytes(&frame));
    else {
        admin_client_send(a, c, buf_bytes(&frame));
        admin_client_settle(a, c);
    }
    buf_done(&frame);
}

void admin_notify(struct admin *a, uint64_t request, struct bytes params, bool end) {
    struct request *r = request_find(a, request);
    struct buf frame = {0};
    if (!r || !r->is_stream)
        return;
    struct client *c = r->client;
    if (end)
        admin_request_drop(a, r);
    struct codec_rpc rpc = {.type = CODEC_RPC_NOTIFY, .method = bytes_str("chunk"), .params = params};
    codec_rpc_encode(&rpc, &frame);
    admin_client_send(a, c, buf_bytes(&frame));
    admin_client_settle(a, c);
    buf_done(&frame);
}

/* ---- in ------------------------------------------------------------------------------------------------ */

/* Libraries of MessagePack-RPC send an array of arguments: ours is one map, or nothing. */
static bool params_unwrap(struct bytes *params) {
    struct bytes rest = *params;
    size_t count = 0;
    if (codec_get_nil(&rest) == 0) {
        *params = bytes_of(&empty_map, 1);
        return true;
    }
    if (codec_get_array(&rest, &count) != 0)
        return true;
    *params = count == 0 ? bytes_of(&empty_map, 1) : rest;
    return count <= 1;
}

static void request_refuse(struct admin *a, struct client *c, uint32_t msgid, int error, const char *text) {
    struct buf frame = {0};
    admin_error_append(&frame, msgid, error, bytes_str(text));
    admin_client_send(a, c, buf_bytes(&frame));
    buf_done(&frame);
}

static bool request_take(struct admin *a, struct client *c, struct codec_rpc *rpc,
                         struct admin_event *ret_event) {
    if (c->requests.count >= a->options.requests_max) {
        request_refuse(a, c, rpc->msgid, ERR_BUSY, "too many requests of this client wait for their answers");
        return false;
    }
    if (!params_unwrap(&rpc->params)) {
        request_refuse(a, c, rpc->msgid, ERR_INVALID, "params is one map, or an array with one map");
        return false;
    }
    struct request *r = request_new(a, c, rpc->msgid);
    *ret_event = (struct admin_event){
        .kind = ADMIN_REQUEST, .request = r->id, .method = rpc->method, .params = rpc->params, .uid = c->uid};
    return true;
}

/* What is no credit, or for no stream of this client, is nobody's: a stream may have ended meanwhile. */
static bool notification_take(struct admin *a, struct client *c, struct codec_rpc *rpc,
                              struct admin_event *ret_event) {
    struct wire_admin_credit credit;
    if (!bytes_is(rpc->method, "credit") || !params_unwrap(&rpc->params))
        return false;
    int error = codec_decode_named(&wire_admin_credit_type, rpc->params, &a->scratch, &credit, NULL);
    arena_reset(&a->scratch);
    struct request *r = error ? NULL : request_find(a, credit.id);
    if (!r || r->client != c || !r->is_stream)
        return false;
    *ret_event = (struct admin_event){.kind = ADMIN_CREDIT, .request = r->id, .bytes = credit.bytes};
    if (credit.bytes == 0)
        admin_request_drop(a, r);
    return true;
}

/* The frame at the front is not whole yet. */
static void frame_wait(struct admin *a, struct client *c, size_t size) {
    c->scanned = size;
    c->scan_us = size > SCAN_FREE ? a->now_us + SCAN_US(size) : TIME_NEVER_US;
    if (c->deadline_us == TIME_NEVER_US && !c->is_ended)
        c->deadline_us = a->now_us + a->options.half_message_timeout_us;
}

static bool is_scan_due(const struct admin *a, const struct client *c, size_t size) {
    return c->scanned <= SCAN_FREE || c->is_ended || size >= c->scanned + c->scanned / 4 ||
           a->now_us >= c->scan_us;
}

static bool frame_read(struct admin *a, struct client *c, struct codec_rpc *ret_rpc) {
    struct bytes left = bytes_of(c->input.data + c->input_at, c->input.size - c->input_at);
    size_t used = 0;
    if (left.size == 0) {
        admin_client_drained(c);
        return false;
    }
    if (!is_scan_due(a, c, left.size))
        return false;
    int error = codec_rpc_decode(left, WIRE_MESSAGE_MAX, ret_rpc, &used);
    if (!error && ret_rpc->type == CODEC_RPC_RESPONSE)
        error = ERR_INVALID;
    if (error == ERR_BUSY)
        frame_wait(a, c, left.size);
    else if (error == ERR_LIMIT)
        admin_client_refuse(a, c, ERR_LIMIT, "the message is larger, or nested deeper, than one may be");
    else if (error)
        admin_client_refuse(a, c, ERR_INVALID, "this is no message of MessagePack-RPC");
    if (error)
        return false;
    c->input_at += used;
    c->scanned = 0;
    c->scan_us = c->deadline_us = TIME_NEVER_US;
    return true;
}

bool admin_frame_next(struct admin *a, struct client *c, struct admin_event *ret_event) {
    struct codec_rpc rpc;
    while (c->state == CLIENT_OPEN && frame_read(a, c, &rpc)) {
        bool is_request = rpc.type == CODEC_RPC_REQUEST;
        if (is_request ? request_take(a, c, &rpc, ret_event) : notification_take(a, c, &rpc, ret_event))
            return true;
    }
    return false;
}
