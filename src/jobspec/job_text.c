/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Texts. In a runtime text (command, args, env) a `${NAME}` stays for the agent, in a form that has one
 * spelling for one meaning: no spaces inside, a literal `${` as `$${`, everything else resolved. A text that
 * is read back by jobspec_expand is cut the way HCL itself cuts it: at a `$${` before a `${`.
 */
#include "job_reader.h"

/* ---- names in ${...} ----------------------------------------------------------------------------------- */

/* Variables that Nomad sets and covey does not. */
static const char *const refused_names[] = {
    "NOMAD_SECRETS_DIR",   "NOMAD_DC",
    "NOMAD_REGION",        "NOMAD_NAMESPACE",
    "NOMAD_JOB_PARENT_ID", "NOMAD_CPU_CORES",
    "NOMAD_UNIX_ADDR",     "NOMAD_MEMORY_MAX_LIMIT",
    "NOMAD_TOKEN",         "NOMAD_PARENT_CGROUP",
};

static const char *const refused_prefixes[] = {"NOMAD_UPSTREAM_", "NOMAD_ALLOC_IP_", "NOMAD_ALLOC_PORT_",
                                               "NOMAD_ALLOC_ADDR_"};

static bool has_prefix(struct bytes text, const char *prefix) {
    size_t size = strlen(prefix);
    return text.size > size && memcmp(text.data, prefix, size) == 0;
}

static bool is_refused(struct bytes name) {
    for (size_t i = 0; i < COUNT_OF(refused_names); i++)
        if (bytes_is(name, refused_names[i]))
            return true;
    for (size_t i = 0; i < COUNT_OF(refused_prefixes); i++)
        if (has_prefix(name, refused_prefixes[i]))
            return true;
    return false;
}

/* The label in NOMAD_PORT_label and its like; empty if the name is none of them. */
static struct bytes port_label(struct bytes name) {
    static const char *const prefixes[] = {
        "NOMAD_PORT_", "NOMAD_IP_", "NOMAD_ADDR_", "NOMAD_HOST_PORT_",
        "COVEY_PORT_", "COVEY_IP_", "COVEY_ADDR_", "COVEY_HOST_PORT_",
    };
    for (size_t i = 0; i < COUNT_OF(prefixes); i++)
        if (has_prefix(name, prefixes[i]))
            return bytes_of(name.data + strlen(prefixes[i]), name.size - strlen(prefixes[i]));
    return bytes_of(NULL, 0);
}

static void report_port(struct job_reader *r, struct hcl_span at, struct bytes label) {
    const char *names[WIRE_PORTS_MAX];
    size_t count = r->group->ports_count;
    for (size_t i = 0; i < count; i++)
        names[i] = hcl_show(r->arena, r->group->ports[i].label);
    const char *hint = count > 0 ? job_hint(r, label, names, count)
                                 : "a port is declared in the group, in `network`: port \"name\" {}";
    hcl_diags_add(r->diags, ERR_INVALID, at, hint, "the group's network has no port `%s`",
                  hcl_show(r->arena, label));
}

static void report_unknown(struct job_reader *r, struct hcl_span at, struct bytes name) {
    size_t count = r->vars.list.count;
    const char **names = mem_alloc((count + 1) * sizeof *names);
    struct arena scratch = {0};
    for (size_t i = 0; i < count; i++)
        names[i] = hcl_show(&scratch, r->vars.list.data[i].name);
    hcl_diags_add(r->diags, ERR_INVALID, at, hcl_hint_nearest(r->arena, name, names, count),
                  "unknown variable `%s`", hcl_show(r->arena, name));
    arena_done(&scratch);
    mem_free(names);
}

static bool check_variable(struct job_reader *r, const struct hcl_expr *e) {
    job_list_variables(r);
    struct bytes label = port_label(e->text);
    if (job_vars_find(&r->vars, e->text) != NULL)
        return true;
    if (is_refused(e->text))
        job_refuse(r, e->at, e->text);
    else if (label.size > 0)
        report_port(r, e->at, label);
    else
        report_unknown(r, e->at, e->text);
    return false;
}

/* ---- pieces of a text ---------------------------------------------------------------------------------- */

