/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * One encrypted connection; drawn in covey/crypto.h. This file is the handshake and what comes in; what goes
 * out is in session_output.c.
 *
 * Input is cut into units: the hello (responder only), then frames. A unit is collected in s->input until it
 * is whole, so that nothing depends on how the network cut the bytes. The size of a handshake frame is fixed,
 * that of a later one has 16 bits, and a message's own size is compared with the limit as soon as its four
 * bytes are there; its memory grows with what arrives, not with what is announced.
 *
 * A responder sends nothing before message 1 has passed its check, which needs the psk: to a stranger it
 * looks like a port that closes. It does no Diffie-Hellman before that check either: Noise's psk0.
 */
#include "session.h"
#include "hash.h"

#include <sodium.h>

static const uint8_t hello_magic[] = {'c', 'o', 'v', 'e', 'y', 0};
#define HELLO_VERSION_AT (sizeof hello_magic)
#define HELLO_KEY_ID_AT  (sizeof hello_magic + 1)
#define HELLO_CLUSTER_AT (sizeof hello_magic + 2)
static_assert(HELLO_CLUSTER_AT + ID_SIZE == SESSION_HELLO_SIZE, "the header says so");

/* e and a tag; e, a sealed static and a tag; a sealed static and a tag. The payloads are empty. */
#define HANDSHAKE_MESSAGES 3
static const uint8_t handshake_sizes[HANDSHAKE_MESSAGES] = {48, 96, 64};

const char *session_state_str(enum session_state state) {
    switch (state) {
    case SESSION_HANDSHAKE: return "handshake";
    case SESSION_OPEN: return "open";
    case SESSION_CLOSED: return "closed";
    case SESSION_FAILED: return "failed";
    }
    return "unknown";
}

/* ---- beginning and end --------------------------------------------------------------------------------- */

/* The psk of a key id; ERR_NOT_FOUND. */
static int session_psk(const struct session *s, uint8_t key_id, struct secret *ret_psk) {
    const struct secret *key = key_id != 0          ? keyring_get(&s->stream_keys, key_id)
                               : s->has_join_secret ? &s->join_secret
                                                    : NULL;
    if (!key)
        return ERR_NOT_FOUND;
    secret_stream_psk(key, &s->cluster, ret_psk);
    return 0;
}

/* Needs the hello, so a responder comes here only when it has read it. */
static int session_start_noise(struct session *s, const uint8_t hello[SESSION_HELLO_SIZE]) {
    struct secret psk;
    int err = session_psk(s, s->key_id, &psk);
    if (err)
        return err;
    err = noise_handshake_init(&s->noise, &(struct noise_config){
                                              .pattern = "XXpsk0",
                                              .initiator = s->initiator,
                                              .prologue = bytes_of(hello, SESSION_HELLO_SIZE),
                                              .static_secret = &s->static_secret,
                                              .ephemeral_secret = &s->entropy,
                                              .psks = &psk,
                                              .psks_count = 1,
                                          });
    assert(err == 0);
    secret_wipe(&psk, sizeof psk);
    return 0;
}

/* What only the handshake needed. */
static void session_forget_keys(struct session *s) {
    noise_handshake_done(&s->noise);
    keyring_done(&s->stream_keys);
    secret_wipe(&s->join_secret, sizeof s->join_secret);
    secret_wipe(&s->static_secret, sizeof s->static_secret);
    secret_wipe(&s->entropy, sizeof s->entropy);
}

int session_fail(struct session *s, int err, const char *format, ...) {
    va_list args;
    va_start(args, format);
    buf_clear(&s->reason);
    buf_vprintf(&s->reason, format, args);
    va_end(args);
    session_forget_keys(s);
    secret_wipe(&s->send, sizeof s->send);
    secret_wipe(&s->receive, sizeof s->receive);
    s->state = SESSION_FAILED;
    s->error = err;
    return err;
}

