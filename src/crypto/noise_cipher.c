/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Noise's CipherState (section 5.1) with ChaChaPoly (section 12.3). */
#include <covey/crypto.h>

#include <sodium.h>

static_assert(NOISE_TAG_SIZE == crypto_aead_chacha20poly1305_ietf_ABYTES, "libsodium's size");

/* 32 bits of zeros, then the counter in little-endian. */
static void nonce_bytes(uint64_t nonce, uint8_t out[crypto_aead_chacha20poly1305_ietf_NPUBBYTES]) {
    memset(out, 0, 4);
    for (size_t i = 0; i < 8; i++)
        out[4 + i] = (uint8_t)(nonce >> (8 * i));
}

int noise_cipher_encrypt(struct noise_cipher *c, struct bytes ad, struct bytes plain, uint8_t *out) {
    if (plain.size > NOISE_MESSAGE_MAX - NOISE_TAG_SIZE || c->nonce == UINT64_MAX)
        return ERR_LIMIT;
    uint8_t nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];
    nonce_bytes(c->nonce++, nonce);
    crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, plain.data, plain.size, ad.data, ad.size, NULL,
                                              nonce, c->key);
    return 0;
}

int noise_cipher_decrypt(struct noise_cipher *c, struct bytes ad, struct bytes sealed, uint8_t *out) {
    if (sealed.size < NOISE_TAG_SIZE)
        return ERR_INVALID;
    if (sealed.size > NOISE_MESSAGE_MAX || c->nonce == UINT64_MAX)
        return ERR_LIMIT;
    uint8_t nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];
    nonce_bytes(c->nonce, nonce);
    if (crypto_aead_chacha20poly1305_ietf_decrypt(out, NULL, NULL, sealed.data, sealed.size, ad.data, ad.size,
                                                  nonce, c->key) != 0)
        return ERR_DENIED;
    c->nonce++;
    return 0;
}

void noise_cipher_rekey(struct noise_cipher *c) {
    static const uint8_t zeros[sizeof c->key] = {0};
    uint8_t nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES], out[sizeof c->key + NOISE_TAG_SIZE];
    nonce_bytes(UINT64_MAX, nonce);
    crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, zeros, sizeof zeros, NULL, 0, NULL, nonce, c->key);
    memcpy(c->key, out, sizeof c->key);
    sodium_memzero(out, sizeof out);
}
