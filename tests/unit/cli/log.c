/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* covey log: what is said of files that the log's own writer made, whole and damaged. */
#include <criterion/criterion.h>

#include <stdlib.h>

#include "../../../src/cli/log.h"
#include "world.h"

#define FILES_MAX 16

/* A disk in memory. */
struct made {
    struct disk_file files[FILES_MAX]; /* data is owned */
    size_t count;
    struct arena arena;
};

static uint8_t *made_bytes(struct disk_file *f) { return (uint8_t *)(uintptr_t)f->data.data; }

static struct disk_file *made_find(struct made *m, const char *name) {
    for (size_t i = 0; i < m->count; i++)
        if (strcmp(m->files[i].name, name) == 0)
            return &m->files[i];
    return NULL;
}

static struct disk_file *made_add(struct made *m, const char *name, size_t size) {
    struct disk_file *f = made_find(m, name);
    if (f == NULL)
        f = &m->files[m->count++];
    cr_assert_leq(m->count, FILES_MAX);
    mem_free(made_bytes(f));
    *f = (struct disk_file){.data = bytes_of(mem_alloc(size + 1), size)};
    memcpy(f->name, name, strlen(name));
    return f;
}

static void made_apply(struct made *m, struct wal *w) {
    struct disk_op op;
    while (wal_drain(w, &op)) {
        struct disk_file *f = made_find(m, op.name);
        if (op.kind == DISK_CREATE)
            made_add(m, op.name, op.size);
        else if (op.kind == DISK_WRITE)
            memcpy(made_bytes(f) + op.offset, op.data.data, op.data.size);
        else if (op.kind == DISK_REPLACE)
            memcpy(made_bytes(made_add(m, op.name, op.data.size)), op.data.data, op.data.size);
        else if (op.kind == DISK_REMOVE && f != NULL) {
            mem_free(made_bytes(f));
            *f = m->files[--m->count];
        }
    }
}

static const struct wire_log_identity identity = {
    .cluster = {{0xc1}}, .node = {{0x0d, 0xe0}}, .log = {{0x10, 0x9a}}};

/* Small segments: entries of 300 bytes, one a batch. */
static void made_log(struct made *m, uint64_t entries_count) {
    struct wal_options options = {.identity = identity, .segment_size_bytes = 4096};
    struct wal *w = wal_new(&options, NULL, 0);
    struct wire_cmd_var var = {.key = bytes_str("k"), .value = bytes_str("the value")};
    struct wire_command command = {.var = &var};
    struct buf data = {0};
    struct wire_hard_state hard = {
        .term = 3, .vote = {.node = identity.node, .log = identity.log}, .commit = 0};
    codec_encode(&wire_command_type, &command, &data);
    for (uint64_t i = 1; i <= entries_count; i++) {
        struct wire_raft_entry e = {
            .index = i, .term = 3, .kind = ENTRY_KIND_COMMAND, .data = buf_bytes(&data)};
        cr_assert_eq(wal_append(w, i, i == 1 ? &hard : NULL, 0, &e, 1), 0);
        made_apply(m, w);
    }
    wal_free(w);
    buf_done(&data);
}

static void made_cluster(struct made *m, const char *name) {
    static const uint8_t key[32] = {0x5e, 0xc4, 0xe7};
    struct wire_secret_key secret = {.key_id = 1};
    memcpy(&secret.key, key, sizeof key < sizeof secret.key ? sizeof key : sizeof secret.key);
    struct wire_node_files_keys keys = {
        .cluster = {.id = identity.cluster, .generation = 1, .gossip_keys = &secret, .gossip_keys_count = 1},
        .log = identity.log,
        .begun = true};
    struct buf file = {0};
    cluster_file_encode(&keys, &file);
    memcpy(made_bytes(made_add(m, name, file.size)), file.data, file.size);
    buf_done(&file);
}

static struct made made_folder(uint64_t entries_count) {
    struct made m = {0};
    made_log(&m, entries_count);
    made_cluster(&m, CLUSTER_FILE_NAME);
    made_cluster(&m, CLUSTER_COPY_NAME);
    return m;
}

static void made_done(struct made *m) {
    for (size_t i = 0; i < m->count; i++)
        mem_free(made_bytes(&m->files[i]));
    arena_done(&m->arena);
}

static struct cli_log judged(struct made *m, struct cli_log_files *files) {
    struct cli_log log;
    *files = (struct cli_log_files){.list = m->files, .count = m->count};
    cli_log_judge(files, &m->arena, &log);
    return log;
}

