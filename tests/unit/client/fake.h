/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* A server that does what a test says: one thread, one connection. */
#ifndef FAKE_H
#define FAKE_H

#include <covey/client.h>

#include <pthread.h>

struct fake {
    char folder[64], path[80];
    int listener, fd;
    pthread_t thread;
    bool is_joined;
    void (*serve)(struct fake *f);
    struct buf in;
    struct codec_rpc rpc; /* the latest frame received */
    struct buf frame;     /* its bytes */
    size_t received_bytes;
};

/* Starts it and connects to it. */
struct client *fake_start(struct fake *f, void (*serve)(struct fake *f));
/* Waits until serve() has returned. */
void fake_join(struct fake *f);
void fake_done(struct fake *f, struct client *c);

/* For serve(). */
/* false: the client has gone. */
bool fake_receive(struct fake *f);
void fake_send_bytes(struct fake *f, struct bytes data);
void fake_answer(struct fake *f, uint32_t msgid, const struct codec_type *type, const void *result);
void fake_answer_error(struct fake *f, uint32_t msgid, int code, const char *text);
void fake_chunk(struct fake *f, uint64_t id, struct bytes data, bool end);
/* Receives a credit notification; its bytes. */
uint64_t fake_credit(struct fake *f, uint64_t id);

#endif
