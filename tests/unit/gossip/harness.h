/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Some gossip cores on one clock. Datagrams go where a test sends them; what goes over streams arrives at
 * once and in order, unless the test holds streams back.
 */
#ifndef TESTS_UNIT_GOSSIP_HARNESS_H
#define TESTS_UNIT_GOSSIP_HARNESS_H

#include <criterion/criterion.h>

#include <covey/codec.h>
#include <covey/crypto.h>
#include <covey/gossip.h>

#define HOSTS_MAX 16

struct stream_packet {
    size_t from, to;
    struct buf data;
};
struct room {
    struct gossip *hosts[HOSTS_MAX];
    struct identity identity[HOSTS_MAX];
    uint32_t generation[HOSTS_MAX];
    size_t count;
    int64_t now_us;
    struct prng prng;
    bool holds_streams; /* they stay in the queue */
    VEC(struct stream_packet) streams;
    uint64_t stream_bytes, datagram_bytes;
    unsigned refused[HOSTS_MAX]; /* GOSSIP_REFUSED told by each */
    char refusal[128];           /* the last one */
    struct marks marks;
};

void room_init(struct room *r, size_t count);
/* And all of them know of the first that its `host` is "here". */
void room_knowing(struct room *r, size_t count);
void room_done(struct room *r);
void room_start(struct room *r, size_t host); /* anew: the next generation, nothing known */
int room_feed(struct room *r, size_t host, const struct gossip_input *in);
void room_set(struct room *r, size_t host, const char *key, const char *value); /* NULL removes */
void room_set_size(struct room *r, size_t host, const char *key, size_t size, uint8_t byte);
void room_tick(struct room *r, int64_t us);
/* One datagram with so much room; lost: it does not arrive. Its gossip's bytes. */
size_t room_datagram(struct room *r, size_t from, size_t to, size_t room, bool lost);
/* Each sends one datagram to a random other one every 400 ms. */
void room_talk(struct room *r, int64_t us, bool lost);
void room_streams(struct room *r);
void room_compare(struct room *r, size_t from, size_t to);
/* "" when there is no such fact. */
const char *room_get(struct room *r, size_t host, size_t owner, const char *key);
/* What a host has of an owner that it knows. */
struct gossip_owner room_owner(const struct room *r, size_t host, size_t owner);
/* A host hears of the other one, in its first run, that it left, is back, or is no member. */
void room_hear(struct room *r, size_t host, enum gossip_input_kind kind, size_t of);
bool room_agrees(struct room *r);
struct node_id room_id(const struct room *r, size_t host);

/* A word of `owner` with its own, good signature, whatever is in it. The facts have rising keys. */
void room_say(struct room *r, size_t owner, uint32_t generation, uint64_t version, uint64_t from,
              const struct wire_gossip_fact *facts, size_t count, size_t to, size_t via);

#endif
