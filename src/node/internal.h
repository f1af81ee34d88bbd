/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* node's own: the struct and what its files offer one another. The essay is at the top of node.c. */
#ifndef COVEY_NODE_INTERNAL_H
#define COVEY_NODE_INTERNAL_H

#include <covey/codec.h>
#include <covey/gossip.h>
#include <covey/jobspec.h>
#include <covey/journal.h>
#include <covey/learn.h>
#include <covey/node.h>
#include <covey/raft.h>
#include <covey/reconcile.h>
#include <covey/state.h>
#include <covey/swim.h>
#include <covey/voters.h>

#include "proofs.h"

/* ---- limits, each with its why ---- */
#define PEER_QUEUE_MAX     1024 /* messages kept while a stream is being dialled */
#define PEER_QUEUE_BYTES   (4u << 20)
#define REDIALS_MAX        4                 /* at once, after a stream was lost */
#define DIAL_RETRY_US      (500 * US_PER_MS) /* between dials of one peer: doubled up to DIAL_RETRY_MAX_US */
#define DIAL_RETRY_MAX_US  (5 * US_PER_S)
#define JOIN_ANSWER_US     (25 * US_PER_S) /* a seed has this long; a write waits shorter for a leader */
#define TABLE_RETRY_US     (5 * US_PER_S)  /* between questions for the table */
#define JOIN_RETRY_US      (1 * US_PER_S)
#define REPORT_RETRY_US    (1 * US_PER_S) /* facts not committed by then are sent again */
#define AGE_MAX_MS         3600000u       /* of a copy: older is as good as unknown */
#define SEEDS_KEPT         64             /* as many as swim takes */
#define SEEDS_OF_TABLE     32             /* of them members as the host's disk has them */
#define FACTS_SHARE        256 /* bytes of a datagram that swim never takes, however much it has to tell */
#define HEALTH_REPORT_US   (10 * US_PER_S)   /* restarts of what runs are told to the log so often, ... */
#define RECOVERIES_AT_ONCE 5                 /* ... but so many at first */
#define BOOT_GRACE_US      (30 * US_PER_S)   /* without news from a leader, own instances start after this */
#define LEADER_TICK_US     (500 * US_PER_MS) /* the leader looks again at nodes and voters */
#define VOTER_DEAD_US                                                                                        \
    (10 * US_PER_S) /* a dead voter is replaced after this (hashicorp autopilot: the same) */
/* a host that was taken out and is out of sight is waited for so long */
#define LEFT_FORGET_US   (600 * US_PER_S)
#define WRITE_WAIT_US    (15 * US_PER_S) /* an operator's write waits this long for a leader */
#define FORWARD_RETRY_US (300 * US_PER_MS)
#define PULL_HOLD_US     (2 * US_PER_S) /* a pull with nothing new is answered after this */
#define PULL_BYTES_MAX   (1u << 20)
/* a host that asked so lately counts as one that is served: it asks again within PULL_HOLD_US */
#define PULL_SERVED_US (PULL_HOLD_US + US_PER_S)
#define PULLS_MAX      8u   /* hosts served at once: enough for a wide tree, and few for one that leads */
#define EVENTS_MAX     512  /* kept for `covey events` ... */
#define EVENTS_SHARE   128  /* ... of these so many of what is not the coming and going of members */
#define REQUESTS_MAX   4096 /* waiting reads and writes; beyond: ERR_BUSY */
#define SAY_REPEAT_US  (30 * US_PER_S) /* the same complaint about a peer is not said again within this */

/* ---- effects: a queue whose bytes live in one arena until it has been drained ---- */
struct effects {
    VEC(struct node_effect) queue;
    size_t head;
    bool drained; /* node_drain() has said that there are no more: their bytes may go */
    struct arena arena;
};

