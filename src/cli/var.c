/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* covey var get|put|list|rm|watch */
#include <stdio.h>

#include <covey/client.h>

#include "wait.h"

#define ANSWER_MS 15000
#define WRITE_US  (60 * US_PER_S)

static int vars_ask(struct cli *c, const struct wire_admin_var_query *q, struct wire_admin_vars *ret) {
    return cli_call(c, "vars", &wire_admin_var_query_type, q, &wire_admin_vars_type, ret, ANSWER_MS);
}

static int var_get(struct cli *c, const char *key) {
    struct wire_admin_var_query q = {.key = bytes_str(key), .consistent = c->options.consistent};
    struct wire_admin_vars vars;
    int error = vars_ask(c, &q, &vars);
    if (error == ERR_NOT_FOUND || (error == 0 && vars.vars_count == 0))
        return cli_fail(c, ERR_NOT_FOUND, "there is no variable %s; `covey var list` shows what there is",
                        key);
    if (error != 0)
        return cli_fail_call(c, error);
    if (c->options.json) {
        cli_print_json(&wire_var_record_type, &vars.vars[0]);
        return 0;
    }
    struct bytes value = vars.vars[0].value;
    if (value.size > 0)
        fwrite(value.data, 1, value.size, stdout);
    if (c->is_tty && (value.size == 0 || value.data[value.size - 1] != '\n'))
        printf("\n");
    cli_warn_stale(&vars.freshness);
    return 0;
}

static int var_list(struct cli *c, const char *prefix) {
    struct wire_admin_var_query q = {.consistent = c->options.consistent};
    struct wire_admin_vars vars;
    struct buf out = {0};
    if (prefix != NULL)
        q.prefix = bytes_str(prefix);
    int error = vars_ask(c, &q, &vars);
    if (error != 0)
        return cli_fail_call(c, error);
    if (c->options.json) {
        cli_print_json(&wire_admin_vars_type, &vars);
        return 0;
    }
    cli_view_vars(&vars, &out);
    cli_print(&out);
    buf_done(&out);
    cli_warn_stale(&vars.freshness);
    return 0;
}

static int var_write(struct cli *c, struct wire_cmd_var var) {
    struct wire_admin_var_put params = {.request = cli_request_id(), .var = var};
    struct wire_admin_write_result result;
    params.var.check = c->options.has_check;
    params.var.version = c->options.check;
    int error = cli_write(c, "var.put", &wire_admin_var_put_type, &params, &wire_admin_write_result_type,
                          &result, cli_now_us() + WRITE_US);
    if (error == ERR_CONFLICT)
        return cli_fail(c, error, "%.*s does not have version %llu: read it again with `covey var list %.*s`",
                        BYTES_FMT(var.key), (unsigned long long)c->options.check, BYTES_FMT(var.key));
    if (error == ERR_NOT_FOUND)
        return cli_fail(c, error, "there is no variable %.*s; `covey var list` shows what there is",
                        BYTES_FMT(var.key));
    if (error != 0)
        return cli_fail_call(c, error);
    if (c->options.json)
        cli_print_json(&wire_admin_write_result_type, &result);
    else if (var.remove)
        printf("%.*s: removed\n", BYTES_FMT(var.key));
    else
        printf("%.*s: version %llu\n", BYTES_FMT(var.key), (unsigned long long)result.version);
    return 0;
}

static int var_put(struct cli *c, const char *key, const char *text) {
    struct wire_cmd_var var = {.key = bytes_str(key), .value = bytes_str(text)};
    if (strcmp(text, "-") == 0) {
        int error = cli_read_file(c, text, WIRE_VAR_VALUE_MAX, &var.value);
        if (error != 0)
            return cli_fail(c, error, "%s", c->text);
    }
    if (var.value.size > WIRE_VAR_VALUE_MAX)
        return cli_fail(c, ERR_LIMIT, "the value is larger than %d bytes", WIRE_VAR_VALUE_MAX);
    return var_write(c, var);
}

/* A flag that the word does not heed would be taken for heeded: `rm --prefix` removes one variable alone. */
static int flags_check(struct cli *c, const char *what) {
    const struct cli_options *o = &c->options;
    bool is_watch = strcmp(what, "watch") == 0;
    bool is_write = strcmp(what, "put") == 0 || strcmp(what, "rm") == 0;
    if (!is_watch && (o->prefix || o->once || o->from != 0))
        return cli_fail(c, ERR_INVALID, "--prefix, --from and --once are for `covey var watch` alone%s",
                        strcmp(what, "list") == 0 ? "; `covey var list PREFIX`" : "");
    if (!is_write && o->has_check)
        return cli_fail(c, ERR_INVALID, "--cas is for `covey var put` and `covey var rm` alone");
    return 0;
}

/* An empty key would mean all variables, and the first of them be taken for the one that was meant. */
static int key_check(struct cli *c, const char *key) {
    if (key[0] == 0)
        return cli_fail(c, ERR_INVALID, "the key is empty");
    if (strlen(key) > WIRE_VAR_KEY_MAX)
        return cli_fail(c, ERR_LIMIT, "the key is longer than %d bytes", WIRE_VAR_KEY_MAX);
    return 0;
}

static int var_of(struct cli *c, const char *what, const char *key, const char *value) {
    int status = key_check(c, key);
    if (status != 0)
        return status;
    if (strcmp(what, "get") == 0)
        return var_get(c, key);
    if (strcmp(what, "put") == 0)
        return var_put(c, key, value);
    return var_write(c, (struct wire_cmd_var){.key = bytes_str(key), .remove = true});
}

int cli_var(struct cli *c) {
    static const char *const names[] = {"get", "put", "list", "rm", "watch"};
    const char *what = c->options.operands[0];
    const char **rest = c->options.operands + 1;
    size_t count = c->options.operands_count - 1;
    int status = flags_check(c, what);
    if (status != 0)
        return status;
    if (strcmp(what, "list") == 0 && count <= 1)
        return var_list(c, rest[0]);
    if (((strcmp(what, "get") == 0 || strcmp(what, "rm") == 0) && count == 1) ||
        (strcmp(what, "put") == 0 && count == 2))
        return var_of(c, what, rest[0], rest[1]);
    if (strcmp(what, "watch") == 0 && count <= 1)
        return cli_var_watch(c, rest[0]);
    const char *nearest = text_nearest(bytes_str(what), names, sizeof names / sizeof names[0]);
    if (nearest != NULL && strcmp(nearest, what) != 0)
        return cli_fail(c, ERR_INVALID, "there is no `covey var %s`; did you mean `covey var %s`?", what,
                        nearest);
    return cli_fail(c, ERR_INVALID, "not understood: covey var %s", c->verb->operands);
}
