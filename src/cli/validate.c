/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* covey validate FILE... */
#include <stdio.h>

#include <covey/jobspec.h>

#include "internal.h"

static void put_jobs(const struct jobspec_jobs *jobs, bool json, struct buf *out) {
    for (size_t i = 0; i < jobs->count; i++) {
        const struct wire_job *j = &jobs->jobs[i];
        unsigned long long instances = 0;
        for (size_t g = 0; g < j->groups_count; g++)
            instances += j->groups[g].count;
        buf_printf(out, "%s", i > 0 ? json ? "," : ", " : "");
        if (json)
            codec_to_json(&wire_job_type, j, out);
        else
            buf_printf(out, "%.*s (%s, %llu instance%s)", BYTES_FMT(j->name), job_type_str(j->type),
                       instances, instances == 1 ? "" : "s");
    }
}

static void print_valid(struct cli *c, const char *path, const struct jobspec_jobs *jobs) {
    struct buf out = {0};
    if (c->options.json) {
        buf_printf(&out, "{\"file\":");
        codec_json_str(&out, bytes_str(path));
        buf_printf(&out, ",\"valid\":true,\"jobs\":[");
        put_jobs(jobs, true, &out);
        buf_printf(&out, "]}\n");
    } else {
        buf_printf(&out, "%s: valid: ", path);
        put_jobs(jobs, false, &out);
        buf_append_byte(&out, '\n');
    }
    cli_print(&out);
    buf_done(&out);
}

static void print_invalid(struct cli *c, const char *path, const struct hcl_diags *diags) {
    struct buf out = {0};
    hcl_diags_print(diags, &out);
    fwrite(out.data, 1, out.size, stderr);
    buf_clear(&out);
    if (c->options.json) {
        buf_printf(&out, "{\"file\":");
        codec_json_str(&out, bytes_str(path));
        buf_printf(&out, ",\"valid\":false,\"diagnostics\":[");
        for (size_t i = 0; i < diags->count; i++) {
            const struct hcl_diag *d = &diags->list[i];
            buf_printf(&out, "%s{\"line\":%u,\"column\":%u,\"message\":", i > 0 ? "," : "", d->at.line,
                       d->at.column);
            codec_json_str(&out, bytes_str(d->message));
            buf_append_byte(&out, '}');
        }
        buf_printf(&out, "]}\n");
        cli_print(&out);
    }
    buf_done(&out);
}

static int validate_one(struct cli *c, const char *path) {
    struct jobspec_jobs jobs;
    struct hcl_diags diags;
    struct bytes text;
    if (cli_read_file(c, path, HCL_FILE_SIZE_MAX, &text) != 0)
        return cli_fail(c, ERR_INVALID, "%s", c->text);
    int error = jobspec_parse(strcmp(path, "-") == 0 ? "stdin" : path, text, &c->arena, &diags, &jobs);
    if (error == 0)
        print_valid(c, path, &jobs);
    else
        print_invalid(c, path, &diags);
    return err_exit(error);
}

int cli_validate(struct cli *c) {
    int status = 0;
    for (size_t i = 0; i < c->options.operands_count; i++) {
        int one = validate_one(c, c->options.operands[i]);
        if (status == 0)
            status = one;
    }
    return status;
}
