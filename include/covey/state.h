/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * state: the replicated state machine. Commands of the log in, jobs, nodes, instances and variables out.
 *
 * PURE and bit-deterministic: the same commands in the same order give the same bytes on every host; integers
 * only; no clock (wall times in commands are stored to be shown, never compared). Every command is checked
 * again here: a precondition that no longer holds is a deterministic refusal, not an error of the log. See
 * proto/state.md.
 */
#ifndef COVEY_STATE_H
#define COVEY_STATE_H

#include <covey/base.h>
#include <covey/wire.h>

struct state;

/* What one command did. */
struct state_result {
    /*
     * 0, or why it was refused: ERR_CONFLICT, ERR_NOT_FOUND, ERR_EXISTS, ERR_INVALID, ERR_LIMIT; ERR_STALE:
     * so many writes were answered since the client asked that it may have been done already
     */
    int error;
    uint64_t index;          /* of the entry that did it: an earlier one for a request that was repeated */
    uint64_t version;        /* of the job or variable written */
    bool changed;            /* false: the same job was there already */
    uint32_t refused_count;  /* plan: places and stops whose preconditions failed */
};

enum state_change_kind {
    STATE_CLUSTER, STATE_NODE, STATE_NODE_GONE, STATE_JOB, STATE_INSTANCE, STATE_INSTANCE_GONE, STATE_VAR,
    STATE_ALL,               /* a snapshot was restored: look at everything */
};
/* What was touched since the last state_change_next; a thing touched twice may be told twice. */
struct state_change {
    enum state_change_kind kind;
    struct node_id node;              /* NODE*, INSTANCE*: the instance's node */
    struct instance_id instance;
    /* JOB: name, INSTANCE*: its job; borrowed until the next call */
    struct bytes name;
    uint64_t index;
};

struct state *state_new(void);
void state_free(struct state *s);

/* Index is the entry's; entries of other kinds (no-op, config) are applied with command NULL: only the
 * index moves. */
void state_apply(struct state *s, uint64_t index, const struct wire_command *command,
                 struct state_result *ret);
bool state_change_next(struct state *s, struct state_change *ret);
uint64_t state_index(const struct state *s);

/* Canonical bytes of everything (a wire_state_snapshot); equal states give equal bytes. */
void state_snapshot(const struct state *s, struct buf *out);
/* Replaces everything. ERR_CORRUPT leaves the state as it was. */
int state_restore(struct state *s, struct bytes snapshot);
/* BLAKE2b with 16 bytes of output, over a state's canonical bytes. */
void state_bytes_hash(struct bytes snapshot, uint8_t ret_hash[16]);
/* The same of the state_snapshot() of this one. */
void state_hash(const struct state *s, uint8_t ret_hash[16]);

/*
 * The bytes of the state as it is now, and what is made of them, in turns: a large one takes longer than a
 * heartbeat may wait. The state goes on changing meanwhile. Of a state there is one copy at a time, freed
 * before the state is, or restored.
 */
struct state_copy;
/* front_size: so many bytes before the state's are left to whoever takes them. */
struct state_copy *state_copy_new(struct state *s, size_t front_size);
void state_copy_free(struct state_copy *c);
/* About `size` (> 0) bytes more, until it is whole; true: it is. */
bool state_copy_step(struct state_copy *c, size_t size);
/* Of a whole one; the bytes, as state_snapshot() had made them behind the front, may be taken. */
struct buf *state_copy_bytes(struct state_copy *c);
void state_copy_hash(struct state_copy *c, uint8_t ret_hash[16]); /* once */
uint32_t state_copy_checksum(const struct state_copy *c);         /* CRC32C */

/*
 * The other way, in turns: a state of its bytes, which are borrowed until it is freed. Hash and checksum are
 * made on the way.
 */
struct state_load;
struct state_load *state_load_new(struct bytes snapshot);
void state_load_free(struct state_load *l); /* NULL is fine */
/* About `size` (> 0) bytes more; true: it has seen all. */
bool state_load_step(struct state_load *l, size_t size);
/* Of one that has seen all, once: the state, the caller's from here on; NULL: they are not those of one. */
struct state *state_load_take(struct state_load *l);
void state_load_hash(struct state_load *l, uint8_t ret_hash[16]); /* once */
uint32_t state_load_checksum(const struct state_load *l);         /* CRC32C */

/* How many entries of all kinds there are: what a copy costs. */
size_t state_records_count(const struct state *s);

/* ---- formats of the log, see proto/state.md ---- */

/* What a host must know to apply this command: its `format`, or what its kind asks for, the greater. */
uint32_t state_command_format(const struct wire_command *command);
/* Is there nothing in it that this version could do? Of a kind that came later, then. */
bool state_command_unknown(const struct wire_command *command);
/* The newest format that every member knows: only such entries may be proposed. At least 1. */
uint32_t state_format_all(const struct state *s);
/* The newest format that an entry so far has needed: a host that does not know it cannot join. */
uint32_t state_format_used(const struct state *s);

/*
 * Is this job sound? Names (letters, digits, - _ .; not empty, unique), at least one group and task, counts,
 * ports (no static port twice in a group, 1..65535), a command, signals 1..64, limits. 0, or
 * ERR_INVALID/ERR_LIMIT with a text for people.
 */
int state_job_check(const struct wire_job *job, char *ret_text, size_t text_size);

/* ---- reading: everything is borrowed until the next apply or restore ---- */

const struct wire_cluster_record *state_cluster(const struct state *s);      /* NULL before init */
size_t state_nodes_count(const struct state *s);
const struct wire_node_record *state_node_at(const struct state *s, size_t index);   /* in order of id */
const struct wire_node_record *state_node_find(const struct state *s, struct node_id id);
/* Its absence was announced and may last: nothing of it is replaced, unless it is to be emptied anyway. */
bool state_node_is_away(const struct wire_node_record *node);

size_t state_jobs_count(const struct state *s);                              /* newest versions only */
const struct wire_job_record *state_job_at(const struct state *s, size_t index);     /* in order of name */
const struct wire_job_record *state_job_find(const struct state *s, struct bytes name);
const struct wire_job_record *state_job_version(const struct state *s, struct bytes name, uint64_t version);
const struct wire_group *state_group_find(const struct wire_job_record *job, struct bytes group);
/* Would running the one in place of the other change anything for a running instance? (count alone does
 * not) */
bool state_group_same(const struct wire_job_record *a, const struct wire_job_record *b, struct bytes group);

/* Not complete, failed, stopped or refused: it holds its slot, its ports and its resources. */
bool state_instance_live(const struct wire_instance_record *instance);
size_t state_instances_count(const struct state *s);
const struct wire_instance_record *state_instance_find(const struct state *s, struct instance_id id);
/* All instances, of one job (any version), or of one node, in order of placement (log index, then order in
 * the entry). */
typedef void state_visit(void *arg, const struct wire_instance_record *instance);
void state_instances_each(const struct state *s, state_visit *visit, void *arg);
void state_instances_of_job(const struct state *s, struct bytes job, state_visit *visit, void *arg);
void state_instances_of_node(const struct state *s, struct node_id node, state_visit *visit, void *arg);
/* The newest index at which this job or one of its instances changed; 0 when unknown. */
uint64_t state_job_index(const struct state *s, struct bytes job);

const struct wire_var_record *state_var_find(const struct state *s, struct bytes key);
size_t state_vars_count(const struct state *s);
const struct wire_var_record *state_var_at(const struct state *s, size_t index);     /* in order of key */
/* The answer given to this request before, if it is still known. */
bool state_request_find(const struct state *s, struct request_id id, struct state_result *ret);

#endif
