/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Names, through c-ares: its sockets are watched by net's epoll, its timeouts are part of net's deadline. The
 * channel is made for the first query and ends with the last one: an agent that runs for a year must not ask
 * the name servers of the day it was started.
 */
#include "internal.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/time.h>

/* Two rounds of the servers within the default of resolve_timeout_us. */
#define SERVER_TIMEOUT_MS 1000
#define SERVER_TRIES      2

static void failed_tell(struct net *n, struct bytes name, const char *text) {
    struct told *t = net_tell(n, (struct net_event){.kind = NET_RESOLVE_FAILED});
    buf_append(&t->name, name.data, name.size);
    buf_printf(&t->text, "cannot find the address of %.*s: %s", BYTES_FMT(name), text);
}

static void resolved_tell(struct net *n, struct bytes name, const struct addr *addr) {
    struct told *t = net_tell(n, (struct net_event){.kind = NET_RESOLVED, .addr = *addr});
    buf_append(&t->name, name.data, name.size);
}

/* ---- in libc's place ----------------------------------------------------------------------------------- */

/*
 * c-ares asks libc for the names of services, and libc asks NSS, which loads the host's own libraries into
 * the process. Ports are numbers here: these two know no service. They lie in this object because it is
 * linked before c-ares in any case: an archive's member that nobody needs yet would leave the names to libc.
 */
struct servent *getservbyname(const char *name, const char *protocol) {
    (void)name;
    (void)protocol;
    return NULL;
}

int getservbyport_r(int port, const char *protocol, struct servent *entry, char *buffer, size_t buffer_size,
                    struct servent **ret_entry) {
    (void)port;
    (void)protocol;
    (void)entry;
    (void)buffer;
    (void)buffer_size;
    *ret_entry = NULL;
    return 0;
}

/* ---- queries ------------------------------------------------------------------------------------------- */

static void query_free(struct query *q) {
    struct resolver *r = &q->net->resolver;
    size_t at = 0;
    while (r->queries.data[at] != q)
        at++;
    VEC_REMOVE(&r->queries, at);
    buf_done(&q->name);
    mem_free(q);
}

static unsigned answers_tell(struct query *q, const struct ares_addrinfo_node *node) {
    unsigned count = 0;
    for (; node && count < ADDRS_MAX; node = node->ai_next) {
        struct sockaddr_storage address = {0};
        struct addr addr;
        if (node->ai_addrlen > sizeof address)
            continue;
        memcpy(&address, node->ai_addr, node->ai_addrlen);
        net_addr_of(&address, &addr);
        if (addr.size == 0)
            continue;
        addr_set_port(&addr, q->port);
        resolved_tell(q->net, buf_bytes(&q->name), &addr);
        count++;
    }
    return count;
}

static void query_answered(void *arg, int status, int timeouts, struct ares_addrinfo *result) {
    struct query *q = arg;
    (void)timeouts;
    bool is_wanted = !q->told && status != ARES_EDESTRUCTION;
    unsigned count = is_wanted && status == ARES_SUCCESS ? answers_tell(q, result->nodes) : 0;
    if (is_wanted && count == 0)
        failed_tell(q->net, buf_bytes(&q->name),
                    ares_strerror(status == ARES_SUCCESS ? ARES_ENODATA : status));
    if (result)
        ares_freeaddrinfo(result);
    query_free(q);
}

/* ---- the channel --------------------------------------------------------------------------------------- */

static void socket_changed(void *arg, ares_socket_t fd, int readable, int writable) {
    struct net *n = arg;
    uint32_t events = (readable ? (uint32_t)EPOLLIN : 0u) | (writable ? (uint32_t)EPOLLOUT : 0u);
    if (events == 0)
        (void)epoll_ctl(n->epoll, EPOLL_CTL_DEL, fd, NULL);
    else
        (void)net_watch(n, fd, TAG_OF_RESOLVER(fd), events);
}

static int channel_open(struct net *n) {
    char lookups[] = "fb"; /* the file of hosts, then name servers */
    struct ares_options options = {.timeout = SERVER_TIMEOUT_MS,
                                   .tries = SERVER_TRIES,
                                   .lookups = lookups,
                                   .sock_state_cb = socket_changed,
                                   .sock_state_cb_data = n};
    int given = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB;
    return n->resolver.channel ? ARES_SUCCESS : ares_init_options(&n->resolver.channel, &options, given);
}

