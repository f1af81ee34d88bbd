/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* What the files of raft share. The essay is in raft.c. */
#ifndef COVEY_RAFT_INTERNAL_H
#define COVEY_RAFT_INTERNAL_H

#include <covey/base.h>
#include <covey/raft.h>
#include <covey/wire.h>

#define HEARTBEAT_US          (50 * US_PER_MS)
#define ELECTION_MIN_US       (300 * US_PER_MS)
#define NEWS_DELAY_US         (2 * US_PER_MS) /* of a commit that no other host waits for */
#define INFLIGHT_MAX          8u
#define INFLIGHT_BYTES_MAX    ((size_t)4 << 20)
#define MESSAGE_BYTES_MAX     ((size_t)512 << 10)
#define UNCOMMITTED_BYTES_MAX ((size_t)32 << 20)
#define TRAILING_ENTRIES      4096u
#define TRAILING_BYTES        ((size_t)16 << 20)

/* In one message: the schema's bound. */
#define ENTRIES_MAX 4096u
/* Bytes that an entry weighs beside its data, so that empty ones count too. */
#define ENTRY_COST 64u
/* Reads waiting at once: a leader without a quorum must not grow without bound. */
#define READS_MAX 65536u
/* Future voters at once: twice the largest configuration is more than any plan needs. */
#define TRACKED_MAX 16u
/* Former voters that are being told of their removal, and the election timeouts that this may take. */
#define GUESTS_MAX    8u
#define LEAVING_TURNS 20
/* A peer that claims a later term is broken; ours must not wrap around. */
#define TERM_MAX  (UINT64_MAX / 2)
#define INDEX_MAX (UINT64_MAX / 2)
/* Of `struct raft *r`: the interesting thing has happened. */
#define MARK(r, name) mark_hit((r)->options.marks, MARK_RAFT_##name)

/* ---- the log in memory, log.c -------------------------------------------------------------------------- */

/*
 * Entries base_index + 1 .. last. (base_index, base_term) is the entry before the first: 0, 0 or behind a
 * snapshot.
 */
struct raft_log {
    struct wire_raft_entry *entries;
    size_t head, count, capacity; /* in use: entries[head .. head + count) */
    uint64_t base_index, base_term;
};
uint64_t raft_log_last(const struct raft_log *log);
uint64_t raft_log_last_term(const struct raft_log *log);
/* 0 when not known: before the base or past the end. */
uint64_t raft_log_term(const struct raft_log *log, uint64_t index);
bool raft_log_has(const struct raft_log *log, uint64_t index, uint64_t term);
struct wire_raft_entry *raft_log_at(const struct raft_log *log, uint64_t index);
void raft_log_push(struct raft_log *log, const struct wire_raft_entry *entry); /* data copied */
void raft_log_cut_tail(struct raft_log *log, uint64_t from);
void raft_log_cut_head(struct raft_log *log, uint64_t upto);
void raft_log_restart(struct raft_log *log, uint64_t index, uint64_t term);
/* The last index <= `index` whose term is <= `term`; base_index - 1 (or 0) when that lies before the base. */
uint64_t raft_log_seek(const struct raft_log *log, uint64_t index, uint64_t term);
/* How many entries from `first` on fit in bytes_max; at least one when there is one. */
size_t raft_log_fit(const struct raft_log *log, uint64_t first, uint64_t last, size_t bytes_max,
                    size_t *ret_bytes);

/* ---- configurations, config.c -------------------------------------------------------------------------- */

struct raft_conf {
    uint64_t index;               /* of its entry; that of the snapshot for the oldest known */
    struct wire_raft_config wire; /* points into ids */
    struct raft_id ids[2][WIRE_VOTERS_MAX];
};
void raft_conf_set(struct raft_conf *conf, const struct wire_raft_config *wire, uint64_t index);
/* Bounded, not empty, nobody twice in one half. */
bool raft_conf_valid(const struct wire_raft_config *wire);
/* ERR_INVALID, ERR_LIMIT when the bytes are no valid configuration. */
int raft_conf_decode(struct bytes data, uint64_t index, struct raft_conf *ret);
bool raft_conf_has(const struct raft_conf *conf, const struct raft_id *id);
/* Everybody in either half, each once. */
size_t raft_conf_all(const struct raft_conf *conf, struct raft_id ret_ids[2 * WIRE_VOTERS_MAX]);

