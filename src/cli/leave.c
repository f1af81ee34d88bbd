/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* covey leave */
#include <stdio.h>

#include <covey/client.h>

#include "internal.h"

#define LEAVE_MS 180000 /* the agent itself gives up after two minutes */

int cli_leave(struct cli *c) {
    struct wire_empty none = {0}, result;
    if (cli_connect(c) == 0 && !c->options.json)
        fprintf(stderr,
                "moving this host's instances and its vote to other hosts; this may take two minutes\n");
    int error = cli_call(c, "leave", &wire_empty_type, &none, &wire_empty_type, &result, LEAVE_MS);
    if (error == ERR_CLOSED)
        return cli_fail(
            c, error,
            "the agent ended before it answered; `covey nodes` on another host shows whether this one left");
    if (error != 0)
        return cli_fail_call(c, error);
    printf(c->options.json ? "{}\n" : "this host has left the cluster; its agent has ended\n");
    return 0;
}
