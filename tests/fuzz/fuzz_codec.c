/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The decoders of every message. First byte: which message; second: 0 numbers as keys, 1 names, 2 the front
 * of a stream, 3 a MessagePack-RPC frame; the rest: the bytes from outside. Whatever is accepted must survive
 * being written and read again unchanged, in both forms, and be accepted by codec_check.
 */
#include <covey/codec.h>
#include <covey/wire.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ARENA_LIMIT_BYTES (64u << 20)

static void read_again(const struct codec_type *t, const void *obj, bool named) {
    struct arena a = {0};
    struct buf first = {0}, second = {0};
    struct codec_fault fault;
    void *again = arena_alloc(&a, t->size);
    (named ? codec_encode_named : codec_encode)(t, obj, &first);
    if (first.size <= t->max_bytes) {
        int error = (named ? codec_decode_named : codec_decode)(t, buf_bytes(&first), &a, again, &fault);
        assert(error == 0);
        assert(codec_equal(t, obj, again));
        (named ? codec_encode_named : codec_encode)(t, again, &second);
        assert(bytes_equal(buf_bytes(&first), buf_bytes(&second)));
    }
    buf_done(&first);
    buf_done(&second);
    arena_done(&a);
}

static void accepted(const struct codec_type *t, const void *obj) {
    struct arena a = {0};
    struct buf json = {0};
    void *copy = arena_alloc(&a, t->size);
    read_again(t, obj, false);
    read_again(t, obj, true);
    codec_copy(t, obj, &a, copy);
    assert(codec_equal(t, obj, copy));
    codec_to_json(t, obj, &json);
    buf_done(&json);
    arena_done(&a);
}

static void rpc_frame(struct bytes in) {
    struct codec_rpc rpc;
    struct buf out = {0};
    size_t used;
    if (codec_rpc_decode(in, 65536, &rpc, &used) == 0) {
        struct codec_rpc again;
        codec_rpc_encode(&rpc, &out);
        int error = codec_rpc_decode(buf_bytes(&out), out.size, &again, &used);
        assert(error == 0 && used == out.size && again.type == rpc.type && again.msgid == rpc.msgid);
    }
    buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2)
        return 0;
    const struct codec_type *t = wire_types[data[0] % wire_types_count];
    struct bytes in = bytes_of(data + 2, size - 2);
    struct arena a = {.limit_bytes = ARENA_LIMIT_BYTES};
    struct codec_fault fault;
    void *obj = arena_alloc(&a, t->size);
    int error = ERR_INVALID;
    size_t used;
    switch (data[1] % 4) {
    case 0: error = codec_decode(t, in, &a, obj, &fault); break;
    case 1: error = codec_decode_named(t, in, &a, obj, &fault); break;
    case 2: error = codec_decode_prefix(t, in, &a, obj, &fault, &used); break;
    default: rpc_frame(in);
    }
    if (!error)
        accepted(t, obj);
    arena_done(&a);
    return 0;
}
