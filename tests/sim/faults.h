/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* The faults of a run, as its swarm has drawn them. */
#ifndef SIM_FAULTS_H
#define SIM_FAULTS_H

#include "world.h"

void faults_start(struct world *w);                          /* from here on, one after the other */
void faults_look(struct world *w, const struct sim_host *h); /* after each step of its agent */
/* The agent dies at this moment, or the power is cut; it comes back. */
void faults_crash(struct world *w, uint32_t host, bool by_power);
void faults_event(struct world *w, struct event *e);
/*
 * Faults are over: no more happen, and the hosts of `core` are healed and connected. The others stay as they
 * are (faults_break() makes that worse), and do not reach the core.
 */
void faults_heal(struct world *w, uint32_t core);
void faults_break(struct world *w, uint32_t host);

#endif
