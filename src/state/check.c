/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Is a job sound? The parser's errors have lines; these are for what came by the protocol, and the last word.
 */
#include "internal.h"

struct check {
    struct buf why;
};

static bool fail(struct check *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool fail(struct check *c, const char *format, ...) {
    va_list args;
    va_start(args, format);
    buf_vprintf(&c->why, format, args);
    va_end(args);
    return false;
}

static bool name_ok(struct check *c, const char *what, struct bytes name) {
    if (name.size == 0 || name.size > WIRE_NAME_MAX)
        return fail(c, "the name of a %s must have 1 to %d bytes, not %zu", what, WIRE_NAME_MAX, name.size);
    for (size_t i = 0; i < name.size; i++) {
        uint8_t b = name.data[i];
        bool fine = (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || (b >= '0' && b <= '9') || b == '-' ||
                    b == '_' || (b == '.' && i > 0);
        if (!fine)
            return fail(c, "the name of a %s, \"%.*s\", may have letters, digits, - _ and, not first, .",
                        what, BYTES_FMT(name));
    }
    return true;
}

static bool ports_ok(struct check *c, const struct wire_group *g) {
    for (size_t i = 0; i < g->ports_count; i++) {
        const struct wire_port_request *p = &g->ports[i];
        if (!name_ok(c, "port", p->label))
            return false;
        if (p->static_ > 65535 || p->to > 65535)
            return fail(c, "port %.*s: a port is 1 to 65535", BYTES_FMT(p->label));
        for (size_t j = 0; j < i; j++) {
            if (bytes_equal(g->ports[j].label, p->label))
                return fail(c, "port %.*s is there twice", BYTES_FMT(p->label));
            if (p->static_ != 0 && g->ports[j].static_ == p->static_)
                return fail(c, "static port %u is asked for twice in group %.*s", p->static_,
                            BYTES_FMT(g->name));
        }
    }
    return true;
}

static bool task_ok(struct check *c, const struct wire_task *t) {
    if (!name_ok(c, "task", t->name))
        return false;
    if (t->command.size == 0)
        return fail(c, "task %.*s has no command", BYTES_FMT(t->name));
    if (t->kill_signal > 64)
        return fail(c, "task %.*s: a signal is 1 to 64", BYTES_FMT(t->name));
    return true;
}

static bool group_ok(struct check *c, const struct wire_group *g) {
    if (!name_ok(c, "group", g->name) || !ports_ok(c, g))
        return false;
    if (g->count > WIRE_COUNT_MAX)
        return fail(c, "group %.*s: count is at most %d", BYTES_FMT(g->name), WIRE_COUNT_MAX);
    if (g->tasks_count == 0)
        return fail(c, "group %.*s has no task", BYTES_FMT(g->name));
    for (size_t i = 0; i < g->tasks_count; i++) {
        if (!task_ok(c, &g->tasks[i]))
            return false;
        for (size_t j = 0; j < i; j++)
            if (bytes_equal(g->tasks[j].name, g->tasks[i].name))
                return fail(c, "task %.*s is there twice", BYTES_FMT(g->tasks[i].name));
    }
    return true;
}

static bool job_ok(struct check *c, const struct wire_job *job) {
    if (!name_ok(c, "job", job->name))
        return false;
    if (job->groups_count == 0)
        return fail(c, "job %.*s has no group", BYTES_FMT(job->name));
    for (size_t i = 0; i < job->groups_count; i++) {
        if (!group_ok(c, &job->groups[i]))
            return false;
        for (size_t j = 0; j < i; j++)
            if (bytes_equal(job->groups[j].name, job->groups[i].name))
                return fail(c, "group %.*s is there twice", BYTES_FMT(job->groups[i].name));
    }
    return true;
}

int state_job_check(const struct wire_job *job, char *ret_text, size_t text_size) {
    struct check c = {{0}};
    struct codec_fault fault;
    int error = codec_check(&wire_job_type, job, &fault);
    if (error != 0)
        fail(&c, "%s: %s", fault.path, fault.what);
    else if (!job_ok(&c, job))
        error = ERR_INVALID;
    if (error == 0)
        return 0;
    size_t size = c.why.size < text_size - 1 ? c.why.size : text_size - 1;
    memcpy(ret_text, c.why.data, size);
    ret_text[size] = 0;
    buf_done(&c.why);
    return error;
}
