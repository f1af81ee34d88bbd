/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include <covey/crypto.h>

#include <sodium.h>

/* The place of an id, or k->count. */
static size_t keyring_index(const struct keyring *k, uint8_t id) {
    size_t i = 0;
    while (i < k->count && k->keys[i].id != id)
        i++;
    return i;
}

int keyring_add(struct keyring *k, uint8_t id, const struct secret *key) {
    if (id == 0)
        return ERR_INVALID;
    const struct secret *known = keyring_get(k, id);
    if (known)
        return secret_equal(known, key) ? 0 : ERR_CONFLICT;
    if (k->count == KEYRING_KEYS_MAX)
        return ERR_LIMIT;
    k->keys[k->count++] = (struct keyring_key){.id = id, .key = *key};
    if (k->primary_id == 0)
        k->primary_id = id;
    return 0;
}

int keyring_use(struct keyring *k, uint8_t id) {
    if (!keyring_get(k, id))
        return ERR_NOT_FOUND;
    k->primary_id = id;
    return 0;
}

int keyring_drop(struct keyring *k, uint8_t id) {
    size_t at = keyring_index(k, id);
    if (at == k->count)
        return ERR_NOT_FOUND;
    if (id == k->primary_id)
        return ERR_CONFLICT;
    memmove(&k->keys[at], &k->keys[at + 1], (k->count - at - 1) * sizeof k->keys[0]);
    k->count--;
    sodium_memzero(&k->keys[k->count], sizeof k->keys[0]);
    return 0;
}

const struct secret *keyring_get(const struct keyring *k, uint8_t id) {
    size_t at = keyring_index(k, id);
    return at < k->count ? &k->keys[at].key : NULL;
}

void keyring_done(struct keyring *k) { sodium_memzero(k, sizeof *k); }
