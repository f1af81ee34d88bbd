/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * How old the copy here is at most, without asking: what a local read states. The time of the last message
 * would not do, because a message may have been on its way for long, and because whoever sent it may have
 * been deposed long before it noticed.
 *
 *     follower   answers round j at T(j) on its own clock
 *     leader     has that answer; begins round k; a majority answers k: so it led when k began, and its
 *                commit index then was the newest; its next message says: fresh = j
 *     follower   holds what that message says is committed: its copy is no older than T(j)
 *
 * T(j) lies before the beginning of round k, whatever the delays: the leader had the answer by then. The
 * leader's own copy is as old as the last round that a majority has answered.
 */
#include "internal.h"

/* A round begins: if the last one that was looked at is done with, look at this one. */
void raft_fresh_begin(struct raft *r) {
    if (r->fresh_round != 0 || !raft_leader_ready(r))
        return;
    r->fresh_round = r->round;
    r->fresh_begun_us = r->now_us;
    for (size_t i = 0; i < r->peers.count; i++)
        r->peers.data[i]->fresh_acked = r->peers.data[i]->round_acked;
}

void raft_fresh_settle(struct raft *r) {
    if (r->fresh_round == 0 || raft_quorum_round(r) < r->fresh_round)
        return;
    r->fresh_round = 0;
    r->fresh_us = r->fresh_begun_us;
    for (size_t i = 0; i < r->peers.count; i++)
        r->peers.data[i]->fresh_told = r->peers.data[i]->fresh_acked;
}

/*
 * Follower: a round was answered. Not each is kept, as an older one says less and nothing wrong. Only the
 * first answer to a round counts: the leader may have that one, and begun other rounds since, when a later
 * message of the same round is still on its way here.
 */
void raft_fresh_answered(struct raft *r, uint64_t round) {
    struct raft_answered *last = &r->answered[r->answered_next % ANSWERED_MAX];
    if (round <= r->answered_round)
        return;
    r->answered_round = round;
    if (r->now_us - last->at_us < r->options.heartbeat_us / 4)
        return;
    r->answered_next++;
    r->answered[r->answered_next % ANSWERED_MAX] = (struct raft_answered){.round = round, .at_us = r->now_us};
}

/* The leader's word came, and the log here reaches its commit index. */
void raft_fresh_told(struct raft *r, uint64_t round) {
    for (size_t i = 0; i < ANSWERED_MAX; i++) {
        const struct raft_answered *a = &r->answered[i];
        if (a->round != 0 && a->round <= round && a->at_us > r->fresh_us)
            r->fresh_us = a->at_us;
    }
}

/* Rounds are counted by each leader for itself. */
void raft_fresh_forget(struct raft *r) {
    memset(r->answered, 0, sizeof r->answered);
    r->answered_next = 0;
    r->answered_round = 0;
    r->fresh_round = 0;
}
