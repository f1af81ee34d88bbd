/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The owner's word on all of its facts at once: one signature however many there are, and nobody can leave
 * one out, or put an old one beside new ones, without being found out.
 *
 *   signed, context "facts":   cluster id 16 | owner 16 | generation 4 be | version 8 be | root 32
 */
#include "internal.h"

#define STATEMENT_SIZE (16 + 16 + 4 + 8 + GOSSIP_ROOT_SIZE)

static struct bytes statement(uint8_t out[STATEMENT_SIZE], const struct gossip *g, struct node_id owner,
                              const struct moment *at) {
    memcpy(out, g->config.cluster.b, 16);
    memcpy(out + 16, owner.b, 16);
    for (int i = 0; i < 4; i++)
        out[32 + i] = (uint8_t)(at->generation >> (24 - 8 * i));
    for (int i = 0; i < 8; i++)
        out[36 + i] = (uint8_t)(at->version >> (56 - 8 * i));
    memcpy(out + 44, at->root, GOSSIP_ROOT_SIZE);
    return bytes_of(out, STATEMENT_SIZE);
}

void gossip_head_sign(const struct gossip *g, const struct moment *at, struct signature *ret) {
    uint8_t st[STATEMENT_SIZE];
    memset(ret, 0, sizeof *ret);
    if (g->config.identity != NULL)
        identity_sign(g->config.identity, SIGN_FACTS, statement(st, g, g->config.id, at), ret);
}

bool gossip_head_verify(const struct gossip *g, const struct owner *o, const struct wire_gossip_head *head) {
    uint8_t st[STATEMENT_SIZE];
    struct signature signature;
    struct moment at = {.generation = head->generation, .version = head->version};
    if (head->root.size != GOSSIP_ROOT_SIZE)
        return false;
    memcpy(at.root, head->root.data, GOSSIP_ROOT_SIZE);
    if (g->config.identity == NULL)
        return true;
    if (head->signature.size != sizeof signature.b)
        return false;
    memcpy(signature.b, head->signature.data, sizeof signature.b);
    return identity_verify(&o->key, SIGN_FACTS, statement(st, g, o->id, &at), &signature) == 0;
}
