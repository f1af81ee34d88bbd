/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * TCP connections.
 *
 *   net_connect -> CONNECTING --answered--> OPEN --net_close--> CLOSING --all sent and ended, or 1 s--> gone
 *                      |                     |
 *                 NET_CLOSED             NET_CLOSED
 *
 * An output error is not told at once: what the peer sent before it went may still wait in the kernel, and
 * its last words (why it refused a join) are worth more than the error. Reading comes to the end by itself.
 */
#include "internal.h"

#include <errno.h>
#include <linux/sockios.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

static struct conn *conn_find(const struct net *n, uint64_t id) {
    return map_get(&n->conns, bytes_of(&id, sizeof id));
}

static struct conn *conn_new(struct net *n, uint64_t id, int fd, enum conn_state state) {
    struct conn *c = mem_alloc(sizeof *c);
    *c = (struct conn){
        .id = id, .fd = fd, .state = state, .deadline_us = TIME_NEVER_US, .accepted = id % 2 == 1};
    void *replaced = map_put(&n->conns, bytes_of(&c->id, sizeof c->id), c);
    assert(!replaced);
    if (c->accepted)
        n->accepted_count++;
    return c;
}

static void deadline_set(struct net *n, struct conn *c, int64_t deadline_us) {
    if (c->deadline_us != TIME_NEVER_US)
        n->timed_count--;
    if (deadline_us != TIME_NEVER_US)
        n->timed_count++;
    c->deadline_us = deadline_us;
}

static void conn_drop(struct net *n, struct conn *c) {
    deadline_set(n, c, TIME_NEVER_US);
    map_remove(&n->conns, bytes_of(&c->id, sizeof c->id));
    if (c->accepted)
        n->accepted_count--;
    close(c->fd);
    buf_done(&c->queue);
    mem_free(c);
}

void net_conns_free(struct net *n) {
    while (n->conns.count > 0)
        conn_drop(n, n->conns.entries[n->conns.count - 1].value);
    map_done(&n->conns);
}

/* ---- the end ------------------------------------------------------------------------------------------- */

static void closed_tell(struct net *n, uint64_t id, int error, const char *text) {
    struct told *t = net_tell(n, (struct net_event){.kind = NET_CLOSED, .conn = id, .error = error});
    buf_printf(&t->text, "%s", text);
}

static void conn_end(struct net *n, struct conn *c, int error, const char *text) {
    uint64_t id = c->id;
    bool is_told = c->state == CONN_CLOSING;
    conn_drop(n, c);
    if (!is_told)
        closed_tell(n, id, error, text);
}

/* A process that is dead refuses; a host that is dead, or cut off, is silent. */
static void errno_tell(int number, bool is_connecting, int *ret_error, const char **ret_text) {
    *ret_error = ERR_CLOSED;
    if (number == ECONNREFUSED || (number == ECONNRESET && is_connecting))
        *ret_text = "connection refused";
    else if (number == ECONNRESET || number == EPIPE)
        *ret_text = "connection reset";
    else {
        *ret_error = number == ETIMEDOUT ? ERR_TIMEOUT : ERR_IO;
        *ret_text = strerror(number);
    }
}

static void conn_fail(struct net *n, struct conn *c, int number) {
    int error;
    const char *text;
    errno_tell(number, c->state == CONN_CONNECTING, &error, &text);
    conn_end(n, c, error, text);
}

/* ---- output -------------------------------------------------------------------------------------------- */

static size_t queued(const struct conn *c) { return c->queue.size - c->queue_at; }

static uint32_t interest_wanted(const struct conn *c) {
    if (c->state == CONN_CONNECTING)
        return EPOLLOUT;
    return (c->ended ? 0u : (uint32_t)EPOLLIN) | (queued(c) > 0 ? (uint32_t)EPOLLOUT : 0u);
}

static void conn_watch(struct net *n, struct conn *c) {
    uint32_t interest = interest_wanted(c);
    if (c->interest != interest && !net_watch(n, c->fd, c->id, interest) && c->error == 0)
        c->error = errno;
    c->interest = interest;
    /* If its end does not become readable, time ends it. */
    if (c->error != 0 && c->deadline_us == TIME_NEVER_US)
        deadline_set(n, c, DEADLINE_UNSET);
}

static void queue_drop(struct conn *c) {
    c->queue_at = 0;
    if (c->queue.capacity > QUEUE_KEPT)
        buf_done(&c->queue);
    else
        buf_clear(&c->queue);
}

