/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * crypto: who a host is, and how its bytes travel. Identities, sealed gossip packets, encrypted streams.
 *
 * PURE: memory only, on libsodium. Nothing here draws a random number: whatever must be random is a
 * parameter, so the simulator runs this very code and gets the same bytes from the same seed. A program that
 * wants libsodium's fastest code calls sodium_init() once before it starts; the results are the same without.
 *
 * The formats are told byte by byte in proto/security.md, with vectors in proto/vectors/noise-xxpsk0.json
 * made by a second implementation.
 *
 * Everything read from a peer is bounded and answers with a code. What is handed in by the program itself (a
 * missing key, a limit of zero) is an assert.
 */
#ifndef COVEY_CRYPTO_H
#define COVEY_CRYPTO_H

#include <covey/base.h>

/* A key, a seed or a secret: 32 bytes that never leave the process in clear. */
struct secret { uint8_t b[32]; };
/* The public X25519 key of a host, derived from its Ed25519 key: its "static" in a Noise handshake. */
struct static_key { uint8_t b[32]; };
struct signature { uint8_t b[64]; };

/* Overwrites with zeros in a way that no compiler removes. */
void secret_wipe(void *p, size_t size_bytes);
/* In constant time. */
bool secret_equal(const struct secret *a, const struct secret *b);

/* ---- identity ------------------------------------------------------------------------------------------ */

/*
 * One Ed25519 key a host. From its 32-byte seed follow, in this order: the key pair, the X25519 pair for
 * Noise and the node id, the first 16 bytes of BLAKE2b-512(Ed25519 public key).
 */
struct identity {
    struct public_key public_key;
    struct static_key static_key;
    struct node_id id;
    uint8_t sign_secret[64];      /* libsodium's form: seed and public key */
    uint8_t static_secret[32];    /* X25519 */
};

void identity_init(struct identity *i, const struct secret *seed);
void identity_done(struct identity *i);    /* wipes */

struct node_id identity_node_id(const struct public_key *key);

/* The X25519 key of an Ed25519 key. ERR_INVALID: not a point of the main group. */
int identity_static_key(const struct public_key *key, struct static_key *ret_key);

/*
 * Whether a handshake with this static key was one with the holder of this Ed25519 key. A static key fits
 * exactly two Ed25519 keys, (x, y) and (-x, y), and their holder is the same; a request that brings a key not
 * yet in the member table must therefore also be signed with it (SIGN_JOIN over session_handshake_hash), so
 * that nobody is recorded under the mirror image of the key he meant.
 */
bool identity_matches_static(const struct public_key *key, const struct static_key *static_key);

/* What a signature is for: one made for one purpose never verifies for another. */
#define SIGN_ALIVE      "alive"
#define SIGN_LEAVE      "leave"
#define SIGN_CHECKPOINT "checkpoint"
#define SIGN_JOIN       "join"
#define SIGN_FACTS      "facts"
#define SIGN_CONTEXT_MAX 32

/*
 * Ed25519 over BLAKE2b-512("covey-sign" | size of context, 1 byte | context | message).
 * The context has 1..SIGN_CONTEXT_MAX bytes.
 */
void identity_sign(const struct identity *i, const char *context, struct bytes message,
                   struct signature *ret_signature);
/* 0, or ERR_DENIED. */
int identity_verify(const struct public_key *key, const char *context, struct bytes message,
                    const struct signature *signature);

/* ---- random bytes from a seed -------------------------------------------------------------------------- */

/*
 * Fast key erasure (D. J. Bernstein, "Fast-key-erasure random-number generators", 2017) over ChaCha20: each
 * draw replaces the key first, so what was drawn cannot be computed from what is in memory later.
 * Seed it with 32 bytes of the kernel's (or, in a simulation, of the seed's).
 */
struct csprng { struct secret key; };

