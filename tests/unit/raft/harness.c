/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* The world: events in order of (time, sequence), and what each effect does. */
#include "harness.h"

#include <stdio.h>
#include <sys/types.h>

#include <criterion/criterion.h>

enum event_kind { EVENT_MESSAGE, EVENT_DISK, EVENT_INSTALL };
struct event {
    int64_t at_us;
    uint64_t seq;
    enum event_kind kind;
    size_t node;
    uint32_t run;
    struct buf message;
};

/* ---- events -------------------------------------------------------------------------------------------- */

static bool event_before(const struct event *x, const struct event *y) {
    return x->at_us < y->at_us || (x->at_us == y->at_us && x->seq < y->seq);
}

static struct event *event_add(struct world *w, int64_t at_us, enum event_kind kind, size_t node) {
    struct event *e = mem_alloc(sizeof *e);
    *e = (struct event){
        .at_us = at_us, .seq = ++w->seq, .kind = kind, .node = node, .run = w->nodes[node].run};
    VEC_PUSH(&w->events, e);
    size_t i = w->events.count - 1;
    for (; i > 0 && event_before(e, w->events.data[(i - 1) / 2]); i = (i - 1) / 2)
        w->events.data[i] = w->events.data[(i - 1) / 2];
    w->events.data[i] = e;
    return e;
}

static struct event *event_take(struct world *w) {
    struct event *first = w->events.data[0], *last = w->events.data[--w->events.count];
    size_t i = 0, count = w->events.count;
    while (2 * i + 1 < count) {
        size_t child = 2 * i + 1;
        if (child + 1 < count && event_before(w->events.data[child + 1], w->events.data[child]))
            child++;
        if (!event_before(w->events.data[child], last))
            break;
        w->events.data[i] = w->events.data[child];
        i = child;
    }
    if (count > 0)
        w->events.data[i] = last;
    return first;
}

static void event_free(struct event *e) {
    buf_done(&e->message);
    mem_free(e);
}

static void trace(struct world *w, uint64_t kind, uint64_t value, struct bytes data) {
    w->trace = chain_next(w->trace ^ (uint64_t)w->now_us, kind, value, ENTRY_KIND_NOOP, data);
}

/* ---- disks --------------------------------------------------------------------------------------------- */

static void disk_begin(struct world *w, size_t i) {
    struct node *n = &w->nodes[i];
    if (n->batch && !n->disk_stalled)
        event_add(w, w->now_us + prng_between(&w->prng, w->disk_min_us, w->disk_max_us), EVENT_DISK, i);
}

void disk_stall(struct world *w, size_t i, bool stalled) {
    w->nodes[i].disk_stalled = stalled;
    disk_begin(w, i);
}

/* ---- effects ------------------------------------------------------------------------------------------- */

static void sent_count(struct node *n, const struct wire_raft_message *m) {
    n->sent_timeout_now += m->timeout_now;
    if (m->append_request) {
        n->sent_append++;
        n->sent_append_entries += m->append_request->entries_count > 0;
        n->sent_entries += (unsigned)m->append_request->entries_count;
    }
    if (m->append_response) {
        n->sent_append_response++;
        n->sent_refusals += !m->append_response->success;
    }
    if (m->vote_request) {
        n->sent_pre_vote += m->vote_request->pre;
        n->sent_vote += !m->vote_request->pre;
    }
    if (m->vote_response) {
        n->sent_vote_response++;
        n->sent_granted += !m->vote_response->pre && m->vote_response->granted;
        n->sent_pre_granted += m->vote_response->pre && m->vote_response->granted;
    }
    n->sent_snapshot += m->snapshot_chunk != NULL;
    n->sent_snapshot_response += m->snapshot_response != NULL;
}

static void message_queue(struct world *w, size_t to, const struct buf *message) {
    struct event *e =
        event_add(w, w->now_us + prng_between(&w->prng, w->delay_min_us, w->delay_max_us), EVENT_MESSAGE, to);
    buf_append(&e->message, message->data, message->size);
}

