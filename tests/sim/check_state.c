/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Equal prefixes of the log give equal states. The true state's hash is taken at every sixteenth index (it
 * costs), and a host that comes to rest there is compared with it, in every run of its agent; in the end all
 * hosts are compared at the last one. A difference stays, so it is found wherever it came in: by a command,
 * a restart or a snapshot that was installed.
 *
 * The hash is of the snapshot, and what a snapshot leaves out has none: the answers that must be remembered
 * (thesis 6.3) are asked for one by one, the last few of each index that is compared.
 */
#include <stdio.h>

#include "truth.h"

#define EVERY 16
#define ASKED 8 /* answers */

struct hash {
    uint8_t b[16];
};
struct answered {
    struct request_id id;
    uint64_t index; /* of the entry that did it, or was refused */
    int error;
};
struct states {
    VEC(struct hash) hashes;       /* of index EVERY, 2 * EVERY ... */
    VEC(struct answered) answered; /* by index */
    uint64_t compared[HOSTS_MAX];
    uint32_t run[HOSTS_MAX];
};
extern const struct checker check_state;

/*
 * One whose memory was changed (faults.c), or that took the state of such a one before it was found out, has
 * until the end to find it out and to mend it.
 */
static bool is_rotten(struct world *w, struct sim_host *h, bool equal) {
    h->rotted = !equal && w->rots > 0;
    return h->rotted;
}

/*
 * A voter cannot be outvoted by fewer than a majority of others that are right, and a host without a vote
 * takes the voters' word: where the one that was changed came to vote alone, it has none to compare with. Of
 * two that differ the one finds out whose own snapshot and log say otherwise; but that snapshot may have been
 * taken after the change.
 */
static bool is_beyond_mending(const struct world *w, const struct sim_host *h) {
    const struct raft *r = node_raft(h->node);
    const struct wire_raft_config *config = raft_config_now(r);
    size_t right = 0;
    for (size_t i = 0; i < config->voters_count; i++)
        for (uint32_t k = 0; k < w->hosts_count; k++) {
            const struct sim_host *o = &w->hosts[k];
            right += o->node != NULL && truth_in_core(w, k) && !o->rotted &&
                     ID_EQUAL(node_self(o->node), config->voters[i].node);
        }
    return right < config->voters_count / 2 + 1;
}

static void answered_note(struct states *all, struct world *w, const struct sight *s) {
    struct state_result r;
    if (s->command == NULL || ID_IS_ZERO(s->command->request) ||
        !state_request_find(truth_state(w), s->command->request, &r) || r.index != s->entry->index)
        return;
    struct answered a = {.id = s->command->request, .index = r.index, .error = r.error};
    VEC_PUSH(&all->answered, a);
}

/* The last answers of what this host has applied. */
static void answered_compare(const struct states *all, struct world *w, const struct sim_host *h) {
    const struct state *state = node_state(h->node);
    size_t at = all->answered.count;
    while (at > 0 && all->answered.data[at - 1].index > state_index(state))
        at--;
    for (size_t i = at > ASKED ? at - ASKED : 0; i < at; i++) {
        const struct answered *a = &all->answered.data[i];
        struct state_result r;
        if (!state_request_find(state, a->id, &r) || r.index != a->index || r.error != a->error)
            check_fail(w, &check_state, (int)h->index,
                       "h%u does not know at index %llu what was answered to the request of index %llu",
                       h->index, (unsigned long long)state_index(state), (unsigned long long)a->index);
    }
}

static void states_see(void *self, struct world *w, const struct sight *s) {
    struct states *all = self;
    struct sim_host *h = s->host;
    struct hash hash;
    if (s->kind == SIGHT_APPLIED) {
        answered_note(all, w, s);
        if (s->entry->index % EVERY != 0)
            return;
        state_hash(truth_state(w), hash.b);
        VEC_PUSH(&all->hashes, hash);
        return;
    }
    const struct state *state = node_state(h->node);
    uint64_t index = state_index(state);
    if (index == 0 || index % EVERY != 0 ||
        (index == all->compared[h->index] && h->run == all->run[h->index]))
        return;
    all->compared[h->index] = index;
    all->run[h->index] = h->run;
    if (index / EVERY > all->hashes.count) {
        check_fail(w, &check_state, (int)h->index, "h%u has applied %llu, and nobody has", h->index,
                   (unsigned long long)index);
        return;
    }
    state_hash(state, hash.b);
    bool equal = memcmp(hash.b, all->hashes.data[index / EVERY - 1].b, sizeof hash.b) == 0;
    if (is_rotten(w, h, equal))
        return;
    if (!equal)
        check_fail(w, &check_state, (int)h->index, "h%u has another state at index %llu", h->index,
                   (unsigned long long)index);
    answered_compare(all, w, h);
}

static bool states_settled(void *self, struct world *w, char *text, size_t size) {
    struct hash truth, own;
    state_hash(truth_state(w), truth.b);
    for (uint32_t i = 0; i < w->hosts_count; i++) {
        if (!truth_in_core(w, i) || w->hosts[i].node == NULL)
            continue;
        const struct state *state = node_state(w->hosts[i].node);
        if (state_index(state) != state_index(truth_state(w))) {
            snprintf(text, size, "h%u has applied %llu of %llu", i, (unsigned long long)state_index(state),
                     (unsigned long long)state_index(truth_state(w)));
            return false;
        }
        state_hash(state, own.b);
        bool equal = memcmp(own.b, truth.b, sizeof own.b) == 0;
        if (is_rotten(w, &w->hosts[i], equal)) {
            if (is_beyond_mending(w, &w->hosts[i]))
                continue;
            snprintf(text, size, "h%u has not noticed that its state is wrong, or not mended it", i);
            return false;
        }
        if (!equal)
            check_fail(w, &check_state, (int)i, "h%u has another state at index %llu", i,
                       (unsigned long long)state_index(state));
        answered_compare(self, w, &w->hosts[i]);
    }
    return true;
}

static void states_done(void *self) {
    struct states *all = self;
    VEC_DONE(&all->hashes);
    VEC_DONE(&all->answered);
}

const struct checker check_state = {
    .name = "equal-states",
    .promise = "the same log gives the same state on every host, by entries or by a snapshot "
               "(Schneider 1990: state machine replication)",
    .size = sizeof(struct states),
    .sees = SEES(SIGHT_STEP) | SEES(SIGHT_APPLIED),
    .see = states_see,
    .settled = states_settled,
    .done = states_done,
};
