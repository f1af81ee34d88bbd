/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * A cluster in memory: raft cores, a network that delays, drops and repeats, disks that take their time and
 * survive crashes, and the checks of checker.c after every step. Time is the world's own. Messages cross as
 * encoded bytes.
 */
#ifndef COVEY_TEST_RAFT_HARNESS_H
#define COVEY_TEST_RAFT_HARNESS_H

#include <covey/base.h>
#include <covey/codec.h>
#include <covey/raft.h>
#include <covey/wire.h>

#define NODES_MAX  9
#define SNAP_CHUNK 64 /* bytes of a chunk that the harness's shell reads */

struct entry_copy {
    uint64_t index, term;
    enum entry_kind kind;
    struct bytes data; /* owned */
    uint64_t chain;    /* hash of this entry and all before it */
};

/* The state at an index: its chain hash, padded to several chunks. */
struct snapshot_copy {
    uint64_t index, term, chain;
    struct raft_id voters[WIRE_VOTERS_MAX], voters_next[WIRE_VOTERS_MAX];
    struct wire_raft_config config; /* points into the arrays; set by snapshot_config() */
    struct buf state;
    uint32_t checksum;
};

struct disk {
    struct wire_hard_state hard;
    VEC(struct entry_copy) log;
    uint64_t base_index, base_chain; /* of the entry before the log */
    struct snapshot_copy snapshot;
};

struct batch {
    uint64_t ticket;
    bool hard_changed;
    struct wire_hard_state hard;
    uint64_t cut_index, reset_index;
    VEC(struct entry_copy) entries;
};

struct held {
    uint64_t after;
    struct buf message;
};

struct read_done {
    uint64_t context, index;
    bool failed;
};

struct refusal_seen {
    struct raft_id peer;
    enum raft_refusal refusal;
    uint64_t index;
};

struct node {
    struct raft_id id;
    struct raft_options options;
    struct raft *raft; /* NULL while down */
    uint32_t run;      /* counts starts: events of an earlier run are void */
    struct disk disk;
    struct batch *batch; /* under way */
    bool disk_stalled;   /* batches are kept under way until it is lifted */
    bool paused;         /* the process is stopped: nothing is fed, messages are lost */
    uint64_t durable;
    VEC(struct held) held;
    struct snapshot_copy incoming;
    bool incoming_whole;
    uint64_t snapshot_gone;  /* index of one that cannot be read any more */
    bool bad_install;        /* the next snapshot that arrives is found to be bad */
    uint64_t applied, chain; /* the state machine */
    VEC(struct read_done) reads;
    VEC(struct refusal_seen) refusals;
    unsigned removed_count, installs_count, snapshot_bytes_count;
    uint64_t cut_upto;
    uint64_t term_seen, commit_seen;
    /* What it sent last, and how often, by kind. */
    unsigned sent_append, sent_append_entries, sent_entries, sent_append_response, sent_refusals;
    unsigned sent_vote, sent_pre_vote, sent_vote_response, sent_granted, sent_pre_granted;
    unsigned sent_snapshot, sent_snapshot_response, sent_timeout_now;
};

struct event;
struct world {
    struct prng prng;
    int64_t now_us;
    uint64_t seq;
    struct node nodes[NODES_MAX];
    size_t nodes_count;
    VEC(struct event *) events;     /* a heap by (time, seq) */
    bool cut[NODES_MAX][NODES_MAX]; /* from, to */
    uint32_t drop_millionths, repeat_millionths;
    uint32_t crash_millionths;      /* between any two effects */
    uint32_t lost_batch_millionths; /* of a write that is under way at a crash, else it reached the disk */
    int64_t delay_min_us, delay_max_us;
    int64_t disk_min_us, disk_max_us;
    int64_t install_us;
    bool quiet; /* no timers fire: tests that feed a core by hand */
    /* Sees each message as it leaves; false loses it. */
    bool (*filter)(struct world *w, size_t from, size_t to, const struct wire_raft_message *m);
    void *filter_data;
    VEC(struct buf) captured; /* messages, when `capture` */
    bool capture;
    uint64_t trace; /* hash of everything that happened */
    struct checker *checker;
};

