/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "internal.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#define CONNECTIONS_MAX    1024u
#define OUTPUT_MAX         (UINT64_C(64) << 20)
#define CONNECT_TIMEOUT_US (3 * US_PER_S)
#define RESOLVE_TIMEOUT_US (5 * US_PER_S)
#define EVENTS_PER_POLL    256

static void options_default(struct net_options *o) {
    if (o->connections_max == 0)
        o->connections_max = CONNECTIONS_MAX;
    if (o->output_max_bytes == 0)
        o->output_max_bytes = OUTPUT_MAX;
    if (o->connect_timeout_us == 0)
        o->connect_timeout_us = CONNECT_TIMEOUT_US;
    if (o->resolve_timeout_us == 0)
        o->resolve_timeout_us = RESOLVE_TIMEOUT_US;
}

struct net *net_new(const struct net_options *options, char *ret_text, size_t text_size) {
    assert(options->bind.size == 6 || options->bind.size == 18);
    struct net *n = mem_alloc(sizeof *n);
    n->options = *options;
    options_default(&n->options);
    n->udp = n->listener = -1;
    n->accepted_next = TAG_FIRST;
    n->accept_again_us = TIME_NEVER_US;
    n->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (n->epoll < 0) {
        struct buf text = {0};
        buf_printf(&text, "cannot make an epoll instance: %s", strerror(errno));
        net_text_copy(&text, ret_text, text_size);
        net_free(n);
        return NULL;
    }
    if (net_sockets_open(n, ret_text, text_size)) {
        net_free(n);
        return NULL;
    }
    n->read_buffer = mem_alloc(READ_SIZE);
    n->datagrams = mem_alloc((size_t)DATAGRAMS_BATCH * DATAGRAM_SIZE_MAX);
    return n;
}

static void told_done(struct told *t) {
    buf_done(&t->name);
    buf_done(&t->text);
}

void net_free(struct net *n) {
    if (!n)
        return;
    net_resolver_free(n);
    net_conns_free(n);
    for (size_t i = 0; i < n->told.count; i++)
        told_done(&n->told.data[i]);
    VEC_DONE(&n->told);
    VEC_DONE(&n->ready);
    if (n->udp >= 0)
        close(n->udp);
    if (n->listener >= 0)
        close(n->listener);
    if (n->epoll >= 0)
        close(n->epoll);
    mem_free(n->read_buffer);
    mem_free(n->datagrams);
    mem_free(n);
}

int net_fd(const struct net *n) { return n->epoll; }

struct addr net_bound(const struct net *n) {
    return n->bound;
}

void net_text_copy(struct buf *text, char *ret_text, size_t text_size) {
    if (text_size > 0) {
        size_t size = text->size < text_size - 1 ? text->size : text_size - 1;
        memcpy(ret_text, buf_str(text), size);
        ret_text[size] = 0;
    }
    buf_done(text);
}

/* ---- events -------------------------------------------------------------------------------------------- */

struct told *net_tell(struct net *n, struct net_event event) {
    VEC_PUSH(&n->told, (struct told){.event = event});
    return &n->told.data[n->told.count - 1];
}

/* What was given out last is owned until here. */
static void told_drop(struct net *n) {
    for (size_t i = 0; i < n->told_at; i++)
        told_done(&n->told.data[i]);
    size_t left = n->told.count - n->told_at;
    if (left > 0 && n->told_at > 0)
        memmove(n->told.data, n->told.data + n->told_at, left * sizeof *n->told.data);
    n->told.count = left;
    n->told_at = 0;
}

static bool told_next(struct net *n, struct net_event *ret_event) {
    /* All at once: dropping one after the other would move the rest each time. */
    if (n->told_at == n->told.count)
        told_drop(n);
    if (n->told_at == n->told.count)
        return false;
    struct told *t = &n->told.data[n->told_at++];
    t->event.name = buf_bytes(&t->name);
    t->event.text = buf_bytes(&t->text);
    *ret_event = t->event;
    return true;
}

static bool ready_next(struct net *n, struct ready *r, struct net_event *ret_event) {
    if (r->tag == TAG_UDP)
        return net_udp_next(n, r, ret_event);
    if (r->tag == TAG_LISTENER)
        return net_listener_next(n, r, ret_event);
    return net_conn_next(n, r, ret_event);
}

bool net_next(struct net *n, struct net_event *ret_event) {
    *ret_event = (struct net_event){0};
    for (;;) {
        if (told_next(n, ret_event) || net_udp_given(n, ret_event))
            return true;
        if (n->ready_at == n->ready.count)
            return false;
        if (ready_next(n, &n->ready.data[n->ready_at], ret_event))
            return true;
        n->ready_at++;
    }
}

/* ---- readiness ----------------------------------------------------------------------------------------- */

bool net_watch(struct net *n, int fd, uint64_t tag, uint32_t events) {
    struct epoll_event e = {.events = events, .data.u64 = tag};
    if (epoll_ctl(n->epoll, EPOLL_CTL_MOD, fd, &e) == 0)
        return true;
    return errno == ENOENT && epoll_ctl(n->epoll, EPOLL_CTL_ADD, fd, &e) == 0;
}

static bool is_drained(const struct net *n) {
    return n->ready_at == n->ready.count && n->told_at == n->told.count &&
           n->datagrams_at == n->datagrams_count;
}

int64_t net_deadline(const struct net *n) {
    if (!is_drained(n))
        return n->now_us;
    int64_t conns = net_conns_deadline(n), resolver = net_resolver_deadline(n);
    int64_t at = conns < resolver ? conns : resolver;
    if (n->accept_again_us < at)
        at = n->accept_again_us;
    return at == DEADLINE_UNSET ? n->now_us : at;
}

static void poll_kernel(struct net *n) {
    struct epoll_event events[EVENTS_PER_POLL];
    int count = epoll_wait(n->epoll, events, EVENTS_PER_POLL, 0);
    n->ready.count = n->ready_at = 0;
    for (int i = 0; i < count; i++) {
        uint64_t tag = events[i].data.u64;
        if (TAG_IS_RESOLVER(tag))
            net_resolver_ready(n, TAG_RESOLVER_FD(tag), events[i].events);
        else
            VEC_PUSH(&n->ready, ((struct ready){.tag = tag, .events = events[i].events}));
    }
}

void net_poll(struct net *n, int64_t now_us) {
    n->now_us = now_us;
    net_resolver_time(n);
    net_conns_time(n);
    if (now_us >= n->accept_again_us && net_watch(n, n->listener, TAG_LISTENER, EPOLLIN))
        n->accept_again_us = TIME_NEVER_US;
    if (n->ready_at == n->ready.count)
        poll_kernel(n);
}
