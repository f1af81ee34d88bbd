/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * raft: the replicated log. Ongaro's thesis (2014) with PreVote, CheckQuorum, ReadIndex by a leader-owned
 * counter, leadership transfer, joint consensus, asynchronous disk writes, snapshots in chunks, and learners
 * that pull. The essay, with sections and differences, is in src/raft/raft.c.
 *
 * PURE. raft_feed() an input with the time, raft_drain() effects until there are none, raft_deadline().
 *
 * Durability by tickets: an effect RAFT_PERSIST carries a ticket, RAFT_SEND carries `after`: the ticket that
 * must be durable before the message may leave (0 = none). Tickets are 1, 2, 3 ... and become durable in
 * order; at most one is under way, and what changes meanwhile is gathered into the next, so `after` may name
 * a ticket whose RAFT_PERSIST is still to come. RAFT_PERSISTED tells the core. What a ticket will prove is
 * lowered when entries in it are cut before it is durable: a late acknowledgement of entries that were cut
 * since marks nothing (etcd's "append ABA").
 *
 * Requests (votes, appends, snapshots) are taken from any authenticated raft id of the same generation, as
 * the thesis (4.1) asks; answers only from voters and tracked nodes; timeout_now only from the leader. A
 * message to another raft id than ours, to an earlier life of this node's disk, say, is dropped.
 */
#ifndef COVEY_RAFT_H
#define COVEY_RAFT_H

#include <covey/base.h>
#include <covey/mark.h>
#include <covey/wire.h>

struct raft;

struct raft_options {
    struct raft_id self;
    /* of the cluster; messages of another (generation, recovery) are dropped */
    uint32_t generation;
    struct recovery_id recovery;
    uint64_t seed;
    struct marks *marks;               /* NULL: none are kept */
    /* 0 takes the default in brackets. */
    int64_t heartbeat_us;              /* [50 ms] */
    int64_t election_min_us;           /* [300 ms] timeouts are drawn from [min, 2 * min) */
    /* [8] append messages under way to one follower (hashicorp/raft #541: shallow) */
    uint32_t inflight_max;
    size_t inflight_bytes_max;         /* [4 MiB] */
    size_t message_bytes_max;          /* [512 KiB] of entries in one append */
    size_t uncommitted_bytes_max;      /* [32 MiB] proposals beyond are ERR_BUSY */
    size_t trailing_entries;           /* [4096] kept behind a snapshot for followers that lag ... */
    size_t trailing_bytes;             /* [16 MiB] ... and at most so much of them */
};

/*
 * What the disk held at start, already judged by wal (covey/wal.h). Entries are contiguous and end the log;
 * they may begin behind the snapshot. Entries that end before the snapshot, or contradict it, are dropped;
 * then, and when there are none, the first RAFT_PERSIST replaces the log on disk.
 */
struct raft_restored {
    struct wire_hard_state hard;
    uint64_t snapshot_index, snapshot_term;
    struct wire_raft_config snapshot_config;
    const struct wire_raft_entry *entries;   /* copied */
    size_t entries_count;
};

#define RAFT_UNREADABLE_US (300 * US_PER_S) /* whoever leads makes one every few minutes */

enum raft_role { RAFT_LEARNER, RAFT_FOLLOWER, RAFT_PRE_CANDIDATE, RAFT_CANDIDATE, RAFT_LEADER };
const char *raft_role_str(enum raft_role role);

enum raft_input_kind {
    RAFT_TICK,
    RAFT_MESSAGE,        /* message: decoded, borrowed during the call; message->from was authenticated */
    RAFT_PERSISTED,      /* ticket: all up to it is durable */
    /*
     * a write or fsync failed: acknowledge nothing more, step down, never vote again in this run. From then
     * on nothing is taken from anybody: only a new raft id brings this node back. Messages that wait for a
     * ticket must not leave any more
     */
    RAFT_DISK_FAILED,
    /*
     * data: a command, copied; ERR_NOT_LEADER, ERR_BUSY (too much is uncommitted, or leadership is being
     * handed over), ERR_LIMIT. raft_last_index() tells its index
     */
    RAFT_PROPOSE,
    /*
     * peer: the leader begins to send to a future voter so that it catches up. Forgotten with leadership.
     * ERR_NOT_LEADER, ERR_LIMIT
     */
    RAFT_TRACK,
    RAFT_UNTRACK,        /* peer; ERR_NOT_FOUND */
    /*
     * peer: this leader no longer counts it, nor sends to it, as if it had forgotten (RAFT_FORGOT): it is
     * about to give its log up. ERR_NOT_LEADER, ERR_NOT_FOUND, ERR_INVALID (itself)
     */
    RAFT_REFUSE,
    /*
     * voters, voters_count: joint change to this set, in any order; ERR_NOT_LEADER, ERR_BUSY (a change or an
     * uncommitted first entry is pending, or leadership is being handed over), ERR_CONFLICT (a new one is not
     * caught up, or no majority of them is), ERR_EXISTS (they are the voters already), ERR_INVALID (none)
     */
    RAFT_CHANGE_VOTERS,
    /* context: a read; answered by RAFT_READ_READY or RAFT_READ_FAILED. ERR_NOT_LEADER, ERR_BUSY */
    RAFT_READ,
    /*
     * peer: hand leadership to this voter; given up after an election timeout. ERR_NOT_LEADER, ERR_NOT_FOUND
     * (no voter), ERR_BUSY (it is being handed over already)
     */
    RAFT_TRANSFER,
    /*
     * peer.node: an outside detector holds this node dead: if it is the leader, forget it, so that the next
     * pre-vote is granted at once (etcd's ForgetLeader), and campaign soon
     */
    RAFT_LEADER_DEAD,
    /* index: the state up to here, which is applied, is saved durably; the log behind may be cut */
    RAFT_SNAPSHOT_TAKEN,
    /*
     * snapshot: answer to RAFT_SNAPSHOT_READ: a chunk to send to `peer`; NULL: none to be had, asked again
     * later
     */
    RAFT_SNAPSHOT_CHUNK_READ,
    /*
     * index: the state was replaced by the snapshot that RAFT_INSTALL brought, durably; 0: its bytes were
     * bad, it is fetched anew
     */
    RAFT_INSTALLED,
    /*
     * what RAFT_INSTALL brought is what was sent, and of no use here: a later version made it. Nothing of it
     * is taken any more, and of another snapshot nothing for RAFT_UNREADABLE_US
     */
    RAFT_UNREADABLE,
    /*
     * pulled, entries committed elsewhere (the caller checked that, by a checkpoint): a learner takes them.
     * ERR_DENIED (a voter takes them from its leader alone), ERR_STALE (they do not follow what is here: ask
     * as raft_pull_next() says), ERR_CONFLICT (they contradict what is committed here), ERR_INVALID, ERR_BUSY
     * (a snapshot is being installed), ERR_VERSION (of one that is not taken since RAFT_UNREADABLE)
     */
    RAFT_PULLED,
};

struct raft_input {
    enum raft_input_kind kind;
    bool more;  /* PROPOSE: another input follows at once: what this one lets send may go with that one's */
    bool quiet; /* PROPOSE: nobody but this host waits for it. News of its commit goes to the others with the
                   next message to them, or after some milliseconds */
    const struct wire_raft_message *message;
    uint64_t ticket;
    struct bytes data;
    struct raft_id peer;
    const struct raft_id *voters;
    size_t voters_count;
    uint64_t context;
    uint64_t index;
    const struct wire_snapshot_chunk *snapshot;
    const struct wire_pull_response *pulled;
};

enum raft_effect_kind {
    /* message to message->to, not before `after` is durable. Borrowed until the next call */
    RAFT_SEND,
    /*
     * ticket: hard (if hard_changed), then cut the log from cut_index on (if not 0), then append entries. All
     * in one flush. If reset_index is not 0: the log is replaced by the snapshot at (reset_index, reset_term)
     * instead, and nothing is cut or appended in this ticket
     */
    RAFT_PERSIST,
    /*
     * entries: committed, in order, each exactly once in a run, of every kind. They may not be durable here
     * yet; a majority has them
     */
    RAFT_APPLY,
    RAFT_READ_READY,     /* context: linearizable once `index` is applied */
    RAFT_READ_FAILED,    /* context: leadership was lost */
    RAFT_ROLE,           /* role, term or leader changed: see the getters */
    /*
     * peer wants the bytes of the snapshot at `index` (0: the newest) from `offset` on; when that one is
     * gone, the first chunk of the newest does
     */
    RAFT_SNAPSHOT_READ,
    RAFT_SNAPSHOT_BYTES, /* chunk received, in order: keep it (offset 0 begins a snapshot anew) */
    /* the snapshot at `index`, `term` is complete: verify, save, replace the state, RAFT_INSTALLED */
    RAFT_INSTALL,
    RAFT_CUT,            /* entries up to `index` may be dropped from the disk */
    RAFT_REMOVED,        /* this node is no longer a voter: a configuration without it is committed */
    /* peer, refusal, index: see enum raft_refusal. Replace that voter, and look into it */
    RAFT_REFUSED,
};

enum raft_refusal {
    /*
     * the voter reports a log that ends at `index`, before what it acknowledged in this term: its disk was
     * lost or rolled back. This leader no longer counts it, nor sends to it
     */
    RAFT_FORGOT,
    RAFT_GIVEN_UP,       /* by RAFT_REFUSE */
    RAFT_DIVERGED,       /* what the peer sent contradicts the committed entry at `index`: dropped */
};
const char *raft_refusal_str(enum raft_refusal refusal);

struct raft_effect {
    enum raft_effect_kind kind;
    const struct wire_raft_message *message;
    uint64_t after;
    uint64_t ticket;
    bool hard_changed;
    struct wire_hard_state hard;
    uint64_t cut_index;
    uint64_t reset_index, reset_term;
    const struct wire_raft_entry *entries;    /* borrowed until the next call */
    size_t entries_count;
    uint64_t context;
    uint64_t index, term;
    struct raft_id peer;
    uint64_t offset;
    enum raft_refusal refusal;
    const struct wire_snapshot_chunk *chunk;  /* borrowed until the next call */
};

/*
 * restored may be NULL: an empty log. NULL when what was restored has a gap or a configuration that cannot
 * be.
 */
struct raft *raft_new(const struct raft_options *options, const struct raft_restored *restored,
                      int64_t now_us);
void raft_free(struct raft *r);

/*
 * The first entry of a new cluster: configuration {self} at index 1, term 1, committed by this node alone.
 * Only on an empty log: else ERR_EXISTS.
 */
int raft_bootstrap(struct raft *r, int64_t now_us);

int raft_feed(struct raft *r, int64_t now_us, const struct raft_input *input);
bool raft_drain(struct raft *r, struct raft_effect *ret_effect);
int64_t raft_deadline(const struct raft *r);

struct raft_id raft_self(const struct raft *r);
enum raft_role raft_role(const struct raft *r);
uint64_t raft_term(const struct raft *r);
bool raft_leader(const struct raft *r, struct raft_id *ret_leader);   /* false: none known */
bool raft_leader_ready(const struct raft *r);     /* leader, and an entry of its own term is committed */
bool raft_handing_over(const struct raft *r);     /* takes no proposals for an election timeout at most */
uint64_t raft_commit_index(const struct raft *r);
uint64_t raft_last_index(const struct raft *r);
uint64_t raft_first_index(const struct raft *r);  /* oldest entry kept */
uint64_t raft_term_at(const struct raft *r, uint64_t index);  /* 0 when not kept */
const struct wire_raft_config *raft_config_now(const struct raft *r);   /* in force: the newest in the log */
/* In either half of a joint configuration. */
bool raft_is_voter(const struct raft *r, const struct raft_id *id);
/* Last time (now_us) a majority of voters was heard (leader) or the leader was heard (others); 0 = never. */
int64_t raft_contact_us(const struct raft *r);
/*
 * The log here had all that was committed anywhere at this time, whatever was lost or late; 0 = not known. A
 * sole voter, which needs nobody, has it always; of a learner that pulls the caller knows
 * (src/raft/fresh.c).
 */
int64_t raft_fresh_us(const struct raft *r);

/* Leader's view of one follower or tracked node; false if it is none. */
struct raft_progress_view {
    uint64_t match_index;
    int64_t heard_us;
    bool caught_up;          /* it was heard lately and has all that was committed at the last heartbeat */
    bool snapshot;           /* is being sent one */
    bool refused;            /* RAFT_FORGOT */
};
bool raft_progress(const struct raft *r, const struct raft_id *peer, struct raft_progress_view *ret);

/*
 * Committed entries from `first` on, at most bytes_max of data but at least one; for learners that pull.
 * Borrowed until the next feed. ERR_NOT_FOUND: gone behind the snapshot. *ret_count 0: none yet.
 */
int raft_log_read(const struct raft *r, uint64_t first, size_t bytes_max,
                  const struct wire_raft_entry **ret_entries, size_t *ret_count);
/*
 * Configuration in force at a committed index (for a snapshot of the state there), not before the oldest
 * entry kept. Borrowed until the next feed.
 */
const struct wire_raft_config *raft_config_at(const struct raft *r, uint64_t index);
/*
 * What a learner asks a peer for: the entries behind its commit index, or the rest of a snapshot it has begun
 * to get.
 */
void raft_pull_next(const struct raft *r, struct wire_pull_request *ret);

#endif
