/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* What an agent has been through, as it tells it. */
#include <criterion/criterion.h>

#include <string.h>

#include <covey/swim.h>

#include "rig.h"

static struct wire_admin_counters counters(struct rig *r, uint64_t number) {
    static const uint8_t empty_map = 0x80;
    struct wire_admin_counters c = {0};
    const struct rig_reply *reply = rig_request(r, number, "counters", bytes_of(&empty_map, 1));
    cr_assert(reply != NULL && reply->error == 0);
    cr_assert_eq(codec_decode_named(&wire_admin_counters_type, buf_bytes(&reply->data), &r->arena, &c, NULL),
                 0);
    return c;
}

Test(node_counters, a_damaged_log_is_counted_by_name) {
    struct rig r;
    struct marks marks = {{0}};
    rig_init(&r);
    r.marks = &marks;
    cr_assert_eq(rig_start(&r, true, NULL), 0);
    rig_until(&r, 3 * US_PER_S);
    struct wire_admin_counters before = counters(&r, 1);
    cr_assert_gt(before.counters_count, MARKS_COUNT, "and those of swim");
    rig_kill(&r);
    struct disk_file *f = rig_file(&r, "log-");
    ((uint8_t *)(uintptr_t)f->data.data)[1100] ^= 1;
    cr_assert_eq(rig_start(&r, true, NULL), 0);
    rig_until(&r, US_PER_S);
    struct wire_admin_counters after = counters(&r, 2);
    for (size_t i = 0; i < MARKS_COUNT; i++) {
        if (!bytes_is(after.counters[i].name, "MARK_WAL_CORRUPT"))
            continue;
        cr_expect_eq(before.counters[i].count, 0);
        cr_expect_eq(after.counters[i].count, 1);
        cr_expect(after.counters[i].text.size > 0);
    }
    cr_expect_eq(marks.hits[MARK_WAL_CORRUPT], 1);
    rig_done(&r);
}

Test(node_counters, an_agent_that_keeps_no_marks_tells_none) {
    struct rig r;
    rig_init(&r);
    cr_assert_eq(rig_start(&r, true, NULL), 0);
    struct wire_admin_counters c = counters(&r, 1);
    for (size_t i = 0; i < c.counters_count; i++)
        cr_expect(!bytes_starts(c.counters[i].name, bytes_str("MARK_")));
    rig_done(&r);
}

Test(node_counters, all_of_swim_is_told_once_and_what_goes_down_is_a_gauge) {
    struct rig r;
    rig_init(&r);
    cr_assert_eq(rig_start(&r, true, NULL), 0);
    rig_until(&r, 3 * US_PER_S);
    struct wire_admin_counters c = counters(&r, 1);
    size_t swim = 0, gauges = 0;
    for (size_t i = 0; i < c.counters_count; i++) {
        swim += bytes_starts(c.counters[i].name, bytes_str("swim_"));
        gauges += c.counters[i].gauge;
        cr_expect(c.counters[i].text.size > 0);
        for (size_t k = 0; k < i; k++)
            cr_expect(!bytes_equal(c.counters[i].name, c.counters[k].name));
        if (bytes_is(c.counters[i].name, "swim_members"))
            cr_expect(c.counters[i].count == 1 && c.counters[i].gauge);
    }
    cr_expect_geq(swim, sizeof(struct swim_counters) / sizeof(uint64_t) + 6);
    cr_expect_geq(gauges, 6);
    rig_done(&r);
}

Test(node_counters, names_are_told_once_and_texts_begin_with_their_room) {
    for (int i = 0; i < MARKS_COUNT; i++) {
        cr_expect_not_null(strstr(mark_text((enum mark)i), ": "));
        cr_expect_eq(strncmp(mark_name((enum mark)i), "MARK_", 5), 0);
        for (int k = 0; k < i; k++)
            cr_expect_str_neq(mark_text((enum mark)i), mark_text((enum mark)k));
    }
}
