/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * What has gone wrong in other implementations, or hurts in practice, and which test holds that it does not
 * here. Many have their story in this file; those of one room are in the file of that room.
 *
 *   what hurt                                     | what holds it
 *   --------------------------------------------- + ----------------------------------------------------
 *   the dead are skipped: halves never merge      | a_cut_of_a_day_heals_..., healing:
 *                                                 | two_halves_cut_..., a_one_way_cut_heals_too,
 *                                                 | a_cut_of_seventy_hours_..., contacts:
 *                                                 | the_longer_one_is_dead_the_rarer_...
 *   healing is a storm, or kills                  | transitions: in_a_merge_dead_counts_as_suspect,
 *                                                 | accusations_of_a_merge_..., tables:
 *                                                 | who_was_dead_for_long_...
 *   joining is tried once, or at stale addresses  | stale_seeds_at_the_start_are_no_end, cluster:
 *                                                 | a_seed_that_starts_late_is_found, contacts:
 *                                                 | a_seed_is_..., seeds_of_yesterday_give_way_...,
 *                                                 | who_is_alone_gives_no_seed_up, node_join:
 *                                                 | a_newcomer_tries_next_where_...,
 *                                                 | the_members_of_before_leave_room_...
 *   joining asks everybody for everything         | contacts: many_seeds_are_bounded_...,
 *                                                 | who_is_alone_tries_three_..., tables:
 *                                                 | when_too_many_...,
 *                                                 | a_joiner_does_not_gossip_the_table_...
 *   a restart below the own past stays dead       | healing, signed: a_lost_generation_is_found_again...,
 *                                                 | packets: a_stale_alive_..., a_member_behind_...
 *   a higher death is not kept: stale resurrects  | transitions: a_stale_alive_does_not_resurrect_...,
 *                                                 | each_cell_...
 *   "left" can be forged, a name taken over       | transitions: nobody_accuses_itself, signed:
 *                                                 | nobody_is_sent_..., contacts:
 *                                                 | who_left_or_died_is_not_brought_back_...
 *   an incarnation above which none is            | transitions: an_incarnation_that_leaves_no_room_...
 *   one or two accuse hundreds, who refute        | a_member_that_hears_nobody_...,
 *                                                 | who_is_refuted_again_..., packets:
 *                                                 | what_was_concluded_alone_is_not_told_on
 *   one bad link, or one bad host, drags others   | who_is_reached_by_one_other_...,
 *                                                 | a_star_of_five_holds,
 *                                                 | who_loses_most_of_its_packets_..., cluster:
 *                                                 | a_broken_link_...
 *   too little processor for some                 | agents_that_stop_again_and_again_...
 *   the own stop is blamed on others              | a_late_loop_..., a_stop_at_the_wrong_moment_...,
 *                                                 | who_hears_..., cluster:
 *                                                 | a_member_stopped_for_30_seconds_..., probe:
 *                                                 | a_helper_that_was_stopped_...
 *   queues grow without bound                     | tables: more_news_than_..., probe: more_requests_...,
 *                                                 | packets: a_newer_rumour_...,
 *                                                 | a_table_of_dead_is_answered_...
 *   replies to the dead flood                     | packets:
 *                                                 | whoever_is_held_dead_..._is_told_once_a_period,
 *                                                 | one_accusation_told_a_hundred_times_...
 *   an address used again, another cluster's host | healing: an_address_used_again_..., packets:
 *                                                 | a_ping_for_..., signed: only_a_card_..., envelope:
 *                                                 | is_bound_to_cluster_...
 *   moved, left and back, or at 0.0.0.0           | everybody_gets_a_new_address_...,
 *                                                 | who_left_may_return_..., contacts:
 *                                                 | the_old_address_..., nobody_moves_to_where_...,
 *                                                 | an_address_that_its_name_leads_to_no_more_...
 *   one key on two hosts                          | signed: two_hosts_with_one_key_..., node_join:
 *                                                 | two_agents_with_one_key_say_so_...
 *   those who left fill the table                 | those_who_are_gone_..., contacts:
 *                                                 | in_a_full_table_who_left_...
 *   tables larger than a message, 255 and more    | tables: hundreds_of_new_records_...,
 *                                                 | one_comparison_is_...
 *   work that grows with the group while idle     | cluster: idle_each_member_..., tables:
 *                                                 | equal_tables_move_...
 *   news starves, or is too long for a packet     | packets: rumours_told_least_...,
 *                                                 | a_packet_never_exceeds_..., signed:
 *                                                 | the_longest_record_fits_..., facts:
 *                                                 | are_told_in_datagrams_that_membership_fills,
 *                                                 | spread: who_says_much_keeps_nobody_...,
 *                                                 | what_no_datagram_can_take_..., scale:
 *                                                 | with_more_news_than_can_be_kept_...
 *   datagrams one way only, streams both          | probe: a_stream_from_the_target_is_as_good_as_an_ack
 *   packets corrupted, or made to break           | packets: truncated_and_random_...,
 *                                                 | corrupted_packets_..., tables:
 *                                                 | steps_that_make_no_sense_are_refused
 *   helpers missed in a small group               | probe: with_as_few_others_as_helpers_each_is_asked
 *   nacks come too late: the prober blames itself | probe: a_nack_is_sent_at_80_percent_...
 *   ghosts: the dead learnt second-hand           | transitions: the_unknown_dead_..., contacts:
 *                                                 | who_is_heard_of_...
 */

