/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "fake.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct fake fake;

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The call that most tests make. */
static int stop_call(struct client *c, struct wire_admin_write_result *ret, struct arena *arena,
                     int timeout_ms) {
    struct wire_admin_stop params = {.name = bytes_str("web")};
    return client_call(c, "stop", &wire_admin_stop_type, &params, &wire_admin_write_result_type, ret, arena,
                       timeout_ms);
}

static void expect_stop_error(struct client *c, int error, const char *text, int timeout_ms) {
    struct arena arena = {0};
    struct wire_admin_write_result result;
    cr_assert_eq(stop_call(c, &result, &arena, timeout_ms), error);
    cr_assert(strstr(client_text(c), text), "%s", client_text(c));
    arena_done(&arena);
}

/* ---- answers ------------------------------------------------------------------------------------------- */

static void serve_stop(struct fake *f) {
    struct arena arena = {0};
    struct wire_admin_stop params;
    while (fake_receive(f)) {
        bool is_right =
            bytes_is(f->rpc.method, "stop") && f->rpc.type == CODEC_RPC_REQUEST && f->rpc.msgid != 0 &&
            codec_decode_named(&wire_admin_stop_type, f->rpc.params, &arena, &params, NULL) == 0 &&
            bytes_is(params.name, "web");
        struct wire_admin_write_result result = {.index = is_right ? 7 : 0, .version = f->rpc.msgid};
        fake_answer(f, f->rpc.msgid, &wire_admin_write_result_type, &result);
    }
    arena_done(&arena);
}

Test(calls, params_go_and_the_result_comes) {
    struct arena arena = {0};
    struct wire_admin_write_result result = {0}, second = {0};
    struct client *c = fake_start(&fake, serve_stop);
    cr_assert_eq(stop_call(c, &result, &arena, 10000), 0, "%s", client_text(c));
    cr_assert_eq(result.index, 7);
    cr_assert_eq(stop_call(c, &second, &arena, 0), 0);
    cr_assert_neq(second.version, result.version, "each request has a number of its own");
    arena_done(&arena);
    fake_done(&fake, c);
}

static void serve_token(struct fake *f) {
    static char token[] = "covey1-xyz";
    while (fake_receive(f)) {
        struct wire_admin_token result = {.token = bytes_str(token), .addr = bytes_str("192.0.2.1:7370")};
        fake_answer(f, f->rpc.msgid, &wire_admin_token_type, &result);
    }
}

Test(calls, what_a_result_points_to_lives_in_the_arena) {
    struct arena arena = {0};
    struct wire_admin_token first, second;
    struct client *c = fake_start(&fake, serve_token);
    cr_assert_eq(client_call(c, "token", NULL, NULL, &wire_admin_token_type, &first, &arena, 10000), 0);
    cr_assert_eq(client_call(c, "token", NULL, NULL, &wire_admin_token_type, &second, &arena, 10000), 0);
    fake_done(&fake, c);
    cr_assert(bytes_is(first.token, "covey1-xyz"));
    cr_assert(bytes_is(second.addr, "192.0.2.1:7370"));
    arena_done(&arena);
}

static void serve_error(struct fake *f) {
    fake_receive(f);
    fake_answer_error(f, f->rpc.msgid, ERR_NO_FIT, "3 nodes lack 512 MiB");
    fake_receive(f);
    /* An error that is mere text, as some servers send. */
    uint8_t frame[8];
    size_t size = 0;
    frame[size++] = 0x94;
    frame[size++] = 1;
    frame[size++] = (uint8_t)f->rpc.msgid;
    memcpy(frame + size, "\xa2no\xc0", 4);
    fake_send_bytes(f, bytes_of(frame, size + 4));
    fake_receive(f);
    fake_answer_error(f, f->rpc.msgid, 0, "a failure without a code");
    fake_receive(f);
    fake_answer(f, f->rpc.msgid, &wire_admin_token_type, &(struct wire_admin_token){.token = bytes_str("x")});
    fake_receive(f);
    fake_answer(f, f->rpc.msgid, &wire_admin_error_type, &(struct wire_admin_error){.text = bytes_str("x")});
}