static void message_decode(struct bytes in, struct arena *a, struct wire_raft_message *ret) {
    struct codec_fault fault;
    int err = codec_decode(&wire_raft_message_type, in, a, ret, &fault);
    cr_assert_eq(err, 0, "a message that was sent cannot be read: %s %s", fault.path, fault.what);
}

/* The message leaves: its ticket is durable. */
static void message_leave(struct world *w, size_t from, const struct buf *message) {
    struct node *n = &w->nodes[from];
    struct arena a = {0};
    struct wire_raft_message m;
    message_decode(buf_bytes(message), &a, &m);
    sent_count(n, &m);
    trace(w, from, 1, buf_bytes(message));
    if (m.vote_response && !m.vote_response->pre && m.vote_response->granted)
        checker_vote(w->checker, n, m.term, &m.to);
    if (m.vote_request && !m.vote_request->pre)
        checker_vote(w->checker, n, m.term, &m.from); /* whoever asks has voted for itself */
    size_t to = world_index_of(w, &m.to);
    bool lost = w->filter && to != NOBODY && !w->filter(w, from, to, &m);
    arena_done(&a);
    if (w->capture) {
        struct buf copy = {0};
        buf_append(&copy, message->data, message->size);
        VEC_PUSH(&w->captured, copy);
    }
    if (to == NOBODY || lost || w->cut[from][to] || prng_chance(&w->prng, w->drop_millionths))
        return;
    message_queue(w, to, message);
    if (prng_chance(&w->prng, w->repeat_millionths))
        message_queue(w, to, message);
}

static void on_send(struct world *w, size_t i, const struct raft_effect *f) {
    struct node *n = &w->nodes[i];
    struct buf message = {0};
    codec_encode(&wire_raft_message_type, f->message, &message);
    if (f->after <= n->durable) {
        message_leave(w, i, &message);
        buf_done(&message);
        return;
    }
    struct held held = {.after = f->after, .message = message};
    VEC_PUSH(&n->held, held);
}

static void held_release(struct world *w, size_t i) {
    struct node *n = &w->nodes[i];
    size_t kept = 0;
    for (size_t k = 0; k < n->held.count; k++) {
        struct held h = n->held.data[k];
        if (h.after <= n->durable) {
            message_leave(w, i, &h.message);
            buf_done(&h.message);
        } else {
            n->held.data[kept++] = h;
        }
    }
    n->held.count = kept;
}

static void on_persist(struct world *w, size_t i, const struct raft_effect *f) {
    struct node *n = &w->nodes[i];
    cr_assert_null(n->batch, "a ticket was handed out while one is under way");
    struct batch *b = mem_alloc(sizeof *b);
    *b = (struct batch){.ticket = f->ticket,
                        .hard_changed = f->hard_changed,
                        .hard = f->hard,
                        .cut_index = f->cut_index,
                        .reset_index = f->reset_index};
    for (size_t k = 0; k < f->entries_count; k++) {
        const struct wire_raft_entry *e = &f->entries[k];
        struct entry_copy copy = {
            .index = e->index, .term = e->term, .kind = e->kind, .data = disk_bytes_copy(e->data)};
        VEC_PUSH(&b->entries, copy);
    }
    n->batch = b;
    trace(w, i, 2, bytes_of(&f->ticket, sizeof f->ticket));
    disk_begin(w, i);
}

static void on_apply(struct world *w, size_t i, const struct raft_effect *f) {
    struct node *n = &w->nodes[i];
    for (size_t k = 0; k < f->entries_count; k++) {
        const struct wire_raft_entry *e = &f->entries[k];
        cr_assert_eq(e->index, n->applied + 1, "applied out of order or twice");
        n->chain = chain_next(n->chain, e->index, e->term, e->kind, e->data);
        n->applied = e->index;
        struct entry_copy copy = {.index = e->index, .term = e->term, .chain = n->chain};
        checker_apply(w->checker, w, n, &copy);
    }
    trace(w, i, 3, bytes_of(&n->chain, sizeof n->chain));
}

