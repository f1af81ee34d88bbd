/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "internal.h"

/*
 * Walking msgpack without making anything of it. A head (its first byte and what that byte announces) tells
 * how many bytes belong to the value itself and how many values follow inside: that is all a walk needs, and
 * a count is believed only if so many bytes are there, since no value is shorter than one.
 */

#define SCAN_DEPTH_MAX 32

struct head {
    uint64_t size;     /* bytes of the value, without the values inside */
    uint64_t children; /* values inside: items, or keys and values */
    bool container;
};

static uint64_t load_be(const uint8_t *at, size_t size) {
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | at[i];
    return value;
}

/* A length of length_size bytes that follows the first byte. */
static int head_length(struct bytes in, size_t length_size, uint64_t *ret_length) {
    if (in.size < 1 + length_size)
        return ERR_BUSY;
    *ret_length = load_be(in.data + 1, length_size);
    return 0;
}

static int head_blob(struct bytes in, size_t length_size, size_t type_size, struct head *ret) {
    uint64_t length;
    int error = head_length(in, length_size, &length);
    if (error)
        return error;
    *ret = (struct head){.size = 1 + length_size + type_size + length};
    return 0;
}

static int head_container(struct bytes in, size_t length_size, unsigned values_each, struct head *ret) {
    uint64_t count;
    int error = head_length(in, length_size, &count);
    if (error)
        return error;
    *ret = (struct head){.size = 1 + length_size, .children = count * values_each, .container = true};
    return 0;
}

/* First bytes 0xc0 to 0xdf. */
static int head_long(struct bytes in, struct head *ret) {
    switch (*in.data) {
    case 0xc0:
    case 0xc2:
    case 0xc3: *ret = (struct head){.size = 1}; return 0;
    case 0xc4:
    case 0xd9: return head_blob(in, 1, 0, ret); /* bin8, str8 */
    case 0xc5:
    case 0xda: return head_blob(in, 2, 0, ret);
    case 0xc6:
    case 0xdb: return head_blob(in, 4, 0, ret);
    case 0xc7: return head_blob(in, 1, 1, ret); /* ext8 */
    case 0xc8: return head_blob(in, 2, 1, ret);
    case 0xc9: return head_blob(in, 4, 1, ret);
    case 0xcc:
    case 0xd0: *ret = (struct head){.size = 2}; return 0; /* 8-bit integers */
    case 0xcd:
    case 0xd1: *ret = (struct head){.size = 3}; return 0;
    case 0xca:
    case 0xce:
    case 0xd2: *ret = (struct head){.size = 5}; return 0; /* with float32 */
    case 0xcb:
    case 0xcf:
    case 0xd3: *ret = (struct head){.size = 9}; return 0; /* with float64 */
    case 0xd4: *ret = (struct head){.size = 3}; return 0; /* fixext1 */
    case 0xd5: *ret = (struct head){.size = 4}; return 0;
    case 0xd6: *ret = (struct head){.size = 6}; return 0;
    case 0xd7: *ret = (struct head){.size = 10}; return 0;
    case 0xd8: *ret = (struct head){.size = 18}; return 0;
    case 0xdc: return head_container(in, 2, 1, ret); /* array16 */
    case 0xdd: return head_container(in, 4, 1, ret);
    case 0xde: return head_container(in, 2, 2, ret); /* map16 */
    case 0xdf: return head_container(in, 4, 2, ret);
    default: return ERR_INVALID; /* 0xc1 */
    }
}

static int head_read(struct bytes in, struct head *ret) {
    if (in.size == 0)
        return ERR_BUSY;
    uint8_t first = *in.data;
    if (first < 0x80 || first >= 0xe0)
        *ret = (struct head){.size = 1};
    else if (first < 0x90)
        *ret = (struct head){.size = 1, .children = (first & 15u) * 2u, .container = true};
    else if (first < 0xa0)
        *ret = (struct head){.size = 1, .children = first & 15u, .container = true};
    else if (first < 0xc0)
        *ret = (struct head){.size = 1 + (first & 31u)};
    else
        return head_long(in, ret);
    return 0;
}

int codec_scan_within(struct bytes in, size_t depth_max, size_t max_bytes, size_t *ret_used) {
    uint64_t open[SCAN_DEPTH_MAX]; /* values still to come in each container */
    size_t depth = 0, at = 0;
    assert(depth_max <= SCAN_DEPTH_MAX);
    if (in.size == 0)
        return ERR_BUSY;
    for (;;) {
        struct head head;
        int error = head_read(bytes_of(in.data + at, in.size - at), &head);
        if (error)
            return error == ERR_BUSY && in.size >= max_bytes ? ERR_LIMIT : error;
        if (head.container && depth == depth_max)
            return ERR_LIMIT;
        uint64_t needed = head.size + head.children;
        if (needed > in.size - at)
            return at > max_bytes || needed > max_bytes - at ? ERR_LIMIT : ERR_BUSY;
        at += (size_t)head.size;
        if (head.children) {
            open[depth++] = head.children;
            continue;
        }
        while (depth && --open[depth - 1] == 0)
            depth--;
        if (depth == 0)
            break;
    }
    if (at > max_bytes)
        return ERR_LIMIT;
    *ret_used = at;
    return 0;
}

int codec_scan(struct bytes in, size_t depth_max, size_t *ret_used) {
    return codec_scan_within(in, depth_max, SIZE_MAX, ret_used);
}

static void advance(struct bytes *cursor, size_t size) {
    cursor->data += size;
    cursor->size -= size;
}

static int get_container(struct bytes *cursor, unsigned values_each, size_t *ret_count) {
    struct head head;
    int error = head_read(*cursor, &head);
    if (error)
        return error;
    uint8_t first = *cursor->data;
    bool is_map = (first & 0xf0) == 0x80 || first == 0xde || first == 0xdf;
    if (!head.container || is_map != (values_each == 2))
        return ERR_INVALID;
    advance(cursor, (size_t)head.size);
    *ret_count = (size_t)(head.children / values_each);
    return 0;
}

int codec_get_array(struct bytes *cursor, size_t *ret_items_count) {
    return get_container(cursor, 1, ret_items_count);
}

int codec_get_map(struct bytes *cursor, size_t *ret_pairs_count) {
    return get_container(cursor, 2, ret_pairs_count);
}

int codec_get_raw(struct bytes *cursor, struct bytes *ret) {
    size_t used;
    int error = codec_scan(*cursor, CODEC_DEPTH_MAX, &used);
    if (error)
        return error;
    *ret = bytes_of(cursor->data, used);
    advance(cursor, used);
    return 0;
}
