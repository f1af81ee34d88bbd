/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* task, config, resources. */
#include "job_reader.h"

#define CPU_MHZ_MAX         1000000
#define MEMORY_MIB_MAX      16777216                /* 16 TiB */
#define KILL_TIMEOUT_MAX_MS (INT64_C(86400) * 1000) /* 1 day */

/* ---- what is run --------------------------------------------------------------------------------------- */

static const char *const drivers[] = {[DRIVER_KIND_EXEC] = "exec", [DRIVER_KIND_RAW_EXEC] = "raw_exec"};

static const char *const foreign_drivers[] = {
    "containerd",  "containerd-driver",
    "docker",      "ecs",
    "exec2",       "firecracker-task-driver",
    "java",        "lxc",
    "mock_driver", "nspawn",
    "pledge",      "podman",
    "qemu",        "rkt",
    "singularity", "virt",
};

static bool is_foreign(struct bytes name) {
    for (size_t i = 0; i < COUNT_OF(foreign_drivers); i++)
        if (bytes_is(name, foreign_drivers[i]))
            return true;
    return false;
}

/* Until a driver of ours is found, the task's config is nothing to complain about. */
static void read_driver(struct job_reader *r, const struct hcl_item *item) {
    struct bytes text;
    size_t index;
    r->has_driver = r->is_foreign_driver = true;
    if (!job_string(r, item, &text))
        return;
    if (is_foreign(text)) {
        hcl_diags_add(r->diags, ERR_UNSUPPORTED, item->value->at, "drivers here: exec, raw_exec",
                      "covey does not support the driver \"%s\" yet", hcl_show(r->arena, text));
    } else if (job_choice(r, item, drivers, COUNT_OF(drivers), &index)) {
        r->is_foreign_driver = false;
        r->task->driver = (enum driver_kind)index;
    }
}

static bool check_command(struct job_reader *r, const struct hcl_item *item) {
    if (r->task->command.size > 0)
        return true;
    hcl_diags_add(r->diags, ERR_INVALID, item->value->at, NULL, "`%s` is empty",
                  hcl_show(r->arena, item->name));
    return false;
}

static void read_program(struct job_reader *r, const struct hcl_item *item) {
    r->has_command = true;
    if (job_runtime_text(r, item->name, item->value, &r->task->command))
        check_command(r, item);
}

static void read_args(struct job_reader *r, const struct hcl_item *item) {
    if (item->value->kind != HCL_TUPLE)
        job_wrong_kind(r, item->name, item->value, "a list of strings");
    else
        job_runtime_texts(r, item->name, item->value->first, item->value->count, &r->task->args,
                          &r->task->args_count);
}

static const struct job_key config_keys[] = {
    {"args", JOB_ATTR, 0, read_args},
    {"command", JOB_ATTR, 0, read_program},
};
static const char *const config_refused[] = {
    "cap_add",  "cap_drop",   "cgroup_v1_override", "cgroup_v2_override", "denied_envvars", "dynamic",
    "ipc_mode", "no_cgroups", "oom_score_adj",      "pid_mode",           "work_dir",       NULL,
};
static const struct job_section config_section = {"`config`", config_keys, COUNT_OF(config_keys),
                                                  config_refused};

static void read_config(struct job_reader *r, const struct hcl_item *item) {
    r->has_config = true;
    if (r->has_command)
        hcl_diags_add(r->diags, ERR_INVALID, item->at, NULL,
                      "a task has either `command` or `config`, not both");
    else if (!r->is_foreign_driver)
        job_read_body(r, item->body, &config_section);
}

/* Ours: command = "program", or command = ["program", "argument"...]. */
static void read_command(struct job_reader *r, const struct hcl_item *item) {
    const struct hcl_expr *value = item->value;
    if (value->kind != HCL_TUPLE) {
        read_program(r, item);
        return;
    }
    r->has_command = true;
    if (value->count == 0) {
        hcl_diags_add(r->diags, ERR_INVALID, value->at, NULL, "`command` is empty");
        return;
    }
    if (job_runtime_text(r, item->name, value->first, &r->task->command) && check_command(r, item))
        job_runtime_texts(r, item->name, value->first->next, value->count - 1, &r->task->args,
                          &r->task->args_count);
}

