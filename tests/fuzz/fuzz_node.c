/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * A whole node, leader of a cluster of two, whose other member has the keys and says anything; so do the
 * clients of its admin socket, its shims, and strangers with the join secret. The input is a script: one byte
 * chooses what happens, the next ones say with what. Whatever was said, the node works on: it never ends but
 * by its own operator's word, its work for one input ends, and its log says the same after a restart.
 */
#include <stdlib.h>

#include <covey/codec.h>
#include <covey/node.h>
#include <covey/raft.h>
#include <covey/state.h>

#include "script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STEPS_MAX     100
#define EFFECTS_MAX   100000
#define FILES_MAX     64
#define INSTANCES_MAX 16
#define REQUESTS      8
#define META_COUNT    16 /* more than gossip tells */
#define MEMBER_STREAM 1  /* the peer's; the streams of strangers have odd numbers above */

static struct bytes take_part(struct script *s) {
    size_t size = take(s);
    return take_bytes(s, size == 255 ? 1000 : size);
}

/* ---- a disk that obeys ------------------------------------------------------------------------------------
 */

struct disk {
    struct disk_file files[FILES_MAX]; /* data owned */
    size_t count;
    size_t last; /* after so many operations the power goes: nothing more comes onto it; 0: it stays */
    size_t done;
};

static void file_set(struct disk_file *f, const void *data, size_t size) {
    uint8_t *bytes = mem_alloc(size + 1);
    if (data != NULL && size > 0)
        memcpy(bytes, data, size);
    mem_free((void *)(uintptr_t)f->data.data);
    f->data = bytes_of(bytes, size);
}

static struct disk_file *file_named(struct disk *d, const char *name) {
    for (size_t i = 0; i < d->count; i++)
        if (strcmp(d->files[i].name, name) == 0)
            return &d->files[i];
    assert(d->count < FILES_MAX);
    struct disk_file *f = &d->files[d->count++];
    memset(f, 0, sizeof *f);
    memcpy(f->name, name, strlen(name) + 1);
    return f;
}

static bool disk_is_off(const struct disk *d) { return d->last != 0 && d->done > d->last; }

static void disk_do(struct disk *d, const struct disk_op *op) {
    d->done++;
    if (op->kind == DISK_SYNC || disk_is_off(d))
        return;
    struct disk_file *f = file_named(d, op->name);
    if (op->kind == DISK_CREATE)
        file_set(f, NULL, (size_t)op->size);
    else if (op->kind == DISK_REPLACE)
        file_set(f, op->data.data, op->data.size);
    else if (op->kind == DISK_WRITE) {
        assert(op->offset + op->data.size <= f->data.size);
        memcpy((uint8_t *)(uintptr_t)f->data.data + op->offset, op->data.data, op->data.size);
    } else {
        mem_free((void *)(uintptr_t)f->data.data);
        *f = d->files[--d->count];
    }
}

static void disk_copy(const struct disk *from, struct disk *to) {
    memset(to, 0, sizeof *to);
    for (; to->count < from->count; to->count++) {
        memcpy(to->files[to->count].name, from->files[to->count].name, sizeof from->files[0].name);
        file_set(&to->files[to->count], from->files[to->count].data.data, from->files[to->count].data.size);
    }
}

static void disk_done(struct disk *d) {
    for (size_t i = 0; i < d->count; i++)
        mem_free((void *)(uintptr_t)d->files[i].data.data);
}

/* ---- the node ---------------------------------------------------------------------------------------------
 */

struct run {
    struct node *node;
    struct disk disk;
    struct script script;
    struct arena arena;
    struct csprng csprng;
    struct keyring gossip_keys;
    struct cluster_id cluster;
    int64_t now_us;
    uint64_t sequence;       /* of the peer's datagrams */
    uint64_t ticket;         /* newest that the node waits for */
    uint64_t lasting_ticket; /* of a `lasting` operation */
    uint64_t stranger;       /* newest stream of one */
    uint64_t dialled;        /* newest stream of the node's own, while nobody has answered */
    uint64_t answered;       /* newest one that somebody did */
    unsigned effects;
    bool may_end, slow_disk;
    struct bytes token; /* with which it joins; empty: it has a cluster, or makes one */
    uint64_t asked_us;  /* the newest pull */
    const struct wire_pair *meta;
    uint32_t format; /* 0: the newest */
    struct instance_id instances[INSTANCES_MAX];
    struct bytes tasks[INSTANCES_MAX];
    size_t instances_count;
};

