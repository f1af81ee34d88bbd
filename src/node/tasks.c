/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The instances that this host has: what their shims tell, and what the log wants of them.
 *
 * An instance that the log does not know is left running: facts are reported, never corrected. A shim that is
 * gone without its task's exit status counts as killed by the host; as long as the log wants the instance
 * here, it is started again.
 */
#include <stdlib.h>

#include "internal.h"

#define ENDS_AT_ONCE 256 /* taken out of the journal in one turn */

struct local_instance *node_instance(struct node *n, struct instance_id id) {
    return MAP_GET_ID(&n->instances, id);
}

struct local_instance *node_instance_add(struct node *n, struct instance_id id) {
    struct local_instance *i = mem_alloc(sizeof *i);
    i->id = id;
    i->state = INSTANCE_STATE_STARTING;
    map_put(&n->instances, bytes_of(i->id.b, ID_SIZE), i);
    return i;
}

static void instance_free(struct local_instance *i) {
    for (size_t t = 0; t < i->tasks_count; t++)
        buf_done(&i->tasks[t].reason);
    buf_done(&i->reason);
    arena_done(&i->arena);
    mem_free(i);
}

void node_tasks_done(struct node *n) {
    for (size_t i = 0; i < n->instances.count; i++)
        instance_free(n->instances.entries[i].value);
    map_done(&n->instances);
}

struct local_task *node_instance_task(struct local_instance *i, struct bytes name, bool create) {
    for (size_t t = 0; t < i->tasks_count; t++)
        if (bytes_equal(i->tasks[t].name, name))
            return &i->tasks[t];
    if (!create || i->tasks_count == WIRE_TASKS_MAX)
        return NULL;
    if (i->tasks == NULL)
        i->tasks = arena_alloc(&i->arena, WIRE_TASKS_MAX * sizeof *i->tasks);
    struct local_task *t = &i->tasks[i->tasks_count++];
    t->name = t->fact.name = arena_copy(&i->arena, name);
    return t;
}

/*
 * ---- ends, kept until a snapshot has them ----
 *
 * That the log has an end is not enough. What is applied this disk may know to be committed only with the
 * next batch; and a log that is found damaged is given up, with all that it told since the last snapshot.
 * Should then no leader be there to ask, the next run of the agent begins with a state in which the instance
 * still lives: the journal must know better. Also of what was stopped, or refused, before anything of it
 * began: it leaves no directory, and the log was told that it is over.
 */

static void task_take(struct local_task *t, const struct wire_task_fact *fact) {
    buf_clear(&t->reason);
    buf_append(&t->reason, fact->reason.data, fact->reason.size);
    t->fact = *fact;
    t->fact.name = t->name;
    t->fact.reason = buf_bytes(&t->reason);
    t->final = fact->state == TASK_STATE_DEAD;
}

/* How many the journal may forget, the oldest first; few enough that the rest of the agent does not wait. */
static size_t ends_acknowledged(const struct node *n) {
    size_t count = 0;
    while (count < n->acknowledged.count && count < ENDS_AT_ONCE &&
           n->acknowledged.data[count].index <= n->snapshot_durable)
        count++;
    return count;
}

static size_t ends_forget(struct node *n, size_t count, struct wire_journal_record *records) {
    for (size_t k = 0; k < count; k++)
        records[k] = (struct wire_journal_record){.done = n->acknowledged.data[k].id};
    n->acknowledged.count -= count;
    memmove(n->acknowledged.data, n->acknowledged.data + count,
            n->acknowledged.count * sizeof *n->acknowledged.data);
    return count;
}

