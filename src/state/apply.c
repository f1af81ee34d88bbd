/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Commands. Every precondition is looked at here, where every host sees the same: a refusal is part of the
 * log's meaning. */
#include "internal.h"

void state_changed(struct state *s, const struct state_change *change) {
    struct state_change c = *change;
    c.index = s->index;
    VEC_PUSH(&s->changes, c);
}

static void instance_changed(struct state *s, const struct instance_entry *e) {
    e->job->index = s->index;
    state_changed(s, &(struct state_change){.kind = STATE_INSTANCE,
                                            .node = e->record.node,
                                            .instance = e->record.id,
                                            .name = e->job->name});
}

/* ---- cluster and nodes ---- */

static int apply_init(struct state *s, const struct wire_cluster_record *record) {
    if (s->has_cluster)
        return ERR_EXISTS;
    if (ID_IS_ZERO(record->id))
        return ERR_INVALID;
    codec_copy(&wire_cluster_record_type, record, &s->cluster_arena, &s->cluster);
    s->has_cluster = true;
    state_changed(s, &(struct state_change){.kind = STATE_CLUSTER});
    return 0;
}

/*
 * Operators' words stay, whatever the node says of itself. An absence is over when another run of the agent
 * tells what it has; who joins anew is not to be taken out any more.
 */
static void words_keep(struct node_entry *e, const struct wire_node_record *was) {
    bool is_back = e->record.generation != was->generation;
    e->record.vote = was->vote;
    e->record.drain = was->drain;
    e->record.away_ms = is_back ? 0 : was->away_ms;
    e->record.away_until_ms = is_back ? 0 : was->away_until_ms;
    e->record.forget = was->forget && e->record.status == NODE_STATUS_LEFT;
}

static int apply_node(struct state *s, const struct wire_node_record *record) {
    if (ID_IS_ZERO(record->id) || record->name.size == 0)
        return ERR_INVALID;
    for (size_t i = 0; i < s->nodes.count; i++) {
        const struct wire_node_record *other = &s->nodes.data[i]->record;
        if (!ID_EQUAL(other->id, record->id) && bytes_equal(other->name, record->name))
            return ERR_EXISTS;
    }
    const struct node_entry *old = node_entry_find(s, record->id, NULL);
    if (old == NULL && s->nodes.count >= WIRE_NODES_MAX)
        return ERR_LIMIT;
    /* It could not apply what the log holds. */
    if (old == NULL && (record->format > 1 ? record->format : 1) < state_format_used(s))
        return ERR_VERSION;
    const struct wire_node_record was = old != NULL ? old->record : (struct wire_node_record){.vote = 0};
    struct node_entry *e = node_entry_put(s, record);
    e->record.modify_index = s->index;
    words_keep(e, &was);
    state_changed(s, &(struct state_change){.kind = STATE_NODE, .node = record->id});
    return 0;
}

/* Who leaves is not waited for. */
static void absence_end(struct node_entry *e) {
    if (e->record.status != NODE_STATUS_LEFT)
        return;
    e->record.away_ms = 0;
    e->record.away_until_ms = 0;
}

static int apply_node_status(struct state *s, const struct wire_cmd_node_status *c) {
    struct node_entry *e = node_entry_find(s, c->id, NULL);
    if (e == NULL)
        return ERR_NOT_FOUND;
    if (e->record.status == c->status)
        return 0;
    if (e->record.status == NODE_STATUS_LEFT)
        return ERR_CONFLICT;
    e->record.status = c->status;
    absence_end(e);
    e->record.modify_index = s->index;
    state_changed(s, &(struct state_change){.kind = STATE_NODE, .node = c->id});
    return 0;
}

static int apply_node_vote(struct state *s, const struct wire_cmd_node_vote *c, struct state_result *ret) {
    struct node_entry *e = node_entry_find(s, c->id, NULL);
    if (e == NULL)
        return ERR_NOT_FOUND;
    ret->version = s->index;
    ret->changed = e->record.vote != c->vote;
    if (!ret->changed)
        return 0;
    e->record.vote = c->vote;
    e->record.modify_index = s->index;
    state_changed(s, &(struct state_change){.kind = STATE_NODE, .node = c->id});
    return 0;
}