#include "harness.h"

#define ALL SIZE_MAX

/* ---- cuts ---------------------------------------------------------------------------------------------- */

/* Implementations that skip the dead split for good, or merge by a storm of refutations. */
Test(swim_pitfalls, a_cut_of_a_day_heals_by_itself_within_the_bound_and_nobody_has_to_refute) {
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct cluster *c = cluster_new_signed(10, seed, NULL);
        cluster_start(c, 0);
        for (size_t i = 1; i < 10; i++) {
            cluster_start(c, i);
            cluster_feed(c, i, SWIM_CONTACT, 0);
        }
        cr_assert(cluster_until(c, 30 * SECOND, cluster_converged));
        cluster_run(c, 20 * SECOND);
        cluster_split(c, 4, true);
        cluster_run(c, 26 * 3600 * SECOND);
        cluster_split(c, 4, false);
        int64_t from_us = c->now_us;
        /* 75 s until the next try of the smaller side, and 15 for what follows. */
        cr_assert(cluster_until(c, 90 * SECOND, cluster_converged), "seed %lu", (unsigned long)seed);
        cluster_run(c, 60 * SECOND);
        cr_assert(cluster_converged(c));
        cr_assert_eq(cluster_count(c, SWIM_DIED, ALL, ALL, from_us), 0);
        cr_assert_eq(cluster_count(c, SWIM_SELF_REFUTED, ALL, ALL, from_us), 0);
        cluster_free(c);
    }
}

/* The names of the seeds led to addresses of yesterday; the right one comes up later. */
Test(swim_pitfalls, stale_seeds_at_the_start_are_no_end) {
    struct cluster *c = cluster_new(6, 4, NULL);
    for (size_t i = 1; i < 6; i++) {
        cluster_start(c, i);
        struct swim_input stale = {.kind = SWIM_SEED, .addr = addr_of(900)};
        swim_feed(c->nodes[i].swim, c->now_us, &stale);
        cluster_feed(c, i, SWIM_SEED, 0);
    }
    cluster_run(c, 3600 * SECOND);
    cluster_start(c, 0);
    cr_assert(cluster_until(c, 30 * SECOND, cluster_converged));
    cluster_free(c);
}

/* Members that left or died long ago must not fill the table, or nobody could join any more. */
Test(swim_pitfalls, those_who_are_gone_leave_the_table_in_the_end) {
    struct swim_config config = {.dead_keep_us = 600 * SECOND};
    struct cluster *c = cluster_new(12, 4, &config);
    cluster_join_all(c);
    for (size_t i = 6; i < 12; i++) {
        if (i % 2)
            cluster_feed(c, i, SWIM_LEAVE, ALL);
        cluster_run(c, 3 * SECOND);
        cluster_kill(c, i);
    }
    cluster_run(c, 900 * SECOND);
    for (size_t i = 0; i < 6; i++)
        cr_assert_eq(swim_members_count(c->nodes[i].swim), 6);
    cluster_free(c);
}

/* ---- who blames others --------------------------------------------------------------------------------- */

