/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * A peer that lies: what it gives to learners is changed on its way out, with checkpoints to match as far as
 * somebody can make them who does not vote; and a memory that rots: a host's state is changed behind its
 * back.
 */
#ifndef SIM_LIES_H
#define SIM_LIES_H

#include <covey/learn.h>

#include "world.h"

/* A message of a host that lies, as it leaves. false: it stays as it is. */
bool lies_change(struct world *w, const struct sim_host *h, struct bytes data, struct buf *out);
/* An answered write that nobody has asked for appears in the state. */
void lies_rot(struct world *w, struct sim_host *h);

/* check_proven.c: the chain over the true log up to a committed index; false: that is not known. */
bool proven_chain(struct world *w, uint64_t index, struct chain *ret);
bool proven_had_vote(struct world *w, struct node_id id); /* ever */

#endif
