/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* What a task's texts and environment become when it is started. */
#include <criterion/criterion.h>

#include "covey/jobspec.h"

static const struct wire_pair table[] = {
    {{(const uint8_t *)"A", 1}, {(const uint8_t *)"alpha", 5}},
    {{(const uint8_t *)"my_port", 7}, {(const uint8_t *)"80", 2}},
    {{(const uint8_t *)"my-host", 7}, {(const uint8_t *)"h", 1}},
    {{(const uint8_t *)"EMPTY", 5}, {NULL, 0}},
    {{(const uint8_t *)"TEXT", 4}, {(const uint8_t *)"${A}", 4}},
};

Test(expand, replaces_variables_and_escapes) {
    static const struct {
        const char *text, *expanded;
    } rows[] = {
        {"", ""},
        {"plain $ $$ {} $x %{", "plain $ $$ {} $x %{"},
        {"${A}", "alpha"},
        {"<${A}${A}>", "<alphaalpha>"},
        {"$${A}", "${A}"},
        {"$$${A}", "$${A}"},
        {"$$$${A}", "$$${A}"},
        {"x$${A}y${A}", "x${A}yalpha"},
        {"$${", "${"},
        {"${my-port}", "80"},
        {"${my-host}", "h"},
        {"${EMPTY}|", "|"},
        {"${TEXT}", "${A}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf out = {0};
        cr_expect_eq(jobspec_expand(bytes_str(rows[i].text), table, 5, &out), 0, "%s", rows[i].text);
        cr_expect_str_eq(buf_str(&out), rows[i].expanded, "%s", rows[i].text);
        buf_done(&out);
    }
}

Test(expand, a_text_that_cannot_be_expanded_leaves_the_buffer_as_it_was) {
    static const struct {
        const char *text;
        int code;
    } rows[] = {
        {"x${B}", ERR_NOT_FOUND}, {"x${my_host}", ERR_NOT_FOUND}, {"x${A", ERR_INVALID},
        {"x${", ERR_INVALID},     {"x${}", ERR_INVALID},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf out = {0};
        buf_append(&out, "old", 3);
        cr_expect_eq(jobspec_expand(bytes_str(rows[i].text), table, 5, &out), rows[i].code, "%s",
                     rows[i].text);
        cr_expect_str_eq(buf_str(&out), "old");
        buf_done(&out);
    }
}

Test(expand, the_result_is_bounded) {
    struct buf text = {0}, out = {0};
    for (int i = 0; i < WIRE_VALUE_MAX / 2; i++)
        buf_append(&text, "xy", 2);
    cr_expect_eq(jobspec_expand(buf_bytes(&text), table, 5, &out), 0);
    buf_append(&text, "${EMPTY}", 8);
    buf_clear(&out);
    cr_expect_eq(jobspec_expand(buf_bytes(&text), table, 5, &out), 0);
    buf_append(&text, "${A}", 4);
    buf_clear(&out);
    cr_expect_eq(jobspec_expand(buf_bytes(&text), table, 5, &out), ERR_LIMIT);
    buf_done(&text);
    buf_done(&out);
}

/* ---- environment --------------------------------------------------------------------------------------- */

static const char job_text[] =
    "job \"shop\" {\n"
    "  meta {\n    owner = \"job\"\n    depth = \"job\"\n  }\n"
    "  group \"web\" {\n"
    "    meta {\n      depth = \"group\"\n      a-b = \"dash\"\n    }\n"
    "    network {\n      port \"http\" {\n        to = 8080\n      }\n      port \"admin\" {}\n    }\n"
    "    task \"app\" {\n"
    "      command = \"/x\"\n"
    "      meta {\n        depth = \"task\"\n      }\n"
    "      env {\n"
    "        LISTEN = \"${NOMAD_ADDR_http}\"\n"
    "        URL    = \"http://${LISTEN}/${B}\"\n"
    "        B      = \"b-${COVEY_SLOT}$${x}\"\n"
    "        PLAIN  = 5\n"
    "      }\n"
    "    }\n"
    "  }\n"
    "}\n";

struct scene {
    struct arena arena;
    struct hcl_diags diags;
    struct jobspec_jobs jobs;
    struct jobspec_place place;
    struct wire_pair *env;
    size_t env_count;
    int code;
};

static const struct wire_port_binding bindings[] = {
    {.label = {(const uint8_t *)"http", 4}, .port = 20001, .to = 8080},
    {.label = {(const uint8_t *)"admin", 5}, .port = 20002, .to = 0},
};

static void shop_init(struct scene *s, const char *ip) {
    memset(s, 0, sizeof *s);
    cr_assert_eq(jobspec_parse("t.hcl", bytes_str(job_text), &s->arena, &s->diags, &s->jobs), 0, "%s",
                 s->diags.list[0].message);
    const struct wire_group *group = &s->jobs.jobs[0].groups[0];
    s->place = (struct jobspec_place){
        .job = &s->jobs.jobs[0],
        .group = group,
        .task = &group->tasks[0],
        .instance = {{0xab, 0xcd, 0xef, 0x01}},
        .slot = 2,
        .node_name = bytes_str("n1"),
        .ip = bytes_str(ip),
        .ports = bindings,
        .ports_count = 2,
        .task_dir = bytes_str("/t"),
        .alloc_dir = bytes_str("/a"),
    };
    s->code = jobspec_env(&s->place, &s->arena, &s->env, &s->env_count);
}

static void expect_value(const struct scene *s, const char *name, const char *value) {
    for (size_t i = 0; i < s->env_count; i++)
        if (bytes_is(s->env[i].name, name)) {
            cr_expect(bytes_is(s->env[i].value, value), "%s is %.*s, not %s", name,
                      BYTES_FMT(s->env[i].value), value);
            return;
        }
    cr_expect(false, "%s is not set", name);
}

static void expect_both(const struct scene *s, const char *name, const char *value) {
    struct arena a = {0};
    expect_value(s, arena_printf(&a, "NOMAD_%s", name), value);
    expect_value(s, arena_printf(&a, "COVEY_%s", name), value);
    arena_done(&a);
}

Test(environment, has_identity_limits_and_directories_under_both_prefixes) {
    struct scene s;
    shop_init(&s, "10.0.0.5");
    cr_assert_eq(s.code, 0);
    expect_value(&s, "NOMAD_ALLOC_ID", "abcdef01000000000000000000000000");
    expect_value(&s, "COVEY_INSTANCE_ID", "abcdef01000000000000000000000000");
    expect_value(&s, "NOMAD_SHORT_ALLOC_ID", "abcdef01");
    expect_value(&s, "NOMAD_ALLOC_NAME", "shop.web[2]");
    expect_value(&s, "NOMAD_ALLOC_INDEX", "2");
    expect_value(&s, "COVEY_SLOT", "2");
    expect_value(&s, "COVEY_NODE_NAME", "n1");
    expect_both(&s, "JOB_NAME", "shop");
    expect_both(&s, "GROUP_NAME", "web");
    expect_both(&s, "TASK_NAME", "app");
    expect_both(&s, "TASK_DIR", "/t");
    expect_both(&s, "ALLOC_DIR", "/a");
    expect_both(&s, "CPU_LIMIT", "100");
    expect_both(&s, "MEMORY_LIMIT", "300");
    arena_done(&s.arena);
}

Test(environment, ports_tell_where_to_listen_and_where_others_connect) {
    struct scene s;
    shop_init(&s, "10.0.0.5");
    expect_both(&s, "PORT_http", "8080");
    expect_both(&s, "HOST_PORT_http", "20001");
    expect_both(&s, "IP_http", "10.0.0.5");
    expect_both(&s, "ADDR_http", "10.0.0.5:20001");
    expect_both(&s, "PORT_admin", "20002");
    arena_done(&s.arena);
    shop_init(&s, "fd00::5");
    expect_both(&s, "IP_http", "fd00::5");
    expect_both(&s, "ADDR_admin", "[fd00::5]:20002");
    arena_done(&s.arena);
}

Test(environment, the_meta_nearest_to_the_task_wins_and_names_are_also_in_capitals) {
    struct scene s;
    shop_init(&s, "10.0.0.5");
    expect_both(&s, "META_depth", "task");
    expect_both(&s, "META_DEPTH", "task");
    expect_both(&s, "META_owner", "job");
    expect_both(&s, "META_OWNER", "job");
    expect_both(&s, "META_a_b", "dash");
    expect_both(&s, "META_A_B", "dash");
    arena_done(&s.arena);
}

Test(environment, the_tasks_own_values_are_expanded_in_any_order) {
    struct scene s;
    shop_init(&s, "10.0.0.5");
    expect_value(&s, "LISTEN", "10.0.0.5:20001");
    expect_value(&s, "B", "b-2${x}");
    expect_value(&s, "URL", "http://10.0.0.5:20001/b-2${x}");
    expect_value(&s, "PLAIN", "5");
    arena_done(&s.arena);
}

Test(environment, names_are_unique) {
    struct scene s;
    shop_init(&s, "10.0.0.5");
    for (size_t i = 0; i < s.env_count; i++)
        for (size_t k = i + 1; k < s.env_count; k++)
            cr_expect(!bytes_equal(s.env[i].name, s.env[k].name), "%.*s", BYTES_FMT(s.env[i].name));
    arena_done(&s.arena);
}

/* A job from another source than a file, say an older agent's, is not trusted to be without circles. */
Test(environment, circles_unknown_names_and_growth_are_errors_not_crashes) {
    static const char *const values[][3] = {
        {"${B}", "${C}", "${A}"},
        {"${A}", "", ""},
        {"${NOPE}", "", ""},
        {"${", "", ""},
    };
    static const int codes[] = {ERR_INVALID, ERR_INVALID, ERR_NOT_FOUND, ERR_INVALID};
    static const char *const names[] = {"A", "B", "C"};
    struct scene s;
    shop_init(&s, "10.0.0.5");
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        struct wire_pair env[3];
        struct wire_task task = *s.place.task;
        for (size_t k = 0; k < 3; k++)
            env[k] = (struct wire_pair){bytes_str(names[k]), bytes_str(values[i][k])};
        task.env = env;
        task.env_count = 3;
        s.place.task = &task;
        cr_expect_eq(jobspec_env(&s.place, &s.arena, &s.env, &s.env_count), codes[i], "row %zu", i);
    }
    arena_done(&s.arena);
}
