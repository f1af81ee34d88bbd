/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Marks: named places in the cores that a test run must reach sometimes (Antithesis calls them "sometimes"
 * assertions, TigerBeetle coverage marks). A run that is green because the interesting thing never happened
 * proves nothing; a mark says that it happened.
 *
 * PURE: the counters belong to whoever gives them to a core in its options (NULL: none are kept). The agent
 * keeps them too and shows them (`covey counters`): what its host has been through.
 */
#ifndef COVEY_MARK_H
#define COVEY_MARK_H

#include <stddef.h>
#include <stdint.h>

/* X(name, "room: what happened"). Names are for ever, as tests name them; the order is nobody's business. */
#define MARK_LIST(X)                                                                                         \
    X(MARK_RAFT_PREVOTE_REFUSED, "raft: a pre-vote was refused, because a leader is heard")                  \
    X(MARK_SWIM_REFUTED, "swim: a suspect was alive after all")

enum mark {
#define MARK_ENUM(name, text) name,
    MARK_LIST(MARK_ENUM)
#undef MARK_ENUM
        MARKS_COUNT
};

struct marks {
    uint32_t hits[MARKS_COUNT];
};

static inline void mark_hit(struct marks *m, enum mark mark) {
    if (m != NULL && m->hits[mark] < UINT32_MAX)
        m->hits[mark]++;
}

const char *mark_name(enum mark mark); /* "MARK_SWIM_REFUTED" */
const char *mark_text(enum mark mark);

#endif