/* ---- resources ----------------------------------------------------------------------------------------- */

static void read_cpu(struct job_reader *r, const struct hcl_item *item) {
    job_integer(r, item, 1, CPU_MHZ_MAX, &r->task->cpu_mhz);
}

static void read_memory(struct job_reader *r, const struct hcl_item *item) {
    job_integer(r, item, 1, MEMORY_MIB_MAX, &r->task->memory_mib);
}

static const struct job_key resources_keys[] = {
    {"cpu", JOB_ATTR, 0, read_cpu},
    {"memory", JOB_ATTR, 0, read_memory},
};
static const char *const resources_refused[] = {
    "cores", "device", "disk", "dynamic", "iops", "memory_max", "network", "numa", "secrets", NULL,
};
static const struct job_section resources_section = {"`resources`", resources_keys, COUNT_OF(resources_keys),
                                                     resources_refused};

static void read_resources(struct job_reader *r, const struct hcl_item *item) {
    job_read_body(r, item->body, &resources_section);
}

/* ---- how it ends --------------------------------------------------------------------------------------- */

static void read_kill_timeout(struct job_reader *r, const struct hcl_item *item) {
    uint64_t ms;
    if (job_duration_ms(r, item, KILL_TIMEOUT_MAX_MS, &ms))
        r->task->kill_timeout_ms = (uint32_t)ms;
}

/* The numbers are Linux's on x86, ARM, RISC-V and POWER; a job means the same signal wherever it is read. */
static const struct {
    const char *name;
    uint32_t number;
} signals[] = {
    {"SIGHUP", 1},   {"SIGINT", 2},   {"SIGQUIT", 3},  {"SIGABRT", 6},  {"SIGKILL", 9},   {"SIGUSR1", 10},
    {"SIGUSR2", 12}, {"SIGALRM", 14}, {"SIGTERM", 15}, {"SIGCONT", 18}, {"SIGWINCH", 28}, {"SIGPWR", 30},
};

static void read_kill_signal(struct job_reader *r, const struct hcl_item *item) {
    const char *names[COUNT_OF(signals)];
    size_t index;
    for (size_t i = 0; i < COUNT_OF(signals); i++)
        names[i] = signals[i].name;
    if (job_choice(r, item, names, COUNT_OF(signals), &index))
        r->task->kill_signal = signals[index].number;
}

/* ---- task ---------------------------------------------------------------------------------------------- */

static void read_user(struct job_reader *r, const struct hcl_item *item) {
    if (job_string(r, item, &r->task->user))
        job_check_name(r, "user", item->value->at, r->task->user);
}

static void read_meta(struct job_reader *r, const struct hcl_item *item) {
    struct job_pairs meta = job_read_meta(r, item);
    r->task->meta = meta.pairs;
    r->task->meta_count = meta.count;
}

/* Before env come the names that its values may use, before command and config the driver and env. */
static const struct job_key task_keys[] = {
    {"command", JOB_ATTR, 2, read_command},
    {"config", JOB_BLOCK, 2, read_config},
    {"driver", JOB_ATTR, 0, read_driver},
    {"env", JOB_PAIRS, 1, job_read_env},
    {"kill_signal", JOB_ATTR, 0, read_kill_signal},
    {"kill_timeout", JOB_ATTR, 0, read_kill_timeout},
    {"meta", JOB_PAIRS, 0, read_meta},
    {"resources", JOB_BLOCK, 0, read_resources},
    {"user", JOB_ATTR, 0, read_user},
};
static const char *const task_refused[] = {
    "action",  "affinity",     "artifact", "constraint", "consul",    "csi_plugin",     "dispatch_payload",
    "dynamic", "identity",     "kind",     "leader",     "lifecycle", "logs",           "numa",
    "restart", "scaling",      "schedule", "secret",     "service",   "shutdown_delay", "template",
    "vault",   "volume_mount", NULL,
};
static const struct job_section task_section = {"`task`", task_keys, COUNT_OF(task_keys), task_refused};

