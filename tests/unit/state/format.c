/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Formats of the log: what all members know, and what the log has come to need. */
#include "world.h"

static void node_put(struct world *w, unsigned number, uint32_t format, int error) {
    struct wire_node_record r = node_record(number);
    r.format = format;
    cr_assert_eq(APPLY(w, .node = &r).error, error);
}

Test(state_format, all_members_know_what_the_oldest_one_does) {
    struct world w = world_new();
    cr_assert_eq(state_format_all(w.state), 1);
    node_put(&w, 1, 3, 0);
    node_put(&w, 2, 2, 0);
    cr_assert_eq(state_format_all(w.state), 2);
    node_put(&w, 3, 0, 0);
    cr_assert_eq(state_format_all(w.state), 1, "one that tells none is of the first");
    node_put(&w, 3, 4, 0);
    cr_assert_eq(state_format_all(w.state), 2, "it was upgraded");
    struct wire_cmd_node_status left = {.id = node_of(2), .status = NODE_STATUS_LEFT};
    cr_assert_eq(APPLY(&w, .node_status = &left).error, 0);
    cr_assert_eq(state_format_all(w.state), 3, "who has left holds nothing back");
    world_done(&w);
}

Test(state_format, what_the_log_has_come_to_need_stays_and_bars_older_hosts) {
    struct world w = world_new();
    struct wire_cmd_var var = {.key = bytes_str("k")};
    node_put(&w, 1, 2, 0);
    cr_assert_eq(state_format_used(w.state), 1);
    cr_assert_eq(APPLY(&w, .format = 2, .var = &var).error, 0);
    cr_assert_eq(APPLY(&w, .var = &var).error, 0);
    cr_assert_eq(state_format_used(w.state), 2);
    node_put(&w, 2, 1, ERR_VERSION);
    node_put(&w, 2, 2, 0);
    struct buf bytes = {0};
    state_snapshot(w.state, &bytes);
    struct state *other = state_new();
    cr_assert_eq(state_restore(other, buf_bytes(&bytes)), 0);
    cr_assert_eq(state_format_used(other), 2, "a snapshot has it, too");
    state_free(other);
    buf_done(&bytes);
    world_done(&w);
}

Test(state_format, a_command_of_no_known_kind_is_recognised) {
    struct wire_cmd_var var = {.key = bytes_str("k")};
    cr_assert(state_command_unknown(&(struct wire_command){.format = 2}));
    cr_assert(!state_command_unknown(&(struct wire_command){.var = &var}));
    cr_assert_eq(state_command_format(&(struct wire_command){.var = &var}), 1);
    cr_assert_eq(state_command_format(&(struct wire_command){.format = 7}), 7);
}
