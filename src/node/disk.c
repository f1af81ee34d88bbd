/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Tickets, and the files: log, journal, cluster, snapshots. */
#include "internal.h"

#define ROOM_LOOK_US (5 * US_PER_S)
#define ROOM_WANTED  (16u << 20) /* for the log's next files, and twice the snapshot's size */

uint64_t node_disk_ticket(struct node *n) { return n->ticket_next++; }

/* Its bytes stay where they are until the disk has them. */
static void emit_lasting_op(struct node *n, const struct disk_op *op) {
    if (!n->disk_failed)
        node_emit(n, NODE_DISK)->op = *op;
}

/* Bytes of an operation are borrowed from the core that made it: copied into the effects' arena here. */
static void emit_op(struct node *n, const struct disk_op *op) {
    struct disk_op copy = *op;
    copy.data = node_effect_copy(n, op->data);
    emit_lasting_op(n, &copy);
}

void node_disk_flush_wal(struct node *n) {
    struct disk_op op;
    while (wal_drain(n->wal, &op))
        emit_op(n, &op);
}

static uint64_t replace_file(struct node *n, const char *name, struct bytes data) {
    struct disk_op op = {.kind = DISK_REPLACE, .data = data, .ticket = node_disk_ticket(n)};
    memcpy(op.name, name, strlen(name));
    emit_op(n, &op);
    return op.ticket;
}

uint64_t node_journal_write(struct node *n, const struct wire_journal_record *records, size_t count) {
    uint64_t ticket = node_disk_ticket(n);
    int error = journal_append(n->journal, ticket, records, count);
    if (error != 0)
        node_say(n, NODE_ERROR, "the journal does not take a record: %s", err_str(error));
    struct disk_op op;
    while (journal_drain(n->journal, &op))
        emit_op(n, &op);
    return ticket;
}

uint64_t node_cluster_file_save(struct node *n) {
    struct wire_node_files_keys keys = {.cluster = n->cluster,
                                        .log = n->self.log,
                                        .begun = n->log_begun,
                                        .voters = learn_voters_config(&n->proofs.voters),
                                        .voters_index = n->proofs.voters.index};
    size_t count = state_nodes_count(n->state);
    keys.peers = arena_alloc(&n->scratch, (count + n->table_count + 1) * sizeof *keys.peers);
    for (size_t i = 0; i < count; i++) {
        const struct wire_node_record *r = state_node_at(n->state, i);
        if (!ID_EQUAL(r->id, n->identity.id))
            keys.peers[keys.peers_count++] = *r;
    }
    for (size_t i = 0; i < n->table_count && count == 0; i++)
        keys.peers[keys.peers_count++] = n->table[i];
    node_handovers_save(n, &keys);
    struct buf out = {0};
    cluster_file_encode(&keys, &out);
    replace_file(n, CLUSTER_FILE_NAME, buf_bytes(&out));
    uint64_t ticket = replace_file(n, CLUSTER_COPY_NAME, buf_bytes(&out));
    secret_wipe(out.data, out.size);
    buf_done(&out);
    return ticket;
}

/* ---- snapshots ---- */

/* Takes the file, which ends with the state. */
static void snapshot_remember(struct node *n, const struct wire_snapshot_header *header, struct buf *file) {
    struct wire_snapshot_header head = *header; /* what n->proofs has is not kept twice */
    size_t size = (size_t)head.size;
    head.chain = (struct bytes){0};
    head.proof = NULL;
    head.handovers_count = 0;
    codec_copy(&wire_snapshot_header_type, &head, &n->options_arena, &n->snapshot_head);
    buf_done(&n->snapshot_file);
    n->snapshot_file = *file;
    *file = (struct buf){0};
    n->snapshot_bytes = bytes_of(n->snapshot_file.data + n->snapshot_file.size - size, size);
}

void node_snapshot_load(struct node *n, const struct wire_snapshot_header *head, struct bytes state) {
    struct buf copy = {0};
    buf_append(&copy, state.data, state.size);
    snapshot_remember(n, head, &copy);
    node_proofs_load(n, head, state);
    n->snapshot_durable = head->index;
}

/*
 * `bytes` are a state's, behind SNAPSHOT_FRONT: the header is put there, or, if it is too long, both together
 * elsewhere. Returns the file, in `bytes`.
 */
static struct bytes snapshot_file_make(struct node *n, const struct wire_snapshot_header *head,
                                       struct buf *bytes) {
    struct wire_snapshot_header full = *head;
    struct buf front = {0};
    node_proofs_save(n, &full);
    snapshot_head_encode(&full, &front);
    if (front.size > SNAPSHOT_FRONT) {
        buf_append(&front, bytes->data + SNAPSHOT_FRONT, bytes->size - SNAPSHOT_FRONT);
        buf_done(bytes);
        *bytes = front;
        return buf_bytes(bytes);
    }
    size_t skip = SNAPSHOT_FRONT - front.size;
    memcpy(bytes->data + skip, front.data, front.size);
    buf_done(&front);
    return bytes_of(bytes->data + skip, bytes->size - skip);
}