/* A quarter of the group runs for a moment in eight seconds: a test that others fail. */
Test(swim_pitfalls, agents_that_stop_again_and_again_blame_nobody_who_is_well) {
    enum { N = 64, STOPPED = 16 };
    struct cluster *c =
        cluster_new(N, 11, &(struct swim_config){.period_us = 800 * MS, .suspicion_alpha = 1});
    cluster_join_all(c);
    int64_t from_us = c->now_us;
    while (c->now_us < from_us + 120 * SECOND) {
        for (size_t i = 0; i < STOPPED; i++)
            cluster_pause(c, i * 4);
        cluster_run(c, 8192 * MS);
        for (size_t i = 0; i < STOPPED; i++)
            cluster_resume(c, i * 4);
        cluster_run(c, 64 * MS);
    }
    for (size_t i = 0; i < N; i++) {
        if (i % 4)
            cr_assert_eq(cluster_count(c, SWIM_DIED, ALL, i, from_us), 0, "%zu was well", i);
    }
    cr_assert(cluster_until(c, 60 * SECOND, cluster_converged), "and all is well when it is over");
    cluster_free(c);
}

/* It hears nobody, and everybody hears it: its accusations must not drag the group into refuting for ever. */
Test(swim_pitfalls, a_member_that_hears_nobody_harms_nobody) {
    enum { N = 12 };
    struct cluster *c = cluster_new(N, 6, NULL);
    cluster_join_all(c);
    int64_t from_us = c->now_us;
    for (int flap = 0; flap < 8; flap++) {
        for (size_t i = 1; i < N; i++)
            cluster_cut(c, i, 0, flap % 2 == 0);
        cluster_run(c, 20 * SECOND);
    }
    for (size_t viewer = 1; viewer < N; viewer++) {
        for (size_t i = 1; i < N; i++)
            cr_assert_eq(cluster_count(c, SWIM_DIED, viewer, i, from_us), 0);
    }
    cr_assert(cluster_until(c, 60 * SECOND, cluster_converged));
    cluster_free(c);
}

static struct bench *knowing(size_t others) {
    struct bench *b = bench_new(NULL);
    for (size_t i = 1; i <= others; i++)
        bench_record(b, i, record_of(i, MEMBER_STATE_ALIVE, 1, 0));
    bench_clear(b);
    return b;
}

static void answered_for_all(struct bench *b, size_t others, int64_t us) {
    for (int64_t end_us = b->now_us + us; b->now_us < end_us;) {
        bench_run(b, 10 * MS);
        for (size_t k = 1; k <= others; k++)
            bench_kind(b, SWIM_ALIVE_HINT, k);
    }
}

Test(swim_pitfalls, who_is_refuted_again_and_again_is_not_believed_alone) {
    struct bench *b = knowing(9);
    for (uint32_t i = 0; i < 3; i++) {
        bench_record(b, 2, accusation_of(3 + i, MEMBER_STATE_SUSPECT, 1, 0, 2));
        cr_assert_eq(bench_member(b, 3 + i).state, MEMBER_STATE_SUSPECT);
        b->now_us += 20 * MS;
        bench_record(b, 3 + i, record_of(3 + i, MEMBER_STATE_ALIVE, 1, 1));
    }
    bench_record(b, 2, accusation_of(7, MEMBER_STATE_SUSPECT, 1, 0, 2));
    cr_assert_eq(bench_member(b, 7).state, MEMBER_STATE_ALIVE);
    cr_assert_eq(swim_counters(b->swim)->accusations_ignored, 1);
    bench_record(b, 4, accusation_of(7, MEMBER_STATE_SUSPECT, 1, 0, 4));
    cr_assert_eq(bench_member(b, 7).state, MEMBER_STATE_SUSPECT, "another one is believed");
    struct swim_accuser worst[4];
    cr_assert_eq(swim_accusers(b->swim, worst, 4), 1);
    cr_assert(id_same(worst[0].id, node_id_of(2)) && worst[0].refuted == 3 && worst[0].doubted);
    cr_assert_eq(swim_accusers_doubted(b->swim), 1);
    /* It gets over it. */
    answered_for_all(b, 9, 130 * SECOND);
    cr_assert_eq(swim_accusers_doubted(b->swim), 0);
    bench_record(b, 2, accusation_of(8, MEMBER_STATE_SUSPECT, 1, 0, 2));
    cr_assert_eq(bench_member(b, 8).state, MEMBER_STATE_SUSPECT);
    bench_free(b);
}

