/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * A member whose agent is out of order, or in the wrong hands: it has the keys, so what it says is decrypted
 * and comes as a member's. Beside what its core says, it says things once more, later, to others, cut, grown
 * or with bytes changed so that nobody can read them. All promises hold all the same, but for what it does to
 * itself: its streams are closed again and again.
 *
 * With the parameter `lies` it says in place of its messages well formed ones with other numbers, ids and
 * contents. Raft and SWIM promise nothing with such a member (they are no Byzantine protocols), and the world
 * stops judging at its first lie (world.lied), but for one thing: the others' agents go on, and answer.
 */
#include "hostile.h"

#include "swarm.h"

#define KEPT_MAX 12 /* messages that it may say again */

struct kept {
    struct buf data;
};
struct hostile {
    uint32_t host, millionths;
    bool active;
    struct kept messages[KEPT_MAX], packets[KEPT_MAX];
    size_t messages_at, packets_at; /* both grow */
};

static uint64_t below(struct world *w, uint64_t bound) { return prng_below(&w->hostile_prng, bound); }
static bool chance(struct world *w, uint32_t millionths) { return prng_chance(&w->hostile_prng, millionths); }

static void keep(struct kept *ring, size_t *at, struct bytes data) {
    struct kept *k = &ring[(*at)++ % KEPT_MAX];
    buf_clear(&k->data);
    buf_append(&k->data, data.data, data.size);
}

static struct bytes any_kept(struct world *w, const struct kept *ring, size_t count) {
    return buf_bytes(&ring[below(w, count < KEPT_MAX ? count : KEPT_MAX)].data);
}

/* ---- so that nobody can read it ------------------------------------------------------------------------ */

static bool is_read(const struct codec_type *type, struct bytes data) {
    struct arena a = {0};
    bool is = codec_decode(type, data, &a, arena_alloc(&a, type->size), NULL) == 0;
    arena_done(&a);
    return is;
}

static void damage_once(struct world *w, struct buf *out) {
    switch (below(w, 5)) {
    case 0: out->size = (size_t)below(w, out->size + 1); break;
    case 1: {
        uint8_t tail[4];
        prng_fill(&w->hostile_prng, tail, sizeof tail);
        buf_append(out, tail, 1 + (size_t)below(w, sizeof tail));
        break;
    }
    case 2: /* noise */ prng_fill(&w->hostile_prng, out->data, out->size); break;
    default:
        for (uint64_t i = 1 + below(w, 4); i > 0 && out->size > 0; i--) {
            size_t at = (size_t)below(w, out->size); /* one draw a statement */
            out->data[at] ^= (uint8_t)(1u << below(w, 8));
        }
        break;
    }
}

/* false: it can still be read. */
static bool damage(struct world *w, const struct codec_type *type, struct bytes data, struct buf *out) {
    for (unsigned i = 0; i < 8; i++) {
        buf_clear(out);
        buf_append(out, data.data, data.size);
        damage_once(w, out);
        if (!is_read(type, buf_bytes(out)))
            return true;
    }
    return false;
}

/* ---- lies ---------------------------------------------------------------------------------------------- */

/* A field of the message, all alike whatever is around them. */
struct leaf {
    const struct codec_field *field;
    void *at;    /* the value */
    void *owner; /* the struct that holds the list or the pointer */
    bool whole;  /* all of a list, or an optional message */
};
struct leaves {
    VEC(struct leaf) list;
};

static void collect(struct leaves *l, const struct codec_type *t, void *obj);

static void collect_value(struct leaves *l, const struct codec_field *f, void *value, void *owner) {
    struct leaf leaf = {.field = f, .at = value, .owner = owner};
    if (f->kind == CODEC_MESSAGE)
        collect(l, f->sub, value);
    else
        VEC_PUSH(&l->list, leaf);
}

static void collect(struct leaves *l, const struct codec_type *t, void *obj) {
    for (size_t i = 0; i < t->fields_count; i++) {
        const struct codec_field *f = &t->fields[i];
        uint8_t *at = (uint8_t *)obj + f->offset;
        bool pointed = (f->flags & (CODEC_LIST | CODEC_OPTIONAL)) != 0;
        void *items = NULL;
        size_t count = 1;
        if (!pointed) {
            collect_value(l, f, at, obj);
            continue;
        }
        memcpy(&items, at, sizeof items);
        if ((f->flags & CODEC_LIST) != 0)
            memcpy(&count, (uint8_t *)obj + f->count_offset, sizeof count);
        if (items == NULL || count == 0)
            continue;
        struct leaf whole = {.field = f, .at = at, .owner = obj, .whole = true};
        VEC_PUSH(&l->list, whole);
        for (size_t k = 0; k < count; k++)
            collect_value(l, f, (uint8_t *)items + k * f->size, obj);
    }
}

