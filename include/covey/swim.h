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

struct identity;                       /* covey/crypto.h */

#define SWIM_PACKET_SIZE_MIN 448       /* the longest signed record, with the longest head, fits */

/*
 * What a core does beside plain SWIM. `without` in the configuration turns parts off: for comparisons with
 * the papers, and to see what each part is worth. All members of a group have the same parts.
 */
enum swim_part {
    SWIM_LHA_PROBE = 1 << 0,      /* [LG IV.A] the local health stretches period and timeout; nacks */
    SWIM_LHA_SUSPICION = 1 << 1,  /* [LG IV.B] from Max to Min by independent accusers; without it: Min */
    SWIM_BUDDY = 1 << 2,          /* [LG IV.C] a ping to a suspect tells it so first */
    SWIM_SUSPICION = 1 << 3,      /* [SWIM 4.2] without it an unanswered probe is a death */
    SWIM_LATENESS = 1 << 4,       /* deadlines move by one's own lateness: who was stopped blames nobody */
    SWIM_ROUND_TRIP = 1 << 5,     /* the probe timeout follows the round trip */
    SWIM_ACCUSERS = 1 << 6,       /* accusers who are refuted again and again are not believed alone */
    SWIM_BELIEF = 1 << 7,         /* pings carry what is believed of the target; stale news is answered */
    SWIM_GRACE = 1 << 8,          /* another's verdict leaves Min to refute it; without it: dead at once */
    SWIM_GOSSIP = 1 << 9,         /* news goes out on a clock of its own, too */
    SWIM_HEALING = 1 << 10,       /* tables are compared; the dead, seeds and contacts are tried again */
    SWIM_DIGESTS = 1 << 11,       /* tables are compared by digests, the dead have their turns; without it
                                     tables are sent whole, both ways, and it is drawn who tries one */
};
/* SWIM as its paper has it: suspicion lasts suspicion_us (there 3 * ceil(ln(n + 1)) periods). */
#define SWIM_WITHOUT_DSN2002 (0xfffu & ~(unsigned)SWIM_SUSPICION)
/* What the Lifeguard paper compares itself with (alpha 5), and its own three parts (alpha 5, beta 6). */
#define SWIM_WITHOUT_MEMBERLIST                                                                              \
    (SWIM_LHA_PROBE | SWIM_LHA_SUSPICION | SWIM_BUDDY | SWIM_WITHOUT_LIFEGUARD)
#define SWIM_WITHOUT_LIFEGUARD                                                                               \
    (SWIM_LATENESS | SWIM_ROUND_TRIP | SWIM_ACCUSERS | SWIM_BELIEF | SWIM_GRACE | SWIM_DIGESTS)

/*
 * What members say of themselves (id, name, address, key, signature), kept once for all cores of a process
 * that share it: a simulation of ten thousand members has a hundred million views of them. Not for several
 * threads. It outlives the cores that use it.
 */
struct swim_names;
struct swim_names *swim_names_new(void);
void swim_names_free(struct swim_names *names);

struct swim_config {
    struct node_id id;
    struct bytes name;             /* copied */
    struct addr addr;              /* advertised */
    uint32_t generation;           /* persisted and raised before each start */
    uint64_t seed;                 /* of its random numbers */
    size_t packet_size_max;        /* bytes of a plain packet: DATAGRAM_MAX less the envelope; at least
                                      SWIM_PACKET_SIZE_MIN */
    /*
     * Signs what this node says of itself, and makes it demand the same of others. Borrowed while the core
     * lives. NULL: nobody signs (simulations of many members).
     */
    const struct identity *identity;
    struct cluster_id cluster;     /* signed with it */
    struct swim_names *names;      /* borrowed while the core lives; NULL: names of its own */
    uint32_t without;              /* parts (enum swim_part) that are off */

    /* 0 takes the default in brackets. */
    int64_t period_us;             /* [1 s] one probe a period (paper: T') */
    int64_t probe_timeout_us;      /* [2/5 period] before others are asked to help; below period / 2 */
    int64_t gossip_interval_us;    /* [1/4 period] between two times that news goes out without a ping */
    uint32_t indirect_count;       /* [3] helpers (paper: k) */
    uint32_t suspicion_alpha;      /* [4/5] Min = alpha * max(1, log10 n) * period; twice that where nobody
                                      can second it */
    uint32_t suspicion_beta;       /* [6] Max = beta * Min */
    int64_t suspicion_us;          /* [as alpha says] Min, whatever n is */
    uint32_t confirmations;        /* [3] independent accusers that bring Max down to Min (Lifeguard: K) */
    uint32_t retransmit_mult;      /* [4] a rumour is sent mult * ceil(log10(n + 1)) times (paper: lambda log
                                      n; 3 * ceil(ln(n + 1)) in its measurements) */
    uint32_t health_max;           /* [8] ceiling of the local health multiplier (Lifeguard: S) */
    int64_t sync_interval_us;      /* [30 s] tables are compared with a random live member; 30 s more per
                                      doubling of n above 32 */
    int64_t dead_retry_us;         /* [10 s] one dead member or seed is contacted this often, jittered */
    int64_t dead_keep_us;          /* [72 h] a dead member is forgotten after this; left ones after 1 h */
    uint32_t members_max;          /* [20000] records beyond are refused */
    uint32_t rumours_max;          /* [2048] more are left to the comparison of tables */
    uint32_t table_members_per_s;  /* [4096] in whole tables given to joiners, of which each counts for at
                                      most 1,024; more are asked to come later */
    struct marks *marks;           /* NULL: none are kept */
};

