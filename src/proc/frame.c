/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "common.h"

#include <errno.h>
#include <sys/socket.h>

#define HEADER_SIZE 4
#define READ_SIZE   4096 /* a status is some 100 bytes, a command less */

void link_close(struct link *l) {
    fd_close(&l->fd);
    buf_done(&l->in);
    buf_done(&l->out);
}

void link_put(struct link *l, const struct codec_type *type, const void *message) {
    size_t start = l->out.size;
    buf_append(&l->out, (const uint8_t[HEADER_SIZE]){0}, HEADER_SIZE);
    codec_encode(type, message, &l->out);
    size_t size = l->out.size - start - HEADER_SIZE;
    assert(size <= FRAME_MAX);
    for (size_t i = 0; i < HEADER_SIZE; i++)
        l->out.data[start + i] = (uint8_t)(size >> (8 * (HEADER_SIZE - 1 - i)));
}

int link_flush(struct link *l) {
    while (l->out.size > 0) {
        ssize_t sent = send(l->fd, l->out.data, l->out.size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return errno == EAGAIN ? 0 : ERR_CLOSED;
        buf_consume(&l->out, (size_t)sent);
    }
    return 0;
}

int link_read(struct link *l) {
    buf_reserve(&l->in, READ_SIZE);
    ssize_t got = recv(l->fd, l->in.data + l->in.size, READ_SIZE, MSG_DONTWAIT);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR ? ERR_BUSY : ERR_CLOSED;
    if (got == 0)
        return ERR_CLOSED;
    l->in.size += (size_t)got;
    return 0;
}

int link_peek(const struct link *l, struct bytes *ret_message) {
    size_t size = 0;
    if (l->in.size < HEADER_SIZE)
        return ERR_BUSY;
    for (size_t i = 0; i < HEADER_SIZE; i++)
        size = size << 8 | l->in.data[i];
    if (size > FRAME_MAX)
        return ERR_LIMIT;
    if (l->in.size - HEADER_SIZE < size)
        return ERR_BUSY;
    *ret_message = bytes_of(l->in.data + HEADER_SIZE, size);
    return 0;
}

void link_pop(struct link *l) {
    struct bytes message;
    int error = link_peek(l, &message);
    assert(!error);
    buf_consume(&l->in, HEADER_SIZE + message.size);
}
