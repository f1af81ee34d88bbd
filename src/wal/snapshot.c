/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include <covey/wal.h>

#include "name.h"
#include "sealed.h"

static const char snapshot_magic[] = "coveysnp";
static const char cluster_magic[] = "coveyclu";

#define NAME_HEAD "snapshot-"

void snapshot_name(uint64_t index, char ret_name[WAL_NAME_SIZE]) {
    numbered_name(NAME_HEAD, index, ret_name);
}

bool snapshot_name_parse(const char name[WAL_NAME_SIZE], uint64_t *ret_index) {
    return numbered_name_parse(NAME_HEAD, name, ret_index);
}

void snapshot_head_encode(const struct wire_snapshot_header *header, struct buf *out) {
    sealed_encode(snapshot_magic, &wire_snapshot_header_type, header, out);
}

void snapshot_encode(const struct wire_snapshot_header *header, struct bytes state, struct buf *out) {
    struct wire_snapshot_header h = *header;
    h.size = state.size;
    h.checksum = crc32c(0, state.data, state.size);
    snapshot_head_encode(&h, out);
    buf_append(out, state.data, state.size);
}

int snapshot_decode(struct bytes file, const struct wire_log_identity *expected, struct arena *arena,
                    struct wire_snapshot_header *ret_header, struct bytes *ret_state, char *ret_text,
                    size_t text_size) {
    struct wire_snapshot_header h = {0};
    struct bytes state;
    int error = sealed_decode(file, snapshot_magic, &wire_snapshot_header_type, arena, &h, &state, ret_text,
                              text_size);
    if (error)
        return error;
    if (expected &&
        (!ID_EQUAL(h.identity.cluster, expected->cluster) || !ID_EQUAL(h.identity.node, expected->node)))
        return text_fail(ERR_DENIED, "it belongs to another cluster or node; move it away", ret_text,
                         text_size);
    if (expected && !ID_IS_ZERO(expected->log) && !ID_EQUAL(h.identity.log, expected->log))
        return text_fail(ERR_DENIED, "it belongs to another log of this node", ret_text, text_size);
    if (h.size != state.size)
        return text_fail(ERR_CORRUPT, "the state has not the size that the header tells", ret_text,
                         text_size);
    if (h.checksum != crc32c(0, state.data, state.size))
        return text_fail(ERR_CORRUPT, "the checksum of the state is wrong", ret_text, text_size);
    *ret_header = h;
    *ret_state = state;
    return 0;
}

void cluster_file_encode(const struct wire_node_files_keys *keys, struct buf *out) {
    sealed_encode(cluster_magic, &wire_node_files_keys_type, keys, out);
}

int cluster_file_decode(struct bytes file, struct arena *arena, struct wire_node_files_keys *ret_keys,
                        char *ret_text, size_t text_size) {
    struct wire_node_files_keys keys = {0};
    struct bytes rest;
    int error = sealed_decode(file, cluster_magic, &wire_node_files_keys_type, arena, &keys, &rest, ret_text,
                              text_size);
    if (error)
        return error;
    if (rest.size > 0)
        return text_fail(ERR_CORRUPT, "bytes follow the end", ret_text, text_size);
    *ret_keys = keys;
    return 0;
}
