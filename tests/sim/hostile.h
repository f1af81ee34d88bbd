/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* A member whose agent is out of order: see hostile.c. */
#ifndef SIM_HOSTILE_H
#define SIM_HOSTILE_H

#include "world.h"

/* From here on, until hostile_end(): of what this host sends, millionths are followed by something else. */
void hostile_begin(struct world *w, uint32_t host, uint32_t millionths);
void hostile_end(struct world *w, uint32_t host);

/*
 * Of a message to host `to`. true: `out` is to be sent behind it, on the same stream; in its place when
 * world.lied.
 */
bool hostile_follows(struct world *w, const struct sim_host *from, uint32_t to, struct bytes data,
                     struct buf *out);
/* Likewise of a packet; it may go to another address. */
bool hostile_packet(struct world *w, const struct sim_host *from, struct bytes data, struct addr *to,
                    struct buf *out);
void hostile_agent_gone(struct world *w, uint32_t host);
void hostile_done(struct world *w);

#endif
