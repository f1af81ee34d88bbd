/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Well-behaved clients: requests, answers, streams. */
#include "rig.h"

#include <criterion/criterion.h>
#include <sys/socket.h>
#include <unistd.h>

static struct rig rig;

static struct bytes named(struct buf *out, const struct codec_type *type, const void *obj) {
    buf_clear(out);
    codec_encode_named(type, obj, out);
    return buf_bytes(out);
}

/* What the server saw as the last event's params. */
static bool params_are(const char *hex) {
    struct buf shown = {0};
    buf_append_hex(&shown, buf_bytes(&rig_last(&rig)->params));
    bool same = bytes_is(buf_bytes(&shown), hex);
    buf_done(&shown);
    return same;
}

Test(requests, a_request_comes_with_its_user_and_gets_its_answer) {
    struct buf in = {0}, out = {0};
    struct codec_rpc rpc;
    struct arena arena = {0};
    struct wire_admin_job_query query = {.name = bytes_str("web"), .min_index = 7}, seen;
    struct wire_admin_write_result result = {.index = 42}, got;
    rig_new(&rig, NULL);
    int fd = rig_connect(&rig);
    rig_request(&rig, fd, 4000000000u, "job", &wire_admin_job_query_type, &query);
    rig_until(&rig, ADMIN_REQUEST, 1);
    const struct rig_event *e = rig_last(&rig);
    cr_assert_str_eq(e->method, "job");
    cr_assert_eq(e->uid, getuid());
    cr_assert_eq(codec_decode_named(&wire_admin_job_query_type, buf_bytes(&e->params), &arena, &seen, NULL),
                 0);
    cr_assert(codec_equal(&wire_admin_job_query_type, &seen, &query));
    admin_reply(rig.admin, e->request, 0, (struct bytes){0},
                named(&out, &wire_admin_write_result_type, &result), false);
    cr_assert(rig_frame(&rig, fd, &in, &rpc));
    cr_assert_eq(rpc.msgid, 4000000000u);
    cr_assert(!codec_rpc_failed(&rpc));
    cr_assert_eq(codec_decode_named(&wire_admin_write_result_type, rpc.result, &arena, &got, NULL), 0);
    cr_assert_eq(got.index, 42);
    close(fd);
    rig_turn(&rig);
    cr_assert_eq(rig.counts[ADMIN_CLOSED], 0, "it was answered");
    arena_done(&arena);
    buf_done(&in);
    buf_done(&out);
    rig_done(&rig);
}

Test(requests, an_error_has_its_code_and_text) {
    struct buf in = {0};
    char text[256];
    rig_new(&rig, NULL);
    int fd = rig_connect(&rig);
    rig_request(&rig, fd, 1, "job", NULL, NULL);
    rig_request(&rig, fd, 2, "job", NULL, NULL);
    rig_until(&rig, ADMIN_REQUEST, 2);
    admin_reply(rig.admin, rig.events[1].request, ERR_NOT_FOUND, bytes_str("there is no job named web"),
                (struct bytes){0}, false);
    admin_reply(rig.admin, rig.events[0].request, ERR_NO_FIT, (struct bytes){0}, (struct bytes){0}, false);
    rig_expect_error(&rig, fd, &in, 2, ERR_NOT_FOUND, text);
    cr_assert_str_eq(text, "there is no job named web");
    rig_expect_error(&rig, fd, &in, 1, ERR_NO_FIT, text);
    cr_assert_str_eq(text, "does not fit", "without a text, that of the code");
    close(fd);
    buf_done(&in);
    rig_done(&rig);
}

/* A send each would be a system call each, for the agent and for the client. */
Test(requests, answers_to_several_leave_together) {
    struct buf in = {0};
    struct codec_rpc rpc;
    uint8_t part[512];
    rig_new(&rig, NULL);
    int fd = rig_connect(&rig);
    rig_request(&rig, fd, 1, "job", NULL, NULL);
    rig_request(&rig, fd, 2, "job", NULL, NULL);
    rig_until(&rig, ADMIN_REQUEST, 2);
    uint64_t second = rig_last(&rig)->request;
    admin_reply(rig.admin, second - 1, 0, (struct bytes){0}, (struct bytes){0}, false);
    cr_assert_lt(recv(fd, part, sizeof part, MSG_DONTWAIT | MSG_PEEK), 0, "it did not wait");
    cr_assert_leq(admin_deadline(rig.admin), rig_now(), "nobody is told to send it");
    admin_reply(rig.admin, second, 0, (struct bytes){0}, (struct bytes){0}, false);
    admin_flush(rig.admin);
    cr_assert_eq(recv(fd, part, sizeof part, MSG_DONTWAIT | MSG_PEEK), 10, "both");
    cr_assert(rig_frame(&rig, fd, &in, &rpc));
    cr_assert_eq(rpc.msgid, 1);
    buf_done(&in);
    rig_done(&rig);
}

