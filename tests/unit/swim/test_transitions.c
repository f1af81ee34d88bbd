/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Every cell of the table in swim.c. The held incarnation is (3, 5). */

#include "harness.h"

#define NOBODY (-1) /* as a state: not in the table */
#define A      MEMBER_STATE_ALIVE
#define S      MEMBER_STATE_SUSPECT
#define D      MEMBER_STATE_DEAD
#define L      MEMBER_STATE_LEFT

enum { LOWER, SAME, HIGHER };

static const struct cell {
    int held;
    enum member_state told;
    int order;
    int then;      /* the state that follows */
    bool raised;   /* the held incarnation becomes the told one */
    int events[2]; /* -1: none */
} cells[] = {
    {NOBODY, A, SAME, A, true, {SWIM_JOINED, -1}},
    {NOBODY, S, SAME, NOBODY, false, {-1, -1}},
    {NOBODY, D, SAME, NOBODY, false, {-1, -1}},
    {NOBODY, L, SAME, NOBODY, false, {-1, -1}},

    {A, A, LOWER, A, false, {-1, -1}},
    {A, A, SAME, A, false, {-1, -1}},
    {A, A, HIGHER, A, true, {-1, -1}},
    {A, S, LOWER, A, false, {-1, -1}},
    {A, S, SAME, S, false, {SWIM_SUSPECTED, -1}},
    {A, S, HIGHER, S, true, {SWIM_SUSPECTED, -1}},
    {A, D, LOWER, A, false, {-1, -1}},
    {A, D, SAME, S, false, {SWIM_SUSPECTED, -1}},
    {A, D, HIGHER, S, true, {SWIM_SUSPECTED, -1}},
    {A, L, LOWER, A, false, {-1, -1}},
    {A, L, SAME, L, false, {SWIM_LEFT, -1}},
    {A, L, HIGHER, L, true, {SWIM_LEFT, -1}},

    {S, A, LOWER, S, false, {-1, -1}},
    {S, A, SAME, S, false, {-1, -1}},
    {S, A, HIGHER, A, true, {SWIM_REFUTED, -1}},
    {S, S, LOWER, S, false, {-1, -1}},
    {S, S, SAME, S, false, {-1, -1}},
    {S, S, HIGHER, S, true, {-1, -1}},
    {S, D, LOWER, S, false, {-1, -1}},
    {S, D, SAME, S, false, {-1, -1}},
    {S, D, HIGHER, S, true, {-1, -1}},
    {S, L, LOWER, S, false, {-1, -1}},
    {S, L, SAME, L, false, {SWIM_LEFT, -1}},
    {S, L, HIGHER, L, true, {SWIM_LEFT, -1}},

    {D, A, LOWER, D, false, {-1, -1}},
    {D, A, SAME, D, false, {-1, -1}},
    {D, A, HIGHER, A, true, {SWIM_JOINED, -1}},
    {D, S, LOWER, D, false, {-1, -1}},
    {D, S, SAME, D, false, {-1, -1}},
    {D, S, HIGHER, S, true, {SWIM_JOINED, SWIM_SUSPECTED}},
    {D, D, LOWER, D, false, {-1, -1}},
    {D, D, SAME, D, false, {-1, -1}},
    {D, D, HIGHER, D, true, {-1, -1}},
    {D, L, LOWER, D, false, {-1, -1}},
    {D, L, SAME, L, false, {SWIM_LEFT, -1}},
    {D, L, HIGHER, L, true, {SWIM_LEFT, -1}},

    {L, A, LOWER, L, false, {-1, -1}},
    {L, A, SAME, L, false, {-1, -1}},
    {L, A, HIGHER, A, true, {SWIM_JOINED, -1}},
    {L, S, LOWER, L, false, {-1, -1}},
    {L, S, SAME, L, false, {-1, -1}},
    {L, S, HIGHER, S, true, {SWIM_JOINED, SWIM_SUSPECTED}},
    {L, D, LOWER, L, false, {-1, -1}},
    {L, D, SAME, L, false, {-1, -1}},
    {L, D, HIGHER, D, true, {SWIM_DIED, -1}},
    {L, L, LOWER, L, false, {-1, -1}},
    {L, L, SAME, L, false, {-1, -1}},
    {L, L, HIGHER, L, true, {-1, -1}},
};