static void queue_add(struct conn *c, struct bytes data) {
    /* Moved only when half of it has gone: each byte is moved once at most. */
    if (c->queue_at > c->queue.size / 2) {
        buf_consume(&c->queue, c->queue_at);
        c->queue_at = 0;
    }
    buf_append(&c->queue, data.data, data.size);
}

/* How much the kernel took; an error is kept in the connection. */
static size_t output_send(struct conn *c, struct bytes data) {
    size_t taken = 0;
    while (taken < data.size && c->error == 0) {
        ssize_t sent = send(c->fd, data.data + taken, data.size - taken, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0)
            taken += (size_t)sent;
        else if (errno == EAGAIN)
            break;
        else if (errno != EINTR)
            c->error = errno;
    }
    return taken;
}

static void output_flush(struct net *n, struct conn *c) {
    c->queue_at += output_send(c, bytes_of(c->queue.data + c->queue_at, queued(c)));
    if (queued(c) == 0 || c->error != 0)
        queue_drop(c);
    if (queued(c) == 0 && c->state == CONN_CLOSING)
        (void)shutdown(c->fd, SHUT_WR);
    conn_watch(n, c);
}

size_t net_queued(const struct net *n, uint64_t conn) {
    const struct conn *c = conn_find(n, conn);
    return c && c->state != CONN_CLOSING ? queued(c) : 0;
}

int net_send(struct net *n, uint64_t conn, struct bytes data) {
    struct conn *c = conn_find(n, conn);
    if (!c || c->state == CONN_CLOSING)
        return ERR_NOT_FOUND;
    if (data.size > n->options.output_max_bytes || queued(c) > n->options.output_max_bytes - data.size) {
        conn_end(n, c, ERR_LIMIT, "the peer does not take what is sent to it");
        return ERR_LIMIT;
    }
    if (c->state == CONN_OPEN && queued(c) == 0) {
        size_t taken = output_send(c, data);
        data = bytes_of(data.data + taken, data.size - taken);
    }
    if (c->error == 0)
        queue_add(c, data);
    conn_watch(n, c);
    return 0;
}

static bool is_unacknowledged(const struct conn *c) {
    int bytes = 0;
    return ioctl(c->fd, SIOCOUTQ, &bytes) != 0 || bytes > 0;
}

void net_close(struct net *n, uint64_t conn) {
    struct conn *c = conn_find(n, conn);
    if (!c || c->state == CONN_CLOSING)
        return;
    if (c->state == CONN_CONNECTING || c->error != 0 || (queued(c) == 0 && !is_unacknowledged(c))) {
        conn_drop(n, c);
        return;
    }
    c->state = CONN_CLOSING;
    deadline_set(n, c, DEADLINE_UNSET);
    output_flush(n, c);
}

/* ---- connecting ---------------------------------------------------------------------------------------- */

void net_connect(struct net *n, uint64_t conn, const struct addr *to, int64_t now_us) {
    struct sockaddr_storage address;
    int error;
    const char *text;
    assert(conn % 2 == 0 && !conn_find(n, conn));
    n->now_us = now_us;
    if (n->conns.count - n->accepted_count >= n->options.connections_max) {
        closed_tell(n, conn, ERR_LIMIT, "too many connections");
        return;
    }
    socklen_t size = net_sockaddr(to, to->size == 6 ? AF_INET : AF_INET6, &address);
    int fd = size > 0 ? net_stream_socket(n, to) : -1;
    if (fd < 0) {
        errno_tell(size > 0 ? errno : EADDRNOTAVAIL, true, &error, &text);
        closed_tell(n, conn, error, text);
        return;
    }
    struct conn *c = conn_new(n, conn, fd, CONN_CONNECTING);
    deadline_set(n, c, now_us + n->options.connect_timeout_us);
    if (connect(fd, (struct sockaddr *)&address, size) == 0 || errno == EINPROGRESS) {
        conn_watch(n, c);
        if (c->error == 0)
            return;
        errno = c->error;
    }
    conn_fail(n, c, errno);
}

static bool connect_finish(struct net *n, struct conn *c, struct net_event *ret_event) {
    int number = 0;
    socklen_t size = sizeof number;
    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &number, &size))
        number = errno;
    if (number != 0) {
        conn_fail(n, c, number);
        return false;
    }
    c->state = CONN_OPEN;
    deadline_set(n, c, TIME_NEVER_US);
    output_flush(n, c);
    ret_event->kind = NET_CONNECTED;
    ret_event->conn = c->id;
    return true;
}

