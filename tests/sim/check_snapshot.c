/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * A snapshot takes the place of the log up to its index, so it must say of that log what nobody can look up
 * any more: the term of that index, and the voters in force there; not those of an entry behind it, which may
 * never be committed. That its state is the right one "equal-states" sees to.
 */
#include <covey/wal.h>

#include "truth.h"

extern const struct checker check_snapshot;

/* The newest configuration up to `index`, of what is committed. */
static const struct truth_entry *config_at(const struct truth *t, uint64_t index) {
    const struct truth_entry *e = NULL;
    while (index > 0 && (e = truth_entry_at(t, index)) != NULL && e->entry.kind != ENTRY_KIND_CONFIG)
        index--;
    return index > 0 ? e : NULL;
}

static void judge(struct world *w, const struct sim_host *h, const struct wire_snapshot_header *head) {
    const struct truth *t = truth_of(w);
    const struct truth_entry *last = truth_entry_at(t, head->index), *config = config_at(t, head->index);
    struct buf has = {0};
    codec_encode(&wire_raft_config_type, &head->config, &has);
    if (last == NULL || last->entry.term != head->term)
        check_fail(w, &check_snapshot, (int)h->index, "h%u: a snapshot says index %llu is of term %llu",
                   h->index, (unsigned long long)head->index, (unsigned long long)head->term);
    else if (config == NULL || !bytes_equal(config->entry.data, buf_bytes(&has)))
        check_fail(w, &check_snapshot, (int)h->index,
                   "h%u: a snapshot at index %llu has %zu+%zu voters, which are not those in force there",
                   h->index, (unsigned long long)head->index, head->config.voters_count,
                   head->config.voters_next_count);
    buf_done(&has);
}

static void snapshot_see(void *self, struct world *w, const struct sight *s) {
    (void)self;
    uint64_t index;
    if (s->effect->kind != NODE_DISK || s->effect->op.kind != DISK_REPLACE ||
        !snapshot_name_parse(s->effect->op.name, &index))
        return;
    struct arena a = {0};
    struct wire_snapshot_header head;
    struct bytes state;
    char text[200];
    if (snapshot_decode(s->effect->op.data, NULL, &a, &head, &state, text, sizeof text) != 0)
        check_fail(w, &check_snapshot, (int)s->host->index, "h%u writes a bad snapshot: %s", s->host->index,
                   text);
    else
        judge(w, s->host, &head);
    arena_done(&a);
}

const struct checker check_snapshot = {
    .name = "snapshot-head",
    .promise = "a snapshot has the term of its index and the voters in force there (Raft thesis 5.1)",
    .size = 1,
    .sees = SEES(SIGHT_EFFECT),
    .see = snapshot_see,
};