static void on_snapshot_read(struct world *w, size_t i, const struct raft_effect *f) {
    bool is_there = f->index == w->nodes[i].disk.snapshot.index;
    struct wire_snapshot_chunk chunk = snapshot_chunk_at(&w->nodes[i], is_there ? f->offset : 0);
    struct raft_input in = {.kind = RAFT_SNAPSHOT_CHUNK_READ, .peer = f->peer};
    if (f->index == 0 || f->index != w->nodes[i].snapshot_gone)
        in.snapshot = &chunk;
    raft_feed(w->nodes[i].raft, w->now_us, &in); /* its effects are drained by the loop that this runs in */
}

static void on_snapshot_bytes(struct node *n, const struct raft_effect *f) {
    const struct wire_snapshot_chunk *c = f->chunk;
    struct snapshot_copy *s = &n->incoming;
    if (c->offset == 0) {
        buf_clear(&s->state);
        s->index = c->index;
        s->term = c->term;
        s->checksum = c->checksum;
        snapshot_config_copy(s, &c->config);
    }
    cr_assert_eq(c->offset, s->state.size, "a chunk does not follow the one before");
    cr_assert(s->index == c->index && s->checksum == c->checksum, "chunks of two snapshots are mixed");
    buf_append(&s->state, c->data.data, c->data.size);
    n->snapshot_bytes_count++;
    n->incoming_whole = s->state.size == c->total_size;
    if (n->incoming_whole)
        cr_assert_eq(crc32c(0, s->state.data, s->state.size), s->checksum, "a snapshot arrived garbled");
}

static void on_read(struct world *w, struct node *n, const struct raft_effect *f) {
    struct read_done done = {.context = f->context, .index = f->index, .failed = f->kind == RAFT_READ_FAILED};
    VEC_PUSH(&n->reads, done);
    if (!done.failed)
        checker_read_ready(w->checker, f->context, f->index);
}

static void on_cut(struct node *n, uint64_t index) {
    n->cut_upto = index;
    disk_cut_head(&n->disk, index);
}

static void effect_do(struct world *w, size_t i, const struct raft_effect *f) {
    struct node *n = &w->nodes[i];
    struct refusal_seen seen = {.peer = f->peer, .refusal = f->refusal, .index = f->index};
    switch (f->kind) {
    case RAFT_SEND: on_send(w, i, f); break;
    case RAFT_PERSIST: on_persist(w, i, f); break;
    case RAFT_APPLY: on_apply(w, i, f); break;
    case RAFT_READ_READY:
    case RAFT_READ_FAILED: on_read(w, n, f); break;
    case RAFT_ROLE: checker_role(w->checker, w, n); break;
    case RAFT_SNAPSHOT_READ: on_snapshot_read(w, i, f); break;
    case RAFT_SNAPSHOT_BYTES: on_snapshot_bytes(n, f); break;
    case RAFT_INSTALL:
        cr_assert(n->incoming_whole && n->incoming.index == f->index,
                  "a snapshot is installed that did not arrive");
        event_add(w, w->now_us + w->install_us, EVENT_INSTALL, i);
        break;
    case RAFT_CUT: on_cut(n, f->index); break;
    case RAFT_REMOVED: n->removed_count++; break;
    case RAFT_REFUSED: VEC_PUSH(&n->refusals, seen); break;
    }
}

static void effects_do(struct world *w, size_t i) {
    struct node *n = &w->nodes[i];
    struct raft_effect f;
    while (n->raft && raft_drain(n->raft, &f)) {
        effect_do(w, i, &f);
        if (prng_chance(&w->prng, w->crash_millionths))
            node_crash(w, i);
    }
    if (!n->raft)
        return;
    cr_assert_geq(raft_term(n->raft), n->term_seen, "a term went back");
    cr_assert_geq(raft_commit_index(n->raft), n->commit_seen, "a commit index went back");
    n->term_seen = raft_term(n->raft);
    n->commit_seen = raft_commit_index(n->raft);
    checker_role(w->checker, w, n);
}