void node_tasks_journal(struct node *n) {
    size_t done = ends_acknowledged(n);
    if ((!n->ends_dirty && done == 0) || n->disk_failed || !n->scan_done)
        return;
    size_t max = n->ends_dirty ? n->instances.count : 0;
    n->ends_dirty = false;
    struct wire_journal_record *records = arena_alloc(&n->scratch, (max + done + 1) * sizeof *records);
    struct wire_fact *facts = arena_alloc(&n->scratch, (max + 1) * sizeof *facts);
    size_t count = done > 0 ? ends_forget(n, done, records) : 0;
    uint64_t ticket = n->ticket_next; /* of the write below */
    for (size_t k = 0; k < max; k++) {
        struct local_instance *i = n->instances.entries[k].value;
        /* How many tasks it has the log must tell first. */
        if (!node_instance_over(i) || !i->known || i->end_journalled || i->released)
            continue;
        i->end_journalled = true;
        i->end_ticket = n->ends_ticket = ticket;
        facts[k] = (struct wire_fact){.instance = i->id,
                                      .state = i->state,
                                      .reason = buf_bytes(&i->reason),
                                      .sequence = i->fact_sequence};
        facts[k].tasks = arena_alloc(&n->scratch, (i->tasks_count + 1) * sizeof *facts[k].tasks);
        for (size_t t = 0; t < i->tasks_count; t++)
            facts[k].tasks[facts[k].tasks_count++] = i->tasks[t].fact;
        records[count++] = (struct wire_journal_record){.fact = &facts[k]};
    }
    if (count > 0)
        (void)node_journal_write(n, records, count);
}

void node_tasks_remember(struct node *n, const struct wire_fact *fact) {
    if (node_instance(n, fact->instance) != NULL)
        return;
    struct local_instance *i = node_instance_add(n, fact->instance);
    for (size_t t = 0; t < fact->tasks_count; t++)
        task_take(node_instance_task(i, fact->tasks[t].name, true), &fact->tasks[t]);
    buf_append(&i->reason, fact->reason.data, fact->reason.size);
    i->stop_asked = fact->state == INSTANCE_STATE_STOPPED;
    i->refused = fact->state == INSTANCE_STATE_REFUSED;
    i->type = fact->state == INSTANCE_STATE_COMPLETE ? JOB_TYPE_BATCH : JOB_TYPE_SERVICE;
    i->state = fact->state;
    i->end_journalled = true;
}

/* ---- facts of the shims ---- */

void node_instance_touch(struct node *n, struct local_instance *i) {
    struct wire_task_fact facts[WIRE_TASKS_MAX] = {{.pid = 0}};
    for (size_t t = 0; t < i->tasks_count; t++)
        facts[t] = i->tasks[t].fact;
    size_t expected = i->tasks_expected > i->tasks_count ? i->tasks_expected : i->tasks_count;
    bool is_idle = true, is_whole = true;
    for (size_t t = 0; t < i->tasks_count; t++) {
        is_idle &= !i->tasks[t].started || i->tasks[t].final;
        bool never_ran = facts[t].state == TASK_STATE_DEAD && facts[t].started_ms == 0;
        is_whole &= i->tasks[t].started && !never_ran;
    }
    /* A refusal gives back ports and room: not before the tasks that were started with it are gone. */
    i->state = i->refused && is_idle
                   ? INSTANCE_STATE_REFUSED
                   : reconcile_instance_state(i->type, i->stop_asked, facts, i->tasks_count, expected);
    /* What is undone before all of it has run has never run. */
    if (i->state == INSTANCE_STATE_RUNNING && !is_whole && (i->refused || i->stop_asked))
        i->state = INSTANCE_STATE_STARTING;
    if (i->fact_sequence != 0)
        i->fact_sequence++;
    n->ends_dirty |= node_instance_over(i) && !i->end_journalled;
    i->changed_ms = n->wall_ms;
    n->own_dirty = true;
    n->instances_dirty = n->facts_dirty = true;
}

static void instance_describe(struct local_instance *i, const struct wire_shim_spec *spec) {
    if (i->job.size > 0)
        return;
    i->job = arena_copy(&i->arena, spec->job);
    i->group = arena_copy(&i->arena, spec->group);
    i->type = spec->type;
    i->version = spec->job_version;
    i->slot = spec->slot;
    i->ports = arena_alloc(&i->arena, (spec->ports_count + 1) * sizeof *i->ports);
    for (i->ports_count = 0; i->ports_count < spec->ports_count; i->ports_count++) {
        i->ports[i->ports_count] = spec->ports[i->ports_count];
        i->ports[i->ports_count].label = arena_copy(&i->arena, spec->ports[i->ports_count].label);
    }
}