static bool is_plain(const struct hcl_expr *e) {
    return e->kind == HCL_STRING || e->kind == HCL_INTEGER || e->kind == HCL_DECIMAL || e->kind == HCL_BOOL;
}

static struct bytes plain_text(const struct hcl_expr *e) {
    return e->kind == HCL_BOOL ? bytes_str(e->flag ? "true" : "false") : e->text;
}

/* A `$` may stand at the end of one piece and its `{` at the start of the next. */
static void append_escaped(struct buf *out, struct bytes text) {
    if (text.size > 0 && text.data[0] == '{' && out->size > 0 && out->data[out->size - 1] == '$')
        buf_append_byte(out, '$');
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '$' && i + 1 < text.size && text.data[i + 1] == '{')
            buf_append_byte(out, '$');
        buf_append_byte(out, text.data[i]);
    }
}

static bool append_variable(struct job_reader *r, const struct hcl_expr *e, struct buf *out) {
    if (out->size > 0 && out->data[out->size - 1] == '$') {
        hcl_diags_add(r->diags, ERR_UNSUPPORTED, e->at, NULL,
                      "covey does not support a `$` right before `${...}`");
        return false;
    }
    if (!check_variable(r, e))
        return false;
    buf_printf(out, "${%.*s}", BYTES_FMT(e->text));
    return true;
}

static bool refuse_piece(struct job_reader *r, const struct hcl_expr *e) {
    if (e->kind == HCL_VARIABLE)
        hcl_diags_add(r->diags, ERR_INVALID, e->at, "a literal `${` is written `$${`",
                      "`${...}` may stand in `command`, `args` and `env` only");
    else if (!job_refuse_expr(r, e))
        hcl_diags_add(r->diags, ERR_INVALID, e->at, NULL,
                      "expected the name of a variable in `${...}`, found %s", hcl_kind_str(e->kind));
    return false;
}

/* A text, or what stands between the braces of ${...} in it. */
static bool append_text(struct job_reader *r, const struct hcl_expr *e, bool is_runtime, struct buf *out) {
    if (e->kind == HCL_VARIABLE && is_runtime)
        return append_variable(r, e, out);
    if (!is_plain(e) && e->kind != HCL_TEMPLATE)
        return refuse_piece(r, e);
    if (is_plain(e) && is_runtime)
        append_escaped(out, plain_text(e));
    else if (is_plain(e))
        buf_append(out, plain_text(e).data, plain_text(e).size);
    for (const struct hcl_expr *child = e->first; child != NULL; child = child->next)
        if (!append_text(r, child, is_runtime, out))
            return false;
    return true;
}

static bool read_text(struct job_reader *r, struct bytes key, const struct hcl_expr *value, bool is_runtime,
                      struct bytes *ret) {
    if (!is_plain(value) && value->kind != HCL_TEMPLATE) {
        job_wrong_kind(r, key, value, "a string");
        return false;
    }
    struct buf text = {0};
    bool is_good = append_text(r, value, is_runtime, &text) &&
                   job_check_size(r, value->at, key, text.size, WIRE_VALUE_MAX);
    if (is_good)
        *ret = arena_copy(r->arena, buf_bytes(&text));
    buf_done(&text);
    return is_good;
}

bool job_text(struct job_reader *r, struct bytes key, const struct hcl_expr *value, struct bytes *ret) {
    return read_text(r, key, value, false, ret);
}

bool job_runtime_text(struct job_reader *r, struct bytes key, const struct hcl_expr *value,
                      struct bytes *ret) {
    return read_text(r, key, value, true, ret);
}

void job_runtime_texts(struct job_reader *r, struct bytes key, const struct hcl_expr *first, size_t count,
                       struct bytes **ret_texts, size_t *ret_count) {
    if (count > WIRE_ARGS_MAX) {
        hcl_diags_add(r->diags, ERR_LIMIT, first->at, NULL, "`%s`: %zu arguments; at most %d are allowed",
                      hcl_show(r->arena, key), count, WIRE_ARGS_MAX);
        return;
    }
    *ret_texts = arena_alloc(r->arena, (count + 1) * sizeof **ret_texts);
    *ret_count = count;
    for (size_t i = 0; i < count; i++, first = first->next)
        job_runtime_text(r, key, first, &(*ret_texts)[i]);
}
