/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The facts of this host, told by gossip (covey/gossip.h), and those of the others, as reads show them: what
 * is in use, what the host is like, how its instances are and where they are reached. They need no leader: on
 * a side without quorum they go on where the log stands still.
 *
 *   host         capacity, what the instances ask for of it, how many run
 *   attributes   attributes and meta
 *   i00 .. i1f   its instances, each under the five highest bits of its id: so that the change of one is told
 *                by a part of them, however many there are
 *
 * Ends, first runs, refusals and ports go into the log as well (report.c): they are what is decided upon.
 */
#include "internal.h"

#include <stdlib.h>

#define SHARDS     32
#define REASON_MAX 120 /* bytes of a task's reason that are told: the host itself has all of it */

/* ---- driving it ---------------------------------------------------------------------------------------- */

static void facts_refused(struct node *n, const struct gossip_effect *e) {
    node_event(n, "facts.refused", e->owner, (struct instance_id){{0}}, "%s: of %.*s, told by %.*s", e->text,
               BYTES_FMT(node_name_of(n, e->owner)), BYTES_FMT(node_name_of(n, e->via)));
    node_say(n, NODE_WARNING,
             "facts were refused and not passed on: %s: of %.*s, told by %.*s; `covey counters` counts them",
             e->text, BYTES_FMT(node_name_of(n, e->owner)), BYTES_FMT(node_name_of(n, e->via)));
}

static void facts_send(struct node *n, const struct gossip_effect *e) {
    struct wire_gossip_sync sync;
    if (codec_decode(&wire_gossip_sync_type, e->packet, &n->scratch, &sync, NULL) == 0)
        node_peer_send(n, e->to, &(struct wire_peer_message){.gossip = &sync});
}

int node_facts_feed(struct node *n, const struct gossip_input *input) {
    if (n->gossip == NULL)
        return ERR_NOT_FOUND;
    int error = gossip_feed(n->gossip, n->now_us, input);
    struct gossip_effect e;
    while (gossip_drain(n->gossip, &e)) {
        if (e.kind == GOSSIP_SEND)
            facts_send(n, &e);
        else if (e.kind == GOSSIP_REFUSED)
            facts_refused(n, &e);
    }
    return error;
}

void node_facts_member(struct node *n, const struct wire_node_record *r) {
    (void)node_facts_feed(n, &(struct gossip_input){.kind = GOSSIP_MEMBER, .from = r->id, .key_of = r->key});
}

void node_facts_start(struct node *n) {
    struct gossip_config config = {
        .id = n->identity.id,
        .generation = n->generation,
        .seed = prng_next(&n->prng),
        .identity = &n->identity,
        .cluster = n->cluster.id,
        .marks = n->marks,
    };
    n->gossip = gossip_new(&config, n->now_us);
    for (size_t i = 0; i < state_nodes_count(n->state); i++)
        node_facts_member(n, state_node_at(n->state, i));
    for (size_t i = 0; i < n->table_count; i++)
        if (MAP_GET_ID(&n->trusted, n->table[i].id) != NULL)
            node_facts_member(n, &n->table[i]);
    n->own_dirty = true;
}

/* A packet of swim with a gossip_packet as its last field, if there is something to tell. */
struct bytes node_facts_add(struct node *n, struct node_id to, struct bytes packet) {
    const size_t head = 4, room = WIRE_DATAGRAM_MAX - ENVELOPE_OVERHEAD;
    struct gossip_owner known;
    /* Of swim here: a map of a few pairs, with FACTS_SHARE left behind it. */
    assert(packet.size + head < room && packet.data[0] >= 0x80 && packet.data[0] < 0x8f);
    if (!gossip_owner_find(n->gossip, to, &known))
        return packet;
    buf_clear(&n->added);
    gossip_fill(n->gossip, n->now_us, room - head - packet.size, &n->added);
    if (n->added.size == 0)
        return packet;
    buf_clear(&n->joined);
    buf_append(&n->joined, packet.data, packet.size);
    n->joined.data[0]++; /* a map of one pair more */
    codec_put_uint(&n->joined, 8);
    codec_put_bin(&n->joined, buf_bytes(&n->added));
    return buf_bytes(&n->joined);
}

