/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Clocks. Nobody in the world sees true time. A host's lease clock (CLOCK_MONOTONIC_RAW plus what was slept)
 * begins somewhere with each boot and runs up to one percent too fast or too slow; its wall clock is set to
 * and fro by hours. What a core asks for on its own clock is converted here, both ways.
 */
#include "world.h"

#define PPM 1000000

static int64_t own_us(const struct sim_clock *c, int64_t true_us) {
    int64_t passed = true_us - c->true_base_us;
    return c->own_base_us + passed + passed * c->rate_ppm / PPM;
}

int64_t host_now_us(const struct world *w, const struct sim_host *h) { return own_us(&h->clock, w->now_us); }

int64_t host_wall_ms(const struct world *w, const struct sim_host *h) {
    return INT64_C(1700000000000) + w->now_us / US_PER_MS + h->clock.wall_offset_ms;
}

int64_t host_true_us(const struct sim_host *h, int64_t wanted_us) {
    const struct sim_clock *c = &h->clock;
    if (wanted_us <= c->own_base_us)
        return c->true_base_us;
    int64_t own = wanted_us - c->own_base_us;
    if (own > INT64_MAX / PPM)
        return TIME_NEVER_US;
    int64_t at = c->true_base_us + own * PPM / (PPM + c->rate_ppm);
    while (own_us(c, at) < wanted_us)
        at++;
    while (at > c->true_base_us && own_us(c, at - 1) >= wanted_us)
        at--;
    return at;
}

void clock_rate(struct world *w, struct sim_host *h, int32_t rate_ppm) {
    h->clock.own_base_us = host_now_us(w, h);
    h->clock.true_base_us = w->now_us;
    h->clock.rate_ppm = rate_ppm;
}

void clock_boot(struct world *w, struct sim_host *h) {
    int64_t since_boot_us = prng_between(&w->clock_prng, 5 * US_PER_S, 100 * US_PER_S);
    if (prng_chance(&w->clock_prng, 200000)) /* a machine that was asleep for long, or a container's host */
        since_boot_us = prng_between(&w->clock_prng, 0, 400 * 86400 * US_PER_S) + 5 * US_PER_S;
    h->clock.true_base_us = w->now_us;
    h->clock.own_base_us = since_boot_us;
}

void clock_wall_step(struct world *w, struct sim_host *h, int64_t step_ms) {
    world_say(w, h->index, "wall clock steps by %lld s", (long long)step_ms / 1000);
    h->clock.wall_offset_ms += step_ms;
}
