/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "vote.h"

#include <covey/codec.h>

static const char vote_magic[8] = {'c', 'o', 'v', 'e', 'y', 'v', 'o', 't'};

#define VOTE_AT_VERSION         8
#define VOTE_AT_SEQUENCE        16
#define VOTE_AT_SEGMENT         24
#define VOTE_AT_SEGMENT_SIZE    32
#define VOTE_AT_DURABLE_SEGMENT 40
#define VOTE_AT_DURABLE_END     48
#define VOTE_AT_IDENTITY        56  /* size u32, message */
#define VOTE_AT_HARD            184 /* size u32, message */

void vote_name(unsigned copy, char ret_name[WAL_NAME_SIZE]) {
    assert(copy < VOTE_COPIES);
    memset(ret_name, 0, WAL_NAME_SIZE);
    memcpy(ret_name, copy ? "vote-1" : "vote-0", 6);
}

static void message_put(uint8_t *sector, size_t at, size_t limit, const struct codec_type *type,
                        const void *obj) {
    struct buf message = {0};
    codec_encode(type, obj, &message);
    assert(message.size <= limit - at - 4);
    put_u32(sector + at, (uint32_t)message.size);
    mem_copy(sector + at + 4, message.data, message.size);
    buf_done(&message);
}

static bool message_get(const uint8_t *sector, size_t at, size_t limit, const struct codec_type *type,
                        void *ret) {
    uint32_t size = get_u32(sector + at);
    if (size > limit - at - 4)
        return false;
    struct arena arena = {0};
    int error = codec_decode(type, bytes_of(sector + at + 4, size), &arena, ret, NULL);
    arena_done(&arena);
    return error == 0;
}

void vote_encode(const struct vote *v, unsigned copy, uint8_t sector[SECTOR_SIZE]) {
    struct wire_hard_state hard = {.term = v->hard.term, .vote = v->hard.vote};
    memset(sector, 0, SECTOR_SIZE);
    memcpy(sector, vote_magic, sizeof vote_magic);
    put_u32(sector + VOTE_AT_VERSION, VOTE_VERSION);
    put_u64(sector + VOTE_AT_SEQUENCE, v->sequence);
    put_u64(sector + VOTE_AT_SEGMENT, v->segment);
    put_u64(sector + VOTE_AT_SEGMENT_SIZE, v->segment_size);
    put_u64(sector + VOTE_AT_DURABLE_SEGMENT, v->durable_segment);
    put_u64(sector + VOTE_AT_DURABLE_END, v->durable_end);
    message_put(sector, VOTE_AT_IDENTITY, VOTE_AT_HARD, &wire_log_identity_type, &v->identity);
    message_put(sector, VOTE_AT_HARD, SECTOR_BODY_SIZE, &wire_hard_state_type, &hard);
    sector_seal(sector, 0, copy, 0);
}

enum vote_state vote_decode(struct bytes file, unsigned copy, struct vote *ret) {
    if (bytes_are_zero(file) && file.size <= SECTOR_SIZE)
        return VOTE_MISSING;
    if (file.size != SECTOR_SIZE || sector_judge(file.data, 0, copy) != SECTOR_GOOD ||
        memcmp(file.data, vote_magic, sizeof vote_magic) != 0)
        return VOTE_BAD;
    const uint8_t *at = file.data;
    if (get_u32(at + VOTE_AT_VERSION) != VOTE_VERSION)
        return VOTE_LATER;
    struct vote vote = {
        .sequence = get_u64(at + VOTE_AT_SEQUENCE),
        .segment = get_u64(at + VOTE_AT_SEGMENT),
        .segment_size = get_u64(at + VOTE_AT_SEGMENT_SIZE),
        .durable_segment = get_u64(at + VOTE_AT_DURABLE_SEGMENT),
        .durable_end = get_u64(at + VOTE_AT_DURABLE_END),
    };
    if (!message_get(at, VOTE_AT_IDENTITY, VOTE_AT_HARD, &wire_log_identity_type, &vote.identity) ||
        !message_get(at, VOTE_AT_HARD, SECTOR_BODY_SIZE, &wire_hard_state_type, &vote.hard))
        return VOTE_BAD;
    *ret = vote;
    return VOTE_GOOD;
}

bool hard_newer(const struct wire_hard_state *x, const struct wire_hard_state *y) {
    static const struct raft_id nobody = {0};
    if (x->term != y->term)
        return x->term > y->term;
    return raft_id_equal(&y->vote, &nobody) && !raft_id_equal(&x->vote, &nobody);
}
