/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Tables compared: what moves, how much of it, and what becomes of differences. */

#include "harness.h"

/* What two cores have sent to each other over streams. */
struct exchange {
    size_t messages, bytes, records, largest_bytes, largest_records;
};

static void record_all(struct bench *b, size_t from, size_t to) {
    struct wire_member *records = mem_alloc((to - from + 1) * sizeof *records);
    for (size_t i = from; i < to; i++)
        records[i - from] = record_of(i, MEMBER_STATE_ALIVE, 1, 0);
    cr_assert_eq(swim_import(b->swim, b->now_us, records, to - from), 0);
    mem_free(records);
}

static void count(struct exchange *x, struct bench *b, struct bytes packet) {
    struct wire_swim_sync sync;
    cr_assert_eq(codec_decode(&wire_swim_sync_type, packet, &b->arena, &sync, NULL), 0);
    x->messages++;
    x->bytes += packet.size;
    x->records += sync.members_count;
    if (packet.size > x->largest_bytes)
        x->largest_bytes = packet.size;
    if (sync.members_count > x->largest_records)
        x->largest_records = sync.members_count;
}

/* Carries what is for the other until neither has anything to say. */
static void carry(struct bench *x, struct bench *y, struct exchange *ret) {
    struct bench *both[2] = {x, y};
    size_t done[2] = {0, 0};
    for (bool again = true; again;) {
        again = false;
        for (int i = 0; i < 2; i++) {
            struct bench *from = both[i], *to = both[1 - i];
            for (; done[i] < from->effects.count; done[i]++) {
                struct swim_effect e = from->effects.data[done[i]];
                struct addr there = addr_of(to->index);
                if (e.kind != SWIM_SYNC_SEND || !addr_equal(&e.addr, &there))
                    continue;
                count(ret, from, e.packet);
                again = true;
                bench_feed(to, &(struct swim_input){.kind = SWIM_SYNC,
                                                    .from = node_id_of(from->index),
                                                    .addr = addr_of(from->index),
                                                    .packet = e.packet});
            }
        }
    }
}

/* x tells y its sum, until they agree; y must have no rumours that excuse a difference. */
static struct exchange compare(struct bench *x, struct bench *y) {
    struct exchange total = {0};
    bench_clear(x);
    bench_clear(y);
    struct swim_input stream = {.kind = SWIM_STREAM, .from = node_id_of(y->index), .addr = addr_of(y->index)};
    bench_feed(x, &stream);
    carry(x, y, &total);
    return total;
}

static struct bench *pair_member(size_t index, const struct swim_config *config) {
    struct swim_config own = config ? *config : (struct swim_config){0};
    own.seed = index + 1;
    return bench_new_as(index, &own);
}

static bool agree(struct bench *x, struct bench *y, size_t members) {
    return swim_members_count(x->swim) == members && swim_members_count(y->swim) == members;
}

/* Members [2, n) are known to both. The other is not, so that a stream to it begins a comparison. */
Test(swim_tables, what_differs_is_found_and_little_else_moves) {
    enum { N = 2000 };
    struct bench *x = pair_member(0, NULL), *y = pair_member(1, NULL);
    record_all(x, 2, N);
    record_all(y, 2, N);
    record_all(x, N, N + 3);
    record_all(y, N + 10, N + 12);
    struct exchange moved = compare(x, y);
    cr_assert(agree(x, y, N + 5), "%zu, %zu", swim_members_count(x->swim), swim_members_count(y->swim));
    cr_assert_lt(moved.records, 20);
    cr_assert_lt(moved.bytes, 8000, "%zu bytes for 5 records", moved.bytes);
    bench_free(x);
    bench_free(y);
}

