/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* What goes wrong for long, and heals: cuts, restarts, lost generations, moves; and any mixture of it. */

#include "harness.h"

#define ALL SIZE_MAX

/* ---- cuts ---------------------------------------------------------------------------------------------- */

/* No seeds: what is remembered must do. */
static struct cluster *cluster_without_seeds(size_t n, uint64_t seed) {
    struct cluster *c = cluster_new(n, seed, NULL);
    cluster_start(c, 0);
    for (size_t i = 1; i < n; i++) {
        cluster_start(c, i);
        cluster_feed(c, i, SWIM_CONTACT, 0);
    }
    cr_assert(cluster_until(c, 30 * SECOND, cluster_converged));
    return c;
}

static void check_heal(size_t n, size_t border, int64_t cut_us, uint64_t seed) {
    struct cluster *c = cluster_without_seeds(n, seed);
    cluster_split(c, border, true);
    cluster_run(c, cut_us);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < n; k++) {
            if ((i < border) != (k < border))
                cr_assert(cluster_sees(c, i, k, MEMBER_STATE_DEAD), "%zu of %zu", k, i);
            else if (i != k)
                cr_assert(cluster_sees(c, i, k, MEMBER_STATE_ALIVE));
        }
    }
    cluster_split(c, border, false);
    int64_t from_us = c->now_us;
    cr_assert(cluster_until(c, 40 * SECOND, cluster_converged), "%zu | %zu, seed %lu", border, n - border,
              (unsigned long)seed);
    /*
     * 12.5 s until a side's next try at the latest when both have as many dead as living; then a few
     * periods.
     */
    cr_assert_leq(c->now_us - from_us, 20 * SECOND, "%zu | %zu, seed %lu: %lld ms", border, n - border,
                  (unsigned long)seed, (long long)((c->now_us - from_us) / MS));
    cr_assert_eq(cluster_count(c, SWIM_DIED, ALL, ALL, from_us), 0, "nobody dies of the healing");
    cluster_run(c, 60 * SECOND);
    cr_assert(cluster_converged(c));
    cr_assert_eq(cluster_count(c, SWIM_DIED, ALL, ALL, from_us), 0);
    cluster_free(c);
}

Test(swim_healing, two_halves_cut_for_long_merge_by_themselves) {
    for (uint64_t seed = 1; seed <= 5; seed++) {
        check_heal(2, 1, 3600 * SECOND, seed);
        check_heal(10, 5, 3600 * SECOND, seed);
        check_heal(16, 2, 600 * SECOND, seed);
        check_heal(16, 15, 600 * SECOND, seed);
    }
}

/* The smaller side has most to find out, and a bad health: it must not take for ever. */
Test(swim_healing, sides_of_a_larger_cluster_agree_on_who_is_gone_and_merge) {
    check_heal(100, 30, 60 * SECOND, 3);
}

/* Nobody is a seed or of a committed table: for 72 hours it is enough to have been there. */
Test(swim_healing, a_cut_of_seventy_hours_heals_by_memory_alone) {
    struct cluster *c = cluster_new(3, 9, &(struct swim_config){.period_us = 5 * SECOND});
    struct wire_member table[3];
    for (size_t i = 0; i < 3; i++) {
        table[i] = record_of(i, MEMBER_STATE_ALIVE, 1, 0);
        cluster_start(c, i);
    }
    cr_assert_eq(swim_import(c->nodes[0].swim, c->now_us, table, 3), 0);
    cr_assert(cluster_until(c, 60 * SECOND, cluster_converged));
    cluster_split(c, 2, true);
    cluster_run(c, 70 * 3600 * SECOND);
    cluster_split(c, 2, false);
    cr_assert(cluster_until(c, 90 * SECOND, cluster_converged));
    cluster_free(c);
}

/*
 * One reaches nobody but hears all: it is told by those who hold it dead, but cannot answer; it comes
 * back after.
 */
