/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The state's bytes and their hash, as it was at one index: to be compared with other hosts' (state_check.c),
 * and to become a snapshot. Those of a small state are made at once, those of a large one a part with each
 * feed: nobody waits for much longer than for any other input, while entries go on being applied.
 *
 *     applied    100 ... 256 ........ 257 .. 258 .. 259 ............ 260 .....
 *                         copy of 256: part | part | part | the last -> compared, perhaps written
 *
 * One is made at a time, and one that is to be written is kept until other voters had time to say what they
 * have there. An index that is due meanwhile goes without.
 */
#include "internal.h"

#define PART_SIZE (64 * 1024) /* a fraction of a millisecond */

void node_copy_stop(struct node *n) {
    state_copy_free(n->copying.copy);
    n->copying.copy = NULL;
}

static void copy_new(struct node *n, uint64_t term) {
    static const uint8_t unknown[STATE_HASH_SIZE];
    n->copying = (struct copying){
        .copy = state_copy_new(n->state, SNAPSHOT_FRONT),
        .at = node_checkpoint_full(n, term, raft_config_at(n->raft, n->applied_index), unknown),
        .log_bytes = n->log_bytes_applied,
    };
}

static bool copy_step(struct node *n, size_t size) {
    if (!state_copy_step(n->copying.copy, size))
        return false;
    state_copy_hash(n->copying.copy, n->copying.at.state);
    return true;
}

size_t node_part_size(const struct node *n) { return n->copy_part_size != 0 ? n->copy_part_size : PART_SIZE; }

void node_copy_tick(struct node *n) {
    if (n->copying.copy == NULL)
        return;
    if (n->copying.whole_us == 0) {
        if (!copy_step(n, node_part_size(n)))
            return;
        n->copying.whole_us = n->now_us > 0 ? n->now_us : 1;
        node_state_copied(n);
    }
    if (!node_state_waits(n))
        node_copy_stop(n);
}

void node_copy_begin(struct node *n, uint64_t term, bool compared) {
    if (n->copying.copy != NULL)
        return;
    copy_new(n, term);
    n->copying.compared = compared;
    node_copy_tick(n);
}

int64_t node_copy_deadline(const struct node *n) {
    if (n->copying.copy == NULL)
        return TIME_NEVER_US;
    return n->copying.whole_us == 0 ? n->now_us : node_state_waits_until(n);
}

void node_snapshot_now(struct node *n) {
    node_copy_stop(n);
    copy_new(n, raft_term_at(n->raft, n->applied_index));
    (void)copy_step(n, SIZE_MAX);
    node_snapshot_write(n);
    node_copy_stop(n);
}
