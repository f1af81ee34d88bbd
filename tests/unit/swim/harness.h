/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * A cluster of swim cores on a simulated network and clock, and one core alone under the microscope.
 *
 * The network has a latency, a loss (of datagrams; streams only care about cuts), and one-way cuts. A
 * node can be killed, started again, and paused (its inputs wait, its ticks do not happen). One seed
 * gives one history.
 */
#ifndef COVEY_TESTS_SWIM_HARNESS_H
#define COVEY_TESTS_SWIM_HARNESS_H

#include <criterion/criterion.h>

#include "covey/codec.h"
#include "covey/crypto.h"
#include "covey/swim.h"

#define SECOND US_PER_S
#define MS     US_PER_MS

/* ---- names --------------------------------------------------------------------------------------------- */

/* What a configuration does not say. */
void config_complete(struct swim_config *config);
/* Node i: an id that is not zero, an address 10.0.x.y:7370, a name n<i>. */
struct node_id node_id_of(size_t index);
struct addr addr_of(size_t index);
bool id_same(struct node_id x, struct node_id y);

/* ---- signatures ---------------------------------------------------------------------------------------- */

/* Key i, the same each time. */
struct identity identity_of(size_t index);
struct cluster_id cluster_of(uint8_t number);
/*
 * An alive record of whoever has the key, as proto/gossip.md says, in `room`, which has to live as long. The
 * address is that of node `at`.
 */
struct signed_record {
    struct wire_member record;
    struct signature signature, farewell;
    char name[16];
};
void record_sign(struct signed_record *room, const struct identity *key, struct cluster_id cluster, size_t at,
                 uint32_t generation, uint32_t version, uint32_t since);
/* It leaves in this incarnation. */
void record_leave(struct signed_record *room, const struct identity *key, struct cluster_id cluster);

/* ---- a cluster ----------------------------------------------------------------------------------------- */

struct happening {
    int64_t at_us;
    size_t node; /* where it was seen */
    enum swim_event_kind kind;
    size_t member, accuser; /* SIZE_MAX: none of ours */
    uint32_t generation;
    int64_t late_us;
};

struct node {
    struct swim *swim; /* NULL: not running */
    struct node_id id;
    struct identity identity; /* in a cluster that signs */
    uint32_t generation;      /* persisted: raised at each start */
    struct addr addr;
    char name[16];
    bool paused;
    int64_t deadline_us;
    uint64_t datagrams, datagram_bytes, syncs;
    size_t datagram_max_bytes;
    struct swim_config config;
};

struct letter {
    int64_t at_us;
    uint64_t order;
    size_t from, to;
    uint32_t generation;     /* of the sender, as the envelope tells */
    struct swim_input input; /* its packet is owned */
};

struct cluster {
    int64_t now_us;
    size_t nodes_count;
    struct node *nodes;
    bool *cut; /* [from * nodes_count + to] */
    uint32_t loss_millionths;
    int64_t latency_low_us, latency_high_us;
    bool paused_ever;
    int64_t grid_us; /* ticks happen on multiples of this only; 0: when they are due */
    struct prng prng;
    VEC(struct letter) letters; /* a heap */
    VEC(struct letter) held;    /* for paused ones */
    uint64_t order;
    size_t answering; /* an answer over a stream goes to where the message came from; SIZE_MAX */
    VEC(struct happening) happenings;
    uint32_t trace; /* checksum of all that was sent and seen */
    /* Looks at every datagram that is sent; may be NULL. */
    void (*tap)(struct cluster *c, size_t from, size_t to, const struct wire_swim_packet *packet);
    void *tap_data;
    struct swim_config config; /* what all nodes share */
    bool is_signed;            /* all sign, and packets of unknown runs go the way that node sends them */
};

