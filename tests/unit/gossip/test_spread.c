/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* How facts come to everybody. */
#include "harness.h"

#include <stdio.h>

Test(spread, what_one_says_all_know_after_a_few_datagrams) {
    struct room r;
    room_init(&r, 16);
    r.holds_streams = true; /* by datagrams alone */
    room_set(&r, 3, "host", "cpu 4");
    room_talk(&r, 6 * US_PER_S, false);
    for (size_t i = 0; i < r.count; i++)
        cr_assert_str_eq(room_get(&r, i, 3, "host"), "cpu 4", "host %zu", i);
    room_done(&r);
}

Test(spread, nothing_is_told_before_there_is_something) {
    struct room r;
    room_init(&r, 2);
    r.holds_streams = true;
    cr_assert_eq(gossip_deadline(r.hosts[0]), TIME_NEVER_US);
    room_talk(&r, 60 * US_PER_S, false);
    cr_assert_eq(r.streams.count, 0, "equal sums, and somebody compares");
    room_done(&r);
}

Test(spread, at_rest_it_costs_a_sum_in_four_seconds) {
    struct room r;
    room_init(&r, 16);
    for (size_t i = 0; i < r.count; i++)
        room_set(&r, i, "host", "as it is");
    room_talk(&r, 60 * US_PER_S, false);
    cr_assert(room_agrees(&r));
    r.datagram_bytes = r.stream_bytes = 0;
    room_talk(&r, 400 * US_PER_S, false);
    cr_assert_eq(r.stream_bytes, 0);
    cr_assert_leq(r.datagram_bytes / 16 / 400, 4, "%llu bytes a second and host",
                  (unsigned long long)(r.datagram_bytes / 16 / 400));
    cr_assert_geq(r.datagram_bytes, 16 * 60 * 11, "no sums are told");
    room_done(&r);
}

Test(spread, what_no_datagram_brought_is_found_by_the_sums) {
    struct room r;
    room_init(&r, 8);
    room_set(&r, 0, "host", "new");
    room_talk(&r, 30 * US_PER_S, true); /* all that is told is lost */
    cr_assert_str_eq(room_get(&r, 5, 0, "host"), "");
    room_talk(&r, 40 * US_PER_S, false);
    for (size_t i = 0; i < r.count; i++)
        cr_assert_str_eq(room_get(&r, i, 0, "host"), "new", "host %zu", i);
    room_done(&r);
}

Test(spread, changes_that_come_together_are_told_as_one) {
    struct room r;
    room_init(&r, 2);
    for (int i = 0; i < 50; i++) {
        char value[16];
        snprintf(value, sizeof value, "%d", i);
        room_set(&r, 0, "host", value);
        room_tick(&r, US_PER_MS);
    }
    room_tick(&r, US_PER_S);
    cr_assert_eq(gossip_counters(r.hosts[0])->published, 1);
    room_datagram(&r, 0, 1, 1200, false);
    cr_assert_str_eq(room_get(&r, 1, 0, "host"), "49");
    room_done(&r);
}

Test(spread, setting_what_is_set_is_no_news) {
    struct room r;
    room_init(&r, 2);
    room_set(&r, 0, "host", "same");
    room_talk(&r, 20 * US_PER_S, false);
    room_set(&r, 0, "host", "same");
    room_set(&r, 0, "never", NULL);
    cr_assert_eq(gossip_deadline(r.hosts[0]), TIME_NEVER_US);
    room_done(&r);
}

/* Its delta is small; the whole is not. */
Test(spread, a_small_change_of_much_is_told_by_itself) {
    struct room r;
    room_init(&r, 2);
    for (int i = 0; i < 10; i++) {
        char key[16];
        snprintf(key, sizeof key, "i%02d", i);
        room_set_size(&r, 0, key, 4000, (uint8_t)('a' + i));
    }
    room_tick(&r, US_PER_S);
    room_compare(&r, 1, 0);
    cr_assert(room_agrees(&r));
    for (int i = 0; i < 20; i++) /* until its head is told often enough */
        room_datagram(&r, 0, 1, 1200, false);
    r.holds_streams = true;
    room_set(&r, 0, "host", "small");
    room_tick(&r, US_PER_S);
    cr_assert_leq(room_datagram(&r, 0, 1, 1200, false), 300);
    cr_assert_str_eq(room_get(&r, 1, 0, "host"), "small");
    cr_assert(room_agrees(&r));
    room_done(&r);
}

Test(spread, what_no_datagram_can_take_is_asked_for_by_a_stream) {
    struct room r;
    room_init(&r, 3);
    room_set_size(&r, 0, "large", 4000, 'x');
    room_tick(&r, US_PER_S);
    r.holds_streams = true;
    cr_assert_leq(room_datagram(&r, 0, 1, 1200, false), 200);
    cr_assert_eq(r.streams.count, 1, "it is asked for");
    room_datagram(&r, 0, 1, 1200, false);
    cr_assert_eq(r.streams.count, 1, "it is asked for once");
    r.holds_streams = false;
    room_streams(&r);
    cr_assert_eq(gossip_sum(r.hosts[0]), gossip_sum(r.hosts[1]));
    room_datagram(&r, 1, 2, 1200, false); /* and it is told on */
    cr_assert_eq(gossip_sum(r.hosts[0]), gossip_sum(r.hosts[2]));
    room_done(&r);
}

