/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Job files and configuration files from anybody. Whatever the bytes are: every diagnostic points to a place
 * in them, printing it gives text, and an accepted job is one that the codec accepts and whose tasks have an
 * environment.
 */
#include "covey/codec.h"
#include "covey/jobspec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_diags(const struct hcl_diags *d) {
    struct buf out = {0};
    for (size_t i = 0; i < d->count; i++) {
        assert(d->list[i].at.offset <= d->text.size &&
               d->list[i].at.size <= d->text.size - d->list[i].at.offset);
        assert(d->list[i].at.line > 0 && d->list[i].at.column > 0 && d->list[i].code < 0);
    }
    hcl_diags_print(d, &out);
    for (size_t i = 0; i < out.size; i++)
        assert(out.data[i] >= 0x20 || out.data[i] == '\n' || out.data[i] == '\t');
    buf_done(&out);
}

static void check_task(const struct wire_job *job, const struct wire_group *group,
                       const struct wire_task *task, struct arena *a) {
    const struct jobspec_place place = {.job = job, .group = group, .task = task, .ip = bytes_str("::1")};
    struct buf out = {0};
    struct wire_pair *env;
    size_t count;
    int code = jobspec_env(&place, a, &env, &count);
    assert(code == 0 || code == ERR_LIMIT); /* real values are longer than those of the check */
    if (code == 0) {
        code = jobspec_expand(task->command, env, count, &out);
        assert(code == 0 || code == ERR_LIMIT);
    }
    for (size_t i = 0; code == 0 && i < task->args_count; i++) {
        int arg_code = jobspec_expand(task->args[i], env, count, &out);
        assert(arg_code == 0 || arg_code == ERR_LIMIT);
        buf_clear(&out);
    }
    buf_done(&out);
}

static void check_job(const struct wire_job *job, struct arena *a) {
    assert(codec_check(&wire_job_type, job, NULL) == 0);
    for (size_t i = 0; i < job->groups_count; i++)
        for (size_t k = 0; k < job->groups[i].tasks_count; k++)
            check_task(job, &job->groups[i], &job->groups[i].tasks[k], a);
}

static void run_job(struct bytes text) {
    struct arena a = {0};
    struct hcl_diags diags;
    struct jobspec_jobs jobs;
    int code = jobspec_parse("fuzz.hcl", text, &a, &diags, &jobs);
    assert(code == hcl_diags_code(&diags));
    check_diags(&diags);
    assert(code != 0 || jobs.count > 0);
    for (size_t i = 0; code == 0 && i < jobs.count; i++)
        check_job(&jobs.jobs[i], &a);
    arena_done(&a);
}

static void run_config(struct bytes text) {
    static const struct hcl_config_key keys[] = {
        {.name = "name", .kind = HCL_CONFIG_STRING},
        {.name = "join", .kind = HCL_CONFIG_LIST},
        {.name = "verbose", .kind = HCL_CONFIG_BOOL},
        {.name = "port", .kind = HCL_CONFIG_INT, .integer_max = 65535},
        {.name = "meta", .kind = HCL_CONFIG_MAP},
        {.name = "timeout", .kind = HCL_CONFIG_DURATION},
    };
    struct arena a = {0};
    struct hcl_diags diags;
    struct hcl_config_value values[sizeof keys / sizeof keys[0]];
    hcl_diags_init(&diags, "fuzz.hcl", text, &a);
    int code = hcl_config_parse(keys, sizeof keys / sizeof keys[0], &a, &diags, values);
    assert(code == hcl_diags_code(&diags));
    check_diags(&diags);
    arena_done(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    run_job(bytes_of(data, size));
    run_config(bytes_of(data, size));
    return 0;
}
