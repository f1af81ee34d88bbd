/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

#define V4_SIZE          4u
#define V6_SIZE          16u
#define LISTEN_BACKLOG   512
#define UDP_BUFFER_BYTES (1 << 20) /* a burst of gossip while the agent writes to its disk */
#define PORT_TRIES       16        /* for one number that is free for UDP and for TCP */

/*
 * A peer that acknowledges nothing for so long is gone (RFC 5482): the agent must learn of a cut from the
 * connection sooner than an operator does, and later than a busy network hiccups. Probes find it when there
 * is nothing to send.
 */
#define USER_TIMEOUT_MS   10000
#define KEEPALIVE_IDLE_S  5
#define KEEPALIVE_EVERY_S 2
#define KEEPALIVE_COUNT   3

static const uint8_t mapped_prefix[V6_SIZE - V4_SIZE] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* ---- addresses ----------------------------------------------------------------------------------------- */

static sa_family_t family_of(const struct addr *a) { return a->size == V4_SIZE + 2 ? AF_INET : AF_INET6; }

static bool is_wildcard(const struct addr *a) { return id_is_zero(a->b, a->size - 2u); }

socklen_t net_sockaddr(const struct addr *a, sa_family_t family, struct sockaddr_storage *ret) {
    memset(ret, 0, sizeof *ret);
    if (a->size != V4_SIZE + 2 && a->size != V6_SIZE + 2)
        return 0;
    if (family == AF_INET) {
        struct sockaddr_in *in = (struct sockaddr_in *)ret;
        if (a->size != V4_SIZE + 2)
            return 0;
        in->sin_family = AF_INET;
        memcpy(&in->sin_addr, a->b, V4_SIZE);
        in->sin_port = htons(addr_port(a));
        return sizeof *in;
    }
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(addr_port(a));
    if (a->size == V6_SIZE + 2) {
        memcpy(&in6->sin6_addr, a->b, V6_SIZE);
    } else {
        memcpy(&in6->sin6_addr, mapped_prefix, sizeof mapped_prefix);
        memcpy((uint8_t *)&in6->sin6_addr + sizeof mapped_prefix, a->b, V4_SIZE);
    }
    return sizeof *in6;
}

void net_addr_of(const struct sockaddr_storage *from, struct addr *ret) {
    *ret = (struct addr){0};
    if (from->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)from;
        ret->size = V4_SIZE + 2;
        memcpy(ret->b, &in->sin_addr, V4_SIZE);
        addr_set_port(ret, ntohs(in->sin_port));
    } else if (from->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)from;
        const uint8_t *b = (const uint8_t *)&in6->sin6_addr;
        bool is_mapped = memcmp(b, mapped_prefix, sizeof mapped_prefix) == 0;
        ret->size = is_mapped ? V4_SIZE + 2 : V6_SIZE + 2;
        memcpy(ret->b, is_mapped ? b + sizeof mapped_prefix : b, ret->size - 2u);
        addr_set_port(ret, ntohs(in6->sin6_port));
    }
}

/* ---- options ------------------------------------------------------------------------------------------- */

/* Every option is an improvement that the socket works without. */
static void option_set(int fd, int level, int name, int value) {
    (void)setsockopt(fd, level, name, &value, sizeof value);
}

void net_stream_options(int fd) {
    option_set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    option_set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS);
    option_set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    option_set(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
    option_set(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_EVERY_S);
    option_set(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_COUNT);
}

int net_stream_socket(const struct net *n, const struct addr *to) {
    sa_family_t family = family_of(to);
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    net_stream_options(fd);
    struct addr from = n->options.bind;
    if (family_of(&from) != family || is_wildcard(&from))
        return fd;
    struct sockaddr_storage address;
    addr_set_port(&from, 0);
    socklen_t size = net_sockaddr(&from, family, &address);
    /* The port is picked at connect, when the destination is known: else 28,000 connections are the end. */
    option_set(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    if (bind(fd, (struct sockaddr *)&address, size) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

/* ---- udp and listener ---------------------------------------------------------------------------------- */

static int bound_socket(struct net *n, int type, const struct addr *to) {
    struct sockaddr_storage address;
    int fd = socket(n->family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (type == SOCK_STREAM)
        option_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    else
        option_set(fd, SOL_SOCKET, SO_RCVBUF, UDP_BUFFER_BYTES);
    if (n->family == AF_INET6)
        option_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    socklen_t size = net_sockaddr(to, n->family, &address);
    if (bind(fd, (struct sockaddr *)&address, size) == 0 &&
        (type != SOCK_STREAM || listen(fd, LISTEN_BACKLOG) == 0))
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

/* Both under one port. false with errno. */
static bool pair_open(struct net *n) {
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    n->bound = n->options.bind;
    n->udp = bound_socket(n, SOCK_DGRAM, &n->bound);
    if (n->udp < 0 || getsockname(n->udp, (struct sockaddr *)&address, &size))
        return false;
    struct addr chosen;
    net_addr_of(&address, &chosen);
    addr_set_port(&n->bound, addr_port(&chosen));
    n->listener = bound_socket(n, SOCK_STREAM, &n->bound);
    return n->listener >= 0;
}

static void bind_text(const struct net *n, int error, char *ret_text, size_t text_size) {
    struct buf text = {0};
    char where[ADDR_TEXT_SIZE];
    addr_text(&n->options.bind, where);
    buf_printf(&text, "cannot bind %s: ", where);
    if (error == EADDRINUSE)
        buf_printf(&text, "address already in use; is another agent running?");
    else if (error == EADDRNOTAVAIL)
        buf_printf(&text, "this host has no such address");
    else
        buf_printf(&text, "%s", strerror(error));
    net_text_copy(&text, ret_text, text_size);
}

int net_sockets_open(struct net *n, char *ret_text, size_t text_size) {
    n->family = family_of(&n->options.bind);
    bool is_chosen = addr_port(&n->options.bind) != 0;
    for (int tries = 0; !pair_open(n); tries++) {
        int error = errno;
        if (n->udp >= 0)
            close(n->udp);
        n->udp = -1;
        /* A port picked by the kernel for UDP may be taken for TCP. */
        if (error == EADDRINUSE && !is_chosen && tries < PORT_TRIES)
            continue;
        bind_text(n, error, ret_text, text_size);
        return ERR_IO;
    }
    if (net_watch(n, n->udp, TAG_UDP, EPOLLIN) && net_watch(n, n->listener, TAG_LISTENER, EPOLLIN))
        return 0;
    bind_text(n, errno, ret_text, text_size);
    return ERR_IO;
}
