/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* covey backup FILE, covey restore FILE */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <covey/client.h>

#include "wait.h"

#define ANSWER_MS    15000
#define CREDIT_BYTES (512u * 1024)
#define WRITE_US     (60 * US_PER_S)

/* ---- backup -------------------------------------------------------------------------------------------- */

static int backup_fetch(struct cli *c, struct buf *out) {
    struct wire_admin_backup q = {.consistent = true, .credit = CREDIT_BYTES};
    struct wire_admin_chunk chunk = {0};
    struct arena a = {0};
    uint64_t id;
    int error = cli_stream(c, "backup", &wire_admin_backup_type, &q, &id);
    while (error == 0 && !chunk.end) {
        arena_reset(&a);
        error = cli_chunk(c, id, &a, &chunk, ANSWER_MS);
        if (error == 0)
            buf_append(out, chunk.data.data, chunk.data.size);
    }
    arena_done(&a);
    return error;
}

static int fd_write(int fd, const struct buf *data) {
    for (size_t at = 0; at < data->size;) {
        ssize_t size = write(fd, data->data + at, data->size - at);
        if (size < 0 && errno != EINTR)
            return ERR_IO;
        at += size > 0 ? (size_t)size : 0;
    }
    return fsync(fd) != 0 && errno != EINVAL && errno != EROFS ? ERR_IO : 0;
}

static int file_fail(struct cli *c, const char *path, int number) {
    snprintf(c->text, sizeof c->text, "%s: %s", path, strerror(number));
    return ERR_IO;
}

/* What is there and no file, a pipe or a device, is written to: to take its name would be to remove it. */
static int other_save(struct cli *c, const char *path, const struct buf *data) {
    bool is_out = strcmp(path, "-") == 0;
    int fd = is_out ? STDOUT_FILENO : open(path, O_WRONLY | O_CLOEXEC);
    int error = fd < 0 || fd_write(fd, data) != 0 ? errno : 0;
    if (fd >= 0 && !is_out)
        close(fd);
    return error != 0 ? file_fail(c, is_out ? "the standard output" : path, error) : 0;
}

/* Whole or not at all: a new file that takes the name when it is on the disk. `-`: the standard output. */
static int file_save(struct cli *c, const char *path, const struct buf *data) {
    struct stat s;
    if (strcmp(path, "-") == 0 || (stat(path, &s) == 0 && !S_ISREG(s.st_mode)))
        return other_save(c, path, data);
    const char *temporary = arena_printf(&c->arena, "%s.new", path);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return file_fail(c, temporary, errno);
    int error = fd_write(fd, data) != 0 ? errno : 0;
    if (close(fd) != 0 && error == 0)
        error = errno;
    if (error == 0 && rename(temporary, path) != 0)
        error = errno;
    if (error != 0)
        unlink(temporary);
    return error != 0 ? file_fail(c, path, error) : 0;
}

static int backup_read(struct cli *c, struct bytes data, struct wire_backup *ret) {
    struct codec_fault fault = {0};
    int error = codec_decode(&wire_backup_type, data, &c->arena, ret, &fault);
    if (error != 0)
        snprintf(c->text, sizeof c->text, "this is no backup: %s: %s", fault.path, fault.what);
    return error;
}

static void backup_tell(struct cli *c, const char *path, const struct wire_backup *b) {
    if (c->options.json)
        printf("{\"jobs\":%zu,\"vars\":%zu,\"index\":%llu}\n", b->jobs_count, b->vars_count,
               (unsigned long long)b->index);
    else
        printf("%s: %zu jobs and %zu variables as of index %llu\n", path, b->jobs_count, b->vars_count,
               (unsigned long long)b->index);
}

int cli_backup(struct cli *c) {
    const char *path = c->options.operands[0];
    struct buf data = {0};
    struct wire_backup backup;
    int error = backup_fetch(c, &data);
    if (error == 0)
        error = backup_read(c, buf_bytes(&data), &backup);
    if (error == 0)
        error = file_save(c, path, &data);
    int status = error == 0 ? 0 : cli_fail_call(c, error);
    if (error == 0 && strcmp(path, "-") != 0)
        backup_tell(c, path, &backup);
    buf_done(&data);
    return status;
}