int node_feed(struct world *w, size_t i, const struct raft_input *input) {
    if (!w->nodes[i].raft)
        return ERR_CLOSED;
    int err = raft_feed(w->nodes[i].raft, w->now_us, input);
    effects_do(w, i);
    return err;
}

/* ---- life of a node ------------------------------------------------------------------------------------ */

static struct raft *raft_restore(struct world *w, struct node *n) {
    VEC(struct wire_raft_entry) entries = {0};
    for (size_t i = 0; i < n->disk.log.count; i++) {
        const struct entry_copy *e = &n->disk.log.data[i];
        struct wire_raft_entry entry = {.index = e->index, .term = e->term, .kind = e->kind, .data = e->data};
        VEC_PUSH(&entries, entry);
    }
    snapshot_config_point(&n->disk.snapshot);
    struct raft_restored restored = {
        .hard = n->disk.hard,
        .snapshot_index = n->disk.snapshot.index,
        .snapshot_term = n->disk.snapshot.term,
        .snapshot_config = n->disk.snapshot.config,
        .entries = entries.data,
        .entries_count = entries.count,
    };
    struct raft *r = raft_new(&n->options, &restored, w->now_us);
    VEC_DONE(&entries);
    cr_assert_not_null(r, "what the disk holds cannot be restored");
    return r;
}

void node_start(struct world *w, size_t i) {
    struct node *n = &w->nodes[i];
    cr_assert_null(n->raft);
    n->run++;
    n->durable = 0;
    n->applied = n->disk.snapshot.index;
    n->chain = n->disk.snapshot.chain;
    n->commit_seen = 0;
    n->term_seen = n->disk.hard.term; /* a term that was not durable may be forgotten */
    n->options.self = n->id;
    n->raft = raft_restore(w, n);
    effects_do(w, i);
}

void node_crash(struct world *w, size_t i) {
    struct node *n = &w->nodes[i];
    if (!n->raft)
        return;
    if (n->batch && !prng_chance(&w->prng, w->lost_batch_millionths))
        disk_batch_write(w, n, n->batch);
    disk_batch_free(n->batch);
    n->batch = NULL;
    for (size_t k = 0; k < n->held.count; k++)
        buf_done(&n->held.data[k].message);
    n->held.count = 0;
    n->incoming_whole = false;
    n->run++;
    raft_free(n->raft);
    n->raft = NULL;
}

void node_reformat(struct world *w, size_t i) {
    struct node *n = &w->nodes[i];
    node_crash(w, i);
    disk_done(n);
    n->id.log.b[15]++;
    n->term_seen = 0;
}

/* ---- the world ----------------------------------------------------------------------------------------- */

struct world *world_new(uint64_t seed, size_t nodes_count) {
    struct world *w = mem_alloc(sizeof *w);
    prng_init(&w->prng, seed);
    w->nodes_count = nodes_count;
    w->now_us = US_PER_S;
    w->delay_min_us = w->delay_max_us = US_PER_MS;
    w->disk_min_us = w->disk_max_us = 200;
    w->install_us = 5 * US_PER_MS;
    w->lost_batch_millionths = 1000000;
    w->checker = checker_new();
    for (size_t i = 0; i < nodes_count; i++) {
        struct node *n = &w->nodes[i];
        memset(&n->id, (int)(i + 1), sizeof n->id);
        n->options = (struct raft_options){.generation = 1, .seed = seed};
        n->options.recovery.b[0] = 7;
    }
    return w;
}

static void node_done(struct world *w, size_t i) {
    struct node *n = &w->nodes[i];
    node_crash(w, i);
    disk_done(n);
    buf_done(&n->incoming.state);
    VEC_DONE(&n->held);
    VEC_DONE(&n->reads);
    VEC_DONE(&n->refusals);
}

void world_free(struct world *w) {
    for (size_t i = 0; i < w->nodes_count; i++)
        node_done(w, i);
    while (w->events.count > 0)
        event_free(event_take(w));
    VEC_DONE(&w->events);
    for (size_t i = 0; i < w->captured.count; i++)
        buf_done(&w->captured.data[i]);
    VEC_DONE(&w->captured);
    checker_free(w->checker);
    mem_free(w);
}

