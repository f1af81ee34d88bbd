/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* How a session opens and what it carries; how it refuses is in test_session_refusals.c. */
#include <sodium.h>
#include <stdio.h>

#include "session_pair.h"

Test(session, opens_and_carries_messages_both_ways) {
    struct session_pair p = session_pair_open();
    cr_assert_eq(session_key_id(&p.r), 7);
    cr_assert(ID_EQUAL(session_peer_static(&p.i), p.r.own_static));
    cr_assert(ID_EQUAL(session_peer_static(&p.r), p.i.own_static));
    cr_assert(bytes_equal(session_handshake_hash(&p.i), session_handshake_hash(&p.r)));
    session_pair_carries(&p.i, &p.r, bytes_str("to the responder"));
    session_pair_carries(&p.r, &p.i, bytes_str("to the initiator"));
    session_pair_carries(&p.i, &p.r, bytes_str(""));
    cr_assert_str_eq(session_reason(&p.i), "");
    cr_assert_eq(session_peer_closed(&p.i), 0);
    cr_assert_eq(session_state(&p.i), SESSION_CLOSED);
    cr_assert_eq(session_send(&p.i, bytes_str("late")), ERR_CLOSED);
    cr_assert_eq(session_feed(&p.i, bytes_str("late")), ERR_CLOSED);
    session_pair_done(&p);
}

/* An "a message" member: hex, or the size of a counting pattern. */
static struct buf vector_message(const json_t *json) {
    struct buf out = {0};
    if (json_is_string(json))
        return json_hex(json, NULL);
    size_t size = (size_t)json_integer_value(json);
    for (size_t i = 0; i < size; i++)
        buf_append_byte(&out, (uint8_t)(i % 251));
    return out;
}

static void output_is(const json_t *json, const char *prefix, const struct buf *sent) {
    char name[64];
    uint8_t hash[64], expected[64];
    snprintf(name, sizeof name, "%s_output_start", prefix);
    struct buf start = json_hex(json, name);
    cr_assert_leq(start.size, sent->size);
    cr_assert_arr_eq(sent->data, start.data, start.size, "%s", prefix);
    snprintf(name, sizeof name, "%s_output_size", prefix);
    cr_assert_eq((json_int_t)sent->size, json_integer_value(json_object_get(json, name)));
    snprintf(name, sizeof name, "%s_output_blake2b", prefix);
    json_hex_fixed(json, name, expected, sizeof expected);
    crypto_generichash(hash, sizeof hash, sent->data, sent->size, NULL, 0);
    cr_assert_arr_eq(hash, expected, sizeof hash, "%s", prefix);
    buf_done(&start);
}

/* Moves one side's output to the other and keeps a copy. */
static void deliver(struct session *from, struct session *to, struct buf *sent) {
    struct bytes out = session_output(from);
    buf_append(sent, out.data, out.size);
    cr_assert_eq(session_feed(to, out), 0, "%s", session_reason(to));
    session_output_consume(from, out.size);
}

static void exchange(const json_t *messages, struct session *from, struct session *to, struct buf *sent) {
    for (size_t i = 0; i < json_array_size(messages); i++) {
        struct buf message = vector_message(json_array_get(messages, i));
        struct bytes received;
        cr_assert_eq(session_send(from, buf_bytes(&message)), 0);
        deliver(from, to, sent);
        cr_assert(session_next_message(to, &received));
        cr_assert(bytes_equal(received, buf_bytes(&message)));
        buf_done(&message);
    }
}

static void vector_session(const json_t *json, bool initiator, const struct keyring *keys,
                           const struct secret *join, struct session *s) {
    struct secret seed, entropy;
    struct identity identity;
    json_hex_fixed(json, initiator ? "init_seed" : "resp_seed", &seed, 32);
    json_hex_fixed(json, initiator ? "init_entropy" : "resp_entropy", &entropy, 32);
    identity_init(&identity, &seed);
    struct session_config config = session_config_default(initiator, &identity, &entropy);
    json_hex_fixed(json, "cluster", &config.cluster, 16);
    config.key_id = (uint8_t)json_integer_value(json_object_get(json, "key_id"));
    config.stream_keys = keys;
    config.join_secret = join;
    cr_assert_eq(session_init(s, &config), 0);
}