/* ---- a follower as its leader sees it, progress.c ------------------------------------------------------ */

enum peer_state {
    PEER_PROBE,     /* where its log fits is not known: one message at a time */
    PEER_REPLICATE, /* it fits: messages follow one another without waiting, up to the inflight limits */
    PEER_SNAPSHOT,  /* what it needs is no longer in the log */
};
struct raft_inflight {
    uint64_t last_index;
    size_t bytes;
};
struct raft_peer {
    struct raft_id id;
    enum peer_state state;
    bool tracked;         /* by RAFT_TRACK: a future voter */
    bool leaving;         /* a former voter, kept until it knows */
    bool refused;         /* it lost what it acknowledged: counted for nothing */
    bool paused;          /* PROBE: an answer is awaited */
    uint64_t match, next; /* match < next */
    uint64_t match_round; /* the leader's round when match last grew */
    uint64_t round_sent, round_acked;
    uint64_t fresh_acked, fresh_told; /* see fresh.c */
    uint64_t commit_sent;
    int64_t news_at_us;   /* it is told of the commit index by then; 0: it knows, or will be told anyway */
    uint64_t leave_round; /* an answer to this round or a later one proves that it knows */
    int64_t leave_until_us;
    int64_t heard_us;
    VEC(struct raft_inflight) inflights;
    size_t inflight_bytes;
    uint64_t snap_index, snap_offset, snap_size;
    bool snap_reading; /* a chunk was asked of the shell */
    int64_t snap_sent_us;
    unsigned snap_tries; /* of the chunk at snap_offset */
};

/* ---- effects that wait to be drained, effect.c --------------------------------------------------------- */

/* A chunk with everything that it points to. */
struct raft_chunk {
    struct wire_snapshot_chunk wire;
    struct raft_conf conf;
    uint8_t chain[32];
    uint8_t *data;
};
struct raft_item {
    struct raft_effect effect;
    struct wire_raft_message message;
    union {
        struct wire_vote_request vote_request;
        struct wire_vote_response vote_response;
        struct wire_append_request append_request;
        struct wire_append_response append_response;
        struct wire_snapshot_response snapshot_response;
    } body;
    uint64_t entries_first; /* append_request: taken out of the log when drained */
    size_t entries_count;
    struct raft_chunk *chunk; /* owned */
};

struct raft_read {
    uint64_t context;
    uint64_t index;
    uint64_t round; /* that must be confirmed; 0 = not begun yet */
};
#define ANSWERED_MAX 16u
struct raft_answered {
    uint64_t round;
    int64_t at_us;
};
struct raft_vote {
    struct raft_id id;
    bool granted;
};

struct raft {
    struct raft_options options; /* defaults filled in */
    struct prng prng;
    int64_t now_us;

    /* Hard state and log. */
    uint64_t term;
    struct raft_id vote; /* zero: none */
    struct raft_log log;
    uint64_t commit, applied;      /* applied: handed out by RAFT_APPLY or held by the snapshot */
    VEC(struct raft_conf *) confs; /* oldest first; the last is in force; never empty */

    /* Disk, persist.c. */
    uint64_t ticket;       /* last handed out */
    uint64_t durable;      /* last that became durable */
    uint64_t pending;      /* in flight; 0 = none */
    uint64_t pending_last; /* what the pending ticket makes durable: lowered when the log is cut meanwhile */
    bool pending_hard;
    bool hard_dirty;      /* term or vote changed since they were handed out */
    uint64_t hard_commit; /* the hint handed out last */
    uint64_t handed;      /* last index handed to the disk */
    uint64_t stable;      /* last index known durable */
    uint64_t cut_index;   /* to be cut on disk before the next append; 0 = nothing */
    bool reset_due;       /* the log on disk is to be replaced by the base */
    bool disk_failed;

    /* Role and election, election.c. */
    enum raft_role role;
    bool leader_known;
    struct raft_id leader;
    int64_t leader_heard_us;
    /* How old the copy here is, fresh.c. */
    int64_t fresh_us;                            /* it had all that was committed then; 0: not known */
    struct raft_answered answered[ANSWERED_MAX]; /* follower: a ring; the newest is at answered_next */
    size_t answered_next;
    uint64_t answered_round; /* the newest that was answered, kept or not */
    uint64_t fresh_round;    /* leader: the round that is looked at; 0: none */
    int64_t fresh_begun_us;
    int64_t election_at_us;
    int64_t hurry_until_us; /* after RAFT_LEADER_DEAD: pre-votes are repeated quickly until then */
    uint64_t vote_ticket;   /* our own vote counts once this is durable */
    VEC(struct raft_vote) votes;
    bool was_voter; /* in the newest committed configuration */

