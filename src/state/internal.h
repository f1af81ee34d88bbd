/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* state's own: the tables. Each entry owns one arena with its record; lists are in order of placement. */
#ifndef COVEY_STATE_INTERNAL_H
#define COVEY_STATE_INTERNAL_H

#include <covey/codec.h>
#include <covey/state.h>

#define TERMINAL_PER_SLOT 2 /* finished instances of a slot kept to be shown */
#define FAILED_PER_SLOT   8 /* failed ones: their number makes the delay before the next double (reconcile) */
#define VARS_BYTES_MAX    (64u << 20) /* of all variables together: a state must stay below WIRE_STATE_MAX */
#define JOBS_BYTES_MAX    (64u << 20) /* of all kept job versions together, the same */

struct node_entry {
    struct arena arena;
    struct wire_node_record record;
};
struct instance_entry {
    struct arena arena;
    struct wire_instance_record record;
    struct job_line *job;
    struct slot_entry *slot;
    struct instance_entry *all_prev, *all_next;
    struct instance_entry *job_prev, *job_next;
    struct instance_entry *node_prev, *node_next;
};
struct instance_list {
    struct instance_entry *first, *last;
};
struct job_entry {
    struct arena arena;
    struct wire_job_record record;
    size_t size_bytes;        /* of the spec, encoded */
    uint32_t instances_count; /* that refer to this version */
};
struct slot_entry {
    uint8_t *key; /* group, NUL, slot: owned */
    size_t key_size;
    VEC(struct instance_entry *) instances; /* oldest first */
};
struct job_line {
    struct bytes name;                /* owned */
    VEC(struct job_entry *) versions; /* ascending, never none; each that an instance is of is here */
    struct instance_list instances;
    struct map slots;
    uint64_t index;
};
struct node_line { /* instances by node; stays when the node goes, while it has any */
    struct node_id id;
    struct instance_list instances;
};
struct var_entry {
    struct arena arena;
    struct wire_var_record record;
};

struct state {
    uint64_t index;
    bool has_cluster;
    struct arena cluster_arena;
    struct wire_cluster_record cluster;
    VEC(struct node_entry *) nodes; /* by id */
    VEC(struct job_line *) jobs;    /* by name */
    struct map instances;           /* id -> instance_entry */
    struct instance_list all;
    struct map node_lines;
    VEC(struct var_entry *) vars;               /* by key */
    size_t vars_bytes;                          /* of their keys and values */
    VEC(struct wire_request_record *) requests; /* oldest first, from requests_head on; owned */
    size_t requests_head;
    struct map requests_by_id;
    uint32_t format_used;        /* the newest that an entry needed; 0: 1 */
    uint64_t requests_forgotten; /* index of the newest that was dropped; 0: none was */
    VEC(struct state_change) changes;
    size_t changes_head;
    struct state_copy *copy; /* under way; NULL: none */
};

void state_clear(struct state *s);
void state_changed(struct state *s, const struct state_change *change);

/* copy.c: what a record points to is not needed any more, but by a copy under way. */
void state_drop(struct state *s, struct arena *a);
/* snapshot.c: shallow; lists in `a`. */
void state_gather(const struct state *s, struct arena *a, struct wire_state_snapshot *out);

/* load.c: NULL when that is no sound state. */
struct state *state_made_of(struct bytes snapshot);

/* table.c */
struct node_entry *node_entry_find(const struct state *s, struct node_id id, size_t *ret_at);
struct node_entry *node_entry_put(struct state *s, const struct wire_node_record *record);
void node_entry_remove(struct state *s, size_t at);
struct job_line *job_line_find(const struct state *s, struct bytes name, size_t *ret_at);
struct job_line *job_line_make(struct state *s, struct bytes name);
struct job_entry *job_line_version(const struct job_line *line, uint64_t version);
struct job_entry *job_line_add(struct job_line *line, const struct wire_job_record *record);
void job_line_prune(struct state *s, struct job_line *line);
struct instance_entry *instance_entry_find(const struct state *s, struct instance_id id);
struct instance_entry *instance_entry_add(struct state *s, const struct wire_instance_record *record);
void instance_entry_rewrite(struct state *s, struct instance_entry *e,
                            const struct wire_instance_record *record);
void instance_entry_remove(struct state *s, struct instance_entry *e);
struct slot_entry *slot_find(const struct job_line *line, struct bytes group, uint32_t slot);
struct var_entry *var_entry_find(const struct state *s, struct bytes key, size_t *ret_at);
void var_entry_put(struct state *s, const struct wire_var_record *record);
void var_entry_remove(struct state *s, size_t at);
void request_entry_add(struct state *s, const struct wire_request_record *record);

#endif
