/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include <sodium.h>

#include "helpers.h"

Test(identity, keys_ids_and_signatures_of_the_second_implementation) {
    json_t *root = tree_json("proto/vectors/noise-xxpsk0.json");
    const json_t *list = json_object_get(root, "identities");
    cr_assert_eq(json_array_size(list), 3);
    for (size_t n = 0; n < json_array_size(list); n++) {
        const json_t *json = json_array_get(list, n);
        struct secret seed;
        struct identity i;
        struct signature expected, made;
        uint8_t public_key[32], static_key[32], id[16];
        const char *context = json_string_value(json_object_get(json, "context"));
        struct buf message = json_hex(json, "message");
        json_hex_fixed(json, "seed", &seed, 32);
        json_hex_fixed(json, "public_key", public_key, 32);
        json_hex_fixed(json, "static_key", static_key, 32);
        json_hex_fixed(json, "node_id", id, 16);
        json_hex_fixed(json, "signature", &expected, 64);
        identity_init(&i, &seed);
        cr_assert_arr_eq(i.public_key.b, public_key, 32);
        cr_assert_arr_eq(i.static_key.b, static_key, 32);
        cr_assert_arr_eq(i.id.b, id, 16);
        identity_sign(&i, context, buf_bytes(&message), &made);
        cr_assert_arr_eq(made.b, expected.b, 64);
        buf_done(&message);
    }
    json_decref(root);
}

Test(identity, static_key_follows_from_the_public_key_alone) {
    struct identity a = identity_number(1), b = identity_number(2);
    struct static_key s;
    cr_assert_eq(identity_static_key(&a.public_key, &s), 0);
    cr_assert(ID_EQUAL(s, a.static_key));
    cr_assert(identity_matches_static(&a.public_key, &a.static_key));
    cr_assert(!identity_matches_static(&a.public_key, &b.static_key));
}

/* Why a join is signed: the mirror image has the same static key, but another id, and no signature of it. */
Test(identity, mirrored_key_matches_the_static_but_signs_nothing) {
    struct identity a = identity_number(1);
    struct public_key mirror = a.public_key;
    struct signature s;
    mirror.b[31] ^= 0x80;
    cr_assert(identity_matches_static(&mirror, &a.static_key));
    struct node_id id = identity_node_id(&mirror);
    cr_assert(!ID_EQUAL(id, a.id));
    identity_sign(&a, SIGN_JOIN, bytes_str("hash"), &s);
    cr_assert_eq(identity_verify(&mirror, SIGN_JOIN, bytes_str("hash"), &s), ERR_DENIED);
}

Test(identity, points_of_small_order_have_no_static_key) {
    struct static_key s = {{7}}, before = s;
    struct public_key zero = {{0}}, one = {{1}}, off = {{2}};
    cr_assert_eq(identity_static_key(&zero, &s), ERR_INVALID);
    cr_assert_eq(identity_static_key(&one, &s), ERR_INVALID);
    cr_assert_eq(identity_static_key(&off, &s), ERR_INVALID);
    cr_assert(ID_EQUAL(s, before));
    cr_assert(!identity_matches_static(&one, &s));
}

Test(identity, signature_is_bound_to_key_context_and_message) {
    struct identity a = identity_number(1), b = identity_number(2);
    struct signature s;
    identity_sign(&a, SIGN_ALIVE, bytes_str("text"), &s);
    cr_assert_eq(identity_verify(&a.public_key, SIGN_ALIVE, bytes_str("text"), &s), 0);
    cr_assert_eq(identity_verify(&b.public_key, SIGN_ALIVE, bytes_str("text"), &s), ERR_DENIED);
    cr_assert_eq(identity_verify(&a.public_key, SIGN_LEAVE, bytes_str("text"), &s), ERR_DENIED);
    cr_assert_eq(identity_verify(&a.public_key, SIGN_ALIVE, bytes_str("texts"), &s), ERR_DENIED);
    cr_assert_eq(identity_verify(&a.public_key, "alivet", bytes_str("ext"), &s), ERR_DENIED);
    for (size_t bit = 0; bit < sizeof s.b * 8; bit++) {
        s.b[bit / 8] ^= (uint8_t)(1 << bit % 8);
        cr_assert_eq(identity_verify(&a.public_key, SIGN_ALIVE, bytes_str("text"), &s), ERR_DENIED, "bit %zu",
                     bit);
        s.b[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

Test(identity, done_leaves_nothing) {
    struct identity a = identity_number(1), zero;
    memset(&zero, 0, sizeof zero);
    identity_done(&a);
    cr_assert_eq(memcmp(&a, &zero, sizeof a), 0);
}

Test(csprng, bytes_of_the_second_implementation) {
    json_t *root = tree_json("proto/vectors/noise-xxpsk0.json");
    const json_t *json = json_object_get(root, "csprng"), *sizes = json_object_get(json, "sizes");
    struct secret seed;
    struct csprng c;
    json_hex_fixed(json, "seed", &seed, 32);
    csprng_init(&c, &seed);
    for (size_t i = 0; i < json_array_size(sizes); i++) {
        size_t size = (size_t)json_integer_value(json_array_get(sizes, i));
        uint8_t out[4096], hash[64], expected[64];
        cr_assert_leq(size, sizeof out);
        csprng_fill(&c, out, size);
        crypto_generichash(hash, sizeof hash, out, size, NULL, 0);
        json_hex_fixed(json_array_get(json_object_get(json, "blake2b"), i), NULL, expected, 64);
        cr_assert_arr_eq(hash, expected, sizeof hash, "draw %zu", i);
    }
    json_decref(root);
}

Test(csprng, same_seed_same_bytes_and_no_repetition) {
    struct secret seed = secret_number(1), other_seed = secret_number(2);
    struct csprng a, b, other;
    csprng_init(&a, &seed);
    csprng_init(&b, &seed);
    csprng_init(&other, &other_seed);
    uint8_t last[32] = {0};
    for (size_t i = 0; i < 100; i++) {
        struct secret x = csprng_secret(&a), y = csprng_secret(&b), z = csprng_secret(&other);
        cr_assert(secret_equal(&x, &y));
        cr_assert(!secret_equal(&x, &z));
        cr_assert(memcmp(x.b, last, sizeof last) != 0);
        memcpy(last, x.b, sizeof last);
        cr_assert(memcmp(a.key.b, last, sizeof last) != 0, "the key must not be what was drawn");
    }
}
