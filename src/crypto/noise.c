/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Noise's SymmetricState (section 5.2) and HandshakeState (section 5.3). A message is a list of tokens;
 * writing and reading walk the same list, so that what one side mixes into key and hash the other does as
 * well.
 */
#include "hash.h"
#include "noise_pattern.h"

#include <sodium.h>

static_assert(NOISE_HASH_SIZE == HASH_SIZE, "BLAKE2b-512");

/* ---- SymmetricState ------------------------------------------------------------------------------------ */

static void mix_hash(struct noise_handshake *h, struct bytes data) {
    const struct bytes parts[] = {bytes_of(h->hash, sizeof h->hash), data};
    hash_parts(parts, 2, h->hash);
}

static void cipher_set_key(struct noise_cipher *c, const uint8_t key[HASH_SIZE]) {
    memcpy(c->key, key, sizeof c->key);
    c->nonce = 0;
    c->keyed = true;
}

static void mix_key(struct noise_handshake *h, struct bytes material) {
    uint8_t key[HASH_SIZE];
    uint8_t *const outputs[] = {h->chaining_key, key};
    hash_hkdf(bytes_of(h->chaining_key, sizeof h->chaining_key), material, outputs, 2);
    cipher_set_key(&h->cipher, key);
    sodium_memzero(key, sizeof key);
}

static void mix_key_and_hash(struct noise_handshake *h, const struct secret *psk) {
    uint8_t extra[HASH_SIZE], key[HASH_SIZE];
    uint8_t *const outputs[] = {h->chaining_key, extra, key};
    hash_hkdf(bytes_of(h->chaining_key, sizeof h->chaining_key), bytes_of(psk->b, sizeof psk->b), outputs, 3);
    mix_hash(h, bytes_of(extra, sizeof extra));
    cipher_set_key(&h->cipher, key);
    sodium_memzero(extra, sizeof extra);
    sodium_memzero(key, sizeof key);
}

static int encrypt_and_hash(struct noise_handshake *h, struct bytes plain, struct buf *out) {
    buf_reserve(out, plain.size + NOISE_TAG_SIZE);
    uint8_t *to = out->data + out->size;
    size_t size = plain.size;
    if (h->cipher.keyed) {
        int err = noise_cipher_encrypt(&h->cipher, bytes_of(h->hash, sizeof h->hash), plain, to);
        if (err)
            return err;
        size += NOISE_TAG_SIZE;
    } else if (size > 0) {
        memcpy(to, plain.data, size);
    }
    out->size += size;
    mix_hash(h, bytes_of(to, size));
    return 0;
}

static int decrypt_and_hash(struct noise_handshake *h, struct bytes sealed, struct buf *out) {
    buf_reserve(out, sealed.size + 1);
    uint8_t *to = out->data + out->size;
    size_t size = sealed.size;
    if (h->cipher.keyed) {
        int err = noise_cipher_decrypt(&h->cipher, bytes_of(h->hash, sizeof h->hash), sealed, to);
        if (err)
            return err;
        size -= NOISE_TAG_SIZE;
    } else if (size > 0) {
        memcpy(to, sealed.data, size);
    }
    out->size += size;
    mix_hash(h, sealed);
    return 0;
}

/* ---- tokens -------------------------------------------------------------------------------------------- */

/* A result of zeros comes from a point of small order: section 12.1 leaves it open, here it is a failure. */
static int mix_dh(struct noise_handshake *h, const struct secret *own, const struct static_key *peer) {
    uint8_t shared[crypto_scalarmult_BYTES];
    int err = crypto_scalarmult(shared, own->b, peer->b) == 0 ? 0 : ERR_DENIED;
    if (!err)
        mix_key(h, bytes_of(shared, sizeof shared));
    sodium_memzero(shared, sizeof shared);
    return err;
}

static int mix_dh_token(struct noise_handshake *h, enum noise_token token) {
    bool first_is_e = token == TOKEN_EE || token == TOKEN_ES;
    bool second_is_e = token == TOKEN_EE || token == TOKEN_SE;
    /* Tokens name the initiator's key first. */
    bool own_is_e = h->initiator ? first_is_e : second_is_e;
    bool peer_is_e = h->initiator ? second_is_e : first_is_e;
    return mix_dh(h, own_is_e ? &h->e : &h->s, peer_is_e ? &h->re : &h->rs);
}

static void mix_psk(struct noise_handshake *h) {
    mix_key_and_hash(h, &h->psks[h->psks_used]);
    h->psks_used++;
}