static void node_written(struct state *s, struct node_entry *e, struct state_result *ret) {
    ret->version = e->record.modify_index = s->index;
    ret->changed = true;
    state_changed(s, &(struct state_change){.kind = STATE_NODE, .node = e->record.id});
}

static int apply_node_drain(struct state *s, const struct wire_cmd_node_drain *c, struct state_result *ret) {
    struct node_entry *e = node_entry_find(s, c->id, NULL);
    if (e == NULL)
        return ERR_NOT_FOUND;
    if (e->record.drain == c->drain)
        return 0;
    e->record.drain = c->drain;
    node_written(s, e, ret);
    return 0;
}

static int apply_node_away(struct state *s, const struct wire_cmd_node_away *c, struct state_result *ret) {
    struct node_entry *e = node_entry_find(s, c->id, NULL);
    if (e == NULL)
        return ERR_NOT_FOUND;
    if (c->away_ms > WIRE_AWAY_MAX)
        return ERR_LIMIT;
    if (c->generation != e->record.generation || e->record.status == NODE_STATUS_LEFT)
        return ERR_CONFLICT;
    if (e->record.away_ms == c->away_ms && (c->away_ms == 0 || e->record.away_until_ms == c->until_ms))
        return 0;
    e->record.away_ms = c->away_ms;
    e->record.away_until_ms = c->away_ms != 0 ? c->until_ms : 0;
    node_written(s, e, ret);
    return 0;
}

static int apply_node_forget(struct state *s, const struct wire_cmd_node_status *c,
                             struct state_result *ret) {
    struct node_entry *e = node_entry_find(s, c->id, NULL);
    if (e == NULL)
        return ERR_NOT_FOUND;
    if (e->record.forget && e->record.status == NODE_STATUS_LEFT)
        return 0;
    e->record.status = NODE_STATUS_LEFT;
    e->record.forget = true;
    absence_end(e);
    node_written(s, e, ret);
    return 0;
}

static void instance_end(struct state *s, struct instance_entry *e, enum instance_state state,
                         const char *reason) {
    struct wire_instance_record record = e->record;
    record.state = state;
    record.desired = DESIRED_STATE_STOP;
    record.reason = bytes_str(reason);
    record.modify_index = s->index;
    record.acknowledged = true;
    instance_entry_rewrite(s, e, &record);
    instance_changed(s, e);
}

static int apply_node_remove(struct state *s, const struct wire_cmd_node_status *c) {
    size_t at;
    if (node_entry_find(s, c->id, &at) == NULL)
        return ERR_NOT_FOUND;
    struct node_line *line = MAP_GET_ID(&s->node_lines, c->id);
    for (struct instance_entry *e = line != NULL ? line->instances.first : NULL; e != NULL; e = e->node_next)
        if (state_instance_live(&e->record))
            instance_end(s, e, INSTANCE_STATE_STOPPED, "its host was taken out of the cluster");
    node_entry_remove(s, at);
    state_changed(s, &(struct state_change){.kind = STATE_NODE_GONE, .node = c->id});
    return 0;
}

/* ---- jobs ---- */

/* Would the jobs kept be too much for a snapshot with this one? */
static bool jobs_full(const struct state *s, const struct wire_job *job) {
    struct buf encoded = {0};
    codec_encode(&wire_job_type, job, &encoded);
    size_t total = encoded.size;
    buf_done(&encoded);
    for (size_t i = 0; i < s->jobs.count; i++)
        for (size_t v = 0; v < s->jobs.data[i]->versions.count; v++)
            total += s->jobs.data[i]->versions.data[v]->size_bytes;
    return total > JOBS_BYTES_MAX;
}

static int apply_job(struct state *s, const struct wire_job *job, int64_t time_ms, struct state_result *ret) {
    char why[WIRE_TEXT_MAX];
    int error = state_job_check(job, why, sizeof why);
    if (error != 0)
        return error;
    struct job_line *line = job_line_find(s, job->name, NULL);
    const struct job_entry *old = line != NULL ? line->versions.data[line->versions.count - 1] : NULL;
    if (old != NULL && !old->record.stopped && codec_equal(&wire_job_type, &old->record.spec, job)) {
        ret->version = old->record.version;
        return 0;
    }
    if (jobs_full(s, job))
        return ERR_LIMIT;
    if (line == NULL)
        line = job_line_make(s, job->name);
    struct wire_job_record record = {.spec = *job,
                                     .version = old != NULL ? old->record.version + 1 : 1,
                                     .submitted_ms = time_ms,
                                     .modify_index = s->index};
    job_line_add(line, &record);
    job_line_prune(s, line);
    line->index = s->index;
    ret->version = record.version;
    ret->changed = true;
    state_changed(s, &(struct state_change){.kind = STATE_JOB, .name = line->name});
    return 0;
}

