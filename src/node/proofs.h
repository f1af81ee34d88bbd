/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* What node keeps to prove its log and its state to others, and what it believes of theirs. */
#ifndef COVEY_NODE_PROOFS_H
#define COVEY_NODE_PROOFS_H

#include <covey/codec.h>
#include <covey/learn.h>

struct node;

/* between checkpoints that a voter signs: one costs 30 us here, and 80 us for each that verifies it */
#define CHECKPOINT_US (50 * US_PER_MS)
#define PROOFS_RECENT 4u   /* checkpoints with a state that are kept for a snapshot at their index */
#define STATE_MARKS   64u  /* hashes of the own state that are kept to be compared */
#define STATE_TOLD    256u /* and of those that other voters told */

/* What can be proven of the log here: see proofs.c. An index of 0: there is none. */
struct state_mark {
    uint64_t index;
    uint8_t hash[STATE_HASH_SIZE];
};
struct state_told {
    struct node_id from;
    uint64_t index;
    uint8_t hash[STATE_HASH_SIZE];
};
/* Another voter has told another hash than ours, and no majority says which is right; index 0: none has. */
struct dispute {
    uint64_t index; /* the newest of which that holds */
    int64_t since_us;
    bool said;
};
struct proofs {
    struct chain chain;         /* of the log up to applied_index */
    struct learn_voters voters; /* whose word is believed: the newest that are known */
    struct checkpoint newest;
    int64_t newest_us;             /* when it was signed, or came */
    int64_t newest_fresh_us;       /* nothing behind it was committed anywhere then; 0: not known */
    struct checkpoint state;       /* the newest with a state, to be passed on */
    int64_t state_us, snapshot_us; /* when the state was hashed here; 0: another host's word on it came */
    struct checkpoint recent[PROOFS_RECENT];
    size_t recent_next;
    struct checkpoint snapshot;       /* of the snapshot at hand ... */
    bool snapshot_proven;             /* ... signed by a voter, or to be signed here */
    VEC(struct checkpoint) handovers; /* by index; of each signer the newest */
    VEC(struct node_id) voted;        /* who is known to vote, or to have voted: the latest last */
    int64_t handovers_ask_us;         /* when another voter is asked for those that it has */
    size_t handovers_asked;
    int64_t unknown_since_us, unknown_said_us; /* what came is signed by nobody whose vote is known here */
    struct state_mark marks[STATE_MARKS];
    struct state_told told[STATE_TOLD];
    size_t told_next;
    struct dispute dispute;
};

/* proofs.c */
bool node_signs(const struct node *n);   /* as a voter, as far as is known here */
bool node_vouches(const struct node *n); /* the same, and its state is right, as far as is known here */
void node_voters_learn(struct node *n, uint64_t index, const struct wire_raft_config *config);
/* ERR_INVALID; ERR_DENIED: of another cluster's log, or by nobody who votes. */
int node_checkpoint_take(struct node *n, const struct wire_checkpoint *in, struct checkpoint *ret);
void node_proofs_entry(struct node *n, const struct wire_raft_entry *entry);
/* NULL: there is none. Borrowed until the next entry. */
const struct checkpoint *node_checkpoint_newest(struct node *n);
const struct checkpoint *node_checkpoint_state(struct node *n);
const struct checkpoint *node_checkpoint_snapshot(struct node *n);
int64_t node_checkpoint_deadline(const struct node *n);
void node_checkpoint_verified(struct node *n, const struct checkpoint *c);
void node_checkpoint_keep(struct node *n, const struct checkpoint *c);
const struct checkpoint *node_checkpoint_recent(const struct node *n, uint64_t index);
/* Of what is applied, not signed. */
struct checkpoint node_checkpoint_here(const struct node *n, uint64_t term);
struct checkpoint node_checkpoint_full(const struct node *n, uint64_t term,
                                       const struct wire_raft_config *config,
                                       const uint8_t hash[STATE_HASH_SIZE]);
void node_proofs_save(struct node *n, struct wire_snapshot_header *head);
void node_proofs_load(struct node *n, const struct wire_snapshot_header *head, struct bytes state);

/* handovers.c */
void node_voted_note(struct node *n, const struct learn_voters *v);
void node_handovers_take(struct node *n, const struct wire_checkpoint *in, size_t count);
void node_handover_told(struct node *n, struct node_id from, const struct wire_checkpoint *in);
void node_handovers_told(struct node *n, struct node_id from, const struct wire_handovers *in);
void node_handover_sign(struct node *n, uint64_t index, uint64_t term); /* of an entry about to be applied */
void node_handovers_tick(struct node *n);
int64_t node_handovers_deadline(const struct node *n);
/* In the scratch arena. */
struct wire_checkpoint *node_handovers_behind(struct node *n, uint64_t index, size_t *ret_count);
void node_handovers_out(struct node *n, uint64_t behind, struct wire_pull_response *r);
void node_handovers_save(struct node *n, struct wire_node_files_keys *keys);
void node_handovers_load(struct node *n, const struct wire_checkpoint *in, size_t count);
void node_handovers_done(struct node *n);
/* A checkpoint was not believed; it was. */
void node_voters_unknown(struct node *n, struct node_id from, const struct wire_checkpoint *in);
void node_voters_known(struct node *n);

/* state_check.c */
void node_state_applied(struct node *n, uint64_t term);
void node_state_copied(struct node *n); /* n->copying is whole */
/* It becomes a snapshot, if one is due and may be. true: that will be decided, by then at the latest. */
bool node_state_waits(struct node *n);
int64_t node_state_waits_until(const struct node *n);
void node_state_compare(struct node *n, const struct checkpoint *c);
void node_state_told(struct node *n, struct node_id from, const struct wire_state_report *r);
/* Has another voter the same there, or had all of them time to say that they have not? */
bool node_state_confirmed(const struct node *n, const struct checkpoint *c, int64_t since_us);
void node_state_righted(struct node *n);
bool node_reseeds(const struct node *n);
void node_reseed_chunk(struct node *n, const struct wire_snapshot_chunk *c, const struct checkpoint *proof);
void node_reseed_tick(struct node *n);
void node_dispute_tick(struct node *n);
int64_t node_dispute_deadline(const struct node *n);

/* format.c */
int node_format_may(struct node *n, const struct wire_command *command); /* ERR_VERSION, ERR_BUSY */
/* command NULL: it could not be decoded. false: it must not be applied, nor anything behind it. */
bool node_format_known(struct node *n, const struct wire_raft_entry *entry,
                       const struct wire_command *command, const struct codec_fault *fault);
/* It came whole, and nothing can be made of it; of this format, 0: not known. */
void node_snapshot_unreadable(struct node *n, uint64_t index, const uint8_t hash[STATE_HASH_SIZE],
                              uint32_t format);
/* Is it no use to fetch this one, or any one yet? */
bool node_snapshot_declined(const struct node *n, const struct checkpoint *proof);
void node_snapshot_overcome(struct node *n); /* the state here has come to where that one is, or farther */
bool node_unfit(const struct node *n);       /* to lead */
void node_unfit_tick(struct node *n);
int64_t node_unfit_deadline(const struct node *n);

#endif
