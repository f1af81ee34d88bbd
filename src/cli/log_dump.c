/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * covey log dump: what lies in the files, record by record. Secrets are left out; what cannot be decoded is
 * told by its size.
 */
#include <covey/codec.h>

#include "log.h"

typedef unsigned long long ull;

#define CONTENT_SHOWN_BYTES 160 /* of a line for people */

/* The entry's content as JSON; empty: there is none, or none that can be read. */
static void content_put(const struct wire_raft_entry *e, struct arena *a, struct buf *out) {
    struct wire_command command;
    struct wire_raft_config config;
    if (e->kind == ENTRY_KIND_COMMAND && codec_decode(&wire_command_type, e->data, a, &command, NULL) == 0)
        codec_to_json(&wire_command_type, &command, out);
    if (e->kind == ENTRY_KIND_CONFIG && codec_decode(&wire_raft_config_type, e->data, a, &config, NULL) == 0)
        codec_to_json(&wire_raft_config_type, &config, out);
}

static void text_entry(const struct wire_raft_entry *e, struct arena *a, struct buf *out) {
    struct buf content = {0};
    content_put(e, a, &content);
    bool is_cut = content.size > CONTENT_SHOWN_BYTES;
    if (is_cut)
        content.size = CONTENT_SHOWN_BYTES;
    while (is_cut && content.size > 0 && (content.data[content.size] & 0xc0) == 0x80)
        content.size--;
    buf_printf(out, "index %llu, term %llu, %s, %zu bytes", (ull)e->index, (ull)e->term,
               entry_kind_str(e->kind), e->data.size);
    if (content.size > 0) {
        buf_printf(out, ": ");
        cli_put(out, buf_bytes(&content));
        buf_printf(out, "%s", is_cut ? "..." : "");
    }
    buf_done(&content);
}

static void text_record(const struct wal_segment_view *s, const struct wal_record_view *r, struct arena *a,
                        struct buf *out) {
    buf_printf(out, "%s batch %u %s: ", s->name, r->batch, r->kind);
    if (r->entry != NULL) {
        text_entry(r->entry, a, out);
    } else if (r->hard != NULL) {
        buf_printf(out, "term %llu, vote ", (ull)r->hard->term);
        cli_put_id(out, r->hard->vote.node.b);
        buf_printf(out, ", commit %llu", (ull)r->hard->commit);
    } else if (strcmp(r->kind, "start") == 0) {
        buf_printf(out, "segment %llu", (ull)r->index);
    } else {
        buf_printf(out, "index %llu", (ull)r->index);
        if (r->term != 0)
            buf_printf(out, ", term %llu", (ull)r->term);
    }
    buf_printf(out, "\n");
}

static void json_record(const struct wal_segment_view *s, const struct wal_record_view *r, struct arena *a,
                        struct buf *out) {
    struct buf content = {0};
    buf_printf(out, "{\"file\":\"%s\",\"batch\":%u,\"record\":\"%s\"", s->name, r->batch, r->kind);
    if (r->entry != NULL) {
        content_put(r->entry, a, &content);
        buf_printf(out, ",\"index\":%llu,\"term\":%llu,\"kind\":\"%s\",\"size\":%zu", (ull)r->entry->index,
                   (ull)r->entry->term, entry_kind_str(r->entry->kind), r->entry->data.size);
        if (content.size > 0)
            buf_printf(out, ",\"content\":");
        buf_append(out, content.data, content.size);
    } else if (r->hard != NULL) {
        buf_printf(out, ",\"hard\":");
        codec_to_json(&wire_hard_state_type, r->hard, out);
    } else {
        buf_printf(out, ",\"index\":%llu,\"term\":%llu", (ull)r->index, (ull)r->term);
    }
    buf_printf(out, "}\n");
    buf_done(&content);
}

static void end_put(const struct wal_segment_view *s, bool json, struct buf *out) {
    const char *what = s->fault != NULL ? s->fault : strcmp(s->tail, "torn") == 0 ? "a torn batch" : NULL;
    uint64_t offset = s->fault != NULL ? s->fault_offset : s->end;
    if (what == NULL)
        return;
    if (json)
        buf_printf(out, "{\"file\":\"%s\",\"record\":\"none\",\"offset\":%llu,\"fault\":\"%s\"}\n", s->name,
                   (ull)offset, what);
    else
        buf_printf(out, "%s offset %llu: %s\n", s->name, (ull)offset, what);
}

static void whole_put(const struct cli_log_whole *w, const struct codec_type *type, const void *obj,
                      bool json, struct buf *out) {
    if (w->file == NULL)
        return;
    buf_printf(out, json ? "{\"file\":\"%s\",\"record\":\"file\"," : "%s: ", w->file->name);
    if (w->error != 0) {
        buf_printf(out, json ? "\"fault\":\"%s\"" : "damaged, %s", w->text);
    } else {
        buf_printf(out, "%s", json ? "\"content\":" : "");
        codec_to_json(type, obj, out);
    }
    buf_printf(out, json ? "}\n" : "\n");
}

static void fact_put(const struct wire_fact *f, bool json, struct buf *out) {
    buf_printf(out, json ? "{\"file\":\"%s\",\"record\":\"fact\",\"content\":" : "%s: ", JOURNAL_FILE_NAME);
    codec_to_json(&wire_fact_type, f, out);
    buf_printf(out, json ? "}\n" : "\n");
}

void cli_view_log_dump(const struct cli_log *log, bool json, struct arena *a, struct buf *out) {
    const struct wal_view *v = &log->view;
    for (size_t i = 0; i < log->snapshots_count; i++)
        whole_put(&log->snapshots[i], &wire_snapshot_header_type, &log->snapshots[i].snapshot, json, out);
    for (size_t i = 0; i < v->segments_count; i++) {
        const struct wal_segment_view *s = &v->segments[i];
        for (size_t k = 0; k < s->records_count; k++) {
            if (json)
                json_record(s, &s->records[k], a, out);
            else
                text_record(s, &s->records[k], a, out);
        }
        end_put(s, json, out);
    }
    for (size_t i = 0; i < 2; i++)
        whole_put(&log->clusters[i], &wire_node_files_keys_type, &log->clusters[i].cluster, json, out);
    for (size_t i = 0; i < log->ends.facts_count; i++)
        fact_put(&log->ends.facts[i], json, out);
}
