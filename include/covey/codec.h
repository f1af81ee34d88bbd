/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * codec: structs to MessagePack and back, driven by tables that proto/gen.py makes from proto/schema.
 *
 * PURE: memory only. A message is a msgpack map. Between peers and on disk its keys are the field numbers; on
 * the admin socket they are the field names. Fields are written in order of their number, and those equal to
 * their default (0, false, empty, absent, the zero id) are left out unless `required`: equal structs give
 * equal bytes, which is what may be hashed and signed.
 *
 * Reading is bounded before anything is allocated: a first pass walks the bytes (depth, counts against the
 * bytes that remain, the exact end), and only then are they unpacked. Unknown keys are skipped, so that an
 * older reader understands a newer writer; a duplicate or a wrong type is refused.
 */
#ifndef COVEY_CODEC_H
#define COVEY_CODEC_H

#include "covey/base.h"

/* ---- tables -------------------------------------------------------------------------------------------- */

enum codec_kind {
    CODEC_BOOL,
    CODEC_U8,
    CODEC_U16,
    CODEC_U32,
    CODEC_U64,
    CODEC_I32,
    CODEC_I64,
    CODEC_STR,     /* struct bytes, UTF-8 without NUL */
    CODEC_BYTES,   /* struct bytes */
    CODEC_ID,      /* a struct of exactly `size` bytes */
    CODEC_ENUM,    /* a C enum, 32 bits; its name with named keys */
    CODEC_ADDR,    /* struct addr: 6 or 18 bytes; its text with named keys */
    CODEC_MESSAGE, /* the struct of `sub` */
};

#define CODEC_LIST     1u /* T *field and size_t field_count */
#define CODEC_OPTIONAL 2u /* a message by pointer; NULL = absent */
#define CODEC_REQUIRED 4u /* always written; refused when absent */
#define CODEC_SECRET   8u /* codec_to_json shows "(secret)" */

#define CODEC_FIELDS_MAX 127 /* a field number is a positive fixint, 1..127 */
#define CODEC_DEPTH_MAX  16  /* containers within containers, the outermost counted */

struct codec_enum_value {
    const char *name;
    int32_t number;
};
struct codec_enum {
    const char *name;
    const struct codec_enum_value *values; /* by number, ascending */
    size_t values_count;
    bool open; /* numbers without a name are kept when reading */
};

struct codec_type;
struct codec_field {
    const char *name;
    const struct codec_type *sub;   /* CODEC_MESSAGE */
    const struct codec_enum *table; /* CODEC_ENUM */
    size_t offset, count_offset;    /* in the C struct; count_offset of lists */
    size_t size;                    /* bytes of the C value, or of one item of a list */
    uint32_t max;                   /* bytes, for str and bytes */
    uint32_t list_max;              /* items, for lists */
    enum codec_kind kind;
    uint8_t id;
    uint8_t flags;
};
struct codec_type {
    const char *name;                 /* as in C: "wire_entry" */
    const struct codec_field *fields; /* by id, ascending */
    size_t fields_count;
    size_t size;      /* of the C struct */
    size_t max_bytes; /* of the encoded message */
};

/* "?" for a number without a name. */
const char *codec_enum_str(const struct codec_enum *e, int32_t number);
/* ERR_INVALID for an unknown name. */
int codec_enum_parse(const struct codec_enum *e, struct bytes name, int32_t *ret_number);

/* ---- messages ------------------------------------------------------------------------------------------ */

/* Where and why reading failed, e.g. "wire_entry.place.node" "expected 16 bytes". */
struct codec_fault {
    char path[96];    /* cut at its end when longer */
    const char *what; /* static text */
    size_t offset;    /* in the input, of the value */
};

/* Appends. What exceeds its limits is written all the same and refused by the reader: see codec_check. */
void codec_encode(const struct codec_type *t, const void *obj, struct buf *out);
void codec_encode_named(const struct codec_type *t, const void *obj, struct buf *out);

/* The bytes of codec_encode, in parts; the message's own lists are parted between their items. */
struct codec_parts {
    const struct codec_type *type;
    const void *obj;
    bool begun; /* this and what follows begin as zeros */
    size_t field, item;
};
/* Appends `size` bytes (> 0) or somewhat more; true: that was the last of it. */
bool codec_encode_part(struct codec_parts *p, size_t size, struct buf *out);

/*
 * Reads one message that fills `in` exactly. Text and bytes become views into `in`, which must outlive the
 * struct; lists and optional messages are made in `a` (its limit_bytes holds; after a failure it may hold
 * parts until it is reset). On failure ret_obj is untouched and ret_fault, which may be NULL, says where and
 * why. ERR_INVALID, or ERR_LIMIT when a length, a count, the depth, the whole size or the arena is exceeded.
 */
int codec_decode(const struct codec_type *t, struct bytes in, struct arena *a, void *ret_obj,
                 struct codec_fault *ret_fault);
int codec_decode_named(const struct codec_type *t, struct bytes in, struct arena *a, void *ret_obj,
                       struct codec_fault *ret_fault);