    /* Leader. */
    VEC(struct raft_peer *) peers; /* by id, ascending */
    uint64_t term_start;           /* index of this term's first entry */
    uint64_t round;                /* grows for the whole run, so that no two leaderships share a number */
    uint64_t read_round;           /* the newest round that reads wait for */
    int64_t heartbeat_at_us;
    uint64_t heartbeat_commit; /* commit index at the last heartbeat */
    size_t uncommitted_bytes;
    uint64_t loud_index; /* of the newest entry whose commit others wait for */
    VEC(struct raft_read) reads;
    bool transfer;
    bool transfer_sent;
    struct raft_id transfer_to;
    int64_t transfer_until_us;

    /* A snapshot that comes in, snapshot.c. */
    struct {
        bool active, installing;
        uint64_t index, term, size, offset;
        uint32_t checksum;
        uint64_t round, round_term; /* of the newest chunk's leader, in its term */
        struct raft_conf conf;
    } incoming;
    /* The last one that nothing could be made of here; index 0: none. */
    struct {
        uint64_t index, term, size;
        uint32_t checksum;
        int64_t until_us; /* no other one is taken before */
    } unreadable;

    /* Effects. */
    VEC(struct raft_item) items;
    size_t items_head;
    struct raft_item drained; /* the one lent out last */
    enum raft_role told_role;
    uint64_t told_term;
    bool told_leader_known;
};

/* raft.c */
void raft_settle(struct raft *r);

/* effect.c */
struct raft_item *raft_emit(struct raft *r, enum raft_effect_kind kind);
/* A message to `to` at the current term; the caller fills the body. */
struct raft_item *raft_send(struct raft *r, const struct raft_id *to, uint64_t after);
struct raft_chunk *raft_chunk_copy(const struct wire_snapshot_chunk *chunk);
void raft_chunk_free(struct raft_chunk *chunk);
void raft_tell_role(struct raft *r);
void raft_effects_drop(struct raft *r);
void raft_effects_done(struct raft *r);

/* persist.c */
uint64_t raft_ticket_hard(const struct raft *r);
uint64_t raft_ticket_log(const struct raft *r, uint64_t index); /* and the hard state */
void raft_append(struct raft *r, const struct wire_raft_entry *entry);
void raft_cut(struct raft *r, uint64_t from);
void raft_reset(struct raft *r, uint64_t index, uint64_t term, const struct raft_conf *conf);
bool raft_persist_next(struct raft *r, struct raft_effect *ret);
void raft_persisted(struct raft *r, uint64_t ticket);
void raft_disk_failed(struct raft *r);

/* config.c */
struct raft_conf *raft_conf_now(const struct raft *r);
struct raft_conf *raft_conf_at(const struct raft *r, uint64_t index);
void raft_conf_push(struct raft *r, const struct raft_conf *conf);
void raft_conf_cut_tail(struct raft *r, uint64_t from);
void raft_conf_cut_head(struct raft *r, uint64_t upto);
void raft_conf_done(struct raft *r);
bool raft_conf_joint(const struct raft *r);
bool raft_sole_voter(const struct raft *r);
bool raft_may_campaign(const struct raft *r);
/* The largest value that a majority of each half of the configuration in force reaches. */
uint64_t raft_quorum(const struct raft *r, uint64_t (*value)(const struct raft *, const struct raft_id *));
int raft_change_voters(struct raft *r, const struct raft_id *voters, size_t voters_count);
void raft_conf_leave_joint(struct raft *r);
void raft_conf_committed(struct raft *r);
void raft_conf_in_force(struct raft *r);

/* election.c */
void raft_timer_reset(struct raft *r);
void raft_follow(struct raft *r, uint64_t term, const struct raft_id *leader);
void raft_campaign(struct raft *r);
void raft_stand(struct raft *r, bool transfer);
void raft_own_vote(struct raft *r);
void raft_vote_request(struct raft *r, const struct wire_raft_message *m);
void raft_vote_response(struct raft *r, const struct wire_raft_message *m);
void raft_leader_dead(struct raft *r, const struct node_id *node);
void raft_resign(struct raft *r);