Test(swim_healing, a_one_way_cut_heals_too) {
    struct cluster *c = cluster_new(8, 5, NULL);
    cluster_join_all(c);
    for (size_t i = 1; i < 8; i++)
        cluster_cut(c, 0, i, true);
    cluster_run(c, 120 * SECOND);
    cr_assert(cluster_all_see(c, 0, MEMBER_STATE_DEAD));
    for (size_t i = 1; i < 8; i++) {
        for (size_t k = 1; k < 8; k++)
            cr_assert(i == k || cluster_sees(c, i, k, MEMBER_STATE_ALIVE), "its accusations harm nobody");
        cluster_cut(c, 0, i, false);
    }
    cr_assert(cluster_until(c, 20 * SECOND, cluster_converged));
    cluster_free(c);
}

static uint64_t syncs_sent(const struct cluster *c) {
    uint64_t sum = 0;
    for (size_t i = 0; i < c->nodes_count; i++)
        sum += c->nodes[i].swim ? c->nodes[i].syncs : 0;
    return sum;
}

/* Tries are all that goes over streams in a cluster whose tables are the same. */
static void check_tries(size_t living, size_t dead, int64_t span_us, uint64_t least, uint64_t most) {
    struct cluster *c = cluster_without_seeds(living + dead, 7);
    cluster_run(c, 120 * SECOND);
    uint64_t before = syncs_sent(c);
    cluster_run(c, 60 * SECOND);
    cr_assert_eq(syncs_sent(c), before, "there is nobody to be tried");
    for (size_t i = 0; i < dead; i++)
        cluster_kill(c, i);
    for (int span = 0; span < 10; span++) {
        before = syncs_sent(c);
        cluster_run(c, span_us);
        uint64_t tries = syncs_sent(c) - before;
        cr_assert(tries >= least && tries <= most, "%zu of %zu are dead: %lu tries in span %d", dead,
                  living + dead, (unsigned long)tries, span);
    }
    cr_assert(cluster_converged(c));
    cluster_free(c);
}

/* All know of the death at about the same time, and each is to try once in 200 s. */
Test(swim_healing, the_members_share_the_tries_of_one_that_is_dead_from_its_death_on) {
    check_tries(20, 1, 50 * SECOND, 1, 12);
}

/* 20 in 10 s, however many deaths each has heard of at once. */
Test(swim_healing, after_many_deaths_the_members_do_not_try_all_at_once) {
    check_tries(20, 30, 2 * SECOND, 0, 14);
}

/* ---- restarts ------------------------------------------------------------------------------------------ */

Test(swim_healing, a_dead_member_returns_with_a_higher_generation) {
    struct cluster *c = cluster_new(6, 3, NULL);
    cluster_join_all(c);
    cluster_kill(c, 2);
    cluster_run(c, 60 * SECOND);
    cr_assert(cluster_all_see(c, 2, MEMBER_STATE_DEAD));
    int64_t from_us = c->now_us;
    cluster_start(c, 2); /* it knows nobody: the others try it */
    cr_assert(cluster_until(c, 120 * SECOND, cluster_converged));
    cr_assert_eq(cluster_count(c, SWIM_JOINED, ALL, 2, from_us), 5);
    cr_assert_eq(cluster_count(c, SWIM_GENERATION, ALL, ALL, 0), 0);
    cluster_free(c);
}

Test(swim_healing, a_restart_that_nobody_missed_is_a_change_and_no_death) {
    struct cluster *c = cluster_new(6, 3, NULL);
    cluster_join_all(c);
    int64_t from_us = c->now_us;
    cluster_kill(c, 2);
    cluster_start(c, 2);
    cluster_feed(c, 2, SWIM_SEED, 0);
    cr_assert(cluster_until(c, 5 * SECOND, cluster_converged));
    cluster_run(c, 10 * SECOND);
    cr_assert_eq(cluster_count(c, SWIM_CHANGED, ALL, 2, from_us), 5);
    cr_assert_eq(cluster_count(c, SWIM_DIED, ALL, ALL, from_us), 0);
    cluster_free(c);
}

