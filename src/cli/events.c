/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* covey events */
#include <stdio.h>

#include <covey/client.h>

#include "internal.h"

#define CREDIT_BYTES (256u * 1024)

static void event_print(struct cli *c, const struct wire_event *event) {
    struct buf out = {0};
    if (c->options.json) {
        cli_print_json(&wire_event_type, event);
        return;
    }
    cli_view_event(event, &out);
    cli_print(&out);
    buf_done(&out);
}

static bool is_wanted(const struct cli *c, const struct wire_event *event) {
    return c->options.kind == NULL || bytes_starts(event->kind, bytes_str(c->options.kind));
}

int cli_events(struct cli *c) {
    struct wire_admin_events_query q = {.follow = c->options.follow, .credit = CREDIT_BYTES};
    struct wire_admin_chunk chunk = {0};
    struct arena a = {0};
    uint64_t id;
    int error = cli_stream(c, "events", &wire_admin_events_query_type, &q, &id);
    while (error == 0 && !chunk.end && !ferror(stdout)) {
        arena_reset(&a);
        error = cli_chunk_follow(c, id, &a, &chunk);
        if (error == 0 && chunk.event != NULL && is_wanted(c, chunk.event))
            event_print(c, chunk.event);
    }
    arena_done(&a);
    return error == 0 ? 0 : cli_fail_call(c, error);
}