/* ---- streams and peers ---- */
enum stream_state { STREAM_DIALLING, STREAM_MEMBER, STREAM_JOINER, STREAM_JOINING };
struct stream {
    uint64_t id;
    enum stream_state state;
    bool outgoing;
    struct addr addr;
    struct node_id node; /* of a member stream; zero while unknown */
    struct static_key key;
    uint8_t hash[NOISE_HASH_SIZE];
    int64_t opened_us;
};
struct peer {
    struct node_id id;
    uint64_t stream;   /* open one, 0 = none */
    uint64_t dialling; /* stream number under way, 0 = none */
    int64_t dial_after_us, dial_delay_us;
    unsigned redials; /* that may still be made at once, since its stream was lost */
    struct buf queue; /* messages waiting for the stream: size u32, bytes */
    size_t queue_count;
    struct replay_window window;
    int64_t said_us;
    unsigned closed_count; /* streams in a row that it closed at once */
    int64_t sync_asked_us; /* last time a stream sync was asked because of an unknown boot */
    uint64_t pull_next;    /* a pull of this peer that waits for news: first index wanted, 0 = none */
    uint64_t pull_term, pull_snapshot, pull_offset, pull_asked_us; /* the rest of that request */
    int64_t pull_since_us;
    struct log_id pull_voter; /* it believes that it votes, under this id; zero: it knows that it does not */
    uint64_t pull_voters_index, pull_state_index;
    bool pull_reseed, pull_wrong;
    bool pull_fetches;        /* it was given a part of a snapshot last, and there is more of it */
    uint64_t fetch_index;     /* the snapshot of which it was given parts; 0: none */
    uint64_t fetch_end;       /* how far it has come in that ... */
    int64_t fetch_us;         /* ... and when it came there */
    int64_t pull_served_us;   /* it was taken as one of those that are served; 0: never */
    int64_t pull_admitted_us; /* since when it is one of them */
};

/* A key of the committed table (or of the one a join brought), as a handshake shows it. */
struct trusted {
    struct static_key key;
    struct node_id id;
    struct log_id log; /* of its record: a new life of its disk may count its runs from 1 again */
};

/* ---- local instances ---- */
struct local_task {
    struct bytes name; /* in the instance's arena */
    bool started, stop_asked, final;
    struct wire_task_fact fact; /* fact.reason lies in `reason` */
    struct buf reason;
    uint64_t sequence;   /* of the shim's newest status */
    uint32_t lost_count; /* shims lost in this run of the agent */
};
struct local_instance {
    struct instance_id id;
    struct arena arena; /* names, ports */
    struct bytes job, group;
    enum job_type type;
    uint64_t version;
    uint32_t slot;
    struct local_task *tasks;
    size_t tasks_count, tasks_expected;
    struct wire_port_binding *ports;
    size_t ports_count;
    uint32_t memory_mib, cpu_mhz;
    uint32_t port_tries;
    bool refused, stop_asked, known; /* known: the log has had it */
    bool released;                   /* its end is in the log: the shims were told to go */
    struct buf reason;
    enum instance_state state;
    bool end_journalled;
    uint64_t end_ticket;    /* with it the journal has the end */
    bool running_told;      /* the leader was told, in this run of the agent, that it runs */
    int64_t recovery_us;    /* clock of the token bucket of its running again */
    int64_t changed_ms;     /* wall clock: when its tasks last told something */
    uint64_t fact_sequence; /* of the newest fact; 0: not numbered yet, whatever the log has is older */
    uint64_t sent_sequence, sent_term;
    int64_t sent_us, start_after_us;
};

#include "requests.h"

struct event_entry {
    struct wire_event event; /* text owned: mem_alloc at text.data */
};

/* What the leader keeps of a node; nothing here outlives its leadership. */
struct leader_node {
    struct node_id id;
    int64_t last_good_us, back_us;
    int64_t unheard_us; /* nothing comes from it since then; 0: it is heard */
    bool was_alive;
    /* for its vote: see voters.c */
    int64_t seen_since_us, behind_since_us; /* behind: 0 = it is not */
    uint32_t flaps, generation;
    int64_t forget_since_us; /* an operator takes it out: seen by this leader since then; 0: nobody does */
};
/* A host whose absence was announced, as counted here: see away.c. */
struct away_seen {
    struct node_id id;
    int64_t until_ms; /* names the announcement */
    int64_t until_us;
};
/* A fact on its way into the log. */
struct pending_fact {
    struct node_id node;
    uint32_t generation;
    struct wire_fact fact; /* in facts_arena */
};

/* ASKED: the leader moves everything off this host. TELLING: gossip tells everybody. */
enum leave_phase { LEAVE_NONE, LEAVE_ASKED, LEAVE_TELLING };

