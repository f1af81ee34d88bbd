/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* What a run leaves behind; and the report of one that failed. */
#include "run.h"

#include <stdio.h>

#include "checker.h"
#include "history.h"

#define LINES_CONCERNED 14 /* of the host that failed */
#define LINES_OTHERS    6

void run_done(struct run *run) { buf_done(&run->report); }

void run_command(const struct run *run, int trace_level, struct buf *out) {
    buf_printf(out, "covey-sim --seed %llu", (unsigned long long)run->seed);
    if (run->hosts_count != 0)
        buf_printf(out, " --nodes %u", run->hosts_count);
    for (size_t i = 0; i < run->sets_count; i++)
        buf_printf(out, " --set %s=%lld", run->sets[i].name, (long long)run->sets[i].value);
    if (trace_level > 0)
        buf_printf(out, " --trace %d", trace_level);
}

static const struct checker *checker_of(const struct world *w) {
    for (size_t i = 0; w->failed_checker != NULL && checkers_at(i) != NULL; i++)
        if (strcmp(checkers_at(i)->name, w->failed_checker) == 0)
            return checkers_at(i);
    return NULL;
}

static void hosts_print(struct world *w, struct buf *out) {
    for (uint32_t i = 0; i < w->hosts_count; i++) {
        uint32_t host = w->failed_host >= 0 ? ((uint32_t)w->failed_host + i) % w->hosts_count : i;
        bool concerned = w->failed_host < 0 || host == (uint32_t)w->failed_host;
        struct buf lines = {0};
        history_print(w, host, concerned ? LINES_CONCERNED : LINES_OTHERS, &lines);
        if (lines.size > 0)
            buf_printf(out, "  the last of h%u:\n%.*s", host, BYTES_FMT(buf_bytes(&lines)));
        buf_done(&lines);
    }
}

static void report(struct world *w, struct run *run) {
    const struct checker *c = checker_of(w);
    struct buf *out = &run->report;
    buf_printf(out, "broken: %s\n", c != NULL ? c->promise : "the world's own rules, or it did not settle");
    buf_printf(out, "how:    %s\n", w->failure);
    buf_printf(out, "when:   at %.3f s simulated time, with %u hosts", (double)w->now_us / 1e6,
               w->hosts_count);
    if (w->failed_host >= 0)
        buf_printf(out, ", on h%d", w->failed_host);
    buf_printf(out, "\n");
    hosts_print(w, out);
    buf_printf(out, "again:  ");
    run_command(run, 1, out);
    buf_printf(out, "\n");
}

static const char *const disk_fault_names[][2] = {
#define DISK_FAULT_TEXTS(name, text) {#name, text},
    DISK_FAULT_LIST(DISK_FAULT_TEXTS)
#undef DISK_FAULT_TEXTS
};

const char *run_mark_name(int i) {
    return i < MARKS_COUNT ? mark_name((enum mark)i) : disk_fault_names[i - MARKS_COUNT][0];
}
const char *run_mark_text(int i) {
    return i < MARKS_COUNT ? mark_text((enum mark)i) : disk_fault_names[i - MARKS_COUNT][1];
}
uint32_t run_mark(const struct run *run, int i) {
    return i < MARKS_COUNT ? run->marks.hits[i] : run->disk_faults[i - MARKS_COUNT];
}

void run_over(struct world *w, struct run *run) {
    run->failed = w->failed;
    run->trace = w->trace;
    run->simulated_us = w->now_us;
    run->events_count = w->events_count;
    run->hosts = w->hosts_count;
    run->marks = w->marks;
    memcpy(run->disk_faults, w->disk_faults, sizeof run->disk_faults);
    if (!w->failed)
        return;
    (void)snprintf(run->checker, sizeof run->checker, "%s",
                   w->failed_checker != NULL ? w->failed_checker : "world");
    report(w, run);
}
