/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Whose word counts, for how long, and how much of it. */
#include "harness.h"

#include <stdio.h>

static struct wire_gossip_fact fact(const char *key, const char *value, uint64_t version) {
    return (struct wire_gossip_fact){.key = bytes_str(key), .value = bytes_str(value), .version = version};
}

static const struct gossip_counters *counters(const struct room *r, size_t host) {
    return gossip_counters(r->hosts[host]);
}

/* ---- runs and members ---- */

Test(owners, a_new_run_is_later_than_all_that_was_said_before) {
    struct room r;
    room_init(&r, 4);
    for (int i = 0; i < 30; i++) {
        char value[16];
        snprintf(value, sizeof value, "%d", i);
        room_set(&r, 0, "host", value);
        room_set(&r, 0, "old", "1");
        room_talk(&r, US_PER_S, false);
    }
    room_talk(&r, 10 * US_PER_S, false);
    room_start(&r, 0);
    room_set(&r, 0, "host", "again");
    room_talk(&r, 15 * US_PER_S, false);
    for (size_t i = 1; i < 4; i++) {
        cr_assert_str_eq(room_get(&r, i, 0, "host"), "again");
        cr_assert_str_eq(room_get(&r, i, 0, "old"), "", "a fact of an earlier run");
    }
    room_done(&r);
}

Test(owners, a_life_that_was_forgotten_does_not_win) {
    struct room r;
    room_init(&r, 3);
    r.generation[0] = 7;
    room_start(&r, 0);
    room_set(&r, 0, "host", "before");
    room_talk(&r, 10 * US_PER_S, false);
    r.generation[0] = 2; /* a restored disk */
    room_start(&r, 0);
    room_set(&r, 0, "host", "after");
    room_talk(&r, 40 * US_PER_S, false);
    for (size_t i = 0; i < 3; i++)
        cr_assert_str_eq(room_get(&r, i, 0, "host"), "after", "host %zu", i);
    cr_assert_gt(counters(&r, 0)->self_ahead, 0);
    room_done(&r);
}

Test(owners, the_same_run_under_another_version_is_raised_above_it) {
    struct room r;
    room_init(&r, 2);
    struct wire_gossip_fact said[] = {fact("host", "other", 90)};
    room_set(&r, 0, "host", "own");
    room_tick(&r, US_PER_S);
    room_say(&r, 0, 1, 90, 0, said, 1, 0, 1); /* it comes back to its owner */
    cr_assert_gt(room_owner(&r, 0, 0).version, 90);
    cr_assert_str_eq(room_get(&r, 0, 0, "host"), "own");
    room_say(&r, 0, 1, 90, 0, said, 1, 1, 1);
    room_compare(&r, 0, 1);
    cr_assert_str_eq(room_get(&r, 1, 0, "host"), "own");
    room_done(&r);
}

Test(owners, who_has_left_has_no_facts_and_its_run_gets_none_again) {
    struct room r;
    room_knowing(&r, 3);
    room_hear(&r, 1, GOSSIP_LEFT, 0);
    cr_assert_str_eq(room_get(&r, 1, 0, "host"), "");
    room_compare(&r, 1, 2);
    cr_assert_str_eq(room_get(&r, 1, 0, "host"), "", "somebody who had not heard of it brought them back");
    room_start(&r, 0);
    room_set(&r, 0, "host", "back");
    room_talk(&r, 20 * US_PER_S, false);
    cr_assert_str_eq(room_get(&r, 1, 0, "host"), "back");
    room_done(&r);
}

/* Left, given an empty disk, and a member again: its runs are counted from 1, and reach the old number. */
Test(owners, who_has_left_is_heard_again_when_it_lives_in_the_same_generation) {
    struct room r;
    room_knowing(&r, 3);
    room_hear(&r, 1, GOSSIP_LEFT, 0);
    room_compare(&r, 1, 2);
    cr_assert_str_eq(room_get(&r, 1, 0, "host"), "");
    room_hear(&r, 1, GOSSIP_RETURNED, 0);
    room_compare(&r, 1, 2);
    cr_assert_str_eq(room_get(&r, 1, 0, "host"), "here");
    room_done(&r);
}