/* What is held of node 1 after node 2, 3, 4 and it are known. */
static struct bench *holding_with(int held, uint32_t without) {
    struct bench *b = bench_new(&(struct swim_config){.without = without});
    for (size_t i = 2; i < 5; i++)
        bench_record(b, i, record_of(i, A, 1, 0));
    if (held != NOBODY)
        bench_record(b, 2, record_of(1, A, 3, 5));
    if (held == S)
        bench_record(b, 2, accusation_of(1, S, 3, 5, 2));
    if (held == D)
        bench_declare_dead(b, 1, 3, 5);
    if (held == L)
        bench_record(b, 2, record_of(1, L, 3, 5));
    bench_clear(b);
    return b;
}

static struct bench *holding(int held) { return holding_with(held, 0); }

/* Higher is tried as a later version and as a later generation with a smaller one. */
static void check_cell(const struct cell *cell, uint32_t generation, uint32_t version, size_t row) {
    struct bench *b = holding(cell->held);
    size_t before = swim_members_count(b->swim);
    struct wire_member told = record_of(1, cell->told, generation, version);
    if (cell->told == S || cell->told == D)
        told.from = node_id_of(3);
    cr_assert_eq(bench_record(b, 3, told), 0);
    struct swim_member m = {0};
    bool found = swim_member_find(b->swim, node_id_of(1), &m);
    cr_assert_eq(found, cell->then != NOBODY, "row %zu", row);
    if (found) {
        cr_assert_eq((int)m.state, cell->then, "row %zu: state %d", row, (int)m.state);
        cr_assert_eq(m.generation, cell->raised ? generation : 3, "row %zu: generation %u", row,
                     m.generation);
        cr_assert_eq(m.version, cell->raised ? version : 5, "row %zu: version %u", row, m.version);
    } else {
        cr_assert_eq(swim_members_count(b->swim), before);
    }
    size_t wanted = 0;
    for (int i = 0; i < 2; i++) {
        if (cell->events[i] >= 0) {
            wanted++;
            cr_assert_eq(bench_events(b, (enum swim_event_kind)cell->events[i], 1), 1, "row %zu", row);
        }
    }
    size_t events = 0;
    for (size_t i = 0; i < b->effects.count; i++)
        events += b->effects.data[i].kind == SWIM_EVENT && b->effects.data[i].event != SWIM_CHANGED;
    cr_assert_eq(events, wanted, "row %zu: %zu events", row, events);
    bench_free(b);
}

Test(swim_transitions, each_cell_of_the_table) {
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++) {
        const struct cell *cell = &cells[i];
        switch (cell->order) {
        case LOWER:
            check_cell(cell, 3, 4, i);
            check_cell(cell, 2, 9, i);
            break;
        case SAME: check_cell(cell, 3, 5, i); break;
        case HIGHER:
            check_cell(cell, 3, 6, i);
            check_cell(cell, 4, 0, i);
            break;
        }
    }
}

Test(swim_transitions, the_counts_follow_the_states) {
    static const int held[] = {NOBODY, A, S, D, L};
    static const size_t alive[] = {4, 5, 5, 4, 4};
    for (size_t i = 0; i < 5; i++) {
        struct bench *b = holding(held[i]);
        cr_assert_eq(swim_alive_count(b->swim), alive[i]);
        cr_assert_eq(swim_members_count(b->swim), held[i] == NOBODY ? 4 : 5);
        bench_free(b);
    }
}

/*
 * Six members: Min 2 s, Max 12 s. The verdict of another leaves a member Min to refute, from when it was
 * doubted here.
 */
