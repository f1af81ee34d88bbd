/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Connections of net joined with sessions of crypto: what comes out are streams of node. */
#include <covey/wire.h>

#include "daemon.h"
#include "host.h"

#define HANDSHAKE_MAX_US (5 * US_PER_S)
#define HANDSHAKES_MAX   512u           /* of those who came; net takes twice as many connections */
#define SAY_EVERY_US     (5 * US_PER_S) /* refusals of strangers: a line at most this often */

static struct link *stream_link_find(struct daemon *d, uint64_t conn) {
    return map_get(&d->links, bytes_of(&conn, sizeof conn));
}

static struct link *stream_link_new(struct daemon *d, uint64_t conn, const struct addr *addr) {
    struct link *l = mem_alloc(sizeof *l);
    l->conn = conn;
    l->addr = *addr;
    l->since_us = d->now_us;
    map_put(&d->links, bytes_of(&l->conn, sizeof l->conn), l);
    return l;
}

static void stream_link_free(struct daemon *d, struct link *l) {
    map_remove(&d->links, bytes_of(&l->conn, sizeof l->conn));
    if (l->has_session)
        session_done(&l->session);
    mem_free(l);
}

static void stream_link_flush(struct daemon *d, struct link *l) {
    struct bytes out = session_output(&l->session);
    if (out.size == 0)
        return;
    (void)net_send(d->net, l->conn, out);
    session_output_consume(&l->session, out.size);
}

/* The stream is over: node is told when it knows of it, else the operator, once in a while. */
static void stream_link_over(struct daemon *d, struct link *l, int error, const char *text) {
    struct node_input in = {
        .kind = NODE_STREAM_CLOSED, .stream = l->conn, .error = error, .text = bytes_str(text)};
    bool known = l->outgoing || l->open;
    if (!known && d->now_us - d->refused_said_us >= SAY_EVERY_US) {
        char addr[ADDR_TEXT_SIZE];
        addr_text(&l->addr, addr);
        d->refused_said_us = d->now_us;
        daemon_say(d, NODE_WARNING, "a connection from %s is refused: %s", addr, text);
    }
    struct buf copy = {0};
    buf_append(&copy, text, strlen(text));
    in.text = buf_bytes(&copy);
    stream_link_free(d, l);
    if (known)
        daemon_feed(d, &in);
    buf_done(&copy);
}

static int stream_link_session(struct daemon *d, struct link *l) {
    struct node_stream_keys keys = node_stream_keys(d->node);
    struct secret entropy;
    host_random(entropy.b, sizeof entropy.b);
    struct session_config config = {
        .initiator = l->outgoing,
        .identity = keys.identity,
        .cluster = keys.cluster,
        .join_secret = keys.join_secret,
        .stream_keys = keys.stream_keys,
        .key_id = l->key_id,
        .entropy = &entropy,
        .message_size_max = WIRE_MESSAGE_MAX,
        .output_size_max = WIRE_MESSAGE_MAX,
    };
    int error = ID_IS_ZERO(keys.cluster) ? ERR_NOT_FOUND : session_init(&l->session, &config);
    secret_wipe(&entropy, sizeof entropy);
    l->has_session = error == 0;
    return error;
}

void stream_link_connect(struct daemon *d, uint64_t stream, const struct addr *addr, uint8_t key_id) {
    struct link *l = stream_link_new(d, stream, addr);
    l->outgoing = true;
    l->key_id = key_id;
    net_connect(d->net, stream, addr, d->now_us);
}

void stream_link_send(struct daemon *d, uint64_t stream, struct bytes message) {
    struct link *l = stream_link_find(d, stream);
    if (l == NULL || !l->open)
        return;
    int error = session_send(&l->session, message);
    if (error == 0) {
        struct bytes out = session_output(&l->session);
        error = net_send(d->net, stream, out);
        session_output_consume(&l->session, out.size);
    }
    if (error == 0)
        return;
    net_close(d->net, stream);
    stream_link_over(d, l, error, "the peer takes no more");
}

void stream_link_close(struct daemon *d, uint64_t stream) {
    struct link *l = stream_link_find(d, stream);
    if (l == NULL)
        return;
    net_close(d->net, stream);
    stream_link_free(d, l);
}

