/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "fake.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static struct fake fake;

static void stream_accept(struct fake *f, uint64_t id) {
    fake_receive(f);
    fake_answer(f, f->rpc.msgid, &wire_admin_stream_type, &(struct wire_admin_stream){.id = id});
}

static uint64_t logs_open(struct client *c, uint64_t credit) {
    struct wire_admin_logs_query query = {.job = bytes_str("web"), .follow = true, .credit = credit};
    uint64_t id = 0;
    cr_assert_eq(client_stream(c, "logs", &wire_admin_logs_query_type, &query, &id), 0, "%s", client_text(c));
    return id;
}

/* ---- chunks -------------------------------------------------------------------------------------------- */

static void serve_three(struct fake *f) {
    stream_accept(f, 77);
    fake_chunk(f, 77, bytes_str("one"), false);
    fake_chunk(f, 78, bytes_str("somebody else's"), false);
    fake_chunk(f, 77, bytes_str("two"), false);
    fake_chunk(f, 77, bytes_str(""), true);
    while (fake_receive(f))
        ;
}

Test(streams, chunks_come_in_order_until_the_end) {
    struct arena arena = {0};
    struct wire_admin_chunk a, b, end;
    struct client *c = fake_start(&fake, serve_three);
    uint64_t id = logs_open(c, 1000);
    cr_assert_eq(id, 77);
    cr_assert_eq(client_chunk(c, id, &arena, &a, 10000), 0);
    cr_assert_eq(client_chunk(c, id, &arena, &b, 10000), 0);
    cr_assert_eq(client_chunk(c, id, &arena, &end, 10000), 0);
    cr_assert(bytes_is(a.data, "one") && bytes_is(b.data, "two"), "both stay in the arena");
    cr_assert(!a.end && end.end);
    cr_assert_eq(client_chunk(c, id, &arena, &end, 10000), ERR_CLOSED);
    cr_assert_str_eq(client_text(c), "the stream has ended");
    cr_assert_eq(client_credit(c, id, 5), ERR_CLOSED);
    arena_done(&arena);
    fake_done(&fake, c);
}

static void serve_between(struct fake *f) {
    stream_accept(f, 5);
    stream_accept(f, 6);
    fake_receive(f);
    uint32_t msgid = f->rpc.msgid;
    fake_chunk(f, 5, bytes_str("five"), false);
    fake_chunk(f, 6, bytes_str("six"), false);
    fake_chunk(f, 5, bytes_str("five again"), true);
    fake_answer(f, msgid, &wire_admin_write_result_type, &(struct wire_admin_write_result){.index = 9});
}

Test(streams, chunks_that_come_during_a_call_or_for_another_stream_are_kept) {
    struct arena arena = {0};
    struct wire_admin_chunk chunk;
    struct wire_admin_write_result result;
    struct client *c = fake_start(&fake, serve_between);
    uint64_t five = logs_open(c, 1000), six = logs_open(c, 1000);
    cr_assert_eq(client_call(c, "x", NULL, NULL, &wire_admin_write_result_type, &result, &arena, 10000), 0);
    cr_assert_eq(result.index, 9);
    cr_assert_eq(client_chunk(c, six, &arena, &chunk, 10000), 0);
    cr_assert(bytes_is(chunk.data, "six"));
    cr_assert_eq(client_chunk(c, five, &arena, &chunk, 10000), 0);
    cr_assert(bytes_is(chunk.data, "five"));
    /* Even after the connection's end, what had come can be read; then the end is told. */
    cr_assert_eq(client_chunk(c, six, &arena, &chunk, 10000), ERR_CLOSED);
    cr_assert_eq(client_chunk(c, five, &arena, &chunk, 10000), 0);
    cr_assert(bytes_is(chunk.data, "five again"));
    arena_done(&arena);
    fake_done(&fake, c);
}

static void chunk_send(struct fake *f, const struct wire_admin_chunk *chunk) {
    struct buf encoded = {0}, frame = {0};
    codec_encode_named(&wire_admin_chunk_type, chunk, &encoded);
    codec_rpc_encode(&(struct codec_rpc){.type = CODEC_RPC_NOTIFY,
                                         .method = bytes_str("chunk"),
                                         .params = buf_bytes(&encoded)},
                     &frame);
    fake_send_bytes(f, buf_bytes(&frame));
    buf_done(&encoded);
    buf_done(&frame);
}

static void serve_event(struct fake *f) {
    stream_accept(f, 3);
    struct wire_event event = {.index = 4, .kind = bytes_str("instance.running"), .text = bytes_str("hello")};
    chunk_send(f, &(struct wire_admin_chunk){.id = 3, .event = &event});
    fake_chunk(f, 3, bytes_str(fake_credit(f, 3) == 64 + 5 ? "right" : "wrong"), true);
}

