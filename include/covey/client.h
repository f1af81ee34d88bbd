/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * client: the admin protocol for programs; the command line is written over it and nothing else. Blocking,
 * one thread.
 */
#ifndef COVEY_CLIENT_H
#define COVEY_CLIENT_H

#include <covey/base.h>
#include <covey/codec.h>
#include <covey/wire.h>

struct client;

/* ERR_NO_AGENT with a text saying the path and what to do; ERR_DENIED; ERR_LIMIT: the path is too long. */
int client_connect(const char *path, struct client **ret_client, char *ret_text, size_t text_size);
void client_free(struct client *c);
int client_fd(const struct client *c);

/*
 * One call: params and result are structs of the given types (named keys); NULL types: none, not wanted.
 * Waits at most timeout_ms (0: for ever). Returns the server's error code with its text in client_text(), or
 * a transport's: ERR_TIMEOUT, ERR_CLOSED (then for every further call, too), ERR_INVALID and ERR_LIMIT for
 * what cannot be sent or understood. The result lives in the arena.
 */
int client_call(struct client *c, const char *method, const struct codec_type *params_type,
                const void *params, const struct codec_type *result_type, void *ret_result,
                struct arena *arena, int timeout_ms);
/* Of the latest error; borrowed until the next call. */
const char *client_text(const struct client *c);

/*
 * Opens a stream; then client_chunk() until a chunk with `end`, giving credit back as it goes. Params whose
 * field `credit` is 0 get 256 KiB. Calls and streams may be mixed: chunks that come meanwhile are kept.
 */
int client_stream(struct client *c, const char *method, const struct codec_type *params_type,
                  const void *params, uint64_t *ret_id);
/*
 * The next chunk; chunk and its bytes live in the arena. Waits at most timeout_ms (0: for ever). ERR_TIMEOUT:
 * the stream goes on; ERR_CLOSED: it has ended, or the connection.
 */
int client_chunk(struct client *c, uint64_t id, struct arena *arena, struct wire_admin_chunk *ret_chunk,
                 int timeout_ms);
/* Grants more than what is given back anyway; 0 bytes close the stream. ERR_CLOSED as above. */
int client_credit(struct client *c, uint64_t id, uint64_t bytes);

#endif
