/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Cards: what a member says of itself, under its own signature. Only a card moves a generation, a name or an
 * address; everything else that is told of a member moves versions and states within it, and is refuted by
 * the member if it is wrong. So whoever holds the gossip key can annoy, but not impersonate or shut out.
 *
 *   signed, context "alive":   cluster id 16 | node id 16 | generation 4 be | since 4 be |
 *                              size of address 1 | address | size of name 1 | name
 *   signed, context "leave":   cluster id 16 | node id 16 | generation 4 be | version 4 be
 */

#include "internal.h"

#define STATEMENT_MAX (16 + 16 + 4 + 4 + 1 + 18 + 1 + WIRE_NAME_MAX)

struct statement {
    uint8_t b[STATEMENT_MAX];
    size_t size;
};

static void put(struct statement *st, const void *data, size_t size) {
    assert(st->size + size <= sizeof st->b);
    mem_copy(st->b + st->size, data, size);
    st->size += size;
}

static void put_u32(struct statement *st, uint32_t value) {
    uint8_t be[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8), (uint8_t)value};
    put(st, be, sizeof be);
}

static void begin(struct statement *st, const struct swim *s, struct node_id id, struct incarnation i) {
    st->size = 0;
    put(st, s->config.cluster.b, sizeof s->config.cluster.b);
    put(st, id.b, sizeof id.b);
    put_u32(st, i.generation);
    put_u32(st, i.version);
}

static struct bytes card_statement(struct statement *st, const struct swim *s, const struct card *c) {
    begin(st, s, c->id, (struct incarnation){c->generation, c->since});
    put(st, &c->addr.size, 1);
    put(st, c->addr.b, c->addr.size);
    put(st, &c->name_size, 1);
    put(st, c->name, c->name_size);
    return bytes_of(st->b, st->size);
}

struct bytes swim_card_name(const struct card *card) {
    return bytes_of(card->name, card->name_size);
}

bool swim_addr_usable(const struct addr *a) {
    uint8_t any = 0;
    for (int i = 0; i + 2 < a->size; i++)
        any |= a->b[i];
    return any && addr_port(a) != 0;
}

static void describe(struct card *card, struct bytes name, const struct addr *addr) {
    assert(name.size <= sizeof card->name);
    mem_copy(card->name, name.data, name.size);
    card->name_size = (uint8_t)name.size;
    card->addr = *addr;
}

static bool card_verify(struct swim *s, const struct card *card) {
    struct statement st;
    s->counters.signatures_checked++;
    struct node_id id = identity_node_id(&card->key);
    if (ID_EQUAL(id, card->id) &&
        identity_verify(&card->key, SIGN_ALIVE, card_statement(&st, s, card), &card->signature) == 0)
        return true;
    s->counters.signatures_bad++;
    return false;
}

struct card *swim_card_take(struct swim *s, const struct wire_member *record) {
    struct card card = {.id = record->id, .generation = record->generation, .since = record->since};
    if (!swim_addr_usable(&record->addr) || record->since > record->version)
        return NULL;
    describe(&card, record->name, &record->addr);
    if (!s->config.identity)
        return swim_names_take(s->names, &card);
    if (record->signature.size != sizeof card.signature.b)
        return NULL;
    card.key = record->key;
    memcpy(card.signature.b, record->signature.data, sizeof card.signature.b);
    card.is_signed = true;
    /* One that is kept has been checked. */
    if (!swim_names_find(s->names, &card) && !card_verify(s, &card))
        return NULL;
    return swim_names_take(s->names, &card);
}

void swim_card_renew(struct swim *s, struct bytes name, const struct addr *addr) {
    struct statement st;
    struct card card = {.id = s->config.id, .generation = s->config.generation};
    if (s->self) {
        card.generation = s->self->incarnation.generation;
        card.since = s->self->incarnation.version;
    }
    describe(&card, name, addr);
    if (s->config.identity) {
        card.key = s->config.identity->public_key;
        card.is_signed = true;
        identity_sign(s->config.identity, SIGN_ALIVE, card_statement(&st, s, &card), &card.signature);
    }
    struct card *own = swim_names_take(s->names, &card);
    if (s->self)
        swim_member_card(s, s->self, own);
    else
        s->self = swim_table_add_self(s, own);
    s->config.name = swim_card_name(s->self->card);
    s->config.addr = s->self->card->addr;
}

void swim_farewell_sign(struct swim *s) {
    struct statement st;
    struct dealings *d = swim_dealings(s, s->self);
    if (!s->config.identity)
        return;
    if (!d->farewell)
        d->farewell = mem_alloc(sizeof *d->farewell);
    begin(&st, s, s->config.id, s->self->incarnation);
    identity_sign(s->config.identity, SIGN_LEAVE, bytes_of(st.b, st.size), d->farewell);
}

bool swim_farewell_take(struct swim *s, struct member *m, const struct wire_member *record) {
    struct statement st;
    struct signature farewell;
    if (!s->config.identity)
        return true;
    if (record->farewell.size != sizeof farewell.b)
        return false;
    memcpy(farewell.b, record->farewell.data, sizeof farewell.b);
    begin(&st, s, record->id, (struct incarnation){record->generation, record->version});
    s->counters.signatures_checked++;
    if (identity_verify(&m->card->key, SIGN_LEAVE, bytes_of(st.b, st.size), &farewell) != 0) {
        s->counters.signatures_bad++;
        return false;
    }
    struct dealings *d = swim_dealings(s, m);
    if (!d->farewell)
        d->farewell = mem_alloc(sizeof *d->farewell);
    *d->farewell = farewell;
    return true;
}
