/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Starting an instance: admission by this host's own facts, ports, and one shim a task. */
#include "internal.h"

void node_instance_refuse(struct node *n, struct local_instance *i, const char *format, ...) {
    va_list args;
    va_start(args, format);
    buf_clear(&i->reason);
    buf_vprintf(&i->reason, format, args);
    va_end(args);
    node_text_cut(&i->reason);
    node_mark(n, MARK_NODE_START_REFUSED);
    i->refused = true;
    node_event(n, "instance.refused", n->identity.id, i->id, "%.*s", BYTES_FMT(buf_bytes(&i->reason)));
    for (size_t t = 0; t < i->tasks_count; t++) {
        if (!i->tasks[t].started || i->tasks[t].final)
            continue;
        i->tasks[t].stop_asked = true;
        struct node_effect *e = node_emit(n, NODE_TASK_COMMAND);
        e->instance = i->id;
        e->task = node_effect_copy(n, i->tasks[t].name);
        e->command.stop = true;
    }
    node_instance_touch(n, i);
}

/* ---- ports ---- */

static bool port_used(const struct node *n, const struct local_instance *self, uint32_t port) {
    for (size_t k = 0; k < n->instances.count; k++) {
        const struct local_instance *i = n->instances.entries[k].value;
        if (node_instance_over(i) && i != self)
            continue;
        for (size_t p = 0; p < i->ports_count; p++)
            if (i->ports[p].port == port)
                return true;
    }
    return false;
}

static bool port_pick(struct node *n, struct local_instance *i, uint32_t *ret) {
    uint32_t count = n->self.ports_high - n->self.ports_low + 1;
    if (n->self.ports_high == 0)
        return false;
    uint32_t start = (uint32_t)prng_below(&n->prng, count);
    for (uint32_t k = 0; k < count; k++) {
        uint32_t port = n->self.ports_low + (start + k) % count;
        if (port_used(n, i, port))
            continue;
        *ret = port;
        return true;
    }
    return false;
}

static bool ports_assign(struct node *n, struct local_instance *i, const struct wire_group *group) {
    i->ports = arena_alloc(&i->arena, (group->ports_count + 1) * sizeof *i->ports);
    i->ports_count = 0;
    for (size_t p = 0; p < group->ports_count; p++) {
        const struct wire_port_request *want = &group->ports[p];
        uint32_t port = want->static_;
        if (port != 0 && port_used(n, i, port)) {
            node_instance_refuse(n, i, "port %u (%.*s) is taken by another instance on this host", port,
                                 BYTES_FMT(want->label));
            return false;
        }
        if (port == 0 && !port_pick(n, i, &port)) {
            node_instance_refuse(n, i, "no dynamic port is free between %u and %u", n->self.ports_low,
                                 n->self.ports_high);
            return false;
        }
        i->ports[i->ports_count++] = (struct wire_port_binding){
            .label = arena_copy(&i->arena, want->label), .port = port, .to = want->to != 0 ? want->to : port};
    }
    return true;
}

/* ---- specs ---- */

static struct bytes expand(struct node *n, struct bytes text, const struct wire_pair *env, size_t env_count,
                           int *error) {
    struct buf out = {0};
    int e = jobspec_expand(text, env, env_count, &out);
    if (e != 0)
        *error = e;
    struct bytes copy = node_effect_copy(n, buf_bytes(&out));
    buf_done(&out);
    return copy;
}

static struct bytes task_path(struct node *n, const struct local_instance *i, struct bytes task) {
    char id[ID_TEXT_SIZE];
    id_text(i->id.b, id);
    if (task.size == 0)
        return bytes_str(arena_printf(&n->effects.arena, "%.*s/%s/.alloc", BYTES_FMT(n->task_root), id));
    return bytes_str(
        arena_printf(&n->effects.arena, "%.*s/%s/%.*s/work", BYTES_FMT(n->task_root), id, BYTES_FMT(task)));
}

static int spec_fill(struct node *n, struct local_instance *i, const struct wire_job_record *job,
                     const struct wire_group *group, const struct wire_task *task,
                     struct wire_shim_spec *spec) {
    char ip[ADDR_TEXT_SIZE];
    addr_host_text(&n->self.addr, ip);
    struct bytes bind = node_effect_copy(n, bytes_str(ip));
    struct jobspec_place place = {
        .job = &job->spec,
        .group = group,
        .task = task,
        .instance = i->id,
        .slot = i->slot,
        .node_name = n->self.name,
        .ip = bind,
        .ports = i->ports,
        .ports_count = i->ports_count,
        .task_dir = task_path(n, i, task->name),
        .alloc_dir = task_path(n, i, (struct bytes){0}),
    };
    *spec = (struct wire_shim_spec){
        .instance = i->id,
        .node = n->identity.id,
        .job = job->spec.name,
        .group = group->name,
        .task = task->name,
        .slot = i->slot,
        .job_version = i->version,
        .type = job->spec.type,
        .driver = task->driver,
        .user = task->user,
        .restart = group->restart,
        .kill_timeout_ms = task->kill_timeout_ms,
        .kill_signal = task->kill_signal,
        .cpu_mhz = task->cpu_mhz,
        .memory_mib = task->memory_mib,
        .ports = i->ports,
        .ports_count = i->ports_count,
        .bind = bind,
        .directory = place.task_dir,
    };
    int error = jobspec_env(&place, &n->effects.arena, &spec->env, &spec->env_count);
    if (error != 0)
        return error;
    spec->command = expand(n, task->command, spec->env, spec->env_count, &error);
    spec->args = arena_alloc(&n->effects.arena, (task->args_count + 1) * sizeof *spec->args);
    for (size_t a = 0; a < task->args_count; a++)
        spec->args[spec->args_count++] = expand(n, task->args[a], spec->env, spec->env_count, &error);
    return error;
}

