/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* covey log verify: each file in a line, then what is so and what to do. */
#include <covey/codec.h>

#include "log.h"

typedef unsigned long long ull;

static void put_voter(struct buf *out, const struct raft_id *id) {
    if (id_is_zero(id->node.b, ID_SIZE))
        buf_printf(out, "nobody");
    else
        cli_put_id(out, id->node.b);
}

static const char *segment_note(const struct wal_segment_view *s, bool is_one) {
    if (s->closed)
        return "closed";
    if (strcmp(s->tail, "torn") == 0)
        return "a torn tail: a crash cut a batch that nobody was told of";
    if (strcmp(s->state, "void") == 0)
        return "a crash cut its first batch, that nobody was told of";
    if (strcmp(s->state, "live") == 0 && !s->in_log && !is_one && !s->broken)
        return "no part of the log";
    return "";
}

static void put_segment(struct cli_table *t, const struct wal_segment_view *s, bool is_one) {
    struct buf note = {0};
    cli_table_cell(t, "%s", s->name);
    cli_table_cell(t, "%s", s->broken ? "damaged" : s->state);
    cli_put_size(&note, s->size);
    cli_table_buf(t, &note);
    if (s->entries_count > 0)
        buf_printf(&note, "%llu-%llu", (ull)s->first_index, (ull)s->last_index);
    cli_table_buf(t, &note);
    if (s->entries_count > 0)
        buf_printf(&note, "%llu-%llu", (ull)s->first_term, (ull)s->last_term);
    cli_table_buf(t, &note);
    if (s->batches > 0)
        buf_printf(&note, "%u", s->batches);
    cli_table_buf(t, &note);
    if (s->batches > 0)
        buf_printf(&note, "%llu", (ull)s->end);
    cli_table_buf(t, &note);
    if (s->fault != NULL)
        buf_printf(&note, "at offset %llu: %s", (ull)s->fault_offset, s->fault);
    else
        buf_printf(&note, "%s", segment_note(s, is_one));
    cli_table_cell(t, "%s", buf_str(&note));
    buf_done(&note);
}

static void put_segments(const struct cli_log *log, struct buf *out) {
    static const char *const headers[] = {"SEGMENT", "STATE",   "SIZE", "ENTRIES",
                                          "TERMS",   "BATCHES", "END",  "NOTE"};
    const struct wal_view *v = &log->view;
    struct cli_table t;
    if (v->segments_count == 0)
        return;
    cli_table_init(&t, headers, 8);
    for (size_t i = 0; i < v->segments_count; i++)
        put_segment(&t, &v->segments[i], log->files->is_one);
    cli_table_end(&t, out);
}

static void put_vote(const struct wal_vote_view *v, const struct wal_vote_view *other, struct buf *out) {
    buf_printf(out, "%s: %s", v->name, v->state);
    if (v->whole) {
        buf_printf(out, ", term %llu, vote ", (ull)v->hard.term);
        put_voter(out, &v->hard.vote);
        if (v->durable_end > 0)
            buf_printf(out, ", the log durable up to %s offset %llu", v->durable_name, (ull)v->durable_end);
        buf_printf(out, "%s", v->counts && other->whole && !other->counts ? " (the newer)" : "");
    }
    buf_printf(out, "\n");
}

static void put_snapshot(const struct cli_log_whole *w, struct buf *out) {
    buf_printf(out, "%s: ", w->file->name);
    if (w->error != 0) {
        buf_printf(out, "damaged, %s\n", w->text);
        return;
    }
    buf_printf(out, "whole, up to index %llu of term %llu, %zu voters, ", (ull)w->snapshot.index,
               (ull)w->snapshot.term, w->snapshot.config.voters_count);
    cli_put_size(out, w->snapshot.size);
    buf_printf(out, "\n");
}