/* The field `facts` of a swim_packet; empty: there is none. */
static struct bytes facts_field(struct bytes packet) {
    size_t pairs;
    uint64_t key;
    struct bytes value, facts;
    if (codec_get_map(&packet, &pairs) != 0)
        return (struct bytes){0};
    for (size_t i = 0; i < pairs; i++) {
        if (codec_get_uint(&packet, &key) != 0)
            break;
        if (key == 8 && codec_get_bin(&packet, &facts) == 0)
            return facts;
        if (codec_get_raw(&packet, &value) != 0)
            break;
    }
    return (struct bytes){0};
}

void node_facts_packet(struct node *n, struct node_id from, struct bytes packet) {
    struct bytes facts = facts_field(packet);
    if (facts.size > 0 && MAP_GET_ID(&n->trusted, from) != NULL)
        (void)node_facts_feed(n,
                              &(struct gossip_input){.kind = GOSSIP_PACKET, .from = from, .packet = facts});
}

void node_facts_sync(struct node *n, struct node_id from, const struct wire_gossip_sync *sync) {
    struct buf packet = {0};
    codec_encode(&wire_gossip_sync_type, sync, &packet);
    (void)node_facts_feed(
        n, &(struct gossip_input){.kind = GOSSIP_SYNC, .from = from, .packet = buf_bytes(&packet)});
    buf_done(&packet);
}

/* ---- what this host says ------------------------------------------------------------------------------- */

static void own_set(struct node *n, const char *key, const struct codec_type *type, const void *value) {
    struct buf out = {0};
    if (value != NULL)
        codec_encode(type, value, &out);
    (void)node_facts_feed(
        n, &(struct gossip_input){.kind = GOSSIP_SET, .key = bytes_str(key), .value = buf_bytes(&out)});
    buf_done(&out);
}

static enum health health_of(const struct local_instance *i) {
    bool all_run = i->tasks_count > 0;
    if (node_instance_over(i))
        return HEALTH_NONE;
    for (size_t t = 0; t < i->tasks_count; t++) {
        const struct wire_task_fact *f = &i->tasks[t].fact;
        if (f->failed || f->state == TASK_STATE_BACKOFF)
            return HEALTH_UNHEALTHY;
        all_run &= f->state == TASK_STATE_RUNNING;
    }
    return all_run ? HEALTH_HEALTHY : HEALTH_NONE;
}

static void instance_of(struct node *n, const struct local_instance *i, struct wire_facts_instance *ret) {
    *ret = (struct wire_facts_instance){.id = i->id,
                                        .job = i->job,
                                        .group = i->group,
                                        .slot = i->slot,
                                        .version = i->version,
                                        .state = i->state,
                                        .health = health_of(i),
                                        .ports = i->ports,
                                        .ports_count = i->ports_count,
                                        .changed_ms = i->changed_ms,
                                        .sequence = i->fact_sequence};
    ret->tasks = arena_alloc(&n->scratch, (i->tasks_count + 1) * sizeof *ret->tasks);
    for (size_t t = 0; t < i->tasks_count; t++) {
        struct wire_task_fact *f = &ret->tasks[ret->tasks_count++];
        *f = i->tasks[t].fact;
        while (f->reason.size > REASON_MAX ||
               (f->reason.size > 0 && f->reason.size < i->tasks[t].fact.reason.size &&
                (i->tasks[t].fact.reason.data[f->reason.size] & 0xc0) == 0x80))
            f->reason.size--; /* not within a character */
    }
}

static size_t shard_of(struct instance_id id) { return id.b[0] >> 3; }

static int by_id(const void *x, const void *y) {
    return ID_COMPARE(((const struct wire_facts_instance *)x)->id,
                      ((const struct wire_facts_instance *)y)->id);
}

/* Those of one shard, by id, while there is room; how many there was none for. */
static uint32_t shard_set(struct node *n, size_t shard, struct wire_facts_instance *all, size_t count) {
    char key[] = "i00";
    struct wire_facts_instances value = {.instances = all, .instances_count = count};
    struct buf size = {0};
    key[1] = (char)('0' + shard / 16);
    key[2] = "0123456789abcdef"[shard % 16];
    for (;; value.instances_count--) {
        buf_clear(&size);
        codec_encode(&wire_facts_instances_type, &value, &size);
        if (size.size <= WIRE_FACT_VALUE_MAX)
            break;
    }
    buf_done(&size);
    own_set(n, key, &wire_facts_instances_type, value.instances_count > 0 ? &value : NULL);
    return (uint32_t)(count - value.instances_count);
}

