/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Configuration files against a table of flags. */
#include <criterion/criterion.h>

#include "dump.h"

enum { NAME, BIND_ADDR, JOIN, VERBOSE, PORT, TIMEOUT, META, KEYS_COUNT };

static const struct hcl_config_key keys[KEYS_COUNT] = {
    [NAME] = {.name = "name", .kind = HCL_CONFIG_STRING},
    [BIND_ADDR] = {.name = "bind-addr", .kind = HCL_CONFIG_STRING},
    [JOIN] = {.name = "join", .kind = HCL_CONFIG_LIST},
    [VERBOSE] = {.name = "verbose", .kind = HCL_CONFIG_BOOL},
    [PORT] = {.name = "port", .kind = HCL_CONFIG_INT, .integer_min = 1, .integer_max = 65535},
    [TIMEOUT] = {.name = "timeout",
                 .kind = HCL_CONFIG_DURATION,
                 .integer_min = 1000,
                 .integer_max = 60000000},
    [META] = {.name = "meta", .kind = HCL_CONFIG_MAP},
};

struct config {
    struct arena arena;
    struct hcl_diags diags;
    struct hcl_config_value values[KEYS_COUNT];
    int code;
};

static void config_init(struct config *c, const char *text) {
    memset(c, 0, sizeof *c);
    hcl_diags_init(&c->diags, "covey.hcl", bytes_str(text), &c->arena);
    c->code = hcl_config_parse(keys, KEYS_COUNT, &c->arena, &c->diags, c->values);
}

Test(config, every_kind_of_value_is_read) {
    struct config c;
    config_init(&c, "name = \"a\"\nbind_addr = \"10.0.0.1\" # _ is -\njoin = [\"b\", \"c\"]\nverbose = "
                    "true\nport = 7370\n"
                    "timeout = \"1m\"\nmeta {\n zone = \"x\"\n rack = 5\n}\n");
    cr_assert_eq(c.code, 0);
    cr_expect(bytes_is(c.values[NAME].text, "a"));
    cr_expect(bytes_is(c.values[BIND_ADDR].text, "10.0.0.1"));
    cr_assert_eq(c.values[JOIN].count, 2u);
    cr_expect(bytes_is(c.values[JOIN].list[1], "c"));
    cr_expect(c.values[VERBOSE].flag);
    cr_expect_eq(c.values[PORT].integer, 7370);
    cr_expect_eq(c.values[TIMEOUT].integer, 60000000);
    cr_assert_eq(c.values[META].count, 2u);
    cr_expect(bytes_is(c.values[META].pairs[0].key, "zone"));
    cr_expect(bytes_is(c.values[META].pairs[1].value, "5"));
    cr_expect_eq(c.values[PORT].at.line, 5u);
    cr_expect_eq(c.values[PORT].at.column, 8u);
    arena_done(&c.arena);
}

Test(config, what_the_file_leaves_out_has_no_place) {
    struct config c;
    config_init(&c, "join = \"one\"\nmeta = { \"a b\" = \"c\" }\n");
    cr_assert_eq(c.code, 0);
    cr_expect_eq(c.values[NAME].at.line, 0u);
    cr_expect_eq(c.values[PORT].at.line, 0u);
    cr_assert_eq(c.values[JOIN].count, 1u);
    cr_expect(bytes_is(c.values[JOIN].list[0], "one"));
    cr_expect(bytes_is(c.values[META].pairs[0].key, "a b"));
    arena_done(&c.arena);
}

Test(config, mistakes_have_a_place_a_code_and_leave_the_values_alone) {
    static const struct {
        const char *text, *error;
        int code;
    } rows[] = {
        {"nam = \"a\"", "1:1: unknown name `nam` (did you mean `name`?)", ERR_INVALID},
        {"name = true", "1:8: `name`: expected a string, found a boolean", ERR_INVALID},
        {"name = a", "1:8: `name`: expected a string, found a name without quotes (text stands in quotes)",
         ERR_INVALID},
        {"name = \"${a}\"", "1:8: `name`: expected a string, found a string with `${...}`", ERR_INVALID},
        {"name {\n}", "1:1: `name` is no block", ERR_INVALID},
        {"join = [1, true]", "1:12: `join`: expected a string, found a boolean", ERR_INVALID},
        {"join = true", "1:8: `join`: expected a list of strings, found a boolean", ERR_INVALID},
        {"verbose = 1", "1:11: `verbose`: expected true or false, found a number", ERR_INVALID},
        {"port = \"1\"", "1:8: `port`: expected a whole number, found a string", ERR_INVALID},
        {"port = 0", "1:8: `port` is 0; allowed are 1 to 65535", ERR_INVALID},
        {"port = 65536", "1:8: `port` is 65536; allowed are 1 to 65535", ERR_LIMIT},
        {"port = 1.5", "1:8: `port`: expected a whole number, found a decimal number", ERR_INVALID},
        {"timeout = 5", "1:11: `timeout`: expected a duration such as \"10s\", found a number", ERR_INVALID},
        {"timeout = \"5 s\"", "1:11: `timeout`: \"5 s\" is no duration (\"250ms\", \"10s\", \"1h30m\")",
         ERR_INVALID},
        {"timeout = \"2m\"", "1:11: `timeout` is 2m; allowed are 1ms to 1m", ERR_LIMIT},
        {"bind-addr = \"a\"\nbind_addr = \"b\"", "2:1: `bind-addr` is set twice: the first time in line 1",
         ERR_INVALID},
        {"meta {}\nmeta {}", "2:1: `meta` is set twice: the first time in line 1", ERR_INVALID},
        {"meta \"x\" {}", "1:1: `meta` takes no label", ERR_INVALID},
        {"meta {\n a {}\n}", "2:2: `meta` holds name = \"value\" only", ERR_INVALID},
        {"meta = 5", "1:8: `meta`: expected a map, found a number", ERR_INVALID},
        {"meta = { a = \"1\", a = \"2\" }", "1:19: `a` is set twice", ERR_INVALID},
        {"meta = { a = [] }", "1:14: `a`: expected a string, found a list", ERR_INVALID},
        {"a = [", "1:6: expected a value, found the end of the file", ERR_INVALID},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct config c;
        config_init(&c, rows[i].text);
        cr_expect_eq(c.code, rows[i].code, "%s", rows[i].text);
        cr_assert_geq(c.diags.count, 1u);
        const struct hcl_diag *d = &c.diags.list[0];
        const char *got = arena_printf(&c.arena, "%u:%u: %s%s%s%s", d->at.line, d->at.column, d->message,
                                       d->hint ? " (" : "", d->hint ? d->hint : "", d->hint ? ")" : "");
        cr_expect_str_eq(got, rows[i].error, "%s", got);
        cr_expect_eq(c.values[NAME].at.line, 0u);
        arena_done(&c.arena);
    }
}
