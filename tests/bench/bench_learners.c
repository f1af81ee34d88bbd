/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Many hosts follow a log: three raft cores that vote, and learners of which only the choice of whom to ask
 * is real (covey/learn.h); in simulated time, with an uplink of 1 Gbit/s for each host. What a message weighs
 * is taken from its encoding.
 *
 *     bench_learners [LEARNERS [SECONDS [SEED]]]     1000 learners, 5 seconds after 3 of warming up
 *
 * The cases: "tree" as covey does it; "star" where everybody asks the leader, which serves all, so that it
 * has the work of a leader that feeds every follower itself.
 */
#include <stdio.h>
#include <stdlib.h>

#include <covey/codec.h>
#include <covey/learn.h>
#include <covey/raft.h>

#define VOTERS        3
#define ENTRY_SIZE    100  /* bytes of a command */
#define RATE          1000 /* entries a second */
#define UPLINK        125  /* bytes a microsecond */
#define WARM_US       (3 * US_PER_S)
#define CHECKPOINT_US (50 * US_PER_MS) /* these four as src/node/internal.h has them */
#define HOLD_US       (2 * US_PER_S)
#define SERVED_US     (HOLD_US + US_PER_S)
#define PULLS_MAX     8u

enum event_kind { RAFT_ARRIVES, ASK_ARRIVES, ANSWER_ARRIVES, WAKE, LEARNER_WAKE };
struct event {
    int64_t at_us;
    uint64_t seq;
    enum event_kind kind;
    uint32_t to, from;
    uint64_t next, last; /* ASK: first index wanted; ANSWER: entries [next, last] */
    int64_t asked_us;
    bool busy;
    uint32_t depth;
    uint32_t others[PULLS_MAX];
    uint32_t others_count;
    uint8_t *data;
    size_t size;
};
struct child {
    uint32_t host;
    uint64_t next; /* it waits for this one; 0: it has its answer */
    int64_t asked_us;
};
struct host {
    struct raft *raft; /* of a voter */
    struct learn_pick pick;
    uint64_t has, signed_index; /* learner: verified; what may be given on */
    int64_t signed_us, free_us; /* the uplink */
    VEC(struct child) children;
    uint64_t sent_bytes, asked_next;
    bool waits;
};
struct world {
    struct prng prng;
    int64_t now_us;
    uint64_t seq;
    VEC(struct event) heap;
    struct host *hosts;
    uint32_t count;
    struct learn_candidate *candidates;
    bool star;
    uint32_t leader; /* VOTERS: none */
    size_t entry_bytes, answer_bytes, ask_bytes;
    int64_t *proposed_us; /* by index */
    uint32_t *have;
    int64_t *most_us; /* from the proposal until 99 % have it; 0: not yet */
    uint64_t index_max;
    int64_t counts_from_us;
};

/* ---- events -------------------------------------------------------------------------------------------- */

static bool before(const struct event *a, const struct event *b) {
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->seq < b->seq;
}

static void push(struct world *w, struct event e) {
    e.seq = ++w->seq;
    VEC_PUSH(&w->heap, e);
    size_t i = w->heap.count - 1;
    for (; i > 0 && before(&e, &w->heap.data[(i - 1) / 2]); i = (i - 1) / 2)
        w->heap.data[i] = w->heap.data[(i - 1) / 2];
    w->heap.data[i] = e;
}

static struct event pop(struct world *w) {
    struct event top = w->heap.data[0], last = w->heap.data[--w->heap.count];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= w->heap.count)
            break;
        if (child + 1 < w->heap.count && before(&w->heap.data[child + 1], &w->heap.data[child]))
            child++;
        if (!before(&w->heap.data[child], &last))
            break;
        w->heap.data[i] = w->heap.data[child];
        i = child;
    }
    if (w->heap.count > 0)
        w->heap.data[i] = last;
    return top;
}

