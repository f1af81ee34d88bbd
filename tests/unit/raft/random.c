/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Hundreds of short lives of a cluster, each from one seed, with a random set of faults (swarm testing: what
 * a seed leaves out lets the rest go deeper). The checker watches every step. At the end everything is
 * healed, and the cluster must get going again and agree. COVEY_RAFT_SEED=n replays one; COVEY_RAFT_SEEDS=n
 * runs that many.
 */
#include <stdlib.h>

#include <criterion/criterion.h>

#include "harness.h"

struct life {
    struct world *w;
    struct prng prng;
    bool crashes, partitions, changes, snapshots, transfers, pulls, pauses, reformats, rumours, bad_installs;
    uint64_t next_context;
    uint32_t leaders_count, changes_count, installs_count, reads_count, forgot_count;
};

static bool coin(struct life *l, uint32_t percent) { return prng_chance(&l->prng, percent * 10000); }
static size_t any_node(struct life *l) { return (size_t)prng_below(&l->prng, l->w->nodes_count); }

static void options_draw(struct life *l) {
    struct world *w = l->w;
    w->delay_min_us = 100;
    w->delay_max_us = prng_between(&l->prng, 200, coin(l, 20) ? 80 * US_PER_MS : 10 * US_PER_MS);
    w->disk_min_us = 50;
    w->disk_max_us = prng_between(&l->prng, 100, coin(l, 30) ? 60 * US_PER_MS : 3 * US_PER_MS);
    w->drop_millionths = coin(l, 60) ? (uint32_t)prng_below(&l->prng, 200000) : 0;
    w->repeat_millionths = coin(l, 50) ? (uint32_t)prng_below(&l->prng, 100000) : 0;
    w->lost_batch_millionths = 500000;
    l->crashes = coin(l, 60);
    w->crash_millionths = l->crashes && coin(l, 50) ? (uint32_t)prng_below(&l->prng, 800) : 0;
    l->partitions = coin(l, 60);
    l->changes = coin(l, 60);
    l->snapshots = coin(l, 60);
    l->transfers = coin(l, 30);
    l->pulls = coin(l, 70);
    l->pauses = coin(l, 30);
    l->reformats = l->changes && coin(l, 40);
    l->rumours = coin(l, 40);
    l->bad_installs = coin(l, 20);
    for (size_t i = 0; i < w->nodes_count; i++) {
        struct raft_options *o = &w->nodes[i].options;
        o->trailing_entries = 1 + (size_t)prng_below(&l->prng, 30);
        o->message_bytes_max = 64 + (size_t)prng_below(&l->prng, 2000);
        o->inflight_max = 1 + (uint32_t)prng_below(&l->prng, 8);
        o->uncommitted_bytes_max = 20000;
    }
}

static void partition(struct life *l) {
    struct world *w = l->w;
    world_heal(w);
    uint64_t kind = prng_below(&l->prng, 5);
    if (kind == 0)
        world_isolate(w, any_node(l), true);
    for (size_t i = 0; i < w->nodes_count && kind > 0; i++) {
        for (size_t k = 0; k < w->nodes_count; k++) {
            if (kind == 1 && (i < w->nodes_count / 2) != (k < w->nodes_count / 2)) /* two sides */
                w->cut[i][k] = true;
            if (kind == 2 && coin(l, 25)) /* links that fail one way */
                w->cut[i][k] = true;
            if (kind == 3 && i < k && coin(l, 35)) /* links, so that who sees whom is not transitive */
                world_cut(w, i, k, true);
        }
    }
}

static void change(struct life *l) {
    struct world *w = l->w;
    size_t leader = world_ready_leader(w);
    if (leader == NOBODY)
        return;
    size_t voters[NODES_MAX], voters_count = 0;
    uint32_t percent = (uint32_t)prng_between(&l->prng, 20, 80);
    for (size_t i = 0; i < w->nodes_count; i++) {
        if (!coin(l, percent) || voters_count >= 5)
            continue;
        voters[voters_count++] = i;
        if (i != leader)
            node_peer(w, leader, RAFT_TRACK, i);
        if (!w->nodes[leader].raft)
            return;
    }
    if (voters_count == 0)
        return;
    world_run(w, prng_between(&l->prng, 0, 300 * US_PER_MS));
    leader = world_ready_leader(w);
    if (leader != NOBODY && node_change(w, leader, voters, voters_count) == 0)
        l->changes_count++;
}

