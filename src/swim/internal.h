/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* What the files of swim share. The essay is at the top of swim.c. */
#ifndef COVEY_SWIM_INTERNAL_H
#define COVEY_SWIM_INTERNAL_H

#include "covey/codec.h"
#include "covey/swim.h"

#include "formula.h"

#define NOWHERE UINT32_MAX /* a position in a ring or the heap: in none */

#define CONFIRMATIONS_MAX 16
#define RETRANSMITS_MAX   80 /* 16 * 5 digits: the most that the clamped configuration can ask for */
#define PROBES_MAX        4  /* the one of the period and those that SWIM_PROBE asked for */
#define HELPERS_MAX       8
#define RELAYS_MAX        512 /* pings under way for others; more are not helped */
#define SEEDS_MAX         64
#define FORGOTTEN_MAX     4096 /* ids taken out by the cluster; the oldest mark gives way */
#define BUDGET_MAX_MS     60000

/*
 * Incarnations from here on are refused, whoever tells them: one forged or rotten packet must not lift a
 * member to a number above which there is no refutation. 2^32 - 2^16 refutations or starts do not happen.
 */
#define INCARNATION_LIMIT (UINT32_MAX - 0xffffu)

struct incarnation {
    uint32_t generation, version;
};

static inline int incarnation_compare(struct incarnation x, struct incarnation y) {
    if (x.generation != y.generation)
        return x.generation < y.generation ? -1 : 1;
    return x.version == y.version ? 0 : x.version < y.version ? -1 : 1;
}

/* Kept for members that are not alive: who says so, and the timer that ends the state. */
struct accusation {
    struct node_id accuser; /* the newest, as it is told on */
    int64_t timer_us;       /* suspect: declared dead then; dead and left: forgotten then */
    uint32_t heap_pos;
    /* Of a suspect only. */
    uint32_t k; /* confirmations that bring the timer down to min_us */
    int64_t started_us, min_us, max_us;
    uint32_t from_count;   /* 1 + confirmations */
    struct node_id from[]; /* the first accuser, then the independent ones; k + 1 places */
};

struct member;
struct rumour {
    struct member *member;
    struct rumour *next, *previous;
    uint32_t sent; /* times */
};

struct member {
    struct node_id id; /* zero: a seed of which only the address is known */
    struct addr addr;
    uint8_t name_size;
    uint8_t state; /* enum member_state */
    bool known;    /* in the table; false: a stranger (a contact never heard of) or a seed */
    bool pinned;   /* a contact of the committed table: tried for ever */
    uint8_t *name;
    struct incarnation incarnation; /* the highest of all evidence */
    int64_t changed_us, last_ack_us;
    uint32_t rtt_us, rtt_deviation_us;
    int64_t answered_us; /* when it was last told of its record unasked */
    uint32_t ring_pos;   /* alive, suspect: in the ring of probes; dead, stranger, seed: of retries */
    uint32_t sync_stamp; /* of the last sync whose record of it was the same as ours */
    struct accusation *accusation; /* NULL while alive */
    struct rumour *rumour;         /* NULL: nothing to tell */
};

#define ANSWERS_MAX 64 /* members told of their records because of one input */

/* Each item once a lap, in random order; a newcomer goes to a random place (SWIM, section 4.3). */
struct ring {
    struct member **items;
    size_t count, capacity;
    size_t cursor; /* the next to be taken; those before it have had their turn in this lap */
};

struct helper {
    struct node_id id;
    bool nacked;
};
struct probe {
    bool active, done, asked; /* done: answered; asked: the helpers were */
    bool stalled;             /* its round trip says nothing */
    uint32_t seq;
    struct node_id target;
    int64_t sent_us, timeout_us, deadline_us;
    struct helper helpers[HELPERS_MAX];
    uint32_t helpers_count;
};

/* A ping on behalf of another member. */
struct relay {
    struct node_id asker, target;
    struct addr asker_addr;
    uint32_t asker_seq, seq;
    int64_t nack_us, end_us; /* nack_us is TIME_NEVER_US once sent */
};

struct pending {
    struct swim_effect effect;
    size_t packet_at; /* in out */
};

struct swim {
    struct swim_config config; /* its name is the self record's */
    struct prng prng;
    int64_t now_us; /* of the feed being handled */

    struct map members;   /* id -> struct member; the first entry is self */
    struct map strangers; /* contacts not in the table */
    struct map forgotten; /* id -> struct node_id */
    VEC(struct member *) seeds;
    struct member *self;
    size_t gone_count; /* dead and left ones in the table */
    struct ring probe_ring, retry_ring;
    struct member **heap; /* accusations by timer_us */
    size_t heap_count, heap_capacity;

    struct probe probes[PROBES_MAX]; /* [0] is the period's own */
    int64_t period_us;               /* absolute: when the next one begins */
    uint32_t seq;
    uint32_t health;
    VEC(struct relay) relays;
    int64_t relay_us; /* the earliest of the relays */

    struct {
        struct rumour *first, *last;
    } rumours[RETRANSMITS_MAX + 1]; /* by times sent; each oldest first */
    size_t rumours_count;
    int64_t gossip_us; /* when they are next sent without a ping; never while there are none */

    int64_t sync_us, retry_us;
    uint32_t retry_attempts; /* while alone */
    uint32_t sync_stamp;
    bool merging, merging_quietly; /* records come from a sync; and need not be told on */

