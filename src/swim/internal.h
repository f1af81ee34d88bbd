/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* What the files of swim share. The essay is at the top of swim.c. */
#ifndef COVEY_SWIM_INTERNAL_H
#define COVEY_SWIM_INTERNAL_H

#include "covey/codec.h"
#include "covey/crypto.h"
#include "covey/digest.h"
#include "covey/swim.h"

#include "formula.h"

#define NOWHERE UINT32_MAX /* a position in a ring or the heap: in none; a number: of nobody */

#define CONFIRMATIONS_MAX 16
#define RETRANSMITS_MAX   80 /* 16 * 5 digits: the most that the clamped configuration can ask for */
#define PROBES_MAX        4  /* the one of the period and those that SWIM_PROBE asked for */
#define HELPERS_MAX       8
#define RELAYS_MAX        512 /* pings under way for others; more are not helped */
#define SEEDS_MAX         64
#define ACCUSERS_MAX      64
#define FORGOTTEN_MAX     4096 /* ids taken out by the cluster; the oldest mark gives way */
#define WANTED_MAX        8    /* cards asked for in one packet */
#define BUDGET_MAX_MS     60000
#define CHUNK_MEMBERS     128

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

/*
 * What a member says of itself in one life, from one version on. Never changed, and shared by all tables
 * that have it. Cards differ in one byte or are one.
 */
struct card {
    struct node_id id;
    struct addr addr;
    uint8_t name_size;
    uint8_t name[WIRE_NAME_MAX];
    uint32_t generation, since; /* of the incarnation in which it was made */
    bool is_signed;             /* key and signature are there and good */
    struct public_key key;
    struct signature signature;

    uint32_t number; /* of the id, among the names */
    uint32_t refs;
    struct card *next; /* another one of the same id */
};

/* Of a suspect. */
struct suspicion {
    uint32_t k; /* confirmations that bring its time down to min_us */
    int64_t started_us, min_us, max_us;
    int64_t due_us;        /* its time is up */
    int64_t tried_us;      /* by this node, last; 0: not yet */
    uint32_t from_count;   /* 1 + confirmations */
    struct node_id from[]; /* the first accuser, then the independent ones; k + 1 places */
};

/* Kept for members that are not alive: who says so, and the timer that ends the state. */
struct accusation {
    struct node_id accuser;      /* the newest, as it is told on */
    struct suspicion *suspicion; /* NULL: it is dead, or has left */
    int64_t timer_us;            /* dead and left: forgotten then; suspect: its time is up, or it is tried */
    uint32_t heap_pos;
};

struct member;
struct rumour {
    struct member *member;
    struct rumour *next, *previous;
    uint32_t sent;      /* times */
    uint32_t full_left; /* times that the card goes with it still */
};

struct round_trip {
    uint32_t us, deviation_us; /* smoothed; 0: not known */
};

/* What there is of a member beside the bare belief; in a large group most have none. */
struct dealings {
    struct accusation *accusation; /* NULL while alive */
    struct rumour *rumour;         /* NULL: nothing to tell */
    struct signature *farewell;    /* of one that has left */
    int64_t last_ack_us;
    int64_t last_packet_us;
    int64_t indirect_us; /* since when only others reach it from here; 0: no such thing */
    int64_t answered_us; /* when it was last told of its record unasked */
    int64_t refuted_us;  /* when this node last put its word against that of this one */
    struct round_trip rtt;
    /* Where its packets come from, or the committed table has it, if not at its address. Size 0: it is. */
    struct addr seen_addr;
};

/* 40 bytes: with the order, the place and the ring about 60 a member. */
struct member {
    struct card *card;
    struct dealings *dealings; /* NULL: none */
    int64_t changed_us;
    struct incarnation incarnation; /* the highest of all evidence */
    uint32_t ring_pos;              /* alive, suspect: in the ring of probes */
    uint8_t state;                  /* enum member_state */
    bool pinned;                    /* a contact of the committed table: tried for ever */
    bool looked;                    /* see look.c */
    bool met;                       /* dealt with since the sweep came by */
};

