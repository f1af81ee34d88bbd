/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include <covey/codec.h>
#include <criterion/criterion.h>

#include "../../../src/wal/sector.h"
#include "rig.h"

static struct wire_snapshot_header header_make(struct raft_id *voters) {
    voters[0] = rig_voter(1);
    voters[1] = rig_voter(2);
    return (struct wire_snapshot_header){.identity = rig_identity(1),
                                         .index = 70000,
                                         .term = 12,
                                         .config = {.voters = voters, .voters_count = 2}};
}

static int decode(struct bytes file, const struct wire_log_identity *expected, struct arena *a,
                  struct wire_snapshot_header *h, struct bytes *state) {
    char text[100] = "";
    int error = snapshot_decode(file, expected, a, h, state, text, sizeof text);
    cr_assert((error == 0) == (text[0] == 0), "%d: %s", error, text);
    return error;
}

Test(snapshot, comes_back_as_it_was) {
    struct raft_id voters[2];
    struct wire_snapshot_header header = header_make(voters), h;
    struct buf file = {0};
    struct arena a = {0};
    struct bytes state;
    struct wire_log_identity identity = rig_identity(1);
    snapshot_encode(&header, bytes_str("the state"), &file);
    cr_assert_eq(decode(buf_bytes(&file), &identity, &a, &h, &state), 0);
    cr_assert(bytes_is(state, "the state"));
    cr_assert_eq(h.checksum, crc32c(0, "the state", 9));
    cr_assert_eq(h.size, 9);
    h.size = h.checksum = 0;
    cr_assert(codec_equal(&wire_snapshot_header_type, &h, &header));
    arena_done(&a);
    buf_done(&file);
}

Test(snapshot, of_an_empty_state_comes_back) {
    struct wire_snapshot_header header = {.index = 1}, h;
    struct buf file = {0};
    struct arena a = {0};
    struct bytes state;
    snapshot_encode(&header, (struct bytes){0}, &file);
    cr_assert_eq(decode(buf_bytes(&file), NULL, &a, &h, &state), 0);
    cr_assert_eq(state.size, 0);
    arena_done(&a);
    buf_done(&file);
}

Test(snapshot, each_flipped_bit_and_each_cut_is_corrupt) {
    struct raft_id voters[2];
    struct wire_snapshot_header header = header_make(voters), h;
    struct buf file = {0};
    struct arena a = {0};
    struct bytes state;
    snapshot_encode(&header, bytes_str("some bytes of a state"), &file);
    for (size_t bit = 0; bit < file.size * 8; bit++) {
        file.data[bit / 8] = (uint8_t)(file.data[bit / 8] ^ 1u << bit % 8);
        cr_assert_eq(decode(buf_bytes(&file), NULL, &a, &h, &state), ERR_CORRUPT, "bit %zu", bit);
        file.data[bit / 8] = (uint8_t)(file.data[bit / 8] ^ 1u << bit % 8);
    }
    for (size_t size = 0; size < file.size; size++)
        cr_assert_eq(decode(bytes_of(file.data, size), NULL, &a, &h, &state), ERR_CORRUPT, "cut to %zu",
                     size);
    buf_append_byte(&file, 0);
    cr_assert_eq(decode(buf_bytes(&file), NULL, &a, &h, &state), ERR_CORRUPT, "a byte too many");
    arena_done(&a);
    buf_done(&file);
}

Test(snapshot, of_another_cluster_node_or_log_is_refused) {
    struct raft_id voters[2];
    struct wire_snapshot_header header = header_make(voters), h;
    struct buf file = {0};
    struct arena a = {0};
    struct bytes state;
    snapshot_encode(&header, bytes_str("x"), &file);
    for (unsigned part = 0; part < 3; part++) {
        struct wire_log_identity other = rig_identity(1);
        (part == 0 ? other.cluster.b : part == 1 ? other.node.b : other.log.b)[0] ^= 1;
        cr_assert_eq(decode(buf_bytes(&file), &other, &a, &h, &state), ERR_DENIED);
    }
    struct wire_log_identity any_log = rig_identity(1);
    any_log.log = (struct log_id){0};
    cr_assert_eq(decode(buf_bytes(&file), &any_log, &a, &h, &state), 0);
    arena_done(&a);
    buf_done(&file);
}

Test(snapshot, of_a_later_format_is_told_as_such) {
    struct wire_snapshot_header header = {.index = 1}, h;
    struct buf file = {0};
    struct arena a = {0};
    struct bytes state;
    snapshot_encode(&header, (struct bytes){0}, &file);
    put_u32(file.data + 8, 2);
    put_u32(file.data + file.size - 4, crc32c(0, file.data, file.size - 4));
    cr_assert_eq(decode(buf_bytes(&file), NULL, &a, &h, &state), ERR_VERSION);
    arena_done(&a);
    buf_done(&file);
}

Test(snapshot, names_are_read_as_they_are_made) {
    char name[WAL_NAME_SIZE];
    uint64_t index = 0;
    snapshot_name(UINT64_C(0x1234567890abcdef), name);
    cr_assert_str_eq(name, "snapshot-1234567890abcdef");
    cr_assert(snapshot_name_parse(name, &index));
    cr_assert_eq(index, UINT64_C(0x1234567890abcdef));
    static const char *const bad[] = {"snapshot-",
                                      "snapshot-1234567890ABCDEF",
                                      "snapshot-1234567890abcde",
                                      "snapshot-1234567890abcdef0",
                                      "log-1234567890abcdef00000",
                                      "snapshot-1234567890abcdeg"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char wrong[WAL_NAME_SIZE] = {0};
        memcpy(wrong, bad[i], strlen(bad[i]));
        cr_assert_not(snapshot_name_parse(wrong, &index), "%s", bad[i]);
    }
}

Test(snapshot, the_cluster_file_comes_back_and_its_flipped_bits_are_found) {
    struct prng p;
    struct arena a = {0};
    struct wire_node_files_keys keys, again;
    struct buf file = {0};
    char text[100];
    prng_init(&p, 4);
    codec_random(&wire_node_files_keys_type, &p, &a, &keys, 80);
    cluster_file_encode(&keys, &file);
    cr_assert_eq(cluster_file_decode(buf_bytes(&file), &a, &again, text, sizeof text), 0);
    cr_assert(codec_equal(&wire_node_files_keys_type, &keys, &again));
    for (size_t bit = 0; bit < file.size * 8; bit++) {
        file.data[bit / 8] = (uint8_t)(file.data[bit / 8] ^ 1u << bit % 8);
        cr_assert_eq(cluster_file_decode(buf_bytes(&file), &a, &again, text, sizeof text), ERR_CORRUPT);
        file.data[bit / 8] = (uint8_t)(file.data[bit / 8] ^ 1u << bit % 8);
    }
    arena_done(&a);
    buf_done(&file);
}
