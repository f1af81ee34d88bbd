/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* The node that fuzz_node.c plays with, its disk, and the cluster of two that it leads. */
#ifndef COVEY_TESTS_FUZZ_NODE_RUN_H
#define COVEY_TESTS_FUZZ_NODE_RUN_H

#include <covey/codec.h>
#include <covey/node.h>
#include <covey/raft.h>
#include <covey/state.h>

#include "../unit/node/disk.h"
#include "script.h"

#define EFFECTS_MAX   100000
#define INSTANCES_MAX 16
#define META_COUNT    16 /* more than gossip tells */
#define MEMBER_STREAM 1  /* the peer's; the streams of strangers have odd numbers above */

static struct bytes take_part(struct script *s) {
    size_t size = take(s);
    return take_bytes(s, size == 255 ? 1000 : size);
}

/* ---- a disk that obeys --------------------------------------------------------------------------------- */

struct disk {
    struct disk_file files[DISK_FILES_MAX];
    size_t count;
    size_t last; /* after so many operations the power goes: nothing more comes onto it; 0: it stays */
    size_t done;
};

static bool disk_is_off(const struct disk *d) { return d->last != 0 && d->done > d->last; }

static void disk_do(struct disk *d, const struct disk_op *op) {
    d->done++;
    if (!disk_is_off(d))
        disk_obey(d->files, &d->count, op);
}

static void disk_copy(const struct disk *from, struct disk *to) {
    memset(to, 0, sizeof *to);
    for (size_t i = 0; i < from->count; i++) {
        struct disk_op op = {.kind = DISK_REPLACE, .data = from->files[i].data};
        memcpy(op.name, from->files[i].name, sizeof op.name);
        disk_obey(to->files, &to->count, &op);
    }
}

/* ---- the node ------------------------------------------------------------------------------------------ */

struct run {
    struct node *node;
    struct disk disk;
    struct script script;
    struct arena arena;
    struct csprng csprng;
    struct keyring gossip_keys;
    struct cluster_id cluster;
    int64_t now_us;
    uint64_t sequence;       /* of the peer's datagrams */
    uint64_t ticket;         /* newest that the node waits for */
    uint64_t lasting_ticket; /* of a `lasting` operation */
    uint64_t stranger;       /* newest stream of one */
    uint64_t dialled;        /* newest stream of the node's own, while nobody has answered */
    uint64_t answered;       /* newest one that somebody did */
    unsigned effects;
    bool may_end, slow_disk;
    struct bytes token; /* with which it joins; empty: it has a cluster, or makes one */
    uint64_t asked_us;  /* the newest pull */
    const struct wire_pair *meta;
    uint32_t format; /* 0: the newest */
    struct instance_id instances[INSTANCES_MAX];
    struct bytes tasks[INSTANCES_MAX];
    size_t instances_count;
};

static struct secret secret_number(uint8_t number) {
    struct secret s;
    memset(s.b, number, sizeof s.b);
    return s;
}

static struct identity peer_identity(uint8_t number) {
    struct identity i;
    struct secret seed = secret_number(number);
    identity_init(&i, &seed);
    return i;
}

static struct addr addr_number(uint8_t number) {
    return (struct addr){.size = 6, .b = {10, 0, 0, number, 7370 >> 8, 7370 & 255}};
}

static void started(struct run *r, const struct wire_shim_spec *spec) {
    size_t at = r->instances_count < INSTANCES_MAX ? r->instances_count++ : INSTANCES_MAX - 1;
    r->instances[at] = spec->instance;
    r->tasks[at] = arena_copy(&r->arena, spec->task);
}

/* It was asked to leave, or found in its log that it has left. */
static void ended(struct run *r) {
    const struct wire_node_record *self = state_node_find(node_state(r->node), node_self(r->node));
    assert(r->may_end || (self != NULL && self->status == NODE_STATUS_LEFT));
    r->may_end = true;
}

static void said(struct run *r, struct bytes data) {
    struct arena a = {0};
    struct wire_peer_message m;
    assert(data.size <= WIRE_MESSAGE_MAX);
    int error = codec_decode(&wire_peer_message_type, data, &a, &m, NULL);
    assert(error == 0);
    if (m.pull_request != NULL)
        r->asked_us = m.pull_request->asked_us;
    arena_done(&a);
}

static void effect(struct run *r, const struct node_effect *e) {
    r->effects++;
    assert(r->effects < EFFECTS_MAX);
    switch (e->kind) {
    case NODE_DISK:
        disk_do(&r->disk, &e->op);
        if (disk_is_off(&r->disk))
            break;
        if (e->op.lasting)
            r->lasting_ticket = e->op.ticket;
        else if (e->op.ticket > r->ticket)
            r->ticket = e->op.ticket;
        break;
    case NODE_EXIT: ended(r); break;
    case NODE_TASK_START: started(r, e->spec); break;
    case NODE_STREAM_CONNECT: r->dialled = e->stream; break;
    case NODE_SEND_DATAGRAM: assert(e->data.size <= WIRE_DATAGRAM_MAX); break;
    case NODE_STREAM_SEND: said(r, e->data); break;
    case NODE_STREAM_CLOSE:
    case NODE_TASK_COMMAND:
    case NODE_TASK_RELEASE:
    case NODE_TASK_REMOVE:
    case NODE_REPLY:
    case NODE_NOTIFY:
    case NODE_LOG_OPEN:
    case NODE_LOG_CREDIT:
    case NODE_LOG_CLOSE:
    case NODE_SAY:
    case NODE_RESTART:
    case NODE_DISK_LOOK:
    case NODE_READY: break;
    }
}

static void feed(struct run *r, struct node_input in) {
    struct node_effect e;
    in.wall_ms = r->now_us / US_PER_MS;
    node_feed(r->node, r->now_us, &in);
    while (node_drain(r->node, &e))
        effect(r, &e);
}

