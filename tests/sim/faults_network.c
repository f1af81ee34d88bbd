/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Faults of the network. Each that cuts has a number, and a link is open when no number cuts it: so cuts
 * overlap and end on their own.
 */
#include "faults_network.h"

#include "checker.h"

#define CUTS_MAX 32

enum end { END_CUT, END_CLOG, END_CLOG_BEGINS, END_LINK, END_WALL };

static uint64_t below(struct world *w, uint64_t bound) { return prng_below(&w->fault_prng, bound); }
static bool chance(struct world *w, uint32_t millionths) { return prng_chance(&w->fault_prng, millionths); }

static void end_later(struct world *w, enum end end, uint64_t what, int64_t delay_us) {
    faults_network_later(w, (uint64_t)end << 32 | what, delay_us);
}

static uint64_t link_number(uint32_t from, uint32_t to) { return from * HOSTS_MAX + to; }

/* ---- cuts ---------------------------------------------------------------------------------------------- */

static uint32_t cut_new(struct world *w) { return w->cut_next++ % CUTS_MAX; }

static void cut_add(struct world *w, uint32_t number, uint32_t from, uint32_t to) {
    if (from == to)
        return;
    w->cut_by[from][to] |= UINT32_C(1) << number;
    network_cut(w, from, to, true);
}

static void cut_end(struct world *w, uint32_t number) {
    for (uint32_t i = 0; i < w->hosts_count; i++)
        for (uint32_t j = 0; j < w->hosts_count; j++) {
            uint32_t left = w->cut_by[i][j] & ~(UINT32_C(1) << number);
            bool opens = w->cut_by[i][j] != 0 && left == 0;
            w->cut_by[i][j] = left;
            if (opens)
                network_cut(w, i, j, false);
        }
}

static void cut_ends(struct world *w, uint32_t number) {
    end_later(w, END_CUT, number, faults_span_us(w, 10 * US_PER_S, 40 * US_PER_S));
}

static void parts(struct world *w) {
    uint32_t number = cut_new(w), count = 2 + (uint32_t)below(w, 3), part[HOSTS_MAX];
    world_say(w, 0, "the network falls into up to %u parts", count);
    for (uint32_t i = 0; i < w->hosts_count; i++)
        part[i] = (uint32_t)below(w, count);
    for (uint32_t i = 0; i < w->hosts_count; i++)
        for (uint32_t j = 0; j < w->hosts_count; j++)
            if (part[i] != part[j])
                cut_add(w, number, i, j);
    cut_ends(w, number);
}

static void isolate(struct world *w) {
    uint32_t number = cut_new(w), host = (uint32_t)below(w, w->hosts_count);
    uint64_t ways = below(w, 4); /* deaf, mute, and twice both */
    world_say(w, host, "is cut off%s", ways == 0 ? ": deaf" : ways == 1 ? ": mute" : "");
    for (uint32_t i = 0; i < w->hosts_count; i++) {
        if (ways != 1)
            cut_add(w, number, i, host);
        if (ways != 0)
            cut_add(w, number, host, i);
    }
    cut_ends(w, number);
}

static void one_way(struct world *w) {
    uint32_t number = cut_new(w);
    uint64_t links = 1 + below(w, 4);
    for (uint64_t i = 0; i < links; i++) {
        uint32_t from = (uint32_t)below(w, w->hosts_count), to = (uint32_t)below(w, w->hosts_count);
        world_say(w, from, "cut towards h%u", to);
        cut_add(w, number, from, to);
    }
    cut_ends(w, number);
}

/* Pairs, both ways: the rest of the cluster still joins them. */
static void triangle(struct world *w) {
    uint32_t number = cut_new(w);
    for (uint32_t i = 0; i < w->hosts_count; i++)
        for (uint32_t j = i + 1; j < w->hosts_count; j++)
            if (chance(w, 300000)) {
                world_say(w, i, "and h%u do not see each other", j);
                cut_add(w, number, i, j);
                cut_add(w, number, j, i);
            }
    cut_ends(w, number);
}