Test(streams, events_come_and_are_paid_for) {
    struct arena arena = {0};
    struct wire_admin_chunk chunk;
    struct wire_admin_events_query query = {.follow = true, .credit = 500};
    uint64_t id;
    struct client *c = fake_start(&fake, serve_event);
    cr_assert_eq(client_stream(c, "events", &wire_admin_events_query_type, &query, &id), 0);
    cr_assert_eq(client_chunk(c, id, &arena, &chunk, 10000), 0);
    cr_assert(bytes_is(chunk.event->text, "hello"));
    cr_assert_eq(client_chunk(c, id, &arena, &chunk, 10000), 0);
    cr_assert(bytes_is(chunk.data, "right"));
    arena_done(&arena);
    fake_done(&fake, c);
}

static void serve_change(struct fake *f) {
    stream_accept(f, 3);
    struct wire_admin_var_change change = {.var = {.key = bytes_str("key"), .value = bytes_str("value")}};
    chunk_send(f, &(struct wire_admin_chunk){.id = 3, .var = &change});
    fake_chunk(f, 3, bytes_str(fake_credit(f, 3) == 64 + 3 + 5 ? "right" : "wrong"), true);
}

/* A watch whose changes are not paid for stands for ever when its first credit is used up. */
Test(streams, changes_of_variables_come_and_are_paid_for) {
    struct arena arena = {0};
    struct wire_admin_chunk chunk;
    struct wire_admin_var_watch query = {.credit = 500};
    uint64_t id;
    struct client *c = fake_start(&fake, serve_change);
    cr_assert_eq(client_stream(c, "var.watch", &wire_admin_var_watch_type, &query, &id), 0);
    cr_assert_eq(client_chunk(c, id, &arena, &chunk, 10000), 0);
    cr_assert(bytes_is(chunk.var->var.value, "value"));
    cr_assert_eq(client_chunk(c, id, &arena, &chunk, 10000), 0);
    cr_assert(bytes_is(chunk.data, "right"));
    arena_done(&arena);
    fake_done(&fake, c);
}

/* ---- credit -------------------------------------------------------------------------------------------- */

#define TOTAL (4u << 20)

/* Sends TOTAL bytes in pieces of `piece`, never beyond its credit, and counts the credits. */
static void serve_credit(struct fake *f, uint64_t credit, size_t piece) {
    static uint8_t data[WIRE_CHUNK_MAX];
    unsigned credits = 0;
    for (size_t sent = 0; sent < TOTAL; sent += piece) {
        while (credit < piece) {
            uint64_t more = fake_credit(f, 1);
            if (more == UINT64_MAX)
                return;
            credit += more;
            credits++;
        }
        credit -= piece;
        fake_chunk(f, 1, bytes_of(data, piece), false);
    }
    char count[32];
    snprintf(count, sizeof count, "%u", credits);
    fake_chunk(f, 1, bytes_str(count), true);
}

static void serve_small_credit(struct fake *f) {
    stream_accept(f, 1);
    serve_credit(f, 1000, 1000);
}

static void serve_large_credit(struct fake *f) {
    stream_accept(f, 1);
    serve_credit(f, 1 << 20, 1024);
}

static void serve_default_credit(struct fake *f) {
    stream_accept(f, 1);
    serve_credit(f, 0, 4096);
}

/* Reads all; the number of credits that the server got. */
static int read_all(struct client *c, uint64_t id) {
    size_t total = 0;
    for (;;) {
        struct arena arena = {0};
        struct wire_admin_chunk chunk;
        cr_assert_eq(client_chunk(c, id, &arena, &chunk, 20000), 0, "%s after %zu", client_text(c), total);
        if (chunk.end) {
            char text[32] = "";
            memcpy(text, chunk.data.data, chunk.data.size);
            arena_done(&arena);
            cr_assert_eq(total / 4096, TOTAL / 4096);
            return atoi(text);
        }
        total += chunk.data.size;
        arena_done(&arena);
    }
}

Test(streams, the_smallest_credit_never_stalls) {
    struct client *c = fake_start(&fake, serve_small_credit);
    read_all(c, logs_open(c, 1000));
    fake_done(&fake, c);
}

Test(streams, a_large_credit_is_given_back_in_few_messages) {
    struct client *c = fake_start(&fake, serve_large_credit);
    int credits = read_all(c, logs_open(c, 1 << 20));
    cr_assert_lt(credits, 400, "%d messages for 4096 chunks", credits);
    fake_done(&fake, c);
}

Test(streams, a_stream_without_credit_gets_some) {
    struct client *c = fake_start(&fake, serve_default_credit);
    read_all(c, logs_open(c, 0));
    fake_done(&fake, c);
}

