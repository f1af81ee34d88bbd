/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "rig.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- tests --------------------------------------------------------------------------------------------- */

Test(store, writes_are_in_the_file_when_their_ticket_is_told) {
    struct rig *r = rig_begin();
    create(r, "log-1", 4096);
    put(r, "log-1", 0, "hello");
    put(r, "log-1", 5, " world");
    flush(r, 7);
    struct store_done done = next_done(r);
    cr_assert_eq(done.ticket, 7);
    cr_assert_eq(done.error, 0);
    file_is(r, "log-1", "hello world");
    cr_assert_eq(store_backlog_bytes(r->store), 0);
    rig_end(r);
}

Test(store, one_flush_covers_all_files_written_and_no_other) {
    struct rig *r = rig_begin();
    create(r, "log-1", 512);
    create(r, "vote-0", 512);
    create(r, "vote-1", 512);
    put(r, "log-1", 0, "x");
    put(r, "vote-0", 0, "y");
    flush(r, 1);
    next_done(r);
    r->trace[0] = 0; /* the other thread may still be busy with what it made: its fsyncs may come yet */
    put(r, "log-1", 1, "z");
    flush(r, 2);
    next_done(r);
    cr_assert(strstr(r->trace, "fdatasync log-1;"), "%s", r->trace);
    cr_assert_not(strstr(r->trace, "fdatasync vote"), "%s", r->trace);
    rig_end(r);
}

Test(store, directory_and_files_are_for_their_owner_only_and_closed_on_exec) {
    struct rig *r = rig_begin();
    struct stat status;
    char path[200];
    create(r, "log-1", 512);
    put(r, "log-1", 0, "x");
    replace(r, "cluster", "keys", 1);
    next_done(r);
    cr_assert_eq(stat(r->path, &status), 0);
    cr_assert_eq(status.st_mode & 07777, 0700);
    static const char *const names[] = {"log-1", "cluster", "lock"};
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", r->path, names[i]);
        cr_assert_eq(stat(path, &status), 0, "%s", path);
        cr_assert_eq(status.st_mode & 07777, 0600, "%s", path);
    }
    unsigned ours_count = 0;
    for (int fd = 0; fd < 256; fd++) {
        char name[128], link[64], target[256];
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t size = readlink(link, target, sizeof target - 1);
        if (size < 0)
            continue;
        target[size] = 0;
        name_of(fd, name);
        if (strncmp(target, r->path, strlen(r->path)) != 0 && fd != store_fd(r->store))
            continue;
        ours_count++;
        cr_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC, "%s", name);
    }
    cr_assert_geq(ours_count, 4, "directory, lock, eventfd, log-1");
    rig_end(r);
}

Test(store, a_second_one_on_the_directory_is_refused_with_the_first_ones_pid) {
    struct rig *r = rig_begin();
    struct store_options options = {.directory = r->path};
    struct store *second = NULL;
    char text[256] = "", pid[32];
    cr_assert_eq(store_open(&options, &second, text, sizeof text), ERR_BUSY);
    snprintf(pid, sizeof pid, "pid %ld;", (long)getpid());
    cr_assert_not_null(strstr(text, pid), "%s", text);
    cr_assert_not_null(strstr(text, r->path), "%s", text);
    rig_close(r);
    cr_assert_eq(store_open(&options, &second, text, sizeof text), 0, "%s", text);
    store_close(second);
    rig_end(r);
}

Test(store, gives_back_its_files_by_name_and_no_others) {
    struct rig *r = rig_begin();
    replace(r, "vote-0", "v", 1);
    replace(r, "journal", "j", 2);
    replace(r, "notes", "not ours", 3);
    replace(r, "log-0000000000000001", "l", 4);
    for (unsigned i = 0; i < 4; i++)
        next_done(r);
    rig_close(r);
    rig_open(r);
    size_t count;
    const struct disk_file *files = store_files(r->store, &count);
    cr_assert_eq(count, 3);
    cr_assert_str_eq(files[0].name, "journal");
    cr_assert_str_eq(files[1].name, "log-0000000000000001");
    cr_assert_str_eq(files[2].name, "vote-0");
    cr_assert(bytes_is(files[1].data, "l"));
    store_files_release(r->store);
    store_files(r->store, &count);
    cr_assert_eq(count, 0);
    rig_end(r);
}