static void put_cluster(const struct cli_log_whole *w, struct buf *out) {
    if (w->file == NULL)
        return;
    buf_printf(out, "%s: ", w->file->name);
    if (w->error != 0) {
        buf_printf(out, "damaged, %s\n", w->text);
        return;
    }
    buf_printf(out, "whole, cluster ");
    cli_put_id(out, w->cluster.cluster.id.b);
    buf_printf(out, ", generation %u, log ", w->cluster.cluster.generation);
    cli_put_id(out, w->cluster.log.b);
    buf_printf(out, "%s, %zu other hosts\n", w->cluster.begun ? "" : " (not begun)", w->cluster.peers_count);
}

static void put_journal(const struct cli_log *log, struct buf *out) {
    if (log->journal == NULL)
        return;
    buf_printf(out, "%s: ", log->journal->name);
    if (cli_log_journal_is_bad(log))
        buf_printf(out, "damaged, %s\n", log->ends.text);
    else
        buf_printf(out, "%s, run %u of the agent, %zu end%s of instances that no snapshot has\n",
                   log->ends.verdict == JOURNAL_TORN ? "a torn tail" : "whole", log->ends.boot.generation,
                   log->ends.facts_count, log->ends.facts_count == 1 ? "" : "s");
}

static void put_log(const struct wal_recovery *r, struct buf *out) {
    buf_printf(out, "log: ");
    cli_put_id(out, r->identity.log.b);
    buf_printf(out, " of host ");
    cli_put_id(out, r->identity.node.b);
    if (r->entries_count > 0)
        buf_printf(out, ", entries %llu to %llu", (ull)r->first_index,
                   (ull)(r->first_index + r->entries_count - 1));
    else
        buf_printf(out, ", no entries behind index %llu", (ull)r->base_index);
    buf_printf(out, ", term %llu, vote ", (ull)r->hard.term);
    put_voter(out, &r->hard.vote);
    buf_printf(out, ", committed at least to %llu\n", (ull)r->hard.commit);
}

void cli_view_log(const struct cli_log *log, const char *path, struct buf *out) {
    const struct wal_view *v = &log->view;
    put_segments(log, out);
    for (size_t i = 0; i < 2; i++) {
        if (v->votes[i].whole || v->votes[i].broken)
            put_vote(&v->votes[i], &v->votes[1 - i], out);
    }
    for (size_t i = 0; i < log->snapshots_count; i++)
        put_snapshot(&log->snapshots[i], out);
    for (size_t i = 0; i < 2; i++)
        put_cluster(&log->clusters[i], out);
    put_journal(log, out);
    if (!log->files->is_one && v->recovery.verdict != WAL_EMPTY)
        put_log(&v->recovery, out);
    if (log->files->unreadable_count > 0)
        buf_printf(out, "the disk could not read %zu sectors of 512 bytes\n", log->files->unreadable_count);
    buf_printf(out, "%s: %s: %s\n", path, log->damaged ? "DAMAGED" : "good", log->text);
}

/* ---- JSON ---------------------------------------------------------------------------------------------- */

static void json_text(struct buf *out, const char *name, const char *text) {
    buf_printf(out, "\"%s\":", name);
    codec_json_str(out, bytes_str(text));
}

static void json_segment(const struct wal_segment_view *s, struct buf *out) {
    buf_printf(out, "{");
    json_text(out, "name", s->name);
    buf_printf(out, ",");
    json_text(out, "state", s->state);
    buf_printf(out, ",");
    json_text(out, "tail", s->tail);
    buf_printf(out,
               ",\"damaged\":%s,\"in_log\":%s,\"closed\":%s,\"size\":%llu,\"end\":%llu,\"batches\":%u,"
               "\"entries\":%llu,"
               "\"first_index\":%llu,\"last_index\":%llu,\"first_term\":%llu,\"last_term\":%llu",
               s->broken ? "true" : "false", s->in_log ? "true" : "false", s->closed ? "true" : "false",
               (ull)s->size, (ull)s->end, s->batches, (ull)s->entries_count, (ull)s->first_index,
               (ull)s->last_index, (ull)s->first_term, (ull)s->last_term);
    if (s->fault != NULL) {
        buf_printf(out, ",\"fault_offset\":%llu,", (ull)s->fault_offset);
        json_text(out, "fault", s->fault);
    }
    buf_printf(out, "}");
}

