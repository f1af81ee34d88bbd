/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Who could hear whom, and since when: the truth about the network and the hosts that the checkers of
 * membership, replacement and reads compare beliefs with.
 */
#ifndef SIM_LINKS_H
#define SIM_LINKS_H

#include "checker.h"

struct links {
    /* 0: not at the moment. */
    int64_t good_us[HOSTS_MAX][HOSTS_MAX]; /* both ways pass, without loss or long delays, both agents run */
    /* The good time before: from, until. */
    int64_t good_from_us[HOSTS_MAX][HOSTS_MAX], good_until_us[HOSTS_MAX][HOSTS_MAX];
    int64_t up_us[HOSTS_MAX];               /* its agent runs, and nothing has stopped it */
    int64_t down_us[HOSTS_MAX];             /* it has had no agent */
    int64_t heard_us[HOSTS_MAX][HOSTS_MAX]; /* [a][b]: a's agent last took anything that b had sent */
};
extern const struct checker observe_links;

struct links *links_of(struct world *w);
/* Both have been up and well connected to each other for `for_us`. */
bool links_good(struct world *w, uint32_t a, uint32_t b, int64_t for_us);
/* The host has been up for `for_us` and well connected to every host that runs. */
bool links_steady(struct world *w, uint32_t host, int64_t for_us);

#endif
