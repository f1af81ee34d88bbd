/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* group, network, port, restart. */
#include "job_reader.h"

#include <stdlib.h>

#define PORT_MAX             65535
#define RESTART_ATTEMPTS_MAX 1000000
#define RESTART_TIME_MAX_MS  (INT64_C(30) * 86400 * 1000) /* 30 days */

/* ---- network ------------------------------------------------------------------------------------------- */

static struct wire_port_request *last_port(struct job_reader *r) {
    return &r->group->ports[r->group->ports_count - 1];
}

static void read_static(struct job_reader *r, const struct hcl_item *item) {
    struct wire_port_request *port = last_port(r);
    if (!job_integer(r, item, 1, PORT_MAX, &port->static_))
        return;
    for (size_t i = 0; i + 1 < r->group->ports_count; i++)
        if (r->group->ports[i].static_ == port->static_)
            hcl_diags_add(r->diags, ERR_INVALID, item->value->at, NULL, "port %u is that of `%s` already",
                          port->static_, hcl_show(r->arena, r->group->ports[i].label));
}

/* -1 is Nomad's word for "the port of the host", which is the default. */
static void read_to(struct job_reader *r, const struct hcl_item *item) {
    job_integer(r, item, -1, PORT_MAX, &last_port(r)->to);
}

static const struct job_key port_keys[] = {
    {"static", JOB_ATTR, 0, read_static},
    {"to", JOB_ATTR, 0, read_to},
};
static const char *const port_refused[] = {"host_network", "ignore_collision", "dynamic", NULL};
static const struct job_section port_section = {"`port`", port_keys, COUNT_OF(port_keys), port_refused};

/* Labels become part of the names of variables. */
static bool check_label(struct job_reader *r, const struct hcl_expr *label) {
    for (size_t i = 0; i < label->text.size; i++) {
        uint8_t b = label->text.data[i], low = b | 0x20;
        if (!(low >= 'a' && low <= 'z') && !(b >= '0' && b <= '9') && b != '_') {
            hcl_diags_add(r->diags, ERR_INVALID, label->at, NULL,
                          "\"%s\" cannot be the label of a port: letters a-z, digits and `_` can",
                          hcl_show(r->arena, label->text));
            return false;
        }
    }
    return job_check_name(r, "port", label->at, label->text);
}

static void read_port(struct job_reader *r, const struct hcl_item *item) {
    struct wire_group *group = r->group;
    if (group->ports_count == WIRE_PORTS_MAX) {
        hcl_diags_add(r->diags, ERR_LIMIT, item->at, NULL, "more than %d ports in a group", WIRE_PORTS_MAX);
        return;
    }
    if (!check_label(r, item->labels))
        return;
    group->ports[group->ports_count++].label = item->labels->text;
    job_read_body(r, item->body, &port_section);
}

/* Tasks share the host's network; other modes are not there. */
static void read_mode(struct job_reader *r, const struct hcl_item *item) {
    struct bytes mode;
    if (job_string(r, item, &mode) && !bytes_is(mode, "host"))
        hcl_diags_add(r->diags, ERR_UNSUPPORTED, item->value->at,
                      "tasks use the network of their host: mode = \"host\"",
                      "covey does not support the network mode \"%s\" yet", hcl_show(r->arena, mode));
}

static const struct job_key network_keys[] = {
    {"mode", JOB_ATTR, 0, read_mode},
    {"port", JOB_BLOCKS, 0, read_port},
};
static const char *const network_refused[] = {"cni", "dns", "dynamic", "hostname", "mbits", NULL};
static const struct job_section network_section = {"`network`", network_keys, COUNT_OF(network_keys),
                                                   network_refused};

/* By label, so that another order in the file is the same job. Labels are unique: the order is total. */
static int port_compare(const void *a, const void *b) {
    return bytes_compare(((const struct wire_port_request *)a)->label,
                         ((const struct wire_port_request *)b)->label);
}

static void read_network(struct job_reader *r, const struct hcl_item *item) {
    r->group->ports = arena_alloc(r->arena, WIRE_PORTS_MAX * sizeof *r->group->ports);
    job_read_body(r, item->body, &network_section);
    qsort(r->group->ports, r->group->ports_count, sizeof *r->group->ports, port_compare);
}

/* ---- restart ------------------------------------------------------------------------------------------- */

static void read_attempts(struct job_reader *r, const struct hcl_item *item) {
    job_integer(r, item, 0, RESTART_ATTEMPTS_MAX, &r->group->restart.attempts);
}

static void read_interval(struct job_reader *r, const struct hcl_item *item) {
    job_duration_ms(r, item, RESTART_TIME_MAX_MS, &r->group->restart.interval_ms);
}