Test(swim_transitions, a_verdict_ends_the_suspicion_after_min_and_not_before) {
    static const int64_t doubted_before_ms[] = {0, 0, 1500, 5000};
    static const int64_t dies_after_ms[] = {2000, 2000, 500, 0};
    for (int i = 0; i < 4; i++) {
        struct bench *b = holding(A);
        bench_record(b, 6, record_of(6, A, 1, 0));
        bench_record(b, 7, record_of(7, A, 1, 0));
        if (i > 0)
            bench_record(b, 2, accusation_of(1, S, 3, 5, 2));
        for (int64_t ms = 0; ms < doubted_before_ms[i]; ms += 10) {
            bench_run(b, 10 * MS);
            for (size_t k = 1; k < 8; k++)
                bench_kind(b, SWIM_ALIVE_HINT, k);
        }
        bench_record(b, 2, accusation_of(1, D, 3, 5, 2));   /* the same accuser: no confirmation */
        bench_record(b, 3, accusation_of(1, D, 3, 5, 2));   /* a second time is no more evidence */
        for (int64_t ms = 1; ms < dies_after_ms[i]; ms++) { /* while others are heard */
            bench_run(b, MS);
            bench_kind(b, SWIM_ALIVE_HINT, 2);
        }
        cr_assert_eq(bench_events(b, SWIM_DIED, 1), 0, "case %d", i);
        bench_run(b, 2 * MS);
        cr_assert_eq(bench_events(b, SWIM_DIED, 1), 1, "case %d", i);
        bench_free(b);
    }
}

Test(swim_transitions, a_refutation_is_told_with_who_accused) {
    struct bench *b = bench_knowing(5, NULL);
    bench_record(b, 4, accusation_of(3, MEMBER_STATE_SUSPECT, 1, 0, 2));
    bench_clear(b);
    bench_record(b, 1, record_of(3, MEMBER_STATE_ALIVE, 1, 1));
    cr_assert_eq(bench_events(b, SWIM_REFUTED, 3), 1);
    for (size_t i = 0; i < b->effects.count; i++) {
        const struct swim_effect *e = &b->effects.data[i];
        cr_assert(e->kind != SWIM_EVENT || e->event != SWIM_REFUTED || id_same(e->accuser, node_id_of(2)));
    }
    bench_free(b);
}

/* In a merge the other side's dead are suspects here, and an unknown suspect with an address is let in. */
Test(swim_transitions, in_a_merge_dead_counts_as_suspect) {
    struct bench *b = holding(A);
    struct wire_member told[2] = {accusation_of(1, D, 3, 5, 3), record_of(7, A, 2, 1)};
    told[1].state = S;
    told[1].from = node_id_of(3);
    bench_sync(b, 3, true, told, 2);
    cr_assert_eq(bench_member(b, 1).state, S);
    cr_assert_eq(bench_member(b, 7).state, S);
    cr_assert_eq(bench_events(b, SWIM_DIED, SIZE_MAX), 0);
    bench_free(b);
}

/* After a cut that would be a storm of rumours, and one table is one witness. The member is asked itself. */
Test(swim_transitions, accusations_of_a_merge_are_put_to_the_member_and_not_told_on) {
    struct bench *b = holding(A);
    for (size_t i = 6; i < 9; i++)
        bench_record(b, i, record_of(i, A, 1, 0));
    for (int i = 0; i < 400; i++) { /* the rumours so far are spent */
        bench_run(b, 10 * MS);
        for (size_t k = 1; k < 9; k++)
            bench_kind(b, SWIM_ALIVE_HINT, k);
    }
    bench_clear(b);
    struct wire_member told = accusation_of(1, D, 3, 5, 3);
    for (size_t from = 2; from < 5; from++) {
        told.from = node_id_of(from);
        bench_sync(b, from, true, &told, 1);
    }
    struct wire_swim_packet packet;
    size_t at = bench_sent(b, 0, &packet);
    cr_assert(at != SIZE_MAX && id_same(b->effects.data[at].to, node_id_of(1)));
    cr_assert(packet.members_count && id_same(packet.members[0].id, node_id_of(1)));
    cr_assert_eq(packet.members[0].state, S);
    bench_clear(b);
    for (int i = 0; i < 1000; i++) { /* longer than the Min of 2 s, shorter than the Max of 12 s */
        bench_run(b, 10 * MS);
        for (size_t k = 1; k < 9; k++)
            bench_kind(b, SWIM_ALIVE_HINT, k);
        for (size_t k = 0; (k = bench_sent(b, k, &packet)) != SIZE_MAX; k++)
            cr_assert(id_same(b->effects.data[k].to, node_id_of(1)) || !packet_record(&packet, 1) ||
                      packet_record(&packet, 1)->state == A);
        cr_assert_eq(bench_events(b, SWIM_DIED, 1), 0);
        bench_clear(b);
    }
    bench_free(b);
}

