/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Made by proto/gen.py from the schema: change that. */
#ifndef COVEY_WIRE_H
#define COVEY_WIRE_H

#include "covey/base.h"
#include "covey/codec.h"

#define WIRE_PROTOCOL_VERSION 1 /* spoken here; peers tell theirs in the hello */
/* bytes of one UDP packet with its envelope: fits every path MTU in common use */
#define WIRE_DATAGRAM_MAX 1400
#define WIRE_MESSAGE_MAX 16777216 /* bytes of one message on a stream or the admin socket */
#define WIRE_STATE_MAX 268435456 /* bytes of an encoded state (a snapshot) */
#define WIRE_ENTRY_MAX 4194304 /* bytes of the data of one log entry */
#define WIRE_CHUNK_MAX 262144 /* bytes of one chunk of a snapshot or of a log file */
#define WIRE_NAME_MAX 63 /* bytes of a name: job, group, task, port label, node */
#define WIRE_TEXT_MAX 512 /* bytes of a reason or an error text */
#define WIRE_VALUE_MAX 4096 /* bytes of a meta or environment value, a command, an argument */
#define WIRE_VOTERS_MAX 9 /* voters in one configuration; 7 by choice, 9 by an operator */
#define WIRE_NODES_MAX 20000 /* hosts of one cluster */
#define WIRE_MEMBERS_PACKET_MAX 64 /* membership records in one datagram */
/* bytes of fingerprints in one step of a comparison: of NODES_MAX members */
#define WIRE_SYNC_HELD_MAX 160000
#define WIRE_GROUPS_MAX 64 /* groups of a job */
#define WIRE_TASKS_MAX 16 /* tasks of a group */
#define WIRE_COUNT_MAX 10000 /* count of a group */
#define WIRE_PORTS_MAX 32 /* ports of a group */
#define WIRE_PAIRS_MAX 256 /* entries of a meta or env block */
#define WIRE_ARGS_MAX 256 /* arguments of a command */
#define WIRE_INSTANCES_MAX 1000000 /* instances in a state */
#define WIRE_VAR_KEY_MAX 256 /* bytes of a variable's key */
#define WIRE_VAR_VALUE_MAX 65536 /* bytes of a variable's value */

enum member_state {
    MEMBER_STATE_ALIVE = 0,
    MEMBER_STATE_SUSPECT = 1,
    MEMBER_STATE_DEAD = 2,
    MEMBER_STATE_LEFT = 3,
};
extern const struct codec_enum member_state_enum;
const char *member_state_str(enum member_state value);
int member_state_parse(struct bytes name, enum member_state *ret_value);

enum job_type {
    JOB_TYPE_SERVICE = 0,
    JOB_TYPE_BATCH = 1,
};
extern const struct codec_enum job_type_enum;
const char *job_type_str(enum job_type value);
int job_type_parse(struct bytes name, enum job_type *ret_value);

enum driver_kind {
    DRIVER_KIND_EXEC = 0,
    DRIVER_KIND_RAW_EXEC = 1,
};
extern const struct codec_enum driver_kind_enum;
const char *driver_kind_str(enum driver_kind value);
int driver_kind_parse(struct bytes name, enum driver_kind *ret_value);

enum restart_mode {
    RESTART_MODE_FAIL = 0,
    RESTART_MODE_DELAY = 1,
};
extern const struct codec_enum restart_mode_enum;
const char *restart_mode_str(enum restart_mode value);
int restart_mode_parse(struct bytes name, enum restart_mode *ret_value);

enum entry_kind {
    ENTRY_KIND_NOOP = 0,
    ENTRY_KIND_COMMAND = 1,
    ENTRY_KIND_CONFIG = 2,
};
extern const struct codec_enum entry_kind_enum;
const char *entry_kind_str(enum entry_kind value);
int entry_kind_parse(struct bytes name, enum entry_kind *ret_value);

enum node_status {
    NODE_STATUS_JOINING = 0,
    NODE_STATUS_READY = 1,
    NODE_STATUS_UNREACHABLE = 2,
    NODE_STATUS_LEFT = 3,
};
extern const struct codec_enum node_status_enum;
const char *node_status_str(enum node_status value);
int node_status_parse(struct bytes name, enum node_status *ret_value);

enum desired_state {
    DESIRED_STATE_RUN = 0,
    DESIRED_STATE_STOP = 1,
};
extern const struct codec_enum desired_state_enum;
const char *desired_state_str(enum desired_state value);
int desired_state_parse(struct bytes name, enum desired_state *ret_value);