Test(cli_log, a_whole_log_is_good_segment_by_segment) {
    struct made m = made_folder(9);
    struct cli_log_files files;
    struct cli_log log = judged(&m, &files);
    struct buf out = {0};
    cli_view_log(&log, "/data", &out);
    cr_assert_not(log.damaged);
    EXPECT_TEXT(
        &out,
        "SEGMENT               STATE  SIZE   ENTRIES  TERMS  BATCHES  END   NOTE\n"
        "log-0000000000000001  live   4 KiB  1-7      3-3    7        4096  closed\n"
        "log-0000000000000002  live   4 KiB  8-9      3-3    2        1536  -\n"
        "log-0000000000000003  spare  4 KiB  -        -      -        -     -\n"
        "vote-0: whole, term 3, vote 0de00000, the log durable up to log-0000000000000001 offset 4096\n"
        "vote-1: whole, term 3, vote 0de00000, the log durable up to log-0000000000000001 offset 4096\n"
        "cluster: whole, cluster c1000000, generation 1, log 109a0000, 0 other hosts\n"
        "cluster-copy: whole, cluster c1000000, generation 1, log 109a0000, 0 other hosts\n"
        "log: 109a0000 of host 0de00000, entries 1 to 9, term 3, vote 0de00000, committed at least to 0\n"
        "/data: good: the log is whole\n");
    made_done(&m);
}

Test(cli_log, a_torn_tail_is_good_and_said) {
    struct made m = made_folder(4);
    struct cli_log_files files;
    struct disk_file *f = made_find(&m, "log-0000000000000001");
    /* Of a batch of two sectors the second was written and the first was not: the fifth, as a crash leaves
     * it. */
    struct wal_options options = {.identity = identity, .segment_size_bytes = 4096};
    struct wal *w = wal_new(&options, m.files, m.count);
    uint8_t data[700] = {1};
    struct wire_raft_entry e = {.index = 5, .term = 3, .data = bytes_of(data, sizeof data)};
    struct disk_op op;
    while (wal_drain(w, &op))
        ;
    cr_assert_eq(wal_append(w, 1, NULL, 0, &e, 1), 0);
    cr_assert(wal_drain(w, &op));
    cr_assert_eq(op.kind, DISK_WRITE);
    cr_assert_eq(op.data.size, 1024);
    memcpy(made_bytes(f) + op.offset + 512, op.data.data + 512, 512);
    wal_free(w);
    struct cli_log log = judged(&m, &files);
    struct buf out = {0};
    cli_view_log(&log, "/data", &out);
    cr_assert_not(log.damaged, "%s", buf_str(&out));
    cr_assert(strstr(buf_str(&out), "a torn tail: a crash cut a batch that nobody was told of") != NULL);
    cr_assert(strstr(buf_str(&out),
                     "/data: good: log-0000000000000001 at offset 2560: a crash cut a batch") != NULL,
              "%s", buf_str(&out));
    buf_done(&out);
    made_done(&m);
}

Test(cli_log, a_flipped_bit_is_damage_with_file_and_offset_and_what_to_do) {
    struct made m = made_folder(4);
    struct cli_log_files files;
    made_bytes(made_find(&m, "log-0000000000000001"))[1100] ^= 4;
    struct cli_log log = judged(&m, &files);
    struct buf out = {0};
    cli_view_log(&log, "/data", &out);
    cr_assert(log.damaged);
    cr_assert(strstr(buf_str(&out), "damaged") != NULL);
    cr_assert(strstr(buf_str(&out), "at offset 1024: a sector's checksum is wrong") != NULL, "%s",
              buf_str(&out));
    cr_assert(strstr(buf_str(&out), "/data: DAMAGED: log-0000000000000001 at offset 1024") != NULL);
    cr_assert(strstr(buf_str(&out), "join again under a new log id") != NULL);
    buf_clear(&out);
    cli_json_log(&log, "/data", &out);
    cr_assert(strstr(buf_str(&out), "\"damaged\":true,\"verdict\":\"corrupt\"") != NULL);
    cr_assert(strstr(buf_str(&out), "\"fault_offset\":1024,\"fault\":\"a sector's checksum is wrong\"") !=
              NULL);
    buf_done(&out);
    made_done(&m);
}

Test(cli_log, a_damaged_copy_of_the_vote_or_of_cluster_is_damage_though_the_agent_goes_on) {
    static const char *const names[] = {"vote-1", CLUSTER_FILE_NAME, CLUSTER_COPY_NAME};
    for (size_t i = 0; i < 3; i++) {
        struct made m = made_folder(2);
        struct cli_log_files files;
        made_bytes(made_find(&m, names[i]))[30] ^= 1;
        struct cli_log log = judged(&m, &files);
        cr_assert(log.damaged, "%s", names[i]);
        cr_assert_eq(log.view.recovery.verdict, WAL_CLEAN, "%s", names[i]);
        cr_assert(strstr(log.text, names[i]) != NULL, "%s", log.text);
        made_done(&m);
    }
}

