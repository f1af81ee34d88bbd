/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The variables of a task. covey's own come first, each as NOMAD_x, which existing job files and programs
 * know, and as COVEY_x. Then the task's `env`: its values may name the own ones and each other, in any order
 * but no circle.
 */
#include "job_reader.h"

/* ---- the list ------------------------------------------------------------------------------------------ */

bool job_vars_add(struct job_vars *v, struct bytes name, struct bytes value) {
    if (map_get(&v->indexes, name) != NULL)
        return false;
    struct wire_pair pair = {.name = name, .value = value};
    VEC_PUSH(&v->list, pair);
    map_put(&v->indexes, name, (void *)(uintptr_t)v->list.count);
    return true;
}

static size_t find_index(const struct job_vars *v, struct bytes name) {
    return (size_t)(uintptr_t)map_get(&v->indexes, name);
}

/* What an environment cannot hold in a name becomes `_`. */
static struct bytes clean_name(struct arena *a, struct bytes name) {
    uint8_t *out = arena_alloc(a, name.size + 1);
    for (size_t i = 0; i < name.size; i++) {
        uint8_t b = name.data[i], low = b | 0x20;
        bool is_kept = (low >= 'a' && low <= 'z') || (b >= '0' && b <= '9') || b == '_';
        out[i] = is_kept ? b : '_';
    }
    return bytes_of(out, name.size);
}

/* 1 + index, or 0. */
static size_t find(const struct job_vars *v, struct bytes name) {
    size_t found = find_index(v, name);
    return found > 0 ? found : find_index(v, clean_name(v->arena, name));
}

const struct wire_pair *job_vars_find(const struct job_vars *v, struct bytes name) {
    size_t found = find(v, name);
    return found > 0 ? &v->list.data[found - 1] : NULL;
}

void job_vars_done(struct job_vars *v) {
    VEC_DONE(&v->list);
    map_done(&v->indexes);
}

/* ---- covey's own --------------------------------------------------------------------------------------- */

static void add(struct job_vars *v, const char *prefix, const char *kind, struct bytes rest,
                struct bytes value) {
    struct bytes name =
        clean_name(v->arena, bytes_str(arena_printf(v->arena, "%s%s%.*s", prefix, kind, BYTES_FMT(rest))));
    job_vars_add(v, name, value);
}

static void add_both(struct job_vars *v, const char *kind, struct bytes rest, struct bytes value) {
    add(v, "NOMAD_", kind, rest, value);
    add(v, "COVEY_", kind, rest, value);
}

/* One thing that the two call differently. */
static void add_renamed(struct job_vars *v, const char *nomad, const char *covey, struct bytes value) {
    job_vars_add(v, bytes_str(nomad), value);
    job_vars_add(v, bytes_str(covey), value);
}

static struct bytes number(struct job_vars *v, uint32_t value) {
    return bytes_str(arena_printf(v->arena, "%u", value));
}

static void add_identity(struct job_vars *v, const struct jobspec_place *place) {
    char id[ID_TEXT_SIZE], id_8[ID_SHORT_SIZE];
    const struct bytes none = {0}, job = place->job->name, group = place->group->name;
    id_text(place->instance.b, id);
    id_short(place->instance.b, id_8);
    add_renamed(v, "NOMAD_ALLOC_ID", "COVEY_INSTANCE_ID", arena_copy(v->arena, bytes_str(id)));
    add_renamed(v, "NOMAD_SHORT_ALLOC_ID", "COVEY_SHORT_INSTANCE_ID", arena_copy(v->arena, bytes_str(id_8)));
    add_renamed(
        v, "NOMAD_ALLOC_NAME", "COVEY_INSTANCE_NAME",
        bytes_str(arena_printf(v->arena, "%.*s.%.*s[%u]", BYTES_FMT(job), BYTES_FMT(group), place->slot)));
    add_renamed(v, "NOMAD_ALLOC_INDEX", "COVEY_SLOT", number(v, place->slot));
    add_both(v, "JOB_ID", none, job);
    add_both(v, "JOB_NAME", none, job);
    add_both(v, "GROUP_NAME", none, group);
    add_both(v, "TASK_NAME", none, place->task->name);
    job_vars_add(v, bytes_str("COVEY_NODE_NAME"), place->node_name);
}

static void add_room(struct job_vars *v, const struct jobspec_place *place) {
    const struct bytes none = {0};
    add_both(v, "TASK_DIR", none, place->task_dir);
    add_both(v, "ALLOC_DIR", none, place->alloc_dir);
    add_both(v, "CPU_LIMIT", none, number(v, place->task->cpu_mhz));
    add_both(v, "MEMORY_LIMIT", none, number(v, place->task->memory_mib));
}

static const struct wire_port_binding *binding_of(const struct jobspec_place *place, struct bytes label) {
    for (size_t i = 0; i < place->ports_count; i++)
        if (bytes_equal(place->ports[i].label, label))
            return &place->ports[i];
    return NULL;
}

/* PORT is where the task listens; ADDR and HOST_PORT are what others connect to. */
static void add_port(struct job_vars *v, const struct jobspec_place *place, struct bytes label) {
    const struct wire_port_binding unbound = {0}, *found = binding_of(place, label);
    const struct wire_port_binding *port = found != NULL ? found : &unbound;
    bool is_ip6 = place->ip.size > 0 && memchr(place->ip.data, ':', place->ip.size) != NULL;
    add_both(v, "PORT_", label, number(v, port->to > 0 ? port->to : port->port));
    add_both(v, "HOST_PORT_", label, number(v, port->port));
    add_both(v, "IP_", label, place->ip);
    add_both(v, "ADDR_", label,
             bytes_str(
                 arena_printf(v->arena, is_ip6 ? "[%.*s]:%u" : "%.*s:%u", BYTES_FMT(place->ip), port->port)));
}