Test(swim_pitfalls, honest_accusers_keep_their_word) {
    struct bench *b = knowing(9);
    for (uint32_t i = 0; i < 8; i++) {
        /* Seconded by another, or refuted only after seconds: the accused was stopped for a while. */
        bench_record(b, 2, accusation_of(3, MEMBER_STATE_SUSPECT, 1, i, 2));
        if (i % 2)
            bench_record(b, 4, accusation_of(3, MEMBER_STATE_SUSPECT, 1, i, 4));
        else
            answered_for_all(b, 9, 1500 * MS);
        bench_record(b, 3, record_of(3, MEMBER_STATE_ALIVE, 1, i + 1));
    }
    bench_record(b, 2, accusation_of(7, MEMBER_STATE_SUSPECT, 1, 0, 2));
    cr_assert_eq(bench_member(b, 7).state, MEMBER_STATE_SUSPECT);
    bench_free(b);
}

/* ---- links --------------------------------------------------------------------------------------------- */

/* Who, of those that are well, was called dead by any of them. */
static size_t wrong_deaths(const struct cluster *c, size_t well_from, size_t well_end, int64_t from_us) {
    size_t count = 0;
    for (size_t viewer = well_from; viewer < well_end; viewer++) {
        for (size_t i = well_from; i < well_end; i++)
            count += cluster_count(c, SWIM_DIED, viewer, i, from_us);
    }
    return count;
}

/* It accuses those whom it does not reach, and they it; among themselves they must not pay for that. */
Test(swim_pitfalls, who_is_reached_by_one_other_alone_takes_nobody_along) {
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct cluster *c = cluster_new(9, seed, NULL);
        cluster_join_all(c);
        for (size_t i = 1; i < 8; i++) {
            cluster_cut(c, 8, i, true);
            cluster_cut(c, i, 8, true);
        }
        int64_t from_us = c->now_us;
        cluster_run(c, 300 * SECOND);
        cr_assert_eq(wrong_deaths(c, 0, 8, from_us), 0, "seed %lu", (unsigned long)seed);
        for (size_t i = 1; i < 8; i++) {
            cluster_cut(c, 8, i, false);
            cluster_cut(c, i, 8, false);
        }
        cr_assert(cluster_until(c, 60 * SECOND, cluster_converged), "seed %lu", (unsigned long)seed);
        cluster_free(c);
    }
}

/* With as few members as there are helpers and two, everybody who could bridge is asked. */
Test(swim_pitfalls, a_star_of_five_holds) {
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct cluster *c = cluster_new(5, seed, NULL);
        cluster_join_all(c);
        for (size_t i = 1; i < 5; i++) {
            for (size_t k = 1; k < 5; k++)
                cluster_cut(c, i, k, i != k);
        }
        int64_t from_us = c->now_us;
        cluster_run(c, 300 * SECOND);
        cr_assert_eq(cluster_count(c, SWIM_SUSPECTED, ALL, ALL, from_us), 0, "seed %lu", (unsigned long)seed);
        cluster_free(c);
    }
}

/* Four of five packets to and from one are lost: it may come and go, the others stay. */
Test(swim_pitfalls, who_loses_most_of_its_packets_takes_nobody_along) {
    enum { N = 12 };
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct prng p;
        prng_init(&p, seed);
        struct cluster *c = cluster_new(N, seed, NULL);
        cluster_join_all(c);
        int64_t from_us = c->now_us;
        while (c->now_us < from_us + 180 * SECOND) {
            for (size_t i = 1; i < N; i++) {
                cluster_cut(c, 0, i, prng_chance(&p, 800000));
                cluster_cut(c, i, 0, prng_chance(&p, 800000));
            }
            cluster_run(c, 20 * MS);
        }
        cr_assert_gt(cluster_count(c, SWIM_SUSPECTED, ALL, 0, from_us), 0);
        cr_assert_eq(wrong_deaths(c, 1, N, from_us), 0, "seed %lu", (unsigned long)seed);
        for (size_t i = 1; i < N; i++) {
            cluster_cut(c, 0, i, false);
            cluster_cut(c, i, 0, false);
        }
        cr_assert(cluster_until(c, 60 * SECOND, cluster_converged));
        cluster_free(c);
    }
}

