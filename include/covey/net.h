/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * net: UDP, TCP and names. Bytes only: what they mean is session's (covey/crypto.h) and node's business.
 * SHELL.
 *
 * net_fd() becomes readable when net_poll() has something to do; net_deadline() says when to call it at the
 * latest, to be asked again after every other call; net_next() gives events until there are none. Nothing
 * here blocks; every queue is bounded.
 */
#ifndef COVEY_NET_H
#define COVEY_NET_H

#include <covey/base.h>

struct net;

struct net_options {
    struct addr bind;           /* UDP and TCP; outgoing sockets bind its host part too */
    uint32_t connections_max;   /* 0: 1024 each way; more are closed, respectively ERR_LIMIT */
    size_t output_max_bytes;    /* 0: 64 MiB queued per connection; beyond it is closed */
    int64_t connect_timeout_us; /* 0: 3 s */
    int64_t resolve_timeout_us; /* 0: 5 s */
};

enum net_event_kind {
    NET_DATAGRAM,  /* addr, data */
    NET_ACCEPTED,  /* conn, addr */
    NET_CONNECTED, /* conn */
    NET_BYTES,     /* conn, data */
    /*
     * conn, error, text: by the peer, by an error, or a connect that failed; told once, not after net_close.
     * ERR_CLOSED: somebody answered (refused, reset, closed). ERR_TIMEOUT: silence. ERR_LIMIT, ERR_IO: this
     * host.
     */
    NET_CLOSED,
    NET_RESOLVED,      /* name, addr: one event an address */
    NET_RESOLVE_FAILED /* name, text */
};
struct net_event {
    enum net_event_kind kind;
    uint64_t conn; /* connect: as given; accepted: odd, chosen here */
    struct addr addr;
    struct bytes data; /* borrowed until the next net_next, as all below */
    struct bytes name, text;
    int error;
};

/* NULL with a text: "cannot bind 192.0.2.1:7370: address already in use; is another agent running?". */
struct net *net_new(const struct net_options *options, char *ret_text, size_t text_size);
void net_free(struct net *n);
int net_fd(const struct net *n);
int64_t net_deadline(const struct net *n);
void net_poll(struct net *n, int64_t now_us);
bool net_next(struct net *n, struct net_event *ret_event);
struct addr net_bound(const struct net *n); /* with the port chosen, when 0 was asked for */

/* Dropped when the socket is full or does not reach that kind of address. */
void net_datagram(struct net *n, const struct addr *to, struct bytes data);
/* conn: even, the caller's, not in use. What is sent before NET_CONNECTED waits for it. */
void net_connect(struct net *n, uint64_t conn, const struct addr *to, int64_t now_us);
/* ERR_NOT_FOUND; ERR_LIMIT: too much is queued; NET_CLOSED follows. */
int net_send(struct net *n, uint64_t conn, struct bytes data);
size_t net_queued(const struct net *n, uint64_t conn); /* bytes not yet taken by the kernel */
/* After what is queued has gone, at most 1 s; at once while connecting. */
void net_close(struct net *n, uint64_t conn);
/* "host:port", "host" or a numeric address: at once, or names through /etc/hosts and DNS. */
void net_resolve(struct net *n, struct bytes name, uint16_t port_default);

#endif