void world_prepare(struct world *w, size_t voters_count) {
    struct raft_id voters[NODES_MAX];
    for (size_t i = 0; i < voters_count; i++)
        voters[i] = w->nodes[i].id;
    struct wire_raft_config config = {.voters = voters, .voters_count = voters_count};
    for (size_t i = 0; i < voters_count; i++) {
        disk_put_config(w, i, 1, 1, &config);
        w->nodes[i].disk.hard = (struct wire_hard_state){.term = 1, .commit = 1};
    }
}

void world_start(struct world *w, size_t voters_count) {
    world_prepare(w, voters_count);
    for (size_t i = 0; i < w->nodes_count; i++)
        node_start(w, i);
}

void disk_complete(struct world *w, size_t i) {
    struct node *n = &w->nodes[i];
    cr_assert_not_null(n->batch, "no write is under way");
    struct batch *b = n->batch;
    n->batch = NULL;
    disk_batch_write(w, n, b);
    n->durable = b->ticket;
    struct raft_input in = {.kind = RAFT_PERSISTED, .ticket = b->ticket};
    disk_batch_free(b);
    held_release(w, i);
    node_feed(w, i, &in);
}

static void disk_event(struct world *w, size_t i) {
    if (w->nodes[i].batch && !w->nodes[i].disk_stalled)
        disk_complete(w, i);
}

/* The snapshot is saved and the state machine replaced, both at once. */
static void install(struct world *w, struct node *n) {
    struct snapshot_copy *s = &n->disk.snapshot;
    struct buf old = s->state;
    *s = n->incoming;
    n->incoming.state = old;
    memcpy(&s->chain, s->state.data, sizeof s->chain);
    checker_install(w->checker, s->index, s->chain);
    n->applied = s->index;
    n->chain = s->chain;
    n->installs_count++;
}

static void install_event(struct world *w, size_t i) {
    struct node *n = &w->nodes[i];
    struct raft_input in = {.kind = RAFT_INSTALLED, .index = n->bad_install ? 0 : n->incoming.index};
    if (!n->bad_install)
        install(w, n);
    n->bad_install = n->incoming_whole = false;
    cr_assert_eq(node_feed(w, i, &in), 0);
}

static void message_event(struct world *w, size_t i, struct bytes message) {
    struct arena a = {0};
    struct wire_raft_message m;
    message_decode(message, &a, &m);
    if (w->nodes[i].raft && !w->nodes[i].paused) {
        struct raft_input in = {.kind = RAFT_MESSAGE, .message = &m};
        node_feed(w, i, &in);
    }
    arena_done(&a);
}

static void event_do(struct world *w, struct event *e) {
    bool current = w->nodes[e->node].run == e->run;
    if (e->kind == EVENT_MESSAGE)
        message_event(w, e->node, buf_bytes(&e->message));
    else if (current && e->kind == EVENT_DISK)
        disk_event(w, e->node);
    else if (current)
        install_event(w, e->node);
}

static int64_t timer_next(const struct world *w, size_t *ret_node) {
    int64_t at = TIME_NEVER_US;
    for (size_t i = 0; i < w->nodes_count && !w->quiet; i++) {
        const struct node *n = &w->nodes[i];
        if (!n->raft || n->paused || raft_deadline(n->raft) >= at)
            continue;
        at = raft_deadline(n->raft);
        *ret_node = i;
    }
    return at;
}

int node_tick(struct world *w, size_t i) {
    struct raft_input in = {.kind = RAFT_TICK};
    return node_feed(w, i, &in);
}

/* The next thing that happens, not later than until_us. False: nothing does. */
bool world_step(struct world *w, int64_t until_us) {
    size_t node = 0;
    int64_t timer = timer_next(w, &node);
    int64_t event = w->events.count > 0 ? w->events.data[0]->at_us : TIME_NEVER_US;
    int64_t at = timer < event ? timer : event;
    if (at > until_us) {
        w->now_us = until_us;
        return false;
    }
    w->now_us = at > w->now_us ? at : w->now_us;
    if (event <= timer) {
        struct event *e = event_take(w);
        event_do(w, e);
        event_free(e);
    } else {
        node_tick(w, node);
    }
    return true;
}

