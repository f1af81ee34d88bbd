/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* swim, driven; its packets sealed and opened. */
#include "internal.h"

void node_gossip_start(struct node *n) {
    if (n->boot_ticket != 0)
        return;
    uint64_t seed = prng_next(&n->prng);
    struct swim_config config = {
        .id = n->identity.id,
        .name = n->self.name,
        .addr = n->self.addr,
        .generation = n->generation,
        .seed = seed,
        .packet_size_max = WIRE_DATAGRAM_MAX - ENVELOPE_OVERHEAD - FACTS_SHARE,
        .identity = &n->identity,
        .cluster = n->cluster.id,
        .period_us = n->swim_period_us,
        .marks = n->marks,
    };
    n->swim = swim_new(&config, n->now_us);
    node_facts_start(n);
    for (size_t i = 0; i < n->seeds.count; i++)
        node_gossip_feed(n, &(struct swim_input){.kind = SWIM_SEED, .addr = n->seeds.data[i]});
    for (size_t i = 0; i < state_nodes_count(n->state); i++) {
        const struct wire_node_record *r = state_node_at(n->state, i);
        if (ID_EQUAL(r->id, n->identity.id))
            continue;
        node_gossip_feed(n, &(struct swim_input){.kind = SWIM_CONTACT, .from = r->id, .addr = r->addr});
    }
    node_emit(n, NODE_READY);
}

bool node_member(const struct node *n, struct node_id id, struct swim_member *ret) {
    return n->swim != NULL && swim_member_find(n->swim, id, ret);
}

bool node_suspects(const struct node *n, struct node_id id) {
    struct swim_member m;
    return node_member(n, id, &m) && m.state == MEMBER_STATE_SUSPECT;
}

bool node_alive(const struct node *n, struct node_id id) {
    struct swim_member m;
    if (ID_EQUAL(id, n->identity.id))
        return true;
    if (!node_member(n, id, &m))
        return false;
    return m.state == MEMBER_STATE_ALIVE || m.state == MEMBER_STATE_SUSPECT;
}

struct bytes node_name_of(const struct node *n, struct node_id id) {
    const struct wire_node_record *r = state_node_find(n->state, id);
    if (r != NULL)
        return r->name;
    if (ID_EQUAL(id, n->identity.id))
        return n->self.name;
    struct swim_member m;
    if (node_member(n, id, &m))
        return m.name;
    return bytes_str("-");
}

static void gossip_send(struct node *n, const struct swim_effect *e) {
    struct envelope head = {.sender = n->identity.id,
                            .receiver = e->to,
                            .boot = n->generation,
                            .sequence = ++n->datagram_sequence};
    buf_clear(&n->sealed);
    struct bytes packet = ID_IS_ZERO(e->to) ? e->packet : node_facts_add(n, e->to, e->packet);
    if (envelope_seal(&n->gossip_keys, &n->cluster.id, &n->csprng, &head, packet, &n->sealed) != 0)
        return;
    struct bytes data = node_effect_copy(n, buf_bytes(&n->sealed));
    struct node_effect *out = node_emit(n, NODE_SEND_DATAGRAM);
    out->addr = e->addr;
    out->data = data;
}

/* A swim_sync over a stream; to an address whose owner is unknown, over a stream dialled for it (peers.c). */
static void gossip_sync(struct node *n, const struct swim_effect *e) {
    if (ID_IS_ZERO(e->to)) {
        (void)node_dial(n, e->to, &e->addr, n->stream_keys.primary_id);
        return;
    }
    struct wire_swim_sync sync;
    if (codec_decode(&wire_swim_sync_type, e->packet, &n->scratch, &sync, NULL) != 0)
        return;
    node_peer_send(n, e->to, &(struct wire_peer_message){.sync = &sync});
}

static void leader_died(struct node *n, struct node_id id) {
    struct raft_input in = {.kind = RAFT_LEADER_DEAD, .peer = {.node = id}};
    (void)node_log_feed(n, &in);
}