static uint64_t other_number(struct world *w, uint64_t number) {
    switch (below(w, 7)) {
    case 0: return 0;
    case 1: return UINT64_MAX;
    case 2: return number + 1 + below(w, 3);
    case 3: return number - 1 - below(w, 3);
    case 4: return number + below(w, 1000);
    case 5: return UINT64_C(1) << below(w, 64);
    default: return below(w, 100);
    }
}

static void lie_whole(struct world *w, const struct leaf *leaf) {
    const struct codec_field *f = leaf->field;
    size_t count;
    if ((f->flags & CODEC_LIST) == 0) {
        if ((f->flags & CODEC_REQUIRED) == 0)
            memset(leaf->at, 0, sizeof(void *));
        return;
    }
    memcpy(&count, (uint8_t *)leaf->owner + f->count_offset, sizeof count);
    count = count > 0 ? (size_t)below(w, count) : 0;
    memcpy((uint8_t *)leaf->owner + f->count_offset, &count, sizeof count);
}

static void lie(struct world *w, const struct leaf *leaf) {
    const struct codec_field *f = leaf->field;
    uint64_t number = 0;
    struct bytes text;
    if (leaf->whole) {
        lie_whole(w, leaf);
        return;
    }
    switch (f->kind) {
    case CODEC_BOOL: *(bool *)leaf->at = !*(bool *)leaf->at; break;
    case CODEC_U8:
    case CODEC_U16:
    case CODEC_U32:
    case CODEC_U64:
    case CODEC_I32:
    case CODEC_I64: /* little-endian or not: a number of that size */
        memcpy(&number, leaf->at, f->size);
        number = other_number(w, number);
        memcpy(leaf->at, &number, f->size);
        break;
    case CODEC_STR:
    case CODEC_BYTES:
        memcpy(&text, leaf->at, sizeof text);
        text.size = (size_t)below(w, text.size + 1);
        memcpy(leaf->at, &text, sizeof text);
        break;
    case CODEC_ID:
        if (chance(w, 500000))
            memset(leaf->at, 0, f->size);
        else
            prng_fill(&w->hostile_prng, leaf->at, f->size);
        break;
    case CODEC_ENUM: {
        int32_t value = f->table->values[below(w, f->table->values_count)].number;
        memcpy(leaf->at, &value, sizeof value);
        break;
    }
    case CODEC_ADDR: prng_fill(&w->hostile_prng, ((struct addr *)leaf->at)->b, 6); break;
    case CODEC_MESSAGE: break;
    }
}

/* Of one kind: what decides whether it is looked at is as it should be, the rest as the codec draws it. */
static void invent_raft(struct world *w, const struct raft *r, struct arena *a, struct wire_raft_message *m) {
    static const struct {
        const struct codec_type *type;
        size_t offset;
    } kinds[] = {
        {&wire_vote_request_type, offsetof(struct wire_raft_message, vote_request)},
        {&wire_vote_response_type, offsetof(struct wire_raft_message, vote_response)},
        {&wire_append_request_type, offsetof(struct wire_raft_message, append_request)},
        {&wire_append_response_type, offsetof(struct wire_raft_message, append_response)},
        {&wire_snapshot_chunk_type, offsetof(struct wire_raft_message, snapshot_chunk)},
        {&wire_snapshot_response_type, offsetof(struct wire_raft_message, snapshot_response)},
    };
    size_t kind = below(w, sizeof kinds / sizeof kinds[0]);
    void *what = arena_alloc(a, kinds[kind].type->size);
    memset(m, 0, sizeof *m);
    codec_random(kinds[kind].type, &w->hostile_prng, a, what, 20 + (unsigned)below(w, 80));
    memcpy((uint8_t *)m + kinds[kind].offset, &what, sizeof what);
    m->timeout_now = chance(w, 50000);
    uint64_t last = raft_last_index(r);
    if (m->append_request != NULL && chance(w, 800000)) { /* fits the log of somebody up to date */
        m->append_request->prev_index = last - below(w, last < 5 ? last + 1 : 5);
        m->append_request->prev_term = raft_term(r) - below(w, 2);
        for (size_t i = 0; i < m->append_request->entries_count && chance(w, 900000); i++) {
            m->append_request->entries[i].index = m->append_request->prev_index + 1 + i;
            m->append_request->entries[i].term = raft_term(r);
        }
    }
    if (m->append_response != NULL && chance(w, 500000))
        m->append_response->match_index = last + below(w, 3);
    if (m->snapshot_chunk != NULL && chance(w, 800000)) {
        m->snapshot_chunk->index = last + below(w, 20);
        m->snapshot_chunk->term = raft_term(r);
        m->snapshot_chunk->total_size = 1 + below(w, 2000);
        m->snapshot_chunk->offset = chance(w, 500000) ? 0 : below(w, 2000);
    }
}