Test(owners, no_facts_of_those_that_are_no_members) {
    struct room r;
    room_knowing(&r, 3);
    room_hear(&r, 1, GOSSIP_FORGET, 0);
    struct gossip_owner o;
    cr_assert_not(gossip_owner_find(r.hosts[1], room_id(&r, 0), &o));
    room_compare(&r, 1, 2);
    room_compare(&r, 2, 1);
    cr_assert_not(gossip_owner_find(r.hosts[1], room_id(&r, 0), &o));
    cr_assert_gt(counters(&r, 1)->refused_stranger, 0);
    room_done(&r);
}

/* ---- signatures ---- */

Test(words, what_an_owner_did_not_sign_is_refused_and_not_passed_on) {
    struct room r;
    room_init(&r, 3);
    struct wire_gossip_fact good[] = {fact("host", "good", 5)};
    struct wire_gossip_fact bad[] = {fact("host", "evil", 6)};
    room_say(&r, 0, 1, 5, 0, good, 1, 1, 2);
    cr_assert_str_eq(room_get(&r, 1, 0, "host"), "good");
    /* Host 2 signs with its own key what it says is of host 0. */
    struct identity own = r.identity[0];
    r.identity[0] = r.identity[2];
    r.identity[0].id = own.id;
    room_say(&r, 0, 1, 6, 0, bad, 1, 1, 2);
    r.identity[0] = own;
    cr_assert_str_eq(room_get(&r, 1, 0, "host"), "good");
    cr_assert_eq(counters(&r, 1)->refused_forged, 1);
    cr_assert_eq(r.refused[1], 1, "nobody is told");
    room_done(&r);
}

/* A relay that gives the newest head with older or other facts. */
Test(words, facts_that_are_not_those_that_were_signed_are_asked_for_again_and_refused) {
    struct room r;
    room_init(&r, 3);
    room_set(&r, 0, "a", "1");
    room_set(&r, 0, "b", "1");
    room_tick(&r, US_PER_S);
    struct buf out = {0};
    gossip_fill(r.hosts[0], r.now_us, 1200, &out);
    struct arena a = {0};
    struct wire_gossip_packet p;
    cr_assert_eq(codec_decode(&wire_gossip_packet_type, buf_bytes(&out), &a, &p, NULL), 0);
    cr_assert_eq(p.news_count, 1);
    struct wire_gossip_news news = p.news[0], cut = news;
    cut.facts_count = 1;
    struct wire_gossip_news changed = news;
    struct wire_gossip_fact other[2] = {news.facts[0], news.facts[1]};
    other[1].value = bytes_str("2");
    changed.facts = other;
    const struct wire_gossip_news *tries[] = {&cut, &changed};
    for (size_t i = 0; i < 2; i++) {
        struct wire_gossip_packet sent = {.news = (struct wire_gossip_news *)(uintptr_t)tries[i],
                                          .news_count = 1};
        struct buf packet = {0};
        codec_encode(&wire_gossip_packet_type, &sent, &packet);
        room_feed(&r, 1,
                  &(struct gossip_input){
                      .kind = GOSSIP_PACKET, .from = room_id(&r, 2), .packet = buf_bytes(&packet)});
        buf_done(&packet);
        cr_assert_str_eq(room_get(&r, 1, 0, "a"), "");
        cr_assert_str_eq(room_get(&r, 1, 0, "b"), "");
    }
    cr_assert_eq(counters(&r, 1)->refused_forged, 2);
    arena_done(&a);
    buf_done(&out);
    room_done(&r);
}

Test(words, an_older_word_does_not_take_the_place_of_a_newer_one) {
    struct room r;
    room_init(&r, 2);
    struct wire_gossip_fact older[] = {fact("host", "old", 5)}, newer[] = {fact("host", "new", 9)};
    room_say(&r, 0, 2, 9, 0, newer, 1, 1, 1);
    room_say(&r, 0, 2, 5, 0, older, 1, 1, 1);
    cr_assert_str_eq(room_get(&r, 1, 0, "host"), "new");
    struct wire_gossip_fact before[] = {fact("host", "earlier run", 100)};
    room_say(&r, 0, 1, 100, 0, before, 1, 1, 1);
    cr_assert_str_eq(room_get(&r, 1, 0, "host"), "new");
    cr_assert_eq(counters(&r, 1)->stale, 2);
    room_done(&r);
}

