/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * One host's agent as a pure machine.
 *
 *            datagrams      streams           admin requests      task reports       disk done
 *                |             |                    |                   |                |
 *   +------------v-------------v--------------------v-------------------v----------------v---------+
 *   | gossip.c      peers.c, join.c            reads.c, writes.c     tasks.c, start.c   disk.c     |
 *   |  envelope      who may say what           (the leader's or      report.c            tickets  |
 *   |     |          |        |                  a forward)              |                         |
 *   |   swim      raft <-- log.c --> wal             |                reconcile_node               |
 *   |     |          |                               |                   ^                         |
 *   |     |      committed entries --> apply.c --> state ----------------+                         |
 *   |     |                                          |                                             |
 *   |     +--> leader.c, voters.c: node status, who votes, reconcile_cluster + placement -> propose |
 *   |          learner.c: hosts without a vote pull what is committed, when a voter signed for it  |
 *   +----------------------------------------------------------------------------------------------+
 *
 * How a job comes to run: a write reaches the leader (writes.c, forwarded when this is another node), is
 * proposed, committed and applied on every host; the leader's plan (leader.c) is the next entry; each host
 * sees its own instances in the state, starts what it does not have (tasks.c) and reports facts (report.c),
 * which the leader puts into the log in batches.
 *
 * What waits for what: raft says which ticket a message waits for; such messages are held here (log.c) until
 * the disk has told the ticket. The run's generation is in the journal, durably, before the first packet
 * leaves: an old run's packets can never be taken for a new one's. Nothing that is running is ever stopped
 * but by a committed stop, found in the state.
 *
 * Who is who: a stream is a member's when its static key belongs to a node of the committed table. A stream
 * opened with the join secret may say one thing, join_request. Datagrams are a member's when they open under
 * a gossip key; a sender whose boot counter is not the one swim knows is asked over a stream first
 * (covey/crypto.h, replay windows).
 */
#include "internal.h"

/* ---- making one ---- */

static void copy_pairs(struct arena *a, const struct wire_pair *in, size_t count, struct wire_pair **ret,
                       size_t *ret_count) {
    *ret = count > 0 ? arena_alloc(a, count * sizeof **ret) : NULL;
    *ret_count = count;
    for (size_t i = 0; i < count; i++) {
        (*ret)[i].name = arena_copy(a, in[i].name);
        (*ret)[i].value = arena_copy(a, in[i].value);
    }
}

static void node_describe_self(struct node *n, const struct node_options *o) {
    struct wire_node_record *self = &n->self;
    struct arena *a = &n->options_arena;
    self->id = n->identity.id;
    self->key = n->identity.public_key;
    self->name = arena_copy(a, o->name);
    self->addr = o->addr;
    copy_pairs(a, o->meta, o->meta_count, &self->meta, &self->meta_count);
    copy_pairs(a, o->attributes, o->attributes_count, &self->attributes, &self->attributes_count);
    self->cpu_mhz = o->cpu_mhz;
    self->memory_mib = o->memory_mib;
    self->ports_low = o->ports_low;
    self->ports_high = o->ports_high;
    self->boot = o->boot;
    self->raw_exec = o->raw_exec;
    self->version = arena_copy(a, o->version);
}

static void text_out(struct buf *text, char *ret_text, size_t text_size) {
    size_t size = text->size < text_size - 1 ? text->size : text_size - 1;
    memcpy(ret_text, text->data, size);
    ret_text[size] = 0;
    buf_done(text);
}

static int node_check_options(const struct node_options *o, char *ret_text, size_t text_size) {
    struct buf why = {0};
    if (o->name.size == 0 || o->name.size > WIRE_NAME_MAX)
        buf_printf(&why, "the node's name must have 1 to %d bytes, not %zu", WIRE_NAME_MAX, o->name.size);
    else if (o->ports_low > o->ports_high || o->ports_high > 65535)
        buf_printf(&why, "the port range %u-%u is not one", o->ports_low, o->ports_high);
    if (why.size == 0)
        return 0;
    text_out(&why, ret_text, text_size);
    return ERR_INVALID;
}

static int64_t or_default(int64_t value, int64_t fallback) { return value != 0 ? value : fallback; }

