/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Instances: `ps`, and the lower part of `status JOB`. */
#include "internal.h"

#include <stdlib.h>

bool cli_instance_live(const struct wire_admin_instance *i) {
    return i->record.state == INSTANCE_STATE_PLACED || i->record.state == INSTANCE_STATE_STARTING ||
           i->record.state == INSTANCE_STATE_RUNNING || i->record.state == INSTANCE_STATE_UNKNOWN;
}

bool cli_instance_unseen(const struct wire_admin_instance *i) {
    return cli_instance_live(i) && i->node_state == MEMBER_STATE_DEAD;
}

const char *cli_instance_str(const struct wire_admin_instance *i) {
    if (cli_instance_unseen(i))
        return "unknown";
    if (cli_instance_live(i) && i->record.desired == DESIRED_STATE_STOP)
        return "stopping";
    return instance_state_str(cli_instance_live(i) && i->reported != NULL ? i->reported->state
                                                                          : i->record.state);
}

/* As its host says now; nothing of one that is over or out of sight. */
static const char *health_of(const struct wire_admin_instance *i) {
    bool is_told = i->reported != NULL && cli_instance_live(i) && !cli_instance_unseen(i);
    return is_told && i->reported->health != HEALTH_NONE ? health_str(i->reported->health) : "-";
}

/* What its host tells is newer than the log: restarts are not written there. */
static size_t tasks_of(const struct wire_admin_instance *i, const struct wire_task_fact **ret) {
    bool is_newer = i->reported != NULL && cli_instance_live(i) && i->reported->tasks_count > 0;
    *ret = is_newer ? i->reported->tasks : i->record.tasks;
    return is_newer ? i->reported->tasks_count : i->record.tasks_count;
}

static size_t ports_of(const struct wire_admin_instance *i, const struct wire_port_binding **ret) {
    bool is_newer = i->reported != NULL && i->record.ports_count == 0;
    *ret = is_newer ? i->reported->ports : i->record.ports;
    return is_newer ? i->reported->ports_count : i->record.ports_count;
}

struct bytes cli_instance_reason(const struct wire_admin_instance *i, struct arena *a) {
    if (cli_instance_unseen(i))
        return bytes_str("its host is out of sight");
    if (i->record.reason.size > 0)
        return i->record.reason;
    const struct wire_task_fact *tasks;
    size_t count = tasks_of(i, &tasks);
    for (size_t t = 0; t < count; t++) {
        const struct wire_task_fact *task = &tasks[t];
        if (task->state == TASK_STATE_BACKOFF)
            return bytes_str(arena_printf(a, "%.*s waits to be restarted: %.*s", BYTES_FMT(task->name),
                                          BYTES_FMT(task->reason)));
        if (task->failed)
            return bytes_str(
                arena_printf(a, "%.*s failed: %.*s", BYTES_FMT(task->name), BYTES_FMT(task->reason)));
    }
    return (struct bytes){0};
}

static uint64_t restarts_of(const struct wire_admin_instance *i) {
    const struct wire_task_fact *tasks;
    uint64_t sum = 0;
    size_t count = tasks_of(i, &tasks);
    for (size_t t = 0; t < count; t++)
        sum += tasks[t].restarts;
    return sum;
}

/* "http=20001,admin=20002", or with the address "http=192.0.2.1:20001". */
static void put_ports(struct buf *out, const struct wire_admin_instance *i, bool with_addr) {
    bool is_v6 = i->addr.size > 0 && memchr(i->addr.data, ':', i->addr.size) != NULL;
    const struct wire_port_binding *ports;
    size_t count = ports_of(i, &ports);
    for (size_t p = 0; p < count; p++) {
        const struct wire_port_binding *port = &ports[p];
        buf_printf(out, "%s", p > 0 ? "," : "");
        cli_put(out, port->label);
        buf_append_byte(out, '=');
        if (with_addr)
            buf_printf(out, is_v6 ? "[%.*s]:" : "%.*s:", BYTES_FMT(i->addr));
        buf_printf(out, "%u", port->port);
    }
}

static uint64_t age_of(int64_t since_ms, int64_t now_ms) {
    return now_ms > since_ms ? (uint64_t)(now_ms - since_ms) : 0;
}

static void put_row(struct cli_table *t, const struct wire_admin_instance *i, bool with_job, int64_t now_ms) {
    const struct wire_instance_record *r = &i->record;
    struct arena a = {0};
    struct buf cell = {0};
    cli_put_id(&cell, r->id.b);
    cli_table_buf(t, &cell);
    if (with_job)
        cli_table_text(t, r->job);
    cli_table_text(t, r->group);
    cli_table_cell(t, "%u", r->slot);
    cli_table_cell(t, "%llu", (unsigned long long)r->version);
    cli_table_text(t, i->node_name);
    cli_table_cell(t, "%s", cli_instance_str(i));
    cli_table_cell(t, "%s", health_of(i));
    put_ports(&cell, i, !with_job);
    cli_table_buf(t, &cell);
    cli_table_cell(t, "%llu", (unsigned long long)restarts_of(i));
    if (r->placed_ms > 0)
        cli_put_age_short(&cell, age_of(r->placed_ms, now_ms));
    cli_table_buf(t, &cell);
    cli_put(&cell, cli_instance_reason(i, &a));
    cli_table_buf(t, &cell);
    buf_done(&cell);
    arena_done(&a);
}

