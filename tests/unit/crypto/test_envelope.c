/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include <sodium.h>
#include <stdlib.h>

#include "helpers.h"

/* A sender, a receiver, one key, and a packet between them. */
struct scene {
    struct keyring keys;
    struct cluster_id cluster;
    struct node_id sender, receiver;
    struct csprng rng;
    struct buf packet, plain;
};

static struct scene scene_new(void) {
    struct scene s = {.cluster = cluster_number(1), .sender = node_number(1), .receiver = node_number(2)};
    struct secret key = secret_number(7), seed = secret_number(8);
    cr_assert_eq(keyring_add(&s.keys, 5, &key), 0);
    csprng_init(&s.rng, &seed);
    return s;
}

static void scene_seal(struct scene *s, bool to_anyone, const char *payload) {
    struct envelope head = {.sender = s->sender, .boot = 3, .sequence = 42};
    if (!to_anyone)
        head.receiver = s->receiver;
    buf_clear(&s->packet);
    cr_assert_eq(envelope_seal(&s->keys, &s->cluster, &s->rng, &head, bytes_str(payload), &s->packet), 0);
}

static int scene_open(struct scene *s, struct bytes packet, struct envelope *ret_head,
                      struct bytes *ret_payload) {
    return envelope_open(&s->keys, &s->cluster, &s->receiver, packet, &s->plain, ret_head, ret_payload);
}

/* Not by memcmp: the structure has padding. */
static bool envelope_equal(const struct envelope *a, const struct envelope *b) {
    return ID_EQUAL(a->sender, b->sender) && ID_EQUAL(a->receiver, b->receiver) && a->boot == b->boot &&
           a->sequence == b->sequence;
}

/* The code of a refusal; nothing may have been returned. */
static int scene_refusal(struct scene *s) {
    struct envelope head = {.boot = 77}, before = head;
    struct bytes payload = bytes_str("untouched");
    int err = scene_open(s, buf_bytes(&s->packet), &head, &payload);
    cr_assert_neq(err, 0);
    cr_assert(envelope_equal(&head, &before));
    cr_assert(bytes_is(payload, "untouched"));
    return err;
}

static void scene_done(struct scene *s) {
    buf_done(&s->packet);
    buf_done(&s->plain);
}

Test(envelope, packets_of_the_second_implementation) {
    json_t *root = tree_json("proto/vectors/noise-xxpsk0.json");
    const json_t *list = json_object_get(root, "envelopes");
    cr_assert_eq(json_array_size(list), 3);
    for (size_t n = 0; n < json_array_size(list); n++) {
        const json_t *json = json_array_get(list, n);
        struct keyring keys = {0};
        struct secret key, seed;
        struct cluster_id cluster;
        struct envelope head = {0}, opened;
        struct csprng rng;
        struct buf payload = json_hex(json, "payload"), packet = json_hex(json, "packet"), made = {0},
                   plain = {0};
        struct bytes view;
        json_hex_fixed(json, "key", &key, 32);
        json_hex_fixed(json, "rng_seed", &seed, 32);
        json_hex_fixed(json, "cluster", &cluster, 16);
        json_hex_fixed(json, "sender", &head.sender, 16);
        json_hex_fixed(json, "receiver", &head.receiver, 16);
        head.boot = (uint32_t)json_integer_value(json_object_get(json, "boot"));
        head.sequence = strtoull(json_string_value(json_object_get(json, "sequence")), NULL, 10);
        cr_assert_eq(keyring_add(&keys, (uint8_t)json_integer_value(json_object_get(json, "key_id")), &key),
                     0);
        csprng_init(&rng, &seed);
        cr_assert_eq(envelope_seal(&keys, &cluster, &rng, &head, buf_bytes(&payload), &made), 0);
        cr_assert(bytes_equal(buf_bytes(&made), buf_bytes(&packet)), "envelope %zu", n);
        struct node_id own = ID_IS_ZERO(head.receiver) ? node_number(9) : head.receiver;
        cr_assert_eq(envelope_open(&keys, &cluster, &own, buf_bytes(&packet), &plain, &opened, &view), 0);
        cr_assert(envelope_equal(&opened, &head));
        cr_assert(bytes_equal(view, buf_bytes(&payload)));
        buf_done(&payload);
        buf_done(&packet);
        buf_done(&made);
        buf_done(&plain);
    }
    json_decref(root);
}

