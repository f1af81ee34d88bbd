/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* What operators asked and were answered: kept for the checkers of the clients' view. */
#ifndef SIM_CALLS_H
#define SIM_CALLS_H

#include "checker.h"

enum call_kind { CALL_OTHER, CALL_RUN, CALL_STOP, CALL_VAR_PUT, CALL_VARS };
struct call {
    uint64_t request; /* of the socket */
    uint32_t host;
    enum call_kind kind;
    uint64_t asked, answered; /* moments in the order of all calls and answers; answered 0: not */
    int64_t asked_us, answered_us;
    int error;
    /* Decoded, as the kind says; in the arena. */
    const struct wire_admin_run *run;
    const struct wire_admin_stop *stop;
    const struct wire_admin_var_put *put;
    const struct wire_admin_var_query *vars;
    /* With an answer that is no error. */
    uint64_t index, version; /* of a write */
    const struct wire_admin_vars *found;
};
struct calls {
    VEC(struct call) list; /* in the order of asking */
    uint64_t moment;
    struct arena arena;
};
extern const struct checker observe_calls;

struct calls *calls_of(struct world *w);
/* NULL: none that was seen. */
const struct call *calls_find(const struct calls *c, uint64_t request);
/* Zero when the client left it to the agent. */
struct request_id call_request_id(const struct call *call);
static inline bool call_is_write(const struct call *call) {
    return call->kind == CALL_RUN || call->kind == CALL_STOP || call->kind == CALL_VAR_PUT;
}

#endif
