/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Made-up answers of an agent, for golden texts. */
#ifndef WORLD_H
#define WORLD_H

#include "../../../src/cli/internal.h"

#define NOW_MS  INT64_C(1795237208000) /* 2026-11-21 05:00:08 UTC */
#define T(text) bytes_str(text)
/* The same where only a constant may stand. */
#define T_INIT(text)                                                                                         \
    { (const uint8_t *)(text), sizeof(text) - 1 }

static inline struct instance_id made_instance_id(uint8_t first) {
    return (struct instance_id){{first, 0x2b, 0x3c, 0x4d}};
}
static inline struct node_id made_node_id(uint8_t first) {
    return (struct node_id){{first, 0x99, 0x88, 0x77}};
}

/* Runs on host-a; wanted; placed 65 s ago. */
static inline struct wire_admin_instance made_instance(uint8_t first, uint32_t slot, uint64_t version,
                                                       enum instance_state state) {
    return (struct wire_admin_instance){.record = {.id = made_instance_id(first),
                                                   .job = T("web"),
                                                   .group = T("web"),
                                                   .slot = slot,
                                                   .version = version,
                                                   .state = state,
                                                   .placed_ms = NOW_MS - 65000},
                                        .node_name = T("host-a"),
                                        .addr = T("192.0.2.1")};
}

/* Compares and frees. */
#define EXPECT_TEXT(out, text)                                                                               \
    do {                                                                                                     \
        cr_assert_str_eq(buf_str(out), (text));                                                              \
        buf_done(out);                                                                                       \
    } while (0)

#endif
