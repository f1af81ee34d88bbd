/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Committed means: on a majority of disks. When an entry is committed for the first time, it is the leader
 * of that term who says so, and of the configuration that was in force there (both halves of a joint one) a
 * majority of the voters have it behind a flush. Voters count by raft id: a host whose log was lost, or given
 * up, is not the voter that it was; learners count for nothing. A log may be lost while its acknowledgement
 * is on the way: the lost voter never votes again, so what is asked for is that no majority of the others is
 * without the entry.
 *
 * A step may commit and change the configuration, in this order: of the configuration before and behind the
 * step the one that asks for less is taken, which is never less than what held when the leader counted, but
 * for the half that a joint one has more.
 */
#include "durable.h"
#include "truth.h"

struct config {
    struct raft_id ids[2][WIRE_VOTERS_MAX];
    size_t count[2];
};
struct quorum {
    struct config before[HOSTS_MAX]; /* as of the host's last step */
};
extern const struct checker check_quorum;

static void config_take(struct config *c, const struct wire_raft_config *wire) {
    c->count[0] = wire != NULL ? wire->voters_count : 0;
    c->count[1] = wire != NULL ? wire->voters_next_count : 0;
    if (c->count[0] > 0)
        memcpy(c->ids[0], wire->voters, c->count[0] * sizeof *c->ids[0]);
    if (c->count[1] > 0)
        memcpy(c->ids[1], wire->voters_next, c->count[1] * sizeof *c->ids[1]);
}

static bool voter_has(struct world *w, const struct raft_id *id, const struct wire_raft_entry *e) {
    struct sim_host *h = truth_host_of(w, id->node);
    const struct durable_log *d = h != NULL ? durable_log_of(w, h) : NULL;
    return d != NULL && ID_EQUAL(d->log, id->log) && durable_has(d, e->index, e->term);
}

/* With no log lost: a majority has it. */
static bool half_has(struct world *w, const struct config *c, unsigned half,
                     const struct wire_raft_entry *e) {
    size_t without = 0;
    for (size_t i = 0; i < c->count[half]; i++)
        without += !voter_has(w, &c->ids[half][i], e) && !atlas_is_lost(w, &c->ids[half][i]);
    return without <= (c->count[half] - 1) / 2;
}

static bool config_has(struct world *w, const struct config *c, const struct wire_raft_entry *e) {
    return c->count[0] > 0 && half_has(w, c, 0, e) && (c->count[1] == 0 || half_has(w, c, 1, e));
}

static void see_commit(const struct quorum *q, struct world *w, struct sim_host *h,
                       const struct wire_raft_entry *e) {
    const struct raft *r = node_raft(h->node);
    const struct truth_host *th = &truth_of(w)->hosts[h->index];
    bool leads = raft_role(r) == RAFT_LEADER || (th->runs && th->role == RAFT_LEADER);
    if (!leads) {
        check_fail(w, &check_quorum, (int)h->index, "h%u, a %s, is the first to commit index %llu", h->index,
                   raft_role_str(raft_role(r)), (unsigned long long)e->index);
        return;
    }
    struct config now;
    config_take(&now, raft_config_now(r));
    if (!config_has(w, &now, e) && !config_has(w, &q->before[h->index], e))
        check_fail(w, &check_quorum, (int)h->index,
                   "h%u commits index %llu of term %llu without a majority of disks", h->index,
                   (unsigned long long)e->index, (unsigned long long)e->term);
}

static void quorum_see(void *self, struct world *w, const struct sight *s) {
    struct quorum *q = self;
    const struct raft *r = s->host->node != NULL ? node_raft(s->host->node) : NULL;
    if (s->kind == SIGHT_COMMIT)
        see_commit(q, w, s->host, s->entry);
    else if (s->kind == SIGHT_AGENT_START || (r != NULL && raft_role(r) == RAFT_LEADER))
        config_take(&q->before[s->host->index], r != NULL ? raft_config_now(r) : NULL);
}

const struct checker check_quorum = {
    .name = "committed-durable",
    .promise =
        "what is committed lies on the disks of a majority of the voters in force, of both halves of a "
        "joint configuration (Raft thesis 3.6, 4.3)",
    .size = sizeof(struct quorum),
    .sees = SEES(SIGHT_COMMIT) | SEES(SIGHT_STEP) | SEES(SIGHT_AGENT_START),
    .see = quorum_see,
};
