/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The configuration changes one at a time, and jointly. A leader that sends a configuration at index k has
 *   no other configuration between what it has committed and k          (one change is pending)
 *   an entry of its own term committed                                  (Ongaro's fix of 2015)
 *   made it from the one before it: {old} -> {old, new} -> {new}        (4.3: never from one set to another)
 *   no host twice in the same set, under two lives of its disk          (each loss of it would count twice)
 */
#include "check_matching.h"
#include "truth.h"

extern const struct checker check_config;

static bool ids_equal(const struct raft_id *a, size_t a_count, const struct raft_id *b, size_t b_count) {
    for (size_t i = 0; a_count == b_count && i < a_count; i++) {
        bool found = false;
        for (size_t k = 0; k < b_count; k++)
            found |= raft_id_equal(&a[i], &b[k]);
        if (!found)
            return false;
    }
    return a_count == b_count;
}

static bool follows(const struct wire_raft_config *old, const struct wire_raft_config *fresh) {
    if (old->voters_next_count > 0) /* joint: its second half alone comes next */
        return fresh->voters_next_count == 0 &&
               ids_equal(fresh->voters, fresh->voters_count, old->voters_next, old->voters_next_count);
    return fresh->voters_next_count > 0 &&
           ids_equal(fresh->voters, fresh->voters_count, old->voters, old->voters_count);
}

static bool has_host_twice(const struct raft_id *ids, size_t count) {
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < i; k++)
            if (ID_EQUAL(ids[i].node, ids[k].node))
                return true;
    return false;
}

static void compare(struct world *w, const struct sim_host *h, uint64_t index, struct bytes old,
                    struct bytes fresh) {
    struct arena a = {0};
    struct wire_raft_config x, y;
    if (codec_decode(&wire_raft_config_type, old, &a, &x, NULL) != 0 ||
        codec_decode(&wire_raft_config_type, fresh, &a, &y, NULL) != 0)
        check_fail(w, &check_config, (int)h->index, "h%u sends a bad configuration at %llu", h->index,
                   (unsigned long long)index);
    else if (!follows(&x, &y))
        check_fail(w, &check_config, (int)h->index,
                   "h%u changes the voters at %llu from %zu+%zu to %zu+%zu, not jointly", h->index,
                   (unsigned long long)index, x.voters_count, x.voters_next_count, y.voters_count,
                   y.voters_next_count);
    else if (has_host_twice(y.voters, y.voters_count) || has_host_twice(y.voters_next, y.voters_next_count))
        check_fail(w, &check_config, (int)h->index, "h%u gives two votes to one host at %llu", h->index,
                   (unsigned long long)index);
    arena_done(&a);
}

/* The configuration before the entry at (index, term), if it is known. */
static const struct entry_seen *config_before(struct world *w, uint64_t index, uint64_t term,
                                              uint64_t *ret_index) {
    const struct entry_seen *e = entry_find(w, index, term);
    while (e != NULL && index > 1) {
        e = entry_find(w, --index, e->prev_term);
        *ret_index = index;
        if (e == NULL || e->is_config || !e->crc_known)
            return e != NULL && e->is_config ? e : NULL;
    }
    return NULL;
}

static void see_config(struct world *w, const struct sim_host *h, const struct wire_raft_message *m,
                       const struct wire_raft_entry *e) {
    uint64_t commit = m->append_request->commit, old_index = 0;
    const struct entry_seen *old = config_before(w, e->index, e->term, &old_index);
    if (old != NULL)
        compare(w, h, e->index, old->data, e->data);
    if (w->failed || e->term != m->term)
        return; /* an earlier leader's: it is sent on as it is */
    const struct raft *r = node_raft(h->node);
    bool ready = raft_commit_index(r) > 0 && raft_commit_index(r) >= raft_first_index(r) &&
                 raft_term_at(r, raft_commit_index(r)) == e->term;
    if (raft_role(r) == RAFT_LEADER && raft_term(r) == e->term && !ready)
        check_fail(w, &check_config, (int)h->index,
                   "h%u changes the voters before it has committed anything of term %llu", h->index,
                   (unsigned long long)e->term);
    else if (old != NULL && old_index > commit && raft_commit_index(r) < old_index)
        check_fail(w, &check_config, (int)h->index, "h%u has two configurations pending: %llu and %llu",
                   h->index, (unsigned long long)old_index, (unsigned long long)e->index);
}

static void config_see(void *self, struct world *w, const struct sight *s) {
    (void)self;
    const struct wire_raft_message *m = s->message != NULL ? s->message->raft : NULL;
    if (m == NULL || m->append_request == NULL)
        return;
    for (size_t i = 0; i < m->append_request->entries_count && !w->failed; i++)
        if (m->append_request->entries[i].kind == ENTRY_KIND_CONFIG)
            see_config(w, s->host, m, &m->append_request->entries[i]);
}

const struct checker check_config = {
    .name = "config-changes",
    .promise = "one change of the voters at a time, each joint, none before an entry of the leader's term is "
               "committed (Raft thesis 4.3; Ongaro, raft-dev 2015); one vote a host",
    .size = 1,
    .sees = SEES(SIGHT_EFFECT),
    .see = config_see,
};