enum instance_state {
    INSTANCE_STATE_PLACED = 0,
    INSTANCE_STATE_STARTING = 1,
    INSTANCE_STATE_RUNNING = 2,
    INSTANCE_STATE_COMPLETE = 3,
    INSTANCE_STATE_FAILED = 4,
    INSTANCE_STATE_STOPPED = 5,
    INSTANCE_STATE_REFUSED = 6,
    INSTANCE_STATE_UNKNOWN = 7,
};
extern const struct codec_enum instance_state_enum;
const char *instance_state_str(enum instance_state value);
int instance_state_parse(struct bytes name, enum instance_state *ret_value);

enum task_state {
    TASK_STATE_PENDING = 0,
    TASK_STATE_RUNNING = 1,
    TASK_STATE_BACKOFF = 2,
    TASK_STATE_STOPPING = 3,
    TASK_STATE_DEAD = 4,
};
extern const struct codec_enum task_state_enum;
const char *task_state_str(enum task_state value);
int task_state_parse(struct bytes name, enum task_state *ret_value);

struct wire_pair;
struct wire_member;
struct wire_ping;
struct wire_ping_req;
struct wire_ack;
struct wire_nack;
struct wire_swim_packet;
struct wire_swim_sync;
struct wire_raft_config;
struct wire_raft_entry;
struct wire_vote_request;
struct wire_vote_response;
struct wire_append_request;
struct wire_append_response;
struct wire_snapshot_chunk;
struct wire_snapshot_response;
struct wire_raft_message;
struct wire_port_request;
struct wire_restart_policy;
struct wire_task;
struct wire_group;
struct wire_job;
struct wire_secret_key;
struct wire_cluster_record;
struct wire_node_record;
struct wire_job_record;
struct wire_port_binding;
struct wire_task_fact;
struct wire_instance_record;
struct wire_var_record;
struct wire_request_record;
struct wire_state_snapshot;
struct wire_fact;
struct wire_place;
struct wire_stop;
struct wire_cmd_plan;
struct wire_cmd_report;
struct wire_cmd_node_status;
struct wire_cmd_job_stop;
struct wire_cmd_var;
struct wire_command;
struct wire_join_request;
struct wire_join_response;
struct wire_pull_request;
struct wire_pull_response;
struct wire_forward_request;
struct wire_forward_response;
struct wire_report_message;
struct wire_remote_open;
struct wire_remote_data;
struct wire_remote_credit;
struct wire_leave_request;
struct wire_peer_message;
struct wire_log_identity;
struct wire_hard_state;
struct wire_snapshot_header;
struct wire_journal_boot;
struct wire_journal_record;
struct wire_node_files_keys;
struct wire_shim_spec;
struct wire_shim_status;
struct wire_shim_command;
struct wire_empty;
struct wire_admin_error;
struct wire_admin_freshness;
struct wire_admin_voter;
struct wire_admin_status;
struct wire_admin_node;
struct wire_admin_nodes;
struct wire_admin_job_query;
struct wire_admin_group_status;
struct wire_admin_job_status;
struct wire_admin_instance;
struct wire_admin_jobs;
struct wire_admin_job_summary;
struct wire_admin_ps_query;
struct wire_admin_ps;
struct wire_admin_run;
struct wire_admin_run_result;
struct wire_admin_stop;
struct wire_admin_write_result;
struct wire_admin_var_query;
struct wire_admin_vars;
struct wire_admin_var_put;
struct wire_admin_token;
struct wire_admin_logs_query;
struct wire_admin_stream;
struct wire_admin_chunk;
struct wire_admin_credit;
struct wire_event;
struct wire_admin_events_query;

/* a name and its value: meta, env, attributes */
struct wire_pair {
    struct bytes name; /* 1 to 256 bytes */
    struct bytes value; /* may be empty */
};

/* what somebody believes of a member; the incarnation is (generation, version) */
struct wire_member {
    struct node_id id;
    enum member_state state;
    uint32_t generation; /* raised and persisted at each start of the agent */
    uint32_t version; /* raised by the member alone, to refute */
    struct bytes name; /* its card, what it says of itself: name ... */
    struct addr addr; /* ... and where to reach it; a record without addr has no card */
    struct node_id from; /* who accuses, with suspect and dead */
    struct public_key key; /* the id is made of it */
    uint32_t since; /* the version from which on the card holds */
    struct bytes signature; /* by the key over the card */
    struct bytes farewell; /* with left: by the key over the incarnation in which it left */
};

