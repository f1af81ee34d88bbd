/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "hash.h"

#include <sodium.h>

void secret_wipe(void *p, size_t size_bytes) { sodium_memzero(p, size_bytes); }

bool secret_equal(const struct secret *a, const struct secret *b) {
    return sodium_memcmp(a, b, sizeof *a) == 0;
}

void secret_stream_psk(const struct secret *secret, const struct cluster_id *cluster,
                       struct secret *ret_psk) {
    static const char label[] = "stream-psk";
    uint8_t input[sizeof label - 1 + ID_SIZE], out[HASH_SIZE];
    memcpy(input, label, sizeof label - 1);
    memcpy(input + sizeof label - 1, cluster->b, ID_SIZE);
    uint8_t *const outputs[] = {out};
    hash_hkdf(bytes_of(secret->b, sizeof secret->b), bytes_of(input, sizeof input), outputs, 1);
    memcpy(ret_psk->b, out, sizeof ret_psk->b);
    sodium_memzero(out, sizeof out);
}

/* ---- join tokens --------------------------------------------------------------------------------------- */

#define TOKEN_PREFIX      "covey1-"
#define TOKEN_PREFIX_SIZE (sizeof TOKEN_PREFIX - 1)
#define TOKEN_CHECK_SIZE  4
#define TOKEN_RAW_SIZE    (ID_SIZE + 32 + TOKEN_CHECK_SIZE)
#define TOKEN_DIGITS      (SECRET_TOKEN_SIZE - TOKEN_PREFIX_SIZE)

static_assert(TOKEN_DIGITS == (TOKEN_RAW_SIZE * 8 + 4) / 5, "5 bits a digit");

static const char base32_digits[] = "0123456789abcdefghjkmnpqrstvwxyz";

static void token_raw(const struct join_token *token, uint8_t raw[TOKEN_RAW_SIZE]) {
    uint8_t hash[HASH_SIZE];
    memcpy(raw, token->cluster.b, ID_SIZE);
    memcpy(raw + ID_SIZE, token->secret.b, sizeof token->secret.b);
    const struct bytes parts[] = {bytes_str("covey-token"), bytes_of(raw, TOKEN_RAW_SIZE - TOKEN_CHECK_SIZE)};
    hash_parts(parts, 2, hash);
    memcpy(raw + TOKEN_RAW_SIZE - TOKEN_CHECK_SIZE, hash, TOKEN_CHECK_SIZE);
}

/* Bit `at` and the four after it, the highest bit of each byte first; past the end they are zeros. */
static unsigned raw_digit(const uint8_t raw[TOKEN_RAW_SIZE], size_t at) {
    unsigned pair = (unsigned)raw[at / 8] << 8;
    if (at / 8 + 1 < TOKEN_RAW_SIZE)
        pair |= raw[at / 8 + 1];
    return pair >> (11 - at % 8) & 31;
}

void secret_token_append(struct buf *out, const struct join_token *token) {
    uint8_t raw[TOKEN_RAW_SIZE];
    token_raw(token, raw);
    buf_append(out, TOKEN_PREFIX, TOKEN_PREFIX_SIZE);
    for (size_t i = 0; i < TOKEN_DIGITS; i++)
        buf_append_byte(out, (uint8_t)base32_digits[raw_digit(raw, i * 5)]);
    sodium_memzero(raw, sizeof raw);
}

/* 0..31, or -1. */
static int base32_value(uint8_t c) {
    if (c >= 'A' && c <= 'Z')
        c = (uint8_t)(c - 'A' + 'a');
    if (c == 'o')
        c = '0';
    if (c == 'i' || c == 'l')
        c = '1';
    for (int value = 0; value < 32; value++) {
        if ((uint8_t)base32_digits[value] == c)
            return value;
    }
    return -1;
}

/* The digits of a token into its raw bytes; what is wrong with them, or NULL. */
static const char *digits_decode(const uint8_t digits[TOKEN_DIGITS], uint8_t raw[TOKEN_RAW_SIZE]) {
    unsigned bits = 0;
    size_t bits_count = 0, size = 0;
    for (size_t i = 0; i < TOKEN_DIGITS; i++) {
        int value = base32_value(digits[i]);
        if (value < 0)
            return "it has a character that no token has";
        bits = (bits << 5 | (unsigned)value) & 0xfff;
        bits_count += 5;
        if (bits_count >= 8) {
            bits_count -= 8;
            raw[size++] = (uint8_t)(bits >> bits_count);
        }
    }
    if ((bits & ((1u << bits_count) - 1)) != 0)
        return "its last character is wrong";
    return NULL;
}

static struct bytes token_trim(struct bytes text) {
    if (text.size > 0 && text.data[text.size - 1] == '\n')
        text.size--;
    if (text.size > 0 && text.data[text.size - 1] == '\r')
        text.size--;
    return text;
}

static const char *token_decode(struct bytes text, struct join_token *ret_token) {
    if (text.size == 0)
        return "it is empty";
    if (text.size < TOKEN_PREFIX_SIZE || memcmp(text.data, TOKEN_PREFIX, TOKEN_PREFIX_SIZE) != 0)
        return "it does not begin with " TOKEN_PREFIX;
    if (text.size < SECRET_TOKEN_SIZE)
        return "it is too short: part of it is missing";
    if (text.size > SECRET_TOKEN_SIZE)
        return "it is too long: something follows it";

    uint8_t raw[TOKEN_RAW_SIZE], expected[TOKEN_RAW_SIZE];
    struct join_token token;
    const char *why = digits_decode(text.data + TOKEN_PREFIX_SIZE, raw);
    if (!why) {
        memcpy(token.cluster.b, raw, ID_SIZE);
        memcpy(token.secret.b, raw + ID_SIZE, sizeof token.secret.b);
        token_raw(&token, expected);
        if (sodium_memcmp(raw, expected, sizeof raw) != 0)
            why = "its checksum is wrong: a character was changed";
        else
            *ret_token = token;
        sodium_memzero(expected, sizeof expected);
    }
    sodium_memzero(&token, sizeof token);
    sodium_memzero(raw, sizeof raw);
    return why;
}

int secret_token_parse(struct bytes text, struct join_token *ret_token, const char **ret_why) {
    text = token_trim(text);
    const char *why = token_decode(text, ret_token);
    int err = why ? ERR_INVALID : 0;
    if (text.size >= TOKEN_PREFIX_SIZE && memcmp(text.data, "covey", 5) == 0 && text.data[5] >= '2' &&
        text.data[5] <= '9' && text.data[6] == '-') {
        why = "it is of a newer version of covey";
        err = ERR_VERSION;
    }
    if (err && ret_why)
        *ret_why = why;
    return err;
}
