/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * covey var watch. When the connection breaks, another one goes on behind the last index told, so that
 * nothing is left out while the agent is restarted.
 */
#include <stdio.h>
#include <time.h>

#include <covey/client.h>

#include "internal.h"

#define CREDIT_BYTES      (256u * 1024)
#define BREAK_PATIENCE_US (10 * US_PER_S)

struct watching {
    uint64_t from;             /* told up to here; 0: nothing yet */
    bool is_told;              /* all that there was at the beginning: what comes now are changes */
    bool is_over;              /* --once, and it has come */
    bool was_open, has_opened; /* a stream: ever, in the last try */
};

static void change_show(struct cli *c, struct watching *w, const struct wire_admin_var_change *change) {
    struct buf out = {0};
    if (change->index != 0)
        w->from = change->index;
    if (c->options.json)
        cli_print_json(&wire_admin_var_change_type, change);
    else
        cli_view_var_change(change, &out);
    cli_print(&out);
    buf_done(&out);
    bool is_change = change->kind == VAR_CHANGE_KIND_SET || change->kind == VAR_CHANGE_KIND_REMOVED;
    w->is_over |= c->options.once && w->is_told && is_change;
    if (change->kind == VAR_CHANGE_KIND_CURRENT)
        w->is_told = true;
}

static int follow(struct cli *c, struct watching *w, const char *key) {
    struct wire_admin_var_watch q = {.from = w->from, .credit = CREDIT_BYTES};
    struct wire_admin_chunk chunk = {0};
    struct arena a = {0};
    uint64_t id;
    *(c->options.prefix ? &q.prefix : &q.key) = bytes_str(key);
    int error = cli_stream(c, "var.watch", &wire_admin_var_watch_type, &q, &id);
    w->has_opened = error == 0;
    w->was_open |= w->has_opened;
    while (error == 0 && !chunk.end && !w->is_over && !ferror(stdout)) {
        arena_reset(&a);
        error = cli_chunk_follow(c, id, &a, &chunk);
        if (error == 0 && chunk.var != NULL)
            change_show(c, w, chunk.var);
    }
    arena_done(&a);
    return error;
}

int cli_var_watch(struct cli *c, const char *key) {
    struct watching w = {.from = c->options.from, .is_told = c->options.from != 0};
    const struct timespec pause = {.tv_nsec = 200 * 1000000};
    int64_t give_up_us = 0;
    for (;;) {
        int error = follow(c, &w, key != NULL ? key : "");
        if (error == 0)
            return 0;
        if (w.has_opened || give_up_us == 0)
            give_up_us = cli_now_us() + BREAK_PATIENCE_US;
        if (!cli_is_broken(error) || !w.was_open || cli_now_us() >= give_up_us)
            return cli_fail_call(c, error);
        cli_disconnect(c);
        nanosleep(&pause, NULL);
    }
}