static struct secret secret_number(uint8_t number) {
    struct secret s;
    memset(s.b, number, sizeof s.b);
    return s;
}

static struct identity peer_identity(uint8_t number) {
    struct identity i;
    struct secret seed = secret_number(number);
    identity_init(&i, &seed);
    return i;
}

static struct addr addr_number(uint8_t number) {
    return (struct addr){.size = 6, .b = {10, 0, 0, number, 7370 >> 8, 7370 & 255}};
}

static void started(struct run *r, const struct wire_shim_spec *spec) {
    size_t at = r->instances_count < INSTANCES_MAX ? r->instances_count++ : INSTANCES_MAX - 1;
    r->instances[at] = spec->instance;
    r->tasks[at] = arena_copy(&r->arena, spec->task);
}

/* It was asked to leave, or found in its log that it has left. */
static void ended(struct run *r) {
    const struct wire_node_record *self = state_node_find(node_state(r->node), node_self(r->node));
    assert(r->may_end || (self != NULL && self->status == NODE_STATUS_LEFT));
    r->may_end = true;
}

static void said(struct run *r, struct bytes data) {
    struct arena a = {0};
    struct wire_peer_message m;
    assert(data.size <= WIRE_MESSAGE_MAX);
    int error = codec_decode(&wire_peer_message_type, data, &a, &m, NULL);
    assert(error == 0);
    if (m.pull_request != NULL)
        r->asked_us = m.pull_request->asked_us;
    arena_done(&a);
}

static void effect(struct run *r, const struct node_effect *e) {
    r->effects++;
    assert(r->effects < EFFECTS_MAX);
    switch (e->kind) {
    case NODE_DISK:
        disk_do(&r->disk, &e->op);
        if (disk_is_off(&r->disk))
            break;
        if (e->op.lasting)
            r->lasting_ticket = e->op.ticket;
        else if (e->op.ticket > r->ticket)
            r->ticket = e->op.ticket;
        break;
    case NODE_EXIT: ended(r); break;
    case NODE_TASK_START: started(r, e->spec); break;
    case NODE_STREAM_CONNECT: r->dialled = e->stream; break;
    case NODE_SEND_DATAGRAM: assert(e->data.size <= WIRE_DATAGRAM_MAX); break;
    case NODE_STREAM_SEND: said(r, e->data); break;
    case NODE_STREAM_CLOSE:
    case NODE_TASK_COMMAND:
    case NODE_TASK_RELEASE:
    case NODE_TASK_REMOVE:
    case NODE_REPLY:
    case NODE_NOTIFY:
    case NODE_LOG_OPEN:
    case NODE_LOG_CREDIT:
    case NODE_LOG_CLOSE:
    case NODE_SAY:
    case NODE_RESTART:
    case NODE_DISK_LOOK:
    case NODE_READY: break;
    }
}

static void feed(struct run *r, struct node_input in) {
    struct node_effect e;
    in.wall_ms = r->now_us / US_PER_MS;
    node_feed(r->node, r->now_us, &in);
    while (node_drain(r->node, &e))
        effect(r, &e);
}

static void disk_settle(struct run *r) {
    while (r->ticket != 0 || r->lasting_ticket != 0) {
        uint64_t *first = r->ticket != 0 ? &r->ticket : &r->lasting_ticket, ticket = *first;
        *first = 0;
        feed(r, (struct node_input){.kind = NODE_DISK_DONE, .ticket = ticket});
    }
}

static void feed_settled(struct run *r, struct node_input in) {
    feed(r, in);
    if (!r->slow_disk)
        disk_settle(r);
}

static void pass(struct run *r, int64_t us) {
    int64_t end_us = r->now_us + us;
    while (node_deadline(r->node) <= end_us) {
        int64_t before_us = r->now_us;
        if (node_deadline(r->node) > r->now_us)
            r->now_us = node_deadline(r->node);
        feed_settled(r, (struct node_input){.kind = NODE_TICK});
        if (r->now_us == before_us && node_deadline(r->node) <= r->now_us)
            r->now_us += US_PER_MS; /* waits for the disk, say */
    }
    if (r->now_us < end_us)
        r->now_us = end_us;
}