static void serve_close_asked(struct fake *f) {
    stream_accept(f, 1);
    uint64_t credit = fake_credit(f, 1);
    fake_chunk(f, 1, bytes_str("unwanted"), false);
    fake_receive(f);
    fake_answer(f, f->rpc.msgid, &wire_admin_write_result_type,
                &(struct wire_admin_write_result){.index = credit == 0});
    fake_receive(f);
}

Test(streams, credit_of_zero_closes) {
    struct arena arena = {0};
    struct wire_admin_chunk chunk;
    struct wire_admin_write_result result;
    struct client *c = fake_start(&fake, serve_close_asked);
    uint64_t id = logs_open(c, 100);
    cr_assert_eq(client_credit(c, id, 0), 0);
    cr_assert_eq(client_chunk(c, id, &arena, &chunk, 100), ERR_CLOSED);
    cr_assert_eq(client_call(c, "x", NULL, NULL, &wire_admin_write_result_type, &result, &arena, 10000), 0);
    cr_assert_eq(result.index, 1);
    arena_done(&arena);
    fake_done(&fake, c);
}

/* ---- ends ---------------------------------------------------------------------------------------------- */

static void serve_silence(struct fake *f) {
    stream_accept(f, 1);
    fake_receive(f);
}

Test(streams, silence_is_a_timeout_and_the_stream_lives) {
    struct arena arena = {0};
    struct wire_admin_chunk chunk;
    struct client *c = fake_start(&fake, serve_silence);
    uint64_t id = logs_open(c, 100);
    cr_assert_eq(client_chunk(c, id, &arena, &chunk, 30), ERR_TIMEOUT);
    cr_assert_eq(client_credit(c, id, 10), 0);
    cr_assert_eq(client_chunk(c, id, &arena, &chunk, 10000), ERR_CLOSED);
    arena_done(&arena);
    fake_done(&fake, c);
}

static void serve_refused(struct fake *f) {
    fake_receive(f);
    fake_answer_error(f, f->rpc.msgid, ERR_NOT_FOUND, "there is no such instance");
    fake_receive(f);
    fake_answer(f, f->rpc.msgid, &wire_admin_error_type, &(struct wire_admin_error){.code = 5});
    fake_receive(f);
}

Test(streams, a_refused_stream_is_an_error) {
    struct wire_admin_logs_query query = {.job = bytes_str("web"), .credit = 1};
    uint64_t id = 0;
    struct client *c = fake_start(&fake, serve_refused);
    cr_assert_eq(client_stream(c, "logs", &wire_admin_logs_query_type, &query, &id), ERR_NOT_FOUND);
    cr_assert_str_eq(client_text(c), "there is no such instance");
    cr_assert_eq(client_stream(c, "logs", &wire_admin_logs_query_type, &query, &id), ERR_INVALID);
    fake_done(&fake, c);
}

static void serve_nonsense(struct fake *f) {
    stream_accept(f, 1);
    struct buf frame = {0};
    codec_rpc_encode(&(struct codec_rpc){.type = CODEC_RPC_NOTIFY, .method = bytes_str("of the future")},
                     &frame);
    fake_send_bytes(f, buf_bytes(&frame));
    buf_clear(&frame);
    codec_rpc_encode(&(struct codec_rpc){.type = CODEC_RPC_NOTIFY, .method = bytes_str("chunk")}, &frame);
    fake_send_bytes(f, buf_bytes(&frame));
    buf_done(&frame);
    fake_receive(f);
}

Test(streams, unknown_notifications_are_skipped_and_a_chunk_of_nonsense_is_an_error) {
    struct arena arena = {0};
    struct wire_admin_chunk chunk;
    struct client *c = fake_start(&fake, serve_nonsense);
    uint64_t id = logs_open(c, 100);
    cr_assert_eq(client_chunk(c, id, &arena, &chunk, 10000), ERR_INVALID);
    cr_assert_eq(client_chunk(c, id, &arena, &chunk, 10000), ERR_INVALID);
    arena_done(&arena);
    fake_done(&fake, c);
}

static void serve_flood(struct fake *f) {
    static uint8_t data[WIRE_CHUNK_MAX];
    stream_accept(f, 1);
    for (unsigned i = 0; i < 1000; i++)
        fake_chunk(f, 1, bytes_of(data, sizeof data), false);
}

Test(streams, a_server_that_floods_is_left) {
    struct client *c = fake_start(&fake, serve_flood);
    logs_open(c, 100);
    cr_assert_eq(client_call(c, "x", NULL, NULL, NULL, NULL, NULL, 20000), ERR_LIMIT);
    fake_done(&fake, c);
}
