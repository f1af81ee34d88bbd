/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The order of questions is the order of their weight: is any of it from the future, is it ours at all, is
 * anything that was acknowledged wrong or missing, was a tail cut. Each segment was judged by itself
 * (segment.c); here the links between them are followed.
 *
 * The log is the chain that begins with the segment that the last START record names and ends with the
 * highest segment that holds a complete batch (the top). Every link is proven by the later header: sequence,
 * end and checksum chain of the one before. Files below the chain are left-overs of a compaction, files
 * between its links are attempts that a crash voided; neither counts, whatever they hold. Files above the top
 * must be zeros or such an attempt, and an attempt's header must name the top's very end.
 */
#include "judge.h"

#include <stdlib.h>

/* A worse verdict replaces a milder one; the first of its kind gives the text. */
__attribute__((format(printf, 3, 4))) static void judge_say(struct judgement *j, enum wal_verdict verdict,
                                                            const char *format, ...) {
    static const uint8_t weight[] = {
        [WAL_EMPTY] = 0,   [WAL_CLEAN] = 1,   [WAL_TORN] = 2,
        [WAL_CORRUPT] = 3, [WAL_FOREIGN] = 4, [WAL_VERSION] = 5,
    };
    if (j->text.size > 0 && weight[verdict] <= weight[j->verdict])
        return;
    j->verdict = verdict;
    buf_clear(&j->text);
    va_list args;
    va_start(args, format);
    buf_vprintf(&j->text, format, args);
    va_end(args);
}

#define CORRUPT_ADVICE                                                                                       \
    "; this log must not vote: keep the workloads running and join again under a new log id"

static void judge_fault(struct judgement *j, const struct segment *s) {
    char name[WAL_NAME_SIZE];
    segment_name(s->sequence, name);
    judge_say(j, WAL_CORRUPT, "%s at offset %llu: %s" CORRUPT_ADVICE, name,
              (unsigned long long)s->fault_offset, s->fault);
}

/* ---- reading the files --------------------------------------------------------------------------------- */

static int segment_compare(const void *x, const void *y) {
    const struct segment *a = x, *b = y;
    return (a->sequence > b->sequence) - (a->sequence < b->sequence);
}

static bool identity_equal(const struct wire_log_identity *x, const struct wire_log_identity *y) {
    return ID_EQUAL(x->cluster, y->cluster) && ID_EQUAL(x->node, y->node) && ID_EQUAL(x->log, y->log);
}

/* The identity expected, or else the first one met, is what every file must carry. */
static void identity_check(struct judgement *j, const struct wire_log_identity *identity, const char *name) {
    if (!j->has_identity) {
        j->has_identity = true;
        j->identity = *identity;
        return;
    }
    if (!identity_equal(identity, &j->identity))
        judge_say(j, WAL_FOREIGN,
                  "%s belongs to another %s: it was brought here from elsewhere; move it away", name,
                  !ID_EQUAL(identity->cluster, j->identity.cluster) ? "cluster"
                  : !ID_EQUAL(identity->node, j->identity.node)     ? "node"
                                                                    : "log of this node");
}

static void segments_read(struct judgement *j, const struct disk_file *files, size_t files_count) {
    j->segments = arena_alloc(j->arena, (files_count + 1) * sizeof *j->segments);
    for (size_t i = 0; i < files_count; i++) {
        uint64_t sequence;
        if (segment_name_parse(files[i].name, &sequence))
            segment_scan(sequence, files[i].data, j->arena, &j->segments[j->segments_count++]);
    }
    qsort(j->segments, j->segments_count, sizeof *j->segments, segment_compare);
    for (size_t i = 0; i < j->segments_count; i++) {
        const struct segment *s = &j->segments[i];
        char name[WAL_NAME_SIZE];
        segment_name(s->sequence, name);
        if (s->has_header)
            identity_check(j, &s->header.identity, name);
        if (s->state == SEGMENT_LATER)
            judge_say(j, WAL_VERSION, "%s was written by a later version of covey: upgrade this host's",
                      name);
        if (s->state == SEGMENT_LIVE)
            j->top = s;
    }
}

static void votes_read(struct judgement *j, const struct disk_file *files, size_t files_count) {
    for (unsigned copy = 0; copy < VOTE_COPIES; copy++) {
        char name[WAL_NAME_SIZE];
        vote_name(copy, name);
        for (size_t i = 0; i < files_count; i++) {
            if (strncmp(files[i].name, name, WAL_NAME_SIZE) == 0)
                j->vote_states[copy] = vote_decode(files[i].data, copy, &j->votes[copy]);
        }
        if (j->vote_states[copy] == VOTE_LATER)
            judge_say(j, WAL_VERSION, "%s was written by a later version of covey: upgrade this host's",
                      name);
        if (j->vote_states[copy] != VOTE_GOOD)
            continue;
        identity_check(j, &j->votes[copy].identity, name);
        if (!j->vote || j->votes[copy].sequence > j->vote->sequence)
            j->vote = &j->votes[copy];
    }
}

