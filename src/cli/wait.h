/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* What `run` and `stop` share: writes that survive a broken connection, long polls, a line that is rewritten.
 */
#ifndef COVEY_CLI_WAIT_H
#define COVEY_CLI_WAIT_H

#include "internal.h"

#define CLI_POLL_MS 1000 /* a long poll: so old may a reason get that no entry of the log announces */

/* The line last shown, so that only changes are. */
struct cli_line {
    struct buf text;
    bool is_open; /* on a terminal: its end is not printed yet */
};
void cli_line_show(struct cli *c, struct cli_line *l, const struct buf *text);
/* Ends an open line, and prints whole lines below it. */
void cli_line_notice(struct cli *c, struct cli_line *l, const struct buf *notices);
void cli_line_done(struct cli_line *l);

/* Repeats a write on a new connection, with its request id, as long as it breaks and the deadline allows. */
int cli_write(struct cli *c, const char *method, const struct codec_type *params_type, const void *params,
              const struct codec_type *result_type, void *ret_result, int64_t deadline_us);
/* The next state of a job after *index; ERR_NOT_FOUND, ERR_TIMEOUT past the deadline. The arena is the
 * answer's. */
int cli_poll_job(struct cli *c, struct bytes job, uint64_t *index, struct arena *a,
                 struct wire_admin_job_status *ret, int64_t deadline_us);

/* The hosts as this one knows them; the answer lies in the arena, which is begun anew. A connection that
 * broke is closed, so that it may be asked again. */
int cli_nodes_poll(struct cli *c, struct arena *a, struct wire_admin_nodes *ret);
/* What to wait for: the whole id of the host that this one knows by a name, for once it is gone the name may
 * be the beginning of another's id. The name itself where none or several are known by it: the leader judges.
 */
const char *cli_node_id(struct cli *c, const char *name);
void cli_pause(void); /* between polls */

#endif
