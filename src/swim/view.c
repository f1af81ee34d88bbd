/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* What can be asked of a core between its inputs. */

#include "internal.h"

static void member_show(const struct member *m, struct swim_member *ret) {
    const struct accusation *a = swim_accusation(m);
    *ret = (struct swim_member){
        .id = swim_id(m),
        .name = swim_card_name(m->card),
        .addr = m->card->addr,
        .state = (enum member_state)m->state,
        .generation = m->incarnation.generation,
        .version = m->incarnation.version,
        .changed_us = m->changed_us,
    };
    if (a)
        ret->accuser = a->accuser;
    if (!m->dealings)
        return;
    ret->last_ack_us = m->dealings->last_ack_us;
    ret->last_packet_us = m->dealings->last_packet_us;
    ret->rtt_us = m->dealings->rtt.us;
    ret->indirect_us = m->dealings->indirect_us;
}

size_t swim_members_count(const struct swim *s) { return s->order.count; }

bool swim_member_at(const struct swim *s, size_t index, struct swim_member *ret) {
    if (index >= s->order.count)
        return false;
    member_show(swim_at(s, index), ret);
    return true;
}

bool swim_member_find(const struct swim *s, struct node_id id, struct swim_member *ret) {
    const struct member *m = swim_find(s, id);
    if (m)
        member_show(m, ret);
    return m != NULL;
}

size_t swim_alive_count(const struct swim *s) { return s->probe_ring.count + !s->leaving; }

uint32_t swim_health(const struct swim *s) { return s->health; }

bool swim_leave_done(const struct swim *s) { return s->leave_done; }

const struct swim_counters *swim_counters(const struct swim *s) { return &s->counters; }

size_t swim_export(const struct swim *s, struct wire_member *out, size_t out_max) {
    size_t count = s->order.count < out_max ? s->order.count : out_max;
    for (size_t i = 0; i < count; i++)
        out[i] = swim_record(swim_at(s, i), true);
    return count;
}

size_t swim_exceptions(const struct swim *s, struct swim_member *out, size_t out_max) {
    size_t count = 0;
    for (size_t i = 1; i < s->order.count; i++) {
        const struct member *m = swim_at(s, i);
        if (swim_is_gone(m->state) || !m->dealings || m->dealings->indirect_us == 0)
            continue;
        if (count < out_max)
            member_show(m, &out[count]);
        count++;
    }
    return count;
}

size_t swim_memory(const struct swim *s) {
    size_t bytes = sizeof *s + s->chunks.count * CHUNK_MEMBERS * sizeof(struct member) +
                   s->chunks.capacity * sizeof(struct member *) + s->order.capacity * sizeof(uint32_t) +
                   s->places_count * sizeof(uint32_t) +
                   (s->probe_ring.capacity + s->retry_ring.capacity) * sizeof(uint32_t) +
                   s->heap_capacity * sizeof(struct member *) + s->rumours_count * sizeof(struct rumour) +
                   s->contacts_count * (sizeof(struct contact) + sizeof(struct map_entry)) +
                   s->contacts.capacity * sizeof(struct contact *) +
                   s->relays.capacity * sizeof(struct relay) + s->looks.capacity * sizeof(struct look) +
                   s->pending.capacity * sizeof(struct pending) + s->out.capacity + s->scratch.capacity;
    for (size_t i = 0; i < s->order.count; i++) {
        const struct accusation *a = swim_accusation(swim_at(s, i));
        bytes += swim_at(s, i)->dealings ? sizeof(struct dealings) : 0;
        bytes += a ? sizeof *a : 0;
        bytes += a && a->suspicion ? sizeof *a->suspicion + (a->suspicion->k + 1) * sizeof a->accuser : 0;
    }
    return bytes;
}