/* The rest of the files, and of the file, is still of use. */
Test(store, a_sector_that_cannot_be_read_is_damage_and_no_reason_not_to_start) {
    struct rig *r = rig_begin();
    char text[2600];
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = 0;
    replace(r, "cluster", "c", 1);
    replace(r, "journal", text, 2);
    next_done(r);
    next_done(r);
    rig_close(r);
    r->unreadable = "journal";
    rig_open(r);
    size_t count;
    const struct disk_file *files = store_files(r->store, &count);
    cr_assert_eq(count, 2);
    cr_assert(bytes_is(files[0].data, "c"));
    cr_assert_eq(files[1].data.size, sizeof text - 1);
    for (size_t i = 0; i < files[1].data.size; i++)
        cr_assert_eq(files[1].data.data[i], i < 1024 || i >= 1536 ? 'a' : 0xff, "at %zu", i);
    rig_end(r);
}

Test(store, what_is_set_aside_goes_on_under_another_name_and_is_not_read) {
    struct rig *r = rig_begin();
    replace(r, "log-1", "first", 1);
    submit(r, (struct disk_op){.kind = DISK_SET_ASIDE}, "log-1", NULL);
    submit(r, (struct disk_op){.kind = DISK_SET_ASIDE}, "log-nothing", NULL);
    replace(r, "log-1", "second", 2);
    next_done(r);
    next_done(r);
    file_is(r, "bad-log-1", "first");
    file_is(r, "log-1", "second");
    cr_assert_not_null(strstr(r->trace, "rename bad-log-1;fsync data;"), "%s", r->trace);
    submit(r, (struct disk_op){.kind = DISK_SET_ASIDE}, "log-1", NULL);
    flush(r, 3);
    next_done(r);
    rig_close(r);
    file_is(r, "bad-log-1", "second");
    rig_open(r);
    size_t count;
    store_files(r->store, &count);
    cr_assert_eq(count, 0);
    rig_end(r);
}

Test(store, refuses_to_read_more_than_it_may) {
    struct rig *r = rig_begin();
    create(r, "log-1", 4096);
    flush(r, 1);
    next_done(r);
    rig_close(r);
    struct store_options options = {.directory = r->path, .read_bytes_max = 4095};
    char text[256] = "";
    cr_assert_eq(store_open(&options, &r->store, text, sizeof text), ERR_LIMIT);
    cr_assert_not_null(strstr(text, "log-1"), "%s", text);
    r->store = NULL;
    rig_end(r);
}

Test(store, a_directory_that_cannot_be_made_is_told_with_its_path) {
    struct store_options options = {.directory = "/proc/nothing/here"};
    struct store *s = NULL;
    char text[256] = "";
    cr_assert_eq(store_open(&options, &s, text, sizeof text), ERR_IO);
    cr_assert_not_null(strstr(text, "/proc/nothing/here: cannot be made: "), "%s", text);
}

Test(store, bytes_that_last_are_written_from_where_they_are) {
    struct rig *r = rig_begin();
    char text[] = "much";
    struct disk_op op = {.kind = DISK_REPLACE, .lasting = true, .ticket = 1, .data = bytes_str(text)};
    submit(r, op, "snapshot-1", NULL);
    next_done(r);
    file_is(r, "snapshot-1", "much");
    op.lasting = false;
    op.ticket = 2;
    submit(r, op, "snapshot-1", NULL);
    memset(text, 'x', 4); /* of others there is a copy */
    next_done(r);
    file_is(r, "snapshot-1", "much");
    rig_end(r);
}

Test(store, replacing_keeps_the_old_file_until_the_new_one_is_whole) {
    struct rig *r = rig_begin();
    replace(r, "cluster", "first", 1);
    next_done(r);
    cr_assert_not_null(strstr(r->trace, "write cluster.tmp;fsync cluster.tmp;rename cluster;fsync data;"),
                       "%s", r->trace);
    r->fail_call = "rename";
    r->fail_errno = EIO;
    replace(r, "cluster", "second", 2);
    cr_assert_eq(next_done(r).error, ERR_IO);
    rig_close(r);
    file_is(r, "cluster", "first");
    r->fail_call = NULL;
    rig_open(r);
    char path[200];
    snprintf(path, sizeof path, "%s/cluster.tmp", r->path);
    cr_assert_eq(access(path, F_OK), -1, "what was left over is removed at the next start");
    rig_end(r);
}

