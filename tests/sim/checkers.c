/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * What must hold. After every event of a node:
 *   one leader a term                      (thesis 3.2, Election Safety)
 *   committed entries are the same on every host, and stay     (Log Matching, State Machine Safety, Leader
 * Completeness) equal applied prefixes give equal states And when every fault is over: all hosts have the
 * same log and state, and what runs is what is desired.
 */
#include <stdio.h>

#include "checker.h"

static void check_leader(struct world *w, struct sim_host *h, const struct raft *r) {
    if (raft_role(r) != RAFT_LEADER)
        return;
    uint64_t term = raft_term(r);
    for (size_t i = w->leaders.count; i-- > 0;) {
        if (w->leaders.data[i].term != term)
            continue;
        if (w->leaders.data[i].host != h->index)
            world_fail(w, "two leaders in term %llu: h%u and h%u", (unsigned long long)term,
                       w->leaders.data[i].host, h->index);
        return;
    }
    struct term_leader l = {.term = term, .host = h->index};
    VEC_PUSH(&w->leaders, l);
}

static void check_entry(struct world *w, const struct sim_host *h, const struct wire_raft_entry *e) {
    uint32_t crc = crc32c((uint32_t)e->kind, e->data.data, e->data.size);
    while (w->committed.count <= e->index)
        VEC_PUSH(&w->committed, (struct committed){0});
    struct committed *c = &w->committed.data[e->index];
    if (!c->known)
        *c = (struct committed){.term = e->term, .crc = crc, .known = true};
    else if (c->term != e->term || c->crc != crc)
        world_fail(w, "h%u has another committed entry at index %llu: term %llu, not %llu", h->index,
                   (unsigned long long)e->index, (unsigned long long)e->term, (unsigned long long)c->term);
}

static void check_log(struct world *w, struct sim_host *h, const struct raft *r) {
    uint64_t commit = raft_commit_index(r);
    if (h->applied_checked + 1 < raft_first_index(r))
        h->applied_checked = raft_first_index(r) - 1;
    while (h->applied_checked < commit) {
        const struct wire_raft_entry *entries;
        size_t count;
        if (raft_log_read(r, h->applied_checked + 1, 1 << 20, &entries, &count) != 0 || count == 0)
            return;
        for (size_t i = 0; i < count; i++)
            check_entry(w, h, &entries[i]);
        h->applied_checked += count;
    }
}

static void check_state(struct world *w, const struct sim_host *h) {
    const struct state *s = node_state(h->node);
    uint64_t index = state_index(s);
    if (index == 0 || index % 16 != 0)
        return; /* hashing costs: every sixteenth index is enough to see a difference */
    for (size_t i = w->states.count; i-- > 0;) {
        if (w->states.data[i].index != index)
            continue;
        uint8_t hash[16];
        state_hash(s, hash);
        if (memcmp(hash, w->states.data[i].hash, sizeof hash) != 0)
            world_fail(w, "h%u has another state at index %llu", h->index, (unsigned long long)index);
        return;
    }
    struct state_at at = {.index = index};
    state_hash(s, at.hash);
    VEC_PUSH(&w->states, at);
}

static void logs_see(void *self, struct world *w, const struct sight *s) {
    (void)self;
    const struct raft *r = s->kind == SIGHT_STEP ? node_raft(s->host->node) : NULL;
    if (r == NULL)
        return;
    check_leader(w, s->host, r);
    check_log(w, s->host, r);
    check_state(w, s->host);
}

/* ---- when all is healed ---- */

static bool jobs_settled(struct world *w, const struct state *s, char *text, size_t size) {
    for (size_t i = 0; i < state_jobs_count(s); i++) {
        const struct wire_job_record *job = state_job_at(s, i);
        size_t running = 0,
               want = job->stopped || job->spec.type == JOB_TYPE_BATCH ? 0 : job->spec.groups[0].count;
        for (uint32_t h = 0; h < w->hosts_count; h++)
            running += tasks_running(&w->hosts[h], job->spec.name);
        if (running == want)
            continue;
        snprintf(text, size, "job %.*s: %zu run, %zu are desired", BYTES_FMT(job->spec.name), running, want);
        return false;
    }
    return true;
}

