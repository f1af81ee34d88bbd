/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* One core alone, among others that say anything: see alone.c. */
#ifndef SIM_ALONE_H
#define SIM_ALONE_H

#include "world.h"

/* So many scripts for each core. What is broken ends the process: it is an assertion. */
void alone_play(struct world *w, uint32_t scripts);

/* Reads each host's disk, as it is and so often with something damaged. */
void alone_disks(struct world *w, struct prng *p, uint32_t rounds);

void alone_commands(struct prng *p, uint32_t scripts); /* the state */
void alone_shim(struct prng *p, uint32_t scripts);
void alone_choices(struct prng *p, uint32_t rounds); /* of voters, and of whom to ask */

/* Each plays one script of these bytes. */
int alone_node(const uint8_t *data, size_t size);
int alone_raft(const uint8_t *data, size_t size);
int alone_state(const uint8_t *data, size_t size);
int alone_swim(const uint8_t *data, size_t size);
int alone_wal(const uint8_t *data, size_t size);

#endif