Test(store, what_replaces_a_file_is_read_back_before_the_old_one_goes) {
    struct rig *r = rig_begin();
    char text[2600];
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = 0;
    replace(r, "snapshot-1", "old", 1);
    next_done(r);
    r->altered = "snapshot-1.tmp";
    replace(r, "snapshot-1", text, 2);
    cr_assert_eq(next_done(r).error, ERR_IO);
    rig_close(r);
    file_is(r, "snapshot-1", "old");
    rig_end(r);
}

Test(store, tickets_of_10000_batches_come_in_order) {
    struct rig *r = rig_begin();
    struct store_calls fast = r->calls;
    rig_close(r);
    fast = store_calls_system;
    struct store_options options = {.directory = r->path, .calls = &fast};
    char text[256], number[16];
    cr_assert_eq(store_open(&options, &r->store, text, sizeof text), 0, "%s", text);
    create(r, "log-1", 8 * 10000);
    uint64_t told = 0;
    struct store_done done;
    for (uint64_t ticket = 1; ticket <= 10000; ticket++) {
        snprintf(number, sizeof number, "%08llu", (unsigned long long)ticket);
        cr_assert_eq(put(r, "log-1", 8 * (ticket - 1), number), 0);
        cr_assert_eq(flush(r, ticket), 0);
        while (store_poll(r->store, &done))
            cr_assert_eq(done.ticket, ++told);
    }
    while (told < 10000)
        cr_assert_eq(next_done(r).ticket, ++told);
    cr_assert_not(store_poll(r->store, &done));
    char path[200], data[80000];
    snprintf(path, sizeof path, "%s/log-1", r->path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    cr_assert_eq(read(fd, data, sizeof data), (ssize_t)sizeof data);
    close(fd);
    for (uint64_t ticket = 1; ticket <= 10000; ticket++) {
        snprintf(number, sizeof number, "%08llu", (unsigned long long)ticket);
        cr_assert_eq(memcmp(data + 8 * (ticket - 1), number, 8), 0);
    }
    rig_end(r);
}

Test(store, a_write_waits_for_its_file_to_be_made_durably) {
    struct rig *r = rig_begin();
    create(r, "log-1", 600000);
    put(r, "log-1", 0, "x");
    flush(r, 1);
    next_done(r);
    cr_assert_str_eq(r->trace,
                     "open log-1;write log-1;fdatasync log-1;write log-1;fdatasync log-1;write log-1;"
                     "fsync log-1;fsync data;"
                     "open log-1;write log-1;fdatasync log-1;");
    rig_end(r);
}

Test(store, a_flush_does_not_wait_for_a_file_that_is_made_ahead) {
    struct rig *r = rig_begin();
    create(r, "log-1", 512);
    r->hold_name = "log-2";
    put(r, "log-1", 0, "x");
    flush(r, 1);
    create(r, "log-2", 1 << 20);
    put(r, "log-1", 1, "y");
    flush(r, 2);
    cr_assert_eq(next_done(r).ticket, 1);
    cr_assert_eq(next_done(r).ticket, 2, "while log-2 is held up");
    put(r, "log-2", 0, "z");
    flush(r, 3);
    pthread_mutex_lock(&r->mutex);
    r->released = true;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->mutex);
    cr_assert_eq(next_done(r).ticket, 3);
    file_is(r, "log-2", "z");
    rig_end(r);
}

/* log-1 is in use; for log-2, made ahead, there is no room. */
static struct rig *no_room(void) {
    struct rig *r = rig_begin();
    create(r, "log-0", 512);
    create(r, "log-1", 512);
    put(r, "log-1", 0, "x");
    flush(r, 1);
    cr_assert_eq(next_done(r).ticket, 1);
    r->fail_name = "log-2";
    r->fail_errno = ENOSPC;
    r->fail_call = "write";
    create(r, "log-2", 1000000);
    struct store_done done = next_done(r);
    cr_assert(done.ticket == 0 && done.error == 0 && strstr(done.text, "/log-2: making it ahead: No space"),
              "%s", done.text);
    put(r, "log-1", 0, "y");
    flush(r, 2);
    cr_assert_eq(next_done(r).ticket, 2, "the log goes on in the file that it has");
    return r;
}

static void room_again(struct rig *r) {
    pthread_mutex_lock(&r->mutex);
    r->fail_call = NULL;
    pthread_mutex_unlock(&r->mutex);
}