/* Writes the handshake's next message as a frame. */
static int session_write_handshake(struct session *s) {
    uint8_t size[2];
    put_be16(size, handshake_sizes[s->noise.messages_done]);
    size_t before = s->output.size;
    buf_append(&s->output, size, sizeof size);
    int err = noise_handshake_write(&s->noise, bytes_of(NULL, 0), &s->output);
    if (err) {
        s->output.size = before;
        return session_fail(s, err, "the peer's handshake key is of small order");
    }
    assert(s->output.size - before - sizeof size == get_be16(size));
    return 0;
}

static void session_take_config(struct session *s, const struct session_config *config) {
    s->initiator = config->initiator;
    s->cluster = config->cluster;
    s->key_id = config->key_id;
    s->own_static = config->identity->static_key;
    memcpy(s->static_secret.b, config->identity->static_secret, sizeof s->static_secret.b);
    s->entropy = *config->entropy;
    if (config->join_secret) {
        s->has_join_secret = true;
        s->join_secret = *config->join_secret;
    }
    if (config->stream_keys)
        s->stream_keys = *config->stream_keys;
    s->message_size_max = config->message_size_max;
    s->output_size_max = config->output_size_max;
}

int session_init(struct session *s, const struct session_config *config) {
    assert(config->message_size_max >= 1 && config->message_size_max <= SESSION_MESSAGE_MAX);
    memset(s, 0, sizeof *s);
    session_take_config(s, config);
    if (!s->initiator)
        return 0;

    uint8_t hello[SESSION_HELLO_SIZE];
    memcpy(hello, hello_magic, sizeof hello_magic);
    hello[HELLO_VERSION_AT] = SESSION_VERSION;
    hello[HELLO_KEY_ID_AT] = s->key_id;
    memcpy(hello + HELLO_CLUSTER_AT, s->cluster.b, ID_SIZE);
    int err = session_start_noise(s, hello);
    if (err) {
        session_done(s);
        return err;
    }
    s->hello_done = true;
    buf_append(&s->output, hello, sizeof hello);
    return session_write_handshake(s);
}

void session_done(struct session *s) {
    struct buf *const bufs[] = {&s->input, &s->output, &s->plain, &s->reason};
    for (size_t i = 0; i < sizeof bufs / sizeof bufs[0]; i++) {
        if (bufs[i]->capacity > 0)
            secret_wipe(bufs[i]->data, bufs[i]->capacity);
        buf_done(bufs[i]);
    }
    secret_wipe(s, sizeof *s);
}

/* ---- the handshake ------------------------------------------------------------------------------------- */

static int session_refuse_key_id(struct session *s) {
    if (s->key_id == 0)
        return session_fail(s, ERR_NOT_FOUND, "joining is not open here: there is no join secret");
    return session_fail(s, ERR_NOT_FOUND, "unknown key id %u", (unsigned)s->key_id);
}

static int session_take_hello(struct session *s, const uint8_t hello[SESSION_HELLO_SIZE]) {
    if (memcmp(hello, hello_magic, sizeof hello_magic) != 0)
        return session_fail(s, ERR_INVALID, "the peer does not speak covey's stream protocol");
    if (hello[HELLO_VERSION_AT] != SESSION_VERSION)
        return session_fail(s, ERR_VERSION, "protocol version %u is not spoken here (%u)",
                            (unsigned)hello[HELLO_VERSION_AT], (unsigned)SESSION_VERSION);
    struct cluster_id cluster;
    memcpy(cluster.b, hello + HELLO_CLUSTER_AT, ID_SIZE);
    if (!ID_EQUAL(cluster, s->cluster)) {
        char text[ID_TEXT_SIZE];
        id_text(cluster.b, text);
        return session_fail(s, ERR_DENIED, "other cluster %s", text);
    }
    s->key_id = hello[HELLO_KEY_ID_AT];
    if (session_start_noise(s, hello) != 0)
        return session_refuse_key_id(s);
    s->hello_done = true;
    return 0;
}