/* transfer.c */
int raft_transfer(struct raft *r, const struct raft_id *to);
void raft_transfer_settle(struct raft *r);
void raft_timeout_now(struct raft *r, const struct wire_raft_message *m);
void raft_hand_over(struct raft *r);

/* progress.c */
struct raft_peer *raft_peer_find(const struct raft *r, const struct raft_id *id);
struct raft_peer *raft_peer_add(struct raft *r, const struct raft_id *id);
void raft_peer_remove(struct raft *r, const struct raft_id *id);
void raft_peers_clear(struct raft *r);
void raft_peers_sync(struct raft *r);
void raft_peers_leave(struct raft *r);
void raft_guest(struct raft *r, const struct raft_id *id);
int raft_track(struct raft *r, const struct raft_id *id);
int raft_untrack(struct raft *r, const struct raft_id *id);
bool raft_peer_caught_up(const struct raft *r, const struct raft_peer *p);
bool raft_peer_recent(const struct raft *r, const struct raft_peer *p);
void raft_peer_probe(struct raft_peer *p, uint64_t next);
void raft_peer_matched(struct raft *r, struct raft_peer *p, uint64_t match);
void raft_peer_heard(struct raft *r, struct raft_peer *p, uint64_t round);
bool raft_peer_forgot(struct raft *r, struct raft_peer *p, uint64_t round, uint64_t reported);
int raft_refuse(struct raft *r, const struct raft_id *id);
bool raft_peer_room(const struct raft *r, const struct raft_peer *p);
int64_t raft_quorum_heard(const struct raft *r);
uint64_t raft_quorum_round(const struct raft *r);
uint64_t raft_quorum_match(const struct raft *r);

/* append.c */
void raft_leader_start(struct raft *r);
void raft_heartbeat(struct raft *r);
void raft_flush(struct raft *r);
void raft_commit_advance(struct raft *r);
void raft_commit_to(struct raft *r, uint64_t index);
int raft_propose(struct raft *r, struct bytes data, bool quiet);
void raft_lead_append(struct raft *r, enum entry_kind kind, struct bytes data);
bool raft_accept_leader(struct raft *r, const struct wire_raft_message *m);
void raft_append_request(struct raft *r, const struct wire_raft_message *m);
void raft_append_response(struct raft *r, const struct wire_raft_message *m);
/*
 * Compares and takes entries that follow a place where the logs agree. ERR_CONFLICT: they contradict what is
 * committed.
 */
int raft_take_entries(struct raft *r, const struct wire_raft_entry *entries, size_t entries_count);
bool raft_entries_valid(const struct wire_raft_entry *entries, size_t entries_count, uint64_t prev_index,
                        uint64_t prev_term, uint64_t term_max);
void raft_emit_refused(struct raft *r, const struct raft_id *peer, enum raft_refusal refusal, uint64_t index);

/* snapshot.c */
bool raft_chunk_valid(const struct wire_snapshot_chunk *chunk);
void raft_peer_snapshot(struct raft *r, struct raft_peer *p);
void raft_snapshot_retry(struct raft *r, struct raft_peer *p);
void raft_snapshot_read(struct raft *r, const struct raft_id *id, const struct wire_snapshot_chunk *chunk);
void raft_snapshot_chunk(struct raft *r, const struct wire_raft_message *m);
void raft_snapshot_response(struct raft *r, const struct wire_raft_message *m);
/* chunk of a snapshot from a leader (`to` is answered) or from a peer that was asked (`to` NULL). */
int raft_snapshot_take(struct raft *r, const struct wire_snapshot_chunk *chunk, const struct raft_id *to);
int raft_installed(struct raft *r, uint64_t index);
int raft_unreadable(struct raft *r);
int raft_snapshot_taken(struct raft *r, uint64_t index);

/* fresh.c */
void raft_fresh_begin(struct raft *r);
void raft_fresh_settle(struct raft *r);
void raft_fresh_answered(struct raft *r, uint64_t round);
void raft_fresh_told(struct raft *r, uint64_t round);
void raft_fresh_forget(struct raft *r);

/* read.c */
int raft_read(struct raft *r, uint64_t context);
void raft_reads_settle(struct raft *r);
void raft_reads_fail(struct raft *r);

/* pull.c */
int raft_pulled(struct raft *r, const struct wire_pull_response *pulled);

#endif
