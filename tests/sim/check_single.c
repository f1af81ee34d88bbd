/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * One task of one instance is one process: never two at a time, and never on another host than where the log
 * has placed it. And no two instances on a host hold one port.
 */
#include "ledger.h"
#include "processes.h"
#include "truth.h"

struct single {
    struct map live; /* instance id and task -> struct live */
    struct arena arena;
};
struct live {
    bool runs;
    uint32_t host;
};
extern const struct checker check_single;

static struct live *live_of(struct single *all, const struct wire_shim_spec *spec) {
    struct buf key = {0};
    buf_append(&key, spec->instance.b, ID_SIZE);
    buf_append(&key, spec->task.data, spec->task.size);
    struct live *l = map_get(&all->live, buf_bytes(&key));
    if (l == NULL) {
        l = arena_alloc(&all->arena, sizeof *l);
        map_put(&all->live, arena_copy(&all->arena, buf_bytes(&key)), l);
    }
    buf_done(&key);
    return l;
}

static void see_place(struct world *w, const struct sight *s, const char *id) {
    const struct ledger_instance *i = ledger_find(ledger_of(w), s->task->spec.instance);
    const struct sim_host *home = i != NULL ? truth_host_of(w, i->node) : NULL;
    if (i == NULL)
        check_fail(w, &check_single, (int)s->host->index, "h%u runs %s, which was never placed",
                   s->host->index, id);
    else if (home != s->host)
        check_fail(w, &check_single, (int)s->host->index, "h%u runs %s, which was placed on h%d",
                   s->host->index, id, home != NULL ? (int)home->index : -1);
}

static void see_ports(struct world *w, const struct sight *s, const char *id) {
    const struct wire_shim_spec *spec = &s->task->spec;
    for (size_t i = 0; i < s->host->tasks.count; i++) {
        const struct sim_task *other = s->host->tasks.data[i];
        if (other->pid == 0 || ID_EQUAL(other->spec.instance, spec->instance))
            continue;
        for (size_t a = 0; a < spec->ports_count; a++)
            for (size_t b = 0; b < other->spec.ports_count; b++)
                if (spec->ports[a].port == other->spec.ports[b].port)
                    check_fail(w, &check_single, (int)s->host->index,
                               "h%u runs %s on port %u, which another instance holds", s->host->index, id,
                               spec->ports[a].port);
    }
}

static void single_see(void *self, struct world *w, const struct sight *s) {
    struct live *l = live_of(self, &s->task->spec);
    char id[ID_SHORT_SIZE];
    if (s->kind == SIGHT_PROCESS_END) {
        l->runs = false;
        return;
    }
    id_short(s->task->spec.instance.b, id);
    if (l->runs)
        check_fail(w, &check_single, (int)s->host->index, "%s runs twice: on h%u and h%u", id, l->host,
                   s->host->index);
    *l = (struct live){.runs = true, .host = s->host->index};
    see_place(w, s, id);
    see_ports(w, s, id);
}

static void single_done(void *self) {
    struct single *all = self;
    map_done(&all->live);
    arena_done(&all->arena);
}

const struct checker check_single = {
    .name = "one-process",
    .promise = "a task of an instance is one process, on the host of its placement, with ports of its own",
    .size = sizeof(struct single),
    .sees = SEES(SIGHT_SPAWN) | SEES(SIGHT_PROCESS_END),
    .see = single_see,
    .done = single_done,
};