/* What comes in at once may speak of everybody: what it gives rise to does not go by how much that was. */
Test(swim_pitfalls, a_table_of_dead_is_answered_by_some_packets_at_a_time) {
    enum { N = 200 };
    struct bench *b = bench_knowing(N, &(struct swim_config){.rumours_max = 4096});
    struct wire_member told[N];
    b->now_us += 2 * SECOND;
    bench_kind(b, SWIM_ALIVE_HINT, 1);
    for (size_t i = 3; i <= N; i++)
        told[i - 3] = accusation_of(i, MEMBER_STATE_DEAD, 1, 0, 2);
    bench_clear(b);
    bench_sync(b, 2, true, told, N - 2);
    size_t packets = 0, suspects = 0;
    for (size_t i = 0; i < b->effects.count; i++)
        packets += b->effects.data[i].kind == SWIM_SEND;
    for (size_t i = 3; i <= N; i++)
        suspects += bench_member(b, i).state == MEMBER_STATE_SUSPECT;
    cr_assert_eq(suspects, N - 2);
    cr_assert(packets > 0 && packets <= 64, "%zu", packets);
    bench_free(b);
}

/* ---- being late ---------------------------------------------------------------------------------------- */

/* The ack lies in the socket while the loop is busy elsewhere: the tick comes first, and late. */
Test(swim_pitfalls, a_late_loop_reads_its_mail_before_it_judges) {
    struct bench *b = knowing(6);
    struct wire_swim_packet packet;
    bench_kind(b, SWIM_PROBE, 1);
    cr_assert_neq(bench_sent(b, 0, &packet), SIZE_MAX);
    struct wire_ack ack = {.seq = packet.ping->seq};
    b->now_us += 900 * MS; /* more than the 500 of the whole probe */
    bench_kind(b, SWIM_TICK, ALL);
    cr_assert_eq(bench_member(b, 1).state, MEMBER_STATE_ALIVE);
    bench_packet(b, 1, &(struct wire_swim_packet){.ack = &ack});
    bench_run(b, 100 * MS);
    cr_assert_eq(bench_events(b, SWIM_SUSPECTED, 1), 0);
    bench_free(b);
}

/* It was stopped a moment before the time of a suspect was up, and finds the refutation in its socket. */
Test(swim_pitfalls, a_stop_at_the_wrong_moment_ends_nobody_s_time) {
    struct bench *b = knowing(3);
    bench_record(b, 2, accusation_of(1, MEMBER_STATE_SUSPECT, 1, 0, 2));
    for (int i = 0; i < 3998; i++) { /* of 4000 ms: twice Min */
        bench_run(b, MS);
        bench_kind(b, SWIM_ALIVE_HINT, 2);
        bench_kind(b, SWIM_ALIVE_HINT, 3);
    }
    cr_assert_eq(bench_member(b, 1).state, MEMBER_STATE_SUSPECT);
    b->now_us += 30 * SECOND;
    bench_kind(b, SWIM_TICK, ALL);
    bench_run(b, 300 * MS);
    cr_assert_eq(bench_events(b, SWIM_DIED, 1), 0);
    bench_free(b);
}

/*
 * Its timers run, but nothing comes in: of those it doubts then nobody dies, for 4 Max, and not in the moment
 * either in which it reads a little of its mail before it is deaf again. Ten members: Min 2 s, Max 12 s.
 */
Test(swim_pitfalls, who_hears_nobody_judges_nobody) {
    struct bench *b = knowing(9);
    for (int stop = 0; stop < 3; stop++) {
        bench_run(b, 15 * SECOND);
        bench_kind(b, SWIM_ALIVE_HINT, 9);
    }
    for (size_t i = 1; i <= 9; i++)
        cr_assert_eq(bench_events(b, SWIM_DIED, i), 0, "%zu", i);
    bench_free(b);
}

/* The one that all others have left alone finds out all the same. */
Test(swim_pitfalls, who_hears_nobody_for_long_judges_in_the_end) {
    struct bench *b = knowing(9);
    bench_run(b, 40 * SECOND);
    cr_assert_eq(swim_alive_count(b->swim), 10);
    bench_run(b, 140 * SECOND);
    cr_assert_eq(swim_alive_count(b->swim), 1);
    bench_free(b);
}