/* checker.c: each fails the test by itself. */
struct checker *checker_new(void);
void checker_free(struct checker *c);
void checker_role(struct checker *c, const struct world *w, const struct node *n);
void checker_log(struct checker *c, const struct entry_copy *e);
void checker_apply(struct checker *c, const struct world *w, const struct node *n,
                   const struct entry_copy *e);
void checker_vote(struct checker *c, const struct node *n, uint64_t term, const struct raft_id *candidate);
void checker_read_asked(struct checker *c, uint64_t context);
void checker_read_ready(struct checker *c, uint64_t context, uint64_t index);
void checker_install(struct checker *c, uint64_t index, uint64_t chain);
uint64_t checker_chain(const struct checker *c, uint64_t index); /* of a committed index */
uint64_t checker_commit(const struct checker *c);
uint64_t chain_next(uint64_t chain, uint64_t index, uint64_t term, enum entry_kind kind, struct bytes data);

/* disks.c */
struct bytes disk_bytes_copy(struct bytes in);
void disk_batch_free(struct batch *b);
void disk_batch_write(struct world *w, struct node *n, struct batch *b); /* takes its entries */
void disk_cut_head(struct disk *d, uint64_t upto);
void disk_done(struct node *n);
void snapshot_config_point(struct snapshot_copy *s);
void snapshot_config_copy(struct snapshot_copy *s, const struct wire_raft_config *config);
void snapshot_state_make(struct snapshot_copy *s);
struct wire_snapshot_chunk snapshot_chunk_at(struct node *n, uint64_t offset);

/* nodes_count cores with empty disks, not started. Delays 1 ms, disk 200 us, no faults. */
struct world *world_new(uint64_t seed, size_t nodes_count);
void world_free(struct world *w);
/* The first voters_count nodes begin with a committed configuration of themselves; all start. */
void world_start(struct world *w, size_t voters_count);
void world_prepare(struct world *w, size_t voters_count); /* the same without starting */
void node_start(struct world *w, size_t n);
void node_crash(struct world *w, size_t n);
/* The disk is lost, and with it the log id: the same host, another raft id. */
void node_reformat(struct world *w, size_t n);

void world_run(struct world *w, int64_t us);
/* Runs until it holds; false when it did not within us. */
bool world_until(struct world *w, int64_t us, bool (*holds)(struct world *w));
bool world_step(struct world *w, int64_t until_us);

/* Feeds and carries out the effects. */
int node_feed(struct world *w, size_t n, const struct raft_input *input);
int node_tick(struct world *w, size_t n);
int node_propose(struct world *w, size_t n, const char *text);
int node_propose_size(struct world *w, size_t n, size_t size_bytes);
int node_change(struct world *w, size_t n, const size_t *voters, size_t voters_count);
int node_peer(struct world *w, size_t n, enum raft_input_kind kind, size_t peer);
int node_read(struct world *w, size_t n, uint64_t context);
/* The state up to what is applied is saved. */
int node_snapshot(struct world *w, size_t n);
/* One request of a learner to a peer, answered at once. */
int node_pull(struct world *w, size_t n, size_t from);
/* A message as if it had just arrived; from, to and generation are filled in. */
void node_deliver(struct world *w, size_t from, size_t to, struct wire_raft_message *m);
/* Writes stay under way until it is lifted; disk_complete() ends the one that is, stalled or not. */
void disk_stall(struct world *w, size_t n, bool stalled);
void disk_complete(struct world *w, size_t n);
/* Puts a command behind the log of a node that is down. */
void disk_put(struct world *w, size_t n, uint64_t index, uint64_t term, const char *text);
void disk_put_config(struct world *w, size_t n, uint64_t index, uint64_t term,
                     const struct wire_raft_config *config);

#define NOBODY SIZE_MAX
size_t world_leader(const struct world *w);       /* of the highest term; NOBODY */
size_t world_ready_leader(const struct world *w); /* one that has committed in its term */
size_t world_index_of(const struct world *w, const struct raft_id *id);
void world_cut(struct world *w, size_t x, size_t y, bool cut); /* both ways */
void world_isolate(struct world *w, size_t n, bool isolated);
void world_heal(struct world *w);
bool has_leader(struct world *w);
bool has_ready_leader(struct world *w);
bool all_applied(struct world *w); /* what anybody committed, on every node that is up */
/* One line a node, to stderr. */
void world_dump(const struct world *w);
/* Elects one and waits until it is ready. */
size_t world_elect(struct world *w);

#endif
