/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "fake.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void *run(void *arg) {
    struct fake *f = arg;
    f->fd = accept(f->listener, NULL, NULL);
    if (f->fd >= 0) {
        f->serve(f);
        close(f->fd);
    }
    return NULL;
}

struct client *fake_start(struct fake *f, void (*serve)(struct fake *f)) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct client *c = NULL;
    char text[256] = "";
    *f = (struct fake){.serve = serve, .fd = -1};
    snprintf(f->folder, sizeof f->folder, "/tmp/covey-client.XXXXXX");
    cr_assert_not_null(mkdtemp(f->folder));
    snprintf(f->path, sizeof f->path, "%s/sock", f->folder);
    memcpy(address.sun_path, f->path, strlen(f->path));
    f->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    cr_assert_eq(bind(f->listener, (struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(listen(f->listener, 4), 0);
    cr_assert_eq(pthread_create(&f->thread, NULL, run, f), 0);
    cr_assert_eq(client_connect(f->path, &c, text, sizeof text), 0, "%s", text);
    return c;
}

void fake_join(struct fake *f) {
    if (!f->is_joined)
        pthread_join(f->thread, NULL);
    f->is_joined = true;
}

void fake_done(struct fake *f, struct client *c) {
    client_free(c);
    fake_join(f);
    close(f->listener);
    unlink(f->path);
    rmdir(f->folder);
    buf_done(&f->in);
    buf_done(&f->frame);
}

bool fake_receive(struct fake *f) {
    size_t used = 0;
    while (f->in.size == 0 ||
           codec_rpc_decode(buf_bytes(&f->in), WIRE_MESSAGE_MAX, &f->rpc, &used) == ERR_BUSY) {
        uint8_t block[65536];
        ssize_t size = recv(f->fd, block, sizeof block, 0);
        if (size <= 0)
            return false;
        f->received_bytes += (size_t)size;
        buf_append(&f->in, block, (size_t)size);
    }
    buf_clear(&f->frame);
    buf_append(&f->frame, f->in.data, used);
    buf_consume(&f->in, used);
    return codec_rpc_decode(buf_bytes(&f->frame), WIRE_MESSAGE_MAX, &f->rpc, &used) == 0;
}

void fake_send_bytes(struct fake *f, struct bytes data) {
    while (data.size > 0) {
        ssize_t sent = send(f->fd, data.data, data.size, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        data = bytes_of(data.data + sent, data.size - (size_t)sent);
    }
}

static void frame_send(struct fake *f, struct codec_rpc *rpc) {
    struct buf frame = {0};
    codec_rpc_encode(rpc, &frame);
    fake_send_bytes(f, buf_bytes(&frame));
    buf_done(&frame);
}

void fake_answer(struct fake *f, uint32_t msgid, const struct codec_type *type, const void *result) {
    struct buf encoded = {0};
    codec_encode_named(type, result, &encoded);
    frame_send(
        f, &(struct codec_rpc){.type = CODEC_RPC_RESPONSE, .msgid = msgid, .result = buf_bytes(&encoded)});
    buf_done(&encoded);
}

void fake_answer_error(struct fake *f, uint32_t msgid, int code, const char *text) {
    struct buf encoded = {0};
    struct wire_admin_error error = {.code = code, .text = bytes_str(text)};
    codec_encode_named(&wire_admin_error_type, &error, &encoded);
    frame_send(f,
               &(struct codec_rpc){.type = CODEC_RPC_RESPONSE, .msgid = msgid, .error = buf_bytes(&encoded)});
    buf_done(&encoded);
}

void fake_chunk(struct fake *f, uint64_t id, struct bytes data, bool end) {
    struct buf encoded = {0};
    struct wire_admin_chunk chunk = {.id = id, .data = data, .end = end};
    codec_encode_named(&wire_admin_chunk_type, &chunk, &encoded);
    frame_send(f, &(struct codec_rpc){
                      .type = CODEC_RPC_NOTIFY, .method = bytes_str("chunk"), .params = buf_bytes(&encoded)});
    buf_done(&encoded);
}

uint64_t fake_credit(struct fake *f, uint64_t id) {
    struct arena arena = {0};
    struct wire_admin_credit credit = {0};
    if (!fake_receive(f) || !bytes_is(f->rpc.method, "credit") ||
        codec_decode_named(&wire_admin_credit_type, f->rpc.params, &arena, &credit, NULL) != 0 ||
        credit.id != id)
        credit.bytes = UINT64_MAX;
    arena_done(&arena);
    return credit.bytes;
}