static void node_make(struct run *r, uint8_t entropy, bool bootstrap) {
    char why[256];
    struct addr seed = addr_number(2);
    struct node_options o = {.identity_seed = secret_number(1),
                             .entropy = secret_number(entropy),
                             .name = bytes_str("one"),
                             .addr = addr_number(1),
                             .cpu_mhz = 4000,
                             .memory_mib = 4096,
                             .ports_low = 20000,
                             .ports_high = 20010,
                             .raw_exec = true,
                             .boot = {{1}},
                             .version = bytes_str("fuzz"),
                             .task_root = bytes_str("/tasks"),
                             .bootstrap = bootstrap,
                             .token = r->token,
                             .meta = r->meta,
                             .meta_count = r->meta != NULL ? META_COUNT : 0,
                             .format = r->format,
                             .seeds = &seed,
                             .seeds_count = r->token.size > 0,
                             .files = r->disk.files,
                             .files_count = r->disk.count,
                             .segment_size_bytes = 64 * 1024,
                             .snapshot_entries = 16};
    int error = node_new(&o, r->now_us, 1, &r->node, why, sizeof why);
    assert(error == 0);
    feed_settled(r, (struct node_input){.kind = NODE_SCAN_DONE});
    disk_settle(r);
}

/* ---- the cluster of two, made once ------------------------------------------------------------------------
 */

static struct disk initial;

static struct wire_node_record peer_record(const struct identity *i, uint8_t number) {
    return (struct wire_node_record){.id = i->id,
                                     .key = i->public_key,
                                     .name = bytes_str("two"),
                                     .addr = addr_number(number),
                                     .cpu_mhz = 1000,
                                     .memory_mib = 1000,
                                     .ports_low = 20000,
                                     .ports_high = 20010,
                                     .log = {{number}},
                                     .boot = {{number}},
                                     .generation = 1};
}

/* wrong: 0, or 1, 2: its signature is another's, or none. */
static void join_ask(struct run *r, uint64_t stream, const struct identity *i,
                     const struct wire_node_record *record, uint8_t wrong) {
    uint8_t hash[NOISE_HASH_SIZE] = {1};
    struct signature signature;
    struct buf out = {0};
    identity_sign(i, SIGN_JOIN, bytes_of(hash, sizeof hash), &signature);
    signature.b[0] ^= wrong == 1;
    struct wire_join_request request = {
        .node = *record, .signature = bytes_of(signature.b, wrong == 2 ? 0 : sizeof signature.b)};
    codec_encode(&wire_peer_message_type, &(struct wire_peer_message){.join_request = &request}, &out);
    feed_settled(r, (struct node_input){.kind = NODE_STREAM_OPENED,
                                        .stream = stream,
                                        .key = i->static_key,
                                        .hash = bytes_of(hash, sizeof hash),
                                        .addr = record->addr});
    feed_settled(r,
                 (struct node_input){.kind = NODE_STREAM_MESSAGE, .stream = stream, .data = buf_bytes(&out)});
    buf_done(&out);
}

static void cluster_make(void) {
    struct run r = {.now_us = 1000 * US_PER_S};
    struct identity peer = peer_identity(2);
    struct wire_node_record record = peer_record(&peer, 2);
    node_make(&r, 3, true);
    pass(&r, 10 * US_PER_S);
    assert(node_leads(r.node));
    join_ask(&r, MEMBER_STREAM, &peer, &record, 0);
    pass(&r, 2 * US_PER_S);
    assert(state_node_find(node_state(r.node), peer.id) != NULL);
    disk_copy(&r.disk, &initial);
    node_free(r.node);
    disk_done(&r.disk);
    arena_done(&r.arena);
}

static void cluster_open(struct run *r) {
    struct secret key;
    struct identity peer = peer_identity(2);
    disk_copy(&initial, &r->disk);
    node_make(r, 4, false);
    pass(r, 2 * US_PER_S);
    assert(node_leads(r->node));
    const struct wire_cluster_record *c = state_cluster(node_state(r->node));
    r->cluster = c->id;
    memcpy(key.b, c->gossip_keys[0].key.data, sizeof key.b);
    (void)keyring_add(&r->gossip_keys, (uint8_t)c->gossip_keys[0].key_id, &key);
    feed_settled(r, (struct node_input){.kind = NODE_STREAM_OPENED,
                                        .stream = MEMBER_STREAM,
                                        .key = peer.static_key,
                                        .key_id = (uint8_t)c->stream_keys[0].key_id,
                                        .addr = addr_number(2)});
}

/* ---- the peer ---------------------------------------------------------------------------------------------
 */

