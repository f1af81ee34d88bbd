/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* covey token */
#include <stdio.h>

#include <covey/client.h>

#include "internal.h"

#define ANSWER_MS 15000

/* The token alone goes to stdout, so that it can be piped into a file; how to use it goes to stderr. */
int cli_token(struct cli *c) {
    struct wire_admin_token t;
    struct buf out = {0};
    int error = cli_call(c, "token", &wire_empty_type, &(struct wire_empty){0}, &wire_admin_token_type, &t,
                         ANSWER_MS);
    if (error != 0)
        return cli_fail_call(c, error);
    if (c->options.json) {
        buf_printf(&out, "{\"token\":");
        codec_json_str(&out, t.token);
        buf_printf(&out, ",\"addr\":");
        codec_json_str(&out, t.addr);
        buf_printf(&out, "}\n");
        cli_print(&out);
    } else {
        buf_printf(&out, "%.*s\n", BYTES_FMT(t.token));
        cli_print(&out);
        buf_clear(&out);
        buf_append_byte(&out, '\n');
        cli_view_token(&t, &out);
        fwrite(out.data, 1, out.size, stderr);
    }
    buf_done(&out);
    return 0;
}