static void json_whole(const struct cli_log_whole *w, const struct codec_type *type, const void *obj,
                       struct buf *out) {
    buf_printf(out, "{");
    json_text(out, "name", w->file->name);
    buf_printf(out, ",\"damaged\":%s", w->error != 0 ? "true" : "false");
    if (w->error != 0) {
        buf_printf(out, ",");
        json_text(out, "fault", w->text);
    } else {
        buf_printf(out, ",\"header\":");
        codec_to_json(type, obj, out);
    }
    buf_printf(out, "}");
}

static void json_vote(const struct wal_vote_view *v, struct buf *out) {
    buf_printf(out, "{");
    json_text(out, "name", v->name);
    buf_printf(out, ",");
    json_text(out, "state", v->state);
    buf_printf(out, ",\"counts\":%s", v->counts ? "true" : "false");
    if (v->whole) {
        buf_printf(out, ",\"hard\":");
        codec_to_json(&wire_hard_state_type, &v->hard, out);
        buf_printf(out, ",\"durable_end\":%llu,", (ull)v->durable_end);
        json_text(out, "durable_segment", v->durable_name);
    }
    buf_printf(out, "}");
}

void cli_json_log(const struct cli_log *log, const char *path, struct buf *out) {
    const struct wal_view *v = &log->view;
    const char *gap = "";
    buf_printf(out, "{");
    json_text(out, "path", path);
    buf_printf(out, ",\"damaged\":%s,", log->damaged ? "true" : "false");
    json_text(out, "verdict", log->files->is_one ? "" : wal_verdict_str(v->recovery.verdict));
    buf_printf(out, ",");
    json_text(out, "text", log->text);
    buf_printf(out, ",\"unreadable_sectors\":%zu,\"base_index\":%llu,\"entries\":%zu,\"hard\":",
               log->files->unreadable_count, (ull)v->recovery.base_index, v->recovery.entries_count);
    codec_to_json(&wire_hard_state_type, &v->recovery.hard, out);
    buf_printf(out, ",\"segments\":[");
    for (size_t i = 0; i < v->segments_count; i++, gap = ",") {
        buf_printf(out, "%s", gap);
        json_segment(&v->segments[i], out);
    }
    buf_printf(out, "],\"votes\":[");
    json_vote(&v->votes[0], out);
    buf_printf(out, ",");
    json_vote(&v->votes[1], out);
    buf_printf(out, "],\"snapshots\":[");
    for (size_t i = 0; i < log->snapshots_count; i++) {
        buf_printf(out, "%s", i > 0 ? "," : "");
        json_whole(&log->snapshots[i], &wire_snapshot_header_type, &log->snapshots[i].snapshot, out);
    }
    buf_printf(out, "],\"clusters\":[");
    gap = "";
    for (size_t i = 0; i < 2; i++) {
        const struct cli_log_whole *w = &log->clusters[i];
        if (w->file == NULL)
            continue;
        buf_printf(out, "%s", gap);
        json_whole(w, &wire_node_files_keys_type, &w->cluster, out);
        gap = ",";
    }
    buf_printf(out, "]");
    if (log->journal != NULL) {
        buf_printf(out, ",\"journal\":{\"damaged\":%s,\"generation\":%u,\"facts\":%zu,",
                   cli_log_journal_is_bad(log) ? "true" : "false", log->ends.boot.generation,
                   log->ends.facts_count);
        json_text(out, "text", log->ends.text);
        buf_printf(out, "}");
    }
    buf_printf(out, "}\n");
}
