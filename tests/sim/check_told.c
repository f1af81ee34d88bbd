/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * What a voter tells of its disk is so. A vote, and an acknowledgement of entries or of a snapshot, are
 * promises to remember; they may leave the host only when the flush behind the bytes is done. And what was
 * flushed is there when an agent starts again: the same terms at the same indexes, a term that is not older;
 * a log that holds anything is given up, for a new raft id, only after a fault hit that disk. A raft id is of
 * one life of a disk: what was lost or given up never comes back under it. A snapshot never takes the place
 * of entries that follow from it (thesis 5.2). An acknowledgement for a term that its sender has left since
 * is not looked at: nobody can count it for anything newer, which "committed-durable" checks.
 */
#include "check_matching.h"
#include "durable.h"

struct durable_self {
    struct durable_log logs[HOSTS_MAX];
    VEC(struct log_id) over; /* lives of logs that were lost or given up */
    /* Of an agent that has just started: what was found is judged when its first effects are known. */
    struct start {
        bool pending, had_any;
        uint64_t missing; /* lowest index at which the log is not what the disk had; 0: none */
        uint64_t term, disk_term;
    } starts[HOSTS_MAX];
};

struct written {
    struct world *w;
    const struct sim_host *h;
};
static void note_written(void *arg, const struct wire_raft_entry *entry) {
    const struct written *at = arg;
    entry_written(at->w, at->h, entry);
}

static void life_over(struct durable_self *self, struct log_id id) {
    if (!ID_IS_ZERO(id))
        VEC_PUSH(&self->over, id);
}

static bool is_over(const struct durable_self *self, struct log_id id) {
    for (size_t i = 0; i < self->over.count; i++)
        if (ID_EQUAL(self->over.data[i], id))
            return true;
    return false;
}

static void renew(struct durable_log *d, struct log_id id) {
    d->renewed = !ID_IS_ZERO(d->log);
    d->before = d->log;
    d->log = id;
    d->term = 0;
    d->terms.count = 0;
    d->vote_unknown = false;
    memset(&d->vote, 0, sizeof d->vote);
}

static void see_cluster_file(struct durable_self *self, struct world *w, struct sim_host *h,
                             struct bytes data) {
    struct durable_log *d = &self->logs[h->index];
    struct wire_node_files_keys keys;
    struct arena a = {0};
    char text[200];
    if (cluster_file_decode(data, &a, &keys, text, sizeof text) != 0)
        check_fail(w, &check_told, (int)h->index, "h%u writes a bad cluster file: %s", h->index, text);
    else if (is_over(self, keys.log))
        check_fail(w, &check_told, (int)h->index,
                   "h%u takes up the raft id of a log that was lost or given up", h->index);
    else if (!ID_EQUAL(keys.log, d->log))
        renew(d, keys.log);
    arena_done(&a);
}

static void see_write(struct world *w, struct sim_host *h, struct durable_log *d, const struct disk_op *op) {
    struct log_id header = d->log;
    struct written at = {.w = w, .h = h};
    if (strncmp(op->name, "log-", 4) != 0)
        return;
    if (!durable_parse(d, op->offset, op->data, &header, note_written, &at))
        check_fail(w, &check_told, (int)h->index, "h%u writes what is no batch of a log to %s at %llu",
                   h->index, op->name, (unsigned long long)op->offset);
    else if (!ID_EQUAL(header, d->log))
        check_fail(w, &check_told, (int)h->index, "h%u begins a log whose id is not in its file `cluster`",
                   h->index);
}

static void see_disk(struct durable_self *self, struct world *w, struct sim_host *h,
                     const struct disk_op *op) {
    struct durable_log *d = &self->logs[h->index];
    struct durable_record flush = {.kind = DURABLE_FLUSH};
    switch (op->kind) {
    case DISK_WRITE: see_write(w, h, d, op); break;
    case DISK_SYNC: VEC_PUSH(&d->queue, flush); break;
    case DISK_REPLACE:
        if (strcmp(op->name, CLUSTER_FILE_NAME) == 0)
            see_cluster_file(self, w, h, op->data);
        break;
    case DISK_CREATE:
    case DISK_REMOVE:
    case DISK_SET_ASIDE: break;
    }
}

/* The log in the batch that was just flushed begins anew behind a snapshot: at an entry that it had? */
static void see_reset(struct world *w, struct sim_host *h, const struct durable_log *d) {
    for (size_t i = 0; i < d->queue.count && d->queue.data[i].kind != DURABLE_FLUSH && !d->faulty; i++) {
        const struct durable_record *r = &d->queue.data[i];
        if (r->kind == DURABLE_RESET && r->index > d->base_index && r->index < durable_last(d) &&
            d->terms.data[r->index - d->base_index - 1] == r->term)
            check_fail(w, &check_told, (int)h->index,
                       "h%u drops what follows from its snapshot: entries %llu to %llu", h->index,
                       (unsigned long long)r->index + 1, (unsigned long long)durable_last(d));
    }
}

