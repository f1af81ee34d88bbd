/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include <covey/codec.h>
#include <criterion/criterion.h>

/* ---- raw values ---------------------------------------------------------------------------------------- */

Test(raw, integers_take_their_shortest_form_and_come_back) {
    const uint64_t edges[] = {
        0, 127, 128, 255, 256, 65535, 65536, UINT32_MAX, UINT64_C(1) << 32, INT64_MAX, UINT64_MAX};
    const size_t sizes[] = {1, 1, 2, 2, 3, 3, 5, 5, 9, 9, 9};
    for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++) {
        struct buf b = {0};
        uint64_t number;
        int64_t negative;
        codec_put_uint(&b, edges[i]);
        cr_assert_eq(b.size, sizes[i]);
        struct bytes cursor = buf_bytes(&b);
        cr_assert_eq(codec_get_uint(&cursor, &number), 0);
        cr_assert_eq(number, edges[i]);
        cr_assert_eq(cursor.size, 0);
        buf_clear(&b);
        negative = -(int64_t)(edges[i] / 2) - 1;
        codec_put_int(&b, negative);
        cursor = buf_bytes(&b);
        cr_assert_eq(codec_get_uint(&cursor, &number), ERR_INVALID);
        cr_assert_eq(codec_get_int(&cursor, &negative), 0);
        cr_assert_eq(negative, -(int64_t)(edges[i] / 2) - 1);
        buf_done(&b);
    }
}

Test(raw, a_number_past_int64_is_no_int) {
    struct buf b = {0};
    int64_t number = 5;
    codec_put_uint(&b, UINT64_C(1) << 63);
    struct bytes cursor = buf_bytes(&b);
    cr_assert_eq(codec_get_int(&cursor, &number), ERR_INVALID);
    cr_assert_eq(number, 5);
    cr_assert_eq(cursor.size, b.size);
    buf_done(&b);
}

Test(raw, everything_put_is_got) {
    struct buf b = {0};
    size_t count;
    bool flag = false;
    uint64_t number;
    struct bytes text, raw;
    codec_put_array(&b, 6);
    codec_put_nil(&b);
    codec_put_bool(&b, true);
    codec_put_map(&b, 1);
    codec_put_str(&b, bytes_str("key"));
    codec_put_bin(&b, bytes_str("value"));
    codec_put_str(&b, (struct bytes){0});
    codec_put_uint(&b, 300);
    codec_put_raw(&b, bytes_str("\x90"));
    struct bytes cursor = buf_bytes(&b), whole = cursor;
    cr_assert_eq(codec_get_array(&cursor, &count), 0);
    cr_assert_eq(count, 6);
    cr_assert_eq(codec_get_bool(&cursor, &flag), ERR_INVALID);
    cr_assert_eq(codec_get_nil(&cursor), 0);
    cr_assert_eq(codec_get_nil(&cursor), ERR_INVALID);
    cr_assert_eq(codec_get_bool(&cursor, &flag), 0);
    cr_assert(flag);
    cr_assert_eq(codec_get_array(&cursor, &count), ERR_INVALID, "a map is no array");
    cr_assert_eq(codec_get_uint(&cursor, &number), ERR_INVALID);
    cr_assert_eq(codec_get_map(&cursor, &count), 0);
    cr_assert_eq(count, 1);
    cr_assert_eq(codec_get_str(&cursor, &text), 0);
    cr_assert(bytes_is(text, "key"));
    cr_assert_eq(codec_get_str(&cursor, &text), 0, "bin passes for str");
    cr_assert(bytes_is(text, "value"));
    cr_assert_eq(codec_get_bin(&cursor, &text), 0);
    cr_assert_eq(text.size, 0);
    cr_assert_eq(codec_get_uint(&cursor, &number), 0);
    cr_assert_eq(codec_get_raw(&cursor, &raw), 0);
    cr_assert(bytes_is(raw, "\x90"));
    cr_assert_eq(cursor.size, 0);
    cr_assert_eq(codec_get_nil(&cursor), ERR_BUSY);
    cr_assert_eq(codec_get_raw(&cursor, &raw), ERR_BUSY);
    cr_assert_eq(codec_get_map(&cursor, &count), ERR_BUSY);
    cr_assert_eq(codec_get_raw(&whole, &raw), 0);
    cr_assert_eq(raw.size, b.size);
    buf_done(&b);
}