/* A host that no configuration needs loses its disk. */
static void reformat(struct life *l) {
    struct world *w = l->w;
    size_t leader = world_ready_leader(w), i = any_node(l);
    if (leader == NOBODY || raft_config_now(w->nodes[leader].raft)->voters_next_count > 0)
        return;
    for (size_t k = 0; k < w->nodes_count; k++) {
        if (k != i && (!w->nodes[k].raft || raft_is_voter(w->nodes[k].raft, &w->nodes[i].id)))
            return;
    }
    if (i == leader)
        return;
    node_reformat(w, i);
    node_start(w, i);
}

static void propose(struct life *l) {
    char text[40];
    size_t leader = coin(l, 90) ? world_leader(l->w) : any_node(l);
    int64_t many = coin(l, 5) ? 30 : 1;
    for (int64_t i = 0; i < many && leader != NOBODY; i++) {
        struct buf b = {0};
        buf_printf(&b, "%llu", (unsigned long long)prng_next(&l->prng));
        memcpy(text, buf_str(&b), b.size + 1);
        buf_done(&b);
        node_propose(l->w, leader, text);
    }
}

/* Each learner asks one of the nodes, or `from`. */
static void pulls(struct life *l, size_t only) {
    struct world *w = l->w;
    for (size_t i = 0; i < w->nodes_count; i++) {
        size_t from = only == NOBODY ? any_node(l) : only;
        if (from == i || !w->nodes[i].raft || !w->nodes[from].raft || w->cut[from][i] ||
            raft_role(w->nodes[i].raft) != RAFT_LEARNER)
            continue;
        int err = node_pull(w, i, from);
        cr_assert(err == 0 || err == ERR_STALE || err == ERR_BUSY || err == ERR_CLOSED, "a pull failed: %s",
                  err_str(err));
    }
}

static void act(struct life *l) {
    struct world *w = l->w;
    size_t i = any_node(l), leader = world_leader(w);
    switch (prng_below(&l->prng, 14)) {
    case 0:
        if (l->crashes)
            node_crash(w, coin(l, 30) && leader != NOBODY ? leader : i);
        break;
    case 1:
    case 2:
        if (!w->nodes[i].raft)
            node_start(w, i);
        break;
    case 3:
        if (l->partitions && coin(l, 30))
            partition(l);
        break;
    case 4:
        if (l->partitions)
            world_heal(w);
        break;
    case 5:
        if (l->changes && coin(l, 40))
            change(l);
        break;
    case 6:
        if (l->snapshots)
            node_snapshot(w, i);
        break;
    case 7:
        if (l->transfers && leader != NOBODY && i != leader && coin(l, 30))
            node_peer(w, leader, RAFT_TRANSFER, i);
        break;
    case 8:
        if (l->pauses)
            w->nodes[i].paused = !w->nodes[i].paused && coin(l, 50);
        break;
    case 9:
        if (l->rumours && leader != NOBODY && coin(l, 30))
            node_peer(w, i, RAFT_LEADER_DEAD, leader);
        break;
    case 10:
        if (leader != NOBODY && node_read(w, leader, ++l->next_context) == 0)
            l->reads_count++;
        break;
    case 11:
        if (l->reformats && coin(l, 20))
            reformat(l);
        w->nodes[i].bad_install = l->bad_installs;
        break;
    default: propose(l); break;
    }
    if (l->pulls && coin(l, 20))
        pulls(l, NOBODY);
}

static void heal(struct life *l) {
    struct world *w = l->w;
    world_heal(w);
    w->drop_millionths = w->repeat_millionths = w->crash_millionths = 0;
    w->delay_max_us = 2 * US_PER_MS;
    w->disk_max_us = US_PER_MS;
    for (size_t i = 0; i < w->nodes_count; i++) {
        w->nodes[i].paused = w->nodes[i].bad_install = false;
        if (!w->nodes[i].raft)
            node_start(w, i);
    }
}