enum swim_input_kind {
    SWIM_TICK,        /* time has passed */
    SWIM_PACKET,      /* packet: plain bytes of a swim_packet from `from` at `addr` (authenticated) */
    SWIM_INTRODUCTION,/* packet as with SWIM_PACKET, of a run of `from` that is not the one known here: only
                         what it proves of itself is taken. 0: it is known from here on (feed the packet as
                         SWIM_PACKET); ERR_NOT_FOUND: it is asked, not too often, who it is;
                         ERR_DENIED: it was taken out */
    SWIM_SYNC,        /* packet: bytes of a swim_sync from `from` over a stream */
    SWIM_STREAM,      /* from, addr: an authenticated stream to it, dialled here, has opened */
    SWIM_MOVE,        /* addr: where this node is to be reached from here on */
    SWIM_SEED,        /* addr: contact it, for ever, until a member is known there. Told again, as by a name
                         that is looked up now and then, it is given up when it was not for an hour while
                         others were; and of too many the one told longest ago gives way */
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
    uint32_t generation;           /* with INTRODUCTION: the run that the packet is of */
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
    SWIM_DUPLICATE,   /* another host, last told to be at `addr`, has this very node's key. The one with the
                         lower address gives way; told again while it lasts */
};

struct swim_effect {
    enum swim_effect_kind kind;
    struct node_id to;
    struct addr addr;
    struct bytes packet;           /* borrowed until the next call */
    /* SWIM_EVENT */
    enum swim_event_kind event;
    struct node_id member;
    struct node_id accuser;        /* with SUSPECTED, REFUTED, DIED and SELF_REFUTED */
    uint32_t generation;           /* of the member */
    int64_t late_us;               /* with STALLED: what all deadlines were moved by */
};

/* What is believed of one member. Strings are borrowed until the next feed. */
struct swim_member {
    struct node_id id;
    struct bytes name;
    struct addr addr;
    enum member_state state;
    uint32_t generation, version;
    int64_t changed_us;            /* when the state changed here */
    /* Of more than 512 members these are forgotten of those dealt with longest ago. */
    int64_t last_ack_us;           /* last direct sign of life: ack, ping or stream; 0 = none known */
    int64_t last_packet_us;        /* last packet from it directly, streams not counted; 0 = none known */
    int64_t rtt_us;                /* smoothed round trip of direct probes; 0 = unknown */
    int64_t indirect_us;           /* since when only others reach it from here; 0 = no such thing */
    struct node_id accuser;        /* who says so, of a suspect or dead one */
};

/* What has happened since the core was made. */
struct swim_counters {
    uint64_t packets_sent, packet_bytes_sent, packets_received, packet_bytes_received;
    uint64_t packets_refused;      /* did not decode */
    uint64_t pings_sent, ping_reqs_sent, acks_sent, nacks_sent, records_sent;
    uint64_t pings_received, ping_reqs_received, acks_received, nacks_received, records_received;
    uint64_t syncs_sent, sync_bytes_sent, syncs_received;
    uint64_t tables_given, tables_put_off;
    uint64_t probes, acks, nacks;  /* nacks received */
    uint64_t probes_indirect;      /* the timeout came before the ack: others were asked */
    uint64_t saves_indirect;       /* and one of them brought it */
    uint64_t probes_failed, probes_late;   /* late: the ack came after the timeout, by itself */
    uint64_t helped;               /* pings on behalf of others */
    uint64_t suspicions, refuted, deaths;  /* of others, as seen here */
    uint64_t accusations_ignored;  /* of accusers who are not believed alone */
    uint64_t self_refuted;
    uint64_t answers;              /* stale news answered directly */
    uint64_t challenges;           /* who are you? */
    uint64_t records, records_refused;     /* refused: forged, absurd, without proof, no room */
    uint64_t signatures_checked, signatures_bad;
    uint64_t rumours_dropped;      /* for want of room */
    uint64_t stalls, late_us;      /* late: by how much all of them together */
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
/* Records of all members; strings borrowed until the next feed. */
size_t swim_export(const struct swim *s, struct wire_member *out, size_t out_max);
/*
 * The other way: a table got from somewhere else, as if a sync had brought it, told on to nobody. 0 or
 * ERR_LIMIT.
 */
int swim_import(struct swim *s, int64_t now_us, const struct wire_member *records, size_t records_count);

const struct swim_counters *swim_counters(const struct swim *s);
/*
 * Who is not heard directly: members that answered the last probe through others only, or not at all and are
 * not dead. How many there are; up to out_max of them in `out`.
 */
size_t swim_exceptions(const struct swim *s, struct swim_member *out, size_t out_max);
/* Who accused others wrongly of late, worst first: ids and how often. Up to out_max of them. */
struct swim_accuser {
    struct node_id id;
    uint32_t refuted;
    bool doubted; /* now: not believed alone */
};
size_t swim_accusers(const struct swim *s, struct swim_accuser *out, size_t out_max);
size_t swim_accusers_doubted(const struct swim *s); /* how many are */
/* Bytes of memory held, without the names. */
size_t swim_memory(const struct swim *s);

#endif
