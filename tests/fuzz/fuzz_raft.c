/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * A raft core among peers that say anything, on a disk that takes its time. The input is a script: one byte
 * chooses what happens, the next ones say with what. Messages are well-formed, about terms and indexes near
 * those that are real, and now and then any message at all. Whatever was said: terms and the commit index
 * never go back, a vote is given once a term, entries are applied once and in order, and nothing is sent
 * before it may.
 */
#include <covey/codec.h>
#include <covey/raft.h>

#include "script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PEERS       5
#define STEPS_MAX   300
#define EFFECTS_MAX 10000

/* 0 is the node itself. */
static struct raft_id peer_id(unsigned number) {
    uint8_t n = (uint8_t)(number % PEERS + 1);
    return (struct raft_id){.node = {{n}}, .log = {{n}}};
}

static struct raft_id other_id(unsigned number) { return peer_id(1 + number % (PEERS - 1)); }

static const struct recovery_id recovery = {{7}};

/* ---- the core and what it must keep -------------------------------------------------------------------- */

struct run {
    struct raft *raft;
    struct script script;
    int64_t now_us;
    uint64_t ticket; /* newest that was asked for */
    uint64_t durable;
    uint64_t applied;
    uint64_t term, commit;
    struct wire_hard_state hard;
    uint64_t install; /* index of a snapshot that waits for RAFT_INSTALLED */
    struct raft_id wants_chunk;
    uint64_t wants_index, wants_offset;
    bool failed;
};

static void persist(struct run *r, const struct raft_effect *e) {
    assert(e->ticket == r->ticket + 1 && r->durable == r->ticket); /* one at a time */
    r->ticket = e->ticket;
    if (e->hard_changed) {
        static const struct raft_id none;
        bool same_term = e->hard.term == r->hard.term;
        bool voted = memcmp(&r->hard.vote, &none, sizeof none) != 0;
        assert(e->hard.term >= r->hard.term);
        assert(!same_term || !voted || memcmp(&e->hard.vote, &r->hard.vote, sizeof none) == 0);
        r->hard = e->hard;
    }
    for (size_t i = 1; i < e->entries_count; i++)
        assert(e->entries[i].index == e->entries[i - 1].index + 1 &&
               e->entries[i].term >= e->entries[i - 1].term);
}

static void effect(struct run *r, const struct raft_effect *e) {
    struct buf out = {0};
    switch (e->kind) {
    case RAFT_PERSIST: persist(r, e); break;
    case RAFT_SEND:
        codec_encode(&wire_raft_message_type, e->message, &out);
        assert(e->after <= r->ticket + 2); /* a reset has a ticket of its own, and entries follow it */
        break;
    case RAFT_APPLY:
        for (size_t i = 0; i < e->entries_count; i++)
            assert(e->entries[i].index == ++r->applied);
        break;
    case RAFT_INSTALL: r->install = e->index; break;
    case RAFT_SNAPSHOT_READ:
        r->wants_chunk = e->peer;
        r->wants_index = e->index;
        r->wants_offset = e->offset;
        break;
    case RAFT_READ_READY:
    case RAFT_READ_FAILED:
    case RAFT_ROLE:
    case RAFT_SNAPSHOT_BYTES:
    case RAFT_CUT:
    case RAFT_REMOVED:
    case RAFT_REFUSED: break;
    }
    buf_done(&out);
}

static void feed(struct run *r, const struct raft_input *input) {
    struct raft_effect e;
    unsigned effects = 0;
    (void)raft_feed(r->raft, r->now_us, input);
    while (raft_drain(r->raft, &e)) {
        effects++;
        assert(effects < EFFECTS_MAX);
        effect(r, &e);
    }
    assert(raft_term(r->raft) >= r->term && raft_commit_index(r->raft) >= r->commit);
    assert(r->applied <= raft_commit_index(r->raft));
    assert(raft_commit_index(r->raft) <= raft_last_index(r->raft));
    r->term = raft_term(r->raft);
    r->commit = raft_commit_index(r->raft);
}

/* ---- words --------------------------------------------------------------------------------------------- */

/* A number near `real`, or an end of the range. */
static uint64_t near_to(struct script *s, uint64_t real) {
    uint8_t how = take(s);
    if (how == 255)
        return UINT64_MAX;
    if (how == 254)
        return UINT64_MAX / 2;
    int64_t by = (int64_t)(how % 16) - 6;
    return by < 0 && real < (uint64_t)-by ? 0 : real + (uint64_t)by;
}

