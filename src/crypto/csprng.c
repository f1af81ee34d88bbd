/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include <covey/crypto.h>

#include <sodium.h>

/* One ChaCha20 run: the next key, then output. 512 bytes are 8 blocks, which vector code makes at once. */
#define CSPRNG_RUN_SIZE 512

static_assert(sizeof(struct secret) == crypto_stream_chacha20_KEYBYTES, "libsodium's size");

void csprng_init(struct csprng *c, const struct secret *seed) { c->key = *seed; }

void csprng_done(struct csprng *c) { sodium_memzero(c, sizeof *c); }

void csprng_fill(struct csprng *c, void *out, size_t size_bytes) {
    static const uint8_t nonce[crypto_stream_chacha20_NONCEBYTES] = {0};
    uint8_t run[CSPRNG_RUN_SIZE], *to = out;
    while (size_bytes > 0) {
        size_t part = sizeof run - sizeof c->key;
        if (part > size_bytes)
            part = size_bytes;
        crypto_stream_chacha20(run, sizeof c->key + part, nonce, c->key.b);
        memcpy(&c->key, run, sizeof c->key);
        memcpy(to, run + sizeof c->key, part);
        to += part;
        size_bytes -= part;
    }
    sodium_memzero(run, sizeof run);
}

struct secret csprng_secret(struct csprng *c) {
    struct secret out;
    csprng_fill(c, &out, sizeof out);
    return out;
}
