/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Being let in early is for the agent's own threads: tasks must not inherit it. */
#include <covey/store.h>
#include <criterion/criterion.h>

#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static int policy(void) { return sched_getscheduler(0) & ~SCHED_RESET_ON_FORK; }

static int nice_of(void) { return getpriority(PRIO_PROCESS, 0); }

/* What a child finds itself to be: its policy and its nice, in one number. */
static int inherited(void) {
    int status;
    pid_t child = fork();
    if (child == 0)
        _exit(policy() * 32 + nice_of());
    cr_assert(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status));
    return WEXITSTATUS(status);
}

Test(store_turn, children_take_ordinary_turns) {
    int nice = nice_of() > 0 ? nice_of() : 0; /* as the tests were started */
    store_wake_soon(true);
    cr_assert(policy() == SCHED_RR || policy() == SCHED_OTHER, "the latter without the right to it");
    cr_assert_eq(inherited(), SCHED_OTHER * 32 + nice);
    store_wake_soon(false);
    cr_assert_eq(policy(), SCHED_OTHER);
    cr_assert_eq(inherited(), SCHED_OTHER * 32 + nice);
}

Test(store_turn, who_was_started_with_a_nice_keeps_it_and_so_do_its_children) {
    int nice = nice_of() > 5 ? nice_of() : 5;
    cr_assert_eq(setpriority(PRIO_PROCESS, 0, nice), 0);
    store_wake_soon(true);
    cr_assert_eq(policy(), SCHED_OTHER);
    cr_assert_eq(inherited(), SCHED_OTHER * 32 + nice);
}