/* Two hosts with one key: whatever is done to one happens to the other, and neither works. */
static void gossip_duplicate(struct node *n, const struct addr *other) {
    char addr[ADDR_TEXT_SIZE];
    addr_text(other, addr);
    node_event(n, "self.duplicate", n->identity.id, (struct instance_id){{0}},
               "another host, at %s, has the key of this one", addr);
    node_say(
        n, NODE_ERROR,
        "another host, at %s, has the key of this one (a cloned disk?): stop one of them, remove its data "
        "directory and let it join anew",
        addr);
}

static void gossip_died(struct node *n, const struct swim_effect *e, struct bytes name) {
    struct instance_id none = {{0}};
    int64_t away_us = node_away_left_us(n, e->member);
    if (away_us > 0) {
        node_event(n, "member.away", e->member, none,
                   "%.*s is out of sight, as announced, for %lld s more at most", BYTES_FMT(name),
                   (long long)((away_us + US_PER_S - 1) / US_PER_S));
        node_say(n, NODE_INFO, "%.*s is away, as announced", BYTES_FMT(name));
    } else {
        node_event(n, "member.died", e->member, none, "%.*s is held dead, accused by %.*s", BYTES_FMT(name),
                   BYTES_FMT(node_name_of(n, e->accuser)));
        node_say(n, NODE_WARNING, "%.*s is held dead", BYTES_FMT(name));
    }
    node_event_accuser(n, e->accuser);
    leader_died(n, e->member);
}

static void gossip_event(struct node *n, const struct swim_effect *e) {
    struct instance_id none = {{0}};
    struct bytes name = node_name_of(n, e->member);
    switch (e->event) {
    case SWIM_JOINED:
        node_event(n, "member.joined", e->member, none, "%.*s is alive", BYTES_FMT(name));
        (void)node_facts_feed(
            n,
            &(struct gossip_input){.kind = GOSSIP_RETURNED, .from = e->member, .generation = e->generation});
        break;
    case SWIM_SUSPECTED:
        node_event(n, "member.suspected", e->member, none, "%.*s is suspected by %.*s", BYTES_FMT(name),
                   BYTES_FMT(node_name_of(n, e->accuser)));
        node_event_accuser(n, e->accuser);
        break;
    case SWIM_REFUTED:
        node_event(n, "member.refuted", e->member, none, "%.*s is alive after all: %.*s had suspected it",
                   BYTES_FMT(name), BYTES_FMT(node_name_of(n, e->accuser)));
        node_event_accuser(n, e->accuser);
        break;
    case SWIM_DIED: gossip_died(n, e, name); break;
    case SWIM_LEFT:
        node_event(n, "member.left", e->member, none, "%.*s has left", BYTES_FMT(name));
        (void)node_facts_feed(
            n, &(struct gossip_input){.kind = GOSSIP_LEFT, .from = e->member, .generation = e->generation});
        break;
    case SWIM_CHANGED:
        node_event(n, "member.changed", e->member, none, "%.*s has a new name or address", BYTES_FMT(name));
        break;
    case SWIM_SELF_REFUTED:
        node_event(n, "self.refuted", e->member, none,
                   "this host was suspected, as %.*s told it; it answered",
                   BYTES_FMT(node_name_of(n, e->accuser)));
        node_event_accuser(n, e->accuser);
        break;
    case SWIM_STALLED:
        node_event(n, "self.stalled", n->identity.id, none, "this node was late by %lld ms",
                   (long long)(e->late_us / 1000));
        break;
    case SWIM_GENERATION:
        n->generation = n->self.generation = e->generation;
        struct wire_journal_boot boot = {.generation = e->generation, .boot = n->self.boot};
        (void)node_journal_write(n, &(struct wire_journal_record){.boot = &boot}, 1);
        n->self_dirty = n->facts_dirty = true;
        (void)node_facts_feed(n,
                              &(struct gossip_input){.kind = GOSSIP_GENERATION, .generation = e->generation});
        node_say(n, NODE_WARNING,
                 "others remember a later run of this host (a restored disk?): it goes on as generation %u",
                 e->generation);
        break;
    case SWIM_FORGOTTEN:
        if (!bytes_is(name, "-")) /* else the log has told that it was taken out */
            node_event(n, "member.forgotten", e->member, none, "%.*s is not remembered any longer",
                       BYTES_FMT(name));
        break;
    case SWIM_DUPLICATE: gossip_duplicate(n, &e->addr); break;
    }
    n->plan_dirty = true;
    n->leader_tick_us = n->now_us;
}