Test(store, no_room_to_make_a_file_ahead_fails_when_it_is_written_to) {
    struct rig *r = no_room();
    put(r, "log-2", 0, "z");
    flush(r, 3);
    struct store_done done = next_done(r);
    cr_assert_eq(done.error, ERR_NO_SPACE, "%s", done.text);
    rig_end(r);
}

Test(store, a_file_for_which_there_was_no_room_is_made_when_it_is_needed) {
    struct rig *r = no_room();
    room_again(r);
    put(r, "log-2", 5, "z");
    flush(r, 3);
    cr_assert_eq(next_done(r).ticket, 3);
    file_is(r, "log-2", "");
    rig_end(r);
}

Test(store, a_file_for_which_there_was_no_room_is_made_when_another_is_removed) {
    struct rig *r = no_room();
    room_again(r);
    submit(r, (struct disk_op){.kind = DISK_REMOVE}, "log-0", NULL);
    rig_close(r);
    char path[200];
    struct stat status;
    snprintf(path, sizeof path, "%s/log-2", r->path);
    cr_assert(stat(path, &status) == 0 && status.st_size == 1000000);
    rig_end(r);
}

Test(store, a_file_that_is_removed_before_there_was_room_for_it_is_never_made) {
    struct rig *r = no_room();
    room_again(r);
    submit(r, (struct disk_op){.kind = DISK_REMOVE}, "log-2", NULL);
    submit(r, (struct disk_op){.kind = DISK_REMOVE}, "log-0", NULL);
    rig_close(r);
    char path[200];
    snprintf(path, sizeof path, "%s/log-2", r->path);
    cr_assert_eq(access(path, F_OK), -1);
    rig_end(r);
}