    bool leaving, leave_done;
    int64_t leave_us;
    uint32_t leave_bursts;

    /* What the feed being handled has come to. */
    bool table_full;
    bool self_refuted; /* the sender has accused this node and should hear the answer */
    bool sender_stale; /* the sender's record of itself is behind ours */
    uint32_t answers_left;

    VEC(struct pending) pending;
    size_t pending_head;
    struct buf out;     /* bytes of the pending packets */
    struct buf scratch; /* one record, for its size */
    struct arena arena; /* of what is being decoded or encoded */
};

/* ---- table.c: members, rings, timers, events ----------------------------------------------------------- */
struct member *swim_find(const struct swim *s, struct node_id id);
struct member *swim_member_new(struct swim *s, struct node_id id, const struct addr *addr);
void swim_member_free(struct member *m);
/* NULL when the table is full. The state is alive, the ring entered. */
struct member *swim_table_add(struct swim *s, const struct wire_member *record);
void swim_table_forget(struct swim *s, struct member *m);
void swim_member_describe(struct member *m, struct bytes name, const struct addr *addr);
/*
 * Rings, counts, timer and time of change follow. SUSPECT and DEAD need an accuser; k places for
 * confirmations.
 */
void swim_member_turn(struct swim *s, struct member *m, enum member_state state, struct node_id accuser,
                      uint32_t k);
void swim_timer_set(struct swim *s, struct member *m, int64_t at_us);
void swim_timers_shift(struct swim *s, int64_t late_us, int64_t floor_us);
void swim_ring_add(struct swim *s, struct ring *ring, struct member *m);
void swim_ring_remove(struct ring *ring, struct member *m);
struct member *swim_ring_next(struct swim *s, struct ring *ring);
/* Its turn is next, unless it had one in this lap. */
void swim_ring_front(struct ring *ring, struct member *m);
/* Up to `wanted` different members of the probe ring, in a state up to `worst`, not `except`; how many. */
size_t swim_pick(struct swim *s, enum member_state worst, const struct member *except, size_t wanted,
                 struct member **out);
struct swim_effect *swim_event(struct swim *s, enum swim_event_kind kind, const struct member *m);

/* ---- belief.c: the table of transitions ---------------------------------------------------------------- */
/* `via` told it: the accuser if the record names none. */
void swim_hear(struct swim *s, const struct wire_member *record, struct node_id via);
/* What somebody believes of this node. */
void swim_hear_of_self(struct swim *s, enum member_state state, struct incarnation seen, struct node_id via);
/* Tells m of its record, so that it can refute; not more often than once a period. */
void swim_answer(struct swim *s, struct member *m, const struct addr *addr);
void swim_suspect(struct swim *s, struct member *m, struct incarnation seen, struct node_id accuser);
void swim_timers_run(struct swim *s);
void swim_health_add(struct swim *s, int delta);

/* ---- rumour.c: what is told on, and the packing of datagrams ------------------------------------------- */
void swim_rumour_start(struct swim *s, struct member *m);
void swim_rumour_stop(struct swim *s, struct member *m);
/* All but the one of this node. */
void swim_rumours_drop(struct swim *s);
/* News and somebody to tell it to. */
void swim_gossip_wake(struct swim *s);
void swim_gossip_run(struct swim *s);
/* The record of m as it is told. `full`: with name and address though it is suspect. */
struct wire_member swim_record(const struct member *m, bool full);
/*
 * Fills the room of the packet with `first` and `second` (each may be NULL), then rumours, and sends it
 * unless it is empty.
 */
void swim_send(struct swim *s, struct node_id to, const struct addr *addr, struct wire_swim_packet *packet,
               struct member *first, struct member *second);
/* Valid until the next one. */
struct swim_effect *swim_effect_new(struct swim *s, enum swim_effect_kind kind);
void swim_effect_encode(struct swim *s, struct swim_effect *effect, const struct codec_type *type,
                        const void *obj);

/* ---- probe.c: pings for oneself and for others --------------------------------------------------------- */
void swim_probes_run(struct swim *s);
void swim_probe_at_once(struct swim *s, struct node_id target);
void swim_heard_from(struct swim *s, struct node_id from);
void swim_ping_answer(struct swim *s, const struct wire_ping *ping, const struct swim_input *in);
void swim_relay_start(struct swim *s, const struct wire_ping_req *req, const struct swim_input *in);
void swim_ack_take(struct swim *s, const struct wire_ack *ack, struct node_id from);
void swim_nack_take(struct swim *s, const struct wire_nack *nack, struct node_id from);
void swim_probes_shift(struct swim *s, int64_t late_us, int64_t floor_us);
int64_t swim_probes_deadline(const struct swim *s);

/* ---- sync.c: push-pull, and those who may come back ---------------------------------------------------- */
void swim_sync_run(struct swim *s);
int swim_sync_take(struct swim *s, const struct swim_input *in);
int swim_seed_add(struct swim *s, const struct addr *addr);
int swim_contact_add(struct swim *s, struct node_id id, const struct addr *addr);
int swim_contact_forget(struct swim *s, struct node_id id);
/* A stranger, seed or dead member is in the ring of retries: soon its turn. */
void swim_retry_wake(struct swim *s);

#endif