static void read_delay(struct job_reader *r, const struct hcl_item *item) {
    job_duration_ms(r, item, RESTART_TIME_MAX_MS, &r->group->restart.delay_ms);
}

static void read_restart_mode(struct job_reader *r, const struct hcl_item *item) {
    static const char *const modes[] = {[RESTART_MODE_FAIL] = "fail", [RESTART_MODE_DELAY] = "delay"};
    size_t index;
    if (job_choice(r, item, modes, COUNT_OF(modes), &index))
        r->group->restart.mode = (enum restart_mode)index;
}

static const struct job_key restart_keys[] = {
    {"attempts", JOB_ATTR, 0, read_attempts},
    {"delay", JOB_ATTR, 0, read_delay},
    {"interval", JOB_ATTR, 0, read_interval},
    {"mode", JOB_ATTR, 0, read_restart_mode},
};
static const char *const restart_refused[] = {"dynamic", "render_templates", NULL};
static const struct job_section restart_section = {"`restart`", restart_keys, COUNT_OF(restart_keys),
                                                   restart_refused};

/* A policy whose delays alone fill its interval never uses up its attempts: surely not what was meant. */
static void read_restart(struct job_reader *r, const struct hcl_item *item) {
    struct wire_restart_policy *policy = &r->group->restart;
    job_read_body(r, item->body, &restart_section);
    if (policy->interval_ms > 0 && policy->delay_ms * policy->attempts > policy->interval_ms)
        hcl_diags_add(
            r->diags, ERR_INVALID, item->at, "a longer `interval`, a shorter `delay` or fewer `attempts`",
            "%u restarts do not fit into the interval with that delay before each", policy->attempts);
    if (policy->interval_ms == 0 && policy->attempts > 0)
        hcl_diags_add(r->diags, ERR_INVALID, item->at, NULL, "`interval` must be longer than 0s");
}

struct wire_restart_policy jobspec_restart_default(enum job_type type) {
    bool is_batch = type == JOB_TYPE_BATCH;
    return (struct wire_restart_policy){.attempts = is_batch ? 3 : 2,
                                        .interval_ms = is_batch ? UINT64_C(86400000) : UINT64_C(1800000),
                                        .delay_ms = 15000,
                                        .mode = RESTART_MODE_FAIL};
}

/* ---- group --------------------------------------------------------------------------------------------- */

static void read_count(struct job_reader *r, const struct hcl_item *item) {
    job_integer(r, item, 0, WIRE_COUNT_MAX, &r->group->count);
}

static void read_meta(struct job_reader *r, const struct hcl_item *item) {
    struct job_pairs meta = job_read_meta(r, item);
    r->group->meta = meta.pairs;
    r->group->meta_count = meta.count;
}

/* Tasks come last: their texts may name ports and meta. */
static const struct job_key group_keys[] = {
    {"count", JOB_ATTR, 0, read_count},      {"meta", JOB_PAIRS, 0, read_meta},
    {"network", JOB_BLOCK, 0, read_network}, {"restart", JOB_BLOCK, 0, read_restart},
    {"task", JOB_BLOCKS, 1, job_read_task},
};
static const char *const group_refused[] = {
    "affinity",         "consul",
    "constraint",       "disconnect",
    "dynamic",          "ephemeral_disk",
    "exclusive",        "max_client_disconnect",
    "max_run_duration", "migrate",
    "partition",        "prevent_reschedule_on_lost",
    "reschedule",       "scaling",
    "service",          "shutdown_delay",
    "spread",           "stop_after_client_disconnect",
    "update",           "vault",
    "volume",           NULL,
};
static const struct job_section group_section = {"`group`", group_keys, COUNT_OF(group_keys), group_refused};

void job_read_group(struct job_reader *r, const struct hcl_item *item) {
    if (r->job->groups_count == WIRE_GROUPS_MAX) {
        hcl_diags_add(r->diags, ERR_LIMIT, item->at, NULL, "more than %d groups in a job", WIRE_GROUPS_MAX);
        return;
    }
    if (!job_check_name(r, "group", item->labels->at, item->labels->text))
        return;
    size_t tasks = job_blocks_count(item->body, "task");
    r->group = &r->job->groups[r->job->groups_count++];
    r->group->name = item->labels->text;
    r->group->count = JOBSPEC_COUNT_DEFAULT;
    r->group->restart = jobspec_restart_default(r->job->type);
    r->group->tasks = arena_alloc(r->arena, (tasks + 1) * sizeof *r->group->tasks);
    job_read_body(r, item->body, &group_section);
    if (tasks == 0)
        hcl_diags_add(r->diags, ERR_INVALID, item->at, NULL, "group `%s` has no task",
                      hcl_show(r->arena, r->group->name));
    r->group = NULL;
}