Test(spread, a_stream_that_opens_brings_all_both_ways) {
    struct room r;
    room_init(&r, 6);
    for (size_t i = 0; i < 6; i++)
        room_set_size(&r, i, "large", 3000 + i, (uint8_t)('a' + i));
    room_tick(&r, US_PER_S);
    for (size_t i = 1; i < 3; i++)
        room_compare(&r, 0, i);
    for (size_t i = 4; i < 6; i++)
        room_compare(&r, 3, i);
    room_compare(&r, 0, 3);
    cr_assert_eq(gossip_sum(r.hosts[0]), gossip_sum(r.hosts[3]));
    for (size_t i = 0; i < 6; i++)
        cr_assert_str_neq(room_get(&r, 0, i, "large"), "", "of host %zu", i);
    room_done(&r);
}

/* One says something new with every datagram, and each has room for one of them. */
Test(spread, who_says_much_keeps_nobody_from_being_told) {
    struct room r;
    room_init(&r, 4);
    r.holds_streams = true;
    for (unsigned i = 1; i <= 40; i++) {
        char value[16];
        snprintf(value, sizeof value, "%u", i);
        struct wire_gossip_fact often[] = {{.key = bytes_str("k"), .value = bytes_str(value), .version = i}};
        struct wire_gossip_fact once[] = {{.key = bytes_str("k"), .value = bytes_str("once"), .version = 1}};
        room_say(&r, 0, 1, i, 0, often, 1, 2, 0);
        if (i == 10)
            room_say(&r, 1, 1, 1, 0, once, 1, 2, 1);
        room_tick(&r, 300 * US_PER_MS);
        room_datagram(&r, 2, 3, 230, false);
        if (i == 15)
            cr_assert_str_eq(room_get(&r, 3, 1, "k"), "once");
    }
    cr_assert_gt(room_owner(&r, 3, 0).version, 30, "nor is it kept from it itself");
    room_done(&r);
}

/* A datagram that is nearly full of membership news. */
Test(spread, it_takes_no_more_room_than_there_is) {
    struct room r;
    room_init(&r, 8);
    for (size_t i = 0; i < 8; i++)
        room_set_size(&r, i, "host", 40 + 60 * i, 'h');
    room_tick(&r, US_PER_S);
    for (unsigned i = 0; i < 3000; i++) {
        size_t from = prng_below(&r.prng, 8);
        room_datagram(&r, from, (from + 1) % 8, prng_below(&r.prng, 900), prng_chance(&r.prng, 500000));
        room_tick(&r, 50 * US_PER_MS);
        if (i % 100 == 0)
            room_set_size(&r, from, "host", 40 + prng_below(&r.prng, 900), (uint8_t)i);
    }
    r.datagram_bytes = 0;
    room_talk(&r, 60 * US_PER_S, false);
    cr_assert(room_agrees(&r));
    room_done(&r);
}

/* ---- removal ---- */

/* All know two facts of the first, which removes one. */
static void room_removing(struct room *r, size_t count) {
    room_init(r, count);
    room_set(r, 0, "a", "1");
    room_set(r, 0, "b", "2");
    room_talk(r, 10 * US_PER_S, false);
    room_set(r, 0, "a", NULL);
}

Test(removal, what_is_removed_is_gone_everywhere) {
    struct room r;
    room_removing(&r, 6);
    room_talk(&r, 10 * US_PER_S, false);
    for (size_t i = 0; i < r.count; i++) {
        cr_assert_str_eq(room_get(&r, i, 0, "a"), "");
        cr_assert_str_eq(room_get(&r, i, 0, "b"), "2");
    }
    room_done(&r);
}

Test(removal, tombstones_end_and_nothing_comes_back) {
    struct room r;
    room_removing(&r, 4);
    /* The last one hears of nothing until all tombstones are over. */
    for (int i = 0; i < 700; i++) {
        room_tick(&r, US_PER_S);
        room_datagram(&r, 0, 1, 1200, false);
        room_datagram(&r, 1, 2, 1200, false);
    }
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(room_owner(&r, i, 0).facts_count, 1, "a tombstone is kept for ever");
    }
    cr_assert_str_eq(room_get(&r, 3, 0, "a"), "1");
    room_compare(&r, 3, 2);
    cr_assert_str_eq(room_get(&r, 3, 0, "a"), "", "it is back");
    cr_assert(room_agrees(&r));
    room_done(&r);
}

Test(removal, keys_that_come_and_go_leave_no_more_tombstones_than_may_be_told) {
    struct room r;
    room_init(&r, 2);
    for (int i = 0; i < 400; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%d", i);
        room_set(&r, 0, key, "x");
        room_tick(&r, US_PER_S);
        room_set(&r, 0, key, NULL);
        room_tick(&r, US_PER_S);
        if (i % 7 == 0)
            room_datagram(&r, 0, 1, 1200, false);
    }
    room_compare(&r, 1, 0);
    for (size_t i = 0; i < 2; i++) {
        cr_assert_leq(room_owner(&r, i, 0).facts_count, 64);
    }
    cr_assert(room_agrees(&r));
    room_done(&r);
}
