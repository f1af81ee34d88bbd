/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* The hosts: `nodes`, who sees whom, how far a drain is. */
#include "internal.h"

#include <stdlib.h>

/* ---- nodes --------------------------------------------------------------------------------------------- */

/* "12:03:20", local time. */
static void put_clock(struct buf *out, int64_t time_ms) {
    struct buf whole = {0};
    cli_put_time(&whole, time_ms);
    size_t skip = whole.size > 11 ? 11 : 0;
    buf_append(out, whole.data + skip, whole.size - skip);
    buf_done(&whole);
}

static void put_blame(const struct wire_admin_node *n, struct buf *out) {
    buf_printf(out, "%s", member_state_str(n->state));
    if (n->state == MEMBER_STATE_DEAD && n->since_ms > 0) {
        buf_append_byte(out, ' ');
        cli_put_age_short(out, n->since_ms);
    }
    if (n->accuser.size > 0 && n->state != MEMBER_STATE_ALIVE) {
        buf_printf(out, " by ");
        cli_put(out, n->accuser);
    }
}

/* What the cluster holds of it comes before what gossip sees of it. */
static void put_state(const struct wire_admin_node *n, struct buf *out) {
    bool is_alive = n->state == MEMBER_STATE_ALIVE;
    if (n->record.status == NODE_STATUS_LEFT) {
        buf_printf(out, is_alive ? "leaving" : n->record.forget ? "being taken out" : "left");
        return;
    }
    if (n->record.away_ms > 0) {
        buf_printf(out, is_alive ? "may go until " : "away until ");
        put_clock(out, n->record.away_until_ms);
        return;
    }
    if (n->record.drain && (is_alive || n->drained)) {
        if (n->drained)
            buf_printf(out, is_alive ? "drained" : "drained, dead");
        else
            buf_printf(out, "draining (%u left)", n->instances);
        return;
    }
    if (n->record.status == NODE_STATUS_JOINING && is_alive)
        buf_printf(out, "joining");
    else if (is_alive && n->indirect_ms > 0)
        buf_printf(out, "alive, by others");
    else
        put_blame(n, out);
}

static void put_rtt(struct cli_table *t, const struct wire_admin_node *n) {
    if (n->self)
        cli_table_cell(t, "self");
    else if (n->rtt_us == 0 || n->state != MEMBER_STATE_ALIVE)
        cli_table_cell(t, "-");
    else if (n->rtt_us < 10000)
        cli_table_cell(t, "%llu.%02llu ms", (unsigned long long)n->rtt_us / 1000,
                       (unsigned long long)n->rtt_us % 1000 / 10);
    else
        cli_table_cell(t, "%llu ms", (unsigned long long)n->rtt_us / 1000);
}

static void put_node(struct cli_table *t, const struct wire_admin_node *n) {
    struct buf cell = {0};
    char addr[ADDR_TEXT_SIZE];
    cli_table_text(t, n->record.name);
    cli_put_id(&cell, n->record.id.b);
    cli_table_buf(t, &cell);
    addr_text(&n->record.addr, addr);
    cli_table_cell(t, "%s", addr);
    put_state(n, &cell);
    cli_table_buf(t, &cell);
    if (n->self || n->never)
        cli_table_cell(t, "%s", n->self ? "self" : "-");
    else {
        cli_put_age(&cell, n->heard_ms);
        buf_printf(&cell, " ago");
        cli_table_buf(t, &cell);
    }
    put_rtt(t, n);
    cli_table_cell(t, "%u.%u", n->generation, n->version);
    cli_table_cell(t, "%s", n->leader ? "leader" : n->voter ? "voter" : "learner");
    cli_table_cell(t, "%u", n->instances);
    if (n->usage != NULL)
        buf_printf(&cell, "%u/", n->usage->cpu_used_mhz);
    buf_printf(&cell, "%u MHz", n->record.cpu_mhz);
    cli_table_buf(t, &cell);
    if (n->usage != NULL) {
        cli_put_size(&cell, (uint64_t)n->usage->memory_used_mib << 20);
        buf_append_byte(&cell, '/');
    }
    cli_put_size(&cell, (uint64_t)n->record.memory_mib << 20);
    cli_table_buf(t, &cell);
    cli_table_text(t, n->record.version);
    buf_done(&cell);
}