/* Through the sender's uplink, one message after the other, and 0.1 to 0.5 ms of way. */
static void send(struct world *w, uint32_t from, struct event e, size_t bytes) {
    struct host *h = &w->hosts[from];
    int64_t free_us = h->free_us > w->now_us ? h->free_us : w->now_us;
    h->free_us = free_us + (int64_t)(bytes / UPLINK) + 1;
    if (w->now_us >= w->counts_from_us)
        h->sent_bytes += bytes;
    e.from = from;
    e.at_us = h->free_us + prng_between(&w->prng, 100, 500);
    push(w, e);
}

/* ---- voters -------------------------------------------------------------------------------------------- */

static struct node_id id_of(uint32_t host) {
    return (struct node_id){{(uint8_t)(host >> 8), (uint8_t)host, 1}};
}
static uint32_t host_of(struct node_id id) { return (uint32_t)id.b[0] << 8 | id.b[1]; }

static void serve(struct world *w, uint32_t host);

static void voter_drain(struct world *w, uint32_t v) {
    struct raft_effect e;
    while (raft_drain(w->hosts[v].raft, &e)) {
        if (e.kind == RAFT_PERSIST)
            (void)raft_feed(w->hosts[v].raft, w->now_us,
                            &(struct raft_input){.kind = RAFT_PERSISTED, .ticket = e.ticket});
        if (e.kind != RAFT_SEND)
            continue;
        struct buf out = {0};
        struct event message = {.kind = RAFT_ARRIVES, .to = host_of(e.message->to.node)};
        codec_encode(&wire_raft_message_type, e.message, &out);
        message.data = buf_take(&out, &message.size);
        send(w, v, message, message.size);
    }
    if (raft_leader_ready(w->hosts[v].raft))
        w->leader = v;
    serve(w, v);
}

static void voter_feed(struct world *w, uint32_t v, const struct raft_input *in) {
    (void)raft_feed(w->hosts[v].raft, w->now_us, in);
    voter_drain(w, v);
}

static void voter_message(struct world *w, const struct event *e) {
    struct arena a = {0};
    struct wire_raft_message m;
    if (codec_decode(&wire_raft_message_type, bytes_of(e->data, e->size), &a, &m, NULL) == 0)
        voter_feed(w, e->to, &(struct raft_input){.kind = RAFT_MESSAGE, .message = &m});
    arena_done(&a);
}

/* ---- who is asked -------------------------------------------------------------------------------------- */

/* Up to where it can prove what it has. A voter signs when somebody waits for it, and not too often. */
static uint64_t provable(struct world *w, struct host *h) {
    if (h->raft == NULL)
        return h->has;
    uint64_t commit = raft_commit_index(h->raft);
    if (commit > h->signed_index && w->now_us - h->signed_us >= CHECKPOINT_US) {
        h->signed_index = commit;
        h->signed_us = w->now_us;
    }
    return h->signed_index;
}

static void serve(struct world *w, uint32_t host) {
    struct host *h = &w->hosts[host];
    bool waits = false;
    for (size_t i = 0; i < h->children.count; i++) {
        struct child *c = &h->children.data[i];
        if (c->next == 0)
            continue;
        uint64_t has = provable(w, h);
        bool old = w->now_us - c->asked_us >= HOLD_US;
        waits |= has < c->next && !old;
        if (has < c->next && !old)
            continue;
        struct event e = {.kind = ANSWER_ARRIVES,
                          .to = c->host,
                          .next = c->next,
                          .last = has,
                          .asked_us = c->asked_us,
                          .depth = h->raft != NULL ? 0 : h->pick.depth};
        size_t count = has >= c->next ? (size_t)(has - c->next + 1) : 0;
        c->next = 0;
        send(w, host, e, w->answer_bytes + count * w->entry_bytes);
    }
    if (waits && h->raft != NULL && raft_commit_index(h->raft) > h->signed_index)
        push(w, (struct event){.kind = WAKE, .to = host, .at_us = h->signed_us + CHECKPOINT_US});
}

