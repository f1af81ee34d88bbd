/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Two threads at one loop, with rounds that ask for the disk and a disk that answers when it is told to. */
#include "../../../src/daemon/drive.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <stdatomic.h>

struct rig {
    unsigned rounds_max, ask_every; /* rounds */
    unsigned slow_every;            /* the nth answer takes until so many rounds are done meanwhile: */
    unsigned slow_rounds;
    bool never_ends; /* an answer that is slow when the last round is done comes after it */
    atomic_uint rounds, asked, done, told;
    atomic_bool in_round, at_disk, rounds_ended;
    atomic_uint answered_in_time;
};

static bool one_round(void *context, bool may_wait) {
    struct rig *r = context;
    (void)may_wait;
    cr_assert_not(atomic_exchange(&r->in_round, true), "two rounds at once");
    unsigned number = atomic_fetch_add(&r->rounds, 1) + 1;
    if (number % r->ask_every == 0)
        atomic_fetch_add(&r->asked, 1);
    atomic_store(&r->in_round, false);
    if (number >= r->rounds_max)
        atomic_store(&r->rounds_ended, true);
    sched_yield();
    return number < r->rounds_max;
}

static bool disk_waits(void *context) {
    struct rig *r = context;
    return atomic_load(&r->done) < atomic_load(&r->asked);
}

static void disk_run(void *context) {
    struct rig *r = context;
    cr_assert_not(atomic_exchange(&r->at_disk, true), "both at the disk");
    unsigned began = atomic_load(&r->rounds);
    if (r->slow_every > 0 && (atomic_load(&r->done) + 1) % r->slow_every == 0) {
        while (!atomic_load(&r->rounds_ended) &&
               (r->never_ends || atomic_load(&r->rounds) < began + r->slow_rounds))
            sched_yield();
    }
    atomic_fetch_add(&r->done, 1);
    atomic_store(&r->at_disk, false);
}

static void disk_told(void *context) {
    struct rig *r = context;
    cr_assert_not(atomic_exchange(&r->in_round, true), "told during a round");
    atomic_fetch_add(&r->answered_in_time, 1);
    atomic_store(&r->in_round, false);
}

static void disk_tell(void *context) {
    struct rig *r = context;
    atomic_fetch_add(&r->told, 1);
}

static void drive_to_the_end(struct rig *r) {
    struct drive_calls calls = {r, one_round, disk_waits, disk_run, disk_told, disk_tell};
    cr_assert_eq(drive(&calls), 0);
    cr_assert_eq(r->rounds, r->rounds_max, "no round after the last");
    cr_assert_leq(r->done, r->asked);
    cr_assert_eq(r->answered_in_time + r->told, r->done, "each answer is told once");
}

TestSuite(daemon_drive, .timeout = 60);

Test(daemon_drive, what_the_disk_is_asked_for_is_done_between_rounds) {
    struct rig r = {.rounds_max = 5000, .ask_every = 1};
    drive_to_the_end(&r);
    cr_assert_geq(r.done, r.asked - 1, "but for what the last round asked for");
    cr_assert_geq(r.answered_in_time, 1);
}

Test(daemon_drive, rounds_go_on_while_the_disk_is_slow) {
    struct rig r = {.rounds_max = 20000, .ask_every = 50, .slow_every = 3, .slow_rounds = 100};
    drive_to_the_end(&r);
    cr_assert_geq(r.told, 20, "by who found its seat taken");
    cr_assert_geq(r.answered_in_time, 1, "the seat is kept again when the disk is quick again");
}

Test(daemon_drive, a_disk_that_never_answers_keeps_no_round_from_being_the_last) {
    struct rig r = {.rounds_max = 3000, .ask_every = 10, .slow_every = 5, .never_ends = true};
    drive_to_the_end(&r);
    cr_assert_geq(r.done, 5);
}