static void peer_says(struct run *r, const struct wire_peer_message *m) {
    struct buf out = {0};
    codec_encode(&wire_peer_message_type, m, &out);
    feed_settled(r, (struct node_input){
                        .kind = NODE_STREAM_MESSAGE, .stream = MEMBER_STREAM, .data = buf_bytes(&out)});
    buf_done(&out);
}

static void datagram(struct run *r) {
    struct identity peer = peer_identity(2);
    struct arena a = {0};
    struct buf plain = {0}, sealed = {0};
    uint8_t how = take(&r->script);
    struct envelope head = {.sender = peer.id, .receiver = node_self(r->node), .boot = 1u + (how & 3u) / 3u};
    head.sequence = ++r->sequence + (how >> 4);
    if (how >> 4 == 15) /* a copy of this host, with its key */
        head.sender = node_self(r->node);
    if (how & 4) {
        struct prng prng;
        struct wire_swim_packet packet;
        prng_init(&prng, take(&r->script));
        codec_random(&wire_swim_packet_type, &prng, &a, &packet, 30);
        for (size_t i = 0; i < packet.members_count; i++)
            if (how & 8)
                packet.members[i].id = i == 0 ? node_self(r->node) : peer.id;
        codec_encode(&wire_swim_packet_type, &packet, &plain);
    }
    struct bytes payload = how & 4 ? buf_bytes(&plain) : take_part(&r->script);
    if (envelope_seal(&r->gossip_keys, &r->cluster, &r->csprng, &head, payload, &sealed) == 0)
        feed_settled(r, (struct node_input){.kind = NODE_DATAGRAM,
                                            .addr = addr_number(how >> 4 == 15 && how & 1 ? 1 : 2),
                                            .data = buf_bytes(&sealed)});
    buf_done(&plain);
    buf_done(&sealed);
    arena_done(&a);
}

/* Ids that mean something here, where random ones never would. */
static void make_apt(struct run *r, struct wire_peer_message *m, uint8_t how) {
    struct identity peer = peer_identity(2);
    const struct wire_cluster_record *c = state_cluster(node_state(r->node));
    if (node_raft(r->node) == NULL)
        return;
    if (m->raft != NULL) {
        m->raft->from = (struct raft_id){.node = peer.id, .log = {{2}}};
        m->raft->to.node = node_self(r->node);
        const struct wire_node_record *self = state_node_find(node_state(r->node), node_self(r->node));
        if (self != NULL)
            m->raft->to.log = self->log;
        m->raft->generation = c != NULL ? c->generation : 1;
        m->raft->recovery = c != NULL ? c->recovery : (struct recovery_id){{0}};
        if (how & 1)
            m->raft->term = raft_term(node_raft(r->node)) + (how >> 1 & 1);
    }
    if (m->report != NULL && m->report->node != NULL)
        m->report->node->id = peer.id;
    for (size_t i = 0; m->report != NULL && i < m->report->facts_count && r->instances_count > 0; i++)
        m->report->facts[i].instance = r->instances[i % r->instances_count];
    for (size_t i = 0; m->sync != NULL && i < m->sync->members_count; i++)
        if (how & 4)
            m->sync->members[i].id = i == 0 ? node_self(r->node) : peer.id;
    if (m->remote_open != NULL && r->instances_count > 0)
        m->remote_open->instance = r->instances[0];
    uint64_t commit = raft_commit_index(node_raft(r->node));
    if (m->pull_request != NULL) {
        m->pull_request->next = 1 + m->pull_request->next % (commit + 2);
        m->pull_request->offset %= 4096;
        m->pull_request->snapshot_index %= commit + 1;
        if (how & 8)
            m->pull_request->voter = (struct log_id){{0}};
    }
    if (m->pull_response != NULL) {
        m->pull_response->asked_us = r->asked_us;
        m->pull_response->refused &= how & 1;
        m->pull_response->busy &= how & 2;
        m->pull_response->prev_index = commit;
        for (size_t i = 0; i < m->pull_response->entries_count && how & 4; i++)
            m->pull_response->entries[i].index = commit + 1 + i;
    }
    if (m->state_report != NULL)
        m->state_report->index = commit - m->state_report->index % (commit + 1);
    if (m->read_request != NULL)
        m->read_request->id %= 2;
}