static struct wire_snapshot_header snapshot_head(struct node *n, uint64_t index, uint64_t term,
                                                 const struct wire_raft_config *config, uint64_t size,
                                                 uint32_t checksum) {
    return (struct wire_snapshot_header){
        .identity = {.cluster = n->cluster.id, .node = n->identity.id, .log = n->self.log},
        .index = index,
        .term = term,
        .config = *config,
        .size = size,
        .checksum = checksum,
    };
}

void node_snapshot_write(struct node *n) {
    assert(n->snapshot_ticket == 0); /* the disk may still be reading n->snapshot_file */
    const struct checkpoint *at = &n->copying.at;
    struct wire_raft_config config = learn_voters_config(&at->voters);
    const struct checkpoint *proof = node_checkpoint_recent(n, at->index);
    struct buf *bytes = state_copy_bytes(n->copying.copy);
    struct wire_snapshot_header head = snapshot_head(
        n, at->index, at->term, &config, bytes->size - SNAPSHOT_FRONT, state_copy_checksum(n->copying.copy));
    n->proofs.snapshot = *at;
    n->proofs.snapshot_proven = n->state_wrong == 0 && (node_signs(n) || proof != NULL);
    if (n->proofs.snapshot_proven && !node_signs(n))
        n->proofs.snapshot = *proof;
    else
        n->proofs.snapshot.key = n->identity.public_key;
    n->proofs.snapshot_us = proof != NULL ? 0 : n->now_us;
    n->log_bytes_applied -= n->copying.log_bytes;
    n->snapshot_ticket = node_disk_ticket(n);
    n->snapshot_index = at->index;
    struct disk_op op = {.kind = DISK_REPLACE, .lasting = true, .ticket = n->snapshot_ticket};
    op.data = snapshot_file_make(n, &head, bytes);
    snapshot_remember(n, &head, bytes);
    snapshot_name(at->index, op.name);
    emit_lasting_op(n, &op);
}

bool node_snapshot_busy(const struct node *n) {
    return n->snapshot_ticket != 0 || node_installs(n) || n->disk_failed;
}

bool node_snapshot_whole(struct node *n) {
    if (node_snapshot_busy(n))
        return false;
    if (n->snapshot_durable == n->applied_index)
        return true;
    node_snapshot_now(n);
    return false;
}

static void snapshot_done(struct node *n) {
    char name[WAL_NAME_SIZE];
    if (n->snapshot_durable != 0 && n->snapshot_durable != n->snapshot_index) {
        snapshot_name(n->snapshot_durable, name);
        struct disk_op op = {.kind = DISK_REMOVE};
        memcpy(op.name, name, WAL_NAME_SIZE);
        emit_op(n, &op);
    }
    n->snapshot_durable = n->snapshot_index;
    n->snapshot_ticket = 0;
    struct raft_input in = {.kind = RAFT_SNAPSHOT_TAKEN, .index = n->snapshot_index};
    node_log_feed(n, &in);
}

struct state *node_state_of(const struct node *n, struct bytes snapshot, uint64_t index,
                            uint32_t *ret_format) {
    struct state *s = state_new();
    bool sound = state_restore(s, snapshot) == 0 && state_index(s) == index;
    *ret_format = sound && state_format_used(s) > n->self.format ? state_format_used(s) : 0;
    if (sound && *ret_format == 0)
        return s;
    state_free(s);
    return NULL;
}

/* What a peer gave is what a voter signed? A leader's word on its own needs none. */
static bool install_proven(struct node *n, uint64_t index, uint64_t term, const uint8_t *hash) {
    const struct checkpoint *proof = &n->incoming_proof;
    if (!n->incoming_pulled)
        return true;
    if (proof->index == index && proof->term == term && memcmp(proof->state, hash, STATE_HASH_SIZE) == 0)
        return true;
    node_learner_lied(n, n->pull_from, "gave a snapshot that is not what a voter signed");
    return false;
}

/* The word that comes with the snapshot on its way in; from a leader there may be none. */
static void install_proof(struct node *n, uint64_t index, uint64_t term, const uint8_t *hash) {
    struct proofs *p = &n->proofs;
    p->snapshot_proven = n->incoming_pulled;
    if (n->incoming_pulled) {
        p->snapshot = n->incoming_proof;
        return;
    }
    p->snapshot = (struct checkpoint){.generation = n->cluster.generation,
                                      .recovery = n->cluster.recovery,
                                      .term = term,
                                      .index = index,
                                      .chain = n->incoming_chain,
                                      .has_voters = true,
                                      .has_state = true};
    learn_voters_set(&p->snapshot.voters, index, &n->incoming_config);
    memcpy(p->snapshot.state, hash, STATE_HASH_SIZE);
}

