/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "sealed.h"

#include "name.h"
#include "sector.h"

#define SEALED_MAGIC_SIZE 8
#define SEALED_HEAD_SIZE  16
#define SEALED_CRC_SIZE   4

void sealed_encode(const char *magic, const struct codec_type *type, const void *obj, struct buf *out) {
    size_t at = out->size;
    uint8_t number[4];
    buf_append(out, magic, SEALED_MAGIC_SIZE);
    put_u32(number, SEALED_VERSION);
    buf_append(out, number, sizeof number);
    buf_append(out, number, sizeof number);
    codec_encode(type, obj, out);
    put_u32(out->data + at + 12, (uint32_t)(out->size - at - SEALED_HEAD_SIZE));
    put_u32(number, crc32c(0, out->data + at, out->size - at));
    buf_append(out, number, sizeof number);
}

int sealed_decode(struct bytes file, const char *magic, const struct codec_type *type, struct arena *arena,
                  void *ret_obj, struct bytes *ret_rest, char *ret_text, size_t text_size) {
    if (file.size < SEALED_HEAD_SIZE + SEALED_CRC_SIZE)
        return text_fail(ERR_CORRUPT, "the file is too short", ret_text, text_size);
    if (memcmp(file.data, magic, SEALED_MAGIC_SIZE) != 0)
        return text_fail(ERR_CORRUPT, "offset 0: the file does not begin as such a file does", ret_text,
                         text_size);
    size_t size = get_u32(file.data + 12);
    if (size > file.size - SEALED_HEAD_SIZE - SEALED_CRC_SIZE)
        return text_fail(ERR_CORRUPT, "offset 12: the file is shorter than its header tells", ret_text,
                         text_size);
    if (crc32c(0, file.data, SEALED_HEAD_SIZE + size) != get_u32(file.data + SEALED_HEAD_SIZE + size))
        return text_fail(ERR_CORRUPT, "offset 0: the header's checksum is wrong", ret_text, text_size);
    if (get_u32(file.data + 8) != SEALED_VERSION)
        return text_fail(ERR_VERSION, "it was written by a later version of covey: upgrade this host's",
                         ret_text, text_size);
    if (codec_decode(type, bytes_of(file.data + SEALED_HEAD_SIZE, size), arena, ret_obj, NULL) != 0)
        return text_fail(ERR_CORRUPT, "offset 16: the header cannot be decoded", ret_text, text_size);
    size_t used = SEALED_HEAD_SIZE + size + SEALED_CRC_SIZE;
    *ret_rest = bytes_of(file.data + used, file.size - used);
    return 0;
}