/* After each message read: message 1, 2 or 3. */
static int session_refuse_message(struct session *s, size_t message, int err) {
    if (message > 0)
        return session_fail(s, err, "handshake message %u is forged or damaged", (unsigned)message + 1);
    if (s->key_id == 0)
        return session_fail(s, err, "wrong join secret");
    return session_fail(s, err, "wrong cluster key %u", (unsigned)s->key_id);
}

static int session_open(struct session *s) {
    s->peer_static = s->noise.rs;
    memcpy(s->handshake_hash, s->noise.hash, sizeof s->handshake_hash);
    noise_handshake_split(&s->noise, &s->send, &s->receive);
    session_forget_keys(s);
    s->state = SESSION_OPEN;
    return 0;
}

static int session_take_handshake(struct session *s, struct bytes message) {
    size_t number = s->noise.messages_done;
    struct buf payload = {0};
    int err = noise_handshake_read(&s->noise, message, &payload);
    buf_done(&payload);
    if (err)
        return session_refuse_message(s, number, err);
    if (number > 0 && ID_EQUAL(s->noise.rs, s->own_static))
        return session_fail(
            s, ERR_CONFLICT,
            "the peer has this host's own key: the address leads back here, or the key was copied");
    if (!noise_handshake_is_complete(&s->noise)) {
        err = session_write_handshake(s);
        if (err)
            return err;
    }
    return noise_handshake_is_complete(&s->noise) ? session_open(s) : 0;
}

/* ---- frames -------------------------------------------------------------------------------------------- */

void session_count_frame(struct noise_cipher *c) {
    if (c->nonce % SESSION_REKEY_FRAMES == 0)
        noise_cipher_rekey(c);
}

/* Advances plain_ready over the messages that have become complete. */
static int session_scan(struct session *s) {
    for (;;) {
        size_t left = s->plain.size - s->plain_ready;
        if (left < SESSION_PREFIX_SIZE)
            return 0;
        size_t size = get_be32(s->plain.data + s->plain_ready);
        if (size > s->message_size_max)
            return session_fail(s, ERR_LIMIT, "a message of %zu bytes is over the limit of %zu", size,
                                s->message_size_max);
        if (left - SESSION_PREFIX_SIZE < size)
            return 0;
        s->plain_ready += SESSION_PREFIX_SIZE + size;
    }
}

static int session_take_frame(struct session *s, struct bytes frame) {
    size_t size = frame.size - NOISE_TAG_SIZE;
    buf_reserve(&s->plain, size);
    int err = noise_cipher_decrypt(&s->receive, bytes_of(NULL, 0), frame, s->plain.data + s->plain.size);
    if (err)
        return session_fail(s, err, "a frame is forged or damaged");
    session_count_frame(&s->receive);
    s->plain.size += size;
    s->heard = true;
    return session_scan(s);
}

static int session_check_frame_size(struct session *s, size_t size) {
    if (s->state == SESSION_OPEN) {
        if (size <= NOISE_TAG_SIZE)
            return session_fail(s, ERR_INVALID, "an empty frame");
        return 0;
    }
    size_t expected = handshake_sizes[s->noise.messages_done];
    if (size != expected)
        return session_fail(s, ERR_INVALID, "a handshake frame of %zu bytes, not %zu", size, expected);
    return 0;
}

/* ---- input --------------------------------------------------------------------------------------------- */

#define FRAME_PREFIX_SIZE 2

/* How many bytes s->input must have for the next step. */
static size_t session_wanted(const struct session *s) {
    if (!s->hello_done)
        return SESSION_HELLO_SIZE;
    if (s->input.size < FRAME_PREFIX_SIZE)
        return FRAME_PREFIX_SIZE;
    return FRAME_PREFIX_SIZE + get_be16(s->input.data);
}

