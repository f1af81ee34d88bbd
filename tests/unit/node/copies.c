/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* A large state becomes a snapshot in parts: nothing waits for it, and it is of one moment. */
#include "rig.h"

#include <covey/codec.h>
#include <covey/wal.h>

#include <stdio.h>

static void rig_small_parts(struct rig *r, uint32_t copy_part_size) {
    rig_init(r);
    r->snapshot_entries = 64;
    r->copy_part_size = copy_part_size;
    rig_lead(r);
}

/* One after the other, at the same time: nothing but these feeds moves the node on. */
static void put_many(struct rig *r, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        char key[16];
        struct buf params = {0};
        snprintf(key, sizeof key, "key%02u", i % 40);
        struct wire_admin_var_put put = {.var = {.key = bytes_str(key), .value = bytes_str("some value")}};
        codec_encode_named(&wire_admin_var_put_type, &put, &params);
        const struct rig_reply *reply = rig_request(r, 100 + i, "var.put", buf_bytes(&params));
        cr_assert(reply != NULL && reply->error == 0, "a write waited");
        r->replies_count--; /* there is not room for all */
        buf_done(&r->replies[r->replies_count].text);
        buf_done(&r->replies[r->replies_count].data);
        buf_done(&params);
    }
}

/* Of the newest snapshot on the disk: its index; ret_state: what it holds. */
static uint64_t newest_snapshot(struct rig *r, struct state *ret_state) {
    struct wire_snapshot_header head;
    struct bytes state;
    char why[200];
    const struct disk_file *f = rig_file(r, "snapshot-");
    cr_assert_not_null(f);
    cr_assert_eq(snapshot_decode(f->data, NULL, &r->arena, &head, &state, why, sizeof why), 0, "%s", why);
    cr_assert_eq(state_restore(ret_state, state), 0);
    return head.index;
}

Test(node_copies, a_snapshot_made_while_entries_come_is_of_where_it_was_begun) {
    struct rig r;
    struct state *s = state_new();
    rig_small_parts(&r, 64);
    put_many(&r, 400);
    uint64_t index = newest_snapshot(&r, s);
    cr_assert_gt(index, 64);
    cr_assert_eq(state_index(s), index);
    for (size_t i = 0; i < state_vars_count(s); i++)
        cr_assert_leq(state_var_at(s, i)->version, index, "it holds what came later");
    rig_kill(&r);
    cr_assert_eq(rig_start(&r, false, NULL), 0, "%s", r.why);
    rig_until(&r, 10 * US_PER_S);
    cr_assert_eq(state_vars_count(node_state(r.node)), 40, "nor is anything between it and the log lost");
    state_free(s);
    rig_done(&r);
}

static unsigned snapshots_count(const struct rig *r) {
    unsigned count = 0;
    for (size_t i = 0; i < r->files_count; i++)
        count += strncmp(r->files[i].name, "snapshot-", 9) == 0;
    return count;
}

Test(node_copies, a_snapshot_is_durable_when_it_is_told_and_not_with_what_was_written_behind_it) {
    struct rig r;
    rig_small_parts(&r, 0);
    put_many(&r, 200);
    cr_assert_eq(snapshots_count(&r), 1);
    r.lasting_held = true;
    put_many(&r, 400);
    cr_assert_eq(snapshots_count(&r), 2, "the one before goes when the next is there, and no third is made");
    r.lasting_held = false;
    put_many(&r, 1);
    cr_assert_eq(snapshots_count(&r), 1);
    rig_done(&r);
}

Test(node_copies, one_that_is_under_way_goes_on_by_itself) {
    struct rig r;
    struct state *s = state_new();
    rig_small_parts(&r, 16);
    put_many(&r, 100);
    rig_until(&r, US_PER_S);
    cr_assert_gt(node_deadline(r.node), r.now_us, "it is never whole");
    put_many(&r, 100);
    rig_until(&r, US_PER_S);
    cr_assert_gt(newest_snapshot(&r, s), 64);
    state_free(s);
    rig_done(&r);
}

Test(node_copies, an_agent_may_end_while_one_is_under_way) {
    struct rig r;
    rig_small_parts(&r, 1);
    put_many(&r, 130);
    rig_kill(&r);
    cr_assert_eq(rig_start(&r, false, NULL), 0, "%s", r.why);
    rig_done(&r);
}

/* node's own, which puts commands into the log: there is no kind of a later format yet. */
int node_propose(struct node *n, const struct wire_command *command, uint64_t *ret_index);

Test(node_copies, one_of_a_later_format_stays_where_it_is_until_that_version_is_back) {
    struct rig r;
    rig_init(&r);
    r.snapshot_entries = 64;
    r.format = 2;
    rig_lead(&r);
    put_many(&r, 1);
    struct wire_cmd_var var = {.key = bytes_str("new"), .value = bytes_str("v")};
    cr_assert_eq(node_propose(r.node, &(struct wire_command){.format = 2, .var = &var}, NULL), 0);
    put_many(&r, 200);
    cr_assert_eq(snapshots_count(&r), 1);
    rig_kill(&r);
    r.format = 1;
    size_t files = r.files_count;
    cr_assert_eq(rig_start(&r, false, NULL), ERR_VERSION);
    cr_assert_not_null(strstr(r.why, "is of log format 2"), "%s", r.why);
    cr_assert_eq(r.files_count, files);
    r.format = 2;
    cr_assert_eq(rig_start(&r, false, NULL), 0, "%s", r.why);
    rig_until(&r, 10 * US_PER_S);
    cr_assert_not_null(state_var_find(node_state(r.node), bytes_str("new")));
    rig_done(&r);
}
