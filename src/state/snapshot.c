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

static uint64_t job_index(const struct job_line *line) {
    uint64_t index = 0;
    for (size_t i = 0; i < line->versions.count; i++)
        if (line->versions.data[i]->record.modify_index > index)
            index = line->versions.data[i]->record.modify_index;
    for (const struct instance_entry *e = line->instances.first; e != NULL; e = e->job_next)
        if (e->record.modify_index > index)
            index = e->record.modify_index;
    return index;
}

static void load(struct state *s, const struct wire_state_snapshot *in) {
    s->index = in->index;
    if (!ID_IS_ZERO(in->cluster.id)) {
        codec_copy(&wire_cluster_record_type, &in->cluster, &s->cluster_arena, &s->cluster);
        s->has_cluster = true;
    }
    for (size_t i = 0; i < in->nodes_count; i++)
        node_entry_put(s, &in->nodes[i]);
    for (size_t i = 0; i < in->jobs_count; i++)
        job_line_add(job_line_make(s, in->jobs[i].spec.name), &in->jobs[i]);
    for (size_t i = 0; i < in->instances_count; i++)
        instance_entry_add(s, &in->instances[i]);
    for (size_t i = 0; i < in->vars_count; i++)
        var_entry_put(s, &in->vars[i]);
    for (size_t i = 0; i < in->requests_count; i++)
        request_entry_add(s, &in->requests[i]);
    s->requests_forgotten = in->forgotten;
    s->format_used = in->format;
    for (size_t i = 0; i < s->jobs.count; i++)
        s->jobs.data[i]->index = job_index(s->jobs.data[i]);
}

/* The jobs are in order here. */
static bool has_version(const struct wire_state_snapshot *in, const struct wire_instance_record *r) {
    size_t low = 0, high = in->jobs_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = bytes_compare(in->jobs[middle].spec.name, r->job);
        if (order == 0 && in->jobs[middle].version == r->version)
            return state_group_find(&in->jobs[middle], r->group) != NULL;
        if (order < 0 || (order == 0 && in->jobs[middle].version < r->version))
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

/* What a state never holds, whatever the checksum says. */
static bool sound(const struct wire_state_snapshot *in) {
    for (size_t i = 1; i < in->nodes_count; i++)
        if (ID_COMPARE(in->nodes[i - 1].id, in->nodes[i].id) >= 0)
            return false;
    for (size_t i = 1; i < in->jobs_count; i++) {
        int order = bytes_compare(in->jobs[i - 1].spec.name, in->jobs[i].spec.name);
        if (order > 0 || (order == 0 && in->jobs[i - 1].version >= in->jobs[i].version))
            return false;
    }
    for (size_t i = 1; i < in->vars_count; i++)
        if (bytes_compare(in->vars[i - 1].key, in->vars[i].key) >= 0)
            return false;
    const struct wire_cluster_record none = {0};
    if (ID_IS_ZERO(in->cluster.id) && !codec_equal(&wire_cluster_record_type, &in->cluster, &none))
        return false;
    for (size_t i = 0; i < in->jobs_count; i++) {
        if (in->jobs[i].spec.name.size == 0)
            return false;
        for (size_t g = 0; g < in->jobs[i].spec.groups_count; g++)
            if (in->jobs[i].spec.groups[g].count > WIRE_COUNT_MAX)
                return false;
    }
    struct map seen = {0};
    bool good = true;
    for (size_t i = 0; i < in->requests_count && good; i++)
        good = !ID_IS_ZERO(in->requests[i].id) &&
               map_put(&seen, bytes_of(in->requests[i].id.b, ID_SIZE), &in->requests[i]) == NULL;
    map_done(&seen);
    for (size_t i = 0; i < in->instances_count && good; i++)
        good = map_put(&seen, bytes_of(in->instances[i].id.b, ID_SIZE), &in->instances[i]) == NULL &&
               has_version(in, &in->instances[i]);
    map_done(&seen);
    return good;
}

int state_restore(struct state *s, struct bytes snapshot) {
    struct arena a = {0};
    struct wire_state_snapshot in;
    int error =
        codec_decode(&wire_state_snapshot_type, snapshot, &a, &in, NULL) == 0 && sound(&in) ? 0 : ERR_CORRUPT;
    if (error == 0) {
        assert(s->copy == NULL);
        state_clear(s);
        load(s, &in);
        state_changed(s, &(struct state_change){.kind = STATE_ALL});
    }
    arena_done(&a);
    return error;
}