Test(swim_transitions, the_unknown_dead_of_a_merge_is_not_let_in) {
    struct bench *b = holding(A);
    struct wire_member told = record_of(7, D, 2, 1);
    told.addr = addr_of(7);
    bench_sync(b, 3, true, &told, 1);
    struct swim_member m;
    cr_assert_not(swim_member_find(b->swim, node_id_of(7), &m));
    bench_free(b);
}

Test(swim_transitions, a_stale_alive_does_not_resurrect_once_dead_was_told_higher) {
    struct bench *b = holding(D);
    bench_record(b, 2, accusation_of(1, D, 3, 10, 2));
    bench_record(b, 3, record_of(1, A, 3, 7));
    cr_assert_eq(bench_member(b, 1).state, D);
    bench_record(b, 3, record_of(1, A, 3, 10));
    cr_assert_eq(bench_member(b, 1).state, D);
    bench_record(b, 3, record_of(1, A, 3, 11));
    cr_assert_eq(bench_member(b, 1).state, A);
    bench_free(b);
}

/*
 * It has refuted what it was held dead for here and is suspected anew: that is no verdict about its new
 * incarnation, which would kill it wherever its refutation was heard. The dead of both sides stay dead.
 */
Test(swim_transitions, a_verdict_is_about_its_incarnation_whatever_a_table_brings) {
    for (int without = 0; without < 2; without++) {
        uint32_t parts = without ? SWIM_WITHOUT_MEMBERLIST : 0;
        struct wire_member told = accusation_of(1, S, 3, 8, 3);
        for (int held = D; held <= L; held++) { /* memberlist drops it */
            struct bench *b = holding_with(held, parts);
            bench_sync(b, 3, false, &told, 1);
            cr_assert_eq((int)bench_member(b, 1).state, without ? held : S);
            cr_assert_eq(bench_member(b, 1).version, without ? 5 : 8);
            cr_assert_eq(bench_events(b, SWIM_JOINED, 1), without ? 0 : 1);
            bench_free(b);
        }

        struct bench *b = holding_with(D, parts);
        told = accusation_of(1, D, 3, 8, 3);
        bench_sync(b, 3, false, &told, 1);
        cr_assert_eq((int)bench_member(b, 1).state, D);
        cr_assert_eq(bench_member(b, 1).version, 8);
        bench_free(b);
    }
}

/* ---- this node ----------------------------------------------------------------------------------------- */

static struct swim_member self_after(enum member_state told, uint32_t generation, uint32_t version,
                                     uint32_t *ret_health, size_t *ret_refuted, size_t *ret_generation) {
    struct bench *b = bench_new(&(struct swim_config){.generation = 3});
    bench_record(b, 2, record_of(2, A, 1, 0));
    /* Its version becomes 5. */
    bench_record(b, 2, accusation_of(0, S, 3, 4, 2));
    bench_run(b, 3 * SECOND);
    uint32_t before = swim_health(b->swim);
    bench_clear(b);
    struct wire_member record = record_of(0, told, generation, version);
    record.name = bytes_str("n0");
    bench_record(b, 2, record);
    *ret_health = swim_health(b->swim) - before;
    *ret_refuted = bench_events(b, SWIM_SELF_REFUTED, 0);
    *ret_generation = bench_events(b, SWIM_GENERATION, 0);
    struct swim_member self = bench_member(b, 0);
    bench_free(b);
    return self;
}

Test(swim_transitions, an_accusation_of_this_node_is_refuted_above_what_was_told) {
    static const enum member_state accusing[] = {S, D, L};
    uint32_t health;
    size_t refuted, raised;
    for (int i = 0; i < 3; i++) {
        struct swim_member self = self_after(accusing[i], 3, 4, &health, &refuted, &raised);
        cr_assert(self.version == 5 && refuted == 0 && health == 0, "below its own: nothing");
        self = self_after(accusing[i], 3, 5, &health, &refuted, &raised);
        cr_assert(self.state == A && self.generation == 3 && self.version == 6 && refuted == 1 &&
                  health == 1);
        self = self_after(accusing[i], 3, 40, &health, &refuted, &raised);
        cr_assert(self.state == A && self.version == 41 && refuted == 1 && raised == 0);
        self = self_after(accusing[i], 8, 2, &health, &refuted, &raised);
        cr_assert(self.generation == 9 && self.version == 0 && refuted == 1 && raised == 1);
    }
}

