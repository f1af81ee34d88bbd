/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* How this host sees the members: the answer to `nodes`, and to another member that asks. */
#include "internal.h"

static uint64_t age_ms(const struct node *n, int64_t at_us) {
    return at_us != 0 && at_us < n->now_us ? (uint64_t)(n->now_us - at_us) / US_PER_MS : 0;
}

static void count_live(void *arg, const struct wire_instance_record *r) {
    *(uint32_t *)arg += state_instance_live(r);
}

static void member_fill(struct node *n, const struct swim_member *m, struct wire_admin_node *o) {
    bool is_blamed = m->state == MEMBER_STATE_SUSPECT || m->state == MEMBER_STATE_DEAD;
    o->state = m->state;
    o->generation = m->generation;
    o->version = m->version;
    o->rtt_us = (uint64_t)m->rtt_us;
    o->never = m->last_ack_us == 0;
    o->heard_ms = age_ms(n, m->last_ack_us);
    o->since_ms = age_ms(n, m->changed_us);
    o->indirect_ms = age_ms(n, m->indirect_us);
    if (is_blamed && !ID_IS_ZERO(m->accuser))
        o->accuser = node_name_of(n, m->accuser);
}

void node_view_fill(struct node *n, const struct wire_node_record *record, struct wire_admin_node *o) {
    struct swim_member m;
    *o = (struct wire_admin_node){
        .record = *record, .state = MEMBER_STATE_DEAD, .generation = record->generation, .never = true};
    o->self = ID_EQUAL(record->id, n->identity.id);
    o->voter = raft_is_voter(n->raft, &(struct raft_id){.node = record->id, .log = record->log});
    if (node_member(n, record->id, &m))
        member_fill(n, &m, o);
    if (o->self) {
        o->heard_ms = o->since_ms = o->indirect_ms = 0;
        o->never = false;
    }
    state_instances_of_node(n->state, record->id, count_live, &o->instances);
    o->usage = node_facts_host(n, record->id);
    o->drained = record->drain && record->status != NODE_STATUS_LEFT && o->instances == 0 && !o->voter;
    /* What is left of an absence, rather than what it was when it was written down. */
    o->record.away_ms = (uint64_t)(node_away_left_us(n, record->id) / US_PER_MS);
}

/* ---- how this host sees the others, exceptions only ---- */

static bool is_exception(const struct swim_member *m) {
    return m->state != MEMBER_STATE_ALIVE || m->indirect_us != 0;
}

static void entry_fill(const struct node *n, struct node_id id, const struct swim_member *m,
                       struct wire_view_entry *e) {
    *e = (struct wire_view_entry){.id = id, .unknown = m == NULL, .never = true};
    if (m == NULL)
        return;
    e->state = m->state;
    e->since_ms = age_ms(n, m->changed_us);
    e->indirect_ms = age_ms(n, m->indirect_us);
    if (m->indirect_us != 0 && e->indirect_ms == 0)
        e->indirect_ms = 1;
    e->heard_ms = age_ms(n, m->last_packet_us);
    e->never = m->last_packet_us == 0;
    if (m->state == MEMBER_STATE_SUSPECT || m->state == MEMBER_STATE_DEAD)
        e->accuser = m->accuser;
}

/* In the scratch arena. */
void node_view_own(struct node *n, struct wire_view_response *ret) {
    size_t count = state_nodes_count(n->state);
    *ret = (struct wire_view_response){.members = (uint32_t)count};
    ret->entries = arena_alloc(&n->scratch, WIRE_SIGHTS_MAX * sizeof *ret->entries);
    if (n->swim == NULL)
        return;
    ret->health = swim_health(n->swim);
    for (size_t i = 0; i < count; i++) {
        struct node_id id = state_node_at(n->state, i)->id;
        struct swim_member m;
        bool known = swim_member_find(n->swim, id, &m);
        ret->alive += known && (m.state == MEMBER_STATE_ALIVE || m.state == MEMBER_STATE_SUSPECT);
        if (ID_EQUAL(id, n->identity.id) || (known && !is_exception(&m)))
            continue;
        if (ret->entries_count < WIRE_SIGHTS_MAX)
            entry_fill(n, id, known ? &m : NULL, &ret->entries[ret->entries_count++]);
        else
            ret->more++;
    }
}

void node_view_request(struct node *n, struct node_id from, const struct wire_view_request *q) {
    struct wire_view_response r;
    node_view_own(n, &r);
    r.id = q->id;
    node_peer_send(n, from, &(struct wire_peer_message){.view_response = &r});
}