/* One message of another kind, random as the codec draws it, with the ids that make it be looked at. */
static void invent(struct world *w, const struct sim_host *from, uint32_t to, struct arena *a,
                   struct wire_peer_message *m) {
    const struct raft *r = node_raft(from->node);
    if (r != NULL && chance(w, 500000)) {
        memset(m, 0, sizeof *m);
        m->raft = arena_alloc(a, sizeof *m->raft);
        invent_raft(w, r, a, m->raft);
    } else
        codec_random(&wire_peer_message_type, &w->hostile_prng, a, m, 10 + (unsigned)below(w, 60));
    if (m->raft == NULL)
        return;
    m->raft->from = from->raft_id;
    m->raft->to = w->hosts[to].raft_id;
    if (r != NULL && chance(w, 800000))
        m->raft->term = raft_term(r) + below(w, 2);
    m->raft->generation = 0;
    memset(&m->raft->recovery, 0, sizeof m->raft->recovery);
}

static bool lie_stream(struct world *w, const struct sim_host *from, uint32_t to, struct bytes data,
                       struct buf *out) {
    struct arena a = {0};
    struct wire_peer_message m;
    struct leaves leaves = {0};
    bool done = codec_decode(&wire_peer_message_type, data, &a, &m, NULL) == 0;
    if (done && chance(w, 500000))
        invent(w, from, to, &a, &m);
    else if (done) {
        collect(&leaves, &wire_peer_message_type, &m);
        for (uint64_t i = 1 + below(w, 3); i > 0 && leaves.list.count > 0; i--)
            lie(w, &leaves.list.data[below(w, leaves.list.count)]);
    }
    if (done) {
        buf_clear(out);
        codec_encode(&wire_peer_message_type, &m, out);
    }
    VEC_DONE(&leaves.list);
    arena_done(&a);
    return done;
}

static bool lie_packet(struct world *w, const struct sim_host *from, struct bytes data, struct buf *out) {
    const struct state *s = from->node != NULL ? node_state(from->node) : NULL;
    const struct wire_cluster_record *cluster = s != NULL ? state_cluster(s) : NULL;
    struct keyring keys = {0};
    struct envelope head;
    struct csprng rng;
    struct secret key;
    struct buf plain = {0};
    struct bytes payload;
    bool done = false;
    if (cluster == NULL || cluster->gossip_keys_count == 0 ||
        cluster->gossip_keys[0].key.size != sizeof key.b)
        return false;
    memcpy(key.b, cluster->gossip_keys[0].key.data, sizeof key.b);
    (void)keyring_add(&keys, (uint8_t)cluster->gossip_keys[0].key_id, &key);
    (void)keyring_use(&keys, (uint8_t)cluster->gossip_keys[0].key_id);
    for (uint32_t i = 0; i < w->hosts_count && !done; i++) {
        struct node_id own = w->hosts[i].raft_id.node;
        done = envelope_open(&keys, &cluster->id, &own, data, &plain, &head, &payload) == 0;
    }
    if (done) {
        struct arena a = {0};
        struct wire_swim_packet packet;
        struct leaves leaves = {0};
        struct buf said = {0};
        if (chance(w, 700000) && codec_decode(&wire_swim_packet_type, payload, &a, &packet, NULL) == 0) {
            collect(&leaves, &wire_swim_packet_type, &packet);
            for (uint64_t i = 1 + below(w, 3); i > 0 && leaves.list.count > 0; i--)
                lie(w, &leaves.list.data[below(w, leaves.list.count)]);
            codec_encode(&wire_swim_packet_type, &packet, &said);
        } else
            (void)damage(w, &wire_swim_packet_type, payload, &said);
        prng_fill(&w->hostile_prng, key.b, sizeof key.b);
        csprng_init(&rng, &key);
        buf_clear(out);
        done = envelope_seal(&keys, &cluster->id, &rng, &head, buf_bytes(&said), out) == 0;
        csprng_done(&rng);
        VEC_DONE(&leaves.list);
        buf_done(&said);
        arena_done(&a);
    }
    keyring_done(&keys);
    buf_done(&plain);
    return done;
}