static void see_durable(struct durable_self *self, struct world *w, struct sim_host *h,
                        const struct disk_op *op) {
    struct durable_log *d = &self->logs[h->index];
    uint64_t index;
    if (op->kind == DISK_SYNC) {
        see_reset(w, h, d);
        durable_flushed(d);
    } else if (op->kind == DISK_REPLACE && strcmp(op->name, CLUSTER_FILE_NAME) == 0) {
        life_over(self, d->before);
        memset(&d->before, 0, sizeof d->before);
    } else if (op->kind == DISK_REPLACE && snapshot_name_parse(op->name, &index) && index > d->snapshot_index)
        d->snapshot_index = index;
}

/* ---- messages ---- */

static void see_vote(struct world *w, struct sim_host *h, const struct durable_log *d, uint64_t term,
                     const struct raft_id *votee) {
    bool vote_known = !ID_IS_ZERO(d->vote.node) || !d->vote_unknown;
    if (d->term < term)
        check_fail(w, &check_told, (int)h->index, "h%u votes in term %llu, and its disk knows term %llu",
                   h->index, (unsigned long long)term, (unsigned long long)d->term);
    else if (d->term == term && vote_known && !raft_id_equal(&d->vote, votee))
        check_fail(w, &check_told, (int)h->index, "h%u tells of another vote in term %llu than its disk has",
                   h->index, (unsigned long long)term);
}

static void see_ack(struct world *w, struct sim_host *h, const struct durable_log *d, uint64_t term,
                    uint64_t match) {
    const struct raft *r = node_raft(h->node);
    uint64_t base = raft_first_index(r) - 1;
    if (term != raft_term(r) || match == 0)
        return;
    /* Below the entry that its log begins behind, the host itself no longer knows the term. */
    uint64_t held = match >= base ? raft_term_at(r, match) : 0;
    bool has = match <= d->snapshot_index || match <= durable_last(d);
    if (match >= base)
        has = durable_has(d, match, held);
    if (!has)
        check_fail(w, &check_told, (int)h->index,
                   "h%u acknowledges index %llu of term %llu; its disk has up to %llu", h->index,
                   (unsigned long long)match, (unsigned long long)held, (unsigned long long)durable_last(d));
}

static void see_message(struct world *w, struct sim_host *h, const struct durable_log *d,
                        const struct wire_raft_message *m) {
    if (!ID_EQUAL(m->from.log, d->log))
        check_fail(w, &check_told, (int)h->index, "h%u speaks under a raft id that its disk does not know",
                   h->index);
    else if (m->vote_response != NULL && m->vote_response->granted && !m->vote_response->pre)
        see_vote(w, h, d, m->term, &m->to);
    else if (m->vote_request != NULL && !m->vote_request->pre)
        see_vote(w, h, d, m->term, &m->from);
    else if (m->append_response != NULL && m->append_response->success)
        see_ack(w, h, d, m->term, m->append_response->match_index);
    else if (m->snapshot_response != NULL) /* under way or installed: up to where the disk has it all */
        see_ack(w, h, d, m->term, m->snapshot_response->match_index);
}

/* ---- an agent starts ---- */

static void adopt(struct durable_log *d, const struct raft *r) {
    d->base_index = raft_first_index(r) > 0 ? raft_first_index(r) - 1 : 0;
    d->base_term = raft_term_at(r, d->base_index);
    d->terms.count = 0;
    for (uint64_t i = d->base_index + 1; i <= raft_last_index(r); i++)
        VEC_PUSH(&d->terms, raft_term_at(r, i));
    if (raft_term(r) > d->term) {
        d->term = raft_term(r);
        d->vote_unknown = true;
        memset(&d->vote, 0, sizeof d->vote);
    }
}

static bool hard_written(const struct durable_log *d) {
    for (size_t i = 0; i < d->queue.count; i++)
        if (d->queue.data[i].kind == DURABLE_HARD)
            return true;
    return false;
}

/* What was written and not flushed may be there all the same: from where on it replaces what was flushed. */
static uint64_t written_cut(const struct durable_log *d) {
    uint64_t cut = UINT64_MAX;
    for (size_t i = 0; i < d->queue.count; i++) {
        const struct durable_record *r = &d->queue.data[i];
        if (r->kind == DURABLE_RESET)
            return 0;
        if (r->kind == DURABLE_CUT && r->index < cut)
            cut = r->index;
    }
    return cut;
}

/* What was written of the file `cluster` and not flushed may be there or not. */
static void cluster_file_look(const struct sim_host *h, struct durable_log *d) {
    struct wire_node_files_keys keys;
    struct arena a = {0};
    char text[200];
    bool found = false;
    for (size_t i = 0; i < h->disk.files.count && !found; i++) {
        const struct sim_file *f = h->disk.files.data[i];
        found = f->exists && strcmp(f->name, CLUSTER_FILE_NAME) == 0 &&
                cluster_file_decode(buf_bytes(&f->content), &a, &keys, text, sizeof text) == 0;
        if (found && !ID_IS_ZERO(keys.log)) {
            d->log = keys.log;
            memset(&d->before, 0, sizeof d->before);
        }
    }
    arena_done(&a);
}

