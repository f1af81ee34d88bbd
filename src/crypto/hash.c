/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * libsodium has BLAKE2b, but neither HMAC nor HKDF over it. BLAKE2b's own keyed mode is something else: Noise
 * asks for HMAC (revision 34, section 4.3), and the bytes differ.
 */
#include "hash.h"

#include <sodium.h>

#define HMAC_BLOCK_SIZE 128

static void hash_update(crypto_generichash_state *state, const struct bytes *parts, size_t parts_count) {
    for (size_t i = 0; i < parts_count; i++) {
        if (parts[i].size > 0)
            crypto_generichash_update(state, parts[i].data, parts[i].size);
    }
}

void hash_parts(const struct bytes *parts, size_t parts_count, uint8_t out[HASH_SIZE]) {
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, HASH_SIZE);
    hash_update(&state, parts, parts_count);
    crypto_generichash_final(&state, out, HASH_SIZE);
    sodium_memzero(&state, sizeof state);
}

static void hmac_pad(struct bytes key, uint8_t with, uint8_t pad[HMAC_BLOCK_SIZE]) {
    memset(pad, 0, HMAC_BLOCK_SIZE);
    mem_copy(pad, key.data, key.size);
    for (size_t i = 0; i < HMAC_BLOCK_SIZE; i++)
        pad[i] ^= with;
}

void hash_hmac(struct bytes key, const struct bytes *parts, size_t parts_count, uint8_t out[HASH_SIZE]) {
    assert(key.size > 0 && key.size <= HMAC_BLOCK_SIZE);
    uint8_t pad[HMAC_BLOCK_SIZE], inner[HASH_SIZE];
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, HASH_SIZE);
    hmac_pad(key, 0x36, pad);
    crypto_generichash_update(&state, pad, sizeof pad);
    hash_update(&state, parts, parts_count);
    crypto_generichash_final(&state, inner, sizeof inner);

    hmac_pad(key, 0x5c, pad);
    const struct bytes outer[] = {bytes_of(pad, sizeof pad), bytes_of(inner, sizeof inner)};
    hash_parts(outer, 2, out);
    sodium_memzero(&state, sizeof state);
    sodium_memzero(pad, sizeof pad);
    sodium_memzero(inner, sizeof inner);
}

void hash_hkdf(struct bytes key, struct bytes input, uint8_t *const outputs[], size_t outputs_count) {
    assert(outputs_count >= 1 && outputs_count <= 3);
    uint8_t base[HASH_SIZE], last[HASH_SIZE];
    hash_hmac(key, &input, 1, base);
    for (size_t i = 0; i < outputs_count; i++) {
        uint8_t number = (uint8_t)(i + 1);
        const struct bytes parts[] = {bytes_of(last, i == 0 ? 0 : sizeof last), bytes_of(&number, 1)};
        uint8_t next[HASH_SIZE];
        hash_hmac(bytes_of(base, sizeof base), parts, 2, next);
        memcpy(last, next, sizeof last);
        memcpy(outputs[i], last, sizeof last);
        sodium_memzero(next, sizeof next);
    }
    sodium_memzero(base, sizeof base);
    sodium_memzero(last, sizeof last);
}
