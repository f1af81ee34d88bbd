/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * gossip: facts that a node owns (its resources, its attributes, the health and the endpoints of its
 * instances), told to everybody without a leader. Each owner has keys and values, a version that grows with
 * each change, and signs all of it as one; the others carry it on and compare what they have
 * (van Renesse, Dumitriu, Gough, Thomas: Efficient Reconciliation and Flow Control for Anti-Entropy
 * Protocols, LADIS 2008: "Scuttlebutt"). The essay is in src/gossip/gossip.c, the bytes in proto/facts.md.
 *
 * PURE. gossip_feed() an input with the time, gossip_drain() effects until there are none, gossip_deadline()
 * says when to feed a GOSSIP_TICK. The core sends no datagram of its own: gossip_fill() adds what is to be
 * told to one that leaves anyway.
 */
#ifndef COVEY_GOSSIP_H
#define COVEY_GOSSIP_H

#include <covey/base.h>
#include <covey/mark.h>
#include <covey/wire.h>

struct gossip;
struct identity; /* covey/crypto.h */

#define GOSSIP_ROOT_SIZE 32

struct gossip_config {
    struct node_id id;
    uint32_t generation; /* persisted and raised before each start of the agent */
    uint64_t seed;       /* of its random numbers */
    /*
     * Signs its own facts, and makes it demand the same of others. Borrowed while the core lives. NULL:
     * nobody signs (simulations of many owners).
     */
    const struct identity *identity;
    struct cluster_id cluster; /* signed with it */

    /* 0 takes the default in brackets. */
    int64_t gather_us;       /* [200 ms] changes that come so close are told as one */
    int64_t sum_interval_us; /* [4 s] between sums told; longer by that for each 256 owners */
    int64_t compare_us;      /* [1 s] between comparisons begun here */
    int64_t tombstone_us;    /* [10 min] a removal is remembered; who is further behind is told everything */
    uint32_t rate_bytes;     /* [1024] a second that one owner may change, for ever ... */
    uint32_t burst_bytes;    /* [128 KiB] ... and at once */
    uint32_t serve_bytes;    /* [2 MiB] a second given to those that compare */
    uint32_t retransmit_mult; /* [3] news is told mult * ceil(log10(n + 1)) times */
    uint32_t owners_max;     /* [20000] */
    struct marks *marks;     /* NULL: none are kept */
};

enum gossip_input_kind {
    GOSSIP_TICK,       /* time has passed */
    GOSSIP_SET,        /* key, value: a fact of this node, from here on. An empty value removes it */
    GOSSIP_MEMBER,     /* from, key_of: who owns facts under which key. No facts of others are taken */
    GOSSIP_LEFT,       /* from: it has left: its facts go, and none of the run that left are taken again */
    GOSSIP_RETURNED,   /* from, generation: it lives after all, in this run, and is heard again */
    GOSSIP_FORGET,     /* from: no member any more: its facts go, and none are taken */
    GOSSIP_PACKET,     /* from, packet: bytes of a gossip_packet out of a member's datagram */
    GOSSIP_SYNC,       /* from, packet: bytes of a gossip_sync from a member over a stream */
    GOSSIP_STREAM,     /* from: a stream to it, dialled here, has opened: compare */
    GOSSIP_GENERATION, /* generation: this node goes on with a later one */
};
struct gossip_input {
    enum gossip_input_kind kind;
    struct node_id from;
    struct public_key key_of;
    uint32_t generation;
    struct bytes key, value, packet; /* borrowed during the call */
};

enum gossip_effect_kind {
    GOSSIP_SEND,    /* packet (a gossip_sync) over a stream to member `to`, connecting if need be */
    GOSSIP_CHANGED, /* there are newer facts of `owner`, or none any more */
    GOSSIP_REFUSED, /* text: what was refused, of `owner`, told by `via` (itself when it is this node's own
                       GOSSIP_SET). At most one a minute for each owner; the counters have all */
};
struct gossip_effect {
    enum gossip_effect_kind kind;
    struct node_id to, owner, via;
    struct bytes packet; /* borrowed until the next call, as is text */
    const char *text;
};