/* The ticket of a batch as the disk and as raft call it. */
struct ticket_pair {
    uint64_t node, raft;
    int64_t begun_us;
    uint64_t last_index; /* of the log, when it was handed out */
};

/* An end that the state has, and the journal still. */
struct acknowledged_end {
    struct instance_id id;
    uint64_t index; /* of the log, at which the state had it */
};

/* A raft send held back until its ticket is durable. */
struct held_send {
    uint64_t after;
    struct node_id to;
    bool matches; /* it tells what is durable: a later one that waits for the same says it all */
    uint8_t *data;
    size_t size;
};

#define SNAPSHOT_FRONT 16384 /* left before a state's bytes for the header of a snapshot: most take less */

/* The state at an index, on its way to its bytes (state_copy.c). */
struct copying {
    struct state_copy *copy; /* NULL: none is made */
    struct checkpoint at;    /* of there, not signed; its hash comes last */
    uint64_t log_bytes;      /* of the log there, since the snapshot before */
    bool compared;           /* with what other hosts have there */
    int64_t whole_us;        /* since when it is whole; 0: it is not */
};

/* A snapshot of which this version can make nothing (format.c); index 0: there was none. */
struct unreadable {
    uint64_t index;
    uint8_t hash[STATE_HASH_SIZE];
    int64_t until_us; /* no other one is fetched before */
};

struct matrix_ask; /* matrix.c */
struct node {
    struct identity identity;
    struct csprng csprng;
    struct prng prng;
    struct arena options_arena;
    struct wire_node_record self; /* what this node says of itself; in options_arena */
    struct bytes task_root;
    int64_t swim_period_us, heartbeat_us, election_min_us;
    uint64_t segment_size_bytes;
    uint32_t snapshot_entries, trailing_entries, chunk_size_bytes, pulls_max;
    uint64_t state_step; /* the state is hashed at multiples of it at most; a power of two */
    uint32_t copy_part_size;
    struct node_raft_limits raft_limits;
    struct marks *marks; /* the caller's; may be NULL */
    struct reconcile_options reconcile_options;

    int64_t now_us, wall_ms;
    struct effects effects;
    struct arena scratch; /* reset at each feed */

    /* the cluster */
    bool bootstrap, has_token;
    struct join_token token;
    bool in_cluster;
    struct arena cluster_arena;
    struct wire_cluster_record cluster;
    struct keyring gossip_keys, stream_keys;
    struct secret join_secret;
    VEC(struct addr) seeds;
    size_t seed_next;
    int64_t join_at_us;
    uint64_t join_stream;
    int64_t join_until_us; /* the seed at hand has this long to answer */
    int64_t join_said_us;
    struct wire_node_record
        *table; /* the table as the join or the file told it, until the state has one; options_arena */
    size_t table_count;

    /* disk */
    struct journal *journal;
    uint32_t generation;
    uint64_t ticket_next, ticket_done;
    uint64_t boot_ticket;        /* of the run's generation; 0 once it is durable */
    struct wire_hard_state hard; /* as last given to the disk */
    uint64_t raft_ticket_done;
    uint64_t log_id_ticket; /* of the file that tells this log's id: nothing is said under it before */
    bool disk_failed, log_damaged;
    bool log_begun;         /* the file `cluster` says that the first batch of the log is durable */
    bool make_again;        /* a cluster was made here, and the agent died before its log was begun */
    struct bytes log_state; /* "ok" or why this log does not vote; in options_arena */
    struct wal *wal;
    VEC(struct ticket_pair) raft_tickets;
    VEC(struct held_send) held;
    uint64_t snapshot_ticket, snapshot_index; /* being written */
    uint64_t snapshot_durable;
    uint64_t log_bytes_applied;  /* of entries, since the last snapshot was begun */
    struct buf snapshot_file;    /* the newest one */
    struct bytes snapshot_bytes; /* the state in it, to be sent in chunks */
    struct copying copying;
    int64_t room_look_us;      /* the disk was full: when it is looked again; 0: it was not */
    int64_t snapshot_given_us; /* a chunk of it was, last; 0: none */
    struct wire_snapshot_header snapshot_head;
    uint64_t install_ticket, install_index, install_term;
    struct checkpoint install_proof;
    bool install_proven;
    struct state_load *loading;  /* of what came; NULL: none is read */
    struct state *install_state; /* what it will be, once it is durable */
    struct buf incoming;         /* chunks received */
    uint64_t incoming_index, incoming_total;
    uint32_t incoming_checksum;
    struct arena incoming_arena;
    struct wire_raft_config incoming_config;
    struct chain incoming_chain;
    struct unreadable unreadable;
    bool incoming_pulled;             /* not from a leader: only with a voter's word on it ... */
    struct checkpoint incoming_proof; /* ... this one */