/* are you there? */
struct wire_ping {
    uint32_t seq;
    struct node_id target; /* who is meant: dropped by anybody else; absent: the receiver */
    enum member_state state; /* what the pinger believes of the target ... */
    uint32_t generation;
    uint32_t version; /* ... so that a wrong belief is refuted in one hop */
};

/* ping somebody for me */
struct wire_ping_req {
    uint32_t seq;
    struct node_id target;
    struct addr addr;
    uint32_t budget_ms; /* what is left of the asker's probe; a nack is due at 80 % of it */
};

/* an answer to a ping, or its relay */
struct wire_ack {
    uint32_t seq;
    struct node_id target; /* who was pinged; absent: the sender */
};

/* the helper is well but has no answer from the target */
struct wire_nack {
    uint32_t seq;
    struct node_id target; /* absent: the one that was asked for */
};

/* the plain payload of a gossip envelope */
struct wire_swim_packet {
    struct wire_ping *ping;
    struct wire_ping_req *ping_req;
    struct wire_ack *ack;
    struct wire_nack *nack;
    struct wire_member *members; /* piggybacked news */
    size_t members_count;
    struct node_id *wanted; /* whose cards the sender lacks */
    size_t wanted_count;
    uint64_t sum; /* of the sender's table: who has another one compares */
};

/* a step in the comparison of two tables over a stream, see gossip.md */
struct wire_swim_sync {
    bool reply; /* the last step: answered by nothing */
    struct wire_member *members;
    size_t members_count;
    struct bytes sums; /* of the buckets of the sender's table, 8 bytes each */
    struct bytes differ; /* the buckets that differ, a bit each */
    struct bytes held; /* fingerprints of what the sender has in them, 8 bytes each */
    struct bytes wanted; /* fingerprints of what the sender lacks, 8 bytes each */
    bool table; /* a joiner asks for everything, from the bucket `from` on */
    uint32_t from;
    uint32_t next; /* the table goes on at this bucket: ask again */
    bool later; /* too many ask: try another member */
    uint32_t buckets; /* of how many `differ` speaks */
};

/* who votes; joint while voters_next is not empty */
struct wire_raft_config {
    struct raft_id *voters;
    size_t voters_count;
    struct raft_id *voters_next; /* the incoming set of a joint configuration */
    size_t voters_next_count;
};

struct wire_raft_entry {
    uint64_t index;
    uint64_t term;
    enum entry_kind kind;
    struct bytes data; /* an encoded command or raft_config */
};

struct wire_vote_request {
    bool pre; /* a pre-vote: the term is what would be used */
    uint64_t last_index;
    uint64_t last_term;
    bool transfer; /* by the leader's word: overrides stickiness */
};

struct wire_vote_response {
    bool pre;
    bool granted;
};

struct wire_append_request {
    uint64_t prev_index;
    uint64_t prev_term;
    uint64_t commit;
    uint64_t round; /* a counter of the leader; acknowledged rounds confirm leadership for reads */
    struct wire_raft_entry *entries;
    size_t entries_count;
};

struct wire_append_response {
    bool success;
    uint64_t match_index; /* success: durable up to here */
    uint64_t hint_index; /* refusal: last index that may match */
    uint64_t hint_term; /* refusal: the term there */
    uint64_t round;
};

struct wire_snapshot_chunk {
    uint64_t index; /* last index that the snapshot covers */
    uint64_t term;
    struct wire_raft_config config;
    uint64_t total_size;
    uint64_t offset;
    struct bytes data;
    uint32_t checksum; /* CRC-32C of the whole snapshot */
    uint64_t round;
};

struct wire_snapshot_response {
    uint64_t index;
    uint64_t offset; /* the next byte wanted; total_size when it is installed */
    bool refused; /* not needed: match_index tells where the follower is */
    uint64_t match_index;
    uint64_t round;
};

struct wire_raft_message {
    struct raft_id from;
    struct raft_id to;
    uint64_t term;
    uint32_t generation; /* of the cluster: raised by a recovery */
    struct recovery_id recovery; /* which recovery made this generation */
    struct wire_vote_request *vote_request;
    struct wire_vote_response *vote_response;
    struct wire_append_request *append_request;
    struct wire_append_response *append_response;
    struct wire_snapshot_chunk *snapshot_chunk;
    struct wire_snapshot_response *snapshot_response;
    bool timeout_now; /* campaign at once: the leader hands over */
};