static int apply_job_stop(struct state *s, const struct wire_cmd_job_stop *c, struct state_result *ret) {
    struct job_line *line = job_line_find(s, c->name, NULL);
    if (line == NULL)
        return ERR_NOT_FOUND;
    struct job_entry *e = line->versions.data[line->versions.count - 1];
    ret->version = e->record.version;
    if (e->record.stopped)
        return 0;
    /* All versions: what ended under any of them belongs to a run that is over. */
    for (size_t i = 0; i < line->versions.count; i++)
        line->versions.data[i]->record.stopped = true;
    ret->changed = true;
    e->record.modify_index = line->index = s->index;
    state_changed(s, &(struct state_change){.kind = STATE_JOB, .name = line->name});
    return 0;
}

/* ---- plans ---- */

/* The newest instance that is wanted in the slot and not over. */
static const struct instance_entry *slot_holder(const struct slot_entry *slot) {
    if (slot == NULL)
        return NULL;
    for (size_t i = slot->instances.count; i-- > 0;) {
        const struct wire_instance_record *r = &slot->instances.data[i]->record;
        if (r->desired == DESIRED_STATE_RUN && state_instance_live(r))
            return slot->instances.data[i];
    }
    return NULL;
}

bool state_node_is_away(const struct wire_node_record *node) {
    return node->away_ms != 0 && !node->drain && node->status != NODE_STATUS_LEFT;
}

static bool place_holds(const struct state *s, const struct wire_place *p) {
    const struct job_line *line = job_line_find(s, p->job, NULL);
    const struct job_entry *version = line != NULL ? job_line_version(line, p->version) : NULL;
    if (version == NULL || line->versions.data[line->versions.count - 1]->record.stopped)
        return false;
    const struct wire_group *group = state_group_find(&version->record, p->group);
    if (group == NULL || p->slot >= group->count)
        return false;
    const struct node_entry *node = node_entry_find(s, p->node, NULL);
    if (node == NULL || node->record.status != NODE_STATUS_READY || node->record.generation != p->generation)
        return false;
    if (node->record.drain)
        return false;
    if (ID_IS_ZERO(p->instance) || instance_entry_find(s, p->instance) != NULL)
        return false;
    if (s->instances.count >= WIRE_INSTANCES_MAX)
        return false;
    const struct instance_entry *holder = slot_holder(slot_find(line, p->group, p->slot));
    if (holder == NULL)
        return ID_IS_ZERO(p->replaces);
    const struct node_entry *host = node_entry_find(s, holder->record.node, NULL);
    if (host != NULL && state_node_is_away(&host->record))
        return false;
    return ID_EQUAL(holder->record.id, p->replaces);
}

/*
 * The finished instance that goes next, or none: of those that failed the first placed when there are many,
 * of the others likewise. A complete one goes last: it fills a batch slot. The one that has just ended is
 * kept to be shown.
 */
static struct instance_entry *slot_victim(const struct slot_entry *slot,
                                          const struct instance_entry *just_ended) {
    struct instance_entry *first_failed = NULL, *first_other = NULL, *first_complete = NULL;
    size_t failed = 0, others = 0;
    for (size_t i = slot->instances.count; i-- > 0;) {
        struct instance_entry *e = slot->instances.data[i];
        if (state_instance_live(&e->record))
            continue;
        bool is_failed = e->record.state == INSTANCE_STATE_FAILED;
        if (is_failed)
            failed++;
        else
            others++;
        if (e == just_ended)
            continue;
        if (is_failed)
            first_failed = e;
        else if (e->record.state == INSTANCE_STATE_COMPLETE)
            first_complete = e;
        else
            first_other = e;
    }
    if (failed > FAILED_PER_SLOT)
        return first_failed;
    if (others > TERMINAL_PER_SLOT)
        return first_other != NULL ? first_other : first_complete;
    return NULL;
}