Test(requests, an_error_text_that_is_too_long_is_cut_between_characters) {
    struct buf in = {0}, lengthy = {0};
    struct codec_rpc rpc;
    struct arena arena = {0};
    struct wire_admin_error told;
    rig_new(&rig, NULL);
    int fd = rig_connect(&rig);
    buf_printf(&lengthy, "x");
    for (unsigned i = 0; i < 4000; i++)
        buf_printf(&lengthy, "\xc3\xa9");
    rig_request(&rig, fd, 1, "job", NULL, NULL);
    rig_until(&rig, ADMIN_REQUEST, 1);
    admin_reply(rig.admin, rig_last(&rig)->request, ERR_FAILED, buf_bytes(&lengthy), (struct bytes){0},
                false);
    cr_assert(rig_frame(&rig, fd, &in, &rpc));
    cr_assert_eq(codec_decode_named(&wire_admin_error_type, rpc.error, &arena, &told, NULL), 0);
    cr_assert_eq(told.text.size, 4095);
    close(fd);
    buf_done(&in);
    buf_done(&lengthy);
    arena_done(&arena);
    rig_done(&rig);
}

Test(requests, params_may_be_left_out_or_come_in_an_array) {
    struct buf in = {0};
    char text[256];
    /* [0, 1, "status", X] with X: nil, [], {}, [{}], [{"name": "a"}], 5, [{}, {}] */
    static const struct {
        const char *frame, *params;
    } cases[] = {
        {"940001a6737461747573c0", "80"},
        {"940001a673746174757390", "80"},
        {"940001a673746174757380", "80"},
        {"940001a67374617475739180", "80"},
        {"940001a67374617475739181a46e616d65a161", "81a46e616d65a161"},
        {"940001a673746174757305", "05"},
    };
    rig_new(&rig, NULL);
    int fd = rig_connect(&rig);
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t frame[64];
        size_t size = strlen(cases[i].frame) / 2;
        cr_assert_eq(hex_decode(bytes_str(cases[i].frame), frame, size), 0);
        cr_assert(rig_send(&rig, fd, bytes_of(frame, size)));
        rig_until(&rig, ADMIN_REQUEST, i + 1);
        cr_assert(params_are(cases[i].params), "%s", cases[i].frame);
    }
    uint8_t two[13];
    cr_assert_eq(hex_decode(bytes_str("940001a6737461747573928080"), two, sizeof two), 0);
    cr_assert(rig_send(&rig, fd, bytes_of(two, sizeof two)));
    rig_expect_error(&rig, fd, &in, 1, ERR_INVALID, text);
    close(fd);
    buf_done(&in);
    rig_done(&rig);
}

Test(requests, come_whole_however_they_are_cut) {
    struct buf frame = {0}, frames = {0};
    struct wire_admin_var_query query = {.key = bytes_str("a/key")};
    struct buf params = {0};
    rig_new(&rig, NULL);
    codec_encode_named(&wire_admin_var_query_type, &query, &params);
    struct codec_rpc rpc = {.method = bytes_str("vars"), .params = buf_bytes(&params)};
    codec_rpc_encode(&rpc, &frame);
    int fd = rig_connect(&rig);
    for (size_t i = 0; i < frame.size; i++)
        cr_assert(rig_send(&rig, fd, bytes_of(frame.data + i, 1)));
    rig_until(&rig, ADMIN_REQUEST, 1);
    for (unsigned i = 0; i < 500; i++)
        buf_append(&frames, frame.data, frame.size);
    cr_assert(rig_send(&rig, fd, buf_bytes(&frames)));
    rig_until(&rig, ADMIN_REQUEST, 501);
    for (size_t i = 0; i < rig.events_count; i++) {
        cr_assert_str_eq(rig.events[i].method, "vars");
        cr_assert(bytes_equal(buf_bytes(&rig.events[i].params), buf_bytes(&params)));
    }
    close(fd);
    rig_until(&rig, ADMIN_CLOSED, 501);
    buf_done(&frame);
    buf_done(&frames);
    buf_done(&params);
    rig_done(&rig);
}

