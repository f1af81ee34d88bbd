/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Facts by gossip. What any host holds of another is, whole, what that one said at that version: the contents
 * are compared with a sum made here, not with the root that the core goes by. Within a run of its agent a
 * host never goes back to an older word of the same generation, nor to an older generation, unless it was
 * told that the owner has left or was taken out. In the end all that are connected hold the newest word of
 * each other, and what it says of the instances is so.
 */
#include <stdio.h>

#include <covey/gossip.h>

#include "truth.h"

struct word {
    uint32_t generation;
    uint64_t version;
    uint32_t crc; /* of all keys, values and versions */
};
struct held {
    uint32_t generation;
    uint64_t version;
};
struct gossip_facts {
    VEC(struct word) said[HOSTS_MAX];
    struct held held[HOSTS_MAX][HOSTS_MAX]; /* by, of */
    uint32_t run[HOSTS_MAX];
    uint64_t seen[HOSTS_MAX]; /* how much its core had taken and said */
};
extern const struct checker check_gossip_facts;

static uint32_t crc_of(const struct gossip *g, struct node_id owner) {
    uint32_t crc = 0;
    struct gossip_fact f;
    for (size_t i = 0; gossip_fact_at(g, owner, i, &f); i++) {
        if (f.removed)
            continue;
        crc = crc32c(crc, f.key.data, f.key.size);
        crc = crc32c(crc, &f.version, sizeof f.version);
        crc = crc32c(crc, f.value.data, f.value.size);
    }
    return crc;
}

static bool was_said(const struct gossip_facts *all, uint32_t of, const struct gossip_owner *o,
                     uint32_t crc) {
    for (size_t i = all->said[of].count; i > 0; i--) {
        const struct word *x = &all->said[of].data[i - 1];
        if (x->generation == o->generation && x->version == o->version && x->crc == crc)
            return true;
    }
    return false;
}

/*
 * The host's own: from here on it has said so. A disk that is lost or restored begins its generations anew,
 * and another word may come under a number that was used.
 */
static void see_own(struct gossip_facts *all, const struct sim_host *h, const struct gossip *g) {
    struct gossip_owner o;
    if (!gossip_owner_find(g, node_self(h->node), &o) || o.version == 0)
        return;
    struct word word = {.generation = o.generation, .version = o.version, .crc = crc_of(g, o.id)};
    if (!was_said(all, h->index, &o, word.crc))
        VEC_PUSH(&all->said[h->index], word);
}

static void see_other(struct gossip_facts *all, struct world *w, const struct sim_host *h,
                      const struct gossip *g, uint32_t of, const struct gossip_owner *o) {
    struct held *held = &all->held[h->index][of];
    if (held->generation == o->generation && held->version == o->version)
        return;
    bool is_older = o->version != 0 && (o->generation < held->generation ||
                                        (o->generation == held->generation && o->version < held->version));
    if (is_older)
        check_fail(w, &check_gossip_facts, (int)h->index,
                   "h%u goes back from (%u, %llu) to (%u, %llu) of the facts of h%u", h->index,
                   held->generation, (unsigned long long)held->version, o->generation,
                   (unsigned long long)o->version, of);
    else if (o->version != 0 && !was_said(all, of, o, crc_of(g, o->id)))
        check_fail(w, &check_gossip_facts, (int)h->index,
                   "h%u holds facts of h%u, as of (%u, %llu), that h%u did not say", h->index, of,
                   o->generation, (unsigned long long)o->version, of);
    *held = (struct held){o->generation, o->version};
}

