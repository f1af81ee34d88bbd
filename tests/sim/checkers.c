/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include <stdio.h>

#include "history.h"
#include "truth.h"

#define LIST(X)                                                                                              \
    X(check_committed)                                                                                       \
    X(check_matching)                                                                                        \
    X(check_told)                                                                                            \
    X(check_election)                                                                                        \
    X(check_leader)                                                                                          \
    X(check_quorum)                                                                                          \
    X(check_votes)                                                                                           \
    X(check_config)                                                                                          \
    X(check_prevote)                                                                                         \
    X(check_own_term)                                                                                        \
    X(check_monotone)                                                                                        \
    X(check_state)                                                                                           \
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
    X(check_restart)                                                                                         \
    X(check_facts)                                                                                           \
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

void checkers_new(struct world *w) {
    w->checkers = mem_alloc(CHECKERS * sizeof *w->checkers);
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
    uint32_t bit = SEES(s->kind);
    for (size_t i = 0; i < CHECKERS && !w->failed; i++)
        if ((table[i]->sees & bit) != 0)
            table[i]->see(w->checkers[i], w, s);
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
    if (s->kind == SIGHT_EFFECT && s->effect->kind == NODE_STREAM_SEND)
        see_message(w, s);
    else
        see(w, s);
    if (s->kind == SIGHT_STEP)
        truth_remember(w, s->host);
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