/* With the instances go versions of the job that nothing refers to. */
static void slot_trim(struct state *s, struct slot_entry *slot, const struct instance_entry *just_ended) {
    for (struct instance_entry *e; (e = slot_victim(slot, just_ended)) != NULL;) {
        state_changed(s, &(struct state_change){.kind = STATE_INSTANCE_GONE,
                                                .node = e->record.node,
                                                .instance = e->record.id,
                                                .name = e->job->name});
        instance_entry_remove(s, e);
    }
}

/* Does this one hold the slot of `e` for as long as anybody knows? */
static bool keeper_runs(const struct state *s, const struct instance_entry *e, struct instance_id id) {
    const struct instance_entry *keeper = instance_entry_find(s, id);
    if (keeper == NULL || keeper == e || keeper->slot != e->slot)
        return false;
    const struct node_entry *node = node_entry_find(s, keeper->record.node, NULL);
    return keeper->record.state == INSTANCE_STATE_RUNNING && keeper->record.desired == DESIRED_STATE_RUN &&
           node != NULL && node->record.status != NODE_STATUS_UNREACHABLE &&
           node->record.status != NODE_STATUS_LEFT;
}

static bool stop_holds(const struct state *s, const struct wire_stop *stop) {
    const struct instance_entry *e = instance_entry_find(s, stop->instance);
    if (e == NULL || e->record.desired == DESIRED_STATE_STOP || !state_instance_live(&e->record))
        return false;
    if (!ID_IS_ZERO(stop->keeper) && !keeper_runs(s, e, stop->keeper))
        return false;
    const struct job_entry *newest = e->job->versions.data[e->job->versions.count - 1];
    if (stop->version != 0 && stop->version != newest->record.version)
        return false;
    return !stop->idle || e->record.state != INSTANCE_STATE_RUNNING;
}

static void apply_plan(struct state *s, const struct wire_cmd_plan *plan, int64_t time_ms,
                       struct state_result *ret) {
    for (size_t i = 0; i < plan->stops_count; i++) {
        if (!stop_holds(s, &plan->stops[i])) {
            ret->refused_count++;
            continue;
        }
        struct instance_entry *e = instance_entry_find(s, plan->stops[i].instance);
        struct wire_instance_record record = e->record;
        record.desired = DESIRED_STATE_STOP;
        record.reason = plan->stops[i].reason;
        record.modify_index = s->index;
        instance_entry_rewrite(s, e, &record);
        instance_changed(s, e);
    }
    for (size_t i = 0; i < plan->places_count; i++) {
        const struct wire_place *p = &plan->places[i];
        if (!place_holds(s, p)) {
            ret->refused_count++;
            continue;
        }
        struct wire_instance_record record = {
            .id = p->instance,
            .job = p->job,
            .version = p->version,
            .group = p->group,
            .slot = p->slot,
            .node = p->node,
            .replaces = p->replaces,
            .placed_ms = time_ms,
            .modify_index = s->index,
        };
        struct instance_entry *e = instance_entry_add(s, &record);
        instance_changed(s, e);
        slot_trim(s, e->slot, NULL);
    }
}

/* ---- facts ---- */

static void apply_fact(struct state *s, struct instance_entry *e, const struct wire_fact *fact) {
    struct wire_instance_record record = e->record;
    record.state = fact->state;
    record.ports = fact->ports;
    record.ports_count = fact->ports_count;
    record.tasks = fact->tasks;
    record.tasks_count = fact->tasks_count;
    if (fact->reason.size > 0)
        record.reason = fact->reason;
    record.sequence = fact->sequence;
    record.modify_index = s->index;
    record.acknowledged = fact->gone;
    instance_entry_rewrite(s, e, &record);
    instance_changed(s, e);
    if (!state_instance_live(&e->record))
        slot_trim(s, e->slot, e);
}

/* A later run of the agent is known: it may have started since what an earlier one gave up, or could not. */
static bool is_of_earlier_run(const struct state *s, const struct wire_cmd_report *report) {
    const struct node_entry *node = node_entry_find(s, report->node, NULL);
    return report->generation != 0 && node != NULL && node->record.generation > report->generation;
}

