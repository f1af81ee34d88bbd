/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * swim: who is there? Membership and failure detection by SWIM (Das, Gupta, Motivala, DSN 2002) with what
 * Lifeguard (Dadgar, Phillips, Currey, 2018) and the years since have taught. The essay, with the table of
 * transitions, is in src/swim/swim.c.
 *
 * PURE. Three verbs: swim_feed() an input with the time, swim_drain() effects until there are none,
 * swim_deadline() says when to feed a SWIM_TICK. The core never calls out; packets are plain here, the
 * envelope (covey/crypto.h) is put around them by node.
 */
#ifndef COVEY_SWIM_H
#define COVEY_SWIM_H

#include <covey/base.h>
#include <covey/mark.h>
#include <covey/wire.h>

struct swim;

#define SWIM_PACKET_SIZE_MIN 256       /* the longest record, with the longest head, fits */

struct swim_config {
    struct node_id id;
    struct bytes name;             /* copied */
    struct addr addr;              /* advertised */
    uint32_t generation;           /* persisted and raised before each start */
    uint64_t seed;                 /* of its random numbers */
    size_t packet_size_max;        /* bytes of a plain packet: DATAGRAM_MAX less the envelope; at least
                                      SWIM_PACKET_SIZE_MIN */

    /* 0 takes the default in brackets. */
    int64_t period_us;             /* [500 ms] one probe a period (paper: T') */
    int64_t probe_timeout_us;      /* [200 ms] before others are asked to help; below period / 2 */
    uint32_t indirect_count;       /* [3] helpers (paper: k) */
    uint32_t suspicion_alpha;      /* [4] Min = alpha * max(1, log10 n) * period */
    uint32_t suspicion_beta;       /* [6] Max = beta * Min */
    uint32_t confirmations;        /* [3] independent accusers that bring Max down to Min (Lifeguard: K) */
    uint32_t retransmit_mult;      /* [6] a rumour is sent mult * ceil(log10(n + 1)) times (paper: lambda log
                                      n; 3 * ceil(ln(n + 1)) in its measurements) */
    uint32_t health_max;           /* [8] ceiling of the local health multiplier (Lifeguard: S) */
    int64_t sync_interval_us;      /* [30 s] push-pull with a random live member; 30 s more per doubling of n
                                      above 32 */
    int64_t dead_retry_us;         /* [10 s] one dead member or seed is contacted this often, jittered */
    int64_t dead_keep_us;          /* [72 h] a dead member is forgotten after this; left ones after 1 h */
    uint32_t members_max;          /* [20000] records beyond are refused */
    struct marks *marks;           /* NULL: none are kept */
};

enum swim_input_kind {
    SWIM_TICK,        /* time has passed */
    SWIM_PACKET,      /* packet: plain bytes of a swim_packet from `from` at `addr` (authenticated) */
    SWIM_SYNC,        /* packet: bytes of a swim_sync from `from` over a stream */
    SWIM_SEED,        /* addr: contact it, for ever, until a member is known there */
    SWIM_CONTACT,     /* addr, from: a member of the committed table: tried for ever, like the dead */
    SWIM_FORGET,      /* from: the cluster has taken this node out: neither contacted nor heard again,
                         until it is a SWIM_CONTACT anew */
    SWIM_PROBE,       /* from: probe this member next, at once (a stream to it just broke) */
    SWIM_ALIVE_HINT,  /* from: an authenticated stream message came from it: as good as an ack */
    SWIM_LEAVE,       /* tell everybody that this node leaves on purpose */
};

struct swim_input {
    enum swim_input_kind kind;
    struct node_id from;
    struct addr addr;
    struct bytes packet;           /* borrowed during the call */
};

enum swim_effect_kind {
    SWIM_SEND,        /* send `packet` as a datagram to `addr`; `to` is zero when only the address is known */
    SWIM_SYNC_SEND,   /* send `packet` (a swim_sync) over a stream to member `to` at `addr`, connecting if
                         need be; `to` is zero when only the address is known: whoever answers there */
    SWIM_EVENT,       /* the belief about `member` has changed */
};

enum swim_event_kind {
    SWIM_JOINED,      /* first seen alive, or alive again after dead or left */
    SWIM_SUSPECTED,
    SWIM_REFUTED,     /* a suspect is alive after all */
    SWIM_DIED,
    SWIM_LEFT,
    SWIM_CHANGED,     /* name, address or generation (it was restarted before anybody missed it) */
    SWIM_SELF_REFUTED,/* somebody suspected this node; it answered */
    SWIM_STALLED,     /* this node was late by more than a period: deadlines were moved, no one was blamed */
    SWIM_GENERATION,  /* this very node had a later life: `generation` is in use and must be persisted */
    SWIM_FORGOTTEN,   /* a dead or left record was dropped */
};

struct swim_effect {
    enum swim_effect_kind kind;
    struct node_id to;
    struct addr addr;
    struct bytes packet;           /* borrowed until the next call */
    /* SWIM_EVENT */
    enum swim_event_kind event;
    struct node_id member;
    struct node_id accuser;        /* with SUSPECTED, DIED and SELF_REFUTED */
    uint32_t generation;           /* of the member */
    int64_t late_us;               /* with STALLED */
};

/* What is believed of one member. Strings are borrowed until the next feed. */
struct swim_member {
    struct node_id id;
    struct bytes name;
    struct addr addr;
    enum member_state state;
    uint32_t generation, version;
    int64_t changed_us;            /* when the state changed here */
    int64_t last_ack_us;           /* last direct sign of life: ack, ping or stream; 0 = never */
    int64_t rtt_us;                /* smoothed round trip of direct probes; 0 = unknown */
};

struct swim *swim_new(const struct swim_config *config, int64_t now_us);
void swim_free(struct swim *s);

/*
 * 0, or ERR_INVALID for a packet that does not decode or an input that makes no sense (nothing has changed),
 * or ERR_LIMIT: a newcomer, seed or contact was refused because the table is full; the rest of it counts.
 * Every input may first find that this node was stopped (SWIM_STALLED). A clock that goes back stands still.
 */
int swim_feed(struct swim *s, int64_t now_us, const struct swim_input *input);
bool swim_drain(struct swim *s, struct swim_effect *ret_effect);
int64_t swim_deadline(const struct swim *s);

size_t swim_members_count(const struct swim *s);               /* all states, this node included */
bool swim_member_at(const struct swim *s, size_t index, struct swim_member *ret);
bool swim_member_find(const struct swim *s, struct node_id id, struct swim_member *ret);
size_t swim_alive_count(const struct swim *s);                 /* alive and suspect, this node included */
uint32_t swim_health(const struct swim *s);                    /* local health multiplier: 0 = well */
bool swim_leave_done(const struct swim *s);                    /* after SWIM_LEAVE: told to enough members */
/* Records of all members, for the answer to a join; strings borrowed until the next feed. */
size_t swim_export(const struct swim *s, struct wire_member *out, size_t out_max);

#endif
