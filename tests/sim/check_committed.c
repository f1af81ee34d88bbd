/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * What is committed is the same everywhere and for ever. The first host that shows an entry as committed
 * makes it true; every other must show the same bytes at that index, in this run of its agent and in all
 * later ones. The true state is made here from the true entries, for the other checkers.
 */
#include "truth.h"

static void fail_other(struct world *w, const struct sim_host *h, const struct wire_raft_entry *e,
                       const struct truth_entry *known) {
    check_fail(w, &check_committed, (int)h->index,
               "h%u has another committed entry at index %llu: term %llu, not %llu", h->index,
               (unsigned long long)e->index, (unsigned long long)e->term,
               (unsigned long long)known->entry.term);
}

static void commit_first(struct truth *t, struct world *w, struct sim_host *h,
                         const struct wire_raft_entry *e, uint32_t crc) {
    const struct truth_host *th = &t->hosts[h->index];
    /* A leader may commit and lose office in one step. */
    uint64_t term = th->runs && th->role == RAFT_LEADER ? th->term : raft_term(node_raft(h->node));
    struct truth_entry fresh = {
        .entry = *e, .crc = crc, .by_term = term, .by_host = h->index, .at_us = w->now_us};
    uint8_t *data = mem_alloc(e->data.size + 1);
    mem_copy(data, e->data.data, e->data.size);
    fresh.entry.data.data = data;
    VEC_PUSH(&t->committed, fresh);
    struct wire_command command;
    arena_reset(&t->scratch);
    bool decoded = e->kind == ENTRY_KIND_COMMAND &&
                   codec_decode(&wire_command_type, fresh.entry.data, &t->scratch, &command, NULL) == 0;
    struct sight s = {
        .kind = SIGHT_COMMIT, .host = h, .entry = &fresh.entry, .command = decoded ? &command : NULL};
    checkers_see(w, &s);
    struct state_result result;
    state_apply(t->state, e->index, s.command, &result);
    struct state_change change;
    while (state_change_next(t->state, &change)) {
    }
    s.error = result.error;
    s.kind = SIGHT_APPLIED;
    if (!w->failed)
        checkers_see(w, &s);
}

static void compare(struct truth *t, struct world *w, struct sim_host *h, const struct wire_raft_entry *e) {
    uint32_t crc = crc32c((uint32_t)e->kind, e->data.data, e->data.size);
    if (e->index > t->committed.count + 1) {
        check_fail(w, &check_committed, (int)h->index, "h%u has index %llu committed, and nobody had %zu",
                   h->index, (unsigned long long)e->index, t->committed.count + 1);
    } else if (e->index == t->committed.count + 1) {
        commit_first(t, w, h, e, crc);
    } else {
        const struct truth_entry *known = &t->committed.data[e->index - 1];
        if (known->entry.term != e->term || known->crc != crc)
            fail_other(w, h, e, known);
    }
}

static void look(struct truth *t, struct world *w, struct sim_host *h) {
    const struct raft *r = node_raft(h->node);
    struct truth_host *th = &t->hosts[h->index];
    if (!th->known || th->run != h->run) {
        th->run = h->run;
        th->id = node_self(h->node);
        th->known = true;
        th->compared = 0;
        th->runs = false;
    }
    if (r == NULL)
        return;
    uint64_t commit = raft_commit_index(r);
    if (th->compared + 1 < raft_first_index(r))
        th->compared = raft_first_index(r) - 1;
    while (th->compared < commit && !w->failed) {
        const struct wire_raft_entry *entries;
        size_t count;
        if (raft_log_read(r, th->compared + 1, 1 << 20, &entries, &count) != 0 || count == 0)
            return;
        for (size_t i = 0; i < count && !w->failed; i++)
            compare(t, w, h, &entries[i]);
        th->compared += count;
    }
}

void truth_remember(struct world *w, const struct sim_host *h) {
    struct truth_host *th = &truth_of(w)->hosts[h->index];
    const struct raft *r = node_raft(h->node);
    if (r == NULL)
        return;
    th->runs = true;
    th->role = raft_role(r);
    th->term = raft_term(r);
    th->commit = raft_commit_index(r);
}

static void committed_see(void *self, struct world *w, const struct sight *s) {
    struct truth *t = self;
    if (t->state == NULL)
        t->state = state_new();
    if (s->kind == SIGHT_AGENT_GONE) {
        t->hosts[s->host->index].runs = false;
        return;
    }
    look(t, w, s->host);
    if (s->message != NULL && s->message->raft != NULL)
        t->hosts[s->host->index].log = s->message->raft->from.log;
}

static void committed_done(void *self) {
    struct truth *t = self;
    for (size_t i = 0; i < t->committed.count; i++)
        mem_free((void *)(uintptr_t)t->committed.data[i].entry.data.data);
    VEC_DONE(&t->committed);
    state_free(t->state);
    arena_done(&t->scratch);
}

const struct checker check_committed = {
    .name = "committed",
    .promise =
        "a committed entry is the same on every host, for ever (State Machine Safety, Raft thesis 3.6.3)",
    .size = sizeof(struct truth),
    .sees = SEES(SIGHT_AGENT_START) | SEES(SIGHT_AGENT_GONE) | SEES(SIGHT_EFFECT) | SEES(SIGHT_STEP),
    .see = committed_see,
    .done = committed_done,
};

/* ---- for the others ---- */

struct truth *truth_of(struct world *w) {
    struct truth *t = checker_self(w, &check_committed);
    if (t->state == NULL)
        t->state = state_new();
    return t;
}

const struct truth_entry *truth_entry_at(const struct truth *t, uint64_t index) {
    return index >= 1 && index <= t->committed.count ? &t->committed.data[index - 1] : NULL;
}

struct sim_host *truth_host_of(struct world *w, struct node_id id) {
    const struct truth *t = truth_of(w);
    for (uint32_t i = 0; i < w->hosts_count; i++)
        if (t->hosts[i].known && ID_EQUAL(t->hosts[i].id, id))
            return &w->hosts[i];
    return NULL;
}