/* ---- restore ------------------------------------------------------------------------------------------- */

struct restored {
    size_t jobs, vars, same;
};

/* What is there with the same content is left alone; with another it is overwritten only with --force. */
static int var_restore(struct cli *c, const struct wire_var_record *v, struct restored *r) {
    struct wire_admin_var_put put = {.request = cli_request_id()};
    struct wire_admin_var_query q = {.key = v->key};
    struct wire_admin_write_result result;
    struct wire_admin_vars there;
    put.var = (struct wire_cmd_var){.key = v->key, .value = v->value, .check = true};
    int error = cli_call(c, "vars", &wire_admin_var_query_type, &q, &wire_admin_vars_type, &there, ANSWER_MS);
    if (error == 0 && there.vars_count > 0) {
        if (bytes_equal(there.vars[0].value, v->value)) {
            r->same++;
            return 0;
        }
        put.var.version = there.vars[0].version;
        if (!c->options.force) {
            snprintf(c->text, sizeof c->text,
                     "the variable %.*s has another value here; --force overwrites it", BYTES_FMT(v->key));
            return ERR_EXISTS;
        }
    }
    if (error != 0 && error != ERR_NOT_FOUND)
        return error;
    error = cli_write(c, "var.put", &wire_admin_var_put_type, &put, &wire_admin_write_result_type, &result,
                      cli_now_us() + WRITE_US);
    r->vars += error == 0;
    return error;
}

static int job_restore(struct cli *c, const struct wire_job_record *job, struct restored *r) {
    struct wire_admin_run run = {.request = cli_request_id(), .job = job->spec};
    struct wire_admin_job_query q = {.name = job->spec.name};
    struct wire_admin_job_status s;
    struct wire_admin_run_result result;
    int error =
        cli_call(c, "job", &wire_admin_job_query_type, &q, &wire_admin_job_status_type, &s, ANSWER_MS);
    bool differs =
        error == 0 && !s.record.stopped && !codec_equal(&wire_job_type, &s.record.spec, &job->spec);
    if (error != 0 && error != ERR_NOT_FOUND)
        return error;
    if (differs && !c->options.force) {
        snprintf(c->text, sizeof c->text, "the job %.*s is another one here; --force replaces it",
                 BYTES_FMT(job->spec.name));
        return ERR_EXISTS;
    }
    error = cli_write(c, "run", &wire_admin_run_type, &run, &wire_admin_run_result_type, &result,
                      cli_now_us() + WRITE_US);
    r->jobs += error == 0 && result.changed;
    r->same += error == 0 && !result.changed;
    return error;
}

/* Variables first: jobs may read them. One read that is consistent makes this host's copy new enough. */
static int all_restore(struct cli *c, const struct wire_backup *backup, struct restored *r) {
    struct wire_admin_read_query q = {.consistent = true};
    struct wire_admin_jobs jobs;
    int error = cli_call(c, "jobs", &wire_admin_read_query_type, &q, &wire_admin_jobs_type, &jobs, ANSWER_MS);
    for (size_t i = 0; i < backup->vars_count && error == 0; i++)
        error = var_restore(c, &backup->vars[i], r);
    for (size_t i = 0; i < backup->jobs_count && error == 0; i++)
        error = job_restore(c, &backup->jobs[i], r);
    return error;
}

int cli_restore(struct cli *c) {
    struct bytes data;
    struct wire_backup backup;
    struct restored r = {0};
    int error = cli_read_file(c, c->options.operands[0], WIRE_STATE_MAX, &data);
    if (error == 0)
        error = backup_read(c, data, &backup);
    if (error != 0)
        return cli_fail_call(c, error);
    error = all_restore(c, &backup, &r);
    if (error != 0)
        return cli_fail(c, error,
                        "%s (%zu variables and %zu jobs were restored before; what is there already is left "
                        "alone, so it can be tried again)",
                        c->text[0] != 0 ? c->text : err_str(error), r.vars, r.jobs);
    if (c->options.json)
        printf("{\"jobs\":%zu,\"vars\":%zu,\"same\":%zu}\n", r.jobs, r.vars, r.same);
    else
        printf("%zu variables and %zu jobs restored, %zu were there already\n", r.vars, r.jobs, r.same);
    return 0;
}
