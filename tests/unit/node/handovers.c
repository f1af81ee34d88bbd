/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* What hosts keep of the words on changes of the voters, and from whom they take them. */
#include <covey/crypto.h>
#include <covey/learn.h>
#include <covey/wal.h>

#include "town.h"

#define LEARNER 3 /* the fourth of four hosts: three vote */
#define HEARD   0 /* it is asked, and what it has is looked at */

static struct {
    struct checkpoint list[WIRE_HANDOVERS_MAX];
    size_t count;
    bool drops_others; /* none of the hosts' own questions and answers passes */
} heard;

static bool listen(struct town *t, size_t from, size_t to, struct bytes data) {
    struct wire_peer_message m;
    (void)to;
    if (codec_decode(&wire_peer_message_type, data, &t->arena, &m, NULL) != 0 || m.handovers == NULL)
        return true;
    if (from == HEARD && m.handovers->list_count > 0) {
        heard.count = m.handovers->list_count;
        for (size_t i = 0; i < heard.count; i++)
            cr_assert_eq(checkpoint_in(&m.handovers->list[i], &heard.list[i]), 0);
    }
    return !heard.drops_others;
}

/* As if the host `from` had sent it to HEARD. */
static void say(struct town *t, size_t from, const struct wire_handovers *m) {
    struct wire_peer_message message = {.handovers = (struct wire_handovers *)(uintptr_t)m};
    cr_assert(town_say(t, from, HEARD, &message), "there is no stream between them");
    town_run(t, US_PER_S);
}

static void ask(struct town *t, size_t from) {
    heard.count = 0;
    say(t, from, &(struct wire_handovers){.digest = bytes_str("nothing like it")});
}

static const struct checkpoint *heard_of(const struct public_key *key) {
    for (size_t i = 0; i < heard.count; i++)
        if (memcmp(&heard.list[i].key, key, sizeof *key) == 0)
            return &heard.list[i];
    return NULL;
}

static void town_that_listens(struct town *t) {
    town_init(t, 4, NULL);
    town_run(t, 30 * US_PER_S);
    heard.drops_others = true;
    t->passes = listen;
    ask(t, LEARNER);
    cr_assert_gt(heard.count, 0, "who has more than the asker tells it");
}

static struct identity stranger(uint8_t i) {
    struct identity ret;
    identity_init(&ret, &(struct secret){.b = {0xee, i}});
    return ret;
}

/* As the word of the first that was heard, but by another, who says that it votes. */
static struct checkpoint forged(const struct identity *by, uint64_t index) {
    struct checkpoint c = heard.list[0];
    c.index = c.voters.index = index;
    c.voters.count = 1;
    c.voters.next_count = 0;
    c.voters.ids[0].node = by->id;
    checkpoint_sign(&c, by);
    return c;
}

static void tell_forged(struct town *t, size_t from, const struct checkpoint *list, size_t count) {
    struct checkpoint_out *out = arena_alloc(&t->arena, count * sizeof *out);
    struct wire_checkpoint *wire = arena_alloc(&t->arena, count * sizeof *wire);
    for (size_t i = 0; i < count; i++) {
        checkpoint_out(&list[i], &out[i]);
        wire[i] = out[i].wire;
    }
    say(t, from, &(struct wire_handovers){.list = wire, .list_count = count, .last = true});
}

Test(node_handovers, a_host_without_a_vote_cannot_fill_them_with_words_of_strangers) {
    struct town t;
    town_that_listens(&t);
    struct identity who = stranger(1);
    struct checkpoint c = forged(&who, 1000);
    tell_forged(&t, LEARNER, &c, 1);
    ask(&t, LEARNER);
    cr_assert_null(heard_of(&who.public_key));
    tell_forged(&t, 1, &c, 1);
    ask(&t, LEARNER);
    cr_assert_not_null(heard_of(&who.public_key), "a voter may know of voters of long ago");
    c.voters.ids[0].log.b[0] ^= 1;
    c.index++;
    tell_forged(&t, 1, &c, 1);
    ask(&t, LEARNER);
    cr_assert_eq(heard_of(&who.public_key)->index, 1000, "but its signature must be right");
    town_done(&t);
}