static struct child *admit(struct world *w, struct host *h, struct event *refusal, uint32_t from) {
    size_t count = 0, own = h->children.count;
    for (size_t i = 0; i < h->children.count; i++) {
        const struct child *c = &h->children.data[i];
        bool is_served = w->now_us - c->asked_us < SERVED_US;
        if (c->host == from)
            own = i;
        else if (is_served && count++ < PULLS_MAX)
            refusal->others[refusal->others_count++] = c->host;
    }
    bool was = own < h->children.count && w->now_us - h->children.data[own].asked_us < SERVED_US;
    if (!w->star && count >= PULLS_MAX && !was)
        return NULL;
    if (own == h->children.count)
        VEC_PUSH(&h->children, (struct child){.host = from});
    return &h->children.data[own];
}

static void asked(struct world *w, const struct event *e) {
    struct host *h = &w->hosts[e->to];
    struct event refusal = {.kind = ANSWER_ARRIVES, .to = e->from, .busy = true};
    struct child *c = admit(w, h, &refusal, e->from);
    if (c == NULL) {
        send(w, e->to, refusal, w->ask_bytes + 18 * refusal.others_count);
        return;
    }
    c->next = e->next;
    c->asked_us = w->now_us;
    push(w, (struct event){.kind = WAKE, .to = e->to, .at_us = w->now_us + HOLD_US});
    serve(w, e->to);
}

/* ---- learners ------------------------------------------------------------------------------------------ */

static void ask(struct world *w, uint32_t learner) {
    struct host *h = &w->hosts[learner];
    struct node_id to = id_of(w->leader);
    if (!w->star && !learn_parent(&h->pick, w->now_us, &to)) {
        for (uint32_t i = 0; i < VOTERS; i++)
            w->candidates[i].leader = i == w->leader;
        (void)learn_choose(&h->pick, w->now_us, &w->prng, w->candidates, w->count, &to);
    }
    if (host_of(to) == learner) { /* the list is one for all */
        learn_avoid(&h->pick, to, w->now_us + LEARN_AVOID_BAD_US);
        push(w, (struct event){.kind = LEARNER_WAKE, .to = learner, .at_us = w->now_us + 1});
        return;
    }
    struct event e = {.kind = ASK_ARRIVES, .to = host_of(to), .next = h->has + 1};
    send(w, learner, e, w->ask_bytes);
}

static void take(struct world *w, struct host *h, uint64_t last) {
    uint32_t most = (w->count - VOTERS) * 99 / 100;
    for (uint64_t i = h->has + 1; i <= last && i <= w->index_max; i++)
        if (w->proposed_us[i] != 0 && ++w->have[i] == most)
            w->most_us[i] = w->now_us - w->proposed_us[i];
    h->has = last > h->has ? last : h->has;
}

static void answered(struct world *w, const struct event *e) {
    struct host *h = &w->hosts[e->to];
    int64_t pause_us = 0;
    if (e->busy) {
        struct node_id others[PULLS_MAX];
        for (uint32_t i = 0; i < e->others_count; i++)
            others[i] = id_of(e->others[i]);
        learn_busy(&h->pick, id_of(e->from), w->now_us, others, e->others_count);
        pause_us = (int64_t)prng_below(&w->prng, 50 * US_PER_MS);
    } else {
        learn_answered(&h->pick, id_of(e->from), w->now_us, 0, e->depth);
        take(w, h, e->last);
        serve(w, e->to);
    }
    push(w, (struct event){.kind = LEARNER_WAKE, .to = e->to, .at_us = w->now_us + pause_us});
}

/* ---- the world ----------------------------------------------------------------------------------------- */

