/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * What a learner takes from a peer it takes because a voter signed for it. The chain over the true log is
 * kept here, made of the true entries; a checkpoint counts when the one whose key it bears has ever had a
 * vote, really signed it, and signed the truth. After an answer to a pull the learner's commit index may be
 * at most that of the best one it was ever given.
 */
#include <covey/learn.h>

#include "lies.h"
#include "truth.h"

#define PULL_RESPONSE 6 /* its id in a peer_message */

struct proven {
    VEC(struct chain) chains; /* of index 1, 2 ... */
    uint64_t best[HOSTS_MAX], before[HOSTS_MAX];
    bool judged[HOSTS_MAX]; /* a pull's answer is being taken, by a host without a vote */
    struct arena arena;
};
extern const struct checker check_proven;

bool proven_chain(struct world *w, uint64_t index, struct chain *ret) {
    const struct proven *p = checker_self(w, &check_proven);
    *ret = (struct chain){{0}};
    if (index > p->chains.count)
        return false;
    if (index > 0)
        *ret = p->chains.data[index - 1];
    return true;
}

bool proven_had_vote(struct world *w, struct node_id id) {
    const struct truth *t = truth_of(w);
    struct arena a = {0};
    bool had = false;
    for (size_t i = 0; i < t->committed.count && !had; i++) {
        struct wire_raft_config config;
        if (t->committed.data[i].entry.kind != ENTRY_KIND_CONFIG ||
            codec_decode(&wire_raft_config_type, t->committed.data[i].entry.data, &a, &config, NULL) != 0)
            continue;
        struct learn_voters voters;
        learn_voters_set(&voters, 1, &config);
        had = learn_voters_have(&voters, id);
    }
    arena_done(&a);
    return had;
}

static void look(struct proven *p, struct world *w, uint32_t host, const struct wire_checkpoint *in) {
    struct checkpoint c;
    struct chain truth;
    if (in != NULL && checkpoint_in(in, &c) == 0 && c.index > p->best[host] && checkpoint_signed(&c) &&
        proven_had_vote(w, identity_node_id(&c.key)) && proven_chain(w, c.index, &truth) &&
        memcmp(&truth, &c.chain, sizeof truth) == 0)
        p->best[host] = c.index;
}

/* One pair whose key is another's: most messages, and not worth decoding once more. */
static bool is_another(struct bytes data) {
    return data.size > 1 && data.data[0] == 0x81 && data.data[1] < 0x80 && data.data[1] != PULL_RESPONSE;
}

static void answer_comes(struct proven *p, struct world *w, const struct sim_host *h, struct bytes data) {
    const struct raft *r = node_raft(h->node);
    struct wire_peer_message m;
    if (r == NULL || raft_role(r) != RAFT_LEARNER || is_another(data))
        return;
    arena_reset(&p->arena);
    if (codec_decode(&wire_peer_message_type, data, &p->arena, &m, NULL) != 0 || m.pull_response == NULL)
        return;
    p->judged[h->index] = true;
    p->before[h->index] = raft_commit_index(r);
    look(p, w, h->index, m.pull_response->checkpoint);
    look(p, w, h->index, m.pull_response->state);
}

static void proven_see(void *self, struct world *w, const struct sight *s) {
    struct proven *p = self;
    uint32_t host = s->host->index;
    if (s->kind == SIGHT_COMMIT) {
        struct chain chain;
        proven_chain(w, p->chains.count, &chain);
        chain_next(&chain, s->entry);
        VEC_PUSH(&p->chains, chain);
    } else if (s->kind == SIGHT_AGENT_GONE) {
        p->best[host] = 0;
        p->judged[host] = false;
    } else if (s->kind == SIGHT_INPUT) {
        p->judged[host] = false;
        if (s->input->kind == NODE_STREAM_MESSAGE)
            answer_comes(p, w, s->host, s->input->data);
    } else if (p->judged[host]) {
        uint64_t commit = raft_commit_index(node_raft(s->host->node));
        p->judged[host] = false;
        if (commit > p->before[host] && commit > p->best[host])
            check_fail(w, &check_proven, (int)host,
                       "h%u took a peer's entries up to %llu; voters have signed up to %llu for it", host,
                       (unsigned long long)commit, (unsigned long long)p->best[host]);
    }
}

static void proven_done(void *self) {
    struct proven *p = self;
    VEC_DONE(&p->chains);
    arena_done(&p->arena);
}

const struct checker check_proven = {
    .name = "learner-proven",
    .promise = "a host without a vote takes from its peers only what a voter has signed, up to where it has",
    .size = sizeof(struct proven),
    .sees = SEES(SIGHT_COMMIT) | SEES(SIGHT_INPUT) | SEES(SIGHT_STEP) | SEES(SIGHT_AGENT_GONE),
    .see = proven_see,
    .done = proven_done,
};