void node_tasks_found(struct node *n, const struct node_input *in) {
    const struct wire_shim_spec *spec = in->spec;
    struct local_instance *i = node_instance(n, spec->instance);
    if (i == NULL)
        i = node_instance_add(n, spec->instance);
    instance_describe(i, spec);
    struct local_task *t = node_instance_task(i, spec->task, true);
    if (t == NULL)
        return;
    if (in->status != NULL && in->status->fact.state == TASK_STATE_RUNNING)
        node_mark(n, MARK_NODE_ADOPTED);
    t->started = true;
    i->memory_mib += spec->memory_mib;
    i->cpu_mhz += spec->cpu_mhz;
    if (in->status != NULL) {
        task_take(t, &in->status->fact);
        t->sequence = in->status->sequence;
        t->stop_asked = in->status->stop_asked;
        i->stop_asked |= t->stop_asked;
    }
    node_instance_touch(n, i);
}

void node_tasks_kept(struct node *n, struct instance_id id) {
    struct local_instance *i = node_instance(n, id);
    if (i != NULL)
        return; /* another task of it is still there */
    i = node_instance_add(n, id);
    i->state = INSTANCE_STATE_COMPLETE;
    i->released = i->end_journalled = true;
}

/* Of which a shim, or who starts shims, tells; NULL: none such is here. */
static struct local_task *task_told(struct node *n, const struct node_input *in,
                                    struct local_instance **ret) {
    *ret = node_instance(n, in->instance);
    return *ret != NULL ? node_instance_task(*ret, in->task, false) : NULL;
}

void node_tasks_status(struct node *n, const struct node_input *in) {
    struct local_instance *i;
    struct local_task *t = task_told(n, in, &i);
    if (t == NULL || in->status->sequence <= t->sequence)
        return;
    t->sequence = in->status->sequence;
    task_take(t, &in->status->fact);
    node_instance_touch(n, i);
}

void node_tasks_lost(struct node *n, const struct node_input *in) {
    struct local_instance *i;
    struct local_task *t = task_told(n, in, &i);
    if (t == NULL || t->final)
        return;
    if (in->status != NULL && in->status->fact.state == TASK_STATE_DEAD) {
        task_take(t, &in->status->fact);
        node_instance_touch(n, i);
        return;
    }
    node_mark(n, MARK_NODE_SHIM_LOST);
    node_event(n, "task.lost", n->identity.id, i->id, "the shim of %.*s is gone without an exit status",
               BYTES_FMT(t->name));
    t->started = false;
    t->sequence = 0;
    t->fact.state = i->stop_asked ? TASK_STATE_DEAD : TASK_STATE_PENDING;
    t->final = i->stop_asked;
    t->fact.pid = 0;
    t->fact.restarts++;
    i->start_after_us =
        n->now_us + (t->lost_count++ > 0 ? US_PER_S << (t->lost_count < 6 ? t->lost_count : 6) : 0);
    node_instance_touch(n, i);
}

/*
 * Its first start failed: other dynamic ports, if a stranger has ours and nothing of the instance runs yet;
 * else the instance is refused. A task that is to be started anew beside others that run waits and tries
 * again: they go on running.
 */
void node_tasks_refused(struct node *n, const struct node_input *in) {
    struct local_instance *i;
    struct local_task *task = task_told(n, in, &i);
    bool started = false, running = false;
    if (task == NULL)
        return;
    task->started = false;
    if (i->refused) { /* for another task's sake: that is settled when none is left */
        node_instance_touch(n, i);
        return;
    }
    if (i->stop_asked) { /* there is nothing to be stopped */
        task->fact.state = TASK_STATE_DEAD;
        task->final = true;
        node_instance_touch(n, i);
        return;
    }
    for (size_t t = 0; t < i->tasks_count; t++) {
        started |= i->tasks[t].started;
        running |= i->tasks[t].started && i->tasks[t].fact.state == TASK_STATE_RUNNING;
    }
    if (running) {
        i->start_after_us = n->now_us + (US_PER_S << (task->lost_count < 6 ? task->lost_count : 6));
        task->lost_count++;
        node_instance_touch(n, i);
        return;
    }
    if (in->error == ERR_EXISTS && !started && ++i->port_tries < 4)
        node_instance_touch(n, i); /* begun anew, if the log still wants it and this host may start it */
    else
        node_instance_refuse(n, i, "%.*s", BYTES_FMT(in->text));
}

/* ---- the log's wishes ---- */

static bool was_known(void *arg, struct instance_id id) {
    struct node *n = arg;
    return node_instance(n, id)->known;
}

