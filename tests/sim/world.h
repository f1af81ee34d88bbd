/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * A whole cluster in one thread: the node that ships, on a simulated clock, network, disk and process table.
 * One seed decides everything; the same seed gives the same run, to the byte.
 *
 *   world.c     true time, the queue of events, telling
 *   clock.c     each host's own clocks, and from its time to true time and back
 *   hosts.c     agents: start, feed, kill between any two effects, pause; power, suspension, addresses
 *   network.c   links, one each way of each pair, and datagrams
 *   streams.c   connections: ordered; refused, broken, or stuck until somebody's patience ends
 *   disk*.c     files: an operation completes later; what a power cut leaves of what was not flushed
 *   tasks.c     shims (the shim core that ships), which outlive the agent
 *   process.c   what the processes below them do
 *   operator.c  calls at the admin socket and their answers
 *   client.c    people and programs that call, one thing after the other, each for itself
 *   visit*.c    people and programs that ask anything, well or badly
 *   logs.c      the output of tasks, as it is read for them
 *   hostile.c   a member whose agent is out of order
 *   mistakes.c  what people get wrong when they start an agent
 *   swarm.c     what a seed draws: sizes, timers, which faults there are and how often
 *   lies.c      a peer that lies, a memory that rots
 *   faults.c    the faults, and how each ends
 *   atlas.c     which disks may be damaged, and which hosts are enough for everything to come true
 *   alone*.c    each core by itself, among others that say anything
 *   crowd.c     many swim cores, and nothing else
 *   story.c     one run: forming, a time of faults, healing, the promises
 *   check*.c    what must hold after every event, and when all faults are over
 *
 * Random numbers: each part has a stream of its own, split off the seed's, so that what one part draws
 * changes nothing for the others.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <covey/codec.h>
#include <covey/mark.h>
#include <covey/node.h>
#include <covey/raft.h>
#include <covey/shim.h>
#include <covey/state.h>
#include <covey/swim.h>

#include "run.h"

#define HOSTS_MAX 7

/* ---- events -------------------------------------------------------------------------------------------- */

