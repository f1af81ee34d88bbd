/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* What judge.c found, told file by file. Nothing is decided here. */
#include <covey/wal.h>

#include "judge.h"

static const char *state_text(enum segment_state state) {
    switch (state) {
    case SEGMENT_SPARE: return "spare";
    case SEGMENT_VOID: return "void";
    case SEGMENT_LIVE: return "live";
    case SEGMENT_ROTTEN: return "rotten";
    case SEGMENT_LATER: return "later version";
    }
    return "?";
}

static const char *tail_text(enum segment_tail tail) {
    switch (tail) {
    case TAIL_CLEAN: return "clean";
    case TAIL_TORN: return "torn";
    case TAIL_ROTTEN: return "rotten";
    }
    return "?";
}

static const char *vote_text(enum vote_state state) {
    switch (state) {
    case VOTE_MISSING: return "not written";
    case VOTE_GOOD: return "whole";
    case VOTE_BAD: return "damaged";
    case VOTE_LATER: return "later version";
    }
    return "?";
}

static const char *record_text(enum record_kind kind) {
    switch (kind) {
    case RECORD_ENTRY: return "entry";
    case RECORD_HARD: return "hard";
    case RECORD_CUT: return "cut";
    case RECORD_RESET: return "reset";
    case RECORD_START: return "start";
    case RECORD_COMMIT: return "commit";
    }
    return "?";
}

static void entry_count(struct wal_segment_view *v, const struct wire_raft_entry *e) {
    if (v->entries_count++ == 0) {
        v->first_index = e->index;
        v->first_term = e->term;
    }
    v->last_index = e->index;
    v->last_term = e->term;
}

static void records_view(const struct segment *s, struct arena *arena, struct wal_segment_view *v) {
    struct wal_record_view *records = arena_alloc(arena, (s->records_count + 1) * sizeof *records);
    uint32_t batch = 1;
    for (size_t i = 0; i < s->records_count; i++) {
        const struct record *r = &s->records[i];
        struct wal_record_view *to = &records[i];
        to->kind = record_text(r->kind);
        to->batch = batch;
        to->index = r->index;
        if (r->kind == RECORD_RESET)
            to->term = r->term;
        if (r->kind == RECORD_HARD)
            to->hard = &r->hard;
        if (r->kind == RECORD_COMMIT)
            batch++;
        if (r->kind != RECORD_ENTRY)
            continue;
        to->entry = &r->entry;
        entry_count(v, &r->entry);
    }
    v->records = records;
    v->records_count = s->records_count;
}

static void segment_view(const struct judgement *j, const struct segment *s, struct arena *arena,
                         struct wal_segment_view *v) {
    *v = (struct wal_segment_view){.size = s->file.size,
                                   .state = state_text(s->state),
                                   .tail = "",
                                   .end = s->end,
                                   .batches = s->batches};
    segment_name(s->sequence, v->name);
    for (size_t i = 0; i < j->chain_count; i++)
        v->in_log |= j->chain[i].segment == s;
    v->closed = v->in_log && s != j->top;
    v->broken = s->state == SEGMENT_ROTTEN || s->state == SEGMENT_LATER;
    if (s->state == SEGMENT_LIVE && !v->closed) {
        v->tail = tail_text(s->tail);
        v->broken = s->tail == TAIL_ROTTEN;
    }
    if (s->fault && !v->closed) {
        v->fault = s->fault;
        v->fault_offset = s->fault_offset;
    }
    v->has_identity = s->has_header;
    v->identity = s->header.identity;
    records_view(s, arena, v);
}

static void vote_view(const struct judgement *j, unsigned copy, struct wal_vote_view *v) {
    const struct vote *vote = &j->votes[copy];
    enum vote_state state = j->vote_states[copy];
    *v = (struct wal_vote_view){.state = vote_text(state),
                                .broken = state == VOTE_BAD || state == VOTE_LATER,
                                .whole = state == VOTE_GOOD};
    vote_name(copy, v->name);
    if (state != VOTE_GOOD)
        return;
    v->counts = vote->sequence == j->vote->sequence;
    v->hard = vote->hard;
    v->durable_end = vote->durable_end;
    v->identity = vote->identity;
    segment_name(vote->durable_segment, v->durable_name);
}

void wal_view(const struct disk_file *files, size_t files_count, struct arena *arena, struct wal_view *ret) {
    struct judgement j;
    *ret = (struct wal_view){0};
    wal_recover(files, files_count, NULL, arena, &ret->recovery);
    judge_files(&j, files, files_count, NULL, arena);
    struct wal_segment_view *segments = arena_alloc(arena, (j.segments_count + 1) * sizeof *segments);
    for (size_t i = 0; i < j.segments_count; i++)
        segment_view(&j, &j.segments[i], arena, &segments[i]);
    ret->segments = segments;
    ret->segments_count = j.segments_count;
    for (unsigned copy = 0; copy < VOTE_COPIES; copy++)
        vote_view(&j, copy, &ret->votes[copy]);
    judge_done(&j);
}