/* ---- the chain ----------------------------------------------------------------------------------------- */

static const struct segment *segment_find(const struct judgement *j, uint64_t sequence) {
    for (size_t i = 0; i < j->segments_count; i++) {
        if (j->segments[i].sequence == sequence)
            return &j->segments[i];
    }
    return NULL;
}

static bool header_follows(const struct segment_header *h, const struct segment *s) {
    return h->previous_sequence == s->sequence && h->previous_end == s->end && h->previous_chain == s->chain;
}

/* Why the chain does not go on behind `last` (NULL: not even begin) though there is a top above. */
static void chain_explain(struct judgement *j, const struct segment *last, const struct segment *after) {
    char name[WAL_NAME_SIZE];
    if (last && last->fault) {
        judge_fault(j, last);
        return;
    }
    if (after && after->has_header && last && after->header.previous_sequence == last->sequence) {
        segment_name(last->sequence, name);
        judge_say(j, WAL_CORRUPT, "%s does not end where the segment after it says it did" CORRUPT_ADVICE,
                  name);
        return;
    }
    uint64_t wanted = after && after->has_header ? after->header.previous_sequence : j->top->start_sequence;
    const struct segment *there = segment_find(j, wanted);
    segment_name(wanted, name);
    if (there && there->fault)
        judge_fault(j, there);
    else
        judge_say(j, WAL_CORRUPT, "%s is %s" CORRUPT_ADVICE, name,
                  there ? "not the one that was written" : "missing");
}

/* The records of one segment, in order; false: they contradict the log so far, or the header. */
static bool image_apply(struct log_image *image, const struct segment *s) {
    bool placed = false; /* behind what may change the past, where the header's first index must hold */
    for (size_t i = 0; i < s->records_count; i++) {
        const struct record *r = &s->records[i];
        if (!placed && (r->kind == RECORD_ENTRY || r->kind == RECORD_COMMIT)) {
            placed = true;
            if (image->last_index + 1 != s->header.first_index)
                return false;
        }
        switch (r->kind) {
        case RECORD_ENTRY:
            if (r->index != image->last_index + 1)
                return false;
            VEC_PUSH(&image->entries, r->entry);
            image->last_index++;
            break;
        case RECORD_HARD: image->hard = r->hard; break;
        case RECORD_CUT:
            if (placed || r->index <= image->base_index || r->index > image->last_index + 1)
                return false;
            image->entries.count = (size_t)(r->index - 1 - image->base_index);
            image->last_index = r->index - 1;
            break;
        case RECORD_RESET:
            if (placed)
                return false;
            image->entries.count = 0;
            image->base_index = image->last_index = r->index;
            break;
        case RECORD_START: break;
        case RECORD_COMMIT:
            if (r->index != image->last_index)
                return false;
            break;
        }
    }
    return true;
}

static void chain_follow(struct judgement *j) {
    j->chain = arena_alloc(j->arena, (j->segments_count + 1) * sizeof *j->chain);
    const struct segment *first = segment_find(j, j->top->start_sequence), *after = NULL;
    const struct segment *last = first && first->state == SEGMENT_LIVE ? first : NULL;
    if (last)
        j->image.base_index = j->image.last_index = last->header.first_index - 1;
    while (last) {
        if (!image_apply(&j->image, last)) {
            char name[WAL_NAME_SIZE];
            segment_name(last->sequence, name);
            judge_say(j, WAL_CORRUPT, "%s: its records contradict the log before them" CORRUPT_ADVICE, name);
            return;
        }
        j->chain[j->chain_count++] = (struct link){.segment = last, .last_index = j->image.last_index};
        if (last == j->top)
            return;
        const struct segment *next = NULL;
        after = NULL;
        for (size_t i = 0; i < j->segments_count; i++) {
            const struct segment *s = &j->segments[i];
            if (s->state != SEGMENT_LIVE || s->sequence <= last->sequence)
                continue;
            if (!after)
                after = s;
            if (!next && header_follows(&s->header, last))
                next = s;
        }
        /* A live segment that is passed over means two logs in one directory. */
        if (next && next != after) {
            chain_explain(j, last, after);
            return;
        }
        if (!next)
            break;
        last = next;
    }
    chain_explain(j, last, after);
}

/* ---- the top's tail, and what lies above --------------------------------------------------------------- */

static void top_check(struct judgement *j) {
    const struct segment *top = j->top;
    char name[WAL_NAME_SIZE];
    uint64_t top_sequence = top ? top->sequence : 0;
    if (top && top->tail == TAIL_ROTTEN)
        judge_fault(j, top);
    segment_name(top_sequence, name);
    if (top && top->tail == TAIL_TORN)
        judge_say(j, WAL_TORN,
                  "%s at offset %llu: a crash cut a batch that nobody was told of; it is dropped", name,
                  (unsigned long long)top->end);
    for (size_t i = 0; i < j->segments_count; i++) {
        const struct segment *s = &j->segments[i];
        if (s->sequence < top_sequence || s == top || s->state == SEGMENT_SPARE)
            continue;
        if (s->state == SEGMENT_ROTTEN) {
            judge_fault(j, s);
        } else if (s->state == SEGMENT_VOID) {
            if (s->has_header &&
                !(top ? header_follows(&s->header, top) : s->header.previous_sequence == 0)) {
                segment_name(s->header.previous_sequence, name);
                judge_say(j, WAL_CORRUPT, "%s %s" CORRUPT_ADVICE, name,
                          segment_find(j, s->header.previous_sequence) ? "has lost its end" : "is missing");
            }
            segment_name(s->sequence, name);
            judge_say(j, WAL_TORN, "%s: a crash cut its first batch, that nobody was told of; it is dropped",
                      name);
        }
    }
}

