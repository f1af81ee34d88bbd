/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Leadership handed over (thesis 3.10): the leader takes no proposals, brings the target up to date and tells
 * it to stand at once, without a pre-vote and with the flag that overrides stickiness. If that takes longer
 * than an election timeout, the leader goes on.
 */
#include "internal.h"

int raft_transfer(struct raft *r, const struct raft_id *to) {
    if (!raft_conf_has(raft_conf_now(r), to))
        return ERR_NOT_FOUND;
    assert(!raft_id_equal(to, &r->options.self));
    if (r->transfer)
        return ERR_BUSY;
    r->transfer = true;
    r->transfer_sent = false;
    r->transfer_to = *to;
    r->transfer_until_us = r->now_us + r->options.election_min_us;
    return 0;
}

bool raft_handing_over(const struct raft *r) { return r->transfer; }

static void timeout_now_send(struct raft *r, const struct raft_id *to) {
    struct raft_item *item = raft_send(r, to, 0);
    item->message.timeout_now = true;
}

void raft_transfer_settle(struct raft *r) {
    if (!r->transfer)
        return;
    const struct raft_peer *p = raft_peer_find(r, &r->transfer_to);
    if (!p || !raft_conf_has(raft_conf_now(r), &p->id)) {
        r->transfer = false; /* it was removed meanwhile */
        return;
    }
    if (r->transfer_sent || p->refused || p->match < raft_log_last(&r->log))
        return;
    timeout_now_send(r, &p->id);
    r->transfer_sent = true;
}

void raft_timeout_now(struct raft *r, const struct wire_raft_message *m) {
    bool from_leader = r->leader_known && raft_id_equal(&r->leader, &m->from);
    if (m->term != r->term || !from_leader || !raft_may_campaign(r))
        return;
    MARK(r, TRANSFER_TAKEN);
    raft_stand(r, true);
}

/* A leader that must stop names the voter that has the most of its log, without waiting for more. */
void raft_hand_over(struct raft *r) {
    const struct raft_peer *best = NULL;
    for (size_t i = 0; i < r->peers.count; i++) {
        const struct raft_peer *p = r->peers.data[i];
        if (!raft_conf_has(raft_conf_now(r), &p->id) || p->refused || !raft_peer_recent(r, p))
            continue;
        if (!best || p->match > best->match)
            best = p;
    }
    if (best)
        timeout_now_send(r, &best->id);
}
