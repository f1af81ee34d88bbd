/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Job files that are right, and what becomes of them. */
#include <criterion/criterion.h>
#include <dirent.h>

#include "covey/codec.h"
#include "covey/jobspec.h"
#include "dump.h"

struct read {
    struct arena arena;
    struct hcl_diags diags;
    struct jobspec_jobs jobs;
    int code;
};

static void read_init(struct read *r, struct bytes text) {
    memset(r, 0, sizeof *r);
    r->code = jobspec_parse("t.hcl", text, &r->arena, &r->diags, &r->jobs);
    struct buf out = {0};
    hcl_diags_print(&r->diags, &out);
    cr_assert_eq(r->code, 0, "%.*s\n%s", BYTES_FMT(text), buf_str(&out));
    buf_done(&out);
}

static void read_done(struct read *r) { arena_done(&r->arena); }

/* A job around the inside of a task. */
static struct wire_task *read_task(struct read *r, const char *inside) {
    struct buf text = {0};
    buf_printf(&text,
               "job \"j\" {\n group \"g\" {\n network {\n port \"http\" {}\n port \"my_db\" {}\n }\n"
               " meta {\n color = \"red\"\n }\n task \"t\" {\n%s\n }\n }\n}\n",
               inside);
    arena_reset(&r->arena);
    struct arena kept = r->arena;
    memset(r, 0, sizeof *r);
    r->arena = kept;
    r->code = jobspec_parse("t.hcl", arena_copy(&r->arena, buf_bytes(&text)), &r->arena, &r->diags, &r->jobs);
    cr_assert_eq(r->code, 0, "%s: %s", buf_str(&text), r->diags.list[0].message);
    buf_done(&text);
    return &r->jobs.jobs[0].groups[0].tasks[0];
}

static void expect_bytes(struct bytes got, const char *expected) {
    cr_expect(bytes_is(got, expected), "\"%.*s\" is not \"%s\"", BYTES_FMT(got), expected);
}

static void expect_pair(struct wire_pair got, const char *name, const char *value) {
    expect_bytes(got.name, name);
    expect_bytes(got.value, value);
}

