/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * What a scenario can wait for and expect.
 *
 *     settled                          all that the checkers promise for a healthy cluster is true
 *     leader HOSTS | not HOSTS | no leader
 *                                      one of these leads (is in office and may commit); nobody does
 *     office HOSTS                     one of these has just won an election, whatever comes of it
 *     joint HOSTS                      these are in the midst of a change of the voters, as their logs say
 *     running JOB N [on HOSTS]         so many processes
 *     complete JOB N                   so many instances of a batch job, says the state of the first host up
 *     HOST holds HOSTS alive|dead      what its gossip believes of all of them
 *     HOSTS caught up                  have applied what the leader has
 *     HOSTS have N                     the log goes up to this index, committed or not
 *     HOSTS vote | do not vote         as the leader's log says, under the present life of their logs
 *     same                             every process that was there at `remember` still runs
 *     answered                         the last request
 */
#include <stdio.h>

#include "play.h"

static bool in(uint32_t mask, uint32_t host) { return ((mask >> host) & 1) != 0; }

static int leader_of(const struct play *p, bool ready) {
    int best = -1;
    uint64_t term = 0;
    for (uint32_t i = 0; i < p->w->hosts_count; i++) {
        const struct raft *r = p->w->hosts[i].node != NULL ? node_raft(p->w->hosts[i].node) : NULL;
        if (r == NULL || raft_role(r) != RAFT_LEADER || (ready && !raft_leader_ready(r)) ||
            raft_term(r) < term)
            continue;
        best = (int)i;
        term = raft_term(r);
    }
    return best;
}

static bool is_settled(struct play *p, const struct condition *c) {
    char text[256] = "";
    (void)c;
    p->w->core = (1u << p->w->hosts_count) - 1;
    if (checkers_settled(p->w, text, sizeof text))
        return true;
    play_text(p, "  (%s)", text);
    return false;
}

static bool is_settled_quietly(struct play *p, const struct condition *c) {
    size_t size = p->out.size;
    if (is_settled(p, c))
        return true;
    p->out.size = size;
    return false;
}

static bool is_led(struct play *p, const struct condition *c) {
    int leader = leader_of(p, true);
    if (c->hosts == 0)
        return leader < 0;
    return leader >= 0 && in(c->hosts, (uint32_t)leader) != c->is_not;
}

static bool is_in_office(struct play *p, const struct condition *c) {
    int leader = leader_of(p, false);
    return leader >= 0 && in(c->hosts, (uint32_t)leader);
}

static bool is_joint(struct play *p, const struct condition *c) {
    for (uint32_t i = 0; i < p->w->hosts_count; i++) {
        const struct raft *r = p->w->hosts[i].node != NULL ? node_raft(p->w->hosts[i].node) : NULL;
        if (in(c->hosts, i) && (r == NULL || raft_config_now(r)->voters_next_count == 0))
            return false;
    }
    return true;
}

static bool is_running(struct play *p, const struct condition *c) {
    size_t count = 0;
    for (uint32_t i = 0; i < p->w->hosts_count; i++)
        if (in(c->hosts, i))
            count += tasks_running(&p->w->hosts[i], bytes_str(c->job));
    return count == c->count;
}

struct completed {
    const char *job;
    size_t count;
};

static void count_complete(void *arg, const struct wire_instance_record *r) {
    struct completed *c = arg;
    c->count += r->state == INSTANCE_STATE_COMPLETE && bytes_is(r->job, c->job);
}

static bool is_complete(struct play *p, const struct condition *c) {
    for (uint32_t i = 0; i < p->w->hosts_count; i++) {
        struct completed done = {.job = c->job};
        if (p->w->hosts[i].node == NULL)
            continue;
        state_instances_each(node_state(p->w->hosts[i].node), count_complete, &done);
        return done.count == c->count;
    }
    return false;
}

/* Who it is: by the identity, as a host without an agent has no node to ask. */
static struct node_id id_of(struct play *p, uint32_t host) {
    struct identity identity;
    identity_init(&identity, &p->w->hosts[host].identity);
    struct node_id id = identity.id;
    identity_done(&identity);
    return id;
}

static bool holds(struct play *p, const struct condition *c) {
    for (uint32_t i = 0; i < p->w->hosts_count; i++) {
        const struct sim_host *h = &p->w->hosts[i];
        if (!in(c->hosts, i))
            continue;
        const struct swim *swim = h->node != NULL ? node_swim(h->node) : NULL;
        for (uint32_t k = 0; k < p->w->hosts_count; k++) {
            struct swim_member m = {.state = MEMBER_STATE_DEAD};
            if (!in(c->others, k) || k == i)
                continue;
            if (swim == NULL || !swim_member_find(swim, id_of(p, k), &m) ||
                (m.state == MEMBER_STATE_ALIVE) == c->is_not || m.state == MEMBER_STATE_SUSPECT)
                return false;
        }
    }
    return true;
}