static struct wire_raft_config config_of(struct script *s, struct raft_id voters[2 * PEERS]) {
    struct wire_raft_config c = {.voters = voters, .voters_next = voters + PEERS};
    uint8_t now = take(s), next = take(s);
    for (unsigned i = 0; i < PEERS; i++) {
        if (now & 1u << i)
            voters[c.voters_count++] = peer_id(i);
        if (next & 1u << i)
            voters[PEERS + c.voters_next_count++] = peer_id(i);
    }
    return c;
}

/* Entries from `prev` on; some of them configurations, some of those damaged. */
static size_t entries_of(struct run *r, struct arena *a, uint64_t prev, uint64_t term,
                         struct wire_raft_entry **ret) {
    struct script *s = &r->script;
    size_t count = take(s) % 5;
    *ret = arena_alloc(a, (count + 1) * sizeof **ret);
    for (size_t i = 0; i < count; i++) {
        uint8_t how = take(s);
        struct wire_raft_entry *e = &(*ret)[i];
        *e = (struct wire_raft_entry){.index = prev + 1 + i + (how >= 250), .term = term};
        e->kind = how % 8 == 7 ? ENTRY_KIND_CONFIG : how % 8 == 6 ? ENTRY_KIND_NOOP : ENTRY_KIND_COMMAND;
        if (how & 64 && e->term > 0)
            e->term -= how & 1;
        if (e->kind != ENTRY_KIND_CONFIG || how & 32)
            continue;
        struct raft_id voters[2 * PEERS];
        struct wire_raft_config c = config_of(s, voters);
        struct buf out = {0};
        codec_encode(&wire_raft_config_type, &c, &out);
        e->data = arena_copy(a, buf_bytes(&out));
        buf_done(&out);
    }
    return count;
}

