/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "sector.h"

bool bytes_are_zero(struct bytes in) {
    return in.size == 0 || (in.data[0] == 0 && memcmp(in.data, in.data + 1, in.size - 1) == 0);
}

static uint32_t sector_crc(const uint8_t sector[SECTOR_SIZE], uint64_t place, uint64_t number) {
    uint8_t where[16];
    put_u64(where, place);
    put_u64(where + 8, number);
    return crc32c(crc32c(0, where, sizeof where), sector, SECTOR_SIZE - 4);
}

void sector_seal(uint8_t sector[SECTOR_SIZE], uint64_t place, uint64_t number, uint32_t label) {
    put_u32(sector + SECTOR_BODY_SIZE, label);
    put_u32(sector + SECTOR_BODY_SIZE + 4, sector_crc(sector, place, number));
}

enum sector_state sector_judge(const uint8_t sector[SECTOR_SIZE], uint64_t place, uint64_t number) {
    if (bytes_are_zero(bytes_of(sector, SECTOR_SIZE)))
        return SECTOR_ZERO;
    return get_u32(sector + SECTOR_BODY_SIZE + 4) == sector_crc(sector, place, number) ? SECTOR_GOOD
                                                                                       : SECTOR_BAD;
}

void sectors_pack(struct bytes stream, uint64_t place, uint64_t first_number, uint32_t label,
                  struct buf *out) {
    uint64_t count = sectors_of(stream.size);
    buf_reserve(out, (size_t)count * SECTOR_SIZE);
    for (uint64_t i = 0; i < count; i++) {
        uint8_t *sector = out->data + out->size;
        size_t done = (size_t)i * SECTOR_BODY_SIZE;
        size_t part = stream.size - done < SECTOR_BODY_SIZE ? stream.size - done : SECTOR_BODY_SIZE;
        memcpy(sector, stream.data + done, part);
        memset(sector + part, 0, SECTOR_BODY_SIZE - part);
        sector_seal(sector, place, first_number + i, label);
        out->size += SECTOR_SIZE;
    }
}

/* ---- frames -------------------------------------------------------------------------------------------- */

static const uint8_t zeros[FRAME_HEAD_SIZE];

size_t frame_open(struct buf *stream) {
    size_t opened_at = stream->size;
    buf_append(stream, zeros, FRAME_HEAD_SIZE);
    return opened_at;
}

uint32_t frame_close(struct buf *stream, size_t opened_at, uint8_t kind, uint32_t chain) {
    size_t size = stream->size - opened_at - FRAME_HEAD_SIZE;
    assert(size <= FRAME_PAYLOAD_MAX);
    buf_append(stream, zeros, (8 - size % 8) % 8);
    uint8_t *head = stream->data + opened_at;
    put_u32(head, (uint32_t)kind << 24 | (uint32_t)size);
    chain = crc32c(crc32c(chain, head, 4), head + FRAME_HEAD_SIZE, size);
    put_u32(head + 4, chain);
    return chain;
}

static enum cursor_result cursor_judge(struct sector_cursor *c) {
    if (c->number >= c->file.size / SECTOR_SIZE)
        return CURSOR_END;
    const uint8_t *sector = c->file.data + c->number * SECTOR_SIZE;
    switch (sector_judge(sector, c->place, c->number)) {
    case SECTOR_ZERO: return CURSOR_ZERO;
    case SECTOR_BAD: return CURSOR_BAD;
    case SECTOR_GOOD: break;
    }
    if (sector_label(sector) != c->label)
        return CURSOR_LABEL;
    c->judged = true;
    return CURSOR_OK;
}

enum cursor_result cursor_read(struct sector_cursor *c, void *out, size_t size) {
    uint8_t *to = out;
    while (size > 0) {
        if (!c->judged) {
            enum cursor_result result = cursor_judge(c);
            if (result != CURSOR_OK)
                return result;
        }
        size_t part = SECTOR_BODY_SIZE - c->used < size ? SECTOR_BODY_SIZE - c->used : size;
        if (to) {
            memcpy(to, c->file.data + c->number * SECTOR_SIZE + c->used, part);
            to += part;
        }
        size -= part;
        c->used += part;
        if (c->used == SECTOR_BODY_SIZE) {
            c->number++;
            c->used = 0;
            c->judged = false;
        }
    }
    return CURSOR_OK;
}

static enum frame_result frame_failed(enum cursor_result result, const char **ret_fault) {
    switch (result) {
    case CURSOR_OK: break;
    case CURSOR_ZERO: return FRAME_HOLE;
    case CURSOR_BAD: *ret_fault = "a sector's checksum is wrong"; break;
    case CURSOR_LABEL: *ret_fault = "a sector of another batch follows"; break;
    case CURSOR_END: *ret_fault = "the file ends inside a batch"; break;
    }
    return FRAME_ROTTEN;
}

enum frame_result frame_read(struct sector_cursor *c, uint32_t *chain, struct arena *arena, uint8_t *ret_kind,
                             struct bytes *ret_payload, const char **ret_fault) {
    uint8_t head[FRAME_HEAD_SIZE];
    enum cursor_result result = cursor_read(c, head, sizeof head);
    if (result != CURSOR_OK)
        return frame_failed(result, ret_fault);
    uint32_t word = get_u32(head);
    size_t size = word & FRAME_PAYLOAD_MAX;
    if (word >> 24 == 0)
        return FRAME_NONE;
    /* Bounds the copy by what the file can hold. */
    if (size > c->file.size - c->number * SECTOR_SIZE) {
        *ret_fault = "a record is longer than the file";
        return FRAME_ROTTEN;
    }
    uint8_t *payload = arena_alloc(arena, size + 1);
    result = cursor_read(c, payload, size);
    if (result == CURSOR_OK)
        result = cursor_read(c, NULL, (8 - size % 8) % 8);
    if (result != CURSOR_OK)
        return frame_failed(result, ret_fault);
    uint32_t next = crc32c(crc32c(*chain, head, 4), payload, size);
    if (next != get_u32(head + 4)) {
        *ret_fault = "a record does not continue the chain of checksums";
        return FRAME_ROTTEN;
    }
    *chain = next;
    *ret_kind = (uint8_t)(word >> 24);
    *ret_payload = bytes_of(payload, size);
    return FRAME_OK;
}
