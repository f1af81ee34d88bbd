/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* One node on a disk that obeys at once and remembers; no wire, no shims. What comes out is kept to be looked
 * at. */
#ifndef TESTS_UNIT_NODE_RIG_H
#define TESTS_UNIT_NODE_RIG_H

#include <criterion/criterion.h>

#include <covey/codec.h>
#include <covey/node.h>
#include <covey/raft.h>
#include <covey/state.h>

#include "disk.h"

#define RIG_REPLIES_MAX 64

struct rig_reply {
    uint64_t request;
    int error;
    struct buf text, data;
};
struct rig {
    struct node *node;
    struct arena arena;
    struct disk_file files[DISK_FILES_MAX]; /* data owned: mem_alloc */
    size_t files_count;
    int64_t now_us;
    unsigned runs;             /* of the agent */
    uint32_t snapshot_entries; /* 0: the default */
    uint32_t format;           /* the same */
    uint32_t copy_part_size;   /* the same */
    struct marks *marks;       /* NULL: none */
    /* A task directory that the next run finds; NULL: none. */
    const struct wire_shim_spec *found;
    const struct wire_shim_status *found_status;
    struct buf said;   /* lines of NODE_SAY, each with its newline */
    struct buf events; /* texts of NODE_NOTIFY, as lines */
    struct instance_id last_started;
    struct rig_reply replies[RIG_REPLIES_MAX];
    size_t replies_count;
    unsigned starts, task_commands, exits, restarts, looks, closed, ready, connects, sent;
    uint64_t last_connect;
    struct addr last_connect_addr;
    char why[256]; /* of node_new */
    /* Power cut: only so many operations of the disk are carried out; 0: all. */
    unsigned disk_ops_max, disk_ops_count;
    uint64_t lasting_ticket; /* of a `lasting` operation, to be told after the others ... */
    bool lasting_held;       /* ... or not yet */
};

void rig_init(struct rig *r);
void rig_done(struct rig *r);

/* A run of the agent on the files that are there. error: what node_new returned. */
int rig_start(struct rig *r, bool bootstrap, const char *token);
/* The first run of a cluster of one: it leads. */
void rig_lead(struct rig *r);
/* One that has a token, and dials its seed. */
void rig_join(struct rig *r);
/* The agent's process ends; the disk stays. */
void rig_kill(struct rig *r);

/* Feeds one input and carries out the effects. */
void rig_feed(struct rig *r, const struct node_input *input);
#define RIG_FEED(r, ...) rig_feed((r), &(struct node_input){.wall_ms = 1, __VA_ARGS__})
/* Goes from deadline to deadline. */
void rig_until(struct rig *r, int64_t us);

struct disk_file *rig_file(struct rig *r, const char *prefix);
/* Of some cluster; what an admin request is sent as. Both in the arena. */
const char *rig_token(struct rig *r);
struct bytes rig_encoded(struct rig *r, const struct codec_type *type, const void *obj);
/* A request of the admin socket; NULL: not answered yet. */
const struct rig_reply *rig_request(struct rig *r, uint64_t number, const char *method, struct bytes params);
const struct rig_reply *rig_reply(const struct rig *r, uint64_t request);
/* The answer to `status`, in the arena. */
struct wire_admin_status rig_status(struct rig *r);
bool rig_has_said(struct rig *r, const char *text);

#endif
