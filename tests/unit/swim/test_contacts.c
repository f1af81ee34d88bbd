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

/* It is tried rarely by then, when somebody living is there to talk to. */
static void last_goes(bool is_taken_out) {
    struct bench *b = bench_knowing(2, NULL);
    bench_declare_dead(b, 2, 1, 0);
    for (size_t tries = 0; tries == 0 || b->now_us < 900 * SECOND;) {
        bench_clear(b);
        bench_run(b, 300 * MS);
        bench_kind(b, SWIM_ALIVE_HINT, 1);
        tries = syncs_to(b, 2); /* the last one is just over */
    }
    cr_assert_eq(bench_member(b, 1).state, MEMBER_STATE_ALIVE);
    bench_clear(b);
    if (is_taken_out)
        bench_kind(b, SWIM_FORGET, 1);
    else
        bench_record(b, 1, record_of(1, MEMBER_STATE_LEFT, 1, 0));
    bench_run(b, 2 * SECOND);
    cr_assert_gt(syncs_to(b, 2), 0);
    bench_free(b);
}

Test(swim_contacts, the_dead_are_tried_soon_when_the_last_one_living_leaves) { last_goes(false); }

Test(swim_contacts, the_dead_are_tried_soon_when_the_last_one_living_is_taken_out) { last_goes(true); }

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

/* ---- many, and elsewhere ------------------------------------------------------------------------------- */

/* Those that have left for good must not keep newcomers out; nor are the dead forgotten before them. */
Test(swim_contacts, in_a_full_table_who_left_gives_way_first_then_the_dead_and_nobody_who_lives) {
    struct bench *b = bench_knowing(4, &(struct swim_config){.members_max = 5});
    bench_declare_dead(b, 1, 1, 0);
    bench_record(b, 2, record_of(2, MEMBER_STATE_LEFT, 1, 0));
    cr_assert_eq(bench_record(b, 3, record_of(11, MEMBER_STATE_ALIVE, 1, 0)), 0);
    cr_assert_eq(bench_events(b, SWIM_FORGOTTEN, 2), 1);
    cr_assert_eq(bench_events(b, SWIM_FORGOTTEN, 1), 0);
    cr_assert_eq(bench_record(b, 3, record_of(12, MEMBER_STATE_ALIVE, 1, 0)), 0);
    cr_assert_eq(bench_events(b, SWIM_FORGOTTEN, 1), 1);
    cr_assert_eq(bench_record(b, 3, record_of(13, MEMBER_STATE_ALIVE, 1, 0)), ERR_LIMIT);
    cr_assert_eq(bench_events(b, SWIM_FORGOTTEN, SIZE_MAX), 2);
    bench_free(b);
}

/* A name of the seeds may lead to every host that there is: one of them gives its table, not each. */
Test(swim_contacts, many_seeds_are_bounded_and_cost_one_table) {
    enum { SEEDS = 64 };
    struct bench *b = bench_new(NULL);
    struct wire_member records[SEEDS];
    for (size_t i = 0; i < SEEDS; i++) {
        records[i] = record_of(i + 1, MEMBER_STATE_ALIVE, 1, 0);
        struct swim_input seed = {.kind = SWIM_SEED, .addr = addr_of(i + 1)};
        cr_assert_eq(bench_feed(b, &seed), 0);
    }
    cr_assert_eq(bench_feed(b, &(struct swim_input){.kind = SWIM_SEED, .addr = addr_of(99)}), ERR_LIMIT);
    /* It is by streams that is found out who is there; the first that opens is asked. */
    bench_clear(b);
    bench_kind(b, SWIM_STREAM, 1);
    struct wire_swim_sync sync;
    cr_assert(bench_synced(b, 0, &sync) != SIZE_MAX && sync.table);
    bench_sync(b, 1, true, records, SEEDS);
    cr_assert_eq(swim_members_count(b->swim), SEEDS + 1);
    bench_clear(b);
    for (size_t i = 2; i <= SEEDS; i++)
        bench_kind(b, SWIM_STREAM, i);
    cr_assert_eq(bench_synced(b, 0, &sync), SIZE_MAX, "they are known and live: nothing to ask");
    bench_free(b);
}

/* Names lead elsewhere in time: it must not be those of last year that are tried, with no room for today's.
 */
Test(swim_contacts, seeds_of_yesterday_give_way_to_those_of_today) {
    struct bench *b = bench_new(NULL);
    struct swim_input seed = {.kind = SWIM_SEED};
    size_t at = 100;
    for (; at < 164; at++) {
        seed.addr = addr_of(at);
        cr_assert_eq(bench_feed(b, &seed), 0);
    }
    for (int i = 0; i < 200; i++, at++) {
        bench_run(b, 30 * SECOND);
        seed.addr = addr_of(100); /* this name goes on leading to one place */
        cr_assert_eq(bench_feed(b, &seed), 0);
        bench_run(b, 40 * SECOND);
        bench_clear(b);
        seed.addr = addr_of(at);
        cr_assert_eq(bench_feed(b, &seed), 0, "the %zuth is refused", at - 99);
        cr_assert_eq(syncs_to(b, at), 1, "and it is tried at once");
    }
    bench_clear(b);
    bench_run(b, 3600 * SECOND);
    cr_assert_gt(syncs_to(b, 100), 0, "told all the time");
    cr_assert_gt(syncs_to(b, at - 1), 0);
    cr_assert_eq(syncs_to(b, at - 80), 0, "somebody else may be there by now");
    bench_free(b);
}