Test(swim_tables, an_accusation_that_was_missed_is_found_too) {
    struct bench *x = pair_member(0, NULL), *y = pair_member(1, NULL);
    record_all(x, 2, 100);
    record_all(y, 2, 100);
    bench_record(x, 60, accusation_of(50, MEMBER_STATE_SUSPECT, 1, 0, 60));
    bench_record(y, 60, record_of(51, MEMBER_STATE_ALIVE, 1, 7));
    compare(x, y);
    cr_assert_eq(bench_member(y, 50).state, MEMBER_STATE_SUSPECT);
    cr_assert_eq(bench_member(x, 51).version, 7);
    bench_free(x);
    bench_free(y);
}

Test(swim_tables, equal_tables_move_their_sums_and_nothing_more) {
    struct bench *x = pair_member(0, NULL), *y = pair_member(1, NULL);
    record_all(x, 1, 1000);
    record_all(y, 0, 1);
    record_all(y, 2, 1000);
    bench_clear(x);
    bench_clear(y);
    struct exchange moved = {0};
    struct wire_swim_packet packet = {0};
    size_t at = 0;
    /* Until x compares, with whomever; all others answer, or it would hold some of them suspect. */
    for (int64_t end_us = x->now_us + 60 * SECOND; x->now_us < end_us && !packet.sum;) {
        bench_run(x, 10 * MS);
        for (; (at = bench_sent(x, at, &packet)) != SIZE_MAX && !packet.sum; at++) {
            if (packet.ping)
                bench_feed(x, &(struct swim_input){.kind = SWIM_ALIVE_HINT, .from = packet.ping->target});
        }
        at = packet.sum ? at : x->effects.count;
    }
    cr_assert_neq(packet.sum, 0, "now and then the sum is told");
    struct bytes sealed = x->effects.data[at].packet;
    /* With news to tell y lets a difference wait, but not for so long. */
    for (int i = 0; i < 5; i++)
        bench_feed(y, &(struct swim_input){
                          .kind = SWIM_PACKET, .from = node_id_of(0), .addr = addr_of(0), .packet = sealed});
    carry(x, y, &moved);
    cr_assert_eq(moved.messages, 0);
    bench_free(x);
    bench_free(y);
}

Test(swim_tables, a_joiner_gets_the_whole_table_in_parts) {
    enum { N = 3000 };
    struct bench *x = pair_member(0, NULL), *y = pair_member(1, NULL);
    record_all(y, 2, N);
    struct exchange moved = {0};
    bench_feed(x, &(struct swim_input){.kind = SWIM_SEED, .addr = addr_of(1)});
    carry(x, y, &moved);
    cr_assert(agree(x, y, N), "%zu of %d", swim_members_count(x->swim), N);
    cr_assert_leq(moved.largest_records, 256);
    cr_assert_geq(moved.messages, N / 256);
    cr_assert_leq(moved.records, N + 2 * moved.messages, "nothing moves twice");
    bench_free(x);
    bench_free(y);
}

/* More than a byte can count, and than a datagram can hold. */
Test(swim_tables, hundreds_of_new_records_arrive_whole) {
    struct bench *x = pair_member(0, NULL), *y = pair_member(1, NULL);
    record_all(x, 2, 20);
    record_all(y, 2, 20);
    record_all(y, 100, 100 + 513);
    struct exchange moved = compare(x, y);
    cr_assert(agree(x, y, 20 + 513));
    cr_assert_leq(moved.largest_records, 256);
    bench_free(x);
    bench_free(y);
}

Test(swim_tables, one_comparison_is_bounded_and_several_get_there) {
    struct bench *x = pair_member(0, NULL), *y = pair_member(1, NULL);
    record_all(x, 2, 6000);
    record_all(y, 7000, 13000);
    struct exchange first = compare(x, y);
    cr_assert_lt(first.records, 3 * 2048, "%zu records", first.records);
    cr_assert_lt(first.largest_bytes, 128 * 1024);
    for (int i = 0; i < 40 && !agree(x, y, 12000); i++) {
        bench_kind(x, SWIM_FORGET, 1); /* so that a stream to it begins a comparison again */
        bench_kind(x, SWIM_CONTACT, 1);
        x->now_us = y->now_us += SECOND; /* and it is let in again */
        compare(x, y);
    }
    cr_assert(agree(x, y, 12000), "%zu, %zu", swim_members_count(x->swim), swim_members_count(y->swim));
    bench_free(x);
    bench_free(y);
}