/* Member 1 is accused, nobody seconds it: when this node last pings it before it calls it dead. */
static void tried_before_its_time_is_up(uint64_t seed, bool accused_here) {
    struct bench *b = bench_knowing(60, &(struct swim_config){.seed = seed});
    if (accused_here)
        bench_kind(b, SWIM_PROBE, 1);
    else
        bench_record(b, 2, accusation_of(1, MEMBER_STATE_SUSPECT, 1, 0, 2));
    int64_t tried_us = 0;
    for (int i = 0; i < 3000 && bench_events(b, SWIM_DIED, 1) == 0; i++) {
        bench_clear(b);
        bench_run(b, 10 * MS);
        struct wire_swim_packet packet;
        for (size_t at = 0; (at = bench_sent(b, at, &packet)) != SIZE_MAX; at++)
            if (packet.ping && id_same(b->effects.data[at].to, node_id_of(1)))
                tried_us = b->now_us;
        for (size_t k = accused_here ? 2 : 1; k <= 60; k++)
            bench_kind(b, SWIM_ALIVE_HINT, k);
    }
    cr_assert_eq(bench_member(b, 1).state, MEMBER_STATE_DEAD);
    cr_assert_leq(b->now_us - tried_us, 530 * MS, "seed %lu: %lld ms", (unsigned long)seed,
                  (long long)((b->now_us - tried_us) / MS));
    bench_free(b);
}

/* Its refutation may have missed this node, or this node's accusation it and all others. */
Test(swim_pitfalls, who_is_accused_by_one_alone_is_tried_before_its_time_is_up) {
    for (uint64_t seed = 1; seed <= 5; seed++) {
        tried_before_its_time_is_up(seed, false);
        tried_before_its_time_is_up(seed, true);
    }
}

/* Others hold it dead, too: that it answers here is no news to them, but its own word is. */
Test(swim_pitfalls, one_of_few_dead_is_told_so_when_it_is_heard_again) {
    for (size_t dead = 1; dead <= 5; dead += 4) {
        struct bench *b = knowing(16);
        for (size_t i = 1; i <= dead; i++)
            bench_declare_dead(b, i, 1, 0);
        for (int i = 0; i < 200; i++) {
            bench_run(b, 100 * MS);
            for (size_t k = dead + 1; k <= 16; k++)
                bench_kind(b, SWIM_ALIVE_HINT, k);
        }
        bench_clear(b);
        bench_kind(b, SWIM_ALIVE_HINT, 1);
        cr_assert_eq(bench_member(b, 1).state, MEMBER_STATE_ALIVE);
        struct wire_swim_packet packet;
        size_t at = bench_sent(b, 0, &packet);
        bool told = at != SIZE_MAX && id_same(b->effects.data[at].to, node_id_of(1)) &&
                    packet.members_count && packet.members[0].state == MEMBER_STATE_DEAD;
        cr_assert_eq(told, dead == 1, "after a cut nobody has to refute");
        bench_free(b);
    }
}

/* But one that is always late finds out all the same who is gone. */
Test(swim_pitfalls, a_loop_that_is_always_late_judges_in_the_end) {
    struct cluster *c = cluster_new(8, 3, NULL);
    cluster_join_all(c);
    c->grid_us = 300 * MS;
    cluster_run(c, 5 * SECOND);
    cluster_kill(c, 3);
    cluster_run(c, 40 * SECOND);
    cr_assert(cluster_all_see(c, 3, MEMBER_STATE_DEAD));
    c->paused_ever = true; /* its ticks were late indeed */
    cluster_free(c);
}

/* ---- addresses ----------------------------------------------------------------------------------------- */

Test(swim_pitfalls, everybody_gets_a_new_address_at_once) {
    struct cluster *c = cluster_new_signed(7, 5, NULL);
    struct addr old[7];
    cluster_join_all(c);
    for (size_t i = 0; i < 7; i++) {
        cluster_kill(c, i);
        old[i] = c->nodes[i].addr;
        c->nodes[i].addr = addr_of(500 + i);
    }
    cluster_run(c, 5 * SECOND);
    for (size_t i = 0; i < 7; i++) {
        cluster_start(c, i);
        for (size_t k = 0; k < 7; k++) {
            struct swim_input contact = {.kind = SWIM_CONTACT, .from = c->nodes[k].id, .addr = old[k]};
            swim_feed(c->nodes[i].swim, c->now_us, &contact);
        }
        if (i > 0)
            cluster_feed(c, i, SWIM_SEED, i - 1); /* each is told of one other: a chain */
    }
    cr_assert(cluster_until(c, 60 * SECOND, cluster_converged));
    struct swim_member m;
    cr_assert(swim_member_find(c->nodes[6].swim, c->nodes[2].id, &m));
    cr_assert(addr_equal(&m.addr, &c->nodes[2].addr));
    cluster_free(c);
}