Test(requests, the_largest_message_is_taken_and_the_largest_answer_arrives) {
    struct buf frame = {0}, in = {0}, out = {0};
    struct codec_rpc rpc;
    char text[256];
    rig_new(&rig, NULL);
    int fd = rig_connect(&rig);
    uint8_t *block = mem_alloc(WIRE_MESSAGE_MAX);
    /* [0, 1, "run", bin]: 12 bytes beside the data */
    struct buf params = {0};
    codec_put_bin(&params, bytes_of(block, WIRE_MESSAGE_MAX - 12));
    codec_rpc_encode(
        &(struct codec_rpc){.msgid = 1, .method = bytes_str("run"), .params = buf_bytes(&params)}, &frame);
    cr_assert_eq(frame.size, WIRE_MESSAGE_MAX);
    cr_assert(rig_send(&rig, fd, buf_bytes(&frame)));
    rig_until(&rig, ADMIN_REQUEST, 1);
    cr_assert_eq(rig_last(&rig)->params.size, params.size);
    buf_clear(&out);
    codec_put_bin(&out, bytes_of(block, WIRE_MESSAGE_MAX - 9));
    admin_reply(rig.admin, rig_last(&rig)->request, 0, (struct bytes){0}, buf_bytes(&out), false);
    cr_assert(rig_frame(&rig, fd, &in, &rpc));
    cr_assert_eq(rpc.result.size, out.size);
    /* One byte more is an error of this request, not the end of the client. */
    rig_request(&rig, fd, 2, "ps", NULL, NULL);
    rig_until(&rig, ADMIN_REQUEST, 2);
    buf_clear(&out);
    codec_put_bin(&out, bytes_of(block, WIRE_MESSAGE_MAX - 8));
    admin_reply(rig.admin, rig_last(&rig)->request, 0, (struct bytes){0}, buf_bytes(&out), true);
    rig_expect_error(&rig, fd, &in, 2, ERR_LIMIT, text);
    close(fd);
    rig_turn(&rig);
    cr_assert_eq(rig.counts[ADMIN_CLOSED], 0);
    mem_free(block);
    buf_done(&frame);
    buf_done(&params);
    buf_done(&in);
    buf_done(&out);
    rig_done(&rig);
}

Test(requests, a_client_that_goes_is_told_for_each_of_its_requests_and_streams_alone) {
    struct buf in = {0};
    struct codec_rpc rpc;
    rig_new(&rig, NULL);
    int stays = rig_connect(&rig), goes = rig_connect(&rig);
    rig_request(&rig, stays, 1, "job", NULL, NULL);
    rig_until(&rig, ADMIN_REQUEST, 1);
    for (uint32_t i = 1; i <= 3; i++)
        rig_request(&rig, goes, i, "job", NULL, NULL);
    rig_until(&rig, ADMIN_REQUEST, 4);
    uint64_t answered = rig.events[1].request, stream = rig.events[2].request,
             waiting = rig.events[3].request;
    admin_reply(rig.admin, answered, 0, (struct bytes){0}, (struct bytes){0}, false);
    admin_reply(rig.admin, stream, 0, (struct bytes){0}, (struct bytes){0}, true);
    close(goes);
    rig_until(&rig, ADMIN_CLOSED, 2);
    rig_turn(&rig);
    cr_assert_eq(rig.counts[ADMIN_CLOSED], 2);
    cr_assert_eq(rig.events[4].request + rig.events[5].request, stream + waiting);
    /* What the owner still says of them goes nowhere. */
    admin_reply(rig.admin, waiting, 0, (struct bytes){0}, (struct bytes){0}, false);
    admin_notify(rig.admin, stream, (struct bytes){0}, false);
    admin_reply(rig.admin, rig.events[0].request, 0, (struct bytes){0}, (struct bytes){0}, false);
    cr_assert(rig_frame(&rig, stays, &in, &rpc));
    close(stays);
    buf_done(&in);
    rig_done(&rig);
}