/* ---- what it says -------------------------------------------------------------------------------------- */

static bool acts(struct world *w, const struct sim_host *from) {
    return w->hostile != NULL && w->hostile->active && w->hostile->host == from->index &&
           chance(w, w->hostile->millionths);
}

/* What says something of now may not be said later, a wish to leave is one, too; output comes as it is told.
 */
static bool may_be_kept(struct bytes data) {
    struct arena a = {0};
    struct wire_peer_message m;
    bool may = codec_decode(&wire_peer_message_type, data, &a, &m, NULL) == 0 && m.leave == NULL &&
               m.pull_response == NULL && m.join_request == NULL && m.join_response == NULL &&
               m.remote_open == NULL && m.remote_data == NULL && m.remote_credit == NULL;
    arena_done(&a);
    return may;
}

bool hostile_follows(struct world *w, const struct sim_host *from, uint32_t to, struct bytes data,
                     struct buf *out) {
    struct hostile *h = w->hostile;
    if (h == NULL || !h->active || h->host != from->index)
        return false;
    if (may_be_kept(data))
        keep(h->messages, &h->messages_at, data);
    if (!acts(w, from) || h->messages_at == 0)
        return false;
    if (w->swarm->lies != 0) {
        w->lied = true;
        return lie_stream(w, from, to, data, out);
    }
    if (chance(w, 300000))
        return damage(w, &wire_peer_message_type, data, out);
    struct bytes again = any_kept(w, h->messages, h->messages_at); /* of another stream as well */
    buf_clear(out);
    buf_append(out, again.data, again.size);
    return true;
}

bool hostile_packet(struct world *w, const struct sim_host *from, struct bytes data, struct addr *to,
                    struct buf *out) {
    struct hostile *h = w->hostile;
    if (h == NULL || !h->active || h->host != from->index)
        return false;
    keep(h->packets, &h->packets_at, data);
    if (!acts(w, from))
        return false;
    if (w->swarm->lies != 0) {
        w->lied = true;
        return lie_packet(w, from, data, out);
    }
    struct bytes again = any_kept(w, h->packets, h->packets_at);
    buf_clear(out);
    buf_append(out, again.data, again.size);
    if (chance(w, 300000))
        damage_once(w, out);
    if (chance(w, 300000))
        *to = w->hosts[below(w, w->hosts_count)].addr;
    return true;
}

/* ---- beginning and end --------------------------------------------------------------------------------- */

void hostile_begin(struct world *w, uint32_t host, uint32_t millionths) {
    if (w->hostile == NULL)
        w->hostile = mem_alloc(sizeof *w->hostile);
    if (w->hostile->host != host)
        hostile_agent_gone(w, w->hostile->host);
    w->hostile->host = host;
    w->hostile->millionths = millionths;
    w->hostile->active = true;
}

void hostile_end(struct world *w, uint32_t host) {
    if (w->hostile != NULL && w->hostile->host == host)
        w->hostile->active = false;
}

/* What it said in another run it has forgotten. */
void hostile_agent_gone(struct world *w, uint32_t host) {
    if (w->hostile == NULL || w->hostile->host != host)
        return;
    w->hostile->messages_at = w->hostile->packets_at = 0;
}

void hostile_done(struct world *w) {
    for (size_t i = 0; w->hostile != NULL && i < KEPT_MAX; i++) {
        buf_done(&w->hostile->messages[i].data);
        buf_done(&w->hostile->packets[i].data);
    }
    mem_free(w->hostile);
    w->hostile = NULL;
}