static void mix_ephemeral(struct noise_handshake *h, const struct static_key *e) {
    mix_hash(h, bytes_of(e->b, sizeof e->b));
    /* Section 9.2: under a psk, ephemeral keys enter the key too, so that no key meets two plain texts. */
    if (h->psk_places != 0)
        mix_key(h, bytes_of(e->b, sizeof e->b));
}

static int write_token(struct noise_handshake *h, enum noise_token token, struct buf *out) {
    if (token == TOKEN_E) {
        buf_append(out, h->e_public.b, sizeof h->e_public.b);
        mix_ephemeral(h, &h->e_public);
        return 0;
    }
    if (token == TOKEN_S)
        return encrypt_and_hash(h, bytes_of(h->s_public.b, sizeof h->s_public.b), out);
    return mix_dh_token(h, token);
}

/* Takes `size` bytes from the front of *in. */
static int take(struct bytes *in, size_t size, struct bytes *ret_part) {
    if (in->size < size)
        return ERR_INVALID;
    *ret_part = bytes_of(in->data, size);
    *in = bytes_of(in->data + size, in->size - size);
    return 0;
}

static int read_static(struct noise_handshake *h, struct bytes *in) {
    struct bytes part;
    int err = take(in, sizeof h->rs.b + (h->cipher.keyed ? NOISE_TAG_SIZE : 0), &part);
    if (err)
        return err;
    struct buf key = {0};
    err = decrypt_and_hash(h, part, &key);
    if (!err)
        memcpy(h->rs.b, key.data, sizeof h->rs.b);
    buf_done(&key);
    return err;
}

static int read_token(struct noise_handshake *h, enum noise_token token, struct bytes *in) {
    if (token == TOKEN_E) {
        struct bytes part;
        int err = take(in, sizeof h->re.b, &part);
        if (err)
            return err;
        memcpy(h->re.b, part.data, sizeof h->re.b);
        mix_ephemeral(h, &h->re);
        return 0;
    }
    if (token == TOKEN_S)
        return read_static(h, in);
    return mix_dh_token(h, token);
}

/* ---- HandshakeState ------------------------------------------------------------------------------------ */

static bool writes_message(const struct noise_handshake *h, size_t message) {
    return (message % 2 == 0) == h->initiator;
}

/* Whether a message of this side has the token. */
static bool pattern_writes(const struct noise_handshake *h, enum noise_token token) {
    for (size_t m = 0; m < h->pattern->messages_count; m++) {
        const uint8_t *tokens = h->pattern->tokens[m];
        if (writes_message(h, m) && memchr(tokens, (int)token, NOISE_PATTERN_TOKENS_MAX))
            return true;
    }
    return false;
}

static size_t places_count(uint32_t places) {
    size_t count = 0;
    for (; places != 0; places &= places - 1)
        count++;
    return count;
}

static int config_check(const struct noise_handshake *h, const struct noise_config *config) {
    const struct noise_pattern *p = h->pattern;
    bool own_known = h->initiator ? p->initiator_known : p->responder_known;
    bool peer_known = h->initiator ? p->responder_known : p->initiator_known;
    if ((own_known || pattern_writes(h, TOKEN_S)) && !config->static_secret)
        return ERR_INVALID;
    if (pattern_writes(h, TOKEN_E) && !config->ephemeral_secret)
        return ERR_INVALID;
    if (peer_known && !config->remote_static)
        return ERR_INVALID;
    size_t psks_count = places_count(h->psk_places);
    if (psks_count > NOISE_PSKS_MAX || config->psks_count != psks_count)
        return ERR_INVALID;
    return 0;
}

static void take_keys(struct noise_handshake *h, const struct noise_config *config) {
    if (config->static_secret) {
        h->s = *config->static_secret;
        crypto_scalarmult_base(h->s_public.b, h->s.b);
    }
    if (config->ephemeral_secret) {
        h->e = *config->ephemeral_secret;
        crypto_scalarmult_base(h->e_public.b, h->e.b);
    }
    if (config->remote_static)
        h->rs = *config->remote_static;
    for (size_t i = 0; i < config->psks_count; i++)
        h->psks[i] = config->psks[i];
}

/* h = name, padded with zeros: no name of this suite is longer than a hash (section 5.2). */
static void start_hash(struct noise_handshake *h, const char *pattern) {
    static const char prefix[] = "Noise_", suffix[] = "_25519_ChaChaPoly_BLAKE2b";
    size_t prefix_size = sizeof prefix - 1, suffix_size = sizeof suffix - 1, size = strlen(pattern);
    assert(prefix_size + size + suffix_size <= sizeof h->hash);
    memcpy(h->hash, prefix, prefix_size);
    memcpy(h->hash + prefix_size, pattern, size);
    memcpy(h->hash + prefix_size + size, suffix, suffix_size);
    memcpy(h->chaining_key, h->hash, sizeof h->chaining_key);
}

