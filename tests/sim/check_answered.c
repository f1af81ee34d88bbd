/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Who asks is answered. Without a quorum, too: a write waits 15 s for a leader and is refused then, a read
 * is answered at once or likewise. A client that loses patience later than that, at an agent that has run all
 * the time, was forgotten; or its write waited anew with every leader that came and went, as it once did in
 * covey-sim --seed 52 --set fault_cut=10 --set fault_isolate=5.
 */
#include "calls.h"
#include "links.h"

#define ANSWER_US (20 * US_PER_S)

extern const struct checker check_answered;

static void answered_see(void *self, struct world *w, const struct sight *s) {
    (void)self;
    const struct call *call = calls_find(calls_of(w), s->request);
    if (call == NULL || call->answered != 0 || (!call_is_write(call) && call->kind != CALL_VARS))
        return;
    int64_t up_us = links_of(w)->up_us[call->host];
    if (w->now_us - call->asked_us >= ANSWER_US && up_us != 0 && up_us <= call->asked_us)
        check_fail(w, &check_answered, (int)call->host, "h%u has not answered request %llu in %lld s",
                   call->host, (unsigned long long)call->request,
                   (long long)((w->now_us - call->asked_us) / US_PER_S));
}

const struct checker check_answered = {
    .name = "answered",
    .promise = "a call is answered, with an error after 15 s when there is no quorum (proto/admin.md)",
    .size = 1,
    .sees = SEES(SIGHT_CLIENT_GONE),
    .see = answered_see,
};