Test(calls, errors_of_the_server_are_returned_with_their_text) {
    struct arena arena = {0};
    struct wire_admin_job_summary result;
    struct client *c = fake_start(&fake, serve_error);
    expect_stop_error(c, ERR_NO_FIT, "3 nodes lack 512 MiB", 10000);
    expect_stop_error(c, ERR_INVALID, "unknown form", 10000);
    expect_stop_error(c, ERR_FAILED, "a failure without a code", 10000);
    /* A result of another type: unknown keys are skipped, a required one is missed. */
    struct wire_admin_write_result write;
    cr_assert_eq(stop_call(c, &write, &arena, 10000), 0);
    cr_assert_eq(client_call(c, "x", NULL, NULL, &wire_pair_type, &result, &arena, 10000), ERR_INVALID);
    cr_assert(strstr(client_text(c), "is not understood"), "%s", client_text(c));
    arena_done(&arena);
    fake_done(&fake, c);
}

Test(calls, params_over_their_limits_are_refused_before_they_are_sent) {
    struct client *c = fake_start(&fake, serve_stop);
    struct wire_admin_stop params = {.name = bytes_str("a name that is far too long to be the name of a job, "
                                                       "for those have 63 bytes at most")};
    cr_assert_eq(client_call(c, "stop", &wire_admin_stop_type, &params, NULL, NULL, NULL, 10000), ERR_LIMIT);
    cr_assert(strstr(client_text(c), "name"), "%s", client_text(c));
    fake_done(&fake, c);
    cr_assert_eq(fake.received_bytes, 0);
}

/* ---- time ---------------------------------------------------------------------------------------------- */

static void serve_late(struct fake *f) {
    fake_receive(f);
    uint32_t late = f->rpc.msgid;
    fake_receive(f);
    fake_answer(f, late, &wire_admin_write_result_type, &(struct wire_admin_write_result){.index = 1});
    fake_answer(f, f->rpc.msgid, &wire_admin_write_result_type,
                &(struct wire_admin_write_result){.index = 2});
    fake_receive(f);
}

Test(calls, a_timeout_ends_one_call_and_its_late_answer_is_nobodys) {
    struct arena arena = {0};
    struct wire_admin_write_result result;
    struct client *c = fake_start(&fake, serve_late);
    int64_t began = now_ms();
    expect_stop_error(c, ERR_TIMEOUT, "did not answer in time", 50);
    cr_assert_geq(now_ms() - began, 50);
    cr_assert_eq(stop_call(c, &result, &arena, 10000), 0);
    cr_assert_eq(result.index, 2);
    arena_done(&arena);
    fake_done(&fake, c);
}

/* Ends when the client has gone, taking nothing. */
static void serve_nothing(struct fake *f) {
    struct buf rest = {0};
    char byte;
    while (recv(f->fd, &byte, 1, MSG_PEEK) > 0 && recv(f->fd, &byte, 1, 0) > 0)
        buf_append_byte(&rest, (uint8_t)byte);
    buf_done(&rest);
}

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void serve_deaf(struct fake *f) {
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
    serve_nothing(f);
}

Test(calls, a_server_that_takes_nothing_is_a_timeout_too) {
    static uint8_t value[WIRE_VAR_VALUE_MAX];
    struct wire_admin_var_put params = {
        .var = {.key = bytes_str("k"), .value = bytes_of(value, sizeof value)}};
    pthread_mutex_lock(&gate);
    struct client *c = fake_start(&fake, serve_deaf);
    int error = 0;
    for (unsigned i = 0; i < 1000 && strstr(client_text(c), "takes no requests") == NULL; i++)
        error = client_call(c, "var.put", &wire_admin_var_put_type, &params, NULL, NULL, NULL, 20);
    cr_assert_eq(error, ERR_TIMEOUT);
    cr_assert_eq(client_call(c, "status", NULL, NULL, NULL, NULL, NULL, 20), ERR_CLOSED,
                 "after half a request nothing can follow");
    pthread_mutex_unlock(&gate);
    fake_done(&fake, c);
}

/* ---- ends ---------------------------------------------------------------------------------------------- */

static void serve_close(struct fake *f) { fake_receive(f); }

Test(calls, a_server_that_closes_is_told_and_stays_told) {
    struct client *c = fake_start(&fake, serve_close);
    expect_stop_error(c, ERR_CLOSED, "closed the connection", 10000);
    expect_stop_error(c, ERR_CLOSED, "closed the connection", 10000);
    fake_done(&fake, c);
}

static void serve_refusal(struct fake *f) { fake_answer_error(f, 0, ERR_DENIED, "user 5 may not"); }

Test(calls, a_refusal_at_the_door_reaches_the_first_call_even_if_it_cannot_be_sent) {
    struct client *c = fake_start(&fake, serve_refusal);
    fake_join(&fake);
    expect_stop_error(c, ERR_DENIED, "user 5 may not", 10000);
    expect_stop_error(c, ERR_CLOSED, "closed", 10000);
    fake_done(&fake, c);
}

