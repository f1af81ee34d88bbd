/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* covey agent restart [--for D] | agent away [HOST] --for D | agent back [HOST] */
#include <stdio.h>

#include <covey/client.h>

#include "wait.h"

#define RESTART_MS 30000
#define WRITE_US   (60 * US_PER_S)
#define FOR_MIN_US US_PER_S

static const struct wire_admin_node *self_in(const struct wire_admin_nodes *nodes) {
    for (size_t i = 0; i < nodes->nodes_count; i++)
        if (nodes->nodes[i].self)
            return &nodes->nodes[i];
    return NULL;
}

/* ---- restart ---- */

/* Until the next run of the agent is known to the cluster. */
static int wait_back(struct cli *c, uint32_t generation, int64_t began_us, int64_t deadline_us) {
    struct arena a = {0};
    struct wire_admin_nodes nodes;
    bool is_back = false;
    while (!is_back && cli_now_us() < deadline_us) {
        int error = cli_nodes_poll(c, &a, &nodes);
        const struct wire_admin_node *n = error == 0 ? self_in(&nodes) : NULL;
        is_back = n != NULL && n->record.generation > generation;
        if (!is_back)
            cli_pause();
    }
    arena_done(&a);
    if (!is_back)
        return cli_fail(c, ERR_TIMEOUT, "the agent is not back yet; its log says why. Tasks go on running");
    if (c->options.json)
        printf("{}\n");
    else
        printf("the agent is back after %.1f s; its tasks ran on\n", (double)(cli_now_us() - began_us) / 1e6);
    return 0;
}

static int restart(struct cli *c) {
    struct arena a = {0};
    struct wire_admin_nodes nodes;
    struct wire_admin_restart params = {.request = cli_request_id(),
                                        .for_ms = (uint64_t)(c->options.for_us / US_PER_MS)};
    struct wire_admin_write_result result;
    int64_t began_us = cli_now_us();
    if (c->options.operands_count > 1)
        return cli_fail(c, ERR_INVALID, "it is the agent of this host that begins anew: give no other");
    if (c->options.for_us != 0 && c->options.for_us < FOR_MIN_US)
        return cli_fail(c, ERR_INVALID, "--for needs a second at least, an hour at most");
    int error = cli_nodes_poll(c, &a, &nodes);
    const struct wire_admin_node *self = error == 0 ? self_in(&nodes) : NULL;
    uint32_t generation = self != NULL ? self->record.generation : 0;
    arena_done(&a);
    if (error == 0)
        error = cli_call(c, "agent.restart", &wire_admin_restart_type, &params, &wire_admin_write_result_type,
                         &result, RESTART_MS);
    if (error != 0)
        return cli_fail_call(c, error);
    cli_disconnect(c);
    if (!c->options.detach)
        return wait_back(c, generation, began_us, began_us + c->options.timeout_us);
    printf(c->options.json ? "{}\n" : "the agent begins anew; its tasks go on running\n");
    return 0;
}

/* ---- away, back ---- */

static void away_tell(const char *name, int64_t for_us) {
    struct buf time = {0};
    duration_append(&time, for_us);
    printf("%s: nothing of it is replaced for %s, or until its agent has begun anew; "
           "`covey agent back%s%s` takes it back\n",
           name != NULL ? name : "this host", buf_str(&time), name != NULL ? " " : "",
           name != NULL ? name : "");
    buf_done(&time);
}

static int away(struct cli *c, bool is_back) {
    struct arena a = {0};
    struct wire_admin_nodes nodes;
    char self[ID_TEXT_SIZE] = "";
    struct wire_admin_away params = {.request = cli_request_id()};
    struct wire_admin_write_result result;
    const char *name = c->options.operands_count > 1 ? c->options.operands[1] : NULL;
    if (!is_back && c->options.for_us < FOR_MIN_US) /* 0 ms would mean back */
        return cli_fail(c, ERR_INVALID,
                        "for how long? `covey agent away --for 10m`; a second at least, an hour at most");
    params.for_ms = is_back ? 0 : (uint64_t)(c->options.for_us / US_PER_MS);
    if (name == NULL) {
        int error = cli_nodes_poll(c, &a, &nodes);
        const struct wire_admin_node *n = error == 0 ? self_in(&nodes) : NULL;
        if (n != NULL)
            id_text(n->record.id.b, self);
        arena_done(&a);
        if (error != 0)
            return cli_fail_call(c, error);
    }
    params.node = bytes_str(name != NULL ? name : self);
    int error = cli_write(c, "away", &wire_admin_away_type, &params, &wire_admin_write_result_type, &result,
                          cli_now_us() + WRITE_US);
    if (error == ERR_NOT_FOUND)
        return cli_fail(c, error, "there is no host %s; `covey nodes` lists them",
                        name != NULL ? name : self);
    if (error != 0)
        return cli_fail_call(c, error);
    if (c->options.json)
        cli_print_json(&wire_admin_write_result_type, &result);
    else if (is_back)
        printf("%s: what it runs is replaced again when it is out of sight\n",
               name != NULL ? name : "this host");
    else
        away_tell(name, c->options.for_us);
    return 0;
}

int cli_agent(struct cli *c) {
    const char *word = c->options.operands[0];
    if (strcmp(word, "restart") == 0)
        return restart(c);
    if (strcmp(word, "away") == 0 || strcmp(word, "back") == 0)
        return away(c, word[0] == 'b');
    return cli_fail(c, ERR_INVALID,
                    "\"%s\" is not restart, away or back; `covey agent --help` explains the agent", word);
}