Test(node_handovers, of_each_signer_the_newest_is_kept_and_of_all_the_newest) {
    struct town t;
    town_that_listens(&t);
    struct identity who = stranger(1);
    struct checkpoint list[3] = {forged(&who, 2000), forged(&who, 3000), forged(&who, 1000)};
    tell_forged(&t, 1, list, 3);
    ask(&t, LEARNER);
    size_t count = heard.count;
    cr_assert_eq(heard_of(&who.public_key)->index, 3000);
    struct checkpoint *many = arena_alloc(&t.arena, WIRE_HANDOVERS_MAX * sizeof *many);
    for (uint8_t i = 0; i < WIRE_HANDOVERS_MAX; i++) {
        struct identity other = stranger((uint8_t)(10 + i));
        many[i] = forged(&other, 2001 + i);
    }
    tell_forged(&t, 1, many, WIRE_HANDOVERS_MAX);
    ask(&t, LEARNER);
    cr_assert(count < WIRE_HANDOVERS_MAX && heard.count == WIRE_HANDOVERS_MAX);
    cr_assert_eq(heard_of(&who.public_key)->index, 3000, "nothing that is newer gives way");
    cr_assert_null(heard_of(&many[0].key), "the oldest does");
    for (size_t i = 1; i < heard.count; i++)
        cr_assert_leq(heard.list[i - 1].index, heard.list[i].index);
    town_done(&t);
}

/* Its vote goes while it is off, and when it is back the hosts that it voted with may be gone for good. Found
 * by the simulator. */
Test(node_handovers, a_host_whose_vote_went_signs_to_whom) {
    struct town t;
    town_that_listens(&t);
    size_t gone = town_leader(&t) == 1 ? 2 : 1;
    struct node_id id = node_self(t.hosts[gone].node);
    struct public_key key = {{0}};
    for (size_t i = 0; i < heard.count; i++)
        if (ID_EQUAL(identity_node_id(&heard.list[i].key), id))
            key = heard.list[i].key;
    cr_assert(learn_voters_have(&heard_of(&key)->voters, id));
    town_kill(&t, gone);
    town_run(&t, 90 * US_PER_S);
    cr_assert_null(strstr(town_voters(&t, HEARD), t.hosts[gone].name));
    town_start(&t, gone);
    heard.drops_others = false;
    town_run(&t, 90 * US_PER_S);
    ask(&t, 3 - gone);
    cr_assert_not_null(heard_of(&key));
    cr_assert(!learn_voters_have(&heard_of(&key)->voters, id));
    town_done(&t);
}

/* A voter's disk has lost its words: nobody gives them back, and it signs who votes once more. */
Test(node_handovers, a_voter_that_has_not_signed_who_votes_signs_it_later) {
    struct town t;
    town_that_listens(&t);
    struct public_key own = {{0}};
    for (size_t i = 0; i < heard.count; i++)
        if (ID_EQUAL(identity_node_id(&heard.list[i].key), node_self(t.hosts[HEARD].node)))
            own = heard.list[i].key;
    cr_assert_not_null(heard_of(&own));
    uint64_t before = heard_of(&own)->index;
    town_kill(&t, HEARD);
    for (size_t i = 0; i < t.hosts[HEARD].files_count; i++) {
        struct disk_file *f = &t.hosts[HEARD].files[i];
        struct wire_node_files_keys keys;
        char text[200];
        if (strncmp(f->name, "cluster", 7) != 0 ||
            cluster_file_decode(f->data, &t.arena, &keys, text, sizeof text) != 0)
            continue;
        cr_assert_gt(keys.handovers_count, 0);
        keys.handovers_count = 0;
        keys.voters_index++; /* learnt from another's later word: the entry itself is no news */
        struct buf out = {0};
        cluster_file_encode(&keys, &out);
        cr_assert_leq(out.size, f->data.size);
        memcpy((uint8_t *)(uintptr_t)f->data.data, out.data, out.size);
        f->data.size = out.size;
        buf_done(&out);
    }
    town_start(&t, HEARD);
    town_run(&t, 25 * US_PER_S);
    ask(&t, 1);
    cr_assert_not_null(heard_of(&own));
    cr_assert_gt(heard_of(&own)->index, before, "where the log is now");
    town_done(&t);
}
