/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Who counts as kept when a plan stops surplus, of a slot that three hold: its judges need the right one. */
#define world      unit_world /* a simulated one has these names too */
#define world_done unit_world_done
#include "../state/world.h"
#undef world
#undef world_done

#include "../../sim/plans.c"

static struct truth truth;
static struct truth_entry entry;

/* What plans.c asks of the simulator: the entry with index I is committed at moment I. */
struct truth *truth_of(struct world *w) {
    (void)w;
    return &truth;
}
const struct truth_entry *truth_entry_at(const struct truth *t, uint64_t index) {
    (void)t;
    entry.at_us = (int64_t)index;
    return &entry;
}
const struct entry_seen *entry_find(struct world *w, uint64_t index, uint64_t term) {
    (void)w;
    (void)index;
    (void)term;
    return NULL;
}

/* One slot; instance i runs on host i, for i = 1, 2, 3: each was placed when the one before was lost. */
static struct unit_world three_of_a_slot(void) {
    struct unit_world w = world_new();
    add_nodes(&w, 3);
    uint64_t version = run_service(&w, "web", 1, "/bin/a");
    for (unsigned i = 1; i <= 3; i++) {
        struct wire_place place = place_of("web", version, 0, i, i);
        if (i > 1) {
            set_status(&w, i - 1, NODE_STATUS_UNREACHABLE);
            place.replaces = instance_of(i - 1);
        }
        cr_assert_eq(apply_place(&w, &place), 0);
        tell(&w, instance_of(i), INSTANCE_STATE_RUNNING);
    }
    for (unsigned i = 1; i <= 3; i++)
        set_status(&w, i, NODE_STATUS_READY);
    truth.state = w.state;
    return w;
}

/* By a plan made at made_us, which stops instance 2 and names `keeper`; 0: nobody. */
static const struct wire_instance_record *kept(int64_t made_us, unsigned keeper) {
    struct wire_stop stop = {.instance = instance_of(2)};
    if (keeper != 0)
        stop.keeper = instance_of(keeper);
    struct wire_cmd_plan plan = {.stops = &stop, .stops_count = 1};
    struct plan_view v = {.state = truth.state, .plan = &plan, .made_us = made_us};
    return plan_kept(&v, state_instance_find(truth.state, instance_of(2)));
}

Test(plans, whom_the_stop_names_is_kept_though_its_host_came_back_as_the_plan_was_made) {
    struct unit_world w = three_of_a_slot();
    int64_t made_us = (int64_t)++w.index;
    tell(&w, instance_of(1), INSTANCE_STATE_RUNNING);
    cr_assert_eq(kept(made_us, 1), record_of(&w, 1));
    cr_assert_eq(kept(made_us, 3), record_of(&w, 3), "a wrong choice is seen, whatever has changed");
    unit_world_done(&w);
}

Test(plans, of_a_stop_that_names_nobody_it_is_the_one_that_runs_longest_or_nobody_knows) {
    struct unit_world w = three_of_a_slot();
    int64_t made_us = (int64_t)++w.index;
    cr_assert_eq(kept(made_us, 0), record_of(&w, 1));
    tell(&w, instance_of(1), INSTANCE_STATE_RUNNING);
    cr_assert_null(kept(made_us, 0));
    tell(&w, instance_of(1), INSTANCE_STATE_FAILED);
    cr_assert_null(kept(made_us, 0));
    cr_assert_eq(kept((int64_t)w.index + 1, 0), record_of(&w, 3));
    unit_world_done(&w);
}
