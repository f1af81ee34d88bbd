/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * placement: where does the next instance go, and if nowhere, why not? Feasibility (status, drivers,
 * resources, static ports, room for dynamic ports), then a score in integers: fewest instances of the same
 * group, then the most room left, then rendezvous hashing of (job, group, slot) and the node, so that ties
 * are spread and every node computes the same.
 *
 * PURE. A placement is a working table built from the state; each pick reserves what it took, so that one
 * plan does not place two things in the same room.
 */
#ifndef COVEY_PLACEMENT_H
#define COVEY_PLACEMENT_H

#include <covey/base.h>
#include <covey/mark.h>
#include <covey/state.h>

struct placement;

/* usable: says of each node of the table whether the leader believes it alive now. */
typedef bool placement_usable(void *arg, const struct wire_node_record *node);

struct placement *placement_new(const struct state *s, placement_usable *usable, void *arg);
void placement_free(struct placement *p);
void placement_marks(struct placement *p, struct marks *marks); /* NULL: none are kept */

/*
 * Picks and reserves. ERR_NO_FIT: ret_reason says why, counting nodes by cause, e.g. "no node fits: 3 lack
 * 512 MiB of memory, 1 does not allow raw_exec, 1 is unreachable". avoid (zero: none) is taken only when
 * nothing else fits.
 */
int placement_pick(struct placement *p, const struct wire_job_record *job, const struct wire_group *group,
                   uint32_t slot, struct node_id avoid, struct node_id *ret_node, struct buf *ret_reason);

#endif
