/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Two hosts and the connection between them. */
#ifndef COVEY_TESTS_CRYPTO_SESSION_PAIR_H
#define COVEY_TESTS_CRYPTO_SESSION_PAIR_H

#include "helpers.h"

#define SESSION_PAIR_MESSAGE_MAX (1u << 20)
#define SESSION_PAIR_OUTPUT_MAX  (64u << 10)

struct session_pair {
    struct session i, r;
};

/* Key id 7, and no keys yet. */
struct session_config session_config_default(bool initiator, const struct identity *identity,
                                             const struct secret *entropy);

/* The sessions, the initiator's hello and message 1 still in its output. */
struct session_pair session_pair_new(void);
struct session_pair session_pair_new_with_entropy(uint8_t number);
struct session_pair session_pair_open(void); /* the handshake done */
void session_pair_done(struct session_pair *p);

/* A responder of host 2 with stream key 7 and a join secret. */
struct session responder_new(void);
/* An initiator of host 1 under that key id. */
struct session initiator_new(uint8_t key_id);

/* Moves all output; it must be accepted. */
void session_pair_flow(struct session *from, struct session *to);
/* Sends, moves and takes one message, which must be the next. */
void session_pair_carries(struct session *from, struct session *to, struct bytes message);

#endif
