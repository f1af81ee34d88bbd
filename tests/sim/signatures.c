/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Each host of a simulated cluster verifies the same signatures, and the second run of a seed all of them
 * once more: a third of the time went into them. Linked with --wrap, this remembers what libsodium said of
 * the same key, text and signature, compared in whole. The function has no other input, so the answer is the
 * same; the first of each is always verified in earnest.
 */
#include <string.h>

#include <covey/crypto.h>

#define SLOTS     8192 /* a power of two */
#define TEXT_SIZE 64   /* what is signed is always a hash: crypto.h */

struct verdict {
    struct signature signature;
    struct public_key key;
    uint8_t text[TEXT_SIZE];
    bool used;
    int answer;
};

static struct verdict verdicts[SLOTS];

int __real_crypto_sign_verify_detached(const unsigned char *signature, const unsigned char *text,
                                       unsigned long long size, const unsigned char *key);
int __wrap_crypto_sign_verify_detached(const unsigned char *signature, const unsigned char *text,
                                       unsigned long long size, const unsigned char *key);

int __wrap_crypto_sign_verify_detached(const unsigned char *signature, const unsigned char *text,
                                       unsigned long long size, const unsigned char *key) {
    uint64_t a, b;
    if (size != TEXT_SIZE)
        return __real_crypto_sign_verify_detached(signature, text, size, key);
    memcpy(&a, signature, sizeof a);
    memcpy(&b, text, sizeof b);
    struct verdict *v = &verdicts[(a ^ b) % SLOTS];
    if (v->used && memcmp(v->signature.b, signature, sizeof v->signature.b) == 0 &&
        memcmp(v->text, text, sizeof v->text) == 0 && memcmp(v->key.b, key, sizeof v->key.b) == 0)
        return v->answer;
    memcpy(v->signature.b, signature, sizeof v->signature.b);
    memcpy(v->text, text, sizeof v->text);
    memcpy(v->key.b, key, sizeof v->key.b);
    v->used = true;
    v->answer = __real_crypto_sign_verify_detached(signature, text, size, key);
    return v->answer;
}
