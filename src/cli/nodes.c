/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* covey nodes */
#include <covey/client.h>

#include "internal.h"

#define ANSWER_MS 15000

int cli_nodes(struct cli *c) {
    struct wire_admin_nodes nodes;
    struct buf out = {0};
    struct wire_admin_read_query q = {.consistent = c->options.consistent};
    int error =
        cli_call(c, "nodes", &wire_admin_read_query_type, &q, &wire_admin_nodes_type, &nodes, ANSWER_MS);
    if (error != 0)
        return cli_fail_call(c, error);
    if (c->options.json) {
        cli_print_json(&wire_admin_nodes_type, &nodes);
        return 0;
    }
    cli_view_nodes(&nodes, &out);
    cli_print(&out);
    buf_done(&out);
    cli_warn_stale(&nodes.freshness);
    return 0;
}