/* Of nine joiners that ask within a second for so many members: how many get them at once? */
static size_t tables_given(size_t members) {
    struct bench *b = bench_new(&(struct swim_config){.table_members_per_s = 2048});
    record_all(b, 10, members);
    size_t given = 0, later = 0;
    for (size_t i = 1; i <= 9; i++) {
        struct buf bytes = {0};
        struct wire_member self = record_of(i, MEMBER_STATE_ALIVE, 1, 0);
        struct wire_swim_sync ask = {.table = true, .members = &self, .members_count = 1}, answer;
        codec_encode(&wire_swim_sync_type, &ask, &bytes);
        bench_clear(b);
        bench_feed(b, &(struct swim_input){.kind = SWIM_SYNC,
                                           .from = node_id_of(i),
                                           .addr = addr_of(i),
                                           .packet = buf_bytes(&bytes)});
        buf_done(&bytes);
        cr_assert_neq(bench_synced(b, 0, &answer), SIZE_MAX);
        later += answer.later;
        given += !answer.later;
        cr_assert(!answer.later || answer.members_count >= 4, "whom else?");
    }
    cr_assert_eq(given + later, 9);
    cr_assert_eq(swim_members_count(b->swim), members, "all were let in");
    bench_free(b);
    return given;
}

Test(swim_tables, when_too_many_ask_they_are_put_off_with_others_to_ask) {
    cr_assert_eq(tables_given(1200), 2);
    cr_assert_eq(tables_given(500), 4, "half as large: twice as many");
    cr_assert_eq(tables_given(50), 9);
}

Test(swim_tables, a_sync_is_answered_with_what_the_asker_lacks_and_a_reply_is_not) {
    struct bench *b = bench_new(NULL);
    record_all(b, 1, 4);
    bench_record(b, 2, accusation_of(3, MEMBER_STATE_SUSPECT, 1, 0, 2));
    bench_clear(b);
    struct wire_member told[3] = {record_of(2, MEMBER_STATE_ALIVE, 1, 0),
                                  record_of(5, MEMBER_STATE_ALIVE, 1, 0),
                                  record_of(1, MEMBER_STATE_ALIVE, 0, 9)};
    struct wire_swim_sync reply;
    cr_assert_eq(bench_sync(b, 2, false, told, 3), 0);
    size_t at = bench_synced(b, 0, &reply);
    cr_assert(at != SIZE_MAX && reply.reply && id_same(b->effects.data[at].to, node_id_of(2)));
    struct wire_swim_packet as = {.members = reply.members, .members_count = reply.members_count};
    cr_assert(packet_record(&as, 1) && packet_record(&as, 1)->generation == 1, "it was behind");
    cr_assert(!packet_record(&as, 2) && !packet_record(&as, 5), "known there already");
    bench_clear(b);
    bench_sync(b, 2, true, told, 3);
    cr_assert_eq(bench_synced(b, 0, &reply), SIZE_MAX, "a reply is not answered");
    bench_free(b);
}

static int sync_raw(struct bench *b, struct wire_swim_sync sync) {
    struct buf bytes = {0};
    codec_encode(&wire_swim_sync_type, &sync, &bytes);
    int error = bench_feed(
        b, &(struct swim_input){
               .kind = SWIM_SYNC, .from = node_id_of(1), .addr = addr_of(1), .packet = buf_bytes(&bytes)});
    buf_done(&bytes);
    return error;
}

