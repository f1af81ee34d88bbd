/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * A write passes seven threads of three hosts, each of which sleeps until it is its turn and is done in a few
 * microseconds. Where others compute, an ordinary thread that wakes gets in at once only if it is owed time;
 * one that has just used a little waits for the end of somebody's slice, up to the next tick: milliseconds,
 * every few writes. So these threads ask for a real-time priority, as other programs do whose silence is
 * taken for death (corosync, sanlock). It is the lowest; the kernel keeps a part of each second for the rest.
 */
#include "internal.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SHORT_TURN_NS 100000 /* the least that EEVDF takes */

static void short_turns(int nice) {
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime_ns, deadline_ns, period_ns;
    } attr = {.size = sizeof attr,
              .policy = SCHED_OTHER,
              .flags = 1 /* reset on fork */,
              .nice = nice,
              .runtime_ns = SHORT_TURN_NS};
    (void)syscall(SYS_sched_setattr, 0, &attr, 0);
}

/* Who was started as less important than others stays so, and so does what it starts. */
void store_wake_soon(bool real_time) {
    struct sched_param lowest = {.sched_priority = sched_get_priority_min(SCHED_RR)};
    int nice = getpriority(PRIO_PROCESS, 0);
    if (!real_time || nice > 0 || sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &lowest) != 0)
        short_turns(nice);
}
