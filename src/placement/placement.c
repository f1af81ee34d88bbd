/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Where the next instance goes. One pass over all nodes a pick: each is either ruled out by the first cause
 * that fits (in the order an operator would check them) or scored. Integers only.
 *
 *   score: fewest instances of the same group on the node (spread)
 *          then the larger share left of the scarcer of cpu and memory, in 1/1024 (even load)
 *          then rendezvous hashing of (job, group, slot, node) (Thaler and Ravishankar, 1998): ties spread,
 * and stay put
 */
#include <covey/codec.h>
#include <covey/placement.h>

enum cause {
    FITS,
    UNREACHABLE,
    NOT_READY,
    DRAINING,
    AWAY,
    NO_RAW_EXEC,
    NO_CPU,
    NO_MEMORY,
    STATIC_PORT,
    NO_PORTS,
    CAUSES
};

struct room {
    const struct wire_node_record *record;
    bool usable;
    uint64_t cpu_mhz, memory_mib; /* taken */
    uint64_t ports;               /* dynamic ones taken */
    VEC(uint32_t) statics;        /* static ports taken */
    uint32_t same;                /* instances of the group of the pick under way */
};
struct held {
    const struct wire_instance_record *instance;
    struct room *room;
};
struct placement {
    const struct state *state;
    struct room *rooms;
    size_t rooms_count;
    VEC(struct held) held; /* live instances */
    /* Counts of one group by node, kept from pick to pick of the same group. */
    struct bytes job, group;
    bool counted;
    struct marks *marks;
};