static void mix_known(struct noise_handshake *h, bool initiators) {
    const struct static_key *key = h->initiator == initiators ? &h->s_public : &h->rs;
    mix_hash(h, bytes_of(key->b, sizeof key->b));
}

int noise_handshake_init(struct noise_handshake *h, const struct noise_config *config) {
    memset(h, 0, sizeof *h);
    h->initiator = config->initiator;
    int err = noise_pattern_find(config->pattern, &h->pattern, &h->psk_places);
    if (!err)
        err = config_check(h, config);
    if (err)
        return err;
    take_keys(h, config);
    start_hash(h, config->pattern);
    mix_hash(h, config->prologue);
    if (h->pattern->initiator_known)
        mix_known(h, true);
    if (h->pattern->responder_known)
        mix_known(h, false);
    return 0;
}

void noise_handshake_done(struct noise_handshake *h) { sodium_memzero(h, sizeof *h); }

bool noise_handshake_is_complete(const struct noise_handshake *h) {
    return !h->failed && h->messages_done == h->pattern->messages_count;
}

bool noise_handshake_is_my_turn(const struct noise_handshake *h) {
    return !h->failed && h->messages_done < h->pattern->messages_count && writes_message(h, h->messages_done);
}

/* Dead, with no secret left; the pattern stays for the questions above. */
static int handshake_fail(struct noise_handshake *h, int err, struct buf *out, size_t out_size) {
    const struct noise_pattern *pattern = h->pattern;
    sodium_memzero(h, sizeof *h);
    h->pattern = pattern;
    h->failed = true;
    out->size = out_size;
    return err;
}

static void psk_before(struct noise_handshake *h) {
    if (h->messages_done == 0 && (h->psk_places & 1))
        mix_psk(h);
}

static void psk_after(struct noise_handshake *h) {
    h->messages_done++;
    if (h->psk_places >> h->messages_done & 1)
        mix_psk(h);
}

int noise_handshake_write(struct noise_handshake *h, struct bytes payload, struct buf *out) {
    if (h->failed)
        return ERR_CLOSED;
    if (!noise_handshake_is_my_turn(h))
        return ERR_CONFLICT;
    size_t out_size = out->size;
    const uint8_t *tokens = h->pattern->tokens[h->messages_done];
    psk_before(h);
    int err = 0;
    for (; *tokens != TOKEN_END && !err; tokens++)
        err = write_token(h, (enum noise_token)tokens[0], out);
    /* The psk comes before the payload: it is the last token of its message. */
    if (!err) {
        psk_after(h);
        err = encrypt_and_hash(h, payload, out);
    }
    if (!err && out->size - out_size > NOISE_MESSAGE_MAX)
        err = ERR_LIMIT;
    return err ? handshake_fail(h, err, out, out_size) : 0;
}

int noise_handshake_read(struct noise_handshake *h, struct bytes message, struct buf *out) {
    if (h->failed)
        return ERR_CLOSED;
    if (noise_handshake_is_complete(h) || noise_handshake_is_my_turn(h))
        return ERR_CONFLICT;
    size_t out_size = out->size;
    if (message.size > NOISE_MESSAGE_MAX)
        return handshake_fail(h, ERR_LIMIT, out, out_size);
    const uint8_t *tokens = h->pattern->tokens[h->messages_done];
    psk_before(h);
    int err = 0;
    for (; *tokens != TOKEN_END && !err; tokens++)
        err = read_token(h, (enum noise_token)tokens[0], &message);
    if (!err) {
        psk_after(h);
        err = decrypt_and_hash(h, message, out);
    }
    return err ? handshake_fail(h, err, out, out_size) : 0;
}

void noise_handshake_split(const struct noise_handshake *h, struct noise_cipher *ret_send,
                           struct noise_cipher *ret_receive) {
    assert(noise_handshake_is_complete(h));
    uint8_t first[HASH_SIZE], second[HASH_SIZE];
    uint8_t *const outputs[] = {first, second};
    hash_hkdf(bytes_of(h->chaining_key, sizeof h->chaining_key), bytes_of(NULL, 0), outputs, 2);
    cipher_set_key(ret_send, h->initiator ? first : second);
    cipher_set_key(ret_receive, h->initiator ? second : first);
    sodium_memzero(first, sizeof first);
    sodium_memzero(second, sizeof second);
}
