/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * A whole node, leader of a cluster of two, whose other member has the keys and says anything; so do the
 * clients of its admin socket, its shims, and strangers with the join secret. The input is a script: one byte
 * chooses what happens, the next ones say with what. Whatever was said, the node works on: it never ends but
 * by its own operator's word, its work for one input ends, and its log says the same after a restart.
 */
#include <stdlib.h>

#include "node_peer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STEPS_MAX 100
#define REQUESTS  8

/* ---- clients ------------------------------------------------------------------------------------------- */

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

/* ---- shims and the rest of the host -------------------------------------------------------------------- */

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

/* ---- one that joins ------------------------------------------------------------------------------------ */

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

/* ---- all of it ----------------------------------------------------------------------------------------- */

static void run_done(struct run *r) {
    disk_clear(r->disk.files, &r->disk.count);
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