void faults_network_ambush(struct world *w, uint32_t leader) {
    uint32_t number = cut_new(w), left = (uint32_t)below(w, (w->hosts_count + 1) / 2);
    world_say(w, leader, "is cut off with up to %u others, in the middle of a change of the voters", left);
    uint32_t first = (uint32_t)below(w, w->hosts_count), inside = UINT32_C(1) << leader;
    for (uint32_t i = 0; i < left; i++)
        inside |= UINT32_C(1) << (first + i) % w->hosts_count;
    for (uint32_t i = 0; i < w->hosts_count; i++)
        for (uint32_t j = 0; j < w->hosts_count; j++)
            if (((inside >> i) & 1) != ((inside >> j) & 1))
                cut_add(w, number, i, j);
    cut_ends(w, number);
}

static uint32_t leader_or_any(struct world *w) {
    uint32_t any = (uint32_t)below(w, w->hosts_count);
    bool is_wanted = chance(w, 800000);
    for (uint32_t i = 0; i < w->hosts_count && is_wanted; i++)
        if (w->hosts[i].node != NULL && node_leads(w->hosts[i].node))
            return i;
    return any;
}

/*
 * A filter between two hosts, or between one and all: it knows datagrams and forgets connections. It matters
 * most between a leader and a host that it has just given work to.
 */
static void firewall(struct world *w) {
    uint32_t host = (uint32_t)below(w, w->hosts_count), other = leader_or_any(w);
    bool all = chance(w, 200000);
    int64_t span_us = faults_span_us(w, 30 * US_PER_S, 70 * US_PER_S);
    for (uint32_t i = 0; i < w->hosts_count; i++) {
        if (i == host || (!all && i != other))
            continue;
        world_say(w, host, "no stream to or from h%u passes", i);
        network_wall(w, host, i, true);
        end_later(w, END_WALL, link_number(host, i), span_us);
    }
}

/* ---- links that stop ----------------------------------------------------------------------------------- */

static void one_clog(struct world *w) {
    uint32_t from = (uint32_t)below(w, w->hosts_count), to = (uint32_t)below(w, w->hosts_count);
    world_say(w, from, "clogged towards h%u", to);
    network_clog(w, from, to, true);
    end_later(w, END_CLOG, link_number(from, to), faults_span_us(w, 5 * US_PER_S, 60 * US_PER_S));
}

/*
 * FoundationDB's swizzle-clogging: the links of a random subset of hosts stop, one host after the other, and
 * are released in another order.
 */
static void swizzle(struct world *w) {
    int64_t span_us = faults_span_us(w, 8 * US_PER_S, 20 * US_PER_S);
    for (uint32_t i = 0; i < w->hosts_count; i++) {
        if (!chance(w, 500000))
            continue;
        int64_t begins_us = prng_between(&w->fault_prng, 0, span_us);
        int64_t ends_us = prng_between(&w->fault_prng, span_us, 2 * span_us);
        world_say(w, i, "is swizzled");
        for (uint32_t j = 0; j < w->hosts_count; j++) {
            end_later(w, END_CLOG_BEGINS, link_number(i, j), begins_us);
            end_later(w, END_CLOG_BEGINS, link_number(j, i), begins_us);
            end_later(w, END_CLOG, link_number(i, j), ends_us);
            end_later(w, END_CLOG, link_number(j, i), ends_us);
        }
    }
}

/* ---- links that are bad -------------------------------------------------------------------------------- */

static void link_restore(struct world *w, uint64_t number) {
    struct sim_link *l = &w->link[number / HOSTS_MAX][number % HOSTS_MAX];
    l->min_us = w->swarm->delay_min_us;
    l->mean_us = w->swarm->delay_mean_us;
    l->loss = (uint32_t)w->swarm->loss_ppm;
    l->late = 0;
}

