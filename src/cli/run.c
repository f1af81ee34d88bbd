/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* covey run: jobs of a file to the leader, then waiting for them to come up. */
#include <stdio.h>

#include <covey/client.h>
#include <covey/jobspec.h>

#include "wait.h"

struct submitted {
    const struct wire_job *job;
    struct wire_admin_run_result result;
};

static int file_parse(struct cli *c, const char *path, struct jobspec_jobs *ret) {
    struct hcl_diags diags;
    struct bytes text;
    if (cli_read_file(c, path, HCL_FILE_SIZE_MAX, &text) != 0)
        return cli_fail(c, ERR_INVALID, "%s", c->text);
    int error = jobspec_parse(strcmp(path, "-") == 0 ? "stdin" : path, text, &c->arena, &diags, ret);
    if (error == 0)
        return 0;
    struct buf out = {0};
    hcl_diags_print(&diags, &out);
    fwrite(out.data, 1, out.size, stderr);
    buf_done(&out);
    return err_exit(error);
}

static int submit(struct cli *c, struct submitted *s, int64_t deadline_us) {
    struct wire_admin_run params = {.request = cli_request_id(), .job = *s->job};
    int error = cli_write(c, "run", &wire_admin_run_type, &params, &wire_admin_run_result_type, &s->result,
                          deadline_us);
    if (error != 0)
        return cli_fail_call(c, error);
    if (c->options.json) {
        if (c->options.detach)
            cli_print_json(&wire_admin_run_result_type, &s->result);
        return 0;
    }
    printf("%.*s: version %llu %s\n", BYTES_FMT(s->job->name), (unsigned long long)s->result.version,
           s->result.changed ? "submitted" : "is there already");
    fflush(stdout);
    return 0;
}

/* ---- waiting ------------------------------------------------------------------------------------------- */

static int over_done(struct cli *c, const struct submitted *s, const struct wire_admin_job_status *status) {
    if (c->options.json) {
        cli_print_json(&wire_admin_job_status_type, status);
        return 0;
    }
    printf("%.*s: version %llu %s; `covey status %.*s` shows where, `covey logs %.*s` prints its output\n",
           BYTES_FMT(s->job->name), (unsigned long long)s->result.version,
           s->job->type == JOB_TYPE_BATCH ? "is complete" : "runs", BYTES_FMT(s->job->name),
           BYTES_FMT(s->job->name));
    return 0;
}

static int over_late(struct cli *c, const struct submitted *s, const struct cli_watch *w) {
    struct buf waited = {0}, progress = {0};
    int code = w->no_fit ? ERR_NO_FIT : w->has_failed ? ERR_FAILED : ERR_TIMEOUT;
    duration_append(&waited, c->options.timeout_us);
    buf_append(&progress, w->progress.data, w->progress.size);
    int status = cli_fail(
        c, code, "not done after %s: %s. It stays submitted; `covey status %.*s` shows how it goes on",
        buf_str(&waited), progress.size > 0 ? buf_str(&progress) : "nothing is known of it yet",
        BYTES_FMT(s->job->name));
    buf_done(&waited);
    buf_done(&progress);
    return status;
}

static int over(struct cli *c, const struct submitted *s, const struct cli_watch *w, enum cli_verdict verdict,
                const struct wire_admin_job_status *status) {
    switch (verdict) {
    case CLI_DONE: return over_done(c, s, status);
    case CLI_FAILED:
        return cli_fail(c, ERR_FAILED, "%.*s failed; `covey status %.*s` lists its instances",
                        BYTES_FMT(s->job->name), BYTES_FMT(s->job->name));
    case CLI_REPLACED:
        return cli_fail(c, ERR_CONFLICT,
                        "%.*s is no longer what was submitted here; `covey status %.*s` shows what it is",
                        BYTES_FMT(s->job->name), BYTES_FMT(s->job->name));
    case CLI_WAIT: break;
    }
    return over_late(c, s, w);
}

static int wait_for(struct cli *c, const struct submitted *s, int64_t deadline_us) {
    struct cli_watch w = {.job = s->job->name, .version = s->result.version};
    struct cli_line line = {0};
    struct arena a = {0};
    struct wire_admin_job_status status;
    enum cli_verdict verdict = CLI_WAIT;
    uint64_t index = 0;
    int error;
    do {
        error = cli_poll_job(c, s->job->name, &index, &a, &status, deadline_us);
        if (error != 0 && error != ERR_NOT_FOUND) /* submitted, and not yet known to this host */
            break;
        if (error == 0) {
            verdict = cli_watch_feed(&w, &status, cli_now_us());
            cli_line_show(c, &line, &w.progress);
            if (w.notices.size > 0)
                cli_line_notice(c, &line, &w.notices);
        }
        error = 0;
    } while (verdict == CLI_WAIT && cli_now_us() < deadline_us);
    cli_line_done(&line);
    int exit_status = error != 0 ? cli_fail_call(c, error) : over(c, s, &w, verdict, &status);
    cli_watch_done(&w);
    arena_done(&a);
    return exit_status;
}

int cli_run(struct cli *c) {
    struct jobspec_jobs jobs = {0};
    int64_t deadline_us = cli_now_us() + c->options.timeout_us;
    int status = file_parse(c, c->options.operands[0], &jobs);
    struct submitted *all = arena_alloc(&c->arena, (jobs.count + 1) * sizeof *all);
    for (size_t i = 0; i < jobs.count && status == 0; i++) {
        all[i].job = &jobs.jobs[i];
        status = submit(c, &all[i], deadline_us);
    }
    if (status != 0 || c->options.detach)
        return status;
    for (size_t i = 0; i < jobs.count; i++) {
        int one = wait_for(c, &all[i], deadline_us);
        if (status == 0)
            status = one;
    }
    return status;
}
