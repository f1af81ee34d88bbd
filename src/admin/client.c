/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* One client: its socket, what came from it, what goes to it, and when patience ends. */
#include "internal.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct client *admin_client_new(struct admin *a, int fd, uint32_t uid) {
    struct client *c = mem_alloc(sizeof *c);
    *c = (struct client){.id = a->client_next++,
                         .fd = fd,
                         .uid = uid,
                         .interest = EPOLLIN,
                         .deadline_us = TIME_NEVER_US,
                         .scan_us = TIME_NEVER_US};
    map_put(&a->clients, bytes_of(&c->id, sizeof c->id), c);
    struct epoll_event e = {.events = EPOLLIN, .data.u64 = c->id};
    if (epoll_ctl(a->epoll, EPOLL_CTL_ADD, fd, &e))
        admin_client_end(a, c);
    return c;
}

/* Nobody will read their answers. */
static void requests_close(struct admin *a, struct client *c) {
    for (size_t i = 0; i < c->requests.count; i++)
        VEC_PUSH(&a->closed, c->requests.data[i]->id);
    while (c->requests.count > 0)
        admin_request_drop(a, c->requests.data[c->requests.count - 1]);
}

void admin_client_end(struct admin *a, struct client *c) {
    if (c->state == CLIENT_GONE)
        return;
    c->state = CLIENT_GONE;
    c->deadline_us = c->scan_us = TIME_NEVER_US;
    a->gone_count++;
    requests_close(a, c);
    close(c->fd);
    c->fd = -1;
}

void admin_client_free(struct admin *a, struct client *c) {
    admin_client_end(a, c);
    a->gone_count--;
    map_remove(&a->clients, bytes_of(&c->id, sizeof c->id));
    buf_done(&c->input);
    buf_done(&c->output);
    VEC_DONE(&c->requests);
    mem_free(c);
}

/* ---- output -------------------------------------------------------------------------------------------- */

static size_t output_left(const struct client *c) { return c->output.size - c->output_at; }

static void buffer_shrink(struct buf *b) {
    if (b->capacity > KEPT_SIZE)
        buf_done(b);
    else
        buf_clear(b);
}

void admin_client_settle(struct admin *a, struct client *c) {
    if (c->state == CLIENT_GONE)
        return;
    bool is_told = c->input_at == c->input.size || c->scanned > 0;
    if (c->is_ended && is_told && c->requests.count == 0 && output_left(c) == 0) {
        admin_client_end(a, c);
        return;
    }
    uint32_t interest =
        (c->is_ended ? 0u : (uint32_t)EPOLLIN) | (output_left(c) > 0 ? (uint32_t)EPOLLOUT : 0u);
    struct epoll_event e = {.events = interest, .data.u64 = c->id};
    if (c->interest != interest && epoll_ctl(a->epoll, EPOLL_CTL_MOD, c->fd, &e))
        admin_client_end(a, c);
    c->interest = interest;
}

void admin_client_flush(struct admin *a, struct client *c) {
    while (c->state != CLIENT_GONE && output_left(c) > 0) {
        ssize_t sent =
            send(c->fd, c->output.data + c->output_at, output_left(c), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0)
            c->output_at += (size_t)sent;
        else if (errno == EAGAIN)
            break;
        else if (errno != EINTR)
            admin_client_end(a, c);
    }
    if (output_left(c) == 0) {
        c->output_at = 0;
        buffer_shrink(&c->output);
    }
    if (c->state == CLIENT_CLOSING && output_left(c) == 0)
        (void)shutdown(c->fd, SHUT_WR);
    admin_client_settle(a, c);
}

void admin_client_send(struct admin *a, struct client *c, struct bytes frame) {
    if (c->state == CLIENT_GONE)
        return;
    if (output_left(c) > OUTPUT_MAX) {
        admin_client_end(a, c);
        return;
    }
    /* Moved only when half of it has gone: each byte is moved once at most. */
    if (c->output_at > c->output.size / 2) {
        buf_consume(&c->output, c->output_at);
        c->output_at = 0;
    }
    bool was_empty = output_left(c) == 0;
    buf_append(&c->output, frame.data, frame.size);
    if (was_empty)
        admin_client_flush(a, c);
}

void admin_client_send_late(struct admin *a, struct client *c, struct bytes frame) {
    if (c->state == CLIENT_GONE || output_left(c) + frame.size > READ_SIZE) {
        admin_client_send(a, c, frame);
        admin_client_flush(a, c);
        return;
    }
    buf_append(&c->output, frame.data, frame.size);
    if (!c->is_late)
        VEC_PUSH(&a->late, c->id);
    c->is_late = true;
}

void admin_client_refuse(struct admin *a, struct client *c, int error, const char *text) {
    struct buf frame = {0};
    if (c->state != CLIENT_OPEN)
        return;
    admin_error_append(&frame, 0, error, bytes_str(text));
    c->state = CLIENT_CLOSING;
    c->deadline_us = a->now_us + LINGER_US;
    c->scan_us = TIME_NEVER_US;
    requests_close(a, c);
    admin_client_send(a, c, buf_bytes(&frame));
    buf_done(&frame);
}

/* ---- input --------------------------------------------------------------------------------------------- */

void admin_client_drained(struct client *c) {
    c->input_at = 0;
    buffer_shrink(&c->input);
}

/* The other end sends no more: it may have gone, or have closed that direction only and wait for its answers.
 */
static void input_end(struct admin *a, struct client *c, bool is_hung_up) {
    c->is_ended = true;
    c->deadline_us = TIME_NEVER_US;
    if (is_hung_up || c->state == CLIENT_CLOSING)
        admin_client_end(a, c);
}

void admin_client_read(struct admin *a, struct client *c, bool is_hung_up) {
    size_t taken = 0;
    if (c->input_at > 0) {
        buf_consume(&c->input, c->input_at);
        c->input_at = 0;
    }
    while (c->state != CLIENT_GONE && !c->is_ended && taken < READ_BUDGET) {
        buf_reserve(&c->input, READ_SIZE);
        ssize_t size = recv(c->fd, c->input.data + c->input.size, READ_SIZE, MSG_DONTWAIT);
        if (size > 0) {
            c->input.size += (size_t)size;
            taken += (size_t)size;
            if (c->state == CLIENT_CLOSING)
                admin_client_drained(c);
            if ((size_t)size < READ_SIZE && !is_hung_up)
                break; /* that was all; more, or its end, makes the socket readable again */
        } else if (size == 0)
            input_end(a, c, is_hung_up);
        else if (errno == EAGAIN)
            break;
        else if (errno != EINTR)
            admin_client_end(a, c);
    }
}

/* ---- time ---------------------------------------------------------------------------------------------- */

void admin_client_time(struct admin *a, struct client *c) {
    if (c->state == CLIENT_GONE || a->now_us < c->deadline_us)
        return;
    if (c->state == CLIENT_CLOSING)
        admin_client_end(a, c);
    else
        admin_client_refuse(a, c, ERR_TIMEOUT, "the message was begun and not completed in time");
}

int64_t admin_client_deadline(const struct client *c) {
    return c->scan_us < c->deadline_us ? c->scan_us : c->deadline_us;
}
