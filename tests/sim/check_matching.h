/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Every entry that anybody was ever seen to have, by index and term: kept by the checker "log-matching". */
#ifndef SIM_CHECK_MATCHING_H
#define SIM_CHECK_MATCHING_H

#include "checker.h"

struct entry_seen {
    uint64_t term, prev_term;
    int64_t at_us;  /* when it was first seen: its leader had just made it */
    uint32_t crc;   /* of kind and data */
    bool crc_known; /* bytes are seen in messages and when written, terms alone in every log */
    bool is_config;
    struct bytes data; /* of a configuration: owned */
};
/* NULL when none was seen. */
const struct entry_seen *entry_find(struct world *w, uint64_t index, uint64_t term);

/* The host writes it to its log. */
void entry_written(struct world *w, const struct sim_host *h, const struct wire_raft_entry *entry);

extern const struct checker check_matching;

#endif