static void link_worsen(struct world *w, struct sim_link *l, enum fault_class class) {
    if (class == FAULT_loss)
        l->loss = (uint32_t)prng_between(&w->fault_prng, 10000, chance(w, 300000) ? 900000 : 300000);
    else if (class == FAULT_slow)
        l->mean_us =
            prng_between(&w->fault_prng, 5 * US_PER_MS, chance(w, 300000) ? US_PER_S : 100 * US_PER_MS);
    else
        l->late = (uint32_t)prng_between(&w->fault_prng, 1000, 50000);
}

/* Of one link, of one host, or of all. */
static void worsen(struct world *w, enum fault_class class) {
    uint32_t host = (uint32_t)below(w, w->hosts_count), other = (uint32_t)below(w, w->hosts_count);
    uint64_t scope = below(w, 3);
    int64_t span_us = faults_span_us(w, 10 * US_PER_S, 40 * US_PER_S);
    world_say(w, host, "%s: %s",
              class == FAULT_loss   ? "loss"
              : class == FAULT_slow ? "slow"
                                    : "late",
              scope == 0   ? "one link"
              : scope == 1 ? "its links"
                           : "all links");
    for (uint32_t i = 0; i < w->hosts_count; i++)
        for (uint32_t j = 0; j < w->hosts_count; j++) {
            bool is_meant = scope == 2 || (scope == 1 && (i == host || j == host)) ||
                            (scope == 0 && i == host && j == other);
            if (!is_meant)
                continue;
            link_worsen(w, &w->link[i][j], class);
            end_later(w, END_LINK, link_number(i, j), span_us);
        }
    checkers_see(w, &(struct sight){.kind = SIGHT_NETWORK});
}

/* ---- together ------------------------------------------------------------------------------------------ */

void faults_network_begin(struct world *w, enum fault_class class) {
    if (class == FAULT_cut)
        parts(w);
    else if (class == FAULT_isolate)
        isolate(w);
    else if (class == FAULT_one_way)
        one_way(w);
    else if (class == FAULT_triangle)
        triangle(w);
    else if (class == FAULT_clog)
        one_clog(w);
    else if (class == FAULT_swizzle)
        swizzle(w);
    else if (class == FAULT_firewall)
        firewall(w);
    else
        worsen(w, class);
}

void faults_network_end(struct world *w, uint64_t what) {
    uint64_t number = what & UINT32_MAX;
    uint32_t from = (uint32_t)(number / HOSTS_MAX), to = (uint32_t)(number % HOSTS_MAX);
    switch ((enum end)(what >> 32)) {
    case END_CUT: cut_end(w, (uint32_t)number); break;
    case END_CLOG: network_clog(w, from, to, false); break;
    case END_CLOG_BEGINS: network_clog(w, from, to, true); break;
    case END_LINK: link_restore(w, number); break;
    case END_WALL: network_wall(w, from, to, false); break;
    }
}

/*
 * Of two hosts of which one is not of the core: is this way cut? Nobody of the rest and of the core can talk
 * to one another, but some of the rest are only deaf and some only mute, and some of the rest see each other.
 */
static bool rest_is_cut(const struct world *w, uint32_t core, uint32_t from, uint32_t to) {
    bool out = ((core >> from) & 1) == 0, into = ((core >> to) & 1) == 0;
    if (out && into) /* one that hears the core and one that is heard would be a bridge */
        return w->rest_cut[from] || w->rest_cut[to] || w->rest_mutters[from] != w->rest_mutters[to];
    return out ? !w->rest_mutters[from] : w->rest_mutters[to];
}

void faults_network_heal(struct world *w, uint32_t core) {
    for (uint32_t i = 0; i < w->hosts_count; i++) {
        w->rest_cut[i] = chance(w, 500000);
        w->rest_mutters[i] = chance(w, 250000); /* it is heard, and hears nothing */
    }
    for (uint32_t i = 0; i < w->hosts_count; i++)
        for (uint32_t j = 0; j < w->hosts_count; j++) {
            bool inside = ((core >> i) & (core >> j) & 1) != 0;
            bool is_cut = !inside && rest_is_cut(w, core, i, j);
            w->cut_by[i][j] = is_cut;
            network_clog(w, i, j, false);
            network_wall(w, i, j, false);
            network_cut(w, i, j, is_cut);
        }
}
