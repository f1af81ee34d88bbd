/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* What the files of gossip share. The essay is at the top of gossip.c. */
#ifndef COVEY_GOSSIP_INTERNAL_H
#define COVEY_GOSSIP_INTERNAL_H

#include <covey/codec.h>
#include <covey/crypto.h>
#include <covey/digest.h>
#include <covey/gossip.h>

/* One fact; key and value lie in the owner's bytes. */
struct fact {
    struct bytes key, value;
    uint64_t version;
    int64_t removed_us; /* 0: it is there */
};

/* (generation, version, root): of two, the later one is the greater. */
struct moment {
    uint32_t generation;
    uint64_t version;
    uint8_t root[GOSSIP_ROOT_SIZE];
};

struct owner {
    struct node_id id;
    struct public_key key;
    struct moment at; /* version 0: nothing is held */
    struct signature signature;
    struct fact *facts; /* by key; tombstones too */
    size_t facts_count;
    uint8_t *bytes;       /* one allocation */
    size_t size;          /* of the keys and values of those that are there */
    uint64_t whole_since; /* removals after this version are among the facts */
    uint64_t news_from;   /* what was held before: news is what changed since */
    int64_t changed_us;
    bool is_rumour;
    uint32_t sent;       /* times that the news was told */
    int64_t budget_us;   /* clock of its token bucket */
    int64_t asked_us;    /* when its facts were last asked for; 0: not since they came */
    int64_t said_us;     /* when a refusal was last told; 0: never */
    uint32_t gone_below; /* facts of generations below this one are not taken: those have left */
    uint64_t comparison; /* the last one that it was seen in */
};

/* A change of this node's own that is not signed yet. */
struct change {
    uint8_t *bytes;          /* owned: key, then value */
    struct bytes key, value; /* value empty: removed */
};

struct pending {
    struct gossip_effect effect;
    size_t packet_at; /* in out */
};

struct gossip {
    struct gossip_config config;
    struct prng prng;
    int64_t now_us;

    struct map owners; /* id -> struct owner */
    struct owner *self;
    struct digest digest; /* of what is held */
    VEC(struct owner *) rumours;

    VEC(struct change) changes;
    uint64_t version_floor; /* its first version is above this one */
    int64_t publish_us;     /* never while there are no changes */
    int64_t tidy_us;        /* the earliest tombstone's end, or never */

    int64_t sum_us, compared_us, serve_us;
    uint32_t held_back, differed; /* sums not told, not acted upon, for there was news to be told */
    uint64_t comparison;

    /* What the input being handled has come to: asked of its sender in one message. */
    VEC(struct wire_gossip_held) wanted;
    size_t taken; /* of it */

    struct gossip_counters counters;
    VEC(struct pending) pending;
    size_t pending_head;
    struct buf out;     /* bytes of the pending packets */
    struct buf scratch; /* one encoded message, for its size */
    struct arena arena; /* of the input being handled */
};

static inline bool gossip_is_held(const struct owner *o) { return o->at.version != 0; }

/* ---- owner.c: owners, their facts, and all of them in few bytes ---- */
struct owner *gossip_find(const struct gossip *g, struct node_id id);
struct owner *gossip_owner_new(struct gossip *g, struct node_id id);
void gossip_owner_free(struct owner *o);
int gossip_moment_compare(const struct moment *x, const struct moment *y);
/* The facts take the place of those held; the sums follow. Copies. */
void gossip_owner_put(struct gossip *g, struct owner *o, const struct moment *at,
                      const struct signature *signature, const struct fact *facts, size_t facts_count);
void gossip_owner_clear(struct gossip *g, struct owner *o);
const struct fact *gossip_owner_fact(const struct owner *o, struct bytes key);
/* Of the facts that are there, which are sorted by key. */
void gossip_root(const struct fact *facts, size_t facts_count, uint8_t out[GOSSIP_ROOT_SIZE]);
size_t gossip_size(const struct fact *facts, size_t facts_count, size_t *ret_count);
uint64_t gossip_print(const struct owner *o);
size_t gossip_bucket(struct node_id id);
void gossip_tidy(struct gossip *g); /* tombstones whose time is over */

/* ---- head.c: the owner's signature ---- */
void gossip_head_sign(const struct gossip *g, const struct moment *at, struct signature *ret);
bool gossip_head_verify(const struct gossip *g, const struct owner *o, const struct wire_gossip_head *head);

/* ---- own.c: what this node says itself ---- */
int gossip_own_set(struct gossip *g, struct bytes key, struct bytes value);
void gossip_own_run(struct gossip *g);
/* All of it again, later than (generation, version). */
void gossip_own_raise(struct gossip *g, uint32_t generation, uint64_t version);
void gossip_changes_drop(struct gossip *g);

/* ---- news.c: facts told and taken ---- */
/* What whoever holds `from` of this generation lacks, or everything. In the arena. */
void gossip_news_make(struct gossip *g, const struct owner *o, uint64_t from, struct wire_gossip_news *ret);
void gossip_news_take(struct gossip *g, const struct wire_gossip_news *news, struct node_id via);
/* The facts that come of those held and those told. In the arena. */
struct merged {
    struct fact *facts;
    size_t count;
    uint64_t whole_since;
};
/* Those told are sorted by key. whole: those held do not count. */
struct merged gossip_merge(struct gossip *g, const struct owner *o, const struct wire_gossip_fact *told,
                           size_t told_count, bool whole);
bool gossip_within_limits(const struct fact *facts, size_t facts_count);
/* Does the owner's bucket have room for a change of so many bytes? If so they are taken out. */
bool gossip_budget_take(struct gossip *g, int64_t *clock_us, size_t size, uint32_t rate, uint32_t burst);
void gossip_refuse(struct gossip *g, struct owner *o, struct node_id via, const char *text);
void gossip_want(struct gossip *g, struct owner *o, bool whole);

/* ---- packet.c: what goes with datagrams ---- */
void gossip_rumour(struct gossip *g, struct owner *o);
void gossip_rumour_drop(struct gossip *g, struct owner *o);
int gossip_packet_take(struct gossip *g, const struct gossip_input *in);

/* ---- sync.c: comparisons over streams ---- */
void gossip_compare(struct gossip *g, struct node_id to);
void gossip_sum_take(struct gossip *g, uint64_t sum, struct node_id from);
int gossip_sync_take(struct gossip *g, const struct gossip_input *in);
void gossip_wanted_send(struct gossip *g, struct node_id to);

/* ---- gossip.c ---- */
struct gossip_effect *gossip_effect_new(struct gossip *g, enum gossip_effect_kind kind);
void gossip_send(struct gossip *g, struct node_id to, const struct wire_gossip_sync *sync);

static inline void gossip_mark(struct gossip *g, enum mark mark) { mark_hit(g->config.marks, mark); }

#endif
