/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* The tables of the state: finding, adding, removing. What may be added is apply.c's business. */
#include "internal.h"

/* ---- nodes ---- */

struct node_entry *node_entry_find(const struct state *s, struct node_id id, size_t *ret_at) {
    size_t low = 0, high = s->nodes.count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (ID_COMPARE(s->nodes.data[middle]->record.id, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (ret_at != NULL)
        *ret_at = low;
    if (low == s->nodes.count || !ID_EQUAL(s->nodes.data[low]->record.id, id))
        return NULL;
    return s->nodes.data[low];
}

struct node_entry *node_entry_put(struct state *s, const struct wire_node_record *record) {
    size_t at;
    struct node_entry *old = node_entry_find(s, record->id, &at);
    struct node_entry *e = mem_alloc(sizeof *e);
    codec_copy(&wire_node_record_type, record, &e->arena, &e->record);
    if (old == NULL) {
        VEC_INSERT(&s->nodes, at, e);
        return e;
    }
    s->nodes.data[at] = e;
    state_drop(s, &old->arena);
    mem_free(old);
    return e;
}

void node_entry_remove(struct state *s, size_t at) {
    struct node_entry *e = s->nodes.data[at];
    VEC_REMOVE(&s->nodes, at);
    state_drop(s, &e->arena);
    mem_free(e);
}

/* ---- jobs ---- */

struct job_line *job_line_find(const struct state *s, struct bytes name, size_t *ret_at) {
    size_t low = 0, high = s->jobs.count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (bytes_compare(s->jobs.data[middle]->name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (ret_at != NULL)
        *ret_at = low;
    return low < s->jobs.count && bytes_equal(s->jobs.data[low]->name, name) ? s->jobs.data[low] : NULL;
}

struct job_line *job_line_make(struct state *s, struct bytes name) {
    size_t at;
    struct job_line *line = job_line_find(s, name, &at);
    if (line != NULL)
        return line;
    line = mem_alloc(sizeof *line);
    uint8_t *copy = mem_alloc(name.size + 1);
    mem_copy(copy, name.data, name.size);
    line->name = bytes_of(copy, name.size);
    VEC_INSERT(&s->jobs, at, line);
    return line;
}

struct job_entry *job_line_version(const struct job_line *line, uint64_t version) {
    for (size_t i = line->versions.count; i-- > 0;)
        if (line->versions.data[i]->record.version == version)
            return line->versions.data[i];
    return NULL;
}

struct job_entry *job_line_add(struct job_line *line, const struct wire_job_record *record) {
    struct job_entry *e = mem_alloc(sizeof *e);
    struct buf encoded = {0};
    codec_copy(&wire_job_record_type, record, &e->arena, &e->record);
    codec_encode(&wire_job_type, &record->spec, &encoded);
    e->size_bytes = encoded.size;
    buf_done(&encoded);
    VEC_PUSH(&line->versions, e);
    return e;
}

/* Versions that nothing refers to go, but for the newest. */
void job_line_prune(struct state *s, struct job_line *line) {
    size_t kept = 0;
    for (size_t i = 0; i < line->versions.count; i++) {
        struct job_entry *e = line->versions.data[i];
        if (i + 1 == line->versions.count || e->instances_count > 0) {
            line->versions.data[kept++] = e;
            continue;
        }
        state_drop(s, &e->arena);
        mem_free(e);
    }
    line->versions.count = kept;
}

/* ---- instances ---- */

#define LIST_APPEND(list, e, prev, next)                                                                     \
    do {                                                                                                     \
        (e)->prev = (list)->last;                                                                            \
        if ((list)->last != NULL)                                                                            \
            (list)->last->next = (e);                                                                        \
        else                                                                                                 \
            (list)->first = (e);                                                                             \
        (list)->last = (e);                                                                                  \
    } while (0)
#define LIST_REMOVE(list, e, prev, next)                                                                     \
    do {                                                                                                     \
        if ((e)->prev != NULL)                                                                               \
            (e)->prev->next = (e)->next;                                                                     \
        else                                                                                                 \
            (list)->first = (e)->next;                                                                       \
        if ((e)->next != NULL)                                                                               \
            (e)->next->prev = (e)->prev;                                                                     \
        else                                                                                                 \
            (list)->last = (e)->prev;                                                                        \
    } while (0)

static void slot_key(struct bytes group, uint32_t slot, uint8_t out[WIRE_NAME_MAX + 5], size_t *ret_size) {
    mem_copy(out, group.data, group.size);
    out[group.size] = 0;
    for (unsigned i = 0; i < 4; i++)
        out[group.size + 1 + i] = (uint8_t)(slot >> (8 * i));
    *ret_size = group.size + 5;
}

struct slot_entry *slot_find(const struct job_line *line, struct bytes group, uint32_t slot) {
    uint8_t key[WIRE_NAME_MAX + 5];
    size_t size;
    if (group.size > WIRE_NAME_MAX)
        return NULL;
    slot_key(group, slot, key, &size);
    return map_get(&line->slots, bytes_of(key, size));
}

static struct slot_entry *slot_make(struct job_line *line, struct bytes group, uint32_t slot) {
    struct slot_entry *e = slot_find(line, group, slot);
    if (e != NULL)
        return e;
    uint8_t key[WIRE_NAME_MAX + 5];
    e = mem_alloc(sizeof *e);
    slot_key(group, slot, key, &e->key_size);
    e->key = mem_alloc(e->key_size);
    memcpy(e->key, key, e->key_size);
    map_put(&line->slots, bytes_of(e->key, e->key_size), e);
    return e;
}

static struct node_line *node_line_make(struct state *s, struct node_id id) {
    struct node_line *line = MAP_GET_ID(&s->node_lines, id);
    if (line != NULL)
        return line;
    line = mem_alloc(sizeof *line);
    line->id = id;
    map_put(&s->node_lines, bytes_of(line->id.b, ID_SIZE), line);
    return line;
}

struct instance_entry *instance_entry_find(const struct state *s, struct instance_id id) {
    return MAP_GET_ID(&s->instances, id);
}

struct instance_entry *instance_entry_add(struct state *s, const struct wire_instance_record *record) {
    struct instance_entry *e = mem_alloc(sizeof *e);
    codec_copy(&wire_instance_record_type, record, &e->arena, &e->record);
    e->job = job_line_make(s, record->job);
    e->slot = slot_make(e->job, record->group, record->slot);
    VEC_PUSH(&e->slot->instances, e);
    job_line_version(e->job, record->version)->instances_count++;
    struct node_line *node = node_line_make(s, record->node);
    map_put(&s->instances, bytes_of(e->record.id.b, ID_SIZE), e);
    LIST_APPEND(&s->all, e, all_prev, all_next);
    LIST_APPEND(&e->job->instances, e, job_prev, job_next);
    LIST_APPEND(&node->instances, e, node_prev, node_next);
    return e;
}

/* The record may point into the old one. */
void instance_entry_rewrite(struct state *s, struct instance_entry *e,
                            const struct wire_instance_record *record) {
    struct arena fresh = {0};
    struct wire_instance_record copy;
    codec_copy(&wire_instance_record_type, record, &fresh, &copy);
    state_drop(s, &e->arena);
    e->arena = fresh;
    e->record = copy;
}

void instance_entry_remove(struct state *s, struct instance_entry *e) {
    struct node_line *node = node_line_make(s, e->record.node);
    job_line_version(e->job, e->record.version)->instances_count--;
    size_t at = 0;
    while (e->slot->instances.data[at] != e)
        at++;
    VEC_REMOVE(&e->slot->instances, at);
    LIST_REMOVE(&s->all, e, all_prev, all_next);
    LIST_REMOVE(&e->job->instances, e, job_prev, job_next);
    LIST_REMOVE(&node->instances, e, node_prev, node_next);
    MAP_REMOVE_ID(&s->instances, e->record.id);
    job_line_prune(s, e->job);
    state_drop(s, &e->arena);
    mem_free(e);
}

/* ---- variables ---- */

struct var_entry *var_entry_find(const struct state *s, struct bytes key, size_t *ret_at) {
    size_t low = 0, high = s->vars.count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (bytes_compare(s->vars.data[middle]->record.key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (ret_at != NULL)
        *ret_at = low;
    return low < s->vars.count && bytes_equal(s->vars.data[low]->record.key, key) ? s->vars.data[low] : NULL;
}

static void var_entry_free(struct state *s, struct var_entry *e) {
    state_drop(s, &e->arena);
    mem_free(e);
}

void var_entry_put(struct state *s, const struct wire_var_record *record) {
    size_t at;
    struct var_entry *old = var_entry_find(s, record->key, &at);
    struct var_entry *e = mem_alloc(sizeof *e);
    codec_copy(&wire_var_record_type, record, &e->arena, &e->record);
    s->vars_bytes += record->key.size + record->value.size;
    if (old == NULL) {
        VEC_INSERT(&s->vars, at, e);
        return;
    }
    s->vars.data[at] = e;
    s->vars_bytes -= old->record.key.size + old->record.value.size;
    var_entry_free(s, old);
}

void var_entry_remove(struct state *s, size_t at) {
    struct var_entry *e = s->vars.data[at];
    s->vars_bytes -= e->record.key.size + e->record.value.size;
    VEC_REMOVE(&s->vars, at);
    var_entry_free(s, e);
}

/* ---- answered requests ---- */

static void request_entry_drop_oldest(struct state *s) {
    struct wire_request_record *oldest = s->requests.data[s->requests_head++];
    s->requests_forgotten = oldest->index;
    MAP_REMOVE_ID(&s->requests_by_id, oldest->id);
    mem_free(oldest);
    if (s->requests_head < WIRE_REQUESTS_MAX)
        return;
    s->requests.count -= s->requests_head;
    memmove(s->requests.data, s->requests.data + s->requests_head,
            s->requests.count * sizeof *s->requests.data);
    s->requests_head = 0;
}

void request_entry_add(struct state *s, const struct wire_request_record *record) {
    if (s->requests.count - s->requests_head == WIRE_REQUESTS_MAX)
        request_entry_drop_oldest(s);
    struct wire_request_record *copy = mem_alloc(sizeof *copy);
    *copy = *record;
    VEC_PUSH(&s->requests, copy);
    map_put(&s->requests_by_id, bytes_of(copy->id.b, sizeof copy->id.b), copy);
}

/* ---- all of it ---- */

static void job_line_free(struct job_line *line) {
    for (size_t i = 0; i < line->versions.count; i++) {
        arena_done(&line->versions.data[i]->arena);
        mem_free(line->versions.data[i]);
    }
    for (size_t i = 0; i < line->slots.count; i++) {
        struct slot_entry *slot = line->slots.entries[i].value;
        VEC_DONE(&slot->instances);
        mem_free(slot->key);
        mem_free(slot);
    }
    VEC_DONE(&line->versions);
    map_done(&line->slots);
    mem_free((void *)(uintptr_t)line->name.data);
    mem_free(line);
}

void state_clear(struct state *s) {
    for (size_t i = 0; i < s->nodes.count; i++) {
        arena_done(&s->nodes.data[i]->arena);
        mem_free(s->nodes.data[i]);
    }
    for (struct instance_entry *e = s->all.first, *next; e != NULL; e = next) {
        next = e->all_next;
        arena_done(&e->arena);
        mem_free(e);
    }
    for (size_t i = 0; i < s->jobs.count; i++)
        job_line_free(s->jobs.data[i]);
    for (size_t i = 0; i < s->node_lines.count; i++)
        mem_free(s->node_lines.entries[i].value);
    for (size_t i = 0; i < s->vars.count; i++)
        var_entry_free(s, s->vars.data[i]);
    VEC_DONE(&s->nodes);
    VEC_DONE(&s->jobs);
    VEC_DONE(&s->vars);
    for (size_t i = s->requests_head; i < s->requests.count; i++)
        mem_free(s->requests.data[i]);
    VEC_DONE(&s->requests);
    map_done(&s->requests_by_id);
    VEC_DONE(&s->changes);
    map_done(&s->instances);
    map_done(&s->node_lines);
    arena_done(&s->cluster_arena);
    memset(s, 0, sizeof *s);
}