void world_run(struct world *w, int64_t us) {
    int64_t until = w->now_us + us;
    while (world_step(w, until)) {
    }
}

bool world_until(struct world *w, int64_t us, bool (*holds)(struct world *w)) {
    int64_t until = w->now_us + us;
    while (!holds(w)) {
        if (!world_step(w, until))
            return holds(w);
    }
    return true;
}

/* ---- inputs -------------------------------------------------------------------------------------------- */

int node_propose(struct world *w, size_t i, const char *text) {
    struct raft_input in = {.kind = RAFT_PROPOSE, .data = bytes_str(text)};
    return node_feed(w, i, &in);
}

int node_propose_size(struct world *w, size_t i, size_t size_bytes) {
    uint8_t *data = mem_alloc(size_bytes);
    struct raft_input in = {.kind = RAFT_PROPOSE, .data = bytes_of(data, size_bytes)};
    int err = node_feed(w, i, &in);
    mem_free(data);
    return err;
}

int node_change(struct world *w, size_t i, const size_t *voters, size_t voters_count) {
    struct raft_id ids[NODES_MAX];
    for (size_t k = 0; k < voters_count; k++)
        ids[k] = w->nodes[voters[k]].id;
    struct raft_input in = {.kind = RAFT_CHANGE_VOTERS, .voters = ids, .voters_count = voters_count};
    return node_feed(w, i, &in);
}

int node_peer(struct world *w, size_t i, enum raft_input_kind kind, size_t peer) {
    struct raft_input in = {.kind = kind, .peer = w->nodes[peer].id};
    return node_feed(w, i, &in);
}

int node_read(struct world *w, size_t i, uint64_t context) {
    struct raft_input in = {.kind = RAFT_READ, .context = context};
    checker_read_asked(w->checker, context);
    return node_feed(w, i, &in);
}

int node_snapshot(struct world *w, size_t i) {
    struct node *n = &w->nodes[i];
    if (!n->raft || n->applied <= n->disk.snapshot.index)
        return ERR_NOT_FOUND;
    struct snapshot_copy *s = &n->disk.snapshot;
    s->index = n->applied;
    s->term = raft_term_at(n->raft, n->applied);
    s->chain = n->chain;
    cr_assert_neq(s->term, 0, "the term of what was just applied is not known");
    snapshot_config_copy(s, raft_config_at(n->raft, n->applied));
    snapshot_state_make(s);
    struct raft_input in = {.kind = RAFT_SNAPSHOT_TAKEN, .index = n->applied};
    return node_feed(w, i, &in);
}

int node_pull(struct world *w, size_t i, size_t from) {
    struct node *n = &w->nodes[i], *peer = &w->nodes[from];
    struct wire_pull_request ask;
    raft_pull_next(n->raft, &ask);
    struct wire_pull_response answer = {.prev_index = ask.next - 1,
                                        .prev_term = raft_term_at(peer->raft, ask.next - 1),
                                        .commit = raft_commit_index(peer->raft)};
    struct wire_snapshot_chunk chunk;
    const struct wire_raft_entry *entries = NULL;
    size_t entries_count = 0;
    int err = raft_log_read(peer->raft, ask.next, 1 << 20, &entries, &entries_count);
    /* A request may go beyond what this peer has. */
    if (answer.commit + 1 < ask.next)
        return 0;
    if (err == ERR_NOT_FOUND) {
        chunk = snapshot_chunk_at(peer, ask.snapshot_index == peer->disk.snapshot.index ? ask.offset : 0);
        answer.snapshot = &chunk;
    }
    struct buf wire = {0};
    answer.entries = (struct wire_raft_entry *)(uintptr_t)entries;
    answer.entries_count = entries_count;
    codec_encode(&wire_pull_response_type, &answer, &wire);
    struct arena a = {0};
    struct wire_pull_response got;
    cr_assert_eq(codec_decode(&wire_pull_response_type, buf_bytes(&wire), &a, &got, NULL), 0);
    struct raft_input in = {.kind = RAFT_PULLED, .pulled = &got};
    err = node_feed(w, i, &in);
    arena_done(&a);
    buf_done(&wire);
    return err;
}

