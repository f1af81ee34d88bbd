/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * admin: the Unix socket, server side: MessagePack-RPC frames in, requests out; see proto/admin.md. SHELL.
 * Same verbs as net: admin_fd() becomes readable when admin_poll() has something to do, admin_deadline() says
 * when to call it at the latest (to be asked again after every other call), admin_next() gives events until
 * there are none.
 *
 * Only root and the agent's own user may connect (SO_PEERCRED), and the group named in the options. A client
 * that sends garbage, half a message or too much is told so where the protocol allows and closed; one that
 * sends nothing may stay. One that leaves more than 8 MiB unread is closed.
 */
#ifndef COVEY_ADMIN_H
#define COVEY_ADMIN_H

#include <covey/base.h>

struct admin;

struct admin_options {
    const char *path;
    const char *group;               /* NULL: none */
    uint32_t clients_max;            /* 0: 256 */
    uint32_t requests_max;           /* 0: 1024 unanswered ones a client */
    int64_t half_message_timeout_us; /* 0: 30 s to complete a message once begun */
};

enum admin_event_kind {
    ADMIN_REQUEST, /* request, method, params, uid */
    ADMIN_CLOSED,  /* request: its client went away (once for each unanswered request and each open stream) */
    ADMIN_CREDIT   /* request of the stream, bytes (0: closed by the client, and forgotten here) */
};
struct admin_event {
    enum admin_event_kind kind;
    uint64_t request;            /* chosen here, never used twice */
    struct bytes method, params; /* borrowed until the next admin_next or admin_poll; params: one value */
    uint32_t uid;
    uint64_t bytes;
};

/* NULL with a text. A socket file nobody listens on is replaced; a living one is an error naming it. The
 * options are copied. */
struct admin *admin_new(const struct admin_options *options, char *ret_text, size_t text_size);
void admin_free(struct admin *a); /* removes the socket file */
int admin_fd(const struct admin *a);
int64_t admin_deadline(const struct admin *a);
void admin_poll(struct admin *a, int64_t now_us);
bool admin_next(struct admin *a, struct admin_event *ret_event);

/*
 * Answers: error 0 with result (encoded, named keys; empty: an empty map), or an error with text (empty: that
 * of the code). is_stream: notifications follow under this id. A request that is not waiting is skipped, as
 * below.
 */
void admin_reply(struct admin *a, uint64_t request, int error, struct bytes text, struct bytes result,
                 bool is_stream);
/*
 * Sends what was kept back: the answers to a client that waits for several. To be called before the owner
 * sleeps; admin_poll() does it, too, and admin_deadline() asks for it.
 */
void admin_flush(struct admin *a);
/* A notification [2, "chunk", params] to the stream's client; end forgets the stream. */
void admin_notify(struct admin *a, uint64_t request, struct bytes params, bool end);

#endif
