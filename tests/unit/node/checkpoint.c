/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* The chain over the log, a voter's word on it, entries that wait for one. */
#include <criterion/criterion.h>

#include <covey/codec.h>
#include <covey/learn.h>

static struct identity host(uint8_t number) {
    struct secret seed = {.b = {number}};
    struct identity i;
    identity_init(&i, &seed);
    return i;
}

static struct learn_voters voters_of(uint64_t index, const struct identity *hosts, size_t count) {
    struct raft_id ids[WIRE_VOTERS_MAX];
    for (size_t i = 0; i < count; i++)
        ids[i] = (struct raft_id){.node = hosts[i].id, .log = {{1}}};
    struct wire_raft_config config = {.voters = ids, .voters_count = count};
    struct learn_voters v;
    learn_voters_set(&v, index, &config);
    return v;
}

static struct wire_raft_entry entry(uint64_t index, uint64_t term, const char *text) {
    return (struct wire_raft_entry){
        .index = index, .term = term, .kind = ENTRY_KIND_COMMAND, .data = bytes_str(text)};
}

static struct chain chain_of(const struct wire_raft_entry *entries, size_t count) {
    struct chain c = {{0}};
    for (size_t i = 0; i < count; i++)
        chain_next(&c, &entries[i]);
    return c;
}

/* ---- the chain ----------------------------------------------------------------------------------------- */

Test(node_checkpoint, the_chain_depends_on_every_part_of_every_entry) {
    const struct wire_raft_entry base[3] = {entry(1, 1, "a"), entry(2, 1, "b"), entry(3, 2, "c")};
    struct chain right = chain_of(base, 3);
    for (size_t i = 0; i < 3; i++)
        for (unsigned what = 0; what < 5; what++) {
            struct wire_raft_entry e[3] = {base[0], base[1], base[2]};
            switch (what) {
            case 0: e[i].index += 7; break;
            case 1: e[i].term += 7; break;
            case 2: e[i].kind = ENTRY_KIND_NOOP; break;
            case 3: e[i].data = bytes_str("x"); break;
            default: e[i].data = bytes_str(""); break;
            }
            struct chain other = chain_of(e, 3);
            cr_assert_neq(memcmp(&other, &right, sizeof other), 0, "entry %zu, part %u", i, what);
        }
    struct chain shorter = chain_of(base, 2);
    cr_assert_neq(memcmp(&shorter, &right, sizeof right), 0);
}

/* proto/raft.md tells how it is made: BLAKE2b-256 of 32 zeros | 1 | 2 | command | "x". */
Test(node_checkpoint, the_chain_is_the_one_of_the_page) {
    static const char text[] = "9ee98fc4e686d71851359f5795fe634a8b324572260dec8106f88090c0d7d951";
    struct wire_raft_entry e = entry(1, 2, "x");
    struct chain c = chain_of(&e, 1);
    struct buf hex = {0};
    buf_append_hex(&hex, bytes_of(c.b, sizeof c.b));
    cr_assert_eq(hex.size, sizeof text - 1);
    cr_assert_arr_eq(hex.data, text, hex.size, "%.*s", (int)hex.size, (const char *)hex.data);
    buf_done(&hex);
}

/* ---- signatures ---------------------------------------------------------------------------------------- */

static struct checkpoint signed_by(const struct identity *who, uint64_t index, const struct chain *chain) {
    struct checkpoint c = {.generation = 1, .recovery = {{9}}, .term = 1, .index = index, .chain = *chain};
    checkpoint_sign(&c, who);
    return c;
}

Test(node_checkpoint, it_counts_when_one_who_votes_has_signed_just_that) {
    struct identity hosts[3] = {host(1), host(2), host(3)}, stranger = host(9);
    struct learn_voters v = voters_of(1, hosts, 3);
    struct chain chain = {{5}};
    struct checkpoint good = signed_by(&hosts[1], 7, &chain);
    cr_assert_eq(checkpoint_check(&good, &v), 0);
    struct checkpoint member = signed_by(&stranger, 7, &chain);
    cr_assert(checkpoint_signed(&member));
    cr_assert_eq(checkpoint_check(&member, &v), ERR_DENIED, "signed well, by who has no vote");
    struct checkpoint c = member;
    c.key = hosts[1].public_key;
    cr_assert_eq(checkpoint_check(&c, &v), ERR_DENIED, "in another's name");
    uint8_t *bytes[] = {(uint8_t *)&c.generation,
                        (uint8_t *)&c.recovery,
                        (uint8_t *)&c.term,
                        (uint8_t *)&c.index,
                        c.chain.b,
                        c.signature.b};
    for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++) {
        c = good;
        *bytes[i] ^= 1;
        cr_assert_eq(checkpoint_check(&c, &v), ERR_DENIED, "part %zu was changed", i);
    }
    c = good;
    c.has_state = true;
    cr_assert_eq(checkpoint_check(&c, &v), ERR_DENIED, "a state was added");
    c = good;
    c.has_voters = true;
    c.voters = v;
    cr_assert_eq(checkpoint_check(&c, &v), ERR_DENIED, "voters were added");
}

