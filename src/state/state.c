/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The replicated state. It says what should run (jobs, and instances with a place) and remembers what was
 * told of it (facts). Two rules shape it:
 *
 *   An instance is placed by one command and ended by its node's word alone: a stop is a wish recorded in the
 * instance (desired = stop), a tombstone that stays until the node has told that it was carried out, however
 * long that takes and whatever was compacted meanwhile. Until then the instance holds its slot's ports and
 * room.
 *
 *   A placement carries what its planner had seen: who holds the slot, and which run of the node's agent. If
 * either has changed when the command is applied, it is refused on every host alike, and the leader plans
 * anew.
 *
 *   placed --> starting --> running --> complete | failed
 *      |          |            |
 *      |          +------------+--> stopped   (a stop was committed and carried out)
 *      +--> refused                           (the node could not admit it)
 */
#include "internal.h"

struct state *state_new(void) {
    return mem_alloc(sizeof(struct state));
}

void state_free(struct state *s) {
    if (s == NULL)
        return;
    assert(s->copy == NULL);
    state_clear(s);
    mem_free(s);
}

bool state_change_next(struct state *s, struct state_change *ret) {
    if (s->changes_head == s->changes.count) {
        s->changes_head = s->changes.count = 0;
        return false;
    }
    *ret = s->changes.data[s->changes_head++];
    return true;
}

uint64_t state_index(const struct state *s) { return s->index; }
const struct wire_cluster_record *state_cluster(const struct state *s) {
    return s->has_cluster ? &s->cluster : NULL;
}

/* ---- nodes ---- */

size_t state_nodes_count(const struct state *s) { return s->nodes.count; }
const struct wire_node_record *state_node_at(const struct state *s, size_t index) {
    return &s->nodes.data[index]->record;
}
const struct wire_node_record *state_node_find(const struct state *s, struct node_id id) {
    const struct node_entry *e = node_entry_find(s, id, NULL);
    return e != NULL ? &e->record : NULL;
}

/* ---- jobs ---- */

static const struct wire_job_record *newest(const struct job_line *line) {
    return line != NULL ? &line->versions.data[line->versions.count - 1]->record : NULL;
}

size_t state_jobs_count(const struct state *s) { return s->jobs.count; }
const struct wire_job_record *state_job_at(const struct state *s, size_t index) {
    return newest(s->jobs.data[index]);
}
const struct wire_job_record *state_job_find(const struct state *s, struct bytes name) {
    return newest(job_line_find(s, name, NULL));
}
const struct wire_job_record *state_job_version(const struct state *s, struct bytes name, uint64_t version) {
    const struct job_line *line = job_line_find(s, name, NULL);
    const struct job_entry *e = line != NULL ? job_line_version(line, version) : NULL;
    return e != NULL ? &e->record : NULL;
}

const struct wire_group *state_group_find(const struct wire_job_record *job, struct bytes group) {
    for (size_t i = 0; i < job->spec.groups_count; i++)
        if (bytes_equal(job->spec.groups[i].name, group))
            return &job->spec.groups[i];
    return NULL;
}

/* The job's meta reaches the tasks' environment, so it counts; the group's count does not. */
bool state_group_same(const struct wire_job_record *a, const struct wire_job_record *b, struct bytes group) {
    const struct wire_group *x = state_group_find(a, group), *y = state_group_find(b, group);
    if (x == NULL || y == NULL || a->spec.type != b->spec.type)
        return false;
    struct wire_job left = {.name = a->spec.name, .meta = a->spec.meta, .meta_count = a->spec.meta_count};
    struct wire_job right = {.name = b->spec.name, .meta = b->spec.meta, .meta_count = b->spec.meta_count};
    struct wire_group gx = *x, gy = *y;
    gx.count = gy.count = 0;
    return codec_equal(&wire_job_type, &left, &right) && codec_equal(&wire_group_type, &gx, &gy);
}

uint64_t state_job_index(const struct state *s, struct bytes job) {
    const struct job_line *line = job_line_find(s, job, NULL);
    return line != NULL ? line->index : 0;
}

/* ---- instances ---- */

bool state_instance_live(const struct wire_instance_record *instance) {
    return instance->state == INSTANCE_STATE_PLACED || instance->state == INSTANCE_STATE_STARTING ||
           instance->state == INSTANCE_STATE_RUNNING || instance->state == INSTANCE_STATE_UNKNOWN;
}

size_t state_instances_count(const struct state *s) { return s->instances.count; }
const struct wire_instance_record *state_instance_find(const struct state *s, struct instance_id id) {
    const struct instance_entry *e = instance_entry_find(s, id);
    return e != NULL ? &e->record : NULL;
}
void state_instances_each(const struct state *s, state_visit *visit, void *arg) {
    for (const struct instance_entry *e = s->all.first; e != NULL; e = e->all_next)
        visit(arg, &e->record);
}
void state_instances_of_job(const struct state *s, struct bytes job, state_visit *visit, void *arg) {
    const struct job_line *line = job_line_find(s, job, NULL);
    for (const struct instance_entry *e = line != NULL ? line->instances.first : NULL; e != NULL;
         e = e->job_next)
        visit(arg, &e->record);
}
void state_instances_of_node(const struct state *s, struct node_id node, state_visit *visit, void *arg) {
    const struct node_line *line = MAP_GET_ID(&s->node_lines, node);
    for (const struct instance_entry *e = line != NULL ? line->instances.first : NULL; e != NULL;
         e = e->node_next)
        visit(arg, &e->record);
}

/* ---- variables ---- */

const struct wire_var_record *state_var_find(const struct state *s, struct bytes key) {
    const struct var_entry *e = var_entry_find(s, key, NULL);
    return e != NULL ? &e->record : NULL;
}
size_t state_vars_count(const struct state *s) { return s->vars.count; }
const struct wire_var_record *state_var_at(const struct state *s, size_t index) {
    return &s->vars.data[index]->record;
}

/* ---- all of it ---- */

size_t state_records_count(const struct state *s) {
    return s->nodes.count + s->jobs.count + s->instances.count + s->vars.count + s->requests.count -
           s->requests_head;
}