static void facts_see(void *self, struct world *w, const struct sight *s) {
    struct gossip_facts *all = self;
    const struct sim_host *h = s->host;
    const struct gossip *g = node_facts(h->node);
    if (g == NULL)
        return;
    if (all->run[h->index] != h->run) {
        memset(all->held[h->index], 0, sizeof all->held[h->index]);
        all->run[h->index] = h->run;
        all->seen[h->index] = 0;
    }
    const struct gossip_counters *c = gossip_counters(g);
    uint64_t seen =
        1 + c->taken + c->published + w->marks.hits[MARK_GOSSIP_FORGOTTEN] + w->marks.hits[MARK_SWIM_LEFT];
    if (seen == all->seen[h->index])
        return;
    all->seen[h->index] = seen;
    see_own(all, h, g);
    for (uint32_t of = 0; of < w->hosts_count && !w->failed; of++) {
        struct gossip_owner o;
        const struct truth_host *known = &truth_of(w)->hosts[of];
        if (of == h->index || !known->known)
            continue;
        if (gossip_owner_find(g, known->id, &o))
            see_other(all, w, h, g, of, &o);
        else
            all->held[h->index][of] = (struct held){0}; /* taken out */
    }
}

/* ---- in the end ---------------------------------------------------------------------------------------- */

struct told {
    const struct gossip *g;
    struct node_id owner;
    char *text;
    size_t size;
    uint32_t by;
    bool is_so;
};

/* What runs by the log on a healed host is said to run by that host. */
static void see_instance(void *arg, const struct wire_instance_record *r) {
    struct told *t = arg;
    struct gossip_fact f;
    struct wire_facts_instances list;
    struct arena a = {0};
    char key[] = "i00";
    bool found = false;
    if (!t->is_so || r->state != INSTANCE_STATE_RUNNING || r->desired != DESIRED_STATE_RUN)
        return;
    snprintf(key, sizeof key, "i%02x", (unsigned)r->id.b[0] >> 3);
    if (gossip_fact_find(t->g, t->owner, bytes_str(key), &f) &&
        codec_decode(&wire_facts_instances_type, f.value, &a, &list, NULL) == 0)
        for (size_t i = 0; i < list.instances_count; i++)
            found |= ID_EQUAL(list.instances[i].id, r->id) &&
                     list.instances[i].state == INSTANCE_STATE_RUNNING &&
                     list.instances[i].ports_count == r->ports_count;
    arena_done(&a);
    if (found)
        return;
    t->is_so = false;
    snprintf(t->text, t->size, "h%u is not told by gossip that %.*s.%.*s[%u] runs", t->by, BYTES_FMT(r->job),
             BYTES_FMT(r->group), r->slot);
}

static bool pair_settled(struct world *w, uint32_t by, uint32_t of, char *text, size_t size) {
    const struct gossip *g = node_facts(w->hosts[by].node), *own = node_facts(w->hosts[of].node);
    struct gossip_owner held, said;
    struct node_id id = node_self(w->hosts[of].node);
    bool found =
        g != NULL && own != NULL && gossip_owner_find(g, id, &held) && gossip_owner_find(own, id, &said);
    if (!found || said.version == 0 || held.version != said.version || held.generation != said.generation) {
        snprintf(text, size, "h%u does not hold the newest facts of h%u", by, of);
        return false;
    }
    struct told told = {.g = g, .owner = id, .text = text, .size = size, .by = by, .is_so = true};
    state_instances_of_node(truth_state(w), id, see_instance, &told);
    return told.is_so;
}

static bool facts_settled(void *self, struct world *w, char *text, size_t size) {
    (void)self;
    for (uint32_t by = 0; by < w->hosts_count; by++)
        for (uint32_t of = 0; of < w->hosts_count; of++)
            if (truth_in_core(w, by) && truth_in_core(w, of) && w->hosts[by].node != NULL &&
                w->hosts[of].node != NULL && !pair_settled(w, by, of, text, size))
                return false;
    return true;
}

static void facts_done(void *self) {
    struct gossip_facts *all = self;
    for (size_t i = 0; i < HOSTS_MAX; i++)
        VEC_DONE(&all->said[i]);
}

const struct checker check_gossip_facts = {
    .name = "gossip-facts",
    .promise = "facts are as their owner said them, never older ones after newer, and all that are connected "
               "agree in the end (Scuttlebutt, LADIS 2008)",
    .size = sizeof(struct gossip_facts),
    .sees = SEES(SIGHT_STEP),
    .see = facts_see,
    .settled = facts_settled,
    .done = facts_done,
};
