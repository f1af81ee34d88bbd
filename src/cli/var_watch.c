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
    struct cli_told told;
    bool is_over;              /* --once, and it has come */
    bool was_open, has_opened; /* a stream: ever, in the last try */
};

/*
 * After `reset` all that there is comes again, and what changed meanwhile has to be found out: a version is
 * the index of its change. Of one variable that is not there it cannot be, nor of those of a prefix what was
 * removed: that is taken for a change, as who waits for a lock may try in vain but must not sleep on.
 */
bool cli_var_told(struct cli_told *t, const struct wire_admin_var_change *change, bool is_prefix) {
    bool was_reset = t->is_reset, is_news = false;
    switch (change->kind) {
    case VAR_CHANGE_KIND_RESET:
        t->is_reset = true;
        t->is_same = false;
        break;
    case VAR_CHANGE_KIND_SET:
        if (was_reset)
            t->is_same = !is_prefix && change->var.version <= t->from;
        else
            is_news = true;
        break;
    case VAR_CHANGE_KIND_REMOVED: is_news = true; break;
    case VAR_CHANGE_KIND_CURRENT:
        is_news = was_reset && t->from != 0 && !t->is_same;
        t->is_reset = false;
        break;
    }
    if (change->index != 0)
        t->from = change->index;
    return is_news;
}

static void change_show(struct cli *c, struct watching *w, const struct wire_admin_var_change *change,
                        bool is_prefix) {
    struct buf out = {0};
    bool is_news = cli_var_told(&w->told, change, is_prefix);
    w->is_over |= c->options.once && is_news;
    if (c->options.json)
        cli_print_json(&wire_admin_var_change_type, change);
    else
        cli_view_var_change(change, &out);
    cli_print(&out);
    buf_done(&out);
}

static int follow(struct cli *c, struct watching *w, const char *key) {
    struct wire_admin_var_watch q = {.from = w->told.from, .credit = CREDIT_BYTES};
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
            change_show(c, w, chunk.var, c->options.prefix || key[0] == 0);
    }
    arena_done(&a);
    return error;
}

int cli_var_watch(struct cli *c, const char *key) {
    struct watching w = {.told.from = c->options.from};
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