Test(swim_tables, steps_that_make_no_sense_are_refused) {
    static const uint8_t zeros[2048];
    struct bench *b = bench_new(NULL);
    record_all(b, 1, 100);
    bench_clear(b);
    cr_assert_eq(sync_raw(b, (struct wire_swim_sync){.sums = bytes_of(zeros, 24)}), ERR_INVALID);
    cr_assert_eq(sync_raw(b, (struct wire_swim_sync){.sums = bytes_of(zeros, 7)}), ERR_INVALID);
    cr_assert_eq(sync_raw(b, (struct wire_swim_sync){.buckets = 3}), ERR_INVALID);
    cr_assert_eq(sync_raw(b, (struct wire_swim_sync){.buckets = 512}), ERR_INVALID);
    cr_assert_eq(sync_raw(b, (struct wire_swim_sync){.held = bytes_of(zeros, 9)}), ERR_INVALID);
    cr_assert_eq(sync_raw(b, (struct wire_swim_sync){.wanted = bytes_of(zeros, 1)}), ERR_INVALID);
    cr_assert_eq(sync_raw(b, (struct wire_swim_sync){.table = true, .from = 256}), ERR_INVALID);
    cr_assert_eq(sync_raw(b, (struct wire_swim_sync){.next = 256, .reply = true}), ERR_INVALID);
    cr_assert_eq(b->effects.count, 0);
    /* Fingerprints of nobody, and bits beyond the buckets: no records, no harm. */
    cr_assert_eq(sync_raw(b, (struct wire_swim_sync){.wanted = bytes_of(zeros, 800)}), 0);
    cr_assert_eq(sync_raw(b, (struct wire_swim_sync){.buckets = 256, .differ = bytes_of(zeros, 32)}), 0);
    struct wire_swim_sync sync;
    for (size_t i = 0; (i = bench_synced(b, i, &sync)) != SIZE_MAX; i++)
        cr_assert_eq(sync.members_count, 0);
    bench_free(b);
}

/* As memberlist compares: all that each has, the dead too, in two messages. */
Test(swim_tables, without_digests_whole_tables_go_both_ways) {
    struct swim_config config = {.without = SWIM_WITHOUT_LIFEGUARD};
    struct bench *x = bench_knowing(5, &config), *y = bench_new_as(1, &config);
    struct wire_swim_sync sync;
    record_all(y, 7, 9);
    bench_declare_dead(x, 2, 1, 0);
    bench_clear(x);
    bench_clear(y);
    bench_feed(x, &(struct swim_input){.kind = SWIM_SEED, .addr = addr_of(100)});
    cr_assert_eq(bench_synced(x, 0, &sync), 0);
    cr_assert(sync.table && !sync.reply && sync.members_count == 6 && sync.sums.size == 0);
    bench_feed(y, &(struct swim_input){.kind = SWIM_SYNC,
                                       .from = node_id_of(0),
                                       .addr = addr_of(0),
                                       .packet = x->effects.data[0].packet});
    cr_assert_eq(bench_member(y, 3).state, MEMBER_STATE_ALIVE);
    size_t at = bench_synced(y, 0, &sync);
    cr_assert_neq(at, SIZE_MAX);
    cr_assert(!sync.table && sync.reply && sync.members_count == 7);
    bench_feed(x, &(struct swim_input){.kind = SWIM_SYNC,
                                       .from = node_id_of(1),
                                       .addr = addr_of(1),
                                       .packet = y->effects.data[at].packet});
    cr_assert_eq(bench_member(x, 8).state, MEMBER_STATE_ALIVE);
    bench_free(x);
    bench_free(y);
}

