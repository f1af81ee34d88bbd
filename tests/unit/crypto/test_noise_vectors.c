/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The handshake code against vectors: those in the tree, made by another implementation, and the published
 * ones of the folder that COVEY_TEST_DATA names, if it does (noise/ *.json in the common JSON form).
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "helpers.h"

/* Everything of one vector, read once and then run several times. */
struct vector {
    const char *name;
    char pattern[64];
    struct buf prologue[2], hash;
    struct secret s[2], e[2], psks[2][NOISE_PSKS_MAX];
    struct static_key rs[2];
    bool has_s[2], has_e[2], has_rs[2];
    size_t psks_count[2], messages_count;
    struct buf payloads[16], ciphertexts[16];
};

static void side_load(struct vector *v, const json_t *json, size_t side) {
    static const char *const prefixes[] = {"init", "resp"};
    char name[64];
    snprintf(name, sizeof name, "%s_prologue", prefixes[side]);
    v->prologue[side] = json_hex(json, name);
    snprintf(name, sizeof name, "%s_static", prefixes[side]);
    if ((v->has_s[side] = json_has(json, name)))
        json_hex_fixed(json, name, &v->s[side], 32);
    snprintf(name, sizeof name, "%s_ephemeral", prefixes[side]);
    if ((v->has_e[side] = json_has(json, name)))
        json_hex_fixed(json, name, &v->e[side], 32);
    snprintf(name, sizeof name, "%s_remote_static", prefixes[side]);
    if ((v->has_rs[side] = json_has(json, name)))
        json_hex_fixed(json, name, &v->rs[side], 32);
    snprintf(name, sizeof name, "%s_psks", prefixes[side]);
    const json_t *psks = json_object_get(json, name);
    v->psks_count[side] = json_array_size(psks);
    cr_assert_leq(v->psks_count[side], NOISE_PSKS_MAX);
    for (size_t i = 0; i < v->psks_count[side]; i++)
        json_hex_fixed(json_array_get(psks, i), NULL, &v->psks[side][i], 32);
}

static void vector_load(struct vector *v, const json_t *json) {
    memset(v, 0, sizeof *v);
    v->name = json_string_value(json_object_get(json, "protocol_name"));
    cr_assert(strncmp(v->name, "Noise_", 6) == 0);
    size_t size = strcspn(v->name + 6, "_");
    cr_assert_lt(size, sizeof v->pattern);
    memcpy(v->pattern, v->name + 6, size);
    cr_assert_str_eq(v->name + 6 + size, "_25519_ChaChaPoly_BLAKE2b");
    side_load(v, json, 0);
    side_load(v, json, 1);
    v->hash = json_hex(json, "handshake_hash");
    const json_t *messages = json_object_get(json, "messages");
    v->messages_count = json_array_size(messages);
    cr_assert_leq(v->messages_count, 16);
    for (size_t i = 0; i < v->messages_count; i++) {
        v->payloads[i] = json_hex(json_array_get(messages, i), "payload");
        v->ciphertexts[i] = json_hex(json_array_get(messages, i), "ciphertext");
    }
}

static void vector_done(struct vector *v) {
    buf_done(&v->prologue[0]);
    buf_done(&v->prologue[1]);
    buf_done(&v->hash);
    for (size_t i = 0; i < v->messages_count; i++) {
        buf_done(&v->payloads[i]);
        buf_done(&v->ciphertexts[i]);
    }
}

static int side_init(struct noise_handshake *h, const struct vector *v, size_t side) {
    return noise_handshake_init(h, &(struct noise_config){
                                       .pattern = v->pattern,
                                       .initiator = side == 0,
                                       .prologue = buf_bytes(&v->prologue[side]),
                                       .static_secret = v->has_s[side] ? &v->s[side] : NULL,
                                       .ephemeral_secret = v->has_e[side] ? &v->e[side] : NULL,
                                       .remote_static = v->has_rs[side] ? &v->rs[side] : NULL,
                                       .psks = v->psks[side],
                                       .psks_count = v->psks_count[side],
                                   });
}

/* One message after the handshake. */
static bool transport_runs(const struct vector *v, size_t i, struct noise_cipher *send,
                           struct noise_cipher *receive) {
    struct bytes payload = buf_bytes(&v->payloads[i]), expected = buf_bytes(&v->ciphertexts[i]);
    uint8_t sealed[4096], plain[4096];
    cr_assert_leq(payload.size + NOISE_TAG_SIZE, sizeof sealed);
    if (noise_cipher_encrypt(send, bytes_of(NULL, 0), payload, sealed) != 0)
        return false;
    if (!bytes_equal(bytes_of(sealed, payload.size + NOISE_TAG_SIZE), expected))
        return false;
    return noise_cipher_decrypt(receive, bytes_of(NULL, 0), expected, plain) == 0 &&
           bytes_equal(bytes_of(plain, payload.size), payload);
}

