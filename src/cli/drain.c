/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* covey drain HOST [--off] */
#include <stdio.h>

#include <covey/client.h>

#include "wait.h"

/* index: of the word; a copy that old has it, so one without it says that somebody took it back. */
static int wait_drained(struct cli *c, const char *name, const char *id, uint64_t index,
                        int64_t deadline_us) {
    struct cli_line line = {0};
    struct arena a = {0};
    struct wire_admin_nodes nodes;
    const struct wire_admin_node *n = NULL;
    bool is_over = false, is_revoked = false;
    int error = 0;
    while (!is_over && cli_now_us() < deadline_us) {
        struct buf progress = {0};
        error = cli_nodes_poll(c, &a, &nodes);
        n = error == 0 ? cli_node_in(&nodes, id) : NULL;
        is_revoked = n != NULL && !n->record.drain && nodes.freshness.index >= index;
        is_over = (error != 0 && !cli_is_broken(error)) ||
                  (error == 0 && (n == NULL || is_revoked || (n->drained && n->record.drain)));
        if (n != NULL && !is_revoked)
            cli_view_draining(n, &progress);
        if (progress.size > 0 && !c->options.json)
            cli_line_show(c, &line, &progress);
        buf_done(&progress);
        if (!is_over)
            cli_pause();
    }
    cli_line_done(&line);
    int status = 0;
    if (error != 0)
        status = cli_fail_call(c, error);
    else if (is_revoked)
        status =
            cli_fail(c, ERR_CONFLICT, "somebody took the word back meanwhile: %s takes work again", name);
    else if (is_over && n != NULL && c->options.json)
        cli_print_json(&wire_admin_node_type, n);
    else if (!is_over)
        status =
            cli_fail(c, ERR_TIMEOUT,
                     "not everything has moved in time; it goes on. `covey ps --node %s` shows what is left, "
                     "`covey status JOB` why, `covey drain %s --off` ends it",
                     name, name);
    arena_done(&a);
    return status;
}

int cli_drain(struct cli *c) {
    const char *name = c->options.operands[0], *id = cli_node_id(c, name);
    struct wire_admin_drain params = {
        .request = cli_request_id(), .node = bytes_str(id), .off = c->options.off};
    struct wire_admin_write_result result;
    int64_t deadline_us = cli_now_us() + c->options.timeout_us;
    int error = cli_write(c, "drain", &wire_admin_drain_type, &params, &wire_admin_write_result_type, &result,
                          deadline_us);
    if (error == ERR_NOT_FOUND)
        return cli_fail(c, error, "there is no host %s; `covey nodes` lists them", name);
    if (error != 0)
        return cli_fail_call(c, error);
    if (!c->options.detach && !c->options.off)
        return wait_drained(c, name, id, result.index, deadline_us);
    if (c->options.json)
        cli_print_json(&wire_admin_write_result_type, &result);
    else
        printf(c->options.off ? "%s: takes work again; what has moved stays where it is\n"
                              : "%s: nothing new comes there, and what runs there moves\n",
               name);
    return 0;
}
