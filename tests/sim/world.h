/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * A whole cluster in one thread: the node that ships, on a simulated clock, network, disk and process table.
 * One seed decides everything; the same seed gives the same run, to the byte.
 *
 *   world.c    time, the event queue, hosts and their agents
 *   network.c  datagrams (delay, loss, duplication) and streams (ordered; refused, cut, timed out), cuts
 * between hosts disk.c     files: an operation completes later; a power cut keeps any subset of the sectors
 * that were not synced tasks.c    shims (the shim core that ships) and their processes; they outlive the
 * agent operator.c jobs submitted and changed, replies kept checkers.c   what must hold after every event, and
 * when all faults are over story.c    draws a run from a seed
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <covey/codec.h>
#include <covey/node.h>
#include <covey/raft.h>
#include <covey/shim.h>
#include <covey/state.h>
#include <covey/swim.h>

#define HOSTS_MAX 7

enum event_kind {
    EVENT_AGENT_TICK,
    EVENT_DATAGRAM,
    EVENT_STREAM_OPEN,
    EVENT_STREAM_MESSAGE,
    EVENT_STREAM_CLOSE,
    EVENT_DISK,
    EVENT_TASK_TICK,
    EVENT_TASK_SPAWNED,
    EVENT_TASK_EXIT,
    EVENT_TASK_EMPTY,
    EVENT_TASK_STATUS,
    EVENT_TASK_COMMAND,
    EVENT_STORY,
};
/* One thing that will happen. Events of an agent that has died since (another `run`) are dropped. */
struct event {
    int64_t at_us;
    uint64_t seq; /* equal times: first come, first served */
    enum event_kind kind;
    uint32_t host, run;
    uint64_t a, b; /* what the kind needs */
    struct addr addr;
    uint8_t *data;
    size_t data_size;
};

struct sim_file {
    char name[WAL_NAME_SIZE];
    struct buf content; /* as the page cache has it */
    struct buf durable; /* as the disk has it */
    bool exists_durable, exists;
};
struct sim_op {
    struct disk_op op;
    uint8_t *data;
};
struct sim_disk {
    VEC(struct sim_file *) files;
    VEC(struct sim_op) queue; /* submitted, not carried out */
    size_t queue_head;
    bool busy;
    int64_t latency_us;
};

struct sim_task {
    struct arena arena;
    struct wire_shim_spec spec;
    struct shim *shim; /* NULL: the shim is gone */
    struct buf status; /* the file `status` */
    uint32_t pid;      /* of the process; 0 = none */
    uint64_t spawn;    /* counts spawns: an exit of an older one is dropped */
    bool released;
    int64_t tick_us;
    uint32_t starts;
};

struct sim_stream {
    uint64_t id;              /* in the world */
    uint32_t host[2], run[2]; /* 0: who dialled */
    uint64_t name[2];         /* the stream's number on each side */
    bool open, closed;
    int64_t last_us[2];     /* arrival of the last message in each direction: order is kept */
    int64_t stuck_us;       /* since when a cut holds it; 0 = not */
    VEC(struct event) held; /* what waits for the cut to heal */
};

struct sim_host {
    uint32_t index;
    struct addr addr;
    struct secret identity;
    struct node *node; /* NULL: no agent runs */
    uint32_t run;
    bool powered;
    int64_t tick_us; /* of the agent tick that is queued */
    struct sim_disk disk;
    VEC(struct sim_task *) tasks;
    uint64_t stream_next;
    uint32_t pid_next;
    uint64_t applied_checked;
    struct boot_id boot;
    bool scanned;
};

struct reply {
    uint64_t request;
    int error;
    bool done;
};

struct world {
    uint64_t seed;
    struct prng prng; /* the story's */
    struct prng net_prng, disk_prng, task_prng;
    int64_t now_us;
    uint64_t seq;
    VEC(struct event) heap;
    struct sim_host hosts[HOSTS_MAX];
    uint32_t hosts_count;
    bool cut[HOSTS_MAX][HOSTS_MAX]; /* from, to */
    int64_t delay_min_us, delay_max_us;
    uint32_t loss, duplicate; /* millionths */
    int64_t disk_min_us, disk_max_us;
    VEC(struct sim_stream *) streams;
    uint64_t stream_next;
    struct buf token; /* of the first host's cluster */
    uint64_t request_next;
    VEC(struct reply) replies;
    uint64_t trace; /* hash of everything that happened */
    uint64_t events_count, stalled;
    int trace_level;
    bool failed;
    char failure[512];
    const char *failed_checker; /* NULL: not a checker, the world itself */
    int failed_host;            /* -1: none */
    void **checkers;            /* checkers.c: the state of each */
    uint32_t core;              /* bit i: host i is of the healed set of the liveness phase */

