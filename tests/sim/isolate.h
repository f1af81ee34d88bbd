/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * A run in a process of its own: one that ends by an assertion, a sanitizer or a signal is a failed run with
 * a report, and the others go on.
 */
#ifndef SIM_ISOLATE_H
#define SIM_ISOLATE_H

#include <stdio.h>
#include <sys/types.h>

#include "run.h"

struct isolated {
    struct run run;
    pid_t pid; /* 0: none */
    int fd;    /* readable when something came, or it ended */
    struct buf got;
};

typedef void isolate_work(struct run *run, const void *arg);

/* work() is done in the new process on a copy of `asked`. */
void isolate_start(struct isolated *i, const struct run *asked, isolate_work *work, const void *arg);
/* Reads what there is; true when it is over and i->run tells what came of it (run_done() it). */
bool isolate_read(struct isolated *i);
/* Start, and wait until it is over. */
void isolate_run(struct run *run, isolate_work *work, const void *arg);

/* The work of one seed, and of one seed without comparing it with a second run. No arg. */
void run_twice(struct run *run, const void *arg);
void run_once(struct run *run, const void *arg);

#endif
