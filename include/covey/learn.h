/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * learn: what a host without a vote needs in order to take the log from anybody: checkpoints, entries that
 * wait for one, and the choice of whom to ask. Each is a small core of its own; src/node/learner.c joins
 * them. The messages are in proto/raft.md.
 *
 * PURE. Times are absolute, in microseconds of the caller's clock.
 */
#ifndef COVEY_LEARN_H
#define COVEY_LEARN_H

#include <covey/base.h>
#include <covey/crypto.h>
#include <covey/wire.h>

/* ---- the chain over the log, and a voter's word on it: src/node/checkpoint.c ----------------------------
 */

#define CHAIN_SIZE      32
#define STATE_HASH_SIZE 16

/* Of the log up to an index; zero before the first entry. */
struct chain {
    uint8_t b[CHAIN_SIZE];
};
/* BLAKE2b-256 of: the chain before, index and term (8 bytes each, little endian), kind (1 byte), data. */
void chain_next(struct chain *c, const struct wire_raft_entry *entry);

/* Who votes as of a log index; both halves while a change is under way. index 0: not known. */
struct learn_voters {
    uint64_t index;
    size_t count, next_count;
    struct raft_id ids[WIRE_VOTERS_MAX], next[WIRE_VOTERS_MAX];
};
void learn_voters_set(struct learn_voters *v, uint64_t index, const struct wire_raft_config *config);
/* Points into v. */
struct wire_raft_config learn_voters_config(const struct learn_voters *v);
/* By node: a key stays its host's own when the log on its disk is lost. */
bool learn_voters_have(const struct learn_voters *v, struct node_id id);

/* A checkpoint (proto/raft.md), with nothing that points elsewhere. */
struct checkpoint {
    uint32_t generation;
    struct recovery_id recovery;
    uint64_t term, index;
    struct chain chain;
    struct public_key key;
    bool has_voters, has_state;
    struct learn_voters voters;
    uint8_t state[STATE_HASH_SIZE];
    struct signature signature;
};
/* As it goes on the wire: points into the checkpoint and into itself. */
struct checkpoint_out {
    struct wire_checkpoint wire;
    struct wire_raft_config config;
};
void checkpoint_out(const struct checkpoint *c, struct checkpoint_out *ret);
/* ERR_INVALID: sizes. The signature is not looked at. */
int checkpoint_in(const struct wire_checkpoint *in, struct checkpoint *ret);
void checkpoint_sign(struct checkpoint *c, const struct identity *identity); /* fills in key and signature */
/* 0; ERR_DENIED: the signer is none of `voters`, or it did not sign this. */
int checkpoint_check(const struct checkpoint *c, const struct learn_voters *voters);
bool checkpoint_signed(const struct checkpoint *c); /* by its key, whoever that is */

/*
 * From voters that are known to those of later: each handover, a checkpoint with voters of the same log, was
 * signed by one who voted before it. In any order. Those that lead nowhere are passed over. Returns how many
 * led on; *voters is then of the last.
 */
size_t learn_voters_follow(struct learn_voters *voters, const struct checkpoint *handovers, size_t count);

/* ---- entries that wait for a checkpoint: src/node/stage.c -----------------------------------------------
 */

#define STAGE_BYTES_MAX  ((size_t)96 << 20) /* more than any peer keeps of its log behind a snapshot */
#define STAGE_PROOFS_MAX 16
#define STAGE_ENTRY_COST 128u /* bytes that an entry weighs beside its data */

