/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* covey status [JOB] */
#include <covey/client.h>

#include "internal.h"

#define ANSWER_MS 15000

static int job_status(struct cli *c, const char *name) {
    struct wire_admin_job_query q = {.name = bytes_str(name), .consistent = c->options.consistent};
    struct wire_admin_job_status s;
    struct buf out = {0};
    int error =
        cli_call(c, "job", &wire_admin_job_query_type, &q, &wire_admin_job_status_type, &s, ANSWER_MS);
    if (error == ERR_NOT_FOUND)
        return cli_fail(c, error, "there is no job %s; `covey status` lists the jobs", name);
    if (error != 0)
        return cli_fail_call(c, error);
    if (c->options.json) {
        cli_print_json(&wire_admin_job_status_type, &s);
        return 0;
    }
    cli_view_job(&s, c->options.all, cli_now_ms(), &out);
    cli_print(&out);
    buf_done(&out);
    return 0;
}

int cli_status(struct cli *c) {
    struct wire_admin_status s;
    struct wire_admin_jobs jobs = {0};
    struct buf out = {0};
    if (c->options.operands_count > 0)
        return job_status(c, c->options.operands[0]);
    struct wire_admin_read_query q = {.consistent = c->options.consistent};
    int error =
        cli_call(c, "status", &wire_admin_read_query_type, &q, &wire_admin_status_type, &s, ANSWER_MS);
    if (error == 0 && s.jobs > 0)
        error = cli_call(c, "jobs", &wire_admin_read_query_type, &q, &wire_admin_jobs_type, &jobs, ANSWER_MS);
    if (error != 0)
        return cli_fail_call(c, error);
    if (c->options.json) {
        cli_json_status(&s, &jobs, &out);
    } else {
        cli_view_status(&s, &out);
        if (jobs.jobs_count > 0) {
            buf_append_byte(&out, '\n');
            cli_view_jobs(&jobs, &out);
        }
    }
    cli_print(&out);
    buf_done(&out);
    return 0;
}
