/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Seeds are started in order, end in any order, and are told and counted in order again: so what is saved is
 * simply "all below this one", whatever ends the runner.
 */
#include "runner.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "isolate.h"
#include "shrink.h"

#define SAVE_EVERY_US (2 * US_PER_S)
#define JOBS_MAX      64

struct waiting {
    uint64_t seed;
    struct run run;
};

struct runner {
    const struct runner_options *o;
    struct totals *totals;
    struct isolated jobs[JOBS_MAX];
    uint32_t running;
    uint64_t next_start, next_told;
    VEC(struct waiting) waiting; /* over, while an earlier one is not */
    int64_t began_us, before_us, saved_us;
    bool stop;
};

int64_t clock_now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * US_PER_S + t.tv_nsec / 1000;
}

/* ---- telling ---- */

void totals_add(struct totals *t, const struct run *run) {
    t->runs++;
    t->failures += run->failed;
    t->events += run->events_count;
    t->simulated_us += run->simulated_us;
    for (int i = 0; i < RUN_MARKS_COUNT; i++)
        t->marks[i] += run_mark(run, i);
}

static size_t marks_missing(const struct totals *t) {
    size_t count = 0;
    for (int i = 0; i < RUN_MARKS_COUNT; i++)
        count += t->marks[i] == 0;
    return count;
}

void totals_print(const struct totals *t, bool once) {
    double took = (double)t->took_us / 1e6 + 1e-9, passes = once ? 1 : 2;
    printf("# %llu runs, %.2f simulated hours, %llu events (%.0f a second), %.1f s, %.0f times real time, "
           "%llu failed, %zu of %d marks never reached\n",
           (unsigned long long)t->runs, (double)t->simulated_us / 3.6e9, (unsigned long long)t->events,
           (double)t->events * passes / took, took, (double)t->simulated_us / 1e6 * passes / took,
           (unsigned long long)t->failures, marks_missing(t), RUN_MARKS_COUNT);
}

void report_print(struct bytes report) {
    const char *at = (const char *)report.data, *end = at + report.size;
    while (at < end) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        size_t size = (size_t)((line_end != NULL ? line_end : end) - at);
        printf("#   %.*s\n", (int)size, at);
        at += size + 1;
    }
}

void run_print(const struct run *run, const char *what, bool quiet) {
    if (run->failed)
        printf("not ok %s: %s\n", what, run->checker);
    else if (!quiet)
        printf("ok %s %016llx\n", what, (unsigned long long)run->trace);
    if (run->failed)
        report_print(buf_bytes(&run->report));
    fflush(stdout);
}

/* ---- in order ---- */

static void tell(struct runner *r, struct run *run) {
    char what[40];
    (void)snprintf(what, sizeof what, "seed %llu", (unsigned long long)run->seed);
    totals_add(r->totals, run);
    if (run->failed && r->totals->failed_count < FAILED_KEPT)
        r->totals->failed[r->totals->failed_count++] = run->seed;
    run_print(run, what, r->o->quiet);
    if (run->failed && r->o->shrink)
        shrink(run);
    run_done(run);
    r->next_told++;
    r->totals->took_us = r->before_us + clock_now_us() - r->began_us;
    if (r->o->report_every != 0 && r->totals->runs % r->o->report_every == 0) {
        totals_print(r->totals, r->o->once);
        fflush(stdout);
    }
    if (r->o->state != NULL && clock_now_us() - r->saved_us >= SAVE_EVERY_US) {
        runner_save(r->o, r->next_told, r->totals);
        r->saved_us = clock_now_us();
    }
}

static void over(struct runner *r, struct run *run) {
    struct waiting w = {.seed = run->seed, .run = *run};
    VEC_PUSH(&r->waiting, w);
    for (size_t i = 0; i < r->waiting.count;) {
        if (r->waiting.data[i].seed != r->next_told) {
            i++;
            continue;
        }
        struct run told = r->waiting.data[i].run;
        VEC_REMOVE(&r->waiting, i);
        tell(r, &told);
        i = 0;
    }
}

/* ---- dealing out ---- */

static void start_some(struct runner *r) {
    const struct runner_options *o = r->o;
    if (o->time_max_us != 0 && clock_now_us() - r->began_us >= o->time_max_us)
        r->stop = true;
    while (!r->stop && r->running < o->jobs && r->next_start <= o->to) {
        struct run asked = o->asked;
        asked.seed = r->next_start++;
        isolate_start(&r->jobs[r->running++], &asked, o->once ? run_once : run_twice, NULL);
    }
}

static void wait_some(struct runner *r) {
    struct pollfd fds[JOBS_MAX];
    for (uint32_t i = 0; i < r->running; i++)
        fds[i] = (struct pollfd){.fd = r->jobs[i].fd, .events = POLLIN};
    if (poll(fds, r->running, -1) < 0 && errno != EINTR)
        perror("poll");
    for (uint32_t i = r->running; i-- > 0;) {
        if (fds[i].revents == 0 || !isolate_read(&r->jobs[i]))
            continue;
        struct run run = r->jobs[i].run;
        r->jobs[i] = r->jobs[--r->running];
        over(r, &run);
    }
}

void runner_run(const struct runner_options *o, struct totals *totals) {
    struct runner *r = mem_alloc(sizeof *r);
    struct runner_options bounded = *o;
    bounded.jobs = o->jobs < 1 ? 1 : o->jobs > JOBS_MAX ? JOBS_MAX : o->jobs;
    *r = (struct runner){.o = &bounded, .totals = totals, .next_start = o->from};
    if (o->state != NULL && runner_load(o, &r->next_start, totals))
        printf("# goes on at seed %llu\n", (unsigned long long)r->next_start);
    r->next_told = r->next_start;
    r->before_us = totals->took_us;
    r->began_us = r->saved_us = clock_now_us();
    for (start_some(r); r->running > 0; start_some(r))
        wait_some(r);
    totals->took_us = r->before_us + clock_now_us() - r->began_us;
    if (o->state != NULL)
        runner_save(o, r->next_told, totals);
    VEC_DONE(&r->waiting);
    mem_free(r);
}