/*
 * Its disk was restored from a backup: it starts below its own past, alive or dead in the views of the
 * others.
 */
Test(swim_healing, a_lost_generation_is_found_again) {
    for (int was_dead = 0; was_dead < 2; was_dead++) {
        for (int seeded = 0; seeded < 2; seeded++) {
            struct cluster *c = cluster_new(6, 13, NULL);
            for (size_t i = 0; i < 6; i++)
                cluster_start_as(c, i, i == 2 ? 40 : 1);
            for (size_t i = 1; i < 6; i++)
                cluster_feed(c, i, SWIM_SEED, 0);
            cr_assert(cluster_until(c, 20 * SECOND, cluster_converged));
            cluster_kill(c, 2);
            if (was_dead)
                cluster_run(c, 60 * SECOND);
            int64_t from_us = c->now_us;
            cluster_start_as(c, 2, 3);
            if (seeded)
                cluster_feed(c, 2, SWIM_SEED, 0);
            cluster_run(c, seeded ? 5 * SECOND : 120 * SECOND);
            cr_assert(cluster_converged(c), "dead %d, seeded %d", was_dead, seeded);
            const struct happening *h = cluster_first(c, SWIM_GENERATION, 2, from_us);
            cr_assert(h && h->generation == 41);
            cr_assert_eq(cluster_count(c, SWIM_GENERATION, ALL, ALL, from_us), 1);
            cr_assert_eq(c->nodes[2].generation, 41);
            struct swim_member m;
            cr_assert(swim_member_find(c->nodes[5].swim, node_id_of(2), &m));
            cr_assert_eq(m.generation, 41);
            cluster_free(c);
        }
    }
}

Test(swim_healing, a_member_that_moved_is_found_at_its_new_address_and_name) {
    struct cluster *c = cluster_new(6, 3, NULL);
    cluster_join_all(c);
    int64_t from_us = c->now_us;
    cluster_kill(c, 2);
    c->nodes[2].addr = addr_of(4711);
    memcpy(c->nodes[2].name, "moved", 6);
    cluster_start(c, 2);
    cluster_feed(c, 2, SWIM_SEED, 0);
    cr_assert(cluster_until(c, 5 * SECOND, cluster_converged));
    cluster_run(c, 5 * SECOND);
    for (size_t i = 0; i < 6; i++) {
        struct swim_member m;
        cr_assert(swim_member_find(c->nodes[i].swim, node_id_of(2), &m));
        struct addr moved = addr_of(4711);
        cr_assert(addr_equal(&m.addr, &moved) && bytes_is(m.name, "moved"));
    }
    cr_assert_eq(cluster_count(c, SWIM_CHANGED, ALL, 2, from_us), 5);
    cr_assert_eq(cluster_count(c, SWIM_DIED, ALL, ALL, from_us), 0);
    cluster_free(c);
}

static void hears(struct cluster *c, size_t who, size_t via, struct wire_member record) {
    struct buf bytes = {0};
    codec_encode(&wire_swim_packet_type, &(struct wire_swim_packet){.members = &record, .members_count = 1},
                 &bytes);
    struct swim_input news = {.kind = SWIM_PACKET,
                              .from = c->nodes[via].id,
                              .addr = c->nodes[via].addr,
                              .packet = buf_bytes(&bytes)};
    cr_assert_eq(swim_feed(c->nodes[who].swim, c->now_us, &news), 0);
    buf_done(&bytes);
}

static bool finds_at(struct cluster *c, size_t viewer, size_t member, size_t at) {
    struct swim_member m;
    struct addr addr = addr_of(at);
    return swim_member_find(c->nodes[viewer].swim, c->nodes[member].id, &m) && addr_equal(&m.addr, &addr);
}

