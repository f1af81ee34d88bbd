/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Files that are written whole: magic, version, one message, a checksum of all that; more may follow.
 *
 *      0         8             12           16         16 + size   20 + size
 *      | magic   | version u32 | size u32   | message  | crc u32   | rest ...
 */
#ifndef COVEY_WAL_SEALED_H
#define COVEY_WAL_SEALED_H

#include <covey/base.h>
#include <covey/codec.h>

#define SEALED_VERSION 1

/* magic: 8 characters. Appends. */
void sealed_encode(const char *magic, const struct codec_type *type, const void *obj, struct buf *out);
/* 0, ERR_CORRUPT or ERR_VERSION with a text. The message's bytes are views into file, as is *ret_rest. */
int sealed_decode(struct bytes file, const char *magic, const struct codec_type *type, struct arena *arena,
                  void *ret_obj, struct bytes *ret_rest, char *ret_text, size_t text_size);

#endif
