/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Real sockets on loopback. What is waited for comes, or the deadline ends the test: nothing sleeps. */
#ifndef RIG_H
#define RIG_H

#include <covey/net.h>

#define RIG_WAIT_US   (20 * US_PER_S)
#define RIG_NETS_MAX  4u
#define RIG_EVENT_MAX 256u

/* One event, with its own copy of the texts. Bytes of a connection are joined in rig_net.bytes. */
struct rig_event {
    enum net_event_kind kind;
    uint64_t conn;
    struct addr addr;
    int error;
    char text[256];
    size_t data_size;
};
struct rig_net {
    struct net *net;
    struct rig_event events[RIG_EVENT_MAX]; /* the first ones; all but NET_BYTES */
    size_t events_count;
    unsigned counts[NET_RESOLVE_FAILED + 1];
    struct buf bytes;  /* of all connections, and of datagrams */
    bool is_echo;      /* sends everything back */
    bool is_paused;    /* is not polled */
    bool mixes;        /* two bytes of one event that do not follow one another were seen: see rig_pattern */
    uint64_t received; /* bytes, also those not kept */
    bool discards;     /* checks the pattern instead of keeping the bytes */
};
struct rig {
    struct rig_net nets[RIG_NETS_MAX];
    size_t count;
};

int64_t rig_now(void);
/* A net on 127.0.0.1 with a port chosen. */
struct rig_net *rig_add(struct rig *r, const struct net_options *options);
void rig_done(struct rig *r);
/* One turn of the loop: waits at most until something is ready. */
void rig_turn(struct rig *r);
/* Turns until *count reaches `wanted`; fails the test after RIG_WAIT_US. */
void rig_until(struct rig *r, const unsigned *count, unsigned wanted);
const struct rig_event *rig_find(const struct rig_net *n, enum net_event_kind kind);
struct addr rig_addr(const char *text);
/* The byte at a place of an endless text in which neighbours differ. */
uint8_t rig_pattern(uint64_t at);

#endif
