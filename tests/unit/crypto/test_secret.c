/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "helpers.h"

static struct join_token token_number(uint8_t number) {
    return (struct join_token){.cluster = cluster_number(number), .secret = secret_number(number)};
}

static struct buf token_text(const struct join_token *t) {
    struct buf out = {0};
    secret_token_append(&out, t);
    cr_assert_eq(out.size, SECRET_TOKEN_SIZE);
    return out;
}

/* What a refusal says. */
static const char *refusal(struct bytes text, int expected) {
    struct join_token t = token_number(1), before = t;
    const char *why = NULL;
    cr_assert_eq(secret_token_parse(text, &t, &why), expected);
    cr_assert_eq(memcmp(&t, &before, sizeof t), 0);
    cr_assert_eq(secret_token_parse(text, &t, NULL), expected);
    cr_assert(why != NULL);
    return why;
}

Test(secret, tokens_of_the_second_implementation) {
    json_t *root = tree_json("proto/vectors/noise-xxpsk0.json");
    const json_t *list = json_object_get(root, "tokens");
    cr_assert_eq(json_array_size(list), 3);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *json = json_array_get(list, i);
        const char *expected = json_string_value(json_object_get(json, "token"));
        struct join_token t, parsed;
        json_hex_fixed(json, "cluster", &t.cluster, 16);
        json_hex_fixed(json, "secret", &t.secret, 32);
        struct buf text = token_text(&t);
        cr_assert_str_eq(buf_str(&text), expected);
        cr_assert_eq(secret_token_parse(bytes_str(expected), &parsed, NULL), 0);
        cr_assert_eq(memcmp(&parsed, &t, sizeof t), 0);
        buf_done(&text);
    }
    json_decref(root);
}

Test(secret, token_of_a_file_may_end_with_a_newline) {
    struct join_token t = token_number(3), parsed;
    struct buf text = token_text(&t);
    buf_append_byte(&text, '\n');
    cr_assert_eq(secret_token_parse(buf_bytes(&text), &parsed, NULL), 0);
    text.data[text.size - 1] = '\r';
    buf_append_byte(&text, '\n');
    cr_assert_eq(secret_token_parse(buf_bytes(&text), &parsed, NULL), 0);
    cr_assert_eq(memcmp(&parsed, &t, sizeof t), 0);
    buf_append_byte(&text, '\n');
    cr_assert_str_eq(refusal(buf_bytes(&text), ERR_INVALID), "it is too long: something follows it");
    buf_done(&text);
}

Test(secret, digits_may_be_typed_as_they_are_read) {
    struct join_token t = token_number(3), parsed;
    struct buf text = token_text(&t);
    size_t changed = 0;
    for (size_t i = strlen("covey1-"); i < text.size; i++) {
        uint8_t *c = &text.data[i];
        uint8_t typed = *c == '0'   ? 'O'
                        : *c == '1' ? (i % 2 ? 'l' : 'I')
                        : *c >= 'a' ? (uint8_t)(*c - 32)
                                    : *c;
        changed += typed != *c;
        *c = typed;
    }
    cr_assert_gt(changed, 0);
    cr_assert_eq(secret_token_parse(buf_bytes(&text), &parsed, NULL), 0);
    cr_assert_eq(memcmp(&parsed, &t, sizeof t), 0);
    buf_done(&text);
}

Test(secret, refusals_say_what_is_wrong) {
    struct join_token t = token_number(3);
    struct buf text = token_text(&t);
    cr_assert_str_eq(refusal(bytes_str(""), ERR_INVALID), "it is empty");
    cr_assert_str_eq(refusal(bytes_str("\n"), ERR_INVALID), "it is empty");
    cr_assert_str_eq(refusal(bytes_str("SWMTKN-1-abc"), ERR_INVALID), "it does not begin with covey1-");
    cr_assert_str_eq(refusal(bytes_str("covey1"), ERR_INVALID), "it does not begin with covey1-");
    cr_assert_str_eq(refusal(bytes_str("covey2-abc"), ERR_VERSION), "it is of a newer version of covey");
    for (size_t size = strlen("covey1-"); size < text.size; size++)
        cr_assert_str_eq(refusal(bytes_of(text.data, size), ERR_INVALID),
                         "it is too short: part of it is missing");
    text.data[20] = 'u';
    cr_assert_str_eq(refusal(buf_bytes(&text), ERR_INVALID), "it has a character that no token has");
    buf_done(&text);
}

Test(secret, each_changed_digit_is_found) {
    struct join_token t = token_number(3);
    struct buf text = token_text(&t);
    for (size_t i = strlen("covey1-"); i < text.size; i++) {
        uint8_t was = text.data[i];
        text.data[i] = was == '7' ? '8' : '7';
        refusal(buf_bytes(&text), ERR_INVALID);
        text.data[i] = was;
    }
    buf_done(&text);
}

/* The last digit has one bit of data and four that must be zero: one token, one text. */
Test(secret, spare_bits_of_the_last_digit_are_zero) {
    struct join_token t = token_number(3);
    struct buf text = token_text(&t);
    uint8_t *last = &text.data[text.size - 1];
    cr_assert(*last == '0' || *last == 'g');
    *last = (uint8_t)(*last + 1);
    cr_assert_str_eq(refusal(buf_bytes(&text), ERR_INVALID), "its last character is wrong");
    buf_done(&text);
}

Test(secret, stream_psk_differs_by_cluster_and_from_its_secret) {
    struct secret s = secret_number(1), a, b;
    struct cluster_id one = cluster_number(1), two = cluster_number(2);
    secret_stream_psk(&s, &one, &a);
    secret_stream_psk(&s, &two, &b);
    cr_assert(!secret_equal(&a, &b));
    cr_assert(!secret_equal(&a, &s));
}
