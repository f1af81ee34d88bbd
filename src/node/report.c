/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Facts on their way to the leader. A fact is sent when it is new, when the leader is, and again every
 * REPORT_RETRY_US until the applied state has it: the state itself is the acknowledgement. The health of what
 * runs is gossip (facts.c), and comes here now and then: a loop of crashes must not fill the log.
 */
#include "internal.h"

#define FACTS_MAX 4096

static void fact_of(struct local_instance *i, struct arena *a, struct wire_fact *ret) {
    *ret = (struct wire_fact){.instance = i->id,
                              .state = i->state,
                              .ports = i->ports,
                              .ports_count = i->ports_count,
                              .reason = buf_bytes(&i->reason),
                              .sequence = i->fact_sequence,
                              .gone = i->state == INSTANCE_STATE_STOPPED};
    ret->tasks = arena_alloc(a, (i->tasks_count + 1) * sizeof *ret->tasks);
    for (size_t t = 0; t < i->tasks_count; t++)
        ret->tasks[t] = i->tasks[t].fact;
    ret->tasks_count = i->tasks_count;
}

struct gather {
    struct node *n;
    VEC(struct wire_fact) facts;
    uint64_t term;
    bool unacknowledged;
    int64_t later_us; /* when what is held back may be sent */
};

static bool is_sent(const struct gather *g, const struct local_instance *i) {
    return i->sent_sequence == i->fact_sequence && i->sent_term == g->term &&
           g->n->now_us - i->sent_us < REPORT_RETRY_US;
}

static bool fact_is_told(const struct local_instance *i, const struct wire_instance_record *r) {
    bool told = r->state == i->state && r->tasks_count == i->tasks_count;
    for (size_t t = 0; told && t < i->tasks_count; t++)
        told = codec_equal(&wire_task_fact_type, &i->tasks[t].fact, &r->tasks[t]);
    return told;
}

/* Nothing new but how its tasks are: it is neither over nor about to be, and has the ports that it had. */
static bool is_health(const struct local_instance *i, const struct wire_instance_record *r) {
    bool lives = i->state == INSTANCE_STATE_RUNNING || i->state == INSTANCE_STATE_STARTING;
    bool lived = r->state == INSTANCE_STATE_RUNNING || r->state == INSTANCE_STATE_STARTING;
    if (!lives || !lived || !i->running_told || i->stop_asked || i->refused ||
        r->desired != DESIRED_STATE_RUN || r->tasks_count != i->tasks_count ||
        r->ports_count != i->ports_count)
        return false;
    for (size_t t = 0; t < i->tasks_count; t++)
        if (i->tasks[t].fact.state == TASK_STATE_DEAD && r->tasks[t].state != TASK_STATE_DEAD)
            return false;
    for (size_t p = 0; p < i->ports_count; p++)
        if (i->ports[p].port != r->ports[p].port)
            return false;
    return true;
}

/*
 * When a fact that is health alone may be told to the log, which is everybody's. That it no longer runs: at
 * once. That it runs again: at once a few times, then every HEALTH_REPORT_US: of a loop of crashes the log
 * holds that it is starting, and who waits for it to run waits on. Everything else: every HEALTH_REPORT_US.
 */
static int64_t health_due_us(const struct node *n, struct local_instance *i,
                             const struct wire_instance_record *r) {
    if (r->state == INSTANCE_STATE_RUNNING && i->state == INSTANCE_STATE_STARTING)
        return n->now_us;
    if (r->state == i->state)
        return i->sent_us + HEALTH_REPORT_US;
    if (i->recovery_us < n->now_us - RECOVERIES_AT_ONCE * HEALTH_REPORT_US)
        i->recovery_us = n->now_us - RECOVERIES_AT_ONCE * HEALTH_REPORT_US;
    return i->recovery_us + HEALTH_REPORT_US;
}

/*
 * What the log has of this node. An end is told when the journal has it for certain: told before, it could be
 * in the log, and be forgotten here where the instance would be started once more. A disk that has failed
 * keeps nothing more: then it is told all the same, for others wait for it, and nobody else can tell it.
 */
