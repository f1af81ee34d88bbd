/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * node: one host's agent, whole, as a pure core: swim, raft, wal, state, placement, reconcile, the gossip
 * envelope and the join rules wired together. The daemon (src/daemon) and the simulator (tests/sim) both
 * drive exactly this.
 *
 * PURE. node_feed() an input with the time, node_drain() effects until there are none, node_deadline().
 *
 * Time: now_us is the lease clock, CLOCK_MONOTONIC_RAW + (CLOCK_BOOTTIME - CLOCK_MONOTONIC), read by the
 * shell just before the feed; wall_ms is CLOCK_REALTIME, shown and never compared.
 *
 * Durability: an effect that may not happen before something is on disk (a vote, an acknowledgement, a start)
 * is held back inside until NODE_DISK_DONE has told its ticket. What comes out of node_drain() may be carried
 * out at once, in order.
 */
#ifndef COVEY_NODE_H
#define COVEY_NODE_H

#include <covey/base.h>
#include <covey/crypto.h>
#include <covey/mark.h>
#include <covey/wal.h>
#include <covey/wire.h>

struct node;

/* See covey/raft.h; 0 takes its default. */
struct node_raft_limits {
    uint32_t inflight_max, inflight_bytes_max, message_bytes_max, uncommitted_bytes_max, trailing_bytes;
};

struct node_options {
    struct secret identity_seed;       /* of the Ed25519 key; the file `identity`, made by the shell */
    struct secret entropy;             /* fresh for each run: nonces, ids, timers */
    struct bytes name;
    struct addr addr;                  /* advertised, UDP and TCP */
    const struct wire_pair *meta;
    size_t meta_count;
    const struct wire_pair *attributes;
    size_t attributes_count;
    uint32_t cpu_mhz, memory_mib;
    uint32_t ports_low, ports_high;
    bool raw_exec;
    struct boot_id boot;
    struct bytes version;
    /* path of the directory of all instances, for the tasks' environment */
    struct bytes task_root;

    bool bootstrap;                    /* make a new cluster when there is none in the files */
    /* join token text; needed to join, or to bootstrap with a chosen secret */
    struct bytes token;
    const struct addr *seeds;          /* join addresses, resolved so far; more by NODE_SEED */
    size_t seeds_count;

    /* What the data directory holds (names as in covey/wal.h and proto/log.md), borrowed during node_new. */
    const struct disk_file *files;
    size_t files_count;

    /* 0 takes the default of the room. */
    int64_t swim_period_us, heartbeat_us, election_min_us;
    int64_t replace_after_us, heal_stable_us;
    int64_t answer_us;                 /* see covey/reconcile.h */
    uint64_t segment_size_bytes;       /* of the log */
    uint32_t snapshot_entries;         /* [8192] applied entries between snapshots; up to half more by host */
    uint32_t trailing_entries;         /* [4096] kept in the log behind a snapshot */
    uint32_t chunk_size_bytes;         /* [CHUNK_MAX] of a snapshot on its way to another host */
    uint32_t copy_part_size_bytes;     /* [64 KiB] of a large state, that are made or read at a time */
    uint32_t pulls_max;                /* [8] hosts without a vote that are given the log at once */
    uint32_t format;                   /* [WIRE_LOG_FORMAT] of log entries that this host says it knows */
    struct node_raft_limits raft;
    struct marks *marks;               /* what happened, counted; NULL: not */
};

enum node_input_kind {
    NODE_TICK,
    NODE_SEED,              /* addr: a join address was resolved */
    NODE_DATAGRAM,          /* addr, data: sealed bytes from the wire */
    NODE_STREAM_OPENED,     /* stream, outgoing, key, key_id (psk used), hash, addr: the handshake is done */
    NODE_STREAM_MESSAGE,    /* stream, data: one decrypted peer_message */
    NODE_STREAM_CLOSED,     /* stream, error, text: also when a connect failed */
    NODE_DISK_DONE,         /* ticket: durable, with all before it but a `lasting` one (covey/wal.h) */
    NODE_DISK_FAILED,       /* error, text: nothing after this becomes durable */
    NODE_DISK_ROOM,         /* bytes: so much is free, as NODE_DISK_LOOK asked */
    NODE_TASK_FOUND,        /* spec, status (or NULL): a task directory of an earlier run */
    NODE_TASK_STATUS,       /* instance, task, status */
    NODE_TASK_LOST,         /* instance, task, status (or NULL): its shim is gone */
    NODE_TASK_REFUSED,      /* instance, task, error, text: could not be started */
    NODE_TASK_KEPT,         /* instance: the output of a task whose end was acknowledged in an earlier run */
    NODE_SCAN_DONE,         /* all tasks of earlier runs were found */
    NODE_REQUEST,           /* request, method, data (params, named keys): from the admin socket */
    NODE_REQUEST_CLOSED,    /* request: the client went away */
    NODE_CREDIT,            /* request (of a stream), bytes */
    NODE_LOG_DATA,          /* handle, data, end, error: what NODE_LOG_OPEN asked for */
    NODE_SHUTDOWN,          /* the agent is told to end; tasks stay. Hands leadership over first if it can */
};
struct node_input {
    enum node_input_kind kind;
    bool more;                             /* another input follows at once, a TICK if nothing else does: what
                                              need not be done before that is done with it */
    int64_t wall_ms;
    struct addr addr;
    struct bytes data;                     /* borrowed during the call, as all pointers here */
    uint64_t stream, ticket, request, handle, bytes;
    bool outgoing, end;
    struct static_key key;                 /* the peer's X25519 static */
    uint8_t key_id;
    struct bytes hash;                     /* of the handshake: what a join is signed over */
    int error;
    struct bytes text, method, task;
    struct instance_id instance;
    const struct wire_shim_spec *spec;
    const struct wire_shim_status *status;
};

