/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include <covey/digest.h>

#define BUCKET_ITEMS 16

static size_t fold(size_t bucket, size_t buckets) { return bucket * buckets / DIGEST_BUCKETS; }

void digest_toggle(struct digest *d, size_t bucket, uint64_t fingerprint) { d->sums[bucket] ^= fingerprint; }

uint64_t digest_sum(const struct digest *d) {
    uint64_t sum = 0;
    for (size_t i = 0; i < DIGEST_BUCKETS; i++)
        sum ^= d->sums[i];
    return sum ? sum : 1;
}

size_t digest_buckets(size_t items) {
    size_t buckets = 1;
    while (buckets < DIGEST_BUCKETS && buckets * BUCKET_ITEMS < items)
        buckets *= 2;
    return buckets;
}

static void sums_fold(const struct digest *d, size_t buckets, uint64_t *out) {
    memset(out, 0, buckets * sizeof *out);
    for (size_t i = 0; i < DIGEST_BUCKETS; i++)
        out[fold(i, buckets)] ^= d->sums[i];
}

struct bytes digest_encode(const struct digest *d, size_t buckets,
                           uint8_t room[DIGEST_BUCKETS * DIGEST_SUM_SIZE]) {
    uint64_t sums[DIGEST_BUCKETS];
    sums_fold(d, buckets, sums);
    for (size_t i = 0; i < buckets; i++)
        u64_put(room + i * DIGEST_SUM_SIZE, sums[i]);
    return bytes_of(room, buckets * DIGEST_SUM_SIZE);
}

bool digest_is_sane(struct bytes sums) {
    size_t buckets = sums.size / DIGEST_SUM_SIZE;
    return sums.size % DIGEST_SUM_SIZE == 0 && buckets <= DIGEST_BUCKETS && is_power_of_two(buckets);
}

bool digest_compare(const struct digest *d, struct bytes sums, const size_t sizes[DIGEST_BUCKETS],
                    size_t from, size_t items_max, struct digest_difference *ret) {
    uint64_t own[DIGEST_BUCKETS];
    size_t folded[DIGEST_BUCKETS] = {0}, buckets = sums.size / DIGEST_SUM_SIZE;
    bool any = false;
    assert(digest_is_sane(sums));
    *ret = (struct digest_difference){.buckets = buckets};
    sums_fold(d, buckets, own);
    for (size_t i = 0; i < DIGEST_BUCKETS; i++)
        folded[fold(i, buckets)] += sizes[i];
    for (size_t i = 0; i < buckets && (ret->items == 0 || ret->items < items_max); i++) {
        size_t at = (from + i) % buckets;
        if (own[at] == u64_get(sums.data + at * DIGEST_SUM_SIZE))
            continue;
        ret->bits[at / 8] = (uint8_t)(ret->bits[at / 8] | 1 << at % 8);
        ret->items += folded[at];
        any = true;
    }
    return any;
}

struct bytes digest_bits(const struct digest_difference *d) {
    return bytes_of(d->bits, (d->buckets + 7) / 8);
}

bool digest_has(struct bytes bits, size_t buckets, size_t bucket) {
    size_t at = fold(bucket, buckets);
    return at / 8 < bits.size && (bits.data[at / 8] >> at % 8 & 1);
}
