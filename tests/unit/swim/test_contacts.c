/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* One core: the bounds of its table, whom it contacts, and the exchange of whole tables. */

#include "harness.h"

/* ---- limits, contacts ---------------------------------------------------------------------------------- */

Test(swim_contacts, a_full_table_refuses_newcomers_and_lives_on) {
    struct bench *b = bench_knowing(4, &(struct swim_config){.members_max = 5});
    struct wire_member records[2] = {record_of(9, MEMBER_STATE_ALIVE, 1, 0),
                                     record_of(1, MEMBER_STATE_ALIVE, 1, 3)};
    cr_assert_eq(bench_packet(b, 2, &(struct wire_swim_packet){.members = records, .members_count = 2}),
                 ERR_LIMIT);
    cr_assert_eq(swim_members_count(b->swim), 5);
    cr_assert_eq(bench_member(b, 1).version, 3, "the rest of the packet counts");
    /* One that is dead gives way. */
    bench_declare_dead(b, 3, 1, 0);
    cr_assert_eq(bench_record(b, 2, records[0]), 0);
    cr_assert_eq(swim_members_count(b->swim), 5);
    cr_assert_eq(bench_events(b, SWIM_FORGOTTEN, 3), 1);
    bench_free(b);
}

Test(swim_contacts, a_forgotten_member_is_neither_heard_nor_contacted_until_it_is_a_contact_anew) {
    struct bench *b = bench_knowing(2, NULL);
    bench_kind(b, SWIM_FORGET, 1);
    cr_assert_eq(bench_events(b, SWIM_FORGOTTEN, 1), 1);
    bench_clear(b);
    struct wire_ping ping = {.seq = 1, .target = node_id_of(0), .generation = 1};
    bench_packet(b, 1, &(struct wire_swim_packet){.ping = &ping});
    cr_assert_eq(b->effects.count, 0);
    bench_record(b, 2, record_of(1, MEMBER_STATE_ALIVE, 7, 7));
    cr_assert_eq(swim_members_count(b->swim), 2);
    bench_run(b, 300 * SECOND);
    for (size_t i = 0; i < b->effects.count; i++)
        cr_assert_not(id_same(b->effects.data[i].to, node_id_of(1)));
    bench_kind(b, SWIM_CONTACT, 1);
    bench_record(b, 1, record_of(1, MEMBER_STATE_ALIVE, 7, 7));
    cr_assert_eq(bench_member(b, 1).state, MEMBER_STATE_ALIVE);
    bench_free(b);
}

static size_t syncs_to(struct bench *b, size_t member) {
    size_t count = 0;
    struct addr addr = addr_of(member);
    for (size_t i = 0; i < b->effects.count; i++)
        count += b->effects.data[i].kind == SWIM_SYNC_SEND && addr_equal(&b->effects.data[i].addr, &addr);
    return count;
}

Test(swim_contacts, a_seed_is_contacted_at_once_and_for_ever_with_back_off) {
    struct bench *b = bench_new(NULL);
    struct swim_input in = {.kind = SWIM_SEED, .addr = addr_of(7)};
    cr_assert_eq(bench_feed(b, &in), 0);
    cr_assert_eq(syncs_to(b, 7), 1);
    cr_assert(ID_IS_ZERO(b->effects.data[0].to));
    bench_run(b, 10 * SECOND);
    size_t early = syncs_to(b, 7);
    cr_assert(early >= 3 && early <= 6, "%zu in the first 10 s", early);
    bench_run(b, 90 * SECOND);
    bench_clear(b);
    bench_run(b, 1000 * SECOND);
    cr_assert(syncs_to(b, 7) >= 79 && syncs_to(b, 7) <= 134, "%zu in 1000 s", syncs_to(b, 7));
    /* Known alive there: left alone. */
    bench_record(b, 7, record_of(7, MEMBER_STATE_ALIVE, 1, 0));
    bench_clear(b);
    for (int i = 0; i < 100; i++) {
        bench_run(b, 300 * MS);
        bench_kind(b, SWIM_ALIVE_HINT, 7);
    }
    struct wire_swim_sync sync;
    for (size_t i = 0; (i = bench_synced(b, i, &sync)) != SIZE_MAX; i++)
        cr_assert_not(ID_IS_ZERO(b->effects.data[i].to), "only the usual comparisons");
    bench_free(b);
}

Test(swim_contacts, the_own_address_as_a_seed_and_a_seed_twice_are_nothing) {
    struct bench *b = bench_new(NULL);
    struct swim_input own = {.kind = SWIM_SEED, .addr = addr_of(0)},
                      seed = {.kind = SWIM_SEED, .addr = addr_of(7)};
    cr_assert_eq(bench_feed(b, &own), 0);
    cr_assert_eq(bench_feed(b, &seed), 0);
    cr_assert_eq(bench_feed(b, &seed), 0);
    cr_assert_eq(b->effects.count, 1);
    cr_assert_eq(bench_feed(b, &(struct swim_input){.kind = SWIM_SEED}), ERR_INVALID);
    bench_free(b);
}