static struct bytes upper_case(struct arena *a, struct bytes name) {
    uint8_t *out = arena_alloc(a, name.size + 1);
    for (size_t i = 0; i < name.size; i++)
        out[i] =
            name.data[i] >= 'a' && name.data[i] <= 'z' ? (uint8_t)(name.data[i] - 'a' + 'A') : name.data[i];
    return bytes_of(out, name.size);
}

/* The first of a name wins: the task's meta before the group's before the job's, as written before in
 * capitals. */
static void add_meta(struct job_vars *v, const struct jobspec_place *place) {
    const struct job_pairs levels[] = {
        {place->task->meta, place->task->meta_count},
        {place->group->meta, place->group->meta_count},
        {place->job->meta, place->job->meta_count},
    };
    for (size_t i = 0; i < COUNT_OF(levels); i++)
        for (size_t k = 0; k < levels[i].count; k++)
            add_both(v, "META_", levels[i].pairs[k].name, levels[i].pairs[k].value);
    for (size_t i = 0; i < COUNT_OF(levels); i++)
        for (size_t k = 0; k < levels[i].count; k++)
            add_both(v, "META_", upper_case(v->arena, levels[i].pairs[k].name), levels[i].pairs[k].value);
}

void job_vars_add_own(struct job_vars *v, const struct jobspec_place *place) {
    add_identity(v, place);
    add_room(v, place);
    for (size_t i = 0; i < place->group->ports_count; i++)
        add_port(v, place, place->group->ports[i].label);
    add_meta(v, place);
}

void job_list_variables(struct job_reader *r) {
    if (r->vars.list.count > 0)
        return;
    const struct jobspec_place place = {.job = r->job, .group = r->group, .task = r->task};
    r->vars.arena = &r->scratch;
    job_vars_add_own(&r->vars, &place);
}

/* ---- the task's env ------------------------------------------------------------------------------------ */

enum { WAITING, EXPANDING, EXPANDED };

struct expansion {
    struct job_vars vars;
    uint8_t *states; /* of each of vars.list */
    struct bytes culprit;
};

static int expand(struct expansion *x, size_t index);

static int append_variable(struct expansion *x, struct bytes name, struct buf *out) {
    size_t found = find(&x->vars, name);
    if (found == 0)
        return ERR_NOT_FOUND;
    int code = expand(x, found - 1);
    if (code == 0) {
        struct bytes value = x->vars.list.data[found - 1].value;
        buf_append(out, value.data, value.size);
    }
    return code;
}

static int append_expanded(struct expansion *x, struct bytes text, struct buf *out) {
    struct job_piece piece;
    int code;
    while ((code = job_piece_take(&text, &piece)) == 1) {
        if (!piece.is_name)
            buf_append(out, piece.text.data, piece.text.size);
        else if ((code = append_variable(x, piece.text, out)) != 0)
            return code;
        if (out->size > WIRE_VALUE_MAX)
            return ERR_LIMIT;
    }
    return code;
}

/* Each value once, the ones it names before it: what names itself on the way is a circle. */
static int expand(struct expansion *x, size_t index) {
    if (x->states[index] == EXPANDED)
        return 0;
    if (x->states[index] == EXPANDING)
        return ERR_INVALID;
    struct wire_pair *pair = &x->vars.list.data[index];
    struct buf value = {0};
    x->states[index] = EXPANDING;
    int code = append_expanded(x, pair->value, &value);
    if (code == 0) {
        x->states[index] = EXPANDED;
        pair->value = arena_copy(x->vars.arena, buf_bytes(&value));
    } else if (x->culprit.size == 0) {
        x->culprit = pair->name;
    }
    buf_done(&value);
    return code;
}

static int expand_all(struct expansion *x, size_t own_count) {
    x->states = arena_alloc(x->vars.arena, x->vars.list.count);
    memset(x->states, EXPANDED, own_count);
    int code = 0;
    for (size_t i = own_count; i < x->vars.list.count && code == 0; i++)
        code = expand(x, i);
    return code;
}

int job_env_build(const struct jobspec_place *place, struct arena *a, struct wire_pair **ret_env,
                  size_t *ret_count, struct bytes *ret_culprit) {
    struct expansion x = {.vars = {.arena = a}};
    job_vars_add_own(&x.vars, place);
    size_t own_count = x.vars.list.count;
    for (size_t i = 0; i < place->task->env_count; i++)
        job_vars_add(&x.vars, place->task->env[i].name, place->task->env[i].value);
    int code = x.vars.list.count > JOBSPEC_ENV_MAX ? ERR_LIMIT : expand_all(&x, own_count);
    if (code == 0) {
        *ret_count = x.vars.list.count;
        *ret_env = arena_alloc(a, (*ret_count + 1) * sizeof **ret_env);
        memcpy(*ret_env, x.vars.list.data, *ret_count * sizeof **ret_env);
    }
    *ret_culprit = x.culprit;
    job_vars_done(&x.vars);
    return code;
}

int jobspec_env(const struct jobspec_place *place, struct arena *a, struct wire_pair **ret_env,
                size_t *ret_count) {
    struct bytes culprit;
    return job_env_build(place, a, ret_env, ret_count, &culprit);
}