enum event_kind {
    EVENT_AGENT_TICK,
    EVENT_DATAGRAM,        /* a: address it was sent to */
    EVENT_STREAM_OPEN,     /* a: stream. A connect reaches the other host */
    EVENT_STREAM_OPENED,   /* a: stream. The answer to it is back */
    EVENT_STREAM_MESSAGE,  /* a: stream, b: side that is to get the next thing in the queue */
    EVENT_STREAM_PATIENCE, /* a: stream, b: side that may give up */
    EVENT_STREAM_CLOSE,    /* a: the stream's number on this host, b: error */
    EVENT_DISK,
    EVENT_DISK_ROOM,
    EVENT_TASK_TICK,
    EVENT_TASK_SPAWNED,
    EVENT_TASK_EXIT,
    EVENT_TASK_KILLED,
    EVENT_TASK_STATUS,
    EVENT_TASK_LOST,
    EVENT_TASK_REFUSED,
    EVENT_TASK_COMMAND,
    EVENT_REQUEST, /* a: request; data: method, 0, params */
    EVENT_SEED,    /* a: host whose name has another address */
    EVENT_CLIENT,  /* a: client */
    EVENT_VISIT,   /* a: request; b: what, see visitors.c */
    EVENT_LOG,     /* a: handle of a log that is read */
    EVENT_FAULT,   /* a, b: see faults.c */
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
struct heap_slot {
    int64_t at_us;
    uint64_t seq;
    struct event *event;
};

/* ---- the parts of a host ------------------------------------------------------------------------------- */

struct sim_file {
    char name[WAL_NAME_SIZE];
    struct buf content; /* as the page cache has it */
    struct buf durable; /* as the disk has it */
    struct buf dirty;   /* a byte a sector of content: written, not flushed */
    bool exists, exists_durable;
    bool renamed; /* content came by a rename that is not flushed: a power cut may bring durable back */
    bool damaged; /* silently; until it is written anew or removed */
};
struct sim_op {
    struct disk_op op;
    uint8_t *data;
    bool needed; /* no room to make it is a failure */
};
struct sim_ops {
    VEC(struct sim_op) list;
    size_t head; /* the one at hand, when busy */
    bool busy;
};
/* Chances are millionths, of each operation. All are 0 until disk_draw() or a fault sets them. */
struct disk_rates {
    uint32_t write_error, sync_error, make_error; /* EIO; make: create, remove, replace */
    uint32_t misdirected;                         /* of writes, where the atlas allows it */
    uint32_t stall;                               /* an operation takes up to stall_us */
    int64_t stall_us;
    uint32_t fatal;   /* the agent dies, or the host's power is cut, while the operation is under way */
    uint32_t garbled; /* of sectors under way at a power cut, where the atlas allows it */
};
struct sim_disk {
    VEC(struct sim_file *) files;
    VEC(struct sim_file *) kept;     /* copies of files as they were some time ago, for disk_fault_forget() */
    struct sim_ops flushing, making; /* as store has them */
    struct sim_ops homeless;         /* files to be made for which there was no room, not needed yet */
    int error;                       /* the store has failed: only another agent opens it again */
    struct disk_rates rates;
    uint64_t capacity_bytes; /* 0: no limit */
    int64_t slow_us;         /* added to each flush */
    bool file_gone;          /* by a fault, and no agent has looked at what is left since */
};

/* What a host believes of time. Its lease clock runs on through pauses and suspensions, and begins anew with
 * each boot; the wall clock may be set to anything at any time. */
struct sim_clock {
    int64_t true_base_us, own_base_us; /* the lease clock showed own_base at true_base */
    int32_t rate_ppm;                  /* how much faster than true time it runs */
    int64_t wall_offset_ms;
};

struct sim_task {
    uint64_t id; /* in its host, never used twice */
    uint32_t host;
    struct arena arena;
    struct wire_shim_spec spec;
    struct shim *shim;    /* NULL: the shim is gone */
    struct buf status;    /* the file `status` */
    uint32_t pid;         /* of the process; 0 = none */
    uint32_t children;    /* that it has left in sessions of their own: only SHIM_KILL_ALL ends them */
    bool kill_asked;      /* SHIM_KILL_ALL is to be answered by SHIM_EMPTY */
    bool killing;         /* SIGKILL is on its way to all */
    bool waits_spawn;     /* SHIM_SPAWN is to be answered */
    uint64_t spawn;       /* counts spawns: an exit of an older one is dropped */
    bool release_asked;   /* by the agent that runs: when it is dead */
    bool released, wiped; /* wiped: its directory is gone */
    bool lost;            /* the agent was told that its shim is gone: it may start it anew */
    int64_t made_us, saved_us;
    int64_t tick_us; /* true time of the shim tick that is queued */
    uint32_t starts;
};

/* One way between two hosts. Chances are millionths of each datagram, or of each segment of a stream. */
struct sim_link {
    int64_t min_us, mean_us; /* delay: min and an exponential part of this mean */
    uint32_t loss, duplicate;
    uint32_t reorder;       /* some more delay */
    uint32_t late;          /* up to a minute of delay */
    bool clogged;           /* all of it stops, and comes when it is let go */
    int64_t clogged_us;     /* since when */
    VEC(struct event) held; /* datagrams */
};

struct stream_item {
    enum { ITEM_OPENED, ITEM_DATA, ITEM_END } kind;
    int64_t ready_us;
    uint8_t *data;
    size_t size;
    uint64_t order; /* in its direction, from 0 */
};
struct sim_stream {
    uint64_t id; /* in the world */
    uint8_t key_id;
    bool answered;            /* by the agent that was dialled */
    bool is_open[2];          /* was told so */
    bool gone[2];             /* this side's connection is no more, and its agent knows */
    uint32_t host[2], run[2]; /* 0: who dialled */
    uint64_t name[2];         /* the stream's number on each side */
    struct static_key key[2];
    struct addr addr[2];              /* as the other side sees it */
    VEC(struct stream_item) queue[2]; /* on its way to this side */
    size_t head[2];
    uint64_t order_next[2];
    bool wake[2];          /* an EVENT_STREAM_MESSAGE is queued */
    int64_t last_us[2];    /* ready_us of the last item: order is kept */
    int64_t waiting_us[2]; /* since when this side has heard nothing although it should; 0 = it has */
};

struct sim_host {
    uint32_t index;
    struct addr addr;
    struct secret identity;
    struct node *node; /* NULL: no agent runs */
    uint32_t run;
    bool powered;
    bool paused;    /* the agent is stopped (SIGSTOP): what comes for it waits in `held` */
    bool suspended; /* the whole host is: its shims, too, and the network does not reach it */
    bool has_left;  /* its agent ended because it has left the cluster (and was not given a new disk) */
    bool ending;    /* its agent was told to end, and is about to */
    bool leaving;   /* an operator asked it to */
    uint64_t leave_request;
    bool lies;    /* to who pulls the log from it: lies.c */
    bool rotted;  /* its state is not that of its log, until it is seen to be again */
    bool mending; /* an operator is about to see to its disk */
    bool broken;  /* of the rest in the liveness phase: it is not healed */
    uint32_t boots, starts;
    uint32_t mistake;             /* enum mistake: how its agent is started */
    const struct wire_pair *zone; /* that a scenario puts it into; NULL: none */
    bool no_raw_exec;             /* that a scenario says of it, too ... */
    uint32_t ports;               /* ... and how many there are; 0: as usual */
    int64_t tick_us;              /* true time of the agent tick that is queued */
    int64_t tick_wanted_us;       /* and for when it was asked */
    uint32_t kill_after;          /* the agent dies before the effect that brings this to 0; 0 = no */
    bool kill_by_power;
    bool feeding, exiting, restarting;
    int64_t unreached_us; /* suspended: since when */
    struct sim_clock clock;
    VEC(struct event *) held; /* for the agent, or for the whole host */
    size_t held_datagrams;
    struct sim_disk disk;
    VEC(struct sim_task *) tasks;
    uint64_t task_next;
    uint32_t refuse; /* millionths: a task's start is refused */
    uint64_t stream_next;
    uint32_t pid_next;
    uint64_t applied_checked;
    struct boot_id boot;
    struct raft_id raft_id; /* as it last was; zero before it had one */
    uint64_t member_index;  /* what was committed when it had that one: a state before it may not know it */
    uint32_t ip;            /* last byte of its address */
};

struct reply {
    uint64_t request;
    uint32_t host, run;
    int error;
    bool done;
    bool gone; /* can never come */
};

/* A voter set that some host has, or had when its agent ended: see atlas.c. */
struct known_config {
    uint64_t commit, last; /* indices, of the host that knows it */
    /* Now, next (of a joint configuration); the same of the one in force at the commit index. */
    struct raft_id voters[4][WIRE_VOTERS_MAX];
    size_t count[4];
};

struct swarm;
struct client;
struct sim_log;
struct visitors;
struct hostile;

struct world {
    uint64_t seed;
    struct prng prng; /* hosts' identities, boots and runs */
    struct prng net_prng, disk_prng, task_prng, clock_prng, client_prng, fault_prng, swarm_prng, visit_prng;
    int64_t now_us; /* true time; no host sees it */
    uint64_t seq;
    VEC(struct heap_slot) heap;
    VEC(struct event *) spare;
    struct sim_host hosts[HOSTS_MAX];
    uint32_t hosts_count;
    bool cut[HOSTS_MAX][HOSTS_MAX]; /* from, to */
    struct sim_link link[HOSTS_MAX][HOSTS_MAX];
    int64_t cut_us[HOSTS_MAX][HOSTS_MAX];  /* since when */
    uint32_t cut_by[HOSTS_MAX][HOSTS_MAX]; /* faults.c: bits of the faults that cut it */
    bool walled[HOSTS_MAX][HOSTS_MAX];     /* streams do not pass, datagrams do */
    int64_t walled_us[HOSTS_MAX][HOSTS_MAX];
    uint32_t cut_next;
    bool rest_cut[HOSTS_MAX], rest_mutters[HOSTS_MAX]; /* faults_network.c: those that are not healed */
    uint32_t ip_next;
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
    bool faults_over;
    bool clients_rest;                      /* they finish what they have begun, and begin nothing */
    bool visitors_rest;                     /* they begin nothing */
    int64_t ambush_until_us;                /* faults.c: the next change of the voters cuts its leader off */
    uint32_t ambush_host;                   /* whose vote an operator has seen to for that */
    int64_t jobs_rest_us;                   /* until then clients leave the jobs as they are */
    uint32_t rots;                          /* how often a host's state was changed behind its back */
    int64_t slack_us;                       /* timers are late by up to this */
    bool processes_well;                    /* no process ends by itself any more but those of batch jobs */
    VEC(struct raft_id) lost_logs;          /* atlas.c: lives of logs whose disk was damaged or lost */
    struct known_config configs[HOSTS_MAX]; /* atlas.c */
    VEC(struct client *) clients;
    struct visitors *visitors; /* NULL: none */
    VEC(struct sim_log *) logs;
    struct prng hostile_prng, mistake_prng;
    struct buf wrong_token;  /* another one than `token` */
    struct hostile *hostile; /* NULL: none yet */
    bool lied;               /* nothing is promised any more: nothing is judged */

