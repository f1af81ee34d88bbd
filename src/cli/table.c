/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Tables: columns aligned, headers in capitals. */
#include "internal.h"

void cli_table_init(struct cli_table *t, const char *const *headers, size_t columns) {
    assert(columns <= CLI_COLUMNS_MAX);
    memset(t, 0, sizeof *t);
    t->columns = columns;
    for (size_t i = 0; i < columns; i++)
        VEC_PUSH(&t->cells, bytes_str(headers[i]));
}

void cli_table_text(struct cli_table *t, struct bytes text) {
    struct buf cell = {0};
    cli_put(&cell, text);
    cli_table_buf(t, &cell);
    buf_done(&cell);
}

void cli_table_buf(struct cli_table *t, struct buf *cell) {
    struct bytes text = cell->size > 0 ? arena_copy(&t->arena, buf_bytes(cell)) : bytes_str("-");
    VEC_PUSH(&t->cells, text);
    buf_clear(cell);
}

void cli_table_cell(struct cli_table *t, const char *format, ...) {
    struct buf cell = {0};
    va_list args;
    va_start(args, format);
    buf_vprintf(&cell, format, args);
    va_end(args);
    cli_table_buf(t, &cell);
    buf_done(&cell);
}

/* In characters: the bytes that do not continue one. */
static size_t width_of(struct bytes text) {
    size_t width = 0;
    for (size_t i = 0; i < text.size; i++)
        width += (text.data[i] & 0xc0) != 0x80;
    return width;
}

void cli_table_end(struct cli_table *t, struct buf *out) {
    size_t widths[CLI_COLUMNS_MAX] = {0};
    assert(t->cells.count % t->columns == 0);
    for (size_t i = 0; i < t->cells.count; i++) {
        size_t width = width_of(t->cells.data[i]);
        if (width > widths[i % t->columns])
            widths[i % t->columns] = width;
    }
    for (size_t i = 0; i < t->cells.count; i++) {
        size_t column = i % t->columns;
        struct bytes cell = t->cells.data[i];
        buf_append(out, cell.data, cell.size);
        if (column + 1 == t->columns)
            buf_append_byte(out, '\n');
        else
            buf_printf(out, "%*s", (int)(widths[column] - width_of(cell) + 2), "");
    }
    VEC_DONE(&t->cells);
    arena_done(&t->arena);
}