Test(node_checkpoint, it_crosses_the_wire) {
    struct identity hosts[2] = {host(1), host(2)};
    struct checkpoint c = signed_by(&hosts[0], 7, &(struct chain){{5}}), back;
    c.has_state = c.has_voters = true;
    c.voters = voters_of(7, hosts, 2);
    c.state[3] = 4;
    checkpoint_sign(&c, &hosts[0]);
    struct checkpoint_out out;
    checkpoint_out(&c, &out);
    struct buf bytes = {0};
    struct arena a = {0};
    struct wire_checkpoint wire;
    codec_encode(&wire_checkpoint_type, &out.wire, &bytes);
    cr_assert_eq(codec_decode(&wire_checkpoint_type, buf_bytes(&bytes), &a, &wire, NULL), 0);
    cr_assert_eq(checkpoint_in(&wire, &back), 0);
    cr_assert(checkpoint_signed(&back));
    cr_assert(back.has_state && back.state[3] == 4 && back.voters.count == 2 && back.voters.index == 7);
    wire.chain.size--;
    cr_assert_eq(checkpoint_in(&wire, &back), ERR_INVALID);
    wire.chain.size++;
    wire.signature.size = 0;
    cr_assert_eq(checkpoint_in(&wire, &back), ERR_INVALID);
    wire.signature.size = 64;
    wire.state.size = 3;
    cr_assert_eq(checkpoint_in(&wire, &back), ERR_INVALID);
    arena_done(&a);
    buf_done(&bytes);
}

/* ---- from voters to later ones ------------------------------------------------------------------------- */

static struct checkpoint handover(const struct identity *by, struct learn_voters v) {
    struct checkpoint c = {
        .generation = 1, .recovery = {{9}}, .term = 1, .index = v.index, .has_voters = true, .voters = v};
    checkpoint_sign(&c, by);
    return c;
}

Test(node_checkpoint, who_was_away_while_all_voters_changed_finds_those_of_today) {
    struct identity h[6];
    for (uint8_t i = 0; i < 6; i++)
        h[i] = host((uint8_t)(i + 1));
    struct learn_voters now = voters_of(1, h, 2);
    struct checkpoint list[3] = {
        handover(&h[3], voters_of(30, h + 4, 2)), /* by one of the second set, out of order */
        handover(&h[1], voters_of(20, h + 2, 2)),
        handover(&h[5], voters_of(40, h, 1)),
    };
    cr_assert_eq(learn_voters_follow(&now, list, 3), 3);
    cr_assert_eq(now.index, 40);
    now = voters_of(1, h, 2);
    list[1] = handover(&h[4], voters_of(20, h + 2, 2));
    cr_assert_eq(learn_voters_follow(&now, list, 3), 0,
                 "a link is missing: nobody of those known signed the first");
    cr_assert_eq(now.index, 1);
    list[1] = handover(&h[1], voters_of(20, h + 2, 2));
    now = voters_of(35, h, 2);
    cr_assert_eq(learn_voters_follow(&now, list + 1, 1), 0, "an old one");
}

/* ---- staged entries ------------------------------------------------------------------------------------ */

static void stage_at(struct stage *s, uint64_t index, uint64_t term) {
    *s = (struct stage){0};
    stage_begin(s, index, term, &(struct chain){{0}});
}

static struct checkpoint proof_at(const struct wire_raft_entry *entries, size_t count) {
    return (struct checkpoint){
        .index = entries[count - 1].index, .term = 1, .chain = chain_of(entries, count)};
}

