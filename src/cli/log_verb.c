/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* covey log verify|dump DIR|FILE */
#include "log.h"

#include <stdio.h>
#include <time.h>

#define TRIES_MAX 5
#define PAUSE_NS  (50 * 1000 * 1000)

#define STATUS_DAMAGED    1
#define STATUS_UNREADABLE 2

/*
 * A sector that the agent is writing at this moment may be read half new, half old. What is wrong again and
 * again is wrong.
 */
static int look(struct cli *c, const char *path, struct arena *a, struct cli_log_files *files,
                struct cli_log *log) {
    for (unsigned i = 0; i < TRIES_MAX; i++) {
        const struct timespec pause = {.tv_nsec = PAUSE_NS};
        if (i > 0) {
            arena_reset(a);
            nanosleep(&pause, NULL);
        }
        int error = cli_log_read(c, path, a, files);
        if (error != 0)
            return error;
        cli_log_judge(files, a, log);
        if (!log->damaged)
            break;
    }
    return 0;
}

int cli_log(struct cli *c) {
    const char *what = c->options.operands[0], *path = c->options.operands[1];
    bool verify = strcmp(what, "verify") == 0;
    struct cli_log_files files;
    struct cli_log log;
    struct arena a = {0};
    struct buf out = {0};
    if (!verify && strcmp(what, "dump") != 0) {
        (void)cli_fail(c, ERR_INVALID, "there is no `covey log %s`; it is verify or dump", what);
        return STATUS_UNREADABLE;
    }
    bool is_damaged = false;
    int error = look(c, path, &a, &files, &log);
    if (error == 0 && files.count == 0) {
        error = ERR_NOT_FOUND;
        snprintf(c->text, sizeof c->text, "%s: there is no log here", path);
    }
    if (error != 0) {
        (void)cli_fail(c, error, "%s", c->text);
    } else {
        is_damaged = log.damaged;
        if (!verify)
            cli_view_log_dump(&log, c->options.json, &a, &out);
        else if (c->options.json)
            cli_json_log(&log, path, &out);
        else
            cli_view_log(&log, path, &out);
        cli_print(&out);
    }
    buf_done(&out);
    arena_done(&a);
    return error != 0 ? STATUS_UNREADABLE : is_damaged ? STATUS_DAMAGED : 0;
}