struct stage_entry {
    struct wire_raft_entry wire; /* data owned */
    struct chain chain;
};
/* Zero-initialise, stage_begin(); stage_done() frees. */
struct stage {
    uint64_t base_index, base_term; /* what lies before is committed and applied here */
    struct chain base;
    VEC(struct stage_entry) entries;
    size_t bytes;
    struct checkpoint *proofs; /* by index; STAGE_PROOFS_MAX of them */
    size_t proofs_count;
};
/* Forgets everything, and goes on behind this entry. */
void stage_begin(struct stage *s, uint64_t index, uint64_t term, const struct chain *chain);
void stage_done(struct stage *s);
uint64_t stage_last(const struct stage *s, uint64_t *ret_term);
/*
 * Behind what is there; copied. ERR_STALE: they do not follow; ERR_INVALID: terms fall, or an index is
 * wrong; ERR_LIMIT: too many without a checkpoint. Nothing is taken then.
 */
int stage_add(struct stage *s, uint64_t prev_index, uint64_t prev_term, const struct wire_raft_entry *entries,
              size_t count);
/* One that was checked (checkpoint_check). Those that lie behind the base are passed over. */
void stage_prove(struct stage *s, const struct checkpoint *c);
/*
 * How many of the entries, from the first on, are now known to be the log; they end at *ret_proof. 0: none
 * yet. ERR_DENIED: the chain misses a checkpoint: somebody lied.
 */
int stage_verified(const struct stage *s, size_t *ret_count, struct checkpoint *ret_proof);
/* Those were applied: drops them. */
void stage_take(struct stage *s, size_t count);

/* ---- whom to ask: src/node/learner_pick.c ---------------------------------------------------------------
 */

#define LEARN_AVOID_US     (5 * US_PER_S)  /* one that did not answer, has old news, or is busy */
#define LEARN_AVOID_BAD_US (60 * US_PER_S) /* one whose answer was a lie */
#define LEARN_HINT_US      (10 * US_PER_S) /* what a busy one told of others holds so long */
#define LEARN_STALLED_US   (30 * US_PER_S) /* no more of a snapshot came: who has it is gone */
#define LEARN_DEPTH_MAX    16u             /* deeper is a circle */
#define LEARN_AGE_MS       4000u           /* older news than this, and ... */
#define LEARN_AGE_STEP_MS  3000u /* ... so much more for each host in between, and another is asked */

/* A host that could be asked. */
struct learn_candidate {
    struct node_id id;
    bool voter, leader;
    int64_t rtt_us; /* 0: not known */
};
struct learn_memory {
    struct node_id id;
    int64_t avoid_until_us, hint_until_us;
};
/* Zero-initialise; learn_pick_done() frees. */
struct learn_pick {
    struct node_id parent; /* asked as long as it answers; zero: none */
    uint32_t depth;        /* of this host below the voters, as its parent told; 0: not known */
    bool stranded;         /* all that could be asked were asked of late, in vain: learn_choose() found so */
    VEC(struct learn_memory) memory;
};
void learn_pick_done(struct learn_pick *p);
/* Is there a parent that nothing speaks against? Whether it is still to be seen the caller knows. */
bool learn_parent(const struct learn_pick *p, int64_t now_us, struct node_id *ret);
/*
 * The parent, if it is among the candidates and nothing speaks against it; else another: a voter that does
 * not lead, the leader, one that a busy peer named, anybody; the nearest of them, as near as 1 to 2, by
 * chance. Those that are to be avoided come last: whoever has only them left is stranded, and is served in
 * another's place. A newcomer is so when the leader serves others, whose keys it can learn from the log
 * alone. false: no candidates.
 */
bool learn_choose(struct learn_pick *p, int64_t now_us, struct prng *prng,
                  const struct learn_candidate *candidates, size_t count, struct node_id *ret);
/* It answered with what it has: it is the parent from here on, unless its news is old. */
void learn_answered(struct learn_pick *p, struct node_id from, int64_t now_us, uint64_t age_ms,
                    uint32_t depth);
/* It has as many as it may; these are served by it. */
void learn_busy(struct learn_pick *p, struct node_id from, int64_t now_us, const struct node_id *others,
                size_t count);
/* It did not answer, or not well; for so long it is not asked if there is another. */
void learn_avoid(struct learn_pick *p, struct node_id id, int64_t until_us);

#endif
