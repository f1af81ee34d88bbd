/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* What this agent has been through since it started: its marks (covey/mark.h), for operators. */
#include "internal.h"

void node_read_counters(struct node *n, uint64_t request) {
    struct wire_admin_counters r = {.counters = arena_alloc(&n->scratch, MARKS_COUNT * sizeof *r.counters)};
    for (int i = 0; n->marks != NULL && i < MARKS_COUNT; i++)
        r.counters[r.counters_count++] =
            (struct wire_admin_counter){.name = bytes_str(mark_name((enum mark)i)),
                                        .text = bytes_str(mark_text((enum mark)i)),
                                        .count = n->marks->hits[i]};
    node_reply(n, request, &wire_admin_counters_type, &r);
}
