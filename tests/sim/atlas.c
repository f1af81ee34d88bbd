/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The fault atlas (the word is TigerBeetle's): how much of the cluster's memory may be destroyed.
 *
 * Raft promises nothing when a majority of the voters forget, so a run in which they do proves nothing. What
 * may be damaged without bound: nothing that was ever promised to be durable. What may be damaged here: the
 * disk of a host as long as
 *
 *   - in every voter set that any host knows of (in both halves of a joint one, committed or not), a majority
 *     of the voters has a disk that is whole. An entry is committed by a majority, and whoever is elected has
 *     a majority of those that are whole behind it; the two have a voter in common, which has the entry;
 *   - no other host is still being re-seeded: one whose log's life is over counts as such until the
 *     configuration and the node table that the cluster agrees on bear its new one. A leader may be about to
 *     give votes to lives that it does not know to be over, and of each set that it could choose at most one
 *     is;
 *   - no host is leaving, or has been taken out while others still count its vote: then there may be sets of
 *     two. (Nor does an operator take a host out while another is being re-seeded.)
 *
 * A log's life is a raft id. Damage ends it: the agent that finds it takes a new one, and is never counted as
 * the old one again. So the loss of any number of disks is survived, one after the other, and of so many at
 * once as the voters can spare. Outside of the model: all disks of a majority at once; a disk that goes back
 * in time (a restored image) as a whole, unless its host is re-seeded; silent damage that the format is not
 * meant to notice (disk_fault.c says which).
 *
 * Without bound are all other faults: crashes, power cuts (of all hosts together, too), pauses, clocks,
 * addresses, cuts, delay, loss. They take no promise back; they only make the cluster wait.
 *
 * Which hosts are enough for everything to come true in the end: those that hold, in each voter set that may
 * still count, a majority of votes on disks that are whole, with logs that will not be given up for a state
 * that is wrong.
 */
#include "world.h"

bool atlas_is_lost(const struct world *w, const struct raft_id *id) {
    for (size_t i = 0; i < w->lost_logs.count; i++)
        if (raft_id_equal(&w->lost_logs.data[i], id))
            return true;
    return false;
}

static const struct sim_host *host_of(const struct world *w, struct node_id id) {
    for (uint32_t i = 0; i < w->hosts_count; i++)
        if (ID_EQUAL(w->hosts[i].raft_id.node, id))
            return &w->hosts[i];
    return NULL;
}

/* Does this vote lie on a disk that is whole? */
static bool has_whole_log(const struct world *w, const struct raft_id *voter) {
    const struct sim_host *h = host_of(w, voter->node);
    return h != NULL && raft_id_equal(&h->raft_id, voter) && !atlas_is_lost(w, voter) && !disk_damaged(h);
}

/* A log whose state was found to be wrong is given up, too. */
static bool is_whole(const struct world *w, const struct raft_id *voter) {
    return has_whole_log(w, voter) && !host_of(w, voter->node)->rotted;
}

static bool has_voter(const struct known_config *c, const struct raft_id *id) {
    for (unsigned half = 0; half < 2; half++)
        for (size_t i = 0; i < c->count[half]; i++)
            if (raft_id_equal(&c->voters[half][i], id))
                return true;
    return false;
}

/* ---- looking ------------------------------------------------------------------------------------------- */

/* The host that has seen most. */
static const struct sim_host *best_informed(const struct world *w) {
    const struct sim_host *best = NULL;
    for (uint32_t i = 0; i < w->hosts_count; i++)
        if (best == NULL || w->configs[i].commit > w->configs[best->index].commit)
            best = &w->hosts[i];
    return best;
}

static void half_take(struct known_config *k, unsigned half, const struct raft_id *voters, size_t count) {
    k->count[half] = count;
    mem_copy(k->voters[half], voters, count * sizeof *voters);
}

void atlas_look(struct world *w, struct sim_host *h) {
    const struct raft *r = node_raft(h->node);
    if (r == NULL)
        return;
    struct known_config *k = &w->configs[h->index];
    const struct wire_raft_config *c = raft_config_now(r);
    struct raft_id id = raft_self(r);
    if (!raft_id_equal(&id,
                       &h->raft_id)) { /* a new life: what ended the old one was damage, found by its agent */
        atlas_damaged(w, h);
        h->raft_id = id;
        h->member_index = w->configs[best_informed(w)->index].commit;
    }
    /* A log that cannot do without a file that is gone (a snapshot) has got a new life by now. */
    h->disk.file_gone = false;
    k->commit = raft_commit_index(r);
    k->last = raft_last_index(r);
    if (c == NULL)
        return;
    half_take(k, 0, c->voters, c->voters_count);
    half_take(k, 1, c->voters_next, c->voters_next_count);
    const struct wire_raft_config *committed = raft_config_at(r, k->commit);
    if (committed == NULL)
        committed = c;
    half_take(k, 2, committed->voters, committed->voters_count);
    half_take(k, 3, committed->voters_next, committed->voters_next_count);
}

void atlas_damaged(struct world *w, const struct sim_host *h) {
    if (ID_IS_ZERO(h->raft_id.log) || atlas_is_lost(w, &h->raft_id))
        return;
    VEC_PUSH(&w->lost_logs, h->raft_id);
    w->configs[h->index] = (struct known_config){.commit = 0};
}

/* ---- judging ------------------------------------------------------------------------------------------- */

static bool is_being_seeded(const struct world *w, const struct sim_host *h) {
    if (ID_IS_ZERO(h->raft_id.log))
        return false;
    if (atlas_is_lost(w, &h->raft_id) || disk_damaged(h))
        return true;
    for (size_t i = 0; i < w->lost_logs.count; i++) {
        const struct raft_id *lost = &w->lost_logs.data[i];
        if (!ID_EQUAL(lost->node, h->raft_id.node))
            continue;
        for (uint32_t k = 0; k < w->hosts_count; k++)
            if (has_voter(&w->configs[k], lost))
                return true;
        const struct sim_host *best = best_informed(w);
        const struct wire_node_record *r =
            best->node != NULL ? state_node_find(node_state(best->node), lost->node) : NULL;
        if (r == NULL || ID_EQUAL(r->log, lost->log))
            return true;
    }
    return false;
}

static bool half_survives(const struct world *w, const struct known_config *c, unsigned half,
                          const struct sim_host *without) {
    size_t whole = 0;
    for (size_t i = 0; i < c->count[half]; i++)
        whole += is_whole(w, &c->voters[half][i]) && !raft_id_equal(&c->voters[half][i], &without->raft_id);
    return c->count[half] == 0 || whole > c->count[half] / 2;
}

bool atlas_whole(const struct world *w, const struct sim_host *except) {
    for (uint32_t i = 0; i < w->hosts_count; i++)
        if (&w->hosts[i] != except && is_being_seeded(w, &w->hosts[i]))
            return false;
    return true;
}

/* It was asked to, perhaps in an earlier run of its agent, and others still count its vote. */
static bool is_leaving(const struct world *w, const struct sim_host *h) {
    if (h->leaving)
        return true;
    for (uint32_t k = 0; k < w->hosts_count; k++)
        if (k != h->index && has_voter(&w->configs[k], &h->raft_id))
            return atlas_taken_out(w, h);
    return false;
}

bool atlas_may_damage(struct world *w, const struct sim_host *h) {
    bool known = false;
    if (w->faults_over || !atlas_whole(w, h))
        return false;
    for (uint32_t i = 0; i < w->hosts_count; i++) {
        const struct known_config *c = &w->configs[i];
        known |= c->count[0] > 0;
        if (is_leaving(w, &w->hosts[i]))
            return false;
        if (!half_survives(w, c, 0, h) || !half_survives(w, c, 1, h))
            return false;
    }
    return known;
}

/*
 * By an operator's word: the node table of whoever has applied most tells. Those that know most may be down
 * at this moment: that a host is missing in an older table may be as it has come since.
 */
bool atlas_taken_out(const struct world *w, const struct sim_host *h) {
    const struct state *best = NULL;
    for (uint32_t i = 0; i < w->hosts_count; i++) {
        const struct state *s = w->hosts[i].node != NULL ? node_state(w->hosts[i].node) : NULL;
        if (s != NULL && (best == NULL || state_index(s) > state_index(best)))
            best = s;
    }
    if (best == NULL || ID_IS_ZERO(h->raft_id.node))
        return false;
    const struct wire_node_record *r = state_node_find(best, h->raft_id.node);
    return r == NULL ? state_index(best) > h->member_index : r->status == NODE_STATUS_LEFT;
}

/*
 * Is there a majority that is right, to outvote a voter whose state is wrong? Only then does that one give
 * its log up. Where there is none (check_state.c) it votes on, with a log that is as good as any.
 */
static bool half_outvotes(const struct world *w, const struct known_config *c, unsigned half) {
    size_t right = 0;
    for (size_t i = 0; i < c->count[half]; i++)
        right += is_whole(w, &c->voters[half][i]) && !host_of(w, c->voters[half][i].node)->has_left;
    return right > c->count[half] / 2;
}

static bool half_enough(const struct world *w, const struct known_config *c, unsigned half, uint32_t hosts) {
    bool outvotes = half_outvotes(w, c, half);
    size_t whole = 0;
    for (size_t i = 0; i < c->count[half]; i++) {
        const struct raft_id *voter = &c->voters[half][i];
        const struct sim_host *h = host_of(w, voter->node);
        whole += h != NULL && ((hosts >> h->index) & 1) != 0 &&
                 (outvotes ? is_whole(w, voter) : has_whole_log(w, voter));
    }
    return c->count[half] == 0 || whole > c->count[half] / 2;
}

/*
 * Of the best informed both the committed set and what it has behind that count. Those who have no more than
 * what is committed elect by that set: a change which is only in the best informed's log does not bind them,
 * and frees nobody of them either.
 */
bool atlas_enough(struct world *w, uint32_t hosts) {
    const struct sim_host *best = best_informed(w);
    uint64_t commit = w->configs[best->index].commit;
    for (uint32_t i = 0; i < w->hosts_count; i++) {
        const struct known_config *c = &w->configs[i];
        /* What ends in the part that is committed is no news to the best informed. */
        bool counts = &w->hosts[i] == best || c->last > commit;
        size_t halves = &w->hosts[i] == best ? 4 : 2;
        for (unsigned half = 0; half < halves && counts; half++)
            if (!half_enough(w, c, half, hosts))
                return false;
    }
    return commit > 0;
}