static struct node *node_make(const struct node_options *o, int64_t now_us, int64_t wall_ms) {
    struct node *n = mem_alloc(sizeof *n);
    n->now_us = now_us;
    n->wall_ms = wall_ms;
    identity_init(&n->identity, &o->identity_seed);
    csprng_init(&n->csprng, &o->entropy);
    uint64_t seed;
    csprng_fill(&n->csprng, &seed, sizeof seed);
    prng_init(&n->prng, seed);
    node_describe_self(n, o);
    n->swim_period_us = o->swim_period_us;
    n->heartbeat_us = o->heartbeat_us;
    n->election_min_us = o->election_min_us;
    n->segment_size_bytes = o->segment_size_bytes;
    n->snapshot_entries = o->snapshot_entries != 0 ? o->snapshot_entries : 8192;
    n->trailing_entries = o->trailing_entries;
    n->pulls_max = o->pulls_max != 0 ? o->pulls_max : PULLS_MAX;
    n->state_step = 1;
    while (n->state_step < 256 && n->state_step * 2 <= n->snapshot_entries / 8)
        n->state_step *= 2;
    n->self.format = o->format != 0 ? o->format : WIRE_LOG_FORMAT;
    n->raft_limits = o->raft;
    n->chunk_size_bytes = o->chunk_size_bytes != 0 ? o->chunk_size_bytes : WIRE_CHUNK_MAX;
    n->copy_part_size = o->copy_part_size_bytes;
    n->marks = o->marks;
    n->reconcile_options = (struct reconcile_options){
        .replace_after_us = or_default(o->replace_after_us, 3 * US_PER_S),
        .replace_batch_after_us = 600 * US_PER_S,
        .answer_us = or_default(o->answer_us, 30 * US_PER_S),
        .heal_stable_us = or_default(o->heal_stable_us, 15 * US_PER_S),
        .reschedule_us = 30 * US_PER_S,
        .places_max = 1000,
        .marks = o->marks,
    };
    for (size_t i = 0; i < o->seeds_count; i++)
        VEC_PUSH(&n->seeds, o->seeds[i]);
    n->bootstrap = o->bootstrap;
    n->ticket_next = 1;
    n->stream_next = 2;
    /*
     * What these number is answered by other hosts, whose answers may have been on their way to the last run
     * of this agent: no two runs share a number.
     */
    csprng_fill(&n->csprng, &n->forward_next, sizeof n->forward_next);
    n->forward_next = n->handle_next = n->confirm_next = (n->forward_next >> 1) + 1;
    n->state = state_new();
    n->log_state = bytes_str("ok");
    n->task_root = arena_copy(&n->options_arena, o->task_root);
    n->started_us = now_us;
    n->starts_at_us = TIME_NEVER_US;
    n->report_at_us = n->plan_at_us = TIME_NEVER_US;
    n->facts_dirty = true;
    return n;
}

int node_new(const struct node_options *options, int64_t now_us, int64_t wall_ms, struct node **ret_node,
             char *ret_text, size_t text_size) {
    int error = node_check_options(options, ret_text, text_size);
    if (error != 0)
        return error;
    struct node *n = node_make(options, now_us, wall_ms);
    if (!bytes_empty(options->token)) {
        const char *why = "";
        error = secret_token_parse(options->token, &n->token, &why);
        if (error != 0) {
            struct buf text = {0};
            buf_printf(&text, "the join token: %s", why);
            text_out(&text, ret_text, text_size);
            node_free(n);
            return error;
        }
        n->has_token = true;
    }
    error = node_boot_files(n, options, ret_text, text_size);
    if (error == 0 && !n->in_cluster && n->bootstrap)
        error = node_boot_new_cluster(n);
    if (error != 0) {
        node_free(n);
        return error;
    }
    *ret_node = n;
    return 0;
}

void node_free(struct node *n) {
    if (n == NULL)
        return;
    node_writes_done(n);
    node_tasks_done(n);
    node_peers_done(n);
    for (size_t i = 0; i < n->events.count; i++)
        mem_free((void *)(uintptr_t)n->events.data[i].event.text.data);
    for (size_t i = 0; i < n->held.count; i++)
        mem_free(n->held.data[i].data);
    node_leader_stop(n);
    VEC_DONE(&n->events);
    VEC_DONE(&n->held);
    VEC_DONE(&n->raft_tickets);
    VEC_DONE(&n->acknowledged);
    VEC_DONE(&n->seeds);
    node_op_streams_done(n);
    node_watch_done(n);
    VEC_DONE(&n->remote_logs);
    VEC_DONE(&n->leader_nodes);
    VEC_DONE(&n->facts);
    VEC_DONE(&n->enlightened);
    VEC_DONE(&n->forgotten);
    VEC_DONE(&n->aways);
    node_matrix_done(n);
    arena_done(&n->facts_arena);
    VEC_DONE(&n->reasons);
    VEC_DONE(&n->effects.queue);
    swim_free(n->swim);
    gossip_free(n->gossip);
    raft_free(n->raft);
    wal_free(n->wal);
    journal_free(n->journal);
    node_copy_stop(n);
    state_free(n->state);
    state_free(n->install_state);
    state_load_free(n->loading);
    reconcile_memory_free(n->memory);
    node_handovers_done(n);
    stage_done(&n->stage);
    learn_pick_done(&n->pick);
    buf_done(&n->reseed);
    buf_done(&n->snapshot_file);
    buf_done(&n->incoming);
    buf_done(&n->plain);
    buf_done(&n->sealed);
    buf_done(&n->added);
    buf_done(&n->joined);
    arena_done(&n->effects.arena);
    arena_done(&n->options_arena);
    arena_done(&n->scratch);
    arena_done(&n->cluster_arena);
    arena_done(&n->incoming_arena);
    arena_done(&n->reasons_arena);
    keyring_done(&n->gossip_keys);
    keyring_done(&n->stream_keys);
    csprng_done(&n->csprng);
    identity_done(&n->identity);
    secret_wipe(&n->join_secret, sizeof n->join_secret);
    secret_wipe(&n->token, sizeof n->token);
    mem_free(n);
}