Test(requests, a_client_that_only_stops_sending_still_gets_its_answers) {
    struct buf in = {0};
    struct codec_rpc rpc;
    rig_new(&rig, NULL);
    int fd = rig_connect(&rig);
    rig_request(&rig, fd, 1, "status", NULL, NULL);
    rig_request(&rig, fd, 2, "status", NULL, NULL);
    cr_assert_eq(shutdown(fd, SHUT_WR), 0);
    rig_until(&rig, ADMIN_REQUEST, 2);
    rig_turn(&rig);
    cr_assert_eq(rig.counts[ADMIN_CLOSED], 0);
    for (unsigned i = 0; i < 2; i++) {
        admin_reply(rig.admin, rig.events[i].request, 0, (struct bytes){0}, (struct bytes){0}, false);
        cr_assert(rig_frame(&rig, fd, &in, &rpc));
        cr_assert_eq(rpc.msgid, i + 1);
    }
    rig_expect_end(&rig, fd, &in);
    rig_done(&rig);
}

Test(requests, a_half_closed_client_that_goes_is_told) {
    rig_new(&rig, NULL);
    int fd = rig_connect(&rig);
    rig_request(&rig, fd, 1, "status", NULL, NULL);
    cr_assert_eq(shutdown(fd, SHUT_WR), 0);
    rig_until(&rig, ADMIN_REQUEST, 1);
    rig_turn(&rig);
    close(fd);
    rig_until(&rig, ADMIN_CLOSED, 1);
    rig_done(&rig);
}

Test(requests, too_many_at_once_are_busy_and_the_others_go_on) {
    struct buf in = {0};
    char text[256];
    rig_new(&rig, &(struct admin_options){.requests_max = 3});
    int fd = rig_connect(&rig), other = rig_connect(&rig);
    for (uint32_t i = 1; i <= 4; i++)
        rig_request(&rig, fd, i, "job", NULL, NULL);
    rig_expect_error(&rig, fd, &in, 4, ERR_BUSY, text);
    cr_assert_eq(rig.counts[ADMIN_REQUEST], 3);
    rig_request(&rig, other, 1, "job", NULL, NULL);
    rig_until(&rig, ADMIN_REQUEST, 4);
    admin_reply(rig.admin, rig.events[0].request, ERR_FAILED, (struct bytes){0}, (struct bytes){0}, false);
    rig_expect_error(&rig, fd, &in, 1, ERR_FAILED, text);
    rig_request(&rig, fd, 5, "job", NULL, NULL);
    rig_until(&rig, ADMIN_REQUEST, 5);
    close(fd);
    close(other);
    buf_done(&in);
    rig_done(&rig);
}

/* ---- streams ------------------------------------------------------------------------------------------- */

static uint64_t stream_open(int fd, struct buf *in) {
    struct codec_rpc rpc;
    struct buf out = {0};
    struct arena arena = {0};
    struct wire_admin_stream opened;
    unsigned before = rig.counts[ADMIN_REQUEST];
    rig_request(&rig, fd, 9, "logs", NULL, NULL);
    rig_until(&rig, ADMIN_REQUEST, before + 1);
    uint64_t id = rig_last(&rig)->request;
    struct wire_admin_stream answer = {.id = id};
    admin_reply(rig.admin, id, 0, (struct bytes){0}, named(&out, &wire_admin_stream_type, &answer), true);
    cr_assert(rig_frame(&rig, fd, in, &rpc));
    cr_assert_eq(codec_decode_named(&wire_admin_stream_type, rpc.result, &arena, &opened, NULL), 0);
    cr_assert_eq(opened.id, id);
    buf_done(&out);
    arena_done(&arena);
    return id;
}

static void chunk_send(uint64_t id, const char *data, bool end) {
    struct buf out = {0};
    struct wire_admin_chunk chunk = {.id = id, .data = bytes_str(data), .end = end};
    admin_notify(rig.admin, id, named(&out, &wire_admin_chunk_type, &chunk), end);
    buf_done(&out);
}

static void chunk_expect(int fd, struct buf *in, uint64_t id, const char *data, bool end) {
    struct codec_rpc rpc;
    struct arena arena = {0};
    struct wire_admin_chunk chunk;
    cr_assert(rig_frame(&rig, fd, in, &rpc));
    cr_assert_eq(rpc.type, CODEC_RPC_NOTIFY);
    cr_assert(bytes_is(rpc.method, "chunk"));
    cr_assert_eq(codec_decode_named(&wire_admin_chunk_type, rpc.params, &arena, &chunk, NULL), 0);
    cr_assert_eq(chunk.id, id);
    cr_assert(bytes_is(chunk.data, data));
    cr_assert_eq(chunk.end, end);
    arena_done(&arena);
}