static struct room *room_find(struct placement *p, struct node_id id) {
    size_t low = 0, high = p->rooms_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (ID_COMPARE(p->rooms[middle].record->id, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < p->rooms_count && ID_EQUAL(p->rooms[low].record->id, id) ? &p->rooms[low] : NULL;
}

static void take(struct room *r, const struct wire_group *group) {
    for (size_t t = 0; t < group->tasks_count; t++) {
        r->cpu_mhz += group->tasks[t].cpu_mhz;
        r->memory_mib += group->tasks[t].memory_mib;
    }
    for (size_t i = 0; i < group->ports_count; i++) {
        if (group->ports[i].static_ != 0)
            VEC_PUSH(&r->statics, group->ports[i].static_);
        else
            r->ports++;
    }
}

static const struct wire_group *group_of(const struct state *s, const struct wire_instance_record *r) {
    const struct wire_job_record *job = state_job_version(s, r->job, r->version);
    return job != NULL ? state_group_find(job, r->group) : NULL;
}

static void hold(void *arg, const struct wire_instance_record *instance) {
    struct placement *p = arg;
    struct held h = {.instance = instance, .room = room_find(p, instance->node)};
    const struct wire_group *group = group_of(p->state, instance);
    if (!state_instance_live(instance) || h.room == NULL || group == NULL)
        return;
    take(h.room, group);
    VEC_PUSH(&p->held, h);
}

struct placement *placement_new(const struct state *s, placement_usable *usable, void *arg) {
    struct placement *p = mem_alloc(sizeof *p);
    p->state = s;
    p->rooms_count = state_nodes_count(s);
    p->rooms = mem_alloc((p->rooms_count + 1) * sizeof *p->rooms);
    for (size_t i = 0; i < p->rooms_count; i++) {
        p->rooms[i].record = state_node_at(s, i);
        p->rooms[i].usable = usable(arg, p->rooms[i].record);
    }
    state_instances_each(s, hold, p);
    return p;
}

void placement_marks(struct placement *p, struct marks *marks) { p->marks = marks; }

void placement_free(struct placement *p) {
    if (p == NULL)
        return;
    for (size_t i = 0; i < p->rooms_count; i++)
        VEC_DONE(&p->rooms[i].statics);
    mem_free(p->rooms);
    VEC_DONE(&p->held);
    mem_free(p);
}

static bool counts_are_of(const struct placement *p, struct bytes job, struct bytes group) {
    return p->counted && bytes_equal(p->job, job) && bytes_equal(p->group, group);
}

/* ---- ruling out ---- */

static enum cause judge(const struct room *r, const struct wire_group *group, uint64_t cpu, uint64_t memory,
                        uint64_t dynamic) {
    const struct wire_node_record *n = r->record;
    if (state_node_is_away(n))
        return AWAY;
    if (n->status == NODE_STATUS_UNREACHABLE || !r->usable)
        return UNREACHABLE;
    if (n->status != NODE_STATUS_READY)
        return NOT_READY;
    if (n->drain)
        return DRAINING;
    for (size_t t = 0; t < group->tasks_count; t++)
        if (group->tasks[t].driver == DRIVER_KIND_RAW_EXEC && !n->raw_exec)
            return NO_RAW_EXEC;
    if (n->cpu_mhz != 0 && r->cpu_mhz + cpu > n->cpu_mhz)
        return NO_CPU;
    if (n->memory_mib != 0 && r->memory_mib + memory > n->memory_mib)
        return NO_MEMORY;
    for (size_t i = 0; i < group->ports_count; i++)
        for (size_t k = 0; k < r->statics.count; k++)
            if (group->ports[i].static_ != 0 && r->statics.data[k] == group->ports[i].static_)
                return STATIC_PORT;
    uint64_t range = n->ports_high != 0 ? (uint64_t)n->ports_high - n->ports_low + 1 : 0;
    if (dynamic > 0 && r->ports + dynamic > range)
        return NO_PORTS;
    return FITS;
}

static void explain(const size_t counts[CAUSES], size_t total, uint64_t cpu, uint64_t memory,
                    struct buf *out) {
    if (total == 0) {
        buf_printf(out, "the cluster has no nodes");
        return;
    }
    buf_printf(out, "no node fits:");
    const char *comma = "";
    for (int c = UNREACHABLE; c < CAUSES; c++) {
        size_t n = counts[c];
        if (n == 0)
            continue;
        buf_printf(out, "%s %zu %s", comma, n,
                   c == UNREACHABLE   ? (n == 1 ? "is unreachable" : "are unreachable")
                   : c == NOT_READY   ? (n == 1 ? "is not ready" : "are not ready")
                   : c == DRAINING    ? (n == 1 ? "is drained" : "are drained")
                   : c == AWAY        ? (n == 1 ? "is away as announced" : "are away as announced")
                   : c == NO_RAW_EXEC ? (n == 1 ? "does not allow raw_exec" : "do not allow raw_exec")
                   : c == STATIC_PORT ? (n == 1 ? "has a static port taken" : "have a static port taken")
                   : c == NO_PORTS    ? (n == 1 ? "lacks free dynamic ports" : "lack free dynamic ports")
                   : n == 1           ? "lacks"
                                      : "lack");
        if (c == NO_CPU)
            buf_printf(out, " %llu MHz of cpu", (unsigned long long)cpu);
        if (c == NO_MEMORY)
            buf_printf(out, " %llu MiB of memory", (unsigned long long)memory);
        comma = ",";
    }
}

static void causes_mark(struct marks *m, const size_t counts[CAUSES]) {
    if (counts[UNREACHABLE] > 0)
        mark_hit(m, MARK_PLACEMENT_UNREACHABLE);
    if (counts[NO_CPU] + counts[NO_MEMORY] > 0)
        mark_hit(m, MARK_PLACEMENT_NO_ROOM);
    if (counts[STATIC_PORT] > 0)
        mark_hit(m, MARK_PLACEMENT_PORT_TAKEN);
}

/* ---- scoring ---- */

static uint64_t share_left(uint64_t have, uint64_t taken, uint64_t want) {
    if (have == 0)
        return 1024; /* not limited */
    return taken + want >= have ? 0 : (have - taken - want) * 1024 / have;
}

static uint64_t rendezvous(const struct wire_job_record *job, const struct wire_group *group, uint32_t slot,
                           const struct wire_node_record *node) {
    uint32_t a = crc32c(0, job->spec.name.data, job->spec.name.size);
    uint8_t tail[5] = {0, (uint8_t)slot, (uint8_t)(slot >> 8), (uint8_t)(slot >> 16), (uint8_t)(slot >> 24)};
    a = crc32c(a, tail, 1);
    a = crc32c(a, group->name.data, group->name.size);
    a = crc32c(a, tail, sizeof tail);
    struct prng p;
    uint64_t id = 0;
    for (unsigned i = 0; i < 8; i++)
        id |= (uint64_t)node->id.b[i] << (8 * i); /* the same on every machine */
    prng_init(&p, id ^ ((uint64_t)a << 32 | a));
    return prng_next(&p);
}

struct score {
    bool avoided;
    uint32_t same;
    uint64_t left, hash;
};

static bool better(const struct score *a, const struct score *b) {
    if (a->avoided != b->avoided)
        return !a->avoided;
    if (a->same != b->same)
        return a->same < b->same;
    if (a->left != b->left)
        return a->left > b->left;
    return a->hash > b->hash;
}

static void count_same(struct placement *p, const struct wire_job_record *job,
                       const struct wire_group *group) {
    if (counts_are_of(p, job->spec.name, group->name))
        return;
    for (size_t i = 0; i < p->rooms_count; i++)
        p->rooms[i].same = 0;
    for (size_t i = 0; i < p->held.count; i++) {
        const struct wire_instance_record *r = p->held.data[i].instance;
        if (bytes_equal(r->job, job->spec.name) && bytes_equal(r->group, group->name))
            p->held.data[i].room->same++;
    }
    p->job = job->spec.name;
    p->group = group->name;
    p->counted = true;
}

int placement_pick(struct placement *p, const struct wire_job_record *job, const struct wire_group *group,
                   uint32_t slot, struct node_id avoid, struct node_id *ret_node, struct buf *ret_reason) {
    uint64_t cpu = 0, memory = 0, dynamic = 0;
    for (size_t t = 0; t < group->tasks_count; t++) {
        cpu += group->tasks[t].cpu_mhz;
        memory += group->tasks[t].memory_mib;
    }
    for (size_t i = 0; i < group->ports_count; i++)
        dynamic += group->ports[i].static_ == 0;
    count_same(p, job, group);
    size_t counts[CAUSES] = {0};
    struct room *best = NULL;
    struct score best_score = {0};
    for (size_t i = 0; i < p->rooms_count; i++) {
        struct room *r = &p->rooms[i];
        enum cause cause = judge(r, group, cpu, memory, dynamic);
        counts[cause]++;
        if (cause != FITS)
            continue;
        uint64_t c = share_left(r->record->cpu_mhz, r->cpu_mhz, cpu),
                 m = share_left(r->record->memory_mib, r->memory_mib, memory);
        struct score score = {.avoided = ID_EQUAL(r->record->id, avoid),
                              .same = r->same,
                              .left = c < m ? c : m,
                              .hash = rendezvous(job, group, slot, r->record)};
        if (best == NULL || better(&score, &best_score)) {
            best = r;
            best_score = score;
        }
    }
    if (best == NULL) {
        causes_mark(p->marks, counts);
        explain(counts, p->rooms_count, cpu, memory, ret_reason);
        return ERR_NO_FIT;
    }
    take(best, group);
    best->same++;
    *ret_node = best->record->id;
    return 0;
}
