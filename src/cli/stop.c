/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* covey stop */
#include <stdio.h>

#include <covey/client.h>

#include "wait.h"

static int wait_for(struct cli *c, struct bytes job, int64_t deadline_us) {
    struct cli_line line = {0};
    struct arena a = {0};
    struct wire_admin_job_status status = {0};
    uint64_t index = 0;
    bool is_over = false;
    int error = 0;
    while (error == 0 && !is_over && cli_now_us() < deadline_us) {
        struct buf progress = {0};
        error = cli_poll_job(c, job, &index, &a, &status, deadline_us);
        if (error == 0) {
            /* Until this host knows of the stop, nothing follows from what is over. */
            is_over = cli_view_stopping(&status, &progress) && status.record.stopped;
            if (status.record.stopped)
                cli_line_show(c, &line, &progress);
        }
        buf_done(&progress);
    }
    cli_line_done(&line);
    int exit_status = 0;
    if (error == 0 && is_over && c->options.json)
        cli_print_json(&wire_admin_job_status_type, &status);
    else if (error == 0 && !is_over)
        exit_status =
            cli_fail(c, ERR_TIMEOUT, "it did not end in time; `covey status %.*s` shows what still runs",
                     BYTES_FMT(job));
    else if (error != 0 && error != ERR_NOT_FOUND) /* stopped and forgotten is stopped */
        exit_status = cli_fail_call(c, error);
    arena_done(&a);
    return exit_status;
}

int cli_stop(struct cli *c) {
    struct wire_admin_stop params = {.request = cli_request_id(), .name = bytes_str(c->options.operands[0])};
    struct wire_admin_write_result result;
    int64_t deadline_us = cli_now_us() + c->options.timeout_us;
    int error = cli_write(c, "stop", &wire_admin_stop_type, &params, &wire_admin_write_result_type, &result,
                          deadline_us);
    if (error == ERR_NOT_FOUND)
        return cli_fail(c, error, "there is no job %s; `covey status` lists the jobs",
                        c->options.operands[0]);
    if (error != 0)
        return cli_fail_call(c, error);
    if (!c->options.detach)
        return wait_for(c, params.name, deadline_us);
    if (c->options.json)
        cli_print_json(&wire_admin_write_result_type, &result);
    else
        printf("%s: told to stop\n", c->options.operands[0]);
    return 0;
}
