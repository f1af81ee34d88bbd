/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * A state made of its bytes. They are walked as state_snapshot() wrote them, field by field and record by
 * record; each record is decoded by itself, checked against what is there by then, and added. So it can be
 * done in turns, and what was read needs no memory but that of the state. What a state never holds is refused
 * here, whatever a checksum says.
 */
#include <sodium.h>

#include "internal.h"

#define HASH_ALIGN 64 /* as libsodium asks */

struct loading {
    struct state *state; /* as far as it has come */
    struct bytes rest;
    struct arena arena; /* of the record at hand */
    bool begun;
    size_t pairs, items;             /* that follow: fields; records of the list under way ... */
    const struct codec_field *field; /* ... which is this one's */
    uint64_t field_last;
    int error;
};

/* ---- one record ---------------------------------------------------------------------------------------- */

static bool cluster_add(struct state *s, const struct wire_cluster_record *r) {
    const struct wire_cluster_record none = {0};
    if (ID_IS_ZERO(r->id))
        return codec_equal(&wire_cluster_record_type, r, &none);
    codec_copy(&wire_cluster_record_type, r, &s->cluster_arena, &s->cluster);
    s->has_cluster = true;
    return true;
}

static bool node_add(struct state *s, const struct wire_node_record *r) {
    size_t count = s->nodes.count;
    if (count > 0 && ID_COMPARE(s->nodes.data[count - 1]->record.id, r->id) >= 0)
        return false;
    node_entry_put(s, r);
    return true;
}

static void index_raise(struct job_line *line, uint64_t index) {
    if (line->index < index)
        line->index = index;
}

static bool job_add(struct state *s, const struct wire_job_record *r) {
    struct job_line *last = s->jobs.count > 0 ? s->jobs.data[s->jobs.count - 1] : NULL;
    int order = last != NULL ? bytes_compare(last->name, r->spec.name) : -1;
    if (r->spec.name.size == 0 || order > 0)
        return false;
    if (order == 0 && last->versions.data[last->versions.count - 1]->record.version >= r->version)
        return false;
    for (size_t i = 0; i < r->spec.groups_count; i++)
        if (r->spec.groups[i].count > WIRE_COUNT_MAX)
            return false;
    struct job_line *line = job_line_make(s, r->spec.name);
    job_line_add(line, r);
    index_raise(line, r->modify_index);
    return true;
}

static bool instance_add(struct state *s, const struct wire_instance_record *r) {
    const struct job_line *line = job_line_find(s, r->job, NULL);
    const struct job_entry *version = line != NULL ? job_line_version(line, r->version) : NULL;
    if (version == NULL || state_group_find(&version->record, r->group) == NULL ||
        instance_entry_find(s, r->id) != NULL)
        return false;
    index_raise(instance_entry_add(s, r)->job, r->modify_index);
    return true;
}

static bool var_add(struct state *s, const struct wire_var_record *r) {
    size_t count = s->vars.count;
    if (count > 0 && bytes_compare(s->vars.data[count - 1]->record.key, r->key) >= 0)
        return false;
    var_entry_put(s, r);
    return true;
}

static bool request_add(struct state *s, const struct wire_request_record *r) {
    if (ID_IS_ZERO(r->id) || MAP_GET_ID(&s->requests_by_id, r->id) != NULL)
        return false;
    request_entry_add(s, r);
    return true;
}

/* ---- one field ----------------------------------------------------------------------------------------- */

static bool record_add(struct state *s, const struct codec_type *type, const void *record) {
    if (type == &wire_cluster_record_type)
        return cluster_add(s, record);
    if (type == &wire_node_record_type)
        return node_add(s, record);
    if (type == &wire_job_record_type)
        return job_add(s, record);
    if (type == &wire_instance_record_type)
        return instance_add(s, record);
    if (type == &wire_var_record_type)
        return var_add(s, record);
    assert(type == &wire_request_record_type);
    return request_add(s, record);
}

static int record_take(struct loading *l) {
    size_t used;
    void *record = arena_alloc(&l->arena, l->field->sub->size);
    int error = codec_decode_prefix(l->field->sub, l->rest, &l->arena, record, NULL, &used);
    if (error == 0) {
        l->rest = bytes_of(l->rest.data + used, l->rest.size - used);
        error = record_add(l->state, l->field->sub, record) ? 0 : ERR_CORRUPT;
    }
    arena_reset(&l->arena);
    return error;
}

static int number_take(struct loading *l) {
    uint64_t number;
    int error = codec_get_uint(&l->rest, &number);
    if (error != 0)
        return error;
    if (l->field->offset == offsetof(struct wire_state_snapshot, index))
        l->state->index = number;
    else if (l->field->offset == offsetof(struct wire_state_snapshot, forgotten))
        l->state->requests_forgotten = number;
    else if (number <= UINT32_MAX)
        l->state->format_used = (uint32_t)number;
    else
        error = ERR_CORRUPT;
    return error;
}