/* Somebody to be tried again: a seed (id zero), a member that is dead, one of the table never heard of. */
struct contact {
    struct node_id id;
    struct addr addr;
    bool pinned;
    bool told_again;     /* a seed: more than once, as by a name that is looked up again and again */
    bool tried, at_card; /* before; the last time where its card says */
    uint32_t number, ring_pos;
    int64_t since_us; /* it is here; a seed: it was told last */
};

/* Each item once a lap, in random order; a newcomer goes to a random place (SWIM, section 4.3). */
struct ring {
    bool of_contacts;
    uint32_t *items; /* numbers of members or contacts */
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

/* A dead member that somebody else has alive: pinged before it is believed. */
struct look {
    struct node_id id, teller;
    struct addr teller_addr;
    uint32_t seq; /* 0: not sent yet */
    int64_t end_us;
};

/* Who accused members that answered at once, while nobody else doubted them. */
struct accuser {
    struct node_id id;
    uint32_t refuted;  /* in all */
    uint32_t score_q8; /* halved every ACCUSER_HALVED_US */
    int64_t scored_us;
};

#define ANSWERS_MAX 64 /* members told of their records because of one input */

struct pending {
    struct swim_effect effect;
    size_t packet_at; /* in out */
};

struct swim {
    struct swim_config config; /* its name is the self card's */
    struct swim_names *names;
    bool names_owned;
    struct prng prng;
    int64_t now_us;               /* of the feed being handled */
    int64_t lenient_us;           /* no verdict was put off for want of time before */
    int64_t beat_us;              /* the unit of suspicions */
    int64_t cut_us;               /* when one of many dead was last found alive */
    int64_t heard_us, hearing_us; /* the last word of anybody; the first after a silence */

    VEC(struct member *) chunks; /* CHUNK_MEMBERS each; members never move */
    uint32_t free_slot;          /* the first of the free ones, linked by ring_pos; NOWHERE */
    VEC(uint32_t) order;         /* slots; the first is self's */
    uint32_t *places;            /* number -> place in the order + 1; 0: not here */
    size_t places_count;
    size_t dealings_count;
    size_t swept; /* the place that was swept last */
    struct member *self;
    size_t gone_count;    /* dead and left ones */
    struct digest digest; /* of the living */
    struct map forgotten; /* id -> struct node_id */

    VEC(struct contact *) contacts; /* by number; NULL: free */
    size_t contacts_count;
    struct map contacts_by_id;
    struct ring probe_ring, retry_ring;
    struct member **heap; /* accusations by timer_us */
    size_t heap_count, heap_capacity;

    struct probe probes[PROBES_MAX]; /* [0] is the period's own */
    int64_t period_us;               /* absolute: when the next one begins */
    uint32_t seq;
    uint32_t health;
    struct round_trip rtt; /* of all members, one with another */
    VEC(struct relay) relays;
    int64_t relay_us; /* the earliest of the relays */
    VEC(struct look) looks;
    size_t looks_sent; /* of them; they come first */
    int64_t look_us;

    struct {
        struct rumour *first, *last;
    } rumours[RETRANSMITS_MAX + 1]; /* by times sent; each oldest first */
    size_t rumours_count;
    int64_t gossip_us; /* when they are next sent without a ping; never while there are none */

    int64_t sync_us, retry_us;
    struct node_id sync_with; /* the next comparison is with this one; zero: with anybody */
    int64_t compared_us;
    uint32_t differed;        /* comparisons put off because news was about */
    bool eager;               /* the last one brought many: the next is over a stream at once */
    uint32_t retry_attempts;  /* while alone */
    struct node_id pull_from; /* gives its table, chunk by chunk */
    int64_t pull_end_us;
    int64_t tables_us; /* the clock of the token bucket of tables given */
    int64_t challenges_us;
    bool merging, merging_quietly; /* records come from a sync; and need not be told on */

    struct {
        struct accuser at[ACCUSERS_MAX];
        size_t count;
    } accusers;
    struct swim_counters counters;

