/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#ifndef COVEY_STORE_INTERNAL_H
#define COVEY_STORE_INTERNAL_H

#include <covey/store.h>

#include <pthread.h>

/* Open files are kept: segment, vote copies, journal, and what was used before them. */
#define OPEN_FILES_MAX 8
#define PATH_NAME_SIZE (WAL_NAME_SIZE + 8)

struct job {
    struct job *next;
    struct disk_op op; /* its bytes follow the job */
    bool told;         /* that there is no room to make it */
    bool needed;       /* no room is a failure */
};
struct job_list {
    struct job *first, *last;
};

struct open_file {
    char name[WAL_NAME_SIZE]; /* "": free */
    int fd;
    bool dirty;
    uint64_t used; /* when, by the flusher's count */
};

struct done_item {
    struct done_item *next;
    struct store_done done;
};

struct store {
    char *path;
    int directory, lock, event;
    bool emptied; /* the last store_poll() found nothing; the owner's own */
    struct store_calls calls;
    struct disk_file *files;
    size_t files_count;

    pthread_mutex_t mutex; /* guards all below it, down to the next comment */
    /* One for each who waits, so that nobody is woken for nothing: a flush may take less than a wake-up. */
    pthread_cond_t flusher_wanted, maker_wanted, made;
    struct job_list flushing; /* waiting for the flusher, the one in work included */
    struct job_list making;   /* waiting for the maker, the one in work included */
    struct job_list homeless; /* files to be made for which there is no room, and which nobody needs yet */
    struct done_item *done_first, *done_last;
    uint64_t backlog_bytes;
    int error;          /* the store has failed */
    bool closing;       /* the flusher ends when it has nothing left to do ... */
    bool flusher_ended; /* ... and the maker after it */

    pthread_t flusher, maker;
    bool threads_started;
    struct open_file open_files[OPEN_FILES_MAX]; /* the flusher's own */
    uint64_t uses_count;
};

/* open.c: reading at start. */
int store_files_read(struct store *s, uint64_t bytes_max, char *ret_text, size_t text_size);
/* The code of errno, with a text of what was tried. */
int store_error(char *ret_text, size_t text_size, const char *path, const char *what, int system_error);

/* flush.c: the two threads. */
void *store_flusher(void *store);
void *store_maker(void *store);

#endif
