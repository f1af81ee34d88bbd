/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* The file and its jobs. */
#include "job_reader.h"

/* ---- job ----------------------------------------------------------------------------------------------- */

static void read_type(struct job_reader *r, const struct hcl_item *item) {
    static const char *const types[] = {[JOB_TYPE_SERVICE] = "service", [JOB_TYPE_BATCH] = "batch"};
    struct bytes text = item->value->text;
    size_t index;
    if (item->value->kind == HCL_STRING && (bytes_is(text, "system") || bytes_is(text, "sysbatch")))
        hcl_diags_add(r->diags, ERR_UNSUPPORTED, item->value->at, "types here: service, batch",
                      "covey does not support the job type \"%s\" yet", hcl_show(r->arena, text));
    else if (job_choice(r, item, types, COUNT_OF(types), &index))
        r->job->type = (enum job_type)index;
}

/* Nearly every job file has ["dc1"] or ["*"]: a cluster of covey is one datacenter, so these say nothing. */
static void read_datacenters(struct job_reader *r, const struct hcl_item *item) {
    const struct hcl_expr *value = item->value, *first = value->first;
    if (value->kind != HCL_TUPLE || (first != NULL && first->kind != HCL_STRING)) {
        job_wrong_kind(r, item->name, value->kind != HCL_TUPLE ? value : first, "a list of strings");
        return;
    }
    if (value->count != 1 || (!bytes_is(first->text, "dc1") && !bytes_is(first->text, "*")))
        hcl_diags_add(r->diags, ERR_UNSUPPORTED, value->at, "leave `datacenters` out, or write [\"*\"]",
                      "covey has no datacenters: a job runs in the one cluster it is given to");
}

static void read_meta(struct job_reader *r, const struct hcl_item *item) {
    struct job_pairs meta = job_read_meta(r, item);
    r->job->meta = meta.pairs;
    r->job->meta_count = meta.count;
}

static void read_stray_task(struct job_reader *r, const struct hcl_item *item) {
    hcl_diags_add(r->diags, ERR_INVALID, item->at, "group \"name\" { ... } around it",
                  "a `task` stands in a group");
}

/* The type decides defaults of the groups, meta is named in their tasks: both come first. */
static const struct job_key job_keys[] = {
    {"datacenters", JOB_ATTR, 0, read_datacenters},
    {"group", JOB_BLOCKS, 1, job_read_group},
    {"meta", JOB_PAIRS, 0, read_meta},
    {"task", JOB_BLOCKS, 1, read_stray_task},
    {"type", JOB_ATTR, 0, read_type},
};
static const char *const job_refused[] = {
    "affinity",    "all_at_once", "constraint", "consul",    "consul_token", "dynamic",       "id",
    "migrate",     "multiregion", "name",       "namespace", "node_pool",    "parameterized", "periodic",
    "priority",    "region",      "reschedule", "spread",    "ui",           "update",        "vault",
    "vault_token", NULL,
};
static const struct job_section job_section = {"`job`", job_keys, COUNT_OF(job_keys), job_refused};

static void read_job(struct job_reader *r, const struct hcl_item *item) {
    if (r->jobs.count == JOBSPEC_JOBS_MAX) {
        hcl_diags_add(r->diags, ERR_LIMIT, item->at, NULL, "more than %d jobs in one file", JOBSPEC_JOBS_MAX);
        return;
    }
    if (!job_check_name(r, "job", item->labels->at, item->labels->text))
        return;
    size_t groups = job_blocks_count(item->body, "group");
    r->job = &r->jobs.jobs[r->jobs.count++];
    r->job->name = item->labels->text;
    r->job->groups = arena_alloc(r->arena, (groups + 1) * sizeof *r->job->groups);
    job_read_body(r, item->body, &job_section);
    if (groups == 0 && job_blocks_count(item->body, "task") == 0)
        hcl_diags_add(r->diags, ERR_INVALID, item->at, NULL, "job `%s` has no group",
                      hcl_show(r->arena, r->job->name));
    r->job = NULL;
}

/* ---- file ---------------------------------------------------------------------------------------------- */

static const struct job_key file_keys[] = {
    {"job", JOB_BLOCKS, 0, read_job},
};
static const char *const file_refused[] = {"dynamic", "locals", "variable", "variables", NULL};
static const struct job_section file_section = {"a job file", file_keys, COUNT_OF(file_keys), file_refused};

int jobspec_parse(const char *file, struct bytes text, struct arena *a, struct hcl_diags *diags,
                  struct jobspec_jobs *ret_jobs) {
    struct job_reader r = {.arena = a, .diags = diags};
    struct hcl_body *body;
    hcl_diags_init(diags, file, text, a);
    int code = hcl_parse(a, diags, &body);
    if (code != 0)
        return code;
    size_t jobs = job_blocks_count(body, "job");
    r.jobs.jobs = arena_alloc(a, (jobs + 1) * sizeof *r.jobs.jobs);
    job_read_body(&r, body, &file_section);
    if (body->count == 0)
        hcl_diags_add(diags, ERR_INVALID, body->end, "job \"name\" { ... }", "the file holds no job");
    arena_done(&r.scratch);
    code = hcl_diags_code(diags);
    if (code == 0)
        *ret_jobs = r.jobs;
    return code;
}
