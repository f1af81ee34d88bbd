/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* covey nodes [--matrix] | nodes forget HOST */
#include <stdio.h>
#include <time.h>

#include <covey/client.h>

#include "wait.h"

#define ANSWER_MS 15000
#define WAIT_MS   200

static int show(struct cli *c) {
    struct wire_admin_nodes nodes;
    struct buf out = {0};
    struct wire_admin_read_query q = {.consistent = c->options.consistent};
    int error =
        cli_call(c, "nodes", &wire_admin_read_query_type, &q, &wire_admin_nodes_type, &nodes, ANSWER_MS);
    if (error != 0)
        return cli_fail_call(c, error);
    if (c->options.json) {
        cli_print_json(&wire_admin_nodes_type, &nodes);
        return 0;
    }
    cli_view_nodes(&nodes, &out);
    cli_print(&out);
    buf_done(&out);
    cli_warn_stale(&nodes.freshness);
    return 0;
}

static int show_matrix(struct cli *c) {
    struct wire_admin_matrix matrix;
    struct buf out = {0};
    struct wire_admin_matrix_query q = {0};
    int error =
        cli_call(c, "matrix", &wire_admin_matrix_query_type, &q, &wire_admin_matrix_type, &matrix, ANSWER_MS);
    if (error != 0)
        return cli_fail_call(c, error);
    if (c->options.json) {
        cli_print_json(&wire_admin_matrix_type, &matrix);
        return 0;
    }
    cli_view_matrix(&matrix, &out);
    cli_print(&out);
    buf_done(&out);
    return 0;
}

/* ---- polling ---- */

/* The answer lies in the arena, which is begun anew. */
int cli_nodes_poll(struct cli *c, struct arena *a, struct wire_admin_nodes *ret) {
    int error = cli_connect(c);
    struct wire_admin_read_query q = {0};
    arena_reset(a);
    if (error == 0)
        error = client_call(c->client, "nodes", &wire_admin_read_query_type, &q, &wire_admin_nodes_type, ret,
                            a, ANSWER_MS);
    const char *text = error != 0 && c->client != NULL ? client_text(c->client) : NULL;
    if (text != NULL)
        snprintf(c->text, sizeof c->text, "%s", text);
    if (cli_is_broken(error))
        cli_disconnect(c);
    return error;
}

const char *cli_node_id(struct cli *c, const char *name) {
    struct arena a = {0};
    struct wire_admin_nodes nodes;
    const struct wire_admin_node *n = cli_nodes_poll(c, &a, &nodes) == 0 ? cli_node_in(&nodes, name) : NULL;
    if (n != NULL) {
        char hex[ID_TEXT_SIZE];
        id_text(n->record.id.b, hex);
        name = arena_printf(&c->arena, "%s", hex);
    }
    arena_done(&a);
    return name;
}

void cli_pause(void) { nanosleep(&(struct timespec){.tv_nsec = WAIT_MS * 1000000L}, NULL); }

/* ---- forget ---- */

static int wait_gone(struct cli *c, const char *name, const char *id, int64_t deadline_us) {
    struct arena a = {0};
    struct wire_admin_nodes nodes;
    const struct wire_admin_node *n = NULL;
    bool was_self = false;
    int error = 0;
    do {
        error = cli_nodes_poll(c, &a, &nodes);
        n = error == 0 ? cli_node_in(&nodes, id) : NULL;
        was_self |= n != NULL && n->self;
        if (n != NULL || cli_is_broken(error))
            cli_pause();
    } while ((n != NULL || (cli_is_broken(error) && !was_self)) && cli_now_us() < deadline_us);
    int status = 0;
    if (was_self &&
        cli_is_broken(error)) /* it was asked of the host itself, whose agent ends when it has left */
        printf(c->options.json ? "{}\n" : "%s has left, and its agent has ended\n", name);
    else if (error != 0)
        status = cli_fail_call(c, error);
    else if (n != NULL)
        status = cli_fail(
            c, ERR_TIMEOUT, "%s is being taken out, but %s; `covey nodes` shows whether it is still there",
            name, n->voter ? "its vote has not moved yet (`covey voters` says why)" : "has not ended yet");
    else
        printf(c->options.json
                   ? "{}\n"
                   : "%s is taken out: it is neither contacted nor believed until it joins anew\n",
               name);
    arena_done(&a);
    return status;
}

static int forget(struct cli *c) {
    const char *name = c->options.operands[1], *id = cli_node_id(c, name);
    int64_t deadline_us = cli_now_us() + c->options.timeout_us;
    struct wire_admin_forget params = {
        .request = cli_request_id(), .node = bytes_str(id), .force = c->options.force};
    struct wire_admin_write_result result;
    int error = cli_write(c, "forget", &wire_admin_forget_type, &params, &wire_admin_write_result_type,
                          &result, deadline_us);
    if (error == ERR_NOT_FOUND)
        return cli_fail(c, error, "there is no host %s; `covey nodes` lists them", name);
    if (error != 0)
        return cli_fail_call(c, error);
    if (!c->options.detach)
        return wait_gone(c, name, id, deadline_us);
    if (c->options.json)
        cli_print_json(&wire_admin_write_result_type, &result);
    else
        printf("%s: will be taken out once its vote has moved\n", name);
    return 0;
}

int cli_nodes(struct cli *c) {
    if (c->options.operands_count == 0)
        return c->options.matrix ? show_matrix(c) : show(c);
    if (strcmp(c->options.operands[0], "forget") != 0)
        return cli_fail(c, ERR_INVALID, "\"%s\" is not forget; usage: covey nodes %s", c->options.operands[0],
                        c->verb->operands);
    if (c->options.operands_count != 2)
        return cli_fail(c, ERR_INVALID, "which host? `covey nodes forget HOST`");
    return forget(c);
}