static void stream_message(struct run *r, uint64_t stream) {
    struct arena a = {0};
    struct buf out = {0};
    uint8_t how = take(&r->script);
    struct bytes data;
    if (how & 128) {
        data = take_part(&r->script);
    } else {
        struct prng prng;
        struct wire_peer_message m;
        prng_init(&prng, take(&r->script) | (uint64_t)take(&r->script) << 8);
        codec_random(&wire_peer_message_type, &prng, &a, &m, 5 + how % 60);
        make_apt(r, &m, how);
        codec_encode(&wire_peer_message_type, &m, &out);
        data = buf_bytes(&out);
    }
    feed_settled(r, (struct node_input){.kind = NODE_STREAM_MESSAGE, .stream = stream, .data = data});
    buf_done(&out);
    arena_done(&a);
}

static void forward(struct run *r) {
    static const char *const methods[] = {"run", "stop", "var.put", "join", "leave", ""};
    struct buf record_bytes = {0}, var_bytes = {0};
    uint8_t how = take(&r->script);
    struct wire_forward_request request = {
        .id = how & 3, .method = bytes_str(methods[how % 6]), .params = take_part(&r->script)};
    if (how >= 240) { /* nobody's: the id is not that of the key, or the host is too old */
        struct identity i = peer_identity(4);
        struct wire_node_record record = peer_record(&i, 4);
        record.id.b[0] ^= how & 1;
        codec_encode(&wire_node_record_type, &record, &record_bytes);
        request.method = bytes_str("join");
        request.params = buf_bytes(&record_bytes);
    } else if (how >= 200) {
        uint8_t id = how & 12;
        struct wire_admin_var_put put = {.request = {{id}}, .var = {.key = bytes_str("k")}};
        codec_encode_named(&wire_admin_var_put_type, &put, &var_bytes);
        request.method = bytes_str("var.put");
        request.params = buf_bytes(&var_bytes);
    }
    for (unsigned times = how & 128 ? 2 : 1; times > 0; times--) /* as one that waits for long does */
        peer_says(r, &(struct wire_peer_message){.forward_request = &request});
    buf_done(&record_bytes);
    buf_done(&var_bytes);
}

static void stranger(struct run *r) {
    uint8_t how = take(&r->script);
    if (how & 1) {
        r->stranger += 2;
        struct identity i = peer_identity(3 + (how >> 1 & 1));
        struct wire_node_record record = peer_record(&i, 3);
        record.name = how & 4 ? bytes_str("two") : bytes_str("three");
        switch (how >> 4) { /* what it says of itself is not so */
        case 12: record.id.b[0] ^= 1; break;
        case 13: record.key = peer_identity(2).public_key; break;
        case 14: record.name = (struct bytes){0}; break;
        case 15: record.format = 1; break;
        default: break;
        }
        if ((how >> 4) == 13)
            record.id = peer_identity(2).id;
        join_ask(r, r->stranger + MEMBER_STREAM, &i, &record, (how >> 4) >= 10 ? (how >> 4) - 9 : 0);
    } else {
        stream_message(r, r->stranger + MEMBER_STREAM);
    }
}

/* ---- clients ----------------------------------------------------------------------------------------------
 */

static void job_run(struct run *r, uint64_t request, uint8_t how) {
    struct buf out = {0};
    struct wire_pair env = {bytes_str("X"), bytes_str("${NOMAD_PORT_p}")};
    struct wire_port_request port = {.label = bytes_str("p"), .static_ = how & 1 ? 8080 : 0};
    struct wire_task task = {.name = bytes_str("t"),
                             .command = bytes_str("/bin/true"),
                             .memory_mib = how,
                             .env = &env,
                             .env_count = 1,
                             .driver = how & 2 ? DRIVER_KIND_EXEC : DRIVER_KIND_RAW_EXEC};
    struct wire_group group = {.name = bytes_str("g"),
                               .count = how >> 2 & 7,
                               .tasks = &task,
                               .tasks_count = 1,
                               .ports = &port,
                               .ports_count = how >> 5 & 1};
    struct wire_admin_run run = {.job = {.name = bytes_str(how & 64 ? "j" : "k"),
                                         .type = (enum job_type)(how >> 7),
                                         .groups = &group,
                                         .groups_count = 1}};
    codec_encode_named(&wire_admin_run_type, &run, &out);
    feed_settled(r, (struct node_input){.kind = NODE_REQUEST,
                                        .request = request,
                                        .method = bytes_str("run"),
                                        .data = buf_bytes(&out)});
    buf_done(&out);
}

struct call {
    const char *method;
    const struct codec_type *params;
};