static bool handshake_message_runs(const struct vector *v, size_t i, struct noise_handshake *writer,
                                   struct noise_handshake *reader) {
    struct buf written = {0}, read = {0};
    bool ok = noise_handshake_is_my_turn(writer) && !noise_handshake_is_my_turn(reader) &&
              noise_handshake_write(writer, buf_bytes(&v->payloads[i]), &written) == 0 &&
              bytes_equal(buf_bytes(&written), buf_bytes(&v->ciphertexts[i])) &&
              noise_handshake_read(reader, buf_bytes(&v->ciphertexts[i]), &read) == 0 &&
              bytes_equal(buf_bytes(&read), buf_bytes(&v->payloads[i]));
    buf_done(&written);
    buf_done(&read);
    return ok;
}

/* Both sides, all messages: whether every byte is as the vector says. */
static bool vector_runs(const struct vector *v) {
    struct noise_handshake h[2];
    cr_assert_eq(side_init(&h[0], v, 0), 0, "%s", v->name);
    cr_assert_eq(side_init(&h[1], v, 1), 0, "%s", v->name);
    size_t i = 0;
    for (; !noise_handshake_is_complete(&h[0]); i++) {
        cr_assert_lt(i, v->messages_count);
        if (!handshake_message_runs(v, i, &h[i % 2], &h[1 - i % 2]))
            return false;
    }
    cr_assert(noise_handshake_is_complete(&h[1]));
    cr_assert_arr_eq(h[0].hash, h[1].hash, sizeof h[0].hash);
    if (v->hash.size > 0 && !bytes_equal(buf_bytes(&v->hash), bytes_of(h[0].hash, sizeof h[0].hash)))
        return false;
    bool one_way = i == 1;
    struct noise_cipher send[2], receive[2];
    noise_handshake_split(&h[0], &send[0], &receive[0]);
    noise_handshake_split(&h[1], &send[1], &receive[1]);
    for (; i < v->messages_count; i++) {
        size_t from = one_way ? 0 : i % 2;
        if (!transport_runs(v, i, &send[from], &receive[1 - from]))
            return false;
    }
    return true;
}

/* A check that cannot fail is none: each ciphertext with one hex digit changed must be refused. */
static void vector_bites(struct vector *v) {
    for (size_t i = 0; i < v->messages_count; i++) {
        size_t at = (i * 7 + 3) % v->ciphertexts[i].size;
        v->ciphertexts[i].data[at] ^= 0x10;
        cr_assert(!vector_runs(v), "%s: message %zu may be changed", v->name, i);
        v->ciphertexts[i].data[at] ^= 0x10;
    }
}

static size_t vectors_run(const json_t *root) {
    const json_t *list = json_object_get(root, "vectors");
    cr_assert_gt(json_array_size(list), 0);
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct vector v;
        vector_load(&v, json_array_get(list, i));
        cr_assert(vector_runs(&v), "%s (number %zu) differs", v.name, i);
        vector_bites(&v);
        vector_done(&v);
    }
    return json_array_size(list);
}

Test(noise_vectors, xxpsk0_of_the_second_implementation) {
    json_t *root = tree_json("proto/vectors/noise-xxpsk0.json");
    cr_assert_eq(vectors_run(root), 3);
    json_decref(root);
}

Test(noise_vectors, published) {
    const char *data = getenv("COVEY_TEST_DATA");
    if (!data) {
        puts("# COVEY_TEST_DATA names no folder with noise/ *.json: the published vectors are not run");
        fflush(stdout);
        cr_skip_test("COVEY_TEST_DATA is not set");
    }
    char folder[4096];
    snprintf(folder, sizeof folder, "%s/noise", data);
    DIR *d = opendir(folder);
    cr_assert(d != NULL, "COVEY_TEST_DATA has no folder noise");
    size_t count = 0;
    for (struct dirent *entry = readdir(d); entry; entry = readdir(d)) {
        const char *dot = strrchr(entry->d_name, '.');
        if (!dot || strcmp(dot, ".json") != 0)
            continue;
        char path[8192];
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        json_t *root = json_load_file(path, 0, NULL);
        cr_assert(root != NULL, "%s is no JSON", path);
        count += vectors_run(root);
        json_decref(root);
    }
    closedir(d);
    cr_assert_gt(count, 0);
    printf("# %zu published vectors\n", count);
}

Test(noise_vectors, rekey) {
    json_t *root = tree_json("proto/vectors/noise-xxpsk0.json");
    const json_t *rekey = json_object_get(root, "rekey"), *texts = json_object_get(rekey, "ciphertexts");
    struct buf payload = json_hex(rekey, "payload");
    struct noise_cipher c = {.keyed = true};
    json_hex_fixed(rekey, "key", c.key, sizeof c.key);
    for (size_t i = 0; i < json_array_size(texts); i++) {
        uint8_t sealed[64];
        struct buf expected = json_hex(json_array_get(texts, i), NULL);
        cr_assert_eq(noise_cipher_encrypt(&c, bytes_of(NULL, 0), buf_bytes(&payload), sealed), 0);
        cr_assert(bytes_equal(bytes_of(sealed, payload.size + NOISE_TAG_SIZE), buf_bytes(&expected)), "%zu",
                  i);
        noise_cipher_rekey(&c);
        buf_done(&expected);
    }
    buf_done(&payload);
    json_decref(root);
}
