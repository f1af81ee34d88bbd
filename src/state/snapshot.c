/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* The state as bytes and back: one wire_state_snapshot in a canonical order. */
#include <sodium.h>

#include "internal.h"

void state_gather(const struct state *s, struct arena *a, struct wire_state_snapshot *out) {
    *out = (struct wire_state_snapshot){
        .index = s->index, .forgotten = s->requests_forgotten, .format = s->format_used};
    if (s->has_cluster)
        out->cluster = s->cluster;
    out->nodes = arena_alloc(a, (s->nodes.count + 1) * sizeof *out->nodes);
    for (size_t i = 0; i < s->nodes.count; i++)
        out->nodes[out->nodes_count++] = s->nodes.data[i]->record;
    size_t jobs = 0;
    for (size_t i = 0; i < s->jobs.count; i++)
        jobs += s->jobs.data[i]->versions.count;
    out->jobs = arena_alloc(a, (jobs + 1) * sizeof *out->jobs);
    for (size_t i = 0; i < s->jobs.count; i++)
        for (size_t v = 0; v < s->jobs.data[i]->versions.count; v++)
            out->jobs[out->jobs_count++] = s->jobs.data[i]->versions.data[v]->record;
    out->instances = arena_alloc(a, (s->instances.count + 1) * sizeof *out->instances);
    for (const struct instance_entry *e = s->all.first; e != NULL; e = e->all_next)
        out->instances[out->instances_count++] = e->record;
    out->vars = arena_alloc(a, (s->vars.count + 1) * sizeof *out->vars);
    for (size_t i = 0; i < s->vars.count; i++)
        out->vars[out->vars_count++] = s->vars.data[i]->record;
    out->requests = arena_alloc(a, (s->requests.count + 1) * sizeof *out->requests);
    for (size_t i = s->requests_head; i < s->requests.count; i++)
        out->requests[out->requests_count++] = *s->requests.data[i];
}

void state_snapshot(const struct state *s, struct buf *out) {
    struct arena a = {0};
    struct wire_state_snapshot snapshot;
    state_gather(s, &a, &snapshot);
    codec_encode(&wire_state_snapshot_type, &snapshot, out);
    arena_done(&a);
}

void state_bytes_hash(struct bytes snapshot, uint8_t ret_hash[16]) {
    int error = crypto_generichash(ret_hash, 16, snapshot.data, snapshot.size, NULL, 0);
    assert(error == 0);
    (void)error;
}

void state_hash(const struct state *s, uint8_t ret_hash[16]) {
    struct buf bytes = {0};
    state_snapshot(s, &bytes);
    state_bytes_hash(buf_bytes(&bytes), ret_hash);
    buf_done(&bytes);
}

int state_restore(struct state *s, struct bytes snapshot) {
    struct state *made = state_made_of(snapshot);
    if (made == NULL)
        return ERR_CORRUPT;
    assert(s->copy == NULL);
    struct state before = *s;
    *s = *made;
    *made = before;
    state_free(made);
    state_changed(s, &(struct state_change){.kind = STATE_ALL});
    return 0;
}