    /* the cores */
    struct swim *swim;
    struct raft *raft;
    struct state *state;
    uint64_t applied_index;
    struct proofs proofs;
    uint64_t state_wrong; /* the index at which the state was found to differ from others'; 0: it was not */
    bool wrong_log_given_up; /* because of that */
    int64_t unfit_at_us;
    uint32_t
        format_wanted; /* an entry needs this format, which is not known here: nothing is applied; 0: none */
    bool log_draining, table_dirty, reads_dirty;
    uint64_t leader_term;       /* term of the leadership that the leader's tables belong to */
    struct node_id leader_seen; /* last leader told by an event */
    int64_t fresh_us;           /* when what is applied was last known to be all that is committed anywhere */

    /* gossip */
    uint64_t datagram_sequence;
    int64_t twin_said_us; /* when a packet of a host with this one's key was last complained about */
    struct buf plain, sealed;
    struct gossip *gossip; /* facts; NULL before swim is */
    struct buf added, joined;
    bool own_dirty; /* this host's own facts are not as they were told */

    /* streams */
    struct map streams; /* u64 -> struct stream */
    struct map peers;   /* node id -> struct peer */
    struct map statics; /* static key -> struct trusted: the table's keys */
    struct map trusted; /* node id -> the same */
    uint64_t stream_next;

    /* learner */
    int64_t pull_at_us;      /* when the next pull may be sent */
    uint64_t pull_sent_next; /* 0: none under way */
    int64_t pull_asked_us;   /* the last question */
    struct node_id pull_peer;
    int64_t pull_deadline_us;
    struct node_id pull_leader; /* as the last answer told */
    struct learn_pick pick;
    struct stage stage;
    struct node_id pull_from; /* who gave what is staged, or the snapshot that comes in */
    int64_t pull_chunk_us;    /* when more of that came */
    bool pull_stranded;       /* who was asked last is one to be avoided, as all are */
    int64_t lie_said_us;
    struct buf reseed; /* a voter's snapshot, to take the place of a wrong state */
    struct checkpoint reseed_proof;
    bool pull_feeding;       /* the chunk that goes in is a peer's, not a leader's */
    bool reseed_waits;       /* it is whole, and the log here has not come so far */
    int64_t reseed_taken_us; /* when a snapshot was made last for one who asked so; 0: never */

    /* tasks */
    struct map instances;                      /* instance id -> struct local_instance */
    bool ends_dirty;                           /* an instance has ended: the journal has to know */
    uint64_t ends_ticket;                      /* of the newest ends in it; 0: it is durable */
    VEC(struct acknowledged_end) acknowledged; /* by index */
    bool scan_done, instances_dirty, facts_dirty, self_dirty;
    int64_t report_at_us; /* what is not in the log by then is sent again */
    int64_t started_us, may_start_us, starts_at_us;
    int64_t applied_us; /* when the copy of the log here moved last */

    /* leader */
    VEC(struct leader_node) leader_nodes; /* by id */
    int64_t leader_tick_us, plan_at_us;
    bool plan_dirty;
    uint64_t plan_index; /* proposed and not applied yet; 0 = none */
    struct reconcile_memory *memory;
    VEC(struct reconcile_reason) reasons; /* why slots are empty; in reasons_arena */
    struct arena reasons_arena;
    VEC(struct pending_fact) facts; /* gathered, not proposed yet */
    struct arena facts_arena;
    uint64_t report_index;           /* newest report proposed; the next waits until it is applied */
    VEC(struct raft_id) enlightened; /* see voters.c */
    VEC(struct raft_id) forgotten;   /* voters whose disks lost what they had acknowledged */
    int64_t hand_over_at_us;         /* leadership is not moved again before */
    unsigned hand_overs;
    struct node_id heir_tried;  /* named last, and this host leads still: another comes first */
    int64_t disk_late_since_us; /* writes came later than those of a majority since then; 0: they do not */
    unsigned disk_late_count;
    int64_t leader_since_us;

