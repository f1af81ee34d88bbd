/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* At most one leader a term: one run of one host's agent, for one that comes back never leads a term again.
 */
#include "truth.h"

struct office {
    uint32_t host, run;
    bool held;
};
struct election {
    VEC(struct office) terms; /* by term */
};
extern const struct checker check_election;

static void election_see(void *self, struct world *w, const struct sight *s) {
    struct election *e = self;
    const struct raft *r = node_raft(s->host->node);
    if (r == NULL || raft_role(r) != RAFT_LEADER)
        return;
    uint64_t term = raft_term(r);
    if (term > 1000000) {
        check_fail(w, &check_election, (int)s->host->index, "h%u leads in term %llu", s->host->index,
                   (unsigned long long)term);
        return;
    }
    while (e->terms.count <= term)
        VEC_PUSH(&e->terms, (struct office){.held = false});
    struct office *o = &e->terms.data[term];
    if (!o->held)
        *o = (struct office){.host = s->host->index, .run = s->host->run, .held = true};
    else if (o->host != s->host->index || o->run != s->host->run)
        check_fail(w, &check_election, (int)s->host->index, "two leaders in term %llu: h%u and h%u",
                   (unsigned long long)term, o->host, s->host->index);
}

static void election_done(void *self) {
    struct election *e = self;
    VEC_DONE(&e->terms);
}

const struct checker check_election = {
    .name = "election-safety",
    .promise = "one leader a term (Election Safety, Raft thesis 3.4)",
    .size = sizeof(struct election),
    .sees = SEES(SIGHT_STEP),
    .see = election_see,
    .done = election_done,
};
