/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Is the history of one variable linearizable? That is: can each operation be given one moment between its
 * call and its answer, so that a single copy, asked in that order, would have answered as it did?
 *
 * The search is Wing and Gong's (1993) with Lowe's memory of configurations that were tried (2017), on one
 * variable at a time, since linearizability is local (Herlihy and Wing 1990, theorem 1). Pure.
 *
 * The object: a variable exists or not, and has a value and a version, which every change raises. A change
 * whose answer never came may have happened at any moment after its call, or never; the version that it made
 * is unknown until somebody has seen it.
 */
#ifndef SIM_LINEAR_H
#define SIM_LINEAR_H

#include <covey/base.h>

enum linear_kind { LINEAR_READ, LINEAR_WRITE, LINEAR_REMOVE };
enum linear_outcome {
    LINEAR_OK,
    LINEAR_ABSENT,   /* there is no such variable */
    LINEAR_CONFLICT, /* it has not the version that was expected */
    LINEAR_UNKNOWN,  /* no answer, or one that leaves it open; not of reads: leave them out */
};
#define LINEAR_OPEN UINT64_MAX

struct linear_op {
    enum linear_kind kind;
    enum linear_outcome outcome;
    uint64_t call,
        answer;     /* moments in the order of all calls and answers, each another; answer LINEAR_OPEN */
    uint64_t value; /* written or read; any numbers that differ as the values do */
    bool check;     /* of a change: only if the version is `expect`, 0: only if it is absent */
    uint64_t expect;
    uint64_t version; /* OK: of what was written (removed: of the change), or read; 0: not told */
};

enum linear_verdict { LINEAR_FINE, LINEAR_BROKEN, LINEAR_UNDECIDED };

/*
 * At most steps_max operations are tried, then LINEAR_UNDECIDED. BROKEN: *ret_op (may be NULL) is the
 * operation whose answer could not be explained by the longest order found.
 */
enum linear_verdict linear_check(const struct linear_op *ops, size_t count, size_t steps_max, size_t *ret_op);

#endif