/* As serf does: the living together try each dead one once a dead_retry, whenever that comes. */
Test(swim_tables, without_digests_it_is_drawn_who_tries_a_dead_one) {
    struct swim_config config = {
        .without = SWIM_DIGESTS, .sync_interval_us = 86400 * SECOND, .dead_retry_us = 10 * SECOND};
    struct cluster *c = cluster_new(10, 3, &config);
    cluster_join_all(c);
    cluster_kill(c, 4);
    cluster_run(c, 60 * SECOND);
    cr_assert(cluster_all_see(c, 4, MEMBER_STATE_DEAD));
    uint64_t before = 0, after = 0;
    for (size_t i = 0; i < 10; i++)
        before += c->nodes[i].syncs;
    cluster_run(c, 1000 * SECOND);
    for (size_t i = 0; i < 10; i++)
        after += c->nodes[i].syncs;
    cr_assert(after - before > 70 && after - before < 130, "%lu", (unsigned long)(after - before));
    cluster_free(c);
}

Test(swim_tables, a_joiner_does_not_gossip_the_table_that_it_was_given) {
    struct wire_member told[30];
    for (size_t i = 0; i < 30; i++)
        told[i] = record_of(i + 1, MEMBER_STATE_ALIVE, 1, 0);
    struct bench *b = bench_new(NULL);
    bench_sync(b, 1, true, told, 30);
    cr_assert_eq(bench_events(b, SWIM_JOINED, SIZE_MAX), 30);
    bench_clear(b);
    bench_run(b, 400 * MS);
    struct wire_swim_packet packet;
    for (size_t i = 0; (i = bench_sent(b, i, &packet)) != SIZE_MAX; i++) {
        for (size_t k = 0; k < packet.members_count; k++)
            cr_assert(id_same(packet.members[k].id, node_id_of(0)), "itself alone");
    }
    /* What comes in a later one is news to tell. */
    struct wire_member more = record_of(40, MEMBER_STATE_ALIVE, 1, 0);
    bench_sync(b, 1, false, &more, 1);
    bench_clear(b);
    bench_run(b, 400 * MS);
    bool spread = false;
    for (size_t i = 0; (i = bench_sent(b, i, &packet)) != SIZE_MAX; i++)
        spread |= packet_record(&packet, 40) != NULL;
    cr_assert(spread);
    bench_free(b);
}

/* Those who joined at the same time were not in the first table, and their rumours may be missed. */
Test(swim_tables, a_joiner_compares_soon_after) {
    struct wire_member told[2] = {record_of(1, MEMBER_STATE_ALIVE, 1, 0),
                                  record_of(2, MEMBER_STATE_ALIVE, 1, 0)};
    for (uint64_t seed = 1; seed < 10; seed++) {
        struct bench *b = bench_new(&(struct swim_config){.seed = seed});
        struct wire_swim_packet packet;
        size_t sums = 0;
        bench_sync(b, 1, true, told, 2);
        for (int i = 0; i < 1000; i++) {
            bench_run(b, 10 * MS);
            bench_kind(b, SWIM_ALIVE_HINT, 1);
            bench_kind(b, SWIM_ALIVE_HINT, 2);
        }
        for (size_t i = 0; (i = bench_sent(b, i, &packet)) != SIZE_MAX; i++)
            sums += packet.sum != 0;
        cr_assert(sums >= 1 && sums <= 4, "%zu", sums);
        bench_free(b);
    }
}

/* ---- the dead that others have alive ------------------------------------------------------------------- */

static struct bench *with_an_old_verdict(void) {
    struct bench *b = bench_new(NULL);
    for (size_t i = 1; i <= 6; i++)
        bench_record(b, i, record_of(i, MEMBER_STATE_ALIVE, 1, 0));
    bench_declare_dead(b, 1, 1, 0);
    for (int i = 0; i < 6000; i++) {
        bench_run(b, 10 * MS);
        for (size_t k = 2; k <= 6; k++)
            bench_kind(b, SWIM_ALIVE_HINT, k);
    }
    cr_assert_eq(bench_member(b, 1).state, MEMBER_STATE_DEAD);
    bench_clear(b);
    return b;
}

