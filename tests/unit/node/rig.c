/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include <stdio.h>

#include "rig.h"

void rig_init(struct rig *r) {
    memset(r, 0, sizeof *r);
    r->now_us = 1000 * US_PER_S;
}

void rig_done(struct rig *r) {
    rig_kill(r);
    disk_clear(r->files, &r->files_count);
    for (size_t i = 0; i < r->replies_count; i++) {
        buf_done(&r->replies[i].text);
        buf_done(&r->replies[i].data);
    }
    buf_done(&r->said);
    buf_done(&r->events);
    arena_done(&r->arena);
}

/* ---- the disk ---- */

struct disk_file *rig_file(struct rig *r, const char *prefix) {
    for (size_t i = 0; i < r->files_count; i++)
        if (strncmp(r->files[i].name, prefix, strlen(prefix)) == 0)
            return &r->files[i];
    return NULL;
}

/* ---- running ---- */

static void reply_keep(struct rig *r, const struct node_effect *e) {
    cr_assert_lt(r->replies_count, RIG_REPLIES_MAX);
    struct rig_reply *reply = &r->replies[r->replies_count++];
    *reply = (struct rig_reply){.request = e->request, .error = e->error};
    buf_append(&reply->text, e->text.data, e->text.size);
    buf_append(&reply->data, e->data.data, e->data.size);
}

static void event_keep(struct rig *r, struct bytes data) {
    struct wire_admin_chunk chunk;
    cr_assert_eq(codec_decode_named(&wire_admin_chunk_type, data, &r->arena, &chunk, NULL), 0);
    if (chunk.event != NULL)
        buf_printf(&r->events, "%.*s\n", BYTES_FMT(chunk.event->text));
}

/* Returns the newest ticket that is durable, 0 for none. */
static uint64_t carry_out(struct rig *r) {
    struct node_effect e;
    uint64_t ticket = 0;
    while (node_drain(r->node, &e)) {
        switch (e.kind) {
        case NODE_DISK:
            if (r->disk_ops_count++ >= r->disk_ops_max && r->disk_ops_max != 0)
                break;
            disk_obey(r->files, &r->files_count, &e.op);
            if (e.op.lasting)
                r->lasting_ticket = e.op.ticket;
            else if (e.op.ticket > ticket)
                ticket = e.op.ticket;
            break;
        case NODE_SAY: buf_printf(&r->said, "%.*s\n", BYTES_FMT(e.text)); break;
        case NODE_REPLY: reply_keep(r, &e); break;
        case NODE_TASK_START:
            r->starts++;
            r->last_started = e.spec->instance;
            break;
        case NODE_TASK_COMMAND:
        case NODE_TASK_RELEASE:
        case NODE_TASK_REMOVE: r->task_commands++; break;
        case NODE_EXIT: r->exits++; break;
        case NODE_RESTART: r->restarts++; break;
        case NODE_DISK_LOOK: r->looks++; break;
        case NODE_READY: r->ready++; break;
        case NODE_STREAM_CLOSE: r->closed++; break;
        case NODE_STREAM_SEND: r->sent++; break;
        case NODE_STREAM_CONNECT:
            r->connects++;
            r->last_connect = e.stream;
            r->last_connect_addr = e.addr;
            break;
        case NODE_NOTIFY: event_keep(r, e.data); break;
        case NODE_SEND_DATAGRAM:
        case NODE_LOG_OPEN:
        case NODE_LOG_CREDIT:
        case NODE_LOG_CLOSE: break;
        }
    }
    return ticket;
}

static void settle(struct rig *r) {
    uint64_t ticket;
    while ((ticket = carry_out(r)) != 0 || (r->lasting_ticket != 0 && !r->lasting_held)) {
        if (ticket == 0) {
            ticket = r->lasting_ticket;
            r->lasting_ticket = 0;
        }
        node_feed(r->node, r->now_us,
                  &(struct node_input){.kind = NODE_DISK_DONE, .wall_ms = 1, .ticket = ticket});
    }
}

void rig_feed(struct rig *r, const struct node_input *input) {
    node_feed(r->node, r->now_us, input);
    settle(r);
}

