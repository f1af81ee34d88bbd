/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The unit that a disk writes whole or not at all: 512 bytes, of which 504 carry a stream of frames. The
 * trailer says which batch wrote the sector, and its checksum covers the sector's own place, so that a sector
 * can be judged alone: zeros (never written), good, or bad.
 *
 *      0                                            504         508       512
 *      | body                                        | label u32 | crc u32 |
 *
 * A good sector is never all zeros: bodies of label 0 begin with a magic. All numbers are little-endian.
 */
#ifndef COVEY_WAL_SECTOR_H
#define COVEY_WAL_SECTOR_H

#include <covey/base.h>
#include <covey/wal.h>

#define SECTOR_SIZE      WAL_SECTOR_SIZE
#define SECTOR_BODY_SIZE 504
#define JOURNAL_PLACE    UINT64_C(0x6a6f75726e616c) /* of its sectors: none of a log's fits in */

enum sector_state {
    SECTOR_ZERO,
    SECTOR_GOOD,
    SECTOR_BAD,
};

static inline void put_u32(uint8_t *at, uint32_t value) {
    for (size_t i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}
static inline void put_u64(uint8_t *at, uint64_t value) {
    put_u32(at, (uint32_t)value);
    put_u32(at + 4, (uint32_t)(value >> 32));
}
static inline uint32_t get_u32(const uint8_t *at) {
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}
static inline uint64_t get_u64(const uint8_t *at) { return get_u32(at) | (uint64_t)get_u32(at + 4) << 32; }

bool bytes_are_zero(struct bytes in);
/* The number of sectors that a stream of this size fills. */
static inline uint64_t sectors_of(uint64_t stream_size) {
    return (stream_size + SECTOR_BODY_SIZE - 1) / SECTOR_BODY_SIZE;
}

/*
 * Writes label and checksum. place: the file's sequence (0 for files without one); number: of the sector in
 * its file. A sector that turns up in another place is bad there.
 */
void sector_seal(uint8_t sector[SECTOR_SIZE], uint64_t place, uint64_t number, uint32_t label);
enum sector_state sector_judge(const uint8_t sector[SECTOR_SIZE], uint64_t place, uint64_t number);
static inline uint32_t sector_label(const uint8_t sector[SECTOR_SIZE]) {
    return get_u32(sector + SECTOR_BODY_SIZE);
}

/* Appends the sectors that hold the stream, the last padded with zeros. */
void sectors_pack(struct bytes stream, uint64_t place, uint64_t first_number, uint32_t label,
                  struct buf *out);

/* ---- frames -------------------------------------------------------------------------------------------- */

/*
 * A frame: kind and length in one number (kind << 24 | bytes of payload), a CRC-32C that continues the
 * previous frame's, the payload, zeros up to a multiple of 8. Kind 0 is none: zeros end the frames of a
 * sector.
 */
#define FRAME_HEAD_SIZE   8
#define FRAME_PAYLOAD_MAX 0xffffffu

/* Reserves the head at the end of the stream; the payload is appended by the caller; then frame_close. */
size_t frame_open(struct buf *stream);
/* Returns the chain including this frame. */
uint32_t frame_close(struct buf *stream, size_t opened_at, uint8_t kind, uint32_t chain);

/* Reads the stream of one label back out of its sectors. */
struct sector_cursor {
    struct bytes file;
    uint64_t place;
    uint64_t number; /* of the sector at hand */
    size_t used;     /* bytes of its body that were read */
    uint32_t label;
    bool judged; /* the sector at hand is good and has the label */
};
enum cursor_result {
    CURSOR_OK,
    CURSOR_ZERO,  /* the sector at hand reads as zeros */
    CURSOR_BAD,   /* it is bad */
    CURSOR_LABEL, /* it is good, but of another batch */
    CURSOR_END,   /* the file ends here */
};
/* out may be NULL: skip. What was read before a failure is lost; the cursor then stands at the failing
 * sector. */
enum cursor_result cursor_read(struct sector_cursor *c, void *out, size_t size);

enum frame_result {
    FRAME_OK,
    FRAME_HOLE,   /* a sector that it needs reads as zeros */
    FRAME_NONE,   /* zeros instead of a head, in a good sector */
    FRAME_ROTTEN, /* *ret_fault says why */
};
/*
 * The next frame, its payload copied into the arena. *chain is replaced by the chain including the frame.
 */
enum frame_result frame_read(struct sector_cursor *c, uint32_t *chain, struct arena *arena, uint8_t *ret_kind,
                             struct bytes *ret_payload, const char **ret_fault);

#endif
