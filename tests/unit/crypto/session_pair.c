/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "session_pair.h"

struct session_config session_config_default(bool initiator, const struct identity *identity,
                                             const struct secret *entropy) {
    return (struct session_config){.initiator = initiator,
                                   .identity = identity,
                                   .cluster = cluster_number(1),
                                   .key_id = 7,
                                   .entropy = entropy,
                                   .message_size_max = SESSION_PAIR_MESSAGE_MAX,
                                   .output_size_max = SESSION_PAIR_OUTPUT_MAX};
}

static struct session session_new(bool initiator, uint8_t key_id, uint8_t entropy_number) {
    struct identity identity = identity_number(initiator ? 1 : 2);
    struct secret entropy = secret_number(entropy_number), stream = secret_number(50),
                  join = secret_number(51);
    struct keyring keys = {0};
    struct session s;
    cr_assert_eq(keyring_add(&keys, 7, &stream), 0);
    struct session_config config = session_config_default(initiator, &identity, &entropy);
    config.key_id = key_id;
    config.stream_keys = &keys;
    config.join_secret = &join;
    cr_assert_eq(session_init(&s, &config), 0);
    return s;
}

struct session responder_new(void) {
    return session_new(false, 0, 4);
}
struct session initiator_new(uint8_t key_id) {
    return session_new(true, key_id, 3);
}

struct session_pair session_pair_new_with_entropy(uint8_t number) {
    return (struct session_pair){.i = session_new(true, 7, number), .r = responder_new()};
}

struct session_pair session_pair_new(void) {
    return session_pair_new_with_entropy(3);
}

struct session_pair session_pair_open(void) {
    struct session_pair p = session_pair_new();
    session_pair_flow(&p.i, &p.r);
    session_pair_flow(&p.r, &p.i);
    session_pair_flow(&p.i, &p.r);
    cr_assert_eq(session_state(&p.i), SESSION_OPEN);
    cr_assert_eq(session_state(&p.r), SESSION_OPEN);
    return p;
}

void session_pair_done(struct session_pair *p) {
    session_done(&p->i);
    session_done(&p->r);
}

void session_pair_flow(struct session *from, struct session *to) {
    struct bytes out = session_output(from);
    cr_assert_eq(session_feed(to, out), 0, "%s", session_reason(to));
    session_output_consume(from, out.size);
}

void session_pair_carries(struct session *from, struct session *to, struct bytes message) {
    struct bytes got;
    cr_assert_eq(session_send(from, message), 0);
    session_pair_flow(from, to);
    cr_assert(session_next_message(to, &got));
    cr_assert(bytes_equal(got, message));
    cr_assert(!session_next_message(to, &got));
}
