/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* covey ps */
#include <covey/client.h>

#include "internal.h"

#define ANSWER_MS 15000

static struct bytes text_or_none(const char *text) {
    return text != NULL ? bytes_str(text) : (struct bytes){0};
}

/* An empty table is told from a wrong name. */
static void names_check(struct cli *c, const struct wire_admin_ps_query *q) {
    struct wire_admin_job_query job = {.name = q->job};
    struct wire_admin_read_query all = {0};
    struct wire_admin_job_status status;
    struct wire_admin_nodes nodes;
    if (q->job.size > 0 && cli_call(c, "job", &wire_admin_job_query_type, &job, &wire_admin_job_status_type,
                                    &status, ANSWER_MS) == ERR_NOT_FOUND)
        cli_fail(c, ERR_NOT_FOUND, "there is no job %.*s; `covey status` lists the jobs", BYTES_FMT(q->job));
    if (q->node.size > 0 && cli_call(c, "nodes", &wire_admin_read_query_type, &all, &wire_admin_nodes_type,
                                     &nodes, ANSWER_MS) == 0) {
        bool is_known = false;
        for (size_t i = 0; i < nodes.nodes_count; i++)
            is_known |= cli_node_called(&nodes.nodes[i], c->options.node);
        if (!is_known)
            cli_fail(c, ERR_NOT_FOUND, "there is no host %s; `covey nodes` lists them", c->options.node);
    }
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
    if (ps.instances_count == 0)
        names_check(c, &q);
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
