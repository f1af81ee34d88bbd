/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* covey logs */
#include <stdio.h>

#include <covey/client.h>

#include "internal.h"

#define CREDIT_BYTES  (256u * 1024)
#define PREFIX_DIGITS 4 /* fewer are taken for the name of a job */

/* The text in lower case, if it can be the beginning of an instance's id; else empty. */
static struct bytes as_prefix(struct cli *c, const char *text) {
    size_t size = strlen(text);
    if (size < PREFIX_DIGITS || size >= ID_TEXT_SIZE || strspn(text, "0123456789abcdefABCDEF") != size)
        return (struct bytes){0};
    uint8_t *lower = arena_alloc(&c->arena, size);
    for (size_t i = 0; i < size; i++)
        lower[i] = (uint8_t)(text[i] >= 'A' && text[i] <= 'F' ? text[i] | 0x20 : text[i]);
    return bytes_of(lower, size);
}

static int logs_open(struct cli *c, struct bytes instance, struct bytes job, uint64_t *ret_id) {
    struct wire_admin_logs_query q = {.instance = instance,
                                      .job = job,
                                      .stderr = c->options.is_stderr,
                                      .follow = c->options.follow,
                                      .tail = c->options.tail_bytes,
                                      .credit = CREDIT_BYTES};
    if (c->options.task != NULL)
        q.task = bytes_str(c->options.task);
    return cli_stream(c, "logs", &wire_admin_logs_query_type, &q, ret_id);
}

static int logs_print(struct cli *c, uint64_t id) {
    struct arena a = {0};
    struct wire_admin_chunk chunk = {0};
    int error = 0;
    while (error == 0 && !chunk.end && !ferror(stdout)) {
        arena_reset(&a);
        error = cli_chunk_follow(c, id, &a, &chunk);
        if (error != 0 && chunk.error == 0) /* none came */
            break;
        if (c->options.json)
            cli_print_json(&wire_admin_chunk_type, &chunk);
        else if (chunk.data.size > 0)
            fwrite(chunk.data.data, 1, chunk.data.size, stdout);
        fflush(stdout);
    }
    arena_done(&a);
    return error;
}

int cli_logs(struct cli *c) {
    const char *name = c->options.operands[0];
    struct bytes prefix = as_prefix(c, name);
    uint64_t id = 0;
    int error = ERR_NOT_FOUND;
    c->text[0] = 0;
    if (prefix.size > 0)
        error = logs_open(c, prefix, (struct bytes){0}, &id);
    if (error == ERR_NOT_FOUND && strlen(name) <= WIRE_NAME_MAX) {
        char first[sizeof c->text];
        memcpy(first, c->text, sizeof first);
        error = logs_open(c, (struct bytes){0}, bytes_str(name), &id);
        /* Of an instance that is there, "no such task" says more than that there is no such job. */
        if (error == ERR_NOT_FOUND && first[0] != 0 && c->options.task != NULL)
            memcpy(c->text, first, sizeof first);
    }
    if (error == ERR_NOT_FOUND)
        return cli_fail(c, error, "%s: %s; `covey ps --all` lists the instances", name,
                        c->text[0] != 0 ? c->text : "neither a job nor an instance");
    if (error == 0)
        error = logs_print(c, id);
    return error != 0 ? cli_fail_call(c, error) : 0;
}
