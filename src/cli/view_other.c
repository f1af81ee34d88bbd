/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Variables, events, the token. */
#include "internal.h"

void cli_view_vars(const struct wire_admin_vars *vars, struct buf *out) {
    static const char *const headers[] = {"KEY", "VERSION", "SIZE"};
    struct cli_table t;
    struct buf cell = {0};
    cli_table_init(&t, headers, sizeof headers / sizeof headers[0]);
    for (size_t i = 0; i < vars->vars_count; i++) {
        const struct wire_var_record *v = &vars->vars[i];
        cli_table_text(&t, v->key);
        cli_table_cell(&t, "%llu", (unsigned long long)v->version);
        cli_put_size(&cell, v->value.size);
        cli_table_buf(&t, &cell);
    }
    buf_done(&cell);
    cli_table_end(&t, out);
}

void cli_view_var_change(const struct wire_admin_var_change *change, struct buf *out) {
    switch (change->kind) {
    case VAR_CHANGE_KIND_RESET: buf_printf(out, "# all there is:\n"); return;
    case VAR_CHANGE_KIND_CURRENT:
        buf_printf(out, "# as of index %llu\n", (unsigned long long)change->index);
        return;
    case VAR_CHANGE_KIND_SET:
    case VAR_CHANGE_KIND_REMOVED: break;
    }
    buf_printf(out, "%llu  ", (unsigned long long)change->var.version);
    cli_put(out, change->var.key);
    if (change->kind == VAR_CHANGE_KIND_REMOVED) {
        buf_printf(out, "  removed\n");
        return;
    }
    buf_printf(out, " = ");
    cli_put(out, change->var.value);
    buf_append_byte(out, '\n');
}

void cli_view_event(const struct wire_event *e, struct buf *out) {
    cli_put_time(out, e->time_ms);
    buf_printf(out, "  %-16.*s  ", BYTES_FMT(e->kind));
    cli_put(out, e->text);
    buf_append_byte(out, '\n');
}

void cli_view_counters(const struct wire_admin_counters *counters, bool all, struct buf *out) {
    static const char *const headers[] = {"COUNT", "WHAT HAPPENED"};
    struct cli_table t;
    cli_table_init(&t, headers, 2);
    for (size_t i = 0; i < counters->counters_count; i++) {
        const struct wire_admin_counter *c = &counters->counters[i];
        if (c->count == 0 && !all)
            continue;
        cli_table_cell(&t, "%llu", (unsigned long long)c->count);
        cli_table_text(&t, c->text);
    }
    cli_table_end(&t, out);
}

/* MARK_SWIM_REFUTED -> covey_mark_swim_refuted, swim_probes -> covey_swim_probes */
static void put_metric(struct buf *out, const struct wire_admin_counter *c) {
    buf_printf(out, "covey_");
    for (size_t i = 0; i < c->name.size; i++) {
        uint8_t b = c->name.data[i];
        bool is_letter = (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || (b >= '0' && b <= '9');
        buf_append_byte(out, !is_letter ? '_' : b >= 'A' && b <= 'Z' ? (uint8_t)(b | 0x20) : b);
    }
    if (!c->gauge)
        buf_printf(out, "_total");
}

void cli_view_prometheus(const struct wire_admin_counters *counters, struct buf *out) {
    for (size_t i = 0; i < counters->counters_count; i++) {
        const struct wire_admin_counter *c = &counters->counters[i];
        buf_printf(out, "# HELP ");
        put_metric(out, c);
        buf_append_byte(out, ' ');
        for (size_t k = 0; k < c->text.size; k++) {
            uint8_t b = c->text.data[k];
            if (b == '\\')
                buf_append_byte(out, '\\');
            buf_append_byte(out, b == '\n' ? ' ' : b);
        }
        buf_printf(out, "\n# TYPE ");
        put_metric(out, c);
        buf_printf(out, c->gauge ? " gauge\n" : " counter\n");
        put_metric(out, c);
        buf_printf(out, " %llu\n", (unsigned long long)c->count);
    }
}

static bool is_loopback(struct bytes addr) {
    return addr.size >= 5 && (memcmp(addr.data, "127.", 4) == 0 || memcmp(addr.data, "[::1]", 5) == 0);
}

void cli_view_token(const struct wire_admin_token *t, struct buf *out) {
    buf_printf(out,
               "Whoever has this token can join the cluster. On the next host, as root:\n"
               "\n"
               "  mkdir -p /etc/covey\n"
               "  (umask 077; echo %.*s >/etc/covey/token)\n"
               "  covey agent --join %.*s --secret-file /etc/covey/token\n",
               BYTES_FMT(t->token), BYTES_FMT(t->addr));
    if (is_loopback(t->addr))
        buf_printf(out,
                   "\n%.*s is reached from this host alone: start this agent with --advertise ADDR for "
                   "others to join.\n",
                   BYTES_FMT(t->addr));
}
