/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* What comes together is done together. */
#include <criterion/criterion.h>

#include "town.h"

TestSuite(node_together, .timeout = 60);

struct seen {
    unsigned writes, sends;
};

static void drained(struct node *n, struct seen *seen) {
    struct node_effect e;
    *seen = (struct seen){0};
    while (node_drain(n, &e)) {
        seen->writes += e.kind == NODE_DISK && e.op.kind == DISK_WRITE;
        seen->sends += e.kind == NODE_STREAM_SEND;
    }
}

Test(node_together, writes_that_came_together_are_one_batch_and_one_message_to_each_voter) {
    struct town t;
    struct seen seen;
    struct buf params = {0};
    size_t leader = town_calm(&t, 3);
    struct node *n = t.hosts[leader].node;
    for (unsigned i = 0; i < 20; i++) {
        struct wire_admin_var_put put = {.var = {.key = bytes_str("k"), .value = bytes_str("v")}};
        buf_clear(&params);
        codec_encode_named(&wire_admin_var_put_type, &put, &params);
        struct node_input in = {.kind = NODE_REQUEST,
                                .more = true,
                                .request = 7000 + i,
                                .method = bytes_str("var.put"),
                                .data = buf_bytes(&params)};
        node_feed(n, t.now_us, &in);
        drained(n, &seen);
        cr_assert_eq(seen.writes + seen.sends, 0, "it did not wait for those that follow");
    }
    uint64_t before = raft_last_index(node_raft(n));
    node_feed(n, t.now_us, &(struct node_input){.kind = NODE_TICK});
    drained(n, &seen);
    cr_assert_eq(raft_last_index(node_raft(n)) - before, 20);
    cr_assert_eq(seen.writes, 1);
    cr_assert_eq(seen.sends, 2);
    buf_done(&params);
    town_done(&t);
}