static void disk_settle(struct run *r) {
    while (r->ticket != 0 || r->lasting_ticket != 0) {
        uint64_t *first = r->ticket != 0 ? &r->ticket : &r->lasting_ticket, ticket = *first;
        *first = 0;
        feed(r, (struct node_input){.kind = NODE_DISK_DONE, .ticket = ticket});
    }
}

static void feed_settled(struct run *r, struct node_input in) {
    feed(r, in);
    if (!r->slow_disk)
        disk_settle(r);
}

static void pass(struct run *r, int64_t us) {
    int64_t end_us = r->now_us + us;
    while (node_deadline(r->node) <= end_us) {
        int64_t before_us = r->now_us;
        if (node_deadline(r->node) > r->now_us)
            r->now_us = node_deadline(r->node);
        feed_settled(r, (struct node_input){.kind = NODE_TICK});
        if (r->now_us == before_us && node_deadline(r->node) <= r->now_us)
            r->now_us += US_PER_MS; /* waits for the disk, say */
    }
    if (r->now_us < end_us)
        r->now_us = end_us;
}

static void node_make(struct run *r, uint8_t entropy, bool bootstrap) {
    char why[256];
    struct addr seed = addr_number(2);
    struct node_options o = {.identity_seed = secret_number(1),
                             .entropy = secret_number(entropy),
                             .name = bytes_str("one"),
                             .addr = addr_number(1),
                             .cpu_mhz = 4000,
                             .memory_mib = 4096,
                             .ports_low = 20000,
                             .ports_high = 20010,
                             .raw_exec = true,
                             .boot = {{1}},
                             .version = bytes_str("fuzz"),
                             .task_root = bytes_str("/tasks"),
                             .bootstrap = bootstrap,
                             .token = r->token,
                             .meta = r->meta,
                             .meta_count = r->meta != NULL ? META_COUNT : 0,
                             .format = r->format,
                             .seeds = &seed,
                             .seeds_count = r->token.size > 0,
                             .files = r->disk.files,
                             .files_count = r->disk.count,
                             .segment_size_bytes = 64 * 1024,
                             .snapshot_entries = 16};
    int error = node_new(&o, r->now_us, 1, &r->node, why, sizeof why);
    assert(error == 0);
    feed_settled(r, (struct node_input){.kind = NODE_SCAN_DONE});
    disk_settle(r);
}

/* ---- the cluster of two, made once --------------------------------------------------------------------- */

static struct disk initial;

static struct wire_node_record peer_record(const struct identity *i, uint8_t number) {
    return (struct wire_node_record){.id = i->id,
                                     .key = i->public_key,
                                     .name = bytes_str("two"),
                                     .addr = addr_number(number),
                                     .cpu_mhz = 1000,
                                     .memory_mib = 1000,
                                     .ports_low = 20000,
                                     .ports_high = 20010,
                                     .log = {{number}},
                                     .boot = {{number}},
                                     .generation = 1};
}

/* wrong: 0, or 1, 2: its signature is another's, or none. */
static void join_ask(struct run *r, uint64_t stream, const struct identity *i,
                     const struct wire_node_record *record, uint8_t wrong) {
    uint8_t hash[NOISE_HASH_SIZE] = {1};
    struct signature signature;
    struct buf out = {0};
    identity_sign(i, SIGN_JOIN, bytes_of(hash, sizeof hash), &signature);
    signature.b[0] ^= wrong == 1;
    struct wire_join_request request = {
        .node = *record, .signature = bytes_of(signature.b, wrong == 2 ? 0 : sizeof signature.b)};
    codec_encode(&wire_peer_message_type, &(struct wire_peer_message){.join_request = &request}, &out);
    feed_settled(r, (struct node_input){.kind = NODE_STREAM_OPENED,
                                        .stream = stream,
                                        .key = i->static_key,
                                        .hash = bytes_of(hash, sizeof hash),
                                        .addr = record->addr});
    feed_settled(r,
                 (struct node_input){.kind = NODE_STREAM_MESSAGE, .stream = stream, .data = buf_bytes(&out)});
    buf_done(&out);
}

static void cluster_make(void) {
    struct run r = {.now_us = 1000 * US_PER_S};
    struct identity peer = peer_identity(2);
    struct wire_node_record record = peer_record(&peer, 2);
    node_make(&r, 3, true);
    pass(&r, 10 * US_PER_S);
    assert(node_leads(r.node));
    join_ask(&r, MEMBER_STREAM, &peer, &record, 0);
    pass(&r, 2 * US_PER_S);
    assert(state_node_find(node_state(r.node), peer.id) != NULL);
    disk_copy(&r.disk, &initial);
    node_free(r.node);
    disk_clear(r.disk.files, &r.disk.count);
    arena_done(&r.arena);
}

static void cluster_open(struct run *r) {
    struct secret key;
    struct identity peer = peer_identity(2);
    disk_copy(&initial, &r->disk);
    node_make(r, 4, false);
    pass(r, 2 * US_PER_S);
    assert(node_leads(r->node));
    const struct wire_cluster_record *c = state_cluster(node_state(r->node));
    r->cluster = c->id;
    memcpy(key.b, c->gossip_keys[0].key.data, sizeof key.b);
    (void)keyring_add(&r->gossip_keys, (uint8_t)c->gossip_keys[0].key_id, &key);
    feed_settled(r, (struct node_input){.kind = NODE_STREAM_OPENED,
                                        .stream = MEMBER_STREAM,
                                        .key = peer.static_key,
                                        .key_id = (uint8_t)c->stream_keys[0].key_id,
                                        .addr = addr_number(2)});
}

#endif