static void install_refuse(struct node *n, enum raft_input_kind why) {
    buf_done(&n->incoming);
    n->incoming_index = 0;
    (void)node_log_feed(n, &(struct raft_input){.kind = why});
}

bool node_installs(const struct node *n) { return n->loading != NULL || n->install_ticket != 0; }

static struct bytes incoming_state(const struct node *n) {
    return bytes_of(n->incoming.data + SNAPSHOT_FRONT, n->incoming.size - SNAPSHOT_FRONT);
}

/*
 * A snapshot from elsewhere has come. It is read in turns, as the own ones are made; then it goes onto the
 * disk, and then takes the place of the state.
 */
void node_install_start(struct node *n, uint64_t index, uint64_t term) {
    assert(!node_installs(n) && n->incoming_index == index);
    n->install_index = index;
    n->install_term = term;
    n->loading = state_load_new(incoming_state(n));
    node_install_tick(n);
}

/* The state, if it is one and known here; else whoever has to know that is told why. */
static struct state *install_judge(struct node *n, struct state *s, const uint8_t hash[STATE_HASH_SIZE],
                                   uint32_t checksum) {
    uint64_t index = n->install_index;
    bool whole = incoming_state(n).size == n->incoming_total && checksum == n->incoming_checksum &&
                 install_proven(n, index, n->install_term, hash);
    uint32_t format = s != NULL ? state_format_used(s) : 0;
    if (whole && s != NULL && state_index(s) == index && format <= n->self.format)
        return s;
    if (whole)
        node_snapshot_unreadable(n, index, hash, format > n->self.format ? format : 0);
    else
        node_say(n, NODE_ERROR, "the snapshot at index %llu arrived damaged; it is asked for again",
                 (unsigned long long)index);
    state_free(s);
    install_refuse(n, whole ? RAFT_UNREADABLE : RAFT_INSTALLED);
    return NULL;
}

/* Onto the disk. */
static void install_write(struct node *n, const uint8_t hash[STATE_HASH_SIZE]) {
    struct wire_snapshot_header head = snapshot_head(
        n, n->install_index, n->install_term, &n->incoming_config, n->incoming_total, n->incoming_checksum);
    struct checkpoint old = n->proofs.snapshot;
    bool old_proven = n->proofs.snapshot_proven;
    char name[WAL_NAME_SIZE];
    snapshot_name(n->install_index, name);
    install_proof(n, n->install_index, n->install_term, hash);
    struct bytes file = snapshot_file_make(n, &head, &n->incoming);
    n->install_ticket = replace_file(n, name, file);
    n->install_proof = n->proofs.snapshot;
    n->install_proven = n->proofs.snapshot_proven;
    n->proofs.snapshot = old; /* until it is installed, the one before is that at hand */
    n->proofs.snapshot_proven = old_proven;
}

void node_install_tick(struct node *n) {
    if (n->loading == NULL || n->disk_failed || !state_load_step(n->loading, node_part_size(n)))
        return;
    uint8_t hash[STATE_HASH_SIZE];
    state_load_hash(n->loading, hash);
    uint32_t checksum = state_load_checksum(n->loading);
    struct state *s = state_load_take(n->loading);
    state_load_free(n->loading);
    n->loading = NULL;
    n->install_state = install_judge(n, s, hash, checksum);
    if (n->install_state != NULL)
        install_write(n, hash);
}

int64_t node_install_deadline(const struct node *n) {
    return n->loading != NULL && !n->disk_failed ? n->now_us : TIME_NEVER_US;
}

static void install_done(struct node *n) {
    uint64_t old = n->snapshot_durable;
    n->install_ticket = 0;
    node_copy_stop(n);
    struct state *before = n->state;
    n->state = n->install_state;
    n->install_state = NULL;
    node_apply_replaced(n, before);
    state_free(before);
    struct wire_snapshot_header head = snapshot_head(
        n, n->install_index, n->install_term, &n->incoming_config, n->incoming_total, n->incoming_checksum);
    snapshot_remember(n, &head, &n->incoming);
    n->snapshot_durable = n->applied_index = n->install_index;
    n->applied_us = n->now_us;
    n->proofs.snapshot = n->install_proof;
    n->proofs.snapshot_proven = n->install_proven;
    n->proofs.snapshot_us = 0;
    n->proofs.chain = n->install_proof.chain;
    node_voters_learn(n, n->install_index, &n->incoming_config);
    n->format_wanted = 0;
    node_snapshot_overcome(n);
    node_state_righted(n);
    if (old != 0 && old != n->snapshot_durable) {
        struct disk_op op = {.kind = DISK_REMOVE};
        snapshot_name(old, op.name);
        emit_op(n, &op);
    }
    buf_done(&n->incoming);
    n->incoming_index = 0;
    struct raft_input in = {.kind = RAFT_INSTALLED, .index = n->install_index};
    node_log_feed(n, &in);
    node_apply_changes(n);
}

