/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Frames over the socket. */
#include "internal.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>

#define READ_SIZE (256u << 10)
/* A frame larger than this is looked at again when a quarter more of it has come, or nothing for so long. */
#define SCAN_FREE (64u << 10)
#define PAUSE_MS  2
#define INPUT_MAX (64u << 20) /* bytes taken while sending */

/* ---- waiting ------------------------------------------------------------------------------------------- */

/* Waits for the socket; ERR_TIMEOUT. Errors of the socket are left to the call that meets them. */
static int socket_wait(struct client *c, short events, int64_t deadline_ms) {
    for (;;) {
        int64_t left = deadline_ms == INT64_MAX ? -1 : deadline_ms - client_now_ms();
        if (deadline_ms != INT64_MAX && left < 0)
            left = 0;
        struct pollfd fd = {.fd = c->fd, .events = events};
        int count = poll(&fd, 1, left > INT_MAX ? INT_MAX : (int)left);
        if (count > 0)
            return 0;
        if (count == 0 && client_now_ms() >= deadline_ms)
            return ERR_TIMEOUT;
        if (count < 0 && errno != EINTR)
            return ERR_IO;
    }
}

static int closed(struct client *c) {
    c->broken = ERR_CLOSED;
    return client_fail(c, ERR_CLOSED, "the agent at %s closed the connection", c->path);
}

static size_t left_size(const struct client *c) { return c->input.size - c->input_at; }

static int receive(struct client *c) {
    buf_reserve(&c->input, READ_SIZE);
    ssize_t size = recv(c->fd, c->input.data + c->input.size, READ_SIZE, MSG_DONTWAIT);
    if (size > 0)
        c->input.size += (size_t)size;
    else if (size == 0 || (errno != EAGAIN && errno != EINTR))
        return closed(c);
    return 0;
}

/* ---- sending ------------------------------------------------------------------------------------------- */

/* Until there is room. What comes meanwhile is taken: two that only send would wait for one another for ever.
 */
static int room_wait(struct client *c, int64_t deadline_ms) {
    bool can_take = left_size(c) < INPUT_MAX;
    int error = socket_wait(c, can_take ? POLLOUT | POLLIN : POLLOUT, deadline_ms);
    if (error == 0 && can_take && receive(c))
        c->is_deaf = true;
    return error;
}

int client_frame_send(struct client *c, struct bytes frame, int64_t deadline_ms) {
    if (frame.size > WIRE_MESSAGE_MAX)
        return client_fail(c, ERR_LIMIT, "the request is larger than %u bytes", (unsigned)WIRE_MESSAGE_MAX);
    struct bytes left = frame;
    while (left.size > 0 && !c->is_deaf) {
        ssize_t sent = send(c->fd, left.data, left.size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) {
            left = bytes_of(left.data + sent, left.size - (size_t)sent);
            continue;
        }
        if (errno != EAGAIN && errno != EINTR)
            c->is_deaf = true;
        else if (room_wait(c, deadline_ms) == ERR_TIMEOUT) {
            /* Half a request cannot be taken back. */
            c->broken = left.size < frame.size ? ERR_CLOSED : 0;
            return client_fail(c, ERR_TIMEOUT, "the agent at %s takes no requests", c->path);
        }
    }
    return 0;
}

/* ---- receiving ----------------------------------------------------------------------------------------- */

/* At least something more; of a large frame enough to be worth a look. */
static int input_more(struct client *c, int64_t deadline_ms) {
    size_t before = left_size(c), wanted = before > SCAN_FREE ? before + before / 4 : before + 1;
    if (c->input_at > 0) {
        buf_consume(&c->input, c->input_at);
        c->input_at = 0;
    }
    while (left_size(c) < wanted) {
        bool has_more = left_size(c) > before;
        int error = socket_wait(c, POLLIN, has_more ? client_now_ms() + PAUSE_MS : deadline_ms);
        if (error == ERR_TIMEOUT && has_more)
            return 0;
        if (error == ERR_TIMEOUT)
            return client_fail(c, error, "the agent at %s did not answer in time", c->path);
        error = receive(c);
        if (error)
            return error;
    }
    return 0;
}

int client_frame_next(struct client *c, int64_t deadline_ms, struct codec_rpc *ret_rpc) {
    for (;;) {
        struct bytes left = bytes_of(c->input.data + c->input_at, left_size(c));
        size_t used = 0;
        int error = left.size > 0 ? codec_rpc_decode(left, WIRE_MESSAGE_MAX, ret_rpc, &used) : ERR_BUSY;
        if (error == 0) {
            c->input_at += used;
            return 0;
        }
        if (error != ERR_BUSY) {
            c->broken = error;
            return client_fail(c, error, "what answers at %s does not speak MessagePack-RPC", c->path);
        }
        error = input_more(c, deadline_ms);
        if (error)
            return error;
    }
}