static int by_name(const void *x, const void *y) {
    const struct wire_node_record *a = &(*(const struct wire_admin_node *const *)x)->record;
    const struct wire_node_record *b = &(*(const struct wire_admin_node *const *)y)->record;
    int order = bytes_compare(a->name, b->name);
    return order != 0 ? order : ID_COMPARE(a->id, b->id);
}

void cli_view_nodes(const struct wire_admin_nodes *nodes, struct buf *out) {
    static const char *const headers[] = {"NAME", "ID",   "ADDRESS",   "STATE", "HEARD",  "RTT",
                                          "INC",  "ROLE", "INSTANCES", "CPU",   "MEMORY", "VERSION"};
    struct cli_table t;
    cli_table_init(&t, headers, sizeof headers / sizeof headers[0]);
    const struct wire_admin_node **sorted = arena_alloc(&t.arena, (nodes->nodes_count + 1) * sizeof *sorted);
    for (size_t i = 0; i < nodes->nodes_count; i++)
        sorted[i] = &nodes->nodes[i];
    qsort(sorted, nodes->nodes_count, sizeof *sorted, by_name);
    for (size_t i = 0; i < nodes->nodes_count; i++)
        put_node(&t, sorted[i]);
    cli_table_end(&t, out);
}

bool cli_node_called(const struct wire_admin_node *n, const char *name) {
    size_t size = strlen(name);
    char hex[ID_TEXT_SIZE];
    id_text(n->record.id.b, hex);
    return bytes_is(n->record.name, name) || (size > 0 && size < sizeof hex && memcmp(hex, name, size) == 0);
}

const struct wire_admin_node *cli_node_in(const struct wire_admin_nodes *nodes, const char *name) {
    const struct wire_admin_node *found = NULL;
    size_t matches = 0;
    for (size_t i = 0; i < nodes->nodes_count; i++) {
        const struct wire_admin_node *n = &nodes->nodes[i];
        if (bytes_is(n->record.name, name))
            return n;
        if (!cli_node_called(n, name))
            continue;
        found = n;
        matches++;
    }
    return matches == 1 ? found : NULL;
}

void cli_view_draining(const struct wire_admin_node *n, struct buf *out) {
    cli_put(out, n->record.name);
    if (n->drained && n->record.drain)
        buf_printf(out, ": drained");
    else
        buf_printf(out, ": %u instance%s left%s%s", n->instances, n->instances == 1 ? "" : "s",
                   n->voter ? ", votes" : "", n->leader ? ", leads" : "");
}

/* ---- who sees whom ------------------------------------------------------------------------------------- */

#define MATRIX_WHOLE_MAX 24 /* hosts: more are told as exceptions only */

static int row_by_name(const void *x, const void *y) {
    const struct wire_admin_matrix_row *a = *(const struct wire_admin_matrix_row *const *)x;
    const struct wire_admin_matrix_row *b = *(const struct wire_admin_matrix_row *const *)y;
    int order = bytes_compare(a->name, b->name);
    return order != 0 ? order : ID_COMPARE(a->id, b->id);
}

static char sight_char(const struct wire_admin_matrix_row *row, struct node_id id) {
    static const char chars[] = "+~<?xo!";
    if (ID_EQUAL(row->id, id))
        return '\\';
    if (!row->answered)
        return '.';
    for (size_t i = 0; i < row->sights_count; i++)
        if (ID_EQUAL(row->sights[i].id, id))
            return row->sights[i].sight < sizeof chars - 1 ? chars[row->sights[i].sight] : '!';
    return '+';
}

