/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* What the other member of its cluster says, and strangers with the join secret: see fuzz_node.c. */
#ifndef COVEY_TESTS_FUZZ_NODE_PEER_H
#define COVEY_TESTS_FUZZ_NODE_PEER_H

#include "node_run.h"

static void peer_says(struct run *r, const struct wire_peer_message *m) {
    struct buf out = {0};
    codec_encode(&wire_peer_message_type, m, &out);
    feed_settled(r, (struct node_input){
                        .kind = NODE_STREAM_MESSAGE, .stream = MEMBER_STREAM, .data = buf_bytes(&out)});
    buf_done(&out);
}

static void datagram(struct run *r) {
    struct identity peer = peer_identity(2);
    struct arena a = {0};
    struct buf plain = {0}, sealed = {0};
    uint8_t how = take(&r->script);
    struct envelope head = {.sender = peer.id, .receiver = node_self(r->node), .boot = 1u + (how & 3u) / 3u};
    head.sequence = ++r->sequence + (how >> 4);
    if (how >> 4 == 15) /* a copy of this host, with its key */
        head.sender = node_self(r->node);
    if (how & 4) {
        struct prng prng;
        struct wire_swim_packet packet;
        prng_init(&prng, take(&r->script));
        codec_random(&wire_swim_packet_type, &prng, &a, &packet, 30);
        for (size_t i = 0; i < packet.members_count; i++)
            if (how & 8)
                packet.members[i].id = i == 0 ? node_self(r->node) : peer.id;
        codec_encode(&wire_swim_packet_type, &packet, &plain);
    }
    struct bytes payload = how & 4 ? buf_bytes(&plain) : take_part(&r->script);
    if (envelope_seal(&r->gossip_keys, &r->cluster, &r->csprng, &head, payload, &sealed) == 0)
        feed_settled(r, (struct node_input){.kind = NODE_DATAGRAM,
                                            .addr = addr_number(how >> 4 == 15 && how & 1 ? 1 : 2),
                                            .data = buf_bytes(&sealed)});
    buf_done(&plain);
    buf_done(&sealed);
    arena_done(&a);
}

/* Ids that mean something here, where random ones never would. */
static void make_apt(struct run *r, struct wire_peer_message *m, uint8_t how) {
    struct identity peer = peer_identity(2);
    const struct wire_cluster_record *c = state_cluster(node_state(r->node));
    if (node_raft(r->node) == NULL)
        return;
    if (m->raft != NULL) {
        m->raft->from = (struct raft_id){.node = peer.id, .log = {{2}}};
        m->raft->to.node = node_self(r->node);
        const struct wire_node_record *self = state_node_find(node_state(r->node), node_self(r->node));
        if (self != NULL)
            m->raft->to.log = self->log;
        m->raft->generation = c != NULL ? c->generation : 1;
        m->raft->recovery = c != NULL ? c->recovery : (struct recovery_id){{0}};
        if (how & 1)
            m->raft->term = raft_term(node_raft(r->node)) + (how >> 1 & 1);
    }
    if (m->report != NULL && m->report->node != NULL)
        m->report->node->id = peer.id;
    for (size_t i = 0; m->report != NULL && i < m->report->facts_count && r->instances_count > 0; i++)
        m->report->facts[i].instance = r->instances[i % r->instances_count];
    for (size_t i = 0; m->sync != NULL && i < m->sync->members_count; i++)
        if (how & 4)
            m->sync->members[i].id = i == 0 ? node_self(r->node) : peer.id;
    if (m->remote_open != NULL && r->instances_count > 0)
        m->remote_open->instance = r->instances[0];
    uint64_t commit = raft_commit_index(node_raft(r->node));
    if (m->pull_request != NULL) {
        m->pull_request->next = 1 + m->pull_request->next % (commit + 2);
        m->pull_request->offset %= 4096;
        m->pull_request->snapshot_index %= commit + 1;
        if (how & 8)
            m->pull_request->voter = (struct log_id){{0}};
    }
    if (m->pull_response != NULL) {
        m->pull_response->asked_us = r->asked_us;
        m->pull_response->refused &= how & 1;
        m->pull_response->busy &= how & 2;
        m->pull_response->prev_index = commit;
        for (size_t i = 0; i < m->pull_response->entries_count && how & 4; i++)
            m->pull_response->entries[i].index = commit + 1 + i;
    }
    if (m->state_report != NULL)
        m->state_report->index = commit - m->state_report->index % (commit + 1);
    if (m->read_request != NULL)
        m->read_request->id %= 2;
}

static void stream_message(struct run *r, uint64_t stream) {
    struct arena a = {0};
    struct buf out = {0};
    uint8_t how = take(&r->script);
    struct bytes data;
    if (how & 128) {
        data = take_part(&r->script);
    } else {
        struct prng prng;
        struct wire_peer_message m;
        prng_init(&prng, take(&r->script) | (uint64_t)take(&r->script) << 8);
        codec_random(&wire_peer_message_type, &prng, &a, &m, 5 + how % 60);
        make_apt(r, &m, how);
        codec_encode(&wire_peer_message_type, &m, &out);
        data = buf_bytes(&out);
    }
    feed_settled(r, (struct node_input){.kind = NODE_STREAM_MESSAGE, .stream = stream, .data = data});
    buf_done(&out);
    arena_done(&a);
}

static void forward(struct run *r) {
    static const char *const methods[] = {"run", "stop", "var.put", "join", "leave", ""};
    struct buf record_bytes = {0}, var_bytes = {0};
    uint8_t how = take(&r->script);
    struct wire_forward_request request = {
        .id = how & 3, .method = bytes_str(methods[how % 6]), .params = take_part(&r->script)};
    if (how >= 240) { /* nobody's: the id is not that of the key, or the host is too old */
        struct identity i = peer_identity(4);
        struct wire_node_record record = peer_record(&i, 4);
        record.id.b[0] ^= how & 1;
        codec_encode(&wire_node_record_type, &record, &record_bytes);
        request.method = bytes_str("join");
        request.params = buf_bytes(&record_bytes);
    } else if (how >= 200) {
        uint8_t id = how & 12;
        struct wire_admin_var_put put = {.request = {{id}}, .var = {.key = bytes_str("k")}};
        codec_encode_named(&wire_admin_var_put_type, &put, &var_bytes);
        request.method = bytes_str("var.put");
        request.params = buf_bytes(&var_bytes);
    }
    for (unsigned times = how & 128 ? 2 : 1; times > 0; times--) /* as one that waits for long does */
        peer_says(r, &(struct wire_peer_message){.forward_request = &request});
    buf_done(&record_bytes);
    buf_done(&var_bytes);
}

static void stranger(struct run *r) {
    uint8_t how = take(&r->script);
    if (how & 1) {
        r->stranger += 2;
        struct identity i = peer_identity(3 + (how >> 1 & 1));
        struct wire_node_record record = peer_record(&i, 3);
        record.name = how & 4 ? bytes_str("two") : bytes_str("three");
        switch (how >> 4) { /* what it says of itself is not so */
        case 12: record.id.b[0] ^= 1; break;
        case 13: record.key = peer_identity(2).public_key; break;
        case 14: record.name = (struct bytes){0}; break;
        case 15: record.format = 1; break;
        default: break;
        }
        if ((how >> 4) == 13)
            record.id = peer_identity(2).id;
        join_ask(r, r->stranger + MEMBER_STREAM, &i, &record, (how >> 4) >= 10 ? (how >> 4) - 9 : 0);
    } else {
        stream_message(r, r->stranger + MEMBER_STREAM);
    }
}

#endif