/* s->input has what was wanted. */
static int session_step(struct session *s) {
    struct bytes unit = buf_bytes(&s->input);
    int err;
    if (!s->hello_done) {
        err = session_take_hello(s, unit.data);
    } else if (unit.size == FRAME_PREFIX_SIZE) {
        return session_check_frame_size(s, get_be16(unit.data));
    } else {
        struct bytes frame = bytes_of(unit.data + FRAME_PREFIX_SIZE, unit.size - FRAME_PREFIX_SIZE);
        err = s->state == SESSION_OPEN ? session_take_frame(s, frame) : session_take_handshake(s, frame);
    }
    buf_clear(&s->input);
    return err;
}

/* Drops the messages that were taken. */
static void session_drop_taken(struct session *s) {
    if (s->plain_at == 0)
        return;
    buf_consume(&s->plain, s->plain_at);
    s->plain_ready -= s->plain_at;
    s->plain_at = 0;
    session_trim(&s->plain);
}

static int session_over(const struct session *s) {
    return s->state == SESSION_FAILED ? s->error : ERR_CLOSED;
}

int session_feed(struct session *s, struct bytes in) {
    if (s->state == SESSION_FAILED || s->state == SESSION_CLOSED)
        return session_over(s);
    if (s->plain_ready - s->plain_at > s->message_size_max)
        return ERR_BUSY;
    session_drop_taken(s);
    while (in.size > 0) {
        size_t wanted = session_wanted(s), part = wanted - s->input.size;
        if (part > in.size)
            part = in.size;
        buf_append(&s->input, in.data, part);
        in = bytes_of(in.data + part, in.size - part);
        int err = s->input.size == wanted ? session_step(s) : 0;
        if (err)
            return err;
    }
    return 0;
}

bool session_next_message(struct session *s, struct bytes *ret_message) {
    if (s->plain_at == s->plain_ready)
        return false;
    const uint8_t *at = s->plain.data + s->plain_at;
    *ret_message = bytes_of(at + SESSION_PREFIX_SIZE, get_be32(at));
    s->plain_at += SESSION_PREFIX_SIZE + ret_message->size;
    return true;
}

/* ---- questions ----------------------------------------------------------------------------------------- */

enum session_state session_state(const struct session *s) { return s->state; }

const char *session_reason(struct session *s) { return s->reason.size > 0 ? buf_str(&s->reason) : ""; }

struct static_key session_peer_static(const struct session *s) {
    assert(s->state != SESSION_HANDSHAKE);
    return s->peer_static;
}

struct bytes session_handshake_hash(const struct session *s) {
    assert(s->state != SESSION_HANDSHAKE);
    return bytes_of(s->handshake_hash, sizeof s->handshake_hash);
}

uint8_t session_key_id(const struct session *s) { return s->key_id; }

static int session_closed_in_handshake(struct session *s) {
    if (s->initiator)
        return session_fail(s, ERR_DENIED,
                            "the peer refused the handshake: wrong join secret or cluster key, "
                            "another cluster, or another protocol version?");
    return session_fail(s, ERR_CLOSED, "the peer closed during the handshake");
}

int session_peer_closed(struct session *s) {
    if (s->state == SESSION_FAILED || s->state == SESSION_CLOSED)
        return s->state == SESSION_FAILED ? s->error : 0;
    if (s->state == SESSION_HANDSHAKE)
        return session_closed_in_handshake(s);
    if (s->input.size > 0 || s->plain.size > s->plain_ready)
        return session_fail(s, ERR_CLOSED, "the peer closed in the middle of a message");
    /* A responder that does not know the static key learns it from message 3, when the initiator is open. */
    if (s->initiator && !s->heard)
        return session_fail(s, ERR_DENIED,
                            "the peer closed after the handshake without a word: is this host "
                            "still a member?");
    s->state = SESSION_CLOSED;
    return 0;
}
