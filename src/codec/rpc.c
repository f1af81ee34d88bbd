/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "internal.h"

/* A response holds its error and its result, each nested up to CODEC_DEPTH_MAX, inside the frame's array. */
#define FRAME_DEPTH_MAX (CODEC_DEPTH_MAX + 1)

static void put_value(struct buf *out, struct bytes encoded) {
    if (encoded.size)
        codec_put_raw(out, encoded);
    else
        codec_put_nil(out);
}

void codec_rpc_encode(const struct codec_rpc *rpc, struct buf *out) {
    codec_put_array(out, rpc->type == CODEC_RPC_NOTIFY ? 3 : 4);
    codec_put_uint(out, rpc->type);
    if (rpc->type != CODEC_RPC_NOTIFY)
        codec_put_uint(out, rpc->msgid);
    if (rpc->type == CODEC_RPC_RESPONSE) {
        put_value(out, rpc->error);
        put_value(out, rpc->result);
    } else {
        codec_put_str(out, rpc->method);
        put_value(out, rpc->params);
    }
}

static bool get_msgid(struct bytes *cursor, uint32_t *ret) {
    uint64_t number;
    if (codec_get_uint(cursor, &number) || number > UINT32_MAX)
        return false;
    *ret = (uint32_t)number;
    return true;
}

static bool get_call(struct bytes *cursor, struct codec_rpc *rpc) {
    return codec_get_str(cursor, &rpc->method) == 0 && rpc->method.size > 0 &&
           rpc->method.size <= CODEC_RPC_METHOD_MAX && codec_utf8_is_valid(rpc->method) &&
           codec_get_raw(cursor, &rpc->params) == 0;
}

/* `frame` has been walked and ends exactly. */
static bool get_frame(struct bytes frame, struct codec_rpc *rpc) {
    size_t items;
    uint64_t type;
    if (codec_get_array(&frame, &items) || codec_get_uint(&frame, &type) || type > CODEC_RPC_NOTIFY)
        return false;
    rpc->type = (enum codec_rpc_type)type;
    if (items != (rpc->type == CODEC_RPC_NOTIFY ? 3 : 4))
        return false;
    if (rpc->type != CODEC_RPC_NOTIFY && !get_msgid(&frame, &rpc->msgid))
        return false;
    if (rpc->type != CODEC_RPC_RESPONSE)
        return get_call(&frame, rpc);
    return codec_get_raw(&frame, &rpc->error) == 0 && codec_get_raw(&frame, &rpc->result) == 0;
}

int codec_rpc_decode(struct bytes in, size_t max_bytes, struct codec_rpc *ret, size_t *ret_used) {
    struct codec_rpc rpc = {0};
    size_t used;
    /* Whatever is no array cannot become a frame: say so before its end is there. */
    if (in.size && (*in.data & 0xf0) != 0x90 && *in.data != 0xdc && *in.data != 0xdd)
        return ERR_INVALID;
    int error = codec_scan_within(in, FRAME_DEPTH_MAX, max_bytes, &used);
    if (error)
        return error;
    if (!get_frame(bytes_of(in.data, used), &rpc))
        return ERR_INVALID;
    *ret = rpc;
    *ret_used = used;
    return 0;
}

bool codec_rpc_failed(const struct codec_rpc *rpc) {
    return rpc->error.size != 1 || *rpc->error.data != 0xc0;
}