Test(session, bytes_of_the_second_implementation) {
    json_t *root = tree_json("proto/vectors/noise-xxpsk0.json");
    const json_t *list = json_object_get(root, "sessions");
    cr_assert_eq(json_array_size(list), 3);
    for (size_t n = 0; n < json_array_size(list); n++) {
        const json_t *json = json_array_get(list, n);
        struct session i, r;
        struct keyring keys = {0};
        struct secret secret, psk, expected;
        struct cluster_id cluster;
        struct buf i_sent = {0}, r_sent = {0}, hash = json_hex(json, "handshake_hash");
        uint8_t key_id = (uint8_t)json_integer_value(json_object_get(json, "key_id"));
        json_hex_fixed(json, "secret", &secret, 32);
        json_hex_fixed(json, "psk", &expected, 32);
        json_hex_fixed(json, "cluster", &cluster, 16);
        secret_stream_psk(&secret, &cluster, &psk);
        cr_assert(secret_equal(&psk, &expected));
        if (key_id != 0)
            cr_assert_eq(keyring_add(&keys, key_id, &secret), 0);
        vector_session(json, true, &keys, key_id == 0 ? &secret : NULL, &i);
        vector_session(json, false, &keys, key_id == 0 ? &secret : NULL, &r);
        deliver(&i, &r, &i_sent);
        deliver(&r, &i, &r_sent);
        deliver(&i, &r, &i_sent);
        cr_assert_eq(session_state(&r), SESSION_OPEN);
        cr_assert(bytes_equal(session_handshake_hash(&r), buf_bytes(&hash)));
        exchange(json_object_get(json, "messages_to_responder"), &i, &r, &i_sent);
        exchange(json_object_get(json, "messages_to_initiator"), &r, &i, &r_sent);
        output_is(json, "init", &i_sent);
        output_is(json, "resp", &r_sent);
        buf_done(&i_sent);
        buf_done(&r_sent);
        buf_done(&hash);
        session_done(&i);
        session_done(&r);
    }
    json_decref(root);
}

/* Feeds in portions of random size (of one byte with step_max 1). */
static void feed_in_parts(struct session *to, struct bytes in, struct prng *p, uint64_t step_max) {
    while (in.size > 0) {
        size_t part = (size_t)prng_below(p, step_max) + 1;
        if (part > in.size)
            part = in.size;
        cr_assert_eq(session_feed(to, bytes_of(in.data, part)), 0, "%s", session_reason(to));
        in = bytes_of(in.data + part, in.size - part);
    }
}

static void flow_in_parts(struct session *from, struct session *to, struct prng *p, uint64_t step_max) {
    struct bytes out = session_output(from);
    feed_in_parts(to, out, p, step_max);
    session_output_consume(from, out.size);
}

Test(session, does_not_depend_on_how_bytes_are_cut) {
    static const uint64_t steps[] = {1, 2, 3, 7, 100, 5000, 200000};
    for (size_t n = 0; n < sizeof steps / sizeof steps[0]; n++) {
        struct session_pair p = session_pair_new();
        struct prng rng;
        struct bytes got;
        struct buf message = {0};
        prng_init(&rng, n);
        flow_in_parts(&p.i, &p.r, &rng, steps[n]);
        flow_in_parts(&p.r, &p.i, &rng, steps[n]);
        cr_assert_eq(session_state(&p.i), SESSION_OPEN);
        /* Message 3 and the first messages leave together. */
        for (size_t size = 0; size < 70000; size = size * 3 + 1) {
            buf_clear(&message);
            for (size_t i = 0; i < size; i++)
                buf_append_byte(&message, (uint8_t)(i * 7));
            cr_assert_eq(session_send(&p.i, buf_bytes(&message)), 0);
        }
        flow_in_parts(&p.i, &p.r, &rng, steps[n]);
        for (size_t size = 0; size < 70000; size = size * 3 + 1) {
            cr_assert(session_next_message(&p.r, &got));
            cr_assert_eq(got.size, size);
            for (size_t i = 0; i < size; i++)
                cr_assert(got.data[i] == (uint8_t)(i * 7));
        }
        cr_assert(!session_next_message(&p.r, &got));
        buf_done(&message);
        session_pair_done(&p);
    }
}

Test(session, carries_sizes_around_the_frame) {
    static const size_t sizes[] = {65514, 65515, 65516,  65518,  65519, 65520,
                                   65535, 65536, 131033, 131034, 131035};
    struct session_pair p = session_pair_open();
    struct buf message = {0};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        buf_clear(&message);
        buf_reserve(&message, sizes[i]);
        memset(message.data, (int)i, sizes[i]);
        message.size = sizes[i];
        session_pair_carries(&p.i, &p.r, buf_bytes(&message));
    }
    buf_done(&message);
    session_pair_done(&p);
}

Test(session, carries_a_message_of_the_limit_and_refuses_to_send_more) {
    struct session_pair p = session_pair_open();
    struct buf message = {0};
    buf_reserve(&message, SESSION_PAIR_MESSAGE_MAX + 1);
    memset(message.data, 'm', SESSION_PAIR_MESSAGE_MAX + 1);
    message.size = SESSION_PAIR_MESSAGE_MAX + 1;
    cr_assert_eq(session_send(&p.i, buf_bytes(&message)), ERR_LIMIT);
    cr_assert_eq(session_output(&p.i).size, 0);
    message.size--;
    session_pair_carries(&p.i, &p.r, buf_bytes(&message));
    session_pair_carries(&p.r, &p.i, buf_bytes(&message));
    buf_done(&message);
    session_pair_done(&p);
}

