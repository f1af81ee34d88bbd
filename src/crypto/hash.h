/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Hashing, keyed and chained, and integers in byte order: what the files of this room share. */
#ifndef COVEY_CRYPTO_HASH_H
#define COVEY_CRYPTO_HASH_H

#include <covey/crypto.h>

#define HASH_SIZE 64

/* Plain BLAKE2b-512 of the parts, one after another. */
void hash_parts(const struct bytes *parts, size_t parts_count, uint8_t out[HASH_SIZE]);

/* HMAC (RFC 2104) over BLAKE2b-512. The key has at most 128 bytes. */
void hash_hmac(struct bytes key, const struct bytes *parts, size_t parts_count, uint8_t out[HASH_SIZE]);

/* Noise's HKDF (revision 34, section 4.3): outputs_count is 1..3; outputs may be the key's own memory. */
void hash_hkdf(struct bytes key, struct bytes input, uint8_t *const outputs[], size_t outputs_count);

static inline void put_be16(uint8_t *p, uint32_t v) {
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}
static inline uint32_t get_be16(const uint8_t *p) { return (uint32_t)p[0] << 8 | p[1]; }
static inline void put_be32(uint8_t *p, uint32_t v) {
    put_be16(p, v >> 16);
    put_be16(p + 2, v & 0xffff);
}
static inline uint32_t get_be32(const uint8_t *p) { return get_be16(p) << 16 | get_be16(p + 2); }
static inline void put_be64(uint8_t *p, uint64_t v) {
    put_be32(p, (uint32_t)(v >> 32));
    put_be32(p + 4, (uint32_t)v);
}
static inline uint64_t get_be64(const uint8_t *p) { return (uint64_t)get_be32(p) << 32 | get_be32(p + 4); }

#endif