/* ---- feeding ---- */

static void node_add_seed(struct node *n, const struct addr *addr) {
    size_t at = 0, known = n->seeds.count;
    if (addr_equal(addr, &n->self.addr))
        return;
    while (at < known && !addr_equal(&n->seeds.data[at], addr))
        at++;
    /* Names lead elsewhere in time: the oldest gives way, and who has tried all of them tries this one next.
     */
    if (at == known && known >= SEEDS_KEPT)
        VEC_REMOVE(&n->seeds, 0);
    if (at == known)
        VEC_PUSH(&n->seeds, *addr);
    if (at == known && n->seed_next >= known)
        n->seed_next = n->seeds.count - 1;
    if (n->swim != NULL) {
        struct swim_input in = {.kind = SWIM_SEED, .addr = *addr};
        node_gossip_feed(n, &in);
    }
}

/*
 * How good an heir this voter is; 0: none. SWIM holds a host alive for seconds after its power is gone; its
 * stream and its answers to heartbeats end earlier. The best of a poor lot is tried all the same: to hand
 * over to nobody costs an election for certain. One that was named and did not come to lead is poor, too.
 */
static unsigned heir_rank(struct node *n, const struct raft_id *id) {
    struct raft_progress_view progress = {0};
    if (ID_EQUAL(id->node, n->identity.id) || !node_alive(n, id->node))
        return 0;
    (void)raft_progress(n->raft, id, &progress); /* a leader has every other voter's */
    if (progress.refused)
        return 0;
    bool suspect = node_suspects(n, id->node), reachable = node_streams_with(n, id->node);
    bool tried = ID_EQUAL(id->node, n->heir_tried);
    return 1 + (tried ? 0 : 8u) + (progress.caught_up ? 4u : 0) + (reachable ? 2u : 0) + (suspect ? 0 : 1u);
}

bool node_hand_over(struct node *n) {
    if (n->raft == NULL || raft_role(n->raft) != RAFT_LEADER)
        return false;
    const struct wire_raft_config *config = raft_config_now(n->raft);
    struct raft_id heir = {0};
    unsigned best = 0;
    int64_t heard_us = 0;
    for (size_t i = 0; i < config->voters_count; i++) {
        unsigned rank = heir_rank(n, &config->voters[i]);
        struct raft_progress_view progress = {0};
        (void)raft_progress(n->raft, &config->voters[i], &progress);
        if (rank < best || rank == 0 || (rank == best && progress.heard_us <= heard_us))
            continue;
        best = rank;
        heard_us = progress.heard_us;
        heir = config->voters[i];
    }
    if (best > 0 && node_log_feed(n, &(struct raft_input){.kind = RAFT_TRANSFER, .peer = heir}) == 0)
        n->heir_tried = heir.node;
    return best > 0;
}

static void node_shutdown(struct node *n) {
    n->shutting_down = true;
    (void)node_hand_over(n);
}

static void node_dispatch(struct node *n, const struct node_input *in) {
    switch (in->kind) {
    case NODE_TICK: break;
    case NODE_SEED: node_add_seed(n, &in->addr); break;
    case NODE_DATAGRAM: node_gossip_datagram(n, in); break;
    case NODE_STREAM_OPENED: node_stream_opened(n, in); break;
    case NODE_STREAM_MESSAGE: node_stream_message(n, in); break;
    case NODE_STREAM_CLOSED: node_stream_closed(n, in); break;
    case NODE_DISK_DONE: node_disk_done(n, in->ticket); break;
    case NODE_DISK_FAILED: node_disk_failed(n, in->error, in->text); break;
    case NODE_DISK_ROOM: node_room_told(n, in->bytes); break;
    case NODE_TASK_FOUND: node_tasks_found(n, in); break;
    case NODE_TASK_STATUS: node_tasks_status(n, in); break;
    case NODE_TASK_LOST: node_tasks_lost(n, in); break;
    case NODE_TASK_REFUSED: node_tasks_refused(n, in); break;
    case NODE_TASK_KEPT: node_tasks_kept(n, in->instance); break;
    case NODE_SCAN_DONE: n->own_dirty = n->scan_done = n->instances_dirty = n->facts_dirty = true; break;
    case NODE_REQUEST: node_request(n, in->request, in->method, in->data); break;
    case NODE_REQUEST_CLOSED: node_request_closed(n, in->request); break;
    case NODE_CREDIT: node_credit(n, in->request, in->bytes); break;
    case NODE_LOG_DATA: node_log_data(n, in); break;
    case NODE_SHUTDOWN: node_shutdown(n); break;
    }
}