Test(job, a_file_with_everything_is_read) {
    struct read r;
    read_init(
        &r, bytes_str(
                "job \"shop\" {\n"
                "  datacenters = [\"*\"]\n"
                "  type        = \"batch\"\n"
                "  meta {\n    owner = \"me\"\n  }\n"
                "  group \"web\" {\n"
                "    count = 3\n"
                "    network {\n"
                "      mode = \"host\"\n"
                "      port \"http\" {\n        static = 80\n        to     = 8080\n      }\n"
                "      port \"admin\" {}\n"
                "    }\n"
                "    restart {\n      attempts = 5\n      interval = \"10m\"\n      delay = \"1s\"\n"
                "      mode = \"delay\"\n    }\n"
                "    meta = { zone = \"b\" }\n"
                "    task \"a\" {\n"
                "      driver = \"raw_exec\"\n"
                "      config {\n        command = \"/bin/a\"\n        args    = [\"-x\", 5, true]\n      }\n"
                "      env {\n        A = 1.50\n        B = false\n        C = \"c\"\n      }\n"
                "      resources {\n        cpu    = 250\n        memory = \"64\"\n      }\n"
                "      kill_timeout = \"1m30s\"\n"
                "      kill_signal  = \"SIGINT\"\n"
                "      user         = \"www\"\n"
                "      meta {\n        x = 1\n      }\n"
                "    }\n"
                "    task \"b\" {\n      command = \"/bin/b\"\n    }\n"
                "  }\n"
                "}\n"));
    cr_assert_eq(r.jobs.count, 1u);
    const struct wire_job *job = &r.jobs.jobs[0];
    expect_bytes(job->name, "shop");
    cr_expect_eq(job->type, JOB_TYPE_BATCH);
    cr_assert_eq(job->meta_count, 1u);
    expect_pair(job->meta[0], "owner", "me");
    cr_assert_eq(job->groups_count, 1u);
    const struct wire_group *group = &job->groups[0];
    expect_bytes(group->name, "web");
    cr_expect_eq(group->count, 3u);
    cr_assert_eq(group->ports_count, 2u);
    expect_bytes(group->ports[0].label, "admin");
    cr_expect_eq(group->ports[0].static_, 0u);
    expect_bytes(group->ports[1].label, "http");
    cr_expect_eq(group->ports[1].static_, 80u);
    cr_expect_eq(group->ports[1].to, 8080u);
    cr_expect_eq(group->restart.attempts, 5u);
    cr_expect_eq(group->restart.interval_ms, 600000u);
    cr_expect_eq(group->restart.delay_ms, 1000u);
    cr_expect_eq(group->restart.mode, RESTART_MODE_DELAY);
    expect_pair(group->meta[0], "zone", "b");
    cr_assert_eq(group->tasks_count, 2u);
    const struct wire_task *task = &group->tasks[0];
    cr_expect_eq(task->driver, DRIVER_KIND_RAW_EXEC);
    expect_bytes(task->command, "/bin/a");
    cr_assert_eq(task->args_count, 3u);
    expect_bytes(task->args[0], "-x");
    expect_bytes(task->args[1], "5");
    expect_bytes(task->args[2], "true");
    cr_assert_eq(task->env_count, 3u);
    expect_pair(task->env[0], "A", "1.5");
    expect_pair(task->env[1], "B", "false");
    expect_pair(task->env[2], "C", "c");
    cr_expect_eq(task->cpu_mhz, 250u);
    cr_expect_eq(task->memory_mib, 64u);
    cr_expect_eq(task->kill_timeout_ms, 90000u);
    cr_expect_eq(task->kill_signal, 2u);
    expect_bytes(task->user, "www");
    expect_pair(task->meta[0], "x", "1");
    expect_bytes(group->tasks[1].name, "b");
    cr_expect_eq(group->tasks[1].driver, DRIVER_KIND_EXEC);
    expect_bytes(group->tasks[1].command, "/bin/b");
    cr_expect_eq(codec_check(&wire_job_type, job, NULL), 0);
    read_done(&r);
}

Test(job, what_is_left_out_has_the_documented_defaults) {
    struct read r;
    read_init(&r,
              bytes_str("job \"s\" {\n group \"g\" {\n task \"t\" {\n command = [\"/bin/true\"]\n }\n }\n}\n"
                        "job \"b\" {\n type = \"batch\"\n group \"g\" {\n restart {\n delay = \"1s\"\n }\n"
                        " task \"t\" {\n command = \"/bin/true\"\n }\n }\n}\n"));
    cr_assert_eq(r.jobs.count, 2u);
    const struct wire_group *service = &r.jobs.jobs[0].groups[0], *batch = &r.jobs.jobs[1].groups[0];
    cr_expect_eq(r.jobs.jobs[0].type, JOB_TYPE_SERVICE);
    cr_expect_eq(service->count, 1u);
    cr_expect_eq(service->restart.attempts, 2u);
    cr_expect_eq(service->restart.interval_ms, 30u * 60 * 1000);
    cr_expect_eq(service->restart.delay_ms, 15000u);
    cr_expect_eq(service->restart.mode, RESTART_MODE_FAIL);
    cr_expect_eq(service->tasks[0].driver, DRIVER_KIND_EXEC);
    cr_expect_eq(service->tasks[0].args_count, 0u);
    cr_expect_eq(service->tasks[0].cpu_mhz, 100u);
    cr_expect_eq(service->tasks[0].memory_mib, 300u);
    cr_expect_eq(service->tasks[0].kill_timeout_ms, 5000u);
    cr_expect_eq(service->tasks[0].kill_signal, 15u);
    cr_expect_eq(service->tasks[0].user.size, 0u);
    cr_expect_eq(batch->restart.attempts, 3u);
    cr_expect_eq(batch->restart.interval_ms, 24u * 60 * 60 * 1000);
    cr_expect_eq(batch->restart.delay_ms, 1000u);
    read_done(&r);
}