void csprng_init(struct csprng *c, const struct secret *seed);
void csprng_fill(struct csprng *c, void *out, size_t size_bytes);
struct secret csprng_secret(struct csprng *c);    /* 32 bytes of it */
void csprng_done(struct csprng *c);               /* wipes */

/* ---- keys with ids ------------------------------------------------------------------------------------- */

/*
 * Up to KEYRING_KEYS_MAX keys, each named by an id of 1..255 that travels in clear, so nobody tries keys one
 * after another. One of them, the primary, encrypts. A rotation is: add everywhere, use, drop. Used for the
 * gossip keys and for the keys of streams between members. Zero-initialise.
 */
#define KEYRING_KEYS_MAX 4
struct keyring {
    struct keyring_key {
        uint8_t id;
        struct secret key;
    } keys[KEYRING_KEYS_MAX];
    size_t count;
    uint8_t primary_id;    /* 0 while empty */
};

/*
 * The first key becomes the primary. Adding what is there already is 0.
 * ERR_INVALID: id 0. ERR_CONFLICT: the id has another key. ERR_LIMIT: full.
 */
int keyring_add(struct keyring *k, uint8_t id, const struct secret *key);
int keyring_use(struct keyring *k, uint8_t id);     /* make it the primary; ERR_NOT_FOUND */
int keyring_drop(struct keyring *k, uint8_t id);    /* ERR_NOT_FOUND; ERR_CONFLICT: it is the primary */
const struct secret *keyring_get(const struct keyring *k, uint8_t id);    /* borrowed, or NULL */
void keyring_done(struct keyring *k);               /* wipes */

/* ---- gossip packets ------------------------------------------------------------------------------------ */

/*
 *   | head 1 | key id 1 | nonce 24 |  XChaCha20-Poly1305-IETF of the rest                       | tag 16 |
 *                                  |  sender 16 | boot 4 be | sequence 8 be | payload ...       |
 *
 * head: bits 0-6 the version (1), bit 7 "to anyone". Associated data: head, key id, cluster id 16,
 * receiver 16. The receiver's id is not on the wire: the receiver puts in its own (zeros under "to anyone",
 * the first contact with an address whose owner is not known yet). So a packet cannot be turned to another
 * host, nor to another cluster, nor sent back to where it came from.
 */
#define ENVELOPE_VERSION      1
#define ENVELOPE_TO_ANYONE    0x80
#define ENVELOPE_OVERHEAD     70
#define ENVELOPE_PACKET_MAX   65507    /* what UDP over IPv4 can carry */
#define ENVELOPE_PAYLOAD_MAX  (ENVELOPE_PACKET_MAX - ENVELOPE_OVERHEAD)

struct envelope {
    struct node_id sender;      /* never zero */
    struct node_id receiver;    /* zero: to anyone */
    uint32_t boot;              /* the sender's boot counter */
    uint64_t sequence;          /* counts the sender's packets of this boot, to whomever */
};

/*
 * Appends one packet under the ring's primary key, with a nonce from rng.
 * ERR_LIMIT: payload over ENVELOPE_PAYLOAD_MAX. ERR_NOT_FOUND: the ring is empty.
 */
int envelope_seal(const struct keyring *keys, const struct cluster_id *cluster, struct csprng *rng,
                  const struct envelope *head, struct bytes payload, struct buf *out);

/*
 * Opens a packet into `plain` (its old content is dropped); *ret_payload is a view into it. Whether it is a
 * replay is asked of the sender's replay_window next.
 *   ERR_VERSION     another version
 *   ERR_INVALID     too short, or sealed without a sender
 *   ERR_LIMIT       longer than ENVELOPE_PACKET_MAX
 *   ERR_NOT_FOUND   a key id that the ring does not have
 *   ERR_DENIED      forged or damaged, of another cluster, or for another host (they cannot be told apart)
 *   ERR_CONFLICT    the sender is oneself: the address leads back here, or two hosts share one key
 */
int envelope_open(const struct keyring *keys, const struct cluster_id *cluster, const struct node_id *own,
                  struct bytes packet, struct buf *plain, struct envelope *ret_head,
                  struct bytes *ret_payload);