static void check_whole(struct job_reader *r, const struct hcl_item *item) {
    const char *name = hcl_show(r->arena, r->task->name);
    if (r->has_command || r->is_foreign_driver)
        return;
    if (r->has_config)
        hcl_diags_add(r->diags, ERR_INVALID, item->at, NULL, "the `config` of task `%s` has no `command`",
                      name);
    else
        hcl_diags_add(r->diags, ERR_INVALID, item->at, "command = [\"/path/to/program\", \"argument\"]",
                      r->has_driver ? "task `%s` has no `config`" : "task `%s` has no `command`", name);
}

/* `config` names the driver whose it is; only `command` stands for exec by itself. */
static void check_driver(struct job_reader *r, const struct hcl_item *item) {
    if (r->has_config && !r->has_driver)
        hcl_diags_add(r->diags, ERR_INVALID, item->at, "driver = \"exec\" or driver = \"raw_exec\"",
                      "task `%s` has no `driver`", hcl_show(r->arena, r->task->name));
}

/* What cannot be seen before every value is there: circles in env, and too much of it. */
static void check_env(struct job_reader *r, const struct hcl_item *item) {
    const struct jobspec_place place = {.job = r->job, .group = r->group, .task = r->task};
    struct hcl_span at = r->env_at.line > 0 ? r->env_at : item->at;
    struct wire_pair *env;
    size_t count;
    struct bytes culprit;
    int code = job_env_build(&place, &r->scratch, &env, &count, &culprit);
    if (code == ERR_INVALID)
        hcl_diags_add(r->diags, code, at, NULL, "`%s` in `env` refers to itself in a circle",
                      hcl_show(r->arena, culprit));
    else if (code == ERR_LIMIT && culprit.size > 0)
        hcl_diags_add(r->diags, code, at, NULL, "`%s` in `env` becomes larger than %d bytes",
                      hcl_show(r->arena, culprit), WIRE_VALUE_MAX);
    else if (code == ERR_LIMIT)
        hcl_diags_add(r->diags, code, at, "meta and ports count, too: each makes several variables",
                      "task `%s` gets more than %d environment variables", hcl_show(r->arena, r->task->name),
                      JOBSPEC_ENV_MAX);
}

static void task_start(struct job_reader *r, const struct hcl_item *item) {
    r->task = &r->group->tasks[r->group->tasks_count++];
    r->task->name = item->labels->text;
    r->task->cpu_mhz = JOBSPEC_CPU_MHZ_DEFAULT;
    r->task->memory_mib = JOBSPEC_MEMORY_MIB_DEFAULT;
    r->task->kill_timeout_ms = JOBSPEC_KILL_TIMEOUT_MS_DEFAULT;
    r->task->kill_signal = JOBSPEC_KILL_SIGNAL_DEFAULT;
    r->env_at = (struct hcl_span){0};
    r->has_driver = r->has_command = r->has_config = r->is_foreign_driver = false;
}

void job_read_task(struct job_reader *r, const struct hcl_item *item) {
    if (r->group->tasks_count == WIRE_TASKS_MAX) {
        hcl_diags_add(r->diags, ERR_LIMIT, item->at, NULL, "more than %d tasks in a group", WIRE_TASKS_MAX);
        return;
    }
    if (!job_check_name(r, "task", item->labels->at, item->labels->text))
        return;
    size_t before = r->diags->count;
    task_start(r, item);
    job_read_body(r, item->body, &task_section);
    if (r->diags->count == before) { /* else something may only seem to be missing */
        check_whole(r, item);
        check_driver(r, item);
    }
    if (r->diags->count == before)
        check_env(r, item);
    job_vars_done(&r->vars);
    arena_reset(&r->scratch);
    r->task = NULL;
}
