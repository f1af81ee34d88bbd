/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The last lines of each host, kept for the day they are needed: what the world said of it (faults, calls,
 * what its agent told) and the events that its agent saw. Nothing of it enters a run.
 */
#ifndef SIM_HISTORY_H
#define SIM_HISTORY_H

#include <covey/base.h>

struct history;
struct sight;
struct world;

struct history *history_new(void);
void history_free(struct history *h);
/* Taken as they come: time is the world's. */
void history_say(struct world *w, uint32_t host, const char *line);
/* checkers.c: everything that happens, as the checkers see it. */
void history_see(struct world *w, const struct sight *s);
/* From here on each line is also given to `tell`; NULL: not any more. */
typedef void history_tell(void *arg, uint32_t host, const char *line);
void history_listen(struct world *w, history_tell *tell, void *arg);
/* The last lines of one host, oldest first, each with its time and two blanks before. */
void history_print(struct world *w, uint32_t host, size_t lines_max, struct buf *out);

#endif