/* Every timer, each cheap when its time has not come; then what the changes of this feed ask for. */
static void node_turn(struct node *n) {
    if (n->exited)
        return;
    node_writes_settle(n);
    if (n->swim != NULL && swim_deadline(n->swim) <= n->now_us)
        node_gossip_feed(n, &(struct swim_input){.kind = SWIM_TICK});
    if (n->raft != NULL && raft_deadline(n->raft) <= n->now_us)
        node_log_feed(n, &(struct raft_input){.kind = RAFT_TICK});
    node_join_tick(n);
    node_room_tick(n);
    node_copy_tick(n);
    node_install_tick(n);
    if (n->raft != NULL) {
        node_dispute_tick(n);
        node_unfit_tick(n);
        node_leader_tick(n);
        node_learner_tick(n);
        node_pull_serve(n);
        node_leave_tick(n);
        node_handovers_tick(n);
    }
    if (n->instances_dirty || n->now_us >= n->starts_at_us)
        node_tasks_reconcile(n);
    node_tasks_journal(n);
    node_facts_tick(n);
    node_report_tick(n);
    node_write_tick(n);
    node_confirm_tick(n);
    node_reasons_tick(n);
    node_matrix_tick(n);
    node_reads_changed(n);
    node_events_flush(n);
}

void node_feed(struct node *n, int64_t now_us, const struct node_input *input) {
    if (n->effects.drained) {
        n->effects.drained = false;
        arena_reset(&n->effects.arena);
    }
    arena_reset(&n->scratch);
    if (now_us > n->now_us)
        n->now_us = now_us;
    n->wall_ms = input->wall_ms;
    n->more_follows = input->more;
    node_dispatch(n, input);
    if (!input->more)
        node_turn(n);
}

int64_t node_deadline(const struct node *n) {
    if (n->exited)
        return TIME_NEVER_US;
    int64_t at = min_us(node_join_deadline(n), node_room_deadline(n));
    at = min_us(at, node_copy_deadline(n));
    at = min_us(at, node_install_deadline(n));
    if (n->swim != NULL)
        at = min_us(at, swim_deadline(n->swim));
    if (n->raft != NULL) {
        at = min_us(at, raft_deadline(n->raft));
        at = min_us(at, node_leader_deadline(n));
        at = min_us(at, node_learner_deadline(n));
        at = min_us(at, node_dispute_deadline(n));
        at = min_us(at, node_unfit_deadline(n));
        at = min_us(at, node_pull_deadline(n));
        at = min_us(at, node_leave_deadline(n));
        at = min_us(at, node_handovers_deadline(n));
    }
    at = min_us(at, node_tasks_deadline(n));
    at = min_us(at, node_report_deadline(n));
    at = min_us(at, node_facts_deadline(n));
    at = min_us(at, node_write_deadline(n));
    at = min_us(at, node_confirm_deadline(n));
    at = min_us(at, node_reasons_deadline(n));
    at = min_us(at, node_matrix_deadline(n));
    return min_us(at, node_reads_deadline(n));
}

/* ---- looking in ---- */

struct node_id node_self(const struct node *n) {
    return n->identity.id;
}

bool node_leads(const struct node *n) { return n->raft != NULL && raft_role(n->raft) == RAFT_LEADER; }

struct node_stream_keys node_stream_keys(const struct node *n) {
    struct node_stream_keys keys = {.identity = &n->identity};
    if (n->in_cluster) {
        keys.cluster = n->cluster.id;
        keys.join_secret = &n->join_secret;
        keys.stream_keys = &n->stream_keys;
    } else if (n->has_token) {
        keys.cluster = n->token.cluster;
        keys.join_secret = &n->token.secret;
    }
    return keys;
}

const struct raft *node_raft(const struct node *n) { return n->raft; }
const struct swim *node_swim(const struct node *n) { return n->swim; }
const struct state *node_state(const struct node *n) { return n->state; }
