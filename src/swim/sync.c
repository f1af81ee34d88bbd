/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Tables compared, so that what no rumour brought is found out, at a price that goes by the difference.
 *
 *   now and then   A -> B   a datagram with the sum of A's table; nothing more if B has the same
 *   if not         B -> A   sums of the buckets            over a stream, as all that follows
 *                  A -> B   which differ, and the fingerprints of what A has in them
 *                  B -> A   the records that A lacks, the fingerprints of those that B lacks
 *                  A -> B   those records, and whatever A knows better of the ones it was told
 *   a joiner       J -> A   the whole table, please
 *                  A -> J   some buckets of it, and where to go on; or: later, too many ask
 *
 * Every message is bounded, and so is what one comparison moves; what is left over waits for the next.
 */

#include <stdlib.h>

#include "internal.h"

#define PRINT_SIZE       8
#define MESSAGE_RECORDS  256            /* about 40 KB with signatures */
#define EXCHANGE_RECORDS 2048           /* of one comparison */
#define EXCHANGE_SMALL   256            /* up to here nobody asks how many others compare */
#define PULL_US          (5 * US_PER_S) /* for the next part of a table */
#define SECOND_LOW_US    (5 * US_PER_S) /* after the first table: a comparison, for who joined with us */
#define SECOND_HIGH_US   (10 * US_PER_S)
#define DIFFERED_MAX     3 /* put off so often while rumours are about */
#define EAGER_MEMBERS    3 /* so many newcomers, or one of so many, are much in one merge */
#define EAGER_SHARE      64
#define HINTS            8    /* members that one is told of who is put off */
#define LARGE_TABLE      1024 /* members: no table counts for more */

bool swim_alone(const struct swim *s) { return s->probe_ring.count == 0; }

void swim_sync_soon(struct swim *s, int64_t low_us, int64_t high_us) {
    int64_t at_us = s->now_us + prng_between(&s->prng, low_us, high_us);
    if (at_us < s->sync_us && swim_has(s, SWIM_HEALING) && swim_has(s, SWIM_DIGESTS) && !s->leaving)
        s->sync_us = at_us;
}

/* ---- messages ------------------------------------------------------------------------------------------ */

struct party {
    struct node_id id; /* zero: whoever is at addr */
    struct addr addr;
};

static void sync_send(struct swim *s, const struct party *to, const struct wire_swim_sync *sync) {
    struct swim_effect *effect = swim_effect_new(s, SWIM_SYNC_SEND);
    effect->to = to->id;
    effect->addr = to->addr;
    swim_effect_encode(s, effect, &wire_swim_sync_type, sync);
}

/* Records to tell, while they are gathered. */
struct load {
    struct member **members;
    size_t count, max;
};

static struct load load_make(struct swim *s, size_t max) {
    return (struct load){.members = arena_alloc(&s->arena, max * sizeof(struct member *)), .max = max};
}

static void load_add(struct load *l, struct member *m) {
    if (l->count < l->max)
        l->members[l->count++] = m;
}

/* In messages of bounded size; `last` goes with the last of them. Nothing if there is nothing. */
static void load_send(struct swim *s, const struct party *to, const struct load *l,
                      struct wire_swim_sync *last) {
    size_t at = 0;
    do {
        struct wire_swim_sync sync = {.reply = last->reply};
        size_t count = l->count - at < MESSAGE_RECORDS ? l->count - at : MESSAGE_RECORDS;
        if (at + count == l->count)
            sync = *last;
        sync.members = arena_alloc(&s->arena, count * sizeof *sync.members);
        for (size_t i = 0; i < count; i++)
            sync.members[sync.members_count++] = swim_record(l->members[at + i], true);
        sync_send(s, to, &sync);
        at += count;
    } while (at < l->count);
}

/* ---- admission ----------------------------------------------------------------------------------------- */