Test(envelope, each_flipped_bit_is_refused) {
    for (int to_anyone = 0; to_anyone < 2; to_anyone++) {
        struct scene s = scene_new();
        struct envelope head;
        struct bytes payload;
        scene_seal(&s, to_anyone, "payload");
        cr_assert_eq(s.packet.size, ENVELOPE_OVERHEAD + strlen("payload"));
        for (size_t bit = 0; bit < s.packet.size * 8; bit++) {
            s.packet.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
            int err = scene_refusal(&s), expected = bit < 7        ? ERR_VERSION
                                                    : bit / 8 == 1 ? ERR_NOT_FOUND
                                                                   : ERR_DENIED;
            cr_assert_eq(err, expected, "bit %zu: %s", bit, err_str(err));
            s.packet.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        cr_assert_eq(scene_open(&s, buf_bytes(&s.packet), &head, &payload), 0);
        scene_done(&s);
    }
}

Test(envelope, each_truncation_and_extension_is_refused) {
    struct scene s = scene_new();
    scene_seal(&s, false, "payload");
    for (size_t size = 0; size < s.packet.size; size++) {
        struct buf whole = s.packet;
        s.packet = (struct buf){0};
        buf_append(&s.packet, whole.data, size);
        cr_assert_eq(scene_refusal(&s), size < ENVELOPE_OVERHEAD ? ERR_INVALID : ERR_DENIED, "%zu", size);
        buf_done(&s.packet);
        s.packet = whole;
    }
    buf_append_byte(&s.packet, 0);
    cr_assert_eq(scene_refusal(&s), ERR_DENIED);
    scene_done(&s);
}

Test(envelope, is_bound_to_cluster_receiver_and_key) {
    struct scene s = scene_new(), other;
    scene_seal(&s, false, "payload");
    buf_reserve(&s.plain, 256); /* shared by the copies */
    other = s;
    other.cluster = cluster_number(2);
    cr_assert_eq(scene_refusal(&other), ERR_DENIED);
    other = s;
    other.receiver = node_number(3);
    cr_assert_eq(scene_refusal(&other), ERR_DENIED);
    other = s;
    other.keys.keys[0].key = secret_number(9);
    cr_assert_eq(scene_refusal(&other), ERR_DENIED);
    scene_done(&s);
}

Test(envelope, sent_back_to_its_sender_is_refused) {
    struct scene s = scene_new();
    scene_seal(&s, false, "payload");
    s.receiver = s.sender;
    cr_assert_eq(scene_refusal(&s), ERR_DENIED);
    scene_seal(&s, true, "payload");
    cr_assert_eq(scene_refusal(&s), ERR_CONFLICT);
    scene_done(&s);
}

/* What envelope_seal would never make: its key holder leaves the sender out. */
Test(envelope, sealed_without_a_sender_is_refused) {
    struct scene s = scene_new();
    uint8_t inner[28] = {0}, ad[34] = {ENVELOPE_VERSION, 5};
    memcpy(ad + 2, s.cluster.b, 16);
    memcpy(ad + 18, s.receiver.b, 16);
    scene_seal(&s, false, "");
    crypto_aead_xchacha20poly1305_ietf_encrypt(s.packet.data + 26, NULL, inner, sizeof inner, ad, sizeof ad,
                                               NULL, s.packet.data + 2, s.keys.keys[0].key.b);
    cr_assert_eq(scene_refusal(&s), ERR_INVALID);
    scene_done(&s);
}

Test(envelope, first_contact_says_that_it_is_to_anyone) {
    struct scene s = scene_new();
    struct envelope head;
    struct bytes payload;
    scene_seal(&s, true, "who are you");
    cr_assert_eq(scene_open(&s, buf_bytes(&s.packet), &head, &payload), 0);
    cr_assert(ID_IS_ZERO(head.receiver));
    cr_assert(ID_EQUAL(head.sender, s.sender));
    scene_seal(&s, false, "you");
    cr_assert_eq(scene_open(&s, buf_bytes(&s.packet), &head, &payload), 0);
    cr_assert(ID_EQUAL(head.receiver, s.receiver));
    scene_done(&s);
}

Test(envelope, same_packet_twice_has_two_nonces) {
    struct scene s = scene_new();
    scene_seal(&s, false, "payload");
    struct buf first = s.packet;
    s.packet = (struct buf){0};
    scene_seal(&s, false, "payload");
    cr_assert(memcmp(first.data + 2, s.packet.data + 2, 24) != 0);
    buf_done(&first);
    scene_done(&s);
}

Test(envelope, sizes_are_bounded) {
    struct scene s = scene_new();
    struct envelope head = {.sender = s.sender, .receiver = s.receiver}, opened;
    struct bytes view;
    struct buf payload = {0};
    buf_reserve(&payload, ENVELOPE_PAYLOAD_MAX + 1);
    memset(payload.data, 1, ENVELOPE_PAYLOAD_MAX + 1);
    struct bytes largest = bytes_of(payload.data, ENVELOPE_PAYLOAD_MAX);
    struct bytes larger = bytes_of(payload.data, ENVELOPE_PAYLOAD_MAX + 1);
    cr_assert_eq(envelope_seal(&s.keys, &s.cluster, &s.rng, &head, larger, &s.packet), ERR_LIMIT);
    cr_assert_eq(s.packet.size, 0);
    cr_assert_eq(envelope_seal(&s.keys, &s.cluster, &s.rng, &head, largest, &s.packet), 0);
    cr_assert_eq(scene_open(&s, buf_bytes(&s.packet), &opened, &view), 0);
    cr_assert(bytes_equal(view, largest));
    buf_append_byte(&s.packet, 0);
    cr_assert_eq(scene_refusal(&s), ERR_LIMIT);
    buf_done(&payload);
    scene_done(&s);
}

Test(envelope, old_keys_open_until_they_are_dropped) {
    struct scene s = scene_new();
    struct secret newer = secret_number(9);
    struct envelope head;
    struct bytes payload;
    scene_seal(&s, false, "under the old key");
    cr_assert_eq(keyring_add(&s.keys, 6, &newer), 0);
    cr_assert_eq(keyring_use(&s.keys, 6), 0);
    cr_assert_eq(scene_open(&s, buf_bytes(&s.packet), &head, &payload), 0);
    cr_assert_eq(keyring_drop(&s.keys, 5), 0);
    cr_assert_eq(scene_refusal(&s), ERR_NOT_FOUND);
    scene_seal(&s, false, "under the new key");
    cr_assert_eq(s.packet.data[1], 6);
    cr_assert_eq(scene_open(&s, buf_bytes(&s.packet), &head, &payload), 0);
    scene_done(&s);
}

Test(envelope, empty_ring_seals_and_opens_nothing) {
    struct scene s = scene_new();
    struct envelope head = {.sender = s.sender};
    scene_seal(&s, false, "payload");
    size_t size = s.packet.size;
    keyring_done(&s.keys);
    cr_assert_eq(scene_refusal(&s), ERR_NOT_FOUND);
    cr_assert_eq(envelope_seal(&s.keys, &s.cluster, &s.rng, &head, bytes_str(""), &s.packet), ERR_NOT_FOUND);
    cr_assert_eq(s.packet.size, size);
    scene_done(&s);
}

/* ---- keyring ------------------------------------------------------------------------------------------- */

Test(keyring, ids_and_primary) {
    struct keyring k = {0};
    struct secret a = secret_number(1), b = secret_number(2);
    cr_assert_eq(keyring_add(&k, 0, &a), ERR_INVALID);
    cr_assert_eq(keyring_use(&k, 1), ERR_NOT_FOUND);
    cr_assert_eq(keyring_add(&k, 1, &a), 0);
    cr_assert_eq(k.primary_id, 1);
    cr_assert_eq(keyring_add(&k, 1, &a), 0);
    cr_assert_eq(k.count, 1);
    cr_assert_eq(keyring_add(&k, 1, &b), ERR_CONFLICT);
    cr_assert_eq(keyring_add(&k, 2, &b), 0);
    cr_assert_eq(k.primary_id, 1);
    cr_assert_eq(keyring_drop(&k, 1), ERR_CONFLICT);
    cr_assert_eq(keyring_drop(&k, 3), ERR_NOT_FOUND);
    cr_assert_eq(keyring_use(&k, 2), 0);
    cr_assert_eq(keyring_drop(&k, 1), 0);
    cr_assert(keyring_get(&k, 1) == NULL);
    cr_assert(secret_equal(keyring_get(&k, 2), &b));
}

Test(keyring, holds_four_and_wipes_what_it_drops) {
    struct keyring k = {0}, zero;
    memset(&zero, 0, sizeof zero);
    for (uint8_t id = 1; id <= KEYRING_KEYS_MAX; id++) {
        struct secret key = secret_number(id);
        cr_assert_eq(keyring_add(&k, id, &key), 0);
    }
    struct secret one_more = secret_number(99);
    cr_assert_eq(keyring_add(&k, 99, &one_more), ERR_LIMIT);
    cr_assert_eq(keyring_drop(&k, 2), 0);
    cr_assert_eq(memcmp(&k.keys[KEYRING_KEYS_MAX - 1], &zero.keys[0], sizeof zero.keys[0]), 0);
    cr_assert_eq(keyring_add(&k, 99, &one_more), 0);
    for (uint8_t id = 3; id <= KEYRING_KEYS_MAX; id++) {
        struct secret key = secret_number(id);
        cr_assert(secret_equal(keyring_get(&k, id), &key));
    }
    keyring_done(&k);
    cr_assert_eq(memcmp(&k, &zero, sizeof k), 0);
}