static void query_start(struct net *n, struct bytes name, struct bytes host, uint16_t port) {
    int status = channel_open(n);
    if (status != ARES_SUCCESS) {
        n->resolver.channel = NULL;
        failed_tell(n, name, ares_strerror(status));
        return;
    }
    struct query *q = mem_alloc(sizeof *q);
    *q = (struct query){.net = n, .port = port, .deadline_us = DEADLINE_UNSET};
    buf_append(&q->name, name.data, name.size);
    VEC_PUSH(&n->resolver.queries, q);
    struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC, .ai_flags = ARES_AI_NOSORT};
    struct buf text = {0};
    buf_append(&text, host.data, host.size);
    /* May answer, and so free the query, before it returns. */
    ares_getaddrinfo(n->resolver.channel, buf_str(&text), NULL, &hints, query_answered, q);
    buf_done(&text);
}

/* ---- names --------------------------------------------------------------------------------------------- */

static bool port_parse(struct bytes text, uint16_t *ret) {
    uint32_t port = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || i == 5)
            return false;
        port = port * 10 + text.data[i] - '0';
    }
    if (port == 0 || port > UINT16_MAX)
        return false;
    *ret = (uint16_t)port;
    return true;
}

static bool is_name(struct bytes host) {
    for (size_t i = 0; i < host.size; i++) {
        uint8_t c = host.data[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_letter && c != '-' && c != '_' && c != '.')
            return false;
    }
    return host.size > 0 && host.size <= NAME_SIZE_MAX;
}

void net_resolve(struct net *n, struct bytes name, uint16_t port_default) {
    struct addr addr;
    if (addr_parse(name, port_default, &addr) == 0) {
        resolved_tell(n, name, &addr);
        return;
    }
    uint16_t port = port_default;
    struct bytes host = name;
    const uint8_t *colon = name.size > 0 ? memchr(name.data, ':', name.size) : NULL;
    if (colon) {
        host.size = (size_t)(colon - name.data);
        if (!port_parse(bytes_of(colon + 1, name.size - host.size - 1), &port))
            port = 0;
    }
    if (!is_name(host))
        failed_tell(n, bytes_of(name.data, name.size < NAME_SIZE_MAX ? name.size : NAME_SIZE_MAX),
                    "it is neither an address nor a name");
    else if (port == 0)
        failed_tell(n, name, colon ? "a port is 1 to 65535" : "it has no port");
    else if (n->resolver.queries.count >= QUERIES_MAX)
        failed_tell(n, name, "too many names are being looked up");
    else
        query_start(n, name, host, port);
}

/* ---- readiness and time -------------------------------------------------------------------------------- */

void net_resolver_ready(struct net *n, int fd, uint32_t events) {
    if (!n->resolver.channel)
        return;
    bool can_read = events & ~(uint32_t)EPOLLOUT, can_write = events & EPOLLOUT;
    ares_process_fd(n->resolver.channel, can_read ? fd : ARES_SOCKET_BAD, can_write ? fd : ARES_SOCKET_BAD);
}

static void channel_close(struct net *n) {
    ares_destroy(n->resolver.channel);
    n->resolver.channel = NULL;
}

void net_resolver_time(struct net *n) {
    if (!n->resolver.channel)
        return;
    ares_process_fd(n->resolver.channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    for (size_t i = 0; i < n->resolver.queries.count; i++) {
        struct query *q = n->resolver.queries.data[i];
        if (q->deadline_us == DEADLINE_UNSET)
            q->deadline_us = n->now_us + n->options.resolve_timeout_us;
        if (q->told || n->now_us < q->deadline_us)
            continue;
        failed_tell(n, buf_bytes(&q->name), "no name server answers in time");
        q->told = true;
        q->deadline_us = TIME_NEVER_US;
    }
    if (n->resolver.queries.count == 0)
        channel_close(n);
}

int64_t net_resolver_deadline(const struct net *n) {
    struct timeval left;
    if (!n->resolver.channel)
        return TIME_NEVER_US;
    if (n->resolver.queries.count == 0)
        return DEADLINE_UNSET;
    int64_t at = TIME_NEVER_US;
    for (size_t i = 0; i < n->resolver.queries.count; i++)
        if (n->resolver.queries.data[i]->deadline_us < at)
            at = n->resolver.queries.data[i]->deadline_us;
    if (at != DEADLINE_UNSET && ares_timeout(n->resolver.channel, NULL, &left)) {
        int64_t asked = n->now_us + (int64_t)left.tv_sec * US_PER_S + left.tv_usec;
        at = asked < at ? asked : at;
    }
    return at;
}

void net_resolver_free(struct net *n) {
    if (n->resolver.channel)
        channel_close(n);
    assert(n->resolver.queries.count == 0);
    VEC_DONE(&n->resolver.queries);
}