/* Whoever gives his whole table to all who ask has no time to answer pings. */
static bool table_admit(struct swim *s) {
    size_t count = s->order.count < LARGE_TABLE ? s->order.count : LARGE_TABLE;
    int64_t each_us = US_PER_S * (int64_t)count / s->config.table_members_per_s;
    if (each_us > US_PER_S)
        each_us = US_PER_S;
    if (s->tables_us < s->now_us - US_PER_S)
        s->tables_us = s->now_us - US_PER_S;
    if (s->tables_us + each_us > s->now_us) {
        s->counters.tables_put_off++;
        return false;
    }
    s->tables_us += each_us;
    s->counters.tables_given++;
    return true;
}

/* With others to ask: so the table spreads from all who have it, as a rumour does. */
static void later_send(struct swim *s, const struct party *to) {
    struct member *hints[HINTS];
    struct wire_member records[HINTS + 1];
    size_t count = swim_pick(s, MEMBER_STATE_ALIVE, swim_find(s, to->id), HINTS, hints);
    for (size_t i = 0; i < count; i++)
        records[i] = swim_record(hints[i], true);
    records[count++] = swim_record(s->self, true);
    sync_send(
        s, to,
        &(struct wire_swim_sync){.reply = true, .later = true, .members = records, .members_count = count});
}

/* ---- sums and fingerprints ----------------------------------------------------------------------------- */

static int u64_order(const void *x, const void *y) {
    uint64_t a, b;
    memcpy(&a, x, sizeof a);
    memcpy(&b, y, sizeof b);
    return a < b ? -1 : a > b;
}

/* Sorted numbers of a field of fingerprints. */
static uint64_t *prints_take(struct swim *s, struct bytes field, size_t *ret_count) {
    *ret_count = field.size / PRINT_SIZE;
    uint64_t *prints = arena_alloc(&s->arena, *ret_count * sizeof *prints);
    for (size_t i = 0; i < *ret_count; i++)
        prints[i] = u64_get(field.data + i * PRINT_SIZE);
    qsort(prints, *ret_count, sizeof *prints, u64_order);
    return prints;
}

static bool prints_have(const uint64_t *prints, size_t count, uint64_t print) {
    return count > 0 && bsearch(&print, prints, count, sizeof *prints, u64_order) != NULL;
}

/* ---- steps --------------------------------------------------------------------------------------------- */

static void table_ask(struct swim *s, const struct party *to, uint32_t from) {
    struct wire_member self = swim_record(s->self, true);
    sync_send(s, to,
              &(struct wire_swim_sync){.table = true, .from = from, .members = &self, .members_count = 1});
}

static void sums_send(struct swim *s, const struct party *to) {
    uint8_t room[DIGEST_BUCKETS * DIGEST_SUM_SIZE];
    struct bytes sums = digest_encode(&s->digest, digest_buckets(s->probe_ring.count), room);
    struct wire_member self = swim_record(s->self, true);
    sync_send(s, to, &(struct wire_swim_sync){.sums = sums, .members = &self, .members_count = 1});
}

/* All that is known, the dead too: memberlist's push and, when the other is asked for his, pull. */
static void whole_send(struct swim *s, const struct party *to, bool ask) {
    struct load load = load_make(s, s->order.count);
    for (size_t i = 0; i < s->order.count; i++)
        load_add(&load, swim_at(s, i));
    load_send(s, to, &load, &(struct wire_swim_sync){.reply = !ask, .table = ask});
}

void swim_compare(struct swim *s, struct node_id to, const struct addr *addr) {
    struct party party = {to, *addr};
    s->compared_us = s->now_us;
    if (!swim_has(s, SWIM_DIGESTS))
        whole_send(s, &party, true);
    else if (swim_alone(s))
        table_ask(s, &party, 0);
    else
        sums_send(s, &party);
}