Test(job, the_type_decides_defaults_wherever_it_stands) {
    struct read r;
    read_init(
        &r,
        bytes_str(
            "job \"b\" {\n group \"g\" {\n task \"t\" {\n command = \"x\"\n }\n }\n type = \"batch\"\n}"));
    cr_expect_eq(r.jobs.jobs[0].groups[0].restart.attempts, 3u);
    read_done(&r);
}

Test(job, count_may_be_nothing_and_null_means_left_out) {
    struct read r;
    read_init(&r, bytes_str("job j {\n type = null\n group g {\n count = 0\n meta = null\n task t {\n"
                            " command = \"x\"\n user = null\n env = { A = null, B = \"\" }\n }\n }\n}"));
    cr_expect_eq(r.jobs.jobs[0].groups[0].count, 0u);
    const struct wire_task *task = &r.jobs.jobs[0].groups[0].tasks[0];
    cr_assert_eq(task->env_count, 1u);
    expect_pair(task->env[0], "B", "");
    read_done(&r);
}

Test(job, command_is_a_shorthand_for_driver_and_config) {
    struct read r = {0};
    const struct wire_task *task = read_task(&r, "command = [\"/bin/a\", \"b\", \"c d\"]");
    expect_bytes(task->command, "/bin/a");
    cr_assert_eq(task->args_count, 2u);
    expect_bytes(task->args[1], "c d");
    task = read_task(&r, "driver = \"raw_exec\"\ncommand = \"/bin/a\"");
    cr_expect_eq(task->driver, DRIVER_KIND_RAW_EXEC);
    read_done(&r);
}

/* ---- texts --------------------------------------------------------------------------------------------- */

Test(job, runtime_texts_keep_variables_in_one_plain_form) {
    static const struct {
        const char *source, *kept;
    } rows[] = {
        {"\"${NOMAD_PORT_http}\"", "${NOMAD_PORT_http}"},
        {"\"${  COVEY_PORT_http  }\"", "${COVEY_PORT_http}"},
        {"\"a ${~ NOMAD_IP_http ~} b\"", "a${NOMAD_IP_http}b"},
        {"\"${NOMAD_ADDR_my_db}${NOMAD_HOST_PORT_my_db}\"", "${NOMAD_ADDR_my_db}${NOMAD_HOST_PORT_my_db}"},
        {"\"${NOMAD_PORT_my-db}\"", "${NOMAD_PORT_my-db}"},
        {"\"$${NOMAD_PORT_x}\"", "$${NOMAD_PORT_x}"},
        {"\"$$${x}\"", "$$${x}"},
        {"\"\\u0024{x}\"", "$${x}"},
        {"\"\\u0024${\"{x}\"}\"", "$${x}"},
        {"\"${\"plain\"}${5}${true}\"", "plain5true"},
        {"\"a${\"b${NOMAD_JOB_NAME}${\"c\"}\"}\"", "ab${NOMAD_JOB_NAME}c"},
        {"\"100% {} $ $5\"", "100% {} $ $5"},
        {"\"%%{if}\"", "%{if}"},
        {"<<E\n${NOMAD_JOB_NAME}\nE\n", "${NOMAD_JOB_NAME}\n"},
        {"\"${NOMAD_ALLOC_ID}${COVEY_INSTANCE_ID}${NOMAD_ALLOC_INDEX}${COVEY_SLOT}\"",
         "${NOMAD_ALLOC_ID}${COVEY_INSTANCE_ID}${NOMAD_ALLOC_INDEX}${COVEY_SLOT}"},
        {"\"${NOMAD_GROUP_NAME}${COVEY_TASK_NAME}${NOMAD_TASK_DIR}${COVEY_ALLOC_DIR}\"",
         "${NOMAD_GROUP_NAME}${COVEY_TASK_NAME}${NOMAD_TASK_DIR}${COVEY_ALLOC_DIR}"},
        {"\"${NOMAD_CPU_LIMIT}${COVEY_MEMORY_LIMIT}${NOMAD_META_color}${COVEY_META_COLOR}\"",
         "${NOMAD_CPU_LIMIT}${COVEY_MEMORY_LIMIT}${NOMAD_META_color}${COVEY_META_COLOR}"},
    };
    struct read r = {0};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct arena a = {0};
        const struct wire_task *task = read_task(
            &r, arena_printf(&a, "command = [%s]\n env {\n A = %s\n }", rows[i].source, rows[i].source));
        expect_bytes(task->command, rows[i].kept);
        expect_bytes(task->env[0].value, rows[i].kept);
        arena_done(&a);
    }
    read_done(&r);
}

