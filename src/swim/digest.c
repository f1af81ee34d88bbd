/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * A table in few bytes (covey/digest.h). Each living member (alive or suspect, oneself too) is an item. The
 * dead and the left are no part of it: they are remembered for different times, and nobody is told of a dead
 * member that he never knew.
 *
 * The card counts, too: a version is told on without it when the card is no news any more, or is heard from
 * an accuser, and whoever missed the card would look for the member where it was.
 */

#include "internal.h"

static uint64_t id_hash(struct node_id id) {
    return u64_mix(u64_get(id.b) ^ u64_mix(u64_get(id.b + 8) + UINT64_C(0x9e3779b97f4a7c15)));
}

size_t swim_bucket(struct node_id id) { return (size_t)(id_hash(id) >> 56); }

uint64_t swim_fingerprint(const struct member *m) {
    uint64_t incarnation = (uint64_t)m->incarnation.generation << 32 | m->incarnation.version;
    return u64_mix(u64_mix(id_hash(swim_id(m)) ^ incarnation) + ((uint64_t)m->card->since << 2 | m->state));
}

void swim_sums_toggle(struct swim *s, const struct member *m) {
    digest_toggle(&s->digest, swim_bucket(swim_id(m)), swim_fingerprint(m));
}

uint64_t swim_sum(const struct swim *s) { return digest_sum(&s->digest); }