static void stream_link_opened(struct daemon *d, struct link *l) {
    l->open = true;
    struct node_input in = {.kind = NODE_STREAM_OPENED,
                            .stream = l->conn,
                            .outgoing = l->outgoing,
                            .addr = l->addr,
                            .key = session_peer_static(&l->session),
                            .key_id = session_key_id(&l->session),
                            .hash = session_handshake_hash(&l->session)};
    daemon_feed(d, &in);
}

/* Node may close the stream at any message: the link is looked up again after each. */
static void stream_link_bytes(struct daemon *d, uint64_t conn, struct bytes data) {
    struct link *l = stream_link_find(d, conn);
    int error = ERR_BUSY;
    while (l != NULL && l->has_session && error == ERR_BUSY) {
        error = session_feed(&l->session, data);
        stream_link_flush(d, l);
        if (!l->open && session_state(&l->session) == SESSION_OPEN) {
            stream_link_opened(d, l);
            l = stream_link_find(d, conn);
        }
        struct bytes message;
        while (l != NULL && session_next_message(&l->session, &message)) {
            struct node_input in = {
                .kind = NODE_STREAM_MESSAGE, .more = true, .stream = conn, .data = message};
            daemon_feed(d, &in);
            l = stream_link_find(d, conn);
        }
    }
    if (l == NULL || error == 0)
        return;
    const char *reason = session_reason(&l->session);
    net_close(d->net, conn);
    stream_link_over(d, l, error, reason);
}

static void stream_link_closed(struct daemon *d, struct link *l, const struct net_event *e) {
    if (l->has_session && !l->open) {
        int error = session_peer_closed(&l->session);
        if (error != 0) {
            stream_link_over(d, l, error, session_reason(&l->session));
            return;
        }
    }
    struct buf text = {0};
    buf_append(&text, e->text.data, e->text.size);
    stream_link_over(d, l, e->error, buf_str(&text));
    buf_done(&text);
}

/*
 * Who connects and says nothing has HANDSHAKE_MAX_US, and would keep out everybody else with as many
 * connections as there may be. So they have a share of them, of which the oldest is given up: a member is
 * done sooner.
 */
static void handshakes_bound(struct daemon *d) {
    struct link *oldest = NULL;
    size_t count = 0;
    for (size_t i = 0; i < d->links.count; i++) {
        struct link *l = d->links.entries[i].value;
        if (l->open || l->outgoing)
            continue;
        count++;
        if (oldest == NULL || l->conn < oldest->conn)
            oldest = l;
    }
    if (count <= HANDSHAKES_MAX)
        return;
    net_close(d->net, oldest->conn);
    stream_link_over(d, oldest, ERR_LIMIT, "too many others connect at the same time");
}

void stream_link_event(struct daemon *d, const struct net_event *e) {
    struct link *l = stream_link_find(d, e->conn);
    switch (e->kind) {
    case NET_ACCEPTED:
        l = stream_link_new(d, e->conn, &e->addr);
        if (stream_link_session(d, l) == 0) {
            handshakes_bound(d);
            break;
        }
        net_close(d->net, e->conn);
        stream_link_over(d, l, ERR_NOT_FOUND, "this host is not a member of a cluster yet");
        break;
    case NET_CONNECTED:
        if (l == NULL)
            break;
        if (stream_link_session(d, l) == 0)
            stream_link_flush(d, l);
        else {
            net_close(d->net, e->conn);
            stream_link_over(d, l, ERR_NOT_FOUND, "there is no key for this stream");
        }
        break;
    case NET_BYTES: stream_link_bytes(d, e->conn, e->data); break;
    case NET_CLOSED:
        if (l != NULL)
            stream_link_closed(d, l, e);
        break;
    case NET_DATAGRAM:
    case NET_RESOLVED:
    case NET_RESOLVE_FAILED: break;
    }
}

void links_sweep(struct daemon *d) {
    for (size_t i = d->links.count; i-- > 0;) {
        struct link *l = d->links.entries[i].value;
        if (l->open || d->now_us - l->since_us < HANDSHAKE_MAX_US)
            continue;
        net_close(d->net, l->conn);
        stream_link_over(d, l, ERR_TIMEOUT, "the handshake took too long");
        i = i < d->links.count ? i : d->links.count;
    }
}

void links_done(struct daemon *d) {
    while (d->links.count > 0)
        stream_link_free(d, d->links.entries[0].value);
    map_done(&d->links);
}
