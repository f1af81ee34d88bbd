/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "covey/base.h"

/* xoshiro256** 1.0 and splitmix64: D. Blackman and S. Vigna, "Scrambled Linear Pseudorandom Number
 * Generators". */

__extension__ typedef unsigned __int128 wide;

static uint64_t rotated_left(uint64_t x, unsigned bits) { return (x << bits) | (x >> (64 - bits)); }

static uint64_t splitmix64(uint64_t *state) { return u64_mix(*state += UINT64_C(0x9e3779b97f4a7c15)); }

void prng_init(struct prng *p, uint64_t seed) {
    for (size_t i = 0; i < 4; i++)
        p->s[i] = splitmix64(&seed);
}

uint64_t prng_next(struct prng *p) {
    uint64_t *s = p->s;
    uint64_t result = rotated_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotated_left(s[3], 45);
    return result;
}

/* D. Lemire, "Fast Random Integer Generation in an Interval": a division only where a draw may be biased. */
uint64_t prng_below(struct prng *p, uint64_t bound) {
    assert(bound > 0);
    wide product = (wide)prng_next(p) * bound;
    if ((uint64_t)product < bound) {
        uint64_t threshold = (0 - bound) % bound;
        while ((uint64_t)product < threshold)
            product = (wide)prng_next(p) * bound;
    }
    return (uint64_t)(product >> 64);
}

int64_t prng_between(struct prng *p, int64_t low, int64_t high) {
    assert(low <= high);
    uint64_t span = (uint64_t)high - (uint64_t)low + 1;
    uint64_t draw = span ? prng_below(p, span) : prng_next(p);
    return (int64_t)((uint64_t)low + draw);
}

bool prng_chance(struct prng *p, uint32_t millionths) { return prng_below(p, 1000000) < millionths; }

void prng_fill(struct prng *p, void *out, size_t size_bytes) {
    uint8_t *at = out;
    while (size_bytes) {
        uint64_t draw = prng_next(p);
        for (size_t i = 0; i < 8 && size_bytes; i++, size_bytes--, draw >>= 8)
            *at++ = (uint8_t)draw;
    }
}

struct prng prng_split(struct prng *p) {
    struct prng stream;
    prng_init(&stream, prng_next(p));
    return stream;
}