Test(scan, knows_the_size_of_every_form) {
    for (unsigned first = 0; first < 256; first++) {
        uint8_t in[400] = {(uint8_t)first};
        size_t used = 0, expected;
        /* Lengths and counts that follow are zero, but for the fixed forms. */
        switch (first) {
        case 0xc1: expected = 0; break;
        case 0xc0:
        case 0xc2:
        case 0xc3: expected = 1; break;
        case 0xc4:
        case 0xcc:
        case 0xd0:
        case 0xd9: expected = 2; break;
        case 0xc5:
        case 0xc7:
        case 0xcd:
        case 0xd1:
        case 0xd4:
        case 0xda:
        case 0xdc:
        case 0xde: expected = 3; break;
        case 0xc8:
        case 0xd5: expected = 4; break;
        case 0xc6:
        case 0xca:
        case 0xce:
        case 0xd2:
        case 0xdb:
        case 0xdd:
        case 0xdf: expected = 5; break;
        case 0xc9:
        case 0xd6: expected = 6; break;
        case 0xcb:
        case 0xcf:
        case 0xd3: expected = 9; break;
        case 0xd7: expected = 10; break;
        case 0xd8: expected = 18; break;
        default:
            expected = first < 0x80 || first >= 0xe0 ? 1
                       : first < 0x90                ? 1 + 2 * (first & 15)
                       : first < 0xa0                ? 1 + (first & 15)
                                                     : 1 + (first & 31);
        }
        cr_assert_eq(codec_scan(bytes_of(in, sizeof in), 2, &used), expected ? 0 : ERR_INVALID, "%02x",
                     first);
        cr_assert_eq(used, expected, "%02x: %zu", first, used);
        for (size_t cut = 0; cut < expected; cut++)
            cr_assert_eq(codec_scan(bytes_of(in, cut), 2, &used), ERR_BUSY, "%02x", first);
    }
}

Test(scan, depth_counts_containers_empty_ones_too) {
    size_t used;
    cr_assert_eq(codec_scan(bytes_str("\x01"), 0, &used), 0);
    cr_assert_eq(codec_scan(bytes_str("\x90"), 0, &used), ERR_LIMIT);
    cr_assert_eq(codec_scan(bytes_str("\x91\x80"), 1, &used), ERR_LIMIT);
    cr_assert_eq(codec_scan(bytes_str("\x91\x80"), 2, &used), 0);
    cr_assert_eq(codec_scan(bytes_str("\x92\x90\x91\x01"), 2, &used), 0, "siblings do not add up");
    cr_assert_eq(used, 4);
}

/* ---- rpc ----------------------------------------------------------------------------------------------- */

static void check_round(const struct codec_rpc *rpc) {
    struct buf b = {0};
    struct codec_rpc again;
    size_t used = 0;
    codec_rpc_encode(rpc, &b);
    size_t size = b.size;
    for (size_t cut = 0; cut < size; cut++)
        cr_assert_eq(codec_rpc_decode(bytes_of(b.data, cut), 1000, &again, &used), ERR_BUSY);
    buf_append(&b, "\xc1", 1);
    cr_assert_eq(codec_rpc_decode(buf_bytes(&b), 1000, &again, &used), 0);
    cr_assert_eq(used, size);
    cr_assert_eq(again.type, rpc->type);
    cr_assert_eq(again.msgid, rpc->msgid);
    cr_assert(bytes_equal(again.method, rpc->method));
    cr_assert(bytes_equal(again.params, rpc->params));
    cr_assert(bytes_equal(again.error, rpc->error));
    cr_assert(bytes_equal(again.result, rpc->result));
    cr_assert_eq(codec_rpc_decode(buf_bytes(&b), size, &again, &used), 0);
    cr_assert_eq(codec_rpc_decode(buf_bytes(&b), size - 1, &again, &used), ERR_LIMIT);
    buf_done(&b);
}

Test(rpc, frames_survive_a_stream) {
    const struct codec_rpc frames[] = {
        {.type = CODEC_RPC_REQUEST,
         .msgid = 7,
         .method = bytes_str("status"),
         .params = bytes_str("\x81\x01\x02")},
        {.type = CODEC_RPC_REQUEST,
         .msgid = UINT32_MAX,
         .method = bytes_str("x"),
         .params = bytes_str("\x90")},
        {.type = CODEC_RPC_RESPONSE,
         .msgid = 1,
         .error = bytes_str("\xc0"),
         .result = bytes_str("\xa3"
                             "abc")},
        {.type = CODEC_RPC_RESPONSE,
         .msgid = 0,
         .error = bytes_str("\x81\xa1"
                            "e\x01"),
         .result = bytes_str("\xc0")},
        {.type = CODEC_RPC_NOTIFY, .method = bytes_str("chunk"), .params = bytes_str("\x92\x01\x02")},
    };
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++)
        check_round(&frames[i]);
}

