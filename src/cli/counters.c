/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* covey counters */
#include <covey/client.h>

#include "internal.h"

#define ANSWER_MS 15000

int cli_counters(struct cli *c) {
    struct wire_admin_counters counters;
    struct buf out = {0};
    int error = cli_call(c, "counters", &wire_empty_type, &(struct wire_empty){0}, &wire_admin_counters_type,
                         &counters, ANSWER_MS);
    if (error != 0)
        return cli_fail_call(c, error);
    if (c->options.json) {
        cli_print_json(&wire_admin_counters_type, &counters);
        return 0;
    }
    if (c->options.prometheus)
        cli_view_prometheus(&counters, &out);
    else
        cli_view_counters(&counters, c->options.all, &out);
    cli_print(&out);
    buf_done(&out);
    return 0;
}
