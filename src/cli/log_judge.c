/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "log.h"

#include <stdlib.h>

static void text_set(struct cli_log *log, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void text_set(struct cli_log *log, const char *format, ...) {
    struct buf text = {0};
    va_list args;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    size_t size = text.size < sizeof log->text - 1 ? text.size : sizeof log->text - 1;
    mem_copy(log->text, text.data, size);
    log->text[size] = 0;
    buf_done(&text);
}

static int whole_compare(const void *x, const void *y) {
    const struct cli_log_whole *a = x, *b = y;
    return strncmp(a->file->name, b->file->name, WAL_NAME_SIZE);
}

static void wholes_read(struct cli_log *log, struct arena *a) {
    const struct cli_log_files *files = log->files;
    log->snapshots = arena_alloc(a, (files->count + 1) * sizeof *log->snapshots);
    for (size_t i = 0; i < files->count; i++) {
        const struct disk_file *f = &files->list[i];
        uint64_t index;
        struct bytes state;
        bool is_copy = strcmp(f->name, CLUSTER_COPY_NAME) == 0;
        if (snapshot_name_parse(f->name, &index)) {
            struct cli_log_whole *w = &log->snapshots[log->snapshots_count++];
            w->file = f;
            w->error = snapshot_decode(f->data, NULL, a, &w->snapshot, &state, w->text, sizeof w->text);
        } else if (is_copy || strcmp(f->name, CLUSTER_FILE_NAME) == 0) {
            struct cli_log_whole *w = &log->clusters[is_copy];
            w->file = f;
            w->error = cluster_file_decode(f->data, a, &w->cluster, w->text, sizeof w->text);
        } else if (strcmp(f->name, JOURNAL_FILE_NAME) == 0) {
            log->journal = f;
        }
    }
    if (log->snapshots_count > 0)
        qsort(log->snapshots, log->snapshots_count, sizeof *log->snapshots, whole_compare);
}

/* Whose it must be the log tells, where there is one. */
static void journal_read(struct cli_log *log, struct arena *a) {
    const struct node_id *node = &log->view.recovery.identity.node;
    bool is_known = !log->files->is_one && !ID_IS_ZERO(*node);
    if (log->journal != NULL)
        journal_recover(log->journal, 1, is_known ? node : NULL, a, &log->ends);
}

bool cli_log_journal_is_bad(const struct cli_log *log) {
    enum journal_verdict v = log->ends.verdict;
    return log->journal != NULL && v != JOURNAL_EMPTY && v != JOURNAL_CLEAN && v != JOURNAL_TORN;
}

static void journal_judge(struct cli_log *log) {
    if (log->damaged || !cli_log_journal_is_bad(log))
        return;
    log->damaged = true;
    text_set(log, "%s: %s", JOURNAL_FILE_NAME, log->ends.text);
}

static const struct cli_log_whole *snapshot_newest(const struct cli_log *log) {
    for (size_t i = log->snapshots_count; i-- > 0;) {
        if (log->snapshots[i].error == 0)
            return &log->snapshots[i];
    }
    return NULL;
}

/* One file says nothing of the others: it is whole or not by itself. */
static void one_judge(struct cli_log *log) {
    const struct wal_view *v = &log->view;
    const struct cli_log_whole *w = log->snapshots_count > 0 ? &log->snapshots[0]
                                    : log->clusters[0].file  ? &log->clusters[0]
                                    : log->clusters[1].file  ? &log->clusters[1]
                                                             : NULL;
    text_set(log, "by itself it is whole");
    if (w != NULL && w->error != 0) {
        log->damaged = true;
        text_set(log, "%s", w->text);
    }
    for (size_t i = 0; i < v->segments_count; i++) {
        const struct wal_segment_view *s = &v->segments[i];
        log->damaged |= s->broken;
        if (s->broken)
            text_set(log,
                     "it is damaged: give the agent its whole directory, and it takes what it lacks from the "
                     "other hosts");
    }
    for (size_t i = 0; i < 2; i++) {
        log->damaged |= v->votes[i].broken;
        if (v->votes[i].broken)
            text_set(log, "it is damaged; the other copy counts");
    }
    journal_judge(log);
}

static bool verdict_is_bad(enum wal_verdict verdict) {
    return verdict == WAL_CORRUPT || verdict == WAL_FOREIGN || verdict == WAL_VERSION;
}

/* The snapshot that the log needs, or that is damaged though an older one would do. */
static void snapshots_judge(struct cli_log *log) {
    const struct cli_log_whole *newest = snapshot_newest(log);
    uint64_t base = log->view.recovery.base_index;
    if (base > (newest != NULL ? newest->snapshot.index : 0)) {
        log->damaged = true;
        text_set(
            log,
            "the log begins behind index %llu, and no whole snapshot reaches there; this host must not vote: "
            "its agent takes the state from the other hosts",
            (unsigned long long)base);
        return;
    }
    for (size_t i = 0; i < log->snapshots_count && !log->damaged; i++) {
        const struct cli_log_whole *w = &log->snapshots[i];
        if (w->error == 0)
            continue;
        log->damaged = true;
        text_set(log, "%s: %s; the log makes up for it: watch this disk", w->file->name, w->text);
    }
}

static void clusters_judge(struct cli_log *log) {
    const struct cli_log_whole *c = log->clusters;
    bool whole[2] = {c[0].file != NULL && c[0].error == 0, c[1].file != NULL && c[1].error == 0};
    bool there = c[0].file != NULL || c[1].file != NULL;
    if (log->damaged || (whole[0] && whole[1]))
        return;
    if (there && !whole[0] && !whole[1])
        text_set(
            log,
            "neither cluster nor cluster-copy is whole: the agent will not start; empty the directory and "
            "join again");
    else if (!there && log->view.recovery.verdict != WAL_EMPTY)
        text_set(log,
                 "neither cluster nor cluster-copy is there: the agent will not know its cluster; is this a "
                 "whole data directory?");
    else if (there)
        text_set(log, "%s is %s; the agent writes it anew from the other one: watch this disk",
                 whole[0] ? CLUSTER_COPY_NAME : CLUSTER_FILE_NAME, c[whole[0]].file ? "damaged" : "missing");
    else
        return;
    log->damaged = true;
}

static void folder_judge(struct cli_log *log) {
    const struct wal_recovery *r = &log->view.recovery;
    text_set(log, "%s", r->text);
    log->damaged = verdict_is_bad(r->verdict);
    if (!log->damaged)
        snapshots_judge(log);
    clusters_judge(log);
    journal_judge(log);
    if (!log->damaged && r->vote_damaged)
        log->damaged = true; /* the text says so */
}

void cli_log_judge(const struct cli_log_files *files, struct arena *a, struct cli_log *ret) {
    *ret = (struct cli_log){.files = files};
    wal_view(files->list, files->count, a, &ret->view);
    wholes_read(ret, a);
    journal_read(ret, a);
    if (files->is_one)
        one_judge(ret);
    else
        folder_judge(ret);
}