    /* Jumps over a later life of this node: the third within a minute is no ghost but another host. */
    int64_t jumped_us, duplicate_us, duplicate_said_us, yield_us;
    uint32_t jumps;

    bool leaving, leave_done;
    int64_t leave_us;
    uint32_t leave_bursts;

    /* What the feed being handled has come to. */
    bool table_full;
    bool self_refuted;  /* the sender has accused this node and should hear the answer */
    bool sender_stale;  /* the sender's record of itself is behind ours */
    bool card_conflict; /* the record just heard has another card than ours, of the same moment */
    uint32_t answers_left;
    struct node_id wanted[WANTED_MAX];
    size_t wanted_count;

    VEC(struct pending) pending;
    size_t pending_head;
    struct buf out;     /* bytes of the pending packets */
    struct buf scratch; /* one record, for its size */
    struct arena arena; /* of what is being decoded or encoded */
};

static inline bool swim_has(const struct swim *s, enum swim_part part) {
    return !(s->config.without & (uint32_t)part);
}
static inline struct node_id swim_id(const struct member *m) { return m->card->id; }
static inline bool swim_is_gone(uint8_t state) {
    return state == MEMBER_STATE_DEAD || state == MEMBER_STATE_LEFT;
}
static inline struct accusation *swim_accusation(const struct member *m) {
    return m->dealings ? m->dealings->accusation : NULL;
}
static inline struct suspicion *swim_suspicion(const struct member *m) {
    return swim_accusation(m) ? swim_accusation(m)->suspicion : NULL;
}

/* ---- names.c: cards, each kept once ------------------------------------------------------------------- */
/* NOWHERE: nobody has a card of it. */
uint32_t swim_names_number(const struct swim_names *names, struct node_id id);
/* The same card, if it is there; borrowed. */
struct card *swim_names_find(const struct swim_names *names, const struct card *like);
/* The caller has one reference more. */
struct card *swim_names_take(struct swim_names *names, const struct card *like);
void swim_names_drop(struct swim_names *names, struct card *card);

/* ---- card.c: what members say of themselves, signed ---------------------------------------------------- */
bool swim_addr_usable(const struct addr *a);
/* The card in a record, referenced. NULL: there is none, or it is not worth anything (counted). */
struct card *swim_card_take(struct swim *s, const struct wire_member *record);
struct bytes swim_card_name(const struct card *card);
/* This node's own card for its incarnation. */
void swim_card_renew(struct swim *s, struct bytes name, const struct addr *addr);
void swim_farewell_sign(struct swim *s);
/* Kept with the member if it is good. True without signatures. */
bool swim_farewell_take(struct swim *s, struct member *m, const struct wire_member *record);

/* ---- table.c: members, events -------------------------------------------------------------------------- */
struct member *swim_find(const struct swim *s, struct node_id id);
struct member *swim_number(const struct swim *s, uint32_t number);
struct member *swim_at(const struct swim *s, size_t place);
struct dealings *swim_dealings(struct swim *s, struct member *m);
void swim_dealings_tidy(struct swim *s, struct member *m);
void swim_dealings_sweep(struct swim *s);
void swim_table_init(struct swim *s);
void swim_table_done(struct swim *s);
/* The table takes the card. NULL when it is full, and the card is dropped. Alive, and in the ring. */
struct member *swim_table_add(struct swim *s, struct card *card, struct incarnation incarnation);
struct member *swim_table_add_self(struct swim *s, struct card *card);
void swim_table_forget(struct swim *s, struct member *m);
void swim_member_raise(struct swim *s, struct member *m, struct incarnation incarnation);
/* Takes the card; drops the one before. */
void swim_member_card(struct swim *s, struct member *m, struct card *card);
/*
 * Rings, counts, digest, timer and time of change follow. SUSPECT and DEAD need an accuser; k places for
 * confirmations.
 */
void swim_member_turn(struct swim *s, struct member *m, enum member_state state, struct node_id accuser,
                      uint32_t k);
void swim_self_turn(struct swim *s, enum member_state state);
struct swim_effect *swim_event(struct swim *s, enum swim_event_kind kind, const struct member *m);

/* ---- ring.c: turns ------------------------------------------------------------------------------------- */
void swim_ring_add(struct swim *s, struct ring *ring, uint32_t number);
void swim_ring_remove(struct swim *s, struct ring *ring, uint32_t number);
/* NOWHERE: it is empty. */
uint32_t swim_ring_next(struct swim *s, struct ring *ring);
/* Its turn is next, unless it had one in this lap. */
void swim_ring_front(struct swim *s, struct ring *ring, uint32_t number);
/* Up to `wanted` different members of the probe ring, in a state up to `worst`, not `except`; how many. */
size_t swim_pick(struct swim *s, enum member_state worst, const struct member *except, size_t wanted,
                 struct member **out);

/* ---- timer.c: when suspicions end and records are forgotten -------------------------------------------- */
void swim_timer_set(struct swim *s, struct member *m, int64_t at_us);
void swim_timer_remove(struct swim *s, struct member *m);
void swim_timers_shift(struct swim *s, int64_t late_us, int64_t floor_us);

/* ---- belief.c: the table of transitions ---------------------------------------------------------------- */
/* `via` told it: the accuser if the record names none. */
void swim_hear(struct swim *s, const struct wire_member *record, struct node_id via);
void swim_answer(struct swim *s, struct member *m, const struct addr *addr, bool full);
/* Whoever sent the packet being handled is asked for the card. */
void swim_want(struct swim *s, struct node_id id);
void swim_suspect(struct swim *s, struct member *m, struct incarnation seen, struct node_id accuser);
void swim_timers_run(struct swim *s);
void swim_health_add(struct swim *s, int delta);
/* This node hears nobody, or has just begun to again. */
#define DEAF_PERIODS 2
bool swim_is_deaf(const struct swim *s);
/* Somebody was heard. */
void swim_listen(struct swim *s);
/* The rumours of its death are spent: a sign of life alone undoes it. */
bool swim_verdict_is_old(const struct swim *s, const struct member *m);
/* Dead here by an old verdict, but it answers: alive in the same incarnation. */
void swim_revive(struct swim *s, struct member *m);

/* ---- self.c: what is said of this node ----------------------------------------------------------------- */
void swim_hear_self_record(struct swim *s, const struct wire_member *record, struct node_id accuser);
/* What somebody believes of this node. */
void swim_hear_of_self(struct swim *s, enum member_state state, struct incarnation seen, struct node_id via);
/* A new address of its own. */
int swim_self_move(struct swim *s, const struct addr *addr);

/* ---- accuser.c: who is believed alone ------------------------------------------------------------------ */
void swim_accusers_refuted(struct swim *s, const struct suspicion *suspicion);
void swim_accusers_right(struct swim *s, const struct suspicion *suspicion);
bool swim_accuser_doubted(const struct swim *s, struct node_id id);

/* ---- rumour.c: what is told on, and the packing of datagrams ------------------------------------------- */
/* `card`: the card is news. */
void swim_rumour_start(struct swim *s, struct member *m, bool card);
/* What most will find out by themselves: told a part of the times only. */
void swim_rumour_echo(struct swim *s, struct member *m, uint32_t percent);
/* Somebody else tells the very same: one telling less. */
void swim_rumour_heard(struct swim *s, struct member *m);
void swim_rumour_stop(struct swim *s, struct member *m);
/* All but the one of this node. */
void swim_rumours_drop(struct swim *s);
/* News and somebody to tell it to. */
void swim_gossip_wake(struct swim *s);
void swim_gossip_run(struct swim *s);
/* The record of m as it is told, with its card or without. */
struct wire_member swim_record(const struct member *m, bool full);
/* What is told before the rumours. */
struct first {
    struct member *member; /* NULL: nothing */
    bool full;
};
/* Fills the room of the packet with the first ones, then rumours, and sends it unless it is empty. */
void swim_send(struct swim *s, struct node_id to, const struct addr *addr, struct wire_swim_packet *packet,
               const struct first *firsts, size_t firsts_count);
/* One member's record, and nothing asked. */
void swim_tell(struct swim *s, struct node_id to, const struct addr *addr, struct member *about, bool full);
/* Valid until the next one. */
struct swim_effect *swim_effect_new(struct swim *s, enum swim_effect_kind kind);
void swim_effect_encode(struct swim *s, struct swim_effect *effect, const struct codec_type *type,
                        const void *obj);

/* ---- probe.c: pings for oneself ------------------------------------------------------------------------ */
void swim_probes_run(struct swim *s);
void swim_probe_at_once(struct swim *s, struct node_id target);
/* One more ping, if it is being probed already. */
void swim_probe_again(struct swim *s, struct member *m);
void swim_heard_from(struct swim *s, struct node_id from);
void swim_ack_take(struct swim *s, const struct wire_ack *ack, struct node_id from);
void swim_nack_take(struct swim *s, const struct wire_nack *nack, struct node_id from);
void swim_probes_shift(struct swim *s, int64_t late_us, int64_t floor_us, bool stalled);
int64_t swim_probes_deadline(const struct swim *s);
/* `belief`: what m is told that it is believed to be; NULL: as it is. */
void swim_ping(struct swim *s, uint32_t seq, struct node_id target, const struct addr *addr, struct member *m,
               const enum member_state *belief);

/* ---- relay.c: pings for others, and answers ------------------------------------------------------------ */
void swim_relay_start(struct swim *s, const struct wire_ping_req *req, const struct swim_input *in);
void swim_relay_ack(struct swim *s, const struct wire_ack *ack, struct node_id from);
void swim_relays_run(struct swim *s);
void swim_relays_shift(struct swim *s, int64_t late_us);
void swim_ping_answer(struct swim *s, const struct wire_ping *ping, const struct swim_input *in);
/* Who are you, who are not the one known here? */
void swim_challenge(struct swim *s, const struct swim_input *in);

/* ---- look.c: the dead that others have alive ----------------------------------------------------------- */
void swim_look_add(struct swim *s, struct member *m, struct node_id teller, const struct addr *teller_addr);
bool swim_look_ack(struct swim *s, uint32_t seq, struct node_id from);
void swim_looks_run(struct swim *s);

/* ---- digest.c: tables in few bytes --------------------------------------------------------------------- */
uint64_t swim_fingerprint(const struct member *m);
size_t swim_bucket(struct node_id id); /* of the digest */
/* Twice undoes it: when a living one comes, goes, or before and after it changes. */
void swim_sums_toggle(struct swim *s, const struct member *m);
uint64_t swim_sum(const struct swim *s);

/* ---- sync.c: tables compared --------------------------------------------------------------------------- */
void swim_sync_run(struct swim *s);
int swim_sync_take(struct swim *s, const struct swim_input *in);
void swim_sum_take(struct swim *s, uint64_t sum, const struct swim_input *in);
/* Over a stream to `to`; zero: to whoever is at addr. */
void swim_compare(struct swim *s, struct node_id to, const struct addr *addr);
void swim_sync_soon(struct swim *s, int64_t low_us, int64_t high_us);
bool swim_alone(const struct swim *s);

/* ---- contact.c: those who may come back ---------------------------------------------------------------- */
int swim_seed_add(struct swim *s, const struct addr *addr);
int swim_contact_add(struct swim *s, struct node_id id, const struct addr *addr);
int swim_contact_forget(struct swim *s, struct node_id id);
/* A living member is gone for good: was it the last one to talk to? */
void swim_contacts_alone(struct swim *s);
/* A member has died, or is not in the table any more. */
void swim_contact_open(struct swim *s, struct node_id id, const struct addr *addr, bool pinned);
/* It is known and not dead. */
bool swim_contact_close(struct swim *s, struct node_id id);
void swim_retry_run(struct swim *s);
void swim_retry_soon(struct swim *s, int64_t low_us, int64_t high_us);
void swim_stream_take(struct swim *s, const struct swim_input *in);
void swim_contacts_done(struct swim *s);

#endif
