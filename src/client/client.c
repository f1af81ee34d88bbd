/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "internal.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define CONNECT_TIMEOUT_S 5 /* for a place in the queue of an agent that is very busy */

int64_t client_now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t client_deadline(int timeout_ms) { return timeout_ms > 0 ? client_now_ms() + timeout_ms : INT64_MAX; }

int client_fail(struct client *c, int error, const char *format, ...) {
    va_list args;
    va_start(args, format);
    buf_clear(&c->text);
    buf_vprintf(&c->text, format, args);
    va_end(args);
    (void)buf_str(&c->text);
    return error;
}

const char *client_text(const struct client *c) { return c->text.size > 0 ? (const char *)c->text.data : ""; }

int client_fd(const struct client *c) { return c->fd; }

/* ---- connecting ---------------------------------------------------------------------------------------- */

static int connect_error(const char *path, int number, struct buf *text) {
    const char *advice = "start one with `covey agent`, or say where the socket of the running one is";
    switch (number) {
    case ENOENT:
    case ENOTDIR:
        buf_printf(text, "no agent answers at %s: there is no such socket; %s", path, advice);
        return ERR_NO_AGENT;
    case ECONNREFUSED:
        buf_printf(text, "no agent answers at %s: nobody listens on that socket; %s", path, advice);
        return ERR_NO_AGENT;
    case EACCES:
    case EPERM:
        buf_printf(text,
                   "permission denied for %s: only root, the agent's own user and members of its group may "
                   "use it",
                   path);
        return ERR_DENIED;
    case EAGAIN:
        buf_printf(text, "no agent answers at %s: too many clients wait for it", path);
        return ERR_NO_AGENT;
    default:
        buf_printf(text, "cannot connect to the agent at %s: %s", path, strerror(number));
        return ERR_NO_AGENT;
    }
}

static int socket_connect(const char *path, int *ret_fd, struct buf *text) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = CONNECT_TIMEOUT_S};
    size_t size = strlen(path);
    if (size >= sizeof address.sun_path) {
        buf_printf(text, "the path of the agent's socket is longer than %zu bytes: %s",
                   sizeof address.sun_path - 1, path);
        return ERR_LIMIT;
    }
    memcpy(address.sun_path, path, size);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return connect_error(path, errno, text);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    while (connect(fd, (struct sockaddr *)&address, sizeof address)) {
        int number = errno;
        if (number == EINTR)
            continue;
        close(fd);
        return connect_error(path, number, text);
    }
    *ret_fd = fd;
    return 0;
}

int client_connect(const char *path, struct client **ret_client, char *ret_text, size_t text_size) {
    struct buf text = {0};
    int fd = -1, error = socket_connect(path, &fd, &text);
    if (error && text_size > 0) {
        size_t size = text.size < text_size - 1 ? text.size : text_size - 1;
        memcpy(ret_text, buf_str(&text), size);
        ret_text[size] = 0;
    }
    buf_done(&text);
    if (error)
        return error;
    struct client *c = mem_alloc(sizeof *c);
    size_t size = strlen(path) + 1;
    *c = (struct client){.fd = fd, .path = memcpy(mem_alloc(size), path, size)};
    *ret_client = c;
    return 0;
}

void client_free(struct client *c) {
    if (!c)
        return;
    client_streams_free(c);
    close(c->fd);
    buf_done(&c->input);
    buf_done(&c->text);
    mem_free(c->path);
    mem_free(c);
}

/* ---- calls --------------------------------------------------------------------------------------------- */

static int request_send(struct client *c, const char *method, const struct codec_type *type,
                        const void *params, int64_t deadline_ms) {
    struct buf encoded = {0}, frame = {0};
    struct codec_fault fault;
    int error = type ? codec_check(type, params, &fault) : 0;
    if (error)
        return client_fail(c, error, "%s: %s", fault.path, fault.what);
    if (type)
        codec_encode_named(type, params, &encoded);
    /* 0 is for what the server says to no request. */
    c->msgid = c->msgid == UINT32_MAX ? 1 : c->msgid + 1;
    struct codec_rpc rpc = {.msgid = c->msgid, .method = bytes_str(method), .params = buf_bytes(&encoded)};
    codec_rpc_encode(&rpc, &frame);
    error = client_frame_send(c, buf_bytes(&frame), deadline_ms);
    buf_done(&encoded);
    buf_done(&frame);
    return error;
}

static int answer_error(struct client *c, const struct codec_rpc *rpc) {
    struct arena arena = {0};
    struct wire_admin_error told;
    int error = ERR_INVALID;
    if (codec_decode_named(&wire_admin_error_type, rpc->error, &arena, &told, NULL) == 0)
        error = client_fail(c, told.code < 0 ? told.code : ERR_FAILED, "%.*s", BYTES_FMT(told.text));
    else
        client_fail(c, error, "the agent at %s answers with an error of an unknown form", c->path);
    arena_done(&arena);
    return error;
}

int client_exchange(struct client *c, const char *method, const struct codec_type *params_type,
                    const void *params, int64_t deadline_ms, struct codec_rpc *ret_rpc) {
    int error = c->broken ? c->broken : request_send(c, method, params_type, params, deadline_ms);
    while (!error) {
        error = client_frame_next(c, deadline_ms, ret_rpc);
        if (error)
            break;
        if (ret_rpc->type == CODEC_RPC_NOTIFY)
            error = client_chunk_keep(c, ret_rpc);
        else if (ret_rpc->type != CODEC_RPC_RESPONSE || (ret_rpc->msgid != c->msgid && ret_rpc->msgid != 0))
            continue; /* the late answer to a call that was given up */
        else
            return codec_rpc_failed(ret_rpc) ? answer_error(c, ret_rpc) : 0;
    }
    return error;
}

int client_call(struct client *c, const char *method, const struct codec_type *params_type,
                const void *params, const struct codec_type *result_type, void *ret_result,
                struct arena *arena, int timeout_ms) {
    struct codec_rpc rpc;
    struct codec_fault fault;
    int error = client_exchange(c, method, params_type, params, client_deadline(timeout_ms), &rpc);
    if (error || !result_type)
        return error;
    struct bytes result = arena_copy(arena, rpc.result);
    error = codec_decode_named(result_type, result, arena, ret_result, &fault);
    if (error)
        return client_fail(c, error, "the answer of the agent at %s is not understood: %s: %s", c->path,
                           fault.path, fault.what);
    return 0;
}