/* The buckets that differ, from a random one on until enough members are in them; their fingerprints. */
static void held_send(struct swim *s, const struct party *to, struct bytes sums) {
    struct digest_difference d;
    size_t sizes[DIGEST_BUCKETS] = {0};
    for (size_t i = 0; i < s->order.count; i++)
        sizes[swim_bucket(swim_id(swim_at(s, i)))]++;
    size_t from = (size_t)prng_below(&s->prng, sums.size / DIGEST_SUM_SIZE);
    if (!digest_compare(&s->digest, sums, sizes, from, EXCHANGE_RECORDS, &d))
        return;
    if (d.items > EXCHANGE_SMALL && !table_admit(s)) {
        later_send(s, to);
        return;
    }
    uint8_t *held = arena_alloc(&s->arena, (d.items + 1) * PRINT_SIZE);
    size_t count = 0;
    for (size_t i = 0; i < s->order.count && count < WIRE_SYNC_HELD_MAX / PRINT_SIZE; i++) {
        const struct member *m = swim_at(s, i);
        if (!swim_is_gone(m->state) && digest_has(digest_bits(&d), d.buckets, swim_bucket(swim_id(m))))
            u64_put(held + count++ * PRINT_SIZE, swim_fingerprint(m));
    }
    struct wire_member self = swim_record(s->self, true);
    sync_send(s, to,
              &(struct wire_swim_sync){.differ = digest_bits(&d),
                                       .buckets = (uint32_t)d.buckets,
                                       .held = bytes_of(held, count * PRINT_SIZE),
                                       .members = &self,
                                       .members_count = 1});
}

/* What the other lacks of these buckets, and what it has that is not here. */
static void held_take(struct swim *s, const struct party *from, const struct wire_swim_sync *sync) {
    size_t theirs_count, own_count = 0, wanted_count = 0;
    uint64_t *theirs = prints_take(s, sync->held, &theirs_count);
    uint64_t *own = arena_alloc(&s->arena, s->order.count * sizeof *own);
    struct load load = load_make(s, EXCHANGE_RECORDS);
    for (size_t i = 0; i < s->order.count; i++) {
        struct member *m = swim_at(s, i);
        if (swim_is_gone(m->state) || !digest_has(sync->differ, sync->buckets, swim_bucket(swim_id(m))))
            continue;
        own[own_count++] = swim_fingerprint(m);
        if (!prints_have(theirs, theirs_count, own[own_count - 1]))
            load_add(&load, m);
    }
    qsort(own, own_count, sizeof *own, u64_order);
    uint8_t *wanted = arena_alloc(&s->arena, (theirs_count + 1) * PRINT_SIZE);
    for (size_t i = 0; i < theirs_count && wanted_count < EXCHANGE_RECORDS; i++) {
        if (!prints_have(own, own_count, theirs[i]))
            u64_put(wanted + wanted_count++ * PRINT_SIZE, theirs[i]);
    }
    struct wire_swim_sync last = {.wanted = bytes_of(wanted, wanted_count * PRINT_SIZE)};
    if (load.count > 0 || wanted_count > 0)
        load_send(s, from, &load, &last);
}

static void wanted_add(struct swim *s, struct bytes wanted, struct load *load) {
    size_t count;
    uint64_t *prints = prints_take(s, wanted, &count);
    for (size_t i = 0; i < s->order.count && count > 0; i++) {
        struct member *m = swim_at(s, i);
        if (!swim_is_gone(m->state) && prints_have(prints, count, swim_fingerprint(m)))
            load_add(load, m);
    }
}

/* ---- whole tables -------------------------------------------------------------------------------------- */