Test(streams, chunks_and_credit_find_one_another) {
    struct buf in = {0};
    rig_new(&rig, NULL);
    int fd = rig_connect(&rig);
    uint64_t one = stream_open(fd, &in), two = stream_open(fd, &in);
    chunk_send(one, "first", false);
    chunk_send(two, "other", false);
    chunk_expect(fd, &in, one, "first", false);
    chunk_expect(fd, &in, two, "other", false);
    rig_credit(&rig, fd, two, 4096);
    rig_until(&rig, ADMIN_CREDIT, 1);
    cr_assert_eq(rig_last(&rig)->request, two);
    cr_assert_eq(rig_last(&rig)->bytes, 4096);
    chunk_send(one, "last", true);
    chunk_expect(fd, &in, one, "last", true);
    chunk_send(one, "too late", false);
    chunk_send(two, "still", false);
    chunk_expect(fd, &in, two, "still", false);
    close(fd);
    rig_until(&rig, ADMIN_CLOSED, 1);
    rig_turn(&rig);
    cr_assert_eq(rig.counts[ADMIN_CLOSED], 1, "the stream that had ended is not told");
    cr_assert_eq(rig_last(&rig)->request, two);
    buf_done(&in);
    rig_done(&rig);
}

Test(streams, credit_of_zero_closes_and_is_told_once) {
    struct buf in = {0};
    struct codec_rpc rpc;
    rig_new(&rig, NULL);
    int fd = rig_connect(&rig);
    uint64_t id = stream_open(fd, &in);
    rig_credit(&rig, fd, id, 0);
    rig_credit(&rig, fd, id, 0);
    rig_credit(&rig, fd, id, 100);
    rig_request(&rig, fd, 3, "status", NULL, NULL);
    rig_until(&rig, ADMIN_REQUEST, 2);
    cr_assert_eq(rig.counts[ADMIN_CREDIT], 1);
    chunk_send(id, "unwanted", false);
    admin_reply(rig.admin, rig_last(&rig)->request, 0, (struct bytes){0}, (struct bytes){0}, false);
    cr_assert(rig_frame(&rig, fd, &in, &rpc));
    cr_assert_eq(rpc.type, CODEC_RPC_RESPONSE);
    close(fd);
    rig_turn(&rig);
    cr_assert_eq(rig.counts[ADMIN_CLOSED], 0);
    buf_done(&in);
    rig_done(&rig);
}

Test(streams, nobody_gives_credit_to_anothers_stream_or_to_a_mere_request) {
    struct buf in = {0};
    rig_new(&rig, NULL);
    int fd = rig_connect(&rig), other = rig_connect(&rig);
    uint64_t id = stream_open(fd, &in);
    rig_request(&rig, other, 1, "job", NULL, NULL);
    rig_until(&rig, ADMIN_REQUEST, 2);
    rig_credit(&rig, other, id, 0);
    rig_credit(&rig, other, rig_last(&rig)->request, 10);
    rig_credit(&rig, other, 12345, 10);
    rig_request(&rig, other, 2, "job", NULL, NULL);
    rig_until(&rig, ADMIN_REQUEST, 3);
    cr_assert_eq(rig.counts[ADMIN_CREDIT], 0);
    chunk_send(id, "alive", false);
    chunk_expect(fd, &in, id, "alive", false);
    close(fd);
    close(other);
    buf_done(&in);
    rig_done(&rig);
}

Test(streams, unknown_notifications_are_skipped) {
    struct buf frame = {0};
    rig_new(&rig, NULL);
    int fd = rig_connect(&rig);
    codec_rpc_encode(&(struct codec_rpc){.type = CODEC_RPC_NOTIFY, .method = bytes_str("of the future")},
                     &frame);
    codec_rpc_encode(&(struct codec_rpc){.type = CODEC_RPC_NOTIFY, .method = bytes_str("credit")}, &frame);
    cr_assert(rig_send(&rig, fd, buf_bytes(&frame)));
    rig_request(&rig, fd, 1, "status", NULL, NULL);
    rig_until(&rig, ADMIN_REQUEST, 1);
    cr_assert_eq(rig.events_count, 1);
    close(fd);
    buf_done(&frame);
    rig_done(&rig);
}
