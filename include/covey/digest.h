/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Digests: what two hosts hold compared, at a price that goes by the difference. Each item has a fingerprint
 * of 64 bits and belongs to one of 256 buckets; a bucket's sum is the exclusive or of its fingerprints, kept
 * up with each change. Sums of fewer buckets, 2^k, are made by folding. The tables of swim and the facts of
 * gossip are compared so; what an item is, and what is told of those that differ, is theirs.
 *
 * PURE.
 */
#ifndef COVEY_DIGEST_H
#define COVEY_DIGEST_H

#include <covey/base.h>

#define DIGEST_BUCKETS  256
#define DIGEST_SUM_SIZE 8 /* big-endian */

struct digest {
    uint64_t sums[DIGEST_BUCKETS];
};
/* Buckets of which two digests have different sums; of buckets folded to so many. */
struct digest_difference {
    size_t buckets;
    uint8_t bits[DIGEST_BUCKETS / 8];
    size_t items; /* that are in them here */
};

/* In or out: twice undoes it. */
void digest_toggle(struct digest *d, size_t bucket, uint64_t fingerprint);
/* Of everything; never 0, which is absent on the wire. */
uint64_t digest_sum(const struct digest *d);

/* How many buckets so many items are told in: about 16 items each. */
size_t digest_buckets(size_t items);
/* The sums of so many buckets, in `room`. */
struct bytes digest_encode(const struct digest *d, size_t buckets,
                           uint8_t room[DIGEST_BUCKETS * DIGEST_SUM_SIZE]);
/* Such a field from the wire: of 1, 2, 4 .. 256 buckets. */
bool digest_is_sane(struct bytes sums);

/*
 * What differs from the sums of another one, which are sane: buckets from number `from` on until so many
 * items are in them, and one at least. sizes: the items of each of the 256 buckets. false: nothing differs.
 */
bool digest_compare(const struct digest *d, struct bytes sums, const size_t sizes[DIGEST_BUCKETS],
                    size_t from, size_t items_max, struct digest_difference *ret);
struct bytes digest_bits(const struct digest_difference *d);
/* Is this one of the 256 buckets among those, of so many? */
bool digest_has(struct bytes bits, size_t buckets, size_t bucket);

#endif