/* By slot; of one slot in the order in which they were placed. */
static int by_slot(const void *x, const void *y) {
    const struct wire_admin_instance *i = *(const struct wire_admin_instance *const *)x;
    const struct wire_admin_instance *j = *(const struct wire_admin_instance *const *)y;
    const struct wire_instance_record *a = &i->record, *b = &j->record;
    int order = bytes_compare(a->job, b->job);
    if (order == 0)
        order = bytes_compare(a->group, b->group);
    if (order == 0)
        order = (a->slot > b->slot) - (a->slot < b->slot);
    return order != 0 ? order : (i > j) - (i < j);
}

static const struct wire_admin_instance **by_slots(struct arena *a, const struct wire_admin_instance *list,
                                                   size_t count) {
    const struct wire_admin_instance **sorted = arena_alloc(a, (count + 1) * sizeof *sorted);
    for (size_t i = 0; i < count; i++)
        sorted[i] = &list[i];
    qsort(sorted, count, sizeof *sorted, by_slot);
    return sorted;
}

void cli_view_ps(const struct wire_admin_ps *ps, int64_t now_ms, struct buf *out) {
    static const char *const headers[] = {"ID",    "JOB",    "GROUP", "SLOT",     "VERSION", "NODE",
                                          "STATE", "HEALTH", "PORTS", "RESTARTS", "AGE",     "REASON"};
    struct cli_table t;
    cli_table_init(&t, headers, sizeof headers / sizeof headers[0]);
    const struct wire_admin_instance **sorted = by_slots(&t.arena, ps->instances, ps->instances_count);
    for (size_t i = 0; i < ps->instances_count; i++)
        put_row(&t, sorted[i], true, now_ms);
    cli_table_end(&t, out);
}

/* ---- one job ------------------------------------------------------------------------------------------- */

static void put_groups(const struct wire_admin_job_status *s, struct buf *out) {
    static const char *const headers[] = {"GROUP",    "WANTED",   "RUNNING", "HEALTHY",
                                          "STARTING", "COMPLETE", "FAILED"};
    struct cli_table t;
    cli_table_init(&t, headers, sizeof headers / sizeof headers[0]);
    for (size_t i = 0; i < s->groups_count; i++) {
        const struct wire_admin_group_status *g = &s->groups[i];
        cli_table_text(&t, g->name);
        cli_table_cell(&t, "%u", g->count);
        cli_table_cell(&t, "%u", g->running);
        cli_table_cell(&t, "%u", g->healthy);
        cli_table_cell(&t, "%u", g->starting);
        cli_table_cell(&t, "%u", g->complete);
        cli_table_cell(&t, "%u", g->failed);
    }
    cli_table_end(&t, out);
    for (size_t i = 0; i < s->groups_count; i++) {
        if (s->groups[i].reason.size == 0)
            continue;
        buf_printf(out, "group ");
        cli_put(out, s->groups[i].name);
        buf_printf(out, ": ");
        cli_put(out, s->groups[i].reason);
        buf_append_byte(out, '\n');
    }
}

void cli_view_job(const struct wire_admin_job_status *s, bool all, int64_t now_ms, struct buf *out) {
    static const char *const headers[] = {"ID",     "GROUP",   "SLOT",     "VERSION", "NODE",  "STATE",
                                          "HEALTH", "ADDRESS", "RESTARTS", "AGE",     "REASON"};
    const struct wire_job_record *r = &s->record;
    struct cli_table t;
    size_t shown = 0;
    cli_put(out, r->spec.name);
    buf_printf(out, ": %s, version %llu, submitted ", job_type_str(r->spec.type),
               (unsigned long long)r->version);
    cli_put_time(out, r->submitted_ms);
    buf_printf(out, " (");
    cli_put_age(out, age_of(r->submitted_ms, now_ms));
    buf_printf(out, " ago)%s\n\n", r->stopped ? ", stopped" : "");
    put_groups(s, out);
    cli_table_init(&t, headers, sizeof headers / sizeof headers[0]);
    const struct wire_admin_instance **sorted = by_slots(&t.arena, s->instances, s->instances_count);
    for (size_t i = 0; i < s->instances_count; i++) {
        if (!all && sorted[i]->record.state == INSTANCE_STATE_STOPPED)
            continue;
        put_row(&t, sorted[i], false, now_ms);
        shown++;
    }
    struct buf rows = {0};
    cli_table_end(&t, &rows);
    if (shown > 0)
        buf_printf(out, "\n%s", buf_str(&rows));
    buf_done(&rows);
    buf_append_byte(out, '\n');
    cli_put_freshness(out, &s->freshness);
    buf_append_byte(out, '\n');
}