void node_deliver(struct world *w, size_t from, size_t to, struct wire_raft_message *m) {
    m->from = w->nodes[from].id;
    m->to = w->nodes[to].id;
    m->generation = w->nodes[to].options.generation;
    m->recovery = w->nodes[to].options.recovery;
    struct raft_input in = {.kind = RAFT_MESSAGE, .message = m};
    node_feed(w, to, &in);
}

/* ---- what holds ---------------------------------------------------------------------------------------- */

size_t world_leader(const struct world *w) {
    size_t best = NOBODY;
    for (size_t i = 0; i < w->nodes_count; i++) {
        const struct raft *r = w->nodes[i].raft;
        if (r && raft_role(r) == RAFT_LEADER &&
            (best == NOBODY || raft_term(r) > raft_term(w->nodes[best].raft)))
            best = i;
    }
    return best;
}

size_t world_ready_leader(const struct world *w) {
    size_t i = world_leader(w);
    return i != NOBODY && raft_leader_ready(w->nodes[i].raft) ? i : NOBODY;
}

size_t world_index_of(const struct world *w, const struct raft_id *id) {
    for (size_t i = 0; i < w->nodes_count; i++) {
        if (raft_id_equal(&w->nodes[i].id, id))
            return i;
    }
    return NOBODY;
}

void world_cut(struct world *w, size_t x, size_t y, bool cut) { w->cut[x][y] = w->cut[y][x] = cut; }

void world_isolate(struct world *w, size_t n, bool isolated) {
    for (size_t i = 0; i < w->nodes_count; i++)
        world_cut(w, n, i, isolated);
}

void world_heal(struct world *w) { memset(w->cut, 0, sizeof w->cut); }

bool has_leader(struct world *w) { return world_leader(w) != NOBODY; }
bool has_ready_leader(struct world *w) { return world_ready_leader(w) != NOBODY; }

bool all_applied(struct world *w) {
    for (size_t i = 0; i < w->nodes_count; i++) {
        if (w->nodes[i].raft && w->nodes[i].applied < checker_commit(w->checker))
            return false;
    }
    return true;
}

size_t world_elect(struct world *w) {
    cr_assert(world_until(w, 10 * US_PER_S, has_ready_leader), "no leader in ten seconds");
    return world_leader(w);
}

void world_dump(const struct world *w) {
    for (size_t i = 0; i < w->nodes_count; i++) {
        const struct node *n = &w->nodes[i];
        if (!n->raft) {
            fprintf(stderr, "%zu down\n", i);
            continue;
        }
        struct raft_id leader;
        bool known = raft_leader(n->raft, &leader);
        fprintf(stderr,
                "%zu %s term %llu leader %zd log %llu..%llu commit %llu applied %llu snapshot %llu voters", i,
                raft_role_str(raft_role(n->raft)), (unsigned long long)raft_term(n->raft),
                known ? (ssize_t)world_index_of(w, &leader) : -1,
                (unsigned long long)raft_first_index(n->raft), (unsigned long long)raft_last_index(n->raft),
                (unsigned long long)raft_commit_index(n->raft), (unsigned long long)n->applied,
                (unsigned long long)n->disk.snapshot.index);
        const struct wire_raft_config *c = raft_config_now(n->raft);
        for (size_t k = 0; k < c->voters_count; k++)
            fprintf(stderr, " %zd", (ssize_t)world_index_of(w, &c->voters[k]));
        for (size_t k = 0; k < c->voters_next_count; k++)
            fprintf(stderr, "%s%zd", k ? " " : " -> ", (ssize_t)world_index_of(w, &c->voters_next[k]));
        fprintf(stderr, "\n");
    }
}