/* Words on hosts, and what is asked of all of them. */
static const struct call host_calls[] = {{"vote", &wire_admin_vote_type},
                                         {"drain", &wire_admin_drain_type},
                                         {"away", &wire_admin_away_type},
                                         {"forget", &wire_admin_forget_type},
                                         {"agent.restart", &wire_admin_restart_type},
                                         {"matrix", &wire_admin_matrix_query_type},
                                         {"var.watch", &wire_admin_var_watch_type},
                                         {"backup", &wire_admin_backup_type},
                                         {"voters", &wire_empty_type},
                                         {"counters", &wire_empty_type}};

/* A host that there is, where a random name never would be one's. */
static void host_name(struct run *r, const struct call *c, void *params) {
    static const char *const names[] = {"one", "two", "two", "three"};
    struct bytes name = bytes_str(names[take(&r->script) % 4]);
    if (strcmp(c->method, "vote") == 0)
        ((struct wire_admin_vote *)params)->node = name;
    if (strcmp(c->method, "drain") == 0)
        ((struct wire_admin_drain *)params)->node = name;
    if (strcmp(c->method, "away") == 0)
        ((struct wire_admin_away *)params)->node = name;
    if (strcmp(c->method, "forget") == 0)
        ((struct wire_admin_forget *)params)->node = name;
}

static void client(struct run *r) {
    static const struct call calls[] = {{"run", &wire_admin_run_type},
                                        {"stop", &wire_admin_stop_type},
                                        {"ps", &wire_admin_ps_query_type},
                                        {"job", &wire_admin_job_query_type},
                                        {"vars", &wire_admin_var_query_type},
                                        {"events", &wire_admin_events_query_type},
                                        {"logs", &wire_admin_logs_query_type},
                                        {"var.put", &wire_admin_var_put_type},
                                        {"status", &wire_empty_type},
                                        {"nodes", &wire_empty_type},
                                        {"jobs", &wire_empty_type},
                                        {"token", &wire_empty_type},
                                        {"leave", &wire_empty_type}};
    struct arena a = {0};
    struct buf out = {0};
    uint8_t what = take(&r->script), how = take(&r->script);
    uint64_t request = 1 + how % REQUESTS;
    const struct call *c = &calls[what % (sizeof calls / sizeof *calls)];
    struct bytes data = {0};
    if (what >= 250) {
        job_run(r, request, how);
        return;
    }
    bool of_hosts = what >= 200;
    if (of_hosts)
        c = &host_calls[what % (sizeof host_calls / sizeof *host_calls)];
    if (how & 128) {
        data = take_part(&r->script);
    } else {
        struct prng prng;
        void *params = arena_alloc(&a, c->params->size);
        prng_init(&prng, take(&r->script));
        codec_random(c->params, &prng, &a, params, how % 101);
        if (of_hosts)
            host_name(r, c, params);
        codec_encode_named(c->params, params, &out);
        data = buf_bytes(&out);
    }
    r->may_end = r->may_end || strcmp(c->method, "leave") == 0;
    feed_settled(r,
                 (struct node_input){
                     .kind = NODE_REQUEST, .request = request, .method = bytes_str(c->method), .data = data});
    buf_done(&out);
    arena_done(&a);
}

/* ---- shims and the rest of the host -----------------------------------------------------------------------
 */

static void shim(struct run *r) {
    struct arena a = {0};
    struct prng prng;
    struct wire_shim_status status;
    static uint8_t long_text[2 * WIRE_TEXT_MAX + 1] = {'?'};
    uint8_t how = take(&r->script), other = take(&r->script);
    if (r->instances_count == 0)
        return;
    size_t which = how % r->instances_count;
    prng_init(&prng, take(&r->script));
    codec_random(&wire_shim_status_type, &prng, &a, &status, 40);
    status.fact.name = r->tasks[which];
    status.sequence = take(&r->script);
    struct node_input in = {.kind = NODE_TASK_STATUS,
                            .instance = r->instances[which],
                            .task = r->tasks[which],
                            .status = &status};
    if ((how >> 4) % 8 == 6)
        in.kind = NODE_TASK_LOST;
    if ((how >> 4) % 8 == 7) {
        in.kind = NODE_TASK_REFUSED;
        in.error = how & 128 ? ERR_EXISTS : ERR_FAILED;
        in.text = bytes_str("refused");
        if (other < 128) { /* of characters of two bytes each */
            for (size_t i = 1; i < sizeof long_text; i++)
                long_text[i] = i & 1 ? 0xc3 : 0xa4;
            in.text = bytes_of(long_text, sizeof long_text);
        }
    }
    if (other >= 240) /* of what is not here, or not any more */
        in.instance.b[0] ^= 0xff;
    else if (other >= 224)
        in.task = bytes_str("nobody");
    feed_settled(r, in);
    arena_done(&a);
}