static struct wire_snapshot_chunk *chunk_of(struct run *r, struct arena *a) {
    struct script *s = &r->script;
    struct wire_snapshot_chunk *c = arena_alloc(a, sizeof *c);
    struct raft_id *voters = arena_alloc(a, 2 * PEERS * sizeof *voters);
    static const uint8_t state[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    uint8_t how = take(s);
    *c = (struct wire_snapshot_chunk){.index = near_to(s, r->commit + 4), .term = near_to(s, r->term)};
    c->config = config_of(s, voters);
    c->total_size = how & 1 ? 8 : near_to(s, 8);
    c->offset = how & 2 ? 0 : near_to(s, 4);
    c->data = how & 4 ? bytes_of(state, 8) : bytes_of(state, take(s) % 9);
    c->checksum = how & 8 ? crc32c(0, state, sizeof state) : how;
    c->round = take(s);
    return c;
}

static void say(struct run *r, struct wire_raft_message *m) {
    struct buf out = {0};
    struct arena a = {0};
    struct wire_raft_message again;
    codec_encode(&wire_raft_message_type, m, &out); /* as it comes over the wire: nothing that cannot */
    if (codec_decode(&wire_raft_message_type, buf_bytes(&out), &a, &again, NULL) == 0)
        feed(r, &(struct raft_input){.kind = RAFT_MESSAGE, .message = &again});
    arena_done(&a);
    buf_done(&out);
}

static void message(struct run *r) {
    struct script *s = &r->script;
    struct arena a = {0};
    uint8_t what = take(s);
    struct wire_raft_message m = {.from = peer_id(1u + take(s) % (PEERS - 1)), .to = peer_id(0)};
    m.term = near_to(s, r->term);
    m.generation = 1;
    m.recovery = recovery;
    struct wire_vote_request vote = {.pre = what & 8, .transfer = what & 16};
    struct wire_vote_response voted = {0};
    struct wire_append_request append = {0};
    struct wire_append_response appended = {0};
    struct wire_snapshot_response installed = {0};
    struct prng prng;
    switch (what & 7) {
    case 0:
        vote.last_index = near_to(s, raft_last_index(r->raft));
        vote.last_term = near_to(s, r->term);
        m.vote_request = &vote;
        break;
    case 1:
    case 2:
        append.prev_index = near_to(s, raft_last_index(r->raft));
        append.prev_term = what & 8 ? raft_term_at(r->raft, append.prev_index) : near_to(s, r->term);
        append.commit = near_to(s, r->commit + 2);
        append.round = take(s);
        append.entries_count = entries_of(r, &a, append.prev_index, m.term, &append.entries);
        m.append_request = &append;
        break;
    case 3: m.snapshot_chunk = chunk_of(r, &a); break;
    case 4: m.timeout_now = true; break;
    default: /* an answer: any of that kind, near the truth in what counts */
        prng_init(&prng, take(s));
        if ((what & 7) == 5) {
            codec_random(&wire_vote_response_type, &prng, &a, &voted, take(s) % 101);
            m.vote_response = &voted;
        } else if ((what & 7) == 6) {
            codec_random(&wire_append_response_type, &prng, &a, &appended, take(s) % 101);
            if (what & 8)
                appended.match_index = near_to(s, raft_last_index(r->raft));
            m.append_response = &appended;
        } else {
            codec_random(&wire_snapshot_response_type, &prng, &a, &installed, take(s) % 101);
            m.snapshot_response = &installed;
        }
    }
    say(r, &m);
    arena_done(&a);
}

/* Any message that can be decoded, of anybody to anybody, or to us. */
static void any_message(struct run *r) {
    struct arena a = {0};
    struct prng prng;
    struct wire_raft_message m;
    uint8_t how = take(&r->script);
    prng_init(&prng, take(&r->script) | (uint64_t)take(&r->script) << 8);
    codec_random(&wire_raft_message_type, &prng, &a, &m, 20 + how % 80);
    if (how & 1) {
        m.from = peer_id(1u + how % (PEERS - 1));
        m.to = peer_id(0);
        m.generation = 1;
        m.recovery = recovery;
    }
    say(r, &m);
    arena_done(&a);
}

/* What the caller has checked to be committed: so it follows what is committed here. */
static void pulled(struct run *r) {
    struct arena a = {0};
    struct wire_pull_response p = {.prev_index = near_to(&r->script, r->commit)};
    uint8_t how = take(&r->script);
    p.prev_term = raft_term_at(r->raft, p.prev_index);
    p.term = r->term;
    p.commit = near_to(&r->script, r->commit + 4);
    if (how & 1)
        p.snapshot = chunk_of(r, &a);
    else
        p.entries_count = entries_of(r, &a, p.prev_index, r->term, &p.entries);
    feed(r, &(struct raft_input){.kind = RAFT_PULLED, .pulled = &p});
    arena_done(&a);
}

/* ---- the script ---------------------------------------------------------------------------------------- */

static void pass_time(struct run *r) {
    uint8_t how = take(&r->script);
    int64_t deadline_us = raft_deadline(r->raft);
    if (how < 128 && deadline_us != TIME_NEVER_US && deadline_us > r->now_us)
        r->now_us = deadline_us;
    else
        r->now_us += (int64_t)(how & 127) * 5 * US_PER_MS;
    feed(r, &(struct raft_input){.kind = RAFT_TICK});
}

static void flush(struct run *r) {
    if (r->failed || r->durable == r->ticket)
        return;
    r->durable = r->ticket;
    feed(r, &(struct raft_input){.kind = RAFT_PERSISTED, .ticket = r->durable});
}

/* From its own snapshot a host reads what was asked for, or of a newer one the beginning; or it has none. */
static void chunk_read(struct run *r, bool has) {
    static const uint8_t state[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    struct raft_id voter = peer_id(0);
    struct wire_snapshot_chunk c = {.index = r->wants_index ? r->wants_index : r->commit,
                                    .total_size = sizeof state,
                                    .config = {.voters = &voter, .voters_count = 1},
                                    .checksum = crc32c(0, state, sizeof state)};
    c.term = raft_term_at(r->raft, c.index);
    c.offset = r->wants_index ? r->wants_offset : 0;
    has = has && c.index > 0 && c.index <= r->commit && c.term > 0 && c.offset < sizeof state;
    if (has)
        c.data = bytes_of(state + c.offset, sizeof state - c.offset);
    feed(r, &(struct raft_input){
                .kind = RAFT_SNAPSHOT_CHUNK_READ, .peer = r->wants_chunk, .snapshot = has ? &c : NULL});
}

/* What is saved durably is an index that was applied. */
static void snapshot_taken(struct run *r, uint64_t back) {
    if (r->applied > back)
        feed(r, &(struct raft_input){.kind = RAFT_SNAPSHOT_TAKEN, .index = r->applied - back});
}

static void owner(struct run *r, uint8_t what) {
    struct script *s = &r->script;
    struct raft_id voters[PEERS];
    size_t count = 0;
    struct arena a = {0};
    uint8_t set;
    switch (what >> 4) {
    case 0:
    case 1:
    case 2: feed(r, &(struct raft_input){.kind = RAFT_PROPOSE, .data = bytes_str("command")}); break;
    case 3: feed(r, &(struct raft_input){.kind = RAFT_TRACK, .peer = other_id(take(s))}); break;
    case 4:
        feed(r,
             &(struct raft_input){.kind = what & 1 ? RAFT_REFUSE : RAFT_UNTRACK, .peer = other_id(take(s))});
        break;
    case 5:
    case 6:
        set = take(s);
        for (unsigned i = 0; i < PEERS; i++)
            if (set & 1u << i)
                voters[count++] = peer_id(i);
        feed(r, &(struct raft_input){.kind = RAFT_CHANGE_VOTERS, .voters = voters, .voters_count = count});
        break;
    case 7:
    case 8: feed(r, &(struct raft_input){.kind = RAFT_READ, .context = take(s)}); break;
    case 9: feed(r, &(struct raft_input){.kind = RAFT_TRANSFER, .peer = other_id(take(s))}); break;
    case 10: feed(r, &(struct raft_input){.kind = RAFT_LEADER_DEAD, .peer = peer_id(take(s))}); break;
    case 11: snapshot_taken(r, take(s) % 16); break;
    case 12: chunk_read(r, take(s) & 1); break;
    case 13:
    case 14:
        if (r->install == 0)
            break;
        if ((what & 8) == 0) {
            uint64_t index = r->install;
            r->install = 0;
            r->applied = index > r->applied ? index : r->applied;
            feed(r, &(struct raft_input){.kind = RAFT_INSTALLED, .index = index});
        } else {
            r->install = 0;
            feed(r, &(struct raft_input){.kind = RAFT_INSTALLED});
        }
        break;
    default:
        if ((what & 8) == 0)
            break;
        r->failed = true;
        feed(r, &(struct raft_input){.kind = RAFT_DISK_FAILED});
    }
    arena_done(&a);
}

static void step(struct run *r) {
    uint8_t what = take(&r->script);
    switch (what & 7) {
    case 0: pass_time(r); break;
    case 1:
    case 2: flush(r); break;
    case 3:
    case 4: message(r); break;
    case 5: any_message(r); break;
    case 6: pulled(r); break;
    default: owner(r, what);
    }
}

/* A voter of three or one alone with a few entries, a learner, or a log with nothing in it. */
static struct raft *raft_make(struct run *r, uint8_t how) {
    struct raft_id voters[3] = {peer_id(0), peer_id(1), peer_id(2)};
    struct wire_raft_config c = {.voters = how & 1 ? voters + 1 : voters,
                                 .voters_count = how & 2   ? 1
                                                 : how & 1 ? 2
                                                           : 3};
    struct raft_options options = {.self = peer_id(0),
                                   .generation = 1,
                                   .recovery = recovery,
                                   .seed = how,
                                   .trailing_entries = 4,
                                   .message_bytes_max = 64,
                                   .inflight_max = 2,
                                   .inflight_bytes_max = 1024,
                                   .uncommitted_bytes_max = 256};
    struct buf data = {0};
    codec_encode(&wire_raft_config_type, &c, &data);
    struct wire_raft_entry entries[3] = {
        {.index = 1, .term = 1, .kind = ENTRY_KIND_CONFIG, .data = buf_bytes(&data)},
        {.index = 2, .term = 1, .kind = ENTRY_KIND_COMMAND},
        {.index = 3, .term = 2, .kind = ENTRY_KIND_COMMAND}};
    r->hard = (struct wire_hard_state){.term = 2};
    struct raft_restored restored = {.hard = r->hard, .entries = entries, .entries_count = 3};
    if (how & 4)
        r->hard = (struct wire_hard_state){0};
    struct raft *raft = raft_new(&options, how & 4 ? NULL : &restored, r->now_us);
    buf_done(&data);
    return raft;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct run r = {.script = {.data = data, .size = size}, .now_us = 1000 * US_PER_S};
    uint8_t how = take(&r.script);
    r.raft = raft_make(&r, how);
    assert(r.raft != NULL);
    if (how & 4 && how & 8)
        (void)raft_bootstrap(r.raft, r.now_us);
    for (unsigned i = 0; i < STEPS_MAX && r.script.size > 0; i++)
        step(&r);
    raft_free(r.raft);
    return 0;
}