/*
 * A former voter that was away asks the voters that it knows of. If the leader is not among them nobody tells
 * it: the host's own agent does, which knows by gossip who asks in vain.
 */
static void tell_former_voters(struct world *w, size_t leader) {
    for (size_t i = 0; i < w->nodes_count && leader != NOBODY; i++) {
        if (raft_role(w->nodes[i].raft) == RAFT_PRE_CANDIDATE &&
            !raft_is_voter(w->nodes[leader].raft, &w->nodes[i].id))
            node_peer(w, leader, RAFT_TRACK, i);
    }
}

/* Twenty of the longest election timeouts. */
static void get_going(struct life *l) {
    struct world *w = l->w;
    heal(l);
    if (!world_until(w, 12 * US_PER_S, has_ready_leader))
        world_dump(w);
    cr_assert(has_ready_leader(w), "liveness: no leader after everything was healed");
    uint64_t before = checker_commit(w->checker);
    bool proposed = false;
    int64_t until = w->now_us + 12 * US_PER_S;
    while (w->now_us < until && (checker_commit(w->checker) == before || !proposed || !all_applied(w))) {
        world_run(w, 50 * US_PER_MS);
        size_t leader = world_ready_leader(w);
        if (!proposed && leader != NOBODY)
            proposed = node_propose(w, leader, "the end") == 0; /* a handover that is under way ends first */
        tell_former_voters(w, leader);
        pulls(l, leader);
    }
    if (!all_applied(w) || checker_commit(w->checker) == before)
        world_dump(w);
    cr_assert_gt(checker_commit(w->checker), before,
                 "liveness: nothing is committed after everything was healed");
    cr_assert(all_applied(w), "liveness: somebody did not catch up after everything was healed");
}

static uint64_t live(uint64_t seed, struct life *l) {
    *l = (struct life){0};
    prng_init(&l->prng, seed * 7919 + 1);
    size_t nodes_count = 2 + (size_t)prng_below(&l->prng, 6);
    l->w = world_new(seed, nodes_count);
    options_draw(l);
    world_start(l->w, 1 + (size_t)prng_below(&l->prng, nodes_count > 5 ? 5 : nodes_count));
    int64_t until = l->w->now_us + prng_between(&l->prng, 5, 15) * US_PER_S;
    while (l->w->now_us < until) {
        world_run(l->w, prng_between(&l->prng, 0, 40 * US_PER_MS));
        act(l);
    }
    get_going(l);
    for (size_t i = 0; i < nodes_count; i++) {
        l->installs_count += l->w->nodes[i].installs_count;
        for (size_t k = 0; k < l->w->nodes[i].refusals.count; k++)
            l->forgot_count++;
    }
    cr_assert_eq(l->forgot_count, 0, "an honest voter was accused");
    uint64_t trace = l->w->trace;
    world_free(l->w);
    return trace;
}

TestSuite(raft_random, .timeout = 300);

Test(raft_random, safety_always_and_liveness_after_healing_over_many_seeds) {
    const char *one = getenv("COVEY_RAFT_SEED"), *many = getenv("COVEY_RAFT_SEEDS");
    uint64_t first = one ? strtoull(one, NULL, 10) : 1;
    uint64_t count = one ? 1 : many ? strtoull(many, NULL, 10) : 1500;
    struct life l, sum = {0};
    for (uint64_t seed = first; seed < first + count; seed++) {
        cr_log_info("COVEY_RAFT_SEED=%llu", (unsigned long long)seed);
        live(seed, &l);
        sum.changes_count += l.changes_count;
        sum.installs_count += l.installs_count;
        sum.reads_count += l.reads_count;
    }
    /* The faults must have led somewhere. */
    cr_assert(one ||
              (sum.changes_count > count / 4 && sum.installs_count > count / 4 && sum.reads_count > count));
}

Test(raft_random, the_same_seed_gives_the_same_trace) {
    struct life l;
    for (uint64_t seed = 1000; seed < 1010; seed++) {
        uint64_t first = live(seed, &l);
        cr_assert_eq(live(seed, &l), first, "seed %llu differs from itself", (unsigned long long)seed);
    }
}
