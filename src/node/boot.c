/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Start: what the data directory holds becomes a node again; or a new cluster is made. */
#include "internal.h"

static const struct disk_file *file_find(const struct node_options *o, const char *name) {
    for (size_t i = 0; i < o->files_count; i++)
        if (strcmp(o->files[i].name, name) == 0)
            return &o->files[i];
    return NULL;
}

static bool name_starts(const char *name, const char *prefix) {
    return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* Keeps a damaged or foreign file under another name: nothing is lost, and nothing is believed. */
static void move_aside(struct node *n, const struct disk_file *f) {
    struct node_effect *e = node_emit(n, NODE_DISK);
    e->op.kind = DISK_SET_ASIDE;
    memcpy(e->op.name, f->name, WAL_NAME_SIZE);
}

/* ---- the file `cluster` ---- */

static int cluster_file_load(struct node *n, const struct disk_file *f, char *ret_text, size_t text_size) {
    struct wire_node_files_keys keys;
    int error = cluster_file_decode(f->data, &n->options_arena, &keys, ret_text, text_size);
    if (error != 0)
        return error;
    arena_reset(&n->cluster_arena);
    codec_copy(&wire_cluster_record_type, &keys.cluster, &n->cluster_arena, &n->cluster);
    n->self.log = keys.log;
    n->log_begun = keys.begun;
    n->in_cluster = true;
    node_voters_learn(n, keys.voters_index, &keys.voters);
    node_handovers_load(n, keys.handovers, keys.handovers_count);
    node_cluster_keys(n);
    n->table = arena_alloc(&n->options_arena, (keys.peers_count + 1) * sizeof *n->table);
    /* Some of them are seeds, other ones at every host: there must be room for what names lead to today. */
    size_t first = keys.peers_count > SEEDS_OF_TABLE ? keys.peers_count * n->identity.id.b[0] / 256 : 0;
    for (size_t i = 0; i < keys.peers_count; i++) {
        const struct addr *addr = &keys.peers[(first + i) % keys.peers_count].addr;
        codec_copy(&wire_node_record_type, &keys.peers[i], &n->options_arena, &n->table[n->table_count++]);
        node_trust(n, &keys.peers[i]);
        if (addr->size != 0 && n->seeds.count < SEEDS_OF_TABLE)
            VEC_PUSH(&n->seeds, *addr);
    }
    return 0;
}

/* The file or else its copy. They differ after a crash between the two, or when one is damaged. */
static int cluster_files_load(struct node *n, const struct node_options *o, char *ret_text,
                              size_t text_size) {
    const struct disk_file *file = file_find(o, CLUSTER_FILE_NAME);
    const struct disk_file *copy = file_find(o, CLUSTER_COPY_NAME);
    if (file == NULL && copy == NULL)
        return 0;
    int error = cluster_file_load(n, file != NULL ? file : copy, ret_text, text_size);
    char text[200];
    bool tried = file == NULL || copy == NULL;
    if (error != 0 && !tried && cluster_file_load(n, copy, text, sizeof text) == 0) {
        node_say(n, NODE_WARNING, "%s: %s; its copy is used: watch this disk", CLUSTER_FILE_NAME, ret_text);
        error = 0;
    }
    if (error != 0)
        return error;
    n->table_dirty = file == NULL || copy == NULL || !bytes_equal(file->data, copy->data);
    return 0;
}

static void keys_add(struct keyring *ring, const struct wire_secret_key *keys, size_t count) {
    struct secret key;
    for (size_t i = 0; i < count; i++)
        if (keys[i].key.size == sizeof key.b) {
            memcpy(key.b, keys[i].key.data, sizeof key.b);
            (void)keyring_add(ring, (uint8_t)keys[i].key_id, &key);
        }
    secret_wipe(&key, sizeof key);
}

void node_cluster_keys(struct node *n) {
    keyring_done(&n->gossip_keys);
    keyring_done(&n->stream_keys);
    n->gossip_keys = n->stream_keys = (struct keyring){0};
    keys_add(&n->gossip_keys, n->cluster.gossip_keys, n->cluster.gossip_keys_count);
    keys_add(&n->stream_keys, n->cluster.stream_keys, n->cluster.stream_keys_count);
    if (n->cluster.join_secret.size == sizeof n->join_secret.b)
        memcpy(n->join_secret.b, n->cluster.join_secret.data, sizeof n->join_secret.b);
}

/* ---- the journal ---- */

static void boot_journal(struct node *n, const struct node_options *o) {
    struct journal_recovery recovery;
    journal_recover(o->files, o->files_count, &n->identity.id, &n->options_arena, &recovery);
    bool usable = recovery.verdict != JOURNAL_FOREIGN && recovery.verdict != JOURNAL_VERSION;
    if (recovery.verdict != JOURNAL_EMPTY && recovery.verdict != JOURNAL_CLEAN) {
        node_mark(n, MARK_JOURNAL_DAMAGED);
        node_say(n, NODE_WARNING, "%s", recovery.text);
    }
    if (!usable)
        for (size_t i = 0; i < o->files_count; i++)
            if (strcmp(o->files[i].name, JOURNAL_FILE_NAME) == 0)
                move_aside(n, &o->files[i]);
    n->journal = journal_new(&n->identity.id, o->files, usable ? o->files_count : 0);
    n->generation = (usable && recovery.has_boot ? recovery.boot.generation : 0) + 1;
    n->self.generation = n->generation;
    struct wire_journal_boot boot = {.generation = n->generation, .boot = n->self.boot};
    n->boot_ticket = node_journal_write(n, &(struct wire_journal_record){.boot = &boot}, 1);
    if (usable && recovery.facts_count > 0)
        node_mark(n, MARK_JOURNAL_REPLAYED);
    for (size_t i = 0; usable && i < recovery.facts_count; i++)
        node_tasks_remember(n, &recovery.facts[i]);
}

/* ---- the log and the snapshot ---- */

/* One of a later format is not set aside, and the log with it: the later version finds everything as it was.
 */
static int boot_snapshot(struct node *n, const struct node_options *o,
                         const struct wire_log_identity *identity, char *ret_text, size_t text_size) {
    const struct disk_file *best = NULL;
    /* Of any life of this host's log: what a snapshot holds was committed. */
    struct wire_log_identity any = {.cluster = identity->cluster, .node = identity->node};
    for (size_t i = 0; i < o->files_count; i++) {
        const struct disk_file *f = &o->files[i];
        if (!name_starts(f->name, "snapshot-"))
            continue;
        struct wire_snapshot_header head;
        struct bytes state;
        char text[200];
        int error = snapshot_decode(f->data, &any, &n->options_arena, &head, &state, text, sizeof text);
        const char *why = text;
        if (error == 0 && best != NULL && head.index <= n->snapshot_head.index)
            continue;
        uint32_t format = 0;
        struct state *restored = error == 0 ? node_state_of(n, state, head.index, &format) : NULL;
        if (format != 0) {
            why = arena_printf(&n->options_arena,
                               "%s is of log format %u, and this version knows formats up to %u: "
                               "start the later one again (nothing was changed)",
                               f->name, format, n->self.format);
            size_t size = min_size(strlen(why), text_size - 1);
            memcpy(ret_text, why, size);
            ret_text[size] = 0;
            return ERR_VERSION;
        }
        if (restored != NULL) {
            best = f;
            state_free(n->state);
            n->state = restored;
            node_snapshot_load(n, &head, state);
            node_mark(n, MARK_SNAPSHOT_RESTORED);
            continue;
        }
        if (error == 0)
            why = "the state in it is not sound";
        node_mark(n, MARK_SNAPSHOT_DAMAGED);
        node_say(n, NODE_ERROR, "%s: %s; kept as bad-%s", f->name, why, f->name);
        move_aside(n, f);
    }
    return 0;
}

/* The new id first: what is then still there of the old log is another's, however few of its files. */
static void log_id_renew(struct node *n, const char *why) {
    csprng_fill(&n->csprng, n->self.log.b, sizeof n->self.log.b);
    n->log_begun = false;
    n->log_id_ticket = node_cluster_file_save(n);
    n->log_damaged = true;
    n->log_state = bytes_str(arena_printf(&n->options_arena, "re-seeding under a new raft id: %s", why));
    node_say(
        n, NODE_ERROR,
        "the log is not used: %s. It is kept under bad-log-*; this host votes no more as its old self, takes "
        "the log from the others, and keeps its tasks running",
        why);
}

static void log_renew(struct node *n, const struct node_options *o, const char *why) {
    log_id_renew(n, why);
    for (size_t i = 0; i < o->files_count; i++)
        if (name_starts(o->files[i].name, "log-") || name_starts(o->files[i].name, "vote-"))
            move_aside(n, &o->files[i]);
}

/* false: what was restored has a gap. */
static bool raft_start(struct node *n, const struct raft_restored *restored) {
    struct raft_options options = {
        .self = {.node = n->identity.id, .log = n->self.log},
        .generation = n->cluster.generation,
        .recovery = n->cluster.recovery,
        .seed = prng_next(&n->prng),
        .marks = n->marks,
        .trailing_entries = n->trailing_entries,
        .inflight_max = n->raft_limits.inflight_max,
        .inflight_bytes_max = n->raft_limits.inflight_bytes_max,
        .message_bytes_max = n->raft_limits.message_bytes_max,
        .uncommitted_bytes_max = n->raft_limits.uncommitted_bytes_max,
        .trailing_bytes = n->raft_limits.trailing_bytes,
        .heartbeat_us = n->heartbeat_us,
        .election_min_us = n->election_min_us,
    };
    n->raft = raft_new(&options, restored, n->now_us);
    n->applied_index = state_index(n->state);
    return n->raft != NULL;
}

static struct wire_log_identity log_identity(const struct node *n) {
    return (struct wire_log_identity){.cluster = n->cluster.id, .node = n->identity.id, .log = n->self.log};
}

static int boot_log(struct node *n, const struct node_options *o, char *ret_text, size_t text_size) {
    struct wire_log_identity identity = log_identity(n);
    struct wal_recovery found;
    wal_recover(o->files, o->files_count, &identity, &n->options_arena, &found);
    int error = boot_snapshot(n, o, &identity, ret_text, text_size);
    if (error != 0)
        return error;
    const char *bad = NULL;
    if (found.verdict == WAL_CORRUPT || found.verdict == WAL_FOREIGN || found.verdict == WAL_VERSION)
        bad = found.text;
    else if (found.verdict == WAL_EMPTY && n->log_begun)
        bad = "its files are gone";
    else if (found.base_index > n->snapshot_head.index)
        bad = "the entries between the snapshot and the log are missing";
    /* A cluster that was made here and came no further: who joins one knows of others. Nobody was told of
     * what a first batch that a crash cut may have left of a vote. */
    n->make_again = bad == NULL && !n->log_begun && n->table_count == 0 && n->snapshot_head.index == 0 &&
                    found.entries_count == 0 && found.base_index == 0;
    if (bad == NULL) {
        struct wal_options options = {.identity = identity, .segment_size_bytes = n->segment_size_bytes};
        struct raft_restored restored = {
            .hard = found.hard,
            .snapshot_index = n->snapshot_head.index,
            .snapshot_term = n->snapshot_head.term,
            .snapshot_config = n->snapshot_head.config,
            .entries = found.entries,
            .entries_count = found.entries_count,
        };
        if (found.verdict == WAL_TORN) {
            node_mark(n, MARK_WAL_TORN);
            node_say(n, NODE_WARNING, "%s", found.text);
        }
        if (found.vote_damaged)
            node_mark(n, MARK_WAL_VOTE_REPAIRED);
        if (n->make_again)
            restored.hard = (struct wire_hard_state){0};
        if (raft_start(n, &restored)) {
            n->wal = wal_new(&options, o->files, o->files_count);
            n->hard = restored.hard;
            if (!n->log_begun && found.entries_count > 0) {
                n->log_begun = true;
                (void)node_cluster_file_save(n);
            }
            return 0;
        }
        bad = "its entries have a gap";
    }
    node_mark(n, found.verdict == WAL_EMPTY ? MARK_WAL_LOST : MARK_WAL_CORRUPT);
    log_renew(n, o, bad);
    struct wal_options options = {.identity = log_identity(n), .segment_size_bytes = n->segment_size_bytes};
    struct raft_restored restored = {.snapshot_index = n->snapshot_head.index,
                                     .snapshot_term = n->snapshot_head.term,
                                     .snapshot_config = n->snapshot_head.config};
    n->wal = wal_new(&options, NULL, 0);
    bool started = raft_start(n, &restored);
    assert(started);
    (void)started;
    return 0;
}

/*
 * In a running agent. What it knows stays: all of it is in the snapshot that the new log begins with, so the
 * state never goes back and no task notices. What the old raft still had to say is not said: its promises
 * were made in the name of a log that is given up here.
 */
void node_log_renew(struct node *n, const char *why) {
    assert(n->snapshot_durable == n->applied_index && n->snapshot_ticket == 0 && !node_installs(n));
    assert(!n->log_draining && raft_role(n->raft) != RAFT_LEADER);
    log_id_renew(n, why);
    wal_set_aside(n->wal);
    node_disk_flush_wal(n);
    wal_free(n->wal);
    struct wal_options options = {.identity = log_identity(n), .segment_size_bytes = n->segment_size_bytes};
    n->wal = wal_new(&options, NULL, 0);
    for (size_t i = 0; i < n->held.count; i++)
        mem_free(n->held.data[i].data);
    for (size_t i = 0; i < n->peers.count; i++) { /* nor what waits for a stream */
        struct peer *p = n->peers.entries[i].value;
        buf_clear(&p->queue);
        p->queue_count = 0;
    }
    n->held.count = n->raft_tickets.count = 0;
    n->raft_ticket_done = 0;
    n->hard = (struct wire_hard_state){0};
    buf_clear(&n->incoming);
    n->incoming_index = 0;
    n->pull_sent_next = 0;
    raft_free(n->raft);
    struct raft_restored restored = {.snapshot_index = n->snapshot_head.index,
                                     .snapshot_term = n->snapshot_head.term,
                                     .snapshot_config = n->snapshot_head.config};
    bool started = raft_start(n, &restored);
    assert(started);
    (void)started;
    n->facts_dirty = n->self_dirty = true;
    node_log_drain(n);
}

int node_boot_files(struct node *n, const struct node_options *o, char *ret_text, size_t text_size) {
    boot_journal(n, o);
    int error = cluster_files_load(n, o, ret_text, text_size);
    if (error != 0 || !n->in_cluster)
        return error;
    if (n->has_token && !ID_EQUAL(n->token.cluster, n->cluster.id))
        node_say(n, NODE_WARNING,
                 "this host is already a member of a cluster; the token is another one's and is not used");
    error = boot_log(n, o, ret_text, text_size);
    if (error != 0)
        return error;
    node_disk_flush_wal(n);
    if (n->make_again) {
        error = raft_bootstrap(n->raft, n->now_us);
        assert(error == 0);
    }
    node_log_drain(n);
    return 0;
}

/* ---- a cluster made or joined ---- */

void node_enter_cluster(struct node *n, const struct wire_cluster_record *cluster) {
    arena_reset(&n->cluster_arena);
    codec_copy(&wire_cluster_record_type, cluster, &n->cluster_arena, &n->cluster);
    n->in_cluster = true;
    node_cluster_keys(n);
    if (ID_IS_ZERO(n->self.log))
        csprng_fill(&n->csprng, n->self.log.b, sizeof n->self.log.b);
    n->log_id_ticket = node_cluster_file_save(n);
    struct wal_options options = {.identity = log_identity(n), .segment_size_bytes = n->segment_size_bytes};
    n->wal = wal_new(&options, NULL, 0);
    bool started = raft_start(n, NULL);
    assert(started);
    (void)started;
    node_disk_flush_wal(n);
    node_gossip_start(n);
}

static struct bytes random_key(struct node *n) {
    uint8_t *key = arena_alloc(&n->options_arena, 32);
    csprng_fill(&n->csprng, key, 32);
    return bytes_of(key, 32);
}

int node_boot_new_cluster(struct node *n) {
    struct wire_secret_key gossip = {.key_id = 1, .key = random_key(n)};
    struct wire_secret_key stream = {.key_id = 1, .key = random_key(n)};
    struct wire_cluster_record cluster = {
        .gossip_keys = &gossip,
        .gossip_keys_count = 1,
        .stream_keys = &stream,
        .stream_keys_count = 1,
        .join_secret = random_key(n),
        .created_ms = n->wall_ms,
    };
    csprng_fill(&n->csprng, cluster.id.b, sizeof cluster.id.b);
    csprng_fill(&n->csprng, cluster.recovery.b, sizeof cluster.recovery.b);
    cluster.generation = 1;
    if (n->has_token) {
        cluster.id = n->token.cluster;
        cluster.join_secret = bytes_of(n->token.secret.b, sizeof n->token.secret.b);
    }
    n->self.joined_ms = n->wall_ms;
    node_enter_cluster(n, &cluster);
    int error = raft_bootstrap(n->raft, n->now_us);
    assert(error == 0);
    node_log_drain(n);
    return 0;
}