static void own_instances(struct node *n, struct wire_facts_host *host) {
    size_t count = 0;
    struct wire_facts_instance *all = arena_alloc(&n->scratch, (n->instances.count + 1) * sizeof *all);
    for (size_t k = 0; k < n->instances.count; k++) {
        const struct local_instance *i = n->instances.entries[k].value;
        if (i->released)
            continue; /* the log has its end */
        instance_of(n, i, &all[count++]);
        if (node_instance_over(i))
            continue;
        host->instances++;
        host->running += i->state == INSTANCE_STATE_RUNNING;
        host->cpu_used_mhz += i->cpu_mhz;
        host->memory_used_mib += i->memory_mib;
    }
    qsort(all, count, sizeof *all, by_id);
    for (size_t shard = 0, at = 0; shard < SHARDS; shard++) {
        size_t from = at;
        while (at < count && shard_of(all[at].id) == shard)
            at++;
        host->omitted += shard_set(n, shard, all + from, at - from);
    }
}

/* Attributes and meta, as many as fit one fact: the log has all of them. */
static void own_attributes(struct node *n) {
    struct wire_facts_attributes value = {.attributes = n->self.attributes, .meta = n->self.meta};
    struct buf size = {0};
    for (size_t k = 0; k < n->self.attributes_count + n->self.meta_count; k++) {
        bool is_meta = k >= n->self.attributes_count;
        is_meta ? value.meta_count++ : value.attributes_count++;
        buf_clear(&size);
        codec_encode(&wire_facts_attributes_type, &value, &size);
        if (size.size <= WIRE_FACT_VALUE_MAX)
            continue;
        is_meta ? value.meta_count-- : value.attributes_count--;
        break;
    }
    buf_done(&size);
    own_set(n, "attributes", &wire_facts_attributes_type, &value);
}

void node_facts_tick(struct node *n) {
    if (n->gossip == NULL)
        return;
    if (n->own_dirty && n->scan_done) {
        struct wire_facts_host host = {.cpu_mhz = n->self.cpu_mhz, .memory_mib = n->self.memory_mib};
        n->own_dirty = false;
        own_attributes(n);
        own_instances(n, &host);
        own_set(n, "host", &wire_facts_host_type, &host);
    }
    if (gossip_deadline(n->gossip) <= n->now_us)
        (void)node_facts_feed(n, &(struct gossip_input){.kind = GOSSIP_TICK});
}

int64_t node_facts_deadline(const struct node *n) {
    return n->gossip != NULL ? gossip_deadline(n->gossip) : TIME_NEVER_US;
}

/* ---- what the others say ------------------------------------------------------------------------------- */

static bool fact_read(struct node *n, struct node_id owner, const char *key, const struct codec_type *type,
                      void *ret) {
    struct gossip_fact f;
    return n->gossip != NULL && gossip_fact_find(n->gossip, owner, bytes_str(key), &f) &&
           codec_decode(type, f.value, &n->scratch, ret, NULL) == 0;
}

struct wire_facts_host *node_facts_host(struct node *n, struct node_id id) {
    struct wire_facts_host host, *ret;
    if (!fact_read(n, id, "host", &wire_facts_host_type, &host))
        return NULL;
    ret = arena_alloc(&n->scratch, sizeof *ret);
    *ret = host;
    return ret;
}

struct wire_facts_instance *node_facts_instance(struct node *n, struct node_id owner, struct instance_id id) {
    char key[] = "i00";
    struct wire_facts_instances list;
    key[1] = (char)('0' + shard_of(id) / 16);
    key[2] = "0123456789abcdef"[shard_of(id) % 16];
    if (!fact_read(n, owner, key, &wire_facts_instances_type, &list))
        return NULL;
    for (size_t i = 0; i < list.instances_count; i++)
        if (ID_EQUAL(list.instances[i].id, id))
            return &list.instances[i];
    return NULL;
}

const struct gossip *node_facts(const struct node *n) { return n->gossip; }