static void put_whole(const struct wire_admin_matrix_row *const *rows, size_t count, struct buf *out) {
    int width = 0;
    for (size_t i = 0; i < count; i++)
        width = rows[i]->name.size > (size_t)width ? (int)rows[i]->name.size : width;
    buf_printf(out, "%*s  ", width + 3, "");
    for (size_t i = 0; i < count; i++)
        buf_printf(out, " %2zu", i + 1);
    buf_append_byte(out, '\n');
    for (size_t i = 0; i < count; i++) {
        struct buf name = {0};
        cli_put(&name, rows[i]->name);
        buf_printf(out, "%2zu %-*s  ", i + 1, width, buf_str(&name));
        for (size_t k = 0; k < count; k++)
            buf_printf(out, "  %c", sight_char(rows[i], rows[k]->id));
        buf_append_byte(out, '\n');
        buf_done(&name);
    }
    buf_printf(
        out,
        "\na row is what that host sees: + directly, ~ through others only, < hears it but is not heard,\n"
        "? suspects it, x holds it dead, o it has left, ! does not know it, . did not tell\n");
}

static void put_sight(const struct wire_admin_matrix_row *row, const struct wire_admin_sight *s,
                      struct buf *out) {
    static const char *const words[] = {"sees",
                                        "sees only through others",
                                        "hears, but is not heard by",
                                        "suspects",
                                        "holds dead",
                                        "has seen leave",
                                        "does not know"};
    cli_put(out, row->name);
    buf_printf(out, " %s ", s->sight < sizeof words / sizeof words[0] ? words[s->sight] : "sees otherwise");
    cli_put(out, s->name);
    if (s->since_ms > 0) {
        buf_printf(out, " for ");
        cli_put_age(out, s->since_ms);
    }
    if (s->accuser.size > 0 && !bytes_equal(s->accuser, row->name)) {
        buf_printf(out, ", accused by ");
        cli_put(out, s->accuser);
    }
    buf_append_byte(out, '\n');
}

static void put_row_words(const struct wire_admin_matrix_row *row, struct buf *out) {
    if (!row->answered) {
        cli_put(out, row->name);
        buf_printf(out, " does not tell: ");
        cli_put(out, row->why);
        buf_append_byte(out, '\n');
        return;
    }
    for (size_t i = 0; i < row->sights_count; i++)
        put_sight(row, &row->sights[i], out);
    if (row->more > 0) {
        cli_put(out, row->name);
        buf_printf(out, " and %u more hosts that it does not simply see\n", row->more);
    }
    if (row->health > 0) {
        cli_put(out, row->name);
        buf_printf(out, " doubts itself (local health %u): what it says of others may be its own fault\n",
                   row->health);
    }
}

void cli_view_matrix(const struct wire_admin_matrix *m, struct buf *out) {
    struct arena a = {0};
    struct buf words = {0};
    const struct wire_admin_matrix_row **rows = arena_alloc(&a, (m->rows_count + 1) * sizeof *rows);
    for (size_t i = 0; i < m->rows_count; i++)
        rows[i] = &m->rows[i];
    qsort(rows, m->rows_count, sizeof *rows, row_by_name);
    if (m->rows_count <= MATRIX_WHOLE_MAX) {
        put_whole(rows, m->rows_count, out);
        buf_append_byte(out, '\n');
    }
    for (size_t i = 0; i < m->one_way_count; i++) {
        buf_printf(&words, "one way: packets of ");
        cli_put(&words, m->one_way[i].from);
        buf_printf(&words, " reach ");
        cli_put(&words, m->one_way[i].to);
        buf_printf(&words, ", those of ");
        cli_put(&words, m->one_way[i].to);
        buf_printf(&words, " do not reach ");
        cli_put(&words, m->one_way[i].from);
        buf_append_byte(&words, '\n');
    }
    for (size_t i = 0; i < m->rows_count; i++)
        put_row_words(rows[i], &words);
    buf_append(out, words.data, words.size);
    bool is_well = words.size == 0;
    buf_printf(out,
               is_well ? "all %u hosts see one another directly\n" : "%u of %zu hosts told what they see\n",
               m->answered, m->rows_count);
    buf_done(&words);
    arena_done(&a);
}
