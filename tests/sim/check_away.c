/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * An announced absence is kept, and ends. While the log says that a host is away, nothing takes the place of
 * what it runs, unless it is drained or taken out: whatever the leader thinks, and whoever leads. And the log
 * says so for no longer than was announced, as far as there is a leader to end it: on the clock of the one
 * who leads, counted from when it learnt of it. It is not known here when that was, if it began anew
 * meanwhile: so its run's start counts, and what was written down last.
 */
#include "truth.h"

#define END_US  (2 * US_PER_S)  /* for a leader that looks every half second, and for the commit */
#define WORK_US (20 * US_PER_S) /* a leader that stands and commits nothing is another checker's business */

extern const struct checker check_away;

struct absence {
    struct node_id id;
    int64_t said_us; /* when the log first had what it says now */
    uint64_t away_ms;
    int64_t until_ms;
};
struct leader {
    int64_t since_us; /* in office, ready, and this run of its agent began; 0: not */
    int64_t run_us;
    uint32_t run;
};
struct away {
    VEC(struct absence) list;
    struct leader leaders[HOSTS_MAX];
};

static struct absence *absence_of(struct away *a, struct node_id id) {
    for (size_t i = 0; i < a->list.count; i++)
        if (ID_EQUAL(a->list.data[i].id, id))
            return &a->list.data[i];
    return NULL;
}

static void note(struct away *a, struct world *w) {
    const struct state *s = truth_state(w);
    for (size_t i = 0; i < state_nodes_count(s); i++) {
        const struct wire_node_record *r = state_node_at(s, i);
        struct absence *known = absence_of(a, r->id);
        struct absence now = {
            .id = r->id, .said_us = w->now_us, .away_ms = r->away_ms, .until_ms = r->away_until_ms};
        if (known == NULL)
            VEC_PUSH(&a->list, now);
        else if (known->away_ms != r->away_ms || known->until_ms != r->away_until_ms)
            *known = now;
    }
}

/* Of what the plan places: does it take the place of something on a host that is away? */
static void see_places(struct world *w, const struct sight *s) {
    const struct wire_cmd_plan *plan = s->command != NULL ? s->command->plan : NULL;
    const struct state *state = truth_state(w);
    for (size_t i = 0; plan != NULL && i < plan->places_count && !w->failed; i++) {
        const struct wire_instance_record *placed = state_instance_find(state, plan->places[i].instance);
        bool counts = placed != NULL && placed->modify_index == s->entry->index;
        const struct wire_instance_record *old = counts ? state_instance_find(state, placed->replaces) : NULL;
        const struct wire_node_record *node = old != NULL ? state_node_find(state, old->node) : NULL;
        if (node == NULL || node->away_ms == 0 || node->drain || node->status == NODE_STATUS_LEFT)
            continue;
        const struct sim_host *h = truth_host_of(w, old->node);
        check_fail(w, &check_away, h != NULL ? (int)h->index : -1,
                   "%.*s[%u] is replaced, and its host is away as announced, for %llu ms more",
                   BYTES_FMT(old->job), old->slot, (unsigned long long)node->away_ms);
    }
}

/* Is there one that should have ended it? */
static void see_leader(struct away *a, struct world *w, const struct sight *s) {
    struct leader *l = &a->leaders[s->host->index];
    const struct raft *raft = s->kind == SIGHT_STEP ? node_raft(s->host->node) : NULL;
    if (l->run != s->host->run) {
        *l = (struct leader){.run = s->host->run, .run_us = w->now_us};
    }
    if (raft == NULL || !raft_leader_ready(raft)) {
        l->since_us = 0;
        return;
    }
    if (l->since_us == 0)
        l->since_us = w->now_us;
    uint64_t last = state_index(truth_state(w));
    const struct truth_entry *newest = truth_entry_at(truth_of(w), last);
    bool works = newest != NULL && raft_commit_index(raft) >= last;
    for (size_t i = 0; i < a->list.count && works; i++) {
        const struct absence *x = &a->list.data[i];
        int64_t from_us = x->said_us > l->run_us ? x->said_us : l->run_us;
        int64_t due_us = from_us + (int64_t)x->away_ms * US_PER_MS;
        due_us = (due_us > l->since_us ? due_us : l->since_us) + END_US + WORK_US;
        due_us += (due_us - from_us) / 8; /* its clock may run slow */
        if (x->away_ms == 0 || w->now_us < due_us || state_node_find(truth_state(w), x->id) == NULL)
            continue;
        check_fail(w, &check_away, (int)s->host->index, "an absence lasts %lld ms longer than was announced",
                   (long long)((w->now_us - from_us) / US_PER_MS - (int64_t)x->away_ms));
        return;
    }
}

static void away_see(void *self, struct world *w, const struct sight *s) {
    struct away *a = self;
    if (s->kind != SIGHT_APPLIED) {
        see_leader(a, w, s);
        return;
    }
    note(a, w);
    see_places(w, s);
}

static void away_done(void *self) {
    struct away *a = self;
    VEC_DONE(&a->list);
}

const struct checker check_away = {
    .name = "away-held",
    .promise = "nothing of a host is replaced while the log says that it is away as announced, and a leader "
               "ends that in time",
    .size = sizeof(struct away),
    .sees = SEES(SIGHT_APPLIED) | SEES(SIGHT_STEP) | SEES(SIGHT_AGENT_GONE),
    .see = away_see,
    .done = away_done,
};
