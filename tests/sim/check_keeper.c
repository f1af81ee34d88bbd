/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Of instances of one slot that run equally well, of the newest version or all of an old one, the one that
 * was placed first is kept: it has run longest, by the log's own order. What the leader knew of the stopped
 * one counts, not of the kept one: beside one that runs, placed before it, nothing makes a better keeper.
 */
#include "ledger.h"
#include "plans.h"

extern const struct checker check_keeper;

static void keeper_see(void *self, struct world *w, const struct sight *s) {
    (void)self;
    struct plan_view v;
    const struct wire_instance_record *r;
    if (!plan_view_of(w, s, &v))
        return;
    for (size_t at = 0; (r = plan_stop_at(&v, &at)) != NULL && !w->failed;) {
        const struct wire_instance_record *kept = plan_kept(&v, r);
        bool judged = kept != NULL && plan_runs(&v, r) && plan_knows(&v, r) && plan_knows_job(&v, r->job) &&
                      plan_knows_node(&v, r->node) && !plan_is_asked(&v, r) && !plan_is_asked(&v, kept) &&
                      !plan_drains(&v, r) && !plan_is_old(&v, r) && !plan_is_old(&v, kept);
        const struct ledger_instance *a = ledger_find(ledger_of(w), r->id);
        const struct ledger_instance *b = judged ? ledger_find(ledger_of(w), kept->id) : NULL;
        if (a == NULL || b == NULL || a->placed_index > b->placed_index)
            continue;
        check_fail(w, &check_keeper, (int)v.leader,
                   "%.*s[%u]: the one placed at %llu is stopped, the one placed at %llu is kept",
                   BYTES_FMT(r->job), r->slot, (unsigned long long)a->placed_index,
                   (unsigned long long)b->placed_index);
    }
}

const struct checker check_keeper = {
    .name = "keeper",
    .promise = "of equals the one that has run longest is kept (partition promises 3.4, longest_running)",
    .size = 1,
    .sees = SEES(SIGHT_COMMIT),
    .see = keeper_see,
};