struct wire_port_request {
    struct bytes label;
    uint32_t static_; /* host port; 0 = dynamic, picked by the node */
    uint32_t to; /* port the task listens on; 0 = the host port */
};

struct wire_restart_policy {
    uint32_t attempts; /* restarts within the interval */
    uint64_t interval_ms;
    uint64_t delay_ms;
    enum restart_mode mode; /* when the attempts are used up: fail, or wait for the next interval */
};

struct wire_task {
    struct bytes name;
    enum driver_kind driver;
    struct bytes command;
    struct bytes *args;
    size_t args_count;
    struct wire_pair *env;
    size_t env_count;
    uint32_t cpu_mhz;
    uint32_t memory_mib;
    uint32_t kill_timeout_ms;
    uint32_t kill_signal; /* a signal number */
    struct bytes user; /* empty: the agent's own */
    struct wire_pair *meta;
    size_t meta_count;
};

struct wire_group {
    struct bytes name;
    uint32_t count;
    struct wire_port_request *ports;
    size_t ports_count;
    struct wire_restart_policy restart;
    struct wire_task *tasks;
    size_t tasks_count;
    struct wire_pair *meta;
    size_t meta_count;
};

struct wire_job {
    struct bytes name;
    enum job_type type;
    struct wire_group *groups;
    size_t groups_count;
    struct wire_pair *meta;
    size_t meta_count;
};

/* a shared key with its id */
struct wire_secret_key {
    uint32_t key_id;
    struct bytes key;
};

struct wire_cluster_record {
    struct cluster_id id;
    uint32_t generation;
    struct recovery_id recovery;
    struct wire_secret_key *gossip_keys; /* the first encrypts */
    size_t gossip_keys_count;
    struct wire_secret_key *stream_keys; /* the first opens streams between members */
    size_t stream_keys_count;
    struct bytes join_secret;
    int64_t created_ms; /* wall clock */
};

struct wire_node_record {
    struct node_id id;
    struct public_key key;
    struct bytes name;
    struct addr addr;
    struct wire_pair *meta;
    size_t meta_count;
    uint32_t cpu_mhz;
    uint32_t memory_mib;
    uint32_t ports_low;
    uint32_t ports_high;
    struct wire_pair *attributes;
    size_t attributes_count;
    struct log_id log; /* the life of its disk: its vote counts only under this id */
    struct boot_id boot;
    uint32_t generation; /* of the agent's run that sent this */
    enum node_status status;
    bool raw_exec; /* its operator allows raw_exec */
    struct bytes version; /* software version */
    int64_t joined_ms;
    uint64_t modify_index;
};

struct wire_job_record {
    struct wire_job spec;
    uint64_t version; /* 1 for the first */
    bool stopped;
    int64_t submitted_ms;
    uint64_t modify_index;
    bool provisional;
};

struct wire_port_binding {
    struct bytes label;
    uint32_t port; /* on the host */
    uint32_t to;
};

struct wire_task_fact {
    struct bytes name;
    enum task_state state;
    uint32_t pid; /* as the host sees it */
    uint32_t restarts;
    int32_t exit_code;
    uint32_t exit_signal;
    int64_t started_ms; /* wall clock */
    int64_t finished_ms;
    bool failed;
    struct bytes reason;
};

struct wire_instance_record {
    struct instance_id id;
    struct bytes job;
    uint64_t version;
    struct bytes group;
    uint32_t slot;
    struct node_id node;
    uint64_t epoch;
    bool provisional;
    enum desired_state desired;
    enum instance_state state;
    struct wire_port_binding *ports;
    size_t ports_count;
    struct wire_task_fact *tasks;
    size_t tasks_count;
    struct instance_id replaces;
    int64_t placed_ms;
    uint64_t modify_index;
    struct bytes reason; /* why it was stopped, failed or refused */
    uint64_t sequence; /* of the newest fact applied */
    bool acknowledged; /* its node has told that a committed stop was carried out */
};

struct wire_var_record {
    struct bytes key;
    struct bytes value;
    uint64_t version; /* the log index of its last change */
};

/* an answered write, kept so that a retry gets the same answer */
struct wire_request_record {
    struct request_id id;
    int32_t error;
    uint64_t version;
};

struct wire_state_snapshot {
    uint64_t index;
    struct wire_cluster_record cluster;
    struct wire_node_record *nodes;
    size_t nodes_count;
    struct wire_job_record *jobs; /* every version that an instance still refers to, and the newest */
    size_t jobs_count;
    struct wire_instance_record *instances;
    size_t instances_count;
    struct wire_var_record *vars;
    size_t vars_count;
    struct wire_request_record *requests; /* oldest first */
    size_t requests_count;
};