/* ---- input --------------------------------------------------------------------------------------------- */

/* The peer has said its last word. */
static void input_end(struct net *n, struct conn *c) {
    if (c->error != 0)
        conn_fail(n, c, c->error);
    else if (c->state == CONN_CLOSING && queued(c) > 0) {
        c->ended = true;
        conn_watch(n, c);
    } else
        conn_end(n, c, ERR_CLOSED, "closed by the peer");
}

static bool input_read(struct net *n, struct conn *c, struct ready *r, struct net_event *ret_event) {
    ssize_t size = recv(c->fd, n->read_buffer, READ_SIZE, MSG_DONTWAIT);
    if (size == 0) {
        input_end(n, c);
        return false;
    }
    if (size < 0) {
        if (errno != EAGAIN && errno != EINTR)
            conn_fail(n, c, c->error != 0 ? c->error : errno);
        else if (c->error != 0)
            conn_fail(n, c, c->error);
        return false;
    }
    if ((size_t)size < READ_SIZE && c->error == 0)
        r->turns = READS_PER_POLL;
    ret_event->kind = NET_BYTES;
    ret_event->conn = c->id;
    ret_event->data = bytes_of(n->read_buffer, (size_t)size);
    return c->state != CONN_CLOSING;
}

bool net_conn_next(struct net *n, struct ready *r, struct net_event *ret_event) {
    struct conn *c = conn_find(n, r->tag);
    if (!c)
        return false;
    if (c->state == CONN_CONNECTING)
        return connect_finish(n, c, ret_event);
    if (r->events & EPOLLOUT) {
        r->events &= ~(uint32_t)EPOLLOUT;
        output_flush(n, c);
    }
    if (c->error == 0 && (r->events == 0 || r->turns++ >= READS_PER_POLL))
        return false;
    if (c->ended) {
        conn_drop(n, c);
        return false;
    }
    return input_read(n, c, r, ret_event);
}

/* ---- accepting ----------------------------------------------------------------------------------------- */

static bool accept_failed(struct net *n) {
    if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM)
        return errno != EAGAIN;
    /* The listener stays ready: looking away for a while keeps the loop from spinning. */
    if (net_watch(n, n->listener, TAG_LISTENER, 0))
        n->accept_again_us = n->now_us + ACCEPT_PAUSE_US;
    return false;
}

bool net_listener_next(struct net *n, struct ready *r, struct net_event *ret_event) {
    while (r->turns++ < ACCEPTS_PER_POLL) {
        struct sockaddr_storage from;
        socklen_t size = sizeof from;
        int fd = accept4(n->listener, (struct sockaddr *)&from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && !accept_failed(n))
            return false;
        if (fd < 0)
            continue;
        if (n->accepted_count >= n->options.connections_max) {
            close(fd);
            continue;
        }
        net_stream_options(fd);
        struct conn *c = conn_new(n, n->accepted_next, fd, CONN_OPEN);
        n->accepted_next += 2;
        conn_watch(n, c);
        if (c->error != 0) {
            conn_drop(n, c);
            continue;
        }
        ret_event->kind = NET_ACCEPTED;
        ret_event->conn = c->id;
        net_addr_of(&from, &ret_event->addr);
        return true;
    }
    return false;
}

/* ---- time ---------------------------------------------------------------------------------------------- */

static void conn_time(struct net *n, struct conn *c) {
    if (c->deadline_us == DEADLINE_UNSET)
        deadline_set(n, c, n->now_us + LINGER_US);
    else if (n->now_us >= c->deadline_us && c->error != 0)
        conn_fail(n, c, c->error);
    else if (n->now_us >= c->deadline_us)
        conn_end(n, c, ERR_TIMEOUT, "no answer in time");
}

void net_conns_time(struct net *n) {
    /* Backwards: a removal moves the last into the place of the removed. */
    for (size_t i = n->conns.count; i-- > 0 && n->timed_count > 0;)
        conn_time(n, n->conns.entries[i].value);
}

int64_t net_conns_deadline(const struct net *n) {
    int64_t at = TIME_NEVER_US;
    for (size_t i = 0; i < n->conns.count && n->timed_count > 0; i++) {
        const struct conn *c = n->conns.entries[i].value;
        if (c->deadline_us < at)
            at = c->deadline_us;
    }
    return at;
}