/* The ping by which node 0 looks for itself, if there is one. */
static bool look_of(struct bench *b, uint32_t *ret_seq) {
    struct wire_swim_packet packet;
    for (size_t i = 0; (i = bench_sent(b, i, &packet)) != SIZE_MAX; i++) {
        if (!packet.ping || !id_same(b->effects.data[i].to, node_id_of(1)))
            continue;
        cr_assert_eq(packet.ping->state, MEMBER_STATE_ALIVE, "no reason to refute");
        *ret_seq = packet.ping->seq;
        return true;
    }
    return false;
}

Test(swim_tables, an_old_verdict_against_the_word_of_another_is_looked_at) {
    struct bench *b = with_an_old_verdict();
    struct wire_member alive = record_of(1, MEMBER_STATE_ALIVE, 1, 0);
    uint32_t seq;
    bench_sync(b, 2, false, &alive, 1);
    cr_assert_eq(bench_member(b, 1).state, MEMBER_STATE_DEAD, "a word is not enough");
    bench_run(b, 10 * MS);
    cr_assert(look_of(b, &seq));
    struct wire_ack ack = {.seq = seq};
    bench_packet(b, 1, &(struct wire_swim_packet){.ack = &ack});
    cr_assert_eq(bench_member(b, 1).state, MEMBER_STATE_ALIVE);
    cr_assert_eq(bench_member(b, 1).version, 0, "nobody had to raise anything");
    cr_assert_eq(bench_events(b, SWIM_JOINED, 1), 1);
    bench_free(b);
}

Test(swim_tables, who_has_missed_a_death_is_told_after_the_look) {
    struct bench *b = with_an_old_verdict();
    struct wire_member alive = record_of(1, MEMBER_STATE_ALIVE, 1, 0);
    uint32_t seq;
    bench_sync(b, 2, false, &alive, 1);
    bench_run(b, 10 * MS);
    cr_assert(look_of(b, &seq));
    bench_clear(b);
    for (int i = 0; i < 150; i++) {
        bench_run(b, 10 * MS);
        for (size_t k = 2; k <= 6; k++)
            bench_kind(b, SWIM_ALIVE_HINT, k);
    }
    cr_assert_eq(bench_member(b, 1).state, MEMBER_STATE_DEAD);
    struct wire_swim_packet packet;
    bool told = false;
    for (size_t i = 0; (i = bench_sent(b, i, &packet)) != SIZE_MAX; i++) {
        const struct wire_member *record = packet_record(&packet, 1);
        told |= id_same(b->effects.data[i].to, node_id_of(2)) && record && record->state == MEMBER_STATE_DEAD;
    }
    cr_assert(told);
    bench_free(b);
}

Test(swim_tables, who_was_dead_for_long_and_speaks_lives_without_raising_anything) {
    for (int way = 0; way < 3; way++) {
        struct bench *b = with_an_old_verdict();
        struct wire_ping ping = {.seq = 1, .generation = 1};
        struct wire_member self = record_of(1, MEMBER_STATE_ALIVE, 1, 0);
        if (way == 0)
            bench_packet(b, 1, &(struct wire_swim_packet){.ping = &ping});
        else if (way == 1)
            bench_sync(b, 1, false, &self, 1);
        else
            bench_kind(b, SWIM_ALIVE_HINT, 1);
        cr_assert_eq(bench_member(b, 1).state, MEMBER_STATE_ALIVE, "way %d", way);
        cr_assert_eq(bench_member(b, 1).version, 0);
        bench_free(b);
    }
}

/* ---- scale --------------------------------------------------------------------------------------------- */

