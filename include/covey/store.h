/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * store: a data directory. Reads its files at start and then carries out the disk operations that the cores
 * ask for, in order, when store_run() is called: on the caller's thread, so that nobody is woken for a flush,
 * which may take no longer than waking somebody. A thread of its own makes and removes files, so that the
 * zero-filling of the next segment holds up no flush.
 *
 * SHELL. store_run() may be called by another thread than all other functions, while those are called, too;
 * never by two at once.
 *
 * That there is no room to make a file ahead (DISK_CREATE) is told as a warning: it fails when the file is
 * written to, if there is still none then.
 *
 * After the first error the store has failed: it does nothing more, for ever. A flush is never tried again,
 * because the kernel forgets what a failed one did not write, and reports success the next time (Rebello et
 * al., ATC 2020).
 */
#ifndef COVEY_STORE_H
#define COVEY_STORE_H

#include <sys/types.h>

#include <covey/base.h>
#include <covey/wal.h>

/*
 * The system calls that write, and the one that reads a file's bytes at start, each as in its manual page
 * (errno and all), with the context first. For tests: from two threads.
 */
struct store_calls {
    void *context;
    int (*openat)(void *context, int directory, const char *name, int flags, mode_t mode);
    ssize_t (*pwrite)(void *context, int fd, const void *data, size_t size, off_t offset);
    int (*fdatasync)(void *context, int fd);
    int (*fsync)(void *context, int fd);
    int (*renameat)(void *context, int directory, const char *from, const char *to);
    int (*unlinkat)(void *context, int directory, const char *name);
    ssize_t (*pread)(void *context, int fd, void *data, size_t size, off_t offset); /* NULL: the system's */
};
extern const struct store_calls store_calls_system;

struct store_options {
    const char *directory;           /* made (0700) if it is not there; its parent must be */
    const struct store_calls *calls; /* NULL: store_calls_system. Copied */
    uint64_t read_bytes_max;         /* of all files together; 0: 4 GiB */
};

struct store;

/*
 * Locks the directory and reads its files: log-, vote-, journal, snapshot-, cluster. What an interrupted
 * DISK_REPLACE left is removed. What an earlier run wrote and did not flush is flushed, and read back from
 * the disk, not from memory. A sector that the disk cannot read comes back as 0xff, which no file of covey's
 * holds in any place: it is damage like any other, and judged by those who know what is lost with it.
 *
 * ERR_BUSY: another agent has the directory (the text names its pid); ERR_LIMIT: more than read_bytes_max;
 * ERR_NO_SPACE, ERR_IO; always with a text that names the path.
 */
int store_open(const struct store_options *options, struct store **ret_store, char *ret_text,
               size_t text_size);
/* Finishes what was submitted, unless the store failed, and frees everything. NULL is allowed. */
void store_close(struct store *s);

/* By name, ascending; borrowed until store_files_release or store_close. */
const struct disk_file *store_files(const struct store *s, size_t *ret_count);
void store_files_release(struct store *s);

/* Copies the operation. 0, or the error that the store failed with: then nothing was or will be done. */
int store_submit(struct store *s, const struct disk_op *op);
/* Something that was submitted has not been carried out, or not to its end. */
bool store_waits(const struct store *s);
/*
 * Carries out what was submitted, up to the first operation with a ticket; store_poll() has that then. Waits
 * for the disk for as long as it takes, and for the maker where it needs a file that is still being made.
 */
void store_run(struct store *s);
/* For who ran it while another thread waits for store_fd(): wakes that one, if it is not awake yet. */
void store_tell(struct store *s);

struct store_done {
    uint64_t ticket; /* durable, with everything before it; 0 with an error, or with a mere text: a warning */
    int error;       /* 0, ERR_IO or ERR_NO_SPACE: reported once, nothing comes after it */
    char text[256];  /* with an error, or a warning: operation, path and reason */
};
/* Becomes readable by store_tell(), and when store_poll has something to tell that the maker did. */
int store_fd(const struct store *s);
bool store_poll(struct store *s, struct store_done *ret_done);
/* Bytes submitted and not yet written. */
uint64_t store_backlog_bytes(const struct store *s);

/*
 * For the calling thread, for whose work others wait: it is let in before those that compute. real_time: at
 * once, where the process may ask for that (root, CAP_SYS_NICE, RLIMIT_RTPRIO) and was not started with a
 * nice above 0. Else by asking for short turns (EEVDF, Linux 6.12; older ones take no notice). What it forks
 * does not inherit either.
 */
void store_wake_soon(bool real_time);
/* Bytes that are free on its disk for this process; 0 also when it cannot be told. */
uint64_t store_room(const struct store *s);

#endif