Test(job, texts_that_are_not_of_run_time_are_plain) {
    struct read r = {0};
    const struct wire_task *task = read_task(&r, "command = \"x\"\nmeta {\n a = \"$${b} ${\"c\"}\"\n}");
    expect_pair(task->meta[0], "a", "${b} c");
    read_done(&r);
}

Test(job, a_dollar_right_before_a_variable_is_refused_because_it_would_read_as_an_escape) {
    struct arena a = {0};
    struct hcl_diags diags;
    struct jobspec_jobs jobs;
    int code = jobspec_parse(
        "t", bytes_str("job j {\n group g {\n task t {\n command = \"\\u0024${NOMAD_JOB_NAME}\"\n }\n }\n}"),
        &a, &diags, &jobs);
    cr_expect_eq(code, ERR_UNSUPPORTED);
    arena_done(&a);
}

/* ---- canonical form ------------------------------------------------------------------------------------ */

Test(job, layout_spelling_and_order_of_names_make_no_other_job) {
    struct read a, b;
    read_init(
        &a,
        bytes_str(
            "job \"j\" {\n group \"g\" {\n count = 2\n network {\n port \"a\" {}\n port \"b\" {}\n }\n"
            " task \"t\" {\n driver = \"exec\"\n config {\n command = \"/x\"\n args = [\"1\", \"y\\n\"]\n }\n"
            " env {\n A = \"1\"\n B = \"${NOMAD_PORT_a}\"\n }\n meta {\n m = \"1\"\n n = \"2\"\n }\n"
            " kill_timeout = \"60s\"\n }\n }\n}\n"));
    read_init(
        &b,
        bytes_str("# a comment\njob j {\r\n group g {\n task t {\n meta = { n = 2.0, m = 1 }\n kill_timeout "
                  "= \"1m\"\n"
                  " command = [\"/x\", 1, <<E\ny\nE\n]\n env = { B = \"${ NOMAD_PORT_a }\", A = 1e0 }\n }\n"
                  " network {\n port b {}\n port a {\n to = 0\n }\n }\n count = \"2\"\n }\n}\n"));
    cr_expect(codec_equal(&wire_job_type, &a.jobs.jobs[0], &b.jobs.jobs[0]));
    read_done(&a);
    read_done(&b);
}

/* ---- limits -------------------------------------------------------------------------------------------- */

static void append_many(struct buf *b, const char *format, unsigned count) {
    char name[16];
    for (unsigned i = 0; i < count; i++) {
        struct arena a = {0};
        strcpy(name, arena_printf(&a, "n%u", i));
        arena_done(&a);
        for (const char *c = format; *c != '\0'; c++)
            if (*c == '@')
                buf_append(b, name, strlen(name));
            else
                buf_append_byte(b, (uint8_t)*c);
    }
}

struct limit {
    const char *what, *before, *each, *after;
    unsigned max;
};