Test(swim_tables, a_view_of_a_member_takes_at_most_64_bytes) {
    enum { N = 10000, CORES = 3 };
    struct swim_names *names = swim_names_new();
    struct bench *cores[CORES];
    struct wire_member *records = mem_alloc(N * sizeof *records);
    for (size_t i = 0; i < N; i++)
        records[i] = record_of(i + CORES, MEMBER_STATE_ALIVE, 1, 0);
    for (size_t i = 0; i < CORES; i++) {
        cores[i] = bench_new_as(i, &(struct swim_config){.names = names});
        cr_assert_eq(swim_import(cores[i]->swim, cores[i]->now_us, records, N), 0);
        cr_assert_eq(cores[i]->effects.count, 0);
        cr_assert_eq(swim_members_count(cores[i]->swim), N + 1);
        size_t bytes = swim_memory(cores[i]->swim);
        cr_assert_leq(bytes, 64 * N + 32 * 1024, "%zu bytes a view", bytes / N);
    }
    struct swim_member one, other;
    cr_assert(swim_member_find(cores[0]->swim, node_id_of(77), &one));
    cr_assert(swim_member_find(cores[1]->swim, node_id_of(77), &other));
    cr_assert_eq(one.name.data, other.name.data, "kept once");
    for (size_t i = 0; i < CORES; i++)
        bench_free(cores[i]);
    swim_names_free(names);
    mem_free(records);
}

/* What a rumour needs is given back when it is told. */
Test(swim_tables, who_was_only_heard_of_takes_no_more) {
    enum { N = 1500 };
    struct bench *b = bench_new(&(struct swim_config){.rumours_max = N});
    for (size_t i = 1; i <= N; i++)
        bench_record(b, 1, record_of(i, MEMBER_STATE_ALIVE, 1, 0));
    struct wire_ping ping = {.seq = 1, .target = node_id_of(0), .generation = 1};
    struct wire_swim_packet packet = {.ping = &ping};
    for (size_t last = 1, i = 0; last > 0 && i < 5000; i++) {
        bench_clear(b);
        bench_packet(b, 1, &(struct wire_swim_packet){.ping = &ping});
        cr_assert_neq(bench_sent(b, 0, &packet), SIZE_MAX);
        last = packet.members_count;
    }
    cr_assert_eq(packet.members_count, 0);
    cr_assert_leq(swim_memory(b->swim), 64 * N + 48 * 1024, "%zu", swim_memory(b->swim));
    bench_free(b);
}

/* All of many are met, one after the other: what is remembered of the first ones is let go. */
Test(swim_tables, of_many_who_were_met_the_last_are_remembered) {
    enum { N = 2000, REMEMBERED = 900 };
    struct bench *b = bench_new(&(struct swim_config){.health_max = 1});
    struct wire_member *records = mem_alloc(N * sizeof *records);
    for (size_t i = 0; i < N; i++)
        records[i] = record_of(i + 1, MEMBER_STATE_ALIVE, 1, 0);
    cr_assert_eq(swim_import(b->swim, b->now_us, records, N), 0);
    mem_free(records);
    for (size_t i = 1; i <= N; i++) {
        bench_kind(b, SWIM_ALIVE_HINT, i);
        bench_run(b, 100 * MS);
    }
    size_t remembered = 0;
    for (size_t i = 1; i <= N; i++) {
        bool last = i > N - 200;
        cr_assert(!last || bench_member(b, i).last_ack_us > 0, "%zu", i);
        remembered += bench_member(b, i).last_ack_us > 0;
    }
    cr_assert_leq(remembered, REMEMBERED, "%zu", remembered);
    cr_assert_leq(swim_memory(b->swim), 64 * N + REMEMBERED * 128 + 48 * 1024, "%zu", swim_memory(b->swim));
    bench_free(b);
}

Test(swim_tables, more_news_than_there_is_room_for_is_left_to_the_comparison) {
    struct bench *x = pair_member(0, &(struct swim_config){.rumours_max = 100}), *y = pair_member(1, NULL);
    for (size_t i = 2; i < 1000; i++)
        bench_record(x, 2, record_of(i, MEMBER_STATE_ALIVE, 1, 0));
    cr_assert_geq(swim_counters(x->swim)->rumours_dropped, 890);
    record_all(y, 2, 5);
    compare(x, y);
    cr_assert(agree(x, y, 1000));
    bench_free(x);
    bench_free(y);
}
