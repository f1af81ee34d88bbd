/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include <stdio.h>

#include "session_pair.h"

#define HELLO_AND_MESSAGE_1 (SESSION_HELLO_SIZE + 2 + 48)

/* What the session has to say. */
static struct buf output_of(const struct session *s) {
    struct buf out = {0};
    struct bytes view = session_output(s);
    buf_append(&out, view.data, view.size);
    return out;
}

/* A failed session says why, sends nothing, and stays failed. */
static void failed(struct session *s, int err, const char *reason) {
    struct buf out = {0};
    cr_assert_eq(session_state(s), SESSION_FAILED);
    cr_assert_str_eq(session_reason(s), reason);
    cr_assert_eq(session_feed(s, bytes_str("more")), err);
    cr_assert_eq(session_feed(s, bytes_of(NULL, 0)), err);
    cr_assert_eq(session_peer_closed(s), err);
    cr_assert_eq(session_send(s, bytes_str("x")), ERR_CLOSED);
    buf_done(&out);
}

/* A fresh responder, fed with these bytes, refuses without a byte of answer. */
static void responder_refuses(struct bytes in, int err, const char *reason) {
    struct session r = responder_new();
    cr_assert_eq(session_feed(&r, in), err, "%s", session_reason(&r));
    failed(&r, err, reason);
    cr_assert_eq(session_output(&r).size, 0);
    session_done(&r);
}

