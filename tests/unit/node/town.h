/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * A few whole nodes on one clock: a wire that takes a millisecond and loses nothing but what a test takes
 * away, disks that obey, no shims. For promises between hosts that can be told as a short story; everything
 * that depends on chance and bad luck is the simulator's.
 */
#ifndef TESTS_UNIT_NODE_TOWN_H
#define TESTS_UNIT_NODE_TOWN_H

#include <criterion/criterion.h>

#include <covey/codec.h>
#include <covey/node.h>
#include <covey/raft.h>
#include <covey/state.h>

#include "disk.h"

#define TOWN_MAX 12

struct town_reply {
    uint64_t request;
    int error;
    struct buf text, data;
};
struct town_host {
    int64_t refuse_us; /* when nobody listens it says so after this time; 0: 1 s */
    unsigned resets;   /* so many dials end in the handshake first, as of a process that is just ending */
    struct node *node; /* NULL: no agent runs */
    char name[8];
    struct addr addr;
    uint8_t key;           /* whose identity it has; 0: its own */
    struct wire_pair zone; /* meta; value empty: none */
    struct disk_file files[DISK_FILES_MAX];
    size_t files_count;
    unsigned runs, restarts; /* restarts: that it asked for */
    unsigned starts;         /* of tasks, by all its runs */
    struct instance_id last_started;
    uint64_t stream_next;
    int64_t tick_us;         /* of the tick under way */
    unsigned ticks_at_once;  /* in a row, behind each of which the deadline lay in the past */
    int64_t disk_latency_us; /* of a sync */
    uint32_t format;         /* of log entries that it knows; 0: the newest */
    struct marks marks;      /* of all its runs */
    bool away;               /* cut off from everybody */
    VEC(struct town_reply) replies;
    struct buf changes; /* what var.watch told, a line each */
};
enum town_event_kind { TOWN_DATAGRAM, TOWN_OPEN, TOWN_MESSAGE, TOWN_CLOSE, TOWN_DISK, TOWN_TICK };
struct town_event {
    int64_t at_us;
    uint64_t seq;
    enum town_event_kind kind;
    size_t host;
    unsigned run;
    size_t link; /* OPEN, MESSAGE */
    uint64_t stream, ticket;
    int error;
    struct addr addr;
    struct buf data;
};
struct town_link {
    size_t host[2];
    unsigned run[2];
    uint64_t name[2];
    uint8_t key_id;
    bool open;
};
struct town {
    struct town_host hosts[TOWN_MAX];
    size_t count;
    int64_t now_us;
    uint64_t seq, request_next;
    VEC(struct town_event) events;
    VEC(struct town_link) links;
    struct buf token;
    struct arena arena;
    /* Of agents that start from here on; 0: the default. */
    uint32_t snapshot_entries, trailing_entries, pulls_max, chunk_size_bytes, copy_part_size;
    int64_t swim_period_us;
    /* Whether a message between members passes; NULL: all do. What it holds back it may send later. */
    bool (*passes)(struct town *t, size_t from, size_t to, struct bytes data);
    bool shut[TOWN_MAX][TOWN_MAX]; /* datagrams from the first to the second are lost; streams pass */
    size_t held_link;
    unsigned held_side;
    struct buf held;
};

/* The first host makes the cluster; the others join, one after another, and their votes settle. */
void town_init(struct town *t, size_t count, const char *const *zones);
/* The same without zones, and a while later; who leads. */
size_t town_calm(struct town *t, size_t count);
void town_done(struct town *t);
void town_run(struct town *t, int64_t us);
void town_add(struct town *t, const char *zone);
void town_kill(struct town *t, size_t host);                                 /* its agent */
void town_feed(struct town *t, size_t host, const struct node_input *input); /* and what comes of it */
void town_lose_disk(struct town *t, size_t host); /* and its agent: its next log is of a new life */
void town_start(struct town *t, size_t host);
void town_restart(struct town *t, size_t host); /* at once */
/* From here on each host's agent takes snapshots so often, and keeps so many entries behind them. */
void town_snapshots(struct town *t, uint32_t entries, uint32_t trailing);
void town_away(struct town *t, size_t host, bool away);

/* For passes(): what was said, in the town's arena; false: it cannot be read. */
bool town_message(struct town *t, struct bytes data, struct wire_peer_message *ret);
/* It comes, as if `from` had said it, over the stream between the two; false: there is none. */
bool town_deliver(struct town *t, size_t from, size_t to, struct bytes message);
bool town_say(struct town *t, size_t from, size_t to, const struct wire_peer_message *message);

size_t town_leader(const struct town *t); /* TOWN_MAX: none, or more than one */
/* Names of the voters in force as a host sees them: "h0 h1 h2", in order of name; in the arena. */
const char *town_voters(struct town *t, size_t host);
/* How many it remembers whose kind begins so. */
size_t town_events(const struct town *t, size_t host, const char *kind);
uint64_t town_call(struct town *t, size_t host, const char *method, const struct codec_type *type,
                   const void *params);
/* The same, and the answer after so long; NULL: there is none. */
const struct town_reply *town_ask(struct town *t, size_t host, const char *method,
                                  const struct codec_type *type, const void *params, int64_t us);
/* What was answered, and no error; in the arena. */
void town_read(struct town *t, const struct town_reply *reply, const struct codec_type *type, void *ret);
void town_credit(struct town *t, size_t host, uint64_t request, uint64_t bytes);
const struct town_reply *town_reply(const struct town *t, size_t host, uint64_t request);
/* Writes a variable (removes it: NULL) and waits for the answer. */
int town_put(struct town *t, size_t host, const char *key, const char *value);

#endif