Test(swim_pitfalls, a_member_that_moves_while_it_runs_is_followed) {
    struct cluster *c = cluster_new_signed(6, 5, NULL);
    cluster_join_all(c);
    int64_t from_us = c->now_us;
    c->nodes[2].addr = addr_of(700);
    struct swim_input move = {.kind = SWIM_MOVE, .addr = addr_of(700)};
    cr_assert_eq(swim_feed(c->nodes[2].swim, c->now_us, &move), 0);
    cluster_run(c, 10 * SECOND);
    for (size_t i = 0; i < 6; i++) {
        struct swim_member m;
        cr_assert(swim_member_find(c->nodes[i].swim, c->nodes[2].id, &m));
        cr_assert(addr_equal(&m.addr, &move.addr), "node %zu", i);
    }
    cr_assert_eq(cluster_count(c, SWIM_CHANGED, ALL, 2, from_us), 5);
    cr_assert_eq(cluster_count(c, SWIM_DIED, ALL, ALL, from_us), 0);
    cluster_free(c);
}

Test(swim_pitfalls, families_of_addresses_mix) {
    struct cluster *c = cluster_new_signed(8, 2, NULL);
    for (size_t i = 0; i < 8; i += 2) {
        struct addr v6 = {.size = 18, .b = {0x20, 0x01, 0x0d, 0xb8, [15] = (uint8_t)(i + 1)}};
        addr_set_port(&v6, 7370);
        c->nodes[i].addr = v6;
    }
    cluster_join_all(c);
    cr_assert(cluster_converged(c));
    cluster_free(c);
}

/* It says to be reached at an address where nobody is; its packets come from another one. */
Test(swim_pitfalls, a_host_behind_a_translator_is_reached_where_its_packets_come_from) {
    struct bench *b = knowing(3);
    struct wire_ping ping = {.seq = 5, .generation = 1};
    struct wire_swim_packet packet;
    struct addr outside = addr_of(99), advertised = addr_of(1);
    struct buf bytes = {0};
    codec_encode(&wire_swim_packet_type, &(struct wire_swim_packet){.ping = &ping}, &bytes);
    bench_feed(b,
               &(struct swim_input){
                   .kind = SWIM_PACKET, .from = node_id_of(1), .addr = outside, .packet = buf_bytes(&bytes)});
    buf_done(&bytes);
    size_t at = bench_sent(b, 0, &packet);
    cr_assert(at != SIZE_MAX && packet.ack && addr_equal(&b->effects.data[at].addr, &outside));
    bench_clear(b);
    bench_kind(b, SWIM_PROBE, 1);
    bench_run(b, 220 * MS);
    size_t pings[2] = {0, 0};
    for (size_t i = 0; (i = bench_sent(b, i, &packet)) != SIZE_MAX; i++) {
        if (!packet.ping || !id_same(b->effects.data[i].to, node_id_of(1)))
            continue;
        pings[0] += addr_equal(&b->effects.data[i].addr, &advertised);
        pings[1] += addr_equal(&b->effects.data[i].addr, &outside);
    }
    cr_assert(pings[0] == 1 && pings[1] == 1, "%zu and %zu", pings[0], pings[1]);
    bench_free(b);
}

Test(swim_pitfalls, two_hosts_of_one_name_stay_two) {
    struct cluster *c = cluster_new_signed(5, 2, NULL);
    memcpy(c->nodes[4].name, c->nodes[3].name, sizeof c->nodes[4].name);
    cluster_join_all(c);
    cluster_kill(c, 4);
    cluster_run(c, 30 * SECOND);
    cr_assert(cluster_all_see(c, 4, MEMBER_STATE_DEAD) && cluster_all_see(c, 3, MEMBER_STATE_ALIVE));
    cluster_free(c);
}

Test(swim_pitfalls, who_left_may_return_elsewhere_at_once) {
    struct cluster *c = cluster_new_signed(5, 2, NULL);
    cluster_join_all(c);
    cluster_feed(c, 2, SWIM_LEAVE, ALL);
    cluster_run(c, SECOND);
    cluster_kill(c, 2);
    c->nodes[2].addr = addr_of(600);
    cluster_start(c, 2);
    cluster_feed(c, 2, SWIM_SEED, 0);
    cr_assert(cluster_until(c, 5 * SECOND, cluster_converged));
    cluster_free(c);
}

/* ---- who sees whom ------------------------------------------------------------------------------------- */