#define TASK "task \"t\" {\n command = \"x\"\n"
static const struct limit limits[] = {
    {"groups", "job \"j\" {\n", "group \"@\" {\n" TASK "}\n}\n", "}\n", WIRE_GROUPS_MAX},
    {"tasks", "job \"j\" {\n group \"g\" {\n", "task \"@\" {\n command = \"x\"\n}\n", "}\n}\n",
     WIRE_TASKS_MAX},
    {"ports", "job \"j\" {\n group \"g\" {\n network {\n", "port \"@\" {}\n", "}\n" TASK "}\n}\n}\n",
     WIRE_PORTS_MAX},
    {"env", "job \"j\" {\n group \"g\" {\n" TASK "env {\n", "@ = 1\n", "}\n}\n}\n}\n", WIRE_PAIRS_MAX},
    {"meta", "job \"j\" {\n group \"g\" {\n" TASK "}\n}\n meta = {\n", "@ = 1\n", "}\n}\n",
     249}, /* 4 variables each */
    {"args", "job \"j\" {\n group \"g\" {\n task \"t\" {\n command = [\"x\",", "\"@\",", "]\n}\n}\n}\n",
     WIRE_ARGS_MAX},
    {"jobs", "", "job \"@\" {\n group \"g\" {\n" TASK "}\n}\n}\n", "", JOBSPEC_JOBS_MAX},
    {"bytes", "job \"j\" {\n group \"g\" {\n task \"t\" {\n command = \"", "x", "\"\n}\n}\n}\n",
     WIRE_VALUE_MAX},
    {"name", "job \"j\" {\n group \"g\" {\n task \"", "x", "\" {\n command = \"x\"\n}\n}\n}\n",
     WIRE_NAME_MAX},
};

static int limit_code(const struct limit *limit, unsigned count) {
    struct buf text = {0};
    struct arena a = {0};
    struct hcl_diags diags;
    struct jobspec_jobs jobs = {0};
    buf_append(&text, limit->before, strlen(limit->before));
    append_many(&text, limit->each, count);
    buf_append(&text, limit->after, strlen(limit->after));
    int code = jobspec_parse("t.hcl", buf_bytes(&text), &a, &diags, &jobs);
    for (size_t i = 0; i < jobs.count; i++)
        cr_expect_eq(codec_check(&wire_job_type, &jobs.jobs[i], NULL), 0, "%s", limit->what);
    cr_expect(code == 0 || diags.list[0].at.line > 0);
    arena_done(&a);
    buf_done(&text);
    return code;
}

Test(job_limits, what_the_schema_holds_is_accepted_and_one_more_is_refused) {
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        cr_expect_eq(limit_code(&limits[i], limits[i].max), 0, "%s", limits[i].what);
        cr_expect_eq(limit_code(&limits[i], limits[i].max + 1), ERR_LIMIT, "%s", limits[i].what);
    }
}

Test(job_limits, as_many_mistakes_as_a_file_can_hold_are_bounded_work) {
    struct buf text = {0};
    buf_printf(&text, "job \"j\" {\n group \"g\" {\n task \"t\" {\n env {\n");
    append_many(&text, "@ = \"${x}${y}\"\n", 9000);
    buf_printf(&text, "}\n}\n}\n}\n");
    struct arena a = {0};
    struct hcl_diags diags;
    struct jobspec_jobs jobs;
    cr_expect_lt(jobspec_parse("t.hcl", buf_bytes(&text), &a, &diags, &jobs), 0);
    cr_expect_eq(diags.count, (size_t)HCL_DIAGS_MAX);
    cr_expect(diags.is_cut);
    cr_expect_lt(a.total_bytes, (size_t)64 << 20);
    arena_done(&a);
    buf_done(&text);
}

/* ---- example files ------------------------------------------------------------------------------------- */

Test(job, the_example_files_are_right) {
    DIR *folder = opendir(TEST_SRCDIR "/contrib/jobs");
    size_t count = 0;
    cr_assert(folder != NULL);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (strstr(entry->d_name, ".hcl") == NULL)
            continue;
        struct arena a = {0};
        struct read r;
        read_init(&r, source_file(&a, arena_printf(&a, "contrib/jobs/%s", entry->d_name)));
        read_done(&r);
        arena_done(&a);
        count++;
    }
    closedir(folder);
    cr_expect_geq(count, 4u);
}
