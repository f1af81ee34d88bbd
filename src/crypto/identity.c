/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "hash.h"

#include <sodium.h>

static_assert(sizeof((struct identity *)0)->sign_secret == crypto_sign_SECRETKEYBYTES, "libsodium's size");
static_assert(sizeof((struct public_key *)0)->b == crypto_sign_PUBLICKEYBYTES, "libsodium's size");
static_assert(sizeof(struct signature) == crypto_sign_BYTES, "libsodium's size");
static_assert(sizeof(struct static_key) == crypto_scalarmult_BYTES, "libsodium's size");

void identity_init(struct identity *i, const struct secret *seed) {
    memset(i, 0, sizeof *i);
    crypto_sign_seed_keypair(i->public_key.b, i->sign_secret, seed->b);
    crypto_sign_ed25519_sk_to_curve25519(i->static_secret, i->sign_secret);
    crypto_scalarmult_base(i->static_key.b, i->static_secret);
    i->id = identity_node_id(&i->public_key);
}

void identity_done(struct identity *i) { sodium_memzero(i, sizeof *i); }

struct node_id identity_node_id(const struct public_key *key) {
    uint8_t hash[HASH_SIZE];
    const struct bytes part = bytes_of(key->b, sizeof key->b);
    hash_parts(&part, 1, hash);
    struct node_id id;
    memcpy(id.b, hash, sizeof id.b);
    return id;
}

int identity_static_key(const struct public_key *key, struct static_key *ret_key) {
    struct static_key out;
    if (crypto_sign_ed25519_pk_to_curve25519(out.b, key->b) != 0)
        return ERR_INVALID;
    *ret_key = out;
    return 0;
}

bool identity_matches_static(const struct public_key *key, const struct static_key *static_key) {
    struct static_key expected;
    return identity_static_key(key, &expected) == 0 &&
           sodium_memcmp(&expected, static_key, sizeof expected) == 0;
}

/* The message is hashed first so that none of any size needs copying to put its context before it. */
static void sign_digest(const char *context, struct bytes message, uint8_t out[HASH_SIZE]) {
    size_t context_size = strlen(context);
    assert(context_size >= 1 && context_size <= SIGN_CONTEXT_MAX);
    uint8_t size = (uint8_t)context_size;
    const struct bytes parts[] = {bytes_str("covey-sign"), bytes_of(&size, 1), bytes_str(context), message};
    hash_parts(parts, 4, out);
}

void identity_sign(const struct identity *i, const char *context, struct bytes message,
                   struct signature *ret_signature) {
    uint8_t digest[HASH_SIZE];
    sign_digest(context, message, digest);
    crypto_sign_detached(ret_signature->b, NULL, digest, sizeof digest, i->sign_secret);
}

int identity_verify(const struct public_key *key, const char *context, struct bytes message,
                    const struct signature *signature) {
    uint8_t digest[HASH_SIZE];
    sign_digest(context, message, digest);
    return crypto_sign_verify_detached(signature->b, digest, sizeof digest, key->b) == 0 ? 0 : ERR_DENIED;
}
