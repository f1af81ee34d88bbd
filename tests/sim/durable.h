/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * What each host's disk has confirmed of its log: a reader of proto/log.md that is not src/wal, fed with the
 * bytes that the agent wrote, batch by batch, when the flush behind them is done. Kept by the checker
 * "told-durable".
 */
#ifndef SIM_DURABLE_H
#define SIM_DURABLE_H

#include "checker.h"

enum durable_kind { DURABLE_ENTRY, DURABLE_HARD, DURABLE_CUT, DURABLE_RESET, DURABLE_FLUSH };
/* A record on its way to the disk, in the order of writing. */
struct durable_record {
    enum durable_kind kind;
    uint64_t index, term; /* of an entry, a reset, a hard state (term); a cut (index) */
    struct raft_id vote;
};

struct durable_log {
    struct log_id log;   /* whose: by the file `cluster`, written before the first record */
    uint64_t base_index; /* the snapshot has all up to here */
    uint64_t base_term;
    VEC(uint64_t) terms; /* of base_index + 1, ... */
    uint64_t snapshot_index;
    uint64_t term; /* hard state */
    struct raft_id vote;
    bool vote_unknown; /* a vote of that term, written and not flushed, may be there all the same */
    VEC(struct durable_record) queue;
    struct log_id before; /* given up for `log`, when the file `cluster` is durable; zero: none */
    bool renewed;         /* this agent gave the log a new id */
    bool faulty;          /* a fault hit this disk since its log has its id */
};

/*
 * Reads the records of one write to a log segment. false: it is not what proto/log.md says. header_log: the
 * log id in the segment's header, when the write begins with one. note: called for each entry.
 */
typedef void durable_note(void *arg, const struct wire_raft_entry *entry);
bool durable_parse(struct durable_log *d, uint64_t offset, struct bytes data, struct log_id *header_log,
                   durable_note *note, void *arg);
void durable_flushed(struct durable_log *d); /* the first flush in the queue is done */
bool durable_has(const struct durable_log *d, uint64_t index, uint64_t term);
static inline uint64_t durable_last(const struct durable_log *d) { return d->base_index + d->terms.count; }
void durable_done(struct durable_log *d);

extern const struct checker check_told;
const struct durable_log *durable_log_of(struct world *w, const struct sim_host *h);

#endif