Test(rpc, empty_values_are_written_as_nil) {
    struct buf b = {0};
    struct codec_rpc rpc = {.type = CODEC_RPC_RESPONSE, .msgid = 3}, again;
    size_t used;
    codec_rpc_encode(&rpc, &b);
    cr_assert_eq(codec_rpc_decode(buf_bytes(&b), 100, &again, &used), 0);
    cr_assert(bytes_is(again.result, "\xc0"));
    cr_assert_not(codec_rpc_failed(&again));
    again.error = bytes_str("\x01");
    cr_assert(codec_rpc_failed(&again));
    buf_done(&b);
}

Test(rpc, refuses_what_is_no_frame) {
    const char *const bad[] = {
        "c1",
        "c0",
        "81",
        "a1",
        "05", /* no array: refused at once */
        "90",
        "9100",
        "9301a161c0",                   /* too few items */
        "940300a161c0",                 /* no such type */
        "94c000a161c0",                 /* a type that is no number */
        "9400ffa161c0",                 /* a negative msgid */
        "9400cf0000000100000000a161c0", /* a msgid past 32 bits */
        "940000a0c0",                   /* an empty method */
        "94000005c0",                   /* a method that is no text */
        "940000a1ffc0",                 /* a method that is no UTF-8 */
        "9402a161c0c0",
        "9501a161c0c0c0",
        "950000a161c0c0",
        "9302a1610000",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0] - 1; i++) {
        uint8_t in[32];
        struct codec_rpc rpc;
        size_t used, size = strlen(bad[i]) / 2;
        cr_assert_eq(hex_decode(bytes_str(bad[i]), in, size), 0);
        cr_assert_eq(codec_rpc_decode(bytes_of(in, size), 100, &rpc, &used), ERR_INVALID, "%s", bad[i]);
    }
}

Test(rpc, long_methods_are_refused) {
    for (size_t size = CODEC_RPC_METHOD_MAX; size <= CODEC_RPC_METHOD_MAX + 1; size++) {
        struct buf b = {0};
        char method[CODEC_RPC_METHOD_MAX + 1];
        struct codec_rpc rpc = {.type = CODEC_RPC_NOTIFY, .method = bytes_of(method, size)}, again;
        size_t used;
        memset(method, 'm', sizeof method);
        codec_rpc_encode(&rpc, &b);
        int code = codec_rpc_decode(buf_bytes(&b), 1000, &again, &used);
        cr_assert_eq(code, size > CODEC_RPC_METHOD_MAX ? ERR_INVALID : 0);
        buf_done(&b);
    }
}

Test(rpc, params_may_nest_as_deep_as_a_message) {
    struct buf params = {0};
    for (int depth = 1; depth <= CODEC_DEPTH_MAX + 1; depth++) {
        struct buf b = {0};
        struct codec_rpc again;
        size_t used;
        buf_clear(&params);
        for (int i = 1; i < depth; i++)
            codec_put_array(&params, 1);
        codec_put_array(&params, 0);
        struct codec_rpc rpc = {
            .type = CODEC_RPC_NOTIFY, .method = bytes_str("m"), .params = buf_bytes(&params)};
        codec_rpc_encode(&rpc, &b);
        int code = codec_rpc_decode(buf_bytes(&b), 1000, &again, &used);
        cr_assert_eq(code, depth > CODEC_DEPTH_MAX ? ERR_LIMIT : 0);
        buf_done(&b);
    }
    buf_done(&params);
}

Test(rpc, what_is_announced_too_large_is_refused_at_once) {
    struct codec_rpc rpc;
    size_t used;
    const uint8_t in[] = {0x94, 0x00, 0x01, 0xa1, 'm', 0xc6, 0x00, 0x01, 0x00, 0x00};
    cr_assert_eq(codec_rpc_decode(bytes_of(in, sizeof in), 70000, &rpc, &used), ERR_BUSY);
    cr_assert_eq(codec_rpc_decode(bytes_of(in, sizeof in), 65536, &rpc, &used), ERR_LIMIT);
}