int node_gossip_feed(struct node *n, const struct swim_input *input) {
    if (n->swim == NULL)
        return ERR_NOT_FOUND;
    int error = swim_feed(n->swim, n->now_us, input);
    struct swim_effect e;
    while (swim_drain(n->swim, &e)) {
        if (e.kind == SWIM_SEND)
            gossip_send(n, &e);
        else if (e.kind == SWIM_SYNC_SEND)
            gossip_sync(n, &e);
        else
            gossip_event(n, &e);
    }
    return error;
}

#define CHALLENGE_US (5 * US_PER_S) /* for the answer by gossip, before a stream is dialled */
#define DUPLICATE_US (60 * US_PER_S)

/* Gossip asks it who it is; if that does not help, a stream does, where its key proves it. */
static void stranger_dial(struct node *n, struct peer *p, const struct addr *addr) {
    struct swim_member m;
    int64_t waited_us = n->now_us - p->sync_asked_us;
    if (p->sync_asked_us != 0 && waited_us < CHALLENGE_US)
        return;
    bool again = p->sync_asked_us != 0 && waited_us < 2 * CHALLENGE_US;
    p->sync_asked_us = n->now_us;
    if (again)
        node_peer_sync(n, p->id, swim_member_find(n->swim, p->id, &m) ? &m.addr : addr);
}

/* Is this packet of the run that swim knows of its sender, or does it prove another one? And is it no replay?
 */
static bool packet_is_fresh(struct node *n, const struct envelope *head, const struct swim_input *in) {
    struct peer *p = node_peer(n, head->sender, true);
    struct swim_member m;
    if (!swim_member_find(n->swim, head->sender, &m) || m.generation != head->boot) {
        struct swim_input stranger = *in;
        stranger.kind = SWIM_INTRODUCTION;
        stranger.generation = head->boot;
        int error = node_gossip_feed(n, &stranger);
        if (error == ERR_NOT_FOUND) {
            node_mark(n, MARK_NODE_CHALLENGED);
            stranger_dial(n, p, &in->addr);
        }
        if (error != 0)
            return false;
    }
    bool known = p->window.known && p->window.boot == head->boot;
    if ((known ? replay_check_and_set : replay_learn)(&p->window, head->boot, head->sequence) == 0)
        return true;
    node_mark(n, MARK_NODE_REPLAY_DROPPED);
    return false;
}

static void own_packet(struct node *n, const struct addr *addr) {
    if (!node_said(n, &n->twin_said_us, DUPLICATE_US))
        gossip_duplicate(n, addr);
}

void node_gossip_datagram(struct node *n, const struct node_input *in) {
    struct envelope head;
    struct swim_input packet = {.kind = SWIM_PACKET, .addr = in->addr};
    if (n->swim == NULL)
        return;
    int error = envelope_open(&n->gossip_keys, &n->cluster.id, &n->identity.id, in->data, &n->plain, &head,
                              &packet.packet);
    if (error == ERR_CONFLICT && !addr_equal(&in->addr, &n->self.addr))
        own_packet(n, &in->addr);
    if (error != 0)
        return;
    packet.from = head.sender;
    if (!packet_is_fresh(n, &head, &packet))
        return;
    (void)node_gossip_feed(n, &packet);
    node_facts_packet(n, head.sender, packet.packet);
    if (node_is_leader(n))
        node_leader_heard(n, head.sender);
}