Test(cli_log, entries_behind_a_snapshot_that_is_not_whole_are_damage) {
    struct made m = {0};
    struct cli_log_files files;
    struct wal_options options = {.identity = identity, .segment_size_bytes = 4096};
    struct wal *w = wal_new(&options, NULL, 0);
    struct wire_hard_state hard = {.term = 3};
    cr_assert_eq(wal_reset(w, 1, 40, 3, &hard), 0);
    made_apply(&m, w);
    wal_free(w);
    made_cluster(&m, CLUSTER_FILE_NAME);
    made_cluster(&m, CLUSTER_COPY_NAME);
    struct wire_snapshot_header head = {.identity = identity, .index = 40, .term = 3};
    struct buf file = {0};
    snapshot_encode(&head, bytes_str("the state"), &file);
    memcpy(made_bytes(made_add(&m, "snapshot-0000000000000028", file.size)), file.data, file.size);
    cr_assert_not(judged(&m, &files).damaged);
    made_bytes(made_find(&m, "snapshot-0000000000000028"))[file.size - 1] ^= 1;
    struct cli_log log = judged(&m, &files);
    cr_assert(log.damaged);
    cr_assert_str_eq(log.snapshots[0].text, "the checksum of the state is wrong");
    cr_assert(strstr(log.text, "behind index 40, and no whole snapshot reaches there") != NULL, "%s",
              log.text);
    buf_done(&file);
    made_done(&m);
}

Test(cli_log, one_segment_is_judged_by_itself) {
    struct made m = made_folder(9);
    struct disk_file *second = made_find(&m, "log-0000000000000002");
    struct cli_log_files files = {.is_one = true, .list = second, .count = 1};
    struct cli_log log;
    cli_log_judge(&files, &m.arena, &log);
    cr_assert_not(log.damaged, "that the one before it is not there is nothing to blame it for");
    cr_assert_eq(log.view.segments[0].first_index, 8);
    made_bytes(second)[600] ^= 1;
    cli_log_judge(&files, &m.arena, &log);
    cr_assert(log.damaged);
    made_done(&m);
}

Test(cli_log, a_dump_has_every_record_and_no_secret) {
    struct made m = made_folder(2);
    struct cli_log_files files;
    struct cli_log log = judged(&m, &files);
    struct buf out = {0};
    cli_view_log_dump(&log, false, &m.arena, &out);
    cr_assert(strstr(buf_str(&out),
                     "log-0000000000000001 batch 1 start: segment 1\n"
                     "log-0000000000000001 batch 1 hard: term 3, vote 0de00000, commit 0\n"
                     "log-0000000000000001 batch 1 entry: index 1, term 3, command, ") == buf_str(&out));
    cr_assert(strstr(buf_str(&out), "\"key\":\"k\",\"value\":\"the value\"") != NULL);
    cr_assert(strstr(buf_str(&out), "log-0000000000000001 batch 2 commit: index 2\n") != NULL);
    cr_assert(strstr(buf_str(&out), "\"key\":\"(secret)\"") != NULL);
    buf_clear(&out);
    cli_view_log_dump(&log, true, &m.arena, &out);
    cr_assert(strstr(buf_str(&out),
                     "{\"file\":\"log-0000000000000001\",\"batch\":2,\"record\":\"entry\",\"index\":2,"
                     "\"term\":3,\"kind\":\"command\",\"size\":") != NULL);
    cr_assert(strstr(buf_str(&out), "5ec4e7") == NULL);
    buf_done(&out);
    made_done(&m);
}

static void made_journal(struct made *m, struct node_id node) {
    struct wire_journal_boot boot = {.generation = 5};
    struct wire_fact fact = {.instance = {{0xab}}, .state = INSTANCE_STATE_COMPLETE};
    struct wire_journal_record records[] = {{.boot = &boot}, {.fact = &fact}};
    struct journal *j = journal_new(&node, NULL, 0);
    struct disk_op op;
    cr_assert_eq(journal_append(j, 1, records, 2), 0);
    while (journal_drain(j, &op))
        if (op.kind == DISK_REPLACE)
            memcpy(made_bytes(made_add(m, op.name, op.data.size)), op.data.data, op.data.size);
        else if (op.kind == DISK_CREATE)
            made_add(m, op.name, op.size);
        else if (op.kind == DISK_WRITE)
            memcpy(made_bytes(made_find(m, op.name)) + op.offset, op.data.data, op.data.size);
    journal_free(j);
}

Test(cli_log, a_journal_is_shown_and_its_damage_told) {
    struct made m = made_folder(2);
    struct cli_log_files files;
    struct buf out = {0};
    made_journal(&m, identity.node);
    struct cli_log log = judged(&m, &files);
    cr_assert_not(log.damaged, "%s", log.text);
    cli_view_log(&log, "dir", &out);
    cr_assert_not_null(strstr(
        buf_str(&out), "journal: whole, run 5 of the agent, 1 end of instances that no snapshot has\n"));
    cli_view_log_dump(&log, true, &m.arena, &out);
    cr_assert_not_null(
        strstr(buf_str(&out), "{\"file\":\"journal\",\"record\":\"fact\",\"content\":{\"instance\":\"ab00"));
    made_bytes(made_find(&m, JOURNAL_FILE_NAME))[520] ^= 1;
    log = judged(&m, &files);
    cr_assert(log.damaged && strncmp(log.text, "journal: ", 9) == 0, "%s", log.text);
    made_journal(&m, (struct node_id){{0x77}});
    log = judged(&m, &files);
    cr_assert(log.damaged && strncmp(log.text, "journal: ", 9) == 0, "another host's: %s", log.text);
    buf_done(&out);
    made_done(&m);
}