/* The version is known, so nothing looks wrong: it is only not there any more. */
Test(swim_healing, who_moved_unheard_is_asked_for_its_card_where_its_packets_come_from) {
    struct cluster *c = cluster_new_signed(2, 3, NULL);
    cluster_join_all(c);
    c->loss_millionths = 1000000; /* until the rumour is spent */
    c->nodes[1].addr = addr_of(4711);
    struct swim_input move = {.kind = SWIM_MOVE, .addr = addr_of(4711)};
    cr_assert_eq(swim_feed(c->nodes[1].swim, c->now_us, &move), 0);
    hears(c, 0, 1, (struct wire_member){.id = c->nodes[1].id, .generation = 1, .version = 1});
    cluster_run(c, SECOND);
    c->loss_millionths = 0;
    cr_assert(finds_at(c, 0, 1, 1), "the rumour of it was not lost");
    cluster_run(c, 10 * SECOND);
    cr_assert(finds_at(c, 0, 1, 4711));
    cluster_free(c);
}

/* In a large group that is long before it is pinged. */
Test(swim_healing, a_card_that_was_missed_is_found_when_tables_are_compared) {
    struct cluster *c = cluster_new_signed(3, 3, NULL);
    struct signed_record before, after;
    cluster_start(c, 0);
    cluster_start(c, 1);
    cluster_feed(c, 1, SWIM_SEED, 0);
    cr_assert(cluster_until(c, 20 * SECOND, cluster_converged));
    cluster_run(c, 5 * SECOND);
    c->loss_millionths = 1000000; /* streams are left */
    record_sign(&before, &c->nodes[2].identity, c->config.cluster, 2, 1, 0, 0);
    record_sign(&after, &c->nodes[2].identity, c->config.cluster, 4711, 1, 1, 1);
    hears(c, 0, 1, before.record);
    hears(c, 1, 0, before.record);
    hears(c, 0, 1, (struct wire_member){.id = c->nodes[2].id, .generation = 1, .version = 1});
    hears(c, 1, 0, after.record);
    cr_assert(finds_at(c, 0, 2, 2) && finds_at(c, 1, 2, 4711));
    /* More often than it is put off because of news. */
    for (int i = 0; i < 5; i++) {
        struct buf bytes = {0};
        codec_encode(&wire_swim_packet_type, &(struct wire_swim_packet){.sum = 1}, &bytes);
        struct swim_input sum = {.kind = SWIM_PACKET,
                                 .from = c->nodes[1].id,
                                 .addr = c->nodes[1].addr,
                                 .packet = buf_bytes(&bytes)};
        cr_assert_eq(swim_feed(c->nodes[0].swim, c->now_us, &sum), 0);
        buf_done(&bytes);
    }
    cluster_run(c, 200 * MS);
    cr_assert(finds_at(c, 0, 2, 4711));
    cluster_free(c);
}

/* Another node takes over the address of a dead one: they stay two. */
Test(swim_healing, an_address_used_again_by_another_node_confuses_nobody) {
    struct cluster *c = cluster_new(6, 3, NULL);
    for (size_t i = 0; i < 5; i++) {
        cluster_start(c, i);
        cluster_feed(c, i, SWIM_SEED, 0);
    }
    cr_assert(cluster_until(c, 20 * SECOND, cluster_converged));
    cluster_kill(c, 2);
    c->nodes[5].addr = c->nodes[2].addr;
    c->nodes[2].addr = addr_of(4711);
    cluster_start(c, 5);
    cluster_feed(c, 5, SWIM_SEED, 0);
    cluster_run(c, 60 * SECOND);
    cr_assert(cluster_all_see(c, 2, MEMBER_STATE_DEAD));
    cr_assert(cluster_all_see(c, 5, MEMBER_STATE_ALIVE));
    cr_assert(cluster_converged(c));
    cluster_free(c);
}

/* ---- anything ------------------------------------------------------------------------------------------ */