    /* checkers.c */

    struct marks marks;
    uint32_t disk_faults[DISK_FAULTS_COUNT];
    struct history *history; /* the last lines of each host, for reports */
    struct swarm *swarm;     /* swarm.c; NULL: nothing is drawn (a scenario) */
};

/* ---- world.c ---- */

void world_init(struct world *w, uint64_t seed, uint32_t hosts_count);
void world_done(struct world *w);
/* Kept until it happens; the time may not be changed through the pointer. */
struct event *world_push(struct world *w, enum event_kind kind, int64_t delay_us, uint32_t host);
void world_free(struct world *w, struct event *e); /* one that was taken out of the queue to be held */
/* What it says happens, unless its host does nothing at the moment: then it is held. */
void world_happen(struct world *w, struct event *e);
bool world_step(struct world *w); /* one event; false when there is none or a check failed */
void world_run(struct world *w, int64_t until_us);
void world_fail(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
void world_say(struct world *w, uint32_t host, const char *format, ...) __attribute__((format(printf, 3, 4)));
void world_mix(struct world *w, const void *data, size_t size_bytes);

/* ---- clock.c ---- */

int64_t host_now_us(const struct world *w, const struct sim_host *h);
int64_t host_wall_ms(const struct world *w, const struct sim_host *h);
/* The first true time at which the host's lease clock shows own_us or more. */
int64_t host_true_us(const struct sim_host *h, int64_t own_us);
void clock_boot(struct world *w, struct sim_host *h); /* a new lease clock */
void clock_rate(struct world *w, struct sim_host *h, int32_t rate_ppm);
void clock_wall_step(struct world *w, struct sim_host *h, int64_t step_ms);

/* ---- hosts.c ---- */

/* What an agent of this host is started with at least; the name is put into `name`, which must last. */
struct node_options host_options(const struct sim_host *h, char name[8]);
void host_start(struct world *w, uint32_t host, bool bootstrap);
void host_kill_agent(struct world *w, uint32_t host);
void host_power_off(struct world *w, uint32_t host);
/* The agent dies before the `effects`-th effect from here on (1: the next), by itself or with its host. */
void host_kill_after(struct world *w, uint32_t host, uint32_t effects, bool by_power);
void host_feed(struct world *w, struct sim_host *h, struct node_input *in);
void host_pause(struct world *w, uint32_t host);
void host_suspend(struct world *w, uint32_t host);
void host_resume(struct world *w, uint32_t host); /* from either */
void host_hold(struct world *w, struct sim_host *h, struct event *e);
bool host_holds(const struct sim_host *h, enum event_kind kind);
/* For hosts whose agents do not run. */
void host_address(struct world *w, uint32_t host, uint32_t ip);
void host_lose_disk(struct world *w, uint32_t host);
void host_done(struct world *w, struct sim_host *h);

/* ---- network.c ---- */

void network_init(struct world *w);
void network_datagram(struct world *w, struct sim_host *from, const struct node_effect *e);
void network_datagram_event(struct world *w, struct event *e);
/* A host has another address: the names by which the others know it tell so, sooner or later. */
void network_moved(struct world *w, uint32_t host);
void network_seed_event(struct world *w, struct event *e);
struct sim_host *network_host_at(struct world *w, const struct addr *addr);
int64_t network_delay(struct world *w, uint32_t from, uint32_t to);
void network_cut(struct world *w, uint32_t from, uint32_t to, bool cut);
void network_clog(struct world *w, uint32_t from, uint32_t to, bool clogged);
/* Does nothing pass from one to the other: a cut, a clog, a host that is suspended or off? */
bool network_blocked(const struct world *w, uint32_t from, uint32_t to);
void network_wall(struct world *w, uint32_t a, uint32_t b, bool wall); /* for streams, both ways */
bool network_stream_blocked(const struct world *w, uint32_t from, uint32_t to);
void network_done(struct world *w);

/* ---- streams.c ---- */

void network_connect(struct world *w, struct sim_host *from, const struct node_effect *e);
void network_send(struct world *w, struct sim_host *from, uint64_t name, struct bytes data);
void network_close(struct world *w, struct sim_host *from, uint64_t name);
void network_agent_gone(struct world *w, uint32_t host, bool silently);
void streams_event(struct world *w, struct event *e);
/* The way between two hosts was blocked, or is open again. */
void streams_blocked(struct world *w, uint32_t a, uint32_t b);
void streams_released(struct world *w, uint32_t a, uint32_t b, int64_t since_us);
void streams_done(struct world *w);

/* disk.c */
void disk_submit(struct world *w, struct sim_host *h, const struct disk_op *op);
void disk_event(struct world *w, struct event *e);
void disk_room_event(struct world *w, const struct event *e);
/* What was queued is lost, what was under way is done in part, what was written stays. */
void disk_agent_gone(struct world *w, struct sim_host *h);
void disk_power_cut(struct world *w, struct sim_host *h);
/* An agent opens the store: all that was written is flushed, and what the disk holds is read. mem_free it. */
struct disk_file *disk_files(struct world *w, struct sim_host *h, size_t *ret_count);
void disk_done(struct sim_host *h);

/*
 * disk_fault.c, for the story: disk_draw() once a run, for all hosts, with the story's prng (it draws the
 * classes too, none is possible); the others when it likes; disk_heal() when faults are over: no rates,
 * space. A host whose disk has `error` set must be given another agent to come back (host_kill_agent,
 * host_start).
 */
void disk_draw(struct world *w, struct prng *p);
void disk_fault_any(struct world *w, struct sim_host *h, struct prng *p); /* one of those below */
void disk_fault_fill(struct world *w, struct sim_host *h, uint64_t free_bytes);
void disk_fault_error(struct world *w, struct sim_host *h); /* soon a write or a flush fails */
void disk_fault_slow(struct world *w, struct sim_host *h, int64_t flush_us);
bool disk_fault_rot(struct world *w, struct sim_host *h);  /* in a file at rest; false: the atlas refused */
void disk_fault_lost(struct world *w, struct sim_host *h); /* all files are gone; its agent must not run */
void disk_keep(struct sim_host *h);                        /* what disk_fault_forget() goes back to */
/* What was flushed since is gone, as far as nothing is lost by it; its host has no power. false: not now. */
bool disk_fault_forget(struct world *w, struct sim_host *h);
/* A file is lost, cut short, that of another host, or of a later version; h has no power. */
void disk_fault_spoil(struct world *w, struct sim_host *h, const struct sim_host *other);
void disk_heal(struct world *w, struct sim_host *h);
/* Silently, and not written anew since; or a file was taken away, and no agent has found out yet. */
bool disk_damaged(const struct sim_host *h);

/* ---- atlas.c ---- */

/* Whether what was committed stays on enough healthy disks when this host's is damaged or lost. */
bool atlas_may_damage(struct world *w, const struct sim_host *h);
void atlas_damaged(struct world *w, const struct sim_host *h);       /* it was: its log's life is over */
void atlas_look(struct world *w, struct sim_host *h);                /* after each step of a node */
bool atlas_is_lost(const struct world *w, const struct raft_id *id); /* a voter that never votes again */
bool atlas_taken_out(const struct world *w, const struct sim_host *h);
/* No host but this one is being re-seeded. */
bool atlas_whole(const struct world *w, const struct sim_host *except);
/* Do these hosts hold enough healthy votes for everything to come true? */
bool atlas_enough(struct world *w, uint32_t hosts);

/* ---- tasks.c ---- */

void tasks_start(struct world *w, struct sim_host *h, const struct node_effect *e);
void tasks_command(struct world *w, struct sim_host *h, const struct node_effect *e);
void tasks_release(struct world *w, struct sim_host *h, const struct node_effect *e);
void tasks_remove(struct world *w, struct sim_host *h, struct instance_id id);
void tasks_event(struct world *w, struct event *e);
void tasks_scan(struct world *w, struct sim_host *h); /* tells a new agent what is there */
void tasks_power_cut(struct world *w, struct sim_host *h);
void tasks_wipe(struct world *w, struct sim_host *h); /* the disk is lost */
void tasks_shim_killed(struct world *w, struct sim_host *h, struct sim_task *t);
void tasks_done(struct sim_host *h);
size_t tasks_running(const struct sim_host *h, struct bytes job);
void task_feed(struct world *w, struct sim_host *h, struct sim_task *t, struct shim_input *in);
struct event *task_push(struct world *w, struct sim_host *h, const struct sim_task *t, enum event_kind kind,
                        int64_t delay_us);

/* ---- process.c ---- */

void process_spawn(struct world *w, struct sim_host *h, struct sim_task *t);
void process_signal(struct world *w, struct sim_host *h, struct sim_task *t, uint32_t signal);
void process_kill_all(struct world *w, struct sim_host *h, struct sim_task *t);
void process_event(struct world *w, struct sim_host *h, struct sim_task *t, struct event *e);
/* With its shim or its host; and by the kernel (out of memory, say). */
void process_gone(struct world *w, struct sim_host *h, struct sim_task *t, int end_cause);
void process_crash(struct world *w, struct sim_host *h, struct sim_task *t);

/* ---- operator.c ---- */

/* 0: no agent to ask. Params are encoded by their type, or bytes already. */
uint64_t operator_call(struct world *w, uint32_t host, const char *method, const struct codec_type *type,
                       const void *params);
uint64_t operator_call_bytes(struct world *w, uint32_t host, struct bytes method, struct bytes params);
uint64_t operator_run(struct world *w, uint32_t host, const char *job, uint32_t count, const char *command,
                      bool batch);
uint64_t operator_stop(struct world *w, uint32_t host, const char *job);
/* The params of `run`: "forever", "true", ... (process.c); for whoever calls with bytes. */
void operator_run_params(struct prng *p, const char *job, uint32_t count, const char *command, bool batch,
                         struct buf *out);
const struct reply *operator_reply(const struct world *w, uint64_t request);
void operator_request_event(struct world *w, struct event *e);
void operator_give_up(struct world *w, uint64_t request); /* the client closes its connection */
/* Of a visitor: what it asks; more credit for a stream (0 closes it); it closes the stream. */
uint64_t operator_visit(struct world *w, uint32_t host, struct bytes method, struct bytes params);
void operator_grant(struct world *w, uint64_t request, uint64_t bytes);
void operator_hang_up(struct world *w, uint64_t request);
void operator_replied(struct world *w, struct sim_host *h, const struct node_effect *e);
void operator_agent_gone(struct world *w, uint32_t host); /* its clients wait in vain */

/* ---- client.c ---- */

void clients_start(struct world *w, uint32_t count);
void clients_event(struct world *w, struct event *e);
void clients_replied(struct world *w, uint64_t request, int error, struct bytes data);
void clients_gone(struct world *w, uint64_t request);
/* They finish what they have begun, and begin nothing more; true: they have. */
bool clients_rest(struct world *w);
void clients_done(struct world *w);

/* ---- visitors.c ---- */

void visitors_start(struct world *w, uint32_t count);
void visitors_event(struct world *w, const struct event *e);
void visitors_replied(struct world *w, uint64_t request, int error, bool streams);
void visitors_told(struct world *w, struct sim_host *h, const struct node_effect *e);
void visitors_agent_gone(struct world *w, uint32_t host);
void visitors_restart(struct world *w, uint32_t host); /* its agent begins anew, as it was asked to */
void visitors_done(struct world *w);

/* ---- logs.c ---- */

#define LOG_BYTES 251
/* What a task writes: the byte at an offset. */
static inline uint8_t log_byte(uint64_t at) { return (uint8_t)(at % LOG_BYTES); }
void logs_open(struct world *w, struct sim_host *h, const struct node_effect *e);
void logs_credit(struct world *w, struct sim_host *h, const struct node_effect *e);
void logs_close(struct world *w, struct sim_host *h, const struct node_effect *e);
void logs_event(struct world *w, struct event *e);
void logs_agent_gone(struct world *w, uint32_t host);
void logs_done(struct world *w);

#endif
