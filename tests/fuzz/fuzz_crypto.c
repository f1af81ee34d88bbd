/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Everything of this room that reads a peer's or an operator's bytes. The first byte chooses what; where a
 * tag would stop every mutation, the input is sealed here first, as a peer with the keys could do.
 */
#include <stdlib.h>

#include <covey/crypto.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MESSAGE_MAX 4096

static void check(bool ok) {
    if (!ok)
        abort();
}

static struct secret secret_number(uint8_t number) {
    struct secret s;
    memset(s.b, number, sizeof s.b);
    return s;
}

static const struct cluster_id cluster = {{'c', 'l', 'u', 's', 't', 'e', 'r'}};
static const struct node_id alice = {{'a'}}, bob = {{'b'}};

static struct keyring ring(void) {
    struct keyring k = {0};
    struct secret key = secret_number(1);
    check(keyring_add(&k, 1, &key) == 0);
    return k;
}

/* ---- envelopes ----------------------------------------------------------------------------------------- */

static void fuzz_envelope_open(struct bytes in) {
    struct keyring keys = ring();
    struct buf plain = {0};
    struct envelope head;
    struct bytes payload;
    envelope_open(&keys, &cluster, &bob, in, &plain, &head, &payload);
    buf_done(&plain);
}

/* What was sealed opens to the same, and to nobody else. */
static void fuzz_envelope_seal(struct bytes in) {
    struct keyring keys = ring();
    struct secret seed = secret_number(2);
    struct csprng rng;
    struct buf packet = {0}, plain = {0};
    struct envelope head = {.sender = alice, .receiver = bob, .boot = 1, .sequence = in.size}, opened;
    struct bytes payload;
    csprng_init(&rng, &seed);
    int err = envelope_seal(&keys, &cluster, &rng, &head, in, &packet);
    check(err == (in.size > ENVELOPE_PAYLOAD_MAX ? ERR_LIMIT : 0));
    if (err == 0) {
        check(envelope_open(&keys, &cluster, &bob, buf_bytes(&packet), &plain, &opened, &payload) == 0);
        check(bytes_equal(payload, in) && ID_EQUAL(opened.sender, alice) && ID_EQUAL(opened.receiver, bob));
        check(opened.boot == head.boot && opened.sequence == head.sequence);
        check(envelope_open(&keys, &cluster, &alice, buf_bytes(&packet), &plain, &opened, &payload) ==
              ERR_DENIED);
    }
    buf_done(&packet);
    buf_done(&plain);
}

/* Pairs of (boot, step): what passed once never passes again while the window knows it. */
static void fuzz_replay(struct bytes in) {
    struct replay_window w = {0};
    uint64_t sequence = 0;
    for (size_t i = 0; i + 1 < in.size; i += 2) {
        uint32_t boot = in.data[i] & 3;
        sequence += (uint64_t)(int64_t)(int8_t)in.data[i + 1];
        if (in.data[i] & 4)
            replay_learn(&w, boot, sequence);
        if (replay_check_and_set(&w, boot, sequence) == 0)
            check(replay_check_and_set(&w, boot, sequence) == ERR_EXISTS);
    }
}

/* ---- tokens -------------------------------------------------------------------------------------------- */

static void fuzz_token(struct bytes in) {
    struct join_token token, again;
    const char *why = NULL;
    int err = secret_token_parse(in, &token, &why);
    check((err == 0) == (why == NULL));
    if (err != 0)
        return;
    struct buf text = {0};
    secret_token_append(&text, &token);
    check(secret_token_parse(buf_bytes(&text), &again, &why) == 0);
    check(memcmp(&token, &again, sizeof token) == 0);
    buf_done(&text);
}

/* ---- Noise --------------------------------------------------------------------------------------------- */

static void fuzz_noise(struct bytes in) {
    static const char names[][8] = {"NN", "XX", "IX", "N", "XXpsk0", "I1X1", "NNpsk2", "XX1"};
    if (in.size < 2)
        return;
    struct secret s = secret_number(3), e = secret_number(4), psk = secret_number(5);
    const char *name = names[in.data[0] % 8];
    struct noise_handshake h;
    struct buf out = {0};
    check(noise_handshake_init(&h, &(struct noise_config){.pattern = name,
                                                          .static_secret = &s,
                                                          .ephemeral_secret = &e,
                                                          .psks = &psk,
                                                          .psks_count = strstr(name, "psk") ? 1 : 0}) == 0);
    size_t part = in.data[1];
    in = bytes_of(in.data + 2, in.size - 2);
    for (int turns = 0; turns < 8 && !h.failed; turns++) {
        if (part > in.size)
            part = in.size;
        if (noise_handshake_is_my_turn(&h))
            noise_handshake_write(&h, bytes_of(NULL, 0), &out);
        else if (noise_handshake_read(&h, bytes_of(in.data, part), &out) == 0)
            in = bytes_of(in.data + part, in.size - part);
    }
    noise_handshake_done(&h);
    buf_done(&out);
}