/* Whole buckets from `from` on, until the message is full. */
static void table_give(struct swim *s, const struct party *to, uint32_t from) {
    size_t sizes[DIGEST_BUCKETS] = {0}, total = 0, end = from;
    if (from == 0 && !table_admit(s)) {
        later_send(s, to);
        return;
    }
    for (size_t i = 0; i < s->order.count; i++)
        sizes[swim_bucket(swim_id(swim_at(s, i)))] += !swim_is_gone(swim_at(s, i)->state);
    while (end < DIGEST_BUCKETS && (total == 0 || total + sizes[end] <= MESSAGE_RECORDS))
        total += sizes[end++];
    struct load load = load_make(s, total + 1);
    for (size_t i = 0; i < s->order.count; i++) {
        struct member *m = swim_at(s, i);
        size_t bucket = swim_bucket(swim_id(m));
        if (!swim_is_gone(m->state) && bucket >= from && bucket < end)
            load_add(&load, m);
    }
    load_send(s, to, &load,
              &(struct wire_swim_sync){
                  .reply = true, .next = end < DIGEST_BUCKETS ? (uint32_t)end : 0, .from = from});
}

static bool pulling(const struct swim *s) { return !ID_IS_ZERO(s->pull_from) && s->now_us < s->pull_end_us; }

/* A part of a table has come: the rest is asked of one member, not of all that were asked first. */
static void table_go_on(struct swim *s, const struct party *from, const struct wire_swim_sync *sync) {
    if (pulling(s) && !ID_EQUAL(s->pull_from, from->id))
        return;
    s->pull_from = sync->next ? from->id : (struct node_id){{0}};
    s->pull_end_us = s->now_us + PULL_US;
    if (sync->next)
        table_ask(s, from, sync->next);
    swim_sync_soon(s, SECOND_LOW_US, SECOND_HIGH_US);
}

/* ---- taking -------------------------------------------------------------------------------------------- */

/* What was told is not what is believed here now: the other should know. An old verdict is looked at first.
 */
static bool knows_better(const struct swim *s, const struct member *m, const struct wire_member *record) {
    struct incarnation told = {record->generation, record->version};
    bool same = m->state == record->state && incarnation_compare(m->incarnation, told) == 0;
    return (!same || s->card_conflict) && !m->looked && m != s->self;
}

static void merge(struct swim *s, const struct wire_swim_sync *sync, struct node_id from,
                  struct load *better) {
    size_t known = s->order.count;
    uint64_t sum = swim_sum(s);
    s->merging = true;
    /* Who knew nobody has nobody to tell. */
    bool pulled = pulling(s) && ID_EQUAL(s->pull_from, from);
    s->merging_quietly = swim_alone(s) || pulled;
    for (size_t i = 0; i < sync->members_count; i++) {
        const struct wire_member *record = &sync->members[i];
        swim_hear(s, record, from);
        struct member *m = swim_find(s, record->id);
        if (m && better && knows_better(s, m, record))
            load_add(better, m);
    }
    s->merging = s->merging_quietly = false;
    /* A group that forms: who got much will get more from somebody else. */
    if (s->order.count >= known + EAGER_MEMBERS && s->order.count > known + known / EAGER_SHARE) {
        s->eager = true;
        swim_sync_soon(s, s->config.period_us / 2, 3 * s->config.period_us / 2);
    } else if (sum != swim_sum(s)) {
        swim_sync_soon(s, 2 * s->config.period_us, 6 * s->config.period_us);
    }
}

static bool sync_is_sane(const struct wire_swim_sync *sync) {
    bool sums = sync->sums.size == 0 || digest_is_sane(sync->sums);
    bool differ = sync->buckets == 0 || (sync->buckets <= DIGEST_BUCKETS && is_power_of_two(sync->buckets));
    return sums && differ && sync->from < DIGEST_BUCKETS && sync->next < DIGEST_BUCKETS &&
           sync->held.size % PRINT_SIZE == 0 && sync->wanted.size % PRINT_SIZE == 0;
}

static void steps(struct swim *s, const struct party *from, const struct wire_swim_sync *sync,
                  struct load *told) {
    if (sync->wanted.size)
        wanted_add(s, sync->wanted, told);
    if (told->count && swim_has(s, SWIM_DIGESTS))
        load_send(s, from, told, &(struct wire_swim_sync){.reply = true});
    if (sync->sums.size)
        held_send(s, from, sync->sums);
    if (sync->buckets)
        held_take(s, from, sync);
    if (sync->table && !swim_has(s, SWIM_DIGESTS))
        whole_send(s, from, false);
    else if (sync->table)
        table_give(s, from, sync->from);
}