static bool inventory_is_known(const struct node *n) {
    const struct wire_node_record *self = state_node_find(n->state, n->identity.id);
    /* A lost disk begins its generations anew: an old part of the log has the same number of another life. */
    bool is_this_run = self != NULL && self->generation == n->generation &&
                       ID_EQUAL(self->boot, n->self.boot) && ID_EQUAL(self->log, n->self.log);
    return is_this_run && self->status == NODE_STATUS_READY;
}

/*
 * What was kept for the log's sake alone: output, once the log has the end of its tasks; an end in the
 * journal. Once the log here is current, it knows the instance or has dropped it.
 */
static bool was_dropped(const struct node *n, const struct local_instance *i) {
    if (i->released)
        return n->may_start_us != 0;
    bool is_here = false;
    for (size_t t = 0; t < i->tasks_count; t++)
        is_here |= i->tasks[t].started;
    return i->end_journalled && !is_here && inventory_is_known(n);
}

static int instance_order(const void *a, const void *b) {
    return ID_COMPARE(((const struct reconcile_instance *)a)->id, ((const struct reconcile_instance *)b)->id);
}

/* An agent that starts anew has found the tasks that were begun; the log knows which others there are. */
static void instance_expect(struct node *n, struct local_instance *i, const struct wire_instance_record *r) {
    const struct wire_group *group = node_group_of(n, r);
    size_t found = i->tasks_count;
    if (i->tasks_expected != 0 || i->end_journalled || i->released)
        return;
    i->tasks_expected = group->tasks_count;
    for (size_t t = 0; t < group->tasks_count; t++)
        (void)node_instance_task(i, group->tasks[t].name, true);
    for (size_t t = found; t < i->tasks_count && i->stop_asked; t++) { /* it was to end: these never begin */
        i->tasks[t].fact.state = TASK_STATE_DEAD;
        i->tasks[t].final = true;
    }
    if (i->tasks_count > found)
        node_instance_touch(n, i);
}

static struct reconcile_instance *observe(struct node *n) {
    size_t count = n->instances.count;
    struct reconcile_instance *list = arena_alloc(&n->scratch, (count + 1) * sizeof *list);
    for (size_t k = 0; k < count; k++) {
        struct local_instance *i = n->instances.entries[k].value;
        const struct wire_instance_record *r = state_instance_find(n->state, i->id);
        if (!i->known && (r != NULL || was_dropped(n, i)))
            i->known = n->ends_dirty = true;
        if (r != NULL)
            instance_expect(n, i, r);
        struct reconcile_task *tasks = arena_alloc(&n->scratch, (i->tasks_count + 1) * sizeof *tasks);
        for (size_t t = 0; t < i->tasks_count; t++)
            tasks[t] = (struct reconcile_task){.name = i->tasks[t].name,
                                               .started = i->tasks[t].started,
                                               .stop_asked = i->stop_asked,
                                               .final = i->tasks[t].final,
                                               .fact = i->tasks[t].fact};
        list[k] = (struct reconcile_instance){.id = i->id,
                                              .refused = i->refused,
                                              .reason = buf_bytes(&i->reason),
                                              .tasks = tasks,
                                              .tasks_count = i->tasks_count};
    }
    qsort(list, count, sizeof *list, instance_order);
    return list;
}

/* Each task by itself: an earlier run of the agent may have told some of them, and died. */
static void instance_stop(struct node *n, struct local_instance *i) {
    bool is_news = !i->stop_asked;
    i->stop_asked = true;
    for (size_t t = 0; t < i->tasks_count; t++) {
        struct local_task *task = &i->tasks[t];
        if (task->final || task->stop_asked)
            continue;
        is_news = true;
        if (!task->started) {
            task->fact.state = TASK_STATE_DEAD;
            task->final = true;
            continue;
        }
        task->stop_asked = true;
        struct node_effect *e = node_emit(n, NODE_TASK_COMMAND);
        e->instance = i->id;
        e->task = node_effect_copy(n, task->name);
        e->command.stop = true;
    }
    if (is_news)
        node_instance_touch(n, i);
}