/* ---- sessions ------------------------------------------------------------------------------------------ */

static struct session session_make(bool initiator) {
    struct keyring keys = ring();
    struct secret seed = secret_number(initiator ? 6 : 7), entropy = secret_number(initiator ? 8 : 9);
    struct secret join = secret_number(10);
    struct identity identity;
    struct session s;
    identity_init(&identity, &seed);
    check(session_init(&s, &(struct session_config){.initiator = initiator,
                                                    .identity = &identity,
                                                    .cluster = cluster,
                                                    .join_secret = &join,
                                                    .stream_keys = &keys,
                                                    .key_id = 1,
                                                    .entropy = &entropy,
                                                    .message_size_max = MESSAGE_MAX,
                                                    .output_size_max = 1 << 16}) == 0);
    return s;
}

static void session_move(struct session *from, struct session *to) {
    struct bytes out = session_output(from);
    check(session_feed(to, out) == 0);
    session_output_consume(from, out.size);
}

static void session_drain(struct session *s) {
    struct bytes message;
    volatile uint8_t touched = 0; /* for a sanitizer to see every byte read */
    while (session_next_message(s, &message)) {
        check(message.size <= MESSAGE_MAX);
        for (size_t i = 0; i < message.size; i++)
            touched = message.data[i];
    }
    (void)touched;
    check(s->plain.size <= 2 * (MESSAGE_MAX + 4) + NOISE_MESSAGE_MAX);
}

/* Raw bytes in portions that the first byte gives. */
static void session_feed_parts(struct session *s, struct bytes in) {
    if (in.size == 0)
        return;
    size_t part = in.data[0] + (size_t)1;
    in = bytes_of(in.data + 1, in.size - 1);
    while (in.size > 0) {
        if (part > in.size)
            part = in.size;
        int err = session_feed(s, bytes_of(in.data, part));
        check((err != 0) == (session_state(s) == SESSION_FAILED));
        check((err != 0) == (session_reason(s)[0] != 0));
        session_drain(s);
        in = bytes_of(in.data + part, in.size - part);
    }
    session_peer_closed(s);
}

/* Frames of a peer that holds all keys: each is a size byte and its plain text. */
static void session_feed_sealed(struct session *from, struct session *to, struct bytes in) {
    while (in.size > 1 && session_state(to) == SESSION_OPEN) {
        size_t part = in.data[0];
        if (part > in.size - 1)
            part = in.size - 1;
        uint8_t frame[2 + 256 + NOISE_TAG_SIZE];
        size_t sealed = part + NOISE_TAG_SIZE;
        frame[0] = (uint8_t)(sealed >> 8);
        frame[1] = (uint8_t)sealed;
        check(noise_cipher_encrypt(&from->send, bytes_of(NULL, 0), bytes_of(in.data + 1, part), frame + 2) ==
              0);
        session_feed(to, bytes_of(frame, 2 + sealed));
        session_drain(to);
        in = bytes_of(in.data + 1 + part, in.size - 1 - part);
    }
}

static void fuzz_session(unsigned kind, struct bytes in) {
    struct session i = session_make(true), r = session_make(false);
    if (kind >= 2) {
        session_move(&i, &r);
        session_move(&r, &i);
        session_move(&i, &r);
    }
    if (kind == 0)
        session_feed_parts(&r, in);
    else if (kind == 1)
        session_feed_parts(&i, in);
    else if (kind == 2)
        session_feed_parts(&r, in);
    else
        session_feed_sealed(&i, &r, in);
    session_done(&i);
    session_done(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    struct bytes in = bytes_of(data + 1, size - 1);
    switch (data[0] % 9) {
    case 0: fuzz_envelope_open(in); break;
    case 1: fuzz_envelope_seal(in); break;
    case 2: fuzz_replay(in); break;
    case 3: fuzz_token(in); break;
    case 4: fuzz_noise(in); break;
    default: fuzz_session(data[0] % 9 - 5u, in); break;
    }
    return 0;
}