enum node_effect_kind {
    NODE_SEND_DATAGRAM,     /* addr, data */
    NODE_STREAM_CONNECT,    /* stream (a number chosen here, even; the shell numbers incoming ones odd), addr,
                               key_id: which psk to use */
    NODE_STREAM_SEND,       /* stream, data: one message */
    NODE_STREAM_CLOSE,      /* stream, text */
    NODE_DISK,              /* op */
    NODE_DISK_LOOK,         /* how many bytes are free there? NODE_DISK_ROOM answers */
    NODE_TASK_START,        /* spec */
    NODE_TASK_COMMAND,      /* instance, task, command */
    NODE_TASK_RELEASE,      /* instance, task: its end is acknowledged; output is kept */
    NODE_TASK_REMOVE,       /* instance: remove its directories */
    NODE_REPLY,             /* request, error, text, data (result, named keys) */
    NODE_NOTIFY,            /* request (of a stream), data (admin_chunk, named keys), end */
    NODE_LOG_OPEN,          /* handle, instance, task, is_stderr, follow, bytes (tail) */
    NODE_LOG_CREDIT,        /* handle, bytes */
    NODE_LOG_CLOSE,         /* handle */
    NODE_SAY,               /* level, text: a line for the agent's own log */
    NODE_READY,             /* the agent is up: a member, its log open */
    NODE_EXIT,              /* error, text: the node has left, or must not go on */
    NODE_RESTART,           /* end as with NODE_SHUTDOWN, then begin anew with the same options */
};
enum node_level { NODE_INFO, NODE_WARNING, NODE_ERROR };
struct node_effect {
    enum node_effect_kind kind;
    struct addr addr;
    struct bytes data;                     /* borrowed until the next drain, as all pointers here */
    uint64_t stream, request, handle, bytes;
    uint8_t key_id;
    bool end, is_stderr, follow;
    bool ports_held;                       /* TASK_START: another task of the instance may have its ports */
    struct disk_op op;
    const struct wire_shim_spec *spec;
    struct wire_shim_command command;
    struct instance_id instance;
    struct bytes task, text;
    int error;
    enum node_level level;
};

/*
 * ERR_INVALID (name, token), ERR_CORRUPT (identity or cluster file), ERR_DENIED (files of another node), with
 * a text for people. A corrupt log is no error here: the node comes up without a vote and says so.
 */
int node_new(const struct node_options *options, int64_t now_us, int64_t wall_ms, struct node **ret_node,
             char *ret_text, size_t text_size);
void node_free(struct node *n);

/* Never fails for what a peer or a client sent: such errors are counted, said, and answered. */
void node_feed(struct node *n, int64_t now_us, const struct node_input *input);
bool node_drain(struct node *n, struct node_effect *ret_effect);
int64_t node_deadline(const struct node *n);

struct node_id node_self(const struct node *n);
bool node_leads(const struct node *n);                 /* holds office now, ready or not */

/* What the stream handshake needs (struct session_config of covey/crypto.h); borrowed until the next feed. */
struct node_stream_keys {
    const struct identity *identity;
    struct cluster_id cluster;             /* zero before one is known */
    const struct secret *join_secret;      /* NULL: joining is not open here */
    const struct keyring *stream_keys;     /* NULL before a cluster is known */
};
struct node_stream_keys node_stream_keys(const struct node *n);

/* For checkers, tests and benchmarks: the cores inside, read only. */
struct raft;
struct swim;
struct gossip;
struct state;
const struct raft *node_raft(const struct node *n);     /* NULL before a cluster is known */
const struct swim *node_swim(const struct node *n);     /* NULL before a cluster is known */
const struct gossip *node_facts(const struct node *n);  /* NULL before a cluster is known */
/* What it saw happen after event number `index`, oldest first, as far as it is kept; borrowed until the next
 * feed. */
size_t node_events_after(const struct node *n, uint64_t index, struct wire_event *out, size_t out_max);
const struct state *node_state(const struct node *n);
/*
 * 0: the log has the inventory of this run, and what it wants is started. Else since when this host has heard
 * nothing of a leader: it starts what it last knew to be its own 30 s later.
 */
int64_t node_waits_since_us(const struct node *n);

#endif