Test(session, sending_stops_while_too_much_output_waits) {
    struct session_pair p = session_pair_open();
    cr_assert_eq(session_send(&p.i, bytes_str("one")), 0);
    size_t frame = session_output(&p.i).size;
    int sent = 1;
    while (session_send(&p.i, bytes_str("one")) == 0)
        sent++;
    cr_assert_eq(session_send(&p.i, bytes_str("one")), ERR_BUSY);
    size_t waiting = session_output(&p.i).size;
    cr_assert_gt(waiting, SESSION_PAIR_OUTPUT_MAX);
    cr_assert_leq(waiting, SESSION_PAIR_OUTPUT_MAX + frame);
    /* Written in small portions it is the same stream. */
    struct bytes got;
    while (session_output(&p.i).size > 0) {
        struct bytes out = session_output(&p.i);
        size_t part = out.size < 1000 ? out.size : 1000;
        cr_assert_eq(session_feed(&p.r, bytes_of(out.data, part)), 0);
        session_output_consume(&p.i, part);
        while (session_next_message(&p.r, &got)) {
            cr_assert(bytes_is(got, "one"));
            sent--;
        }
    }
    cr_assert_eq(sent, 0);
    cr_assert_eq(session_send(&p.i, bytes_str("one")), 0);
    session_pair_done(&p);
}

Test(session, receiving_stops_while_messages_are_not_taken) {
    struct session_pair p = session_pair_open();
    struct buf message = {0}, wire = {0};
    struct bytes got;
    buf_reserve(&message, SESSION_PAIR_MESSAGE_MAX);
    memset(message.data, 'm', SESSION_PAIR_MESSAGE_MAX);
    message.size = SESSION_PAIR_MESSAGE_MAX;
    cr_assert_eq(session_send(&p.i, buf_bytes(&message)), 0);
    cr_assert_eq(session_send(&p.i, bytes_str("x")), ERR_BUSY);
    session_pair_flow(&p.i, &p.r);
    cr_assert_eq(session_send(&p.i, bytes_str("next")), 0);
    struct bytes out = session_output(&p.i);
    buf_append(&wire, out.data, out.size);
    cr_assert_eq(session_feed(&p.r, buf_bytes(&wire)), ERR_BUSY);
    cr_assert_eq(session_state(&p.r), SESSION_OPEN);
    cr_assert(session_next_message(&p.r, &got));
    cr_assert_eq(got.size, SESSION_PAIR_MESSAGE_MAX);
    cr_assert_eq(session_feed(&p.r, buf_bytes(&wire)), 0, "what was refused may be fed again");
    cr_assert(session_next_message(&p.r, &got));
    cr_assert(bytes_is(got, "next"));
    buf_done(&message);
    buf_done(&wire);
    session_pair_done(&p);
}

/* Past two changes of the key, in one direction only. */
Test(session, keys_change_after_so_many_frames) {
    struct session_pair p = session_pair_open();
    uint8_t first_key[32];
    memcpy(first_key, p.i.send.key, sizeof first_key);
    for (size_t i = 0; i < 2 * SESSION_REKEY_FRAMES + 3; i++) {
        if (i == SESSION_REKEY_FRAMES - 1)
            cr_assert_arr_eq(p.i.send.key, first_key, sizeof first_key);
        if (i == SESSION_REKEY_FRAMES)
            cr_assert(memcmp(p.i.send.key, first_key, sizeof first_key) != 0);
        struct bytes got;
        cr_assert_eq(session_send(&p.i, bytes_str("x")), 0);
        session_pair_flow(&p.i, &p.r);
        cr_assert(session_next_message(&p.r, &got));
    }
    cr_assert_eq(p.i.receive.nonce, 0);
    session_pair_carries(&p.r, &p.i, bytes_str("still here"));
    session_pair_done(&p);
}

Test(session, two_sessions_of_the_same_hosts_share_no_key) {
    struct session_pair a = session_pair_open(), b = session_pair_new_with_entropy(99);
    session_pair_flow(&b.i, &b.r);
    session_pair_flow(&b.r, &b.i);
    session_pair_flow(&b.i, &b.r);
    cr_assert(memcmp(a.i.send.key, b.i.send.key, 32) != 0);
    cr_assert(!bytes_equal(session_handshake_hash(&a.i), session_handshake_hash(&b.i)));
    session_pair_done(&a);
    session_pair_done(&b);
}

Test(session, keeps_no_handshake_secret_once_open) {
    struct session_pair p = session_pair_open();
    struct session zero;
    memset(&zero, 0, sizeof zero);
    cr_assert_eq(memcmp(&p.r.noise, &zero.noise, sizeof zero.noise), 0);
    cr_assert_eq(memcmp(&p.r.stream_keys, &zero.stream_keys, sizeof zero.stream_keys), 0);
    cr_assert_eq(memcmp(&p.r.entropy, &zero.entropy, sizeof zero.entropy), 0);
    cr_assert_eq(memcmp(&p.r.static_secret, &zero.static_secret, sizeof zero.static_secret), 0);
    session_pair_done(&p);
    cr_assert_eq(memcmp(&p.r, &zero, sizeof zero), 0);
}