int swim_sync_take(struct swim *s, const struct swim_input *in) {
    struct wire_swim_sync sync;
    s->counters.syncs_received++;
    if (codec_decode(&wire_swim_sync_type, in->packet, &s->arena, &sync, NULL) != 0 || !sync_is_sane(&sync))
        return ERR_INVALID;
    struct load told = load_make(s, sync.members_count + sync.wanted.size / PRINT_SIZE);
    bool joining = swim_alone(s);
    merge(s, &sync, in->from, sync.reply ? NULL : &told);
    swim_listen(s);
    swim_heard_from(s, in->from);
    struct member *m = swim_find(s, in->from);
    if (m)
        swim_dealings(s, m)->last_ack_us = s->now_us;
    struct party from = {in->from, m ? m->card->addr : in->addr};
    if (s->self_refuted && from.addr.size && sync.reply)
        swim_tell(s, in->from, &from.addr, s->self, true);
    if (!s->leaving)
        steps(s, &from, &sync, &told);
    if (sync.reply && sync.later) {
        s->eager = true;
        swim_sync_soon(s, s->config.period_us / 2, 3 * s->config.period_us / 2);
        swim_retry_soon(s, US_PER_S / 2, 3 * US_PER_S / 2);
    } else if (sync.reply && sync.members_count && (sync.next || joining || pulling(s)))
        table_go_on(s, &from, &sync);
    return s->table_full ? ERR_LIMIT : 0;
}

/* ---- now and then -------------------------------------------------------------------------------------- */

void swim_sum_take(struct swim *s, uint64_t sum, const struct swim_input *in) {
    if (sum == swim_sum(s) || s->leaving || !swim_has(s, SWIM_HEALING)) {
        s->differed = 0;
        return;
    }
    /* News is under way, so they differ for a moment. If they still do after that, something is lacking. */
    if (s->rumours_count > 0 && s->differed < DIFFERED_MAX) {
        s->differed++;
        swim_sync_soon(s, 4 * s->config.period_us, 12 * s->config.period_us);
        return;
    }
    if (s->now_us - s->compared_us < s->config.period_us)
        return;
    s->differed = 0;
    const struct member *m = swim_find(s, in->from);
    swim_compare(s, in->from, m ? &m->card->addr : &in->addr);
}

static void exchange_run(struct swim *s) {
    int64_t interval_us = s->config.sync_interval_us * swim_sync_scale(s->probe_ring.count + 1);
    s->sync_us = s->now_us + prng_between(&s->prng, interval_us * 7 / 8, interval_us * 9 / 8);
    /* In memberlist the first time only ends a random delay. */
    if (!swim_has(s, SWIM_DIGESTS) && !s->eager) {
        s->eager = true;
        return;
    }
    struct member *m = ID_IS_ZERO(s->sync_with) ? NULL : swim_find(s, s->sync_with);
    s->sync_with = (struct node_id){{0}};
    if (m && m->state != MEMBER_STATE_ALIVE)
        m = NULL;
    if (!m && swim_pick(s, MEMBER_STATE_ALIVE, NULL, 1, &m) == 0)
        return;
    mark_hit(s->config.marks, MARK_SWIM_SYNC_SENT);
    if (s->eager) {
        s->eager = !swim_has(s, SWIM_DIGESTS);
        struct addr addr = m->card->addr;
        swim_compare(s, swim_id(m), &addr);
        return;
    }
    struct wire_swim_packet packet = {.sum = swim_sum(s)};
    swim_send(s, swim_id(m), &m->card->addr, &packet, NULL, 0);
}

void swim_sync_run(struct swim *s) {
    if (s->sync_us <= s->now_us)
        exchange_run(s);
    swim_retry_run(s);
}