Test(store, a_file_made_again_after_its_removal_is_of_zeros) {
    struct rig *r = rig_begin();
    create(r, "log-1", 512);
    put(r, "log-1", 0, "old");
    flush(r, 1);
    submit(r, (struct disk_op){.kind = DISK_REMOVE}, "log-1", NULL);
    submit(r, (struct disk_op){.kind = DISK_REMOVE}, "log-nothing", NULL);
    create(r, "log-1", 512);
    put(r, "log-1", 3, "new");
    flush(r, 2);
    next_done(r);
    cr_assert_eq(next_done(r).ticket, 2);
    char path[200], data[6];
    snprintf(path, sizeof path, "%s/log-1", r->path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    cr_assert_eq(read(fd, data, 6), 6);
    close(fd);
    cr_assert_eq(memcmp(data, "\0\0\0new", 6), 0);
    rig_end(r);
}

Test(store, short_writes_are_gone_on_with) {
    struct rig *r = rig_begin();
    r->write_max = 3;
    create(r, "log-1", 20);
    put(r, "log-1", 0, "hello world");
    flush(r, 1);
    replace(r, "cluster", "abcdefghij", 2);
    cr_assert_eq(next_done(r).ticket, 1);
    cr_assert_eq(next_done(r).ticket, 2);
    file_is(r, "log-1", "hello world");
    file_is(r, "cluster", "abcdefghij");
    rig_end(r);
}

/* ---- failures ------------------------------------------------------------------------------------------ */

/* A batch goes through, then the call fails; whatever was under way, the store says so once and is silent
 * after. */
static void failure_check(const char *call, const char *name, unsigned after, int system_error, int wanted,
                          const char *text) {
    struct rig *r = rig_begin();
    create(r, "log-1", 512);
    put(r, "log-1", 0, "x");
    flush(r, 1);
    cr_assert_eq(next_done(r).ticket, 1);
    pthread_mutex_lock(&r->mutex);
    r->fail_call = call;
    r->fail_name = name;
    r->fail_after = after;
    r->fail_errno = system_error;
    pthread_mutex_unlock(&r->mutex);
    create(r, "log-2", 512);
    put(r, "log-2", 0, "y");
    put(r, "log-1", 1, "y");
    replace(r, "cluster", "c", 0);
    submit(r, (struct disk_op){.kind = DISK_REMOVE}, "log-9", NULL);
    flush(r, 2);
    put(r, "log-1", 2, "z");
    flush(r, 3);
    struct store_done done = next_done(r);
    while (!done.error)
        done = next_done(r);
    cr_assert_eq(done.error, wanted, "%s %s: %d", call, name, done.error);
    cr_assert_not_null(strstr(done.text, text), "%s", done.text);
    cr_assert_not_null(strstr(done.text, r->path), "%s", done.text);
    cr_assert_eq(flush(r, 4), wanted, "refused from then on");
    cr_assert_eq(store_backlog_bytes(r->store) > 100, false);
    struct store *s = r->store;
    cr_assert_not(store_poll(s, &done), "told once, nothing after");
    unsigned syncs_count = r->syncs_count;
    rig_close(r);
    cr_assert_leq(r->syncs_count, syncs_count + 2, "no flush is tried again");
    rig_end(r);
}

Test(store_failure, of_a_write_ends_it) {
    failure_check("write", "log-1", 0, EIO, ERR_IO, "log-1: writing it: Input/output error");
}
Test(store_failure, of_a_flush_ends_it) {
    failure_check("fdatasync", "log-1", 0, EIO, ERR_IO, "log-1: flushing it: Input/output error");
}
Test(store_failure, of_opening_ends_it) {
    failure_check("open", "log-2", 1, EMFILE, ERR_IO, "log-2: writing it: ");
}
Test(store_failure, of_making_a_file_ends_it) {
    failure_check("write", "log-2", 0, ENOSPC, ERR_NO_SPACE, "log-2: making it: No space left on device");
}
Test(store_failure, of_flushing_a_new_file_ends_it) {
    failure_check("fsync", "log-2", 0, EIO, ERR_IO, "log-2: making it: Input/output error");
}
Test(store_failure, of_flushing_the_directory_ends_it) {
    failure_check("fsync", "data", 0, EIO, ERR_IO, "Input/output error");
}
Test(store_failure, of_a_replacement_ends_it) {
    failure_check("write", "cluster.tmp", 0, ENOSPC, ERR_NO_SPACE,
                  "cluster: replacing it: No space left on device");
}
Test(store_failure, of_renaming_ends_it) {
    failure_check("rename", "cluster", 0, EIO, ERR_IO, "cluster: replacing it: Input/output error");
}
Test(store_failure, of_removing_ends_it) {
    failure_check("unlink", "log-9", 0, EACCES, ERR_IO, "log-9: removing it: Permission denied");
}

Test(store_failure, of_a_quota_is_no_space) {
    failure_check("write", "log-1", 0, EDQUOT, ERR_NO_SPACE, "log-1: writing it: ");
}

Test(store_failure, a_flush_that_failed_is_not_tried_again) {
    struct rig *r = rig_begin();
    create(r, "log-1", 512);
    flush(r, 1);
    next_done(r);
    r->fail_call = "fdatasync";
    r->fail_errno = EIO;
    put(r, "log-1", 0, "x");
    flush(r, 2);
    flush(r, 3);
    flush(r, 4);
    cr_assert_eq(next_done(r).error, ERR_IO);
    rig_close(r);
    const char *first = strstr(r->trace, "fdatasync log-1;");
    cr_assert_not_null(first);
    cr_assert_null(strstr(first + 1, "fdatasync"), "%s", r->trace);
    rig_end(r);
}

/* ---- with the log -------------------------------------------------------------------------------------- */

static void drain(struct rig *r, struct wal *w) {
    struct disk_op op;
    while (wal_drain(w, &op))
        cr_assert_eq(store_submit(r->store, &op), 0);
}

Test(store, a_log_written_through_it_is_there_at_the_next_start) {
    struct rig *r = rig_begin();
    struct wal_options options = {.identity = {.node = {{1}}, .log = {{2}}}, .segment_size_bytes = 65536};
    for (uint64_t life = 0; life < 3; life++) {
        size_t files_count;
        const struct disk_file *files = store_files(r->store, &files_count);
        struct arena arena = {0};
        struct wal_recovery recovery;
        wal_recover(files, files_count, &options.identity, &arena, &recovery);
        cr_assert_eq(recovery.verdict, life ? WAL_CLEAN : WAL_EMPTY, "%s", recovery.text);
        cr_assert_eq(recovery.entries_count, 200 * life);
        struct wal *w = wal_new(&options, files, files_count);
        store_files_release(r->store);
        for (uint64_t i = 1; i <= 200; i++) {
            struct wire_raft_entry entry = {
                .index = 200 * life + i, .term = 1, .data = bytes_str("some command")};
            cr_assert_eq(wal_append(w, i, NULL, 0, &entry, 1), 0);
            drain(r, w);
        }
        for (uint64_t i = 1; i <= 200; i++)
            cr_assert_eq(next_done(r).ticket, i);
        wal_free(w);
        arena_done(&arena);
        rig_close(r);
        rig_open(r);
    }
    rig_end(r);
}