/* what a node tells of an instance of its own */
struct wire_fact {
    struct instance_id instance;
    enum instance_state state;
    struct wire_port_binding *ports;
    size_t ports_count;
    struct wire_task_fact *tasks;
    size_t tasks_count;
    struct bytes reason;
    uint64_t sequence; /* grows with each fact of this instance */
    bool gone; /* stopped and cleaned up: the tombstone may go */
};

struct wire_place {
    struct instance_id instance;
    struct bytes job;
    uint64_t version;
    struct bytes group;
    uint32_t slot;
    struct node_id node;
    struct instance_id replaces; /* precondition: the slot's holder (zero: none) is this one */
    uint32_t generation; /* precondition: the node's run whose inventory was seen */
};

struct wire_stop {
    struct instance_id instance;
    struct bytes reason;
};

struct wire_cmd_plan {
    struct wire_place *places;
    size_t places_count;
    struct wire_stop *stops;
    size_t stops_count;
};

struct wire_cmd_report {
    struct node_id node;
    struct wire_fact *facts;
    size_t facts_count;
};

struct wire_cmd_node_status {
    struct node_id id;
    enum node_status status;
};

struct wire_cmd_job_stop {
    struct bytes name;
};

struct wire_cmd_var {
    struct bytes key;
    struct bytes value;
    bool remove;
    bool check; /* compare-and-set: apply only if the version is `version` */
    uint64_t version; /* 0 with check: only if it does not exist */
};

/* exactly one of the optional messages is there */
struct wire_command {
    struct request_id request; /* zero: not from a client */
    int64_t time_ms; /* wall clock of the leader: shown, never compared */
    struct wire_cluster_record *init;
    struct wire_node_record *node; /* add a node or renew what it says of itself */
    struct wire_cmd_node_status *node_status;
    struct wire_cmd_node_status *node_remove; /* forget a node */
    struct wire_job *job;
    struct wire_cmd_job_stop *job_stop;
    struct wire_cmd_plan *plan;
    struct wire_cmd_report *report;
    struct wire_cmd_var *var;
};

/* the only message that the join secret opens */
struct wire_join_request {
    struct wire_node_record node;
    struct bytes signature; /* by the node's key over the hash of the stream's handshake */
};

struct wire_join_response {
    int32_t error;
    struct bytes text;
    struct wire_cluster_record cluster;
    struct wire_node_record *nodes; /* the committed table: whose keys to trust */
    size_t nodes_count;
};

/* a learner asks for the log */
struct wire_pull_request {
    uint64_t next; /* first index wanted */
    uint64_t term; /* term of the entry before it */
    uint64_t snapshot_index; /* resume this snapshot ... */
    uint64_t offset; /* ... from here */
    /* the asker believes that it votes, under this log id, and hears no leader: is it so? */
    struct log_id voter;
};

struct wire_pull_response {
    uint64_t prev_index;
    uint64_t prev_term;
    struct wire_raft_entry *entries; /* committed ones only */
    size_t entries_count;
    uint64_t commit;
    struct wire_snapshot_chunk *snapshot; /* instead of entries, when they are gone */
    bool refused; /* the asker's log does not match: it must begin with a snapshot */
    uint64_t term;
    struct node_id leader;
    uint64_t age_ms; /* how old the answerer's own knowledge is */
};

/* an operator's write, on its way to the leader */
struct wire_forward_request {
    uint64_t id;
    struct bytes method;
    struct bytes params;
};

struct wire_forward_response {
    uint64_t id;
    int32_t error;
    struct bytes text;
    struct bytes result;
};

/* facts, and what the node says of itself when that changed */
struct wire_report_message {
    struct wire_node_record *node;
    struct wire_fact *facts;
    size_t facts_count;
};

/* read a log file on another host */
struct wire_remote_open {
    uint64_t id;
    struct instance_id instance;
    struct bytes task;
    bool stderr;
    bool follow;
    uint64_t tail; /* begin at most this many bytes before the end; 0 = from the oldest kept */
};

struct wire_remote_data {
    uint64_t id;
    struct bytes data;
    bool end;
    int32_t error;
    struct bytes text;
};

/* more may be sent; a credit of 0 closes */
struct wire_remote_credit {
    uint64_t id;
    uint64_t bytes;
};

