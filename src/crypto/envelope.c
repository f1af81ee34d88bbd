/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The envelope of a gossip packet; drawn in covey/crypto.h.
 *
 * The nonce is random: 192 bits make a repetition impossible in practice whatever the hosts do, where a
 * counter would have to survive every crash and every restored backup. The sequence is 64 bits wide because
 * 32 would wrap after 50 days at a thousand packets a second.
 */
#include "hash.h"

#include <sodium.h>

#define NONCE_SIZE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_SIZE   crypto_aead_xchacha20poly1305_ietf_ABYTES
#define CLEAR_SIZE (2 + NONCE_SIZE)
#define INNER_SIZE (ID_SIZE + 4 + 8)
#define AD_SIZE    (2 + ID_SIZE + ID_SIZE)

static_assert(CLEAR_SIZE + INNER_SIZE + TAG_SIZE == ENVELOPE_OVERHEAD, "the header says so");

static void envelope_ad(const uint8_t clear[2], const struct cluster_id *cluster,
                        const struct node_id *receiver, uint8_t ad[AD_SIZE]) {
    memcpy(ad, clear, 2);
    memcpy(ad + 2, cluster->b, ID_SIZE);
    if (clear[0] & ENVELOPE_TO_ANYONE)
        memset(ad + 2 + ID_SIZE, 0, ID_SIZE);
    else
        memcpy(ad + 2 + ID_SIZE, receiver->b, ID_SIZE);
}

int envelope_seal(const struct keyring *keys, const struct cluster_id *cluster, struct csprng *rng,
                  const struct envelope *head, struct bytes payload, struct buf *out) {
    assert(!ID_IS_ZERO(head->sender));
    if (payload.size > ENVELOPE_PAYLOAD_MAX)
        return ERR_LIMIT;
    const struct secret *key = keyring_get(keys, keys->primary_id);
    if (!key)
        return ERR_NOT_FOUND;

    buf_reserve(out, ENVELOPE_OVERHEAD + payload.size);
    uint8_t *packet = out->data + out->size, *inner = packet + CLEAR_SIZE, ad[AD_SIZE];
    packet[0] = ENVELOPE_VERSION | (ID_IS_ZERO(head->receiver) ? ENVELOPE_TO_ANYONE : 0);
    packet[1] = keys->primary_id;
    csprng_fill(rng, packet + 2, NONCE_SIZE);
    memcpy(inner, head->sender.b, ID_SIZE);
    put_be32(inner + ID_SIZE, head->boot);
    put_be64(inner + ID_SIZE + 4, head->sequence);
    mem_copy(inner + INNER_SIZE, payload.data, payload.size);
    envelope_ad(packet, cluster, &head->receiver, ad);
    crypto_aead_xchacha20poly1305_ietf_encrypt(inner, NULL, inner, INNER_SIZE + payload.size, ad, sizeof ad,
                                               NULL, packet + 2, key->b);
    out->size += ENVELOPE_OVERHEAD + payload.size;
    return 0;
}

/* What can be said without a key. */
static int envelope_check(struct bytes packet) {
    if (packet.size == 0)
        return ERR_INVALID;
    if ((packet.data[0] & ~ENVELOPE_TO_ANYONE) != ENVELOPE_VERSION)
        return ERR_VERSION;
    if (packet.size < ENVELOPE_OVERHEAD)
        return ERR_INVALID;
    return packet.size > ENVELOPE_PACKET_MAX ? ERR_LIMIT : 0;
}

int envelope_open(const struct keyring *keys, const struct cluster_id *cluster, const struct node_id *own,
                  struct bytes packet, struct buf *plain, struct envelope *ret_head,
                  struct bytes *ret_payload) {
    int err = envelope_check(packet);
    if (err)
        return err;
    const struct secret *key = keyring_get(keys, packet.data[1]);
    if (!key)
        return ERR_NOT_FOUND;

    size_t sealed_size = packet.size - CLEAR_SIZE, inner_size = sealed_size - TAG_SIZE;
    uint8_t ad[AD_SIZE];
    envelope_ad(packet.data, cluster, own, ad);
    buf_clear(plain);
    buf_reserve(plain, inner_size);
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain->data, NULL, NULL, packet.data + CLEAR_SIZE,
                                                   sealed_size, ad, sizeof ad, packet.data + 2, key->b) != 0)
        return ERR_DENIED;

    struct envelope head = {0};
    memcpy(head.sender.b, plain->data, ID_SIZE);
    if (!(packet.data[0] & ENVELOPE_TO_ANYONE))
        head.receiver = *own;
    head.boot = get_be32(plain->data + ID_SIZE);
    head.sequence = get_be64(plain->data + ID_SIZE + 4);
    if (ID_IS_ZERO(head.sender))
        return ERR_INVALID;
    if (ID_EQUAL(head.sender, *own))
        return ERR_CONFLICT;
    plain->size = inner_size;
    *ret_head = head;
    *ret_payload = bytes_of(plain->data + INNER_SIZE, inner_size - INNER_SIZE);
    return 0;
}
