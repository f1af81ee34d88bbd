/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Names: ids with a small number, and the cards of each. In an agent one table has them for itself; in a
 * simulation all tables share them, and a view of a member is a pointer and a state.
 */

#include "internal.h"

struct name {
    struct node_id id;
    uint32_t number;
    struct card *cards;
};

struct swim_names {
    struct map by_id;           /* id -> struct name */
    VEC(struct name *) numbers; /* NULL: free */
    VEC(uint32_t) free_numbers;
};

struct swim_names *swim_names_new(void) {
    return mem_alloc(sizeof(struct swim_names));
}

void swim_names_free(struct swim_names *names) {
    if (!names)
        return;
    assert(names->by_id.count == 0); /* a core outlives it */
    map_done(&names->by_id);
    VEC_DONE(&names->numbers);
    VEC_DONE(&names->free_numbers);
    mem_free(names);
}

uint32_t swim_names_number(const struct swim_names *names, struct node_id id) {
    const struct name *n = MAP_GET_ID(&names->by_id, id);
    return n ? n->number : NOWHERE;
}

static bool card_same(const struct card *x, const struct card *y) {
    return x->generation == y->generation && x->since == y->since && x->is_signed == y->is_signed &&
           addr_equal(&x->addr, &y->addr) && bytes_equal(swim_card_name(x), swim_card_name(y)) &&
           memcmp(x->key.b, y->key.b, sizeof x->key.b) == 0 &&
           memcmp(x->signature.b, y->signature.b, sizeof x->signature.b) == 0;
}

struct card *swim_names_find(const struct swim_names *names, const struct card *like) {
    const struct name *n = MAP_GET_ID(&names->by_id, like->id);
    for (struct card *c = n ? n->cards : NULL; c; c = c->next) {
        if (card_same(c, like))
            return c;
    }
    return NULL;
}

static struct name *name_make(struct swim_names *names, struct node_id id) {
    struct name *n = MAP_GET_ID(&names->by_id, id);
    if (n)
        return n;
    n = mem_alloc(sizeof *n);
    n->id = id;
    if (names->free_numbers.count > 0) {
        n->number = names->free_numbers.data[--names->free_numbers.count];
        names->numbers.data[n->number] = n;
    } else {
        n->number = (uint32_t)names->numbers.count;
        VEC_PUSH(&names->numbers, n);
    }
    map_put(&names->by_id, bytes_of(n->id.b, sizeof n->id.b), n);
    return n;
}

struct card *swim_names_take(struct swim_names *names, const struct card *like) {
    struct card *card = swim_names_find(names, like);
    if (!card) {
        struct name *n = name_make(names, like->id);
        card = mem_alloc(sizeof *card);
        *card = *like;
        card->number = n->number;
        card->refs = 0;
        card->next = n->cards;
        n->cards = card;
    }
    card->refs++;
    return card;
}

void swim_names_drop(struct swim_names *names, struct card *card) {
    assert(card->refs > 0);
    if (--card->refs > 0)
        return;
    struct name *n = names->numbers.data[card->number];
    struct card **at = &n->cards;
    while (*at != card)
        at = &(*at)->next;
    *at = card->next;
    mem_free(card);
    if (n->cards)
        return;
    names->numbers.data[n->number] = NULL;
    VEC_PUSH(&names->free_numbers, n->number);
    map_remove(&names->by_id, bytes_of(n->id.b, sizeof n->id.b));
    mem_free(n);
}
