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
    uint64_t used; /* when, as uses_count was then */
};

struct done_item {
    struct done_item *next;
    struct store_done done;
};

struct store {
    char *path;
    int directory, lock, event;
    struct store_calls calls;
    struct disk_file *files;
    size_t files_count;

    pthread_mutex_t mutex; /* guards all below it, down to the next comment */
    pthread_cond_t maker_wanted, made; /* the latter is for who runs store_run() */
    struct job_list flushing; /* waiting for store_run(), the one in work included */
    struct job_list making;   /* waiting for the maker, the one in work included */
    struct job_list homeless; /* files to be made for which there is no room, and which nobody needs yet */
    struct done_item *done_first, *done_last;
    uint64_t backlog_bytes;
    bool event_is_set;
    int error;    /* the store has failed */
    bool closing; /* the maker ends when it has nothing left to do */

    pthread_t maker;
    bool maker_started;
    struct open_file open_files[OPEN_FILES_MAX]; /* store_run()'s own */
    uint64_t uses_count;
};

/* open.c: reading at start. */
int store_files_read(struct store *s, uint64_t bytes_max, char *ret_text, size_t text_size);
/* The code of errno, with a text of what was tried. */
int store_error(char *ret_text, size_t text_size, const char *path, const char *what, int system_error);

/* flush.c */
void store_list_push(struct job_list *list, struct job *job);
void *store_maker(void *store);
void store_open_files_close(struct store *s);

#endif
