/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "rig.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

int64_t rig_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * US_PER_S + now.tv_nsec / 1000;
}

void rig_new(struct rig *r, const struct admin_options *options) {
    char text[256] = "";
    struct admin_options o = options ? *options : (struct admin_options){0};
    memset(r, 0, sizeof *r);
    snprintf(r->folder, sizeof r->folder, "/tmp/covey-admin.XXXXXX");
    cr_assert_not_null(mkdtemp(r->folder));
    snprintf(r->path, sizeof r->path, "%s/sock", r->folder);
    o.path = r->path;
    r->admin = admin_new(&o, text, sizeof text);
    cr_assert_not_null(r->admin, "%s", text);
}

void rig_done(struct rig *r) {
    admin_free(r->admin);
    for (size_t i = 0; i < r->events_count; i++)
        buf_done(&r->events[i].params);
    cr_assert_eq(rmdir(r->folder), 0, "something is left in the folder");
}

static void event_take(struct rig *r, const struct admin_event *e) {
    cr_assert_lt(r->events_count, RIG_EVENT_MAX);
    struct rig_event *kept = &r->events[r->events_count++];
    *kept = (struct rig_event){.kind = e->kind, .request = e->request, .bytes = e->bytes, .uid = e->uid};
    if (e->method.size > 0)
        memcpy(kept->method, e->method.data, e->method.size);
    buf_append(&kept->params, e->params.data, e->params.size);
    r->counts[e->kind]++;
}

void rig_turn(struct rig *r) {
    struct admin_event e;
    int64_t now = rig_now(), at = admin_deadline(r->admin);
    if (at > now + 5 * US_PER_MS)
        at = now + 5 * US_PER_MS;
    struct pollfd fd = {.fd = admin_fd(r->admin), .events = POLLIN};
    poll(&fd, 1, at > now ? (int)((at - now + 999) / 1000) : 0);
    admin_poll(r->admin, rig_now());
    while (admin_next(r->admin, &e))
        event_take(r, &e);
}

void rig_until(struct rig *r, enum admin_event_kind kind, unsigned count) {
    int64_t end = rig_now() + RIG_WAIT_US;
    while (r->counts[kind] < count) {
        cr_assert_lt(rig_now(), end, "waited in vain");
        rig_turn(r);
    }
}

const struct rig_event *rig_last(const struct rig *r) {
    cr_assert_gt(r->events_count, 0);
    return &r->events[r->events_count - 1];
}

int rig_connect(struct rig *r) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, r->path, strlen(r->path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int64_t end = rig_now() + RIG_WAIT_US;
    while (connect(fd, (struct sockaddr *)&address, sizeof address)) {
        cr_assert_eq(errno, EAGAIN);
        cr_assert_lt(rig_now(), end);
        rig_turn(r);
    }
    return fd;
}

bool rig_send(struct rig *r, int fd, struct bytes data) {
    int64_t end = rig_now() + RIG_WAIT_US;
    while (data.size > 0) {
        ssize_t sent = send(fd, data.data, data.size, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN)
            return false;
        cr_assert_lt(rig_now(), end, "the server takes nothing");
        if (sent > 0)
            data = bytes_of(data.data + sent, data.size - (size_t)sent);
        rig_turn(r);
    }
    return true;
}

void rig_request(struct rig *r, int fd, uint32_t msgid, const char *method, const struct codec_type *type,
                 const void *params) {
    struct buf encoded = {0}, frame = {0};
    if (type)
        codec_encode_named(type, params, &encoded);
    struct codec_rpc rpc = {.type = CODEC_RPC_REQUEST,
                            .msgid = msgid,
                            .method = bytes_str(method),
                            .params = buf_bytes(&encoded)};
    codec_rpc_encode(&rpc, &frame);
    cr_assert(rig_send(r, fd, buf_bytes(&frame)));
    buf_done(&encoded);
    buf_done(&frame);
}

void rig_credit(struct rig *r, int fd, uint64_t id, uint64_t bytes) {
    struct buf encoded = {0}, frame = {0};
    struct wire_admin_credit credit = {.id = id, .bytes = bytes};
    codec_encode_named(&wire_admin_credit_type, &credit, &encoded);
    struct codec_rpc rpc = {
        .type = CODEC_RPC_NOTIFY, .method = bytes_str("credit"), .params = buf_bytes(&encoded)};
    codec_rpc_encode(&rpc, &frame);
    cr_assert(rig_send(r, fd, buf_bytes(&frame)));
    buf_done(&encoded);
    buf_done(&frame);
}

bool rig_frame(struct rig *r, int fd, struct buf *in, struct codec_rpc *ret_rpc) {
    static uint8_t block[1 << 16];
    int64_t end = rig_now() + RIG_WAIT_US;
    for (;;) {
        size_t used = 0;
        int error =
            in->size > 0 ? codec_rpc_decode(buf_bytes(in), WIRE_MESSAGE_MAX, ret_rpc, &used) : ERR_BUSY;
        cr_assert(error == 0 || error == ERR_BUSY);
        if (error == 0) {
            /* The views stay right until more is received. */
            static uint8_t frame[WIRE_MESSAGE_MAX];
            memcpy(frame, in->data, used);
            cr_assert_eq(codec_rpc_decode(bytes_of(frame, used), WIRE_MESSAGE_MAX, ret_rpc, &used), 0);
            buf_consume(in, used);
            return true;
        }
        cr_assert_lt(rig_now(), end, "no frame comes");
        ssize_t size = recv(fd, block, sizeof block, 0);
        if (size == 0 || (size < 0 && errno != EAGAIN))
            return false;
        if (size > 0)
            buf_append(in, block, (size_t)size);
        rig_turn(r);
    }
}

void rig_expect_error(struct rig *r, int fd, struct buf *in, uint32_t msgid, int error, char text[256]) {
    struct codec_rpc rpc;
    struct wire_admin_error told;
    struct arena arena = {0};
    cr_assert(rig_frame(r, fd, in, &rpc));
    cr_assert_eq(rpc.type, CODEC_RPC_RESPONSE);
    cr_assert_eq(rpc.msgid, msgid);
    cr_assert(codec_rpc_failed(&rpc));
    cr_assert_eq(codec_decode_named(&wire_admin_error_type, rpc.error, &arena, &told, NULL), 0);
    cr_assert_eq(told.code, error, "%d", (int)told.code);
    size_t size = told.text.size < 255 ? told.text.size : 255;
    memcpy(text, told.text.data, size);
    text[size] = 0;
    arena_done(&arena);
}

void rig_expect_end(struct rig *r, int fd, struct buf *in) {
    struct codec_rpc rpc;
    cr_assert(!rig_frame(r, fd, in, &rpc));
    close(fd);
    buf_done(in);
}