static void host(struct run *r) {
    uint8_t what = take(&r->script), how = take(&r->script);
    struct node_input in = {.request = 1 + how % REQUESTS, .handle = how, .bytes = (uint64_t)how << 10};
    switch (what % 12) {
    case 0: in.kind = NODE_REQUEST_CLOSED; break;
    case 1: in.kind = NODE_CREDIT; break;
    case 2:
        in.kind = NODE_LOG_DATA;
        in.data = bytes_str("output");
        in.end = what & 8;
        in.error = what & 16 ? ERR_IO : 0;
        break;
    case 3:
        in.kind = NODE_SEED;
        in.addr = addr_number(how);
        break;
    case 4:
        in.kind = NODE_STREAM_CLOSED;
        in.stream = what & 8 ? MEMBER_STREAM : what & 16 ? r->answered : r->dialled;
        in.error = what & 32 ? ERR_CLOSED : ERR_IO;
        in.text = bytes_str(what & 64 ? "closed" : "");
        break;
    case 5: { /* what the node dialled answers: as the peer, or as a stranger */
        struct identity i = peer_identity(2 + (what >> 3 & 1));
        in.kind = NODE_STREAM_OPENED;
        if (r->dialled == 0)
            return;
        in.stream = r->answered = r->dialled;
        r->dialled = 0;
        in.outgoing = true;
        in.key = i.static_key;
        in.addr = addr_number(2);
        break;
    }
    case 6: r->slow_disk = !r->slow_disk; return;
    case 7: /* how much room there is, asked for or not */
        in.kind = NODE_DISK_ROOM;
        in.bytes = how & 1 ? UINT64_C(1) << 40 : 0;
        break;
    case 8:
        if (how < 224)
            return;
        in.kind = NODE_DISK_FAILED; /* of what it was given nothing more is told */
        in.error = how & 1 ? ERR_NO_SPACE : ERR_IO;
        r->ticket = r->lasting_ticket = 0;
        break;
    case 9:
        if (how < 240)
            return;
        in.kind = NODE_SHUTDOWN;
        break;
    case 10: /* on a stream that is not open yet */
        if (r->dialled != 0)
            stream_message(r, r->dialled);
        return;
    default: disk_settle(r); return;
    }
    feed_settled(r, in);
}

static void step(struct run *r) {
    static const int64_t waits_us[] = {1000, 50000, 500000, 3 * US_PER_S, 12 * US_PER_S};
    switch (take(&r->script) % 8) {
    case 0: pass(r, waits_us[take(&r->script) % 5]); break;
    case 1: datagram(r); break;
    case 2: stream_message(r, r->answered != 0 && r->script.size % 2 ? r->answered : MEMBER_STREAM); break;
    case 3: forward(r); break;
    case 4: stranger(r); break;
    case 5: client(r); break;
    case 6: shim(r); break;
    default: host(r);
    }
}

/* ---- a cluster that is being made, and the power goes
 * ------------------------------------------------------
 */

static void founding(struct run *r) {
    static char text[600];
    struct wire_pair meta[META_COUNT];
    uint8_t how = take(&r->script);
    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < META_COUNT; i++)
        meta[i] = (struct wire_pair){bytes_of(text, 1 + i), bytes_of(text, sizeof text)};
    r->meta = how & 1 ? meta : NULL;
    r->format = how & 2 ? 1 : 0;
    r->disk.last = 1 + take(&r->script) % 24;
    node_make(r, 3, true);
    pass(r, 2 * US_PER_S);
    node_free(r->node);
    r->disk.last = r->ticket = r->lasting_ticket = 0;
    node_make(r, 4, true);
    pass(r, 10 * US_PER_S);
    assert(node_leads(r->node)); /* the one that was begun, or a new one: never half of one */
    for (unsigned i = 0; i < STEPS_MAX && r->script.size > 0; i++)
        client(r);
    r->slow_disk = false;
    disk_settle(r);
    node_free(r->node);
    r->format = how & 4 ? 1 : 0; /* the agent of an earlier day, which may not know all of that log */
    node_make(r, 5, false);
    pass(r, 10 * US_PER_S);
    node_free(r->node);
}