/* Nobody runs yet. `config` may be NULL for the defaults. */
struct cluster *cluster_new(size_t nodes_count, uint64_t seed, const struct swim_config *config);
struct cluster *cluster_new_signed(size_t nodes_count, uint64_t seed, const struct swim_config *config);
void cluster_free(struct cluster *c);
void cluster_start(struct cluster *c, size_t index); /* generation + 1 */
void cluster_start_as(struct cluster *c, size_t index, uint32_t generation);
void cluster_kill(struct cluster *c, size_t index);
void cluster_pause(struct cluster *c, size_t index);
void cluster_resume(struct cluster *c, size_t index);
void cluster_cut(struct cluster *c, size_t from, size_t to, bool cut);
/* Nodes [0, border) and [border, end) hear nothing of each other. */
void cluster_split(struct cluster *c, size_t border, bool cut);
int cluster_feed(struct cluster *c, size_t index, enum swim_input_kind kind, size_t other);
void cluster_run(struct cluster *c, int64_t us);
/* All start, 1.. know node 0 as their seed; then it runs until everybody sees everybody. */
void cluster_join_all(struct cluster *c);
/* Runs until the condition holds; false after `us`. */
bool cluster_until(struct cluster *c, int64_t us, bool (*done)(struct cluster *));

/* Every running node sees every running one alive, and no other one alive or suspect. */
bool cluster_converged(struct cluster *c);
bool cluster_sees(struct cluster *c, size_t viewer, size_t member, enum member_state state);
/* All running nodes but the member itself see it so. */
bool cluster_all_see(struct cluster *c, size_t member, enum member_state state);
size_t cluster_count(const struct cluster *c, enum swim_event_kind kind, size_t node, size_t member,
                     int64_t since_us); /* SIZE_MAX: any */
const struct happening *cluster_first(const struct cluster *c, enum swim_event_kind kind, size_t member,
                                      int64_t since_us);

/* ---- one core ------------------------------------------------------------------------------------------ */

/* A core that is node 0 (or another one), with what it sent since the last call that cleared it. */
struct bench {
    struct swim *swim;
    size_t index;
    int64_t now_us;
    VEC(struct swim_effect) effects; /* packets owned */
    struct arena arena;
};

struct bench *bench_new(const struct swim_config *config);
struct bench *bench_new_as(size_t index, const struct swim_config *config);
void bench_free(struct bench *b);
int bench_feed(struct bench *b, const struct swim_input *input);
int bench_packet(struct bench *b, size_t from, struct wire_swim_packet *packet);
int bench_sync(struct bench *b, size_t from, bool reply, struct wire_member *members, size_t members_count);
int bench_record(struct bench *b, size_t from, struct wire_member record);
int bench_kind(struct bench *b, enum swim_input_kind kind, size_t other);
/* Ticks until then, at each deadline. */
void bench_run(struct bench *b, int64_t us);
void bench_clear(struct bench *b);
struct wire_member record_of(size_t index, enum member_state state, uint32_t generation, uint32_t version);
struct wire_member accusation_of(size_t index, enum member_state state, uint32_t generation, uint32_t version,
                                 size_t accuser);
/* The member is doubted, does not refute, and is called dead; all others are heard of meanwhile. */
void bench_declare_dead(struct bench *b, size_t member, uint32_t generation, uint32_t version);
struct swim_member bench_member(struct bench *b, size_t index);
size_t bench_events(const struct bench *b, enum swim_event_kind kind, size_t member);
/* The next datagram from `from` on, decoded into the bench's arena; its index in effects or SIZE_MAX. */
size_t bench_sent(struct bench *b, size_t from, struct wire_swim_packet *ret);
size_t bench_synced(struct bench *b, size_t from, struct wire_swim_sync *ret);
const struct wire_member *packet_record(const struct wire_swim_packet *packet, size_t member);

/* A core that has heard of so many others, alive, of generation 1. */
struct bench *bench_knowing(size_t others, const struct swim_config *config);
/* Pings the core as `from`, believing the right thing; the ack. */
struct wire_swim_packet bench_ping_as(struct bench *b, size_t from, struct wire_ping ping);
struct wire_ping ping_well(void);

#endif
