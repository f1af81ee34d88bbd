/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* daemon's own: the loop's state, shared by its files. */
#ifndef COVEY_DAEMON_DAEMON_H
#define COVEY_DAEMON_DAEMON_H

#include <ev.h>
#include <pthread.h>

#include <covey/admin.h>
#include <covey/net.h>
#include <covey/node.h>
#include <covey/proc.h>
#include <covey/store.h>

#include "config.h"
#include "say.h"

/* A TCP connection with its encrypted session. */
struct link {
    uint64_t conn;
    struct addr addr;
    struct session session;
    bool has_session, outgoing, open;
    uint8_t key_id;
    int64_t since_us;
};

struct daemon {
    struct config config;
    struct say say;
    struct ev_loop *loop;
    ev_io net_io, admin_io, proc_io, store_io;
    bool net_woken, admin_woken, proc_woken, store_woken;
    bool turn_due; /* node was told that more follows */
    ev_timer timer;
    ev_signal sigint, sigterm;
    pthread_t driver; /* who did the last round */
    struct node *node;
    struct marks marks; /* what this agent has been through: `covey counters` */
    struct net *net;
    struct admin *admin;
    struct proc *proc;
    struct store *store;
    struct map links; /* conn -> struct link */
    int64_t resolve_at_us, sweep_at_us, refused_said_us;
    int64_t now_us, shutdown_at_us;
    int64_t load_at_us, load_cpu_us; /* what had been used when it was last looked at */
    bool light;                      /* it was not much */
    bool ending, ready, again;       /* again: the agent is to begin anew when it has ended */
    int exit_status;
};

void daemon_feed(struct daemon *d, struct node_input *input);
void daemon_say(struct daemon *d, enum node_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* links.c */
void stream_link_connect(struct daemon *d, uint64_t stream, const struct addr *addr, uint8_t key_id);
void stream_link_event(struct daemon *d, const struct net_event *event);
void stream_link_send(struct daemon *d, uint64_t stream, struct bytes message);
void stream_link_close(struct daemon *d, uint64_t stream);
void links_sweep(struct daemon *d); /* handshakes that take too long */
void links_done(struct daemon *d);

/* daemon.c */
void daemon_restart(struct daemon *d);

/* effects.c */
void daemon_effect(struct daemon *d, const struct node_effect *effect);

#endif