Test(node_stage, nothing_is_verified_before_a_checkpoint_is_reached) {
    struct stage s;
    const struct wire_raft_entry e[4] = {entry(1, 1, "a"), entry(2, 1, "b"), entry(3, 2, "c"),
                                         entry(4, 2, "d")};
    struct checkpoint proof;
    size_t count = 9;
    stage_at(&s, 0, 0);
    cr_assert_eq(stage_add(&s, 0, 0, e, 2), 0);
    cr_assert_eq(stage_verified(&s, &count, &proof), 0);
    cr_assert_eq(count, 0);
    struct checkpoint at3 = proof_at(e, 3);
    stage_prove(&s, &at3);
    cr_assert_eq(stage_verified(&s, &count, &proof), 0);
    cr_assert_eq(count, 0, "it is not reached");
    cr_assert_eq(stage_add(&s, 2, 1, e + 2, 2), 0);
    cr_assert_eq(stage_verified(&s, &count, &proof), 0);
    cr_assert_eq(count, 3, "and what lies behind it waits");
    cr_assert_eq(proof.index, 3);
    stage_take(&s, 3);
    uint64_t term;
    cr_assert(stage_last(&s, &term) == 4 && term == 2 && s.base_index == 3);
    struct checkpoint at4 = proof_at(e, 4);
    stage_prove(&s, &at4);
    cr_assert_eq(stage_verified(&s, &count, &proof), 0);
    cr_assert_eq(count, 1, "the chain goes on from what was taken");
    stage_done(&s);
}

Test(node_stage, a_chain_that_misses_a_checkpoint_is_a_lie_whatever_follows) {
    struct stage s;
    const struct wire_raft_entry e[3] = {entry(1, 1, "a"), entry(2, 1, "b"), entry(3, 1, "c")};
    struct wire_raft_entry lie[3] = {e[0], entry(2, 1, "B"), e[2]};
    struct checkpoint proof, at1 = proof_at(e, 1), at3 = proof_at(e, 3);
    size_t count;
    stage_at(&s, 0, 0);
    stage_prove(&s, &at3);
    stage_prove(&s, &at1);
    cr_assert_eq(stage_add(&s, 0, 0, lie, 3), 0);
    cr_assert_eq(stage_verified(&s, &count, &proof), ERR_DENIED);
    stage_begin(&s, 0, 0, &(struct chain){{0}});
    stage_prove(&s, &at3);
    cr_assert_eq(stage_add(&s, 0, 0, e, 3), 0);
    cr_assert_eq(stage_verified(&s, &count, &proof), 0);
    cr_assert_eq(count, 3, "the same from an honest one");
    stage_done(&s);
}

Test(node_stage, what_does_not_follow_is_not_taken) {
    struct stage s;
    const struct wire_raft_entry e[2] = {entry(6, 3, "a"), entry(7, 2, "b")};
    stage_at(&s, 5, 3);
    cr_assert_eq(stage_add(&s, 4, 3, e, 1), ERR_STALE);
    cr_assert_eq(stage_add(&s, 5, 2, e, 1), ERR_STALE);
    cr_assert_eq(stage_add(&s, 5, 3, e + 1, 1), ERR_INVALID, "a gap");
    cr_assert_eq(stage_add(&s, 5, 3, e, 2), ERR_INVALID, "terms that fall");
    cr_assert_eq(s.entries.count, 0);
    cr_assert_eq(stage_add(&s, 5, 3, e, 1), 0);
    struct checkpoint old = {.index = 5, .chain = {{1}}};
    stage_prove(&s, &old);
    struct checkpoint proof;
    size_t count;
    cr_assert_eq(stage_verified(&s, &count, &proof), 0, "one behind the base says nothing");
    stage_done(&s);
}

Test(node_stage, it_is_bounded) {
    struct stage s;
    struct buf big = {0};
    uint8_t zeros[1024] = {0};
    for (unsigned i = 0; i < 4096; i++)
        buf_append(&big, zeros, sizeof zeros);
    stage_at(&s, 0, 0);
    uint64_t last = 0;
    int error = 0;
    while (error == 0 && last < 100) {
        struct wire_raft_entry e = {
            .index = last + 1, .term = 1, .kind = ENTRY_KIND_COMMAND, .data = buf_bytes(&big)};
        error = stage_add(&s, last, last > 0, &e, 1);
        last += error == 0;
    }
    cr_assert_eq(error, ERR_LIMIT);
    cr_assert_leq(s.bytes, STAGE_BYTES_MAX);
    for (uint64_t i = 1; i <= 100; i++)
        stage_prove(&s, &(struct checkpoint){.index = i});
    cr_assert_leq(s.proofs_count, STAGE_PROOFS_MAX);
    cr_assert_eq(s.proofs[s.proofs_count - 1].index, 100, "the last one is kept");
    stage_done(&s);
    buf_done(&big);
}