static void apply_report(struct state *s, const struct wire_cmd_report *report, struct state_result *ret) {
    if (is_of_earlier_run(s, report)) {
        ret->refused_count += (uint32_t)report->facts_count;
        return;
    }
    for (size_t i = 0; i < report->facts_count; i++) {
        const struct wire_fact *fact = &report->facts[i];
        struct instance_entry *e = instance_entry_find(s, fact->instance);
        bool counts = e != NULL && ID_EQUAL(e->record.node, report->node) &&
                      fact->sequence > e->record.sequence && state_instance_live(&e->record);
        if (counts)
            apply_fact(s, e, fact);
        else
            ret->refused_count++;
    }
}

/* ---- variables ---- */

static int apply_var(struct state *s, const struct wire_cmd_var *c, struct state_result *ret) {
    size_t at;
    const struct var_entry *old = var_entry_find(s, c->key, &at);
    if (c->key.size == 0)
        return ERR_INVALID;
    if (c->check && (old != NULL ? old->record.version : 0) != c->version)
        return ERR_CONFLICT;
    if (c->remove && old == NULL)
        return ERR_NOT_FOUND;
    size_t freed = old != NULL ? old->record.key.size + old->record.value.size : 0;
    if (!c->remove && s->vars_bytes - freed + c->key.size + c->value.size > VARS_BYTES_MAX)
        return ERR_LIMIT;
    if (!c->remove && old == NULL && s->vars.count >= WIRE_INSTANCES_MAX)
        return ERR_LIMIT;
    state_changed(s, &(struct state_change){.kind = STATE_VAR});
    ret->changed = true;
    ret->version = s->index;
    if (c->remove) {
        var_entry_remove(s, at);
        return 0;
    }
    struct wire_var_record record = {.key = c->key, .value = c->value, .version = s->index};
    var_entry_put(s, &record);
    return 0;
}

/* ---- the door ---- */

static int apply_one(struct state *s, const struct wire_command *c, struct state_result *ret) {
    if (c->init != NULL)
        return apply_init(s, c->init);
    if (c->node != NULL)
        return apply_node(s, c->node);
    if (c->node_status != NULL)
        return apply_node_status(s, c->node_status);
    if (c->node_remove != NULL)
        return apply_node_remove(s, c->node_remove);
    if (c->node_vote != NULL)
        return apply_node_vote(s, c->node_vote, ret);
    if (c->node_drain != NULL)
        return apply_node_drain(s, c->node_drain, ret);
    if (c->node_away != NULL)
        return apply_node_away(s, c->node_away, ret);
    if (c->node_forget != NULL)
        return apply_node_forget(s, c->node_forget, ret);
    if (c->job != NULL)
        return apply_job(s, c->job, c->time_ms, ret);
    if (c->job_stop != NULL)
        return apply_job_stop(s, c->job_stop, ret);
    if (c->var != NULL)
        return apply_var(s, c->var, ret);
    if (c->plan != NULL)
        apply_plan(s, c->plan, c->time_ms, ret);
    else if (c->report != NULL)
        apply_report(s, c->report, ret);
    else
        return ERR_INVALID; /* a kind that this version does not know */
    return 0;
}

bool state_request_find(const struct state *s, struct request_id id, struct state_result *ret) {
    const struct wire_request_record *r = MAP_GET_ID(&s->requests_by_id, id);
    if (r == NULL)
        return false;
    *ret = (struct state_result){
        .error = r->error, .version = r->version, .index = r->index, .changed = r->changed};
    return true;
}

void state_apply(struct state *s, uint64_t index, const struct wire_command *command,
                 struct state_result *ret) {
    assert(index > s->index);
    s->index = index;
    *ret = (struct state_result){.index = index};
    if (command == NULL)
        return;
    if (state_command_format(command) > state_format_used(s))
        s->format_used = state_command_format(command);
    bool named = !ID_IS_ZERO(command->request);
    if (named && state_request_find(s, command->request, ret))
        return;
    if (named && command->since != 0 && command->since < s->requests_forgotten) {
        ret->error = ERR_STALE; /* it may have been done, and the answer forgotten: once is enough */
        return;
    }
    ret->error = apply_one(s, command, ret);
    if (!named)
        return;
    struct wire_request_record record = {.id = command->request,
                                         .error = ret->error,
                                         .version = ret->version,
                                         .index = index,
                                         .changed = ret->changed};
    request_entry_add(s, &record);
}