/* a node asks the leader to take it out */
struct wire_leave_request {
    struct node_id id;
};

struct wire_peer_message {
    struct wire_join_request *join_request;
    struct wire_join_response *join_response;
    struct wire_swim_sync *sync;
    struct wire_raft_message *raft;
    struct wire_pull_request *pull_request;
    struct wire_pull_response *pull_response;
    struct wire_forward_request *forward_request;
    struct wire_forward_response *forward_response;
    struct wire_report_message *report;
    struct wire_remote_open *remote_open;
    struct wire_remote_data *remote_data;
    struct wire_remote_credit *remote_credit;
    struct wire_leave_request *leave;
};

/* first record of every log segment */
struct wire_log_identity {
    struct cluster_id cluster;
    struct node_id node;
    struct log_id log;
};

struct wire_hard_state {
    uint64_t term;
    struct raft_id vote;
    uint64_t commit; /* a hint: never behind a snapshot, never ahead of the log */
};

struct wire_snapshot_header {
    struct wire_log_identity identity;
    uint64_t index;
    uint64_t term;
    struct wire_raft_config config;
    uint64_t size;
    uint32_t checksum;
};

/* a run of the agent began */
struct wire_journal_boot {
    uint32_t generation;
    struct boot_id boot;
};

struct wire_journal_record {
    uint64_t seq; /* grows for ever */
    struct wire_journal_boot *boot;
    struct wire_fact *fact; /* a terminal fact, kept until the log acknowledged it */
    struct instance_id done; /* the log acknowledged this instance's end */
};

/* what a member keeps to come back: the file `cluster` */
struct wire_node_files_keys {
    struct wire_cluster_record cluster;
    struct wire_node_record *peers; /* the table as last known: keys to trust, addresses retried for ever */
    size_t peers_count;
    struct log_id log;
};

/* the file `spec` of a task's directory: all that a shim needs to know */
struct wire_shim_spec {
    struct instance_id instance;
    struct node_id node;
    struct bytes job;
    struct bytes group;
    struct bytes task;
    uint32_t slot;
    uint64_t job_version;
    uint64_t epoch;
    enum job_type type;
    enum driver_kind driver;
    struct bytes command;
    struct bytes *args;
    size_t args_count;
    struct wire_pair *env;
    size_t env_count;
    struct bytes user;
    struct wire_restart_policy restart;
    uint32_t kill_timeout_ms;
    uint32_t kill_signal;
    uint32_t cpu_mhz;
    uint32_t memory_mib;
    uint64_t log_size_max; /* bytes of one output file */
    uint32_t log_files_max;
    struct wire_port_binding *ports; /* of the instance */
    size_t ports_count;
    struct bytes bind; /* the address that the ports are on */
    struct bytes cgroup; /* path below the hierarchies' mount points; empty: none */
    struct bytes directory; /* working directory */
};

/* the file `status`, and what a shim tells its agent after every change */
struct wire_shim_status {
    uint32_t version; /* of this protocol */
    uint64_t sequence;
    struct wire_task_fact fact;
    uint32_t shim_pid; /* as the host sees it */
    int64_t restart_at_ms; /* lease clock; in backoff */
    bool stop_asked;
    struct boot_id boot;
    /* start time of shim_pid in clock ticks since boot: with the pid it names one process for ever */
    uint64_t pid_start;
};

/* agent to shim */
struct wire_shim_command {
    bool stop; /* end the task: kill_signal, kill_timeout, SIGKILL */
    uint32_t signal;
    bool release; /* the end is acknowledged: exit */
    bool restart; /* end it and start it again, outside the restart policy */
};

/* no parameters, no result */
struct wire_empty {
    uint8_t nothing; /* C has no empty struct */
};

/* the error of a response */
struct wire_admin_error {
    int32_t code;
    struct bytes text;
};

/* how old the answer is */
struct wire_admin_freshness {
    uint64_t index; /* commit index applied here */
    uint64_t age_ms; /* since this node last knew it to be current */
    bool isolated; /* no contact with a leader */
};

struct wire_admin_voter {
    struct node_id id;
    struct bytes name;
    enum member_state state;
    bool caught_up;
};