static void see_start(struct durable_self *self, struct sim_host *h) {
    struct durable_log *d = &self->logs[h->index];
    cluster_file_look(h, d);
    struct start *start = &self->starts[h->index];
    const struct raft *r = node_raft(h->node);
    uint64_t cut_index = written_cut(d);
    d->vote_unknown |= hard_written(d);
    d->queue.count = 0;
    d->renewed = false;
    *start = (struct start){
        .pending = r != NULL, .had_any = d->term > 0 || d->terms.count > 0, .disk_term = d->term};
    if (r == NULL)
        return;
    uint64_t first = raft_first_index(r) > d->base_index ? raft_first_index(r) : d->base_index + 1;
    for (uint64_t i = durable_last(d); i >= first && i > 0; i--)
        if (i < cut_index && raft_term_at(r, i) != d->terms.data[i - d->base_index - 1])
            start->missing = i;
    start->term = raft_term(r);
    adopt(d, r);
}

static void see_started(struct durable_self *self, struct world *w, struct sim_host *h) {
    struct durable_log *d = &self->logs[h->index];
    struct start *start = &self->starts[h->index];
    if (!start->pending)
        return;
    start->pending = false;
    if (d->renewed) {
        if (!d->faulty && start->had_any)
            check_fail(w, &check_told, (int)h->index, "h%u gives up a sound log", h->index);
        d->faulty = false;
        return;
    }
    if (d->faulty && start->missing == 0)
        return; /* what is gone is gone under a new raft id only */
    if (start->missing != 0)
        check_fail(w, &check_told, (int)h->index, "h%u starts without what its disk had at index %llu",
                   h->index, (unsigned long long)start->missing);
    else if (start->term < start->disk_term)
        check_fail(w, &check_told, (int)h->index, "h%u starts in term %llu, its disk had %llu", h->index,
                   (unsigned long long)start->term, (unsigned long long)start->disk_term);
}

/* Of a disk that was set back the old life may go on: what it has forgotten its leader finds out. */
static bool is_empty(const struct sim_host *h) {
    for (size_t i = 0; i < h->disk.files.count; i++)
        if (h->disk.files.data[i]->exists)
            return false;
    return true;
}

static void see_lost(struct durable_self *self, const struct sim_host *h) {
    struct durable_log *d = &self->logs[h->index];
    if (is_empty(h)) {
        life_over(self, d->log);
        life_over(self, d->before);
        memset(&d->log, 0, sizeof d->log);
        memset(&d->before, 0, sizeof d->before);
    }
    d->terms.count = d->queue.count = 0;
    d->base_index = d->base_term = d->snapshot_index = d->term = 0;
    memset(&d->vote, 0, sizeof d->vote);
    d->faulty = d->vote_unknown = false;
}

static void told_see(void *arg, struct world *w, const struct sight *s) {
    struct durable_self *self = arg;
    struct sim_host *h = s->host;
    struct durable_log *d = &self->logs[h->index];
    if (s->kind == SIGHT_EFFECT && s->effect->kind == NODE_DISK)
        see_disk(self, w, h, &s->effect->op);
    else if (s->kind == SIGHT_EFFECT && s->message != NULL && s->message->raft != NULL)
        see_message(w, h, d, s->message->raft);
    else if (s->kind == SIGHT_DURABLE)
        see_durable(self, w, h, s->op);
    else if (s->kind == SIGHT_AGENT_START)
        see_start(self, h);
    else if (s->kind == SIGHT_STEP)
        see_started(self, w, h);
    else if (s->kind == SIGHT_DISK_LOST)
        see_lost(self, h);
    else if (s->kind == SIGHT_DISK_FAULT)
        d->faulty = true;
}

static void told_done(void *arg) {
    struct durable_self *self = arg;
    for (size_t i = 0; i < HOSTS_MAX; i++)
        durable_done(&self->logs[i]);
    VEC_DONE(&self->over);
}

const struct checker check_told = {
    .name = "told-durable",
    .promise = "votes and acknowledgements leave a host when its disk has them, and a sound disk gives them "
               "back, under one raft id a life (Raft thesis 3.8, 5.2, 10.2.1)",
    .size = sizeof(struct durable_self),
    .sees = SEES(SIGHT_EFFECT) | SEES(SIGHT_DURABLE) | SEES(SIGHT_AGENT_START) | SEES(SIGHT_STEP) |
            SEES(SIGHT_DISK_LOST) | SEES(SIGHT_DISK_FAULT),
    .see = told_see,
    .done = told_done,
};

const struct durable_log *durable_log_of(struct world *w, const struct sim_host *h) {
    const struct durable_self *self = checker_self(w, &check_told);
    return &self->logs[h->index];
}