/* ---- one that joins --------------------------------------------------------------------------------------
 */

static void join_answer(struct run *r, struct identity *peer) {
    struct secret key = secret_number(9);
    struct bytes shared = bytes_of(key.b, sizeof key.b);
    struct wire_secret_key keys = {.key_id = 1, .key = shared};
    struct wire_node_record nodes[2] = {peer_record(peer, 2), {.id = node_self(r->node), .generation = 3}};
    struct raft_id voter = {.node = peer->id, .log = {{2}}};
    uint8_t how = take(&r->script);
    struct wire_join_response response = {.cluster = {.id = r->cluster,
                                                      .generation = 1,
                                                      .gossip_keys = &keys,
                                                      .gossip_keys_count = 1,
                                                      .stream_keys = &keys,
                                                      .stream_keys_count = 1,
                                                      .join_secret = shared},
                                          .nodes = nodes,
                                          .nodes_count = 1 + (how & 1),
                                          .voters = {.voters = &voter, .voters_count = how >> 1 & 1},
                                          .voters_index = 5};
    response.cluster.id.b[0] ^= how % 8 == 4; /* another cluster */
    response.error = how % 8 == 5 ? ERR_DENIED : 0;
    if (how % 16 == 6)
        keys.key.size--;
    if (how % 16 == 14)
        response.cluster.join_secret.size--;
    struct buf out = {0};
    codec_encode(&wire_peer_message_type, &(struct wire_peer_message){.join_response = &response}, &out);
    feed_settled(
        r, (struct node_input){.kind = NODE_STREAM_MESSAGE, .stream = r->answered, .data = buf_bytes(&out)});
    buf_done(&out);
}

/* Somebody with the right secret answers what it dials, and is the only member that it comes to know. */
static void newcomer(struct run *r) {
    struct identity peer = peer_identity(2);
    struct join_token token = {.cluster = {{7}}, .secret = secret_number(8)};
    struct buf text = {0};
    secret_token_append(&text, &token);
    r->token = buf_bytes(&text);
    r->cluster = token.cluster;
    node_make(r, 5, false);
    for (unsigned i = 0; i < STEPS_MAX && r->script.size > 0; i++) {
        uint8_t what = take(&r->script);
        if (r->dialled != 0 && what % 4 != 0) {
            r->answered = r->dialled;
            r->dialled = 0;
            feed_settled(r,
                         (struct node_input){.kind = what % 16 == 1 ? NODE_STREAM_CLOSED : NODE_STREAM_OPENED,
                                             .stream = r->answered,
                                             .outgoing = true,
                                             .key = peer.static_key,
                                             .error = what % 16 == 1 ? ERR_IO : 0,
                                             .addr = addr_number(2)});
        } else if (what < 96 && r->answered != 0)
            join_answer(r, &peer);
        else if (what < 200 && r->answered != 0)
            stream_message(r, r->answered);
        else if (what < 220)
            client(r);
        else
            pass(r, (1 + what % 30) * 200 * US_PER_MS);
    }
    r->slow_disk = false;
    disk_settle(r);
    node_free(r->node);
    buf_done(&text);
}

/* ---- all of it -------------------------------------------------------------------------------------------
 */

static void run_done(struct run *r) {
    disk_done(&r->disk);
    keyring_done(&r->gossip_keys);
    arena_done(&r->arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (initial.count == 0)
        cluster_make();
    struct run r = {.script = {.data = data, .size = size}, .now_us = 2000 * US_PER_S, .stranger = 0};
    struct secret seed = secret_number(5);
    csprng_init(&r.csprng, &seed);
    if (size % 8 >= 6) {
        (size % 8 == 6 ? founding : newcomer)(&r);
        run_done(&r);
        return 0;
    }
    cluster_open(&r);
    for (unsigned i = 0; i < STEPS_MAX && r.script.size > 0; i++)
        step(&r);
    r.slow_disk = false;
    disk_settle(&r);
    uint64_t index = raft_commit_index(node_raft(r.node));
    node_free(r.node);
    if (!r.may_end) { /* a node that has left may have given its log away */
        node_make(&r, 6, false);
        assert(raft_last_index(node_raft(r.node)) >= index);
        node_free(r.node);
    }
    run_done(&r);
    return 0;
}