/* These are well meanwhile. */
static void calm(struct bench *b, size_t first, size_t last, int64_t us) {
    for (int64_t end_us = b->now_us + us; b->now_us < end_us;) {
        bench_run(b, 250 * MS);
        for (size_t i = first; i <= last; i++)
            bench_kind(b, SWIM_ALIVE_HINT, i);
    }
}

/* The name of a host that moved: where it was is not dialled for ever. */
Test(swim_contacts, an_address_that_its_name_leads_to_no_more_is_given_up) {
    struct bench *b = bench_knowing(3, NULL);
    struct swim_input old = {.kind = SWIM_SEED, .addr = addr_of(50)}, told_once = old, new = old;
    told_once.addr = addr_of(51);
    new.addr = addr_of(52);
    cr_assert_eq(bench_feed(b, &told_once), 0);
    for (int i = 0; i < 2 * 240; i++) { /* two hours; the name changes in the middle of the first */
        cr_assert_eq(bench_feed(b, i < 120 ? &old : &new), 0);
        if (i == 360)
            bench_clear(b);
        calm(b, 1, 3, 15 * SECOND);
    }
    cr_assert_eq(syncs_to(b, 50), 0);
    cr_assert_gt(syncs_to(b, 51), 0, "an operator gave it once, and for ever");
    cr_assert_gt(syncs_to(b, 52), 0);
    bench_free(b);
}

/* While nobody is there, or no name is found at all, nothing is given up. */
Test(swim_contacts, who_is_alone_gives_no_seed_up) {
    struct bench *b = bench_new(NULL);
    struct swim_input old = {.kind = SWIM_SEED, .addr = addr_of(50)}, new = old;
    new.addr = addr_of(52);
    for (int i = 0; i < 8; i++)
        cr_assert_eq(bench_feed(b, &old), 0);
    for (int i = 0; i < 200; i++) {
        bench_run(b, 60 * SECOND);
        cr_assert_eq(bench_feed(b, &new), 0);
    }
    bench_clear(b);
    bench_run(b, 60 * SECOND);
    cr_assert(syncs_to(b, 50) > 0 && syncs_to(b, 52) > 0);
    bench_free(b);
}

/* A rack that comes up while the others are gone must not dial all that it ever knew in one go, nor pause. */
Test(swim_contacts, who_is_alone_tries_three_at_a_time) {
    struct bench *b = bench_new(NULL);
    for (size_t i = 1; i <= 200; i++) {
        struct swim_input contact = {.kind = SWIM_CONTACT, .from = node_id_of(i), .addr = addr_of(i)};
        cr_assert_eq(bench_feed(b, &contact), 0);
    }
    bench_run(b, 60 * SECOND);
    bench_clear(b);
    bench_run(b, 120 * SECOND);
    size_t tries = 0;
    for (size_t i = 1; i <= 200; i++)
        tries += syncs_to(b, i);
    cr_assert(tries >= 3 * 9 && tries <= 3 * 16, "%zu in two minutes, one turn each 10 s", tries);
    bench_free(b);
}

/* Who is gone for a day is not tried as if it were just back. */
Test(swim_contacts, the_longer_one_is_dead_the_rarer_it_is_tried) {
    static const struct {
        int64_t from_s, end_s;
        size_t every_s;
    } spans[] = {{0, 600, 20}, {660, 3600, 40}, {3660, 7200, 80}, {86460, 90000, 120}};
    size_t tries[4] = {0};
    struct bench *b = bench_knowing(2, NULL);
    bench_declare_dead(b, 1, 1, 0);
    for (int64_t at_s = 0; at_s < 90000; at_s++) {
        bench_clear(b);
        calm(b, 2, 2, SECOND);
        for (size_t i = 0; i < 4; i++)
            if (at_s >= spans[i].from_s && at_s < spans[i].end_s)
                tries[i] += syncs_to(b, 1);
    }
    for (size_t i = 0; i < 4; i++) {
        size_t expected = (size_t)(spans[i].end_s - spans[i].from_s) / spans[i].every_s;
        cr_assert(tries[i] >= expected * 4 / 5 && tries[i] <= expected * 5 / 4,
                  "%zu tries in %lld s, from %lld s on", tries[i],
                  (long long)(spans[i].end_s - spans[i].from_s), (long long)spans[i].from_s);
    }
    bench_free(b);
}

static size_t sent_to_addr(const struct bench *b, struct addr addr) {
    size_t count = 0;
    for (size_t i = 0; i < b->effects.count; i++)
        count += b->effects.data[i].kind != SWIM_EVENT && addr_equal(&b->effects.data[i].addr, &addr);
    return count;
}

