/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The properties of Raft (paper, figure 3), each checked where it could break: election safety, log matching,
 * leader completeness, state machine safety; and that what is committed lies on a majority of disks, that
 * nobody votes twice in a term over crashes, and that a read sees what was committed before it was asked.
 */
#include <criterion/criterion.h>

#include "harness.h"

struct keyed {
    uint8_t key[17];
    uint64_t value;
};
struct committed {
    uint64_t chain, term, leader_term;
};
struct checker {
    struct map facts;                /* of struct keyed */
    VEC(struct committed) committed; /* by index - 1 */
};

struct checker *checker_new(void) {
    return mem_alloc(sizeof(struct checker));
}

void checker_free(struct checker *c) {
    for (size_t i = 0; i < c->facts.count; i++)
        mem_free(c->facts.entries[i].value);
    map_done(&c->facts);
    VEC_DONE(&c->committed);
    mem_free(c);
}

/* The value told first for this key; later ones must agree. */
static uint64_t fact(struct checker *c, char kind, uint64_t a, uint64_t b, uint64_t value) {
    struct keyed k = {.value = value};
    k.key[0] = (uint8_t)kind;
    memcpy(k.key + 1, &a, sizeof a);
    memcpy(k.key + 9, &b, sizeof b);
    struct keyed *found = map_get(&c->facts, bytes_of(k.key, sizeof k.key));
    if (found)
        return found->value;
    struct keyed *kept = mem_alloc(sizeof *kept);
    *kept = k;
    map_put(&c->facts, bytes_of(kept->key, sizeof kept->key), kept);
    return value;
}

static uint64_t id_hash(const struct raft_id *id) {
    return chain_next(1, 0, 0, ENTRY_KIND_NOOP, bytes_of(id, sizeof *id));
}

uint64_t chain_next(uint64_t chain, uint64_t index, uint64_t term, enum entry_kind kind, struct bytes data) {
    uint64_t h = chain ^ (index * UINT64_C(0x9e3779b97f4a7c15)) ^ (term << 40) ^ ((uint64_t)kind << 60);
    for (size_t i = 0; i < data.size; i++)
        h = (h ^ data.data[i]) * UINT64_C(0x100000001b3);
    h ^= h >> 29;
    return h * UINT64_C(0xbf58476d1ce4e5b9) + 1;
}

/*
 * The newest entry that was committed before `term` began must be in its leader's log; by log matching so is
 * the rest.
 */
static void leader_complete(const struct checker *c, const struct node *n, uint64_t term) {
    for (size_t i = c->committed.count; i-- > 0;) {
        const struct committed *m = &c->committed.data[i];
        if (m->leader_term >= term)
            continue;
        uint64_t index = i + 1;
        if (index >= raft_first_index(n->raft))
            cr_assert_eq(raft_term_at(n->raft, index), m->term,
                         "leader completeness: the leader of term %lu lacks committed entry %lu",
                         (unsigned long)term, (unsigned long)index);
        return;
    }
}

void checker_role(struct checker *c, const struct world *w, const struct node *n) {
    (void)w;
    if (raft_role(n->raft) != RAFT_LEADER)
        return;
    uint64_t term = raft_term(n->raft), who = id_hash(&n->id);
    cr_assert_eq(fact(c, 'L', term, 0, who), who, "election safety: two leaders in term %lu",
                 (unsigned long)term);
    leader_complete(c, n, term);
}

void checker_log(struct checker *c, const struct entry_copy *e) {
    cr_assert_eq(fact(c, 'E', e->index, e->term, e->chain), e->chain,
                 "log matching: two logs differ up to index %lu, term %lu", (unsigned long)e->index,
                 (unsigned long)e->term);
}

static bool disk_holds(const struct node *n, uint64_t index, uint64_t term) {
    if (index <= n->disk.snapshot.index)
        return true;
    for (size_t i = n->disk.log.count; i-- > 0;) {
        if (n->disk.log.data[i].index == index)
            return n->disk.log.data[i].term == term;
    }
    return false;
}

static void majority_holds(const struct world *w, const struct raft_id *ids, size_t ids_count, uint64_t index,
                           uint64_t term) {
    size_t holders_count = 0;
    for (size_t i = 0; i < ids_count; i++) {
        size_t n = world_index_of(w, &ids[i]);
        if (n != NOBODY && disk_holds(&w->nodes[n], index, term))
            holders_count++;
    }
    cr_assert(holders_count > ids_count / 2 || ids_count == 0,
              "durability: entry %lu is applied, but only %zu of %zu disks hold it", (unsigned long)index,
              holders_count, ids_count);
}

void checker_apply(struct checker *c, const struct world *w, const struct node *n,
                   const struct entry_copy *e) {
    if (e->index <= c->committed.count) {
        cr_assert_eq(c->committed.data[e->index - 1].chain, e->chain,
                     "state machine safety: two nodes applied different entries at %lu",
                     (unsigned long)e->index);
        return;
    }
    cr_assert_eq(e->index, c->committed.count + 1,
                 "an entry was applied before the one ahead of it was anywhere");
    struct committed m = {.chain = e->chain, .term = e->term, .leader_term = raft_term(n->raft)};
    VEC_PUSH(&c->committed, m);
    if (raft_role(n->raft) != RAFT_LEADER)
        return;
    const struct wire_raft_config *config = raft_config_now(n->raft);
    majority_holds(w, config->voters, config->voters_count, e->index, e->term);
    majority_holds(w, config->voters_next, config->voters_next_count, e->index, e->term);
}

void checker_vote(struct checker *c, const struct node *n, uint64_t term, const struct raft_id *candidate) {
    const struct wire_hard_state *hard = &n->disk.hard;
    cr_assert(hard->term > term || (hard->term == term && raft_id_equal(&hard->vote, candidate)),
              "a vote in term %lu is told that is not on disk", (unsigned long)term);
    uint64_t who = id_hash(candidate);
    cr_assert_eq(fact(c, 'V', term, id_hash(&n->id), who), who, "a node voted twice in term %lu",
                 (unsigned long)term);
}

void checker_read_asked(struct checker *c, uint64_t context) { fact(c, 'R', context, 0, c->committed.count); }

void checker_read_ready(struct checker *c, uint64_t context, uint64_t index) {
    uint64_t least = fact(c, 'R', context, 0, 0);
    cr_assert_geq(index, least, "a read at index %lu misses what was committed up to %lu before it was asked",
                  (unsigned long)index, (unsigned long)least);
}

uint64_t checker_chain(const struct checker *c, uint64_t index) {
    cr_assert(index > 0 && index <= c->committed.count);
    return c->committed.data[index - 1].chain;
}

uint64_t checker_commit(const struct checker *c) { return c->committed.count; }

void checker_install(struct checker *c, uint64_t index, uint64_t chain) {
    cr_assert_leq(index, c->committed.count, "a snapshot of what is not committed is installed");
    cr_assert_eq(c->committed.data[index - 1].chain, chain,
                 "a snapshot differs from what was applied up to %lu", (unsigned long)index);
}
