/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The configuration in force is that of the newest configuration entry in the log, committed or not, and when
 * that entry is cut it goes with it (thesis 4.1). What a log holds is known from its terms, as index and term
 * name one entry ("log-matching"). A host whose newest entries nobody has seen the bytes of yet is looked at
 * again when they were written or sent.
 */
#include "check_matching.h"
#include "truth.h"

struct look {
    uint64_t upto, upto_term; /* known so far */
    uint64_t index;           /* of the newest configuration up to there; 0: before the first entry kept */
    uint64_t told;            /* compared up to here */
};
struct in_force {
    struct look hosts[HOSTS_MAX];
};
extern const struct checker check_in_force;

enum kind { KIND_UNKNOWN, KIND_CONFIG, KIND_OTHER };

static enum kind kind_at(struct world *w, const struct raft *r, uint64_t index) {
    const struct entry_seen *e = entry_find(w, index, raft_term_at(r, index));
    if (e == NULL || !e->crc_known)
        return KIND_UNKNOWN;
    return e->is_config ? KIND_CONFIG : KIND_OTHER;
}

/* Something was cut: the newest one that is left. false: not known. */
static bool look_anew(struct world *w, const struct raft *r, struct look *l) {
    uint64_t first = raft_first_index(r), i = raft_last_index(r);
    enum kind kind = KIND_OTHER;
    for (; i >= first && (kind = kind_at(w, r, i)) == KIND_OTHER;)
        i--;
    if (i >= first && kind == KIND_UNKNOWN)
        return false;
    l->index = i >= first ? i : 0;
    return true;
}

/* Entries were appended: false when one of them is not known yet. */
static bool look_on(struct world *w, const struct raft *r, struct look *l) {
    while (l->upto < raft_last_index(r)) {
        enum kind kind = kind_at(w, r, l->upto + 1);
        if (kind == KIND_UNKNOWN)
            return false;
        l->upto++;
        l->upto_term = raft_term_at(r, l->upto);
        if (kind == KIND_CONFIG)
            l->index = l->upto;
    }
    return true;
}

/* Of what is committed, up to the entry before the first one kept. */
static struct bytes base_config(struct world *w, const struct raft *r) {
    for (uint64_t i = raft_first_index(r) - 1; i > 0; i--) {
        const struct truth_entry *e = truth_entry_at(truth_of(w), i);
        if (e == NULL || e->entry.kind == ENTRY_KIND_CONFIG)
            return e != NULL ? e->entry.data : (struct bytes){0};
    }
    return (struct bytes){0};
}

static void compare(struct world *w, const struct sim_host *h, const struct raft *r, const struct look *l) {
    struct bytes wanted =
        l->index != 0 ? entry_find(w, l->index, raft_term_at(r, l->index))->data : base_config(w, r);
    struct buf has = {0};
    codec_encode(&wire_raft_config_type, raft_config_now(r), &has);
    if (wanted.size > 0 && !bytes_equal(wanted, buf_bytes(&has)))
        check_fail(w, &check_in_force, (int)h->index,
                   "h%u goes by %zu+%zu voters, which are not those of its log (up to %llu: index %llu)",
                   h->index, raft_config_now(r)->voters_count, raft_config_now(r)->voters_next_count,
                   (unsigned long long)raft_last_index(r), (unsigned long long)l->index);
    buf_done(&has);
}

static void in_force_see(void *self, struct world *w, const struct sight *s) {
    struct look *l = &((struct in_force *)self)->hosts[s->host->index];
    const struct raft *r = s->host->node != NULL ? node_raft(s->host->node) : NULL;
    if (s->kind == SIGHT_AGENT_GONE || r == NULL) {
        *l = (struct look){0};
        return;
    }
    uint64_t last = raft_last_index(r), first = raft_first_index(r);
    if (last == l->told && last == l->upto && (last < first || raft_term_at(r, last) == l->upto_term))
        return;
    bool grown = l->upto > 0 && l->upto <= last && l->upto >= first && (l->index == 0 || l->index >= first) &&
                 raft_term_at(r, l->upto) == l->upto_term;
    if (!grown) {
        *l = (struct look){0};
        if (!look_anew(w, r, l))
            return;
        l->upto = last;
        l->upto_term = raft_term_at(r, last);
    } else if (!look_on(w, r, l)) {
        return;
    }
    l->told = last;
    compare(w, s->host, r, l);
}

const struct checker check_in_force = {
    .name = "config-in-force",
    .promise = "the voters are those of the newest configuration in the log, also when a newer one was cut "
               "(Raft thesis 4.1)",
    .size = sizeof(struct in_force),
    .sees = SEES(SIGHT_STEP) | SEES(SIGHT_AGENT_GONE),
    .see = in_force_see,
};