Test(swim_contacts, contacts_are_tried_in_turn_until_they_are_heard_of) {
    struct bench *b = bench_new(NULL);
    for (size_t i = 1; i <= 20; i++)
        bench_kind(b, SWIM_CONTACT, i);
    cr_assert_eq(b->effects.count, 0, "no storm");
    bench_run(b, 200 * SECOND);
    for (size_t i = 1; i <= 20; i++)
        cr_assert_gt(syncs_to(b, i), 0, "contact %zu was never tried", i);
    cr_assert_eq(swim_members_count(b->swim), 1);
    bench_record(b, 5, record_of(5, MEMBER_STATE_ALIVE, 1, 0));
    cr_assert_eq(bench_member(b, 5).state, MEMBER_STATE_ALIVE);
    bench_free(b);
}

/* After dead_keep a dead member is dropped, but one of the committed table goes on being tried. */
Test(swim_contacts, the_dead_are_forgotten_in_the_end_but_contacts_are_tried_for_ever) {
    struct bench *b = bench_knowing(2, &(struct swim_config){.dead_keep_us = 60 * SECOND});
    bench_kind(b, SWIM_CONTACT, 2);
    bench_declare_dead(b, 2, 1, 0);
    bench_declare_dead(b, 1, 1, 0);
    bench_run(b, 54 * SECOND);
    cr_assert(syncs_to(b, 1) > 0 && syncs_to(b, 2) > 0);
    cr_assert_eq(swim_members_count(b->swim), 3);
    bench_run(b, 7 * SECOND);
    cr_assert_eq(swim_members_count(b->swim), 1);
    cr_assert_eq(bench_events(b, SWIM_FORGOTTEN, SIZE_MAX), 2);
    bench_clear(b);
    bench_run(b, 100 * SECOND);
    cr_assert(syncs_to(b, 1) == 0 && syncs_to(b, 2) > 0);
    bench_free(b);
}

Test(swim_contacts, the_left_are_forgotten_after_an_hour_and_not_contacted) {
    struct bench *b = bench_knowing(1, NULL);
    bench_record(b, 1, record_of(1, MEMBER_STATE_LEFT, 1, 0));
    bench_run(b, 3599 * SECOND);
    cr_assert_eq(syncs_to(b, 1), 0);
    cr_assert_eq(swim_members_count(b->swim), 2);
    bench_run(b, 2 * SECOND);
    cr_assert_eq(swim_members_count(b->swim), 1);
    bench_free(b);
}

Test(swim_contacts, the_export_lists_everybody) {
    struct bench *b = bench_knowing(3, NULL);
    struct wire_member out[8];
    cr_assert_eq(swim_export(b->swim, out, 8), 4);
    cr_assert(id_same(out[0].id, node_id_of(0)) && bytes_is(out[0].name, "n0"));
    cr_assert(bytes_is(out[1].name, "somebody"));
    cr_assert_eq(swim_export(b->swim, out, 2), 2);
    struct swim_member m;
    cr_assert(swim_member_at(b->swim, 3, &m));
    cr_assert_not(swim_member_at(b->swim, 4, &m));
    bench_free(b);
}

Test(swim_contacts, address_name_and_generation_change_with_a_later_incarnation_only) {
    struct bench *b = bench_knowing(2, NULL);
    struct wire_member moved = record_of(1, MEMBER_STATE_ALIVE, 1, 0);
    moved.addr = addr_of(99);
    moved.name = bytes_str("renamed");
    bench_record(b, 2, moved);
    struct swim_member m = bench_member(b, 1);
    cr_assert_not(addr_equal(&m.addr, &moved.addr));
    cr_assert_eq(bench_events(b, SWIM_CHANGED, 1), 0);
    moved.version = 1;
    bench_record(b, 2, moved);
    m = bench_member(b, 1);
    cr_assert(addr_equal(&m.addr, &moved.addr) && bytes_is(m.name, "renamed"));
    cr_assert_eq(bench_events(b, SWIM_CHANGED, 1), 1);
    moved.generation = 2;
    bench_record(b, 2, moved);
    cr_assert_eq(bench_events(b, SWIM_CHANGED, 1), 2, "a restart that nobody missed");
    moved.version = 2;
    bench_record(b, 2, moved);
    cr_assert_eq(bench_events(b, SWIM_CHANGED, 1), 2);
    bench_free(b);
}