Test(session_refusals, hello_is_refused_by_name) {
    struct session i = initiator_new(7);
    struct buf out = output_of(&i);
    cr_assert_eq(out.size, HELLO_AND_MESSAGE_1);
    responder_refuses(bytes_str("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), ERR_INVALID,
                      "the peer does not speak covey's stream protocol");
    out.data[6] = 9;
    responder_refuses(buf_bytes(&out), ERR_VERSION, "protocol version 9 is not spoken here (1)");
    out.data[6] = 1;
    out.data[7] = 8;
    responder_refuses(buf_bytes(&out), ERR_NOT_FOUND, "unknown key id 8");
    out.data[7] = 7;
    out.data[8] = 0xaa;
    responder_refuses(buf_bytes(&out), ERR_DENIED, "other cluster aa010101010101010101010101010101");
    buf_done(&out);
    session_done(&i);
}

/* The hello is the prologue: what passes its own checks still breaks message 1. */
Test(session_refusals, key_id_of_the_hello_is_bound) {
    struct session i = initiator_new(7), j = initiator_new(0);
    struct buf out = output_of(&i), join = output_of(&j);
    out.data[7] = 0;
    responder_refuses(buf_bytes(&out), ERR_DENIED, "wrong join secret");
    join.data[7] = 7;
    responder_refuses(buf_bytes(&join), ERR_DENIED, "wrong cluster key 7");
    buf_done(&out);
    buf_done(&join);
    session_done(&i);
    session_done(&j);
}

Test(session_refusals, joining_needs_a_join_secret) {
    struct identity identity = identity_number(2);
    struct secret entropy = secret_number(4);
    struct session_config config = session_config_default(false, &identity, &entropy);
    struct session r, i = initiator_new(0);
    cr_assert_eq(session_init(&r, &config), 0);
    cr_assert_eq(session_feed(&r, session_output(&i)), ERR_NOT_FOUND);
    failed(&r, ERR_NOT_FOUND, "joining is not open here: there is no join secret");
    session_done(&r);
    config.initiator = true;
    cr_assert_eq(session_init(&r, &config), ERR_NOT_FOUND, "an initiator without its key");
    session_done(&i);
}

Test(session_refusals, join_and_stream_keys_open_under_their_own_ids) {
    for (uint8_t key_id = 0; key_id <= 7; key_id = (uint8_t)(key_id + 7)) {
        struct session i = initiator_new(key_id), r = responder_new();
        session_pair_flow(&i, &r);
        session_pair_flow(&r, &i);
        session_pair_flow(&i, &r);
        cr_assert_eq(session_state(&r), SESSION_OPEN);
        cr_assert_eq(session_key_id(&r), key_id);
        session_done(&i);
        session_done(&r);
    }
}

/* The output of one side before message `number`, and the other side ready to read it. */
static struct session reader_before(size_t number, struct buf *ret_in) {
    struct session_pair p = session_pair_new();
    struct session *sides[2] = {&p.i, &p.r};
    for (size_t m = 0; m < number; m++)
        session_pair_flow(sides[m % 2], sides[1 - m % 2]);
    *ret_in = output_of(sides[number % 2]);
    session_done(sides[number % 2]);
    return *sides[1 - number % 2];
}

Test(session_refusals, each_flipped_bit_of_the_handshake_is_refused) {
    static const size_t sizes[] = {HELLO_AND_MESSAGE_1, 2 + 96, 2 + 64};
    for (size_t number = 0; number < 3; number++) {
        for (size_t bit = 0; bit < sizes[number] * 8; bit++) {
            struct buf in;
            struct session reader = reader_before(number, &in);
            size_t answer = session_output(&reader).size;
            cr_assert_eq(in.size, sizes[number]);
            in.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
            cr_assert_neq(session_feed(&reader, buf_bytes(&in)), 0, "message %zu bit %zu", number + 1, bit);
            cr_assert_eq(session_state(&reader), SESSION_FAILED);
            cr_assert_eq(session_output(&reader).size, answer);
            cr_assert_gt(strlen(session_reason(&reader)), 0);
            buf_done(&in);
            session_done(&reader);
        }
    }
}

Test(session_refusals, each_truncation_of_the_handshake_waits_and_then_is_a_close) {
    for (size_t number = 0; number < 3; number++) {
        for (size_t size = 0;; size++) {
            struct buf in;
            struct session reader = reader_before(number, &in);
            bool cut = size < in.size;
            if (cut) {
                cr_assert_eq(session_feed(&reader, bytes_of(in.data, size)), 0);
                cr_assert_eq(session_state(&reader), SESSION_HANDSHAKE);
                cr_assert_eq(session_peer_closed(&reader), number == 1 ? ERR_DENIED : ERR_CLOSED);
            }
            buf_done(&in);
            session_done(&reader);
            if (!cut)
                break;
        }
    }
}

Test(session_refusals, initiator_can_tell_a_refusal) {
    struct session i = initiator_new(7);
    cr_assert_eq(session_peer_closed(&i), ERR_DENIED);
    failed(&i, ERR_DENIED,
           "the peer refused the handshake: wrong join secret or cluster key, another cluster, or another "
           "protocol "
           "version?");
    session_done(&i);

    struct session_pair p = session_pair_open();
    cr_assert_eq(session_peer_closed(&p.i), ERR_DENIED);
    cr_assert_str_eq(session_reason(&p.i),
                     "the peer closed after the handshake without a word: is this host still a member?");
    cr_assert_eq(session_peer_closed(&p.r), 0);
    session_pair_done(&p);

    struct session r = responder_new();
    cr_assert_eq(session_peer_closed(&r), ERR_CLOSED);
    cr_assert_str_eq(session_reason(&r), "the peer closed during the handshake");
    session_done(&r);
}

Test(session_refusals, own_bytes_sent_back_are_refused) {
    struct session_pair p = session_pair_new();
    struct buf out = output_of(&p.i);
    cr_assert_eq(session_feed(&p.i, buf_bytes(&out)), ERR_INVALID);
    buf_done(&out);
    session_pair_done(&p);

    p = session_pair_open();
    cr_assert_eq(session_send(&p.i, bytes_str("echo")), 0);
    cr_assert_eq(session_feed(&p.i, session_output(&p.i)), ERR_DENIED);
    failed(&p.i, ERR_DENIED, "a frame is forged or damaged");
    session_pair_done(&p);
}

Test(session_refusals, a_host_does_not_talk_to_itself) {
    struct identity identity = identity_number(1);
    struct secret entropy = secret_number(77), stream = secret_number(50);
    struct keyring keys = {0};
    cr_assert_eq(keyring_add(&keys, 7, &stream), 0);
    struct session_config config = session_config_default(false, &identity, &entropy);
    config.stream_keys = &keys;
    struct session i = initiator_new(7), r;
    cr_assert_eq(session_init(&r, &config), 0);
    session_pair_flow(&i, &r);
    cr_assert_eq(session_feed(&i, session_output(&r)), ERR_CONFLICT);
    failed(&i, ERR_CONFLICT,
           "the peer has this host's own key: the address leads back here, or the key was copied");
    session_done(&i);
    session_done(&r);
}

Test(session_refusals, replayed_handshake_does_not_open) {
    struct session_pair p = session_pair_new();
    struct buf one = output_of(&p.i), three;
    session_pair_flow(&p.i, &p.r);
    session_pair_flow(&p.r, &p.i);
    three = output_of(&p.i);

    struct identity identity = identity_number(2);
    struct secret entropy = secret_number(88), stream = secret_number(50);
    struct keyring keys = {0};
    cr_assert_eq(keyring_add(&keys, 7, &stream), 0);
    struct session_config config = session_config_default(false, &identity, &entropy);
    config.stream_keys = &keys;
    struct session again;
    cr_assert_eq(session_init(&again, &config), 0);
    cr_assert_eq(session_feed(&again, buf_bytes(&one)), 0);
    cr_assert_eq(session_feed(&again, buf_bytes(&three)), ERR_DENIED);
    failed(&again, ERR_DENIED, "handshake message 3 is forged or damaged");
    session_done(&again);
    buf_done(&one);
    buf_done(&three);
    session_pair_done(&p);
}

Test(session_refusals, frames_out_of_order_or_twice_are_refused) {
    struct session_pair p = session_pair_open();
    cr_assert_eq(session_send(&p.i, bytes_str("one")), 0);
    struct buf one = output_of(&p.i);
    session_output_consume(&p.i, one.size);
    cr_assert_eq(session_send(&p.i, bytes_str("two")), 0);
    struct buf two = output_of(&p.i);

    struct session early = p.r;
    early.input = early.output = early.plain = early.reason = (struct buf){0};
    cr_assert_eq(session_feed(&early, buf_bytes(&two)), ERR_DENIED);
    session_done(&early);
    cr_assert_eq(session_feed(&p.r, buf_bytes(&one)), 0);
    cr_assert_eq(session_feed(&p.r, buf_bytes(&one)), ERR_DENIED);
    /* What was whole before the failure can still be taken. */
    struct bytes got;
    cr_assert(session_next_message(&p.r, &got));
    cr_assert(bytes_is(got, "one"));
    cr_assert(!session_next_message(&p.r, &got));
    buf_done(&one);
    buf_done(&two);
    session_pair_done(&p);
}

Test(session_refusals, each_flipped_bit_of_a_frame_is_refused) {
    struct session_pair p = session_pair_open();
    cr_assert_eq(session_send(&p.i, bytes_str("payload")), 0);
    struct buf frame = output_of(&p.i);
    for (size_t bit = 0; bit < frame.size * 8; bit++) {
        struct session r = p.r;
        struct bytes got;
        r.input = r.output = r.plain = r.reason = (struct buf){0};
        frame.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        int err = session_feed(&r, buf_bytes(&frame));
        /* A larger size only makes it wait for bytes that do not come. */
        cr_assert(err != 0 || bit < 16, "bit %zu", bit);
        cr_assert(!session_next_message(&r, &got));
        cr_assert_eq(session_peer_closed(&r), err != 0 ? err : ERR_CLOSED);
        frame.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        session_done(&r);
    }
    buf_done(&frame);
    session_pair_done(&p);
}

/* Seals any plain text as the initiator's next frame. */
static void feed_plain(struct session_pair *p, struct bytes plain, int expected) {
    uint8_t frame[2 + 1024];
    size_t size = plain.size + NOISE_TAG_SIZE;
    cr_assert_leq(size, 1024);
    frame[0] = (uint8_t)(size >> 8);
    frame[1] = (uint8_t)size;
    cr_assert_eq(noise_cipher_encrypt(&p->i.send, bytes_of(NULL, 0), plain, frame + 2), 0);
    cr_assert_eq(session_feed(&p->r, bytes_of(frame, 2 + size)), expected);
}

Test(session_refusals, announced_size_over_the_limit_is_refused_at_once) {
    struct session_pair p = session_pair_open();
    feed_plain(&p, bytes_of("\0\x10\0", 3), 0);
    feed_plain(&p, bytes_of("\x01", 1), ERR_LIMIT);
    failed(&p.r, ERR_LIMIT, "a message of 1048577 bytes is over the limit of 1048576");
    session_pair_done(&p);

    /* One of the limit is announced: nothing is allocated before it comes. */
    p = session_pair_open();
    feed_plain(&p, bytes_of("\0\x10\0\0", 4), 0);
    cr_assert_leq(p.r.plain.capacity, 4096);
    cr_assert_eq(session_peer_closed(&p.r), ERR_CLOSED);
    cr_assert_str_eq(session_reason(&p.r), "the peer closed in the middle of a message");
    session_pair_done(&p);
}

Test(session_refusals, empty_and_too_short_frames_are_refused) {
    for (uint8_t size = 0; size <= NOISE_TAG_SIZE; size++) {
        struct session_pair p = session_pair_open();
        uint8_t prefix[2] = {0, size};
        cr_assert_eq(session_feed(&p.r, bytes_of(prefix, 2)), ERR_INVALID);
        failed(&p.r, ERR_INVALID, "an empty frame");
        session_pair_done(&p);
    }
}

Test(session_refusals, sending_waits_for_the_handshake) {
    struct session_pair p = session_pair_new();
    cr_assert_eq(session_send(&p.i, bytes_str("x")), ERR_BUSY);
    cr_assert_eq(session_send(&p.r, bytes_str("x")), ERR_BUSY);
    session_pair_flow(&p.i, &p.r);
    cr_assert_eq(session_send(&p.r, bytes_str("x")), ERR_BUSY, "the initiator has proven nothing yet");
    session_pair_done(&p);
}

Test(session_refusals, responder_holds_little_for_a_stranger) {
    struct session r = responder_new(), i = initiator_new(7);
    struct bytes out = session_output(&i);
    uint8_t long_frame[2] = {0xff, 0xff};
    cr_assert_eq(session_feed(&r, bytes_of(out.data, SESSION_HELLO_SIZE)), 0);
    cr_assert_eq(session_feed(&r, bytes_of(long_frame, 2)), ERR_INVALID);
    failed(&r, ERR_INVALID, "a handshake frame of 65535 bytes, not 48");
    cr_assert_leq(r.input.capacity, 256);
    session_done(&r);
    session_done(&i);
}

Test(session_refusals, garbage_never_opens_and_never_crashes) {
    struct prng rng;
    prng_init(&rng, 42);
    for (int round = 0; round < 2000; round++) {
        struct session_pair p = round % 3 == 0 ? session_pair_open() : session_pair_new();
        struct session *to = round % 2 ? &p.i : &p.r;
        uint8_t garbage[300];
        size_t size = (size_t)prng_below(&rng, sizeof garbage) + 1;
        prng_fill(&rng, garbage, size);
        if (round % 3 == 1)
            memcpy(garbage, "covey\0\1\7", size < 8 ? size : 8);
        enum session_state before = session_state(to);
        struct bytes got;
        session_feed(to, bytes_of(garbage, size));
        cr_assert(session_state(to) == before || session_state(to) == SESSION_FAILED);
        cr_assert(!session_next_message(to, &got));
        session_pair_done(&p);
    }
}