/*
 * Which of a sender's packets were seen: a sliding window as in RFC 4303 section 3.4.3, per (sender, boot).
 * Zero-initialised it knows no boot. A boot number is believed only after a proof of freshness (a signed
 * alive, an answer to a random challenge): everybody with the gossip key could else shut a host out by one
 * packet with a high boot or sequence. After the proof the caller calls replay_learn().
 */
#define REPLAY_WINDOW_SIZE 256
struct replay_window {
    uint64_t seen[REPLAY_WINDOW_SIZE / 64];    /* bit i: top - i was seen */
    uint64_t top;                              /* the highest sequence seen */
    uint32_t boot;
    bool known;
};

/*
 * 0: never seen, and now marked.
 * ERR_EXISTS: a replay. ERR_STALE: of an older boot, or older than the window. ERR_NOT_FOUND: of a boot not
 * learnt yet: challenge the sender.
 */
int replay_check_and_set(struct replay_window *w, uint32_t boot, uint64_t sequence);

/*
 * The sender has just proven that it is at this sequence of this boot: it and all before count as seen. May
 * move back within a boot (a forged high sequence is forgotten), never to an older boot: ERR_STALE.
 */
int replay_learn(struct replay_window *w, uint32_t boot, uint64_t sequence);

/* ---- Noise --------------------------------------------------------------------------------------------- */

/*
 * The Noise Protocol Framework, revision 34, for the suite 25519_ChaChaPoly_BLAKE2b: the fundamental one-way
 * and interactive patterns (section 7), the deferred ones (appendix 18.1) and psk modifiers (section 9).
 * covey itself speaks XXpsk0; the others let the published vectors judge the code.
 */
#define NOISE_MESSAGE_MAX 65535
#define NOISE_TAG_SIZE    16
#define NOISE_HASH_SIZE   64
#define NOISE_PSKS_MAX    4

struct noise_cipher {
    uint8_t key[32];
    uint64_t nonce;    /* of the next message; UINT64_MAX is never used */
    bool keyed;        /* without a key, bytes pass unchanged (section 5.1) */
};

/* `out` has plain.size + NOISE_TAG_SIZE bytes and may be plain.data. ERR_LIMIT: too long, no nonce left. */
int noise_cipher_encrypt(struct noise_cipher *c, struct bytes ad, struct bytes plain, uint8_t *out);
/*
 * `out` has sealed.size - NOISE_TAG_SIZE bytes and may be sealed.data. ERR_DENIED: forged; ERR_INVALID:
 * shorter than a tag; ERR_LIMIT as above. The nonce moves only on success.
 */
int noise_cipher_decrypt(struct noise_cipher *c, struct bytes ad, struct bytes sealed, uint8_t *out);
void noise_cipher_rekey(struct noise_cipher *c);    /* section 11.3; the nonce stays */

struct noise_config {
    const char *pattern;                /* "XXpsk0", "IK1", "NNpsk0+psk2" */
    bool initiator;
    struct bytes prologue;
    const struct secret *static_secret;         /* NULL where the pattern has none */
    const struct secret *ephemeral_secret;      /* fresh random bytes, never used twice; NULL likewise */
    const struct static_key *remote_static;     /* where the pattern's pre-messages have it */
    const struct secret *psks;                  /* one for each psk modifier, in order */
    size_t psks_count;
};

struct noise_handshake {
    uint8_t chaining_key[NOISE_HASH_SIZE], hash[NOISE_HASH_SIZE];
    struct noise_cipher cipher;
    const struct noise_pattern *pattern;
    uint32_t psk_places;     /* bit 0: before message 1; bit n: after message n */
    bool initiator, failed;
    size_t messages_done;
    struct secret s, e;
    struct static_key s_public, e_public, rs, re;
    struct secret psks[NOISE_PSKS_MAX];
    size_t psks_used;
};

