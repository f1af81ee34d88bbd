/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* covey voters [pin|exclude|auto NODE] */
#include <stdio.h>

#include <covey/client.h>

#include "wait.h"

#define ANSWER_MS 15000
#define WRITE_US  (60 * US_PER_S)

static int show(struct cli *c) {
    struct wire_admin_voters voters;
    struct buf out = {0};
    int error = cli_call(c, "voters", &wire_empty_type, &(struct wire_empty){0}, &wire_admin_voters_type,
                         &voters, ANSWER_MS);
    if (error != 0)
        return cli_fail_call(c, error);
    if (c->options.json) {
        cli_print_json(&wire_admin_voters_type, &voters);
        return 0;
    }
    cli_view_voters(&voters, &out);
    cli_print(&out);
    buf_done(&out);
    cli_warn_stale(&voters.freshness);
    return 0;
}

static int rule_set(struct cli *c, enum vote_rule rule, const char *node) {
    struct wire_admin_vote params = {.request = cli_request_id(), .node = bytes_str(node), .vote = rule};
    struct wire_admin_write_result result;
    int error = cli_write(c, "vote", &wire_admin_vote_type, &params, &wire_admin_write_result_type, &result,
                          cli_now_us() + WRITE_US);
    if (error == ERR_NOT_FOUND)
        return cli_fail(c, error, "there is no host %s; `covey nodes` lists them", node);
    if (error != 0)
        return cli_fail_call(c, error);
    if (c->options.json) {
        cli_print_json(&wire_admin_write_result_type, &result);
        return 0;
    }
    switch (rule) {
    case VOTE_RULE_AUTO: printf("%s: votes when it is needed\n", node); break;
    case VOTE_RULE_PIN: printf("%s: will vote, and is never replaced\n", node); break;
    case VOTE_RULE_EXCLUDE: printf("%s: will not vote\n", node); break;
    }
    return 0;
}

int cli_voters(struct cli *c) {
    enum vote_rule rule;
    if (c->options.operands_count == 0)
        return show(c);
    const char *word = c->options.operands[0];
    if (vote_rule_parse(bytes_str(word), &rule) != 0)
        return cli_fail(c, ERR_INVALID, "\"%s\" is not pin, exclude or auto", word);
    if (c->options.operands_count != 2)
        return cli_fail(c, ERR_INVALID, "which host? `covey voters %s NODE`", word);
    return rule_set(c, rule, c->options.operands[1]);
}
