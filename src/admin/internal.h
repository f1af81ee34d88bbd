/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The inside of admin. Readiness is collected by admin_poll() and carried out by admin_next(). A client is
 * freed only by those two: the owner may hold views into its input until he asks for the next event.
 */
#ifndef COVEY_ADMIN_INTERNAL_H
#define COVEY_ADMIN_INTERNAL_H

#include <covey/admin.h>
#include <covey/codec.h>
#include <covey/wire.h>

#include <sys/types.h>

#define OUTPUT_MAX      (8u << 20)        /* bytes that a client may leave unread before it is closed */
#define READ_BUDGET     (256u << 10)      /* bytes taken from one client in one poll */
#define READ_SIZE       (64u << 10)       /* bytes that its buffer grows by: only ever by what has come */
#define KEPT_SIZE       (64u << 10)       /* memory that an idle client's buffers may keep */
#define LINGER_US       US_PER_S          /* for the last words to be read before a client is closed */
#define ACCEPT_PAUSE_US (100 * US_PER_MS) /* when there are no file descriptors left */

#define ADMIN_NO_GROUP UINT32_MAX

/* What epoll hands back: 0, or a client's id. */
#define TAG_LISTENER UINT64_C(0)

enum client_state {
    CLIENT_OPEN,
    CLIENT_CLOSING, /* told its error: what it still sends is thrown away until it has read that */
    CLIENT_GONE     /* freed by the next admin_next or admin_poll */
};
struct request {
    uint64_t id; /* the key of its entry */
    struct client *client;
    uint32_t msgid;
    bool is_stream; /* answered, and notifications follow */
};
struct client {
    uint64_t id; /* the key of its entry */
    int fd;
    uint32_t uid;
    enum client_state state;
    bool is_ended;     /* it sends no more, but waits for its answers */
    uint32_t interest; /* what epoll watches for */
    struct buf input;  /* from input_at on: not yet told */
    size_t input_at;
    size_t scanned;    /* so many bytes of the frame at the front were looked at in vain */
    int64_t scan_us;   /* when to look again although little has come */
    struct buf output; /* from output_at on: not yet taken by the kernel */
    size_t output_at;
    bool is_late;                   /* some of it waits for admin_flush() */
    int64_t deadline_us;            /* of half a message, or of closing */
    VEC(struct request *) requests; /* unanswered ones and streams, no more than requests_max */
};

struct ready {
    uint64_t client;
    uint32_t events; /* 0: carried out */
};

struct admin {
    struct admin_options options;
    char *path;
    uint32_t gid; /* ADMIN_NO_GROUP */
    int epoll, listener;
    dev_t device; /* of the socket file made here: another's is not removed */
    ino_t inode;
    int64_t now_us;
    int64_t accept_again_us; /* TIME_NEVER_US: the listener is watched */

    struct map clients;  /* by client.id */
    struct map requests; /* by request.id */
    uint64_t client_next, request_next;
    size_t gone_count; /* clients to be freed */

    VEC(struct ready) ready;
    size_t ready_at;
    VEC(uint64_t) late;   /* clients whose output waits for admin_flush() */
    VEC(uint64_t) closed; /* requests whose client has gone, untold */
    size_t closed_at;
    struct arena scratch;
};

/* access.c: who may connect. */

/* The number of a group by /etc/group's own lines. ERR_NOT_FOUND, ERR_IO. */
int admin_group_find(const char *group_path, const char *name, uint32_t *ret_gid);
/* Whether the peer of a socket may use it; the text says why not. */
bool admin_peer_check(const struct admin *a, int fd, uint32_t *ret_uid, struct buf *ret_text);

/* listen.c: the socket file. */

/* 0 or a code with a text. */
int admin_listen(struct admin *a, struct buf *ret_text);
void admin_unlisten(struct admin *a);
/* Accepts, or refuses with a text, all that wait. */
void admin_accept(struct admin *a);

/* client.c: one client's input and output. */

struct client *admin_client_new(struct admin *a, int fd, uint32_t uid);
void admin_client_free(struct admin *a, struct client *c);
/* Its connection ends; its requests are told. The memory stays until nobody looks at its input. */
void admin_client_end(struct admin *a, struct client *c);
void admin_client_read(struct admin *a, struct client *c, bool is_hung_up);
/* All its input has been told: the buffer is empty. */
void admin_client_drained(struct client *c);
void admin_client_flush(struct admin *a, struct client *c);
/* Queues a frame; ends the client when it leaves too much unread. */
void admin_client_send(struct admin *a, struct client *c, struct bytes frame);
/* The same, but what fits into a read of the other side may wait for admin_flush(). */
void admin_client_send_late(struct admin *a, struct client *c, struct bytes frame);
/* Tells an error that belongs to no request, and closes. */
void admin_client_refuse(struct admin *a, struct client *c, int error, const char *text);
/* Watches what it waits for, and closes it when it waits for nothing more. */
void admin_client_settle(struct admin *a, struct client *c);
void admin_client_time(struct admin *a, struct client *c);
int64_t admin_client_deadline(const struct client *c);

/* request.c: frames in, frames out. */

/* The next event out of a client's input; false: more must come. */
bool admin_frame_next(struct admin *a, struct client *c, struct admin_event *ret_event);
void admin_error_append(struct buf *out, uint32_t msgid, int error, struct bytes text);
void admin_request_drop(struct admin *a, struct request *r);

#endif