/*
 * Reads the message (numbers as keys) at the front of a stream. ret_used: its size. ERR_BUSY: more bytes are
 * needed, and they may still fit t->max_bytes.
 */
int codec_decode_prefix(const struct codec_type *t, struct bytes in, struct arena *a, void *ret_obj,
                        struct codec_fault *ret_fault, size_t *ret_used);

/*
 * Whether a struct made here would be accepted by a reader: lengths, counts, UTF-8, enum numbers, required
 * messages, depth, the encoded size. 0, ERR_INVALID or ERR_LIMIT as codec_decode; the fault's offset is 0.
 */
int codec_check(const struct codec_type *t, const void *obj, struct codec_fault *ret_fault);

/*
 * Appends one JSON object: fields by name, ids as hex ("" for the zero id), bytes as text or, where they are
 * not UTF-8, as {"base64": "..."}, secrets as "(secret)". Every field is shown but absent optional messages.
 */
void codec_to_json(const struct codec_type *t, const void *obj, struct buf *out);
/* Appends `text` as a JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. */
void codec_json_str(struct buf *out, struct bytes text);

bool codec_equal(const struct codec_type *t, const void *x, const void *y);
/* Deep: everything the copy points to lies in `a`. ret_copy must not overlap obj. */
void codec_copy(const struct codec_type *t, const void *obj, struct arena *a, void *ret_copy);
/*
 * A random value that codec_check accepts, for tests and fuzzing. fill_percent: how likely each field is to
 * differ from its default. Lists have up to 3 items, strings up to 24 bytes or, rarely, their maximum up to
 * 256.
 */
void codec_random(const struct codec_type *t, struct prng *p, struct arena *a, void *ret_obj,
                  unsigned fill_percent);

/* ---- raw msgpack --------------------------------------------------------------------------------------- */

/* Each appends one header or value, in its shortest form. */
void codec_put_nil(struct buf *out);
void codec_put_bool(struct buf *out, bool value);
void codec_put_uint(struct buf *out, uint64_t value);
void codec_put_int(struct buf *out, int64_t value);
void codec_put_str(struct buf *out, struct bytes text);
void codec_put_bin(struct buf *out, struct bytes data);
void codec_put_array(struct buf *out, uint32_t items_count);
void codec_put_map(struct buf *out, uint32_t pairs_count);
void codec_put_raw(struct buf *out, struct bytes encoded);

/*
 * Walks the msgpack value at the front of `in` without allocating. 0 and its size; ERR_BUSY: incomplete;
 * ERR_INVALID: no msgpack; ERR_LIMIT: deeper than depth_max (at most 32).
 */
int codec_scan(struct bytes in, size_t depth_max, size_t *ret_used);

/*
 * Each takes one value (of an array or a map: its header) off the front of `cursor`, or fails and leaves it:
 * ERR_BUSY incomplete, ERR_INVALID another type or out of range. codec_get_str and codec_get_bin accept str
 * and bin alike; codec_get_raw takes any value whole, up to CODEC_DEPTH_MAX deep (ERR_LIMIT).
 */
int codec_get_nil(struct bytes *cursor);
int codec_get_bool(struct bytes *cursor, bool *ret);
int codec_get_uint(struct bytes *cursor, uint64_t *ret);
int codec_get_int(struct bytes *cursor, int64_t *ret);
int codec_get_str(struct bytes *cursor, struct bytes *ret);
int codec_get_bin(struct bytes *cursor, struct bytes *ret);
int codec_get_array(struct bytes *cursor, size_t *ret_items_count);
int codec_get_map(struct bytes *cursor, size_t *ret_pairs_count);
int codec_get_raw(struct bytes *cursor, struct bytes *ret);

/* ---- MessagePack-RPC frames ---------------------------------------------------------------------------- */

enum codec_rpc_type {
    CODEC_RPC_REQUEST = 0,  /* [0, msgid, method, params] */
    CODEC_RPC_RESPONSE = 1, /* [1, msgid, error, result] */
    CODEC_RPC_NOTIFY = 2,   /* [2, method, params] */
};
struct codec_rpc {
    enum codec_rpc_type type;
    uint32_t msgid;      /* requests and responses */
    struct bytes method; /* requests and notifications: the text itself */
    struct bytes params; /* requests and notifications: one encoded value */
    struct bytes error;  /* responses: one encoded value; nil = no error */
    struct bytes result; /* responses: one encoded value */
};
#define CODEC_RPC_METHOD_MAX 64 /* bytes of a method's name */

/* Appends a frame. Empty params, error or result are written as nil. */
void codec_rpc_encode(const struct codec_rpc *rpc, struct buf *out);
/*
 * Reads the frame at the front of a stream; every view points into `in`. ERR_BUSY: incomplete; ERR_LIMIT: it
 * is, or will be, larger than max_bytes, or too deep; ERR_INVALID: no such frame, and the stream is lost.
 */
int codec_rpc_decode(struct bytes in, size_t max_bytes, struct codec_rpc *ret, size_t *ret_used);
/* Whether the response carries an error (anything but nil). */
bool codec_rpc_failed(const struct codec_rpc *rpc);

#endif
