/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Two threads that take turns at one loop. One drives: it does round after round, and between them what the
 * disk is asked for. While the disk is fast that costs no wake-up at all, of which one takes a good part of a
 * short flush. When it takes longer than a moment, the other thread goes on with the rounds meanwhile, so
 * that nothing but the disk's own answer ever waits for the disk; whoever has done with the disk and finds
 * its seat taken waits for the next such case. After a slow answer the seat is offered before the next
 * question. (D. C. Schmidt et al., "Leader/Followers", PLoP 2000, is the pattern.)
 *
 * The rounds are done by one thread at a time, each of which sees all that the other did before.
 */
#ifndef COVEY_DAEMON_DRIVE_H
#define COVEY_DAEMON_DRIVE_H

#include <covey/base.h>

#define DRIVE_PATIENCE_US US_PER_MS /* how long the rounds may wait for the disk */

struct drive_calls {
    void *context;
    /* Waits until something happens, if it may, and deals with it. False: it was the last round. */
    bool (*round)(void *context, bool may_wait);
    /* The disk is asked for something; may be called by either thread, at any time. */
    bool (*disk_waits)(void *context);
    /* Does some of it. May be called while the other thread does rounds; never by both at once. */
    void (*disk_run)(void *context);
    /* Deals with what the disk has done, as a round would; by the driver, between rounds. */
    void (*disk_told)(void *context);
    /* By the other one, during rounds, instead: makes the driver do the same soon. */
    void (*disk_tell)(void *context);
};

/* Until the last round. 0, or an errno: the second thread or its timer cannot be had, and nothing was done.
 */
int drive(const struct drive_calls *calls);

#endif