/* All is copied. ERR_UNSUPPORTED: no such pattern. ERR_INVALID: a key that it needs is missing. */
int noise_handshake_init(struct noise_handshake *h, const struct noise_config *config);
void noise_handshake_done(struct noise_handshake *h);    /* wipes */

bool noise_handshake_is_complete(const struct noise_handshake *h);
bool noise_handshake_is_my_turn(const struct noise_handshake *h);

/*
 * Appends the next message, or the payload of the message read, to `out`, which on failure is as before.
 * After a failure the handshake is dead: ERR_CLOSED ever after. Out of turn is ERR_CONFLICT and does no harm.
 * ERR_DENIED: forged, or a public key of small order. ERR_INVALID: too short. ERR_LIMIT: too long.
 */
int noise_handshake_write(struct noise_handshake *h, struct bytes payload, struct buf *out);
int noise_handshake_read(struct noise_handshake *h, struct bytes message, struct buf *out);

/* The two ciphers of a complete handshake (section 5.2, Split). One-way patterns use the initiator's only. */
void noise_handshake_split(const struct noise_handshake *h, struct noise_cipher *ret_send,
                           struct noise_cipher *ret_receive);

/* ---- streams ------------------------------------------------------------------------------------------- */

/*
 * One encrypted connection as a pure machine: feed it what the socket brought, take messages, send messages,
 * write its output to the socket.
 *
 *   initiator                                            responder
 *     hello 24 | frame(message 1, 48)      ---------->     checks the psk before any Diffie-Hellman
 *     OPEN                                 <----------     frame(message 2, 96)
 *     frame(message 3, 64) | frames ...    ---------->     OPEN
 *
 *   hello: "covey\0" | protocol version 1 | key id 1 | cluster id 16; it is the handshake's prologue.
 *   frame: size 2 be | a Noise message of that size.
 *   The plain texts of the frames, one after another, are the messages: size 4 be | bytes.
 *
 * Key id 0 is the join secret: such a peer may only ask to join. 1..255 are the cluster's stream keys. Both
 * go through secret_stream_psk(). Open means that the peer holds the psk and the static key it shows; whose
 * key that is, and what its holder may do, is for the caller's member table. A responder that refuses sends
 * nothing. After each SESSION_REKEY_FRAMES frames in one direction that direction's key is replaced
 * (Noise 11.3).
 */
#define SESSION_VERSION       1
#define SESSION_HELLO_SIZE    24
#define SESSION_MESSAGE_MAX   (64u << 20)    /* the highest message_size_max */
#define SESSION_REKEY_FRAMES  65536u         /* power of two; at most 4 GiB under one key */

enum session_state {
    SESSION_HANDSHAKE,
    SESSION_OPEN,
    SESSION_CLOSED,    /* the peer closed an open session between two messages */
    SESSION_FAILED     /* see session_reason() */
};
const char *session_state_str(enum session_state state);

struct session_config {
    bool initiator;
    const struct identity *identity;       /* borrowed during the call, as all pointers here */
    struct cluster_id cluster;
    const struct secret *join_secret;      /* key id 0, or NULL: joining is not open */
    const struct keyring *stream_keys;     /* key ids 1..255, or NULL */
    uint8_t key_id;                        /* initiator: which of them to use */
    const struct secret *entropy;          /* fresh random bytes: becomes the ephemeral key */
    size_t message_size_max;               /* 1..SESSION_MESSAGE_MAX: larger messages are refused both ways */
    size_t output_size_max;                /* session_send refuses while more than this waits */
};

struct session {
    enum session_state state;
    bool initiator, hello_done, heard;     /* heard: a frame came after the handshake */
    uint8_t key_id;
    struct cluster_id cluster;
    bool has_join_secret;
    struct secret join_secret, static_secret, entropy;
    struct keyring stream_keys;
    struct static_key own_static, peer_static;
    struct noise_handshake noise;
    uint8_t handshake_hash[NOISE_HASH_SIZE];
    struct noise_cipher send, receive;
    size_t message_size_max, output_size_max;
    struct buf input;            /* the unfinished hello or frame */
    struct buf output;           /* [output_at, size) waits for the socket */
    size_t output_at;
    struct buf plain;            /* [plain_at, plain_ready) complete messages, then an unfinished one */
    size_t plain_at, plain_ready;
    int error;
    struct buf reason;
};