Test(words, of_two_words_of_one_version_all_keep_the_same) {
    struct room r;
    room_init(&r, 5);
    struct wire_gossip_fact one[] = {fact("host", "one", 5)}, two[] = {fact("host", "two", 5)};
    for (size_t i = 1; i < 5; i++)
        room_say(&r, 0, 3, 5, 0, i % 2 ? one : two, 1, i, i);
    /* Its owner does not run. */
    for (unsigned round = 0; round < 3; round++)
        for (size_t i = 1; i < 5; i++)
            room_compare(&r, i, i % 4 + 1);
    for (size_t i = 2; i < 5; i++)
        cr_assert_str_eq(room_get(&r, i, 0, "host"), room_get(&r, 1, 0, "host"));
    cr_assert_gt(counters(&r, 1)->conflicts + counters(&r, 2)->conflicts, 0, "nobody says so");
    room_done(&r);
}

Test(words, what_makes_no_sense_changes_nothing) {
    struct room r;
    room_init(&r, 2);
    struct wire_gossip_fact twice[] = {fact("a", "1", 4), fact("a", "2", 5)};
    struct wire_gossip_fact unsorted[] = {fact("b", "1", 4), fact("a", "2", 5)};
    struct wire_gossip_fact later[] = {fact("a", "1", 9)};
    struct wire_gossip_fact empty[] = {fact("a", "", 5)};
    room_say(&r, 0, 1, 5, 0, twice, 2, 1, 1);
    room_say(&r, 0, 1, 5, 0, unsorted, 2, 1, 1);
    room_say(&r, 0, 1, 5, 0, later, 1, 1, 1);
    room_say(&r, 0, 1, 5, 0, empty, 1, 1, 1);
    room_say(&r, 0, 1, 0, 0, NULL, 0, 1, 1);
    cr_assert_eq(room_owner(&r, 1, 0).version, 0);
    cr_assert_eq(counters(&r, 1)->refused_invalid, 5);
    room_done(&r);
}

/* ---- the blast radius ---- */

Test(limits, an_owner_is_told_that_its_own_facts_are_too_large) {
    struct room r;
    room_init(&r, 2);
    static uint8_t value[5000];
    struct gossip_input in = {
        .kind = GOSSIP_SET, .key = bytes_str("k"), .value = bytes_of(value, WIRE_FACT_VALUE_MAX + 1)};
    memset(value, 'v', sizeof value);
    cr_assert_eq(room_feed(&r, 0, &in), ERR_LIMIT);
    cr_assert_eq(r.refused[0], 1);
    in.value.size = WIRE_FACT_VALUE_MAX;
    unsigned taken = 0;
    for (unsigned i = 0; i < 32; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%02u", i);
        in.key = bytes_str(key);
        taken += room_feed(&r, 0, &in) == 0;
    }
    cr_assert_eq(taken, 15, "64 KiB of keys and values");
    in.value.size = 0; /* room is made */
    in.key = bytes_str("k00");
    cr_assert_eq(room_feed(&r, 0, &in), 0);
    in.value.size = 100;
    in.key = bytes_str("other");
    cr_assert_eq(room_feed(&r, 0, &in), 0);
    cr_assert_eq(counters(&r, 0)->refused_own, 1 + 17);
    room_done(&r);
}

Test(limits, no_more_keys_than_may_be) {
    struct room r;
    room_init(&r, 2);
    unsigned taken = 0;
    for (unsigned i = 0; i < 100; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%02u", i);
        taken += room_feed(&r, 0,
                           &(struct gossip_input){
                               .kind = GOSSIP_SET, .key = bytes_str(key), .value = bytes_str("v")}) == 0;
        room_tick(&r, 100 * US_PER_MS);
    }
    cr_assert_eq(taken, WIRE_FACTS_MAX);
    room_done(&r);
}