/* Of the first batch of all a crash may leave no vote copy, or only one. */
static bool log_begins(const struct judgement *j) {
    return !j->top || (j->top->header.previous_sequence == 0 && j->top->batches == 1);
}

bool judge_vote_lost(const struct judgement *j, unsigned copy) {
    return j->vote_states[copy] == VOTE_BAD || (j->vote_states[copy] == VOTE_MISSING && !log_begins(j));
}

/* Nobody tells how far the log had come: that its last file is gone could not be seen. */
static void votes_lost(struct judgement *j) {
    for (unsigned copy = 0; copy < VOTE_COPIES; copy++) {
        char name[WAL_NAME_SIZE];
        vote_name(copy, name);
        if (judge_vote_lost(j, copy))
            judge_say(j, WAL_CORRUPT, "%s is %s, and there is no other copy" CORRUPT_ADVICE, name,
                      j->vote_states[copy] == VOTE_BAD ? "damaged" : "missing");
    }
}

/* The vote copies know how far the log had come and which file must be there. */
static void vote_check(struct judgement *j) {
    const struct vote *v = j->vote;
    const struct segment *top = j->top;
    char name[WAL_NAME_SIZE];
    if (!v) {
        votes_lost(j);
        return;
    }
    uint64_t top_sequence = top ? top->sequence : 0, top_end = top ? top->end : 0;
    segment_name(v->durable_segment, name);
    if (v->durable_segment > top_sequence || (v->durable_segment == top_sequence && v->durable_end > top_end))
        judge_say(j, WAL_CORRUPT, "%s has lost what was durable up to offset %llu" CORRUPT_ADVICE, name,
                  (unsigned long long)v->durable_end);
    const struct segment *used = segment_find(j, v->segment);
    segment_name(v->segment, name);
    if (v->segment > top_sequence && (!used || used->file.size != v->segment_size))
        judge_say(j, WAL_CORRUPT, "%s is %s" CORRUPT_ADVICE, name, used ? "cut short" : "missing");
    if (!top)
        judge_say(j, WAL_TORN,
                  "a crash cut the first batch of the log, that nobody was told of; it is dropped");
}

static void hard_take(struct judgement *j, const struct wire_hard_state *from) {
    if (!hard_newer(from, &j->hard))
        return;
    j->hard.term = from->term;
    j->hard.vote = from->vote;
}

/* Whatever is wrong with the log, a vote that can still be read anywhere is not forgotten. */
static void hard_merge(struct judgement *j) {
    j->hard = j->image.hard;
    for (size_t i = 0; i < j->segments_count; i++) {
        for (size_t k = 0; k < j->segments[i].records_count; k++) {
            if (j->segments[i].records[k].kind == RECORD_HARD)
                hard_take(j, &j->segments[i].records[k].hard);
        }
    }
    for (unsigned copy = 0; copy < VOTE_COPIES; copy++) {
        if (j->vote_states[copy] == VOTE_GOOD)
            hard_take(j, &j->votes[copy].hard);
    }
    if (j->hard.commit > j->image.last_index)
        j->hard.commit = j->image.last_index;
}

static void clean_say(struct judgement *j) {
    for (unsigned copy = 0; copy < VOTE_COPIES; copy++) {
        char name[WAL_NAME_SIZE];
        vote_name(copy, name);
        if (judge_vote_lost(j, copy))
            judge_say(j, WAL_CLEAN, "the log is whole; %s was %s and is written anew: watch this disk", name,
                      j->vote_states[copy] == VOTE_BAD ? "damaged" : "missing");
    }
    judge_say(j, WAL_CLEAN, "the log is whole");
}

void judge_files(struct judgement *j, const struct disk_file *files, size_t files_count,
                 const struct wire_log_identity *expected, struct arena *arena) {
    *j = (struct judgement){.arena = arena, .verdict = WAL_EMPTY};
    if (expected) {
        j->has_identity = true;
        j->identity = *expected;
    }
    segments_read(j, files, files_count);
    votes_read(j, files, files_count);
    if (j->top)
        chain_follow(j);
    top_check(j);
    vote_check(j);
    hard_merge(j);
    if (j->top && j->text.size == 0)
        clean_say(j);
    if (j->text.size == 0)
        buf_printf(&j->text, "there is no log here");
}

void judge_done(struct judgement *j) {
    VEC_DONE(&j->image.entries);
    buf_done(&j->text);
}