/* Somebody else may be there by now. */
Test(swim_contacts, the_old_address_of_one_that_moved_is_not_dialled_any_more) {
    struct bench *b = bench_knowing(4, NULL);
    struct addr old = addr_of(1), new = addr_of(70);
    bench_declare_dead(b, 1, 1, 0);
    bench_clear(b);
    bench_run(b, 30 * SECOND);
    cr_assert_gt(sent_to_addr(b, old), 0, "while it is dead it is tried where it was");
    struct wire_member moved = record_of(1, MEMBER_STATE_ALIVE, 2, 0);
    moved.addr = new;
    bench_record(b, 2, moved);
    bench_clear(b);
    for (int i = 0; i < 300; i++) {
        bench_run(b, 100 * MS);
        for (size_t k = 1; k <= 4; k++)
            bench_kind(b, SWIM_ALIVE_HINT, k);
    }
    cr_assert(sent_to_addr(b, old) == 0 && sent_to_addr(b, new) > 0, "%zu", sent_to_addr(b, old));
    bench_declare_dead(b, 1, 2, 0);
    bench_clear(b);
    bench_run(b, 30 * SECOND);
    cr_assert(sent_to_addr(b, old) == 0 && sent_to_addr(b, new) > 0, "%zu when it is dead again",
              sent_to_addr(b, old));
    bench_free(b);
}

/* Else a name, and who it is that answers there, could be taken over with any word from the past. */
Test(swim_contacts, who_left_or_died_is_not_brought_back_elsewhere_by_an_older_word) {
    static const struct { uint32_t generation, version; } older[] = {{3, 5}, {3, 4}, {2, 9}};
    for (int left = 0; left < 2; left++) {
        struct bench *b = bench_knowing(4, NULL);
        bench_record(b, 2, record_of(1, MEMBER_STATE_ALIVE, 3, 5));
        if (left)
            bench_record(b, 2, record_of(1, MEMBER_STATE_LEFT, 3, 5));
        else
            bench_declare_dead(b, 1, 3, 5);
        bench_clear(b);
        for (size_t i = 0; i < 3; i++) {
            struct wire_member word = record_of(1, MEMBER_STATE_ALIVE, older[i].generation, older[i].version);
            struct addr own = addr_of(1);
            word.addr = addr_of(99);
            word.name = bytes_str("impostor");
            bench_record(b, 3, word);
            struct swim_member m = bench_member(b, 1);
            cr_assert_eq(m.state, left ? MEMBER_STATE_LEFT : MEMBER_STATE_DEAD, "word %zu", i);
            cr_assert(addr_equal(&m.addr, &own) && bytes_is(m.name, "somebody"), "word %zu", i);
        }
        cr_assert_eq(bench_events(b, SWIM_JOINED, 1), 0);
        bench_free(b);
    }
}

/* An agent that took "any address" for its own would send all others nowhere. */
Test(swim_contacts, nobody_moves_to_where_nobody_can_be) {
    struct bench *b = bench_knowing(2, NULL);
    struct wire_member any = record_of(1, MEMBER_STATE_ALIVE, 1, 1), no_port = any;
    struct addr own = addr_of(0), its = addr_of(1);
    memset(any.addr.b, 0, 4);
    addr_set_port(&no_port.addr, 0);
    no_port.version = 2;
    bench_record(b, 1, any);
    cr_assert_eq(bench_member(b, 1).version, 1, "that it is there, though, it may tell");
    bench_record(b, 1, no_port);
    struct swim_member m = bench_member(b, 1);
    cr_assert(addr_equal(&m.addr, &its) && m.version == 2);
    cr_assert_eq(bench_feed(b, &(struct swim_input){.kind = SWIM_MOVE, .addr = any.addr}), ERR_INVALID);
    cr_assert_eq(bench_feed(b, &(struct swim_input){.kind = SWIM_MOVE, .addr = no_port.addr}), ERR_INVALID);
    m = bench_member(b, 0);
    cr_assert(addr_equal(&m.addr, &own) && m.version == 0);
    bench_free(b);
}

/* A word of another is enough to be listed, not to stay. */
Test(swim_contacts, who_is_heard_of_and_never_answers_is_dead_in_a_while) {
    struct bench *b = bench_knowing(6, NULL);
    bench_record(b, 2, record_of(9, MEMBER_STATE_ALIVE, 1, 0));
    for (int i = 0; i < 400; i++) {
        bench_run(b, 100 * MS);
        for (size_t k = 1; k <= 6; k++)
            bench_kind(b, SWIM_ALIVE_HINT, k);
    }
    cr_assert_eq(bench_member(b, 9).state, MEMBER_STATE_DEAD);
    bench_record(b, 2, record_of(9, MEMBER_STATE_ALIVE, 1, 0));
    cr_assert_eq(bench_member(b, 9).state, MEMBER_STATE_DEAD, "nor does the same word bring it back");
    bench_free(b);
}