struct wire_admin_status {
    struct wire_admin_freshness freshness;
    struct node_id id;
    struct bytes name;
    struct cluster_id cluster;
    struct node_id leader;
    struct bytes leader_name;
    uint64_t term;
    struct wire_admin_voter *voters;
    size_t voters_count;
    uint32_t voters_live;
    uint32_t survives; /* hosts that may be lost before writes stop */
    uint32_t nodes;
    uint32_t nodes_live;
    uint32_t jobs;
    uint32_t instances_running;
    struct bytes role; /* leader, follower, candidate, learner */
    struct bytes log_state; /* ok, or why it does not vote */
    struct bytes version;
    struct bytes advice;
};

struct wire_admin_node {
    struct wire_node_record record;
    enum member_state state;
    bool voter;
    bool leader;
    bool self;
    uint32_t instances;
    uint32_t generation;
    uint32_t version;
    uint64_t rtt_us;
};

struct wire_admin_nodes {
    struct wire_admin_freshness freshness;
    struct wire_admin_node *nodes;
    size_t nodes_count;
};

struct wire_admin_job_query {
    struct bytes name;
    uint64_t min_index; /* answer when the job changed after this index ... */
    uint64_t wait_ms; /* ... or this time has passed; at most 60 s */
};

struct wire_admin_group_status {
    struct bytes name;
    uint32_t count;
    uint32_t running;
    uint32_t starting;
    uint32_t complete;
    uint32_t failed;
    struct bytes reason; /* why slots are not placed */
};

struct wire_admin_job_status {
    struct wire_admin_freshness freshness;
    struct wire_job_record record;
    struct wire_admin_group_status *groups;
    size_t groups_count;
    struct wire_admin_instance *instances;
    size_t instances_count;
    uint64_t index; /* of the newest change */
};

struct wire_admin_instance {
    struct wire_instance_record record;
    struct bytes node_name;
    struct bytes addr; /* of its node, without port */
    enum member_state node_state;
};

struct wire_admin_jobs {
    struct wire_admin_freshness freshness;
    struct wire_admin_job_summary *jobs;
    size_t jobs_count;
};

struct wire_admin_job_summary {
    struct bytes name;
    enum job_type type;
    uint64_t version;
    bool stopped;
    uint32_t count;
    uint32_t running;
    uint32_t complete;
    uint32_t failed;
    int64_t submitted_ms;
};

struct wire_admin_ps_query {
    struct bytes job;
    bool all; /* finished and stopped ones too */
    struct bytes node; /* name or id prefix */
};

struct wire_admin_ps {
    struct wire_admin_freshness freshness;
    struct wire_admin_instance *instances;
    size_t instances_count;
};

struct wire_admin_run {
    struct request_id request;
    struct wire_job job;
};

struct wire_admin_run_result {
    struct bytes name;
    uint64_t version;
    uint64_t index;
    bool changed; /* false: exactly this version is there already */
};

struct wire_admin_stop {
    struct request_id request;
    struct bytes name;
};

struct wire_admin_write_result {
    uint64_t index;
    uint64_t version;
};

struct wire_admin_var_query {
    struct bytes key;
    struct bytes prefix;
};

struct wire_admin_vars {
    struct wire_admin_freshness freshness;
    struct wire_var_record *vars;
    size_t vars_count;
};

struct wire_admin_var_put {
    struct request_id request;
    struct wire_cmd_var var;
};

struct wire_admin_token {
    struct bytes token;
    struct bytes addr; /* an address to join at */
};

struct wire_admin_logs_query {
    struct bytes instance; /* id or a unique prefix of it */
    struct bytes job;
    struct bytes task;
    bool stderr;
    bool follow;
    uint64_t tail;
    uint64_t credit; /* bytes that may be sent before more credit comes */
};

/* the answer to a request that opens a stream */
struct wire_admin_stream {
    uint64_t id;
};

/* params of the notification `chunk` */
struct wire_admin_chunk {
    uint64_t id;
    struct bytes data;
    bool end;
    int32_t error;
    struct bytes text;
    struct wire_event *event;
};

/* params of the notification `credit`; 0 bytes close the stream */
struct wire_admin_credit {
    uint64_t id;
    uint64_t bytes;
};

struct wire_event {
    uint64_t index; /* of this agent's own count */
    int64_t time_ms;
    struct bytes kind;
    struct node_id node;
    struct instance_id instance;
    struct bytes text;
};

struct wire_admin_events_query {
    bool follow;
    uint64_t credit;
};