static bool is_caught_up(struct play *p, const struct condition *c) {
    int leader = leader_of(p, true);
    if (leader < 0)
        return false;
    uint64_t index = state_index(node_state(p->w->hosts[leader].node));
    for (uint32_t i = 0; i < p->w->hosts_count; i++)
        if (in(c->hosts, i) &&
            (p->w->hosts[i].node == NULL || state_index(node_state(p->w->hosts[i].node)) < index))
            return false;
    return true;
}

static bool have(struct play *p, const struct condition *c) {
    for (uint32_t i = 0; i < p->w->hosts_count; i++) {
        const struct raft *r = p->w->hosts[i].node != NULL ? node_raft(p->w->hosts[i].node) : NULL;
        if (in(c->hosts, i) && (r == NULL || raft_last_index(r) < c->count))
            return false;
    }
    return true;
}

static bool do_vote(struct play *p, const struct condition *c) {
    int leader = leader_of(p, true);
    if (leader < 0)
        return false;
    const struct wire_raft_config *config = raft_config_now(node_raft(p->w->hosts[leader].node));
    for (uint32_t i = 0; i < p->w->hosts_count; i++) {
        bool votes = false;
        if (!in(c->hosts, i))
            continue;
        for (size_t k = 0; k < config->voters_count; k++)
            votes |= raft_id_equal(&config->voters[k], &p->w->hosts[i].raft_id);
        if (votes == c->is_not)
            return false;
    }
    return true;
}

static bool is_same(struct play *p, const struct condition *c) {
    for (size_t i = 0; i < p->remembered.count; i++) {
        const struct remembered *r = &p->remembered.data[i];
        const struct sim_host *h = &p->w->hosts[r->host];
        bool there = false;
        for (size_t k = 0; k < h->tasks.count; k++)
            there |= h->tasks.data[k]->pid == r->pid;
        if (!there)
            return false;
    }
    (void)c;
    return true;
}

static bool is_answered(struct play *p, const struct condition *c) {
    const struct reply *r = operator_reply(p->w, p->request);
    (void)c;
    return r != NULL && r->done;
}

/* ---- reading ---- */

static bool take_job(struct play *p, struct words *w, struct condition *c) {
    const char *job = words_next(w);
    int64_t n;
    if (job == NULL || strlen(job) >= sizeof c->job || !words_int(p, w, &n))
        return false;
    (void)snprintf(c->job, sizeof c->job, "%s", job);
    c->count = (size_t)n;
    c->hosts = (1u << p->w->hosts_count) - 1;
    return !words_take(w, "on") || words_hosts(p, w, &c->hosts);
}

static bool take_of_hosts(struct play *p, struct words *w, struct condition *c) {
    if (!words_hosts(p, w, &c->hosts))
        return false;
    if (words_take(w, "holds") || words_take(w, "hold")) {
        c->holds = holds;
        if (!words_hosts(p, w, &c->others))
            return false;
        c->is_not = words_take(w, "dead");
        return c->is_not || words_take(w, "alive");
    }
    if (words_take(w, "have")) {
        int64_t n;
        c->holds = have;
        if (!words_int(p, w, &n))
            return false;
        c->count = (size_t)n;
        return true;
    }
    if (words_take(w, "caught")) {
        c->holds = is_caught_up;
        return words_take(w, "up");
    }
    c->holds = do_vote;
    c->is_not = words_take(w, "do") && words_take(w, "not");
    return words_take(w, "vote");
}

static bool take(struct play *p, struct words *w, struct condition *c) {
    if (words_take(w, "settled")) {
        c->holds = is_settled_quietly;
        c->is_slow = true;
        return true;
    }
    if (words_take(w, "answered")) {
        c->holds = is_answered;
        return true;
    }
    if (words_take(w, "same")) {
        c->holds = is_same;
        return true;
    }
    if (words_take(w, "no")) {
        c->holds = is_led;
        return words_take(w, "leader");
    }
    if (words_take(w, "leader")) {
        c->holds = is_led;
        c->is_not = words_take(w, "not");
        return words_hosts(p, w, &c->hosts);
    }
    if (words_take(w, "office")) {
        c->holds = is_in_office;
        return words_hosts(p, w, &c->hosts);
    }
    if (words_take(w, "joint")) {
        c->holds = is_joint;
        return words_hosts(p, w, &c->hosts);
    }
    if (words_take(w, "running")) {
        c->holds = is_running;
        return take_job(p, w, c);
    }
    if (words_take(w, "complete")) {
        c->holds = is_complete;
        return take_job(p, w, c);
    }
    return take_of_hosts(p, w, c);
}

bool condition_take(struct play *p, struct words *w, struct condition *ret) {
    size_t from = w->at, size = 0;
    *ret = (struct condition){.count = 0};
    if (p->w == NULL || !take(p, w, ret)) {
        play_fail(p, "that is no condition");
        return false;
    }
    for (size_t i = from; i < w->at && size < sizeof ret->text; i++)
        size += (size_t)snprintf(ret->text + size, sizeof ret->text - size, "%s%s", i > from ? " " : "",
                                 w->word[i]);
    return true;
}
