/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#ifndef COVEY_CLIENT_INTERNAL_H
#define COVEY_CLIENT_INTERNAL_H

#include <covey/client.h>

/* A stream of the agent's, as far as it has come. */
struct stream {
    uint64_t id;
    VEC(struct buf) chunks; /* encoded, not asked for yet */
    uint64_t window_bytes;  /* granted in all: that much may be on its way */
    uint64_t due_bytes;     /* of credit, to be given back */
};

struct client {
    int fd;
    char *path;
    struct buf input; /* from input_at on: not yet looked at */
    size_t input_at;
    struct buf text; /* of the latest error */
    uint32_t msgid;  /* of the latest request; 0 is the server's own word */
    int broken;      /* what every further call returns */
    bool is_deaf;    /* the server takes no more; it may have said why */
    VEC(struct stream *) streams;
    size_t waiting_bytes; /* in all streams' chunks */
};

/* Milliseconds of a monotonic clock; the deadline of a timeout, 0 being for ever. */
int64_t client_now_ms(void);
int64_t client_deadline(int timeout_ms);

/* Sets the text and returns the code. */
int client_fail(struct client *c, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* wire.c: frames over the socket. */
int client_frame_send(struct client *c, struct bytes frame, int64_t deadline_ms);
/* The views are right until the next call. */
int client_frame_next(struct client *c, int64_t deadline_ms, struct codec_rpc *ret_rpc);

/* stream.c */
/* Keeps a chunk for its stream; those of a closed one are thrown away. */
int client_chunk_keep(struct client *c, const struct codec_rpc *rpc);
void client_streams_free(struct client *c);

/* client.c */
int client_exchange(struct client *c, const char *method, const struct codec_type *params_type,
                    const void *params, int64_t deadline_ms, struct codec_rpc *ret_rpc);

#endif