static bool logs_settled(void *self, struct world *w, char *text, size_t size) {
    (void)self;
    uint64_t index = 0;
    uint8_t first[16], hash[16];
    const struct state *s = NULL;
    bool led = false;
    for (uint32_t i = 0; i < w->hosts_count; i++) {
        struct sim_host *h = &w->hosts[i];
        if (h->node == NULL || node_raft(h->node) == NULL) {
            snprintf(text, size, "h%u is not a member", i);
            return false;
        }
        led |= raft_leader_ready(node_raft(h->node));
        s = node_state(h->node);
        state_hash(s, hash);
        if (i == 0) {
            index = state_index(s);
            memcpy(first, hash, sizeof first);
        } else if (state_index(s) != index || memcmp(hash, first, sizeof hash) != 0) {
            snprintf(text, size, "h%u has applied %llu, h0 %llu", i, (unsigned long long)state_index(s),
                     (unsigned long long)index);
            return false;
        }
        if (swim_alive_count(node_swim(h->node)) == w->hosts_count)
            continue;
        snprintf(text, size, "h%u sees %zu of %u alive", i, swim_alive_count(node_swim(h->node)),
                 w->hosts_count);
        return false;
    }
    if (!led) {
        snprintf(text, size, "nobody leads");
        return false;
    }
    if (state_nodes_count(s) != w->hosts_count) {
        snprintf(text, size, "the table has %zu nodes, not %u", state_nodes_count(s), w->hosts_count);
        return false;
    }
    return jobs_settled(w, s, text, size);
}

static const struct checker check_logs = {
    .name = "logs",
    .promise = "one leader a term, equal committed entries, equal states",
    .see = logs_see,
    .settled = logs_settled,
};

/* ---- the table ---- */

static const struct checker *const table[] = {&check_logs};
#define CHECKERS (sizeof table / sizeof *table)

const struct checker *checkers_at(size_t index) { return index < CHECKERS ? table[index] : NULL; }

void checkers_new(struct world *w) {
    w->checkers = mem_alloc(CHECKERS * sizeof *w->checkers);
    for (size_t i = 0; i < CHECKERS; i++)
        w->checkers[i] = mem_alloc(table[i]->size);
}

void checkers_see(struct world *w, const struct sight *s) {
    for (size_t i = 0; i < CHECKERS && !w->failed; i++)
        table[i]->see(w->checkers[i], w, s);
}

bool checkers_settled(struct world *w, char *ret_text, size_t text_size) {
    for (size_t i = 0; i < CHECKERS; i++)
        if (table[i]->settled != NULL && !table[i]->settled(w->checkers[i], w, ret_text, text_size))
            return false;
    return true;
}

void checkers_over(struct world *w) {
    for (size_t i = 0; i < CHECKERS && !w->failed; i++)
        if (table[i]->over != NULL)
            table[i]->over(w->checkers[i], w);
}

void checkers_free(struct world *w) {
    for (size_t i = 0; i < CHECKERS; i++) {
        if (table[i]->done != NULL)
            table[i]->done(w->checkers[i]);
        mem_free(w->checkers[i]);
    }
    mem_free(w->checkers);
    VEC_DONE(&w->committed);
    VEC_DONE(&w->leaders);
    VEC_DONE(&w->states);
}

const char *end_cause_str(enum end_cause cause) {
    static const char *const names[] = {"its own exit", "its shim", "a killed shim", "a power cut"};
    assert(cause <= END_POWER);
    return names[cause];
}

void check_fail(struct world *w, const struct checker *c, int host, const char *format, ...) {
    char text[sizeof w->failure];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (w->failed)
        return;
    w->failed_checker = c->name;
    w->failed_host = host;
    world_fail(w, "%s: %s", c->name, text);
}