Test(swim_pitfalls, links_that_only_helpers_bridge_are_shown) {
    struct cluster *c = cluster_new(6, 2, NULL);
    struct swim_member seen[6];
    cluster_join_all(c);
    cr_assert_eq(swim_exceptions(c->nodes[0].swim, seen, 6), 0);
    cluster_cut(c, 0, 1, true);
    int64_t from_us = c->now_us;
    cluster_run(c, 60 * SECOND);
    cr_assert_eq(swim_exceptions(c->nodes[0].swim, seen, 6), 1);
    cr_assert(id_same(seen[0].id, node_id_of(1)) && seen[0].indirect_us > from_us);
    cr_assert_eq(swim_exceptions(c->nodes[3].swim, seen, 6), 0);
    cr_assert_gt(swim_counters(c->nodes[0].swim)->saves_indirect, 0);
    cluster_cut(c, 0, 1, false);
    cluster_run(c, 30 * SECOND);
    cr_assert_eq(swim_exceptions(c->nodes[0].swim, seen, 6), 0);
    cluster_free(c);
}

/* ---- parts that are off -------------------------------------------------------------------------------- */

static void only_paper(struct cluster *c, size_t from, size_t to, const struct wire_swim_packet *packet) {
    (void)from, (void)to;
    size_t *kinds = c->tap_data;
    kinds[0] += packet->ping && (packet->ping->generation || packet->ping->state);
    kinds[1] += packet->nack != NULL;
    kinds[2] += !packet->ping && !packet->ping_req && !packet->ack && !packet->nack;
    kinds[3] += packet->sum != 0;
}

/* SWIM as its paper has it, to be compared with its figures: nothing of what came later may happen. */
Test(swim_pitfalls, swim_alone_is_swim_alone) {
    struct swim_config config = {.without = SWIM_WITHOUT_DSN2002,
                                 .suspicion_us = 4500 * MS,
                                 .indirect_count = 1,
                                 .retransmit_mult = 16};
    struct cluster *c = cluster_new(10, 3, &config);
    size_t kinds[4] = {0};
    for (size_t i = 0; i < 10; i++) {
        cluster_start(c, i);
        if (i)
            cluster_feed(c, i, SWIM_SEED, 0);
    }
    cluster_run(c, 30 * SECOND);
    cr_assert(cluster_converged(c));
    c->tap = only_paper;
    c->tap_data = kinds;
    int64_t from_us = c->now_us;
    cluster_kill(c, 4);
    cluster_run(c, 60 * SECOND);
    cr_assert(cluster_all_see(c, 4, MEMBER_STATE_DEAD));
    for (int i = 0; i < 4; i++)
        cr_assert_eq(kinds[i], 0, "kind %d", i);
    for (size_t i = 0; i < 10; i++)
        cr_assert(!c->nodes[i].swim || swim_health(c->nodes[i].swim) == 0);
    const struct happening *suspected = cluster_first(c, SWIM_SUSPECTED, 4, from_us),
                           *died = cluster_first(c, SWIM_DIED, 4, from_us);
    cr_assert_eq(died->at_us - suspected->at_us, 4500 * MS, "the suspicion lasts as told");
    cluster_free(c);
}

Test(swim_pitfalls, each_part_off_alone_leaves_a_group_that_works) {
    for (uint32_t part = 1; part <= SWIM_DIGESTS; part *= 2) {
        struct swim_config config = {.without = part};
        struct cluster *c = cluster_new(8, 3, &config);
        cluster_join_all(c);
        cluster_kill(c, 4);
        cluster_run(c, 30 * SECOND);
        cr_assert(cluster_all_see(c, 4, MEMBER_STATE_DEAD), "without %u", part);
        cluster_start(c, 4);
        cluster_feed(c, 4, SWIM_SEED, 0);
        cr_assert(cluster_until(c, 60 * SECOND, cluster_converged), "without %u", part);
        cluster_free(c);
    }
}

Test(swim_pitfalls, with_the_constants_of_an_agent_loss_kills_nobody) {
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct swim_config config = {.period_us = 800 * MS, .suspicion_alpha = 1, .retransmit_mult = 4};
        struct cluster *c = cluster_new_signed(17, seed, &config);
        c->loss_millionths = 100000;
        cluster_join_all(c);
        cluster_run(c, 300 * SECOND);
        cr_assert_eq(cluster_count(c, SWIM_DIED, ALL, ALL, 0), 0, "seed %lu", (unsigned long)seed);
        cluster_free(c);
    }
}
