/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The rig of store's tests: a directory, system calls that fail on demand, and what submits operations and
 * waits for what is told.
 */
#ifndef COVEY_TESTS_STORE_RIG_H
#define COVEY_TESTS_STORE_RIG_H

#include <covey/store.h>

#include <pthread.h>

#define DEADLINE_MS 20000

struct rig {
    char parent[64], path[80];
    struct store *store;
    struct store_calls calls;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    /* What fails: the call with this name on a file with this name, from the nth on; then with this errno. */
    const char *fail_call, *fail_name;
    unsigned fail_after;
    int fail_errno;
    size_t write_max;      /* bytes that one pwrite takes; 0: all */
    const char *hold_name; /* a pwrite to this file waits ... */
    bool released;         /* ... for this */
    unsigned syncs_count;  /* fdatasync and fsync, failed ones too */
    unsigned writes_count;
    const char *unreadable; /* a file of which the sector at 1024 cannot be read */
    const char *altered;    /* a file of which the byte at 900 is not what was written */
    char trace[4000];       /* "call name;" in order */
};

void name_of(int fd, char name[128]);
void rig_open(struct rig *r);
void rig_close(struct rig *r);
struct rig *rig_begin(void);
void rig_end(struct rig *r);
int submit(struct rig *r, struct disk_op op, const char *name, const char *data);
int create(struct rig *r, const char *name, uint64_t size);
int put(struct rig *r, const char *name, uint64_t offset, const char *data);
int flush(struct rig *r, uint64_t ticket);
int replace(struct rig *r, const char *name, const char *data, uint64_t ticket);
struct store_done next_done(struct rig *r);
void file_is(struct rig *r, const char *name, const char *begins);

#endif
