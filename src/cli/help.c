/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* covey help [VERB] */
#include <stdio.h>

#include "internal.h"

int cli_help(struct cli *c) {
    const char *name = c->options.operands_count > 0 ? c->options.operands[0] : NULL;
    struct buf out = {0};
    if (name == NULL) {
        cli_view_help(cli_verbs, cli_verbs_count, &out);
    } else {
        const struct cli_verb *verb = cli_verb_find(cli_verbs, cli_verbs_count, name);
        if (verb == NULL) {
            cli_view_unknown(cli_verbs, cli_verbs_count, name, &out);
            int status = cli_fail(c, ERR_INVALID, "%s", buf_str(&out));
            buf_done(&out);
            return status;
        }
        cli_view_usage(verb, &out);
        if (strcmp(name, "agent") == 0)
            buf_printf(&out, "\n`covey agent [flags]` runs the agent: `covey agent --help` lists its flags, "
                             "covey-agent(8) explains them.\n");
    }
    cli_print(&out);
    buf_done(&out);
    return 0;
}