static void instance_release(struct node *n, struct local_instance *i) {
    if (i->released)
        return;
    i->released = n->own_dirty = true;
    if (i->end_journalled) {
        struct acknowledged_end end = {.id = i->id, .index = n->applied_index};
        VEC_PUSH(&n->acknowledged, end);
    }
    for (size_t t = 0; t < i->tasks_count; t++) {
        if (!i->tasks[t].started)
            continue;
        struct node_effect *e = node_emit(n, NODE_TASK_RELEASE);
        e->instance = i->id;
        e->task = node_effect_copy(n, i->tasks[t].name);
    }
}

static void instance_forget(struct node *n, struct local_instance *i) {
    instance_release(n, i);
    n->own_dirty = true;
    struct node_effect *e = node_emit(n, NODE_TASK_REMOVE);
    e->instance = i->id;
    MAP_REMOVE_ID(&n->instances, i->id);
    instance_free(i);
}

/*
 * Nothing is started before the leader has this run's inventory: it might have moved the work elsewhere while
 * this host was away. Alone, a host starts what it last knew to be its own after BOOT_GRACE_US. It is not
 * alone while its copy of the log still moves: what it has of it by now may be old history.
 */
int64_t node_waits_since_us(const struct node *n) {
    if (state_node_find(n->state, n->identity.id) == NULL)
        return n->now_us;
    if (inventory_is_known(n))
        return 0;
    int64_t since_us = n->started_us > n->applied_us ? n->started_us : n->applied_us;
    int64_t contact_us = node_contact_us(n);
    return contact_us > since_us ? contact_us : since_us;
}

static bool may_start(const struct node *n) {
    if (n->shutting_down)
        return false;
    int64_t since_us = node_waits_since_us(n);
    return since_us == 0 || n->now_us - since_us >= BOOT_GRACE_US;
}

/* Something whose shim was lost: a moment's patience, so that a leader that has moved it elsewhere can say so
 * first. */
static void lost_start(struct node *n, struct local_instance *i, const struct wire_instance_record *r) {
    int64_t at = n->may_start_us + US_PER_S;
    if (i->start_after_us > at)
        at = i->start_after_us;
    if (n->now_us >= at)
        node_instance_start_again(n, i, r);
    else
        n->starts_at_us = min_us(n->starts_at_us, at);
}

/* A stop came before anything of it was begun here: it never will be. */
static void stop_of_nothing(struct node *n, const struct wire_instance_record *r) {
    node_mark(n, MARK_NODE_STOP_OF_NOTHING);
    instance_stop(n, node_instance_of(n, r));
}

static void act(struct node *n, const struct reconcile_action *a) {
    struct local_instance *i = node_instance(n, a->instance);
    const struct wire_instance_record *r = state_instance_find(n->state, a->instance);
    switch (a->kind) {
    case RECONCILE_START:
        if (i == NULL)
            node_instance_start(n, r);
        else
            lost_start(n, i, r);
        break;
    case RECONCILE_STOP:
        if (i != NULL)
            instance_stop(n, i);
        else
            stop_of_nothing(n, r);
        break;
    case RECONCILE_FORGET: instance_forget(n, i); break;
    }
}

void node_tasks_reconcile(struct node *n) {
    n->instances_dirty = false;
    n->starts_at_us = TIME_NEVER_US;
    if (!n->scan_done)
        return;
    struct reconcile_action *actions = NULL;
    bool start = may_start(n);
    if (start && n->may_start_us == 0)
        n->may_start_us = n->now_us;
    struct reconcile_instance *list = observe(n);
    size_t count = reconcile_node(n->state, n->identity.id, list, n->instances.count, was_known, n,
                                  &n->scratch, &actions);
    for (size_t k = 0; k < count; k++) {
        if (actions[k].kind == RECONCILE_START && !start) {
            node_mark(n, MARK_NODE_START_HELD);
            if (!n->shutting_down) /* then nothing starts, however long it takes */
                n->starts_at_us = min_us(n->starts_at_us, node_waits_since_us(n) + BOOT_GRACE_US);
            continue;
        }
        act(n, &actions[k]);
    }
    for (size_t k = 0; k < n->instances.count; k++) {
        struct local_instance *i = n->instances.entries[k].value;
        const struct wire_instance_record *r = state_instance_find(n->state, i->id);
        if (r != NULL && !state_instance_live(r) && i->fact_sequence != 0 && r->sequence >= i->fact_sequence)
            instance_release(n, i);
    }
    n->instances_dirty = false;
}

int64_t node_tasks_deadline(const struct node *n) { return n->starts_at_us; }