static void sizes(struct world *w) {
    uint8_t data[ENTRY_SIZE] = {0};
    struct identity identity;
    identity_init(&identity, &(struct secret){{1}});
    struct checkpoint c = {.index = 1u << 20, .term = 3};
    checkpoint_sign(&c, &identity);
    struct checkpoint_out out;
    checkpoint_out(&c, &out);
    struct wire_raft_entry entry = {
        .index = 1u << 20, .term = 3, .kind = ENTRY_KIND_COMMAND, .data = bytes_of(data, sizeof data)};
    struct wire_pull_response r = {.prev_index = 1u << 20,
                                   .prev_term = 3,
                                   .commit = 1u << 20,
                                   .term = 3,
                                   .leader = id_of(1),
                                   .checkpoint = &out.wire};
    struct wire_pull_request q = {.next = 1u << 20, .term = 3, .voters_index = 1, .state_index = 1u << 20};
    struct buf b = {0};
    codec_encode(&wire_raft_entry_type, &entry, &b);
    w->entry_bytes = b.size;
    buf_clear(&b);
    codec_encode(&wire_peer_message_type, &(struct wire_peer_message){.pull_response = &r}, &b);
    w->answer_bytes = b.size;
    buf_clear(&b);
    codec_encode(&wire_peer_message_type, &(struct wire_peer_message){.pull_request = &q}, &b);
    w->ask_bytes = b.size;
    buf_done(&b);
}

static void world_init(struct world *w, uint32_t learners, int64_t seconds, uint64_t seed, bool star) {
    *w =
        (struct world){.count = VOTERS + learners, .star = star, .leader = VOTERS, .counts_from_us = WARM_US};
    prng_init(&w->prng, seed);
    sizes(w);
    w->hosts = mem_alloc(w->count * sizeof *w->hosts);
    w->candidates = mem_alloc(w->count * sizeof *w->candidates);
    w->index_max = (uint64_t)(seconds + WARM_US / US_PER_S + 2) * RATE;
    w->proposed_us = mem_alloc((w->index_max + 1) * sizeof *w->proposed_us);
    w->have = mem_alloc((w->index_max + 1) * sizeof *w->have);
    w->most_us = mem_alloc((w->index_max + 1) * sizeof *w->most_us);
    struct raft_id ids[VOTERS];
    for (uint32_t i = 0; i < VOTERS; i++)
        ids[i] = (struct raft_id){.node = id_of(i), .log = {{1}}};
    struct raft_restored restored = {
        .snapshot_index = 1, .snapshot_term = 1, .hard = {.term = 1, .commit = 1}};
    restored.snapshot_config = (struct wire_raft_config){.voters = ids, .voters_count = VOTERS};
    for (uint32_t i = 0; i < w->count; i++) {
        w->candidates[i] = (struct learn_candidate){.id = id_of(i), .voter = i < VOTERS, .rtt_us = 600};
        w->hosts[i].has = 1;
        if (i >= VOTERS) {
            push(w, (struct event){.kind = LEARNER_WAKE,
                                   .to = i,
                                   .at_us = US_PER_S + prng_between(&w->prng, 0, US_PER_S / 2)});
            continue;
        }
        struct raft_options o = {.self = ids[i], .seed = prng_next(&w->prng)};
        w->hosts[i].raft = raft_new(&o, &restored, 0);
        if (w->hosts[i].raft == NULL)
            abort();
    }
}

static void world_done(struct world *w) {
    for (uint32_t i = 0; i < w->count; i++) {
        raft_free(w->hosts[i].raft);
        learn_pick_done(&w->hosts[i].pick);
        VEC_DONE(&w->hosts[i].children);
    }
    while (w->heap.count > 0)
        mem_free(pop(w).data);
    VEC_DONE(&w->heap);
    mem_free(w->hosts);
    mem_free(w->candidates);
    mem_free(w->proposed_us);
    mem_free(w->have);
    mem_free(w->most_us);
}

static void happen(struct world *w, const struct event *e) {
    switch (e->kind) {
    case RAFT_ARRIVES: voter_message(w, e); break;
    case ASK_ARRIVES: asked(w, e); break;
    case ANSWER_ARRIVES: answered(w, e); break;
    case WAKE: serve(w, e->to); break;
    case LEARNER_WAKE:
        if (w->leader < VOTERS)
            ask(w, e->to);
        else
            push(w, (struct event){.kind = LEARNER_WAKE, .to = e->to, .at_us = w->now_us + 100 * US_PER_MS});
        break;
    }
}