static void gather_record(void *arg, const struct wire_instance_record *r) {
    struct gather *g = arg;
    struct node *n = g->n;
    struct local_instance *i = node_instance(n, r->id);
    if (g->facts.count == FACTS_MAX || i == NULL || (i->end_ticket > n->ticket_done && !n->disk_failed))
        return;
    if (!state_instance_live(r)) { /* over, in the log too: nothing more is to be said */
        i->fact_sequence = r->sequence;
        return;
    }
    if (i->fact_sequence == 0)
        i->fact_sequence = r->sequence + 1;
    /* A number of an earlier run of this agent may have come after it was thought to be free: only what the
     * log says proves that it has the fact. */
    if (r->sequence >= i->fact_sequence && (i->sent_sequence != i->fact_sequence || !fact_is_told(i, r)))
        i->fact_sequence = r->sequence + 1;
    if (r->sequence >= i->fact_sequence)
        return;
    bool is_again = i->sent_sequence == i->fact_sequence; /* it was sent, and may be lost */
    int64_t due_us = is_health(i, r) && !is_again ? health_due_us(n, i, r) : n->now_us;
    if (due_us > n->now_us) {
        node_mark(n, MARK_NODE_HEALTH_HELD_BACK);
        g->later_us = min_us(g->later_us, due_us);
        return;
    }
    g->unacknowledged = true;
    if (is_sent(g, i))
        return;
    if (!is_again && i->running_told && i->state == INSTANCE_STATE_RUNNING && r->state != i->state)
        i->recovery_us += HEALTH_REPORT_US;
    i->running_told |= i->state == INSTANCE_STATE_RUNNING;
    i->sent_sequence = i->fact_sequence;
    i->sent_term = g->term;
    i->sent_us = n->now_us;
    struct wire_fact fact;
    fact_of(i, &n->scratch, &fact);
    VEC_PUSH(&g->facts, fact);
}

static bool self_is_news(const struct node *n) {
    const struct wire_node_record *known = state_node_find(n->state, n->identity.id);
    if (known == NULL)
        return true;
    struct wire_node_record like = n->self;
    like.status = NODE_STATUS_READY;
    like.joined_ms = known->joined_ms;
    like.modify_index = known->modify_index;
    node_words_take(&like, known);
    return !codec_equal(&wire_node_record_type, &like, known);
}

static void report_send(struct node *n, struct node_id leader, const struct wire_report_message *report) {
    if (!ID_EQUAL(leader, n->identity.id)) {
        node_peer_send(
            n, leader,
            &(struct wire_peer_message){.report = (struct wire_report_message *)(uintptr_t)report});
        return;
    }
    node_leader_report(n, n->identity.id, report);
    node_leader_tick(n);
}

/*
 * Not before it is known what runs here, nor once everybody was told that this host has left. Nor while the
 * number of this run could be forgotten: the next run would have the same one, and take what the log has of
 * this one for its own inventory.
 */
static bool may_report(const struct node *n) {
    return n->scan_done && n->raft != NULL && n->leave != LEAVE_TELLING && n->boot_ticket == 0;
}

void node_report_tick(struct node *n) {
    struct node_id leader;
    if (!may_report(n))
        return;
    if (!n->facts_dirty && n->now_us < n->report_at_us)
        return;
    if (!node_leader_id(n, &leader)) {
        n->report_at_us = n->now_us + REPORT_RETRY_US;
        return;
    }
    n->facts_dirty = false;
    n->report_at_us = TIME_NEVER_US;
    struct gather g = {.n = n, .term = raft_term(n->raft), .later_us = TIME_NEVER_US};
    state_instances_of_node(n->state, n->identity.id, gather_record, &g);
    struct wire_report_message report = {
        .generation = n->generation, .facts = g.facts.data, .facts_count = g.facts.count};
    const struct wire_node_record *known = state_node_find(n->state, n->identity.id);
    bool leaving = known != NULL && known->status == NODE_STATUS_LEFT;
    if (self_is_news(n) && !leaving)
        report.node = &n->self;
    n->report_at_us = g.later_us;
    if (report.node != NULL || g.unacknowledged)
        n->report_at_us = min_us(g.later_us, n->now_us + REPORT_RETRY_US);
    if (report.node != NULL || report.facts_count > 0)
        report_send(n, leader, &report);
    VEC_DONE(&g.facts);
}

int64_t node_report_deadline(const struct node *n) { return may_report(n) ? n->report_at_us : TIME_NEVER_US; }