/* Raft takes the chunks of one snapshot, from its first byte on, and each where the one before ended. */
void node_install_chunk(struct node *n, const struct wire_snapshot_chunk *c) {
    if (c->offset == 0) {
        buf_clear(&n->incoming);
        buf_reserve(&n->incoming, SNAPSHOT_FRONT);
        n->incoming.size = SNAPSHOT_FRONT;
        n->incoming_index = c->index;
        n->incoming_pulled = false;
        n->incoming_chain = (struct chain){{0}};
        if (c->chain.size == CHAIN_SIZE)
            memcpy(n->incoming_chain.b, c->chain.data, CHAIN_SIZE);
        n->incoming_total = c->total_size;
        n->incoming_checksum = c->checksum;
        arena_reset(&n->incoming_arena);
        codec_copy(&wire_raft_config_type, &c->config, &n->incoming_arena, &n->incoming_config);
    }
    n->incoming_pulled |= n->pull_feeding;
    buf_append(&n->incoming, c->data.data, c->data.size);
}

/* ---- done and failed ---- */

static void in_order_done(struct node *n, uint64_t ticket) {
    n->ticket_done = ticket;
    if (n->boot_ticket != 0 && n->boot_ticket <= ticket) {
        n->boot_ticket = 0;
        if (n->in_cluster)
            node_gossip_start(n);
    }
    if (n->ends_ticket != 0 && n->ends_ticket <= ticket) {
        n->ends_ticket = 0;
        n->facts_dirty = true;
    }
    if (n->raft != NULL)
        node_log_persisted(n);
}

/*
 * A snapshot made here is told by itself: what was written behind it may have been told before. One that came
 * from elsewhere meanwhile takes its place only then.
 */
void node_disk_done(struct node *n, uint64_t ticket) {
    if (ticket > n->ticket_done)
        in_order_done(n, ticket);
    if (n->snapshot_ticket != 0 && n->snapshot_ticket == ticket)
        snapshot_done(n);
    if (n->install_ticket != 0 && n->install_ticket <= n->ticket_done && n->snapshot_ticket == 0)
        install_done(n);
}

void node_disk_failed(struct node *n, int error, struct bytes text) {
    if (n->disk_failed)
        return;
    n->disk_failed = n->facts_dirty = true;
    node_mark(n, error == ERR_NO_SPACE ? MARK_DISK_FULL : MARK_DISK_FAILED);
    bool full = error == ERR_NO_SPACE;
    n->log_state = bytes_str(arena_printf(&n->options_arena,
                                          "the disk failed (%s): %.*s; no vote and no acknowledgement until "
                                          "%sthe agent is started again",
                                          err_str(error), BYTES_FMT(text), full ? "there is room, or " : ""));
    if (full)
        n->room_look_us = n->now_us + ROOM_LOOK_US;
    node_say(n, NODE_ERROR, "%.*s. Tasks go on running", BYTES_FMT(n->log_state));
    if (n->raft != NULL) {
        struct raft_input in = {.kind = RAFT_DISK_FAILED};
        node_log_feed(n, &in);
    }
}

/* ---- a disk that was full ---- */

void node_room_tick(struct node *n) {
    if (n->room_look_us == 0 || n->now_us < n->room_look_us)
        return;
    n->room_look_us = n->now_us + ROOM_LOOK_US;
    node_emit(n, NODE_DISK_LOOK);
}

int64_t node_room_deadline(const struct node *n) {
    return n->room_look_us != 0 ? n->room_look_us : TIME_NEVER_US;
}

/*
 * What could not be written is not tried again: nobody knows what of it is there. The agent begins anew, as
 * it would after a crash, and finds out.
 */
void node_room_told(struct node *n, uint64_t bytes) {
    uint64_t wanted = ROOM_WANTED + 2 * (uint64_t)n->snapshot_bytes.size;
    if (n->room_look_us == 0 || n->restarting || n->shutting_down || bytes < wanted)
        return;
    n->room_look_us = 0;
    node_mark(n, MARK_DISK_ROOM);
    node_begin_anew(n, "the disk has room again");
}