extern const struct codec_type wire_pair_type;
extern const struct codec_type wire_member_type;
extern const struct codec_type wire_ping_type;
extern const struct codec_type wire_ping_req_type;
extern const struct codec_type wire_ack_type;
extern const struct codec_type wire_nack_type;
extern const struct codec_type wire_swim_packet_type;
extern const struct codec_type wire_swim_sync_type;
extern const struct codec_type wire_raft_config_type;
extern const struct codec_type wire_raft_entry_type;
extern const struct codec_type wire_vote_request_type;
extern const struct codec_type wire_vote_response_type;
extern const struct codec_type wire_append_request_type;
extern const struct codec_type wire_append_response_type;
extern const struct codec_type wire_snapshot_chunk_type;
extern const struct codec_type wire_snapshot_response_type;
extern const struct codec_type wire_raft_message_type;
extern const struct codec_type wire_port_request_type;
extern const struct codec_type wire_restart_policy_type;
extern const struct codec_type wire_task_type;
extern const struct codec_type wire_group_type;
extern const struct codec_type wire_job_type;
extern const struct codec_type wire_secret_key_type;
extern const struct codec_type wire_cluster_record_type;
extern const struct codec_type wire_node_record_type;
extern const struct codec_type wire_job_record_type;
extern const struct codec_type wire_port_binding_type;
extern const struct codec_type wire_task_fact_type;
extern const struct codec_type wire_instance_record_type;
extern const struct codec_type wire_var_record_type;
extern const struct codec_type wire_request_record_type;
extern const struct codec_type wire_state_snapshot_type;
extern const struct codec_type wire_fact_type;
extern const struct codec_type wire_place_type;
extern const struct codec_type wire_stop_type;
extern const struct codec_type wire_cmd_plan_type;
extern const struct codec_type wire_cmd_report_type;
extern const struct codec_type wire_cmd_node_status_type;
extern const struct codec_type wire_cmd_job_stop_type;
extern const struct codec_type wire_cmd_var_type;
extern const struct codec_type wire_command_type;
extern const struct codec_type wire_join_request_type;
extern const struct codec_type wire_join_response_type;
extern const struct codec_type wire_pull_request_type;
extern const struct codec_type wire_pull_response_type;
extern const struct codec_type wire_forward_request_type;
extern const struct codec_type wire_forward_response_type;
extern const struct codec_type wire_report_message_type;
extern const struct codec_type wire_remote_open_type;
extern const struct codec_type wire_remote_data_type;
extern const struct codec_type wire_remote_credit_type;
extern const struct codec_type wire_leave_request_type;
extern const struct codec_type wire_peer_message_type;
extern const struct codec_type wire_log_identity_type;
extern const struct codec_type wire_hard_state_type;
extern const struct codec_type wire_snapshot_header_type;
extern const struct codec_type wire_journal_boot_type;
extern const struct codec_type wire_journal_record_type;
extern const struct codec_type wire_node_files_keys_type;
extern const struct codec_type wire_shim_spec_type;
extern const struct codec_type wire_shim_status_type;
extern const struct codec_type wire_shim_command_type;
extern const struct codec_type wire_empty_type;
extern const struct codec_type wire_admin_error_type;
extern const struct codec_type wire_admin_freshness_type;
extern const struct codec_type wire_admin_voter_type;
extern const struct codec_type wire_admin_status_type;
extern const struct codec_type wire_admin_node_type;
extern const struct codec_type wire_admin_nodes_type;
extern const struct codec_type wire_admin_job_query_type;
extern const struct codec_type wire_admin_group_status_type;
extern const struct codec_type wire_admin_job_status_type;
extern const struct codec_type wire_admin_instance_type;
extern const struct codec_type wire_admin_jobs_type;
extern const struct codec_type wire_admin_job_summary_type;
extern const struct codec_type wire_admin_ps_query_type;
extern const struct codec_type wire_admin_ps_type;
extern const struct codec_type wire_admin_run_type;
extern const struct codec_type wire_admin_run_result_type;
extern const struct codec_type wire_admin_stop_type;
extern const struct codec_type wire_admin_write_result_type;
extern const struct codec_type wire_admin_var_query_type;
extern const struct codec_type wire_admin_vars_type;
extern const struct codec_type wire_admin_var_put_type;
extern const struct codec_type wire_admin_token_type;
extern const struct codec_type wire_admin_logs_query_type;
extern const struct codec_type wire_admin_stream_type;
extern const struct codec_type wire_admin_chunk_type;
extern const struct codec_type wire_admin_credit_type;
extern const struct codec_type wire_event_type;
extern const struct codec_type wire_admin_events_query_type;

/* Every message, in the order of the schema. */
extern const struct codec_type *const wire_types[];
extern const size_t wire_types_count;

#endif