int rig_start(struct rig *r, bool bootstrap, const char *token) {
    struct node_options o = {.name = bytes_str("one"),
                             .bootstrap = bootstrap,
                             .ports_low = 20000,
                             .ports_high = 20010,
                             .memory_mib = 1024,
                             .cpu_mhz = 1000,
                             .version = bytes_str("0.1.0"),
                             .task_root = bytes_str("/tasks"),
                             .files = r->files,
                             .files_count = r->files_count,
                             .snapshot_entries = r->snapshot_entries,
                             .format = r->format,
                             .copy_part_size_bytes = r->copy_part_size,
                             .marks = r->marks};
    struct addr seed;
    memset(o.identity_seed.b, 7, sizeof o.identity_seed.b);
    memset(o.entropy.b, (int)(++r->runs), sizeof o.entropy.b);
    cr_assert_eq(addr_parse(bytes_str("192.0.2.1:7370"), 0, &o.addr), 0);
    cr_assert_eq(addr_parse(bytes_str("192.0.2.2:7370"), 0, &seed), 0);
    if (token != NULL) {
        o.token = bytes_str(token);
        o.seeds = &seed;
        o.seeds_count = bootstrap ? 0 : 1;
    }
    int error = node_new(&o, r->now_us, 1, &r->node, r->why, sizeof r->why);
    if (error != 0) {
        r->node = NULL;
        return error;
    }
    settle(r);
    if (r->found != NULL)
        RIG_FEED(r, .kind = NODE_TASK_FOUND, .spec = r->found, .status = r->found_status);
    RIG_FEED(r, .kind = NODE_SCAN_DONE);
    return 0;
}

void rig_lead(struct rig *r) {
    cr_assert_eq(rig_start(r, true, NULL), 0);
    rig_until(r, 10 * US_PER_S);
    cr_assert(node_leads(r->node));
}

void rig_join(struct rig *r) {
    cr_assert_eq(rig_start(r, false, rig_token(r)), 0);
    rig_until(r, US_PER_S);
}

void rig_kill(struct rig *r) {
    node_free(r->node);
    r->node = NULL;
}

void rig_until(struct rig *r, int64_t us) {
    int64_t end = r->now_us + us;
    for (unsigned i = 0; i < 100000; i++) {
        int64_t at = node_deadline(r->node);
        if (at > end) {
            r->now_us = end;
            return;
        }
        if (at > r->now_us)
            r->now_us = at;
        RIG_FEED(r, .kind = NODE_TICK);
    }
    cr_assert(false, "its deadline does not move");
}

/* ---- looking ---- */

struct bytes rig_encoded(struct rig *r, const struct codec_type *type, const void *obj) {
    struct buf out = {0};
    codec_encode_named(type, obj, &out);
    struct bytes copy = arena_copy(&r->arena, buf_bytes(&out));
    buf_done(&out);
    return copy;
}

const char *rig_token(struct rig *r) {
    struct join_token token = {.cluster = {{5}}};
    struct buf text = {0};
    memset(token.secret.b, 9, sizeof token.secret.b);
    secret_token_append(&text, &token);
    const char *copy = (const char *)arena_copy(&r->arena, buf_bytes(&text)).data;
    buf_done(&text);
    return copy;
}

const struct rig_reply *rig_reply(const struct rig *r, uint64_t request) {
    for (size_t i = 0; i < r->replies_count; i++)
        if (r->replies[i].request == request)
            return &r->replies[i];
    return NULL;
}

const struct rig_reply *rig_request(struct rig *r, uint64_t number, const char *method, struct bytes params) {
    RIG_FEED(r, .kind = NODE_REQUEST, .request = number, .method = bytes_str(method), .data = params);
    return rig_reply(r, number);
}

struct wire_admin_status rig_status(struct rig *r) {
    static const uint8_t empty_map = 0x80;
    struct wire_admin_status status;
    const struct rig_reply *reply =
        rig_request(r, 1000 + r->replies_count, "status", bytes_of(&empty_map, 1));
    cr_assert(reply != NULL && reply->error == 0);
    cr_assert_eq(
        codec_decode_named(&wire_admin_status_type, buf_bytes(&reply->data), &r->arena, &status, NULL), 0);
    return status;
}

bool rig_has_said(struct rig *r, const char *text) { return strstr(buf_str(&r->said), text) != NULL; }