struct gossip_counters {
    uint64_t published;                    /* heads signed by this node */
    uint64_t taken, taken_by_stream;       /* newer facts of others */
    uint64_t known, stale;                 /* told again; older than what is held */
    uint64_t asked, served;                /* facts asked for; facts given to those that asked */
    uint64_t sums_sent, sums_differed;     /* of datagrams */
    uint64_t compared, compared_for;       /* comparisons begun here; those of others that were answered */
    uint64_t news_sent, bytes_added;       /* in datagrams */
    uint64_t streams_sent, stream_bytes_sent, streams_received;
    uint64_t put_off;                      /* comparisons not answered: too much was served in this second */
    uint64_t removed;                      /* tombstones taken */
    uint64_t refused_forged;               /* not signed by the owner, or not what it signed */
    uint64_t refused_limit;                /* too many facts, or too large */
    uint64_t refused_rate;                 /* the owner changes them too often */
    uint64_t refused_stranger;             /* an owner that is no member here */
    uint64_t refused_invalid;              /* did not decode, or makes no sense */
    uint64_t refused_own;                  /* GOSSIP_SETs over the limits */
    uint64_t conflicts;                    /* two words of one owner under one version */
    uint64_t self_ahead;                   /* its own facts of a life that it has forgotten came back */
};

struct gossip *gossip_new(const struct gossip_config *config, int64_t now_us);
void gossip_free(struct gossip *g);

/*
 * 0. ERR_INVALID: a packet that does not decode, an empty key. ERR_LIMIT: a fact of this node over
 * FACT_KEY_MAX, FACT_VALUE_MAX, FACTS_MAX or FACTS_BYTES_MAX (nothing has changed; also told as
 * GOSSIP_REFUSED), or more owners than owners_max. ERR_NOT_FOUND: GOSSIP_LEFT or GOSSIP_RETURNED of
 * nobody known. A clock that goes back stands still.
 */
int gossip_feed(struct gossip *g, int64_t now_us, const struct gossip_input *input);
bool gossip_drain(struct gossip *g, struct gossip_effect *ret_effect);
int64_t gossip_deadline(const struct gossip *g);

/*
 * Appends a gossip_packet of at most room bytes, for a datagram to a member; nothing when there is nothing to
 * tell it. What was appended counts as told.
 */
void gossip_fill(struct gossip *g, int64_t now_us, size_t room, struct buf *out);

/* ---- looking in; strings are borrowed until the next feed ---- */

struct gossip_owner {
    struct node_id id;
    uint32_t generation;
    uint64_t version;          /* 0: nothing was heard of its facts */
    size_t facts_count;        /* tombstones too */
    size_t size_bytes;         /* of keys and values */
    int64_t changed_us;        /* when this version came */
    uint8_t root[GOSSIP_ROOT_SIZE];
};
struct gossip_fact {
    struct bytes key, value;
    uint64_t version;
    bool removed;
};
size_t gossip_owners_count(const struct gossip *g);            /* this node included */
bool gossip_owner_at(const struct gossip *g, size_t index, struct gossip_owner *ret);
bool gossip_owner_find(const struct gossip *g, struct node_id id, struct gossip_owner *ret);
bool gossip_fact_at(const struct gossip *g, struct node_id owner, size_t index, struct gossip_fact *ret);
/* false: there is none, or it was removed. */
bool gossip_fact_find(const struct gossip *g, struct node_id owner, struct bytes key,
                      struct gossip_fact *ret);
uint64_t gossip_sum(const struct gossip *g);                   /* of all that is held; never 0 */
const struct gossip_counters *gossip_counters(const struct gossip *g);
size_t gossip_memory(const struct gossip *g);                  /* bytes held */

#endif
