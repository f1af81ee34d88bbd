/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Log Matching: index and term name one entry, and with it the whole log before it. For each (index, term)
 * that is ever seen, in a message or in a host's memory, the entry before it has one term and its bytes have
 * one checksum. By induction over the index two logs that agree somewhere agree before.
 *
 * Whose log has changed is found from its end: the walk goes down until index and term are what they were.
 */
#include "check_matching.h"
#include "truth.h"

struct row {
    VEC(struct entry_seen) entries; /* one a term; nearly always one */
};
struct memory {
    VEC(uint64_t) terms; /* of index 1, 2 ...; as of the last step */
    uint64_t last, last_term;
};
struct matching {
    VEC(struct row) rows; /* of index 1, 2 ... */
    struct memory hosts[HOSTS_MAX];
};

static struct entry_seen *row_find(const struct matching *m, uint64_t index, uint64_t term) {
    if (index == 0 || index > m->rows.count)
        return NULL;
    const struct row *row = &m->rows.data[index - 1];
    for (size_t i = 0; i < row->entries.count; i++)
        if (row->entries.data[i].term == term)
            return &row->entries.data[i];
    return NULL;
}

static struct entry_seen *note(struct matching *m, struct world *w, const struct sim_host *h, uint64_t index,
                               uint64_t term, uint64_t prev_term) {
    struct entry_seen *e = row_find(m, index, term);
    if (e == NULL) {
        struct row none = {{NULL, 0, 0}};
        while (m->rows.count < index)
            VEC_PUSH(&m->rows, none);
        struct entry_seen fresh = {.term = term, .prev_term = prev_term, .at_us = w->now_us};
        VEC_PUSH(&m->rows.data[index - 1].entries, fresh);
        return row_find(m, index, term);
    }
    if (e->prev_term != prev_term)
        check_fail(w, &check_matching, (int)h->index,
                   "h%u has (%llu, term %llu) behind term %llu; it was seen behind term %llu", h->index,
                   (unsigned long long)index, (unsigned long long)term, (unsigned long long)prev_term,
                   (unsigned long long)e->prev_term);
    return e;
}

static void note_data(struct world *w, const struct sim_host *h, struct entry_seen *e,
                      const struct wire_raft_entry *entry) {
    uint32_t crc = crc32c((uint32_t)entry->kind, entry->data.data, entry->data.size);
    if (e->crc_known && e->crc != crc)
        check_fail(w, &check_matching, (int)h->index, "h%u has another entry at (%llu, term %llu)", h->index,
                   (unsigned long long)entry->index, (unsigned long long)entry->term);
    if (e->crc_known)
        return;
    e->crc = crc;
    e->crc_known = true;
    if (entry->kind != ENTRY_KIND_CONFIG)
        return;
    uint8_t *data = mem_alloc(entry->data.size + 1);
    mem_copy(data, entry->data.data, entry->data.size);
    e->is_config = true;
    e->data = bytes_of(data, entry->data.size);
}

static void see_entries(struct matching *m, struct world *w, const struct sim_host *h, uint64_t prev_index,
                        uint64_t prev_term, const struct wire_raft_entry *entries, size_t count) {
    for (size_t i = 0; i < count && !w->failed; i++) {
        if (entries[i].index != prev_index + 1 + i)
            check_fail(w, &check_matching, (int)h->index, "h%u sends index %llu behind %llu", h->index,
                       (unsigned long long)entries[i].index, (unsigned long long)(prev_index + i));
        else
            note_data(w, h, note(m, w, h, entries[i].index, entries[i].term, prev_term), &entries[i]);
        prev_term = entries[i].term;
    }
}

static void see_message(struct matching *m, struct world *w, const struct sim_host *h,
                        const struct wire_peer_message *message) {
    const struct wire_append_request *a = message->raft != NULL ? message->raft->append_request : NULL;
    const struct wire_pull_response *p = message->pull_response;
    if (a != NULL)
        see_entries(m, w, h, a->prev_index, a->prev_term, a->entries, a->entries_count);
    else if (p != NULL)
        see_entries(m, w, h, p->prev_index, p->prev_term, p->entries, p->entries_count);
}

static void see_log(struct matching *m, struct world *w, const struct sim_host *h, const struct raft *r) {
    struct memory *old = &m->hosts[h->index];
    uint64_t last = raft_last_index(r), first = raft_first_index(r);
    if (last == old->last && (last < first || raft_term_at(r, last) == old->last_term))
        return;
    while (old->terms.count < last)
        VEC_PUSH(&old->terms, 0);
    old->terms.count = last;
    uint64_t i = last;
    for (; i >= first && i > 0; i--) {
        uint64_t term = raft_term_at(r, i);
        if (old->terms.data[i - 1] == term)
            break;
        old->terms.data[i - 1] = term;
        /* What stands before the first one kept is known of a snapshot alone. */
        if (i > first || i == 1)
            (void)note(m, w, h, i, term, raft_term_at(r, i - 1));
    }
    old->last = last;
    old->last_term = last >= first ? raft_term_at(r, last) : 0;
}

static void matching_see(void *self, struct world *w, const struct sight *s) {
    struct matching *m = self;
    const struct raft *r = s->host->node != NULL ? node_raft(s->host->node) : NULL;
    if (s->kind == SIGHT_EFFECT && s->message != NULL)
        see_message(m, w, s->host, s->message);
    else if (s->kind == SIGHT_AGENT_GONE)
        m->hosts[s->host->index].terms.count = m->hosts[s->host->index].last = 0;
    else if (s->kind == SIGHT_STEP && r != NULL)
        see_log(m, w, s->host, r);
}

static void matching_done(void *self) {
    struct matching *m = self;
    for (size_t i = 0; i < m->rows.count; i++) {
        for (size_t k = 0; k < m->rows.data[i].entries.count; k++)
            mem_free((void *)(uintptr_t)m->rows.data[i].entries.data[k].data.data);
        VEC_DONE(&m->rows.data[i].entries);
    }
    VEC_DONE(&m->rows);
    for (size_t i = 0; i < HOSTS_MAX; i++)
        VEC_DONE(&m->hosts[i].terms);
}

const struct checker check_matching = {
    .name = "log-matching",
    .promise = "index and term name one entry and the whole log before it (Log Matching, Raft thesis 3.5)",
    .size = sizeof(struct matching),
    .sees = SEES(SIGHT_EFFECT) | SEES(SIGHT_STEP) | SEES(SIGHT_AGENT_GONE),
    .see = matching_see,
    .done = matching_done,
};

const struct entry_seen *entry_find(struct world *w, uint64_t index, uint64_t term) {
    return row_find(checker_self(w, &check_matching), index, term);
}

void entry_written(struct world *w, const struct sim_host *h, const struct wire_raft_entry *entry) {
    struct matching *m = checker_self(w, &check_matching);
    const struct raft *r = node_raft(h->node);
    bool prev_known = r != NULL && (entry->index == 1 || entry->index > raft_first_index(r));
    if (prev_known && raft_term_at(r, entry->index) == entry->term)
        note_data(w, h, note(m, w, h, entry->index, entry->term, raft_term_at(r, entry->index - 1)), entry);
}