    /* checkers.c */
    VEC(struct committed) committed;
    VEC(struct term_leader) leaders;
    VEC(struct state_at) states;

    /* story.c */
    struct story *story;
};
struct committed {
    uint64_t term;
    uint32_t crc;
    bool known;
};
struct term_leader {
    uint64_t term;
    uint32_t host;
};
struct state_at {
    uint64_t index;
    uint8_t hash[16];
};

/* world.c */
void world_init(struct world *w, uint64_t seed, uint32_t hosts_count);
void world_done(struct world *w);
struct event *world_push(struct world *w, enum event_kind kind, int64_t delay_us, uint32_t host);
bool world_step(struct world *w); /* one event; false when there is none or a check failed */
void world_run(struct world *w, int64_t until_us);
void world_fail(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
void world_say(struct world *w, uint32_t host, const char *format, ...) __attribute__((format(printf, 3, 4)));
void world_mix(struct world *w, const void *data, size_t size_bytes);
void host_start(struct world *w, uint32_t host, bool bootstrap);
void host_kill_agent(struct world *w, uint32_t host);
void host_power_off(struct world *w, uint32_t host);
void host_feed(struct world *w, struct sim_host *h, struct node_input *in);

/* network.c */
void network_datagram(struct world *w, struct sim_host *from, const struct node_effect *e);
void network_connect(struct world *w, struct sim_host *from, const struct node_effect *e);
void network_send(struct world *w, struct sim_host *from, uint64_t name, struct bytes data);
void network_close(struct world *w, struct sim_host *from, uint64_t name);
void network_event(struct world *w, struct event *e);
void network_agent_gone(struct world *w, uint32_t host, bool silently);
void network_cut(struct world *w, uint32_t from, uint32_t to, bool cut);
void network_done(struct world *w);

/* disk.c */
void disk_submit(struct world *w, struct sim_host *h, const struct disk_op *op);
void disk_event(struct world *w, struct event *e);
void disk_agent_gone(struct sim_host *h); /* what was queued is lost, what was written stays */
void disk_power_cut(struct world *w, struct sim_host *h);
struct disk_file *disk_files(struct sim_host *h, size_t *ret_count); /* mem_free it */
void disk_done(struct sim_host *h);

/* tasks.c */
void tasks_start(struct world *w, struct sim_host *h, const struct wire_shim_spec *spec);
void tasks_command(struct world *w, struct sim_host *h, const struct node_effect *e);
void tasks_release(struct world *w, struct sim_host *h, const struct node_effect *e);
void tasks_remove(struct world *w, struct sim_host *h, struct instance_id id);
void tasks_event(struct world *w, struct event *e);
void tasks_scan(struct world *w, struct sim_host *h); /* tells a new agent what is there */
void tasks_power_cut(struct world *w, struct sim_host *h);
void tasks_done(struct sim_host *h);
size_t tasks_running(const struct sim_host *h, struct bytes job);

/* operator.c */
uint64_t operator_call(struct world *w, uint32_t host, const char *method, const struct codec_type *type,
                       const void *params);
uint64_t operator_run(struct world *w, uint32_t host, const char *job, uint32_t count, const char *command,
                      bool batch);
uint64_t operator_stop(struct world *w, uint32_t host, const char *job);
const struct reply *operator_reply(const struct world *w, uint64_t request);
void operator_replied(struct world *w, const struct node_effect *e);

/* story.c: runs one seed; 0 or 1 when something failed (told on stdout). */
int story_run(uint64_t seed, uint32_t hosts_count, int trace_level, uint64_t *ret_trace,
              int64_t *ret_simulated_us, uint64_t *ret_events);

#endif