static void propose(struct world *w) {
    uint8_t data[ENTRY_SIZE] = {0};
    struct raft_input in = {.kind = RAFT_PROPOSE, .data = bytes_of(data, sizeof data)};
    if (w->leader == VOTERS || raft_feed(w->hosts[w->leader].raft, w->now_us, &in) != 0)
        return;
    uint64_t index = raft_last_index(w->hosts[w->leader].raft);
    if (index <= w->index_max && w->now_us >= w->counts_from_us)
        w->proposed_us[index] = w->now_us;
    voter_drain(w, w->leader);
}

static void run(struct world *w, int64_t until_us) {
    int64_t propose_us = US_PER_S;
    while (w->now_us < until_us) {
        int64_t at = w->heap.count > 0 ? w->heap.data[0].at_us : TIME_NEVER_US;
        uint32_t timer = VOTERS;
        for (uint32_t i = 0; i < VOTERS; i++)
            if (raft_deadline(w->hosts[i].raft) < at) {
                at = raft_deadline(w->hosts[i].raft);
                timer = i;
            }
        if (propose_us < at) {
            w->now_us = propose_us;
            propose_us += US_PER_S / RATE;
            propose(w);
            continue;
        }
        w->now_us = at > w->now_us ? at : w->now_us;
        if (timer < VOTERS) {
            voter_feed(w, timer, &(struct raft_input){.kind = RAFT_TICK});
            continue;
        }
        struct event e = pop(w);
        happen(w, &e);
        mem_free(e.data);
    }
}

/* ---- what is told -------------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b) {
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void tell(const struct world *w, const char *name, int64_t seconds) {
    uint64_t busiest = 0, asked_for = 0;
    uint32_t depth = 0;
    size_t count = 0;
    int64_t *took = mem_alloc((w->index_max + 1) * sizeof *took);
    for (uint32_t i = VOTERS; i < w->count; i++) {
        busiest = w->hosts[i].sent_bytes > busiest ? w->hosts[i].sent_bytes : busiest;
        depth = w->hosts[i].pick.depth > depth ? w->hosts[i].pick.depth : depth;
    }
    for (uint64_t i = 0; i <= w->index_max; i++) {
        asked_for += w->proposed_us[i] != 0;
        if (w->most_us[i] != 0)
            took[count++] = w->most_us[i];
    }
    qsort(took, count, sizeof *took, compare);
    printf(
        "%-5s leader %9.3f MB/s   busiest learner %7.3f MB/s   depth %2u   99 %% have it: median %7.1f ms   "
        "99 %% below %8.1f   of %llu entries %zu\n",
        name, (double)w->hosts[w->leader].sent_bytes / 1e6 / (double)seconds,
        (double)busiest / 1e6 / (double)seconds, depth, count > 0 ? (double)took[count / 2] / 1000 : -1,
        count > 0 ? (double)took[count - 1 - count / 100] / 1000 : -1, (unsigned long long)asked_for, count);
    mem_free(took);
}

int main(int argc, char **argv) {
    uint32_t learners = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1000;
    int64_t seconds = argc > 2 ? (int64_t)strtol(argv[2], NULL, 10) : 5;
    uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
    if (learners == 0 || learners > 60000 || seconds <= 0) {
        fprintf(stderr, "usage: bench_learners [LEARNERS [SECONDS [SEED]]]\n");
        return 2;
    }
    for (unsigned star = 0; star < 2; star++) {
        struct world w;
        world_init(&w, learners, seconds, seed, star != 0);
        run(&w, WARM_US + seconds * US_PER_S);
        tell(&w, star != 0 ? "star" : "tree", seconds);
        world_done(&w);
    }
    return 0;
}