static void serve_garbage(struct fake *f) {
    fake_receive(f);
    fake_send_bytes(f, bytes_str("HTTP/1.1 400 Bad Request"));
    fake_receive(f);
}

Test(calls, what_speaks_something_else_is_told_so) {
    struct client *c = fake_start(&fake, serve_garbage);
    expect_stop_error(c, ERR_INVALID, "does not speak MessagePack-RPC", 10000);
    expect_stop_error(c, ERR_INVALID, "does not speak MessagePack-RPC", 10000);
    fake_done(&fake, c);
}

static void serve_claim(struct fake *f) {
    fake_receive(f);
    fake_send_bytes(f, bytes_of("\x94\x01\x01\xc0\xc6\x40\x00\x00\x00", 9));
    fake_receive(f);
}

Test(calls, an_answer_over_the_limit_is_refused_at_its_head) {
    struct client *c = fake_start(&fake, serve_claim);
    expect_stop_error(c, ERR_LIMIT, "does not speak", 10000);
    fake_done(&fake, c);
}

/* ---- large --------------------------------------------------------------------------------------------- */

#define VARS_COUNT 200

static void serve_large(struct fake *f) {
    static struct wire_var_record vars[VARS_COUNT];
    static uint8_t value[WIRE_VAR_VALUE_MAX];
    for (size_t i = 0; i < VARS_COUNT; i++)
        vars[i] = (struct wire_var_record){.key = bytes_str("k"), .value = bytes_of(value, sizeof value)};
    while (fake_receive(f)) {
        struct wire_admin_vars result = {.vars = vars, .vars_count = VARS_COUNT};
        fake_answer(f, f->rpc.msgid, &wire_admin_vars_type, &result);
    }
}

Test(calls, thirteen_megabytes_come_whole) {
    struct arena arena = {0};
    struct wire_admin_vars result;
    struct client *c = fake_start(&fake, serve_large);
    cr_assert_eq(client_call(c, "vars", NULL, NULL, &wire_admin_vars_type, &result, &arena, 30000), 0);
    cr_assert_eq(result.vars_count, VARS_COUNT);
    cr_assert_eq(result.vars[VARS_COUNT - 1].value.size, WIRE_VAR_VALUE_MAX);
    arena_done(&arena);
    fake_done(&fake, c);
}

/* ---- connecting ---------------------------------------------------------------------------------------- */

static void expect_connect_error(const char *path, int error, const char *wanted) {
    struct client *c = NULL;
    char text[256] = "";
    cr_assert_eq(client_connect(path, &c, text, sizeof text), error);
    cr_assert_null(c);
    cr_assert(strstr(text, wanted), "%s", text);
}

Test(connect, without_an_agent_the_text_says_the_path_and_what_to_do) {
    char folder[] = "/tmp/covey-client.XXXXXX", path[64], lengthy[200];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/sock", folder);
    expect_connect_error(path, ERR_NO_AGENT, path);
    expect_connect_error(path, ERR_NO_AGENT, "there is no such socket; start one with `covey agent`");
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd);
    expect_connect_error(path, ERR_NO_AGENT, "nobody listens on that socket");
    memset(lengthy, 'x', sizeof lengthy);
    lengthy[sizeof lengthy - 1] = 0;
    expect_connect_error(lengthy, ERR_LIMIT, "longer than 107 bytes");
    unlink(path);
    rmdir(folder);
}

Test(connect, a_socket_that_is_not_ours_to_use_is_denied) {
    char folder[] = "/tmp/covey-client.XXXXXX", path[64];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int status = 0;
    if (geteuid() != 0)
        cr_skip_test("only root can become somebody else");
    cr_assert_not_null(mkdtemp(folder));
    cr_assert_eq(chmod(folder, 0755), 0);
    snprintf(path, sizeof path, "%s/sock", folder);
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(chmod(path, 0600), 0);
    cr_assert_eq(listen(fd, 1), 0);
    pid_t child = fork();
    if (child == 0) {
        struct client *c = NULL;
        char text[256] = "";
        if (setgid(65534) || setuid(65534))
            _exit(1);
        int error = client_connect(path, &c, text, sizeof text);
        _exit(error == ERR_DENIED && strstr(text, "permission denied") && strstr(text, path) ? 0 : 2);
    }
    waitpid(child, &status, 0);
    cr_assert_eq(status, 0);
    close(fd);
    unlink(path);
    rmdir(folder);
}
