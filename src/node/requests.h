/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* node's own: what operators and other hosts asked, and what waits for its answer. A part of internal.h. */
#ifndef COVEY_NODE_REQUESTS_H
#define COVEY_NODE_REQUESTS_H

enum write_origin { WRITE_LOCAL, WRITE_FORWARDED, WRITE_JOIN };
/* A write of ours that is in the log and waits to be applied. Leader only. */
struct pending_write {
    uint64_t index, term;
    enum write_origin origin;
    uint64_t request;      /* LOCAL: admin request; FORWARDED: its id; JOIN: stream */
    uint64_t since;        /* log index applied where it came in, when it came in */
    int64_t deadline_us;   /* LOCAL, JOIN: when it is answered that nobody leads */
    struct node_id peer;   /* FORWARDED */
    struct node_id joined; /* JOIN */
    struct bytes method,
        params; /* LOCAL: owned copy (one allocation at method.data), to try again elsewhere */
};
/* A write that waits for a leader, or for the leader's answer. */
struct waiting_write {
    uint64_t id;
    uint64_t request; /* admin request; 0: a join through us, then stream */
    uint64_t stream;
    uint64_t since; /* log index applied here when it came in */
    struct node_id joined;
    struct bytes method, params; /* owned, one allocation at method.data */
    int64_t deadline_us, sent_us;
    struct node_id sent_to;
    uint64_t done_index; /* the leader did it there; 0: not known to be done */
    struct bytes result; /* of that, owned */
};
/* A `job` read that waits for a change. */
struct waiting_read {
    uint64_t request;
    struct bytes job; /* owned */
    uint64_t min_index;
    int64_t deadline_us;
};
/* A consistent read: see read_index.c. */
struct confirm_read {
    uint64_t request;
    struct bytes method, params; /* owned, one allocation at method.data */
    int64_t deadline_us;
    uint64_t batch;   /* the question that answers it; 0: the next */
    uint64_t index;   /* to be applied first, once confirmed */
    int64_t begun_us; /* when its batch did */
    bool confirmed;
};
/* Leader: a question of another host. */
struct remote_read {
    uint64_t context, id;
    struct node_id peer;
};
/* A question about a job that waits for the leader's reasons. */
struct waiting_why {
    uint64_t id, request;
    struct bytes job; /* owned */
    int64_t deadline_us;
};
enum op_stream_kind { OP_EVENTS, OP_LOGS, OP_VARS, OP_BACKUP };
/* A change of a variable, kept for those that watch. */
struct var_change {
    uint64_t index;
    struct bytes key, value; /* owned, one allocation at key.data */
    bool removed;
};
/* What a client watches, and how far it was told: see watch.c. */
struct var_watch {
    struct buf key; /* or a prefix */
    bool prefix;
    uint64_t next; /* changes behind this index were not told */
    bool is_new, listing, is_first;
    uint64_t list_index; /* the list is as of here */
    struct buf cursor;   /* the last key listed, unless is_first */
};
/* An open stream of an admin client. */
struct op_stream {
    uint64_t request;
    enum op_stream_kind kind;
    uint64_t credit;
    uint64_t next_event;
    bool follow;
    uint64_t handle; /* logs of this host */
    uint64_t remote; /* logs of another: id of its remote_open */
    struct node_id peer;
    struct var_watch *watch; /* VARS: owned */
    struct buf bytes;        /* BACKUP: all of it */
    size_t bytes_sent;
};
/* A log read here on behalf of another host. */
struct remote_log {
    uint64_t handle, id;
    struct node_id peer;
};

#endif