    /* requests */
    VEC(struct pending_write) pending;
    size_t pending_done; /* so many at its front are answered */
    VEC(struct waiting_write) waiting;
    bool more_follows;  /* another input, at once */
    bool writes_gather; /* what is proposed need not be sent and written yet ... */
    bool writes_due;    /* ... and now waits for that */
    bool write_quiet;   /* what is proposed is waited for on this host alone */
    VEC(struct waiting_read) reads;
    VEC(struct confirm_read) confirms;
    VEC(struct remote_read) remote_reads;
    VEC(struct waiting_why) whys;
    uint64_t confirm_next, confirm_batch; /* the question under way; 0 = none */
    struct node_id confirm_to;
    int64_t confirm_sent_us;
    bool confirmed;       /* what is being answered is a consistent read */
    int64_t confirmed_us; /* and has all that was committed then */
    VEC(struct op_stream) op_streams;
    VEC(struct remote_log) remote_logs;
    uint64_t forward_next, handle_next;

    /* events */
    VEC(struct event_entry) events; /* ring: oldest first */
    uint64_t event_next;

    /* changes of variables, oldest first: all behind var_ring_from */
    VEC(struct var_change) var_ring;
    uint64_t var_ring_from;
    size_t var_ring_bytes;

    enum leave_phase leave;
    uint64_t leave_request;
    int64_t leave_at_us, leave_deadline_us;
    bool shutting_down, exited;

    VEC(struct away_seen) aways;
    VEC(struct matrix_ask) matrices;
    uint64_t restart_request; /* answered when the absence is announced */
    bool restarting;
};