/* ERR_NOT_FOUND: the initiator has no key of that id. On error there is nothing to free. */
int session_init(struct session *s, const struct session_config *config);
void session_done(struct session *s);    /* wipes and frees */

enum session_state session_state(const struct session *s);

/*
 * Takes bytes from the socket, in any portions. On a code other than ERR_BUSY the session has failed: close
 * the connection (messages that were complete before may still be taken).
 *   ERR_BUSY        complete messages of more than message_size_max bytes wait: nothing was taken, empty it
 *   ERR_INVALID     not this protocol
 *   ERR_VERSION     another version of it
 *   ERR_NOT_FOUND   unknown key id
 *   ERR_DENIED      another cluster, a wrong secret, forged or damaged bytes
 *   ERR_CONFLICT    the peer has this host's own key
 *   ERR_LIMIT       a message larger than message_size_max
 *   ERR_CLOSED      the session is over
 * Memory held: at most two messages, one frame, and as much as one call brings.
 */
int session_feed(struct session *s, struct bytes in);

/* The next message, borrowed until the next session_feed(); false when there is none. */
bool session_next_message(struct session *s, struct bytes *ret_message);

/* ERR_BUSY: not open yet, or too much output waits. ERR_LIMIT: too large. ERR_CLOSED: the session is over. */
int session_send(struct session *s, struct bytes message);

/* What waits to be written to the socket, borrowed until the next call; then how much of it was written. */
struct bytes session_output(const struct session *s);
void session_output_consume(struct session *s, size_t size_bytes);

/*
 * The peer closed the connection. 0: between two messages. ERR_DENIED, for an initiator: during the
 * handshake, or after it without ever sending a frame, which is how a refusal looks. ERR_CLOSED: in the
 * middle of something. session_reason() says more.
 * (Anyone on the path can cut a connection: a close proves nothing about what the peer has received.)
 */
int session_peer_closed(struct session *s);

/* Why the session failed, for people; "" while it has not. Borrowed until the next call. */
const char *session_reason(struct session *s);

/* Once open: */
struct static_key session_peer_static(const struct session *s);
struct bytes session_handshake_hash(const struct session *s);    /* 64 bytes, unique to this connection */
uint8_t session_key_id(const struct session *s);                 /* 0: the peer may only join */

/* ---- secrets ------------------------------------------------------------------------------------------- */

/*
 * The psk of streams: the first 32 bytes of HKDF-BLAKE2b(secret, "stream-psk" | cluster id), HKDF being that
 * of Noise section 4.3 with the secret for its chaining key. Gossip keys are never derived: they are random.
 */
void secret_stream_psk(const struct secret *secret, const struct cluster_id *cluster, struct secret *ret_psk);

/*
 * What an operator carries to a new host: "covey1-" and 84 digits of Crockford's base 32 (no i, l, o, u) for
 * cluster id 16 | secret 32 | the first 4 bytes of BLAKE2b-512("covey-token" | cluster id | secret).
 */
#define SECRET_TOKEN_SIZE 91
struct join_token {
    struct cluster_id cluster;
    struct secret secret;
};
void secret_token_append(struct buf *out, const struct join_token *token);

/*
 * Reads one back; a newline (or CR and newline) may follow, digits may be upper case, and o, i, l are read as
 * 0, 1, 1. ERR_INVALID or ERR_VERSION, then *ret_why says what is wrong with it (constant text, without the
 * token itself). ret_why may be NULL.
 */
int secret_token_parse(struct bytes text, struct join_token *ret_token, const char **ret_why);

#endif