static void task_start(struct node *n, struct local_instance *i, const struct wire_job_record *job,
                       const struct wire_group *group, const struct wire_task *task) {
    struct local_task *t = node_instance_task(i, task->name, true);
    if (t == NULL || t->started)
        return;
    struct wire_shim_spec spec;
    int error = spec_fill(n, i, job, group, task, &spec);
    if (error != 0) {
        node_instance_refuse(n, i, "task %.*s: its command or environment cannot be expanded: %s",
                             BYTES_FMT(task->name), err_str(error));
        return;
    }
    bool ports_held = false;
    for (size_t k = 0; k < i->tasks_count; k++)
        ports_held |= i->tasks[k].started;
    t->started = true;
    struct wire_shim_spec *copy = arena_alloc(&n->effects.arena, sizeof *copy);
    codec_copy(&wire_shim_spec_type, &spec, &n->effects.arena, copy);
    struct node_effect *e = node_emit(n, NODE_TASK_START);
    e->spec = copy;
    e->ports_held = ports_held;
}

/* ---- admission ---- */

static bool admit(struct node *n, struct local_instance *i, const struct wire_group *group) {
    uint64_t memory = 0;
    for (size_t k = 0; k < n->instances.count; k++) {
        const struct local_instance *other = n->instances.entries[k].value;
        if (other->state == INSTANCE_STATE_STARTING || other->state == INSTANCE_STATE_RUNNING)
            memory += other->memory_mib;
    }
    memory -= i->memory_mib;
    i->memory_mib = i->cpu_mhz = 0;
    for (size_t t = 0; t < group->tasks_count; t++) {
        i->memory_mib += group->tasks[t].memory_mib;
        i->cpu_mhz += group->tasks[t].cpu_mhz;
        if (group->tasks[t].driver == DRIVER_KIND_RAW_EXEC && !n->self.raw_exec) {
            node_instance_refuse(n, i, "raw_exec is not allowed on this host");
            return false;
        }
    }
    if (n->self.memory_mib != 0 && memory + i->memory_mib > n->self.memory_mib) {
        node_instance_refuse(n, i, "%u MiB of memory do not fit: %llu of %u MiB are taken", i->memory_mib,
                             (unsigned long long)memory, n->self.memory_mib);
        return false;
    }
    return true;
}

const struct wire_group *node_group_of(const struct node *n, const struct wire_instance_record *record) {
    return state_group_find(state_job_version(n->state, record->job, record->version), record->group);
}

static void instance_run(struct node *n, struct local_instance *i,
                         const struct wire_instance_record *record) {
    const struct wire_job_record *job = state_job_version(n->state, record->job, record->version);
    const struct wire_group *group = node_group_of(n, record);
    i->tasks_expected = group->tasks_count;
    bool anything = false;
    for (size_t t = 0; t < i->tasks_count; t++)
        anything |= i->tasks[t].started;
    if (!admit(n, i, group))
        return;
    /* Ports stay what they are while a task of the instance may be using them. */
    if (!anything && !ports_assign(n, i, group))
        return;
    for (size_t t = 0; t < group->tasks_count && !i->refused; t++)
        task_start(n, i, job, group, &group->tasks[t]);
    if (!i->refused)
        node_instance_touch(n, i);
}

struct local_instance *node_instance_of(struct node *n, const struct wire_instance_record *record) {
    const struct wire_job_record *job = state_job_version(n->state, record->job, record->version);
    struct local_instance *i = node_instance_add(n, record->id);
    i->job = arena_copy(&i->arena, record->job);
    i->group = arena_copy(&i->arena, record->group);
    i->version = record->version;
    i->slot = record->slot;
    i->known = true;
    i->type = job->spec.type;
    i->fact_sequence = record->sequence + 1;
    return i;
}

void node_instance_start(struct node *n, const struct wire_instance_record *record) {
    instance_run(n, node_instance_of(n, record), record);
}

void node_instance_start_again(struct node *n, struct local_instance *i,
                               const struct wire_instance_record *record) {
    instance_run(n, i, record);
}
