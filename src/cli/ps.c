/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* covey ps */
#include <covey/client.h>

#include "internal.h"

#define ANSWER_MS 15000

static struct bytes text_or_none(const char *text) {
    return text != NULL ? bytes_str(text) : (struct bytes){0};
}

int cli_ps(struct cli *c) {
    const char *job = c->options.operands_count > 0 ? c->options.operands[0] : c->options.job;
    struct wire_admin_ps_query q = {.job = text_or_none(job),
                                    .all = c->options.all,
                                    .node = text_or_none(c->options.node),
                                    .consistent = c->options.consistent};
    struct wire_admin_ps ps;
    struct buf out = {0};
    if (c->options.operands_count > 0 && c->options.job != NULL)
        return cli_fail(c, ERR_INVALID, "the job is given twice: leave out --job or %s",
                        c->options.operands[0]);
    int error = cli_call(c, "ps", &wire_admin_ps_query_type, &q, &wire_admin_ps_type, &ps, ANSWER_MS);
    if (error != 0)
        return cli_fail_call(c, error);
    if (c->options.json) {
        cli_print_json(&wire_admin_ps_type, &ps);
        return 0;
    }
    cli_view_ps(&ps, cli_now_ms(), &out);
    cli_print(&out);
    buf_done(&out);
    cli_warn_stale(&ps.freshness);
    return 0;
}
