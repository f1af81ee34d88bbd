/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * covey log: what the files of a data directory hold, read without the agent. log_read.c reads them,
 * log_judge.c judges them with the agent's own scanners, log_verify.c and log_dump.c show the result; only
 * the first does input and output.
 */
#ifndef COVEY_CLI_LOG_H
#define COVEY_CLI_LOG_H

#include <covey/journal.h>
#include <covey/wal.h>

#include "internal.h"

/* All of it in an arena. */
struct cli_log_files {
    bool is_one; /* not a folder: a file by itself */
    struct disk_file *list;
    size_t count;
    size_t unreadable_count; /* sectors that the disk does not give: 0xff stands in their place */
};

/* A file that is written whole. */
struct cli_log_whole {
    const struct disk_file *file;
    int error; /* 0: whole; else text says what is wrong */
    char text[160];
    struct wire_snapshot_header snapshot; /* of one with an index in its name */
    struct wire_node_files_keys cluster;
};

struct cli_log {
    const struct cli_log_files *files;
    struct wal_view view;
    struct cli_log_whole *snapshots; /* ascending by index */
    size_t snapshots_count;
    struct cli_log_whole clusters[2]; /* file NULL: not there */
    const struct disk_file *journal;  /* NULL: not there */
    struct journal_recovery ends;     /* what is in it */
    bool damaged;                     /* more than a crash leaves */
    char text[512];                   /* what is so, and what to do */
};

/*
 * path: a data directory, or one file of one. While an agent writes, what is read is a state that the disk
 * could have been in. ERR_NOT_FOUND, ERR_IO, ERR_LIMIT, ERR_INVALID with the reason in c->text.
 */
int cli_log_read(struct cli *c, const char *path, struct arena *a, struct cli_log_files *ret);
/* Of the journal: more is lost than a crash leaves. */
bool cli_log_journal_is_bad(const struct cli_log *log);
void cli_log_judge(const struct cli_log_files *files, struct arena *a, struct cli_log *ret);

void cli_view_log(const struct cli_log *log, const char *path, struct buf *out);
/* One JSON object and a newline. */
void cli_json_log(const struct cli_log *log, const char *path, struct buf *out);
/* A line for each record, and for each file that is written whole. */
void cli_view_log_dump(const struct cli_log *log, bool json, struct arena *a, struct buf *out);

#endif