static void fault(struct cluster *c, struct prng *p) {
    size_t x = (size_t)prng_below(p, c->nodes_count), y = (size_t)prng_below(p, c->nodes_count);
    struct node *n = &c->nodes[x];
    switch (prng_below(p, 10)) {
    case 0:
    case 1:
        if (n->swim && x != 0)
            cluster_kill(c, x);
        break;
    case 2:
    case 3:
        if (!n->swim) {
            /* Rarely its disk has forgotten the generation. */
            cluster_start_as(c, x, prng_chance(p, 200000) ? 1 : n->generation + 1);
            cluster_feed(c, x, SWIM_SEED, 0);
        }
        break;
    case 4:
        if (n->swim && !n->paused)
            cluster_pause(c, x);
        break;
    case 5:
        if (n->swim && n->paused)
            cluster_resume(c, x);
        break;
    case 6: cluster_cut(c, x, y, prng_chance(p, 600000)); break;
    case 7: cluster_split(c, x, prng_chance(p, 500000)); break;
    case 8: c->loss_millionths = (uint32_t)prng_below(p, 300000); break;
    case 9:
        if (n->swim && y != x)
            cluster_feed(c, x, SWIM_PROBE, y);
        break;
    default: break;
    }
}

static void heal_all(struct cluster *c, struct prng *p) {
    memset(c->cut, 0, c->nodes_count * c->nodes_count * sizeof *c->cut);
    c->loss_millionths = 0;
    for (size_t i = 0; i < c->nodes_count; i++) {
        if (c->nodes[i].swim && c->nodes[i].paused)
            cluster_resume(c, i);
        if (!c->nodes[i].swim && prng_chance(p, 700000)) {
            cluster_start(c, i);
            cluster_feed(c, i, SWIM_SEED, 0);
        }
    }
}

static void check_seed(uint64_t seed) {
    struct prng p;
    prng_init(&p, seed);
    size_t n = 3 + (size_t)prng_below(&p, 8);
    struct cluster *c = cluster_new(n, seed, NULL);
    c->latency_high_us = prng_between(&p, 1000, 60 * MS);
    for (size_t i = 0; i < n; i++) {
        cluster_start(c, i);
        cluster_feed(c, i, SWIM_SEED, 0);
    }
    for (int i = 0; i < 40; i++) {
        fault(c, &p);
        cluster_run(c, prng_between(&p, 0, 4 * SECOND));
    }
    heal_all(c, &p);
    cr_assert(cluster_until(c, 120 * SECOND, cluster_converged), "seed %lu of %zu nodes does not converge",
              (unsigned long)seed, n);
    /* And it stays so: no echo of the past kills anybody. */
    cluster_run(c, 10 * SECOND);
    int64_t from_us = c->now_us;
    cluster_run(c, 30 * SECOND);
    cr_assert(cluster_converged(c), "seed %lu does not stay converged", (unsigned long)seed);
    cr_assert_eq(cluster_count(c, SWIM_DIED, ALL, ALL, from_us), 0, "seed %lu", (unsigned long)seed);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < n && c->nodes[i].swim && c->nodes[k].swim; k++) {
            struct swim_member seen, own;
            cr_assert(swim_member_find(c->nodes[i].swim, node_id_of(k), &seen));
            cr_assert(swim_member_find(c->nodes[k].swim, node_id_of(k), &own));
            cr_assert(seen.generation == own.generation && seen.version == own.version,
                      "seed %lu: %zu holds another incarnation of %zu", (unsigned long)seed, i, k);
        }
    }
    cluster_free(c);
}

Test(swim_healing, after_random_faults_all_views_converge_1) {
    for (uint64_t seed = 1; seed <= 100; seed++)
        check_seed(seed);
}

Test(swim_healing, after_random_faults_all_views_converge_2) {
    for (uint64_t seed = 101; seed <= 200; seed++)
        check_seed(seed);
}

Test(swim_healing, after_random_faults_all_views_converge_3) {
    for (uint64_t seed = 201; seed <= 300; seed++)
        check_seed(seed);
}