Test(limits, an_owner_that_keeps_to_none_stays_alone) {
    struct room r;
    room_init(&r, 3);
    static struct wire_gossip_fact many[WIRE_FACTS_MAX + 1];
    static char keys[WIRE_FACTS_MAX + 1][8];
    for (unsigned i = 0; i <= WIRE_FACTS_MAX; i++) {
        snprintf(keys[i], sizeof keys[i], "k%03u", i);
        many[i] = fact(keys[i], "v", i + 1);
    }
    room_say(&r, 0, 1, 100, 0, many, WIRE_FACTS_MAX + 1, 1, 1);
    cr_assert_eq(room_owner(&r, 1, 0).version, 0);
    cr_assert_eq(counters(&r, 1)->refused_limit, 1);
    cr_assert_eq(r.refused[1], 1, "nobody is told");
    static uint8_t value[4096];
    static struct wire_gossip_fact large[17];
    for (unsigned i = 0; i < 17; i++)
        large[i] = (struct wire_gossip_fact){
            .key = bytes_str(keys[i]), .value = bytes_of(value, sizeof value), .version = i + 1};
    room_say(&r, 0, 1, 101, 0, large, 17, 1, 1);
    cr_assert_eq(counters(&r, 1)->refused_limit, 2);
    r.datagram_bytes = 0;
    r.holds_streams = true;
    room_talk(&r, 10 * US_PER_S, false);
    cr_assert_eq(r.streams.count, 0, "it is passed on");
    room_say(&r, 0, 1, 102, 0, many, 3, 1, 1); /* and is taken again when it keeps to them */
    cr_assert_eq(room_owner(&r, 1, 0).version, 102);
    room_done(&r);
}

Test(limits, an_owner_that_changes_all_the_time_is_not_followed) {
    struct room r;
    room_init(&r, 3);
    static uint8_t value[4000];
    uint64_t version = 0;
    for (unsigned i = 0; i < 1000; i++) {
        struct wire_gossip_fact f = {
            .key = bytes_str("k"), .value = bytes_of(value, sizeof value), .version = ++version};
        value[0] = (uint8_t)i;
        room_say(&r, 0, 1, version, 0, &f, 1, 1, 1);
        room_tick(&r, 100 * US_PER_MS);
    }
    /* 4.2 KB each, 128 KiB at once and a KiB a second after that, for 100 s. */
    cr_assert_leq(counters(&r, 1)->taken, 60);
    cr_assert_geq(counters(&r, 1)->taken, 40);
    cr_assert_eq(counters(&r, 1)->refused_rate, 1000 - counters(&r, 1)->taken);
    cr_assert_leq(r.refused[1], 2, "it is said at each");
    cr_assert_geq(r.refused[1], 1);
    /* Nobody else pays for it. */
    room_set(&r, 2, "host", "well");
    room_tick(&r, US_PER_S);
    room_compare(&r, 1, 2);
    cr_assert_str_eq(room_get(&r, 1, 2, "host"), "well");
    room_tick(&r, 100 * US_PER_S);
    struct wire_gossip_fact calm[] = {fact("k", "calm", version + 1)};
    room_say(&r, 0, 1, version + 1, 0, calm, 1, 1, 1);
    cr_assert_str_eq(room_get(&r, 1, 0, "k"), "calm");
    room_done(&r);
}

Test(limits, an_honest_owner_holds_itself_back_and_is_never_refused) {
    struct room r;
    room_init(&r, 2);
    for (unsigned i = 0; i < 3000; i++) {
        room_set_size(&r, 0, "k", 4000, (uint8_t)i);
        room_tick(&r, 300 * US_PER_MS);
        room_datagram(&r, 0, 1, 1200, false);
    }
    room_tick(&r, 60 * US_PER_S);
    for (unsigned i = 0; i < 10; i++)
        room_datagram(&r, 0, 1, 1200, false);
    cr_assert_eq(counters(&r, 1)->refused_rate, 0);
    cr_assert_gt(r.marks.hits[MARK_GOSSIP_OWN_HELD_BACK], 0);
    cr_assert(room_agrees(&r));
    room_done(&r);
}

Test(limits, comparisons_are_served_within_a_budget) {
    struct room r;
    room_init(&r, 3);
    for (unsigned i = 0; i < 15; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%02u", i);
        room_set_size(&r, 0, key, 4000, (uint8_t)i);
    }
    room_tick(&r, US_PER_S);
    r.holds_streams = true;
    struct wire_gossip_held wanted = {.owner = room_id(&r, 0)};
    struct wire_gossip_sync ask = {.wanted = &wanted, .wanted_count = 1};
    struct buf out = {0};
    codec_encode(&wire_gossip_sync_type, &ask, &out);
    for (unsigned i = 0; i < 1000; i++)
        room_feed(
            &r, 0,
            &(struct gossip_input){.kind = GOSSIP_SYNC, .from = room_id(&r, 1), .packet = buf_bytes(&out)});
    cr_assert_leq(r.stream_bytes, 3u << 20, "%llu", (unsigned long long)r.stream_bytes);
    cr_assert_gt(counters(&r, 0)->put_off, 900);
    buf_done(&out);
    room_done(&r);
}
