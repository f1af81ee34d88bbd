/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Where a long run goes on: a text of "word value" lines. Written beside and renamed, so that an end at any
 * moment leaves the last one whole.
 */
#include "runner.h"

#include <inttypes.h>
#include <stdio.h>

static void options_text(const struct runner_options *o, struct buf *out) {
    buf_printf(out, "from %" PRIu64 " nodes %u once %d", o->from, o->asked.hosts_count, o->once);
    for (size_t i = 0; i < o->asked.sets_count; i++)
        buf_printf(out, " %s=%" PRId64, o->asked.sets[i].name, o->asked.sets[i].value);
}

static int mark_find(const char *name) {
    for (int i = 0; i < RUN_MARKS_COUNT; i++)
        if (strcmp(run_mark_name(i), name) == 0)
            return i;
    return -1;
}

static void take(const char *word, int64_t value, uint64_t *next, struct totals *t) {
    uint64_t n = (uint64_t)value;
    if (strcmp(word, "next") == 0)
        *next = n;
    else if (strcmp(word, "runs") == 0)
        t->runs = n;
    else if (strcmp(word, "failures") == 0)
        t->failures = n;
    else if (strcmp(word, "events") == 0)
        t->events = n;
    else if (strcmp(word, "simulated_us") == 0)
        t->simulated_us = value;
    else if (strcmp(word, "took_us") == 0)
        t->took_us = value;
    else if (strcmp(word, "failed") == 0 && t->failed_count < FAILED_KEPT)
        t->failed[t->failed_count++] = n;
    else if (mark_find(word) >= 0)
        t->marks[mark_find(word)] = n;
}

bool runner_load(const struct runner_options *o, uint64_t *ret_next, struct totals *ret_totals) {
    FILE *f = fopen(o->state, "r");
    char line[1024], word[64];
    struct buf options = {0};
    uint64_t next = 0;
    struct totals t = {0};
    if (f == NULL)
        return false;
    options_text(o, &options);
    bool same = fgets(line, sizeof line, f) != NULL && strlen(line) == options.size + 1 &&
                memcmp(line, options.data, options.size) == 0;
    buf_done(&options);
    if (!same)
        fprintf(stderr, "covey-sim: %s is of other options; it begins anew\n", o->state);
    while (same && fgets(line, sizeof line, f) != NULL) {
        int64_t value;
        if (sscanf(line, "%63s %" SCNd64, word, &value) == 2)
            take(word, value, &next, &t);
    }
    fclose(f);
    if (!same || next < o->from)
        return false;
    *ret_next = next;
    *ret_totals = t;
    return true;
}

void runner_save(const struct runner_options *o, uint64_t next, const struct totals *t) {
    struct buf name = {0}, options = {0};
    buf_printf(&name, "%s.new", o->state);
    options_text(o, &options);
    FILE *f = fopen(buf_str(&name), "w");
    bool written = f != NULL;
    if (f != NULL) {
        fprintf(f, "%s\nnext %" PRIu64 "\nruns %" PRIu64 "\nfailures %" PRIu64 "\nevents %" PRIu64,
                buf_str(&options), next, t->runs, t->failures, t->events);
        fprintf(f, "\nsimulated_us %" PRId64 "\ntook_us %" PRId64 "\n", t->simulated_us, t->took_us);
        for (size_t i = 0; i < t->failed_count; i++)
            fprintf(f, "failed %" PRIu64 "\n", t->failed[i]);
        for (int i = 0; i < RUN_MARKS_COUNT; i++)
            fprintf(f, "%s %" PRIu64 "\n", run_mark_name(i), t->marks[i]);
        written = fclose(f) == 0;
    }
    if (!written || rename(buf_str(&name), o->state) != 0)
        perror(o->state);
    buf_done(&name);
    buf_done(&options);
}