static const struct codec_field *field_find(uint64_t id) {
    for (size_t i = 0; i < wire_state_snapshot_type.fields_count; i++)
        if (wire_state_snapshot_type.fields[i].id == id)
            return &wire_state_snapshot_type.fields[i];
    return NULL;
}

/* One that came with a later version is passed over, as in every message. */
static int field_take(struct loading *l) {
    uint64_t id;
    struct bytes skipped;
    int error = codec_get_uint(&l->rest, &id);
    if (error != 0 || id <= l->field_last)
        return ERR_CORRUPT;
    l->field_last = id;
    l->field = field_find(id);
    if (l->field == NULL)
        return codec_get_raw(&l->rest, &skipped);
    if (l->field->sub == NULL)
        return number_take(l);
    if (!(l->field->flags & CODEC_LIST))
        return record_take(l);
    error = codec_get_array(&l->rest, &l->items);
    return error == 0 && l->items > l->field->list_max ? ERR_LIMIT : error;
}

/* ---- all of them --------------------------------------------------------------------------------------- */

static struct loading loading_of(struct bytes snapshot) {
    struct loading l = {.state = state_new(), .rest = snapshot};
    if (snapshot.size > wire_state_snapshot_type.max_bytes)
        l.error = ERR_LIMIT;
    return l;
}

static int step(struct loading *l) {
    if (!l->begun) {
        l->begun = true;
        return codec_get_map(&l->rest, &l->pairs);
    }
    if (l->items > 0) {
        l->items--;
        return record_take(l);
    }
    l->pairs--;
    return field_take(l);
}

static bool is_over(const struct loading *l) {
    return l->error != 0 || (l->begun && l->items == 0 && l->pairs == 0);
}

/* So many bytes more, or somewhat more than that. */
static void loading_on(struct loading *l, size_t size) {
    size_t until = l->rest.size > size ? l->rest.size - size : 0;
    while (!is_over(l) && (l->rest.size > until || until == 0))
        l->error = step(l);
    if (is_over(l) && l->error == 0 && l->rest.size > 0)
        l->error = ERR_CORRUPT;
}

/* NULL: it was none. */
static struct state *loading_end(struct loading *l) {
    struct state *s = l->state;
    l->state = NULL;
    arena_done(&l->arena);
    if (s == NULL || (is_over(l) && l->error == 0))
        return s;
    state_free(s);
    return NULL;
}

struct state *state_made_of(struct bytes snapshot) {
    struct loading l = loading_of(snapshot);
    loading_on(&l, SIZE_MAX);
    return loading_end(&l);
}

/* ---- in turns ------------------------------------------------------------------------------------------ */

struct state_load {
    struct loading loading;
    struct bytes unhashed;
    uint32_t checksum;
    uint8_t hash[sizeof(crypto_generichash_state) + HASH_ALIGN];
};

static crypto_generichash_state *hash_of(struct state_load *l) {
    uintptr_t at = ((uintptr_t)l->hash + HASH_ALIGN - 1) / HASH_ALIGN * HASH_ALIGN;
    return (crypto_generichash_state *)at;
}

struct state_load *state_load_new(struct bytes snapshot) {
    struct state_load *l = mem_alloc(sizeof *l);
    l->loading = loading_of(snapshot);
    l->unhashed = snapshot;
    int error = crypto_generichash_init(hash_of(l), NULL, 0, 16);
    assert(error == 0);
    (void)error;
    return l;
}

void state_load_free(struct state_load *l) {
    if (l == NULL)
        return;
    l->loading.error = ERR_CORRUPT;
    (void)loading_end(&l->loading);
    mem_free(l);
}

bool state_load_step(struct state_load *l, size_t size) {
    size_t part = l->unhashed.size < size ? l->unhashed.size : size;
    int error = crypto_generichash_update(hash_of(l), l->unhashed.data, part);
    assert(error == 0);
    (void)error;
    l->checksum = crc32c(l->checksum, l->unhashed.data, part);
    l->unhashed = bytes_of(l->unhashed.data + part, l->unhashed.size - part);
    loading_on(&l->loading, size);
    return l->unhashed.size == 0 && is_over(&l->loading);
}

struct state *state_load_take(struct state_load *l) {
    struct state *s = loading_end(&l->loading);
    if (s != NULL)
        state_changed(s, &(struct state_change){.kind = STATE_ALL});
    return s;
}

void state_load_hash(struct state_load *l, uint8_t ret_hash[16]) {
    int error = crypto_generichash_final(hash_of(l), ret_hash, 16);
    assert(error == 0);
    (void)error;
}

uint32_t state_load_checksum(const struct state_load *l) { return l->checksum; }
