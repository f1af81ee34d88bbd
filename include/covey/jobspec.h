/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * jobspec: the text of a job file to typed jobs; and what a task's texts mean when it is started.
 *
 * Job files are HCL with the vocabulary of HashiCorp's Nomad, as far as covey has the thing behind the word;
 * see covey-job(5). Nothing is ever ignored: an unknown name is an error with the nearest known one, a name
 * that Nomad knows and covey does not is refused as such (ERR_UNSUPPORTED).
 *
 * `${...}` in command, args and env is not evaluated here: a typed job keeps it, in the plain form `${NAME}`,
 * with a literal `${` as `$${`, until the agent starts the task and calls jobspec_expand. But every NAME is
 * checked here.
 *
 * PURE. Jobs that mean the same have the same canonical encoding (covey/codec.h) however their files are laid
 * out: meta, env and ports are in the order of their names; groups, tasks and arguments in the order of the
 * file.
 */
#ifndef COVEY_JOBSPEC_H
#define COVEY_JOBSPEC_H

#include <covey/base.h>
#include <covey/hcl.h>
#include <covey/wire.h>

#define JOBSPEC_JOBS_MAX 100  /* jobs in one file */
#define JOBSPEC_ENV_MAX  1024 /* environment variables of a task, covey's own ones included */

/* What is taken where the file says nothing; times as in the schema, in milliseconds. */
#define JOBSPEC_COUNT_DEFAULT           1
#define JOBSPEC_CPU_MHZ_DEFAULT         100
#define JOBSPEC_MEMORY_MIB_DEFAULT      300
#define JOBSPEC_KILL_TIMEOUT_MS_DEFAULT 5000
#define JOBSPEC_KILL_SIGNAL_DEFAULT     15 /* SIGTERM */
struct wire_restart_policy jobspec_restart_default(enum job_type type);

struct jobspec_jobs {
    struct wire_job *jobs;
    size_t count;
};

/*
 * Reads a job file. 0 and at least one job, or the code of the first diagnostic: ERR_INVALID, ERR_LIMIT or
 * ERR_UNSUPPORTED. `diags` is initialised here; print it with hcl_diags_print. The jobs borrow `text` and the
 * arena, the diagnostics `file` too.
 */
int jobspec_parse(const char *file, struct bytes text, struct arena *a, struct hcl_diags *diags,
                  struct jobspec_jobs *ret_jobs);

/* ---- when a task is started ---------------------------------------------------------------------------- */

/* The task and where it runs; everything is borrowed. */
struct jobspec_place {
    const struct wire_job *job;
    const struct wire_group *group;
    const struct wire_task *task;
    struct instance_id instance;
    uint32_t slot;
    struct bytes node_name;
    struct bytes ip; /* text of the address that the ports are on, without brackets */
    const struct wire_port_binding *ports;
    size_t ports_count;
    struct bytes task_dir;  /* working directory of the task */
    struct bytes alloc_dir; /* directory that the tasks of the instance share */
};

/*
 * The environment of the task: covey's own variables under both prefixes, NOMAD_ and COVEY_, then the task's
 * `env` with `${...}` expanded. At most JOBSPEC_ENV_MAX; names are unique. Everything lies in the arena.
 * Errors: ERR_LIMIT for a value over WIRE_VALUE_MAX bytes or too many variables; ERR_NOT_FOUND for a variable
 * that does not exist, ERR_INVALID for a malformed or circular one (a job that jobspec_parse made has
 * neither).
 */
int jobspec_env(const struct jobspec_place *place, struct arena *a, struct wire_pair **ret_env,
                size_t *ret_count);

/*
 * Appends `text` with each `${NAME}` replaced by the value of that name in `env` and `$${` by `${`. `-` in
 * NAME also finds `_`. Errors, with `out` as it was: ERR_NOT_FOUND, ERR_INVALID (a `${` that is not closed),
 * ERR_LIMIT (the result is larger than WIRE_VALUE_MAX).
 */
int jobspec_expand(struct bytes text, const struct wire_pair *env, size_t env_count, struct buf *out);

#endif
