/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* The faults of the network. */
#ifndef SIM_FAULTS_NETWORK_H
#define SIM_FAULTS_NETWORK_H

#include "swarm.h"

void faults_network_begin(struct world *w, enum fault_class class);
void faults_network_end(struct world *w, uint64_t what);
/* The leader is cut off, perhaps with a minority of the others. */
void faults_network_ambush(struct world *w, uint32_t leader);
/* Every link between hosts of core is open, every other one is cut. */
void faults_network_heal(struct world *w, uint32_t core);

/* faults.c */
int64_t faults_span_us(struct world *w, int64_t usual_us, int64_t most_us);
void faults_network_later(struct world *w, uint64_t what, int64_t delay_us);

#endif