Test(swim_transitions, a_forged_record_of_this_node_is_refuted) {
    uint32_t health;
    size_t refuted, raised;
    struct swim_member self = self_after(A, 3, 5, &health, &refuted, &raised);
    cr_assert_eq(self.version, 5, "its own words are no news");
    self = self_after(A, 3, 17, &health, &refuted, &raised);
    cr_assert(self.version == 18 && health == 0);
    self = self_after(A, 4, 0, &health, &refuted, &raised);
    cr_assert(self.generation == 5 && raised == 1);

    struct bench *b = bench_new(NULL);
    struct wire_member forged = record_of(0, A, 1, 0);
    forged.addr = addr_of(9);
    bench_record(b, 2, forged);
    cr_assert_eq(bench_member(b, 0).version, 1);
    struct addr own = addr_of(0);
    struct swim_member after = bench_member(b, 0);
    cr_assert(addr_equal(&after.addr, &own));
    /* A later card than its own, of a version that is past: whoever has that would keep it. */
    forged.version = forged.since = 9;
    bench_record(b, 2, accusation_of(0, S, 1, 20, 3));
    bench_record(b, 2, forged);
    cr_assert_eq(bench_member(b, 0).version, 22);
    struct wire_member told[1];
    cr_assert(swim_export(b->swim, told, 1) == 1 && told[0].since == 22 && addr_equal(&told[0].addr, &own));
    bench_free(b);
}

Test(swim_transitions, who_leaves_does_not_refute_and_stays_above_what_is_told) {
    struct bench *b = holding(A);
    bench_kind(b, SWIM_LEAVE, SIZE_MAX);
    bench_record(b, 3, accusation_of(0, S, 1, 0, 3));
    cr_assert_eq(bench_member(b, 0).state, L);
    cr_assert_eq(bench_member(b, 0).version, 0);
    bench_record(b, 3, accusation_of(0, D, 1, 8, 3));
    cr_assert_eq(bench_member(b, 0).state, L);
    cr_assert_eq(bench_member(b, 0).version, 8);
    cr_assert_eq(bench_events(b, SWIM_SELF_REFUTED, SIZE_MAX), 0);
    bench_free(b);
}

/* Else one forged packet would make a member that nobody can bring back. */
Test(swim_transitions, an_incarnation_that_leaves_no_room_above_is_refused) {
    struct bench *b = holding(A);
    bench_record(b, 3, accusation_of(1, D, 3, UINT32_MAX, 3));
    bench_record(b, 3, accusation_of(1, D, UINT32_MAX, 0, 3));
    bench_record(b, 3, record_of(1, A, UINT32_MAX, UINT32_MAX));
    cr_assert_eq(bench_member(b, 1).state, A);
    cr_assert_eq(bench_member(b, 1).version, 5);
    bench_record(b, 3, accusation_of(0, S, 1, UINT32_MAX - 0x10000, 3)); /* the last but one version */
    cr_assert_lt(bench_member(b, 0).version, UINT32_MAX - 0xfff);
    bench_record(b, 3, accusation_of(0, S, 1, UINT32_MAX, 3));
    cr_assert_lt(bench_member(b, 0).version, UINT32_MAX - 0xfff);
    bench_free(b);
}

Test(swim_transitions, nobody_accuses_itself) {
    struct bench *b = holding(A);
    bench_record(b, 1, accusation_of(1, D, 3, 9, 1));
    bench_record(b, 1, accusation_of(1, S, 3, 9, 1));
    bench_record(b, 1, record_of(1, D, 3, 9));
    cr_assert_eq(bench_member(b, 1).state, A);
    bench_free(b);
}

Test(swim_transitions, a_newcomer_without_a_usable_address_is_not_let_in) {
    struct bench *b = holding(A);
    struct wire_member none = record_of(7, A, 1, 0), any = record_of(8, A, 1, 0),
                       no_port = record_of(9, A, 1, 0);
    none.addr = (struct addr){.size = 0};
    memset(any.addr.b, 0, 4);
    addr_set_port(&no_port.addr, 0);
    bench_record(b, 2, none);
    bench_record(b, 2, any);
    bench_record(b, 2, no_port);
    cr_assert_eq(swim_members_count(b->swim), 5);
    bench_free(b);
}
