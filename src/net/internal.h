/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The inside of net. Readiness is collected by net_poll() and carried out by net_next(), one system call an
 * event: so that nothing is read before the owner has room for it, and what is read needs no second copy.
 */
#ifndef COVEY_NET_INTERNAL_H
#define COVEY_NET_INTERNAL_H

#include <covey/net.h>

#include <ares.h>
#include <sys/socket.h>

#define DATAGRAM_SIZE_MAX 65536u /* more than UDP can carry: nothing is cut off */
#define DATAGRAMS_BATCH   16u    /* taken by one system call */
#define DATAGRAM_BATCHES  16u    /* in one poll: the rest waits for its next turn */
#define READ_SIZE         65536u /* bytes of one NET_BYTES at most */
#define READS_PER_POLL    4u     /* of one connection: so that one peer cannot starve the others */
#define ACCEPTS_PER_POLL  64u
#define LINGER_US         US_PER_S          /* for what is queued to go out after net_close */
#define ACCEPT_PAUSE_US   (100 * US_PER_MS) /* when there are no file descriptors left */
#define QUEUE_KEPT        65536u            /* memory that an empty output queue may keep */
#define QUERIES_MAX       64u               /* names being looked up */
#define ADDRS_MAX         16u               /* addresses told for one name */
#define NAME_SIZE_MAX     255u              /* bytes of a name: RFC 1035, section 2.3.4 */

/* The deadline of what began outside net_poll, where the time is not known: the next poll sets it. */
#define DEADLINE_UNSET INT64_MIN

/* What epoll hands back: an even number or a small odd one is a connection. */
#define TAG_UDP              UINT64_C(1)
#define TAG_LISTENER         UINT64_C(3)
#define TAG_FIRST            UINT64_C(5) /* of the connections accepted */
#define TAG_RESOLVER         (UINT64_C(1) << 63 | 1)
#define TAG_OF_RESOLVER(fd)  (TAG_RESOLVER | (uint64_t)(fd) << 1)
#define TAG_IS_RESOLVER(tag) (((tag)&TAG_RESOLVER) == TAG_RESOLVER)
#define TAG_RESOLVER_FD(tag) ((int)((tag) >> 1 & INT32_MAX))

enum conn_state {
    CONN_CONNECTING, /* deadline_us: when it is given up */
    CONN_OPEN,
    CONN_CLOSING /* the owner has closed it; deadline_us: when the rest is thrown away */
};
struct conn {
    uint64_t id; /* the key of its entry */
    int fd;
    enum conn_state state;
    bool accepted;
    bool ended;        /* closing: the peer has said its last word */
    uint32_t interest; /* what epoll watches for */
    int error;         /* errno of a send that failed; told once what came before it is read */
    int64_t deadline_us;
    struct buf queue; /* from queue_at on: not yet taken by the kernel */
    size_t queue_at;
};

/* Something ready, from epoll_wait until net_next has dealt with it. */
struct ready {
    uint64_t tag;
    uint32_t events;
    uint32_t turns; /* taken in this poll */
};

/* An event made before it is asked for; owns its bytes. */
struct told {
    struct net_event event; /* name and text are set when it is given out */
    struct buf name, text;
};

struct query {
    struct net *net;
    struct buf name; /* as given to net_resolve */
    uint16_t port;
    int64_t deadline_us;
    bool told; /* the deadline has passed: what still comes is nobody's */
};

struct resolver {
    ares_channel channel; /* lives while there are queries: so that resolv.conf is read anew for the next */
    VEC(struct query *) queries;
};

struct net {
    struct net_options options;
    int epoll, udp, listener;
    sa_family_t family; /* of udp and listener */
    struct addr bound;
    int64_t now_us; /* of the latest call that told it */

    struct map conns; /* by conn.id */
    uint32_t accepted_count;
    uint32_t timed_count; /* connections with a deadline */
    uint64_t accepted_next;
    int64_t accept_again_us; /* TIME_NEVER_US: the listener is watched */

    VEC(struct ready) ready;
    size_t ready_at;
    VEC(struct told) told;
    size_t told_at;

    uint8_t *read_buffer; /* READ_SIZE */
    uint8_t *datagrams;   /* DATAGRAMS_BATCH x DATAGRAM_SIZE_MAX */
    size_t datagram_sizes[DATAGRAMS_BATCH];
    struct sockaddr_storage datagram_froms[DATAGRAMS_BATCH];
    size_t datagrams_at, datagrams_count;

    struct resolver resolver;
};

/* socket.c: addresses and options. */

/* family: of the socket it is for; an IPv4 address is mapped for an IPv6 socket. 0: it cannot be reached from
 * there. */
socklen_t net_sockaddr(const struct addr *a, sa_family_t family, struct sockaddr_storage *ret);
void net_addr_of(const struct sockaddr_storage *from, struct addr *ret);
/* Binds udp and listener. 0 or ERR_IO with a text. */
int net_sockets_open(struct net *n, char *ret_text, size_t text_size);
void net_stream_options(int fd);
/* A non-blocking TCP socket bound to the host part of the options' address, or -1 with errno. */
int net_stream_socket(const struct net *n, const struct addr *to);

/* udp.c */
bool net_udp_next(struct net *n, struct ready *r, struct net_event *ret_event);
bool net_udp_given(struct net *n, struct net_event *ret_event);

/* conn.c: each returns whether *ret_event was filled; when it was not, r is done with. */
bool net_listener_next(struct net *n, struct ready *r, struct net_event *ret_event);
bool net_conn_next(struct net *n, struct ready *r, struct net_event *ret_event);
void net_conns_time(struct net *n);
int64_t net_conns_deadline(const struct net *n);
void net_conns_free(struct net *n);

/* net.c */
/* Cuts the text to the caller's room and frees it. */
void net_text_copy(struct buf *text, char *ret_text, size_t text_size);
/* Queues an event; its name and text may be filled in until the next one. */
struct told *net_tell(struct net *n, struct net_event event);
bool net_watch(struct net *n, int fd, uint64_t tag, uint32_t events);

/* resolve.c */
void net_resolver_ready(struct net *n, int fd, uint32_t events);
void net_resolver_time(struct net *n);
int64_t net_resolver_deadline(const struct net *n);
void net_resolver_free(struct net *n);

#endif
