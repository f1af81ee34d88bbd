/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The table of what judges a run, and what the judges do and do not cover.
 *
 * The promises are those of Raft (Ongaro's thesis), of SWIM and Lifeguard, and of covey under partitions:
 * K1-K5 what an island keeps, H1-H5 healing, S1-S2 submissions, F1 flapping, L1-L4 what must come true.
 *
 *   K1 K2 H3  stop-cause: every end of a process has a permitted cause, so no healthy one is ever restarted
 *   K3        restart-policy, follows-its-log
 *   K4        stop-cause, start-cause and one-process together: an agent that starts anew ends nothing,
 * starts nothing that runs, and what it finds keeps its process K5        start-cause (not too early, nothing
 * else), follows-its-log (not too late) H1 H2     capacity, keeper, update-one-by-one, heal-stable S2
 * committed, acked-once F1        replace-after, heal-stable L1 L3     desired-runs, convergence
 *
 * Not here, because covey does not have it yet:
 *   X1-X5 L2  leases of exclusive groups and their tokens: a group cannot be exclusive
 *   S1 L4     what an island accepts or replaces by itself: it does neither, it keeps what it has
 *   R1        recovery of a cluster that has lost its majority
 *   C1        cron
 * Not here, because it is no matter of a run: H4 (planning is pure) and H5 (a journal applied twice) are held
 * by the unit tests of reconcile and state.
 *
 * A checker trusts the code that it judges as little as it can: what is durable is read from the bytes
 * written (durable.c), who could hear whom from the world's links (links.c), processes from the world's own
 * (process.c). The committed log is applied once more, to a state of its own (check_committed.c); that every
 * host's is equal to it is checked apart.
 *
 * Cost: most look at what has changed since the last step of the host that has just stepped. Hashing a state
 * is dear, and done at every sixteenth index.
 */
#include <stdio.h>

#include "history.h"
#include "truth.h"

#define LIST(X)                                                                                              \
    X(check_committed)                                                                                       \
    X(check_matching)                                                                                        \
    X(check_told)                                                                                            \
    X(check_kept)                                                                                            \
    X(check_election)                                                                                        \
    X(check_leader)                                                                                          \
    X(check_quorum)                                                                                          \
    X(check_votes)                                                                                           \
    X(check_config)                                                                                          \
    X(check_in_force)                                                                                        \
    X(check_prevote)                                                                                         \
    X(check_own_term)                                                                                        \
    X(check_monotone)                                                                                        \
    X(check_state)                                                                                           \
    X(check_proven)                                                                                          \
    X(check_snapshot)                                                                                        \
    X(observe_links)                                                                                         \
    X(check_resign)                                                                                          \
    X(observe_processes)                                                                                     \
    X(observe_ledger)                                                                                        \
    X(check_stops)                                                                                           \
    X(check_starts)                                                                                          \
    X(check_single)                                                                                          \
    X(observe_views)                                                                                         \
    X(check_false_death)                                                                                     \
    X(check_notice)                                                                                          \
    X(check_resurrection)                                                                                    \
    X(check_capacity)                                                                                        \
    X(check_keeper)                                                                                          \
    X(check_update)                                                                                          \
    X(check_placement)                                                                                       \
    X(check_slot)                                                                                            \
    X(check_heal)                                                                                            \
    X(check_replace)                                                                                         \
    X(check_away)                                                                                            \
    X(check_drain)                                                                                           \
    X(check_restart)                                                                                         \
    X(check_follow)                                                                                          \
    X(check_gossip_facts)                                                                                    \
    X(check_facts)                                                                                           \
    X(check_ends)                                                                                            \
    X(observe_calls)                                                                                         \
    X(check_acked)                                                                                           \
    X(check_answered)                                                                                        \
    X(check_reads)                                                                                           \
    X(check_linear)                                                                                          \
    X(check_settled)                                                                                         \
    X(check_desired)
#define DECLARE(name) extern const struct checker name;
#define ENTRY(name)   &name,
LIST(DECLARE)
static const struct checker *const table[] = {LIST(ENTRY)};
#define CHECKERS (sizeof table / sizeof *table)

const struct checker *checkers_at(size_t index) {
    for (size_t i = 0; i < CHECKERS; i++)
        if (table[i]->promise != NULL && index-- == 0)
            return table[i];
    return NULL;
}

/* Who wants to see what. */
struct interest {
    uint8_t list[SIGHTS_COUNT][CHECKERS]; /* indices into the table */
    uint8_t count[SIGHTS_COUNT];
};

void checkers_new(struct world *w) {
    struct interest *interest = mem_alloc(sizeof *interest);
    w->checkers = mem_alloc((CHECKERS + 1) * sizeof *w->checkers);
    w->checkers[CHECKERS] = interest;
    for (size_t kind = 0; kind < SIGHTS_COUNT; kind++)
        for (size_t i = 0; i < CHECKERS; i++)
            if ((table[i]->sees & SEES(kind)) != 0)
                interest->list[kind][interest->count[kind]++] = (uint8_t)i;
    for (size_t i = 0; i < CHECKERS; i++)
        w->checkers[i] = mem_alloc(table[i]->size);
}

void *checker_self(struct world *w, const struct checker *c) {
    for (size_t i = 0; i < CHECKERS; i++)
        if (table[i] == c)
            return w->checkers[i];
    assert(!"a checker that is in the table");
    return NULL;
}

static void see(struct world *w, const struct sight *s) {
    const struct interest *interest = w->checkers[CHECKERS];
    for (size_t i = 0; i < interest->count[s->kind] && !w->failed; i++) {
        size_t at = interest->list[s->kind][i];
        table[at]->see(w->checkers[at], w, s);
    }
}

/* What is sent is decoded once, for all. */
static void see_message(struct world *w, const struct sight *s) {
    struct arena a = {0};
    struct wire_peer_message message;
    struct sight with = *s;
    if (codec_decode(&wire_peer_message_type, s->effect->data, &a, &message, NULL) == 0)
        with.message = &message;
    see(w, &with);
    arena_done(&a);
}

void checkers_see(struct world *w, const struct sight *s) {
    history_see(w, s);
    if (w->lied)
        return;
    if (s->kind == SIGHT_EFFECT && s->effect->kind == NODE_STREAM_SEND)
        see_message(w, s);
    else
        see(w, s);
    if (s->kind == SIGHT_STEP)
        truth_remember(w, s->host);
}

bool checkers_settled(struct world *w, char *ret_text, size_t text_size) {
    if (w->lied)
        return true;
    for (size_t i = 0; i < CHECKERS; i++)
        if (table[i]->settled != NULL && !table[i]->settled(w->checkers[i], w, ret_text, text_size))
            return false;
    return true;
}

void checkers_over(struct world *w) {
    for (size_t i = 0; i < CHECKERS && !w->failed && !w->lied; i++)
        if (table[i]->over != NULL)
            table[i]->over(w->checkers[i], w);
}

void checkers_free(struct world *w) {
    for (size_t i = 0; i < CHECKERS; i++) {
        if (table[i]->done != NULL)
            table[i]->done(w->checkers[i]);
        mem_free(w->checkers[i]);
    }
    mem_free(w->checkers[CHECKERS]);
    mem_free(w->checkers);
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