/* effects.c */
struct node_effect *node_emit(struct node *n, enum node_effect_kind kind);
struct bytes node_effect_copy(struct node *n, struct bytes in); /* into the effects' arena */
void node_text_cut(struct buf *text);
void node_say(struct node *n, enum node_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void node_reply_error(struct node *n, uint64_t request, int error, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void node_reply(struct node *n, uint64_t request, const struct codec_type *type, const void *result);
void node_event(struct node *n, const char *kind, struct node_id node, struct instance_id instance,
                const char *format, ...) __attribute__((format(printf, 5, 6)));

void node_event_accuser(struct node *n, struct node_id accuser);
/* Was this said within the last `repeat_us`? If not, it is said now: *said_us is when; 0: never. */
bool node_said(const struct node *n, int64_t *said_us, int64_t repeat_us);

/* boot.c */
int node_boot_files(struct node *n, const struct node_options *options, char *ret_text, size_t text_size);
int node_boot_new_cluster(struct node *n);
/* Keys, swim, raft, an empty log: when a cluster is made or joined. */
void node_enter_cluster(struct node *n, const struct wire_cluster_record *cluster);
/* A new log under a new id, in place; node_snapshot_whole() before. */
void node_log_renew(struct node *n, const char *why);
void node_cluster_keys(struct node *n); /* from n->cluster to the keyrings */

/* gossip.c */
void node_gossip_start(struct node *n);
int node_gossip_feed(struct node *n, const struct swim_input *input);
void node_gossip_datagram(struct node *n, const struct node_input *input);
bool node_alive(const struct node *n, struct node_id id);
bool node_member(const struct node *n, struct node_id id, struct swim_member *ret); /* false: not known */
bool node_suspects(const struct node *n, struct node_id id);
struct bytes node_name_of(const struct node *n, struct node_id id); /* "-" when unknown */

/* facts.c */
void node_facts_start(struct node *n);
int node_facts_feed(struct node *n, const struct gossip_input *input);
void node_facts_member(struct node *n, const struct wire_node_record *r);
struct bytes node_facts_add(struct node *n, struct node_id to, struct bytes packet);
void node_facts_packet(struct node *n, struct node_id from, struct bytes packet);
void node_facts_sync(struct node *n, struct node_id from, const struct wire_gossip_sync *sync);
void node_facts_tick(struct node *n);
int64_t node_facts_deadline(const struct node *n);
#define NODE_FACTS_COUNTS_MAX 32
size_t node_facts_counters(const struct node *n, struct wire_admin_counter *out); /* how many */
/* As the host itself said last; NULL: it said nothing of the kind. In the scratch arena. */
struct wire_facts_host *node_facts_host(struct node *n, struct node_id id);
struct wire_facts_instance *node_facts_instance(struct node *n, struct node_id owner, struct instance_id id);

/* peers.c */
struct peer *node_peer(struct node *n, struct node_id id, bool create);
struct stream *node_stream(struct node *n, uint64_t id);
void node_peer_send(struct node *n, struct node_id to, const struct wire_peer_message *message);
void node_peer_send_raw(struct node *n, struct node_id to, struct bytes encoded);
void node_stream_send(struct node *n, uint64_t stream, const struct wire_peer_message *message);
void node_stream_close(struct node *n, uint64_t stream, const char *text);
void node_dial_over(struct node *n, const struct stream *s); /* its peer may be dialled again */
bool node_streams_with(struct node *n, struct node_id id);   /* is a stream open? */
uint64_t node_dial(struct node *n, struct node_id to, const struct addr *addr, uint8_t key_id);
/* Asks it for what it knows, itself above all; over a stream that is dialled when none is open. */
void node_peer_sync(struct node *n, struct node_id to, const struct addr *addr);
void node_stream_opened(struct node *n, const struct node_input *input);
void node_stream_message(struct node *n, const struct node_input *input);
void node_stream_closed(struct node *n, const struct node_input *input);
void node_peers_done(struct node *n);
void node_trust(struct node *n, const struct wire_node_record *record);
void node_distrust(struct node *n, struct node_id id);

/* join.c */
void node_join_tick(struct node *n);
int64_t node_join_deadline(const struct node *n);
void node_join_opened(struct node *n, struct stream *s);
/* false: there is no reason to; the stream is to be closed. */
bool node_join_ask_table(struct node *n, struct stream *s);
void node_join_closed(struct node *n, struct stream *s, int error, struct bytes text);
void node_join_request(struct node *n, struct stream *s, const struct wire_join_request *request);
void node_join_response(struct node *n, struct stream *s, const struct wire_join_response *response);
void node_join_answer(struct node *n, uint64_t stream, struct node_id joined, int error, struct bytes text);

/* log.c */
int node_log_feed(struct node *n, const struct raft_input *input);
void node_log_drain(struct node *n);
void node_log_message(struct node *n, const struct wire_raft_message *message);
void node_log_persisted(struct node *n);
bool node_snapshot_due(const struct node *n, unsigned times); /* so often over */
bool node_snapshot_large(const struct node *n);
/* Both within a cluster only. Ready: has committed an entry of its own term. */
bool node_is_leader(const struct node *n);
bool node_leader_id(const struct node *n, struct node_id *ret);

/* learner.c */
void node_learner_tick(struct node *n);
int64_t node_learner_deadline(const struct node *n);
void node_pull_request(struct node *n, struct node_id from, const struct wire_pull_request *request);
void node_pull_response(struct node *n, struct node_id from, const struct wire_pull_response *response);
void node_pull_serve(struct node *n); /* answer held pulls that now have something */
int64_t node_pull_deadline(const struct node *n);
/* A peer gave what it cannot have from a voter. */
void node_learner_lied(struct node *n, struct node_id peer, const char *what);
void node_install_chunk(struct node *n, const struct wire_snapshot_chunk *chunk);

/* node.c */
bool node_hand_over(struct node *n); /* to the best voter; false: there is none, or this host does not lead */

/* leader.c, voters.c */
void node_leader_stop(struct node *n);
void node_leader_tick(struct node *n);
int64_t node_leader_deadline(const struct node *n);
void node_leader_report(struct node *n, struct node_id from, const struct wire_report_message *report);
void node_leader_heard(struct node *n, struct node_id id);
int node_propose(struct node *n, const struct wire_command *command, uint64_t *ret_index);
void node_voters_tick(struct node *n);
void node_voters_disk(struct node *n, const struct ticket_pair *done);
struct bytes node_zone_of(const struct wire_node_record *r); /* empty: none */
/* What is known of the hosts, and who of them should vote; in the scratch arena. */
struct voter_candidate *node_voters_judge(struct node *n, const struct wire_raft_config *config,
                                          struct voters_pick *ret, size_t *ret_count);
/* voters_view.c: the answer to `voters`, in the scratch arena. */
void node_voters_view(struct node *n, struct wire_admin_voters *ret);
const char *node_voters_text(struct node *n, const struct wire_raft_config *config);
void node_voters_enlighten(struct node *n, struct raft_id id);
struct leader_node *node_leader_node(struct node *n, struct node_id id, bool create);
bool node_in_office(const struct node *n); /* leads, and has begun to: see node_leader_tick() */

/* tasks.c */
struct local_instance *node_instance(struct node *n, struct instance_id id);
void node_tasks_kept(struct node *n, struct instance_id id);
void node_tasks_found(struct node *n, const struct node_input *input);
void node_tasks_status(struct node *n, const struct node_input *input);
void node_tasks_lost(struct node *n, const struct node_input *input);
void node_tasks_refused(struct node *n, const struct node_input *input);
void node_tasks_reconcile(struct node *n);
/* A fact of the journal: how an instance ended that the log did not acknowledge before the last run was over.
 */
void node_tasks_remember(struct node *n, const struct wire_fact *fact);
void node_tasks_journal(struct node *n); /* the ends of this turn, and what the log has acknowledged */
void node_tasks_done(struct node *n);
struct local_instance *node_instance_add(struct node *n, struct instance_id id);
struct local_task *node_instance_task(struct local_instance *i, struct bytes name, bool create);
void node_instance_touch(struct node *n, struct local_instance *i); /* its facts changed */
int64_t node_tasks_deadline(const struct node *n);

/* start.c */
/* What the instance is of. The state keeps that version of the job as long as it has the instance. */
const struct wire_group *node_group_of(const struct node *n, const struct wire_instance_record *record);
/* One that is not here yet, as the log has it. */
struct local_instance *node_instance_of(struct node *n, const struct wire_instance_record *record);
void node_instance_start(struct node *n, const struct wire_instance_record *record);
void node_instance_start_again(struct node *n, struct local_instance *i,
                               const struct wire_instance_record *record);
void node_instance_refuse(struct node *n, struct local_instance *i, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* report.c */
void node_report_tick(struct node *n);
int64_t node_report_deadline(const struct node *n);

/* apply.c */
void node_apply_entry(struct node *n, const struct wire_raft_entry *entry);
void node_apply_changes(struct node *n);
void node_apply_replaced(struct node *n, const struct state *before);
bool node_was_taken_out(const struct node *n, const struct wire_node_record *r); /* as far as is known here */

/* writes.c */
void node_write_request(struct node *n, uint64_t request, struct bytes method, struct bytes params);
void node_write_execute(struct node *n, enum write_origin origin, uint64_t request, struct node_id peer,
                        struct bytes method, struct bytes params, uint64_t since, int64_t deadline_us);
void node_write_applied(struct node *n, uint64_t index, uint64_t term, const struct state_result *result);
void node_writes_settle(struct node *n); /* what was proposed is sent and written */
void node_write_lost(struct node *n);    /* leadership is gone: those pending go back to waiting */
void node_write_forward(struct node *n, uint64_t request, uint64_t stream, struct node_id joined,
                        struct bytes method, struct bytes params);
void node_write_tick(struct node *n);
int64_t node_write_deadline(const struct node *n);
void node_write_response(struct node *n, const struct wire_forward_response *response);
void node_write_forwarded(struct node *n, struct node_id from, const struct wire_forward_request *request);
bool node_write_is(struct bytes method);
void node_write_answer(struct node *n, const struct pending_write *w, int error, struct bytes text,
                       struct bytes result);
void node_writes_done(struct node *n);

/* reads.c */
void node_request(struct node *n, uint64_t request, struct bytes method, struct bytes params);
void node_request_closed(struct node *n, uint64_t request);
void node_reads_changed(struct node *n); /* answer `job` reads whose job changed */
int64_t node_reads_deadline(const struct node *n);
int64_t node_contact_us(const struct node *n); /* the last word of a leader; 0: none yet */
void node_freshness(const struct node *n, struct wire_admin_freshness *ret);
/* What is applied here was all that was committed anywhere at this time; 0: not known. */
int64_t node_fresh_us(const struct node *n);
void node_fresh_settle(struct node *n);
void node_read_counters(struct node *n, uint64_t request); /* counters.c */
void node_read_status(struct node *n, uint64_t request);
/* Does the id, as text, begin so? Never with nothing. */
bool node_id_begins(const uint8_t id[ID_SIZE], struct bytes prefix);
/* By name or prefix of its id. ERR_NOT_FOUND, ERR_INVALID: several. *ret is touched in any case. */
int node_find_named(const struct node *n, struct bytes want, struct node_id *ret);
void node_request_read(struct node *n, uint64_t request, struct bytes method, struct bytes params);

/* With the leader's reasons, or NULL: those known here. */
void node_job_answer(struct node *n, uint64_t request, struct bytes name,
                     const struct wire_reasons_response *reasons);

/* reasons.c */
bool node_reasons_ask(struct node *n, uint64_t request, struct bytes job); /* true: it will be answered */
void node_reasons_request(struct node *n, struct node_id from, const struct wire_reasons_request *q);
void node_reasons_response(struct node *n, const struct wire_reasons_response *r);
void node_reasons_tick(struct node *n);
int64_t node_reasons_deadline(const struct node *n);
void node_reasons_closed(struct node *n, uint64_t request);
void node_reasons_done(struct node *n);

/* read_index.c */
bool node_confirm_wanted(struct node *n, struct bytes params);
void node_confirm_request(struct node *n, uint64_t request, struct bytes method, struct bytes params);
void node_confirm_closed(struct node *n, uint64_t request);
void node_confirm_tick(struct node *n);
int64_t node_confirm_deadline(const struct node *n);
void node_read_request(struct node *n, struct node_id from, const struct wire_read_request *q);
void node_read_response(struct node *n, const struct wire_read_response *r);
void node_read_ready(struct node *n, uint64_t context, int error, uint64_t index);
void node_confirms_done(struct node *n);

/* op_streams.c */
void node_stream_events(struct node *n, uint64_t request, struct bytes params);
void node_stream_logs(struct node *n, uint64_t request, struct bytes params);
void node_credit(struct node *n, uint64_t request, uint64_t bytes);
/* Answers the request with the stream and keeps it (copied; its watch is taken). */
void node_stream_open(struct node *n, const struct op_stream *stream);
void node_stream_notify(struct node *n, uint64_t request, const struct wire_admin_chunk *chunk);
void node_op_streams_done(struct node *n);
void node_log_data(struct node *n, const struct node_input *input);
void node_remote_open(struct node *n, struct node_id from, const struct wire_remote_open *open);
void node_remote_data(struct node *n, struct node_id from, const struct wire_remote_data *data);
void node_remote_credit(struct node *n, struct node_id from, const struct wire_remote_credit *credit);
void node_events_flush(struct node *n);
void node_op_streams_peer_gone(struct node *n, struct node_id peer);

/* backup.c */
void node_stream_backup(struct node *n, uint64_t request, struct bytes params);
bool node_backup_send(struct node *n, struct op_stream *s); /* true: that was all */

/* watch.c */
void node_stream_vars(struct node *n, uint64_t request, struct bytes params);
void node_watch_note(struct node *n, uint64_t index, const struct wire_cmd_var *c);
void node_watch_reset(struct node *n); /* the state was replaced: what happened in between is not known */
void node_watch_send(struct node *n, struct op_stream *s);
void node_watch_free(struct var_watch *w);
void node_watch_done(struct node *n);

/* leave.c */
void node_leave_request(struct node *n, uint64_t request);
void node_leave_tick(struct node *n);
int64_t node_leave_deadline(const struct node *n);
void node_leave_asked(struct node *n, struct node_id id); /* leader: a node wants out */

#include "disk.h"
#include "hosts.h"

static inline void node_mark(struct node *n, enum mark mark) { mark_hit(n->marks, mark); }
static inline int64_t min_us(int64_t a, int64_t b) { return a < b ? a : b; }
static inline size_t min_size(size_t a, size_t b) { return a < b ? a : b; }
static inline bool bytes_empty(struct bytes b) { return b.size == 0; }
static inline bool node_instance_over(const struct local_instance *i) {
    return i->state == INSTANCE_STATE_COMPLETE || i->state == INSTANCE_STATE_FAILED ||
           i->state == INSTANCE_STATE_STOPPED || i->state == INSTANCE_STATE_REFUSED;
}

#endif
