/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * What the files of the job reader share. Each block of a job file is a section: a table of the names that
 * may stand in it, what kind of thing each is, and the function that reads it into the job. Functions that
 * read report what is wrong and go on; a job with any diagnostic is thrown away as a whole.
 *
 *   job_reader.c   sections against their tables
 *   job_value.c    numbers, durations, names, choices
 *   job_text.c     texts, with or without ${...}
 *   job_pairs.c    meta and env
 *   jobspec.c      file, job     job_group.c  group, network, restart     job_task.c  task, config, resources
 *   job_env.c      the variables of a task      job_expand.c  ${...} when it starts
 */
#ifndef COVEY_JOBSPEC_JOB_READER_H
#define COVEY_JOBSPEC_JOB_READER_H

#include "covey/jobspec.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

/* A growing list of variables with unique names. */
struct job_vars {
    struct arena *arena; /* holds names and values */
    VEC(struct wire_pair) list;
    struct map indexes; /* of the list, plus 1, by name */
};

struct job_reader {
    struct arena *arena;
    struct hcl_diags *diags;
    struct jobspec_jobs jobs;
    /* What is being read; NULL outside of it. */
    struct wire_job *job;
    struct wire_group *group;
    struct wire_task *task;
    struct arena scratch;   /* emptied after each task */
    struct job_vars vars;   /* of the task: what ${...} may name; empty until it is needed */
    struct hcl_span env_at; /* of the task's env */
    bool has_driver, has_command, has_config;
    bool is_foreign_driver; /* its config means nothing here */
};

/* ---- job_reader.c */
enum job_key_kind {
    JOB_ATTR,   /* name = value */
    JOB_BLOCK,  /* name { }, once */
    JOB_BLOCKS, /* name "label" { }, labels unique */
    JOB_PAIRS,  /* name { k = v } or name = { k = v } */
};

struct job_key {
    const char *name;
    enum job_key_kind kind;
    int pass; /* keys of a lower pass are read first, wherever they stand */
    void (*read)(struct job_reader *r, const struct hcl_item *item);
};

#define JOB_PASSES 3

struct job_section {
    const char *name; /* "task" */
    const struct job_key *keys;
    size_t keys_count;
    const char *const *refused; /* known to Nomad, or planned here, but not supported; NULL at the end */
};

void job_read_body(struct job_reader *r, const struct hcl_body *body, const struct job_section *section);
/* How many blocks of that name the body has: room to allocate. */
size_t job_blocks_count(const struct hcl_body *body, const char *name);
/* "covey does not support `x` yet" */
void job_refuse(struct job_reader *r, struct hcl_span at, struct bytes name);
/* "did you mean ...", else "known here: a, b, c". */
const char *job_hint(struct job_reader *r, struct bytes word, const char *const *names, size_t count);

/* ---- job_value.c: false = reported, *ret untouched */
bool job_integer(struct job_reader *r, const struct hcl_item *item, int64_t min, int64_t max, uint32_t *ret);
bool job_duration_ms(struct job_reader *r, const struct hcl_item *item, int64_t max_ms, uint64_t *ret_ms);
/* A plain string of at most WIRE_NAME_MAX bytes. */
bool job_string(struct job_reader *r, const struct hcl_item *item, struct bytes *ret);
/* One of the names: its index. */
bool job_choice(struct job_reader *r, const struct hcl_item *item, const char *const *names, size_t count,
                size_t *ret_index);
/* Letters, digits and `._-`, not first `.` or `-`: such a name is safe as the name of a file. */
bool job_check_name(struct job_reader *r, const char *what, struct hcl_span at, struct bytes name);
/* "`key`: expected X, found Y", or the refusal of an expression. */
void job_wrong_kind(struct job_reader *r, struct bytes key, const struct hcl_expr *value,
                    const char *expected);
/* Refuses functions, variables and operators by name; false if the value is none of these. */
bool job_refuse_expr(struct job_reader *r, const struct hcl_expr *e);
/* Within WIRE_VALUE_MAX? */
bool job_check_size(struct job_reader *r, struct hcl_span at, struct bytes key, size_t size, size_t max);

/* ---- job_text.c */
/* A text without ${...}; numbers and booleans count as their text. */
bool job_text(struct job_reader *r, struct bytes key, const struct hcl_expr *value, struct bytes *ret);
/* The same with ${...}, in the form that jobspec_expand reads. */
bool job_runtime_text(struct job_reader *r, struct bytes key, const struct hcl_expr *value,
                      struct bytes *ret);
/* `count` such texts, `first` and its siblings. */
void job_runtime_texts(struct job_reader *r, struct bytes key, const struct hcl_expr *first, size_t count,
                       struct bytes **ret_texts, size_t *ret_count);

/* ---- job_pairs.c */
struct job_pairs {
    struct wire_pair *pairs;
    size_t count;
};
struct job_pairs job_read_meta(struct job_reader *r, const struct hcl_item *item);
void job_read_env(struct job_reader *r, const struct hcl_item *item);

/* ---- job_group.c, job_task.c */
void job_read_group(struct job_reader *r, const struct hcl_item *item);
void job_read_task(struct job_reader *r, const struct hcl_item *item);

/* ---- job_env.c */
/* Adds covey's own variables of a task. Before it runs, ports and directories are missing but not the names.
 */
void job_vars_add_own(struct job_vars *v, const struct jobspec_place *place);
/* Sees to it that r->vars holds them; `env` adds its names itself. */
void job_list_variables(struct job_reader *r);
/* False if there is one of that name. */
bool job_vars_add(struct job_vars *v, struct bytes name, struct bytes value);
/* By name, or by the name as it stands in an environment; NULL if there is none. */
const struct wire_pair *job_vars_find(const struct job_vars *v, struct bytes name);
void job_vars_done(struct job_vars *v);
/* jobspec_env; on failure *ret_culprit is the name of the variable (empty: there are too many). */
int job_env_build(const struct jobspec_place *place, struct arena *a, struct wire_pair **ret_env,
                  size_t *ret_count, struct bytes *ret_culprit);

/* ---- job_expand.c */
/* A piece of a text: literal, or the name of a variable. */
struct job_piece {
    bool is_name;
    struct bytes text;
};
/* Takes the next piece from the front: 1, or 0 at the end, or ERR_INVALID. */
int job_piece_take(struct bytes *rest, struct job_piece *ret_piece);

#endif
