/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Commits a second through wal and store against the least that a log can do: one pwrite and one fdatasync
 * into a file of zeros, of the same number of bytes. The two take turns, 20 commits each, so that both meet
 * the same disk; a ratio of runs one after the other says nothing on a busy host.
 *
 *     bench_wal DIRECTORY [SECONDS [ENTRIES]]     a new directory on the disk in question; 4 s, 1 entry of
 * 256 bytes a commit
 */
#include <covey/store.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define TURN_COMMITS 20
#define BARE_SIZE    (64 << 20)
#define ENTRY_SIZE   256

struct side {
    uint64_t commits_count;
    int64_t spent_us;
};

static int64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * US_PER_S + t.tv_nsec / 1000;
}

static _Noreturn void fail(const char *what) {
    fprintf(stderr, "bench_wal: %s\n", what);
    exit(1);
}

static void log_begin(struct wal *w, struct store *s, uint64_t ticket, const struct wire_raft_entry *entries,
                      size_t entries_count) {
    struct disk_op op;
    if (wal_append(w, ticket, NULL, 0, entries, entries_count) != 0)
        fail("append");
    while (wal_drain(w, &op)) {
        if (store_submit(s, &op) != 0)
            fail("submit");
    }
}

/* Until the commit with this ticket is on the disk; what is made ahead is told of beside it. */
static void log_await(struct store *s, uint64_t ticket) {
    struct store_done done = {0};
    while (done.ticket < ticket) {
        if (!store_poll(s, &done)) {
            store_run(s);
            continue;
        }
        if (done.error)
            fail(done.text);
    }
}

static int bare_open(const char *directory) {
    char path[512];
    static uint8_t zeros[1 << 20];
    snprintf(path, sizeof path, "%s/bare", directory);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        fail(path);
    for (off_t at = 0; at < BARE_SIZE; at += (off_t)sizeof zeros) {
        if (pwrite(fd, zeros, sizeof zeros, at) != (ssize_t)sizeof zeros)
            fail(path);
    }
    if (fsync(fd) != 0)
        fail(path);
    return fd;
}

static void side_say(const char *name, const struct side *s) {
    printf("%-28s %9.0f commits/s  %7.1f us each\n", name,
           1e6 * (double)s->commits_count / (double)s->spent_us,
           (double)s->spent_us / (double)s->commits_count);
}

int main(int argc, char **argv) {
    if (argc < 2)
        fail("usage: bench_wal DIRECTORY [SECONDS [ENTRIES]]");
    double seconds = argc > 2 ? atof(argv[2]) : 4;
    size_t entries_count = argc > 3 ? (size_t)atoi(argv[3]) : 1;
    if (entries_count == 0)
        fail("ENTRIES begins at 1");
    struct store_options store_options = {.directory = argv[1]};
    struct wal_options wal_options = {.identity = {.log = {{1}}}};
    struct store *s = NULL;
    char text[256];
    if (store_open(&store_options, &s, text, sizeof text) != 0)
        fail(text);
    struct wal *w = wal_new(&wal_options, NULL, 0);
    struct wire_raft_entry *entries = mem_alloc(entries_count * sizeof *entries);
    uint8_t *data = mem_alloc(ENTRY_SIZE);
    memset(data, 0x5a, ENTRY_SIZE);
    int bare = bare_open(argv[1]);
    /* As many sectors as the log writes a commit: frames of 8 bytes, an entry's map of about 20, a marker
     * of 24. */
    size_t bare_size = ((entries_count * (ENTRY_SIZE + 32) + 24) / 504 + 1) * 512;
    uint8_t *bare_data = mem_alloc(bare_size);
    memset(bare_data, 0x5a, bare_size);
    struct side log = {0}, least = {0};
    uint64_t index = 0, ticket = 0;
    off_t offset = 0;
    int64_t end_us = now_us() + (int64_t)(seconds * 1e6);
    while (now_us() < end_us) {
        int64_t begin = now_us();
        for (unsigned i = 0; i < TURN_COMMITS; i++) {
            for (size_t k = 0; k < entries_count; k++)
                entries[k] =
                    (struct wire_raft_entry){.index = ++index, .term = 1, .data = bytes_of(data, ENTRY_SIZE)};
            log_begin(w, s, ++ticket, entries, entries_count);
            log_await(s, ticket);
        }
        log.commits_count += TURN_COMMITS;
        log.spent_us += now_us() - begin;
        wal_compact(w, index);
        begin = now_us();
        for (unsigned i = 0; i < TURN_COMMITS; i++) {
            if (offset + (off_t)bare_size > BARE_SIZE)
                offset = 0;
            if (pwrite(bare, bare_data, bare_size, offset) != (ssize_t)bare_size || fdatasync(bare) != 0)
                fail("bare file");
            offset += (off_t)bare_size;
        }
        least.commits_count += TURN_COMMITS;
        least.spent_us += now_us() - begin;
    }
    printf("%zu entries of %d bytes a commit, %zu bytes on disk\n", entries_count, ENTRY_SIZE, bare_size);
    side_say("wal and store", &log);
    side_say("bare pwrite and fdatasync", &least);
    printf("ratio %.2f\n", (double)log.spent_us / (double)log.commits_count /
                               ((double)least.spent_us / (double)least.commits_count));
    wal_free(w);
    store_close(s);
    close(bare);
    mem_free(entries);
    mem_free(data);
    mem_free(bare_data);
    return 0;
}
